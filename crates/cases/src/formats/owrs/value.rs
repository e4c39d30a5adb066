//! A tariff whose total is one named value.

use super::part::{Lookup, Part, Rate};
use super::tiers;
use crate::bill::{Parts, key_json, named, price, slug};
use crate::{Rating, Stop, number};
use rating::{Characteristic, QuantityKey, QuantityKind};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use vocab::Unit;

/// How deep names may refer to names.
const DEEPEST: usize = 16;
/// Functions of formulas that are ours by another name.
const FUNCTIONS: &[(&str, &str)] = &[("pmin", "min"), ("pmax", "max"), ("ceiling", "ceil"), ("ifelse", "if")];
/// Functions that are ours.
const OURS: &[&str] = &["min", "max", "abs", "floor", "ceil", "if"];

/// A tariff while it is made.
pub struct Translation<'t, 'a> {
    pub rate: &'t Rate<'a>,
    pub key: &'t QuantityKey,
    pub parts: Parts,
    characteristics: Vec<Characteristic>,
    worked_out: BTreeSet<String>,
    depth: usize,
}

/// Makes a tariff whose total is the value of a name.
pub fn translate(rate: &Rate<'_>, name: &str, key: &QuantityKey, rating: &mut Rating) -> Result<(), Stop> {
    let mut made = Translation {
        rate,
        key,
        parts: Parts::default(),
        characteristics: Vec::new(),
        worked_out: BTreeSet::new(),
        depth: 0,
    };
    match rate.part(name)? {
        Part::Formula(text) if !is_budget(name) => made.formula(name, text)?,
        _ => made.term(name)?,
    }
    rating.characteristics = std::mem::take(&mut made.characteristics);
    rating.tariff(made.parts);
    Ok(())
}

impl<'a> Translation<'_, 'a> {
    /// A value by formula: a sum of names has a line for each, anything else one line besides the
    /// tiers that it is about.
    fn formula(&mut self, name: &str, text: &str) -> Result<(), Stop> {
        let tiered = self.tiered(text, 0)?;
        let terms: Vec<&str> = text.split('+').map(str::trim).collect();
        let is_term = |term: &&str| is_name(term) && words(term).next() == Some(*term);
        let distinct: BTreeSet<&str> = terms.iter().copied().collect();
        let is_sum = terms.iter().all(is_term) && distinct.len() == terms.len();
        if is_sum && tiered.iter().all(|name| terms.contains(&name.as_str())) {
            // Tiers first: other terms may be about them.
            let mut terms: Vec<&str> = terms;
            terms.sort_by_key(|term| !tiered.contains(*term));
            return terms.into_iter().try_for_each(|term| self.term(term));
        }
        for name in &tiered {
            self.term(name)?;
        }
        let rest: String = tiered.iter().map(|name| format!(" - {}", slug(name))).collect();
        self.line(&format!("{name}_rest"), &format!("({text}){rest}"))
    }

    /// A line for a name.
    fn term(&mut self, name: &str) -> Result<(), Stop> {
        let id = slug(name);
        let charge = match self.rate.part(name)? {
            Part::Number(value) => json!({ "kind": "flat", "amount": price(value) }),
            Part::Lookup(lookup) => {
                self.states(&lookup)?;
                json!({ "kind": "flat", "amount": lookup.price(number::read) })
            }
            Part::Tiers { by_budget } => tiers::charge(self, name, by_budget)?,
            Part::Formula(_) if is_budget(name) => {
                let with = json!({ "budget": { "quantity": self.derived(name)? } });
                json!({ "kind": "formula", "with": with, "amount": "budget" })
            }
            Part::Formula(text) => return self.line(name, text),
            Part::Use | Part::List(..) => {
                return Err(Stop::because(format!("`{name}` is no amount")));
            }
        };
        self.parts.rule(&id, charge, None);
        Ok(())
    }

    /// A line by a formula.
    fn line(&mut self, name: &str, text: &str) -> Result<(), Stop> {
        let text = self.inlined(text, 0)?;
        let with = self.with(&text)?;
        self.parts.rule(&slug(name), json!({ "kind": "formula", "with": with, "amount": text }), None);
        Ok(())
    }

    /// The formula with its names that are about tiers written out, in our functions.
    fn inlined(&self, text: &str, depth: usize) -> Result<String, Stop> {
        let mut made = String::with_capacity(text.len());
        for piece in pieces(text) {
            match piece {
                Piece::Sign(sign) => made.push_str(sign),
                Piece::Word(word) if word.starts_with('.') => {
                    made.push('0');
                    made.push_str(word);
                }
                Piece::Word(word) => match FUNCTIONS.iter().find(|(theirs, _)| *theirs == word) {
                    Some((_, ours)) => made.push_str(ours),
                    None => match self.about_tiers(word, depth)? {
                        Some(formula) => {
                            made.push('(');
                            made.push_str(&self.inlined(formula, depth + 1)?);
                            made.push(')');
                        }
                        None => made.push_str(word),
                    },
                },
            }
        }
        Ok(made.replace("==", "="))
    }

    /// The formula of a name that is about tiers.
    fn about_tiers(&self, word: &str, depth: usize) -> Result<Option<&'a str>, Stop> {
        if !is_name(word) || OURS.contains(&word) || self.has_rule(word) {
            return Ok(None);
        }
        match self.rate.part(word) {
            Ok(Part::Formula(text)) => Ok((!self.tiered(text, depth)?.is_empty()).then_some(text)),
            _ => Ok(None),
        }
    }

    fn has_rule(&self, word: &str) -> bool {
        self.parts.rules.iter().any(|rule| rule["id"] == slug(word))
    }

    /// The tiered names that a formula is about, through other names too.
    fn tiered(&self, text: &str, depth: usize) -> Result<BTreeSet<String>, Stop> {
        if depth > DEEPEST {
            return Err(Stop::because("a name refers to itself"));
        }
        let mut found = BTreeSet::new();
        for word in words(text).filter(|word| is_name(word)) {
            match self.rate.part(word) {
                Ok(Part::Tiers { .. }) => {
                    found.insert(word.to_owned());
                }
                Ok(Part::Formula(text)) => found.extend(self.tiered(text, depth + 1)?),
                _ => {}
            }
        }
        Ok(found)
    }

    /// What the names of a formula stand for.
    fn with(&mut self, text: &str) -> Result<Map<String, Value>, Stop> {
        let mut with = Map::new();
        for word in words(text).filter(|word| is_name(word) && !OURS.contains(word)) {
            let operand = if self.has_rule(word) {
                json!({ "rule": slug(word) })
            } else {
                match self.rate.part(word)? {
                    Part::Use => json!({ "quantity": key_json(self.key) }),
                    Part::Number(value) => json!({ "price": price(value) }),
                    Part::Lookup(lookup) => {
                        self.states(&lookup)?;
                        json!({ "price": lookup.price(number::read) })
                    }
                    Part::Formula(_) => json!({ "quantity": self.derived(word)? }),
                    Part::Tiers { .. } | Part::List(..) => {
                        return Err(Stop::because(format!("`{word}` is no number in a formula")));
                    }
                }
            };
            with.insert(word.to_owned(), operand);
        }
        Ok(with)
    }

    /// A quantity that is worked out: a budget in whole units.
    pub fn derived(&mut self, name: &str) -> Result<Value, Stop> {
        let key = named(Unit::Item, QuantityKind::Level, name)?;
        if self.worked_out.contains(name) {
            return Ok(key_json(&key));
        }
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(Stop::because(format!("`{name}` refers to itself")));
        }
        let text = match self.rate.part(name)? {
            Part::Formula(text) => self.inlined(text, 0)?,
            _ => name.to_owned(),
        };
        let with = self.with(&text)?;
        let mut definition = json!({
            "name": name, "unit": "item", "from": { "method": "formula", "with": with, "value": text },
        });
        if is_budget(name) {
            definition["decimals"] = 0.into();
            definition["rounding"] = "half_even".into();
        }
        self.parts.quantities.push(definition);
        self.depth -= 1;
        self.worked_out.insert(name.to_owned());
        Ok(key_json(&key))
    }

    /// Keeps what a look-up goes by.
    pub fn states(&mut self, lookup: &Lookup<'_>) -> Result<(), Stop> {
        let own = lookup.characteristic()?;
        if !self.characteristics.contains(&own) {
            self.characteristics.push(own);
        }
        Ok(())
    }
}

fn is_budget(name: &str) -> bool {
    name == "budget" || name.ends_with("_budget")
}

fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_alphabetic())
}

enum Piece<'t> {
    Word(&'t str),
    Sign(&'t str),
}

/// Words (names and numbers) and what stands between them.
fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let in_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    let mut rest = text;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let end = rest.find(|c| in_word(c) != in_word(first)).unwrap_or(rest.len());
        let (piece, after) = rest.split_at(end);
        rest = after;
        Some(if in_word(first) { Piece::Word(piece) } else { Piece::Sign(piece) })
    })
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    pieces(text).filter_map(|piece| match piece {
        Piece::Word(word) => Some(word),
        Piece::Sign(_) => None,
    })
}

//! A formula of the record, read anew and worked out with fractions.
//!
//! It is worked out while it is read, by the strength of its operators. What cannot be worked out
//! (a division by zero) is only a fault where its value is needed, so that the branch of an `if`
//! that is not taken may be undefined.
//!
//! The engine keeps 28 digits. Where a value jumps (`floor`, `ceil`, `round`, comparisons) and at
//! the end it looks at [`steady`] values, so that a third times three is one; so does this.

use crate::rational::{Mode, Number, minor_to_major, number, round, size, whole};
use crate::record::Named;
use num_bigint::BigInt;
use num_rational::BigRational;

/// Deeper nesting is not read: the text of a record is anybody's.
const DEEPEST: usize = 160;
/// Longer texts are not read.
const LONGEST: usize = 1_000;

/// A formula's value, and the largest number on the way to it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) value: BigRational,
    pub(crate) scale: BigRational,
}

impl Outcome {
    /// How far another way of keeping digits may be off.
    pub(crate) fn tolerance(&self) -> BigRational {
        &self.scale * minor_to_major(1, 25) + minor_to_major(1, 16)
    }
}

/// The value of a formula for its names' values.
pub(crate) fn evaluate(text: &str, with: &[Named]) -> Result<Outcome, String> {
    let mut reading = Reading { signs: signs(text)?, at: 0, names: with, depth: 0, scale: whole(1) };
    let value = reading.expression(0)?;
    if reading.at < reading.signs.len() {
        return Err("it goes on after its end".to_owned());
    }
    let value = value.ok_or("it divides by zero")?;
    Ok(Outcome { value: steady(&value), scale: reading.scale })
}

/// A value to 16 decimals, or to 24 digits when that is less.
pub(crate) fn steady(value: &BigRational) -> BigRational {
    let before = size(value).floor().to_integer();
    let digits = if before == BigInt::from(0) { 0 } else { before.to_string().len() };
    let places = 24_usize.saturating_sub(digits).min(16);
    round(value, u32::try_from(places).unwrap_or(0), Mode::HalfAwayFromZero)
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Sign {
    Number(BigRational),
    Name(String),
    Mark(&'static str),
}

/// Longer marks first: `<=` is not `<` and `=`.
const MARKS: [&str; 12] = ["<=", ">=", "<", ">", "=", "+", "-", "*", "/", "(", ")", ","];

fn signs(text: &str) -> Result<Vec<Sign>, String> {
    if text.chars().count() > LONGEST {
        return Err("it is too long".to_owned());
    }
    let mut all = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let of_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
        let length = rest.find(|c: char| !of_word(c)).unwrap_or(rest.len());
        if length > 0 {
            let (word, after) = rest.split_at(length);
            all.push(if first.is_ascii_digit() {
                Sign::Number(number(word).ok_or_else(|| format!("`{word}` is no number"))?)
            } else {
                Sign::Name(word.to_owned())
            });
            rest = after.trim_start();
            continue;
        }
        let mark = MARKS.iter().find(|mark| rest.starts_with(**mark));
        let mark = mark.ok_or_else(|| format!("`{first}` is no sign"))?;
        all.push(Sign::Mark(mark));
        rest = rest.get(mark.len()..).unwrap_or("").trim_start();
    }
    Ok(all)
}

/// Strength of an operator; none for what is not one.
fn strength(mark: &str) -> Option<u8> {
    match mark {
        "+" | "-" => Some(1),
        "*" | "/" => Some(2),
        _ => None,
    }
}

/// `None` when it has no value.
type Value = Option<BigRational>;

struct Reading<'r> {
    signs: Vec<Sign>,
    at: usize,
    names: &'r [Named],
    depth: usize,
    scale: BigRational,
}

impl Reading<'_> {
    fn next_mark(&self) -> Option<&'static str> {
        match self.signs.get(self.at) {
            Some(Sign::Mark(mark)) => Some(mark),
            _ => None,
        }
    }

    fn takes(&mut self, mark: &str) -> bool {
        let is_next = self.next_mark() == Some(mark);
        self.at += usize::from(is_next);
        is_next
    }

    fn needs(&mut self, mark: &str) -> Result<(), String> {
        if self.takes(mark) { Ok(()) } else { Err(format!("`{mark}` is missing")) }
    }

    /// Operators that are stronger than `weakest`, from left to right.
    fn expression(&mut self, weakest: u8) -> Result<Value, String> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err("it is nested too deep".to_owned());
        }
        let mut left = self.operand()?;
        while let Some(mark) = self.next_mark() {
            let Some(own) = strength(mark).filter(|own| *own > weakest) else { break };
            self.at += 1;
            let right = self.expression(own)?;
            left = self.noted(left.zip(right).and_then(|(a, b)| match mark {
                "+" => Some(a + b),
                "-" => Some(a - b),
                "*" => Some(a * b),
                _ if b == whole(0) => None,
                _ => Some(a / b),
            }));
        }
        self.depth -= 1;
        Ok(left)
    }

    /// Keeps the largest number.
    fn noted(&mut self, value: Value) -> Value {
        if let Some(large) = value.as_ref().map(size).filter(|large| *large > self.scale) {
            self.scale = large;
        }
        value
    }

    fn operand(&mut self) -> Result<Value, String> {
        let sign = self.signs.get(self.at).cloned().ok_or("it ends too early")?;
        self.at += 1;
        match sign {
            Sign::Number(value) => Ok(self.noted(Some(value))),
            Sign::Mark("-") => {
                self.depth += 1;
                if self.depth > DEEPEST {
                    return Err("it is nested too deep".to_owned());
                }
                let value = self.operand()?;
                self.depth -= 1;
                Ok(value.map(|value| -value))
            }
            Sign::Mark("(") => {
                let value = self.expression(0)?;
                self.needs(")")?;
                Ok(value)
            }
            Sign::Mark(mark) => Err(format!("`{mark}` stands where a number should")),
            Sign::Name(name) if self.takes("(") => {
                let value = if name == "if" { self.choice()? } else { self.call(&name)? };
                self.needs(")")?;
                Ok(value)
            }
            Sign::Name(name) => {
                let named = self.names.iter().find(|of| of.name == name);
                let Number(value) = named.map(|of| &of.value).ok_or(format!("`{name}` has no value"))?;
                let value = Some(value.clone());
                Ok(self.noted(value))
            }
        }
    }

    fn choice(&mut self) -> Result<Value, String> {
        let left = self.expression(0)?;
        let mark = self.next_mark().ok_or("a comparison is missing")?;
        self.at += 1;
        let right = self.expression(0)?;
        let order = left.zip(right).map(|(a, b)| steady(&a).cmp(&steady(&b)));
        self.needs(",")?;
        let then = self.expression(0)?;
        self.needs(",")?;
        let otherwise = self.expression(0)?;
        let Some(order) = order else { return Ok(None) };
        let holds = match mark {
            "<" => order.is_lt(),
            "<=" => order.is_le(),
            ">" => order.is_gt(),
            ">=" => order.is_ge(),
            "=" => order.is_eq(),
            _ => return Err(format!("`{mark}` is no comparison")),
        };
        Ok(if holds { then } else { otherwise })
    }

    fn call(&mut self, function: &str) -> Result<Value, String> {
        let mut given = vec![self.expression(0)?];
        while self.takes(",") {
            given.push(self.expression(0)?);
        }
        // A function of something that has no value has none.
        let Some(values) = given.into_iter().collect::<Option<Vec<BigRational>>>() else {
            return Ok(None);
        };
        match (function, values.as_slice()) {
            ("min", all) => Ok(all.iter().min().cloned()),
            ("max", all) => Ok(all.iter().max().cloned()),
            ("abs", [of]) => Ok(Some(size(of))),
            ("floor", [of]) => Ok(Some(steady(of).floor())),
            ("ceil", [of]) => Ok(Some(steady(of).ceil())),
            ("round", [of, places]) => {
                let places = (0..=10).find(|at| whole(i64::from(*at)) == *places);
                let places: u32 = places.ok_or("`round` has whole decimals up to 10")?;
                Ok(Some(round(&steady(of), places, Mode::HalfAwayFromZero)))
            }
            _ => Err(format!("there is no such `{function}`")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Result<BigRational, String> {
        let named =
            |name: &str, text: &str| Named { name: name.to_owned(), value: Number(number(text).unwrap()) };
        let with = [named("kw", "50"), named("pf", "0.65")];
        evaluate(text, &with).map(|outcome| outcome.value)
    }

    #[test]
    fn arithmetic_as_it_is_written() {
        for (text, expected) in [
            ("1 + 2 * 3", "7"),
            ("(1 + 2) * 3", "9"),
            ("8 - 3 - 2", "3"),
            ("7 / 2 / 2", "1.75"),
            ("-kw + 8 - -3", "-39"),
            ("2 * -3 + 1", "-5"),
            ("round(kw * 0.95 / pf, 2)", "73.08"),
            ("max(kw, 60, 3) - min(kw, 60)", "10"),
            ("if(kw = 40, 1 / 0, if(pf <= 0.65, 3, 4))", "3"),
            ("floor(-1.5) + ceil(1.1) + abs(-2)", "2"),
            ("floor(10 / 3 * 3)", "10"),
            ("if(100 / 31 * 31 >= 100, 1, 2)", "1"),
        ] {
            assert_eq!(value(text), Ok(number(expected).unwrap()), "{text}");
        }
    }

    #[test]
    fn what_is_no_formula_has_no_value() {
        for text in [
            "",
            "kw +",
            "kw kw",
            "kva",
            "sin(kw)",
            "round(kw, 11)",
            "round(kw, pf)",
            "(kw",
            "1.2.3",
            "1/0",
            "if(kw, 1, 2)",
            "abs(1, 2)",
            "1 ! 2",
            "kw)",
            "if(1/0 > 1, 1, 1)",
            "min()",
            "2kw",
        ] {
            assert!(value(text).is_err(), "{text}");
        }
        assert!(value(&"(".repeat(900)).is_err());
        assert!(value(&"-".repeat(900)).is_err());
        assert!(value(&"1".repeat(1_001)).is_err());
    }

    #[test]
    fn a_steady_value_has_at_most_24_digits() {
        let third = BigRational::new(BigInt::from(1), BigInt::from(3));
        assert_eq!(steady(&third), number("0.3333333333333333").unwrap());
        let large = number("123456789012345.1234567891234").unwrap();
        assert_eq!(steady(&large), number("123456789012345.123456789").unwrap());
    }
}

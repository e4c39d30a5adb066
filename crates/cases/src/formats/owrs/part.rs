//! What a name of a rate stands for.

use super::USE;
use crate::bill::price;
use crate::{Fields, Stop, number};
use rating::Characteristic;
use serde_json::{Map, Value, json};
use vocab::Decimal;

/// The named values of a rate, and what the customer states.
pub struct Rate<'a> {
    pub rate: &'a Fields<'a>,
    pub customer: Option<&'a Fields<'a>>,
}

/// What a name stands for.
#[derive(Debug, Clone)]
pub enum Part<'a> {
    /// The use of the period.
    Use,
    /// A number.
    Number(Decimal),
    /// A number by what the customer is.
    Lookup(Lookup<'a>),
    /// Arithmetic over names.
    Formula(&'a str),
    /// Tiers by their starts; by a budget.
    Tiers {
        /// Whether starts are shares of a budget.
        by_budget: bool,
    },
    /// Several values, one after the other; by what the customer is, perhaps.
    List(&'a [Value], Option<Lookup<'a>>),
}

/// Values by what the customer is.
#[derive(Debug, Clone)]
pub struct Lookup<'a> {
    /// Names of the characteristics, joined.
    pub characteristic: String,
    /// The customer's.
    pub value: String,
    /// By the joined values.
    pub values: &'a Map<String, Value>,
}

impl<'a> Lookup<'a> {
    /// The price in our JSON form, of a function of each value; values that it has none of are left
    /// out, as long as the customer's has one.
    pub fn price(&self, of: impl Fn(&Value) -> Option<Decimal>) -> Value {
        let known = self.values.iter().filter_map(|(key, value)| Some((key.clone(), price(of(value)?))));
        let values: Map<String, Value> = known.collect();
        json!({ "from": "lookup", "characteristic": self.characteristic, "values": values })
    }

    /// As the customer's.
    pub fn characteristic(&self) -> Result<Characteristic, Stop> {
        Ok(Characteristic { name: crate::bill::word(&self.characteristic)?, value: self.value.clone() })
    }
}

impl<'a> Rate<'a> {
    /// What a name stands for: the customer's word goes first.
    pub fn part(&self, name: &str) -> Result<Part<'a>, Stop> {
        if name == USE {
            return Ok(Part::Use);
        }
        let missing = || Stop::because(format!("`{name}` is neither in the rate nor known of the customer"));
        let stated = self.customer.and_then(|customer| customer.get(name));
        let value = stated.or_else(|| self.rate.get(name)).ok_or_else(missing)?;
        self.read(name, value)
    }

    fn read(&self, name: &str, value: &'a Value) -> Result<Part<'a>, Stop> {
        if let Some(number) = number::read(value) {
            return Ok(Part::Number(number));
        }
        match value {
            Value::String(text) => Ok(match text.as_str() {
                "Tiered" => Part::Tiers { by_budget: false },
                "Budget" => Part::Tiers { by_budget: true },
                formula => Part::Formula(formula),
            }),
            Value::Array(list) => Ok(Part::List(list, None)),
            Value::Object(_) => self.look_up(name, value),
            _ => Err(Stop::because(format!("`{name}` is nothing that can be priced"))),
        }
    }

    fn look_up(&self, name: &str, value: &'a Value) -> Result<Part<'a>, Stop> {
        let of = Fields::of(name, value)?;
        let keys: Vec<&str> = match of.need("depends_on")? {
            Value::String(key) => vec![key],
            Value::Array(keys) => {
                let keys: Option<Vec<&str>> = keys.iter().map(Value::as_str).collect();
                keys.ok_or_else(|| of.wrong("depends_on", "a list of names"))?
            }
            _ => return Err(of.wrong("depends_on", "a name or a list of names")),
        };
        let Value::Object(values) = of.need("values")? else {
            return Err(of.wrong("values", "an object"));
        };
        of.finish()?;
        let stated: Vec<String> = keys.iter().map(|key| self.stated(key)).collect::<Result<_, _>>()?;
        let lookup = Lookup { characteristic: keys.join("|"), value: stated.join("|"), values };
        let chosen = values
            .get(&lookup.value)
            .ok_or_else(|| Stop::because(format!("`{name}` has no value for `{}`", lookup.value)))?;
        Ok(match chosen {
            Value::Array(list) => Part::List(list, Some(lookup)),
            Value::String(formula) if number::read(chosen).is_none() => Part::Formula(formula),
            _ => Part::Lookup(lookup),
        })
    }

    /// The text of what a look-up goes by.
    fn stated(&self, key: &str) -> Result<String, Stop> {
        let value = self.customer.and_then(|customer| customer.get(key)).or_else(|| self.rate.get(key));
        match value {
            Some(Value::String(text)) => Ok(text.clone()),
            Some(Value::Number(number)) => Ok(number.to_string()),
            _ => Err(Stop::because(format!("`{key}` is not known of the customer"))),
        }
    }
}

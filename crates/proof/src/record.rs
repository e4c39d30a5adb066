//! The stored form of a segment's lines, as the verifier reads it. Unknown fields are refused:
//! a record that says more than is checked here does not pass as checked.

use crate::rational::{Fraction, Mode, Number};
use serde::Deserialize;
use time::Date;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Document {
    pub(crate) v: u8,
    #[serde(default)]
    pub(crate) derived: Vec<Derived>,
    pub(crate) lines: Vec<Line>,
}

/// A quantity that a tariff worked out.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Derived {}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Flat,
    Unit,
    Tier,
    Volume,
    Item,
    Package,
    Percentage,
    Tax,
    Minimum,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Line {
    pub(crate) rule: String,
    pub(crate) version: String,
    pub(crate) kind: Kind,
    pub(crate) period: Days,
    pub(crate) quantity: Option<Quantity>,
    pub(crate) tier: Option<Tier>,
    pub(crate) packages: Option<Packages>,
    pub(crate) price: Number,
    pub(crate) proration: Fraction,
    pub(crate) base: Option<Base>,
    pub(crate) exemption: Option<String>,
    pub(crate) unrounded: Number,
    pub(crate) rounding: Mode,
    pub(crate) decimals: u8,
    pub(crate) amount_minor: i64,
    #[serde(rename = "label")]
    _label: serde::de::IgnoredAny,
    #[serde(default, rename = "gl_account")]
    _gl_account: Option<serde::de::IgnoredAny>,
    #[serde(default, rename = "service")]
    _service: Option<serde::de::IgnoredAny>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Days {
    #[serde(with = "vocab::dates::civil")]
    pub(crate) first_on: Date,
    #[serde(with = "vocab::dates::civil")]
    pub(crate) last_on: Date,
}

impl Days {
    pub(crate) fn count(&self) -> i64 {
        i64::from(self.last_on.to_julian_day() - self.first_on.to_julian_day()) + 1
    }

    /// Days that both have; zero or less when none.
    pub(crate) fn shared(&self, other: &Self) -> i64 {
        let both =
            Self { first_on: self.first_on.max(other.first_on), last_on: self.last_on.min(other.last_on) };
        both.count()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Quantity {
    pub(crate) value: Number,
    pub(crate) in_period: Number,
    pub(crate) total: Number,
    pub(crate) share: Fraction,
    pub(crate) unit: Option<String>,
    pub(crate) bucket: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) kind: String,
}

impl Quantity {
    /// Whether both are parts of one quantity.
    pub(crate) fn same(&self, other: &Self) -> bool {
        let key = |quantity: &'_ Self| {
            [
                quantity.unit.clone(),
                quantity.bucket.clone(),
                quantity.name.clone(),
                Some(quantity.kind.clone()),
            ]
        };
        key(self) == key(other)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tier {
    pub(crate) number: u32,
    pub(crate) from: Number,
    pub(crate) up_to: Option<Number>,
    pub(crate) step: Option<Number>,
    pub(crate) scale: Fraction,
    pub(crate) count: Option<Number>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Packages {
    pub(crate) size: Number,
    pub(crate) free: Number,
    pub(crate) started: Number,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Base {
    pub(crate) amount: Number,
    pub(crate) lines: Vec<BaseLine>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BaseLine {
    pub(crate) line: u32,
    pub(crate) rule: String,
    #[serde(default = "Fraction::whole")]
    pub(crate) share: Fraction,
}

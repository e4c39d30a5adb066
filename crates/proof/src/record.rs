//! The stored form of a segment's lines, as the verifier reads it. Unknown fields are refused:
//! a record that says more than is checked here does not pass as checked.

use crate::rational::{Fraction, Mode, Number};
use crate::working::Derived;
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
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
    Maximum,
    Discount,
    DiscountPercent,
    Formula,
    Summary,
    Bank,
    Credit,
    Payout,
}

impl Kind {
    /// Whether it prices a quantity.
    pub(crate) const fn is_priced(self) -> bool {
        matches!(self, Self::Unit | Self::Tier | Self::Volume | Self::Item | Self::Package)
    }
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
    #[serde(default = "Fraction::whole")]
    pub(crate) proration: Fraction,
    pub(crate) base: Option<Base>,
    pub(crate) cap: Option<Cap>,
    pub(crate) formula: Option<Formula>,
    pub(crate) bank: Option<Bank>,
    pub(crate) exemption: Option<String>,
    pub(crate) unrounded: Number,
    #[serde(default)]
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
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
#[serde(from = "WrittenQuantity")]
pub(crate) struct Quantity {
    pub(crate) value: Number,
    pub(crate) in_period: Number,
    pub(crate) total: Number,
    pub(crate) share: Fraction,
    pub(crate) unit: Option<String>,
    pub(crate) bucket: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) kind: String,
    pub(crate) measured: bool,
}

/// As it is written: without a period's part that is the value, and a total that is the period's part.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenQuantity {
    value: Number,
    in_period: Option<Number>,
    total: Option<Number>,
    #[serde(default = "Fraction::whole")]
    share: Fraction,
    unit: Option<String>,
    bucket: Option<String>,
    name: Option<String>,
    kind: Option<String>,
    #[serde(default)]
    measured: bool,
}

impl From<WrittenQuantity> for Quantity {
    fn from(written: WrittenQuantity) -> Self {
        let in_period = written.in_period.unwrap_or_else(|| written.value.clone());
        Self {
            total: written.total.unwrap_or_else(|| in_period.clone()),
            in_period,
            value: written.value,
            share: written.share,
            unit: written.unit,
            bucket: written.bucket,
            name: written.name,
            kind: written.kind.unwrap_or_else(|| "usage".to_owned()),
            measured: written.measured,
        }
    }
}

impl Quantity {
    /// Whether both are parts of one quantity.
    pub(crate) fn same(&self, other: &Self) -> bool {
        self.unit == other.unit
            && self.bucket == other.bucket
            && self.name == other.name
            && self.kind == other.kind
            && self.measured == other.measured
    }

    /// Whether it adds up over the days.
    pub(crate) fn accumulates(&self) -> bool {
        matches!(self.kind.as_str(), "usage" | "daily_peaks")
    }
}

#[derive(PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tier {
    pub(crate) number: u32,
    #[serde(default = "Number::zero")]
    pub(crate) from: Number,
    pub(crate) up_to: Option<Number>,
    pub(crate) step: Option<Number>,
    #[serde(default = "Fraction::whole")]
    pub(crate) scale: Fraction,
    pub(crate) count: Option<Number>,
    #[serde(default)]
    pub(crate) each_day: bool,
    pub(crate) selected_by: Option<Number>,
    pub(crate) shared: Option<Shared>,
}

/// A tier that the buckets of a time of use fill together.
#[derive(PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Shared {
    pub(crate) filling: Filling,
    pub(crate) in_tier: Number,
    pub(crate) all: Number,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Filling {
    ByUse,
    InTimeOrder,
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
    pub(crate) earlier: Option<Number>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BaseLine {
    pub(crate) line: u32,
    pub(crate) rule: String,
    #[serde(default = "Fraction::whole")]
    pub(crate) share: Fraction,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cap {
    pub(crate) price: Number,
    pub(crate) proration: Fraction,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Formula {
    pub(crate) text: String,
    pub(crate) with: Vec<Named>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) value: Number,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Bank {
    pub(crate) bank: String,
    pub(crate) bucket: Option<String>,
    pub(crate) opening: Number,
    pub(crate) earned: Number,
    pub(crate) applied: Number,
    pub(crate) paid_out: Number,
    pub(crate) closing: Number,
    #[serde(default)]
    pub(crate) delayed: bool,
    #[serde(default)]
    pub(crate) credits: Vec<Credit>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Credit {
    pub(crate) quantity: Number,
    pub(crate) price: Number,
}

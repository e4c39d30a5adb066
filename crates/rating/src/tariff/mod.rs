//! The documented JSON form of a tariff: one version's rules, and what they refer to, as data.
//!
//! ```json
//! {"effective_on": "2026-01-01", "rules": [
//!   {"id": "customer", "label": {"en": "Customer charge"}, "charge": {"kind": "flat", "amount": "12.00"}},
//!   {"id": "energy", "label": {"en": "Energy"}, "service": "supply", "gl_account": "4000",
//!    "charge": {"kind": "tiered", "quantity": {"unit": "kwh"},
//!               "tiers": [{"up_to": "100", "price": "0.10"}, {"price": "0.15"}]}},
//!   {"id": "tax", "label": {"en": "Tax"}, "charge": {"kind": "tax", "tax": "state", "percent": "6", "of": "all"}}
//! ]}
//! ```
//!
//! Decimals are strings, unknown fields are refused, defaults are stated at each field.
//! [`Tariff`] is the whole; [`Rule`] one line maker; [`calendar`] has seasons, holidays and
//! time-of-use windows; [`derived`] quantities that are worked out from others or from the past;
//! prices are decimals, look-ups by characteristic, or dated factors ([`Price`]).
//!
//! Deliberately missing: maxima over several contracts (a matter of the bill, not of a segment).

mod bases;
pub mod calendar;
pub mod derived;
mod price;
mod proration;
mod quantity;
mod settlement;
mod tier;

pub use bases::Bases;
pub use calendar::{Calendar, Demand, Season, TimeOfUse, Window};
pub use derived::{Derived, Operand, SegmentQuantity, Source};
pub use price::{FactorChange, FactorUse, Lookup, Price};
pub use proration::{Proration, YearAmounts};
pub use quantity::{QuantityKey, QuantityKind};
pub use settlement::Settlement;
pub use tier::{Thresholds, Tier, Top};

use crate::label::Label;
use crate::word::Word;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use time::Date;
use vocab::decimal::Rounding;
use vocab::{Decimal, Unit};

/// One dated version of a tariff as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(as = Tariff))]
#[serde(deny_unknown_fields)]
pub struct Tariff {
    /// The first day it is in force.
    #[serde(with = "vocab::dates::civil")]
    pub effective_on: Date,
    /// Seasons, holidays and time-of-use windows. Default: none.
    #[serde(default, skip_serializing_if = "Calendar::is_empty")]
    pub calendar: Calendar,
    /// Over which minutes demand is averaged. Default: those of the interval data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub demand: Option<Demand>,
    /// Quantities worked out from others, in order: each may use those before it. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quantities: Vec<Derived>,
    /// What is charged, in the order of the lines.
    #[cfg_attr(feature = "utoipa", schema(min_items = 1, max_items = 200))]
    pub rules: Vec<Rule>,
}

/// One rule of a tariff: what it charges, when, and how its lines are named, grouped and rounded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(as = TariffRule))]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// A short slug, unique in the version and the same in all versions of the schedule.
    pub id: Word,
    /// The rule's name on the bill.
    pub label: Label,
    /// What it charges.
    pub charge: Charge,
    /// Only in this season of the calendar. Default: all year.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub season: Option<Word>,
    /// When a season changes inside the period: by days, or as at the start or the end.
    #[serde(default, skip_serializing_if = "FactorChange::is_by_days")]
    pub season_change: FactorChange,
    /// Only for these values of a characteristic. Default: for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Condition>,
    /// How per-period amounts and thresholds follow the length of the period.
    #[serde(default)]
    pub proration: Proration,
    /// How each line is rounded. Default: half away from zero.
    #[serde(default = "half_away", skip_serializing_if = "is_half_away")]
    pub rounding: Rounding,
    /// Decimals of each line's amount; never finer than the minor unit, which is the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decimals: Option<u8>,
    /// Code of the revenue account in the general ledger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gl_account: Option<Word>,
    /// Tag that groups lines on the bill and in reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<Word>,
}

impl Rule {
    /// A rule with every default: all year, for all, prorated by days, rounded half away from zero.
    pub fn new(id: Word, label: Label, charge: Charge) -> Self {
        Self {
            id,
            label,
            charge,
            season: None,
            season_change: FactorChange::ByDays,
            when: None,
            proration: Proration::default(),
            rounding: half_away(),
            decimals: None,
            gl_account: None,
            service: None,
        }
    }
}

pub(crate) const fn half_away() -> Rounding {
    Rounding::HalfAwayFromZero
}

pub(crate) fn is_half_away(rounding: &Rounding) -> bool {
    *rounding == Rounding::HalfAwayFromZero
}

/// For whom a rule is: accounts or service points with one of these values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(as = TariffCondition))]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// Name of the characteristic.
    pub characteristic: Word,
    /// Any of these; who lacks the characteristic has none of them.
    pub is: Vec<String>,
}

/// What a rule charges.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(as = TariffCharge))]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Charge {
    /// An amount per period; per day with the proration basis `per_day`.
    Flat {
        /// The amount of one period (or day).
        amount: Price,
    },
    /// Price × quantity. A peak or level is not split but its price is prorated (demand).
    Unit {
        /// Which quantity.
        quantity: QuantityKey,
        /// Per unit.
        price: Price,
    },
    /// Each tier's price for the part of the quantity inside the tier.
    Tiered {
        /// Which quantity.
        quantity: QuantityKey,
        /// How thresholds grow. Default: fixed amounts per period.
        #[serde(default)]
        thresholds: Thresholds,
        /// Ascending; only the last has no `up_to`.
        tiers: Vec<Tier>,
    },
    /// The price of the tier that the whole quantity falls in, for all of it.
    Volume {
        /// Which quantity.
        quantity: QuantityKey,
        /// The quantity that selects the tier, when it is another one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        selected_by: Option<QuantityKey>,
        /// How thresholds grow. Default: fixed amounts per period.
        #[serde(default)]
        thresholds: Thresholds,
        /// Ascending; only the last has no `up_to`.
        tiers: Vec<Tier>,
    },
    /// Tiers under time of use: each bucket has prices by tier, and the whole quantity fills the
    /// tiers.
    TimeOfUseTiered {
        /// The quantity of all buckets together, without a bucket.
        quantity: QuantityKey,
        /// How the tiers are shared among buckets; it is stated on each line.
        filling: Filling,
        /// How thresholds grow. Default: fixed amounts per period.
        #[serde(default)]
        thresholds: Thresholds,
        /// Buckets of one time of use, each with its tiers.
        buckets: Vec<BucketTiers>,
    },
    /// Price × number of items (lamps, dwelling units, ERUs).
    Item {
        /// Which items are counted.
        item: Word,
        /// Per item and period.
        price: Price,
    },
    /// A price for every started package of units beyond the free ones.
    Package {
        /// Which quantity.
        quantity: QuantityKey,
        /// Units in a package.
        #[serde(with = "crate::exact")]
        #[cfg_attr(feature = "utoipa", schema(value_type = crate::schema::Exact))]
        size: Decimal,
        /// Units per period that cost nothing. Default 0.
        #[serde(default, with = "crate::exact", skip_serializing_if = "Decimal::is_zero")]
        #[cfg_attr(feature = "utoipa", schema(value_type = crate::schema::Exact))]
        free: Decimal,
        /// Per started package.
        price: Price,
    },
    /// A percentage of earlier lines; negative is a discount.
    Percentage {
        /// `"6.5"` is 6.5 %.
        percent: Price,
        /// Of which lines.
        of: Bases,
    },
    /// A tax on earlier lines.
    Tax {
        /// The tax that certificates of exemption name.
        tax: Word,
        /// `"6.5"` is 6.5 %.
        percent: Price,
        /// On which lines.
        of: Bases,
        /// One tax line for each taxed line, instead of one on their sum. Default false.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        each_line: bool,
    },
    /// Tops earlier lines up to an amount per period, or per year at the year's settlement.
    Minimum {
        /// The least of one period, or of the year.
        amount: Price,
        /// Of which lines.
        of: Bases,
        /// When it is compared. Default: every period.
        #[serde(default, skip_serializing_if = "Settlement::is_every_period")]
        settled: Settlement,
    },
    /// Takes off earlier lines what exceeds an amount per period.
    Maximum {
        /// The most of one period.
        amount: Price,
        /// Of which lines.
        of: Bases,
    },
    /// Takes a percentage or an amount off earlier lines: never more than they come to.
    Discount {
        /// `"20"` is 20 % of the lines. Either this or `amount`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        percent: Option<Price>,
        /// An amount per period. Either this or `percent`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        amount: Option<Price>,
        /// The most per period.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cap: Option<Price>,
        /// Off which lines.
        of: Bases,
    },
    /// An amount worked out by a formula over quantities, items and earlier lines.
    Formula {
        /// What the formula's names stand for. `days` is always known: the charged days.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        with: BTreeMap<Word, Operand>,
        /// The amount in major units: `+ - * /`, `min`, `max`, `abs`, `floor`, `ceil`,
        /// `round(x, decimals)` and `if(a <= b, then, else)` over these names.
        amount: String,
    },
    /// A line without an amount that shows the sum of earlier ones.
    Summary {
        /// Of which lines.
        of: Bases,
    },
    /// Keeps the bank of a net metering quantity: shows what is carried on, pays out what is left at
    /// the settlement. One for each net quantity, for all customers and seasons.
    Bank {
        /// Name of the derived quantity with `method: net`.
        net: Word,
        /// When what is left is paid out. Default: never.
        #[serde(default = "Settlement::never", skip_serializing_if = "Settlement::is_never")]
        settled: Settlement,
        /// Price per unit that is paid out.
        price: Price,
    },
    /// Credits in money for what was received, against earlier lines; the rest is carried on.
    Credit {
        /// Name of the bank of money.
        bank: Word,
        /// What earns credits.
        earned: Vec<Earning>,
        /// Against which lines; never below zero.
        of: Bases,
        /// Whether credits count from the next period on only. Default: at once.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        delayed: bool,
        /// When what is left is paid out. Default: never.
        #[serde(default = "Settlement::never", skip_serializing_if = "Settlement::is_never")]
        settled: Settlement,
    },
}

/// How tiers are shared among buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(as = TariffFilling))]
#[serde(rename_all = "snake_case")]
pub enum Filling {
    /// Each tier's quantity is shared among the buckets in proportion to their use.
    ByUse,
    /// The tiers fill in the order of time: needs interval data.
    InTimeOrder,
}

/// A bucket with its tiers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(as = TariffBucketTiers))]
#[serde(deny_unknown_fields)]
pub struct BucketTiers {
    /// A bucket of the calendar.
    pub bucket: Word,
    /// Ascending; only the last has no `up_to`.
    pub tiers: Vec<Tier>,
}

/// A quantity that earns credits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(as = TariffEarning))]
#[serde(deny_unknown_fields)]
pub struct Earning {
    /// Which quantity.
    pub quantity: QuantityKey,
    /// Credit per unit.
    pub price: Price,
}

impl Charge {
    /// Every price of the charge.
    pub fn prices(&self) -> Vec<&Price> {
        let mut all = Vec::new();
        self.visit_prices(&mut |price| all.push(price));
        all
    }

    /// The same without a list: rating asks for every rule of every bill.
    pub(crate) fn visit_prices<'c>(&'c self, visit: &mut impl FnMut(&'c Price)) {
        match self {
            Self::Flat { amount: price }
            | Self::Minimum { amount: price, .. }
            | Self::Maximum { amount: price, .. }
            | Self::Unit { price, .. }
            | Self::Item { price, .. }
            | Self::Package { price, .. }
            | Self::Bank { price, .. }
            | Self::Percentage { percent: price, .. }
            | Self::Tax { percent: price, .. } => visit(price),
            Self::Tiered { tiers, .. } | Self::Volume { tiers, .. } => {
                tiers.iter().flat_map(Tier::prices).for_each(visit);
            }
            Self::TimeOfUseTiered { buckets, .. } => {
                buckets.iter().flat_map(|of| &of.tiers).flat_map(Tier::prices).for_each(visit);
            }
            Self::Discount { percent, amount, cap, .. } => {
                [percent, amount, cap].into_iter().flatten().for_each(visit);
            }
            Self::Formula { with, .. } => with.values().filter_map(Operand::price).for_each(visit),
            Self::Credit { earned, .. } => earned.iter().map(|of| &of.price).for_each(visit),
            Self::Summary { .. } => {}
        }
    }

    /// Which lines it is about, when it is about lines.
    pub const fn bases(&self) -> Option<&Bases> {
        match self {
            Self::Percentage { of, .. }
            | Self::Tax { of, .. }
            | Self::Minimum { of, .. }
            | Self::Maximum { of, .. }
            | Self::Discount { of, .. }
            | Self::Summary { of }
            | Self::Credit { of, .. } => Some(of),
            _ => None,
        }
    }

    /// Which quantity it prices, when it prices one.
    pub const fn quantity(&self) -> Option<&QuantityKey> {
        match self {
            Self::Unit { quantity, .. }
            | Self::Tiered { quantity, .. }
            | Self::Volume { quantity, .. }
            | Self::TimeOfUseTiered { quantity, .. }
            | Self::Package { quantity, .. } => Some(quantity),
            _ => None,
        }
    }

    /// The kind of unit that it counts, for a reader: not every charge has one.
    pub const fn unit(&self) -> Option<Unit> {
        match self.quantity() {
            Some(key) => Some(key.unit),
            None => None,
        }
    }

    /// Whether other rules' totals leave it out: a tax is not taxed, a sum not summed, a bank's payout
    /// is no charge.
    pub const fn is_apart(&self) -> bool {
        matches!(self, Self::Tax { .. } | Self::Summary { .. } | Self::Bank { .. })
    }
}

//! A calculation line: one amount with everything needed to compute it again.
//!
//! For every kind, with fractions exact and rounding last:
//!
//! | kind | unrounded |
//! |---|---|
//! | `flat` | price × proration |
//! | `unit`, `tier`, `volume`, `item` | quantity × price × proration |
//! | `package` | started packages × price × proration |
//! | `percentage`, `tax` | base × price ÷ 100 × proration (0 when exempt) |
//! | `minimum`, `maximum` | price × proration − base |
//! | `discount` | −min(price × proration, cap, base) |
//! | `discount_percent` | −min(base × price ÷ 100, cap, base) |
//! | `formula` | the formula's value |
//! | `summary` | 0 |
//! | `bank` | −paid out × price, see [`LineBank`] |
//! | `credit` | −applied, see [`LineBank`] |
//! | `payout` | −price: what the `credit` line before it pays out |
//!
//! base = Σ amount of the named line × its share, and what earlier periods charged where a year is
//! compared; cap = cap's price × proration; a discount is never below 0. The stored form is `{"v":2,"lines":[…]}`;
//! a change of it is a new version, and every version keeps its golden file. Version 2 leaves out what most lines
//! have alike: a proration, share or scale of `1/1`, half-away-from-zero rounding, usage as the kind of a quantity, a
//! tier from 0, and of `value`, `in_period` and `total` those that are the one before. Version 1 wrote them.

use crate::label::Label;
use crate::proration::Ratio;
use crate::tariff::{Filling, QuantityKind};
use crate::word::Word;
use crate::working::DerivedQuantity;
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize};
use vocab::decimal::{Plain, Rounding};
use vocab::{Decimal, Money, Period, RateVersionId, Unit};

/// The version of the lines document that is written.
pub const DOCUMENT_VERSION: u8 = 2;

/// For serde: a document of an older version that is still read is one of the current version once it is read.
pub fn version<'de, D: serde::Deserializer<'de>>(from: D) -> Result<u8, D::Error> {
    let version = u8::deserialize(from)?;
    Ok(if version == 1 { DOCUMENT_VERSION } else { version })
}

/// The kind of a line's arithmetic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineKind {
    /// An amount per period or day.
    Flat,
    /// Price × quantity.
    Unit,
    /// One tier's part of a quantity.
    Tier,
    /// A whole quantity at its tier's price.
    Volume,
    /// Price × items.
    Item,
    /// Price × started packages.
    Package,
    /// A percentage of lines.
    Percentage,
    /// A tax on lines.
    Tax,
    /// A top-up of lines.
    Minimum,
    /// What lines exceed an amount by, taken off.
    Maximum,
    /// An amount taken off lines.
    Discount,
    /// A percentage taken off lines.
    DiscountPercent,
    /// The value of a formula.
    Formula,
    /// The sum of lines, shown only.
    Summary,
    /// A bank of a quantity: carried on or paid out.
    Bank,
    /// A bank of money: what is applied.
    Credit,
    /// What a bank of money pays out: no base of other rules counts it.
    Payout,
}

impl LineKind {
    /// The word as it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Flat => "flat",
            Self::Unit => "unit",
            Self::Tier => "tier",
            Self::Volume => "volume",
            Self::Item => "item",
            Self::Package => "package",
            Self::Percentage => "percentage",
            Self::Tax => "tax",
            Self::Minimum => "minimum",
            Self::Maximum => "maximum",
            Self::Discount => "discount",
            Self::DiscountPercent => "discount_percent",
            Self::Formula => "formula",
            Self::Summary => "summary",
            Self::Bank => "bank",
            Self::Credit => "credit",
            Self::Payout => "payout",
        }
    }
}

/// One row of a segment's arithmetic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// Id of the rule that made it.
    pub rule: Word,
    /// The version the rule was taken from (the first, for a rule that is the same in several).
    pub version: RateVersionId,
    /// Which formula holds.
    pub kind: LineKind,
    /// The charged days.
    pub period: Period,
    /// The priced quantity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity: Option<LineQuantity>,
    /// The tier, of `tier` and `volume` lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<LineTier>,
    /// The packages, of `package` lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packages: Option<LinePackages>,
    /// Price per unit, amount per period, or percentage.
    #[serde(with = "crate::exact")]
    pub price: Decimal,
    /// The exact factor that the price was multiplied by.
    #[serde(default = "Ratio::whole", skip_serializing_if = "Ratio::is_one")]
    pub proration: Ratio,
    /// What a percentage, tax or minimum is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Box<LineBase>>,
    /// The most that a discount takes off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cap: Option<Box<LineCap>>,
    /// What a formula was worked out from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub formula: Option<Box<LineFormula>>,
    /// What a bank took in, gave and keeps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bank: Option<Box<LineBank>>,
    /// The certificate by which a tax is not charged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exemption: Option<Word>,
    /// The amount in major units before rounding.
    #[serde(with = "crate::exact")]
    pub unrounded: Decimal,
    /// How the half was rounded.
    #[serde(default = "usual_rounding", skip_serializing_if = "is_usual")]
    pub rounding: Rounding,
    /// Decimals of the rounded amount in major units.
    pub decimals: u8,
    /// The rounded amount.
    pub amount_minor: Money,
    /// What the bill calls it.
    pub label: Label,
    /// Revenue account in the general ledger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gl_account: Option<Word>,
    /// Grouping tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<Word>,
}

const fn usual_rounding() -> Rounding {
    Rounding::HalfAwayFromZero
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde lends the field")]
const fn is_usual(rounding: &Rounding) -> bool {
    matches!(rounding, Rounding::HalfAwayFromZero)
}

/// A priced quantity and what it is a part of.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "QuantityForm")]
pub struct LineQuantity {
    /// What was priced: the sub-period's part, and in a tiered charge the tier's part of that.
    pub value: Decimal,
    /// The sub-period's part, to 6 decimals; the last sub-period has the residue.
    pub in_period: Decimal,
    /// The quantity of the whole bill period.
    pub total: Decimal,
    /// Days of the sub-period ÷ days of the bill period; `1/1` when not split.
    pub share: Ratio,
    /// Unit of measure; absent for items, whose `name` says what is counted.
    pub unit: Option<Unit>,
    /// Time-of-use bucket.
    pub bucket: Option<Word>,
    /// Name of an item or of a quantity worked out elsewhere.
    pub name: Option<Word>,
    /// Usage, peak or level; items are levels.
    pub kind: QuantityKind,
    /// Whether `in_period` was measured on the line's own days (interval data), not split by days.
    pub measured: bool,
}

/// The stored form of a [`LineQuantity`].
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct QuantityForm {
    #[serde(with = "crate::exact")]
    value: Decimal,
    /// Absent when it is the value.
    #[serde(default, with = "crate::exact::option")]
    in_period: Option<Decimal>,
    /// Absent when it is the period's.
    #[serde(default, with = "crate::exact::option")]
    total: Option<Decimal>,
    #[serde(default = "Ratio::whole")]
    share: Ratio,
    #[serde(default)]
    unit: Option<Unit>,
    #[serde(default)]
    bucket: Option<Word>,
    #[serde(default)]
    name: Option<Word>,
    #[serde(default)]
    kind: QuantityKind,
    #[serde(default)]
    measured: bool,
}

impl From<QuantityForm> for LineQuantity {
    fn from(form: QuantityForm) -> Self {
        let QuantityForm { value, in_period, total, share, unit, bucket, name, kind, measured } = form;
        let in_period = in_period.unwrap_or(value);
        Self {
            value,
            in_period,
            total: total.unwrap_or(in_period),
            share,
            unit,
            bucket,
            name,
            kind,
            measured,
        }
    }
}

impl Serialize for LineQuantity {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut form = to.serialize_map(None)?;
        form.serialize_entry("value", Plain::from(self.value).as_str())?;
        if self.in_period != self.value {
            form.serialize_entry("in_period", Plain::from(self.in_period).as_str())?;
        }
        if self.total != self.in_period {
            form.serialize_entry("total", Plain::from(self.total).as_str())?;
        }
        if !self.share.is_one() {
            form.serialize_entry("share", &self.share)?;
        }
        if let Some(unit) = &self.unit {
            form.serialize_entry("unit", unit)?;
        }
        if let Some(bucket) = &self.bucket {
            form.serialize_entry("bucket", bucket)?;
        }
        if let Some(name) = &self.name {
            form.serialize_entry("name", name)?;
        }
        if !self.kind.is_usage() {
            form.serialize_entry("kind", &self.kind)?;
        }
        if self.measured {
            form.serialize_entry("measured", &true)?;
        }
        form.end()
    }
}

/// A tier as it stood for the sub-period: `up_to` = `step` × `scale` × `count`, unrounded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LineTier {
    /// 1 for the first.
    pub number: u32,
    /// Where it begins (exclusive): the top of the tier below.
    #[serde(default, with = "crate::exact", skip_serializing_if = "Decimal::is_zero")]
    pub from: Decimal,
    /// Where it ends (inclusive); absent in the last.
    #[serde(default, with = "crate::exact::option", skip_serializing_if = "Option::is_none")]
    pub up_to: Option<Decimal>,
    /// The threshold as the tariff has it.
    #[serde(default, with = "crate::exact::option", skip_serializing_if = "Option::is_none")]
    pub step: Option<Decimal>,
    /// What thresholds were multiplied by.
    #[serde(default = "Ratio::whole", skip_serializing_if = "Ratio::is_one")]
    pub scale: Ratio,
    /// Number of items, or the quantity, that thresholds are per.
    #[serde(default, with = "crate::exact::option", skip_serializing_if = "Option::is_none")]
    pub count: Option<Decimal>,
    /// Each day fills the tiers for itself: the line has the sum over the days.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub each_day: bool,
    /// The quantity that selected the tier, when it is not the priced one: its part of these days.
    #[serde(default, with = "crate::exact::option", skip_serializing_if = "Option::is_none")]
    pub selected_by: Option<Decimal>,
    /// How the tier is shared among buckets: its part of this bucket is the line's quantity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared: Option<Box<TierShared>>,
}

/// A tier that all buckets of a time of use fill together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TierShared {
    /// By use: value = `in_tier` × the bucket's use ÷ `all`, to 10 decimals, the last tier of the
    /// bucket taking the residue. In time order: measured.
    pub filling: Filling,
    /// What all buckets together have in the tier.
    #[serde(with = "crate::exact")]
    pub in_tier: Decimal,
    /// What all buckets together used.
    #[serde(with = "crate::exact")]
    pub all: Decimal,
}

/// Started packages: those of `in_period` − `free`, rounded up to whole ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinePackages {
    /// Units in a package.
    #[serde(with = "crate::exact")]
    pub size: Decimal,
    /// Free units, prorated.
    #[serde(with = "crate::exact")]
    pub free: Decimal,
    /// Packages charged.
    #[serde(with = "crate::exact")]
    pub started: Decimal,
}

/// What a percentage, tax or minimum is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LineBase {
    /// Σ amount × share, in major units.
    #[serde(with = "crate::exact")]
    pub amount: Decimal,
    /// The lines.
    pub lines: Vec<BaseLine>,
    /// What earlier periods of the year charged by the same rules, in major units.
    #[serde(default, with = "crate::exact::option", skip_serializing_if = "Option::is_none")]
    pub earlier: Option<Decimal>,
}

/// The most that a discount takes off: price × proration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LineCap {
    /// Per period.
    #[serde(with = "crate::exact")]
    pub price: Decimal,
    /// The exact factor.
    pub proration: Ratio,
}

/// A formula with the values of its names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LineFormula {
    /// As the tariff writes it.
    pub text: String,
    /// What its names stood for.
    pub with: Vec<Named>,
}

/// A name with its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Named {
    /// The name.
    pub name: Word,
    /// Its value.
    #[serde(with = "crate::exact")]
    pub value: Decimal,
}

/// A bank's period: opening + earned = applied + paid out + closing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LineBank {
    /// Its name.
    pub bank: Word,
    /// The bucket, of a bank that is kept by buckets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket: Option<Word>,
    /// What it held when the period began.
    #[serde(with = "crate::exact")]
    pub opening: Decimal,
    /// What was put in: units received, or credits (Σ quantity × price, rounded to the line's
    /// decimals).
    #[serde(with = "crate::exact")]
    pub earned: Decimal,
    /// What was used up: units netted against those delivered, or credits against the base, those
    /// to the line's decimals (and those of earlier periods only, where credits are delayed).
    #[serde(with = "crate::exact")]
    pub applied: Decimal,
    /// What was paid out at the settlement.
    #[serde(with = "crate::exact")]
    pub paid_out: Decimal,
    /// What it holds when the period ends.
    #[serde(with = "crate::exact")]
    pub closing: Decimal,
    /// Whether only the opening credits could be applied.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub delayed: bool,
    /// What earned credits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub credits: Vec<BankCredit>,
}

/// A quantity that earned credits: quantity × price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BankCredit {
    /// How much.
    #[serde(with = "crate::exact")]
    pub quantity: Decimal,
    /// Credit per unit.
    #[serde(with = "crate::exact")]
    pub price: Decimal,
}

/// An earlier line that counts towards a base.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BaseLine {
    /// Its place in the document, from 0.
    pub line: u32,
    /// Its rule.
    pub rule: Word,
    /// The part of its days that fall into this line's period.
    #[serde(default = "Ratio::whole", skip_serializing_if = "Ratio::is_one")]
    pub share: Ratio,
}

/// The stored form of a segment's lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinesDocument {
    #[serde(deserialize_with = "version")]
    v: u8,
    /// Quantities that were worked out, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    derived: Vec<DerivedQuantity>,
    lines: Vec<Line>,
}

/// A stored text that is not a lines document of a known version.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableLines {
    /// The text is not JSON of the documented form.
    #[error("not a lines document: {0}")]
    Form(#[from] serde_json::Error),
    /// A version that this build does not know.
    #[error("lines document of version {0} is not known here")]
    Version(u8),
}

impl LinesDocument {
    /// A document of the current version.
    pub const fn new(derived: Vec<DerivedQuantity>, lines: Vec<Line>) -> Self {
        Self { v: DOCUMENT_VERSION, derived, lines }
    }

    /// The quantities that were worked out.
    pub fn derived(&self) -> &[DerivedQuantity] {
        &self.derived
    }

    /// The lines in order.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// The worked-out quantities and the lines, to keep.
    pub fn into_parts(self) -> (Vec<DerivedQuantity>, Vec<Line>) {
        (self.derived, self.lines)
    }

    /// Reads a stored document of any known version.
    pub fn parse(json: &str) -> Result<Self, UnreadableLines> {
        let document: Self = serde_json::from_str(json)?;
        if document.v == DOCUMENT_VERSION { Ok(document) } else { Err(UnreadableLines::Version(document.v)) }
    }

    /// The text to store.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }
}

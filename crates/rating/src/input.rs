//! What a segment is rated from. Everything is borrowed, so that a book of accounts can share
//! versions and factors.

use crate::error::RatingError;
use crate::intervals::Intervals;
use crate::line::{Line, LineKind};
use crate::tariff::{FactorChange, FactorUse, Lookup, Price, QuantityKey};
use crate::version::RateVersion;
use crate::word::Word;
use serde::{Deserialize, Serialize};
use time::Date;
use vocab::decimal::Overflow;
use vocab::{Currency, Decimal, Frequency, Money, Period, RateScheduleId, RateVersionId};

/// A version of the schedule with its id.
#[derive(Debug, Clone, Copy)]
pub struct InForce<'a> {
    /// The stored version's id.
    pub id: RateVersionId,
    /// Its rules; in force from its `effective_on` until the next version's.
    pub version: &'a RateVersion,
}

/// What a rule may price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quantity {
    /// Unit, bucket, kind, name.
    pub key: QuantityKey,
    /// Of the whole period; at most 10 decimals.
    #[serde(with = "crate::exact")]
    pub value: Decimal,
}

/// A count of items.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ItemCount {
    /// Which items.
    pub item: Word,
    /// How many.
    #[serde(with = "crate::exact")]
    pub count: Decimal,
}

/// A characteristic of the account, contract or service point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Characteristic {
    /// Its name (`meter_size`).
    pub name: Word,
    /// Its value (`5/8in`).
    pub value: String,
}

/// What an earlier period of the contract came to: the memory of averages, ratchets and yearly
/// minimums.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    /// The charged days.
    pub period: Period,
    /// Its quantities.
    pub quantities: Vec<Quantity>,
    /// What each rule charged, rounded.
    pub charged: Vec<(Word, Money)>,
}

impl Past {
    /// What a period's lines charged, by rule. What a bank paid out is no charge.
    pub fn of_lines(period: Period, quantities: Vec<Quantity>, lines: &[Line]) -> Result<Self, Overflow> {
        let mut charged: Vec<(Word, Money)> = Vec::new();
        for line in lines.iter().filter(|line| line.kind != LineKind::Payout) {
            match charged.iter_mut().find(|(rule, _)| *rule == line.rule) {
                Some((_, sum)) => *sum = sum.plus(line.amount_minor)?,
                None => charged.push((line.rule.clone(), line.amount_minor)),
            }
        }
        Ok(Self { period, quantities, charged })
    }
}

/// What another segment of the same bill measured in the same period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherSegment {
    /// Code of the other contract's type.
    pub of: Word,
    /// Its quantities.
    pub quantities: Vec<Quantity>,
}

/// What a bank holds when the period begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BankBalance {
    /// Its name.
    pub bank: Word,
    /// The bucket, of a bank that is kept by buckets.
    pub bucket: Option<Word>,
    /// Units, or major units of money.
    pub balance: Decimal,
}

impl BankBalance {
    /// What banks hold when the period of these lines has ended.
    pub fn closing(lines: &[Line]) -> impl Iterator<Item = Self> {
        lines.iter().filter_map(|line| line.bank.as_deref()).map(|of| Self {
            bank: of.bank.clone(),
            bucket: of.bucket.clone(),
            balance: of.closing,
        })
    }

    /// Puts what banks hold now in the place of what they held; a bank that is not named keeps it.
    pub fn carry(held: &mut Vec<Self>, now: impl IntoIterator<Item = Self>) {
        for one in now {
            held.retain(|of| of.bank != one.bank || of.bucket != one.bucket);
            held.push(one);
        }
    }
}

/// A certificate by which a tax is not charged on some days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exemption {
    /// The tax, as tax rules name it.
    pub tax: Word,
    /// Number of the certificate.
    pub certificate: Word,
    /// First exempt day.
    pub first_on: Date,
    /// Last exempt day; open when absent.
    pub last_on: Option<Date>,
}

/// One dated value of a factor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FactorValue {
    /// The factor's name.
    pub factor: Word,
    /// Value of the selecting characteristic; `None` for a factor without one.
    pub characteristic: Option<String>,
    /// First day of this value; it holds until the next.
    pub effective_on: Date,
    /// Price, percentage or amount.
    pub value: Decimal,
}

/// Dated factor values, ordered for look-up.
#[derive(Debug, Clone, Default)]
pub struct FactorTable(Vec<FactorValue>);

impl FactorTable {
    /// A table without values.
    pub const EMPTY: &'static Self = &Self(Vec::new());

    /// A table of these values, in any order. Of two values from the same day the later one holds.
    pub fn new(mut values: Vec<FactorValue>) -> Self {
        fn key(value: &FactorValue) -> (&Word, &Option<String>, Date) {
            (&value.factor, &value.characteristic, value.effective_on)
        }
        // The sort is stable: of equal keys the one given last comes first and is kept.
        values.reverse();
        values.sort_by(|a, b| key(a).cmp(&key(b)));
        values.dedup_by(|next, kept| key(next) == key(kept));
        Self(values)
    }

    /// The history of one factor for one value of its characteristic, by date.
    fn history(&self, factor: &Word, characteristic: Option<&str>) -> &[FactorValue] {
        let of = |value: &FactorValue| {
            value.factor.cmp(factor).then_with(|| value.characteristic.as_deref().cmp(&characteristic))
        };
        let from = self.0.partition_point(|value| of(value).is_lt());
        let to = self.0.partition_point(|value| of(value).is_le());
        &self.0[from..to]
    }
}

/// What a segment is rated from.
#[derive(Debug, Clone, Copy)]
pub struct RatingInput<'a> {
    /// The schedule, for errors.
    pub schedule: RateScheduleId,
    /// The charged days.
    pub period: Period,
    /// The whole period that the charged days belong to, when it is not the calendar's.
    pub whole_period: Option<Period>,
    /// Whether it is the contract's first segment.
    pub is_first: bool,
    /// Whether it is the contract's final segment.
    pub is_final: bool,
    /// How often the rate's per-period amounts are meant to be charged.
    pub frequency: Frequency,
    /// The schedule's versions, in any order. Those not in force in the period only say which of the
    /// year's earlier charges a yearly minimum counts.
    pub versions: &'a [InForce<'a>],
    /// Quantities of the period; one entry per key.
    pub quantities: &'a [Quantity],
    /// Items counted.
    pub items: &'a [ItemCount],
    /// Characteristics that look-ups and factors select by.
    pub characteristics: &'a [Characteristic],
    /// Dated factors.
    pub factors: &'a FactorTable,
    /// Certificates of tax exemption.
    pub exemptions: &'a [Exemption],
    /// Interval data, by unit and flow. A quantity that is not given is measured from them.
    pub intervals: &'a [Intervals<'a>],
    /// Earlier periods of the contract, in order of date.
    pub history: &'a [Past],
    /// Other segments that quantities are taken from.
    pub segments: &'a [OtherSegment],
    /// What banks hold; one that is not named is empty.
    pub banks: &'a [BankBalance],
    /// The utility's currency.
    pub currency: Currency,
}

impl<'a> RatingInput<'a> {
    /// Days of a schedule with nothing measured yet; fill in with `..RatingInput::new(…)`.
    pub const fn new(
        schedule: RateScheduleId,
        period: Period,
        frequency: Frequency,
        versions: &'a [InForce<'a>],
        currency: Currency,
    ) -> Self {
        Self {
            schedule,
            period,
            whole_period: None,
            is_first: false,
            is_final: false,
            frequency,
            versions,
            quantities: &[],
            items: &[],
            characteristics: &[],
            factors: FactorTable::EMPTY,
            exemptions: &[],
            intervals: &[],
            history: &[],
            segments: &[],
            banks: &[],
            currency,
        }
    }

    /// What a bank holds when the period begins.
    pub(crate) fn bank(&self, bank: &Word, bucket: Option<&Word>) -> Decimal {
        let found = self.banks.iter().find(|of| of.bank == *bank && of.bucket.as_ref() == bucket);
        found.map_or(Decimal::ZERO, |of| of.balance)
    }

    pub(crate) fn count(&self, item: &Word) -> Result<Decimal, RatingError> {
        let found = self.items.iter().find(|counted| counted.item == *item);
        found
            .map(|counted| counted.count)
            .ok_or_else(|| RatingError::QuantityMissing { quantity: format!("item {item}") })
    }

    pub(crate) fn characteristic(&self, name: &Word) -> Option<&'a str> {
        let found = self.characteristics.iter().find(|characteristic| characteristic.name == *name);
        found.map(|characteristic| characteristic.value.as_str())
    }

    /// The price for charged days beginning on `on`.
    pub(crate) fn price(&self, price: &Price, on: Date) -> Result<Decimal, RatingError> {
        match price {
            Price::Fixed(value) => Ok(*value),
            Price::Lookup(lookup) => self.look_up(lookup, on),
            Price::Factor(factor) => {
                let on = match factor.change {
                    FactorChange::ByDays => on,
                    FactorChange::AtStart => self.period.first_on(),
                    FactorChange::AtEnd => self.period.last_on(),
                };
                let history = self.history(factor, on)?;
                let known = history.partition_point(|value| value.effective_on <= on);
                match known.checked_sub(1).and_then(|last| history.get(last)) {
                    Some(value) => Ok(value.value),
                    None => Err(self.no_value(&factor.factor, factor.characteristic.as_ref(), on)),
                }
            }
        }
    }

    pub(crate) fn look_up(&self, lookup: &Lookup, on: Date) -> Result<Decimal, RatingError> {
        self.characteristic(&lookup.characteristic)
            .and_then(|value| lookup.values.get(value).copied())
            .or(lookup.default)
            .ok_or_else(|| self.no_value(&lookup.characteristic, Some(&lookup.characteristic), on))
    }

    fn history(&self, factor: &FactorUse, on: Date) -> Result<&'a [FactorValue], RatingError> {
        let value = match &factor.characteristic {
            None => None,
            Some(name) => {
                Some(self.characteristic(name).ok_or_else(|| self.no_value(&factor.factor, Some(name), on))?)
            }
        };
        Ok(self.factors.history(&factor.factor, value))
    }

    fn no_value(&self, factor: &Word, characteristic: Option<&Word>, on: Date) -> RatingError {
        let factor = match characteristic {
            None => factor.to_string(),
            Some(name) => format!("{factor} ({name} = {})", self.characteristic(name).unwrap_or("not set")),
        };
        RatingError::NoFactorValue { factor, on }
    }

    /// Days on which the price changes inside the period, pushed to `cuts`.
    pub(crate) fn price_changes(&self, price: &Price, cuts: &mut Vec<Date>) -> Result<(), RatingError> {
        let Price::Factor(factor) = price else { return Ok(()) };
        if factor.change != FactorChange::ByDays {
            return Ok(());
        }
        let history = self.history(factor, self.period.first_on())?;
        for pair in history.windows(2) {
            let [before, after] = pair else { continue };
            if before.value != after.value && self.period.contains(after.effective_on) {
                cuts.push(after.effective_on);
            }
        }
        Ok(())
    }
}

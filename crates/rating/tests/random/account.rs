//! An account's period: quantities, interval data, history, banks and what else a tariff may ask.

use super::bytes::Bytes;
use rating::{
    BankBalance, Characteristic, ClockChange, Exemption, FactorTable, FactorValue, InForce, Intervals,
    ItemCount, OtherSegment, Past, Quantity, QuantityKey, Rated, RatingError, RatingInput, Series, Word,
    rate,
};
use time::{Date, Duration};
use vocab::{Currency, Decimal, Frequency, Money, Period, RateScheduleId, Unit};

/// Everything that a segment is rated from, but the tariff.
#[derive(Debug)]
pub(super) struct Account {
    period: Period,
    whole_period: Option<Period>,
    is_first: bool,
    is_final: bool,
    frequency: Frequency,
    quantities: Vec<Quantity>,
    items: Vec<ItemCount>,
    characteristics: Vec<Characteristic>,
    factors: FactorTable,
    exemptions: Vec<Exemption>,
    series: Vec<Series>,
    history: Vec<Past>,
    segments: Vec<OtherSegment>,
    banks: Vec<BankBalance>,
}

fn word(text: &str) -> Option<Word> {
    text.parse().ok()
}

fn decimal(text: &str) -> Option<Decimal> {
    vocab::decimal::parse(text)
}

fn day(text: &str) -> Option<Date> {
    vocab::dates::civil::parse(text)
}

impl Account {
    pub(super) fn new(bytes: &mut Bytes<'_>) -> Option<Self> {
        let first_on = day("2026-01-01")? + Duration::days(i64::try_from(bytes.below(120)).ok()?);
        let days = match bytes.below(8) {
            0 => 1 + bytes.below(100),
            of => 27 + of,
        };
        let period = Period::new(first_on, first_on + Duration::days(i64::try_from(days).ok()? - 1))?;
        let mut series = Vec::new();
        for (unit, name) in
            [(Unit::Kwh, None), (Unit::Kwh, Some("export")), (Unit::Ccf, None), (Unit::Kw, None)]
        {
            if bytes.below(4) != 1 {
                series.push(series_of(bytes, unit, name.and_then(word), period)?);
            }
        }
        let zoned = |value: &str, on: &str, size: Option<&str>| {
            let name = if size.is_some() { "zoned" } else { "fuel" };
            Some(FactorValue {
                factor: word(name)?,
                characteristic: size.map(str::to_owned),
                effective_on: day(on)?,
                value: decimal(value)?,
            })
        };
        let change = format!("2026-{:02}-{:02}", 1 + bytes.below(6), 1 + bytes.below(28));
        let factors = vec![
            zoned(&bytes.decimal(), "2019-01-01", None)?,
            zoned(&bytes.decimal(), &change, None)?,
            zoned(&bytes.decimal(), "2019-01-01", Some("1in"))?,
            zoned(&bytes.decimal(), "2019-01-01", Some("2in"))?,
        ];
        let exempt = bytes.once_in(4).then(|| {
            let last_on = bytes.once_in(2).then_some(period.last_on());
            Some(Exemption {
                tax: word("state")?,
                certificate: word("EX-1")?,
                first_on: day(&change)?,
                last_on,
            })
        });
        let size = bytes.one(&["1in", "2in"]).to_owned();
        let more = i64::try_from(bytes.below(9)).ok()?;
        let whole = Period::new(first_on - Duration::days(more), period.last_on() + Duration::days(more % 4));
        Some(Self {
            period,
            whole_period: whole.filter(|_| more > 4),
            is_first: bytes.once_in(8),
            is_final: bytes.once_in(6),
            frequency: *Frequency::ALL.get(bytes.below(6) % Frequency::ALL.len())?,
            quantities: quantities(bytes)?,
            items: vec![ItemCount { item: word("lamp")?, count: decimal(&bytes.decimal())? }],
            characteristics: vec![
                Characteristic { name: word("size")?, value: size },
                Characteristic { name: word("area")?, value: bytes.decimal() },
            ],
            factors: FactorTable::new(factors),
            exemptions: exempt.flatten().into_iter().collect(),
            series,
            history: history(bytes, first_on)?,
            segments: vec![OtherSegment {
                of: word("water")?,
                quantities: vec![quantity(QuantityKey::usage(Unit::Ccf), &bytes.decimal())?],
            }],
            banks: vec![
                BankBalance { bank: word("solar")?, bucket: None, balance: decimal(&bytes.decimal())? },
                BankBalance {
                    bank: word("solar")?,
                    bucket: word("off"),
                    balance: decimal(&bytes.decimal())?,
                },
                BankBalance { bank: word("money")?, bucket: None, balance: decimal(&bytes.decimal())? },
            ],
        })
    }

    pub(super) fn rate(&self, versions: &[InForce<'_>]) -> Result<Rated, RatingError> {
        let intervals: Vec<Intervals<'_>> = self.series.iter().map(Series::lent).collect();
        let schedule = RateScheduleId(1);
        rate(&RatingInput {
            whole_period: self.whole_period,
            is_first: self.is_first,
            is_final: self.is_final,
            quantities: &self.quantities,
            items: &self.items,
            characteristics: &self.characteristics,
            factors: &self.factors,
            exemptions: &self.exemptions,
            intervals: &intervals,
            history: &self.history,
            segments: &self.segments,
            banks: &self.banks,
            ..RatingInput::new(schedule, self.period, self.frequency, versions, Currency::USD)
        })
    }
}

fn quantity(key: QuantityKey, value: &str) -> Option<Quantity> {
    Some(Quantity { key, value: decimal(value)? })
}

/// What registers gave; the rest is measured, where there are interval data, or missing.
fn quantities(bytes: &mut Bytes<'_>) -> Option<Vec<Quantity>> {
    let kwh = QuantityKey::usage(Unit::Kwh);
    let kva = QuantityKey::peak(Unit::Kva);
    let all = [
        kwh.clone(),
        kwh.clone().in_bucket(word("on")?),
        kwh.clone().in_bucket(word("off")?),
        kwh.clone().named(word("export")?),
        QuantityKey::peak(Unit::Kw),
        QuantityKey::usage(Unit::Ccf),
        kwh.named(word("d0")?),
    ];
    let mut given = vec![quantity(kva, &bytes.decimal())?];
    for key in all {
        if bytes.once_in(4) {
            given.push(quantity(key, &bytes.decimal())?);
        }
    }
    Some(given)
}

/// Months before the period, the oldest first.
fn history(bytes: &mut Bytes<'_>, first_on: Date) -> Option<Vec<Past>> {
    let months = bytes.below(26);
    let mut past = Vec::with_capacity(months);
    let mut last_on = first_on.previous_day()?;
    for month in 0..months {
        let begins = last_on - Duration::days(27 + i64::try_from(month % 5).ok()?);
        past.push(Past {
            period: Period::new(begins, last_on)?,
            quantities: vec![
                quantity(QuantityKey::usage(Unit::Ccf), &bytes.decimal())?,
                quantity(QuantityKey::peak(Unit::Kw), &bytes.decimal())?,
            ],
            charged: vec![(word("r0")?, Money::from_minor(i64::from(bytes.byte()) * 31 - 500))],
        });
        last_on = begins.previous_day()?;
    }
    past.reverse();
    Some(past)
}

fn series_of(bytes: &mut Bytes<'_>, unit: Unit, name: Option<Word>, period: Period) -> Option<Series> {
    let minutes = [60, 30, 15, 1_440, 5, 45, 7][bytes.below(7)];
    let first_on = period.first_on() - Duration::days(i64::try_from(bytes.below(3)).ok()?);
    let covered = (period.last_on() - first_on).whole_days() + 1 + i64::from(bytes.once_in(3));
    let count = usize::try_from(covered * (1_440 / i64::from(minutes)) + 2).ok()?;
    let (scale, most, below) = match bytes.below(5) {
        0 => (3, 5_000, 0),
        1 => (0, 9, 0),
        2 => (3, 5_000, 2_500),
        3 => (10, i64::MAX, 0),
        _ => (1, 300, 0),
    };
    let scale = if bytes.once_in(40) { 11 } else { scale };
    let seed = bytes.seed();
    let values = (0..count)
        .map(|at| {
            let stirred = Bytes::spread(seed ^ u64::try_from(at).unwrap_or(0));
            let value = i64::try_from(stirred >> 1).unwrap_or(0) % most;
            // Quiet hours are many.
            if stirred.is_multiple_of(3) { 0 } else { value - below }
        })
        .collect();
    let change = |on, forward_minutes| ClockChange { on, at_minute: 120, forward_minutes };
    let clock_changes = match bytes.below(4) {
        0 => vec![],
        1 => vec![change(day("2026-03-08")?, 60)],
        2 => vec![change(day("2026-03-29")?, -60)],
        _ => {
            vec![change(day("2025-03-08")?, 60), change(day("2026-02-01")?, i16::from(bytes.byte()) * 9)]
        }
    };
    Some(Series { unit, name, minutes, first_on, scale, values, clock_changes })
}

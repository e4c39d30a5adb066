//! What an adapter makes, and what the engine made of it.

use crate::{Stop, number};
use rating::Series;
use rating::{
    Characteristic, DerivedQuantity, InForce, ItemCount, Line, LineKind, Past, Quantity, QuantityKey,
    QuantityKind, RateVersion, RatingInput, Word, rate,
};
use serde_json::{Value, json};
use time::Date;
use vocab::decimal;
use vocab::{Currency, Decimal, Frequency, Period, RateScheduleId, RateVersionId, Unit};

/// A tariff in our JSON form and a segment's inputs.
#[derive(Debug, Clone)]
pub struct Rating {
    /// The dated versions, each a [`rating::tariff::Tariff`].
    pub versions: Vec<Value>,
    /// How amounts are rounded; [`Currency::UNROUNDED`] where the source does not round.
    pub currency: Currency,
    /// The charged days.
    pub period: Period,
    /// The period that they are part of.
    pub whole_period: Option<Period>,
    /// What per-period amounts are of.
    pub frequency: Frequency,
    /// Quantities of the period.
    pub quantities: Vec<Quantity>,
    /// Items counted.
    pub items: Vec<ItemCount>,
    /// Characteristics of the customer.
    pub characteristics: Vec<Characteristic>,
    /// Interval data.
    pub series: Vec<Series>,
    /// Earlier periods.
    pub history: Vec<Past>,
}

impl Rating {
    /// Unrounded, monthly, with nothing measured.
    pub const fn new(period: Period) -> Self {
        Self {
            versions: Vec::new(),
            currency: Currency::UNROUNDED,
            period,
            whole_period: None,
            frequency: Frequency::Monthly,
            quantities: Vec::new(),
            items: Vec::new(),
            characteristics: Vec::new(),
            series: Vec::new(),
            history: Vec::new(),
        }
    }

    /// One version in force from long ago, of these parts.
    pub fn tariff(&mut self, parts: Parts) {
        self.versions = vec![parts.version("1900-01-01")];
    }

    /// Adds a quantity.
    pub fn quantity(&mut self, key: QuantityKey, value: Decimal) {
        self.quantities.push(Quantity { key, value });
    }

    /// Rates it with the ordinary engine.
    pub fn rate(&self) -> Result<Bill, Stop> {
        let versions = self
            .versions
            .iter()
            .map(|json| RateVersion::from_value(json.clone(), &self.currency))
            .collect::<Result<Vec<_>, _>>()?;
        let in_force: Vec<InForce<'_>> =
            (1..).zip(&versions).map(|(id, version)| InForce { id: RateVersionId(id), version }).collect();
        let intervals: Vec<_> = self.series.iter().map(Series::lent).collect();
        let rated = rate(&RatingInput {
            whole_period: self.whole_period,
            quantities: &self.quantities,
            items: &self.items,
            characteristics: &self.characteristics,
            intervals: &intervals,
            history: &self.history,
            ..RatingInput::new(RateScheduleId(1), self.period, self.frequency, &in_force, self.currency)
        })?;
        Ok(Bill { currency: self.currency, derived: rated.derived().to_vec(), lines: rated.lines().to_vec() })
    }
}

/// The parts of a tariff version, while an adapter gathers them.
#[derive(Debug, Clone, Default)]
pub struct Parts {
    /// Seasons of the calendar.
    pub seasons: Vec<Value>,
    /// Times of use.
    pub times_of_use: Vec<Value>,
    /// Quantities that are worked out.
    pub quantities: Vec<Value>,
    /// Rules, in order.
    pub rules: Vec<Value>,
}

impl Parts {
    /// Adds a rule, with a basis of proration in our JSON form, or charged once.
    pub fn rule(&mut self, id: &str, charge: Value, proration: Option<Value>) {
        let proration = proration.unwrap_or_else(|| json!({ "basis": "never" }));
        self.rules.push(json!({
            "id": id, "label": { "en": "Charge" }, "charge": charge, "proration": proration,
        }));
    }

    /// The version in our JSON form.
    pub fn version(self, effective_on: &str) -> Value {
        json!({
            "effective_on": effective_on,
            "calendar": { "seasons": self.seasons, "times_of_use": self.times_of_use },
            "quantities": self.quantities,
            "rules": self.rules,
        })
    }
}

/// What the engine made of a rating.
#[derive(Debug, Clone)]
pub struct Bill {
    currency: Currency,
    derived: Vec<DerivedQuantity>,
    lines: Vec<Line>,
}

impl Bill {
    /// The lines.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// What a line comes to: exactly, where the source does not round.
    pub fn amount_of(&self, line: &Line) -> Decimal {
        if self.currency == Currency::UNROUNDED {
            line.unrounded
        } else {
            self.currency.to_decimal(line.amount_minor)
        }
    }

    /// The sum of the lines that are meant.
    pub fn sum(&self, meant: impl Fn(&Line) -> bool) -> Result<Decimal, Stop> {
        let amounts = self.lines.iter().filter(|line| meant(line)).map(|line| self.amount_of(line));
        Ok(decimal::sum(amounts)?)
    }

    /// The sum of a rule's lines.
    pub fn amount(&self, rule: &str) -> Result<Decimal, Stop> {
        self.sum(|line| line.rule.as_str() == rule)
    }

    /// The sum of all lines.
    pub fn total(&self) -> Result<Decimal, Stop> {
        self.sum(|_| true)
    }

    /// The sum of the quantities that a rule priced.
    pub fn quantity(&self, rule: &str) -> Result<Decimal, Stop> {
        let of_rule = self.lines.iter().filter(|line| line.rule.as_str() == rule);
        Ok(decimal::sum(of_rule.filter_map(|line| line.quantity.as_ref()).map(|quantity| quantity.value))?)
    }

    /// Per tier of a rule, from the first, what its priced lines have.
    pub fn by_tier(&self, rule: &str, of: impl Fn(&Line) -> Decimal) -> Result<Vec<Decimal>, Stop> {
        let mut tiers: Vec<Decimal> = Vec::new();
        for line in self.lines.iter().filter(|line| line.rule.as_str() == rule) {
            let Some(tier) = &line.tier else { continue };
            let place = usize::try_from(tier.number).unwrap_or(1).saturating_sub(1);
            if tiers.len() <= place {
                tiers.resize(place + 1, Decimal::ZERO);
            }
            tiers[place] = decimal::add(tiers[place], of(line))?;
        }
        Ok(tiers)
    }

    /// What is used in each tier of a rule.
    pub fn used_by_tier(&self, rule: &str) -> Result<Vec<Decimal>, Stop> {
        self.by_tier(rule, |line| {
            let priced = line.kind != LineKind::Flat;
            line.quantity.as_ref().filter(|_| priced).map_or(Decimal::ZERO, |quantity| quantity.value)
        })
    }

    /// A quantity that the tariff worked out.
    pub fn derived(&self, name: &str) -> Option<Decimal> {
        self.derived.iter().find(|of| of.name.as_str() == name && of.bucket.is_none()).map(|of| of.value)
    }
}

/// A word of ours, or why there is none.
pub fn word(text: &str) -> Result<Word, Stop> {
    text.parse().map_err(|_| Stop::because(format!("`{text}` is longer than a name may be, or empty")))
}

/// A key of a quantity under a name.
pub fn named(unit: Unit, kind: QuantityKind, name: &str) -> Result<QuantityKey, Stop> {
    Ok(QuantityKey { unit, bucket: None, name: Some(word(name)?), kind })
}

/// The JSON form of a key.
pub fn key_json(key: &QuantityKey) -> Value {
    serde_json::to_value(key).unwrap_or_default()
}

/// The JSON form of a fixed price.
pub fn price(value: Decimal) -> Value {
    Value::String(number::text(number::without_noise(value)))
}

/// A rule's id out of any text.
pub fn slug(text: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    let slug: String = text.chars().map(plain).take(48).collect();
    if slug.is_empty() { "rule".to_owned() } else { slug }
}

/// Whether a day is a Saturday or a Sunday.
pub fn is_weekend(day: Date) -> bool {
    matches!(day.weekday(), time::Weekday::Saturday | time::Weekday::Sunday)
}

/// The days of a calendar month.
pub fn month_period(year: i32, month: u8) -> Option<Period> {
    let month = time::Month::try_from(month).ok()?;
    let first = Date::from_calendar_date(year, month, 1).ok()?;
    let last = Date::from_calendar_date(year, month, month.length(year)).ok()?;
    Period::new(first, last)
}

/// So many days from a date on.
pub fn days_from(first: Date, days: i64) -> Result<Period, Stop> {
    let last = first.checked_add(time::Duration::days(days - 1));
    last.and_then(|last| Period::new(first, last))
        .ok_or_else(|| Stop::because(format!("{days} days are no period")))
}

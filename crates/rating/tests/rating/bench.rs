//! A segment put together for a test.

use rating::{
    BankBalance, Characteristic, Exemption, FactorTable, FactorValue, InForce, Intervals, ItemCount,
    LinesDocument, OtherSegment, Past, Quantity, QuantityKey, RateVersion, Rated, RatingError, RatingInput,
    Series, Word, rate,
};
use time::Date;
use vocab::{Currency, Decimal, Frequency, Money, Period, RateScheduleId, RateVersionId, Unit};

pub fn word(text: &str) -> Word {
    text.parse().unwrap()
}

pub fn number(text: &str) -> Decimal {
    vocab::decimal::parse(text).unwrap()
}

pub fn day(text: &str) -> Date {
    vocab::dates::civil::parse(text).unwrap()
}

/// A version from its rules' JSON.
pub fn version(effective_on: &str, rules: &str) -> RateVersion {
    let json = format!(r#"{{"effective_on":"{effective_on}","rules":[{rules}]}}"#);
    RateVersion::parse(&json, &Currency::USD).unwrap_or_else(|faults| panic!("{faults:?}"))
}

/// A version with more than rules: `around` has further members of the tariff.
pub fn tariff(effective_on: &str, around: &str, rules: &[String]) -> RateVersion {
    let json = format!(r#"{{"effective_on":"{effective_on}",{around},"rules":[{}]}}"#, rules.join(","));
    RateVersion::parse(&json, &Currency::USD).unwrap_or_else(|faults| panic!("{faults:?}"))
}

/// A rule with the defaults.
pub fn rule(id: &str, charge: &str) -> String {
    rule_with(id, charge, "")
}

/// A rule with further members.
pub fn rule_with(id: &str, charge: &str, more: &str) -> String {
    format!(r#"{{"id":"{id}","label":{{"en":"{id}"}},"charge":{{{charge}}}{more}}}"#)
}

/// The independent verifier agrees with every line and with the total.
pub fn prove(rated: &Rated, currency: Currency) {
    let text = rated.clone().into_document().to_json().unwrap();
    let checked = proof::verify_lines(&text, rated.total().minor(), currency.minor_digits());
    assert_eq!(checked, Ok(proof::Checked { lines: rated.lines().len() }), "{text}");
    assert_eq!(LinesDocument::parse(&text).unwrap().lines(), rated.lines());
    crate::explained::check(rated, currency);
}

#[derive(Debug, Clone)]
pub struct Segment {
    pub period: Period,
    pub whole_period: Option<Period>,
    pub is_first: bool,
    pub is_final: bool,
    pub frequency: Frequency,
    pub versions: Vec<RateVersion>,
    pub quantities: Vec<Quantity>,
    pub items: Vec<ItemCount>,
    pub characteristics: Vec<Characteristic>,
    pub factors: Vec<FactorValue>,
    pub exemptions: Vec<Exemption>,
    pub series: Vec<Series>,
    pub history: Vec<Past>,
    pub segments: Vec<OtherSegment>,
    pub banks: Vec<BankBalance>,
    pub currency: Currency,
}

/// Whole kWh, from what each interval of each day has.
pub fn kwh(minutes: u16, first_on: &str, days: usize, value: impl Fn(usize, usize) -> i64) -> Series {
    let per_day = 1_440 / usize::from(minutes);
    let values = (0..days).flat_map(|day| (0..per_day).map(move |at| (day, at)));
    let values: Vec<Decimal> = values.map(|(day, at)| Decimal::from(value(day, at))).collect();
    Series::new(Unit::Kwh, minutes, day(first_on), &values).unwrap()
}

/// The same numbers with decimals.
pub fn scaled(scale: u32, series: Series) -> Series {
    Series { scale, ..series }
}

impl Segment {
    /// Of these days, monthly, with these versions.
    pub fn new(first_on: &str, last_on: &str, versions: Vec<RateVersion>) -> Self {
        Self {
            period: Period::new(day(first_on), day(last_on)).unwrap(),
            whole_period: None,
            is_first: false,
            is_final: false,
            frequency: Frequency::Monthly,
            versions,
            quantities: Vec::new(),
            items: Vec::new(),
            characteristics: Vec::new(),
            factors: Vec::new(),
            exemptions: Vec::new(),
            series: Vec::new(),
            history: Vec::new(),
            segments: Vec::new(),
            banks: Vec::new(),
            currency: Currency::USD,
        }
    }

    pub fn quantity(mut self, key: QuantityKey, value: &str) -> Self {
        self.quantities.push(Quantity { key, value: number(value) });
        self
    }

    pub fn usage(self, unit: Unit, value: &str) -> Self {
        self.quantity(QuantityKey::usage(unit), value)
    }

    pub fn factor(mut self, factor: &str, from: &str, value: &str) -> Self {
        self.factors.push(FactorValue {
            factor: word(factor),
            characteristic: None,
            effective_on: day(from),
            value: number(value),
        });
        self
    }

    pub fn series(mut self, series: Series) -> Self {
        self.series.push(series);
        self
    }

    pub fn characteristic(mut self, name: &str, value: &str) -> Self {
        self.characteristics.push(Characteristic { name: word(name), value: value.to_owned() });
        self
    }

    pub fn item(mut self, item: &str, count: &str) -> Self {
        self.items.push(ItemCount { item: word(item), count: number(count) });
        self
    }

    pub fn bank(mut self, bank: &str, bucket: Option<&str>, balance: &str) -> Self {
        let (bank, bucket) = (word(bank), bucket.map(word));
        self.banks.push(BankBalance { bank, bucket, balance: number(balance) });
        self
    }

    /// An earlier period with a quantity and what a rule charged.
    pub fn past(mut self, days: (&str, &str), quantity: (QuantityKey, &str), charged: (&str, i64)) -> Self {
        self.history.push(Past {
            period: Period::new(day(days.0), day(days.1)).unwrap(),
            quantities: vec![Quantity { key: quantity.0, value: number(quantity.1) }],
            charged: vec![(word(charged.0), Money::from_minor(charged.1))],
        });
        self
    }

    pub fn rate(&self) -> Result<Rated, RatingError> {
        let versions: Vec<InForce<'_>> = (1..)
            .zip(&self.versions)
            .map(|(id, version)| InForce { id: RateVersionId(id), version })
            .collect();
        let intervals: Vec<Intervals<'_>> = self.series.iter().map(Series::lent).collect();
        let schedule = RateScheduleId(1);
        rate(&RatingInput {
            whole_period: self.whole_period,
            is_first: self.is_first,
            is_final: self.is_final,
            quantities: &self.quantities,
            items: &self.items,
            characteristics: &self.characteristics,
            factors: &FactorTable::new(self.factors.clone()),
            exemptions: &self.exemptions,
            intervals: &intervals,
            history: &self.history,
            segments: &self.segments,
            banks: &self.banks,
            ..RatingInput::new(schedule, self.period, self.frequency, &versions, self.currency)
        })
    }

    /// Rated, and found right by the independent verifier from the stored text alone.
    pub fn rated(&self) -> Rated {
        let rated = self.rate().unwrap();
        prove(&rated, self.currency);
        rated
    }

    /// The lines' amounts in order.
    pub fn amounts(&self) -> Vec<String> {
        self.rated().lines().iter().map(|line| self.currency.format(line.amount_minor)).collect()
    }

    pub fn total(&self) -> String {
        self.currency.format(self.rated().total())
    }

    /// The quantities that the lines price, in order.
    pub fn priced(&self) -> Vec<String> {
        let rated = self.rated();
        let quantities = rated.lines().iter().filter_map(|line| line.quantity.as_ref());
        quantities.map(|quantity| quantity.value.normalize().to_string()).collect()
    }

    /// The values that were worked out, in order.
    pub fn worked_out(&self) -> Vec<String> {
        self.rated().derived().iter().map(|of| of.value.normalize().to_string()).collect()
    }
}

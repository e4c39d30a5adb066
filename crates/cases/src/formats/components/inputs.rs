//! What a case says of the customer's period: days, quantities, reads, earlier use.

use crate::bill::{days_from, key_json, month_period, named, price};
use crate::{Fields, Rating, Stop};
use rating::{Past, Quantity, QuantityKey, QuantityKind};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use time::Date;
use vocab::{Decimal, Period, Unit, decimal};

/// The use that reads say.
pub const FROM_READS: &str = "usage_units";

/// The inputs, translated.
pub struct Inputs {
    /// With period, quantities and history.
    pub rating: Rating,
    /// Whether the case states its days.
    pub has_days: bool,
    /// Quantities that can be priced, by the case's name.
    pub known: BTreeMap<String, QuantityKey>,
    /// Definitions of those that are worked out, in order.
    pub definitions: Vec<Value>,
    /// The one that stands for the use that is not given.
    pub stand_in: Option<QuantityKey>,
    /// What the reads come to.
    read_use: Option<Decimal>,
    /// The last day of the parts of the period.
    segments_end: Option<Date>,
}

impl Inputs {
    /// Reads the inputs and the tariff's derived quantities.
    pub fn read(inputs: &Fields<'_>, tariff: &Fields<'_>) -> Result<Self, Stop> {
        inputs.describe(&["note", "notes"]);
        let (period, whole) = days(inputs)?;
        let nominal = month_period(2025, 1).ok_or_else(|| Stop::because("no period"))?;
        let mut rating = Rating::new(period.unwrap_or(nominal));
        rating.whole_period = whole;
        let mut all = Self {
            rating,
            has_days: period.is_some(),
            known: BTreeMap::new(),
            definitions: Vec::new(),
            stand_in: None,
            read_use: None,
            segments_end: None,
        };
        if let Some(quantities) = inputs.object("quantities")? {
            for name in quantities.keys() {
                let key = named(unit(name), QuantityKind::Usage, name)?;
                all.rating.quantity(key.clone(), quantities.need_number(name)?);
                all.known.insert(name.to_owned(), key);
            }
        }
        if let Some(reads) = inputs.object("reads")? {
            all.reads(&reads)?;
        }
        for key in inputs.keys().filter(|key| key.starts_with("winter_")) {
            all.winter(&key["winter_".len()..], inputs.list(key)?)?;
        }
        for (place, of) in tariff.list("derived_quantities")?.iter().enumerate() {
            all.derive(&Fields::of(tariff.place(&format!("derived_quantities[{place}]")), of)?)?;
        }
        for (place, of) in inputs.list("segments")?.iter().enumerate() {
            let of = Fields::of(inputs.place(&format!("segments[{place}]")), of)?;
            all.segment(&of, place)?;
        }
        if all.segments_end.is_some_and(|end| end != all.rating.period.last_on()) {
            return Err(inputs.wrong("segments", "parts of the period that end with it"));
        }
        inputs.finish()?;
        Ok(all)
    }

    /// A part of the period, whose quantities are given under their own names: it follows the one
    /// before it.
    fn segment(&mut self, of: &Fields<'_>, place: usize) -> Result<(), Stop> {
        let wrong = || Stop::because(format!("part {} of the period does not follow", place + 1));
        of.describe(&["note", "baseline_per_day"]);
        let (start, end, days) = (of.date("start")?, of.date("end")?, of.whole("days")?);
        of.finish()?;
        let follows = match self.segments_end {
            None => Some(self.rating.period.first_on()).filter(|_| self.has_days),
            Some(end) => end.next_day(),
        };
        let part = start.zip(end).and_then(|(start, end)| Period::new(start, end)).ok_or_else(wrong)?;
        if follows != Some(part.first_on()) || days.is_some_and(|days| days != part.days()) {
            return Err(wrong());
        }
        self.segments_end = Some(part.last_on());
        Ok(())
    }

    /// The reads are the one use that components price and nobody gives. Where all are given, they
    /// are one of them.
    pub fn reads_stand_for<'n>(&mut self, priced: impl Iterator<Item = &'n str>) -> Result<(), Stop> {
        let Some(read_use) = self.read_use else { return Ok(()) };
        let missing: BTreeSet<&str> = priced.filter(|name| !self.known.contains_key(*name)).collect();
        match missing.into_iter().collect::<Vec<_>>().as_slice() {
            [] => {
                let given = &self.rating.quantities;
                if given.is_empty() || given.iter().any(|of| of.value == read_use) {
                    return Ok(());
                }
                Err(Stop::because(format!("the reads come to {read_use}, which is no use that is given")))
            }
            [name] if !matches!(unit(name), Unit::Kw | Unit::Kva) => Ok(()),
            [name] => Err(Stop::because(format!("reads of a use, and `{name}` is a demand"))),
            [name, ..] => {
                Err(Stop::because(format!("reads of one use, and `{name}` and others are missing")))
            }
        }
    }

    /// Use as the difference of two reads, a wrap of the dials included.
    fn reads(&mut self, reads: &Fields<'_>) -> Result<(), Stop> {
        let (present, previous) = (reads.need_number("present")?, reads.need_number("previous")?);
        let multiplier = reads.number("multiplier")?.unwrap_or(Decimal::ONE);
        let with = json!({
            "present": { "price": price(present) },
            "previous": { "price": price(previous) },
            "multiplier": { "price": price(multiplier) },
        });
        let went_back = present < previous;
        let (wrap, span) = match reads.whole("dials")? {
            None if went_back => return Err(Stop::because("the reads go back, and no `dials` wrap")),
            None => ("0".to_owned(), Decimal::ZERO),
            Some(dials @ 1..=15) => {
                let span = format!("1{}", "0".repeat(usize::try_from(dials).unwrap_or(0)));
                let wrapped = crate::number::parse(&span).filter(|_| went_back).unwrap_or_default();
                (format!("if(present < previous, {span}, 0)"), wrapped)
            }
            Some(_) => return Err(reads.wrong("dials", "1 to 15")),
        };
        reads.finish()?;
        let turned = decimal::add(decimal::sub(present, previous)?, span)?;
        self.read_use = Some(decimal::mul(turned, multiplier)?);
        let formula = format!("(present - previous + {wrap}) * multiplier");
        self.define(FROM_READS, Unit::Item, json!({ "method": "formula", "with": with, "value": formula }))?;
        self.stand_in = self.known.get(FROM_READS).cloned();
        Ok(())
    }

    /// The average of the uses of earlier months, which end before this period's month.
    fn winter(&mut self, name: &str, uses: &[Value]) -> Result<(), Stop> {
        let key = named(unit(name), QuantityKind::Usage, name)?;
        let first = self.rating.period.first_on();
        let count = i32::try_from(uses.len()).ok().filter(|count| (1..=12).contains(count));
        let count = count.ok_or_else(|| Stop::because("a winter average is of 1 to 12 uses"))?;
        let now = first.year() * 12 + i32::from(u8::from(first.month())) - 1;
        let mut months = Vec::new();
        for (month, value) in (now - count..now).zip(uses) {
            let of_year = u8::try_from(month.rem_euclid(12) + 1).unwrap_or(1);
            let period = month_period(month.div_euclid(12), of_year);
            let period = period.ok_or_else(|| Stop::because("no month before the period"))?;
            let value = crate::number::needed(value, &format!("inputs.winter_{name}"))?;
            let quantities = vec![Quantity { key: key.clone(), value }];
            self.rating.history.push(Past { period, quantities, charged: Vec::new() });
            months.push(of_year);
        }
        let average = format!("winter_average_{name}");
        let from = json!({ "method": "average", "quantity": key_json(&key), "months": months });
        self.define(&average, unit(name), from)?;
        if !self.known.contains_key(name)
            && let Some(average) = self.known.get(&average).cloned()
        {
            self.known.insert(name.to_owned(), average);
        }
        Ok(())
    }

    /// `{"name": "eru", "formula": "sqft / 2840", "round": 1}`.
    fn derive(&mut self, of: &Fields<'_>) -> Result<(), Stop> {
        let name = of.need_text("name")?;
        let formula = of.need_text("formula")?;
        let decimals = of.whole("round")?;
        of.describe(&["note"]);
        of.finish()?;
        if self.known.contains_key(name) {
            return Err(Stop::because(format!("`{name}` is both given and worked out")));
        }
        let with: serde_json::Map<String, Value> = identifiers(formula)
            .filter_map(|name| {
                Some((name.to_owned(), json!({ "quantity": key_json(self.known.get(name)?) })))
            })
            .collect();
        self.define(name, unit(name), json!({ "method": "formula", "with": with, "value": formula }))?;
        if let (Some(decimals), Some(Value::Object(definition))) = (decimals, self.definitions.last_mut()) {
            definition.insert("decimals".to_owned(), decimals.into());
        }
        Ok(())
    }

    fn define(&mut self, name: &str, unit: Unit, from: Value) -> Result<(), Stop> {
        let key = named(unit, QuantityKind::Usage, name)?;
        self.definitions.push(json!({ "name": name, "unit": unit.as_str(), "kind": "usage", "from": from }));
        self.known.insert(name.to_owned(), key);
        Ok(())
    }
}

/// The charged days, and the whole period that they are part of.
fn days(inputs: &Fields<'_>) -> Result<(Option<Period>, Option<Period>), Stop> {
    let Some(period) = inputs.object("period")? else { return Ok((None, None)) };
    let Some(start) = period.date("start")? else { return Err(Stop::because("a period without a start")) };
    let (end, days) = (period.date("end")?, period.whole("days")?);
    let inclusive = period.get("inclusive").map(|_| period.flag("inclusive")).transpose()?;
    period.finish()?;
    let until = |inclusive: bool| {
        let last = if inclusive { end } else { end.and_then(Date::previous_day) };
        last.and_then(|last| Period::new(start, last))
    };
    let whole = match (days, inclusive) {
        (Some(days), _) => {
            let whole = days_from(start, days)?;
            let mut ends = [true, false].into_iter().filter(|of| inclusive.is_none_or(|said| said == *of));
            if end.is_some() && !ends.any(|inclusive| until(inclusive) == Some(whole)) {
                return Err(Stop::because(format!("the period's days are not the {days} that are stated")));
            }
            whole
        }
        (None, _) if end.is_none() => return Err(Stop::because("a period without an end")),
        (None, None) => return Err(Stop::because("a period that does not say whether its end is charged")),
        (None, Some(inclusive)) => {
            until(inclusive).ok_or_else(|| Stop::because("the period ends before it begins"))?
        }
    };
    let first = inputs.date("service_start")?.unwrap_or(whole.first_on());
    let last = inputs.date("service_end")?.unwrap_or(whole.last_on());
    let served = Period::new(first, last).and_then(|served| served.intersection(&whole));
    let served = served.ok_or_else(|| Stop::because("the service lies outside the period"))?;
    match inputs.whole("billable_days")? {
        Some(stated) if stated != served.days() => {
            Err(Stop::because(format!("{stated} billable days are stated, {} are served", served.days())))
        }
        _ => Ok((Some(served), Some(whole))),
    }
}

/// The unit that a quantity's name is, where it is one.
fn unit(name: &str) -> Unit {
    match name {
        "kwh" => Unit::Kwh,
        "kw" => Unit::Kw,
        "kva" => Unit::Kva,
        "kgal" => Unit::Kgal,
        "gal" | "gallons" => Unit::Gallon,
        "ccf" | "hcf" => Unit::Ccf,
        "m3" => Unit::CubicMetre,
        "therm" | "therms" => Unit::Therm,
        "mj" => Unit::Megajoule,
        _ => Unit::Item,
    }
}

/// The names in a formula.
fn identifiers(formula: &str) -> impl Iterator<Item = &str> {
    formula
        .split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.'))
        .filter(|word| word.starts_with(|c: char| c.is_ascii_alphabetic()))
}

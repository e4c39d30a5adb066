//! Billing demand: a share of earlier peaks that is charged at least.

use super::options::{derived, word};
use crate::{Stop, number};
use rating::tariff::{Charge, Operand, QuantityKey, QuantityKind, Source, Tariff, Thresholds};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use vocab::{Decimal, Unit};

/// Billing demand.
#[derive(Debug, Clone)]
pub(super) struct Ratchet {
    /// How many months of the year count; of the year before, one more.
    pub(super) look_back: u8,
    /// Percent of a peak by the month it was set in.
    percents: Vec<Decimal>,
    minimum: Decimal,
    /// Peaks of the year before, by month.
    pub(super) year_zero: Vec<Decimal>,
}

impl Ratchet {
    /// The options of billing demand.
    pub(super) fn read(options: &Map<String, Value>) -> Option<Self> {
        let rows = options.get("ur_billing_demand_lookback_percentages")?.as_array()?;
        let mut percents = Vec::with_capacity(12);
        for row in rows {
            let pair = row.as_array()?;
            // A month whose own demand does not count is a rule of its own that we do not have.
            if pair.get(1)?.as_f64()? == 0.0 {
                return None;
            }
            // More than the whole would be of the month's own peak too.
            let share = number::read(pair.first()?)?;
            percents.push(Some(share).filter(|share| *share <= Decimal::ONE_HUNDRED)?);
        }
        let flagged = |row: &Value| row.get(1).and_then(Value::as_f64).is_some_and(|flag| flag != 0.0);
        let all = options.get("ur_dc_billing_demand_periods")?.as_array()?.iter().all(flagged);
        let year_zero: Vec<Decimal> = match options.get("ur_yearzero_usage_peaks") {
            None => vec![Decimal::ZERO; 12],
            Some(peaks) => peaks.as_array()?.iter().map(number::read).collect::<Option<_>>()?,
        };
        (all && percents.len() == 12 && year_zero.len() == 12).then_some(())?;
        let look_back = u8::try_from(options.get("ur_billing_demand_lookback_period")?.as_u64()?).ok()?;
        Some(Self {
            look_back: Some(look_back).filter(|months| *months <= 12)?,
            percents,
            minimum: options.get("ur_billing_demand_minimum").map_or(Some(Decimal::ZERO), number::read)?,
            year_zero,
        })
    }

    /// Flat demand, and hours of use, go by the billing demand.
    pub(super) fn rewrite(&self, tariff: &mut Tariff, look_back: u8) -> Result<(), Stop> {
        let by_time = tariff.rules.iter().any(|rule| rule.id.as_str().starts_with("demand-tou"));
        if by_time {
            return Err(Stop::because("billing demand of demand by time of use"));
        }
        let peak = QuantityKey::peak(Unit::Kw);
        let mut with = BTreeMap::new();
        let mut names = Vec::new();
        let mut distinct = self.percents.clone();
        distinct.sort_unstable();
        distinct.dedup();
        for (at, percent) in distinct.iter().enumerate() {
            let months = (1..).zip(&self.percents).filter(|(_, of)| *of == percent);
            let in_months: Vec<u8> = months.map(|(month, _)| month).collect();
            let name = format!("ratchet_{at}");
            let source = Source::Ratchet {
                quantity: peak.clone(),
                months: look_back.max(1),
                in_months,
                percent: if look_back == 0 { Decimal::ZERO } else { *percent },
                minimum: Some(self.minimum),
            };
            let of = derived(&name, Unit::Kw, QuantityKind::Level, source)?;
            with.insert(word(&name)?, Operand::Quantity(of.key(None)));
            tariff.quantities.push(of);
            names.push(name);
        }
        let source = Source::Formula { with, value: format!("max({})", names.join(", ")) };
        let billed = derived("billed", Unit::Kw, QuantityKind::Level, source)?;
        let key = billed.key(None);
        tariff.quantities.push(billed);
        for rule in &mut tariff.rules {
            let flat = rule.id.as_str().starts_with("demand-flat");
            match &mut rule.charge {
                Charge::Unit { quantity, .. } if flat => *quantity = key.clone(),
                Charge::Tiered { quantity, .. } if flat => *quantity = key.clone(),
                Charge::Tiered { thresholds: Thresholds::Quantity { of }, .. }
                | Charge::TimeOfUseTiered { thresholds: Thresholds::Quantity { of }, .. } => {
                    *of = key.clone()
                }
                _ => {}
            }
        }
        Ok(())
    }
}

//! Current charges: one block per segment, in billing sequence.

use super::labels;
use crate::Result;
use billing::Calculation;
use invoicing::{Line, LineKind, LocalText, Quantity, ReadPoint, ReadRow, ServiceCharges, UsageMonth};
use metering::ReadUsed;
use rating::LineKind as Rated;
use store::bills::{BilledContract, PastUsage};
use vocab::{Commodity, Money, Period, Unit};

/// One segment, posted or drafted.
pub(super) struct Part {
    pub(super) contract: i64,
    pub(super) period: Period,
    pub(super) total: Money,
    pub(super) estimated: bool,
    pub(super) calc: Calculation,
}

/// The blocks of a bill; `usage` is the account's history by date, this bill's included when it
/// is posted.
pub(super) fn services(
    mut parts: Vec<Part>,
    contracts: &[&BilledContract],
    usage: &[&PastUsage],
) -> Result<Vec<ServiceCharges>> {
    let place = |part: &Part| contracts.iter().position(|contract| contract.contract_id == part.contract);
    parts.sort_by_key(|part| place(part).unwrap_or(usize::MAX));
    parts
        .into_iter()
        .map(|part| {
            let contract = contracts.iter().find(|contract| contract.contract_id == part.contract).copied();
            service(part, contract, usage)
        })
        .collect()
}

fn service(part: Part, contract: Option<&BilledContract>, usage: &[&PastUsage]) -> Result<ServiceCharges> {
    let commodity = contract.map_or(Commodity::Other, |contract| contract.commodity);
    let type_name = contract.map(|contract| contract.type_name.clone()).unwrap_or_default();
    let rate_name = contract.and_then(|contract| contract.rate_name.clone()).unwrap_or(type_name.clone());
    let usage_unit = part.calc.reads.iter().map(|read| read.unit).find(|unit| is_volume(*unit));
    let mut months = Vec::new();
    if let Some(unit) = usage_unit {
        for past in usage.iter().filter(|past| past.contract_id == part.contract) {
            months.push(past_month(past, unit)?);
        }
        if !months.iter().any(|month| month.ended_on == part.period.last_on()) {
            months.push(month(&part.calc.reads, unit, part.period, part.estimated)?);
        }
    }
    let mut lines: Vec<Line> = part.calc.lines.iter().map(line).collect();
    lines.extend(part.calc.charges.iter().map(|charge| Line {
        kind: LineKind::Charge,
        label: labels::of_label(&charge.label),
        quantity: None,
        price: None,
        amount: charge.amount,
    }));
    lines.extend(part.calc.terms.iter().map(|term| Line {
        kind: LineKind::Charge,
        label: labels::of_terms(term),
        quantity: None,
        price: None,
        amount: term.amount,
    }));
    Ok(ServiceCharges {
        commodity,
        service_name: if commodity == Commodity::Other {
            LocalText::english(type_name)
        } else {
            LocalText::default()
        },
        rate_name: LocalText::english(rate_name),
        service_address: contract.map(address).unwrap_or_default(),
        period: part.period,
        estimated: part.estimated,
        reads: part.calc.reads.iter().map(read_row).collect(),
        lines,
        total: part.total,
        usage: months,
        usage_unit,
    })
}

fn address(contract: &BilledContract) -> String {
    let parts = [Some(contract.line1.as_str()), contract.line2.as_deref(), Some(contract.city.as_str())];
    let parts: Vec<&str> = parts.into_iter().flatten().filter(|part| !part.trim().is_empty()).collect();
    parts.join(", ")
}

/// Demand and reactive registers say nothing about how much was used.
const fn is_volume(unit: Unit) -> bool {
    !matches!(unit, Unit::Kw | Unit::Kva | Unit::Kvarh)
}

fn past_month(past: &PastUsage, unit: Unit) -> Result<UsageMonth> {
    let reads: Vec<ReadUsed> = serde_json::from_value(past.reads.clone())?;
    let period = Period::new(past.first_on, past.last_on)
        .ok_or_else(|| crate::Error::Fault("a segment that ends before it begins".to_owned()))?;
    month(&reads, unit, period, past.estimated)
}

fn month(reads: &[ReadUsed], unit: Unit, period: Period, estimated: bool) -> Result<UsageMonth> {
    // What the customer gave is no use.
    let is_use = |read: &&ReadUsed| read.unit == unit && read.quantity_name.is_none();
    let used = reads.iter().filter(is_use).map(|read| read.quantity);
    Ok(UsageMonth {
        ended_on: period.last_on(),
        days: u16::try_from(period.days()).unwrap_or(u16::MAX),
        quantity: labels::shown(vocab::decimal::sum(used)?),
        estimated,
    })
}

fn read_row(read: &ReadUsed) -> ReadRow {
    let previous = read.start_value.zip(read.start_quality).map(|(value, quality)| ReadPoint {
        read_on: read.start_on,
        value: value.normalize(),
        quality,
    });
    ReadRow {
        meter_serial: read.serial.clone(),
        register: read.tou_bucket.clone(),
        previous,
        current: Some(ReadPoint {
            read_on: read.end_on,
            value: read.end_value.normalize(),
            quality: read.end_quality,
        }),
        multiplier: read.multiplier.normalize(),
        usage: Quantity { value: labels::shown(read.quantity), unit: read.unit },
    }
}

fn line(line: &rating::Line) -> Line {
    let priced =
        matches!(line.kind, Rated::Unit | Rated::Tier | Rated::Volume | Rated::Item | Rated::Package);
    let quantity = line.quantity.as_ref().map(|quantity| Quantity {
        value: labels::shown(quantity.value),
        unit: quantity.unit.unwrap_or(Unit::Item),
    });
    let packages = line
        .packages
        .as_ref()
        .map(|packages| Quantity { value: packages.started.normalize(), unit: Unit::Item });
    Line {
        kind: if line.kind == Rated::Tax { LineKind::Tax } else { LineKind::Charge },
        label: labels::of_line(line),
        quantity: packages.or(quantity).filter(|_| priced),
        price: priced.then(|| line.price.normalize()),
        amount: line.amount_minor,
    }
}

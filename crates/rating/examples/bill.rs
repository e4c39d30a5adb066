//! A month of electricity under a tariff of two rules.

use rating::{InForce, Quantity, QuantityKey, RateVersion, RatingInput, explain, rate};
use time::macros::date;
use vocab::{Currency, Decimal, Frequency, Money, Period, RateScheduleId, RateVersionId, Unit};

const TARIFF: &str = r#"{"effective_on": "2026-01-01", "rules": [
    {"id": "customer", "label": {"en": "Customer charge"}, "charge": {"kind": "flat", "amount": "12.00"}},
    {"id": "energy", "label": {"en": "Energy, {quantity} kWh"},
     "charge": {"kind": "unit", "quantity": {"unit": "kwh"}, "price": "0.10"}}]}"#;

/// Forty dollars: 12.00, and 280 kWh at 0.10.
pub fn main() -> Result<(), Box<dyn std::error::Error>> {
    let usd = Currency::USD;
    let version = RateVersion::parse(TARIFF, &usd).map_err(|faults| format!("{faults:?}"))?;
    let versions = [InForce { id: RateVersionId(1), version: &version }];
    let quantities = [Quantity { key: QuantityKey::usage(Unit::Kwh), value: Decimal::from(280) }];
    let february = Period::new(date!(2026 - 02 - 01), date!(2026 - 02 - 28)).ok_or("no days")?;
    let rated = rate(&RatingInput {
        quantities: &quantities,
        ..RatingInput::new(RateScheduleId(1), february, Frequency::Monthly, &versions, usd)
    })?;
    assert_eq!(rated.total(), Money::from_minor(4_000));
    assert_eq!(explain::line(rated.lines(), 1, &usd)[0].to_string(), "280 × 0.10 = 28");
    Ok(())
}

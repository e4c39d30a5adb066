//! Cases of our own with something changed: priced as the source would, or refused, or failed.

use crate::adapters::{own_cases, run};
use cases::Outcome;
use serde_json::{Value, json};

/// A case of our own with some values replaced.
fn tampered(id: &str, changes: &[(&str, Value)]) -> Outcome {
    let mut case = own_cases().into_iter().find(|case| case["id"] == id).unwrap();
    for (pointer, value) in changes {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        match case.pointer_mut(parent).unwrap() {
            Value::Array(list) => list[key.parse::<usize>().unwrap()] = value.clone(),
            object => object[key] = value.clone(),
        }
    }
    run(&case)
}

/// What would be priced as if it were not there, or guessed, is refused by name.
#[test]
fn a_tampered_case_is_refused_by_name() {
    let months = |percent: u8| json!(vec![json!([percent, 1]); 12]);
    let prices = json!([[{ "rate": -0.1, "unit": "kWh" }], [{ "rate": 0.1, "unit": "kWh" }]]);
    refused(&[
        ("pysam-carried", vec![("/inputs/calendar_year", json!(2024))], "2018"),
        ("pysam-carried", vec![("/inputs/timezone", json!("America/New_York"))], "timezone"),
        ("pysam-carried", vec![("/inputs/load_escalation", json!(5))], "load_escalation"),
        ("pysam-carried", vec![("/inputs/load_file", json!("files/load.csv"))], "8760"),
        ("pysam-carried", vec![("/inputs/generation_file", json!(null))], "generation_scale"),
        ("pysam-carried", vec![("/expected/monthly/0/sales_tax", json!(5))], "sales_tax"),
        ("pysam-carried", vec![("/expected/annual_tax", json!(5))], "annual_tax"),
        ("pysam-carried", vec![("/tariff/pysam/ur_nm_credit_month", json!(u64::MAX))], "0 to 11"),
        ("pysam-carried", vec![("/tariff/pysam/ur_net_billing_credit_month", json!(4))], "ur_net_billing"),
        ("pysam-carried", vec![("/tariff/pysam/ur_nb_credit_expire", json!(1))], "expire"),
        ("pysam-carried", vec![("/tariff/dgrules", json!("Buy All Sell All"))], "dgrules"),
        ("pysam-carried", vec![("/tariff/energyratestructure", prices)], "below zero"),
        ("pysam-sold", vec![("/tariff/energyratestructure/0/0/max", json!(100))], "limit"),
        (
            "pysam-look-back",
            vec![("/tariff/pysam/ur_billing_demand_lookback_percentages", months(110))],
            "billing demand",
        ),
        ("reopt-hours", vec![("/inputs/load_file", json!("files/load.csv"))], "load_file"),
        ("reopt-hours", vec![("/inputs/constant_kw", json!(0))], "either"),
        ("reopt-hours", vec![("/inputs/value_kw", json!(7))], "these words"),
        ("reopt-hours", vec![("/tariff/pysam", json!({}))], "tariff.pysam"),
    ]);
}

/// The name of a case of our own, what is changed in it, and a part of the reason.
type Tampering = (&'static str, Vec<(&'static str, Value)>, &'static str);

fn refused(all: &[Tampering]) {
    for (id, changes, reason) in all {
        let outcome = tampered(id, changes);
        let Outcome::NotExpressible { reason: found } = &outcome else { panic!("{changes:?}: {outcome:?}") };
        assert!(found.contains(reason), "{changes:?}: {found}");
    }
}

#[test]
fn tampered_components_are_refused_by_name() {
    let (bill, reads) = ("components-bill", "components-reads");
    let period = |rest: Value| {
        let mut period = json!({ "start": "2026-04-01", "end": "2026-04-30" });
        period.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        vec![("/inputs/period", period)]
    };
    let prorate = json!("days / 30, never more than half");
    let parts = |end: &str, days: u8| {
        let first = json!({ "start": "2026-04-16", "end": "2026-04-20", "days": days });
        vec![("/inputs/segments", json!([first, { "start": "2026-04-21", "end": end }]))]
    };
    refused(&[
        (bill, period(json!({})), "whether its end is charged"),
        (bill, period(json!({ "days": 60 })), "60"),
        (bill, period(json!({ "days": 29, "inclusive": true })), "29"),
        (bill, vec![("/tariff/components/0/prorate", prorate)], "prorate"),
        (bill, vec![("/inputs/segments", json!([{ "rates": {} }]))], "rates"),
        (bill, parts("2026-04-30", 6), "does not follow"),
        (bill, parts("2026-04-29", 5), "end with it"),
        (bill, vec![("/inputs/reads", json!({ "previous": 0, "present": 5 }))], "the reads come to 5"),
        (bill, vec![("/expected/amounts", json!(["1.00", "2.00"]))], "amounts"),
        (bill, vec![("/expected/tier_amounts/none", json!(["0"]))], "no component"),
        (reads, vec![("/tariff/components/0/quantity", json!("kw"))], "a demand"),
        (reads, vec![("/tariff/components/1/quantity", json!("kwh"))], "one use"),
        (reads, vec![("/inputs/reads/dials", json!(null))], "go back"),
    ]);
    assert!(matches!(tampered(bill, &parts("2026-04-30", 5)), Outcome::Passed { .. }));
    let unknown_line = [("/expected/lines/none", json!("0.00"))];
    assert!(matches!(tampered(bill, &unknown_line), Outcome::Failed { .. }));
}

#[test]
fn tampered_tariffs_of_other_formats_are_refused_by_name() {
    let month = "tou-month";
    let starts = |start: Value| vec![("/tariff/rate/tier_starts/values/s/1", start)];
    refused(&[
        (month, vec![("/tariff/windows/rest_weekday_off_peak", json!("08:00-10:00"))], "is of both"),
        (month, vec![("/tariff/windows/rest_weekday_peak", json!("22:00-06:00"))], "not within a day"),
        (month, vec![("/inputs/hourly", json!("1 kWh (but) 9 kWh every hour"))], "is not known"),
        ("owrs-tiered", vec![("/inputs/usage_ccf/0", json!(7))], "usage_ccf"),
        ("owrs-tiered", vec![("/tariff/bill_unit", json!("acre-feet"))], "acre-feet"),
        ("owrs-tiered", starts(json!(6.5)), "tier 2"),
        ("ratchet", vec![("/tariff/lookback_percent", json!(75))], "lookback_percent"),
        ("ratebook-charge-window", vec![("/inputs/tier", json!(-5))], "tier"),
        ("ratebook-refusal", vec![("/expected/total", json!("1"))], "total"),
        (
            "cdr-time-of-use",
            vec![("/tariff/plan/data/geography/distributors/0", json!("SA Power Networks"))],
            "clock",
        ),
        (
            "cdr-time-of-use",
            vec![("/tariff/plan/data/electricityContract/pricingModel", json!("QUOTA"))],
            "QUOTA",
        ),
        (
            "cdr-time-of-use",
            vec![("/tariff/plan/data/electricityContract/tariffPeriod/0/timeZone", json!("AEST"))],
            "AEST",
        ),
        (
            "cdr-time-of-use",
            vec![("/tariff/plan/data/electricityContract/tariffPeriod/0/dailySupplyCharges", json!("1"))],
            "dailySupplyCharge",
        ),
        (
            "cdr-time-of-use",
            vec![(
                "/tariff/plan/data/electricityContract/tariffPeriod/0/timeOfUseRates/0/generalUnitPrice",
                json!("1"),
            )],
            "quota",
        ),
    ]);
}

#[test]
fn fields_that_the_simulator_passes_over_change_nothing() {
    let fuel = json!(vec![0.01; 12]);
    let changes = [("/tariff/fueladjustmentsmonthly", fuel), ("/tariff/minmonthlycharge", json!(5000))];
    assert!(matches!(tampered("pysam-carried", &changes), Outcome::Passed { .. }));
}

/// The engine's refusal is a failure, not something that the format cannot say.
#[test]
fn what_the_engine_cannot_rate_has_failed() {
    let changes = [("/tariff/energyratestructure/0/0/rate", json!(1e17))];
    let outcome = tampered("pysam-money-credits", &changes);
    assert!(matches!(outcome, Outcome::Failed { .. }), "{outcome:?}");
}

/// What a list of cells leaves out is nothing.
#[test]
fn a_cell_that_is_not_listed_must_be_nothing() {
    for list in ["energy_detail", "demand_tou_detail"] {
        let pointer = format!("/expected/monthly/0/{list}");
        let case = own_cases().into_iter().find(|case| case["id"] == "pysam-tiers-demand").unwrap();
        let kept = case.pointer(&pointer).unwrap()[0].clone();
        let outcome = tampered("pysam-tiers-demand", &[(&pointer, json!([kept]))]);
        assert!(matches!(outcome, Outcome::Failed { .. }), "{list}: {outcome:?}");
    }
}

/// A difference is worth more than a key that nobody knows; words are for the reader.
#[test]
fn a_difference_comes_before_an_unknown_key() {
    let changes = [("/expected/annual_energy_charge", json!("99")), ("/expected/annual_fixed", json!("1"))];
    assert!(matches!(tampered("reopt-hours", &changes), Outcome::Failed { .. }));
    let changes = [("/expected/annual_fixed", json!("1"))];
    assert!(matches!(tampered("reopt-hours", &changes), Outcome::NotExpressible { .. }));
}

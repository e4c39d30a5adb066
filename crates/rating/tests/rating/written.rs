//! A tariff with everything in it is written as it was read.

use rating::RateVersion;
use serde_json::Value;
use vocab::Currency;

const FULL: &str = include_str!("../golden/tariff_full.json");

#[test]
fn a_tariff_with_everything_is_written_as_it_was_read() {
    let version = RateVersion::parse(FULL, &Currency::USD).unwrap_or_else(|faults| panic!("{faults:?}"));
    let written: Value = serde_json::from_str(&version.to_json().unwrap()).unwrap();
    let read: Value = serde_json::from_str(FULL).unwrap();
    assert_eq!(written, read);
    assert_eq!(RateVersion::from_value(written, &Currency::USD).unwrap(), version);
}

#[test]
fn everything_is_in_it() {
    let read: Value = serde_json::from_str(FULL).unwrap();
    let text = read.to_string();
    for word in [
        "flat",
        "unit",
        "tiered",
        "volume",
        "time_of_use_tiered",
        "item",
        "package",
        "percentage",
        "tax",
        "minimum",
        "maximum",
        "discount",
        "formula",
        "summary",
        "bank",
        "credit",
        "average",
        "ratchet",
        "net",
        "by_use",
        "in_time_order",
        "each_day",
        "fixed",
        "nth",
        "easter",
        "once",
        "lookup",
        "factor",
        "quantity",
        "nominal",
        "whole_period",
        "year",
        "per_day",
        "never",
        "at_start",
        "at_end",
        "segment",
        "characteristic",
        "rolling",
        "when",
        "season",
        "selected_by",
        "gl_account",
        "service",
        "rounding",
        "each_line",
    ] {
        assert!(text.contains(&format!("\"{word}\"")), "{word}");
    }
}

//! A tariff with a calendar, quantities that are worked out, and rules of every kind.

use super::bytes::Bytes;
use super::charges;
use serde_json::{Value, json};

/// The first day of a version that is alone.
pub const EFFECTIVE_ON: &str = "2020-01-01";

/// What rules may name.
#[derive(Debug, Default)]
pub struct Names {
    /// Whether there are buckets of the calendar.
    pub timed: bool,
    /// Keys of quantities that were defined.
    pub defined: Vec<Value>,
    /// Names of net quantities.
    pub nets: Vec<String>,
    /// Ids of rules.
    pub rules: Vec<String>,
}

/// A tariff from [`EFFECTIVE_ON`] on.
pub fn json(bytes: &mut Bytes<'_>) -> String {
    whole(bytes, EFFECTIVE_ON)
}

/// When the same tariff begins again, if it does.
pub fn second(bytes: &mut Bytes<'_>) -> Option<String> {
    bytes.once_in(3).then(|| inside(bytes))
}

/// Another tariff that follows, if one does.
pub fn json_after(bytes: &mut Bytes<'_>) -> Option<String> {
    if !bytes.once_in(3) {
        return None;
    }
    let from = inside(bytes);
    Some(whole(bytes, &from))
}

/// A day on which periods are charged, often.
fn inside(bytes: &mut Bytes<'_>) -> String {
    format!("2026-{:02}-{:02}", 1 + bytes.below(5), 1 + bytes.below(28))
}

fn whole(bytes: &mut Bytes<'_>, effective_on: &str) -> String {
    let mut names = Names { timed: bytes.below(4) != 1, ..Names::default() };
    let mut tariff = json!({"effective_on": effective_on, "rules": []});
    if names.timed {
        tariff["calendar"] = calendar(bytes);
    }
    if bytes.once_in(2) {
        let minutes = [15, 30, 60, 20, 120][bytes.below(5)];
        tariff["demand"] = json!({"minutes": minutes, "rolling": bytes.once_in(2)});
    }
    let mut quantities = Vec::new();
    for index in 0..bytes.below(4) {
        let name = format!("d{index}");
        let mut definition = derived(bytes, &mut names, &name);
        if bytes.once_in(3) {
            definition["decimals"] = json!(bytes.below(5));
            definition["rounding"] = json!(bytes.one(&["half_away_from_zero", "half_even", "down", "up"]));
        }
        let kind = definition.get("kind").cloned().unwrap_or(json!("level"));
        names.defined.push(json!({"unit": definition["unit"], "kind": kind, "name": name}));
        quantities.push(definition);
    }
    if !quantities.is_empty() {
        tariff["quantities"] = Value::Array(quantities);
    }
    let mut rules = Vec::new();
    for index in 0..1 + bytes.below(7) {
        rules.push(rule(bytes, &mut names, index));
    }
    for (index, net) in names.nets.iter().enumerate() {
        let kept = rules.iter().any(|rule| rule["charge"]["net"] == **net);
        if !kept && bytes.below(3) != 1 {
            let id = format!("b{index}");
            rules.push(json!({"id": id, "label": {"en": id}, "charge": charges::bank(bytes, net.clone())}));
        }
    }
    tariff["rules"] = Value::Array(rules);
    tariff.to_string()
}

fn calendar(bytes: &mut Bytes<'_>) -> Value {
    let mut windows = Vec::new();
    for _ in 0..bytes.below(4) {
        let mut window = json!({"bucket": bytes.one(&["on", "mid"])});
        if bytes.once_in(3) {
            window["season"] = json!("summer");
        }
        if bytes.once_in(3) {
            window["months"] = json!([1 + bytes.below(12), 4]);
        }
        if bytes.once_in(6) {
            window["dates"] = json!([inside(bytes), inside(bytes)]);
        }
        if bytes.once_in(2) {
            window["days"] = json!([bytes.one(&["weekday", "weekend", "holiday", "sunday", "tuesday"])]);
        }
        window["from"] = json!(format!("{:02}:{:02}", bytes.below(24), bytes.below(12) * 5));
        window["to"] = json!(bytes.one(&["21:00", "24:00", "06:30", "00:00"]));
        windows.push(window);
    }
    let mut times = json!({"id": "energy", "windows": windows, "otherwise": "off"});
    if !windows.is_empty() && bytes.once_in(5) {
        times = json!({"id": "energy", "windows": windows});
    }
    let holidays = json!([
        {"kind": "fixed", "on": bytes.one(&["07-04", "01-01", "02-29"]), "observed": "nearest_weekday"},
        {"kind": "nth", "nth": -1, "weekday": "monday", "month": 5, "plus_days": bytes.below(3)},
        {"kind": "easter", "plus_days": -2},
        {"kind": "once", "date": inside(bytes)},
    ]);
    json!({
        "seasons": [
            {"id": "summer", "spans": [{"from": bytes.one(&["04-11", "02-29", "11-15"]), "to": bytes.one(&["09-30", "03-10"])}]},
        ],
        "holidays": holidays,
        "times_of_use": [times],
    })
}

fn derived(bytes: &mut Bytes<'_>, names: &mut Names, name: &str) -> Value {
    match bytes.below(5) {
        0 => {
            let (with, text) = charges::formula(bytes, names, false);
            json!({"name": name, "unit": bytes.one(&["kwh", "kw", "ccf"]),
                   "kind": bytes.one(&["level", "usage", "peak"]),
                   "from": {"method": "formula", "with": with, "value": text}})
        }
        1 => {
            let mut from = json!({"method": "average", "quantity": {"unit": "ccf"},
                                  "months": [12, 1, 1 + bytes.below(12)]});
            if bytes.below(4) != 1 {
                from["default"] = json!(bytes.decimal());
            }
            if bytes.once_in(2) {
                from["cap"] = json!(bytes.decimal());
            }
            json!({"name": name, "unit": "ccf", "from": from})
        }
        2 => {
            let mut from = json!({"method": "ratchet", "quantity": {"unit": "kw", "kind": "peak"},
                                  "months": 1 + bytes.below(24), "percent": bytes.positive()});
            if bytes.once_in(2) {
                from["in_months"] = json!([7, 8, 1 + bytes.below(12)]);
            }
            if bytes.once_in(2) {
                from["minimum"] = json!(bytes.decimal());
            }
            json!({"name": name, "unit": "kw", "from": from})
        }
        _ => {
            // Each has a bank of its own, the first the one that the account has something in.
            let bank = if names.nets.is_empty() { "solar".to_owned() } else { format!("solar-{name}") };
            let mut from = json!({"method": "net", "bank": bank, "delivered": {"unit": "kwh"},
                                  "received": {"unit": "kwh", "name": "export"}});
            if names.timed && bytes.once_in(2) {
                from["buckets"] = json!(["off"]);
                if bytes.once_in(2) {
                    from["buckets"] = json!(["on", "off"]);
                }
            }
            names.nets.push(name.to_owned());
            json!({"name": name, "unit": "kwh", "kind": "usage", "from": from})
        }
    }
}

fn rule(bytes: &mut Bytes<'_>, names: &mut Names, index: usize) -> Value {
    let id = format!("r{index}");
    let mut rule = json!({"id": id, "label": {"en": id}, "charge": charges::charge(bytes, names)});
    let banked = rule["charge"]["kind"] == "bank";
    if names.timed && !banked && bytes.once_in(4) {
        rule["season"] = json!("summer");
        rule["season_change"] = json!(bytes.one(&["by_days", "at_start", "at_end"]));
    }
    if !banked && bytes.once_in(6) {
        rule["when"] = json!({"characteristic": "size", "is": [bytes.one(&["1in", "2in"])]});
    }
    if bytes.once_in(2) {
        rule["proration"] = [
            json!({"basis": "nominal", "days": "30.4375", "tolerance": "0"}),
            json!({"basis": "whole_period"}),
            json!({"basis": "year"}),
            json!({"basis": "per_day"}),
            json!({"basis": "never"}),
        ][bytes.below(5)]
        .clone();
    }
    if bytes.once_in(4) {
        rule["decimals"] = json!(bytes.below(3));
        rule["rounding"] = json!(bytes.one(&["half_away_from_zero", "half_even", "down", "up"]));
    }
    names.rules.push(id);
    rule
}

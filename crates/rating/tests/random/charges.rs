//! Charges of every kind, and formulas.

use super::bytes::Bytes;
use super::tariff::Names;
use serde_json::{Map, Value, json};

pub(super) fn charge(bytes: &mut Bytes<'_>, names: &Names) -> Value {
    let kind = bytes.below(if names.rules.is_empty() { 8 } else { 18 });
    match kind {
        0 => json!({"kind": "flat", "amount": price(bytes)}),
        1 => json!({"kind": "unit", "quantity": key(bytes, names), "price": price(bytes)}),
        2 => json!({"kind": "tiered", "quantity": key(bytes, names), "thresholds": thresholds(bytes, names),
                    "tiers": tiers(bytes, names)}),
        3 => {
            let mut charge = json!({"kind": "volume", "quantity": key(bytes, names),
                                    "thresholds": thresholds(bytes, names), "tiers": tiers(bytes, names)});
            if bytes.once_in(2) {
                charge["selected_by"] = key(bytes, names);
            }
            charge
        }
        4 => {
            let all = [bytes.one(&["off", "on"]), bytes.one(&["on", "off", "mid"])];
            let count = 1 + bytes.below(2);
            let buckets: Vec<Value> = all
                .iter()
                .take(count)
                .map(|bucket| json!({"bucket": bucket, "tiers": tiers(bytes, names)}))
                .collect();
            json!({"kind": "time_of_use_tiered", "quantity": {"unit": "kwh"},
                   "filling": bytes.one(&["by_use", "in_time_order"]),
                   "thresholds": thresholds(bytes, names), "buckets": buckets})
        }
        5 => json!({"kind": "item", "item": "lamp", "price": price(bytes)}),
        6 => {
            json!({"kind": "package", "quantity": key(bytes, names), "size": format!("{}", 1 + bytes.below(40)),
                    "free": bytes.positive(), "price": price(bytes)})
        }
        7 => formula_charge(bytes, names),
        8 => json!({"kind": "percentage", "percent": price(bytes), "of": of(bytes, names)}),
        9 => json!({"kind": "tax", "tax": "state", "percent": price(bytes), "of": of(bytes, names),
                    "each_line": bytes.once_in(3)}),
        10 => {
            let mut charge = json!({"kind": "minimum", "amount": price(bytes), "of": of(bytes, names)});
            if bytes.once_in(2) {
                charge["settled"] = json!({"every": "year", "month": 1 + bytes.below(5)});
            }
            charge
        }
        11 => json!({"kind": "maximum", "amount": price(bytes), "of": of(bytes, names)}),
        12 | 13 => {
            let mut charge = json!({"kind": "discount", "of": of(bytes, names)});
            charge[bytes.one(&["percent", "amount"])] = price(bytes);
            if bytes.once_in(2) {
                charge["cap"] = price(bytes);
            }
            charge
        }
        14 => json!({"kind": "summary", "of": of(bytes, names)}),
        15 => {
            let at = bytes.below(names.nets.len());
            bank(bytes, names.nets.get(at).cloned().unwrap_or_default())
        }
        16 => json!({"kind": "credit", "bank": "money", "of": of(bytes, names), "settled": settled(bytes),
                     "delayed": bytes.once_in(2),
                     "earned": [{"quantity": {"unit": "kwh", "name": "export"}, "price": price(bytes)},
                                {"quantity": key(bytes, names), "price": price(bytes)}]}),
        _ => formula_charge(bytes, names),
    }
}

/// What keeps the bank of a net quantity.
pub(super) fn bank(bytes: &mut Bytes<'_>, net: String) -> Value {
    json!({"kind": "bank", "net": net, "price": price(bytes), "settled": settled(bytes)})
}

fn formula_charge(bytes: &mut Bytes<'_>, names: &Names) -> Value {
    let (with, text) = formula(bytes, names, true);
    json!({"kind": "formula", "with": with, "amount": text})
}

fn settled(bytes: &mut Bytes<'_>) -> Value {
    [json!({"every": "never"}), json!({"every": "period"}), json!({"every": "year", "month": 4})]
        [bytes.below(3)]
    .clone()
}

fn of(bytes: &mut Bytes<'_>, names: &Names) -> Value {
    let last = names.rules.last().cloned().unwrap_or_default();
    let first = names.rules.first().cloned().unwrap_or_default();
    match bytes.below(4) {
        1 => json!([last]),
        2 if first != last => json!([first, last]),
        _ => json!("all"),
    }
}

fn price(bytes: &mut Bytes<'_>) -> Value {
    match bytes.below(10) {
        1 => json!({"from": "lookup", "characteristic": "size",
                    "values": {"1in": bytes.decimal(), "2in": bytes.decimal()}}),
        2 => {
            json!({"from": "factor", "factor": "fuel", "change": bytes.one(&["by_days", "at_start", "at_end"])})
        }
        3 => json!({"from": "factor", "factor": "zoned", "characteristic": "size"}),
        _ => json!(bytes.decimal()),
    }
}

/// A quantity: given, measured or worked out, as a rule.
fn key(bytes: &mut Bytes<'_>, names: &Names) -> Value {
    let bucket = if names.timed { bytes.one(&["off", "on", "mid"]) } else { "off" };
    match bytes.below(12) {
        1 => json!({"unit": "kwh", "bucket": bucket}),
        2 => json!({"unit": "kw", "kind": "peak"}),
        3 => json!({"unit": "kw", "kind": "peak", "bucket": bucket}),
        4 => json!({"unit": "kw", "kind": "daily_peaks"}),
        5 => json!({"unit": "kw", "kind": "daily_peaks", "bucket": bucket}),
        6 => json!({"unit": "kwh", "name": "export"}),
        7 => json!({"unit": "ccf"}),
        8 => json!({"unit": "kva", "kind": "peak"}),
        9 | 10 => {
            let at = bytes.below(names.defined.len());
            names.defined.get(at).cloned().unwrap_or_else(|| json!({"unit": "kwh"}))
        }
        11 if bytes.once_in(4) => {
            let at = bytes.below(names.nets.len());
            let net = names.nets.get(at).cloned().unwrap_or_default();
            json!({"unit": "kwh", "name": net, "bucket": bucket})
        }
        _ => json!({"unit": "kwh"}),
    }
}

/// A peak or a level.
fn level(bytes: &mut Bytes<'_>, names: &Names) -> Value {
    let at = bytes.below(names.defined.len() + 1);
    names.defined.get(at).cloned().unwrap_or_else(|| json!({"unit": "kw", "kind": "peak"}))
}

fn thresholds(bytes: &mut Bytes<'_>, names: &Names) -> Value {
    match bytes.below(8) {
        1 => json!({"per": "day"}),
        2 => json!({"per": "each_day"}),
        3 => json!({"per": "item", "item": "lamp"}),
        4 => json!({"per": "quantity", "of": level(bytes, names)}),
        _ => json!({"per": "period"}),
    }
}

fn tiers(bytes: &mut Bytes<'_>, names: &Names) -> Value {
    let mut tiers = Vec::new();
    let mut top = 0;
    for _ in 0..bytes.below(4) {
        top += 1 + bytes.below(200);
        let up_to = match bytes.below(8) {
            1 => json!({"from": "lookup", "characteristic": "size",
                        "values": {"1in": bytes.decimal(), "2in": "50"}}),
            2 => json!({"from": "quantity", "quantity": level(bytes, names)}),
            _ => json!(format!("{top}.{}", bytes.below(100))),
        };
        tiers.push(json!({"up_to": up_to, "price": price(bytes)}));
    }
    tiers.push(json!({"price": price(bytes)}));
    for tier in &mut tiers {
        if bytes.once_in(5) {
            tier["flat"] = price(bytes);
        }
    }
    Value::Array(tiers)
}

/// A formula with what its names stand for.
pub(super) fn formula(bytes: &mut Bytes<'_>, names: &Names, of_rule: bool) -> (Value, String) {
    let mut with = Map::new();
    for name in ["a", "b", "c"].iter().take(bytes.below(4)) {
        let operand = match bytes.below(7) {
            1 => json!({"item": "lamp"}),
            2 => json!({"price": price(bytes)}),
            3 => json!({"characteristic": "area"}),
            4 => json!({"segment": {"of": "water", "quantity": {"unit": "ccf"}}}),
            5 if of_rule && !names.rules.is_empty() => json!({"rule": names.rules.last()}),
            _ => json!({"quantity": key(bytes, names)}),
        };
        with.insert((*name).to_owned(), operand);
    }
    let known: Vec<&str> = with.keys().map(String::as_str).chain(["days"]).collect();
    let text = expression(bytes, &known, 0);
    (Value::Object(with), text)
}

fn expression(bytes: &mut Bytes<'_>, names: &[&str], depth: usize) -> String {
    let name = |bytes: &mut Bytes<'_>| bytes.one(names).to_owned();
    if depth > 4 {
        return name(bytes);
    }
    let a = expression(bytes, names, depth + 1);
    match bytes.below(14) {
        1 => bytes.positive(),
        2 => format!("{a} + {}", expression(bytes, names, depth + 1)),
        3 => format!("({a} - {})", expression(bytes, names, depth + 1)),
        4 => format!("{a} * {}", expression(bytes, names, depth + 2)),
        5 => format!("{a} / {}", expression(bytes, names, depth + 2)),
        6 => format!("max({a}, {})", expression(bytes, names, depth + 1)),
        7 => format!("min({a}, {}, 9)", expression(bytes, names, depth + 1)),
        8 => format!("{}({a})", bytes.one(&["floor", "ceil", "abs"])),
        9 => format!("round({a}, {})", bytes.below(11)),
        10 => {
            let [b, c, d] = [(); 3].map(|()| expression(bytes, names, depth + 2));
            format!("if({a} {} {b}, {c}, {d})", bytes.one(&["<", "<=", ">", ">=", "="]))
        }
        11 => format!("-{a}"),
        _ => name(bytes),
    }
}

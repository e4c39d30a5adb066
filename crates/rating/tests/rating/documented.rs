//! The tariff page: every example is read, written back, matches the published schema, and comes
//! to the amounts that stand below it.

use crate::bench::{Segment, number, word};
use rating::tariff::{QuantityKey, QuantityKind};
use rating::{Characteristic, ItemCount, RateVersion};
use serde_json::{Value, json};
use vocab::Currency;

const PAGE: &str = include_str!("../../../../docs/tariffs.md");
const PUBLISHED: &str = include_str!("../../../../openapi/penstock.json");

struct Example {
    tariff: Value,
    /// Quantities and the amounts that they come to.
    rated: Vec<(String, Vec<String>)>,
}

fn examples() -> Vec<Example> {
    let mut all: Vec<Example> = Vec::new();
    let mut lines = PAGE.lines();
    while let Some(line) = lines.next() {
        if let Some(form) = line.strip_prefix("```json ") {
            let text: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            let value: Value = serde_json::from_str(&text.join("\n")).unwrap();
            let tariff = match form {
                "rules" => json!({ "effective_on": "2026-01-01", "rules": value }),
                "tariff" => value,
                other => panic!("{other}"),
            };
            all.push(Example { tariff, rated: Vec::new() });
        } else if let Some(claim) = line.strip_prefix("> For `") {
            let (given, amounts) = claim.split_once("`: ").unwrap();
            let amounts = amounts.split('`').skip(1).step_by(2).map(str::to_owned).collect();
            all.last_mut().unwrap().rated.push((given.to_owned(), amounts));
        }
    }
    all
}

/// `431 kwh`, `50 kw peak`, `100 kwh on_peak`, `500 kwh export`, `3 item:lamp`, `program=care`.
fn april(version: RateVersion, given: &str) -> Segment {
    let mut segment = Segment::new("2026-04-01", "2026-04-30", vec![version]);
    for part in given.split(", ").filter(|part| !part.is_empty()) {
        if let Some((name, value)) = part.split_once('=') {
            segment.characteristics.push(Characteristic { name: word(name), value: value.to_owned() });
            continue;
        }
        let words: Vec<&str> = part.split(' ').collect();
        if let Some(item) = words[1].strip_prefix("item:") {
            segment.items.push(ItemCount { item: word(item), count: number(words[0]) });
            continue;
        }
        let mut key = QuantityKey::usage(words[1].parse().unwrap());
        for more in &words[2..] {
            match *more {
                "peak" => key.kind = QuantityKind::Peak,
                "export" => key = key.named(word(more)),
                bucket => key = key.in_bucket(word(bucket)),
            }
        }
        segment = segment.quantity(key, words[0]);
    }
    segment
}

#[test]
fn the_first_example_of_the_crate_runs() {
    crate::example::main().unwrap();
}

#[test]
fn every_example_is_read_and_written_back() {
    for Example { tariff, .. } in examples() {
        let version = RateVersion::from_value(tariff.clone(), &Currency::USD)
            .unwrap_or_else(|faults| panic!("{faults:?}\n{tariff:#}"));
        let again = RateVersion::parse(&version.to_json().unwrap(), &Currency::USD).unwrap();
        assert_eq!(version, again);
    }
}

#[test]
fn every_example_comes_to_the_amounts_below_it() {
    let mut claims = 0;
    for Example { tariff, rated } in examples() {
        for (given, amounts) in rated {
            let version = RateVersion::from_value(tariff.clone(), &Currency::USD).unwrap();
            let rated = crate::explained::rated(&april(version, &given));
            let found: Vec<String> =
                rated.lines().iter().map(|line| Currency::USD.format(line.amount_minor)).collect();
            assert_eq!(found, amounts, "{given}: {tariff:#}");
            claims += 1;
        }
    }
    assert!(claims >= 20, "{claims}");
}

/// The published schema of a component, as a validator of its own.
fn published(component: &str) -> jsonschema::Validator {
    let document: Value = serde_json::from_str(PUBLISHED).unwrap();
    let root = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$ref": format!("#/components/schemas/{component}"),
        "components": document["components"],
    });
    jsonschema::validator_for(&root).unwrap()
}

#[test]
fn every_example_matches_the_published_schema() {
    let schema = published("Tariff");
    for Example { tariff, .. } in examples() {
        let errors: Vec<String> =
            schema.iter_errors(&tariff).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{errors:#?}\n{tariff:#}");
        // What is written back matches as well: stored versions are served under the same schema.
        let version = RateVersion::from_value(tariff, &Currency::USD).unwrap();
        assert!(schema.is_valid(&serde_json::from_str(&version.to_json().unwrap()).unwrap()));
    }
}

#[test]
fn every_kind_of_charge_and_quantity_has_an_example() {
    let document: Value = serde_json::from_str(PUBLISHED).unwrap();
    let words = |component: &str, tag: &str| -> Vec<String> {
        let variants = document["components"]["schemas"][component]["oneOf"].as_array().unwrap();
        variants.iter().map(|of| of["properties"][tag]["enum"][0].as_str().unwrap().to_owned()).collect()
    };
    let mut wanted: Vec<String> = Vec::new();
    for (component, tag) in [
        ("TariffCharge", "kind"),
        ("TariffQuantitySource", "method"),
        ("TariffHoliday", "kind"),
        ("TariffProration", "basis"),
    ] {
        wanted.extend(words(component, tag).iter().map(|word| format!("\"{tag}\":\"{word}\"")));
    }
    assert!(wanted.len() > 25, "{wanted:?}");
    let written: String = examples().iter().map(|of| of.tariff.to_string()).collect();
    let missing: Vec<&String> = wanted.iter().filter(|word| !written.contains(*word)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn the_published_schema_refuses_what_the_reader_refuses() {
    let schema = published("Tariff");
    let rule = |charge: Value| {
        json!({ "effective_on": "2026-01-01",
                "rules": [{ "id": "a", "label": { "en": "A" }, "charge": charge }] })
    };
    let tiers =
        |tiers: Value| rule(json!({ "kind": "tiered", "quantity": { "unit": "kwh" }, "tiers": tiers }));
    for wrong in [
        json!({ "rules": [] }),
        rule(json!({ "kind": "flat", "amount": 12 })),
        rule(json!({ "kind": "flat", "amount": "1e3" })),
        rule(json!({ "kind": "flat", "amount": "1", "price": "1" })),
        rule(json!({ "kind": "magic" })),
        rule(json!({ "kind": "summary", "of": "some" })),
        rule(
            json!({ "kind": "flat", "amount": { "from": "lookup", "characteristic": "c", "values": { "a": 1 } } }),
        ),
        tiers(json!([{ "price": "1", "from": "5" }])),
        tiers(json!([{ "price": "1", "up_to": { "from": "quantity" } }])),
    ] {
        assert!(!schema.is_valid(&wrong), "{wrong:#}");
        assert!(RateVersion::from_value(wrong.clone(), &Currency::USD).is_err(), "{wrong:#}");
    }
}

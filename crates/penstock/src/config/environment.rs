//! Environment variables over the file: `PENSTOCK_HTTP_LISTEN` is `listen` in `[http]`.

use super::Config;
use anyhow::{Result, bail};
use serde_json::Value;
use std::collections::BTreeMap;

/// Variables that are no keys: the file itself, a password that must not stand on a command line,
/// and what the test suite passes to its tests.
const OTHERS: &[&str] =
    &["PENSTOCK_CONFIG", "PENSTOCK_ADMIN_PASSWORD", "PENSTOCK_BIN", "PENSTOCK_TEST_CLUSTER"];
/// Names that other programs know, or that were short before.
const ALIASES: &[(&str, &str)] =
    &[("DATABASE_URL", "PENSTOCK_DATABASE_URL"), ("PENSTOCK_RENDER", "PENSTOCK_RENDER_PROGRAM")];

/// A key and the value it has when nobody says anything.
pub(super) struct Key {
    pub(super) section: String,
    pub(super) name: String,
    default: Value,
}

/// Every key, by the environment variable that sets it.
pub(super) fn keys() -> Result<BTreeMap<String, Key>> {
    let mut keys = BTreeMap::new();
    let sections = serde_json::to_value(Config::default())?;
    for (section, entries) in sections.as_object().into_iter().flatten() {
        for (name, default) in entries.as_object().into_iter().flatten() {
            let variable = format!("PENSTOCK_{section}_{name}").to_uppercase();
            let key = Key { section: section.clone(), name: name.clone(), default: default.clone() };
            keys.insert(variable, key);
        }
    }
    Ok(keys)
}

/// Lays the variables over the table. An empty variable counts as unset.
pub(super) fn overlay(table: &mut toml::Table, environment: &[(String, String)]) -> Result<()> {
    let keys = keys()?;
    for (variable, text) in environment {
        let alias = ALIASES.iter().find(|(alias, _)| alias == variable);
        let name = alias.map_or(variable.as_str(), |(_, name)| name);
        if !name.starts_with("PENSTOCK_") || OTHERS.contains(&name) {
            continue;
        }
        let Some(key) = keys.get(name) else {
            bail!("the environment variable {variable} is not known; docs/operations.md lists them all");
        };
        if text.is_empty() {
            continue;
        }
        let section = table.entry(key.section.clone()).or_insert_with(|| toml::Table::new().into());
        let Some(section) = section.as_table_mut() else { bail!("[{}] must be a table", key.section) };
        section.insert(key.name.clone(), value(variable, text, &key.default)?);
    }
    Ok(())
}

fn value(variable: &str, text: &str, default: &Value) -> Result<toml::Value> {
    Ok(match default {
        Value::Bool(_) => match text {
            "true" | "1" => true.into(),
            "false" | "0" => false.into(),
            _ => bail!("{variable} must be true or false"),
        },
        Value::Number(_) => match text.parse::<i64>() {
            Ok(number) => number.into(),
            Err(_) => bail!("{variable} must be a whole number"),
        },
        Value::Array(_) => text.split(',').map(|part| part.trim().to_owned()).collect::<Vec<_>>().into(),
        _ => text.into(),
    })
}

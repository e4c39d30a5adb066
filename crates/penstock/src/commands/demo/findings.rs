//! What each planted trouble came to.

use super::month::Month;
use crate::rehearsal::client::Client;
use crate::town::{Plan, Trouble};
use anyhow::Result;
use rust_decimal::Decimal;
use serde_json::Value;
use std::collections::BTreeMap;

/// Prints what was found of each trouble; answers whether every one was found.
pub fn print(client: &Client, plan: &Plan, month: &Month, draws: &[Value]) -> Result<bool> {
    let mut planted: BTreeMap<String, Trouble> = BTreeMap::new();
    for home in plan.homes() {
        if let Some(trouble) = home.trouble {
            planted.insert(home.reference(), trouble);
        }
    }
    let mut found: BTreeMap<Trouble, Vec<(String, Option<String>)>> = BTreeMap::new();
    for account in client.all("/v1/accounts?")? {
        let Some(reference) = account["client_reference"].as_str() else { continue };
        if let Some(&trouble) = planted.get(reference) {
            let outcome = outcome(trouble, &account["id"], month, draws);
            found.entry(trouble).or_default().push((reference.to_owned(), outcome));
        }
    }
    println!("\n{:22} {:>8} {:>7}  first of them", "planted", "accounts", "found");
    let mut is_all = true;
    for (trouble, planted) in plan.troubles() {
        let of = found.remove(&trouble).unwrap_or_default();
        let count = of.iter().filter(|(_, outcome)| outcome.is_some()).count();
        is_all &= count as u64 == planted;
        let first = of.into_iter().next().unwrap_or_default();
        let said = first.1.unwrap_or_else(|| "not found".to_owned());
        println!("{:22} {planted:>8} {count:>7}  {}: {said}", trouble.name(), first.0);
    }
    Ok(is_all)
}

/// What became of the trouble at one account; none when it went unnoticed.
fn outcome(trouble: Trouble, account: &Value, month: &Month, draws: &[Value]) -> Option<String> {
    let of = |rows: &[Value], code: &str| {
        rows.iter().find(|row| row["account_id"] == *account && row["code"] == code).cloned()
    };
    let item = month.items.iter().find(|item| item["account_id"] == *account)?;
    let stands = match item["reason"].as_str() {
        Some(reason) => format!("account {}: {reason}", words(&item["state"])),
        None => format!("account {}", words(&item["state"])),
    };
    let flagged = |code: &str| {
        let flag = of(&month.flags, code)?;
        let (value, compared) = (plain(&flag["value"]), plain(&flag["compared"]));
        Some(format!("flag {code} ({value} against {compared}), {stands}"))
    };
    match trouble {
        Trouble::MissingRead => {
            let error = of(&month.errors, "missing_end_read")?;
            Some(format!("error missing_end_read ({}), {}", words(&error["detail"]), stands))
        }
        Trouble::Leak => flagged("high_usage"),
        Trouble::Stopped => flagged("zero_usage"),
        Trouble::Rollover => flagged("rollover").filter(|_| item["state"] == "accepted"),
        Trouble::NoAddress => {
            let flag = of(&month.flags, "missing_address")?;
            Some(format!("flag missing_address ({}), {stands}", words(&flag["value"]).trim()))
        }
        Trouble::DeclinedDebit | Trouble::DeclinedCard => {
            let draw = draws.iter().find(|draw| draw["account_id"] == *account)?;
            (draw["state"] == "failed").then(|| format!("draw failed: {}", words(&draw["reason_code"])))
        }
    }
}

fn words(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// A decimal without trailing zeros; anything else as it is.
fn plain(value: &Value) -> String {
    let text = words(value);
    text.parse::<Decimal>().map_or_else(|_| text.to_owned(), |number| number.normalize().to_string())
}

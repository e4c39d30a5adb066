//! What each planted trouble came to.

use super::client::Client;
use super::month::Month;
use crate::town::{Plan, Trouble};
use anyhow::Result;
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
    let state = || {
        let item = month.items.iter().find(|item| item["account_id"] == *account)?;
        Some(item["state"].as_str()?.to_owned())
    };
    let flagged = |code: &str| {
        let flag = of(&month.flags, code)?;
        Some(format!(
            "flag {code} ({} to {}), account {}",
            words(&flag["value"]),
            words(&flag["compared"]),
            state()?
        ))
    };
    match trouble {
        Trouble::MissingRead => {
            let error = of(&month.errors, "missing_end_read")?;
            Some(format!("error missing_end_read ({}), account {}", words(&error["detail"]), state()?))
        }
        Trouble::Leak => flagged("high_usage"),
        Trouble::Stopped => flagged("zero_usage"),
        Trouble::Rollover => flagged("rollover").filter(|_| state().is_some_and(|state| state == "accepted")),
        Trouble::NoAddress => {
            let refused = month.undrawn.iter().find(|row| row["account_id"] == *account);
            match refused {
                Some(row) => Some(format!("no letter: {}", words(&row["code"]))),
                None => flagged("missing_address"),
            }
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

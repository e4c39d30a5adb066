//! Step 8: collecting, on the day that the last draw falls due.

use super::month::by_word;
use crate::rehearsal::client::{Client, count, text};
use crate::rehearsal::table::{Table, Tally};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use vocab::dates::civil;

/// Between two questions to the gateway.
const ASK_AGAIN: Duration = Duration::from_millis(500);
/// The gateway decides within a second of taking a bank debit; this is for slow machines.
const DECIDED_WITHIN: Duration = Duration::from_secs(120);

/// Collects every planned draw, looks up what stays open, sends the receipts. Answers the draws.
pub fn collect(client: &Client, table: &mut Table, notes: &mut Vec<String>) -> Result<Vec<Value>> {
    let planned = client.all("/v1/draws?state=planned")?;
    let days = planned.iter().filter_map(|draw| civil::parse(draw["draw_on"].as_str()?));
    let target_on = days.max().context("no bill of the town is to be drawn")?;
    client.move_clock(target_on)?;
    notes.push(format!("business time stands at {}, the last day of a draw", civil::format(target_on)));
    let draws = table.step("8 payment run", || {
        let run = client.post("/v1/payment-runs", &json!({ "target_on": civil::format(target_on) }))?;
        let path = format!("/v1/payment-runs/{}", text(&run, "id")?);
        let begun = client.post(&format!("{path}/execute"), &json!({}))?;
        client.follow(&begun, "collecting payments")?;
        let begun = Instant::now();
        while is_open(&client.post(&format!("{path}/resolve"), &json!({}))?) {
            ensure!(begun.elapsed() < DECIDED_WITHIN, "the gateway leaves payments undecided");
            std::thread::sleep(ASK_AGAIN);
        }
        let draws = client.all(&format!("/v1/draws?payment_run_id={}", text(&run, "id")?))?;
        let failed = draws.iter().filter(|draw| draw["state"] == "failed").count() as u64;
        Ok((Tally { items: draws.len() as u64, errors: failed }, draws))
    })?;
    notes.push(format!("draws: {}", by_word(&draws, "state")));
    table.step("  send receipts and notices", || {
        let sending = client.post("/v1/deliveries/send", &json!({}))?;
        let sent = client.follow(&sending, "sending receipts")?;
        Ok((Tally { items: count(&sent["done"]), errors: count(&sent["failed"]) }, ()))
    })?;
    Ok(draws)
}

/// Whether a draw of the run is still undecided.
fn is_open(run: &Value) -> bool {
    let open = ["submitting", "pending", "unknown"];
    run["totals"].as_array().into_iter().flatten().any(|total| {
        total["state"].as_str().is_some_and(|state| open.contains(&state)) && count(&total["draws"]) > 0
    })
}

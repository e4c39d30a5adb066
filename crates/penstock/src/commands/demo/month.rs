//! Steps 3 to 7: test, review, accept, invoices, delivery.

use crate::rehearsal::client::{Client, count, text};
use crate::rehearsal::table::{Table, Tally};
use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

/// Flags that one request decides at most.
const DECIDED_AT_ONCE: usize = 1_000;

/// What the month came to, for the findings.
#[derive(Default)]
pub struct Month {
    /// Errors of the bill run.
    pub errors: Vec<Value>,
    /// Flags of the bill run, as they were found.
    pub flags: Vec<Value>,
    /// Accounts of the bill run with their last states.
    pub items: Vec<Value>,
    /// Lines about the steps, printed below the table.
    pub notes: Vec<String>,
}

/// Opens the window and bills it, up to accepted bills. Answers the bill run.
pub fn bill(client: &Client, window: &str, table: &mut Table, month: &mut Month) -> Result<String> {
    let made = client.post("/v1/bill-runs", &json!({ "window_id": window, "name": "The whole town" }))?;
    let run = text(&made, "id")?.to_owned();
    let test = table.step("3 test", || {
        let begun = client.post(&format!("/v1/bill-runs/{run}/tests"), &json!({}))?;
        client.follow(&begun["operation"], "testing")?;
        let after = client.get(&format!("/v1/bill-runs/{run}"))?;
        let tally = Tally { items: count(&after["accounts"]), errors: count(&after["items"]["error"]) };
        Ok((tally, text(&begun["test"], "id")?.to_owned()))
    })?;
    month.errors = client.all(&format!("/v1/bill-runs/{run}/errors?"))?;
    month.notes.push(format!("errors: {}", by_word(&month.errors, "code")));
    table.step("4 review", || review(client, &run, month))?;
    table.step("5 accept", || {
        let begun = client.post(&format!("/v1/bill-runs/{run}/accept"), &json!({ "test_id": test }))?;
        client.follow(&begun, "accepting")?;
        let after = client.get(&format!("/v1/bill-runs/{run}"))?;
        let accepted = count(&after["items"]["accepted"]);
        Ok((Tally { items: accepted, errors: count(&after["accounts"]).saturating_sub(accepted) }, ()))
    })?;
    month.items = client.all(&format!("/v1/bill-runs/{run}/items?"))?;
    month.notes.push(format!("accounts: {}", by_word(&month.items, "state")));
    let register = client.get(&format!("/v1/bill-runs/{run}/register?posted=true"))?;
    ensure!(register["completeness"]["adds_up"] == true, "the register does not add up: {register}");
    let total = &register["total"];
    month.notes.push(format!("billed: {} {}", text(total, "amount")?, text(total, "currency")?));
    Ok(run)
}

/// Holds one account back, releases what blocks others.
fn review(client: &Client, run: &str, month: &mut Month) -> Result<(Tally, ())> {
    month.flags = client.all(&format!("/v1/review-flags?run_id={run}"))?;
    let of_note = |severity: &str| {
        let flags: Vec<Value> =
            month.flags.iter().filter(|flag| flag["severity"] == severity).cloned().collect();
        by_word(&flags, "code")
    };
    for severity in ["block", "warn", "inform"] {
        month.notes.push(format!("flags, {severity}: {}", of_note(severity)));
    }
    let mut held = 0;
    let leak = month.flags.iter().find(|flag| flag["code"] == "high_usage").map(|flag| &flag["id"]);
    if let Some(leak) = leak {
        let body = json!({ "flag_ids": [leak], "disposition": "held",
                           "reason": "A crew looks at the service line first." });
        held = count(&client.post("/v1/review-flags/decide", &body)?["decided"]);
    }
    let in_the_way = |flag: &&Value| flag["severity"] == "block" && Some(&flag["id"]) != leak;
    let blocking: Vec<&Value> = month.flags.iter().filter(in_the_way).map(|flag| &flag["id"]).collect();
    let mut released = 0;
    for flag_ids in blocking.chunks(DECIDED_AT_ONCE) {
        let body = json!({ "flag_ids": flag_ids, "disposition": "released",
                           "reason": "Looked at; the bill is as it should be." });
        released += count(&client.post("/v1/review-flags/decide", &body)?["decided"]);
    }
    month.notes.push(format!("review: {held} held, {released} released"));
    Ok((Tally { items: month.flags.len() as u64, errors: held }, ()))
}

/// Draws the documents, unpacks them below `dir`, approves and sends them.
pub fn deliver(
    client: &Client,
    (window, run): (&str, &str),
    dir: &Path,
    table: &mut Table,
    month: &mut Month,
) -> Result<()> {
    let invoices = table.step("6 invoices", || {
        let path = format!("/v1/cycle-windows/{window}/invoice-runs");
        let begun = client.post(&path, &json!({ "bill_run_id": run }))?;
        client.follow(&begun["operation"], "drawing invoices")?;
        let after = client.get(&format!("/v1/invoice-runs/{}", text(&begun, "id")?))?;
        let made = &after["invoices"];
        let errors = after["errors"].as_array().cloned().unwrap_or_default();
        let items = count(&made["email"]) + count(&made["postal"]);
        if items == 0 {
            bail!("no invoice was drawn: {errors:?}");
        }
        Ok((Tally { items, errors: errors.len() as u64 }, after))
    })?;
    for error in invoices["errors"].as_array().into_iter().flatten() {
        month.notes.push(format!("no invoice for {}: {}", error["account_id"], error["detail"]));
    }
    let made = &invoices["invoices"];
    month.notes.push(format!(
        "invoices: {} by e-mail, {} by post, {} pages",
        made["email"], made["postal"], made["pages"]
    ));
    unpack(client, text(&invoices["links"], "archive")?, dir)?;
    let id = text(&invoices, "id")?;
    table.step("7 approve, send, hand over", || {
        let body = json!({ "invoice_run_id": id });
        let approved = client.post("/v1/deliveries/approve", &body)?;
        let refused = approved["refused"].as_array().map_or(0, Vec::len) as u64;
        let sending = client.post("/v1/deliveries/send", &body)?;
        let sent = client.follow(&sending, "sending e-bills")?;
        client.save(text(&invoices["links"], "mail_package")?, &dir.join("mail-package.zip"))?;
        let handed = client.post(&format!("/v1/invoice-runs/{id}/hand-over"), &json!({}))?;
        let items = count(&approved["approved"]);
        let errors = refused + count(&sent["failed"]) + count(&handed["awaiting_approval"]);
        month.notes.push(format!("delivered: {items} approved, {} letters handed over", handed["sent"]));
        Ok((Tally { items, errors }, ()))
    })
}

/// The archive of the run as folders `EMAIL` and `POSTAL`.
fn unpack(client: &Client, archive: &str, dir: &Path) -> Result<()> {
    let invoices = dir.join("invoices");
    std::fs::create_dir_all(&invoices).with_context(|| format!("making {}", invoices.display()))?;
    let path = dir.join("invoices.zip");
    client.save(archive, &path)?;
    zip::ZipArchive::new(File::open(&path)?)?.extract(&invoices).context("unpacking the invoices")?;
    std::fs::remove_file(&path)?;
    Ok(())
}

/// How many have each word, as text.
pub fn by_word(rows: &[Value], field: &str) -> String {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for row in rows {
        *counts.entry(row[field].as_str().unwrap_or("none")).or_default() += 1;
    }
    let parts: Vec<String> = counts.iter().map(|(word, count)| format!("{count} {word}")).collect();
    if parts.is_empty() { "none".to_owned() } else { parts.join(", ") }
}

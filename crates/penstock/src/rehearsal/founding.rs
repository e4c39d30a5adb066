//! The utility is configured through the API, the town is loaded, its window opened.

use super::EMAIL;
use super::client::{Client, text};
use super::table::{Table, Tally};
use crate::commands::load;
use crate::progress;
use crate::town::{self, Plan};
use anyhow::{Context, Result, ensure};
use app::App;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// Ids by the names of the pieces of the configuration.
pub type Ids = BTreeMap<String, String>;

/// Sends every piece of the configuration in order; each id answers to its name in the pieces that
/// follow.
pub fn configure(client: &Client, plan: &Plan, table: &mut Table) -> Result<Ids> {
    table.step("  configuration", || {
        let (mut ids, mut version) = (Ids::new(), None);
        let pieces = town::configuration(plan);
        for piece in &pieces {
            let path = known(&ids, &piece.path);
            let body: Value = serde_json::from_str(&known(&ids, &piece.body.to_string()))?;
            if piece.method == "PUT" {
                version = client.put(&path, &body, version.as_deref())?.version;
            } else {
                let made = client.post(&path, &body)?;
                // What is named by its code has no id.
                if let Some(id) = made["id"].as_str() {
                    ids.insert(piece.name.clone(), id.to_owned());
                }
            }
        }
        Ok((Tally { items: pieces.len() as u64, errors: 0 }, ids))
    })
}

fn known(ids: &Ids, text: &str) -> String {
    ids.iter().fold(text.to_owned(), |text, (name, id)| text.replace(&format!("{{{name}}}"), id))
}

/// Writes the town and takes its accounts over, as `penstock load` would.
pub fn load(app: &App, plan: &Plan, dir: &Path, table: &mut Table) -> Result<()> {
    table.step("  load the town", || {
        plan.write(dir)?;
        let user = app.db().tx(|tx| store::access::user_by_email(tx, EMAIL))?;
        let caller = load::caller(&user.context("the administrator is gone")?);
        let bar = progress::bar("loading accounts");
        let report = app.load(&caller, dir, |at| {
            bar.set_length(at.total);
            bar.set_position(at.done);
        });
        bar.finish_and_clear();
        let report = report?;
        ensure!(report.refusal_count == 0, "the load refused: {:?}", report.refusals);
        Ok((Tally { items: report.accounts.loaded, errors: 0 }, ()))
    })
}

/// Begins the work on a window, on the day of its bills or later.
pub fn open(client: &Client, window: &str) -> Result<()> {
    let path = format!("/v1/cycle-windows/{window}");
    let planned = client.get_versioned(&path)?;
    let bill_on =
        vocab::dates::civil::parse(text(&planned.body, "bill_on")?).context("the day of the bills")?;
    client.move_clock(bill_on)?;
    client.post_on(&format!("{path}/open"), &planned.version.context("a window without a version")?)?;
    Ok(())
}

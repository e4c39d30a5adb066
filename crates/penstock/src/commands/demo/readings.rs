//! Steps 1 and 2: the file of meters to read goes out, comes back filled in.

use crate::rehearsal::client::{Client, count, text};
use crate::rehearsal::table::{Table, Tally};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::Path;

/// Exports the meters to read into the town's directory, fills the file with what the meters show,
/// and imports it. Answers the report.
pub fn exchange(client: &Client, window: &str, town: &Path, table: &mut Table) -> Result<Value> {
    let sheet = town.join("meters_to_read.csv");
    table.step("1 export the meters to read", || {
        let made = client.post(&format!("/v1/cycle-windows/{window}/reading-exports"), &json!({}))?;
        client.save(text(&made["links"], "file")?, &sheet)?;
        Ok((Tally { items: count(&made["rows"]), errors: 0 }, ()))
    })?;
    table.step("2 import the reads", || {
        let read = town.join("meters_read.csv");
        std::fs::write(&read, filled(&sheet, &town.join("next_reads.csv"))?)?;
        let path = format!("/v1/reading-imports?window_id={window}&file_name=meters_read.csv");
        let begun = client.post_csv(&path, &read)?;
        client.follow(&begun["operation"], "importing reads")?;
        let report = client.get(text(&begun["reading_import"]["links"], "report")?)?;
        let (taken, left) = (count(&report["accepted"]), count(&report["missing"]));
        ensure!(count(&report["rejected"]["count"]) == 0, "reads were rejected: {}", report["rejected"]);
        Ok((Tally { items: taken, errors: left }, report))
    })
}

/// The exported file with date, value and quality of each read that somebody took; the other rows
/// stay as they are.
fn filled(sheet: &Path, reads: &Path) -> Result<Vec<u8>> {
    let mut shown: HashMap<(String, String), [String; 3]> = HashMap::new();
    for row in open(reads)?.deserialize() {
        let (_, meter, register, read_on, value, quality): (String, String, String, String, String, String) =
            row?;
        shown.insert((meter, register), [read_on, value, quality]);
    }
    let mut sheet = open(sheet)?;
    let header = sheet.headers()?.clone();
    let at = |name: &str| {
        header.iter().position(|column| column == name).with_context(|| format!("no column {name}"))
    };
    let (meter, register) = (at("meter_serial")?, at("register")?);
    let places = [at("read_on")?, at("value")?, at("quality")?];
    let mut filled = csv::Writer::from_writer(Vec::new());
    filled.write_record(&header)?;
    for row in sheet.records() {
        let row = row?;
        let cell = |at: usize| row.get(at).unwrap_or_default().to_owned();
        let read = shown.get(&(cell(meter), cell(register)));
        filled.write_record((0..row.len()).map(|at| {
            let place = places.iter().position(|&place| place == at);
            match (read, place) {
                (Some(read), Some(place)) => read[place].clone(),
                _ => cell(at),
            }
        }))?;
    }
    Ok(filled.into_inner().map_err(|error| error.into_error())?)
}

fn open(path: &Path) -> Result<csv::Reader<std::fs::File>> {
    csv::Reader::from_path(path).with_context(|| format!("reading {}", path.display()))
}

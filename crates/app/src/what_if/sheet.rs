//! The accounts of a trial as a CSV file. Written to a temporary file page by page, so that a trial of
//! any size takes the memory of one page.

use super::find;
use crate::{App, Caller, Error, Result};
use meterdata::csv::neutralised;
use std::fs::File;
use std::io::{BufWriter, Seek as _};
use store::what_if::{self, ListedResult, ResultFilter};
use vocab::{Code, Currency, Problem, WhatIfRunId};

/// Accounts read from the database at a time.
const PAGE: i64 = 5000;

const COLUMNS: [&str; 11] = [
    "account_id",
    "account_number",
    "class_code",
    "segments",
    "outcome",
    "billed",
    "alternative",
    "difference",
    "currency",
    "error_code",
    "error_detail",
];

/// A finished file: an unnamed temporary one, gone when it is closed.
#[derive(Debug)]
pub struct Sheet {
    /// At its beginning.
    pub file: File,
    /// Its size.
    pub bytes: u64,
}

impl App {
    /// The accounts of a trial that the caller may see, as a CSV file.
    pub fn what_if_sheet(&self, caller: &Caller, id: WhatIfRunId, filter: &ResultFilter) -> Result<Sheet> {
        let currency = self.utility()?.currency;
        self.db().tx(|tx| find(tx, caller, id))?;
        let file = tempfile::tempfile().map_err(|error| broken(&error))?;
        let mut csv =
            csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(BufWriter::new(file));
        csv.write_record(COLUMNS).map_err(|error| broken(&error))?;
        let mut after = None;
        loop {
            let page = self.db().tx(|tx| {
                tx.in_order()?;
                Ok::<_, Error>(what_if::results(tx, id, filter, after.as_ref(), PAGE)?)
            })?;
            for row in &page.items {
                csv.write_record(cells(currency, row)).map_err(|error| broken(&error))?;
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let buffer = csv.into_inner().map_err(|error| broken(&error))?;
        let mut file = buffer.into_inner().map_err(|error| broken(&error))?;
        let bytes = file.stream_position().map_err(|error| broken(&error))?;
        file.rewind().map_err(|error| broken(&error))?;
        Ok(Sheet { file, bytes })
    }
}

/// A number may begin with a minus; a text that a spreadsheet would run gets an apostrophe.
fn cells(currency: Currency, row: &ListedResult) -> [String; 11] {
    let text = |text: &str| neutralised(text).into_owned();
    let known =
        |amount| if row.alternative_minor.is_some() { currency.format(amount) } else { String::new() };
    [
        row.account_id.to_string(),
        row.number.to_string(),
        text(&row.class_code),
        row.segments.to_string(),
        row.outcome.to_string(),
        currency.format(row.billed_minor),
        known(row.alternative_minor.unwrap_or_default()),
        known(row.difference_minor),
        currency.code().to_owned(),
        row.error_code.clone().unwrap_or_default(),
        text(row.error_detail.as_deref().unwrap_or_default()),
    ]
}

/// Mostly a full disk: trying again later may help.
fn broken(error: &dyn std::fmt::Display) -> Error {
    Problem::new(Code::Unavailable, format!("the file could not be written: {error}")).into()
}

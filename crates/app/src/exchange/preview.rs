//! The first rows of a file as they would be read, before anything is filed.

use super::formats::{self, Asked};
use super::register::{Brings, Directory};
use super::rows::by_day;
use super::target::Target;
use crate::{App, Caller, Result};
use meterdata::csv::suggested;
use meterdata::{Channel, FileForm, Item, Quality, Reading};
use std::sync::Arc;
use time::Date;
use vocab::{Code, Decimal, ReadQuality, RegisterId, Zone};

/// Rows that are shown.
const ROWS: usize = 20;

/// How a file would be read.
#[derive(Debug, Clone)]
pub struct Preview {
    /// The word for the format.
    pub format: String,
    /// The name of the stored format or of the one that comes with the program, when it was found by one.
    pub name: Option<String>,
    /// How the file is read in full: send it as `form`, or store it under a name.
    pub form: FileForm,
    /// Whether the mapping of columns is a guess by the header's names; look at it before it is used.
    pub is_guess: bool,
    /// The header's columns, of CSV.
    pub columns: Vec<String>,
    /// The first rows.
    pub rows: Vec<PreviewRow>,
}

/// A row as it would be read.
#[derive(Debug, Clone, Default)]
pub struct PreviewRow {
    /// Line in the file, from 1.
    pub line: u64,
    /// `read`, `intervals`, `unfilled`, `totals` or `rejected`.
    pub kind: String,
    /// Service point, as the file writes it.
    pub service_point: Option<String>,
    /// Meter, as the file writes it.
    pub meter_serial: Option<String>,
    /// Register, as the file writes it.
    pub register: Option<String>,
    /// Unit, as the file writes it.
    pub unit: Option<String>,
    /// The day that the value closes, or of which the interval data are.
    pub on: Option<Date>,
    /// The value; of interval data their sum.
    pub value: Option<Decimal>,
    /// Its quality.
    pub quality: Option<ReadQuality>,
    /// Minutes of an interval.
    pub minutes: Option<u16>,
    /// How many intervals.
    pub intervals: Option<usize>,
    /// The register that it would go to.
    pub register_id: Option<RegisterId>,
    /// Why the row would not be taken, as a word.
    pub code: Option<String>,
    /// The same as a sentence.
    pub detail: Option<String>,
}

impl App {
    /// Reads the beginning of a file as an import would.
    pub fn preview_import(
        &self,
        caller: &Caller,
        beginning: &[u8],
        asked: &Asked,
        target: &Target,
    ) -> Result<Preview> {
        let zone = self.utility()?.zone.clone();
        self.db().tx(|tx| {
            let chosen = formats::choose(tx, asked, beginning, &zone);
            let (name, form, is_guess) = match chosen {
                Ok((name, form)) => (name, form, false),
                Err(error) => match (asked, suggested(beginning)) {
                    (Asked::Nothing, Some(map)) => (None, FileForm::Csv(map), true),
                    _ => return Err(error),
                },
            };
            let (mut rows, channels) = first_rows(&form, beginning, &zone)?;
            let channels: Vec<_> = channels.iter().map(|of| of.as_ref().map(|of| target.of(of))).collect();
            let distinct: Vec<&Channel> = channels.iter().flatten().map(AsRef::as_ref).collect();
            let (points, codes) = Directory::points(tx, &distinct, caller.sites().as_deref())?;
            let directory = Directory::load(tx, &points, codes)?;
            for (row, channel) in rows.iter_mut().zip(&channels) {
                find(&directory, row, channel.as_deref());
            }
            let columns = match &form {
                FileForm::Csv(map) => meterdata::csv::columns(beginning, map).unwrap_or_default(),
                _ => Vec::new(),
            };
            Ok(Preview { format: form.name().to_owned(), name, form, is_guess, columns, rows })
        })
    }
}

/// The register that a row would go to, or why to none.
fn find(directory: &Directory, row: &mut PreviewRow, channel: Option<&Channel>) {
    let (Some(channel), Some(on)) = (channel, row.on) else { return };
    let brings = if row.kind == "intervals" { Brings::Intervals } else { Brings::Read };
    match directory.find(channel, on, brings) {
        Ok(place) => {
            let found = &directory.registers()[place];
            row.register_id = Some(RegisterId::new(found.service_point_id, found.id));
        }
        Err(why) => {
            let (code, detail) = why.words();
            (row.code, row.detail) = (Some(code.to_owned()), Some(detail.to_owned()));
        }
    }
}

type Rows = (Vec<PreviewRow>, Vec<Option<Arc<Channel>>>);

/// The first rows with their channels. The beginning may end inside a record: what is said of its end is
/// left out.
fn first_rows(form: &FileForm, beginning: &[u8], zone: &Zone) -> Result<Rows> {
    let (mut rows, mut channels) = (Vec::new(), Vec::new());
    let items = form.open(beginning, zone).map_err(super::import::unreadable)?;
    for item in items {
        let Ok(item) = item else { break };
        for (row, channel) in shown(item, zone) {
            rows.push(row);
            channels.push(channel);
        }
        if rows.len() >= ROWS {
            break;
        }
    }
    rows.truncate(ROWS);
    channels.truncate(ROWS);
    if rows.is_empty() {
        let detail = "no row could be read; is the beginning long enough?";
        return Err(vocab::Problem::new(Code::FileUnreadable, detail).with("line", 1).into());
    }
    Ok((rows, channels))
}

fn shown(item: Item, zone: &Zone) -> Vec<(PreviewRow, Option<Arc<Channel>>)> {
    let plain = |line, kind: &str| PreviewRow { line, kind: kind.to_owned(), ..PreviewRow::default() };
    match item {
        Item::Reading(reading) => vec![read(&reading, zone)],
        Item::Accumulated(both) => vec![read(&both.to, zone)],
        Item::Intervals(of) => {
            let line = of.line;
            let channel = Arc::clone(&of.channel);
            let quality = of.qualities.first().and_then(|run| run.quality.kind);
            match by_day(of, zone) {
                Ok(days) => days
                    .into_iter()
                    .map(|day| {
                        let row = PreviewRow {
                            on: Some(day.on),
                            value: vocab::decimal::sum(day.values.iter().copied()).ok(),
                            quality,
                            minutes: Some(day.minutes),
                            intervals: Some(day.values.len()),
                            ..named(line, "intervals", &channel)
                        };
                        (row, Some(Arc::clone(&channel)))
                    })
                    .collect(),
                Err((code, detail)) => {
                    let (code, detail) = (Some(code.to_owned()), Some(detail));
                    vec![(PreviewRow { code, detail, ..named(line, "rejected", &channel) }, None)]
                }
            }
        }
        Item::Rejected(of) => {
            let (code, detail) = (Some(of.fault.as_str().to_owned()), Some(of.detail));
            vec![(PreviewRow { code, detail, ..plain(of.line, "rejected") }, None)]
        }
        Item::Unfilled { line } => vec![(plain(line, "unfilled"), None)],
        Item::Totals { line, values, .. } => {
            vec![(PreviewRow { value: values, ..plain(line, "totals") }, None)]
        }
    }
}

fn named(line: u64, kind: &str, channel: &Channel) -> PreviewRow {
    PreviewRow {
        line,
        kind: kind.to_owned(),
        service_point: channel.point.clone(),
        meter_serial: channel.serial.clone(),
        register: channel.register.clone(),
        unit: Some(channel.unit_text.clone()).filter(|unit| !unit.is_empty()),
        ..PreviewRow::default()
    }
}

fn read(of: &Reading, zone: &Zone) -> (PreviewRow, Option<Arc<Channel>>) {
    let Quality { kind, .. } = of.quality;
    let row = PreviewRow {
        on: of.at.read_on(zone),
        value: Some(of.value),
        quality: kind,
        ..named(of.line, "read", &of.channel)
    };
    (row, Some(Arc::clone(&of.channel)))
}

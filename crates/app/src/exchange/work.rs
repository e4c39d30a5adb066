//! The work of an import: chunks are parts of the file, each one transaction.

use super::batch::{Source, Work};
use super::report;
use super::target::{Meant, Target};
use crate::audit::{self, Action};
use crate::operations::{self, Control};
use crate::worker::{Handler, Outcome};
use crate::{App, Caller, Error, Result, Utility};
use connectors::documents::{DocumentKey, DocumentReader};
use meterdata::FileForm;
use meterdata::parts::{self, Part, Stretch};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::io::BufReader;
use store::Tx;
use store::queue::{NewChunk, Operation};
use vocab::{Problem, ReadingImportId, SiteId};

/// Lines of a chunk at most.
pub(super) const CHUNK_LINES: u64 = 10_000;
/// Bytes of a chunk, but for a group of records that is longer.
pub(super) const CHUNK_BYTES: u64 = 1024 * 1024;

/// What the chunks of an import need to know.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Params {
    pub import: ReadingImportId,
    pub key: String,
    pub bytes: u64,
    pub form: FileForm,
    /// What stands above the records, and how many lines that is.
    pub prelude: String,
    pub prelude_lines: u64,
    /// Only rows of these sites are taken.
    pub sites: Option<Vec<SiteId>>,
    pub repeats: Option<ReadingImportId>,
    #[serde(default)]
    pub target: Target,
    #[serde(default)]
    pub meant: Meant,
}

impl Params {
    pub(super) fn document(&self) -> Result<DocumentKey> {
        self.key.parse().map_err(|error| Error::Fault(format!("{error}")))
    }
}

/// A part as numbers; those of the lines that it hangs on stand last. Its lines are its weight.
pub(super) fn chunk_of(part: &Part) -> NewChunk {
    let signed = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    let context = part.context.iter().flat_map(|line| [signed(line.offset), signed(line.length)]);
    let numbers = [
        signed(part.first_line),
        signed(part.lines),
        signed(part.offset),
        signed(part.length),
        i64::from(part.is_last),
        signed(part.records_before),
    ];
    NewChunk { items: numbers.into_iter().chain(context).collect(), weight: signed(part.lines) }
}

fn part_of(numbers: &[i64]) -> Result<Part> {
    let &[first_line, lines, offset, length, is_last, records_before, ref context @ ..] = numbers else {
        return Err(Error::Fault("a chunk of an import is six numbers at least".to_owned()));
    };
    let unsigned = |value: i64| u64::try_from(value).unwrap_or(0);
    Ok(Part {
        first_line: unsigned(first_line),
        lines: unsigned(lines),
        offset: unsigned(offset),
        length: unsigned(length),
        is_last: is_last != 0,
        records_before: unsigned(records_before),
        context: context
            .chunks_exact(2)
            .map(|line| Stretch { offset: unsigned(line[0]), length: unsigned(line[1]) })
            .collect(),
    })
}

/// The lines that a part hangs on, each with an end.
fn context_of(app: &App, params: &Params, part: &Part) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    for line in &part.context {
        let range = line.offset..line.offset + line.length;
        text.extend(app.documents()?.part(&params.document()?, range).map_err(Problem::from)?);
        if text.last() != Some(&b'\n') {
            text.push(b'\n');
        }
    }
    Ok(text)
}

/// The work of an import.
pub(crate) struct Importing;

impl Handler for Importing {
    fn run(&self, app: &App, tx: &mut Tx<'_>, operation: &Operation, items: &[i64]) -> Result<Outcome> {
        let params: Params = serde_json::from_value(operation.params.clone())?;
        let part = part_of(items)?;
        let lines = i32::try_from(part.lines).unwrap_or(i32::MAX);
        if !store::import_undo::share(tx, params.import)? {
            // Undone meanwhile: what is left of it is not taken either.
            return Ok(Outcome { done: lines, ..Outcome::default() });
        }
        tx.commit_lazily()?;
        let utility = Utility::load(tx)?;
        let first_line = i64::try_from(part.first_line).unwrap_or(i64::MAX);
        let (report, digest) = if is_whole(&params.form) {
            let report = read_whole(app, tx, &utility, &params)?.finish(tx, first_line)?;
            (report, params.document()?.sha256().0)
        } else {
            let range = part.offset..part.offset + part.length;
            let mut text = context_of(app, &params, &part)?;
            let above = text.len();
            text.extend(app.documents()?.part(&params.document()?, range).map_err(Problem::from)?);
            let report = read_part(tx, &utility, &params, &part, &text, above)?.finish(tx, first_line)?;
            (report, Sha256::digest(&text[above..]).into())
        };
        let after = json!({ "first_line": part.first_line, "lines": part.lines });
        audit::record_chunk(
            tx,
            &operation.created_by,
            Action {
                action: "reading.import_lines",
                subject: params.import.to_string(),
                after: Some(after),
                ..Action::default()
            },
            usize::try_from(report.accepted + report.held).unwrap_or(usize::MAX),
            digest,
        )?;
        let count = |value: u64| i32::try_from(value).unwrap_or(i32::MAX);
        let failed = count(report.rejected.count.min(part.lines));
        Ok(Outcome { done: count(part.lines) - failed, failed, ..Outcome::default() })
    }

    fn give_up(&self, _: &App, _: &mut Tx<'_>, _: &Operation, _: i64, _: &Error) -> Result<()> {
        // Chunks are ranges: they are done whole or again.
        Ok(())
    }

    fn divisible(&self) -> bool {
        false
    }

    fn waits_when_unavailable(&self) -> bool {
        true
    }

    /// What was taken before it was cancelled is reported.
    fn control(&self, tx: &mut Tx<'_>, caller: &Caller, operation: &Operation, what: Control) -> Result<()> {
        operations::steer(tx, caller, operation.id, what)?;
        let import = operation.subject_id.map(ReadingImportId);
        if let (Control::Cancel, Some(id)) = (what, import)
            && let Some(import) = store::exchange::import(tx, id)?
        {
            let format = import.form.get("format").and_then(Value::as_str).unwrap_or_default();
            let report = report::draw_up_cancelled(tx, &import, format)?;
            store::exchange::set_report(tx, id, &serde_json::to_value(&report)?)?;
        }
        Ok(())
    }

    fn finish(&self, _: &App, tx: &mut Tx<'_>, operation: &Operation) -> Result<Value> {
        let params: Params = serde_json::from_value(operation.params.clone())?;
        let import = store::exchange::import(tx, params.import)?
            .ok_or_else(|| Error::Fault("an import without its row".to_owned()))?;
        let report = report::draw_up(tx, &import, params.form.name(), params.sites)?;
        store::exchange::set_report(tx, import.id, &serde_json::to_value(&report)?)?;
        Ok(json!({
            "reading_import_id": import.id,
            "repeats_id": import.repeats_id,
            "rows_read": report.counts.rows_read,
            "accepted": report.counts.accepted,
            "held": report.counts.held,
            "rejected": report.counts.rejected.count,
            "duplicates": report.counts.duplicates,
            "missing": report.missing,
        }))
    }
}

/// Whether the records of a format stand in no order that it could be cut by.
const fn is_whole(form: &FileForm) -> bool {
    matches!(form, FileForm::GreenButton)
}

/// A part of the file: what it says at once, its text in memory, below so many bytes of what it hangs on.
fn read_part<'a>(
    tx: &mut Tx<'_>,
    utility: &Utility,
    params: &'a Params,
    part: &Part,
    text: &'a [u8],
    above: usize,
) -> Result<Work<'a>> {
    let mut source = Source::new(&params.form, Some(text), part.first_line);
    source.lines_above = part.context.len() as u64;
    let mut work = Work::new(tx, utility, params, source)?;
    let (context, own) = text.split_at(above);
    let prelude = if context.is_empty() { params.prelude.as_bytes() } else { context };
    let items = parts::items(&params.form, prelude, params.prelude_lines, part, own, &utility.zone);
    for item in items {
        work.take(tx, item)?;
    }
    Ok(work)
}

/// The whole file, fetched piece by piece. Its service points are locked as they come: such a file is
/// of one customer.
fn read_whole<'a>(app: &App, tx: &mut Tx<'_>, utility: &Utility, params: &'a Params) -> Result<Work<'a>> {
    let source = Source::new(&params.form, None, 1);
    let mut work = Work::new(tx, utility, params, source)?;
    let documents = app.documents()?;
    let reader = DocumentReader::new(documents.as_ref(), params.document()?, params.bytes);
    let input = BufReader::with_capacity(256 * 1024, reader);
    for item in params.form.open(input, &utility.zone).map_err(unreadable)? {
        work.take(tx, item)?;
    }
    Ok(work)
}

/// It was readable when it was filed.
fn unreadable(fault: meterdata::FileFault) -> Error {
    Error::Fault(format!("a kept file is not readable: {fault}"))
}

//! Taking a file of readings in: spooled, kept, looked through once for its parts, filed as work.

use super::formats::{self, Asked, BEGINNING_BYTES};
use super::report::{self, Report, hex};
use super::target::{Meant, Target};
use super::upload::Upload;
use super::work::{CHUNK_BYTES, CHUNK_LINES, Params, chunk_of};
use crate::audit::{self, Action};
use crate::operations::{self, NewOperation};
use crate::{App, Caller, Error, Result, Utility};
use connectors::documents::DocumentKey;
use meterdata::parts::{self, Cut};
use meterdata::{FileFault, FileForm};
use serde_json::json;
use std::fs::File;
use store::exchange::Import;
use store::queue::{self, Operation};
use store::{Cursor, Page, Tx};
use vocab::{Code, OperationKind, OperationState, Problem, ReadingImportId, WindowId};

/// Rejected lines that are fetched at a time: one may bring hundreds that hang on it.
const REJECTED: i64 = 250;

/// How an import is to be done.
#[derive(Debug, Clone)]
pub struct NewImport {
    /// The window whose completeness is reported.
    pub window: Option<WindowId>,
    /// What the file is called.
    pub file_name: String,
    /// Where all of it belongs, when the file does not say it in the utility's words.
    pub target: Target,
}

/// The rejected lines of an import, to be sent from the disk.
#[derive(Debug)]
pub struct RejectedLines {
    /// At its beginning.
    pub file: File,
    /// Its length.
    pub bytes: u64,
}

/// A file that is kept and has been looked through.
#[derive(Debug)]
pub struct Prepared {
    key: DocumentKey,
    bytes: u64,
    form: FileForm,
    cut: Cut,
    beginning: Vec<u8>,
}

impl App {
    /// Keeps an uploaded file and finds how it is read and its chunks. Refuses one that is not readable.
    pub fn prepare_import(&self, mut upload: Upload, asked: &Asked) -> Result<Prepared> {
        let zone = self.utility()?.zone.clone();
        let beginning = upload.beginning(BEGINNING_BYTES)?;
        let (_, form) = self.db().tx(|tx| formats::choose(tx, asked, &beginning, &zone))?;
        let cut = parts::cut(&form, upload.rewound()?, CHUNK_LINES, CHUNK_BYTES).map_err(unreadable)?;
        let digest = connectors::documents::Sha256(upload.sha256());
        let key = DocumentKey::at("readings", extension(&form), digest)
            .map_err(|error| Error::Fault(error.to_string()))?;
        let bytes = upload.bytes();
        self.documents()?.put_from(&key, &mut upload.rewound()?).map_err(Problem::from)?;
        Ok(Prepared { key, bytes, form, cut, beginning })
    }

    /// An import that the caller may see.
    pub fn reading_import(&self, caller: &Caller, id: ReadingImportId) -> Result<Import> {
        self.db().tx(|tx| find(tx, caller, id))
    }

    /// Imports, newest first; all or a window's. Those of foreign scope are left out.
    pub fn reading_imports(
        &self,
        caller: &Caller,
        window: Option<WindowId>,
        after: Option<&Cursor>,
        limit: i64,
    ) -> Result<Page<Import>> {
        self.db().tx(|tx| {
            let mut page = store::exchange::imports(tx, window, after, limit)?;
            page.items.retain(|row| see(caller, row).is_ok());
            Ok(page)
        })
    }

    /// What came of an import; refused while it is under way.
    pub fn reading_import_report(&self, caller: &Caller, id: ReadingImportId) -> Result<Report> {
        self.db().tx(|tx| {
            let import = find(tx, caller, id)?;
            let report = import.report.clone().ok_or_else(|| {
                let detail = "the import has not finished; its operation tells how far it is";
                Problem::new(Code::WrongState, detail).with("state", OperationState::Running)
            })?;
            report::with_late_parts(tx, &import, serde_json::from_value(report)?)
        })
    }

    /// The rejected lines of an import under the file's header, to be mended and loaded again. However many
    /// there are, few of them are in memory.
    pub fn rejected_lines(&self, caller: &Caller, id: ReadingImportId) -> Result<RejectedLines> {
        let operation = self.db().tx(|tx| {
            let import = find(tx, caller, id)?;
            Ok::<_, Error>(queue::operation(tx, import.operation_id)?)
        })?;
        let operation = operation.ok_or_else(|| Error::Fault("an import without its work".to_owned()))?;
        let params = params_of(&operation).ok_or_else(|| {
            let detail = "the import is of an earlier version, which kept its lines in another form";
            Problem::new(Code::WrongState, detail).with("state", "earlier_version")
        })?;
        if matches!(params.form, FileForm::GreenButton) {
            let detail = "such a file has no lines of records; mend the file by the report";
            return Err(Problem::new(Code::WrongState, detail).with("state", "green_button").into());
        }
        let mut file = Upload::new()?;
        let mut record = |text: &str| -> Result<()> {
            file.write(text.as_bytes())?;
            if text.ends_with('\n') || text.is_empty() { Ok(()) } else { file.write(b"\n") }
        };
        record(&params.prelude)?;
        let (mut after, mut before) = ((0, -1), String::new());
        loop {
            let rows =
                self.db().tx(|tx| Ok::<_, Error>(store::exchange::rejected(tx, id, after, REJECTED)?))?;
            let Some((line, place, _)) = rows.last() else { break };
            after = (*line, *place);
            for (_, _, text) in rows {
                // What is wrong with several lines of one record is one record.
                if !text.is_empty() && text != before {
                    record(&text)?;
                    before = text;
                }
            }
        }
        file.write(params.form.end())?;
        let bytes = file.bytes();
        Ok(RejectedLines { file: file.into_file()?, bytes })
    }
}

/// How a kept file is called.
const fn extension(form: &FileForm) -> &'static str {
    match form {
        FileForm::GreenButton => "xml",
        FileForm::FixedWidth(_) | FileForm::D0010 => "txt",
        _ => "csv",
    }
}

pub(super) fn unreadable(fault: FileFault) -> Error {
    let line = fault.line().unwrap_or(1);
    Problem::new(Code::FileUnreadable, fault.to_string()).with("line", line).into()
}

/// Files an import. The same file, read the same way, is not read again.
pub fn start(
    tx: &mut Tx<'_>,
    caller: &Caller,
    prepared: Prepared,
    new: NewImport,
) -> Result<(Import, Operation)> {
    let utility = Utility::load(tx)?;
    if let Some(id) = new.window {
        let window = store::windows::find(tx, id)?;
        window
            .ok_or_else(|| Problem::field("/window_id", Code::UnknownReference, "there is no such window"))?;
    }
    let file_name: String = new.file_name.chars().filter(|c| !c.is_control()).take(200).collect();
    let form = serde_json::to_value(&prepared.form)?;
    let digest = prepared.key.sha256().0;
    let repeats_id = repeated(tx, caller, &digest, &form, &new.target)?;
    let id = ReadingImportId(tx.new_id()?);
    let meant = Meant::by(&new.target, &prepared.form, &prepared.beginning, &utility.zone);
    let params = Params {
        import: id,
        key: prepared.key.to_string(),
        bytes: prepared.bytes,
        form: prepared.form,
        prelude: String::from_utf8_lossy(&prepared.cut.prelude).into_owned(),
        prelude_lines: prepared.cut.prelude_lines,
        sites: caller.sites(),
        repeats: repeats_id,
        meant,
        target: new.target.clone(),
    };
    let is_new = repeats_id.is_none();
    let lines: u64 = prepared.cut.parts.iter().map(|part| part.lines).sum();
    let operation = operations::file(
        tx,
        &caller.actor(),
        NewOperation {
            kind: OperationKind::ReadingImport,
            subject_id: Some(id.0),
            params: serde_json::to_value(&params)?,
            chunks: if is_new { prepared.cut.parts.iter().map(chunk_of).collect() } else { Vec::new() },
            total: Some(if is_new { i64::try_from(lines).unwrap_or(i64::MAX) } else { 0 }),
        },
    )?;
    let import = Import {
        id,
        window_id: new.window,
        operation_id: operation.id,
        file_name,
        sha256: digest.to_vec(),
        bytes: i64::try_from(prepared.bytes).unwrap_or(i64::MAX),
        form,
        document_key: prepared.key.to_string(),
        repeats_id,
        report: None,
        created_by: caller.actor(),
        created_at: tx.as_of(),
        undone_at: None,
        undone_by: None,
        undone_reason: None,
    };
    store::exchange::insert_import(tx, &import)?;
    let after = Some(json!({ "file": import.file_name, "sha256": hex(&digest), "repeats": repeats_id }));
    let subject = id.to_string();
    audit::record(tx, caller, Action { action: "reading.import", subject, after, ..Action::default() })?;
    Ok((import, operation))
}

/// The import that took this very file before, unless it came to nothing.
fn repeated(
    tx: &mut Tx<'_>,
    caller: &Caller,
    digest: &[u8],
    form: &serde_json::Value,
    target: &Target,
) -> Result<Option<ReadingImportId>> {
    for before in store::exchange::imports_of_file(tx, digest)? {
        let Some(operation) = queue::operation(tx, before.operation_id)? else { continue };
        // What an earlier version has written may tell nothing: the file is taken in anew.
        let Some(params) = params_of(&operation) else { continue };
        let lives = !matches!(operation.state, OperationState::Failed | OperationState::Cancelled);
        // A caller of other sites takes other lines of it.
        let is_same = before.undone_at.is_none() && before.form == *form && params.target == *target;
        if lives && is_same && params.sites == caller.sites() {
            return Ok(Some(before.id));
        }
    }
    Ok(None)
}

/// What the work was to know; none where an earlier version has written it in another form.
pub(super) fn params_of(operation: &Operation) -> Option<Params> {
    serde_json::from_value(operation.params.clone()).ok()
}

pub(super) fn find(tx: &mut Tx<'_>, caller: &Caller, id: ReadingImportId) -> Result<Import> {
    let row = store::exchange::import(tx, id)?.ok_or_else(Problem::not_found)?;
    see(caller, &row)?;
    Ok(row)
}

/// A file holds lines of any site: whoever does not see all sees only their own imports.
fn see(caller: &Caller, row: &Import) -> std::result::Result<(), Problem> {
    let is_own = row.created_by == caller.actor();
    if is_own || caller.sites().is_none() { Ok(()) } else { Err(Problem::not_found()) }
}

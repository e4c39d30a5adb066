//! Taking a file of reads in: spooled, kept, looked through once for its chunks, filed as work.

use super::judge::{CHUNK_LINES, Params};
use super::report::{Report, hex};
use crate::audit::{self, Action};
use crate::operations::{self, NewOperation};
use crate::{App, Caller, Error, Result, Utility};
use connectors::documents::DocumentKey;
use metering::exchange::{ColumnMap, FileError, ReadingFile};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use store::exchange::{Import, Rejection};
use store::queue::{self, Operation};
use store::{Cursor, Page, Tx};
use vocab::{Code, OperationKind, OperationState, Problem, ReadingImportId, WindowId};

/// Largest file.
pub const UPLOAD_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Rejected lines that are fetched at a time.
const REJECTED: i64 = 5_000;

/// A file on its way in: on the disk, not in memory.
#[derive(Debug)]
pub struct Upload {
    file: File,
    digest: Sha256,
    bytes: u64,
}

impl Upload {
    /// An empty one.
    pub fn new() -> Result<Self> {
        let file = tempfile::tempfile().map_err(|error| unspooled(&error))?;
        Ok(Self { file, digest: Sha256::new(), bytes: 0 })
    }

    /// Adds what came in.
    pub fn write(&mut self, part: &[u8]) -> Result<()> {
        self.bytes += part.len() as u64;
        if self.bytes > UPLOAD_BYTES_MAX {
            let detail = format!("at most {UPLOAD_BYTES_MAX} bytes");
            return Err(Problem::new(Code::BodyTooLarge, detail)
                .with("limit_bytes", UPLOAD_BYTES_MAX)
                .into());
        }
        self.digest.update(part);
        self.file.write_all(part).map_err(|error| unspooled(&error))
    }

    /// SHA-256 of what has come in.
    pub fn sha256(&self) -> [u8; 32] {
        self.digest.clone().finalize().into()
    }
}

fn unspooled(error: &std::io::Error) -> Error {
    Error::Fault(format!("a file could not be spooled: {error}"))
}

/// How an import is to be done.
#[derive(Debug, Clone)]
pub struct NewImport {
    /// The window whose completeness is reported.
    pub window: Option<WindowId>,
    /// What the file is called.
    pub file_name: String,
    /// How it is read; as an exported file when absent.
    pub mapping: Option<ColumnMap>,
}

/// A file that is kept and has been looked through.
#[derive(Debug)]
pub struct Prepared {
    key: DocumentKey,
    bytes: u64,
    mapping: ColumnMap,
    header: Vec<u8>,
    chunks: Vec<Vec<i64>>,
    lines: i64,
}

impl App {
    /// Keeps an uploaded file and finds its header and chunks. Refuses one that is not readable.
    pub fn prepare_import(&self, mut upload: Upload, mapping: Option<ColumnMap>) -> Result<Prepared> {
        let mapping = mapping.unwrap_or_else(ColumnMap::reading_export);
        let zone = self.utility()?.zone.clone();
        let mut bytes = Vec::with_capacity(usize::try_from(upload.bytes).unwrap_or(0));
        upload.file.seek(SeekFrom::Start(0)).map_err(|error| unspooled(&error))?;
        upload.file.read_to_end(&mut bytes).map_err(|error| unspooled(&error))?;
        let file = ReadingFile::open(&bytes[..], &mapping, &zone).map_err(unreadable)?;
        let (header, header_line) = (file.header().to_vec(), file.header_line());
        drop(file);
        let (chunks, lines) = chunks_of(&bytes, header_line);
        let key =
            DocumentKey::of("readings", "csv", &bytes).map_err(|error| Error::Fault(error.to_string()))?;
        self.documents()?.put(&key, bytes).map_err(Problem::from)?;
        Ok(Prepared { key, bytes: upload.bytes, mapping, header, chunks, lines })
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
        let import = self.reading_import(caller, id)?;
        let report = import.report.ok_or_else(|| {
            let detail = "the import has not finished; its operation tells how far it is";
            Problem::new(Code::WrongState, detail).with("state", OperationState::Running)
        })?;
        Ok(serde_json::from_value(report)?)
    }

    /// The rejected lines of an import under the file's header, to be mended and loaded again.
    pub fn rejected_lines(&self, caller: &Caller, id: ReadingImportId) -> Result<Vec<u8>> {
        let operation = self.db().tx(|tx| {
            let import = find(tx, caller, id)?;
            Ok::<_, Error>(queue::operation(tx, import.operation_id)?)
        })?;
        let operation = operation.ok_or_else(|| Error::Fault("an import without its work".to_owned()))?;
        let params: Params = serde_json::from_value(operation.params)?;
        let failed = |error: std::io::Error| Error::Fault(error.to_string());
        let header = params.header.as_bytes();
        let mut file = metering::exchange::RejectedLines::new(Vec::new(), header).map_err(failed)?;
        let mut after = 0;
        loop {
            let rows: Vec<Rejection> =
                self.db().tx(|tx| Ok::<_, Error>(store::exchange::rejected(tx, id, after, REJECTED)?))?;
            let Some(last) = rows.last() else { return file.finish().map_err(failed) };
            after = last.line;
            for row in &rows {
                file.push(row.raw.as_bytes()).map_err(failed)?;
            }
        }
    }
}

fn unreadable(error: FileError) -> Error {
    let line = match &error {
        FileError::MissingColumns { line, .. } | FileError::AmbiguousColumn { line, .. } => *line,
        _ => 1,
    };
    Problem::new(Code::FileUnreadable, error.to_string()).with("line", line).into()
}

/// Ranges of lines below the header: first and last line, place and length in bytes; and how many
/// lines there are.
fn chunks_of(bytes: &[u8], header_line: u64) -> (Vec<Vec<i64>>, i64) {
    let signed = |value: usize| i64::try_from(value).unwrap_or(i64::MAX);
    let header_line = i64::try_from(header_line).unwrap_or(i64::MAX);
    let (mut chunks, mut line, mut at, mut offset) = (Vec::new(), 0_i64, 0_usize, 0_usize);
    let mut first = header_line + 1;
    while at < bytes.len() {
        let end = bytes[at..].iter().position(|&byte| byte == b'\n').map_or(bytes.len(), |end| at + end + 1);
        at = end;
        line += 1;
        if line <= header_line {
            offset = at;
        } else if line - first + 1 == CHUNK_LINES {
            chunks.push(vec![first, line, signed(offset), signed(at - offset)]);
            (first, offset) = (line + 1, at);
        }
    }
    if line >= first {
        chunks.push(vec![first, line, signed(offset), signed(at - offset)]);
    }
    (chunks, (line - header_line).max(0))
}

/// Files an import. The same file, read the same way, is not read again.
pub fn start(
    tx: &mut Tx<'_>,
    caller: &Caller,
    prepared: Prepared,
    new: NewImport,
) -> Result<(Import, Operation)> {
    Utility::load(tx)?;
    if let Some(id) = new.window {
        let window = store::windows::find(tx, id)?;
        window
            .ok_or_else(|| Problem::field("/window_id", Code::UnknownReference, "there is no such window"))?;
    }
    let file_name: String = new.file_name.chars().filter(|c| !c.is_control()).take(200).collect();
    let mapping = serde_json::to_value(&prepared.mapping)?;
    let digest = prepared.key.sha256().0;
    let repeats_id = repeated(tx, caller, &digest, &mapping)?;
    let id = ReadingImportId(tx.new_id()?);
    let params = Params {
        import: id,
        key: prepared.key.to_string(),
        header: String::from_utf8_lossy(&prepared.header).into_owned(),
        mapping: prepared.mapping,
        sites: caller.sites(),
        repeats: repeats_id,
    };
    let is_new = repeats_id.is_none();
    let operation = operations::file(
        tx,
        &caller.actor(),
        NewOperation {
            kind: OperationKind::ReadingImport,
            subject_id: Some(id.0),
            params: serde_json::to_value(&params)?,
            chunks: if is_new { prepared.chunks } else { Vec::new() },
            total: Some(if is_new { prepared.lines } else { 0 }),
        },
    )?;
    let import = Import {
        id,
        window_id: new.window,
        operation_id: operation.id,
        file_name,
        sha256: digest.to_vec(),
        bytes: i64::try_from(prepared.bytes).unwrap_or(i64::MAX),
        mapping,
        document_key: prepared.key.to_string(),
        repeats_id,
        report: None,
        created_by: caller.actor(),
        created_at: tx.as_of(),
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
    mapping: &serde_json::Value,
) -> Result<Option<ReadingImportId>> {
    for before in store::exchange::imports_of_file(tx, digest)? {
        let Some(operation) = queue::operation(tx, before.operation_id)? else { continue };
        let params: Params = serde_json::from_value(operation.params)?;
        let lives = !matches!(operation.state, OperationState::Failed | OperationState::Cancelled);
        // A caller of other sites takes other lines of it.
        if lives && before.mapping == *mapping && params.sites == caller.sites() {
            return Ok(Some(before.id));
        }
    }
    Ok(None)
}

fn find(tx: &mut Tx<'_>, caller: &Caller, id: ReadingImportId) -> Result<Import> {
    let row = store::exchange::import(tx, id)?.ok_or_else(Problem::not_found)?;
    see(caller, &row)?;
    Ok(row)
}

/// A file holds lines of any site: whoever does not see all sees only their own imports.
fn see(caller: &Caller, row: &Import) -> std::result::Result<(), Problem> {
    let is_own = row.created_by == caller.actor();
    if is_own || caller.sites().is_none() { Ok(()) } else { Err(Problem::not_found()) }
}

#[cfg(test)]
mod tests {
    use super::chunks_of;

    #[test]
    fn chunks_cover_every_line_below_the_header() {
        let text = b"title\r\nhead\r\na\nb\nc";
        assert_eq!(chunks_of(text, 2), (vec![vec![3, 5, 13, 5]], 3));
        assert_eq!(chunks_of(b"head\n", 1), (Vec::new(), 0));
        assert_eq!(chunks_of(b"head", 1), (Vec::new(), 0));
        let long: String = (0..12_001).map(|n| format!("{n}\n")).collect();
        let bytes = format!("head\n{long}");
        let (chunks, lines) = chunks_of(bytes.as_bytes(), 1);
        assert_eq!(lines, 12_001);
        let ranges: Vec<(i64, i64)> = chunks.iter().map(|chunk| (chunk[0], chunk[1])).collect();
        assert_eq!(ranges, [(2, 5_001), (5_002, 10_001), (10_002, 12_002)]);
        let joined: String =
            chunks.iter().map(|chunk| &bytes[chunk[2] as usize..(chunk[2] + chunk[3]) as usize]).collect();
        assert_eq!(joined, long);
    }
}

//! One file of a town: its header, and where the rows of each key lie.
//!
//! A file is read through once to note where the rows of a key (an account, a meter) begin;
//! afterwards they are fetched from there, so that memory holds no rows, only places. A row is
//! one line: a quoted cell may hold commas and doubled quotes, not line ends, so that a missing
//! quote cannot swallow the rows after it.

use super::row::{Fault, Row};
use std::collections::hash_map::DefaultHasher;
use std::fs::File;
use std::hash::{Hash, Hasher};
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;
use vocab::{Code, Problem};

/// Longest line that is read.
const LINE_BYTES_MAX: u64 = 64 * 1024;

/// What a file holds.
#[derive(Debug)]
pub(super) struct Spec {
    /// Its name.
    pub file: &'static str,
    /// The column that its rows are looked up by.
    pub key: &'static str,
    /// Columns that must be there.
    pub required: &'static [&'static str],
    /// Columns that may be.
    pub optional: &'static [&'static str],
}

impl Spec {
    fn columns(&self) -> impl Iterator<Item = &'static str> {
        self.required.iter().chain(self.optional).copied()
    }
}

/// Consecutive lines with the same key.
#[derive(Debug, Clone, Copy)]
struct Run {
    key: u64,
    offset: u64,
    line: u64,
    bytes: u32,
}

/// An indexed file.
#[derive(Debug)]
pub(super) struct Table {
    spec: &'static Spec,
    /// None: the file is not there, which is the same as no rows.
    file: Option<File>,
    /// The file's place of each column of the spec.
    places: Vec<(&'static str, Option<usize>)>,
    /// By key, then by place in the file.
    runs: Vec<Run>,
    /// Rows in the file.
    rows: u64,
    /// Lines whose key cannot be read.
    pub faults: Vec<Fault>,
    /// Where the rows begin, and the number of the first line.
    body: (u64, u64),
}

/// The form in which keys are compared.
pub(super) fn hash(key: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

impl Table {
    /// Opens and indexes a file; `see` is shown the key and the cell of another column, row by row.
    pub fn open(
        directory: &Path,
        spec: &'static Spec,
        also: Option<&'static str>,
        mut see: impl FnMut(u64, &str),
    ) -> Result<Self, Problem> {
        let path = directory.join(spec.file);
        let unreadable = |error: io::Error| unreadable(spec.file, &error.to_string());
        let mut table = Self {
            spec,
            file: None,
            places: Vec::new(),
            runs: Vec::new(),
            rows: 0,
            faults: Vec::new(),
            body: (0, 1),
        };
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(table),
            Err(error) => return Err(unreadable(error)),
        };
        let mut lines = Lines::new(BufReader::with_capacity(1 << 16, file.try_clone().map_err(unreadable)?));
        let header =
            lines.next().map_err(unreadable)?.ok_or_else(|| self::unreadable(spec.file, "it is empty"))?;
        table.places = places(spec, &header.text)?;
        table.body = (lines.offset, 2);
        let key_place = table.place(spec.key);
        let also_place = also.and_then(|column| table.place(column));
        while let Some(line) = lines.next().map_err(unreadable)? {
            if line.is_blank() {
                continue;
            }
            table.rows += 1;
            let cells = loose_cells(&line.text);
            match key_place.and_then(|place| cells.get(place)).filter(|key| !key.is_empty()) {
                Some(key) if !line.is_cut => {
                    let key = hash(key);
                    if let Some(place) = also_place {
                        see(key, cells.get(place).map_or("", String::as_str));
                    }
                    table.note(Run { key, offset: line.offset, line: line.number, bytes: line.bytes });
                }
                _ => table.faults.push(Fault::new(
                    spec.file,
                    line.number,
                    if line.is_cut {
                        "the line is longer than 64 KiB".to_owned()
                    } else {
                        format!("{} is empty", spec.key)
                    },
                )),
            }
        }
        table.runs.sort_by_key(|run| (run.key, run.offset));
        table.file = Some(file);
        Ok(table)
    }

    /// Joins a line to the run before it when it goes on there.
    fn note(&mut self, run: Run) {
        if let Some(last) = self.runs.last_mut()
            && last.key == run.key
            && last.offset + u64::from(last.bytes) == run.offset
            && let Some(bytes) = last.bytes.checked_add(run.bytes)
        {
            last.bytes = bytes;
            return;
        }
        self.runs.push(run);
    }

    fn place(&self, column: &str) -> Option<usize> {
        self.places.iter().find(|(name, _)| *name == column).and_then(|(_, place)| *place)
    }

    /// Whether the file is there.
    pub fn is_there(&self) -> bool {
        self.file.is_some()
    }

    /// Rows in the file.
    pub fn len(&self) -> u64 {
        self.rows
    }

    /// Whether some row has this key.
    pub fn has(&self, key: u64) -> bool {
        self.runs.binary_search_by_key(&key, |run| run.key).is_ok()
    }

    /// The rows of a key, in the file's order.
    pub fn rows_of(&self, key: &str) -> Result<Vec<Row>, Problem> {
        let wanted = hash(key);
        let from = self.runs.partition_point(|run| run.key < wanted);
        let mut rows = Vec::new();
        for run in self.runs[from..].iter().take_while(|run| run.key == wanted) {
            self.fetch(run, |row| {
                // Two keys may share a hash.
                if row.cell(self.spec.key) == key {
                    rows.push(row);
                }
            })?;
        }
        Ok(rows)
    }

    fn fetch(&self, run: &Run, mut take: impl FnMut(Row)) -> Result<(), Problem> {
        let Some(file) = &self.file else { return Ok(()) };
        let mut bytes = vec![0; run.bytes as usize];
        file.read_exact_at(&mut bytes, run.offset)
            .map_err(|error| unreadable(self.spec.file, &format!("it changed while it was read: {error}")))?;
        let lines = bytes.split(|&byte| byte == b'\n').enumerate();
        for (at, line) in lines {
            let text = String::from_utf8_lossy(line);
            if !text.trim().is_empty() {
                take(self.row(run.line + at as u64, &text));
            }
        }
        Ok(())
    }

    fn row(&self, line: u64, text: &str) -> Row {
        let (cells, fault) = match strict_cells(text) {
            Ok(cells) => (cells, None),
            Err(fault) => (loose_cells(text), Some(fault)),
        };
        let count = cells.len();
        let is_short =
            self.places.iter().filter_map(|(_, place)| *place).max().is_some_and(|last| last >= count);
        let fault = fault.or(is_short.then_some("the line has too few cells"));
        let mut cells: Vec<Option<String>> = cells.into_iter().map(Some).collect();
        let cells = self
            .places
            .iter()
            .map(|(name, place)| {
                let cell = place.and_then(|place| cells.get_mut(place)).and_then(Option::take);
                (*name, cell.unwrap_or_default())
            })
            .collect();
        Row::new(self.spec.file, line, cells, fault)
    }

    /// Rows whose key another file does not know: `(line, key)`, one for each run of them.
    pub fn orphans(&self, is_known: impl Fn(u64) -> bool) -> Result<Vec<(u64, String)>, Problem> {
        let mut orphans = Vec::new();
        for run in self.runs.iter().filter(|run| !is_known(run.key)) {
            let mut first = true;
            self.fetch(run, |row| {
                if std::mem::take(&mut first) {
                    orphans.push((row.line(), row.cell(self.spec.key).to_owned()));
                }
            })?;
        }
        orphans.sort_unstable();
        Ok(orphans)
    }

    /// All rows, in the file's order, `size` at a time.
    pub fn chunks(&self, size: usize) -> Result<Chunks<'_>, Problem> {
        let file = self.file.as_ref().map(File::try_clone).transpose();
        let file = file.map_err(|error| unreadable(self.spec.file, &error.to_string()))?;
        let lines = file.map(|file| {
            let at = ReadAt { file, offset: self.body.0 };
            Lines {
                input: BufReader::with_capacity(1 << 16, at),
                offset: self.body.0,
                number: self.body.1 - 1,
            }
        });
        Ok(Chunks { table: self, lines, size })
    }
}

/// Rows of a file, some at a time.
pub(super) struct Chunks<'t> {
    table: &'t Table,
    lines: Option<Lines<BufReader<ReadAt>>>,
    size: usize,
}

impl Chunks<'_> {
    /// The next rows; none at the end. Lines whose key cannot be read are left out: they were
    /// reported when the file was indexed.
    pub fn next(&mut self) -> Result<Vec<Row>, Problem> {
        let mut rows = Vec::new();
        let Some(lines) = &mut self.lines else { return Ok(rows) };
        let file = self.table.spec.file;
        while rows.len() < self.size {
            let line = lines.next().map_err(|error| unreadable(file, &error.to_string()))?;
            let Some(line) = line else { break };
            if line.is_blank() || line.is_cut {
                continue;
            }
            let row = self.table.row(line.number, &line.text);
            if !row.cell(self.table.spec.key).is_empty() {
                rows.push(row);
            }
        }
        Ok(rows)
    }
}

/// Reads from a place of its own, whoever else reads the same file.
struct ReadAt {
    file: File,
    offset: u64,
}

impl Read for ReadAt {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.offset)?;
        self.offset += read as u64;
        Ok(read)
    }
}

/// One line and where it lies.
struct Line {
    number: u64,
    offset: u64,
    bytes: u32,
    text: String,
    is_cut: bool,
}

impl Line {
    fn is_blank(&self) -> bool {
        !self.is_cut && self.text.bytes().all(|byte| byte == b',' || byte.is_ascii_whitespace())
    }
}

struct Lines<R> {
    input: R,
    offset: u64,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    const fn new(input: R) -> Self {
        Self { input, offset: 0, number: 0 }
    }

    fn next(&mut self) -> io::Result<Option<Line>> {
        let mut bytes = Vec::new();
        (&mut self.input).take(LINE_BYTES_MAX).read_until(b'\n', &mut bytes)?;
        if bytes.is_empty() {
            return Ok(None);
        }
        let is_cut = bytes.len() as u64 == LINE_BYTES_MAX && bytes.last() != Some(&b'\n');
        let length = bytes.len() as u64 + if is_cut { self.pass_over()? } else { 0 };
        let offset = self.offset;
        self.offset += length;
        self.number += 1;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let bytes = u32::try_from(length).unwrap_or(u32::MAX);
        Ok(Some(Line { number: self.number, offset, bytes, text, is_cut }))
    }

    /// Reads to the end of the line and forgets it.
    fn pass_over(&mut self) -> io::Result<u64> {
        let mut length = 0;
        loop {
            let mut rest = Vec::new();
            (&mut self.input).take(LINE_BYTES_MAX).read_until(b'\n', &mut rest)?;
            length += rest.len() as u64;
            if rest.is_empty() || rest.last() == Some(&b'\n') {
                return Ok(length);
            }
        }
    }
}

/// Where the columns stand. A column that nobody asked for is refused: it may be a misspelt one.
fn places(spec: &Spec, header: &str) -> Result<Vec<(&'static str, Option<usize>)>, Problem> {
    let names: Vec<String> =
        loose_cells(header.trim_start_matches('\u{feff}')).iter().map(|name| name.to_lowercase()).collect();
    for (at, name) in names.iter().enumerate() {
        if !spec.columns().any(|column| column == name) {
            return Err(unreadable(spec.file, &format!("there is no column `{name}`")));
        }
        if names[..at].contains(name) {
            return Err(unreadable(spec.file, &format!("the column `{name}` stands there twice")));
        }
    }
    let place = |column: &str| names.iter().position(|name| name == column);
    if let Some(missing) = spec.required.iter().find(|column| place(column).is_none()) {
        return Err(unreadable(spec.file, &format!("the column `{missing}` is missing")));
    }
    Ok(spec.columns().map(|column| (column, place(column))).collect())
}

/// The cells of a line that is what it should be.
fn strict_cells(text: &str) -> Result<Vec<String>, &'static str> {
    let text = text.trim_end_matches(['\r', '\n']);
    if text.contains('\u{fffd}') {
        return Err("the line is not UTF-8");
    }
    if text.chars().any(|c| c.is_control() && c != '\t') {
        return Err("a control character stands in the line");
    }
    if !text.contains('"') {
        return Ok(text.split(',').map(|cell| cell.trim().to_owned()).collect());
    }
    if text.bytes().filter(|&byte| byte == b'"').count() % 2 == 1 {
        return Err("a quote is not closed on the line");
    }
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut record = csv::StringRecord::new();
    match reader.read_record(&mut record) {
        Ok(true) => Ok(record.iter().map(|cell| cell.trim().to_owned()).collect()),
        _ => Err("the line is not CSV"),
    }
}

/// The cells as well as they can be told apart: enough to know whose line it is.
fn loose_cells(text: &str) -> Vec<String> {
    strict_cells(text).unwrap_or_else(|_| {
        text.split(',')
            .map(|cell| cell.trim_matches(|c: char| c == '"' || c.is_whitespace()).to_owned())
            .collect()
    })
}

fn unreadable(file: &str, why: &str) -> Problem {
    Problem::new(Code::FileUnreadable, format!("{file}: {why}"))
}

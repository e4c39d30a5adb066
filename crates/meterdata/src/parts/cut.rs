//! The cut of a file into parts. No more than a line of it is held.

use std::io::BufRead;

use super::begin::{Begin, Place};
use super::contexts::Contexts;
use super::{Cut, Part, Stretch};
use crate::csv;
use crate::form::FileForm;
use crate::item::FileFault;
use crate::lines::{LINE_BYTES_MAX, Lines, Piece, RawLine};
use vocab::Zone;

/// Most bytes of records that hang together, and so of a part that cannot be smaller.
pub const GROUP_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Bytes of a line that a part hangs on: enough of them to tell that it is longer than a line may be.
const CONTEXT_BYTES_MAX: u64 = LINE_BYTES_MAX as u64 + 2;

/// Cuts a file into parts of at most so many lines and bytes, where records allow it. What cannot be
/// opened is refused, and so is a file of which more than [`GROUP_BYTES_MAX`] hang together; but the records
/// of a layout are cut wherever a part is full, and the part below names the lines that it hangs on.
///
/// Behind the end of a NEM file only the line is looked for that must not be there.
pub fn cut(form: &FileForm, input: impl BufRead, most_lines: u64, most_bytes: u64) -> Result<Cut, FileFault> {
    if let Err(faults) = form.check() {
        let (pointer, reason) = faults.into_iter().next().unwrap_or_default();
        return Err(FileFault::Form { pointer, reason });
    }
    let mut lines = Lines::new(input);
    if matches!(form, FileForm::GreenButton) {
        return whole(lines);
    }
    let head = head(form, &mut lines)?;
    let mut begin = Begin::of(form, &head.prelude);
    let mut cutter = Cutter::new(most_lines, most_bytes);
    let mut contexts = match form {
        FileForm::FixedWidth(layout) => Some(Contexts::new(layout)),
        _ => None,
    };
    let (mut count, mut has_ended) = (head.lines, false);
    // One buffer for all lines; the first of them may have been read for the head.
    let (mut is_read, mut line, mut offset) = match head.first {
        Some((raw, offset)) => (true, raw, offset),
        None => (false, RawLine::default(), lines.offset()),
    };
    while std::mem::take(&mut is_read) || lines.read_line(&mut line)? {
        count = line.number;
        let is_blank = line.is_blank(blank(form));
        let place = if has_ended { Place::Hangs } else { begin.place(&line) };
        let length = lines.offset() - offset;
        let taken = Taken { number: line.number, offset, length, is_blank };
        if let Some(contexts) = &mut contexts {
            cutter.make_room(&taken, contexts);
            contexts.pass(&line, Stretch { offset, length: length.min(CONTEXT_BYTES_MAX) });
        }
        cutter.take(taken, place)?;
        offset = lines.offset();
        if has_ended && !is_blank && matches!(form, FileForm::Nem) {
            break;
        }
        has_ended |= place == Place::Ends;
    }
    // Their end is judged where there is nothing else, too.
    if cutter.group.is_none() && matches!(form, FileForm::Nem | FileForm::D0010) {
        let nothing = Taken { number: count + 1, offset, length: 0, is_blank: true };
        cutter.take(nothing, Place::Begins)?;
    }
    let (prelude, prelude_lines) = (head.prelude, head.lines);
    Ok(Cut { prelude, prelude_lines, parts: cutter.finish(), lines: count })
}

/// A file that is one part.
fn whole<R: BufRead>(mut lines: Lines<R>) -> Result<Cut, FileFault> {
    let (mut raw, mut is_empty) = (RawLine::default(), true);
    while lines.read_line(&mut raw)? {
        is_empty &= raw.is_blank(b' ');
    }
    if is_empty {
        return Err(FileFault::Empty);
    }
    // However long: who reads it does not hold it.
    let (lines, length) = (raw.number, lines.offset());
    let context = Vec::new();
    let part = Part { first_line: 1, lines, offset: 0, length, records_before: 0, is_last: true, context };
    Ok(Cut { prelude: Vec::new(), prelude_lines: 0, parts: vec![part], lines })
}

/// What stands before the first part, and the line that was read of it.
struct Head {
    prelude: Vec<u8>,
    lines: u64,
    first: Option<(RawLine, u64)>,
}

fn blank(form: &FileForm) -> u8 {
    if matches!(form, FileForm::Nem) { b',' } else { b' ' }
}

/// Reads the head; a file that its reader refuses for its beginning is refused.
fn head<R: BufRead>(form: &FileForm, lines: &mut Lines<R>) -> Result<Head, FileFault> {
    let with_end = |mut bytes: Vec<u8>| {
        bytes.push(b'\n');
        bytes
    };
    if let FileForm::Csv(map) = form {
        let raw = csv::header_line(lines, map)?;
        return Ok(Head { prelude: with_end(raw.bytes), lines: raw.number, first: None });
    }
    loop {
        let offset = lines.offset();
        let Some(raw) = lines.next_line()? else { return Err(FileFault::Empty) };
        if raw.is_blank(blank(form)) {
            continue;
        }
        check(form, &raw)?;
        if matches!(form, FileForm::Cmep { .. } | FileForm::FixedWidth(_)) {
            let offset = if raw.number == 1 { lines.begins_at() } else { offset };
            return Ok(Head { prelude: Vec::new(), lines: 0, first: Some((raw, offset)) });
        }
        return Ok(Head { prelude: with_end(raw.bytes), lines: raw.number, first: None });
    }
}

/// Whether a reader takes a line for the first of its format.
fn check(form: &FileForm, raw: &RawLine) -> Result<(), FileFault> {
    let piece = Piece { first_line: raw.number, begins_file: true, ends_file: false, ..Piece::WHOLE };
    let mut bytes = raw.bytes.clone();
    if raw.is_cut {
        bytes.extend_from_slice(b"..");
    }
    let zone = Zone::utc();
    match form.open_piece(&bytes[..], piece, &zone)?.next() {
        Some(Err(fault)) => Err(fault),
        _ => Ok(()),
    }
}

/// A line as it is gathered.
struct Taken {
    number: u64,
    offset: u64,
    length: u64,
    is_blank: bool,
}

/// Gathers lines to groups that hang together, and groups to parts.
struct Cutter {
    most_lines: u64,
    most_bytes: u64,
    parts: Vec<Part>,
    part: Option<Part>,
    group: Option<Part>,
    records: u64,
    /// What the next group hangs on.
    context: Vec<Stretch>,
}

impl Cutter {
    fn new(most_lines: u64, most_bytes: u64) -> Self {
        let (parts, context) = (Vec::new(), Vec::new());
        Self { most_lines, most_bytes, parts, part: None, group: None, records: 0, context }
    }

    /// Closes a group that would be more than a part with this line: the line begins another one.
    fn make_room(&mut self, line: &Taken, contexts: &Contexts<'_>) {
        let is_full = |group: &Part| {
            group.lines >= self.most_lines || group.length.saturating_add(line.length) > self.most_bytes
        };
        if self.group.as_ref().is_some_and(is_full) {
            self.close();
            self.context = contexts.held();
        }
    }

    fn take(&mut self, line: Taken, place: Place) -> Result<(), FileFault> {
        if place == Place::Begins {
            self.close();
        }
        let records_before = self.records;
        let context = std::mem::take(&mut self.context);
        let group = self.group.get_or_insert(Part {
            first_line: line.number,
            lines: 0,
            offset: line.offset,
            length: 0,
            records_before,
            is_last: false,
            // Nothing above it is needed where it begins by itself.
            context: if place == Place::Begins { Vec::new() } else { context },
        });
        group.lines += u64::from(line.length > 0);
        group.length += line.length;
        self.records += u64::from(!line.is_blank);
        if group.length > GROUP_BYTES_MAX {
            let reason = format!("more than {GROUP_BYTES_MAX} bytes hang together from here");
            return Err(FileFault::Format { line: group.first_line, reason });
        }
        Ok(())
    }

    /// The group is whole: it goes into the part, or begins the next.
    fn close(&mut self) {
        let Some(group) = self.group.take() else { return };
        match &mut self.part {
            Some(part)
                if part.lines + group.lines <= self.most_lines
                    && part.length + group.length <= self.most_bytes =>
            {
                part.lines += group.lines;
                part.length += group.length;
            }
            part => self.parts.extend(part.replace(group)),
        }
    }

    fn finish(mut self) -> Vec<Part> {
        self.close();
        if let Some(part) = self.part {
            self.parts.push(Part { is_last: true, ..part });
        }
        self.parts
    }
}

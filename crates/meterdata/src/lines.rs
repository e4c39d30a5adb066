//! Lines of bounded length from a stream of bytes.

use std::io::{self, BufRead};

use crate::item::FileFault;

/// Longest line that is read; of a longer one the rest is passed over.
pub const LINE_BYTES_MAX: usize = 16 * 1024;

/// One physical line, without its end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RawLine {
    /// Line number, from 1.
    pub number: u64,
    /// Its bytes, no more than a line may have.
    pub bytes: Vec<u8>,
    /// Whether it was longer.
    pub is_cut: bool,
    /// Whether it has an end of its own; the last line of a file may lack it.
    pub is_ended: bool,
}

impl RawLine {
    /// Nothing but blanks and delimiters, as spreadsheets leave below a table.
    pub fn is_blank(&self, delimiter: u8) -> bool {
        !self.is_cut && self.bytes.iter().all(|&byte| byte == delimiter || byte.is_ascii_whitespace())
    }
}

/// Which piece of a file an input is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Piece {
    /// Number in the file of the line from its head that stands before the piece, where there is one.
    pub prelude_line: Option<u64>,
    /// Number in the file of the first line of the piece.
    pub first_line: u64,
    /// Records of the file that stand before it.
    pub records_before: u64,
    /// Whether the input begins where the file does.
    pub begins_file: bool,
    /// Whether the input ends where the file does.
    pub ends_file: bool,
}

impl Piece {
    /// All of it.
    pub const WHOLE: Self =
        Self { prelude_line: None, first_line: 1, records_before: 0, begins_file: true, ends_file: true };
}

/// Reads lines ended by LF or CRLF, the last with or without one. A byte order mark is taken off.
#[derive(Debug)]
pub struct Lines<R> {
    input: R,
    most_bytes: usize,
    piece: Piece,
    /// Lines read.
    count: u64,
    /// Bytes read.
    offset: u64,
    /// Bytes of the mark.
    begins_at: u64,
}

impl<R: BufRead> Lines<R> {
    /// From the beginning of a file.
    pub const fn new(input: R) -> Self {
        Self::of_piece(input, Piece::WHOLE)
    }

    /// From the beginning of a piece of a file.
    pub(crate) const fn of_piece(input: R, piece: Piece) -> Self {
        Self { input, most_bytes: LINE_BYTES_MAX, piece, count: 0, offset: 0, begins_at: 0 }
    }

    /// The same, with lines of so many bytes.
    pub(crate) const fn at_most(mut self, bytes: usize) -> Self {
        self.most_bytes = bytes;
        self
    }

    /// Which piece of a file this is.
    pub(crate) const fn piece(&self) -> Piece {
        self.piece
    }

    /// Bytes read by now, with ends of lines and the mark.
    pub(crate) const fn offset(&self) -> u64 {
        self.offset
    }

    /// Where the text begins: behind the mark.
    pub(crate) const fn begins_at(&self) -> u64 {
        self.begins_at
    }

    /// The next line; `None` at the end of the input.
    pub fn next_line(&mut self) -> Result<Option<RawLine>, FileFault> {
        let mut line = RawLine::default();
        Ok(self.read_line(&mut line)?.then_some(line))
    }

    /// Reads the next line into a buffer that is used again; `false` at the end of the input.
    pub fn read_line(&mut self, line: &mut RawLine) -> Result<bool, FileFault> {
        line.bytes.clear();
        line.is_ended = false;
        let mut bytes = 0_usize;
        while !line.is_ended {
            let buffer = match self.input.fill_buf() {
                Ok(buffer) => buffer,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            };
            if buffer.is_empty() {
                break;
            }
            let end = memchr::memchr(b'\n', buffer);
            let part = &buffer[..end.unwrap_or(buffer.len())];
            // One more, which may be the CR of the line's end.
            let room = (self.most_bytes + 1).saturating_sub(line.bytes.len());
            line.bytes.extend_from_slice(&part[..part.len().min(room)]);
            line.is_ended = end.is_some();
            bytes = bytes.saturating_add(part.len());
            let used = part.len() + usize::from(end.is_some());
            self.offset += u64::try_from(used).unwrap_or(0);
            self.input.consume(used);
        }
        if bytes == 0 && !line.is_ended {
            return Ok(false);
        }
        self.count += 1;
        line.number = match self.piece.prelude_line {
            Some(number) if self.count == 1 => number,
            Some(_) => self.piece.first_line + self.count - 2,
            None => self.piece.first_line + self.count - 1,
        };
        if bytes == line.bytes.len() && line.bytes.last() == Some(&b'\r') {
            line.bytes.pop();
        }
        line.is_cut = bytes > line.bytes.len() + 1 || line.bytes.len() > self.most_bytes;
        line.bytes.truncate(self.most_bytes);
        if self.count == 1 && self.piece.begins_file {
            self.begins_at = without_mark(line)?;
        }
        Ok(true)
    }
}

/// Takes the byte order mark off the first line, and gives its length.
fn without_mark(line: &mut RawLine) -> Result<u64, FileFault> {
    if line.bytes.starts_with(&[0xFF, 0xFE]) || line.bytes.starts_with(&[0xFE, 0xFF]) {
        return Err(FileFault::Utf16);
    }
    if line.bytes.starts_with(&[0xEF, 0xBB, 0xBF]) {
        line.bytes.drain(..3);
        return Ok(3);
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8], buffer_bytes: usize) -> Vec<(u64, String, bool)> {
        let mut lines = Lines::new(io::BufReader::with_capacity(buffer_bytes, bytes));
        std::iter::from_fn(|| lines.next_line().unwrap())
            .map(|line| (line.number, String::from_utf8(line.bytes).unwrap(), line.is_cut))
            .collect()
    }

    #[test]
    fn ends_of_lines() {
        for size in [1, 2, 3, 64] {
            let found = all(b"a\r\n\nbc\n\r\nd", size);
            let text: Vec<_> = found.iter().map(|(number, text, _)| (*number, text.as_str())).collect();
            assert_eq!(text, [(1, "a"), (2, ""), (3, "bc"), (4, ""), (5, "d")]);
        }
        assert_eq!(all(b"", 8), []);
        assert_eq!(all(b"\n", 8).len(), 1);
        let mut lines = Lines::new(&b"a\r\nb"[..]);
        assert!(lines.next_line().unwrap().unwrap().is_ended);
        assert!(!lines.next_line().unwrap().unwrap().is_ended);
        assert_eq!(lines.offset(), 4);
    }

    #[test]
    fn a_long_line_is_cut_and_the_next_is_whole() {
        let mut bytes = vec![b'x'; LINE_BYTES_MAX * 3];
        bytes.extend_from_slice(b"\nnext\n");
        let found = all(&bytes, 100);
        assert_eq!((found[0].1.len(), found[0].2), (LINE_BYTES_MAX, true));
        assert_eq!(found[1], (2, "next".to_owned(), false));
        for (more, is_cut) in [(0, false), (1, true), (2, true)] {
            for end in ["", "\n", "\r\n"] {
                let text = format!("{}{end}", "x".repeat(LINE_BYTES_MAX + more));
                let found = all(text.as_bytes(), 100);
                assert_eq!((found[0].1.len(), found[0].2), (LINE_BYTES_MAX, is_cut), "{more} {end:?}");
            }
        }
    }

    #[test]
    fn lines_of_a_piece_have_their_numbers_in_the_file() {
        let piece = Piece { prelude_line: Some(3), first_line: 7, begins_file: false, ..Piece::WHOLE };
        let mut lines = Lines::of_piece(&b"head\na\nb\n"[..], piece);
        let numbers = std::iter::from_fn(|| lines.next_line().unwrap()).map(|line| line.number);
        assert_eq!(numbers.collect::<Vec<_>>(), [3, 7, 8]);
    }
}

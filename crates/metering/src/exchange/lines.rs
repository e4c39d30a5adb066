//! Lines of bounded length from a stream of bytes.

use std::io::{self, BufRead};

/// Longest line that is read; of a longer one the rest is passed over.
pub const LINE_BYTES_MAX: usize = 16 * 1024;

/// One physical line, without its end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RawLine {
    /// Line number, from 1.
    pub number: u64,
    /// Its bytes, at most [`LINE_BYTES_MAX`].
    pub bytes: Vec<u8>,
    /// Whether it was longer.
    pub is_cut: bool,
}

/// Reads lines ended by LF or CRLF, the last with or without one.
#[derive(Debug)]
pub struct Lines<R> {
    input: R,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    /// From the beginning of an input.
    pub const fn new(input: R) -> Self {
        Self { input, number: 0 }
    }

    /// The next line; `None` at the end of the input.
    pub fn next_line(&mut self) -> io::Result<Option<RawLine>> {
        let mut line = RawLine { number: self.number + 1, ..RawLine::default() };
        let mut found_any = false;
        loop {
            let buffer = match self.input.fill_buf() {
                Ok(buffer) => buffer,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if buffer.is_empty() {
                break;
            }
            found_any = true;
            let end = buffer.iter().position(|&byte| byte == b'\n');
            let part = &buffer[..end.unwrap_or(buffer.len())];
            let room = LINE_BYTES_MAX - line.bytes.len();
            line.bytes.extend_from_slice(&part[..part.len().min(room)]);
            line.is_cut |= part.len() > room;
            let used = part.len() + usize::from(end.is_some());
            self.input.consume(used);
            if end.is_some() {
                break;
            }
        }
        if !found_any {
            return Ok(None);
        }
        self.number += 1;
        if line.bytes.last() == Some(&b'\r') {
            line.bytes.pop();
        }
        Ok(Some(line))
    }
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
    }

    #[test]
    fn a_long_line_is_cut_and_the_next_is_whole() {
        let mut bytes = vec![b'x'; LINE_BYTES_MAX * 3];
        bytes.extend_from_slice(b"\nnext\n");
        let found = all(&bytes, 100);
        assert_eq!((found[0].1.len(), found[0].2), (LINE_BYTES_MAX, true));
        assert_eq!(found[1], (2, "next".to_owned(), false));
        let exact = all(&vec![b'x'; LINE_BYTES_MAX], 100);
        assert!(!exact[0].2);
    }
}

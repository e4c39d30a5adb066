//! Bytes of an input, so many for a piece of XML and no more, their lines counted.

use std::io::{self, BufRead, Read};

/// Passes an input on until an allowance is used up; then it fails, until it is renewed.
pub(super) struct Bounded<R> {
    input: R,
    allowance: usize,
    line: u64,
    is_spent: bool,
    is_at_end: bool,
}

impl<R: BufRead> Bounded<R> {
    pub const fn new(input: R) -> Self {
        Self { input, allowance: 0, line: 1, is_spent: false, is_at_end: false }
    }

    /// So many bytes from here.
    pub const fn renew(&mut self, bytes: usize) {
        self.allowance = bytes;
    }

    /// The line of the next byte, from 1.
    pub const fn line(&self) -> u64 {
        self.line
    }

    /// Whether it failed because the allowance was used up.
    pub const fn is_spent(&self) -> bool {
        self.is_spent
    }

    /// Whether the end of the input has been met.
    pub const fn is_at_end(&self) -> bool {
        self.is_at_end
    }
}

impl<R: BufRead> BufRead for Bounded<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.allowance == 0 {
            self.is_spent = true;
            return Err(io::Error::other("a piece of XML is too long"));
        }
        let found = self.input.fill_buf()?;
        self.is_at_end = found.is_empty();
        Ok(&found[..found.len().min(self.allowance)])
    }

    fn consume(&mut self, used: usize) {
        if used == 0 {
            return;
        }
        // What is used up is in the buffer still: nothing is read here.
        if let Ok(buffer) = self.input.fill_buf() {
            let ends = buffer.iter().take(used).filter(|&&byte| byte == b'\n').count();
            self.line += u64::try_from(ends).unwrap_or(0);
        }
        self.allowance = self.allowance.saturating_sub(used);
        self.input.consume(used);
    }
}

impl<R: BufRead> Read for Bounded<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let found = self.fill_buf()?;
        let count = found.len().min(into.len());
        into[..count].copy_from_slice(&found[..count]);
        self.consume(count);
        Ok(count)
    }
}

//! Choices made by bytes.

/// A sequence of bytes that is read once; zeros after its end.
#[derive(Debug)]
pub struct Bytes<'b> {
    rest: &'b [u8],
    /// Stirred with every byte: a source of numbers that would cost too many bytes.
    stirred: u64,
}

impl<'b> Bytes<'b> {
    /// Of these bytes.
    pub const fn new(rest: &'b [u8]) -> Self {
        Self { rest, stirred: 0x9e37_79b9_7f4a_7c15 }
    }

    /// A number spread well over all: the next of a sequence that begins with a seed.
    /// (splitmix64).
    pub const fn spread(seed: u64) -> u64 {
        let z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        let (byte, rest) = self.rest.split_first().map_or((0, self.rest), |(byte, rest)| (*byte, rest));
        self.rest = rest;
        self.stirred = Self::spread(self.stirred.wrapping_add(u64::from(byte)));
        byte
    }

    /// A number below `most`, which is not 0.
    pub fn below(&mut self, most: usize) -> usize {
        usize::from(self.byte()) % most.max(1)
    }

    /// One of several.
    pub fn one<'o>(&mut self, of: &[&'o str]) -> &'o str {
        let at = self.below(of.len());
        of.get(at).copied().unwrap_or("")
    }

    /// Once in `times`; never where the bytes have ended.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == times - 1
    }

    /// A seed that follows from all bytes so far.
    pub fn seed(&mut self) -> u64 {
        self.byte();
        self.stirred
    }

    /// A decimal: mostly a price or a quantity of everyday, sometimes an odd one.
    pub fn decimal(&mut self) -> String {
        let (a, b) = (self.byte(), self.byte());
        match self.below(16) {
            0 => "0".to_owned(),
            1 => format!("-{a}.{b:02}"),
            2 => format!("{a}.{b:03}7654321"),
            3 if self.once_in(8) => format!("{a}99999999{b}99999"),
            4 => format!("{}", u16::from(a) * 100 + u16::from(b)),
            5 => format!("0.{a:03}{b:03}"),
            _ => format!("{a}.{b:02}"),
        }
    }

    /// The same, never below zero.
    pub fn positive(&mut self) -> String {
        self.decimal().trim_start_matches('-').to_owned()
    }
}

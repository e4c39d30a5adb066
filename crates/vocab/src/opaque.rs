//! The text form of ids: prefix, `_`, Crockford base32 of a version, the parts and a check character.
//!
//! An opaque id is neither secret nor authority; it carries its account so that every
//! look-up names the account. It is not chronological.

/// Crockford's alphabet in lower case: no `i`, `l`, `o`, `u`.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// First digit of every encoded id; another layout takes another number.
const VERSION: u8 = 1;
/// Longest text that [`decode`] looks at; two 63-bit parts take 29 characters.
const LONGEST: usize = 40;
/// Room for the longest text and prefix.
const ROOM: usize = 48;

/// A text that is not an id of the expected kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id of this kind")]
pub struct BadId;

/// A short ASCII text without an allocation: documents hold many ids.
pub(crate) struct Encoded {
    bytes: [u8; ROOM],
    len: usize,
}

impl Encoded {
    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.len]).unwrap_or_default()
    }

    fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.len) {
            *place = byte;
            self.len += 1;
        }
    }
}

/// Writes `prefix_…` for one or two non-negative numbers.
pub(crate) fn encode(prefix: &str, parts: &[i64]) -> Encoded {
    let mut text = Encoded { bytes: [0; ROOM], len: 0 };
    prefix.bytes().for_each(|byte| text.push(byte));
    text.push(b'_');
    let first = text.len;
    // Digits first, for the check; letters then.
    text.push(VERSION);
    for &part in parts {
        push_number(&mut text, part.unsigned_abs());
    }
    let last = check(prefix, &text.bytes[first..text.len]);
    text.push(last);
    for digit in &mut text.bytes[first..text.len] {
        *digit = letter(*digit);
    }
    text
}

/// Reads what [`encode`] wrote: exactly `N` numbers under this prefix.
pub(crate) fn decode<const N: usize>(prefix: &str, text: &str) -> Result<[i64; N], BadId> {
    if text.len() > LONGEST {
        return Err(BadId);
    }
    let body = text.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_')).ok_or(BadId)?;
    let mut digits = body.bytes().map(value).collect::<Option<Vec<u8>>>().ok_or(BadId)?;
    let last = digits.pop().ok_or(BadId)?;
    if last != check(prefix, &digits) || digits.first() != Some(&VERSION) {
        return Err(BadId);
    }
    let mut rest = &digits[1..];
    let mut parts = [0i64; N];
    for part in &mut parts {
        *part = take_number(&mut rest)?;
    }
    if rest.is_empty() { Ok(parts) } else { Err(BadId) }
}

/// Numbers are base 16 digits, lowest first, each with a continuation bit on top.
fn push_number(digits: &mut Encoded, mut number: u64) {
    loop {
        let low = (number & 0xf) as u8;
        number >>= 4;
        if number == 0 {
            digits.push(low);
            return;
        }
        digits.push(low | 0x10);
    }
}

fn take_number(digits: &mut &[u8]) -> Result<i64, BadId> {
    let mut number: u64 = 0;
    for (place, &digit) in digits.iter().enumerate() {
        if place >= 16 {
            return Err(BadId);
        }
        number |= u64::from(digit & 0xf) << (4 * place);
        if digit & 0x10 == 0 {
            // A written zero on top would give one id two texts.
            if place > 0 && digit == 0 {
                return Err(BadId);
            }
            *digits = &digits[place + 1..];
            return i64::try_from(number).map_err(|_| BadId);
        }
    }
    Err(BadId)
}

/// Luhn mod 32 over prefix and digits: finds every single wrong character and most swaps.
fn check(prefix: &str, digits: &[u8]) -> u8 {
    let mut sum: u32 = prefix.bytes().map(u32::from).sum();
    for (place, &digit) in digits.iter().rev().enumerate() {
        let digit = u32::from(digit);
        sum += if place % 2 == 0 { 2 * digit / 32 + 2 * digit % 32 } else { digit };
    }
    ((32 - sum % 32) % 32) as u8
}

fn letter(digit: u8) -> u8 {
    ALPHABET[usize::from(digit & 0x1f)]
}

fn value(byte: u8) -> Option<u8> {
    ALPHABET.iter().position(|&letter| letter == byte).and_then(|at| u8::try_from(at).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip_and_every_wrong_character_is_found() {
        for parts in [[0, 0], [1, 2], [i64::MAX, i64::MAX], [4711, 123_456_789]] {
            let text = encode("bill", &parts);
            let text = text.as_str();
            assert_eq!(decode::<2>("bill", text), Ok(parts), "{text}");
            assert_eq!(decode::<2>("acct", text), Err(BadId));
            assert_eq!(decode::<1>("bill", text), Err(BadId));
            for at in 5..text.len() {
                let mut wrong = text.to_owned().into_bytes();
                wrong[at] = if wrong[at] == b'0' { b'1' } else { b'0' };
                let wrong = String::from_utf8(wrong).unwrap();
                assert_eq!(decode::<2>("bill", &wrong), Err(BadId), "{wrong}");
            }
        }
    }
}

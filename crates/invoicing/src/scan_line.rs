//! The machine-readable line of the remittance stub.
//!
//! Layout, 22 digits printed in three groups: account number (10 digits, the last its own check
//! digit) · amount due in minor units (11 digits, zero-filled; a credit is 0) · Damm check digit
//! over the 21 digits before it. Example: `1234567897 00000012345 6`.

use crate::InvoicingError;
use vocab::{AccountNumber, Money, account_number::check_digit};

const ACCOUNT_DIGITS: usize = 10;
const AMOUNT_DIGITS: usize = 11;

/// What a scanner reads from a stub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScanLine {
    account: AccountNumber,
    amount: Money,
}

/// A text that is not a scan line, or one with a misread digit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a scan line: 22 digits with valid check digits")]
pub struct NotAScanLine;

impl ScanLine {
    /// For a stub; credits ask for nothing.
    pub fn new(account: AccountNumber, due: Money) -> Result<Self, InvoicingError> {
        let amount = due.max(Money::ZERO);
        if amount.minor() >= 10_i64.pow(AMOUNT_DIGITS as u32) {
            return Err(InvoicingError::AmountTooLarge);
        }
        Ok(Self { account, amount })
    }

    /// The account to credit.
    pub const fn account(&self) -> AccountNumber {
        self.account
    }

    /// The amount asked.
    pub const fn amount(&self) -> Money {
        self.amount
    }
}

impl std::fmt::Display for ScanLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let account = self.account.to_string();
        let amount = format!("{:011}", self.amount.minor());
        let check = check_digit(account.bytes().chain(amount.bytes()).map(|b| b - b'0'));
        write!(f, "{account} {amount} {check}")
    }
}

impl std::str::FromStr for ScanLine {
    type Err = NotAScanLine;
    /// Blanks between the digits are forgiven.
    fn from_str(text: &str) -> Result<Self, NotAScanLine> {
        let digits: String = text.chars().filter(|c| *c != ' ').collect();
        let all_digits = digits.bytes().all(|b| b.is_ascii_digit());
        if !all_digits || digits.len() != ACCOUNT_DIGITS + AMOUNT_DIGITS + 1 {
            return Err(NotAScanLine);
        }
        if check_digit(digits.bytes().map(|b| b - b'0')) != 0 {
            return Err(NotAScanLine);
        }
        let account = digits[..ACCOUNT_DIGITS].parse().map_err(|_| NotAScanLine)?;
        let amount = digits[ACCOUNT_DIGITS..ACCOUNT_DIGITS + AMOUNT_DIGITS].parse();
        Ok(Self { account, amount: Money::from_minor(amount.map_err(|_| NotAScanLine)?) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_what_is_read() {
        let account = AccountNumber::from_random(42);
        for minor in [0, 1, 12_345, 99_999_999_999] {
            let line = ScanLine::new(account, Money::from_minor(minor)).unwrap();
            assert_eq!(line.to_string().parse(), Ok(line));
            assert_eq!(line.to_string().len(), 24);
        }
        assert_eq!(ScanLine::new(account, Money::from_minor(-5)).unwrap().amount(), Money::ZERO);
        assert!(ScanLine::new(account, Money::from_minor(100_000_000_000)).is_err());
    }

    #[test]
    fn a_misread_digit_or_swap_is_found() {
        let line =
            ScanLine::new(AccountNumber::from_random(7), Money::from_minor(98_765)).unwrap().to_string();
        let bytes = line.as_bytes();
        for at in (0..bytes.len()).filter(|&at| bytes[at] != b' ') {
            let mut wrong = bytes.to_vec();
            wrong[at] = b'0' + (wrong[at] - b'0' + 1) % 10;
            assert!(String::from_utf8(wrong).unwrap().parse::<ScanLine>().is_err(), "digit {at}");
        }
        let mut swapped: Vec<u8> = bytes.iter().copied().filter(|b| *b != b' ').collect();
        swapped.swap(19, 20);
        assert!(String::from_utf8(swapped).unwrap().parse::<ScanLine>().is_err());
    }
}

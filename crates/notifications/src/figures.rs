//! Amounts and dates as a reader of the language writes them. The patterns are texts of the
//! language; the digits come from exact values.

use time::Date;
use vocab::{Currency, Money};

use crate::texts::Voice;

impl Voice<'_> {
    /// `$1,234.50`, or `1 234,50 $`: by `money-USD`, or else by `money` with the currency's code.
    pub(crate) fn money(&mut self, amount: Money, currency: Currency) -> String {
        let exact = currency.format(amount);
        let (sign, digits) = match exact.strip_prefix('-') {
            Some(digits) => ("-", digits),
            None => ("", exact.as_str()),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let mut number = grouped(whole, &self.say("group-separator", &[]));
        if !fraction.is_empty() {
            number.push_str(&self.say("decimal-separator", &[]));
            number.push_str(fraction);
        }
        let arguments = [("sign", sign), ("number", &number), ("currency", currency.code())];
        self.say_either(Some(&format!("money-{}", currency.code())), "money", &arguments)
    }

    /// `March 1, 2026`, or `1er mars 2026`.
    pub(crate) fn date(&mut self, day: Date) -> String {
        let month = self.say(&format!("month-{}", u8::from(day.month())), &[]);
        let first = if day.day() == 1 { "yes" } else { "no" };
        let (number, year) = (day.day().to_string(), day.year().to_string());
        self.say("date", &[("day", &number), ("first", first), ("month", &month), ("year", &year)])
    }
}

/// The digits in groups of three, from the right.
fn grouped(digits: &str, separator: &str) -> String {
    let mut text = String::with_capacity(digits.len() * 2);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push_str(separator);
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Texts;
    use time::macros::date;

    #[test]
    fn amounts_are_written_as_the_reader_writes_them() {
        let texts = Texts::built_in().unwrap();
        let yen = Currency::new("JPY", 0).unwrap();
        let euro = Currency::new("EUR", 2).unwrap();
        for (tag, currency, minor, written) in [
            ("en", Currency::USD, 0, "$0.00"),
            ("en", Currency::USD, 5, "$0.05"),
            ("en", Currency::USD, -123_456, "-$1,234.56"),
            ("en", Currency::USD, i64::MIN, "-$92,233,720,368,547,758.08"),
            ("en", yen, 1_234_567, "1,234,567 JPY"),
            ("es", Currency::USD, 123_456_789, "$1,234,567.89"),
            ("fr", Currency::USD, 100_000, "1\u{202f}000,00\u{a0}$"),
            ("fr-CA", euro, -99_999, "-999,99\u{a0}€"),
        ] {
            let language = tag.parse().unwrap();
            assert_eq!(texts.voice(&language).money(Money::from_minor(minor), currency), written, "{tag}");
        }
    }

    #[test]
    fn dates_are_written_as_the_reader_writes_them() {
        let texts = Texts::built_in().unwrap();
        for (tag, day, written) in [
            ("en", date!(2026 - 03 - 01), "March 1, 2026"),
            ("es", date!(2026 - 03 - 01), "1 de marzo de 2026"),
            ("fr", date!(2026 - 03 - 01), "1er mars 2026"),
            ("fr", date!(2026 - 12 - 31), "31 décembre 2026"),
        ] {
            let language = tag.parse().unwrap();
            assert_eq!(texts.voice(&language).date(day), written);
        }
    }
}

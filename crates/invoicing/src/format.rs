//! Numbers, amounts and days as a reader of a language writes them.

use crate::{label::Argument, model::Quantity, texts};
use rust_decimal::Decimal;
use std::collections::BTreeMap;
use time::Date;
use vocab::{Currency, Language, Money, Period, Unit};

/// The minus sign of typography: as wide as a plus, never a hyphen.
const MINUS: char = '\u{2212}';
const NO_BREAK_SPACE: char = '\u{a0}';

/// Where the currency sign stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    Before,
    After,
}

/// Writes values for one language and currency.
#[derive(Debug, Clone)]
pub struct Writer<'a> {
    language: &'a Language,
    currency: &'a Currency,
    grouping: char,
    point: char,
    sign: Sign,
    day_first: bool,
}

/// Regions that write Spanish with a decimal point.
const SPANISH_WITH_POINT: [&str; 9] = ["US", "MX", "PR", "DO", "GT", "HN", "NI", "PA", "SV"];

impl<'a> Writer<'a> {
    /// For a language and the utility's currency.
    pub fn new(language: &'a Language, currency: &'a Currency) -> Self {
        let region = language.as_str().split_once('-').map_or("", |(_, region)| region);
        let (grouping, point, sign) = match language.base() {
            "es" if !SPANISH_WITH_POINT.contains(&region) => ('.', ',', Sign::After),
            "fr" => (NO_BREAK_SPACE, ',', Sign::After),
            _ => (',', '.', Sign::Before),
        };
        let day_first = !matches!(region, "" | "US" | "CA" | "PH");
        Self { language, currency, grouping, point, sign, day_first }
    }

    /// The language written.
    pub const fn language(&self) -> &Language {
        self.language
    }

    /// `1,234.5`: no zeros are added or lost but trailing ones.
    pub fn number(&self, value: Decimal) -> String {
        self.digits(&value.normalize())
    }

    /// `1,234.50`, without the currency's sign: for columns.
    pub fn amount(&self, amount: Money) -> String {
        self.digits(&self.currency.to_decimal(amount))
    }

    /// `$1,234.50` or `1.234,50 $`.
    pub fn money(&self, amount: Money) -> String {
        self.signed(self.amount(amount))
    }

    /// A price in major units: at least the currency's decimals, all digits kept.
    pub fn price(&self, price: Decimal) -> String {
        let mut price = price.normalize();
        let least = u32::from(self.currency.minor_digits());
        if price.scale() < least {
            price.rescale(least);
        }
        self.signed(self.digits(&price))
    }

    /// `812 kWh`.
    pub fn quantity(&self, quantity: &Quantity) -> String {
        format!("{}{NO_BREAK_SPACE}{}", self.number(quantity.value), self.unit(quantity.unit))
    }

    /// `kWh`.
    pub fn unit(&self, unit: Unit) -> String {
        texts::plain(self.language, &format!("unit-{}", unit.as_str()))
    }

    /// A message without arguments: `quality-actual`.
    pub fn message(&self, key: &str) -> String {
        texts::plain(self.language, key)
    }

    /// A message about one thing.
    pub fn message_about(&self, key: &str, name: &str, value: String) -> String {
        texts::message(self.language, key, &BTreeMap::from([(name, value)]))
    }

    /// `Mar 31, 2026`.
    pub fn date(&self, day: Date) -> String {
        let key = if self.day_first { "date-day-first" } else { "date" };
        let args = BTreeMap::from([
            ("day", day.day().to_string()),
            ("month", self.month(day)),
            ("year", format!("{:04}", day.year())),
        ]);
        texts::message(self.language, key, &args)
    }

    /// `Mar`.
    pub fn month(&self, day: Date) -> String {
        texts::plain(self.language, &format!("month-{}", u8::from(day.month())))
    }

    /// `Mar 1, 2026 – Mar 31, 2026`.
    pub fn period(&self, period: &Period) -> String {
        let args =
            BTreeMap::from([("first", self.date(period.first_on())), ("last", self.date(period.last_on()))]);
        texts::message(self.language, "period", &args)
    }

    /// A sentence's argument.
    pub(crate) fn argument(&self, value: &Argument) -> String {
        match value {
            Argument::Text(text) => text.clone(),
            Argument::Number(number) => self.number(*number),
            Argument::Quantity(value, unit) => self.quantity(&Quantity { value: *value, unit: *unit }),
            Argument::Price(price) => self.price(*price),
            Argument::Amount(amount) => self.money(*amount),
            Argument::Date(day) => self.date(*day),
            Argument::Message(key) => self.message(key),
        }
    }

    /// The sign stays outermost: `−$5.00`.
    fn signed(&self, digits: String) -> String {
        let (minus, digits) = match digits.strip_prefix(MINUS) {
            Some(rest) => ("\u{2212}", rest),
            None => ("", digits.as_str()),
        };
        let symbol = symbol(self.currency);
        match self.sign {
            Sign::Before if symbol.chars().all(char::is_alphabetic) => {
                format!("{minus}{symbol}{NO_BREAK_SPACE}{digits}")
            }
            Sign::Before => format!("{minus}{symbol}{digits}"),
            Sign::After => format!("{minus}{digits}{NO_BREAK_SPACE}{symbol}"),
        }
    }

    fn digits(&self, value: &Decimal) -> String {
        let text = value.abs().to_string();
        let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
        let mut out = String::with_capacity(text.len() + 8);
        if value.is_sign_negative() && !value.is_zero() {
            out.push(MINUS);
        }
        for (at, digit) in whole.chars().enumerate() {
            if at > 0 && (whole.len() - at).is_multiple_of(3) {
                out.push(self.grouping);
            }
            out.push(digit);
        }
        if !fraction.is_empty() {
            out.push(self.point);
            out.push_str(fraction);
        }
        out
    }
}

/// The sign a resident knows; the code where the sign would be ambiguous.
fn symbol(currency: &Currency) -> &str {
    match currency.code() {
        "USD" | "CAD" | "AUD" | "NZD" | "MXN" | "CLP" | "COP" => "$",
        "EUR" => "€",
        "GBP" => "£",
        "JPY" | "CNY" => "¥",
        "INR" => "₹",
        code => code,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::date;

    fn written(tag: &str, minor: i64) -> String {
        Writer::new(&tag.parse().unwrap(), &Currency::USD).money(Money::from_minor(minor))
    }

    #[test]
    fn amounts_follow_the_language() {
        assert_eq!(written("en", 123_456), "$1,234.56");
        assert_eq!(written("es", 123_456), "1.234,56\u{a0}$");
        assert_eq!(written("es-US", 123_456), "$1,234.56");
        assert_eq!(written("fr", 123_456_789), "1\u{a0}234\u{a0}567,89\u{a0}$");
        assert_eq!(written("en", -5), "\u{2212}$0.05");
        assert_eq!(written("en", 0), "$0.00");
        assert_eq!(written("en", 99_999), "$999.99");
        let francs = Currency::new("CHF", 2).unwrap();
        let english = Language::english();
        assert_eq!(Writer::new(&english, &francs).money(Money::from_minor(-1250)), "\u{2212}CHF\u{a0}12.50");
        let yen = Currency::new("JPY", 0).unwrap();
        assert_eq!(Writer::new(&english, &yen).money(Money::from_minor(1250)), "¥1,250");
    }

    #[test]
    fn prices_keep_every_digit_and_numbers_lose_only_zeros() {
        let english = Language::english();
        let writer = Writer::new(&english, &Currency::USD);
        let decimal = |text: &str| vocab::decimal::parse(text).unwrap();
        assert_eq!(writer.price(decimal("0.1")), "$0.10");
        assert_eq!(writer.price(decimal("0.1234567000")), "$0.1234567");
        assert_eq!(writer.number(decimal("12345.600")), "12,345.6");
        assert_eq!(writer.number(decimal("-0.00")), "0");
    }

    #[test]
    fn days_follow_the_language() {
        let day = date!(2026 - 03 - 31);
        let written = |tag: &str| Writer::new(&tag.parse().unwrap(), &Currency::USD).date(day);
        assert_eq!(written("en"), "Mar 31, 2026");
        assert_eq!(written("en-GB"), "31 Mar 2026");
        assert_eq!(written("es"), "31 mar 2026");
        assert_eq!(written("fr-CA"), "31 mars 2026");
    }
}

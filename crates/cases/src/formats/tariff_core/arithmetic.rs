//! Arithmetic in words: `2 + (hour*13 mod 29)/3 if 6 < hour < 22 else 0.75`.

use time::{Date, Time};
use vocab::{Decimal, decimal};

/// Deepest nesting.
const DEEPEST: usize = 24;

/// A value of a local time.
pub struct Formula(Vec<String>);

impl Formula {
    /// Cut into words and signs; whether it makes sense shows with its first value.
    pub fn read(text: &str) -> Option<Self> {
        let mut words = Vec::new();
        let mut rest = text.trim();
        while let Some(first) = rest.chars().next() {
            let in_word = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '_';
            let length = if in_word(first) {
                rest.find(|c| !in_word(c)).unwrap_or(rest.len())
            } else if ["<=", ">=", "=="].iter().any(|sign| rest.starts_with(sign)) {
                2
            } else if "+-*/()<>%".contains(first) {
                1
            } else {
                return None;
            };
            let (word, after) = rest.split_at(length);
            // The clock is always the local one.
            if word != "local" {
                words.push(word.to_lowercase());
            }
            rest = after.trim_start();
        }
        (!words.is_empty()).then_some(Self(words))
    }

    /// Its value at a local time.
    pub fn value(&self, (day, clock): (Date, Time)) -> Option<Decimal> {
        let mut reader = Reader { words: &self.0, at: 0, day, clock, depth: 0 };
        let value = reader.choice()?;
        (reader.at == self.0.len()).then_some(value)
    }
}

struct Reader<'f> {
    words: &'f [String],
    at: usize,
    day: Date,
    clock: Time,
    depth: usize,
}

impl Reader<'_> {
    fn takes(&mut self, word: &str) -> bool {
        let is_next = self.words.get(self.at).is_some_and(|next| next == word);
        self.at += usize::from(is_next);
        is_next
    }

    /// `a if condition else b`.
    fn choice(&mut self) -> Option<Decimal> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return None;
        }
        let then = self.sum()?;
        let value = if self.takes("if") {
            let holds = self.condition()?;
            if !self.takes("else") {
                return None;
            }
            let otherwise = self.choice()?;
            if holds { then } else { otherwise }
        } else {
            then
        };
        self.depth -= 1;
        Some(value)
    }

    /// `a < b <= c`, joined by `and` or `or`.
    fn condition(&mut self) -> Option<bool> {
        let mut holds = self.comparison()?;
        loop {
            if self.takes("and") {
                holds &= self.comparison()?;
            } else if self.takes("or") {
                holds |= self.comparison()?;
            } else {
                return Some(holds);
            }
        }
    }

    fn comparison(&mut self) -> Option<bool> {
        let mut left = self.sum()?;
        let (mut holds, mut any) = (true, false);
        loop {
            let sign = ["<=", ">=", "==", "<", ">"].into_iter().find(|sign| self.takes(sign));
            let Some(sign) = sign else { return any.then_some(holds) };
            let right = self.sum()?;
            holds &= match sign {
                "<=" => left <= right,
                ">=" => left >= right,
                "==" => left == right,
                "<" => left < right,
                _ => left > right,
            };
            (left, any) = (right, true);
        }
    }

    fn sum(&mut self) -> Option<Decimal> {
        let mut left = self.product()?;
        loop {
            if self.takes("+") {
                left = decimal::add(left, self.product()?).ok()?;
            } else if self.takes("-") {
                left = decimal::sub(left, self.product()?).ok()?;
            } else {
                return Some(left);
            }
        }
    }

    fn product(&mut self) -> Option<Decimal> {
        let mut left = self.single()?;
        loop {
            if self.takes("*") {
                left = decimal::mul(left, self.single()?).ok()?;
            } else if self.takes("/") {
                left = decimal::div(left, self.single()?).ok()?;
            } else if self.takes("mod") || self.takes("%") {
                left = left.checked_rem(self.single()?)?;
            } else {
                return Some(left);
            }
        }
    }

    fn single(&mut self) -> Option<Decimal> {
        if self.takes("(") {
            let inside = self.choice()?;
            return self.takes(")").then_some(inside);
        }
        let word = self.words.get(self.at)?;
        self.at += 1;
        let part = |value: u8| Some(Decimal::from(value));
        match word.as_str() {
            "hour" => part(self.clock.hour()),
            "minute" => part(self.clock.minute()),
            "day" => part(self.day.day()),
            "month" => part(u8::from(self.day.month())),
            "weekday" => part(self.day.weekday().number_days_from_monday()),
            number => decimal::parse(number),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::{date, time};

    #[test]
    fn words_as_arithmetic() {
        let at = (date!(2026 - 06 - 03), time!(7:30));
        for (text, expected) in [
            ("2 + ((local hour*13 + local day*5) mod 29)/2 if 6 < hour < 22 else 0.75", Some("11.5")),
            ("1 if hour < 7 else 2 if minute >= 30 and weekday == 2 else 3", Some("2")),
            ("hour +", None),
            ("1 if hour", None),
            ("sine * 2", None),
            ("1 / 0", None),
        ] {
            let value = Formula::read(text).and_then(|formula| formula.value(at));
            assert_eq!(value.map(crate::number::text).as_deref(), expected, "{text}");
        }
        assert!(Formula::read("1 ? 2").is_none());
        let deep = "(".repeat(1_000);
        assert!(Formula::read(&deep).and_then(|formula| formula.value(at)).is_none());
    }
}

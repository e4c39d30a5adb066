//! Comparing what was found with what is expected.

use crate::{Fields, Stop, number};
use serde_json::{Map, Value};
use vocab::{Decimal, decimal};

/// The comparisons of a case.
#[derive(Debug, Clone, Default)]
pub struct Checks {
    tolerance: Decimal,
    made: usize,
    expected: Map<String, Value>,
    found: Map<String, Value>,
    notes: Vec<String>,
}

impl Checks {
    /// With this tolerance.
    pub fn new(tolerance: Decimal) -> Self {
        Self { tolerance, ..Self::default() }
    }

    /// A number: equal within the tolerance.
    pub fn number(&mut self, what: &str, expected: &Value, found: Decimal) {
        self.made += 1;
        let near = number::read(expected).is_some_and(|expected| {
            decimal::sub(expected, found).is_ok_and(|difference| difference.abs() <= self.tolerance)
        });
        if !near {
            self.differs(what, expected, number::text(found).into());
        }
    }

    /// A number, where there is one.
    pub fn number_or_none(&mut self, what: &str, expected: &Value, found: Option<Decimal>) {
        match found {
            Some(found) => self.number(what, expected, found),
            None => {
                self.made += 1;
                self.differs(what, expected, Value::Null);
            }
        }
    }

    /// Numbers in their order; those that are missing at the end of either are 0.
    pub fn numbers(&mut self, what: &str, expected: &Value, found: &[Decimal]) {
        let Some(list) = expected.as_array() else {
            self.made += 1;
            let found = found.iter().map(|value| number::text(*value).into()).collect();
            return self.differs(what, expected, Value::Array(found));
        };
        for place in 0..list.len().max(found.len()) {
            let expected = list.get(place).cloned().unwrap_or_else(|| Value::from(0));
            let found = found.get(place).copied().unwrap_or_default();
            self.number(&format!("{what}[{place}]"), &expected, found);
        }
    }

    /// Anything else: equal.
    pub fn equal(&mut self, what: &str, expected: &Value, found: Value) {
        self.made += 1;
        if *expected != found {
            self.differs(what, expected, found);
        }
    }

    /// Something about the case that is worth a reader's thought and no failure.
    pub fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    /// Nothing that is expected may be left without a comparison, but sentences for the reader. A
    /// difference is worth more than that, and comes first.
    pub fn finish(&self, expected: &Fields<'_>) -> Result<(), Stop> {
        let left = expected.left();
        let place = left.into_iter().find(|key| expected.get(key).is_some_and(|value| !is_sentence(value)));
        match place {
            Some(key) if self.expected.is_empty() => {
                Err(Stop::because(format!("`{}` is nothing that can be compared", expected.place(key))))
            }
            _ => Ok(()),
        }
    }

    /// How many comparisons were made.
    pub const fn made(&self) -> usize {
        self.made
    }

    /// The notes.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// What differs: expected and found, by name; `None` when nothing does.
    pub fn into_differences(self) -> Option<(Value, Value)> {
        (!self.expected.is_empty()).then_some((Value::Object(self.expected), Value::Object(self.found)))
    }

    fn differs(&mut self, what: &str, expected: &Value, found: Value) {
        self.expected.insert(what.to_owned(), expected.clone());
        self.found.insert(what.to_owned(), found);
    }
}

/// Words for the reader, or a list of them: no number among them.
fn is_sentence(value: &Value) -> bool {
    match value {
        Value::String(text) => number::parse(text).is_none(),
        Value::Array(list) => list.iter().all(|value| value.is_string() && is_sentence(value)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_words_are_left_without_a_comparison() {
        let refused = |value: Value| {
            let map = Map::from_iter([("left".to_owned(), value)]);
            Checks::default().finish(&Fields::new("expected", &map)).is_err()
        };
        for words in [json!("as published"), json!(["as", "published"]), json!(null)] {
            assert!(!refused(words.clone()), "{words}");
        }
        for amounts in
            [json!("157.50"), json!(["157.50", "185.00"]), json!(["one", "2"]), json!(1), json!({})]
        {
            assert!(refused(amounts.clone()), "{amounts}");
        }
    }
}

//! Counting outcomes by kind.

use crate::Stop;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt;

/// What became of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Everything that is expected was found.
    Passed {
        /// What a reader should know of the case all the same.
        notes: Vec<String>,
    },
    /// Something else was found.
    Failed {
        /// What was expected, by name; only what differs.
        expected: Value,
        /// What was found, by the same names.
        found: Value,
    },
    /// It cannot be said in our form.
    NotExpressible {
        /// Why.
        reason: String,
    },
}

impl From<Stop> for Outcome {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::NotExpressible(reason) => Self::NotExpressible { reason },
            Stop::Unrated(error) => Self::error(&error.to_string()),
        }
    }
}

impl Outcome {
    /// There should have been amounts, and there is this.
    pub(crate) fn error(text: &str) -> Self {
        Self::Failed { expected: json!("amounts"), found: json!({ "error": text }) }
    }
}

#[derive(Debug, Clone, Default)]
struct Kind {
    passed: u64,
    failed: Vec<Value>,
    not_expressible: Vec<Value>,
}

/// The outcomes of many cases.
#[derive(Debug, Clone, Default)]
pub struct Report {
    kinds: BTreeMap<String, Kind>,
    notes: Vec<(String, String)>,
}

impl Report {
    /// Adds a case by its kind and name.
    pub fn add(&mut self, kind: &str, id: &str, outcome: Outcome) {
        let kind = self.kinds.entry(kind.to_owned()).or_default();
        match outcome {
            Outcome::Passed { notes } => {
                kind.passed += 1;
                self.notes.extend(notes.into_iter().map(|note| (id.to_owned(), note)));
            }
            Outcome::Failed { expected, found } => {
                kind.failed.push(json!({ "id": id, "expected": expected, "found": found }));
            }
            Outcome::NotExpressible { reason } => {
                kind.not_expressible.push(json!({ "id": id, "reason": reason }));
            }
        }
    }

    /// Whether nothing failed.
    pub fn is_good(&self) -> bool {
        self.kinds.values().all(|kind| kind.failed.is_empty())
    }

    /// How many passed, failed and were not expressible.
    pub fn counts(&self) -> (u64, usize, usize) {
        self.kinds.values().fold((0, 0, 0), |(passed, failed, not), kind| {
            (passed + kind.passed, failed + kind.failed.len(), not + kind.not_expressible.len())
        })
    }

    /// `{"<kind>": {"passed": n, "failed": […], "not_expressible": […]}}`.
    pub fn to_json(&self) -> Value {
        let kind = |kind: &Kind| json!({ "passed": kind.passed, "failed": kind.failed, "not_expressible": kind.not_expressible });
        Value::Object(self.kinds.iter().map(|(name, of)| (name.clone(), kind(of))).collect())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, kind) in &self.kinds {
            let (failed, not) = (kind.failed.len(), kind.not_expressible.len());
            writeln!(f, "{name}: {} passed, {failed} failed, {not} not expressible", kind.passed)?;
            for case in &kind.failed {
                writeln!(f, "  failed {}", text(case, "id"))?;
                writeln!(f, "    expected {}", case["expected"])?;
                writeln!(f, "    found    {}", case["found"])?;
            }
            for case in &kind.not_expressible {
                writeln!(f, "  not expressible {}: {}", text(case, "id"), text(case, "reason"))?;
            }
        }
        for (id, note) in &self.notes {
            writeln!(f, "note on {id}: {note}")?;
        }
        Ok(())
    }
}

fn text<'v>(case: &'v Value, key: &str) -> &'v str {
    case[key].as_str().unwrap_or_default()
}

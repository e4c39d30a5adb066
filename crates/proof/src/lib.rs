//! The independent verifier: re-adds a segment's lines from their own stored record.
//!
//! It reads the stored text with structures of its own and computes with rationals of any size,
//! so that a fault of the rating engine cannot hide in shared arithmetic.
//!
//! Checked of every line: price × quantity × proration (or the formula of its kind) gives the
//! unrounded amount; rounding gives the amount; a split quantity's parts add up to the whole, and
//! so do parts that were measured; tiers join without gap, end where their thresholds say, are cut
//! by days with the use that fills them, and hold what there is, also when each day or several buckets fill them; packages are the started ones; a
//! percentage, tax, minimum, maximum, discount or sum stands on the earlier lines it names; a bank
//! accounts for what it held; a formula has its value; no rule charges a day twice. Of every
//! quantity that was worked out: its working gives its value, and lines price that value. Then: the
//! lines add up to the total.
//!
//! Deliberately missing: whether the tariff was the right one. A record proves its arithmetic,
//! not the choice of its prices, names, dates or accounts. Nor does it say where a value came from
//! that has no record beside it: a named quantity may have been given instead of worked out, so that
//! one whose records were all taken away passes as given; and a tier's end, a count or a formula's
//! operand states its value, not the quantity that it was.
//!
//! ```ignore
//! let checked = proof::verify_lines(&stored_text, 29_68, 2)?;
//! assert_eq!(checked.lines, 5);
//! ```

mod bank;
mod base;
mod derived;
mod formula;
mod line;
mod near;
mod once;
mod quantity;
mod rational;
mod record;
mod shared;
mod tier;
mod working;

use rational::{minor_to_major, whole};
use record::Document;

/// The document versions that are understood: the second leaves out what most lines have alike.
const VERSIONS: std::ops::RangeInclusive<u8> = 1..=2;

/// A segment whose record holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checked {
    /// How many lines were computed again.
    pub lines: usize,
}

/// Something in a record that does not follow from the rest of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// The text is not a lines document of the form this verifier knows.
    #[error("the record is unreadable: {0}")]
    Unreadable(String),
    /// The document has a version this verifier does not know.
    #[error("the record has the unknown version {0}")]
    UnknownVersion(u8),
    /// A line contradicts itself or the lines it refers to.
    #[error("line {line}, {field}: {detail}")]
    Line {
        /// Place of the line, from 0.
        line: usize,
        /// The field that was computed again.
        field: &'static str,
        /// What is stated and what follows.
        detail: String,
    },
    /// A quantity that was worked out does not follow from its working.
    #[error("worked-out quantity {record}: {detail}")]
    Derived {
        /// Its place, from 0.
        record: usize,
        /// What is stated and what follows.
        detail: String,
    },
    /// The lines do not add up to the total.
    #[error("the lines add up to {found} minor units, not {stated}")]
    Total {
        /// The total given.
        stated: i64,
        /// The sum of the lines.
        found: i128,
    },
}

/// Collects violations of one document.
pub(crate) struct Findings(Vec<Violation>);

impl Findings {
    pub(crate) fn unless(
        &mut self,
        good: bool,
        line: usize,
        field: &'static str,
        detail: impl FnOnce() -> String,
    ) {
        if !good {
            self.0.push(Violation::Line { line, field, detail: detail() });
        }
    }

    pub(crate) fn derived(&mut self, record: usize, detail: String) {
        self.0.push(Violation::Derived { record, detail });
    }
}

/// Computes every line of a stored lines document again and adds them up.
///
/// `minor_digits` are the currency's decimals.
///
/// # Errors
/// Everything that does not follow; never empty.
pub fn verify_lines(json: &str, total_minor: i64, minor_digits: u8) -> Result<Checked, Vec<Violation>> {
    let document: Document =
        serde_json::from_str(json).map_err(|error| vec![Violation::Unreadable(error.to_string())])?;
    if !VERSIONS.contains(&document.v) {
        return Err(vec![Violation::UnknownVersion(document.v)]);
    }
    let Document { derived: worked_out, lines, .. } = document;
    let mut findings = Findings(Vec::new());
    derived::check(&mut findings, &worked_out, &lines);
    for (index, line) in lines.iter().enumerate() {
        line::check(&mut findings, &worked_out, &lines, index, minor_digits);
        derived::check_line(&mut findings, &worked_out, index, line);
    }
    once::check(&mut findings, &lines);
    quantity::check_groups(&mut findings, &lines);
    tier::amounts_besides(&mut findings, &lines);
    shared::check(&mut findings, &lines);
    let found: i128 = lines.iter().map(|line| i128::from(line.amount_minor)).sum();
    if found != i128::from(total_minor) {
        findings.0.push(Violation::Total { stated: total_minor, found });
    }
    if findings.0.is_empty() { Ok(Checked { lines: lines.len() }) } else { Err(findings.0) }
}

/// Whether two values agree to 20 digits of the larger of them and `scale`: the engine keeps 28.
pub(crate) fn agree(
    a: &num_rational::BigRational,
    b: &num_rational::BigRational,
    scale: &num_rational::BigRational,
) -> bool {
    let magnitude = [rational::size(a), rational::size(b), rational::size(scale), whole(1)]
        .into_iter()
        .max()
        .unwrap_or_else(|| whole(1));
    rational::size(&(a - b)) <= magnitude * minor_to_major(1, 20)
}

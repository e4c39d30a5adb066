//! The rating engine: tariffs and quantities in, calculation lines out. Pure.
//!
//! ```
#![doc = include_str!("../examples/bill.rs")]
//! ```
//!
//! Map: [`tariff`] is the JSON form (`docs/tariffs.md` has an example of every part);
//! [`RateVersion`] a tariff that is known to be priceable; [`RatingInput`] what a segment is rated
//! from; [`rate()`] does it; [`Line`] is one row of the result with its own proof,
//! [`LinesDocument`] its stored form; [`explain`] shows its derivation.
//!
//! Invariants:
//! - the total is the sum of the rounded lines, exactly; every line computes again from its record;
//! - fractions of periods are exact, products are divided last, each line is rounded once; what the
//!   28 digits of a quotient cut off decides no rounding;
//! - a rule that is the same in two versions, with what it refers to, is not split at the change;
//! - no input panics: numbers out of range are [`RatingError::ArithmeticOverflow`].

mod charges;
mod check;
mod clock;
mod dates;
mod derive;
mod error;
mod exact;
pub mod explain;
pub mod formula;
mod history;
mod input;
mod intervals;
mod label;
mod line;
mod measures;
mod pieces;
mod proration;
mod rate;
#[cfg(feature = "utoipa")]
pub mod schema;
mod sentence;
pub mod tariff;
pub mod urdb;
mod version;
mod word;
mod working;

pub use error::RatingError;
pub use input::{
    BankBalance, Characteristic, Exemption, FactorTable, FactorValue, InForce, ItemCount, OtherSegment, Past,
    Quantity, RatingInput,
};
pub use intervals::{Intervals, Series};
pub use label::{ARGUMENTS, Label, LabelText};
pub use line::{
    BankCredit, BaseLine, DOCUMENT_VERSION, Line, LineBank, LineBase, LineCap, LineFormula, LineKind,
    LinePackages, LineQuantity, LineTier, LinesDocument, Named, TierShared, UnreadableLines,
    version as document_version,
};
pub use proration::Ratio;
pub use rate::{Rated, rate};
pub use tariff::{QuantityKey, QuantityKind, Rule};
pub use version::{MONTHS_OF_BANKS, RateVersion, RuleFault};
pub use vocab::zone::ClockChange;
pub use word::{NotAWord, Word};
pub use working::{DerivedQuantity, PastValue, Working};

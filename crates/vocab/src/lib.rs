//! The words of the trade: ids, money, quantities, dates, languages, states and error codes.
//!
//! Every other crate speaks in these types. Invariants:
//! - no binary floating point and no unchecked `Decimal` operator outside [`decimal`];
//! - [`Money`] is minor units in an `i64`; prices and quantities are `Decimal`;
//! - only [`zone`] knows time zones;
//! - no clock, no randomness, no I/O: instants and random numbers are passed in.

pub mod account_number;
pub mod calendar;
pub mod codes;
pub mod dates;
pub mod decimal;
pub mod ids;
pub mod language;
pub mod money;
mod opaque;
pub mod plain;
pub mod planning;
mod text;
pub mod timetable;
pub mod words;
pub mod zone;

pub use account_number::AccountNumber;
pub use codes::{Category, Code, FieldError, Problem, RETIRED};
pub use dates::Period;
pub use ids::*;
pub use language::Language;
pub use money::{Currency, Money};
pub use opaque::BadId;
pub use planning::*;
pub use rust_decimal::Decimal;
pub use text::UnknownWord;
pub use words::*;
pub use zone::Zone;

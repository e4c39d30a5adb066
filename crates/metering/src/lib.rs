//! Reads: consumption with its proof, end dates, estimates, validation and the report of an import.
//!
//! Every function is from data to data: the caller passes the day, the reads and the
//! thresholds. Invariants:
//! - a fall of an odometer that is not a plausible rollover is an error, never a quantity;
//! - a quantity can be added up again from its [`ReadUsed`] rows.
//!
//! Deliberately missing: formats of files (`meterdata`), deferral of short segments (billing decides),
//! look-up of meters and reads (the caller joins rows to registers).

pub mod consumption;
pub mod end_date;
mod error;
pub mod estimate;
mod evidence;
pub mod gaps;
pub mod interval_day;
pub mod intervals;
mod read_rules;
pub mod rebill;
pub mod register;
pub mod report;
mod rule_book;
pub mod usage;
pub mod validate;

pub use consumption::{
    Charged, Consumption, Quantity, ReadUsed, RolloverLimit, Start, consumption, register_use,
};
pub use end_date::{ReadWindow, Span, segment_end};
pub use error::Error;
pub use estimate::{
    Estimate, EstimateBy, EstimationRules, UsageProfile, Wanted, check_row, estimate, estimates_in_a_row,
    is_demand,
};
pub use interval_day::{IntervalDay, Merged};
pub use read_rules::{PartialReadRules, PartialRolloverLimit, ReadRules};
pub use rebill::{Boundary, Rebill, Rebilled, rebilled};
pub use register::{Metered, Read, Register, Stay};
pub use report::{ControlTotals, ImportReport};
pub use rule_book::{RuleBook, RulesByClass, ScopedRules};
pub use usage::{
    PartialReadChecks, ReadChecks, Until, Usage, UsageFinding, expected_values, past_use, usage_check,
};
pub use validate::{Incoming, Known, Outcome, Verdict, validate};

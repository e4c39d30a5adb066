//! Segments, bills and runs: the pure heart of billing one account.
//!
//! The shell loads a [`RunContext`] once and an [`AccountInputs`] per account; [`draft`] makes
//! the account's bill as an immutable document with flags and totals; [`acceptable`] says
//! whether it may be posted; [`complete`] turns it into the rows to write. Invariants:
//! - every contract in scope has exactly one outcome in a draft (I4);
//! - a draft's total is the sum of its segments, a segment's the sum of its lines (I6);
//! - every journal sums to zero by construction (I1): [`Journal`] cannot be built otherwise;
//! - previous balance + swept + new = ending balance on every completed bill (I5);
//! - the same inputs give the same [`digest`], whatever the order of their rows.
//!
//! Deliberately missing: clock, I/O, SQL.

mod acceptance;
mod account;
mod arithmetic;
mod causes;
mod compare;
mod comparisons;
mod completion;
mod context;
mod correction;
mod dependence;
mod derived;
mod digest;
mod document;
mod draft;
mod error;
pub mod explain;
mod flags;
mod journal;
mod load_profile;
mod machines;
mod memory;
mod messages;
mod metered;
mod period;
mod posting;
mod re_rating;
mod remarks;
mod review_checks;
mod review_digest;
mod routing;
mod run_invoices;
#[cfg(test)]
mod samples;
mod segment;
mod terms;
mod totals;

pub use acceptance::{NotAcceptable, Tested, acceptable};
pub use account::{
    AccountInputs, Again, Before, BillableCharge, Contract, DayOfIntervals, EndedService, Hold, LastBill,
    LastSegment, PointMeters, PostalAddress, ReadRemark, Recipient, Recurring, RegisterReads,
};
pub use arithmetic::Arithmetic;
pub use causes::{AccountChange, ContractChange, causes};
pub use compare::{Changed, DraftSummary, compare};
pub use completion::{
    BillRow, ChargeBilled, Completion, CompletionRefused, ContractUpdate, EstimatedRead, Ledger, LooseFt,
    OpenBill, Posting, SegmentRow, complete, complete_open,
};
pub use context::{
    ContractType, CustomerClass, RateSchedule, RateVersion, RunContext, RunContextParts, RunWindow,
};
pub use correction::{
    CorrectionRefused, PostedSegment, Replacement, Reversal, SegmentFt, bill_again, reverse,
};
pub use digest::{Digest, NotADigest, digest};
pub use document::{
    Calculation, ChargeLine, Circumstances, DOCUMENT_VERSION, Draft, DraftSegment, Reason, TotalRow,
    UnreadableDocument,
};
pub use draft::draft;
pub use error::BillingError;
pub use flags::{DecidedFlag, Decision, Flag, ReviewedFlag, carry};
pub use journal::{Journal, JournalFault};
pub use load_profile::load_profile;
pub use machines::{
    BillEvent, ItemEvent, Machine, RebillEvent, Refused, RunEvent, SegmentEvent, WindowEvent, transition,
};
pub use memory::{Memory, Remembered, measured, put_beside};
pub use messages::{Audience, BillMessage, BillReader, PrintedMessage, printed_messages};
pub use metered::estimate_reads_from;
pub use posting::{
    Ft, FtOrigin, PostedFt, PostingDates, adjustment_cancel_ft, adjustment_ft, arrangement_ft,
    payment_cancel_ft, payment_ft,
};
pub use re_rating::{BilledSegment, ReRated, re_rate};
pub use review_checks::ReviewChecks;
pub use review_digest::review_digest;
pub use routing::{Routing, routings};
pub use run_invoices::{InvoiceWork, steps_with_invoices};
pub use terms::{InterestOf, TermKind, TermLine, Terms, TermsFault, progress_of};
pub use totals::segment_totals;

#[cfg(test)]
mod tests;

//! What an invoice shows: its model, its languages, and the data a template prints.
//!
//! Invariants:
//! - pure: no clock, no I/O; the same [`Invoice`] gives the same [`TemplateData`];
//! - every value is a finished string before it reaches a template: templates do no arithmetic
//!   and see no binary floating point (chart heights are whole per-mille);
//! - an invoice whose parts do not add up to its total gets no template data
//!   ([`InvoicingError::DoesNotAddUp`]).
//!
//! Deliberately missing: rendering (the `render` program), storage and delivery.

mod chart;
pub mod data;
pub mod format;
mod label;
pub mod manifest;
mod model;
mod qr;
pub mod routing;
pub mod samples;
mod scan_line;
mod template;
mod texts;

pub use chart::{Bar, Chart};
pub use data::TemplateData;
pub use label::{Argument, Label, LocalText};
pub use model::{
    Autopay, Entry, InstalmentPlan, Invoice, Line, LineKind, PastDue, Quantity, ReadPoint, ReadRow,
    ServiceCharges, Summary, UsageMonth, Utility,
};
pub use qr::qr_svg;
pub use scan_line::{NotAScanLine, ScanLine};
pub use template::template_data;

/// Why an invoice cannot be shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvoicingError {
    /// The parts of an amount do not give the amount.
    #[error("bill {bill_number}: {what} does not add up to its parts")]
    DoesNotAddUp {
        /// The bill.
        bill_number: String,
        /// Which amount.
        what: &'static str,
    },
    /// A computed figure does not fit.
    #[error(transparent)]
    Overflow(#[from] vocab::decimal::Overflow),
    /// The pay link is too long for a QR code.
    #[error("the pay link is too long for a QR code")]
    LinkTooLong,
    /// An amount too large for the eleven digits of the scan line.
    #[error("the amount does not fit the scan line")]
    AmountTooLarge,
    /// A manifest could not be written.
    #[error("the manifest cannot be written: {0}")]
    Manifest(String),
}

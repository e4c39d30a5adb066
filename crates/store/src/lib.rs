//! The only crate with SQL: schema, rows, queries, migrations, COPY, the work queue, the
//! embedded database.
//!
//! Invariants:
//! - queries take a [`Tx`], never a pool; only [`Db::tx`] opens a transaction, and only `app`
//!   calls it;
//! - every query on rows that an account owns names the account, or is a report that may
//!   visit all of them;
//! - ids come from blocks ([`Tx::new_id`]), instants from [`Tx::as_of`]; no column defaults
//!   to `now()`;
//! - nothing joins rows keyed by account with rows keyed by service point.
//!
//! Lock order: run or window → chunk → accounts ascending → bill → payment.

pub mod access;
pub mod accounts;
pub mod adjustments;
pub mod audit;
pub mod bill_errors;
pub mod bill_messages;
pub mod billing_inputs;
pub mod billing_past;
pub mod bills;
pub mod bulk_corrections;
pub mod charges;
pub mod contract_types;
pub mod contracts;
pub mod corrections;
pub mod cycles;
pub mod dashboard;
pub mod db;
pub mod deliveries;
pub mod drafts;
pub mod draws;
pub mod embedded;
pub mod error;
pub mod exchange;
pub mod exemptions;
mod faults;
pub mod flags;
pub mod held_days;
pub mod idempotency;
mod ids;
pub mod import_undo;
pub mod intervals;
pub mod invoices;
mod json_text;
pub mod ledger;
pub mod ledger_setup;
pub mod load;
pub mod meters;
pub mod migrations;
pub mod page;
pub mod payment_methods;
pub mod payments;
pub mod places;
pub mod posting;
pub mod queue;
pub mod rates;
pub mod reading_formats;
pub mod reads;
pub mod rebill_proposals;
pub mod reference;
pub mod reference_reads;
pub mod registers;
pub mod reread_orders;
pub mod run_contracts;
pub mod run_sets;
pub mod runs;
pub mod schedules;
mod schema;
pub mod settings;
mod spans;
pub mod test_changes;
pub mod totals;
pub mod usage_profiles;
pub mod verify;
pub mod what_if;
pub mod window_steps;
pub mod windows;
pub mod work_lists;

pub use db::{Db, Tx};
pub use error::{Error, Result};
pub use json_text::JsonText;
pub use migrations::{migrate, migrations_pending, revert_all};
pub use page::{BadCursor, Cursor, Page};

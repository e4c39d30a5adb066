//! Use cases against a real database.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where it cannot go on"
)]

mod accounts;
mod after_corrections;
mod balances;
mod bill_messages;
mod bills;
mod calendar;
mod contracts;
mod corrections;
mod estimates;
mod exchange;
mod exemptions;
mod explanation;
mod flags;
mod ground;
mod held_days;
mod import_undo;
mod imports;
mod interval_data;
mod invoices;
mod load;
mod memory;
mod methods;
mod money;
mod office;
mod once;
mod order_of_locks;
mod payment_runs;
mod places;
mod rates;
mod read_rules;
mod rebills;
mod rereads;
mod retests;
mod review_desk;
mod runs;
mod schedule_changes;
mod schedules;
mod settings;
mod single_bills;
mod staff;
mod step_events;
mod what_if;
mod windows;

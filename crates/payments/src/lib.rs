//! Money in: what a payment pays, when autopay draws and how much, what happens after a
//! decline, and the port behind which gateways stand.
//!
//! Invariants:
//! - pure but for the [`gateway`] port, whose adapters live in `connectors`: no clock, no
//!   randomness, no I/O; the same data give the same decision;
//! - no cent is lost or made: what an allocation does not place stays an unapplied credit;
//! - a charge whose outcome is unknown is looked up, never charged again and never taken for a
//!   decline.
//!
//! Deliberately missing: bank files (NACHA, lockbox), delinquency ladders, deposits and refunds
//! of closed accounts.

pub mod allocation;
pub mod autopay;
pub mod gateway;
pub mod retry;
pub mod states;

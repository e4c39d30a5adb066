//! Adapters behind the ports of payments, notifications and invoicing.
//!
//! Invariants: every call to the outside has a bounded time; secrets are never printed; an
//! answer that is not understood is never taken for success or refusal.

pub mod gateway;

//! Adapters behind the ports of payments, notifications and invoicing.
//!
//! Invariants: every call to the outside has a bounded time; secrets are never printed; an
//! answer that is not understood is never taken for success or refusal. Adapters are
//! synchronous and try once: retrying is decided by their callers.

pub mod documents;
pub mod gateway;
pub mod mail;
pub mod rendering;

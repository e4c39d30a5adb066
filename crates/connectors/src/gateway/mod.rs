//! Payment gateways behind `payments::gateway::Gateway`.
//!
//! [`stripe`] speaks HTTP to any gateway with the Stripe-compatible interface, [`manual`] leaves
//! the work to a person, and [`sandbox`] is such an HTTP gateway itself, for demonstrations and
//! tests: it moves no money.

pub mod manual;
pub mod sandbox;
mod secret;
pub mod stripe;

pub use manual::ManualGateway;
pub use sandbox::SandboxGateway;
pub use secret::Secret;
pub use stripe::StripeGateway;

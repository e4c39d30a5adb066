//! Harness for tests: databases, and counterparts that others wrote.

pub mod cluster;
pub mod counterparts;
mod ground;

pub use cluster::TestDatabase;

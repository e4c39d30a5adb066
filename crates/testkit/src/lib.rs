//! Harness for tests: databases.

pub mod cluster;
mod ground;

pub use cluster::TestDatabase;

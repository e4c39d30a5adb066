//! Harness for tests: databases.

pub mod cluster;

pub use cluster::TestDatabase;

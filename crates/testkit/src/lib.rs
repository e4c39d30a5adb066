//! Harness for tests: databases, and counterparts that others wrote.

pub mod cluster;
pub mod counterparts;
mod ground;
mod own_server;

pub use cluster::{Held, TestDatabase};
pub use own_server::{Death, OwnServer};

/// Letters without a pattern: what repeats would be compressed before its length matters.
#[must_use]
pub fn noise(length: usize) -> String {
    let mut state = 1u64;
    let mut letter = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        b"abcdefghijklmnopqrstuvwxyz"[(state >> 33) as usize % 26] as char
    };
    (0..length).map(|_| letter()).collect()
}

//! Faults: whatever dies in the middle of billing, the work goes on, nothing is billed twice or lost, and
//! what is written is what an uninterrupted run of the same town writes (I11).
//!
//! Each is a small seeded sample. With `PENSTOCK_FULL` set it has its full size and prints its figures
//! (docs/benchmarks.md).

mod commits;
mod one_account;
mod servers;
mod workers;

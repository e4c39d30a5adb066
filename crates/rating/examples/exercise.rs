//! Runs the engine and the verifier over random tariffs and accounts, one after the other:
//!
//! ```sh
//! cargo run --release -p rating --example exercise -- 10000000        # executions
//! cargo run --release -p rating --example exercise -- 1 4711          # from this seed on: one again
//! ```
//!
//! Stops at the first input for which something does not hold, with its seed.

use std::io::Write;
use std::process::ExitCode;

#[path = "../tests/random/mod.rs"]
mod random;

use random::{Bytes, Verdict};

/// Bytes of an input, at most.
const LONGEST: u64 = 700;
/// Executions between two lines of progress.
const STEP: u64 = 100_000;

/// The bytes of a seed.
fn bytes(seed: u64) -> Vec<u8> {
    let mut state = Bytes::spread(seed);
    let length = 50 + state % LONGEST;
    (0..length)
        .map(|_| {
            state = Bytes::spread(state);
            u8::try_from(state >> 56).unwrap_or(0)
        })
        .collect()
}

fn main() -> ExitCode {
    let mut given = std::env::args().skip(1).map(|text| text.parse::<u64>().ok());
    let count = given.next().flatten().unwrap_or(STEP);
    let from = given.next().flatten().unwrap_or(0);
    let (mut refused, mut unrated, mut proven, mut lines) = (0_u64, 0_u64, 0_u64, 0_usize);
    let mut out = std::io::stdout();
    for done in 1..=count {
        let seed = from + done - 1;
        match random::run(&bytes(seed)) {
            Ok(Verdict::Refused) => refused += 1,
            Ok(Verdict::Unrated) => unrated += 1,
            Ok(Verdict::Proven { lines: of }) => {
                proven += 1;
                lines += of;
            }
            Err(fault) => {
                // A closed pipe is no reason to fail otherwise.
                let _closed = writeln!(out, "seed {seed}: {fault}");
                return ExitCode::FAILURE;
            }
        }
        if done % STEP == 0 || done == count {
            let _closed = writeln!(
                out,
                "{done} executions: {proven} proven with {lines} lines, {unrated} unrated, {refused} refused"
            );
        }
    }
    ExitCode::SUCCESS
}

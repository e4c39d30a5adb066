//! Bytes choose a tariff and an account; whatever they choose is refused, or rated and proven.
#![no_main]

#[path = "../../crates/rating/tests/random/mod.rs"]
mod random;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Err(fault) = random::run(bytes) {
        panic!("{fault}");
    }
});

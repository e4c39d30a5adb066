//! The table of the steps.

use std::time::{Duration, Instant};

/// What a step came to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tally {
    /// Items that it was done for.
    pub items: u64,
    /// Items that stayed behind.
    pub errors: u64,
}

/// The steps so far.
#[derive(Default)]
pub struct Table {
    rows: Vec<(&'static str, Tally, Duration)>,
}

impl Table {
    /// Takes a step and its time.
    pub fn step<T>(
        &mut self,
        name: &'static str,
        work: impl FnOnce() -> anyhow::Result<(Tally, T)>,
    ) -> anyhow::Result<T> {
        let begun = Instant::now();
        let (tally, rest) = work()?;
        self.rows.push((name, tally, begun.elapsed()));
        Ok(rest)
    }

    /// Prints all.
    pub fn print(&self) {
        println!("\n{:34} {:>9} {:>8} {:>10} {:>10}", "step", "items", "errors", "seconds", "per second");
        for (name, tally, time) in &self.rows {
            let millis = time.as_millis().max(1);
            let tenths = u128::from(tally.items) * 10_000 / millis;
            let per_second = format!("{}.{}", tenths / 10, tenths % 10);
            let seconds = format!("{}.{:03}", millis / 1000, millis % 1000);
            println!("{name:34} {:>9} {:>8} {seconds:>10} {per_second:>10}", tally.items, tally.errors);
        }
    }
}

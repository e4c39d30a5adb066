//! The figures of a measurement, as a table for people and an object for programs.
#![allow(clippy::float_arithmetic, reason = "rates of measurements, never money")]

use super::measure::Cost;
use anyhow::{Context, Result};
use serde_json::{Map, Value, json};
use std::path::Path;
use std::time::Duration;

/// A phase with its name and what it was done for.
#[derive(Debug, Clone, Copy)]
pub struct Phase {
    /// Its name, a key of `phases`.
    pub name: &'static str,
    /// Items it was done for.
    pub items: u64,
    /// What it took.
    pub cost: Cost,
}

const MEGABYTE: f64 = 1_048_576.0;

/// A whole number as a figure; counts of measurements stay far below what that can hold.
pub fn figure(count: u64) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}

/// Bytes in megabytes.
pub fn megabytes(bytes: u64) -> f64 {
    // Kilobytes first: bytes of a large process do not fit the exact range.
    figure(bytes / 1024) * 1024.0 / MEGABYTE
}

/// Items a second.
pub fn per_second(items: u64, time: Duration) -> f64 {
    figure(items) / time.as_secs_f64().max(1e-9)
}

/// Microseconds an item.
pub fn micros_each(time: Duration, items: u64) -> f64 {
    time.as_secs_f64() * 1e6 / figure(items.max(1))
}

/// A figure with two decimals: more would pretend.
pub fn rounded(value: f64) -> Value {
    json!((value * 100.0).round() / 100.0)
}

impl Phase {
    /// Microseconds of processor time for each item, everything together.
    pub fn cpu_us_each(&self) -> f64 {
        let Cost { penstock_cpu, children_cpu, postgres_cpu, .. } = self.cost;
        micros_each(penstock_cpu + children_cpu + postgres_cpu, self.items)
    }

    fn json(&self) -> Value {
        json!({
            "items": self.items,
            "seconds": rounded(self.cost.time.as_secs_f64()),
            "per_s": rounded(per_second(self.items, self.cost.time)),
            "penstock_cpu_us": rounded(micros_each(self.cost.penstock_cpu + self.cost.children_cpu, self.items)),
            "postgres_cpu_us": rounded(micros_each(self.cost.postgres_cpu, self.items)),
            "penstock_peak_mb": rounded(megabytes(self.cost.penstock_bytes)),
            "postgres_peak_mb": rounded(megabytes(self.cost.postgres_bytes)),
        })
    }
}

/// The phases by name.
pub fn phases(all: &[Phase]) -> Value {
    Value::Object(all.iter().map(|phase| (phase.name.to_owned(), phase.json())).collect::<Map<_, _>>())
}

/// Prints the phases; processor time is per item.
pub fn print(all: &[Phase]) {
    println!(
        "\n{:12} {:>9} {:>9} {:>10} {:>13} {:>13} {:>12} {:>12}",
        "phase", "items", "seconds", "per second", "penstock us", "postgres us", "penstock MB", "postgres MB"
    );
    for Phase { name, items, cost } in all {
        println!(
            "{name:12} {items:>9} {:>9.2} {:>10.0} {:>13.0} {:>13.0} {:>12.0} {:>12.0}",
            cost.time.as_secs_f64(),
            per_second(*items, cost.time),
            micros_each(cost.penstock_cpu + cost.children_cpu, *items),
            micros_each(cost.postgres_cpu, *items),
            megabytes(cost.penstock_bytes),
            megabytes(cost.postgres_bytes),
        );
    }
    println!();
}

/// Writes the object, when a file was named.
pub fn write(to: Option<&Path>, figures: &Value) -> Result<()> {
    let Some(path) = to else { return Ok(()) };
    let text = serde_json::to_string_pretty(figures)?;
    std::fs::write(path, text + "\n").with_context(|| format!("writing {}", path.display()))
}

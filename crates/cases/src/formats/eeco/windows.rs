//! The windows of rows as buckets. A bucket belongs to one time of use, in which windows do not
//! overlap: rows that do are put into layers.

use super::rows::Row;
use crate::Stop;
use crate::bill::{Parts, word};
use rating::Word;
use serde_json::{Value, json};

/// Five-minute slots of a day.
const SLOTS: usize = 288;
/// Months × weekdays × slots.
type Grid = Vec<bool>;

const DAYS: &[&str] = &["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// Buckets in layers, each a time of use.
#[derive(Default)]
pub struct Layers(Vec<Layer>);

struct Layer {
    taken: Grid,
    buckets: Vec<(Grid, Vec<Value>)>,
}

impl Layers {
    /// The bucket of the hours of these rows together.
    pub fn bucket(&mut self, rows: &[&Row]) -> Result<Word, Stop> {
        let hours = grid(rows)?;
        for (layer, of) in self.0.iter().enumerate() {
            if let Some(place) = of.buckets.iter().position(|(known, _)| *known == hours) {
                return name(layer, place);
            }
        }
        let free = |of: &Layer| !of.taken.iter().zip(&hours).any(|(taken, hour)| *taken && *hour);
        let layer = self.0.iter().position(free).unwrap_or(self.0.len());
        if layer == self.0.len() {
            self.0.push(Layer { taken: vec![false; hours.len()], buckets: Vec::new() });
        }
        let of = &mut self.0[layer];
        for (taken, hour) in of.taken.iter_mut().zip(&hours) {
            *taken |= *hour;
        }
        let bucket = name(layer, of.buckets.len())?;
        let windows = rows.iter().map(|row| window(row, &bucket)).collect();
        of.buckets.push((hours, windows));
        Ok(bucket)
    }

    /// The times of use in our JSON form.
    pub fn into_times_of_use(self) -> Result<Vec<Value>, Stop> {
        let layer = |(place, layer): (usize, Layer)| {
            let windows: Vec<Value> = layer.buckets.into_iter().flat_map(|(_, windows)| windows).collect();
            json!({ "id": format!("layer_{place}"), "windows": windows, "otherwise": otherwise(place) })
        };
        Ok(self.0.into_iter().enumerate().map(layer).collect())
    }
}

fn name(layer: usize, place: usize) -> Result<Word, Stop> {
    word(&format!("hours_{layer}_{place}"))
}

fn otherwise(layer: usize) -> String {
    format!("hours_{layer}_other")
}

/// Gives every tiered charge the other buckets of its layer, at no price: their use fills the tiers.
pub fn complete(parts: &mut Parts) {
    for rule in &mut parts.rules {
        let own = rule["charge"]["buckets"][0]["bucket"].as_str().map(str::to_owned);
        let Some(own) = own else { continue };
        let of = parts.times_of_use.iter().find(|times| names(times).any(|name| name == own));
        let mut others: Vec<&str> = of.into_iter().flat_map(names).filter(|name| *name != own).collect();
        others.sort_unstable();
        others.dedup();
        let others = others.into_iter().map(|name| json!({ "bucket": name, "tiers": [{ "price": "0" }] }));
        if let Value::Array(buckets) = &mut rule["charge"]["buckets"] {
            buckets.extend(others);
        }
    }
}

fn names(times: &Value) -> impl Iterator<Item = &str> {
    let windows = times["windows"].as_array().map(Vec::as_slice).unwrap_or_default();
    windows.iter().filter_map(|window| window["bucket"].as_str()).chain(times["otherwise"].as_str())
}

/// Whether rows share an hour.
pub fn overlap(rows: &[&Row]) -> Result<bool, Stop> {
    let mut count = 0;
    for row in rows {
        count += grid(&[row])?.iter().filter(|hour| **hour).count();
    }
    Ok(count != grid(rows)?.iter().filter(|hour| **hour).count())
}

/// Whether rows have the same hours.
pub fn same(a: &[&Row], b: &[&Row]) -> Result<bool, Stop> {
    Ok(grid(a)? == grid(b)?)
}

/// The hours of rows.
fn grid(rows: &[&Row]) -> Result<Grid, Stop> {
    let mut grid = vec![false; 12 * 7 * SLOTS];
    for row in rows {
        for month in months(row) {
            for weekday in weekdays(row) {
                let start = (usize::from(month - 1) * 7 + weekday) * SLOTS;
                let slot = |minutes: i64| usize::try_from(minutes / 5).unwrap_or(0).min(SLOTS);
                grid[start + slot(row.minutes.0)..start + slot(row.minutes.1)].fill(true);
            }
        }
    }
    if grid.contains(&true) { Ok(grid) } else { Err(Stop::because("a row without hours")) }
}

fn months(row: &Row) -> impl Iterator<Item = u8> + use<> {
    let (from, to) = row.months;
    (1..=12).filter(move |month| (from..=to).contains(&i64::from(*month)))
}

fn weekdays(row: &Row) -> impl Iterator<Item = usize> + use<> {
    let (from, to) = row.weekdays;
    (0..7_usize).filter(move |day| i64::try_from(*day).is_ok_and(|day| (from..=to).contains(&day)))
}

fn window(row: &Row, bucket: &Word) -> Value {
    let clock = |minutes: i64| format!("{:02}:{:02}", minutes / 60, minutes % 60);
    let days: Vec<&str> = weekdays(row).map(|day| DAYS[day]).collect();
    json!({
        "bucket": bucket.as_str(), "months": months(row).collect::<Vec<u8>>(), "days": days,
        "from": clock(row.minutes.0), "to": clock(row.minutes.1),
    })
}

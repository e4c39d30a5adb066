//! Serde form of a list of dates: `["2026-07-15"]`.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::Date;

#[derive(Serialize, Deserialize)]
struct Entry(#[serde(with = "vocab::dates::civil")] Date);

/// For serde.
pub(crate) fn serialize<S: Serializer>(days: &[Date], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(days.iter().map(|day| Entry(*day)))
}

/// For serde.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Date>, D::Error> {
    Ok(Vec::<Entry>::deserialize(from)?.into_iter().map(|Entry(day)| day).collect())
}

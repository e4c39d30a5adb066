//! The stored form of the quantities that a tariff worked out.

use crate::rational::{Mode, Number};
use crate::record::Named;
use serde::Deserialize;
use time::Date;

/// A quantity that a tariff worked out.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Derived {
    pub(crate) version: String,
    pub(crate) name: String,
    pub(crate) unit: String,
    pub(crate) kind: String,
    pub(crate) bucket: Option<String>,
    pub(crate) working: Working,
    pub(crate) decimals: u8,
    pub(crate) rounding: Mode,
    pub(crate) value: Number,
}

/// How it was worked out.
#[derive(Deserialize)]
#[serde(tag = "method", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Working {
    Formula { text: String, with: Vec<Named> },
    Average { of: Vec<PastValue>, default: Option<Number>, cap: Option<Number> },
    Ratchet { present: Number, of: Vec<PastValue>, percent: Number, minimum: Option<Number> },
    Net { delivered: Number, received: Number, opening: Number },
    Buckets { of: Vec<Named> },
}

/// A value of a past period.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PastValue {
    #[serde(with = "vocab::dates::civil")]
    pub(crate) last_on: Date,
    pub(crate) value: Number,
}

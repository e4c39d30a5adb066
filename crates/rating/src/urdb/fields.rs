//! The form's fields: names in any case, numbers as exact decimals.

use super::{Draft, Terms};
use serde_json::{Map, Value};
use time::{Date, OffsetDateTime};
use vocab::Decimal;
use vocab::decimal::{self, Rounding, STORED_SCALE};

/// Fields that become rules, or that say when and for whom.
const PRICED: &[&str] = &[
    "energyratestructure",
    "energyweekdayschedule",
    "energyweekendschedule",
    "fueladjustmentsmonthly",
    "fixedmonthlycharge",
    "fixedchargefirstmeter",
    "fixedchargeunits",
    "minmonthlycharge",
    "annualmincharge",
    "mincharge",
    "minchargeunits",
    "flatdemandstructure",
    "flatdemandmonths",
    "flatdemandunit",
    "flatdemandunits",
    "demandratestructure",
    "demandweekdayschedule",
    "demandweekendschedule",
    "demandrateunit",
    "demandunits",
    "demandwindow",
    "lookbackpercent",
    "lookbackmonths",
    "lookbackrange",
    "startdate",
];

/// Fields that describe the tariff and charge nothing.
const DESCRIPTIVE: &[&str] = &[
    "label",
    "uri",
    "name",
    "utility",
    "eiaid",
    "eia",
    "sector",
    "description",
    "source",
    "sourceparent",
    "enddate",
    "supersedes",
    "approved",
    "is_default",
    "isdefault",
    "country",
    "revisions",
    "servicetype",
    "phasewiring",
    "format",
    "currency",
    "version",
    "items",
    "longitude",
    "latitude",
    "address",
    "zip",
];

/// Fields that say for whom the tariff is, or how exports are treated: notes.
const NOTED: &[&str] = &[
    "voltagecategory",
    "voltageminimum",
    "voltagemaximum",
    "peakkwcapacitymin",
    "peakkwcapacitymax",
    "peakkwcapacityhistory",
    "peakkwhusagemin",
    "peakkwhusagemax",
    "peakkwhusagehistory",
    "dgrules",
    "usenetmetering",
    "energyattrs",
    "demandattrs",
    "fixedattrs",
];

/// The fields of a rate, their names in small letters.
pub(super) struct Fields(Map<String, Value>);

impl Fields {
    /// `None` when it is no object. The list form of the API is taken when it has one rate.
    pub(super) fn read(form: &Value) -> Option<Self> {
        let Value::Object(fields) = form else { return None };
        if let Some(Value::Array(items)) = fields.get("items") {
            return match items.as_slice() {
                [only] => Self::read(only),
                _ => None,
            };
        }
        let lower = fields.iter().map(|(name, value)| (name.to_lowercase(), value.clone()));
        Some(Self(lower.collect()))
    }

    /// Refuses what would change a bill and has no rule; notes what only says for whom it is.
    pub(super) fn check_known(&self, draft: &mut Draft, terms: &Terms) {
        for (name, value) in &self.0 {
            let plain = PRICED.contains(&name.as_str()) || DESCRIPTIVE.contains(&name.as_str());
            let remark = name.starts_with('_') || name.ends_with("comments");
            if plain || remark || is_nothing(value) {
                continue;
            }
            if NOTED.contains(&name.as_str()) {
                draft.notes.push(format!("{name}: {}", short(value)));
            } else if terms.leave_out.contains(name) {
                draft.notes.push(format!("{name}: left out"));
            } else {
                draft.refuse(name, "no rule can express this field");
            }
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    /// A number; what is none is refused.
    pub(super) fn number(&self, draft: &mut Draft, name: &str) -> Option<Decimal> {
        let value = self.get(name)?;
        let read = number(value);
        if read.is_none() {
            draft.refuse(name, "not a number");
        }
        read
    }

    /// Twelve numbers.
    pub(super) fn monthly(&self, draft: &mut Draft, name: &str) -> Option<Vec<Decimal>> {
        let value = self.get(name)?;
        let read: Option<Vec<Decimal>> = value.as_array().and_then(|all| all.iter().map(number).collect());
        let read = read.filter(|all| all.len() == 12);
        if read.is_none() {
            draft.refuse(name, "not twelve numbers");
        }
        read
    }

    /// A day: seconds since 1970, or `2026-01-31`.
    pub(super) fn date(&self, draft: &mut Draft, name: &str) -> Option<Date> {
        let value = self.get(name)?;
        let read = match value {
            Value::String(text) => text.get(..10).and_then(vocab::dates::civil::parse),
            other => other
                .as_i64()
                .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
                .map(OffsetDateTime::date),
        };
        if read.is_none() {
            draft.refuse(name, "not a day");
        }
        read
    }
}

/// A JSON number, or a text with one, to ten decimals: finer digits are noise of binary fractions.
pub(super) fn number(value: &Value) -> Option<Decimal> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.trim().to_owned(),
        _ => return None,
    };
    let read = decimal::parse(&text).or_else(|| Decimal::from_scientific(&text).ok())?;
    Some(decimal::round(read, STORED_SCALE, Rounding::HalfEven).normalize())
}

/// A limit of a tier; what is beyond any use is none.
pub(super) fn limit(value: Option<&Value>) -> Result<Option<Decimal>, ()> {
    let Some(value) = value.filter(|value| !value.is_null()) else { return Ok(None) };
    match number(value) {
        Some(limit) if limit >= BEYOND => Ok(None),
        Some(limit) => Ok(Some(limit)),
        // A number too large for any decimal is written for "no limit".
        None if value.is_number() => Ok(None),
        None => Err(()),
    }
}

/// Larger than any quantity of a bill.
const BEYOND: Decimal = Decimal::from_parts(1_000_000_000, 0, 0, false, 0);

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Number(_) => number(value).is_some_and(|number| number.is_zero()),
        Value::String(text) => text.trim().is_empty(),
        Value::Array(all) => all.iter().all(is_nothing),
        Value::Object(all) => all.iter().all(|(name, value)| name == "unit" || is_nothing(value)),
        Value::Bool(true) => false,
    }
}

fn short(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    text.chars().take(200).collect()
}

//! The form's fields: names in any case, numbers as exact decimals.

use super::json::Json;
use super::{Draft, Place, Refusal};
use std::collections::BTreeMap;
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
    "enddate",
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
    "supersedes",
    "approved",
    "is_default",
    "isdefault",
    "country",
    "revisions",
    "servicetype",
    "phasewiring",
    "format",
    "version",
    "items",
    "longitude",
    "latitude",
    "address",
    "zip",
];

/// Fields that say for whom the tariff is, in what money, or how exports are treated: notes.
const NOTED: &[&str] = &[
    "currency",
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

/// Fields that say what another one means: without them that one would be read otherwise.
const MEANINGS: &[&str] = &[
    "energyweekdayschedule",
    "energyweekendschedule",
    "fixedchargeunits",
    "minchargeunits",
    "flatdemandmonths",
    "flatdemandunit",
    "flatdemandunits",
    "demandweekdayschedule",
    "demandweekendschedule",
    "demandrateunit",
    "demandunits",
    "lookbackmonths",
    "lookbackrange",
];

/// The fields of a rate by their names in small letters.
pub(super) struct Fields(BTreeMap<String, Field>);

struct Field {
    /// As it is written.
    name: String,
    /// JSON pointer into the form.
    pointer: String,
    value: Json,
}

impl Fields {
    /// The fields of an object. The list form of the API is taken when it has one rate.
    pub(super) fn read(form: Json) -> Result<Self, Vec<Refusal>> {
        Self::read_at(form, String::new())
    }

    fn read_at(form: Json, at: String) -> Result<Self, Vec<Refusal>> {
        let refused = |at: String, reason: &str| vec![Refusal::new(Place::Form(at), reason)];
        let Json::Object(mut members) = form else { return Err(refused(at, "a rate is an object")) };
        let list =
            |(name, value): &(String, Json)| name.eq_ignore_ascii_case("items") && value.as_list().is_some();
        if let Some((name, Json::List(mut items))) =
            members.iter().position(list).map(|found| members.swap_remove(found))
        {
            let at = format!("{at}/{name}");
            return match items.pop() {
                Some(only) if items.is_empty() => Self::read_at(only, format!("{at}/0")),
                _ => Err(refused(at, "one rate at a time")),
            };
        }
        let mut fields = BTreeMap::new();
        let mut twice = Vec::new();
        for (name, value) in members {
            let pointer = format!("{at}/{}", escaped(&name));
            let lower = name.to_lowercase();
            if fields.contains_key(&lower) {
                twice.extend(refused(pointer, "the field is given twice"));
                continue;
            }
            fields.insert(lower, Field { name, pointer, value });
        }
        if twice.is_empty() { Ok(Self(fields)) } else { Err(twice) }
    }

    /// Where each field stands, by its name in small letters.
    pub(super) fn pointers(&self) -> BTreeMap<String, String> {
        self.0.iter().map(|(name, field)| (name.clone(), field.pointer.clone())).collect()
    }

    /// Takes out what is to be left out; a name of no field, or of one that says what another
    /// means, is refused.
    pub(super) fn leave_out(&mut self, draft: &mut Draft, names: &[String]) {
        for (at, name) in names.iter().enumerate() {
            let lower = name.to_lowercase();
            let reason = if MEANINGS.contains(&lower.as_str()) {
                format!("`{name}` says what another field means; leave out that one")
            } else if let Some(field) = self.0.remove(&lower) {
                draft.notes.push(format!("{}: left out", field.name));
                continue;
            } else {
                format!("the rate has no field `{name}`")
            };
            draft.refusals.push(Refusal::new(Place::LeaveOut(at), reason));
        }
    }

    /// Refuses what would change a bill and has no rule; notes what only says for whom it is.
    pub(super) fn check_known(&self, draft: &mut Draft) {
        for (lower, Field { name, value, .. }) in &self.0 {
            let plain = PRICED.contains(&lower.as_str()) || DESCRIPTIVE.contains(&lower.as_str());
            let remark = lower.starts_with('_') || lower.ends_with("comments");
            if plain || remark || is_nothing(value) {
                continue;
            }
            if NOTED.contains(&lower.as_str()) {
                draft.notes.push(format!("{name}: {}", short(value)));
            } else {
                draft.refuse(lower, "no rule can express this field");
            }
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&Json> {
        self.0.get(name).map(|field| &field.value).filter(|value| !value.is_null())
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_text()
    }

    /// What an amount or a limit is in, without blanks around it; what is no text is refused.
    pub(super) fn unit(&self, draft: &mut Draft, name: &str) -> Option<&str> {
        let value = self.get(name)?;
        let read = value.as_text().map(str::trim);
        if read.is_none() {
            draft.refuse(name, "not a text");
        }
        read
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

    /// A number without a fraction.
    pub(super) fn whole(&self, draft: &mut Draft, name: &str) -> Option<u64> {
        let read = whole(self.get(name)?);
        if read.is_none() {
            draft.refuse(name, "not a whole number");
        }
        read
    }

    /// Twelve numbers.
    pub(super) fn monthly(&self, draft: &mut Draft, name: &str) -> Option<Vec<Decimal>> {
        let value = self.get(name)?;
        let read: Option<Vec<Decimal>> = value.as_list().and_then(|all| all.iter().map(number).collect());
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
            Json::Text(text) => text.get(..10).and_then(vocab::dates::civil::parse),
            other => whole(other)
                .and_then(|seconds| i64::try_from(seconds).ok())
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
pub(super) fn number(value: &Json) -> Option<Decimal> {
    let read = match value {
        Json::Number(text) => exponential(text).or_else(|| text.parse().ok())?,
        Json::Text(text) => decimal::parse(text.trim()).or_else(|| exponential(text.trim()))?,
        _ => return None,
    };
    Some(decimal::round(read, STORED_SCALE, Rounding::HalfEven).normalize())
}

fn exponential(text: &str) -> Option<Decimal> {
    if text.contains(['e', 'E']) { Decimal::from_scientific(text).ok() } else { None }
}

/// A number from zero without a fraction.
pub(super) fn whole(value: &Json) -> Option<u64> {
    let number = number(value)?;
    if number.scale() == 0 { u64::try_from(number).ok() } else { None }
}

/// A limit of a tier; what is beyond any use is none.
pub(super) fn limit(value: Option<&Json>) -> Result<Option<Decimal>, ()> {
    let Some(value) = value.filter(|value| !value.is_null()) else { return Ok(None) };
    match number(value) {
        Some(limit) if limit >= BEYOND => Ok(None),
        Some(limit) => Ok(Some(limit)),
        // A number too large for any decimal is written for "no limit".
        None if is_huge(value) => Ok(None),
        None => Err(()),
    }
}

/// Of a number that no decimal can hold: whether it is too large, and not too small.
fn is_huge(value: &Json) -> bool {
    matches!(value, Json::Number(text) if !text.contains('-'))
}

/// Larger than any quantity of a bill.
const BEYOND: Decimal = Decimal::from_parts(1_000_000_000, 0, 0, false, 0);

/// Whether it is blank, false or zero in all its parts.
pub(super) fn is_nothing(value: &Json) -> bool {
    match value {
        Json::Null | Json::Bool(false) => true,
        Json::Number(_) => number(value).is_some_and(|number| number.is_zero()),
        Json::Text(text) => text.trim().is_empty(),
        Json::List(all) => all.iter().all(is_nothing),
        Json::Object(all) => {
            all.iter().all(|(name, value)| name.eq_ignore_ascii_case("unit") || is_nothing(value))
        }
        Json::Bool(true) => false,
    }
}

fn short(value: &Json) -> String {
    let text = match value {
        Json::Text(text) => text.clone(),
        other => other.to_string(),
    };
    text.chars().take(200).collect()
}

/// A name as a part of a JSON pointer.
pub(super) fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

//! Import of tariffs in the form of the public Utility Rate Database (URDB, API versions 3 to 8).
//!
//! ```ignore
//! let form: Box<RawValue> = serde_json::from_str(&json)?;
//! let imported = urdb::import(&form, &urdb::Terms::default())?;
//! let version = RateVersion::from_tariff(imported.tariff, &Currency::USD)?;
//! ```
//!
//! What the form says and this engine can price becomes rules: fixed and minimum charges, energy by
//! period and tier (in kWh, per day, or per kW), monthly adjustments, flat and time-of-use demand,
//! and look-back demand. Everything else that would change a bill is refused by the field's name;
//! what concerns eligibility or description, and what the meters must supply, is listed in
//! [`Imported::notes`].
//!
//! A schedule whose months each have one period for all hours is a calendar of seasons: it prices the
//! use, or the peak, of the season and needs no register by time of use.
//!
//! Months of the form are calendar months; a tier under several periods is shared among them by
//! their use ([`crate::tariff::Filling::ByUse`]), which is how the database's own tools read it.

mod demand;
mod energy;
mod fields;
mod fixed;
mod json;
mod schedule;

use crate::label::Label;
use crate::tariff::{Calendar, Charge, Demand, Derived, Proration, Rule, Season, Tariff};
use crate::word::Word;
use fields::Fields;
use json::Json;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::fmt;
use time::Date;

/// What the form leaves open.
#[derive(Debug, Clone)]
pub struct Terms {
    /// First day in force; the form's own start when absent.
    pub effective_on: Option<Date>,
    /// How amounts per day and per year are charged.
    pub per_day: PerDay,
    /// Fields to leave out although they would change a bill, by name in any case.
    pub leave_out: Vec<String>,
}

impl Default for Terms {
    fn default() -> Self {
        Self { effective_on: None, per_day: PerDay::Days, leave_out: Vec::new() }
    }
}

/// How an amount per day, or per year, is charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PerDay {
    /// × the charged days; of a year's amount, their share of the year.
    Days,
    /// × 365 ÷ 12 each month, as some simulators do; a twelfth of a year's amount.
    TwelfthOfYear,
}

/// An imported tariff.
#[derive(Debug, Clone)]
pub struct Imported {
    /// In our own form; every rule has its proration by default.
    pub tariff: Tariff,
    /// The tariff's name, where the form has one.
    pub name: Option<String>,
    /// The utility's name, where the form has one.
    pub utility: Option<String>,
    /// What the form says and no rule has: conditions of service, descriptions; and which registers
    /// the rules need.
    pub notes: Vec<String>,
}

/// What cannot be expressed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {reason}")]
pub struct Refusal {
    /// What is at fault.
    pub place: Place,
    /// A sentence for the rates administrator.
    pub reason: String,
}

impl Refusal {
    fn new(place: Place, reason: impl Into<String>) -> Self {
        Self { place, reason: reason.into() }
    }
}

/// What a refusal is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// JSON pointer into the form; where a field that is missing would stand.
    Form(String),
    /// Neither [`Terms::effective_on`] nor the form says when it starts.
    EffectiveOn,
    /// The place in [`Terms::leave_out`].
    LeaveOut(usize),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form(pointer) => f.write_str(pointer.trim_start_matches('/')),
            Self::EffectiveOn => f.write_str("effective_on"),
            Self::LeaveOut(at) => write!(f, "leave_out/{at}"),
        }
    }
}

/// Reads a tariff of the database's form, the object of one rate.
///
/// # Errors
/// Everything that cannot be expressed, each by its place; never empty.
pub fn import(form: &RawValue, terms: &Terms) -> Result<Imported, Vec<Refusal>> {
    let Some(form) = Json::read(form) else {
        return Err(vec![Refusal::new(Place::Form(String::new()), "it nests too deeply for a rate")]);
    };
    let mut fields = Fields::read(form)?;
    let mut draft = Draft::new(fields.pointers());
    fields.leave_out(&mut draft, &terms.leave_out);
    fields.check_known(&mut draft);
    starts(&fields, terms, &mut draft);
    ends(&fields, &mut draft);
    fixed::charges(&fields, terms, &mut draft);
    energy::charges(&fields, &mut draft);
    energy::adjustments(&fields, &mut draft);
    demand::charges(&fields, &mut draft);
    fixed::minimums(&fields, terms, &mut draft);
    if draft.tariff.rules.is_empty() && draft.refusals.is_empty() {
        draft.refuse("energyratestructure", "there is nothing to charge");
    }
    if !draft.refusals.is_empty() {
        return Err(draft.refusals);
    }
    let text = |name: &str| fields.text(name).map(ToOwned::to_owned);
    Ok(Imported { tariff: draft.tariff, name: text("name"), utility: text("utility"), notes: draft.notes })
}

/// The first day in force: a day that nobody named would price bills that were never meant.
fn starts(fields: &Fields, terms: &Terms, draft: &mut Draft) {
    let own = fields.date(draft, "startdate");
    match terms.effective_on.or(own) {
        Some(on) => draft.tariff.effective_on = on,
        None if fields.get("startdate").is_some() => {}
        None => {
            let reason = "the rate has no startdate; say from when it is in force";
            draft.refusals.push(Refusal::new(Place::EffectiveOn, reason));
        }
    }
}

/// The day it ends, which a version does not have: the version after it ends it.
fn ends(fields: &Fields, draft: &mut Draft) {
    if fields.get("enddate").is_none_or(fields::is_nothing) {
        return;
    }
    if let Some(on) = fields.date(draft, "enddate") {
        draft.notes.push(format!("enddate: it ends on {on}; what is in force afterwards is another version"));
    }
}

/// The tariff so far, and what is in its way.
struct Draft {
    tariff: Tariff,
    notes: Vec<String>,
    refusals: Vec<Refusal>,
    /// Where each field stands in the form.
    pointers: BTreeMap<String, String>,
}

impl Draft {
    fn new(pointers: BTreeMap<String, String>) -> Self {
        let tariff = Tariff {
            // Set by `starts`, or refused.
            effective_on: Date::MIN,
            calendar: Calendar::default(),
            demand: None::<Demand>,
            quantities: Vec::<Derived>::new(),
            rules: Vec::new(),
        };
        Self { tariff, notes: Vec::new(), refusals: Vec::new(), pointers }
    }

    fn refuse(&mut self, field: &str, reason: impl Into<String>) {
        self.refuse_in(field, "", reason);
    }

    /// Of a part of the field, by its own pointer.
    fn refuse_in(&mut self, field: &str, part: &str, reason: impl Into<String>) {
        let own = self.pointers.get(field).cloned().unwrap_or_else(|| format!("/{field}"));
        self.refusals.push(Refusal::new(Place::Form(format!("{own}{part}")), reason));
    }

    /// Notes which registers a meter must have; those of buckets by the buckets' names.
    fn needs(&mut self, registers: &str, buckets: &[String]) {
        let buckets = match buckets {
            [] => String::new(),
            [one] => format!(" for the bucket {one}"),
            all => format!(" for the buckets {}", all.join(", ")),
        };
        let note = format!("{registers}{buckets} or interval data");
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    fn rule(&mut self, id: &str, label: &str, charge: Charge, season: Option<Word>) {
        self.prorated(id, label, charge, season, Proration::default());
    }

    fn prorated(
        &mut self,
        id: &str,
        label: &str,
        charge: Charge,
        season: Option<Word>,
        proration: Proration,
    ) {
        let (Some(id), Some(label)) = (word(id), Label::english(label)) else { return };
        self.tariff.rules.push(Rule { season, proration, ..Rule::new(id, label, charge) });
    }

    /// The season of these months (from 1), made when there is none yet; none for all the year.
    fn season(&mut self, months: &[u8]) -> Option<Word> {
        if months.len() == 12 {
            return None;
        }
        let season = schedule::season(months)?;
        let known = self.tariff.calendar.seasons.iter().find(|known| known.spans == season.spans);
        let id = known.map_or(&season.id, |known: &Season| &known.id).clone();
        if known.is_none() {
            self.tariff.calendar.seasons.push(season);
        }
        Some(id)
    }
}

fn word(text: &str) -> Option<Word> {
    text.parse().ok()
}

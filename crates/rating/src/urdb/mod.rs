//! Import of tariffs in the form of the public Utility Rate Database (URDB, API versions 3 to 8).
//!
//! ```ignore
//! let imported = urdb::import(&json, &urdb::Terms::default())?;
//! let version = RateVersion::from_tariff(imported.tariff, &Currency::USD)?;
//! ```
//!
//! What the form says and this engine can price becomes rules: fixed and minimum charges, energy by
//! period and tier (in kWh, per day, or per kW), monthly adjustments, flat and time-of-use demand,
//! and look-back demand. Everything else that would change a bill is refused by the field's name;
//! what concerns eligibility or description is listed in [`Imported::notes`].
//!
//! Months of the form are calendar months; a tier under several periods is shared among them by
//! their use ([`crate::tariff::Filling::ByUse`]), which is how the database's own tools read it.

mod demand;
mod energy;
mod fields;
mod fixed;
mod schedule;

use crate::label::Label;
use crate::tariff::{Calendar, Charge, Demand, Derived, Proration, Rule, Season, Tariff};
use crate::word::Word;
use fields::Fields;
use serde_json::Value;
use time::Date;

/// What the form leaves open.
#[derive(Debug, Clone)]
pub struct Terms {
    /// First day in force, when the form has no start date.
    pub effective_on: Date,
    /// How amounts per day are charged.
    pub per_day: PerDay,
    /// Fields to leave out although they would change a bill, by name.
    pub leave_out: Vec<String>,
}

impl Default for Terms {
    fn default() -> Self {
        Self { effective_on: FIRST_DAY, per_day: PerDay::Days, leave_out: Vec::new() }
    }
}

/// The first day in force where nothing is known of it.
const FIRST_DAY: Date = time::macros::date!(2000 - 01 - 01);

/// How an amount per day is charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PerDay {
    /// × the charged days.
    Days,
    /// × 365 ÷ 12 each month, as some simulators do.
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
    /// What the form says and no rule has: conditions of service, descriptions.
    pub notes: Vec<String>,
}

/// What cannot be expressed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct Refusal {
    /// The field of the form.
    pub field: String,
    /// A sentence for the rates administrator.
    pub reason: String,
}

/// Reads a tariff of the database's form, the object of one rate.
///
/// # Errors
/// Everything that cannot be expressed, each by its field; never empty.
pub fn import(form: &Value, terms: &Terms) -> Result<Imported, Vec<Refusal>> {
    let mut draft = Draft::new(terms.effective_on);
    let Some(fields) = Fields::read(form) else {
        draft.refuse("", "a rate is an object");
        return Err(draft.refusals);
    };
    fields.check_known(&mut draft, terms);
    if let Some(on) = fields.date(&mut draft, "startdate") {
        draft.tariff.effective_on = on;
    }
    fixed::charges(&fields, terms, &mut draft);
    energy::charges(&fields, &mut draft);
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

/// The tariff so far, and what is in its way.
struct Draft {
    tariff: Tariff,
    notes: Vec<String>,
    refusals: Vec<Refusal>,
}

impl Draft {
    fn new(effective_on: Date) -> Self {
        let tariff = Tariff {
            effective_on,
            calendar: Calendar::default(),
            demand: None::<Demand>,
            quantities: Vec::<Derived>::new(),
            rules: Vec::new(),
        };
        Self { tariff, notes: Vec::new(), refusals: Vec::new() }
    }

    fn refuse(&mut self, field: &str, reason: impl Into<String>) {
        self.refusals.push(Refusal { field: field.to_owned(), reason: reason.into() });
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

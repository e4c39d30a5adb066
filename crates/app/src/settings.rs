//! The utility's settings, holidays and business clock.

use crate::audit::{self, Action};
use crate::{App, Caller, Error, Result, Utility, schedules};
use billing::ReviewChecks;
use metering::{EstimationRules, ReadChecks, RuleBook};
use serde_json::json;
use store::ledger_setup::CustomerClass;
use store::settings::Settings;
use time::{Date, OffsetDateTime};
use vocab::{Code, Currency, FieldError, Language, Problem, Zone};

impl App {
    /// The settings.
    pub fn settings(&self) -> Result<Settings> {
        self.db()
            .tx(|tx| Ok::<_, Error>(store::settings::find(tx)?))?
            .ok_or_else(|| Problem::not_found().into())
    }

    /// Sets the utility up, or replaces the settings that the caller read as `version`.
    /// Currency, its decimals and the time zone are fixed once set: stored amounts and days depend
    /// on them.
    pub fn put_settings(&self, caller: &Caller, version: Option<i64>, mut new: Settings) -> Result<Settings> {
        if self.pretends() && !new.sandbox {
            let detail = "a pretended gateway runs here: its customers' payments would only be pretended";
            return Err(Problem::field("/sandbox", Code::FieldRange, detail).into());
        }
        let saved = self.db().tx(|tx| {
            check(&new, &store::ledger_setup::customer_classes(tx)?)?;
            let old = store::settings::find(tx)?;
            match (&old, version) {
                (None, _) => {
                    new.version = 1;
                    store::settings::insert(tx, &new)?;
                }
                (Some(_), None) => {
                    return Err(Error::from(
                        Problem::new(Code::PreconditionMissing, "send If-Match with the settings' ETag")
                            .with("header", "If-Match"),
                    ));
                }
                (Some(old), Some(version)) => {
                    fixed(old, &new)?;
                    new.version = version + 1;
                    if !store::settings::update(tx, &new, version)? {
                        return Err(Problem::new(Code::EtagMismatch, Code::EtagMismatch.meaning()).into());
                    }
                }
            }
            audit::record(
                tx,
                caller,
                Action {
                    action: "settings.put",
                    subject: "settings".to_owned(),
                    before: old
                        .map(|old| json!({ "version": old.version, "utility_name": old.utility_name })),
                    after: Some(json!({ "version": new.version, "utility_name": new.utility_name })),
                    ..Action::default()
                },
            )?;
            Ok(new.clone())
        })?;
        self.forget_utility();
        Ok(saved)
    }

    /// All holidays.
    pub fn holidays(&self) -> Result<Vec<(Date, String)>> {
        self.db().tx(|tx| Ok(store::settings::holidays(tx)?))
    }

    /// Adds or renames a holiday.
    pub fn put_holiday(&self, caller: &Caller, day: Date, name: &str) -> Result<()> {
        self.db().tx(|tx| {
            store::settings::put_holiday(tx, day, name)?;
            schedules::calendar_changed(tx)?;
            let subject = format!("holiday {}", vocab::dates::civil::format(day));
            audit::record(tx, caller, Action { action: "holiday.put", subject, ..Action::default() })
        })?;
        self.forget_utility();
        Ok(())
    }

    /// Business time, and whether it was moved.
    pub fn clock(&self) -> Result<(OffsetDateTime, bool)> {
        self.db().tx(|tx| {
            let moved = store::settings::clock(tx)?.is_some();
            Ok((tx.as_of(), moved))
        })
    }

    /// Moves business time forward, in a sandbox only.
    pub fn move_clock(&self, caller: &Caller, to: OffsetDateTime) -> Result<OffsetDateTime> {
        self.db().tx(|tx| {
            let utility = Utility::load(tx)?;
            if !utility.settings.sandbox || !store::settings::move_clock(tx, to)? {
                return Err(Problem::new(Code::ClockNotMovable, Code::ClockNotMovable.meaning()).into());
            }
            audit::record(
                tx,
                caller,
                Action {
                    action: "clock.move",
                    subject: "clock".to_owned(),
                    before: Some(json!(tx.as_of().to_string())),
                    after: Some(json!(to.to_string())),
                    ..Action::default()
                },
            )?;
            Ok(to)
        })
    }
}

/// Faults with pointers into a part of the settings, as pointers into the whole.
fn below(part: &'static str, faults: Vec<FieldError>) -> impl Iterator<Item = FieldError> {
    faults.into_iter().map(move |fault| FieldError { pointer: format!("{part}{}", fault.pointer), ..fault })
}

fn unknown_classes(book: &RuleBook, classes: &[CustomerClass]) -> Vec<FieldError> {
    let is_known = |code: &String| code.trim().is_empty() || classes.iter().any(|class| class.code == *code);
    let unknown = book
        .rules
        .iter()
        .enumerate()
        .filter(|(_, entry)| entry.class.as_ref().is_some_and(|code| !is_known(code)));
    unknown
        .map(|(at, _)| FieldError {
            pointer: format!("/read_rules/rules/{at}/class"),
            code: Code::UnknownReference,
            detail: "there is no such customer class".to_owned(),
        })
        .collect()
}

fn check(new: &Settings, classes: &[CustomerClass]) -> Result<()> {
    let mut errors = Vec::new();
    let mut wrong = |pointer: &str, detail: String| {
        errors.push(FieldError { pointer: pointer.to_owned(), code: Code::FieldFormat, detail });
    };
    if new.utility_name.trim().is_empty() {
        wrong("/utility_name", "a name is needed".to_owned());
    }
    if Currency::new(&new.currency, u8::try_from(new.minor_digits).unwrap_or(u8::MAX)).is_none() {
        wrong("/currency", "three capital letters, with 0 to 4 minor digits".to_owned());
    }
    if let Err(error) = new.time_zone.parse::<Zone>() {
        wrong("/time_zone", error.to_string());
    }
    if new.languages.is_empty() {
        wrong("/languages", "at least one language".to_owned());
    }
    for (at, tag) in new.languages.iter().chain(&new.second_language).enumerate() {
        if let Err(error) = tag.parse::<Language>() {
            wrong(&format!("/languages/{at}"), error.to_string());
        }
    }
    for (pointer, value, most) in [
        ("/review_delay_hours", new.review_delay_hours, 240),
        ("/read_days_before", new.read_days_before, 60),
        ("/read_days_after", new.read_days_after, 60),
    ] {
        if !(0..=most).contains(&value) {
            wrong(pointer, format!("from 0 to {most}"));
        }
    }
    let parts: [(&'static str, serde_json::Result<Vec<FieldError>>); 4] = [
        ("/checks", serde_json::from_value(new.checks.clone()).map(|of: ReadChecks| of.check())),
        ("/estimation", serde_json::from_value(new.estimation.clone()).map(|of: EstimationRules| of.check())),
        ("/read_rules", serde_json::from_value(new.read_rules.clone()).map(|of: RuleBook| of.check())),
        ("/review", serde_json::from_value(new.review.clone()).map(|of: ReviewChecks| of.check())),
    ];
    for (part, faults) in parts {
        match faults {
            Ok(faults) => errors.extend(below(part, faults)),
            Err(error) => errors.push(FieldError {
                pointer: part.to_owned(),
                code: Code::FieldFormat,
                detail: vocab::plain::plain(&error.to_string()),
            }),
        }
    }
    if let Ok(book) = serde_json::from_value::<RuleBook>(new.read_rules.clone()) {
        errors.extend(unknown_classes(&book, classes));
    }
    if errors.is_empty() { Ok(()) } else { Err(Problem::fields(errors).into()) }
}

fn fixed(old: &Settings, new: &Settings) -> Result<()> {
    let changed = [
        ("/currency", old.currency != new.currency),
        ("/minor_digits", old.minor_digits != new.minor_digits),
        ("/time_zone", old.time_zone != new.time_zone),
        ("/sandbox", old.sandbox != new.sandbox),
    ];
    match changed.iter().find(|(_, changed)| *changed) {
        Some((pointer, _)) => {
            Err(Problem::field(*pointer, Code::FieldRange, "this cannot be changed once it is set").into())
        }
        None => Ok(()),
    }
}

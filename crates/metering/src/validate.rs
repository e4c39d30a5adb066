//! Rules on an incoming read. Each rule has a severity and its threshold as data ([`ReadRules`]).
//!
//! Decrease and rollover compare with the last *actual* read; high and low with the own history
//! per day. A read that says what is known already changes nothing; one that differs from an
//! unbilled read of the same day supersedes it; one for billed days waits for a person at least,
//! because the bill is to be corrected. Deliberately missing: finding the register of a row.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use time::Date;
use vocab::{
    FlagCode, ReadQuality, ReadStatus, RegisterKind,
    dates::plus_days,
    decimal::{self, Overflow},
};

use crate::{
    consumption::{Advance, advance_between},
    read_rules::ReadRules,
    rebill::{Rebill, may_matter, proposed},
    register::{Metered, Read, Register},
    usage::{Usage, usage_check},
};

/// What follows when a rule is broken, from mildest to hardest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// The rule is not applied.
    Off,
    /// The read is taken, with a warning.
    Warn,
    /// The read waits for a person.
    Hold,
    /// The read is not taken.
    Reject,
}

/// The rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// The read lies in the future.
    FutureDate,
    /// The read lies on a day that has been billed.
    AlreadyBilled,
    /// The read is older than allowed.
    StaleDate,
    /// The register was not installed on that day.
    NotInstalled,
    /// The row names another meter than the one installed.
    SerialMismatch,
    /// A trouble code came with the read.
    TroubleCode,
    /// The row says what is known already.
    Duplicate,
    /// Another value is known for the day.
    Conflicting,
    /// The value is negative or more than the dials can show.
    BeyondDials,
    /// The value fell, and a rollover is not plausible.
    Decreasing,
    /// Far above the own history.
    HighUsage,
    /// Far below the own history.
    LowUsage,
    /// No use on an active service.
    ZeroUsage,
    /// Use where no service is active.
    InactiveUse,
    /// Intervals of a day are missing, or there are more than it has.
    GapOrOverlap,
    /// An interval far above those around it.
    IntervalSpike,
}

impl Rule {
    /// The word as it is stored and sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FutureDate => "future_date",
            Self::AlreadyBilled => "already_billed",
            Self::StaleDate => "stale_date",
            Self::NotInstalled => "not_installed",
            Self::SerialMismatch => "serial_mismatch",
            Self::TroubleCode => "trouble_code",
            Self::Duplicate => "duplicate",
            Self::Conflicting => "conflicting",
            Self::BeyondDials => "beyond_dials",
            Self::Decreasing => "decreasing",
            Self::HighUsage => "high_usage",
            Self::LowUsage => "low_usage",
            Self::ZeroUsage => "zero_usage",
            Self::InactiveUse => "inactive_use",
            Self::GapOrOverlap => "gap_or_overlap",
            Self::IntervalSpike => "interval_spike",
        }
    }
}

/// A read that wants in.
#[derive(Debug, Clone, Copy)]
pub struct Incoming<'a> {
    /// The serial number that came with it, if one did.
    pub serial: Option<&'a str>,
    /// The day that it closes.
    pub read_on: Date,
    /// Its value.
    pub value: Decimal,
    /// Its quality.
    pub quality: ReadQuality,
    /// The trouble code that came with it, if one did.
    pub trouble: Option<&'a str>,
    /// Whether it came under the name of a place that is not known: the meter's number alone found it.
    pub place_is_unknown: bool,
}

/// What is known about the register.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// The register and its reads, of any status.
    pub metered: Metered<'a>,
    /// Today in the utility's zone.
    pub today_on: Date,
    /// Last billed day of the service point's contract.
    pub billed_through_on: Option<Date>,
    /// Whether a contract is active at the service point on the day of the read.
    pub service_is_active: bool,
    /// Earlier use of the register.
    pub history: &'a [Usage],
}

/// A broken rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Which.
    pub rule: Rule,
    /// What follows.
    pub action: Action,
    /// The value at fault, for rules about values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Decimal>,
    /// What it was compared with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compared_with: Option<Decimal>,
}

/// What becomes of a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Taken.
    Accept,
    /// Taken, with warnings.
    Warn,
    /// Waits for a person.
    Hold,
    /// Not taken.
    Reject,
    /// Known already: changes nothing.
    Duplicate,
}

/// What becomes of a read, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// What becomes of it.
    pub outcome: Outcome,
    /// The broken rules, in the order of [`Rule`].
    pub findings: Vec<Finding>,
    /// Whether, once taken, it replaces a valid read of the day.
    pub supersedes: bool,
    /// What it proposes to bill again, once stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rebill: Option<Rebill>,
}

/// Applies the rules to one read.
pub fn validate(rules: &ReadRules, read: Incoming<'_>, known: Known<'_>) -> Result<Verdict, Overflow> {
    let same_day = || known.metered.reads.iter().filter(|other| other.read_on == read.read_on);
    // A read that confirms an estimate to the unit is news: the period is no longer estimated.
    let confirms = |other: &Read| {
        other.is_valid() && other.quality == ReadQuality::Estimated && read.quality != ReadQuality::Estimated
    };
    let is_known = same_day()
        .any(|other| other.status != ReadStatus::Superseded && other.value == read.value && !confirms(other));
    if is_known {
        return Ok(duplicate(rules, read));
    }
    let replaced = same_day().find(|other| other.is_valid());
    let mut broken = Broken { read, findings: Vec::new() };
    dates(rules, known, &mut broken);
    identity(rules, known, replaced, &mut broken);
    values(rules, known, &mut broken)?;
    let worst = broken.findings.iter().map(|finding| finding.action).max().unwrap_or(Action::Off);
    let outcome = match worst {
        Action::Off => Outcome::Accept,
        Action::Warn => Outcome::Warn,
        Action::Hold => Outcome::Hold,
        Action::Reject => Outcome::Reject,
    };
    let is_taken = outcome != Outcome::Reject;
    let rebill = if is_taken { proposed(rules, read, known, replaced)? } else { None };
    Ok(Verdict { outcome, findings: broken.findings, supersedes: replaced.is_some() && is_taken, rebill })
}

/// What is known already changes nothing. It counts as a duplicate, with a warning where the rule
/// asks for one; a harder rule refuses the row.
fn duplicate(rules: &ReadRules, read: Incoming<'_>) -> Verdict {
    let mut broken = Broken { read, findings: Vec::new() };
    broken.value(Rule::Duplicate, rules.duplicate, read.value, None);
    let outcome = if rules.duplicate > Action::Warn { Outcome::Reject } else { Outcome::Duplicate };
    Verdict { outcome, findings: broken.findings, supersedes: false, rebill: None }
}

/// Collects what is broken.
struct Broken<'a> {
    read: Incoming<'a>,
    findings: Vec<Finding>,
}

impl Broken<'_> {
    fn when(&mut self, broken: bool, rule: Rule, action: Action) {
        if broken && action != Action::Off {
            self.findings.push(Finding { rule, action, value: None, compared_with: None });
        }
    }

    fn value(&mut self, rule: Rule, action: Action, value: Decimal, compared_with: Option<Decimal>) {
        if action != Action::Off {
            // Stored values have ten decimals; what is shown has its own.
            let compared_with = compared_with.map(|other| other.normalize());
            self.findings.push(Finding { rule, action, value: Some(value.normalize()), compared_with });
        }
    }
}

fn dates(rules: &ReadRules, known: Known<'_>, broken: &mut Broken<'_>) {
    let read_on = broken.read.read_on;
    broken.when(read_on > known.today_on, Rule::FutureDate, rules.future_date);
    let billed = known.billed_through_on.is_some_and(|through_on| read_on <= through_on);
    // What somebody saw may correct the bill, and waits for it; never less than that.
    let is_seen = matches!(broken.read.quality, ReadQuality::Actual | ReadQuality::Customer);
    let may_correct = billed && is_seen && may_matter(known.metered, broken.read);
    let action = if may_correct { rules.already_billed.max(Action::Hold) } else { Action::Reject };
    broken.when(billed, Rule::AlreadyBilled, action);
    let oldest = plus_days(known.today_on, -i64::from(rules.stale_after_days));
    let stale = oldest.is_some_and(|oldest| read_on < oldest);
    broken.when(stale, Rule::StaleDate, rules.stale_date);
}

fn identity(rules: &ReadRules, known: Known<'_>, replaced: Option<&Read>, broken: &mut Broken<'_>) {
    let register = known.metered.register;
    broken.when(!register.installed_at(broken.read.read_on), Rule::NotInstalled, rules.not_installed);
    let other_meter =
        broken.read.serial.is_some_and(|serial| !serial.trim().eq_ignore_ascii_case(register.serial.trim()));
    let other = other_meter || broken.read.place_is_unknown;
    broken.when(other, Rule::SerialMismatch, rules.serial_mismatch);
    let trouble = broken.read.trouble.map(str::trim).filter(|code| !code.is_empty());
    broken.when(
        trouble.is_some(),
        Rule::TroubleCode,
        trouble.map_or(Action::Off, |code| rules.of_trouble(code)),
    );
    if let Some(other) = replaced {
        // Nothing less certain replaces what was read off the meter, unless a person says so.
        let weaker = other.quality == ReadQuality::Actual && broken.read.quality != ReadQuality::Actual;
        let action = match rules.conflicting {
            Action::Warn if weaker => Action::Hold,
            action => action,
        };
        broken.value(Rule::Conflicting, action, broken.read.value, Some(other.value));
    }
}

fn values(rules: &ReadRules, known: Known<'_>, broken: &mut Broken<'_>) -> Result<(), Overflow> {
    let register = known.metered.register;
    let value = broken.read.value;
    if register.kind == RegisterKind::Subtractive {
        let capacity = register.capacity();
        if value < Decimal::ZERO || capacity.is_some_and(|capacity| value >= capacity) {
            broken.value(Rule::BeyondDials, rules.beyond_dials, value, capacity);
            return Ok(());
        }
        if let Some(against) = falls_against(rules, known, broken.read)? {
            broken.value(Rule::Decreasing, rules.decreasing, value, Some(against));
            return Ok(());
        }
    }
    let Some(usage) = usage_since(rules, known, broken.read)? else { return Ok(()) };
    for finding in usage_check(&rules.checks, usage, known.history, known.service_is_active)? {
        let (rule, action) = match finding.code {
            FlagCode::HighUsage => (Rule::HighUsage, rules.high_usage),
            FlagCode::LowUsage => (Rule::LowUsage, rules.low_usage),
            FlagCode::ZeroUsage => (Rule::ZeroUsage, rules.zero_usage),
            _ => continue,
        };
        broken.value(rule, action, finding.value, finding.compared_with);
    }
    if !known.service_is_active && usage.quantity > Decimal::ZERO {
        broken.value(Rule::InactiveUse, rules.inactive_use, usage.quantity, None);
    }
    Ok(())
}

/// The neighbouring actual value that the read does not fit: the last one before it, or, for a
/// read that comes late, the first one after it.
fn falls_against(
    rules: &ReadRules,
    known: Known<'_>,
    read: Incoming<'_>,
) -> Result<Option<Decimal>, Overflow> {
    let register = known.metered.register;
    let actual = |other: &&Read| other.is_valid() && other.quality == ReadQuality::Actual;
    let reads = || known.metered.reads.iter().filter(actual);
    let before = reads().filter(|other| other.read_on < read.read_on).max_by_key(|other| other.read_on);
    let after = reads().filter(|other| other.read_on > read.read_on).min_by_key(|other| other.read_on);
    let fits = |from, to| Ok(advance_between(register, from, to, rules.rollover)?.is_some());
    if let Some(before) = before
        && !fits(before.value, read.value)?
    {
        return Ok(Some(before.value));
    }
    if let Some(after) = after
        && !fits(read.value, after.value)?
    {
        return Ok(Some(after.value));
    }
    Ok(None)
}

/// Use since the previous read: `None` for a register's first read, or when the value lies below
/// an estimate and so says nothing about use.
fn usage_since(rules: &ReadRules, known: Known<'_>, read: Incoming<'_>) -> Result<Option<Usage>, Overflow> {
    let Metered { register, reads } = known.metered;
    let previous = reads
        .iter()
        .filter(|other| other.is_valid() && other.read_on < read.read_on)
        .max_by_key(|other| other.read_on);
    let Some(previous) = previous else { return Ok(None) };
    let Ok(days) = u32::try_from((read.read_on - previous.read_on).whole_days()) else { return Ok(None) };
    let dial_units = match register.kind {
        RegisterKind::Consumptive | RegisterKind::Interval => Some(read.value),
        RegisterKind::Subtractive => moved(rules, register, previous, read.value)?,
    };
    dial_units
        .map(|dial_units| Ok(Usage { quantity: decimal::mul(dial_units, register.multiplier)?, days }))
        .transpose()
}

fn moved(
    rules: &ReadRules,
    register: &Register,
    previous: &Read,
    value: Decimal,
) -> Result<Option<Decimal>, Overflow> {
    let advance = advance_between(register, previous.value, value, rules.rollover)?;
    // Below an estimate: the rollover, if any, was judged against the last actual read.
    let below_estimate = |advance: &Advance| advance.rolled_over && previous.quality != ReadQuality::Actual;
    Ok(advance.filter(|advance| !below_estimate(advance)).map(|advance| advance.dial_units))
}

#[cfg(test)]
#[path = "validate_tests.rs"]
mod tests;

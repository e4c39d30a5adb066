//! What all accounts of a run share: the window, the rates, the types. Built once per operation.
//!
//! Look-ups are by id in sorted vectors, so that drafting an account allocates nothing here.

use crate::digest::Digest;
use crate::review_checks::ReviewChecks;
use crate::review_digest;
use metering::{EstimationRules, ReadRules, ReadWindow, Register, RulesByClass, UsageProfile};
use rating::{FactorTable, FactorValue, RateVersion as CompiledVersion};
use std::collections::HashMap;
use time::Date;
use vocab::calendar::Holidays;
use vocab::dates::plus_days;
use vocab::zone::ClockChange;
use vocab::{
    Commodity, ContractTypeId, Currency, EndDateMethod, Frequency, GlAccountId, Money, RateScheduleId,
    RateVersionId, RunId, SegmentMethod, WindowId,
};

/// The cycle window that is billed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunWindow {
    /// The window; none when the days of a bill between two windows stand in its place.
    pub id: Option<WindowId>,
    /// Its first day.
    pub starts_on: Date,
    /// Its last day.
    pub ends_on: Date,
    /// The accounting date of segments.
    pub accounting_on: Date,
    /// The date of the bills.
    pub bill_on: Date,
    /// The day from which missing reads are estimated; none: never.
    pub estimate_on: Option<Date>,
}

/// How contracts of a kind bill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContractType {
    /// The type.
    pub id: ContractTypeId,
    /// Its code.
    pub code: String,
    /// What is delivered.
    pub commodity: Commodity,
    /// How segments are made.
    pub method: SegmentMethod,
    /// How their last day is found.
    pub end_date: EndDateMethod,
    /// Billing sequence: lower first.
    pub sequence: i32,
    /// A shorter segment that is not final is deferred.
    pub minimum_days: i64,
    /// A higher segment is flagged.
    pub maximum: Option<Money>,
    /// Whether missing reads may be estimated; the rate must allow it too.
    pub estimation: bool,
    /// Ledger account that segments debit.
    pub receivable_gl: GlAccountId,
    /// Ledger account that segments credit, unless a rule or charge names another.
    pub revenue_gl: GlAccountId,
}

/// A stored version of a rate with its id.
#[derive(Debug, Clone)]
pub struct RateVersion {
    /// The version.
    pub id: RateVersionId,
    /// Its rules, checked.
    pub rules: CompiledVersion,
}

/// A tariff with its dated versions.
#[derive(Debug, Clone)]
pub struct RateSchedule {
    /// The schedule.
    pub id: RateScheduleId,
    /// Its code.
    pub code: String,
    /// Its name on the bill.
    pub name: String,
    /// What it prices.
    pub commodity: Commodity,
    /// How often its per-period amounts are meant to be charged.
    pub frequency: Frequency,
    /// Whether missing reads may be estimated; the contract type must allow it too.
    pub estimation: bool,
    /// Its versions, in any order.
    pub versions: Vec<RateVersion>,
}

impl RateSchedule {
    /// How many months before a period any of its versions looks back at earlier segments; 0 when none
    /// does.
    pub fn months_back(&self) -> u8 {
        self.versions.iter().map(|version| version.rules.months_back()).max().unwrap_or_default()
    }

    /// Whether any of its versions may price what interval data alone tell.
    pub fn looks_into_the_day(&self) -> bool {
        self.versions.iter().any(|version| version.rules.looks_into_the_day())
    }

    /// Whether any of its versions prices what other segments of the bill measured.
    pub fn looks_aside(&self) -> bool {
        self.versions.iter().any(|version| version.rules.looks_aside())
    }
}

/// A class of customers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerClass {
    /// Its code.
    pub code: String,
    /// Days from bill date to due date; without them nothing can be completed.
    pub due_days: Option<i64>,
}

/// The parts of a [`RunContext`], in any order.
#[derive(Debug, Clone)]
pub struct RunContextParts {
    /// The window.
    pub window: RunWindow,
    /// The run; none when one account is billed by hand.
    pub run: Option<RunId>,
    /// The business date on which holds are looked at.
    pub as_of_on: Date,
    /// How far from the window's end a read may lie.
    pub read_window: ReadWindow,
    /// When use is worth a look and a fall a rollover, by class and commodity.
    pub read_rules: RulesByClass,
    /// When money, days and charges are worth a look.
    pub review: ReviewChecks,
    /// How missing reads are estimated.
    pub estimation: EstimationRules,
    /// What classes of customers use, in any order; one per class, commodity, unit and bucket.
    pub profiles: Vec<UsageProfile>,
    /// The utility's currency.
    pub currency: Currency,
    /// Contract types.
    pub contract_types: Vec<ContractType>,
    /// Rate schedules with their versions.
    pub schedules: Vec<RateSchedule>,
    /// Dated factor values.
    pub factors: Vec<FactorValue>,
    /// Customer classes.
    pub classes: Vec<CustomerClass>,
    /// Days on which nothing falls due.
    pub holidays: Holidays,
    /// Ledger accounts by code, for the rules that name one.
    pub gl_accounts: Vec<(String, GlAccountId)>,
    /// When the clock is set, as far back as segments reach.
    pub clock_changes: Vec<ClockChange>,
}

/// What all accounts of a run share, ordered for look-up.
#[derive(Debug, Clone)]
pub struct RunContext {
    parts: RunContextParts,
    factors: FactorTable,
    gl_accounts: HashMap<String, GlAccountId>,
    classes: HashMap<String, Option<i64>>,
    schedule_digests: Vec<[u8; 32]>,
    shared_digest: Digest,
}

impl RunContext {
    /// Orders the parts.
    pub fn new(mut parts: RunContextParts) -> Self {
        parts.contract_types.sort_by_key(|of| of.id);
        parts.schedules.sort_by_key(|of| of.id);
        for schedule in &mut parts.schedules {
            schedule.versions.sort_by_key(|version| version.rules.effective_on());
        }
        parts.profiles.sort_by(|a, b| {
            let key = |of: &UsageProfile| (of.commodity, of.unit);
            (&a.class, key(a), &a.tou_bucket, &a.per_day).cmp(&(&b.class, key(b), &b.tou_bucket, &b.per_day))
        });
        parts.gl_accounts.sort_unstable();
        let shared_digest = review_digest::of_shared(&parts);
        let gl_accounts = parts.gl_accounts.drain(..).collect();
        let classes = parts.classes.drain(..).map(|class| (class.code, class.due_days)).collect();
        // A version or value that begins after the last possible day decides nothing yet.
        let up_to = last_read_on(&parts).max(parts.window.bill_on);
        let schedules = parts.schedules.iter();
        let schedule_digests =
            schedules.map(|schedule| crate::digest::of_schedule(schedule, &parts.factors, up_to)).collect();
        let factors = FactorTable::new(std::mem::take(&mut parts.factors));
        Self { parts, factors, gl_accounts, classes, schedule_digests, shared_digest }
    }

    /// The window.
    pub const fn window(&self) -> &RunWindow {
        &self.parts.window
    }

    /// The run, when there is one.
    pub const fn run(&self) -> Option<RunId> {
        self.parts.run
    }

    /// The business date.
    pub const fn as_of_on(&self) -> Date {
        self.parts.as_of_on
    }

    /// The utility's currency.
    pub const fn currency(&self) -> Currency {
        self.parts.currency
    }

    /// How far from the window's end a read may lie.
    pub const fn read_window(&self) -> ReadWindow {
        self.parts.read_window
    }

    /// When use is worth a look and a fall a rollover, for a class of customers.
    pub fn read_rules(&self, class_code: &str, commodity: Commodity) -> &ReadRules {
        self.parts.read_rules.of(class_code, commodity)
    }

    /// When the clock is set.
    pub fn clock_changes(&self) -> &[ClockChange] {
        &self.parts.clock_changes
    }

    /// When money, days and charges are worth a look.
    pub const fn review(&self) -> &ReviewChecks {
        &self.parts.review
    }

    /// Digest of what all accounts share and [`crate::digest`] does not have.
    pub(crate) const fn shared_digest(&self) -> &Digest {
        &self.shared_digest
    }

    /// How missing reads are estimated.
    pub const fn estimation(&self) -> &EstimationRules {
        &self.parts.estimation
    }

    /// The last day of the read window: no later read is looked at.
    pub fn last_read_on(&self) -> Date {
        last_read_on(&self.parts)
    }

    /// The profile of a class for a register.
    pub fn profile(
        &self,
        class_code: &str,
        commodity: Commodity,
        register: &Register,
    ) -> Option<&UsageProfile> {
        self.parts.profiles.iter().find(|profile| profile.is_for(class_code, commodity, register))
    }

    /// Whether a missing read of a contract of this type and rate is estimated by now.
    pub fn may_estimate(&self, of: &ContractType, schedule: Option<RateScheduleId>) -> bool {
        of.method == SegmentMethod::Metered
            && of.estimation
            && schedule.and_then(|id| self.schedule(id)).is_some_and(|rate| rate.estimation)
            && self.parts.window.estimate_on.is_some_and(|estimate_on| estimate_on <= self.parts.as_of_on)
    }

    /// Dated factor values.
    pub const fn factors(&self) -> &FactorTable {
        &self.factors
    }

    /// Days on which nothing falls due.
    pub const fn holidays(&self) -> &Holidays {
        &self.parts.holidays
    }

    /// The contract type with this id.
    pub fn contract_type(&self, id: ContractTypeId) -> Option<&ContractType> {
        let types = &self.parts.contract_types;
        types.binary_search_by_key(&id, |of| of.id).ok().and_then(|at| types.get(at))
    }

    /// The rate schedule with this id.
    pub fn schedule(&self, id: RateScheduleId) -> Option<&RateSchedule> {
        self.schedule_at(id).and_then(|at| self.parts.schedules.get(at))
    }

    /// Whether any rate takes quantities from other segments.
    pub fn looks_aside(&self) -> bool {
        let versions = self.parts.schedules.iter().flat_map(|schedule| &schedule.versions);
        versions.into_iter().any(|version| version.rules.looks_aside())
    }

    /// What a schedule, its versions and the factors come to, as bytes.
    pub(crate) fn schedule_digest(&self, id: RateScheduleId) -> Option<&[u8; 32]> {
        self.schedule_at(id).and_then(|at| self.schedule_digests.get(at))
    }

    fn schedule_at(&self, id: RateScheduleId) -> Option<usize> {
        self.parts.schedules.binary_search_by_key(&id, |of| of.id).ok()
    }

    /// Days from bill date to due date of a class; `None` without a rule.
    pub fn due_days(&self, class_code: &str) -> Option<i64> {
        self.classes.get(class_code).copied().flatten()
    }

    /// The ledger account with this code.
    pub fn gl_account(&self, code: &str) -> Option<GlAccountId> {
        self.gl_accounts.get(code).copied()
    }
}

/// The window's end and the days after it on which a read still ends the segment.
fn last_read_on(parts: &RunContextParts) -> Date {
    let ends_on = parts.window.ends_on;
    plus_days(ends_on, i64::from(parts.read_window.days_after)).unwrap_or(ends_on)
}

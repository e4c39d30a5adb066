//! One contract's part of a draft.
//!
//! A failure becomes the segment's error and harms nobody else. Each segment method is one arm
//! of [`fill`].

use crate::account::{AccountInputs, BillableCharge, Contract, Recurring};
use crate::context::{ContractType, RunContext};
use crate::derived;
use crate::document::{Calculation, ChargeLine, Circumstances, DraftSegment, Reason};
use crate::error::BillingError;
use crate::flags::Flag;
use crate::load_profile::load_profile;
use crate::memory::Memory;
use crate::metered;
use crate::period::{Charged, Due, due};
use crate::remarks;
use crate::terms::budget_line;
use rating::tariff::{Charge, Price, Rule};
use rating::{DerivedQuantity, InForce, Line, OtherSegment, Quantity, RateVersion, RatingInput, Series};
use std::borrow::Cow;
use vocab::{
    Code, Commodity, FlagCode, Frequency, Money, Period, Problem, RateScheduleId, RateVersionId, RegisterId,
    SegmentMethod, SegmentOutcome, Severity,
};

/// Id of the rule that a plain recurring amount is charged by.
const RECURRING: &str = "recurring";

/// What became of a contract, and what the review should see of it.
pub(crate) struct Drafted {
    pub(crate) segment: DraftSegment,
    pub(crate) flags: Vec<Flag>,
}

/// Drafts one contract in scope.
pub(crate) fn drafted(
    context: &RunContext,
    inputs: &AccountInputs,
    contract: &Contract,
    beside: Beside<'_>,
) -> Drafted {
    let of = context.contract_type(contract.type_id);
    let mut one = Drafted { segment: blank(contract, of), flags: Vec::new() };
    remarks(context, inputs, contract, of, &mut one);
    let result = match of {
        Some(of) => fill(context, Subject { inputs, contract, beside }, of, &mut one),
        None => Err(Problem::new(Code::UnknownReference, "the contract's type is not known").into()),
    };
    if let Err(error) = result {
        if matches!(error.code, Code::MissingEndRead | Code::TooManyEstimates) {
            let value = error.params.get("register").cloned().unwrap_or_default();
            one.flag(FlagCode::NoRead, Severity::Block, value, String::new());
        }
        one.segment.outcome = SegmentOutcome::Error;
        one.segment.calc = None;
        one.segment.total = Money::ZERO;
        one.segment.error = Some(error);
    }
    one
}

/// Reads and days of interval data that wait for a person, or were taken with a warning.
fn remarks(
    context: &RunContext,
    inputs: &AccountInputs,
    contract: &Contract,
    of: Option<&ContractType>,
    one: &mut Drafted,
) {
    for remark in remarks::of_contract(context, inputs, contract, of) {
        let (code, severity) = if remark.is_held {
            (FlagCode::ReadHeld, Severity::Block)
        } else {
            (FlagCode::ReadWarned, Severity::Warn)
        };
        one.flag(code, severity, remark.value.normalize().to_string(), remark.rules);
        one.at(remark.register);
    }
}

/// A contract that is kept back.
pub(crate) fn held(context: &RunContext, contract: &Contract, reason: Reason) -> Drafted {
    without_charge(context, contract, SegmentOutcome::Held, reason)
}

/// A sub-contract that is held, beside what became of its master. Where days of it would never be charged, the
/// account waits until somebody takes the hold away, or says that they are not to be charged.
pub(crate) fn held_beside(
    context: &RunContext,
    contract: &Contract,
    reason: Reason,
    master: Option<&DraftSegment>,
) -> Drafted {
    let mut one = held(context, contract, reason);
    let rests =
        context.contract_type(contract.type_id).is_some_and(|of| of.method == SegmentMethod::SubContract);
    if let Some(master) = master.filter(|_| rests)
        && let Some(days) = derived::last_chance(contract, master)
    {
        one.flag(FlagCode::NothingBilled, Severity::Block, days, master.contract.to_string());
    }
    one
}

/// A contract that is not charged, for a reason outside it.
pub(crate) fn without_charge(
    context: &RunContext,
    contract: &Contract,
    outcome: SegmentOutcome,
    reason: Reason,
) -> Drafted {
    let segment = blank(contract, context.contract_type(contract.type_id));
    let mut one = Drafted { segment, flags: Vec::new() };
    one.without_charge(outcome, reason);
    one
}

fn blank(contract: &Contract, of: Option<&ContractType>) -> DraftSegment {
    DraftSegment {
        contract: contract.id,
        contract_type: contract.type_id,
        commodity: of.map_or(Commodity::Other, |of| of.commodity),
        schedule: contract.schedule_id,
        outcome: SegmentOutcome::Skipped,
        period: None,
        is_final: false,
        estimated: false,
        total: Money::ZERO,
        calc: None,
        error: None,
        reason: None,
    }
}

impl Drafted {
    fn flag(&mut self, code: FlagCode, severity: Severity, value: String, compared: String) {
        self.flags.push(Flag {
            code,
            severity,
            contract: Some(self.segment.contract),
            schedule: self.segment.schedule,
            commodity: Some(self.segment.commodity),
            register: None,
            value,
            compared,
        });
    }

    /// The last flag is about this register.
    fn at(&mut self, register: RegisterId) {
        if let Some(flag) = self.flags.last_mut() {
            flag.register = Some(register.n);
        }
    }

    fn without_charge(&mut self, outcome: SegmentOutcome, reason: Reason) {
        self.segment.outcome = outcome;
        self.segment.reason = Some(reason);
    }
}

/// What the contracts before have come to.
#[derive(Clone, Copy)]
pub(crate) struct Beside<'a> {
    /// What their segments measured.
    pub(crate) others: &'a [OtherSegment],
    /// What became of the contract that this one rests on.
    pub(crate) master: Option<&'a DraftSegment>,
}

/// What a contract is charged from.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) inputs: &'a AccountInputs,
    pub(crate) contract: &'a Contract,
    pub(crate) beside: Beside<'a>,
}

fn fill(
    context: &RunContext,
    subject: Subject<'_>,
    of: &ContractType,
    one: &mut Drafted,
) -> Result<(), BillingError> {
    let Subject { inputs, contract, .. } = subject;
    let passes_on = contract.again.is_some_and(|again| !again.is_rated);
    let found = match of.method {
        _ if passes_on => return pass_on_charges(context, subject, of, one),
        SegmentMethod::BillableCharge => return pass_on_charges(context, subject, of, one),
        SegmentMethod::NotBillable => Due::Skipped(Reason::NotBillable),
        SegmentMethod::SubContract if contract.again.is_none() => derived::due(subject),
        _ => due(context, inputs, contract, of)?,
    };
    let charged = match found {
        Due::Days(charged) => charged,
        Due::Deferred(reason) => {
            one.without_charge(SegmentOutcome::Deferred, reason);
            return Ok(());
        }
        Due::Skipped(Reason::AlreadyBilled { .. }) if !due_charges(context, inputs, contract).is_empty() => {
            return pass_on_charges(context, subject, of, one);
        }
        Due::Skipped(reason) => {
            one.without_charge(SegmentOutcome::Skipped, reason);
            return Ok(());
        }
    };
    one.segment.period = Some(charged.period);
    one.segment.is_final = charged.is_final;
    let mut calc = Calculation::empty();
    match of.method {
        SegmentMethod::Metered => {
            let quantities = meter(context, subject, of, &charged, &mut calc, one)?;
            let registers = contract.service_point.map_or(&[][..], |point| inputs.meters_of(point));
            let profile = load_profile(registers, charged.period, context.clock_changes())?;
            let measured = Measured { quantities: &quantities, profile: &profile };
            (calc.derived, calc.lines) = by_rate(context, subject, &charged, measured)?;
        }
        SegmentMethod::Recurring if contract.schedule_id.is_none() => {
            let Some(recurring) = &contract.recurring else {
                one.without_charge(SegmentOutcome::Skipped, Reason::NothingToCharge);
                one.flag(
                    FlagCode::NothingBilled,
                    context.review().nothing_billed,
                    String::new(),
                    String::new(),
                );
                return Ok(());
            };
            let version = plain(context, charged.period, recurring)?;
            let versions = [InForce { id: RateVersionId(0), version: &version }];
            let rate =
                Rate { schedule: RateScheduleId(0), frequency: Frequency::Monthly, versions: &versions };
            (calc.derived, calc.lines) = lines(context, subject, &charged, rate, Measured::default())?;
        }
        SegmentMethod::SubContract => {
            calc.given = derived::quantities(subject, &charged)?;
            if let Some(days) = derived::lost_days(subject, &charged) {
                one.flag(FlagCode::NothingBilled, Severity::Warn, days, String::new());
            }
            let measured = Measured { quantities: &calc.given, profile: &[] };
            (calc.derived, calc.lines) = by_rate(context, subject, &charged, measured)?;
        }
        SegmentMethod::Instalment | SegmentMethod::Deposit | SegmentMethod::Loan => {
            by_terms(context, contract, &mut calc, one)?;
            calc.charges = due_charges(context, inputs, contract);
            return finish(context, subject, of, calc, one);
        }
        SegmentMethod::Recurring
        | SegmentMethod::RatedItem
        | SegmentMethod::BillableCharge
        | SegmentMethod::NotBillable => {
            (calc.derived, calc.lines) = by_rate(context, subject, &charged, Measured::default())?;
        }
    }
    calc.rated = Some(Circumstances {
        is_first: charged.is_first,
        is_final: charged.is_final,
        items: contract.items.clone(),
        characteristics: contract.characteristics.clone(),
    });
    // A charge put on a contract of another method comes with its next segment: none gets lost.
    calc.charges = due_charges(context, inputs, contract);
    finish(context, subject, of, calc, one)
}

/// What the contract has agreed, until nothing is left of it: then it stops itself.
fn by_terms(
    context: &RunContext,
    contract: &Contract,
    calc: &mut Calculation,
    one: &mut Drafted,
) -> Result<(), BillingError> {
    let terms = contract.terms.as_ref().ok_or_else(|| {
        Problem::new(Code::QuantityMissing, "the contract says nothing of what is to be billed")
            .with("quantity", "terms")
    })?;
    let billed = terms.billed(contract.progress, one.segment.is_final, context.currency())?;
    one.segment.is_final |= billed.is_last;
    calc.terms = billed.lines;
    Ok(())
}

/// Measures the service point, keeps the reads with the segment and flags what is worth a look.
/// Reads that are missing are estimated first where that is allowed.
fn meter(
    context: &RunContext,
    subject: Subject<'_>,
    of: &ContractType,
    charged: &Charged,
    calc: &mut Calculation,
    one: &mut Drafted,
) -> Result<Vec<Quantity>, BillingError> {
    let Subject { inputs, contract, .. } = subject;
    let Some(point) = contract.service_point else {
        let problem = Problem::new(Code::NoRegister, "the contract has no service point");
        return Err(problem.with("service_point", "").into());
    };
    let rules = context.read_rules(&inputs.class_code, of.commodity);
    let mut registers = Cow::Borrowed(inputs.meters_of(point));
    if metered::unread(&registers, charged).next().is_some() {
        let (with, estimates) = metered::estimated(context, inputs, (contract, of), &registers, charged)?;
        (registers, calc.estimates) = (Cow::Owned(with), estimates);
    }
    let registers = registers.as_ref();
    let consumption = metered::measured(point, registers, charged, rules)?;
    let quantities = metered::priced(&consumption)?;
    one.segment.estimated = consumption.is_estimated();
    for used in &consumption.reads {
        for finding in metered::findings(rules, contract, registers, used, charged.period)? {
            let compared = finding.compared_with.map(|value| value.to_string()).unwrap_or_default();
            one.flag(finding.code, finding.severity, finding.value.normalize().to_string(), compared);
            one.at(used.register);
        }
        let nth = metered::in_a_row(context, registers, used, charged)?;
        if nth > 1 {
            let most = context.estimation().most_in_a_row;
            one.flag(FlagCode::NthEstimate, Severity::Warn, nth.to_string(), most.to_string());
            one.at(used.register);
        }
        if used.rolled_over {
            let start = used.start_value.unwrap_or_default();
            one.flag(FlagCode::Rollover, Severity::Warn, used.end_value.to_string(), start.to_string());
            one.at(used.register);
        }
    }
    calc.reads = consumption.reads;
    Ok(quantities)
}

/// What the meters say of the charged days.
#[derive(Clone, Copy, Default)]
struct Measured<'a> {
    quantities: &'a [Quantity],
    profile: &'a [Series],
}

/// A rate as rating wants it.
#[derive(Clone, Copy)]
struct Rate<'a> {
    schedule: RateScheduleId,
    frequency: Frequency,
    versions: &'a [InForce<'a>],
}

/// Rates by the contract's schedule.
fn by_rate(
    context: &RunContext,
    subject: Subject<'_>,
    charged: &Charged,
    measured: Measured<'_>,
) -> Result<(Vec<DerivedQuantity>, Vec<Line>), BillingError> {
    let contract = subject.contract;
    let schedule = contract.schedule_id.and_then(|id| context.schedule(id)).ok_or_else(|| {
        Problem::new(Code::NoRateVersion, "the contract has no rate")
            .with("rate", contract.schedule_id.map(|id| id.to_string()).unwrap_or_default())
            .with("on", vocab::dates::civil::format(charged.period.first_on()))
    })?;
    let versions: Vec<InForce<'_>> =
        schedule.versions.iter().map(|version| InForce { id: version.id, version: &version.rules }).collect();
    let rate = Rate { schedule: schedule.id, frequency: schedule.frequency, versions: &versions };
    lines(context, subject, charged, rate, measured)
}

fn lines(
    context: &RunContext,
    subject: Subject<'_>,
    charged: &Charged,
    rate: Rate<'_>,
    measured: Measured<'_>,
) -> Result<(Vec<DerivedQuantity>, Vec<Line>), BillingError> {
    let Subject { inputs, contract, beside } = subject;
    let memory = Memory::before(&contract.past, charged.period.first_on());
    let window = Period::new(context.window().starts_on, context.window().ends_on);
    let intervals: Vec<_> = measured.profile.iter().map(Series::lent).collect();
    let rated = rating::rate(&RatingInput {
        whole_period: window.and_then(|window| whole_period(window, charged.period, rate.frequency)),
        is_first: charged.is_first,
        is_final: charged.is_final,
        quantities: measured.quantities,
        intervals: &intervals,
        items: &contract.items,
        characteristics: &contract.characteristics,
        factors: context.factors(),
        exemptions: &inputs.exemptions,
        history: &memory.past,
        banks: &memory.banks,
        segments: beside.others,
        ..RatingInput::new(rate.schedule, charged.period, rate.frequency, rate.versions, context.currency())
    })
    .map_err(|error| error.problem())?;
    Ok(rated.into_document().into_parts())
}

/// The window as the whole period of charged days inside it, when its length is the rate's.
pub(crate) fn whole_period(window: Period, charged: Period, frequency: Frequency) -> Option<Period> {
    let is_inside = window.contains(charged.first_on()) && window.contains(charged.last_on());
    (is_inside && months_of(window) == i64::from(frequency.months())).then_some(window)
}

/// Months of a window, to the nearest: a cycle's windows may begin on any day. Amounts of another
/// frequency are not those of this window.
fn months_of(window: Period) -> i64 {
    // 1461 days are 48 months.
    (window.days() * 96 + 1461) / 2922
}

/// A plain recurring amount as the tariff that it stands for: one flat monthly charge.
fn plain(context: &RunContext, period: Period, recurring: &Recurring) -> Result<RateVersion, BillingError> {
    let currency = context.currency();
    let invalid = |detail: String| BillingError::from(Problem::new(Code::RateInvalid, detail));
    let id = RECURRING.parse().map_err(|_| invalid(RECURRING.to_owned()))?;
    let charge = Charge::Flat { amount: Price::Fixed(currency.to_decimal(recurring.amount)) };
    let rule = Rule::new(id, recurring.label.clone(), charge);
    RateVersion::new(period.first_on(), vec![rule], &currency)
        .map_err(|faults| invalid(faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")))
}

/// One segment with every charge of the contract whose date has come by the window's end. Of a
/// contract with days to charge it is for what is left when its days are over.
fn pass_on_charges(
    context: &RunContext,
    subject: Subject<'_>,
    of: &ContractType,
    one: &mut Drafted,
) -> Result<(), BillingError> {
    let Subject { inputs, contract, .. } = subject;
    let window = context.window();
    if contract.starts_on > window.ends_on {
        let reason = Reason::StartsAfterWindow { starts_on: contract.starts_on };
        one.without_charge(SegmentOutcome::Skipped, reason);
        return Ok(());
    }
    let charges = due_charges(context, inputs, contract);
    if charges.is_empty() {
        one.without_charge(SegmentOutcome::Skipped, Reason::NoChargeDue);
        return Ok(());
    }
    let all_due =
        inputs.charges.iter().filter(|charge| charge.contract == contract.id).count() == charges.len();
    // The window's own days: windows of a cycle never overlap, so neither do these segments; after
    // the last charged day where days are charged.
    let after = match (of.method, contract.billed_through_on) {
        (SegmentMethod::BillableCharge, _) | (_, None) => None,
        (_, Some(through_on)) => through_on.next_day(),
    };
    let first_on = after.map_or(window.starts_on, |day| day.max(window.starts_on));
    let has_ended = contract.ends_on.is_some_and(|ends_on| ends_on <= window.ends_on);
    let own = Period::new(first_on, window.ends_on).filter(|_| {
        of.method == SegmentMethod::BillableCharge
            || (has_ended && contract.billed_through_on >= contract.ends_on)
    });
    let Some(period) = contract.again.map(|again| again.period).or(own) else {
        let reason = Reason::AlreadyBilled { through_on: contract.billed_through_on };
        one.without_charge(SegmentOutcome::Skipped, reason);
        return Ok(());
    };
    let calc = Calculation { charges, ..Calculation::empty() };
    one.segment.period = Some(period);
    one.segment.is_final = all_due && has_ended;
    finish(context, subject, of, calc, one)
}

/// The contract's charges whose date has come by the window's end, in order.
fn due_charges(context: &RunContext, inputs: &AccountInputs, contract: &Contract) -> Vec<ChargeLine> {
    let is_due = |charge: &&BillableCharge| {
        charge.contract == contract.id && charge.due_on <= context.window().ends_on
    };
    let mut due: Vec<&BillableCharge> = inputs.charges.iter().filter(is_due).collect();
    due.sort_unstable_by_key(|charge| (charge.due_on, charge.id));
    let line = |charge: &BillableCharge| ChargeLine {
        charge: charge.id,
        due_on: charge.due_on,
        label: charge.label.clone(),
        amount: charge.amount,
        gl: charge.gl,
    };
    due.into_iter().map(line).collect()
}

/// Adds up and looks at the money.
fn finish(
    context: &RunContext,
    subject: Subject<'_>,
    of: &ContractType,
    mut calc: Calculation,
    one: &mut Drafted,
) -> Result<(), BillingError> {
    for line in &calc.lines {
        if line.gl_account.as_ref().is_some_and(|code| context.gl_account(code.as_str()).is_none()) {
            let detail = format!("the ledger account of rule {} does not exist", line.rule);
            return Err(Problem::new(Code::GlAccountMissing, detail).with("rule", &line.rule).into());
        }
    }
    let total = calc.total()?;
    let currency = context.currency();
    let shown = |amount: Money| currency.format(amount);
    if one.segment.estimated {
        one.flag(FlagCode::Estimated, Severity::Inform, shown(total), String::new());
    }
    if total.is_negative() && of.method != SegmentMethod::BillableCharge {
        one.flag(FlagCode::Negative, Severity::Block, shown(total), String::new());
    }
    if let Some(maximum) = of.maximum.filter(|maximum| total > *maximum) {
        one.flag(FlagCode::OverMaximum, Severity::Block, shown(total), shown(maximum));
    }
    if one.segment.is_final {
        one.flag(FlagCode::FinalBill, Severity::Inform, shown(total), String::new());
    }
    if total.is_zero() && calc.charges.is_empty() {
        one.flag(FlagCode::NothingBilled, context.review().nothing_billed, shown(total), String::new());
    }
    // The review looks at what was used, the bill asks for what was agreed.
    // What is passed on is asked at once.
    if let (SegmentMethod::Metered, Some(period), true) =
        (of.method, one.segment.period, calc.rated.is_some())
    {
        let Contract { terms, progress, .. } = subject.contract;
        let used = Money::sum(calc.lines.iter().map(|line| line.amount_minor))?;
        let line = budget_line(terms.as_ref(), *progress, period, one.segment.is_final, used)?;
        calc.terms.extend(line);
    }
    one.segment.outcome = SegmentOutcome::Billed;
    one.segment.total = calc.total()?;
    one.segment.calc = Some(calc.into());
    Ok(())
}

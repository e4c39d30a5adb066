//! Which days a contract's segment charges, or why none.
//!
//! First charge day: the day after the last charged one, or the contract's start. The last day
//! is found by metering's rule; a contract that has ended ends on its last day. Where estimates
//! are allowed and due, a segment without an end read ends with the window or the contract. A
//! segment that is too short and not final is deferred: its days go into the next one. What is billed
//! again keeps its days.

use crate::account::{AccountInputs, Contract};
use crate::context::{ContractType, RunContext};
use crate::document::Reason;
use crate::error::BillingError;
use metering::{Metered, Span, segment_end};
use time::Date;
use vocab::dates::months_later;
use vocab::{Code, EndDateMethod, Frequency, Period, Problem, ServicePointId};

/// What the dates say about a contract.
pub(crate) enum Due {
    /// These days are charged.
    Days(Charged),
    /// Too few days so far.
    Deferred(Reason),
    /// No day is to be charged.
    Skipped(Reason),
}

/// The days of a segment and its place in the contract's life.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Charged {
    pub(crate) period: Period,
    pub(crate) is_first: bool,
    pub(crate) is_final: bool,
    /// Whether a read that its last day lacks is estimated.
    pub(crate) estimates: bool,
}

/// The days that a contract's segment charges in the window.
pub(crate) fn due(
    context: &RunContext,
    inputs: &AccountInputs,
    contract: &Contract,
    of: &ContractType,
) -> Result<Due, BillingError> {
    let window = context.window();
    if let Some(again) = contract.again {
        let is_final = contract.ends_on == Some(again.period.last_on());
        let estimates = context.may_estimate(of, contract.schedule_id);
        let charged = Charged { period: again.period, is_first: again.is_first, is_final, estimates };
        return Ok(Due::Days(charged));
    }
    if contract.starts_on > window.ends_on {
        return Ok(Due::Skipped(Reason::StartsAfterWindow { starts_on: contract.starts_on }));
    }
    let Some(first_on) = contract.first_charge_on() else {
        return Err(Problem::new(Code::ArithmeticOverflow, "the calendar has ended").into());
    };
    let already = || Due::Skipped(Reason::AlreadyBilled { through_on: contract.billed_through_on });
    let end_on = match of.end_date {
        EndDateMethod::MeterRead | EndDateMethod::CalendarPeriod => window.ends_on,
        EndDateMethod::AsOfDate => window.bill_on,
        EndDateMethod::Anniversary => match anniversary(context, contract) {
            Ok(last_on) => last_on,
            // It ends before it has one.
            Err(_) if contract.ends_on.is_some_and(|ends_on| ends_on <= window.ends_on) => window.ends_on,
            Err(next_on) => return Ok(Due::Skipped(Reason::NoAnniversary { next_on })),
        },
    };
    // A contract that has ended ends on its last day, whatever its segments end on.
    let end_on = match contract.ends_on {
        Some(ends_on) if ends_on <= window.ends_on => ends_on.max(end_on),
        _ => end_on,
    };
    let regular_on = contract.ends_on.map_or(end_on, |ends_on| ends_on.min(end_on));
    let Some(regular) = Period::new(first_on, regular_on) else { return Ok(already()) };
    let stops = contract.ends_on == Some(regular_on);
    let too_short = |period: Period| {
        let (days, minimum_days) = (period.days(), of.minimum_days);
        (days < minimum_days).then_some(Reason::TooShort { days, minimum_days })
    };
    let estimates = context.may_estimate(of, contract.schedule_id);
    let point = contract.service_point;
    // Without a meter there is no read to end on.
    let method = if point.is_some() { of.end_date } else { EndDateMethod::CalendarPeriod };
    let registers: Vec<Metered<'_>> = match (method, point) {
        (EndDateMethod::MeterRead, Some(point)) => {
            inputs.meters_of(point).iter().map(crate::account::RegisterReads::as_metered).collect()
        }
        _ => Vec::new(),
    };
    let span = Span { first_on, window_end_on: end_on, contract_end_on: contract.ends_on };
    let point = point.unwrap_or(ServicePointId(0));
    let last_on = match segment_end(method, point, span, context.read_window(), &registers) {
        Ok(Some(last_on)) => last_on,
        Ok(None) => return Ok(already()),
        // A read that nobody would have used is not missed.
        Err(error @ metering::Error::MissingEndRead { .. }) => match too_short(regular).filter(|_| !stops) {
            Some(reason) => return Ok(Due::Deferred(reason)),
            None if estimates => regular_on,
            None => return Err(error.into()),
        },
        Err(error) => return Err(error.into()),
    };
    let Some(period) = Period::new(first_on, last_on) else { return Ok(already()) };
    let is_final = contract.ends_on == Some(last_on);
    match too_short(period).filter(|_| !is_final) {
        Some(reason) => Ok(Due::Deferred(reason)),
        None => {
            let is_first = contract.billed_through_on.is_none();
            Ok(Due::Days(Charged { period, is_first, is_final, estimates }))
        }
    }
}

/// The day before the anniversary of the contract's start that falls last by the window's end, in steps of
/// its rate's frequency; where there is none yet, the day before the first one.
fn anniversary(context: &RunContext, contract: &Contract) -> Result<Date, Option<Date>> {
    let rate = contract.schedule_id.and_then(|id| context.schedule(id));
    let step = rate.map_or(Frequency::Monthly, |rate| rate.frequency).months();
    let mut last_on = None;
    // Bounded by the calendar, and by the window's end.
    for number in 1..=u16::MAX {
        let months = number.checked_mul(u16::from(step));
        let Some(on) = months.and_then(|months| months_later(contract.starts_on, months)) else { break };
        if on > context.window().ends_on {
            return last_on.ok_or_else(|| on.previous_day());
        }
        last_on = on.previous_day();
    }
    last_on.ok_or(None)
}

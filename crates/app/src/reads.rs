//! Single reads: entered by hand, released, rejected.
//!
//! Files of reads are another room; both validate with `metering::validate`. A read on a billed
//! day is never taken or changed here: held, it proposes to correct the bill ([`crate::rebills`]).

use crate::audit::{self, Action};
use crate::places::{find_point, lock_point};
use crate::read_rules::Rules;
use crate::rebills::{self, Proposing};
use crate::runs::remarks::RELEASED;
use crate::{App, Caller, Error, Result, Utility};
use metering::validate::{Finding, Known};
use metering::{Incoming, Outcome, ReadRules, Usage};
use rust_decimal::Decimal;
use serde_json::json;
use store::reads::{NewRead, ReadFilter, Service, StoredRead};
use store::registers::RegisterRow;
use store::{Cursor, Page, Tx};
use time::{Date, OffsetDateTime};
use vocab::dates::{civil, plus_days};
use vocab::{
    Code, FieldError, Problem, ReadId, ReadQuality, ReadStatus, RebillProposalId, RegisterId, ServicePointId,
};

/// How far back reads are compared: over estimates to the last actual read.
const KNOWN_DAYS: i64 = 1200;
/// Characters of a trouble code.
const TROUBLE_CHARS_MAX: usize = 40;

/// A read to enter.
#[derive(Debug, Clone)]
pub struct NewManualRead {
    /// Of which register.
    pub register: RegisterId,
    /// Serial number of the meter that was read, to be compared with the one installed.
    pub serial: Option<String>,
    /// The day that it closes; today when absent.
    pub read_on: Option<Date>,
    /// As shown on the dials, or the consumption itself for a consumptive register.
    pub value: Decimal,
    /// Off the meter, or told by the customer.
    pub quality: ReadQuality,
    /// A trouble code that came with it.
    pub trouble: Option<String>,
}

/// What became of an entered read.
#[derive(Debug, Clone)]
pub struct EnteredRead {
    /// As it was stored: valid or held.
    pub read: StoredRead,
    /// The rules that it broke.
    pub findings: Vec<Finding>,
    /// Whether it replaced a valid read of its day.
    pub supersedes: bool,
    /// What it proposes to bill again.
    pub proposal: Option<RebillProposalId>,
}

/// What is known where a read comes in.
pub(crate) struct Place<'a> {
    pub(crate) utility: &'a Utility,
    pub(crate) now: OffsetDateTime,
    pub(crate) register: &'a RegisterRow,
    pub(crate) services: &'a [Service],
    /// Opaque id of who brings it.
    pub(crate) by: &'a str,
}

/// A read in the form in which every single entry takes it.
pub(crate) struct Arrival<'a> {
    pub(crate) serial: Option<&'a str>,
    pub(crate) read_on: Date,
    pub(crate) value: Decimal,
    pub(crate) quality: ReadQuality,
    pub(crate) trouble: Option<&'a str>,
    pub(crate) source: &'a str,
    /// Where the value stands in the request.
    pub(crate) pointer: &'a str,
    /// Whether it may put billed days in doubt.
    pub(crate) may_correct: bool,
}

/// What a single entry came to.
pub(crate) enum Taken {
    /// Stored, valid or held.
    Stored(Box<EnteredRead>),
    /// Known already.
    Known(StoredRead),
}

/// Enters a read by hand.
pub fn enter(tx: &mut Tx<'_>, caller: &Caller, new: &NewManualRead) -> Result<EnteredRead> {
    if !matches!(new.quality, ReadQuality::Actual | ReadQuality::Customer) {
        return Err(Problem::field("/quality", Code::FieldRange, "actual or customer").into());
    }
    if new
        .trouble
        .as_ref()
        .is_some_and(|code| code.trim().is_empty() || code.chars().count() > TROUBLE_CHARS_MAX)
    {
        return Err(Problem::field("/trouble_code", Code::FieldRange, "1 to 40 characters").into());
    }
    let utility = Utility::load(tx)?;
    let point = new.register.owner;
    lock_point(tx, caller, point)?;
    let registers = store::registers::at(tx, &[point])?;
    let register = registers
        .iter()
        .find(|row| row.id == new.register.n)
        .ok_or_else(|| Problem::field("/register_id", Code::UnknownReference, "there is no such register"))?;
    let services = store::reads::services(tx, &[point])?;
    let now = tx.as_of();
    let arrival = Arrival {
        serial: new.serial.as_deref(),
        read_on: new.read_on.unwrap_or_else(|| utility.day(now)),
        value: new.value,
        quality: new.quality,
        trouble: new.trouble.as_deref(),
        source: "manual",
        pointer: "/value",
        may_correct: true,
    };
    let by = caller.actor();
    let place = Place { utility: &utility, now, register, services: &services, by: &by };
    match take(tx, &place, &arrival)? {
        // What was to be read again says the same: somebody has looked.
        Taken::Known(known) if store::reread_orders::fulfil(tx, &[(new.register, known.id)])? > 0 => {
            record(tx, caller, "read.confirm", &known, None, known.reason.clone())?;
            Ok(EnteredRead { read: known, findings: Vec::new(), supersedes: false, proposal: None })
        }
        Taken::Known(known) => {
            let detail =
                format!("the read {} of that day says the same; it is {}", known.read_id(), known.status);
            Err(Problem::new(Code::DuplicateRead, detail).into())
        }
        Taken::Stored(entered) => {
            let read = &entered.read;
            record(tx, caller, "read.enter", read, None, read.reason.clone())?;
            Ok(*entered)
        }
    }
}

/// Validates and stores a read. The service point is locked.
pub(crate) fn take(tx: &mut Tx<'_>, place: &Place<'_>, arrival: &Arrival<'_>) -> Result<Taken> {
    if place.utility.zone.end_of(arrival.read_on).is_none() {
        return Err(Problem::field("/read_on", Code::FieldRange, "not a day that can be closed").into());
    }
    let register = place.register.as_metering()?;
    check_digits(&register, arrival.value, arrival.pointer)?;
    let since = plus_days(arrival.read_on, -KNOWN_DAYS).unwrap_or(Date::MIN);
    let mut rows = store::reads::of_register(tx, register.id, since)?;
    // Whoever enters a rejected value again by hand has looked at it again.
    rows.retain(|row| row.status != ReadStatus::Rejected);
    let reads: Vec<metering::Read> = rows.iter().map(StoredRead::as_metering).collect();
    let rules = Rules::of(place.utility)?;
    let rules = rules.at(place.services, place.register.commodity, arrival.read_on);
    let strict = ReadRules { already_billed: metering::validate::Action::Reject, ..rules.clone() };
    let rules = if arrival.may_correct { rules } else { &strict };
    let metered = metering::Metered { register: &register, reads: &reads };
    let history: Vec<Usage> = history(metered, arrival.read_on, rules).into_iter().collect();
    let known = Known {
        metered,
        today_on: place.utility.day(place.now),
        billed_through_on: billed_through(place.services),
        service_is_active: place.services.iter().any(|service| service.covers(arrival.read_on)),
        history: &history,
    };
    let incoming = Incoming {
        place_is_unknown: false,
        trouble: arrival.trouble,
        serial: arrival.serial,
        read_on: arrival.read_on,
        value: arrival.value,
        quality: arrival.quality,
    };
    let verdict = metering::validate(rules, incoming, known)?;
    match verdict.outcome {
        Outcome::Duplicate => {
            let same = rows.into_iter().rev().find(|row| {
                row.read_on == arrival.read_on
                    && row.value == arrival.value
                    && row.status != ReadStatus::Superseded
            });
            let same = same.ok_or_else(|| Error::Fault("a duplicate read without its first".to_owned()))?;
            Ok(Taken::Known(same))
        }
        Outcome::Reject => Err(refusal(&verdict.findings, arrival).into()),
        Outcome::Accept | Outcome::Warn => {
            let day = [(register.id, arrival.read_on)];
            let superseded = store::reads::supersede(tx, &day)? > 0;
            if superseded {
                store::rebill_proposals::withdraw_superseded(tx, &day, place.by)?;
            }
            let warned = Some(reason(&verdict.findings)).filter(|reason| !reason.is_empty());
            let read = store_read(tx, place, arrival, ReadStatus::Valid, warned)?;
            let proposal = propose(tx, place, &read, verdict.rebill)?;
            Ok(Taken::Stored(Box::new(EnteredRead {
                read,
                findings: verdict.findings,
                supersedes: superseded,
                proposal,
            })))
        }
        Outcome::Hold => {
            let reason = reason(&verdict.findings);
            let read = store_read(tx, place, arrival, ReadStatus::Held, Some(reason))?;
            let proposal = propose(tx, place, &read, verdict.rebill)?;
            let findings = verdict.findings;
            Ok(Taken::Stored(Box::new(EnteredRead { read, findings, supersedes: false, proposal })))
        }
    }
}

/// Keeps what a stored read proposes to bill again.
fn propose(
    tx: &mut Tx<'_>,
    place: &Place<'_>,
    read: &StoredRead,
    rebill: Option<metering::Rebill>,
) -> Result<Option<RebillProposalId>> {
    let Some(rebill) = rebill else { return Ok(None) };
    let proposing = Proposing {
        register: RegisterId::new(read.service_point_id, read.register_id),
        read: read.id,
        read_on: read.read_on,
        contracts: rebills::contracts(place.services, &rebill),
        rebill,
    };
    Ok(rebills::propose(tx, place.by, vec![proposing])?.into_iter().next())
}

/// A register cannot show more decimals than it has, nor any number more than is stored.
pub(crate) fn check_digits(register: &metering::Register, value: Decimal, pointer: &str) -> Result<()> {
    let most = match register.kind {
        vocab::RegisterKind::Subtractive => u32::from(register.decimals),
        vocab::RegisterKind::Consumptive => 6,
        vocab::RegisterKind::Interval => {
            let detail = "the register gives interval data; it has no value to read";
            return Err(Problem::field(pointer, Code::FieldRange, detail).into());
        }
    };
    if value.scale() > most && value.normalize().scale() > most {
        let detail = format!("at most {most} decimals");
        return Err(Problem::field(pointer, Code::FieldRange, detail).into());
    }
    if value.abs() >= Decimal::from(1_000_000_000_000_i64) {
        return Err(Problem::field(pointer, Code::FieldRange, "less than a million million").into());
    }
    Ok(())
}

/// Last billed day at a service point.
pub(crate) fn billed_through(services: &[Service]) -> Option<Date> {
    services.iter().filter_map(|service| service.billed_through_on).max()
}

/// Use of the last thirteen months before a day, as one span.
pub(crate) fn history(metered: metering::Metered<'_>, until_on: Date, rules: &ReadRules) -> Option<Usage> {
    metering::past_use(metered, None, metering::Until::Before(until_on), rules.rollover)
}

pub(crate) fn reason(findings: &[Finding]) -> String {
    findings.iter().map(|finding| finding.rule.as_str()).collect::<Vec<_>>().join(", ")
}

/// The refusal of a read: the rules that it broke, and the hardest of them as parameter.
fn refusal(findings: &[Finding], arrival: &Arrival<'_>) -> Problem {
    use metering::validate::{Action as Severity, Rule};
    let hard = findings.iter().filter(|finding| finding.action == Severity::Reject);
    let rule = hard.clone().next().map_or("", |finding| finding.rule.as_str());
    let mut problem = Problem::new(Code::ReadRefused, format!("the read is refused: {}", reason(findings)));
    problem.errors = hard
        .map(|finding| {
            let (pointer, code, detail) = match finding.rule {
                Rule::FutureDate => ("/read_on", Code::ReadInFuture, Code::ReadInFuture.meaning()),
                Rule::AlreadyBilled => ("/read_on", Code::ReadBilled, Code::ReadBilled.meaning()),
                Rule::StaleDate => ("/read_on", Code::ReadTooOld, Code::ReadTooOld.meaning()),
                Rule::NotInstalled => {
                    ("/read_on", Code::FieldRange, "the register was not installed on that day")
                }
                _ => (arrival.pointer, Code::FieldRange, finding.rule.as_str()),
            };
            FieldError { pointer: pointer.to_owned(), code, detail: detail.to_owned() }
        })
        .collect();
    problem.with("rule", rule)
}

fn store_read(
    tx: &mut Tx<'_>,
    place: &Place<'_>,
    arrival: &Arrival<'_>,
    status: ReadStatus,
    reason: Option<String>,
) -> Result<StoredRead> {
    let zone = &place.utility.zone;
    let end = zone.end_of(arrival.read_on).ok_or_else(|| Error::Fault("a day without an end".to_owned()))?;
    let new = NewRead {
        register: RegisterId::new(place.register.service_point_id, place.register.id),
        read_at: end.min(place.now),
        read_on: arrival.read_on,
        value: arrival.value,
        quality: arrival.quality,
        status,
        source: arrival.source.to_owned().into(),
        import_id: None,
        reason,
    };
    let id = store::reads::copy_in(tx, std::slice::from_ref(&new))?.into_iter().next();
    let id = id.ok_or_else(|| Error::Fault("a stored read without an id".to_owned()))?;
    if matches!(new.quality, ReadQuality::Actual | ReadQuality::Customer) {
        store::reread_orders::fulfil(tx, &[(new.register, id)])?;
    }
    Ok(StoredRead {
        service_point_id: new.register.owner,
        id,
        register_id: new.register.n,
        read_at: new.read_at,
        read_on: new.read_on,
        value: new.value,
        quality: new.quality,
        status,
        source: new.source.into_owned(),
        import_id: None,
        reason: new.reason,
    })
}

/// Finds a read with its service point locked.
fn lock(tx: &mut Tx<'_>, caller: &Caller, id: ReadId) -> Result<StoredRead> {
    lock_point(tx, caller, id.owner)?;
    Ok(store::reads::find(tx, id)?.ok_or_else(Problem::not_found)?)
}

/// Marks a read as not to be used. One on a billed day is refused: the bill is to be corrected.
pub fn reject(tx: &mut Tx<'_>, caller: &Caller, id: ReadId, reason: String) -> Result<StoredRead> {
    if reason.trim().is_empty() || reason.chars().count() > 500 {
        return Err(Problem::field("/reason", Code::FieldRange, "1 to 500 characters").into());
    }
    let old = lock(tx, caller, id)?;
    match old.status {
        ReadStatus::Valid => refuse_billed(tx, &old)?,
        ReadStatus::Held => {}
        ReadStatus::Rejected | ReadStatus::Superseded => return Err(wrong_state(old.status)),
    }
    rebills::withdraw(tx, caller, id, &reason)?;
    settle(tx, caller, old, ReadStatus::Rejected, "read.reject", Some(reason))
}

/// Makes a held read valid; it replaces the valid read of its day. One that waits in a proposal to bill again
/// is refused: the proposal is to be decided.
pub fn release(tx: &mut Tx<'_>, caller: &Caller, id: ReadId) -> Result<StoredRead> {
    let old = lock(tx, caller, id)?;
    if old.status != ReadStatus::Held {
        return Err(wrong_state(old.status));
    }
    if let Some((_, proposal)) = store::rebill_proposals::holding(tx, &[id])?.first() {
        return Err(rebills::held_by(*proposal).into());
    }
    refuse_billed(tx, &old)?;
    let day = [(RegisterId::new(id.owner, old.register_id), old.read_on)];
    if store::reads::supersede(tx, &day)? > 0 {
        store::rebill_proposals::withdraw_superseded(tx, &day, &caller.actor())?;
    }
    let reason = old.reason.as_ref().map(|reason| format!("{RELEASED}{reason}"));
    settle(tx, caller, old, ReadStatus::Valid, "read.release", reason)
}

fn settle(
    tx: &mut Tx<'_>,
    caller: &Caller,
    old: StoredRead,
    status: ReadStatus,
    action: &str,
    reason: Option<String>,
) -> Result<StoredRead> {
    if !store::reads::set_status(tx, old.read_id(), old.status, status, reason.as_deref())? {
        return Err(wrong_state(old.status));
    }
    let reason = reason.or_else(|| old.reason.clone());
    let new = StoredRead { status, reason: reason.clone(), ..old.clone() };
    record(tx, caller, action, &new, Some(old.status), reason)?;
    Ok(new)
}

/// A posted segment may rest on any read up to the last billed day.
fn refuse_billed(tx: &mut Tx<'_>, read: &StoredRead) -> Result<()> {
    let services = store::reads::services(tx, &[read.service_point_id])?;
    match billed_through(&services) {
        Some(through_on) if read.read_on <= through_on => {
            let detail = format!("billed through {}; correct the bill instead", civil::format(through_on));
            Err(Problem::new(Code::ReadBilled, detail).into())
        }
        _ => Ok(()),
    }
}

fn wrong_state(status: ReadStatus) -> Error {
    Problem::new(Code::WrongState, format!("the read is {status}")).with("state", status).into()
}

fn record(
    tx: &mut Tx<'_>,
    caller: &Caller,
    action: &str,
    read: &StoredRead,
    before: Option<ReadStatus>,
    reason: Option<String>,
) -> Result<()> {
    let after = json!({ "read_on": civil::format(read.read_on), "value": read.value, "status": read.status });
    let before = before.map(|status| json!({ "status": status }));
    let subject = read.read_id().to_string();
    audit::record(tx, caller, Action { action, subject, before, after: Some(after), reason })
}

impl App {
    /// The reads of a service point, newest day first.
    pub fn reads(
        &self,
        caller: &Caller,
        point: ServicePointId,
        filter: &ReadFilter,
        after: Option<&Cursor>,
        limit: i64,
    ) -> Result<Page<StoredRead>> {
        self.db().tx(|tx| {
            find_point(tx, caller, point)?;
            Ok(store::reads::list(tx, point, filter, after, limit)?)
        })
    }

    /// A read.
    pub fn read(&self, caller: &Caller, id: ReadId) -> Result<StoredRead> {
        self.db().tx(|tx| {
            find_point(tx, caller, id.owner)?;
            Ok(store::reads::find(tx, id)?.ok_or_else(Problem::not_found)?)
        })
    }
}

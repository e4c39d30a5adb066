//! What a test compares drafts with: the last bill's segments and charges, and services that have ended with
//! nobody served since. No query where there is none of it; nothing of it is loaded to post bills.

use super::inputs::label_of;
use crate::{Error, Result};
use billing::{AccountInputs, Contract, EndedService, LastSegment, RegisterReads, RunContext};
use metering::Read;
use std::collections::HashMap;
use store::Tx;
use store::billing_inputs::ContractRow;
use store::billing_past::{self, LastSegmentRow};
use time::Date;
use vocab::dates::plus_days;
use vocab::{AccountId, ContractId, ContractState, ReadQuality, ReadStatus, ServicePointId};

/// Days before the window in which a service may have ended whose meter is still looked at.
const ENDED_DAYS: i64 = 100;

/// The first day on which a closed contract may have ended whose meter is still looked at.
pub(super) fn closed_since(context: &RunContext) -> Result<Date> {
    let outside = || Error::Fault("a day outside the calendar".to_owned());
    plus_days(context.window().starts_on, -ENDED_DAYS).ok_or_else(outside)
}

/// Takes the closed contracts out of the rows; they are answered, with those that have stopped and ended.
pub(super) fn take_ended(context: &RunContext, rows: &mut Vec<ContractRow>) -> Vec<ContractRow> {
    let last_on = context.window().ends_on;
    let is_closed = |row: &ContractRow| row.state == ContractState::Closed;
    let has_ended = |row: &&ContractRow| {
        (is_closed(row) || row.state == ContractState::Stopped)
            && row.service_point_id.is_some()
            && row.ends_on.is_some_and(|ends_on| ends_on <= last_on)
    };
    let ended = rows.iter().filter(has_ended).cloned().collect();
    rows.retain(|row| !is_closed(row));
    ended
}

/// Puts the past to inputs that are in the order of their accounts.
pub(super) fn add(
    tx: &mut Tx<'_>,
    context: &RunContext,
    rows: Vec<ContractRow>,
    all: &mut [AccountInputs],
) -> Result<()> {
    let bill = |of: &AccountInputs| of.last_bill.map(|bill| (of.account, bill.id.n));
    let bills: Vec<(AccountId, i64)> = all.iter().filter_map(bill).collect();
    for row in billing_past::last_segments(tx, &bills)? {
        if let Some(of) = find(all, row.account_id) {
            of.before.segments.push(last_segment(&row));
        }
    }
    // Contracts that were billed, but not on the last bill: few in a book that is billed month by month.
    let missed: Vec<(AccountId, i64)> = all.iter().flat_map(missed).collect();
    for row in billing_past::latest_segments(tx, &missed)? {
        if let Some(of) = find(all, row.account_id) {
            of.before.older.push(last_segment(&row));
        }
    }
    let ends_on = context.window().ends_on;
    let is_charged = |of: &&AccountInputs| of.charges.iter().any(|charge| charge.due_on <= ends_on);
    let charged: Vec<(AccountId, i64)> = all.iter().filter(is_charged).filter_map(bill).collect();
    for row in billing_past::last_charges(tx, &charged)? {
        if let Some(of) = find(all, row.account_id) {
            of.before.charges.push((label_of(&row.label)?, row.amount_minor));
        }
    }
    ended(tx, context, rows, all)
}

fn last_segment(row: &LastSegmentRow) -> LastSegment {
    LastSegment {
        contract: ContractId::new(row.account_id, row.contract_id),
        schedule: row.schedule_id,
        first_on: row.first_on,
        last_on: row.last_on,
        total: row.total_minor,
    }
}

/// The contracts of an account that have had segments, none of them on its last bill.
fn missed(of: &AccountInputs) -> impl Iterator<Item = (AccountId, i64)> + '_ {
    let is_missed = |contract: &&Contract| {
        contract.segments > 0 && of.before.segments.iter().all(|last| last.contract != contract.id)
    };
    of.contracts.iter().filter(is_missed).map(|contract| (of.account, contract.id.n))
}

fn find(all: &mut [AccountInputs], account: AccountId) -> Option<&mut AccountInputs> {
    let at = all.binary_search_by_key(&account, |of| of.account).ok()?;
    all.get_mut(at)
}

fn ended(
    tx: &mut Tx<'_>,
    context: &RunContext,
    rows: Vec<ContractRow>,
    all: &mut [AccountInputs],
) -> Result<()> {
    let at = |row: &ContractRow| row.service_point_id.zip(row.ends_on);
    let mut rows: Vec<(ContractRow, ServicePointId, Date)> =
        rows.into_iter().filter_map(|row| at(&row).map(|(point, ends_on)| (row, point, ends_on))).collect();
    if rows.is_empty() {
        return Ok(());
    }
    let points: Vec<ServicePointId> = rows.iter().map(|(_, point, _)| *point).collect();
    let last_on = context.last_read_on();
    let served = billing_past::served(tx, &points)?;
    let is_followed = |(_, at, ended_on): &(ContractRow, ServicePointId, Date)| {
        served.iter().any(|(point, starts_on, ends_on)| {
            point == at && *starts_on <= last_on && ends_on.is_none_or(|ends_on| *ended_on < ends_on)
        })
    };
    rows.retain(|row| !is_followed(row));
    let Some(from) = rows.iter().map(|(_, _, ends_on)| *ends_on).min() else { return Ok(()) };
    let mut points: Vec<ServicePointId> = rows.iter().map(|(_, point, _)| *point).collect();
    points.sort_unstable();
    points.dedup();
    let mut meters: HashMap<ServicePointId, Vec<RegisterReads>> =
        store::reads::load_metered(tx, &points, from, last_on)?
            .into_iter()
            .map(|of| (of.service_point, of.registers))
            .collect();
    // A read where nobody is served mostly waits for a person, for that very reason.
    for row in store::reads::waiting(tx, &points, from, last_on)? {
        let registers = meters.get_mut(&row.service_point_id).map_or(&mut [][..], Vec::as_mut_slice);
        if let Some(of) = registers.iter_mut().find(|of| of.register.id.n == row.register_id) {
            let (read_on, value, status) = (row.read_on, row.value, ReadStatus::Held);
            of.reads.push(Read { read_on, value, quality: ReadQuality::Actual, status });
        }
    }
    for (row, point, ends_on) in rows {
        if let (Some(of), Some(registers)) = (find(all, row.account_id), meters.get(&point)) {
            of.ended.push(EndedService {
                contract: ContractId::new(row.account_id, row.id),
                type_id: row.contract_type_id,
                schedule: row.schedule_id,
                ends_on,
                registers: since(registers, ends_on),
            });
        }
    }
    Ok(())
}

/// The reads from the one at a day, or before it, on: whatever else was loaded for the company.
fn since(registers: &[RegisterReads], on: Date) -> Vec<RegisterReads> {
    let own = |of: &RegisterReads| {
        let mut reads = of.reads.clone();
        reads.sort_unstable_by_key(|read| read.read_on);
        let before = reads.partition_point(|read| read.read_on <= on);
        reads.drain(..before.saturating_sub(1));
        RegisterReads { register: of.register.clone(), reads, days: Vec::new() }
    };
    registers.iter().map(own).collect()
}

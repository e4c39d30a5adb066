//! What a test compares drafts with: the last bill's segments and charges, and services that have ended with
//! nobody served since. No query where there is none of it; nothing of it is loaded to post bills.

use super::inputs::label_of;
use crate::{Error, Result};
use billing::{AccountInputs, EndedService, LastSegment, RegisterReads, RunContext};
use std::collections::HashMap;
use store::Tx;
use store::billing_past::{self, EndedRow};
use vocab::dates::plus_days;
use vocab::{AccountId, ContractId, ServicePointId};

/// Days before the window in which a service may have ended whose meter is still looked at.
const ENDED_DAYS: i64 = 100;

/// Puts the past to inputs that are in the order of their accounts.
pub(super) fn add(tx: &mut Tx<'_>, context: &RunContext, all: &mut [AccountInputs]) -> Result<()> {
    let bill = |of: &AccountInputs| of.last_bill.map(|bill| (of.account, bill.id.n));
    let bills: Vec<(AccountId, i64)> = all.iter().filter_map(bill).collect();
    for row in billing_past::last_segments(tx, &bills)? {
        if let Some(of) = find(all, row.account_id) {
            of.before.segments.push(LastSegment {
                contract: ContractId::new(row.account_id, row.contract_id),
                schedule: row.schedule_id,
                first_on: row.first_on,
                last_on: row.last_on,
                total: row.total_minor,
            });
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
    ended(tx, context, all)
}

fn find(all: &mut [AccountInputs], account: AccountId) -> Option<&mut AccountInputs> {
    let at = all.binary_search_by_key(&account, |of| of.account).ok()?;
    all.get_mut(at)
}

fn ended(tx: &mut Tx<'_>, context: &RunContext, all: &mut [AccountInputs]) -> Result<()> {
    let window = context.window();
    let outside = || Error::Fault("a day outside the calendar".to_owned());
    let from = plus_days(window.starts_on, -ENDED_DAYS).ok_or_else(outside)?;
    let accounts: Vec<AccountId> = all.iter().map(|of| of.account).collect();
    let mut rows = billing_past::ended(tx, &accounts, (from, window.ends_on))?;
    if rows.is_empty() {
        return Ok(());
    }
    let points: Vec<ServicePointId> = rows.iter().map(|row| row.service_point_id).collect();
    let last_on = context.last_read_on();
    let served = billing_past::served(tx, &points)?;
    let is_followed = |row: &EndedRow| {
        served.iter().any(|(point, starts_on, ends_on)| {
            *point == row.service_point_id
                && *starts_on <= last_on
                && ends_on.is_none_or(|ends_on| row.ends_on < ends_on)
        })
    };
    rows.retain(|row| !is_followed(row));
    let Some(from) = rows.iter().map(|row| row.ends_on).min() else { return Ok(()) };
    let mut points: Vec<ServicePointId> = rows.iter().map(|row| row.service_point_id).collect();
    points.sort_unstable();
    points.dedup();
    let meters: HashMap<ServicePointId, Vec<RegisterReads>> =
        store::reads::load_metered(tx, &points, from, last_on)?
            .into_iter()
            .map(|of| (of.service_point, of.registers))
            .collect();
    for row in rows {
        if let (Some(of), Some(registers)) = (find(all, row.account_id), meters.get(&row.service_point_id)) {
            of.ended.push(EndedService {
                contract: ContractId::new(row.account_id, row.id),
                type_id: row.contract_type_id,
                schedule: row.schedule_id,
                ends_on: row.ends_on,
                registers: since(registers, row.ends_on),
            });
        }
    }
    Ok(())
}

/// The reads from the one at a day, or before it, on: whatever else was loaded for the company.
fn since(registers: &[RegisterReads], on: time::Date) -> Vec<RegisterReads> {
    let own = |of: &RegisterReads| {
        let mut reads = of.reads.clone();
        reads.sort_unstable_by_key(|read| read.read_on);
        let before = reads.partition_point(|read| read.read_on <= on);
        reads.drain(..before.saturating_sub(1));
        RegisterReads { register: of.register.clone(), reads, days: Vec::new() }
    };
    registers.iter().map(own).collect()
}

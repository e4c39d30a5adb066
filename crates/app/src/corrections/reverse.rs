//! Reversing segments: their transactions are turned around, what had paid them is free, and what they had
//! come to is taken off the totals.

use super::{Desk, posted};
use crate::runs::totals::{Of, Totals};
use crate::{Error, Result, ledger};
use billing::{PostedSegment, Reversal, Terms, progress_of, segment_totals};
use payments::allocation::Join;
use std::collections::HashMap;
use store::billing_inputs::ContractRow;
use store::bills::{Bill, Segment};
use store::{Tx, corrections as rows};
use time::Date;
use vocab::{AccountId, BillId, Code, Commodity, ContractState, FtId, Money, Problem, SegmentId};

/// Segments that were reversed, and what had paid them.
pub(super) struct Reversed {
    pub(super) segments: Vec<PostedSegment>,
    /// Joins that are ended, by the segment whose debit they paid.
    pub(super) freed: Vec<(SegmentId, Join)>,
    /// The transactions that reverse them.
    pub(super) fts: Vec<FtId>,
}

/// Reverses segments of a bill: on a bill that is open again, else on the account's next.
/// Credits that are freed are not joined to anything yet: [`settle`] does that.
pub(super) fn reverse(
    tx: &mut Tx<'_>,
    desk: &Desk<'_>,
    bill: &Bill,
    segments: &[Segment],
    born_on: Option<BillId>,
) -> Result<Reversed> {
    let account = bill.account_id;
    let posted = posted(tx, account, segments)?;
    let dates = desk.dates(tx, bill);
    let needed = posted.iter().map(|segment| segment.fts.len()).sum();
    let mut fresh = tx.new_ids(needed)?.into_iter();
    let mut next = || fresh.next().unwrap_or_default();
    let mut reversals: Vec<(SegmentId, Money, Reversal)> = Vec::with_capacity(needed);
    for segment in &posted {
        let made = billing::reverse(segment, born_on, dates, &mut next).map_err(Problem::from)?;
        let amounts = segment.fts.iter().map(|ft| ft.posted.current);
        reversals.extend(made.into_iter().zip(amounts).map(|(of, amount)| (segment.id, amount, of)));
    }
    let ids: Vec<i64> = segments.iter().map(|segment| segment.id).collect();
    // On a bill that is open again nobody has seen them.
    let withdrawn = born_on == Some(BillId::new(account, bill.id));
    if rows::cancel_segments(tx, account, &ids, withdrawn)? != ids.len() {
        return Err(Error::Fault("a segment changed under its account's lock".to_owned()));
    }
    let fts: Vec<billing::Ft> = reversals.iter().map(|(_, _, of)| of.ft.clone()).collect();
    store::ledger::post(tx, &fts)?;
    let mut freed = Vec::new();
    for (segment, amount, of) in reversals {
        if amount.is_positive() {
            let ended = store::ledger::free_debit(tx, of.original)?;
            freed.extend(ended.into_iter().map(|join| (segment, join)));
            store::ledger::allocate(tx, &[Join { credit: of.ft.id(), debit: of.original, amount }])?;
        } else if amount.is_negative() {
            store::ledger::free_credit(tx, of.original)?;
            let amount = amount.negated()?;
            store::ledger::allocate(tx, &[Join { credit: of.original, debit: of.ft.id(), amount }])?;
        }
    }
    post_totals(tx, bill, segments, Side::Off)?;
    Ok(Reversed { segments: posted, freed, fts: fts.iter().map(billing::Ft::id).collect() })
}

/// What was freed pays the transactions that took its debits' place first, then whatever is oldest.
pub(super) fn settle(
    tx: &mut Tx<'_>,
    account: AccountId,
    freed: Vec<(SegmentId, Join)>,
    replacements: &[(SegmentId, Vec<billing::Ft>)],
) -> Result<()> {
    let mut open: HashMap<SegmentId, Vec<(FtId, Money)>> = HashMap::new();
    for (old, fts) in replacements {
        let debits = fts.iter().filter(|ft| ft.current().is_positive());
        open.insert(*old, debits.map(|ft| (ft.id(), ft.current())).collect());
    }
    let mut joins = Vec::new();
    for (old, join) in freed {
        let mut left = join.amount;
        for (debit, rest) in open.get_mut(&old).into_iter().flatten() {
            let amount = left.min(*rest);
            if amount.is_positive() {
                joins.push(Join { credit: join.credit, debit: *debit, amount });
                left = left.minus(amount)?;
                *rest = rest.minus(amount)?;
            }
        }
    }
    store::ledger::allocate(tx, &joins)?;
    ledger::settle(tx, account)
}

/// Whether totals go up or down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    On,
    Off,
}

/// What segments come to goes onto the totals of their bill's window and run, or off them.
pub(super) fn post_totals(tx: &mut Tx<'_>, bill: &Bill, segments: &[Segment], side: Side) -> Result<()> {
    let commodities = commodities(tx, bill.account_id)?;
    let mut totals = Totals::default();
    for segment in segments {
        let commodity = commodities.get(&segment.contract_id).copied().unwrap_or(Commodity::Other);
        let calc = crate::invoice_model::calculation(segment)?;
        let rows = segment_totals(commodity, segment.schedule_id, &calc)?;
        match side {
            Side::On => totals.add(&rows)?,
            Side::Off => totals.take_away(&rows)?,
        }
    }
    totals.save(tx, Of { run: bill.run_id, window: bill.window_id, test: None, is_posted: true })
}

/// What is delivered under each contract of an account.
fn commodities(tx: &mut Tx<'_>, account: AccountId) -> Result<HashMap<i64, Commodity>> {
    let types: HashMap<_, _> =
        store::contract_types::all(tx)?.into_iter().map(|of| (of.id, of.commodity)).collect();
    let contracts = store::billing_inputs::all_contracts(tx, &[account])?;
    Ok(contracts
        .into_iter()
        .filter_map(|row| Some((row.id, types.get(&row.contract_type_id).copied()?)))
        .collect())
}

/// The days of reversed segments are to be billed: their contracts go back to where they were before, their
/// charges are on no segment again.
///
/// # Errors
/// A later segment of one of the contracts stands.
pub(super) fn open_days(tx: &mut Tx<'_>, account: AccountId, reversed: &[PostedSegment]) -> Result<()> {
    let ids: Vec<i64> = reversed.iter().map(|segment| segment.id.n).collect();
    rows::free_charges(tx, account, &ids)?;
    let mut contracts: Vec<i64> = reversed.iter().map(|segment| segment.contract.n).collect();
    contracts.sort_unstable();
    contracts.dedup();
    let all = store::billing_inputs::all_contracts(tx, &[account])?;
    let mut moves = Vec::with_capacity(contracts.len());
    for row in all.iter().filter(|row| contracts.contains(&row.id)) {
        let own = || reversed.iter().filter(|segment| segment.contract.n == row.id);
        let count = i32::try_from(own().count()).unwrap_or(i32::MAX);
        let rated = own().filter(|segment| segment.document.charges_days());
        let earliest = rated.min_by_key(|segment| segment.period.first_on());
        let mut billed_through_on = row.billed_through_on;
        if let Some(first) = earliest {
            let first_on = first.period.first_on();
            if let Some(later) = later(tx, account, row.id, first_on, &ids)? {
                let problem = Problem::new(Code::SegmentNotLatest, Code::SegmentNotLatest.meaning());
                return Err(problem.with("later", later).into());
            }
            let is_first = first.is_first(row.starts_on);
            billed_through_on = first_on.previous_day().filter(|_| !is_first);
        }
        moves.push(store::posting::ContractMove {
            account,
            contract: row.id,
            billed_through_on,
            segments: row.segments.saturating_sub(count).max(0),
            state: match (row.state, row.ends_on) {
                (ContractState::Closed, Some(_)) => ContractState::Stopped,
                (ContractState::Closed, None) => ContractState::Active,
                (other, _) => other,
            },
            progress: row.progress_minor.minus(progress(own())?)?,
            ended_on: None,
        });
    }
    store::posting::move_contracts(tx, &moves)?;
    let ended: Vec<i64> = all
        .iter()
        .filter(|row| contracts.contains(&row.id) && has_ended_itself(row))
        .map(|row| row.id)
        .collect();
    Ok(rows::take_up(tx, account, &ended)?)
}

/// Whether a contract has ended because nothing was left of its terms, and not by a person.
pub(super) fn has_ended_itself(row: &ContractRow) -> bool {
    let whole = row.terms.as_ref().and_then(|terms| serde_json::from_str::<Terms>(&terms.0).ok());
    row.state == ContractState::Closed
        && whole.and_then(|terms| terms.whole()).is_some_and(|whole| whole == row.progress_minor)
}

/// How far segments had brought their contract's terms.
pub(super) fn progress<'a>(segments: impl Iterator<Item = &'a PostedSegment>) -> Result<Money> {
    let mut sum = Money::ZERO;
    for segment in segments {
        sum = sum.plus(progress_of(&segment.document)?)?;
    }
    Ok(sum)
}

/// A standing segment with days that begin later than those of a contract's.
fn later(
    tx: &mut Tx<'_>,
    account: AccountId,
    contract: i64,
    first_on: Date,
    except: &[i64],
) -> Result<Option<SegmentId>> {
    for segment in rows::later(tx, account, contract, first_on, except)? {
        if crate::invoice_model::calculation(&segment)?.charges_days() {
            return Ok(Some(SegmentId::new(account, segment.id)));
        }
    }
    Ok(None)
}

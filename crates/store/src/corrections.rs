//! Corrections of posted bills: what was done, and the rows that they change. The account is locked before.

use crate::billing_inputs::ChargeRow;
use crate::bills::{Bill, Segment};
use crate::ledger::FtRow;
use crate::schema::{billable_charges as charges, bills, corrections, draws, fts, segments, swept_fts};
use crate::{Cursor, Page, Result, Tx};
use diesel::prelude::*;
use std::collections::HashMap;
use time::{Date, OffsetDateTime};
use vocab::{
    AccountId, BillId, BillState, ContractState, CorrectionId, CorrectionKind, DrawState, FtId, FtKind,
    Money, RebillProposalId, SegmentState, ServicePointId,
};

/// What was done to a posted bill.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = corrections, treat_none_as_default_value = false)]
pub struct Correction {
    /// Whose.
    pub account_id: AccountId,
    /// Row id.
    pub id: i64,
    /// The bill.
    pub bill_id: i64,
    /// What.
    pub kind: CorrectionKind,
    /// The document with the cancellations alone.
    pub credit_note_id: Option<i64>,
    /// The service point of the proposal that asked for it.
    pub service_point_id: Option<ServicePointId>,
    /// The proposal that asked for it.
    pub proposal_id: Option<i64>,
    /// The segments that were reversed.
    pub cancelled_segment_ids: Vec<i64>,
    /// The segments that were made.
    pub new_segment_ids: Vec<i64>,
    /// What the reversed segments had added to the balance.
    pub cancelled_minor: Money,
    /// What the new ones added.
    pub new_minor: Money,
    /// Why.
    pub reason: String,
    /// Opaque id of who did it.
    pub created_by: String,
    /// Business time.
    pub created_at: OffsetDateTime,
}

impl Correction {
    /// Its id.
    pub const fn correction_id(&self) -> CorrectionId {
        CorrectionId::new(self.account_id, self.id)
    }

    /// The bill.
    pub const fn bill(&self) -> BillId {
        BillId::new(self.account_id, self.bill_id)
    }

    /// The proposal that asked for it.
    pub fn proposal(&self) -> Option<RebillProposalId> {
        Some(RebillProposalId::new(self.service_point_id?, self.proposal_id?))
    }
}

/// Writes a correction.
pub fn insert(tx: &mut Tx<'_>, row: &Correction) -> Result<()> {
    diesel::insert_into(corrections::table).values(row).execute(tx.conn)?;
    Ok(())
}

/// One correction.
pub fn find(tx: &mut Tx<'_>, id: CorrectionId) -> Result<Option<Correction>> {
    Ok(corrections::table.find((id.owner, id.n)).select(Correction::as_select()).first(tx.conn).optional()?)
}

/// The corrections of an account, or of one of its bills, newest first.
pub fn list(
    tx: &mut Tx<'_>,
    account: AccountId,
    bill: Option<i64>,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Page<Correction>> {
    let mut query = corrections::table
        .filter(corrections::account_id.eq(account))
        .select(Correction::as_select())
        .into_boxed();
    if let Some(bill) = bill {
        query = query.filter(corrections::bill_id.eq(bill));
    }
    if let Some(last) = after.map(Cursor::one::<i64>).transpose()? {
        query = query.filter(corrections::id.lt(last));
    }
    let rows = query.order(corrections::id.desc()).limit(limit + 1).load(tx.conn)?;
    Ok(Page::from_rows(rows, limit, |row| Cursor::new([row.id])))
}

/// The segments of bills of an account that stand, also those made by corrections.
pub fn standing(tx: &mut Tx<'_>, account: AccountId, bills: &[i64]) -> Result<Vec<Segment>> {
    Ok(segments::table
        .filter(segments::account_id.eq(account).and(segments::bill_id.eq_any(bills)))
        .filter(segments::state.eq(SegmentState::Frozen))
        .select(Segment::as_select())
        .order(segments::id)
        .load(tx.conn)?)
}

/// A transaction that a segment posted, with the day that it falls due: its own, or that of the bill which
/// swept it up.
pub type SegmentFt = (FtRow, Option<Date>);

/// The transactions that segments of an account posted, by segment.
pub fn fts_of(tx: &mut Tx<'_>, account: AccountId, segments: &[i64]) -> Result<HashMap<i64, Vec<SegmentFt>>> {
    let rows: Vec<FtRow> = fts::table
        .filter(fts::account_id.eq(account).and(fts::kind.eq(FtKind::Segment)))
        .filter(fts::source_id.eq_any(segments))
        .select(FtRow::as_select())
        .order(fts::id)
        .load(tx.conn)?;
    let ids: Vec<i64> = rows.iter().filter(|row| row.due_on.is_none()).map(|row| row.id).collect();
    let swept: HashMap<i64, Date> = if ids.is_empty() {
        HashMap::new()
    } else {
        swept_fts::table
            .inner_join(
                bills::table
                    .on(bills::account_id.eq(swept_fts::account_id).and(bills::id.eq(swept_fts::bill_id))),
            )
            .filter(swept_fts::account_id.eq(account).and(swept_fts::ft_id.eq_any(ids)))
            .select((swept_fts::ft_id, bills::due_on))
            .load::<(i64, Date)>(tx.conn)?
            .into_iter()
            .collect()
    };
    let mut all: HashMap<i64, Vec<SegmentFt>> = HashMap::new();
    for row in rows {
        let due_on = row.due_on.or_else(|| swept.get(&row.id).copied());
        all.entry(row.source_id).or_default().push((row, due_on));
    }
    Ok(all)
}

/// Marks standing segments as reversed; answers how many there were. `withdrawn`: no document has shown them.
pub fn cancel_segments(tx: &mut Tx<'_>, account: AccountId, ids: &[i64], withdrawn: bool) -> Result<usize> {
    let standing = segments::table
        .filter(segments::account_id.eq(account).and(segments::id.eq_any(ids)))
        .filter(segments::state.eq(SegmentState::Frozen));
    Ok(diesel::update(standing)
        .set((segments::state.eq(SegmentState::Cancelled), segments::withdrawn.eq(withdrawn)))
        .execute(tx.conn)?)
}

/// The standing segments of a contract that end after a day, the latest first.
pub fn later(
    tx: &mut Tx<'_>,
    account: AccountId,
    contract: i64,
    after_on: Date,
    except: &[i64],
) -> Result<Vec<Segment>> {
    Ok(segments::table
        .filter(segments::account_id.eq(account).and(segments::contract_id.eq(contract)))
        .filter(segments::state.eq(SegmentState::Frozen).and(segments::last_on.gt(after_on)))
        .filter(segments::id.ne_all(except))
        .select(Segment::as_select())
        .order(segments::last_on.desc())
        .load(tx.conn)?)
}

/// The charges that segments of an account bill, with the segment.
pub fn charges_of(tx: &mut Tx<'_>, account: AccountId, segments: &[i64]) -> Result<Vec<(i64, ChargeRow)>> {
    Ok(charges::table
        .filter(charges::account_id.eq(account).and(charges::segment_id.eq_any(segments)))
        .select((charges::segment_id.assume_not_null(), ChargeRow::as_select()))
        .order(charges::id)
        .load(tx.conn)?)
}

/// Charges of reversed segments are on no segment again.
pub fn free_charges(tx: &mut Tx<'_>, account: AccountId, segments: &[i64]) -> Result<usize> {
    let billed =
        charges::table.filter(charges::account_id.eq(account).and(charges::segment_id.eq_any(segments)));
    Ok(diesel::update(billed).set(charges::segment_id.eq(None::<i64>)).execute(tx.conn)?)
}

/// Contracts that had ended themselves go on: they have no last day any more.
pub fn take_up(tx: &mut Tx<'_>, account: AccountId, contracts: &[i64]) -> Result<()> {
    use crate::schema::{contracts as table, service_point_contracts as services};
    if contracts.is_empty() {
        return Ok(());
    }
    diesel::update(table::table.filter(table::account_id.eq(account).and(table::id.eq_any(contracts))))
        .set((table::ends_on.eq(None::<Date>), table::state.eq(ContractState::Active)))
        .execute(tx.conn)?;
    let served =
        services::table.filter(services::account_id.eq(account).and(services::contract_id.eq_any(contracts)));
    diesel::update(served).set(services::ends_on.eq(None::<Date>)).execute(tx.conn)?;
    Ok(())
}

/// The open bills of these accounts: those that were reopened and not posted anew or given up.
pub fn open_bills(tx: &mut Tx<'_>, accounts: &[AccountId]) -> Result<Vec<BillId>> {
    let rows: Vec<(AccountId, i64)> = bills::table
        .filter(bills::account_id.eq_any(accounts).and(bills::state.eq(BillState::Pending)))
        .select((bills::account_id, bills::id))
        .order((bills::account_id, bills::id))
        .load(tx.conn)?;
    Ok(rows.into_iter().map(|(account, bill)| BillId::new(account, bill)).collect())
}

/// The latest correction of a bill's segments that stands: of those reversed or made by one, since it was posted.
pub fn corrected(tx: &mut Tx<'_>, id: BillId) -> Result<bool> {
    let touched = segments::table
        .filter(segments::account_id.eq(id.owner).and(segments::bill_id.eq(id.n)))
        .filter(diesel::dsl::not(segments::withdrawn))
        .filter(segments::state.eq(SegmentState::Cancelled).or(segments::rebills_id.is_not_null()));
    Ok(diesel::select(diesel::dsl::exists(touched)).get_result(tx.conn)?)
}

/// A bill, locked. The account is locked before.
pub fn lock_bill(tx: &mut Tx<'_>, id: BillId) -> Result<Option<Bill>> {
    Ok(bills::table
        .filter(bills::account_id.eq(id.owner).and(bills::id.eq(id.n)))
        .select(Bill::as_select())
        .for_no_key_update()
        .first(tx.conn)
        .optional()?)
}

/// Writes what becomes of a locked bill; its version goes up by one. Its number, dates of service and kind
/// stay.
pub fn save_bill(tx: &mut Tx<'_>, row: &Bill) -> Result<()> {
    diesel::update(bills::table.filter(bills::account_id.eq(row.account_id).and(bills::id.eq(row.id))))
        .set((
            bills::state.eq(row.state),
            bills::due_on.eq(row.due_on),
            bills::previous_bill_id.eq(row.previous_bill_id),
            bills::previous_minor.eq(row.previous_minor),
            bills::swept_minor.eq(row.swept_minor),
            bills::new_minor.eq(row.new_minor),
            bills::ending_minor.eq(row.ending_minor),
            bills::period_first_on.eq(row.period_first_on),
            bills::period_last_on.eq(row.period_last_on),
            bills::routings.eq(&row.routings),
            bills::messages.eq(&row.messages),
            bills::completed_at.eq(row.completed_at),
            bills::reopened_at.eq(row.reopened_at),
            bills::version.eq(row.version + 1),
        ))
        .execute(tx.conn)?;
    Ok(())
}

/// Takes off a bill what it swept up; answers how many transactions.
pub fn unsweep(tx: &mut Tx<'_>, id: BillId) -> Result<usize> {
    let swept = swept_fts::table.filter(swept_fts::account_id.eq(id.owner).and(swept_fts::bill_id.eq(id.n)));
    Ok(diesel::delete(swept).execute(tx.conn)?)
}

/// The transactions born on a bill, with what they added to the balance.
pub fn born_on(tx: &mut Tx<'_>, id: BillId) -> Result<Vec<(FtId, Money)>> {
    let rows: Vec<(i64, Money)> = fts::table
        .filter(fts::account_id.eq(id.owner).and(fts::born_on_bill_id.eq(id.n)))
        .select((fts::id, fts::current_minor))
        .order(fts::id)
        .load(tx.conn)?;
    Ok(rows.into_iter().map(|(ft, current)| (FtId::new(id.owner, ft), current)).collect())
}

/// The draws of a bill that have begun, or may have: their row ids.
pub fn collected(tx: &mut Tx<'_>, id: BillId) -> Result<Vec<i64>> {
    Ok(draws::table
        .filter(draws::account_id.eq(id.owner).and(draws::bill_id.eq(id.n)))
        .filter(draws::state.eq_any([
            DrawState::Submitting,
            DrawState::Pending,
            DrawState::Succeeded,
            DrawState::Unknown,
        ]))
        .select(draws::id)
        .order(draws::id)
        .load(tx.conn)?)
}

/// Ends what autopay was to draw for a bill.
pub fn withdraw_draws(tx: &mut Tx<'_>, id: BillId, reason: &str) -> Result<usize> {
    let planned = draws::table
        .filter(draws::account_id.eq(id.owner).and(draws::bill_id.eq(id.n)))
        .filter(draws::state.eq_any([DrawState::Planned, DrawState::Failed]));
    Ok(diesel::update(planned)
        .set((
            draws::state.eq(DrawState::Cancelled),
            draws::reason_code.eq(reason),
            draws::version.eq(draws::version + 1),
        ))
        .execute(tx.conn)?)
}

/// The bill after which another one of the account comes, if any: its own is complete and the latest then.
pub fn account_points_to(
    tx: &mut Tx<'_>,
    account: AccountId,
    bill: Option<i64>,
    ending: Money,
) -> Result<()> {
    use crate::schema::accounts;
    diesel::update(accounts::table.filter(accounts::account_id.eq(account)))
        .set((accounts::last_bill_id.eq(bill), accounts::last_bill_ending_minor.eq(ending)))
        .execute(tx.conn)?;
    Ok(())
}

//! Proposals to bill periods again: one per read that puts them in doubt.
//!
//! Invariants:
//! - of a register's reads of one day at most one has an open proposal: [`insert`] withdraws the one before;
//! - what is decided stays decided; every step is one of `billing::RebillEvent`, taken from `open` only.

use crate::schema::{reads, rebill_proposals as proposals, service_locations, service_points};
use crate::{Cursor, Page, Result, Tx};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Date as SqlDate, Text, Timestamptz};
use rust_decimal::Decimal;
use time::{Date, OffsetDateTime};
use vocab::{
    AccountId, ContractId, ReadId, ReadQuality, ReadingImportId, RebillKind, RebillProposalId, RebillState,
    RegisterId, ServicePointId, SiteId,
};

/// Why a proposal is withdrawn whose read gives way to another one of its day.
pub const REPLACED: &str = "a later read of the day took its place";

/// A proposal to bill periods again.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = proposals, treat_none_as_default_value = false)]
pub struct RebillProposal {
    /// Where.
    pub service_point_id: ServicePointId,
    /// Row id.
    pub id: i64,
    /// Of which register, by its row id.
    pub register_id: i64,
    /// The read, by its row id.
    pub read_id: i64,
    /// The day that it closes.
    pub read_on: Date,
    /// Why.
    pub kind: RebillKind,
    /// Whose billing it touches.
    pub account_ids: Vec<AccountId>,
    /// Their contracts, by row id, each at the place of its account.
    pub contract_ids: Vec<i64>,
    /// The day after the last good read before it.
    pub from_on: Date,
    /// The last billed day when it was made.
    pub through_on: Date,
    /// The day of the read that was billed and does not agree; none where the day had none.
    pub against_on: Option<Date>,
    /// Its value.
    pub against_value: Option<Decimal>,
    /// Its quality.
    pub against_quality: Option<ReadQuality>,
    /// Life.
    pub state: RebillState,
    /// Opaque id of the import, or of the person, that brought the read.
    pub created_by: String,
    /// Business time.
    pub created_at: OffsetDateTime,
    /// Opaque id of who decided, or whose act took the read away.
    pub decided_by: Option<String>,
    /// When.
    pub decided_at: Option<OffsetDateTime>,
    /// Why.
    pub decided_reason: Option<String>,
}

impl RebillProposal {
    /// Its id with its owner.
    pub fn proposal_id(&self) -> RebillProposalId {
        RebillProposalId::new(self.service_point_id, self.id)
    }

    /// Its register.
    pub fn register(&self) -> RegisterId {
        RegisterId::new(self.service_point_id, self.register_id)
    }

    /// Its read.
    pub fn read(&self) -> ReadId {
        ReadId::new(self.service_point_id, self.read_id)
    }

    /// The contracts whose billing it touches.
    pub fn contracts(&self) -> Vec<ContractId> {
        let of = |(account, contract): (&AccountId, &i64)| ContractId::new(*account, *contract);
        self.account_ids.iter().zip(&self.contract_ids).map(of).collect()
    }
}

/// Which proposals a list shows.
#[derive(Debug, Clone, Default)]
pub struct RebillFilter {
    /// Only at service points of these sites.
    pub sites: Option<Vec<SiteId>>,
    /// Only of this state.
    pub state: Option<RebillState>,
    /// Only of this kind.
    pub kind: Option<RebillKind>,
    /// Only those that touch this account's billing.
    pub account: Option<AccountId>,
    /// Only at this service point.
    pub point: Option<ServicePointId>,
}

/// Stores proposals by COPY; an open one of the same register and day is withdrawn first.
pub fn insert(tx: &mut Tx<'_>, rows: Vec<RebillProposal>, by: &str) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let days: Vec<(RegisterId, Date)> = rows.iter().map(|row| (row.register(), row.read_on)).collect();
    withdraw(tx, &days, "", by, REPLACED)?;
    diesel::copy_from(proposals::table).from_insertable(rows).execute(tx.conn)?;
    Ok(())
}

/// Withdraws the open proposals of these registers' days whose reads have been superseded; answers how many
/// there were. To be called after [`crate::reads::supersede`].
pub fn withdraw_superseded(tx: &mut Tx<'_>, days: &[(RegisterId, Date)], by: &str) -> Result<usize> {
    let is_superseded = "AND EXISTS (SELECT 1 FROM reads r WHERE r.service_point_id = p.service_point_id \
                         AND r.id = p.read_id AND r.status = 'superseded')";
    withdraw(tx, days, is_superseded, by, REPLACED)
}

fn withdraw(
    tx: &mut Tx<'_>,
    days: &[(RegisterId, Date)],
    only: &str,
    by: &str,
    reason: &str,
) -> Result<usize> {
    if days.is_empty() {
        return Ok(0);
    }
    let points: Vec<i64> = days.iter().map(|(register, _)| register.owner.0).collect();
    let registers: Vec<i64> = days.iter().map(|(register, _)| register.n).collect();
    let dates: Vec<Date> = days.iter().map(|(_, day)| *day).collect();
    Ok(diesel::sql_query(format!(
        "UPDATE rebill_proposals p SET state = 'withdrawn', decided_by = $4, decided_at = $5, decided_reason = $6 \
         FROM (SELECT DISTINCT * FROM UNNEST($1, $2, $3) AS day (service_point_id, register_id, read_on)) AS day \
         WHERE p.service_point_id = day.service_point_id AND p.register_id = day.register_id \
         AND p.read_on = day.read_on AND p.state = 'open' {only}"
    ))
    .bind::<Array<BigInt>, _>(points)
    .bind::<Array<BigInt>, _>(registers)
    .bind::<Array<SqlDate>, _>(dates)
    .bind::<Text, _>(by)
    .bind::<Timestamptz, _>(tx.as_of())
    .bind::<Text, _>(reason)
    .execute(tx.conn)?)
}

/// Withdraws the open proposals of what an import brought at these service points; answers how many there
/// were.
pub fn withdraw_import(
    tx: &mut Tx<'_>,
    import: ReadingImportId,
    points: &[ServicePointId],
    by: &str,
    reason: &str,
) -> Result<usize> {
    Ok(diesel::sql_query(
        "UPDATE rebill_proposals p SET state = 'withdrawn', decided_by = $3, decided_at = $4, decided_reason = $5 \
         FROM reads r WHERE r.service_point_id = p.service_point_id AND r.id = p.read_id AND r.import_id = $1 \
         AND p.service_point_id = ANY($2) AND p.state = 'open'",
    )
    .bind::<BigInt, _>(import.0)
    .bind::<Array<BigInt>, _>(points)
    .bind::<Text, _>(by)
    .bind::<Timestamptz, _>(tx.as_of())
    .bind::<Text, _>(reason)
    .execute(tx.conn)?)
}

/// Decides about a proposal that is still open; `false` otherwise.
pub fn decide(
    tx: &mut Tx<'_>,
    id: RebillProposalId,
    state: RebillState,
    by: &str,
    reason: &str,
) -> Result<bool> {
    let at = tx.as_of();
    let open = proposals::table.find((id.owner, id.n)).filter(proposals::state.eq(RebillState::Open));
    let changed = diesel::update(open)
        .set((
            proposals::state.eq(state),
            proposals::decided_by.eq(by),
            proposals::decided_at.eq(at),
            proposals::decided_reason.eq(reason),
        ))
        .execute(tx.conn)?;
    Ok(changed == 1)
}

/// The open proposal of a read.
pub fn open_of(tx: &mut Tx<'_>, read: ReadId) -> Result<Option<RebillProposalId>> {
    let of_read = proposals::service_point_id.eq(read.owner).and(proposals::read_id.eq(read.n));
    let found: Option<i64> = proposals::table
        .filter(of_read.and(proposals::state.eq(RebillState::Open)))
        .select(proposals::id)
        .first(tx.conn)
        .optional()?;
    Ok(found.map(|id| RebillProposalId::new(read.owner, id)))
}

/// Which of these accounts an open proposal keeps from being billed on: their charged days end on an estimate
/// that a later read lies below. Each account once, ascending.
pub fn doubting(tx: &mut Tx<'_>, accounts: &[AccountId]) -> Result<Vec<(AccountId, RebillProposalId)>> {
    let rows: Vec<(Vec<AccountId>, ServicePointId, i64)> = proposals::table
        .filter(proposals::account_ids.overlaps_with(accounts))
        .filter(
            proposals::state.eq(RebillState::Open).and(proposals::kind.eq(RebillKind::ActualBelowEstimate)),
        )
        .select((proposals::account_ids, proposals::service_point_id, proposals::id))
        .order((proposals::service_point_id, proposals::id))
        .load(tx.conn)?;
    let mut found: Vec<(AccountId, RebillProposalId)> = Vec::new();
    for (touched, point, id) in rows {
        let asked = touched.into_iter().filter(|account| accounts.contains(account));
        found.extend(asked.map(|account| (account, RebillProposalId::new(point, id))));
    }
    found.sort_by_key(|(account, _)| *account);
    found.dedup_by_key(|(account, _)| *account);
    Ok(found)
}

/// One proposal.
pub fn find(tx: &mut Tx<'_>, id: RebillProposalId) -> Result<Option<RebillProposal>> {
    Ok(proposals::table
        .find((id.owner, id.n))
        .select(RebillProposal::as_select())
        .first(tx.conn)
        .optional()?)
}

/// The open proposals that hold one of these reads.
pub fn holding(tx: &mut Tx<'_>, ids: &[ReadId]) -> Result<Vec<(ReadId, RebillProposalId)>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let points: Vec<ServicePointId> = ids.iter().map(|id| id.owner).collect();
    let numbers: Vec<i64> = ids.iter().map(|id| id.n).collect();
    let rows: Vec<(ServicePointId, i64, i64)> = proposals::table
        .filter(proposals::service_point_id.eq_any(points).and(proposals::read_id.eq_any(numbers)))
        // A read after the billed days is not held by its proposal.
        .filter(proposals::state.eq(RebillState::Open).and(proposals::read_on.le(proposals::through_on)))
        .select((proposals::service_point_id, proposals::read_id, proposals::id))
        .load(tx.conn)?;
    let of = |(point, read, id)| (ReadId::new(point, read), RebillProposalId::new(point, id));
    Ok(rows.into_iter().map(of).filter(|(read, _)| ids.contains(read)).collect())
}

/// Proposals with the values of their reads, by service point.
pub fn list(
    tx: &mut Tx<'_>,
    filter: &RebillFilter,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Page<(RebillProposal, Decimal)>> {
    let of_read =
        reads::service_point_id.eq(proposals::service_point_id).and(reads::id.eq(proposals::read_id));
    let mut query = proposals::table
        .inner_join(reads::table.on(of_read))
        .select((RebillProposal::as_select(), reads::value))
        .into_boxed();
    if let Some(sites) = &filter.sites {
        let at = service_points::table
            .inner_join(service_locations::table.on(service_locations::id.eq(service_points::location_id)))
            .filter(service_locations::site_id.eq_any(sites.clone()))
            .select(service_points::service_point_id);
        query = query.filter(proposals::service_point_id.eq_any(at));
    }
    if let Some(state) = filter.state {
        query = query.filter(proposals::state.eq(state));
    }
    if let Some(kind) = filter.kind {
        query = query.filter(proposals::kind.eq(kind));
    }
    if let Some(account) = filter.account {
        query = query.filter(proposals::account_ids.contains(vec![account]));
    }
    if let Some(point) = filter.point {
        query = query.filter(proposals::service_point_id.eq(point));
    }
    if let Some((point, id)) = after.map(Cursor::two::<i64, i64>).transpose()? {
        let point = ServicePointId(point);
        let is_next = proposals::service_point_id.eq(point).and(proposals::id.gt(id));
        query = query.filter(proposals::service_point_id.gt(point).or(is_next));
    }
    let rows = query.order((proposals::service_point_id, proposals::id)).limit(limit + 1).load(tx.conn)?;
    Ok(Page::from_rows(rows, limit, |(row, _): &(RebillProposal, Decimal)| {
        Cursor::new([row.service_point_id.0, row.id])
    }))
}

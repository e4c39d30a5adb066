//! Orders to read again: a register of a service point, or all of them.
//!
//! Invariants:
//! - a register has at most one open order, and so has a service point as a whole;
//! - an open order is done by the first read off the meter, or told by the customer, that comes in after it,
//!   also when it says what was known.

use crate::schema::{reads, reread_orders as orders, service_locations, service_points};
use crate::{Cursor, Page, Result, Tx};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Timestamptz};
use rust_decimal::Decimal;
use std::collections::HashSet;
use time::{Date, OffsetDateTime};
use vocab::{
    AccountId, ReadStatus, ReadingImportId, RegisterId, RereadOrderId, RereadState, ServicePointId, SiteId,
};

/// An order to read again.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = orders, treat_none_as_default_value = false)]
pub struct RereadOrder {
    /// Where.
    pub service_point_id: ServicePointId,
    /// Row id.
    pub id: i64,
    /// Which register, by its row id; none: all of the service point.
    pub register_id: Option<i64>,
    /// Why.
    pub reason: String,
    /// Life.
    pub state: RereadState,
    /// Opaque id of who ordered it.
    pub ordered_by: String,
    /// Business time.
    pub ordered_at: OffsetDateTime,
    /// Whose flag's review ordered it.
    pub flag_account_id: Option<AccountId>,
    /// Row id of that flag.
    pub flag_id: Option<i64>,
    /// Row id of the read that did it.
    pub read_id: Option<i64>,
    /// When.
    pub done_at: Option<OffsetDateTime>,
    /// Opaque id of who took it back.
    pub cancelled_by: Option<String>,
    /// When.
    pub cancelled_at: Option<OffsetDateTime>,
    /// Why.
    pub cancelled_reason: Option<String>,
}

impl RereadOrder {
    /// Its id with its owner.
    pub fn order_id(&self) -> RereadOrderId {
        RereadOrderId::new(self.service_point_id, self.id)
    }
}

/// Which orders a list shows.
#[derive(Debug, Clone, Default)]
pub struct RereadFilter {
    /// Only at service points of these sites.
    pub sites: Option<Vec<SiteId>>,
    /// Only of this state.
    pub state: Option<RereadState>,
}

/// Places orders, those aside whose register or service point has an open one; answers the row ids of
/// those that were placed.
pub fn insert(tx: &mut Tx<'_>, rows: &[RereadOrder]) -> Result<Vec<i64>> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    Ok(diesel::insert_into(orders::table)
        .values(rows)
        .on_conflict_do_nothing()
        .returning(orders::id)
        .get_results(tx.conn)?)
}

/// One order.
pub fn find(tx: &mut Tx<'_>, id: RereadOrderId) -> Result<Option<RereadOrder>> {
    Ok(orders::table.find((id.owner, id.n)).select(RereadOrder::as_select()).first(tx.conn).optional()?)
}

/// Orders, by service point.
pub fn list(
    tx: &mut Tx<'_>,
    filter: &RereadFilter,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Page<RereadOrder>> {
    let mut query = orders::table.select(RereadOrder::as_select()).into_boxed();
    if let Some(sites) = &filter.sites {
        let at = service_points::table
            .inner_join(service_locations::table.on(service_locations::id.eq(service_points::location_id)))
            .filter(service_locations::site_id.eq_any(sites.clone()))
            .select(service_points::service_point_id);
        query = query.filter(orders::service_point_id.eq_any(at));
    }
    if let Some(state) = filter.state {
        query = query.filter(orders::state.eq(state));
    }
    if let Some((point, id)) = after.map(Cursor::two::<i64, i64>).transpose()? {
        let point = ServicePointId(point);
        query = query.filter(
            orders::service_point_id.gt(point).or(orders::service_point_id.eq(point).and(orders::id.gt(id))),
        );
    }
    let rows = query.order((orders::service_point_id, orders::id)).limit(limit + 1).load(tx.conn)?;
    Ok(Page::from_rows(rows, limit, |row: &RereadOrder| Cursor::new([row.service_point_id.0, row.id])))
}

/// What is open at service points: register by its row id, none where all of them are meant.
pub fn open_at(
    tx: &mut Tx<'_>,
    points: &[ServicePointId],
) -> Result<Vec<(ServicePointId, Option<i64>, i64)>> {
    Ok(orders::table
        .filter(orders::service_point_id.eq_any(points).and(orders::state.eq(RereadState::Open)))
        .select((orders::service_point_id, orders::register_id, orders::id))
        .order((orders::service_point_id, orders::id))
        .load(tx.conn)?)
}

/// The service points with an open order, ascending.
pub fn open_points(tx: &mut Tx<'_>) -> Result<Vec<ServicePointId>> {
    Ok(orders::table
        .filter(orders::state.eq(RereadState::Open))
        .select(orders::service_point_id)
        .distinct()
        .order(orders::service_point_id)
        .load(tx.conn)?)
}

/// Whether any order is open anywhere.
fn is_any_open(tx: &mut Tx<'_>) -> Result<bool> {
    let open = orders::table.filter(orders::state.eq(RereadState::Open)).select(orders::id);
    Ok(open.first::<i64>(tx.conn).optional()?.is_some())
}

/// The open orders of these registers, and of their service points as a whole, are done by these reads
/// (register, row id of the read); answers how many. To be called with reads off the meter or told by the
/// customer, in the transaction that stored them.
pub fn fulfil(tx: &mut Tx<'_>, reads: &[(RegisterId, i64)]) -> Result<usize> {
    let mut points: Vec<ServicePointId> = reads.iter().map(|(register, _)| register.owner).collect();
    points.sort_unstable();
    points.dedup();
    // Mostly there is none: the rows are compared only where there are some.
    if points.is_empty() || !is_any_open(tx)? || open_at(tx, &points)?.is_empty() {
        return Ok(0);
    }
    let points: Vec<i64> = reads.iter().map(|(register, _)| register.owner.0).collect();
    let registers: Vec<i64> = reads.iter().map(|(register, _)| register.n).collect();
    let ids: Vec<i64> = reads.iter().map(|(_, id)| *id).collect();
    Ok(diesel::sql_query(
        "UPDATE reread_orders o SET state = 'done', done_at = $4, read_id = (\
           SELECT min(r.id) FROM UNNEST($1, $2, $3) AS r (service_point_id, register_id, id) \
           WHERE r.service_point_id = o.service_point_id \
           AND (o.register_id IS NULL OR r.register_id = o.register_id)) \
         WHERE o.state = 'open' AND o.service_point_id = ANY($1) AND (o.register_id IS NULL OR \
         (o.service_point_id, o.register_id) IN (SELECT * FROM UNNEST($1, $2)))",
    )
    .bind::<Array<BigInt>, _>(points)
    .bind::<Array<BigInt>, _>(registers)
    .bind::<Array<BigInt>, _>(ids)
    .bind::<Timestamptz, _>(tx.as_of())
    .execute(tx.conn)?)
}

/// The same by reads that were known already, of a day and value: whoever went there saw what had been said.
pub fn confirm(tx: &mut Tx<'_>, seen: &[(RegisterId, Date, Decimal)]) -> Result<usize> {
    let mut points: Vec<ServicePointId> = seen.iter().map(|(register, ..)| register.owner).collect();
    points.sort_unstable();
    points.dedup();
    if points.is_empty() || !is_any_open(tx)? {
        return Ok(0);
    }
    let ordered: HashSet<ServicePointId> =
        open_at(tx, &points)?.into_iter().map(|(point, ..)| point).collect();
    let seen: HashSet<_> = seen.iter().filter(|(register, ..)| ordered.contains(&register.owner)).collect();
    let (Some(from), Some(to)) = (seen.iter().map(|of| of.1).min(), seen.iter().map(|of| of.1).max()) else {
        return Ok(0);
    };
    let rows: Vec<(ServicePointId, i64, i64, Date, Decimal)> = reads::table
        .filter(
            reads::service_point_id
                .eq_any(&ordered)
                .and(reads::read_on.between(from, to))
                .and(reads::status.eq_any([ReadStatus::Valid, ReadStatus::Held])),
        )
        .select((reads::service_point_id, reads::id, reads::register_id, reads::read_on, reads::value))
        .load(tx.conn)?;
    let same = rows.into_iter().filter_map(|(point, id, register, on, value)| {
        let register = RegisterId::new(point, register);
        seen.contains(&(register, on, value)).then_some((register, id))
    });
    fulfil(tx, &same.collect::<Vec<_>>())
}

/// The orders at these service points that reads of an import did, which is undone, are done by the next
/// read that was stored after those, or open again, one a register; what has been ordered anew stays with
/// the newer order. Answers how many are open again.
pub fn reopen(tx: &mut Tx<'_>, import: ReadingImportId, points: &[ServicePointId]) -> Result<usize> {
    const DONE_BY_IT: &str = "o.service_point_id = ANY($2) AND o.state = 'done' AND EXISTS (\
        SELECT 1 FROM reads r WHERE r.service_point_id = o.service_point_id AND r.id = o.read_id \
        AND r.import_id = $1)";
    diesel::sql_query(format!(
        "UPDATE reread_orders o SET read_id = (\
           SELECT min(r.id) FROM reads r WHERE r.service_point_id = o.service_point_id AND r.id > o.read_id \
           AND (o.register_id IS NULL OR r.register_id = o.register_id) AND r.import_id IS DISTINCT FROM $1 \
           AND r.status IN ('valid', 'held') AND r.quality IN ('actual', 'customer')) \
         WHERE {DONE_BY_IT} AND EXISTS (\
           SELECT 1 FROM reads r WHERE r.service_point_id = o.service_point_id AND r.id > o.read_id \
           AND (o.register_id IS NULL OR r.register_id = o.register_id) AND r.import_id IS DISTINCT FROM $1 \
           AND r.status IN ('valid', 'held') AND r.quality IN ('actual', 'customer'))"
    ))
    .bind::<BigInt, _>(import.0)
    .bind::<Array<BigInt>, _>(points)
    .execute(tx.conn)?;
    Ok(diesel::sql_query(format!(
        "UPDATE reread_orders SET state = 'open', done_at = NULL, read_id = NULL FROM (\
           SELECT DISTINCT ON (o.service_point_id, coalesce(o.register_id, 0)) o.service_point_id, o.id \
           FROM reread_orders o WHERE {DONE_BY_IT} AND NOT EXISTS (\
             SELECT 1 FROM reread_orders n WHERE n.service_point_id = o.service_point_id AND n.state = 'open' \
             AND coalesce(n.register_id, 0) = coalesce(o.register_id, 0)) \
           ORDER BY o.service_point_id, coalesce(o.register_id, 0), o.ordered_at DESC, o.id DESC) last \
         WHERE reread_orders.service_point_id = last.service_point_id AND reread_orders.id = last.id"
    ))
    .bind::<BigInt, _>(import.0)
    .bind::<Array<BigInt>, _>(points)
    .execute(tx.conn)?)
}

/// Takes back an order that is still open; `false` otherwise.
pub fn cancel(tx: &mut Tx<'_>, id: RereadOrderId, by: &str, reason: &str) -> Result<bool> {
    let at = tx.as_of();
    let open = orders::table.find((id.owner, id.n)).filter(orders::state.eq(RereadState::Open));
    let changed = diesel::update(open)
        .set((
            orders::state.eq(RereadState::Cancelled),
            orders::cancelled_by.eq(by),
            orders::cancelled_at.eq(at),
            orders::cancelled_reason.eq(reason),
        ))
        .execute(tx.conn)?;
    Ok(changed == 1)
}

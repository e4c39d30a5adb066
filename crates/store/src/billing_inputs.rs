//! What bills are made from, for many accounts at once: contracts and charges by account, service
//! points and their meters by service point. Nothing joins across the two.

use crate::schema::{billable_charges as charges, contracts, segments, service_points};
use crate::{JsonText, Result, Tx};
use diesel::pg::PgRowByRowLoadingMode;
use diesel::prelude::*;
use time::Date;
use vocab::{AccountId, ContractState, ContractTypeId, GlAccountId, Money, RateScheduleId, ServicePointId};

/// A contract as billing needs it.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = contracts)]
pub struct ContractRow {
    /// Whose.
    pub account_id: AccountId,
    /// Row id.
    pub id: i64,
    /// Its type.
    pub contract_type_id: ContractTypeId,
    /// Its rate.
    pub schedule_id: Option<RateScheduleId>,
    /// Where it is metered.
    pub service_point_id: Option<ServicePointId>,
    /// First charged day.
    pub starts_on: Date,
    /// Last charged day.
    pub ends_on: Option<Date>,
    /// Last day that has been charged.
    pub billed_through_on: Option<Date>,
    /// Life.
    pub state: ContractState,
    /// Counts by name, decimals in strings.
    pub items: JsonText,
    /// Characteristics by name.
    pub characteristics: JsonText,
    /// The plain amount of a recurring contract.
    pub recurring_minor: Option<Money>,
    /// Its name on the bill.
    pub recurring_label: Option<JsonText>,
    /// The contract that it rests on.
    pub master_contract_id: Option<i64>,
    /// What it has agreed beyond its rate.
    pub terms: Option<JsonText>,
    /// How far these terms have come.
    pub progress_minor: Money,
    /// Held up to and including this day.
    pub held_until_on: Option<Date>,
    /// Why.
    pub hold_reason: Option<String>,
    /// How many segments it has had.
    pub segments: i32,
}

/// A charge that is on no segment.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = charges)]
pub struct ChargeRow {
    /// Whose.
    pub account_id: AccountId,
    /// Row id.
    pub id: i64,
    /// Under which contract.
    pub contract_id: i64,
    /// From when it may be billed.
    pub due_on: Date,
    /// How much.
    pub amount_minor: Money,
    /// Its name on the bill.
    pub label: JsonText,
    /// The ledger account to credit.
    pub gl_id: Option<GlAccountId>,
}

/// States of contracts that may still be billed.
const OPEN: [ContractState; 3] = [ContractState::Pending, ContractState::Active, ContractState::Stopped];

/// Contracts of accounts that may still be billed, by account; with a day those, too, that are closed and did
/// not end before it.
pub fn contracts(
    tx: &mut Tx<'_>,
    accounts: &[AccountId],
    closed_since: Option<Date>,
) -> Result<Vec<ContractRow>> {
    let mut query = contracts::table
        .filter(contracts::account_id.eq_any(accounts))
        .select(ContractRow::as_select())
        .order((contracts::account_id, contracts::id))
        .into_boxed();
    let is_open = contracts::state.eq_any(OPEN);
    query = match closed_since {
        Some(day) => {
            let has_just_closed = contracts::state.eq(ContractState::Closed).and(contracts::ends_on.ge(day));
            query.filter(is_open.or(has_just_closed.assume_not_null()))
        }
        None => query.filter(is_open),
    };
    Ok(query.load(tx.conn)?)
}

/// Contracts of accounts whatever has become of them, by account.
pub fn all_contracts(tx: &mut Tx<'_>, accounts: &[AccountId]) -> Result<Vec<ContractRow>> {
    Ok(contracts::table
        .filter(contracts::account_id.eq_any(accounts))
        .select(ContractRow::as_select())
        .order((contracts::account_id, contracts::id))
        .load(tx.conn)?)
}

/// Charges of accounts that are on no segment, by account. Those that are not due yet are among
/// them: they keep their contract open.
pub fn charges(tx: &mut Tx<'_>, accounts: &[AccountId]) -> Result<Vec<ChargeRow>> {
    Ok(charges::table
        .filter(charges::account_id.eq_any(accounts).and(charges::segment_id.is_null()))
        .select(ChargeRow::as_select())
        .order((charges::account_id, charges::id))
        .load(tx.conn)?)
}

/// Holds the service points of accounts as they are until the transaction ends: who writes reads
/// or changes meters there waits. The accounts are locked before; points are locked ascending.
pub fn hold_points(tx: &mut Tx<'_>, accounts: &[AccountId]) -> Result<()> {
    let theirs = points_of(tx, accounts)?;
    let _: Vec<ServicePointId> = service_points::table
        .filter(service_points::service_point_id.eq_any(theirs))
        .select(service_points::service_point_id)
        .order(service_points::service_point_id)
        .for_share()
        .load(tx.conn)?;
    Ok(())
}

/// Locks the service points of accounts, and one more, for who bills them again and writes reads there: at
/// once and ascending, since two that share a point first would wait for each other.
pub fn lock_points(tx: &mut Tx<'_>, accounts: &[AccountId], and: ServicePointId) -> Result<()> {
    let mut all = points_of(tx, accounts)?;
    all.push(and);
    let _: Vec<ServicePointId> = service_points::table
        .filter(service_points::service_point_id.eq_any(all))
        .select(service_points::service_point_id)
        .order(service_points::service_point_id)
        .for_no_key_update()
        .load(tx.conn)?;
    Ok(())
}

fn points_of(tx: &mut Tx<'_>, accounts: &[AccountId]) -> Result<Vec<ServicePointId>> {
    let theirs: Vec<Option<ServicePointId>> = contracts::table
        .filter(contracts::account_id.eq_any(accounts).and(contracts::service_point_id.is_not_null()))
        .select(contracts::service_point_id)
        .load(tx.conn)?;
    Ok(theirs.into_iter().flatten().collect())
}

/// Characteristics of service points, ascending.
pub fn characteristics(
    tx: &mut Tx<'_>,
    points: &[ServicePointId],
) -> Result<Vec<(ServicePointId, JsonText)>> {
    Ok(service_points::table
        .filter(service_points::service_point_id.eq_any(points))
        .select((service_points::service_point_id, service_points::characteristics))
        .order(service_points::service_point_id)
        .load(tx.conn)?)
}

/// An earlier segment of a contract whose rate looks back.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = segments)]
pub struct PastSegment {
    /// Whose.
    pub account_id: AccountId,
    /// Of which contract.
    pub contract_id: i64,
    /// First charged day.
    pub first_on: Date,
    /// Last charged day.
    pub last_on: Date,
    /// Its arithmetic.
    pub document: JsonText,
}

/// The latest live segments of a contract, the last first.
pub fn latest_segments(tx: &mut Tx<'_>, contract: vocab::ContractId, most: i64) -> Result<Vec<PastSegment>> {
    Ok(segments::table
        .filter(segments::account_id.eq(contract.owner).and(segments::contract_id.eq(contract.n)))
        .filter(segments::state.eq("frozen"))
        .select(PastSegment::as_select())
        .order(segments::last_on.desc())
        .limit(most)
        .load(tx.conn)?)
}

/// Hands over the live segments of these contracts that ended between two days, by account, contract
/// and day, one after the other.
pub fn each_past_segment<E: From<crate::Error>>(
    tx: &mut Tx<'_>,
    contracts: &[(AccountId, i64)],
    days: (Date, Date),
    work: impl FnMut(PastSegment) -> std::result::Result<(), E>,
) -> std::result::Result<(), E> {
    let (accounts, ids): (Vec<AccountId>, Vec<i64>) = contracts.iter().copied().unzip();
    let rows = segments::table
        .filter(segments::account_id.eq_any(accounts).and(segments::contract_id.eq_any(ids)))
        .filter(segments::state.eq("frozen").and(segments::last_on.between(days.0, days.1)))
        .select(PastSegment::as_select())
        .order((segments::account_id, segments::contract_id, segments::first_on))
        .load_iter::<PastSegment, PgRowByRowLoadingMode>(tx.conn)
        .map_err(crate::Error::from)?;
    crate::db::each(rows, work)
}

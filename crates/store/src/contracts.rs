//! Contracts of accounts, and who is served where.
//!
//! Contracts at one service point never overlap, across accounts: whoever writes a link takes
//! [`lock_service_point`] first, after the account's row, and looks for [`overlapping`] then.

use crate::schema::{contracts, service_point_contracts as links};
use crate::{Cursor, Page, Result, Tx};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Date as SqlDate};
use serde_json::Value;
use time::Date;
use vocab::{
    AccountId, ContractId, ContractState, ContractTypeId, LocationId, Money, RateScheduleId, ServicePointId,
};

/// An account's agreement for a service.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = contracts, treat_none_as_default_value = false)]
pub struct Contract {
    /// Whose.
    pub account_id: AccountId,
    /// Row id.
    pub id: i64,
    /// Its type.
    pub contract_type_id: ContractTypeId,
    /// Its rate.
    pub schedule_id: Option<RateScheduleId>,
    /// Where it is delivered, when that is one service point.
    pub service_point_id: Option<ServicePointId>,
    /// At which address.
    pub location_id: LocationId,
    /// First charged day.
    pub starts_on: Date,
    /// Last charged day.
    pub ends_on: Option<Date>,
    /// Last day that has been charged.
    pub billed_through_on: Option<Date>,
    /// Life.
    pub state: ContractState,
    /// Counts by name, decimals in strings.
    pub items: Value,
    /// Characteristics by name.
    pub characteristics: Value,
    /// The plain amount per month of a recurring contract.
    pub recurring_minor: Option<Money>,
    /// Its name on the bill, by language.
    pub recurring_label: Option<Value>,
    /// The contract that it rests on.
    pub master_contract_id: Option<i64>,
    /// What it has agreed beyond its rate.
    pub terms: Option<Value>,
    /// How far these terms have come.
    pub progress_minor: Money,
    /// Held out of billing up to and including this day.
    pub held_until_on: Option<Date>,
    /// Why.
    pub hold_reason: Option<String>,
    /// How many segments it has had.
    pub segments: i32,
    /// Goes up by one with every change.
    pub version: i64,
}

impl Contract {
    /// Its id.
    pub const fn contract_id(&self) -> ContractId {
        ContractId::new(self.account_id, self.id)
    }
}

/// A contract at a service point.
#[derive(Debug, Clone, Copy, Queryable, Selectable, Insertable)]
#[diesel(table_name = links, treat_none_as_default_value = false)]
struct Link {
    service_point_id: ServicePointId,
    account_id: AccountId,
    contract_id: i64,
    starts_on: Date,
    ends_on: Option<Date>,
}

/// Adds contracts, with their links to service points.
pub fn insert(tx: &mut Tx<'_>, rows: &[Contract]) -> Result<()> {
    diesel::insert_into(contracts::table).values(rows).execute(tx.conn)?;
    let served = links_of(rows);
    diesel::insert_into(links::table).values(served).execute(tx.conn)?;
    Ok(())
}

/// Adds many contracts, with their links to service points, by COPY.
pub fn copy_in(tx: &mut Tx<'_>, rows: &[Contract]) -> Result<()> {
    if !rows.is_empty() {
        diesel::copy_from(contracts::table).from_insertable(rows).execute(tx.conn)?;
    }
    let served = links_of(rows);
    if !served.is_empty() {
        diesel::copy_from(links::table).from_insertable(&served[..]).execute(tx.conn)?;
    }
    Ok(())
}

fn links_of(rows: &[Contract]) -> Vec<Link> {
    rows.iter()
        .filter_map(|row| {
            Some(Link {
                service_point_id: row.service_point_id?,
                account_id: row.account_id,
                contract_id: row.id,
                starts_on: row.starts_on,
                ends_on: row.ends_on,
            })
        })
        .collect()
}

/// One contract.
pub fn find(tx: &mut Tx<'_>, id: ContractId) -> Result<Option<Contract>> {
    Ok(contracts::table
        .filter(contracts::account_id.eq(id.owner).and(contracts::id.eq(id.n)))
        .select(Contract::as_select())
        .first(tx.conn)
        .optional()?)
}

/// The service points of contracts (account, row id), those without one left out.
pub fn points_of(
    tx: &mut Tx<'_>,
    of: &[(AccountId, i64)],
) -> Result<Vec<((AccountId, i64), ServicePointId)>> {
    let accounts: Vec<AccountId> = of.iter().map(|(account, _)| *account).collect();
    let ids: Vec<i64> = of.iter().map(|(_, id)| *id).collect();
    let rows: Vec<(AccountId, i64, Option<ServicePointId>)> = contracts::table
        .filter(contracts::account_id.eq_any(accounts).and(contracts::id.eq_any(ids)))
        .select((contracts::account_id, contracts::id, contracts::service_point_id))
        .load(tx.conn)?;
    Ok(rows.into_iter().filter_map(|(account, id, point)| Some(((account, id), point?))).collect())
}

/// The contracts of an account, oldest first.
pub fn of_account(
    tx: &mut Tx<'_>,
    account: AccountId,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Page<Contract>> {
    let mut query =
        contracts::table.filter(contracts::account_id.eq(account)).select(Contract::as_select()).into_boxed();
    if let Some(last) = after.map(Cursor::one::<i64>).transpose()? {
        query = query.filter(contracts::id.gt(last));
    }
    let rows = query.order(contracts::id).limit(limit + 1).load(tx.conn)?;
    Ok(Page::from_rows(rows, limit, |row| Cursor::new([row.id])))
}

/// The contracts of an account that may still be billed, each with the one that it rests on.
pub fn masters(tx: &mut Tx<'_>, account: AccountId) -> Result<Vec<(i64, Option<i64>)>> {
    Ok(contracts::table
        .filter(contracts::account_id.eq(account))
        .filter(contracts::state.ne_all([ContractState::Closed, ContractState::Cancelled]))
        .select((contracts::id, contracts::master_contract_id))
        .load(tx.conn)?)
}

/// Replaces what people may change of a contract, when `version` is still the stored one. What
/// billing writes (billed-through date, number of segments, progress of terms) is never written here.
pub fn update(tx: &mut Tx<'_>, row: &Contract, version: i64) -> Result<bool> {
    let stored = contracts::table.filter(
        contracts::account_id
            .eq(row.account_id)
            .and(contracts::id.eq(row.id))
            .and(contracts::version.eq(version)),
    );
    let changed = diesel::update(stored)
        .set((
            contracts::ends_on.eq(row.ends_on),
            contracts::state.eq(row.state),
            contracts::items.eq(&row.items),
            contracts::characteristics.eq(&row.characteristics),
            contracts::master_contract_id.eq(row.master_contract_id),
            contracts::terms.eq(&row.terms),
            contracts::held_until_on.eq(row.held_until_on),
            contracts::hold_reason.eq(&row.hold_reason),
            contracts::version.eq(version + 1),
        ))
        .execute(tx.conn)?;
    Ok(changed == 1)
}

/// First bytes of the advisory lock's name: "sp".
const SERVICE_POINT_LOCK: i64 = 0x7370 << 48;

/// Waits until nobody else changes who is served at the service point; held until the
/// transaction ends.
pub fn lock_service_point(tx: &mut Tx<'_>, id: ServicePointId) -> Result<()> {
    diesel::sql_query("SELECT pg_advisory_xact_lock($1)")
        .bind::<BigInt, _>(SERVICE_POINT_LOCK ^ id.0)
        .execute(tx.conn)?;
    Ok(())
}

/// The earliest contract at the service point that charges some of these days.
pub fn overlapping(
    tx: &mut Tx<'_>,
    service_point: ServicePointId,
    starts_on: Date,
    ends_on: Option<Date>,
) -> Result<Option<ContractId>> {
    let mut query = links::table
        .filter(links::service_point_id.eq(service_point))
        .filter(links::ends_on.is_null().or(links::ends_on.ge(starts_on)))
        .select((links::account_id, links::contract_id))
        .into_boxed();
    if let Some(last_on) = ends_on {
        query = query.filter(links::starts_on.le(last_on));
    }
    let found: Option<(AccountId, i64)> = query.order(links::starts_on).first(tx.conn).optional()?;
    Ok(found.map(|(account, id)| ContractId::new(account, id)))
}

/// The days of a contract at its service point end.
pub fn end_service(tx: &mut Tx<'_>, row: &Contract) -> Result<()> {
    diesel::update(
        links::table.filter(links::account_id.eq(row.account_id).and(links::contract_id.eq(row.id))),
    )
    .set(links::ends_on.eq(row.ends_on))
    .execute(tx.conn)?;
    Ok(())
}

/// The days of contracts at their service points end: account, contract, last day. For those that a
/// completion has ended.
pub fn end_services(tx: &mut Tx<'_>, ended: &[(AccountId, i64, Date)]) -> Result<()> {
    if ended.is_empty() {
        return Ok(());
    }
    let accounts: Vec<i64> = ended.iter().map(|row| row.0.0).collect();
    let ids: Vec<i64> = ended.iter().map(|row| row.1).collect();
    let days: Vec<Date> = ended.iter().map(|row| row.2).collect();
    diesel::sql_query(
        "UPDATE service_point_contracts l SET ends_on = m.ends_on \
         FROM (SELECT * FROM UNNEST($1, $2, $3) AS t (account, contract, ends_on)) m \
         WHERE l.account_id = ANY($1) AND l.account_id = m.account AND l.contract_id = m.contract",
    )
    .bind::<Array<BigInt>, _>(accounts)
    .bind::<Array<BigInt>, _>(ids)
    .bind::<Array<SqlDate>, _>(days)
    .execute(tx.conn)?;
    Ok(())
}

/// A contract never was at its service point.
pub fn unlink_service(tx: &mut Tx<'_>, row: &Contract) -> Result<()> {
    diesel::delete(
        links::table.filter(links::account_id.eq(row.account_id).and(links::contract_id.eq(row.id))),
    )
    .execute(tx.conn)?;
    Ok(())
}

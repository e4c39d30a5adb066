//! What a test compares with: the last bill's segments and charges, and services that have ended. Nothing of
//! it decides a charge.

use crate::schema::service_point_contracts as links;
use crate::{JsonText, Result, Tx};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Date as SqlDate, Json, Nullable};
use time::Date;
use vocab::{AccountId, Money, RateScheduleId, ServicePointId};

/// A segment of an account's last bill, or the latest of a contract.
#[derive(Debug, Clone, QueryableByName)]
pub struct LastSegmentRow {
    /// Whose.
    #[diesel(sql_type = BigInt)]
    pub account_id: AccountId,
    /// Of which contract.
    #[diesel(sql_type = BigInt)]
    pub contract_id: i64,
    /// Its rate then.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub schedule_id: Option<RateScheduleId>,
    /// First charged day.
    #[diesel(sql_type = SqlDate)]
    pub first_on: Date,
    /// Last charged day.
    #[diesel(sql_type = SqlDate)]
    pub last_on: Date,
    /// Sum of its lines.
    #[diesel(sql_type = BigInt)]
    pub total_minor: Money,
}

/// The segments of these bills (account, row id of its last bill), by account. A bill takes its id before its
/// segments do, so those of the last one are the last rows of the account.
pub fn last_segments(tx: &mut Tx<'_>, bills: &[(AccountId, i64)]) -> Result<Vec<LastSegmentRow>> {
    if bills.is_empty() {
        return Ok(Vec::new());
    }
    let (accounts, ids): (Vec<i64>, Vec<i64>) = bills.iter().map(|(account, id)| (account.0, *id)).unzip();
    Ok(diesel::sql_query(
        "SELECT s.account_id, s.contract_id, s.schedule_id, s.first_on, s.last_on, s.total_minor \
         FROM UNNEST($1, $2) AS last (account_id, bill_id) \
         JOIN segments s ON s.account_id = last.account_id AND s.id > last.bill_id AND s.bill_id = last.bill_id \
         WHERE s.state = 'frozen' ORDER BY s.account_id, s.contract_id",
    )
    .bind::<Array<BigInt>, _>(accounts)
    .bind::<Array<BigInt>, _>(ids)
    .load(tx.conn)?)
}

/// The latest live segment of each of these contracts (account, row id), by account.
pub fn latest_segments(tx: &mut Tx<'_>, contracts: &[(AccountId, i64)]) -> Result<Vec<LastSegmentRow>> {
    if contracts.is_empty() {
        return Ok(Vec::new());
    }
    let (accounts, ids): (Vec<i64>, Vec<i64>) =
        contracts.iter().map(|(account, id)| (account.0, *id)).unzip();
    Ok(diesel::sql_query(
        "SELECT s.account_id, s.contract_id, s.schedule_id, s.first_on, s.last_on, s.total_minor \
         FROM UNNEST($1, $2) AS of (account_id, contract_id) CROSS JOIN LATERAL ( \
           SELECT * FROM segments WHERE account_id = of.account_id AND contract_id = of.contract_id \
           AND state = 'frozen' ORDER BY last_on DESC, id DESC LIMIT 1) s ORDER BY s.account_id, s.contract_id",
    )
    .bind::<Array<BigInt>, _>(accounts)
    .bind::<Array<BigInt>, _>(ids)
    .load(tx.conn)?)
}

/// A charge on an account's last bill.
#[derive(Debug, Clone, QueryableByName)]
pub struct LastChargeRow {
    /// Whose.
    #[diesel(sql_type = BigInt)]
    pub account_id: AccountId,
    /// Its name on the bill.
    #[diesel(sql_type = Json)]
    pub label: JsonText,
    /// How much.
    #[diesel(sql_type = BigInt)]
    pub amount_minor: Money,
}

/// The charges on these bills (account, row id of its last bill), by account.
pub fn last_charges(tx: &mut Tx<'_>, bills: &[(AccountId, i64)]) -> Result<Vec<LastChargeRow>> {
    if bills.is_empty() {
        return Ok(Vec::new());
    }
    let (accounts, ids): (Vec<i64>, Vec<i64>) = bills.iter().map(|(account, id)| (account.0, *id)).unzip();
    Ok(diesel::sql_query(
        "SELECT c.account_id, c.label::json AS label, c.amount_minor \
         FROM UNNEST($1, $2) AS last (account_id, bill_id) \
         JOIN segments s ON s.account_id = last.account_id AND s.id > last.bill_id AND s.bill_id = last.bill_id \
         JOIN billable_charges c ON c.account_id = s.account_id AND c.segment_id = s.id \
         WHERE s.state = 'frozen' ORDER BY c.account_id, c.id",
    )
    .bind::<Array<BigInt>, _>(accounts)
    .bind::<Array<BigInt>, _>(ids)
    .load(tx.conn)?)
}

/// Who is served at these service points: first day and last, by service point.
pub fn served(
    tx: &mut Tx<'_>,
    points: &[ServicePointId],
) -> Result<Vec<(ServicePointId, Date, Option<Date>)>> {
    Ok(links::table
        .filter(links::service_point_id.eq_any(points))
        .select((links::service_point_id, links::starts_on, links::ends_on))
        .order((links::service_point_id, links::starts_on))
        .load(tx.conn)?)
}

//! Who is served at service points, as what class, and through which day they have been billed.

use crate::schema::{contracts, service_point_contracts as links};
use crate::{Result, Tx};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Text};
use std::collections::HashMap;
use time::Date;
use vocab::{AccountId, ContractId, ContractState, ServicePointId};

/// A contract at a service point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Where.
    pub service_point: ServicePointId,
    /// Whose.
    pub contract: ContractId,
    /// Code of the customer class.
    pub class_code: String,
    /// First charged day.
    pub starts_on: Date,
    /// Last charged day.
    pub ends_on: Option<Date>,
    /// Its life.
    pub state: ContractState,
    /// Last billed day.
    pub billed_through_on: Option<Date>,
}

impl Service {
    /// Whether it charges the day.
    pub fn covers(&self, day: Date) -> bool {
        self.state != ContractState::Cancelled
            && self.starts_on <= day
            && self.ends_on.is_none_or(|ends_on| day <= ends_on)
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = links)]
struct Link {
    service_point_id: ServicePointId,
    account_id: AccountId,
    contract_id: i64,
}

#[derive(QueryableByName)]
#[diesel(table_name = contracts)]
struct Contract {
    account_id: AccountId,
    id: i64,
    starts_on: Date,
    ends_on: Option<Date>,
    state: ContractState,
    billed_through_on: Option<Date>,
    #[diesel(sql_type = Text)]
    class_code: String,
}

/// [`services`], each service point's by first day.
pub fn services_by_point(
    tx: &mut Tx<'_>,
    service_points: &[ServicePointId],
) -> Result<HashMap<ServicePointId, Vec<Service>>> {
    let mut by_point: HashMap<ServicePointId, Vec<Service>> = HashMap::with_capacity(service_points.len());
    for service in services(tx, service_points)? {
        by_point.entry(service.service_point).or_default().push(service);
    }
    Ok(by_point)
}

/// The contracts at these service points, by service point and first day. Two queries.
pub fn services(tx: &mut Tx<'_>, service_points: &[ServicePointId]) -> Result<Vec<Service>> {
    let mut held: Vec<Link> = links::table
        .filter(links::service_point_id.eq_any(service_points))
        .select(Link::as_select())
        .load(tx.conn)?;
    held.sort_unstable_by_key(|link| (link.account_id, link.contract_id));
    let accounts: Vec<AccountId> = held.iter().map(|link| link.account_id).collect();
    let ids: Vec<i64> = held.iter().map(|link| link.contract_id).collect();
    let found: Vec<Contract> = diesel::sql_query(
        "SELECT c.account_id, c.id, c.starts_on, c.ends_on, c.state, c.billed_through_on, \
         a.class_code FROM contracts c JOIN UNNEST($1, $2) AS at (account_id, id) \
         ON c.account_id = at.account_id AND c.id = at.id \
         JOIN accounts a ON a.account_id = c.account_id",
    )
    .bind::<Array<BigInt>, _>(accounts)
    .bind::<Array<BigInt>, _>(ids)
    .load(tx.conn)?;
    let mut all: Vec<Service> = found
        .into_iter()
        .filter_map(|contract| {
            let at = held
                .binary_search_by_key(&(contract.account_id, contract.id), |link| {
                    (link.account_id, link.contract_id)
                })
                .ok()?;
            Some(Service {
                service_point: held.get(at)?.service_point_id,
                contract: ContractId::new(contract.account_id, contract.id),
                class_code: contract.class_code,
                starts_on: contract.starts_on,
                ends_on: contract.ends_on,
                state: contract.state,
                billed_through_on: contract.billed_through_on,
            })
        })
        .collect();
    all.sort_unstable_by_key(|service| (service.service_point, service.starts_on, service.contract));
    Ok(all)
}

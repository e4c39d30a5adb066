//! Who is served at service points, as what class, and through which day they have been billed.

use crate::schema::{accounts, contracts, service_point_contracts};
use crate::spans::{Spans, find, spanned};
use crate::{Error, Result, Tx};
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

spanned! {
    Link of service_point_contracts by (service_point_id: ServicePointId, account_id: AccountId, contract_id: i64)
    with {}
}

spanned! {
    Contract of contracts by (account_id: AccountId, id: i64) with {
        starts_on: Date,
        ends_on: Option<Date>,
        state: ContractState,
        billed_through_on: Option<Date>,
    }
}

spanned! {
    Account of accounts by (account_id: AccountId) with { class_code: String }
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

/// The contracts at these service points, by service point and first day. Three queries.
pub fn services(tx: &mut Tx<'_>, service_points: &[ServicePointId]) -> Result<Vec<Service>> {
    let links: Vec<Link> = Spans::of(service_points.iter().map(|id| id.0)).load(tx)?;
    let served = Spans::of(links.iter().map(|link| link.account_id.0));
    let contracts: Vec<Contract> = served.load(tx)?;
    let accounts: Vec<Account> = served.load(tx)?;
    let mut all = Vec::with_capacity(links.len());
    for link in links {
        let contract = find(&contracts, (link.account_id, link.contract_id));
        let (Some(contract), Some(account)) = (contract, find(&accounts, (link.account_id,))) else {
            let why = format!("contract {} is of no account", link.contract_id);
            return Err(Error::Corrupt { what: "service", why });
        };
        all.push(Service {
            service_point: link.service_point_id,
            contract: ContractId::new(link.account_id, link.contract_id),
            class_code: account.class_code.clone(),
            starts_on: contract.starts_on,
            ends_on: contract.ends_on,
            state: contract.state,
            billed_through_on: contract.billed_through_on,
        });
    }
    all.sort_unstable_by_key(|service| (service.service_point, service.starts_on, service.contract));
    Ok(all)
}

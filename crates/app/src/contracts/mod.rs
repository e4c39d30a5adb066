//! Contracts: starting, changing and stopping an account's service.
//!
//! Contracts at one service point never overlap: whoever starts one holds the account's row and
//! then the service point's lock until the transaction ends.

pub mod arrangements;
pub mod budget;
mod masters;
mod terms;

use crate::audit::{self, Action};
use crate::naming::{unknown, unless_stale};
use crate::runs::memory;
use crate::{App, Caller, Result, Utility, accounts};
use billing::Memory;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use store::contracts::Contract;
use store::{Cursor, Page, Tx};
use time::Date;
use vocab::dates::civil;
use vocab::{
    AccountId, AccountState, Code, ContractId, ContractState, ContractTypeId, Language, LocationId, Money,
    Problem, RateScheduleId, ServicePointId,
};

pub use billing::Terms;
pub use terms::agreed;
pub(crate) use terms::{check_reason as check_hold_reason, label};

/// A contract to start.
#[derive(Debug, Clone)]
pub struct NewContract {
    /// Its type.
    pub contract_type: ContractTypeId,
    /// Its rate, when its method rates.
    pub schedule: Option<RateScheduleId>,
    /// Where it is delivered, when that is one service point.
    pub service_point: Option<ServicePointId>,
    /// At which address; that of the service point when absent.
    pub location: Option<LocationId>,
    /// First charged day; today when absent.
    pub starts_on: Option<Date>,
    /// Last charged day, when it is known already.
    pub ends_on: Option<Date>,
    /// Counts by name, as decimal texts.
    pub items: BTreeMap<String, String>,
    /// Characteristics by name.
    pub characteristics: BTreeMap<String, String>,
    /// The plain amount per month of a recurring contract, with its name on the bill.
    pub recurring: Option<(Money, BTreeMap<Language, String>)>,
    /// The contract of the same account that it rests on.
    pub master: Option<ContractId>,
    /// A deposit or a loan.
    pub terms: Option<Terms>,
}

/// Changes of a contract; what is absent stays.
#[derive(Debug, Clone, Default)]
pub struct ContractChanges {
    /// Counts by name, all of them.
    pub items: Option<BTreeMap<String, String>>,
    /// Characteristics by name, all of them.
    pub characteristics: Option<BTreeMap<String, String>>,
    /// The contract that it rests on; `Some(None)` makes it rest on none.
    pub master: Option<Option<ContractId>>,
    /// Not billed before the day after; `Some(None)` lifts the hold.
    pub hold: Option<Option<(Date, String)>>,
}

/// Starts a contract. The account becomes active. Instalments are started by an arrangement, which takes
/// their principal out of what is asked.
pub fn start(tx: &mut Tx<'_>, caller: &Caller, account: AccountId, new: NewContract) -> Result<Contract> {
    terms::refuse_instalments(tx, &new)?;
    start_any(tx, caller, account, new)
}

fn start_any(tx: &mut Tx<'_>, caller: &Caller, account: AccountId, new: NewContract) -> Result<Contract> {
    let utility = Utility::load(tx)?;
    let mut account = accounts::lock(tx, caller, account)?;
    if !matches!(account.state, AccountState::Pending | AccountState::Active | AccountState::Final) {
        let detail = format!("the account is {}", account.state);
        return Err(Problem::new(Code::WrongState, detail).with("state", account.state).into());
    }
    let location = terms::place(tx, caller, &new)?;
    terms::check(tx, &utility, &new)?;
    let today = utility.day(tx.as_of());
    let starts_on = new.starts_on.unwrap_or(today);
    if new.ends_on.is_some_and(|ends_on| ends_on < starts_on) {
        return Err(Problem::field("/ends_on", Code::FieldRange, "not before the first day").into());
    }
    if let Some(service_point) = new.service_point {
        store::contracts::lock_service_point(tx, service_point)?;
        refuse_overlap(tx, service_point, starts_on, new.ends_on)?;
    }
    let id = tx.new_id()?;
    if let Some(master) = new.master {
        masters::check(tx, ContractId::new(account.account_id, id), master)?;
    }
    let (recurring_minor, recurring_label) = match new.recurring {
        Some((amount, texts)) => (Some(amount), Some(label("/recurring/label", texts)?)),
        None => (None, None),
    };
    let row = Contract {
        account_id: account.account_id,
        id,
        contract_type_id: new.contract_type,
        schedule_id: new.schedule,
        service_point_id: new.service_point,
        location_id: location,
        starts_on,
        ends_on: new.ends_on,
        billed_through_on: None,
        state: if starts_on > today { ContractState::Pending } else { ContractState::Active },
        items: terms::items(new.items)?,
        characteristics: terms::characteristics(new.characteristics)?,
        recurring_minor,
        recurring_label,
        master_contract_id: new.master.map(|master| master.n),
        terms: new.terms.as_ref().map(serde_json::to_value).transpose()?,
        progress_minor: Money::ZERO,
        held_until_on: None,
        hold_reason: None,
        segments: 0,
        version: 1,
    };
    store::contracts::insert(tx, std::slice::from_ref(&row))?;
    if account.state != AccountState::Active {
        account.state = AccountState::Active;
        unless_stale(store::accounts::update(tx, &account, account.version)?)?;
    }
    record(tx, caller, "contract.start", None, &row, None)?;
    Ok(row)
}

fn refuse_overlap(
    tx: &mut Tx<'_>,
    service_point: ServicePointId,
    starts_on: Date,
    ends_on: Option<Date>,
) -> Result<()> {
    match store::contracts::overlapping(tx, service_point, starts_on, ends_on)? {
        None => Ok(()),
        Some(other) => {
            let detail = Code::ContractsOverlap.meaning();
            Err(Problem::new(Code::ContractsOverlap, detail).with("contract", other).into())
        }
    }
}

/// A contract that the caller may see.
pub fn find(tx: &mut Tx<'_>, caller: &Caller, id: ContractId) -> Result<Contract> {
    accounts::find(tx, caller, id.owner)?;
    Ok(store::contracts::find(tx, id)?.ok_or_else(Problem::not_found)?)
}

/// A contract whose account is locked, when it is in one of these states.
fn lock_in(tx: &mut Tx<'_>, caller: &Caller, id: ContractId, states: &[ContractState]) -> Result<Contract> {
    accounts::lock(tx, caller, id.owner)?;
    let row = store::contracts::find(tx, id)?.ok_or_else(Problem::not_found)?;
    if states.contains(&row.state) {
        return Ok(row);
    }
    let detail = format!("the contract is {}", row.state);
    Err(Problem::new(Code::WrongState, detail).with("state", row.state).into())
}

const IN_FORCE: &[ContractState] = &[ContractState::Pending, ContractState::Active];
const OPEN: &[ContractState] = &[ContractState::Pending, ContractState::Active, ContractState::Stopped];

/// Refuses a contract that no charge can be put on any more.
pub(crate) fn lock_open(tx: &mut Tx<'_>, caller: &Caller, id: ContractId) -> Result<Contract> {
    lock_in(tx, caller, id, OPEN)
}

fn record(
    tx: &mut Tx<'_>,
    caller: &Caller,
    action: &str,
    before: Option<Value>,
    row: &Contract,
    reason: Option<String>,
) -> Result<()> {
    let subject = row.contract_id().to_string();
    audit::record(tx, caller, Action { action, subject, before, after: Some(summary(row)), reason })
}

fn summary(row: &Contract) -> Value {
    json!({
        "type": row.contract_type_id,
        "schedule": row.schedule_id,
        "service_point": row.service_point_id,
        "starts_on": civil::format(row.starts_on),
        "ends_on": row.ends_on.map(civil::format),
        "state": row.state,
        "items": row.items,
        "characteristics": row.characteristics,
        "recurring_minor": row.recurring_minor.map(Money::minor),
        "master": row.master_contract_id.map(|master| ContractId::new(row.account_id, master)),
        "terms": row.terms,
        "held_until_on": row.held_until_on.map(civil::format),
    })
}

/// Changes a contract: of the version that the caller read, or whatever it is now.
pub(crate) fn change(
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: ContractId,
    version: Option<i64>,
    changes: ContractChanges,
) -> Result<Contract> {
    let old = lock_in(tx, caller, id, OPEN)?;
    let mut new = old.clone();
    if let Some(items) = changes.items {
        terms::check_items(tx, old.contract_type_id, &items)?;
        new.items = terms::items(items)?;
    }
    if let Some(characteristics) = changes.characteristics {
        new.characteristics = terms::characteristics(characteristics)?;
    }
    if let Some(master) = changes.master {
        masters::change(tx, &mut new, master)?;
    }
    if let Some(hold) = changes.hold {
        if let Some((_, reason)) = &hold {
            terms::check_reason("/hold/reason", reason)?;
        }
        (new.held_until_on, new.hold_reason) = hold.unzip();
    }
    let version = version.unwrap_or(old.version);
    save(tx, caller, "contract.change", &old, new, version, None)
}

impl App {
    /// A contract that the caller may see.
    pub fn contract(&self, caller: &Caller, id: ContractId) -> Result<Contract> {
        self.db().tx(|tx| find(tx, caller, id))
    }

    /// The contracts of an account, oldest first.
    pub fn contracts(
        &self,
        caller: &Caller,
        account: AccountId,
        after: Option<&Cursor>,
        limit: i64,
    ) -> Result<Page<Contract>> {
        self.db().tx(|tx| {
            accounts::find(tx, caller, account)?;
            Ok(store::contracts::of_account(tx, account, after, limit)?)
        })
    }

    /// Changes a contract that the caller read as `version`.
    pub fn change_contract(
        &self,
        caller: &Caller,
        id: ContractId,
        version: i64,
        changes: ContractChanges,
    ) -> Result<Contract> {
        self.db().tx(|tx| change(tx, caller, id, Some(version), changes))
    }

    /// Stops a contract: `ends_on` is its last charged day. The final segment is due unless it has
    /// been charged through that day already and no charge waits under it.
    pub fn stop_contract(
        &self,
        caller: &Caller,
        id: ContractId,
        version: i64,
        ends_on: Date,
        reason: Option<String>,
    ) -> Result<Contract> {
        if let Some(reason) = &reason {
            terms::check_reason("/reason", reason)?;
        }
        self.db().tx(|tx| {
            let old = lock_in(tx, caller, id, IN_FORCE)?;
            let first_on = old.billed_through_on.unwrap_or(old.starts_on);
            if ends_on < first_on || ends_on < old.starts_on {
                let detail = format!("not before {}: earlier days are charged", civil::format(first_on));
                return Err(Problem::field("/ends_on", Code::FieldRange, detail).into());
            }
            if old.ends_on.is_some_and(|planned| planned < ends_on)
                && let Some(service_point) = old.service_point_id
            {
                // Later than agreed: somebody else may be served by then.
                store::contracts::lock_service_point(tx, service_point)?;
                let from_on = old.ends_on.and_then(Date::next_day).unwrap_or(ends_on);
                refuse_overlap(tx, service_point, from_on, Some(ends_on))?;
            }
            let billed =
                old.billed_through_on == Some(ends_on) && !store::charges::any_open_of_contract(tx, id)?;
            // No segment with days comes any more, whatever charge still waits.
            if old.billed_through_on == Some(ends_on) {
                refuse_unsettled(tx, id, ends_on)?;
                terms::refuse_unsettled(&old)?;
            }
            let billed = billed || terms::is_never_billed(tx, &old)?;
            let state = if billed { ContractState::Closed } else { ContractState::Stopped };
            let new = Contract { ends_on: Some(ends_on), state, ..old.clone() };
            store::contracts::end_service(tx, &new)?;
            save(tx, caller, "contract.stop", &old, new, version, reason)
        })
    }

    /// Cancels a contract that never took effect: nothing of it has been billed.
    pub fn cancel_contract(
        &self,
        caller: &Caller,
        id: ContractId,
        version: i64,
        reason: String,
    ) -> Result<Contract> {
        terms::check_reason("/reason", &reason)?;
        self.db().tx(|tx| {
            let old = lock_in(tx, caller, id, OPEN)?;
            if old.segments > 0 || old.billed_through_on.is_some() {
                let detail = "the contract has been billed; stop it instead";
                return Err(Problem::new(Code::WrongState, detail).with("state", old.state).into());
            }
            terms::refuse_taken_out(&old)?;
            if store::charges::any_of_contract(tx, id)? {
                let detail = "charges stand under the contract; take them away first";
                return Err(Problem::new(Code::WrongState, detail).with("state", old.state).into());
            }
            let new = Contract { state: ContractState::Cancelled, ..old.clone() };
            store::contracts::unlink_service(tx, &new)?;
            save(tx, caller, "contract.cancel", &old, new, version, Some(reason))
        })
    }
}

/// Refuses a last day that is charged already when a bank holds something: only a final segment
/// settles it, and there would be none.
fn refuse_unsettled(tx: &mut Tx<'_>, id: ContractId, ends_on: Date) -> Result<()> {
    let past = memory::of_contracts(tx, &[(id.owner, id.n)], rating::MONTHS_OF_BANKS, ends_on, ends_on)?;
    let past = past.get(&id).map(Vec::as_slice).unwrap_or_default();
    let held = ends_on.next_day().map(|on| Memory::before(past, on).banks).unwrap_or_default();
    match held.iter().find(|bank| !bank.balance.is_zero()) {
        None => Ok(()),
        Some(bank) => {
            let what = format!("the bank “{}” still holds something", bank.bank);
            let detail = format!("{what}, and no day is left to settle it on: name a later last day");
            let problem = Problem::new(Code::SettlementDue, detail).with("bank", &bank.bank);
            Err(problem.with("balance", bank.balance.normalize()).into())
        }
    }
}

fn save(
    tx: &mut Tx<'_>,
    caller: &Caller,
    action: &str,
    old: &Contract,
    mut new: Contract,
    version: i64,
    reason: Option<String>,
) -> Result<Contract> {
    unless_stale(store::contracts::update(tx, &new, version)?)?;
    new.version = version + 1;
    record(tx, caller, action, Some(summary(old)), &new, reason)?;
    Ok(new)
}

fn site_of(tx: &mut Tx<'_>, caller: &Caller, id: LocationId, pointer: &str) -> Result<()> {
    let location = store::places::location(tx, id)?.ok_or_else(|| unknown(pointer))?;
    caller.find_in(location.site_id).map_err(|_| unknown(pointer).into())
}

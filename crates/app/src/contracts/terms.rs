//! What a contract must say, by the method of its type.

use super::{NewContract, site_of};
use crate::ledger;
use crate::ledger_setup::known_gl;
use crate::naming::{check_name, decimal, few, unknown};
use crate::{Caller, Result, Utility};
use billing::Terms;
use serde_json::Value;
use std::collections::BTreeMap;
use store::Tx;
use store::contracts::Contract;
use vocab::{Code, Commodity, ContractTypeId, Language, LocationId, Problem, SegmentMethod};

/// Most items or characteristics of a contract.
const ENTRIES_MAX: usize = 100;

/// The address of the service, which the caller may see: that of the service point, or the one
/// given.
pub(super) fn place(tx: &mut Tx<'_>, caller: &Caller, new: &NewContract) -> Result<LocationId> {
    let Some(id) = new.service_point else {
        let detail = "a service point or a location";
        let location =
            new.location.ok_or_else(|| Problem::field("/location_id", Code::FieldRequired, detail))?;
        site_of(tx, caller, location, "/location_id")?;
        return Ok(location);
    };
    let pointer = "/service_point_id";
    let point = store::places::service_point(tx, id)?.ok_or_else(|| unknown(pointer))?;
    site_of(tx, caller, point.location_id, pointer)?;
    if new.location.is_some_and(|location| location != point.location_id) {
        let detail = "the service point is at another location";
        return Err(Problem::field("/location_id", Code::FieldRange, detail).into());
    }
    Ok(point.location_id)
}

/// Refuses terms that the type's method cannot bill.
pub(super) fn check(tx: &mut Tx<'_>, utility: &Utility, new: &NewContract) -> Result<()> {
    let of =
        store::contract_types::find(tx, new.contract_type)?.ok_or_else(|| unknown("/contract_type_id"))?;
    if let Some(id) = new.service_point {
        let point = store::places::service_point(tx, id)?.ok_or_else(|| unknown("/service_point_id"))?;
        same("/service_point_id", point.commodity, of.commodity)?;
    }
    if let Some(id) = new.schedule {
        let schedule = store::rates::schedule(tx, id)?.ok_or_else(|| unknown("/rate_schedule_id"))?;
        same("/rate_schedule_id", schedule.commodity, of.commodity)?;
    }
    let needed = |given: bool, pointer: &str, detail: &str| {
        if given { Ok(()) } else { Err(Problem::field(pointer, Code::FieldRequired, detail)) }
    };
    match of.method {
        SegmentMethod::Metered => {
            needed(new.schedule.is_some(), "/rate_schedule_id", "a metered contract is rated")?;
            needed(new.service_point.is_some(), "/service_point_id", "a metered contract has meters")?;
        }
        SegmentMethod::RatedItem => {
            needed(new.schedule.is_some(), "/rate_schedule_id", "a contract for items is rated")?;
            needed(!new.items.is_empty(), "/items", "what is counted")?;
        }
        SegmentMethod::Recurring => {
            let priced = new.schedule.is_some() || new.recurring.is_some();
            needed(priced, "/recurring", "an amount, or a schedule that says it")?;
        }
        SegmentMethod::SubContract => {
            needed(new.schedule.is_some(), "/rate_schedule_id", "a sub-contract is rated")?;
            needed(new.master.is_some(), "/master_contract_id", "the contract that it is charged from")?;
        }
        SegmentMethod::Instalment | SegmentMethod::Deposit | SegmentMethod::Loan => {
            needed(new.terms.is_some(), "/terms", "what is to be billed")?;
        }
        SegmentMethod::BillableCharge | SegmentMethod::NotBillable => {}
    }
    if let Some(terms) = &new.terms {
        // A metered contract's budget is put on it later, with a version of its own.
        if of.method == SegmentMethod::Metered || !terms.suit(of.method) {
            let detail = format!("not for a {} contract", of.method);
            return Err(Problem::field("/terms", Code::FieldRange, detail).into());
        }
        check_terms(tx, utility, "/terms", terms)?;
    }
    match &new.recurring {
        Some(_) if of.method != SegmentMethod::Recurring || new.schedule.is_some() => {
            let detail = "only for a recurring contract without a schedule";
            Err(Problem::field("/recurring", Code::FieldRange, detail).into())
        }
        Some((amount, _)) if amount.is_zero() => {
            let detail = "not nothing";
            Err(Problem::field("/recurring/amount", Code::FieldRange, detail).into())
        }
        _ => Ok(()),
    }
}

/// Refuses to leave a contract for items without any.
pub(super) fn check_items(
    tx: &mut Tx<'_>,
    of: ContractTypeId,
    items: &BTreeMap<String, String>,
) -> Result<()> {
    let method = store::contract_types::find(tx, of)?.map(|of| of.method);
    if items.is_empty() && method == Some(SegmentMethod::RatedItem) {
        return Err(Problem::field("/items", Code::FieldRequired, "what is counted").into());
    }
    Ok(())
}

fn same(pointer: &str, found: Commodity, expected: Commodity) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    let detail = format!("it is for {found}, the contract type for {expected}");
    Err(Problem::field(pointer, Code::FieldRange, detail).into())
}

fn word(pointer: &str, text: &str) -> Result<()> {
    let word: std::result::Result<rating::Word, _> = text.parse();
    word.map(|_| ()).map_err(|error| Problem::field(pointer, Code::FieldFormat, error.to_string()).into())
}

/// Counts by name as they are stored.
pub(super) fn items(items: BTreeMap<String, String>) -> Result<Value> {
    few("/items", items.len(), ENTRIES_MAX)?;
    let mut all = serde_json::Map::new();
    for (name, count) in items {
        let pointer = format!("/items/{name}");
        word(&pointer, &name)?;
        let count = decimal(&pointer, &count)?;
        if count.is_sign_negative() && !count.is_zero() {
            return Err(Problem::field(pointer, Code::FieldRange, "not less than nothing").into());
        }
        all.insert(name, count.normalize().to_string().into());
    }
    Ok(all.into())
}

/// Characteristics by name as they are stored.
pub(super) fn characteristics(given: BTreeMap<String, String>) -> Result<Value> {
    few("/characteristics", given.len(), ENTRIES_MAX)?;
    let mut all = serde_json::Map::new();
    for (name, value) in given {
        let pointer = format!("/characteristics/{name}");
        word(&pointer, &name)?;
        check_name(&pointer, &value)?;
        all.insert(name, value.into());
    }
    Ok(all.into())
}

/// A name on the bill by language, as it is stored.
pub(crate) fn label(pointer: &str, texts: BTreeMap<Language, String>) -> Result<Value> {
    let stored = serde_json::to_value(texts)?;
    let label: rating::Label = serde_json::from_value(stored.clone())?;
    if let Some(text) =
        stored.as_object().into_iter().flat_map(|texts| texts.values()).find_map(Value::as_str)
        && text.contains('\0')
    {
        return Err(Problem::field(pointer, Code::FieldFormat, "no control characters").into());
    }
    match label.fault() {
        Some(fault) => Err(Problem::field(pointer, Code::FieldFormat, fault).into()),
        None => Ok(stored),
    }
}

/// Refuses an empty or endless reason.
pub(crate) fn check_reason(pointer: &str, reason: &str) -> Result<()> {
    let fits = !reason.trim().is_empty() && reason.chars().count() <= 500 && !reason.contains('\0');
    if fits {
        return Ok(());
    }
    Err(Problem::field(pointer, Code::FieldRange, "1 to 500 characters").into())
}

/// Refuses terms that cannot be billed.
pub(super) fn check_terms(tx: &mut Tx<'_>, utility: &Utility, pointer: &str, terms: &Terms) -> Result<()> {
    if let Some(whole) = terms.whole() {
        ledger::check_amount(whole, pointer)?;
    }
    if let Some(fault) = terms.fault(utility.currency)? {
        let pointer = format!("{pointer}/{}", fault.field);
        return Err(Problem::field(pointer, Code::FieldRange, fault.detail).into());
    }
    match terms {
        Terms::Loan { principal_gl, .. } => {
            known_gl(tx, &format!("{pointer}/principal_gl_account_id"), *principal_gl)
        }
        Terms::Budget { level, .. } => ledger::check_amount(*level, "/level"),
        _ => Ok(()),
    }
}

/// Refuses instalments of nothing: only an arrangement takes their principal out of what is asked.
pub(super) fn refuse_instalments(tx: &mut Tx<'_>, new: &NewContract) -> Result<()> {
    let method = store::contract_types::find(tx, new.contract_type)?.map(|of| of.method);
    if method == Some(SegmentMethod::Instalment) {
        let detail = "instalments are started by an arrangement";
        return Err(Problem::field("/contract_type_id", Code::FieldRange, detail).into());
    }
    Ok(())
}

/// Refuses to leave a contract without the master that it is charged from.
pub(super) fn check_without_master(tx: &mut Tx<'_>, of: ContractTypeId) -> Result<()> {
    let method = store::contract_types::find(tx, of)?.map(|of| of.method);
    if method == Some(SegmentMethod::SubContract) {
        let detail = "the contract that it is charged from";
        return Err(Problem::field("/master_contract_id", Code::FieldRequired, detail).into());
    }
    Ok(())
}

/// What a contract has agreed beyond its rate.
///
/// # Errors
/// Terms of an unknown form: a fault of the store.
pub fn agreed(row: &Contract) -> Result<Option<Terms>> {
    let corrupt = |error: serde_json::Error| store::Error::Corrupt { what: "terms", why: error.to_string() };
    Ok(row.terms.clone().map(serde_json::from_value).transpose().map_err(corrupt)?)
}

/// Whether contracts of this type have no final segment to wait for.
pub(super) fn is_never_billed(tx: &mut Tx<'_>, row: &Contract) -> Result<bool> {
    let of = store::contract_types::find(tx, row.contract_type_id)?;
    Ok(of.is_some_and(|of| of.method == SegmentMethod::NotBillable))
}

/// Refuses a last day that is charged already while something is left to ask: only a final segment asks
/// for it, and there would be none.
pub(super) fn refuse_unsettled(row: &Contract) -> Result<()> {
    let (left, what) = match agreed(row)? {
        Some(Terms::Deposit { .. }) => return Ok(()),
        Some(terms) => match terms.whole() {
            Some(whole) => (whole.minus(row.progress_minor)?, "part of what was agreed is not billed yet"),
            None => (row.progress_minor, "the budget has not asked for all that was used, or for more"),
        },
        None => (row.progress_minor, "a budget that has ended is not settled yet"),
    };
    if left.is_zero() {
        return Ok(());
    }
    let detail = format!("{what}, and no day is left to settle it on: name a later last day");
    Err(Problem::new(Code::SettlementDue, detail).with("bank", "terms").with("balance", left.minor()).into())
}

/// Refuses to cancel an arrangement: its principal would never be asked again.
pub(super) fn refuse_taken_out(row: &Contract) -> Result<()> {
    match agreed(row)? {
        Some(Terms::Instalment { .. }) => {
            let detail = "its principal is not asked any more; stop it, and the rest is";
            Err(Problem::new(Code::WrongState, detail).with("state", row.state).into())
        }
        _ => Ok(()),
    }
}

//! Payment arrangements: an amount is taken out of what is asked, and comes back by instalments.
//!
//! It is owed all along, so that nothing moves in the general ledger: the adjustment's transaction moves
//! the current balance alone, and so does each instalment. The adjustment is of a type that the
//! utility names, so that its bill and its reports call it what it calls it; the type's ledger account is
//! not used.

use super::{NewContract, start_any};
use crate::adjustments::{self, NewAdjustment};
use crate::{Caller, Result, accounts};
use billing::Terms;
use std::collections::BTreeMap;
use store::Tx;
use store::adjustments::Adjustment;
use store::contracts::Contract;
use time::Date;
use vocab::{AccountId, AdjustmentTypeId, Code, ContractTypeId, LocationId, Money, Problem, SegmentMethod};

/// An arrangement to make.
#[derive(Debug, Clone)]
pub struct NewArrangement {
    /// Type of the instalments' contract.
    pub contract_type: ContractTypeId,
    /// Type of the adjustment that takes the amount out.
    pub adjustment_type: AdjustmentTypeId,
    /// The address that the contract stands for.
    pub location: LocationId,
    /// How much is taken out of what is asked now.
    pub amount: Money,
    /// With each bill; the last is the remainder.
    pub per_bill: Money,
    /// First day of the instalments; today when absent.
    pub starts_on: Option<Date>,
    /// Why.
    pub reason: String,
    /// The client's own name for it, unique within the account for ever.
    pub client_reference: Option<String>,
}

/// What an arrangement has made.
#[derive(Debug, Clone)]
pub struct Arrangement {
    /// The contract that bills the instalments.
    pub contract: Contract,
    /// The adjustment that took the amount out.
    pub adjustment: Adjustment,
}

/// Takes an amount out of what an account is asked now and starts the instalments that ask for it again.
pub fn make(tx: &mut Tx<'_>, caller: &Caller, id: AccountId, new: NewArrangement) -> Result<Arrangement> {
    let account = accounts::lock(tx, caller, id)?;
    let of = store::contract_types::find(tx, new.contract_type)?.ok_or_else(|| {
        Problem::field("/contract_type_id", Code::UnknownReference, "there is no such contract type")
    })?;
    if of.method != SegmentMethod::Instalment {
        let detail = "a type whose method is instalment";
        return Err(Problem::field("/contract_type_id", Code::FieldRange, detail).into());
    }
    if !new.amount.is_positive() || new.amount > account.current_minor {
        let detail = "more than nothing, and not more than is asked now";
        return Err(Problem::field("/amount", Code::FieldRange, detail).into());
    }
    if !new.per_bill.is_positive() || new.per_bill > new.amount {
        let detail = "more than nothing, and not more than the amount";
        return Err(Problem::field("/per_bill", Code::FieldRange, detail).into());
    }
    let adjustment = adjustments::arrange(
        tx,
        caller,
        id,
        NewAdjustment {
            type_id: new.adjustment_type,
            amount: new.amount.negated()?,
            effective_on: None,
            reason: new.reason,
            client_reference: new.client_reference,
        },
    )?;
    let contract = start_any(
        tx,
        caller,
        id,
        NewContract {
            contract_type: new.contract_type,
            schedule: None,
            service_point: None,
            location: Some(new.location),
            starts_on: new.starts_on,
            ends_on: None,
            items: BTreeMap::new(),
            characteristics: BTreeMap::new(),
            recurring: None,
            master: None,
            terms: Some(Terms::Instalment { principal: new.amount, per_bill: new.per_bill }),
        },
    )?;
    Ok(Arrangement { contract, adjustment })
}

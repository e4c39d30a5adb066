//! Which contract another one rests on.
//!
//! Master and dependent are of one account, whose row is locked; no chain of masters comes back to where
//! it began.

use super::terms;
use crate::Result;
use std::collections::HashMap;
use store::Tx;
use store::contracts::Contract;
use vocab::{Code, ContractId, Problem};

const POINTER: &str = "/master_contract_id";

/// Refuses a master of another account, one that is billed no more, and a chain that comes back.
pub(super) fn check(tx: &mut Tx<'_>, contract: ContractId, master: ContractId) -> Result<()> {
    let unknown = || Problem::field(POINTER, Code::UnknownReference, "no open contract of this account");
    if master.owner != contract.owner {
        return Err(unknown().into());
    }
    let all: HashMap<i64, Option<i64>> = store::contracts::masters(tx, contract.owner)?.into_iter().collect();
    if !all.contains_key(&master.n) {
        return Err(unknown().into());
    }
    let mut at = Some(master.n);
    // No chain is longer than there are contracts.
    for _ in 0..=all.len() {
        match at {
            Some(n) if n == contract.n => {
                let detail = "the chain of masters would come back to this contract";
                return Err(Problem::field(POINTER, Code::FieldRange, detail).into());
            }
            Some(n) => at = all.get(&n).copied().flatten(),
            None => break,
        }
    }
    Ok(())
}

/// Another master, or none where the method bills without one.
pub(super) fn change(tx: &mut Tx<'_>, contract: &mut Contract, master: Option<ContractId>) -> Result<()> {
    match master {
        Some(master) => check(tx, contract.contract_id(), master)?,
        None => terms::check_without_master(tx, contract.contract_type_id)?,
    }
    contract.master_contract_id = master.map(|master| master.n);
    Ok(())
}

//! An invoice run for chosen bills, of whatever window or of none.

use super::{InvoiceRunView, Params, file, record_start, view};
use crate::naming::few;
use crate::{Caller, Result};
use serde_json::json;
use std::collections::HashMap;
use store::Tx;
use store::invoices::{self, Copies};
use vocab::{BillId, BillState, Code, Problem};

/// Most bills by id.
pub const BILLS_MAX: usize = 1000;

/// Files a run over these bills. Those of which every copy has its invoice are passed over.
///
/// # Errors
/// A bill that the caller does not see, or that is not posted; bills of which none lacks an invoice.
pub fn start_chosen(tx: &mut Tx<'_>, caller: &Caller, bills: &[BillId]) -> Result<InvoiceRunView> {
    few("/bill_ids", bills.len(), BILLS_MAX)?;
    let copies = invoices::copies(tx, bills)?;
    let by_bill: HashMap<BillId, &Copies> =
        copies.iter().map(|of| (BillId::new(of.account_id, of.bill_id), of)).collect();
    for (at, id) in bills.iter().enumerate() {
        let pointer = format!("/bill_ids/{at}");
        let found = by_bill.get(id).filter(|of| caller.principal.sees_site(of.site_id));
        let of = found.ok_or_else(|| {
            Problem::field(pointer.clone(), Code::UnknownReference, "there is no such bill")
        })?;
        if of.state != BillState::Complete {
            let detail = format!("{id} is {}", of.state);
            return Err(Problem::field(pointer, Code::WrongState, detail).with("state", of.state).into());
        }
    }
    let (lacking, whole): (Vec<&Copies>, Vec<&Copies>) = copies.iter().partition(|of| of.made < of.wanted);
    if lacking.is_empty() {
        return Err(Problem::new(Code::EmptyScope, "none of the bills lacks an invoice").into());
    }
    // They come by account.
    let mut accounts: Vec<i64> = lacking.iter().map(|of| of.account_id.0).collect();
    accounts.dedup();
    let ids = |of: &[&Copies]| of.iter().map(|of| BillId::new(of.account_id, of.bill_id)).collect();
    let params = Params { bills: ids(&lacking), passed_over: ids(&whole), ..Params::default() };
    let run = file(tx, caller, &params, &accounts)?;
    let after = json!({ "bills": params.bills, "accounts": accounts.len() });
    record_start(tx, caller, run.id, after)?;
    view(tx, run)
}

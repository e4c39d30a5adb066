//! Reading posted bills: the document and its arithmetic. [`crate::explanation`] explains it.

use crate::invoice_model::calculation;
use crate::{App, Caller, Result, accounts, bill_messages};
pub use billing::PrintedMessage;
use billing::{Calculation, Routing};
use store::bills::{self, Bill, BillFilter, Segment, Swept};
use store::{Cursor, Page, Tx};
use vocab::{AccountId, BillId, Problem};

/// A bill with everything that stands on it.
#[derive(Debug, Clone)]
pub struct BillView {
    /// The bill.
    pub bill: Bill,
    /// To whom and where it goes.
    pub routings: Vec<Routing>,
    /// What is said on it, in order.
    pub messages: Vec<PrintedMessage>,
    /// Its segments with their arithmetic.
    pub segments: Vec<(Segment, Calculation)>,
    /// Payments, adjustments and corrections since the bill before.
    pub swept: Vec<Swept>,
}

/// A bill that the caller may see.
pub fn find(tx: &mut Tx<'_>, caller: &Caller, id: BillId) -> Result<Bill> {
    accounts::find(tx, caller, id.owner)?;
    Ok(bills::find(tx, id.owner, id.n)?.ok_or_else(Problem::not_found)?)
}

/// Its segments with their arithmetic.
pub(crate) fn segments(tx: &mut Tx<'_>, bill: &Bill) -> Result<Vec<(Segment, Calculation)>> {
    bills::segments(tx, &[(bill.account_id, bill.id)])?
        .into_iter()
        .map(|segment| {
            let calc = calculation(&segment)?;
            Ok((segment, calc))
        })
        .collect()
}

impl App {
    /// A bill with everything that stands on it.
    pub fn bill(&self, caller: &Caller, id: BillId) -> Result<BillView> {
        self.db().tx(|tx| {
            let bill = find(tx, caller, id)?;
            let segments = segments(tx, &bill)?;
            let swept = bills::swept(tx, &[(bill.account_id, bill.id)])?;
            let routings = serde_json::from_str(&bill.routings.0)?;
            let messages = bill_messages::of_bill(&bill)?;
            Ok(BillView { bill, routings, messages, segments, swept })
        })
    }

    /// A list of the bills that the caller may see, newest first.
    pub fn bills(
        &self,
        caller: &Caller,
        filter: BillFilter,
        after: Option<&Cursor>,
        limit: i64,
    ) -> Result<Page<Bill>> {
        let filter = BillFilter { sites: caller.sites(), ..filter };
        self.db().tx(|tx| Ok(bills::list(tx, &filter, after, limit)?))
    }

    /// The bills of an account, newest first.
    pub fn bills_of_account(
        &self,
        caller: &Caller,
        account: AccountId,
        after: Option<&Cursor>,
        limit: i64,
    ) -> Result<Page<Bill>> {
        let filter = BillFilter { account: Some(account), ..BillFilter::default() };
        self.db().tx(|tx| {
            accounts::find(tx, caller, account)?;
            Ok(bills::list(tx, &filter, after, limit)?)
        })
    }

    /// The bill with this number, when the caller may see it.
    pub fn bill_by_number(&self, caller: &Caller, number: i64) -> Result<Bill> {
        self.db().tx(|tx| {
            let (account, bill) = bills::id_by_number(tx, number)?.ok_or_else(Problem::not_found)?;
            find(tx, caller, BillId::new(account, bill))
        })
    }
}

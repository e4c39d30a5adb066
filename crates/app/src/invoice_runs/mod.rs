//! Invoices of accepted bills: a document per bill and recipient, sorted by the way it goes.
//!
//! A run is made for a window, or for bills that were chosen: credit notes and off-cycle bills are of no window.
//! The existence of an invoice freezes the account in the bill's window. A run may be begun
//! again at any time: what has been rendered is left alone, what failed is tried again.

mod archive;
mod chosen;
mod rendering;

pub use archive::{ArchivedRun, Scope};
pub use chosen::{BILLS_MAX, start_chosen};
pub use rendering::Rendering;

use crate::audit::{self, Action};
use crate::operations::{self, NewOperation, OperationView};
use crate::runs::invoicing::begin_invoices;
use crate::{App, Caller, Result, bills};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::deliveries::Step;
use store::invoices::{self, Counts, Invoice, InvoiceFilter, InvoiceRun};
use store::queue::{NewChunk, Operation};
use store::{Cursor, Page, Tx};
use vocab::{
    BillId, Channel, Code, DeliveryState, InvoiceId, InvoiceRunId, OperationId, OperationKind, Problem,
    RunId, WindowId,
};

/// Accounts of a chunk.
const CHUNK: usize = 100;
/// Chunks' notes that are looked at for errors.
const NOTES: i64 = 100;

/// What the chunks need to know.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Params {
    /// The window.
    window: Option<i64>,
    /// Only bills of this run.
    bill_run: Option<i64>,
    /// The bills that were chosen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    bills: Vec<BillId>,
    /// Those that were chosen too, and lack no invoice.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    passed_over: Vec<BillId>,
}

impl Params {
    fn of(operation: &Operation) -> Result<Self> {
        Ok(serde_json::from_value(operation.params.clone())?)
    }
}

/// An invoice run with its progress.
#[derive(Debug, Clone)]
pub struct InvoiceRunView {
    /// The run.
    pub run: InvoiceRun,
    /// The work.
    pub operation: OperationView,
    /// What it has made.
    pub counts: Counts,
    /// What went wrong: account, then why.
    pub errors: Vec<String>,
    /// Bills that were chosen and lack no invoice.
    pub passed_over: Vec<BillId>,
}

/// What a hand-over to the mail house came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HandedOver {
    /// Letters that are now sent.
    pub sent: usize,
    /// Letters of the run that still wait for approval.
    pub awaiting_approval: i64,
}

/// Files a run over the accepted bills of a window that lack an invoice, all or of one bill run.
pub fn start(
    tx: &mut Tx<'_>,
    caller: &Caller,
    window: WindowId,
    bill_run: Option<RunId>,
) -> Result<InvoiceRunView> {
    store::windows::find(tx, window)?.ok_or_else(Problem::not_found)?;
    let sites = caller.sites();
    let accounts = invoices::accounts_without(tx, window, bill_run, sites.as_deref())?;
    if accounts.is_empty() {
        let detail = "no accepted bill of the window lacks an invoice";
        return Err(Problem::new(Code::EmptyScope, detail).into());
    }
    let params = Params { window: Some(window.0), bill_run: bill_run.map(|run| run.0), ..Params::default() };
    let run = file(tx, caller, &params, &accounts)?;
    let bill_runs = invoices::bill_runs_without(tx, window, bill_run, sites.as_deref())?;
    begin_invoices(tx, &bill_runs)?;
    let after = json!({ "window": window, "bill_run": bill_run, "accounts": accounts.len() });
    record_start(tx, caller, run.id, after)?;
    view(tx, run)
}

/// Files the work on bills of these accounts, and the run.
fn file(tx: &mut Tx<'_>, caller: &Caller, params: &Params, accounts: &[i64]) -> Result<InvoiceRun> {
    let id = InvoiceRunId(tx.new_id()?);
    let work = NewOperation {
        kind: OperationKind::InvoiceRun,
        subject_id: Some(id.0),
        params: serde_json::to_value(params)?,
        chunks: accounts.chunks(CHUNK).map(NewChunk::from).collect(),
        total: None,
    };
    let operation = operations::file(tx, &caller.actor(), work)?;
    let run = InvoiceRun {
        id,
        window_id: params.window.map(WindowId),
        bill_run_id: params.bill_run.map(RunId),
        operation_id: operation.id,
        created_by: caller.actor(),
        created_at: tx.as_of(),
    };
    invoices::insert_run(tx, &run)?;
    Ok(run)
}

fn record_start(tx: &mut Tx<'_>, caller: &Caller, id: InvoiceRunId, after: serde_json::Value) -> Result<()> {
    let (action, subject) = ("invoice_run.start", id.to_string());
    audit::record(tx, caller, Action { action, subject, after: Some(after), ..Action::default() })
}

fn view(tx: &mut Tx<'_>, run: InvoiceRun) -> Result<InvoiceRunView> {
    let operation = operations::view(tx, run.operation_id)?;
    let counts = invoices::counts(tx, run.id)?;
    let notes = store::queue::notes(tx, run.operation_id, NOTES)?;
    let errors = notes.iter().flat_map(|note| note.split("; ")).map(str::to_owned).collect();
    let passed_over = Params::of(&operation.operation)?.passed_over;
    Ok(InvoiceRunView { run, operation, counts, errors, passed_over })
}

/// A run, or "not found". What is done with its parts is limited to the caller's sites by each act.
pub(crate) fn find(tx: &mut Tx<'_>, id: InvoiceRunId) -> Result<InvoiceRun> {
    Ok(invoices::run(tx, id)?.ok_or_else(Problem::not_found)?)
}

/// Marks the approved letters of a run as handed over to the mail house.
pub fn hand_over(tx: &mut Tx<'_>, caller: &Caller, id: InvoiceRunId) -> Result<HandedOver> {
    find(tx, id)?;
    let sites = caller.sites();
    let step = Step {
        from: DeliveryState::Approved,
        to: DeliveryState::Sent,
        reason: Some("handed over to the mail house"),
        approved_by: None,
        address: None,
        at: tx.as_of(),
    };
    let sent = store::deliveries::step_run(tx, id, Some(Channel::Postal), sites.as_deref(), &step)?.len();
    let awaiting_approval = store::deliveries::count_run(
        tx,
        id,
        Channel::Postal,
        DeliveryState::AwaitingApproval,
        sites.as_deref(),
    )?;
    if sent == 0 {
        let detail = "no letter of the run is approved and waiting";
        return Err(Problem::new(Code::WrongState, detail)
            .with("state", if awaiting_approval > 0 { "awaiting_approval" } else { "sent" })
            .into());
    }
    let after = json!({ "letters": sent });
    let action = Action {
        action: "invoice_run.hand_over",
        subject: id.to_string(),
        after: Some(after),
        ..Action::default()
    };
    audit::record(tx, caller, action)?;
    Ok(HandedOver { sent, awaiting_approval })
}

/// An invoice that the caller may see.
pub fn invoice(tx: &mut Tx<'_>, caller: &Caller, id: InvoiceId) -> Result<Invoice> {
    crate::accounts::find(tx, caller, id.owner)?;
    Ok(invoices::find(tx, id.owner, id.n)?.ok_or_else(Problem::not_found)?)
}

impl App {
    /// An invoice run that the caller may see, with its progress.
    pub fn invoice_run(&self, caller: &Caller, id: InvoiceRunId) -> Result<InvoiceRunView> {
        self.db().tx(|tx| {
            let run = find(tx, id)?;
            if !operations::hidden(tx, caller, &[run.operation_id])?.is_empty() {
                return Err(Problem::not_found().into());
            }
            view(tx, run)
        })
    }

    /// The invoice runs that the caller may see, newest first, all or of one window.
    pub fn invoice_runs(
        &self,
        caller: &Caller,
        window: Option<WindowId>,
        after: Option<&Cursor>,
        limit: i64,
    ) -> Result<Page<InvoiceRun>> {
        self.db().tx(|tx| {
            let mut page = invoices::runs(tx, window, after, limit)?;
            let ids: Vec<OperationId> = page.items.iter().map(|run| run.operation_id).collect();
            let hidden = operations::hidden(tx, caller, &ids)?;
            page.items.retain(|run| !hidden.contains(&run.operation_id));
            Ok(page)
        })
    }

    /// An invoice.
    pub fn invoice(&self, caller: &Caller, id: InvoiceId) -> Result<Invoice> {
        self.db().tx(|tx| invoice(tx, caller, id))
    }

    /// A list of the invoices that the caller may see.
    pub fn invoices(
        &self,
        caller: &Caller,
        filter: InvoiceFilter,
        after: Option<&Cursor>,
        limit: i64,
    ) -> Result<Page<Invoice>> {
        let filter = InvoiceFilter { sites: caller.sites(), ..filter };
        self.db().tx(|tx| Ok(invoices::list(tx, &filter, after, limit)?))
    }

    /// The invoices of a bill.
    pub fn invoices_of_bill(&self, caller: &Caller, id: BillId) -> Result<Vec<Invoice>> {
        self.db().tx(|tx| {
            bills::find(tx, caller, id)?;
            Ok(invoices::of_bills(tx, &[(id.owner, id.n)])?)
        })
    }

    /// An invoice's PDF, with the name of its file.
    pub fn invoice_pdf(&self, caller: &Caller, id: InvoiceId) -> Result<(String, Vec<u8>)> {
        let (key, name) = self.db().tx(|tx| {
            let invoice = invoice(tx, caller, id)?;
            let account = crate::accounts::find(tx, caller, id.owner)?;
            let number = invoices::bill_number(tx, id.owner, invoice.bill_id)?.unwrap_or_default();
            Ok::<_, crate::Error>((invoice.document_key, format!("{}-{number}.pdf", account.number)))
        })?;
        Ok((name, self.document(&key)?))
    }

    /// A kept document.
    pub(crate) fn document(&self, key: &str) -> Result<Vec<u8>> {
        let parsed = key.parse().map_err(|error| crate::Error::Fault(format!("{key}: {error}")))?;
        Ok(self.documents()?.get(&parsed).map_err(Problem::from)?)
    }
}

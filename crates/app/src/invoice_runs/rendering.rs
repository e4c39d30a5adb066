//! The work of an invoice run: a chunk of accounts from rows to kept documents.
//!
//! Rendering and keeping happen between reading and writing; documents are found by what they
//! contain, so that work done again after a crash keeps nothing twice.

use super::Params;
use crate::invoice_model::{self, BillCopy, BillDocuments};
use crate::operations::{self, Control};
use crate::ports::{NotRendered, Pdf, Renderer};
use crate::runs::invoicing::follow_invoices;
use crate::worker::{Handler, Outcome};
use crate::{App, Caller, Error, Result, Utility, audit};
use access::Permission;
use connectors::documents::DocumentKey;
use notifications::{Draw, EBill, Line, Link, Notice, Reader, Sender, Texts, compose};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use store::Tx;
use store::bills::Bill;
use store::deliveries::Delivery;
use store::invoices::{self, Invoice, Message};
use store::queue::Operation;
use time::OffsetDateTime;
use vocab::{
    AccountId, BillState, Channel, Code, DeliveryState, InvoiceRunId, Language, MessageKind, OperationId,
    PersonId, Problem, RunId, WindowId,
};

/// Renders the invoices of accepted bills.
pub struct Rendering;

/// A copy that was rendered and kept.
struct Kept<'a> {
    documents: &'a BillDocuments,
    copy: &'a BillCopy,
    key: DocumentKey,
    bytes: usize,
    pages: u32,
}

impl Handler for Rendering {
    fn run(&self, app: &App, tx: &mut Tx<'_>, operation: &Operation, items: &[i64]) -> Result<Outcome> {
        let run = InvoiceRunId(operation.subject_id.unwrap_or_default());
        let utility = Utility::load(tx)?;
        let rows = bills_of(tx, &Params::of(operation)?, items)?;
        let ids: Vec<_> = rows.iter().map(|bill| (bill.account_id, bill.id)).collect();
        let there: BTreeSet<Recipient> = invoices::of_bills(tx, &ids)?
            .iter()
            .map(|row| (row.account_id, row.bill_id, row.person_id, row.channel))
            .collect();
        let all = invoice_model::of_bills(tx, &utility, app.keys(), rows)?;
        let missing: Vec<(&BillDocuments, &BillCopy)> = all
            .iter()
            .flat_map(|documents| documents.copies.iter().map(move |copy| (documents, copy)))
            .filter(|(documents, copy)| !there.contains(&recipient(documents, copy)))
            .collect();
        let (kept, failures) = render_and_keep(app, &utility, tx.as_of(), &missing)?;
        write(tx, app, &utility, run, operation, &kept)?;
        let failed = i32::try_from(failures.len()).unwrap_or(i32::MAX);
        let done = i32::try_from(items.len()).unwrap_or(i32::MAX).saturating_sub(failed);
        let notes: Vec<String> = failures.into_values().collect();
        Ok(Outcome {
            done,
            failed,
            note: (!notes.is_empty()).then(|| notes.join("; ")),
            ..Outcome::default()
        })
    }

    fn give_up(&self, _: &App, _: &mut Tx<'_>, _: &Operation, _: i64, _: &Error) -> Result<()> {
        // The account keeps its bill without an invoice: the next run takes it up.
        Ok(())
    }

    fn finish(&self, _: &App, tx: &mut Tx<'_>, operation: &Operation) -> Result<Value> {
        let run = InvoiceRunId(operation.subject_id.unwrap_or_default());
        let counts = invoices::counts(tx, run)?;
        let progress = operations::view(tx, operation.id)?.progress;
        let result = json!({ "email": counts.email, "postal": counts.postal, "pages": counts.pages,
            "failed": progress.failed });
        let action = audit::Action {
            action: "invoice_run.finish",
            subject: run.to_string(),
            after: Some(result.clone()),
            ..audit::Action::default()
        };
        let items = usize::try_from(counts.email + counts.postal).unwrap_or_default();
        audit::record_chunk(tx, &operation.created_by, action, items, [0; 32])?;
        follow(tx, operation, Some(operation.id))?;
        Ok(result)
    }

    fn follow(&self, tx: &mut Tx<'_>, operation: &Operation) -> Result<Option<Value>> {
        crate::automatic::after_invoices(tx, InvoiceRunId(operation.subject_id.unwrap_or_default()))
    }

    fn control(&self, tx: &mut Tx<'_>, caller: &Caller, operation: &Operation, what: Control) -> Result<()> {
        caller.may(Permission::InvoicesGenerate)?;
        operations::steer(tx, caller, operation.id, what)?;
        follow(tx, operation, None)
    }

    fn stopped(&self, tx: &mut Tx<'_>, operation: &Operation) -> Result<()> {
        follow(tx, operation, None)
    }
}

/// The posted bills of these accounts that a run renders.
fn bills_of(tx: &mut Tx<'_>, params: &Params, accounts: &[i64]) -> Result<Vec<Bill>> {
    let Some(window) = params.window.map(WindowId) else {
        let chosen = params.bills.iter().filter(|id| accounts.contains(&id.owner.0));
        let ids: BTreeSet<(AccountId, i64)> = chosen.map(|id| (id.owner, id.n)).collect();
        let mut rows = store::bills::load(tx, &ids.iter().copied().collect::<Vec<_>>())?;
        // Row ids are an account's own: another's bill may have the same.
        rows.retain(|bill| ids.contains(&(bill.account_id, bill.id)) && bill.state == BillState::Complete);
        return Ok(rows);
    };
    let accounts: Vec<AccountId> = accounts.iter().copied().map(AccountId).collect();
    let bill_run = params.bill_run.map(RunId);
    let mut rows = store::bills::of_window(tx, window, &accounts)?;
    rows.retain(|bill| bill_run.is_none() || bill.run_id == bill_run);
    Ok(rows)
}

/// Bill runs go with the invoices of their bills; those of chosen bills only when these have them.
fn follow(tx: &mut Tx<'_>, operation: &Operation, ended: Option<OperationId>) -> Result<()> {
    let params = Params::of(operation)?;
    if let Some(window) = params.window {
        return follow_invoices(tx, WindowId(window), ended);
    }
    if ended.is_some() {
        let ids: Vec<_> = params.bills.iter().map(|id| (id.owner, id.n)).collect();
        let windows: BTreeSet<WindowId> =
            store::bills::load(tx, &ids)?.into_iter().filter_map(|bill| bill.window_id).collect();
        for window in windows {
            follow_invoices(tx, window, None)?;
        }
    }
    Ok(())
}

type Recipient = (AccountId, i64, PersonId, Channel);

fn recipient(documents: &BillDocuments, copy: &BillCopy) -> Recipient {
    (documents.bill.account_id, documents.bill.id, copy.routing.person, copy.routing.channel)
}

type Failures = BTreeMap<AccountId, String>;

/// Renders on as many threads as the renderer has processes. An account with a copy that cannot
/// be rendered gets none at all: it stays billable as a whole.
fn render_and_keep<'a>(
    app: &App,
    utility: &Utility,
    created_at: OffsetDateTime,
    copies: &[(&'a BillDocuments, &'a BillCopy)],
) -> Result<(Vec<Kept<'a>>, Failures)> {
    let second = invoice_model::second_language(utility);
    let results = render_all(app.renderer()?.as_ref(), second.as_ref(), created_at, copies);
    let documents = app.documents()?;
    let (mut kept, mut failures) = (Vec::with_capacity(copies.len()), Failures::new());
    for ((of, copy), result) in copies.iter().zip(results) {
        match result {
            Ok(pdf) => {
                let key = DocumentKey::invoice(&pdf.bytes);
                let bytes = pdf.bytes.len();
                documents.put(&key, pdf.bytes).map_err(Problem::from)?;
                kept.push(Kept { documents: of, copy, key, bytes, pages: pdf.pages });
            }
            Err(error @ NotRendered::Unavailable(_)) => return Err(Problem::from(error).into()),
            Err(NotRendered::Document(why)) => {
                let account = of.bill.account_id;
                // Notes of a chunk are joined by semicolons.
                let why = why.replace(';', ",");
                failures.insert(account, format!("{account} {}: {why}", Code::RenderFailed));
            }
        }
    }
    kept.retain(|kept| !failures.contains_key(&kept.documents.bill.account_id));
    Ok((kept, failures))
}

type Rendered = std::result::Result<Pdf, NotRendered>;

fn render_all(
    renderer: &dyn Renderer,
    second: Option<&Language>,
    created_at: OffsetDateTime,
    copies: &[(&BillDocuments, &BillCopy)],
) -> Vec<Rendered> {
    let next = AtomicUsize::new(0);
    let results: Mutex<BTreeMap<usize, Rendered>> = Mutex::default();
    let threads = renderer.at_once().min(copies.len());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some((_, copy)) = copies.get(at) else { return };
                    let rendered = renderer.render(&copy.invoice, &copy.routing.language, second, created_at);
                    results.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(at, rendered);
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    let lost = || Err(NotRendered::Document("a render thread was lost".to_owned()));
    (0..copies.len()).map(|at| results.remove(&at).unwrap_or_else(lost)).collect()
}

/// Writes invoices, their deliveries and e-bills, under the accounts' locks: a bill that was
/// reopened while its document was being made gets none.
fn write(
    tx: &mut Tx<'_>,
    app: &App,
    utility: &Utility,
    run: InvoiceRunId,
    operation: &Operation,
    kept: &[Kept<'_>],
) -> Result<()> {
    if kept.is_empty() {
        return Ok(());
    }
    let accounts: BTreeSet<AccountId> = kept.iter().map(|kept| kept.documents.bill.account_id).collect();
    let accounts: Vec<AccountId> = accounts.into_iter().collect();
    store::accounts::lock(tx, &accounts)?;
    let ids: Vec<_> =
        kept.iter().map(|kept| (kept.documents.bill.account_id, kept.documents.bill.id)).collect();
    let unchanged: BTreeSet<_> = store::bills::load(tx, &ids)?
        .into_iter()
        .map(|bill| (bill.account_id, bill.id, bill.version))
        .collect();
    let mut row_ids = tx.new_ids(kept.len())?.into_iter();
    let mut rows = Vec::with_capacity(kept.len());
    let mut by_id = BTreeMap::new();
    for kept in kept {
        let bill = &kept.documents.bill;
        if !unchanged.contains(&(bill.account_id, bill.id, bill.version)) {
            continue;
        }
        let id = row_ids.next().unwrap_or_default();
        rows.push(invoice_row(tx, run, id, kept));
        by_id.insert(id, kept);
    }
    let inserted: Vec<(i64, &Kept<'_>)> =
        invoices::insert(tx, &rows)?.into_iter().filter_map(|id| Some((id, *by_id.get(&id)?))).collect();
    deliver(tx, app, utility, &inserted)?;
    let digest = digest(&rows);
    let action =
        audit::Action { action: "invoice.render", subject: run.to_string(), ..audit::Action::default() };
    audit::record_chunk(tx, &operation.created_by, action, inserted.len(), digest)
}

fn digest(rows: &[Invoice]) -> [u8; 32] {
    use sha2::Digest as _;
    let mut hash = sha2::Sha256::new();
    rows.iter().for_each(|row| hash.update(&row.sha256));
    hash.finalize().into()
}

fn invoice_row(tx: &Tx<'_>, run: InvoiceRunId, id: i64, kept: &Kept<'_>) -> Invoice {
    Invoice {
        account_id: kept.documents.bill.account_id,
        id,
        bill_id: kept.documents.bill.id,
        invoice_run_id: run,
        person_id: kept.copy.routing.person,
        channel: kept.copy.routing.channel,
        language: kept.copy.routing.language.clone(),
        document_key: kept.key.to_string(),
        sha256: kept.key.sha256().0.to_vec(),
        bytes: i64::try_from(kept.bytes).unwrap_or(i64::MAX),
        pages: i32::try_from(kept.pages).unwrap_or(i32::MAX),
        created_at: tx.as_of(),
    }
}

/// One delivery per invoice, waiting for approval; e-mail ones with what they say.
fn deliver(tx: &mut Tx<'_>, app: &App, utility: &Utility, inserted: &[(i64, &Kept<'_>)]) -> Result<()> {
    let texts = Texts::built_in().map_err(|error| Error::Fault(error.to_string()))?;
    let mut ids = tx.new_ids(inserted.len() * 2)?.into_iter();
    let (mut messages, mut deliveries) = (Vec::new(), Vec::with_capacity(inserted.len()));
    for (invoice_id, kept) in inserted {
        let routing = &kept.copy.routing;
        let (address, message_id) = match (&routing.email, &routing.postal) {
            (Some(email), _) if routing.channel == Channel::Email => {
                let id = ids.next().unwrap_or_default();
                messages.push(e_bill(tx, app, utility, &texts, id, kept)?);
                (email.clone(), Some(id))
            }
            (_, Some(postal)) => (invoice_model::envelope(routing, postal).join("\n"), None),
            _ => (String::new(), None),
        };
        deliveries.push(Delivery {
            account_id: kept.documents.bill.account_id,
            id: ids.next().unwrap_or_default(),
            invoice_id: Some(*invoice_id),
            message_id,
            bill_id: Some(kept.documents.bill.id),
            channel: routing.channel,
            address,
            state: DeliveryState::AwaitingApproval,
            attempts: 0,
            reason: None,
            approved_by: None,
            state_at: tx.as_of(),
            version: 1,
        });
    }
    invoices::insert_messages(tx, &messages)?;
    Ok(store::deliveries::insert(tx, &deliveries)?)
}

fn e_bill(
    tx: &Tx<'_>,
    app: &App,
    utility: &Utility,
    texts: &Texts,
    id: i64,
    kept: &Kept<'_>,
) -> Result<Message> {
    let (bill, account, routing) = (&kept.documents.bill, &kept.documents.account, &kept.copy.routing);
    let link = invoice_model::pay_link(utility, app.keys(), account.number, bill.number)?;
    let notice = Notice::EBill(EBill {
        bill: Line::of(&bill.number.to_string()),
        billed_on: bill.bill_on,
        due_on: bill.due_on,
        amount_due: bill.ending_minor,
        draw: kept
            .copy
            .invoice
            .autopay
            .as_ref()
            .map(|autopay| Draw { draw_on: autopay.draw_on, amount: autopay.amount }),
        attached: true,
        link: link.and_then(|link| link.parse::<Link>().ok()),
    });
    let reader = Reader {
        name: Line::of(&routing.name),
        account_number: account.number,
        language: routing.language.clone(),
        second_language: invoice_model::second_language(utility),
    };
    let said = compose(texts, &notice, &sender(utility), &reader);
    Ok(Message {
        account_id: bill.account_id,
        id,
        person_id: Some(routing.person),
        kind: MessageKind::EBill,
        language: said.language,
        subject: said.subject.to_string(),
        body_text: said.text,
        body_html: said.html,
        created_at: tx.as_of(),
    })
}

fn sender(utility: &Utility) -> Sender {
    let settings = &utility.settings;
    let contact: Vec<&str> = [settings.contact_phone.as_str(), settings.contact_email.as_str()]
        .into_iter()
        .filter(|contact| !contact.trim().is_empty())
        .collect();
    Sender {
        utility: Line::of(&settings.utility_name),
        contact: Line::of(&contact.join(", ")),
        currency: utility.currency,
    }
}

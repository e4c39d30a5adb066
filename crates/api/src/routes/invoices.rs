//! Invoice runs, invoices and their files.

use crate::body::{IdempotencyKeyHeader, Once, OnceOnly};
use crate::extract::{At, Params};
use crate::files::streamed;
use crate::page::{Listed, window};
use crate::permissions::{May, need};
use crate::problem::ApiError;
use crate::routes::accounts::respond;
use crate::routes::operations::OperationJson;
use crate::{State, blocking};
use actix_web::http::header;
use actix_web::{HttpResponse, get, post, web};
use app::Answer;
use app::invoice_runs::{ArchivedRun, InvoiceRunView, Scope};
use serde::{Deserialize, Serialize};
use store::invoices::{Invoice, InvoiceFilter, InvoiceRun};
use time::OffsetDateTime;
use utoipa_actix_web::service_config::ServiceConfig;
use vocab::{
    AccountId, BillId, Channel, InvoiceId, InvoiceRunId, Language, OperationId, PersonId, RunId, WindowId,
};

pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(start_invoice_run)
        .service(start_chosen_invoice_run)
        .service(list_invoice_runs)
        .service(read_invoice_run)
        .service(download_invoice_archive)
        .service(download_mail_package)
        .service(hand_over_letters)
        .service(list_invoices)
        .service(read_invoice)
        .service(download_invoice)
        .service(list_bill_invoices);
}

/// One batch of invoices.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = InvoiceRun)]
pub(crate) struct InvoiceRunJson {
    id: InvoiceRunId,
    /// None where bills were chosen.
    window_id: Option<WindowId>,
    bill_run_id: Option<RunId>,
    operation_id: OperationId,
    created_by: String,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
}

impl From<&InvoiceRun> for InvoiceRunJson {
    fn from(run: &InvoiceRun) -> Self {
        Self {
            id: run.id,
            window_id: run.window_id,
            bill_run_id: run.bill_run_id,
            operation_id: run.operation_id,
            created_by: run.created_by.clone(),
            created_at: run.created_at,
        }
    }
}

/// An invoice run with its progress, in accounts, and what it has made.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct InvoiceRunDetail {
    #[serde(flatten)]
    run: InvoiceRunJson,
    operation: OperationJson,
    invoices: InvoiceCounts,
    /// Accounts whose documents could not be made.
    errors: Vec<InvoiceRunError>,
    /// Chosen bills that are not rendered: every copy of them has its invoice.
    passed_over: Vec<BillId>,
    links: InvoiceRunLinks,
}

/// How many invoices a run has made.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct InvoiceCounts {
    email: i64,
    postal: i64,
    /// Of all documents.
    pages: i64,
    /// Size of all documents.
    bytes: i64,
}

/// An account whose documents could not be made; the next run tries it again.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct InvoiceRunError {
    account_id: Option<AccountId>,
    /// A stable code such as `render_failed`.
    code: String,
    detail: String,
}

impl InvoiceRunError {
    /// From a note: account, code, then the reason.
    fn of(note: &str) -> Self {
        let split = note.split_once(": ").and_then(|(head, detail)| {
            let (account, code) = head.split_once(' ')?;
            Some(Self {
                account_id: Some(account.parse().ok()?),
                code: code.to_owned(),
                detail: detail.to_owned(),
            })
        });
        split.unwrap_or_else(|| Self {
            account_id: None,
            code: vocab::Code::Internal.as_str().to_owned(),
            detail: note.to_owned(),
        })
    }
}

/// Where to go on.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct InvoiceRunLinks {
    /// The documents as one ZIP file.
    archive: String,
    /// The letters with their manifest.
    mail_package: String,
    /// The single documents.
    invoices: String,
}

impl From<InvoiceRunView> for InvoiceRunDetail {
    fn from(view: InvoiceRunView) -> Self {
        let id = view.run.id;
        Self {
            run: InvoiceRunJson::from(&view.run),
            operation: view.operation.into(),
            invoices: InvoiceCounts {
                email: view.counts.email,
                postal: view.counts.postal,
                pages: view.counts.pages,
                bytes: view.counts.bytes,
            },
            errors: view.errors.iter().map(|note| InvoiceRunError::of(note)).collect(),
            passed_over: view.passed_over,
            links: InvoiceRunLinks {
                archive: format!("/v1/invoice-runs/{id}/archive.zip"),
                mail_package: format!("/v1/invoice-runs/{id}/mail-package.zip"),
                invoices: format!("/v1/invoices?invoice_run_id={id}"),
            },
        }
    }
}

/// Which bills to render.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewInvoiceRun, example = json!({}))]
pub(crate) struct NewInvoiceRunJson {
    /// Only bills of this bill run; all accepted bills of the window when absent.
    bill_run_id: Option<RunId>,
}

/// Start an invoice run
///
/// Renders the accepted bills of a window that lack an invoice: a PDF per bill and recipient, sorted
/// into e-mail and post. From its invoice on an account is frozen in the window.
#[utoipa::path(tag = "invoices", params(("id" = WindowId, Path, description = "Cycle window"), IdempotencyKeyHeader),
    request_body = NewInvoiceRunJson, responses((status = 202, body = InvoiceRunDetail)),
    extensions(("x-permission" = json!("invoices.generate"))))]
#[post("/v1/cycle-windows/{id}/invoice-runs")]
pub(crate) async fn start_invoice_run(
    may: May<need::InvoicesGenerate>,
    state: web::Data<State>,
    id: At<WindowId>,
    once: Once<NewInvoiceRunJson>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let answer = blocking(move || {
        app.once_filing(&caller, &once.key, |tx| {
            let view = app::invoice_runs::start(tx, &caller, id.0, once.body.bill_run_id)?;
            Answer::accepted(&InvoiceRunDetail::from(view))
        })
    })
    .await?;
    Ok(respond(answer))
}

/// The bills to render.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewChosenInvoiceRun)]
pub(crate) struct NewChosenInvoiceRunJson {
    /// Posted bills, of one window, of several or of none.
    #[schema(min_items = 1, max_items = 1000)]
    bill_ids: Vec<BillId>,
}

/// Start an invoice run for chosen bills
///
/// Renders posted bills that lack an invoice, as for a window: also credit notes and off-cycle bills, which are of no
/// window. Bills of which every copy has its invoice are passed over and listed. `GET /v1/bills?invoiced=false` finds
/// those that lack one.
#[utoipa::path(tag = "invoices", params(IdempotencyKeyHeader),
    request_body = NewChosenInvoiceRunJson, responses((status = 202, body = InvoiceRunDetail)),
    extensions(("x-permission" = json!("invoices.generate"))))]
#[post("/v1/invoice-runs")]
pub(crate) async fn start_chosen_invoice_run(
    may: May<need::InvoicesGenerate>,
    state: web::Data<State>,
    once: Once<NewChosenInvoiceRunJson>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let answer = blocking(move || {
        app.once_filing(&caller, &once.key, |tx| {
            let view = app::invoice_runs::start_chosen(tx, &caller, &once.body.bill_ids)?;
            Answer::accepted(&InvoiceRunDetail::from(view))
        })
    })
    .await?;
    Ok(respond(answer))
}

/// Which invoice runs to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct InvoiceRunQuery {
    /// Only of this cycle window.
    window_id: Option<WindowId>,
    /// Rows of a page.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<i64>,
    /// From `next` of the page before.
    cursor: Option<String>,
}

/// List invoice runs
///
/// Newest first.
#[utoipa::path(tag = "invoices", params(InvoiceRunQuery), responses((status = 200, body = Listed<InvoiceRunJson>)),
    extensions(("x-permission" = json!("invoices.read"))))]
#[get("/v1/invoice-runs")]
pub(crate) async fn list_invoice_runs(
    may: May<need::InvoicesRead>,
    state: web::Data<State>,
    query: Params<InvoiceRunQuery>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, query) = (state.app.clone(), may.caller(), query.0);
    let (limit, cursor) = window(query.limit, query.cursor.as_deref())?;
    let page = blocking(move || app.invoice_runs(&caller, query.window_id, cursor.as_ref(), limit)).await?;
    Ok(HttpResponse::Ok().json(Listed::from_page(page, |run| InvoiceRunJson::from(&run))))
}

/// Read an invoice run
///
/// With its progress, what it has made, and the accounts whose documents could not be made.
#[utoipa::path(tag = "invoices", params(("id" = InvoiceRunId, Path, description = "Invoice run")),
    responses((status = 200, body = InvoiceRunDetail)), extensions(("x-permission" = json!("invoices.read"))))]
#[get("/v1/invoice-runs/{id}")]
pub(crate) async fn read_invoice_run(
    may: May<need::InvoicesRead>,
    state: web::Data<State>,
    id: At<InvoiceRunId>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let view = blocking(move || app.invoice_run(&caller, id.0)).await?;
    Ok(HttpResponse::Ok().json(InvoiceRunDetail::from(view)))
}

/// Download an invoice run
///
/// A ZIP file with the folders `EMAIL` and `POSTAL` and a manifest of all pieces.
#[utoipa::path(tag = "invoices", params(("id" = InvoiceRunId, Path, description = "Invoice run")),
    responses((status = 200, content_type = "application/zip", body = Vec<u8>)),
    extensions(("x-permission" = json!("invoices.read"))))]
#[get("/v1/invoice-runs/{id}/archive.zip")]
pub(crate) async fn download_invoice_archive(
    may: May<need::InvoicesRead>,
    state: web::Data<State>,
    id: At<InvoiceRunId>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let heavy = state.heavy()?;
    let archive = blocking(move || {
        let _heavy = heavy;
        app.archive_invoice_run(&caller, id.0, Scope::Whole)
    })
    .await?;
    Ok(zip_file(archive, &format!("{}.zip", id.0)))
}

/// Download the mail house's package
///
/// A ZIP file with the letters that are approved and not yet handed over, and a manifest: piece, account,
/// file, pages, address, checksum, and control totals.
#[utoipa::path(tag = "invoices", params(("id" = InvoiceRunId, Path, description = "Invoice run")),
    responses((status = 200, content_type = "application/zip", body = Vec<u8>)),
    extensions(("x-permission" = json!("invoices.read"))))]
#[get("/v1/invoice-runs/{id}/mail-package.zip")]
pub(crate) async fn download_mail_package(
    may: May<need::InvoicesRead>,
    state: web::Data<State>,
    id: At<InvoiceRunId>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let heavy = state.heavy()?;
    let archive = blocking(move || {
        let _heavy = heavy;
        app.archive_invoice_run(&caller, id.0, Scope::Postal)
    })
    .await?;
    Ok(zip_file(archive, &format!("{}-letters.zip", id.0)))
}

fn zip_file(archive: ArchivedRun, name: &str) -> HttpResponse {
    streamed(archive.file, archive.bytes, "application/zip", name)
}

/// What a hand-over came to.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = HandedOver)]
pub(crate) struct HandedOverJson {
    /// Letters that are now sent.
    sent: usize,
    /// Letters of the run that still wait for approval.
    awaiting_approval: i64,
}

/// Hand letters over to the mail house
///
/// Marks the approved letters of the run as sent; the package itself is `mail-package.zip`.
#[utoipa::path(tag = "invoices", params(("id" = InvoiceRunId, Path, description = "Invoice run"), IdempotencyKeyHeader),
    responses((status = 200, body = HandedOverJson)), extensions(("x-permission" = json!("deliveries.send"))))]
#[post("/v1/invoice-runs/{id}/hand-over")]
pub(crate) async fn hand_over_letters(
    may: May<need::DeliveriesSend>,
    state: web::Data<State>,
    id: At<InvoiceRunId>,
    once: OnceOnly,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let answer = blocking(move || {
        app.once(&caller, &once.0, |tx| {
            let done = app::invoice_runs::hand_over(tx, &caller, id.0)?;
            Answer::ok(&HandedOverJson { sent: done.sent, awaiting_approval: done.awaiting_approval })
        })
    })
    .await?;
    Ok(respond(answer))
}

/// The rendered document of a bill for one recipient and channel.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Invoice)]
pub(crate) struct InvoiceJson {
    id: InvoiceId,
    account_id: AccountId,
    bill_id: BillId,
    invoice_run_id: InvoiceRunId,
    person_id: PersonId,
    channel: Channel,
    language: Language,
    /// SHA-256 of the PDF, in hexadecimal.
    sha256: String,
    /// Size of the PDF.
    bytes: i64,
    pages: i32,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    /// Where the PDF is.
    pdf: String,
}

impl From<Invoice> for InvoiceJson {
    fn from(row: Invoice) -> Self {
        let id = InvoiceId::new(row.account_id, row.id);
        Self {
            id,
            account_id: row.account_id,
            bill_id: BillId::new(row.account_id, row.bill_id),
            invoice_run_id: row.invoice_run_id,
            person_id: row.person_id,
            channel: row.channel,
            language: row.language,
            sha256: row.sha256.iter().map(|byte| format!("{byte:02x}")).collect(),
            bytes: row.bytes,
            pages: row.pages,
            created_at: row.created_at,
            pdf: format!("/v1/invoices/{id}/pdf"),
        }
    }
}

/// Which invoices to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct InvoiceQuery {
    /// Only of this invoice run.
    invoice_run_id: Option<InvoiceRunId>,
    /// Only for this way.
    channel: Option<Channel>,
    /// Rows of a page.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<i64>,
    /// From `next` of the page before.
    cursor: Option<String>,
}

/// List invoices
///
/// Only of accounts of your sites, by account.
#[utoipa::path(tag = "invoices", params(InvoiceQuery), responses((status = 200, body = Listed<InvoiceJson>)),
    extensions(("x-permission" = json!("invoices.read"))))]
#[get("/v1/invoices")]
pub(crate) async fn list_invoices(
    may: May<need::InvoicesRead>,
    state: web::Data<State>,
    query: Params<InvoiceQuery>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, query) = (state.app.clone(), may.caller(), query.0);
    let (limit, cursor) = window(query.limit, query.cursor.as_deref())?;
    let filter = InvoiceFilter { sites: None, invoice_run: query.invoice_run_id, channel: query.channel };
    let page = blocking(move || app.invoices(&caller, filter, cursor.as_ref(), limit)).await?;
    Ok(HttpResponse::Ok().json(Listed::from_page(page, InvoiceJson::from)))
}

/// Read an invoice
#[utoipa::path(tag = "invoices", params(("id" = InvoiceId, Path, description = "Invoice")),
    responses((status = 200, body = InvoiceJson)), extensions(("x-permission" = json!("invoices.read"))))]
#[get("/v1/invoices/{id}")]
pub(crate) async fn read_invoice(
    may: May<need::InvoicesRead>,
    state: web::Data<State>,
    id: At<InvoiceId>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let row = blocking(move || app.invoice(&caller, id.0)).await?;
    Ok(HttpResponse::Ok().json(InvoiceJson::from(row)))
}

/// Download an invoice
#[utoipa::path(tag = "invoices", params(("id" = InvoiceId, Path, description = "Invoice")),
    responses((status = 200, content_type = "application/pdf", body = Vec<u8>)),
    extensions(("x-permission" = json!("invoices.read"))))]
#[get("/v1/invoices/{id}/pdf")]
pub(crate) async fn download_invoice(
    may: May<need::InvoicesRead>,
    state: web::Data<State>,
    id: At<InvoiceId>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let (name, pdf) = blocking(move || app.invoice_pdf(&caller, id.0)).await?;
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "application/pdf"))
        .insert_header((header::CONTENT_DISPOSITION, format!("inline; filename=\"{name}\"")))
        .body(pdf))
}

/// The invoices of a bill.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct BillInvoices {
    items: Vec<InvoiceJson>,
}

/// List a bill's invoices
#[utoipa::path(tag = "invoices", params(("id" = BillId, Path, description = "Bill")),
    responses((status = 200, body = BillInvoices)), extensions(("x-permission" = json!("invoices.read"))))]
#[get("/v1/bills/{id}/invoices")]
pub(crate) async fn list_bill_invoices(
    may: May<need::InvoicesRead>,
    state: web::Data<State>,
    id: At<BillId>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let rows = blocking(move || app.invoices_of_bill(&caller, id.0)).await?;
    Ok(HttpResponse::Ok().json(BillInvoices { items: rows.into_iter().map(Into::into).collect() }))
}

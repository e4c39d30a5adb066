//! Accounts of the general ledger, customer classes and adjustment types.

use crate::body::{Body, IdempotencyKeyHeader, Once};
use crate::etag::{IfMatch, IfMatchHeader, tagged};
use crate::extract::At;
use crate::page::Listed;
use crate::permissions::{May, need};
use crate::problem::ApiError;
use crate::routes::accounts::respond;
use crate::routes::persons::present;
use crate::{State, blocking};
use actix_web::{HttpResponse, get, patch, post, web};
use app::Answer;
use serde::{Deserialize, Serialize};
use store::ledger_setup::{AdjustmentType, CustomerClass, GlAccount};
use utoipa_actix_web::service_config::ServiceConfig;
use vocab::{AdjustmentPurpose, AdjustmentTypeId, GlAccountId};

pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(add_gl_account)
        .service(list_gl_accounts)
        .service(read_gl_account)
        .service(rename_gl_account)
        .service(add_customer_class)
        .service(list_customer_classes)
        .service(read_customer_class)
        .service(change_customer_class)
        .service(add_adjustment_type)
        .service(list_adjustment_types)
        .service(read_adjustment_type)
        .service(change_adjustment_type);
}

/// An account of the general ledger.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = GlAccount)]
pub(crate) struct GlAccountJson {
    id: GlAccountId,
    /// Tariffs name it.
    code: String,
    name: String,
}

impl From<GlAccount> for GlAccountJson {
    fn from(row: GlAccount) -> Self {
        Self { id: row.id, code: row.code, name: row.name }
    }
}

/// An account of the general ledger to add.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewGlAccount, example = json!({ "code": "4000", "name": "Revenue, electricity" }))]
pub(crate) struct NewGlAccountJson {
    #[schema(pattern = "^[A-Za-z0-9._-]{1,40}$")]
    code: String,
    #[schema(min_length = 1, max_length = 200)]
    name: String,
}

/// A new name.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "name": "Revenue, electric service" }))]
pub(crate) struct Rename {
    #[schema(min_length = 1, max_length = 200)]
    pub(crate) name: String,
}

/// Add a ledger account
///
/// Its code stays for ever, for tariffs name it.
#[utoipa::path(tag = "ledger set-up", params(IdempotencyKeyHeader), request_body = NewGlAccountJson,
    responses((status = 201, body = GlAccountJson)), extensions(("x-permission" = json!("settings.write"))))]
#[post("/v1/gl-accounts")]
pub(crate) async fn add_gl_account(
    may: May<need::SettingsWrite>,
    state: web::Data<State>,
    once: Once<NewGlAccountJson>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let answer = blocking(move || {
        app.once(&caller, &once.key, |tx| {
            let row = app::ledger_setup::add_gl_account(tx, &caller, once.body.code, once.body.name)?;
            Answer::created(&GlAccountJson::from(row))
        })
    })
    .await?;
    Ok(respond(answer))
}

/// List ledger accounts
///
/// All of them, by code.
#[utoipa::path(tag = "ledger set-up", responses((status = 200, body = Listed<GlAccountJson>)),
    extensions(("x-permission" = json!("settings.read"))))]
#[get("/v1/gl-accounts")]
pub(crate) async fn list_gl_accounts(
    _may: May<need::SettingsRead>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let app = state.app.clone();
    let rows = blocking(move || app.gl_accounts()).await?;
    Ok(HttpResponse::Ok().json(Listed::whole(rows, GlAccountJson::from)))
}

/// Read a ledger account
#[utoipa::path(tag = "ledger set-up", params(("id" = GlAccountId, Path, description = "Ledger account")),
    responses((status = 200, body = GlAccountJson, headers(("ETag" = String, description = "Version for If-Match")))),
    extensions(("x-permission" = json!("settings.read"))))]
#[get("/v1/gl-accounts/{id}")]
pub(crate) async fn read_gl_account(
    _may: May<need::SettingsRead>,
    state: web::Data<State>,
    id: At<GlAccountId>,
) -> Result<HttpResponse, ApiError> {
    let app = state.app.clone();
    let row = blocking(move || app.gl_account(id.0)).await?;
    Ok(tagged(row.version, &GlAccountJson::from(row)))
}

/// Rename a ledger account
#[utoipa::path(tag = "ledger set-up",
    params(("id" = GlAccountId, Path, description = "Ledger account"), IfMatchHeader), request_body = Rename,
    responses((status = 200, body = GlAccountJson, headers(("ETag" = String, description = "Version for If-Match")))),
    extensions(("x-permission" = json!("settings.write"))))]
#[patch("/v1/gl-accounts/{id}")]
pub(crate) async fn rename_gl_account(
    may: May<need::SettingsWrite>,
    state: web::Data<State>,
    id: At<GlAccountId>,
    version: IfMatch,
    body: Body<Rename>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let row = blocking(move || app.rename_gl_account(&caller, id.0, version.0, body.0.name)).await?;
    Ok(tagged(row.version, &GlAccountJson::from(row)))
}

/// A class of customers.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = CustomerClass)]
pub(crate) struct CustomerClassJson {
    code: String,
    name: String,
    /// Days from bill date to due date; without them no bill of the class can be completed.
    due_days: Option<i16>,
}

impl From<CustomerClass> for CustomerClassJson {
    fn from(row: CustomerClass) -> Self {
        Self { code: row.code, name: row.name, due_days: row.due_days }
    }
}

/// A class of customers to add.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewCustomerClass, example = json!({ "code": "residential", "name": "Residential", "due_days": 21 }))]
pub(crate) struct NewCustomerClassJson {
    #[schema(pattern = "^[A-Za-z0-9._-]{1,40}$")]
    code: String,
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// Days from bill date to due date.
    #[schema(minimum = 0, maximum = 120)]
    due_days: Option<i16>,
}

/// Add a customer class
#[utoipa::path(tag = "ledger set-up", params(IdempotencyKeyHeader), request_body = NewCustomerClassJson,
    responses((status = 201, body = CustomerClassJson)), extensions(("x-permission" = json!("settings.write"))))]
#[post("/v1/customer-classes")]
pub(crate) async fn add_customer_class(
    may: May<need::SettingsWrite>,
    state: web::Data<State>,
    once: Once<NewCustomerClassJson>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let answer = blocking(move || {
        app.once(&caller, &once.key, |tx| {
            let new = once.body;
            let row = app::ledger_setup::add_customer_class(tx, &caller, new.code, new.name, new.due_days)?;
            Answer::created(&CustomerClassJson::from(row))
        })
    })
    .await?;
    Ok(respond(answer))
}

/// List customer classes
///
/// All of them, by code.
#[utoipa::path(tag = "ledger set-up", responses((status = 200, body = Listed<CustomerClassJson>)),
    extensions(("x-permission" = json!("settings.read"))))]
#[get("/v1/customer-classes")]
pub(crate) async fn list_customer_classes(
    _may: May<need::SettingsRead>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let app = state.app.clone();
    let rows = blocking(move || app.customer_classes()).await?;
    Ok(HttpResponse::Ok().json(Listed::whole(rows, CustomerClassJson::from)))
}

/// Read a customer class
#[utoipa::path(tag = "ledger set-up", params(("code" = String, Path, description = "Customer class")),
    responses((status = 200, body = CustomerClassJson,
        headers(("ETag" = String, description = "Version for If-Match")))),
    extensions(("x-permission" = json!("settings.read"))))]
#[get("/v1/customer-classes/{code}")]
pub(crate) async fn read_customer_class(
    _may: May<need::SettingsRead>,
    state: web::Data<State>,
    code: At<String>,
) -> Result<HttpResponse, ApiError> {
    let app = state.app.clone();
    let row = blocking(move || app.customer_class(&code.0)).await?;
    Ok(tagged(row.version, &CustomerClassJson::from(row)))
}

/// Changes of a customer class: what is absent stays.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "due_days": 30 }))]
pub(crate) struct CustomerClassPatch {
    #[schema(min_length = 1, max_length = 200)]
    name: Option<String>,
    /// Days from bill date to due date; `null` takes the rule away.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<i16>, minimum = 0, maximum = 120)]
    due_days: Option<Option<i16>>,
}

/// Change a customer class
#[utoipa::path(tag = "ledger set-up",
    params(("code" = String, Path, description = "Customer class"), IfMatchHeader), request_body = CustomerClassPatch,
    responses((status = 200, body = CustomerClassJson,
        headers(("ETag" = String, description = "Version for If-Match")))),
    extensions(("x-permission" = json!("settings.write"))))]
#[patch("/v1/customer-classes/{code}")]
pub(crate) async fn change_customer_class(
    may: May<need::SettingsWrite>,
    state: web::Data<State>,
    code: At<String>,
    version: IfMatch,
    body: Body<CustomerClassPatch>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, patch) = (state.app.clone(), may.caller(), body.0);
    let row =
        blocking(move || app.change_customer_class(&caller, &code.0, version.0, patch.name, patch.due_days))
            .await?;
    Ok(tagged(row.version, &CustomerClassJson::from(row)))
}

/// A kind of charge or credit that does not come from a segment.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = AdjustmentType)]
pub(crate) struct AdjustmentTypeJson {
    id: AdjustmentTypeId,
    code: String,
    name: String,
    /// What a charge credits.
    gl_account_id: GlAccountId,
    purpose: AdjustmentPurpose,
}

impl From<AdjustmentType> for AdjustmentTypeJson {
    fn from(row: AdjustmentType) -> Self {
        Self { id: row.id, code: row.code, name: row.name, gl_account_id: row.gl_id, purpose: row.purpose }
    }
}

/// An adjustment type to add.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewAdjustmentType)]
pub(crate) struct NewAdjustmentTypeJson {
    #[schema(pattern = "^[A-Za-z0-9._-]{1,40}$", example = "late_fee")]
    code: String,
    #[schema(min_length = 1, max_length = 200, example = "Late charge")]
    name: String,
    /// What a charge credits.
    gl_account_id: GlAccountId,
    /// What its adjustments are for; it stays. `write_off` and `transfer` are posted by those actions alone.
    #[schema(default = "general")]
    purpose: Option<AdjustmentPurpose>,
}

/// Add an adjustment type
#[utoipa::path(tag = "ledger set-up", params(IdempotencyKeyHeader), request_body = NewAdjustmentTypeJson,
    responses((status = 201, body = AdjustmentTypeJson)),
    extensions(("x-permission" = json!("adjustments.write"))))]
#[post("/v1/adjustment-types")]
pub(crate) async fn add_adjustment_type(
    may: May<need::AdjustmentsWrite>,
    state: web::Data<State>,
    once: Once<NewAdjustmentTypeJson>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let answer = blocking(move || {
        app.once(&caller, &once.key, |tx| {
            let new = once.body;
            let purpose = new.purpose.unwrap_or(AdjustmentPurpose::General);
            let row = app::ledger_setup::add_adjustment_type(
                tx,
                &caller,
                new.code,
                new.name,
                new.gl_account_id,
                purpose,
            )?;
            Answer::created(&AdjustmentTypeJson::from(row))
        })
    })
    .await?;
    Ok(respond(answer))
}

/// List adjustment types
///
/// All of them, by code.
#[utoipa::path(tag = "ledger set-up", responses((status = 200, body = Listed<AdjustmentTypeJson>)),
    extensions(("x-permission" = json!("adjustments.read"))))]
#[get("/v1/adjustment-types")]
pub(crate) async fn list_adjustment_types(
    _may: May<need::AdjustmentsRead>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let app = state.app.clone();
    let rows = blocking(move || app.adjustment_types()).await?;
    Ok(HttpResponse::Ok().json(Listed::whole(rows, AdjustmentTypeJson::from)))
}

/// Read an adjustment type
#[utoipa::path(tag = "ledger set-up", params(("id" = AdjustmentTypeId, Path, description = "Adjustment type")),
    responses((status = 200, body = AdjustmentTypeJson,
        headers(("ETag" = String, description = "Version for If-Match")))),
    extensions(("x-permission" = json!("adjustments.read"))))]
#[get("/v1/adjustment-types/{id}")]
pub(crate) async fn read_adjustment_type(
    _may: May<need::AdjustmentsRead>,
    state: web::Data<State>,
    id: At<AdjustmentTypeId>,
) -> Result<HttpResponse, ApiError> {
    let app = state.app.clone();
    let row = blocking(move || app.adjustment_type(id.0)).await?;
    Ok(tagged(row.version, &AdjustmentTypeJson::from(row)))
}

/// Changes of an adjustment type: what is absent stays.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "name": "Late payment charge" }))]
pub(crate) struct AdjustmentTypePatch {
    #[schema(min_length = 1, max_length = 200)]
    name: Option<String>,
    gl_account_id: Option<GlAccountId>,
}

/// Change an adjustment type
#[utoipa::path(tag = "ledger set-up",
    params(("id" = AdjustmentTypeId, Path, description = "Adjustment type"), IfMatchHeader),
    request_body = AdjustmentTypePatch,
    responses((status = 200, body = AdjustmentTypeJson,
        headers(("ETag" = String, description = "Version for If-Match")))),
    extensions(("x-permission" = json!("adjustments.write"))))]
#[patch("/v1/adjustment-types/{id}")]
pub(crate) async fn change_adjustment_type(
    may: May<need::AdjustmentsWrite>,
    state: web::Data<State>,
    id: At<AdjustmentTypeId>,
    version: IfMatch,
    body: Body<AdjustmentTypePatch>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, patch) = (state.app.clone(), may.caller(), body.0);
    let row = blocking(move || {
        app.change_adjustment_type(&caller, id.0, version.0, patch.name, patch.gl_account_id)
    })
    .await?;
    Ok(tagged(row.version, &AdjustmentTypeJson::from(row)))
}

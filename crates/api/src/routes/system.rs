//! Health, readiness and the error codes.

use crate::problem::{ApiError, status_of};
use crate::{State, blocking};
use actix_web::{HttpResponse, get, web};
use serde::Serialize;
use utoipa_actix_web::service_config::ServiceConfig;
use vocab::Code;

pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(read_health).service(read_readiness).service(list_error_codes);
}

/// How the service is.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Health {
    /// `ok`.
    status: &'static str,
    /// The program's version.
    version: &'static str,
}

const HEALTH: Health = Health { status: "ok", version: env!("CARGO_PKG_VERSION") };

/// Is the process alive
#[utoipa::path(tag = "system", responses((status = 200, body = Health)))]
#[get("/v1/health")]
pub(crate) async fn read_health() -> HttpResponse {
    HttpResponse::Ok().json(HEALTH)
}

/// Can the process serve
///
/// 503 while the database does not answer or the schema is not up to date.
#[utoipa::path(tag = "system", responses((status = 200, body = Health)))]
#[get("/v1/ready")]
pub(crate) async fn read_readiness(state: web::Data<State>) -> Result<HttpResponse, ApiError> {
    let app = state.app.clone();
    blocking(move || app.ready()).await?;
    Ok(HttpResponse::Ok().json(HEALTH))
}

/// One error code.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ErrorCode {
    code: &'static str,
    /// The HTTP status it comes with.
    status: u16,
    meaning: &'static str,
    /// Names of its parameters.
    params: &'static [&'static str],
}

/// Every error code.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ErrorCodes {
    items: Vec<ErrorCode>,
}

/// List the error codes
#[utoipa::path(tag = "system", responses((status = 200, body = ErrorCodes)))]
#[get("/v1/error-codes")]
pub(crate) async fn list_error_codes() -> HttpResponse {
    let items = Code::ALL.iter().map(|&code| ErrorCode {
        code: code.as_str(),
        status: status_of(code).as_u16(),
        meaning: code.meaning(),
        params: code.params(),
    });
    HttpResponse::Ok().json(ErrorCodes { items: items.collect() })
}

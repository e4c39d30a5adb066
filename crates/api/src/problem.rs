//! Refusals as RFC 9457 problem documents: the one place where a code becomes a status.

use crate::request_id;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use vocab::{Category, Code, FieldError, Problem};

/// Seconds a client is asked to wait when the service is busy.
const RETRY_AFTER_S: u64 = 2;

/// What a handler answers when it does not do what was asked.
#[derive(Debug)]
pub struct ApiError {
    error: app::Error,
    retry_after_s: Option<u64>,
}

/// A problem document, `application/problem+json` (RFC 9457).
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Problem, example = json!({
    "type": "/docs/errors#invalid", "title": "One or more fields are not acceptable; errors names them.",
    "status": 422, "detail": "/amount: the amount must be more than nothing", "code": "invalid",
    "request_id": "0b5c7a0e5d1f4c0a",
    "errors": [{ "pointer": "/amount", "code": "amount_not_positive", "detail": "the amount must be more than nothing" }]
}))]
pub struct ProblemDocument {
    /// Address of the code's description.
    #[serde(rename = "type")]
    kind: String,
    /// What the code means.
    title: String,
    /// The HTTP status.
    status: u16,
    /// What is wrong in this case.
    detail: String,
    /// The stable code.
    code: String,
    /// Finds this request in the log.
    request_id: String,
    /// Per field, when fields are at fault.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
    /// The code's parameters.
    #[serde(skip_serializing_if = "serde_json::Map::is_empty")]
    #[schema(value_type = std::collections::HashMap<String, String>)]
    params: serde_json::Map<String, serde_json::Value>,
}

impl ApiError {
    /// Too many requests: wait this long.
    pub(crate) fn too_many(wait_s: u64) -> Self {
        let problem = Problem::new(Code::TooManyRequests, format!("wait {wait_s} s"));
        Self { error: problem.into(), retry_after_s: Some(wait_s) }
    }
}

impl<E: Into<app::Error>> From<E> for ApiError {
    fn from(error: E) -> Self {
        Self { error: error.into(), retry_after_s: None }
    }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.error.fmt(f)
    }
}

/// The one table from category to status.
pub(crate) const fn status(category: Category) -> StatusCode {
    match category {
        Category::Malformed => StatusCode::BAD_REQUEST,
        Category::Unauthenticated => StatusCode::UNAUTHORIZED,
        Category::Forbidden => StatusCode::FORBIDDEN,
        Category::NotFound => StatusCode::NOT_FOUND,
        Category::Conflict => StatusCode::CONFLICT,
        Category::Stale => StatusCode::PRECONDITION_FAILED,
        Category::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Category::UnsupportedMedia => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Category::Refused => StatusCode::UNPROCESSABLE_ENTITY,
        Category::PreconditionMissing => StatusCode::PRECONDITION_REQUIRED,
        Category::TooMany => StatusCode::TOO_MANY_REQUESTS,
        Category::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Category::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The status that a code comes with.
pub(crate) fn status_of(code: Code) -> StatusCode {
    match code {
        Code::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        code => status(code.category()),
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        status_of(self.error.problem().code)
    }

    fn error_response(&self) -> HttpResponse {
        let problem = self.error.problem();
        let status = self.status_code();
        let request_id = request_id::current();
        if status.is_server_error() {
            // The full chain is logged once, here.
            tracing::error!(%request_id, code = %problem.code, error = ?self.error, "request failed");
        }
        let mut response = HttpResponse::build(status);
        if let Some(wait_s) = self.retry_after_s {
            response.insert_header((header::RETRY_AFTER, wait_s));
        } else if status == StatusCode::SERVICE_UNAVAILABLE {
            response.insert_header((header::RETRY_AFTER, RETRY_AFTER_S));
        }
        if status == StatusCode::METHOD_NOT_ALLOWED {
            let allow = problem.params.iter().find(|(name, _)| *name == "allow");
            response.insert_header((header::ALLOW, allow.map_or("", |(_, methods)| methods.as_str())));
        }
        if status == StatusCode::UNAUTHORIZED {
            response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
        }
        response.insert_header((header::CONTENT_TYPE, "application/problem+json"));
        response.body(serde_json::to_vec(&document(problem, status, request_id)).unwrap_or_default())
    }
}

fn document(problem: Problem, status: StatusCode, request_id: String) -> ProblemDocument {
    ProblemDocument {
        kind: format!("/docs/errors#{}", problem.code),
        title: problem.code.meaning().to_owned(),
        status: status.as_u16(),
        detail: problem.detail,
        code: problem.code.as_str().to_owned(),
        request_id,
        errors: problem.errors,
        params: problem.params.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect(),
    }
}

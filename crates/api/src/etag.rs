//! `ETag` on reads, `If-Match` on changes: a row's version in quotes.

use crate::problem::ApiError;
use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use serde::Serialize;
use std::future::{Ready, ready};
use vocab::{Code, Problem};

/// The version that the client read.
pub(crate) struct IfMatch(pub i64);

/// The version of the thing to be changed.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Header)]
#[allow(dead_code, reason = "only its documentation is used")]
pub(crate) struct IfMatchHeader {
    /// The ETag that came with the thing when it was read.
    #[param(rename = "If-Match", example = "\"3\"")]
    if_match: String,
}

impl FromRequest for IfMatch {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(optional(request).and_then(|version| {
            match version {
                Some(version) => Ok(Self(version)),
                None => Err(Problem::new(Code::PreconditionMissing, "send If-Match with the thing's ETag")
                    .with("header", "If-Match")
                    .into()),
            }
        }))
    }
}

/// The version that the client read, when it says so.
pub(crate) struct MaybeIfMatch(pub Option<i64>);

impl FromRequest for MaybeIfMatch {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(optional(request).map(Self))
    }
}

fn optional(request: &HttpRequest) -> Result<Option<i64>, ApiError> {
    let Some(value) = request.headers().get(header::IF_MATCH) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default();
    let version =
        text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).and_then(|text| text.parse().ok());
    // A tag that we never gave out matches nothing.
    version.map(Some).ok_or_else(|| Problem::new(Code::EtagMismatch, Code::EtagMismatch.meaning()).into())
}

/// 200 with a body and its version.
pub(crate) fn tagged(version: i64, body: &impl Serialize) -> HttpResponse {
    HttpResponse::Ok().insert_header((header::ETAG, format!("\"{version}\""))).json(body)
}

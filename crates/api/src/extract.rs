//! Path and query parameters of the documented form.

use crate::problem::ApiError;
use actix_web::dev::Payload;
use actix_web::http::header::{Accept, Header, Quality};
use actix_web::{FromRequest, HttpRequest, web};
use serde::de::DeserializeOwned;
use std::future::{Ready, ready};
use vocab::plain::plain;
use vocab::{Code, Problem};

/// Ids in the path; what cannot be decoded does not exist.
pub(crate) struct At<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for At<T> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        // No name has the character NUL in it.
        if request.match_info().iter().any(|(_, part)| part.contains('\0') || part.contains("%00")) {
            return ready(Err(Problem::not_found().into()));
        }
        let path = web::Path::<T>::from_request(request, payload).into_inner();
        ready(path.map(|path| Self(path.into_inner())).map_err(|_| Problem::not_found().into()))
    }
}

/// Query parameters; unknown ones are refused.
pub(crate) struct Params<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Params<T> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let mut sent = form_urlencoded::parse(request.query_string().as_bytes());
        if let Some((name, _)) = sent.find(|(name, value)| name.contains('\0') || value.contains('\0')) {
            let name = name.replace('\0', "");
            let problem =
                Problem::new(Code::MalformedParameter, format!("{name}: the character NUL is not read"));
            return ready(Err(problem.with("name", name).into()));
        }
        let parsed = serde_path_to_error::deserialize(serde_urlencoded::Deserializer::new(
            form_urlencoded::parse(request.query_string().as_bytes()),
        ));
        ready(parsed.map(Self).map_err(|error| {
            let (path, why) = (error.path().to_string(), error.inner().to_string());
            // A parameter that is missing has no path: the message names it.
            let missing = why.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
            let name = missing.map_or(path, str::to_owned);
            let why = match missing {
                Some(_) => "this parameter is needed".to_owned(),
                None => plain(&why).replace("such field", "such parameter"),
            };
            Problem::new(Code::MalformedParameter, format!("{name}: {why}")).with("name", name).into()
        }))
    }
}

/// Whether a client that says what it takes prefers this media type to JSON.
pub(crate) fn prefers(request: &HttpRequest, other: &str) -> bool {
    let Ok(Accept(mut taken)) = Accept::parse(request) else { return false };
    taken.retain(|one| one.quality > Quality::ZERO);
    let group = other.split_once('/').map(|(group, _)| format!("{group}/*"));
    for kind in Accept(taken).ranked() {
        match kind.essence_str() {
            "application/json" | "application/*" | "*/*" => return false,
            kind if kind == other || Some(kind) == group.as_deref() => return true,
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::prefers;
    use actix_web::test::TestRequest;

    #[test]
    fn a_client_gets_what_it_ranks_first() {
        let plain = |accept: &str| {
            prefers(&TestRequest::get().insert_header(("accept", accept)).to_http_request(), "text/plain")
        };
        assert!(plain("text/plain"));
        assert!(plain("text/*, application/json;q=0.5"));
        assert!(plain("text/plain; charset=utf-8, */*;q=0.1"));
        assert!(!plain("application/json, text/plain, */*"), "what browsers' libraries send");
        assert!(!plain("text/plain;q=0.2, application/json"));
        assert!(!plain("text/plain;q=0"));
        assert!(!plain("*/*"));
        assert!(!plain("nonsense"));
        assert!(!prefers(&TestRequest::get().to_http_request(), "text/plain"));
    }
}

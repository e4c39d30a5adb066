//! Path and query parameters of the documented form.

use crate::problem::ApiError;
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use serde::de::DeserializeOwned;
use std::future::{Ready, ready};
use vocab::{Code, Problem};

/// Ids in the path; what cannot be decoded does not exist.
pub(crate) struct At<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for At<T> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
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
        let parsed = serde_path_to_error::deserialize(serde_urlencoded::Deserializer::new(
            form_urlencoded::parse(request.query_string().as_bytes()),
        ));
        ready(parsed.map(Self).map_err(|error| {
            let name = error.path().to_string();
            Problem::new(Code::MalformedParameter, format!("{name}: {}", error.into_inner()))
                .with("name", name)
                .into()
        }))
    }
}

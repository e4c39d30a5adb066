//! Bodies: JSON of the documented shape, nothing else; creating and money-moving ones carry an
//! `Idempotency-Key`.

use crate::State;
use crate::problem::ApiError;
use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::rt::time::timeout;
use actix_web::{FromRequest, HttpRequest, web};
use app::IdempotencyKey;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;
use vocab::plain::plain;
use vocab::{Code, FieldError, Problem};

/// Largest JSON body.
const BODY_BYTES_MAX: usize = 1024 * 1024;
/// How long a body may take, and a pause within a file, unless the server is told otherwise.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// Longest key.
const KEY_LENGTH_MAX: usize = 255;

/// A JSON body.
pub(crate) struct Body<T>(pub T);

/// A JSON body that is to take effect once.
pub(crate) struct Once<T> {
    /// The body.
    pub body: T,
    /// What makes it happen once.
    pub key: IdempotencyKey,
}

/// The key of a creating or money-moving request.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Header)]
#[allow(dead_code, reason = "only its documentation is used")]
pub(crate) struct IdempotencyKeyHeader {
    /// Chosen by the client, unique per intended effect. The same key and body give the first answer
    /// again for seven days; another body is refused.
    #[param(rename = "Idempotency-Key", max_length = 255, example = "5f1c2d0e-open-account")]
    idempotency_key: String,
}

type Boxed<T> = Pin<Box<dyn Future<Output = Result<T, ApiError>>>>;

impl<T: DeserializeOwned + 'static> FromRequest for Body<T> {
    type Error = ApiError;
    type Future = Boxed<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let bytes = read(request, payload);
        Box::pin(async move { Ok(Self(parse(&bytes.await?)?)) })
    }
}

impl<T: DeserializeOwned + 'static> FromRequest for Once<T> {
    type Error = ApiError;
    type Future = Boxed<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let key = key_of(request);
        let route = format!("{} {}", request.method(), request.path());
        let bytes = read(request, payload);
        Box::pin(async move {
            let key = key?;
            let bytes = bytes.await?;
            let body_hash: [u8; 32] = Sha256::digest(&bytes).into();
            Ok(Self { body: parse(&bytes)?, key: IdempotencyKey { route, key, body_hash } })
        })
    }
}

/// The same of a body that may be left out, or be `null`: it says nothing then.
pub(crate) struct OnceMaybe<T>(pub Once<T>);

impl<T: DeserializeOwned + Default + 'static> FromRequest for OnceMaybe<T> {
    type Error = ApiError;
    type Future = Boxed<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        if has_body(request) {
            let once = Once::<Option<T>>::from_request(request, payload);
            return Box::pin(async move {
                let Once { body, key } = once.await?;
                Ok(Self(Once { body: body.unwrap_or_default(), key }))
            });
        }
        let key = OnceOnly::from_request(request, payload);
        Box::pin(async move { Ok(Self(Once { body: T::default(), key: key.await?.0 })) })
    }
}

/// Whether a body comes with the request.
fn has_body(request: &HttpRequest) -> bool {
    let headers = request.headers();
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    headers.contains_key(header::TRANSFER_ENCODING) || length.is_some_and(|length| length.trim() != "0")
}

/// A JSON body as it came: its signature is over these bytes.
pub(crate) struct Raw(pub web::Bytes);

impl FromRequest for Raw {
    type Error = ApiError;
    type Future = Boxed<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let bytes = read(request, payload);
        Box::pin(async move { Ok(Self(bytes.await?)) })
    }
}

/// An action without a body, to take effect once.
pub(crate) struct OnceOnly(pub IdempotencyKey);

impl FromRequest for OnceOnly {
    type Error = ApiError;
    type Future = std::future::Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let route = format!("{} {}", request.method(), request.path());
        // What a body would say stands in the query here.
        let body_hash: [u8; 32] = Sha256::digest(request.query_string()).into();
        std::future::ready(key_of(request).map(|key| Self(IdempotencyKey { route, key, body_hash })))
    }
}

/// The key that the client chose.
pub(crate) fn key_of(request: &HttpRequest) -> Result<String, ApiError> {
    let missing = || {
        ApiError::from(
            Problem::new(Code::PreconditionMissing, "send an Idempotency-Key header")
                .with("header", "Idempotency-Key"),
        )
    };
    let value = request.headers().get("idempotency-key").ok_or_else(missing)?;
    let key = value.to_str().unwrap_or_default();
    if key.is_empty() || key.len() > KEY_LENGTH_MAX {
        return Err(Problem::new(
            Code::MalformedParameter,
            "Idempotency-Key: 1 to 255 visible ASCII characters",
        )
        .with("name", "Idempotency-Key")
        .into());
    }
    Ok(key.to_owned())
}

fn read(
    request: &HttpRequest,
    payload: &mut Payload,
) -> impl Future<Output = Result<web::Bytes, ApiError>> + use<> {
    let is_json = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .map(|value| value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
        .is_some_and(|kind| kind == "application/json" || kind.ends_with("+json"));
    let payload = payload.take();
    let patience = patience(request);
    async move {
        if !is_json {
            return Err(Problem::new(Code::UnsupportedMediaType, "send application/json").into());
        }
        let body = actix_web::body::BodyStream::new(payload);
        timeout(patience, actix_web::body::to_bytes_limited(body, BODY_BYTES_MAX))
            .await
            .map_err(|_| too_slow())?
            .map_err(|_| {
                ApiError::from(
                    Problem::new(Code::BodyTooLarge, format!("at most {BODY_BYTES_MAX} bytes"))
                        .with("limit_bytes", BODY_BYTES_MAX),
                )
            })?
            .map_err(|_| Problem::new(Code::MalformedBody, "the body ended early").into())
    }
}

/// How long this server waits for a body, or for the next piece of a file.
pub(crate) fn patience(request: &HttpRequest) -> Duration {
    request.app_data::<web::Data<State>>().map_or(PATIENCE, |state| state.body_patience)
}

/// The refusal of a body that does not come: a slow client holds a connection and a buffer.
pub(crate) fn too_slow() -> ApiError {
    Problem::new(Code::MalformedBody, "the body did not come in time").into()
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    if bytes.trim_ascii_start().first() == Some(&b'[') {
        return Err(Problem::new(Code::MalformedBody, "the body is an object, not an array").into());
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let pointer = pointer(error.path());
        let inner = error.into_inner();
        if inner.is_data() { misread(&pointer, &inner.to_string()) } else { no_json(&inner) }
    })?;
    reader.end().map_err(|error| no_json(&error))?;
    refuse_nul(bytes)?;
    Ok(value)
}

/// A part of a body that is read by itself.
pub(crate) fn part<T: DeserializeOwned>(below: &str, value: Value) -> Result<T, Problem> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let pointer = format!("{below}{}", pointer(error.path()));
        misread(&pointer, &error.inner().to_string())
    })
}

/// The refusal of a value that is of another form than its place has.
fn misread(pointer: &str, message: &str) -> Problem {
    let (pointer, why) = (format!("{pointer}{}", missing(message)), plain(message));
    let mut problem = Problem::new(Code::Invalid, format!("{pointer}: {why}"));
    problem.errors.push(FieldError { pointer, code: Code::FieldFormat, detail: why });
    problem
}

/// The refusal of what is no JSON, with the place.
fn no_json(error: &serde_json::Error) -> Problem {
    let what = if error.is_eof() { "the body ends before its JSON does" } else { "the body is not JSON" };
    let detail = format!("{what}: line {}, column {}", error.line(), error.column());
    Problem::new(Code::MalformedBody, detail)
}

/// Refuses the character NUL in a text, where it stands: the database keeps none.
fn refuse_nul(bytes: &[u8]) -> Result<(), Problem> {
    const NUL: &[u8] = b"\\u0000";
    if !bytes.windows(NUL.len()).any(|part| part == NUL) {
        return Ok(());
    }
    let found = serde_json::from_slice(bytes).ok().and_then(|body: Value| place_of_nul(&body));
    match found {
        Some(pointer) => Err(Problem::field(pointer, Code::FieldFormat, "the character NUL is not stored")),
        None => Ok(()),
    }
}

fn place_of_nul(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => text.contains('\0').then(String::new),
        Value::Array(items) => {
            let mut places = items.iter().enumerate();
            places.find_map(|(at, item)| Some(format!("/{at}{}", place_of_nul(item)?)))
        }
        Value::Object(members) => members.iter().find_map(|(name, member)| {
            // A name that holds one is pointed at as what it stands in.
            if name.contains('\0') {
                Some(String::new())
            } else {
                Some(format!("/{}{}", escaped(name), place_of_nul(member)?))
            }
        }),
        _ => None,
    }
}

/// Where the field would stand that a reader misses, below the object that lacks it.
fn missing(message: &str) -> String {
    let name = message.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
    name.map(|name| format!("/{name}")).unwrap_or_default()
}

/// A name as it stands in a pointer.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

pub(crate) fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter()
        .map(|segment| match segment {
            Segment::Seq { index } => format!("/{index}"),
            Segment::Map { key } => format!("/{}", escaped(key)),
            Segment::Enum { variant } => format!("/{variant}"),
            Segment::Unknown => String::new(),
        })
        .collect()
}

//! A request's id: taken from `X-Request-Id` when it is harmless, else made; sent back, logged,
//! written into problem documents and audit entries.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

const HEADER: HeaderName = HeaderName::from_static("x-request-id");

tokio::task_local! {
    static CURRENT: String;
}

/// The id of the request that this task serves.
pub(crate) fn current() -> String {
    CURRENT.try_with(Clone::clone).unwrap_or_default()
}

/// Gives every request its id and a line in the log.
pub(crate) async fn middleware(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let id = request.headers().get(&HEADER).and_then(harmless).unwrap_or_else(fresh);
    let started = Instant::now();
    let (method, path) = (request.method().clone(), request.path().to_owned());
    let mut outcome = CURRENT.scope(id.clone(), next.call(request)).await;
    if let Ok(response) = &mut outcome {
        tracing::debug!(request_id = %id, %method, %path, status = response.status().as_u16(),
            micros = started.elapsed().as_micros(), "request");
        if let Ok(value) = HeaderValue::from_str(&id) {
            response.headers_mut().insert(HEADER, value);
        }
    }
    outcome
}

fn harmless(value: &HeaderValue) -> Option<String> {
    let text = value.to_str().ok()?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    (!text.is_empty() && text.len() <= 64 && text.bytes().all(plain)).then(|| text.to_owned())
}

/// Unique within the process and, by its start, across restarts. It is a name, not a secret.
fn fresh() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    static START: std::sync::LazyLock<u64> = std::sync::LazyLock::new(|| {
        use std::hash::{BuildHasher, RandomState};
        RandomState::new().hash_one(std::process::id())
    });
    format!("{:012x}{:06x}", *START >> 16, COUNT.fetch_add(1, Ordering::Relaxed))
}

//! HTTP: routes, extractors, problem responses, OpenAPI. The only crate that knows actix.
//!
//! A handler extracts, parses, makes one `app` call through [`blocking`] and maps the answer.
//! No rule of the trade and no query stands here. Rows of `store` are seen only as read models.

mod addresses;
mod body;
mod budget;
mod error_reference;
mod etag;
mod events;
mod extract;
mod files;
mod money;
mod openapi;
mod page;
mod permissions;
mod preview;
mod problem;
mod request_id;
pub mod routes;
mod server;

pub use budget::Limits;
pub use error_reference::error_reference;
pub use openapi::{document, document_json};
pub use server::{Options, Running, start};

use actix_web::web;

/// What handlers share.
#[derive(Clone)]
pub struct State {
    /// The application.
    pub app: app::App,
    pub(crate) budgets: std::sync::Arc<budget::Budgets>,
    pub(crate) events: events::Events,
    pub(crate) heavy: std::sync::Arc<tokio::sync::Semaphore>,
    pub(crate) body_patience: std::time::Duration,
    pub(crate) trusted_proxies: std::sync::Arc<[std::net::IpAddr]>,
    pub(crate) addresses: std::sync::Arc<addresses::Addresses>,
}

impl State {
    /// Room for one more request that takes a whole file in memory or writes a whole archive; 503 while
    /// there is none.
    pub(crate) fn heavy(&self) -> Result<tokio::sync::OwnedSemaphorePermit, problem::ApiError> {
        self.heavy.clone().try_acquire_owned().map_err(|_| {
            let detail = "other large files are being worked on";
            vocab::Problem::new(vocab::Code::Unavailable, detail).into()
        })
    }
}

/// Runs a use case on the blocking pool.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> app::Result<T> + Send + 'static,
) -> Result<T, problem::ApiError> {
    match web::block(work).await {
        Ok(outcome) => Ok(outcome?),
        Err(_) => Err(app::Error::Fault("the blocking pool is gone".to_owned()).into()),
    }
}

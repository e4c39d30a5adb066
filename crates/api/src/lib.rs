//! HTTP: routes, extractors, problem responses, OpenAPI. The only crate that knows actix.
//!
//! A handler extracts, parses, makes one `app` call through [`blocking`] and maps the answer.
//! No rule of the trade and no query stands here. Rows of `store` are seen only as read models.

mod body;
mod budget;
mod error_reference;
mod etag;
mod events;
mod extract;
mod money;
mod openapi;
mod page;
mod permissions;
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
    pub(crate) body_patience: std::time::Duration,
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

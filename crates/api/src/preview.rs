//! What a request came to, or would come to.

use serde::Serialize;

/// An answer that says whether anything was done.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Previewed<T> {
    /// Whether this is only what it would come to: nothing was done, and new ids in it will not exist.
    pub(crate) dry_run: bool,
    #[serde(flatten)]
    pub(crate) of: T,
}

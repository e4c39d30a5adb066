//! PDFs from `penstock-render` processes.
//!
//! Invariants:
//! - a [`RenderPool`] never runs more processes than its settings say, and a caller waits for a
//!   free one;
//! - a request that takes too long, eats its memory or kills its process fails alone: the next
//!   one gets a fresh process;
//! - a process is replaced after a number of requests, so that nothing it remembers piles up;
//! - a process ends when its standard input does: it never outlives this one.
//!
//! The protocol on the pipes is described at `penstock-render`'s `protocol` module; this side
//! writes requests and reads replies. Deliberately missing: queues and retries, which belong to
//! the work queue.

mod pool;
mod request;
#[cfg(test)]
mod tests;
mod worker;

pub use pool::{RenderPool, RenderSettings};
pub use request::{RenderRequest, Template};

use std::path::PathBuf;
use std::time::Duration;

/// A rendered document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The PDF.
    pub pdf: Vec<u8>,
    /// Its pages.
    pub pages: u32,
    /// What the template's author should know.
    pub warnings: Vec<String>,
}

/// Why there is no PDF.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RenderError {
    /// The template or its data is at fault; says where. Trying again gives the same.
    #[error("the template cannot be rendered: {0}")]
    Template(String),
    /// The wall-clock limit has passed; the process has been ended.
    #[error("rendering took longer than {0:?}")]
    TimedOut(Duration),
    /// The process has ended during the request, for example for want of memory.
    #[error("the render process has ended ({0})")]
    Died(String),
    /// The program cannot be started.
    #[error("{program} cannot be started: {source}")]
    Start {
        /// The program's path.
        program: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The request cannot be written down.
    #[error("the request cannot be encoded: {0}")]
    Request(String),
}

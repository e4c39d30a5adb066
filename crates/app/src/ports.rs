//! The ports to the outside that documents and mail need; adapters are handed in by the binary.

use crate::{App, Result};
use connectors::documents::Documents;
use connectors::rendering::{RenderError, RenderPool, RenderRequest, Template};
use invoicing::Invoice;
use notifications::Mailer;
use std::sync::Arc;
use time::OffsetDateTime;
use vocab::{Code, Language, Problem};

/// Makes PDFs of invoices.
pub trait Renderer: Send + Sync {
    /// Renders one invoice in its reader's language, with a second one when asked; blocks.
    fn render(
        &self,
        invoice: &Invoice,
        language: &Language,
        second: Option<&Language>,
        created_at: OffsetDateTime,
    ) -> std::result::Result<Pdf, NotRendered>;

    /// How many documents it can make at once.
    fn at_once(&self) -> usize {
        1
    }
}

/// A rendered document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pdf {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its pages.
    pub pages: u32,
}

/// Why there is no PDF.
#[derive(Debug, thiserror::Error)]
pub enum NotRendered {
    /// This document cannot be rendered; others can.
    #[error("{0}")]
    Document(String),
    /// Nothing can be rendered here now.
    #[error("the renderer is not available: {0}")]
    Unavailable(String),
}

impl From<NotRendered> for Problem {
    fn from(error: NotRendered) -> Self {
        let code = match error {
            NotRendered::Document(_) => Code::RenderFailed,
            NotRendered::Unavailable(_) => Code::Unavailable,
        };
        Self::new(code, error.to_string()).with("reason", error)
    }
}

/// A pool of render processes with the template that every utility begins with.
pub struct PooledRenderer {
    pool: RenderPool,
    processes: usize,
}

impl PooledRenderer {
    /// Over a pool of so many processes.
    pub fn new(pool: RenderPool, processes: usize) -> Self {
        Self { pool, processes: processes.max(1) }
    }
}

impl Renderer for PooledRenderer {
    fn render(
        &self,
        invoice: &Invoice,
        language: &Language,
        second: Option<&Language>,
        created_at: OffsetDateTime,
    ) -> std::result::Result<Pdf, NotRendered> {
        let request = RenderRequest::invoice(invoice, language, second, Template::classic(), created_at)
            .map_err(|error| NotRendered::Document(error.to_string()))?;
        match self.pool.render(&request) {
            Ok(rendered) => Ok(Pdf { bytes: rendered.pdf, pages: rendered.pages }),
            Err(error @ RenderError::Start { .. }) => Err(NotRendered::Unavailable(error.to_string())),
            Err(error) => Err(NotRendered::Document(error.to_string())),
        }
    }

    fn at_once(&self) -> usize {
        self.processes
    }
}

/// The document ports of an application; each may be absent.
#[derive(Clone, Default)]
pub(crate) struct Ports {
    pub(crate) renderer: Option<Arc<dyn Renderer>>,
    pub(crate) documents: Option<Arc<dyn Documents>>,
    pub(crate) mailer: Option<Arc<dyn Mailer>>,
}

impl App {
    /// The renderer, or a refusal where none is at hand.
    pub(crate) fn renderer(&self) -> Result<&Arc<dyn Renderer>> {
        self.ports().renderer.as_ref().ok_or_else(|| absent("no renderer is set up here"))
    }

    /// The document store, or a refusal where none is at hand.
    pub(crate) fn documents(&self) -> Result<&Arc<dyn Documents>> {
        self.ports().documents.as_ref().ok_or_else(|| absent("no document store is set up here"))
    }

    /// The mailer, or a refusal where none is at hand.
    pub(crate) fn mailer(&self) -> Result<&Arc<dyn Mailer>> {
        self.ports().mailer.as_ref().ok_or_else(|| absent("no mailer is set up here"))
    }
}

fn absent(detail: &str) -> crate::Error {
    Problem::new(Code::Unavailable, detail).into()
}

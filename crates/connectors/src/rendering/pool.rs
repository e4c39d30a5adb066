//! A fixed number of workers shared by any number of threads.

use super::worker::Worker;
use super::{RenderError, RenderRequest, Rendered};
use std::path::PathBuf;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// How a pool runs.
#[derive(Debug, Clone)]
pub struct RenderSettings {
    /// Path of `penstock-render`.
    pub program: PathBuf,
    /// Processes at most; one per core is best.
    pub workers: usize,
    /// Longest wall-clock time of one document.
    pub time_limit: Duration,
    /// A process is replaced after so many documents. At most 2,000: a process interns up to 32
    /// file names a document and has room for 65,535.
    pub renders_per_worker: u32,
    /// Address space of a process, on Linux.
    pub memory_bytes_max: u64,
}

impl RenderSettings {
    /// Defaults: 20 seconds, 1,000 documents, 2 GiB.
    pub fn new(program: impl Into<PathBuf>, workers: usize) -> Self {
        Self {
            program: program.into(),
            workers: workers.max(1),
            time_limit: Duration::from_secs(20),
            renders_per_worker: 1_000,
            memory_bytes_max: 2 << 30,
        }
    }
}

/// Renders documents in processes of its own.
///
/// Processes start when they are first needed and end with the pool.
pub struct RenderPool {
    settings: RenderSettings,
    /// A slot per process; `None` where none has been started yet.
    pub(super) idle: Mutex<Vec<Option<Worker>>>,
    freed: Condvar,
}

impl RenderPool {
    /// Starts nothing yet.
    pub fn new(settings: RenderSettings) -> Self {
        let idle = std::iter::repeat_with(|| None).take(settings.workers.max(1)).collect();
        Self { settings, idle: Mutex::new(idle), freed: Condvar::new() }
    }

    /// Renders one document; waits while all processes are busy.
    pub fn render(&self, request: &RenderRequest) -> Result<Rendered, RenderError> {
        let bytes = request.encoded()?;
        let mut slot = Slot { pool: self, worker: self.take() };
        let mut worker = match slot.worker.take() {
            Some(worker) => worker,
            None => Worker::start(&self.settings)?,
        };
        let result = worker.render(bytes, self.settings.time_limit);
        let sound = matches!(result, Ok(_) | Err(RenderError::Template(_)));
        if sound && worker.served() < self.settings.renders_per_worker {
            slot.worker = Some(worker);
        }
        if let Err(error) = &result {
            tracing::warn!(%error, title = %request.title, "document not rendered");
        }
        result
    }

    fn take(&self) -> Option<Worker> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            // Running ones first: they are warm.
            let warm = idle.iter().position(Option::is_some);
            if let Some(at) = warm.or_else(|| idle.len().checked_sub(1)) {
                return idle.swap_remove(at);
            }
            idle = self.freed.wait(idle).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// A place in the pool, given back whatever happens to its worker.
struct Slot<'a> {
    pool: &'a RenderPool,
    worker: Option<Worker>,
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        self.pool.idle.lock().unwrap_or_else(PoisonError::into_inner).push(self.worker.take());
        self.pool.freed.notify_one();
    }
}

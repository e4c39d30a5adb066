//! Workers: threads that take chunks from the queue, one at a time, until they are told to stop.
//!
//! A chunk is claimed by its row lock in an open transaction. A handler that writes only within
//! that transaction is atomic with the chunk; one that must call the outside uses transactions
//! of its own, keeps what it did recognisable, and may be begun again after a crash. A chunk
//! that fails is done again item by item, so that one bad item stops only itself.

use crate::operations::{self, Control};
use crate::{App, Caller, Error, Result, real_time};
use serde_json::Value;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, LazyLock, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use store::Tx;
use store::queue::{self, Chunk, ChunkDone, Operation};
use vocab::{Code, OperationState};

/// How long an idle worker waits before it looks again; work filed in this process wakes it.
const IDLE: Duration = Duration::from_millis(200);
/// How long a worker waits when the database does not answer.
const UNAVAILABLE: Duration = Duration::from_secs(1);
/// How long what has expired may lie about before an idle worker sweeps it away; by the machine's clock.
const UPKEEP: Duration = Duration::from_secs(24 * 60 * 60);
/// How often a process looks for schedules that are due, busy or not.
const SCHEDULES: Duration = Duration::from_secs(1);
/// The longest that work waits for the outside before it is tried again.
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// A chunk that fails this often even item by item stops its operation.
const ATTEMPTS_MAX: i32 = 5;

/// What a handler did with the items it was given.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// Items finished.
    pub done: i32,
    /// Items that failed and are recorded as such.
    pub failed: i32,
    /// Items, of both, that were as they had been: nothing was written.
    pub unchanged: i32,
    /// What is to be said about the failed ones.
    pub note: Option<String>,
}

impl Outcome {
    /// All of them finished.
    pub fn all(items: &[i64]) -> Self {
        Self { done: i32::try_from(items.len()).unwrap_or(i32::MAX), ..Self::default() }
    }

    fn by<'a>(&'a self, worker: &'a str) -> ChunkDone<'a> {
        let Self { done, failed, unchanged, note } = self;
        ChunkDone { done: *done, failed: *failed, unchanged: *unchanged, note: note.as_deref(), worker }
    }

    fn add(&mut self, other: Self) {
        self.done += other.done;
        self.failed += other.failed;
        self.unchanged += other.unchanged;
        self.note = match (self.note.take(), other.note) {
            (Some(one), Some(two)) if one.len() < 2000 => Some(format!("{one}; {two}")),
            (one, two) => one.or(two),
        };
    }
}

/// The work of one kind of operation.
pub trait Handler: Send + Sync {
    /// Works on items of a chunk. `tx` is the transaction that holds the chunk's lease and will
    /// mark it done.
    fn run(&self, app: &App, tx: &mut Tx<'_>, operation: &Operation, items: &[i64]) -> Result<Outcome>;

    /// Records that an item was given up because of a fault.
    fn give_up(
        &self,
        app: &App,
        tx: &mut Tx<'_>,
        operation: &Operation,
        item: i64,
        error: &Error,
    ) -> Result<()>;

    /// Whether a failed chunk may be cut into its items; not when they mean a range.
    fn divisible(&self) -> bool {
        true
    }

    /// Whether the work stops, to be resumed, when what it needs outside stays away; otherwise the items at
    /// hand are given up one by one.
    fn stops_when_unavailable(&self) -> bool {
        false
    }

    /// Whether the work waits, a while longer each time, until what it needs outside is there again.
    fn waits_when_unavailable(&self) -> bool {
        false
    }

    /// Called once, when no chunk is open: draws conclusions, answers the operation's result.
    fn finish(&self, app: &App, tx: &mut Tx<'_>, operation: &Operation) -> Result<Value>;

    /// Called once, when the work is done and its state says so: takes the next step where that goes by itself.
    /// Answers what it did, which stands with the result as `automatic`.
    fn follow(&self, _tx: &mut Tx<'_>, _operation: &Operation) -> Result<Option<Value>> {
        Ok(None)
    }

    /// Pauses, resumes or cancels the work; a room whose own state goes with it decides here.
    fn control(&self, tx: &mut Tx<'_>, caller: &Caller, operation: &Operation, what: Control) -> Result<()> {
        operations::steer(tx, caller, operation.id, what)
    }

    /// A fault has stopped the operation, in this transaction.
    fn stopped(&self, _tx: &mut Tx<'_>, _operation: &Operation) -> Result<()> {
        Ok(())
    }
}

/// Threads at work.
pub struct Workers {
    signal: Arc<Signal>,
    threads: Vec<JoinHandle<()>>,
}

/// Wakes and stops threads.
#[derive(Default)]
pub(crate) struct Signal {
    stopping: AtomicBool,
    filed: Mutex<u64>,
    bell: Condvar,
    swept_at: Mutex<Option<Instant>>,
    schedules_at: Mutex<Option<Instant>>,
}

impl Signal {
    pub(crate) fn wake(&self) {
        *self.filed.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.bell.notify_all();
    }

    fn wait(&self, seen: &mut u64, at_most: Duration) {
        let filed = self.filed.lock().unwrap_or_else(PoisonError::into_inner);
        let unchanged = *seen;
        let (filed, _) = self
            .bell
            .wait_timeout_while(filed, at_most, |filed| {
                *filed == unchanged && !self.stopping.load(Ordering::Relaxed)
            })
            .unwrap_or_else(PoisonError::into_inner);
        *seen = *filed;
    }
}

impl Signal {
    /// Whether this process is to sweep now; the asker does, for a day nobody else is told to.
    fn takes_upkeep(&self) -> bool {
        is_due(&self.swept_at, UPKEEP)
    }

    /// Whether this thread is to look for schedules that are due; for a while nobody else of the process is.
    fn takes_schedules(&self) -> bool {
        is_due(&self.schedules_at, SCHEDULES)
    }
}

/// Whether something was done so long ago; it is taken to be done now.
fn is_due(last: &Mutex<Option<Instant>>, every: Duration) -> bool {
    let now = Instant::now();
    let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
    let is_due = last.is_none_or(|at| now.duration_since(at) >= every);
    if is_due {
        *last = Some(now);
    }
    is_due
}

impl Workers {
    /// Starts `count` threads.
    pub fn start(app: &App, count: usize) -> std::io::Result<Self> {
        let signal = app.signal().clone();
        let threads = (0..count)
            .map(|number| {
                let (app, signal) = (app.clone(), signal.clone());
                std::thread::Builder::new()
                    .name(format!("worker-{number}"))
                    .spawn(move || work(&app, &signal))
            })
            .collect::<std::io::Result<_>>()?;
        Ok(Self { signal, threads })
    }

    /// Lets every thread finish its chunk, then ends it.
    pub fn stop(self) {
        self.signal.stopping.store(true, Ordering::Relaxed);
        self.signal.wake();
        for thread in self.threads {
            let _ = thread.join();
        }
    }
}

fn work(app: &App, signal: &Signal) {
    let mut seen = 0;
    while !signal.stopping.load(Ordering::Relaxed) {
        if signal.takes_schedules()
            && let Err(error) = app.start_due_schedules()
        {
            tracing::warn!(%error, "schedules could not be looked at");
        }
        match app.work_once() {
            Ok(true) => {}
            Ok(false) if signal.takes_upkeep() => {
                if let Err(error) = app.forget_expired() {
                    tracing::warn!(%error, "what has expired could not be forgotten");
                }
            }
            Ok(false) => signal.wait(&mut seen, IDLE),
            Err(error) => {
                tracing::warn!(%error, "a worker could not work");
                signal.wait(&mut seen, UNAVAILABLE);
            }
        }
    }
}

/// This thread, among all that work: host, process and thread.
fn name_of_worker() -> String {
    static PROCESS: LazyLock<String> = LazyLock::new(|| {
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        format!("{}:{}", host.trim(), std::process::id())
    });
    format!("{}:{}", *PROCESS, std::thread::current().name().unwrap_or("main"))
}

/// How long work waits for the outside, when one of its chunks has failed so often before.
fn pause_after(attempts: i32) -> Duration {
    let doubled = 1_u32 << attempts.clamp(0, 6);
    (UNAVAILABLE * doubled).min(PAUSE_MAX)
}

/// How a claimed chunk ended, for what follows outside its transaction.
enum Step {
    Nothing,
    Done,
    Failed(Box<(Chunk, Operation, Error)>),
}

impl App {
    /// Wakes idle workers of this process, after work was filed and committed.
    pub fn wake_workers(&self) {
        self.signal().wake();
    }

    /// Works until nothing is left; for tests and for commands that wait for their own work.
    pub fn work_until_idle(&self) -> Result<()> {
        while self.work_once()? {}
        Ok(())
    }

    /// Takes and finishes one chunk, or concludes one operation; `false` when there was nothing to do.
    pub fn work_once(&self) -> Result<bool> {
        self.db().tx(|tx| Ok::<_, Error>(queue::start_queued(tx, real_time::now())?))?;
        match self.work_on_chunk()? {
            Step::Done => Ok(true),
            Step::Failed(failed) => {
                let (chunk, operation, error) = *failed;
                self.work_item_by_item(chunk, operation, error)?;
                Ok(true)
            }
            Step::Nothing => self.conclude(),
        }
    }

    fn work_on_chunk(&self) -> Result<Step> {
        let mut claimed = None;
        let outcome = self.db().tx(|tx| {
            let now = real_time::now();
            let Some(chunk) = queue::claim(tx, now)? else { return Ok(Step::Nothing) };
            tx.by_key()?;
            let operation = queue::operation(tx, chunk.operation_id)?
                .ok_or_else(|| Error::Fault("a chunk without its operation".to_owned()))?;
            let (chunk, operation) = &*claimed.insert((chunk, operation));
            let outcome = self.handler(operation.kind)?.run(self, tx, operation, &chunk.items)?;
            queue::finish_chunk(tx, chunk.id, outcome.by(&name_of_worker()), now, real_time::now())?;
            Ok(Step::Done)
        });
        match (outcome, claimed) {
            (Ok(step), _) => Ok(step),
            // The database is away: the lease is gone with the transaction, try again later.
            (Err(error @ Error::Store(store::Error::Unavailable(_))), _) | (Err(error), None) => Err(error),
            (Err(error), Some((chunk, operation))) => Ok(Step::Failed(Box::new((chunk, operation, error)))),
        }
    }

    fn work_item_by_item(&self, chunk: Chunk, operation: Operation, error: Error) -> Result<()> {
        tracing::warn!(chunk = chunk.id, operation = %operation.id, kind = %operation.kind, %error, "a chunk failed");
        let handler = self.handler(operation.kind)?;
        if handler.waits_when_unavailable() && error.problem().code == Code::Unavailable {
            let pause = pause_after(chunk.attempts);
            return self.db().tx(|tx| {
                queue::fail_chunk(tx, chunk.id)?;
                Ok(queue::put_off(tx, operation.id, real_time::now() + pause)?)
            });
        }
        if chunk.attempts >= ATTEMPTS_MAX || !handler.divisible() {
            return self.stop(handler, &operation, &error);
        }
        if handler.stops_when_unavailable() && error.problem().code == Code::Unavailable {
            // Counted and tried again, after the pause that any absence of the outside means.
            self.db().tx(|tx| Ok::<_, Error>(queue::fail_chunk(tx, chunk.id)?))?;
            return Err(error);
        }
        // Counted in its own transaction, so that a chunk which fails every time comes to an end.
        self.db().tx(|tx| Ok::<_, Error>(queue::fail_chunk(tx, chunk.id)?))?;
        self.db().tx(|tx| {
            let now = real_time::now();
            let Some(again) = queue::claim_one(tx, chunk.id)? else { return Ok(()) };
            tx.by_key()?;
            let mut all = Outcome::default();
            for &item in &again.items {
                let outcome = tx.attempt(|tx| handler.run(self, tx, &operation, &[item]));
                all.add(match outcome {
                    Ok(outcome) => outcome,
                    Err(error @ Error::Store(store::Error::Unavailable(_))) => return Err(error),
                    Err(error) => {
                        tracing::error!(item, operation = %operation.id, %error, "an item was given up");
                        handler.give_up(self, tx, &operation, item, &error)?;
                        Outcome { failed: 1, note: Some(error.to_string()), ..Outcome::default() }
                    }
                });
            }
            Ok(queue::finish_chunk(tx, again.id, all.by(&name_of_worker()), now, real_time::now())?)
        })
    }

    /// Marks an operation as failed, unless a person has paused or cancelled it meanwhile.
    fn stop(&self, handler: &dyn Handler, operation: &Operation, error: &Error) -> Result<()> {
        self.db().tx(|tx| {
            let state = queue::lock_operation(tx, operation.id)?.map(|operation| operation.state);
            if state != Some(OperationState::Running) {
                return Ok(());
            }
            let (why, now) = (error.to_string(), real_time::now());
            queue::set_state(tx, operation.id, OperationState::Failed, None, Some(&why), now)?;
            handler.stopped(tx, operation)
        })
    }

    /// Concludes an operation whose chunks are all done. One whose conclusion is refused or fails has
    /// failed itself, with the reason: it can be resumed, and keeps no other waiting.
    fn conclude(&self) -> Result<bool> {
        self.db().tx(|tx| {
            let Some(operation) = queue::lock_finished(tx)? else { return Ok(false) };
            let handler = self.handler(operation.kind)?;
            let (id, now) = (operation.id, real_time::now());
            match tx.attempt(|tx| handler.finish(self, tx, &operation)) {
                Ok(mut result) => {
                    queue::set_state(tx, id, OperationState::Done, Some(&result), None, now)?;
                    if let Some(automatic) = handler.follow(tx, &operation)? {
                        result["automatic"] = automatic;
                        queue::set_state(tx, id, OperationState::Done, Some(&result), None, now)?;
                    }
                }
                Err(error @ Error::Store(store::Error::Unavailable(_))) => return Err(error),
                Err(error) => {
                    tracing::error!(operation = %id, kind = %operation.kind, %error, "an operation could not be concluded");
                    let why = error.to_string();
                    queue::set_state(tx, id, OperationState::Failed, None, Some(&why), now)?;
                    // Its room may refuse that as well: it has gone its own way then.
                    if let Err(error) = tx.attempt(|tx| handler.stopped(tx, &operation)) {
                        tracing::warn!(operation = %id, %error, "its room was not told");
                    }
                }
            }
            Ok(true)
        })
    }
}

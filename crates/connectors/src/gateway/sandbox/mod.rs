//! A gateway for demonstrations and tests: a small HTTP server that speaks the Stripe-compatible
//! subset that [`super::stripe`] uses. It moves no money and forgets everything when it stops.
//!
//! | request | does |
//! |---|---|
//! | `POST /v1/customers`, `GET /v1/customers/{id}` | a customer; unknown customer tokens are accepted in charges |
//! | `POST /v1/payment_intents` | creates and, with `confirm=true`, charges; `Idempotency-Key` is honoured |
//! | `GET /v1/payment_intents/{id}`, `GET /v1/payment_intents?customer=&limit=&starting_after=` | newest first |
//! | `POST /v1/refunds` | in whole or in part, by `payment_intent` |
//! | `POST /v1/sandbox/payment_intents/{id}/settle` | decides a pending bank debit |
//! | `POST /v1/sandbox/payment_intents/{id}/dispute` | the customer's bank takes the money back |
//!
//! What a charge does is chosen by its payment method:
//!
//! | payment method | outcome |
//! |---|---|
//! | `pm_card_visa`, `pm_card_mastercard`, `pm_card_amex`, `pm_card_discover` | succeeds |
//! | `pm_card_chargeDeclined`, `pm_card_visa_chargeDeclined`, `pm_card_chargeCustomerFail` | `card_declined` |
//! | `pm_card_chargeDeclinedInsufficientFunds`, `…ExpiredCard`, `…LostCard`, `…StolenCard`, `…ProcessingError` | the decline of that name |
//! | `pm_card_authenticationRequired` | `authentication_required` |
//! | `pm_usBankAccount_success` | pending, then succeeds |
//! | `pm_usBankAccount_insufficientFunds`, `…_accountClosed`, `…_noAccount`, `…_debitNotAuthorized` | pending, then fails |
//! | `pm_sandbox_reset` | charges, and closes the connection without an answer |
//! | `pm_sandbox_cut` | charges, and sends half of the answer |
//! | `pm_sandbox_hang` | charges, and does not answer |
//! | `pm_sandbox_500` | charges, and answers 500 |
//! | `pm_sandbox_lost` | does not charge, and closes the connection |
//!
//! Any key that begins with `sk_test_` is taken. Signed webhooks are sent where
//! [`SandboxOptions::webhook`] says, best effort, as real ones are.
//!
//! Invariants: it listens where it is told and nowhere else; connections, request sizes, stored
//! charges and waiting webhooks are bounded; stopping ends every thread that it started.

mod book;
mod http;
mod methods;
mod routes;
mod webhooks;

use super::secret::Secret;
use book::Book;
use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Connections at the same time; further ones wait.
const CONNECTIONS_MAX: usize = 128;
/// An idle connection is closed after this.
const IDLE: Duration = Duration::from_secs(30);

/// How the sandbox behaves.
#[derive(Debug, Clone, Default)]
pub struct SandboxOptions {
    /// A pending bank debit is decided when it is first looked at after this; without it, only
    /// by the settle request.
    pub settle_after: Option<Duration>,
    /// Where events are sent, and the secret that signs them.
    pub webhook: Option<WebhookTarget>,
}

/// Where events are sent.
#[derive(Debug, Clone)]
pub struct WebhookTarget {
    /// The receiver's URL.
    pub url: String,
    /// Signs the events.
    pub secret: Secret,
}

/// The running sandbox; stopping or dropping it ends it.
#[derive(Debug)]
pub struct SandboxGateway {
    addr: SocketAddr,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

/// What the threads share.
#[derive(Debug)]
struct Shared {
    stopping: AtomicBool,
    book: Mutex<Book>,
    /// Open connections by number, to end them when stopping.
    open: Mutex<Vec<(u64, TcpStream)>>,
    changed: Condvar,
}

impl SandboxGateway {
    /// Any free port of this machine.
    pub const ANY_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

    /// Starts listening; [`Self::ANY_PORT`] chooses a free one.
    ///
    /// # Errors
    /// When the address cannot be listened on, or a thread cannot be started.
    pub fn start(addr: SocketAddr, options: SandboxOptions) -> io::Result<Self> {
        let listener = TcpListener::bind(addr)?;
        let addr = listener.local_addr()?;
        let (outbox, sender) = match options.webhook {
            Some(target) => {
                let (outbox, thread) = webhooks::start(target)?;
                (Some(outbox), Some(thread))
            }
            None => (None, None),
        };
        let shared = Arc::new(Shared {
            stopping: AtomicBool::new(false),
            book: Mutex::new(Book::new(options.settle_after, outbox)),
            open: Mutex::new(Vec::new()),
            changed: Condvar::new(),
        });
        let theirs = Arc::clone(&shared);
        let acceptor = std::thread::Builder::new()
            .name("sandbox-gateway".to_owned())
            .spawn(move || accept(&listener, &theirs))?;
        Ok(Self { addr, shared, threads: std::iter::once(acceptor).chain(sender).collect() })
    }

    /// Where it listens.
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The base URL for a client.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Ends every connection and thread.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for SandboxGateway {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        for (_, stream) in self.shared.open().iter() {
            let _ended = stream.shutdown(Shutdown::Both);
        }
        self.shared.changed.notify_all();
        self.shared.book().close_outbox();
        // A connection of our own wakes the acceptor.
        let mut own = self.addr;
        if own.ip().is_unspecified() {
            own.set_ip(Ipv4Addr::LOCALHOST.into());
        }
        let _woken = TcpStream::connect_timeout(&own, Duration::from_secs(1));
        for thread in self.threads.drain(..) {
            let _ended = thread.join();
        }
    }
}

impl Shared {
    fn stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    // A thread that panicked leaves a consistent book: every change is one push or assignment.
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self) -> MutexGuard<'_, Vec<(u64, TcpStream)>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the sandbox stops, `time` at most.
    fn hang(&self, time: Duration) {
        let guard = self.open();
        let waiting = self.changed.wait_timeout_while(guard, time, |_| !self.stopping());
        drop(waiting);
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    let mut number = 0_u64;
    for stream in listener.incoming() {
        if shared.stopping() {
            break;
        }
        let Ok(stream) = stream else { continue };
        number = number.wrapping_add(1);
        if let Err(error) = serve(stream, number, shared) {
            tracing::warn!(%error, "the sandbox gateway could not take a connection");
        }
    }
    // The last thread's turn is over when no connection is left.
    let mut open = shared.open();
    while !open.is_empty() {
        open = shared.changed.wait(open).unwrap_or_else(PoisonError::into_inner);
    }
}

fn serve(stream: TcpStream, number: u64, shared: &Arc<Shared>) -> io::Result<()> {
    stream.set_read_timeout(Some(IDLE))?;
    stream.set_write_timeout(Some(IDLE))?;
    stream.set_nodelay(true)?;
    let mut open = shared.open();
    while open.len() >= CONNECTIONS_MAX && !shared.stopping() {
        open = shared.changed.wait(open).unwrap_or_else(PoisonError::into_inner);
    }
    open.push((number, stream.try_clone()?));
    drop(open);
    let theirs = Arc::clone(shared);
    let spawned = std::thread::Builder::new().name("sandbox-connection".to_owned()).spawn(move || {
        let closing = Closing { shared: &theirs, number };
        if !theirs.stopping() {
            routes::converse(stream, &theirs);
        }
        drop(closing);
    });
    if let Err(error) = spawned {
        shared.open().retain(|(open, _)| *open != number);
        return Err(error);
    }
    Ok(())
}

/// Takes the connection off the list, also when its thread panics.
struct Closing<'a> {
    shared: &'a Shared,
    number: u64,
}

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.shared.open().retain(|(open, stream)| {
            let ours = *open == self.number;
            if ours {
                // The list holds a second handle: without this the peer would not see the end.
                let _ended = stream.shutdown(Shutdown::Both);
            }
            !ours
        });
        self.shared.changed.notify_all();
    }
}

//! Sends signed events, best effort: a few attempts, then the event is dropped. Who needs
//! certainty looks the charge up.

use super::WebhookTarget;
use crate::gateway::stripe::sign;
use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Events that may wait.
const WAITING_MAX: usize = 10_000;
/// Between attempts; one attempt more than pauses.
const PAUSES: [Duration; 3] = [Duration::from_millis(500), Duration::from_secs(2), Duration::from_secs(5)];

/// Where the book puts its events; closed by dropping it.
#[derive(Debug)]
pub(super) struct Outbox {
    events: SyncSender<String>,
    /// Dropped with the outbox: its end wakes the sender from its pauses.
    _open: SyncSender<()>,
}

impl Outbox {
    pub(super) fn put(&self, event: String) {
        if let Err(TrySendError::Full(_)) = self.events.try_send(event) {
            tracing::warn!("the sandbox gateway drops an event: too many are waiting");
        }
    }
}

pub(super) fn start(target: WebhookTarget) -> io::Result<(Outbox, JoinHandle<()>)> {
    let (events, waiting) = sync_channel(WAITING_MAX);
    let (open, closed) = sync_channel(1);
    let thread = std::thread::Builder::new()
        .name("sandbox-webhooks".to_owned())
        .spawn(move || run(&target, &waiting, &closed))?;
    Ok((Outbox { events, _open: open }, thread))
}

fn run(target: &WebhookTarget, waiting: &Receiver<String>, closed: &Receiver<()>) {
    let client = reqwest::blocking::Client::builder()
        .timeout(Duration::from_secs(5))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build();
    let client = match client {
        Ok(client) => client,
        Err(error) => {
            tracing::warn!(%error, "the sandbox gateway sends no events");
            return;
        }
    };
    while let Ok(event) = waiting.recv() {
        let mut pauses = PAUSES.iter();
        while !deliver(&client, target, &event) {
            let Some(pause) = pauses.next() else {
                tracing::warn!(url = %target.url, "the sandbox gateway gives an event up");
                break;
            };
            if closed.recv_timeout(*pause) == Err(RecvTimeoutError::Disconnected) {
                return;
            }
        }
        // What is still waiting when the sandbox stops is dropped.
        if closed.recv_timeout(Duration::ZERO) == Err(RecvTimeoutError::Disconnected) {
            return;
        }
    }
}

fn deliver(client: &reqwest::blocking::Client, target: &WebhookTarget, event: &str) -> bool {
    let started = Instant::now();
    let request = client
        .post(&target.url)
        .header("Content-Type", "application/json")
        .header("Stripe-Signature", sign(&target.secret, super::book::now_unix_s(), event.as_bytes()))
        .body(event.to_owned());
    match request.send() {
        Ok(response) if response.status().is_success() => true,
        Ok(response) => {
            tracing::debug!(status = response.status().as_u16(), "an event was not taken");
            false
        }
        Err(error) => {
            tracing::debug!(%error, ms = started.elapsed().as_millis(), "an event was not delivered");
            false
        }
    }
}

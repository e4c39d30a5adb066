//! Server-sent events of operations: one poller per process feeds every stream.

use crate::routes::operations::OperationJson;
use actix_web::web::Bytes;
use app::App;
use futures_util::stream::{self, Stream};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use vocab::{OperationId, OperationState};

/// How often the poller looks.
const INTERVAL: Duration = Duration::from_millis(500);
/// A stream without news sends a comment this often, so that proxies keep it open.
const HEARTBEAT: Duration = Duration::from_secs(15);

type Latest = Option<Arc<OperationJson>>;
type Watched = HashMap<OperationId, watch::Sender<Latest>>;

/// The operations that somebody watches.
#[derive(Clone, Default)]
pub(crate) struct Events(Arc<Mutex<Watched>>);

impl Events {
    /// Follows an operation, beginning with what is known now.
    fn follow(&self, app: &App, now: OperationJson) -> watch::Receiver<Latest> {
        let id = now.id;
        let mut watched = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let first = watched.is_empty();
        let now = Some(Arc::new(now));
        let receiver = match watched.get(&id) {
            Some(sender) => {
                sender.send_replace(now);
                sender.subscribe()
            }
            None => {
                let (sender, receiver) = watch::channel(now);
                watched.insert(id, sender);
                receiver
            }
        };
        if first {
            actix_web::rt::spawn(poll(self.clone(), app.clone()));
        }
        receiver
    }

    /// The ids that are still watched; the others are forgotten.
    fn ids(&self) -> Vec<OperationId> {
        let mut watched = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        watched.retain(|_, sender| sender.receiver_count() > 0);
        watched.keys().copied().collect()
    }

    fn publish(&self, news: Vec<OperationJson>) {
        let watched = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for now in news {
            if let Some(sender) = watched.get(&now.id) {
                sender.send_if_modified(|latest| {
                    let changed = latest.as_ref().is_none_or(|old| old.event_id() != now.event_id());
                    if changed {
                        *latest = Some(Arc::new(now));
                    }
                    changed
                });
            }
        }
    }
}

/// Runs while anybody watches anything.
async fn poll(events: Events, app: App) {
    loop {
        actix_web::rt::time::sleep(INTERVAL).await;
        let ids = events.ids();
        if ids.is_empty() {
            return;
        }
        let asked = app.clone();
        let views = actix_web::web::block(move || asked.operations_by_id(&ids)).await;
        if let Ok(Ok(views)) = views {
            events.publish(views.into_iter().map(OperationJson::from).collect());
        }
    }
}

/// The stream of one operation: its state now (unless the client has seen it), then every change,
/// until it has ended.
pub(crate) fn stream_of(
    events: &Events,
    app: &App,
    now: OperationJson,
    seen: Option<String>,
) -> impl Stream<Item = Result<Bytes, actix_web::Error>> + use<> {
    let skip = seen.is_some_and(|seen| seen == now.event_id()) && !is_ended(now.state);
    let mut receiver = events.follow(app, now);
    if skip {
        receiver.mark_unchanged();
    } else {
        receiver.mark_changed();
    }
    stream::unfold(Some(receiver), |receiver| async move {
        let mut receiver = receiver?;
        match actix_web::rt::time::timeout(HEARTBEAT, receiver.changed()).await {
            Err(_) => Some((Ok(Bytes::from_static(b": still here\n\n")), Some(receiver))),
            Ok(Err(_)) => None,
            Ok(Ok(())) => {
                let latest = receiver.borrow_and_update().clone()?;
                let ended = is_ended(latest.state);
                let data = serde_json::to_string(&*latest).unwrap_or_default();
                let text = format!("id: {}\nevent: progress\ndata: {data}\n\n", latest.event_id());
                Some((Ok(Bytes::from(text)), (!ended).then_some(receiver)))
            }
        }
    })
}

fn is_ended(state: OperationState) -> bool {
    matches!(state, OperationState::Done | OperationState::Failed | OperationState::Cancelled)
}

//! A gateway with the Stripe-compatible HTTP interface.
//!
//! A charge is one `POST /v1/payment_intents` that creates and confirms, with the idempotency key
//! as header and, as metadata `penstock_key`, on the charge itself.
//!
//! **Look-up.** By the gateway's own reference where it is known. Otherwise the customer's
//! payment intents are listed, newest first, and the one with our `penstock_key` is taken:
//! lists are current, whereas the search endpoint lags by up to a minute, and repeating the
//! request with the same key would charge once the gateway has forgotten the key. The list does
//! not depend on any clock.
//!
//! Invariants: the client itself repeats nothing and follows no redirect; connecting, the whole
//! exchange and the size of an answer are bounded; the secret key goes only over TLS or to this
//! machine itself, and is never printed.
//!
//! Deliberately missing: making customers and payment methods (the customer's browser does that
//! with the gateway), payouts, and other people's accounts.

mod answer;
mod webhook;

pub(super) use webhook::sign;
pub use webhook::{WebhookCheck, WebhookRefused};

use super::secret::Secret;
use answer::Answer;
use form_urlencoded::Serializer;
use payments::gateway::{
    ChargeOutcome, ChargeRequest, Gateway, IdempotencyKey, LookUp, LookUpRequest, RefundOutcome,
    RefundRequest,
};
use reqwest::blocking::{Client, RequestBuilder};
use reqwest::{Method, Url};
use std::io::Read;
use std::time::Duration;

/// The metadata name under which a charge carries its idempotency key.
pub const KEY_METADATA: &str = "penstock_key";

/// The version of the interface that this client is written against.
const VERSION: &str = "2024-06-20";
/// An answer longer than this is not read.
const ANSWER_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Charges per page of a look-up.
const PAGE: usize = 100;
/// Pages per look-up at most.
const PAGES_MAX: usize = 10;

/// How much of the interface the other side speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dialect {
    /// All that this client would like to use.
    #[default]
    Full,
    /// Only the core parameters, for look-alikes that refuse what they do not know: no
    /// description, no automatic payment methods, no filter of lists by customer.
    Core,
}

/// How to reach the gateway.
#[derive(Debug, Clone)]
pub struct StripeConfig {
    /// `https://…`, or `http://` on this machine; without `/v1`.
    pub base_url: String,
    /// The account's secret key.
    pub secret_key: Secret,
    /// For making the connection.
    pub connect_timeout: Duration,
    /// For the whole exchange.
    pub total_timeout: Duration,
    /// What the other side understands.
    pub dialect: Dialect,
}

impl StripeConfig {
    /// With 5 s to connect, 30 s in all, and the full interface.
    pub fn new(base_url: impl Into<String>, secret_key: Secret) -> Self {
        Self {
            base_url: base_url.into(),
            secret_key,
            connect_timeout: Duration::from_secs(5),
            total_timeout: Duration::from_secs(30),
            dialect: Dialect::Full,
        }
    }
}

/// Why no client can be made of a configuration.
#[derive(Debug, thiserror::Error)]
pub enum BadConfig {
    /// The base URL is none.
    #[error("the gateway's base URL is not an http(s) URL")]
    Url,
    /// The secret key would cross a network in the clear.
    #[error("the gateway's base URL must be https unless it is on this machine")]
    Insecure,
    /// The key is empty or cannot stand in a header.
    #[error("the gateway's secret key is empty or has characters that no key has")]
    Key,
    /// The HTTP client could not be set up.
    #[error("the HTTP client could not be set up")]
    Client(#[source] reqwest::Error),
}

/// A client of a Stripe-compatible gateway.
#[derive(Debug)]
pub struct StripeGateway {
    client: Client,
    base: Url,
    secret_key: Secret,
    dialect: Dialect,
}

/// Why there is no answer to read.
enum Trouble {
    /// No connection was made: nothing was sent.
    NotSent(String),
    /// Something was sent, and what came back is not a whole JSON answer.
    Unclear(String),
}

impl StripeGateway {
    /// Makes no call yet.
    ///
    /// # Errors
    /// See [`BadConfig`].
    pub fn new(config: StripeConfig) -> Result<Self, BadConfig> {
        let mut base = Url::parse(&config.base_url).map_err(|_| BadConfig::Url)?;
        let local = is_this_machine(&base);
        match base.scheme() {
            "https" => {}
            "http" if local => {}
            "http" => return Err(BadConfig::Insecure),
            _ => return Err(BadConfig::Url),
        }
        base.set_path("");
        let key = config.secret_key.reveal();
        if key.is_empty() || !key.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(BadConfig::Key);
        }
        let mut builder = Client::builder()
            .connect_timeout(config.connect_timeout)
            .timeout(config.total_timeout)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .user_agent(concat!("penstock/", env!("CARGO_PKG_VERSION")));
        if local {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(BadConfig::Client)?;
        Ok(Self { client, base, secret_key: config.secret_key, dialect: config.dialect })
    }

    fn post(&self, path: &str, form: String, key: &IdempotencyKey) -> Result<Answer, Trouble> {
        let request = self
            .request(Method::POST, path)
            .header("Idempotency-Key", key.as_str())
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(form);
        send(request)
    }

    fn request(&self, method: Method, path_and_query: &str) -> RequestBuilder {
        // The path is ours and the query is encoded: joining cannot leave the host.
        let mut url = self.base.clone();
        let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
        url.set_path(path);
        url.set_query((!query.is_empty()).then_some(query));
        self.client
            .request(method, url)
            .bearer_auth(self.secret_key.reveal())
            .header("Stripe-Version", VERSION)
    }

    fn charge_form(&self, request: &ChargeRequest) -> String {
        let mut form = Serializer::new(String::new());
        form.append_pair("amount", &request.amount.minor().to_string())
            .append_pair("currency", &request.currency.code().to_ascii_lowercase())
            .append_pair("confirm", "true")
            .append_pair("off_session", "true")
            .append_pair("payment_method", &request.instrument.method);
        if let Some(customer) = &request.instrument.customer {
            form.append_pair("customer", customer);
        }
        for (name, value) in &request.metadata {
            form.append_pair(&format!("metadata[{name}]"), value);
        }
        form.append_pair(&format!("metadata[{KEY_METADATA}]"), request.key.as_str());
        if self.dialect == Dialect::Full {
            form.append_pair("description", &request.description)
                .append_pair("automatic_payment_methods[enabled]", "true")
                .append_pair("automatic_payment_methods[allow_redirects]", "never");
        }
        form.finish()
    }

    fn find_by_key(&self, request: &LookUpRequest) -> LookUp {
        let mut after: Option<String> = None;
        let mut found: Option<ChargeOutcome> = None;
        for _ in 0..PAGES_MAX {
            let path = self.list_path(request.instrument.customer.as_deref(), after.as_deref());
            let page = match send(self.request(Method::GET, &path)).map(|answer| answer.page()) {
                Ok(Ok(page)) => page,
                Ok(Err(why)) | Err(Trouble::NotSent(why) | Trouble::Unclear(why)) => {
                    return LookUp::StillUnknown { why };
                }
            };
            // A gateway that does not honour keys may have several: money that moved counts.
            for outcome in page.with_key(&request.key) {
                found = Some(match found.take() {
                    Some(kept) if rank(&kept) >= rank(&outcome) => kept,
                    _ => outcome,
                });
            }
            match page.next() {
                None => return found.map_or(LookUp::NotFound, found_or_unknown),
                Some(last) => after = Some(last),
            }
        }
        found.map_or_else(
            || LookUp::StillUnknown { why: "the gateway lists too many charges to search".to_owned() },
            found_or_unknown,
        )
    }

    fn list_path(&self, customer: Option<&str>, after: Option<&str>) -> String {
        let mut query = Serializer::new(String::new());
        query.append_pair("limit", &PAGE.to_string());
        if let (Dialect::Full, Some(customer)) = (self.dialect, customer) {
            query.append_pair("customer", customer);
        }
        if let Some(after) = after {
            query.append_pair("starting_after", after);
        }
        format!("/v1/payment_intents?{}", query.finish())
    }
}

impl Gateway for StripeGateway {
    fn name(&self) -> &str {
        "stripe"
    }

    fn charge(&self, request: &ChargeRequest) -> ChargeOutcome {
        match self.post("/v1/payment_intents", self.charge_form(request), &request.key) {
            Ok(answer) => answer.charge(request.amount),
            Err(Trouble::NotSent(why)) => ChargeOutcome::NotTaken { why },
            Err(Trouble::Unclear(why)) => ChargeOutcome::Unknown { why },
        }
    }

    fn look_up(&self, request: &LookUpRequest) -> LookUp {
        let Some(reference) = &request.reference else { return self.find_by_key(request) };
        if !reference.0.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return LookUp::StillUnknown { why: format!("{reference} is no reference of this gateway") };
        }
        match send(self.request(Method::GET, &format!("/v1/payment_intents/{reference}"))) {
            Ok(answer) => found_or_unknown(answer.looked_up()),
            Err(Trouble::NotSent(why) | Trouble::Unclear(why)) => LookUp::StillUnknown { why },
        }
    }

    fn refund(&self, request: &RefundRequest) -> RefundOutcome {
        let form = Serializer::new(String::new())
            .append_pair("payment_intent", &request.reference.0)
            .append_pair("amount", &request.amount.minor().to_string())
            .append_pair(&format!("metadata[{KEY_METADATA}]"), request.key.as_str())
            .finish();
        match self.post("/v1/refunds", form, &request.key) {
            Ok(answer) => answer.refund(),
            Err(Trouble::NotSent(why)) => RefundOutcome::NotTaken { why },
            Err(Trouble::Unclear(why)) => RefundOutcome::Unknown { why },
        }
    }
}

fn found_or_unknown(outcome: ChargeOutcome) -> LookUp {
    match outcome {
        ChargeOutcome::Unknown { why } | ChargeOutcome::NotTaken { why } => LookUp::StillUnknown { why },
        known => LookUp::Found(known),
    }
}

const fn rank(outcome: &ChargeOutcome) -> u8 {
    match outcome {
        ChargeOutcome::Succeeded { .. } => 4,
        ChargeOutcome::Pending { .. } => 3,
        ChargeOutcome::Unknown { .. } => 2,
        ChargeOutcome::Declined(_) => 1,
        ChargeOutcome::NotTaken { .. } => 0,
    }
}

fn send(request: RequestBuilder) -> Result<Answer, Trouble> {
    let mut response = request.send().map_err(|error| {
        let never_connected = error.is_connect() || error.is_builder();
        let why = told(&error.without_url());
        if never_connected { Trouble::NotSent(why) } else { Trouble::Unclear(why) }
    })?;
    let status = response.status().as_u16();
    let mut body = Vec::new();
    let read = response.by_ref().take(ANSWER_BYTES_MAX + 1).read_to_end(&mut body);
    read.map_err(|error| Trouble::Unclear(format!("the answer was cut: {}", told(&error))))?;
    Answer::read(status, &body).map_err(Trouble::Unclear)
}

/// The error with its causes.
fn told(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

fn is_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_key_goes_only_over_tls_or_to_this_machine() {
        let made = |url: &str, key: &str| StripeGateway::new(StripeConfig::new(url, Secret::new(key)));
        for good in
            ["https://gateway.example", "http://127.0.0.1:8420", "http://[::1]:1/", "http://localhost:1"]
        {
            assert!(made(good, "sk_test_1").is_ok(), "{good}");
        }
        assert!(matches!(made("http://gateway.example", "sk_1"), Err(BadConfig::Insecure)));
        assert!(matches!(made("http://127.0.0.1.example", "sk_1"), Err(BadConfig::Insecure)));
        assert!(matches!(made("ftp://127.0.0.1", "sk_1"), Err(BadConfig::Url)));
        assert!(matches!(made("gateway", "sk_1"), Err(BadConfig::Url)));
        assert!(matches!(made("https://gateway.example", ""), Err(BadConfig::Key)));
        assert!(matches!(made("https://gateway.example", "a b"), Err(BadConfig::Key)));
        let shown = format!("{:?}", made("https://gateway.example", "sk_test_1").unwrap());
        assert!(!shown.contains("sk_test"), "{shown}");
    }
}

//! A client of the published API.

use reqwest::blocking::{Client as Http, RequestBuilder, Response};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Somebody signed in.
#[derive(Clone)]
pub struct Client {
    http: Http,
    url: String,
    token: Option<String>,
}

/// An answer.
#[derive(Debug)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Version for `If-Match`.
    pub etag: Option<String>,
    /// Seconds to wait.
    pub retry_after: Option<u64>,
    /// JSON body; null when there is none.
    pub body: Value,
}

impl Reply {
    /// The body of a success.
    pub fn ok(self) -> Value {
        assert!((200..300).contains(&self.status), "{}: {:#}", self.status, self.body);
        self.body
    }

    /// The body of a refusal with this status and code.
    pub fn refused(self, status: u16, code: &str) -> Value {
        assert_eq!((self.status, self.body["code"].as_str()), (status, Some(code)), "{:#}", self.body);
        self.body
    }
}

impl Client {
    /// Nobody.
    pub fn anonymous(url: &str) -> Self {
        let http = Http::builder().timeout(Duration::from_secs(120)).build().unwrap();
        Self { http, url: url.to_owned(), token: None }
    }

    /// Whoever the token belongs to; of another server, too.
    pub fn with_token(url: &str, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..Self::anonymous(url) }
    }

    /// A member of staff.
    pub fn sign_in(url: &str, email: &str, password: &str) -> Self {
        let mut client = Self::anonymous(url);
        let body = json!({ "grant_type": "password", "email": email, "password": password });
        let tokens = client.post("/v1/auth/token", &body).ok();
        client.token = Some(tokens["access_token"].as_str().unwrap().to_owned());
        client
    }

    /// Where the API is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The access token.
    pub fn token(&self) -> &str {
        self.token.as_deref().unwrap_or_default()
    }

    fn send(&self, request: RequestBuilder) -> Response {
        let request = match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        request.send().unwrap()
    }

    fn reply(&self, request: RequestBuilder) -> Reply {
        Self::read(self.send(request)).unwrap()
    }

    fn read(response: Response) -> reqwest::Result<Reply> {
        let etag = response.headers().get("etag").map(|value| value.to_str().unwrap().to_owned());
        let retry_after =
            response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
        let status = response.status().as_u16();
        let text = response.text()?;
        Ok(Reply { status, etag, retry_after, body: serde_json::from_str(&text).unwrap_or(Value::Null) })
    }

    /// Makes or moves something at a server that may die over it; none when no answer comes.
    pub fn post_into_the_dark(&self, path: &str, body: &Value, key: &str) -> Option<Reply> {
        let request = self.http.post(format!("{}{path}", self.url)).header("Idempotency-Key", key);
        let response = request.json(body).bearer_auth(self.token()).send().ok()?;
        Self::read(response).ok()
    }

    /// Reads.
    pub fn get(&self, path: &str) -> Reply {
        self.reply(self.http.get(format!("{}{path}", self.url)))
    }

    /// Reads another form of the same.
    pub fn text(&self, path: &str, accept: &str) -> String {
        let request = self.http.get(format!("{}{path}", self.url)).header("Accept", accept);
        let response = self.send(request);
        let kind = response.headers().get("content-type").and_then(|kind| kind.to_str().ok());
        assert!(kind.is_some_and(|kind| kind.starts_with(accept)), "{path}: {kind:?}");
        response.text().unwrap()
    }

    /// Reads bytes.
    pub fn download(&self, path: &str) -> Vec<u8> {
        let response = self.send(self.http.get(format!("{}{path}", self.url)));
        assert!(response.status().is_success(), "{path}: {}", response.status());
        response.bytes().unwrap().to_vec()
    }

    /// Makes or moves something, once.
    pub fn post(&self, path: &str, body: &Value) -> Reply {
        static KEYS: AtomicU64 = AtomicU64::new(0);
        let key = format!("e2e-{}-{}", std::process::id(), KEYS.fetch_add(1, Ordering::Relaxed));
        self.post_once(path, body, &key)
    }

    /// The same under a key of the caller's.
    pub fn post_once(&self, path: &str, body: &Value, key: &str) -> Reply {
        let request = self.http.post(format!("{}{path}", self.url)).header("Idempotency-Key", key);
        // An action without a body takes none.
        self.reply(if body.is_null() { request } else { request.json(body) })
    }

    /// Takes something away.
    pub fn delete(&self, path: &str) -> Reply {
        static KEYS: AtomicU64 = AtomicU64::new(0);
        let key = format!("delete-{}-{}", std::process::id(), KEYS.fetch_add(1, Ordering::Relaxed));
        let request = self.http.delete(format!("{}{path}", self.url));
        self.reply(request.header("Idempotency-Key", key).header("If-Match", "\"1\""))
    }

    /// Acts on something that was read under this version.
    pub fn act(&self, path: &str, body: &Value, etag: &str) -> Reply {
        let request = self.http.post(format!("{}{path}", self.url)).header("If-Match", etag);
        self.reply(if body.is_null() { request } else { request.json(body) })
    }

    /// Acts once on something that was read under this version.
    pub fn post_if(&self, path: &str, body: &Value, etag: &str) -> Reply {
        static KEYS: AtomicU64 = AtomicU64::new(0);
        let key = format!("if-{}-{}", std::process::id(), KEYS.fetch_add(1, Ordering::Relaxed));
        let request = self.http.post(format!("{}{path}", self.url)).json(body);
        self.reply(request.header("Idempotency-Key", key).header("If-Match", etag))
    }

    /// Uploads a text file.
    pub fn upload(&self, path: &str, text: &str) -> Reply {
        static KEYS: AtomicU64 = AtomicU64::new(0);
        let key = format!("file-{}-{}", std::process::id(), KEYS.fetch_add(1, Ordering::Relaxed));
        let request = self.http.post(format!("{}{path}", self.url)).header("Idempotency-Key", key);
        self.reply(request.header("Content-Type", "text/csv").body(text.to_owned()))
    }

    /// Replaces something.
    pub fn put(&self, path: &str, body: &Value, etag: Option<&str>) -> Reply {
        let request = self.http.put(format!("{}{path}", self.url)).json(body);
        self.reply(match etag {
            Some(etag) => request.header("If-Match", etag),
            None => request,
        })
    }

    /// Changes something.
    pub fn patch(&self, path: &str, body: &Value, etag: &str) -> Reply {
        self.reply(self.http.patch(format!("{}{path}", self.url)).json(body).header("If-Match", etag))
    }

    /// Every item of a list.
    pub fn all(&self, path: &str) -> Vec<Value> {
        let joint = if path.contains('?') { '&' } else { '?' };
        let mut items = Vec::new();
        let mut next = None;
        loop {
            let page = match &next {
                None => self.get(&format!("{path}{joint}limit=500")),
                Some(cursor) => self.get(&format!("{path}{joint}limit=500&cursor={cursor}")),
            }
            .ok();
            items.extend(page["items"].as_array().unwrap().iter().cloned());
            match page["next"].as_str() {
                Some(cursor) => next = Some(cursor.to_owned()),
                None => return items,
            }
        }
    }

    /// Follows an operation's event stream to its end; answers its last state.
    pub fn follow(&self, operation: &str) -> Value {
        let response = self.send(self.http.get(format!("{}/v1/operations/{operation}/events", self.url)));
        assert!(response.status().is_success(), "{}", response.status());
        let mut last = Value::Null;
        for line in BufReader::new(response).lines() {
            if let Some(data) = line.unwrap().strip_prefix("data: ") {
                last = serde_json::from_str(data).unwrap();
            }
        }
        last
    }

    /// Follows an operation that must succeed.
    pub fn finish(&self, operation: &Value) -> Value {
        let last =
            self.follow(operation["id"].as_str().unwrap_or_else(|| panic!("no operation: {operation:#}")));
        assert_eq!(last["state"], "done", "{last:#}");
        last
    }
}

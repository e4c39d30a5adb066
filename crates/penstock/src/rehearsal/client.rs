//! A client of the API, as anybody could write one: signs in, sends JSON, follows operations.

use crate::progress;
use anyhow::{Context, Result, bail, ensure};
use reqwest::StatusCode;
use reqwest::blocking::{Client as Http, RequestBuilder, Response};
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};
use time::format_description::well_known::Rfc3339;
use time::{Date, OffsetDateTime, Time};

/// Between two looks at an operation.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// No request of ours takes longer, the largest download included.
const PATIENCE: Duration = Duration::from_secs(600);
/// Afternoon in the town's zone: every time of day that its rules know has passed.
const AFTERNOON: Time = time::macros::time!(21:00);
/// The longest page.
const PAGE: usize = 500;

/// Signed in at one server.
pub struct Client {
    http: Http,
    url: String,
    email: &'static str,
    password: &'static str,
    token: RefCell<String>,
    keys: Cell<u64>,
}

/// An answer with the version that the next change must name.
pub struct Versioned {
    pub body: Value,
    pub version: Option<String>,
}

/// What was said of the time left, and what it was.
#[derive(Debug, Clone, Copy)]
pub struct Foretold {
    /// Said after a tenth of the items.
    pub told: Duration,
    /// From then to the end.
    pub took: Duration,
}

impl Client {
    /// Signs in.
    pub fn sign_in(url: String, email: &'static str, password: &'static str) -> Result<Self> {
        let http = Http::builder().no_proxy().timeout(PATIENCE).build().context("an HTTP client")?;
        let client =
            Self { http, url, email, password, token: RefCell::new(String::new()), keys: Cell::new(0) };
        client.renew()?;
        Ok(client)
    }

    fn renew(&self) -> Result<()> {
        let body = json!({ "grant_type": "password", "email": self.email, "password": self.password });
        let answer = self.http.post(format!("{}/v1/auth/token", self.url)).json(&body).send()?;
        let answer: Value = good("/v1/auth/token", answer)?.json()?;
        text(&answer, "access_token")?.clone_into(&mut self.token.borrow_mut());
        Ok(())
    }

    /// Sends a request; once more when the token has expired meanwhile.
    fn send(&self, path: &str, request: impl Fn(&Http, String) -> RequestBuilder) -> Result<Response> {
        let send = || {
            let token = self.token.borrow().clone();
            request(&self.http, format!("{}{path}", self.url)).bearer_auth(token).send()
        };
        let mut answer = send()?;
        if answer.status() == StatusCode::UNAUTHORIZED {
            self.renew()?;
            answer = send()?;
        }
        good(path, answer)
    }

    fn next_key(&self) -> String {
        self.keys.set(self.keys.get() + 1);
        format!("demo-{}", self.keys.get())
    }

    /// Reads a resource.
    pub fn get(&self, path: &str) -> Result<Value> {
        Ok(self.send(path, |http, url| http.get(url))?.json()?)
    }

    /// Reads a resource with its version.
    pub fn get_versioned(&self, path: &str) -> Result<Versioned> {
        versioned(self.send(path, |http, url| http.get(url))?)
    }

    /// Reads a list to its end. The path has a query already, or ends with `?`.
    pub fn all(&self, path: &str) -> Result<Vec<Value>> {
        let (mut items, mut cursor) = (Vec::new(), String::new());
        loop {
            let mut page = self.get(&format!("{path}&limit={PAGE}{cursor}"))?;
            if let Some(of_page) = page["items"].as_array_mut() {
                items.append(of_page);
            }
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return Ok(items),
            }
        }
    }

    /// Creates something, or has something done.
    pub fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let key = self.next_key();
        let answer =
            self.send(path, |http, url| http.post(url).header("Idempotency-Key", &key).json(body))?;
        Ok(answer.json()?)
    }

    /// Changes the version of a resource that was read.
    pub fn post_on(&self, path: &str, version: &str) -> Result<Value> {
        Ok(self.send(path, |http, url| http.post(url).header("If-Match", version))?.json()?)
    }

    /// Sends a CSV file as a stream.
    pub fn post_csv(&self, path: &str, file: &Path) -> Result<Value> {
        let key = self.next_key();
        // A body can be read once: a token that may have expired is renewed before, not after.
        self.renew()?;
        let body = File::open(file).with_context(|| format!("reading {}", file.display()))?;
        let answer = self
            .http
            .post(format!("{}{path}", self.url))
            .bearer_auth(self.token.borrow())
            .header("Idempotency-Key", &key)
            .header("Content-Type", "text/csv")
            .body(body)
            .send()?;
        Ok(good(path, answer)?.json()?)
    }

    /// Replaces a resource; `version` is that of the one there, when there is one.
    pub fn put(&self, path: &str, body: &Value, version: Option<&str>) -> Result<Versioned> {
        versioned(self.send(path, |http, url| {
            let request = http.put(url).json(body);
            match version {
                Some(version) => request.header("If-Match", version),
                None => request,
            }
        })?)
    }

    /// Downloads into a file.
    pub fn save(&self, path: &str, file: &Path) -> Result<()> {
        let mut answer = self.send(path, |http, url| http.get(url))?;
        let mut to = File::create(file).with_context(|| format!("writing {}", file.display()))?;
        answer.copy_to(&mut to)?;
        Ok(())
    }

    /// Moves business time to the afternoon of a day, when that is still to come.
    pub fn move_clock(&self, day: Date) -> Result<()> {
        let now = self.get("/v1/clock")?;
        let now = OffsetDateTime::parse(text(&now, "now")?, &Rfc3339).context("the clock's time")?;
        let to = day.with_time(AFTERNOON).assume_utc();
        if now < to {
            self.post("/v1/clock/move", &json!({ "to": to.format(&Rfc3339)? }))?;
        }
        Ok(())
    }

    /// Follows an operation to its good end, with a bar.
    pub fn follow(&self, operation: &Value, name: &'static str) -> Result<Value> {
        Ok(self.follow_noting(operation, name)?.0)
    }

    /// The same; answers also how long the operation said that the rest would take, when the first tenth of its
    /// items was done, and how long it took. None when it said nothing before its end.
    pub fn follow_noting(&self, operation: &Value, name: &'static str) -> Result<(Value, Option<Foretold>)> {
        let path = format!("/v1/operations/{}", text(operation, "id")?);
        let bar = progress::bar(name);
        let mut told: Option<(Duration, Instant)> = None;
        loop {
            let now = self.get(&path)?;
            let (done, total) = (count(&now["done"]) + count(&now["failed"]), count(&now["total"]));
            bar.set_length(total);
            bar.set_position(done);
            match now["state"].as_str() {
                Some("done") => {
                    bar.finish_and_clear();
                    let foretold = told.map(|(told, at)| Foretold { told, took: at.elapsed() });
                    return Ok((now, foretold));
                }
                Some("queued" | "running") => {
                    if told.is_none() && done < total && done * 10 >= total {
                        told = now["time_left_s"].as_u64().map(|s| (Duration::from_secs(s), Instant::now()));
                    }
                    std::thread::sleep(LOOK_AGAIN);
                }
                state => {
                    bar.finish_and_clear();
                    let state = state.unwrap_or("in no state");
                    bail!("{name}: the operation is {state}: {}", now["error"]);
                }
            }
        }
    }
}

fn good(path: &str, answer: Response) -> Result<Response> {
    let status = answer.status();
    if !status.is_success() {
        bail!("{path}: {status}: {}", answer.text().unwrap_or_default());
    }
    Ok(answer)
}

fn versioned(answer: Response) -> Result<Versioned> {
    let version = answer.headers().get("etag").map(|tag| tag.to_str().map(str::to_owned)).transpose()?;
    Ok(Versioned { version, body: answer.json()? })
}

/// A text of an answer.
pub fn text<'v>(answer: &'v Value, field: &str) -> Result<&'v str> {
    let found = answer[field].as_str();
    ensure!(found.is_some(), "an answer without {field}: {answer}");
    Ok(found.unwrap_or_default())
}

/// A number of an answer; none is nothing.
pub fn count(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0)
}

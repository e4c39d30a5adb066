//! Many people at once: on one account's money (R8), and on one window by site.
//!
//! `PENSTOCK_FULL=1` makes the first of full size and prints what it came to.

use e2e::billed::{self, BILLED};
use e2e::town::{Town, text, usd};
use e2e::{Billed, Client, Program, Reply};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Barrier, Mutex};
use std::time::{Duration, Instant};

/// Users and actions of each in the sample.
const SAMPLE: (usize, u32) = (8, 12);
/// Users and how long each goes on in the full size.
const FULL: (usize, Duration) = (32, Duration::from_secs(60));
/// Sites, with a user each, of one window.
const SITES: usize = 16;
/// Accounts of each site.
const EACH: usize = 3;

/// Numbers that look random and are the same every time.
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    /// Between a cent and twenty.
    fn cents(&mut self) -> i64 {
        i64::try_from(self.below(2000)).unwrap() + 1
    }
}

fn money(cents: i64) -> Value {
    let sign = if cents < 0 { "-" } else { "" };
    usd(&format!("{sign}{}.{:02}", cents.abs() / 100, cents.abs() % 100))
}

fn cents(amount: &str) -> i64 {
    amount.replace('.', "").parse().unwrap()
}

/// Something posted: how to undo it, and what that does to the two accounts.
#[derive(Clone)]
struct Posted {
    document: String,
    action: &'static str,
    undone: [i64; 2],
}

/// What one user's answers come to.
#[derive(Default)]
struct Tally {
    moved: [i64; 2],
    answers: BTreeMap<String, u32>,
}

impl Tally {
    /// Counts an answer; whether it says that the thing was done. Refusals must be clean.
    fn takes(&mut self, what: &str, reply: &Reply) -> bool {
        let done = (200..300).contains(&reply.status);
        let clean = done || (400..500).contains(&reply.status) && reply.body["status"] == reply.status;
        assert!(clean, "{what}: {} {:#}", reply.status, reply.body);
        let code = if done { "done" } else { text(&reply.body["code"]) };
        *self.answers.entry(format!("{what}: {code}")).or_default() += 1;
        done
    }

    fn add(&mut self, moved: [i64; 2]) {
        self.moved[0] += moved[0];
        self.moved[1] += moved[1];
    }
}

/// The two accounts that everybody works on, and what stands there to be undone.
struct Counter<'a> {
    of: &'a Billed,
    fee: Value,
    transfer: Value,
    posted: Mutex<Vec<Posted>>,
}

impl Counter<'_> {
    fn new(of: &Billed) -> Counter<'_> {
        let kind = |code: &str, purpose: &str| {
            let body =
                json!({ "code": code, "name": code, "gl_account_id": of.town.revenue, "purpose": purpose });
            of.admin.post("/v1/adjustment-types", &body).ok()["id"].clone()
        };
        Counter {
            of,
            fee: kind("fee", "general"),
            transfer: kind("moved", "transfer"),
            posted: Mutex::default(),
        }
    }

    /// Sends the same twice under one key: it is done once, and answered alike.
    fn twice(who: &Client, path: &str, body: &Value, key: &str, tally: &mut Tally) -> Reply {
        let first = who.post_once(path, body, key);
        let again = who.post_once(path, body, key);
        assert_eq!((first.status, &first.body), (again.status, &again.body), "{path}");
        tally.takes("again", &again);
        first
    }

    fn post(&self, who: &Client, what: &'static str, name: &str, seeded: &mut Seeded, tally: &mut Tally) {
        let account = |at: usize| format!("/v1/accounts/{}", text(&self.of.accounts[at]));
        let amount = seeded.cents();
        let signed = if seeded.below(2) == 0 { amount } else { -amount };
        let (path, body) = match what {
            "pay" => (
                "/v1/payments".to_owned(),
                json!({ "account_id": self.of.accounts[0], "kind": "cash", "amount": money(amount) }),
            ),
            "adjust" => (
                format!("{}/adjustments", account(0)),
                json!({ "type_id": self.fee, "amount": money(signed), "reason": "Counted again" }),
            ),
            _ => {
                let from = usize::from(seeded.below(2) == 0);
                let to = &self.of.accounts[1 - from];
                let body = json!({
                    "to_account_id": to, "type_id": self.transfer, "amount": money(signed), "reason": "Moved"
                });
                return self.transfer(
                    who,
                    from,
                    (&format!("{}/transfers", account(from)), &body),
                    signed,
                    tally,
                );
            }
        };
        let reply = if seeded.below(4) == 0 {
            Self::twice(who, &path, &body, name, tally)
        } else {
            who.post_once(&path, &body, name)
        };
        if tally.takes(what, &reply) {
            let (document, action, moved) = match what {
                "pay" => (format!("/v1/payments/{}", text(&reply.body["payment"]["id"])), "reverse", -amount),
                _ => (format!("/v1/adjustments/{}", text(&reply.body["id"])), "cancel", signed),
            };
            tally.add([moved, 0]);
            self.posted.lock().unwrap().push(Posted { document, action, undone: [-moved, 0] });
        }
    }

    fn transfer(&self, who: &Client, from: usize, what: (&str, &Value), amount: i64, tally: &mut Tally) {
        let reply = who.post(what.0, what.1);
        if tally.takes("transfer", &reply) {
            let moved = if from == 0 { [-amount, amount] } else { [amount, -amount] };
            tally.add(moved);
            // Either side may be the one that is cancelled.
            let side = if amount > 0 { "from" } else { "to" };
            let document = format!("/v1/adjustments/{}", text(&reply.body[side]["id"]));
            let undone = moved.map(|cents| -cents);
            self.posted.lock().unwrap().push(Posted { document, action: "cancel", undone });
        }
    }

    /// Undoes one of what anybody has posted; others may be about to undo the same.
    fn undo(&self, who: &Client, seeded: &mut Seeded, tally: &mut Tally) {
        let found = {
            let posted = self.posted.lock().unwrap();
            let Some(below) = u64::try_from(posted.len()).ok().filter(|&count| count > 0) else { return };
            // Of the latest: where others look, too.
            let back = usize::try_from(seeded.below(below.min(6))).unwrap() + 1;
            posted[posted.len() - back].clone()
        };
        let etag = who.get(&found.document).etag.unwrap();
        let path = format!("{}/{}", found.document, found.action);
        let reply = who.post_if(&path, &json!({ "reason": "Counted wrong" }), &etag);
        if tally.takes(found.action, &reply) {
            tally.add(found.undone);
            self.posted.lock().unwrap().retain(|posted| posted.document != found.document);
        }
    }

    /// One user's work: until `ends` says so, asked before every action.
    fn work(&self, who: &Client, number: usize, ends: impl Fn(u32) -> bool) -> Tally {
        let mut tally = Tally::default();
        let mut seeded = Seeded(0x9e37_79b9_7f4a_7c15 ^ (u64::try_from(number).unwrap() << 32));
        let mut action = 0;
        while !ends(action) {
            action += 1;
            let name = format!("user-{number}-{action}");
            match seeded.below(10) {
                0..=2 => self.post(who, "pay", &name, &mut seeded, &mut tally),
                3 | 4 => self.post(who, "adjust", &name, &mut seeded, &mut tally),
                5 | 6 => self.post(who, "transfer", &name, &mut seeded, &mut tally),
                _ => self.undo(who, &mut seeded, &mut tally),
            }
        }
        tally
    }
}

#[test]
fn what_a_crowd_was_told_is_what_the_account_says() {
    let full = std::env::var("PENSTOCK_FULL").is_ok_and(|value| value == "1");
    let users = if full { FULL.0 } else { SAMPLE.0 };
    let of = Billed::open(&["north"], 2);
    let staff: Vec<Client> =
        (0..users).map(|number| of.staff(&format!("user-{number}"), "manager", None)).collect();
    let counter = Counter::new(&of);
    let begun = Instant::now();
    let ends = |action: u32| if full { begun.elapsed() >= FULL.1 } else { action >= SAMPLE.1 };
    let numbered: Vec<(usize, &Client)> = staff.iter().enumerate().collect();
    let tallies = at_once(&numbered, |&(number, who)| counter.work(who, number, ends));
    let took = begun.elapsed();

    let mut all = Tally::default();
    for tally in tallies {
        all.add(tally.moved);
        for (answer, count) in tally.answers {
            *all.answers.entry(answer).or_default() += count;
        }
    }
    for done in ["pay: done", "adjust: done", "transfer: done", "cancel: done", "again: done"] {
        assert!(all.answers.contains_key(done), "{done}: {:?}", all.answers);
    }
    // Of refusals, only those that say that somebody else was faster.
    let faster = ["done", "etag_mismatch", "wrong_state", "payment_not_reversible"];
    for answer in all.answers.keys() {
        assert!(faster.iter().any(|code| answer.ends_with(&format!(": {code}"))), "{:?}", all.answers);
    }
    for (account, moved) in all.moved.into_iter().enumerate() {
        assert_eq!(
            cents(&of.balance(account)),
            cents(BILLED) + moved,
            "account {account}: {:?}",
            all.answers
        );
    }
    of.program.assert_proven();
    if full {
        let answers: u32 = all.answers.values().sum();
        eprintln!("{users} users, {} s: {answers} answers {:#?}", took.as_secs(), all.answers);
    }
}

/// A user of one site with their run.
struct OfSite {
    who: Client,
    accounts: BTreeSet<String>,
}

impl OfSite {
    /// Creates a run, tests it and reads its items; answers the path of the run and what accepts the test.
    fn tested(&self, window: &Value) -> (String, Value) {
        let run = self.who.post("/v1/bill-runs", &json!({ "window_id": window, "name": "own" })).ok();
        assert_eq!(run["accounts"], EACH);
        let path = format!("/v1/bill-runs/{}", text(&run["id"]));
        let test = self.who.post(&format!("{path}/tests"), &Value::Null).ok();
        self.who.finish(&test["operation"]);
        let items = self.who.all(&format!("{path}/items"));
        let theirs: BTreeSet<String> =
            items.iter().map(|item| text(&item["account_id"]).to_owned()).collect();
        assert_eq!((items.len(), &theirs), (EACH, &self.accounts));
        (path, json!({ "test_id": test["test"]["id"] }))
    }
}

/// Does the work of all of them at the same time.
fn at_once<T: Sync, R: Send>(all: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let together = Barrier::new(all.len());
    std::thread::scope(|scope| {
        let (together, work) = (&together, &work);
        let begin = |of| {
            scope.spawn(move || {
                together.wait();
                work(of)
            })
        };
        let threads: Vec<_> = all.iter().map(begin).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn sixteen_people_bill_sixteen_sites_of_one_window_at_once() {
    let program = Program::serve(2);
    let admin = program.admin();
    let names: Vec<String> = (0..SITES).map(|site| format!("site-{site}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let town = Town::found(&admin, &names, "2026-02-02T15:00:00Z");
    let accounts = billed::subscribers(&admin, &town, EACH, "2026-01-01", "5.00");
    let window = town.window(&admin, "2026-01-01", "2026-01-31", "2026-02-02");
    let staff: Vec<OfSite> = accounts
        .chunks(EACH)
        .enumerate()
        .map(|(site, accounts)| OfSite {
            who: billed::staff(&program, &admin, &format!("user-{site}"), "manager", Some(&town.sites[site])),
            accounts: accounts.iter().map(|id| text(id).to_owned()).collect(),
        })
        .collect();

    let tested: Vec<(String, Value)> = at_once(&staff, |of| of.tested(&window));
    let tested: Vec<_> = staff.iter().zip(tested).collect();
    at_once(&tested, |(of, (path, test))| {
        let accepted = of.who.post(&format!("{path}/accept"), test).ok();
        of.who.finish(&accepted);
        assert_eq!(of.who.get(path).ok()["items"], json!({ "accepted": EACH }));
    });

    let bills = "SELECT count(*) AS n FROM bills";
    let owners = "SELECT count(DISTINCT account_id) AS n FROM bills";
    let expected = i64::try_from(accounts.len()).unwrap();
    assert_eq!(program.database.number(bills).unwrap(), expected);
    assert_eq!(program.database.number(owners).unwrap(), expected);
    program.assert_proven();
}

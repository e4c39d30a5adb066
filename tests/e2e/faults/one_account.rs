//! Many people at one account at once: every cent that was answered as done is in the balance, and no other.

use e2e::faults::{Dice, is_full, size};
use e2e::town::{text, usd};
use e2e::{Billed, Client};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// What everybody works with.
struct Desk<'a> {
    admin: &'a Client,
    accounts: [&'a str; 2],
    fee: &'a Value,
    moving: &'a Value,
}

/// A document that can be undone, and what undoing it does to the two balances.
struct Posted {
    path: String,
    undo: &'static str,
    moves: [i64; 2],
}

impl Desk<'_> {
    /// Posts something on the first account, or between the two; none when it was refused.
    fn post(&self, dice: &mut Dice) -> Option<Posted> {
        let cents = i64::try_from(dice.below(900)).unwrap() + 1;
        let amount = usd(&format!("{}.{:02}", cents / 100, cents % 100));
        let document = |kind: &str, id: &Value| format!("/v1/{kind}/{}", text(id));
        match dice.below(3) {
            0 => {
                let body = json!({ "account_id": self.accounts[0], "kind": "check", "amount": amount });
                let done = done(self.admin.post("/v1/payments", &body))?;
                let path = document("payments", &done["payment"]["id"]);
                Some(Posted { path, undo: "reverse", moves: [-cents, 0] })
            }
            1 => {
                let body = json!({ "type_id": self.fee, "amount": amount, "reason": "A fee" });
                let done =
                    done(self.admin.post(&format!("/v1/accounts/{}/adjustments", self.accounts[0]), &body))?;
                Some(Posted { path: document("adjustments", &done["id"]), undo: "cancel", moves: [cents, 0] })
            }
            _ => {
                let from = usize::try_from(dice.below(2)).unwrap();
                let body = json!({
                    "to_account_id": self.accounts[1 - from], "type_id": self.moving, "amount": amount,
                    "reason": "Moved"
                });
                let done =
                    done(self.admin.post(&format!("/v1/accounts/{}/transfers", self.accounts[from]), &body))?;
                let moves = if from == 0 { [-cents, cents] } else { [cents, -cents] };
                Some(Posted { path: document("adjustments", &done["from"]["id"]), undo: "cancel", moves })
            }
        }
    }

    /// Undoes it; tells whether it was.
    fn undo(&self, posted: &Posted) -> bool {
        let etag = self.admin.get(&posted.path).etag.unwrap();
        let reason = json!({ "reason": "Entered by mistake" });
        done(self.admin.post_if(&format!("{}/{}", posted.path, posted.undo), &reason, &etag)).is_some()
    }

    /// Works for a while; answers what was done to the two balances, and how many things.
    fn work(&self, seed: u64, until: impl Fn(u32) -> bool) -> ([i64; 2], u32) {
        let (mut dice, mut mine) = (Dice::new(seed), Vec::new());
        let (mut moved, mut count) = ([0, 0], 0);
        let mut tried = 0;
        while !until(tried) {
            tried += 1;
            let undoes = !mine.is_empty() && dice.below(3) == 0;
            let moves = if undoes {
                let posted: Posted =
                    mine.swap_remove(usize::try_from(dice.below(mine.len() as u64)).unwrap());
                self.undo(&posted).then_some(posted.moves.map(|cents: i64| -cents))
            } else {
                let posted = self.post(&mut dice);
                let moves = posted.as_ref().map(|posted| posted.moves);
                mine.extend(posted);
                moves
            };
            if let Some(moves) = moves {
                count += 1;
                moved = [moved[0] + moves[0], moved[1] + moves[1]];
            }
        }
        (moved, count)
    }
}

/// The body of what was done; a refusal may say that it is busy or too late, never that it has failed.
fn done(reply: e2e::Reply) -> Option<Value> {
    match reply.status {
        200..=299 => Some(reply.body),
        409 | 412 | 429 | 503 => None,
        _ => panic!("{}: {:#}", reply.status, reply.body),
    }
}

/// In cents.
fn cents(amount: &str) -> i64 {
    amount.replace('.', "").parse().unwrap()
}

#[test]
fn many_people_at_one_account_lose_no_cent() {
    let (people, each) = size((8, 15), (32, 0));
    let of = Billed::open(&["north"], 2);
    let kind = |code: &str, purpose: &str| {
        let kind =
            json!({ "code": code, "name": code, "gl_account_id": of.town.revenue, "purpose": purpose });
        of.admin.post("/v1/adjustment-types", &kind).ok()["id"].clone()
    };
    let (fee, moving) = (kind("fee", "general"), kind("moving", "transfer"));
    let before = [cents(&of.balance(0)), cents(&of.balance(1))];
    let accounts = [text(&of.accounts[0]), text(&of.accounts[1])];
    let desk = Desk { admin: &of.admin, accounts, fee: &fee, moving: &moving };
    let begun = Instant::now();
    let until = |tried: u32| {
        if is_full() { begun.elapsed() >= Duration::from_secs(60) } else { tried >= each }
    };
    let (desk, until) = (&desk, &until);
    let (moved, count) = std::thread::scope(|scope| {
        let at_work: Vec<_> = (0..people).map(|seed| scope.spawn(move || desk.work(seed, until))).collect();
        at_work.into_iter().map(|one| one.join().unwrap()).fold(([0, 0], 0), |(sum, count), (moved, more)| {
            ([sum[0] + moved[0], sum[1] + moved[1]], count + more)
        })
    });
    assert!(count > 0, "nothing was done");
    let after = [cents(&of.balance(0)), cents(&of.balance(1))];
    assert_eq!(after, [before[0] + moved[0], before[1] + moved[1]]);
    of.program.assert_proven();
    if is_full() {
        eprintln!("R8: {people} people for {:?}: {count} things done, no cent lost", begun.elapsed());
    }
}

//! Payment runs: outcomes, crashes, webhooks; one charge is one payment whatever happens.

use crate::ground::{Ground, cents};
use app::Caller;
use app::operations::Control;
use app::payment_runs::{self, RunFilter};
use connectors::gateway::Secret;
use connectors::gateway::stripe::WebhookCheck;
use hmac::{Hmac, KeyInit, Mac};
use payments::gateway::{
    ChargeOutcome, ChargeRequest, Declined, Gateway, LookUp, LookUpRequest, Reference, RefundOutcome,
    RefundRequest,
};
use payments::retry::DeclineKind;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use store::draws::{Draw, DrawFilter};
use time::macros::date;
use vocab::{
    AccountId, DrawId, DrawState, GatewayKind, OperationState, PaymentRunId, PaymentRunState, Role,
    TenderKind,
};

const SECRET: &str = "whsec_test";
const TARGET: time::Date = date!(2026 - 03 - 31);

/// A gateway that does what it is told, and counts.
#[derive(Default)]
struct Scripted {
    charges: Mutex<Vec<ChargeRequest>>,
    outcomes: Mutex<BTreeMap<String, &'static str>>,
    found: Mutex<Option<LookUp>>,
    meanwhile: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl Scripted {
    fn does(&self, method: &str, what: &'static str) {
        self.outcomes.lock().unwrap().insert(method.to_owned(), what);
    }

    fn charged(&self) -> usize {
        self.charges.lock().unwrap().len()
    }
}

fn reference(key: &str) -> Reference {
    Reference(format!("pi_{key}"))
}

fn declined(reason: &str, kind: DeclineKind) -> ChargeOutcome {
    let (reason, message) = (reason.to_owned(), "declined".to_owned());
    ChargeOutcome::Declined(Declined { reference: None, reason, kind, message })
}

impl Gateway for Scripted {
    fn name(&self) -> &str {
        "scripted"
    }

    fn charge(&self, request: &ChargeRequest) -> ChargeOutcome {
        self.charges.lock().unwrap().push(request.clone());
        let reference = reference(request.key.as_str());
        match self.outcomes.lock().unwrap().get(&request.instrument.method).copied() {
            Some("pending") => ChargeOutcome::Pending { reference },
            Some("soft") => declined("insufficient_funds", DeclineKind::Soft),
            Some("hard") => declined("expired_card", DeclineKind::Hard),
            Some("unknown") => ChargeOutcome::Unknown { why: "time-out".to_owned() },
            Some("not_taken") => ChargeOutcome::NotTaken { why: "no connection".to_owned() },
            _ => ChargeOutcome::Succeeded { reference },
        }
    }

    fn look_up(&self, request: &LookUpRequest) -> LookUp {
        if let Some(happens) = self.meanwhile.lock().unwrap().take() {
            happens();
        }
        let found = self.found.lock().unwrap().clone();
        found.unwrap_or_else(|| {
            LookUp::Found(ChargeOutcome::Succeeded { reference: reference(request.key.as_str()) })
        })
    }

    fn refund(&self, _: &RefundRequest) -> RefundOutcome {
        RefundOutcome::NotTaken { why: "not here".to_owned() }
    }
}

fn ground() -> (Ground, Arc<Scripted>) {
    let gateway = Arc::new(Scripted::default());
    let theirs: Arc<dyn Gateway> = gateway.clone();
    let check = WebhookCheck::new(vec![Secret::new(SECRET)]);
    let ground = Ground::new(|parts| parts.collecting(GatewayKind::Stripe, theirs).hearing(check));
    ground.database.execute("UPDATE business_clock SET moved_to = '2026-03-31T12:00Z'").unwrap();
    (ground, gateway)
}

/// An account with a posted bill of `minor`, autopay and a draw that is due.
fn billed(ground: &Ground, minor: i64, method: &str) -> AccountId {
    let account = ground.open_account();
    let (id, bill, ft) = (account.0, account.0 + 500_000, account.0 + 600_000);
    ground
        .database
        .execute(&format!(
            "INSERT INTO bills (account_id, id, number, state, bill_on, due_on, period_first_on, period_last_on, \
               previous_minor, swept_minor, new_minor, ending_minor, routings, completed_at, version) \
             VALUES ({id}, {bill}, {id}, 'complete', '2026-03-01', '2026-03-20', '2026-02-01', '2026-02-28', \
               0, 0, {minor}, {minor}, '[]', '2026-03-01T08:00Z', 1); \
             INSERT INTO fts (account_id, id, kind, source_id, born_on_bill_id, current_minor, payoff_minor, \
               accounting_on, effective_on, due_on, posted_at, gl_account_ids, gl_minor) \
             VALUES ({id}, {ft}, 'segment', 1, {bill}, {minor}, {minor}, '2026-03-01', '2026-03-01', '2026-03-20', \
               '2026-03-01T08:00Z', ARRAY[1, 4], ARRAY[{minor}, -{minor}]); \
             INSERT INTO payment_methods (account_id, id, kind, gateway, customer_token, method_token, label, state, \
               created_at, version) VALUES ({id}, {id}, 'card', 'stripe', 'cus_1', '{method}', 'Visa', 'active', \
               '2026-01-01T00:00Z', 1); \
             UPDATE accounts SET current_minor = {minor}, payoff_minor = {minor}, autopay_method_id = {id}, \
               autopay_rule = 'due_date' WHERE account_id = {id}; \
             INSERT INTO draws (account_id, id, bill_id, method_id, draw_on, not_before_at, state, attempts, version) \
             VALUES ({id}, {id}, {bill}, {id}, '2026-03-20', '2026-03-01T08:00Z', 'planned', 0, 1);"
        ))
        .unwrap();
    account
}

/// The next month's bill of such an account, with a draw of its own.
fn billed_again(ground: &Ground, account: AccountId, minor: i64) -> DrawId {
    let (id, bill, ft, draw) = (account.0, account.0 + 500_001, account.0 + 600_001, account.0 + 1);
    ground
        .database
        .execute(&format!(
            "INSERT INTO bills (account_id, id, number, state, bill_on, due_on, period_first_on, period_last_on, \
               previous_minor, swept_minor, new_minor, ending_minor, routings, completed_at, version) \
             SELECT {id}, {bill}, {bill}, 'complete', '2026-03-10', '2026-03-30', '2026-03-01', '2026-03-09', \
               ending_minor, 0, {minor}, ending_minor + {minor}, '[]', '2026-03-10T08:00Z', 1 \
             FROM bills WHERE account_id = {id}; \
             INSERT INTO fts (account_id, id, kind, source_id, born_on_bill_id, current_minor, payoff_minor, \
               accounting_on, effective_on, due_on, posted_at, gl_account_ids, gl_minor) \
             VALUES ({id}, {ft}, 'segment', 2, {bill}, {minor}, {minor}, '2026-03-10', '2026-03-10', '2026-03-30', \
               '2026-03-10T08:00Z', ARRAY[1, 4], ARRAY[{minor}, -{minor}]); \
             UPDATE accounts SET current_minor = current_minor + {minor}, payoff_minor = payoff_minor + {minor} \
               WHERE account_id = {id}; \
             INSERT INTO draws (account_id, id, bill_id, method_id, draw_on, not_before_at, state, attempts, version) \
             VALUES ({id}, {draw}, {bill}, {id}, '2026-03-30', '2026-03-10T08:00Z', 'planned', 0, 1);"
        ))
        .unwrap();
    DrawId::new(account, draw)
}

fn plan(ground: &Ground) -> PaymentRunId {
    let filter = RunFilter::default();
    ground.tx(|tx| payment_runs::create(tx, &ground.caller, &filter, TARGET)).unwrap().run.id
}

fn execute(ground: &Ground, run: PaymentRunId) {
    ground.tx(|tx| payment_runs::execute(tx, &ground.caller, run)).unwrap();
    ground.app.work_until_idle().unwrap();
}

fn draw(ground: &Ground, account: AccountId) -> Draw {
    let filter = DrawFilter { account: Some(account), ..DrawFilter::default() };
    ground.app.draws(&ground.caller, filter, None, 10).unwrap().items.remove(0)
}

#[test]
fn a_run_collects_what_it_previewed_and_every_draw_stands_on_its_own() {
    let (ground, gateway) = ground();
    let fine = billed(&ground, 4351, "pm_fine");
    let pending = billed(&ground, 1000, "pm_pending");
    let soft = billed(&ground, 2000, "pm_soft");
    let hard = billed(&ground, 3000, "pm_hard");
    let unknown = billed(&ground, 4000, "pm_unknown");
    for (method, what) in
        [("pm_pending", "pending"), ("pm_soft", "soft"), ("pm_hard", "hard"), ("pm_unknown", "unknown")]
    {
        gateway.does(method, what);
    }
    let filter = RunFilter::default();
    let preview = ground.tx(|tx| payment_runs::preview(tx, &ground.caller, &filter, TARGET)).unwrap();
    let expected = payment_runs::Planned { kind: TenderKind::Card, draws: 5, amount: cents(14351) };
    assert_eq!(preview, [expected]);
    let early =
        ground.tx(|tx| payment_runs::preview(tx, &ground.caller, &filter, date!(2026 - 03 - 19))).unwrap();
    assert!(early.is_empty());

    let run = plan(&ground);
    assert!(ground.tx(|tx| payment_runs::preview(tx, &ground.caller, &filter, TARGET)).unwrap().is_empty());
    execute(&ground, run);
    let states: Vec<DrawState> = [fine, pending, soft, hard, unknown]
        .into_iter()
        .map(|account| draw(&ground, account).state)
        .collect();
    use DrawState::{Failed, Pending, Succeeded, Unknown};
    assert_eq!(states, [Succeeded, Pending, Failed, Failed, Unknown]);
    assert_eq!([fine, pending, soft].map(|account| ground.balance(account)), [0, 1000, 2000]);
    assert!(draw(&ground, soft).retry_on.is_some());
    assert_eq!(draw(&ground, hard).retry_on, None);
    assert_eq!(draw(&ground, hard).reason_code.as_deref(), Some("expired_card"));
    assert_eq!(gateway.charged(), 5);
    assert_eq!(ground.number("SELECT count(*) AS n FROM messages WHERE kind = 'autopay_failed'"), 2);

    // Looked up, never charged again.
    ground.app.resolve_run(run).unwrap();
    assert_eq!(draw(&ground, unknown).state, Succeeded);
    assert_eq!(draw(&ground, pending).state, Succeeded);
    assert_eq!((gateway.charged(), ground.balance(unknown)), (5, 0));
    ground.assert_books_hold();
}

#[test]
fn while_money_is_under_way_a_later_bill_is_not_drawn() {
    for under_way in ["pending", "unknown"] {
        let (ground, gateway) = ground();
        let account = billed(&ground, 4351, "pm_fine");
        gateway.does("pm_fine", under_way);
        let first = plan(&ground);
        execute(&ground, first);
        gateway.does("pm_fine", "fine");
        let later = billed_again(&ground, account, 1000);
        let refused = ground.tx(|tx| payment_runs::create(tx, &ground.caller, &RunFilter::default(), TARGET));
        assert_eq!(refused.unwrap_err().problem().code, vocab::Code::EmptyScope, "{under_way}");

        // Once the first is known, the later bill asks for the rest alone.
        ground.app.resolve_run(first).unwrap();
        execute(&ground, plan(&ground));
        let second = ground.app.draw(&ground.caller, later).unwrap();
        assert_eq!((second.state, second.amount_minor), (DrawState::Succeeded, Some(cents(1000))));
        assert_eq!(ground.balance(account), 0);
        ground.assert_books_hold();
    }
}

#[test]
fn a_draw_whose_account_got_money_under_way_after_the_plan_waits() {
    let (ground, gateway) = ground();
    let account = billed(&ground, 4351, "pm_fine");
    let run = plan(&ground);
    let other = billed_again(&ground, account, 1000);
    ground
        .database
        .execute(&format!("UPDATE draws SET state = 'pending', amount_minor = 5351 WHERE id = {}", other.n))
        .unwrap();
    execute(&ground, run);
    assert_eq!((draw(&ground, account).state, gateway.charged()), (DrawState::Planned, 0));
}

#[test]
fn nothing_is_drawn_before_its_day_however_far_a_run_looks_ahead() {
    let (ground, gateway) = ground();
    let account = billed(&ground, 4351, "pm_fine");
    ground.database.execute("UPDATE draws SET draw_on = '2026-04-02'").unwrap();
    let filter = RunFilter::default();
    let ahead = date!(2027 - 01 - 01);
    let run = ground.tx(|tx| payment_runs::create(tx, &ground.caller, &filter, ahead)).unwrap().run.id;
    execute(&ground, run);
    let waiting = draw(&ground, account);
    assert_eq!((waiting.state, waiting.reason_code.as_deref()), (DrawState::Planned, Some("not_yet")));

    // A failed draw in a run that looks ahead waits for the day of its next try.
    ground
        .database
        .execute("UPDATE draws SET state = 'failed', draw_on = '2026-03-20', retry_on = '2026-04-03'")
        .unwrap();
    let run = ground.tx(|tx| payment_runs::create(tx, &ground.caller, &filter, ahead)).unwrap().run.id;
    execute(&ground, run);
    let waiting = draw(&ground, account);
    assert_eq!((waiting.state, waiting.draw_on), (DrawState::Planned, date!(2026 - 04 - 03)));
    assert_eq!(gateway.charged(), 0);
    ground.database.execute("UPDATE business_clock SET moved_to = '2026-04-03T12:00Z'").unwrap();
    let run = ground.tx(|tx| payment_runs::create(tx, &ground.caller, &filter, ahead)).unwrap().run.id;
    execute(&ground, run);
    assert_eq!((draw(&ground, account).state, gateway.charged()), (DrawState::Succeeded, 1));
}

#[test]
fn two_runs_that_choose_at_once_never_share_a_draw() {
    let (ground, _) = ground();
    let account = billed(&ground, 4351, "pm_fine");
    let barrier = std::sync::Barrier::new(2);
    let create = || {
        ground.tx(|tx| {
            // Both snapshots see the draw free; the second waits for the first's row.
            let filter = store::draws::CandidateFilter::default();
            let as_of = tx.as_of();
            assert_eq!(store::draws::candidates(tx, &filter, TARGET, as_of)?.len(), 1);
            barrier.wait();
            payment_runs::create(tx, &ground.caller, &RunFilter::default(), TARGET)
        })
    };
    let results = std::thread::scope(|scope| {
        let other = scope.spawn(create);
        [create(), other.join().unwrap()]
    });
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    let run = results.into_iter().find_map(Result::ok).unwrap().run.id;
    assert_eq!(draw(&ground, account).payment_run_id, Some(run));
}

#[test]
fn a_draw_left_in_the_middle_is_looked_up_first() {
    let (ground, gateway) = ground();
    let account = billed(&ground, 4351, "pm_fine");
    let run = plan(&ground);
    ground
        .database
        .execute(
            "UPDATE draws SET state = 'submitting', amount_minor = 4351, idempotency_key = 'draw-1', \
             submitted_at = '2026-03-20T00:00Z'",
        )
        .unwrap();
    execute(&ground, run);
    assert_eq!((draw(&ground, account).state, ground.balance(account)), (DrawState::Succeeded, 0));
    assert_eq!(gateway.charged(), 0);
    ground.assert_books_hold();
}

#[test]
fn what_the_gateway_never_had_is_drawn_by_the_next_run_under_the_same_key() {
    let (ground, gateway) = ground();
    let account = billed(&ground, 4351, "pm_fine");
    gateway.does("pm_fine", "not_taken");
    execute(&ground, plan(&ground));
    assert_eq!(draw(&ground, account).state, DrawState::Planned);
    gateway.does("pm_fine", "fine");
    execute(&ground, plan(&ground));
    assert_eq!((draw(&ground, account).state, ground.balance(account)), (DrawState::Succeeded, 0));
    let charges = gateway.charges.lock().unwrap();
    assert_eq!(charges[0].key, charges[1].key);
}

#[test]
fn three_declines_switch_autopay_off() {
    let (ground, gateway) = ground();
    let account = billed(&ground, 4351, "pm_soft");
    gateway.does("pm_soft", "soft");
    for attempt in 1..=3 {
        execute(&ground, plan(&ground));
        assert_eq!(draw(&ground, account).attempts, attempt);
        if attempt < 3 {
            let id = draw(&ground, account).draw_id();
            ground.tx(|tx| payment_runs::retry(tx, &ground.caller, id)).unwrap();
            ground.database.execute("UPDATE draws SET draw_on = '2026-03-20'").unwrap();
        }
    }
    assert_eq!(ground.app.account(&ground.caller, account).unwrap().account.autopay_method_id, None);
    assert_eq!(draw(&ground, account).retry_on, None);
    assert_eq!(gateway.charged(), 3);
}

fn tell(ground: &Ground, event: &serde_json::Value) -> app::Result<()> {
    let body = event.to_string();
    let now = time::OffsetDateTime::from(std::time::UNIX_EPOCH + since_epoch());
    let stamp = now.unix_timestamp();
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(format!("{stamp}.{body}").as_bytes());
    let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    ground.app.take_stripe_event(&format!("t={stamp},v1={hex}"), body.as_bytes())
}

#[allow(clippy::disallowed_methods, reason = "signatures live by real time")]
fn since_epoch() -> std::time::Duration {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap()
}

fn event(id: &str, word: &str, object: serde_json::Value) -> serde_json::Value {
    json!({ "id": id, "type": word, "data": { "object": object } })
}

#[test]
fn webhooks_settle_once_and_money_that_goes_back_reverses_the_payment() {
    let (ground, gateway) = ground();
    let account = billed(&ground, 4351, "pm_pending");
    gateway.does("pm_pending", "pending");
    execute(&ground, plan(&ground));
    let pending = draw(&ground, account);
    let (reference, key) = (pending.gateway_reference.unwrap(), pending.idempotency_key.unwrap());
    let intent = json!({ "id": reference, "object": "payment_intent", "amount": 4351, "status": "succeeded",
        "metadata": { "penstock_key": key } });
    for id in ["evt_1", "evt_1", "evt_2"] {
        tell(&ground, &event(id, "payment_intent.succeeded", intent.clone())).unwrap();
    }
    assert_eq!((draw(&ground, account).state, ground.balance(account)), (DrawState::Succeeded, 0));
    assert_eq!(ground.number("SELECT count(*) AS n FROM tenders"), 1);
    ground.assert_books_hold();

    let refund = json!({ "payment_intent": reference, "amount_refunded": 4351 });
    for id in ["evt_3", "evt_4"] {
        tell(&ground, &event(id, "charge.refunded", refund.clone())).unwrap();
    }
    assert_eq!(ground.balance(account), 4351);
    assert_eq!(ground.number("SELECT count(*) AS n FROM payments WHERE state = 'reversed'"), 1);

    let forged = ground.app.take_stripe_event("t=1,v1=00", b"{}").unwrap_err();
    assert_eq!(forged.problem().code, vocab::Code::Unauthenticated);
}

fn intent(key: &str, status: &str, minor: i64) -> serde_json::Value {
    json!({ "id": reference(key).0, "object": "payment_intent", "amount": minor, "status": status,
        "metadata": { "penstock_key": key } })
}

#[test]
fn a_charge_that_is_told_too_late_is_posted_all_the_same() {
    let (ground, gateway) = ground();
    let account = billed(&ground, 4351, "pm_fine");
    // The gateway is said not to have taken it; the draw is planned again.
    gateway.does("pm_fine", "not_taken");
    execute(&ground, plan(&ground));
    let key = draw(&ground, account).idempotency_key.unwrap();
    for id in ["evt_1", "evt_2"] {
        tell(&ground, &event(id, "payment_intent.succeeded", intent(&key, "succeeded", 4351))).unwrap();
    }
    assert_eq!((draw(&ground, account).state, ground.balance(account)), (DrawState::Succeeded, 0));
    assert_eq!((ground.number("SELECT count(*) AS n FROM tenders"), gateway.charged()), (1, 1));

    // A declined try that was collected in the end, told after the next try began with another amount.
    let other = billed(&ground, 2000, "pm_soft");
    gateway.does("pm_soft", "soft");
    execute(&ground, plan(&ground));
    let first = draw(&ground, other);
    ground.tx(|tx| payment_runs::retry(tx, &ground.caller, first.draw_id())).unwrap();
    ground.database.execute(&format!("UPDATE draws SET amount_minor = 1 WHERE id = {}", other.0)).unwrap();
    let key = first.idempotency_key.unwrap();
    tell(&ground, &event("evt_3", "payment_intent.succeeded", intent(&key, "succeeded", 2000))).unwrap();
    assert_eq!((draw(&ground, other).state, ground.balance(other)), (DrawState::Succeeded, 0));

    // Withdrawn meanwhile: the money is the customer's credit, the draw stays withdrawn.
    let third = billed(&ground, 3000, "pm_third");
    gateway.does("pm_third", "not_taken");
    execute(&ground, plan(&ground));
    let key = draw(&ground, third).idempotency_key.unwrap();
    ground.database.execute(&format!("UPDATE draws SET state = 'cancelled' WHERE id = {}", third.0)).unwrap();
    tell(&ground, &event("evt_4", "payment_intent.succeeded", intent(&key, "succeeded", 3000))).unwrap();
    assert_eq!((draw(&ground, third).state, ground.balance(third)), (DrawState::Cancelled, 0));
    ground.assert_books_hold();
}

#[test]
fn a_look_up_of_an_earlier_try_says_nothing_about_the_present_one() {
    for found in [LookUp::NotFound, LookUp::StillUnknown { why: "time-out".to_owned() }] {
        let (ground, gateway) = ground();
        let account = billed(&ground, 4351, "pm_unknown");
        gateway.does("pm_unknown", "unknown");
        execute(&ground, plan(&ground));
        let id = draw(&ground, account).draw_id();
        // While the gateway is asked, the draw is decided, tried again, and is under way anew.
        ground.database.execute("UPDATE draws SET submitted_at = '2026-01-01T00:00Z'").unwrap();
        *gateway.found.lock().unwrap() = Some(found);
        let database = ground.database.url().to_owned();
        *gateway.meanwhile.lock().unwrap() = Some(Box::new(move || {
            let db = store::Db::connect(&database, 1).unwrap();
            let next = "draw-next";
            db.tx(|tx| {
                let mut draw = store::draws::lock(tx, id)?.unwrap();
                (draw.state, draw.idempotency_key) = (DrawState::Submitting, Some(next.to_owned()));
                store::draws::save(tx, &draw)
            })
            .unwrap();
        }));
        ground.app.resolve_draw(&ground.caller, id).unwrap();
        assert_eq!(draw(&ground, account).state, DrawState::Submitting);
    }
}

#[test]
fn a_run_and_its_operation_are_cancelled_as_one() {
    let (ground, gateway) = ground();
    let account = billed(&ground, 4351, "pm_fine");
    let states = |run| {
        let run = ground.app.payment_run(run).unwrap().run;
        (run.state, ground.app.operation(&ground.caller, run.operation_id.unwrap()).unwrap().operation.state)
    };
    use PaymentRunState::{Cancelled, Finished, Running};
    let execute = |run| ground.tx(|tx| payment_runs::execute(tx, &ground.caller, run)).unwrap().id;
    let steer = |caller: &Caller, operation, what| {
        ground.tx(|tx| ground.app.control_operation(tx, caller, operation, what))
    };

    let first = plan(&ground);
    let work = execute(first);
    let mut clerk = ground.caller.clone();
    clerk.principal.role = Role::Clerk;
    let refused = steer(&clerk, work, Control::Cancel).unwrap_err().problem();
    assert_eq!(refused.code, vocab::Code::Forbidden);
    steer(&ground.caller, work, Control::Pause).unwrap();
    assert_eq!(states(first), (Running, OperationState::Paused));
    steer(&ground.caller, work, Control::Cancel).unwrap();
    assert_eq!(states(first), (Cancelled, OperationState::Cancelled));
    ground.app.work_until_idle().unwrap();
    assert_eq!((draw(&ground, account).state, gateway.charged()), (DrawState::Planned, 0));

    // Its draws are free for another; that one is given up by its own room.
    let second = plan(&ground);
    execute(second);
    ground.tx(|tx| payment_runs::cancel(tx, &ground.caller, second)).unwrap();
    assert_eq!(states(second), (Cancelled, OperationState::Cancelled));
    let third = plan(&ground);
    let work = execute(third);
    ground.app.work_until_idle().unwrap();
    assert_eq!(states(third), (Finished, OperationState::Done));
    let late = ground.tx(|tx| payment_runs::cancel(tx, &ground.caller, third)).unwrap_err().problem();
    assert_eq!(late.code, vocab::Code::WrongState);
    let late = steer(&ground.caller, work, Control::Cancel).unwrap_err().problem();
    assert_eq!(late.code, vocab::Code::WrongState);
}

#[test]
fn an_operation_that_cannot_be_concluded_fails_and_keeps_no_other_waiting() {
    let (ground, _) = ground();
    let fine = billed(&ground, 4351, "pm_fine");
    let run = plan(&ground);
    let stuck = ground.tx(|tx| payment_runs::execute(tx, &ground.caller, run)).unwrap().id;
    // Its run is in a state from which it does not finish.
    ground.database.execute("UPDATE payment_runs SET state = 'cancelled'").unwrap();
    let other = billed(&ground, 1000, "pm_other");
    let next = plan(&ground);
    execute(&ground, next);
    let failed = ground.app.operation(&ground.caller, stuck).unwrap().operation;
    assert_eq!(failed.state, OperationState::Failed);
    assert!(failed.error.unwrap().contains("cancelled"));
    assert_eq!(ground.app.payment_run(next).unwrap().run.state, PaymentRunState::Finished);
    assert_eq!([fine, other].map(|account| ground.balance(account)), [0, 0]);
}

#[test]
fn an_event_is_told_again_until_its_look_up_learned_something() {
    let (ground, gateway) = ground();
    let account = billed(&ground, 4351, "pm_unknown");
    gateway.does("pm_unknown", "unknown");
    execute(&ground, plan(&ground));
    let key = draw(&ground, account).idempotency_key.unwrap();
    let told = event("evt_1", "payment_intent.succeeded", intent(&key, "succeeded", 4351));
    *gateway.found.lock().unwrap() = Some(LookUp::StillUnknown { why: "time-out".to_owned() });
    let refused = tell(&ground, &told).unwrap_err().problem();
    assert_eq!(refused.code, vocab::Code::Unavailable);
    assert_eq!(ground.number("SELECT count(*) AS n FROM gateway_events"), 0);
    *gateway.found.lock().unwrap() = None;
    tell(&ground, &told).unwrap();
    tell(&ground, &told).unwrap();
    assert_eq!((draw(&ground, account).state, ground.balance(account)), (DrawState::Succeeded, 0));
    let kept = "SELECT count(*) AS n FROM gateway_events WHERE outcome = 'looked_up'";
    assert_eq!(ground.number(kept), 1);
}

#[test]
fn a_draw_that_cannot_be_looked_up_keeps_no_other_waiting() {
    let (ground, gateway) = ground();
    let [broken, left, fine] = ["pm_a", "pm_b", "pm_c"].map(|method| {
        gateway.does(method, "unknown");
        billed(&ground, 1000, method)
    });
    let run = plan(&ground);
    execute(&ground, run);
    let set = |account: AccountId, what: &str| {
        ground
            .database
            .execute(&format!("UPDATE draws SET {what} WHERE account_id = {}", account.0))
            .unwrap();
    };
    set(broken, "idempotency_key = 'two words'");
    set(left, "state = 'submitting', submitted_at = '2026-03-20T00:00Z'");
    ground.app.resolve_run(run).unwrap();
    use DrawState::{Succeeded, Unknown};
    let states = [broken, left, fine].map(|account| draw(&ground, account).state);
    assert_eq!(states, [Unknown, Succeeded, Succeeded]);
    assert!(ground.app.resolve_run(run).is_err(), "none of those that are left can be looked up");
}

//! A run's state goes with its work, whoever steers that and wherever: at the run, at the
//! operation, or by making invoices.

use crate::invoices::{House, WINDOW, Words, code, everyone, folder_mailer, house, manager, number};
use crate::office::{Office, refused};
use app::operations::Control;
use app::runs::{NewRun, RunView};
use std::sync::Arc;
use time::macros::date;
use vocab::*;

/// A run over one account, with a test that no worker has taken up.
struct Tested {
    office: Office,
    run: RunId,
    test: OperationId,
}

fn testing() -> Tested {
    let office = Office::open();
    office.account();
    let days = app::windows::WindowDates {
        starts_on: date!(2026 - 01 - 01),
        ends_on: date!(2026 - 01 - 31),
        accounting_on: date!(2026 - 01 - 31),
        bill_on: date!(2026 - 02 - 02),
        estimate_on: None,
    };
    let window = office.tx(|tx| app::windows::plan(tx, &office.caller, CycleId(1), days)).unwrap();
    office.app.open_window(&office.caller, window.id, 1).unwrap();
    let new = NewRun { window: window.id, name: "January".to_owned(), sites: None, accounts: None };
    let run = office.tx(|tx| app::runs::create(tx, &office.caller, new)).unwrap().run.id;
    let (_, operation) = office.tx(|tx| app::runs::start_test(tx, &office.caller, run)).unwrap();
    Tested { office, run, test: operation.id }
}

impl Tested {
    fn view(&self) -> RunView {
        self.office.app.bill_run(&self.office.caller, self.run).unwrap()
    }

    /// What the run and its test are at.
    fn states(&self) -> (RunState, OperationState) {
        (
            self.view().run.state,
            self.office.app.operation(&self.office.caller, self.test).unwrap().operation.state,
        )
    }

    fn by_run(&self, what: Control) -> app::Result<RunView> {
        self.office.tx(|tx| app::runs::control(tx, &self.office.caller, self.run, what))
    }

    fn by_operation(&self, what: Control) -> app::Result<()> {
        let app = &self.office.app;
        self.office.tx(|tx| app.control_operation(tx, &self.office.caller, self.test, what))
    }
}

#[test]
fn a_run_and_its_operation_are_steered_as_one() {
    let of = testing();
    assert_eq!(of.states(), (RunState::Running, OperationState::Queued));
    of.by_operation(Control::Pause).unwrap();
    assert_eq!(of.states(), (RunState::Paused, OperationState::Paused));
    assert_eq!(refused(of.by_operation(Control::Pause)).code, Code::WrongState);
    of.by_run(Control::Resume).unwrap();
    assert_eq!(of.states(), (RunState::Running, OperationState::Running));
    of.by_run(Control::Pause).unwrap();
    of.by_operation(Control::Resume).unwrap();
    assert_eq!(of.states(), (RunState::Running, OperationState::Running));

    of.office.app.work_until_idle().unwrap();
    assert_eq!(of.states(), (RunState::Tested, OperationState::Done));
    let problem = refused(of.by_operation(Control::Cancel));
    assert_eq!((problem.code, problem.params), (Code::WrongState, vec![("state", "done".to_owned())]));
    assert_eq!(of.view().run.state, RunState::Tested, "a finished test takes nothing with it");
}

#[test]
fn cancelling_the_work_cancels_the_run_and_frees_its_accounts() {
    let of = testing();
    of.by_operation(Control::Cancel).unwrap();
    assert_eq!(of.states(), (RunState::Cancelled, OperationState::Cancelled));
    assert!(!of.office.app.work_once().unwrap(), "nothing is left to do");
    let new =
        NewRun { window: of.view().run.window_id, name: "again".to_owned(), sites: None, accounts: None };
    assert_eq!(of.office.tx(|tx| app::runs::create(tx, &of.office.caller, new)).unwrap().run.accounts, 1);
}

#[test]
fn the_rooms_own_permission_and_sites_decide() {
    let mut of = testing();
    let mut machine = of.office.caller.clone();
    machine.principal.role = Role::Integration;
    let south = of.office.clerk_of(&[SiteId(2)]);
    for (caller, expected) in [(machine, Code::Forbidden), (south, Code::NotFound)] {
        of.office.caller = caller;
        assert_eq!(refused(of.by_operation(Control::Cancel)).code, expected);
    }
    of.office.caller.principal.sites = access::SiteScope::All;
    assert_eq!(of.states(), (RunState::Running, OperationState::Queued));
}

#[test]
fn a_fault_fails_the_run_until_it_is_resumed() {
    let of = testing();
    // The chunk has failed too often already, and fails again: its test is unreadable.
    of.office.execute("UPDATE chunks SET attempts = 5; UPDATE run_tests SET id = -id");
    of.office.app.work_until_idle().unwrap();
    assert_eq!(of.states(), (RunState::Failed, OperationState::Failed));
    of.office.execute("UPDATE run_tests SET id = -id");
    of.by_operation(Control::Resume).unwrap();
    of.office.app.work_until_idle().unwrap();
    assert_eq!(of.states(), (RunState::Tested, OperationState::Done));
}

#[test]
fn heavy_accounts_make_a_chunk_heavy() {
    let town = crate::bills::town();
    let (ana, ben) = (town.customer("SP-1"), town.customer("SP-2"));
    let bare = town.office.account();
    town.office.execute(&format!("UPDATE registers SET kind = 'interval' WHERE id = {}", ben.register.n));
    let accounts = [ana.account.0, ben.account.0, bare.0];
    let mut weights = town.office.tx(|tx| Ok(store::run_sets::weights(tx, &accounts)?)).unwrap();
    weights.sort_unstable();
    // A contract each, one of them with interval data; who has no contract is not named.
    assert_eq!(weights, [(ana.account.0, 1), (ben.account.0, 5)]);

    let run = town.run(town.january());
    let weight = "SELECT weight AS n FROM chunks WHERE state = 'queued'";
    let (test, operation) = town.office.tx(|tx| app::runs::start_test(tx, &town.office.caller, run)).unwrap();
    assert_eq!(town.office.number(weight), 3 * 2 + 1 + 5);
    let view = || town.office.app.operation(&town.office.caller, operation.id).unwrap();
    assert_eq!((view().progress.open_weight, view().time_left_s()), (12, None));
    town.office.app.work_until_idle().unwrap();
    let progress = view().progress;
    assert_eq!((progress.open_weight, progress.done + progress.failed), (0, 3));
    // Who did it, and since when.
    let done = "SELECT count(*) AS n FROM chunks WHERE worker LIKE '%:%:%' AND started_at <= finished_at";
    assert_eq!(town.office.number(done), 1);
    town.office.tx(|tx| app::runs::start_accept(tx, &town.office.caller, run, test.id)).unwrap();
    assert_eq!(town.office.number(weight), 12);
}

#[test]
fn the_heaviest_chunk_is_taken_first() {
    let town = crate::bills::town();
    let ana = town.customer("SP-1").account.0;
    // Six hundred neighbours without contracts; the last one has nine hundred.
    town.office.execute(&format!(
        "INSERT INTO accounts SELECT (jsonb_populate_record(a, \
           jsonb_build_object('account_id', a.account_id + g, 'number', a.number + g))).* \
         FROM accounts a, generate_series(1, 600) g WHERE a.account_id = {ana}; \
         INSERT INTO contracts SELECT (jsonb_populate_record(c, jsonb_build_object( \
           'account_id', c.account_id + 600, 'id', c.id + g, 'service_point_id', null))).* \
         FROM contracts c, generate_series(1, 900) g WHERE c.account_id = {ana}"
    ));
    let run = town.run(town.january());
    town.office.tx(|tx| app::runs::start_test(tx, &town.office.caller, run)).unwrap();
    let now = time::macros::datetime!(2026-02-03 12:00 UTC);
    assert_eq!(town.office.tx(|tx| Ok(store::queue::start_queued(tx, now)?)).unwrap(), 1);
    let claim = |tx: &mut store::Tx<'_>| Ok(store::queue::claim(tx, now)?.unwrap());
    // The second worker comes while the first is at it.
    let both = town.office.tx(|tx| Ok((claim(tx)?, town.office.tx(claim)?)));
    let (first, second) = both.unwrap();
    assert_eq!(first.items, (ana + 500..=ana + 600).collect::<Vec<_>>());
    assert_eq!(second.items, (ana..ana + 500).collect::<Vec<_>>());
    let weight = |seq: i32| town.office.number(&format!("SELECT weight AS n FROM chunks WHERE seq = {seq}"));
    assert_eq!((weight(1), weight(2)), (101 * 2 + 900, 500 * 2 + 1));
}

/// A house whose February was posted by run 70, which is accepted.
fn accepted(refused: Option<AccountNumber>) -> House {
    let house = house(Arc::new(Words { refused }), folder_mailer);
    house.sql(
        "INSERT INTO bill_runs (id, window_id, name, owner, scope, state, accounts, created_at, version) \
         VALUES (70, 7, 'February', 'user', '{}', 'accepted', 4, '2026-03-02T12:00Z', 1)",
    );
    house
}

impl House {
    fn run_state(&self) -> RunState {
        self.app.bill_run(&everyone(), RunId(70)).unwrap().run.state
    }

    fn steer_invoices(&self, id: OperationId, what: Control) {
        self.app.db().tx(|tx| self.app.control_operation(tx, &everyone(), id, what)).unwrap();
    }
}

#[test]
fn a_run_is_invoicing_and_then_invoiced() {
    let house = accepted(None);
    house.start(&everyone()).unwrap();
    assert_eq!(house.run_state(), RunState::Invoicing);
    house.app.work_until_idle().unwrap();
    assert_eq!(house.run_state(), RunState::Invoiced);
    let closed = house.app.db().tx(|tx| app::runs::close(tx, &everyone(), RunId(70))).unwrap();
    assert_eq!(closed.run.state, RunState::Closed);
}

#[test]
fn a_run_is_invoiced_only_when_no_accepted_bill_lacks_its_invoice() {
    let house = accepted(Some(number(2)));
    // One site's share first, then the rest but for the account that cannot be drawn.
    house.rendered(&manager([SiteId(2)].into_iter().collect()));
    assert_eq!(house.run_state(), RunState::Accepted);
    house.rendered(&everyone());
    assert_eq!(house.run_state(), RunState::Accepted);
    house.sql(&format!("UPDATE accounts SET number = {} WHERE account_id = 2", number(22).as_i64()));
    house.rendered(&everyone());
    assert_eq!(house.run_state(), RunState::Invoiced);
}

#[test]
fn a_run_follows_its_invoices_being_paused_resumed_and_cancelled() {
    let house = accepted(None);
    let operation = house.start(&everyone()).unwrap().run.operation_id;
    let state = |what| {
        house.steer_invoices(operation, what);
        house.run_state()
    };
    assert_eq!(state(Control::Pause), RunState::Paused);
    // Not the run's own work: it is steered where it was filed.
    let resumed =
        house.app.db().tx(|tx| app::runs::control(tx, &everyone(), RunId(70), Control::Resume)).unwrap_err();
    assert_eq!(code(&resumed), Code::WrongState);
    assert_eq!(state(Control::Resume), RunState::Invoicing);
    assert_eq!(state(Control::Pause), RunState::Paused);
    assert_eq!(state(Control::Cancel), RunState::Accepted);
    house.app.work_until_idle().unwrap();
    assert_eq!(house.run_state(), RunState::Accepted);

    // A run of its own, of this bill run alone.
    let again =
        house.app.db().tx(|tx| app::invoice_runs::start(tx, &everyone(), WINDOW, Some(RunId(70)))).unwrap();
    assert_eq!((again.operation.operation.total, house.run_state()), (4, RunState::Invoicing));
    house.app.work_until_idle().unwrap();
    assert_eq!(house.run_state(), RunState::Invoiced);
}

#[test]
fn a_page_of_runs_shows_what_each_alone_shows() {
    let of = testing();
    of.office.app.work_until_idle().unwrap();
    let window = of.view().run.window_id;
    let again = || {
        let new = NewRun { window, name: "again".to_owned(), sites: None, accounts: None };
        of.office.tx(|tx| app::runs::create(tx, &of.office.caller, new)).unwrap().run.id
    };
    of.by_run(Control::Cancel).unwrap();
    let second = again();
    of.office.tx(|tx| app::runs::start_test(tx, &of.office.caller, second)).unwrap();
    of.office.app.work_until_idle().unwrap();
    of.office.tx(|tx| app::runs::start_test(tx, &of.office.caller, second)).unwrap();

    let page = of.office.app.bill_runs(&of.office.caller, Some(window), None, 10).unwrap();
    let shown: Vec<RunId> = page.items.iter().map(|view| view.run.id).collect();
    assert_eq!(shown, [second, of.run], "newest first");
    for view in &page.items {
        let alone = of.office.app.bill_run(&of.office.caller, view.run.id).unwrap();
        assert_eq!(format!("{view:?}"), format!("{alone:?}"));
    }
    assert_eq!(page.items.iter().map(|view| view.tests.len()).collect::<Vec<_>>(), [2, 1]);
    assert_eq!(page.items[1].operation, Some(of.test));
    // A run that reaches beyond one's sites is not shown.
    let south = of.office.clerk_of(&[SiteId(2)]);
    assert!(of.office.app.bill_runs(&south, None, None, 10).unwrap().items.is_empty());
}

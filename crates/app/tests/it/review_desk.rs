//! The desk of those who review a run: errors, approvals, what stays behind, the proof, work lists.

use crate::bills::{Customer, Town, items, town};
use crate::office::refused;
use app::runs::errors::{Fix, FixAction, Fixed, fix};
use app::runs::{Approval, approve, start_accept_of};
use serde_json::json;
use std::collections::BTreeMap;
use store::bill_errors::{ErrorFilter, ErrorKey, ErrorRow};
use store::runs::ItemFilter;
use time::macros::date;
use vocab::*;

/// Ana with her read, Ben and Cleo without, in a tested run.
fn tested() -> (Town, [Customer; 3], RunId, TestId) {
    let town = town();
    let customers = ["SP-1", "SP-2", "SP-3"].map(|code| town.customer(code));
    town.read(customers[0].register, date!(2026 - 01 - 31), 1100);
    let run = town.run(town.january());
    let test = town.test(run);
    (town, customers, run, test)
}

impl Town {
    fn errors(&self, filter: ErrorFilter) -> Vec<ErrorRow> {
        self.office.app.bill_errors(&self.office.caller, filter, None, None, 50).unwrap().items
    }

    fn fix(&self, errors: Vec<ErrorKey>, action: FixAction) -> app::Result<Vec<Fixed>> {
        let wanted = Fix { errors, matching: None, action };
        let done = self.office.tx(|tx| fix(tx, &self.office.caller, wanted))?;
        self.office.app.work_until_idle().unwrap();
        Ok(done)
    }
}

fn open() -> ErrorFilter {
    ErrorFilter { open: Some(true), ..ErrorFilter::default() }
}

#[test]
fn errors_are_listed_grouped_and_given_to_somebody() {
    let (town, [_, ben, cleo], run, _) = tested();
    let (app, caller) = (&town.office.app, &town.office.caller);
    let found = town.errors(open());
    assert_eq!(found.iter().map(|row| row.account_id).collect::<Vec<_>>(), [ben.account, cleo.account]);
    assert!(found.iter().all(|row| row.schedule_id == Some(town.schedule) && row.attempts == 1));
    let groups = app.bill_error_groups(caller, open(), None).unwrap();
    assert_eq!(groups.len(), 1);
    let group = &groups[0];
    assert_eq!(
        (group.code.as_str(), group.cycle_id, group.schedule_id),
        ("missing_end_read", CycleId(1), Some(town.schedule))
    );
    assert_eq!((group.errors, group.accounts), (2, 2));
    // One page goes on where the one before it ended.
    let page = app.bill_errors(caller, open(), None, None, 1).unwrap();
    let next = app.bill_errors(caller, open(), None, page.next.as_ref(), 1).unwrap();
    assert_eq!((page.items[0].account_id, next.items[0].account_id), (ben.account, cleo.account));
    assert!(next.next.is_none());

    let assign = FixAction::Assign { assignee: Some("user_x".to_owned()) };
    let unknown = ErrorKey { contract: 1, ..found[0].key() };
    let done = town.fix(vec![found[1].key(), unknown], assign).unwrap();
    assert_eq!((done[0].refused.is_none(), done[1].refused.as_ref().unwrap().0), (true, Code::NotFound));
    let of = |filter: ErrorFilter| town.errors(filter).len();
    assert_eq!(of(ErrorFilter { assignee: Some("user_x".to_owned()), ..open() }), 1);
    assert_eq!(of(ErrorFilter { run: Some(run), code: Some(Code::MissingEndRead), ..open() }), 2);
    assert_eq!(of(ErrorFilter { code: Some(Code::NoRegister), ..open() }), 0);
    assert_eq!(of(ErrorFilter { sites: Some(vec![SiteId(2)]), ..open() }), 0);
    assert_eq!(of(ErrorFilter { schedule: Some(town.schedule), ..open() }), 2);
    // A test that finds it again keeps who is to look at it.
    town.test(run);
    assert_eq!(of(ErrorFilter { assignee: Some("user_x".to_owned()), ..open() }), 1);
    let south = town.office.clerk_of(&[SiteId(2)]);
    assert!(app.bill_errors(&south, open(), None, None, 50).unwrap().items.is_empty());
    assert!(app.bill_error_groups(&south, open(), None).unwrap().is_empty());
    let keys = found.iter().map(ErrorRow::key).collect();
    let wanted = Fix { errors: keys, matching: None, action: FixAction::Assign { assignee: None } };
    let done = town.office.tx(|tx| fix(tx, &south, wanted)).unwrap();
    assert!(done.iter().all(|of| of.refused.as_ref().unwrap().0 == Code::NotFound));
}

#[test]
fn errors_are_made_again_or_held_en_masse() {
    let (town, [_, ben, cleo], run, first) = tested();
    town.read(ben.register, date!(2026 - 01 - 31), 1100);
    let keys: Vec<ErrorKey> = town.errors(open()).iter().map(ErrorRow::key).collect();
    let done = town.fix(keys.clone(), FixAction::Regenerate).unwrap();
    assert!(done[0].operation.is_some() && done[0].operation == done[1].operation);
    let left = town.errors(open());
    assert_eq!(left.iter().map(|row| row.account_id).collect::<Vec<_>>(), [cleo.account]);
    // Of those that were tested again only one changed.
    let drafts = format!("SELECT count(*) AS n FROM drafts WHERE test_id <> {}", first.0);
    assert_eq!(town.office.number(&drafts), 1);
    let view = town.view(run);
    assert_eq!(view.tests[1].scope["account_ids"].as_array().unwrap().len(), 2);

    let hold = |reason: &str| FixAction::Hold { until_on: date!(2026 - 12 - 31), reason: reason.to_owned() };
    assert_eq!(refused(town.fix(keys.clone(), hold(" "))).code, Code::Invalid);
    let done = town.fix(keys, hold("meter broken")).unwrap();
    assert_eq!(done[0].refused.as_ref().unwrap().0, Code::NotFound, "it does not stand any more");
    assert!(done[1].refused.is_none());
    let held = town.office.app.contract(&town.office.caller, cleo.contract).unwrap();
    assert_eq!(held.hold_reason.as_deref(), Some("meter broken"));
    let last = town.test(run);
    assert!(town.errors(open()).is_empty());
    assert_eq!(town.accept(run, last), items(&[(ItemState::Accepted, 2), (ItemState::Held, 1)]));
    town.assert_verified();
}

#[test]
fn an_acceptance_tells_what_stays_behind_and_why() {
    let (town, [ana, ben, cleo], run, _) = tested();
    town.read(ben.register, date!(2026 - 01 - 31), 1100);
    let test = town.test(run);
    town.adjust(ana.account, 500);
    let (app, caller) = (&town.office.app, &town.office.caller);
    let operation = town.office.tx(|tx| app::runs::start_accept(tx, caller, run, test)).unwrap();
    app.work_until_idle().unwrap();
    let result = app.operation(caller, operation.id).unwrap().operation.result.unwrap();
    assert_eq!(
        result["behind"],
        json!([
            { "state": "error", "reason_code": "missing_end_read", "accounts": 1 },
            { "state": "stale", "reason_code": "changed_since_test", "accounts": 1 }
        ])
    );
    let of = |code: &str| {
        let filter = ItemFilter { reason_code: Some(code.to_owned()), ..ItemFilter::default() };
        let page = app.run_items(caller, run, &filter, None, 50).unwrap();
        page.items.into_iter().map(|item| item.account_id).collect::<Vec<_>>()
    };
    assert_eq!(of("changed_since_test"), [ana.account]);
    assert_eq!(of("missing_end_read"), [cleo.account]);
}

#[test]
fn only_what_is_approved_is_accepted_when_asked_so() {
    let (town, [ana, ben, cleo], run, _) = tested();
    town.read(ben.register, date!(2026 - 01 - 31), 1100);
    let test = town.test(run);
    let caller = &town.office.caller;
    let accept = |test| town.office.tx(|tx| start_accept_of(tx, caller, run, test, true));
    assert_eq!(refused(accept(test)).code, Code::EmptyScope);
    let say = |accounts: &[AccountId], approved| {
        let of = Approval { accounts: accounts.to_vec(), matching: None, approved };
        let done = town.office.tx(|tx| approve(tx, caller, run, of)).unwrap();
        done.into_iter().map(|(_, refused)| refused.map(|of| of.0)).collect::<Vec<_>>()
    };
    let stranger = AccountId(1);
    assert_eq!(
        say(&[ana.account, cleo.account, stranger], true),
        [None, Some(Code::WrongState), Some(Code::NotFound)]
    );
    let matching = Approval { accounts: Vec::new(), matching: Some(ItemFilter::default()), approved: true };
    let done = town.office.tx(|tx| approve(tx, caller, run, matching)).unwrap();
    assert_eq!(done, [(ben.account, None)], "what is approved already is not asked again");
    // What a test makes anew is to be approved anew.
    town.read(ben.register, date!(2026 - 01 - 31), 1150);
    let last = town.test(run);
    let approved = ItemFilter { approved: Some(true), ..ItemFilter::default() };
    let page = town.office.app.run_items(caller, run, &approved, None, 50).unwrap();
    assert_eq!(page.items.iter().map(|item| item.account_id).collect::<Vec<_>>(), [ana.account]);
    assert_eq!(page.items[0].approved_by.as_deref(), Some(caller.actor().as_str()));
    accept(last).unwrap();
    town.office.app.work_until_idle().unwrap();
    let found: BTreeMap<_, _> = town.view(run).items.into_iter().collect();
    assert_eq!(found, items(&[(ItemState::Accepted, 1), (ItemState::Drafted, 1), (ItemState::Error, 1)]));
    assert_eq!(say(&[ben.account], true), [None]);
    assert_eq!(say(&[ben.account], false), [None]);
    assert_eq!(refused(accept(last)).code, Code::EmptyScope);
    town.assert_verified();
}

#[test]
fn the_register_proves_that_nothing_was_forgotten_and_compares_with_the_last_window() {
    let (town, [ana, ..], run, test) = tested();
    let (app, caller) = (&town.office.app, &town.office.caller);
    let proof = |run| app.register(caller, run, None, false).unwrap().proof;
    let of = proof(run);
    assert_eq!(of.sites.len(), 1);
    assert_eq!(of.sites[0].contracts, BTreeMap::from([("billed".to_owned(), 1), ("error".to_owned(), 2)]));
    assert_eq!((of.sites[0].forgotten, of.sites[0].in_scope(), of.sites[0].accounts.error), (0, 3, 2));
    // A contract that the test has not seen.
    town.office.execute(&format!(
        "INSERT INTO contracts SELECT (jsonb_populate_record(c, '{{\"id\": 1, \"service_point_id\": null}}')).* \
         FROM contracts c WHERE account_id = {}",
        ana.account.0
    ));
    let of = proof(run);
    assert_eq!((of.sites[0].forgotten, of.sites[0].in_scope()), (1, 4));
    assert_eq!((of.forgotten[0].account_id, of.forgotten[0].contract_id), (ana.account, 1));
    town.office.execute("DELETE FROM contracts WHERE id = 1");
    town.accept(run, test);
    let february = town.window(date!(2026 - 02 - 01), date!(2026 - 02 - 28));
    town.office.execute("UPDATE business_clock SET moved_to = '2026-03-02T12:00Z'");
    let next = town.run(february);
    town.test(next);
    let rows = app.register(caller, next, None, false).unwrap().rows;
    let energy = rows.iter().find(|row| row.rule == "energy").unwrap();
    assert_eq!(
        (energy.lines, energy.amount_minor.minor(), energy.previous_minor.minor()),
        (0, 0, 10_00),
        "what is missing now is shown"
    );
    assert_eq!(energy.previous_quantity, Decimal::from(100));
}

#[test]
fn work_lists_count_what_waits_at_each_site() {
    let (town, [_, ben, _], _, _) = tested();
    let (app, caller) = (&town.office.app, &town.office.caller);
    let of = |assignee: Option<&str>| {
        let (who, rows) = app.work_lists(caller, assignee.map(str::to_owned)).unwrap();
        assert_eq!(who, assignee.map_or_else(|| caller.actor(), str::to_owned));
        rows
    };
    let rows = of(None);
    assert_eq!(rows.len(), 1);
    // Each of the two that lack a read has its error and a blocking flag.
    assert_eq!((rows[0].site_id, rows[0].errors, rows[0].unassigned_errors), (SiteId(1), 0, 2));
    assert_eq!((rows[0].flags, rows[0].unassigned_flags, rows[0].held_reads), (0, 2, 0));
    let key = town.errors(open()).iter().map(ErrorRow::key).next().unwrap();
    assert_eq!(key.account, ben.account);
    town.fix(vec![key], FixAction::Assign { assignee: Some("user_x".to_owned()) }).unwrap();
    town.office.execute(&format!(
        "UPDATE flags SET assignee = 'user_x' WHERE account_id = {} AND severity = 'block'; \
         UPDATE reads SET status = 'held' WHERE read_on = '2026-01-31'",
        ben.account.0
    ));
    let rows = of(Some("user_x"));
    assert_eq!((rows[0].errors, rows[0].unassigned_errors), (1, 1));
    assert_eq!((rows[0].flags, rows[0].unassigned_flags, rows[0].held_reads), (1, 1, 1));
    assert_eq!(of(None)[0].errors, 0, "what another is to look at is not mine");
    let south = town.office.clerk_of(&[SiteId(2)]);
    assert!(app.work_lists(&south, None).unwrap().1.is_empty());
}

//! Tests of a run that was tested before: what did not change is not written, what changed is told.

use crate::bills::{Customer, Town, items, town};
use crate::office::{pointers, refused};
use app::runs::{ChangeQuery, TestScope, start_test_of};
use rust_decimal::Decimal;
use serde_json::Value;
use std::time::Instant;
use time::macros::date;
use vocab::*;

/// Three customers with a read each, in a tested run.
fn tested() -> (Town, [Customer; 3], RunId, TestId) {
    let town = town();
    let customers = ["SP-1", "SP-2", "SP-3"].map(|code| town.customer(code));
    for customer in &customers {
        town.read(customer.register, date!(2026 - 01 - 31), 1100);
    }
    let run = town.run(town.january());
    let test = town.test(run);
    (town, customers, run, test)
}

impl Town {
    fn result(&self, test: TestId) -> Value {
        let id =
            self.office.number(&format!("SELECT operation_id AS n FROM run_tests WHERE id = {}", test.0));
        self.office.app.operation(&self.office.caller, OperationId(id)).unwrap().operation.result.unwrap()
    }

    fn part(&self, run: RunId, scope: &TestScope) -> app::Result<TestId> {
        let (test, _) = self.office.tx(|tx| start_test_of(tx, &self.office.caller, run, scope))?;
        self.office.app.work_until_idle().unwrap();
        Ok(test.id)
    }

    /// What the database wrote last of all that a test writes, by row and transaction.
    fn written(&self) -> i64 {
        let of =
            |table: &str| format!("(SELECT coalesce(sum(xmin::text::bigint), 0) + count(*) FROM {table})");
        let all = ["drafts", "flags", "bill_errors", "run_items", "run_totals"].map(of).join(" + ");
        self.office.number(&format!("SELECT ({all})::bigint AS n"))
    }

    fn amounts(&self, run: RunId, test: Option<TestId>) -> Vec<(String, Decimal, i64, i64)> {
        let register = self.office.app.register(&self.office.caller, run, test, false).unwrap();
        assert!(register.completeness.adds_up());
        let row = |row: store::totals::RegisterRow| {
            (row.rule, row.quantity.normalize(), row.amount_minor.minor(), row.lines)
        };
        register.rows.into_iter().map(row).collect()
    }
}

#[test]
fn a_test_of_what_did_not_change_writes_nothing_and_its_drafts_are_accepted() {
    let (town, _, run, first) = tested();
    assert_eq!(town.result(first)["unchanged"], 0);
    let (written, amounts) = (town.written(), town.amounts(run, None));
    town.office.execute("UPDATE business_clock SET moved_to = '2026-02-04T12:00Z'");
    let second = town.test(run);
    assert_eq!(town.written(), written);
    assert_eq!(town.result(second)["unchanged"], 3);
    assert_eq!(town.result(second)["since_last_test"], serde_json::json!({}));
    assert_eq!(town.amounts(run, Some(second)), amounts);
    assert_eq!(town.accept(run, second), items(&[(ItemState::Accepted, 3)]));
    town.assert_verified();
}

#[test]
fn a_test_writes_what_changed_and_totals_as_differences() {
    let (town, [ana, ben, _], run, first) = tested();
    let before = town.amounts(run, None);
    let energy = |all: &[(String, Decimal, i64, i64)]| {
        let row = all.iter().find(|row| row.0 == "energy").unwrap();
        (row.1, row.2, row.3)
    };
    assert_eq!(energy(&before), (Decimal::from(300), 30_00, 3));
    town.read(ana.register, date!(2026 - 01 - 31), 1150);
    let second = town.test(run);
    let result = town.result(second);
    assert_eq!((&result["unchanged"], &result["since_last_test"]["amount"]), (&2.into(), &1.into()));
    assert_eq!(energy(&town.amounts(run, None)), (Decimal::from(350), 35_00, 3));
    assert_eq!(town.amounts(run, Some(first)), before, "the first test's register stays");
    let fewer = "SELECT count(*) AS n FROM drafts";
    assert_eq!(town.office.number(fewer), 4);
    // One that fails takes its amounts with it, and brings them back.
    town.office.execute(&format!(
        "UPDATE reads SET status = 'rejected' WHERE service_point_id = {} AND read_on = '2026-01-31'",
        ben.register.owner.0
    ));
    let third = town.test(run);
    assert_eq!(energy(&town.amounts(run, None)), (Decimal::from(250), 25_00, 2));
    town.office.execute(&format!(
        "UPDATE reads SET status = 'valid' WHERE service_point_id = {} AND read_on = '2026-01-31'",
        ben.register.owner.0
    ));
    let fourth = town.test(run);
    assert_eq!(town.amounts(run, Some(fourth)), town.amounts(run, Some(second)));
    assert_eq!(energy(&town.amounts(run, Some(third))).2, 2);
    let draft = town.office.app.run_draft(&town.office.caller, run, ana.account).unwrap();
    assert_eq!((draft.test, draft.draft.total), (second, Money::from_minor(27_00)));
    assert_eq!(town.accept(run, fourth), items(&[(ItemState::Accepted, 3)]));
    assert_eq!(
        town.office.number("SELECT sum(amount_minor)::bigint AS n FROM run_totals WHERE posted"),
        71_00,
        "12.00 three times, and 350 kWh"
    );
    town.assert_verified();
}

#[test]
fn what_only_the_review_looks_at_counts_and_what_an_acceptance_left_is_put_right() {
    let (town, [ana, ..], run, _) = tested();
    let unchanged = |test| town.result(test)["unchanged"].as_i64().unwrap();
    let (app, caller) = (&town.office.app, &town.office.caller);
    let old = app.settings().unwrap();
    let review = serde_json::json!({ "long_above_days": 29 });
    let new = store::settings::Settings { review, ..old.clone() };
    app.put_settings(caller, Some(old.version), new).unwrap();
    let second = town.test(run);
    assert_eq!(unchanged(second), 0);
    let long =
        "SELECT count(*) AS n FROM flags WHERE code = 'long_period' AND value = '30' AND compared = '29'";
    assert_eq!(town.office.number(long), 3);
    // A reviewer holds one: it stays behind, and its item says why until the next test.
    town.office.execute(&format!(
        "UPDATE flags SET disposition = 'held' WHERE account_id = {} AND code = 'long_period'",
        ana.account.0
    ));
    assert_eq!(town.accept(run, second), items(&[(ItemState::Accepted, 2), (ItemState::Held, 1)]));
    let third = town.test(run);
    assert_eq!(unchanged(third), 1);
    assert_eq!(
        town.office.number("SELECT count(*) AS n FROM run_items WHERE state = 'drafted' AND reason IS NULL"),
        1
    );
    assert_eq!(town.office.number("SELECT count(*) AS n FROM flags WHERE disposition = 'held'"), 1);
}

#[test]
fn a_part_of_a_run_is_tested_again_and_the_others_keep_their_drafts() {
    let (town, [ana, ben, _], run, first) = tested();
    for customer in [&ana, &ben] {
        town.read(customer.register, date!(2026 - 01 - 31), 1150);
    }
    let of =
        |accounts: &[AccountId]| TestScope { account_ids: Some(accounts.to_vec()), ..TestScope::default() };
    let second = town.part(run, &of(&[ana.account])).unwrap();
    assert_eq!(
        town.office.number(&format!("SELECT count(*) AS n FROM drafts WHERE test_id = {}", second.0)),
        1
    );
    let draft = |account| town.office.app.run_draft(&town.office.caller, run, account).unwrap();
    assert_eq!((draft(ana.account).test, draft(ben.account).test), (second, first));
    // The others are accepted by what stands of them; who changed meanwhile is stale.
    assert_eq!(town.accept(run, second), items(&[(ItemState::Accepted, 2), (ItemState::Stale, 1)]));
    let problem = refused(town.part(run, &of(&[ben.account, ana.account])));
    assert_eq!((problem.code, pointers(&problem)), (Code::Invalid, vec!["/account_ids/1"]));
    let none = TestScope { error_codes: Some(vec![Code::MissingEndRead]), ..TestScope::default() };
    assert_eq!(refused(town.part(run, &none)).code, Code::EmptyScope);
    let site = |site| TestScope { site_ids: Some(vec![SiteId(site)]), ..TestScope::default() };
    assert_eq!(refused(town.part(run, &site(2))).code, Code::EmptyScope);
    let third = town.part(run, &site(1)).unwrap();
    assert_eq!(town.accept(run, third), items(&[(ItemState::Accepted, 3)]));
    town.assert_verified();
}

#[test]
fn a_run_is_tested_as_a_whole_first() {
    let town = town();
    let ana = town.customer("SP-1");
    let run = town.run(town.january());
    let scope = TestScope { account_ids: Some(vec![ana.account]), ..TestScope::default() };
    assert_eq!(refused(town.part(run, &scope)).code, Code::WrongState);
}

#[test]
fn two_tests_stand_beside_each_other_with_what_changed_and_why() {
    let (town, [ana, ben, cleo], run, first) = tested();
    let (app, caller) = (&town.office.app, &town.office.caller);
    town.read(ana.register, date!(2026 - 01 - 31), 1150);
    town.adjust(cleo.account, 500);
    let second = town.test(run);
    town.office.execute(&format!(
        "UPDATE contracts SET held_until_on = '2026-12-31', hold_reason = 'dispute' WHERE account_id = {}",
        ben.account.0
    ));
    let third = town.test(run);
    let changes = |test, query: &ChangeQuery| app.test_changes(caller, run, test, query, None, 50).unwrap();
    let shown = |test, query: &ChangeQuery| {
        let page = changes(test, query).page;
        let row = |of: app::runs::AccountChanged| {
            (of.account, of.difference.minor(), of.change.causes.into_iter().collect::<Vec<_>>())
        };
        page.items.into_iter().map(row).collect::<Vec<_>>()
    };
    let against = |against| ChangeQuery { against: Some(against), ..ChangeQuery::default() };
    let of_ben = (ben.account, -22_00, vec![ChangeCause::Hold]);
    let of_ana = (ana.account, 5_00, vec![ChangeCause::Read]);
    let of_cleo = (cleo.account, 0, vec![ChangeCause::Adjustment]);
    assert_eq!(shown(third, &ChangeQuery::default()), std::slice::from_ref(&of_ben));
    assert_eq!(shown(third, &against(first)), [of_ben.clone(), of_ana.clone(), of_cleo.clone()]);
    let all = changes(third, &against(first));
    assert_eq!((all.accounts, all.old_total.minor(), all.new_total.minor()), (3, 66_00, 49_00));
    // The way back is the same with the signs turned.
    let back = shown(first, &against(third));
    assert_eq!(back.iter().map(|of| of.1).collect::<Vec<_>>(), [22_00, -5_00, 0]);
    assert_eq!(changes(first, &against(third)).new_total, all.old_total);
    let read = ChangeQuery { cause: Some(ChangeCause::Read), ..against(first) };
    assert_eq!(shown(third, &read), std::slice::from_ref(&of_ana));
    let least = ChangeQuery { least: Money::from_minor(5_00), ..against(first) };
    assert_eq!(shown(third, &least), [of_ben.clone(), of_ana.clone()]);
    assert_eq!(shown(third, &ChangeQuery { site: Some(SiteId(2)), ..against(first) }), []);
    // Page by page.
    let (mut after, mut seen) = (None, Vec::new());
    loop {
        let page = app.test_changes(caller, run, third, &against(first), after.as_ref(), 1).unwrap().page;
        seen.extend(page.items.iter().map(|of| of.account));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, [ben.account, ana.account, cleo.account]);
    let table = app.test_changes_table(caller, run, third, &against(first)).unwrap();
    let table = String::from_utf8(table).unwrap();
    assert_eq!(table.lines().count(), 4, "{table}");
    assert!(table.lines().nth(2).unwrap().ends_with("22.00,27.00,5.00,USD,read,5.00"), "{table}");
    assert_eq!(refused(app.test_changes(caller, run, first, &ChangeQuery::default(), None, 5)).code, {
        Code::MalformedParameter
    });
    let south = town.office.clerk_of(&[SiteId(2)]);
    assert_eq!(refused(app.test_changes(&south, run, third, &against(first), None, 5)).code, Code::NotFound);
    let _ = second;
}

/// The first test of some accounts, and the second, with nothing changed. How much faster is for the bench to
/// say: here nothing is optimised, and the machine has other work.
#[test]
fn a_test_of_an_unchanged_book_is_faster() {
    let town = town();
    let ana = town.customer("SP-0");
    town.read(ana.register, date!(2026 - 01 - 31), 1100);
    town.office.execute(&copies(ana.account.0, 1500));
    let run = town.run(town.january());
    let timed = || {
        let started = Instant::now();
        let test = town.test(run);
        (test, started.elapsed())
    };
    let (_, first) = timed();
    let (second, again) = timed();
    assert_eq!(town.result(second)["unchanged"], 1501);
    println!("first {first:?}, again {again:?}");
    assert!(again < first, "first {first:?}, again {again:?}");
}

/// Copies of an account with its contract, service point, meter and reads, under ids far away.
fn copies(account: i64, count: i64) -> String {
    let of = |table: &str, changed: &[(&str, &str)], only: &str| {
        let sets: Vec<String> =
            changed.iter().map(|(column, value)| format!("'{column}', {value}")).collect();
        format!(
            "INSERT INTO {table} SELECT (jsonb_populate_record(t, jsonb_build_object({}))).* \
             FROM {table} t CROSS JOIN generate_series(1, {count}) n WHERE {only};",
            sets.join(", ")
        )
    };
    let own = format!("t.account_id = {account}");
    let point = format!("(SELECT service_point_id FROM contracts WHERE account_id = {account})");
    let at = format!("t.service_point_id = {point}");
    let (account, place) = ("1000000000 + n * 1000", "1000000000 + n * 1000");
    [
        of("accounts", &[("account_id", account), ("number", "9000000000 + n")], &own),
        of("account_persons", &[("account_id", account)], &own),
        of("account_addresses", &[("account_id", account)], &own),
        of("service_points", &[("service_point_id", place), ("code", "'C-' || n")], &at),
        of("contracts", &[("account_id", account), ("service_point_id", place)], &own),
        of("service_point_contracts", &[("account_id", account), ("service_point_id", place)], &own),
        of("meter_installs", &[("service_point_id", place)], &at),
        of("registers", &[("service_point_id", place)], &at),
        of("reads", &[("service_point_id", place)], &at),
    ]
    .concat()
}

#[test]
fn what_a_test_gave_up_is_not_accepted_by_an_older_draft() {
    let (town, [ana, ..], run, _) = tested();
    let set_items = |text: &str| {
        town.office
            .execute(&format!("UPDATE contracts SET items = '{text}' WHERE account_id = {}", ana.account.0));
    };
    set_items(r#"{"lamps":"broken"}"#);
    let second = town.test(run);
    // The fault is gone, and the older draft would pass as unchanged.
    set_items("{}");
    assert_eq!(town.accept(run, second), items(&[(ItemState::Accepted, 2), (ItemState::Error, 1)]));
    let given_up =
        "SELECT count(*) AS n FROM run_items WHERE reason_code = 'not_tested' AND reason LIKE 'internal:%'";
    assert_eq!(town.office.number(given_up), 1);
    let third = town.test(run);
    assert_eq!(town.accept(run, third), items(&[(ItemState::Accepted, 3)]));
    town.assert_verified();
}

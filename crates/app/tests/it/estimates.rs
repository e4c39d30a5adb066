//! Missing reads are estimated, posted and trued up; held reads and warnings are shown to the review.

use crate::bills::{Customer, Town, items, town};
use crate::office::{pointers, refused};
use app::reads::NewManualRead;
use app::windows::WindowDates;
use rust_decimal::Decimal;
use serde_json::json;
use store::flags::{FlagFilter, FlagOrder};
use store::reads::HeldFilter;
use time::macros::date;
use time::{Date, Month};
use vocab::*;

/// A month of 2026; its missing reads are estimated from three days after its end.
fn month(town: &Town, month: Month) -> WindowId {
    let starts_on = Date::from_calendar_date(2026, month, 1).unwrap();
    let ends_on = starts_on.replace_day(month.length(2026)).unwrap();
    let (bill_on, estimate_on) = (ends_on + time::Duration::days(4), ends_on + time::Duration::days(3));
    town.window_of(WindowDates {
        starts_on,
        ends_on,
        accounting_on: ends_on,
        bill_on,
        estimate_on: Some(estimate_on),
    })
}

/// The draft's amount in cents, or its item's reason.
fn drafted(town: &Town, run: RunId, customer: &Customer) -> Result<i64, String> {
    let draft = town.office.app.run_draft(&town.office.caller, run, customer.account).unwrap().draft;
    match draft.segments.iter().find_map(|segment| segment.error.as_ref()) {
        Some(error) => Err(error.code.as_str().to_owned()),
        None => Ok(draft.total.minor()),
    }
}

fn flags(town: &Town, run: RunId, customer: &Customer) -> Vec<(FlagCode, Severity, String, String)> {
    let filter = FlagFilter { run: Some(run), account: Some(customer.account), ..FlagFilter::default() };
    let found =
        town.office.app.flags(&town.office.caller, filter, FlagOrder::Account, None, 50).unwrap().items;
    found.into_iter().map(|(row, _)| (row.code, row.severity, row.value, row.compared)).collect()
}

fn has(flags: &[(FlagCode, Severity, String, String)], code: FlagCode) -> Option<&str> {
    flags.iter().find(|(found, ..)| *found == code).map(|(.., value, _)| value.as_str())
}

#[test]
fn a_missing_read_is_estimated_posted_and_trued_up_until_there_are_too_many() {
    let town = town();
    let (ana, ben) = (town.customer("SP-1"), town.customer("SP-2"));
    for customer in [&ana, &ben] {
        town.read(customer.register, date!(2026 - 01 - 31), 1100);
    }
    let run = town.run(month(&town, Month::January));
    let test = town.test(run);
    assert_eq!(town.accept(run, test), items(&[(ItemState::Accepted, 2)]));

    // February: Ben is read; the day of estimates has not come, then it has.
    town.today("2026-03-02");
    town.read(ben.register, date!(2026 - 02 - 28), 1193);
    let run = town.run(month(&town, Month::February));
    town.test(run);
    assert_eq!(drafted(&town, run, &ana), Err("missing_end_read".to_owned()));
    town.today("2026-03-03");
    let test = town.test(run);
    // 100 kWh in 30 days are 93 1/3 in 28.
    assert_eq!(drafted(&town, run, &ana), Ok(21_30));
    assert_eq!(drafted(&town, run, &ben), Ok(21_30));
    let found = flags(&town, run, &ana);
    assert!(has(&found, FlagCode::Estimated).is_some() && has(&found, FlagCode::NthEstimate).is_none());
    assert_eq!(town.accept(run, test), items(&[(ItemState::Accepted, 2)]));
    let stored = "SELECT count(*) AS n FROM reads WHERE source = 'estimate' AND quality = 'estimated' \
                  AND status = 'valid' AND read_on = '2026-02-28' AND value = 1193 \
                  AND read_at = '2026-03-01T00:00:00Z'";
    assert_eq!(town.office.number(stored), 1);
    assert_eq!(town.office.number("SELECT count(*) AS n FROM reads WHERE source = 'estimate'"), 1);
    town.assert_verified();
    let (caller, app) = (&town.office.caller, &town.office.app);
    let bill = town.office.number(&format!(
        "SELECT id AS n FROM bills WHERE account_id = {} ORDER BY bill_on DESC LIMIT 1",
        ana.account.0
    ));
    let explained = app.bill_explanation(caller, BillId::new(ana.account, bill), None).unwrap();
    let (made, steps) = &explained.segments[0].estimates[0];
    assert_eq!((made.value, made.from_on), (Decimal::from(1193), date!(2026 - 01 - 31)));
    assert_eq!(steps[0].to_string(), "100 × 28 ÷ 30 = 93.333333");
    assert!(explained.text().contains("Average of recent use"), "{}", explained.text());

    // March: Ana's actual read trues up; Ben has none from now on.
    town.today("2026-04-03");
    town.read(ana.register, date!(2026 - 03 - 31), 1300);
    let run = town.run(month(&town, Month::March));
    let test = town.test(run);
    assert_eq!(drafted(&town, run, &ana), Ok(12_00 + 10_70));
    assert_eq!(town.accept(run, test), items(&[(ItemState::Accepted, 2)]));
    for (n, of, day) in [(2, Month::April, "2026-05-03"), (3, Month::May, "2026-06-03")] {
        town.today(day);
        let run = town.run(month(&town, of));
        let test = town.test(run);
        assert_eq!(has(&flags(&town, run, &ben), FlagCode::NthEstimate), Some(n.to_string().as_str()));
        assert_eq!(town.accept(run, test), items(&[(ItemState::Accepted, 2)]));
    }
    town.today("2026-07-03");
    let run = town.run(month(&town, Month::June));
    let test = town.test(run);
    assert_eq!(drafted(&town, run, &ben), Err("too_many_estimates".to_owned()));
    assert!(drafted(&town, run, &ana).is_ok());
    assert_eq!(town.accept(run, test), items(&[(ItemState::Accepted, 1), (ItemState::Error, 1)]));
    town.assert_verified();
}

#[test]
fn rate_and_kind_of_contract_must_both_allow_estimates_and_the_profile_is_the_last_resort() {
    let town = town();
    let ana = town.customer("SP-1");
    let window = month(&town, Month::January);
    let run = town.run(window);
    let (caller, app) = (&town.office.caller, &town.office.app);
    let estimate = || {
        town.test(run);
        drafted(&town, run, &ana)
    };
    let missing = Err("missing_end_read".to_owned());
    // Nothing is known of the customer.
    assert_eq!(estimate(), missing);
    let per_day = [Decimal::from(4); 12];
    let profile = app::usage_profiles::UsageProfile {
        class: "residential".to_owned(),
        commodity: Commodity::Electricity,
        unit: Unit::Kwh,
        tou_bucket: None,
        per_day,
    };
    let unknown = app::usage_profiles::UsageProfile { class: "none".to_owned(), ..profile.clone() };
    let put = |version, profile: &app::usage_profiles::UsageProfile| {
        app.put_usage_profile(caller, version, profile).map(|stored| (stored.id, stored.version))
    };
    assert_eq!(pointers(&refused(put(None, &unknown))), ["/class_code"]);
    let (id, version) = put(None, &profile).unwrap();
    let dearer = app::usage_profiles::UsageProfile { per_day: [Decimal::from(5); 12], ..profile };
    // What somebody else may have changed meanwhile is replaced only by who has read it.
    assert_eq!(refused(put(None, &dearer)).code, Code::PreconditionMissing);
    assert_eq!(refused(put(Some(version + 1), &dearer)).code, Code::EtagMismatch);
    assert_eq!(put(Some(version), &dearer).unwrap(), (id, version + 1));
    let bucketed =
        app::usage_profiles::UsageProfile { tou_bucket: Some("peak".to_owned()), ..dearer.clone() };
    assert_eq!(refused(put(Some(1), &bucketed)).code, Code::EtagMismatch);
    let found = app.usage_profiles().unwrap();
    assert_eq!(found, [app::usage_profiles::Stored { id, version: version + 1, profile: dearer }]);
    // 5 kWh on each of 30 days.
    assert_eq!(estimate(), Ok(27_00));
    app.change_rate_schedule(caller, town.schedule, 1, None, Some(false)).unwrap();
    assert_eq!(estimate(), missing);
    app.change_rate_schedule(caller, town.schedule, 2, None, Some(true)).unwrap();
    assert_eq!(estimate(), Ok(27_00));
    town.office.execute("UPDATE contract_types SET estimation = false, version = version + 1");
    assert_eq!(estimate(), missing);
    town.office.execute("UPDATE contract_types SET estimation = true, version = version + 1");
    // An open window's day of estimates may move, nothing else of it.
    let old = app.window(window).unwrap();
    let dates = WindowDates {
        starts_on: old.starts_on,
        ends_on: old.ends_on,
        accounting_on: old.accounting_on,
        bill_on: old.bill_on,
        estimate_on: None,
    };
    let moved = WindowDates { bill_on: date!(2026 - 02 - 20), ..dates };
    assert_eq!(refused(app.reschedule_window(caller, window, old.version, moved)).code, Code::WrongState);
    let early = WindowDates { estimate_on: Some(date!(2026 - 01 - 30)), ..dates };
    assert_eq!(
        pointers(&refused(app.reschedule_window(caller, window, old.version, early))),
        ["/estimate_on"]
    );
    app.reschedule_window(caller, window, old.version, dates).unwrap();
    assert_eq!(estimate(), missing);
    app.delete_usage_profile(caller, id).unwrap();
    assert_eq!(refused(app.delete_usage_profile(caller, id)).code, Code::NotFound);
}

#[test]
fn what_is_estimated_does_not_depend_on_the_company() {
    let town = town();
    let (ana, late) = (town.customer("SP-1"), town.customer("SP-2"));
    town.office.execute(
        "UPDATE contracts SET starts_on = '2024-06-01'; UPDATE meter_installs SET installed_on = '2024-06-01'; \
         DELETE FROM reads",
    );
    let months = [("2024-05-31", 0), ("2024-12-31", 1000), ("2025-01-31", 1310), ("2025-12-31", 4000)];
    for (n, (day, value)) in (1..).zip(months) {
        for register in [ana.register, late.register] {
            town.office.execute(&format!(
                "INSERT INTO reads (service_point_id, id, register_id, read_at, read_on, value, quality, status, source) \
                 VALUES ({}, {n}, {}, '{day}', '{day}', {value}, 'actual', 'valid', 'test')",
                register.owner.0, register.n
            ));
        }
    }
    for (customer, day) in [(&ana, "2025-12-31"), (&late, "2024-12-31")] {
        town.office.execute(&format!(
            "UPDATE contracts SET billed_through_on = '{day}', segments = 1 WHERE account_id = {} AND id = {}",
            customer.contract.owner.0, customer.contract.n
        ));
    }
    let window = month(&town, Month::January);
    let (caller, app) = (&town.office.caller, &town.office.app);
    let new =
        app::runs::NewRun { window, name: "Ana".to_owned(), sites: None, accounts: Some(vec![ana.account]) };
    let alone = town.office.tx(|tx| app::runs::create(tx, caller, new)).unwrap().run.id;
    town.test(alone);
    let expected = app.run_draft(caller, alone, ana.account).unwrap().draft;
    // 310 kWh in January of the year before.
    assert_eq!(expected.total.minor(), 12_00 + 31_00);
    town.office.tx(|tx| app::runs::control(tx, caller, alone, app::operations::Control::Cancel)).unwrap();
    let together = town.run(window);
    let test = town.test(together);
    assert_eq!(app.run_draft(caller, together, ana.account).unwrap().draft, expected);
    assert_eq!(town.accept(together, test), items(&[(ItemState::Accepted, 2)]));
    town.assert_verified();
}

/// Enters an actual read with a trouble code.
fn troubled(town: &Town, customer: &Customer, on: Date, value: i64, trouble: &str) -> ReadStatus {
    let read = NewManualRead {
        register: customer.register,
        serial: None,
        read_on: Some(on),
        value: Decimal::from(value),
        quality: ReadQuality::Actual,
        trouble: Some(trouble.to_owned()),
    };
    town.office.tx(|tx| app::reads::enter(tx, &town.office.caller, &read)).unwrap().read.status
}

#[test]
fn a_day_that_cannot_be_closed_is_refused_where_it_stands() {
    let town = town();
    let ana = town.customer("SP-1");
    let book = json!({ "rules": [{ "class": "residential", "rules": { "future_date": "off" } }] });
    town.office.execute(&format!("UPDATE settings SET read_rules = '{book}'"));
    let read = NewManualRead {
        register: ana.register,
        serial: None,
        read_on: Some(date!(9999 - 12 - 31)),
        value: Decimal::from(1100),
        quality: ReadQuality::Actual,
        trouble: None,
    };
    let entered = town.office.tx(|tx| app::reads::enter(tx, &town.office.caller, &read));
    assert_eq!(pointers(&refused(entered)), ["/read_on"]);
}

#[test]
fn a_read_that_is_held_after_the_test_makes_its_account_stale() {
    let town = town();
    let [ana, ben] = ["SP-1", "SP-2"].map(|code| town.customer(code));
    town.read(ben.register, date!(2026 - 01 - 31), 1100);
    let window = month(&town, Month::January);
    town.today("2026-02-04");
    let profile = app::usage_profiles::UsageProfile {
        class: "residential".to_owned(),
        commodity: Commodity::Electricity,
        unit: Unit::Kwh,
        tou_bucket: None,
        per_day: [Decimal::from(4); 12],
    };
    town.office.app.put_usage_profile(&town.office.caller, None, &profile).unwrap();
    let book = json!({ "rules": [{ "class": "residential", "rules": { "trouble_hold": ["TAMPER"] } }] });
    town.office.execute(&format!("UPDATE settings SET read_rules = '{book}'"));
    let run = town.run(window);
    let test = town.test(run);
    assert_eq!(drafted(&town, run, &ana), Ok(12_00 + 12_00));
    // One that replaces what was read of its day says nothing of the bill until it is released.
    assert_eq!(troubled(&town, &ben, date!(2026 - 01 - 31), 1101, "tamper"), ReadStatus::Held);
    assert_eq!(troubled(&town, &ana, date!(2026 - 01 - 31), 1100, "tamper"), ReadStatus::Held);
    assert_eq!(town.accept(run, test), items(&[(ItemState::Accepted, 1), (ItemState::Stale, 1)]));
    assert_eq!(town.office.number("SELECT count(*) AS n FROM reads WHERE source = 'estimate'"), 0);
    let test = town.test(run);
    assert!(has(&flags(&town, run, &ana), FlagCode::ReadHeld).is_some());
    assert_eq!(town.accept(run, test), items(&[(ItemState::Accepted, 1), (ItemState::Drafted, 1)]));
}

#[test]
fn held_reads_and_warnings_are_shown_to_the_review_and_released_many_at_once() {
    let town = town();
    let customers = ["SP-1", "SP-2", "SP-3"].map(|code| town.customer(code));
    let [ana, ben, eva] = &customers;
    let book = json!({ "rules": [{ "class": "residential", "rules": { "trouble_hold": ["TAMPER"] } }] });
    town.office.execute(&format!("UPDATE settings SET read_rules = '{book}'"));
    let day = date!(2026 - 01 - 31);
    for customer in &customers {
        town.read(customer.register, date!(2026 - 01 - 30), 1090);
    }
    assert_eq!(troubled(&town, ana, day, 1100, "tamper"), ReadStatus::Held);
    assert_eq!(troubled(&town, ben, day, 1100, "hard to read"), ReadStatus::Valid);
    assert_eq!(troubled(&town, eva, day, 1095, "tamper"), ReadStatus::Held);
    let run = town.run(town.january());
    let test = town.test(run);
    let found = |customer| {
        flags(&town, run, customer)
            .into_iter()
            .filter(|(code, ..)| matches!(code, FlagCode::ReadHeld | FlagCode::ReadWarned))
    };
    let flag = |code, severity, compared: &str| (code, severity, "1100".to_owned(), compared.to_owned());
    assert_eq!(
        found(ana).collect::<Vec<_>>(),
        [flag(FlagCode::ReadHeld, Severity::Block, "trouble_code, high_usage")]
    );
    assert_eq!(found(ben).collect::<Vec<_>>(), [flag(FlagCode::ReadWarned, Severity::Warn, "trouble_code")]);
    // The held read is not billed, and the bill waits for a decision about it.
    assert_eq!(drafted(&town, run, ana), Ok(11_60 + 9_00));
    assert_eq!(town.accept(run, test), items(&[(ItemState::Accepted, 1), (ItemState::Drafted, 2)]));

    let (caller, app) = (&town.office.caller, &town.office.app);
    let held = |filter| app.held_reads(caller, filter, None, 50).unwrap().items;
    let of_rule = |rule: &str| HeldFilter { rule: Some(rule.to_owned()), ..HeldFilter::default() };
    assert_eq!(held(of_rule("decreasing")).len(), 0);
    let unknown = app.held_reads(caller, of_rule("gold"), None, 50);
    assert_eq!(refused(unknown.map(|page| page.items.len())).code, Code::MalformedParameter);
    let elsewhere = HeldFilter { sites: Some(vec![SiteId(2)]), ..HeldFilter::default() };
    assert_eq!(held(elsewhere).len(), 0);
    let first = app.held_reads(caller, of_rule("trouble_code"), None, 1).unwrap();
    let rest = app.held_reads(caller, of_rule("trouble_code"), first.next.as_ref(), 1).unwrap();
    let ids: Vec<ReadId> = first.items.iter().chain(&rest.items).map(|of| of.read.read_id()).collect();
    assert_eq!((ids.len(), rest.next.is_none()), (2, true));
    let foreign = town.office.clerk_of(&[SiteId(2)]);
    assert!(app.held_reads(&foreign, HeldFilter::default(), None, 50).unwrap().items.is_empty());
    let release = |caller: &app::Caller, ids: Vec<ReadId>| {
        town.office.tx(|tx| app::held_reads::release_many(tx, caller, ids)).unwrap()
    };
    assert!(release(&foreign, ids.clone()).iter().all(|of| of.refused.as_ref().unwrap().0 == Code::NotFound));
    let absent = ReadId::new(ids[0].owner, 999_999);
    let outcomes = release(caller, vec![ids[0], absent, ids[1], ids[0]]);
    let codes: Vec<Option<Code>> =
        outcomes.iter().map(|of| of.refused.as_ref().map(|(code, _)| *code)).collect();
    assert_eq!(codes, [None, Some(Code::NotFound), None, Some(Code::WrongState)]);
    assert!(held(HeldFilter::default()).is_empty());
    // A person has decided: nothing is flagged any more, and the released read is billed.
    let test = town.test(run);
    assert_eq!(found(ana).count(), 0);
    assert_eq!(drafted(&town, run, ana), Ok(12_00 + 10_00));
    assert_eq!(town.accept(run, test), items(&[(ItemState::Accepted, 3)]));
    town.assert_verified();
}

//! `penstock verify` on books that are sound, and on the same books with one thing wrong in them.

use crate::process::{penstock, run};
use app::verify::{Report, verify};
use serde_json::Value;
use store::Db;
use testkit::TestDatabase;
use vocab::{AccountId, BillId, ChargeId, ContractId, DrawId, FtId, PaymentId, RunId, SegmentId, TenderId};

const ANA: AccountId = AccountId(1);

fn flat(month: &str, days: u8) -> String {
    format!(
        r#"{{"v":1,"lines":[{{"rule":"customer","version":"rver_11y","kind":"flat",
            "period":{{"first_on":"2026-{month}-01","last_on":"2026-{month}-{days}"}},"price":"12.00","proration":"1/1",
            "unrounded":"12.00","rounding":"half_away_from_zero","decimals":2,"amount_minor":1200,
            "label":{{"en":"customer"}}}}]}}"#
    )
}

/// Two billed months of one account, one paid by check with a little too much, one by autopay.
fn sound() -> TestDatabase {
    let database = TestDatabase::create().unwrap();
    database.lay_ground().unwrap();
    let (service, fee) = (ContractId::new(ANA, 11), ContractId::new(ANA, 12));
    let charge = ChargeId::new(ANA, 701);
    let draft = format!(
        r#"{{"v":1,"segments":[{{"contract":"{service}","outcome":"billed","total":1200,"calc":{{}}}},
            {{"contract":"{fee}","outcome":"billed","total":500,"calc":{{}}}}]}}"#
    );
    let (january, february) = (flat("01", 31), flat("02", 28));
    let statements = format!(
        r#"
        INSERT INTO contract_types (id, code, name, commodity, method, end_date, sequence, minimum_days,
            receivable_gl_id, revenue_gl_id, version) VALUES
            (1, 'water', 'Water', 'water', 'metered', 'meter_read', 10, 5, 1, 4, 1),
            (2, 'fee', 'Fees', 'other', 'billable_charge', 'calendar_period', 20, 0, 1, 4, 1);
        INSERT INTO service_locations SELECT * FROM jsonb_populate_record(NULL::service_locations,
            '{{"id":1,"site_id":1,"line1":"1 Mill Lane","city":"Mill Creek","region":"OR","postcode":"97000",
              "country":"US","version":1}}');
        INSERT INTO cycle_windows (id, cycle_id, starts_on, ends_on, accounting_on, bill_on, state, version) VALUES
            (1, 1, '2026-01-01', '2026-01-31', '2026-01-31', '2026-02-01', 'closed', 1),
            (2, 1, '2026-02-01', '2026-02-28', '2026-02-28', '2026-03-01', 'open', 1);
        INSERT INTO accounts (account_id, number, cycle_id, site_id, class_code, language, delivery, state, opened_on,
            current_minor, payoff_minor, last_bill_id, last_bill_ending_minor, autopay_failures, version) VALUES
            (1, 1001, 1, 1, 'residential', 'en', 'post', 'active', '2026-01-01', 0, 0, 102, 1700, 0, 1),
            (2, 1002, 1, 1, 'residential', 'en', 'post', 'active', '2026-01-01', 0, 0, NULL, 0, 0, 1);
        INSERT INTO contracts (account_id, id, contract_type_id, location_id, starts_on, state, items, characteristics,
            segments, version) VALUES
            (1, 11, 1, 1, '2026-01-01', 'active', '[]', '{{}}', 2, 1),
            (1, 12, 2, 1, '2026-01-01', 'active', '[]', '{{}}', 1, 1);
        INSERT INTO bill_runs (id, window_id, name, owner, scope, state, accounts, latest_test_id, created_at, version)
            VALUES (1, 2, 'February', 'user_1', '{{}}', 'accepted', 2, 1, '2026-03-01', 1);
        INSERT INTO run_tests (id, run_id, number, operation_id, as_of, created_by)
            VALUES (1, 1, 1, 1, '2026-03-01', 'user_1');
        INSERT INTO run_items (account_id, run_id, window_id, site_id, state, live, bill_id, reason) VALUES
            (1, 1, 2, 1, 'accepted', true, 102, NULL), (2, 1, 2, 1, 'skipped', false, NULL, 'no contract');
        CREATE TABLE drafts_1 PARTITION OF drafts FOR VALUES IN (1);
        INSERT INTO drafts (run_id, account_id, test_id, digest, charges_digest, state, total_minor, changed, document)
            VALUES (1, 1, 1, '\x00', '\x00', 'drafted', 1700, 'new', '{draft}');
        INSERT INTO bills (account_id, id, number, window_id, run_id, previous_bill_id, state, bill_on, due_on,
            period_first_on, period_last_on, previous_minor, swept_minor, new_minor, ending_minor, routings,
            completed_at, version) VALUES
            (1, 101, 1, 1, NULL, NULL, 'complete', '2026-02-01', '2026-02-21', '2026-01-01', '2026-01-31',
             0, 0, 1200, 1200, '[]', '2026-02-01', 1),
            (1, 102, 2, 2, 1, 101, 'complete', '2026-03-01', '2026-03-21', '2026-02-01', '2026-02-28',
             1200, -1200, 1700, 1700, '[]', '2026-03-02', 1);
        INSERT INTO segments (account_id, id, bill_id, contract_id, state, first_on, last_on, total_minor, estimated,
            document) VALUES
            (1, 201, 101, 11, 'frozen', '2026-01-01', '2026-01-31', 1200, false, '{january}'),
            (1, 202, 102, 11, 'frozen', '2026-02-01', '2026-02-28', 1200, false, '{february}'),
            (1, 203, 102, 12, 'frozen', '2026-02-01', '2026-02-28', 500, false,
             '{{"v":1,"charges":[{{"charge":"{charge}","due_on":"2026-02-10","label":"fee","amount":500}}]}}');
        INSERT INTO billable_charges (account_id, id, contract_id, due_on, amount_minor, label, segment_id, created_by,
            created_at) VALUES (1, 701, 12, '2026-02-10', 500, '"fee"', 203, 'user_1', '2026-02-10');
        INSERT INTO fts (account_id, id, kind, source_id, born_on_bill_id, current_minor, payoff_minor, accounting_on,
            effective_on, posted_at, gl_account_ids, gl_minor) VALUES
            (1, 301, 'segment', 201, 101, 1200, 1200, '2026-01-31', '2026-01-31', '2026-02-01', '{{1,4}}', '{{1200,-1200}}'),
            (1, 302, 'payment', 401, NULL, -1200, -1200, '2026-02-10', '2026-02-10', '2026-02-10', '{{1,2}}', '{{-1200,1200}}'),
            (1, 303, 'segment', 202, 102, 1200, 1200, '2026-02-28', '2026-02-28', '2026-03-02', '{{1,4}}', '{{1200,-1200}}'),
            (1, 304, 'segment', 203, 102, 500, 500, '2026-02-28', '2026-02-28', '2026-03-02', '{{1,4}}', '{{500,-500}}'),
            (1, 305, 'payment', 402, NULL, -1700, -1700, '2026-03-05', '2026-03-05', '2026-03-05', '{{1,2}}', '{{-1700,1700}}');
        INSERT INTO swept_fts (account_id, ft_id, bill_id) VALUES (1, 302, 102);
        INSERT INTO allocations (account_id, id, credit_ft_id, debit_ft_id, amount_minor) VALUES
            (1, 801, 302, 301, 1200), (1, 802, 305, 303, 1200), (1, 803, 305, 304, 500);
        INSERT INTO tenders (id, kind, amount_minor, suspense_minor, received_on, gateway, gateway_reference,
            created_by, created_at) VALUES
            (601, 'check', 1300, 100, '2026-02-10', NULL, NULL, 'user_1', '2026-02-10'),
            (602, 'card', 1700, 0, '2026-03-05', 'stripe', 'pi_1', 'user_1', '2026-03-05');
        INSERT INTO payments (account_id, id, tender_id, state, amount_minor, received_on, created_by, created_at,
            version) VALUES
            (1, 401, 601, 'posted', 1200, '2026-02-10', 'user_1', '2026-02-10', 1),
            (1, 402, 602, 'posted', 1700, '2026-03-05', 'user_1', '2026-03-05', 1);
        INSERT INTO draws SELECT * FROM jsonb_populate_record(NULL::draws, '{{"account_id":1,"id":501,"bill_id":102,
            "method_id":1,"draw_on":"2026-03-05","not_before_at":"2026-03-05T00:00:00Z","state":"succeeded",
            "amount_minor":1700,"attempts":1,"gateway_reference":"pi_1","payment_id":402,"version":1}}');
        "#
    );
    database.execute(&statements).unwrap();
    database
}

fn report(database: &TestDatabase) -> Report {
    verify(&Db::connect(database.url(), 1).unwrap()).unwrap()
}

#[test]
fn sound_books_hold() {
    let database = sound();
    let report = report(&database);
    assert!(report.ok, "{report:#?}");
    let checked: Vec<u64> = report.invariants.values().map(|verdict| verdict.checked).collect();
    // Transactions; accounts; bills; runs and items; bills and accounts; lines; tenders.
    assert_eq!(checked, [5, 2, 2, 3, 4, 3, 2]);
}

/// What is broken, how, and what must be found: nothing else may be.
fn breakages() -> Vec<(&'static str, String, &'static str)> {
    let ft = |n| FtId::new(ANA, n).to_string();
    let (bill, segment) = (|n| BillId::new(ANA, n).to_string(), |n| SegmentId::new(ANA, n).to_string());
    let (run, tender) = (RunId(1).to_string(), |n| TenderId(n).to_string());
    vec![
        ("I1", ft(305), "UPDATE fts SET gl_minor = '{-1700,1699}' WHERE id = 305"),
        ("I2", ANA.to_string(), "UPDATE accounts SET payoff_minor = 1 WHERE account_id = 1"),
        (
            "I2",
            FtId::new(AccountId(9), 399).to_string(),
            "INSERT INTO fts SELECT 9, 399, 'adjustment', 1, NULL, 0, 0, accounting_on, effective_on, due_on, posted_at, \
             '{}', '{}' FROM fts WHERE id = 305",
        ),
        ("I2", ft(301), "UPDATE allocations SET amount_minor = 1300 WHERE id = 801"),
        ("I2", ANA.to_string(), "UPDATE allocations SET freed_at = '2026-03-06' WHERE id = 803"),
        ("I3", bill(102), "DROP INDEX bills_window; UPDATE bills SET window_id = 1"),
        ("I3", segment(202), "UPDATE segments SET first_on = '2026-01-31' WHERE id = 202"),
        ("I3", segment(201), "UPDATE segments SET bill_id = 999 WHERE id = 201"),
        ("I3", segment(203), "UPDATE billable_charges SET segment_id = NULL"),
        ("I4", run.clone(), "UPDATE bill_runs SET accounts = 3"),
        ("I4", run.clone(), "UPDATE run_items SET reason = NULL WHERE account_id = 2"),
        ("I4", run.clone(), "UPDATE run_items SET state = 'queued' WHERE account_id = 2"),
        (
            "I4",
            run,
            "UPDATE drafts SET document = jsonb_set(document::jsonb, '{segments,2}', '{\"contract\":\"ctr_x\",\"outcome\":\"deferred\"}')::json",
        ),
        (
            "I4",
            bill(102),
            "UPDATE drafts SET document = jsonb_set(document::jsonb, '{segments,1,total}', '499')::json",
        ),
        (
            "I4",
            ContractId::new(ANA, 11).to_string(),
            "UPDATE drafts SET document = jsonb_set(document::jsonb, '{segments,0,contract}', '\"ctr_x\"')::json",
        ),
        ("I5", bill(102), "UPDATE bills SET swept_minor = -1199, new_minor = 1699 WHERE id = 102"),
        ("I5", bill(102), "UPDATE bills SET previous_minor = 1199, ending_minor = 1699 WHERE id = 102"),
        ("I5", bill(102), "UPDATE bills SET previous_bill_id = NULL WHERE id = 102"),
        ("I5", ANA.to_string(), "UPDATE accounts SET last_bill_id = 101 WHERE account_id = 1"),
        ("I5", ft(304), "INSERT INTO swept_fts (account_id, ft_id, bill_id) VALUES (1, 304, 102)"),
        ("I5", bill(102), "DELETE FROM swept_fts"),
        (
            "I6",
            segment(201),
            "UPDATE segments SET document = jsonb_set(document::jsonb, '{lines,0,price}', '\"12.01\"')::json WHERE id = 201",
        ),
        (
            "I6",
            segment(203),
            "UPDATE segments SET document = jsonb_set(document::jsonb, '{charges,0,amount}', '501')::json WHERE id = 203",
        ),
        ("I7", tender(601), "UPDATE tenders SET amount_minor = 1301 WHERE id = 601"),
        ("I7", tender(601), "UPDATE tenders SET suspense_minor = 101 WHERE id = 601"),
        (
            "I7",
            DrawId::new(ANA, 501).to_string(),
            "UPDATE tenders SET gateway_reference = 'pi_2' WHERE id = 602",
        ),
        ("I7", PaymentId::new(ANA, 401).to_string(), "UPDATE payments SET state = 'reversed' WHERE id = 401"),
    ]
}

#[test]
fn one_thing_wrong_is_found_and_named() {
    for (invariant, subject, statement) in breakages() {
        let database = sound();
        database.execute(statement).unwrap();
        let report = report(&database);
        assert!(!report.ok, "{statement}");
        let broken: Vec<&str> = report
            .invariants
            .iter()
            .filter(|(_, verdict)| verdict.violated > 0)
            .map(|(name, _)| *name)
            .collect();
        assert_eq!(broken, [invariant], "{statement}: {report:#?}");
        let found = &report.invariants[invariant].violations;
        assert!(found.iter().any(|violation| violation.subject == subject), "{statement}: {found:#?}");
    }
}

#[test]
fn the_command_says_what_is_wrong_and_fails() {
    let database = sound();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("findings.json");
    let arguments = ["verify", "--json", file.to_str().unwrap()];
    let environment = [("DATABASE_URL", database.url())];
    let (ok, said, errors) = run(&mut penstock(&arguments, &environment));
    assert!(ok && said.contains("everything holds"), "{said} {errors}");

    database.execute("UPDATE fts SET gl_minor = '{-1700,1699}' WHERE id = 305").unwrap();
    let (ok, said, _) = run(&mut penstock(&arguments, &environment));
    let ft = FtId::new(ANA, 305).to_string();
    assert!(!ok && said.contains(&ft), "{said}");
    let findings: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(findings["ok"], false);
    let first = &findings["invariants"]["I1"];
    assert_eq!((first["violated"].as_u64(), first["checked"].as_u64()), (Some(1), Some(5)));
    assert_eq!(first["violations"][0]["subject"], ft.as_str());
    assert_eq!(first["violations"][0]["account"], ANA.to_string());
}

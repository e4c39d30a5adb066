//! Proposals to bill again over HTTP: listed, shown with the account by hand, dismissed once.

use crate::server::serve;
use serde_json::{Value, json};
use testkit::TestDatabase;
use vocab::{
    AccountId, BillId, ContractId, ReadId, RebillProposalId, RegisterId, SegmentId, ServicePointId, SiteId,
};

const POINT: ServicePointId = ServicePointId(5);
const ACCOUNT: AccountId = AccountId(40);

/// February was billed by an estimate of 1430; March was read at 1400, and February once more at 1300.
fn february(database: &TestDatabase) {
    let register = RegisterId::new(POINT, 8);
    let used = json!({ "v": 1, "reads": [{
        "register": register, "serial": "M-1", "unit": "kwh", "start_on": "2026-01-31", "start_value": "1150",
        "start_quality": "actual", "end_on": "2026-02-28", "end_value": "1430", "end_quality": "estimated",
        "rolled_over": false, "multiplier": "1", "quantity": "280"
    }] });
    database
        .execute(&format!(
            "INSERT INTO service_locations (id, site_id, line1, city, region, postcode, country, version) \
               VALUES (1, 1, '1 Mill Lane', 'Penstock', 'CO', '80401', 'US', 1); \
             INSERT INTO service_points (service_point_id, code, location_id, commodity, characteristics, version) \
               VALUES (5, 'E-1', 1, 'electricity', '{{}}', 1); \
             INSERT INTO meters (id, serial, version) VALUES (6, 'M-1', 1); \
             INSERT INTO meter_installs (service_point_id, id, meter_id, installed_on) VALUES (5, 7, 6, '2026-01-01'); \
             INSERT INTO registers (service_point_id, id, install_id, code, kind, unit, multiplier, dials, decimals, \
               peak) VALUES (5, 8, 7, '1', 'subtractive', 'kwh', 1, 6, 0, false); \
             INSERT INTO reads (service_point_id, id, register_id, read_at, read_on, value, quality, status, source) \
               VALUES (5, 1, 8, '2026-02-01', '2026-01-31', 1150, 'actual', 'valid', 'manual'), \
                      (5, 2, 8, '2026-03-01', '2026-02-28', 1430, 'estimated', 'valid', 'estimate'), \
                      (5, 3, 8, '2026-04-01', '2026-03-31', 1400, 'actual', 'valid', 'manual'), \
                      (5, 4, 8, '2026-03-01', '2026-02-28', 1300, 'actual', 'held', 'manual'); \
             INSERT INTO accounts (account_id, number, cycle_id, site_id, class_code, language, delivery, state, \
               opened_on, current_minor, payoff_minor, last_bill_ending_minor, autopay_failures, version) \
               VALUES (40, 1, 1, 1, 'residential', 'en', 'post', 'active', '2026-01-01', 0, 0, 0, 0, 1); \
             INSERT INTO segments (account_id, id, bill_id, contract_id, state, first_on, last_on, total_minor, \
               estimated, document) \
               VALUES (40, 41, 42, 43, 'frozen', '2026-02-01', '2026-02-28', 4240, true, '{used}'); \
             INSERT INTO rebill_proposals (service_point_id, id, register_id, read_id, read_on, kind, account_ids, \
               contract_ids, from_on, through_on, against_on, against_value, against_quality, state, created_by, \
               created_at) VALUES \
               (5, 10, 8, 3, '2026-03-31', 'actual_below_estimate', '{{40}}', '{{43}}', '2026-02-01', '2026-02-28', \
                '2026-02-28', 1430, 'estimated', 'open', 'user_1', '2026-04-01'), \
               (5, 11, 8, 4, '2026-02-28', 'late_actual', '{{40}}', '{{43}}', '2026-02-01', '2026-02-28', \
                '2026-02-28', 1430, 'estimated', 'open', 'user_1', '2026-04-01')"
        ))
        .unwrap();
}

#[test]
fn proposals_are_listed_shown_and_dismissed() {
    let database = TestDatabase::create().unwrap();
    database.lay_ground().unwrap();
    february(&database);
    serve(&database, |served| {
        let token = served.admin();
        let ask = |method: &str, path: &str, more: &[&str], body: &str| {
            let head = [&[method, path, "Content-Type: application/json"][..], more].concat();
            let (status, _, body) = served.ask(&token, &head, body);
            (status, serde_json::from_str::<Value>(&body).unwrap_or(Value::String(body)))
        };
        let (below, late) = (RebillProposalId::new(POINT, 10), RebillProposalId::new(POINT, 11));
        let ids = |query: &str| -> (u16, Vec<Value>) {
            let (status, page) = ask("GET", &format!("/v1/rebill-proposals{query}"), &[], "");
            let items = page["items"].as_array().cloned().unwrap_or_default();
            (status, items.iter().map(|item| item["id"].clone()).collect())
        };
        let (below_id, late_id) = (json!(below), json!(late));
        assert_eq!(ids(""), (200, vec![below_id.clone(), late_id.clone()]));
        assert_eq!(ids("?kind=late_actual&state=open"), (200, vec![late_id.clone()]));
        assert_eq!(
            ids(&format!("?account_id={ACCOUNT}&site_id={}&limit=1", SiteId(1))),
            (200, vec![below_id])
        );
        assert_eq!(ids(&format!("?service_point_id={}", ServicePointId(6))), (200, vec![]));
        assert_eq!(ids(&format!("?site_id={}", SiteId(2))), (200, vec![]));
        assert_eq!(ids("?state=gone").0, 400);

        let (status, shown) = ask("GET", &format!("/v1/rebill-proposals/{below}"), &[], "");
        assert_eq!(status, 200, "{shown}");
        let against = json!({ "read_on": "2026-02-28", "value": "1430", "quality": "estimated" });
        assert_eq!((&shown["value"], &shown["against"]), (&json!("1400"), &against));
        assert_eq!((&shown["read_status"], &shown["unit"]), (&json!("valid"), &json!("kwh")));
        let segment = SegmentId::new(ACCOUNT, 41);
        assert_eq!(
            shown["segments"],
            json!([{ "id": segment, "bill_id": BillId::new(ACCOUNT, 42),
                "contract_id": ContractId::new(ACCOUNT, 43), "first_on": "2026-02-01", "last_on": "2026-02-28",
                "quantity": "280", "amount": { "amount": "42.40", "currency": "USD" } }])
        );
        let boundary =
            |on: &str, value: &str, quality: &str| json!({ "on": on, "value": value, "quality": quality });
        let middle = boundary("2026-02-28", "1269", "adjusted");
        assert_eq!(
            shown["periods"],
            json!([
                { "segment_id": segment, "start": boundary("2026-01-31", "1150", "actual"), "end": middle,
                  "quantity": "119" },
                { "segment_id": null, "start": middle, "end": boundary("2026-03-31", "1400", "actual"),
                  "quantity": "131" }
            ])
        );

        let held = ReadId::new(POINT, 4);
        let release = format!("/v1/reads/{held}/release");
        let (status, problem) = ask("POST", &release, &["Idempotency-Key: release"], "");
        assert_eq!((status, &problem["code"]), (409, &json!("rebill_proposed")), "{problem}");
        assert_eq!(problem["params"]["proposal"], late_id);
        let dismiss = format!("/v1/rebill-proposals/{late}/dismiss");
        let (status, problem) = ask("POST", &dismiss, &["Idempotency-Key: one"], r#"{"reason":" "}"#);
        assert_eq!((status, &problem["errors"][0]["pointer"]), (422, &json!("/reason")), "{problem}");
        let body = r#"{"reason":"the neighbour's meter"}"#;
        assert_eq!(ask("POST", &dismiss, &[], body).0, 428);
        for _ in 0..2 {
            let (status, done) = ask("POST", &dismiss, &["Idempotency-Key: two"], body);
            assert_eq!((status, &done["state"]), (200, &json!("dismissed")), "{done}");
            assert_eq!(done["read_status"], "rejected");
            assert_eq!(done["decided_reason"], "the neighbour's meter");
        }
        let (status, problem) = ask("POST", &dismiss, &["Idempotency-Key: three"], body);
        assert_eq!((status, &problem["code"]), (409, &json!("wrong_state")), "{problem}");
        let absent = RebillProposalId::new(POINT, 404);
        assert_eq!(ask("GET", &format!("/v1/rebill-proposals/{absent}"), &[], "").0, 404);
        assert_eq!(ask("GET", "/v1/rebill-proposals/rebill_0", &[], "").0, 404);
    });
}

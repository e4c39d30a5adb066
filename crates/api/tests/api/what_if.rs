//! Trials of other rates over HTTP: started once, read in pages and as a file, refused with a place.

use crate::server::{Served, serve};
use serde_json::{Value, json};
use testkit::TestDatabase;
use vocab::{AccountId, AccountNumber, RateScheduleId, RegisterId, ServicePointId, SiteId};

/// Two accounts that a rate of 0.10 a kWh has billed for January: 100 kWh and 300 kWh.
fn database() -> TestDatabase {
    let database = TestDatabase::create().unwrap();
    database.lay_ground().unwrap();
    database
        .execute(
            "INSERT INTO customer_classes (code, name, due_days) VALUES ('=shop', 'Shops', 20); \
             INSERT INTO contract_types (id, code, name, commodity, method, end_date, sequence, minimum_days, \
               receivable_gl_id, revenue_gl_id, version) \
               VALUES (1, 'E', 'Electric service', 'electricity', 'metered', 'meter_read', 10, 0, 1, 4, 1); \
             INSERT INTO rate_schedules (id, code, name, commodity, months, version) \
               VALUES (1, 'R', 'Residential', 'electricity', 1, 1); \
             INSERT INTO service_locations (id, site_id, line1, city, region, postcode, country, version) \
               VALUES (1, 1, '12 Mill Lane', 'Penstock', 'CO', '80401', 'US', 1);",
        )
        .unwrap();
    for (id, class, used) in [(1, "residential", 100), (2, "=shop", 300)] {
        let number = AccountNumber::from_random(id).as_i64();
        let read = json!({
            "register": RegisterId::new(ServicePointId(1), 1), "serial": "M-1", "unit": "kwh",
            "start_on": "2025-12-31", "start_value": "0", "start_quality": "actual",
            "end_on": "2026-01-31", "end_value": used.to_string(), "end_quality": "actual",
            "rolled_over": false, "multiplier": "1", "quantity": used.to_string(),
        });
        let document = json!({ "v": 1, "rated": {}, "reads": [read] });
        let billed = used * 10;
        database
            .execute(&format!(
                "INSERT INTO accounts (account_id, number, cycle_id, site_id, class_code, language, delivery, state, \
                   opened_on, current_minor, payoff_minor, last_bill_id, last_bill_ending_minor, autopay_failures, \
                   version) VALUES ({id}, {number}, 1, 1, '{class}', 'en', 'post', 'active', '2025-01-01', {billed}, \
                   {billed}, 10, {billed}, 0, 1); \
                 INSERT INTO contracts (account_id, id, contract_type_id, schedule_id, location_id, starts_on, state, \
                   items, characteristics, segments, version) \
                   VALUES ({id}, 1, 1, 1, 1, '2025-01-01', 'active', '{{}}', '{{}}', 1, 1); \
                 INSERT INTO bills VALUES ({id}, 10, {id}, NULL, NULL, NULL, 'complete', '2026-01-31', '2026-02-20', \
                   '2026-01-01', '2026-01-31', 0, 0, {billed}, {billed}, '[]', '2026-02-01T12:00Z', 1); \
                 INSERT INTO segments VALUES ({id}, 11, 10, 1, 1, 'frozen', '2026-01-01', '2026-01-31', {billed}, \
                   false, '{document}');"
            ))
            .unwrap();
    }
    database
}

/// 10.00 and 0.05 a kWh: 15.00 for 10.00, and 25.00 for 30.00.
fn body() -> Value {
    json!({
        "name": "A base charge", "from_on": "2026-01-01", "to_on": "2026-01-31",
        "replacements": [{ "schedule_id": RateScheduleId(1), "with_tariff": { "rules": [
            { "id": "base", "label": { "en": "Base" }, "charge": { "kind": "flat", "amount": "10.00" } },
            { "id": "energy", "label": { "en": "Energy" },
              "charge": { "kind": "unit", "quantity": { "unit": "kwh" }, "price": "0.05" } } ] } }]
    })
}

struct Asking<'a> {
    served: &'a Served,
    token: String,
}

impl Asking<'_> {
    fn get(&self, path: &str) -> (u16, String, String) {
        self.served.ask(&self.token, &["GET", path], "")
    }

    fn read(&self, path: &str) -> Value {
        let (status, _, body) = self.get(path);
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).unwrap()
    }

    fn start(&self, key: &str, body: &Value) -> (u16, Value) {
        let key = format!("Idempotency-Key: {key}");
        let head = ["POST", "/v1/what-if-runs", "Content-Type: application/json", key.as_str()];
        let (status, _, body) = self.served.ask(&self.token, &head, &body.to_string());
        (status, serde_json::from_str(&body).unwrap())
    }
}

#[test]
fn a_trial_is_started_once_and_read_in_pages_and_as_a_file() {
    serve(&database(), |served| {
        let asking = Asking { served, token: served.admin() };
        let (status, started) = asking.start("trial-1", &body());
        assert_eq!(status, 202, "{started}");
        assert_eq!(
            (&started["operation"]["kind"], &started["operation"]["total"]),
            (&json!("what_if"), &json!(2))
        );
        assert_eq!(asking.start("trial-1", &body()), (202, started.clone()));
        served.app.work_until_idle().unwrap();

        let run = format!("/v1/what-if-runs/{}", started["id"].as_str().unwrap());
        let read = asking.read(&run);
        assert_eq!(read["operation"]["state"], "done", "{read}");
        assert_eq!(read["replacements"], body()["replacements"], "as they were sent");
        let money = |amount: &str| json!({ "amount": amount, "currency": "USD" });
        assert_eq!(
            read["totals"],
            json!({ "accounts": 2, "winners": 1, "losers": 1, "unchanged": 0, "errors": 0, "billed": money("40.00"),
                "alternative": money("40.00"), "difference": money("0.00") })
        );
        assert_eq!(
            (&read["classes"][0]["class_code"], &read["classes"][0]["winners"]),
            (&json!("=shop"), &json!(1))
        );
        assert_eq!(asking.read("/v1/what-if-runs")["items"].as_array().unwrap().len(), 1);

        let accounts = read["links"]["accounts"].as_str().unwrap();
        let first = asking.read(&format!("{accounts}?sort=-difference&limit=1"));
        let account = AccountId(1);
        assert_eq!(
            first["items"],
            json!([{ "account_id": account, "number": AccountNumber::from_random(1), "class_code": "residential",
                "segments": 1, "outcome": "loser", "billed": money("10.00"), "alternative": money("15.00"),
                "difference": money("5.00") }])
        );
        let next = first["next"].as_str().unwrap();
        let second = asking.read(&format!("{accounts}?sort=-difference&limit=1&cursor={next}"));
        assert_eq!(second["items"][0]["account_id"], json!(AccountId(2)));
        assert!(second.get("next").is_none());
        let winners = asking.read(&format!("{accounts}?outcome=winner&class_code=%3Dshop"));
        assert_eq!(winners["items"][0]["difference"], money("-5.00"));
        for bad in [
            "sort=name",
            "outcome=happy",
            "limit=0",
            "colour=red",
            &format!("cursor={next}"),
            &format!("sort=difference&cursor={next}"),
        ] {
            assert_eq!(asking.get(&format!("{accounts}?{bad}")).0, 400, "{bad}");
        }

        let (status, head, sheet) = asking.get(&format!("{accounts}.csv?sort=difference"));
        assert_eq!(status, 200);
        assert!(head.contains("content-type: text/csv") && head.contains("attachment"), "{head}");
        let rows: Vec<&str> = sheet.lines().collect();
        assert_eq!(rows.len(), 3);
        // A class that a spreadsheet would run gets an apostrophe, a negative number does not.
        assert!(rows[1].ends_with(",'=shop,1,winner,30.00,25.00,-5.00,USD,,"), "{}", rows[1]);
        assert!(rows[2].ends_with(",residential,1,loser,10.00,15.00,5.00,USD,,"), "{}", rows[2]);

        assert_eq!(served.ask(&asking.token, &["DELETE", &run], "").0, 204);
        assert_eq!(asking.get(&run).0, 404);
    });
}

#[test]
fn what_cannot_be_tried_is_refused_with_its_place() {
    serve(&database(), |served| {
        let asking = Asking { served, token: served.admin() };
        let refused = |change: &dyn Fn(&mut Value)| {
            let mut body = body();
            change(&mut body);
            let (status, problem) = asking.start("refused", &body);
            assert_eq!(status, 422, "{problem}");
            problem["errors"][0]["pointer"].as_str().unwrap_or_default().to_owned()
        };
        assert_eq!(refused(&|body| body["colour"] = json!("red")), "/colour");
        assert_eq!(refused(&|body| body["from_on"] = json!("January")), "/from_on");
        assert_eq!(refused(&|body| body["to_on"] = json!("2025-12-31")), "/to_on");
        assert_eq!(refused(&|body| body["class_codes"] = json!(["residential", "none"])), "/class_codes/1");
        assert_eq!(refused(&|body| body["account_ids"] = json!([AccountId(77)])), "/account_ids/0");
        assert_eq!(refused(&|body| body["replacements"] = json!([])), "/replacements");
        assert_eq!(refused(&|body| body["site_ids"] = json!([SiteId(2)])), "", "no account there has a bill");
        let tariff = "/replacements/0/with_tariff";
        let price = |body: &mut Value| {
            body["replacements"][0]["with_tariff"]["rules"][1]["charge"]["price"] = json!(0.05);
        };
        assert!(refused(&price).starts_with(&format!("{tariff}/rules/1")), "{}", refused(&price));
        assert_eq!(refused(&|body| body["replacements"][0]["with_tariff"] = json!([])), tariff);
        assert_eq!(
            refused(&|body| body["replacements"][0]["with_schedule_id"] = json!(RateScheduleId(1))),
            "/replacements/0"
        );
        let nothing = asking.get("/v1/what-if-runs/wrun_0");
        assert_eq!(nothing.0, 404, "{}", nothing.2);
        let missing = format!("/v1/what-if-runs/{}/accounts.csv", vocab::WhatIfRunId(5));
        assert_eq!(asking.get(&missing).0, 404);
    });
}

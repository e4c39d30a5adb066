//! Schedules, the calendar and bill messages over HTTP: made, read, changed, taken out, and refused by field.

use crate::server::serve;
use serde_json::{Value, json};
use testkit::TestDatabase;
use vocab::{AccountId, CycleId, SiteId, WindowId};

#[test]
fn schedules_and_messages_are_made_changed_and_taken_out() {
    let database = TestDatabase::create().unwrap();
    database.lay_ground().unwrap();
    database
        .execute(
            "UPDATE business_clock SET moved_to = '2026-02-03T12:00Z'; \
             INSERT INTO cycle_windows (id, cycle_id, starts_on, ends_on, accounting_on, bill_on, state, version) \
             VALUES (7, 1, '2026-02-01', '2026-02-28', '2026-02-28', '2026-03-02', 'open', 1)",
        )
        .unwrap();
    serve(&database, |served| {
        let token = served.admin();
        let ask = |method: &str, path: &str, more: &[&str], body: &Value| {
            let head = [&[method, path, "Content-Type: application/json"][..], more].concat();
            let body = if body.is_null() { String::new() } else { body.to_string() };
            let (status, _, body) = served.ask(&token, &head, &body);
            (status, serde_json::from_str::<Value>(&body).unwrap_or(Value::String(body)))
        };
        let asked = std::cell::Cell::new(0);
        let post = |path: &str, body: Value| {
            asked.set(asked.get() + 1);
            let key = format!("Idempotency-Key: key-{}", asked.get());
            ask("POST", path, &[&key], &body)
        };
        let pointers = |problem: &Value| -> Vec<String> {
            let errors = problem["errors"].as_array().cloned().unwrap_or_default();
            errors.iter().map(|error| error["pointer"].as_str().unwrap().to_owned()).collect()
        };

        let cycle = CycleId(1);
        let counted = json!({ "name": "Export", "work": "export_readings", "cycle_id": cycle,
            "relative": { "from": "ends_on", "days": -1, "at": "06:30" } });
        let (status, made) = post("/v1/schedules", counted);
        assert_eq!((status, &made["next_at"]), (201, &json!("2026-02-27T06:30:00Z")), "{made}");
        assert_eq!(made["relative"]["at"], "06:30");
        let path = format!("/v1/schedules/{}", made["id"].as_str().unwrap());
        let nightly = json!({ "pattern": "0 2 * * *" });
        let (status, changed) = ask("PATCH", &path, &["If-Match: \"1\""], &nightly);
        assert_eq!((status, &changed["pattern"]), (200, &json!("0 2 * * *")), "{changed}");
        assert_eq!(
            (&changed["relative"], &changed["next_at"]),
            (&Value::Null, &json!("2026-02-04T02:00:00Z"))
        );
        assert_eq!(ask("PATCH", &path, &["If-Match: \"1\""], &nightly).0, 412);
        let (status, starts) = ask("GET", &format!("{path}/starts"), &[], &Value::Null);
        assert_eq!((status, &starts["items"]), (200, &json!([])));
        assert_eq!(starts["upcoming"].as_array().unwrap().len(), 5, "{starts}");
        for (wrong, at) in [
            (json!({ "pattern": "nightly" }), "/pattern"),
            (json!({}), "/pattern"),
            (
                json!({ "pattern": "0 2 * * *", "relative": { "from": "ends_on", "days": 1, "at": "06:00" } }),
                "/relative",
            ),
            (json!({ "relative": { "from": "ends_on", "days": 1, "at": "6 o'clock" } }), "/relative/at"),
            (json!({ "pattern": "0 2 * * *", "site_ids": [SiteId(9)] }), "/site_ids/0"),
        ] {
            let mut body = json!({ "name": "Test", "work": "bill_test", "cycle_id": cycle });
            body.as_object_mut().unwrap().extend(wrong.as_object().unwrap().clone());
            let (status, problem) = post("/v1/schedules", body);
            assert_eq!((status, pointers(&problem)), (422, vec![at.to_owned()]), "{problem}");
        }
        assert_eq!(ask("DELETE", &path, &[], &Value::Null).0, 204);
        assert_eq!(ask("GET", &path, &[], &Value::Null).0, 404);

        let said = json!({ "source": "cycle", "cycle_id": cycle, "texts": { "en": "Hello" }, "to_on": "2026-12-31" });
        let (status, made) = post("/v1/bill-messages", said);
        assert_eq!((status, &made["priority"]), (201, &json!(100)), "{made}");
        let path = format!("/v1/bill-messages/{}", made["id"].as_str().unwrap());
        let (_, changed) =
            ask("PATCH", &path, &["If-Match: \"1\""], &json!({ "to_on": null, "priority": 5 }));
        assert_eq!((&changed["to_on"], &changed["priority"]), (&Value::Null, &json!(5)), "{changed}");
        let bare = json!({ "source": "bill", "class_code": "residential", "texts": { "en": "x" } });
        let (status, problem) = post("/v1/bill-messages", bare);
        assert_eq!(
            (status, pointers(&problem)),
            (422, vec!["/class_code".into(), "/account_id".into(), "/window_id".into()])
        );
        let unknown = json!({ "source": "account", "account_id": AccountId(99), "texts": { "en": "x" } });
        assert_eq!(pointers(&post("/v1/bill-messages", unknown).1), ["/account_id"]);
        let (_, listed) = ask("GET", "/v1/bill-messages?source=cycle&on=2027-01-01", &[], &Value::Null);
        assert_eq!(listed["items"].as_array().unwrap().len(), 1);
        assert_eq!(ask("DELETE", &path, &[], &Value::Null).0, 204);
    });
}

#[test]
fn the_calendar_shows_steps_and_what_closing_leaves() {
    let database = TestDatabase::create().unwrap();
    database.lay_ground().unwrap();
    database
        .execute(
            "INSERT INTO cycle_windows (id, cycle_id, starts_on, ends_on, accounting_on, bill_on, state, version) \
             VALUES (7, 1, '2026-02-01', '2026-02-28', '2026-02-28', '2026-03-02', 'open', 1), \
                    (8, 1, '2026-03-01', '2026-03-31', '2026-03-31', '2026-04-02', 'planned', 1)",
        )
        .unwrap();
    serve(&database, |served| {
        let token = served.admin();
        let get = |path: &str| {
            let (status, _, body) = served.ask(&token, &["GET", path], "");
            (status, serde_json::from_str::<Value>(&body).unwrap())
        };
        let (status, bare) = get("/v1/cycle-windows");
        assert_eq!((status, bare["items"][0].get("steps")), (200, None));
        let (status, page) =
            get("/v1/cycle-windows?expand=steps&ends_on[gte]=2026-02-01&starts_on[lte]=2026-03-31");
        assert_eq!(status, 200, "{page}");
        let first = |at: usize| page["items"][at]["steps"][0].clone();
        assert_eq!(first(0), json!({ "step": "export_readings", "state": "possible", "done": 0, "of": 1 }));
        assert_eq!(first(1)["state"], "not_started");
        assert_eq!(get("/v1/cycle-windows?expand=everything").0, 400);

        let window = format!("/v1/cycle-windows/{}", WindowId(7));
        let (_, steps) = get(&format!("{window}/steps"));
        assert_eq!(steps["next"], json!(["export_readings", "import_reads"]), "{steps}");
        assert_eq!(steps["steps"][4]["why_not"], "no test yet");
        assert_eq!(
            steps["steps"][4]["undo"],
            json!({ "possible": false, "how": "by financial correction only" })
        );
        assert_eq!(get(&format!("{window}/steps/test/history")), (200, json!({ "items": [] })));
        assert_eq!(get(&format!("{window}/steps/dance/history")).0, 404);
        let (_, left) = get(&format!("{window}/left"));
        assert_eq!((&left["unbilled"], &left["accounts"]), (&json!(0), &json!([])));
        let head = ["POST", &format!("{window}/close"), "Content-Type: application/json", "If-Match: \"1\""];
        let (status, _, body) = served.ask(&token, &head, &json!({ "reason": "Nobody here." }).to_string());
        let closed: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(
            (status, &closed["state"], &closed["left"]["unbilled"]),
            (200, &json!("closed"), &json!(0))
        );

        let cycle = format!("/v1/bill-cycles/{}", CycleId(1));
        let head = ["PATCH", &cycle, "Content-Type: application/json", "If-Match: \"1\""];
        let (status, _, body) = served.ask(&token, &head, &json!({ "auto_accept": true }).to_string());
        let changed: Value = serde_json::from_str(&body).unwrap();
        let modes = ["auto_accept", "auto_generate", "auto_send"].map(|mode| changed[mode].clone());
        assert_eq!((status, modes), (200, [json!(true), json!(false), json!(false)]), "{changed}");
    });
}

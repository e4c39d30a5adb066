//! Tariffs of public forms over HTTP: answered in our form, or refused field by field.

use crate::server::serve;
use serde_json::{Value, json};
use testkit::TestDatabase;

fn pointers(problem: &Value) -> Vec<&str> {
    problem["errors"].as_array().unwrap().iter().map(|error| error["pointer"].as_str().unwrap()).collect()
}

#[test]
fn a_public_tariff_becomes_a_version_or_is_refused_by_field() {
    let database = TestDatabase::create().unwrap();
    database.lay_ground().unwrap();
    database
        .execute(
            "INSERT INTO rate_schedules (id, code, name, commodity, months, version) \
             VALUES (1, 'R', 'Residential', 'electricity', 1, 1);",
        )
        .unwrap();
    serve(&database, |served| {
        let token = served.admin();
        let ask = |path: &str, key: Option<&str>, body: &Value| {
            let key = key.map(|key| format!("Idempotency-Key: {key}"));
            let mut head = vec!["POST", path, "Content-Type: application/json"];
            head.extend(key.as_deref());
            let (status, _, body) = served.ask(&token, &head, &body.to_string());
            (status, serde_json::from_str::<Value>(&body).unwrap())
        };
        let mut rate = json!({
            "name": "Residential", "utility": "Mill Creek", "fixedchargefirstmeter": 12.5,
            "fixedchargeunits": "$/month", "dgrules": "Net Metering",
            "energyratestructure": [[{"rate": 0.2208, "max": 300, "unit": "kWh"}, {"rate": 0.1, "adj": 0.0014}]],
        });
        let import = json!({"format": "urdb", "rate": rate, "effective_on": "2026-01-01"});
        let (status, imported) = ask("/v1/tariff-imports", None, &import);
        assert_eq!(status, 200, "{imported}");
        assert_eq!(imported["name"], "Residential");
        assert_eq!(imported["notes"], json!(["dgrules: Net Metering"]));
        assert_eq!(imported["tariff"]["effective_on"], "2026-01-01");
        let tiers = &imported["tariff"]["rules"][1]["charge"]["tiers"];
        assert_eq!(*tiers, json!([{"up_to": "300", "price": "0.2208"}, {"price": "0.1014"}]));

        let schedule = format!("/v1/rate-schedules/{}", vocab::RateScheduleId(1));
        let (status, version) = ask(&format!("{schedule}/versions"), Some("v1"), &imported["tariff"]);
        assert_eq!(status, 201, "{version}");
        let price = json!({"first_on": "2026-01-01", "last_on": "2026-01-31",
            "quantities": [{"unit": "kwh", "value": "400"}]});
        let (status, priced) = ask(&format!("{schedule}/price"), None, &price);
        // 12.50 + 300 x 0.2208 + 100 x 0.1014
        assert_eq!((status, &priced["total"]["amount"]), (200, &json!("88.88")), "{priced}");

        rate["demandReactivePowerCharge"] = json!(0.41);
        rate["fixedchargeunits"] = json!("$/fortnight");
        let import = json!({"format": "urdb", "rate": {"items": [rate]}, "leave_out": ["sector"]});
        let (status, problem) = ask("/v1/tariff-imports", None, &import);
        assert_eq!((status, &problem["code"]), (422, &json!("rate_invalid")), "{problem}");
        assert_eq!(
            pointers(&problem),
            [
                "/leave_out/0",
                "/rate/items/0/demandReactivePowerCharge",
                "/effective_on",
                "/rate/items/0/fixedchargeunits"
            ]
        );
        assert_eq!(problem["errors"][2]["code"], "field_required");
        let import = json!({"format": "urdb", "rate": {}, "leave_out": vec!["name"; 51]});
        let (status, problem) = ask("/v1/tariff-imports", None, &import);
        assert_eq!((status, pointers(&problem)), (422, vec!["/leave_out"]));
        let (status, problem) = ask("/v1/tariff-imports", None, &json!({"format": "urdb", "rate": []}));
        assert_eq!((status, pointers(&problem)), (422, vec!["/rate"]));
    });
}

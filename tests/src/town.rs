//! A small utility, set up through the API.

use crate::Client;
use serde_json::{Value, json};

/// The ids of what every town has.
pub struct Town {
    /// Ledger accounts by code.
    pub receivable: Value,
    /// Revenue.
    pub revenue: Value,
    /// Cash.
    pub cash: Value,
    /// The cycle.
    pub cycle: Value,
    /// Sites, by order of making.
    pub sites: Vec<Value>,
}

/// An amount.
pub fn usd(amount: &str) -> Value {
    json!({ "amount": amount, "currency": "USD" })
}

impl Town {
    /// Settings, ledger, a class, a cycle and sites; business time stands at the given instant.
    pub fn found(admin: &Client, sites: &[&str], now: &str) -> Self {
        Self::found_in(admin, sites, now, "America/Denver")
    }

    /// The same in a time zone.
    pub fn found_in(admin: &Client, sites: &[&str], now: &str, zone: &str) -> Self {
        let settings = json!({
            "utility_name": "Penstock Municipal Utilities", "contact_phone": "+1 303 555 0100",
            "contact_email": "billing@penstock.example", "website": "https://penstock.example",
            "pay_address": ["Penstock Municipal Utilities", "PO Box 100", "Penstock, CO 80401"],
            "currency": "USD", "minor_digits": 2, "time_zone": zone, "languages": ["en", "es"],
            "second_language": null, "sandbox": true, "pay_link_base": "https://penstock.example/pay"
        });
        let first = admin.put("/v1/settings", &settings, None);
        let etag = first.etag.clone().unwrap();
        first.ok();
        let gl = |code: &str, name: &str| {
            admin.post("/v1/gl-accounts", &json!({ "code": code, "name": name })).ok()["id"].clone()
        };
        let (receivable, revenue, cash) =
            (gl("1100", "Receivables"), gl("4000", "Revenue"), gl("1000", "Cash"));
        let suspense = gl("2900", "Suspense");
        let mut settings = settings;
        settings["receivable_gl_id"] = receivable.clone();
        settings["cash_gl_id"] = cash.clone();
        settings["suspense_gl_id"] = suspense;
        admin.put("/v1/settings", &settings, Some(&etag)).ok();
        admin.post("/v1/clock/move", &json!({ "to": now })).ok();
        admin
            .post(
                "/v1/customer-classes",
                &json!({ "code": "residential", "name": "Residential", "due_days": 20 }),
            )
            .ok();
        let cycle =
            admin.post("/v1/bill-cycles", &json!({ "code": "monthly", "name": "Monthly" })).ok()["id"]
                .clone();
        let sites = sites
            .iter()
            .map(|code| admin.post("/v1/sites", &json!({ "code": code, "name": code })).ok()["id"].clone())
            .collect();
        Self { receivable, revenue, cash, cycle, sites }
    }

    /// A window of the cycle, open.
    pub fn window(&self, admin: &Client, starts_on: &str, ends_on: &str, bill_on: &str) -> Value {
        let path = format!("/v1/bill-cycles/{}/windows", text(&self.cycle));
        let dates = json!({
            "starts_on": starts_on, "ends_on": ends_on, "accounting_on": ends_on, "bill_on": bill_on
        });
        let window = admin.post(&path, &dates).ok();
        let here = format!("/v1/cycle-windows/{}", text(&window["id"]));
        let etag = admin.get(&here).etag.unwrap();
        admin.act(&format!("{here}/open"), &Value::Null, &etag).ok();
        window["id"].clone()
    }

    /// A contract type.
    pub fn contract_type(&self, admin: &Client, code: &str, commodity: &str, method: &str) -> Value {
        let end_date = if method == "metered" { "meter_read" } else { "calendar_period" };
        admin
            .post(
                "/v1/contract-types",
                &json!({
                    "code": code, "name": code, "commodity": commodity, "method": method, "end_date": end_date,
                    "receivable_gl_account_id": self.receivable, "revenue_gl_account_id": self.revenue
                }),
            )
            .ok()["id"]
            .clone()
    }

    /// A rate schedule with its versions.
    pub fn rate(&self, admin: &Client, code: &str, commodity: &str, versions: &[Value]) -> Value {
        let schedule = admin
            .post(
                "/v1/rate-schedules",
                &json!({ "code": code, "name": code, "commodity": commodity, "frequency": "monthly" }),
            )
            .ok()["id"]
            .clone();
        for version in versions {
            admin.post(&format!("/v1/rate-schedules/{}/versions", text(&schedule)), version).ok();
        }
        schedule
    }

    /// An account with a customer who reads English mail and has a letter box.
    pub fn account(&self, admin: &Client, name: &str, site: usize) -> Value {
        self.account_in(admin, name, site, "en")
    }

    /// The same in a language.
    pub fn account_in(&self, admin: &Client, name: &str, site: usize, language: &str) -> Value {
        let email = format!("{}@example.org", name.to_lowercase().replace(' ', "."));
        admin
            .post(
                "/v1/accounts",
                &json!({
                    "cycle_id": self.cycle, "site_id": self.sites[site], "class_code": "residential",
                    "language": language, "delivery": "email",
                    "customer": { "name": name, "email": email, "language": language },
                    "mailing_address": {
                        "addressee": name, "line1": "12 Mill Lane", "city": "Penstock", "region": "CO",
                        "postcode": "80401", "country": "US", "from_on": "2025-01-01"
                    },
                    "opened_on": "2025-01-01"
                }),
            )
            .ok()
    }

    /// A monthly fee of an account at the first site from the first day of 2026, where nothing is
    /// to be read.
    pub fn fee(&self, admin: &Client, account: &Value, kind: &Value, amount: &str) {
        let code = format!("fee of {}", text(&account["id"]));
        let point = self.service_point(admin, &code, "other", 0, &json!({}));
        let contract = json!({
            "contract_type_id": kind, "location_id": point["location_id"], "starts_on": "2026-01-01",
            "recurring": { "amount": usd(amount), "label": { "en": "Trails", "es": "Senderos" } }
        });
        admin.post(&format!("/v1/accounts/{}/contracts", text(&account["id"])), &contract).ok();
    }

    /// A service point at a new location.
    pub fn service_point(
        &self,
        admin: &Client,
        code: &str,
        commodity: &str,
        site: usize,
        characteristics: &Value,
    ) -> Value {
        let location = admin
            .post(
                "/v1/service-locations",
                &json!({
                    "site_id": self.sites[site], "line1": format!("{code} Mill Lane"), "city": "Penstock",
                    "region": "CO", "postcode": "80401", "country": "US"
                }),
            )
            .ok();
        admin
            .post(
                "/v1/service-points",
                &json!({
                    "code": code, "location_id": location["id"], "commodity": commodity,
                    "characteristics": characteristics
                }),
            )
            .ok()
    }
}

/// Tests and accepts a whole window; answers the run. What blocks stays behind.
pub fn bill(admin: &Client, window: &Value) -> Value {
    let run = admin.post("/v1/bill-runs", &json!({ "window_id": window, "name": "all" })).ok();
    let path = format!("/v1/bill-runs/{}", text(&run["id"]));
    let test = admin.post(&format!("{path}/tests"), &Value::Null).ok();
    admin.finish(&test["operation"]);
    let accepted = admin.post(&format!("{path}/accept"), &json!({ "test_id": test["test"]["id"] })).ok();
    admin.finish(&accepted);
    admin.get(&path).ok()
}

/// Draws a window's invoices; answers their run.
pub fn invoices(admin: &Client, window: &Value) -> Value {
    let path = format!("/v1/cycle-windows/{}/invoice-runs", text(window));
    let run = admin.post(&path, &json!({})).ok();
    admin.finish(&run["operation"]);
    run["id"].clone()
}

/// The text of a JSON string.
pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("not a string: {value}"))
}

//! A utility with one month billed: accounts that pay a flat 30.00, posted and open.

use crate::town::{Town, text};
use crate::{Client, Program, Reply};
use serde_json::{Value, json};

/// What everybody was billed.
pub const BILLED: &str = "30.00";

/// A program with accounts whose January is posted: billed on 2 February, due on the 23rd.
pub struct Billed {
    /// The program.
    pub program: Program,
    /// The administrator.
    pub admin: Client,
    /// The town.
    pub town: Town,
    /// Account ids, by site and then by order of making.
    pub accounts: Vec<Value>,
}

impl Billed {
    /// `count` accounts at each of the sites, billed.
    pub fn open(sites: &[&str], count: usize) -> Self {
        let program = Program::serve(2);
        let admin = program.admin();
        let town = Town::found(&admin, sites, "2026-02-02T15:00:00Z");
        let accounts = subscribers(&admin, &town, count, "2026-01-02", BILLED);
        let window = town.window(&admin, "2026-01-01", "2026-01-31", "2026-02-02");
        let run = admin.post("/v1/bill-runs", &json!({ "window_id": window, "name": "January" })).ok();
        let path = format!("/v1/bill-runs/{}", text(&run["id"]));
        let test = admin.post(&format!("{path}/tests"), &Value::Null).ok();
        admin.finish(&test["operation"]);
        let accepted = admin.post(&format!("{path}/accept"), &json!({ "test_id": test["test"]["id"] })).ok();
        admin.finish(&accepted);
        let run = admin.get(&path).ok();
        assert_eq!(run["items"], json!({ "accepted": accounts.len() }), "{run:#}");
        Self { program, admin, town, accounts }
    }

    /// Business time goes on to noon of a day, in the utility's zone.
    pub fn on(&self, day: &str) {
        self.admin.post("/v1/clock/move", &json!({ "to": format!("{day}T19:00:00Z") })).ok();
    }

    /// Money at the counter for an account.
    pub fn pays(&self, account: usize, amount: &str) -> Value {
        let body = json!({
            "account_id": self.accounts[account], "kind": "check", "amount": crate::town::usd(amount)
        });
        self.admin.post("/v1/payments", &body).ok()
    }

    /// What an account owes now.
    pub fn balance(&self, account: usize) -> String {
        let path = format!("/v1/accounts/{}/balance", text(&self.accounts[account]));
        text(&self.admin.get(&path).ok()["current"]["amount"]).to_owned()
    }

    /// An account's number.
    pub fn number(&self, account: usize) -> String {
        let path = format!("/v1/accounts/{}", text(&self.accounts[account]));
        text(&self.admin.get(&path).ok()["number"]).to_owned()
    }

    /// A member of staff, of one site when `site` is given.
    pub fn staff(&self, name: &str, role: &str, site: Option<usize>) -> Client {
        staff(&self.program, &self.admin, name, role, site.map(|site| &self.town.sites[site]))
    }

    /// Undoes a document under the version that it has now.
    pub fn undo(&self, who: &Client, document: &str, action: &str) -> Reply {
        let etag = self.admin.get(document).etag.unwrap();
        who.post_if(&format!("{document}/{action}"), &json!({ "reason": "Entered by mistake" }), &etag)
    }
}

/// Makes a member of staff, of one site when `site` is given, and signs in as them.
pub fn staff(program: &Program, admin: &Client, name: &str, role: &str, site: Option<&Value>) -> Client {
    let email = format!("{name}@example.org");
    let mut user =
        json!({ "email": email, "name": name, "password": "a long enough password", "role": role });
    if let Some(site) = site {
        user["site_ids"] = json!([site]);
    }
    admin.post("/v1/users", &user).ok();
    Client::sign_in(&program.url, &email, "a long enough password")
}

/// Accounts that pay a flat fee, `count` at each site.
pub fn subscribers(admin: &Client, town: &Town, count: usize, starts_on: &str, amount: &str) -> Vec<Value> {
    let kind = town.contract_type(admin, "trail", "other", "recurring");
    let mut accounts = Vec::new();
    for site in 0..town.sites.len() {
        let location =
            town.service_point(admin, &format!("S{site}"), "other", site, &json!({}))["location_id"].clone();
        for n in 0..count {
            let account = town.account(admin, &format!("Site {site} number {n}"), site)["id"].clone();
            admin
                .post(
                    &format!("/v1/accounts/{}/contracts", text(&account)),
                    &json!({
                        "contract_type_id": kind, "location_id": location, "starts_on": starts_on,
                        "recurring": {
                            "amount": { "amount": amount, "currency": "USD" }, "label": { "en": "Trails" }
                        }
                    }),
                )
                .ok();
            accounts.push(account);
        }
    }
    accounts
}

//! A counterpart that others wrote: localstripe.

use crate::client;
use crate::contract::{self, Subject};
use connectors::gateway::stripe::Dialect;
use std::time::Duration;
use testkit::counterparts::Localstripe;

fn customer(url: &str) -> String {
    let client = reqwest::blocking::Client::builder().no_proxy().build().unwrap();
    let made = client.post(format!("{url}/v1/customers")).bearer_auth(Localstripe::SECRET_KEY);
    let form = "email=resident%40example.org";
    let made = made.header("Content-Type", "application/x-www-form-urlencoded").body(form).send().unwrap();
    let made: serde_json::Value = serde_json::from_str(&made.text().unwrap()).unwrap();
    made["id"].as_str().unwrap().to_owned()
}

#[test]
fn the_contract_holds_against_localstripe() {
    let Some(server) = Localstripe::start() else { return };
    contract::holds(&Subject {
        gateway: &client(server.url(), Dialect::Core, Duration::from_secs(30)),
        customer: customer(server.url()),
        good: Localstripe::GOOD,
        bad: Localstripe::BAD,
        honours_keys: false,
    });
}

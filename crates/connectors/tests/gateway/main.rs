//! Gateways from outside: one contract for all of them, and the network at its worst.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod contract;
mod faults;
mod localstripe;
mod sandbox;

use connectors::gateway::stripe::{Dialect, StripeConfig};
use connectors::gateway::{Secret, StripeGateway};
use payments::gateway::{ChargeRequest, Instrument, LookUpRequest};
use std::time::Duration;
use vocab::{Currency, Money};

fn client(url: &str, dialect: Dialect, total_timeout: Duration) -> StripeGateway {
    let config = StripeConfig { dialect, total_timeout, ..StripeConfig::new(url, Secret::new("sk_test_1")) };
    StripeGateway::new(config).unwrap()
}

fn request(key: &str, minor: i64, customer: &str, method: &str) -> ChargeRequest {
    ChargeRequest {
        key: key.parse().unwrap(),
        amount: Money::from_minor(minor),
        currency: Currency::USD,
        instrument: Instrument { customer: Some(customer.to_owned()), method: method.to_owned() },
        description: "Bill 1001 of account 42 & more".to_owned(),
        metadata: vec![("bill".to_owned(), "bill_1".to_owned())],
    }
}

fn look_up_of(request: &ChargeRequest) -> LookUpRequest {
    LookUpRequest { key: request.key.clone(), instrument: request.instrument.clone(), reference: None }
}

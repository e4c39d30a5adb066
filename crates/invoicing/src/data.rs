//! What a template gets: finished strings, in one language or two.
//!
//! The shape is the contract with utilities' own templates (`data.json` of the `render`
//! program): fields are added, never renamed; a change of meaning raises [`VERSION`].

use crate::chart::Chart;
use serde::Serialize;
use std::collections::BTreeMap;

/// The version of the shape.
pub const VERSION: u8 = 1;

/// A text in the first language and, on bilingual bills, in the second.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Words {
    /// In the account's language.
    pub first: String,
    /// In the utility's second language; absent when it says the same.
    pub second: Option<String>,
}

/// Everything a template prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TemplateData {
    /// See [`VERSION`].
    pub version: u8,
    /// The document's language.
    pub language: String,
    /// The second language.
    pub second_language: Option<String>,
    /// The document's title.
    pub title: String,
    /// Headings by key.
    pub labels: BTreeMap<&'static str, Words>,
    /// The sender.
    pub utility: Sender,
    /// Ten digits.
    pub account_number: String,
    /// The bill.
    pub bill_number: String,
    /// Who is addressed.
    pub customer_name: String,
    /// Below the name.
    pub mailing_address: Vec<String>,
    /// The day of the bill.
    pub billed_on: String,
    /// The last day to pay.
    pub due_on: String,
    /// The service addresses, each once.
    pub service_addresses: Vec<String>,
    /// The big figure.
    pub due: Due,
    /// From the previous balance to the amount due.
    pub summary: Vec<SummaryRow>,
    /// Taxes of all services together; absent when there are none.
    pub taxes: Option<String>,
    /// Current charges.
    pub services: Vec<Service>,
    /// What needs the reader's attention, most urgent first.
    pub notices: Vec<Notice>,
    /// What the utility says.
    pub messages: Vec<Words>,
    /// The part to send back; absent on drafts and when nothing is to be paid by hand.
    pub stub: Option<Stub>,
    /// Across the page of a draft.
    pub watermark: Option<Words>,
    /// The account's last bill.
    pub final_bill: bool,
    /// Whether any reading is estimated.
    pub estimated: bool,
    /// Words for those who see neither logo nor code.
    pub alt: Alternatives,
}

/// The sender.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sender {
    /// Letterhead.
    pub name: String,
    /// Below it.
    pub address: Vec<String>,
    /// For questions.
    pub phone: Option<String>,
    /// For questions.
    pub email: Option<String>,
    /// Without scheme.
    pub web: Option<String>,
    /// Opening hours.
    pub hours: Option<Words>,
    /// For the return envelope's window.
    pub pay_address: Vec<String>,
    /// Whether `logo.svg` is there.
    pub has_logo: bool,
}

/// The big figure and how it is meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Due {
    /// `pay`, `autopay`, `credit` or `nothing`.
    pub state: &'static str,
    /// What the figure is called.
    pub label: Words,
    /// The amount, without a minus for credits.
    pub amount: String,
    /// When paid late, where known.
    pub after_due: Option<String>,
}

/// A row of the summary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SummaryRow {
    /// `line`, `subtotal` or `total`.
    pub kind: &'static str,
    /// What it is.
    pub label: Words,
    /// When.
    pub date: Option<String>,
    /// The amount with its sign.
    pub amount: String,
}

/// A service's charges.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Service {
    /// What is delivered.
    pub name: Words,
    /// The rate.
    pub rate: Words,
    /// Where.
    pub address: String,
    /// The charged days.
    pub period: String,
    /// `31 days`.
    pub days: Words,
    /// Whether it rests on an estimate.
    pub estimated: bool,
    /// Readings.
    pub reads: Vec<Reading>,
    /// Charges, then taxes.
    pub lines: Vec<Charge>,
    /// Their sum.
    pub total: String,
    /// The chart.
    pub chart: Option<Chart>,
}

/// A register's readings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reading {
    /// Serial number and register.
    pub meter: String,
    /// The reading before.
    pub previous: Option<Point>,
    /// The reading now.
    pub current: Option<Point>,
    /// `×` omitted.
    pub multiplier: String,
    /// With its unit.
    pub usage: String,
}

/// A reading.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Point {
    /// When.
    pub date: String,
    /// The value.
    pub value: String,
    /// `actual`, `estimated` …, as words.
    pub quality: Words,
    /// Whether it is an estimate.
    pub estimated: bool,
}

/// A line of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Charge {
    /// The customer's sentence.
    pub label: Words,
    /// With its unit; may be absent.
    pub quantity: Option<String>,
    /// Price of one; may be absent.
    pub price: Option<String>,
    /// The amount with its sign.
    pub amount: String,
    /// Whether it is a tax.
    pub tax: bool,
}

/// A box that needs attention.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Notice {
    /// `warn`, `good` or `info`.
    pub tone: &'static str,
    /// In bold.
    pub title: Words,
    /// Below.
    pub text: Words,
}

/// The remittance stub.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stub {
    /// See [`ScanLine`].
    pub scan_line: String,
    /// Whether `qr.svg` is there.
    pub has_qr: bool,
}

/// Alternative texts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Alternatives {
    /// For the QR code.
    pub qr: String,
    /// For the logo.
    pub logo: String,
}

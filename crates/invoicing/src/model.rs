//! The invoice: everything a completed bill shows, in values, before language and layout.
//!
//! Amounts are signed as they act on the balance: charges positive, payments and credits negative.

use crate::{
    InvoicingError,
    label::{Label, LocalText},
};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use time::Date;
use vocab::{AccountNumber, Commodity, Currency, Money, Period, ReadQuality, Unit, dates::civil};

/// A completed (or drafted) bill as a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invoice {
    /// Who bills.
    pub utility: Utility,
    /// The utility's currency.
    #[serde(with = "currency_form")]
    pub currency: Currency,
    /// The account.
    pub account_number: AccountNumber,
    /// The bill.
    pub bill_number: String,
    /// Who is addressed.
    pub customer_name: String,
    /// The lines below the name.
    pub mailing_address: Vec<String>,
    /// The day the bill is dated.
    #[serde(with = "civil")]
    pub billed_on: Date,
    /// The last day to pay without consequence.
    #[serde(with = "civil")]
    pub due_on: Date,
    /// From the previous balance to the amount due.
    pub summary: Summary,
    /// Current charges, in the order shown.
    pub services: Vec<ServiceCharges>,
    /// What the utility tells its customers this month.
    #[serde(default)]
    pub messages: Vec<LocalText>,
    /// The amount will be drawn: do not pay.
    #[serde(default)]
    pub autopay: Option<Autopay>,
    /// Something is overdue.
    #[serde(default)]
    pub past_due: Option<PastDue>,
    /// The state of a payment arrangement.
    #[serde(default)]
    pub instalment_plan: Option<InstalmentPlan>,
    /// The signed link behind the QR code.
    #[serde(default)]
    pub pay_link: Option<String>,
    /// A draft carries a watermark and no scan line.
    #[serde(default)]
    pub draft: bool,
    /// The account's last bill.
    #[serde(default)]
    pub final_bill: bool,
}

/// The sender.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Utility {
    /// Name on the letterhead.
    pub name: String,
    /// Lines below the name.
    #[serde(default)]
    pub address: Vec<String>,
    /// Telephone for questions.
    #[serde(default)]
    pub phone: Option<String>,
    /// E-mail for questions.
    #[serde(default)]
    pub email: Option<String>,
    /// Web address, without `https://`.
    #[serde(default)]
    pub web: Option<String>,
    /// Opening hours or the like.
    #[serde(default)]
    pub hours: LocalText,
    /// Where checks go: printed for the window of the return envelope.
    #[serde(default)]
    pub pay_address: Vec<String>,
    /// The logo as SVG text.
    #[serde(default)]
    pub logo_svg: Option<String>,
}

/// From the previous balance to the amount due.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Summary {
    /// The ending balance of the bill before.
    pub previous_balance: Money,
    /// Payments received since (negative).
    #[serde(default)]
    pub payments: Vec<Entry>,
    /// Fees, late charges, credits.
    #[serde(default)]
    pub adjustments: Vec<Entry>,
    /// Differences from corrected earlier bills.
    #[serde(default)]
    pub corrections: Vec<Entry>,
    /// Previous balance, payments, adjustments and corrections together.
    pub balance_forward: Money,
    /// The sum of all services.
    pub current_charges: Money,
    /// Balance forward and current charges together; negative: a credit.
    pub total_due: Money,
    /// What is owed when paid after the due date, where a late charge is known beforehand.
    #[serde(default)]
    pub after_due: Option<Money>,
}

/// One movement of the balance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// What it was.
    pub label: Label,
    /// The effective date.
    #[serde(with = "civil::option", default)]
    pub effective_on: Option<Date>,
    /// Signed as it acts on the balance.
    pub amount: Money,
}

/// One service's part of the bill (a segment).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceCharges {
    /// What is delivered.
    pub commodity: Commodity,
    /// Shown instead of the commodity's own name when not empty.
    #[serde(default)]
    pub service_name: LocalText,
    /// The rate schedule's name.
    pub rate_name: LocalText,
    /// Where: one line of address.
    pub service_address: String,
    /// The charged days.
    pub period: Period,
    /// Whether any quantity is estimated.
    #[serde(default)]
    pub estimated: bool,
    /// Meter readings; empty for unmetered services.
    #[serde(default)]
    pub reads: Vec<ReadRow>,
    /// What is charged, taxes included.
    pub lines: Vec<Line>,
    /// The sum of the lines.
    pub total: Money,
    /// Up to 13 months, oldest first; the last is this bill's.
    #[serde(default)]
    pub usage: Vec<UsageMonth>,
    /// The unit of `usage`.
    #[serde(default)]
    pub usage_unit: Option<Unit>,
}

/// One register's readings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadRow {
    /// As printed on the device.
    pub meter_serial: String,
    /// The register's name where a meter has several, such as a time-of-use bucket.
    #[serde(default)]
    pub register: Option<String>,
    /// The reading before; none for consumptive registers.
    #[serde(default)]
    pub previous: Option<ReadPoint>,
    /// The reading now.
    #[serde(default)]
    pub current: Option<ReadPoint>,
    /// Register units to billed units.
    pub multiplier: Decimal,
    /// What was used.
    pub usage: Quantity,
}

/// A value on a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadPoint {
    /// The day read.
    #[serde(with = "civil")]
    pub read_on: Date,
    /// The register's value.
    pub value: Decimal,
    /// How the value was come by.
    pub quality: ReadQuality,
}

/// A number of units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quantity {
    /// How many.
    pub value: Decimal,
    /// Of what.
    pub unit: Unit,
}

/// Where a line stands among the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineKind {
    /// A charge or credit for the service.
    #[default]
    Charge,
    /// A tax or surcharge laid on the service: shown after the charges, summed on its own.
    Tax,
}

/// One line of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Charge or tax.
    #[serde(default)]
    pub kind: LineKind,
    /// The customer's sentence.
    pub label: Label,
    /// What is multiplied.
    #[serde(default)]
    pub quantity: Option<Quantity>,
    /// Price of one, in major units; percentages as the percent figure belong in the label.
    #[serde(default)]
    pub price: Option<Decimal>,
    /// The rounded amount.
    pub amount: Money,
}

/// One month of the usage chart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageMonth {
    /// Any day of the month named below the bar: the bill's last charged day.
    #[serde(with = "civil")]
    pub ended_on: Date,
    /// Charged days.
    pub days: u16,
    /// What was used.
    pub quantity: Decimal,
    /// Whether it was estimated.
    #[serde(default)]
    pub estimated: bool,
}

/// The autopay notice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Autopay {
    /// The day of the draw.
    #[serde(with = "civil")]
    pub draw_on: Date,
    /// What will be drawn.
    pub amount: Money,
    /// The masked method, such as `Visa •••• 4242`.
    pub method: String,
}

/// The past-due block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastDue {
    /// The overdue part of the amount due.
    pub amount: Money,
    /// Since when.
    #[serde(with = "civil")]
    pub since_on: Date,
    /// The day service may end, once a warning has been sent.
    #[serde(with = "civil::option", default)]
    pub shutoff_on: Option<Date>,
}

/// The state of a payment arrangement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstalmentPlan {
    /// Which instalment this bill asks, from 1.
    pub number: u16,
    /// How many there are.
    pub of: u16,
    /// This instalment.
    pub amount: Money,
    /// What remains after it.
    pub remaining: Money,
}

impl Invoice {
    /// Whether any part rests on an estimate.
    pub fn is_estimated(&self) -> bool {
        let guessed = |point: &Option<ReadPoint>| {
            point.as_ref().is_some_and(|point| point.quality == ReadQuality::Estimated)
        };
        self.services.iter().any(|service| {
            service.estimated
                || service.reads.iter().any(|read| guessed(&read.previous) || guessed(&read.current))
        })
    }

    /// All taxes of all services.
    pub fn taxes(&self) -> Result<Money, InvoicingError> {
        let lines = self.services.iter().flat_map(|service| &service.lines);
        let taxes = lines.filter(|line| line.kind == LineKind::Tax).map(|line| line.amount);
        Ok(Money::sum(taxes)?)
    }

    /// Lines give their service, services the current charges, movements the balance forward,
    /// both the total.
    pub fn check(&self) -> Result<(), InvoicingError> {
        let equal = |what: &'static str, parts: Money, whole: Money| {
            if parts == whole {
                return Ok(());
            }
            Err(InvoicingError::DoesNotAddUp { bill_number: self.bill_number.clone(), what })
        };
        for service in &self.services {
            equal("service total", Money::sum(service.lines.iter().map(|l| l.amount))?, service.total)?;
        }
        let sum = &self.summary;
        let services = Money::sum(self.services.iter().map(|service| service.total))?;
        equal("current charges", services, sum.current_charges)?;
        let movements = sum.payments.iter().chain(&sum.adjustments).chain(&sum.corrections);
        let forward = sum.previous_balance.plus(Money::sum(movements.map(|entry| entry.amount))?)?;
        equal("balance forward", forward, sum.balance_forward)?;
        equal("total due", sum.balance_forward.plus(sum.current_charges)?, sum.total_due)
    }
}

/// A currency as `{"code":"USD","minor_digits":2}`.
mod currency_form {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use vocab::Currency;

    #[derive(Serialize, Deserialize)]
    struct Form {
        code: String,
        minor_digits: u8,
    }

    pub fn serialize<S: Serializer>(currency: &Currency, to: S) -> Result<S::Ok, S::Error> {
        Form { code: currency.code().to_owned(), minor_digits: currency.minor_digits() }.serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Currency, D::Error> {
        let form = Form::deserialize(from)?;
        Currency::new(&form.code, form.minor_digits).ok_or_else(|| serde::de::Error::custom("not a currency"))
    }
}

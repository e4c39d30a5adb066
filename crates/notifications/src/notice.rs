//! What is to be said, as data: no words yet, so that it can be said in any language.

use serde::{Deserialize, Serialize};
use time::Date;
use vocab::dates::civil;
use vocab::{AccountNumber, Language, MessageKind, Money, TenderKind};

use crate::{Line, Link};

/// Who speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    /// The utility's name.
    pub utility: Line,
    /// How to reach it: a telephone number, an address.
    pub contact: Line,
    /// Its currency.
    pub currency: vocab::Currency,
}

/// Who reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reader {
    /// The name in the greeting.
    pub name: Line,
    /// The account that it is about.
    pub account_number: AccountNumber,
    /// The reader's language.
    pub language: Language,
    /// A second language beneath, when the utility asks for it.
    pub second_language: Option<Language>,
}

/// One message. Stored as JSON; the bodies can be made again from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Notice {
    /// A bill is ready.
    EBill(EBill),
    /// A payment was received.
    Receipt(Receipt),
    /// An automatic payment failed.
    AutopayFailed(AutopayFailed),
}

impl Notice {
    /// Its kind.
    pub const fn kind(&self) -> MessageKind {
        match self {
            Self::EBill(_) => MessageKind::EBill,
            Self::Receipt(_) => MessageKind::Receipt,
            Self::AutopayFailed(_) => MessageKind::AutopayFailed,
        }
    }
}

/// A bill is ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EBill {
    /// The bill's number.
    pub bill: Line,
    /// The bill's date.
    #[serde(with = "civil")]
    pub billed_on: Date,
    /// When it is due.
    #[serde(with = "civil")]
    pub due_on: Date,
    /// What it asks for; nothing or less means that nothing is to be paid.
    pub amount_due: Money,
    /// What autopay will draw.
    pub draw: Option<Draw>,
    /// Whether the PDF goes with the message.
    pub attached: bool,
    /// Where the bill can be seen and paid.
    pub link: Option<Link>,
}

/// What autopay will draw for a bill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draw {
    /// When.
    #[serde(with = "civil")]
    pub draw_on: Date,
    /// How much.
    pub amount: Money,
}

/// A payment was received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The payment's reference.
    pub reference: Line,
    /// When it was received.
    #[serde(with = "civil")]
    pub received_on: Date,
    /// How much.
    pub amount: Money,
    /// How it came.
    pub tender: TenderKind,
    /// The last digits of the card or account, never more.
    pub ending: Option<Line>,
    /// The account's balance afterwards.
    pub balance: Option<Money>,
}

/// An automatic payment failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AutopayFailed {
    /// The bill's number.
    pub bill: Line,
    /// How much was to be collected.
    pub amount: Money,
    /// When it was tried.
    #[serde(with = "civil")]
    pub tried_on: Date,
    /// When the bill is due.
    #[serde(with = "civil")]
    pub due_on: Date,
    /// What comes next.
    pub next: AfterFailure,
    /// Where the bill can be paid.
    pub link: Option<Link>,
}

/// What comes after a failed automatic payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "then", rename_all = "snake_case")]
pub enum AfterFailure {
    /// It is tried again.
    Retry {
        /// When.
        #[serde(with = "civil")]
        retry_on: Date,
    },
    /// It is not tried again for this bill.
    Pay,
    /// Autopay has been switched off for the account.
    SwitchedOff,
}

//! The stored forms: a draft, and the calculation of a segment.
//!
//! Both are versioned JSON documents (`"v":2`) with a golden file per version; a change of form
//! is a new version. Amounts are whole minor units, other numbers decimals in strings.

use crate::arithmetic::Arithmetic;
use crate::digest::Digest;
use crate::error::BillingError;
use crate::flags::Flag;
use crate::terms::TermLine;
use metering::{Estimate, ReadUsed};
use rating::{Characteristic, DerivedQuantity, ItemCount, Label, Line, Quantity};
use serde::{Deserialize, Serialize};
use time::Date;
use vocab::decimal::Overflow;
use vocab::{
    ChargeId, Commodity, ContractId, ContractTypeId, Decimal, GlAccountId, ItemState, Money, Period,
    RateScheduleId, SegmentOutcome, Unit,
};

/// The version of the documents that is written.
pub const DOCUMENT_VERSION: u8 = rating::DOCUMENT_VERSION;

/// One account's bill as a test made it: immutable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Draft {
    /// The form's version.
    #[serde(deserialize_with = "rating::document_version")]
    pub v: u8,
    /// Digest of the inputs it was made from.
    pub digest: Digest,
    /// What became of the account.
    pub state: ItemState,
    /// Why, when nothing is billed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// New charges: the sum of the billed segments.
    pub total: Money,
    /// From the first to the last charged day of the billed segments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<Period>,
    /// One per contract in scope, in billing sequence.
    pub segments: Vec<DraftSegment>,
    /// What the review should see.
    pub flags: Vec<Flag>,
    /// Totals by service, rate and rule.
    pub totals: Vec<TotalRow>,
    /// Sum of the adjustments that the bill would sweep up; no part of its charges.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub adjustments: Money,
}

/// What became of one contract.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DraftSegment {
    /// The contract.
    pub contract: ContractId,
    /// Its type.
    pub contract_type: ContractTypeId,
    /// What is delivered.
    pub commodity: Commodity,
    /// Its rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<RateScheduleId>,
    /// What became of it.
    pub outcome: SegmentOutcome,
    /// The charged days, when they are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<Period>,
    /// Whether the contract ends with it.
    #[serde(default, rename = "final", skip_serializing_if = "is_not")]
    pub is_final: bool,
    /// Whether an estimated read was used.
    #[serde(default, skip_serializing_if = "is_not")]
    pub estimated: bool,
    /// What it asks: the sum of its lines, charges and terms; zero unless billed.
    pub total: Money,
    /// The arithmetic, when billed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calc: Option<Arithmetic>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<BillingError>,
    /// Why it was deferred, held or skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// A segment's arithmetic: what is stored with the posted segment and printed on the bill.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calculation {
    /// The form's version.
    #[serde(deserialize_with = "rating::document_version")]
    pub v: u8,
    /// What its rate was asked for; none when it only passes charges on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rated: Option<Circumstances>,
    /// The reads it rests on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reads: Vec<ReadUsed>,
    /// The reads among them that were estimated here, each with what it rests on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub estimates: Vec<Estimate>,
    /// What another contract's segment measured, of a sub-contract.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub given: Vec<Quantity>,
    /// The quantities that the tariff worked out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub derived: Vec<DerivedQuantity>,
    /// The rated lines.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<Line>,
    /// The charges billed as they are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub charges: Vec<ChargeLine>,
    /// What the contract has agreed beyond its rate: instalments, interest, a level amount.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub terms: Vec<TermLine>,
}

impl Calculation {
    /// Of nothing yet.
    pub(crate) const fn empty() -> Self {
        Self {
            v: DOCUMENT_VERSION,
            rated: None,
            reads: Vec::new(),
            estimates: Vec::new(),
            given: Vec::new(),
            derived: Vec::new(),
            lines: Vec::new(),
            charges: Vec::new(),
            terms: Vec::new(),
        }
    }

    /// Whether it charges days, by a rate or by terms; else it only passed charges on.
    pub const fn charges_days(&self) -> bool {
        self.rated.is_some() || !self.terms.is_empty()
    }

    /// What it asks: the sum of its lines, charges and terms.
    pub fn total(&self) -> Result<Money, Overflow> {
        Money::sum(self.amounts(|_| true))
    }

    /// What it adds to what is owed: without instalments, deposits and the difference of a budget.
    pub fn owed(&self) -> Result<Money, Overflow> {
        Money::sum(self.amounts(|line| line.kind.is_owed()))
    }

    fn amounts(&self, which: fn(&&TermLine) -> bool) -> impl Iterator<Item = Money> {
        let lines = self.lines.iter().map(|line| line.amount_minor);
        let charges = self.charges.iter().map(|charge| charge.amount);
        lines.chain(charges).chain(self.terms.iter().filter(which).map(|line| line.amount))
    }
}

/// What a segment was rated with besides its days and reads: what its own rate did not look at,
/// another rate that is tried on it may.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Circumstances {
    /// Whether it is the contract's first.
    #[serde(default, rename = "first", skip_serializing_if = "is_not")]
    pub is_first: bool,
    /// Whether it is the contract's final one.
    #[serde(default, rename = "final", skip_serializing_if = "is_not")]
    pub is_final: bool,
    /// Counts by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<ItemCount>,
    /// Characteristics by name, those of the service point included.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub characteristics: Vec<Characteristic>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde lends the field")]
const fn is_not(flag: &bool) -> bool {
    !*flag
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde lends the field")]
const fn is_nothing(amount: &Money) -> bool {
    amount.is_zero()
}

/// A billable charge on a segment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChargeLine {
    /// The charge.
    pub charge: ChargeId,
    /// The day from which it could be billed.
    #[serde(with = "vocab::dates::civil")]
    pub due_on: Date,
    /// Its name on the bill.
    pub label: Label,
    /// How much.
    pub amount: Money,
    /// The ledger account to credit, when it is not the contract type's revenue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gl: Option<GlAccountId>,
}

/// Why a contract or an account has no charge, as a stable word with its facts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Reason {
    /// The contract starts after the window's end.
    StartsAfterWindow {
        /// Its first day.
        #[serde(with = "vocab::dates::civil")]
        starts_on: Date,
    },
    /// All its days up to the window's end are charged.
    AlreadyBilled {
        /// Last charged day.
        #[serde(with = "vocab::dates::civil::option")]
        through_on: Option<Date>,
    },
    /// The days go into the next segment.
    TooShort {
        /// Days so far.
        days: i64,
        /// Days that the contract type asks for.
        minimum_days: i64,
    },
    /// No charge has come due.
    NoChargeDue,
    /// A recurring contract with neither rate nor amount.
    NothingToCharge,
    /// The account is held.
    AccountHeld {
        /// The last day of the hold.
        #[serde(with = "vocab::dates::civil")]
        until_on: Date,
        /// Why.
        why: String,
    },
    /// The contract is held.
    ContractHeld {
        /// The last day of the hold.
        #[serde(with = "vocab::dates::civil")]
        until_on: Date,
        /// Why.
        why: String,
    },
    /// The account has no contract in scope.
    NoContract,
    /// No anniversary of its start has come by the window's end.
    NoAnniversary {
        /// The day before the next one.
        #[serde(with = "vocab::dates::civil::option")]
        next_on: Option<Date>,
    },
    /// Its kind of contract is never billed.
    NotBillable,
    /// The contract that it rests on failed.
    PredecessorFailed {
        /// Which.
        contract: ContractId,
    },
    /// The contract that it rests on is too short so far.
    MasterDeferred {
        /// Which.
        contract: ContractId,
    },
    /// The contract that it rests on is held.
    MasterHeld {
        /// Which.
        contract: ContractId,
    },
    /// The contract that it takes its charges from has none.
    MasterSkipped {
        /// Which.
        contract: ContractId,
    },
}

impl Reason {
    /// The stable word.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::StartsAfterWindow { .. } => "starts_after_window",
            Self::AlreadyBilled { .. } => "already_billed",
            Self::TooShort { .. } => "too_short",
            Self::NoChargeDue => "no_charge_due",
            Self::NothingToCharge => "nothing_to_charge",
            Self::AccountHeld { .. } => "account_held",
            Self::ContractHeld { .. } => "contract_held",
            Self::NoContract => "no_contract",
            Self::NoAnniversary { .. } => "no_anniversary",
            Self::NotBillable => "not_billable",
            Self::PredecessorFailed { .. } => "predecessor_failed",
            Self::MasterDeferred { .. } => "master_deferred",
            Self::MasterHeld { .. } => "master_held",
            Self::MasterSkipped { .. } => "master_skipped",
        }
    }
}

/// What a rule came to over the billed segments of one service and rate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TotalRow {
    /// The service.
    pub commodity: Commodity,
    /// The rate; none for plain charges.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<RateScheduleId>,
    /// The rule's id; `charge` for billable charges; the kind of a line of terms.
    pub rule: String,
    /// Unit of the quantity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Unit>,
    /// Sum of the priced quantities.
    pub quantity: Decimal,
    /// Sum of the amounts.
    pub amount: Money,
    /// How many lines.
    pub lines: i64,
}

/// A stored text that is not a draft of a known version.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableDocument {
    /// The text is not JSON of the documented form.
    #[error("not a billing document: {0}")]
    Form(#[from] serde_json::Error),
    /// A version that this build does not know.
    #[error("billing document of version {0} is not known here")]
    Version(u8),
}

impl Draft {
    /// The text to store.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// Reads a stored draft of any known version.
    pub fn parse(json: &str) -> Result<Self, UnreadableDocument> {
        let draft: Self = serde_json::from_str(json)?;
        if draft.v == DOCUMENT_VERSION { Ok(draft) } else { Err(UnreadableDocument::Version(draft.v)) }
    }

    /// The segments that stand on the bill.
    pub fn billed(&self) -> impl Iterator<Item = &DraftSegment> {
        self.segments.iter().filter(|segment| segment.outcome == SegmentOutcome::Billed)
    }
}

impl Calculation {
    /// The text to store.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// Reads a stored calculation of any known version.
    pub fn parse(json: &str) -> Result<Self, UnreadableDocument> {
        let calc: Self = serde_json::from_str(json)?;
        if calc.v == DOCUMENT_VERSION { Ok(calc) } else { Err(UnreadableDocument::Version(calc.v)) }
    }
}

//! One account as loaded: plain rows, cheap to build for millions.
//!
//! The loader fills the vectors in any order; nothing here depends on the order of rows.
//! Cancelled and closed contracts may be left out or left in: they are not in scope.

use crate::memory::Remembered;
use crate::terms::Terms;
use metering::{IntervalDay, Metered, Read, Register};
use rating::{Characteristic, Exemption, ItemCount, Label, OtherSegment};
use serde::{Deserialize, Serialize};
use time::Date;
use vocab::{
    AccountId, BillId, ChargeId, ContractId, ContractState, ContractTypeId, Decimal, DeliveryPreference,
    FtId, GlAccountId, Language, Money, Period, PersonId, RateScheduleId, RegisterId, ServicePointId, SiteId,
};

/// Everything about one account that its bill may rest on.
#[derive(Debug, Clone, PartialEq)]
pub struct AccountInputs {
    /// The account.
    pub account: AccountId,
    /// Code of its customer class.
    pub class_code: String,
    /// Its billing site.
    pub site: SiteId,
    /// Its notice language.
    pub language: Language,
    /// How its bills go out.
    pub delivery: DeliveryPreference,
    /// A hold on the whole account.
    pub hold: Option<Hold>,
    /// The last completed bill.
    pub last_bill: Option<LastBill>,
    /// Its contracts.
    pub contracts: Vec<Contract>,
    /// Its billable charges that are on no segment yet, also those that are not due.
    pub charges: Vec<BillableCharge>,
    /// Adjustments and their cancellations that the bill will sweep up, with their amounts.
    pub adjustments: Vec<(FtId, Money)>,
    /// Registers and reads of the service points of its metered contracts.
    pub meters: Vec<PointMeters>,
    /// Reads at these service points that a person should know of, for the review alone.
    pub remarks: Vec<ReadRemark>,
    /// The last bill's segments and charges, for the review alone.
    pub before: Before,
    /// Service points where a contract has ended and nobody is served since, for the review alone.
    pub ended: Vec<EndedService>,
    /// Certificates of tax exemption.
    pub exemptions: Vec<Exemption>,
    /// Who gets a copy of the bill.
    pub recipients: Vec<Recipient>,
    /// What segments measured that stand on the bill already, while others on it are billed again.
    pub standing: Vec<OtherSegment>,
}

impl AccountInputs {
    /// Registers and reads of a service point.
    pub fn meters_of(&self, service_point: ServicePointId) -> &[RegisterReads] {
        self.meters.iter().find(|of| of.service_point == service_point).map_or(&[], |of| &of.registers)
    }

    /// The contract with this id.
    pub fn contract(&self, id: ContractId) -> Option<&Contract> {
        self.contracts.iter().find(|contract| contract.id == id)
    }
}

/// Kept back by a person, up to and including a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// The last day of the hold.
    #[serde(with = "vocab::dates::civil")]
    pub until_on: Date,
    /// Why.
    pub reason: String,
}

impl Hold {
    /// Whether it still holds on this day.
    pub fn holds_on(&self, day: Date) -> bool {
        day <= self.until_on
    }
}

/// The last completed bill of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastBill {
    /// The bill.
    pub id: BillId,
    /// Its ending balance.
    pub ending: Money,
}

/// What the last completed bill charged: what the review compares with. Empty where there is none, and where
/// bills are made to be posted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Before {
    /// Its segments.
    pub segments: Vec<LastSegment>,
    /// The latest segments of contracts that were not on it: it was a credit note, or an off-cycle bill of others.
    pub older: Vec<LastSegment>,
    /// The charges on it, with their names; looked for only where charges are due.
    pub charges: Vec<(Label, Money)>,
}

/// A contract's segment on the last bill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastSegment {
    /// The contract.
    pub contract: ContractId,
    /// Its rate then.
    pub schedule: Option<RateScheduleId>,
    /// First charged day.
    pub first_on: Date,
    /// Last charged day.
    pub last_on: Date,
    /// Sum of its lines and charges.
    pub total: Money,
}

/// A service point where a contract has ended and no other has begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedService {
    /// The contract.
    pub contract: ContractId,
    /// Its type.
    pub type_id: ContractTypeId,
    /// Its rate.
    pub schedule: Option<RateScheduleId>,
    /// Its last day.
    pub ends_on: Date,
    /// Registers with their valid and held reads, from the one at the end or before it.
    pub registers: Vec<RegisterReads>,
}

/// An agreement for a service.
#[derive(Debug, Clone, PartialEq)]
pub struct Contract {
    /// The contract.
    pub id: ContractId,
    /// Its type.
    pub type_id: ContractTypeId,
    /// Its rate, when its method rates.
    pub schedule_id: Option<RateScheduleId>,
    /// Where it is metered.
    pub service_point: Option<ServicePointId>,
    /// First charged day.
    pub starts_on: Date,
    /// Last charged day, when it has ended or will.
    pub ends_on: Option<Date>,
    /// Last day that has been charged.
    pub billed_through_on: Option<Date>,
    /// Its state.
    pub state: ContractState,
    /// Counts by name (lamps, dwelling units, ERUs).
    pub items: Vec<ItemCount>,
    /// Characteristics by name, those of the service point included.
    pub characteristics: Vec<Characteristic>,
    /// The plain amount of a recurring contract without a rate.
    pub recurring: Option<Recurring>,
    /// The contract that it rests on, of the same account.
    pub master: Option<ContractId>,
    /// What it has agreed beyond its rate.
    pub terms: Option<Terms>,
    /// How far these terms have come: principal billed, or what a budget has not yet asked.
    pub progress: Money,
    /// A hold on this contract; the rest of the account is billed.
    pub hold: Option<Hold>,
    /// How many segments it has had.
    pub segments: i32,
    /// Its earlier segments in order of date, where its rate looks back at them.
    pub past: Vec<Remembered>,
    /// The segment whose place the next one takes, when days are billed again.
    pub again: Option<Again>,
}

/// A posted segment that is billed again: the same days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Again {
    /// Its days.
    pub period: Period,
    /// Whether its days were charged; else it passed charges on.
    pub is_rated: bool,
    /// Whether it was the contract's first.
    pub is_first: bool,
}

impl Contract {
    /// Whether a segment is attempted for it.
    pub const fn in_scope(&self) -> bool {
        !matches!(self.state, ContractState::Closed | ContractState::Cancelled)
    }

    /// The first day not yet charged; `None` at the end of the calendar.
    pub fn first_charge_on(&self) -> Option<Date> {
        match self.billed_through_on {
            Some(through_on) => through_on.next_day().map(|day| day.max(self.starts_on)),
            None => Some(self.starts_on),
        }
    }
}

/// The plain amount of a recurring contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recurring {
    /// Per month.
    pub amount: Money,
    /// Its name on the bill.
    pub label: Label,
}

/// A one-time or passed-through charge that is on no segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BillableCharge {
    /// The charge.
    pub id: ChargeId,
    /// The contract that it is billed under.
    pub contract: ContractId,
    /// The day from which it may be billed.
    pub due_on: Date,
    /// How much; negative is a credit.
    pub amount: Money,
    /// Its name on the bill.
    pub label: Label,
    /// The ledger account to credit, when it is not the contract type's revenue.
    pub gl: Option<GlAccountId>,
}

/// The registers of one service point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PointMeters {
    /// Where.
    pub service_point: ServicePointId,
    /// One entry per register and installation; those removed since the oldest read's day, too.
    pub registers: Vec<RegisterReads>,
}

/// A register with its reads, in any order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisterReads {
    /// The register.
    pub register: Register,
    /// From the last billed read (better: thirteen months back) to the end of the read window. Of an
    /// interval register: one for each whole day, its sum. Where
    /// a missing read may be estimated they go back to [`EstimationRules::reads_from`], in a test and
    /// at acceptance alike: the digest has what the estimate rests on.
    ///
    /// [`EstimationRules::reads_from`]: metering::EstimationRules::reads_from
    pub reads: Vec<Read>,
    /// Its interval data of the days that are charged, in order of date, where the rate may price them.
    pub days: Vec<DayOfIntervals>,
}

/// A read, or a day of interval data, that broke rules of validation. It decides no charge: a held one is
/// not billed, a valid one is among the reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadRemark {
    /// Of which register.
    pub register: RegisterId,
    /// The day that it closes, or is.
    pub read_on: Date,
    /// Its value; of a day the sum.
    pub value: Decimal,
    /// Whether it is a day of interval data.
    pub is_day: bool,
    /// Whether it waits for a person.
    pub is_held: bool,
    /// The rules that it broke.
    pub rules: String,
}

/// A day of a register's interval data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayOfIntervals {
    /// Which day.
    pub on: Date,
    /// Its values.
    pub data: IntervalDay,
}

impl RegisterReads {
    /// The same, borrowed as metering wants it.
    pub fn as_metered(&self) -> Metered<'_> {
        Metered { register: &self.register, reads: &self.reads }
    }
}

/// A person who gets a copy of the bill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// The person.
    pub person: PersonId,
    /// Their name.
    pub name: String,
    /// Their language.
    pub language: Language,
    /// Their e-mail address.
    pub email: Option<String>,
    /// The mailing address in force now.
    pub postal: Option<PostalAddress>,
}

/// Where a letter goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostalAddress {
    /// Who is written to.
    pub addressee: String,
    /// Street and number.
    pub line1: String,
    /// Unit, floor, care of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line2: Option<String>,
    /// City.
    pub city: String,
    /// State or province.
    pub region: String,
    /// Postal code.
    pub postcode: String,
    /// ISO 3166 code of the country.
    pub country: String,
}

//! An account with its contracts, opening balances and autopay, read from the files.

use super::Town;
use super::point::{characteristics, word};
use super::row::{Fault, Row};
use super::terms::{check_masters, terms};
use crate::payment_methods::holds_card_number;
use billing::Terms;
use notifications::EmailAddress;
use rust_decimal::Decimal;
use serde_json::Value;
use std::collections::BTreeMap;
use time::Date;
use vocab::{
    AccountState, AdjustmentTypeId, Commodity, ContractState, ContractTypeId, CycleId, DeliveryPreference,
    DrawRule, GatewayKind, GlAccountId, Language, LocationId, Money, Problem, RateScheduleId, SegmentMethod,
    SiteId, TenderKind, decimal,
};

/// The adjustment type of an opening balance that names none.
const OPENING_TYPE: &str = "opening_balance";

/// An account to write.
#[derive(Debug)]
pub(super) struct AccountPlan {
    pub reference: String,
    pub customer: String,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub language: Language,
    pub delivery: DeliveryPreference,
    pub class_code: String,
    pub cycle: CycleId,
    pub site: SiteId,
    pub opened_on: Date,
    pub address: Option<AddressPlan>,
    pub contracts: Vec<ContractPlan>,
    pub balances: Vec<BalancePlan>,
    pub autopay: Option<AutopayPlan>,
}

/// A mailing address to write.
#[derive(Debug)]
pub(super) struct AddressPlan {
    pub addressee: String,
    pub line1: String,
    pub line2: Option<String>,
    pub city: String,
    pub region: String,
    pub postcode: String,
    pub country: String,
}

/// A contract to write.
#[derive(Debug)]
pub(super) struct ContractPlan {
    pub line: u64,
    pub type_id: ContractTypeId,
    pub commodity: Commodity,
    pub schedule: Option<RateScheduleId>,
    pub service_point: Option<String>,
    /// None: that of the service point.
    pub location: Option<LocationId>,
    pub starts_on: Date,
    pub ends_on: Option<Date>,
    pub billed_through_on: Option<Date>,
    pub state: ContractState,
    pub items: Value,
    pub characteristics: Value,
    pub recurring: Option<(Money, Value)>,
    /// What it is called within its account.
    pub reference: Option<String>,
    /// The reference of the contract that it rests on.
    pub master: Option<String>,
    pub terms: Option<Terms>,
}

impl ContractPlan {
    /// Whether a day is charged by both.
    pub fn overlaps(&self, starts_on: Date, ends_on: Option<Date>) -> bool {
        self.ends_on.is_none_or(|last_on| starts_on <= last_on)
            && ends_on.is_none_or(|last_on| self.starts_on <= last_on)
    }
}

/// What was owed before, by due date.
#[derive(Debug)]
pub(super) struct BalancePlan {
    pub due_on: Date,
    pub amount: Money,
    pub type_id: AdjustmentTypeId,
    pub type_code: String,
    pub gl: GlAccountId,
    pub receivable: GlAccountId,
}

/// A stored way to pay, and when autopay draws from it.
#[derive(Debug)]
pub(super) struct AutopayPlan {
    pub kind: TenderKind,
    pub gateway: GatewayKind,
    pub customer_token: String,
    pub method_token: String,
    pub label: String,
    pub rule: DrawRule,
    pub days_before: Option<i16>,
    pub maximum: Option<Money>,
}

impl AccountPlan {
    /// The state that follows from its contracts.
    pub fn state(&self) -> AccountState {
        let has = |state| self.contracts.iter().any(|contract| contract.state == state);
        if has(ContractState::Active) || has(ContractState::Pending) {
            AccountState::Active
        } else if self.contracts.is_empty() {
            AccountState::Pending
        } else if has(ContractState::Stopped) || self.balances.iter().any(|balance| !balance.amount.is_zero())
        {
            AccountState::Final
        } else {
            AccountState::Closed
        }
    }
}

/// Reads an account; a faulty one answers everything that is wrong.
pub(super) fn plan(town: &Town, row: &Row) -> Result<Result<AccountPlan, Vec<Fault>>, Problem> {
    let mut faults = Vec::new();
    let reference = row.cell("reference");
    let mut contracts = Vec::new();
    for row in town.contracts.rows_of(reference)? {
        contract(town, &row).map_or_else(|fault| faults.push(fault), |contract| contracts.push(contract));
    }
    if faults.is_empty() {
        faults = check_masters(&contracts);
    }
    let mut balances: Vec<BalancePlan> = Vec::new();
    for row in town.balances.rows_of(reference)? {
        match balance(town, &row) {
            Ok(found)
                if balances
                    .iter()
                    .any(|known| (known.due_on, known.type_id) == (found.due_on, found.type_id)) =>
            {
                faults.push(row.refuse("an amount with this due date stands there already"));
            }
            Ok(found) => balances.push(found),
            Err(fault) => faults.push(fault),
        }
    }
    let mut method = None;
    for row in town.autopay.rows_of(reference)? {
        match autopay(town, &row) {
            Ok(_) if method.is_some() => faults.push(row.refuse("the account has an autopay line already")),
            Ok(found) => method = Some(found),
            Err(fault) => faults.push(fault),
        }
    }
    let account = account(town, row);
    Ok(match account {
        Ok(account) if faults.is_empty() => {
            Ok(AccountPlan { contracts, balances, autopay: method, ..account })
        }
        Ok(_) => Err(faults),
        Err(fault) => {
            faults.insert(0, fault);
            Err(faults)
        }
    })
}

fn account(town: &Town, row: &Row) -> Result<AccountPlan, Fault> {
    row.whole()?;
    let email = row.optional("email")?;
    if email.is_some_and(|email| email.parse::<EmailAddress>().is_err()) {
        return Err(row.refuse("email: not an address like name@example.org"));
    }
    let language = row.parsed("language")?.unwrap_or_else(|| town.language.clone());
    let class_code = row.text("class")?;
    if !town.classes.contains(class_code) {
        return Err(row.refuse(format!("class: there is no customer class `{class_code}`")));
    }
    Ok(AccountPlan {
        reference: row.text("reference")?.to_owned(),
        customer: row.text("customer")?.to_owned(),
        email: email.map(str::to_owned),
        phone: row.optional("phone")?.map(str::to_owned),
        language,
        delivery: row.word("delivery")?,
        class_code: class_code.to_owned(),
        cycle: named(row, "cycle", "bill cycle", &town.cycles)?
            .ok_or_else(|| row.refuse("cycle is empty"))?,
        site: named(row, "site", "site", &town.sites)?.ok_or_else(|| row.refuse("site is empty"))?,
        opened_on: row.day("opened_on")?,
        address: address(row)?,
        contracts: Vec::new(),
        balances: Vec::new(),
        autopay: None,
    })
}

fn address(row: &Row) -> Result<Option<AddressPlan>, Fault> {
    let columns = ["addressee", "line1", "line2", "city", "region", "postcode", "country"];
    if columns.iter().all(|column| row.cell(column).is_empty()) {
        return Ok(None);
    }
    let country = row.text("country")?;
    if country.len() != 2 || !country.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Err(row.refuse("country: two capital letters"));
    }
    let addressee = row.optional("addressee")?.map_or_else(|| row.text("customer"), Ok)?;
    Ok(Some(AddressPlan {
        addressee: addressee.to_owned(),
        line1: row.text("line1")?.to_owned(),
        line2: row.optional("line2")?.map(str::to_owned),
        city: row.text("city")?.to_owned(),
        region: row.optional("region")?.unwrap_or_default().to_owned(),
        postcode: row.text("postcode")?.to_owned(),
        country: country.to_owned(),
    }))
}

/// The id that a code stands for.
fn named<T: Copy>(
    row: &Row,
    column: &str,
    what: &str,
    known: &std::collections::HashMap<String, T>,
) -> Result<Option<T>, Fault> {
    row.optional(column)?
        .map(|code| {
            known
                .get(code)
                .copied()
                .ok_or_else(|| row.refuse(format!("{column}: there is no {what} `{code}`")))
        })
        .transpose()
}

fn contract(town: &Town, row: &Row) -> Result<ContractPlan, Fault> {
    row.whole()?;
    let (type_id, method, commodity) = named(row, "contract_type", "contract type", &town.contract_types)?
        .ok_or_else(|| row.refuse("contract_type is empty"))?;
    let rate = named(row, "rate", "rate", &town.rates)?;
    if let Some((_, other)) = rate.filter(|(_, other)| *other != commodity) {
        return Err(row.refuse(format!("rate: it is for {other}, the contract type for {commodity}")));
    }
    let schedule = rate.map(|(id, _)| id);
    let service_point = row.optional("service_point")?.map(str::to_owned);
    let items = items(row)?;
    let recurring = recurring(town, row)?;
    if recurring.is_some() && (method != SegmentMethod::Recurring || schedule.is_some()) {
        return Err(row.refuse("recurring_amount is only for a recurring contract without a rate"));
    }
    let terms = terms(town, row, method)?;
    let lacks = match method {
        SegmentMethod::Metered if service_point.is_none() => Some("service_point"),
        SegmentMethod::Metered | SegmentMethod::RatedItem if schedule.is_none() => Some("rate"),
        SegmentMethod::SubContract if schedule.is_none() => Some("rate"),
        SegmentMethod::SubContract if row.cell("master").is_empty() => Some("master"),
        SegmentMethod::RatedItem if row.cell("items").is_empty() => Some("items"),
        SegmentMethod::Recurring if schedule.is_none() && recurring.is_none() => Some("recurring_amount"),
        _ => None,
    };
    if let Some(column) = lacks {
        return Err(row.refuse(format!("a {method} contract needs {column}")));
    }
    let location = town.location(row, "location")?;
    if location.is_none() && service_point.is_none() {
        return Err(row.refuse("neither service_point nor location is given"));
    }
    let (starts_on, ends_on) = (row.day("starts_on")?, row.optional_day("ends_on")?);
    let billed_through_on = row.optional_day("billed_through_on")?;
    if ends_on.is_some_and(|ends_on| ends_on < starts_on) {
        return Err(row.refuse("ends_on lies before starts_on"));
    }
    if billed_through_on.is_some_and(|day| {
        day < starts_on.previous_day().unwrap_or(starts_on) || ends_on.is_some_and(|ends_on| day > ends_on)
    }) {
        return Err(row.refuse("billed_through_on lies outside the contract"));
    }
    Ok(ContractPlan {
        line: row.line(),
        type_id,
        commodity,
        schedule,
        service_point,
        location,
        starts_on,
        ends_on,
        billed_through_on,
        state: contract_state(town.today_on, starts_on, ends_on, billed_through_on),
        items,
        characteristics: characteristics(row)?,
        recurring,
        reference: row.optional("reference")?.map(str::to_owned),
        master: row.optional("master")?.map(str::to_owned),
        terms,
    })
}

fn contract_state(
    today: Date,
    starts_on: Date,
    ends_on: Option<Date>,
    billed: Option<Date>,
) -> ContractState {
    match ends_on {
        Some(ends_on) if billed.is_some_and(|day| day >= ends_on) => ContractState::Closed,
        Some(ends_on) if ends_on < today => ContractState::Stopped,
        _ if starts_on > today => ContractState::Pending,
        _ => ContractState::Active,
    }
}

/// Counts by name, as they are stored.
fn items(row: &Row) -> Result<Value, Fault> {
    let mut items = serde_json::Map::new();
    for (name, count) in row.pairs("items")? {
        word(row, "items", name)?;
        let count = decimal::parse(count).filter(|count| *count >= Decimal::ZERO);
        let count = count.ok_or_else(|| row.refuse(format!("items: the count of {name} is not a number")))?;
        items.insert(name.to_owned(), Value::from(count.normalize().to_string()));
    }
    Ok(Value::Object(items))
}

fn recurring(town: &Town, row: &Row) -> Result<Option<(Money, Value)>, Fault> {
    let amount = row.optional_money("recurring_amount", &town.currency)?;
    let label = row.optional("recurring_label")?;
    match (amount, label) {
        (None, None) => Ok(None),
        (Some(amount), Some(label)) => {
            if amount.is_zero() {
                return Err(row.refuse("recurring_amount is nothing"));
            }
            let english = (Language::english(), label.to_owned());
            let texts = BTreeMap::from([english, (town.language.clone(), label.to_owned())]);
            let stored = crate::contracts::label("recurring_label", texts);
            stored.map(|stored| Some((amount, stored))).map_err(|error| row.refuse(error.to_string()))
        }
        (Some(_), None) => Err(row.refuse("recurring_amount needs recurring_label")),
        (None, Some(_)) => Err(row.refuse("recurring_label needs recurring_amount")),
    }
}

fn balance(town: &Town, row: &Row) -> Result<BalancePlan, Fault> {
    row.whole()?;
    let amount =
        row.optional_money("amount", &town.currency)?.ok_or_else(|| row.refuse("amount is empty"))?;
    if amount.is_zero() {
        return Err(row.refuse("amount is nothing"));
    }
    let type_code = row.optional("adjustment_type")?.unwrap_or(OPENING_TYPE);
    let Some(&(type_id, gl)) = town.adjustment_types.get(type_code) else {
        return Err(row.refuse(format!("adjustment_type: there is no adjustment type `{type_code}`")));
    };
    let receivable = town.receivable.ok_or_else(|| row.refuse("the settings name no receivable account"))?;
    Ok(BalancePlan {
        due_on: row.day("due_on")?,
        amount,
        type_id,
        type_code: type_code.to_owned(),
        gl,
        receivable,
    })
}

fn autopay(town: &Town, row: &Row) -> Result<AutopayPlan, Fault> {
    row.whole()?;
    let kind = row.word("kind")?;
    if !matches!(kind, TenderKind::Card | TenderKind::BankDebit) {
        return Err(row.refuse("kind: card or bank_debit"));
    }
    for column in ["customer_token", "method_token", "label"] {
        if holds_card_number(row.cell(column)) {
            return Err(row.refuse(format!("{column} looks like a card number; only tokens are taken")));
        }
    }
    let rule = row.word("rule")?;
    let days_before = row.parsed::<i16>("days_before")?;
    match (rule, days_before) {
        (DrawRule::DaysBefore, Some(1..=30)) => {}
        (DrawRule::DaysBefore, _) => return Err(row.refuse("days_before: 1 to 30")),
        (_, Some(_)) => return Err(row.refuse("days_before belongs to the rule days_before only")),
        _ => {}
    }
    let maximum = row.optional_money("maximum", &town.currency)?;
    if maximum.is_some_and(|maximum| !maximum.is_positive()) {
        return Err(row.refuse("maximum is not more than nothing"));
    }
    Ok(AutopayPlan {
        kind,
        gateway: row.word("gateway")?,
        customer_token: row.optional("customer_token")?.unwrap_or_default().to_owned(),
        method_token: row.text("method_token")?.to_owned(),
        label: row.text("label")?.to_owned(),
        rule,
        days_before,
        maximum,
    })
}

//! The digest of an account's inputs: a draft is stale when it changes.
//!
//! SHA-256 over a canonical byte form of what decides the charges: window, class, contracts with
//! their types and rates (version ids and rules, the factors they use), items and
//! characteristics, the contract it rests on, agreed terms and how far they have come, earlier segments where the rate looks back at them, exemptions, holds in force,
//! valid reads in range, charges; where a read is to be estimated the rules, profiles and older reads
//! that decide it; reads that wait for a person; and the adjustments that the bill will show. Every text
//! is preceded by its length and every row by a mark, so that no two inputs share a byte form; rows are put
//! in order of id first. Not in it: payments, balances, recipients, and
//! what only the review looks at ([`crate::review_digest`]).

use crate::account::{AccountInputs, BillableCharge, Contract, Hold, RegisterReads};
use crate::context::{ContractType, RateSchedule, RunContext};
use crate::memory::Remembered;
use crate::metered;
use crate::remarks;
use crate::terms::Terms;
use metering::{Read, Register, RolloverLimit};
use rating::tariff::Price;
use rating::{FactorValue, LabelText};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
use time::Date;
use vocab::{Decimal, FtId, Money, RegisterKind};

/// SHA-256 of an account's inputs; 64 hexadecimal digits in JSON.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// Of bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Digest({self})")
    }
}

impl std::str::FromStr for Digest {
    type Err = NotADigest;
    fn from_str(text: &str) -> Result<Self, NotADigest> {
        let mut bytes = [0; 32];
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(NotADigest);
        }
        for (at, byte) in bytes.iter_mut().enumerate() {
            let pair = text.get(2 * at..2 * at + 2).ok_or(NotADigest)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| NotADigest)?;
        }
        Ok(Self(bytes))
    }
}

/// A text that is not 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a digest of 64 hexadecimal digits")]
pub struct NotADigest;

impl Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Number of the byte form; another form takes another number.
const FORM: u8 = 1;

/// The digest of everything that decides an account's charges.
pub fn digest(context: &RunContext, inputs: &AccountInputs) -> Digest {
    let mut form = Form::new();
    form.byte(FORM);
    let window = context.window();
    form.number(window.id.map_or(0, |id| id.0));
    for day in [window.starts_on, window.ends_on, window.accounting_on, window.bill_on] {
        form.day(day);
    }
    form.number(inputs.account.0);
    form.text(&inputs.class_code);
    form.number(inputs.last_bill.map_or(0, |bill| bill.id.n));
    form.hold(inputs.hold.as_ref(), context.as_of_on());
    exemptions(&mut form, inputs);
    let mut contracts: Vec<&Contract> = inputs.contracts.iter().filter(|of| of.in_scope()).collect();
    contracts.sort_unstable_by_key(|of| of.id);
    for contract in contracts {
        of_contract(&mut form, context, inputs, contract);
    }
    charges(&mut form, context, &inputs.charges);
    adjustments(&mut form, &inputs.adjustments);
    form.digest()
}

fn exemptions(form: &mut Form, inputs: &AccountInputs) {
    let mut all: Vec<_> = inputs.exemptions.iter().collect();
    all.sort_unstable_by_key(|of| (&of.tax, &of.certificate, of.first_on, of.last_on));
    for exemption in all {
        form.byte(b'X');
        form.text(exemption.tax.as_str());
        form.text(exemption.certificate.as_str());
        form.day(exemption.first_on);
        form.day_or_none(exemption.last_on);
    }
}

fn of_contract(form: &mut Form, context: &RunContext, inputs: &AccountInputs, contract: &Contract) {
    form.byte(b'C');
    form.number(contract.id.n);
    form.day(contract.starts_on);
    form.day_or_none(contract.ends_on);
    form.day_or_none(contract.billed_through_on);
    form.text(contract.state.as_str());
    form.hold(contract.hold.as_ref(), context.as_of_on());
    match context.contract_type(contract.type_id) {
        Some(of) => of_type(form, of),
        None => form.byte(0),
    }
    match contract.schedule_id {
        Some(id) => {
            form.number(id.0);
            form.0.extend_from_slice(context.schedule_digest(id).unwrap_or(&[0; 32]));
        }
        None => form.number(0),
    }
    let mut items: Vec<_> = contract.items.iter().collect();
    items.sort_unstable_by_key(|of| &of.item);
    for item in items {
        form.byte(b'I');
        form.text(item.item.as_str());
        form.decimal(item.count);
    }
    let mut characteristics: Vec<_> = contract.characteristics.iter().collect();
    characteristics.sort_unstable_by_key(|of| (&of.name, &of.value));
    for characteristic in characteristics {
        form.byte(b'K');
        form.text(characteristic.name.as_str());
        form.text(&characteristic.value);
    }
    for one in &contract.past {
        remembered(form, one);
    }
    if let Some(recurring) = &contract.recurring {
        form.byte(b'A');
        form.money(recurring.amount);
        form.label(recurring.label.text());
    }
    if let Some(master) = contract.master {
        form.byte(b'S');
        form.number(master.n);
    }
    if contract.terms.is_some() || !contract.progress.is_zero() {
        form.byte(b'Z');
        form.money(contract.progress);
        terms(form, contract.terms.as_ref());
    }
    if let Some(service_point) = contract.service_point {
        form.byte(b'P');
        form.number(service_point.0);
        registers(form, context, contract, inputs.meters_of(service_point));
        estimation(form, context, inputs, contract, inputs.meters_of(service_point));
        held(form, context, inputs, contract);
    }
}

/// Reads that wait for a person: the review would have been shown them.
fn held(form: &mut Form, context: &RunContext, inputs: &AccountInputs, contract: &Contract) {
    let is_on_hold = |hold: &Option<Hold>| hold.as_ref().is_some_and(|of| of.holds_on(context.as_of_on()));
    if is_on_hold(&inputs.hold) || is_on_hold(&contract.hold) {
        return;
    }
    for of in remarks::held(context, inputs, contract, context.contract_type(contract.type_id)) {
        form.byte(b'W');
        form.number(of.register.n);
        form.day(of.read_on);
        form.decimal(of.value);
        form.byte(u8::from(of.is_day));
    }
}

fn remembered(form: &mut Form, one: &Remembered) {
    form.byte(b'H');
    form.day(one.past.period.first_on());
    form.day(one.past.period.last_on());
    for quantity in &one.past.quantities {
        form.byte(b'Q');
        form.text(&quantity.key.to_string());
        form.decimal(quantity.value);
    }
    for (rule, amount) in &one.past.charged {
        form.byte(b'M');
        form.text(rule.as_str());
        form.money(*amount);
    }
    for bank in &one.banks {
        form.byte(b'N');
        form.text(bank.bank.as_str());
        form.text(bank.bucket.as_ref().map_or("", |bucket| bucket.as_str()));
        form.decimal(bank.balance);
    }
}

fn terms(form: &mut Form, terms: Option<&Terms>) {
    let Some(terms) = terms else { return form.byte(0) };
    let (kind, numbers, percent) = terms.numbers();
    form.byte(kind);
    for number in numbers {
        form.number(number);
    }
    form.decimal(percent);
}

fn of_type(form: &mut Form, of: &ContractType) {
    form.byte(b'T');
    form.number(of.id.0);
    form.text(of.method.as_str());
    form.text(of.end_date.as_str());
    form.number(i64::from(of.sequence));
    form.number(of.minimum_days);
    form.number(of.maximum.map_or(-1, Money::minor));
    form.number(of.receivable_gl.0);
    form.number(of.revenue_gl.0);
}

fn registers(form: &mut Form, context: &RunContext, contract: &Contract, all: &[RegisterReads]) {
    let from = contract.first_charge_on().and_then(Date::previous_day).unwrap_or(contract.starts_on);
    let to = context.last_read_on();
    // Which other registers were loaded depends on the company that the account is in.
    rows(form, all.iter(), from, to, Rows::Whole);
}

/// What an estimate depends on besides, where one is to be made.
fn estimation(
    form: &mut Form,
    context: &RunContext,
    inputs: &AccountInputs,
    contract: &Contract,
    all: &[RegisterReads],
) {
    let Some(of) = context.contract_type(contract.type_id) else { return };
    let rollover = context.read_rules(&inputs.class_code, of.commodity).rollover;
    if rollover != RolloverLimit::default() {
        form.byte(b'O');
        form.number(i64::from(rollover.of_capacity_percent));
    }
    let Some(charged) = metered::ends_on_estimates(context, inputs, (contract, of), all) else { return };
    let mut rows_of: Vec<(i64, u32)> = metered::estimated_ends(all, &charged)
        .map(|one| (one.register.id.n, metered::nth(context, one, &charged)))
        .collect();
    rows_of.sort_unstable();
    for (register, nth) in rows_of {
        form.byte(b'L');
        form.number(register);
        form.number(i64::from(nth));
        form.number(i64::from(context.estimation().most_in_a_row));
    }
    let unread: Vec<&RegisterReads> = metered::unread(all, &charged).collect();
    if unread.is_empty() {
        return;
    }
    form.byte(b'E');
    form.day(charged.period.last_on());
    let rules = context.estimation();
    for by in &rules.order {
        form.text(by.as_str());
    }
    form.number(i64::from(rules.most_in_a_row));
    form.number(i64::from(rules.recent_days));
    form.number(i64::from(rules.last_year_tolerance_days));
    let mut decimals: Vec<_> = unread.iter().map(|of| (of.register.id, of.register.decimals)).collect();
    decimals.sort_unstable();
    for (register, decimals) in decimals {
        form.number(register.n);
        form.byte(decimals);
    }
    let mut profiles: Vec<_> = unread
        .iter()
        .filter_map(|one| context.profile(&inputs.class_code, of.commodity, &one.register))
        .map(|profile| (profile.unit, &profile.tou_bucket, profile))
        .collect();
    profiles.sort_unstable_by_key(|(unit, bucket, _)| (*unit, *bucket));
    for (unit, bucket, profile) in profiles {
        form.byte(b'G');
        form.text(unit.as_str());
        form.text(bucket.as_deref().unwrap_or(""));
        for value in profile.per_day {
            form.decimal(value);
        }
    }
    // The meters that were exchanged leave their history to those that stand there now.
    let decides = |of: &&RegisterReads| {
        unread.iter().any(|one| {
            one.register.unit == of.register.unit
                && one.register.tou_bucket == of.register.tou_bucket
                && one.register.quantity_name == of.register.quantity_name
                && of.register.kind != RegisterKind::Interval
        })
    };
    let from = rules.reads_from(charged.period);
    rows(form, all.iter().filter(decides), from, context.last_read_on(), Rows::Dials);
}

/// What of a register counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rows {
    /// Reads and interval data.
    Whole,
    /// Reads alone: how far back interval data were loaded decides no estimate.
    Dials,
}

/// A register as both digests have it.
pub(crate) fn register(form: &mut Form, register: &Register) {
    form.byte(b'R');
    form.number(register.id.n);
    form.text(&register.serial);
    form.text(register.kind.as_str());
    form.text(register.unit.as_str());
    form.text(register.tou_bucket.as_deref().unwrap_or(""));
    if let Some(name) = &register.quantity_name {
        form.byte(b'G');
        form.text(name);
    }
    form.decimal(register.multiplier);
    form.byte(register.dials);
    form.day(register.installed_on);
    form.day_or_none(register.removed_on);
}

/// A read as both digests have it.
pub(crate) fn read(form: &mut Form, read: &Read) {
    form.byte(b'V');
    form.day(read.read_on);
    form.decimal(read.value);
    form.text(read.quality.as_str());
}

/// Registers that were there in these days, with the valid reads of the days.
fn rows<'a>(
    form: &mut Form,
    all: impl Iterator<Item = &'a RegisterReads>,
    from: Date,
    to: Date,
    which: Rows,
) {
    let was_there = |of: &&RegisterReads| of.register.stay().meets(from, to);
    let mut all: Vec<&RegisterReads> = all.filter(was_there).collect();
    all.sort_unstable_by_key(|of| (of.register.id, of.register.installed_on));
    let mut reads: Vec<&Read> = Vec::new();
    for of in all {
        register(form, &of.register);
        let in_range = |read: &&Read| read.is_valid() && from <= read.read_on && read.read_on <= to;
        reads.clear();
        reads.extend(of.reads.iter().filter(in_range));
        reads.sort_unstable_by_key(|read| (read.read_on, read.value));
        for of in &reads {
            read(form, of);
        }
        let days = if which == Rows::Whole { of.days.as_slice() } else { &[] };
        for day in days.iter().filter(|day| from < day.on && day.on <= to) {
            form.byte(b'D');
            form.day(day.on);
            form.number(i64::from(day.data.minutes()));
            form.number(i64::from(day.data.scale()));
            for slot in 0..day.data.slots() {
                form.byte(u8::from(day.data.has(slot)));
                form.number(day.data.raw()[slot]);
            }
        }
    }
}

/// Charges that are not due by the window's end decide nothing yet.
fn charges(form: &mut Form, context: &RunContext, all: &[BillableCharge]) {
    let mut due: Vec<_> = all.iter().filter(|charge| charge.due_on <= context.window().ends_on).collect();
    due.sort_unstable_by_key(|charge| charge.id);
    for charge in due {
        form.byte(b'B');
        form.number(charge.id.n);
        form.number(charge.contract.n);
        form.day(charge.due_on);
        form.money(charge.amount);
        form.label(charge.label.text());
        form.number(charge.gl.map_or(0, |gl| gl.0));
    }
}

fn adjustments(form: &mut Form, all: &[(FtId, Money)]) {
    let mut all = all.to_vec();
    all.sort_unstable();
    for (ft, amount) in all {
        form.byte(b'J');
        form.number(ft.n);
        form.money(amount);
    }
}

/// What a schedule comes to up to a day: versions in force by then, and the values of the
/// factors that they use.
pub(crate) fn of_schedule(schedule: &RateSchedule, factors: &[FactorValue], up_to: Date) -> [u8; 32] {
    let mut form = Form::new();
    form.text(schedule.frequency.as_str());
    let mut used: BTreeSet<&str> = BTreeSet::new();
    for version in schedule.versions.iter().filter(|version| version.rules.effective_on() <= up_to) {
        form.number(version.id.0);
        form.day(version.rules.effective_on());
        for rule in version.rules.rules() {
            form.text(rule.id.as_str());
        }
        used.extend(version.rules.prices().into_iter().filter_map(|price| match price {
            Price::Factor(factor) => Some(factor.factor.as_str()),
            Price::Fixed(_) | Price::Lookup(_) => None,
        }));
    }
    let in_use = |value: &&FactorValue| value.effective_on <= up_to && used.contains(value.factor.as_str());
    let mut values: Vec<_> = factors.iter().filter(in_use).collect();
    values.sort_by_key(|value| (&value.factor, &value.characteristic, value.effective_on));
    for value in values {
        form.byte(b'F');
        form.text(value.factor.as_str());
        form.byte(u8::from(value.characteristic.is_some()));
        form.text(value.characteristic.as_deref().unwrap_or(""));
        form.day(value.effective_on);
        form.decimal(value.value);
    }
    form.digest().0
}

/// The canonical byte form under construction.
pub(crate) struct Form(Vec<u8>);

impl Form {
    pub(crate) fn new() -> Self {
        Self(Vec::with_capacity(1024))
    }

    pub(crate) fn digest(&self) -> Digest {
        Digest::of(&self.0)
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    pub(crate) fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    pub(crate) fn number(&mut self, number: i64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    pub(crate) fn money(&mut self, amount: Money) {
        self.number(amount.minor());
    }

    /// `1.50` and `1.5` are one number.
    pub(crate) fn decimal(&mut self, value: Decimal) {
        self.0.extend_from_slice(&value.normalize().serialize());
    }

    pub(crate) fn day(&mut self, day: Date) {
        self.0.extend_from_slice(&day.to_julian_day().to_le_bytes());
    }

    pub(crate) fn day_or_none(&mut self, day: Option<Date>) {
        self.byte(u8::from(day.is_some()));
        if let Some(day) = day {
            self.day(day);
        }
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.number(text.len() as i64);
        self.0.extend_from_slice(text.as_bytes());
    }

    pub(crate) fn label(&mut self, label: &LabelText) {
        match label {
            LabelText::Key(key) => {
                self.byte(1);
                self.text(key);
            }
            LabelText::Texts(texts) => {
                self.byte(2);
                self.number(texts.len() as i64);
                for (language, text) in texts {
                    self.text(language.as_str());
                    self.text(text);
                }
            }
        }
    }

    /// Only whether it holds: the reason decides nothing, and a hold that is over is none.
    pub(crate) fn hold(&mut self, hold: Option<&Hold>, on: Date) {
        self.byte(u8::from(hold.is_some_and(|hold| hold.holds_on(on))));
    }
}

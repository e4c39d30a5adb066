//! From posted rows, or from a draft, to the invoice that shows them.
//!
//! Many bills at once: a chunk costs a fixed number of queries, whatever its size. What an
//! invoice says is taken from the bill's own record (its segments' documents, its routings), so
//! that a later change of an account or rate does not change the document of an old bill.

pub(crate) mod labels;
mod services;

use crate::keys::Keys;
use crate::{Error, Result, Utility, bill_messages};
use billing::{Calculation, Draft, PostalAddress, Routing};
use invoicing::{Entry, Invoice, Summary};
use services::Part;
use std::collections::BTreeMap;
use store::Tx;
use store::accounts::Account;
use store::bills::{self, Bill, BilledContract, Overdue, PastUsage, PlannedDraw, Segment, Swept};
use time::{Date, Duration};
use vocab::{
    AccountId, AccountNumber, AccountState, Channel, FtKind, Language, Money, Period, Problem, SegmentOutcome,
};

/// History that is looked at: thirteen months and a long bill.
const HISTORY_DAYS: i64 = 430;

/// The copies of one bill.
#[derive(Debug, Clone)]
pub struct BillDocuments {
    /// The bill.
    pub bill: Bill,
    /// Its account.
    pub account: Account,
    /// One per routing.
    pub copies: Vec<BillCopy>,
}

/// One copy of a bill.
#[derive(Debug, Clone)]
pub struct BillCopy {
    /// To whom, where and in which language.
    pub routing: Routing,
    /// What it shows.
    pub invoice: Invoice,
}

/// The invoices of these completed bills.
pub fn of_bills(
    tx: &mut Tx<'_>,
    utility: &Utility,
    keys: &Keys,
    rows: Vec<Bill>,
) -> Result<Vec<BillDocuments>> {
    let material = Material::load(tx, &rows)?;
    rows.into_iter().map(|bill| material.documents(utility, keys, bill)).collect()
}

/// The dates of a bill that is not yet one.
#[derive(Debug, Clone, Copy)]
pub struct DraftDates {
    /// The day it would be dated.
    pub bill_on: Date,
    /// The day it would be due.
    pub due_on: Date,
}

/// The invoice that a draft would become, watermarked, for one reader.
pub fn of_draft(
    tx: &mut Tx<'_>,
    utility: &Utility,
    id: AccountId,
    draft: &Draft,
    dates: DraftDates,
    reader: &Routing,
) -> Result<Invoice> {
    let account = store::accounts::load(tx, &[id])?.pop().ok_or_else(Problem::not_found)?;
    let contracts = bills::billed_contracts(tx, &[id])?;
    let last_on = draft.period.map_or(dates.bill_on, |period| period.last_on());
    let usage = bills::past_usage(tx, &[id], history_from(last_on))?;
    let swept = bills::would_sweep(tx, id, dates.bill_on)?;
    let mut parts = Vec::new();
    for segment in draft.segments.iter().filter(|segment| segment.outcome == SegmentOutcome::Billed) {
        let (Some(period), Some(calc)) = (segment.period, segment.calc.as_deref().cloned()) else { continue };
        let (total, estimated) = (segment.total, segment.estimated);
        parts.push(Part { contract: segment.contract.n, period, total, estimated, calc });
    }
    let swept_total = Money::sum(swept.iter().map(|ft| ft.current_minor))?;
    let forward = account.last_bill_ending_minor.plus(swept_total)?;
    let summary = Summary {
        previous_balance: account.last_bill_ending_minor,
        balance_forward: forward,
        current_charges: draft.total,
        total_due: forward.plus(draft.total)?,
        ..movements(&swept)
    };
    let head = Head { number: "—".to_owned(), bill_on: dates.bill_on, due_on: dates.due_on, draft: true };
    let mut invoice = frame(utility, &account, head, summary);
    let contracts: Vec<&BilledContract> = contracts.iter().collect();
    let usage: Vec<&PastUsage> = usage.iter().collect();
    invoice.services = services::services(parts, &contracts, &usage)?;
    address_to(&mut invoice, reader);
    Ok(invoice)
}

fn history_from(last_on: Date) -> Date {
    last_on.checked_sub(Duration::days(HISTORY_DAYS)).unwrap_or(Date::MIN)
}

/// Everything that a chunk of bills needs, by account.
struct Material {
    accounts: BTreeMap<AccountId, Account>,
    segments: BTreeMap<(AccountId, i64), Vec<Segment>>,
    swept: BTreeMap<(AccountId, i64), Vec<Swept>>,
    contracts: BTreeMap<AccountId, Vec<BilledContract>>,
    usage: BTreeMap<AccountId, Vec<PastUsage>>,
    draws: BTreeMap<(AccountId, i64), PlannedDraw>,
    overdue: BTreeMap<(AccountId, Date), Overdue>,
}

fn grouped<K: Ord, T>(rows: Vec<T>, key: impl Fn(&T) -> K) -> BTreeMap<K, Vec<T>> {
    let mut groups: BTreeMap<K, Vec<T>> = BTreeMap::new();
    for row in rows {
        groups.entry(key(&row)).or_default().push(row);
    }
    groups
}

impl Material {
    fn load(tx: &mut Tx<'_>, rows: &[Bill]) -> Result<Self> {
        let ids: Vec<(AccountId, i64)> = rows.iter().map(|bill| (bill.account_id, bill.id)).collect();
        let accounts: Vec<AccountId> = ids.iter().map(|(account, _)| *account).collect();
        let earliest = rows.iter().map(|bill| bill.period_last_on).min().unwrap_or(Date::MIN);
        let usage = bills::past_usage(tx, &accounts, history_from(earliest))?;
        let mut overdue = BTreeMap::new();
        // A chunk's bills share their date: one query, seldom more.
        for (bill_on, of_day) in grouped(rows.iter().collect(), |bill| bill.bill_on) {
            let accounts: Vec<AccountId> = of_day.iter().map(|bill| bill.account_id).collect();
            let found = bills::overdue(tx, &accounts, bill_on)?;
            overdue.extend(found.into_iter().map(|row| ((row.account_id, bill_on), row)));
        }
        Ok(Self {
            accounts: store::accounts::load(tx, &accounts)?
                .into_iter()
                .map(|account| (account.account_id, account))
                .collect(),
            segments: grouped(bills::segments(tx, &ids)?, |row| (row.account_id, row.bill_id)),
            swept: grouped(bills::swept(tx, &ids)?, |row| (row.account_id, row.bill_id)),
            contracts: grouped(bills::billed_contracts(tx, &accounts)?, |row| row.account_id),
            usage: grouped(usage, |row| row.account_id),
            draws: bills::planned_draws(tx, &ids)?
                .into_iter()
                .map(|draw| ((draw.account_id, draw.bill_id), draw))
                .collect(),
            overdue,
        })
    }

    fn documents(&self, utility: &Utility, keys: &Keys, bill: Bill) -> Result<BillDocuments> {
        let key = (bill.account_id, bill.id);
        let account = self.accounts.get(&bill.account_id).ok_or_else(Problem::not_found)?.clone();
        let routings: Vec<Routing> = serde_json::from_str(&bill.routings.0)?;
        let swept = self.swept.get(&key).map(Vec::as_slice).unwrap_or_default();
        let summary = Summary {
            previous_balance: bill.previous_minor,
            balance_forward: bill.previous_minor.plus(bill.swept_minor)?,
            current_charges: bill.new_minor,
            total_due: bill.ending_minor,
            ..movements(swept)
        };
        let head = Head {
            number: bill.number.to_string(),
            bill_on: bill.bill_on,
            due_on: bill.due_on,
            draft: false,
        };
        let mut invoice = frame(utility, &account, head, summary);
        invoice.services = self.services(&bill)?;
        invoice.messages = bill_messages::of_bill(&bill)?.into_iter().map(|said| local(said.texts)).collect();
        invoice.autopay =
            self.draws.get(&key).filter(|_| bill.ending_minor.is_positive()).map(|draw| invoicing::Autopay {
                draw_on: draw.draw_on,
                amount: bill.ending_minor,
                method: draw.method_label.clone(),
            });
        invoice.past_due = self.past_due(&bill, invoice.summary.balance_forward);
        invoice.pay_link = pay_link(utility, keys, account.number, bill.number)?;
        let copies = routings
            .into_iter()
            .map(|routing| {
                let mut invoice = invoice.clone();
                address_to(&mut invoice, &routing);
                BillCopy { routing, invoice }
            })
            .collect();
        Ok(BillDocuments { bill, account, copies })
    }

    fn services(&self, bill: &Bill) -> Result<Vec<invoicing::ServiceCharges>> {
        let mut parts = Vec::new();
        for segment in self.segments.get(&(bill.account_id, bill.id)).into_iter().flatten() {
            parts.push(Part {
                contract: segment.contract_id,
                period: Period::new(segment.first_on, segment.last_on)
                    .ok_or_else(|| Error::Fault("a segment that ends before it begins".to_owned()))?,
                total: segment.total_minor,
                estimated: segment.estimated,
                calc: calculation(segment)?,
            });
        }
        let contracts: Vec<&BilledContract> =
            self.contracts.get(&bill.account_id).into_iter().flatten().collect();
        // Of later bills an earlier one knows nothing, even when it is rendered again.
        let known = |usage: &&PastUsage| usage.last_on <= bill.period_last_on;
        let usage: Vec<&PastUsage> =
            self.usage.get(&bill.account_id).into_iter().flatten().filter(known).collect();
        services::services(parts, &contracts, &usage)
    }

    /// Unpaid debits from before, at most what the bill carries forward: a credit that is not yet
    /// joined to a debit counts as paid.
    fn past_due(&self, bill: &Bill, forward: Money) -> Option<invoicing::PastDue> {
        let overdue = self.overdue.get(&(bill.account_id, bill.bill_on))?;
        let amount = overdue.unpaid_minor.min(forward);
        let block = || invoicing::PastDue { amount, since_on: overdue.since_on, shutoff_on: None };
        amount.is_positive().then(block)
    }
}

/// The stored arithmetic of a segment.
pub fn calculation(segment: &Segment) -> Result<Calculation> {
    Calculation::parse(&segment.document.0)
        .map_err(|error| Error::Fault(format!("segment {}: {error}", segment.id)))
}

fn local(texts: BTreeMap<Language, String>) -> invoicing::LocalText {
    invoicing::LocalText::new(texts)
}

struct Head {
    number: String,
    bill_on: Date,
    due_on: Date,
    draft: bool,
}

fn frame(utility: &Utility, account: &Account, head: Head, summary: Summary) -> Invoice {
    Invoice {
        utility: sender(utility),
        currency: utility.currency,
        account_number: account.number,
        bill_number: head.number,
        customer_name: String::new(),
        mailing_address: Vec::new(),
        billed_on: head.bill_on,
        due_on: head.due_on,
        summary,
        services: Vec::new(),
        messages: Vec::new(),
        autopay: None,
        past_due: None,
        instalment_plan: None,
        pay_link: None,
        draft: head.draft,
        final_bill: matches!(account.state, AccountState::Final | AccountState::Closed),
    }
}

fn sender(utility: &Utility) -> invoicing::Utility {
    let settings = &utility.settings;
    let given = |text: &str| (!text.trim().is_empty()).then(|| text.to_owned());
    invoicing::Utility {
        name: settings.utility_name.clone(),
        address: Vec::new(),
        phone: given(&settings.contact_phone),
        email: given(&settings.contact_email),
        web: given(settings.website.trim_start_matches("https://").trim_start_matches("http://")),
        hours: invoicing::LocalText::default(),
        pay_address: settings.pay_address.clone(),
        logo_svg: None,
    }
}

/// Payments, adjustments and corrections apart, in order.
fn movements(swept: &[Swept]) -> Summary {
    let mut summary = Summary::default();
    for ft in swept {
        let entry = Entry {
            label: labels::movement(ft),
            effective_on: Some(ft.effective_on),
            amount: ft.current_minor,
        };
        match ft.kind {
            FtKind::Payment | FtKind::PaymentCancel => summary.payments.push(entry),
            FtKind::Adjustment | FtKind::AdjustmentCancel => summary.adjustments.push(entry),
            FtKind::Segment | FtKind::SegmentCancel => summary.corrections.push(entry),
        }
    }
    summary
}

fn address_to(invoice: &mut Invoice, reader: &Routing) {
    invoice.customer_name.clone_from(&reader.name);
    invoice.mailing_address = match (&reader.channel, &reader.postal) {
        (Channel::Postal, Some(postal)) => letter_lines(postal, &reader.name),
        _ => reader.email.iter().cloned().collect(),
    };
}

/// The lines of a letter below the name; the addressee only when it is someone else.
fn letter_lines(postal: &PostalAddress, name: &str) -> Vec<String> {
    let mut lines = Vec::with_capacity(5);
    if postal.addressee != name {
        lines.push(postal.addressee.clone());
    }
    lines.push(postal.line1.clone());
    lines.extend(postal.line2.iter().filter(|line| !line.trim().is_empty()).cloned());
    let place = [postal.city.as_str(), postal.region.as_str(), postal.postcode.as_str()];
    let place: Vec<&str> = place.into_iter().filter(|part| !part.trim().is_empty()).collect();
    lines.push(place.join(" "));
    lines
}

/// Name and address of a letter, a line each: what its envelope shows.
pub(crate) fn envelope(routing: &Routing, postal: &PostalAddress) -> Vec<String> {
    let mut lines = vec![routing.name.clone()];
    lines.extend(letter_lines(postal, &routing.name));
    lines.push(postal.country.clone());
    lines
}

/// The link behind the QR code, signed by the utility's key: account, bill, signature.
pub(crate) fn pay_link(
    utility: &Utility,
    keys: &Keys,
    account: AccountNumber,
    bill: i64,
) -> Result<Option<String>> {
    let base = utility.settings.pay_link_base.trim();
    if base.is_empty() {
        return Ok(None);
    }
    let signature = keys.sign(&format!("pay:{account}:{bill}"))?;
    let begins = if base.contains('?') { '&' } else { '?' };
    Ok(Some(format!("{base}{begins}account={account}&bill={bill}&signature={signature}")))
}

/// The language printed beside the reader's own.
pub(crate) fn second_language(utility: &Utility) -> Option<Language> {
    utility.settings.second_language.as_ref().and_then(|tag| tag.parse().ok())
}

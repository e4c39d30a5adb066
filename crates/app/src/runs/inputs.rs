//! Loads the inputs of many accounts at once: a dozen set-based queries per chunk, whatever the
//! number of accounts.

use super::{estimates, memory, past, profiles, remarks};
use crate::exemptions::as_rated;
use crate::{Error, Result};
use billing::{
    AccountInputs, Before, BillableCharge, Contract, Hold, LastBill, PointMeters, PostalAddress, ReadRemark,
    Recipient, Recurring, RegisterReads, RunContext, Terms,
};
use metering::Read;
use rating::{Characteristic, ItemCount, Label, Word};
use std::collections::{BTreeMap, HashMap};
use store::accounts::{Account, Address, Person};
use store::billing_inputs::{ChargeRow, ContractRow};
use store::{JsonText, Tx};
use time::Date;
use vocab::dates::plus_days;
use vocab::{
    AccountId, BillId, ChargeId, ContractId, Decimal, PersonId, PersonRole, ReadQuality, RegisterKind,
    ServicePointId,
};

/// Days of reads that are loaded before the window: the flags compare with up to this much of
/// the own history.
const HISTORY_DAYS: i64 = 100;
/// How far back a late contract reaches at most.
pub(super) const LATEST_DAYS: i64 = 800;

/// Names and counts or values, in the stored form.
type Named = BTreeMap<Word, String>;

/// Which reads are loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reads {
    /// Those that are billed, and some months before them to compare with.
    WithHistory,
    /// Those that are billed: all that decides the charges.
    Billed,
}

/// What of an account's agreements is billed, by account.
pub(crate) struct Agreed {
    pub(crate) contracts: Vec<ContractRow>,
    pub(crate) charges: Vec<ChargeRow>,
}

/// The inputs of accounts, in the order of the rows given; copies go to the addresses in force on
/// `routed_on`.
pub(crate) fn load(
    tx: &mut Tx<'_>,
    context: &RunContext,
    accounts: &[Account],
    reads: Reads,
    routed_on: Date,
) -> Result<Vec<AccountInputs>> {
    let ids: Vec<AccountId> = accounts.iter().map(|account| account.account_id).collect();
    let closed_since = match reads {
        Reads::WithHistory => Some(past::closed_since(context)?),
        Reads::Billed => None,
    };
    let mut contracts = store::billing_inputs::contracts(tx, &ids, closed_since)?;
    let ended = closed_since.map(|_| past::take_ended(context, &mut contracts));
    let charges = store::billing_inputs::charges(tx, &ids)?;
    let mut loaded = load_agreed(tx, context, accounts, Agreed { contracts, charges }, reads, routed_on)?;
    if let Some(ended) = ended {
        past::add(tx, context, ended, &mut loaded)?;
    }
    Ok(loaded)
}

/// The same for contracts and charges that are given.
pub(crate) fn load_agreed(
    tx: &mut Tx<'_>,
    context: &RunContext,
    accounts: &[Account],
    agreed: Agreed,
    reads: Reads,
    routed_on: Date,
) -> Result<Vec<AccountInputs>> {
    let Agreed { contracts, charges } = agreed;
    let ids: Vec<AccountId> = accounts.iter().map(|account| account.account_id).collect();
    let adjustments = store::ledger::loose_adjustments(tx, &ids, context.window().bill_on)?;
    let mut points: Vec<ServicePointId> = contracts.iter().filter_map(|row| row.service_point_id).collect();
    points.sort_unstable();
    points.dedup();
    let characteristics = store::billing_inputs::characteristics(tx, &points)?;
    let since = Since::of(context, reads)?;
    let (meters, mut remarks) = load_meters(tx, context, &contracts, &since)?;
    remarks.extend(remarks::load(tx, context, &meters, reads)?);
    let mut recipients = recipients(tx, routed_on, accounts, &ids)?;
    let mut remembered = memory::load(tx, context, &contracts)?;
    let exemptions = store::exemptions::of_accounts(tx, &ids)?;

    let mut exemptions = Grouped::new(exemptions, |row| row.account_id);
    let mut contracts = Grouped::new(contracts, |row| row.account_id);
    let mut charges = Grouped::new(charges, |row| row.account_id);
    let mut adjustments = Grouped::new(adjustments, |(ft, _)| ft.owner);
    let meters: HashMap<ServicePointId, PointMeters> =
        meters.into_iter().map(|point| (point.service_point, point)).collect();
    let mut loaded: Vec<AccountInputs> = accounts
        .iter()
        .map(|account| {
            let id = account.account_id;
            let rows = contracts.take(id);
            let meters = own_meters(&rows, &meters, &since);
            let remarks = own_remarks(&meters, &remarks);
            Ok(AccountInputs {
                account: id,
                class_code: account.class_code.clone(),
                site: account.site_id,
                language: account.language.clone(),
                delivery: account.delivery,
                hold: hold(account.held_until_on, account.hold_reason.as_deref()),
                last_bill: account.last_bill_id.map(|bill| LastBill {
                    id: BillId::new(id, bill),
                    ending: account.last_bill_ending_minor,
                }),
                contracts: rows
                    .into_iter()
                    .map(|row| {
                        let mut contract = contract(row, &characteristics)?;
                        contract.past = remembered.remove(&contract.id).unwrap_or_default();
                        Ok(contract)
                    })
                    .collect::<Result<_>>()?,
                charges: charges.take(id).into_iter().map(charge).collect::<Result<_>>()?,
                adjustments: adjustments.take(id),
                meters,
                remarks,
                before: Before::default(),
                ended: Vec::new(),
                exemptions: exemptions.take(id).into_iter().map(as_rated).collect::<Result<_>>()?,
                recipients: recipients.remove(&id).unwrap_or_default(),
                standing: Vec::new(),
            })
        })
        .collect::<Result<_>>()?;
    estimates::add_reads(tx, context, &mut loaded)?;
    Ok(loaded)
}

/// From which day on a contract sees reads.
struct Since {
    recent_on: Date,
    oldest_on: Date,
}

impl Since {
    fn of(context: &RunContext, reads: Reads) -> Result<Self> {
        let ends_on = context.window().ends_on;
        let outside = || Error::Fault("a day outside the calendar".to_owned());
        let recent_on = match reads {
            Reads::WithHistory => plus_days(ends_on, -HISTORY_DAYS).ok_or_else(outside)?,
            Reads::Billed => ends_on,
        };
        Ok(Self { recent_on, oldest_on: plus_days(ends_on, -LATEST_DAYS).ok_or_else(outside)? })
    }

    /// A start read counts as the close of the day before. Late contracts reach further back.
    fn contract(&self, row: &ContractRow) -> Date {
        let starts_on = row.billed_through_on.or_else(|| row.starts_on.previous_day());
        starts_on.map_or(self.recent_on, |day| day.min(self.recent_on)).max(self.oldest_on)
    }
}

/// Registers and reads, from the earliest day that any contract starts from; and the remarks on days of
/// interval data.
fn load_meters(
    tx: &mut Tx<'_>,
    context: &RunContext,
    contracts: &[ContractRow],
    since: &Since,
) -> Result<(Vec<PointMeters>, Vec<ReadRemark>)> {
    let window = context.window();
    let metered: Vec<&ContractRow> = contracts
        .iter()
        .filter(|row| {
            context
                .contract_type(row.contract_type_id)
                .is_some_and(|of| of.method == vocab::SegmentMethod::Metered)
        })
        .collect();
    let mut points: Vec<ServicePointId> = metered.iter().filter_map(|row| row.service_point_id).collect();
    points.sort_unstable();
    points.dedup();
    let Some(from) = metered.iter().map(|row| since.contract(row)).min().filter(|_| !points.is_empty())
    else {
        return Ok((Vec::new(), Vec::new()));
    };
    let outside = || Error::Fault("a day outside the calendar".to_owned());
    let to = plus_days(window.ends_on, i64::from(context.read_window().days_after)).ok_or_else(outside)?;
    let mut meters = store::reads::load_metered(tx, &points, from, to)?;
    let looks = |row: &&&ContractRow| {
        row.schedule_id
            .and_then(|id| context.schedule(id))
            .is_some_and(billing::RateSchedule::looks_into_the_day)
    };
    let profiled = metered.iter().filter(looks).filter_map(|row| row.service_point_id).collect();
    let remarks = profiles::add(tx, &mut meters, &profiled, from, to)?;
    Ok((meters, remarks))
}

/// What an account sees of its service points: as if it had been loaded alone. What was loaded
/// reaches back as far as the latest of its company needs.
fn own_meters(
    rows: &[ContractRow],
    loaded: &HashMap<ServicePointId, PointMeters>,
    since: &Since,
) -> Vec<PointMeters> {
    let mut from: BTreeMap<ServicePointId, Date> = BTreeMap::new();
    for row in rows {
        if let Some(point) = row.service_point_id {
            let own = since.contract(row);
            from.entry(point).and_modify(|day| *day = own.min(*day)).or_insert(own);
        }
    }
    from.into_iter().filter_map(|(point, from)| Some(seen_from(loaded.get(&point)?, from))).collect()
}

/// The remarks at an account's service points.
fn own_remarks(meters: &[PointMeters], all: &[ReadRemark]) -> Vec<ReadRemark> {
    if all.is_empty() {
        return Vec::new();
    }
    let own = |of: &&ReadRemark| meters.iter().any(|point| point.service_point == of.register.owner);
    all.iter().filter(own).cloned().collect()
}

pub(super) fn seen_from(point: &PointMeters, from: Date) -> PointMeters {
    let was_there = |of: &&RegisterReads| of.register.removed_on.is_none_or(|removed_on| from <= removed_on);
    let own = |of: &RegisterReads| RegisterReads {
        register: of.register.clone(),
        reads: match of.register.kind {
            // Each day stands for itself: what was loaded for others is not seen.
            RegisterKind::Interval => of.reads.iter().filter(|read| from <= read.read_on).copied().collect(),
            _ => reads_from(&of.reads, from).copied().collect(),
        },
        days: of.days.iter().filter(|day| from <= day.on).cloned().collect(),
    };
    PointMeters {
        service_point: point.service_point,
        registers: point.registers.iter().filter(was_there).map(own).collect(),
    }
}

/// The reads since a day, the one before them, and the last actual one before that if it is none.
fn reads_from(reads: &[Read], from: Date) -> impl Iterator<Item = &Read> {
    let within = reads.partition_point(|read| read.read_on < from);
    let before = reads.get(..within).unwrap_or_default();
    let latest = before.len().saturating_sub(1);
    let actual = before.iter().rposition(|read| read.quality == ReadQuality::Actual);
    let actual = actual.filter(|&at| at < latest).and_then(|at| reads.get(at));
    actual.into_iter().chain(reads.get(latest..).unwrap_or_default())
}

/// Who gets a copy, with the address in force on that day.
pub(crate) fn recipients(
    tx: &mut Tx<'_>,
    routed_on: Date,
    accounts: &[Account],
    ids: &[AccountId],
) -> Result<HashMap<AccountId, Vec<Recipient>>> {
    let links = store::accounts::account_persons(tx, ids)?;
    let persons: Vec<PersonId> =
        links.iter().filter(|link| link.receives_bill).map(|link| link.person_id).collect();
    let persons: HashMap<PersonId, Person> =
        store::accounts::persons(tx, &persons)?.into_iter().map(|person| (person.id, person)).collect();
    let mut addresses: HashMap<AccountId, PostalAddress> = HashMap::new();
    for address in store::accounts::addresses(tx, ids)? {
        if in_force(&address, routed_on) {
            // Rows come oldest first: the latest that is in force stays.
            addresses.insert(address.account_id, postal(address));
        }
    }
    let languages: HashMap<AccountId, _> =
        accounts.iter().map(|account| (account.account_id, account.language.clone())).collect();
    let mut all: HashMap<AccountId, Vec<Recipient>> = HashMap::new();
    for link in links.into_iter().filter(|link| link.receives_bill) {
        let Some(person) = persons.get(&link.person_id) else { continue };
        // The account's notice language is the main customer's; others read their own.
        let language = match link.role {
            PersonRole::MainCustomer => languages.get(&link.account_id).cloned(),
            _ => None,
        };
        all.entry(link.account_id).or_default().push(Recipient {
            person: person.id,
            name: person.name.clone(),
            language: language.unwrap_or_else(|| person.language.clone()),
            email: person.email.clone(),
            postal: addresses.get(&link.account_id).cloned(),
        });
    }
    Ok(all)
}

fn in_force(address: &Address, day: Date) -> bool {
    address.from_on <= day && address.to_on.is_none_or(|last| day <= last)
}

fn postal(row: Address) -> PostalAddress {
    PostalAddress {
        addressee: row.addressee,
        line1: row.line1,
        line2: row.line2,
        city: row.city,
        region: row.region,
        postcode: row.postcode,
        country: row.country,
    }
}

/// A contract, with the characteristics of its service point from a list in the order of their ids.
pub(crate) fn contract(row: ContractRow, points: &[(ServicePointId, JsonText)]) -> Result<Contract> {
    let items = named(&row.items)?
        .into_iter()
        .map(|(item, count)| {
            let count: Decimal =
                vocab::decimal::parse(&count).ok_or_else(|| corrupt("item count", &count))?;
            Ok(ItemCount { item, count })
        })
        .collect::<Result<_>>()?;
    let mut characteristics = named(&row.characteristics)?;
    if let Some(point) = row.service_point_id
        && let Ok(at) = points.binary_search_by_key(&point, |(id, _)| *id)
    {
        // What the contract says goes before what its service point says.
        for (name, value) in named(&points[at].1)? {
            characteristics.entry(name).or_insert(value);
        }
    }
    let recurring = row
        .recurring_minor
        .map(|amount| {
            let label = row.recurring_label.as_ref().ok_or_else(|| corrupt("recurring label", "missing"))?;
            Ok::<_, Error>(Recurring { amount, label: label_of(label)? })
        })
        .transpose()?;
    let terms = row.terms.as_ref().map(terms_of).transpose()?;
    Ok(Contract {
        id: ContractId::new(row.account_id, row.id),
        type_id: row.contract_type_id,
        schedule_id: row.schedule_id,
        service_point: row.service_point_id,
        starts_on: row.starts_on,
        ends_on: row.ends_on,
        billed_through_on: row.billed_through_on,
        state: row.state,
        items,
        characteristics: characteristics
            .into_iter()
            .map(|(name, value)| Characteristic { name, value })
            .collect(),
        recurring,
        master: row.master_contract_id.map(|master| ContractId::new(row.account_id, master)),
        terms,
        progress: row.progress_minor,
        hold: hold(row.held_until_on, row.hold_reason.as_deref()),
        segments: row.segments,
        past: Vec::new(),
        again: None,
    })
}

fn charge(row: ChargeRow) -> Result<BillableCharge> {
    Ok(BillableCharge {
        id: ChargeId::new(row.account_id, row.id),
        contract: ContractId::new(row.account_id, row.contract_id),
        due_on: row.due_on,
        amount: row.amount_minor,
        label: label_of(&row.label)?,
        gl: row.gl_id,
    })
}

fn hold(until_on: Option<Date>, reason: Option<&str>) -> Option<Hold> {
    until_on.map(|until_on| Hold { until_on, reason: reason.unwrap_or_default().to_owned() })
}

fn named(text: &JsonText) -> Result<Named> {
    if text.0 == "{}" {
        return Ok(Named::new());
    }
    serde_json::from_str(&text.0).map_err(|error| corrupt("named values", &error.to_string()))
}

fn terms_of(text: &JsonText) -> Result<Terms> {
    serde_json::from_str(&text.0).map_err(|error| corrupt("terms", &error.to_string()))
}

pub(super) fn label_of(text: &JsonText) -> Result<Label> {
    serde_json::from_str(&text.0).map_err(|error| corrupt("label", &error.to_string()))
}

fn corrupt(what: &'static str, why: &str) -> Error {
    store::Error::Corrupt { what, why: why.to_owned() }.into()
}

/// Rows in the order of their accounts, handed out account by account.
struct Grouped<T, F> {
    rows: std::iter::Peekable<std::vec::IntoIter<T>>,
    owner: F,
}

impl<T, F: Fn(&T) -> AccountId> Grouped<T, F> {
    fn new(rows: Vec<T>, owner: F) -> Self {
        Self { rows: rows.into_iter().peekable(), owner }
    }

    /// The rows of an account; accounts must be asked for in ascending order.
    fn take(&mut self, account: AccountId) -> Vec<T> {
        let mut taken = Vec::new();
        while let Some(row) = self.rows.next_if(|row| (self.owner)(row) <= account) {
            if (self.owner)(&row) == account {
                taken.push(row);
            }
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::date;
    use vocab::ReadStatus;

    #[test]
    fn an_account_sees_what_it_would_see_alone() {
        use ReadQuality::{Actual, Estimated};
        let read =
            |read_on, quality| Read { read_on, value: Decimal::ONE, quality, status: ReadStatus::Valid };
        let days = [
            (date!(2026 - 01 - 31), Actual),
            (date!(2026 - 02 - 28), Estimated),
            (date!(2026 - 03 - 31), Estimated),
            (date!(2026 - 04 - 30), Actual),
        ];
        let all: Vec<Read> = days.iter().map(|&(day, quality)| read(day, quality)).collect();
        let seen = |from| reads_from(&all, from).map(|read| read.read_on.month() as u8).collect::<Vec<_>>();
        assert_eq!(seen(date!(2026 - 01 - 01)), [1, 2, 3, 4]);
        assert_eq!(seen(date!(2026 - 02 - 01)), [1, 2, 3, 4]);
        assert_eq!(seen(date!(2026 - 03 - 31)), [1, 2, 3, 4]);
        assert_eq!(seen(date!(2026 - 04 - 01)), [1, 3, 4]);
        assert_eq!(seen(date!(2026 - 05 - 01)), [4]);
        assert!(reads_from(&[], date!(2026 - 05 - 01)).next().is_none());
    }
}

//! One transaction of a load: judge some accounts with all that hangs on them, write the sound.

use super::Town;
use super::account::{self, AccountPlan, BalancePlan, ContractPlan};
use super::point::{self, MeterPlan, PointPlan};
use super::report::LoadReport;
use super::row::{Fault, Row, Sound};
use crate::audit::{self, Action};
use crate::{Caller, Error, Result, accounts};
use billing::{FtOrigin, PostingDates, adjustment_ft};
use sha2::{Digest, Sha256};
use std::collections::{HashMap, HashSet};
use store::Tx;
use store::accounts::{Account, AccountPerson, Address, Person};
use store::adjustments::Adjustment;
use store::contracts::Contract;
use store::load::Rows;
use store::meters::{Install, Meter, Register};
use store::payment_methods::PaymentMethod;
use store::places::ServicePoint;
use store::reads::NewRead;
use time::Date;
use vocab::{
    AccountId, AdjustmentState, Commodity, FtId, LocationId, MeterId, MethodState, Money, PersonId,
    PersonRole, Problem, ReadStatus, RegisterId, ServicePointId,
};

/// Where reads of a load come from.
const SOURCE: &str = "load";

/// The days of a contract at a service point.
type Days = (Date, Option<Date>);

/// A service point that is there.
#[derive(Clone, Copy)]
struct Known {
    id: ServicePointId,
    location: LocationId,
    commodity: Commodity,
}

/// The service points that a chunk's contracts name.
#[derive(Default)]
struct Points {
    /// There already.
    known: HashMap<String, Known>,
    /// To be written when a sound account, or none at all, needs them.
    new: HashMap<String, PointPlan>,
    /// Not to be had.
    faulty: HashMap<String, Vec<Fault>>,
    /// Days that are taken, by code.
    taken: HashMap<String, Vec<Days>>,
}

/// Loads accounts, given as rows of accounts.csv, and service points that no contract names,
/// given by code.
pub(super) fn load(
    tx: &mut Tx<'_>,
    town: &Town,
    caller: &Caller,
    rows: &[Row],
    vacant: &[&str],
) -> Result<LoadReport> {
    let mut report = LoadReport::default();
    let mut plans = read_accounts(tx, town, rows, &mut report)?;
    let mut codes: Vec<&str> = vacant.to_vec();
    codes.extend(plans.iter().flat_map(|plan| &plan.contracts).filter_map(|of| of.service_point.as_deref()));
    codes.sort_unstable();
    codes.dedup();
    let mut points = read_points(tx, town, &codes)?;
    let mut told = HashSet::new();
    plans.retain(|plan| match points.judge(plan) {
        Ok(()) => true,
        Err(fault) => {
            refuse_account(&mut report, plan, fault, &points, &mut told);
            false
        }
    });
    for &code in vacant {
        if points.known.contains_key(code) {
            report.service_points.skipped += 1;
        }
        for fault in points.faulty.get(code).into_iter().flatten() {
            report.refuse(fault.clone(), None);
        }
    }
    report.service_points.refused += points.faulty.len() as u64;
    let mut wanted: HashSet<&str> = vacant.iter().copied().collect();
    wanted.extend(plans.iter().flat_map(|plan| &plan.contracts).filter_map(|of| of.service_point.as_deref()));
    points.new.retain(|code, _| wanted.contains(code.as_str()));
    write(tx, town, caller, &plans, &points, &mut report)?;
    Ok(report)
}

/// Reads the accounts that are not there yet; those at fault go into the report.
fn read_accounts(
    tx: &mut Tx<'_>,
    town: &Town,
    rows: &[Row],
    report: &mut LoadReport,
) -> Result<Vec<AccountPlan>> {
    let references: Vec<&str> = rows.iter().map(|row| row.cell("reference")).collect();
    let taken: HashSet<String> = store::load::taken_references(tx, &references)?.into_iter().collect();
    let mut plans = Vec::with_capacity(rows.len());
    for row in rows {
        let reference = row.cell("reference");
        let first = town.accounts.rows_of(reference)?.first().map(Row::line);
        if let Some(line) = first.filter(|&line| line != row.line()) {
            report.accounts.refused += 1;
            let reason = format!("the account {reference} stands on line {line} already");
            report.refuse(row.refuse(reason), Some(reference));
        } else if taken.contains(reference) {
            report.accounts.skipped += 1;
        } else {
            match account::plan(town, row)? {
                Ok(plan) => plans.push(plan),
                Err(faults) => {
                    report.accounts.refused += 1;
                    for fault in faults {
                        report.refuse(fault, Some(reference));
                    }
                }
            }
        }
    }
    Ok(plans)
}

/// Finds service points in the database or in the files.
fn read_points(tx: &mut Tx<'_>, town: &Town, codes: &[&str]) -> Result<Points> {
    let mut points = Points::default();
    for known in store::load::points(tx, codes)? {
        let (id, location) = (known.service_point_id, known.location_id);
        points.known.insert(known.code, Known { id, location, commodity: known.commodity });
    }
    let names: HashMap<ServicePointId, &String> =
        points.known.iter().map(|(code, known)| (known.id, code)).collect();
    let ids: Vec<ServicePointId> = names.keys().copied().collect();
    for (id, starts_on, ends_on) in store::load::contracts_at(tx, &ids)? {
        if let Some(&code) = names.get(&id) {
            points.taken.entry(code.clone()).or_default().push((starts_on, ends_on));
        }
    }
    for &code in codes.iter().filter(|&&code| !points.known.contains_key(code)) {
        match point::plan(town, code)? {
            Some(Ok(plan)) => drop(points.new.insert(code.to_owned(), plan)),
            Some(Err(faults)) => drop(points.faulty.insert(code.to_owned(), faults)),
            None => {}
        }
    }
    let meters =
        || points.new.values().flat_map(|point| point.meters.iter().map(move |meter| (point, meter)));
    let serials: Vec<&str> = meters().map(|(_, meter)| meter.serial.as_str()).collect();
    let taken: HashSet<String> = store::load::taken_serials(tx, &serials)?.into_iter().collect();
    let faulty: Vec<(String, Fault)> = meters()
        .filter(|(_, meter)| taken.contains(&meter.serial))
        .map(|(point, meter)| (point.code.clone(), taken_meter(meter)))
        .collect();
    for (code, fault) in faulty {
        points.new.remove(&code);
        points.faulty.entry(code).or_default().push(fault);
    }
    Ok(points)
}

fn taken_meter(meter: &MeterPlan) -> Fault {
    let reason = format!("the meter {} is there already", meter.serial);
    Fault::new(super::files::METERS.file, meter.line, reason)
}

impl Points {
    /// Whether the account's contracts can stand where they want to; if so their days are taken.
    fn judge(&mut self, plan: &AccountPlan) -> Sound<()> {
        let mut own: Vec<(&str, &ContractPlan)> = Vec::new();
        for contract in &plan.contracts {
            let Some(code) = contract.service_point.as_deref() else { continue };
            let refuse = |why: &str| {
                let reason = format!("service_point: {why} `{code}`");
                Err(Fault::new(super::files::CONTRACTS.file, contract.line, reason))
            };
            if self.faulty.contains_key(code) {
                return refuse("something is wrong with the service point");
            }
            let known = self.known.get(code).map(|known| (known.commodity, known.location));
            let Some((commodity, location)) =
                known.or_else(|| self.new.get(code).map(|new| (new.commodity, new.location)))
            else {
                return refuse("there is no service point");
            };
            if commodity != contract.commodity {
                return refuse(&format!(
                    "the contract type is for {}, not for {commodity} at",
                    contract.commodity
                ));
            }
            if contract.location.is_some_and(|at| at != location) {
                return refuse("at another location than the contract is");
            }
            let mut taken = self.taken.get(code).into_iter().flatten();
            let mut mine = own.iter().filter(|(at, _)| *at == code);
            if taken.any(|&(starts_on, ends_on)| contract.overlaps(starts_on, ends_on))
                || mine.any(|(_, other)| contract.overlaps(other.starts_on, other.ends_on))
            {
                return refuse("another contract covers some of these days at");
            }
            own.push((code, contract));
        }
        for (code, contract) in own {
            self.taken.entry(code.to_owned()).or_default().push((contract.starts_on, contract.ends_on));
        }
        Ok(())
    }
}

/// Reports an account, and once what is wrong with its service points.
fn refuse_account(
    report: &mut LoadReport,
    plan: &AccountPlan,
    fault: Fault,
    points: &Points,
    told: &mut HashSet<String>,
) {
    report.accounts.refused += 1;
    report.refuse(fault, Some(&plan.reference));
    for code in plan.contracts.iter().filter_map(|contract| contract.service_point.as_ref()) {
        if let Some(faults) = points.faulty.get(code)
            && told.insert(code.clone())
        {
            for fault in faults {
                report.refuse(fault.clone(), Some(&plan.reference));
            }
        }
    }
}

/// Hands out ids that were taken at once.
struct Ids(std::vec::IntoIter<i64>);

impl Ids {
    fn next(&mut self) -> Result<i64> {
        self.0.next().ok_or_else(|| Error::Fault("ids were counted wrongly".to_owned()))
    }
}

fn write(
    tx: &mut Tx<'_>,
    town: &Town,
    caller: &Caller,
    plans: &[AccountPlan],
    points: &Points,
    report: &mut LoadReport,
) -> Result<()> {
    if plans.is_empty() && points.new.is_empty() {
        return Ok(());
    }
    let of_points: usize = points
        .new
        .values()
        .map(|point| 1 + point.meters.iter().map(|meter| 2 + meter.registers.len()).sum::<usize>())
        .sum();
    let of_accounts: usize =
        plans.iter().map(|plan| 4 + plan.contracts.len() + 2 * plan.balances.len()).sum();
    let mut ids = Ids(tx.new_ids(of_points + of_accounts)?.into_iter());
    let mut rows = Rows::default();
    let mut places: HashMap<String, (ServicePointId, LocationId)> =
        points.known.iter().map(|(code, known)| (code.clone(), (known.id, known.location))).collect();
    // In the order of their codes: the same files give the same rows.
    let mut new: Vec<&PointPlan> = points.new.values().collect();
    new.sort_unstable_by(|a, b| a.code.cmp(&b.code));
    for point in new {
        let id = point_rows(town, point, &mut ids, &mut rows)?;
        places.insert(point.code.clone(), (id, point.location));
    }
    let numbers = accounts::free_numbers(tx, plans.len())?;
    let mut writer = Writer { tx, town, actor: caller.actor(), places, ids, rows };
    for (plan, number) in plans.iter().zip(numbers) {
        writer.account(plan, number)?;
    }
    let Writer { tx, rows, .. } = writer;
    store::load::insert(tx, &rows)?;
    let mut digest = Sha256::new();
    for plan in plans {
        digest.update(plan.reference.as_bytes());
        digest.update([0]);
    }
    audit::record_chunk(
        tx,
        &caller.actor(),
        Action { action: "town.load", subject: "accounts".to_owned(), ..Action::default() },
        plans.len(),
        digest.finalize().into(),
    )?;
    count(&rows, report)
}

fn count(rows: &Rows, report: &mut LoadReport) -> Result<()> {
    report.accounts.loaded += rows.accounts.len() as u64;
    report.service_points.loaded += rows.points.len() as u64;
    report.meters += rows.meters.len() as u64;
    report.registers += rows.registers.len() as u64;
    report.reads += rows.reads.len() as u64;
    report.contracts += rows.contracts.len() as u64;
    report.opening_balances += rows.adjustments.len() as u64;
    report.opening_balances_minor = Money::sum(rows.adjustments.iter().map(|row| row.amount_minor))?;
    report.payment_methods += rows.methods.len() as u64;
    Ok(())
}

fn point_rows(town: &Town, point: &PointPlan, ids: &mut Ids, rows: &mut Rows) -> Result<ServicePointId> {
    let owner = ServicePointId(ids.next()?);
    rows.points.push(ServicePoint {
        service_point_id: owner,
        code: point.code.clone(),
        location_id: point.location,
        commodity: point.commodity,
        characteristics: point.characteristics.clone(),
        version: 1,
    });
    for meter in &point.meters {
        let (meter_id, install_id) = (MeterId(ids.next()?), ids.next()?);
        let (serial, maker) = (meter.serial.clone(), meter.maker.clone());
        rows.meters.push(Meter { id: meter_id, serial, maker, version: 1 });
        rows.installs.push(Install {
            service_point_id: owner,
            id: install_id,
            meter_id,
            installed_on: meter.installed_on,
            removed_on: None,
        });
        for register in &meter.registers {
            let id = ids.next()?;
            rows.registers.push(Register {
                service_point_id: owner,
                id,
                install_id,
                code: register.code.clone(),
                kind: register.kind,
                unit: register.unit,
                bucket: register.bucket.clone(),
                multiplier: register.multiplier,
                dials: register.dials,
                decimals: register.decimals,
                peak: register.peak,
            });
            for read in &register.reads {
                // A read of a day closes it.
                let read_at = town.zone.end_of(read.read_on).ok_or_else(outside_the_calendar)?;
                rows.reads.push(NewRead {
                    register: RegisterId::new(owner, id),
                    read_at,
                    read_on: read.read_on,
                    value: read.value,
                    quality: read.quality,
                    status: ReadStatus::Valid,
                    source: SOURCE.to_owned(),
                    import_id: None,
                    reason: None,
                });
            }
        }
    }
    Ok(owner)
}

fn outside_the_calendar() -> Error {
    Problem::new(vocab::Code::ArithmeticOverflow, "a date lies at the end of the calendar").into()
}

/// Makes the rows of accounts.
struct Writer<'a, 'tx, 'conn> {
    tx: &'tx mut Tx<'conn>,
    town: &'a Town,
    actor: String,
    places: HashMap<String, (ServicePointId, LocationId)>,
    ids: Ids,
    rows: Rows,
}

impl Writer<'_, '_, '_> {
    fn account(&mut self, plan: &AccountPlan, number: vocab::AccountNumber) -> Result<()> {
        let account_id = AccountId(self.ids.next()?);
        self.person(plan, account_id)?;
        for contract in &plan.contracts {
            self.contract(account_id, contract)?;
        }
        for balance in &plan.balances {
            self.balance(account_id, balance)?;
        }
        let method = self.method(plan, account_id)?;
        let owed = Money::sum(plan.balances.iter().map(|balance| balance.amount))?;
        let autopay = plan.autopay.as_ref();
        self.rows.accounts.push(Account {
            account_id,
            number,
            cycle_id: plan.cycle,
            site_id: plan.site,
            class_code: plan.class_code.clone(),
            language: plan.language.clone(),
            delivery: plan.delivery,
            state: plan.state(),
            opened_on: plan.opened_on,
            client_reference: Some(plan.reference.clone()),
            current_minor: owed,
            payoff_minor: owed,
            last_bill_id: None,
            last_bill_ending_minor: Money::ZERO,
            held_until_on: None,
            hold_reason: None,
            autopay_method_id: method,
            autopay_rule: autopay.map(|autopay| autopay.rule),
            autopay_days_before: autopay.and_then(|autopay| autopay.days_before),
            autopay_maximum_minor: autopay.and_then(|autopay| autopay.maximum),
            autopay_failures: 0,
            version: 1,
        });
        Ok(())
    }

    fn person(&mut self, plan: &AccountPlan, account_id: AccountId) -> Result<()> {
        let person_id = PersonId(self.ids.next()?);
        self.rows.persons.push(Person {
            id: person_id,
            name: plan.customer.clone(),
            email: plan.email.clone(),
            phone: plan.phone.clone(),
            language: plan.language.clone(),
            version: 1,
        });
        let role = PersonRole::MainCustomer;
        self.rows.account_persons.push(AccountPerson { account_id, person_id, role, receives_bill: true });
        if let Some(address) = &plan.address {
            self.rows.addresses.push(Address {
                account_id,
                id: self.ids.next()?,
                addressee: address.addressee.clone(),
                line1: address.line1.clone(),
                line2: address.line2.clone(),
                city: address.city.clone(),
                region: address.region.clone(),
                postcode: address.postcode.clone(),
                country: address.country.clone(),
                from_on: plan.opened_on,
                to_on: None,
            });
        }
        Ok(())
    }

    fn contract(&mut self, account_id: AccountId, plan: &ContractPlan) -> Result<()> {
        let id = self.ids.next()?;
        let place = plan.service_point.as_ref().and_then(|code| self.places.get(code)).copied();
        let location_id = plan.location.or(place.map(|(_, location)| location));
        let location_id = location_id.ok_or_else(|| Error::Fault("a contract without a place".to_owned()))?;
        let (recurring_minor, recurring_label) = plan.recurring.clone().unzip();
        self.rows.contracts.push(Contract {
            account_id,
            id,
            contract_type_id: plan.type_id,
            schedule_id: plan.schedule,
            service_point_id: place.map(|(point, _)| point),
            location_id,
            starts_on: plan.starts_on,
            ends_on: plan.ends_on,
            billed_through_on: plan.billed_through_on,
            state: plan.state,
            items: plan.items.clone(),
            characteristics: plan.characteristics.clone(),
            recurring_minor,
            recurring_label,
            held_until_on: None,
            hold_reason: None,
            // What was billed elsewhere counts: its next segment is not the first.
            segments: i32::from(plan.billed_through_on.is_some_and(|day| day >= plan.starts_on)),
            version: 1,
        });
        Ok(())
    }

    /// An opening balance keeps its age: it is about the day it fell due, and posted today.
    fn balance(&mut self, account_id: AccountId, plan: &BalancePlan) -> Result<()> {
        let (adjustment, ft) = (self.ids.next()?, self.ids.next()?);
        let effective_on = plan.due_on.min(self.town.today_on);
        let dates =
            PostingDates { accounting_on: self.town.today_on, effective_on, posted_at: self.tx.as_of() };
        let origin = FtOrigin { id: FtId::new(account_id, ft), source: adjustment };
        let posted = adjustment_ft(origin, plan.amount, plan.receivable, plan.gl, dates)
            .map_err(|fault| Error::Fault(fault.to_string()))?;
        self.rows.fts.push(posted.falling_due(plan.due_on));
        let due_on = vocab::dates::civil::format(plan.due_on);
        self.rows.adjustments.push(Adjustment {
            account_id,
            id: adjustment,
            type_id: plan.type_id,
            state: AdjustmentState::Posted,
            amount_minor: plan.amount,
            effective_on,
            reason: format!("Opening balance due {due_on}"),
            client_reference: Some(format!("{}-{due_on}", plan.type_code)),
            created_by: self.actor.clone(),
            created_at: self.tx.as_of(),
            version: 1,
        });
        Ok(())
    }

    fn method(&mut self, plan: &AccountPlan, account_id: AccountId) -> Result<Option<i64>> {
        let Some(autopay) = &plan.autopay else { return Ok(None) };
        let id = self.ids.next()?;
        self.rows.methods.push(PaymentMethod {
            account_id,
            id,
            kind: autopay.kind,
            gateway: autopay.gateway,
            customer_token: autopay.customer_token.clone(),
            method_token: autopay.method_token.clone(),
            label: autopay.label.clone(),
            state: MethodState::Active,
            created_at: self.tx.as_of(),
            version: 1,
        });
        Ok(Some(id))
    }
}

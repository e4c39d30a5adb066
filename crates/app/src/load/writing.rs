//! What was found sound becomes rows: service points with their meters, accounts with all that
//! they own.

use super::Town;
use super::account::{AccountPlan, BalancePlan, ContractPlan};
use super::chunk::Points;
use super::point::PointPlan;
use super::report::LoadReport;
use crate::audit::{self, Action};
use crate::{Caller, Error, Result, accounts, ledger};
use billing::{FtOrigin, PostingDates, adjustment_ft};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use store::Tx;
use store::accounts::{Account, AccountPerson, Address, Person};
use store::adjustments::Adjustment;
use store::contracts::Contract;
use store::load::Rows;
use store::meters::{Install, Meter, Register};
use store::payment_methods::PaymentMethod;
use store::places::ServicePoint;
use store::reads::NewRead;
use vocab::{
    AccountId, AdjustmentState, FtId, LocationId, MeterId, MethodState, Money, PersonId, PersonRole, Problem,
    ReadStatus, RegisterId, ServicePointId,
};

/// Where reads of a load come from.
const SOURCE: &str = "load";

/// Hands out ids that were taken at once.
struct Ids(std::vec::IntoIter<i64>);

impl Ids {
    fn next(&mut self) -> Result<i64> {
        self.0.next().ok_or_else(|| Error::Fault("ids were counted wrongly".to_owned()))
    }
}

/// Writes what was found sound, with one entry in the audit log.
pub(super) fn write(
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
    // Opening credits pay opening balances: later postings see accounts without open credit.
    let mut with_credit: Vec<AccountId> = rows
        .adjustments
        .iter()
        .filter(|row| row.amount_minor.is_negative())
        .map(|row| row.account_id)
        .collect();
    with_credit.dedup();
    ledger::settle_all(tx, &with_credit)?;
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
                quantity_name: register.quantity_name.clone(),
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
                    source: SOURCE.into(),
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
        let ids = plan.contracts.iter().map(|_| self.ids.next()).collect::<Result<Vec<i64>>>()?;
        let referred = |(of, &id): (&ContractPlan, _)| Some((of.reference.clone()?, id));
        let known: HashMap<String, i64> = plan.contracts.iter().zip(&ids).filter_map(referred).collect();
        for (contract, id) in plan.contracts.iter().zip(ids) {
            let master = contract.master.as_ref().and_then(|master| known.get(master)).copied();
            self.contract(account_id, contract, id, master)?;
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

    fn contract(
        &mut self,
        account_id: AccountId,
        plan: &ContractPlan,
        id: i64,
        master: Option<i64>,
    ) -> Result<()> {
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
            master_contract_id: master,
            terms: plan.terms.as_ref().map(serde_json::to_value).transpose()?,
            progress_minor: Money::ZERO,
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
            other_account_id: None,
            other_id: None,
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

//! One transaction of a load: judge some accounts with all that hangs on them, have the sound
//! written ([`super::writing`]).

use super::Town;
use super::account::{self, AccountPlan, ContractPlan};
use super::point::{self, MeterPlan, PointPlan};
use super::report::LoadReport;
use super::row::{Fault, Row, Sound};
use super::writing::write;
use crate::{Caller, Result};
use std::collections::{HashMap, HashSet};
use store::Tx;
use time::Date;
use vocab::{Commodity, LocationId, ServicePointId};

/// The days of a contract at a service point.
type Days = (Date, Option<Date>);

/// A service point that is there.
#[derive(Clone, Copy)]
pub(super) struct Known {
    pub(super) id: ServicePointId,
    pub(super) location: LocationId,
    commodity: Commodity,
}

/// The service points that a chunk's contracts name.
#[derive(Default)]
pub(super) struct Points {
    /// There already.
    pub(super) known: HashMap<String, Known>,
    /// To be written when a sound account, or none at all, needs them.
    pub(super) new: HashMap<String, PointPlan>,
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

//! The work of a trial: a chunk of accounts, from posted segments to what they would have come to.

use super::{figures, replacements, replacements_of, visible};
use crate::operations::{self, Control};
use crate::runs::{inputs, memory};
use crate::worker::{Handler, Outcome};
use crate::{App, Caller, Error, Result, Utility, rates};
use access::Permission;
use billing::{BilledSegment, BillingError, Calculation, Contract, Memory, RateSchedule, Remembered};
use rating::FactorTable;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use store::Tx;
use store::queue::Operation;
use store::what_if::{self, AccountResult, ClassTotals, SegmentTried, SegmentsTried, WhatIfRun};
use vocab::{
    AccountId, Code, ContractId, Currency, Money, Period, Problem, RateScheduleId, ServicePointId,
    WhatIfOutcome, WhatIfRunId,
};

/// An account that would come to more, in minor units, is kept as an error: a slip in a price must not
/// make sums that do not fit.
const AMOUNT_MAX: i64 = 1_000_000_000_000;
/// Accounts with errors that the notes of a chunk name; all are listed with the results.
const NOTED_MAX: usize = 20;

/// The work of [`vocab::OperationKind::WhatIf`].
pub struct ReRating;

impl Handler for ReRating {
    fn run(&self, _: &App, tx: &mut Tx<'_>, operation: &Operation, items: &[i64]) -> Result<Outcome> {
        let trial = Trial::load(tx, operation)?;
        let ids: Vec<AccountId> = items.iter().copied().map(AccountId).collect();
        let contracts = contracts(tx, &ids)?;
        let past = trial.past(tx, &contracts)?;
        let mut sums: BTreeMap<AccountId, Sum> = BTreeMap::new();
        what_if::each_segment(tx, &ids, &trial.tried, |row| {
            let id = ContractId::new(row.account_id, row.contract_id);
            let contract = contracts
                .get(&id)
                .ok_or_else(|| Error::Fault(format!("the segment of {id} has no contract")))?;
            let memory = past.get(&id).map(|past| Memory::before(past, row.first_on)).unwrap_or_default();
            trial.add(&mut sums, contract, &memory, &row)
        })?;
        let classes: HashMap<AccountId, String> = store::accounts::load(tx, &ids)?
            .into_iter()
            .map(|account| (account.account_id, account.class_code))
            .collect();
        let rows: Vec<AccountResult> = sums
            .into_iter()
            .map(|(account, sum)| {
                let class = classes.get(&account).cloned().ok_or_else(Problem::not_found)?;
                sum.result(trial.run.id, account, class)
            })
            .collect::<Result<_>>()?;
        let (failed, note) = noted(&rows);
        save(tx, trial.run.id, rows)?;
        Ok(Outcome { done: Outcome::all(items).done - failed, failed, note })
    }

    fn give_up(
        &self,
        _: &App,
        tx: &mut Tx<'_>,
        operation: &Operation,
        item: i64,
        error: &Error,
    ) -> Result<()> {
        let (run, tried) = subject(tx, operation)?;
        let account = AccountId(item);
        let Some((class, segments, billed)) = what_if::billed(tx, account, &tried)? else { return Ok(()) };
        let problem = error.problem();
        let sum = Sum {
            segments: i32::try_from(segments).unwrap_or(i32::MAX),
            billed,
            alternative: Money::ZERO,
            error: Some((0, problem.code, problem.detail)),
        };
        let row = sum.result(run.id, account, class)?;
        save(tx, run.id, vec![row])
    }

    fn finish(&self, _: &App, tx: &mut Tx<'_>, operation: &Operation) -> Result<Value> {
        let id = run_of(operation);
        let (totals, _) = figures(tx, id)?;
        Ok(json!({
            "what_if_run_id": id,
            "accounts": totals.accounts,
            "winners": totals.winners,
            "losers": totals.losers,
            "unchanged": totals.unchanged,
            "errors": totals.errors,
        }))
    }

    fn control(&self, tx: &mut Tx<'_>, caller: &Caller, operation: &Operation, what: Control) -> Result<()> {
        caller.may(Permission::RatesWrite)?;
        visible(tx, caller, operation.id)?;
        operations::steer(tx, caller, operation.id, what)
    }
}

fn run_of(operation: &Operation) -> WhatIfRunId {
    WhatIfRunId(operation.subject_id.unwrap_or_default())
}

fn subject(tx: &mut Tx<'_>, operation: &Operation) -> Result<(WhatIfRun, SegmentsTried)> {
    let run = what_if::find(tx, run_of(operation))?.ok_or_else(Problem::not_found)?;
    let schedules = replacements_of(&run)?.iter().map(|one| one.schedule_id).collect();
    let tried = SegmentsTried { from_on: run.from_on, to_on: run.to_on, schedules };
    Ok((run, tried))
}

/// What all accounts of a trial share.
struct Trial {
    run: WhatIfRun,
    tried: SegmentsTried,
    stand_ins: HashMap<RateScheduleId, RateSchedule>,
    factors: FactorTable,
    currency: Currency,
}

impl Trial {
    fn load(tx: &mut Tx<'_>, operation: &Operation) -> Result<Self> {
        let (run, tried) = subject(tx, operation)?;
        let currency = Utility::load(tx)?.currency;
        let stand_ins = replacements::load(tx, &currency, &replacements_of(&run)?)?;
        let factors = rates::factor_table(tx)?;
        Ok(Self { run, tried, stand_ins, factors, currency })
    }

    /// What contracts remember of the days before the trial's, where a stand-in looks back: as they
    /// were billed.
    fn past(
        &self,
        tx: &mut Tx<'_>,
        contracts: &HashMap<ContractId, Contract>,
    ) -> Result<HashMap<ContractId, Vec<Remembered>>> {
        let looks_back = |of: &&Contract| {
            of.schedule_id.and_then(|id| self.stand_ins.get(&id)).is_some_and(|of| of.looks_back())
        };
        let ids: Vec<(AccountId, i64)> =
            contracts.values().filter(looks_back).map(|of| (of.id.owner, of.id.n)).collect();
        memory::of_contracts(tx, &ids, self.run.from_on)
    }

    /// Adds a segment to what its account comes to.
    fn add(
        &self,
        sums: &mut BTreeMap<AccountId, Sum>,
        contract: &Contract,
        memory: &Memory,
        row: &SegmentTried,
    ) -> Result<()> {
        let calc = Calculation::parse(&row.document.0)
            .map_err(|error| store::Error::Corrupt { what: "segment", why: error.to_string() })?;
        let period = Period::new(row.first_on, row.last_on)
            .ok_or_else(|| Error::Fault("a segment ends before it begins".to_owned()))?;
        let window = row.window_starts_on.zip(row.window_ends_on);
        let segment = BilledSegment {
            period,
            window: window.and_then(|(starts_on, ends_on)| Period::new(starts_on, ends_on)),
            // The record does not say it; the contract's own days do.
            is_first: contract.starts_on == row.first_on,
            is_final: contract.ends_on == Some(row.last_on),
            calc: &calc,
            items: &contract.items,
            characteristics: &contract.characteristics,
            exemptions: &[],
            memory,
        };
        if !segment.is_rated() {
            return Ok(());
        }
        let rate = self
            .stand_ins
            .get(&row.schedule_id)
            .ok_or_else(|| Error::Fault("a segment of a rate that is not replaced".to_owned()))?;
        let alternative = billing::re_rate(&segment, rate, &self.factors, self.currency);
        sums.entry(row.account_id).or_default().add(row, alternative);
        Ok(())
    }
}

/// The contracts of accounts, also those that are over.
fn contracts(tx: &mut Tx<'_>, accounts: &[AccountId]) -> Result<HashMap<ContractId, Contract>> {
    let rows = store::billing_inputs::all_contracts(tx, accounts)?;
    let mut points: Vec<ServicePointId> = rows.iter().filter_map(|row| row.service_point_id).collect();
    points.sort_unstable();
    points.dedup();
    let characteristics = store::billing_inputs::characteristics(tx, &points)?;
    rows.into_iter()
        .map(|row| {
            let contract = inputs::contract(row, &characteristics)?;
            Ok((contract.id, contract))
        })
        .collect()
}

/// What an account comes to, segment by segment.
#[derive(Default)]
struct Sum {
    segments: i32,
    billed: Money,
    alternative: Money,
    /// What stands in the way of the first segment that has anything: its id, then why.
    error: Option<(i64, Code, String)>,
}

impl Sum {
    fn add(&mut self, row: &SegmentTried, alternative: std::result::Result<Money, BillingError>) {
        self.segments += 1;
        let sums = alternative.and_then(|amount| {
            let all = self.alternative.plus(amount)?;
            if all.minor().abs() > AMOUNT_MAX {
                return Err(vocab::decimal::Overflow.into());
            }
            Ok((all, self.billed.plus(row.total_minor)?))
        });
        match sums {
            Ok((alternative, billed)) => (self.alternative, self.billed) = (alternative, billed),
            Err(error) => {
                // What was billed is told also of an account that cannot be rated again.
                self.billed = self.billed.plus(row.total_minor).unwrap_or(self.billed);
                if self.error.as_ref().is_none_or(|(id, ..)| row.id < *id) {
                    self.error = Some((row.id, error.code, error.detail));
                }
            }
        }
    }

    fn result(self, run: WhatIfRunId, account: AccountId, class: String) -> Result<AccountResult> {
        let difference = match self.error {
            Some(_) => Money::ZERO,
            None => self.alternative.minus(self.billed)?,
        };
        let outcome = match difference.minor() {
            _ if self.error.is_some() => WhatIfOutcome::Error,
            ..=-1 => WhatIfOutcome::Winner,
            0 => WhatIfOutcome::Unchanged,
            1.. => WhatIfOutcome::Loser,
        };
        let alternative = self.error.is_none().then_some(self.alternative);
        let (code, detail) = self.error.map(|(_, code, detail)| (code, detail)).unzip();
        Ok(AccountResult {
            account_id: account,
            run_id: run,
            class_code: class,
            segments: self.segments,
            outcome,
            billed_minor: self.billed,
            alternative_minor: alternative,
            difference_minor: difference,
            error_code: code.map(|code| code.as_str().to_owned()),
            error_detail: detail,
        })
    }
}

/// How many accounts have an error, and a note that names the first of them.
fn noted(rows: &[AccountResult]) -> (i32, Option<String>) {
    let errors = || rows.iter().filter_map(|row| Some((row.account_id, row.error_code.as_ref()?)));
    let notes: Vec<String> =
        errors().take(NOTED_MAX).map(|(account, code)| format!("{account} {code}")).collect();
    (i32::try_from(errors().count()).unwrap_or(i32::MAX), (!notes.is_empty()).then(|| notes.join("; ")))
}

fn save(tx: &mut Tx<'_>, run: WhatIfRunId, rows: Vec<AccountResult>) -> Result<()> {
    let mut totals: BTreeMap<String, ClassTotals> = BTreeMap::new();
    for row in &rows {
        let of = totals
            .entry(row.class_code.clone())
            .or_insert_with(|| ClassTotals { class_code: row.class_code.clone(), ..ClassTotals::default() });
        match row.outcome {
            WhatIfOutcome::Winner => of.winners += 1,
            WhatIfOutcome::Loser => of.losers += 1,
            WhatIfOutcome::Unchanged => of.unchanged += 1,
            WhatIfOutcome::Error => of.errors += 1,
        }
        if let Some(alternative) = row.alternative_minor {
            of.billed_minor = of.billed_minor.plus(row.billed_minor)?;
            of.alternative_minor = of.alternative_minor.plus(alternative)?;
        }
    }
    if rows.is_empty() {
        return Ok(());
    }
    let totals: Vec<ClassTotals> = totals.into_values().collect();
    Ok(what_if::save(tx, run, rows, &totals)?)
}

//! What an account comes to, and what a chunk of them comes to by class.

use crate::Result;
use billing::BillingError;
use std::collections::BTreeMap;
use store::Tx;
use store::what_if::{self, AccountResult, ClassTotals, SegmentTried};
use vocab::{AccountId, Code, Money, WhatIfOutcome, WhatIfRunId};

/// An account that would come to more, in minor units, is kept as an error: a slip in a price must not
/// make sums that do not fit.
const AMOUNT_MAX: i64 = 1_000_000_000_000;
/// Accounts with errors that the notes of a chunk name; all are listed with the results.
const NOTED_MAX: usize = 20;

/// What an account comes to, segment by segment.
#[derive(Default)]
pub(super) struct Sum {
    pub(super) segments: i32,
    pub(super) billed: Money,
    pub(super) alternative: Money,
    /// What stands in the way of the first segment that has anything: its id, then why.
    pub(super) error: Option<(i64, Code, String)>,
}

impl Sum {
    /// Adds a segment.
    pub(super) fn add(&mut self, row: &SegmentTried, alternative: std::result::Result<Money, BillingError>) {
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

    /// How the account fares.
    pub(super) fn result(self, run: WhatIfRunId, account: AccountId, class: String) -> Result<AccountResult> {
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
pub(super) fn noted(rows: &[AccountResult]) -> (i32, Option<String>) {
    let errors = || rows.iter().filter_map(|row| Some((row.account_id, row.error_code.as_ref()?)));
    let notes: Vec<String> =
        errors().take(NOTED_MAX).map(|(account, code)| format!("{account} {code}")).collect();
    (i32::try_from(errors().count()).unwrap_or(i32::MAX), (!notes.is_empty()).then(|| notes.join("; ")))
}

/// Writes what the accounts of a chunk come to.
pub(super) fn save(tx: &mut Tx<'_>, run: WhatIfRunId, rows: Vec<AccountResult>) -> Result<()> {
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

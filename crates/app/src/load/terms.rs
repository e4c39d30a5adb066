//! What a contract has agreed beyond its rate, and the contract that it rests on, read from the files.
//!
//! Deliberately missing: instalments. What they bill is taken out of an account's balance by an arrangement,
//! which is made once the balance is there.

use super::Town;
use super::account::ContractPlan;
use super::files::CONTRACTS;
use super::row::{Fault, Row};
use billing::Terms;
use std::collections::HashMap;
use vocab::{ContractState, GlAccountId, Money, SegmentMethod};

/// Columns of what is agreed, each with the methods that it is for.
const COLUMNS: [(&str, &[SegmentMethod]); 8] = [
    ("principal", &[SegmentMethod::Deposit, SegmentMethod::Loan]),
    ("per_bill", &[SegmentMethod::Deposit]),
    ("annual_percent", &[SegmentMethod::Loan]),
    ("payments", &[SegmentMethod::Loan]),
    ("principal_gl", &[SegmentMethod::Loan]),
    ("budget_level", &[SegmentMethod::Metered]),
    ("budget_since_on", &[SegmentMethod::Metered]),
    ("budget_review_on", &[SegmentMethod::Metered]),
];

/// What a contract has agreed; a metered one has a budget when its columns say so.
pub(super) fn terms(town: &Town, row: &Row, method: SegmentMethod) -> Result<Option<Terms>, Fault> {
    if method == SegmentMethod::Instalment {
        return Err(row.refuse("instalments are started by an arrangement, once the balance is loaded"));
    }
    let foreign =
        |(column, of): &&(&str, &[SegmentMethod])| !of.contains(&method) && !row.cell(column).is_empty();
    if let Some((column, _)) = COLUMNS.iter().find(foreign) {
        return Err(row.refuse(format!("{column} is not for a {method} contract")));
    }
    let terms = match method {
        SegmentMethod::Deposit => Terms::Deposit {
            required: amount(town, row, "principal")?,
            per_bill: amount(town, row, "per_bill")?,
        },
        SegmentMethod::Loan => Terms::Loan {
            principal: amount(town, row, "principal")?,
            annual_percent: row.number("annual_percent")?,
            payments: row.word("payments")?,
            principal_gl: gl(town, row)?,
        },
        SegmentMethod::Metered if row.cell("budget_level").is_empty() => {
            let days = ["budget_since_on", "budget_review_on"];
            return match days.iter().find(|column| !row.cell(column).is_empty()) {
                Some(column) => Err(row.refuse(format!("{column} needs budget_level"))),
                None => Ok(None),
            };
        }
        SegmentMethod::Metered => Terms::Budget {
            level: amount(town, row, "budget_level")?,
            since_on: row.day("budget_since_on")?,
            review_on: row.day("budget_review_on")?,
        },
        _ => return Ok(None),
    };
    let fault = terms.fault(town.currency).map_err(|overflow| row.refuse(overflow.to_string()))?;
    match fault {
        // A file says once what is to be billed in all, whatever it is called.
        Some(fault) => {
            let column = match (method, fault.field) {
                (SegmentMethod::Metered, field) => format!("budget_{field}"),
                (_, "required") => "principal".to_owned(),
                (_, field) => field.to_owned(),
            };
            Err(row.refuse(format!("{column}: {}", fault.detail)))
        }
        None => Ok(Some(terms)),
    }
}

fn amount(town: &Town, row: &Row, column: &str) -> Result<Money, Fault> {
    row.optional_money(column, &town.currency)?.ok_or_else(|| row.refuse(format!("{column} is empty")))
}

fn gl(town: &Town, row: &Row) -> Result<GlAccountId, Fault> {
    let code = row.text("principal_gl")?;
    let known = town.gl_accounts.get(code).copied();
    known.ok_or_else(|| row.refuse(format!("principal_gl: there is no ledger account `{code}`")))
}

/// Refuses references that stand there twice, masters that are not there or are billed no more, and chains of
/// masters that come back to where they began.
pub(super) fn check_masters(contracts: &[ContractPlan]) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut known: HashMap<&str, &ContractPlan> = HashMap::with_capacity(contracts.len());
    let refuse = |of: &ContractPlan, reason: String| Fault::new(CONTRACTS.file, of.line, reason);
    for of in contracts {
        if let Some(reference) = of.reference.as_deref()
            && known.insert(reference, of).is_some()
        {
            faults.push(refuse(
                of,
                format!("reference: `{reference}` stands at another contract of the account"),
            ));
        }
    }
    for of in contracts {
        let Some(master) = of.master.as_deref() else { continue };
        match known.get(master) {
            None => faults.push(refuse(of, format!("master: the account has no contract `{master}`"))),
            Some(master) if master.state == ContractState::Closed && of.state != ContractState::Closed => {
                faults.push(refuse(of, "master: that contract is billed no more".to_owned()));
            }
            Some(_) if comes_back(of, &known) => {
                faults
                    .push(refuse(of, "master: the chain of masters comes back to where it began".to_owned()));
            }
            Some(_) => {}
        }
    }
    faults
}

fn comes_back(of: &ContractPlan, known: &HashMap<&str, &ContractPlan>) -> bool {
    let mut at = of.master.as_deref();
    // No chain is longer than there are contracts.
    for _ in 0..=known.len() {
        let Some(next) = at.and_then(|reference| known.get(reference)) else { return false };
        at = next.master.as_deref();
    }
    true
}

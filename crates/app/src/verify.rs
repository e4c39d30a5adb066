//! Proving the books: every invariant over everything stored, in flat memory.
//!
//! Reads only, and may run beside all other work. Ranges of accounts are looked at one after the
//! other, each statement in a transaction of its own; the arithmetic of every segment is done
//! again by `proof`, which shares no code with rating.

use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use store::verify::{CHECKS, Check, Found, Invariant, Key, Record, Scope, Subject};
use store::{Db, Tx};
use vocab::{AccountId, BillId, ContractId, DrawId, FtId, PaymentId, RunId, SegmentId, TenderId};

/// Accounts, runs or tenders looked at by one statement.
const RANGE: i64 = 5_000;
/// Segments computed again at a time.
const RECORDS: i64 = 2_000;
/// Violations named per invariant; the others are counted.
pub const NAMED_MAX: usize = 1_000;

/// One thing that breaks an invariant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// Opaque id of the thing.
    pub subject: String,
    /// Opaque id of the account, when it belongs to one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// What was found and what should be.
    pub detail: String,
}

/// What is known of one invariant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// What it says.
    pub says: &'static str,
    /// How many things were looked at.
    pub checked: u64,
    /// How many things break it.
    pub violated: u64,
    /// The first of them.
    pub violations: Vec<Violation>,
}

impl Verdict {
    fn violated(&mut self, violation: Violation) {
        self.violated += 1;
        if self.violations.len() < NAMED_MAX {
            self.violations.push(violation);
        }
    }
}

/// The outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether nothing was found.
    pub ok: bool,
    /// Every invariant by its name.
    pub invariants: BTreeMap<&'static str, Verdict>,
}

/// Checks everything.
pub fn verify(db: &Db) -> Result<Report> {
    let mut verdicts: BTreeMap<Invariant, Verdict> = Invariant::ALL
        .iter()
        .map(|&invariant| (invariant, Verdict { says: invariant.says(), ..Verdict::default() }))
        .collect();
    for key in Key::ALL {
        for_each_range(db, key, |range| {
            for check in CHECKS.iter().filter(|check| check.key == key) {
                look(db, check, range, verdicts.entry(check.invariant).or_default())?;
            }
            if key == Key::Account {
                look_at_scopes(db, range, verdicts.entry(Invariant::I4).or_default())?;
            }
            Ok(())
        })?;
    }
    compute_again(db, verdicts.entry(Invariant::I6).or_default())?;
    let ok = verdicts.values().all(|verdict| verdict.violated == 0);
    let invariants = verdicts.into_iter().map(|(invariant, verdict)| (invariant.name(), verdict)).collect();
    Ok(Report { ok, invariants })
}

/// Cuts all possible ids into ranges, so that rows of an owner that does not exist are seen too.
fn for_each_range(db: &Db, key: Key, mut work: impl FnMut((i64, i64)) -> Result<()>) -> Result<()> {
    let mut after = i64::MIN;
    loop {
        let end = db.tx(|tx| Ok::<_, Error>(store::verify::boundary(tx, key, after, RANGE)?))?;
        work((after, end.unwrap_or(i64::MAX)))?;
        match end {
            Some(end) => after = end,
            None => return Ok(()),
        }
    }
}

/// Asks about a range, in a transaction of its own.
fn by_range<T>(db: &Db, ask: impl FnOnce(&mut Tx<'_>) -> store::Result<T>) -> Result<T> {
    db.tx(|tx| {
        tx.by_range()?;
        Ok(ask(tx)?)
    })
}

fn look(db: &Db, check: &Check, range: (i64, i64), verdict: &mut Verdict) -> Result<()> {
    let found = by_range(db, |tx| store::verify::find(tx, check, range))?;
    let checked = by_range(db, |tx| store::verify::count(tx, check, range))?;
    verdict.checked += checked.unsigned_abs();
    for one in found {
        verdict.violated(violation(check.subject, &one));
    }
    Ok(())
}

fn violation(subject: Subject, found: &Found) -> Violation {
    let (owner, n) = (AccountId(found.account.unwrap_or_default()), found.n);
    let id = match subject {
        Subject::Account => AccountId(n).to_string(),
        Subject::Bill => BillId::new(owner, n).to_string(),
        Subject::Ft => FtId::new(owner, n).to_string(),
        Subject::Segment => SegmentId::new(owner, n).to_string(),
        Subject::Contract => ContractId::new(owner, n).to_string(),
        Subject::Payment => PaymentId::new(owner, n).to_string(),
        Subject::Draw => DrawId::new(owner, n).to_string(),
        Subject::Run => RunId(n).to_string(),
        Subject::Tender => TenderId(n).to_string(),
    };
    let account = found.account.map(|_| owner.to_string());
    Violation { subject: id, account, detail: found.detail.clone() }
}

/// I4: a contract that was billed before and lives on cannot be missing from a draft.
fn look_at_scopes(db: &Db, range: (i64, i64), verdict: &mut Verdict) -> Result<()> {
    let scopes = by_range(db, |tx| store::verify::scopes(tx, range))?;
    for Scope { account_id, run_id, drafted, expected } in scopes {
        let owner = AccountId(account_id);
        for contract in expected.into_iter().map(|n| ContractId::new(owner, n).to_string()) {
            if !drafted.contains(&contract) {
                let detail = format!("run {} left it out", RunId(run_id));
                let account = Some(owner.to_string());
                verdict.violated(Violation { subject: contract, account, detail });
            }
        }
    }
    Ok(())
}

/// A segment's stored arithmetic, as far as it is needed to hand its lines on.
#[derive(Deserialize)]
struct Calculation<'a> {
    v: u8,
    #[serde(borrow, default)]
    derived: Option<&'a RawValue>,
    #[serde(borrow, default)]
    lines: Option<&'a RawValue>,
    #[serde(default)]
    charges: Vec<Charge>,
    #[serde(default)]
    terms: Vec<Term>,
}

/// A line of agreed terms; interest says what it is of.
#[derive(Deserialize)]
struct Term {
    amount: i64,
    #[serde(default)]
    of: Option<InterestOf>,
}

#[derive(Deserialize)]
struct InterestOf {
    balance: i64,
    annual_percent: vocab::Decimal,
}

impl Term {
    /// Whether interest is a twelfth of the year's on what was left, in whole numbers: half away from zero.
    fn holds(&self) -> bool {
        let Some(of) = &self.of else { return true };
        let scale = 10_i128.checked_pow(of.annual_percent.scale());
        let exact = i128::from(of.balance).checked_mul(of.annual_percent.mantissa());
        let Some((exact, by)) = exact.zip(scale.and_then(|scale| scale.checked_mul(1_200))) else {
            return false;
        };
        let twice = i128::from(self.amount).checked_mul(2).and_then(|twice| twice.checked_mul(by));
        let off = twice.zip(exact.checked_mul(2)).and_then(|(stated, exact)| exact.checked_sub(stated));
        // From half a unit below (what was rounded up) to less than half above.
        off.is_some_and(|off| -by <= off && off < by)
    }
}

#[derive(Deserialize)]
struct Charge {
    amount: i64,
}

/// I6: every line of every segment, from its own record.
fn compute_again(db: &Db, verdict: &mut Verdict) -> Result<()> {
    let Some(settings) = db.tx(|tx| Ok::<_, Error>(store::settings::find(tx)?))? else { return Ok(()) };
    let digits = u8::try_from(settings.minor_digits).unwrap_or(u8::MAX);
    let mut after = (i64::MIN, i64::MIN);
    loop {
        let records = db.tx(|tx| Ok::<_, Error>(store::verify::records(tx, after, RECORDS)?))?;
        let Some(last) = records.last() else { return Ok(()) };
        after = (last.account_id, last.id);
        for record in &records {
            match recomputed(record, digits) {
                Ok(lines) => verdict.checked += lines,
                Err(why) => {
                    let owner = AccountId(record.account_id);
                    let subject = SegmentId::new(owner, record.id).to_string();
                    let account = Some(owner.to_string());
                    verdict.violated(Violation { subject, account, detail: why });
                }
            }
        }
    }
}

/// The lines that hold, or what does not.
fn recomputed(record: &Record, digits: u8) -> std::result::Result<u64, String> {
    let unreadable = |error: serde_json::Error| format!("the record is unreadable: {error}");
    let calc: Calculation<'_> = serde_json::from_str(&record.document.0).map_err(unreadable)?;
    let charged: i128 = calc.charges.iter().map(|charge| i128::from(charge.amount)).sum();
    let agreed: i128 = calc.terms.iter().map(|term| i128::from(term.amount)).sum();
    if calc.terms.iter().any(|term| !term.holds()) {
        return Err("interest is not a twelfth of the year's on what was left".to_owned());
    }
    let rated = i128::from(record.total_minor) - charged - agreed;
    let rated = i64::try_from(rated).map_err(|_| "its charges add up to more than any total".to_owned())?;
    let lines = calc.lines.map_or("[]", RawValue::get);
    let derived = calc.derived.map_or("[]", RawValue::get);
    let document = format!("{{\"v\":{},\"derived\":{derived},\"lines\":{lines}}}", calc.v);
    match proof::verify_lines(&document, rated, digits) {
        Ok(checked) => {
            let all = checked.lines.saturating_add(calc.charges.len()).saturating_add(calc.terms.len());
            Ok(u64::try_from(all).unwrap_or(u64::MAX))
        }
        Err(violations) => {
            let all: Vec<String> = violations.iter().map(ToString::to_string).collect();
            Err(all.join("; "))
        }
    }
}

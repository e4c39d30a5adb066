//! Trials of other rates: what has been billed is rated again under them, and nothing is posted.
//!
//! A trial takes the standing segments that the replaced rates made and that end in its days, and rates
//! each from its own record ([`billing::re_rate`]). Which versions stand in is fixed when it is started:
//! a version that is added meanwhile changes nothing. What a stand-in remembers (averages, ratchets,
//! banks, the year so far) is what the trial itself made of the months before, and as billed before its
//! first day. An account of which a segment cannot be rated is kept with the error and is in no sum.
//! Each chunk writes its accounts and its sums in one transaction.

mod rating;
mod replacements;
mod sheet;
mod sums;
mod trial;

pub use rating::ReRating;
pub use replacements::{NewReplacement, Replacement, With};
pub use sheet::Sheet;

use crate::audit::{self, Action};
use crate::naming::{check_name, few, unknown};
use crate::operations::{self, NewOperation, OperationView};
use crate::{App, Caller, Result, Utility};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::HashMap;
use store::queue::NewChunk;
use store::what_if::{self, ClassTotals, ListedResult, ResultFilter, WhatIfRun, WhatIfScope};
use store::{Cursor, Page, Tx};
use time::Date;
use vocab::{AccountId, Code, Money, OperationId, OperationKind, Problem, SiteId, WhatIfRunId};

/// Accounts of one chunk.
const CHUNK_ACCOUNTS: usize = 500;
/// The widest choice by account.
const ACCOUNTS_MAX: usize = 10_000;
/// The widest choice by site.
const SITES_MAX: usize = 100;
/// The widest choice by class.
const CLASSES_MAX: usize = 100;

/// A trial to start.
#[derive(Debug, Clone)]
pub struct NewWhatIf {
    /// For people.
    pub name: String,
    /// Segments whose last charged day is not before this one.
    pub from_on: Date,
    /// Nor after this one.
    pub to_on: Date,
    /// Only these sites; all that the caller sees when absent.
    pub sites: Option<Vec<SiteId>>,
    /// Only these customer classes.
    pub classes: Option<Vec<String>>,
    /// Only these accounts.
    pub accounts: Option<Vec<AccountId>>,
    /// Which rates are tried in the place of which.
    pub replacements: Vec<NewReplacement>,
}

/// The scope as stored.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Scope {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    site_ids: Option<Vec<SiteId>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    class_codes: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    account_ids: Option<Vec<AccountId>>,
}

/// What some accounts come to; those with an error are only counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Figures {
    /// Accounts in the sums.
    pub accounts: i64,
    /// Those of them that would have paid less.
    pub winners: i64,
    /// Those that would have paid more.
    pub losers: i64,
    /// Those that would have paid the same.
    pub unchanged: i64,
    /// Accounts that cannot be rated again.
    pub errors: i64,
    /// What was billed.
    pub billed: Money,
    /// What it would have been.
    pub alternative: Money,
    /// How much more.
    pub difference: Money,
}

impl Figures {
    fn of(row: &ClassTotals) -> Result<Self> {
        Ok(Self {
            accounts: row.winners + row.losers + row.unchanged,
            winners: row.winners,
            losers: row.losers,
            unchanged: row.unchanged,
            errors: row.errors,
            billed: row.billed_minor,
            alternative: row.alternative_minor,
            difference: row.alternative_minor.minus(row.billed_minor)?,
        })
    }

    fn plus(self, other: &Self) -> Result<Self> {
        Ok(Self {
            accounts: self.accounts + other.accounts,
            winners: self.winners + other.winners,
            losers: self.losers + other.losers,
            unchanged: self.unchanged + other.unchanged,
            errors: self.errors + other.errors,
            billed: self.billed.plus(other.billed)?,
            alternative: self.alternative.plus(other.alternative)?,
            difference: self.difference.plus(other.difference)?,
        })
    }
}

/// A trial with its progress and what it comes to so far.
#[derive(Debug, Clone)]
pub struct WhatIfView {
    /// The trial.
    pub run: WhatIfRun,
    /// The work.
    pub operation: OperationView,
    /// All accounts.
    pub totals: Figures,
    /// By customer class.
    pub classes: Vec<(String, Figures)>,
}

/// Files a trial; workers take it up after the commit.
pub fn start(tx: &mut Tx<'_>, caller: &Caller, new: NewWhatIf) -> Result<WhatIfView> {
    check_name("/name", &new.name)?;
    if new.to_on < new.from_on {
        return Err(Problem::field("/to_on", Code::FieldRange, "not before the first day").into());
    }
    let scope = scope(tx, caller, &new)?;
    let utility = Utility::load(tx)?;
    let replacements = replacements::read(tx, &utility.currency, new.replacements)?;
    let accounts = what_if::accounts(
        tx,
        &WhatIfScope {
            sites: scope.site_ids.clone(),
            classes: scope.class_codes.clone(),
            accounts: scope.account_ids.clone(),
        },
    )?;
    if accounts.is_empty() {
        return Err(Problem::new(Code::EmptyScope, "no account of the scope has a bill").into());
    }
    let id = WhatIfRunId(tx.new_id()?);
    let operation = operations::file(
        tx,
        &caller.actor(),
        NewOperation {
            kind: OperationKind::WhatIf,
            subject_id: Some(id.0),
            params: json!({}),
            chunks: accounts.chunks(CHUNK_ACCOUNTS).map(NewChunk::from).collect(),
            total: None,
        },
    )?;
    let run = WhatIfRun {
        id,
        name: new.name,
        operation_id: operation.id,
        from_on: new.from_on,
        to_on: new.to_on,
        scope: serde_json::to_value(scope)?,
        replacements: serde_json::to_value(&replacements)?,
        created_by: caller.actor(),
        created_at: tx.as_of(),
    };
    what_if::insert(tx, &run)?;
    let schedules: Vec<_> = replacements.iter().map(|one| one.schedule_id).collect();
    let after = json!({ "accounts": accounts.len(), "scope": run.scope, "schedules": schedules });
    let action = Action {
        action: "what_if_run.start",
        subject: id.to_string(),
        after: Some(after),
        ..Action::default()
    };
    audit::record(tx, caller, action)?;
    view(tx, run)
}

/// The scope, within the caller's sites: what lies outside does not exist for them.
fn scope(tx: &mut Tx<'_>, caller: &Caller, new: &NewWhatIf) -> Result<Scope> {
    few("/site_ids", new.sites.as_ref().map_or(0, Vec::len), SITES_MAX)?;
    for (at, site) in new.sites.iter().flatten().enumerate() {
        let pointer = format!("/site_ids/{at}");
        caller.find_in(*site).map_err(|_| unknown(&pointer))?;
        store::places::site(tx, *site)?.ok_or_else(|| unknown(&pointer))?;
    }
    if let Some(classes) = &new.classes {
        few("/class_codes", classes.len(), CLASSES_MAX)?;
        let known = store::ledger_setup::customer_classes(tx)?;
        if let Some(at) = classes.iter().position(|code| known.iter().all(|class| class.code != *code)) {
            return Err(unknown(&format!("/class_codes/{at}")).into());
        }
    }
    if let Some(accounts) = &new.accounts {
        few("/account_ids", accounts.len(), ACCOUNTS_MAX)?;
        let known: HashMap<AccountId, SiteId> = store::accounts::load(tx, accounts)?
            .into_iter()
            .map(|row| (row.account_id, row.site_id))
            .collect();
        let is_foreign = |id| known.get(id).is_none_or(|site| caller.find_in(*site).is_err());
        if let Some(at) = accounts.iter().position(is_foreign) {
            return Err(unknown(&format!("/account_ids/{at}")).into());
        }
    }
    let site_ids = new.sites.clone().or_else(|| caller.sites());
    Ok(Scope { site_ids, class_codes: new.classes.clone(), account_ids: new.accounts.clone() })
}

/// A trial that the caller may see: none of its accounts lies outside the caller's sites.
fn find(tx: &mut Tx<'_>, caller: &Caller, id: WhatIfRunId) -> Result<WhatIfRun> {
    let run = what_if::find(tx, id)?.ok_or_else(Problem::not_found)?;
    operations::visible(tx, caller, run.operation_id)?;
    Ok(run)
}

fn view(tx: &mut Tx<'_>, run: WhatIfRun) -> Result<WhatIfView> {
    let operation = operations::view(tx, run.operation_id)?;
    let (totals, classes) = figures(tx, run.id)?;
    Ok(WhatIfView { run, operation, totals, classes })
}

fn figures(tx: &mut Tx<'_>, run: WhatIfRunId) -> Result<(Figures, Vec<(String, Figures)>)> {
    let rows = what_if::totals(tx, run)?;
    let classes = rows
        .into_iter()
        .map(|row| Ok((row.class_code.clone(), Figures::of(&row)?)))
        .collect::<Result<Vec<_>>>()?;
    let totals = classes.iter().try_fold(Figures::default(), |all, (_, of)| all.plus(of))?;
    Ok((totals, classes))
}

/// The replacements of a trial.
pub fn replacements_of(run: &WhatIfRun) -> Result<Vec<Replacement>> {
    Ok(serde_json::from_value(run.replacements.clone())?)
}

impl App {
    /// A trial, with its progress and what it comes to so far.
    pub fn what_if_run(&self, caller: &Caller, id: WhatIfRunId) -> Result<WhatIfView> {
        self.db().tx(|tx| {
            let run = find(tx, caller, id)?;
            view(tx, run)
        })
    }

    /// The trials that the caller may see, newest first.
    pub fn what_if_runs(
        &self,
        caller: &Caller,
        after: Option<&Cursor>,
        limit: i64,
    ) -> Result<Page<WhatIfRun>> {
        self.db().tx(|tx| {
            let mut page = what_if::list(tx, after, limit)?;
            let ids: Vec<OperationId> = page.items.iter().map(|run| run.operation_id).collect();
            let hidden = operations::hidden(tx, caller, &ids)?;
            page.items.retain(|run| !hidden.contains(&run.operation_id));
            Ok(page)
        })
    }

    /// Throws a trial away with its results; not while it is under way.
    pub fn delete_what_if_run(&self, caller: &Caller, id: WhatIfRunId) -> Result<()> {
        self.db().tx(|tx| {
            let run = find(tx, caller, id)?;
            let state = operations::view(tx, run.operation_id)?.operation.state;
            if !operations::is_over(state) {
                return Err(operations::refused(state));
            }
            what_if::delete(tx, id)?;
            let before = json!({ "name": run.name, "scope": run.scope, "replacements": run.replacements });
            let action = Action {
                action: "what_if_run.delete",
                subject: id.to_string(),
                before: Some(before),
                ..Action::default()
            };
            audit::record(tx, caller, action)
        })
    }

    /// The accounts of a trial.
    pub fn what_if_accounts(
        &self,
        caller: &Caller,
        id: WhatIfRunId,
        filter: &ResultFilter,
        after: Option<&Cursor>,
        limit: i64,
    ) -> Result<Page<ListedResult>> {
        self.db().tx(|tx| {
            find(tx, caller, id)?;
            tx.in_order()?;
            Ok(what_if::results(tx, id, filter, after, limit)?)
        })
    }
}

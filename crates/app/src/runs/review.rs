//! Review: flags are released or held with a reason, alone or many at once.

use super::find;
use crate::audit::{self, Action};
use crate::{App, Caller, Result};
use serde_json::json;
use store::flags::{ErrorRow, FlagDecision, FlagFilter, FlagRow};
use store::{Cursor, Page, Tx};
use vocab::{AccountId, Code, Disposition, FlagCode, FlagId, Problem, RunId, Severity};

/// Most flags of one request.
pub const FLAGS_MAX: usize = 1000;

/// What to decide about which flags.
#[derive(Debug, Clone)]
pub struct Review {
    /// These flags.
    pub flags: Vec<FlagId>,
    /// Or every open flag of the run that matches.
    pub matching: Option<Matching>,
    /// What is decided; unchanged when absent.
    pub disposition: Option<Disposition>,
    /// Who is to look at it; unchanged when absent.
    pub assignee: Option<String>,
    /// Why; needed to hold or release.
    pub reason: Option<String>,
}

/// Open flags of a run, by code and severity.
#[derive(Debug, Clone, Copy)]
pub struct Matching {
    /// Of which run.
    pub run: RunId,
    /// Only this code.
    pub code: Option<FlagCode>,
    /// Only this severity.
    pub severity: Option<Severity>,
}

/// What became of one flag of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reviewed {
    /// Which.
    pub flag: FlagId,
    /// Whether it was decided; the caller sees no such flag otherwise.
    pub decided: bool,
}

/// Decides flags; those that the caller may not see are reported as not decided.
pub fn review(tx: &mut Tx<'_>, caller: &Caller, review: Review) -> Result<Vec<Reviewed>> {
    if review.disposition.is_none() && review.assignee.is_none() {
        return Err(Problem::field("/disposition", Code::FieldRequired, "decide or assign").into());
    }
    let undecided = matches!(review.disposition, None | Some(Disposition::Open));
    if !undecided && review.reason.as_deref().is_none_or(|reason| reason.trim().is_empty()) {
        return Err(Problem::field("/reason", Code::FieldRequired, "say why").into());
    }
    let wanted = match review.matching {
        Some(matching) => matching_flags(tx, caller, matching)?,
        None => review.flags,
    };
    if wanted.is_empty() || wanted.len() > FLAGS_MAX {
        let detail = format!("1 to {FLAGS_MAX} flags at a time");
        return Err(Problem::field("/flag_ids", Code::FieldRange, detail).into());
    }
    let keys: Vec<(AccountId, i64)> = wanted.iter().map(|flag| (flag.owner, flag.n)).collect();
    let seen: Vec<(AccountId, i64)> = store::flags::lock(tx, &keys)?
        .into_iter()
        .filter(|row| caller.principal.sees_site(row.site_id))
        .map(|row| (row.account_id, row.id))
        .filter(|key| keys.contains(key))
        .collect();
    let decision = FlagDecision {
        disposition: review.disposition,
        assignee: review.assignee,
        reason: review.reason.clone(),
    };
    store::flags::decide(tx, &seen, &decision, &caller.actor())?;
    audit::record(
        tx,
        caller,
        Action {
            action: "flags.review",
            subject: wanted.first().map(ToString::to_string).unwrap_or_default(),
            after: Some(json!({ "flags": seen.len(), "disposition": decision.disposition })),
            reason: review.reason,
            ..Action::default()
        },
    )?;
    Ok(wanted
        .into_iter()
        .map(|flag| Reviewed { flag, decided: seen.contains(&(flag.owner, flag.n)) })
        .collect())
}

fn matching_flags(tx: &mut Tx<'_>, caller: &Caller, matching: Matching) -> Result<Vec<FlagId>> {
    find(tx, caller, matching.run)?;
    let filter = FlagFilter {
        run: Some(matching.run),
        sites: caller.sites(),
        code: matching.code,
        severity: matching.severity,
        disposition: Some(Disposition::Open),
        ..FlagFilter::default()
    };
    let limit = i64::try_from(FLAGS_MAX).unwrap_or(i64::MAX);
    let page = store::flags::list(tx, &filter, None, limit)?;
    Ok(page.items.iter().map(|row| FlagId::new(row.account_id, row.id)).collect())
}

impl App {
    /// Flags that the caller may see.
    pub fn flags(
        &self,
        caller: &Caller,
        filter: FlagFilter,
        after: Option<&Cursor>,
        limit: i64,
    ) -> Result<Page<FlagRow>> {
        self.db().tx(|tx| {
            if let Some(run) = filter.run {
                find(tx, caller, run)?;
            }
            let filter = FlagFilter { sites: caller.sites(), ..filter };
            Ok(store::flags::list(tx, &filter, after, limit)?)
        })
    }

    /// Open errors of a run.
    pub fn run_errors(
        &self,
        caller: &Caller,
        id: RunId,
        code: Option<Code>,
        after: Option<&Cursor>,
        limit: i64,
    ) -> Result<Page<ErrorRow>> {
        self.db().tx(|tx| {
            find(tx, caller, id)?;
            Ok(store::flags::errors(tx, id, code, after, limit)?)
        })
    }
}

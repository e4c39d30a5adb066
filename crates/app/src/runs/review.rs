//! Review: flags are released or held with a reason, alone or many at once.

use super::find;
use crate::audit::{self, Action};
use crate::{App, Caller, Result};
use serde_json::json;
use std::collections::{HashMap, HashSet};
use store::flags::{FlagDecision, FlagFilter, FlagOrder, FlagRow};
use store::{Cursor, Page, Tx};
use vocab::{AccountId, Code, Disposition, FlagId, Problem, RunId, ServicePointId, SiteId};

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

/// Open flags of a run.
#[derive(Debug, Clone)]
pub struct Matching {
    /// Of which run.
    pub run: RunId,
    /// Which of them; its run, account and disposition decide nothing.
    pub filter: FlagFilter,
}

/// What became of one flag of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reviewed {
    /// Which.
    pub flag: FlagId,
    /// Why it was not decided.
    pub refused: Option<Refusal>,
}

/// Why a flag is not decided.
pub type Refusal = (Code, String);

/// A list of flags: the flag, and the service point of its contract.
pub type ListedFlag = (FlagRow, Option<ServicePointId>);

/// Decides flags; those that are not decided are answered with the reason.
pub fn review(tx: &mut Tx<'_>, caller: &Caller, review: Review) -> Result<Vec<Reviewed>> {
    review_but(tx, caller, review, |_, _| Ok(HashMap::new()))
}

/// The same; what is refused for its own reasons is not decided. The flags are locked.
pub(crate) fn review_but(
    tx: &mut Tx<'_>,
    caller: &Caller,
    review: Review,
    refused: impl FnOnce(&mut Tx<'_>, &[FlagRow]) -> Result<HashMap<(AccountId, i64), Refusal>>,
) -> Result<Vec<Reviewed>> {
    if review.disposition.is_none() && review.assignee.is_none() {
        return Err(Problem::field("/disposition", Code::FieldRequired, "decide or assign").into());
    }
    let undecided = matches!(review.disposition, None | Some(Disposition::Open));
    if !undecided && review.reason.as_deref().is_none_or(|reason| reason.trim().is_empty()) {
        return Err(Problem::field("/reason", Code::FieldRequired, "say why").into());
    }
    let wanted = match review.matching {
        Some(_) if !review.flags.is_empty() => {
            let detail = "name flags, or what they have in common: not both";
            return Err(Problem::field("/matching", Code::FieldRange, detail).into());
        }
        Some(matching) => {
            let found = matching_flags(tx, caller, matching)?;
            if found.is_empty() {
                return Ok(Vec::new());
            }
            found
        }
        None => review.flags,
    };
    if wanted.is_empty() || wanted.len() > FLAGS_MAX {
        let detail = format!("1 to {FLAGS_MAX} flags at a time");
        return Err(Problem::field("/flag_ids", Code::FieldRange, detail).into());
    }
    let keys: Vec<(AccountId, i64)> = wanted.iter().map(|flag| (flag.owner, flag.n)).collect();
    let asked: HashSet<(AccountId, i64)> = keys.iter().copied().collect();
    let mut rows = store::flags::lock(tx, &keys)?;
    rows.retain(|row| caller.principal.sees_site(row.site_id) && asked.contains(&(row.account_id, row.id)));
    let refused = refused(tx, &rows)?;
    let mut seen: HashSet<(AccountId, i64)> = rows.iter().map(|row| (row.account_id, row.id)).collect();
    seen.retain(|key| !refused.contains_key(key));
    let decided: Vec<(AccountId, i64)> = seen.iter().copied().collect();
    let decision = FlagDecision {
        disposition: review.disposition,
        assignee: review.assignee,
        reason: review.reason.clone(),
    };
    store::flags::decide(tx, &decided, &decision, &caller.actor())?;
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
        .map(|flag| {
            let key = (flag.owner, flag.n);
            let none = || (Code::NotFound, Code::NotFound.meaning().to_owned());
            let refused = refused.get(&key).cloned().or_else(|| (!seen.contains(&key)).then(none));
            Reviewed { flag, refused }
        })
        .collect())
}

fn matching_flags(tx: &mut Tx<'_>, caller: &Caller, matching: Matching) -> Result<Vec<FlagId>> {
    find(tx, caller, matching.run)?;
    let filter = FlagFilter {
        run: Some(matching.run),
        account: None,
        sites: own_sites(caller, matching.filter.sites)?,
        disposition: Some(Disposition::Open),
        ..matching.filter
    };
    let limit = i64::try_from(FLAGS_MAX).unwrap_or(i64::MAX);
    let page = store::flags::list(tx, &filter, FlagOrder::Account, None, limit)?;
    Ok(page.items.iter().map(|row| FlagId::new(row.account_id, row.id)).collect())
}

/// The sites asked for, each one that the caller sees; else all that they see.
pub(super) fn own_sites(caller: &Caller, asked: Option<Vec<SiteId>>) -> Result<Option<Vec<SiteId>>> {
    let Some(asked) = asked else { return Ok(caller.sites()) };
    for &site in &asked {
        caller.find_in(site)?;
    }
    Ok(Some(asked))
}

impl App {
    /// Flags that the caller may see. What is sorted otherwise than by account is of one run.
    pub fn flags(
        &self,
        caller: &Caller,
        filter: FlagFilter,
        order: FlagOrder,
        after: Option<&Cursor>,
        limit: i64,
    ) -> Result<Page<ListedFlag>> {
        if order != FlagOrder::Account && filter.run.is_none() {
            let detail = "sort: only the flags of one run are sorted; name its run_id";
            return Err(Problem::new(Code::MalformedParameter, detail).with("name", "sort").into());
        }
        self.db().tx(|tx| {
            if let Some(run) = filter.run {
                find(tx, caller, run)?;
            }
            let sites = own_sites(caller, filter.sites)?;
            let page = store::flags::list(tx, &FlagFilter { sites, ..filter }, order, after, limit)?;
            let contracts = page.items.iter().filter_map(|row| Some((row.account_id, row.contract_id?)));
            let contracts: Vec<(AccountId, i64)> = contracts.collect();
            let points: HashMap<(AccountId, i64), ServicePointId> =
                store::contracts::points_of(tx, &contracts)?.into_iter().collect();
            Ok(page.map(|row| {
                let point = row.contract_id.and_then(|id| points.get(&(row.account_id, id)).copied());
                (row, point)
            }))
        })
    }
}

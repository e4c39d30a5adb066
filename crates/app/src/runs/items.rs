//! Items of a run and their drafts.

use super::find;
use crate::{App, Caller, Result, bill_messages};
use billing::{Draft, PrintedMessage};
use store::drafts::DraftRow;
use store::runs::{ItemFilter, RunItem, RunTest};
use store::{Cursor, Page, Tx};
use vocab::{AccountId, Problem, RunId, TestId};

/// A draft with what it belongs to.
#[derive(Debug, Clone)]
pub struct DraftView {
    /// Whose.
    pub account: AccountId,
    /// Of which test.
    pub test: TestId,
    /// Against the draft before it: new, same, amount, outcome.
    pub changed: String,
    /// The draft.
    pub draft: Draft,
}

/// Reads a stored draft.
pub(crate) fn read(row: DraftRow) -> Result<DraftView> {
    let draft = Draft::parse(&row.document.0)
        .map_err(|error| store::Error::Corrupt { what: "draft", why: error.to_string() })?;
    Ok(DraftView { account: row.account_id, test: row.test_id, changed: row.changed, draft })
}

fn latest(tx: &mut Tx<'_>, caller: &Caller, id: RunId) -> Result<RunTest> {
    let run = find(tx, caller, id)?;
    if !store::drafts::are_kept(tx, id)? {
        return Err(Problem::not_found().into());
    }
    let latest = run.latest_test_id.ok_or_else(Problem::not_found)?;
    Ok(store::runs::test(tx, latest)?.ok_or_else(Problem::not_found)?)
}

impl App {
    /// Items of a run, by account.
    pub fn run_items(
        &self,
        caller: &Caller,
        id: RunId,
        filter: &ItemFilter,
        after: Option<&Cursor>,
        limit: i64,
    ) -> Result<Page<RunItem>> {
        self.db().tx(|tx| {
            find(tx, caller, id)?;
            Ok(store::runs::items(tx, id, filter, after, limit)?)
        })
    }

    /// The draft of an account that stands after the latest test.
    pub fn run_draft(&self, caller: &Caller, id: RunId, account: AccountId) -> Result<DraftView> {
        self.db().tx(|tx| {
            let test = latest(tx, caller, id)?;
            let row = store::drafts::of_account(tx, id, test.number, account)?;
            read(row.ok_or_else(Problem::not_found)?)
        })
    }

    /// What would be said on the bill that a draft of the run becomes, as things are now.
    pub fn draft_messages(&self, caller: &Caller, id: RunId, of: &DraftView) -> Result<Vec<PrintedMessage>> {
        self.db().tx(|tx| {
            let window = find(tx, caller, id)?.window_id;
            bill_messages::on_draft(tx, of.account, window, &of.draft)
        })
    }

    /// The drafts of a test that differ from those they replaced, by account.
    pub fn run_changes(
        &self,
        caller: &Caller,
        id: RunId,
        test: Option<TestId>,
        after: Option<&Cursor>,
        limit: i64,
    ) -> Result<Page<DraftView>> {
        self.db().tx(|tx| {
            let latest = latest(tx, caller, id)?;
            let page = store::drafts::changes(tx, id, test.unwrap_or(latest.id), after, limit)?;
            let items = page.items.into_iter().map(read).collect::<Result<_>>()?;
            Ok(Page { items, next: page.next })
        })
    }
}

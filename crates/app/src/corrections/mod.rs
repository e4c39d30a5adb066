//! Corrections of posted bills: segments are reversed, given back on a credit note, or billed again; a bill
//! is opened again.
//!
//! What was posted is never changed: a reversal is a transaction of its own that falls on the account's next
//! bill, and so is each one of a new segment, which stands under the bill that first had its days. What had
//! paid a reversed segment pays its replacement first. The account is locked before anything is read; its
//! service points are held, so that no read changes while days are billed again.

mod again;
mod bulk;
mod cancel;
mod estimates;
mod proposal;
mod reopen;
mod reverse;

pub use bulk::{BulkView, Correcting, NewBulk, Selection, start as start_bulk};
pub use cancel::{Scope, cancel, credit_note, rebill};
pub use proposal::{Approved, approve};
pub use reopen::{complete, discard, reopen};

pub(crate) use again::Contexts;

use crate::audit::{self, Action};
use crate::{App, Caller, Error, Result, Utility, accounts, ledger};
use billing::{PostedSegment, PostingDates};
use serde_json::json;
use store::bills::{Bill, Segment};
use store::corrections::{self as rows, Correction};
use store::{Cursor, Page, Tx};
use vocab::{AccountId, BillId, Code, CorrectionId, CorrectionKind, Money, Problem, RebillProposalId};

/// A correction with the segments that it reversed and made.
#[derive(Debug, Clone)]
pub struct Corrected {
    /// The correction.
    pub correction: Correction,
    /// The segments that were reversed.
    pub cancelled: Vec<Segment>,
    /// The segments that were made.
    pub made: Vec<Segment>,
}

impl Corrected {
    /// What the correction adds to the balance.
    pub fn net(&self) -> Result<Money> {
        Ok(self.correction.new_minor.minus(self.correction.cancelled_minor)?)
    }
}

/// What every correction of a request shares.
pub(crate) struct Desk<'a> {
    pub(crate) utility: Utility,
    pub(crate) caller: &'a Caller,
    pub(crate) reason: &'a str,
    /// The proposal that asks for it.
    pub(crate) proposal: Option<RebillProposalId>,
}

impl<'a> Desk<'a> {
    /// Refuses empty and overlong reasons.
    pub(crate) fn new(tx: &mut Tx<'_>, caller: &'a Caller, reason: &'a str) -> Result<Self> {
        ledger::check_reason(reason)?;
        Ok(Self { utility: Utility::load(tx)?, caller, reason, proposal: None })
    }

    /// Posted today, about the bill.
    fn dates(&self, tx: &Tx<'_>, bill: &Bill) -> PostingDates {
        ledger::dates(tx, &self.utility, bill.bill_on)
    }
}

/// A bill that the caller read as `version`, if they did, with its account: both are locked.
fn locked(
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: BillId,
    version: Option<i64>,
) -> Result<(store::accounts::Account, Bill)> {
    let account = accounts::lock(tx, caller, id.owner)?;
    let bill = rows::lock_bill(tx, id)?.ok_or_else(Problem::not_found)?;
    if version.is_some_and(|version| version != bill.version) {
        return Err(Problem::new(Code::EtagMismatch, Code::EtagMismatch.meaning()).into());
    }
    Ok((account, bill))
}

/// Writes down what was done to a bill: the correction, the audit log, the outbox.
fn record(
    tx: &mut Tx<'_>,
    desk: &Desk<'_>,
    bill: &Bill,
    kind: CorrectionKind,
    credit_note: Option<i64>,
    reversed: &[PostedSegment],
    made: Vec<Segment>,
) -> Result<Corrected> {
    let cancelled_ids: Vec<i64> = reversed.iter().map(|segment| segment.id.n).collect();
    let cancelled = store::bills::segments_by_id(tx, bill.account_id, &cancelled_ids)?;
    let mut cancelled_minor = Money::ZERO;
    for segment in reversed {
        cancelled_minor = cancelled_minor.plus(segment.current()?)?;
    }
    let correction = Correction {
        account_id: bill.account_id,
        id: tx.new_id()?,
        bill_id: bill.id,
        kind,
        credit_note_id: credit_note,
        service_point_id: desk.proposal.map(|proposal| proposal.owner),
        proposal_id: desk.proposal.map(|proposal| proposal.n),
        cancelled_segment_ids: cancelled_ids,
        new_segment_ids: made.iter().map(|segment| segment.id).collect(),
        cancelled_minor,
        new_minor: Money::sum(made.iter().map(|segment| segment.total_minor))?,
        reason: desk.reason.to_owned(),
        created_by: desk.caller.actor(),
        created_at: tx.as_of(),
    };
    rows::insert(tx, &correction)?;
    let corrected = Corrected { correction, cancelled, made };
    let correction = &corrected.correction;
    let id = correction.bill();
    let after = json!({
        "correction": correction.correction_id(),
        "cancelled_minor": correction.cancelled_minor.minor(),
        "new_minor": correction.new_minor.minor(),
        "segments_cancelled": correction.cancelled_segment_ids.len(),
        "segments_made": correction.new_segment_ids.len(),
    });
    let action = format!("bill.{kind}");
    let reason = Some(desk.reason.to_owned());
    audit::record(
        tx,
        desk.caller,
        Action { action: &action, subject: id.to_string(), after: Some(after), reason, before: None },
    )?;
    let news = json!({ "bill_id": id, "correction_id": correction.correction_id(), "kind": kind });
    store::posting::announce(tx, "bill.corrected", &news)?;
    Ok(corrected)
}

/// Segments as they may be corrected: with their arithmetic and their transactions, in the order given.
fn posted(tx: &mut Tx<'_>, account: AccountId, segments: &[Segment]) -> Result<Vec<PostedSegment>> {
    let ids: Vec<i64> = segments.iter().map(|segment| segment.id).collect();
    let mut fts = rows::fts_of(tx, account, &ids)?;
    segments
        .iter()
        .map(|segment| {
            let period = vocab::Period::new(segment.first_on, segment.last_on)
                .ok_or_else(|| Error::Fault(format!("segment {} ends before it begins", segment.id)))?;
            let fts = fts.remove(&segment.id).unwrap_or_default();
            let fts = fts.into_iter().map(|(row, due_on)| {
                Ok(billing::SegmentFt { id: row.ft_id(), due_on, posted: row.posted()? })
            });
            Ok(PostedSegment {
                id: vocab::SegmentId::new(account, segment.id),
                bill: BillId::new(account, segment.bill_id),
                contract: vocab::ContractId::new(account, segment.contract_id),
                state: segment.state,
                period,
                document: crate::invoice_model::calculation(segment)?,
                fts: fts.collect::<Result<_>>()?,
            })
        })
        .collect()
}

impl App {
    /// A correction that the caller may see.
    pub fn correction(&self, caller: &Caller, id: CorrectionId) -> Result<Corrected> {
        self.db().tx(|tx| {
            accounts::find(tx, caller, id.owner)?;
            let correction = rows::find(tx, id)?.ok_or_else(Problem::not_found)?;
            let mut of = |ids: &[i64]| store::bills::segments_by_id(tx, id.owner, ids);
            let cancelled = of(&correction.cancelled_segment_ids)?;
            let made = of(&correction.new_segment_ids)?;
            Ok(Corrected { correction, cancelled, made })
        })
    }

    /// The corrections of an account, or of one of its bills, newest first.
    pub fn corrections(
        &self,
        caller: &Caller,
        account: AccountId,
        bill: Option<BillId>,
        after: Option<&Cursor>,
        limit: i64,
    ) -> Result<Page<Correction>> {
        self.db().tx(|tx| {
            accounts::find(tx, caller, account)?;
            Ok(rows::list(tx, account, bill.map(|bill| bill.n), after, limit)?)
        })
    }
}

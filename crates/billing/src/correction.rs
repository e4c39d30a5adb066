//! Correcting posted bills: segments are reversed, and their days may be billed again.
//!
//! What was posted stays: a reversal is a transaction of its own, and so is each one of a new segment. New
//! segments keep the days of those whose place they take, and the due dates up to what was cancelled; what
//! goes beyond falls due with the bill that sweeps it up. Invariant: a reversal turns every transaction of its
//! segment around, so that the two leave nothing.

use crate::account::{AccountInputs, Again, Contract};
use crate::completion::{CompletionRefused, EstimatedRead, SegmentRow, credits};
use crate::context::RunContext;
use crate::document::{Calculation, DraftSegment};
use crate::draft::draft;
use crate::error::BillingError;
use crate::journal::JournalFault;
use crate::machines::{Refused, SegmentEvent, transition};
use crate::posting::{Ft, FtOrigin, PostedFt, PostingDates, segment_cancel_ft, segment_ft};
use time::Date;
use vocab::decimal::Overflow;
use vocab::{
    BillId, ContractId, ContractState, FtId, GlAccountId, Money, Period, Problem, SegmentId, SegmentOutcome,
    SegmentState,
};

/// A posted segment with what it posted.
#[derive(Debug, Clone, PartialEq)]
pub struct PostedSegment {
    /// Its id.
    pub id: SegmentId,
    /// The bill that it stands under.
    pub bill: BillId,
    /// The contract it bills.
    pub contract: ContractId,
    /// Its life.
    pub state: SegmentState,
    /// The charged days.
    pub period: Period,
    /// Its arithmetic.
    pub document: Calculation,
    /// Its transactions: two where it took the place of another and came to more.
    pub fts: Vec<SegmentFt>,
}

/// A transaction of a posted segment.
#[derive(Debug, Clone, PartialEq)]
pub struct SegmentFt {
    /// Its id.
    pub id: FtId,
    /// When it falls due: as it says, or with the bill that swept it up.
    pub due_on: Option<Date>,
    /// What it did.
    pub posted: PostedFt,
}

impl PostedSegment {
    /// What it added to the balance.
    pub fn current(&self) -> Result<Money, Overflow> {
        Money::sum(self.fts.iter().map(|ft| ft.posted.current))
    }

    /// Whether it was the first of a contract that started on this day.
    pub fn is_first(&self, starts_on: Date) -> bool {
        match &self.document.rated {
            Some(rated) => rated.is_first,
            None => self.period.first_on() <= starts_on,
        }
    }

    /// Whether a draft bills the same: days, reads, lines, charges and terms. What was an estimate then is a read by
    /// now, which says the same.
    pub fn is_same(&self, drafted: &DraftSegment) -> bool {
        let own = &self.document;
        drafted.contract == self.contract
            && drafted.period == Some(self.period)
            && drafted.calc.as_ref().is_some_and(|calc| {
                calc.reads == own.reads
                    && calc.lines == own.lines
                    && calc.charges == own.charges
                    && calc.terms == own.terms
            })
    }

    /// A contract as it was before the segment, to bill the segment's days again; how far its terms had come is
    /// the caller's to say. Holds are of the days to
    /// come: they do not keep a correction back.
    #[must_use]
    pub fn again(&self, contract: Contract) -> Contract {
        let again = Again {
            period: self.period,
            is_rated: self.document.charges_days(),
            is_first: self.is_first(contract.starts_on),
        };
        Contract {
            billed_through_on: self.period.first_on().previous_day().filter(|_| !again.is_first),
            state: ContractState::Active,
            hold: None,
            again: Some(again),
            ..contract
        }
    }
}

/// Why a correction cannot be made; nothing is written.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CorrectionRefused {
    /// The segment is reversed already.
    #[error("{id}: {refused}")]
    State {
        /// Which.
        id: SegmentId,
        /// Why.
        refused: Refused,
    },
    /// The days cannot be billed again.
    #[error("{id} cannot be billed again: {}", .error.detail)]
    Failed {
        /// Which.
        id: SegmentId,
        /// Why.
        error: BillingError,
    },
    /// What billing them again writes is refused.
    #[error(transparent)]
    Completion(#[from] CompletionRefused),
    /// A journal does not balance or a number does not fit.
    #[error(transparent)]
    Journal(#[from] JournalFault),
    /// A number does not fit.
    #[error(transparent)]
    Overflow(#[from] Overflow),
}

impl From<CorrectionRefused> for Problem {
    fn from(refused: CorrectionRefused) -> Self {
        let detail = refused.to_string();
        match refused {
            CorrectionRefused::State { refused, .. } => {
                Self::new(vocab::Code::WrongState, detail).with("state", refused.state)
            }
            CorrectionRefused::Failed { error, .. } => {
                let names = error.code.params();
                let params = names.iter().filter_map(|&name| Some((name, error.params.get(name)?.clone())));
                Self { params: params.collect(), ..Self::new(error.code, detail) }
            }
            CorrectionRefused::Completion(refused) => refused.into(),
            CorrectionRefused::Journal(fault) => CompletionRefused::from(fault).into(),
            CorrectionRefused::Overflow(overflow) => overflow.into(),
        }
    }
}

/// The reversal of one transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reversal {
    /// What is turned around.
    pub original: FtId,
    /// By what.
    pub ft: Ft,
}

/// The transactions that reverse a segment: born on a bill that is open again, else to be swept up by a credit note
/// or the account's next bill. `ids` gives a fresh row number each time it is called.
///
/// # Errors
/// The segment does not stand any more.
pub fn reverse(
    segment: &PostedSegment,
    born_on: Option<BillId>,
    dates: PostingDates,
    ids: &mut dyn FnMut() -> i64,
) -> Result<Vec<Reversal>, CorrectionRefused> {
    let asked = transition(segment.state, SegmentEvent::RequestCancel);
    asked
        .and_then(|state| transition(state, SegmentEvent::Cancel))
        .map_err(|refused| CorrectionRefused::State { id: segment.id, refused })?;
    let one = |of: &SegmentFt| {
        let origin = FtOrigin { id: FtId::new(segment.id.owner, ids()), source: segment.id.n };
        let ft = segment_cancel_ft(origin, &of.posted, dates)?;
        let ft = match born_on {
            Some(bill) => ft.on_bill(bill),
            None => ft,
        };
        Ok(Reversal { original: of.id, ft })
    };
    segment.fts.iter().map(one).collect()
}

/// What takes the place of a reversed segment.
#[derive(Debug, Clone, PartialEq)]
pub struct Replacement {
    /// The segment.
    pub segment: SegmentRow,
    /// Its transactions, on no bill yet.
    pub fts: Vec<Ft>,
    /// Estimates that it rests on and that are no reads yet.
    pub estimates: Vec<EstimatedRead>,
}

/// Bills the days of reversed segments again, each one under its own bill; one with nothing to charge any more
/// has no replacement. The contracts of the inputs are those of the segments, as [`PostedSegment::again`] makes
/// them.
///
/// # Errors
/// One of them cannot be billed: none is.
pub fn bill_again(
    context: &RunContext,
    inputs: &AccountInputs,
    reversed: &[PostedSegment],
    dates: PostingDates,
    ids: &mut dyn FnMut() -> i64,
) -> Result<Vec<Replacement>, CorrectionRefused> {
    let draft = draft(context, inputs);
    let mut made = Vec::with_capacity(reversed.len());
    for old in reversed {
        let new = draft.segments.iter().find(|new| new.contract == old.contract);
        let new = new.ok_or(CompletionRefused::Outdated)?;
        if let Some(error) = &new.error {
            return Err(CorrectionRefused::Failed { id: old.id, error: error.clone() });
        }
        if new.outcome == SegmentOutcome::Billed {
            made.push(replacement(context, old, new, dates, ids)?);
        }
    }
    Ok(made)
}

fn replacement(
    context: &RunContext,
    old: &PostedSegment,
    new: &DraftSegment,
    dates: PostingDates,
    ids: &mut dyn FnMut() -> i64,
) -> Result<Replacement, CorrectionRefused> {
    let of = context.contract_type(new.contract_type).ok_or(CompletionRefused::Outdated)?;
    let (Some(period), Some(calc)) = (new.period, &new.calc) else {
        return Err(CompletionRefused::Outdated.into());
    };
    let id = SegmentId::new(old.id.owner, ids());
    let credits = credits(context, of, calc)?;
    let (asked, owed) = (calc.total()?, calc.owed()?);
    let parts = if asked == owed {
        by_due_date(&old.fts, credits)?
    } else {
        // What is asked is not what is owed: its lines cannot say which part of it is due when.
        vec![(old.fts.iter().filter_map(|ft| ft.due_on).min(), credits)]
    };
    let mut fts = Vec::with_capacity(parts.len());
    for (due_on, credits) in parts {
        let origin = FtOrigin { id: FtId::new(id.owner, ids()), source: id.n };
        let bill_due_on = due_on.unwrap_or(dates.effective_on);
        let part = Money::sum(credits.iter().map(|(_, amount)| *amount))?;
        let asked = if asked == owed { part } else { asked };
        let ft = segment_ft(origin, old.bill, asked, of.receivable_gl, &credits, dates, bill_due_on)?;
        fts.push(ft.on_no_bill(due_on));
    }
    let total = Money::sum(fts.iter().map(Ft::current))?;
    if total != new.total {
        return Err(CompletionRefused::Unbalanced { ending: new.total, ledger: total }.into());
    }
    let estimate = |of: &metering::Estimate| EstimatedRead {
        register: of.register,
        read_on: of.read_on,
        value: of.value,
    };
    Ok(Replacement {
        segment: SegmentRow {
            id,
            bill: old.bill,
            contract: new.contract,
            schedule: new.schedule,
            state: SegmentState::Frozen,
            period,
            total: new.total,
            estimated: new.estimated,
            document: calc.clone(),
            rebills: Some(old.id),
        },
        fts,
        estimates: calc.estimates.iter().map(estimate).collect(),
    })
}

/// Lines of one due date: ledger accounts to credit, with their amounts.
type Part = (Option<Date>, Vec<(GlAccountId, Money)>);

/// The new lines by due date: as much as was cancelled keeps the day it had, the rest has none yet. A credit
/// is due on no day.
fn by_due_date(old: &[SegmentFt], credits: Vec<(GlAccountId, Money)>) -> Result<Vec<Part>, Overflow> {
    let total = Money::sum(credits.iter().map(|(_, amount)| *amount))?;
    let mut dues: Vec<(Date, Money)> = old
        .iter()
        .filter(|ft| ft.posted.current.is_positive())
        .filter_map(|ft| Some((ft.due_on?, ft.posted.current)))
        .collect();
    dues.sort_unstable_by_key(|(due_on, _)| *due_on);
    let mut parts = Vec::with_capacity(2);
    let (mut rest, mut left) = (credits, total);
    // What is given back comes first: nothing is left over then when all is taken.
    rest.sort_by_key(|(_, amount)| !amount.is_negative());
    for (due_on, cancelled) in dues {
        if !left.is_positive() {
            break;
        }
        let amount = left.min(cancelled);
        let (part, after) = cut(rest, amount)?;
        parts.push((Some(due_on), part));
        (rest, left) = (after, left.minus(amount)?);
    }
    if !left.is_zero() || parts.is_empty() {
        parts.push((None, rest));
    }
    Ok(parts)
}

/// Cuts lines in two, so that the first ones come to `amount`: in their order, the line that goes beyond is cut.
#[allow(clippy::type_complexity, reason = "two lists of the same form")]
fn cut(
    lines: Vec<(GlAccountId, Money)>,
    amount: Money,
) -> Result<(Vec<(GlAccountId, Money)>, Vec<(GlAccountId, Money)>), Overflow> {
    let (mut first, mut rest) = (Vec::with_capacity(lines.len()), Vec::new());
    let mut sum = Money::ZERO;
    let mut is_full = false;
    for (account, line) in lines {
        let with = sum.plus(line)?;
        if is_full {
            rest.push((account, line));
        } else if with <= amount {
            first.push((account, line));
            sum = with;
        } else {
            first.push((account, amount.minus(sum)?));
            rest.push((account, with.minus(amount)?));
            is_full = true;
        }
    }
    Ok((first, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Journal;
    use proptest::prelude::*;
    use time::macros::date;
    use vocab::AccountId;

    fn money(minor: i64) -> Money {
        Money::from_minor(minor)
    }

    fn posted(current: i64, due_on: Option<Date>) -> SegmentFt {
        let journal = Journal::transfer(GlAccountId(1), GlAccountId(2), money(current)).unwrap();
        let id = FtId::new(AccountId(1), 1);
        SegmentFt {
            id,
            due_on,
            posted: PostedFt { current: money(current), payoff: money(current), journal },
        }
    }

    fn sums(parts: &[Part]) -> Vec<(Option<Date>, i64)> {
        let sum = |lines: &[(GlAccountId, Money)]| lines.iter().map(|line| line.1.minor()).sum();
        parts.iter().map(|(due_on, lines)| (*due_on, sum(lines))).collect()
    }

    #[test]
    fn as_much_as_was_cancelled_keeps_its_due_date() {
        let (march, april) = (Some(date!(2026 - 03 - 20)), Some(date!(2026 - 04 - 20)));
        let lines = |amounts: &[i64]| {
            amounts
                .iter()
                .enumerate()
                .map(|(n, &a)| (GlAccountId(n as i64 + 1), money(a)))
                .collect::<Vec<_>>()
        };
        let cut = |old: &[SegmentFt], amounts: &[i64]| sums(&by_due_date(old, lines(amounts)).unwrap());
        let one = [posted(4240, march)];
        assert_eq!(cut(&one, &[1200, 1190, 143]), [(march, 2533)]);
        assert_eq!(cut(&one, &[1200, 2800, 240]), [(march, 4240)]);
        assert_eq!(cut(&one, &[1200, 4000, 312]), [(march, 4240), (None, 1272)]);
        // One that was billed again already has two.
        let two = [posted(1272, april), posted(4240, march)];
        assert_eq!(cut(&two, &[5000, 1000]), [(march, 4240), (april, 1272), (None, 488)]);
        assert_eq!(cut(&two, &[5000]), [(march, 4240), (april, 760)]);
        // Credits, nothing, and what had no due date.
        assert_eq!(cut(&one, &[100, -400]), [(None, -300)]);
        assert_eq!(cut(&one, &[]), [(None, 0)]);
        assert_eq!(cut(&[posted(-500, march)], &[700]), [(None, 700)]);
        assert_eq!(cut(&[posted(500, None)], &[700]), [(None, 700)]);
    }

    proptest! {
        #[test]
        fn a_cut_loses_no_cent_of_any_line(
            amounts in prop::collection::vec(-5_000i64..50_000, 0..9),
            cancelled in prop::collection::vec(1i64..60_000, 0..4),
        ) {
            let lines: Vec<_> =
                amounts.iter().enumerate().map(|(n, &a)| (GlAccountId(n as i64), money(a))).collect();
            let day = |n: usize| Some(date!(2026 - 01 - 01) + time::Duration::days(n as i64));
            let old: Vec<_> = cancelled.iter().enumerate().map(|(n, &a)| posted(a, day(n))).collect();
            let parts = by_due_date(&old, lines.clone()).unwrap();
            for (account, amount) in lines {
                let of_line = parts.iter().flat_map(|(_, lines)| lines).filter(|line| line.0 == account);
                prop_assert_eq!(of_line.map(|line| line.1.minor()).sum::<i64>(), amount.minor());
            }
            let total: i64 = amounts.iter().sum();
            for (due_on, sum) in sums(&parts) {
                if due_on.is_some() {
                    let most = old.iter().find(|ft| ft.due_on == due_on).unwrap().posted.current.minor();
                    prop_assert!(0 < sum && sum <= most && sum <= total);
                }
            }
        }
    }
}

//! Financial transactions: the posting functions are the only way in.
//!
//! An [`Ft`] can be read, not altered; its journal balances by construction. *Current* is what
//! is asked now, *payoff* what is owed if closed today; the journal follows payoff. They differ where
//! something is asked at another time than it is owed: budgets, deposits, arrangements. A charge debits the receivable; a payment debits cash and credits the receivable; a
//! cancellation turns every line of its original around.

use crate::journal::{Journal, JournalFault};
use time::{Date, OffsetDateTime};
use vocab::{AccountId, BillId, FtId, FtKind, GlAccountId, Money};

/// The dates of a posting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PostingDates {
    /// Which accounting period it falls into.
    pub accounting_on: Date,
    /// The day it is about.
    pub effective_on: Date,
    /// When it was posted.
    pub posted_at: OffsetDateTime,
}

/// Where a transaction comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FtOrigin {
    /// The new transaction's id.
    pub id: FtId,
    /// Row number of what it records: segment, adjustment or payment.
    pub source: i64,
}

/// An immutable row that changes a balance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ft {
    origin: FtOrigin,
    kind: FtKind,
    born_on: Option<BillId>,
    current: Money,
    payoff: Money,
    dates: PostingDates,
    due_on: Option<Date>,
    journal: Journal,
}

impl Ft {
    /// Its id.
    pub const fn id(&self) -> FtId {
        self.origin.id
    }

    /// Whose it is.
    pub const fn account(&self) -> AccountId {
        self.origin.id.owner
    }

    /// What it records.
    pub const fn kind(&self) -> FtKind {
        self.kind
    }

    /// Row number of what it records.
    pub const fn source(&self) -> i64 {
        self.origin.source
    }

    /// The bill whose completion wrote it.
    pub const fn born_on(&self) -> Option<BillId> {
        self.born_on
    }

    /// What it adds to the balance that is asked now.
    pub const fn current(&self) -> Money {
        self.current
    }

    /// What it adds to what is owed if closed today.
    pub const fn payoff(&self) -> Money {
        self.payoff
    }

    /// Its dates.
    pub const fn dates(&self) -> PostingDates {
        self.dates
    }

    /// The same, due on a day that was set before it came here: an opening balance keeps its age.
    #[must_use]
    pub const fn falling_due(mut self, due_on: Date) -> Self {
        self.due_on = Some(due_on);
        self
    }

    /// The same on no bill: the account's next one sweeps it up, and it falls due then, or on the day that an
    /// earlier transaction did whose place it takes.
    #[must_use]
    pub(crate) const fn on_no_bill(mut self, due_on: Option<Date>) -> Self {
        self.born_on = None;
        self.due_on = due_on;
        self
    }

    /// The same, born on a bill.
    #[must_use]
    pub(crate) const fn on_bill(mut self, bill: BillId) -> Self {
        self.born_on = Some(bill);
        self
    }

    /// When it falls due, when a bill says so.
    pub const fn due_on(&self) -> Option<Date> {
        self.due_on
    }

    /// Its ledger lines.
    pub const fn journal(&self) -> &Journal {
        &self.journal
    }
}

/// What a stored transaction did, to be turned around.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostedFt {
    /// What it added to the balance.
    pub current: Money,
    /// What it added to what is owed if closed today.
    pub payoff: Money,
    /// Its ledger lines.
    pub journal: Journal,
}

/// A frozen segment: asks `asked`; debits the receivable by what its lines add to what is owed, credits
/// revenue line by line.
pub(crate) fn segment_ft(
    origin: FtOrigin,
    bill: BillId,
    asked: Money,
    receivable: GlAccountId,
    credits: &[(GlAccountId, Money)],
    dates: PostingDates,
    due_on: Date,
) -> Result<Ft, JournalFault> {
    let payoff = Money::sum(credits.iter().map(|(_, amount)| *amount))?;
    let mut lines = Vec::with_capacity(credits.len() + 1);
    lines.push((receivable, payoff));
    for &(account, credit) in credits {
        lines.push((account, credit.negated()?));
    }
    let journal = Journal::new(lines)?;
    let (born_on, due_on) = (Some(bill), Some(due_on));
    Ok(Ft { origin, kind: FtKind::Segment, born_on, current: asked, payoff, dates, due_on, journal })
}

/// What is asked now moves by `amount` (out of it when negative) while as much is owed as before: an
/// arrangement, whose instalments ask for it again. Nothing moves in the general ledger.
pub fn arrangement_ft(origin: FtOrigin, amount: Money, dates: PostingDates) -> Ft {
    let moves = Moves { current: amount, payoff: Money::ZERO };
    loose(origin, FtKind::Adjustment, moves, dates, Journal::default())
}

/// A charge (positive) or credit (negative) that does not come from a segment.
pub fn adjustment_ft(
    origin: FtOrigin,
    amount: Money,
    receivable: GlAccountId,
    offset: GlAccountId,
    dates: PostingDates,
) -> Result<Ft, JournalFault> {
    let journal = Journal::transfer(receivable, offset, amount)?;
    Ok(loose(origin, FtKind::Adjustment, Moves::alike(amount), dates, journal))
}

/// Money received: lowers the balance by `received`.
pub fn payment_ft(
    origin: FtOrigin,
    received: Money,
    cash: GlAccountId,
    receivable: GlAccountId,
    dates: PostingDates,
) -> Result<Ft, JournalFault> {
    let journal = Journal::transfer(cash, receivable, received)?;
    Ok(loose(origin, FtKind::Payment, Moves::alike(received.negated()?), dates, journal))
}

/// The reversal of a payment: every line of `original` turned around.
pub fn payment_cancel_ft(
    origin: FtOrigin,
    original: &PostedFt,
    dates: PostingDates,
) -> Result<Ft, JournalFault> {
    reversal(origin, FtKind::PaymentCancel, original, dates)
}

/// The cancellation of an adjustment: every line of `original` turned around.
pub fn adjustment_cancel_ft(
    origin: FtOrigin,
    original: &PostedFt,
    dates: PostingDates,
) -> Result<Ft, JournalFault> {
    reversal(origin, FtKind::AdjustmentCancel, original, dates)
}

/// The cancellation of a segment: every line of `original` turned around.
pub(crate) fn segment_cancel_ft(
    origin: FtOrigin,
    original: &PostedFt,
    dates: PostingDates,
) -> Result<Ft, JournalFault> {
    reversal(origin, FtKind::SegmentCancel, original, dates)
}

fn reversal(
    origin: FtOrigin,
    kind: FtKind,
    original: &PostedFt,
    dates: PostingDates,
) -> Result<Ft, JournalFault> {
    let moves = Moves { current: original.current.negated()?, payoff: original.payoff.negated()? };
    Ok(loose(origin, kind, moves, dates, original.journal.reversed()?))
}

/// How a transaction moves the two balances.
#[derive(Clone, Copy)]
struct Moves {
    current: Money,
    payoff: Money,
}

impl Moves {
    const fn alike(amount: Money) -> Self {
        Self { current: amount, payoff: amount }
    }
}

const fn loose(origin: FtOrigin, kind: FtKind, moves: Moves, dates: PostingDates, journal: Journal) -> Ft {
    let Moves { current, payoff } = moves;
    Ft { origin, kind, born_on: None, current, payoff, dates, due_on: None, journal }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::{date, datetime};

    const RECEIVABLE: GlAccountId = GlAccountId(1);
    const CASH: GlAccountId = GlAccountId(2);
    const FEES: GlAccountId = GlAccountId(3);

    fn dates() -> PostingDates {
        PostingDates {
            accounting_on: date!(2026 - 03 - 02),
            effective_on: date!(2026 - 03 - 01),
            posted_at: datetime!(2026-03-02 12:00 UTC),
        }
    }

    fn origin(n: i64) -> FtOrigin {
        FtOrigin { id: FtId::new(AccountId(5), n), source: 90 + n }
    }

    fn sum(ft: &Ft) -> i64 {
        ft.journal().lines().iter().map(|line| line.1.minor()).sum()
    }

    #[test]
    fn an_arrangement_moves_what_is_asked_and_owes_as_before() {
        let out = arrangement_ft(origin(1), Money::from_minor(-9000), dates());
        assert_eq!((out.current(), out.payoff()), (Money::from_minor(-9000), Money::ZERO));
        assert!(out.journal().lines().is_empty());
        let posted =
            PostedFt { current: out.current(), payoff: out.payoff(), journal: out.journal().clone() };
        let back = adjustment_cancel_ft(origin(2), &posted, dates()).unwrap();
        assert_eq!((back.current(), back.payoff()), (Money::from_minor(9000), Money::ZERO));
        // A segment that asks for another amount than it adds to what is owed.
        let bill = BillId::new(AccountId(5), 1);
        let credits = [(FEES, Money::from_minor(700))];
        let due_on = date!(2026 - 03 - 20);
        let asked = Money::from_minor(500);
        let ft = segment_ft(origin(3), bill, asked, RECEIVABLE, &credits, dates(), due_on).unwrap();
        assert_eq!((ft.current(), ft.payoff()), (asked, Money::from_minor(700)));
        assert_eq!(ft.journal().lines()[0], (RECEIVABLE, Money::from_minor(700)));
    }

    #[test]
    fn money_and_its_way_back_leave_nothing() {
        let received = Money::from_minor(2226);
        let payment = payment_ft(origin(1), received, CASH, RECEIVABLE, dates()).unwrap();
        assert_eq!(payment.current(), Money::from_minor(-2226));
        assert_eq!(payment.journal().lines(), [(RECEIVABLE, Money::from_minor(-2226)), (CASH, received)]);
        let posted = PostedFt {
            current: payment.current(),
            payoff: payment.payoff(),
            journal: payment.journal().clone(),
        };
        let back = payment_cancel_ft(origin(2), &posted, dates()).unwrap();
        assert_eq!((back.current(), back.kind()), (received, FtKind::PaymentCancel));
        assert_eq!(back.journal(), &payment.journal().reversed().unwrap());

        let fee = adjustment_ft(origin(3), Money::from_minor(111), RECEIVABLE, FEES, dates()).unwrap();
        assert_eq!(
            fee.journal().lines(),
            [(RECEIVABLE, Money::from_minor(111)), (FEES, Money::from_minor(-111))]
        );
        let posted =
            PostedFt { current: fee.current(), payoff: fee.payoff(), journal: fee.journal().clone() };
        let gone = adjustment_cancel_ft(origin(4), &posted, dates()).unwrap();
        assert_eq!(gone.current(), Money::from_minor(-111));
        for ft in [payment, back, fee, gone] {
            assert_eq!(sum(&ft), 0);
            assert_eq!((ft.payoff(), ft.born_on(), ft.due_on()), (ft.current(), None, None));
            assert_eq!(ft.source(), 90 + ft.id().n);
        }
    }
}

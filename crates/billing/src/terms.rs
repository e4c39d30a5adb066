//! What a contract has agreed beyond its rate: instalments, a deposit, a loan, a level amount.
//!
//! How far it has come is one amount in the contract's row, moved with every segment: of instalments, a
//! deposit or a loan the principal that is billed, of a budget what was used and not yet asked. A line
//! of these terms stands on the segment beside rated lines and charges; what is asked is the sum of all
//! of them, what is owed leaves out those that only say when something is asked.

use serde::{Deserialize, Serialize};
use time::Date;
use vocab::dates::civil;
use vocab::decimal::{self, Overflow, Rounding};
use vocab::{Currency, Decimal, GlAccountId, Money, Period, SegmentMethod};

/// A loan's rate is a percentage of a year.
const MONTHS: i64 = 12;
/// Highest percentage of a year, and most payments: powers of the discount keep their digits.
const PERCENT_MAX: i64 = 100;
/// Most payments of a loan.
const PAYMENTS_MAX: u16 = 480;

/// What a contract has agreed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Terms {
    /// An amount taken out of what is asked comes back bill by bill.
    Instalment {
        /// All of it.
        principal: Money,
        /// With each bill; the last is the remainder.
        per_bill: Money,
    },
    /// A deposit is asked for bill by bill.
    Deposit {
        /// All of it.
        required: Money,
        /// With each bill; the last is the remainder.
        per_bill: Money,
    },
    /// A loan is paid back with interest in level payments.
    Loan {
        /// What was lent.
        principal: Money,
        /// Interest per year.
        annual_percent: Decimal,
        /// In how many bills.
        payments: u16,
        /// Ledger account of what was lent, credited as it is billed.
        principal_gl: GlAccountId,
    },
    /// A metered contract is asked for a level amount; what is used beside it is settled later.
    Budget {
        /// With each bill.
        level: Money,
        /// Segments that begin earlier are asked as they are.
        #[serde(with = "civil")]
        since_on: Date,
        /// The segment of this day settles the difference.
        #[serde(with = "civil")]
        review_on: Date,
    },
}

/// What a line of terms is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TermKind {
    /// Part of an arrangement, owed already.
    Instalment,
    /// Part of a deposit, not owed.
    Deposit,
    /// Of a loan.
    Interest,
    /// Of a loan.
    Principal,
    /// From what was used to what is asked.
    Budget,
}

impl TermKind {
    /// The word as it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Instalment => "instalment",
            Self::Deposit => "deposit",
            Self::Interest => "interest",
            Self::Principal => "principal",
            Self::Budget => "budget",
        }
    }

    /// Whether it adds to what is owed, and so to the general ledger; the others only say when
    /// something is asked.
    pub const fn is_owed(self) -> bool {
        matches!(self, Self::Interest | Self::Principal)
    }
}

/// A line of a segment that no rate has made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TermLine {
    /// What it is.
    pub kind: TermKind,
    /// How much is asked by it.
    pub amount: Money,
    /// The ledger account to credit, when it is not the contract type's revenue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gl: Option<GlAccountId>,
    /// What interest is of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<InterestOf>,
}

/// What interest is worked out from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterestOf {
    /// What was left of the loan.
    pub balance: Money,
    /// Interest per year; a twelfth of it is charged.
    pub annual_percent: Decimal,
    /// In major units before rounding.
    pub unrounded: Decimal,
}

impl TermLine {
    const fn plain(kind: TermKind, amount: Money) -> Self {
        Self { kind, amount, gl: None, of: None }
    }
}

/// A field of terms that cannot be billed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TermsFault {
    /// Its name.
    pub field: &'static str,
    /// What it should be.
    pub detail: &'static str,
}

/// What a segment bills of its terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TermsBilled {
    pub(crate) lines: Vec<TermLine>,
    /// Nothing is left: the contract stops itself.
    pub(crate) is_last: bool,
}

impl Terms {
    /// Whether contracts of this method have such terms.
    pub const fn suit(&self, method: SegmentMethod) -> bool {
        matches!(
            (self, method),
            (Self::Instalment { .. }, SegmentMethod::Instalment)
                | (Self::Deposit { .. }, SegmentMethod::Deposit)
                | (Self::Loan { .. }, SegmentMethod::Loan)
                | (Self::Budget { .. }, SegmentMethod::Metered)
        )
    }

    /// All that is to be billed of them; a budget has no end.
    pub const fn whole(&self) -> Option<Money> {
        match self {
            Self::Instalment { principal, .. } | Self::Loan { principal, .. } => Some(*principal),
            Self::Deposit { required, .. } => Some(*required),
            Self::Budget { .. } => None,
        }
    }

    /// All that decides what they bill, for the digest: the kind, whole numbers, a decimal.
    pub(crate) fn numbers(&self) -> (u8, [i64; 3], Decimal) {
        let day = |on: &Date| i64::from(on.to_julian_day());
        match self {
            Self::Instalment { principal, per_bill } => {
                (1, [principal.minor(), per_bill.minor(), 0], Decimal::ZERO)
            }
            Self::Deposit { required, per_bill } => {
                (2, [required.minor(), per_bill.minor(), 0], Decimal::ZERO)
            }
            Self::Loan { principal, annual_percent, payments, principal_gl } => {
                (3, [principal.minor(), i64::from(*payments), principal_gl.0], *annual_percent)
            }
            Self::Budget { level, since_on, review_on } => {
                (4, [level.minor(), day(since_on), day(review_on)], Decimal::ZERO)
            }
        }
    }

    /// The first field that cannot be billed.
    ///
    /// # Errors
    /// A loan that is too large to compute.
    pub fn fault(&self, currency: Currency) -> Result<Option<TermsFault>, Overflow> {
        let fault = |field, detail| Ok(Some(TermsFault { field, detail }));
        match *self {
            Self::Instalment { principal: whole, per_bill } | Self::Deposit { required: whole, per_bill } => {
                let name = if matches!(self, Self::Deposit { .. }) { "required" } else { "principal" };
                if !whole.is_positive() {
                    return fault(name, "more than nothing");
                }
                if !per_bill.is_positive() || per_bill > whole {
                    return fault("per_bill", "more than nothing, and not more than all of it");
                }
            }
            Self::Loan { principal, annual_percent, payments, .. } => {
                if !principal.is_positive() {
                    return fault("principal", "more than nothing");
                }
                if annual_percent.is_sign_negative() || annual_percent > decimal::whole(PERCENT_MAX) {
                    return fault("annual_percent", "0 to 100");
                }
                if !(1..=PAYMENTS_MAX).contains(&payments) {
                    return fault("payments", "1 to 480");
                }
                let loan = Loan { principal, annual_percent, payments };
                let every = loan.schedule(currency)?;
                if every.iter().any(|payment| !payment.principal.is_positive()) {
                    return fault("payments", "so few that each pays something back");
                }
            }
            Self::Budget { level, since_on, review_on } => {
                if !level.is_positive() {
                    return fault("level", "more than nothing");
                }
                if review_on < since_on {
                    return fault("review_on", "not before the budget begins");
                }
            }
        }
        Ok(None)
    }

    /// What the next segment bills when `progress` has been billed. When the contract ends by itself
    /// or by a person, an arrangement or a loan is asked whole; no more of a deposit is asked then.
    pub(crate) fn billed(
        &self,
        progress: Money,
        is_final: bool,
        currency: Currency,
    ) -> Result<TermsBilled, Overflow> {
        match *self {
            Self::Instalment { principal, per_bill } => {
                let left = principal.minus(progress)?;
                let amount = if is_final { left } else { per_bill.min(left) };
                let lines = vec![TermLine::plain(TermKind::Instalment, amount)];
                Ok(TermsBilled { lines, is_last: amount == left })
            }
            Self::Deposit { required, per_bill } => {
                let left = required.minus(progress)?;
                let amount = if is_final { Money::ZERO } else { per_bill.min(left) };
                let lines = vec![TermLine::plain(TermKind::Deposit, amount)];
                Ok(TermsBilled { lines, is_last: is_final || amount == left })
            }
            Self::Loan { principal, annual_percent, payments, principal_gl } => {
                let loan = Loan { principal, annual_percent, payments };
                loan.billed(progress, is_final, principal_gl, currency)
            }
            Self::Budget { .. } => Ok(TermsBilled { lines: Vec::new(), is_last: false }),
        }
    }
}

/// The line that makes of what a metered segment has used what it asks; none where that is the same
/// and always was. The final segment, the segment of the review day and the first one without a
/// budget ask for what is outstanding besides.
pub(crate) fn budget_line(
    terms: Option<&Terms>,
    progress: Money,
    period: Period,
    is_final: bool,
    actual: Money,
) -> Result<Option<TermLine>, Overflow> {
    let asked = match terms {
        Some(&Terms::Budget { level, since_on, review_on })
            if !is_final && since_on <= period.first_on() && !period.contains(review_on) =>
        {
            level
        }
        _ => actual.plus(progress)?,
    };
    let amount = asked.minus(actual)?;
    Ok((!amount.is_zero()).then_some(TermLine::plain(TermKind::Budget, amount)))
}

/// How far a contract has come after a segment with these lines.
pub(crate) fn progress_after(progress: Money, lines: &[TermLine]) -> Result<Money, Overflow> {
    lines.iter().try_fold(progress, |progress, line| match line.kind {
        TermKind::Instalment | TermKind::Deposit | TermKind::Principal => progress.plus(line.amount),
        TermKind::Interest => Ok(progress),
        TermKind::Budget => progress.minus(line.amount),
    })
}

/// How far a segment has brought its contract's terms.
///
/// # Errors
/// A sum does not fit.
pub fn progress_of(calc: &crate::Calculation) -> Result<Money, Overflow> {
    progress_after(Money::ZERO, &calc.terms)
}

/// A loan that is paid back in level payments.
#[derive(Clone, Copy)]
struct Loan {
    principal: Money,
    annual_percent: Decimal,
    payments: u16,
}

/// One of them.
struct Payment {
    balance: Money,
    interest: Money,
    unrounded: Decimal,
    principal: Money,
}

impl Loan {
    /// The level payment: P × r ÷ (1 − (1 + r)⁻ⁿ), without interest P ÷ n.
    fn level(&self, currency: Currency) -> Result<Money, Overflow> {
        let principal = currency.to_decimal(self.principal);
        let hundred_years = decimal::whole(100 * MONTHS);
        let rate = decimal::div(self.annual_percent, hundred_years)?;
        let payments = decimal::whole(i64::from(self.payments));
        let level = if rate.is_zero() {
            decimal::div(principal, payments)?
        } else {
            let discount = decimal::div(Decimal::ONE, decimal::add(Decimal::ONE, rate)?)?;
            let mut last = Decimal::ONE;
            for _ in 0..self.payments {
                last = decimal::mul(last, discount)?;
            }
            decimal::div(decimal::mul(principal, rate)?, decimal::sub(Decimal::ONE, last)?)?
        };
        currency.round(level, Rounding::HalfAwayFromZero)
    }

    /// Interest of a month on a balance, before rounding and rounded.
    fn interest(&self, balance: Money, currency: Currency) -> Result<(Decimal, Money), Overflow> {
        let of = currency.to_decimal(balance);
        let unrounded = decimal::mul_div(of, self.annual_percent, decimal::whole(100 * MONTHS))?;
        Ok((unrounded, currency.round(unrounded, Rounding::HalfAwayFromZero)?))
    }

    /// Every payment as agreed; the last takes the rest.
    fn schedule(&self, currency: Currency) -> Result<Vec<Payment>, Overflow> {
        let level = self.level(currency)?;
        let mut balance = self.principal;
        let mut all = Vec::with_capacity(usize::from(self.payments));
        for number in 1..=self.payments {
            let (unrounded, interest) = self.interest(balance, currency)?;
            let is_last = number == self.payments;
            let principal = if is_last { balance } else { level.minus(interest)?.min(balance) };
            all.push(Payment { balance, interest, unrounded, principal });
            balance = balance.minus(principal)?;
        }
        Ok(all)
    }

    fn billed(
        &self,
        progress: Money,
        is_final: bool,
        principal_gl: GlAccountId,
        currency: Currency,
    ) -> Result<TermsBilled, Overflow> {
        let left = self.principal.minus(progress)?;
        let agreed = self.schedule(currency)?.into_iter().find(|payment| payment.balance == left);
        let Payment { balance, interest, unrounded, principal } = match agreed {
            Some(payment) => payment,
            // Never as agreed: what is left is asked at once.
            None => {
                let (unrounded, interest) = self.interest(left, currency)?;
                Payment { balance: left, interest, unrounded, principal: left }
            }
        };
        let principal = if is_final { left } else { principal };
        let of = InterestOf { balance, annual_percent: self.annual_percent, unrounded };
        let interest = TermLine { of: Some(of), ..TermLine::plain(TermKind::Interest, interest) };
        let repaid = TermLine { gl: Some(principal_gl), ..TermLine::plain(TermKind::Principal, principal) };
        Ok(TermsBilled { lines: vec![interest, repaid], is_last: principal == left })
    }
}

//! When autopay draws, and how much.
//!
//! `draw_on` is fixed when the bill is accepted and stored with it; the amount is decided when
//! the payment run executes, from the balance of that moment.
//!
//! Deliberately missing: the choice of accounts by cycle, site or method: that is a query.

use std::collections::BTreeMap;
use time::{Date, Duration, OffsetDateTime};
use vocab::calendar::Holidays;
use vocab::dates::plus_days;
use vocab::{AccountId, BillId, DrawRule, MethodState, Money, Zone};

/// How an account's autopay is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DrawTerms {
    /// At issuance, on the due date, or days before it.
    pub rule: DrawRule,
    /// N of [`DrawRule::DaysBefore`]; not read by the other rules.
    pub days_before: u16,
    /// How long a bill can be looked at before [`DrawRule::Issuance`] draws.
    pub review_delay: Duration,
    /// Days between the bill and the draw at least: a varying bank debit must be announced
    /// ([`BANK_DEBIT_NOTICE_DAYS`]); 0 for cards.
    pub notice_days: u16,
}

/// The default review delay: four hours.
pub const REVIEW_DELAY: Duration = Duration::hours(4);

/// How long before a varying bank debit its amount must be told, by default.
pub const BANK_DEBIT_NOTICE_DAYS: u16 = 10;

/// When a bill is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DrawDate {
    /// The banking day from which a payment run may take it.
    pub draw_on: Date,
    /// The instant before which no run may take it: the end of the review delay.
    pub not_before_at: OffsetDateTime,
}

/// The day cannot be computed: it lies outside the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the draw date lies outside the calendar")]
pub struct OutsideCalendar;

/// The banking day on which a bill accepted at `accepted_at` and due on `due_on` is drawn.
///
/// Never before the bill exists, however short the time to its due date is.
///
/// # Errors
/// [`OutsideCalendar`].
pub fn draw_date(
    terms: &DrawTerms,
    accepted_at: OffsetDateTime,
    due_on: Date,
    zone: &Zone,
    holidays: &Holidays,
) -> Result<DrawDate, OutsideCalendar> {
    let delay = match terms.rule {
        DrawRule::Issuance => terms.review_delay,
        DrawRule::DueDate | DrawRule::DaysBefore => Duration::ZERO,
    };
    let not_before_at = accepted_at.checked_add(delay).ok_or(OutsideCalendar)?;
    let by_rule = match terms.rule {
        DrawRule::Issuance => Some(zone.date_of(not_before_at)),
        DrawRule::DueDate => Some(due_on),
        DrawRule::DaysBefore => plus_days(due_on, -i64::from(terms.days_before)),
    };
    let accepted_on = zone.date_of(accepted_at);
    let noticed_on = plus_days(accepted_on, i64::from(terms.notice_days)).ok_or(OutsideCalendar)?;
    let day = by_rule.ok_or(OutsideCalendar)?.max(noticed_on);
    let draw_on = holidays.business_day_from(day).ok_or(OutsideCalendar)?;
    Ok(DrawDate { draw_on, not_before_at })
}

/// What is known of a draw when a payment run looks at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// The bill that it would pay.
    pub bill: BillId,
    /// When it may be drawn.
    pub draw_on: Date,
    /// What the bill asks for and is not yet paid.
    pub bill_unpaid: Money,
    /// What the account owes now, unapplied credits taken off.
    pub balance: Money,
    /// The customer's maximum, if one is set.
    pub maximum: Option<Money>,
    /// Whether autopay is still switched on.
    pub autopay_on: bool,
    /// The stored way to pay.
    pub method: MethodState,
    /// Whether the account's payments are held.
    pub held: bool,
}

/// What a payment run does with a draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Charge this much.
    Draw(Money),
    /// Do not charge.
    Skip(NoDraw),
}

/// Why nothing is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoDraw {
    /// Its day has not come.
    NotYet,
    /// Autopay is switched off.
    AutopayOff,
    /// The stored way to pay is switched off.
    MethodInactive,
    /// A person holds the account's payments.
    Held,
    /// The bill or the account asks for nothing any more.
    NothingOwed,
    /// More than the customer's maximum.
    AboveMaximum,
    /// A later bill of the same account is drawn in the same run and asks for this one too.
    Superseded,
}

impl NoDraw {
    /// The word as it is stored and sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotYet => "not_yet",
            Self::AutopayOff => "autopay_off",
            Self::MethodInactive => "method_inactive",
            Self::Held => "held",
            Self::NothingOwed => "nothing_owed",
            Self::AboveMaximum => "above_maximum",
            Self::Superseded => "superseded",
        }
    }

    /// Whether the draw is over for good; otherwise a later run may still take it.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::NothingOwed | Self::Superseded)
    }
}

/// Whether and how much a run with this target date draws.
pub fn decide(candidate: &Candidate, target_on: Date) -> Decision {
    let amount = candidate.bill_unpaid.min(candidate.balance);
    let reason = if candidate.draw_on > target_on {
        Some(NoDraw::NotYet)
    } else if !candidate.autopay_on {
        Some(NoDraw::AutopayOff)
    } else if candidate.method != MethodState::Active {
        Some(NoDraw::MethodInactive)
    } else if candidate.held {
        Some(NoDraw::Held)
    } else if !amount.is_positive() {
        Some(NoDraw::NothingOwed)
    } else if candidate.maximum.is_some_and(|maximum| amount > maximum) {
        Some(NoDraw::AboveMaximum)
    } else {
        None
    };
    reason.map_or(Decision::Draw(amount), Decision::Skip)
}

/// Decides about all draws of a run: one payment per account.
///
/// A bill carries the balance before it, so that of several drawable bills of one account only
/// the latest is drawn. The answer is in the order of the input.
pub fn plan(candidates: &[Candidate], target_on: Date) -> Vec<Decision> {
    let mut decisions: Vec<Decision> =
        candidates.iter().map(|candidate| decide(candidate, target_on)).collect();
    let mut latest: BTreeMap<AccountId, BillId> = BTreeMap::new();
    for (candidate, decision) in candidates.iter().zip(&decisions) {
        if matches!(decision, Decision::Draw(_)) {
            let bill = latest.entry(candidate.bill.owner).or_insert(candidate.bill);
            *bill = candidate.bill.max(*bill);
        }
    }
    for (candidate, decision) in candidates.iter().zip(&mut decisions) {
        let is_latest = latest.get(&candidate.bill.owner) == Some(&candidate.bill);
        if matches!(decision, Decision::Draw(_)) && !is_latest {
            *decision = Decision::Skip(NoDraw::Superseded);
        }
    }
    decisions
}

/// Whether a bill of this amount is drawn at all: what decides on the autopay notice on the bill
/// and the flag. Asked at acceptance, when nothing has been paid yet.
pub fn is_announced(amount_due: Money, maximum: Option<Money>) -> bool {
    amount_due.is_positive() && maximum.is_none_or(|maximum| amount_due <= maximum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::{date, datetime};

    const TERMS: DrawTerms =
        DrawTerms { rule: DrawRule::Issuance, days_before: 0, review_delay: REVIEW_DELAY, notice_days: 0 };

    fn day(terms: &DrawTerms, accepted_at: OffsetDateTime, due_on: Date) -> Date {
        let holidays: Holidays = [date!(2026 - 02 - 16)].into_iter().collect();
        let zone: Zone = "America/New_York".parse().unwrap();
        draw_date(terms, accepted_at, due_on, &zone, &holidays).unwrap().draw_on
    }

    #[test]
    fn issuance_waits_for_the_review_delay_in_the_utilitys_own_zone() {
        let due = date!(2026 - 03 - 20);
        // 15:00 in New York; with four hours 19:00 of the same day.
        assert_eq!(day(&TERMS, datetime!(2026-02-12 20:00 UTC), due), date!(2026 - 02 - 12));
        // 21:00 in New York: the delay ends after midnight, on Friday the 13th.
        assert_eq!(day(&TERMS, datetime!(2026-02-13 02:00 UTC), due), date!(2026 - 02 - 13));
        // Friday evening: Saturday, Sunday and the holiday on Monday are skipped.
        assert_eq!(day(&TERMS, datetime!(2026-02-14 02:00 UTC), due), date!(2026 - 02 - 17));
    }

    #[test]
    fn the_due_date_and_days_before_it_move_forward_to_a_banking_day() {
        let accepted = datetime!(2026-02-02 15:00 UTC);
        let on_due = DrawTerms { rule: DrawRule::DueDate, ..TERMS };
        assert_eq!(day(&on_due, accepted, date!(2026 - 02 - 15)), date!(2026 - 02 - 17));
        let before = DrawTerms { rule: DrawRule::DaysBefore, days_before: 5, ..TERMS };
        assert_eq!(day(&before, accepted, date!(2026 - 02 - 25)), date!(2026 - 02 - 20));
        assert_eq!(day(&before, accepted, date!(2026 - 02 - 20)), date!(2026 - 02 - 17));
        // The fifth day before lies before the bill: the bill's own day it is.
        assert_eq!(day(&before, accepted, date!(2026 - 02 - 05)), date!(2026 - 02 - 02));
    }

    #[test]
    fn a_bank_debit_keeps_its_notice() {
        let terms = DrawTerms { rule: DrawRule::DueDate, notice_days: BANK_DEBIT_NOTICE_DAYS, ..TERMS };
        let accepted = datetime!(2026-03-02 15:00 UTC);
        assert_eq!(day(&terms, accepted, date!(2026 - 03 - 09)), date!(2026 - 03 - 12));
        assert_eq!(day(&terms, accepted, date!(2026 - 03 - 20)), date!(2026 - 03 - 20));
    }

    #[test]
    fn the_review_delay_is_an_instant_too() {
        let accepted = datetime!(2026-02-12 20:00 UTC);
        let drawn =
            draw_date(&TERMS, accepted, date!(2026 - 03 - 20), &Zone::utc(), &Holidays::default()).unwrap();
        assert_eq!(drawn.not_before_at, datetime!(2026-02-13 00:00 UTC));
        assert_eq!(drawn.draw_on, date!(2026 - 02 - 13));
    }

    fn candidate(account: i64, bill: i64, unpaid: i64, balance: i64) -> Candidate {
        Candidate {
            bill: BillId::new(AccountId(account), bill),
            draw_on: date!(2026 - 03 - 20),
            bill_unpaid: Money::from_minor(unpaid),
            balance: Money::from_minor(balance),
            maximum: None,
            autopay_on: true,
            method: MethodState::Active,
            held: false,
        }
    }

    #[test]
    fn the_lesser_of_bill_and_balance_is_drawn() {
        let on = date!(2026 - 03 - 20);
        let drawn = |unpaid, balance| decide(&candidate(1, 1, unpaid, balance), on);
        assert_eq!(drawn(4351, 4351), Decision::Draw(Money::from_minor(4351)));
        assert_eq!(drawn(4351, 1000), Decision::Draw(Money::from_minor(1000)));
        assert_eq!(drawn(1000, 4351), Decision::Draw(Money::from_minor(1000)));
        assert_eq!(drawn(1000, -5), Decision::Skip(NoDraw::NothingOwed));
        assert_eq!(drawn(0, 500), Decision::Skip(NoDraw::NothingOwed));
    }

    #[test]
    fn every_reason_not_to_draw_is_told() {
        let on = date!(2026 - 03 - 20);
        let base = candidate(1, 1, 4351, 4351);
        let maximum = |minor| Candidate { maximum: Some(Money::from_minor(minor)), ..base };
        assert_eq!(decide(&maximum(4351), on), Decision::Draw(Money::from_minor(4351)));
        let cases = [
            (maximum(4350), NoDraw::AboveMaximum),
            (Candidate { draw_on: date!(2026 - 03 - 21), ..base }, NoDraw::NotYet),
            (Candidate { autopay_on: false, ..base }, NoDraw::AutopayOff),
            (Candidate { method: MethodState::Inactive, ..base }, NoDraw::MethodInactive),
            (Candidate { held: true, ..base }, NoDraw::Held),
        ];
        for (candidate, reason) in cases {
            assert_eq!(decide(&candidate, on), Decision::Skip(reason));
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.as_str());
        }
        assert!(is_announced(Money::from_minor(10), Some(Money::from_minor(10))));
        assert!(!is_announced(Money::from_minor(11), Some(Money::from_minor(10))));
        assert!(!is_announced(Money::ZERO, None));
    }

    #[test]
    fn an_account_is_drawn_once_per_run() {
        let draws = [candidate(1, 11, 900, 1500), candidate(2, 11, 700, 700), candidate(1, 12, 1500, 1500)];
        assert_eq!(
            plan(&draws, date!(2026 - 03 - 20)),
            [
                Decision::Skip(NoDraw::Superseded),
                Decision::Draw(Money::from_minor(700)),
                Decision::Draw(Money::from_minor(1500)),
            ]
        );
    }
}

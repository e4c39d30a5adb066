//! What happens after a declined draw: try again, give up, switch autopay off.
//!
//! Only a decline counts. A request that never reached the gateway is no attempt, and an unknown
//! outcome is looked up first.
//!
//! Deliberately missing: bank return codes (R01 …) and their re-presentment rules.

use time::Date;
use vocab::calendar::Holidays;
use vocab::dates::plus_days;

/// Whether trying the same again may help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeclineKind {
    /// It may: too little money now, the issuer not reachable.
    Soft,
    /// It cannot: the card is expired, stolen, unknown, or the customer has to act.
    Hard,
}

/// Reason codes after which the same charge cannot succeed: the issuer says so, or the customer
/// has to act first. The words are those of the Stripe-compatible interface (`code` and
/// `decline_code` of card errors, `failure_code` of bank debits).
const HARD_REASONS: &[&str] = &[
    "account_closed",
    "amount_too_large",
    "amount_too_small",
    "authentication_required",
    "bank_account_declined",
    "bank_account_restricted",
    "bank_account_unusable",
    "card_not_supported",
    "currency_not_supported",
    "debit_not_authorized",
    "expired_card",
    "fraudulent",
    "incorrect_cvc",
    "incorrect_number",
    "invalid_account",
    "invalid_account_number",
    "invalid_amount",
    "invalid_cvc",
    "invalid_expiry_month",
    "invalid_expiry_year",
    "invalid_number",
    "invalid_request",
    "lost_card",
    "merchant_blacklist",
    "new_account_information_available",
    "no_account",
    "payment_intent_authentication_failure",
    "payment_method_customer_decline",
    "payment_method_unactivated",
    "pickup_card",
    "resource_missing",
    "restricted_card",
    "revocation_of_all_authorizations",
    "revocation_of_authorization",
    "security_violation",
    "stolen_card",
    "stop_payment_order",
    "testmode_decline",
    "transaction_not_allowed",
];

/// Whether a reason code is a hard decline. An unknown word is soft: the attempts are bounded.
pub fn classify(reason: &str) -> DeclineKind {
    if HARD_REASONS.contains(&reason) { DeclineKind::Hard } else { DeclineKind::Soft }
}

/// How often and when a declined draw is tried again.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RetryPolicy {
    /// Attempts of one draw at most, the first included.
    pub attempts_max: u16,
    /// Days from a decline to the next attempt: the first after the first decline, and so on;
    /// the last holds for all further ones. Without any, nothing is tried again.
    pub delays_days: Vec<u16>,
    /// Declines of the account in a row, over all its draws, that switch autopay off.
    pub failures_in_a_row_max: u16,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { attempts_max: 3, delays_days: vec![1, 3, 7], failures_in_a_row_max: 3 }
    }
}

/// A decline and what led to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decline {
    /// Whether trying again may help.
    pub kind: DeclineKind,
    /// Attempts of this draw so far, this one included.
    pub attempts: u16,
    /// Declines of the account since its last success, this one included.
    pub failures_in_a_row: u16,
    /// The day of the decline.
    pub declined_on: Date,
}

/// What happens next with the draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// It is drawn again from this banking day.
    RetryOn(Date),
    /// It stays failed.
    GiveUp(GaveUp),
}

/// Why a draw is not tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GaveUp {
    /// Trying again cannot help.
    HardDecline,
    /// All attempts are used up.
    AttemptsUsedUp,
    /// Too many declines in a row: autopay is switched off.
    SwitchedOff,
}

/// What follows from a decline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AfterDecline {
    /// What happens with the draw.
    pub next: Next,
    /// Whether autopay is switched off; the customer is told.
    pub switches_off: bool,
}

/// Decides what follows from a decline.
pub fn after_decline(policy: &RetryPolicy, decline: &Decline, holidays: &Holidays) -> AfterDecline {
    let switches_off = decline.failures_in_a_row >= policy.failures_in_a_row_max;
    let next = if switches_off {
        Next::GiveUp(GaveUp::SwitchedOff)
    } else if decline.kind == DeclineKind::Hard {
        Next::GiveUp(GaveUp::HardDecline)
    } else {
        retry_on(policy, decline, holidays).map_or(Next::GiveUp(GaveUp::AttemptsUsedUp), Next::RetryOn)
    };
    AfterDecline { next, switches_off }
}

fn retry_on(policy: &RetryPolicy, decline: &Decline, holidays: &Holidays) -> Option<Date> {
    if decline.attempts >= policy.attempts_max {
        return None;
    }
    let index = usize::from(decline.attempts.saturating_sub(1));
    let days = policy.delays_days.get(index).or(policy.delays_days.last())?;
    holidays.business_day_from(plus_days(decline.declined_on, i64::from(*days))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::date;

    fn soft(attempts: u16, failures_in_a_row: u16, declined_on: Date) -> Decline {
        Decline { kind: DeclineKind::Soft, attempts, failures_in_a_row, declined_on }
    }

    fn next(policy: &RetryPolicy, decline: Decline) -> Next {
        after_decline(policy, &decline, &Holidays::default()).next
    }

    #[test]
    fn the_delay_grows_and_falls_on_banking_days() {
        let patient = RetryPolicy { attempts_max: 6, failures_in_a_row_max: 99, ..RetryPolicy::default() };
        let tuesday = date!(2026 - 03 - 03);
        assert_eq!(next(&patient, soft(1, 1, tuesday)), Next::RetryOn(date!(2026 - 03 - 04)));
        assert_eq!(next(&patient, soft(2, 2, tuesday)), Next::RetryOn(date!(2026 - 03 - 06)));
        assert_eq!(next(&patient, soft(3, 3, tuesday)), Next::RetryOn(date!(2026 - 03 - 10)));
        assert_eq!(next(&patient, soft(5, 5, tuesday)), Next::RetryOn(date!(2026 - 03 - 10)));
        assert_eq!(next(&patient, soft(6, 6, tuesday)), Next::GiveUp(GaveUp::AttemptsUsedUp));
        // A Friday's decline is tried again on Monday.
        assert_eq!(next(&patient, soft(1, 1, date!(2026 - 03 - 06))), Next::RetryOn(date!(2026 - 03 - 09)));
    }

    #[test]
    fn three_attempts_by_default_and_then_autopay_goes_off() {
        let policy = RetryPolicy::default();
        let day = date!(2026 - 03 - 03);
        assert!(matches!(next(&policy, soft(2, 2, day)), Next::RetryOn(_)));
        let third = after_decline(&policy, &soft(3, 3, day), &Holidays::default());
        assert_eq!(third, AfterDecline { next: Next::GiveUp(GaveUp::SwitchedOff), switches_off: true });
        // The first attempt of a new bill, after two declines of the last one.
        assert!(after_decline(&policy, &soft(1, 3, day), &Holidays::default()).switches_off);
    }

    #[test]
    fn a_hard_decline_is_not_tried_again() {
        let hard = Decline { kind: DeclineKind::Hard, ..soft(1, 1, date!(2026 - 03 - 03)) };
        let after = after_decline(&RetryPolicy::default(), &hard, &Holidays::default());
        assert_eq!(after, AfterDecline { next: Next::GiveUp(GaveUp::HardDecline), switches_off: false });
    }

    #[test]
    fn without_delays_nothing_is_tried_again() {
        let once = RetryPolicy { delays_days: Vec::new(), ..RetryPolicy::default() };
        assert_eq!(next(&once, soft(1, 1, date!(2026 - 03 - 03))), Next::GiveUp(GaveUp::AttemptsUsedUp));
    }

    #[test]
    fn reasons_are_sorted_and_told_apart() {
        assert!(HARD_REASONS.is_sorted());
        for (reason, kind) in [
            ("insufficient_funds", DeclineKind::Soft),
            ("card_declined", DeclineKind::Soft),
            ("processing_error", DeclineKind::Soft),
            ("never_heard_of", DeclineKind::Soft),
            ("expired_card", DeclineKind::Hard),
            ("stolen_card", DeclineKind::Hard),
            ("no_account", DeclineKind::Hard),
        ] {
            assert_eq!(classify(reason), kind, "{reason}");
        }
    }
}

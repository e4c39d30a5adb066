//! The state machines of money in: one table each, which is also what the tests print.
//!
//! A pair of state and event that is not in the table is refused; there is no default.
//! Deliberately missing: dates, amounts and reasons. The table says what may follow, the
//! decisions in [`crate::autopay`] and [`crate::retry`] say when.

use vocab::{DrawState, PaymentRunState, PaymentState};

/// The event is not allowed in this state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("`{event}` is not possible while `{state}`")]
pub struct Refused<S: std::fmt::Display, E: std::fmt::Display> {
    /// Where it stands.
    pub state: S,
    /// What was tried.
    pub event: E,
}

macro_rules! events {
    ($($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[$vdoc])* $variant,)* }

        impl $name {
            /// Every event, in order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(match self { $(Self::$variant => $text,)* })
            }
        }
    )*};
}

events! {
    /// What happens to a draw.
    DrawEvent {
        /// A run takes it: its idempotency key is stored, the request follows.
        Submit = "submit",
        /// The request surely never reached the gateway, or was not taken from us.
        NotTaken = "not_taken",
        /// The gateway took it and has not decided.
        Await = "await",
        /// The gateway collected.
        Succeed = "succeed",
        /// The gateway tells that it collected after all, when the draw was not waiting for it.
        SucceedLate = "succeed_late",
        /// The gateway refused.
        Decline = "decline",
        /// No clear answer came, or the process that asked is gone.
        LoseTrack = "lose_track",
        /// A look-up found it collected.
        FoundSucceeded = "found_succeeded",
        /// A look-up found it undecided.
        FoundPending = "found_pending",
        /// A look-up found it refused.
        FoundDeclined = "found_declined",
        /// A look-up, late enough that nothing can be under way, found nothing.
        FoundNothing = "found_nothing",
        /// It is tried again.
        Retry = "retry",
        /// Nothing left to draw, or withdrawn.
        Cancel = "cancel",
    }
    /// What happens to a payment.
    PaymentEvent {
        /// A returned check, a chargeback, a mistake.
        Reverse = "reverse",
    }
    /// What happens to a payment run.
    PaymentRunEvent {
        /// A person or a schedule executes it.
        Start = "start",
        /// Every draw of it is decided or left to a look-up.
        Finish = "finish",
        /// Given up: its draws that have not been taken are free for another.
        Cancel = "cancel",
    }
}

/// Draws: state, event, next state.
///
/// `unknown` is left by a look-up alone: a webhook about such a draw leads to one.
pub const DRAWS: &[(DrawState, DrawEvent, DrawState)] = {
    use DrawEvent as E;
    use DrawState as S;
    &[
        (S::Planned, E::Submit, S::Submitting),
        (S::Planned, E::SucceedLate, S::Succeeded),
        (S::Planned, E::Cancel, S::Cancelled),
        (S::Submitting, E::NotTaken, S::Planned),
        (S::Submitting, E::Await, S::Pending),
        (S::Submitting, E::Succeed, S::Succeeded),
        (S::Submitting, E::Decline, S::Failed),
        (S::Submitting, E::LoseTrack, S::Unknown),
        (S::Pending, E::Succeed, S::Succeeded),
        (S::Pending, E::Decline, S::Failed),
        (S::Pending, E::FoundSucceeded, S::Succeeded),
        (S::Pending, E::FoundPending, S::Pending),
        (S::Pending, E::FoundDeclined, S::Failed),
        (S::Unknown, E::FoundSucceeded, S::Succeeded),
        (S::Unknown, E::FoundPending, S::Pending),
        (S::Unknown, E::FoundDeclined, S::Failed),
        (S::Unknown, E::FoundNothing, S::Planned),
        (S::Failed, E::SucceedLate, S::Succeeded),
        (S::Failed, E::Retry, S::Planned),
        (S::Failed, E::Cancel, S::Cancelled),
    ]
};

/// Payments: state, event, next state.
pub const PAYMENTS: &[(PaymentState, PaymentEvent, PaymentState)] =
    &[(PaymentState::Posted, PaymentEvent::Reverse, PaymentState::Reversed)];

/// Payment runs: state, event, next state.
pub const PAYMENT_RUNS: &[(PaymentRunState, PaymentRunEvent, PaymentRunState)] = {
    use PaymentRunEvent as E;
    use PaymentRunState as S;
    &[
        (S::Planned, E::Start, S::Running),
        (S::Planned, E::Cancel, S::Cancelled),
        (S::Running, E::Finish, S::Finished),
        (S::Running, E::Cancel, S::Cancelled),
    ]
};

/// Where a draw goes.
///
/// # Errors
/// [`Refused`] when the table has no such row.
pub fn draw(state: DrawState, event: DrawEvent) -> Result<DrawState, Refused<DrawState, DrawEvent>> {
    step(DRAWS, state, event)
}

/// Where a payment goes.
///
/// # Errors
/// [`Refused`] when the table has no such row.
pub fn payment(
    state: PaymentState,
    event: PaymentEvent,
) -> Result<PaymentState, Refused<PaymentState, PaymentEvent>> {
    step(PAYMENTS, state, event)
}

/// Where a payment run goes.
///
/// # Errors
/// [`Refused`] when the table has no such row.
pub fn payment_run(
    state: PaymentRunState,
    event: PaymentRunEvent,
) -> Result<PaymentRunState, Refused<PaymentRunState, PaymentRunEvent>> {
    step(PAYMENT_RUNS, state, event)
}

fn step<S, E>(table: &[(S, E, S)], state: S, event: E) -> Result<S, Refused<S, E>>
where
    S: Copy + PartialEq + std::fmt::Display,
    E: Copy + PartialEq + std::fmt::Display,
{
    let row = table.iter().find(|(from, on, _)| *from == state && *on == event);
    row.map(|(_, _, to)| *to).ok_or(Refused { state, event })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Display;

    fn table<S: Copy + PartialEq + Display, E: Copy + PartialEq + Display>(
        states: &[S],
        events: &[E],
        transition: fn(S, E) -> Result<S, Refused<S, E>>,
    ) -> String {
        let mut text = String::new();
        for state in states {
            let allowed: Vec<String> = events
                .iter()
                .filter_map(|event| Some(format!("{event} → {}", transition(*state, *event).ok()?)))
                .collect();
            text.push_str(format!("{state}: {}", allowed.join(", ")).trim_end());
            text.push('\n');
        }
        text
    }

    #[test]
    fn the_whole_table_of_draws() {
        let expected = "\
planned: submit → submitting, succeed_late → succeeded, cancel → cancelled
submitting: not_taken → planned, await → pending, succeed → succeeded, decline → failed, lose_track → unknown
pending: succeed → succeeded, decline → failed, found_succeeded → succeeded, found_pending → pending, \
found_declined → failed
succeeded:
failed: succeed_late → succeeded, retry → planned, cancel → cancelled
unknown: found_succeeded → succeeded, found_pending → pending, found_declined → failed, found_nothing → planned
cancelled:
";
        assert_eq!(table(DrawState::ALL, DrawEvent::ALL, draw), expected);
        assert_eq!(expected.matches('→').count(), DRAWS.len(), "a pair stands twice in the table");
    }

    #[test]
    fn the_whole_tables_of_payments_and_runs() {
        assert_eq!(
            table(PaymentState::ALL, PaymentEvent::ALL, payment),
            "posted: reverse → reversed\nreversed:\n"
        );
        assert_eq!(
            table(PaymentRunState::ALL, PaymentRunEvent::ALL, payment_run),
            "planned: start → running, cancel → cancelled\nrunning: finish → finished, cancel → cancelled\nfinished:\ncancelled:\n"
        );
    }

    #[test]
    fn an_unknown_draw_is_left_by_look_up_alone() {
        for event in DrawEvent::ALL {
            let by_look_up = event.to_string().starts_with("found_");
            assert_eq!(draw(DrawState::Unknown, *event).is_ok(), by_look_up, "{event}");
        }
        let refused = draw(DrawState::Unknown, DrawEvent::Submit).unwrap_err();
        assert_eq!(refused.to_string(), "`submit` is not possible while `unknown`");
    }
}

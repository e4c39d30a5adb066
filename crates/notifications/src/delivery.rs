//! The life of a delivery: one sending of an invoice or notice.
//!
//! Automatic approval applies [`DeliveryEvent::Submit`] and [`DeliveryEvent::Approve`] one after
//! the other. A sending whose end is not known (no answer, a worker that died) has failed; the
//! resend goes out under the same mail id, so that a second copy can be told. What a dead worker left in
//! the middle of a sending that nobody takes up again can be resent as well.

use vocab::{Code, DeliveryState, Problem};

use DeliveryEvent::{Approve, Bounce, Confirm, Fail, HandOver, Resend, Return, Send, StepBack, Submit};
use DeliveryState::{
    Approved, AwaitingApproval, Bounced, Created, Delivered, Failed, Returned, Sending, Sent,
};

/// What happens to a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeliveryEvent {
    /// Its contents are complete; it asks for approval.
    Submit,
    /// Someone, or the utility's rule, lets it go.
    Approve,
    /// A worker begins to hand it over.
    Send,
    /// The mail server or mail house took it.
    HandOver,
    /// It can never be handed over, or no one knows whether it was.
    Fail,
    /// It was certainly not taken, for now: it waits to be sent again.
    StepBack,
    /// It reached its reader.
    Confirm,
    /// The other side refused it for good, at once or later.
    Bounce,
    /// It came back by post.
    Return,
    /// A person, or the retry rule, sends it again.
    Resend,
}

impl DeliveryEvent {
    /// Every event.
    pub const ALL: &'static [Self] =
        &[Submit, Approve, Send, HandOver, Fail, StepBack, Confirm, Bounce, Return, Resend];
}

/// The whole machine: state, event, next state. What is not here is refused.
pub const TABLE: &[(DeliveryState, DeliveryEvent, DeliveryState)] = &[
    (Created, Submit, AwaitingApproval),
    (AwaitingApproval, Approve, Approved),
    (Approved, Send, Sending),
    (Sending, HandOver, Sent),
    (Sending, Bounce, Bounced),
    (Sending, Fail, Failed),
    (Sending, StepBack, Approved),
    (Sending, Resend, Approved),
    (Sent, Confirm, Delivered),
    (Sent, Bounce, Bounced),
    (Sent, Return, Returned),
    (Failed, Resend, Approved),
    (Bounced, Resend, Approved),
];

/// The delivery is in a state in which this cannot happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a delivery that is {state} does not take {event:?}")]
pub struct Refused {
    /// The state it is in.
    pub state: DeliveryState,
    /// What was to happen.
    pub event: DeliveryEvent,
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        Self::new(Code::WrongState, refused.to_string()).with("state", refused.state)
    }
}

/// The next state, or a refusal.
pub fn transition(state: DeliveryState, event: DeliveryEvent) -> Result<DeliveryState, Refused> {
    TABLE
        .iter()
        .find(|(from, on, _)| (*from, *on) == (state, event))
        .map(|(_, _, to)| *to)
        .ok_or(Refused { state, event })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_is_decided_once() {
        let mut allowed = 0;
        for &state in DeliveryState::ALL {
            for &event in DeliveryEvent::ALL {
                let rows = TABLE.iter().filter(|(from, on, _)| (*from, *on) == (state, event)).count();
                assert!(rows <= 1, "{state} {event:?} stands twice");
                match transition(state, event) {
                    Ok(_) => allowed += 1,
                    Err(refused) => {
                        assert_eq!(refused, Refused { state, event });
                        assert_eq!(Problem::from(refused).params, [("state", state.to_string())]);
                    }
                }
            }
        }
        assert_eq!(allowed, TABLE.len());
    }

    #[test]
    fn a_delivery_lives_as_it_should() {
        let live = |events: &[DeliveryEvent]| {
            events.iter().try_fold(Created, |state, &event| transition(state, event))
        };
        assert_eq!(live(&[Submit, Approve, Send, HandOver, Confirm]), Ok(Delivered));
        assert_eq!(live(&[Submit, Approve, Send, HandOver, Return]), Ok(Returned));
        assert_eq!(
            live(&[Submit, Approve, Send, Fail, Resend, Send, HandOver, Bounce, Resend]),
            Ok(Approved)
        );
        assert_eq!(live(&[Submit, Approve, Send, StepBack, Send, HandOver]), Ok(Sent));
        assert!(live(&[Approve]).is_err(), "nothing goes out unasked");
        assert!(live(&[Submit, Send]).is_err(), "nothing goes out without approval");
        assert!(live(&[Submit, Approve, Send, HandOver, Send]).is_err(), "nothing goes out twice");
        assert!(live(&[Submit, Approve, Send, HandOver, Resend]).is_err());
    }

    #[test]
    fn every_state_can_be_reached() {
        let mut reached = vec![Created];
        for _ in DeliveryState::ALL {
            reached.extend(
                TABLE.iter().filter(|(from, ..)| reached.contains(from)).map(|row| row.2).collect::<Vec<_>>(),
            );
        }
        for state in DeliveryState::ALL {
            assert!(reached.contains(state), "{state}");
        }
    }
}

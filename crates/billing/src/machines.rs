//! The state machines of billing: one table each, and one function that reads them.
//!
//! A step that is not in the table is refused. The same tables are printed by the documentation
//! and walked by the tests; CHECK constraints and compare-and-set updates back them in the store.

use vocab::{BillState, ItemState, RebillState, RunState, SegmentState, WindowState};

/// A step that the table does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a {machine} that is {state} cannot {event}")]
pub struct Refused {
    /// What kind of thing refused.
    pub machine: &'static str,
    /// The state it is in.
    pub state: &'static str,
    /// What was asked of it.
    pub event: &'static str,
}

/// A state with a table of what may happen to it.
pub trait Machine: Copy + Eq + 'static {
    /// What may happen.
    type Event: Copy + Eq + 'static;
    /// Every legal step: from, by, to.
    const TABLE: &'static [(Self, Self::Event, Self)];
    /// The machine's name in a refusal.
    const NAME: &'static str;
    /// The state's word.
    fn word(self) -> &'static str;
    /// The event's word.
    fn event_word(event: Self::Event) -> &'static str;
}

/// The state after the event; refused when the table has no such step.
pub fn transition<M: Machine>(state: M, event: M::Event) -> Result<M, Refused> {
    M::TABLE
        .iter()
        .find(|(from, by, _)| *from == state && *by == event)
        .map(|(_, _, to)| *to)
        .ok_or_else(|| Refused { machine: M::NAME, state: state.word(), event: M::event_word(event) })
}

macro_rules! machine {
    (
        $(#[$doc:meta])* $event:ident for $state:ident $name:literal {
            $($(#[$edoc:meta])* $variant:ident = $word:literal: $($from:ident)|+ => $to:ident;)*
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $event { $($(#[$edoc])* $variant,)* }

        impl $event {
            /// Every event, in order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];
        }

        impl Machine for $state {
            type Event = $event;
            const TABLE: &'static [(Self, $event, Self)] =
                &[$($(($state::$from, $event::$variant, $state::$to),)+)*];
            const NAME: &'static str = $name;
            fn word(self) -> &'static str {
                self.as_str()
            }
            fn event_word(event: $event) -> &'static str {
                match event { $($event::$variant => $word,)* }
            }
        }
    };
}

machine! {
    /// What may happen to a bill run. Accounts that stayed behind may be tested, accepted and
    /// invoiced again until the run is closed; freezing is per account. A paused or failed run
    /// goes on with the work that its unfinished operation names.
    RunEvent for RunState "bill run" {
        /// A test begins.
        StartTest = "start a test": Scheduled | Tested | Accepted | Invoiced => Running;
        /// The test has visited every account.
        FinishTest = "finish its test": Running => Tested;
        /// Posting of a named test begins.
        StartAccept = "start accepting": Tested | Accepted | Invoiced => Accepting;
        /// Every acceptable account is posted.
        FinishAccept = "finish accepting": Accepting => Accepted;
        /// Making of invoices begins.
        StartInvoices = "start invoicing": Accepted | Invoiced => Invoicing;
        /// Every accepted account has its invoices.
        FinishInvoices = "finish invoicing": Invoicing => Invoiced;
        /// No invoice is being made any more, and some accepted account has none.
        StopInvoices = "stop invoicing": Invoicing => Accepted;
        /// A person finishes the run.
        Close = "be closed": Accepted | Invoiced => Closed;
        /// A person stops the work, to go on later.
        Pause = "be paused": Running | Accepting | Invoicing => Paused;
        /// A fault stops the work.
        Fail = "fail": Running | Accepting | Invoicing => Failed;
        /// The stopped test goes on.
        ResumeTest = "resume its test": Paused | Failed => Running;
        /// The stopped acceptance goes on.
        ResumeAccept = "resume accepting": Paused | Failed => Accepting;
        /// The stopped invoicing goes on.
        ResumeInvoices = "resume invoicing": Paused | Failed => Invoicing;
        /// A person gives the run up; what is posted stays posted.
        Cancel = "be cancelled": Scheduled | Running | Tested | Paused | Failed => Cancelled;
    }
}

machine! {
    /// What may happen to one account in a run. A test may be repeated until the account is accepted.
    ItemEvent for ItemState "run item" {
        /// It is to be tested again.
        Requeue = "be queued": Queued | Drafted | Error | Deferred | Skipped | Held | Stale => Queued;
        /// The test left a draft.
        Draft = "be drafted": Queued | Drafted | Error | Deferred | Skipped | Held | Stale => Drafted;
        /// The test left a blocking error.
        Fail = "fail": Queued | Drafted | Error | Deferred | Skipped | Held | Stale => Error;
        /// Nothing is due yet.
        Defer = "be deferred": Queued | Drafted | Error | Deferred | Skipped | Held | Stale => Deferred;
        /// Nothing is due.
        Skip = "be skipped": Queued | Drafted | Error | Deferred | Skipped | Held | Stale => Skipped;
        /// A person or a hold keeps it back.
        Hold = "be held": Queued | Drafted | Error | Deferred | Skipped | Held | Stale => Held;
        /// A person lets the standing draft go on.
        Release = "be released": Held => Drafted;
        /// Its inputs changed after the test.
        Outdate = "become stale": Drafted => Stale;
        /// Its bill is posted.
        Accept = "be accepted": Drafted => Accepted;
    }
}

machine! {
    /// What may happen to a cycle window.
    WindowEvent for WindowState "cycle window" {
        /// Work on it begins.
        Open = "be opened": Planned => Open;
        /// A person finishes it, with a reason for what is left.
        Close = "be closed": Open => Closed;
    }
}

machine! {
    /// What may happen to a bill.
    BillEvent for BillState "bill" {
        /// It is posted.
        Complete = "be completed": Pending => Complete;
        /// It is taken back, while it is the latest, without invoice, in an open period.
        Reopen = "be reopened": Complete => Pending;
        /// It is given up with all its segments.
        Discard = "be discarded": Pending => Cancelled;
    }
}

machine! {
    /// What may happen to a segment. A frozen one is only ever reversed.
    SegmentEvent for SegmentState "segment" {
        /// It is calculated.
        Calculate = "be calculated": Incomplete | Error => Freezable;
        /// It could not be calculated.
        Fail = "fail": Incomplete | Error => Error;
        /// It is to be made again.
        Regenerate = "be made again": Error | Freezable => Incomplete;
        /// It is posted.
        Freeze = "be frozen": Freezable => Frozen;
        /// It is to be reversed.
        RequestCancel = "be put up for cancelling": Frozen => PendingCancel;
        /// The reversal is withdrawn.
        KeepFrozen = "be kept": PendingCancel => Frozen;
        /// It is reversed.
        Cancel = "be cancelled": PendingCancel => Cancelled;
    }
}

machine! {
    /// What may happen to a proposal to bill periods again. What has been decided stays decided.
    RebillEvent for RebillState "rebill proposal" {
        /// A person decides for it.
        Approve = "be approved": Open => Approved;
        /// A person decides against it.
        Dismiss = "be dismissed": Open => Dismissed;
        /// Its read is rejected, undone or replaced.
        Withdraw = "be withdrawn": Open => Withdrawn;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Walks every state × event: a step is legal exactly when the table has it, and the table
    /// gives one answer.
    fn walk<M: Machine>(states: &[M], events: &[M::Event], legal: usize) {
        let mut found = 0;
        for &state in states {
            for &event in events {
                let steps: Vec<_> = M::TABLE.iter().filter(|s| s.0 == state && s.1 == event).collect();
                assert!(steps.len() <= 1, "{} in {} has two answers", M::NAME, state.word());
                match (transition(state, event), steps.first()) {
                    (Ok(to), Some(step)) => {
                        assert!(to == step.2);
                        found += 1;
                    }
                    (Err(refused), None) => {
                        assert_eq!(refused.state, state.word());
                        assert_eq!(refused.event, M::event_word(event));
                    }
                    _ => panic!("{} in {}: table and function disagree", M::NAME, state.word()),
                }
            }
        }
        assert_eq!(found, legal, "{}", M::NAME);
        assert_eq!(M::TABLE.len(), legal, "{}", M::NAME);
    }

    #[test]
    fn only_the_steps_of_the_tables_are_taken() {
        walk(RunState::ALL, RunEvent::ALL, 32);
        walk(ItemState::ALL, ItemEvent::ALL, 45);
        walk(WindowState::ALL, WindowEvent::ALL, 2);
        walk(BillState::ALL, BillEvent::ALL, 3);
        walk(SegmentState::ALL, SegmentEvent::ALL, 10);
        walk(RebillState::ALL, RebillEvent::ALL, 3);
    }

    #[test]
    fn a_run_goes_its_way_and_ends() {
        let way = [
            (RunEvent::StartTest, RunState::Running),
            (RunEvent::Pause, RunState::Paused),
            (RunEvent::ResumeTest, RunState::Running),
            (RunEvent::FinishTest, RunState::Tested),
            (RunEvent::StartAccept, RunState::Accepting),
            (RunEvent::FinishAccept, RunState::Accepted),
            (RunEvent::StartInvoices, RunState::Invoicing),
            (RunEvent::FinishInvoices, RunState::Invoiced),
            (RunEvent::Close, RunState::Closed),
        ];
        let mut state = RunState::Scheduled;
        for (event, expected) in way {
            state = transition(state, event).unwrap();
            assert_eq!(state, expected);
        }
        for &end in &[RunState::Closed, RunState::Cancelled] {
            assert!(RunEvent::ALL.iter().all(|&event| transition(end, event).is_err()));
        }
    }

    #[test]
    fn what_is_posted_is_never_drafted_again() {
        assert!(ItemEvent::ALL.iter().all(|&event| transition(ItemState::Accepted, event).is_err()));
        assert!(transition(SegmentState::Frozen, SegmentEvent::Regenerate).is_err());
        assert!(transition(ItemState::Error, ItemEvent::Accept).is_err());
        let refused = transition(ItemState::Stale, ItemEvent::Accept).unwrap_err();
        assert_eq!(refused.to_string(), "a run item that is stale cannot be accepted");
    }
}

//! What the making of invoices does to the run whose bills they show.

use crate::RunEvent;
use vocab::RunState;

/// The work that makes a run's invoices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvoiceWork {
    /// Filed, or in a worker's hands.
    UnderWay,
    /// A person stopped it, to go on later.
    Paused,
    /// A fault stopped it.
    Failed,
}

/// The steps that bring a run to where its invoices are. `lacking`: an accepted bill has no
/// invoice yet; `work`: what is being done about it. A run that is at something else (a test, an
/// acceptance) or at its end stays where it is.
pub fn steps_with_invoices(state: RunState, lacking: bool, work: Option<InvoiceWork>) -> &'static [RunEvent] {
    use RunEvent::{Fail, FinishInvoices, Pause, ResumeInvoices, StartInvoices, StopInvoices};
    use RunState::{Accepted, Failed, Invoiced, Invoicing, Paused};
    match (state, lacking, work) {
        (Accepted, false, _) => &[StartInvoices, FinishInvoices],
        (Invoicing, false, _) => &[FinishInvoices],
        (Paused | Failed, false, _) => &[ResumeInvoices, FinishInvoices],
        (Accepted | Invoiced, true, Some(InvoiceWork::UnderWay)) => &[StartInvoices],
        (Paused | Failed, true, Some(InvoiceWork::UnderWay)) => &[ResumeInvoices],
        (Invoicing, true, Some(InvoiceWork::Paused)) => &[Pause],
        (Invoicing, true, Some(InvoiceWork::Failed)) => &[Fail],
        (Invoicing, true, None) => &[StopInvoices],
        (Paused | Failed, true, None) => &[ResumeInvoices, StopInvoices],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transition;

    fn goes(state: RunState, lacking: bool, work: Option<InvoiceWork>) -> RunState {
        steps_with_invoices(state, lacking, work)
            .iter()
            .fold(state, |state, &event| transition(state, event).unwrap())
    }

    #[test]
    fn a_run_is_where_its_invoices_are_or_stays() {
        use InvoiceWork as Work;
        let works = [None, Some(Work::UnderWay), Some(Work::Paused), Some(Work::Failed)];
        for &state in RunState::ALL {
            let follows = [
                RunState::Accepted,
                RunState::Invoicing,
                RunState::Invoiced,
                RunState::Paused,
                RunState::Failed,
            ];
            for work in works {
                let (whole, lacking) = (goes(state, false, work), goes(state, true, work));
                if !follows.contains(&state) {
                    assert_eq!((whole, lacking), (state, state));
                    continue;
                }
                assert_eq!(whole, RunState::Invoiced);
                match work {
                    Some(Work::UnderWay) => assert_eq!(lacking, RunState::Invoicing),
                    None if state != RunState::Invoiced => assert_eq!(lacking, RunState::Accepted),
                    _ => assert_ne!(lacking, RunState::Invoicing),
                }
            }
        }
    }
}

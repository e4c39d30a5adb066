//! The eight steps of a window: which are done for how many accounts, and what may come next.

use crate::{App, Caller, Result};
use store::runs::WindowCounts;
use store::windows::Window;
use vocab::{Problem, WindowId};

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// 1 to 8.
    pub number: u8,
    /// Its word.
    pub name: &'static str,
    /// For how many it is done.
    pub done: i64,
    /// Of how many.
    pub of: i64,
    /// Whether it may be taken now.
    pub may_start: bool,
    /// Why not, or what is open.
    pub note: Option<String>,
}

/// A window with its steps.
#[derive(Debug, Clone)]
pub struct WindowSteps {
    /// The window.
    pub window: Window,
    /// The eight steps.
    pub steps: Vec<Step>,
}

impl App {
    /// The steps of a window, for the accounts that the caller may see.
    pub fn window_steps(&self, caller: &Caller, id: WindowId) -> Result<WindowSteps> {
        self.db().tx(|tx| {
            let window = store::windows::find(tx, id)?.ok_or_else(Problem::not_found)?;
            let sites = caller.sites();
            let counts = store::runs::window_counts(tx, id, window.cycle_id, sites.as_deref())?;
            let exports = store::windows::exports(tx, id)?;
            let imports = store::windows::imports(tx, id)?;
            let open = window.state == vocab::WindowState::Open;
            Ok(WindowSteps { steps: steps(&counts, exports, imports, open), window })
        })
    }
}

fn steps(counts: &WindowCounts, exports: i64, imports: i64, open: bool) -> Vec<Step> {
    let closed = (!open).then(|| "the window is not open".to_owned());
    let plural = |count: i64, one: &str| {
        (count > 0).then(|| format!("{count} {one}{}", if count == 1 { "" } else { "s" }))
    };
    let step = |number, name, done, of, may_start, note: Option<String>| Step {
        number,
        name,
        done,
        of,
        may_start,
        note,
    };
    let note = |note: Option<String>| closed.clone().or(note);
    vec![
        step(1, "export_readings", exports, exports.max(1), open, note(None)),
        step(2, "import_reads", imports, imports.max(1), open, note(None)),
        step(
            3,
            "test",
            counts.tested.max(counts.accepted),
            counts.accounts,
            open,
            note(plural(counts.errors, "open error")),
        ),
        step(
            4,
            "review",
            if counts.tested > 0 && counts.open_flags == 0 { 1 } else { 0 },
            1,
            open && counts.tested > 0,
            note(plural(counts.open_flags, "open blocking flag")),
        ),
        step(5, "accept", counts.accepted, counts.accounts, open && counts.tested > 0, note(None)),
        step(
            6,
            "generate_invoices",
            counts.invoiced,
            counts.accepted,
            counts.accepted > counts.invoiced,
            None,
        ),
        step(7, "send", counts.sent, counts.invoiced, counts.invoiced > counts.sent, None),
        step(
            8,
            "payment_run",
            counts.collected,
            counts.collected + counts.to_collect,
            counts.to_collect > 0,
            None,
        ),
    ]
}

//! Fault points: where a program built for developers can be told to die, or to note that it came by.
//!
//! Every place that opens a transaction is one, twice: when its work is done and nothing is committed, and
//! right after the commit. None has to be planted, so none can be forgotten. Two variables are read:
//! `FAULT_POINT` names a point (`before crates/app/src/once.rs:96`) at which the process aborts,
//! `FAULT_RECORD` a file to which each point is added when the process first reaches it. A program built
//! for release knows neither.

use std::panic::Location;

/// On which side of the commit.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Moment {
    /// The work is done, nothing of it is committed.
    Before,
    /// All of it is committed, nobody knows yet.
    After,
}

/// The program was built for release: there are no fault points.
#[cfg(not(debug_assertions))]
pub(crate) const fn reach(_: Moment, _: &Location<'_>) {}

/// A transaction of this place has come to this moment.
#[cfg(debug_assertions)]
pub(crate) fn reach(moment: Moment, place: &Location<'_>) {
    if let Some(points) = armed::points() {
        points.reach(moment, place);
    }
}

#[cfg(debug_assertions)]
mod armed {
    use super::Moment;
    use std::collections::HashSet;
    use std::fs::OpenOptions;
    use std::io::Write;
    use std::panic::Location;
    use std::path::PathBuf;
    use std::sync::{Mutex, OnceLock, PoisonError};

    /// What the environment asks for.
    pub(super) struct Points {
        deadly: Option<String>,
        record: Option<PathBuf>,
        reached: Mutex<HashSet<String>>,
    }

    /// None in a process of which nothing is asked.
    pub(super) fn points() -> Option<&'static Points> {
        static POINTS: OnceLock<Option<Points>> = OnceLock::new();
        let read = || {
            let (deadly, record) = (std::env::var("FAULT_POINT").ok(), std::env::var_os("FAULT_RECORD"));
            let is_asked = deadly.is_some() || record.is_some();
            is_asked.then(|| Points { deadly, record: record.map(Into::into), reached: Mutex::default() })
        };
        POINTS.get_or_init(read).as_ref()
    }

    impl Points {
        pub(super) fn reach(&self, moment: Moment, place: &Location<'_>) {
            let moment = match moment {
                Moment::Before => "before",
                Moment::After => "after",
            };
            let point = format!("{moment} {}:{}", place.file(), place.line());
            if self.deadly.as_ref() == Some(&point) {
                std::process::abort();
            }
            let Some(record) = &self.record else { return };
            let mut reached = self.reached.lock().unwrap_or_else(PoisonError::into_inner);
            if reached.insert(point.clone()) {
                let file = OpenOptions::new().create(true).append(true).open(record);
                // Who asked for the record misses the point in it.
                let _ = file.and_then(|mut file| writeln!(file, "{point}"));
            }
        }
    }
}

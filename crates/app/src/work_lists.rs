//! Work lists: what waits for a person, site by site.

use crate::{App, Caller, Result};
use store::work_lists::{self, WorkList};

impl App {
    /// What waits at the caller's sites for a person; for the caller when nobody is named.
    pub fn work_lists(&self, caller: &Caller, assignee: Option<String>) -> Result<(String, Vec<WorkList>)> {
        let assignee = assignee.unwrap_or_else(|| caller.actor());
        let sites = caller.sites();
        let rows =
            self.db().tx(|tx| Ok::<_, crate::Error>(work_lists::of(tx, &assignee, sites.as_deref())?))?;
        Ok((assignee, rows))
    }
}

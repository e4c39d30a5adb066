//! Who asks, and within which request.

use access::{Permission, Principal};
use vocab::{Problem, SiteId};

/// A principal and its request.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who.
    pub principal: Principal,
    /// The request, for the audit log.
    pub request_id: Option<String>,
}

impl Caller {
    /// The same caller for what they do for everybody: it is not narrowed to their sites.
    pub(crate) fn everywhere(&self) -> Self {
        let mut all = self.clone();
        all.principal.sites = access::SiteScope::All;
        all
    }

    /// The actor's opaque id, as the audit log keeps it.
    pub fn actor(&self) -> String {
        self.principal.actor.to_string()
    }

    /// Refuses without the permission.
    pub fn may(&self, permission: Permission) -> Result<(), Problem> {
        self.principal.may(permission)
    }

    /// "Not found" for a thing of a foreign site.
    pub fn find_in(&self, site: SiteId) -> Result<(), Problem> {
        self.principal.find_in(site)
    }

    /// The sites in scope, for a query's filter; none when every site is seen.
    pub fn sites(&self) -> Option<Vec<SiteId>> {
        self.principal.sites.sites().map(|sites| sites.iter().copied().collect())
    }
}

//! Who is asking.

use serde::{Deserialize, Serialize};
use vocab::{ApiClientId, Code, CycleId, Problem, Role, ScheduleId, SiteId, UserId};

use crate::{Permission, SiteScope};

/// A member of staff or a program. As text its own id: `user_…` or `apic_…`; what the house does by itself
/// says for what: `schedule:sched_…`, `cycle:cyc_…`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Actor {
    /// A member of staff.
    User(UserId),
    /// A program.
    ApiClient(ApiClientId),
    /// A schedule, with the rights of who made it.
    Schedule(ScheduleId),
    /// The automatic mode of a bill cycle.
    Cycle(CycleId),
}

impl Actor {
    /// Whether it is the house itself, which no token speaks for.
    pub const fn is_house(self) -> bool {
        matches!(self, Self::Schedule(_) | Self::Cycle(_))
    }
}

impl std::fmt::Display for Actor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::User(id) => id.fmt(f),
            Self::ApiClient(id) => id.fmt(f),
            Self::Schedule(id) => write!(f, "schedule:{id}"),
            Self::Cycle(id) => write!(f, "cycle:{id}"),
        }
    }
}

impl std::str::FromStr for Actor {
    type Err = vocab::BadId;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            Some(("schedule", id)) => id.parse().map(Self::Schedule),
            Some(("cycle", id)) => id.parse().map(Self::Cycle),
            _ => text.parse().map(Self::User).or_else(|_| text.parse().map(Self::ApiClient)),
        }
    }
}

impl Serialize for Actor {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Actor {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The sign-in that a token belongs to: its family of refresh tokens. Opaque here.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionId(pub String);

/// Who is asking, with what authority.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The member of staff or the program.
    pub actor: Actor,
    /// Decides the permissions.
    pub role: Role,
    /// Decides whose things are seen.
    pub sites: SiteScope,
    /// The sign-in behind the request; none for work that the house does by itself.
    pub session: Option<SessionId>,
}

impl Principal {
    /// Refuses with [`Code::Forbidden`], naming the permission, unless the role has it.
    pub fn may(&self, permission: Permission) -> Result<(), Problem> {
        if permission.is_held_by(self.role) {
            return Ok(());
        }
        let detail = format!("the role {} does not include {permission}", self.role);
        Err(Problem::new(Code::Forbidden, detail).with("permission", permission))
    }

    /// Whether things of this site may be seen. A thing of a foreign site is *not found*, not forbidden.
    pub fn sees_site(&self, site: SiteId) -> bool {
        self.sites.sees(site)
    }

    /// Answers [`Code::NotFound`] for a thing of a foreign site: its existence is private.
    pub fn find_in(&self, site: SiteId) -> Result<(), Problem> {
        if self.sees_site(site) { Ok(()) } else { Err(Problem::not_found()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clerk(sites: SiteScope) -> Principal {
        Principal { actor: Actor::User(UserId(9)), role: Role::Clerk, sites, session: None }
    }

    #[test]
    fn a_refusal_names_the_permission() {
        let clerk = clerk(SiteScope::All);
        assert_eq!(clerk.may(Permission::PaymentsTake), Ok(()));
        let refused = clerk.may(Permission::PaymentsReverse).unwrap_err();
        assert_eq!(refused.code, Code::Forbidden);
        assert_eq!(refused.params, [("permission", "payments.reverse".to_owned())]);
    }

    #[test]
    fn foreign_sites_are_not_found() {
        let clerk = clerk([SiteId(1)].into_iter().collect());
        assert_eq!(clerk.find_in(SiteId(1)), Ok(()));
        assert_eq!(clerk.find_in(SiteId(2)).unwrap_err().code, Code::NotFound);
    }

    #[test]
    fn actors_keep_their_kind_as_text() {
        let house = [Actor::Schedule(ScheduleId(4)), Actor::Cycle(CycleId(4))];
        for actor in [Actor::User(UserId(4)), Actor::ApiClient(ApiClientId(4))].into_iter().chain(house) {
            assert_eq!(actor.to_string().parse(), Ok(actor));
            assert_eq!(actor.is_house(), house.contains(&actor));
        }
        assert!("schedule:user_1".parse::<Actor>().is_err());
        assert!("acct_1".parse::<Actor>().is_err());
        assert!("".parse::<Actor>().is_err());
    }
}

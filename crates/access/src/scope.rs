//! The sites that a principal works on.

use std::collections::BTreeSet;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use vocab::SiteId;

/// All sites, or the named ones. In JSON: `"all"` or a list of site ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SiteScope {
    /// Every site, also those that come later.
    All,
    /// These sites; an empty set sees nothing.
    Only(BTreeSet<SiteId>),
}

impl SiteScope {
    /// Whether things of this site are seen.
    pub fn sees(&self, site: SiteId) -> bool {
        match self {
            Self::All => true,
            Self::Only(sites) => sites.contains(&site),
        }
    }

    /// Whether everything that `other` sees is seen here too: nobody hands on more than they have.
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::All, _) => true,
            (Self::Only(_), Self::All) => false,
            (Self::Only(own), Self::Only(others)) => others.is_subset(own),
        }
    }

    /// The sites that both see.
    #[must_use]
    pub fn within(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::All, scope) | (scope, Self::All) => scope.clone(),
            (Self::Only(own), Self::Only(others)) => Self::Only(own & others),
        }
    }

    /// The named sites, for a query's filter; none when every site is seen.
    pub fn sites(&self) -> Option<&BTreeSet<SiteId>> {
        match self {
            Self::All => None,
            Self::Only(sites) => Some(sites),
        }
    }
}

impl FromIterator<SiteId> for SiteScope {
    fn from_iter<I: IntoIterator<Item = SiteId>>(sites: I) -> Self {
        Self::Only(sites.into_iter().collect())
    }
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Word(AllSites),
    Sites(BTreeSet<SiteId>),
}

#[derive(Serialize, Deserialize)]
enum AllSites {
    #[serde(rename = "all")]
    All,
}

impl Serialize for SiteScope {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All => AllSites::All.serialize(to),
            Self::Only(sites) => sites.serialize(to),
        }
    }
}

impl<'de> Deserialize<'de> for SiteScope {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(match Written::deserialize(from)? {
            Written::Word(AllSites::All) => Self::All,
            Written::Sites(sites) => Self::Only(sites),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only<const N: usize>(sites: [i64; N]) -> SiteScope {
        sites.into_iter().map(SiteId).collect()
    }

    #[test]
    fn scopes_see_cover_and_meet() {
        assert!(SiteScope::All.sees(SiteId(7)));
        assert!(only([7]).sees(SiteId(7)));
        assert!(!only([7]).sees(SiteId(8)));
        assert!(!only([]).sees(SiteId(7)));

        assert!(SiteScope::All.covers(&only([1])));
        assert!(only([1, 2]).covers(&only([2])));
        assert!(!only([1, 2]).covers(&only([2, 3])));
        assert!(!only([1, 2]).covers(&SiteScope::All));

        assert_eq!(SiteScope::All.within(&only([1])), only([1]));
        assert_eq!(only([1, 2]).within(&SiteScope::All), only([1, 2]));
        assert_eq!(only([1, 2]).within(&only([2, 3])), only([2]));
    }

    #[test]
    fn json_is_a_word_or_a_list_and_nothing_else() {
        for scope in [SiteScope::All, only([]), only([3, 1])] {
            let json = serde_json::to_string(&scope).unwrap();
            assert_eq!(serde_json::from_str::<SiteScope>(&json).unwrap(), scope, "{json}");
        }
        assert_eq!(serde_json::to_string(&SiteScope::All).unwrap(), "\"all\"");
        for bad in ["null", "\"ALL\"", "\"\"", "{}", "[1]", "[\"acct_1\"]", "true"] {
            assert!(serde_json::from_str::<SiteScope>(bad).is_err(), "{bad}");
        }
    }
}

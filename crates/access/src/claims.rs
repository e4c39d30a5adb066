//! What an access token says, and the checks of it that need no key.
//!
//! Times are whole seconds since 1970 (RFC 7519 `NumericDate`, integers only). A token lives
//! from its first second to the one before `exp`. The algorithm, key and signature are checked
//! before, by whoever holds the keys.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use vocab::{Code, Problem, Role};

use crate::{Actor, Principal, SessionId, SiteScope};

/// What a token is for; one kind never passes for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenUse {
    /// Sent with every request.
    Access,
    /// A resident's link into the portal.
    SignInLink,
}

/// The claims of an access token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Issuer.
    pub iss: String,
    /// Audience; a single one is written as a string, read as a string or a list.
    #[serde(with = "audience")]
    pub aud: Vec<String>,
    /// Who it speaks for.
    pub sub: Actor,
    /// First second at which it is no longer good.
    pub exp: i64,
    /// First second at which it is good.
    pub nbf: i64,
    /// When it was issued.
    pub iat: i64,
    /// The token's own id.
    pub jti: String,
    /// What it is for.
    pub token_use: TokenUse,
    /// The sign-in it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<SessionId>,
    /// The actor's role when the token was issued.
    pub role: Role,
    /// The actor's sites when the token was issued.
    pub sites: SiteScope,
    /// The actor's name, for display only.
    pub name: String,
}

/// Under what terms a token is issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenTerms {
    /// Who issues.
    pub issuer: String,
    /// For whom.
    pub audience: String,
    /// The token's own id, random.
    pub token_id: String,
    /// When; real time, not business time.
    pub issued_at: OffsetDateTime,
    /// For how long.
    pub lifetime_s: u32,
}

/// What a token must say to be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// Its issuer.
    pub issuer: String,
    /// One of its audiences.
    pub audience: String,
    /// What it is for.
    pub token_use: TokenUse,
    /// By how much the issuer's clock may differ from ours.
    pub leeway_s: u32,
    /// The longest life, from `iat` to `exp`, that is believed.
    pub lifetime_s_max: u32,
}

/// Why a token is not taken. The caller of the API learns none of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// Another issuer.
    #[error("the token comes from another issuer")]
    Issuer,
    /// Another audience.
    #[error("the token is for another audience")]
    Audience,
    /// Another use.
    #[error("the token is for another use")]
    Use,
    /// Too late.
    #[error("the token has expired")]
    Expired,
    /// Too early.
    #[error("the token is not yet valid")]
    NotYetValid,
    /// Lives longer than is believed, or ends before it begins.
    #[error("the token's life is not plausible")]
    Lifetime,
}

impl From<Rejected> for Problem {
    fn from(_: Rejected) -> Self {
        Self::new(Code::Unauthenticated, Code::Unauthenticated.meaning())
    }
}

impl Claims {
    /// The claims of an access token for this principal.
    pub fn access(principal: &Principal, name: impl Into<String>, terms: TokenTerms) -> Self {
        let issued_s = terms.issued_at.unix_timestamp();
        Self {
            iss: terms.issuer,
            aud: vec![terms.audience],
            sub: principal.actor,
            exp: issued_s.saturating_add(i64::from(terms.lifetime_s)),
            nbf: issued_s,
            iat: issued_s,
            jti: terms.token_id,
            token_use: TokenUse::Access,
            sid: principal.session.clone(),
            role: principal.role,
            sites: principal.sites.clone(),
            name: name.into(),
        }
    }

    /// Checks everything but the signature, and answers who is asking.
    pub fn check(&self, now: OffsetDateTime, expected: &Expected) -> Result<Principal, Rejected> {
        if self.iss != expected.issuer {
            return Err(Rejected::Issuer);
        }
        if !self.aud.contains(&expected.audience) {
            return Err(Rejected::Audience);
        }
        // The house speaks by no token.
        if self.token_use != expected.token_use || self.sub.is_house() {
            return Err(Rejected::Use);
        }
        let now_s = now.unix_timestamp();
        let leeway_s = i64::from(expected.leeway_s);
        if now_s >= self.exp.saturating_add(leeway_s) {
            return Err(Rejected::Expired);
        }
        let earliest_s = now_s.saturating_add(leeway_s);
        if self.nbf > earliest_s || self.iat > earliest_s {
            return Err(Rejected::NotYetValid);
        }
        let lifetime_s = self.exp.saturating_sub(self.iat);
        if lifetime_s <= 0 || lifetime_s > i64::from(expected.lifetime_s_max) || self.nbf >= self.exp {
            return Err(Rejected::Lifetime);
        }
        Ok(Principal {
            actor: self.sub,
            role: self.role,
            sites: self.sites.clone(),
            session: self.sid.clone(),
        })
    }
}

/// RFC 7519 §4.1.3: one audience may stand as a string.
mod audience {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        One(String),
        Many(Vec<String>),
    }

    pub(super) fn serialize<S: Serializer>(audience: &[String], to: S) -> Result<S::Ok, S::Error> {
        match audience {
            [one] => one.serialize(to),
            many => many.serialize(to),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
        Ok(match Written::deserialize(from)? {
            Written::One(one) => vec![one],
            Written::Many(many) => many,
        })
    }
}

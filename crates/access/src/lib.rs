//! Who may do what: permissions and the roles that have them, site scopes, the principal
//! behind a request, and the claims of an access token.
//!
//! Pure: no clock, no keys, no I/O. Signatures are checked by the HTTP layer before
//! [`Claims::check`] looks at what the token says; secrets never come here.
//!
//! Invariants:
//! - one table ([`Permission`]) says which roles may do a thing; nothing else asks for a role;
//! - a principal made from a token has passed every check of [`Claims::check`].
//!
//! Missing on purpose: separation of duties (who enters does not approve) and amount limits;
//! both need the thing acted on, not only the actor.

mod claims;
mod permission;
mod principal;
mod scope;

pub use claims::{Claims, Expected, Rejected, TokenTerms, TokenUse};
pub use permission::Permission;
pub use principal::{Actor, Principal, SessionId};
pub use scope::SiteScope;

//! Signing in: passwords and client secrets to short-lived access tokens; refresh tokens rotate.

use crate::keys::random;
use crate::{App, Error, Result, real_time};
use access::{Actor, Claims, Expected, Principal, SessionId, SiteScope, TokenTerms, TokenUse};
use argon2::Argon2;
use argon2::password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, Header, Validation};
use sha2::{Digest, Sha256};
use std::sync::OnceLock;
use store::Tx;
use store::access::{RefreshToken, User};
use time::Duration;
use vocab::{ApiClientId, Code, Problem, SiteId};

/// Issuer and audience of our own tokens.
const ISSUER: &str = "penstock";
const AUDIENCE: &str = "penstock-api";
/// How long an access token lives.
const ACCESS_LIFETIME_S: u32 = 15 * 60;
/// How long a refresh token lives when it is not used.
const REFRESH_LIFETIME: Duration = Duration::days(14);

/// What a sign-in gives.
#[derive(Debug)]
pub struct Tokens {
    /// Sent with every request.
    pub access_token: String,
    /// Seconds until it expires.
    pub expires_in_s: u32,
    /// Exchanged once for the next pair; programs get none.
    pub refresh_token: Option<String>,
}

impl App {
    /// A member of staff by e-mail and password.
    pub fn sign_in(&self, email: &str, password: &str) -> Result<Tokens> {
        let email = email.trim().to_lowercase();
        let user = self.db().tx(|tx| Ok::<_, Error>(store::access::user_by_email(tx, &email)?))?;
        let known = user.as_ref().filter(|user| user.active);
        // An unknown name takes as long as a wrong password.
        let hash = known.map_or_else(unknown_hash, |user| user.password_hash.as_str());
        let right = verify_secret(password, hash);
        let Some(user) = known.filter(|_| right) else { return Err(bad_credentials()) };
        let family = i64::from_be_bytes(random::<8>()?) & i64::MAX;
        self.db().tx(|tx| self.issue(tx, user, family))
    }

    /// The next pair of tokens for a refresh token. A second use ends the whole family.
    pub fn refresh(&self, token: &str) -> Result<Tokens> {
        let hash = token_hash(token);
        let now = real_time::now();
        self.db().tx(|tx| {
            let Some(known) = store::access::lock_refresh_token(tx, &hash)? else {
                return Ok(Err(bad_credentials()));
            };
            if known.used_at.is_some() && known.revoked_at.is_none() {
                store::access::revoke_family(tx, known.family, now)?;
                let problem = Problem::new(Code::RefreshTokenReused, Code::RefreshTokenReused.meaning());
                return Ok(Err(problem.into()));
            }
            if known.revoked_at.is_some() || known.expires_at <= now {
                return Ok(Err(bad_credentials()));
            }
            let Some(user) = store::access::user(tx, known.user_id)?.filter(|user| user.active) else {
                return Ok(Err(bad_credentials()));
            };
            store::access::use_refresh_token(tx, &hash, now)?;
            Ok::<_, Error>(Ok(self.issue(tx, &user, known.family)?))
        })?
    }

    /// Ends the session that a refresh token belongs to; an unknown one changes nothing.
    pub fn sign_out(&self, token: &str) -> Result<()> {
        let hash = token_hash(token);
        self.db().tx(|tx| {
            if let Some(known) = store::access::lock_refresh_token(tx, &hash)? {
                store::access::revoke_family(tx, known.family, real_time::now())?;
            }
            Ok(())
        })
    }

    /// A program by client credentials.
    pub fn client_credentials(&self, client_id: &str, secret: &str) -> Result<Tokens> {
        let id: Option<ApiClientId> = client_id.parse().ok();
        let client = self.db().tx(|tx| {
            Ok::<_, Error>(match id {
                Some(id) => store::access::api_client(tx, id)?,
                None => None,
            })
        })?;
        let known = client.as_ref().filter(|client| client.active);
        let hash = known.map_or_else(unknown_hash, |client| client.secret_hash.as_str());
        let right = verify_secret(secret, hash);
        let Some(client) = known.filter(|_| right) else { return Err(bad_credentials()) };
        let principal = Principal {
            actor: Actor::ApiClient(client.id),
            role: client.role,
            sites: scope(client.all_sites, &client.site_ids),
            session: None,
        };
        let access_token = self.access_token(&principal, &client.name)?;
        Ok(Tokens { access_token, expires_in_s: ACCESS_LIFETIME_S, refresh_token: None })
    }

    /// Who an access token speaks for. The algorithm is pinned; whatever is wrong, the caller
    /// learns only that the token is not valid.
    pub fn authenticate(&self, token: &str) -> Result<Principal> {
        let refused = || Error::from(Problem::new(Code::Unauthenticated, Code::Unauthenticated.meaning()));
        let header = jsonwebtoken::decode_header(token).map_err(|_| refused())?;
        let key = header.kid.as_deref().and_then(|id| self.keys().verifying(id)).ok_or_else(refused)?;
        let mut validation = Validation::new(Algorithm::EdDSA);
        // Claims are checked by `access`, exactly; here only the signature.
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        let data = jsonwebtoken::decode::<Claims>(token, key, &validation).map_err(|_| refused())?;
        let expected = Expected {
            issuer: ISSUER.to_owned(),
            audience: AUDIENCE.to_owned(),
            token_use: TokenUse::Access,
            leeway_s: 30,
            lifetime_s_max: ACCESS_LIFETIME_S,
        };
        Ok(data.claims.check(real_time::now(), &expected).map_err(Problem::from)?)
    }

    fn issue(&self, tx: &mut Tx<'_>, user: &User, family: i64) -> Result<Tokens> {
        let refresh_token = URL_SAFE_NO_PAD.encode(random::<32>()?);
        store::access::insert_refresh_token(
            tx,
            &RefreshToken {
                token_hash: token_hash(&refresh_token),
                family,
                user_id: user.id,
                expires_at: real_time::now() + REFRESH_LIFETIME,
                used_at: None,
                revoked_at: None,
            },
        )?;
        let principal = Principal {
            actor: Actor::User(user.id),
            role: user.role,
            sites: scope(user.all_sites, &user.site_ids),
            session: Some(SessionId(format!("{family:016x}"))),
        };
        let access_token = self.access_token(&principal, &user.name)?;
        Ok(Tokens { access_token, expires_in_s: ACCESS_LIFETIME_S, refresh_token: Some(refresh_token) })
    }

    fn access_token(&self, principal: &Principal, name: &str) -> Result<String> {
        let token_id = URL_SAFE_NO_PAD.encode(random::<16>()?);
        let terms = TokenTerms {
            issuer: ISSUER.to_owned(),
            audience: AUDIENCE.to_owned(),
            token_id,
            issued_at: real_time::now(),
            lifetime_s: ACCESS_LIFETIME_S,
        };
        let (id, key) = self.keys().signing();
        let header = Header { kid: Some(id.to_owned()), ..Header::new(Algorithm::EdDSA) };
        jsonwebtoken::encode(&header, &Claims::access(principal, name, terms), key)
            .map_err(|error| Error::Fault(format!("signing a token: {error}")))
    }
}

/// The argon2id hash of a secret, in PHC form.
pub(crate) fn hash_secret(secret: &str) -> Result<String> {
    Argon2::default()
        .hash_password(secret.as_bytes())
        .map(|hash| hash.to_string())
        .map_err(|error| Error::Fault(format!("hashing a secret: {error}")))
}

fn verify_secret(secret: &str, hash: &str) -> bool {
    PasswordHash::new(hash)
        .is_ok_and(|hash| Argon2::default().verify_password(secret.as_bytes(), &hash).is_ok())
}

/// A hash that no secret has, of the same cost as a real one.
fn unknown_hash<'a>() -> &'a str {
    static HASH: OnceLock<String> = OnceLock::new();
    HASH.get_or_init(|| {
        let nobody = random::<32>().map(|bytes| URL_SAFE_NO_PAD.encode(bytes)).unwrap_or_default();
        hash_secret(&nobody).unwrap_or_default()
    })
}

fn token_hash(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}

pub(crate) fn scope(all: bool, ids: &[i64]) -> SiteScope {
    if all { SiteScope::All } else { ids.iter().copied().map(SiteId).collect() }
}

fn bad_credentials() -> Error {
    Problem::new(Code::BadCredentials, Code::BadCredentials.meaning()).into()
}

//! Members of staff and programs: appointed by an admin, never with more sites than the appointer has.

use crate::audit::{self, Action};
use crate::naming::check_name;
use crate::persons::check_email;
use crate::sign_in::{hash_secret, scope};
use crate::{App, Caller, Error, Result, keys, real_time};
use access::SiteScope;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use store::access::{ApiClient, User};
use store::{Cursor, Page, Tx};
use vocab::{ApiClientId, Code, Problem, Role, UserId};

/// Shortest password.
pub const PASSWORD_LENGTH_MIN: usize = 12;

/// A user to appoint.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// Sign-in name.
    pub email: String,
    /// For people.
    pub name: String,
    /// First password.
    pub password: String,
    /// Post.
    pub role: Role,
    /// Sites in scope.
    pub sites: SiteScope,
}

/// Changes of a user; what is absent stays.
#[derive(Debug, Clone, Default)]
pub struct UserChanges {
    /// For people.
    pub name: Option<String>,
    /// A new password ends every session.
    pub password: Option<String>,
    /// Post.
    pub role: Option<Role>,
    /// Sites in scope.
    pub sites: Option<SiteScope>,
    /// May sign in; switching it off ends every session.
    pub active: Option<bool>,
}

/// A program to give credentials.
#[derive(Debug, Clone)]
pub struct NewApiClient {
    /// For people.
    pub name: String,
    /// Post.
    pub role: Role,
    /// Sites in scope.
    pub sites: SiteScope,
}

/// Appoints a user.
pub fn appoint(tx: &mut Tx<'_>, caller: &Caller, new: NewUser) -> Result<User> {
    covers(caller, &new.sites)?;
    let user = build(tx, new)?;
    insert(tx, &user)?;
    audit::record(
        tx,
        caller,
        Action {
            action: "user.appoint",
            subject: user.id.to_string(),
            after: Some(json!({ "email": user.email, "role": user.role, "all_sites": user.all_sites })),
            ..Action::default()
        },
    )?;
    Ok(user)
}

/// Appoints the first admin of an empty database; refuses when there is any user.
pub fn appoint_first(tx: &mut Tx<'_>, email: &str, name: &str, password: &str) -> Result<User> {
    if store::access::any_user(tx)? {
        return Err(Problem::new(Code::AlreadyExists, "the database has users already").into());
    }
    let new = NewUser {
        email: email.to_owned(),
        name: name.to_owned(),
        password: password.to_owned(),
        role: Role::Admin,
        sites: SiteScope::All,
    };
    let user = build(tx, new)?;
    insert(tx, &user)?;
    Ok(user)
}

fn build(tx: &mut Tx<'_>, new: NewUser) -> Result<User> {
    let email = new.email.trim().to_lowercase();
    check_email("/email", Some(&email))?;
    check_name("/name", &new.name)?;
    let (all_sites, site_ids) = columns(&new.sites);
    Ok(User {
        id: UserId(tx.new_id()?),
        email,
        name: new.name,
        password_hash: hash_password(&new.password)?,
        role: new.role,
        all_sites,
        site_ids,
        active: true,
        created_at: real_time::now(),
        version: 1,
    })
}

fn insert(tx: &mut Tx<'_>, user: &User) -> Result<()> {
    match store::access::insert_user(tx, user) {
        Err(store::Error::Exists { .. }) => {
            Err(Problem::new(Code::AlreadyExists, "a user with this e-mail address exists already").into())
        }
        other => Ok(other?),
    }
}

/// Changes a user that the caller read as `version`.
pub fn change(
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: UserId,
    version: i64,
    changes: UserChanges,
) -> Result<User> {
    let mut user = store::access::user(tx, id)?.ok_or_else(Problem::not_found)?;
    reaches(caller, user.all_sites, &user.site_ids)?;
    let ends_sessions = changes.password.is_some() || changes.active == Some(false);
    if let Some(name) = changes.name {
        check_name("/name", &name)?;
        user.name = name;
    }
    if let Some(password) = changes.password {
        user.password_hash = hash_password(&password)?;
    }
    if let Some(role) = changes.role {
        user.role = role;
    }
    if let Some(sites) = changes.sites {
        covers(caller, &sites)?;
        (user.all_sites, user.site_ids) = columns(&sites);
    }
    if let Some(active) = changes.active {
        user.active = active;
    }
    if !store::access::update_user(tx, &user, version)? {
        return Err(Problem::new(Code::EtagMismatch, Code::EtagMismatch.meaning()).into());
    }
    user.version = version + 1;
    if ends_sessions {
        store::access::revoke_user(tx, id, real_time::now())?;
    }
    audit::record(
        tx,
        caller,
        Action {
            action: "user.change",
            subject: id.to_string(),
            after: Some(json!({ "role": user.role, "active": user.active, "all_sites": user.all_sites })),
            ..Action::default()
        },
    )?;
    Ok(user)
}

/// Answers the secret too, which is shown this once.
fn register_client(tx: &mut Tx<'_>, caller: &Caller, new: NewApiClient) -> Result<(ApiClient, String)> {
    covers(caller, &new.sites)?;
    check_name("/name", &new.name)?;
    let secret = URL_SAFE_NO_PAD.encode(keys::random::<32>()?);
    let (all_sites, site_ids) = columns(&new.sites);
    let client = ApiClient {
        id: ApiClientId(tx.new_id()?),
        name: new.name,
        secret_hash: hash_secret(&secret)?,
        role: new.role,
        all_sites,
        site_ids,
        active: true,
        created_at: real_time::now(),
    };
    store::access::insert_api_client(tx, &client)?;
    audit::record(
        tx,
        caller,
        Action {
            action: "api_client.register",
            subject: client.id.to_string(),
            after: Some(json!({ "name": client.name, "role": client.role })),
            ..Action::default()
        },
    )?;
    Ok((client, secret))
}

/// Withdraws a program's credentials.
pub fn withdraw_client(tx: &mut Tx<'_>, caller: &Caller, id: ApiClientId) -> Result<ApiClient> {
    let client = store::access::api_client(tx, id)?.ok_or_else(Problem::not_found)?;
    reaches(caller, client.all_sites, &client.site_ids)?;
    store::access::deactivate_api_client(tx, id)?;
    audit::record(
        tx,
        caller,
        Action { action: "api_client.withdraw", subject: id.to_string(), ..Action::default() },
    )?;
    Ok(ApiClient { active: false, ..client })
}

/// "Not found" for whoever has sites that the caller does not: their password or role would be a way
/// to these.
fn reaches(caller: &Caller, all_sites: bool, site_ids: &[i64]) -> Result<()> {
    if caller.principal.sites.covers(&scope(all_sites, site_ids)) {
        return Ok(());
    }
    Err(Problem::not_found().into())
}

fn covers(caller: &Caller, sites: &SiteScope) -> Result<()> {
    if caller.principal.sites.covers(sites) {
        return Ok(());
    }
    Err(Problem::field("/site_ids", Code::FieldRange, "you cannot hand on sites that you do not have").into())
}

fn columns(sites: &SiteScope) -> (bool, Vec<i64>) {
    match sites.sites() {
        None => (true, Vec::new()),
        Some(sites) => (false, sites.iter().map(|site| site.0).collect()),
    }
}

fn hash_password(password: &str) -> Result<String> {
    if password.chars().count() < PASSWORD_LENGTH_MIN || password.len() > 256 {
        let detail = format!("a password has {PASSWORD_LENGTH_MIN} characters or more");
        return Err(Problem::field("/password", Code::FieldRange, detail).into());
    }
    hash_secret(password)
}

impl App {
    /// A user.
    pub fn user(&self, id: UserId) -> Result<User> {
        self.db()
            .tx(|tx| Ok::<_, Error>(store::access::user(tx, id)?))?
            .ok_or_else(|| Problem::not_found().into())
    }

    /// All users.
    pub fn users(&self, after: Option<&Cursor>, limit: i64) -> Result<Page<User>> {
        self.db().tx(|tx| Ok(store::access::users(tx, after, limit)?))
    }

    /// Changes a user.
    pub fn change_user(
        &self,
        caller: &Caller,
        id: UserId,
        version: i64,
        changes: UserChanges,
    ) -> Result<User> {
        self.db().tx(|tx| change(tx, caller, id, version, changes))
    }

    /// Appoints the first admin.
    pub fn appoint_first(&self, email: &str, name: &str, password: &str) -> Result<User> {
        self.db().tx(|tx| appoint_first(tx, email, name, password))
    }

    /// Gives a program credentials.
    pub fn register_client(&self, caller: &Caller, new: NewApiClient) -> Result<(ApiClient, String)> {
        self.db().tx(|tx| register_client(tx, caller, new))
    }

    /// All programs.
    pub fn api_clients(&self, after: Option<&Cursor>, limit: i64) -> Result<Page<ApiClient>> {
        self.db().tx(|tx| Ok(store::access::api_clients(tx, after, limit)?))
    }
}

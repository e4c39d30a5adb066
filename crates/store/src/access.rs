//! Staff, programs and their refresh tokens.

use crate::schema::{api_clients, refresh_tokens, users};
use crate::{Cursor, Page, Result, Tx};
use diesel::prelude::*;
use time::OffsetDateTime;
use vocab::{ApiClientId, Role, UserId};

/// A member of staff.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = users)]
pub struct User {
    /// Row id.
    pub id: UserId,
    /// Sign-in name, lower case.
    pub email: String,
    /// For people.
    pub name: String,
    /// argon2id, PHC form.
    pub password_hash: String,
    /// Post.
    pub role: Role,
    /// Whether every site is in scope.
    pub all_sites: bool,
    /// The sites in scope otherwise.
    pub site_ids: Vec<i64>,
    /// May sign in.
    pub active: bool,
    /// Real time.
    pub created_at: OffsetDateTime,
    /// Goes up by one with every change.
    pub version: i64,
}

/// A program with credentials of its own.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = api_clients)]
pub struct ApiClient {
    /// Row id.
    pub id: ApiClientId,
    /// For people.
    pub name: String,
    /// argon2id, PHC form.
    pub secret_hash: String,
    /// Post.
    pub role: Role,
    /// Whether every site is in scope.
    pub all_sites: bool,
    /// The sites in scope otherwise.
    pub site_ids: Vec<i64>,
    /// May sign in.
    pub active: bool,
    /// Real time.
    pub created_at: OffsetDateTime,
}

/// A refresh token, known by its hash.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = refresh_tokens)]
pub struct RefreshToken {
    /// SHA-256 of the token.
    pub token_hash: Vec<u8>,
    /// All tokens that follow from one sign-in.
    pub family: i64,
    /// Whose.
    pub user_id: UserId,
    /// Real time.
    pub expires_at: OffsetDateTime,
    /// When it was exchanged.
    pub used_at: Option<OffsetDateTime>,
    /// When its family was ended.
    pub revoked_at: Option<OffsetDateTime>,
}

/// A user by sign-in name.
pub fn user_by_email(tx: &mut Tx<'_>, email: &str) -> Result<Option<User>> {
    Ok(users::table.filter(users::email.eq(email)).select(User::as_select()).first(tx.conn).optional()?)
}

/// A user.
pub fn user(tx: &mut Tx<'_>, id: UserId) -> Result<Option<User>> {
    Ok(users::table.filter(users::id.eq(id)).select(User::as_select()).first(tx.conn).optional()?)
}

/// Users by id.
pub fn users(tx: &mut Tx<'_>, after: Option<&Cursor>, limit: i64) -> Result<Page<User>> {
    let from = after.map(Cursor::one::<i64>).transpose()?.unwrap_or(0);
    let rows = users::table
        .filter(users::id.gt(UserId(from)))
        .select(User::as_select())
        .order(users::id)
        .limit(limit + 1)
        .load(tx.conn)?;
    Ok(Page::from_rows(rows, limit, |row: &User| Cursor::new([row.id.0])))
}

/// Appoints a user.
pub fn insert_user(tx: &mut Tx<'_>, row: &User) -> Result<()> {
    diesel::insert_into(users::table).values(row).execute(tx.conn)?;
    Ok(())
}

/// Replaces role, sites, name, activity and password when `version` is still the stored one.
pub fn update_user(tx: &mut Tx<'_>, row: &User, version: i64) -> Result<bool> {
    let changed = diesel::update(users::table.filter(users::id.eq(row.id).and(users::version.eq(version))))
        .set((
            users::name.eq(&row.name),
            users::role.eq(row.role),
            users::all_sites.eq(row.all_sites),
            users::site_ids.eq(&row.site_ids),
            users::active.eq(row.active),
            users::password_hash.eq(&row.password_hash),
            users::version.eq(version + 1),
        ))
        .execute(tx.conn)?;
    Ok(changed == 1)
}

/// Whether anybody has been appointed yet.
pub fn any_user(tx: &mut Tx<'_>) -> Result<bool> {
    Ok(diesel::select(diesel::dsl::exists(users::table.select(users::id))).get_result(tx.conn)?)
}

/// A program.
pub fn api_client(tx: &mut Tx<'_>, id: ApiClientId) -> Result<Option<ApiClient>> {
    Ok(api_clients::table
        .filter(api_clients::id.eq(id))
        .select(ApiClient::as_select())
        .first(tx.conn)
        .optional()?)
}

/// Programs by id.
pub fn api_clients(tx: &mut Tx<'_>, after: Option<&Cursor>, limit: i64) -> Result<Page<ApiClient>> {
    let from = after.map(Cursor::one::<i64>).transpose()?.unwrap_or(0);
    let rows = api_clients::table
        .filter(api_clients::id.gt(ApiClientId(from)))
        .select(ApiClient::as_select())
        .order(api_clients::id)
        .limit(limit + 1)
        .load(tx.conn)?;
    Ok(Page::from_rows(rows, limit, |row: &ApiClient| Cursor::new([row.id.0])))
}

/// Gives a program credentials.
pub fn insert_api_client(tx: &mut Tx<'_>, row: &ApiClient) -> Result<()> {
    diesel::insert_into(api_clients::table).values(row).execute(tx.conn)?;
    Ok(())
}

/// Withdraws a program's credentials.
pub fn deactivate_api_client(tx: &mut Tx<'_>, id: ApiClientId) -> Result<bool> {
    let changed = diesel::update(api_clients::table.filter(api_clients::id.eq(id)))
        .set(api_clients::active.eq(false))
        .execute(tx.conn)?;
    Ok(changed == 1)
}

/// A refresh token, locked until the end of the transaction.
pub fn lock_refresh_token(tx: &mut Tx<'_>, hash: &[u8]) -> Result<Option<RefreshToken>> {
    Ok(refresh_tokens::table
        .find(hash)
        .select(RefreshToken::as_select())
        .for_update()
        .first(tx.conn)
        .optional()?)
}

/// Issues a refresh token.
pub fn insert_refresh_token(tx: &mut Tx<'_>, row: &RefreshToken) -> Result<()> {
    diesel::insert_into(refresh_tokens::table).values(row).execute(tx.conn)?;
    Ok(())
}

/// Marks a refresh token as exchanged.
pub fn use_refresh_token(tx: &mut Tx<'_>, hash: &[u8], at: OffsetDateTime) -> Result<()> {
    diesel::update(refresh_tokens::table.find(hash)).set(refresh_tokens::used_at.eq(at)).execute(tx.conn)?;
    Ok(())
}

/// Ends a family of refresh tokens.
pub fn revoke_family(tx: &mut Tx<'_>, family: i64, at: OffsetDateTime) -> Result<()> {
    diesel::update(
        refresh_tokens::table
            .filter(refresh_tokens::family.eq(family).and(refresh_tokens::revoked_at.is_null())),
    )
    .set(refresh_tokens::revoked_at.eq(at))
    .execute(tx.conn)?;
    Ok(())
}

/// Ends every session of a user, as after a changed password.
pub fn revoke_user(tx: &mut Tx<'_>, user: UserId, at: OffsetDateTime) -> Result<()> {
    diesel::update(
        refresh_tokens::table
            .filter(refresh_tokens::user_id.eq(user).and(refresh_tokens::revoked_at.is_null())),
    )
    .set(refresh_tokens::revoked_at.eq(at))
    .execute(tx.conn)?;
    Ok(())
}

/// Forgets refresh tokens that had expired at `then`, at most `limit`; answers how many.
pub fn forget_refresh_tokens(tx: &mut Tx<'_>, then: OffsetDateTime, limit: i64) -> Result<usize> {
    let expired = refresh_tokens::table
        .filter(refresh_tokens::expires_at.lt(then))
        .select(refresh_tokens::token_hash)
        .limit(limit)
        .load::<Vec<u8>>(tx.conn)?;
    let rows = refresh_tokens::table.filter(refresh_tokens::token_hash.eq_any(expired));
    Ok(diesel::delete(rows).execute(tx.conn)?)
}

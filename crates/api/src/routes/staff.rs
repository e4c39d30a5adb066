//! Members of staff and programs.

use crate::body::{Body, IdempotencyKeyHeader, Once, OnceOnly};
use crate::etag::{IfMatch, IfMatchHeader, tagged};
use crate::extract::{At, Params};
use crate::page::{Listed, window};
use crate::permissions::{May, need};
use crate::problem::ApiError;
use crate::routes::accounts::{PageQuery, respond};
use crate::{State, blocking};
use access::SiteScope;
use actix_web::{HttpResponse, get, patch, post, web};
use app::Answer;
use app::staff::{NewApiClient, NewUser, UserChanges};
use serde::{Deserialize, Serialize};
use store::access::{ApiClient, User};
use time::OffsetDateTime;
use utoipa_actix_web::service_config::ServiceConfig;
use vocab::{ApiClientId, Role, SiteId, UserId};

pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(appoint_user)
        .service(list_users)
        .service(read_user)
        .service(change_user)
        .service(register_client)
        .service(list_clients)
        .service(withdraw_client);
}

fn scope(sites: Option<Vec<SiteId>>) -> SiteScope {
    sites.map_or(SiteScope::All, |sites| sites.into_iter().collect())
}

fn sites(all: bool, ids: &[i64]) -> Option<Vec<SiteId>> {
    (!all).then(|| ids.iter().copied().map(SiteId).collect())
}

/// A member of staff.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = User)]
pub(crate) struct UserJson {
    id: UserId,
    email: String,
    name: String,
    role: Role,
    /// `null`: all sites.
    site_ids: Option<Vec<SiteId>>,
    active: bool,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
}

impl From<User> for UserJson {
    fn from(user: User) -> Self {
        Self {
            id: user.id,
            email: user.email,
            name: user.name,
            role: user.role,
            site_ids: sites(user.all_sites, &user.site_ids),
            active: user.active,
            created_at: user.created_at,
        }
    }
}

/// A user to appoint.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewUser, example = json!({
    "email": "clerk@example.org", "name": "Clara Clerk", "password": "correct horse battery", "role": "clerk", "site_ids": null
}))]
pub(crate) struct NewUserJson {
    #[schema(max_length = 254)]
    email: String,
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    #[schema(min_length = 12, max_length = 256)]
    password: String,
    role: Role,
    /// `null` or absent: all sites.
    site_ids: Option<Vec<SiteId>>,
}

/// Appoint a user
#[utoipa::path(tag = "staff", params(IdempotencyKeyHeader), request_body = NewUserJson,
    responses((status = 201, body = UserJson)), extensions(("x-permission" = json!("users.write"))))]
#[post("/v1/users")]
pub(crate) async fn appoint_user(
    may: May<need::UsersWrite>,
    state: web::Data<State>,
    once: Once<NewUserJson>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, body) = (state.app.clone(), may.caller(), once.body);
    let new = NewUser {
        email: body.email,
        name: body.name,
        password: body.password,
        role: body.role,
        sites: scope(body.site_ids),
    };
    let answer = blocking(move || {
        app.once(&caller, &once.key, |tx| {
            Answer::created(&UserJson::from(app::staff::appoint(tx, &caller, new)?))
        })
    })
    .await?;
    Ok(respond(answer))
}

/// List users
#[utoipa::path(tag = "staff", params(PageQuery), responses((status = 200, body = Listed<UserJson>)),
    extensions(("x-permission" = json!("users.read"))))]
#[get("/v1/users")]
pub(crate) async fn list_users(
    _may: May<need::UsersRead>,
    state: web::Data<State>,
    query: Params<PageQuery>,
) -> Result<HttpResponse, ApiError> {
    let app = state.app.clone();
    let (limit, cursor) = window(query.0.limit, query.0.cursor.as_deref())?;
    let page = blocking(move || app.users(cursor.as_ref(), limit)).await?;
    Ok(HttpResponse::Ok().json(Listed::from_page(page, UserJson::from)))
}

/// Read a user
#[utoipa::path(tag = "staff", params(("id" = UserId, Path, description = "User")),
    responses((status = 200, body = UserJson, headers(("ETag" = String, description = "Version for If-Match")))),
    extensions(("x-permission" = json!("users.read"))))]
#[get("/v1/users/{id}")]
pub(crate) async fn read_user(
    _may: May<need::UsersRead>,
    state: web::Data<State>,
    id: At<UserId>,
) -> Result<HttpResponse, ApiError> {
    let app = state.app.clone();
    let user = blocking(move || app.user(id.0)).await?;
    Ok(tagged(user.version, &UserJson::from(user)))
}

/// Changes of a user: what is absent stays.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserPatch {
    #[schema(min_length = 1, max_length = 200)]
    name: Option<String>,
    /// A new password ends every session.
    password: Option<String>,
    role: Option<Role>,
    /// A list of sites; send `all_sites` for all.
    site_ids: Option<Vec<SiteId>>,
    /// `true` puts every site in scope.
    #[serde(default)]
    all_sites: bool,
    /// `false` ends every session.
    active: Option<bool>,
}

/// Change a user
#[utoipa::path(tag = "staff", params(("id" = UserId, Path, description = "User"), IfMatchHeader), request_body = UserPatch,
    responses((status = 200, body = UserJson, headers(("ETag" = String, description = "Version for If-Match")))),
    extensions(("x-permission" = json!("users.write"))))]
#[patch("/v1/users/{id}")]
pub(crate) async fn change_user(
    may: May<need::UsersWrite>,
    state: web::Data<State>,
    id: At<UserId>,
    version: IfMatch,
    body: Body<UserPatch>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, patch) = (state.app.clone(), may.caller(), body.0);
    let sites =
        if patch.all_sites { Some(SiteScope::All) } else { patch.site_ids.map(|ids| scope(Some(ids))) };
    let changes = UserChanges {
        name: patch.name,
        password: patch.password,
        role: patch.role,
        sites,
        active: patch.active,
    };
    let user = blocking(move || app.change_user(&caller, id.0, version.0, changes)).await?;
    Ok(tagged(user.version, &UserJson::from(user)))
}

/// A program with credentials of its own.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ApiClient)]
pub(crate) struct ClientJson {
    id: ApiClientId,
    name: String,
    role: Role,
    /// `null`: all sites.
    site_ids: Option<Vec<SiteId>>,
    active: bool,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
}

impl From<ApiClient> for ClientJson {
    fn from(client: ApiClient) -> Self {
        Self {
            id: client.id,
            name: client.name,
            role: client.role,
            site_ids: sites(client.all_sites, &client.site_ids),
            active: client.active,
            created_at: client.created_at,
        }
    }
}

/// A program with its secret, which is shown this once.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct RegisteredClient {
    #[serde(flatten)]
    client: ClientJson,
    /// Keep it: it is not stored in clear.
    client_secret: String,
}

/// A program to give credentials.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewApiClient, example = json!({ "name": "AMI head end", "role": "integration", "site_ids": null }))]
pub(crate) struct NewClientJson {
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    role: Role,
    /// `null` or absent: all sites.
    site_ids: Option<Vec<SiteId>>,
}

/// Register an API client
#[utoipa::path(tag = "staff", request_body = NewClientJson, responses((status = 201, body = RegisteredClient)),
    extensions(("x-permission" = json!("api_clients.write"))))]
#[post("/v1/api-clients")]
pub(crate) async fn register_client(
    may: May<need::ApiClientsWrite>,
    state: web::Data<State>,
    body: Body<NewClientJson>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, body) = (state.app.clone(), may.caller(), body.0);
    let new = NewApiClient { name: body.name, role: body.role, sites: scope(body.site_ids) };
    // Not kept for repetition: the answer holds a secret. A repeated request makes another client.
    let (client, client_secret) = blocking(move || app.register_client(&caller, new)).await?;
    Ok(HttpResponse::Created().json(RegisteredClient { client: client.into(), client_secret }))
}

/// List API clients
#[utoipa::path(tag = "staff", params(PageQuery), responses((status = 200, body = Listed<ClientJson>)),
    extensions(("x-permission" = json!("api_clients.read"))))]
#[get("/v1/api-clients")]
pub(crate) async fn list_clients(
    _may: May<need::ApiClientsRead>,
    state: web::Data<State>,
    query: Params<PageQuery>,
) -> Result<HttpResponse, ApiError> {
    let app = state.app.clone();
    let (limit, cursor) = window(query.0.limit, query.0.cursor.as_deref())?;
    let page = blocking(move || app.api_clients(cursor.as_ref(), limit)).await?;
    Ok(HttpResponse::Ok().json(Listed::from_page(page, ClientJson::from)))
}

/// Withdraw an API client's credentials
///
/// Tokens that it holds run out within minutes.
#[utoipa::path(tag = "staff", params(("id" = ApiClientId, Path, description = "API client"), IdempotencyKeyHeader),
    responses((status = 200, body = ClientJson)), extensions(("x-permission" = json!("api_clients.write"))))]
#[post("/v1/api-clients/{id}/withdraw")]
pub(crate) async fn withdraw_client(
    may: May<need::ApiClientsWrite>,
    state: web::Data<State>,
    id: At<ApiClientId>,
    once: OnceOnly,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let answer = blocking(move || {
        app.once(&caller, &once.0, |tx| {
            Answer::ok(&ClientJson::from(app::staff::withdraw_client(tx, &caller, id.0)?))
        })
    })
    .await?;
    Ok(respond(answer))
}

//! Signing in and out.

use crate::body::Body;
use crate::problem::ApiError;
use crate::{State, addresses, blocking};
use actix_web::{HttpRequest, HttpResponse, post, web};
use app::sign_in::Tokens;
use serde::{Deserialize, Serialize};
use utoipa_actix_web::service_config::ServiceConfig;

pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(issue_token).service(sign_out);
}

/// How to get tokens.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(tag = "grant_type", rename_all = "snake_case", deny_unknown_fields)]
#[schema(example = json!({ "grant_type": "password", "email": "clerk@example.org", "password": "correct horse battery" }))]
pub(crate) enum TokenRequest {
    /// A member of staff.
    Password {
        /// Sign-in name.
        email: String,
        /// Password.
        password: String,
    },
    /// The next pair for a refresh token, which can be used once.
    RefreshToken {
        /// From the last answer.
        refresh_token: String,
    },
    /// A program.
    ClientCredentials {
        /// `apic_…`
        client_id: String,
        /// Shown once when the program was registered.
        client_secret: String,
    },
}

/// Tokens.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct TokenResponse {
    /// Send it as `Authorization: Bearer …`.
    access_token: String,
    /// Always `Bearer`.
    token_type: &'static str,
    /// Seconds until it expires.
    expires_in: u32,
    /// Exchange it once; programs get none.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
}

/// Get an access token
///
/// By password, refresh token or client credentials. Attempts are limited per name and address.
#[utoipa::path(tag = "auth", request_body = TokenRequest,
    responses((status = 200, body = TokenResponse), (status = 401, body = crate::problem::ProblemDocument,
        content_type = "application/problem+json", description = "Name and secret do not belong together.")))]
#[post("/v1/auth/token")]
pub(crate) async fn issue_token(
    request: HttpRequest,
    state: web::Data<State>,
    body: Body<TokenRequest>,
) -> Result<HttpResponse, ApiError> {
    let address = addresses::client(&request, &state);
    let app = state.app.clone();
    let tokens = match body.0 {
        TokenRequest::Password { email, password } => {
            state.budgets.sign_in(&email, &address)?;
            blocking(move || app.sign_in(&email, &password)).await?
        }
        TokenRequest::RefreshToken { refresh_token } => blocking(move || app.refresh(&refresh_token)).await?,
        TokenRequest::ClientCredentials { client_id, client_secret } => {
            state.budgets.sign_in(&client_id, &address)?;
            blocking(move || app.client_credentials(&client_id, &client_secret)).await?
        }
    };
    Ok(respond(tokens))
}

fn respond(tokens: Tokens) -> HttpResponse {
    HttpResponse::Ok().insert_header(("Cache-Control", "no-store")).json(TokenResponse {
        access_token: tokens.access_token,
        token_type: "Bearer",
        expires_in: tokens.expires_in_s,
        refresh_token: tokens.refresh_token,
    })
}

/// A session to end.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignOutRequest {
    /// Any refresh token of the session.
    refresh_token: String,
}

/// End a session
///
/// The refresh tokens of the session are void; its access token runs out within minutes.
#[utoipa::path(tag = "auth", request_body = SignOutRequest, responses((status = 204, description = "Ended.")))]
#[post("/v1/auth/sign-out")]
pub(crate) async fn sign_out(
    state: web::Data<State>,
    body: Body<SignOutRequest>,
) -> Result<HttpResponse, ApiError> {
    let app = state.app.clone();
    blocking(move || app.sign_out(&body.0.refresh_token)).await?;
    Ok(HttpResponse::NoContent().finish())
}

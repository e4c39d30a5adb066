//! The resident's portal: what an account number alone tells.

use crate::body::Body;
use crate::money::MoneyJson;
use crate::problem::ApiError;
use crate::{State, addresses, blocking};
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, post, web};
use app::portal::Standing;
use serde::{Deserialize, Serialize};
use time::Date;
use utoipa_actix_web::service_config::ServiceConfig;
use vocab::dates::civil;

pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(look_up_account);
}

/// Which account.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "account_number": "1000000009" }))]
pub(crate) struct LookUpRequest {
    /// As it stands on the bill; blanks and hyphens are forgiven.
    #[schema(max_length = 24)]
    account_number: String,
}

/// How an account stands.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StandingJson {
    /// Nothing is owed.
    Paid,
    /// Something is owed, nothing is late.
    Due,
    /// Something is late.
    PastDue,
}

/// What a resident is told.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct LookUpResponse {
    balance: MoneyJson,
    /// The earliest day on which something of it is due.
    #[serde(with = "civil::option")]
    due_on: Option<Date>,
    status: StandingJson,
}

/// Look an account up by its number
///
/// Without a token. Balance, due date and status only; numbers that do not exist are answered
/// like those that may not be shown. Limited per address, per number and over all.
#[utoipa::path(tag = "portal", request_body = LookUpRequest,
    responses((status = 200, body = LookUpResponse), (status = 404, body = crate::problem::ProblemDocument,
        content_type = "application/problem+json", description = "There is nothing to show for this number.")))]
#[post("/v1/portal/look-up")]
pub(crate) async fn look_up_account(
    request: HttpRequest,
    state: web::Data<State>,
    body: Body<LookUpRequest>,
) -> Result<HttpResponse, ApiError> {
    let address = addresses::client(&request, &state);
    let number = body.0.account_number;
    let digits: String = number.chars().filter(char::is_ascii_digit).take(24).collect();
    state.budgets.look_up(&digits, &address)?;
    let app = state.app.clone();
    let (currency, found) =
        blocking(move || Ok((app.utility()?.currency, app.portal_look_up(&number)?))).await?;
    let status = match found.standing {
        Standing::Paid => StandingJson::Paid,
        Standing::Due => StandingJson::Due,
        Standing::PastDue => StandingJson::PastDue,
    };
    let told =
        LookUpResponse { balance: MoneyJson::of(currency, found.balance), due_on: found.due_on, status };
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(told))
}

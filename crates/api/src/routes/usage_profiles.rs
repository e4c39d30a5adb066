//! What classes of customers use.

use crate::body::Body;
use crate::etag::{MaybeIfMatch, tagged};
use crate::extract::At;
use crate::page::Listed;
use crate::permissions::{May, need};
use crate::problem::ApiError;
use crate::{State, blocking};
use actix_web::{HttpResponse, delete, get, put, web};
use app::usage_profiles::{Stored, UsageProfile};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa_actix_web::service_config::ServiceConfig;
use vocab::{Code, Commodity, Problem, Unit, UsageProfileId};

pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(list_usage_profiles).service(put_usage_profile).service(delete_usage_profile);
}

/// What a class of customers uses: what an estimate rests on where nothing else does.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = UsageProfile)]
pub(crate) struct UsageProfileJson {
    id: UsageProfileId,
    /// Its ETag without the quotes: what `If-Match` names to replace it.
    version: i64,
    class_code: String,
    commodity: Commodity,
    unit: Unit,
    /// Time-of-use bucket of the registers that it is for.
    bucket: Option<String>,
    /// Use on a day of each month, January first; of a demand the month's peak.
    #[schema(min_items = 12, max_items = 12)]
    per_day: Vec<Decimal>,
}

impl UsageProfileJson {
    fn of(stored: Stored) -> Self {
        let Stored { id, version, profile } = stored;
        Self {
            id,
            version,
            class_code: profile.class,
            commodity: profile.commodity,
            unit: profile.unit,
            bucket: profile.tou_bucket,
            per_day: profile.per_day.to_vec(),
        }
    }
}

/// What a class of customers uses.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewUsageProfile, example = json!({
    "class_code": "residential", "commodity": "electricity", "unit": "kwh",
    "per_day": ["14", "13", "11", "9", "8", "10", "13", "13", "10", "9", "11", "14"]
}))]
pub(crate) struct NewUsageProfileJson {
    class_code: String,
    commodity: Commodity,
    unit: Unit,
    /// Time-of-use bucket of the registers that it is for; those without one when absent.
    #[schema(min_length = 1, max_length = 40)]
    bucket: Option<String>,
    /// Use on a day of each month, January first; of a demand the month's peak.
    #[schema(min_items = 12, max_items = 12)]
    per_day: Vec<Decimal>,
}

/// List usage profiles
///
/// All of them, by class, commodity, unit and bucket.
#[utoipa::path(tag = "settings", responses((status = 200, body = Listed<UsageProfileJson>)),
    extensions(("x-permission" = json!("settings.read"))))]
#[get("/v1/usage-profiles")]
pub(crate) async fn list_usage_profiles(
    _may: May<need::SettingsRead>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let app = state.app.clone();
    let rows = blocking(move || app.usage_profiles()).await?;
    Ok(HttpResponse::Ok().json(Listed::whole(rows, UsageProfileJson::of)))
}

/// Put a usage profile
///
/// Replacing the one for the same class, commodity, unit and bucket needs its version in `If-Match`; a new one
/// needs none.
#[utoipa::path(tag = "settings", params(("If-Match" = Option<String>, Header, description = "ETag of the profile that is replaced")),
    request_body = NewUsageProfileJson,
    responses((status = 200, body = UsageProfileJson, headers(("ETag" = String, description = "Version for If-Match")))),
    extensions(("x-permission" = json!("settings.write"))))]
#[put("/v1/usage-profiles")]
pub(crate) async fn put_usage_profile(
    may: May<need::SettingsWrite>,
    state: web::Data<State>,
    version: MaybeIfMatch,
    body: Body<NewUsageProfileJson>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, new) = (state.app.clone(), may.caller(), body.0);
    let per_day = <[Decimal; 12]>::try_from(new.per_day)
        .map_err(|_| Problem::field("/per_day", Code::FieldRange, "twelve values, January first"))?;
    let profile = UsageProfile {
        class: new.class_code,
        commodity: new.commodity,
        unit: new.unit,
        tou_bucket: new.bucket,
        per_day,
    };
    let stored = blocking(move || app.put_usage_profile(&caller, version.0, &profile)).await?;
    Ok(tagged(stored.version, &UsageProfileJson::of(stored)))
}

/// Delete a usage profile
#[utoipa::path(tag = "settings", params(("id" = UsageProfileId, Path, description = "Usage profile")),
    responses((status = 204, description = "It is gone.")),
    extensions(("x-permission" = json!("settings.write"))))]
#[delete("/v1/usage-profiles/{id}")]
pub(crate) async fn delete_usage_profile(
    may: May<need::SettingsWrite>,
    state: web::Data<State>,
    id: At<UsageProfileId>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    blocking(move || app.delete_usage_profile(&caller, id.0)).await?;
    Ok(HttpResponse::NoContent().finish())
}

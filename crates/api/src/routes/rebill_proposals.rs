//! Proposals to bill periods again.

use crate::body::{IdempotencyKeyHeader, Once};
use crate::extract::{At, Params};
use crate::money::MoneyJson;
use crate::page::{Listed, window};
use crate::permissions::{May, need};
use crate::problem::ApiError;
use crate::routes::accounts::respond;
use crate::{State, blocking};
use actix_web::{HttpResponse, get, post, web};
use app::Answer;
use app::rebills::{self, Boundary, RebillView, Rebilled};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use store::rebill_proposals::{RebillFilter, RebillProposal};
use time::{Date, OffsetDateTime};
use utoipa_actix_web::service_config::ServiceConfig;
use vocab::dates::civil;
use vocab::{
    AccountId, BillId, Code, ContractId, Currency, ReadId, ReadQuality, ReadStatus, RebillKind,
    RebillProposalId, RebillState, RegisterId, SegmentId, ServicePointId, SiteId, Unit,
};

pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(list_rebill_proposals).service(read_rebill_proposal).service(dismiss_rebill_proposal);
}

/// A proposal to bill periods again, because of one read.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = RebillProposal)]
pub(crate) struct RebillProposalJson {
    id: RebillProposalId,
    service_point_id: ServicePointId,
    register_id: RegisterId,
    read_id: ReadId,
    #[serde(with = "civil")]
    read_on: Date,
    value: Decimal,
    /// `corrected_read`: it differs from the read that a billed day has. `late_actual`: a billed day has only an
    /// estimate, or nothing. `actual_below_estimate`: it comes after the billed days and lies below an estimate
    /// that was billed.
    kind: RebillKind,
    /// Whose billing it touches.
    account_ids: Vec<AccountId>,
    contract_ids: Vec<ContractId>,
    /// The day after the last good read before it.
    #[serde(with = "civil")]
    from_on: Date,
    /// The last billed day when it was made.
    #[serde(with = "civil")]
    through_on: Date,
    /// The billed read that it does not agree with; `null` where its day has none.
    against: Option<BilledRead>,
    state: RebillState,
    /// The import, or the person, that brought the read.
    created_by: String,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    /// Who dismissed it, or whose act took its read away.
    decided_by: Option<String>,
    #[serde(with = "time::serde::rfc3339::option")]
    decided_at: Option<OffsetDateTime>,
    decided_reason: Option<String>,
}

/// A read that was billed.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct BilledRead {
    #[serde(with = "civil")]
    read_on: Date,
    value: Decimal,
    quality: ReadQuality,
}

impl From<(RebillProposal, Decimal)> for RebillProposalJson {
    fn from((row, value): (RebillProposal, Decimal)) -> Self {
        let against = row.against_on.zip(row.against_value).zip(row.against_quality);
        let against = against.map(|((read_on, value), quality)| BilledRead {
            read_on,
            value: value.normalize(),
            quality,
        });
        Self {
            id: row.proposal_id(),
            service_point_id: row.service_point_id,
            register_id: row.register(),
            read_id: row.read(),
            read_on: row.read_on,
            value: value.normalize(),
            kind: row.kind,
            contract_ids: row.contracts(),
            account_ids: row.account_ids,
            from_on: row.from_on,
            through_on: row.through_on,
            against,
            state: row.state,
            created_by: row.created_by,
            created_at: row.created_at,
            decided_by: row.decided_by,
            decided_at: row.decided_at,
            decided_reason: row.decided_reason,
        }
    }
}

/// A proposal with what would be cancelled and what would be billed instead.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct RebillProposalDetail {
    #[serde(flatten)]
    proposal: RebillProposalJson,
    read_quality: ReadQuality,
    read_status: ReadStatus,
    /// Unit of the quantities.
    unit: Unit,
    /// The segments that would be cancelled.
    segments: Vec<RebillSegment>,
    /// What each period would have; empty when that cannot be said.
    periods: Vec<RebillPeriod>,
    /// Why the periods cannot be said.
    problem: Option<RebillProblem>,
}

/// A segment that would be cancelled.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct RebillSegment {
    id: SegmentId,
    bill_id: BillId,
    contract_id: ContractId,
    #[serde(with = "civil")]
    first_on: Date,
    #[serde(with = "civil")]
    last_on: Date,
    /// What the register was billed for.
    quantity: Decimal,
    /// Sum of the whole segment.
    amount: MoneyJson,
}

/// A period as it would be.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct RebillPeriod {
    /// The segment that it takes the place of; `null`: the days up to the read, which are not billed yet.
    segment_id: Option<SegmentId>,
    /// The read that it starts from; `null` for a register whose reads are consumptions.
    start: Option<RebillBoundary>,
    /// The read that it ends with; `null` for a register whose reads are consumptions.
    end: Option<RebillBoundary>,
    /// What it would have.
    quantity: Decimal,
}

/// A register's value at the close of a day.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct RebillBoundary {
    #[serde(with = "civil")]
    on: Date,
    value: Decimal,
    /// `adjusted` where it is found by days.
    quality: ReadQuality,
}

impl From<Boundary> for RebillBoundary {
    fn from(of: Boundary) -> Self {
        Self { on: of.on, value: of.value.normalize(), quality: of.quality }
    }
}

/// Why the periods cannot be said.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct RebillProblem {
    #[schema(value_type = String)]
    code: Code,
    detail: String,
}

impl RebillProposalDetail {
    fn of(currency: Currency, view: RebillView) -> Self {
        let segments: Vec<RebillSegment> = view
            .segments
            .into_iter()
            .map(|(row, used)| RebillSegment {
                id: SegmentId::new(row.account_id, row.id),
                bill_id: BillId::new(row.account_id, row.bill_id),
                contract_id: ContractId::new(row.account_id, row.contract_id),
                first_on: row.first_on,
                last_on: row.last_on,
                quantity: used.quantity.normalize(),
                amount: MoneyJson::of(currency, row.total_minor),
            })
            .collect();
        let period = |of: Rebilled| RebillPeriod {
            segment_id: of.place.and_then(|place| segments.get(place)).map(|segment| segment.id),
            start: of.start.map(Into::into),
            end: of.end.map(Into::into),
            quantity: of.quantity.normalize(),
        };
        let periods = view.periods.into_iter().map(period).collect();
        Self {
            read_quality: view.read.quality,
            read_status: view.read.status,
            unit: view.register.unit,
            proposal: (view.proposal, view.read.value).into(),
            segments,
            periods,
            problem: view.problem.map(|of| RebillProblem { code: of.code, detail: of.detail }),
        }
    }
}

/// Which proposals to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RebillQuery {
    /// Only at service points of this site.
    site_id: Option<SiteId>,
    /// Only at this service point.
    service_point_id: Option<ServicePointId>,
    /// Only those that touch this account's billing.
    account_id: Option<AccountId>,
    /// Only of this kind.
    kind: Option<RebillKind>,
    /// Only of this state.
    state: Option<RebillState>,
    /// Rows of a page.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<i64>,
    /// From `next` of the page before.
    cursor: Option<String>,
}

/// List rebill proposals
///
/// By service point; only of your sites.
#[utoipa::path(tag = "reads", params(RebillQuery), responses((status = 200, body = Listed<RebillProposalJson>)),
    extensions(("x-permission" = json!("reads.read"))))]
#[get("/v1/rebill-proposals")]
pub(crate) async fn list_rebill_proposals(
    may: May<need::ReadsRead>,
    state: web::Data<State>,
    query: Params<RebillQuery>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, query) = (state.app.clone(), may.caller(), query.0);
    let (limit, cursor) = window(query.limit, query.cursor.as_deref())?;
    let filter = RebillFilter {
        sites: None,
        state: query.state,
        kind: query.kind,
        account: query.account_id,
        point: query.service_point_id,
    };
    let page = blocking(move || app.rebill_proposals(&caller, filter, query.site_id, cursor.as_ref(), limit))
        .await?;
    Ok(HttpResponse::Ok().json(Listed::from_page(page, RebillProposalJson::from)))
}

/// Read a rebill proposal
///
/// With the segments since the last good read that would be cancelled, and what each of their periods would
/// have: between two good reads by days, the last period taking the residue; after the read, with no good one to
/// follow, as much as was billed. Reckoned from what is known now.
#[utoipa::path(tag = "reads", params(("id" = RebillProposalId, Path, description = "Rebill proposal")),
    responses((status = 200, body = RebillProposalDetail)), extensions(("x-permission" = json!("reads.read"))))]
#[get("/v1/rebill-proposals/{id}")]
pub(crate) async fn read_rebill_proposal(
    may: May<need::ReadsRead>,
    state: web::Data<State>,
    id: At<RebillProposalId>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let (currency, view) =
        blocking(move || Ok((app.utility()?.currency, app.rebill_proposal(&caller, id.0)?))).await?;
    Ok(HttpResponse::Ok().json(RebillProposalDetail::of(currency, view)))
}

/// Why a proposal is dismissed.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "reason": "The reader took the neighbour's meter." }))]
pub(crate) struct DismissRebill {
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

/// Dismiss a rebill proposal
///
/// Only one that is still open. The held read of a billed day is rejected with it, with the reason. Of
/// `actual_below_estimate` the read stays as it is: the dismissal is only noted, and the next bill still
/// stops at the estimate.
#[utoipa::path(tag = "reads",
    params(("id" = RebillProposalId, Path, description = "Rebill proposal"), IdempotencyKeyHeader),
    request_body = DismissRebill, responses((status = 200, body = RebillProposalDetail)),
    extensions(("x-permission" = json!("reads.write"))))]
#[post("/v1/rebill-proposals/{id}/dismiss")]
pub(crate) async fn dismiss_rebill_proposal(
    may: May<need::ReadsWrite>,
    state: web::Data<State>,
    id: At<RebillProposalId>,
    once: Once<DismissRebill>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let answer = blocking(move || {
        let currency = app.utility()?.currency;
        app.once(&caller, &once.key, |tx| {
            let view = rebills::dismiss(tx, &caller, id.0, &once.body.reason)?;
            Answer::ok(&RebillProposalDetail::of(currency, view))
        })
    })
    .await?;
    Ok(respond(answer))
}

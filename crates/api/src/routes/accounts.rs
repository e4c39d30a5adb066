//! Accounts.

use crate::body::{Body, IdempotencyKeyHeader, Once};
use crate::etag::{IfMatch, IfMatchHeader, tagged};
use crate::extract::{At, Params};
use crate::money::MoneyJson;
use crate::page::{Listed, window};
use crate::permissions::{May, need};
use crate::problem::ApiError;
use crate::routes::persons::{NewPersonJson, PersonJson, present};
use crate::{State, blocking};
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, get, patch, post, web};
use app::Answer;
use app::accounts::{AccountChanges, AccountView, Customer, NewAccount, NewAddress};
use serde::{Deserialize, Serialize};
use store::accounts::{Account, AccountFilter, Address, Note};
use time::{Date, OffsetDateTime};
use utoipa_actix_web::service_config::ServiceConfig;
use vocab::dates::civil;
use vocab::{
    AccountId, AccountNumber, AccountState, AddressId, BillId, Code, Currency, CycleId, DeliveryPreference,
    DrawRule, Language, NoteId, PaymentMethodId, PersonId, PersonRole, Problem, SiteId,
};

pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(open_account)
        .service(list_accounts)
        .service(read_account)
        .service(change_account)
        .service(add_mailing_address)
        .service(list_notes)
        .service(add_note);
}

/// The kept or fresh answer of a use case that is done once.
pub(crate) fn respond(answer: Answer) -> HttpResponse {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    HttpResponse::build(status).json(answer.body)
}

/// An account: what owes and pays.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Account)]
pub(crate) struct AccountJson {
    id: AccountId,
    /// The resident's look-up code.
    number: AccountNumber,
    cycle_id: CycleId,
    /// The billing site: that of the main service location.
    site_id: SiteId,
    /// Customer class.
    class_code: String,
    /// Language of notices.
    language: Language,
    delivery: DeliveryPreference,
    state: AccountState,
    #[serde(with = "civil")]
    opened_on: Date,
    client_reference: Option<String>,
    /// Asked now.
    balance: MoneyJson,
    /// Owed if closed today.
    payoff: MoneyJson,
    last_bill_id: Option<BillId>,
    /// Not billed before the day after.
    #[serde(with = "civil::option")]
    held_until_on: Option<Date>,
    hold_reason: Option<String>,
    autopay: Option<AutopayJson>,
}

/// How autopay draws.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Autopay)]
pub(crate) struct AutopayJson {
    pub(crate) payment_method_id: PaymentMethodId,
    pub(crate) rule: DrawRule,
    /// For `days_before`.
    pub(crate) days_before: Option<i16>,
    /// Above it nothing is drawn.
    pub(crate) maximum: Option<MoneyJson>,
}

impl AccountJson {
    pub(crate) fn of(currency: Currency, account: Account) -> Self {
        let id = account.account_id;
        let autopay = account.autopay_method_id.map(|method| AutopayJson {
            payment_method_id: PaymentMethodId::new(id, method),
            rule: account.autopay_rule.unwrap_or(DrawRule::DueDate),
            days_before: account.autopay_days_before,
            maximum: account.autopay_maximum_minor.map(|maximum| MoneyJson::of(currency, maximum)),
        });
        Self {
            id,
            number: account.number,
            cycle_id: account.cycle_id,
            site_id: account.site_id,
            class_code: account.class_code,
            language: account.language,
            delivery: account.delivery,
            state: account.state,
            opened_on: account.opened_on,
            client_reference: account.client_reference,
            balance: MoneyJson::of(currency, account.current_minor),
            payoff: MoneyJson::of(currency, account.payoff_minor),
            last_bill_id: account.last_bill_id.map(|bill| BillId::new(id, bill)),
            held_until_on: account.held_until_on,
            hold_reason: account.hold_reason,
            autopay,
        }
    }
}

/// An account with its people and addresses.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct AccountDetail {
    #[serde(flatten)]
    account: AccountJson,
    people: Vec<AccountPersonJson>,
    mailing_addresses: Vec<AddressJson>,
}

/// A person of an account.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = AccountPerson)]
pub(crate) struct AccountPersonJson {
    role: PersonRole,
    /// Whether bills go there.
    receives_bill: bool,
    person: PersonJson,
}

/// A mailing address with dates.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = MailingAddress)]
pub(crate) struct AddressJson {
    id: AddressId,
    addressee: String,
    line1: String,
    line2: Option<String>,
    city: String,
    region: String,
    postcode: String,
    country: String,
    #[serde(with = "civil")]
    from_on: Date,
    #[serde(with = "civil::option")]
    to_on: Option<Date>,
}

impl From<Address> for AddressJson {
    fn from(row: Address) -> Self {
        Self {
            id: AddressId::new(row.account_id, row.id),
            addressee: row.addressee,
            line1: row.line1,
            line2: row.line2,
            city: row.city,
            region: row.region,
            postcode: row.postcode,
            country: row.country,
            from_on: row.from_on,
            to_on: row.to_on,
        }
    }
}

impl AccountDetail {
    fn of(currency: Currency, view: AccountView) -> Self {
        let people = view.people.into_iter().map(|(link, person)| AccountPersonJson {
            role: link.role,
            receives_bill: link.receives_bill,
            person: person.into(),
        });
        Self {
            account: AccountJson::of(currency, view.account),
            people: people.collect(),
            mailing_addresses: view.addresses.into_iter().map(Into::into).collect(),
        }
    }
}

/// An account to open.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewAccount)]
pub(crate) struct NewAccountJson {
    cycle_id: CycleId,
    /// The billing site.
    site_id: SiteId,
    /// Customer class.
    class_code: String,
    /// Language of notices.
    language: Language,
    delivery: DeliveryPreference,
    /// The main customer: a person known already, or a new one.
    customer: CustomerJson,
    mailing_address: Option<NewAddressJson>,
    /// Your own name for it, unique for ever.
    #[schema(max_length = 100)]
    client_reference: Option<String>,
    /// First day; today when absent.
    #[serde(default, with = "civil::option")]
    opened_on: Option<Date>,
}

/// The main customer of a new account.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(untagged)]
#[schema(as = NewAccountCustomer)]
pub(crate) enum CustomerJson {
    /// Known already.
    Known(KnownPerson),
    /// Entered with the account.
    New(NewPersonJson),
}

/// A person known already.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct KnownPerson {
    person_id: PersonId,
}

/// A mailing address to add.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewMailingAddress, example = json!({
    "addressee": "Ana García", "line1": "12 Mill Lane", "city": "Penstock", "region": "CO", "postcode": "80401",
    "country": "US"
}))]
pub(crate) struct NewAddressJson {
    #[schema(min_length = 1, max_length = 200)]
    addressee: String,
    #[schema(min_length = 1, max_length = 200)]
    line1: String,
    line2: Option<String>,
    #[schema(min_length = 1, max_length = 200)]
    city: String,
    region: String,
    #[schema(min_length = 1, max_length = 200)]
    postcode: String,
    /// ISO 3166, two capital letters.
    #[schema(pattern = "^[A-Z]{2}$")]
    country: String,
    /// First day of use; today when absent.
    #[serde(default, with = "civil::option")]
    from_on: Option<Date>,
}

impl From<NewAddressJson> for NewAddress {
    fn from(new: NewAddressJson) -> Self {
        Self {
            addressee: new.addressee,
            line1: new.line1,
            line2: new.line2,
            city: new.city,
            region: new.region,
            postcode: new.postcode,
            country: new.country,
            from_on: new.from_on,
        }
    }
}

impl From<NewAccountJson> for NewAccount {
    fn from(new: NewAccountJson) -> Self {
        Self {
            cycle: new.cycle_id,
            site: new.site_id,
            class_code: new.class_code,
            language: new.language,
            delivery: new.delivery,
            customer: match new.customer {
                CustomerJson::Known(known) => Customer::Known(known.person_id),
                CustomerJson::New(person) => Customer::New(person.into()),
            },
            mailing_address: new.mailing_address.map(Into::into),
            client_reference: new.client_reference,
            opened_on: new.opened_on,
        }
    }
}

/// Open an account
///
/// Assigns a random account number with a check digit; enters the main customer when it is new.
#[utoipa::path(tag = "accounts", params(IdempotencyKeyHeader), request_body = NewAccountJson,
    responses((status = 201, body = AccountDetail)), extensions(("x-permission" = json!("accounts.write"))))]
#[post("/v1/accounts")]
pub(crate) async fn open_account(
    may: May<need::AccountsWrite>,
    state: web::Data<State>,
    once: Once<NewAccountJson>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let answer = blocking(move || {
        let currency = app.utility()?.currency;
        app.once(&caller, &once.key, |tx| {
            let view = app::accounts::open(tx, &caller, once.body.into())?;
            Answer::created(&AccountDetail::of(currency, view))
        })
    })
    .await?;
    Ok(respond(answer))
}

/// Which accounts to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AccountQuery {
    /// Only this site.
    site_id: Option<SiteId>,
    /// Only this cycle.
    cycle_id: Option<CycleId>,
    /// Only this state.
    state: Option<AccountState>,
    /// Only accounts that owe at least this much, as a decimal.
    #[serde(rename = "balance[gte]")]
    #[param(rename = "balance[gte]", pattern = "^-?[0-9]+(\\.[0-9]+)?$")]
    balance_gte: Option<String>,
    /// An account number, or the beginning of a customer's name.
    #[param(max_length = 100)]
    q: Option<String>,
    /// Rows of a page.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<i64>,
    /// From `next` of the page before.
    cursor: Option<String>,
}

/// List accounts
///
/// Only accounts of your sites, by id.
#[utoipa::path(tag = "accounts", params(AccountQuery), responses((status = 200, body = Listed<AccountJson>)),
    extensions(("x-permission" = json!("accounts.read"))))]
#[get("/v1/accounts")]
pub(crate) async fn list_accounts(
    may: May<need::AccountsRead>,
    state: web::Data<State>,
    query: Params<AccountQuery>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, query) = (state.app.clone(), may.caller(), query.0);
    let (limit, cursor) = window(query.limit, query.cursor.as_deref())?;
    let (currency, page) = blocking(move || {
        let currency = app.utility()?.currency;
        let owing_at_least =
            query.balance_gte.map(|text| decimal_parameter(currency, "balance[gte]", &text)).transpose()?;
        let filter = AccountFilter {
            sites: query.site_id.map(|site| vec![site]),
            cycle: query.cycle_id,
            state: query.state,
            owing_at_least,
            q: query.q.filter(|q| !q.trim().is_empty()),
        };
        Ok((currency, app.accounts(&caller, filter, cursor.as_ref(), limit)?))
    })
    .await?;
    Ok(HttpResponse::Ok().json(Listed::from_page(page, |row| AccountJson::of(currency, row))))
}

/// A decimal in a query parameter.
pub(crate) fn decimal_parameter(
    currency: Currency,
    name: &'static str,
    text: &str,
) -> Result<vocab::Money, Problem> {
    currency.parse(text).ok_or_else(|| {
        Problem::new(Code::MalformedParameter, format!("{name}: a decimal")).with("name", name)
    })
}

/// Read an account
#[utoipa::path(tag = "accounts", params(("id" = AccountId, Path, description = "Account")),
    responses((status = 200, body = AccountDetail, headers(("ETag" = String, description = "Version for If-Match")))),
    extensions(("x-permission" = json!("accounts.read"))))]
#[get("/v1/accounts/{id}")]
pub(crate) async fn read_account(
    may: May<need::AccountsRead>,
    state: web::Data<State>,
    id: At<AccountId>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let (currency, view) =
        blocking(move || Ok((app.utility()?.currency, app.account(&caller, id.0)?))).await?;
    Ok(tagged(view.account.version, &AccountDetail::of(currency, view)))
}

/// Changes of an account: what is absent stays.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccountPatch {
    class_code: Option<String>,
    language: Option<Language>,
    delivery: Option<DeliveryPreference>,
    cycle_id: Option<CycleId>,
    /// Holds the account out of billing; `null` lifts the hold.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<HoldJson>)]
    hold: Option<Option<HoldJson>>,
}

/// A hold with its reason.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Hold)]
pub(crate) struct HoldJson {
    /// The last day of the hold.
    #[serde(with = "civil")]
    pub(crate) until_on: Date,
    /// Why.
    #[schema(min_length = 1, max_length = 500)]
    pub(crate) reason: String,
}

/// Change an account
#[utoipa::path(tag = "accounts", params(("id" = AccountId, Path, description = "Account"), IfMatchHeader),
    request_body = AccountPatch,
    responses((status = 200, body = AccountDetail, headers(("ETag" = String, description = "Version for If-Match")))),
    extensions(("x-permission" = json!("accounts.write"))))]
#[patch("/v1/accounts/{id}")]
pub(crate) async fn change_account(
    may: May<need::AccountsWrite>,
    state: web::Data<State>,
    id: At<AccountId>,
    version: IfMatch,
    body: Body<AccountPatch>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, patch) = (state.app.clone(), may.caller(), body.0);
    let changes = AccountChanges {
        class_code: patch.class_code,
        language: patch.language,
        delivery: patch.delivery,
        cycle: patch.cycle_id,
        hold: patch.hold.map(|hold| hold.map(|hold| (hold.until_on, hold.reason))),
    };
    let (currency, view) = blocking(move || {
        let currency = app.utility()?.currency;
        Ok((currency, app.change_account(&caller, id.0, version.0, changes)?))
    })
    .await?;
    Ok(tagged(view.account.version, &AccountDetail::of(currency, view)))
}

/// Add a mailing address
///
/// The open address ends the day before the new one begins.
#[utoipa::path(tag = "accounts", params(("id" = AccountId, Path, description = "Account"), IdempotencyKeyHeader),
    request_body = NewAddressJson, responses((status = 201, body = AddressJson)),
    extensions(("x-permission" = json!("accounts.write"))))]
#[post("/v1/accounts/{id}/mailing-addresses")]
pub(crate) async fn add_mailing_address(
    may: May<need::AccountsWrite>,
    state: web::Data<State>,
    id: At<AccountId>,
    once: Once<NewAddressJson>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let answer = blocking(move || {
        app.once(&caller, &once.key, |tx| {
            let address = app::accounts::add_address(tx, &caller, id.0, once.body.into())?;
            Answer::created(&AddressJson::from(address))
        })
    })
    .await?;
    Ok(respond(answer))
}

/// A note of staff.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Note)]
pub(crate) struct NoteJson {
    id: NoteId,
    text: String,
    /// Who wrote it.
    created_by: String,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
}

impl From<Note> for NoteJson {
    fn from(row: Note) -> Self {
        Self {
            id: NoteId::new(row.account_id, row.id),
            text: row.text,
            created_by: row.created_by,
            created_at: row.created_at,
        }
    }
}

/// `limit` and `cursor`.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// Rows of a page.
    #[param(minimum = 1, maximum = 500, default = 50)]
    pub(crate) limit: Option<i64>,
    /// From `next` of the page before.
    pub(crate) cursor: Option<String>,
}

/// List an account's notes
///
/// Newest first.
#[utoipa::path(tag = "accounts", params(("id" = AccountId, Path, description = "Account"), PageQuery),
    responses((status = 200, body = Listed<NoteJson>)), extensions(("x-permission" = json!("accounts.read"))))]
#[get("/v1/accounts/{id}/notes")]
pub(crate) async fn list_notes(
    may: May<need::AccountsRead>,
    state: web::Data<State>,
    id: At<AccountId>,
    query: Params<PageQuery>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let (limit, cursor) = window(query.0.limit, query.0.cursor.as_deref())?;
    let page = blocking(move || app.notes(&caller, id.0, cursor.as_ref(), limit)).await?;
    Ok(HttpResponse::Ok().json(Listed::from_page(page, NoteJson::from)))
}

/// A note to add.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewNote, example = json!({ "text": "Called about the leak; sends a plumber's bill." }))]
pub(crate) struct NewNoteJson {
    #[schema(min_length = 1, max_length = 4000)]
    text: String,
}

/// Add a note to an account
#[utoipa::path(tag = "accounts", params(("id" = AccountId, Path, description = "Account"), IdempotencyKeyHeader),
    request_body = NewNoteJson, responses((status = 201, body = NoteJson)),
    extensions(("x-permission" = json!("accounts.write"))))]
#[post("/v1/accounts/{id}/notes")]
pub(crate) async fn add_note(
    may: May<need::AccountsWrite>,
    state: web::Data<State>,
    id: At<AccountId>,
    once: Once<NewNoteJson>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let answer = blocking(move || {
        app.once(&caller, &once.key, |tx| {
            let note = app::accounts::add_note(tx, &caller, id.0, once.body.text)?;
            Answer::created(&NoteJson::from(note))
        })
    })
    .await?;
    Ok(respond(answer))
}

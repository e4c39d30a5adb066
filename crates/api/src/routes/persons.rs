//! Customers and third parties.

use crate::body::{Body, IdempotencyKeyHeader, Once};
use crate::etag::{IfMatch, IfMatchHeader, tagged};
use crate::extract::At;
use crate::permissions::{May, need};
use crate::problem::ApiError;
use crate::routes::accounts::respond;
use crate::{State, blocking};
use actix_web::{HttpResponse, get, patch, post, web};
use app::Answer;
use app::persons::{NewPerson, PersonChanges};
use serde::{Deserialize, Deserializer, Serialize};
use store::accounts::Person;
use utoipa_actix_web::service_config::ServiceConfig;
use vocab::{AccountId, Language, PersonId};

pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(enter_person).service(read_person).service(change_person);
}

/// A customer or third party.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Person)]
pub(crate) struct PersonJson {
    id: PersonId,
    /// Full name.
    name: String,
    /// Where e-bills go.
    email: Option<String>,
    phone: Option<String>,
    /// Language the person reads.
    language: Language,
}

impl From<Person> for PersonJson {
    fn from(person: Person) -> Self {
        Self {
            id: person.id,
            name: person.name,
            email: person.email,
            phone: person.phone,
            language: person.language,
        }
    }
}

/// A person with the accounts that the caller may see.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct PersonWithAccounts {
    #[serde(flatten)]
    person: PersonJson,
    account_ids: Vec<AccountId>,
}

/// A person to enter.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "name": "Ana García", "email": "ana@example.org", "language": "es" }))]
pub(crate) struct NewPersonJson {
    /// Full name.
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// Where e-bills go.
    #[schema(max_length = 254)]
    email: Option<String>,
    #[schema(max_length = 60)]
    phone: Option<String>,
    /// Language the person reads.
    language: Language,
}

impl From<NewPersonJson> for NewPerson {
    fn from(new: NewPersonJson) -> Self {
        Self { name: new.name, email: new.email, phone: new.phone, language: new.language }
    }
}

/// Changes of a person: what is absent stays, `null` takes away.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PersonPatch {
    #[schema(min_length = 1, max_length = 200)]
    name: Option<String>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, max_length = 254)]
    email: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, max_length = 60)]
    phone: Option<Option<String>>,
    language: Option<Language>,
}

/// Tells `null` from absent.
pub(crate) fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(from).map(Some)
}

/// Enter a person
#[utoipa::path(tag = "persons", params(IdempotencyKeyHeader), request_body = NewPersonJson,
    responses((status = 201, body = PersonJson)), extensions(("x-permission" = json!("persons.write"))))]
#[post("/v1/persons")]
pub(crate) async fn enter_person(
    may: May<need::PersonsWrite>,
    state: web::Data<State>,
    once: Once<NewPersonJson>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let answer = blocking(move || {
        app.once(&caller, &once.key, |tx| {
            let person = app::persons::enter(tx, &caller, once.body.into())?;
            Answer::created(&PersonJson::from(person))
        })
    })
    .await?;
    Ok(respond(answer))
}

/// Read a person
#[utoipa::path(tag = "persons", params(("id" = PersonId, Path, description = "Person")),
    responses((status = 200, body = PersonWithAccounts, headers(("ETag" = String, description = "Version for If-Match")))),
    extensions(("x-permission" = json!("persons.read"))))]
#[get("/v1/persons/{id}")]
pub(crate) async fn read_person(
    may: May<need::PersonsRead>,
    state: web::Data<State>,
    id: At<PersonId>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller) = (state.app.clone(), may.caller());
    let (person, account_ids) = blocking(move || app.person(&caller, id.0)).await?;
    Ok(tagged(person.version, &PersonWithAccounts { person: person.into(), account_ids }))
}

/// Change a person
#[utoipa::path(tag = "persons", params(("id" = PersonId, Path, description = "Person"), IfMatchHeader),
    request_body = PersonPatch,
    responses((status = 200, body = PersonJson, headers(("ETag" = String, description = "Version for If-Match")))),
    extensions(("x-permission" = json!("persons.write"))))]
#[patch("/v1/persons/{id}")]
pub(crate) async fn change_person(
    may: May<need::PersonsWrite>,
    state: web::Data<State>,
    id: At<PersonId>,
    version: IfMatch,
    body: Body<PersonPatch>,
) -> Result<HttpResponse, ApiError> {
    let (app, caller, patch) = (state.app.clone(), may.caller(), body.0);
    let changes =
        PersonChanges { name: patch.name, email: patch.email, phone: patch.phone, language: patch.language };
    let person = blocking(move || app.change_person(&caller, id.0, version.0, changes)).await?;
    Ok(tagged(person.version, &PersonJson::from(person)))
}

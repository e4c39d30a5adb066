//! The OpenAPI 3.1 document: what the handlers say, plus what is true of every operation.

use crate::problem::ProblemDocument;
use crate::routes;
use access::Permission;
use std::str::FromStr;
use utoipa::OpenApi;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};
use utoipa_actix_web::AppExt;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Penstock",
        description = "The open utility-billing engine: meter reads in; tests, review, accepted bills, PDF invoices, \
                       e-bills, payments and delinquency out.\n\n\
                       Enums may grow: treat an unknown word as one you do not handle. Money is a decimal string with \
                       its currency. Ids are opaque. Every error is an `application/problem+json` with a stable `code`, \
                       [described here](/docs/errors).",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    servers((url = "/", description = "this server")),
    components(schemas(ProblemDocument)),
)]
struct Frame;

/// The extension that names an operation's permission.
const PERMISSION: &str = "x-permission";

/// The document as the handlers and [`finish`] make it.
pub fn document() -> utoipa::openapi::OpenApi {
    let (_, document) = actix_web::App::new()
        .into_utoipa_app()
        .openapi(Frame::openapi())
        .configure(routes::configure)
        .split_for_parts();
    finish(document)
}

/// The document as text, keys in a stable order.
pub fn document_json() -> Result<String, serde_json::Error> {
    let mut text = serde_json::to_string_pretty(&document())?;
    text.push('\n');
    Ok(text)
}

/// Adds what holds for every operation, so that no handler has to repeat it.
fn finish(mut document: utoipa::openapi::OpenApi) -> utoipa::openapi::OpenApi {
    document.info.version = env!("CARGO_PKG_VERSION").to_owned();
    if let Some(components) = &mut document.components {
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .description(Some("Access token from `POST /v1/auth/token`"))
            .build();
        components.security_schemes.insert("bearer".to_owned(), SecurityScheme::Http(bearer).into());
    }
    for (path, item) in &mut document.paths.paths {
        let has_parameter = path.contains('{');
        let operations = [
            (&mut item.get, false),
            (&mut item.put, true),
            (&mut item.post, true),
            (&mut item.patch, true),
            (&mut item.delete, true),
        ];
        for (operation, writes) in operations {
            if let Some(operation) = operation {
                complete(operation, has_parameter, writes);
            }
        }
    }
    document
}

fn complete(operation: &mut Operation, has_parameter: bool, writes: bool) {
    let permission = operation
        .extensions
        .as_ref()
        .and_then(|extensions| extensions.get(PERMISSION))
        .and_then(|value| value.as_str())
        .and_then(|word| Permission::from_str(word).ok());
    let mut add = |status: &str, description: &str| {
        operation
            .responses
            .responses
            .entry(status.to_owned())
            .or_insert_with(|| RefOr::T(problem(description)));
    };
    add("400", "The request cannot be read.");
    if has_parameter {
        add("404", "There is no such thing, or it is not yours to see.");
    }
    if writes {
        add("409", "It is in the wrong state, exists already, or someone else has it.");
        add("412", "It has changed since you read it.");
        add("413", "The body is too large.");
        add("415", "The body is of a type that is not read here.");
        add("422", "A rule of the trade refuses it; `errors` names the fields.");
        add("428", "A required header is missing.");
    }
    if permission.is_some() {
        add("401", "No valid access token was sent.");
        add("403", "Your role does not include the permission.");
    }
    add("429", "Too many requests; `Retry-After` says how long to wait.");
    add("503", "The service cannot answer now; `Retry-After` says when to try again.");
    if let Some(permission) = permission {
        operation.security = Some(vec![SecurityRequirement::new::<_, _, &str>("bearer", [])]);
        let roles: Vec<&str> = permission.roles().iter().map(|role| role.as_str()).collect();
        let line = format!("Needs the permission `{permission}` (roles: {}).", roles.join(", "));
        let text =
            operation.description.take().map_or_else(|| line.clone(), |text| format!("{text}\n\n{line}"));
        operation.description = Some(text);
    }
}

fn problem(description: &str) -> Response {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    ResponseBuilder::new().description(description).content("application/problem+json", content).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A macro makes the words; what it publishes must be what is read and written.
    #[test]
    fn enums_are_published_with_their_words() {
        let document = serde_json::to_value(document()).unwrap();
        let published = |name: &str| document["components"]["schemas"][name]["enum"].clone();
        assert_eq!(published("Unit"), serde_json::json!(vocab::Unit::ALL));
        assert_eq!(published("Commodity"), serde_json::json!(vocab::Commodity::ALL));
        assert_eq!(published("Rounding"), serde_json::json!(vocab::decimal::Rounding::ALL));
    }
}

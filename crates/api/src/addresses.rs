//! The addresses of the interface, and of those who ask.

use crate::State;
use crate::problem::ApiError;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::middleware::Next;
use actix_web::{HttpRequest, web};
use std::collections::HashSet;
use std::net::IpAddr;
use utoipa::openapi::path::{Operation, ParameterIn};
use utoipa::openapi::{OpenApi, PathItem, RefOr};
use vocab::{Code, Problem};

/// Every documented path with its methods, and which of them take no parameter in the query.
#[derive(Debug)]
pub(crate) struct Addresses {
    all: Vec<(Vec<String>, Vec<&'static str>)>,
    bare: HashSet<(&'static str, String)>,
}

impl Addresses {
    /// Those of the document.
    pub(crate) fn of(document: &OpenApi) -> Self {
        let split = |path: &String| path.split('/').map(str::to_owned).collect();
        let paths = &document.paths.paths;
        let bare = paths.iter().flat_map(|(path, item)| {
            let asks_nothing = operations(item).into_iter().filter(|(_, of)| of.is_some_and(takes_no_query));
            asks_nothing.map(move |(method, _)| (method, path.clone()))
        });
        Self {
            all: paths.iter().map(|(path, item)| (split(path), methods(item))).collect(),
            bare: bare.collect(),
        }
    }

    /// Whether this route takes no parameter in the query; `pattern` as it is documented.
    fn is_bare(&self, method: &Method, pattern: &str) -> bool {
        let known = METHODS.iter().find(|known| **known == method.as_str());
        known.is_some_and(|known| self.bare.contains(&(*known, pattern.to_owned())))
    }

    /// The methods that a path is there for, as the `Allow` header lists them; none when there is no such
    /// path.
    pub(crate) fn allowed(&self, path: &str) -> Option<String> {
        let asked: Vec<&str> = path.split('/').collect();
        let fits = |parts: &[String]| {
            parts.len() == asked.len()
                && parts.iter().zip(&asked).all(|(part, asked)| {
                    if part.starts_with('{') { !asked.is_empty() } else { part == asked }
                })
        };
        let mut allowed: Vec<&str> = self
            .all
            .iter()
            .filter(|(parts, _)| fits(parts))
            .flat_map(|(_, methods)| methods)
            .copied()
            .collect();
        allowed.sort_unstable();
        allowed.dedup();
        (!allowed.is_empty()).then(|| allowed.join(", "))
    }
}

const METHODS: [&str; 5] = ["GET", "PUT", "POST", "PATCH", "DELETE"];

fn operations(item: &PathItem) -> [(&'static str, Option<&Operation>); 5] {
    let of = [&item.get, &item.put, &item.post, &item.patch, &item.delete];
    std::array::from_fn(|at| (METHODS[at], of[at].as_ref()))
}

fn methods(item: &PathItem) -> Vec<&'static str> {
    operations(item).into_iter().filter(|(_, of)| of.is_some()).map(|(name, _)| name).collect()
}

fn takes_no_query(operation: &Operation) -> bool {
    let all = operation.parameters.as_deref().unwrap_or_default();
    !all.iter().any(|parameter| match parameter {
        RefOr::T(parameter) => parameter.parameter_in == ParameterIn::Query,
        RefOr::Ref(_) => true,
    })
}

/// Refuses parameters where none are documented: what was asked for would not be done. Where there are any,
/// whoever reads them refuses the others.
pub(crate) async fn refuse_unknown_parameters(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let unknown = form_urlencoded::parse(request.query_string().as_bytes()).next();
    if let Some((name, _)) = unknown
        && let Some(pattern) = request.match_pattern()
        && let Some(state) = request.app_data::<web::Data<State>>()
        && state.addresses.is_bare(request.method(), &pattern)
    {
        let detail = format!("{name}: there is no such parameter");
        let problem = Problem::new(Code::MalformedParameter, detail).with("name", name);
        return Ok(request.error_response(ApiError::from(problem)).map_into_right_body());
    }
    Ok(next.call(request).await?.map_into_left_body())
}

/// Who asks: the other end of the connection, or, when that is a proxy that is trusted, the nearest address
/// before the proxies in `X-Forwarded-For`. What stands further left anybody may have written.
pub(crate) fn client(request: &HttpRequest, state: &State) -> String {
    let Some(peer) = request.peer_addr() else { return String::new() };
    let headers = request.headers().get_all("x-forwarded-for");
    let forwarded: Vec<&str> =
        headers.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).collect();
    nearest(peer.ip(), &forwarded, &state.trusted_proxies).to_string()
}

fn nearest(peer: IpAddr, forwarded: &[&str], trusted: &[IpAddr]) -> IpAddr {
    let mut nearest = peer.to_canonical();
    for before in forwarded.iter().rev() {
        if !trusted.contains(&nearest) {
            break;
        }
        let Ok(address) = before.trim().parse::<IpAddr>() else { break };
        nearest = address.to_canonical();
    }
    nearest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_trusted_proxy_says_who_asks() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let trusted = [ip("10.0.0.1"), ip("10.0.0.2")];
        let asks = |peer: &str, forwarded: &[&str]| nearest(ip(peer), forwarded, &trusted).to_string();
        assert_eq!(asks("203.0.113.9", &["198.51.100.7"]), "203.0.113.9", "anybody may write the header");
        assert_eq!(asks("10.0.0.1", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(asks("10.0.0.1", &["1.1.1.1", " 198.51.100.7"]), "198.51.100.7", "the left is hearsay");
        assert_eq!(asks("10.0.0.1", &["198.51.100.7", "10.0.0.2"]), "198.51.100.7", "through two proxies");
        assert_eq!(asks("::ffff:10.0.0.1", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(asks("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(asks("10.0.0.1", &["198.51.100.7", "unknown"]), "10.0.0.1");
    }

    #[test]
    fn a_path_knows_its_methods() {
        let addresses = Addresses::of(&crate::openapi::document());
        assert_eq!(addresses.allowed("/v1/accounts").as_deref(), Some("GET, POST"));
        assert_eq!(addresses.allowed("/v1/accounts/acct_1").as_deref(), Some("GET, PATCH"));
        assert_eq!(addresses.allowed("/v1/nothing"), None);
        assert_eq!(addresses.allowed("/v1/accounts/"), None);
    }
}

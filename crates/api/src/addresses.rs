//! The addresses of the interface, and of those who ask.

use crate::State;
use actix_web::HttpRequest;
use std::net::IpAddr;
use utoipa::openapi::{OpenApi, PathItem};

/// Every documented path with its methods.
#[derive(Debug)]
pub(crate) struct Addresses(Vec<(Vec<String>, Vec<&'static str>)>);

impl Addresses {
    /// Those of the document.
    pub(crate) fn of(document: &OpenApi) -> Self {
        let split = |path: &String| path.split('/').map(str::to_owned).collect();
        Self(document.paths.paths.iter().map(|(path, item)| (split(path), methods(item))).collect())
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
            .0
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

fn methods(item: &PathItem) -> Vec<&'static str> {
    let all = [
        (item.get.is_some(), "GET"),
        (item.put.is_some(), "PUT"),
        (item.post.is_some(), "POST"),
        (item.patch.is_some(), "PATCH"),
        (item.delete.is_some(), "DELETE"),
    ];
    all.into_iter().filter(|(is_there, _)| *is_there).map(|(_, name)| name).collect()
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

//! The addresses of the interface.

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_knows_its_methods() {
        let addresses = Addresses::of(&crate::openapi::document());
        assert_eq!(addresses.allowed("/v1/accounts").as_deref(), Some("GET, POST"));
        assert_eq!(addresses.allowed("/v1/accounts/acct_1").as_deref(), Some("GET, PATCH"));
        assert_eq!(addresses.allowed("/v1/nothing"), None);
        assert_eq!(addresses.allowed("/v1/accounts/"), None);
    }
}

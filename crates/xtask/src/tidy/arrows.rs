//! Which crate may use which: decisions are pure, SQL is in one crate, HTTP in one, typst in one leaf.

use serde_json::Value;

const PURE: &[&str] = &[
    "vocab",
    "rating",
    "metering",
    "meterdata",
    "billing",
    "payments",
    "notifications",
    "invoicing",
    "access",
    "proof",
];

/// Each crate of the house with those it may use. `testkit` may be a development dependency of any.
const ARROWS: &[(&str, &[&[&str]])] = &[
    ("vocab", &[]),
    ("rating", &[&["vocab"]]),
    ("metering", &[&["vocab"]]),
    ("meterdata", &[&["vocab"]]),
    ("payments", &[&["vocab"]]),
    ("notifications", &[&["vocab"]]),
    ("invoicing", &[&["vocab"]]),
    ("access", &[&["vocab"]]),
    ("proof", &[&["vocab"]]),
    ("billing", &[&["vocab", "rating", "metering"]]),
    ("connectors", &[&["vocab", "payments", "notifications", "invoicing"]]),
    ("store", &[PURE]),
    ("app", &[PURE, &["connectors", "store"]]),
    // Rows of the store are read models to the API; it calls no query.
    ("api", &[&["vocab", "access", "app", "store"]]),
    ("penstock", &[PURE, &["connectors", "store", "app", "api"]]),
    ("render", &[]),
    // Development only: other people's rated cases through the engine.
    ("cases", &[&["vocab", "rating"]]),
    ("xtask", &[]),
    ("testkit", &[PURE, &["connectors", "store", "app", "api"]]),
    // The engine beside the bills that it made.
    ("e2e", &[&["vocab", "rating", "testkit"]]),
];

/// Foreign crates (by the start of their names) with the only ones that may use them.
const LEAVES: &[(&str, &[&str])] = &[
    // The harness plants rows that no query writes.
    ("diesel", &["store", "testkit"]),
    ("r2d2", &["store"]),
    ("actix-web", &["api", "penstock"]),
    ("typst", &["render"]),
    ("lettre", &["connectors"]),
    ("object_store", &["connectors"]),
];

/// Lists the arrows that point the wrong way in `cargo metadata`'s answer.
pub fn check(metadata: &Value) -> Vec<String> {
    let packages = metadata["packages"].as_array().map(Vec::as_slice).unwrap_or_default();
    packages.iter().flat_map(check_package).collect()
}

fn check_package(package: &Value) -> Vec<String> {
    let user = package["name"].as_str().unwrap_or_default();
    let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == user) else {
        return vec![format!("crate {user} has no place in the table of arrows")];
    };
    let dependencies = package["dependencies"].as_array().map(Vec::as_slice).unwrap_or_default();
    dependencies.iter().filter_map(|dependency| check_dependency(user, allowed, dependency)).collect()
}

fn check_dependency(user: &str, allowed: &[&[&str]], dependency: &Value) -> Option<String> {
    let used = dependency["name"].as_str().unwrap_or_default();
    let is_ours = !dependency["path"].is_null();
    if is_ours {
        // The harness, and the verifier that rated lines are proven against.
        let is_harness = matches!(used, "testkit" | "proof") && dependency["kind"] == "dev";
        return (!is_harness && !allowed.iter().any(|group| group.contains(&used)))
            .then(|| format!("crate {user} may not use {used}"));
    }
    let (_, users) = LEAVES.iter().find(|(name, _)| used.starts_with(name))?;
    // Column types for the house's words, behind a feature.
    let is_feature = user == "vocab" && used == "diesel" && dependency["optional"] == true;
    (!is_feature && !users.contains(&user))
        .then(|| format!("crate {user} may not use {used}: only {}", users.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn wrong(user: &str, dependency: &Value) -> Vec<String> {
        check(&json!({ "packages": [{ "name": user, "dependencies": [dependency] }] }))
    }

    fn ours(name: &str, kind: Option<&str>) -> Value {
        json!({ "name": name, "path": format!("/x/{name}"), "kind": kind, "optional": false })
    }

    fn foreign(name: &str, is_optional: bool) -> Value {
        json!({ "name": name, "path": null, "kind": null, "optional": is_optional })
    }

    #[test]
    fn arrows_point_down() {
        assert!(wrong("billing", &ours("rating", None)).is_empty());
        assert_eq!(wrong("rating", &ours("billing", None)), ["crate rating may not use billing"]);
        assert_eq!(wrong("api", &ours("render", None)).len(), 1);
        assert_eq!(wrong("penstock", &ours("render", None)).len(), 1);
        assert_eq!(wrong("stranger", &ours("vocab", None)).len(), 1);
    }

    #[test]
    fn the_harness_is_for_tests_only() {
        assert!(wrong("store", &ours("testkit", Some("dev"))).is_empty());
        assert_eq!(wrong("store", &ours("testkit", None)).len(), 1);
    }

    #[test]
    fn sql_http_and_typst_have_one_home_each() {
        assert!(wrong("store", &foreign("diesel", false)).is_empty());
        assert!(wrong("vocab", &foreign("diesel", true)).is_empty());
        for (user, used) in [
            ("vocab", "diesel"),
            ("app", "diesel_migrations"),
            ("app", "actix-web"),
            ("invoicing", "typst-pdf"),
        ] {
            assert_eq!(wrong(user, &foreign(used, false)).len(), 1, "{user} {used}");
        }
    }
}

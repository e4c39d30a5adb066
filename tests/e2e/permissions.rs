//! Every route × every role, read off the published document: without a token 401, without the
//! permission 403 that names it, with it anything but these two.

use e2e::town::Town;
use e2e::{Client, Program};
use serde_json::{Value, json};

/// Routes that nobody needs to sign in for.
const OPEN: &[&str] = &[
    "POST /v1/auth/token",
    "POST /v1/auth/sign-out",
    "GET /v1/health",
    "GET /v1/ready",
    "GET /v1/error-codes",
    "POST /v1/portal/look-up",
    "POST /v1/gateways/stripe/webhook",
];

/// A path with ids of nothing in it.
fn filled(path: &str) -> String {
    path.split('/')
        .map(|part| if part.starts_with('{') { "none_0" } else { part })
        .collect::<Vec<_>>()
        .join("/")
}

fn ask(client: &Client, method: &str, path: &str) -> e2e::Reply {
    match method {
        "get" => client.get(path),
        "put" => client.put(path, &json!({}), Some("\"1\"")),
        "patch" => client.patch(path, &json!({}), "\"1\""),
        "delete" => client.delete(path),
        _ => client.post(path, &json!({})),
    }
}

#[test]
fn every_route_asks_for_its_permission() {
    let program = Program::serve(0);
    let admin = program.admin();
    Town::found(&admin, &["north"], "2026-02-02T15:00:00Z");
    let document = Client::anonymous(&program.url).get("/openapi.json").ok();
    let roles = ["viewer", "clerk", "manager", "admin", "integration"];
    let people: Vec<(&str, Client)> = roles
        .iter()
        .map(|role| {
            let email = format!("{role}.one@example.org");
            let user =
                json!({ "email": email, "name": role, "password": "a long enough password", "role": role });
            admin.post("/v1/users", &user).ok();
            (*role, Client::sign_in(&program.url, &email, "a long enough password"))
        })
        .collect();
    let nobody = Client::anonymous(&program.url);
    let mut walked = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let route = format!("{} {path}", method.to_uppercase());
            let Some(permission) = operation["x-permission"].as_str() else {
                assert!(OPEN.contains(&route.as_str()), "{route} names no permission");
                continue;
            };
            let description = operation["description"].as_str().unwrap();
            let path = filled(path);
            assert_eq!(ask(&nobody, method, &path).status, 401, "{route}");
            for (role, client) in &people {
                let reply = ask(client, method, &path);
                let listed = description.split("(roles: ").nth(1).unwrap().split(')').next().unwrap();
                if listed.split(", ").any(|one| one == *role) {
                    assert!(![401, 403].contains(&reply.status), "{role} {route}: {:#}", reply.body);
                    assert!(reply.status < 500 || reply.status == 503, "{role} {route}: {:#}", reply.body);
                } else {
                    let body: Value = reply.refused(403, "forbidden");
                    assert_eq!(body["params"]["permission"], permission, "{role} {route}");
                }
            }
            walked += 1;
        }
    }
    assert!(walked > 80, "{walked}");
}

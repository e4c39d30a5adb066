//! Bad input is refused with a reason and changes nothing.

use e2e::town::Town;
use e2e::{Client, Program};
use serde_json::json;

#[test]
fn a_text_that_cannot_be_stored_is_refused_not_a_fault() {
    let program = Program::serve(0);
    let admin = program.admin();
    Town::found(&admin, &["north"], "2026-02-02T15:00:00Z");
    let persons = json!({ "name": "Ana\u{0}Reyes", "language": "en" });
    admin.post("/v1/persons", &persons).refused(422, "invalid");
    // The same in a search.
    let reply = admin.get("/v1/accounts?q=%00");
    assert!((400..500).contains(&reply.status) || reply.status == 200, "{}", reply.status);
    assert_eq!(admin.get("/v1/accounts").ok()["items"], json!([]));
}

#[test]
fn a_problem_points_at_the_description_of_its_code() {
    let program = Program::serve(0);
    let nobody = Client::anonymous(&program.url);
    let problem = nobody.get("/v1/accounts").refused(401, "unauthenticated");
    let (page, anchor) = problem["type"].as_str().unwrap().split_once('#').unwrap();
    let html = String::from_utf8(nobody.download(page)).unwrap();
    assert!(html.starts_with("<!doctype html>") && html.contains(&format!("id=\"{anchor}\"")), "{html}");
    let codes = nobody.get("/v1/error-codes").ok();
    for code in codes["items"].as_array().unwrap() {
        assert!(html.contains(&format!("id=\"{}\"", code["code"].as_str().unwrap())), "{code}");
    }
    // The rest of the documentation is where it was.
    let docs = String::from_utf8(nobody.download("/docs/")).unwrap();
    assert!(docs.contains("swagger"), "{docs}");
}

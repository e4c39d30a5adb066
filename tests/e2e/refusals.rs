//! Bad input is refused with a reason and changes nothing.

use e2e::Program;
use e2e::town::Town;
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

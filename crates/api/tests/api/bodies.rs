//! What clients send: of any length, at any speed.

use crate::server::serve;
use app::staff::NewApiClient;
use testkit::TestDatabase;
use vocab::Role;

#[test]
fn a_long_query_is_part_of_what_is_asked_once_not_of_its_key() {
    let database = TestDatabase::create().unwrap();
    database.lay_ground().unwrap();
    serve(&database, |served| {
        let token = served.admin();
        let caller = app::Caller { principal: served.app.authenticate(&token).unwrap(), request_id: None };
        let new =
            NewApiClient { name: "AMI".to_owned(), role: Role::Integration, sites: access::SiteScope::All };
        let id = served.app.register_client(&caller, new).unwrap().0.id;
        let noise = testkit::noise(20_000);
        let path = format!("/v1/api-clients/{id}/withdraw");
        let ask = |query: &str| {
            served.ask(&token, &["POST", &format!("{path}?x={query}"), "Idempotency-Key: withdraw-1"], "")
        };
        let first = ask(&noise);
        assert_eq!(first.0, 200, "{}", first.2);
        assert_eq!(ask(&noise).2, first.2);
        let other = ask("1");
        assert!(other.0 == 422 && other.2.contains("idempotency_key_reused"), "{}", other.2);
    });
}

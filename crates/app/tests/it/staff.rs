//! Who may appoint, change and withdraw whom.

use crate::office::{Office, pointers, refused};
use access::SiteScope;
use app::staff::{NewApiClient, NewUser, UserChanges};
use store::access::{ApiClient, User};
use vocab::{Code, Role, SiteId};

fn only(site: i64) -> SiteScope {
    [SiteId(site)].into_iter().collect()
}

fn user(office: &Office, email: &str, sites: SiteScope) -> User {
    let new = NewUser {
        email: email.to_owned(),
        name: "Somebody".to_owned(),
        password: "a long enough password".to_owned(),
        role: Role::Admin,
        sites,
    };
    office.tx(|tx| app::staff::appoint(tx, &office.caller, new)).unwrap()
}

fn client(office: &Office, name: &str, sites: SiteScope) -> ApiClient {
    let new = NewApiClient { name: name.to_owned(), role: Role::Integration, sites };
    office.app.register_client(&office.caller, new).unwrap().0
}

#[test]
fn an_admin_of_one_site_cannot_take_over_who_has_more() {
    let office = Office::open();
    let north = office.clerk_of(&[SiteId(1)]);
    let password =
        || UserChanges { password: Some("taken over, long enough".to_owned()), ..Default::default() };
    for (email, sites) in [("all@example.org", SiteScope::All), ("south@example.org", only(2))] {
        let user = user(&office, email, sites);
        let problem = refused(office.app.change_user(&north, user.id, user.version, password()));
        assert_eq!(problem.code, Code::NotFound, "{email}");
        let unchanged = office.app.user(user.id).unwrap();
        assert_eq!((unchanged.version, unchanged.password_hash), (user.version, user.password_hash));
    }
    let own = user(&office, "north@example.org", only(1));
    assert_eq!(office.app.change_user(&north, own.id, own.version, password()).unwrap().version, 2);
}

#[test]
fn an_admin_of_one_site_withdraws_only_programs_within_it() {
    let office = Office::open();
    let north = office.clerk_of(&[SiteId(1)]);
    for (name, sites) in [("everywhere", SiteScope::All), ("south", only(2))] {
        let client = client(&office, name, sites);
        let problem = refused(office.tx(|tx| app::staff::withdraw_client(tx, &north, client.id)));
        assert_eq!(problem.code, Code::NotFound);
        let kept = office.tx(|tx| Ok(store::access::api_client(tx, client.id)?)).unwrap();
        assert!(kept.unwrap().active);
    }
    let own = client(&office, "north", only(1));
    assert!(!office.tx(|tx| app::staff::withdraw_client(tx, &north, own.id)).unwrap().active);
    assert!(!office.tx(|tx| Ok(store::access::api_client(tx, own.id)?)).unwrap().unwrap().active);
}

#[test]
fn overlong_names_of_staff_and_programs_are_refused_by_their_field() {
    let office = Office::open();
    let new = |email: String, name: String| NewUser {
        email,
        name,
        password: "a long enough password".to_owned(),
        role: Role::Clerk,
        sites: SiteScope::All,
    };
    let long = "x".repeat(300);
    for (new, pointer) in [
        (new(format!("{long}@example.org"), "Xavier".to_owned()), "/email"),
        (new("x@example.org".to_owned(), long.clone()), "/name"),
    ] {
        let outcome = office.tx(|tx| app::staff::appoint(tx, &office.caller, new));
        assert_eq!(pointers(&refused(outcome)), [pointer]);
    }
    let new = NewApiClient { name: long, role: Role::Integration, sites: SiteScope::All };
    let outcome = office.app.register_client(&office.caller, new);
    assert_eq!(pointers(&refused(outcome)), ["/name"]);
}

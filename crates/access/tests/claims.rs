//! The checks of a token, one edge at a time.

use access::{Actor, Claims, Expected, Principal, Rejected, SessionId, SiteScope, TokenTerms, TokenUse};
use time::OffsetDateTime;
use vocab::{ApiClientId, Code, Problem, Role, SiteId, UserId};

const ISSUED_S: i64 = 1_780_000_000;

fn at(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::UNIX_EPOCH + time::Duration::seconds(seconds)
}

fn principal() -> Principal {
    Principal {
        actor: Actor::User(UserId(7)),
        role: Role::Clerk,
        sites: [SiteId(1), SiteId(2)].into_iter().collect(),
        session: Some(SessionId("family-1".into())),
    }
}

fn claims() -> Claims {
    let terms = TokenTerms {
        issuer: "https://billing.example".into(),
        audience: "penstock".into(),
        token_id: "t-1".into(),
        issued_at: at(ISSUED_S),
        lifetime_s: 900,
    };
    Claims::access(&principal(), "Ada Clerk", terms)
}

fn expected() -> Expected {
    Expected {
        issuer: "https://billing.example".into(),
        audience: "penstock".into(),
        token_use: TokenUse::Access,
        leeway_s: 0,
        lifetime_s_max: 900,
    }
}

#[test]
fn a_good_token_gives_its_principal_from_the_first_to_the_last_second() {
    for second in [ISSUED_S, ISSUED_S + 1, ISSUED_S + 899] {
        assert_eq!(claims().check(at(second), &expected()), Ok(principal()), "{second}");
    }
    let last_instant = at(ISSUED_S + 899) + time::Duration::nanoseconds(999_999_999);
    assert_eq!(claims().check(last_instant, &expected()), Ok(principal()));
    assert_eq!(claims().check(at(ISSUED_S + 900), &expected()), Err(Rejected::Expired));
    assert_eq!(claims().check(at(ISSUED_S - 1), &expected()), Err(Rejected::NotYetValid));
}

#[test]
fn leeway_moves_both_edges() {
    let expected = Expected { leeway_s: 30, ..expected() };
    assert!(claims().check(at(ISSUED_S + 929), &expected).is_ok());
    assert_eq!(claims().check(at(ISSUED_S + 930), &expected), Err(Rejected::Expired));
    assert!(claims().check(at(ISSUED_S - 30), &expected).is_ok());
    assert_eq!(claims().check(at(ISSUED_S - 31), &expected), Err(Rejected::NotYetValid));
}

#[test]
fn each_claim_is_looked_at() {
    type Change = fn(&mut Claims);
    let table: [(Change, Rejected); 10] = [
        (|c| c.iss = "https://evil.example".into(), Rejected::Issuer),
        (|c| c.iss.push('/'), Rejected::Issuer),
        (|c| c.aud = vec![], Rejected::Audience),
        (|c| c.aud = vec!["other".into()], Rejected::Audience),
        (|c| c.token_use = TokenUse::SignInLink, Rejected::Use),
        (|c| c.exp = i64::MIN, Rejected::Expired),
        (|c| c.nbf = ISSUED_S + 2, Rejected::NotYetValid),
        (|c| c.iat = i64::MAX, Rejected::NotYetValid),
        (|c| c.exp = i64::MAX, Rejected::Lifetime),
        (|c| c.iat = i64::MIN, Rejected::Lifetime),
    ];
    for (place, (change, rejected)) in table.into_iter().enumerate() {
        let mut changed = claims();
        change(&mut changed);
        assert_eq!(changed.check(at(ISSUED_S + 1), &expected()), Err(rejected), "row {place}");
        assert_eq!(Problem::from(rejected).code, Code::Unauthenticated);
    }
}

#[test]
fn claims_travel_as_json() {
    let mut claims = claims();
    let json = serde_json::to_value(&claims).unwrap();
    assert_eq!(json["aud"], "penstock");
    assert_eq!(json["token_use"], "access");
    assert_eq!(json["exp"], ISSUED_S + 900);
    assert_eq!(serde_json::from_value::<Claims>(json.clone()).unwrap(), claims);

    claims.aud.push("second".into());
    claims.sub = Actor::ApiClient(ApiClientId(3));
    claims.sid = None;
    claims.sites = SiteScope::All;
    let text = serde_json::to_string(&claims).unwrap();
    assert_eq!(serde_json::from_str::<Claims>(&text).unwrap(), claims);

    for (claim, wrong) in [
        ("exp", serde_json::json!(1.5)),
        ("exp", serde_json::json!("1780000900")),
        ("role", serde_json::json!("root")),
        ("sub", serde_json::json!("acct_10")),
        ("sites", serde_json::json!(null)),
        ("token_use", serde_json::json!("refresh")),
    ] {
        let mut json = json.clone();
        json[claim] = wrong;
        assert!(serde_json::from_value::<Claims>(json).is_err(), "{claim}");
    }
}

//! Proposals to bill again: one open per register and day, decided once, in the words of the table.

use store::rebill_proposals::{RebillProposal, decide, find, insert};
use store::{Db, Error};
use testkit::TestDatabase;
use time::macros::{date, datetime};
use vocab::{AccountId, RebillKind, RebillProposalId, RebillState, ServicePointId};

const POINT: ServicePointId = ServicePointId(5);

fn proposal(id: i64) -> RebillProposal {
    RebillProposal {
        service_point_id: POINT,
        id,
        register_id: 8,
        read_id: id,
        read_on: date!(2026 - 01 - 31),
        kind: RebillKind::LateActual,
        account_ids: vec![AccountId(40)],
        contract_ids: vec![41],
        from_on: date!(2026 - 01 - 01),
        through_on: date!(2026 - 01 - 31),
        against_on: None,
        against_value: None,
        against_quality: None,
        state: RebillState::Open,
        created_by: "user_1".to_owned(),
        created_at: datetime!(2026-02-03 12:00 UTC),
        decided_by: None,
        decided_at: None,
        decided_reason: None,
    }
}

#[test]
fn a_proposal_is_decided_once_and_gives_way_to_the_next() {
    let database = TestDatabase::create().unwrap();
    let db = Db::connect(database.url(), 2).unwrap();
    let id = |n| RebillProposalId::new(POINT, n);
    db.tx(|tx| {
        insert(tx, vec![proposal(1)], "user_1")?;
        insert(tx, vec![proposal(2)], "user_2")?;
        let first = find(tx, id(1))?.unwrap();
        assert_eq!((first.state, first.decided_by.as_deref()), (RebillState::Withdrawn, Some("user_2")));
        assert!(!decide(tx, id(1), RebillState::Dismissed, "user_1", "late")?);
        assert!(decide(tx, id(2), RebillState::Dismissed, "user_1", "no")?);
        assert!(!decide(tx, id(2), RebillState::Withdrawn, "user_1", "again")?);
        assert_eq!(find(tx, id(2))?.unwrap().decided_reason.as_deref(), Some("no"));
        Ok::<_, Error>(())
    })
    .unwrap();
    // The words of the table are those of the column, and only what is open is undecided.
    for (n, &state) in (10..).zip(RebillState::ALL) {
        let undecided = db.tx(|tx| insert(tx, vec![RebillProposal { state, ..proposal(n) }], "user_1"));
        assert_eq!(undecided.is_ok(), state == RebillState::Open, "{state}");
        let decided = RebillProposal {
            state,
            decided_by: Some("user_1".to_owned()),
            decided_at: Some(datetime!(2026-02-03 12:00 UTC)),
            decided_reason: Some("why".to_owned()),
            ..proposal(n + 10)
        };
        let decided = db.tx(|tx| insert(tx, vec![decided], "user_1"));
        assert_eq!(decided.is_ok(), state != RebillState::Open, "{state}");
    }
    for (n, &kind) in (30..).zip(RebillKind::ALL) {
        db.tx(|tx| insert(tx, vec![RebillProposal { kind, ..proposal(n) }], "user_1")).unwrap();
    }
    // Two open ones at once, or two of one read, are not kept.
    assert!(db.tx(|tx| insert(tx, vec![proposal(50), proposal(51)], "user_1")).is_err());
    assert!(db.tx(|tx| insert(tx, vec![proposal(30)], "user_1")).is_err());
}

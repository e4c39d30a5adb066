//! The ledger: balances follow transactions, open items follow joins.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use billing::{FtOrigin, PostingDates, adjustment_ft, payment_ft};
use payments::allocation::Join;
use store::{Db, Error, Tx, ledger};
use testkit::TestDatabase;
use time::macros::{date, datetime};
use vocab::{AccountId, AccountNumber, BillId, FtId, FtKind, GlAccountId, Money};

const ANA: AccountId = AccountId(1);
const BEN: AccountId = AccountId(2);

fn cents(minor: i64) -> Money {
    Money::from_minor(minor)
}

fn database() -> (TestDatabase, Db) {
    let database = TestDatabase::create().unwrap();
    database.lay_ground().unwrap();
    for id in [ANA, BEN] {
        let number = AccountNumber::from_random(id.0.unsigned_abs()).as_i64();
        database
            .execute(&format!(
                "INSERT INTO accounts (account_id, number, cycle_id, site_id, class_code, language, delivery, state, \
                   opened_on, current_minor, payoff_minor, last_bill_ending_minor, autopay_failures, version) \
                 VALUES ({}, {number}, 1, 1, 'residential', 'en', 'post', 'active', '2026-01-01', 0, 0, 0, 0, 1)",
                id.0
            ))
            .unwrap();
    }
    let db = Db::connect(database.url(), 2).unwrap();
    (database, db)
}

fn dates(hour: u8) -> PostingDates {
    PostingDates {
        accounting_on: date!(2026 - 02 - 10),
        effective_on: date!(2026 - 02 - 09),
        posted_at: datetime!(2026-02-10 00:00 UTC).replace_hour(hour).unwrap(),
    }
}

fn charge(account: AccountId, n: i64, minor: i64) -> billing::Ft {
    let origin = FtOrigin { id: FtId::new(account, n), source: n + 100 };
    adjustment_ft(origin, cents(minor), GlAccountId(1), GlAccountId(4), dates(8)).unwrap()
}

fn paid(account: AccountId, n: i64, minor: i64) -> billing::Ft {
    let origin = FtOrigin { id: FtId::new(account, n), source: n + 100 };
    payment_ft(origin, cents(minor), GlAccountId(2), GlAccountId(1), dates(9)).unwrap()
}

fn tx<T>(db: &Db, work: impl FnOnce(&mut Tx<'_>) -> store::Result<T>) -> T {
    db.tx::<T, Error>(work).unwrap()
}

#[test]
fn balances_move_by_what_is_posted_and_read_back_the_same() {
    let (database, db) = database();
    let posted = [charge(ANA, 1, 4240), charge(ANA, 2, 111), charge(BEN, 3, 500), paid(ANA, 4, 2226)];
    tx(&db, |tx| ledger::post(tx, &posted));
    let balances = tx(&db, |tx| ledger::balances(tx, &[ANA, BEN]));
    assert_eq!(balances, [(ANA, cents(2125), cents(2125)), (BEN, cents(500), cents(500))]);
    let by_rows =
        database.number("SELECT sum(current_minor)::bigint AS n FROM fts WHERE account_id = 1").unwrap();
    assert_eq!(by_rows, 2125);

    let row = tx(&db, |tx| ledger::find_by_source(tx, ANA, FtKind::Payment, 104)).unwrap();
    assert_eq!((row.ft_id(), row.current_minor), (FtId::new(ANA, 4), cents(-2226)));
    assert_eq!(&row.posted().unwrap().journal, posted[3].journal());
    assert!(tx(&db, |tx| ledger::find(tx, FtId::new(BEN, 4))).is_none());
}

#[test]
fn a_chunk_by_copy_is_the_same_rows() {
    let (database, db) = database();
    let many: Vec<billing::Ft> =
        (1..=300).map(|n| charge(if n % 2 == 0 { ANA } else { BEN }, n, n)).collect();
    tx(&db, |tx| {
        ledger::copy(tx, &many)?;
        ledger::move_balances(tx, &[(ANA, cents(22650), cents(22650)), (BEN, cents(22500), cents(22500))])
    });
    let differs = "SELECT count(*) AS n FROM accounts a WHERE current_minor <> \
                   (SELECT sum(current_minor) FROM fts f WHERE f.account_id = a.account_id)";
    assert_eq!(database.number(differs).unwrap(), 0);
    assert_eq!(
        database.number("SELECT count(*) AS n FROM fts WHERE gl_minor[1] + gl_minor[2] <> 0").unwrap(),
        0
    );
}

#[test]
fn what_is_open_is_an_amount_less_its_live_joins() {
    let (_database, db) = database();
    tx(&db, |tx| {
        ledger::post(tx, &[charge(ANA, 1, 1000), charge(ANA, 2, 400), charge(BEN, 3, 50), paid(ANA, 4, 1200)])
    });
    let (one, two, pay) = (FtId::new(ANA, 1), FtId::new(ANA, 2), FtId::new(ANA, 4));
    let joins = [
        Join { credit: pay, debit: one, amount: cents(1000) },
        Join { credit: pay, debit: two, amount: cents(150) },
    ];
    tx(&db, |tx| ledger::allocate(tx, &joins));
    let open = |db: &Db| -> Vec<(FtId, i64)> {
        let open = tx(db, |tx| ledger::open_debits(tx, &[ANA, BEN]));
        open.into_iter().map(|debit| (debit.id, debit.open.minor())).collect()
    };
    assert_eq!(open(&db), [(two, 250), (FtId::new(BEN, 3), 50)]);
    let credits = tx(&db, |tx| ledger::open_credits(tx, &[ANA, BEN]));
    assert_eq!(credits.iter().map(|credit| (credit.id, credit.left)).collect::<Vec<_>>(), [(pay, cents(50))]);
    assert_eq!(tx(&db, |tx| ledger::joins_of_credit(tx, pay)), joins);
    assert_eq!(tx(&db, |tx| ledger::joins_of_debit(tx, two)), joins[1..]);

    assert_eq!(tx(&db, |tx| ledger::free_debit(tx, one)), joins[..1]);
    assert_eq!(open(&db), [(one, 1000), (two, 250), (FtId::new(BEN, 3), 50)]);
    assert_eq!(tx(&db, |tx| ledger::unapplied(tx, ANA)), cents(1050));
    assert_eq!(tx(&db, |tx| ledger::free_credit(tx, pay)), joins[1..]);
    assert_eq!(tx(&db, |tx| ledger::free_credit(tx, pay)), []);
    assert_eq!(tx(&db, |tx| ledger::unapplied(tx, ANA)), cents(1200));
    assert_eq!(tx(&db, |tx| ledger::unapplied(tx, BEN)), Money::ZERO);
}

#[test]
fn loose_transactions_leave_when_they_are_swept_and_take_the_bills_due_date() {
    let (database, db) = database();
    tx(&db, |tx| ledger::post(tx, &[charge(ANA, 1, 1000), charge(ANA, 2, 5), charge(BEN, 3, 50)]));
    let loose = |db: &Db| -> Vec<i64> {
        tx(db, |tx| ledger::loose(tx, &[ANA, BEN])).into_iter().map(|ft| ft.id.n).collect()
    };
    assert_eq!(loose(&db), [1, 2, 3]);
    database
        .execute(
            "INSERT INTO bills (account_id, id, number, state, bill_on, due_on, period_first_on, period_last_on, \
               previous_minor, swept_minor, new_minor, ending_minor, routings, completed_at, version) \
             VALUES (1, 77, 9, 'complete', '2026-02-12', '2026-03-04', '2026-01-01', '2026-01-31', 0, 1000, 0, 1000, \
               '[]', '2026-02-12T00:00Z', 1)",
        )
        .unwrap();
    tx(&db, |tx| ledger::sweep(tx, &[(FtId::new(ANA, 1), BillId::new(ANA, 77))]));
    assert_eq!(loose(&db), [2, 3]);
    let due: Vec<_> =
        tx(&db, |tx| ledger::open_debits(tx, &[ANA])).into_iter().map(|debit| debit.due_on).collect();
    assert_eq!(due, [Some(date!(2026 - 03 - 04)), None]);
}

#[test]
fn a_history_goes_back_page_by_page_with_the_balance_after_each_row() {
    let (_database, db) = database();
    tx(&db, |tx| {
        ledger::post(tx, &[paid(ANA, 1, 300), charge(ANA, 2, 1000), charge(ANA, 3, 11), charge(BEN, 4, 50)])
    });
    let mut seen = Vec::new();
    let mut cursor = None;
    loop {
        let page = tx(&db, |tx| ledger::history(tx, ANA, cursor.as_ref(), 2));
        seen.extend(
            page.items.iter().map(|row| (row.id, row.current_minor.minor(), row.balance_minor.minor())),
        );
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    // The payment was posted an hour after the charges.
    assert_eq!(seen, [(1, -300, 711), (3, 11, 1011), (2, 1000, 1000)]);
}

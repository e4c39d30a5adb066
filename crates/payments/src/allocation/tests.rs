use super::*;
use proptest::prelude::*;
use time::macros::date;
use vocab::AccountId;

fn ft(n: i64) -> FtId {
    FtId::new(AccountId(7), n)
}

fn cents(minor: i64) -> Money {
    Money::from_minor(minor)
}

fn debit(n: i64, due_on: Option<Date>, open: i64) -> OpenDebit {
    OpenDebit { id: ft(n), due_on, accounting_on: date!(2026 - 02 - 01), open: cents(open) }
}

#[test]
fn the_oldest_due_is_paid_first_and_the_excess_stays() {
    let debits = [
        debit(9, None, 500),
        debit(3, Some(date!(2026 - 03 - 20)), 4240),
        debit(2, Some(date!(2026 - 02 - 20)), 111),
    ];
    let paid = allocate(Policy::OldestFirst, &debits, cents(4351)).unwrap();
    assert_eq!(paid.rows, [(ft(2), cents(111)), (ft(3), cents(4240))]);
    assert_eq!(paid.unapplied, Money::ZERO);
    let more = allocate(Policy::OldestFirst, &debits, cents(5000)).unwrap();
    assert_eq!(more.rows.last(), Some(&(ft(9), cents(500))));
    assert_eq!(more.unapplied, cents(149));
}

#[test]
fn credits_are_used_in_their_own_order() {
    let debits = [debit(1, Some(date!(2026 - 02 - 20)), 1000)];
    let credit = |n, accounting_on, left| OpenCredit { id: ft(n), accounting_on, left: cents(left) };
    let credits = [credit(20, date!(2026 - 02 - 10), 900), credit(30, date!(2026 - 02 - 03), 300)];
    let applied = apply_credits(Policy::OldestFirst, &debits, &credits).unwrap();
    assert_eq!(
        applied.joins,
        [
            Join { credit: ft(30), debit: ft(1), amount: cents(300) },
            Join { credit: ft(20), debit: ft(1), amount: cents(700) },
        ]
    );
    assert_eq!(applied.left, [(ft(20), cents(200))]);
}

#[test]
fn a_cancelled_debit_frees_its_money_for_the_replacement_first() {
    let joins = [
        Join { credit: ft(20), debit: ft(1), amount: cents(2226) },
        Join { credit: ft(20), debit: ft(2), amount: cents(50) },
    ];
    let debits = [debit(5, Some(date!(2026 - 01 - 31)), 700), debit(8, None, 2000)];
    let dates = BTreeMap::from([(ft(20), date!(2026 - 02 - 10))]);
    let moved = reallocate(Policy::OldestFirst, ft(1), Some(ft(8)), &joins, &debits, &dates).unwrap();
    assert_eq!(moved.freed, [joins[0]]);
    assert_eq!(
        moved.applied.joins,
        [
            Join { credit: ft(20), debit: ft(8), amount: cents(2000) },
            Join { credit: ft(20), debit: ft(5), amount: cents(226) },
        ]
    );
    assert!(moved.applied.left.is_empty());
}

#[test]
fn nonsense_is_refused() {
    let one = debit(1, None, 100);
    let refused = |debits: &[OpenDebit], amount| allocate(Policy::OldestFirst, debits, cents(amount)).err();
    assert_eq!(refused(&[one], 0), Some(AllocationError::CreditNotPositive));
    assert_eq!(refused(&[one], -5), Some(AllocationError::CreditNotPositive));
    assert_eq!(refused(&[one, one], 5), Some(AllocationError::Twice(ft(1))));
    assert_eq!(refused(&[debit(4, None, -1)], 5), Some(AllocationError::Negative(ft(4))));
    let foreign = OpenDebit { id: FtId::new(AccountId(8), 2), ..one };
    assert_eq!(refused(&[one, foreign], 5), Some(AllocationError::OtherAccount(foreign.id)));
}

fn some_debits() -> impl Strategy<Value = Vec<OpenDebit>> {
    let row = (proptest::option::of(0_i64..400), 0_i64..400, 0_i64..100_000);
    proptest::collection::vec(row, 0..12).prop_map(|rows| {
        let day = |days| date!(2026 - 01 - 01) + time::Duration::days(days);
        let make = |(n, (due, accounting, open)): (usize, (Option<i64>, i64, i64))| OpenDebit {
            id: ft(i64::try_from(n).unwrap()),
            due_on: due.map(day),
            accounting_on: day(accounting),
            open: cents(open),
        };
        rows.into_iter().enumerate().map(make).collect()
    })
}

proptest! {
    #[test]
    fn no_cent_is_lost_and_nothing_is_paid_twice(debits in some_debits(), amount in 1_i64..1_000_000) {
        let paid = allocate(Policy::OldestFirst, &debits, cents(amount)).unwrap();
        let placed = Money::sum(paid.rows.iter().map(|row| row.1)).unwrap();
        prop_assert_eq!(placed.plus(paid.unapplied).unwrap(), cents(amount));
        for (id, part) in &paid.rows {
            let debit = debits.iter().find(|debit| debit.id == *id).unwrap();
            prop_assert!(part.is_positive() && *part <= debit.open);
        }
        let open = Money::sum(debits.iter().map(|debit| debit.open)).unwrap();
        prop_assert_eq!(placed, open.min(cents(amount)));
        let mut turned = debits;
        turned.reverse();
        prop_assert_eq!(allocate(Policy::OldestFirst, &turned, cents(amount)).unwrap(), paid);
    }

    #[test]
    fn several_credits_pay_what_one_of_their_sum_would(
        debits in some_debits(),
        amounts in proptest::collection::vec(1_i64..200_000, 1..8),
    ) {
        let credits: Vec<OpenCredit> = amounts.iter().zip(1000..).map(|(left, n)| OpenCredit {
            id: ft(n), accounting_on: date!(2026 - 02 - 01), left: cents(*left),
        }).collect();
        let applied = apply_credits(Policy::OldestFirst, &debits, &credits).unwrap();
        let one = allocate(Policy::OldestFirst, &debits, cents(amounts.iter().sum())).unwrap();
        let mut by_debit: BTreeMap<FtId, Money> = BTreeMap::new();
        for join in &applied.joins {
            let sum = by_debit.entry(join.debit).or_default();
            *sum = sum.plus(join.amount).unwrap();
        }
        prop_assert_eq!(by_debit, one.rows.into_iter().collect::<BTreeMap<_, _>>());
        prop_assert_eq!(Money::sum(applied.left.iter().map(|row| row.1)).unwrap(), one.unapplied);
    }
}

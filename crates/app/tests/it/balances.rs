//! Whole balances: moved between accounts, given up, and taken back.

use crate::bills::{Customer, Town, town};
use crate::office::refused;
use app::adjustments;
use app::balances::{self, NewTransfer, NewWriteOff};
use vocab::*;

fn type_for(town: &Town, code: &str, purpose: AdjustmentPurpose) -> AdjustmentTypeId {
    let (code, me) = (code.to_owned(), &town.office.caller);
    town.office
        .tx(|tx| app::ledger_setup::add_adjustment_type(tx, me, code.clone(), code, GlAccountId(4), purpose))
        .unwrap()
        .id
}

fn owed(town: &Town, account: AccountId) -> i64 {
    town.office.app.balance(&town.office.caller, account).unwrap().account.current_minor.minor()
}

fn to(account: AccountId, type_id: AdjustmentTypeId, minor: Option<i64>) -> NewTransfer {
    let amount = minor.map(Money::from_minor);
    NewTransfer { to: account, type_id, amount, reason: "moved house".to_owned(), client_reference: None }
}

#[test]
fn a_balance_moves_and_comes_back_as_one() {
    let town = town();
    let me = &town.office.caller;
    let (ana, ben): (Customer, Customer) = (town.customer("SP-1"), town.customer("SP-2"));
    let kind = type_for(&town, "transfer", AdjustmentPurpose::Transfer);
    town.adjust(ben.account, 30_00);
    town.pay(ana.account, 5_00);
    let transfer = |from: AccountId, new: NewTransfer| {
        town.office.app.db().tx(|tx| balances::transfer(tx, me, from, new.clone()))
    };
    // The debt goes against the lock order, and meets a credit.
    let (out, into) = transfer(ben.account, to(ana.account, kind, None)).unwrap();
    assert_eq!((owed(&town, ben.account), owed(&town, ana.account)), (0, 25_00));
    assert_eq!((out.amount_minor.minor(), into.amount_minor.minor()), (-30_00, 30_00));
    assert_eq!(out.other(), Some(AdjustmentId::new(into.account_id, into.id)));
    town.assert_verified();
    // Undone from either side.
    let id = AdjustmentId::new(into.account_id, into.id);
    town.office.tx(|tx| adjustments::cancel(tx, me, id, 1, "not theirs")).unwrap();
    assert_eq!((owed(&town, ben.account), owed(&town, ana.account)), (30_00, -5_00));
    let other = AdjustmentId::new(out.account_id, out.id);
    let again = town.office.app.db().tx(|tx| adjustments::cancel(tx, me, other, 2, "twice"));
    assert_eq!(refused(again).code, Code::WrongState);
    town.assert_verified();

    // A credit moves, too; what cannot be moved is refused by its field.
    transfer(ana.account, to(ben.account, kind, None)).unwrap();
    assert_eq!((owed(&town, ben.account), owed(&town, ana.account)), (25_00, 0));
    let pointer = |from, new| refused(transfer(from, new)).errors[0].pointer.clone();
    assert_eq!(pointer(ana.account, to(ben.account, kind, None)), "/amount");
    assert_eq!(pointer(ana.account, to(ana.account, kind, Some(100))), "/to_account_id");
    assert_eq!(pointer(ana.account, to(AccountId(999_999), kind, Some(100))), "/to_account_id");
    assert_eq!(pointer(ana.account, to(ben.account, AdjustmentTypeId(1), Some(100))), "/type_id");
    let alone = adjustments::NewAdjustment {
        type_id: kind,
        amount: Money::from_minor(100),
        effective_on: None,
        reason: "one side".to_owned(),
        client_reference: None,
    };
    let alone = town.office.app.db().tx(|tx| adjustments::post(tx, me, ana.account, alone));
    assert_eq!(refused(alone).errors[0].pointer, "/type_id");
    town.assert_verified();
}

#[test]
fn what_is_written_off_can_be_owed_again() {
    let town = town();
    let me = &town.office.caller;
    let ana = town.customer("SP-1");
    let kind = type_for(&town, "bad_debt", AdjustmentPurpose::WriteOff);
    let write_off = |minor: Option<i64>| {
        let amount = minor.map(Money::from_minor);
        let new = NewWriteOff { type_id: kind, amount, reason: "gone".to_owned(), client_reference: None };
        town.office.app.db().tx(|tx| balances::write_off(tx, me, ana.account, new))
    };
    assert_eq!(refused(write_off(None)).code, Code::AmountNotPositive);
    town.adjust(ana.account, 30_00);
    assert_eq!(refused(write_off(Some(30_01))).errors[0].pointer, "/amount");
    write_off(Some(10_00)).unwrap();
    let state = || town.office.app.account(me, ana.account).unwrap().account.state;
    town.office.execute("UPDATE accounts SET state = 'collections'");
    let rest = write_off(None).unwrap();
    assert_eq!((owed(&town, ana.account), state()), (0, AccountState::WrittenOff));
    town.assert_verified();
    let id = AdjustmentId::new(ana.account, rest.id);
    town.office.tx(|tx| adjustments::cancel(tx, me, id, 1, "found")).unwrap();
    assert_eq!((owed(&town, ana.account), state()), (20_00, AccountState::Final));
    town.assert_verified();
}

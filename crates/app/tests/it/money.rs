//! Adjustments, payments, suspense, methods, the resident's look-up and the dashboard.

use crate::ground::{Ground, cents, staff};
use access::SiteScope;
use app::adjustments::NewAdjustment;
use app::payment_methods::{Enrolment, NewMethod};
use app::payments::{NewPayment, Payee, Taken};
use app::portal::Standing;
use store::adjustments::Adjustment;
use store::payments::PaymentFilter;
use vocab::{
    AccountId, AdjustmentId, AdjustmentTypeId, Code, DrawRule, GatewayKind, PaymentId, PaymentMethodId,
    PaymentState, SiteId, TenderKind,
};

fn adjust(ground: &Ground, id: AccountId, minor: i64) -> app::Result<Adjustment> {
    let new = NewAdjustment {
        type_id: AdjustmentTypeId(1),
        amount: cents(minor),
        effective_on: None,
        reason: "by hand".to_owned(),
        client_reference: None,
    };
    ground.tx(|tx| app::adjustments::post(tx, &ground.caller, id, new))
}

fn payment(payee: Payee, minor: i64) -> NewPayment {
    NewPayment {
        payee,
        kind: TenderKind::Check,
        amount: cents(minor),
        received_on: None,
        reference: Some("1042".to_owned()),
        client_reference: None,
        allow_suspense: false,
    }
}

fn take(ground: &Ground, new: NewPayment) -> app::Result<Taken> {
    ground.tx(|tx| app::payments::take(tx, &ground.caller, new))
}

fn code(error: &app::Error) -> Code {
    let problem = error.problem();
    problem.errors.first().map_or(problem.code, |field| field.code)
}

fn open(ground: &Ground, id: AccountId) -> Vec<i64> {
    let debits = ground.tx(|tx| Ok(store::ledger::open_debits(tx, &[id])?)).unwrap();
    debits.iter().map(|debit| debit.open.minor()).collect()
}

#[test]
fn a_payment_pays_the_oldest_first_and_its_reversal_reopens_exactly_that() {
    let ground = Ground::new(|parts| parts);
    let id = ground.open_account();
    for minor in [2226, 111, 4240] {
        adjust(&ground, id, minor).unwrap();
    }
    let taken = take(&ground, payment(Payee::Account(id), 2300)).unwrap().payment.unwrap();
    assert_eq!(ground.balance(id), 2226 + 111 + 4240 - 2300);
    assert_eq!(open(&ground, id), [37, 4240]);

    // The receipt speaks Spanish and waits to be sent.
    let sent = "SELECT count(*) AS n FROM messages m JOIN deliveries d ON d.message_id = m.id WHERE m.kind = 'receipt' \
                AND m.language = 'es' AND d.state = 'approved' AND d.address = 'ana@example.org'";
    assert_eq!(ground.number(sent), 1);

    let payment_id = PaymentId::new(id, taken.id);
    let reversed =
        ground.tx(|tx| app::payments::reverse(tx, &ground.caller, payment_id, 1, "returned check")).unwrap();
    assert_eq!(reversed.state, PaymentState::Reversed);
    assert_eq!((ground.balance(id), open(&ground, id)), (6577, vec![2226, 111, 4240]));
    let again =
        ground.tx(|tx| app::payments::reverse(tx, &ground.caller, payment_id, 2, "again")).unwrap_err();
    assert_eq!(code(&again), Code::PaymentNotReversible);
    ground.assert_books_hold();
}

#[test]
fn what_is_paid_too_much_stays_as_credit_and_pays_what_comes() {
    let ground = Ground::new(|parts| parts);
    let id = ground.open_account();
    take(&ground, payment(Payee::Account(id), 5000)).unwrap();
    let balance = ground.app.balance(&ground.caller, id).unwrap();
    assert_eq!((balance.account.current_minor, balance.unapplied), (cents(-5000), cents(5000)));
    let fee = adjust(&ground, id, 1200).unwrap();
    adjust(&ground, id, 4300).unwrap();
    assert_eq!(open(&ground, id), [500]);

    // Cancelling the paid fee sets its money free for the other charge.
    let fee = AdjustmentId::new(id, fee.id);
    ground.tx(|tx| app::adjustments::cancel(tx, &ground.caller, fee, 1, "a mistake")).unwrap();
    assert_eq!((ground.balance(id), open(&ground, id)), (-700, vec![]));
    assert_eq!(ground.app.balance(&ground.caller, id).unwrap().unapplied, cents(700));
    let twice = ground.tx(|tx| app::adjustments::cancel(tx, &ground.caller, fee, 2, "again")).unwrap_err();
    assert_eq!(code(&twice), Code::WrongState);
    ground.assert_books_hold();
}

#[test]
fn a_credit_adjustment_pays_and_can_be_taken_back() {
    let ground = Ground::new(|parts| parts);
    let id = ground.open_account();
    adjust(&ground, id, 1000).unwrap();
    let credit = adjust(&ground, id, -400).unwrap();
    assert_eq!(open(&ground, id), [600]);
    let credit = AdjustmentId::new(id, credit.id);
    ground.tx(|tx| app::adjustments::cancel(tx, &ground.caller, credit, 1, "a mistake")).unwrap();
    assert_eq!((ground.balance(id), open(&ground, id)), (1000, vec![1000]));
    assert_eq!(code(&adjust(&ground, id, 0).unwrap_err()), Code::FieldRange);
    assert_eq!(code(&adjust(&ground, id, i64::MAX).unwrap_err()), Code::AmountTooLarge);
    ground.assert_books_hold();
}

#[test]
fn money_for_nobody_waits_in_suspense() {
    let ground = Ground::new(|parts| parts);
    let id = ground.open_account();
    let stray = || payment(Payee::Number("1234567890".to_owned()), 4351);
    assert_eq!(code(&take(&ground, stray()).unwrap_err()), Code::UnknownReference);
    let taken = take(&ground, NewPayment { allow_suspense: true, ..stray() }).unwrap();
    assert!(taken.payment.is_none());
    assert_eq!(ground.app.suspense(None, 10).unwrap().items.len(), 1);

    let apply = |amount| {
        ground.tx(|tx| app::payments::apply_suspense(tx, &ground.caller, taken.tender.id, id, amount))
    };
    assert_eq!(apply(Some(cents(1000))).unwrap().tender.suspense_minor, cents(3351));
    assert_eq!(code(&apply(Some(cents(3352))).unwrap_err()), Code::WrongState);
    let rest = apply(None).unwrap().payment.unwrap();
    assert_eq!(ground.balance(id), -4351);
    assert_eq!(code(&apply(None).unwrap_err()), Code::WrongState);
    assert!(ground.app.suspense(None, 10).unwrap().items.is_empty());

    // What came out of suspense goes back there.
    let rest = PaymentId::new(id, rest.id);
    ground.tx(|tx| app::payments::reverse(tx, &ground.caller, rest, 1, "not Ana's")).unwrap();
    assert_eq!(ground.app.suspense(None, 10).unwrap().items[0].suspense_minor, cents(3351));
    ground.assert_books_hold();
}

#[test]
fn a_client_reference_is_used_once_and_a_foreign_site_sees_nothing() {
    let ground = Ground::new(|parts| parts);
    let id = ground.open_account();
    let new = NewPayment { client_reference: Some("box-1".to_owned()), ..payment(Payee::Account(id), 100) };
    take(&ground, new.clone()).unwrap();
    assert_eq!(code(&take(&ground, new.clone()).unwrap_err()), Code::DuplicateReference);
    assert_eq!(code(&take(&ground, payment(Payee::Account(id), 0)).unwrap_err()), Code::AmountNotPositive);

    // The same of money that nobody is known for, whoever takes the reference first.
    let stray = |reference: &str| NewPayment {
        client_reference: Some(reference.to_owned()),
        allow_suspense: true,
        ..payment(Payee::Number("1234567890".to_owned()), 4351)
    };
    let kept = take(&ground, stray("box-2")).unwrap().tender.id;
    let again = take(&ground, stray("box-2")).unwrap_err().problem();
    assert_eq!((again.code, again.params), (Code::DuplicateReference, vec![("existing", kept.to_string())]));
    assert_eq!(code(&take(&ground, stray("box-1")).unwrap_err()), Code::DuplicateReference);
    let known = NewPayment { client_reference: Some("box-2".to_owned()), ..payment(Payee::Account(id), 1) };
    assert_eq!(code(&take(&ground, known).unwrap_err()), Code::DuplicateReference);
    assert_eq!(ground.number("SELECT count(*) AS n FROM tenders"), 2);
    let outcomes = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..4).map(|_| scope.spawn(|| take(&ground, stray("box-3")))).collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    for lost in outcomes.into_iter().filter_map(Result::err) {
        assert_eq!(code(&lost), Code::DuplicateReference);
    }

    let foreign = staff(SiteScope::Only([SiteId(2)].into_iter().collect()));
    let refused =
        ground.tx(|tx| app::payments::take(tx, &foreign, payment(Payee::Account(id), 1))).unwrap_err();
    assert_eq!(code(&refused), Code::NotFound);
    assert!(ground.app.payments(&foreign, PaymentFilter::default(), None, 10).unwrap().items.is_empty());
    assert_eq!(
        ground.app.payments(&ground.caller, PaymentFilter::default(), None, 10).unwrap().items.len(),
        1
    );
    assert_eq!(ground.app.dashboard(&foreign).unwrap().standing.accounts, 0);
}

#[test]
fn methods_are_tokens_and_autopay_needs_one_that_is_active() {
    let ground = Ground::new(|parts| parts);
    let id = ground.open_account();
    let store = |token: &str, label: &str| {
        let new = NewMethod {
            kind: TenderKind::Card,
            gateway: GatewayKind::Stripe,
            customer_token: None,
            method_token: token.to_owned(),
            label: label.to_owned(),
        };
        ground.tx(|tx| app::payment_methods::store_method(tx, &ground.caller, id, new))
    };
    for (token, label) in
        [("4242424242424242", "Visa"), ("pm_1", "4242 4242 4242 4242"), ("000123456789", "bank")]
    {
        assert_eq!(code(&store(token, label).unwrap_err()), Code::FieldFormat, "{token} {label}");
    }
    let method = store("pm_card_visa", "Visa ending 4242").unwrap();
    let method = PaymentMethodId::new(id, method.id);
    let new =
        Enrolment { method, rule: DrawRule::DaysBefore, days_before: Some(5), maximum: Some(cents(20000)) };
    let account = ground.app.enrol_in_autopay(&ground.caller, id, 1, &new).unwrap();
    assert_eq!((account.autopay_method_id, account.version), (Some(method.n), 2));
    let stale = ground.app.enrol_in_autopay(&ground.caller, id, 1, &new).unwrap_err();
    assert_eq!(code(&stale), Code::EtagMismatch);
    assert_eq!(ground.app.dashboard(&ground.caller).unwrap().standing.autopay, 1);

    ground.app.switch_off_method(&ground.caller, method, 1).unwrap();
    let account = ground.app.account(&ground.caller, id).unwrap().account;
    assert_eq!(account.autopay_method_id, None);
    let refused = ground.app.enrol_in_autopay(&ground.caller, id, account.version, &new).unwrap_err();
    assert_eq!(code(&refused), Code::UnknownReference);
}

#[test]
fn a_look_up_tells_three_things_and_nothing_of_what_is_not_to_be_shown() {
    let ground = Ground::new(|parts| parts);
    let id = ground.open_account();
    adjust(&ground, id, 4351).unwrap();
    let number = ground.app.account(&ground.caller, id).unwrap().account.number.to_string();
    let found = ground.app.portal_look_up(&number).unwrap();
    assert_eq!((found.balance, found.due_on, found.standing), (cents(4351), None, Standing::Due));
    ground.database.execute("UPDATE accounts SET state = 'closed'").unwrap();
    let closed = ground.app.portal_look_up(&number).unwrap_err().problem();
    for text in ["1234567890", "1000000009", "", "' OR 1=1", "no number"] {
        assert_eq!(ground.app.portal_look_up(text).unwrap_err().problem(), closed, "{text}");
    }
}

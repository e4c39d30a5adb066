//! What every gateway behind the port must do.

use crate::{look_up_of, request};
use payments::gateway::{
    ChargeOutcome, Gateway, LookUp, LookUpRequest, Reference, RefundOutcome, RefundRequest,
};
use vocab::Money;

/// The gateway under test and what it knows.
pub struct Subject<'a> {
    pub gateway: &'a dyn Gateway,
    /// A customer's token.
    pub customer: String,
    /// A payment method that succeeds.
    pub good: &'a str,
    /// One that is declined at once.
    pub bad: &'a str,
    /// Whether the same key twice is one charge: a look-alike may not know keys.
    pub honours_keys: bool,
}

pub fn holds(subject: &Subject<'_>) {
    a_charge_succeeds_and_is_found(subject);
    a_decline_is_told_and_found(subject);
    what_was_never_charged_is_not_found(subject);
    money_goes_back(subject);
    a_refused_refund_is_told(subject);
    if subject.honours_keys {
        the_same_key_charges_once(subject);
    }
}

fn succeed(subject: &Subject<'_>, key: &str, minor: i64) -> Reference {
    let outcome = subject.gateway.charge(&request(key, minor, &subject.customer, subject.good));
    let ChargeOutcome::Succeeded { reference } = outcome else { panic!("{outcome:?}") };
    reference
}

fn a_charge_succeeds_and_is_found(subject: &Subject<'_>) {
    let charged = request("c-good", 4351, &subject.customer, subject.good);
    let reference = succeed(subject, "c-good", 4351);
    let by_key = look_up_of(&charged);
    let by_reference = LookUpRequest { reference: Some(reference.clone()), ..by_key.clone() };
    let expected = LookUp::Found(ChargeOutcome::Succeeded { reference });
    assert_eq!(subject.gateway.look_up(&by_key), expected);
    assert_eq!(subject.gateway.look_up(&by_reference), expected);
}

fn a_decline_is_told_and_found(subject: &Subject<'_>) {
    let charge = request("c-bad", 4352, &subject.customer, subject.bad);
    let outcome = subject.gateway.charge(&charge);
    let ChargeOutcome::Declined(declined) = outcome else { panic!("{outcome:?}") };
    assert_eq!(declined.reason, "card_declined");
    assert!(!declined.message.is_empty());
    let found = subject.gateway.look_up(&look_up_of(&charge));
    let LookUp::Found(ChargeOutcome::Declined(later)) = found else { panic!("{found:?}") };
    assert_eq!((later.reason, later.kind), (declined.reason, declined.kind));
}

fn what_was_never_charged_is_not_found(subject: &Subject<'_>) {
    let never = request("c-never", 100, &subject.customer, subject.good);
    assert_eq!(subject.gateway.look_up(&look_up_of(&never)), LookUp::NotFound);
    let strange = LookUpRequest { reference: Some(Reference("pi_never".to_owned())), ..look_up_of(&never) };
    let found = subject.gateway.look_up(&strange);
    assert!(matches!(found, LookUp::StillUnknown { .. }), "{found:?}");
}

fn money_goes_back(subject: &Subject<'_>) {
    let reference = succeed(subject, "c-back", 900);
    let refund = RefundRequest { key: "r-back".parse().unwrap(), reference, amount: Money::from_minor(400) };
    let outcome = subject.gateway.refund(&refund);
    assert!(matches!(outcome, RefundOutcome::Succeeded { .. }), "{outcome:?}");
}

fn a_refused_refund_is_told(subject: &Subject<'_>) {
    let refund = RefundRequest {
        key: "r-none".parse().unwrap(),
        reference: Reference("pi_never".to_owned()),
        amount: Money::from_minor(400),
    };
    let outcome = subject.gateway.refund(&refund);
    assert!(matches!(outcome, RefundOutcome::Refused { .. }), "{outcome:?}");
}

fn the_same_key_charges_once(subject: &Subject<'_>) {
    let first = succeed(subject, "c-twice", 700);
    assert_eq!(succeed(subject, "c-twice", 700), first);
    let other = subject.gateway.charge(&request("c-twice", 701, &subject.customer, subject.good));
    assert!(matches!(other, ChargeOutcome::Unknown { .. }), "{other:?}");
    let refund =
        RefundRequest { key: "r-twice".parse().unwrap(), reference: first, amount: Money::from_minor(700) };
    let given = subject.gateway.refund(&refund);
    assert!(matches!(given, RefundOutcome::Succeeded { .. }), "{given:?}");
    assert_eq!(subject.gateway.refund(&refund), given);
    let again = RefundRequest { key: "r-more".parse().unwrap(), ..refund };
    let refused = subject.gateway.refund(&again);
    assert!(matches!(refused, RefundOutcome::Refused { .. }), "{refused:?}");
}

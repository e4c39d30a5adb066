//! How drafts came about, also what they leave out.

use crate::bills::town;
use vocab::*;

#[test]
fn a_draft_says_what_it_charges_nothing_for() {
    let town = town();
    let customer = town.customer("SP-1");
    let run = town.run(town.january());
    town.test(run);
    let (app, caller) = (&town.office.app, &town.office.caller);
    let explained = app.draft_explanation(caller, run, customer.account, None).unwrap();
    assert_eq!((explained.segments.len(), explained.new_charges), (0, Money::ZERO));
    let left_out = &explained.unbilled[0];
    assert_eq!(left_out.outcome, SegmentOutcome::Error);
    assert_eq!(left_out.code.as_deref(), Some("missing_end_read"));
    assert!(left_out.title.contains("12 Mill Lane"), "{left_out:?}");
    let text = explained.text();
    assert!(text.contains(&left_out.title) && text.contains("Not billed: "), "{text}");
    assert!(text.contains(left_out.detail.as_deref().unwrap()), "{text}");
}

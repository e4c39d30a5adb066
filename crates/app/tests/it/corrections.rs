//! Posted bills corrected: reversed, given back, billed again, opened again; and the chain that a read starts.

use crate::bills::{Customer, Town, items, town};
use crate::office::refused;
use crate::rebills::overestimated;
use app::corrections::{self, Corrected, NewBulk, Scope, Selection};
use app::single_bills::{self, NewBill, Span};
use store::bills::Bill;
use time::macros::date;
use vocab::*;

fn bills(town: &Town, customer: &Customer) -> Vec<Bill> {
    let (app, me) = (&town.office.app, &town.office.caller);
    app.bills_of_account(me, customer.account, None, 50).unwrap().items
}

pub fn latest(town: &Town, customer: &Customer) -> (BillId, Bill) {
    let bill = bills(town, customer).remove(0);
    (BillId::new(bill.account_id, bill.id), bill)
}

pub fn owed(town: &Town, customer: &Customer) -> i64 {
    town.office.app.balance(&town.office.caller, customer.account).unwrap().account.current_minor.minor()
}

fn unapplied(town: &Town, customer: &Customer) -> i64 {
    town.office.app.balance(&town.office.caller, customer.account).unwrap().unapplied.minor()
}

pub fn all_of(bill: &Bill) -> Scope {
    Scope { version: Some(bill.version), ..Scope::default() }
}

fn cancel(town: &Town, id: BillId, bill: &Bill, opens_days: bool) -> app::Result<Corrected> {
    let (office, me) = (&town.office, &town.office.caller);
    office.app.db().tx(|tx| corrections::cancel(tx, me, id, &all_of(bill), opens_days, "billed in error"))
}

fn sums(of: &Corrected) -> (i64, i64, i64) {
    (of.correction.cancelled_minor.minor(), of.correction.new_minor.minor(), of.net().unwrap().minor())
}

#[test]
fn a_cancelled_bill_is_billed_again_by_the_next_one() {
    let town = town();
    let ana = town.customer("SP-1");
    town.bill_january(&ana);
    town.pay(ana.account, 20_00);
    let (id, first) = latest(&town, &ana);
    assert_eq!((first.ending_minor.minor(), owed(&town, &ana)), (27_00, 7_00));
    let done = cancel(&town, id, &first, true).unwrap();
    assert_eq!(sums(&done), (27_00, 0, -27_00));
    assert_eq!((owed(&town, &ana), unapplied(&town, &ana)), (-20_00, 20_00));
    assert_eq!(done.cancelled[0].state, SegmentState::Cancelled);
    town.assert_verified();
    let again = refused(cancel(&town, id, &first, true));
    assert_eq!(again.code, Code::NothingToCorrect);

    // The document stays as it was; the next bill has the reversal and both months.
    let view = town.office.app.bill(&town.office.caller, id).unwrap();
    assert_eq!((view.segments.len(), view.bill.ending_minor), (1, first.ending_minor));
    town.today("2026-03-03");
    town.read(ana.register, date!(2026 - 02 - 28), 1250);
    town.bill_days(date!(2026 - 02 - 01), date!(2026 - 02 - 28));
    let (_, second) = latest(&town, &ana);
    assert_eq!((second.previous_minor.minor(), second.swept_minor.minor()), (27_00, -47_00));
    assert_eq!((second.period_first_on, second.new_minor.minor()), (date!(2026 - 01 - 02), 48_20));
    town.assert_verified();
}

#[test]
fn only_the_last_days_of_a_contract_are_opened_again_and_others_are_given_back() {
    let town = town();
    let ana = town.customer("SP-1");
    town.bill_january(&ana);
    let (id, first) = latest(&town, &ana);
    town.today("2026-03-03");
    town.read(ana.register, date!(2026 - 02 - 28), 1250);
    town.bill_days(date!(2026 - 02 - 01), date!(2026 - 02 - 28));
    let problem = refused(cancel(&town, id, &first, true));
    assert_eq!(problem.code, Code::SegmentNotLatest);
    assert_eq!(owed(&town, &ana), 49_00, "nothing has changed");
    // A credit note is a document of its own, with the reversals alone.
    let me = &town.office.caller;
    let noted = town.office.tx(|tx| corrections::credit_note(tx, me, id, &all_of(&first), "vacant")).unwrap();
    let (note_id, note) = latest(&town, &ana);
    assert_eq!(noted.correction.credit_note_id, Some(note_id.n));
    assert_eq!((note.kind, note.window_id), (BillKind::CreditNote, None));
    let sums = (note.previous_minor.minor(), note.swept_minor.minor(), note.new_minor.minor());
    assert_eq!((sums, note.ending_minor.minor()), ((49_00, -27_00, 0), 22_00));
    let view = town.office.app.bill(me, note_id).unwrap();
    assert_eq!((view.segments.len(), view.swept.len(), view.swept[0].current_minor.minor()), (0, 1, -27_00));
    town.assert_verified();
    let opened = town.office.app.db().tx(|tx| corrections::reopen(tx, me, note_id, Some(note.version), "no"));
    assert_eq!(refused(opened).code, Code::WrongState);
    // March goes on from there.
    town.today("2026-04-03");
    town.read(ana.register, date!(2026 - 03 - 31), 1350);
    town.bill_days(date!(2026 - 03 - 01), date!(2026 - 03 - 31));
    let (_, march) = latest(&town, &ana);
    assert_eq!((march.previous_minor.minor(), march.ending_minor.minor()), (22_00, 44_00));
    assert_eq!(march.previous_bill_id, Some(note_id.n));
    town.assert_verified();
}

#[test]
fn a_bill_is_made_again_at_other_rates_and_its_payment_stays_with_it() {
    let town = town();
    let ana = town.customer("SP-1");
    town.bill_january(&ana);
    town.pay(ana.account, 27_00);
    let (id, first) = latest(&town, &ana);
    // The price was wrong: a version of the same day takes its place.
    town.office
        .execute("UPDATE rate_versions SET tariff = replace(tariff::text, '\"0.10\"', '\"0.16\"')::jsonb");
    let me = &town.office.caller;
    let rebill = |tx: &mut store::Tx<'_>| corrections::rebill(tx, me, id, &all_of(&first), "wrong price");
    let shown = town.office.tx(|tx| app::preview(tx, rebill)).unwrap();
    assert_eq!(sums(&shown), (27_00, 36_00, 9_00));
    assert_eq!(owed(&town, &ana), 0, "looked at, not done");
    let done = town.office.tx(rebill).unwrap();
    assert_eq!(sums(&done), (27_00, 36_00, 9_00));
    let made = &done.made[0];
    assert_eq!((made.bill_id, made.rebills_id), (first.id, Some(done.cancelled[0].id)));
    assert_eq!((made.first_on, made.last_on), (date!(2026 - 01 - 02), date!(2026 - 01 - 31)));
    // As much as was cancelled is paid and keeps its due date; the rest has none until it is billed.
    let fts: Vec<(i64, bool, i64)> = town
        .office
        .app
        .db()
        .tx(|tx| store::ledger::open_debits(tx, &[ana.account]))
        .unwrap()
        .iter()
        .map(|debit| (debit.open.minor(), debit.due_on.is_some(), owed(&town, &ana)))
        .collect();
    assert_eq!(fts, [(9_00, false, 9_00)]);
    assert_eq!(unapplied(&town, &ana), 0);
    town.assert_verified();
    // Twice over, and the register of the run shows what stands.
    let done = town.office.tx(|tx| corrections::rebill(tx, me, id, &all_of(&first), "once more")).unwrap();
    assert_eq!((sums(&done), done.cancelled[0].id), ((36_00, 36_00, 0), made.id));
    let total = "(SELECT sum(amount_minor) AS n FROM run_totals WHERE posted) t WHERE t.n = 3600";
    assert_eq!(town.office.count(total), 1);
    town.assert_verified();

    town.today("2026-03-03");
    town.read(ana.register, date!(2026 - 02 - 28), 1250);
    town.bill_days(date!(2026 - 02 - 01), date!(2026 - 02 - 28));
    let (_, second) = latest(&town, &ana);
    let sums = (second.previous_minor.minor(), second.swept_minor.minor(), second.new_minor.minor());
    assert_eq!((sums, second.ending_minor.minor()), ((27_00, -18_00, 28_00), 37_00));
    town.assert_verified();
}

#[test]
fn a_read_below_the_estimate_is_carried_out() {
    let town = town();
    let ana = town.customer("SP-1");
    town.bill_january(&ana);
    town.pay(ana.account, 27_00);
    town.overestimate_february(&ana);
    let (_, second) = latest(&town, &ana);
    assert_eq!(second.ending_minor.minor(), 40_00);
    town.today("2026-03-28");
    let me = &town.office.caller;
    let late = town
        .office
        .tx(|tx| {
            app::ledger_setup::add_adjustment_type(
                tx,
                me,
                "late".to_owned(),
                "Late charge".to_owned(),
                GlAccountId(4),
                AdjustmentPurpose::LateCharge,
            )
        })
        .unwrap();
    let charge = app::adjustments::NewAdjustment {
        type_id: late.id,
        amount: Money::from_minor(2_00),
        effective_on: None,
        reason: "late".to_owned(),
        client_reference: None,
    };
    town.office.tx(|tx| app::adjustments::post(tx, me, ana.account, charge)).unwrap();
    town.today("2026-04-02");
    let proposal = town.enter(&ana, date!(2026 - 03 - 31), 1400).proposal.unwrap();

    let approve = |tx: &mut store::Tx<'_>| corrections::approve(tx, me, proposal, "read twice");
    let shown = town.office.tx(|tx| app::preview(tx, approve)).unwrap();
    assert_eq!(town.office.app.rebill_proposal(me, proposal).unwrap().proposal.state, RebillState::Open);
    let done = town.office.tx(approve).unwrap();
    assert_eq!(done.proposal.state, RebillState::Approved);
    let [february] = done.corrections.as_slice() else { panic!("{:?}", done.corrections) };
    // 119 in the place of 280: 12.00 + 11.90.
    assert_eq!(sums(february), (40_00, 23_90, -16_10));
    assert_eq!(sums(&shown.corrections[0]), sums(february));
    assert_eq!(february.correction.proposal(), Some(proposal));
    assert_eq!(done.late_charges.len(), 1);
    assert_eq!(owed(&town, &ana), 23_90 + 2_00);
    let adjusted =
        "reads WHERE quality = 'adjusted' AND status = 'valid' AND value = 1269 AND read_on = '2026-02-28'";
    assert_eq!(town.office.count(adjusted), 1);
    assert_eq!(town.office.count("reads WHERE quality = 'estimated' AND status = 'superseded'"), 1);
    town.assert_verified();
    let again = town.office.app.db().tx(approve);
    assert_eq!(refused(again).code, Code::WrongState);

    // March goes on from the boundary: 131.
    town.bill_days(date!(2026 - 03 - 01), date!(2026 - 03 - 31));
    let (_, march) = latest(&town, &ana);
    let sums = (march.previous_minor.minor(), march.swept_minor.minor(), march.new_minor.minor());
    assert_eq!((sums, march.ending_minor.minor()), ((40_00, -14_10, 25_10), 51_00));
    town.assert_verified();
}

#[test]
fn an_open_bill_is_posted_anew_with_what_has_changed() {
    let town = town();
    let ana = town.customer("SP-1");
    let run = town.bill_january(&ana);
    town.pay(ana.account, 5_00);
    let (id, first) = latest(&town, &ana);
    let me = &town.office.caller;
    let opened = town
        .office
        .tx(|tx| corrections::reopen(tx, me, id, Some(first.version), "a fee was missed"))
        .unwrap();
    assert_eq!(sums(&opened), (0, 0, 0));
    town.assert_verified();
    let stale =
        town.office.app.db().tx(|tx| corrections::complete(tx, me, id, Some(first.version), "x", None));
    assert_eq!(refused(stale).code, Code::EtagMismatch);
    // A fee, and another price: the segment is made again on the same bill.
    town.adjust(ana.account, 3_00);
    town.office
        .execute("UPDATE rate_versions SET tariff = replace(tariff::text, '\"0.10\"', '\"0.16\"')::jsonb");
    let (_, open) = latest(&town, &ana);
    assert_eq!((open.state, open.reopened_at.is_some()), (BillState::Pending, true));
    let done = town
        .office
        .tx(|tx| corrections::complete(tx, me, id, Some(open.version), "with the fee", None))
        .unwrap();
    assert_eq!(sums(&done), (27_00, 36_00, 9_00));
    let (again, posted) = latest(&town, &ana);
    assert_eq!((again, posted.state, posted.number), (id, BillState::Complete, first.number));
    let amounts = (posted.previous_minor.minor(), posted.swept_minor.minor(), posted.new_minor.minor());
    assert_eq!((amounts, posted.ending_minor.minor()), ((0, -2_00, 36_00), 34_00));
    let view = town.office.app.bill(me, id).unwrap();
    assert_eq!(view.segments.len(), 1, "what nobody has seen is not shown");
    assert_eq!(view.segments[0].0.total_minor.minor(), 36_00);
    assert_eq!(owed(&town, &ana), 34_00);
    town.assert_verified();
    // Unchanged, it keeps its segments.
    let opened = town.office.tx(|tx| corrections::reopen(tx, me, id, Some(posted.version), "once more"));
    assert!(opened.is_ok());
    let done = town
        .office
        .tx(|tx| corrections::complete(tx, me, id, Some(posted.version + 1), "as it was", None))
        .unwrap();
    assert_eq!((done.cancelled.len(), done.made.len()), (0, 0));
    assert_eq!(latest(&town, &ana).1.ending_minor.minor(), 34_00);
    town.assert_verified();
    assert_eq!(town.view(run).items, [(ItemState::Accepted, 1)]);
}

#[test]
fn an_open_bill_that_is_given_up_frees_its_account_for_another_run() {
    let town = town();
    let ana = town.customer("SP-1");
    let run = town.bill_january(&ana);
    let (id, first) = latest(&town, &ana);
    let me = &town.office.caller;
    let early = town.office.app.db().tx(|tx| corrections::discard(tx, me, id, Some(first.version), "no"));
    assert_eq!(refused(early).code, Code::WrongState);
    town.office.tx(|tx| corrections::reopen(tx, me, id, Some(first.version), "wrong read")).unwrap();
    let done =
        town.office.tx(|tx| corrections::discard(tx, me, id, Some(first.version + 1), "wrong read")).unwrap();
    assert_eq!(sums(&done), (27_00, 0, -27_00));
    let (_, gone) = latest(&town, &ana);
    assert_eq!((gone.state, gone.new_minor, owed(&town, &ana)), (BillState::Cancelled, Money::ZERO, 0));
    town.assert_verified();
    town.read(ana.register, date!(2026 - 01 - 31), 1200);
    let window = town.view(run).run.window_id;
    let left = || {
        let left = town.office.app.left_in_window(me, window).unwrap();
        (left.unbilled, left.accounts.len())
    };
    assert_eq!(left(), (1, 1));
    let again = town.run(window);
    let test = town.test(again);
    assert_eq!(town.accept(again, test), items(&[(ItemState::Accepted, 1)]));
    assert_eq!(left(), (0, 0));
    let (_, second) = latest(&town, &ana);
    assert_eq!((second.previous_bill_id, second.ending_minor.minor()), (None, 32_00));
    town.assert_verified();
}

#[test]
fn what_keeps_a_bill_closed_is_said() {
    let town = town();
    let ana = town.customer("SP-1");
    town.bill_january(&ana);
    let (id, first) = latest(&town, &ana);
    let me = &town.office.caller;
    let reopen = || town.office.app.db().tx(|tx| corrections::reopen(tx, me, id, Some(first.version), "why"));
    town.office.execute("UPDATE cycle_windows SET state = 'closed'");
    assert_eq!(refused(reopen()).code, Code::WrongState);
    town.office.execute("UPDATE cycle_windows SET state = 'open'");
    town.office.execute(&format!(
        "INSERT INTO draws (account_id, id, bill_id, method_id, draw_on, not_before_at, state, attempts, version) \
         SELECT {}, 9, {}, 1, '2026-02-20', '2026-02-20', 'submitting', 0, 1",
        ana.account.0, id.n
    ));
    assert_eq!(refused(reopen()).code, Code::BillCollected);
    town.office.execute("UPDATE draws SET state = 'planned'");
    assert!(reopen().is_ok());
    assert_eq!(town.office.count("draws WHERE state = 'cancelled' AND reason_code = 'bill_reopened'"), 1);
    let none =
        town.office.app.db().tx(|tx| {
            corrections::cancel(tx, me, id, &Scope { version: Some(2), ..Scope::default() }, true, "x")
        });
    assert_eq!(refused(none).code, Code::WrongState);
    let blank = town.office.app.db().tx(|tx| corrections::discard(tx, me, id, Some(2), " "));
    assert_eq!(refused(blank).errors[0].pointer, "/reason");
}

#[test]
fn a_run_is_corrected_as_a_whole_and_looked_at_before() {
    let town = town();
    let customers = ["SP-1", "SP-2", "SP-3"].map(|code| town.customer(code));
    for customer in &customers {
        town.read(customer.register, date!(2026 - 01 - 31), 1150);
    }
    let run = town.run(town.january());
    let test = town.test(run);
    town.accept(run, test);
    // One of them cannot be billed again: its read is gone.
    town.office.execute(&format!(
        "UPDATE reads SET status = 'rejected' WHERE service_point_id = {} AND read_on = '2026-01-31'",
        customers[1].register.owner.0
    ));
    town.office
        .execute("UPDATE rate_versions SET tariff = replace(tariff::text, '\"0.10\"', '\"0.16\"')::jsonb");
    let (app, me) = (&town.office.app, &town.office.caller);
    let start = |kind, is_preview| {
        let new = NewBulk {
            kind,
            selection: Selection::Run(run),
            schedule: Some(town.schedule).filter(|_| kind == CorrectionKind::Rebill),
            error_code: None,
            opens_days: true,
            reason: "wrong price".to_owned(),
            is_preview,
        };
        let id = town.office.tx(|tx| corrections::start_bulk(tx, me, new)).unwrap().operation.operation.id;
        app.work_until_idle().unwrap();
        id
    };
    let sums = |id| {
        let of = app.bulk_correction(me, id).unwrap().totals;
        (of.done, of.refused, of.new_minor.minor() - of.cancelled_minor.minor())
    };
    let shown = start(CorrectionKind::Rebill, true);
    assert_eq!(sums(shown), (2, 1, 18_00));
    assert_eq!((town.office.count("corrections"), owed(&town, &customers[0])), (0, 27_00));
    let made = start(CorrectionKind::Rebill, false);
    assert_eq!(sums(made), (2, 1, 18_00));
    assert_eq!((town.office.count("corrections"), owed(&town, &customers[0])), (2, 36_00));
    let refused = Some(BulkItemState::Refused);
    let left = app.bulk_correction_items(me, made, refused, None, 10).unwrap().items;
    assert_eq!((left.len(), left[0].account_id), (1, customers[1].account));
    assert_eq!(left[0].code.as_deref(), Some("missing_end_read"));
    town.assert_verified();

    // What has not been corrected is opened again, and given up as it cannot be billed.
    assert_eq!(sums(start(CorrectionKind::Reopen, false)), (1, 2, 0));
    assert_eq!(sums(start(CorrectionKind::Complete, false)), (0, 1, 0));
    assert_eq!(sums(start(CorrectionKind::Discard, false)), (1, 0, -27_00));
    town.assert_verified();
    assert_eq!(customers.map(|customer| owed(&town, &customer)), [36_00, 0, 36_00]);
}

#[test]
fn a_corrected_bill_is_not_opened_and_an_open_one_keeps_others_back() {
    let town = town();
    let ana = town.customer("SP-1");
    town.bill_january(&ana);
    let (id, first) = latest(&town, &ana);
    let me = &town.office.caller;
    let reopen = |version| town.office.app.db().tx(|tx| corrections::reopen(tx, me, id, version, "why"));
    reopen(Some(first.version)).unwrap();
    // February waits: an acceptance and a bill of the day are told so.
    town.today("2026-03-03");
    town.read(ana.register, date!(2026 - 02 - 28), 1250);
    let run = town.run(town.window(date!(2026 - 02 - 01), date!(2026 - 02 - 28)));
    let test = town.test(run);
    assert_eq!(town.accept(run, test), items(&[(ItemState::Held, 1)]));
    let february = NewBill { span: Span::Through(date!(2026 - 02 - 28)), contracts: None };
    let posted = town.office.app.db().tx(|tx| single_bills::post(tx, me, ana.account, &february, None));
    assert_eq!(refused(posted).code, Code::BillOpen);
    // What came while it was open is taken up, though it is after the bill's day.
    town.adjust(ana.account, 4_00);
    town.office.tx(|tx| corrections::complete(tx, me, id, None, "with the fee", None)).unwrap();
    assert_eq!(latest(&town, &ana).1.ending_minor.minor(), 31_00);
    town.assert_verified();
    // It goes over the maximum: that is for a person to say.
    reopen(None).unwrap();
    town.office.execute("UPDATE contract_types SET maximum_minor = 2000");
    let complete = |why: Option<&'static str>| {
        town.office.app.db().tx(|tx| corrections::complete(tx, me, id, None, "again", why))
    };
    assert_eq!(refused(complete(None)).errors[0].pointer, "/release_reason");
    complete(Some("a pool was filled")).unwrap();

    // Corrected once, it is corrected again, not opened.
    town.office.tx(|tx| corrections::rebill(tx, me, id, &Scope::default(), "price")).unwrap();
    let problem = refused(reopen(None));
    assert_eq!((problem.code, problem.params[0].0), (Code::BillCorrected, "correction"));
    town.assert_verified();
}

#[test]
fn an_off_cycle_bill_is_opened_and_posted_anew() {
    let town = town();
    let ana = town.customer("SP-1");
    town.read(ana.register, date!(2026 - 01 - 31), 1150);
    let me = &town.office.caller;
    let new = NewBill { span: Span::Through(date!(2026 - 01 - 31)), contracts: None };
    town.office.tx(|tx| single_bills::post(tx, me, ana.account, &new, None)).unwrap();
    let (id, bill) = latest(&town, &ana);
    town.office.tx(|tx| corrections::reopen(tx, me, id, Some(bill.version), "a fee")).unwrap();
    town.adjust(ana.account, 4_00);
    town.office.tx(|tx| corrections::complete(tx, me, id, None, "with it", None)).unwrap();
    let (_, again) = latest(&town, &ana);
    assert_eq!((again.kind, again.ending_minor.minor()), (BillKind::OffCycle, 31_00));
    town.assert_verified();
    town.office.tx(|tx| corrections::rebill(tx, me, id, &Scope::default(), "looked at")).unwrap();
    assert_eq!(owed(&town, &ana), 31_00);
    town.assert_verified();
}

#[test]
fn no_bill_goes_on_from_an_estimate_that_is_in_doubt() {
    let (town, ana) = overestimated();
    town.today("2026-04-20");
    let proposal = town.enter(&ana, date!(2026 - 03 - 15), 1400).proposal.unwrap();
    let me = &town.office.caller;
    let new = NewBill { span: Span::Through(date!(2026 - 04 - 15)), contracts: None };
    let post = || town.office.app.db().tx(|tx| single_bills::post(tx, me, ana.account, &new, None));
    let problem = refused(post());
    assert_eq!((problem.code, &problem.params[0].1), (Code::RebillProposed, &proposal.to_string()));
    town.office.tx(|tx| corrections::approve(tx, me, proposal, "read twice")).unwrap();
    assert!(post().is_ok());
    town.assert_verified();
}

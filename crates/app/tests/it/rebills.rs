//! Proposals to bill again: made by what comes in, listed, shown, dismissed, withdrawn.

use crate::bills::{Customer, Town, items, town as metered_town};
use crate::exchange::{town, try_import};
use crate::load::{Place, admin, caller};
use crate::office::refused;
use access::SiteScope;
use app::exchange::{Asked, Report};
use app::reads::{EnteredRead, NewManualRead};
use app::rebills::{self, RebillView};
use rust_decimal::Decimal;
use store::exchange::Import;
use store::reads::ReadFilter;
use store::rebill_proposals::{RebillFilter, RebillProposal};
use time::Date;
use time::macros::date;
use vocab::*;

const HEADER: &str = "service_point,meter_serial,register,read_on,value,quality";

fn import(place: &Place, rows: &str) -> (Import, Report) {
    let file = format!("{HEADER}\n{rows}");
    let import = try_import(place, &admin(), file.as_bytes(), &Asked::Nothing).unwrap();
    let report = place.app.reading_import_report(&admin(), import.id).unwrap();
    assert!(report.counts.adds_up());
    (import, report)
}

fn listed(place: &Place, filter: RebillFilter) -> Vec<(RebillProposal, Decimal)> {
    place.app.rebill_proposals(&admin(), filter, None, None, 50).unwrap().items
}

fn of_state(place: &Place, state: RebillState) -> Vec<(RebillProposal, Decimal)> {
    listed(place, RebillFilter { state: Some(state), ..RebillFilter::default() })
}

fn dismiss(place: &Place, id: RebillProposalId, reason: &str) -> app::Result<RebillView> {
    place.app.db().tx(|tx| rebills::dismiss(tx, &admin(), id, reason))
}

fn release(place: &Place, read: ReadId) -> Problem {
    let outcome = place.app.db().tx(|tx| app::reads::release(tx, &admin(), read));
    refused(outcome)
}

/// Everybody is billed through January; 100 at its beginning, 107 at its end.
fn corrected(place: &Place) -> (Import, Report) {
    import(
        place,
        "W-0,M-0,1,2026-01-31,110,\n\
         W-1,M-1,1,2026-01-15,108,\n\
         W-2,M-2,1,2026-01-31,107,\n\
         W-3,M-3,1,2026-01-31,110,estimated\n\
         W-3,M-3,1,2026-02-28,114,\n",
    )
}

#[test]
fn an_import_proposes_what_it_says_of_billed_days() {
    let place = town(4);
    let (row, report) = corrected(&place);
    let counts = &report.counts;
    assert_eq!((counts.held, counts.proposed, counts.duplicates, counts.rejected.count), (2, 2, 1, 1));
    assert_eq!((counts.accepted, counts.rejected.first[0].reason.as_str()), (1, "already_billed"));
    assert!(report.rows().contains(&["proposed".to_owned(), String::new(), "2".to_owned()]));
    assert_eq!(place.count("reads WHERE status = 'held' AND reason LIKE 'already_billed%'"), 2);
    assert_eq!(place.count("reads WHERE status = 'valid' AND value = 107"), 4);

    let found = of_state(&place, RebillState::Open);
    let said: Vec<_> = found
        .iter()
        .map(|(row, value)| {
            let against = row.against_value.map(|value| value.normalize().to_string());
            (row.kind, row.read_on, value.normalize().to_string(), row.from_on, row.through_on, against)
        })
        .collect();
    let (from, end) = (date!(2026 - 01 - 01), date!(2026 - 01 - 31));
    assert_eq!(
        said,
        [
            (RebillKind::CorrectedRead, end, "110".to_owned(), from, end, Some("107".to_owned())),
            (RebillKind::LateActual, date!(2026 - 01 - 15), "108".to_owned(), from, end, None),
        ]
    );
    for (proposal, _) in &found {
        assert_eq!((&proposal.created_by, proposal.contracts().len()), (&row.id.to_string(), 1));
        assert_eq!(proposal.account_ids, [proposal.contracts()[0].owner]);
    }
    // By kind, account, service point and site, a page at a time.
    let (first, second) = (&found[0].0, &found[1].0);
    let ids = |filter| -> Vec<i64> { listed(&place, filter).iter().map(|(row, _)| row.id).collect() };
    let late = RebillFilter { kind: Some(RebillKind::LateActual), ..RebillFilter::default() };
    assert_eq!(ids(late), [second.id]);
    let account = RebillFilter { account: Some(first.account_ids[0]), ..RebillFilter::default() };
    assert_eq!(ids(account), [first.id]);
    let point = RebillFilter { point: Some(second.service_point_id), ..RebillFilter::default() };
    assert_eq!(ids(point), [second.id]);
    let page = |after: Option<&store::Cursor>| {
        place.app.rebill_proposals(&admin(), RebillFilter::default(), None, after, 1).unwrap()
    };
    let next = page(None).next.unwrap();
    assert_eq!((page(Some(&next)).items[0].0.id, page(Some(&next)).next.is_none()), (second.id, true));
    let mut clerk = caller(Role::Clerk);
    clerk.principal.sites = SiteScope::Only([SiteId(2)].into_iter().collect());
    let foreign = place.app.rebill_proposals(&clerk, RebillFilter::default(), None, None, 10).unwrap();
    assert_eq!(foreign.items, []);
    let hidden = place.app.rebill_proposal(&clerk, first.proposal_id()).unwrap_err();
    assert_eq!(hidden.problem().code, Code::NotFound);
    let decided = place.app.db().tx(|tx| rebills::dismiss(tx, &clerk, first.proposal_id(), "no"));
    assert_eq!(refused(decided).code, Code::NotFound);

    // The same again, read another way, changes nothing.
    let (_, report) = import(&place, "W-0,M-0,1,2026-01-31,110,\nW-1,M-1,1,2026-01-15,108,\n");
    assert_eq!((report.counts.duplicates, report.counts.proposed), (2, 0));
    assert_eq!(place.count("rebill_proposals"), 2);
}

#[test]
fn a_read_that_waits_in_a_proposal_is_not_released_but_decided() {
    let place = town(4);
    corrected(&place);
    let found = of_state(&place, RebillState::Open);
    let (first, second) = (&found[0].0, &found[1].0);
    let problem = release(&place, first.read());
    assert_eq!(problem.code, Code::RebillProposed);
    assert_eq!(problem.params, [("proposal", first.proposal_id().to_string())]);
    let ids = vec![first.read(), second.read()];
    let outcomes = place.app.db().tx(|tx| app::held_reads::release_many(tx, &admin(), ids)).unwrap();
    for (outcome, proposal) in outcomes.iter().zip([first, second]) {
        let (code, detail) = outcome.refused.as_ref().unwrap();
        assert_eq!(*code, Code::RebillProposed);
        assert!(detail.contains(&proposal.proposal_id().to_string()), "{detail}");
    }

    assert_eq!(refused(dismiss(&place, second.proposal_id(), " ")).errors[0].pointer, "/reason");
    let dismissed = dismiss(&place, second.proposal_id(), "the neighbour's meter").unwrap();
    assert_eq!(dismissed.proposal.state, RebillState::Dismissed);
    assert_eq!(dismissed.proposal.decided_by, Some(admin().actor()));
    assert_eq!(dismissed.proposal.decided_reason.as_deref(), Some("the neighbour's meter"));
    assert_eq!(dismissed.read.status, ReadStatus::Rejected);
    assert_eq!(dismissed.read.reason.as_deref(), Some("the neighbour's meter"));
    let again = refused(dismiss(&place, second.proposal_id(), "again"));
    assert_eq!((again.code, again.params), (Code::WrongState, vec![("state", "dismissed".to_owned())]));
    assert_eq!(place.count("audit_entries WHERE action = 'rebill.dismiss'"), 1);
    let (_, report) = import(&place, "W-1,M-1,1,2026-01-15,108,\n");
    assert_eq!((report.counts.duplicates, report.counts.proposed), (1, 0));

    // Rejected by hand, the read takes its proposal with it.
    let reason = "a wrong digit".to_owned();
    place.app.db().tx(|tx| app::reads::reject(tx, &admin(), first.read(), reason)).unwrap();
    let withdrawn = of_state(&place, RebillState::Withdrawn);
    assert_eq!(withdrawn[0].0.decided_reason.as_deref(), Some("a wrong digit"));
    assert_eq!(of_state(&place, RebillState::Open), []);
    assert_eq!(refused(dismiss(&place, first.proposal_id(), "late")).code, Code::WrongState);
}

#[test]
fn a_later_read_takes_the_place_and_undoing_withdraws() {
    let place = town(4);
    corrected(&place);
    let first = of_state(&place, RebillState::Open)[0].0.clone();
    // Twice in one file: the last line counts.
    let (second, report) = import(&place, "W-0,M-0,1,2026-01-31,111,\nW-0,M-0,1,2026-01-31,112,\n");
    assert_eq!((report.counts.held, report.counts.proposed), (2, 2));
    let point = RebillFilter { point: Some(first.service_point_id), ..RebillFilter::default() };
    let states: Vec<(RebillState, String, Option<String>)> = listed(&place, point.clone())
        .into_iter()
        .map(|(row, value)| (row.state, value.normalize().to_string(), row.decided_by))
        .collect();
    let by = Some(second.id.to_string());
    let withdrawn = RebillState::Withdrawn;
    assert_eq!(
        states,
        [
            (withdrawn, "110".to_owned(), by.clone()),
            (withdrawn, "111".to_owned(), by),
            (RebillState::Open, "112".to_owned(), None),
        ]
    );
    place.app.db().tx(|tx| app::exchange::undo(tx, &admin(), second.id, "wrong file".to_owned())).unwrap();
    place.app.work_until_idle().unwrap();
    assert!(listed(&place, point).iter().all(|(row, _)| row.state == withdrawn));
    let undone = "rebill_proposals WHERE decided_reason = 'import undone: wrong file'";
    assert_eq!(place.count(undone), 1);
    assert_eq!(place.count("reads WHERE status = 'rejected' AND value IN (111, 112)"), 2);
    // What the other import proposed of another meter stands.
    assert_eq!(of_state(&place, RebillState::Open).len(), 1);
}

impl Town {
    /// It is noon of that day.
    pub fn today(&self, day: &str) {
        self.office.execute(&format!("UPDATE business_clock SET moved_to = '{day}T12:00Z'"));
    }

    pub fn enter(&self, customer: &Customer, on: Date, value: i64) -> EnteredRead {
        let read = NewManualRead {
            register: customer.register,
            serial: None,
            read_on: Some(on),
            value: Decimal::from(value),
            quality: ReadQuality::Actual,
            trouble: None,
        };
        self.office.tx(|tx| app::reads::enter(tx, &self.office.caller, &read)).unwrap()
    }

    /// Bills the town's only account for these days.
    pub fn bill_days(&self, starts_on: Date, ends_on: Date) -> RunId {
        let run = self.run(self.window(starts_on, ends_on));
        let test = self.test(run);
        assert_eq!(self.accept(run, test), items(&[(ItemState::Accepted, 1)]));
        run
    }

    /// Bills January by a read of 1150.
    pub fn bill_january(&self, customer: &Customer) -> RunId {
        self.read(customer.register, date!(2026 - 01 - 31), 1150);
        self.bill_days(date!(2026 - 01 - 01), date!(2026 - 01 - 31))
    }

    /// Bills February by an estimate of 1430.
    pub fn overestimate_february(&self, customer: &Customer) {
        self.office.execute(&format!(
            "INSERT INTO reads (service_point_id, id, register_id, read_at, read_on, value, quality, status, source) \
             VALUES ({}, 7, {}, '2026-03-01', '2026-02-28', 1430, 'estimated', 'valid', 'estimate')",
            customer.register.owner.0, customer.register.n
        ));
        self.today("2026-03-03");
        self.bill_days(date!(2026 - 02 - 01), date!(2026 - 02 - 28));
    }
}

/// Billed through February: 1150 read at the end of January, then an estimate of 1430.
pub fn overestimated() -> (Town, Customer) {
    let town = metered_town();
    let ana = town.customer("SP-1");
    town.bill_january(&ana);
    town.overestimate_february(&ana);
    town.today("2026-04-03");
    (town, ana)
}

/// Start, end and quantity of each period, and whether it is billed.
fn periods(view: &RebillView) -> Vec<(i64, i64, i64, bool)> {
    let whole = |value: Decimal| i64::try_from(value).unwrap();
    let value = |boundary: &Option<rebills::Boundary>| whole(boundary.unwrap().value);
    view.periods
        .iter()
        .map(|of| (value(&of.start), value(&of.end), whole(of.quantity), of.place.is_some()))
        .collect()
}

#[test]
fn a_read_below_a_billed_estimate_proposes_and_still_stops_the_bill() {
    let (town, ana) = overestimated();
    let (app, me) = (&town.office.app, &town.office.caller);
    let entered = town.enter(&ana, date!(2026 - 03 - 31), 1400);
    assert_eq!((entered.read.status, entered.findings.len()), (ReadStatus::Valid, 0));
    let id = entered.proposal.unwrap();
    let view = app.rebill_proposal(me, id).unwrap();
    assert_eq!(view.proposal.kind, RebillKind::ActualBelowEstimate);
    assert_eq!(view.proposal.created_by, me.actor());
    assert_eq!(view.proposal.contracts(), [ana.contract]);
    assert_eq!(
        (view.proposal.from_on, view.proposal.through_on),
        (date!(2026 - 02 - 01), date!(2026 - 02 - 28))
    );
    assert_eq!(view.proposal.against_value, Some(Decimal::from(1430)));
    let [(segment, used)] = view.segments.as_slice() else { panic!("{:?}", view.segments) };
    assert_eq!((segment.first_on, segment.last_on), (date!(2026 - 02 - 01), date!(2026 - 02 - 28)));
    assert_eq!((used.quantity, segment.total_minor.minor()), (Decimal::from(280), 40_00));
    // 250 in 28 + 31 days: domain scenario.
    assert_eq!(periods(&view), [(1150, 1269, 119, true), (1269, 1400, 131, false)]);

    // A read after it says nothing more; one for its day takes its place.
    assert_eq!(town.enter(&ana, date!(2026 - 04 - 01), 1405).proposal, None);
    let reread = town.enter(&ana, date!(2026 - 03 - 31), 1399);
    let second = reread.proposal.unwrap();
    let replaced = app.rebill_proposal(me, id).unwrap().proposal;
    assert_eq!(replaced.state, RebillState::Withdrawn);
    let dismissed = town.office.tx(|tx| rebills::dismiss(tx, me, second, "looked at")).unwrap();
    assert_eq!(
        (dismissed.proposal.state, dismissed.read.status),
        (RebillState::Dismissed, ReadStatus::Valid)
    );
    let window = town.window(date!(2026 - 03 - 01), date!(2026 - 03 - 31));
    let run = town.run(window);
    town.test(run);
    let draft = app.run_draft(me, run, ana.account).unwrap().draft;
    let error = draft.segments[0].error.as_ref().unwrap();
    assert_eq!(error.code, Code::ActualBelowEstimate);

    // Rejected, a read takes its proposal with it.
    let third = town.enter(&ana, date!(2026 - 03 - 31), 1398).proposal.unwrap();
    let read = app.rebill_proposal(me, third).unwrap().read.read_id();
    town.office.tx(|tx| app::reads::reject(tx, me, read, "misread".to_owned())).unwrap();
    assert_eq!(app.rebill_proposal(me, third).unwrap().proposal.state, RebillState::Withdrawn);
}

#[test]
fn a_read_above_the_estimate_withdraws_what_the_one_below_it_proposed() {
    let (town, ana) = overestimated();
    let (app, me) = (&town.office.app, &town.office.caller);
    let id = town.enter(&ana, date!(2026 - 03 - 31), 1400).proposal.unwrap();
    assert_eq!(town.enter(&ana, date!(2026 - 03 - 31), 1500).proposal, None);
    let gone = app.rebill_proposal(me, id).unwrap().proposal;
    assert_eq!((gone.state, gone.decided_by), (RebillState::Withdrawn, Some(me.actor())));
}

#[test]
fn what_holds_a_read_for_another_reason_is_decided_by_itself() {
    let (town, ana) = overestimated();
    let (app, me) = (&town.office.app, &town.office.caller);
    let rules = r#"{"rules": [{"rules": {"trouble_code": "hold"}}]}"#;
    town.office.execute(&format!("UPDATE settings SET read_rules = '{rules}'"));
    let read = NewManualRead {
        register: ana.register,
        serial: None,
        read_on: Some(date!(2026 - 03 - 31)),
        value: Decimal::from(1400),
        quality: ReadQuality::Actual,
        trouble: Some("TAMPER".to_owned()),
    };
    let entered = town.office.tx(|tx| app::reads::enter(tx, me, &read)).unwrap();
    assert_eq!(entered.read.status, ReadStatus::Held);
    let state = || app.rebill_proposal(me, entered.proposal.unwrap()).unwrap().proposal.state;
    // It is for a day that is not billed: released, it still lies below the estimate.
    let released = town.office.tx(|tx| app::reads::release(tx, me, entered.read.read_id())).unwrap();
    assert_eq!((released.status, state()), (ReadStatus::Valid, RebillState::Open));
}

#[test]
fn late_reads_show_what_would_be_cancelled() {
    let (town, ana) = overestimated();
    let (app, me) = (&town.office.app, &town.office.caller);
    // The estimate was too high, says a read of its day.
    let late = town.enter(&ana, date!(2026 - 02 - 28), 1300);
    assert_eq!(late.read.status, ReadStatus::Held);
    let view = app.rebill_proposal(me, late.proposal.unwrap()).unwrap();
    assert_eq!(view.proposal.kind, RebillKind::LateActual);
    assert_eq!((view.segments.len(), periods(&view)), (1, vec![(1150, 1300, 150, true)]));
    // January's read was wrong: both months are touched, and February keeps what was estimated for it.
    let corrected = town.enter(&ana, date!(2026 - 01 - 31), 1100);
    let view = app.rebill_proposal(me, corrected.proposal.unwrap()).unwrap();
    assert_eq!(view.proposal.kind, RebillKind::CorrectedRead);
    assert_eq!(view.segments.len(), 2);
    assert_eq!(periods(&view), [(1000, 1100, 100, true), (1100, 1380, 280, true)]);
    // What an account of another site was billed is not shown.
    let clerk = town.office.clerk_of(&[SiteId(1)]);
    let own = app.rebill_proposal(&clerk, corrected.proposal.unwrap()).unwrap();
    assert_eq!((own.segments.len(), own.periods.len()), (2, 2));
    town.office.execute("UPDATE accounts SET site_id = 2");
    let foreign = app.rebill_proposal(&clerk, corrected.proposal.unwrap()).unwrap();
    assert_eq!((foreign.segments.len(), foreign.periods.len()), (0, 0));
    // Below what was read before it nothing can be said, and the read waits all the same.
    let fallen = town.enter(&ana, date!(2026 - 01 - 30), 900);
    assert_eq!(fallen.read.reason.as_deref(), Some("already_billed, stale_date, decreasing"));
    let view = app.rebill_proposal(me, fallen.proposal.unwrap()).unwrap();
    assert_eq!(view.problem.unwrap().code, Code::RolloverImplausible);
    assert_eq!((view.segments.len(), view.periods.len()), (2, 0));
    // Nothing that is billed has changed.
    let valid = ReadFilter { status: Some(ReadStatus::Valid), ..ReadFilter::default() };
    assert_eq!(app.reads(me, ana.register.owner, &valid, None, 50).unwrap().items.len(), 3);
    town.assert_verified();
}

#[test]
fn a_utility_may_refuse_reads_of_billed_days() {
    let place = town(2);
    let rules = r#"{"rules": [{"rules": {"already_billed": "reject"}}]}"#;
    place.database.execute(&format!("UPDATE settings SET read_rules = '{rules}'")).unwrap();
    let (_, report) = import(&place, "W-0,M-0,1,2026-01-31,110,\n");
    assert_eq!((report.counts.rejected.count, report.counts.proposed), (1, 0));
    assert_eq!(place.count("rebill_proposals"), 0);
}

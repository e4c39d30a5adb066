//! What accepted bills would have come to under other rates: hand-computed, by class, without posting.

use crate::bills::{Town, town};
use crate::office::{pointers, refused};
use app::contracts::NewContract;
use app::operations::Control;
use app::what_if::{Figures, NewReplacement, NewWhatIf, WhatIfView};
use app::worker::Handler;
use app::{App, Caller, Error, Parts};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Read;
use store::what_if::{AccountOrder, ListedResult, ResultFilter};
use store::{Db, queue};
use time::macros::date;
use vocab::*;

/// Under 12.00 and 0.10 a kWh: Ana 22.00, Ben 42.00, the shop 62.00, the mill 32.00, and Eve 22.00 with
/// three lamps for 13.50.
struct Billed {
    town: Town,
    lamps: RateScheduleId,
    ana: AccountId,
    ben: AccountId,
    shop: AccountId,
    mill: AccountId,
    eve: AccountId,
}

fn flat_and_unit(flat: &str, price: &str) -> Value {
    json!({ "rules": [
        { "id": "customer", "label": { "en": "Customer charge" }, "charge": { "kind": "flat", "amount": flat } },
        { "id": "energy", "label": { "en": "Energy" },
          "charge": { "kind": "unit", "quantity": { "unit": "kwh" }, "price": price } } ] })
}

fn from_day(mut tariff: Value, effective_on: &str) -> Value {
    tariff["effective_on"] = json!(effective_on);
    tariff
}

fn billed() -> Billed {
    let town = town();
    let office = &town.office;
    let customer = |code: &str, used: i64| {
        let customer = town.customer(code);
        town.read(customer.register, date!(2026 - 01 - 31), 1000 + used);
        customer.account
    };
    let (ana, ben) = (customer("SP-1", 100), customer("SP-2", 300));
    let (shop, mill) = (customer("SP-3", 500), customer("SP-4", 200));
    let eve = customer("SP-5", 100);
    let lighting = office.contract_type("lighting", Commodity::Electricity, SegmentMethod::RatedItem);
    let lamps = office.schedule("L-1", Commodity::Electricity);
    let tariff = json!({ "effective_on": "2025-01-01", "rules": [
        { "id": "lamps", "label": { "en": "Lamps" }, "charge": { "kind": "item", "item": "lamp", "price": "4.50" } } ] });
    office.add_version(lamps, tariff).unwrap();
    let at = office.number("SELECT location_id AS n FROM service_points WHERE code = 'SP-5'");
    let new = NewContract {
        contract_type: lighting,
        schedule: Some(lamps),
        service_point: None,
        location: Some(LocationId(at)),
        starts_on: Some(date!(2026 - 01 - 02)),
        ends_on: None,
        items: BTreeMap::from([("lamp".to_owned(), "3".to_owned())]),
        characteristics: BTreeMap::new(),
        recurring: None,
        master: None,
        terms: None,
    };
    town.start(eve, new);
    office.execute(
        "INSERT INTO customer_classes (code, name, due_days) VALUES ('commercial', 'Commercial', 20)",
    );
    office.execute(&format!(
        "UPDATE accounts SET class_code = 'commercial' WHERE account_id IN ({}, {}); \
         UPDATE accounts SET site_id = 2 WHERE account_id IN ({}, {})",
        shop.0, mill.0, ben.0, shop.0
    ));
    let run = town.run(town.january());
    let test = town.test(run);
    assert_eq!(town.accept(run, test), BTreeMap::from([(ItemState::Accepted, 5)]));
    Billed { town, lamps, ana, ben, shop, mill, eve }
}

fn replacing(schedule: RateScheduleId) -> NewReplacement {
    NewReplacement { schedule, with_schedule: None, with_version: None, with_tariff: None }
}

impl Billed {
    fn asked(&self, replacements: Vec<NewReplacement>) -> NewWhatIf {
        NewWhatIf {
            name: "Steeper".to_owned(),
            from_on: date!(2026 - 01 - 01),
            to_on: date!(2026 - 12 - 31),
            sites: None,
            classes: None,
            accounts: None,
            replacements,
        }
    }

    /// 2.00 and 0.15 a kWh: the same at 200 kWh.
    fn steeper(&self) -> NewWhatIf {
        let with_tariff = Some(flat_and_unit("2.00", "0.15"));
        self.asked(vec![NewReplacement { with_tariff, ..replacing(self.town.schedule) }])
    }

    fn try_start(&self, caller: &Caller, new: NewWhatIf) -> app::Result<WhatIfView> {
        self.town.office.tx(|tx| app::what_if::start(tx, caller, new))
    }

    fn start(&self, new: NewWhatIf) -> WhatIfRunId {
        self.try_start(&self.town.office.caller, new).unwrap().run.id
    }

    fn view(&self, id: WhatIfRunId) -> WhatIfView {
        self.town.office.app.what_if_run(&self.town.office.caller, id).unwrap()
    }

    fn tried(&self, new: NewWhatIf) -> WhatIfView {
        let id = self.start(new);
        self.town.office.app.work_until_idle().unwrap();
        let view = self.view(id);
        assert_eq!(view.operation.operation.state, OperationState::Done, "{:?}", view.operation);
        view
    }

    fn results(&self, id: WhatIfRunId, filter: &ResultFilter) -> Vec<ListedResult> {
        let (app, caller) = (&self.town.office.app, &self.town.office.caller);
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let page = app.what_if_accounts(caller, id, filter, after.as_ref(), 2).unwrap();
            all.extend(page.items);
            after = page.next;
            if after.is_none() {
                return all;
            }
        }
    }

    fn differences(&self, id: WhatIfRunId) -> BTreeMap<AccountId, i64> {
        let all = self.results(id, &ResultFilter::default());
        all.iter().map(|row| (row.account_id, row.difference_minor.minor())).collect()
    }

    /// Another 50 kWh of Ana's.
    fn february_of_ana(&self) {
        let town = &self.town;
        let february = town.run(town.window(date!(2026 - 02 - 01), date!(2026 - 02 - 28)));
        let registers = "SELECT min(id) AS n FROM registers WHERE service_point_id = \
                         (SELECT service_point_id FROM service_points WHERE code = 'SP-1')";
        let point =
            town.office.number("SELECT service_point_id AS n FROM service_points WHERE code = 'SP-1'");
        let register = RegisterId::new(ServicePointId(point), town.office.number(registers));
        town.office.execute("UPDATE business_clock SET moved_to = '2026-03-03T12:00Z'");
        town.read(register, date!(2026 - 02 - 28), 1150);
        let test = town.test(february);
        let states = town.accept(february, test);
        assert_eq!(states[&ItemState::Accepted], 1, "{states:?}");
    }

    /// Everything that billing has written, as one number.
    fn books(&self) -> i64 {
        let whole = |table: &str| {
            format!("coalesce((SELECT string_agg(t::text, ',' ORDER BY t::text) FROM {table} t), '')")
        };
        let tables = ["accounts", "contracts", "bills", "segments", "fts", "rate_schedules", "rate_versions"];
        let all = tables.map(whole).join(" || ");
        self.town.office.number(&format!("SELECT ('x' || substr(md5({all}), 1, 15))::bit(60)::bigint AS n"))
    }
}

fn figures(counts: [i64; 5], billed: i64, alternative: i64) -> Figures {
    let [accounts, winners, losers, unchanged, errors] = counts;
    let money = Money::from_minor;
    Figures {
        accounts,
        winners,
        losers,
        unchanged,
        errors,
        billed: money(billed),
        alternative: money(alternative),
        difference: money(alternative - billed),
    }
}

#[test]
fn winners_losers_and_those_that_cannot_be_rated_again() {
    let billed = billed();
    let office = &billed.town.office;
    // The lamps are to be priced by a rate that asks for kWh: there are none.
    let wrong = office.schedule("E-9", Commodity::Electricity);
    office.add_version(wrong, from_day(flat_and_unit("1.00", "0.01"), "2025-01-01")).unwrap();
    let mut new = billed.steeper();
    new.replacements.push(NewReplacement { with_schedule: Some(wrong), ..replacing(billed.lamps) });
    let before = billed.books();
    let view = billed.tried(new);
    assert_eq!(billed.books(), before, "a trial changes nothing of billing");

    let progress = view.operation.progress;
    assert_eq!((view.operation.operation.total, progress.done, progress.failed), (5, 4, 1));
    // 22 + 42 + 62 + 32 = 158; 17 + 47 + 77 + 32 = 173.
    assert_eq!(view.totals, figures([4, 1, 2, 1, 1], 15_800, 17_300));
    let classes: BTreeMap<String, Figures> = view.classes.iter().cloned().collect();
    assert_eq!(classes["commercial"], figures([2, 0, 1, 1, 0], 94_00, 10_900));
    assert_eq!(classes["residential"], figures([2, 1, 1, 0, 1], 64_00, 64_00));
    let notes = office.app.operation_notes(&office.caller, view.run.operation_id, 10).unwrap();
    assert_eq!(notes, [format!("{} quantity_missing", billed.eve)]);
    let result = view.operation.operation.result.unwrap();
    assert_eq!((&result["winners"], &result["errors"]), (&json!(1), &json!(1)));

    let id = view.run.id;
    let sorted = |order| {
        let filter = ResultFilter { order, ..ResultFilter::default() };
        billed.results(id, &filter).iter().map(|row| row.account_id).collect::<Vec<_>>()
    };
    let Billed { ana, ben, shop, mill, eve, .. } = billed;
    assert_eq!(sorted(AccountOrder::Account), [ana, ben, shop, mill, eve]);
    assert_eq!(sorted(AccountOrder::Difference), [ana, mill, eve, ben, shop]);
    assert_eq!(sorted(AccountOrder::DifferenceDescending), [shop, ben, eve, mill, ana]);
    let filter = ResultFilter { outcome: Some(WhatIfOutcome::Error), ..ResultFilter::default() };
    let errors = billed.results(id, &filter);
    assert_eq!(errors.len(), 1);
    assert_eq!((errors[0].account_id, errors[0].segments), (eve, 2));
    assert_eq!((errors[0].billed_minor, errors[0].alternative_minor), (Money::from_minor(35_50), None));
    assert_eq!(errors[0].error_code.as_deref(), Some("quantity_missing"));
    let filter = ResultFilter {
        outcome: Some(WhatIfOutcome::Loser),
        class_code: Some("commercial".to_owned()),
        order: AccountOrder::Account,
    };
    let losers = billed.results(id, &filter);
    assert_eq!(losers.iter().map(|row| row.account_id).collect::<Vec<_>>(), [shop]);
    assert_eq!(losers[0].alternative_minor, Some(Money::from_minor(77_00)));

    let filter = ResultFilter { outcome: Some(WhatIfOutcome::Winner), ..ResultFilter::default() };
    let mut sheet = office.app.what_if_sheet(&office.caller, id, &filter).unwrap();
    let mut text = String::new();
    sheet.file.read_to_string(&mut text).unwrap();
    let number = billed.results(id, &filter)[0].number;
    assert_eq!(
        text,
        format!(
            "account_id,account_number,class_code,segments,outcome,billed,alternative,difference,currency,\
             error_code,error_detail\r\n{ana},{number},residential,1,winner,22.00,17.00,-5.00,USD,,\r\n"
        )
    );
    assert_eq!(sheet.bytes, text.len() as u64);
}

#[test]
fn a_rate_in_its_own_place_gives_what_was_billed() {
    let billed = billed();
    let town = &billed.town;
    // February is 28 days, within the tolerance, and no first segment.
    billed.february_of_ana();
    let itself = |schedule| NewReplacement { with_schedule: Some(schedule), ..replacing(schedule) };
    let view = billed.tried(billed.asked(vec![itself(town.schedule), itself(billed.lamps)]));
    // January 158.00 and Eve's 35.50; February of Ana 12.00 + 5.00.
    assert_eq!(view.totals, figures([5, 0, 0, 5, 0], 21_050, 21_050));
    let ana = billed.results(view.run.id, &ResultFilter::default()).swap_remove(0);
    assert_eq!((ana.account_id, ana.segments, ana.billed_minor.minor()), (billed.ana, 2, 39_00));
    // The days are those of the segments' ends.
    let mut new = billed.steeper();
    new.from_on = date!(2026 - 02 - 01);
    let view = billed.tried(new);
    assert_eq!(view.totals, figures([1, 1, 0, 0, 0], 17_00, 9_50));
}

#[test]
fn a_trial_goes_on_from_what_it_found_itself() {
    let billed = billed();
    let town = &billed.town;
    billed.february_of_ana();
    // Rules of other names than those that billed; at least 365.00 a year, of which January and February
    // are 58.00: Ana's 100 and 50 kWh at 0.40 come to 60.00 by then.
    let tariff = json!({ "rules": [
        { "id": "e", "label": { "en": "Energy" },
          "charge": { "kind": "unit", "quantity": { "unit": "kwh" }, "price": "0.40" } },
        { "id": "least", "label": { "en": "Least of the year" },
          "charge": { "kind": "minimum", "amount": "365.00", "of": "all",
                      "settled": { "every": "year", "month": 2 } } } ] });
    let with_tariff = NewReplacement { with_tariff: Some(tariff), ..replacing(town.schedule) };
    let mut new = billed.asked(vec![with_tariff]);
    new.accounts = Some(vec![billed.ana]);
    let view = billed.tried(new);
    assert_eq!(view.totals, figures([1, 0, 1, 0, 0], 39_00, 60_00));
}

#[test]
fn the_other_segments_of_a_bill_are_priced_as_when_it_was_billed() {
    let billed = billed();
    // Eve's lamps by her electricity: 100 kWh at 0.05, and 4.50 a lamp no more.
    let aside = json!({ "rules": [
        { "id": "lamps", "label": { "en": "Lamps" }, "charge": { "kind": "formula",
          "with": { "used": { "segment": { "of": "electric", "quantity": { "unit": "kwh" } } } },
          "amount": "used * 0.05" } } ] });
    let with_tariff = NewReplacement { with_tariff: Some(aside), ..replacing(billed.lamps) };
    let view = billed.tried(billed.asked(vec![with_tariff]));
    assert_eq!(view.totals, figures([1, 1, 0, 0, 0], 13_50, 5_00));
}

#[test]
fn counts_are_those_of_the_bill_and_not_of_today() {
    let billed = billed();
    billed
        .town
        .office
        .execute("UPDATE contracts SET items = '{\"lamp\": \"10\"}' WHERE items::text LIKE '%lamp%'");
    let itself = NewReplacement { with_schedule: Some(billed.lamps), ..replacing(billed.lamps) };
    let view = billed.tried(billed.asked(vec![itself]));
    assert_eq!(view.totals, figures([1, 0, 0, 1, 0], 13_50, 13_50));
}

#[test]
fn a_trial_that_is_over_can_be_thrown_away() {
    let billed = billed();
    let office = &billed.town.office;
    let id = billed.start(billed.steeper());
    let north = office.clerk_of(&[SiteId(1)]);
    assert_eq!(refused(office.app.delete_what_if_run(&office.caller, id)).code, Code::WrongState);
    office.app.work_until_idle().unwrap();
    assert_eq!(refused(office.app.delete_what_if_run(&north, id)).code, Code::NotFound);
    office.app.delete_what_if_run(&office.caller, id).unwrap();
    for table in ["what_if_runs", "what_if_accounts", "what_if_totals"] {
        assert_eq!(office.number(&format!("SELECT count(*) AS n FROM {table}")), 0, "{table}");
    }
    assert_eq!(refused(office.app.what_if_run(&office.caller, id)).code, Code::NotFound);
    assert_eq!(
        office.number("SELECT count(*) AS n FROM audit_entries WHERE action = 'what_if_run.delete'"),
        1
    );
}

#[test]
fn a_version_is_tried_on_every_day_and_later_ones_change_nothing() {
    let billed = billed();
    let (office, schedule) = (&billed.town.office, billed.town.schedule);
    let version =
        office.add_version(schedule, from_day(flat_and_unit("2.00", "0.15"), "2030-01-01")).unwrap();
    let with_version = NewReplacement { with_version: Some(version), ..replacing(schedule) };
    let expected = [
        (billed.ana, -5_00),
        (billed.ben, 5_00),
        (billed.shop, 15_00),
        (billed.mill, 0),
        (billed.eve, -5_00),
    ];
    let view = billed.tried(billed.asked(vec![with_version]));
    assert_eq!(billed.differences(view.run.id), BTreeMap::from(expected));
    let view = billed.tried(billed.steeper());
    assert_eq!(billed.differences(view.run.id), BTreeMap::from(expected), "a tariff that nobody has saved");

    let itself = NewReplacement { with_schedule: Some(schedule), ..replacing(schedule) };
    let id = billed.start(billed.asked(vec![itself]));
    office.add_version(schedule, from_day(flat_and_unit("99.00", "9.00"), "2025-06-01")).unwrap();
    office.app.work_until_idle().unwrap();
    assert_eq!(billed.view(id).totals.unchanged, 5);
}

#[test]
fn the_scope_is_the_callers_sites_classes_and_accounts() {
    let billed = billed();
    let office = &billed.town.office;
    let (north, south) = (office.clerk_of(&[SiteId(1)]), office.clerk_of(&[SiteId(2)]));
    let id = billed.try_start(&north, billed.steeper()).unwrap().run.id;
    let of_north = |what: &dyn Fn(&Caller) -> bool| (what(&north), what(&south), what(&office.caller));
    office.app.work_until_idle().unwrap();
    let accounts: Vec<AccountId> = billed.differences(id).into_keys().collect();
    assert_eq!(accounts, [billed.ana, billed.mill, billed.eve]);
    assert_eq!(of_north(&|caller| office.app.what_if_run(caller, id).is_ok()), (true, false, true));
    let listed = |caller: &Caller| office.app.what_if_runs(caller, None, 10).unwrap().items.len() == 1;
    assert_eq!(of_north(&listed), (true, false, true));
    let sheet = |caller: &Caller| office.app.what_if_sheet(caller, id, &ResultFilter::default()).is_ok();
    assert_eq!(of_north(&sheet), (true, false, true));
    let steered = office.tx(|tx| {
        let operation = store::what_if::find(tx, id)?.unwrap().operation_id;
        office.app.control_operation(tx, &south, operation, Control::Cancel)
    });
    assert_eq!(refused(steered).code, Code::NotFound);

    let mut new = billed.steeper();
    new.classes = Some(vec!["commercial".to_owned()]);
    assert_eq!(billed.differences(billed.tried(new.clone()).run.id).len(), 2);
    new.accounts = Some(vec![billed.mill, billed.ana]);
    assert_eq!(
        billed.differences(billed.tried(new.clone()).run.id).into_keys().collect::<Vec<_>>(),
        [billed.mill]
    );
    new.sites = Some(vec![SiteId(2)]);
    assert_eq!(refused(billed.try_start(&office.caller, new.clone())).code, Code::EmptyScope);
    // What lies beyond one's sites does not exist.
    assert_eq!(pointers(&refused(billed.try_start(&north, new.clone()))), ["/site_ids/0"]);
    new.sites = Some(vec![SiteId(77)]);
    assert_eq!(pointers(&refused(billed.try_start(&office.caller, new.clone()))), ["/site_ids/0"]);
    new.sites = None;
    assert_eq!(pointers(&refused(billed.try_start(&south, new.clone()))), ["/account_ids/0"]);
    new.classes = Some(vec!["commercial".to_owned(), "nobody".to_owned()]);
    assert_eq!(pointers(&refused(billed.try_start(&north, new))), ["/class_codes/1"]);
}

#[test]
fn what_cannot_be_tried_is_refused_with_its_place() {
    let billed = billed();
    let office = &billed.town.office;
    let (schedule, empty) = (billed.town.schedule, office.schedule("E-0", Commodity::Electricity));
    let water = office.schedule("W-1", Commodity::Water);
    let with = |tariff: Value| NewReplacement { with_tariff: Some(tariff), ..replacing(schedule) };
    let fine = || with(flat_and_unit("1.00", "0.10"));
    let place = |replacements| {
        let problem = refused(billed.try_start(&office.caller, billed.asked(replacements)));
        assert!(!problem.errors.is_empty(), "{problem:?}");
        problem.errors[0].pointer.clone()
    };
    assert_eq!(place(vec![]), "/replacements");
    assert_eq!(place(vec![replacing(schedule)]), "/replacements/0");
    assert_eq!(place(vec![NewReplacement { with_schedule: Some(schedule), ..fine() }]), "/replacements/0");
    assert_eq!(place(vec![fine(), fine()]), "/replacements/1/schedule_id");
    assert_eq!(place(vec![replacing(RateScheduleId(1))]), "/replacements/0/schedule_id");
    for id in [empty, water, RateScheduleId(1)] {
        let one = NewReplacement { with_schedule: Some(id), ..replacing(schedule) };
        assert_eq!(place(vec![one]), "/replacements/0/with_schedule_id");
    }
    let one = NewReplacement { with_version: Some(RateVersionId(1)), ..replacing(schedule) };
    assert_eq!(place(vec![one]), "/replacements/0/with_version_id");
    let tariff = "/replacements/0/with_tariff";
    assert_eq!(place(vec![with(json!(7))]), tariff);
    let at = place(vec![with(from_day(flat_and_unit("1.00", "0.10"), "tomorrow"))]);
    assert_eq!(at, format!("{tariff}/effective_on"));
    let at = place(vec![with(flat_and_unit("1.00", "cheap"))]);
    assert!(at.starts_with("/replacements/0/with_tariff/rules/1"), "{at}");
    let mut unknown = flat_and_unit("1.00", "0.10");
    unknown["rules"][0]["gl_account"] = json!("9999");
    assert_eq!(place(vec![with(unknown)]), "/replacements/0/with_tariff/rules/0/gl_account");
    let backwards = NewWhatIf { to_on: date!(2025 - 12 - 31), ..billed.steeper() };
    assert_eq!(pointers(&refused(billed.try_start(&office.caller, backwards))), ["/to_on"]);
    let nameless = NewWhatIf { name: " ".to_owned(), ..billed.steeper() };
    assert_eq!(pointers(&refused(billed.try_start(&office.caller, nameless))), ["/name"]);
    assert_eq!(office.number("SELECT count(*) AS n FROM what_if_runs"), 0);
}

/// The one chunk as two: the first two accounts, and the others.
const SPLIT: &str = "INSERT INTO chunks (id, operation_id, seq, state, items, done, failed, attempts) \
                       SELECT -id, operation_id, 2, state, items[3:], 0, 0, 0 FROM chunks WHERE state = 'queued'; \
                     UPDATE chunks SET items = items[:2] WHERE state = 'queued' AND seq = 1";

#[test]
fn a_worker_that_dies_leaves_nothing_half_and_another_goes_on() {
    let billed = billed();
    let office = &billed.town.office;
    let id = billed.start(billed.steeper());
    office.execute(SPLIT);
    assert!(office.app.work_once().unwrap());
    let half = billed.view(id);
    assert_eq!(
        (half.totals.accounts, half.operation.progress.done, half.operation.progress.open_chunks),
        (2, 2, 1)
    );
    // All of the second chunk is written when its worker dies: nothing of it is left.
    let died: app::Result<()> = office.tx(|tx| {
        let chunk = queue::claim(tx, time::OffsetDateTime::UNIX_EPOCH)?.unwrap();
        let operation = queue::operation(tx, chunk.operation_id)?.unwrap();
        app::what_if::ReRating::default().run(&office.app, tx, &operation, &chunk.items)?;
        assert_eq!(store::what_if::totals(tx, id)?.iter().map(|of| of.losers).sum::<i64>(), 2);
        Err(Error::Fault("killed".to_owned()))
    });
    assert!(died.is_err());
    assert_eq!(billed.view(id).totals, half.totals);
    // Another process, after a pause.
    let keys = tempfile::tempdir().unwrap();
    let keys = app::keys::Keys::load_or_create(keys.path()).unwrap();
    let other = App::new(Parts::new(Db::connect(office.app.db().url(), 2).unwrap(), keys));
    let steer =
        |what| office.tx(|tx| other.control_operation(tx, &office.caller, half.run.operation_id, what));
    steer(Control::Pause).unwrap();
    assert!(!other.work_once().unwrap());
    steer(Control::Resume).unwrap();
    other.work_until_idle().unwrap();
    let view = billed.view(id);
    assert_eq!(view.operation.operation.state, OperationState::Done);
    assert_eq!(view.totals, figures([5, 2, 2, 1, 0], 18_000, 19_000));
    assert_eq!(office.number("SELECT count(*) AS n FROM what_if_accounts"), 5);
    assert_eq!(billed.tried(billed.steeper()).totals, view.totals, "asked again, it says the same");

    let id = billed.start(billed.steeper());
    office.execute(SPLIT);
    assert!(office.app.work_once().unwrap());
    let operation = billed.view(id).run.operation_id;
    office.tx(|tx| office.app.control_operation(tx, &office.caller, operation, Control::Cancel)).unwrap();
    office.app.work_until_idle().unwrap();
    let view = billed.view(id);
    assert_eq!((view.operation.operation.state, view.totals.accounts), (OperationState::Cancelled, 2));
}

#[test]
fn a_broken_record_or_a_monstrous_price_harms_only_its_account() {
    let billed = billed();
    let office = &billed.town.office;
    office.execute(&format!(
        "UPDATE segments SET document = '{{\"v\":9}}' WHERE account_id = {}",
        billed.ben.0
    ));
    let view = billed.tried(billed.steeper());
    assert_eq!(view.totals, figures([4, 2, 1, 1, 1], 13_800, 14_300));
    let filter = ResultFilter { outcome: Some(WhatIfOutcome::Error), ..ResultFilter::default() };
    let errors = billed.results(view.run.id, &filter);
    assert_eq!((errors[0].account_id, errors[0].billed_minor.minor()), (billed.ben, 42_00));
    assert_eq!(errors[0].error_code.as_deref(), Some("internal"));

    let with_tariff = Some(flat_and_unit("90000000000000000", "0.10"));
    let view =
        billed.tried(billed.asked(vec![NewReplacement { with_tariff, ..replacing(billed.town.schedule) }]));
    assert_eq!((view.totals.errors, view.totals.accounts), (5, 0));
    let codes = billed.results(view.run.id, &filter).into_iter().filter_map(|row| row.error_code);
    assert_eq!(codes.filter(|code| code == "arithmetic_overflow").count(), 4);
}

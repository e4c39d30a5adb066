//! Interval data going out: Green Button that reads back, values and sums.

use crate::exchange::{town, try_import};
use crate::load::{Place, admin};
use app::exchange::Asked;
use meterdata::{FileForm, Flow, Item, Moment};
use metering::IntervalDay;
use std::io::Read as _;
use store::intervals::StoredDay;
use time::Date;
use time::macros::{date, datetime};
use vocab::{AccountId, Code, Decimal, ReadQuality, RegisterId, ServicePointId, Unit, Zone};

const FIRST: Date = date!(2026 - 02 - 01);

/// The first house's register with three days of hours: the second has gaps and estimates, the third is held.
fn metered() -> (Place, RegisterId) {
    let place = town(1);
    place.database.execute("UPDATE registers SET kind = 'interval', unit = 'kwh'").unwrap();
    place.database.execute("UPDATE service_points SET commodity = 'electricity'").unwrap();
    let point = ServicePointId(place.database.number("SELECT service_point_id AS n FROM registers").unwrap());
    let register = RegisterId::new(point, place.database.number("SELECT id AS n FROM registers").unwrap());
    let hour = |n: i64| Decimal::new(n, 3);
    let day = |values: &[Decimal]| {
        let mut day = IntervalDay::new(60, 24).unwrap();
        day.set(0, values, ReadQuality::Actual).unwrap();
        day
    };
    let whole: Vec<Decimal> = (1..=24).map(hour).collect();
    let mut gaps = day(&whole[..10]);
    gaps.set(12, &[hour(500), hour(1_250)], ReadQuality::Estimated).unwrap();
    let days = [(day(&whole), false), (gaps, false), (day(&whole), true)];
    place
        .app
        .db()
        .tx(|tx| {
            store::intervals::make_months(tx, [FIRST])?;
            let mut rows = Vec::new();
            let mut on = FIRST;
            for (data, is_held) in &days {
                rows.push(StoredDay::new(register, on, data, None, *is_held)?);
                on = on.next_day().unwrap();
            }
            Ok::<_, app::Error>(store::intervals::copy_in(tx, &rows)?)
        })
        .unwrap();
    (place, register)
}

fn refused<T: std::fmt::Debug>(outcome: app::Result<T>) -> (String, Code) {
    let problem = outcome.unwrap_err().problem();
    (problem.errors[0].pointer.clone(), problem.errors[0].code)
}

#[test]
fn a_service_points_own_data_reads_back_from_green_button() {
    let (place, register) = metered();
    let last = date!(2026 - 02 - 28);
    let mut of = place.app.green_button(&admin(), register.owner, None, (FIRST, last)).unwrap();
    let mut text = String::new();
    of.file.read_to_string(&mut text).unwrap();
    assert_eq!(of.bytes, text.len() as u64);
    let zone = Zone::utc();
    let items: Vec<Item> =
        FileForm::GreenButton.open(text.as_bytes(), &zone).unwrap().map(Result::unwrap).collect();
    let blocks: Vec<_> = items
        .iter()
        .map(|item| match item {
            Item::Intervals(intervals) => intervals,
            other => panic!("{other:?}"),
        })
        .collect();
    let starts: Vec<Moment> = blocks.iter().map(|block| block.begins).collect();
    let instants =
        [datetime!(2026-02-01 0:00 UTC), datetime!(2026-02-02 0:00 UTC), datetime!(2026-02-02 12:00 UTC)];
    assert_eq!(starts, instants.map(Moment::Instant));
    assert!(blocks.iter().all(|block| block.minutes == 60));
    let channel = &blocks[0].channel;
    assert_eq!(
        (channel.register.as_deref(), channel.unit, channel.flow),
        (Some("1"), Some(Unit::Kwh), Flow::Delivered)
    );
    assert_eq!(channel.point.as_deref(), Some("UsagePoint/W-0"));
    assert_eq!(blocks[0].values, (1..=24).map(|n| Decimal::new(n, 3)).collect::<Vec<_>>());
    assert_eq!(blocks[2].values, [Decimal::new(5, 1), Decimal::new(125, 2)]);
    assert_eq!(blocks[2].qualities[0].quality.kind, Some(ReadQuality::Estimated));
    assert_eq!(blocks[1].values.len(), 10);

    let long = place.app.green_button(&admin(), register.owner, None, (FIRST, date!(2027 - 03 - 08)));
    assert_eq!(refused(long), ("/to".to_owned(), Code::FieldRange));
    assert!(place.app.green_button(&admin(), register.owner, None, (FIRST, date!(2027 - 03 - 07))).is_ok());
    let backwards = place.app.green_button(&admin(), register.owner, None, (last, FIRST));
    assert_eq!(refused(backwards).0, "/to");
    let nowhere = place.app.green_button(&admin(), ServicePointId(404), None, (FIRST, last));
    assert_eq!(nowhere.unwrap_err().problem().code, Code::NotFound);
}

#[test]
fn values_and_sums_mark_what_is_held() {
    let (place, register) = metered();
    let last = date!(2026 - 02 - 28);
    let found = place.app.interval_data(&admin(), register, FIRST, last).unwrap();
    assert_eq!((found.register.unit, found.days.len()), (Unit::Kwh, 3));
    let (row, data) = &found.days[1];
    assert_eq!((row.day, row.is_held, data.get(10)), (date!(2026 - 02 - 02), false, None));
    assert_eq!(data.get(13), Some((Decimal::new(125, 2), ReadQuality::Estimated)));
    let long = place.app.interval_data(&admin(), register, FIRST, date!(2026 - 03 - 04));
    assert_eq!(refused(long).0, "/to");

    let (_, days) = place.app.interval_days(&admin(), register, FIRST, last).unwrap();
    let seen: Vec<_> = days.iter().map(|day| (day.total.normalize(), day.missing, day.is_held)).collect();
    // 1 to 24 Wh; 1 to 10 Wh and the two estimates.
    let (whole, gaps) = (Decimal::new(3, 1), Decimal::new(1805, 3));
    assert_eq!(seen, [(whole, 0, false), (gaps, 12, false), (whole, 0, true)]);
    let (_, months) = place.app.interval_months(&admin(), register, FIRST, last).unwrap();
    assert_eq!((months.len(), months[0].days, months[0].total.normalize()), (1, 2, Decimal::new(2105, 3)));
    let foreign = RegisterId::new(register.owner, 404);
    assert_eq!(
        place.app.interval_data(&admin(), foreign, FIRST, last).unwrap_err().problem().code,
        Code::NotFound
    );
}

#[test]
fn green_button_gives_a_customers_own_days_alone() {
    let (place, register) = metered();
    // The first two days were another's; the third, which is held, is let go.
    place
        .database
        .execute(
            "UPDATE interval_days SET is_held = false; \
             UPDATE contracts SET ends_on = '2026-02-02', state = 'stopped' WHERE service_point_id IS NOT NULL; \
             INSERT INTO accounts SELECT (a).* FROM (SELECT jsonb_populate_record(a, '{\"account_id\": 77, \
             \"number\": 77}') AS a FROM accounts a LIMIT 1) AS of; \
             INSERT INTO contracts SELECT (c).* FROM (SELECT jsonb_populate_record(c, '{\"account_id\": 77, \
             \"starts_on\": \"2026-02-03\", \"ends_on\": null, \"state\": \"active\"}') AS c FROM contracts c \
             WHERE service_point_id IS NOT NULL LIMIT 1) AS of; \
             INSERT INTO service_point_contracts SELECT (l).* FROM (SELECT jsonb_populate_record(l, \
             '{\"account_id\": 77}') AS l FROM service_point_contracts l LIMIT 1) AS of",
        )
        .unwrap();
    let former = AccountId(
        place.database.number("SELECT account_id AS n FROM contracts WHERE ends_on = '2026-02-02'").unwrap(),
    );
    let days = |account, from, to| -> app::Result<usize> {
        let mut of = place.app.green_button(&admin(), register.owner, account, (from, to))?;
        let mut text = String::new();
        of.file.read_to_string(&mut text).unwrap();
        let zone = Zone::utc();
        let items = FileForm::GreenButton.open(text.as_bytes(), &zone).unwrap();
        let starts = items.map(|item| match item.unwrap() {
            Item::Intervals(intervals) => match intervals.begins {
                Moment::Instant(at) => at.date(),
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        });
        Ok(starts.collect::<std::collections::BTreeSet<_>>().len())
    };
    let (last, second) = (date!(2026 - 02 - 28), date!(2026 - 02 - 02));
    assert_eq!(days(None, FIRST, last).unwrap(), 1);
    assert_eq!(days(Some(AccountId(77)), FIRST, last).unwrap(), 1);
    assert_eq!(days(Some(former), FIRST, last).unwrap(), 2);
    assert_eq!(days(None, FIRST, second).unwrap(), 2);
    assert_eq!(refused(days(Some(AccountId(77)), FIRST, second)).0, "/account_id");
    assert_eq!(refused(days(Some(AccountId(78)), FIRST, last)).0, "/account_id");
    assert_eq!(refused(days(None, date!(2019 - 01 - 01), date!(2019 - 02 - 01))).0, "/from");
}

#[test]
fn what_a_day_was_before_is_shown_with_who_brought_it() {
    let place = town(1);
    place
        .database
        .execute("UPDATE registers SET kind = 'interval', unit = 'kwh', code = 'E1'; UPDATE settings SET time_zone = 'Australia/Brisbane'")
        .unwrap();
    let file = |value: &str| {
        let values = vec![value; 24].join(",");
        let text = format!(
            "100,NEM12,202602110000,MDP,RET\n200,W-0,E1,E1,E1,,M-0,KWH,60,\n300,20260210,{values},A,,,20260211000000,\n900\n"
        );
        try_import(&place, &admin(), text.as_bytes(), &Asked::Named("nem".to_owned())).unwrap()
    };
    let (first, second) = (file("1"), file("2"));
    let point = ServicePointId(place.database.number("SELECT service_point_id AS n FROM registers").unwrap());
    let id = RegisterId::new(point, place.database.number("SELECT id AS n FROM registers").unwrap());
    let (_, history) = place.app.interval_history(&admin(), id, date!(2026 - 02 - 10)).unwrap();
    let (now, data) = history.now.unwrap();
    assert_eq!((now.import_id, now.total), (Some(second.id.0), Decimal::from(48)));
    assert_eq!(data.get(0), Some((Decimal::from(2), ReadQuality::Actual)));
    let (was, data) = &history.past[0];
    assert_eq!((history.past.len(), was.import_id, was.total), (1, Some(first.id.0), Decimal::from(24)));
    assert_eq!((was.replaced_by_import_id, was.replaced_at.is_some()), (Some(second.id.0), true));
    assert_eq!(data.get(23), Some((Decimal::ONE, ReadQuality::Actual)));
    let names: Vec<_> = history.imports.iter().map(|of| (of.id, of.file_name.as_str())).collect();
    assert_eq!(names, [(first.id.0, "route-7.csv"), (second.id.0, "route-7.csv")]);
    let (_, none) = place.app.interval_history(&admin(), id, date!(2026 - 02 - 11)).unwrap();
    assert!(none.now.is_none() && none.past.is_empty());
    let absent = RegisterId::new(point, 404);
    let unknown = place.app.interval_history(&admin(), absent, date!(2026 - 02 - 10));
    assert_eq!(unknown.unwrap_err().problem().code, Code::NotFound);
}

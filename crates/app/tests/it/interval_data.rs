//! Interval data going out: Green Button that reads back, values and sums.

use crate::exchange::town;
use crate::load::{Place, admin};
use meterdata::{FileForm, Flow, Item, Moment};
use metering::IntervalDay;
use std::io::Read as _;
use store::intervals::StoredDay;
use time::Date;
use time::macros::{date, datetime};
use vocab::{Code, Decimal, ReadQuality, RegisterId, ServicePointId, Unit, Zone};

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
    let mut of = place.app.green_button(&admin(), register.owner, FIRST, last).unwrap();
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

    let long = place.app.green_button(&admin(), register.owner, FIRST, date!(2027 - 03 - 08));
    assert_eq!(refused(long), ("/to".to_owned(), Code::FieldRange));
    assert!(place.app.green_button(&admin(), register.owner, FIRST, date!(2027 - 03 - 07)).is_ok());
    let backwards = place.app.green_button(&admin(), register.owner, last, FIRST);
    assert_eq!(refused(backwards).0, "/to");
    let nowhere = place.app.green_button(&admin(), ServicePointId(404), FIRST, last);
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

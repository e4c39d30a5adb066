//! Intervals of local times around the days on which the clock changes, and dials with a constant.

#![cfg(test)]

use meterdata::beacon::BeaconFile;
use meterdata::cmep::CmepFile;
use meterdata::itron::{Holds, ItronFile, Stamped};
use meterdata::{Fault, FileFault, Item, Moment};
use time::OffsetDateTime;
use time::macros::datetime;
use vocab::Zone;

/// Set forward on 8 March 2026, back on 1 November.
fn zone() -> Zone {
    "America/Los_Angeles".parse().unwrap()
}

/// Beginning and length of each run of intervals, or the fault in its place.
fn runs(file: impl Iterator<Item = Result<Item, FileFault>>) -> Vec<Result<(OffsetDateTime, usize), Fault>> {
    file.map(|item| match item.unwrap() {
        Item::Intervals(run) => match run.begins {
            Moment::Instant(at) => Ok((at, run.values.len())),
            other => panic!("{other:?}"),
        },
        Item::Rejected(rejected) => Err(rejected.fault),
        other => panic!("{other:?}"),
    })
    .collect()
}

fn cmep(interval: &str, times: &[&str]) -> Vec<Result<(OffsetDateTime, usize), Fault>> {
    let triples: String = times.iter().map(|time| format!(",{time},R0,1")).collect();
    let text = format!("MEPMD01,2008,S,T,R,A,2026,M,OK,W,KWH,1.0,{interval},{}{triples}\n", times.len());
    runs(CmepFile::new(text.as_bytes(), &zone()))
}

#[test]
fn beginnings_are_instants_before_the_end() {
    let begins = datetime!(2026-03-08 09:00 UTC);
    assert_eq!(cmep("00000100", &["202603080300"]), [Ok((begins, 1))]);
    // Nothing is missing between 02:00, which is 03:00, and 04:00.
    assert_eq!(
        cmep("00000100", &["202603080100", "202603080300", "202603080400"]),
        [Ok((begins - time::Duration::HOUR, 3))]
    );
    let flow = "Location_ID,Flow,Flow_Time\nL1,5,03/08/2026 03:59\nL1,5,03/08/2026 03:00\n";
    let hour_later = begins + time::Duration::HOUR;
    assert_eq!(runs(BeaconFile::new(flow.as_bytes(), &zone())), [Ok((hour_later, 1)), Ok((begins, 1))]);
    let head = "Timestamp,Read_Value,Location_ID\n";
    let itron = |row: &str, minutes| {
        let holds = Holds::Intervals { minutes, stamped: Stamped::End };
        runs(ItronFile::new(format!("{head}{row},1,L1\n").as_bytes(), holds, &zone()))
    };
    assert_eq!(itron("03/08/2026 03:00", 60), [Ok((begins, 1))]);
    // A day is the calendar's: 25 hours.
    assert_eq!(itron("11/02/2026 00:00", 1440), [Ok((datetime!(2026-11-01 07:00 UTC), 1))]);
    let days = ["202611010000", "202611020000", "202611030000"];
    assert_eq!(cmep("00010000", &days), [Ok((datetime!(2026-10-31 07:00 UTC), 3))]);
}

#[test]
fn an_hour_is_doubled_only_where_the_clock_is_set_back() {
    let doubled = |day: u8, month: u8| {
        let times = ["00", "01", "01", "02"].map(|hour| format!("2026{month:02}{day:02}{hour}00"));
        cmep("00000100", &times.each_ref().map(String::as_str))
    };
    assert_eq!(doubled(1, 11), [Ok((datetime!(2026-11-01 06:00 UTC), 4))]);
    for (day, month) in [(25, 10), (8, 11), (8, 3)] {
        assert_eq!(doubled(day, month), [Err(Fault::Contradiction)]);
    }
}

/// A register's multiplier is the meter's; a file's constant is not to be put into what its dials show.
#[test]
fn dials_have_no_constant() {
    let read = |unit: &str, constant: &str| {
        let text =
            format!("MEPMD01,2008,S,T,R,A,2026,M,OK,W,{unit},{constant},00000100,1,202603080300,R0,7\n");
        CmepFile::new(text.as_bytes(), &zone()).map(Result::unwrap).collect::<Vec<_>>()
    };
    assert!(matches!(&read("KWHREG", "10")[..], [Item::Rejected(of)] if of.fault == Fault::Contradiction));
    assert!(matches!(&read("KWHREG", "1.00")[..], [Item::Reading(of)] if of.value == 7.into()));
    assert!(matches!(&read("KWH", "10")[..], [Item::Intervals(of)] if of.values == [70.into()]));
}

/// A record of a month of quarter hours is one line of 65 KiB.
#[test]
fn a_month_of_quarter_hours_is_a_record() {
    let quarter = |n: i64| datetime!(2026-05-01 00:15) + time::Duration::minutes(15 * n);
    let times: Vec<String> = (0..31 * 96)
        .map(quarter)
        .map(|at| format!("2026{:02}{:02}{:02}{:02}", u8::from(at.month()), at.day(), at.hour(), at.minute()))
        .collect();
    let times: Vec<&str> = times.iter().map(String::as_str).collect();
    assert_eq!(cmep("00000015", &times), [Ok((datetime!(2026-05-01 07:00 UTC), 31 * 96))]);
}

#[test]
fn rows_of_the_hour_that_comes_twice_are_told_by_their_order() {
    let head = "Timestamp,Read_Value,Location_ID\n";
    let itron = |minutes, rows: &[&str]| {
        let rows: String = rows.iter().map(|row| format!("11/01/2026 {row}\n")).collect();
        let holds = Holds::Intervals { minutes, stamped: Stamped::Beginning };
        runs(ItronFile::new(format!("{head}{rows}").as_bytes(), holds, &zone()))
    };
    // Minutes behind the first 01:00, which is 08:00 UTC.
    let first = datetime!(2026-11-01 08:00 UTC);
    let at = |minutes: &[i64]| -> Vec<Result<(OffsetDateTime, usize), Fault>> {
        minutes.iter().map(|minutes| Ok((first + time::Duration::minutes(*minutes), 1))).collect()
    };
    // Of two meters, hour by hour.
    let rows = ["00:00,1,A", "00:00,1,B", "01:00,2,A", "01:00,2,B", "01:00,3,A", "01:00,3,B", "02:00,4,A"];
    assert_eq!(itron(60, &rows), at(&[-60, -60, 0, 0, 60, 60, 120]));
    // From the last to the first.
    assert_eq!(itron(60, &["02:00,4,A", "01:00,3,A", "01:00,2,A", "00:00,1,A"]), at(&[120, 60, 0, -60]));
    let rows = ["01:00,1,A", "01:30,1,A", "01:00,1,A", "01:30,1,A", "02:00,1,A"];
    assert_eq!(itron(30, &rows), at(&[0, 30, 60, 90, 120]));
    let rows = ["02:00,1,A", "01:30,1,A", "01:00,1,A", "01:30,1,A", "01:00,1,A", "00:30,1,A"];
    assert_eq!(itron(30, &rows), at(&[120, 90, 60, 30, 0, -30]));
    // An hour that comes once is the first.
    assert_eq!(itron(60, &["00:00,1,A", "01:00,2,A", "03:00,3,A"]), at(&[-60, 0, 180]));

    let flows = ["00:59", "01:59", "01:59", "02:59"];
    let rows: String = flows.iter().map(|time| format!("L1,5,2026-11-01 {time}\n")).collect();
    let text = format!("Location_ID,Flow,Flow_Time\n{rows}");
    assert_eq!(runs(BeaconFile::new(text.as_bytes(), &zone())), at(&[-60, 0, 60, 120]));
}

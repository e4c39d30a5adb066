//! The other direction: a customer's own data.

use std::sync::Arc;

use meterdata::espi::{EspiFile, EspiWriter, Feed, LocalTime, Series, WriteFault, usage_point_path};
use meterdata::{Channel, Flow, Intervals, Item, Moment, Quality, QualityRun};
use proptest::prelude::*;
use rust_decimal::Decimal;
use time::macros::datetime;
use vocab::{Commodity, ReadQuality, Unit};

use crate::made::*;

fn writer() -> EspiWriter<Vec<u8>, impl FnMut(&str) -> String> {
    let feed = Feed {
        id: "urn:uuid:1",
        title: "A <customer> & \u{7}more",
        updated_at: datetime!(2026-02-01 8:00 UTC),
    };
    EspiWriter::new(Vec::new(), &feed, |path: &str| format!("urn:x:{path}")).unwrap()
}

fn quality(code: Option<u8>) -> Quality {
    let kind = match code {
        Some(8 | 9) => ReadQuality::Estimated,
        Some(7) => ReadQuality::Adjusted,
        _ => ReadQuality::Actual,
    };
    Quality { kind: Some(kind), flag: code.map(|code| code.to_string()).unwrap_or_default(), reason: None }
}

fn channel(point: &str, register: &str, unit: Unit, flow: Flow) -> Channel {
    let unit_text = match unit {
        Unit::Kwh => "Wh",
        Unit::Kw => "W",
        Unit::CubicMetre => "m3",
        _ => "therm",
    };
    Channel {
        point: Some(point.to_owned()),
        serial: None,
        register: Some(register.to_owned()),
        unit_text: unit_text.to_owned(),
        unit: Some(unit),
        flow,
    }
}

#[test]
fn a_customers_own_data_is_written_and_read() {
    let mut out = writer();
    let local = LocalTime {
        offset_seconds: -25_200,
        dst_offset_seconds: 3_600,
        dst_starts: "360E2000".to_owned(),
        dst_ends: "B40E2000".to_owned(),
    };
    out.local_time(&local).unwrap();
    out.usage_point("10-4 <7>", "12 Elm St & \"Co\"", Commodity::Electricity).unwrap();
    let channel = Arc::new(channel("10-4 <7>", "01", Unit::Kwh, Flow::Delivered));
    let series = Series {
        channel: &channel,
        commodity: Commodity::Electricity,
        minutes: 60,
        decimals: 3,
        title: "Use",
    };
    out.series(&series).unwrap();
    let missing = Quality { kind: None, flag: "N".to_owned(), reason: None };
    let written = Intervals {
        line: 1,
        channel: Arc::clone(&channel),
        begins: at(NEW_YEAR),
        minutes: 60,
        values: ["0.703", "-1.5", "0", "2"].map(number).to_vec(),
        qualities: vec![
            QualityRun { count: 2, quality: quality(Some(8)) },
            QualityRun { count: 1, quality: missing },
            QualityRun { count: 1, quality: quality(None) },
        ],
    };
    out.intervals(&written).unwrap();
    let bytes = out.finish().unwrap();
    let text = std::str::from_utf8(&bytes).unwrap();
    assert!(text.contains("<value>703</value>") && text.contains("<value>-1500</value>"), "{text}");
    assert!(text.contains("A &lt;customer&gt; &amp;  more"), "{text}");
    let mut file = EspiFile::new(&bytes[..]);
    let found: Vec<Item> = file.by_ref().map(Result::unwrap).collect();
    let found = intervals(&found);
    assert_eq!(found[0].values, ["0.703", "-1.5"].map(number));
    assert_eq!((found[1].begins, found[1].values.as_slice()), (at(NEW_YEAR + 3 * 3600), &[number("2")][..]));
    assert_eq!(found[0].channel.point, usage_point_path("10-4 <7>"));
    assert_eq!(file.local_time(), Some(&local));
    let [point] = file.usage_points() else { panic!("{:?}", file.usage_points()) };
    assert_eq!((point.title.as_str(), point.commodity), ("12 Elm St & \"Co\"", Some(Commodity::Electricity)));
    assert_eq!(Some(&point.path), found[0].channel.point.as_ref());
}

/// Hundreds of cubic feet are read as cubic feet, thousands of gallons as gallons.
#[test]
fn units_that_espi_has_not_are_written_in_those_that_it_has() {
    for (unit, value, decimals, read_unit, read_value) in [
        (Unit::Ccf, "1.5", 1, Unit::CubicFoot, "150"),
        (Unit::Kgal, "2.25", 2, Unit::Gallon, "2250"),
        (Unit::Kilolitre, "0.125", 3, Unit::Kilolitre, "0.125"),
        (Unit::Megajoule, "3.6", 1, Unit::Megajoule, "3.6"),
    ] {
        let channel = Arc::new(channel("7", "1", unit, Flow::Delivered));
        let mut out = writer();
        let commodity = Commodity::Gas;
        out.series(&Series { channel: &channel, commodity, minutes: 1440, decimals, title: "" }).unwrap();
        let qualities = vec![QualityRun { count: 1, quality: quality(None) }];
        let values = vec![number(value)];
        out.intervals(&Intervals {
            line: 1,
            channel,
            begins: at(NEW_YEAR),
            minutes: 1440,
            values,
            qualities,
        })
        .unwrap();
        let bytes = out.finish().unwrap();
        let found = items(std::str::from_utf8(&bytes).unwrap());
        let found = intervals(&found)[0];
        assert_eq!(
            (found.channel.unit, found.values.as_slice()),
            (Some(read_unit), &[number(read_value)][..])
        );
    }
}

#[test]
fn what_the_format_cannot_say_is_refused() {
    let good = Arc::new(channel("7", "1", Unit::Kwh, Flow::Delivered));
    let series =
        Series { channel: &good, commodity: Commodity::Electricity, minutes: 60, decimals: 3, title: "" };
    let intervals = Intervals {
        line: 1,
        channel: Arc::clone(&good),
        begins: at(NEW_YEAR),
        minutes: 60,
        values: vec![number("1")],
        qualities: vec![QualityRun { count: 1, quality: quality(None) }],
    };
    let unfit =
        |found: Result<(), WriteFault>| assert!(matches!(found, Err(WriteFault::Unfit(_))), "{found:?}");
    unfit(writer().intervals(&intervals));
    for channel in [
        Channel { point: None, ..(*good).clone() },
        Channel { point: Some(String::new()), ..(*good).clone() },
        Channel { point: Some("x".repeat(300)), ..(*good).clone() },
        Channel { register: None, ..(*good).clone() },
        Channel { register: Some("x".repeat(300)), ..(*good).clone() },
        Channel { unit: None, ..(*good).clone() },
    ] {
        unfit(writer().series(&Series { channel: &channel, ..series }));
    }
    unfit(writer().series(&Series { minutes: 7, ..series }));
    unfit(writer().series(&Series { decimals: 16, ..series }));
    let mut out = writer();
    out.series(&series).unwrap();
    for value in ["0.0001", "140737488355.328", "100000000000000000"] {
        unfit(out.intervals(&Intervals { values: vec![number(value)], ..intervals.clone() }));
    }
    unfit(out.intervals(&Intervals { minutes: 30, ..intervals.clone() }));
    unfit(out.intervals(&Intervals { qualities: Vec::new(), ..intervals.clone() }));
    unfit(out.intervals(&Intervals {
        begins: Moment::Local(time::macros::datetime!(2026-01-01 0:00)),
        ..intervals.clone()
    }));
    let other = Channel { register: Some("2".to_owned()), ..(*good).clone() };
    unfit(out.intervals(&Intervals { channel: Arc::new(other), ..intervals.clone() }));
    out.intervals(&Intervals { values: vec![number("140737488355.327")], ..intervals }).unwrap();
}

/// A series and its stretches, with gaps between them.
fn written_series() -> impl Strategy<Value = (Channel, u16, u8, Vec<Intervals>)> {
    let point = prop_oneof!["[0-9]{1,12}", "\\PC{1,20}", Just("RetailCustomer/9/UsagePoint/01".to_owned())];
    let unit = prop::sample::select(vec![Unit::Kwh, Unit::Kw, Unit::CubicMetre, Unit::Therm]);
    let flow = prop::sample::select(vec![Flow::Delivered, Flow::Received, Flow::Unstated]);
    let minutes = prop::sample::select(vec![1_u16, 5, 15, 30, 60, 1440]);
    let code = prop::sample::select(vec![None, Some(0_u8), Some(7), Some(8), Some(19)]);
    let value = (-10_000_000_i64..10_000_000, code);
    let stretches = prop::collection::vec((1_i64..100, prop::collection::vec(value, 1..40)), 1..5);
    (point, "\\PC{1,10}", unit, flow, minutes, 0_u8..9, stretches).prop_map(
        |(point, register, unit, flow, minutes, decimals, stretches)| {
            let channel = Arc::new(channel(&point, &register, unit, flow));
            let mut start = NEW_YEAR;
            let mut all = Vec::new();
            for (gap, values) in stretches {
                start += gap * i64::from(minutes) * 60;
                let begins = at(start);
                start += i64::try_from(values.len()).unwrap() * i64::from(minutes) * 60;
                let mut qualities: Vec<QualityRun> = Vec::new();
                for (_, code) in &values {
                    let quality = quality(*code);
                    match qualities.last_mut() {
                        Some(run) if run.quality == quality => run.count += 1,
                        _ => qualities.push(QualityRun { count: 1, quality }),
                    }
                }
                let values =
                    values.iter().map(|(value, _)| Decimal::new(*value, u32::from(decimals))).collect();
                all.push(Intervals {
                    line: 0,
                    channel: Arc::clone(&channel),
                    begins,
                    minutes,
                    values,
                    qualities,
                });
            }
            ((*channel).clone(), minutes, decimals, all)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    /// What is written is what is read, and what is read is written the same again.
    #[test]
    fn what_is_written_is_read(series in prop::collection::vec(written_series(), 1..4)) {
        let write = |series: &[(Channel, u16, u8, Vec<Intervals>)]| {
            let mut out = writer();
            for (channel, minutes, decimals, all) in series {
                let commodity = Commodity::Electricity;
                out.usage_point(channel.point.as_deref().unwrap(), "", commodity).unwrap();
                out.series(&Series { channel, commodity, minutes: *minutes, decimals: *decimals, title: "x" }).unwrap();
                for intervals in all {
                    out.intervals(intervals).unwrap();
                }
            }
            out.finish().unwrap()
        };
        let bytes = write(&series);
        let (found, fault) = read(&bytes);
        prop_assert!(fault.is_none(), "{:?}", fault);
        let expected: Vec<Intervals> = series
            .iter()
            .flat_map(|(_, _, _, all)| all)
            .map(|written| {
                let point = written.channel.point.as_deref().and_then(usage_point_path);
                let channel = Arc::new(Channel { point, ..(*written.channel).clone() });
                Intervals { channel, ..written.clone() }
            })
            .collect();
        let found: Vec<Intervals> = found
            .into_iter()
            .map(|item| if let Item::Intervals(found) = item { found } else { panic!("{item:?}") })
            .map(|found| Intervals { line: 0, ..found })
            .collect();
        prop_assert_eq!(&found, &expected);
        let mut rest = found.as_slice();
        let again: Vec<_> = series
            .iter()
            .map(|(_, minutes, decimals, all)| {
                let (own, others) = rest.split_at(all.len());
                rest = others;
                ((*own[0].channel).clone(), *minutes, *decimals, own.to_vec())
            })
            .collect();
        prop_assert_eq!(write(&again), bytes);
    }
}

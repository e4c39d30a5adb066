//! NEM12: days, their qualities, and what is wrong with them.

use crate::files::{OTHER, STREAM, day, days, dec, faults, nem12, quality, rejected, whole};
use meterdata::{Channel, Fault, Flow, Moment};
use rust_decimal::Decimal;
use time::macros::datetime;
use vocab::{ReadQuality, Unit};

#[test]
fn days_of_a_stream() {
    let first = day("20240101", 48, "1500", "A,,,20240102000000,");
    // The value of interval 21 is left out and said to be missing.
    let second =
        format!("300,20240103,{},,{},V,,,,,,\n", vec!["250.5"; 20].join(","), vec![".5"; 27].join(","));
    let qualities = "400,1,20,S14,76,\"Hail, \"\"large\"\"\"\n400,21,21,N,,\n400, 22 ,48,F67,,by telephone\n";
    let events = "500,O,ORDER1,20240102101500,001234.5\n500,N,,,\n";
    let stream = "200,NMI0000001,E1,1,E1,N1,METER01,Wh,30,\r\n";
    let text = nem12(&format!("{stream}{first}\n,,,\n{second}{qualities}{events}"));
    let items = whole(format!("\u{feff}{text}").as_bytes());
    assert_eq!(faults(&items), []);
    let found = days(&items);
    assert_eq!(found.len(), 2);
    let channel = Channel {
        point: Some("NMI0000001".into()),
        serial: Some("METER01".into()),
        register: Some("E1".into()),
        unit_text: "Wh".into(),
        unit: Some(Unit::Kwh),
        flow: Flow::Delivered,
    };
    assert_eq!(*found[0].channel, channel);
    assert_eq!((found[0].line, found[0].minutes), (3, 30));
    assert_eq!(found[0].begins, Moment::Instant(datetime!(2023-12-31 14:00 UTC)));
    assert_eq!(found[0].values, vec![dec("1.5"); 48]);
    assert_eq!(found[0].qualities.len(), 1);
    assert_eq!(found[0].qualities[0].quality, quality(Some(ReadQuality::Actual), "A", None));
    assert_eq!((found[1].line, found[1].begins), (6, Moment::Instant(datetime!(2024-01-03 0:00 +10))));
    assert_eq!(found[1].values[19..22], [dec("0.2505"), Decimal::ZERO, dec("0.0005")]);
    let runs: Vec<_> = found[1].qualities.iter().map(|run| (run.count, run.quality.clone())).collect();
    let hail = quality(Some(ReadQuality::Estimated), "S14", Some("76 Hail, \"large\""));
    let telephone = quality(Some(ReadQuality::Customer), "F67", Some("by telephone"));
    assert_eq!(runs, [(20, hail), (1, quality(None, "N", None)), (27, telephone)]);
}

#[test]
fn streams_and_their_units() {
    for (suffix, unit_text, unit, flow, value) in [
        ("E1", "KWH", Some(Unit::Kwh), Flow::Delivered, "1500"),
        ("B1", "MWh", Some(Unit::Kwh), Flow::Received, "1500000"),
        ("Q1", "VArh", Some(Unit::Kvarh), Flow::Delivered, "1.5"),
        ("K2", "kvarh", Some(Unit::Kvarh), Flow::Received, "1500"),
        ("T1", "kVAh", None, Flow::Unstated, "1500"),
        ("V1", "", None, Flow::Unstated, "1500"),
    ] {
        let records = format!("200,N,,,{suffix},,,{unit_text},5\n{}", day("20240101", 288, "1500.0", "A"));
        let items = whole(nem12(&records).as_bytes());
        let found = days(&items)[0];
        assert_eq!((found.minutes, found.values.len()), (5, 288));
        let channel = &found.channel;
        assert_eq!((channel.unit_text.as_str(), channel.unit, channel.flow), (unit_text, unit, flow));
        assert_eq!((channel.register.as_deref(), &channel.serial), (Some(suffix), &None));
        assert_eq!(found.values[287], dec(value), "{unit_text}");
    }
}

/// Not of the format, but written: qualities of a part under a day that has one itself.
#[test]
fn qualities_under_a_day_of_one_quality_replace_it() {
    let records = format!("{STREAM}{}400,3,5,S,1,Opened\n400,48,48,N,,\n", day("20240101", 48, "1", "A,,,,"));
    let items = whole(nem12(&records).as_bytes());
    let runs: Vec<_> =
        days(&items)[0].qualities.iter().map(|run| (run.count, run.quality.flag.as_str())).collect();
    assert_eq!(runs, [(2, "A"), (3, "S"), (42, "A"), (1, "N")]);
}

#[test]
fn a_bad_record_harms_itself_and_what_hangs_on_it() {
    use Fault::{
        BadInterval, BadNumber, BadQuality, BadTime, Contradiction, FieldCount, MissingField, NotText,
        Orphaned, OutOfPlace, QualityGaps, TooLong, UnknownRecord,
    };
    let good = |on| day(on, 48, "1", "A,,,,");
    let mixed = |on| day(on, 48, "1", "V,,,,");
    let bad_stream = |field: &str, by: &str| STREAM.replacen(field, by, 1) + &good("20240101") + OTHER;
    // Records from line 2 on; what is rejected; how many days are taken.
    type Case = (String, Vec<(u64, Fault)>, usize);
    let cases: Vec<Case> = vec![
        // Places.
        (good("20240101"), vec![(2, OutOfPlace)], 0),
        (
            format!("400,1,48,A,,\n{STREAM}500,N,,,\n{}", good("20240101")),
            vec![(2, OutOfPlace), (4, OutOfPlace)],
            1,
        ),
        (
            format!("{STREAM}{}100,NEM12\n{}", good("20240101"), good("20240102")),
            vec![(4, OutOfPlace), (5, Orphaned)],
            1,
        ),
        (
            format!("{STREAM}250,N\n{}{OTHER}{}", good("20240101"), good("20240102")),
            vec![(3, OutOfPlace), (4, Orphaned)],
            1,
        ),
        (
            format!("{STREAM}{}999,1\n{}", good("20240101"), mixed("20240102")),
            vec![(4, UnknownRecord), (5, Orphaned)],
            1,
        ),
        (
            format!("{STREAM}{}900,1\n400,1,48,A,,\n", good("20240101")),
            vec![(4, FieldCount), (5, Orphaned)],
            1,
        ),
        // Streams.
        (bad_stream("NMI0000001", ""), vec![(2, MissingField), (3, Orphaned)], 0),
        (bad_stream(",E1,N1", ",,N1"), vec![(2, MissingField), (3, Orphaned)], 0),
        (bad_stream(",30,", ",,"), vec![(2, MissingField), (3, Orphaned)], 0),
        (bad_stream(",30,", ",7,"), vec![(2, BadInterval), (3, Orphaned)], 0),
        (bad_stream(",30,", ",0,"), vec![(2, BadInterval), (3, Orphaned)], 0),
        (bad_stream(",30,", ",120,"), vec![(2, BadInterval), (3, Orphaned)], 0),
        (bad_stream(",30,", ",-30,"), vec![(2, BadInterval), (3, Orphaned)], 0),
        (bad_stream("20240301", "20240301,,x"), vec![(2, FieldCount), (3, Orphaned)], 0),
        (bad_stream("METER01", "METER\u{7}"), vec![(2, NotText), (3, Orphaned)], 0),
        (bad_stream("METER01", "\"METER"), vec![(2, Fault::UnclosedQuote), (3, Orphaned)], 0),
        // Days.
        (format!("{STREAM}{}", day("20240101", 47, "1", "A")), vec![(3, FieldCount)], 0),
        (format!("{STREAM}{}", day("20240101", 96, "1", "A,,,,")), vec![(3, FieldCount)], 0),
        (
            format!("{STREAM}{}{}", day("20240101", 48, "1", "A,,,,,x"), good("20240102")),
            vec![(3, FieldCount)],
            1,
        ),
        (
            format!("{STREAM}{}400,1,48,A,,\n500,N,,,\n{}", mixed("20240230"), good("20240102")),
            vec![(3, BadTime), (4, Orphaned), (5, Orphaned)],
            1,
        ),
        (format!("{STREAM}{}", day("", 48, "1", "A,,,,")), vec![(3, MissingField)], 0),
        (format!("{STREAM}{}", day("20240101", 48, "1e2", "A,,,,")), vec![(3, BadNumber)], 0),
        (
            format!("{STREAM}{}", day("20240101", 48, "12345678901234567890", "A,,,,")),
            vec![(3, BadNumber)],
            0,
        ),
        (format!("{STREAM}{}", day("20240101", 48, "1", "B,,,,")), vec![(3, BadQuality)], 0),
        (format!("{STREAM}{}", day("20240101", 48, "1", ",77,,,")), vec![(3, MissingField)], 0),
        (format!("{STREAM}{}", day("20240101", 48, "", "A,,,,")), vec![(3, MissingField)], 0),
        (format!("{STREAM}{}", day("20240101", 48, "", "N,,,,")), vec![], 1),
        (format!("{STREAM}300,{}\n{}", "1".repeat(20_000), good("20240102")), vec![(3, TooLong)], 1),
        // The name of the second stream is lost: its days go back.
        (
            format!(
                "{STREAM}{0}{1}{0}{1}{2}{OTHER}{0}",
                good("20240101"),
                good("20240102"),
                good("20240103")
            ),
            vec![(5, Contradiction), (6, Orphaned), (7, Orphaned)],
            3,
        ),
        (format!("{STREAM}{0}{0}", good("20240101")), vec![(4, Contradiction)], 1),
        // Qualities.
        (format!("{STREAM}{}{}", mixed("20240101"), good("20240102")), vec![(3, QualityGaps)], 1),
        (
            format!(
                "{STREAM}{}400,1,20,A,,\n400,22,48,A,,\n400,21,21,A,,\n{}",
                mixed("20240101"),
                good("20240102")
            ),
            vec![(5, QualityGaps), (3, QualityGaps), (6, Orphaned)],
            1,
        ),
        (format!("{STREAM}{}400,1,47,A,,\n", mixed("20240101")), vec![(3, QualityGaps)], 0),
        (
            format!("{STREAM}{}400,1,20,A,,\n400,20,48,A,,\n", mixed("20240101")),
            vec![(5, QualityGaps), (3, QualityGaps)],
            0,
        ),
        (format!("{STREAM}{}400,1,49,A,,\n", mixed("20240101")), vec![(4, QualityGaps), (3, QualityGaps)], 0),
        (format!("{STREAM}{}400,0,48,A,,\n", mixed("20240101")), vec![(4, QualityGaps), (3, QualityGaps)], 0),
        (format!("{STREAM}{}400,5,4,A,,\n", good("20240101")), vec![(4, QualityGaps), (3, QualityGaps)], 0),
        (format!("{STREAM}{}400,1,48,V,,\n", mixed("20240101")), vec![(4, BadQuality), (3, QualityGaps)], 0),
        (format!("{STREAM}{}400,1,x,A,,\n", mixed("20240101")), vec![(4, BadNumber), (3, QualityGaps)], 0),
        (format!("{STREAM}{}400,1,48,,,\n", mixed("20240101")), vec![(4, MissingField), (3, QualityGaps)], 0),
        (
            format!("{STREAM}{}400,1,48,A,,,x\n", mixed("20240101")),
            vec![(4, FieldCount), (3, QualityGaps)],
            0,
        ),
        (
            format!("{STREAM}{}400,1,48,A,0,{}\n", mixed("20240101"), "y".repeat(300)),
            vec![(4, TooLong), (3, QualityGaps)],
            0,
        ),
        (
            format!("{STREAM}{}500,N,,,\n400,1,48,A,,\n", mixed("20240101")),
            vec![(5, OutOfPlace), (3, QualityGaps)],
            0,
        ),
        // Events.
        (format!("{STREAM}{}500,N,,20240132000000,\n", good("20240101")), vec![(4, BadTime)], 1),
        (
            format!("{STREAM}{}500,N,,,12x\n500,N,,,,,x\n", good("20240101")),
            vec![(4, BadNumber), (5, FieldCount)],
            1,
        ),
    ];
    for (records, expected, taken) in cases {
        let items = whole(nem12(&records).as_bytes());
        assert_eq!(faults(&items), expected, "{records}");
        assert_eq!(days(&items).len(), taken, "{records}");
        assert!(rejected(&items).iter().all(|rejected| !rejected.detail.is_empty()), "{items:?}");
    }
}

#[test]
fn a_line_that_is_no_text_is_rejected_by_its_kind() {
    let mut bytes = format!("100,NEM12,,,\n{STREAM}").into_bytes();
    bytes.extend_from_slice(b"300,20240101,\xFF\n400,1,48,A,,\n");
    bytes.extend_from_slice(day("20240102", 48, "1", "A").as_bytes());
    bytes.extend_from_slice(b"200,\xFF\n300,1\n900\n");
    let items = whole(&bytes);
    let expected = [(3, Fault::NotText), (4, Fault::Orphaned), (6, Fault::NotText), (7, Fault::Orphaned)];
    assert_eq!(faults(&items), expected);
    assert_eq!(days(&items).len(), 1);
}

//! Fixed-width files by layouts: their check, what is read, and that what is written is read back.

#![cfg(test)]

use std::sync::Arc;

use meterdata::fixed_width::{
    CheckedLayout, FixedWidthFile, FixedWidthWriter, Layout, Meaning, Role, SHIPPED, ToRead, WriteFault,
};
use meterdata::{Channel, Fault, FileFault, Flow, Item, Moment, Quality, Reading};
use proptest::prelude::*;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use time::macros::{date, datetime};
use time::{Date, Duration, PrimitiveDateTime, Time};
use vocab::{ReadQuality, decimal};

fn parsed(layout: &Value) -> Layout {
    serde_json::from_value(layout.clone()).unwrap()
}

fn checked(layout: &Value) -> CheckedLayout {
    parsed(layout).try_into().unwrap()
}

fn shipped(name: &str) -> CheckedLayout {
    let (_, text) = SHIPPED.iter().find(|(found, _)| *found == name).unwrap();
    CheckedLayout::try_from(serde_json::from_str::<Layout>(text).unwrap()).unwrap()
}

/// One kind of record: serial, register, day, time, value of two decimals, quality, trouble code.
fn flat() -> Value {
    json!({
        "name": "flat", "verified": false, "note": "of the tests", "default_quality": "actual",
        "unit_text": "CCF", "unit": "ccf",
        "records": [{ "prefix": "R", "role": "reading", "length": 40, "fields": [
            { "start": 2, "length": 8, "meaning": "serial" },
            { "start": 10, "length": 3, "meaning": "register", "align": "right" },
            { "start": 13, "length": 8, "meaning": { "date": "MM/DD/YY" } },
            { "start": 21, "length": 4, "meaning": { "time": "hhmm" } },
            { "start": 25, "length": 8, "meaning": { "value": { "implied_decimals": 2 } } },
            { "start": 33, "length": 2, "meaning": { "quality": { "A": "actual", "ES": "estimated", "X": null } } },
            { "start": 35, "length": 4, "meaning": "trouble_code" },
        ] }],
    })
}

fn read(layout: &CheckedLayout, bytes: &[u8]) -> (Vec<Item>, Option<FileFault>) {
    let mut file = FixedWidthFile::new(bytes, layout);
    let mut items = Vec::new();
    let fault = loop {
        match file.next() {
            Some(Ok(item)) => items.push(item),
            Some(Err(fault)) => break Some(fault),
            None => break None,
        }
    };
    assert!(file.next().is_none(), "a file ends once");
    (items, fault)
}

fn whole(layout: &CheckedLayout, text: &str) -> Vec<Item> {
    let (items, fault) = read(layout, format!("{text}\n").as_bytes());
    assert!(fault.is_none(), "{fault:?}");
    items
}

fn reading(item: &Item) -> &Reading {
    if let Item::Reading(reading) = item { reading } else { panic!("{item:?}") }
}

fn faults(items: &[Item]) -> Vec<(u64, Fault)> {
    let fault = |item: &Item| match item {
        Item::Rejected(rejected) => Some((rejected.line, rejected.fault)),
        _ => None,
    };
    items.iter().filter_map(fault).collect()
}

fn dec(text: &str) -> Decimal {
    decimal::parse(text).unwrap()
}

/// A record of `flat`:  serial   reg date    time value   q trouble
const FLAT: &str = "RSER 12   0106/03/26070500012345ES77";

#[test]
fn fields_are_where_the_layout_says() {
    let layout = checked(&flat());
    for line in
        [FLAT.to_owned(), format!("{FLAT}  "), format!("{FLAT}                  "), format!("{FLAT}\r")]
    {
        let items = whole(&layout, &line);
        let found = reading(&items[0]);
        let channel = Channel {
            point: None,
            serial: Some("SER 12".to_owned()),
            register: Some("01".to_owned()),
            unit_text: "CCF".to_owned(),
            unit: Some(vocab::Unit::Ccf),
            flow: Flow::Unstated,
        };
        assert_eq!(*found.channel, channel);
        assert_eq!((found.at, found.value), (Moment::Local(datetime!(2026-06-03 07:05)), dec("123.45")));
        let quality = Quality {
            kind: Some(ReadQuality::Estimated),
            flag: "ES".to_owned(),
            reason: Some("77".to_owned()),
        };
        assert_eq!((&found.quality, items.len()), (&quality, 1));
    }
    // Accents in what nobody reads move nothing; a day alone stays one; no word is the default.
    let bytes = [FLAT.replace("0705", "    ").replace("ES", "  ").as_bytes(), b"  \xE9\n"].concat();
    let (items, _) = read(&layout, &bytes);
    let found = reading(&items[0]);
    assert_eq!(found.at, Moment::Day(date!(2026 - 06 - 03)));
    assert_eq!((found.quality.kind, found.quality.flag.as_str()), (Some(ReadQuality::Actual), ""));
    let negative = whole(&layout, &FLAT.replace("00012345", "  -12345"));
    assert_eq!(reading(&negative[0]).value, dec("-123.45"));
}

#[test]
fn records_that_cannot_be_taken() {
    let layout = checked(&flat());
    let cases = [
        (FLAT.replace("06/03/26", "13/03/26"), Fault::BadTime),
        (FLAT.replace("06/03/26", "06-03-26"), Fault::BadTime),
        (FLAT.replace("06/03/26", "        "), Fault::MissingField),
        (FLAT.replace("0705", "2500"), Fault::BadTime),
        (FLAT.replace("00012345", "000123.4"), Fault::BadNumber),
        (FLAT.replace("00012345", "- 123456"), Fault::BadNumber),
        (FLAT.replace("00012345", "        "), Fault::MissingField),
        (FLAT.replace("SER 12", "      "), Fault::MissingField),
        (FLAT.replace("ES", "Q "), Fault::BadQuality),
        (FLAT.replace("ES", "X "), Fault::MissingField),
        (FLAT.replace("SER 12", "SER\u{1}12"), Fault::NotText),
        (FLAT[..30].to_owned(), Fault::FieldCount),
        (format!("{FLAT}      more"), Fault::FieldCount),
        (format!("X{FLAT}"), Fault::UnknownRecord),
        (format!("R{}", " ".repeat(20_000)), Fault::TooLong),
    ];
    for (bad, fault) in cases {
        let items = whole(&layout, &format!("{FLAT}\n{bad}\n{FLAT}\n"));
        assert_eq!((faults(&items), items.len()), (vec![(2, fault)], 3), "{bad:.60}");
    }
    let (items, _) = read(&layout, &[b"R\xFF".as_slice(), &FLAT.as_bytes()[2..], b"\n"].concat());
    assert_eq!(faults(&items), [(1, Fault::NotText)]);
    let said = whole(&layout, &FLAT.replace("00012345", "        "));
    let Item::Rejected(rejected) = &said[0] else { panic!("{said:?}") };
    assert_eq!(rejected.detail, "value, trouble code `77`");
    assert!(
        matches!(read(&layout, b"hello\n"), (items, Some(FileFault::Format { line: 1, .. })) if items.is_empty())
    );
    assert!(matches!(read(&layout, b"\n\n"), (_, Some(FileFault::Empty))));
}

/// Premises, meters at them, and their readings.
fn nested() -> Value {
    json!({
        "name": "nested", "verified": false, "note": "of the tests", "default_quality": "actual",
        "records": [
            { "prefix": "H", "role": "skip", "length": 10 },
            { "prefix": "P", "role": "context", "length": 6, "fields": [
                { "start": 2, "length": 5, "meaning": "point" },
            ] },
            { "prefix": "M", "role": "context", "length": 14, "fields": [
                { "start": 2, "length": 5, "meaning": "serial" },
                { "start": 7, "length": 8, "meaning": { "date": "YYYYMMDD" } },
            ] },
            { "prefix": "R", "role": "reading", "length": 11, "fields": [
                { "start": 2, "length": 2, "meaning": "register" },
                { "start": 4, "length": 8, "meaning": { "value": {} } },
            ] },
        ],
    })
}

#[test]
fn readings_hang_on_their_contexts() {
    let layout = checked(&nested());
    let text = "Hrubbish\nP1\nMa    20260603\nR01     1.5\nR02       2\nMb    20260604\nR01       3\nP2\nR01       4\n\
                Mc    20260605\nR01       5\n";
    let items = whole(&layout, text);
    let names = |items: &[Item]| -> Vec<String> {
        let readings = items.iter().filter_map(|item| match item {
            Item::Reading(of) => Some(of),
            _ => None,
        });
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        readings
            .map(|of| {
                let Moment::Day(at) = of.at else { panic!("{:?}", of.at) };
                let channel = &of.channel;
                let (point, serial) = (text(&channel.point), text(&channel.serial));
                format!("{point}{serial}{} {} {}", text(&channel.register), at.day(), of.value)
            })
            .collect()
    };
    assert_eq!(names(&items), ["1a01 3 1.5", "1a02 3 2", "1b01 4 3", "2c01 5 5"]);
    // The second premises' first reading has no meter, so no day.
    assert_eq!(faults(&items), [(9, Fault::MissingField)]);
    let bad_meter = whole(&layout, &text.replace("Mb    20260604", "Mb    20260634"));
    assert_eq!(names(&bad_meter), ["1a01 3 1.5", "1a02 3 2", "2c01 5 5"]);
    let expected = [(6, Fault::BadTime), (7, Fault::Orphaned), (9, Fault::MissingField)];
    assert_eq!(faults(&bad_meter), expected);
    // What may have been premises is not followed by meters of the premises before.
    let unknown = whole(&layout, &text.replace("\nP2\n", "\n?2\n"));
    assert_eq!(names(&unknown), ["1a01 3 1.5", "1a02 3 2", "1b01 4 3"]);
    let expected = [(8, Fault::UnknownRecord), (9, Fault::Orphaned), (11, Fault::Orphaned)];
    assert_eq!(faults(&unknown), expected);
}

#[test]
fn layouts_are_checked() {
    let found = |change: &dyn Fn(&mut Value)| {
        let mut layout = flat();
        change(&mut layout);
        let faults = parsed(&layout).faults();
        faults.into_iter().map(|fault| fault.pointer).collect::<Vec<_>>()
    };
    let field = |place: usize, key: &str, value: Value| {
        let pointer = format!("/records/0/fields/{place}/{key}");
        found(&|layout: &mut Value| *layout.pointer_mut(&pointer).unwrap() = value.clone())
    };
    assert_eq!(found(&|_| {}), Vec::<String>::new());
    assert_eq!(field(1, "start", json!(9)), ["/records/0/fields/1"]);
    assert_eq!(field(6, "length", json!(7)), ["/records/0/fields/6"]);
    assert_eq!(field(6, "start", json!(u64::MAX)), ["/records/0/fields/6"]);
    assert_eq!(field(0, "start", json!(1)), ["/records/0/fields/0"]);
    assert_eq!(field(0, "start", json!(0)), ["/records/0/fields/0/start"]);
    assert_eq!(field(0, "length", json!(0)), ["/records/0/fields/0/length"]);
    assert_eq!(field(2, "meaning", json!("filler")), ["/records/0"]);
    assert_eq!(field(4, "meaning", json!("filler")), ["/records/0"]);
    assert_eq!(field(0, "meaning", json!("filler")), ["/records/0"]);
    assert_eq!(field(1, "meaning", json!("serial")), ["/records/0/fields/1/meaning"]);
    assert_eq!(field(2, "meaning", json!({ "date": "MMDDhhmm" })), ["/records/0/fields/2/meaning/date"]);
    assert_eq!(field(2, "meaning", json!({ "date": "MMDDYY" })), ["/records/0/fields/2/meaning/date"]);
    assert_eq!(field(3, "meaning", json!({ "time": "HHMM" })), ["/records/0/fields/3/meaning/time"]);
    assert_eq!(
        field(4, "meaning", json!({ "value": { "implied_decimals": 11 } })),
        ["/records/0/fields/4/meaning/value/implied_decimals"]
    );
    assert_eq!(field(5, "meaning", json!({ "quality": {} })), ["/records/0/fields/5/meaning/quality"]);
    assert_eq!(
        field(5, "meaning", json!({ "quality": { "long": "actual" } })),
        ["/records/0/fields/5/meaning/quality"]
    );
    assert_eq!(found(&|layout| layout["name"] = json!(" ")), ["/name"]);
    assert_eq!(found(&|layout| layout["records"] = json!([])), ["/records"]);
    assert_eq!(found(&|layout| layout["records"][0]["role"] = json!("skip")), ["/records"]);
    assert_eq!(found(&|layout| layout["records"][0]["length"] = json!(20_000)), ["/records/0/length"]);

    let nested_faults = |pointer: &str, value: Value| {
        let mut layout = nested();
        *layout.pointer_mut(pointer).unwrap() = value;
        let faults = parsed(&layout).faults();
        faults.into_iter().map(|fault| fault.pointer).collect::<Vec<_>>()
    };
    assert_eq!(nested_faults("/records/2/prefix", json!("PM")), ["/records/2/prefix", "/records/2/fields/0"]);
    assert_eq!(nested_faults("/records/0/prefix", json!("")), ["/records/0/prefix"]);
    assert_eq!(nested_faults("/records/2/fields/0/meaning", json!("point")), ["/records/2/fields/0/meaning"]);
    assert_eq!(nested_faults("/records/3/fields/0/meaning", json!("point")), ["/records/3/fields/0/meaning"]);
    let value = json!({ "value": {} });
    assert_eq!(
        nested_faults("/records/1/fields/0/meaning", value),
        ["/records/3/fields/1/meaning", "/records/1/fields/0/meaning"]
    );
    // What a layout does not have is not passed over.
    for (pointer, key) in [("", "nmae"), ("/records/0", "lenght"), ("/records/0/fields/0", "meening")] {
        let mut layout = flat();
        layout.pointer_mut(pointer).unwrap()[key] = json!(1);
        assert!(serde_json::from_value::<Layout>(layout).is_err(), "{key}");
    }
}

#[test]
fn shipped_layouts_are_sound_and_claim_nothing() {
    for (name, text) in SHIPPED {
        let layout: Layout = serde_json::from_str(text).unwrap();
        assert_eq!((layout.faults(), layout.name.as_str(), layout.verified), (vec![], *name, false));
        assert!(layout.note.contains("none was at hand"), "{name}");
        let back: Layout = serde_json::from_value(serde_json::to_value(&layout).unwrap()).unwrap();
        assert_eq!(back, layout);
    }
    assert_eq!(SHIPPED.len(), 4);
}

fn a_reading(layout: &CheckedLayout) -> Reading {
    let layout = layout.layout();
    Reading {
        line: 1,
        channel: Arc::new(Channel {
            point: None,
            serial: Some("S1".to_owned()),
            register: None,
            unit_text: layout.unit_text.clone(),
            unit: layout.unit,
            flow: Flow::Unstated,
        }),
        at: Moment::Local(datetime!(2026-06-03 07:05)),
        value: dec("12.5"),
        quality: Quality { kind: Some(ReadQuality::Actual), flag: String::new(), reason: None },
    }
}

/// A layout, how its records of readings begin, and where their fields are filled in: first byte, text.
type Filling = (&'static str, &'static str, &'static [(usize, &'static str)]);

/// Registers to read, one at each of two points, each filled in by the reader.
#[test]
fn what_is_to_be_read_is_read_back_once_it_is_filled_in() {
    let on = date!(2026 - 06 - 30);
    let filling: [Filling; 4] = [
        ("badger", "", &[(35, "       114"), (45, "20260629"), (53, "081500")]),
        ("itron-mvrs", "RDG", &[(8, "       114"), (18, "06292026"), (26, "081500")]),
        ("neptune", "RDGDT", &[(89, "       114")]),
        ("sensus", "", &[(29, "            114"), (44, "06292026"), (52, "0815")]),
    ];
    for (name, prefix, fields) in filling {
        let layout = shipped(name);
        let mut writer = FixedWidthWriter::new(Vec::new(), &layout);
        for place in ["P-1", "P-2"] {
            let channel = Channel {
                point: Some(place.to_owned()),
                serial: Some(format!("M{place}")),
                register: Some("1".to_owned()),
                unit_text: String::new(),
                unit: Some(vocab::Unit::Kgal),
                flow: Flow::Unstated,
            };
            let of = ToRead { channel: &channel, is_alone: true, on, highest: dec("999999") };
            writer.push_to_read(&of).unwrap();
        }
        let empty = String::from_utf8(writer.finish().unwrap()).unwrap();
        let unfilled = whole(&layout, &empty);
        assert_eq!(unfilled.len(), 2, "{name}");
        assert!(unfilled.iter().all(|item| matches!(item, Item::Unfilled { .. })), "{name}: {unfilled:?}");
        let filled: String = empty
            .lines()
            .map(|line| {
                let mut line = line.to_owned();
                if line.starts_with(prefix) {
                    for (start, text) in fields {
                        line.replace_range(start - 1..start - 1 + text.len(), text);
                    }
                }
                line + "\r\n"
            })
            .collect();
        let items = whole(&layout, &filled);
        let found: Vec<&Reading> = items.iter().map(reading).collect();
        let points: Vec<&str> = found.iter().map(|of| of.channel.point.as_deref().unwrap()).collect();
        assert_eq!((points, found[1].value), (vec!["P-1", "P-2"], dec("114")), "{name}");
        assert_eq!(found[1].channel.serial.as_deref(), Some("MP-2"));
        // A day that stands in a context is the day the reading is for.
        let day = if name == "neptune" { on } else { date!(2026 - 06 - 29) };
        assert_eq!(found[0].at.read_on(&vocab::Zone::utc()), Some(day), "{name}");
    }
}

#[test]
fn what_a_filled_in_record_could_not_say_is_not_written_to_be_read() {
    let refused = |name: &str, change: &dyn Fn(&mut Channel), is_alone: bool, highest: &str| {
        let layout = shipped(name);
        let mut channel = Channel {
            point: Some("P".to_owned()),
            serial: Some("M".to_owned()),
            register: Some("1".to_owned()),
            unit_text: String::new(),
            unit: None,
            flow: Flow::Unstated,
        };
        change(&mut channel);
        let mut writer = FixedWidthWriter::new(Vec::new(), &layout);
        let of = ToRead { channel: &channel, is_alone, on: date!(2026 - 06 - 30), highest: dec(highest) };
        match writer.push_to_read(&of) {
            Ok(()) => String::new(),
            Err(WriteFault::Unfit { pointer, .. }) => pointer,
            Err(WriteFault::Io(fault)) => panic!("{fault}"),
        }
    };
    assert_eq!(refused("badger", &|_| {}, false, "9999"), "");
    // Dials with decimals, more dials than bytes, several registers without a field for them.
    assert_eq!(refused("badger", &|_| {}, true, "999.9"), "/records/0/fields/3");
    assert_eq!(refused("badger", &|_| {}, true, "99999999999"), "/records/0/fields/3");
    assert_eq!(refused("sensus", &|_| {}, true, "999.9"), "");
    assert_eq!(refused("sensus", &|_| {}, false, "999"), "/records");
    let long = |of: &mut Channel| of.serial = Some("123456789".to_owned());
    assert_eq!(refused("sensus", &long, true, "999"), "/records/0/fields/1");
}

#[test]
fn what_has_no_room_is_not_written() {
    let layout = checked(&flat());
    let pointer = |change: &dyn Fn(&mut Reading)| {
        let mut reading = a_reading(&layout);
        change(&mut reading);
        let mut writer = FixedWidthWriter::new(Vec::new(), &layout);
        let found = match writer.push(&reading) {
            Ok(()) => "written".to_owned(),
            Err(WriteFault::Unfit { pointer, .. }) => pointer,
            Err(WriteFault::Io(fault)) => panic!("{fault}"),
        };
        assert_eq!(writer.finish().unwrap().is_empty(), found != "written");
        found
    };
    let channel = |reading: &mut Reading, change: &dyn Fn(&mut Channel)| {
        change(Arc::make_mut(&mut reading.channel));
    };
    assert_eq!(pointer(&|_| {}), "written");
    assert_eq!(pointer(&|of| of.value = dec("12.345")), "/records/0/fields/4");
    assert_eq!(pointer(&|of| of.value = dec("1234567")), "/records/0/fields/4");
    assert_eq!(pointer(&|of| of.value = dec("-99999.99")), "written");
    assert_eq!(pointer(&|of| of.value = dec("-123456.78")), "/records/0/fields/4");
    assert_eq!(
        pointer(&|of| of.at = Moment::Instant(datetime!(2026-06-03 07:05 UTC))),
        "/records/0/fields/2"
    );
    assert_eq!(pointer(&|of| of.at = Moment::Local(datetime!(1999-06-03 07:05))), "/records/0/fields/2");
    assert_eq!(pointer(&|of| of.at = Moment::Local(datetime!(2026-06-03 07:05:01))), "");
    assert_eq!(pointer(&|of| channel(of, &|to| to.point = Some("P".to_owned()))), "");
    assert_eq!(pointer(&|of| channel(of, &|to| to.serial = Some(" S".to_owned()))), "");
    assert_eq!(pointer(&|of| channel(of, &|to| to.serial = Some("S\nR".to_owned()))), "");
    assert_eq!(
        pointer(&|of| channel(of, &|to| to.serial = Some("123456789".to_owned()))),
        "/records/0/fields/0"
    );
    assert_eq!(pointer(&|of| channel(of, &|to| to.unit = None)), "/unit");
    assert_eq!(pointer(&|of| of.quality.kind = Some(ReadQuality::Estimated)), "written");
    assert_eq!(pointer(&|of| of.quality.kind = Some(ReadQuality::Customer)), "/records/0/fields/5");
    assert_eq!(pointer(&|of| of.quality.flag = "R0".to_owned()), "");
    assert_eq!(pointer(&|of| of.quality.reason = Some("12345".to_owned())), "/records/0/fields/6");
}

#[test]
fn contexts_are_written_when_they_change() {
    let layout = checked(&nested());
    let mut writer = FixedWidthWriter::new(Vec::new(), &layout);
    for (point, serial, register) in [("1", "a", "01"), ("1", "a", "02"), ("1", "b", "01"), ("2", "b", "01")]
    {
        let mut reading = a_reading(&layout);
        let channel = Arc::make_mut(&mut reading.channel);
        channel.point = Some(point.to_owned());
        channel.serial = Some(serial.to_owned());
        channel.register = Some(register.to_owned());
        reading.at = Moment::Day(date!(2026 - 06 - 03));
        writer.push(&reading).unwrap();
    }
    let text = String::from_utf8(writer.finish().unwrap()).unwrap();
    let kinds: String = text.lines().map(|line| &line[..1]).collect();
    assert_eq!(kinds, "PMRRMRPMR");
    assert!(text.ends_with("P2    \r\nMb    20260603\r\nR01    12.5\r\n"), "{text}");
}

/// A reading that a layout can say, out of bytes that choose it.
fn fitting(layout: &CheckedLayout, line: u64, dice: &[u32; 8]) -> Reading {
    let layout = layout.layout();
    let used = layout.records.iter().filter(|kind| kind.role != Role::Skip);
    let mut channel = Channel {
        point: None,
        serial: None,
        register: None,
        unit_text: layout.unit_text.clone(),
        unit: layout.unit,
        flow: Flow::Unstated,
    };
    let (mut day, mut time) = (Date::MIN, None);
    let mut value = Decimal::ZERO;
    let mut quality = Quality { kind: Some(layout.default_quality), flag: String::new(), reason: None };
    for field in used.flat_map(|kind| &kind.fields) {
        let text = |number: u32| {
            let text = format!("é{number:X} {number}");
            let end = (0..=field.length.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
            Some(text[..end.unwrap()].trim_end().to_owned()).filter(|text| !text.is_empty())
        };
        match &field.meaning {
            Meaning::Point => channel.point = text(dice[0] % 3),
            Meaning::Serial => channel.serial = text(dice[1] % 4),
            Meaning::Register => {
                channel.register = (!dice[2].is_multiple_of(3)).then(|| (dice[2] % 9).to_string())
            }
            Meaning::Date(_) => day = date!(2000 - 01 - 01) + Duration::days(i64::from(dice[3] % 36_524)),
            Meaning::Time(pattern) => {
                let second = if pattern.contains('s') { dice[4] % 60 } else { 0 };
                let part = |number: u32| u8::try_from(number).unwrap();
                let of_day =
                    Time::from_hms(part(dice[4] / 60 % 24), part(dice[4] / 1440 % 60), part(second)).unwrap();
                time = (!dice[4].is_multiple_of(7)).then_some(of_day);
            }
            Meaning::Value(form) => {
                let digits = u32::try_from(field.length).unwrap().min(9) - 2;
                let scale = form.implied_decimals.unwrap_or(dice[6] % 3).min(digits - 1);
                value = Decimal::new(i64::from(dice[5] % 10_u32.pow(digits - 1)), scale).normalize();
                value.set_sign_negative(dice[6].is_multiple_of(5) && !value.is_zero());
            }
            Meaning::Quality(words) => {
                let words: Vec<_> = words.iter().filter(|(_, kind)| kind.is_some()).collect();
                let chosen = usize::try_from(dice[7]).unwrap() % (words.len() + 1);
                if let Some((word, kind)) = words.get(chosen) {
                    quality.flag.clone_from(word);
                    quality.kind = **kind;
                }
            }
            Meaning::TroubleCode => {
                quality.reason = dice[7].is_multiple_of(2).then(|| (dice[7] % 90).to_string())
            }
            Meaning::Filler => {}
        }
    }
    let at = time.map_or(Moment::Day(day), |time| Moment::Local(PrimitiveDateTime::new(day, time)));
    Reading { line, channel: Arc::new(channel), at, value, quality }
}

proptest! {
    #[test]
    fn what_is_written_is_read_back_unchanged(dice in prop::collection::vec(any::<[u32; 8]>(), 1..12)) {
        let mut layouts: Vec<_> = SHIPPED.iter().map(|(name, _)| shipped(name)).collect();
        layouts.extend([checked(&flat()), checked(&nested())]);
        for layout in &layouts {
            let readings: Vec<_> = dice.iter().map(|dice| fitting(layout, 0, dice)).collect();
            let mut writer = FixedWidthWriter::new(Vec::new(), layout);
            for reading in &readings {
                if let Err(fault) = writer.push(reading) {
                    panic!("{}: {fault}: {reading:?}", layout.layout().name);
                }
            }
            let (items, fault) = read(layout, &writer.finish().unwrap());
            prop_assert!(fault.is_none());
            let back: Vec<_> = items.iter().map(|item| Reading { line: 0, ..reading(item).clone() }).collect();
            prop_assert_eq!(back, readings);
        }
    }

    #[test]
    fn no_layout_and_no_bytes_make_it_panic(
        bytes in prop::collection::vec(prop_oneof![Just(b'P'), Just(b'M'), Just(b'R'), Just(b'\n'), Just(b' '),
            Just(b'0'), any::<u8>()], 0..200),
        start in 0_usize..20, length in 0_usize..20, record in 0_usize..30,
    ) {
        let mut layout = nested();
        layout["records"][3]["length"] = json!(record);
        layout["records"][3]["fields"][1] =
            json!({ "start": start, "length": length, "meaning": { "value": { "implied_decimals": 3 } } });
        if let Ok(layout) = CheckedLayout::try_from(parsed(&layout)) {
            read(&layout, &bytes);
        }
        read(&checked(&flat()), &bytes);
    }
}

/// A reading and what is of no known kind is told once, taken, empty or rejected; other records at most once, and
/// only to be rejected.
fn check_lines(layout: &CheckedLayout, bytes: &[u8], items: &[Item], seed: u64) {
    let mut left = items.iter().peekable();
    for (line, text) in (1..).zip(bytes.split(|&byte| byte == b'\n')) {
        let is_blank = text.iter().all(u8::is_ascii_whitespace);
        let known = layout.layout().records.iter().find(|kind| text.starts_with(kind.prefix.as_bytes()));
        let role = known.map(|kind| kind.role);
        let own = |item: &&Item| match item {
            Item::Reading(reading) => reading.line == line && role == Some(Role::Reading),
            Item::Unfilled { line: unfilled } => *unfilled == line && role == Some(Role::Reading),
            Item::Rejected(rejected) => rejected.line == line && role != Some(Role::Skip),
            other => panic!("{other:?}"),
        };
        let is_told = left.next_if(own).is_some();
        let must_be = !is_blank && matches!(role, None | Some(Role::Reading));
        assert!(is_told || !must_be, "seed {seed}: line {line} is lost");
        assert!(!is_told || !is_blank, "seed {seed}: line {line} is blank");
    }
    assert_eq!(left.next(), None, "seed {seed}: told twice, or in disorder");
}

/// Full size: `MUTATIONS=10000 cargo test -p meterdata`.
#[test]
fn mutated_files_never_panic_and_account_for_their_lines() {
    let count: u64 = std::env::var("MUTATIONS").map_or(500, |count| count.parse().unwrap());
    let layout = shipped("neptune");
    let mut writer = FixedWidthWriter::new(Vec::new(), &layout);
    for seed in 0..6 {
        writer.push(&fitting(&layout, 0, &[seed / 4, seed / 2, 0, seed * 900, 0, seed * 7, 1, 0])).unwrap();
    }
    let good = writer.finish().unwrap();
    let (mut taken, mut rejected) = (0, 0);
    for seed in 0..count {
        let mut state = seed;
        let mut below = |bound: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(state >> 33).unwrap() % bound
        };
        let mut bytes = good.clone();
        for _ in 0..=below(5) {
            let at = below(bytes.len());
            match below(4) {
                0 => bytes[at] = b"\0\n\r9 RM\xFF"[below(8)],
                1 => bytes.insert(at, b"\0\n\r9 RM\xFF"[below(8)]),
                2 => {
                    bytes.remove(at);
                }
                _ => {
                    let end = bytes.len().min(at + below(100));
                    bytes.drain(at..end);
                }
            }
        }
        let (items, fault) = read(&layout, &bytes);
        if fault.is_none() {
            check_lines(&layout, &bytes, &items, seed);
        }
        rejected += faults(&items).len();
        taken += items.len() - faults(&items).len();
    }
    let count = usize::try_from(count).unwrap();
    assert!(taken > count && rejected > count / 2, "{taken} taken, {rejected} rejected");
}

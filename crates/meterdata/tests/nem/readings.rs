//! NEM13: pairs of readings.

use crate::files::{PAIR, STREAM, dec, faults, nem13, pairs, quality, whole};
use meterdata::{Fault, Flow, Moment};
use time::macros::datetime;
use vocab::{ReadQuality, Unit};

#[test]
fn pairs_of_readings() {
    let received = PAIR.replacen(",E,", ",I,", 1).replacen("1312.1", "-1312.1", 1);
    let alone = "250,N,,,12,,,,,,,,,5,202401070030,A,,,5,kWh\n";
    let missing = PAIR.replacen("007654.9", "", 1).replacen("S62", "N", 1).replacen("1312.1", "", 1);
    let items = whole(nem13(&format!("{PAIR}550,N,,E,\n{received}{alone}{missing}")).as_bytes());
    assert_eq!(faults(&items), []);
    let found = pairs(&items);
    assert_eq!(found.len(), 4);
    let (from, to) = (found[0].from.as_ref().unwrap(), &found[0].to);
    assert_eq!((from.line, from.value, to.value), (2, dec("6342800"), dec("7654900")));
    assert_eq!(from.at, Moment::Instant(datetime!(2023-10-04 23:30:55 UTC)));
    assert_eq!(to.at, Moment::Instant(datetime!(2024-01-07 10:03:33 +10)));
    assert_eq!(from.quality, quality(Some(ReadQuality::Actual), "A", None));
    assert_eq!(to.quality, quality(Some(ReadQuality::Estimated), "S62", Some("77 Access difficult")));
    assert_eq!(found[0].quantity, dec("1312100"));
    let channel = &to.channel;
    assert_eq!((channel.register.as_deref(), channel.unit), (Some("11"), Some(Unit::Kwh)));
    assert_eq!((channel.flow, channel.unit_text.as_str()), (Flow::Delivered, "MWh"));
    assert_eq!((found[1].to.channel.flow, found[1].quantity), (Flow::Received, dec("-1312100")));
    assert_eq!((&found[2].from, found[2].quantity), (&None, dec("5")));
    assert_eq!(found[2].to.channel.flow, Flow::Unstated);
    assert_eq!((found[3].to.quality.kind, found[3].to.value, found[3].quantity), (None, dec("0"), dec("0")));
}

#[test]
fn bad_pairs_of_readings() {
    use Fault::{
        BadNumber, BadQuality, BadTime, Contradiction, FieldCount, MissingField, Orphaned, OutOfPlace,
        UnknownRecord,
    };
    for (part, by, fault) in [
        ("NMI0000002", "", MissingField),
        (",11,11,", ",,11,", MissingField),
        (",E,", ",X,", Contradiction),
        ("006342.8", "", MissingField),
        ("006342.8", "6,342.8", FieldCount),
        ("20231005093055", "", MissingField),
        ("20231005093055", "20231005253055", BadTime),
        ("20231005093055", "20241005093055", Contradiction),
        (",A,", ",V,", BadQuality),
        ("007654.9", "7654.9-", BadNumber),
        ("007654.9", "", MissingField),
        ("S62", "", MissingField),
        ("S62", "62", BadQuality),
        ("1312.1", "", MissingField),
        ("1312.1", "12345678901234567", BadNumber),
        ("20240108091133", "20240108091133,x", FieldCount),
    ] {
        let records = format!("{}550,N,,E,\n{PAIR}550,N,,E,\n", PAIR.replacen(part, by, 1));
        let items = whole(nem13(&records).as_bytes());
        assert_eq!(faults(&items), [(2, fault), (3, Orphaned)], "{part} {by}");
        assert_eq!(pairs(&items).len(), 1);
    }
    let records = format!("550,N,,E,\n{PAIR}550,N,,E,,,x\n300,20240101\n{STREAM}251,\n550,N\n{PAIR}");
    let items = whole(nem13(&records).as_bytes());
    let expected = [
        (2, OutOfPlace),
        (4, FieldCount),
        (5, OutOfPlace),
        (6, OutOfPlace),
        (7, UnknownRecord),
        (8, Orphaned),
    ];
    assert_eq!((faults(&items), pairs(&items).len()), (expected.to_vec(), 2));
}

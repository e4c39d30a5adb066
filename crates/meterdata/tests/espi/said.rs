//! What files say, those beside the project among them.

use std::collections::BTreeSet;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use meterdata::espi::{EspiFile, HELD_READINGS_MAX};
use meterdata::{Channel, Fault, Flow, Intervals, Item, Moment, Quality, QualityRun};
use rust_decimal::Decimal;
use time::macros::datetime;
use vocab::{Commodity, ReadQuality, Unit};

use crate::made::*;

#[test]
fn a_block_is_one_item() {
    let found = items(&one_block(&hours(&["703", "607", "0"])));
    let quality = Quality { kind: Some(ReadQuality::Actual), flag: String::new(), reason: None };
    let expected = Intervals {
        line: 5,
        channel: Arc::new(Channel {
            point: Some("UsagePoint/7".to_owned()),
            serial: None,
            register: Some("E1".to_owned()),
            unit_text: "Wh".to_owned(),
            unit: Some(Unit::Kwh),
            flow: Flow::Delivered,
        }),
        begins: at(NEW_YEAR),
        minutes: 60,
        values: vec![number("0.703"), number("0.607"), number("0")],
        qualities: vec![QualityRun { count: 3, quality }],
    };
    assert_eq!(found, [Item::Intervals(expected)]);
}

/// Entries hang together in whatever order they come, and links are found behind the content.
#[test]
fn any_order_of_entries_says_the_same() {
    let entries = [meter_entry(), type_entry(), block_entry(&hours(&["1", "2"]))];
    let lines = |items: Vec<Item>| -> Vec<Item> {
        items
            .into_iter()
            .map(|item| match item {
                Item::Intervals(found) => Item::Intervals(Intervals { line: 0, ..found }),
                item => item,
            })
            .collect()
    };
    let expected = lines(items(&feed(&entries)));
    assert_eq!(expected.len(), 1);
    for order in [[0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let entries = order.map(|place| entries[place].clone());
        assert_eq!(lines(items(&feed(&entries))), expected, "{order:?}");
    }
    let content = espi("IntervalBlock", &hours(&["1", "2"]));
    let links = format!("<link rel=\"self\" href=\"https://example.org/{METER}/IntervalBlock/1?max=1\"/>");
    let behind = format!("<entry><content>{content}</content>{links}</entry>");
    for entries in [[meter_entry(), type_entry(), behind.clone()], [behind, type_entry(), meter_entry()]] {
        assert_eq!(lines(items(&feed(&entries))), expected);
    }
}

/// As some utilities export: no links; the type stands before the blocks, or after them.
#[test]
fn a_file_without_links() {
    let plain = |content: &str| format!("<entry><content>{content}</content></entry>");
    let blocks = [espi("IntervalBlock", &hours(&["1"])), espi("IntervalBlock", &hours(&["2", "3"]))].concat();
    for entries in [[plain(&kwh_type()), plain(&blocks)], [plain(&blocks), plain(&kwh_type())]] {
        let found = items(&feed(&entries));
        let found = intervals(&found);
        assert_eq!(found.iter().map(|found| found.values.len()).collect::<Vec<_>>(), [1, 2]);
        assert_eq!((&found[0].channel.point, found[0].channel.unit), (&None, Some(Unit::Kwh)));
    }
}

#[test]
fn a_block_of_no_type_is_orphaned() {
    let block = block_entry(&hours(&["1"]));
    let other = entry("ReadingType/2", "", &kwh_type());
    for entries in [
        vec![block.clone()],
        vec![meter_entry(), block.clone()],
        vec![meter_entry(), block.clone(), other.clone()],
    ] {
        let found = items(&feed(&entries));
        assert_eq!(rejections(&found).iter().map(|found| found.1).collect::<Vec<_>>(), [Fault::Orphaned]);
        assert_eq!(found.len(), 1);
    }
    // One type only, and nothing names another.
    let found = items(&feed(&[block.clone(), other.clone()]));
    assert_eq!(intervals(&found)[0].channel.register.as_deref(), Some("E1"));
    let third = entry("ReadingType/3", "", &kwh_type());
    assert_eq!(rejections(&items(&feed(&[block, other, third]))), [(3, Fault::Orphaned)]);
}

#[test]
fn a_bad_type_takes_its_blocks_with_it() {
    for (content, fault) in [
        ("<uom>kWh</uom>", Fault::BadNumber),
        ("<uom>72</uom><uom>72</uom>", Fault::Contradiction),
        ("<uom>72</uom><powerOfTenMultiplier>25</powerOfTenMultiplier>", Fault::BadNumber),
        ("<uom>72</uom><powerOfTenMultiplier/>", Fault::MissingField),
        ("<uom>72</uom><defaultQuality>1</defaultQuality>", Fault::BadQuality),
    ] {
        let bad = entry("ReadingType/1", "", &espi("ReadingType", content));
        let block = block_entry(&hours(&["1"]));
        for entries in [[meter_entry(), bad.clone(), block.clone()], [block, meter_entry(), bad]] {
            let found = items(&feed(&entries));
            let faults: Vec<Fault> = rejections(&found).iter().map(|found| found.1).collect();
            assert_eq!((faults, found.len()), (vec![fault, Fault::Orphaned], 2), "{content}");
        }
    }
}

#[test]
fn a_gap_begins_another_item() {
    let readings = [
        reading(NEW_YEAR, 900, "1"),
        reading(NEW_YEAR + 900, 900, "2"),
        reading(NEW_YEAR + 2700, 900, "3"),
        // Another length.
        reading(NEW_YEAR + 3600, 1800, "4"),
    ];
    let found = items(&one_block(&readings.concat()));
    let found: Vec<_> =
        intervals(&found).iter().map(|found| (found.begins, found.minutes, found.values.len())).collect();
    let expected = [(at(NEW_YEAR), 15, 2), (at(NEW_YEAR + 2700), 15, 1), (at(NEW_YEAR + 3600), 30, 1)];
    assert_eq!(found, expected);
}

#[test]
fn a_long_block_is_several_items() {
    let readings: String = (0..3_001).map(|minute| reading(NEW_YEAR + minute * 60, 60, "1")).collect();
    let found = items(&one_block(&readings));
    let lengths: Vec<usize> = intervals(&found).iter().map(|found| found.values.len()).collect();
    assert_eq!(lengths, [1_500, 1_500, 1]);
}

/// A bad reading harms only itself: those around it stand.
#[test]
fn bad_readings_alone_are_rejected() {
    let second = NEW_YEAR + 3600;
    let period = |start: &str, duration: &str| format!("<timePeriod>{duration}{start}</timePeriod>");
    let good = period(&leaf("start", second), &leaf("duration", 3600));
    let with = |content: String| format!("<IntervalReading>{content}</IntervalReading>");
    let quality = |code: &str| leaf("ReadingQuality", leaf("quality", code));
    for (bad, fault) in [
        (reading(second, 3600, "x"), Fault::BadNumber),
        (reading(second, 3600, "1e3"), Fault::BadNumber),
        (reading(second, 3600, "1234567890123456789012"), Fault::BadNumber),
        (reading(second, 3600, "0.00000001"), Fault::BadNumber),
        (reading(second, 3600, ""), Fault::MissingField),
        (with(good.clone()), Fault::MissingField),
        (with(leaf("value", 1)), Fault::MissingField),
        (with(period("", &leaf("duration", 3600)) + &leaf("value", 1)), Fault::MissingField),
        (with(period("<start>soon</start>", &leaf("duration", 3600)) + &leaf("value", 1)), Fault::BadTime),
        (reading(-1, 3600, "1"), Fault::BadTime),
        (reading(1_767_225_600_000, 3600, "1"), Fault::BadTime),
        (reading(i64::MAX, 3600, "1"), Fault::BadTime),
        (reading(second, -1, "1"), Fault::BadInterval),
        (with(period(&leaf("start", second), "") + &leaf("value", 1)), Fault::BadInterval),
        (reading(second, 0, "1"), Fault::BadInterval),
        (reading(second, 61, "1"), Fault::BadInterval),
        (reading(second, 420, "1"), Fault::BadInterval),
        (reading(NEW_YEAR, 3600, "1"), Fault::Contradiction),
        (reading(NEW_YEAR + 1800, 3600, "1"), Fault::Contradiction),
        (with(good.clone() + &leaf("value", 1) + &leaf("value", 1)), Fault::Contradiction),
        (with(quality("1") + &good + &leaf("value", 1)), Fault::BadQuality),
        (with(quality("8").repeat(9) + &good + &leaf("value", 1)), Fault::BadQuality),
    ] {
        let readings = [reading(NEW_YEAR, 3600, "1"), bad.clone(), reading(NEW_YEAR + 7200, 3600, "3")];
        let found = items(&one_block(&readings.concat()));
        assert_eq!(rejections(&found), [(5, fault)], "{bad}");
        let begins: Vec<Moment> = intervals(&found).iter().map(|found| found.begins).collect();
        assert_eq!(begins, [at(NEW_YEAR), at(NEW_YEAR + 7200)], "{bad}");
    }
}

#[test]
fn readings_stand_in_blocks() {
    let stray = reading(NEW_YEAR, 3600, "1");
    let found = items(&feed(&[type_entry(), entry("x", "", &stray)]));
    assert_eq!(rejections(&found), [(4, Fault::OutOfPlace)]);
    let nested = format!("<IntervalReading>{stray}{}</IntervalReading>", "<value>1</value>");
    let found = items(&one_block(&nested));
    assert_eq!(rejections(&found), [(5, Fault::OutOfPlace), (5, Fault::MissingField)]);
}

#[test]
fn units_and_directions() {
    for (content, value, unit, text, expected) in [
        ("<uom>72</uom>", "1500", Some(Unit::Kwh), "Wh", "1.5"),
        (
            "<uom>72</uom><powerOfTenMultiplier>3</powerOfTenMultiplier>",
            "1500",
            Some(Unit::Kwh),
            "Wh",
            "1500",
        ),
        (
            "<uom>72</uom><powerOfTenMultiplier>-3</powerOfTenMultiplier>",
            "1",
            Some(Unit::Kwh),
            "Wh",
            "0.000001",
        ),
        ("<uom>38</uom>", "4200", Some(Unit::Kw), "W", "4.2"),
        ("<uom>61</uom>", "4200", Some(Unit::Kva), "VA", "4.2"),
        ("<uom>71</uom>", "4200", None, "VAh", "4200"),
        ("<uom>73</uom>", "4200", Some(Unit::Kvarh), "varh", "4.2"),
        ("<uom>42</uom>", "7", Some(Unit::CubicMetre), "m3", "7"),
        (
            "<uom>119</uom><powerOfTenMultiplier>2</powerOfTenMultiplier>",
            "7",
            Some(Unit::CubicFoot),
            "ft3",
            "700",
        ),
        ("<uom>128</uom>", "7", Some(Unit::Gallon), "US gal", "7"),
        ("<uom>130</uom>", "7", None, "imperial gal", "7"),
        ("<uom>134</uom>", "7", Some(Unit::Kilolitre), "litre", "0.007"),
        ("<uom>169</uom>", "7.5", Some(Unit::Therm), "therm", "7.5"),
        ("<uom>132</uom>", "-7", None, "BTU", "-7"),
        ("<uom>31</uom>", "3600000", Some(Unit::Megajoule), "J", "3.6"),
        ("<uom>999</uom>", "+7", None, "uom 999", "7"),
        ("", " 7 ", None, "", "7"),
    ] {
        for (direction, flow) in [(1, Flow::Delivered), (19, Flow::Received), (4, Flow::Unstated)] {
            let content = format!("{content}<flowDirection>{direction}</flowDirection>");
            let of = entry("ReadingType/1", "", &espi("ReadingType", &content));
            let found = items(&feed(&[meter_entry(), of, block_entry(&hours(&[value]))]));
            let [found] = intervals(&found)[..] else { panic!("{found:?}") };
            assert_eq!(
                (found.channel.unit, found.channel.unit_text.as_str(), found.channel.flow),
                (unit, text, flow)
            );
            assert_eq!(found.values, [number(expected)], "{content}");
        }
    }
}

#[test]
fn qualities_come_in_runs() {
    let with = |hour: i64, codes: &[u8]| {
        let qualities: String =
            codes.iter().map(|code| leaf("ReadingQuality", leaf("quality", code))).collect();
        reading(NEW_YEAR + hour * 3600, 3600, "1")
            .replace("<timePeriod>", &format!("{qualities}<timePeriod>"))
    };
    let readings = [with(0, &[]), with(1, &[8]), with(2, &[8]), with(3, &[14, 7]), with(4, &[19])].concat();
    let runs = |text: &str| -> Vec<(usize, ReadQuality, String)> {
        let found = items(text);
        let run = |run: &QualityRun| (run.count, run.quality.kind.unwrap(), run.quality.flag.clone());
        intervals(&found)[0].qualities.iter().map(run).collect()
    };
    let rest = [
        (2, ReadQuality::Estimated, "8".to_owned()),
        (1, ReadQuality::Adjusted, "14 7".to_owned()),
        (1, ReadQuality::Actual, "19".to_owned()),
    ];
    let mut expected = vec![(1, ReadQuality::Actual, String::new())];
    expected.extend(rest.clone());
    assert_eq!(runs(&one_block(&readings)), expected);
    // The type may say what readings are that say nothing.
    let of = kwh_type().replace("<uom>", "<defaultQuality>9</defaultQuality><uom>");
    let file = feed(&[meter_entry(), entry("ReadingType/1", "", &of), block_entry(&readings)]);
    expected[0] = (1, ReadQuality::Estimated, "9".to_owned());
    assert_eq!(runs(&file), expected);
}

#[test]
fn cumulative_values_are_what_dials_show() {
    let of = kwh_type().replace("<uom>", "<accumulationBehaviour>3</accumulationBehaviour><uom>");
    let readings = [reading(NEW_YEAR, 0, "1000000"), reading(NEW_YEAR + 1, 3600, "1250000")].concat();
    let found = items(&feed(&[meter_entry(), entry("ReadingType/1", "", &of), block_entry(&readings)]));
    let found: Vec<_> = found
        .iter()
        .map(
            |item| if let Item::Reading(found) = item { (found.at, found.value) } else { panic!("{item:?}") },
        )
        .collect();
    assert_eq!(found, [(at(NEW_YEAR), number("1000")), (at(NEW_YEAR + 3601), number("1250"))]);
}

/// Days of 23 and 25 hours, and months.
#[test]
fn days_as_the_clock_makes_them() {
    for (seconds, minutes) in [(82_800, 1380), (86_400, 1440), (90_000, 1500), (31 * 86_400, 44_640)] {
        let found = items(&one_block(&reading(NEW_YEAR, seconds, "1")));
        assert_eq!(intervals(&found)[0].minutes, minutes);
    }
}

#[test]
fn prefixes_comments_and_sections() {
    let text = format!(
        "<?xml version='1.0'?><?style x?><!-- a -- b --><a:feed xmlns:a=\"http://www.w3.org/2005/Atom\" \
         xmlns:e=\"http://naesb.org/espi\" xmlns:o=\"urn:other\"><a:entry><a:title>A &amp; B &#66;</a:title>\
         <a:link href=\"UsagePoint/a&amp;b\" rel='self'/><a:content><e:UsagePoint><e:ServiceCategory><e:kind>\
         2</e:kind></e:ServiceCategory></e:UsagePoint></a:content></a:entry><a:entry><a:content>\
         <e:ReadingType><e:uom>7<!-- c -->2</e:uom></e:ReadingType></a:content></a:entry><a:entry><a:content>\
         <o:IntervalBlock/><e:IntervalBlock><e:IntervalReading><e:timePeriod><e:start>{NEW_YEAR}</e:start>\
         <e:duration><![CDATA[3600]]></e:duration></e:timePeriod><e:value>&#x35;</e:value>\
         </e:IntervalReading></e:IntervalBlock></a:content></a:entry></a:feed>\n<!-- end -->\n"
    );
    for size in [1, 2, 3, 7, 100_000] {
        let mut file = EspiFile::new(BufReader::with_capacity(size, text.as_bytes()));
        let found: Vec<Item> = file.by_ref().map(Result::unwrap).collect();
        assert_eq!(intervals(&found)[0].values, [number("0.005")]);
        let [point] = file.usage_points() else { panic!("{:?}", file.usage_points()) };
        assert_eq!((point.path.as_str(), point.title.as_str()), ("UsagePoint/a&b", "A & B B"));
        assert_eq!(point.commodity, Some(Commodity::Water));
        // A byte order mark is no text.
        let marked = format!("\u{feff}{text}");
        let file = EspiFile::new(BufReader::with_capacity(size, marked.as_bytes()));
        assert_eq!(file.map(Result::unwrap).collect::<Vec<_>>(), found);
    }
}

#[test]
fn what_stands_beside_the_readings() {
    let summary = |content: &str| {
        let content = espi("ElectricPowerUsageSummary", content);
        entry("UsagePoint/7/ElectricPowerUsageSummary/1", "", &content)
    };
    let stated = "<billingPeriod><duration>2592000</duration><start>1767225600</start></billingPeriod>\
        <currentBillingPeriodOverAllConsumption><powerOfTenMultiplier>3</powerOfTenMultiplier><uom>72</uom>\
        <value>61</value></currentBillingPeriodOverAllConsumption>";
    let time = "<dstEndRule>B40E2000</dstEndRule><dstOffset>3600</dstOffset><dstStartRule>360E2000</dstStartRule>\
        <tzOffset>-28800</tzOffset>";
    let no_time =
        entry("LocalTimeParameters/2", "", &espi("LocalTimeParameters", "<tzOffset>PST</tzOffset>"));
    assert_eq!(rejections(&items(&feed(&[no_time]))), [(3, Fault::BadNumber)]);
    let text = feed(&[
        entry("LocalTimeParameters/1", "", &espi("LocalTimeParameters", time)),
        summary(stated),
        summary("<qualityOfReading>14</qualityOfReading>"),
        summary(&stated.replace("61", "x")),
    ]);
    let mut file = EspiFile::new(text.as_bytes());
    let found: Vec<Item> = file.by_ref().map(Result::unwrap).collect();
    assert_eq!(rejections(&found), [(6, Fault::BadNumber)]);
    let local = file.local_time().unwrap();
    assert_eq!((local.offset_seconds, local.dst_offset_seconds), (-28_800, 3_600));
    assert_eq!((local.dst_starts.as_str(), local.dst_ends.as_str()), ("360E2000", "B40E2000"));
    let [total] = file.totals() else { panic!("{:?}", file.totals()) };
    assert_eq!((total.line, total.value, total.unit), (4, number("61"), Some(Unit::Kwh)));
    assert_eq!((total.point.as_deref(), total.seconds), (Some("UsagePoint/7"), Some(2_592_000)));
    assert_eq!(total.begins, Some(datetime!(2026-01-01 0:00 UTC)));
}

/// Readings whose type has not come are held, but not for ever.
#[test]
fn what_is_held_is_bounded() {
    let days = i64::try_from(HELD_READINGS_MAX / 136).unwrap();
    let day = |day: i64| -> String {
        let readings: String =
            (0..96).map(|place| reading(NEW_YEAR + day * 86_400 + place * 900, 900, "1")).collect();
        entry(&format!("{METER}/IntervalBlock/{day}"), "", &espi("IntervalBlock", &readings))
    };
    let mut entries: Vec<String> = (0..days + 3).map(day).collect();
    entries.extend([type_entry(), meter_entry()]);
    let found = items(&feed(&entries));
    let taken: usize = intervals(&found).iter().map(|found| found.values.len()).sum();
    assert_eq!(taken, usize::try_from(days).unwrap() * 96);
    let faults = rejections(&found);
    assert!(faults.len() == 3 && faults.iter().all(|found| found.1 == Fault::Orphaned), "{faults:?}");
    // The type before them, and there is no end of them.
    let mut entries: Vec<String> = (0..days + 3).map(day).collect();
    entries.splice(0..0, [type_entry(), meter_entry()]);
    assert_eq!(rejections(&items(&feed(&entries))), []);
}

fn samples() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/samples/greenbutton");
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("LEFT OUT: there is no {}: no Green Button file of others was read", folder.display());
    None
}

#[test]
fn the_samples_beside_the_project_are_read_to_their_totals() {
    let Some(folder) = samples() else { return };
    let manifest = std::fs::read_to_string(folder.join("manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    let files = manifest.as_array().unwrap();
    assert!(!files.is_empty());
    for stated in files {
        let name = stated["file"].as_str().unwrap();
        let input = std::fs::File::open(folder.join(name)).unwrap();
        let mut file = EspiFile::new(BufReader::new(input));
        let (mut sum, mut starts, mut count) = (Decimal::ZERO, BTreeSet::new(), 0);
        for item in file.by_ref() {
            let Item::Intervals(found) = item.unwrap() else { panic!("{name}: no intervals") };
            let Moment::Instant(begins) = found.begins else { panic!("{name}: no instant") };
            assert_eq!((found.minutes, found.channel.unit), (60, Some(Unit::Kwh)), "{name}");
            for (place, value) in found.values.iter().enumerate() {
                starts.insert(begins.unix_timestamp() + i64::try_from(place).unwrap() * 3600);
                sum += value;
                count += 1;
            }
        }
        assert_eq!(count, stated["interval_readings"].as_u64().unwrap(), "{name}");
        assert_eq!(sum * Decimal::from(1000), Decimal::from(stated["sum_wh"].as_i64().unwrap()), "{name}");
        let distinct = stated["distinct_starts"].as_u64().unwrap_or(count);
        assert_eq!(u64::try_from(starts.len()).unwrap(), distinct, "{name}");
        assert_eq!(starts.first().copied(), stated["first_start"].as_i64(), "{name}");
        assert_eq!(starts.last().copied(), stated["last_start"].as_i64(), "{name}");
        let [total] = file.totals() else { panic!("{name}: {:?}", file.totals()) };
        let stated = stated["usage_summary_wh"].as_i64().unwrap_or(stated["sum_wh"].as_i64().unwrap());
        assert_eq!((total.value * Decimal::from(1000), total.unit), (Decimal::from(stated), Some(Unit::Kwh)));
    }
}

//! Small files, made from their parts, and what is read from them.

use meterdata::espi::EspiFile;
use meterdata::{Fault, FileFault, Intervals, Item, Moment};
use rust_decimal::Decimal;
use time::OffsetDateTime;

/// 1 January 2026, midnight UTC.
pub(crate) const NEW_YEAR: i64 = 1_767_225_600;

pub(crate) fn number(text: &str) -> Decimal {
    vocab::decimal::parse(text).unwrap()
}

pub(crate) fn at(seconds: i64) -> Moment {
    Moment::Instant(OffsetDateTime::from_unix_timestamp(seconds).unwrap())
}

/// The items, and the fault that ended them.
pub(crate) fn read(bytes: &[u8]) -> (Vec<Item>, Option<FileFault>) {
    let mut items = Vec::new();
    for found in EspiFile::new(bytes) {
        match found {
            Ok(item) => items.push(item),
            Err(fault) => return (items, Some(fault)),
        }
    }
    (items, None)
}

/// The items of a file without a fault.
pub(crate) fn items(text: &str) -> Vec<Item> {
    let (items, fault) = read(text.as_bytes());
    assert!(fault.is_none(), "{fault:?}");
    items
}

pub(crate) fn intervals(items: &[Item]) -> Vec<&Intervals> {
    items
        .iter()
        .filter_map(|item| if let Item::Intervals(found) = item { Some(found) } else { None })
        .collect()
}

/// Faults by line.
pub(crate) fn rejections(items: &[Item]) -> Vec<(u64, Fault)> {
    let rejected = |item: &Item| match item {
        Item::Rejected(rejected) => Some((rejected.line, rejected.fault)),
        _ => None,
    };
    items.iter().filter_map(rejected).collect()
}

pub(crate) fn feed(entries: &[String]) -> String {
    let head = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<feed xmlns=\"http://www.w3.org/2005/Atom\">\n";
    format!("{head}{}\n</feed>", entries.join("\n"))
}

/// An entry with the links of one.
pub(crate) fn entry(path: &str, related: &str, content: &str) -> String {
    let up = path.rsplit_once('/').map_or("", |(up, _)| up);
    let related = if related.is_empty() {
        String::new()
    } else {
        format!("<link rel=\"related\" href=\"{related}\"/>")
    };
    format!(
        "<entry><link rel=\"self\" href=\"{path}\"/><link rel=\"up\" href=\"{up}\"/>{related}<content>{content}</content></entry>"
    )
}

pub(crate) fn espi(name: &str, content: &str) -> String {
    format!("<{name} xmlns=\"http://naesb.org/espi\">{content}</{name}>")
}

pub(crate) fn leaf(name: &str, text: impl std::fmt::Display) -> String {
    format!("<{name}>{text}</{name}>")
}

pub(crate) fn kwh_type() -> String {
    espi(
        "ReadingType",
        "<flowDirection>1</flowDirection><powerOfTenMultiplier>0</powerOfTenMultiplier><uom>72</uom>",
    )
}

pub(crate) fn reading(start: i64, seconds: i64, value: &str) -> String {
    format!(
        "<IntervalReading><timePeriod><duration>{seconds}</duration><start>{start}</start></timePeriod><value>{value}</value></IntervalReading>"
    )
}

/// Hours from new year's midnight.
pub(crate) fn hours(values: &[&str]) -> String {
    let start = |hour: usize| NEW_YEAR + i64::try_from(hour).unwrap() * 3600;
    values.iter().enumerate().map(|(hour, value)| reading(start(hour), 3600, value)).collect()
}

pub(crate) const METER: &str = "UsagePoint/7/MeterReading/E1";

pub(crate) fn meter_entry() -> String {
    entry(METER, "ReadingType/1", "<MeterReading xmlns=\"http://naesb.org/espi\"/>")
}

pub(crate) fn type_entry() -> String {
    entry("ReadingType/1", "", &kwh_type())
}

pub(crate) fn block_entry(readings: &str) -> String {
    entry(&format!("{METER}/IntervalBlock/1"), "", &espi("IntervalBlock", readings))
}

/// A file of one block in watt-hours.
pub(crate) fn one_block(readings: &str) -> String {
    feed(&[meter_entry(), type_entry(), block_entry(readings)])
}

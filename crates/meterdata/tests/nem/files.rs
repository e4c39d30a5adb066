//! Files made for the tests, and what is read of them.

use meterdata::nem::NemFile;
use meterdata::{Accumulated, Fault, FileFault, Intervals, Item, Moment, Quality, Rejected};
use rust_decimal::Decimal;
use time::Time;
use time::macros::offset;
use vocab::{ReadQuality, decimal};

/// What a file says, and why it was not read on.
pub fn read(bytes: &[u8]) -> (Vec<Item>, Option<FileFault>) {
    let mut items = Vec::new();
    let mut file = NemFile::new(bytes);
    let fault = loop {
        match file.next() {
            Some(Ok(item)) => items.push(item),
            Some(Err(fault)) => break Some(fault),
            None => break None,
        }
    };
    assert!(file.next().is_none() && file.next().is_none(), "a file ends once");
    (items, fault)
}

/// What a file says that can be read to its end.
pub fn whole(bytes: &[u8]) -> Vec<Item> {
    let (items, fault) = read(bytes);
    assert!(fault.is_none(), "{fault:?}");
    items
}

pub fn days(items: &[Item]) -> Vec<&Intervals> {
    items.iter().filter_map(|item| if let Item::Intervals(day) = item { Some(day) } else { None }).collect()
}

pub fn pairs(items: &[Item]) -> Vec<&Accumulated> {
    items
        .iter()
        .filter_map(|item| if let Item::Accumulated(pair) = item { Some(pair) } else { None })
        .collect()
}

pub fn rejected(items: &[Item]) -> Vec<&Rejected> {
    items.iter().filter_map(|item| if let Item::Rejected(it) = item { Some(it) } else { None }).collect()
}

pub fn faults(items: &[Item]) -> Vec<(u64, Fault)> {
    rejected(items).iter().map(|rejected| (rejected.line, rejected.fault)).collect()
}

pub const STREAM: &str = "200,NMI0000001,E1Q1,1,E1,N1,METER01,kWh,30,20240301\n";
pub const OTHER: &str = "200,NMI0000001,E1Q1,2,Q1,,METER01,kVArh,30,20240301\n";

/// A 300 of so many equal values.
pub fn day(on: &str, count: usize, value: &str, rest: &str) -> String {
    format!("300,{on},{}{rest}\n", format!("{value},").repeat(count))
}

pub fn nem12(records: &str) -> String {
    format!("100,NEM12,202402010000,MDP1,RETAIL\n{records}900\n")
}

pub fn nem13(records: &str) -> String {
    format!("100,NEM13,202402010000,MDP1,RETAIL\n{records}900\n")
}

pub fn dec(text: &str) -> Decimal {
    decimal::parse(text).unwrap()
}

pub fn quality(kind: Option<ReadQuality>, flag: &str, reason: Option<&str>) -> Quality {
    Quality { kind, flag: flag.to_owned(), reason: reason.map(str::to_owned) }
}

pub const PAIR: &str = "250,NMI0000002,1141,1,11,11,METER02,E,006342.8,20231005093055,A,,,007654.9,20240107100333,S62,77,\
                    Access difficult,1312.1,MWh,20240407, 20240108100333,20240108091133\n";

/// What must hold of every item of every file.
pub fn check(items: &[Item], lines: u64) {
    let stored = |value: &Decimal| {
        assert!(
            value.scale() <= decimal::STORED_SCALE && value.trunc().abs() < Decimal::from(10_u64.pow(18))
        );
    };
    for item in items {
        match item {
            Item::Intervals(day) => {
                assert_eq!(day.values.len() * usize::from(day.minutes), 24 * 60, "{day:?}");
                let counted: usize = day.qualities.iter().map(|run| run.count).sum();
                assert_eq!(counted, day.values.len(), "{day:?}");
                assert!(day.qualities.iter().all(|run| run.count > 0 && !run.quality.flag.is_empty()));
                day.values.iter().for_each(stored);
                let Moment::Instant(begins) = day.begins else { panic!("{day:?}") };
                assert_eq!((begins.time(), begins.offset()), (Time::MIDNIGHT, offset!(+10)));
                assert!((1..=lines).contains(&day.line));
            }
            Item::Accumulated(pair) => {
                stored(&pair.quantity);
                for reading in pair.from.iter().chain([&pair.to]) {
                    stored(&reading.value);
                    assert!((1..=lines).contains(&reading.line));
                    assert!(matches!(reading.at, Moment::Instant(_)));
                }
            }
            Item::Rejected(rejected) => {
                assert!((1..=lines).contains(&rejected.line) && !rejected.detail.is_empty(), "{rejected:?}");
            }
            Item::Reading(_) | Item::Totals { .. } | Item::Unfilled { .. } => panic!("{item:?}"),
        }
    }
}

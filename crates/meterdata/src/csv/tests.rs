//! Files as they come: from spreadsheets, head-end systems, and broken ones.

use super::*;
use crate::fields::COLUMNS_MAX;
use crate::form::FileForm;
use crate::lines::LINE_BYTES_MAX;
use crate::parts::Records;
use std::io::{BufReader, Read};
use time::macros::{date, datetime};
use vocab::Unit;

fn zone() -> Zone {
    "America/Denver".parse().unwrap()
}

fn read_with(map: &ColumnMap, bytes: &[u8]) -> Result<Vec<Item>, FileFault> {
    let zone = zone();
    CsvFile::open(bytes, map, &zone)?.collect()
}

fn simple() -> ColumnMap {
    ColumnMap {
        control: Some(ControlLine { marker: "TOTAL".into() }),
        ..serde_json::from_str(
            r#"{"columns":{"meter_serial":"Meter","read_on":"Date","value":"Reading","quality":"Code"},
                "qualities":[["E","estimated"]]}"#,
        )
        .unwrap()
    }
}

fn faults(bytes: &[u8]) -> Vec<(u64, Fault)> {
    read_with(&simple(), bytes)
        .unwrap()
        .into_iter()
        .filter_map(|line| match line {
            Item::Rejected(rejected) => Some((rejected.line, rejected.fault)),
            _ => None,
        })
        .collect()
}

fn rows(lines: &[Item]) -> Vec<&Reading> {
    lines.iter().filter_map(|line| if let Item::Reading(row) = line { Some(row) } else { None }).collect()
}

#[test]
fn a_file_from_a_spreadsheet() {
    let file = "\u{feff}Route 12;;\r\n\r\n\"METER\", date ,Reading,Code,Note\r\n\
        M-1,2026-01-31,1150.50,e,\"a \"\"b\"\", c\"\r\n\
        \r\n,,,,\r\n\
        M-2,2026-01-31,,,\r\n\
        M-3,\r\n\
        TOTAL,2,1150.5\r\n\
        M-4,2026-01-30,7,,";
    let lines = read_with(&simple(), file.as_bytes()).unwrap();
    let found = rows(&lines);
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].line, 4);
    assert_eq!(found[0].channel.serial.as_deref(), Some("M-1"));
    assert_eq!(found[0].at, Moment::Day(date!(2026 - 01 - 31)));
    assert_eq!(
        (found[0].value.to_string(), found[0].quality.kind),
        ("1150.5".into(), Some(ReadQuality::Estimated))
    );
    assert_eq!((found[1].line, found[1].quality.kind), (10, Some(ReadQuality::Actual)));
    assert_eq!(lines[2], Item::Unfilled { line: 8 });
    let values = Some("1150.5".parse().unwrap());
    assert_eq!(lines[3], Item::Totals { line: 9, rows: Some(2), values });
    assert_eq!(faults(file.as_bytes()), [(7, Fault::MissingValue)]);
}

#[test]
fn a_head_end_file_with_local_times() {
    // The column layout of an Itron register export: times are local, values have nine decimals.
    let map: ColumnMap = serde_json::from_str(
        r#"{"columns":{"service_point":"Location_ID","meter_serial":"Meter_Serial_Number",
            "read_on":"Timestamp","value":"Read_Value"},"date_format":"month_day_year"}"#,
    )
    .unwrap();
    let file = b"Timestamp,Read_Value,Meter_Serial_Number,EndpointID,Location_ID,Meter_Install_Date,Read_Units\n\
        06/17/2026 16:00:00.000000,43490.000000000,63735693,2.16.840.1,3054011_2,11/18/2011 00:00:00.000000,CF_WAT\n\
        06/18/2026 00:00:00.000000,43495.0,63735693,2.16.840.1,3054011_2,11/18/2011 00:00:00.000000,CF_WAT\n";
    let lines = read_with(&map, file).unwrap();
    let found = rows(&lines);
    assert_eq!(
        (found[0].value.to_string(), found[0].at.read_on(&zone())),
        ("43490".into(), Some(date!(2026 - 06 - 17)))
    );
    // Midnight closes the day before.
    assert_eq!(
        (found[1].value.to_string(), found[1].at.read_on(&zone())),
        ("43495".into(), Some(date!(2026 - 06 - 17)))
    );
    assert_eq!(found[1].at, Moment::Instant(datetime!(2026-06-18 06:00 UTC)));
    assert_eq!(found[1].channel.point.as_deref(), Some("3054011_2"));
}

#[test]
fn european_notation() {
    let map = ColumnMap {
        delimiter: Delimiter::Semicolon,
        decimal_mark: DecimalMark::Comma,
        date_format: DateFormat::DayMonthYear,
        ..simple()
    };
    let lines =
        read_with(&map, b"Meter;Date;Reading;Code\nZ1;31.01.2026;1150,25;\nZ1;31.01.2026;1.150,25;\n")
            .unwrap();
    assert_eq!(rows(&lines)[0].value.to_string(), "1150.25");
    assert!(matches!(&lines[1], Item::Rejected(row) if row.fault == Fault::BadValue));
}

#[test]
fn a_bad_line_harms_only_itself() {
    let mut file = b"Meter,Date,Reading,Code\n".to_vec();
    file.extend_from_slice(b"M-1,2026-02-30,1,\n");
    file.extend_from_slice(b"M-1,2026-01-31,1e5,\n");
    file.extend_from_slice(b"M-1,2026-01-31,1,zzz\n");
    file.extend_from_slice(b"M-\xFF,2026-01-31,1,\n");
    file.extend_from_slice(b"M-1,\"2026-01-31,1,\n");
    file.extend_from_slice(b"M-1\n");
    file.extend_from_slice(b",2026-01-31,1,\n");
    file.extend_from_slice(b"M-1,,1,\n");
    file.extend_from_slice(b"M\x00-1,2026-01-31,1,\n");
    file.extend_from_slice(b"M-1,2026-01-31,0.00000000001,\n");
    file.extend_from_slice(b"M-1,2026-01-31,1000000000000000000,\n");
    file.extend_from_slice(&[b','; COLUMNS_MAX]);
    file.extend_from_slice(b"x\n");
    file.extend_from_slice(&vec![b'y'; LINE_BYTES_MAX + 1]);
    file.extend_from_slice(b"\nTOTAL,many\nM-9,2026-01-31,9,\n");
    let found = faults(&file);
    let expected = [
        Fault::BadDate,
        Fault::BadValue,
        Fault::BadQuality,
        Fault::NotText,
        Fault::UnclosedQuote,
        Fault::MissingColumn,
        Fault::MissingIdentity,
        Fault::MissingDate,
        Fault::NotText,
        Fault::ValueOutOfRange,
        Fault::ValueOutOfRange,
        Fault::FieldCount,
        Fault::TooLong,
        Fault::BadControlLine,
    ];
    assert_eq!(found, (2..).zip(expected).collect::<Vec<_>>());
    let lines = read_with(&simple(), &file).unwrap();
    assert_eq!(rows(&lines)[0].channel.serial.as_deref(), Some("M-9"));
    assert!(matches!(&lines[0], Item::Rejected(row)
        if row.column.as_deref() == Some("Date") && row.detail == "`2026-02-30`"));
}

#[test]
fn headers_that_do_not_do() {
    let open = |bytes: &[u8]| read_with(&simple(), bytes).unwrap_err();
    assert!(matches!(open(b""), FileFault::Empty));
    assert!(matches!(open(b"\n\r\n"), FileFault::Empty));
    assert!(matches!(open(b"\xFF\xFEM\0e\0"), FileFault::Utf16));
    let lacking = open(b"Readings of May\nMeter,Date,Value\nM-1,2026-01-31,4\n");
    let expected = "line 2 comes closest to a header but lacks: Code, Reading; it has: Meter, Date, Value";
    assert_eq!(lacking.to_string(), expected);
    let twice = open(b"Meter,Date,Reading,Code,date\n");
    assert!(matches!(twice, FileFault::AmbiguousColumn { line: 1, ref column } if column == "Date"));
}

/// Fails after a number of bytes.
struct Failing<'a>(&'a [u8]);

impl Read for Failing<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        if self.0.is_empty() {
            return Err(std::io::Error::other("gone"));
        }
        self.0.read(into)
    }
}

#[test]
fn a_failing_input_ends_the_reading_once() {
    let (map, zone) = (simple(), zone());
    let input = Failing(b"Meter,Date,Reading,Code\nM-1,2026-01-31,4,\n");
    let mut file = CsvFile::open(BufReader::new(input), &map, &zone).unwrap();
    assert!(matches!(file.next(), Some(Ok(Item::Reading(_)))));
    assert!(matches!(file.next(), Some(Err(_))));
    assert!(file.next().is_none());
}

#[test]
fn rejected_lines_can_be_mended_and_loaded_again() {
    let (map, zone) = (simple(), zone());
    let form = FileForm::Csv(map.clone());
    let input: &[u8] =
        b"\xEF\xBB\xBFMeter,Date,Reading,Code\r\nM-1,31/01/2026,4,\r\nM-2,2026-01-31,\"5\",\r\nM-3,?,6,\r\n";
    let mut file = CsvFile::open(BufReader::new(input), &map, &zone).unwrap();
    let mut rejected = [file.header(), b"\r\n"].concat();
    let mut records = Records::new(&form, input);
    for line in &mut file {
        if let Item::Rejected(row) = line.unwrap() {
            rejected.extend(records.at(row.line));
        }
    }
    let text = String::from_utf8(rejected).unwrap();
    assert_eq!(text, "Meter,Date,Reading,Code\r\nM-1,31/01/2026,4,\r\nM-3,?,6,\r\n");
    let mended = text.replace("31/01/2026", "2026-01-31").replace('?', "2026-01-30");
    assert_eq!(rows(&read_with(&map, mended.as_bytes()).unwrap()).len(), 2);
}

#[test]
fn an_export_filled_in_imports_unchanged() {
    let mut export = ReadingExport::new(Vec::new()).unwrap();
    let row = ExportRow {
        account_number: "1234567",
        service_point: "sp_2b",
        meter_serial: "-0012",
        register: "=kwh,\"on\"",
        address: "=HYPERLINK(\"http://x\")\n12 High St, \"rear\"",
        unit: Unit::Kwh,
        previous: Some((date!(2025 - 12 - 31), "1000".parse().unwrap())),
        expected: Some(("1150".parse().unwrap(), "1600".parse().unwrap())),
    };
    export.push(&row).unwrap();
    export.push(&ExportRow { meter_serial: "'=9", previous: None, expected: None, ..row }).unwrap();
    let text = String::from_utf8(export.finish().unwrap()).unwrap();
    let mut lines = text.lines();
    assert_eq!(lines.next().unwrap(), COLUMNS.join(","));
    assert_eq!(
        lines.next().unwrap(),
        r#"1234567,sp_2b,'-0012,"'=kwh,""on""","'=HYPERLINK(""http://x"") 12 High St, ""rear""",kwh,2025-12-31,1000,1150,1600,,,"#
    );
    let map = ColumnMap::reading_export();
    let unfilled = read_with(&map, text.as_bytes()).unwrap();
    assert_eq!(unfilled, [Item::Unfilled { line: 2 }, Item::Unfilled { line: 3 }]);
    let filled = text.replace(",,,\n", ",2026-01-31,1150,actual\n");
    let lines = read_with(&map, filled.as_bytes()).unwrap();
    let found = rows(&lines);
    assert_eq!(found.len(), 2);
    assert_eq!(found[1].channel.serial.as_deref(), Some("'=9"));
    assert_eq!(found[0].channel.point.as_deref(), Some("sp_2b"));
    assert_eq!(found[0].channel.serial.as_deref(), Some("-0012"));
    assert_eq!(found[0].channel.register.as_deref(), Some("=kwh,\"on\""));
    assert_eq!(
        (found[0].at, found[0].value.to_string()),
        (Moment::Day(date!(2026 - 01 - 31)), "1150".into())
    );
}

#[test]
fn mappings_are_stored() {
    let map = simple();
    let text = serde_json::to_string(&map).unwrap();
    assert_eq!(serde_json::from_str::<ColumnMap>(&text).unwrap(), map);
    assert!(serde_json::from_str::<ColumnMap>(r#"{"columns":{"value":"v"}}"#).is_err());
    assert_eq!(map.columns, Columns { meter_serial: Some("Meter".into()), ..map.columns.clone() });
}

/// A small generator with a fixed seed: the same mutations on every run.
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }
}

#[test]
fn two_thousand_mutations_never_panic_and_lose_no_line() {
    let mut good = b"Meter,Date,Reading,Code\r\n".to_vec();
    for n in 0..20 {
        good.extend_from_slice(format!("M-{n},2026-01-{:02},{}.5,\"E\"\r\n", n + 1, n * 100).as_bytes());
    }
    let special = [0_u8, b'\n', b'\r', b'"', b',', b'-', b'.', 0x80, 0xC3, 0xEF, 0xFF, b'9', b' ', b'T'];
    let mut random = Seeded(20_260_131);
    let mut opened = 0;
    for _ in 0..2_000 {
        let mut bytes = good.clone();
        for _ in 0..=random.below(8) {
            let at = random.below(bytes.len());
            match random.below(4) {
                0 => bytes[at] = special[random.below(special.len())],
                1 => bytes[at] = u8::try_from(random.below(256)).unwrap(),
                2 => {
                    bytes.remove(at);
                }
                _ => bytes.insert(at, special[random.below(special.len())]),
            }
        }
        if random.below(10) == 0 {
            bytes.truncate(random.below(bytes.len()));
        }
        // A file whose header is spoiled is refused; of all others every line is accounted for.
        let Ok(lines) = read_with(&simple(), &bytes) else { continue };
        opened += 1;
        let physical = bytes.split(|&byte| byte == b'\n').count();
        assert!(lines.len() < physical);
        let mut last = 0;
        for line in &lines {
            let number = match line {
                Item::Reading(row) => row.line,
                Item::Rejected(row) => row.line,
                Item::Unfilled { line } | Item::Totals { line, .. } => *line,
                other => panic!("{other:?}"),
            };
            assert!(number > last);
            last = number;
        }
    }
    assert!(opened > 1_000);
}

#[test]
fn what_is_not_text_is_refused_soon() {
    let mut bytes = vec![b'\n'; 5_000];
    bytes.extend_from_slice(b"Meter,Date,Reading,Code\n");
    assert!(matches!(read_with(&simple(), &bytes), Err(FileFault::Empty)));
    assert_eq!(faults(b"Meter,Date,Reading,Code\nEnd of report\n"), [(2, Fault::MissingColumn)]);
}

//! A mapping of columns guessed from somebody's header and first rows, to be looked at by a person.

use super::{ColumnMap, Columns, DateFormat, DecimalMark, Delimiter};
use crate::fields::Fields;
use crate::lines::Lines;
use vocab::{ReadQuality, Zone};

/// Rows that a guess is tried on.
const ROWS: usize = 20;
/// Lines among which the header is looked for.
const LINES: usize = 30;

/// Words that name columns, each after its letters and digits alone; what stands first is looked for first.
const POINTS: &[&str] = &[
    "servicepoint",
    "servicepointid",
    "sp",
    "spid",
    "premise",
    "premiseid",
    "location",
    "locationid",
    "nmi",
    "mpan",
    "usagepoint",
    "account",
    "accountnumber",
];
const SERIALS: &[&str] = &[
    "meterserial",
    "meterserialnumber",
    "serialnumber",
    "serial",
    "meternumber",
    "meterno",
    "meterid",
    "meter",
    "deviceid",
    "device",
    "endpointid",
    "endpoint",
    "meternum",
];
const REGISTERS: &[&str] = &["register", "registerid", "registercode", "channel", "dial", "registernumber"];
const DATES: &[&str] = &[
    "readon",
    "readdate",
    "readingdate",
    "datereading",
    "readtime",
    "readdatetime",
    "readingtime",
    "timestamp",
    "datetime",
    "date",
    "dateread",
];
const VALUES: &[&str] = &[
    "value",
    "reading",
    "read",
    "readvalue",
    "meterreading",
    "meterread",
    "currentreading",
    "currentread",
    "presentreading",
    "registerread",
    "index",
];
const QUALITIES: &[&str] =
    &["quality", "readquality", "readtype", "readcode", "status", "readstatus", "estimated"];

/// The mapping that a file's beginning suggests; none where no line looks like a header, or nothing below it
/// can be read by the guess.
pub fn suggested(beginning: &[u8]) -> Option<ColumnMap> {
    let mut best: Option<(usize, ColumnMap)> = None;
    for delimiter in [Delimiter::Comma, Delimiter::Semicolon, Delimiter::Tab, Delimiter::Pipe] {
        let Some(columns) = header(beginning, delimiter) else { continue };
        let qualities = if columns.quality.is_some() { usual_qualities() } else { Vec::new() };
        for decimal_mark in [DecimalMark::Point, DecimalMark::Comma] {
            for date_format in DATE_FORMATS {
                let map = ColumnMap {
                    columns: columns.clone(),
                    delimiter,
                    decimal_mark,
                    date_format,
                    qualities: qualities.clone(),
                    ..ColumnMap::reading_export()
                };
                let rows = readable(beginning, &map);
                // Of equals the first is kept.
                if rows > best.as_ref().map_or(0, |(most, _)| *most) {
                    best = Some((rows, map));
                }
            }
        }
    }
    best.map(|(_, map)| map)
}

/// What most systems write.
fn usual_qualities() -> Vec<(String, ReadQuality)> {
    let words = [("A", ReadQuality::Actual), ("E", ReadQuality::Estimated), ("C", ReadQuality::Customer)];
    words.map(|(word, quality)| (word.to_owned(), quality)).into()
}

const DATE_FORMATS: [DateFormat; 4] =
    [DateFormat::YearMonthDay, DateFormat::MonthDayYear, DateFormat::DayMonthYear, DateFormat::Compact];

/// The names of the mapped header's columns, as the file writes them.
pub fn columns(beginning: &[u8], map: &ColumnMap) -> Option<Vec<String>> {
    let mut fields = Fields::new(map.delimiter.byte());
    let wanted = map.columns.value.trim().to_lowercase();
    lines(beginning).into_iter().find_map(|line| {
        fields.split(&line).ok()?;
        let names: Vec<String> = fields.iter().map(|name| name.trim().to_owned()).collect();
        names.iter().any(|name| name.to_lowercase() == wanted).then_some(names)
    })
}

fn lines(beginning: &[u8]) -> Vec<String> {
    let mut lines = Lines::new(beginning);
    let mut texts = Vec::new();
    while texts.len() < LINES {
        let Ok(Some(raw)) = lines.next_line() else { break };
        texts.extend(String::from_utf8(raw.bytes).ok());
    }
    texts
}

/// The columns of the first line that names at least a meter or place, a day and a value.
fn header(beginning: &[u8], delimiter: Delimiter) -> Option<Columns> {
    let mut fields = Fields::new(delimiter.byte());
    lines(beginning).into_iter().find_map(|line| {
        fields.split(&line).ok()?;
        named(&fields.iter().map(str::to_owned).collect::<Vec<_>>())
    })
}

fn named(names: &[String]) -> Option<Columns> {
    let plain = |name: &String| -> String {
        name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
    };
    let mut left: Vec<(String, String)> =
        names.iter().map(|name| (plain(name), name.trim().to_owned())).collect();
    let mut take = |words: &[&str]| {
        let place = words.iter().find_map(|word| left.iter().position(|(name, _)| name == word))?;
        Some(left.remove(place).1)
    };
    let (service_point, meter_serial, register) = (take(POINTS), take(SERIALS), take(REGISTERS));
    let (read_on, value, quality) = (take(DATES)?, take(VALUES)?, take(QUALITIES));
    if service_point.is_none() && meter_serial.is_none() {
        return None;
    }
    Some(Columns { service_point, meter_serial, register, read_on, value, quality })
}

/// How many of the first rows can be read by the mapping.
fn readable(beginning: &[u8], map: &ColumnMap) -> usize {
    let zone = Zone::utc();
    let Ok(file) = super::CsvFile::open(beginning, map, &zone) else { return 0 };
    file.take(ROWS)
        .filter(|item| matches!(item, Ok(crate::Item::Reading(_) | crate::Item::Unfilled { .. })))
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_others_are_understood() {
        let american = b"Route 7\n\nMeter Number,Read Date,Reading,Read Code\nM-1,01/31/2026,1150,A\nM-2,01/31/2026,88,\n";
        let map = suggested(american).unwrap();
        assert_eq!(map.columns.meter_serial.as_deref(), Some("Meter Number"));
        assert_eq!((map.columns.read_on.as_str(), map.columns.value.as_str()), ("Read Date", "Reading"));
        assert_eq!(map.date_format, DateFormat::MonthDayYear);
        assert_eq!(columns(american, &map).unwrap(), ["Meter Number", "Read Date", "Reading", "Read Code"]);
        let german = "NMI;Datum;Date;Value\nP1;x;31.01.2026;1150,5\n".as_bytes();
        let map = suggested(german).unwrap();
        assert_eq!((map.delimiter, map.decimal_mark), (Delimiter::Semicolon, DecimalMark::Comma));
        assert_eq!(map.columns.service_point.as_deref(), Some("NMI"));
    }

    #[test]
    fn what_is_no_table_suggests_nothing() {
        for text in ["", "hello", "a,b,c\n1,2,3\n", "Meter,Date,Value\nM-1,yesterday,many\n", "\u{0}\u{1}"] {
            assert_eq!(suggested(text.as_bytes()), None, "{text:?}");
        }
    }
}

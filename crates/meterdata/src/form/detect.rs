//! The form of a file by its beginning.

use super::FileForm;
use crate::cells::Cells;
use crate::csv::{COLUMNS, ColumnMap};
use crate::itron::Holds;
use crate::lines::{Lines, RawLine};
use crate::{beacon, cmep, itron};

/// The form that a file's first bytes show: its header, or its first record. None when there is none, or
/// when several would do; fixed-width files and CSV of others show nothing.
///
/// What the file does not say is at its default: an Itron export is taken for one of registers.
pub fn detect(first_bytes: &[u8]) -> Option<FileForm> {
    let raw = first_line(first_bytes)?;
    if raw.bytes.trim_ascii_start().starts_with(b"<") {
        return is_green_button(first_bytes).then_some(FileForm::GreenButton);
    }
    let mut bars = Cells::bar();
    if bars.split(&raw).is_ok() && bars.get(0) == "ZHV" {
        return bars.get(2).starts_with("D0010").then_some(FileForm::D0010);
    }
    let mut cells = Cells::comma();
    cells.split(&raw).ok()?;
    let found = [
        (cells.get(0) == "100" && matches!(cells.get(1), "NEM12" | "NEM13")).then_some(FileForm::Nem),
        is_cmep(cells.get(0)).then_some(FileForm::Cmep { clock: cmep::Clock::Local }),
        is_own_export(&cells).then(|| FileForm::Csv(ColumnMap::reading_export())),
        beacon::is_header(&cells).then_some(FileForm::Beacon { interval_minutes: beacon::HOURLY_MINUTES }),
        itron::is_header(&cells).then_some(FileForm::Itron { holds: Holds::Registers }),
    ];
    let mut found = found.into_iter().flatten();
    found.next().filter(|_| found.next().is_none())
}

/// The first line that says something.
fn first_line(bytes: &[u8]) -> Option<RawLine> {
    let mut lines = Lines::new(bytes).at_most(cmep::LINE_BYTES_MAX);
    loop {
        let raw = lines.next_line().ok()??;
        if !raw.is_blank(b',') {
            return Some(raw);
        }
    }
}

/// The namespace of ESPI, on the feed or on a resource near its beginning.
fn is_green_button(bytes: &[u8]) -> bool {
    let name: &[u8] = b"http://naesb.org/espi";
    bytes.windows(name.len()).any(|window| window == name)
}

/// `MEPMD01` and the other kinds of records.
fn is_cmep(kind: &str) -> bool {
    let is_kind = |rest: &str| rest.len() == 4 && rest.bytes().skip(2).all(|byte| byte.is_ascii_digit());
    kind.strip_prefix("MEP").is_some_and(is_kind)
}

fn is_own_export(cells: &Cells) -> bool {
    cells.len() == COLUMNS.len()
        && COLUMNS.iter().enumerate().all(|(place, name)| cells.get(place).eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Option<&'static str> {
        detect(text.as_bytes()).map(|form| form.name())
    }

    #[test]
    fn what_the_beginning_tells() {
        assert_eq!(name("\u{feff}100,NEM12,200401011200,A,B\n200,"), Some("nem"));
        assert_eq!(name("\"100\",NEM13,"), Some("nem"));
        assert_eq!(name("100,NEM14,"), None);
        assert_eq!(name("\nMEPMD01,20080501,S,TOWN:1"), Some("cmep"));
        assert_eq!(name("MEPLF01,20080501"), Some("cmep"));
        assert_eq!(name("ZHV|F1|D0010002|R|"), Some("d0010"));
        assert_eq!(name("ZHV|F1|D0149001|R|"), None);
        assert_eq!(name("Location_ID,Meter_SN,Read,Read_Time,Read_Unit\n"), Some("beacon"));
        assert_eq!(name("Timestamp,Read_Value,Meter_Serial_Number,EndpointID\r\n"), Some("itron"));
        let both = "Timestamp,Read_Value,Meter_Serial_Number,Location_ID,Read,Read_Time\n";
        assert_eq!(name(both), None);
        let own = detect(format!("{}\n", COLUMNS.join(",")).as_bytes());
        assert_eq!(own, Some(FileForm::Csv(ColumnMap::reading_export())));
        let feed = "<?xml version=\"1.0\"?>\n<feed xmlns=\"http://www.w3.org/2005/Atom\"";
        assert_eq!(name(feed), None);
        assert_eq!(name(&format!("{feed} xmlns:espi=\"http://naesb.org/espi\">")), Some("green_button"));
        for other in ["", "\n\n", "Meter,Date,Reading\n", "\u{0}\u{1}", "a\"b"] {
            assert_eq!(name(other), None, "{other}");
        }
        assert_eq!(detect(b"\xFF\xFE1\x000\x00"), None);
    }
}

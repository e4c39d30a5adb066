//! Files in parts say what they say as a whole; and rejected records, mended, load again.

#![cfg(test)]

use meterdata::cmep::Clock;
use meterdata::fixed_width::{Meaning, RecordKind};
use meterdata::form::FileForm;
use meterdata::itron::Holds;
use meterdata::parts::{Records, cut, items, record_at};
use meterdata::{FileFault, Item, Items};
use proptest::prelude::*;
use vocab::Zone;

fn zone() -> Zone {
    "America/Denver".parse().unwrap()
}

/// All that a reader says, as text, and the fault at its end.
fn said(items: Items<'_>) -> Vec<String> {
    items.map(|item| format!("{item:?}")).collect()
}

fn whole(form: &FileForm, bytes: &[u8]) -> Result<Vec<String>, String> {
    let zone = zone();
    form.open(bytes, &zone).map(said).map_err(|fault| fault.to_string())
}

/// What the parts say, one after the other.
fn in_parts(form: &FileForm, bytes: &[u8], lines: u64, most_bytes: u64) -> Result<Vec<String>, String> {
    let zone = zone();
    let cut = cut(form, bytes, lines, most_bytes).map_err(|fault| fault.to_string())?;
    let place = |number: u64| usize::try_from(number).unwrap();
    let mut said_by_all = Vec::new();
    let mut next = None;
    for (place_of_part, part) in cut.parts.iter().enumerate() {
        assert_eq!(part.is_last, place_of_part + 1 == cut.parts.len());
        assert!(next.is_none_or(|next| next == (part.first_line, part.offset)), "{cut:?}");
        next = Some((part.first_line + part.lines, part.offset + part.length));
        let own = &bytes[place(part.offset)..place(part.offset + part.length)];
        assert_eq!(u64::try_from(own.split_inclusive(|&byte| byte == b'\n').count()).unwrap(), part.lines);
        let mut context = Vec::new();
        for line in &part.context {
            context.extend(&bytes[place(line.offset)..place(line.offset + line.length)]);
            if context.last() != Some(&b'\n') {
                context.push(b'\n');
            }
        }
        let prelude = if part.context.is_empty() { &cut.prelude } else { &context };
        said_by_all.extend(said(items(form, prelude, cut.prelude_lines, part, own, &zone)));
    }
    Ok(said_by_all)
}

fn form(text: &str) -> FileForm {
    serde_json::from_str(text).unwrap()
}

fn csv() -> FileForm {
    form(
        r#"{"format":"csv","columns":{"meter_serial":"Meter","read_on":"Date","value":"Reading"},
            "control":{"marker":"TOTAL"}}"#,
    )
}

fn shipped(name: &str) -> FileForm {
    FileForm::shipped().into_iter().find(|(found, _)| *found == name).unwrap().1
}

fn nem12(streams: usize) -> String {
    let mut text = String::from("100,NEM12,200401011200,A,B\n");
    let values = ",1".repeat(24);
    for stream in 0..streams {
        text += &format!("200,NMI000000{stream},E1,,E1,,M{stream},KWH,60,\n");
        text += &format!("300,20240101{values},A,,,,\n300,20240102{values},V,,,,\n");
        text += "400,1,1,A,,\n400,2,24,E,,\n500,O,S1,20240102101500,1.5\n";
    }
    text + "900\n"
}

fn nem13(pairs: usize) -> String {
    let pairs = (0..pairs).map(|n| {
        let dials = "1000,20240101000000,A,,,1100,20240201000000,A,,,100";
        format!("250,NMI{n},11,,11,,M1,E,{dials},KWH,,,\n550,N,,E,\n")
    });
    format!("\n100,NEM13,200401011200,A,B\n{}900\n", pairs.collect::<String>())
}

/// Good files of each format.
fn files() -> Vec<(FileForm, String)> {
    let cmep: String = (0..4)
        .map(|n| format!("MEPMD01,2008,S,T,R,A-{n},2026,M{n},OK,W,CF,1.0,00000100,1,202606020{n}00,R0,8\n"))
        .collect();
    let beacon: String = (0..4).map(|n| format!("L{n},1{n}.5,06/02/2026 08:00,CF\n")).collect();
    let itron: String = (0..4).map(|n| format!("06/0{}/2026 08:00:00,{n}.5,M{n}\n", n + 1)).collect();
    let d0010: String = (0..3)
        .map(|n| {
            format!("026|120000000000{n}|V|\n028|M{n}|R|\n030|01|20260601000000|{n}.0||||V|\n030|02|20260601000000|7|\n")
        })
        .collect();
    let mvrs: String = (0..3).map(mvrs).collect();
    let rows: String = (0..6).map(|n| format!("M-{n},2026-01-0{},{n}.5\r\n", n + 1)).collect();
    vec![
        (csv(), format!("Route 12\n\nMeter,Date,Reading\r\n{rows}TOTAL,6\n\n,,\nM-9,,\n")),
        (FileForm::Nem, nem12(3)),
        (FileForm::Nem, nem13(4)),
        (FileForm::Cmep { clock: Clock::Local }, cmep),
        (
            FileForm::Beacon { interval_minutes: 60 },
            format!("Location_ID,Read,Read_Time,Read_Unit\n{beacon}"),
        ),
        (
            FileForm::Itron { holds: Holds::Registers },
            format!("Timestamp,Read_Value,Meter_Serial_Number\n\n{itron}"),
        ),
        (FileForm::D0010, format!("ZHV|F1|D0010002|R|\n{d0010}\nZPT|F1|12|\n")),
        (shipped("itron-mvrs"), format!("CYC01\n{mvrs}")),
        (
            shipped("sensus"),
            format!("{:20}{:8}{:>15}{:8}{:4}\n", "P1", "S1", "15", "06032026", "0705").repeat(3),
        ),
        (FileForm::GreenButton, "<feed xmlns=\"http://www.w3.org/2005/Atom\">\n</feed>\n".to_owned()),
    ]
}

/// A customer with a meter and two readings of the generic layout.
fn mvrs(n: usize) -> String {
    let FileForm::FixedWidth(layout) = shipped("itron-mvrs") else { panic!("no layout") };
    let kind = |prefix: &str| layout.records.iter().find(|kind| kind.prefix == prefix).unwrap();
    let records = [("CUS", 1), ("MTR", 1), ("RDG", 1), ("RDG", 2)];
    records.map(|(prefix, register)| record(kind(prefix), n, register)).concat()
}

fn record(kind: &RecordKind, n: usize, register: u8) -> String {
    let mut line = format!("{:80}\n", kind.prefix).into_bytes();
    for field in &kind.fields {
        let said = match &field.meaning {
            Meaning::Point => format!("P{n}"),
            Meaning::Serial => format!("S{n}"),
            Meaning::Register => register.to_string(),
            Meaning::Date(pattern) => [("YYYY", "2026"), ("YY", "26"), ("MM", "06"), ("DD", "03")]
                .iter()
                .fold(pattern.clone(), |text, (from, to)| text.replace(from, to)),
            Meaning::Value(_) => format!("{:>width$}", n + 10, width = field.length),
            _ => continue,
        };
        let start = field.start - 1;
        line.splice(start..start + said.len(), said.bytes());
    }
    String::from_utf8(line).unwrap()
}

#[test]
fn good_files_in_parts_of_every_size() {
    for (form, text) in files() {
        let expected = whole(&form, text.as_bytes()).unwrap();
        let rejected = expected.iter().filter(|item| item.contains("Rejected")).count();
        assert!(matches!(form, FileForm::GreenButton) || rejected == 0, "{expected:?}");
        for lines in 1..=u64::try_from(text.lines().count()).unwrap() {
            assert_eq!(in_parts(&form, text.as_bytes(), lines, u64::MAX).unwrap(), expected, "{lines}");
        }
        for bytes in [0, 1, 50, 200, 1_000] {
            assert_eq!(in_parts(&form, text.as_bytes(), u64::MAX, bytes).unwrap(), expected, "{bytes}");
        }
        let many = cut(&form, text.as_bytes(), 1, 1).unwrap().parts.len();
        assert!(matches!(form, FileForm::GreenButton) || many >= 3, "{} {many}", form.name());
    }
}

#[test]
fn what_cannot_be_opened_is_not_cut() {
    for (form, _) in files() {
        for bytes in [&b""[..], b"\n\n", b"\xFF\xFEM\0", b"nonsense\n"] {
            if matches!(form, FileForm::GreenButton) && bytes.starts_with(b"non")
                || form.name() == "fixed_width"
            {
                continue;
            }
            let refused = cut(&form, bytes, 10, 10).unwrap_err().to_string();
            let opened = whole(&form, bytes).and_then(|items| match items.first() {
                Some(item) if item.starts_with("Err") => Err(item.clone()),
                _ => Ok(()),
            });
            assert!(opened.is_err(), "{} {refused}", form.name());
        }
    }
    let group = format!(
        "100,NEM12\n200,N,E1,,E1,,M,KWH,60,\n{}",
        format!("300,{}\n", "1,".repeat(5_000)).repeat(7_000)
    );
    assert!(matches!(cut(&FileForm::Nem, group.as_bytes(), 1, 1), Err(FileFault::Format { line: 2, .. })));
}

/// Readings under a head that stands once in the file, and under routes within it.
fn one_head(readings: usize) -> (FileForm, String) {
    let layout = form(
        r#"{"format":"fixed_width","name":"once","verified":false,"note":"","default_quality":"actual","records":[
            {"prefix":"HDR","length":11,"role":"context","fields":[
                {"meaning":{"date":"YYYYMMDD"},"start":4,"length":8}]},
            {"prefix":"RTE","length":13,"role":"context","fields":[
                {"meaning":"point","start":4,"length":10}]},
            {"prefix":"RDG","length":23,"role":"reading","fields":[
                {"meaning":"serial","start":4,"length":10},
                {"meaning":{"value":{"implied_decimals":0}},"start":14,"length":10,"align":"right"}]}]}"#,
    );
    let rows: String = (0..readings)
        .map(|n| {
            let route = if n % 7 == 0 { format!("RTER{:<9}\n", n / 7) } else { String::new() };
            format!("{route}RDGS{n:<9}{n:>10}\n")
        })
        .collect();
    (layout, format!("HDR20260603\n{rows}"))
}

#[test]
fn a_file_with_one_head_is_cut_and_each_part_hangs_on_it() {
    let (form, good) = one_head(40);
    let unknown = good.replacen("RDGS5 ", "QQQS5 ", 1);
    let bad_route = good.replacen("RTER1", "RTE\u{1}1", 1);
    let bad_head = good.replacen("HDR2026", "HDR20x6", 1);
    let long = good.replacen("RTER2 ", &format!("RTER2 {}", "y".repeat(40_000)), 1);
    for (text, taken) in [(good, 40), (unknown, 5), (bad_route, 33), (bad_head, 0), (long, 33)] {
        let expected = whole(&form, text.as_bytes()).unwrap();
        assert_eq!(expected.iter().filter(|item| item.contains("Reading(")).count(), taken, "{expected:?}");
        for lines in 1..20 {
            assert_eq!(in_parts(&form, text.as_bytes(), lines, u64::MAX).unwrap(), expected, "{lines}");
        }
        assert_eq!(in_parts(&form, text.as_bytes(), u64::MAX, 100).unwrap(), expected);
        let parts = cut(&form, text.as_bytes(), 10, u64::MAX).unwrap().parts;
        assert!(parts.len() >= 4 && parts.iter().all(|part| part.lines <= 10), "{parts:?}");
    }
}

#[test]
fn what_stands_after_the_end_is_seen() {
    let nem = nem12(2) + "\n200,NMI0000009,E1,,E1,,M,KWH,60,\n300,20240101,1,2,A,,,,\n";
    let d0010 = files()[6].1.clone() + "026|1200000000009|V|\n";
    for (form, text, word) in
        [(FileForm::Nem, nem, "after the last one"), (FileForm::D0010, d0010, "after the trailer")]
    {
        let expected = whole(&form, text.as_bytes()).unwrap();
        assert!(expected.last().unwrap().contains(word), "{expected:?}");
        for lines in 1..10 {
            assert_eq!(in_parts(&form, text.as_bytes(), lines, u64::MAX).unwrap(), expected);
        }
    }
}

#[derive(Debug, Clone)]
enum Harm {
    Remove(usize),
    Again(usize, usize),
    Byte(usize, u8),
    Cut(usize),
}

fn harm() -> impl Strategy<Value = Harm> {
    prop_oneof![
        any::<usize>().prop_map(Harm::Remove),
        any::<(usize, usize)>().prop_map(|(from, to)| Harm::Again(from, to)),
        (any::<usize>(), prop::sample::select(b",|\n\r\"029\xFF\0 ".to_vec()))
            .prop_map(|(at, byte)| Harm::Byte(at, byte)),
        any::<usize>().prop_map(Harm::Cut),
    ]
}

fn harmed(mut bytes: Vec<u8>, harm: &Harm) -> Vec<u8> {
    let mut lines: Vec<Vec<u8>> = bytes.split_inclusive(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect();
    if bytes.is_empty() {
        return bytes;
    }
    let count = lines.len();
    match *harm {
        Harm::Remove(line) => drop(lines.remove(line % count)),
        Harm::Again(from, to) => lines.insert(to % count, lines[from % count].clone()),
        Harm::Byte(at, byte) => {
            let at = at % bytes.len();
            bytes[at] = byte;
            return bytes;
        }
        Harm::Cut(at) => {
            bytes.truncate(bytes.len() - at % bytes.len().min(40));
            return bytes;
        }
    }
    lines.concat()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(std::env::var("PARTS").map_or(400, |cases| cases.parse().unwrap())))]
    #[test]
    fn harmed_files_in_parts_say_what_they_say_as_a_whole(
        file in 0_usize..10, harms in prop::collection::vec(harm(), 0..5), lines in 1_u64..12, is_marked: bool,
    ) {
        let (form, text) = files().swap_remove(file);
        let mut bytes = text.into_bytes();
        for harm in &harms {
            bytes = harmed(bytes, harm);
        }
        if is_marked {
            bytes.splice(..0, *b"\xEF\xBB\xBF");
        }
        let expected = whole(&form, &bytes);
        match in_parts(&form, &bytes, lines, u64::MAX) {
            Ok(said) => prop_assert_eq!(Ok(said), expected),
            // Refused at once: then the whole says nothing but why.
            Err(refused) => match expected {
                Err(fault) => prop_assert_eq!(refused, fault),
                Ok(said) => prop_assert!(said.len() == 1 && said[0].starts_with("Err"), "{:?}", said),
            },
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(std::env::var("PARTS").map_or(400, |cases| cases.parse().unwrap())))]

    /// Rejected records, loaded again as they are, say nothing that the file did not say: none comes to hang
    /// on another.
    #[test]
    fn rejected_records_that_nobody_mended_say_nothing_new(
        file in 0_usize..10, harms in prop::collection::vec(harm(), 1..6),
    ) {
        let (form, text) = files().swap_remove(file);
        let bytes = harms.iter().fold(text.into_bytes(), harmed);
        let Ok(file) = cut(&form, &bytes[..], 10_000, u64::MAX) else { return Ok(()) };
        // The last day of a NEM file without an end waits for somebody to look at it: it is taken then.
        let ends = whole(&form, &bytes).unwrap().iter().all(|item| item.starts_with("Ok"));
        if form == FileForm::Nem && !ends {
            return Ok(());
        }
        let (taken, rejected) = values(&form, &bytes);
        let Some(part) = file.parts.first() else { return Ok(()) };
        let own = &bytes[usize::try_from(part.offset).unwrap()..];
        let mut records = Records::new(&form, own);
        // What stands after a trailer is mended by standing before one.
        let trailer = bytes.split(|&byte| byte == b'\n').position(|line| line.trim_ascii_start().starts_with(b"ZPT"));
        let end = trailer.map_or(u64::MAX, |line| u64::try_from(line).unwrap());
        let texts: Vec<Vec<u8>> = rejected
            .iter()
            .filter(|line| **line <= end)
            .filter_map(|line| (line + 1).checked_sub(part.first_line))
            .map(|line| records.at(line))
            .collect();
        let again = [file.prelude, texts.concat(), form.end().to_vec()].concat();
        for value in values(&form, &again).0 {
            prop_assert!(taken.contains(&value), "{}\n{}", value, String::from_utf8_lossy(&again));
        }
    }
}

/// The values of readings and intervals, by the name of their meter.
fn values(form: &FileForm, bytes: &[u8]) -> (Vec<String>, Vec<u64>) {
    let (zone, mut values, mut lines) = (zone(), Vec::new(), Vec::new());
    let Ok(items) = form.open(bytes, &zone) else { return (values, lines) };
    for item in items.map_while(Result::ok) {
        match item {
            Item::Reading(of) => values.push(format!("{:?} {:?} {}", of.channel, of.at, of.value)),
            Item::Intervals(of) => values.push(format!("{:?} {:?} {:?}", of.channel, of.begins, of.values)),
            Item::Accumulated(of) => values.push(format!("{:?} {}", of.to.channel, of.quantity)),
            Item::Rejected(of) => lines.push(of.line),
            Item::Unfilled { .. } | Item::Totals { .. } => {}
        }
    }
    (values, lines)
}

#[test]
fn rejected_records_mended_load_again() {
    let d0010 = files()[6].1.clone();
    let good = nem12(4);
    // A day, a day's quality with its day, and a stream with its days.
    let harm = |from: &str, to: &str| (from.to_owned(), to.to_owned());
    let cases = [
        (
            csv(),
            files()[0].1.replace("M-9,,\n", ""),
            vec![harm("M-1,2026", "M-1,2O26"), harm("M-3,2026", "M-3,2O26"), harm("M-5,2026", "M-5,2O26")],
        ),
        (
            FileForm::Nem,
            good.clone(),
            vec![harm("M1,KWH,60,\n300,20240101,1,", "M1,KWH,60,\n300,20240101,bad,")],
        ),
        (FileForm::Nem, good.clone(), vec![harm("M2,KWH,60", "M2,KWH,6O")]),
        (
            FileForm::Nem,
            nem13(5),
            [1, 2, 4].map(|n| (format!("NMI{n},11,,11,,M1,E,1"), format!("NMI{n},11,,11,,M1,E,x"))).to_vec(),
        ),
        (FileForm::D0010, d0010, vec![harm("|0.0|", "|zero|"), harm("028|M1|R|", "028|M1|?|")]),
        (files()[7].0.clone(), files()[7].1.clone(), vec![harm("S1 ", "\u{1}1 ")]),
    ];
    for (form, good, harms) in cases {
        let bad = harms.iter().fold(good.clone(), |text, (from, to)| text.replace(from.as_str(), to));
        let mended = |text: &str| {
            harms.iter().fold(text.to_owned(), |text, (from, to)| text.replace(to.as_str(), from))
        };
        let all = values(&form, mended(&good).as_bytes()).0;
        let (taken, rejected) = values(&form, bad.as_bytes());
        assert!(!rejected.is_empty() && taken.len() < all.len(), "{}", form.name());
        let file = cut(&form, bad.as_bytes(), 1_000, u64::MAX).unwrap();
        let part = &file.parts[0];
        let own = &bad.as_bytes()[usize::try_from(part.offset).unwrap()..];
        let mut texts: Vec<Vec<u8>> = Vec::new();
        for line in rejected {
            let text = record_at(&form, own, line - part.first_line + 1);
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
        let again = [file.prelude, texts.concat(), form.end().to_vec()].concat();
        let (loaded, left) = values(&form, mended(std::str::from_utf8(&again).unwrap()).as_bytes());
        assert_eq!(left, Vec::<u64>::new(), "{}", form.name());
        let mut missing: Vec<_> = all.into_iter().filter(|value| !taken.contains(value)).collect();
        let mut loaded = loaded;
        missing.sort();
        loaded.sort();
        assert_eq!(loaded, missing, "{}", form.name());
    }
}

#[test]
fn records_whose_head_is_not_known_do_not_hang_on_another() {
    // The second stream's name is harmed: its day stands under the harmed line, not under the first stream.
    let text = "200,NMI0000001,E1,,E1,,M1,KWH,60,\n300,20240101,1,2,A,,,,\n2x0,NMI0000002,E1,,E1,,M2,KWH,60,\n\
                300,20240102,3,4,A,,,,\n";
    let record = String::from_utf8(record_at(&FileForm::Nem, text.as_bytes(), 4)).unwrap();
    assert!(record.contains("2x0,") && record.ends_with("300,20240102,3,4,A,,,,\n"), "{record}");
    // It goes back: which stream it is of, nobody knows.
    let back = "200,NMI0000001,E1,,E1,,M1,KWH,60,\n300,20240102,1,2,A,,,,\n300,20240101,1,2,A,,,,\n";
    let record = String::from_utf8(record_at(&FileForm::Nem, back.as_bytes(), 3)).unwrap();
    assert_eq!(record, "200,,,,,,,,,\n300,20240101,1,2,A,,,,\n");
    assert_eq!(record_at(&FileForm::D0010, b"030|01|20260601|1|\n", 1), b"026||\n030|01|20260601|1|\n");
    assert_eq!(record_at(&FileForm::Nem, b"900,x\n", 1), b"");
    assert_eq!(record_at(&FileForm::GreenButton, b"<feed/>", 1), b"");
    assert_eq!(record_at(&csv(), b"a\nb", 2), b"b\x1A\n");
    assert_eq!(record_at(&csv(), b"a\nb", 3), b"");
}

#[test]
fn rejected_records_of_a_broken_file_stay_small() {
    // A spreadsheet has made 300.0 of every 300.
    let line = format!("300.0,20260101{}\n", ",1.5".repeat(48));
    let file = format!("100,NEM12,202601010000,A,B\n200,P,E1,E1,E1,N,M,KWH,30,\n{}900\n", line.repeat(2_000));
    let form = FileForm::Nem;
    let mut records = Records::new(&form, file.as_bytes());
    let all: usize = (3..2_003).map(|line| records.at(line).len()).sum();
    assert!(all < 12 * file.len(), "{all} bytes of {}", file.len());
    let late = String::from_utf8(records.at(1_500)).unwrap();
    assert_eq!(late.lines().collect::<Vec<_>>(), ["200,,,,,,,,,", line.trim_end()]);
    let early = String::from_utf8(records.at(4)).unwrap();
    assert!(early.starts_with("200,P,") && early.lines().count() == 3, "{early}");
}

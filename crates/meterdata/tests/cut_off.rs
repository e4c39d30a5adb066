//! Files that end inside of their last line: what may be cut is not taken.

#![cfg(test)]

use meterdata::{Fault, FileForm, Item};
use vocab::Zone;

fn form(text: &str) -> FileForm {
    serde_json::from_str(text).unwrap()
}

/// How many values are taken, and the faults of the rest.
fn read(form: &FileForm, text: &str) -> (usize, Vec<(u64, Fault)>) {
    let zone = Zone::utc();
    let (mut taken, mut faults) = (0, Vec::new());
    for item in form.open(text.as_bytes(), &zone).unwrap() {
        match item {
            Ok(Item::Reading(_) | Item::Intervals(_)) => taken += 1,
            Ok(Item::Rejected(rejected)) => faults.push((rejected.line, rejected.fault)),
            Ok(_) | Err(_) => {}
        }
    }
    (taken, faults)
}

#[test]
fn a_last_line_without_an_end_may_be_cut() {
    let cmep = "MEPMD01,2008,S,T,R,A,2026,M,OK,W,KWH,1.0,00000100,1,202606020800,R0,8.25\n";
    let d0010 = "ZHV|F1|D0010002|R|\n026|1200000000001|V|\n028|M1|R|\n030|01|20260601000000|1234|\n";
    let itron = "Timestamp,Meter_Serial_Number,Read_Value\n06/03/2026 08:00,M1,1234\n";
    let beacon = "Location_ID,Read_Time,Read\nL1,06/03/2026 08:00,1234\n";
    for (name, text) in [("cmep", cmep), ("d0010", d0010), ("itron", itron), ("beacon", beacon)] {
        let form = form(&format!("{{\"format\":\"{name}\"}}"));
        assert_eq!(read(&form, text), (1, vec![]), "{name}");
        let last = u64::try_from(text.lines().count()).unwrap();
        for cut in [1, 2, 3] {
            let expected = (0, vec![(last, Fault::Contradiction)]);
            assert_eq!(read(&form, &text[..text.len() - cut]), expected, "{name} {cut}");
        }
    }
    // Nothing that is read stands at the end of the line.
    let more = "Timestamp,Meter_Serial_Number,Read_Value,Note\n06/03/2026 08:00,M1,1234,so";
    assert_eq!(read(&form("{\"format\":\"itron\"}"), more), (1, vec![]));
}

#[test]
fn a_row_of_a_spreadsheet_is_whole_with_all_its_columns() {
    let csv = form(
        r#"{"format":"csv","columns":{"meter_serial":"Meter","read_on":"Date","value":"Reading","quality":"Code"}}"#,
    );
    let head = "Meter,Date,Reading,Code\nM-1,2026-01-31,1150\n";
    assert_eq!(read(&csv, &format!("{head}M-2,2026-01-31,1150,E")), (1, vec![(3, Fault::BadQuality)]));
    assert_eq!(read(&csv, &format!("{head}M-2,2026-01-31,1150,")), (2, vec![]));
    assert_eq!(read(&csv, &format!("{head}M-2,2026-01-31,115")), (1, vec![(3, Fault::Contradiction)]));
}

#[test]
fn a_fixed_record_without_an_end_has_its_length() {
    let layout = r#"{"format":"fixed_width","name":"n","verified":false,"note":"","default_quality":"actual","records":[
        {"prefix":"","role":"reading","length":24,"fields":[
            {"start":1,"length":8,"meaning":{"date":"YYYYMMDD"}},
            {"start":9,"length":6,"meaning":{"value":{}}},
            {"start":15,"length":8,"meaning":"serial"}]}]}"#;
    let layout = form(layout);
    let line = "20260603  1234SERIAL12";
    assert_eq!(read(&layout, line), (1, vec![]));
    assert_eq!(read(&layout, &format!("{}\n", &line[..21])), (1, vec![]));
    assert_eq!(read(&layout, &line[..21]), (0, vec![(1, Fault::Contradiction)]));
}

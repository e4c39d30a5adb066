//! Rules of validation by class and commodity, at work on files of readings.

use crate::load::{Files, Place, admin};
use app::exchange::{Asked, NewImport, Report, Target, Upload};
use meterdata::FileForm;
use meterdata::csv::ColumnMap;
use store::held_days::HeldDayFilter;
use time::macros::date;
use vocab::{Code, OperationState, RegisterId};

/// A loaded town of `n` accounts; the day is 1 March.
fn town(n: usize) -> Place {
    let place = Place::new();
    let report = place.load(Files::town(n).write().path());
    assert_eq!((report.accounts.loaded, report.refusal_count), (n as u64, 0));
    place
}

fn report_of(place: &Place, file: &str, asked: &Asked) -> Report {
    let caller = admin();
    let mut upload = Upload::new().unwrap();
    upload.write(file.as_bytes()).unwrap();
    let prepared = place.app.prepare_import(upload, asked).unwrap();
    let new = NewImport { window: None, file_name: "route-7.csv".to_owned(), target: Target::default() };
    let start = |tx: &mut store::Tx<'_>| app::exchange::start(tx, &caller, prepared, new);
    let (import, _) = place.app.db().tx(start).unwrap();
    place.app.work_until_idle().unwrap();
    let operation = place.app.operation(&caller, import.operation_id).unwrap();
    assert_eq!(operation.operation.state, OperationState::Done, "{:?}", operation.operation.error);
    let report = place.app.reading_import_report(&caller, import.id).unwrap();
    assert!(report.counts.adds_up());
    report
}

#[test]
fn a_book_of_rules_holds_the_reads_of_one_class_and_commodity_only() {
    let place = town(3);
    place
        .database
        .execute(
            "INSERT INTO customer_classes (code, name, due_days) VALUES ('industrial', 'Industrial', 20); \
             UPDATE accounts SET class_code = 'industrial' WHERE account_id = \
               (SELECT account_id FROM service_point_contracts JOIN service_points USING (service_point_id) \
                WHERE code = 'W-1'); \
             UPDATE settings SET read_rules = '{\"rules\": [\
               {\"class\": \"industrial\", \"commodity\": \"water\", \"rules\": {\"high_usage\": \"hold\"}}, \
               {\"commodity\": \"gas\", \"rules\": {\"high_usage\": \"reject\"}}, \
               {\"class\": \"residential\", \"commodity\": \"sewer\", \"rules\": {\"high_usage\": \"reject\"}}]}'",
        )
        .unwrap();
    let mut file = "service_point,meter_serial,register,read_on,value,quality\n".to_owned();
    for n in 0..3 {
        file.push_str(&format!("W-{n},M-{n},1,2026-02-28,197,\n"));
    }
    let report = report_of(&place, &file, &Asked::Form(FileForm::Csv(ColumnMap::reading_export())));
    let counts = &report.counts;
    assert_eq!((counts.accepted, counts.warned, counts.held, counts.rejected.count), (2, 2, 1, 0));
    let held = "reads JOIN service_points USING (service_point_id) WHERE status = 'held'";
    assert_eq!(place.count(&format!("{held} AND code = 'W-1' AND reason = 'high_usage'")), 1);
    assert_eq!(place.count(held), 1);
}

/// A file of hourly data of one day, each hour 1 kWh but those given.
fn hourly(day: &str, other: &[(usize, &str)]) -> String {
    let mut values = vec!["1"; 24];
    for (hour, value) in other {
        values[*hour] = value;
    }
    format!(
        "100,NEM12,202603010000,MDP,RET\n200,W-0,E1,E1,E1,,M-0,KWH,60,\n300,{day},{},A,,,20260301000000,\n900\n",
        values.join(",")
    )
}

#[test]
fn a_spike_in_interval_data_is_held_where_the_rules_say_so() {
    let place = town(1);
    place
        .database
        .execute(
            "UPDATE settings SET time_zone = 'Australia/Brisbane'; \
             INSERT INTO registers (service_point_id, id, install_id, code, kind, unit, multiplier, dials, decimals, peak) \
             SELECT service_point_id, -1, install_id, 'E1', 'interval', 'kwh', 1, 6, 0, false FROM registers LIMIT 1",
        )
        .unwrap();
    let take = |file: &str| {
        let report = report_of(&place, file, &Asked::Named("nem".to_owned()));
        (report.counts.accepted, report.counts.warned, report.counts.held, report.counts.rejected.count)
    };
    let spike = [(7, "40")];
    assert_eq!(take(&hourly("20260210", &[])), (1, 0, 0, 0));
    assert_eq!(take(&hourly("20260211", &spike)), (1, 1, 0, 0));
    let rule = |action: &str| {
        place
            .database
            .execute(&format!(
                "UPDATE settings SET read_rules = \
                 '{{\"rules\": [{{\"commodity\": \"water\", \"rules\": {{\"interval_spike\": \"{action}\"}}}}]}}'"
            ))
            .unwrap();
    };
    rule("hold");
    assert_eq!(take(&hourly("20260212", &spike)), (0, 0, 1, 0));
    assert_eq!(place.count("interval_days WHERE is_held AND day = '2026-02-12' AND total = 63"), 1);
    let held = || place.app.held_days(&admin(), HeldDayFilter::default(), None, 10).unwrap().items;
    let days: Vec<_> = held().iter().map(|of| (of.service_point.clone(), of.sum.day)).collect();
    assert_eq!(days, [("W-0".to_owned(), date!(2026 - 02 - 12))]);
    // Mended data are judged again.
    assert_eq!(take(&hourly("20260212", &[])), (1, 0, 0, 0));
    assert!(held().is_empty());
    assert_eq!(take(&hourly("20260212", &[(7, "41")])), (0, 0, 1, 0));
    let sum = &held()[0].sum;
    let key = (RegisterId::new(sum.service_point_id, sum.register_id), sum.day);
    let release = |tx: &mut store::Tx<'_>| app::held_reads::release_days(tx, &admin(), vec![key, key]);
    let codes = |outcomes: Vec<app::held_reads::ReleasedDay>| -> Vec<Option<Code>> {
        outcomes.into_iter().map(|of| of.refused.map(|(code, _)| code)).collect()
    };
    assert_eq!(codes(place.app.db().tx(release).unwrap()), [None, None]);
    assert_eq!(codes(place.app.db().tx(release).unwrap()), [Some(Code::WrongState); 2]);
    assert!(held().is_empty());
    // What was broken stays with the day, and that a person looked at it.
    let rules = |day: &str, rules: &str| {
        place.count(&format!(
            "interval_days WHERE day = '2026-02-{day}' AND rules IS NOT DISTINCT FROM {rules}"
        ))
    };
    assert_eq!(rules("10", "NULL"), 1);
    assert_eq!(rules("11", "'interval_spike'"), 1);
    assert_eq!(rules("12", "'released: interval_spike'"), 1);
    rule("reject");
    assert_eq!(take(&hourly("20260213", &spike)), (0, 0, 0, 1));
    // A day is no spike against what the register usually counts.
    place.database.execute("UPDATE interval_days SET total = 500").unwrap();
    assert_eq!(take(&hourly("20260214", &spike)), (1, 0, 0, 0));
    assert_eq!(place.count("interval_days"), 4);
}

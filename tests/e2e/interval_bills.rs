//! A year of a real household's hours, as its utility exported it, billed month by month by a public
//! time-of-use tariff: every bill is what the rating engine makes of the same hours.

use e2e::town::{Town, text, usd};
use e2e::{Client, Program};
use rating::{InForce, RateVersion, RatingInput, Series};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use time::macros::date;
use time::{Date, OffsetDateTime, Time};
use vocab::{Currency, Decimal, Frequency, Period, RateScheduleId, RateVersionId, Unit, Zone};

const ZONE: &str = "America/Los_Angeles";
/// The export has the hours up to 30 January 2012.
const LAST_ON: Date = date!(2012 - 01 - 30);

/// A file of the samples beside the project; none where they are not there.
fn sample(path: &str) -> Option<PathBuf> {
    let at = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/samples").join(path);
    if !at.exists() {
        eprintln!("LEFT OUT: {} is not there", at.display());
    }
    at.exists().then_some(at)
}

/// The hours of a Green Button file, by their first second: read as plain text, not by our own reader.
fn hours(xml: &str) -> BTreeMap<i64, Decimal> {
    let number = |text: &str, tag: &str| -> i64 {
        let rest = text.split(&format!("<{tag}>")).nth(1).unwrap();
        rest.split('<').next().unwrap().trim().parse().unwrap()
    };
    let readings = xml.split("<IntervalReading>").skip(1);
    readings.map(|reading| (number(reading, "start"), Decimal::new(number(reading, "value"), 3))).collect()
}

/// The hours of civil days as the engine takes them.
fn series(hours: &BTreeMap<i64, Decimal>, zone: &Zone, period: Period) -> Series {
    let at = |day: Date| zone.instant(day, Time::MIDNIGHT).unwrap().unix_timestamp();
    let (from, to) = (at(period.first_on()), at(period.last_on().next_day().unwrap()));
    let values: Vec<Decimal> = (from..to).step_by(3600).map(|hour| hours[&hour]).collect();
    let plain = Series::new(Unit::Kwh, 60, period.first_on(), &values).unwrap();
    Series { clock_changes: zone.clock_changes(period), ..plain }
}

fn windows() -> Vec<Period> {
    let mut first_on = date!(2011 - 02 - 01);
    let mut windows = Vec::new();
    while first_on < LAST_ON {
        let next = first_on.month().next();
        let year = first_on.year() + i32::from(next == time::Month::January);
        let after = Date::from_calendar_date(year, next, 1).unwrap();
        let last_on = after.previous_day().unwrap().min(LAST_ON);
        windows.push(Period::new(first_on, last_on).unwrap());
        first_on = after;
    }
    windows
}

/// A house with an interval register, on this tariff; answers the contract's account.
fn house(admin: &Client, town: &Town, tariff: &Value) -> Value {
    let rate = town.rate(admin, "tou", "electricity", std::slice::from_ref(tariff));
    let kind = json!({
        "code": "tou", "name": "Time of use", "commodity": "electricity", "method": "metered",
        "end_date": "calendar_period", "receivable_gl_account_id": town.receivable,
        "revenue_gl_account_id": town.revenue
    });
    let kind = admin.post("/v1/contract-types", &kind).ok()["id"].clone();
    let account = admin
        .post(
            "/v1/accounts",
            &json!({
                "cycle_id": town.cycle, "site_id": town.sites[0], "class_code": "residential", "language": "en",
                "delivery": "email", "opened_on": "2011-01-01",
                "customer": { "name": "Ada Coast", "email": "ada@example.org", "language": "en" }
            }),
        )
        .ok()["id"]
        .clone();
    let point = town.service_point(admin, "SP-1", "electricity", 0, &json!({}));
    let install = json!({
        "serial": "M-1", "installed_on": "2011-02-01",
        "registers": [{ "code": "1", "kind": "interval", "unit": "kwh" }]
    });
    admin.post(&format!("/v1/service-points/{}/install-meter", text(&point["id"])), &install).ok();
    let contract = json!({
        "contract_type_id": kind, "rate_schedule_id": rate, "location_id": point["location_id"],
        "service_point_id": point["id"], "starts_on": "2011-02-01", "ends_on": LAST_ON.to_string()
    });
    admin.post(&format!("/v1/accounts/{}/contracts", text(&account)), &contract).ok();
    account
}

/// Imports a file; answers its report.
fn import(admin: &Client, path: &str, file: &str) -> Value {
    let begun = admin.upload(path, file).ok();
    admin.finish(&begun["operation"]);
    admin.get(text(&begun["reading_import"]["links"]["report"])).ok()
}

/// The hours that the household's export lacks, as another system sends them: estimated.
fn lacking(hours: &mut BTreeMap<i64, Decimal>, zone: &Zone) -> String {
    let mut file = String::new();
    let all: Vec<i64> = hours.keys().copied().collect();
    for pair in all.windows(2) {
        for hour in (pair[0] + 3600..pair[1]).step_by(3600) {
            let value = Decimal::new(400 + (hour / 3600) % 7, 3);
            hours.insert(hour, value);
            let ends_at = OffsetDateTime::from_unix_timestamp(hour + 3600).unwrap();
            let stamp =
                format!("{}{:02}{:02}", ends_at.date().to_string().replace('-', ""), ends_at.hour(), 0);
            file.push_str(&format!(
                "MEPMD01,20080501,MDMA,TOWN,TOWN,SP-1,{stamp},M-1,OK,E,KWH,1.0,00000100,1,{stamp},E,{value}\n"
            ));
        }
    }
    assert!(zone.name() == ZONE && !file.is_empty());
    file
}

#[test]
fn a_year_of_a_households_hours_bills_as_the_engine_rates_them() {
    let (Some(xml), Some(tariff)) =
        (sample("greenbutton/SDGE_2011-02_2012-01_hourly.xml"), sample("urdb/sce-tou-d-4-9pm.json"))
    else {
        return;
    };
    let xml = std::fs::read_to_string(xml).unwrap();
    let rate: Value = serde_json::from_str(&std::fs::read_to_string(tariff).unwrap()).unwrap();
    let zone: Zone = ZONE.parse().unwrap();
    let mut hours = hours(&xml);

    let program = Program::serve(2);
    let admin = program.admin();
    let town = Town::found_in(&admin, &["coast"], "2012-02-03T20:00:00Z", ZONE);
    let asked = json!({ "format": "urdb", "rate": rate, "effective_on": "2011-01-01" });
    let tariff = admin.post("/v1/tariff-imports", &asked).ok()["tariff"].clone();
    let account = house(&admin, &town, &tariff);

    // The export names no meter of ours.
    let preview = admin.upload("/v1/reading-imports/preview?service_point=SP-1", &xml[..400_000]).ok();
    assert_eq!((&preview["format"], &preview["rows"][0]["intervals"]), (&json!("green_button"), &json!(24)));
    let path = "/v1/reading-imports?file_name=usage.xml&service_point=SP-1";
    let report = import(&admin, path, &xml);
    assert_eq!(
        (&report["rejected"]["count"], &report["intervals"]),
        (&json!(0), &json!(8_727)),
        "{report:#}"
    );
    let gaps = lacking(&mut hours, &zone);
    let report = import(
        &admin,
        "/v1/reading-imports?form=%7B%22format%22%3A%22cmep%22%2C%22clock%22%3A%22utc%22%7D",
        &gaps,
    );
    assert_eq!((&report["rejected"]["count"], &report["accepted"]), (&json!(0), &json!(9)), "{report:#}");

    let version = RateVersion::from_value(tariff, &Currency::USD).unwrap();
    let versions = [InForce { id: RateVersionId(1), version: &version }];
    let windows = windows();
    assert_eq!(windows.len(), 12);
    for (month, period) in windows.iter().enumerate() {
        let (first_on, last_on) = (period.first_on().to_string(), period.last_on().to_string());
        let window = town.window(&admin, &first_on, &last_on, &last_on);
        let run = e2e::town::bill(&admin, &window);
        assert_eq!(run["items"]["accepted"], 1, "{period:?}: {run:#}");
        let series = series(&hours, &zone, *period);
        let used =
            vocab::decimal::sum(series.values.iter().map(|raw| Decimal::new(*raw, series.scale))).unwrap();
        let key = rating::tariff::QuantityKey::usage(Unit::Kwh);
        let quantities = [rating::Quantity { key, value: used }];
        let rated = rating::rate(&RatingInput {
            whole_period: Some(*period),
            is_first: month == 0,
            is_final: month == 11,
            quantities: &quantities,
            intervals: &[series.lent()],
            ..RatingInput::new(RateScheduleId(1), *period, Frequency::Monthly, &versions, Currency::USD)
        })
        .unwrap();
        let bill = admin.all(&format!("/v1/accounts/{}/bills", text(&account))).remove(0);
        assert_eq!(bill["new_charges"], usd(&Currency::USD.format(rated.total())), "{period:?}");
    }
    program.assert_proven();
}

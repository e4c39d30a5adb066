//! Tariffs of the public rate database: priced as they say, or refused where they cannot be.

use crate::bench::{Segment, day, kwh, scaled};
use rating::urdb::{Imported, PerDay, Place, Refusal, Terms, import};
use rating::{QuantityKey, RateVersion};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use vocab::{Currency, Unit};

fn terms() -> Terms {
    Terms { effective_on: Some(day("2020-01-01")), ..Terms::default() }
}

fn read(form: &str, terms: &Terms) -> Result<Imported, Vec<Refusal>> {
    import(&RawValue::from_string(form.to_owned()).unwrap(), terms)
}

fn imported(form: &Value) -> Imported {
    read(&form.to_string(), &terms()).unwrap()
}

/// The places of what is refused.
fn refused(form: &Value) -> Vec<String> {
    refused_under(form, &terms())
}

fn refused_under(form: &Value, terms: &Terms) -> Vec<String> {
    let all = read(&form.to_string(), terms).unwrap_err();
    all.into_iter().map(|refusal| refusal.place.to_string()).collect()
}

fn version(imported: Imported) -> RateVersion {
    RateVersion::from_tariff(imported.tariff, &Currency::USD).unwrap()
}

fn month(imported: Imported) -> Segment {
    Segment::new("2026-01-01", "2026-01-31", vec![version(imported)])
}

/// A rate with these fields besides its energy.
fn with(fields: Value) -> Value {
    let mut form = json!({"energyratestructure": [[{"rate": 0.1}]]});
    form.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    form
}

#[test]
fn members_of_a_tier_are_known_in_any_case_and_need_a_rate() {
    let form = json!({"energyRateStructure": [[{"Rate": 0.12, "Adj": "0.03", "MAX": 1e38, "Unit": "kWh"}]]});
    assert_eq!(month(imported(&form)).usage(Unit::Kwh, "100").amounts(), ["15.00"]);
    for tier in [json!({}), json!({"adj": 0.1}), json!({"rate": null})] {
        let form = json!({"energyRateStructure": [[{"rate": 1, "max": 5}, tier]]});
        assert_eq!(refused(&form), ["energyRateStructure/0/1/rate"]);
    }
    let form = json!({"energyratestructure": [[{"rate": 1, "Rate": 2, "a/b~": 1}]]});
    let all = refused(&form);
    assert_eq!(all, ["energyratestructure/0/0/a~1b~0", "energyratestructure/0/0/rate"]);
    let form = json!({"energyratestructure": [[{"rate": 1, "max": -1e38}, {"rate": 2}]]});
    assert_eq!(refused(&form), ["energyratestructure/0/0"]);
}

#[test]
fn what_is_sold_is_noted_of_energy_and_refused_of_demand() {
    let sold = json!([[{"rate": 0.1, "sell": 0.05, "max": 9}, {"rate": 0.2, "sell": 0.04}]]);
    let notes = imported(&json!({"energyratestructure": sold})).notes;
    assert_eq!(notes, ["energyratestructure: sell: no rule pays for what is given to the grid"]);
    assert_eq!(refused(&with(json!({"flatdemandstructure": sold}))), ["flatdemandstructure/0/0"]);
    assert_eq!(imported(&json!({"energyratestructure": [[{"rate": 1, "sell": 0}]]})).notes, [""; 0]);
}

#[test]
fn a_fixed_charge_of_zero_hides_no_other() {
    let amounts = |fields: Value| month(imported(&with(fields))).usage(Unit::Kwh, "0").amounts();
    let fixed = |fields: Value| amounts(fields)[0].clone();
    assert_eq!(fixed(json!({"fixedchargefirstmeter": 0, "fixedmonthlycharge": 10})), "10.00");
    assert_eq!(fixed(json!({"fixedchargefirstmeter": 10, "fixedmonthlycharge": 10})), "10.00");
    for fields in [
        json!({"fixedchargefirstmeter": 9, "fixedmonthlycharge": 10}),
        json!({"fixedchargefirstmeter": 10, "fixedmonthlycharge": 10, "fixedchargeunits": "$/day"}),
    ] {
        assert_eq!(refused(&with(fields)), ["fixedmonthlycharge"]);
    }
    assert_eq!(
        refused(&with(json!({"fixedchargefirstmeter": 9, "fixedchargeunits": 1}))),
        ["fixedchargeunits"]
    );
}

#[test]
fn a_charge_per_year_is_of_days_or_of_twelfths() {
    let form = with(json!({"fixedchargefirstmeter": 120, "fixedchargeunits": "$/year"}));
    let january = |per_day| {
        let terms = Terms { per_day, ..terms() };
        month(read(&form.to_string(), &terms).unwrap()).usage(Unit::Kwh, "0").amounts()[0].clone()
    };
    assert_eq!(january(PerDay::Days), "10.19");
    assert_eq!(january(PerDay::TwelfthOfYear), "10.00");
}

/// Demand by time of use: period 1 from June to September, period 0 in the other months.
fn seasonal_demand() -> Value {
    let row = |month: usize| vec![usize::from((5..9).contains(&month)); 24];
    let days: Vec<Vec<usize>> = (0..12).map(row).collect();
    with(json!({"demandratestructure": [[{"rate": 10}], [{"rate": 20}]],
        "demandweekdayschedule": days, "demandweekendschedule": days}))
}

#[test]
fn demand_of_a_season_is_charged_for_its_days() {
    let imported = imported(&seasonal_demand());
    assert_eq!(imported.notes, ["demand: a register of kW or interval data"]);
    let segment = |first_on: &str, last_on: &str| {
        let segment = Segment::new(first_on, last_on, vec![version(imported.clone())]);
        segment.usage(Unit::Kwh, "0").quantity(QuantityKey::peak(Unit::Kw), "50").amounts()
    };
    // 50 kW in each half of 30 days: 15 days at 10 and 15 at 20.
    assert_eq!(segment("2026-09-16", "2026-10-15")[1..], ["250.00", "500.00"]);
    assert_eq!(segment("2026-09-01", "2026-09-30")[1..], ["1000.00"]);
    let hourly = scaled(0, kwh(60, "2026-09-16", 30, |_, _| 50));
    let segment = Segment::new("2026-09-16", "2026-10-15", vec![version(imported)]).series(hourly);
    assert_eq!(segment.amounts()[1..], ["250.00", "500.00"]);
}

/// Energy whose months from June to September have period 1 in all hours, others period 0.
fn seasonal_energy(periods: Value) -> Value {
    let row = |month: usize| vec![usize::from((5..9).contains(&month)); 24];
    let days: Vec<Vec<usize>> = (0..12).map(row).collect();
    json!({"energyratestructure": periods, "energyweekdayschedule": days, "energyweekendschedule": days})
}

#[test]
fn energy_of_a_season_is_priced_from_a_total_register() {
    let amounts = |periods: Value, first_on: &str, last_on: &str| {
        let imported = imported(&seasonal_energy(periods));
        assert_eq!(imported.notes, [""; 0]);
        assert_eq!(imported.tariff.calendar.times_of_use, []);
        Segment::new(first_on, last_on, vec![version(imported)]).usage(Unit::Kwh, "900").amounts()
    };
    let flat = || json!([[{"rate": 0.1}], [{"rate": 0.2}]]);
    assert_eq!(amounts(flat(), "2026-01-01", "2026-01-31"), ["90.00"]);
    assert_eq!(amounts(flat(), "2026-06-01", "2026-06-30"), ["180.00"]);
    // 15 days of each.
    assert_eq!(amounts(flat(), "2026-09-16", "2026-10-15"), ["45.00", "90.00"]);
    let tiers = || json!([[{"rate": 1, "max": 300}, {"rate": 2}], [{"rate": 3}]]);
    assert_eq!(amounts(tiers(), "2026-01-01", "2026-01-31"), ["300.00", "1200.00"]);
    assert_eq!(amounts(tiers(), "2026-06-01", "2026-06-30"), ["2700.00"]);
    // Half of the use, and half of the tier's 300.
    assert_eq!(amounts(tiers(), "2026-09-16", "2026-10-15"), ["150.00", "600.00", "1350.00"]);
    let daily = json!([[{"rate": 1, "max": 10, "unit": "kWh daily"}, {"rate": 2, "unit": "kWh daily"}],
        [{"rate": 3, "max": 20, "unit": "kWh daily"}, {"rate": 4, "unit": "kWh daily"}]]);
    assert_eq!(amounts(daily, "2026-09-16", "2026-10-15"), ["150.00", "600.00", "900.00", "600.00"]);
}

#[test]
fn hours_that_differ_on_any_day_are_times_of_use() {
    for (schedule, hour) in [("energyweekdayschedule", 17), ("energyweekendschedule", 0)] {
        let mut form = seasonal_energy(json!([[{"rate": 0.1}], [{"rate": 0.2}]]));
        form[schedule][6][hour] = json!(0);
        let imported = imported(&form);
        assert_eq!(imported.notes.len(), 1, "{:?}", imported.notes);
        assert_eq!(imported.tariff.calendar.times_of_use.len(), 1);
    }
}

#[test]
fn what_is_left_out_is_left_out_before_pricing() {
    let form = with(json!({"demandReactivePowerCharge": 0.4, "fuelAdjustmentsMonthly": vec![0.05; 12]}));
    assert_eq!(refused(&form), ["demandReactivePowerCharge"]);
    let leave_out = |names: &[&str]| Terms {
        leave_out: names.iter().map(|name| (*name).to_owned()).collect(),
        ..terms()
    };
    let named = leave_out(&["demandReactivePowercharge", "fueladjustmentsmonthly"]);
    let imported = read(&form.to_string(), &named).unwrap();
    assert_eq!(imported.notes, ["demandReactivePowerCharge: left out", "fuelAdjustmentsMonthly: left out"]);
    assert_eq!(month(imported).usage(Unit::Kwh, "100").amounts(), ["10.00"]);
    let named = leave_out(&["demandreactivepowercharge", "demandreactivpowercharge", "FixedChargeUnits"]);
    assert_eq!(refused_under(&form, &named), ["leave_out/1", "leave_out/2"]);
}

#[test]
fn nothing_is_in_force_from_a_day_that_nobody_named() {
    let form = with(json!({}));
    let all = read(&form.to_string(), &Terms::default()).unwrap_err();
    assert_eq!(all.iter().map(|refusal| &refusal.place).collect::<Vec<_>>(), [&Place::EffectiveOn]);
    let form = with(json!({"startdate": 1_433_142_000}));
    let own = read(&form.to_string(), &Terms::default()).unwrap().tariff;
    assert_eq!(own.effective_on, day("2015-06-01"));
    assert_eq!(imported(&form).tariff.effective_on, day("2020-01-01"));
    assert_eq!(refused_under(&with(json!({"startdate": "soon"})), &Terms::default()), ["startdate"]);
}

#[test]
fn a_refusal_points_to_the_field_as_it_is_written() {
    let form =
        json!({"items": [with(json!({"coincidentRate/~": 1, "minChargeUnits": "$", "minCharge": 2}))]});
    assert_eq!(refused(&form), ["items/0/coincidentRate~1~0", "items/0/minChargeUnits"]);
    assert_eq!(refused(&json!({"items": [{}, {}]})), ["items"]);
    assert_eq!(refused(&json!([])), [""]);
    assert_eq!(refused(&with(json!({"Name": "a", "name": "b"}))), ["name"]);
    let all = read(r#"{"rate":1,"rate":2}"#, &terms()).unwrap_err();
    assert_eq!(all[0].place, Place::Form("/rate".to_owned()));
    let deep = format!("{}{}", "[".repeat(9_999), "]".repeat(9_999));
    assert!(read(&format!(r#"{{"name":{deep}}}"#), &terms()).is_err());
}

#[test]
fn whole_numbers_have_no_fractions() {
    let demand = |fields: Value| {
        let mut form = with(json!({"flatdemandstructure": [[{"rate": 5}], [{"rate": 7}]],
            "flatdemandmonths": [0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0]}));
        form.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        form
    };
    let months = |of: Value| demand(json!({"flatdemandmonths": [0, 0, 0, 0, 0, of, 1, 1, 0, 0, 0, 0]}));
    assert_eq!(refused(&months(json!(1.5))), ["flatdemandmonths"]);
    assert_eq!(refused(&months(json!(2))), ["flatdemandmonths"]);
    assert_eq!(refused(&demand(json!({"demandwindow": 15.5}))), ["demandwindow"]);
    assert_eq!(imported(&demand(json!({"demandwindow": 15.0}))).tariff.demand.unwrap().minutes, 15);
    let marks = vec![1; 12];
    for fields in [
        json!({"lookbackpercent": 0.8, "lookbackrange": 11, "lookbackmonths": marks}),
        json!({"lookbackpercent": 0.8, "lookbackrange": 300}),
        json!({"lookbackpercent": 0.8}),
        json!({"lookbackpercent": -0.8, "lookbackrange": 11}),
        json!({"lookbackrange": 11}),
    ] {
        assert_eq!(refused(&demand(fields)), ["lookbackpercent"]);
    }
    let fields = json!({"lookbackpercent": 0.8, "lookbackrange": 11.5});
    assert_eq!(refused(&demand(fields)), ["lookbackrange"]);
    for fields in [
        json!({"lookbackpercent": 0.8, "lookbackrange": 11, "lookbackmonths": vec![0; 12]}),
        json!({"lookbackpercent": 0, "lookbackrange": 11, "lookbackmonths": []}),
    ] {
        version(imported(&demand(fields)));
    }
}

#[test]
fn numbers_are_read_from_their_text() {
    // A binary fraction has 17 digits: it would be 12345678901.123457 and 0.1.
    let form = r#"{"fixedchargefirstmeter": 12345678901.1234567, "energyratestructure":
        [[{"rate": 1.25e-1, "max": 3E+2}, {"rate": 0.1000000000000000055511151231257827}]]}"#;
    let tariff = serde_json::to_value(version(read(form, &terms()).unwrap())).unwrap();
    assert_eq!(tariff["rules"][0]["charge"]["amount"], "12345678901.1234567");
    let tiers = json!([{"up_to": "300", "price": "0.125"}, {"price": "0.1"}]);
    assert_eq!(tariff["rules"][1]["charge"]["tiers"], tiers);
}

#[test]
fn a_rate_behind_a_path_keeps_its_text() {
    #[derive(serde::Deserialize)]
    struct Body {
        rate: Box<RawValue>,
    }
    let mut reader = serde_json::Deserializer::from_str(r#"{"rate": {"a": 1.10}}"#);
    let body: Body = serde_path_to_error::deserialize(&mut reader).unwrap();
    assert_eq!(body.rate.get(), r#"{"a": 1.10}"#);
}

#[test]
fn registers_that_a_rate_needs_are_noted() {
    let row: Vec<usize> = (0..24).map(|hour| usize::from(hour > 16)).collect();
    let days = vec![row; 12];
    let form = json!({"energyratestructure": [[{"rate": 0.1}], [{"rate": 0.2}]], "energyweekdayschedule": days,
        "energyweekendschedule": days, "flatdemandstructure": [[{"rate": 5}]], "flatdemandunit": "kVA",
        "demandwindow": 30});
    assert_eq!(
        imported(&form).notes,
        [
            "energy by time of use: registers of kWh for the buckets e0, e1 or interval data",
            "demandwindow: registers show demand over 30 minutes",
            "demand: a register of kVA or interval data",
        ]
    );
    assert_eq!(imported(&with(json!({}))).notes, [""; 0]);
}

#[test]
fn tiers_are_in_units_that_the_form_knows_and_of_one_period_in_one() {
    let energy = |tiers: Value| json!({"energyratestructure": [tiers]});
    let place = "energyratestructure/0";
    for unit in ["kW", "therm", "kW daily"] {
        assert_eq!(refused(&energy(json!([{"rate": 1, "unit": unit}]))), [format!("{place}/0/unit")]);
    }
    for (first, second) in [("kWh daily", "kWh"), ("kWh", "kWh daily"), ("", "kWh daily"), ("kWh/kW", "kWh")]
    {
        let tiers = json!([{"rate": 1, "max": 10, "unit": first}, {"rate": 2, "unit": second}]);
        assert_eq!(refused(&energy(tiers)), [format!("{place}/1/unit")], "{first}, {second}");
    }
    for (first, second) in [("kWh", "KWH"), ("", "kWh"), ("kWh", ""), ("kWh daily", "")] {
        let tiers = json!([{"rate": 1, "max": 10, "unit": first}, {"rate": 2, "unit": second}]);
        version(imported(&energy(tiers)));
    }
    let demand = with(json!({"flatdemandstructure": [[{"rate": 5, "unit": "kWh"}]]}));
    assert_eq!(refused(&demand), ["flatdemandstructure/0/0/unit"]);
}

#[test]
fn a_schedule_has_its_shape_even_of_a_single_period() {
    let days = |months: usize, hours: usize, period: Value| json!(vec![vec![period; hours]; months]);
    let bad = [days(11, 24, json!(0)), days(12, 23, json!(0)), days(12, 24, json!(7)), json!("x")];
    for kind in ["energy", "demand"] {
        for name in [format!("{kind}weekdayschedule"), format!("{kind}weekendschedule")] {
            for schedule in &bad {
                let mut form = with(json!({"demandratestructure": [[{"rate": 5}]]}));
                form[name.as_str()] = schedule.clone();
                assert_eq!(refused(&form), [name.as_str()], "{schedule}");
            }
            let mut form = with(json!({"demandratestructure": [[{"rate": 5}]]}));
            form[name.as_str()] = days(12, 24, json!(0));
            assert_eq!(imported(&form).tariff.calendar.times_of_use, []);
        }
    }
}

#[test]
fn the_end_of_a_rate_and_its_currency_are_noted() {
    let form = with(json!({"enddate": 1_459_411_200, "currency": "CAD"}));
    assert_eq!(
        imported(&form).notes,
        ["currency: CAD", "enddate: it ends on 2016-03-31; what is in force afterwards is another version"]
    );
    assert_eq!(imported(&with(json!({"enddate": "", "currency": ""}))).notes, [""; 0]);
    assert_eq!(refused(&with(json!({"enddate": "soon"}))), ["enddate"]);
}

#[test]
fn adjustments_stand_without_energy_prices() {
    let form = json!({"fixedchargefirstmeter": 10, "fueladjustmentsmonthly": vec![json!(0.05); 12]});
    let charged = |form: &Value| month(imported(form)).usage(Unit::Kwh, "100").amounts();
    assert_eq!(charged(&form), ["10.00", "5.00"]);
    let mut with_energy = form.clone();
    with_energy["energyratestructure"] = json!([[{"rate": 0.1}]]);
    let left_out = Terms { leave_out: vec!["energyratestructure".to_owned()], ..terms() };
    let rest = read(&with_energy.to_string(), &left_out).unwrap();
    assert_eq!(month(rest).usage(Unit::Kwh, "100").amounts(), ["10.00", "5.00"]);
}

#[test]
fn tiers_of_demand_are_in_the_unit_that_is_billed() {
    for tier in [json!({"rate": 5, "unit": "kVA"}), json!({"rate": 5, "max": 100, "unit": "kVA"})] {
        let tiers = json!([[tier, {"rate": 6}]]);
        let tiers = if tiers[0][0].get("max").is_some() { tiers } else { json!([[tiers[0][0]]]) };
        assert_eq!(refused(&with(json!({"flatdemandstructure": tiers}))), ["flatdemandstructure"]);
        let agreed = with(json!({"flatdemandstructure": tiers, "flatdemandunit": "kVA"}));
        version(imported(&agreed));
    }
    // What costs nothing needs no unit that can be billed.
    let free = with(json!({"flatdemandstructure": [[{"rate": 0}]], "flatdemandunit": "hp"}));
    version(imported(&free));
}

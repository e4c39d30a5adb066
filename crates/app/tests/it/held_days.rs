//! Days of interval data that wait for a person, or came with a warning, are shown to the review.

use crate::bills::{Customer, Town, items, town};
use metering::IntervalDay;
use store::flags::{FlagFilter, FlagOrder};
use store::intervals::StoredDay;
use time::Date;
use time::macros::date;
use vocab::*;

/// Hours of one kilowatt-hour, of these days; those of one of them wait, or broke a rule.
fn hourly(town: &Town, customer: &Customer, of: impl Iterator<Item = u8>, held: u8, warned: u8) {
    let mut data = IntervalDay::new(60, 24).unwrap();
    data.set(0, &[Decimal::ONE; 24], ReadQuality::Actual).unwrap();
    town.office
        .tx(|tx| {
            store::intervals::make_months(tx, [date!(2026 - 01 - 01)])?;
            let mut rows = Vec::new();
            for day in of {
                let on = Date::from_calendar_date(2026, time::Month::January, day).unwrap();
                let row = StoredDay::new(customer.register, on, &data, None, day == held)?;
                let is_marked = day == held || day == warned;
                rows.push(row.with_rules(if is_marked {
                    "interval_spike".to_owned()
                } else {
                    String::new()
                }));
            }
            Ok::<_, app::Error>(store::intervals::copy_in(tx, &rows)?)
        })
        .unwrap();
}

fn flags(town: &Town, run: RunId) -> Vec<(FlagCode, String, String)> {
    let filter = FlagFilter { run: Some(run), ..FlagFilter::default() };
    let found =
        town.office.app.flags(&town.office.caller, filter, FlagOrder::Account, None, 50).unwrap().items;
    let of_reads = found
        .into_iter()
        .map(|(row, _)| row)
        .filter(|row| matches!(row.code, FlagCode::ReadHeld | FlagCode::ReadWarned));
    of_reads.map(|row| (row.code, row.value, row.compared)).collect()
}

#[test]
fn held_and_warned_days_are_flagged_and_a_day_held_after_the_test_makes_its_account_stale() {
    let town = town();
    let [ana, ben] = ["SP-1", "SP-2"].map(|code| town.customer(code));
    town.office.execute("UPDATE registers SET kind = 'interval'");
    hourly(&town, &ana, 1..=31, 31, 20);
    hourly(&town, &ben, 1..=31, 0, 0);
    let run = town.run(town.january());
    town.test(run);
    let shown = |day: &str| (FlagCode::ReadWarned, "24".to_owned(), format!("2026-01-{day}: interval_spike"));
    assert_eq!(
        flags(&town, run),
        [(FlagCode::ReadHeld, "24".to_owned(), "2026-01-31: interval_spike".to_owned()), shown("20")]
    );
    let key = (ana.register, date!(2026 - 01 - 31));
    let release = |tx: &mut store::Tx<'_>| app::held_reads::release_days(tx, &town.office.caller, vec![key]);
    assert_eq!(town.office.tx(release).unwrap()[0].refused, None);
    let test = town.test(run);
    assert_eq!(flags(&town, run), [shown("20")]);
    town.office.execute("UPDATE interval_days SET is_held = true WHERE day = '2026-01-31' AND rules IS NULL");
    assert_eq!(town.accept(run, test), items(&[(ItemState::Accepted, 1), (ItemState::Stale, 1)]));
}

#[test]
fn days_of_a_register_whose_dials_are_billed_are_not_flagged() {
    let town = town();
    let ana = town.customer("SP-1");
    town.read(ana.register, date!(2026 - 01 - 31), 1100);
    hourly(&town, &ana, 10..=12, 11, 12);
    let run = town.run(town.january());
    let test = town.test(run);
    assert_eq!(flags(&town, run), []);
    assert_eq!(town.accept(run, test), items(&[(ItemState::Accepted, 1)]));
}

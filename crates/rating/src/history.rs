//! Which earlier periods count.

use crate::input::Past;
use crate::tariff::{QuantityKey, Settlement};
use crate::word::Word;
use crate::working::PastValue;
use time::Date;
use vocab::decimal::Overflow;
use vocab::{Money, Period};

/// Months since the year 0.
fn month_of(day: Date) -> i32 {
    day.year() * 12 + i32::from(u8::from(day.month())) - 1
}

fn is_in(months: &[u8], month: i32) -> bool {
    u8::try_from(month.rem_euclid(12) + 1).is_ok_and(|month| months.contains(&month))
}

/// The values of the periods that ended in the latest complete run of these months: a winter that
/// still goes on is left out. All twelve months are the year before.
pub(crate) fn complete_run(history: &[Past], key: &QuantityKey, months: &[u8], on: Date) -> Vec<PastValue> {
    let now = month_of(on);
    let (first, last) = if (1..=12).all(|month| months.contains(&month)) {
        (now - 12, now - 1)
    } else {
        let back = |from: i32, inside: bool| {
            (from - 12..=from).rev().find(|month| is_in(months, *month) != inside).unwrap_or(from)
        };
        let outside = back(now, true);
        let last = back(outside, false);
        (back(last, true) + 1, last)
    };
    values(history, key, |past| (first..=last).contains(&month_of(past.period.last_on())))
}

/// The values of the periods that ended in the months before this one, in these months of the
/// year when they are given.
pub(crate) fn look_back(
    history: &[Past],
    key: &QuantityKey,
    months: u8,
    in_months: &[u8],
    period: Period,
) -> Vec<PastValue> {
    let now = month_of(period.last_on());
    values(history, key, |past| {
        let month = month_of(past.period.last_on());
        let recent = now - i32::from(months) <= month && past.period.last_on() < period.first_on();
        recent && (in_months.is_empty() || is_in(in_months, month))
    })
}

fn values(history: &[Past], key: &QuantityKey, counts: impl Fn(&Past) -> bool) -> Vec<PastValue> {
    history
        .iter()
        .filter(|past| counts(past))
        .filter_map(|past| {
            let found = past.quantities.iter().find(|quantity| quantity.key == *key)?;
            Some(PastValue { last_on: past.period.last_on(), value: found.value })
        })
        .collect()
}

/// What the year came to before this period, since the last settlement.
pub(crate) struct YearSoFar {
    /// What these rules charged.
    pub(crate) charged: Money,
    /// The days that were charged.
    pub(crate) days: i64,
    /// The days from the last settlement to the next one.
    pub(crate) of_year: i64,
}

/// What these rules charged since the last settlement before this period.
pub(crate) fn since_settled(
    history: &[Past],
    settled: Settlement,
    is_counted: impl Fn(&Word) -> bool,
    period: Period,
) -> Result<YearSoFar, Overflow> {
    let eve = period.first_on().previous_day().unwrap_or(period.first_on());
    let after = settled.last_before(eve);
    let counts = |past: &&Past| {
        past.period.last_on() < period.first_on() && after.is_none_or(|day| past.period.first_on() > day)
    };
    let mut days = 0;
    let mut sum = Money::ZERO;
    for past in history.iter().filter(counts) {
        days += past.period.days();
        for (rule, amount) in &past.charged {
            if is_counted(rule) {
                sum = sum.plus(*amount)?;
            }
        }
    }
    let of_year = after.and_then(Settlement::days_of_year);
    let of_year = of_year.unwrap_or_else(|| time::util::days_in_year(period.last_on().year()).into());
    Ok(YearSoFar { charged: sum, days, of_year })
}

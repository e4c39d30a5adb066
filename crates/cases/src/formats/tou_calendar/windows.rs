//! Seasons, windows and prices.

use crate::bill::{Parts, word};
use crate::{Fields, Stop};
use rating::Word;
use serde_json::{Value, json};
use vocab::Decimal;

/// Hours that no window names.
const OTHERWISE: &str = "off_peak";
/// Kinds of days as windows name them.
const DAYS: &[&str] =
    &["weekday", "weekend", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// Prices by season and bucket.
pub struct Prices {
    /// Season, bucket, price per kWh.
    pub all: Vec<(String, String, Decimal)>,
}

/// The bucket of a season.
pub fn bucket(season: &str, bucket: &str) -> Result<Word, Stop> {
    word(&format!("{season} {bucket}"))
}

impl Prices {
    /// `{"summer": {"peak": "5.16", "off_peak": "2.06"}, …}`.
    pub fn read(tariff: &Fields<'_>) -> Result<Self, Stop> {
        let rates = tariff.object("rates")?.ok_or_else(|| Stop::because("`tariff.rates` is missing"))?;
        let mut all = Vec::new();
        for season in rates.keys() {
            let of = rates.object(season)?.ok_or_else(|| rates.wrong(season, "an object"))?;
            for bucket in of.keys() {
                all.push((season.to_owned(), bucket.to_owned(), of.need_number(bucket)?));
            }
        }
        Ok(Self { all })
    }

    /// Whether a bucket has a price.
    pub fn has(&self, bucket: &str) -> bool {
        self.all.iter().any(|(_, name, _)| name == bucket)
    }

    fn seasons(&self) -> Vec<&str> {
        let mut seasons: Vec<&str> = self.all.iter().map(|(season, _, _)| season.as_str()).collect();
        seasons.dedup();
        seasons
    }

    /// The calendar: seasons, and one time of use of all windows.
    pub fn calendar(&self, tariff: &Fields<'_>, parts: &mut Parts) -> Result<(), Stop> {
        let seasons = self.seasons();
        let mut rest = Vec::new();
        for season in &seasons {
            match tariff.text(season)? {
                Some(days) => {
                    let span = span(days).ok_or_else(|| tariff.unknown(season, days))?;
                    parts.seasons.push(json!({ "id": season, "spans": [span] }));
                }
                None => rest.push(*season),
            }
        }
        let rest = match rest.as_slice() {
            [] => None,
            [one] => Some(*one),
            _ => return Err(Stop::because("two seasons without days")),
        };
        let mut windows = Vec::new();
        let written =
            tariff.object("windows")?.ok_or_else(|| Stop::because("`tariff.windows` is missing"))?;
        // The season that has the rest of the year matches last: its windows have no season.
        let ordered = seasons.iter().filter(|season| Some(**season) != rest).chain(rest.iter());
        for season in ordered {
            let own = (Some(*season) != rest).then_some(*season);
            for key in written.keys() {
                self.window(&written, key, season, own, &mut windows)?;
            }
            let otherwise = bucket(season, OTHERWISE)?;
            let mut last = json!({ "bucket": otherwise.as_str() });
            if let Some(own) = own {
                last["season"] = own.into();
            }
            windows.push(last);
        }
        for window in &windows {
            let known = self.all.iter().any(|(season, name, _)| {
                bucket(season, name).is_ok_and(|bucket| window["bucket"] == bucket.as_str())
            });
            if !known {
                return Err(Stop::because(format!("{} has no price", window["bucket"])));
            }
        }
        disjoint(&windows)?;
        parts.times_of_use.push(json!({ "id": "energy", "windows": windows }));
        Ok(())
    }

    /// The windows of a key that are this season's.
    fn window(
        &self,
        written: &Fields<'_>,
        key: &str,
        season: &str,
        own: Option<&str>,
        windows: &mut Vec<Value>,
    ) -> Result<(), Stop> {
        let unknown = || Stop::because(format!("`{}` is not known", written.place(key)));
        let of = self.seasons().into_iter().filter_map(|name| {
            let rest = key.strip_prefix(name)?.strip_prefix('_')?;
            Some((name, rest))
        });
        // The longest name of a season is meant: `summer` is no `summer_holidays`.
        let (named, rest) = of.max_by_key(|(name, _)| name.len()).unwrap_or((season, key));
        if named != season {
            return Ok(());
        }
        let days = DAYS.iter().find(|days| rest.strip_prefix(**days).is_some_and(is_end));
        let days = *days.ok_or_else(unknown)?;
        let name = rest.get(days.len()..).unwrap_or_default().trim_start_matches('_');
        let value = written.need(key)?;
        let texts: Option<Vec<&str>> = match value {
            Value::String(text) => Some(vec![text.as_str()]),
            Value::Array(list) => list.iter().map(Value::as_str).collect(),
            _ => None,
        };
        for text in texts.ok_or_else(unknown)? {
            let (name, hours) =
                if name.is_empty() { (text, ("00:00", "24:00")) } else { (name, hours(text)?) };
            if !self.has(name) {
                return Err(unknown());
            }
            let bucket = bucket(season, name)?;
            let mut window = json!({
                "bucket": bucket.as_str(), "days": [days], "from": hours.0, "to": hours.1,
            });
            if let Some(own) = own {
                window["season"] = own.into();
            }
            windows.push(window);
        }
        Ok(())
    }
}

/// Windows that share an hour have one bucket: nothing says which of two would come first. A window
/// over midnight does not say whose day its morning is.
fn disjoint(windows: &[Value]) -> Result<(), Stop> {
    let named: Vec<&Value> = windows.iter().filter(|window| window.get("days").is_some()).collect();
    let clock = |window: &Value, end: &str| window[end].as_str().unwrap_or_default().to_owned();
    for (place, one) in named.iter().enumerate() {
        let (from, to) = (clock(one, "from"), clock(one, "to"));
        let is_clock = |text: &str| text.len() == 5 && text.as_bytes().get(2) == Some(&b':');
        if !is_clock(&from) || !is_clock(&to) || from >= to {
            return Err(Stop::because(format!("the window {from}-{to} is not within a day")));
        }
        for other in named.iter().take(place) {
            let share_days = days_of(one).iter().any(|day| days_of(other).contains(day));
            let share_hours = from < clock(other, "to") && clock(other, "from") < to;
            let differ = one["bucket"] != other["bucket"];
            if one["season"] == other["season"] && share_days && share_hours && differ {
                return Err(Stop::because(format!(
                    "the window {from}-{to} is of both {} and {}",
                    one["bucket"], other["bucket"]
                )));
            }
        }
    }
    Ok(())
}

/// The single days of a window.
fn days_of(window: &Value) -> &'static [&'static str] {
    match window["days"][0].as_str().and_then(|days| DAYS.iter().position(|of| *of == days)) {
        Some(0) => &DAYS[2..7],
        Some(1) => &DAYS[7..],
        Some(day) => &DAYS[day..=day],
        None => &[],
    }
}

/// Whether a bucket has a window.
pub fn has_hours(parts: &Parts, bucket: &str) -> bool {
    let windows = parts.times_of_use.iter().filter_map(|of| of["windows"].as_array());
    windows.flatten().any(|window| window["bucket"] == bucket)
}

fn is_end(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with('_')
}

fn hours(text: &str) -> Result<(&str, &str), Stop> {
    let hours = text.split_once('-').map(|(from, to)| (from.trim(), to.trim()));
    hours.ok_or_else(|| Stop::because(format!("the window `{text}` has no hours")))
}

/// `06-01..09-30`.
fn span(text: &str) -> Option<Value> {
    let (from, to) = text.split_once("..")?;
    Some(json!({ "from": from.trim(), "to": to.trim() }))
}

//! A plan as it is written.

use crate::{Fields, Stop, number};
use serde_json::{Value, json};
use time::{Date, Month};
use vocab::Decimal;

/// A plan.
pub struct Plan {
    pub commodity: String,
    pub timezone: String,
    /// Names with their days in our JSON form.
    pub seasons: Vec<(String, Value)>,
    pub components: Vec<Component>,
}

/// A window of a schedule: weekdays from Monday, minutes; an end before the start is over midnight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    pub days: [bool; 7],
    pub from: u16,
    pub to: u16,
}

/// A charge for days.
pub struct Fixed {
    pub label: String,
    pub register: Option<String>,
    pub unit: String,
    pub rate: Decimal,
    pub season: Option<String>,
}

/// Steps of a usage price.
pub struct Blocks {
    pub period: String,
    pub prorate: bool,
    pub tiers: Vec<(Option<Decimal>, Decimal)>,
}

/// A price for use.
pub struct Usage {
    pub export: bool,
    pub register: String,
    pub unit: String,
    pub schedule: Option<Vec<Window>>,
    pub season: Option<String>,
    pub period: Option<String>,
    pub period_label: Option<String>,
    pub rate: Option<Decimal>,
    pub blocks: Option<Blocks>,
    /// Another register and the factor of its use.
    pub from: Option<(String, Decimal)>,
    pub label: Option<String>,
    pub stack: bool,
}

/// A price for power.
pub struct Demand {
    pub per_day: bool,
    pub rate: Decimal,
    pub schedule: Option<Vec<Window>>,
    pub season: Option<String>,
    pub threshold: Option<Decimal>,
    pub monthly: bool,
    pub interval_minutes: Option<i64>,
}

/// A component by its place.
pub enum Component {
    Fixed(Fixed),
    Usage(Box<Usage>),
    Demand(Demand),
    /// A percentage off what matches.
    Discount {
        applies_to: Vec<String>,
        percent: Decimal,
    },
    /// Words for the customer, or a discount with a condition that is not met.
    Nothing,
}

impl Usage {
    /// Its prices.
    pub fn rates(&self) -> Vec<Decimal> {
        let blocks = self.blocks.iter().flat_map(|blocks| &blocks.tiers).map(|(_, rate)| *rate);
        blocks.chain(self.rate).collect()
    }
}

impl Plan {
    pub fn read(plan: &Fields<'_>) -> Result<Self, Stop> {
        plan.describe(&[
            "id",
            "plan_id",
            "kind",
            "display_name",
            "supplier",
            "bundle_id",
            "customer_type",
            "region",
            "currency",
            "effective",
            "pricing_model",
            "network_tariff_ref",
            "billing",
            "source",
            "confidence",
            "notes",
        ]);
        if plan.flag("partial")? || !plan.list("unmapped_features")?.is_empty() {
            return Err(Stop::because("a plan that says it is not complete"));
        }
        if let Some(tax) = plan.object("tax")?
            && !tax.flag("inclusive")?
            && !tax.need_number("rate")?.is_zero()
        {
            return Err(Stop::because("a tax that the prices do not include"));
        }
        match plan.text("time_basis")? {
            None | Some("local") => {}
            Some(other) => return Err(plan.unknown("time_basis", other)),
        }
        if let Some(holidays) = plan.object("holidays")? {
            holidays.describe(&["calendar"]);
            match holidays.text("treatment")? {
                None | Some("none") => {}
                Some(other) => return Err(holidays.unknown("treatment", other)),
            }
            holidays.finish()?;
        }
        let schedules = plan.object("schedules")?;
        let mut seasons = Vec::new();
        if let Some(of) = plan.object("seasons")? {
            for name in of.keys() {
                let season = of.object(name)?.ok_or_else(|| of.wrong(name, "an object"))?;
                seasons.push((name.to_owned(), spans(&season)?));
            }
        }
        let mut components = Vec::new();
        for (place, of) in plan.list("components")?.iter().enumerate() {
            let of = Fields::of(plan.place(&format!("components[{place}]")), of)?;
            components.push(component(&of, schedules.as_ref())?);
            of.finish()?;
        }
        let (commodity, timezone) = (plan.need_text("commodity")?, plan.need_text("timezone")?);
        plan.finish()?;
        Ok(Self { commodity: commodity.to_owned(), timezone: timezone.to_owned(), seasons, components })
    }
}

fn component(of: &Fields<'_>, schedules: Option<&Fields<'_>>) -> Result<Component, Stop> {
    let owned = |key: &str| -> Result<Option<String>, Stop> { Ok(of.text(key)?.map(str::to_owned)) };
    match of.need_text("kind")? {
        "fixed" => Ok(Component::Fixed(Fixed {
            label: of.need_text("label")?.to_owned(),
            register: owned("register")?,
            unit: of.need_text("unit")?.to_owned(),
            rate: of.need_number("rate")?,
            season: owned("season")?,
        })),
        "usage" => Ok(Component::Usage(Box::new(usage(of, schedules)?))),
        "demand" => demand(of, schedules).map(Component::Demand),
        "discount" => {
            let applies = of.list("applies_to")?.iter().map(|of| of.as_str().map(str::to_owned));
            let applies_to: Option<Vec<String>> = applies.collect();
            let applies_to = applies_to.ok_or_else(|| of.wrong("applies_to", "a list of words"))?;
            let percent = of.need_number("percent")?;
            // A discount on a condition is not granted unless the bill says that it is met.
            let conditional = of.get("conditional").is_some();
            Ok(if conditional { Component::Nothing } else { Component::Discount { applies_to, percent } })
        }
        "incentive" => {
            of.describe(&["label", "description", "value", "details"]);
            Ok(Component::Nothing)
        }
        other => Err(of.unknown("kind", other)),
    }
}

fn usage(of: &Fields<'_>, schedules: Option<&Fields<'_>>) -> Result<Usage, Stop> {
    let owned = |key: &str| -> Result<Option<String>, Stop> { Ok(of.text(key)?.map(str::to_owned)) };
    let export = match of.text("direction")?.unwrap_or("import") {
        "import" => false,
        "export" => true,
        other => return Err(of.unknown("direction", other)),
    };
    let blocks = match of.object("blocks")? {
        None => None,
        Some(blocks) => {
            let mut tiers = Vec::new();
            for (place, tier) in blocks.list("tiers")?.iter().enumerate() {
                let tier = Fields::of(blocks.place(&format!("tiers[{place}]")), tier)?;
                tiers.push((tier.number("up_to")?, tier.need_number("rate")?));
                tier.finish()?;
            }
            let period = blocks.need_text("period")?.to_owned();
            let made = Blocks { period, prorate: blocks.flag("prorate")?, tiers };
            blocks.finish()?;
            Some(made)
        }
    };
    let from = match of.object("quantity")? {
        None => None,
        Some(quantity) => {
            let from = (quantity.need_text("from")?.to_owned(), quantity.need_number("factor")?);
            quantity.finish()?;
            Some(from)
        }
    };
    let rate = match of.get("rate") {
        Some(Value::Object(_)) => return Err(Stop::because("a price that follows a feed")),
        _ => of.number("rate")?,
    };
    if rate.is_some() == blocks.is_some() {
        return Err(Stop::because("a usage component has either a rate or blocks"));
    }
    Ok(Usage {
        export,
        register: owned("register")?.unwrap_or_else(|| "general".to_owned()),
        unit: owned("quantity_unit")?.unwrap_or_else(|| "kWh".to_owned()),
        schedule: schedule(of, schedules)?,
        season: owned("season")?,
        period: owned("period")?,
        period_label: owned("period_label")?,
        rate,
        blocks,
        from,
        label: owned("label")?,
        stack: of.flag("stack")?,
    })
}

fn demand(of: &Fields<'_>, schedules: Option<&Fields<'_>>) -> Result<Demand, Stop> {
    match of.need_text("method")? {
        // The highest of the bill's own intervals: nothing older is known to the source's engine.
        "max_interval_avg" => {}
        other => return Err(of.unknown("method", other)),
    }
    match of.need_text("measure")? {
        "kW" => {}
        other => return Err(of.unknown("measure", other)),
    }
    let per_day = match of.need_text("unit")? {
        "per_kw_per_month" => false,
        "per_kw_per_day" => true,
        other => return Err(of.unknown("unit", other)),
    };
    let monthly = match of.text("reset")?.unwrap_or("monthly") {
        "monthly" => true,
        "billing_period" => false,
        other => return Err(of.unknown("reset", other)),
    };
    Ok(Demand {
        per_day,
        rate: of.need_number("rate")?,
        schedule: schedule(of, schedules)?,
        season: of.text("season")?.map(str::to_owned),
        threshold: of.number("threshold")?,
        monthly,
        interval_minutes: of.whole("interval_minutes")?,
    })
}

/// A schedule, or the name of one.
fn schedule(of: &Fields<'_>, named: Option<&Fields<'_>>) -> Result<Option<Vec<Window>>, Stop> {
    let value = match of.get("schedule") {
        None => return Ok(None),
        Some(Value::String(name)) => {
            let found = named.and_then(|named| named.get(name));
            found.ok_or_else(|| of.unknown("schedule", name))?
        }
        Some(value) => value,
    };
    let list = match value {
        Value::Array(list) => list.as_slice(),
        one => std::slice::from_ref(one),
    };
    list.iter()
        .map(|value| window(&Fields::of(of.place("schedule"), value)?))
        .collect::<Result<_, _>>()
        .map(Some)
}

fn window(of: &Fields<'_>) -> Result<Window, Stop> {
    const NAMES: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let words: Vec<&str> = match of.get("days") {
        None => vec!["all"],
        Some(Value::String(word)) => vec![word],
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        Some(_) => return Err(of.wrong("days", "names of days")),
    };
    let mut days = [false; 7];
    for word in words {
        match word.to_lowercase().as_str() {
            "all" => days.fill(true),
            "weekdays" => days[..5].fill(true),
            "weekends" => days[5..].fill(true),
            day => {
                let place = NAMES.iter().position(|name| *name == day);
                days[place.ok_or_else(|| of.unknown("days", day))?] = true;
            }
        }
    }
    let times: Option<Vec<u16>> = of.list("time")?.iter().map(|time| minute(time.as_str()?)).collect();
    let Some([from, to]) = times.as_deref() else { return Err(of.wrong("time", "two times of day")) };
    of.finish()?;
    Ok(Window { days, from: from % 1_440, to: *to })
}

/// Minutes of `HH:MM`, in steps of five.
fn minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    let of_day = hour.checked_mul(60)?.checked_add(minute)?;
    (minute < 60 && of_day <= 1_440 && of_day % 5 == 0).then_some(of_day)
}

/// Days from the first to before the last; or whole months.
fn spans(season: &Fields<'_>) -> Result<Value, Stop> {
    if season.get("months").is_some() {
        let months = season.list("months")?.iter().map(|month| {
            let month = number::whole(number::read(month)?, 12).filter(|month| *month >= 1)?;
            let last = Month::try_from(u8::try_from(month).ok()?).ok()?.length(2024);
            Some(json!({ "from": format!("{month:02}-01"), "to": format!("{month:02}-{last:02}") }))
        });
        let months: Option<Vec<Value>> = months.collect();
        season.finish()?;
        return months.map(Value::Array).ok_or_else(|| season.wrong("months", "months"));
    }
    let (from, to) = (season.need_text("from")?, season.need_text("to")?);
    season.finish()?;
    if from == to {
        return Ok(json!([{ "from": "01-01", "to": "12-31" }]));
    }
    let before = day_before(to).ok_or_else(|| season.unknown("to", to))?;
    Ok(json!([{ "from": from, "to": before }]))
}

fn day_before(text: &str) -> Option<String> {
    let (month, day) = text.split_once('-')?;
    let month = Month::try_from(month.parse::<u8>().ok()?).ok()?;
    let before = Date::from_calendar_date(2024, month, day.parse().ok()?).ok()?.previous_day()?;
    Some(format!("{:02}-{:02}", u8::from(before.month()), before.day()))
}

//! `au_cdr_plan`: the energy plan detail of the Australian Consumer Data Right, as a
//! [`super::tariff_core`] plan.
//!
//! Single rate or time of use by tariff period (a season, unless it is the whole year), daily supply
//! charges, steps (`volume` is cumulative), demand in its hours, controlled load, feed-in, guaranteed
//! percentage discounts. Steps without a period are of the bill, of gas of the day. What is chosen
//! or happens once (fees, green power) is no part of a bill. Prices are taken as they are written.

use super::tariff_core;
use crate::bill::price;
use crate::{Case, Checks, Fields, Stop, number};
use serde_json::{Map, Value, json};
use time::{Date, Month};
use vocab::Decimal;

/// Rates a case and compares.
pub fn run(case: &Case, checks: &mut Checks) -> Result<(), Stop> {
    let tariff = case.tariff();
    tariff.describe(&["currency", "note"]);
    let timezone = tariff.text("timezone")?;
    let mut data = match ["plan", "data", "detail"].iter().find_map(|key| tariff.get(key)) {
        Some(inner) => {
            tariff.finish()?;
            Fields::of("tariff.plan", inner)?
        }
        None => case.tariff(),
    };
    if let Some(inner) = data.object("data")? {
        data = inner;
    }
    let plan = translate(&data, timezone)?;
    tariff_core::bill(&plan, case, checks)
}

fn translate(data: &Fields<'_>, timezone: Option<&str>) -> Result<Value, Stop> {
    let fuel = data.need_text("fuelType")?;
    let (commodity, key, step_period) = match fuel {
        "ELECTRICITY" => ("electricity", "electricityContract", "billing_period"),
        "GAS" => ("gas", "gasContract", "day"),
        other => return Err(data.unknown("fuelType", other)),
    };
    let contract = data.object(key)?.ok_or_else(|| Stop::because(format!("`{key}` is missing")))?;
    let distributors = match data.object("geography")? {
        Some(geography) => {
            geography.list("distributors")?.iter().filter_map(Value::as_str).collect::<Vec<_>>()
        }
        None => Vec::new(),
    };
    let zone = match timezone.or_else(|| zone_of(&distributors)) {
        Some(zone) => zone,
        None => return Err(Stop::because(format!("the clock of the distributors {distributors:?}"))),
    };
    local_clock(&contract)?;
    if let Some(model) = contract.text("pricingModel")?.filter(|model| !PRICING_MODELS.contains(model)) {
        return Err(contract.unknown("pricingModel", model));
    }
    let mut made = Plan { gas: commodity == "gas", step_period, seasons: Map::new(), components: Vec::new() };
    let periods = contract.list("tariffPeriod")?;
    for (place, of) in periods.iter().enumerate() {
        made.tariff_period(&Fields::of(format!("tariffPeriod[{place}]"), of)?, place)?;
    }
    for (place, of) in contract.list("controlledLoad")?.iter().enumerate() {
        made.controlled_load(&Fields::of(format!("controlledLoad[{place}]"), of)?)?;
    }
    let feed_in = contract.list("solarFeedInTariff")?;
    if feed_in.len() > 1 {
        return Err(Stop::because("several feed-in tariffs at once"));
    }
    for of in feed_in {
        made.feed_in(&Fields::of("solarFeedInTariff", of)?)?;
    }
    for (place, of) in contract.list("discounts")?.iter().enumerate() {
        made.discount(&Fields::of(format!("discounts[{place}]"), of)?)?;
    }
    if !contract.list("meteringCharges")?.is_empty() {
        return Err(Stop::because("metering charges"));
    }
    contract.describe(&[
        "additionalFeeInformation",
        "benefitPeriod",
        "billFrequency",
        "coolingOffDays",
        "eligibility",
        "fees",
        "greenPowerCharges",
        "incentives",
        "intrinsicGreenPower",
        "isFixed",
        "meterTypes",
        "onExpiryDescription",
        "paymentOption",
        "termType",
        "terms",
        "variation",
    ]);
    contract.finish()?;
    Ok(json!({
        "commodity": commodity, "timezone": zone, "seasons": made.seasons, "components": made.components,
    }))
}

/// How a plan may price; a quota has a price of its own beyond it.
const PRICING_MODELS: &[&str] = &[
    "SINGLE_RATE",
    "SINGLE_RATE_CONT_LOAD",
    "TIME_OF_USE",
    "TIME_OF_USE_CONT_LOAD",
    "FLEXIBLE",
    "FLEXIBLE_CONT_LOAD",
];

/// Distributors by the clock of their state.
const CLOCKS: &[(&str, &[&str])] = &[
    ("Australia/Brisbane", &["ergon", "energex", "brisbane", "allgas"]),
    ("Australia/Sydney", &["ausgrid", "endeavour", "essential", "evoenergy", "jemena gas"]),
    (
        "Australia/Melbourne",
        &[
            "ausnet",
            "citipower",
            "powercor",
            "united energy",
            "jemena",
            "multinet",
            "australian gas networks (vic)",
        ],
    ),
];

/// The clock of the first distributor, where it is known.
fn zone_of(distributors: &[&str]) -> Option<&'static str> {
    let name = distributors.first()?.to_lowercase();
    let knows = |parts: &&[&str]| parts.iter().any(|part| name.contains(part));
    CLOCKS.iter().find(|(_, parts)| knows(parts)).map(|(zone, _)| *zone)
}

/// Times are on the customer's clock; those on eastern standard time all year are refused.
fn local_clock(of: &Fields<'_>) -> Result<(), Stop> {
    match of.text("timeZone")? {
        None | Some("LOCAL") => Ok(()),
        Some(other) => Err(of.unknown("timeZone", other)),
    }
}

struct Plan {
    gas: bool,
    step_period: &'static str,
    seasons: Map<String, Value>,
    components: Vec<Value>,
}

impl Plan {
    fn tariff_period(&mut self, of: &Fields<'_>, place: usize) -> Result<(), Stop> {
        of.describe(&["type", "displayName", "dailySupplyChargeType"]);
        local_clock(of)?;
        let season = self.season(of, place)?;
        let first = self.components.len();
        match of.text("rateBlockUType")? {
            Some("singleRate") => {
                let single = of.object("singleRate")?.ok_or_else(|| Stop::because("no `singleRate`"))?;
                self.rates(&single, json!({ "period": "single" }))?;
            }
            Some("timeOfUseRates") => self.time_of_use(of.list("timeOfUseRates")?, "timeOfUse", false)?,
            Some("demandCharges") | None => {}
            Some(other) => return Err(of.unknown("rateBlockUType", other)),
        }
        if let Some(rate) = supply_charge(of)? {
            self.supply(rate, None);
        }
        for demand in of.list("demandCharges")? {
            self.demand(&Fields::of("demandCharges", demand)?)?;
        }
        if let Some(season) = season {
            for component in &mut self.components[first..] {
                component["season"] = season.as_str().into();
            }
        }
        of.finish()
    }

    /// The season of a tariff period, unless it is the whole year.
    fn season(&mut self, of: &Fields<'_>, place: usize) -> Result<Option<String>, Stop> {
        let (start, end) = (of.text("startDate")?, of.text("endDate")?);
        let (Some(start), Some(end)) = (start, end) else { return Ok(None) };
        let after = day_after(end).ok_or_else(|| of.unknown("endDate", end))?;
        if after == start {
            return Ok(None);
        }
        let name = format!("period_{place}");
        self.seasons.insert(name.clone(), json!({ "from": start, "to": after }));
        Ok(Some(name))
    }

    fn supply(&mut self, rate: Decimal, register: Option<&str>) {
        self.components.push(json!({
            "kind": "fixed", "label": "supply", "unit": "per_day", "rate": price(rate), "register": register,
        }));
    }

    /// The rates of a block as a usage component with these members.
    fn rates(&mut self, of: &Fields<'_>, mut members: Value) -> Result<(), Stop> {
        of.describe(&["description", "type"]);
        if of.get("generalUnitPrice").is_some() {
            return Err(Stop::because(format!("`{}`: a price beyond a quota", of.place("generalUnitPrice"))));
        }
        if let Some(label) = of.text("displayName")? {
            members["period_label"] = label.into();
        }
        let period = match of.text("period")? {
            None => self.step_period,
            Some("P1D") => "day",
            Some("P1M") => "month",
            Some("P3M") => "quarter",
            Some("P1Y") => "year",
            Some(other) => return Err(of.unknown("period", other)),
        };
        let export = members["direction"] == "export";
        let mut tiers: Vec<Value> = Vec::new();
        let mut below = Decimal::ZERO;
        for rate in of.list("rates")? {
            let rate = Fields::of(of.place("rates"), rate)?;
            let unit_price = rate.need_number("unitPrice")?;
            let unit_price = if export { -unit_price.abs() } else { unit_price };
            let mut tier = json!({ "rate": price(unit_price) });
            if let Some(volume) = rate.number("volume")? {
                if volume <= below {
                    return Err(Stop::because("steps whose volumes do not ascend"));
                }
                tier["up_to"] = price(volume);
                below = volume;
            }
            members["quantity_unit"] = match rate.text("measureUnit")? {
                None => (if self.gas { "MJ" } else { "kWh" }).into(),
                Some("KWH") => "kWh".into(),
                Some("MJ") => "MJ".into(),
                Some("M3") => "m3".into(),
                Some(other) => return Err(rate.unknown("measureUnit", other)),
            };
            rate.finish()?;
            tiers.push(tier);
        }
        match tiers.as_slice() {
            [] => return Err(of.wrong("rates", "at least one rate")),
            [only] if only["up_to"].is_null() => members["rate"] = only["rate"].clone(),
            _ => {
                members["blocks"] = json!({ "period": period, "prorate": false, "tiers": tiers });
            }
        }
        members["kind"] = "usage".into();
        self.components.push(members);
        Ok(())
    }

    fn time_of_use(&mut self, list: &[Value], windows: &str, export: bool) -> Result<(), Stop> {
        for of in list {
            let of = Fields::of("time of use", of)?;
            let period = match of.text("type")? {
                Some("PEAK") => "peak",
                Some("OFF_PEAK") => "off_peak",
                Some("SHOULDER") => "shoulder",
                Some("SHOULDER1" | "SOLAR_SOAK") => "solar_soak",
                _ => "single",
            };
            let mut members = json!({ "period": period });
            if export {
                members["direction"] = "export".into();
            }
            let given = of.list(windows)?.iter().map(|window| schedule(&Fields::of(windows, window)?));
            let schedule: Vec<Value> = given.collect::<Result<_, Stop>>()?;
            if !schedule.is_empty() {
                members["schedule"] = schedule.into();
            }
            self.rates(&of, members)?;
            of.finish()?;
        }
        Ok(())
    }

    fn demand(&mut self, of: &Fields<'_>) -> Result<(), Stop> {
        of.describe(&["displayName", "description"]);
        if !matches!(of.text("measureUnit")?, None | Some("KW")) {
            return Err(of.wrong("measureUnit", "KW"));
        }
        if !matches!(of.text("measurementPeriod")?, None | Some("MONTH")) {
            return Err(of.wrong("measurementPeriod", "MONTH"));
        }
        for key in ["minDemand", "maxDemand"] {
            if of.number(key)?.is_some_and(|bound| !bound.is_zero()) {
                return Err(Stop::because(format!("a demand charge with `{key}`")));
            }
        }
        let unit = match of.text("chargePeriod")? {
            None | Some("MONTH") => "per_kw_per_month",
            Some("DAY") => "per_kw_per_day",
            Some(other) => return Err(of.unknown("chargePeriod", other)),
        };
        let mut made = json!({
            "kind": "demand", "method": "max_interval_avg", "measure": "kW", "unit": unit,
            "reset": "monthly", "rate": price(of.need_number("amount")?),
        });
        if of.get("startTime").is_some() || of.get("days").is_some() {
            made["schedule"] = json!([schedule(of)?]);
        }
        self.components.push(made);
        of.finish()
    }

    fn controlled_load(&mut self, of: &Fields<'_>) -> Result<(), Stop> {
        let second = of.text("displayName")?.is_some_and(|name| name.contains('2'));
        let register = if second { "controlled_load_2" } else { "controlled_load_1" };
        of.describe(&["rateBlockUType", "startDate", "endDate"]);
        let single = of.object("singleRate")?.ok_or_else(|| Stop::because("a controlled load by time"))?;
        self.rates(&single, json!({ "period": "single", "register": register }))?;
        if let Some(rate) = supply_charge(&single)?.filter(|rate| !rate.is_zero()) {
            self.supply(rate, Some(register));
        }
        of.finish()
    }

    fn feed_in(&mut self, of: &Fields<'_>) -> Result<(), Stop> {
        of.describe(&["description", "scheme", "payerType", "startDate", "endDate"]);
        let label = of.text("displayName")?;
        match of.text("tariffUType")? {
            Some("singleTariff") => {
                let single = of.object("singleTariff")?.ok_or_else(|| Stop::because("no `singleTariff`"))?;
                let mut members = json!({ "period": "single", "direction": "export" });
                if let Some(label) = label {
                    members["period_label"] = label.into();
                }
                self.rates(&single, members)?;
            }
            Some("timeVaryingTariffs") => {
                self.time_of_use(of.list("timeVaryingTariffs")?, "timeVariations", true)?;
            }
            _ => return Err(of.wrong("tariffUType", "singleTariff or timeVaryingTariffs")),
        }
        of.finish()
    }

    /// A guaranteed percentage of the use, or of the bill; others have conditions.
    fn discount(&mut self, of: &Fields<'_>) -> Result<(), Stop> {
        of.describe(&["displayName", "description", "category", "startDate", "endDate"]);
        let guaranteed = match of.need_text("type")? {
            "GUARANTEED" => true,
            "CONDITIONAL" => false,
            other => return Err(of.unknown("type", other)),
        };
        let method = of.need_text("methodUType")?;
        let applies_to = match method {
            "percentOfBill" => "all",
            "percentOfUse" => "usage.import",
            _ if !guaranteed => return Ok(()),
            other => return Err(of.unknown("methodUType", other)),
        };
        let share = of.object(method)?.ok_or_else(|| Stop::because(format!("no `{method}`")))?;
        let percent = number::scaled(share.need_number("rate")?, 2);
        let percent = percent.ok_or_else(|| share.wrong("rate", "a share"))?;
        share.finish()?;
        if guaranteed {
            self.components
                .push(json!({ "kind": "discount", "applies_to": [applies_to], "percent": price(percent) }));
        }
        of.finish()
    }
}

/// The daily charge, under the older name or the newer one; not under both.
fn supply_charge(of: &Fields<'_>) -> Result<Option<Decimal>, Stop> {
    match (of.number("dailySupplyCharge")?, of.number("dailySupplyCharges")?) {
        (Some(_), Some(_)) => Err(Stop::because("both `dailySupplyCharge` and `dailySupplyCharges`")),
        (older, newer) => Ok(older.or(newer)),
    }
}

/// `{"days": ["MON"], "startTime": "07:00", "endTime": "21:59"}`: an end at :59 is inclusive.
fn schedule(of: &Fields<'_>) -> Result<Value, Stop> {
    of.describe(&["additionalInfo"]);
    let days: Option<Vec<String>> =
        of.list("days")?.iter().map(|day| Some(day.as_str()?.to_lowercase())).collect();
    let days = days.filter(|days| !days.is_empty()).ok_or_else(|| of.wrong("days", "names of days"))?;
    let clock = |key: &str| -> Result<&str, Stop> {
        let text = of.need_text(key)?;
        text.get(..5).ok_or_else(|| of.unknown(key, text))
    };
    let (start, end) = (clock("startTime")?, clock("endTime")?);
    let end = match end.strip_suffix(":59").map(str::parse::<u8>) {
        Some(Ok(hour)) => format!("{:02}:00", hour.saturating_add(1)),
        _ => end.to_owned(),
    };
    Ok(json!({ "days": days, "time": [start, end] }))
}

fn day_after(text: &str) -> Option<String> {
    let (month, day) = text.split_once('-')?;
    let month = Month::try_from(month.parse::<u8>().ok()?).ok()?;
    let after = Date::from_calendar_date(2024, month, day.parse().ok()?).ok()?.next_day()?;
    Some(format!("{:02}-{:02}", u8::from(after.month()), after.day()))
}

//! `tariff_core_plan_v1`: components over interval data on the plan's own clock.
//!
//! Of the usage components of a register and direction the most specific holds at any time, stacked
//! ones besides; charges per month, quarter or year count by days ÷ 365; steps of a month, quarter or
//! year may be prorated the same way; demand is the highest interval; discounts are percentages of
//! charges. A contract's segments are rate versions. Labels and the order of lines are the source's;
//! its `rate` of a line is amount ÷ quantity, which both are compared.

mod arithmetic;
mod calendar;
mod grid;
mod lines;
mod load;
mod plan;
mod rules;

use crate::{Case, Checks, Fields, Rating, Stop};
use grid::Grid;
use load::{Conversion, Interval};
use plan::{Component, Plan};
use serde_json::Value;
use time::Date;
use vocab::{Period, Zone};

/// Rates a case and compares.
pub fn run(case: &Case, checks: &mut Checks) -> Result<(), Stop> {
    let tariff = case.tariff();
    tariff.describe(&["currency", "note"]);
    let plan = tariff.need("plan")?;
    tariff.finish()?;
    bill(plan, case, checks)
}

/// Rates a plan with the case's inputs and compares.
pub fn bill(plan: &Value, case: &Case, checks: &mut Checks) -> Result<(), Stop> {
    let inputs = case.inputs();
    let main = Plan::read(&Fields::of("plan", plan)?)?;
    let zone = zone(&main)?;
    let period = load::period(&inputs, &zone)?;
    let intervals = load::read(&inputs, &zone, period)?;
    let (segments, conversions) = contract(&inputs)?;
    inputs.describe(&["note"]);
    inputs.finish()?;
    let plans = versions(main, plan, segments, period)?;
    let boundaries = plans.iter().flat_map(|(_, plan)| boundaries(plan));
    let grid = Grid::new(&zone, period, &intervals, boundaries)?;
    if plans.iter().any(|(_, plan)| plan.components.iter().any(chooses_by_the_clock)) {
        grid.no_read_over_a_clock_change(&intervals)?;
    }
    demand_is_clear(&plans[0].1, &grid, &intervals)?;
    let mut rating = Rating::new(period);
    let mut streams = rules::Streams::default();
    for (from, plan) in &plans {
        let parts = rules::translate(plan, period, &mut streams)?;
        if parts.rules.is_empty() {
            return Err(Stop::because("a plan without charges"));
        }
        rating.versions.push(parts.version(&vocab::dates::civil::format(*from)));
    }
    for (place, stream) in streams.0.iter().enumerate() {
        let name = crate::bill::word(&format!("stream_{place}"))?;
        let unit = rules::unit(&stream.unit);
        rating.series.push(grid.series(stream, name, unit, &intervals, &conversions)?);
    }
    rating.items = rules::items()?;
    let bill = rating.rate()?;
    lines::compare(&case.expected(), &plans[0].1, period, &bill, checks)
}

fn zone(plan: &Plan) -> Result<Zone, Stop> {
    plan.timezone.parse().map_err(|error| Stop::because(format!("{error}")))
}

/// Times of day at which something changes.
fn boundaries(plan: &Plan) -> impl Iterator<Item = u16> {
    plan.components
        .iter()
        .filter_map(|component| match component {
            Component::Usage(usage) => usage.schedule.as_ref(),
            Component::Demand(demand) => demand.schedule.as_ref(),
            _ => None,
        })
        .flatten()
        .flat_map(|window| [window.from, window.to])
}

/// Whether a component holds at hours at which another would.
fn chooses_by_the_clock(component: &Component) -> bool {
    matches!(component, Component::Usage(usage) if usage.schedule.is_some() && !usage.stack)
}

/// Demand is of whole intervals of one length, of one register.
fn demand_is_clear(plan: &Plan, grid: &Grid<'_>, intervals: &[Interval]) -> Result<(), Stop> {
    for component in &plan.components {
        let Component::Demand(demand) = component else { continue };
        let minutes = demand.interval_minutes.unwrap_or(grid.minutes());
        let even = intervals.iter().all(|of| of.minutes == grid.minutes()) && minutes == grid.minutes();
        if !even {
            return Err(Stop::because("demand over intervals of another length than the data's"));
        }
        if intervals.iter().any(|of| of.register != "general") {
            return Err(Stop::because("demand of several registers"));
        }
    }
    Ok(())
}

/// A segment: from a day, before a day, with its plan.
type Segment<'a> = (Date, Option<Date>, &'a Value);

fn contract<'a>(inputs: &Fields<'a>) -> Result<(Vec<Segment<'a>>, Vec<Conversion>), Stop> {
    let Some(contract) = inputs.object("contract")? else { return Ok((Vec::new(), Vec::new())) };
    contract.describe(&["commodity", "meters"]);
    let mut conversions = Vec::new();
    for (place, of) in contract.list("conversions")?.iter().enumerate() {
        let of = Fields::of(contract.place(&format!("conversions[{place}]")), of)?;
        conversions.push(Conversion::read(&of)?);
    }
    let mut segments = Vec::new();
    for (place, of) in contract.list("segments")?.iter().enumerate() {
        let of = Fields::of(contract.place(&format!("segments[{place}]")), of)?;
        of.describe(&["catalogue_ref"]);
        if !of.list("overrides")?.is_empty() {
            return Err(Stop::because("a contract that overrides its plan"));
        }
        let from = match of.date("from_")? {
            Some(day) => Some(day),
            None => of.date("from")?,
        };
        let from = from.ok_or_else(|| of.wrong("from", "a date"))?;
        segments.push((from, of.date("to")?, of.need("plan")?));
        of.finish()?;
    }
    contract.finish()?;
    Ok((segments, conversions))
}

/// The plans in force over the period, each from its first day. The source's engine takes charges
/// that are not for use from the case's own plan, so they must be the same in all.
fn versions(
    main: Plan,
    written: &Value,
    segments: Vec<Segment<'_>>,
    period: Period,
) -> Result<Vec<(Date, Plan)>, Stop> {
    let at = |day: Date| {
        let holds = |of: &&Segment<'_>| of.0 <= day && of.1.is_none_or(|to| day < to);
        segments.iter().find(holds).map(|of| of.2)
    };
    let mut plans: Vec<(Date, &Value)> = Vec::new();
    let mut on = Some(period.first_on());
    while let Some(day) = on.filter(|day| *day <= period.last_on()) {
        let plan = at(day).unwrap_or(written);
        if plans.last().is_none_or(|(_, last)| *last != plan) {
            plans.push((day, plan));
        }
        on = day.next_day();
    }
    if let [(_, only)] = plans.as_slice()
        && *only == written
    {
        return Ok(vec![(period.first_on(), main)]);
    }
    let others = |plan: &Value| -> Vec<Value> {
        let components = plan["components"].as_array().cloned().unwrap_or_default();
        components.into_iter().filter(|of| of["kind"] != "usage").collect()
    };
    let mut read = Vec::new();
    for (from, plan) in plans {
        if others(plan) != others(written) {
            return Err(Stop::because("segments of a contract that differ in more than the price of use"));
        }
        let plan = Plan::read(&Fields::of("segment", plan)?)?;
        if plan.timezone != main.timezone {
            return Err(Stop::because("segments of a contract in several time zones"));
        }
        let steps = |of: &Component| matches!(of, Component::Usage(usage) if usage.blocks.as_ref().is_some_and(|b| b.period != "day"));
        if plan.components.iter().any(steps) {
            return Err(Stop::because("steps that run on through a change of plan"));
        }
        read.push((from, plan));
    }
    Ok(read)
}

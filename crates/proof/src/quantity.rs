//! Split quantities and tiers: the parts of one quantity over several lines.

use crate::rational::{Fraction, Mode, round, size, whole};
use crate::record::{Kind, Line, Quantity, Tier};
use crate::{Findings, agree};
use num_rational::BigRational;
use std::collections::HashSet;

/// Decimals that a split quantity keeps.
const SPLIT_SCALE: u32 = 6;

/// A line that has a quantity.
#[derive(Clone, Copy)]
struct Measured<'a> {
    index: usize,
    line: &'a Line,
    quantity: &'a Quantity,
}

/// Checks every quantity over the lines that it appears in.
pub(crate) fn check_groups(findings: &mut Findings, lines: &[Line]) {
    let measured: Vec<Measured<'_>> = lines
        .iter()
        .enumerate()
        .filter_map(|(index, line)| Some(Measured { index, line, quantity: line.quantity.as_ref()? }))
        .collect();
    let mut seen = HashSet::new();
    for one in &measured {
        value(findings, one);
        if seen.contains(&one.index) {
            continue;
        }
        let group: Vec<Measured<'_>> = measured
            .iter()
            .filter(|other| other.line.rule == one.line.rule && other.quantity.same(one.quantity))
            .copied()
            .collect();
        seen.extend(group.iter().map(|other| other.index));
        split(findings, &group);
        tiers(findings, &group);
    }
}

fn value(findings: &mut Findings, one: &Measured<'_>) {
    let Measured { index, line, quantity } = *one;
    let accumulates = quantity.kind == "usage";
    let known = accumulates || quantity.kind == "peak" || quantity.kind == "level";
    findings.unless(known, index, "quantity", || format!("`{}` is no kind of quantity", quantity.kind));
    findings.unless(accumulates || quantity.share.is_whole(), index, "quantity", || {
        "only what accumulates is split".to_owned()
    });
    findings.unless(!accumulates || line.proration.is_whole(), index, "proration", || {
        "the price of what accumulates is not prorated".to_owned()
    });
    if line.kind != Kind::Tier {
        findings.unless(quantity.value == quantity.in_period, index, "quantity", || {
            format!("{} is not the period's {}", quantity.value.0, quantity.in_period.0)
        });
    }
}

/// Parts are the total by days to 6 decimals, the last taking the residue.
fn split(findings: &mut Findings, group: &[Measured<'_>]) {
    let mut parts: Vec<Measured<'_>> = Vec::new();
    for one in group {
        match parts.iter().find(|part| part.line.period == one.line.period) {
            None => parts.push(*one),
            Some(part) => {
                let same = part.quantity.in_period == one.quantity.in_period
                    && part.quantity.total == one.quantity.total
                    && part.quantity.share == one.quantity.share;
                findings.unless(same, one.index, "quantity", || {
                    "the same days have another quantity on another line".to_owned()
                });
            }
        }
    }
    parts.sort_by_key(|part| part.line.period.first_on);
    let Some(first) = parts.first() else { return };
    let last_on = parts.last().map(|part| part.line.period.last_on);
    let days: i64 = parts.iter().map(|part| part.quantity.share.above).sum();
    let complete = days == first.quantity.share.below;
    for part in &parts {
        let quantity = part.quantity;
        let same_total = quantity.total == first.quantity.total;
        findings.unless(same_total, part.index, "quantity", || "parts of different totals".to_owned());
        if quantity.share.is_whole() {
            findings.unless(quantity.in_period == quantity.total, part.index, "quantity", || {
                format!("{} is not the whole {}", quantity.in_period.0, quantity.total.0)
            });
            continue;
        }
        let below = quantity.share.below == first.quantity.share.below;
        findings.unless(
            below && quantity.share.above == part.line.period.count(),
            part.index,
            "quantity",
            || "the share is not the days of the line".to_owned(),
        );
        let exact = &quantity.total.0 * quantity.share.value();
        let rounded = round(&exact, SPLIT_SCALE, Mode::HalfAwayFromZero);
        let takes_residue = Some(part.line.period.last_on) == last_on;
        let residue = crate::minor_to_major(quantity.share.below, SPLIT_SCALE);
        let near = size(&(&quantity.in_period.0 - &exact)) <= residue;
        let good = quantity.in_period.0 == rounded || (takes_residue && near);
        findings
            .unless(good, part.index, "quantity", || format!("{} is not {rounded}", quantity.in_period.0));
    }
    if complete && !first.quantity.share.is_whole() {
        let sum: BigRational = parts.iter().map(|part| &part.quantity.in_period.0).sum();
        findings.unless(sum == first.quantity.total.0, first.index, "quantity", || {
            format!("the parts add up to {sum}, not {}", first.quantity.total.0)
        });
    }
}

/// Tiers of the same days join: each begins where the one before it ends.
fn tiers(findings: &mut Findings, group: &[Measured<'_>]) {
    let mut rest = group;
    while let Some((first, _)) = rest.split_first() {
        let together = |one: &&Measured<'_>| {
            one.line.period == first.line.period && one.line.version == first.line.version
        };
        let count = rest.iter().take_while(together).count();
        let (steps, after) = rest.split_at(count);
        rest = after;
        chain(findings, steps);
    }
}

fn chain(findings: &mut Findings, steps: &[Measured<'_>]) {
    let mut below: Option<(&Tier, BigRational)> = None;
    for (place, step) in steps.iter().enumerate() {
        let Some(tier) = &step.line.tier else { continue };
        let index = step.index;
        threshold(findings, index, tier);
        let total = &step.quantity.in_period.0;
        let within = tier.up_to.as_ref().is_none_or(|top| *total <= top.0);
        if step.line.kind == Kind::Volume {
            let above = tier.number == 1 || *total > tier.from.0;
            findings.unless(within && above, index, "tier", || {
                format!("{total} does not lie in tier {}", tier.number)
            });
            continue;
        }
        let (begins, ordered, alike) = match &below {
            None => (whole(0), true, true),
            Some((lower, top)) => (
                top.clone(),
                lower.number < tier.number,
                lower.scale == tier.scale && lower.count == tier.count,
            ),
        };
        findings.unless(tier.number >= 1 && ordered, index, "tier", || "tiers are out of order".to_owned());
        findings.unless(alike, index, "tier", || "tiers are scaled differently".to_owned());
        findings.unless(agree(&tier.from.0, &begins, total), index, "tier", || {
            format!("begins at {}, the one below ends at {begins}", tier.from.0)
        });
        let last = place + 1 == steps.len();
        findings.unless(!last || within, index, "tier", || format!("{total} reaches beyond the last tier"));
        let ends = match (&tier.up_to, last) {
            (Some(top), false) => top.0.clone(),
            _ => total.clone(),
        };
        let width = &ends - &begins;
        findings.unless(agree(&width, &step.quantity.value.0, total), index, "quantity", || {
            format!("{} is not the tier's {width}", step.quantity.value.0)
        });
        below = Some((tier, ends));
    }
}

/// up_to = step × scale × count.
fn threshold(findings: &mut Findings, index: usize, tier: &Tier) {
    let count = tier.count.as_ref().map_or_else(|| whole(1), |count| count.0.clone());
    match (&tier.step, &tier.up_to) {
        (None, None) => {}
        (Some(step), Some(up_to)) => {
            let follows = &step.0 * count * tier.scale.value();
            findings.unless(agree(&follows, &up_to.0, &follows), index, "tier", || {
                format!("ends at {}, its threshold is {follows}", up_to.0)
            });
        }
        _ => findings.unless(false, index, "tier", || "a step without its end, or the reverse".to_owned()),
    }
    let Fraction { below, .. } = tier.scale;
    findings.unless(below > 0, index, "tier", || "scaled by nothing".to_owned());
}

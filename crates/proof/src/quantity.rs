//! Quantities over several lines: what a sub-period has of the whole.

use crate::rational::{Mode, round, size, whole};
use crate::record::{Kind, Line, Quantity};
use crate::{Findings, agree, tier};
use num_rational::BigRational;
use std::collections::HashSet;

/// Decimals that a split quantity keeps.
const SPLIT_SCALE: u32 = 6;

/// A line that has a quantity.
#[derive(Clone, Copy)]
pub(crate) struct Measured<'a> {
    pub(crate) index: usize,
    pub(crate) line: &'a Line,
    pub(crate) quantity: &'a Quantity,
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
        tier::check(findings, &group);
    }
}

fn value(findings: &mut Findings, one: &Measured<'_>) {
    let Measured { index, line, quantity } = *one;
    let accumulates = quantity.accumulates();
    let known = accumulates || quantity.kind == "peak" || quantity.kind == "level";
    findings.unless(known, index, "quantity", || format!("`{}` is no kind of quantity", quantity.kind));
    findings.unless(accumulates || quantity.share.is_whole(), index, "quantity", || {
        "only what accumulates is split".to_owned()
    });
    findings.unless(!accumulates || line.proration.is_whole(), index, "proration", || {
        "the price of what accumulates is not prorated".to_owned()
    });
    let measurable = quantity.unit.is_some() && quantity.kind != "level";
    findings.unless(!quantity.measured || measurable, index, "quantity", || {
        "interval data have no items and no levels".to_owned()
    });
    if line.kind != Kind::Tier {
        findings.unless(quantity.value == quantity.in_period, index, "quantity", || {
            format!("{} is not the period's {}", quantity.value.0, quantity.in_period.0)
        });
    }
}

/// Parts are the total by days to 6 decimals, the last taking the residue; or they were measured
/// on their own days and add up to the total when none is missing.
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
    let Some((last, before)) = parts.split_last() else { return };
    let days: i64 = parts.iter().map(|part| part.quantity.share.above).sum();
    let complete = days == last.quantity.share.below;
    for part in &parts {
        part_of_total(findings, part, last);
    }
    if last.quantity.share.is_whole() {
        return;
    }
    if last.quantity.measured {
        if complete && parts.iter().all(|part| part.quantity.total == last.quantity.total) {
            let sum: BigRational = parts.iter().map(|part| &part.quantity.in_period.0).sum();
            let sizes: BigRational = parts.iter().map(|part| size(&part.quantity.in_period.0)).sum();
            findings.unless(agree(&sum, &last.quantity.total.0, &sizes), last.index, "quantity", || {
                format!("what was measured adds up to {sum}, not {}", last.quantity.total.0)
            });
        }
        return;
    }
    // Of its own total, where two versions worked it out differently.
    let others: BigRational = before.iter().map(|part| by_days(&last.quantity.total.0, part.quantity)).sum();
    let residue = &last.quantity.total.0 - others;
    findings.unless(!complete || residue == last.quantity.in_period.0, last.index, "quantity", || {
        format!("the parts leave {residue}, not {}", last.quantity.in_period.0)
    });
}

fn by_days(total: &BigRational, part: &Quantity) -> BigRational {
    round(&(total * part.share.value()), SPLIT_SCALE, Mode::HalfAwayFromZero)
}

fn part_of_total(findings: &mut Findings, part: &Measured<'_>, last: &Measured<'_>) {
    let Measured { index, line, quantity } = *part;
    // Another version may bucket or work out a quantity otherwise; plain use is the same in all.
    let may_differ = line.version != last.line.version
        && (quantity.name.is_some() || (quantity.measured && !is_plain(quantity)));
    findings.unless(quantity.total == last.quantity.total || may_differ, index, "quantity", || {
        "parts of different totals".to_owned()
    });
    if quantity.share.is_whole() {
        findings.unless(quantity.in_period == quantity.total, index, "quantity", || {
            format!("{} is not the whole {}", quantity.in_period.0, quantity.total.0)
        });
        return;
    }
    let below = quantity.share.below == last.quantity.share.below;
    let days = line.period.count();
    findings.unless(
        below && quantity.share.above == days && days < quantity.share.below,
        index,
        "quantity",
        || "the share is not the days of the line".to_owned(),
    );
    if quantity.measured {
        return;
    }
    let exact = &quantity.total.0 * quantity.share.value();
    let rounded = by_days(&quantity.total.0, quantity);
    let takes_residue = index == last.index;
    let residue = crate::minor_to_major(quantity.share.below, SPLIT_SCALE);
    let near = size(&(&quantity.in_period.0 - &exact)) <= residue;
    let good = quantity.in_period.0 == rounded || (takes_residue && near);
    findings.unless(good, index, "quantity", || format!("{} is not {rounded}", quantity.in_period.0));
}

/// Whether no calendar and no minutes of demand stand behind it.
fn is_plain(quantity: &Quantity) -> bool {
    quantity.bucket.is_none() && quantity.kind == "usage"
}

/// Σ of the quantities' values.
pub(crate) fn values<'m>(of: impl IntoIterator<Item = &'m Measured<'m>>) -> BigRational {
    of.into_iter().fold(whole(0), |sum, one| sum + &one.quantity.value.0)
}

//! Tiers of one quantity on the same days: each begins where the one before it ends.

use crate::quantity::{Measured, values};
use crate::rational::{Fraction, size, whole};
use crate::record::{Kind, Line, Tier};
use crate::{Findings, agree, shared};
use num_rational::BigRational;

/// Checks the tiers of a quantity over all days.
pub(crate) fn check(findings: &mut Findings, group: &[Measured<'_>]) {
    let mut rest = group;
    while let Some((first, _)) = rest.split_first() {
        let together = |one: &&Measured<'_>| {
            one.line.period == first.line.period && one.line.version == first.line.version
        };
        let count = rest.iter().take_while(together).count();
        let (steps, after) = rest.split_at(count);
        rest = after;
        for step in steps {
            single(findings, step);
        }
        let has =
            |wanted: fn(&Tier) -> bool| steps.iter().any(|step| step.line.tier.as_ref().is_some_and(wanted));
        if has(|tier| tier.shared.is_some()) {
            shared::bucket(findings, steps);
        } else if has(|tier| tier.each_day) {
            each_day(findings, steps);
        } else {
            chain(findings, steps);
        }
    }
}

/// What holds for a line with a tier alone.
fn single(findings: &mut Findings, step: &Measured<'_>) {
    let Some(tier) = &step.line.tier else { return };
    let index = step.index;
    threshold(findings, index, tier);
    findings.unless(tier.number >= 1, index, "tier", || "tiers are counted from 1".to_owned());
    let is_tier = step.line.kind == Kind::Tier;
    let fits = (is_tier || (!tier.each_day && tier.shared.is_none()))
        && (!is_tier || tier.selected_by.is_none())
        && !(tier.each_day && tier.shared.is_some());
    findings.unless(fits, index, "tier", || format!("not the tier of a {:?} line", step.line.kind));
    findings.unless(!tier.each_day || step.quantity.measured, index, "tier", || {
        "only what was measured day by day fills tiers each day".to_owned()
    });
    let quantity = step.quantity;
    let split = quantity.accumulates() && !quantity.share.is_whole() && step.line.period.count() > 1;
    // Steps of one day may be whole; those that another quantity selects may be a peak's.
    let cut = !split || tier.each_day || tier.up_to.is_none() || tier.selected_by.is_some();
    findings.unless(cut || tier.scale != Fraction::WHOLE, index, "tier", || {
        "a part of the use fills the steps of the whole".to_owned()
    });
    if step.line.kind == Kind::Volume {
        let selecting = tier.selected_by.as_ref().map_or(&step.quantity.in_period.0, |by| &by.0);
        let within = tier.up_to.as_ref().is_none_or(|top| *selecting <= top.0);
        let above = tier.number == 1 || *selecting > tier.from.0;
        findings.unless(within && above, index, "tier", || {
            format!("{selecting} does not lie in tier {}", tier.number)
        });
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
}

/// Whether two tiers of one charge are scaled alike. A tier that ends at another quantity has the
/// share of that which its days have of what is priced.
pub(crate) fn alike(a: &Tier, b: &Tier, share: Fraction) -> bool {
    let share = if share.is_whole() { Fraction::WHOLE } else { share };
    let plain = |tier: &Tier| tier.scale == share && tier.count.is_none();
    (a.scale == b.scale && a.count == b.count) || plain(a) || plain(b)
}

/// Each tier begins where the one before it ends and has what lies in it.
fn chain(findings: &mut Findings, steps: &[Measured<'_>]) {
    let mut below: Option<(&Tier, BigRational)> = None;
    for (place, step) in steps.iter().enumerate() {
        let Some(tier) = step.line.tier.as_ref().filter(|_| step.line.kind == Kind::Tier) else { continue };
        let index = step.index;
        let total = &step.quantity.in_period.0;
        let (begins, ordered) = match &below {
            None => (whole(0), true),
            Some((lower, top)) => {
                (top.clone(), lower.number < tier.number && alike(lower, tier, step.quantity.share))
            }
        };
        findings.unless(ordered, index, "tier", || "out of order, or scaled differently".to_owned());
        findings.unless(agree(&tier.from.0, &begins, total), index, "tier", || {
            format!("begins at {}, the one below ends at {begins}", tier.from.0)
        });
        let last = place + 1 == steps.len();
        let within = tier.up_to.as_ref().is_none_or(|top| *total <= top.0);
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

/// Every day fills the tiers for itself: they add up, and none holds more than its width on every
/// day.
fn each_day(findings: &mut Findings, steps: &[Measured<'_>]) {
    let mut below: Option<&Tier> = None;
    for step in steps {
        let Some(tier) = &step.line.tier else { continue };
        let days = whole(step.line.period.count());
        below_tier(findings, step, below, tier);
        let value = &step.quantity.value.0;
        let most = tier.up_to.as_ref().map(|top| (&top.0 - &tier.from.0) * days);
        let scale = size(&step.quantity.in_period.0);
        let fits = most.is_none_or(|most| *value <= most || agree(value, &most, &scale));
        findings.unless(fits && (tier.number == 1 || *value >= whole(0)), step.index, "quantity", || {
            format!("{value} does not fit into tier {} on every day", tier.number)
        });
        below = Some(tier);
    }
    adds_up(findings, steps);
}

/// The values of the tiers are the quantity.
pub(crate) fn adds_up(findings: &mut Findings, steps: &[Measured<'_>]) {
    let Some(first) = steps.first() else { return };
    let (sum, total) = (values(steps), &first.quantity.in_period.0);
    let sizes = steps.iter().fold(size(total), |all, step| all + size(&step.quantity.value.0));
    findings.unless(agree(&sum, total, &sizes), first.index, "quantity", || {
        format!("the tiers hold {sum} of {total}")
    });
}

/// Where a tier begins when those that hold nothing are left out.
pub(crate) fn below_tier(findings: &mut Findings, step: &Measured<'_>, below: Option<&Tier>, tier: &Tier) {
    let joins = match below {
        None if tier.number == 1 => tier.from.0 == whole(0),
        None => tier.from.0 >= whole(0),
        Some(lower) => {
            let top = lower.up_to.as_ref().map(|top| top.0.clone().max(lower.from.0.clone()));
            let next = tier.number == lower.number + 1;
            let met = top.is_some_and(|top| if next { tier.from.0 == top } else { tier.from.0 >= top });
            met && lower.number < tier.number && alike(lower, tier, step.quantity.share)
        }
    };
    findings.unless(joins, step.index, "tier", || "does not join the tier below".to_owned());
}

/// The amount that a tier has besides its price stands behind a line that puts something into it.
pub(crate) fn amounts_besides(findings: &mut Findings, lines: &[Line]) {
    for (index, line) in lines.iter().enumerate() {
        let Some(tier) = line.tier.as_ref().filter(|_| line.kind == Kind::Flat) else { continue };
        let before = index.checked_sub(1).and_then(|before| lines.get(before));
        let filled = before.is_some_and(|before| {
            matches!(before.kind, Kind::Tier | Kind::Volume)
                && before.rule == line.rule
                && before.version == line.version
                && before.period == line.period
                && before.tier.as_ref() == Some(tier)
                && before.quantity.as_ref().is_some_and(|of| of.value.0 > whole(0))
        });
        findings.unless(filled, index, "tier", || "nothing falls into its tier".to_owned());
    }
}

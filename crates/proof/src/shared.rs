//! Tiers that the buckets of a time of use fill together: by their use, or in the order of time.

use crate::quantity::{Measured, values};
use crate::rational::{minor_to_major, size, whole};
use crate::record::{Days, Filling, Kind, Line, Shared, Tier};
use crate::tier::{adds_up, below_tier};
use crate::{Findings, agree};
use num_rational::BigRational;
use std::collections::BTreeMap;

/// Decimals that a share of a tier keeps.
const SHARE_SCALE: u32 = 10;

/// The tiers of one bucket: they join, each has the bucket's part of it, and together they hold
/// what the bucket used.
pub(crate) fn bucket(findings: &mut Findings, steps: &[Measured<'_>]) {
    let mut below: Option<&Tier> = None;
    for step in steps {
        let Some(tier) = &step.line.tier else { continue };
        let Some(shared) = &tier.shared else {
            findings.unless(false, step.index, "tier", || "only some tiers are shared".to_owned());
            continue;
        };
        below_tier(findings, step, below, tier);
        below = Some(tier);
        let named = step.quantity.bucket.is_some() && step.quantity.kind == "usage";
        findings.unless(named, step.index, "quantity", || "only the use of a bucket is shared".to_owned());
        if shared.filling == Filling::ByUse {
            by_use(findings, step, tier, shared, steps.len());
        } else {
            findings.unless(step.quantity.measured, step.index, "quantity", || {
                "an order of time needs interval data".to_owned()
            });
        }
    }
    adds_up(findings, steps);
}

/// in_tier is what of the whole lies in the tier; the bucket has its part of that, the last tier
/// that the whole reaches what is left of the bucket.
fn by_use(findings: &mut Findings, step: &Measured<'_>, tier: &Tier, shared: &Shared, tiers: usize) {
    let (all, used) = (&shared.all.0, &step.quantity.in_period.0);
    let last = tier.up_to.as_ref().is_none_or(|top| *all <= top.0);
    let top = tier.up_to.as_ref().map_or(all, |top| all.min(&top.0));
    let inside = top - &tier.from.0;
    let inside = if tier.from.0 == whole(0) { inside } else { inside.max(whole(0)) };
    findings.unless(agree(&inside, &shared.in_tier.0, all), step.index, "tier", || {
        format!("all buckets have {inside} in it, not {}", shared.in_tier.0)
    });
    // Buckets that take as much as they give fill no tier: the first has it all.
    let exact = if *all == whole(0) { used.clone() } else { &shared.in_tier.0 * used / all };
    // Half of the last decimal, and for the residue as much from every tier.
    let parts = i64::try_from(tiers).unwrap_or(1).max(i64::from(tier.number));
    let halves = if last { parts } else { 1 };
    let off = minor_to_major(halves * 5, SHARE_SCALE + 1) + size(&exact) * minor_to_major(1, 20);
    let value = &step.quantity.value.0;
    let follows = size(&(value - &exact)) <= off;
    findings.unless(follows, step.index, "quantity", || format!("{value} is not the bucket's {exact}"));
}

/// Over all buckets of a charge on the same days: they are the whole, and in the order of time what
/// they have in a tier is what the tier holds.
pub(crate) fn check(findings: &mut Findings, lines: &[Line]) {
    let mut charges: BTreeMap<(&str, &str, Days), Vec<Measured<'_>>> = BTreeMap::new();
    for (index, line) in lines.iter().enumerate().filter(|(_, line)| line.kind == Kind::Tier) {
        let shared = line.tier.as_ref().is_some_and(|tier| tier.shared.is_some());
        if let Some(quantity) = line.quantity.as_ref().filter(|_| shared) {
            let charge = charges.entry((&line.rule, &line.version, line.period)).or_default();
            charge.push(Measured { index, line, quantity });
        }
    }
    for charge in charges.values() {
        together(findings, charge);
    }
}

fn together(findings: &mut Findings, charge: &[Measured<'_>]) {
    let mut used: BTreeMap<&str, &BigRational> = BTreeMap::new();
    let mut tiers: BTreeMap<u32, Vec<Measured<'_>>> = BTreeMap::new();
    for one in charge {
        used.insert(one.quantity.bucket.as_deref().unwrap_or(""), &one.quantity.in_period.0);
        tiers.entry(one.line.tier.as_ref().map_or(0, |tier| tier.number)).or_default().push(*one);
    }
    let sum: BigRational = used.values().copied().sum();
    let sizes: BigRational = used.values().map(|of| size(of)).sum();
    let filling = |one: &Measured<'_>| Some(one.line.tier.as_ref()?.shared.as_ref()?.filling);
    for one in charge {
        let Some(shared) = one.line.tier.as_ref().and_then(|tier| tier.shared.as_ref()) else { continue };
        let alike = charge.iter().all(|other| filling(other) == Some(shared.filling));
        findings.unless(alike, one.index, "tier", || "filled in two ways".to_owned());
        findings.unless(agree(&sum, &shared.all.0, &sizes), one.index, "tier", || {
            format!("the buckets used {sum}, not {}", shared.all.0)
        });
    }
    for (number, of) in tiers {
        let held = values(&of);
        for one in of {
            let shared = one.line.tier.as_ref().and_then(|tier| tier.shared.as_ref());
            let Some(shared) = shared.filter(|shared| shared.filling == Filling::InTimeOrder) else {
                continue;
            };
            findings.unless(agree(&held, &shared.in_tier.0, &sizes), one.index, "tier", || {
                format!("tier {number} holds {held}, not {}", shared.in_tier.0)
            });
        }
    }
}

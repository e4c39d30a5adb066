//! Lines: the quantity's part, the tier, the base, the amount and its rounding.

use super::derived::named;
use super::{Note, Step, StepKind};
use crate::line::{Line, LineBank, LineBase, LineKind, LineQuantity, LineTier};
use crate::proration::SPLIT_SCALE;
use crate::tariff::Filling;
use vocab::decimal::{self, Rounding};
use vocab::{Currency, Decimal};

/// Decimals that a shared tier's part keeps.
const SHARED_SCALE: u32 = decimal::STORED_SCALE;

/// The steps from the whole period's quantity to the rounded amount of the line at this place; none
/// when there is no such line. The other lines are needed where this one is about them.
pub fn line(lines: &[Line], at: usize, currency: &Currency) -> Vec<Step> {
    let Some(line) = lines.get(at) else { return Vec::new() };
    let mut steps = Vec::with_capacity(4);
    if let Some(quantity) = &line.quantity {
        steps.extend(share(quantity));
    }
    if let Some(tier) = &line.tier {
        steps.extend(threshold(tier));
        steps.extend(line.quantity.as_ref().and_then(|quantity| within(line.kind, quantity, tier)));
    }
    steps.extend(packages(line));
    steps.extend(line.base.as_ref().map(|base| summed(base, lines, currency)));
    if let Some(cap) = line.cap.as_ref().filter(|cap| !cap.proration.is_whole()) {
        let step = Step::new(StepKind::Cap, "cap").with("cap", cap.price).times(&cap.proration);
        steps.extend(cap.proration.of(cap.price).ok().map(|most| step.equals(most.normalize())));
    }
    if let Some(bank) = &line.bank {
        banked(&mut steps, line, bank);
    }
    steps.push(amount(line));
    let rounded = Step::new(StepKind::Rounded, "round(amount, decimals)")
        .with("amount", line.unrounded)
        .with("decimals", Decimal::from(line.decimals));
    steps.push(rounded.equals(currency.to_decimal(line.amount_minor)));
    steps
}

/// A part of the whole period's quantity.
fn share(quantity: &LineQuantity) -> Option<Step> {
    if quantity.share.is_whole() {
        return quantity
            .measured
            .then(|| Step::measured(StepKind::Share, Note::Measured).equals(quantity.in_period.normalize()));
    }
    let result = quantity.in_period.normalize();
    if quantity.measured {
        let step = Step::measured(StepKind::Share, Note::Measured).with("total", quantity.total);
        return Some(step.equals(result));
    }
    let exact = quantity.share.of(quantity.total).ok();
    let by_days = exact.map(|exact| decimal::round(exact, SPLIT_SCALE, Rounding::HalfAwayFromZero));
    if by_days == Some(quantity.in_period) {
        let step = Step::new(StepKind::Share, "total × share").with("total", quantity.total);
        return Some(step.with_text("share", quantity.share).equals(result));
    }
    let earlier = decimal::sub(quantity.total, quantity.in_period).ok()?;
    let step = Step::new(StepKind::Share, "total − earlier").with("total", quantity.total);
    Some(step.with("earlier", earlier).noted(Note::Residue).equals(result))
}

/// Where a tier ends, when that is not the tariff's own figure.
fn threshold(tier: &LineTier) -> Option<Step> {
    let (step, up_to) = (tier.step?, tier.up_to?);
    if tier.scale.is_whole() && tier.count.is_none() {
        return None;
    }
    let mut found = Step::new(StepKind::Threshold, "step").with("step", step);
    if let Some(count) = tier.count {
        found.formula.push_str(" × count");
        found = found.with("count", count);
    }
    if !tier.scale.is_whole() {
        found.formula.push_str(" × scale");
        found = found.with_text("scale", tier.scale);
    }
    Some(found.equals(up_to))
}

/// What of the quantity falls into the tier, or why this is the tier of the whole.
fn within(kind: LineKind, quantity: &LineQuantity, tier: &LineTier) -> Option<Step> {
    if kind == LineKind::Volume {
        return selected(quantity, tier);
    }
    let value = quantity.value.normalize();
    let number = Decimal::from(tier.number);
    if tier.each_day {
        let step = Step::measured(StepKind::Tier, Note::EachDay).with("tier", number).with("from", tier.from);
        return Some(tier.up_to.into_iter().fold(step, |step, top| step.with("up_to", top)).equals(value));
    }
    if let Some(shared) = &tier.shared {
        let terms = |step: Step| step.with("in_tier", shared.in_tier).with("all", shared.all);
        if shared.filling == Filling::InTimeOrder {
            return Some(terms(Step::measured(StepKind::Tier, Note::InTimeOrder)).equals(value));
        }
        let by_use = decimal::mul_div(shared.in_tier, quantity.in_period, shared.all).ok();
        let by_use = by_use.map(|exact| decimal::round(exact, SHARED_SCALE, Rounding::HalfAwayFromZero));
        // The bucket's last tier takes its residue.
        if by_use != Some(quantity.value) {
            let below = decimal::sub(quantity.in_period, quantity.value).ok()?;
            let step = terms(Step::new(StepKind::Tier, "used − below")).with("used", quantity.in_period);
            return Some(step.with("below", below).noted(Note::ByUse).equals(value));
        }
        let step = terms(Step::new(StepKind::Tier, "in_tier × used ÷ all")).with("used", quantity.in_period);
        return Some(step.noted(Note::ByUse).equals(value));
    }
    let mut formula = "used".to_owned();
    let mut step = Step::new(StepKind::Tier, "").with("tier", number).with("used", quantity.in_period);
    if let Some(top) = tier.up_to {
        formula = "min(used, up_to)".to_owned();
        step = step.with("up_to", top);
    }
    if !tier.from.is_zero() {
        formula.push_str(" − from");
        step = step.with("from", tier.from);
    }
    step.formula = formula;
    Some(step.equals(value))
}

/// The tier that a whole quantity falls into.
fn selected(quantity: &LineQuantity, tier: &LineTier) -> Option<Step> {
    let lower = (!tier.from.is_zero()).then_some(tier.from);
    let (name, value) = match tier.selected_by {
        Some(selector) => ("selected_by", selector),
        None => ("used", quantity.in_period),
    };
    let mut formula = name.to_owned();
    let mut step =
        Step::new(StepKind::Selected, "").with("tier", Decimal::from(tier.number)).with(name, value);
    if let Some(from) = lower {
        formula.insert_str(0, "from < ");
        step = step.with("from", from);
    }
    if let Some(top) = tier.up_to {
        formula.push_str(" ≤ up_to");
        step = step.with("up_to", top);
    }
    step.formula = formula;
    (lower.is_some() || tier.up_to.is_some()).then(|| step.holds())
}

fn packages(line: &Line) -> Option<Step> {
    let (of, quantity) = (line.packages.as_ref()?, line.quantity.as_ref()?);
    let step = Step::new(StepKind::Packages, "ceil(max(0, used − free) ÷ size)");
    let step = step.with("used", quantity.in_period).with("free", of.free).with("size", of.size);
    Some(step.equals(of.started.normalize()))
}

/// The sum of the lines that a line is about. Lines are counted from 1, as they are shown.
fn summed(base: &LineBase, lines: &[Line], currency: &Currency) -> Step {
    let mut terms = Vec::with_capacity(base.lines.len() + 1);
    let mut step = Step::new(StepKind::Base, "");
    for of in &base.lines {
        let number = of.line.saturating_add(1);
        let found = usize::try_from(of.line).ok().and_then(|at| lines.get(at));
        let amount = found.map_or(Decimal::ZERO, |line| currency.to_decimal(line.amount_minor));
        step = step.with(format!("line_{number}"), amount);
        if of.share.is_whole() {
            terms.push(format!("line_{number}"));
        } else {
            terms.push(format!("line_{number} × share_{number}"));
            step = step.with_text(format!("share_{number}"), of.share);
        }
    }
    if let Some(earlier) = base.earlier {
        terms.push("earlier".to_owned());
        step = step.with("earlier", earlier);
    }
    step.formula = if terms.is_empty() { "0".to_owned() } else { terms.join(" + ") };
    step.equals(base.amount.normalize())
}

/// A bank of units is used up by the net quantity; a bank of money by the base of the line.
fn banked(steps: &mut Vec<Step>, line: &Line, bank: &LineBank) {
    if !bank.credits.is_empty() {
        let mut terms = Vec::with_capacity(bank.credits.len());
        let mut earned = Step::new(StepKind::Earned, "");
        for (number, credit) in (1..).zip(&bank.credits) {
            terms.push(format!("quantity_{number} × price_{number}"));
            earned = earned.with(format!("quantity_{number}"), credit.quantity);
            earned = earned.with(format!("price_{number}"), credit.price);
        }
        earned.formula = format!("round({}, decimals)", terms.join(" + "));
        steps.push(earned.with("decimals", Decimal::from(line.decimals)).equals(bank.earned.normalize()));
    }
    if let (LineKind::Credit, Some(base)) = (line.kind, &line.base) {
        // Delayed credits of this period are there for the next ones, a debt is not delayed.
        let delayed = bank.delayed && bank.earned >= Decimal::ZERO;
        let held = if delayed { "opening" } else { "opening + earned" };
        let earned = if delayed { Decimal::ZERO } else { bank.earned };
        let usable = decimal::add(bank.opening, earned);
        let mut formula = format!("min(max(0, base), {held})");
        if usable.map(|usable| base.amount.max(Decimal::ZERO).min(usable)) != Ok(bank.applied) {
            // No finer than the line shows: the rest stays in the bank.
            let parts = 10_i64.pow(u32::from(line.decimals));
            formula = format!("floor({formula} × {parts}) ÷ {parts}");
        }
        let applied = Step::new(StepKind::Applied, &formula).with("base", base.amount);
        let applied = applied.with("opening", bank.opening);
        let applied = if delayed { applied } else { applied.with("earned", bank.earned) };
        steps.push(applied.equals(bank.applied.normalize()));
    }
    let closing = Step::new(StepKind::Closing, "opening + earned − applied − paid_out")
        .with("opening", bank.opening)
        .with("earned", bank.earned)
        .with("applied", bank.applied)
        .with("paid_out", bank.paid_out);
    steps.push(closing.equals(bank.closing.normalize()));
}

/// The exact amount.
fn amount(line: &Line) -> Step {
    let new = |formula: &str| Step::new(StepKind::Amount, formula);
    // As the tariff writes it: 0.10, not 0.1.
    let priced = |step: Step| step.with_text("price", line.price);
    let base = line.base.as_ref().map_or(Decimal::ZERO, |base| base.amount);
    let step = match line.kind {
        LineKind::Flat => priced(new("price")).times(&line.proration),
        LineKind::Unit | LineKind::Tier | LineKind::Volume | LineKind::Item => {
            let quantity = line.quantity.as_ref().map_or(Decimal::ZERO, |quantity| quantity.value);
            priced(new("quantity × price").with("quantity", quantity)).times(&line.proration)
        }
        LineKind::Package => {
            let started = line.packages.as_ref().map_or(Decimal::ZERO, |packages| packages.started);
            priced(new("packages × price").with("packages", started)).times(&line.proration)
        }
        LineKind::Percentage | LineKind::Tax => {
            let step = priced(new("base × price ÷ 100").with("base", base)).times(&line.proration);
            match &line.exemption {
                Some(certificate) => step.with_text("certificate", certificate).noted(Note::Exempt),
                None => step,
            }
        }
        LineKind::Minimum | LineKind::Maximum => {
            let mut step = priced(new("price")).times(&line.proration);
            step.formula.push_str(" − base");
            step.with("base", base)
        }
        LineKind::Discount => discount(line, priced(new("price")).times(&line.proration), base),
        LineKind::DiscountPercent => discount(line, priced(new("base × price ÷ 100")), base),
        LineKind::Formula => match &line.formula {
            Some(formula) => named(new(&formula.text), &formula.with),
            None => priced(new("price")),
        },
        LineKind::Summary => new("0"),
        LineKind::Bank => {
            let paid_out = line.bank.as_ref().map_or(Decimal::ZERO, |bank| bank.paid_out);
            priced(new("−(paid_out × price)").with("paid_out", paid_out))
        }
        LineKind::Credit => {
            let applied = line.bank.as_ref().map_or(Decimal::ZERO, |bank| bank.applied);
            new("−applied").with("applied", applied)
        }
        LineKind::Payout => new("−paid_out").with("paid_out", line.price),
    };
    step.equals(line.unrounded)
}

/// At most the cap and what the lines come to, never less than nothing.
fn discount(line: &Line, granted: Step, base: Decimal) -> Step {
    let mut step = granted;
    if !step.operands.iter().any(|(name, _)| name == "base") {
        step = step.with("base", base);
    }
    let cap = line.cap.as_ref().map(|cap| cap.proration.of(cap.price).unwrap_or(cap.price));
    step.formula = match cap {
        Some(_) => format!("−max(0, min({}, cap, base))", step.formula),
        None => format!("−max(0, min({}, base))", step.formula),
    };
    match cap {
        Some(cap) => step.with("cap", cap),
        None => step,
    }
}

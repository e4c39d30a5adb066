//! One line's own arithmetic.

use crate::near::without_hair;
use crate::rational::{Fraction, minor_to_major, round, size, whole};
use crate::record::{Kind, Line, Packages, Quantity};
use crate::working::Derived;
use crate::{Findings, agree, bank, base, derived, formula};
use num_rational::BigRational;

/// Computes the line at `index` again.
pub(crate) fn check(
    findings: &mut Findings,
    worked_out: &[Derived],
    lines: &[Line],
    index: usize,
    minor_digits: u8,
) {
    let Some(line) = lines.get(index) else { return };
    shape(findings, index, line);
    findings.unless(line.period.count() >= 1, index, "period", || "ends before it begins".to_owned());
    let base = base::sum(findings, lines, index, line, minor_digits);
    let factor = line.proration.value();
    let price = &line.price.0;
    let per_period = price * &factor;
    // What is subtracted bounds the digits that were kept, not the result.
    let scale = size(price) + size(&base);
    let exact = match line.kind {
        Kind::Flat => per_period,
        Kind::Unit | Kind::Tier | Kind::Volume | Kind::Item => quantity(line) * per_period,
        Kind::Package => packages(findings, index, line) * per_period,
        Kind::Percentage | Kind::Tax => {
            exemption(findings, index, line);
            base * per_period / whole(100)
        }
        Kind::Minimum | Kind::Maximum => per_period - base,
        Kind::Discount => -granted(line, per_period, base),
        Kind::DiscountPercent => -granted(line, &base * price / whole(100), base),
        Kind::Formula => worked_out_by_formula(findings, index, line),
        Kind::Summary => {
            findings.unless(*price == whole(0), index, "price", || "a sum has no price".to_owned());
            whole(0)
        }
        Kind::Bank | Kind::Credit => -bank::taken_off(findings, worked_out, index, line, &base),
        Kind::Payout => -price.clone(),
    };
    let stated = &line.unrounded.0;
    findings.unless(agree(&exact, stated, &scale), index, "unrounded", || format!("{stated} is not {exact}"));
    bank::paid_out(findings, lines, index, line);
    whole_unless_prorated(findings, index, line);
    amount(findings, index, line, minor_digits);
}

fn amount(findings: &mut Findings, index: usize, line: &Line, minor_digits: u8) {
    findings.unless(line.decimals <= minor_digits, index, "decimals", || {
        format!("{} decimals are finer than the minor unit", line.decimals)
    });
    let exact = without_hair(&line.unrounded.0);
    let rounded = round(&exact, u32::from(line.decimals), line.rounding);
    let amount = minor_to_major(line.amount_minor, u32::from(minor_digits));
    findings.unless(rounded == amount, index, "amount_minor", || format!("{amount} is not {rounded}"));
    let (moves, what) = match line.kind {
        Kind::Minimum => (line.unrounded.0 > whole(0), "tops nothing up"),
        Kind::Maximum => (line.unrounded.0 < whole(0), "takes nothing off"),
        _ => (true, ""),
    };
    findings.unless(moves, index, "unrounded", || what.to_owned());
}

/// Which parts a line of its kind has.
fn shape(findings: &mut Findings, index: usize, line: &Line) {
    let kind = line.kind;
    let tiered = matches!(kind, Kind::Tier | Kind::Volume);
    let discounts = matches!(kind, Kind::Discount | Kind::DiscountPercent);
    let stands_on = discounts
        || matches!(
            kind,
            Kind::Percentage | Kind::Tax | Kind::Minimum | Kind::Maximum | Kind::Summary | Kind::Credit
        );
    let mut has = |is: bool, must: bool, may: bool, field: &'static str| {
        findings.unless((is || !must) && (!is || may), index, field, || {
            format!("a {kind:?} line is {} it", if must { "nothing without" } else { "never with" })
        });
    };
    has(line.quantity.is_some(), kind.is_priced(), kind.is_priced(), "quantity");
    has(line.tier.is_some(), tiered, tiered || kind == Kind::Flat, "tier");
    has(line.packages.is_some(), kind == Kind::Package, kind == Kind::Package, "packages");
    has(line.base.is_some(), stands_on, stands_on, "base");
    has(line.cap.is_some(), false, discounts, "cap");
    has(line.formula.is_some(), kind == Kind::Formula, kind == Kind::Formula, "formula");
    let banks = matches!(kind, Kind::Bank | Kind::Credit);
    has(line.bank.is_some(), banks, banks, "bank");
    has(line.exemption.is_some(), false, kind == Kind::Tax, "exemption");
}

fn quantity(line: &Line) -> BigRational {
    line.quantity.as_ref().map_or_else(|| whole(0), |quantity| quantity.value.0.clone())
}

/// What a discount takes off: at most the cap, never more than the lines come to, never below zero.
fn granted(line: &Line, wanted: BigRational, base: BigRational) -> BigRational {
    let cap = line.cap.as_ref().map(|cap| &cap.price.0 * cap.proration.value());
    let most = match cap {
        Some(cap) => cap.min(base),
        None => base,
    };
    wanted.min(most).max(whole(0))
}

fn worked_out_by_formula(findings: &mut Findings, index: usize, line: &Line) -> BigRational {
    let Some(of) = &line.formula else { return whole(0) };
    let outcome = derived::named_once(&of.with).and_then(|()| formula::evaluate(&of.text, &of.with));
    match outcome {
        Ok(outcome) => {
            findings.unless(outcome.is(&line.price.0), index, "price", || {
                format!("{} is not {}", line.price.0, outcome.value)
            });
            line.price.0.clone()
        }
        Err(reason) => {
            findings.unless(false, index, "formula", || reason);
            whole(0)
        }
    }
}

/// Started packages, as they follow from the quantity and the free units.
fn packages(findings: &mut Findings, index: usize, line: &Line) -> BigRational {
    let (Some(Packages { size, free, started }), Some(Quantity { in_period, .. })) =
        (&line.packages, &line.quantity)
    else {
        return whole(0);
    };
    let positive = size.0 > whole(0);
    findings.unless(positive, index, "packages", || "a package holds nothing".to_owned());
    if !positive {
        return whole(0);
    }
    let charged = (&in_period.0 - &free.0).max(whole(0));
    let follows = (charged / &size.0).ceil();
    findings.unless(follows == started.0, index, "packages", || {
        format!("{} started packages are not {follows}", started.0)
    });
    follows
}

/// A tax is charged whole or, with a certificate, not at all.
fn exemption(findings: &mut Findings, index: usize, line: &Line) {
    let expected = if line.exemption.is_some() { Fraction { above: 0, below: 1 } } else { Fraction::WHOLE };
    findings.unless(line.proration == expected, index, "proration", || {
        format!("a percentage is not prorated: {}/{}", line.proration.above, line.proration.below)
    });
}

/// What follows other lines or the whole period is not prorated again.
fn whole_unless_prorated(findings: &mut Findings, index: usize, line: &Line) {
    let follows = matches!(
        line.kind,
        Kind::DiscountPercent | Kind::Formula | Kind::Summary | Kind::Bank | Kind::Credit | Kind::Payout
    );
    findings.unless(!follows || line.proration == Fraction::WHOLE, index, "proration", || {
        format!("a {:?} line is not prorated", line.kind)
    });
}

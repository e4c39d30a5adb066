//! One line's own arithmetic.

use crate::rational::{Fraction, minor_to_major, round, size, whole};
use crate::record::{Base, Kind, Line, Packages, Quantity};
use crate::{Findings, agree};
use num_rational::BigRational;

/// Computes the line at `index` again.
pub(crate) fn check(findings: &mut Findings, lines: &[Line], index: usize, line: &Line, minor_digits: u8) {
    shape(findings, index, line);
    findings.unless(line.period.count() >= 1, index, "period", || "ends before it begins".to_owned());
    let factor = line.proration.value();
    let price = &line.price.0;
    let exact = match line.kind {
        Kind::Flat => price * &factor,
        Kind::Unit | Kind::Tier | Kind::Volume | Kind::Item => quantity(line) * price * &factor,
        Kind::Package => packages(findings, index, line) * price * &factor,
        Kind::Percentage | Kind::Tax => {
            exemption(findings, index, line);
            base(findings, lines, index, line, minor_digits) * price / whole(100) * &factor
        }
        Kind::Minimum => price * &factor - base(findings, lines, index, line, minor_digits),
    };
    let stated = &line.unrounded.0;
    // A minimum subtracts: its operands, not its result, bound the digits that were kept.
    findings.unless(agree(&exact, stated, price), index, "unrounded", || format!("{stated} is not {exact}"));
    amount(findings, index, line, minor_digits);
}

/// A rule charges a day once: its lines on the same days are different tiers or stand on
/// different lines, and its lines on other days share none with them.
pub(crate) fn charged_once(findings: &mut Findings, lines: &[Line], index: usize, line: &Line) {
    let step = |line: &Line| line.tier.as_ref().map(|tier| tier.number);
    let bases = |line: &Line| {
        line.base.as_ref().map(|base| base.lines.iter().map(|base| base.line).collect::<Vec<_>>())
    };
    let again = lines.iter().take(index).any(|other| {
        let overlap = other.rule == line.rule && other.period.shared(&line.period) > 0;
        let apart = step(other) != step(line) || bases(other) != bases(line);
        overlap && !(other.period == line.period && apart)
    });
    findings.unless(!again, index, "period", || format!("`{}` charges these days twice", line.rule));
}

fn amount(findings: &mut Findings, index: usize, line: &Line, minor_digits: u8) {
    findings.unless(line.decimals <= minor_digits, index, "decimals", || {
        format!("{} decimals are finer than the minor unit", line.decimals)
    });
    let rounded = round(&line.unrounded.0, u32::from(line.decimals), line.rounding);
    let amount = minor_to_major(line.amount_minor, u32::from(minor_digits));
    findings.unless(rounded == amount, index, "amount_minor", || format!("{amount} is not {rounded}"));
    if line.kind == Kind::Minimum {
        findings.unless(line.unrounded.0 > whole(0), index, "unrounded", || "tops nothing up".to_owned());
    }
}

/// Which parts a line of its kind has.
fn shape(findings: &mut Findings, index: usize, line: &Line) {
    let measured = matches!(line.kind, Kind::Unit | Kind::Tier | Kind::Volume | Kind::Item | Kind::Package);
    let derived = matches!(line.kind, Kind::Percentage | Kind::Tax | Kind::Minimum);
    let mut has = |is: bool, should: bool, field: &'static str| {
        findings.unless(is == should, index, field, || {
            format!("a {:?} line is {} it", line.kind, if should { "nothing without" } else { "never with" })
        });
    };
    has(line.quantity.is_some(), measured, "quantity");
    has(line.tier.is_some(), matches!(line.kind, Kind::Tier | Kind::Volume), "tier");
    has(line.packages.is_some(), line.kind == Kind::Package, "packages");
    has(line.base.is_some(), derived, "base");
}

fn quantity(line: &Line) -> BigRational {
    line.quantity.as_ref().map_or_else(|| whole(0), |quantity| quantity.value.0.clone())
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

/// A tax is charged whole or, with a certificate, not at all; a percentage always whole.
fn exemption(findings: &mut Findings, index: usize, line: &Line) {
    let expected = if line.exemption.is_some() { Fraction { above: 0, below: 1 } } else { Fraction::WHOLE };
    findings.unless(line.proration == expected, index, "proration", || {
        format!("a percentage is not prorated: {}/{}", line.proration.above, line.proration.below)
    });
    findings.unless(line.exemption.is_none() || line.kind == Kind::Tax, index, "exemption", || {
        "only a tax is exempted from".to_owned()
    });
}

/// Σ amount × share of the lines that the base names.
fn base(findings: &mut Findings, lines: &[Line], index: usize, line: &Line, minor_digits: u8) -> BigRational {
    let Some(Base { amount, lines: named }) = &line.base else { return whole(0) };
    let mut sum = whole(0);
    let mut scale = whole(0);
    let mut before = None;
    for base in named {
        let at = base.line as usize;
        let in_order = before.is_none_or(|before| before < base.line);
        before = Some(base.line);
        findings.unless(in_order, index, "base", || format!("line {at} is out of order or named twice"));
        let Some(other) = lines.get(at).filter(|_| at < index) else {
            findings.unless(false, index, "base", || format!("line {at} is not an earlier line"));
            continue;
        };
        findings.unless(other.rule == base.rule, index, "base", || {
            format!("line {at} is of `{}`, not of `{}`", other.rule, base.rule)
        });
        let shared = other.period.shared(&line.period);
        let days = other.period.count();
        let follows = if shared == days {
            base.share.is_whole()
        } else {
            base.share == Fraction { above: shared, below: days }
        };
        findings
            .unless(follows, index, "base", || format!("the share of line {at} is {shared} of {days} days"));
        let part = minor_to_major(other.amount_minor, u32::from(minor_digits)) * base.share.value();
        scale += size(&part);
        sum += part;
    }
    findings.unless(agree(&sum, &amount.0, &scale), index, "base", || format!("{} is not {sum}", amount.0));
    sum
}

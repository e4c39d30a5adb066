//! What a line stands on: the earlier lines that its base names.

use crate::rational::{Fraction, minor_to_major, size, whole};
use crate::record::{Base, Kind, Line};
use crate::{Findings, agree};
use num_rational::BigRational;

/// Σ amount × share of the lines that the base names, and what earlier periods charged.
pub(crate) fn sum(
    findings: &mut Findings,
    lines: &[Line],
    index: usize,
    line: &Line,
    minor_digits: u8,
) -> BigRational {
    let Some(Base { amount, lines: named, earlier }) = &line.base else { return whole(0) };
    findings.unless(earlier.is_none() || line.kind == Kind::Minimum, index, "base", || {
        "only a minimum looks at earlier periods".to_owned()
    });
    let mut sum = earlier.as_ref().map_or_else(|| whole(0), |earlier| earlier.0.clone());
    let mut scale = size(&sum);
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

//! No rule charges a day twice.

use crate::Findings;
use crate::record::{Kind, Line};
use std::collections::{BTreeMap, HashSet};

/// What tells the lines of one rule on the same days apart: whether it is the amount that a tier
/// has besides, or what a settled bank pays out besides the credit, the tier, the bucket that shares it or is banked, and the one line that is taxed.
type Mark<'l> = (bool, Option<u32>, Option<&'l str>, Option<Vec<u32>>);

/// Lines of a rule on the same days are of one kind and differ in their marks; on other days they
/// share none.
pub(crate) fn check(findings: &mut Findings, lines: &[Line]) {
    let mut by_rule: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, line) in lines.iter().enumerate() {
        by_rule.entry(&line.rule).or_default().push(index);
    }
    for (rule, own) in by_rule {
        let mut marks = HashSet::new();
        let mut periods: Vec<usize> = Vec::new();
        for index in own {
            let Some(line) = lines.get(index) else { continue };
            let twice = !marks.insert((line.period, mark(lines, index, line)));
            let other = periods
                .iter()
                .filter_map(|at| lines.get(*at))
                .find(|other| other.period != line.period && other.period.shared(&line.period) > 0);
            let kinds = periods.iter().filter_map(|at| lines.get(*at)).any(|other| {
                other.period == line.period
                    && other.kind != line.kind
                    && !is_besides(line)
                    && line.kind != Kind::Payout
            });
            let once = !twice && other.is_none() && !kinds;
            findings.unless(once, index, "period", || format!("`{rule}` charges these days twice"));
            if periods.iter().all(|at| lines.get(*at).is_none_or(|other| other.period != line.period)) {
                periods.push(index);
            }
        }
    }
}

/// Whether it is the amount that a tier has besides its price.
fn is_besides(line: &Line) -> bool {
    line.kind == Kind::Flat && line.tier.is_some()
}

fn mark<'l>(lines: &'l [Line], index: usize, line: &'l Line) -> Mark<'l> {
    let besides = is_besides(line);
    // The amount of a tier stands behind the line that fills it.
    let before = index.checked_sub(1).and_then(|before| lines.get(before));
    let priced = if besides { before.unwrap_or(line) } else { line };
    let tier = priced.tier.as_ref().filter(|_| priced.kind == Kind::Tier);
    let shared = tier.is_some_and(|tier| tier.shared.is_some());
    let bucket = priced.quantity.as_ref().filter(|_| shared).and_then(|of| of.bucket.as_deref());
    let bank = line.bank.as_ref().and_then(|bank| bank.bucket.as_deref());
    let taxed = line.base.as_ref().filter(|_| line.kind == Kind::Tax);
    let taxed = taxed.map(|base| base.lines.iter().map(|base| base.line).collect());
    let besides = besides || line.kind == Kind::Payout;
    (besides, tier.map(|tier| tier.number), bucket.or(bank), taxed)
}

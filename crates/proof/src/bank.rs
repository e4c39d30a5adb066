//! Banks: what a period put in, used up, paid out and carries on.

use crate::near::Near;
use crate::rational::{Mode, minor_to_major, round, size, whole};
use crate::record::{Bank, Kind, Line};
use crate::working::{Derived, Working};
use crate::{Findings, agree};
use num_rational::BigRational;

/// What the line takes off, in major units: units paid out at the price, or credits.
pub(crate) fn taken_off(
    findings: &mut Findings,
    derived: &[Derived],
    index: usize,
    line: &Line,
    base: &BigRational,
) -> BigRational {
    let Some(bank) = &line.bank else { return whole(0) };
    let held = &bank.opening.0 + &bank.earned.0;
    let spent = &bank.applied.0 + &bank.paid_out.0 + &bank.closing.0;
    findings.unless(agree(&held, &spent, &held), index, "bank", || {
        format!("`{}` held {held} and accounts for {spent}", bank.bank)
    });
    let one_end = bank.paid_out.0 == whole(0) || bank.closing.0 == whole(0);
    let none_owed = bank.paid_out.0 >= whole(0) && bank.closing.0 >= whole(0);
    findings.unless(one_end && none_owed, index, "bank", || {
        "what is left is paid out or carried on, whole and never below zero".to_owned()
    });
    if line.kind == Kind::Bank {
        netted(findings, derived, index, line, bank);
        return &bank.paid_out.0 * &line.price.0;
    }
    earned(findings, index, line, bank);
    findings
        .unless(line.price.0 == whole(0), index, "price", || "credits have prices of their own".to_owned());
    // A debt is charged at once.
    let delayed = bank.delayed && bank.earned.0 >= whole(0);
    let usable = if delayed { bank.opening.0.clone() } else { held.clone() };
    let due = base.clone().max(whole(0)).min(usable);
    // What the line cannot show stays in the bank; a debt is charged whole.
    let applied = round(&due, u32::from(line.decimals), Mode::Down).min(due);
    findings.unless(bank.applied.0 == applied, index, "bank", || {
        format!("{} of the credits are applied, not {applied}", bank.applied.0)
    });
    bank.applied.0.clone()
}

/// What a bank of money pays out stands behind the line that says so, and nowhere else.
pub(crate) fn paid_out(findings: &mut Findings, lines: &[Line], index: usize, line: &Line) {
    let owed = |line: &Line| match (&line.bank, line.kind) {
        (Some(bank), Kind::Credit) => bank.paid_out.0.clone(),
        _ => whole(0),
    };
    if line.kind == Kind::Payout {
        let before = index.checked_sub(1).and_then(|before| lines.get(before));
        let follows = before.is_some_and(|credit| credit.rule == line.rule && owed(credit) == line.price.0);
        findings.unless(follows, index, "price", || "no bank pays this out".to_owned());
    }
    if owed(line) != whole(0) {
        let paid =
            lines.get(index + 1).is_some_and(|next| next.kind == Kind::Payout && next.rule == line.rule);
        findings.unless(paid, index, "bank", || "what is paid out has no line".to_owned());
    }
}

/// A bank of units follows the net quantity that was worked out: what was received goes in, and
/// what was delivered comes out of it.
fn netted(findings: &mut Findings, derived: &[Derived], index: usize, line: &Line, bank: &Bank) {
    let held = &bank.opening.0 + &bank.earned.0;
    let follows = |of: &Derived| {
        let Working::Net { delivered, received, opening } = &of.working else { return false };
        of.version == line.version
            && of.bucket == bank.bucket
            && *opening == bank.opening
            && *received == bank.earned
            && agree(&bank.applied.0, &held.clone().min(delivered.0.clone()), &held)
    };
    findings.unless(derived.iter().any(follows), index, "bank", || {
        format!("no net quantity moved `{}` so", bank.bank)
    });
    findings.unless(bank.credits.is_empty(), index, "bank", || "units earn no credits".to_owned());
}

/// Credits are Σ quantity × price, rounded as the line is.
fn earned(findings: &mut Findings, index: usize, line: &Line, bank: &Bank) {
    let each = || bank.credits.iter().map(|of| &of.quantity.0 * &of.price.0);
    let scale = each().map(|of| size(&of)).sum::<BigRational>() * minor_to_major(1, 27);
    let sum = Near::kept(each().sum(), &scale);
    let follows = sum.rounds_to(&bank.earned.0, u32::from(line.decimals), line.rounding);
    let some = !bank.credits.is_empty() && bank.bucket.is_none();
    findings.unless(some && follows, index, "bank", || {
        format!("the credits are {}, not {}", sum.value, bank.earned.0)
    });
}

//! Fixed and minimum charges.

use super::fields::Fields;
use super::{Draft, PerDay, Terms};
use crate::tariff::{Bases, Charge, Price, Proration, Settlement};
use vocab::Decimal;
use vocab::decimal::{self, Rounding, STORED_SCALE};

/// What an amount is per.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Per {
    Month,
    Day,
    Year,
}

fn unit(fields: &Fields, draft: &mut Draft, name: &str) -> Option<Per> {
    let before = draft.refusals.len();
    match fields.unit(draft, name) {
        None if draft.refusals.len() > before => None,
        None | Some("$/month") => Some(Per::Month),
        Some("$/day") => Some(Per::Day),
        Some("$/year") => Some(Per::Year),
        Some(other) => {
            draft.refuse(name, format!("`{other}` is none of $/month, $/day, $/year"));
            None
        }
    }
}

/// The fixed charge of the first meter; older forms have one per month, and some have both. A charge
/// of zero decides nothing: it is how a form is left blank.
pub(super) fn charges(fields: &Fields, terms: &Terms, draft: &mut Draft) {
    let mut given = |name: &str| fields.number(draft, name).filter(|amount| !amount.is_zero());
    let (first, monthly) = (given("fixedchargefirstmeter"), given("fixedmonthlycharge"));
    let (field, amount, per) = match (first, monthly) {
        (None, None) => return,
        (None, Some(amount)) => ("fixedmonthlycharge", amount, Per::Month),
        (Some(amount), monthly) => {
            let Some(per) = unit(fields, draft, "fixedchargeunits") else { return };
            if monthly.is_some_and(|monthly| monthly != amount || per != Per::Month) {
                draft.refuse("fixedmonthlycharge", "another charge than fixedchargefirstmeter");
                return;
            }
            ("fixedchargefirstmeter", amount, per)
        }
    };
    let Some((amount, proration)) = per_period(draft, field, amount, per, terms) else { return };
    draft.prorated("fixed", "Fixed charge", Charge::Flat { amount: Price::Fixed(amount) }, None, proration);
}

fn per_period(
    draft: &mut Draft,
    field: &str,
    amount: Decimal,
    per: Per,
    terms: &Terms,
) -> Option<(Decimal, Proration)> {
    match (per, terms.per_day) {
        (Per::Month, _) => Some((amount, Proration::default())),
        (Per::Day, PerDay::Days) => Some((amount, Proration::PerDay)),
        (Per::Day | Per::Year, PerDay::TwelfthOfYear) => {
            let days = decimal::whole(if per == Per::Day { 365 } else { 1 });
            let monthly = decimal::mul_div(amount, days, decimal::whole(12)).ok();
            if monthly.is_none() {
                draft.refuse(field, "too large");
            }
            Some((decimal::round(monthly?, STORED_SCALE, Rounding::HalfEven), Proration::default()))
        }
        (Per::Year, PerDay::Days) => {
            Some((amount, Proration::Year { amounts: crate::tariff::YearAmounts::PerYear }))
        }
    }
}

/// Minimum charges of a month, a day or a year, of everything before them.
pub(super) fn minimums(fields: &Fields, terms: &Terms, draft: &mut Draft) {
    if draft.tariff.rules.is_empty() {
        return;
    }
    let mut all: Vec<(&str, Decimal, Per)> = Vec::new();
    if let Some(amount) = fields.number(draft, "mincharge")
        && let Some(per) = unit(fields, draft, "minchargeunits")
    {
        all.push(("mincharge", amount, per));
    }
    for (name, per) in [("minmonthlycharge", Per::Month), ("annualmincharge", Per::Year)] {
        if let Some(amount) = fields.number(draft, name) {
            all.push((name, amount, per));
        }
    }
    for (at, (name, amount, per)) in all.into_iter().filter(|(_, amount, _)| !amount.is_zero()).enumerate() {
        let id = if at == 0 { "minimum".to_owned() } else { format!("minimum-{}", at + 1) };
        if per == Per::Year {
            let settled = Settlement::Year { month: 12 };
            let charge = Charge::Minimum { amount: Price::Fixed(amount), of: Bases::All, settled };
            draft.rule(&id, "Minimum of the year", charge, None);
            continue;
        }
        let Some((amount, proration)) = per_period(draft, name, amount, per, terms) else { continue };
        let charge =
            Charge::Minimum { amount: Price::Fixed(amount), of: Bases::All, settled: Settlement::Period };
        draft.prorated(&id, "Minimum charge", charge, None, proration);
    }
}

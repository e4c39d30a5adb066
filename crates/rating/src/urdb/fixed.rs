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
    match fields.text(name).map(str::trim) {
        None | Some("$/month") => Some(Per::Month),
        Some("$/day") => Some(Per::Day),
        Some("$/year") => Some(Per::Year),
        Some(other) => {
            draft.refuse(name, format!("`{other}` is none of $/month, $/day, $/year"));
            None
        }
    }
}

/// The fixed charge of the first meter; older forms have one per month.
pub(super) fn charges(fields: &Fields, terms: &Terms, draft: &mut Draft) {
    let first = fields.number(draft, "fixedchargefirstmeter");
    let (amount, per) = match first {
        Some(amount) => (Some(amount), unit(fields, draft, "fixedchargeunits")),
        None => (fields.number(draft, "fixedmonthlycharge"), Some(Per::Month)),
    };
    let (Some(amount), Some(per)) = (amount, per) else { return };
    if amount.is_zero() {
        return;
    }
    let Some((amount, proration)) = per_period(draft, "fixedchargefirstmeter", amount, per, terms) else {
        return;
    };
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
        (Per::Day, PerDay::TwelfthOfYear) => {
            let monthly = decimal::mul_div(amount, Decimal::from(365), Decimal::from(12)).ok();
            if monthly.is_none() {
                draft.refuse(field, "too large");
            }
            Some((decimal::round(monthly?, STORED_SCALE, Rounding::HalfEven), Proration::default()))
        }
        (Per::Year, _) => Some((amount, Proration::Year { amounts: crate::tariff::YearAmounts::PerYear })),
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

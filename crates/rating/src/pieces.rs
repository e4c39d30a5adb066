//! Which rule holds on which days: the period cut at version changes, at factor changes, at seasons
//! and at the ends of tax exemptions. A rule that is the same in two versions is not cut.

use crate::error::RatingError;
use crate::input::{InForce, RatingInput};
use crate::tariff::{Charge, FactorChange, Proration, QuantityKey, Rule, Settlement, Thresholds, Tier, Top};
use crate::version::RateVersion;
use crate::word::Word;
use std::borrow::Cow;
use time::Date;
use vocab::Period;

/// Days of the period under one form of a rule; `rule` is `None` where the version in force
/// does not have it.
#[derive(Debug, Clone)]
pub(crate) struct Piece<'a> {
    pub(crate) period: Period,
    pub(crate) in_force: InForce<'a>,
    pub(crate) rule: Option<&'a Rule>,
    /// Places, in the order of charging, of the rules that this one is about.
    pub(crate) bases: Cow<'a, [usize]>,
}

/// Days under one version.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stretch<'a> {
    pub(crate) period: Period,
    pub(crate) in_force: InForce<'a>,
}

/// The versions in force, in order of date, covering the whole period.
pub(crate) fn stretches<'a>(input: &RatingInput<'a>) -> Result<Vec<Stretch<'a>>, RatingError> {
    let mut versions: Vec<InForce<'a>> = input.versions.to_vec();
    versions.sort_by_key(|in_force| in_force.version.effective_on());
    let mut stretches: Vec<Stretch<'a>> = Vec::with_capacity(1);
    let mut last_on = input.period.last_on();
    for in_force in versions.into_iter().rev() {
        let effective_on = in_force.version.effective_on();
        let first_on = effective_on.max(input.period.first_on());
        let Some(period) = Period::new(first_on, last_on) else { continue };
        stretches.push(Stretch { period, in_force });
        if effective_on <= input.period.first_on() {
            stretches.reverse();
            return Ok(stretches);
        }
        last_on = effective_on.previous_day().unwrap_or(first_on);
    }
    Err(RatingError::NoRateVersion { rate: input.schedule, on: input.period.first_on() })
}

/// Per rule, in the order of charging, its pieces over the whole period.
pub(crate) fn merged<'a>(stretches: &[Stretch<'a>]) -> Vec<Vec<Piece<'a>>> {
    let order = order(stretches);
    if !respects_bases(stretches, &order) {
        return one_after_the_other(stretches);
    }
    order.iter().map(|id| pieces_of(id, stretches, &order)).collect()
}

/// The ids of all versions' rules in one order: the last version's, with each rule that only an
/// earlier version has put behind its predecessor there.
fn order<'a>(stretches: &[Stretch<'a>]) -> Vec<&'a Word> {
    let mut order: Vec<&'a Word> = Vec::new();
    for stretch in stretches.iter().rev() {
        let mut place = 0;
        for rule in stretch.in_force.version.rules() {
            match order.iter().position(|id| **id == rule.id) {
                Some(at) => place = at + 1,
                None => {
                    order.insert(place, &rule.id);
                    place += 1;
                }
            }
        }
    }
    order
}

fn place(order: &[&Word], id: &Word) -> Option<usize> {
    order.iter().position(|other| *other == id)
}

/// Whether every rule comes after the rules that it is about, in every version.
fn respects_bases(stretches: &[Stretch<'_>], order: &[&Word]) -> bool {
    stretches.iter().all(|stretch| {
        let version = stretch.in_force.version;
        version.rules().iter().enumerate().all(|(index, rule)| {
            let own = place(order, &rule.id);
            version.bases(index).iter().all(|base| place(order, &version.rules()[*base].id) < own)
        })
    })
}

fn pieces_of<'a>(id: &Word, stretches: &[Stretch<'a>], order: &[&Word]) -> Vec<Piece<'a>> {
    let mut pieces: Vec<Piece<'a>> = Vec::with_capacity(stretches.len());
    for stretch in stretches {
        let version = stretch.in_force.version;
        let index = version.position(id);
        let rule = index.map(|index| &version.rules()[index]);
        let mut bases: Vec<usize> = index
            .map_or(&[][..], |index| version.bases(index))
            .iter()
            .filter_map(|base| place(order, &version.rules()[*base].id))
            .collect();
        match pieces.last_mut() {
            Some(before)
                if same(before.rule, rule)
                    && rule.is_none_or(|rule| same_around(rule, before.in_force.version, version)) =>
            {
                before.period =
                    Period::new(before.period.first_on(), stretch.period.last_on()).unwrap_or(before.period);
                bases.extend(before.bases.iter());
                bases.sort_unstable();
                bases.dedup();
                before.bases = Cow::Owned(bases);
            }
            _ => {
                let in_force = stretch.in_force;
                pieces.push(Piece { period: stretch.period, in_force, rule, bases: Cow::Owned(bases) });
            }
        }
    }
    pieces
}

/// Same in everything that makes an amount or books it; the name on the bill may differ.
fn same(a: Option<&Rule>, b: Option<&Rule>) -> bool {
    match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) => {
            a.charge == b.charge
                && a.season == b.season
                && a.season_change == b.season_change
                && a.when == b.when
                && a.proration == b.proration
                && a.rounding == b.rounding
                && a.decimals == b.decimals
                && a.gl_account == b.gl_account
                && a.service == b.service
        }
        _ => false,
    }
}

/// Whether what the rule refers to outside of itself is the same in both versions.
fn same_around(rule: &Rule, a: &RateVersion, b: &RateVersion) -> bool {
    let (a, b) = (a.tariff(), b.tariff());
    let all = a.calendar == b.calendar && a.demand == b.demand && a.quantities == b.quantities;
    all || stands_alone(rule)
}

/// Whether a rule needs neither the calendar nor defined quantities.
fn stands_alone(rule: &Rule) -> bool {
    let plain = |key: &QuantityKey| key.bucket.is_none() && key.name.is_none() && key.kind.is_usage();
    let fixed = |tiers: &[Tier]| tiers.iter().all(|tier| !matches!(tier.up_to, Some(Top::Quantity(_))));
    let charge = match &rule.charge {
        Charge::Unit { quantity, .. } | Charge::Package { quantity, .. } => plain(quantity),
        Charge::Tiered { quantity, thresholds, tiers } => {
            plain(quantity) && fixed(tiers) && !matches!(thresholds, Thresholds::Quantity { .. })
        }
        Charge::Volume { quantity, thresholds, tiers, selected_by } => {
            plain(quantity)
                && fixed(tiers)
                && selected_by.is_none()
                && !matches!(thresholds, Thresholds::Quantity { .. })
        }
        Charge::TimeOfUseTiered { .. }
        | Charge::Formula { .. }
        | Charge::Bank { .. }
        | Charge::Credit { .. } => false,
        _ => true,
    };
    charge && rule.season.is_none()
}

/// When versions order dependent rules contrarily, each version is charged for itself.
fn one_after_the_other<'a>(stretches: &[Stretch<'a>]) -> Vec<Vec<Piece<'a>>> {
    let mut all = Vec::new();
    for (own, stretch) in stretches.iter().enumerate() {
        let version = stretch.in_force.version;
        let offset = all.len();
        for (index, rule) in version.rules().iter().enumerate() {
            let bases: Vec<usize> = version.bases(index).iter().map(|base| base + offset).collect();
            let pieces = stretches.iter().enumerate().map(|(at, part)| Piece {
                period: part.period,
                in_force: part.in_force,
                rule: (at == own).then_some(rule),
                bases: if at == own { Cow::Owned(bases.clone()) } else { Cow::Borrowed(&[]) },
            });
            all.push(pieces.collect());
        }
    }
    all
}

/// The pieces cut further, where prices change, seasons turn or exemptions begin and end; those of
/// another season, or of other customers, have no rule. A rule that is charged once is charged as
/// the version at the end of the period has it.
pub(crate) fn cut<'a, 'p>(
    pieces: &'p [Piece<'a>],
    input: &RatingInput<'a>,
) -> Result<Cow<'p, [Piece<'a>]>, RatingError> {
    let mut pieces = Cow::Borrowed(pieces);
    let others = |piece: &Piece<'_>| piece.rule.is_some_and(|rule| !is_for(rule, input));
    // Before any price is looked up: what others pay need not be known of this customer.
    if pieces.iter().any(others) {
        pieces.to_mut().iter_mut().filter(|piece| others(piece)).for_each(|piece| piece.rule = None);
    }
    take_over(&mut pieces, input);
    let mut cuts: Vec<Date> = Vec::new();
    let mut limited = false;
    for piece in pieces.iter() {
        let Some(rule) = piece.rule else { continue };
        limited |= rule.season.is_some();
        season_changes(rule, piece, input.period, &mut cuts);
        let mut known = Ok(());
        rule.charge.visit_prices(&mut |price| {
            if known.is_ok() {
                known = input.price_changes(price, &mut cuts);
            }
        });
        known?;
        if let Charge::Tax { tax, .. } = &rule.charge {
            for exemption in input.exemptions.iter().filter(|exemption| exemption.tax == *tax) {
                cuts.push(exemption.first_on);
                cuts.extend(exemption.last_on.and_then(Date::next_day));
            }
        }
    }
    if cuts.is_empty() && !limited && !pieces.iter().any(is_once) {
        return Ok(pieces);
    }
    cuts.sort_unstable();
    let mut parts = Vec::with_capacity(pieces.len() + cuts.len());
    for piece in pieces.iter() {
        parts.extend(split(piece, &cuts));
    }
    for part in &mut parts {
        part.rule = part.rule.filter(|rule| is_in_season(rule, part, input));
    }
    charge_once(&mut parts, input.period);
    Ok(Cow::Owned(parts))
}

/// Days on which the rule's season begins or ends inside the piece.
fn season_changes(rule: &Rule, piece: &Piece<'_>, whole: Period, cuts: &mut Vec<Date>) {
    let Some(id) = &rule.season else { return };
    if rule.season_change != FactorChange::ByDays {
        return;
    }
    let Some(season) = piece.in_force.version.clock().season(id) else { return };
    let mut day = piece.period.first_on().max(whole.first_on());
    let mut inside = season.contains(day);
    while let Some(next) = day.next_day().filter(|next| *next <= piece.period.last_on()) {
        if season.contains(next) != inside {
            inside = !inside;
            cuts.push(next);
        }
        day = next;
    }
}

/// Whether the rule is for this customer.
fn is_for(rule: &Rule, input: &RatingInput<'_>) -> bool {
    rule.when.as_ref().is_none_or(|when| {
        let value = input.characteristic(&when.characteristic);
        value.is_some_and(|value| when.is.iter().any(|one| one == value))
    })
}

/// Whether the rule is for these days.
fn is_in_season(rule: &Rule, piece: &Piece<'_>, input: &RatingInput<'_>) -> bool {
    let day = match rule.season_change {
        FactorChange::ByDays => piece.period.first_on(),
        FactorChange::AtStart => input.period.first_on(),
        FactorChange::AtEnd => input.period.last_on(),
    };
    rule.season
        .as_ref()
        .is_none_or(|id| piece.in_force.version.clock().season(id).is_some_and(|season| season.contains(day)))
}

/// Where a rule that was charged once is followed by one that is charged by its days, that one has
/// the days of both: no day is left uncharged.
fn take_over<'a>(pieces: &mut Cow<'_, [Piece<'a>]>, input: &RatingInput<'a>) {
    if pieces.last().is_none_or(is_once) {
        return;
    }
    for at in (1..pieces.len()).rev() {
        let (before, after) = (&pieces[at - 1], &pieces[at]);
        if after.rule.is_none() || is_once(after) || !is_once(before) || !has_days(before, input) {
            continue;
        }
        let both = Period::new(before.period.first_on(), after.period.last_on());
        let pieces = pieces.to_mut();
        pieces[at].period = both.unwrap_or(pieces[at].period);
        pieces.remove(at - 1);
    }
}

fn split<'a>(piece: &Piece<'a>, cuts: &[Date]) -> Vec<Piece<'a>> {
    let mut parts = Vec::new();
    let mut rest = piece.clone();
    for day in cuts {
        let before = day.previous_day().and_then(|eve| Period::new(rest.period.first_on(), eve));
        let after = Period::new(*day, rest.period.last_on());
        if let (Some(before), Some(after)) = (before, after) {
            parts.push(Piece { period: before, ..rest.clone() });
            rest.period = after;
        }
    }
    parts.push(rest);
    parts
}

/// Whether a rule has one amount for the whole period, as at its end, whatever changes inside: what
/// is never prorated, and what looks at the whole period. A percentage follows its lines and a plain
/// price the use of its days, whatever the basis.
pub(crate) fn is_charged_once(rule: &Rule) -> bool {
    let follows = match &rule.charge {
        Charge::Percentage { .. } | Charge::Tax { .. } | Charge::Summary { .. } => true,
        Charge::Unit { quantity, .. } => quantity.kind.accumulates(),
        _ => false,
    };
    let whole = match &rule.charge {
        Charge::Formula { .. } | Charge::Bank { .. } | Charge::Credit { .. } => true,
        Charge::Minimum { settled, .. } => *settled != Settlement::Period,
        _ => false,
    };
    whole || (rule.proration == Proration::Never && !follows)
}

/// Whether any day of the piece is of its rule's season.
fn has_days(piece: &Piece<'_>, input: &RatingInput<'_>) -> bool {
    let Some(rule) = piece.rule else { return false };
    let mut turns = Vec::new();
    season_changes(rule, piece, input.period, &mut turns);
    !turns.is_empty() || is_in_season(rule, piece, input)
}

fn is_once(piece: &Piece<'_>) -> bool {
    piece.rule.is_some_and(is_charged_once)
}

fn charge_once(parts: &mut Vec<Piece<'_>>, whole: Period) {
    match parts.pop() {
        Some(last) if is_once(&last) => {
            parts.clear();
            parts.push(Piece { period: whole, ..last });
        }
        Some(last) => {
            parts.push(last);
            for part in parts.iter_mut().filter(|part| is_once(part)) {
                part.rule = None;
            }
        }
        None => {}
    }
}

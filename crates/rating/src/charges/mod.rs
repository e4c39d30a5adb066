//! The arithmetic of each kind of charge for one piece of the period.
//!
//! [`used`] prices quantities, [`time_of_use`] tiers over buckets, [`on_lines`] what stands on
//! earlier lines, [`banks`] what is carried from period to period.
//!
//! Invariants: multiplied before divided, each line rounded once, the unrounded amount kept.

mod banks;
mod on_lines;
mod time_of_use;
mod used;

use crate::error::RatingError;
use crate::formula::without_hair;
use crate::input::{InForce, RatingInput};
use crate::line::{BaseLine, Line, LineKind, LineTier};
use crate::measures::Measures;
use crate::pieces::{Piece, is_charged_once};
use crate::proration::{Ratio, Span};
use crate::tariff::{Charge, QuantityKind, Rule, Thresholds, Tier, Top};
use crate::working::DerivedQuantity;
use vocab::decimal::{self, Overflow};
use vocab::{Decimal, Money};

/// The lines so far.
pub(crate) struct Draft<'a> {
    input: &'a RatingInput<'a>,
    span: Span,
    measures: Measures<'a>,
    lines: Vec<Line>,
    /// Per line, the place of its rule in the order of charging.
    places: Vec<usize>,
}

/// A piece that has a rule, being charged.
struct Part<'p, 'a> {
    place: usize,
    rule: &'a Rule,
    piece: &'p Piece<'a>,
}

/// A base as an exact fraction of minor units: `numerator` ÷ `denominator`.
struct Base {
    numerator: Decimal,
    denominator: i64,
    lines: Vec<BaseLine>,
    /// In major units, of earlier periods.
    earlier: Option<Decimal>,
}

/// What the thresholds of a charge are multiplied by.
#[derive(Clone, Copy)]
struct Scale {
    ratio: Ratio,
    /// What an end that is another quantity is multiplied by.
    by_quantity: Ratio,
    count: Option<Decimal>,
    each_day: bool,
}

/// A tier's end, with what it was made of.
#[derive(Clone, Copy)]
struct Step {
    step: Option<Decimal>,
    up_to: Option<Decimal>,
    scale: Scale,
}

impl Step {
    /// The tier that ends here.
    const fn record(self, number: u32, from: Decimal) -> LineTier {
        LineTier {
            number,
            from,
            up_to: self.up_to,
            step: self.step,
            scale: self.scale.ratio,
            count: self.scale.count,
            each_day: self.scale.each_day,
            selected_by: None,
            shared: None,
        }
    }
}

impl<'a> Draft<'a> {
    pub(crate) fn new(
        input: &'a RatingInput<'a>,
        span: Span,
        versions: impl Iterator<Item = InForce<'a>> + Clone,
    ) -> Self {
        let measures = Measures::new(input, versions);
        Self { input, span, measures, lines: Vec::with_capacity(8), places: Vec::with_capacity(8) }
    }

    pub(crate) const fn input(&self) -> &'a RatingInput<'a> {
        self.input
    }

    pub(crate) fn into_parts(self) -> (Vec<DerivedQuantity>, Vec<Line>) {
        (self.measures.into_records(), self.lines)
    }

    /// Charges the piece at `at`; the others are needed for its share of a quantity.
    pub(crate) fn charge(
        &mut self,
        place: usize,
        pieces: &[Piece<'a>],
        at: usize,
    ) -> Result<(), RatingError> {
        let piece = &pieces[at];
        let Some(rule) = piece.rule else { return Ok(()) };
        let part = Part { place, rule, piece };
        match &rule.charge {
            Charge::Flat { amount } => self.flat(&part, amount),
            Charge::Item { item, price } => self.item(&part, item, price),
            Charge::Unit { quantity, price } => {
                let quantity = self.share(quantity, pieces, at)?;
                self.priced(&part, LineKind::Unit, price, quantity, None)
            }
            Charge::Tiered { quantity, thresholds, tiers } => {
                self.tiered(&part, quantity, thresholds, tiers, pieces, at)
            }
            Charge::Volume { quantity, selected_by, thresholds, tiers } => {
                let quantity = self.share(quantity, pieces, at)?;
                let selector = selected_by.as_ref().map(|key| self.share(key, pieces, at)).transpose()?;
                self.volume(&part, quantity, selector, thresholds, tiers)
            }
            Charge::TimeOfUseTiered { quantity, filling, thresholds, buckets } => {
                let of = time_of_use::Tiers { quantity, filling: *filling, thresholds, buckets };
                self.time_of_use(&part, of, pieces, at)
            }
            Charge::Package { quantity, size, free, price } => {
                let quantity = self.share(quantity, pieces, at)?;
                self.package(&part, quantity, (*size, *free), price)
            }
            Charge::Percentage { percent, .. } => self.percentage(&part, LineKind::Percentage, percent, None),
            Charge::Tax { percent, each_line, .. } => self.tax(&part, percent, *each_line),
            Charge::Minimum { amount, settled, .. } => self.minimum(&part, amount, *settled),
            Charge::Maximum { amount, .. } => self.maximum(&part, amount),
            Charge::Discount { percent, amount, cap, .. } => {
                self.discount(&part, percent.as_ref(), amount.as_ref(), cap.as_ref())
            }
            Charge::Formula { with, amount } => self.formula(&part, with, amount),
            Charge::Summary { .. } => self.summary(&part),
            Charge::Bank { net, settled, price } => self.bank(&part, net, *settled, price),
            Charge::Credit { bank, earned, delayed, settled, .. } => {
                self.credit(&part, bank, earned, (*delayed, *settled))
            }
        }
    }

    fn price_factor(&self, part: &Part<'_, 'a>, kind: QuantityKind) -> Result<Ratio, Overflow> {
        if kind.accumulates() {
            return Ok(Ratio::whole());
        }
        self.span.factor(&part.rule.proration, part.piece.period)
    }

    /// The piece's part of the period by days: what a quantity that accumulates has of its whole, a
    /// level that its tiers end at is cut by as well. What does not accumulate is not cut: × 1.
    fn by_days(&self, part: &Part<'_, 'a>, kind: QuantityKind) -> Result<Ratio, Overflow> {
        let (period, whole) = (part.piece.period, self.span.period);
        if !kind.accumulates() || period == whole {
            return Ok(Ratio::whole());
        }
        Ratio::new(period.days(), whole.days()).ok_or(Overflow)
    }

    /// What thresholds are multiplied by. Those of peaks and levels are not of time: × 1.
    fn threshold_scale(
        &mut self,
        part: &Part<'_, 'a>,
        kind: QuantityKind,
        thresholds: &Thresholds,
        measured: bool,
    ) -> Result<Scale, RatingError> {
        let period = part.piece.period;
        let days = || Ratio::new(period.days(), 1).ok_or(Overflow);
        let each_day = measured && matches!(thresholds, Thresholds::EachDay);
        let ratio = match thresholds {
            Thresholds::EachDay if each_day => Ratio::whole(),
            Thresholds::Day | Thresholds::EachDay => days()?,
            Thresholds::Quantity { .. } => self.by_days(part, kind)?,
            _ if !kind.accumulates() => Ratio::whole(),
            Thresholds::Period | Thresholds::Item { .. } => self.span.factor(&part.rule.proration, period)?,
        };
        let count = match thresholds {
            Thresholds::Item { item } => Some(self.input.count(item)?.max(Decimal::ZERO)),
            Thresholds::Quantity { of } => {
                Some(self.measures.whole(part.piece.in_force, of)?.max(Decimal::ZERO))
            }
            _ => None,
        };
        let by_quantity = if each_day { Ratio::whole() } else { self.by_days(part, kind)? };
        Ok(Scale { ratio, by_quantity, count, each_day })
    }

    /// Where a tier ends: step × count × scale, not rounded. A top below nothing is nothing.
    fn step(&mut self, part: &Part<'_, 'a>, tier: &Tier, scale: Scale) -> Result<Step, RatingError> {
        let fixed = match &tier.up_to {
            None => return Ok(Step { step: None, up_to: None, scale }),
            Some(Top::Fixed(step)) => *step,
            Some(Top::Lookup(lookup)) => self.input.look_up(lookup, part.first_on())?.max(Decimal::ZERO),
            Some(Top::Quantity(key)) => {
                let top = self.measures.whole(part.piece.in_force, key)?.max(Decimal::ZERO);
                let scale = Scale { ratio: scale.by_quantity, count: None, ..scale };
                let up_to = scale.ratio.of(top)?.normalize();
                return Ok(Step { step: Some(top), up_to: Some(up_to), scale });
            }
        };
        let counted = match scale.count {
            Some(count) => decimal::mul(fixed, count)?,
            None => fixed,
        };
        let up_to = scale.ratio.of(counted)?.normalize();
        Ok(Step { step: Some(fixed), up_to: Some(up_to), scale })
    }

    fn push(&mut self, part: &Part<'_, 'a>, mut line: Line, unrounded: Decimal) -> Result<(), RatingError> {
        let currency = &self.input.currency;
        let unrounded = without_hair(unrounded);
        let decimals = part.rule.decimals.unwrap_or(currency.minor_digits());
        let rounded = decimal::round(unrounded, u32::from(decimals), part.rule.rounding);
        line.amount_minor = currency.round(rounded, part.rule.rounding)?;
        line.unrounded = unrounded.normalize();
        line.decimals = decimals;
        self.lines.push(line);
        self.places.push(part.place);
        Ok(())
    }
}

impl Part<'_, '_> {
    fn first_on(&self) -> time::Date {
        self.piece.period.first_on()
    }

    /// The day whose price holds. Prices do not change within a piece, unless it is charged once.
    fn priced_on(&self) -> time::Date {
        if is_charged_once(self.rule) { self.piece.period.last_on() } else { self.first_on() }
    }

    /// A line without its quantity, base and amount.
    fn line(&self, kind: LineKind, price: Decimal, proration: Ratio) -> Line {
        Line {
            rule: self.rule.id.clone(),
            version: self.piece.in_force.id,
            kind,
            period: self.piece.period,
            quantity: None,
            tier: None,
            packages: None,
            price,
            proration,
            base: None,
            cap: None,
            formula: None,
            bank: None,
            exemption: None,
            unrounded: Decimal::ZERO,
            rounding: self.rule.rounding,
            decimals: 0,
            amount_minor: Money::ZERO,
            label: self.rule.label.clone(),
            gl_account: self.rule.gl_account.clone(),
            service: self.rule.service.clone(),
        }
    }
}

//! The arithmetic of each kind of charge for one piece of the period.
//!
//! Invariants: multiplied before divided, each line rounded once, the unrounded amount kept.

use crate::error::RatingError;
use crate::input::RatingInput;
use crate::line::{BaseLine, Line, LineBase, LineKind, LinePackages, LineQuantity, LineTier};
use crate::pieces::{Piece, is_charged_once};
use crate::proration::{Ratio, Span, lcm};
use crate::tariff::{Charge, Price, QuantityKey, QuantityKind, Rule, Thresholds, Tier};
use crate::word::Word;
use vocab::decimal::{self, Overflow, Rounding};
use vocab::{Decimal, Money, Period};

/// Decimals that a split quantity keeps.
const SPLIT_SCALE: u32 = 6;

/// The lines so far.
pub(crate) struct Draft<'a> {
    input: &'a RatingInput<'a>,
    span: Span,
    lines: Vec<Line>,
    /// Per line, the place of its rule in the order of charging.
    places: Vec<usize>,
}

/// A piece that has a rule, being charged.
struct Part<'p> {
    place: usize,
    rule: &'p Rule,
    piece: &'p Piece<'p>,
}

/// A base as an exact fraction of minor units: `numerator` ÷ `denominator`.
struct Base {
    numerator: Decimal,
    denominator: i64,
    lines: Vec<BaseLine>,
}

impl<'a> Draft<'a> {
    pub(crate) fn new(input: &'a RatingInput<'a>, span: Span) -> Self {
        Self { input, span, lines: Vec::with_capacity(8), places: Vec::with_capacity(8) }
    }

    pub(crate) const fn input(&self) -> &'a RatingInput<'a> {
        self.input
    }

    pub(crate) fn into_lines(self) -> Vec<Line> {
        self.lines
    }

    /// Charges the piece at `at`; the others are needed for its share of a quantity.
    pub(crate) fn charge(
        &mut self,
        place: usize,
        pieces: &[Piece<'_>],
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
                let quantity = self.share(quantity, pieces, at)?;
                self.tiered(&part, &quantity, thresholds, tiers)
            }
            Charge::Volume { quantity, thresholds, tiers } => {
                let quantity = self.share(quantity, pieces, at)?;
                self.volume(&part, quantity, thresholds, tiers)
            }
            Charge::Package { quantity, size, free, price } => {
                let quantity = self.share(quantity, pieces, at)?;
                self.package(&part, quantity, (*size, *free), price)
            }
            Charge::Percentage { percent, .. } => self.percentage(&part, LineKind::Percentage, percent, None),
            Charge::Tax { percent, each_line, .. } => self.tax(&part, percent, *each_line),
            Charge::Minimum { amount, .. } => self.minimum(&part, amount),
        }
    }

    fn flat(&mut self, part: &Part<'_>, amount: &Price) -> Result<(), RatingError> {
        let price = self.input.price(amount, part.priced_on())?;
        let factor = self.span.factor(&part.rule.proration, part.piece.period)?;
        let line = part.line(LineKind::Flat, price, factor);
        self.push(part, line, factor.of(price)?)
    }

    fn item(&mut self, part: &Part<'_>, item: &Word, price: &Price) -> Result<(), RatingError> {
        let count = self.input.count(item)?;
        let quantity = LineQuantity {
            value: count,
            in_period: count,
            total: count,
            share: Ratio::whole(),
            unit: None,
            bucket: None,
            name: Some(item.clone()),
            kind: QuantityKind::Level,
        };
        self.priced(part, LineKind::Item, price, quantity, None)
    }

    /// quantity × price, × F when the quantity does not accumulate.
    fn priced(
        &mut self,
        part: &Part<'_>,
        kind: LineKind,
        price: &Price,
        quantity: LineQuantity,
        tier: Option<LineTier>,
    ) -> Result<(), RatingError> {
        let price = self.input.price(price, part.priced_on())?;
        let factor = self.price_factor(part, quantity.kind)?;
        let unrounded = factor.of(decimal::mul(quantity.value, price)?)?;
        let mut line = part.line(kind, price, factor);
        line.quantity = Some(quantity);
        line.tier = tier;
        self.push(part, line, unrounded)
    }

    fn tiered(
        &mut self,
        part: &Part<'_>,
        quantity: &LineQuantity,
        thresholds: &Thresholds,
        tiers: &[Tier],
    ) -> Result<(), RatingError> {
        let (scale, count) = self.threshold_scale(part, quantity.kind, thresholds)?;
        let mut from = Decimal::ZERO;
        for (number, tier) in (1..).zip(tiers) {
            let up_to = threshold(tier.up_to, scale, count)?;
            let last = up_to.is_none_or(|top| quantity.in_period <= top);
            let top = if last { quantity.in_period } else { up_to.unwrap_or(quantity.in_period) };
            let value = decimal::sub(top, from)?;
            // A tier of no width (no items, say) is passed over, a use of nothing is shown.
            if !value.is_zero() || (last && number == 1) {
                let record = LineTier { number, from, up_to, step: tier.up_to, scale, count };
                let inside = LineQuantity { value, ..quantity.clone() };
                self.priced(part, LineKind::Tier, &tier.price, inside, Some(record))?;
            }
            if last {
                break;
            }
            from = top;
        }
        Ok(())
    }

    fn volume(
        &mut self,
        part: &Part<'_>,
        quantity: LineQuantity,
        thresholds: &Thresholds,
        tiers: &[Tier],
    ) -> Result<(), RatingError> {
        let (scale, count) = self.threshold_scale(part, quantity.kind, thresholds)?;
        let mut from = Decimal::ZERO;
        for (number, tier) in (1..).zip(tiers) {
            let up_to = threshold(tier.up_to, scale, count)?;
            if up_to.is_none_or(|top| quantity.in_period <= top) {
                let record = LineTier { number, from, up_to, step: tier.up_to, scale, count };
                return self.priced(part, LineKind::Volume, &tier.price, quantity, Some(record));
            }
            from = up_to.unwrap_or(from);
        }
        Ok(())
    }

    fn package(
        &mut self,
        part: &Part<'_>,
        quantity: LineQuantity,
        (size, free): (Decimal, Decimal),
        price: &Price,
    ) -> Result<(), RatingError> {
        let (scale, _) = self.threshold_scale(part, quantity.kind, &Thresholds::Period)?;
        let free = scale.of(free)?;
        let charged = decimal::sub(quantity.in_period, free)?.max(Decimal::ZERO);
        let rest = charged.checked_rem(size).ok_or(Overflow)?;
        let mut started = decimal::div(decimal::sub(charged, rest)?, size)?.normalize();
        if !rest.is_zero() {
            started = decimal::add(started, Decimal::ONE)?;
        }
        let price = self.input.price(price, part.priced_on())?;
        let factor = self.price_factor(part, quantity.kind)?;
        let mut line = part.line(LineKind::Package, price, factor);
        line.quantity = Some(quantity);
        line.packages = Some(LinePackages { size, free, started });
        self.push(part, line, factor.of(decimal::mul(started, price)?)?)
    }

    /// base × percent ÷ 100; nothing when there is no line to take it of.
    fn percentage(
        &mut self,
        part: &Part<'_>,
        kind: LineKind,
        percent: &Price,
        only: Option<usize>,
    ) -> Result<(), RatingError> {
        let Some(base) = self.base(part, only)? else { return Ok(()) };
        let price = self.input.price(percent, part.priced_on())?;
        let exemption = self.exemption(part);
        let factor = if exemption.is_some() { Ratio::nothing() } else { Ratio::whole() };
        let above = decimal::mul(base.numerator, price)?;
        let below = base.denominator.checked_mul(100).ok_or(Overflow)?;
        let minor = decimal::div(above, decimal::whole(below))?;
        let unrounded = factor.of(self.in_major(minor)?)?;
        let mut line = part.line(kind, price, factor);
        line.base = Some(self.stated(base)?);
        line.exemption = exemption;
        self.push(part, line, unrounded)
    }

    fn tax(&mut self, part: &Part<'_>, percent: &Price, each_line: bool) -> Result<(), RatingError> {
        if !each_line {
            return self.percentage(part, LineKind::Tax, percent, None);
        }
        (0..self.lines.len()).try_for_each(|line| self.percentage(part, LineKind::Tax, percent, Some(line)))
    }

    fn minimum(&mut self, part: &Part<'_>, amount: &Price) -> Result<(), RatingError> {
        let base = self.base(part, None)?.unwrap_or(Base {
            numerator: Decimal::ZERO,
            denominator: 1,
            lines: Vec::new(),
        });
        let price = self.input.price(amount, part.priced_on())?;
        let factor = self.span.factor(&part.rule.proration, part.piece.period)?;
        let base = self.stated(base)?;
        let missing = decimal::sub(factor.of(price)?, base.amount)?;
        if missing <= Decimal::ZERO {
            return Ok(());
        }
        let mut line = part.line(LineKind::Minimum, price, factor);
        line.base = Some(base);
        self.push(part, line, missing)
    }

    /// The exact sum of the lines that the rule is about, each by its days inside the piece.
    fn base(&self, part: &Part<'_>, only: Option<usize>) -> Result<Option<Base>, RatingError> {
        let mut base = Base { numerator: Decimal::ZERO, denominator: 1, lines: Vec::new() };
        for (index, line) in self.lines.iter().enumerate() {
            let wanted = only.is_none_or(|only| only == index);
            if !wanted || !part.piece.bases.contains(&self.places[index]) {
                continue;
            }
            let Some(share) = days_inside(line.period, part.piece.period) else { continue };
            let amount = decimal::whole(line.amount_minor.minor());
            let common = lcm(base.denominator, share.denominator()).ok_or(Overflow)?;
            let grown = decimal::mul(base.numerator, decimal::whole(common / base.denominator))?;
            let weight = share.numerator().checked_mul(common / share.denominator()).ok_or(Overflow)?;
            base.numerator = decimal::add(grown, decimal::mul(amount, decimal::whole(weight))?)?;
            base.denominator = common;
            let at = u32::try_from(index).map_err(|_| Overflow)?;
            base.lines.push(BaseLine { line: at, rule: line.rule.clone(), share });
        }
        Ok((!base.lines.is_empty()).then_some(base))
    }

    fn stated(&self, base: Base) -> Result<LineBase, Overflow> {
        let minor = if base.denominator == 1 {
            base.numerator
        } else {
            decimal::div(base.numerator, decimal::whole(base.denominator))?
        };
        Ok(LineBase { amount: self.in_major(minor)?, lines: base.lines })
    }

    fn in_major(&self, minor: Decimal) -> Result<Decimal, Overflow> {
        let digits = u32::from(self.input.currency.minor_digits());
        let mut major = minor;
        // Moving the point loses nothing unless all 28 digits are in use.
        if minor.scale() + digits <= Decimal::MAX_SCALE {
            major.set_scale(minor.scale() + digits).map_err(|_| Overflow)?;
            return Ok(major);
        }
        decimal::div(minor, decimal::whole(10_i64.pow(digits)))
    }

    fn exemption(&self, part: &Part<'_>) -> Option<Word> {
        let Charge::Tax { tax, .. } = &part.rule.charge else { return None };
        let on = part.first_on();
        let covers = |first_on, last_on: Option<_>| first_on <= on && last_on.is_none_or(|last| on <= last);
        self.input
            .exemptions
            .iter()
            .find(|exemption| exemption.tax == *tax && covers(exemption.first_on, exemption.last_on))
            .map(|exemption| exemption.certificate.clone())
    }

    /// The piece's part of a quantity: usage by days to 6 decimals, the last piece taking the
    /// residue; peaks and levels whole.
    fn share(&self, key: &QuantityKey, pieces: &[Piece<'_>], at: usize) -> Result<LineQuantity, RatingError> {
        let total = self.input.quantity(key)?;
        let whole = !key.kind.is_usage() || pieces.len() == 1;
        let all_days = self.span.period.days();
        let part = |piece: &Piece<'_>| -> Result<Decimal, Overflow> {
            let days = decimal::whole(piece.period.days());
            let exact = decimal::mul_div(total, days, decimal::whole(all_days))?;
            Ok(decimal::round(exact, SPLIT_SCALE, Rounding::HalfAwayFromZero))
        };
        let value = if whole {
            total
        } else if at + 1 < pieces.len() {
            part(&pieces[at])?
        } else {
            pieces[..at].iter().try_fold(total, |rest, piece| decimal::sub(rest, part(piece)?))?
        };
        let days = pieces[at].period.days();
        let share = if whole { Ratio::whole() } else { Ratio::new(days, all_days).ok_or(Overflow)? };
        Ok(LineQuantity {
            value,
            in_period: value,
            total,
            share,
            unit: Some(key.unit),
            bucket: key.bucket.clone(),
            name: key.name.clone(),
            kind: key.kind,
        })
    }

    fn price_factor(&self, part: &Part<'_>, kind: QuantityKind) -> Result<Ratio, Overflow> {
        if kind.is_usage() {
            return Ok(Ratio::whole());
        }
        self.span.factor(&part.rule.proration, part.piece.period)
    }

    /// What thresholds are multiplied by. Those of peaks and levels are not of time: × 1.
    fn threshold_scale(
        &self,
        part: &Part<'_>,
        kind: QuantityKind,
        thresholds: &Thresholds,
    ) -> Result<(Ratio, Option<Decimal>), RatingError> {
        let period = part.piece.period;
        let scale = match thresholds {
            Thresholds::Day => Ratio::new(period.days(), 1).ok_or(Overflow)?,
            _ if !kind.is_usage() => Ratio::whole(),
            _ => self.span.factor(&part.rule.proration, period)?,
        };
        let count = match thresholds {
            Thresholds::Item { item } => Some(self.input.count(item)?.max(Decimal::ZERO)),
            _ => None,
        };
        Ok((scale, count))
    }

    fn push(&mut self, part: &Part<'_>, mut line: Line, unrounded: Decimal) -> Result<(), RatingError> {
        let currency = &self.input.currency;
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

impl Part<'_> {
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
            version: self.piece.version,
            kind,
            period: self.piece.period,
            quantity: None,
            tier: None,
            packages: None,
            price,
            proration,
            base: None,
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

/// step × count × scale, not rounded.
fn threshold(
    step: Option<Decimal>,
    scale: Ratio,
    count: Option<Decimal>,
) -> Result<Option<Decimal>, Overflow> {
    let Some(step) = step else { return Ok(None) };
    let counted = match count {
        Some(count) => decimal::mul(step, count)?,
        None => step,
    };
    scale.of(counted).map(|top| Some(top.normalize()))
}

/// The part of a line's days that lies inside a period; `None` when none does.
fn days_inside(line: Period, inside: Period) -> Option<Ratio> {
    let both = line.intersection(&inside)?;
    if both == line { Some(Ratio::whole()) } else { Ratio::new(both.days(), line.days()) }
}

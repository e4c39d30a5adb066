//! Charges that stand on earlier lines: percentages, taxes, minimum and maximum, discounts, sums
//! and formulas.

use super::{Base, Draft, Part};
use crate::derive::{evaluate, operand_value};
use crate::error::RatingError;
use crate::formula::without_hair;
use crate::history;
use crate::line::{BaseLine, LineBase, LineCap, LineFormula, LineKind, Named};
use crate::proration::{Ratio, lcm};
use crate::tariff::{Bases, Charge, Operand, Price, Settlement};
use crate::version::RateVersion;
use crate::word::Word;
use std::collections::BTreeMap;
use vocab::decimal::{self, Overflow};
use vocab::{Decimal, Period};

impl<'a> Draft<'a> {
    /// base × percent ÷ 100; nothing when there is no line to take it of.
    pub(super) fn percentage(
        &mut self,
        part: &Part<'_, 'a>,
        kind: LineKind,
        percent: &Price,
        only: Option<usize>,
    ) -> Result<(), RatingError> {
        let Some(base) = self.base(part, only)? else { return Ok(()) };
        let price = self.input.price(percent, part.priced_on())?;
        let exemption = self.exemption(part);
        let factor = if exemption.is_some() { Ratio::nothing() } else { Ratio::whole() };
        let unrounded = factor.of(self.percent_of(&base, price)?)?;
        let mut line = part.line(kind, price, factor);
        line.base = Some(Box::new(self.stated(base)?));
        line.exemption = exemption;
        self.push(part, line, unrounded)
    }

    pub(super) fn tax(
        &mut self,
        part: &Part<'_, 'a>,
        percent: &Price,
        each_line: bool,
    ) -> Result<(), RatingError> {
        if !each_line {
            return self.percentage(part, LineKind::Tax, percent, None);
        }
        (0..self.lines.len()).try_for_each(|line| self.percentage(part, LineKind::Tax, percent, Some(line)))
    }

    pub(super) fn minimum(
        &mut self,
        part: &Part<'_, 'a>,
        amount: &Price,
        settled: Settlement,
    ) -> Result<(), RatingError> {
        if !settled.is_due(self.input.period, self.input.is_final) {
            return Ok(());
        }
        let mut base = self.base(part, None)?.unwrap_or_default();
        let factor = if settled == Settlement::Period {
            self.span.factor(&part.rule.proration, part.piece.period)?
        } else {
            self.year_so_far(part, settled, &mut base)?
        };
        let price = self.input.price(amount, part.priced_on())?;
        let base = self.stated(base)?;
        let missing = without_hair(decimal::sub(factor.of(price)?, base.amount)?);
        if missing <= Decimal::ZERO {
            return Ok(());
        }
        let mut line = part.line(LineKind::Minimum, price, factor);
        line.base = Some(Box::new(base));
        self.push(part, line, missing)
    }

    /// Adds what earlier periods charged since the last settlement; a year that is not complete
    /// counts by its days.
    fn year_so_far(
        &self,
        part: &Part<'_, 'a>,
        settled: Settlement,
        base: &mut Base,
    ) -> Result<Ratio, Overflow> {
        let period = self.input.period;
        let counts = |rule: &Word| self.counts_in_year(part, rule);
        let year = history::since_settled(self.input.history, settled, counts, period)?;
        base.earlier = Some(self.input.currency.to_decimal(year.charged));
        let days = year.days + period.days();
        if days < year.of_year { Ratio::new(days, year.of_year).ok_or(Overflow) } else { Ok(Ratio::whole()) }
    }

    /// Whether a yearly minimum is about what a rule of this id charged earlier in the year. One of
    /// all lines also counts rules that have since been replaced, as their own version had them.
    fn counts_in_year(&self, part: &Part<'_, 'a>, rule: &Word) -> bool {
        let version = part.piece.in_force.version;
        if let Some(at) = version.position(rule) {
            let own = version.position(&part.rule.id);
            return own.is_some_and(|own| version.bases(own).contains(&at));
        }
        let is_charged = |of: &RateVersion| {
            let before = of.position(&part.rule.id).unwrap_or(of.rules().len());
            of.rules().iter().take(before).any(|of| of.id == *rule && !of.charge.is_apart())
        };
        part.rule.charge.bases() == Some(&Bases::All)
            && self
                .input
                .versions
                .iter()
                .map(|of| of.version)
                .any(|of| of.effective_on() <= self.input.period.last_on() && is_charged(of))
    }

    pub(super) fn maximum(&mut self, part: &Part<'_, 'a>, amount: &Price) -> Result<(), RatingError> {
        let Some(base) = self.base(part, None)? else { return Ok(()) };
        let price = self.input.price(amount, part.priced_on())?;
        let factor = self.span.factor(&part.rule.proration, part.piece.period)?;
        let base = self.stated(base)?;
        let excess = without_hair(decimal::sub(factor.of(price)?, base.amount)?);
        if excess >= Decimal::ZERO {
            return Ok(());
        }
        let mut line = part.line(LineKind::Maximum, price, factor);
        line.base = Some(Box::new(base));
        self.push(part, line, excess)
    }

    /// Takes off what was granted, at most the cap and never more than the lines come to.
    pub(super) fn discount(
        &mut self,
        part: &Part<'_, 'a>,
        percent: Option<&Price>,
        amount: Option<&Price>,
        cap: Option<&Price>,
    ) -> Result<(), RatingError> {
        let Some(base) = self.base(part, None)? else { return Ok(()) };
        let prorated = self.span.factor(&part.rule.proration, part.piece.period)?;
        let (kind, price, factor, granted) = match (percent, amount) {
            (Some(percent), _) => {
                let percent = self.input.price(percent, part.priced_on())?;
                (LineKind::DiscountPercent, percent, Ratio::whole(), self.percent_of(&base, percent)?)
            }
            (None, Some(amount)) => {
                let amount = self.input.price(amount, part.priced_on())?;
                (LineKind::Discount, amount, prorated, prorated.of(amount)?)
            }
            (None, None) => return Ok(()),
        };
        let base = self.stated(base)?;
        let mut granted = granted.min(base.amount).max(Decimal::ZERO);
        let mut line = part.line(kind, price, factor);
        if let Some(cap) = cap {
            let price = self.input.price(cap, part.priced_on())?;
            granted = granted.min(prorated.of(price)?).max(Decimal::ZERO);
            line.cap = Some(Box::new(LineCap { price, proration: prorated }));
        }
        line.base = Some(Box::new(base));
        self.push(part, line, -granted)
    }

    pub(super) fn formula(
        &mut self,
        part: &Part<'_, 'a>,
        with: &'a BTreeMap<Word, Operand>,
        text: &str,
    ) -> Result<(), RatingError> {
        let in_force = part.piece.in_force;
        let mut named = Vec::with_capacity(with.len() + 1);
        for (name, operand) in with {
            let value = match operand {
                Operand::Rule(rule) => self.charged_by(rule)?,
                other => operand_value(&mut self.measures, in_force, other)?,
            };
            named.push(Named { name: name.clone(), value });
        }
        let formula = in_force.version.rule_formula(&part.rule.id);
        let (named, amount) = evaluate(formula, named, part.piece.period.days())?;
        let mut line = part.line(LineKind::Formula, amount, Ratio::whole());
        line.formula = Some(Box::new(LineFormula { text: text.to_owned(), with: named }));
        self.push(part, line, amount)
    }

    /// What a rule's lines came to so far, in major units.
    fn charged_by(&self, rule: &Word) -> Result<Decimal, Overflow> {
        let of_rule = self.lines.iter().filter(|line| line.rule == *rule);
        decimal::sum(of_rule.map(|line| self.input.currency.to_decimal(line.amount_minor)))
    }

    pub(super) fn summary(&mut self, part: &Part<'_, 'a>) -> Result<(), RatingError> {
        let Some(base) = self.base(part, None)? else { return Ok(()) };
        let mut line = part.line(LineKind::Summary, Decimal::ZERO, Ratio::whole());
        line.base = Some(Box::new(self.stated(base)?));
        self.push(part, line, Decimal::ZERO)
    }

    fn percent_of(&self, base: &Base, percent: Decimal) -> Result<Decimal, Overflow> {
        let above = decimal::mul(base.numerator, percent)?;
        let below = base.denominator.checked_mul(100).ok_or(Overflow)?;
        self.in_major(decimal::div(above, decimal::whole(below))?)
    }

    /// The exact sum of the lines that the rule is about, each by its days inside the piece.
    pub(super) fn base(&self, part: &Part<'_, 'a>, only: Option<usize>) -> Result<Option<Base>, RatingError> {
        let mut base = Base::default();
        for (index, line) in self.lines.iter().enumerate() {
            // What is paid out is no charge: nothing is due on it, and no minimum counts it.
            let wanted = only.is_none_or(|only| only == index) && line.kind != LineKind::Payout;
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

    pub(super) fn stated(&self, base: Base) -> Result<LineBase, Overflow> {
        let minor = if base.denominator == 1 {
            base.numerator
        } else {
            decimal::div(base.numerator, decimal::whole(base.denominator))?
        };
        let amount = decimal::add(self.in_major(minor)?, base.earlier.unwrap_or_default())?;
        Ok(LineBase { amount, lines: base.lines, earlier: base.earlier })
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

    fn exemption(&self, part: &Part<'_, 'a>) -> Option<Word> {
        let Charge::Tax { tax, .. } = &part.rule.charge else { return None };
        let on = part.first_on();
        let covers = |first_on, last_on: Option<_>| first_on <= on && last_on.is_none_or(|last| on <= last);
        self.input
            .exemptions
            .iter()
            .find(|exemption| exemption.tax == *tax && covers(exemption.first_on, exemption.last_on))
            .map(|exemption| exemption.certificate.clone())
    }
}

impl Default for Base {
    fn default() -> Self {
        Self { numerator: Decimal::ZERO, denominator: 1, lines: Vec::new(), earlier: None }
    }
}

/// The part of a line's days that lies inside a period; `None` when none does.
fn days_inside(line: Period, inside: Period) -> Option<Ratio> {
    let both = line.intersection(&inside)?;
    if both == line { Some(Ratio::whole()) } else { Ratio::new(both.days(), line.days()) }
}

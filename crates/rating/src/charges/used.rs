//! Charges on what was used: amounts, prices, tiers, items and packages.

use super::{Draft, Part};
use crate::error::RatingError;
use crate::line::{LineKind, LinePackages, LineQuantity, LineTier};
use crate::measures::Found;
use crate::pieces::Piece;
use crate::proration::{Ratio, SPLIT_SCALE};
use crate::tariff::{Price, QuantityKey, QuantityKind, Thresholds, Tier};
use crate::word::Word;
use vocab::Decimal;
use vocab::decimal::{self, Overflow, Rounding};

impl<'a> Draft<'a> {
    pub(super) fn flat(&mut self, part: &Part<'_, 'a>, amount: &Price) -> Result<(), RatingError> {
        let price = self.input.price(amount, part.priced_on())?;
        let factor = self.span.factor(&part.rule.proration, part.piece.period)?;
        let line = part.line(LineKind::Flat, price, factor);
        self.push(part, line, factor.of(price)?)
    }

    pub(super) fn item(
        &mut self,
        part: &Part<'_, 'a>,
        item: &Word,
        price: &Price,
    ) -> Result<(), RatingError> {
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
            measured: false,
        };
        self.priced(part, LineKind::Item, price, quantity, None)
    }

    /// quantity × price, × F when the quantity does not accumulate.
    pub(super) fn priced(
        &mut self,
        part: &Part<'_, 'a>,
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

    /// A tier's price for what falls into it, and the amount that it has besides once anything does.
    pub(super) fn tier(
        &mut self,
        part: &Part<'_, 'a>,
        kind: LineKind,
        tier: &Tier,
        quantity: LineQuantity,
        record: LineTier,
    ) -> Result<(), RatingError> {
        let fills = quantity.value > Decimal::ZERO;
        self.priced(part, kind, &tier.price, quantity, Some(record.clone()))?;
        let Some(amount) = tier.flat.as_ref().filter(|_| fills) else { return Ok(()) };
        let price = self.input.price(amount, part.priced_on())?;
        let factor = self.span.factor(&part.rule.proration, part.piece.period)?;
        let mut line = part.line(LineKind::Flat, price, factor);
        line.tier = Some(record);
        self.push(part, line, factor.of(price)?)
    }

    pub(super) fn tiered(
        &mut self,
        part: &Part<'_, 'a>,
        key: &QuantityKey,
        thresholds: &Thresholds,
        tiers: &[Tier],
        pieces: &[Piece<'a>],
        at: usize,
    ) -> Result<(), RatingError> {
        let quantity = self.share(key, pieces, at)?;
        let scale = self.threshold_scale(part, quantity.kind, thresholds, quantity.measured)?;
        if scale.each_day {
            return self.tiered_each_day(part, key, &quantity, thresholds, tiers);
        }
        let mut from = Decimal::ZERO;
        for (number, tier) in (1..).zip(tiers) {
            let step = self.step(part, tier, scale)?;
            let last = step.up_to.is_none_or(|top| quantity.in_period <= top);
            let top = if last { quantity.in_period } else { step.up_to.unwrap_or(quantity.in_period) };
            let value = decimal::sub(top, from)?;
            // A tier of no width (no items, say) is passed over, a use of nothing is shown.
            let is_used = !value.is_zero() && (value > Decimal::ZERO || last);
            if is_used || (last && number == 1) {
                let record = step.record(number, from);
                let inside = LineQuantity { value, ..quantity.clone() };
                self.tier(part, LineKind::Tier, tier, inside, record)?;
            }
            if last {
                break;
            }
            from = from.max(top);
        }
        Ok(())
    }

    /// Every day fills the tiers for itself; a line has a tier's sum over the days.
    fn tiered_each_day(
        &mut self,
        part: &Part<'_, 'a>,
        key: &QuantityKey,
        quantity: &LineQuantity,
        thresholds: &Thresholds,
        tiers: &[Tier],
    ) -> Result<(), RatingError> {
        let in_force = part.piece.in_force;
        let Found::Measured(series) = self.measures.find(in_force, key)? else { return Ok(()) };
        let days = self.measures.each_day(in_force, key, series, part.piece.period)?;
        let scale = self.threshold_scale(part, key.kind, thresholds, true)?;
        let mut from = Decimal::ZERO;
        for (number, tier) in (1..).zip(tiers) {
            let step = self.step(part, tier, scale)?;
            let mut value = Decimal::ZERO;
            for day in &days {
                let top = step.up_to.map_or(*day, |top| top.min(*day));
                let inside = decimal::sub(top, from)?;
                // A day that gave back more than it took lies in the first tier.
                let inside = if number == 1 { inside } else { inside.max(Decimal::ZERO) };
                value = decimal::add(value, inside)?;
            }
            if !value.is_zero() || number == 1 {
                let record = step.record(number, from);
                let inside = LineQuantity { value: value.normalize(), ..quantity.clone() };
                self.tier(part, LineKind::Tier, tier, inside, record)?;
            }
            // Tops that are looked up may lie below the one before: such a tier has no width.
            from = from.max(step.up_to.unwrap_or(from));
        }
        Ok(())
    }

    pub(super) fn volume(
        &mut self,
        part: &Part<'_, 'a>,
        quantity: LineQuantity,
        selector: Option<LineQuantity>,
        thresholds: &Thresholds,
        tiers: &[Tier],
    ) -> Result<(), RatingError> {
        // The steps are those of what selects: a peak's are not of time, a use's follow its days.
        let by = selector.as_ref().unwrap_or(&quantity);
        let selecting = by.in_period;
        let scale = self.threshold_scale(part, by.kind, thresholds, false)?;
        let mut from = Decimal::ZERO;
        for (number, tier) in (1..).zip(tiers) {
            let step = self.step(part, tier, scale)?;
            if step.up_to.is_none_or(|top| selecting <= top) {
                let selected_by = selector.map(|by| by.in_period);
                let record = LineTier { selected_by, ..step.record(number, from) };
                return self.tier(part, LineKind::Volume, tier, quantity, record);
            }
            from = from.max(step.up_to.unwrap_or(from));
        }
        Ok(())
    }

    pub(super) fn package(
        &mut self,
        part: &Part<'_, 'a>,
        quantity: LineQuantity,
        (size, free): (Decimal, Decimal),
        price: &Price,
    ) -> Result<(), RatingError> {
        let scale = self.threshold_scale(part, quantity.kind, &Thresholds::Period, false)?;
        let free = scale.ratio.of(free)?;
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

    /// The piece's part of a quantity: measured on its days, or by days to 6 decimals with the last
    /// piece taking the residue; peaks and levels whole.
    pub(super) fn share(
        &mut self,
        key: &QuantityKey,
        pieces: &[Piece<'a>],
        at: usize,
    ) -> Result<LineQuantity, RatingError> {
        let found = self.measures.find(pieces[at].in_force, key)?;
        self.share_of(found, key, pieces, at)
    }

    /// The same from interval data alone, whatever was given: what fills tiers in the order of time
    /// is what the hours add up to.
    pub(super) fn measured_share(
        &mut self,
        key: &QuantityKey,
        pieces: &[Piece<'a>],
        at: usize,
    ) -> Result<LineQuantity, RatingError> {
        let Piece { in_force, period, .. } = pieces[at];
        let missing = |_| RatingError::IntervalsMissing { unit: key.unit, on: period.first_on() };
        let series = self.measures.series(in_force, key).map_err(missing)?;
        self.share_of(Found::Measured(series), key, pieces, at)
    }

    fn share_of(
        &mut self,
        found: Found,
        key: &QuantityKey,
        pieces: &[Piece<'a>],
        at: usize,
    ) -> Result<LineQuantity, RatingError> {
        let piece = &pieces[at];
        let total = match found {
            Found::Whole(value) => value,
            Found::Measured(series) => {
                self.measures.measured(piece.in_force, key, series, self.span.period)?
            }
        };
        let all_days = self.span.period.days();
        let whole = !key.kind.accumulates() || piece.period == self.span.period;
        let measured = matches!(found, Found::Measured(_));
        let value = match found {
            _ if whole => total,
            Found::Measured(series) => self.measures.measured(piece.in_force, key, series, piece.period)?,
            Found::Whole(_) => by_days(total, pieces, at, all_days)?,
        };
        let share =
            if whole { Ratio::whole() } else { Ratio::new(piece.period.days(), all_days).ok_or(Overflow)? };
        Ok(LineQuantity {
            value,
            in_period: value,
            total,
            share,
            unit: Some(key.unit),
            bucket: key.bucket.clone(),
            name: key.name.clone(),
            kind: key.kind,
            measured,
        })
    }
}

fn by_days(total: Decimal, pieces: &[Piece<'_>], at: usize, all_days: i64) -> Result<Decimal, Overflow> {
    let part = |piece: &Piece<'_>| -> Result<Decimal, Overflow> {
        let days = decimal::whole(piece.period.days());
        let exact = decimal::mul_div(total, days, decimal::whole(all_days))?;
        Ok(decimal::round(exact, SPLIT_SCALE, Rounding::HalfAwayFromZero))
    };
    if at + 1 < pieces.len() {
        return part(&pieces[at]);
    }
    pieces[..at].iter().try_fold(total, |rest, piece| decimal::sub(rest, part(piece)?))
}

//! What is carried from period to period: units received and credits in money.

use super::{Draft, Part};
use crate::error::RatingError;
use crate::line::{BankCredit, LineBank, LineKind};
use crate::proration::Ratio;
use crate::tariff::{Earning, Price, Settlement, Source};
use crate::word::Word;
use crate::working::{DerivedQuantity, Working};
use vocab::Decimal;
use vocab::decimal::{self, Rounding};

impl<'a> Draft<'a> {
    /// A line per bucket of the net quantity: what was put in and used, and what is left.
    pub(super) fn bank(
        &mut self,
        part: &Part<'_, 'a>,
        net: &Word,
        settled: Settlement,
        price: &Price,
    ) -> Result<(), RatingError> {
        let in_force = part.piece.in_force;
        let definition = in_force.version.tariff().quantities.iter().find(|of| of.name == *net);
        let Some(Source::Net { bank, .. }) = definition.map(|of| &of.from) else { return Ok(()) };
        let price = self.input.price(price, part.priced_on())?;
        let due = settled.is_due(self.input.period, self.input.is_final);
        let of_net = |record: &&DerivedQuantity| record.version == in_force.id && record.name == *net;
        let netted: Vec<(Option<Word>, Working)> = self
            .measures
            .records()
            .iter()
            .filter(of_net)
            .map(|record| (record.bucket.clone(), record.working.clone()))
            .collect();
        if netted.is_empty() {
            // It could not be worked out: the reason is the rule's.
            let key = definition.map(|of| of.key(None));
            return key.map_or(Ok(()), |key| self.measures.whole(in_force, &key).map(|_| ()));
        }
        for (bucket, working) in netted {
            let Working::Net { delivered, received, opening } = working else { continue };
            let held = decimal::add(opening, received)?;
            let applied = held.min(delivered);
            let left = decimal::sub(held, applied)?;
            let (paid_out, closing) = if due { (left, Decimal::ZERO) } else { (Decimal::ZERO, left) };
            let unrounded = -decimal::mul(paid_out, price)?;
            let mut line = part.line(LineKind::Bank, price, Ratio::whole());
            line.bank = Some(Box::new(LineBank {
                bank: bank.clone(),
                bucket,
                opening,
                earned: received,
                applied,
                paid_out,
                closing,
                delayed: false,
                credits: Vec::new(),
            }));
            self.push(part, line, unrounded)?;
        }
        Ok(())
    }

    /// Credits against lines, never below zero; what is left is carried on or paid out.
    pub(super) fn credit(
        &mut self,
        part: &Part<'_, 'a>,
        bank: &Word,
        earned: &'a [Earning],
        (delayed, settled): (bool, Settlement),
    ) -> Result<(), RatingError> {
        let in_force = part.piece.in_force;
        let mut credits = Vec::with_capacity(earned.len());
        let mut sum = Decimal::ZERO;
        for of in earned {
            let quantity = self.measures.whole(in_force, &of.quantity)?;
            let price = self.input.price(&of.price, part.priced_on())?;
            sum = decimal::add(sum, decimal::mul(quantity, price)?)?;
            credits.push(BankCredit { quantity, price });
        }
        let decimals = part.rule.decimals.unwrap_or(self.input.currency.minor_digits());
        let earned = decimal::round(sum, u32::from(decimals), part.rule.rounding);
        let opening = self.input.bank(bank, None);
        let base = self.stated(self.base(part, None)?.unwrap_or_default())?;
        let held = decimal::add(opening, earned)?;
        // A bank of money holds no more than can be money.
        for amount in [earned, held] {
            self.input.currency.round(amount, part.rule.rounding)?;
        }
        // A debt is not delayed: no bank holds less than nothing.
        let usable = if delayed { opening.min(held) } else { held };
        // No finer than the line shows: what it cannot show stays in the bank. A debt is whole.
        let due_now = base.amount.max(Decimal::ZERO).min(usable);
        let shown = decimal::round(due_now, u32::from(decimals), Rounding::Down);
        let applied = due_now.min(shown);
        let left = decimal::sub(held, applied)?;
        let due = settled.is_due(self.input.period, self.input.is_final);
        let (paid_out, closing) = if due { (left, Decimal::ZERO) } else { (Decimal::ZERO, left) };
        let mut line = part.line(LineKind::Credit, Decimal::ZERO, Ratio::whole());
        line.base = Some(Box::new(base));
        line.bank = Some(Box::new(LineBank {
            bank: bank.clone(),
            bucket: None,
            opening,
            earned,
            applied,
            paid_out,
            closing,
            delayed,
            credits,
        }));
        self.push(part, line, -applied)?;
        if paid_out.is_zero() {
            return Ok(());
        }
        let line = part.line(LineKind::Payout, paid_out, Ratio::whole());
        self.push(part, line, -paid_out)
    }
}

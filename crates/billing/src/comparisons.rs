//! What a draft says beside the last bill: money, days, rates and charges that are worth a look, and use where
//! nobody is served. Deliberately missing: active services that are passed over. There is none: whoever has days to
//! charge is billed, deferred, held or in error, and the register counts that.

use crate::account::{AccountInputs, EndedService, LastSegment, RegisterReads};
use crate::context::RunContext;
use crate::document::{Draft, DraftSegment};
use crate::flags::Flag;
use metering::{Read, is_demand};
use rating::{Label, LabelText};
use vocab::dates::civil;
use vocab::decimal::{self, Overflow, Rounding};
use vocab::{
    Commodity, ContractId, Decimal, FlagCode, Frequency, Language, Money, Period, RateScheduleId, ReadStatus,
    RegisterKind, SegmentMethod, SegmentOutcome, Severity,
};

/// The flags of a draft beside the last bill. Where bills are made to be posted the inputs know of none.
pub(crate) fn flags(context: &RunContext, inputs: &AccountInputs, draft: &Draft) -> Vec<Flag> {
    let mut found = Found { context, flags: Vec::new() };
    for segment in &draft.segments {
        if segment.outcome == SegmentOutcome::Billed {
            found.period(segment);
            let before = &inputs.before;
            let mut all = before.segments.iter().chain(&before.older);
            let last = all.find(|of| of.contract == segment.contract);
            if let Some(last) = last {
                found.against_last(segment, last);
            }
        }
    }
    found.account(inputs, draft);
    found.charges(inputs, draft);
    for ended in &inputs.ended {
        found.inactive_use(ended);
    }
    found.flags
}

struct Found<'a> {
    context: &'a RunContext,
    flags: Vec<Flag>,
}

impl Found<'_> {
    fn on(&mut self, of: Option<&DraftSegment>, code: FlagCode, severity: Severity, shown: (String, String)) {
        self.flags.push(Flag {
            code,
            severity,
            contract: of.map(|of| of.contract),
            schedule: of.and_then(|of| of.schedule),
            commodity: of.map(|of| of.commodity),
            register: None,
            value: shown.0,
            compared: shown.1,
        });
    }

    fn method(&self, segment: &DraftSegment) -> Option<SegmentMethod> {
        self.context.contract_type(segment.contract_type).map(|of| of.method)
    }

    fn period(&mut self, segment: &DraftSegment) {
        let is_monthly = |id: RateScheduleId| {
            self.context.schedule(id).is_some_and(|rate| rate.frequency == Frequency::Monthly)
        };
        let Some(period) = segment.period.filter(|_| segment.schedule.is_some_and(is_monthly)) else {
            return;
        };
        let Some(rated) = segment.calc.as_ref().and_then(|calc| calc.rated.as_ref()) else { return };
        let (days, review) = (period.days(), self.context.review());
        let (short, long) = (i64::from(review.short_below_days), i64::from(review.long_above_days));
        let (code, limit) = if days < short && !rated.is_first && !rated.is_final {
            (FlagCode::ShortPeriod, short)
        } else if days > long {
            (FlagCode::LongPeriod, long)
        } else {
            return;
        };
        self.on(Some(segment), code, review.period, (days.to_string(), limit.to_string()));
    }

    fn against_last(&mut self, segment: &DraftSegment, last: &LastSegment) {
        if segment.schedule != last.schedule {
            let code = |id: Option<RateScheduleId>| {
                id.and_then(|id| self.context.schedule(id)).map(|rate| rate.code.clone()).unwrap_or_default()
            };
            let shown = (code(segment.schedule), code(last.schedule));
            self.on(Some(segment), FlagCode::RateChanged, self.context.review().rate_changed, shown);
        }
        // What is passed on comes as it comes.
        if self.method(segment) == Some(SegmentMethod::BillableCharge) {
            return;
        }
        let then = Period::new(last.first_on, last.last_on).map(|period| (last.total, period.days()));
        let now = segment.period.map(|period| (segment.total, period.days()));
        if let Some(shown) = then.zip(now).and_then(|(then, now)| self.large_change(then, now)) {
            self.on(Some(segment), FlagCode::LargeChange, self.context.review().money, shown);
        }
    }

    /// Where a contract was not on the last bill its money is looked at with the rest of the account.
    fn account(&mut self, inputs: &AccountInputs, draft: &Draft) {
        let before = &inputs.before.segments;
        let is_known = |segment: &DraftSegment| before.iter().any(|of| of.contract == segment.contract);
        let is_told = self.flags.iter().any(|flag| flag.code == FlagCode::LargeChange);
        if before.is_empty() || is_told || draft.billed().all(is_known) {
            return;
        }
        let first_on = before.iter().map(|of| of.first_on).min();
        let last_on = before.iter().map(|of| of.last_on).max();
        let period = first_on.zip(last_on).and_then(|(first_on, last_on)| Period::new(first_on, last_on));
        let (Some(then), Some(now)) = (period, draft.period) else { return };
        let Ok(total) = Money::sum(before.iter().map(|of| of.total)) else { return };
        if let Some(shown) = self.large_change((total, then.days()), (draft.total, now.days())) {
            self.on(None, FlagCode::LargeChange, self.context.review().money, shown);
        }
    }

    /// The new amount and what the old one lets expect for as many days, where they lie far apart. Compared
    /// exactly: everything times the old days, shares times a hundred.
    fn large_change(&self, then: (Money, i64), now: (Money, i64)) -> Option<(String, String)> {
        let (review, currency) = (self.context.review(), self.context.currency());
        let least = currency.round(review.money_least, Rounding::HalfAwayFromZero).ok()?;
        let (days_then, days_now) = (i128::from(then.1), i128::from(now.1));
        let found = i128::from(now.0.minor()) * days_then;
        let expected = i128::from(then.0.minor()) * days_now;
        let difference = found - expected;
        if difference == 0 || difference.abs() < i128::from(least.minor()) * days_then {
            return None;
        }
        let percent =
            if difference > 0 { review.money_above_percent } else { u16::from(review.money_below_percent) };
        if difference.abs() * 100 <= expected.abs() * i128::from(percent) {
            return None;
        }
        let shown = || -> Result<Money, Overflow> {
            let old = currency.to_decimal(then.0);
            let expected = decimal::mul_div(old, decimal::whole(now.1), decimal::whole(then.1))?;
            currency.round(expected, Rounding::HalfAwayFromZero)
        };
        Some((currency.format(now.0), shown().map(|amount| currency.format(amount)).unwrap_or_default()))
    }

    /// A charge of the same name and amount as one before it on this bill, or as one on the last bill.
    fn charges(&mut self, inputs: &AccountInputs, draft: &Draft) {
        let mut seen: Vec<(&Label, Money)> = Vec::new();
        let lines = draft.billed().filter_map(|segment| Some((segment, segment.calc.as_ref()?)));
        for (segment, calc) in lines {
            for charge in &calc.charges {
                let is_same = |of: &(&Label, Money)| *of.0 == charge.label && of.1 == charge.amount;
                let mut before = inputs.before.charges.iter().map(|(label, amount)| (label, *amount));
                if seen.iter().any(is_same) || before.any(|of| is_same(&of)) {
                    let shown = (self.context.currency().format(charge.amount), name(&charge.label));
                    let severity = self.context.review().duplicate_charge;
                    self.on(Some(segment), FlagCode::DuplicateCharge, severity, shown);
                }
                seen.push((&charge.label, charge.amount));
            }
        }
    }

    fn inactive_use(&mut self, ended: &EndedService) {
        let commodity = self.context.contract_type(ended.type_id).map_or(Commodity::Other, |of| of.commodity);
        for of in ended.registers.iter().filter(|of| !is_demand(of.register.unit)) {
            let Ok(Some(used)) = used_after(of, ended) else { continue };
            self.flags.push(Flag {
                code: FlagCode::InactiveUse,
                severity: self.context.review().inactive_use,
                contract: Some(ContractId::new(ended.contract.owner, ended.contract.n)),
                schedule: ended.schedule,
                commodity: Some(commodity),
                register: Some(of.register.id.n),
                value: used.normalize().to_string(),
                compared: civil::format(ended.ends_on),
            });
        }
    }
}

/// What a register counted after a service's last day; none when nothing, or when it cannot be told.
fn used_after(of: &RegisterReads, ended: &EndedService) -> Result<Option<Decimal>, Overflow> {
    // One that waits for a person shows use as well.
    let counts = |read: &&Read| read.is_valid() || read.status == ReadStatus::Held;
    let mut reads: Vec<&Read> = of.reads.iter().filter(counts).collect();
    reads.sort_unstable_by_key(|read| read.read_on);
    let after = || reads.iter().filter(|read| ended.ends_on < read.read_on);
    let counted = match of.register.kind {
        RegisterKind::Subtractive => {
            let before = reads.iter().rev().find(|read| read.read_on <= ended.ends_on).or(reads.first());
            match before.zip(after().next_back()) {
                Some((before, after)) => decimal::sub(after.value, before.value)?,
                None => Decimal::ZERO,
            }
        }
        _ => decimal::sum(after().map(|read| read.value))?,
    };
    let used = decimal::mul(counted, of.register.multiplier)?;
    Ok((used > Decimal::ZERO).then_some(used))
}

/// A charge's name for people at work: English, or its key.
fn name(label: &Label) -> String {
    match label.text() {
        LabelText::Key(key) => key.clone(),
        LabelText::Texts(_) => label.in_language(&Language::english()).unwrap_or_default().to_owned(),
    }
}

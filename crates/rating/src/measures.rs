//! Where a rule's quantities come from: given, worked out by the tariff, or measured from interval
//! data, in this order.

use crate::derive;
use crate::error::RatingError;
use crate::input::{InForce, RatingInput};
use crate::intervals::{Intervals, Tally, raw_decimal};
use crate::tariff::{QuantityKey, QuantityKind};
use crate::word::Word;
use crate::working::DerivedQuantity;
use vocab::decimal::{self, Rounding, STORED_SCALE};
use vocab::{Decimal, Period, RateVersionId, Unit};

/// The quantities of one segment.
pub(crate) struct Measures<'a> {
    pub(crate) input: &'a RatingInput<'a>,
    worked_out: Vec<WorkedOut>,
    records: Vec<DerivedQuantity>,
    tallies: Vec<Tallied>,
    /// Banks of units that the version at the period's end shows on the bill.
    banks: Vec<&'a Word>,
}

pub(crate) struct WorkedOut {
    pub(crate) version: RateVersionId,
    pub(crate) key: QuantityKey,
    pub(crate) value: Result<Decimal, RatingError>,
}

/// A pass over interval data that was already made.
struct Tallied {
    series: usize,
    times: Option<(RateVersionId, usize)>,
    demand_of: RateVersionId,
    period: Period,
    tallies: Vec<Tally>,
}

/// Where a quantity was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// One value of the whole period.
    Whole(Decimal),
    /// Interval data, by place: each stretch of days has its own value.
    Measured(usize),
}

impl<'a> Measures<'a> {
    /// With everything worked out that the versions define.
    pub(crate) fn new(
        input: &'a RatingInput<'a>,
        versions: impl Iterator<Item = InForce<'a>> + Clone,
    ) -> Self {
        let (worked_out, records, tallies) = (Vec::new(), Vec::new(), Vec::new());
        let banks = versions.clone().last().map_or_else(Vec::new, |last| last.version.banks());
        let mut measures = Self { input, worked_out, records, tallies, banks };
        for in_force in versions {
            for (at, definition) in in_force.version.tariff().quantities.iter().enumerate() {
                derive::work_out(&mut measures, in_force, at, definition);
            }
        }
        measures
    }

    /// What a bank of units holds when the period begins. One that no line will show is not drawn on:
    /// it would never be used up.
    pub(crate) fn opening(&self, bank: &Word, bucket: Option<&Word>) -> Decimal {
        if self.banks.contains(&bank) { self.input.bank(bank, bucket) } else { Decimal::ZERO }
    }

    /// What was worked out, with its working.
    pub(crate) fn into_records(self) -> Vec<DerivedQuantity> {
        self.records
    }

    pub(crate) fn records(&self) -> &[DerivedQuantity] {
        &self.records
    }

    /// Keeps a quantity that was worked out, or why it could not be.
    pub(crate) fn keep(
        &mut self,
        version: RateVersionId,
        key: QuantityKey,
        result: Result<DerivedQuantity, RatingError>,
    ) {
        let value = result.map(|record| {
            let value = record.value;
            self.records.push(record);
            value
        });
        self.worked_out.push(WorkedOut { version, key, value });
    }

    /// Where the quantity is found. What is not supplied of a bucket that no day of the period has is
    /// nothing: a summer's register need not be read in winter.
    pub(crate) fn find(&self, in_force: InForce<'a>, key: &QuantityKey) -> Result<Found, RatingError> {
        if let Some(given) = self.input.quantities.iter().find(|quantity| quantity.key == *key) {
            return Ok(Found::Whole(given.value));
        }
        let worked_out = self.worked_out.iter().find(|of| of.version == in_force.id && of.key == *key);
        if let Some(worked_out) = worked_out {
            return worked_out.value.clone().map(Found::Whole);
        }
        match self.series(in_force, key) {
            Err(_) if self.cannot_occur(in_force, key) => Ok(Found::Whole(Decimal::ZERO)),
            found => found.map(Found::Measured),
        }
    }

    fn cannot_occur(&self, in_force: InForce<'a>, key: &QuantityKey) -> bool {
        let clock = in_force.version.clock();
        let never = key.bucket.as_ref().is_some_and(|bucket| clock.never_has(bucket, self.input.period));
        never && key.kind != QuantityKind::Level
    }

    /// The interval data that measure the quantity, by place, whether or not it is given besides.
    pub(crate) fn series(&self, in_force: InForce<'a>, key: &QuantityKey) -> Result<usize, RatingError> {
        let missing = || RatingError::QuantityMissing { quantity: key.to_string() };
        let plainly = key.kind.is_usage();
        let measures = |of: &Intervals<'_>| of.name == key.name.as_ref() && of.measures(key.unit, plainly);
        if key.kind == QuantityKind::Level {
            return Err(missing());
        }
        if key.bucket.as_ref().is_some_and(|bucket| in_force.version.clock().bucket(bucket).is_none()) {
            return Err(missing());
        }
        self.input.intervals.iter().position(measures).ok_or_else(missing)
    }

    /// The quantity of the whole period.
    pub(crate) fn whole(&mut self, in_force: InForce<'a>, key: &QuantityKey) -> Result<Decimal, RatingError> {
        match self.find(in_force, key)? {
            Found::Whole(value) => Ok(value),
            Found::Measured(series) => self.measured(in_force, key, series, self.input.period),
        }
    }

    /// What interval data have on these days.
    pub(crate) fn measured(
        &mut self,
        in_force: InForce<'a>,
        key: &QuantityKey,
        series: usize,
        period: Period,
    ) -> Result<Decimal, RatingError> {
        let demand = in_force.version.tariff().demand;
        self.averaged(in_force, key, series, period)?;
        let (tally, of) = self.tally(in_force, key.bucket.as_ref(), series, period)?;
        Ok(match key.kind {
            QuantityKind::Usage => of.accumulated(tally.sum, key.unit)?,
            QuantityKind::DailyPeaks => of.power(tally.daily_peaks, demand)?,
            QuantityKind::Peak | QuantityKind::Level => of.power(tally.peak, demand)?,
        })
    }

    /// Demand is averaged over whole intervals, or not to be had.
    fn averaged(
        &self,
        in_force: InForce<'a>,
        key: &QuantityKey,
        series: usize,
        period: Period,
    ) -> Result<(), RatingError> {
        let of = self.input.intervals[series];
        let whole = key.kind.is_usage() || of.blocks(in_force.version.tariff().demand).is_some();
        if whole || !of.is_valid() { Ok(()) } else { Err(of.too_coarse(period.first_on())) }
    }

    fn tally(
        &mut self,
        in_force: InForce<'a>,
        bucket: Option<&Word>,
        series: usize,
        period: Period,
    ) -> Result<(Tally, Intervals<'a>), RatingError> {
        let of = self.input.intervals[series];
        let clock = in_force.version.clock();
        let found = bucket.and_then(|bucket| clock.bucket(bucket));
        let times = found.map(|(at, _, _)| (in_force.id, at));
        let place = found.map_or(0, |(_, _, place)| place);
        let known = self.tallies.iter().find(|known| {
            known.series == series
                && known.times == times
                && known.demand_of == in_force.id
                && known.period == period
        });
        if let Some(known) = known {
            return Ok((known.tallies[place], of));
        }
        let demand = in_force.version.tariff().demand;
        let tallies = of.tally(period, clock, found.map(|(_, times, _)| times), demand)?;
        let tally = tallies[place];
        self.tallies.push(Tallied { series, times, demand_of: in_force.id, period, tallies });
        Ok((tally, of))
    }

    /// The quantity of each day.
    pub(crate) fn each_day(
        &self,
        in_force: InForce<'a>,
        key: &QuantityKey,
        series: usize,
        period: Period,
    ) -> Result<Vec<Decimal>, RatingError> {
        let of = self.input.intervals[series];
        let version = in_force.version;
        let demand = version.tariff().demand;
        let found = key.bucket.as_ref().and_then(|bucket| version.clock().bucket(bucket));
        let place = found.map_or(0, |(_, _, place)| place);
        self.averaged(in_force, key, series, period)?;
        let usage = key.kind.is_usage();
        let mut before = 0;
        let mut all = Vec::with_capacity(31);
        let times = found.map(|(_, times, _)| times);
        of.tally_days(period, version.clock(), times, demand, |tallies, highest| {
            let sum = tallies.get(place).map_or(0, |tally| tally.sum);
            let peak = highest.get(place).copied().unwrap_or_default();
            all.push(if usage { sum - before } else { peak });
            before = sum;
        })?;
        let value = |raw| if usage { of.accumulated(raw, key.unit) } else { of.power(raw, demand) };
        Ok(all.into_iter().map(value).collect::<Result<_, _>>()?)
    }

    /// Fills the tiers of buckets in the order of time: per bucket, per tier, the quantity.
    pub(crate) fn in_time_order(
        &self,
        in_force: InForce<'a>,
        series: usize,
        unit: Unit,
        buckets: &[BucketTops<'_>],
        period: Period,
    ) -> Result<Vec<Vec<Decimal>>, RatingError> {
        let of = self.input.intervals[series];
        let clock = in_force.version.clock();
        let first = buckets.first().and_then(|bucket| clock.bucket(bucket.bucket));
        let Some((_, times, _)) = first else {
            return Err(RatingError::IntervalsMissing { unit, on: period.first_on() });
        };
        // Per bucket of the time of use, its place among the charge's buckets.
        let places: Vec<Option<usize>> = times
            .buckets()
            .iter()
            .map(|name| buckets.iter().position(|bucket| bucket.bucket == name))
            .collect();
        if !of.is_valid() {
            return Err(RatingError::IntervalsMissing { unit, on: period.first_on() });
        }
        let raise = 10_i128.pow(STORED_SCALE - of.scale);
        let to_raw = |top: Decimal| -> Result<i128, RatingError> {
            let top = decimal::round(in_series(&of, unit, top)?, STORED_SCALE, Rounding::HalfAwayFromZero);
            // A top too far away for raw units is never reached.
            let raised = 10_i128.checked_pow(STORED_SCALE.saturating_sub(top.scale()));
            Ok(raised.and_then(|raise| top.mantissa().checked_mul(raise)).unwrap_or(i128::MAX))
        };
        let tops = buckets
            .iter()
            .map(|bucket| bucket.tops.iter().map(|top| top.map(to_raw).transpose()).collect())
            .collect::<Result<Vec<Vec<Option<i128>>>, RatingError>>()?;
        let mut filled: Vec<Vec<i128>> = tops.iter().map(|tops| vec![0; tops.len()]).collect();
        let mut so_far = 0_i128;
        let holidays = clock.holidays(period);
        of.days(period, |day| {
            let row = of.row(times, day.on, &holidays)?;
            for (index, value) in day.values.iter().enumerate() {
                let bucket = usize::from(row[day.slot(index)]);
                let Some(Some(place)) = places.get(bucket) else { continue };
                fill(&tops[*place], &mut filled[*place], &mut so_far, i128::from(*value) * raise);
            }
            Ok(())
        })?;
        let decimals = |tiers: &Vec<i128>| -> Result<Vec<Decimal>, RatingError> {
            tiers.iter().map(|raw| Ok(of_unit(&of, unit, raw_decimal(*raw, STORED_SCALE)?)?)).collect()
        };
        filled.iter().map(decimals).collect()
    }
}

/// A bucket with the tops of its tiers, made ready.
pub(crate) struct BucketTops<'t> {
    pub(crate) bucket: &'t Word,
    pub(crate) tops: Vec<Option<Decimal>>,
}

/// Puts what an interval has into the tiers above what they hold so far; what it gives back comes
/// out of them from the highest down.
fn fill(tops: &[Option<i128>], filled: &mut [i128], so_far: &mut i128, value: i128) {
    let mut rest = value;
    for (tier, top) in tops.iter().enumerate() {
        if rest <= 0 {
            break;
        }
        let part = top.map_or(rest, |top| rest.min(top.saturating_sub(*so_far).max(0)));
        filled[tier] += part;
        *so_far += part;
        rest -= part;
    }
    for tier in (0..tops.len()).rev() {
        if rest >= 0 {
            break;
        }
        // The first tier has no floor.
        let floor = tops[..tier].iter().flatten().max();
        let part = floor.map_or(rest, |floor| rest.max(floor.saturating_sub(*so_far).min(0)));
        filled[tier] += part;
        *so_far += part;
        rest -= part;
    }
}

/// A quantity in the unit of the series: what average power over the interval stands for.
fn in_series(of: &Intervals<'_>, unit: Unit, value: Decimal) -> Result<Decimal, decimal::Overflow> {
    if of.unit == unit {
        return Ok(value);
    }
    decimal::mul_div(value, Decimal::from(60), Decimal::from(of.minutes))
}

fn of_unit(of: &Intervals<'_>, unit: Unit, value: Decimal) -> Result<Decimal, decimal::Overflow> {
    if of.unit == unit {
        return Ok(value.normalize());
    }
    Ok(decimal::mul_div(value, Decimal::from(of.minutes), Decimal::from(60))?.normalize())
}

//! Tiers under time of use, in both public conventions: each tier shared among the buckets by
//! their use, or the tiers filled in the order of time.

use super::{Draft, Part, Step};
use crate::error::RatingError;
use crate::line::{LineKind, LineQuantity, LineTier, TierShared};
use crate::measures::BucketTops;
use crate::pieces::Piece;
use crate::tariff::{BucketTiers, Filling, QuantityKey, Thresholds};
use vocab::Decimal;
use vocab::decimal::{self, Overflow, Rounding, STORED_SCALE};

/// The charge's terms.
#[derive(Clone, Copy)]
pub(super) struct Tiers<'a> {
    pub(super) quantity: &'a QuantityKey,
    pub(super) filling: Filling,
    pub(super) thresholds: &'a Thresholds,
    pub(super) buckets: &'a [BucketTiers],
}

/// A bucket's use and steps.
struct Bucket<'a> {
    of: &'a BucketTiers,
    used: LineQuantity,
    steps: Vec<Step>,
}

impl<'a> Draft<'a> {
    pub(super) fn time_of_use(
        &mut self,
        part: &Part<'_, 'a>,
        terms: Tiers<'a>,
        pieces: &[Piece<'a>],
        at: usize,
    ) -> Result<(), RatingError> {
        let mut buckets = Vec::with_capacity(terms.buckets.len());
        for of in terms.buckets {
            let key = terms.quantity.clone().in_bucket(of.bucket.clone());
            let used = match terms.filling {
                Filling::ByUse => self.share(&key, pieces, at)?,
                Filling::InTimeOrder => self.measured_share(&key, pieces, at)?,
            };
            let scale = self.threshold_scale(part, key.kind, terms.thresholds, false)?;
            let steps = of.tiers.iter().map(|tier| self.step(part, tier, scale)).collect::<Result<_, _>>()?;
            buckets.push(Bucket { of, used, steps });
        }
        let all = decimal::sum(buckets.iter().map(|bucket| bucket.used.in_period))?;
        let filled = match terms.filling {
            Filling::ByUse => by_use(&buckets, all)?,
            Filling::InTimeOrder => self.in_time_order(part, terms.quantity, &buckets)?,
        };
        let nothing = filled.iter().flatten().all(|value| value.is_zero());
        for (place, bucket) in buckets.iter().enumerate() {
            let mut from = Decimal::ZERO;
            for (tier, step) in bucket.steps.iter().enumerate() {
                let value = filled[place][tier];
                let number = u32::try_from(tier + 1).unwrap_or(u32::MAX);
                // A use of nothing is shown once.
                if !value.is_zero() || (nothing && place == 0 && tier == 0) {
                    let in_tier = match terms.filling {
                        Filling::ByUse => inside(all, from, step.up_to)?,
                        Filling::InTimeOrder => {
                            decimal::sum(filled.iter().filter_map(|of| of.get(tier).copied()))?
                        }
                    };
                    let shared = Some(Box::new(TierShared { filling: terms.filling, in_tier, all }));
                    let record = LineTier { shared, ..step.record(number, from) };
                    let quantity = LineQuantity { value, ..bucket.used.clone() };
                    let written = &bucket.of.tiers[tier];
                    self.tier(part, LineKind::Tier, written, quantity, record)?;
                }
                from = step.up_to.map_or(from, |top| top.max(from));
            }
        }
        Ok(())
    }

    fn in_time_order(
        &self,
        part: &Part<'_, 'a>,
        quantity: &QuantityKey,
        buckets: &[Bucket<'a>],
    ) -> Result<Vec<Vec<Decimal>>, RatingError> {
        let in_force = part.piece.in_force;
        let series = self.measures.series(in_force, quantity)?;
        let tops: Vec<BucketTops<'_>> = buckets
            .iter()
            .map(|bucket| BucketTops {
                bucket: &bucket.of.bucket,
                tops: bucket.steps.iter().map(|step| step.up_to).collect(),
            })
            .collect();
        self.measures.in_time_order(in_force, series, quantity.unit, &tops, part.piece.period)
    }
}

/// What of a whole lies between two thresholds; a whole below nothing lies in the first tier.
fn inside(all: Decimal, from: Decimal, up_to: Option<Decimal>) -> Result<Decimal, Overflow> {
    let top = up_to.map_or(all, |top| top.min(all));
    if from.is_zero() || top > from { decimal::sub(top, from) } else { Ok(Decimal::ZERO) }
}

/// Per bucket and tier: what all buckets have in the tier × the bucket's use ÷ all, to 10 decimals.
/// The last tier that is reached takes the residue, so that no bucket loses anything.
fn by_use(buckets: &[Bucket<'_>], all: Decimal) -> Result<Vec<Vec<Decimal>>, RatingError> {
    let mut filled = Vec::with_capacity(buckets.len());
    for bucket in buckets {
        let used = bucket.used.in_period;
        let mut tiers = vec![Decimal::ZERO; bucket.steps.len()];
        let (mut from, mut rest) = (Decimal::ZERO, used);
        for (tier, step) in bucket.steps.iter().enumerate() {
            let last = step.up_to.is_none_or(|top| all <= top);
            if last {
                tiers[tier] = rest.normalize();
                break;
            }
            let part = decimal::mul_div(inside(all, from, step.up_to)?, used, all)?;
            let part = decimal::round(part, STORED_SCALE, Rounding::HalfAwayFromZero).normalize();
            tiers[tier] = part;
            rest = decimal::sub(rest, part)?;
            from = step.up_to.map_or(from, |top| top.max(from));
        }
        filled.push(tiers);
    }
    Ok(filled)
}

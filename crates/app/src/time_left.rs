//! How long the rest of an operation takes, told from what its workers have done of it.
//!
//! Chunks are unequal, and the heavy ones go first: counting them, or their items, would tell too long a time for
//! the rest. What counts is weight, and each worker's own pace: from its first chunk to the end of its latest, so
//! that what the others have under way at a moment is nobody's loss.

use store::queue::Pace;
use time::OffsetDateTime;

/// A worker that has finished nothing for so many of its chunks' usual time is not counted on: it has ended, or
/// the work was paused.
const SILENT_CHUNKS: i64 = 3;
/// Parts of a unit of weight in which the work of a millisecond is told.
const FINE: i128 = 1_000_000_000;

/// Seconds until nothing of this weight is left, at the pace of those at work; none before the first chunk is done.
pub(crate) fn estimate_s(open_weight: i64, paces: &[Pace], now: OffsetDateTime) -> Option<i64> {
    let is_at_work = |pace: &&Pace| {
        let since_ms = ms(pace.ended_at, now);
        since_ms * i128::from(pace.chunks) <= ms(pace.began_at, pace.ended_at) * i128::from(SILENT_CHUNKS)
    };
    let mut counted: Vec<&Pace> = paces.iter().filter(is_at_work).collect();
    if counted.is_empty() {
        counted = paces.iter().collect();
    }
    let (mut a_ms, mut under_way) = (0_i128, 0_i128);
    for pace in counted {
        let weight = i128::from(pace.weight) * FINE;
        let own_a_ms = weight / ms(pace.began_at, pace.ended_at);
        a_ms += own_a_ms;
        // No more than one chunk of its usual size.
        under_way += (own_a_ms * ms(pace.ended_at, now)).min(weight / i128::from(pace.chunks.max(1)));
    }
    if a_ms == 0 {
        return None;
    }
    let left = (i128::from(open_weight) * FINE - under_way).max(0);
    // The nearest second.
    i64::try_from((left / a_ms + 500) / 1000).ok()
}

/// At least one.
fn ms(from: OffsetDateTime, to: OffsetDateTime) -> i128 {
    (to - from).whole_milliseconds().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::Duration;

    const START: OffsetDateTime = time::macros::datetime!(2026-02-02 20:00 UTC);
    /// Milliseconds that a unit of weight takes.
    const UNIT_MS: i64 = 7;

    /// A chunk done: by whom, and from when to when, in milliseconds since the start.
    struct Done {
        worker: usize,
        from_ms: i64,
        to_ms: i64,
        weight: i64,
    }

    /// Workers take the chunks in order, each as soon as it is free; one works from `joins_ms` on.
    fn worked(weights: &[i64], joins_ms: &[i64]) -> Vec<Done> {
        let mut free_ms = joins_ms.to_vec();
        let take = |&weight: &i64| {
            let worker = (0..free_ms.len()).min_by_key(|&worker| free_ms[worker]).unwrap();
            let from_ms = free_ms[worker];
            free_ms[worker] += weight * UNIT_MS;
            Done { worker, from_ms, to_ms: free_ms[worker], weight }
        };
        weights.iter().map(take).collect()
    }

    fn at(ms: i64) -> OffsetDateTime {
        START + Duration::milliseconds(ms)
    }

    /// What is estimated at a moment.
    fn estimate(all: &[Done], now_ms: i64) -> Option<i64> {
        let mut paces: Vec<(usize, Pace)> = Vec::new();
        for done in all.iter().filter(|done| done.to_ms <= now_ms) {
            match paces.iter_mut().find(|(worker, _)| *worker == done.worker) {
                Some((_, pace)) => {
                    pace.chunks += 1;
                    pace.weight += done.weight;
                    pace.ended_at = at(done.to_ms);
                }
                None => paces.push((
                    done.worker,
                    Pace {
                        chunks: 1,
                        weight: done.weight,
                        began_at: at(done.from_ms),
                        ended_at: at(done.to_ms),
                    },
                )),
            }
        }
        let paces: Vec<Pace> = paces.into_iter().map(|(_, pace)| pace).collect();
        let open = all.iter().filter(|done| done.to_ms > now_ms).map(|done| done.weight).sum();
        estimate_s(open, &paces, at(now_ms))
    }

    fn end_ms(all: &[Done]) -> i64 {
        all.iter().map(|done| done.to_ms).max().unwrap()
    }

    /// Forty heavy chunks, then four hundred light ones, each group getting lighter.
    fn uneven() -> Vec<i64> {
        let heavy = (0..40).map(|n| 5000 - n * 50);
        heavy.chain((0..400).map(|n| 900 - n)).collect()
    }

    #[test]
    fn after_a_tenth_it_is_right_within_a_fifth_however_uneven_the_chunks() {
        let weights = uneven();
        for workers in [1, 2, 4, 7] {
            let all = worked(&weights, &vec![0; workers]);
            let end = end_ms(&all);
            for now in [end / 10, end / 7, end / 3, end / 2, end * 9 / 10] {
                let (left_s, told_s) = ((end - now) / 1000, estimate(&all, now).unwrap());
                assert!(
                    (told_s - left_s).abs() * 5 <= left_s,
                    "{workers} at {now} ms: {told_s} for {left_s} s"
                );
            }
            // By the count of chunks it would be far too long: that is what weights are for.
            let tenth = end / 10;
            let done = i64::try_from(all.iter().filter(|done| done.to_ms <= tenth).count()).unwrap();
            let by_count_s = tenth * (i64::try_from(weights.len()).unwrap() - done) / done / 1000;
            assert!(by_count_s > (end - tenth) / 1000 * 2, "{workers}: {by_count_s} s");
        }
    }

    #[test]
    fn who_joins_later_is_counted_from_then_on() {
        let all = worked(&[1000; 200], &[0, 0, 300_000]);
        let (end, now) = (end_ms(&all), 360_000);
        let (left_s, told_s) = ((end - now) / 1000, estimate(&all, now).unwrap());
        assert!((told_s - left_s).abs() * 10 <= left_s, "{told_s} for {left_s} s");
    }

    #[test]
    fn who_has_ended_is_not_counted_on() {
        let pace = |ended_ms| Pace { chunks: 10, weight: 1000, began_at: START, ended_at: at(ended_ms) };
        let two = [pace(10_000), pace(10_000)];
        assert_eq!(estimate_s(1000, &two, at(10_000)), Some(5));
        // One goes on at the same pace, the other is silent.
        let one = Pace { chunks: 20, weight: 2000, began_at: START, ended_at: at(20_000) };
        assert_eq!(estimate_s(1000, &[one, pace(10_000)], at(20_000)), Some(10));
        // All are silent: the work is paused, or its chunk is long.
        assert_eq!(estimate_s(1000, &two, at(600_000)), Some(4));
    }

    #[test]
    fn nothing_is_told_before_the_first_chunk() {
        assert_eq!(estimate_s(1000, &[], START), None);
    }
}

//! Interval data for bills: the day sums of registers without dials, and the values of each interval
//! where a rate may price them. No query where no register and no rate wants any.

use super::remarks;
use crate::Result;
use billing::{DayOfIntervals, PointMeters, ReadRemark, RegisterReads};
use metering::Read;
use std::collections::BTreeSet;
use store::Tx;
use store::intervals::{DaySum, StoredDay};
use time::Date;
use vocab::{Decimal, ReadQuality, ReadStatus, RegisterId, RegisterKind, ServicePointId};

/// Adds interval data to registers that are sorted by service point: the sums of whole days to those
/// without dials, the values to those of the service points named. Held days are as if they were not there;
/// they, and those taken with a warning, are answered as remarks.
pub(super) fn add(
    tx: &mut Tx<'_>,
    meters: &mut [PointMeters],
    profiled: &BTreeSet<ServicePointId>,
    from: Date,
    to: Date,
) -> Result<Vec<ReadRemark>> {
    let mut found = Vec::new();
    let has_no_dials =
        |of: &&PointMeters| of.registers.iter().any(|of| of.register.kind == RegisterKind::Interval);
    let wanted = |of: &&PointMeters| profiled.contains(&of.service_point);
    let points = |which: &dyn Fn(&&PointMeters) -> bool| -> Vec<ServicePointId> {
        meters.iter().filter(which).map(|of| of.service_point).collect()
    };
    let summed = points(&|of| has_no_dials(of) && !wanted(of));
    let valued = points(&|of| wanted(of));
    if !summed.is_empty() {
        for row in store::intervals::sums(tx, &summed, from, to)? {
            if add_sum(meters, &row) {
                found.extend(remarks::of_day(&row));
            }
        }
    }
    if !valued.is_empty() {
        for row in store::intervals::load(tx, &valued, from, to)? {
            add_values(meters, &row)?;
            found.extend(remarks::of_day(&row.sum()));
        }
    }
    Ok(found)
}

/// A service point's registers with their interval data of some days, for segments that are rated again.
pub(crate) fn of_points(
    tx: &mut Tx<'_>,
    points: &[ServicePointId],
    from: Date,
    to: Date,
) -> Result<Vec<PointMeters>> {
    let mut meters: Vec<PointMeters> = Vec::new();
    for row in store::registers::at(tx, points)? {
        let of = RegisterReads { register: row.as_metering()?, reads: Vec::new(), days: Vec::new() };
        match meters.last_mut().filter(|point| point.service_point == row.service_point_id) {
            Some(point) => point.registers.push(of),
            None => meters.push(PointMeters { service_point: row.service_point_id, registers: vec![of] }),
        }
    }
    meters.sort_unstable_by_key(|of| of.service_point);
    for row in store::intervals::load(tx, points, from, to)? {
        add_values(&mut meters, &row)?;
    }
    Ok(meters)
}

/// Whether its register is one that days are billed of: one without dials.
fn add_sum(meters: &mut [PointMeters], row: &DaySum) -> bool {
    let register = RegisterId::new(row.service_point_id, row.register_id);
    let Some(of) = find(meters, register).filter(|of| of.register.kind == RegisterKind::Interval) else {
        return false;
    };
    if !row.is_held && counts(of, row.day, row.missing) {
        of.reads.push(read_of(row.day, row.total, row.estimated));
    }
    true
}

fn add_values(meters: &mut [PointMeters], row: &StoredDay) -> Result<()> {
    if row.is_held {
        return Ok(());
    }
    if let Some(of) = find(meters, row.register()) {
        let data = row.data()?;
        if counts(of, row.day, row.missing) {
            of.reads.push(read_of(row.day, row.total, row.estimated));
        }
        of.days.push(DayOfIntervals { on: row.day, data });
    }
    Ok(())
}

/// Whether a day counts as it is: a whole one, or one on which the meter came or went.
fn counts(of: &RegisterReads, on: Date, missing: i16) -> bool {
    let register = &of.register;
    register.kind == RegisterKind::Interval && (missing == 0 || register.stay().is_edge(on))
}

/// A whole day as a read, no surer than its least certain interval.
fn read_of(read_on: Date, value: Decimal, estimated: i16) -> Read {
    let quality = if estimated > 0 { ReadQuality::Estimated } else { ReadQuality::Actual };
    Read { read_on, value, quality, status: ReadStatus::Valid }
}

fn find(meters: &mut [PointMeters], register: RegisterId) -> Option<&mut RegisterReads> {
    let at = meters.binary_search_by_key(&register.owner, |of| of.service_point).ok()?;
    meters.get_mut(at)?.registers.iter_mut().find(|of| of.register.id == register)
}

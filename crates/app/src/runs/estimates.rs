//! The reads that an estimate may need, and the reads that estimates become.
//!
//! Only accounts whose estimate date has come and whose registers lack a read need more than a bill
//! does: a book without missing reads costs nothing here. What an account sees does not depend on its
//! company.

use super::inputs::seen_from;
use crate::{Error, Result, Utility};
use billing::{AccountInputs, EstimatedRead, PointMeters, RegisterReads, RunContext, estimate_reads_from};
use std::collections::{BTreeMap, HashMap};
use store::Tx;
use store::reads::NewRead;
use time::Date;
use vocab::{Decimal, ReadQuality, ReadStatus, RegisterId, RegisterKind, ServicePointId};

/// Adds the older reads that estimates may rest on, in one load for all accounts.
pub(super) fn add_reads(tx: &mut Tx<'_>, context: &RunContext, all: &mut [AccountInputs]) -> Result<()> {
    let wanted: Vec<BTreeMap<ServicePointId, Date>> =
        all.iter().map(|inputs| wanted(context, inputs)).collect();
    let mut points: Vec<ServicePointId> = wanted.iter().flat_map(|own| own.keys().copied()).collect();
    points.sort_unstable();
    points.dedup();
    let Some(from) = wanted.iter().flat_map(|own| own.values().copied()).min() else { return Ok(()) };
    let loaded: HashMap<ServicePointId, PointMeters> =
        store::reads::load_metered(tx, &points, from, context.last_read_on())?
            .into_iter()
            .map(|point| (point.service_point, point))
            .collect();
    for (inputs, own) in all.iter_mut().zip(wanted) {
        for meters in &mut inputs.meters {
            let more = own.get(&meters.service_point).zip(loaded.get(&meters.service_point));
            if let Some((from, more)) = more {
                extend(meters, seen_from(more, *from));
            }
        }
    }
    Ok(())
}

/// From which day on an account's service points need reads for estimates.
fn wanted(context: &RunContext, inputs: &AccountInputs) -> BTreeMap<ServicePointId, Date> {
    let mut from: BTreeMap<ServicePointId, Date> = BTreeMap::new();
    for contract in &inputs.contracts {
        let own = contract.service_point.zip(estimate_reads_from(context, inputs, contract));
        if let Some((point, own)) = own {
            from.entry(point).and_modify(|day| *day = own.min(*day)).or_insert(own);
        }
    }
    from
}

/// Puts older reads, and registers that are gone, to what was loaded. Interval data stay as they are.
fn extend(meters: &mut PointMeters, more: PointMeters) {
    for older in more.registers {
        let is_same = |of: &&mut RegisterReads| of.register.id == older.register.id;
        match meters.registers.iter_mut().find(is_same) {
            Some(of) if of.register.kind == RegisterKind::Interval => {}
            Some(of) => {
                let is_new = |read: &&metering::Read| of.reads.iter().all(|own| own.read_on != read.read_on);
                let mut reads: Vec<metering::Read> = older.reads.iter().filter(is_new).copied().collect();
                reads.append(&mut of.reads);
                reads.sort_unstable_by_key(|read| read.read_on);
                of.reads = reads;
            }
            None => meters.registers.push(older),
        }
    }
    meters.registers.sort_unstable_by_key(|of| of.register.id);
}

/// Estimates that completions store, with their values: each register's day once.
#[derive(Default)]
pub(crate) struct Made(BTreeMap<(RegisterId, Date), Decimal>);

impl Made {
    /// Takes what a bill rests on; `false`, and nothing is taken, where another bill rests on another
    /// estimate of the same read.
    pub(crate) fn take(&mut self, estimates: &[EstimatedRead]) -> bool {
        let mut values: BTreeMap<(RegisterId, Date), Decimal> = BTreeMap::new();
        for of in estimates {
            let key = (of.register, of.read_on);
            let earlier = self.0.get(&key).copied().or_else(|| values.insert(key, of.value));
            if earlier.is_some_and(|value| value != of.value) {
                return false;
            }
        }
        self.0.extend(values);
        true
    }

    /// Stores them as valid reads, so that the next period starts from them.
    pub(crate) fn store(self, tx: &mut Tx<'_>) -> Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        let (utility, now) = (Utility::load(tx)?, tx.as_of());
        let read = |((register, read_on), value): ((RegisterId, Date), Decimal)| {
            let end = utility.zone.end_of(read_on);
            let end = end.ok_or_else(|| Error::Fault("a day without an end".to_owned()))?;
            Ok(NewRead {
                register,
                read_at: end.min(now),
                read_on,
                value,
                quality: ReadQuality::Estimated,
                status: ReadStatus::Valid,
                source: "estimate".into(),
                import_id: None,
                reason: None,
            })
        };
        let reads = self.0.into_iter().map(read).collect::<Result<Vec<NewRead>>>()?;
        store::reads::copy_in(tx, &reads)?;
        Ok(())
    }
}

//! Which register a line is about.

use crate::Result;
use metering::exchange::ReadingRow;
use std::collections::{BTreeSet, HashMap, HashSet};
use store::Tx;
use store::meters::RegisterRow;
use time::Date;
use vocab::{ServicePointId, SiteId};

/// The registers that the lines of a chunk may be about.
pub(super) struct Directory {
    by_serial: HashMap<String, Vec<RegisterRow>>,
    by_point: HashMap<ServicePointId, Vec<RegisterRow>>,
    points: HashMap<String, ServicePointId>,
    /// Service points whose site the importer does not see.
    foreign: HashSet<ServicePointId>,
}

/// Why no register is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unknown {
    /// There is no such meter or service point.
    Meter,
    /// The meter has several registers and the line names none of them.
    Ambiguous,
}

impl Directory {
    /// Looks everything up at once, within some sites or all.
    pub fn look_up(tx: &mut Tx<'_>, rows: &[ReadingRow], sites: Option<&[SiteId]>) -> Result<Self> {
        let distinct = |cell: fn(&ReadingRow) -> Option<&String>| -> Vec<String> {
            rows.iter().filter_map(cell).collect::<BTreeSet<_>>().into_iter().cloned().collect()
        };
        let serials = distinct(|row| row.meter_serial.as_ref());
        let codes = distinct(|row| row.service_point.as_ref());
        let mut by_serial: HashMap<String, Vec<RegisterRow>> = HashMap::new();
        for row in store::reads::find_registers_by_serial(tx, &serials)? {
            by_serial.entry(row.serial.clone()).or_default().push(row);
        }
        let points: HashMap<String, ServicePointId> =
            store::places::service_points_by_code(tx, &codes)?.into_iter().collect();
        let ids: Vec<ServicePointId> = points.values().copied().collect();
        let mut by_point: HashMap<ServicePointId, Vec<RegisterRow>> = HashMap::new();
        for row in store::meters::registers_at(tx, &ids)? {
            by_point.entry(row.service_point_id).or_default().push(row);
        }
        let mut foreign = HashSet::new();
        if let Some(sites) = sites {
            let mut all = ids;
            all.extend(by_serial.values().flatten().map(|row| row.service_point_id));
            let found = store::exchange::sites_of(tx, &all)?;
            foreign.extend(found.iter().filter(|(_, site)| !sites.contains(site)).map(|(point, _)| *point));
        }
        Ok(Self { by_serial, by_point, points, foreign })
    }

    /// The register of a line. A service point that is known decides, so that another meter's
    /// number at it is found out; else the meter's number does.
    pub fn find(&self, row: &ReadingRow) -> std::result::Result<&RegisterRow, Unknown> {
        let serial = row.meter_serial.as_deref();
        let at_point = row.service_point.as_ref().and_then(|code| self.points.get(code));
        let candidates = match at_point {
            Some(point) => self.by_point.get(point),
            None => serial.and_then(|serial| self.by_serial.get(serial)),
        };
        let candidates: Vec<&RegisterRow> = candidates
            .into_iter()
            .flatten()
            .filter(|of| !self.foreign.contains(&of.service_point_id))
            .filter(|of| row.register.as_ref().is_none_or(|code| of.code.eq_ignore_ascii_case(code)))
            .collect();
        let best = candidates.iter().max_by_key(|of| {
            let is_named = serial.is_some_and(|serial| of.serial.eq_ignore_ascii_case(serial));
            (installed_on(of, row.read_on), is_named, of.installed_on)
        });
        let best = best.ok_or(Unknown::Meter)?;
        let same_install = candidates.iter().filter(|of| of.install_id == best.install_id).count();
        if same_install > 1 { Err(Unknown::Ambiguous) } else { Ok(best) }
    }
}

fn installed_on(of: &RegisterRow, day: Date) -> bool {
    of.installed_on <= day && of.removed_on.is_none_or(|removed_on| day <= removed_on)
}

//! Which register a row is about.

use crate::Result;
use meterdata::{Channel, Flow};
use std::collections::{BTreeSet, HashMap, HashSet};
use store::Tx;
use store::registers::RegisterRow;
use time::Date;
use vocab::{RegisterKind, ServicePointId, SiteId};

/// The registers that the rows of a batch may be about, and where.
pub(super) struct Directory {
    registers: Vec<RegisterRow>,
    /// Places in `registers`.
    by_serial: HashMap<String, Vec<usize>>,
    by_point: HashMap<ServicePointId, Vec<usize>>,
    codes: HashMap<String, ServicePointId>,
}

/// What a row brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Brings {
    Read,
    Intervals,
}

/// Why no register is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unknown {
    /// There is no such meter or service point.
    Meter,
    /// The meter has no register of that name.
    Register,
    /// The meter has several registers and the row names none of them.
    Ambiguous,
    /// The register counts in another unit.
    Unit,
    /// The register has no dials, or has no interval data.
    Kind,
}

impl Unknown {
    /// The word as it is stored and sent, and the sentence.
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Meter => ("unknown_meter", "no such meter is installed"),
            Self::Register => ("unknown_register", "the meter has no register of that name"),
            Self::Ambiguous => ("ambiguous_register", "the meter has several registers; name one"),
            Self::Unit => ("unit_mismatch", "the register counts in another unit"),
            Self::Kind => ("no_dials", "the register gives interval data; it has no value to read"),
        }
    }
}

impl Directory {
    /// The service points that channels may be at, of those that an importer of some sites or all may see.
    /// Ascending.
    pub fn points(
        tx: &mut Tx<'_>,
        channels: &[&Channel],
        sites: Option<&[SiteId]>,
    ) -> Result<(Vec<ServicePointId>, Codes)> {
        let distinct = |of: fn(&Channel) -> Option<&String>| -> Vec<String> {
            channels
                .iter()
                .filter_map(|channel| of(channel))
                .collect::<BTreeSet<_>>()
                .into_iter()
                .cloned()
                .collect()
        };
        let codes: Codes = Codes(
            store::places::service_points_by_code(tx, &distinct(|of| of.point.as_ref()))?
                .into_iter()
                .collect(),
        );
        // Where the place is known it decides; a meter is looked for only without one.
        let serials: BTreeSet<&String> = channels
            .iter()
            .filter(|of| of.point.as_ref().is_none_or(|code| !codes.0.contains_key(code)))
            .filter_map(|of| of.serial.as_ref())
            .collect();
        let serials: Vec<String> = serials.into_iter().cloned().collect();
        let mut points: Vec<ServicePointId> = codes.0.values().copied().collect();
        if !serials.is_empty() {
            points.extend(
                store::exchange::points_of_serials(tx, &serials)?.into_iter().map(|(_, point)| point),
            );
        }
        points.sort_unstable();
        points.dedup();
        if let Some(sites) = sites {
            let own = store::exchange::sites_of(tx, &points)?;
            let own: HashSet<ServicePointId> =
                own.into_iter().filter(|(_, site)| sites.contains(site)).map(|(point, _)| point).collect();
            points.retain(|point| own.contains(point));
        }
        Ok((points, codes))
    }

    /// The registers at service points.
    pub fn load(tx: &mut Tx<'_>, points: &[ServicePointId], codes: Codes) -> Result<Self> {
        let registers = store::registers::at(tx, points)?;
        let mut by_serial: HashMap<String, Vec<usize>> = HashMap::with_capacity(registers.len());
        let mut by_point: HashMap<ServicePointId, Vec<usize>> = HashMap::with_capacity(points.len());
        for (place, row) in registers.iter().enumerate() {
            by_point.entry(row.service_point_id).or_default().push(place);
            match by_serial.get_mut(&row.serial) {
                Some(places) => places.push(place),
                None => drop(by_serial.insert(row.serial.clone(), vec![place])),
            }
        }
        Ok(Self { registers, by_serial, by_point, codes: codes.0 })
    }

    /// Every register, by service point and id.
    pub fn registers(&self) -> &[RegisterRow] {
        &self.registers
    }

    /// Whether there is a service point of this code.
    pub fn has_point(&self, code: &String) -> bool {
        self.codes.contains_key(code)
    }

    /// Whether the register at a place is of the only meter that its service point has had.
    pub fn is_only_install(&self, place: usize) -> bool {
        let Some(of) = self.registers.get(place) else { return false };
        let is_other = |row: &&RegisterRow| {
            row.service_point_id == of.service_point_id && row.install_id != of.install_id
        };
        // Registers of one service point stand together.
        let before = self.registers[..place]
            .iter()
            .rev()
            .take_while(|row| row.service_point_id == of.service_point_id);
        let after =
            self.registers[place..].iter().take_while(|row| row.service_point_id == of.service_point_id);
        before.chain(after).find(is_other).is_none()
    }

    /// The place of a row's register. A service point that is known decides, so that another meter's
    /// number at it is found out; else the meter's number does.
    pub fn find(&self, channel: &Channel, on: Date, brings: Brings) -> std::result::Result<usize, Unknown> {
        let at_point = channel.point.as_ref().and_then(|code| self.codes.get(code));
        let places = match at_point {
            Some(point) => self.by_point.get(point),
            None => channel.serial.as_ref().and_then(|serial| self.by_serial.get(serial)),
        };
        let places = places.filter(|places| !places.is_empty()).ok_or(Unknown::Meter)?;
        let install = self.install(places, channel, on).ok_or(Unknown::Meter)?;
        let mut found: Option<usize> = None;
        let mut closest = Unknown::Register;
        for &place in places {
            let row = &self.registers[place];
            if row.install_id != install {
                continue;
            }
            match fits(row, channel, brings) {
                Ok(()) => found = Some(self.better(found, place, brings)?),
                Err(Unknown::Register) => {}
                Err(why) => closest = why,
            }
        }
        found.ok_or(closest)
    }

    /// Of two registers that fit, interval data go to the one without dials.
    fn better(
        &self,
        known: Option<usize>,
        other: usize,
        brings: Brings,
    ) -> std::result::Result<usize, Unknown> {
        let Some(known) = known else { return Ok(other) };
        let has_no_dials = |place: usize| self.registers[place].kind == RegisterKind::Interval;
        match (has_no_dials(known), has_no_dials(other)) {
            (true, false) if brings == Brings::Intervals => Ok(known),
            (false, true) if brings == Brings::Intervals => Ok(other),
            _ => Err(Unknown::Ambiguous),
        }
    }

    /// The installation that was there on the day; of several, or none, the one of the meter named, then
    /// the latest.
    fn install(&self, places: &[usize], channel: &Channel, on: Date) -> Option<i64> {
        let rank = |row: &RegisterRow| {
            let is_named =
                channel.serial.as_ref().is_some_and(|serial| row.serial.eq_ignore_ascii_case(serial));
            (row.stay().covers(on), is_named, row.installed_on)
        };
        let rows = places.iter().map(|&place| &self.registers[place]);
        rows.max_by_key(|row| rank(row)).map(|row| row.install_id)
    }
}

/// Service points by the utility's codes.
pub(super) struct Codes(HashMap<String, ServicePointId>);

/// Whether a register of the right installation is the row's.
fn fits(row: &RegisterRow, channel: &Channel, brings: Brings) -> std::result::Result<(), Unknown> {
    match &channel.register {
        Some(code) if !row.code.eq_ignore_ascii_case(code) => return Err(Unknown::Register),
        Some(_) => {}
        // Without a name the flow must tell them apart.
        None if (channel.flow == Flow::Received) != row.quantity_name.is_some() => {
            return Err(Unknown::Register);
        }
        None => {}
    }
    if channel.unit.is_some_and(|unit| unit != row.unit) {
        return Err(Unknown::Unit);
    }
    if brings == Brings::Read && row.kind == RegisterKind::Interval {
        return Err(Unknown::Kind);
    }
    Ok(())
}

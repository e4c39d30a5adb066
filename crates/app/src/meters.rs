//! Meters at service points: install, remove, exchange.
//!
//! A service point has one meter at a time; several registers are one meter's. An exchange is a
//! removal and an installation on one day, in one transaction. Days that have been billed stay as
//! they were: the day of a change is not before the last billed day.

use crate::audit::{self, Action};
use crate::places::{self, lock_point};
use crate::reads::{self, Arrival, EnteredRead, Place, Taken};
use crate::{App, Caller, Result, Utility};
use rust_decimal::Decimal;
use serde_json::json;
use store::meters::{Install, Meter, Register};
use store::places::ServicePoint;
use store::reads::{NewRead, Service};
use store::registers::RegisterRow;
use store::{Cursor, Page, Tx};
use time::Date;
use vocab::dates::civil;
use vocab::{
    Code, MeterId, Problem, ReadQuality, ReadStatus, RegisterId, RegisterKind, ServicePointId, Unit,
};

/// Most registers of a meter.
const REGISTERS_MAX: usize = 24;

/// A meter to install.
#[derive(Debug, Clone)]
pub struct NewInstall {
    /// The meter's number; a meter that is not known yet is entered.
    pub serial: String,
    /// Who made it; for a new meter.
    pub maker: Option<String>,
    /// First day; today when absent.
    pub installed_on: Option<Date>,
    /// Its registers.
    pub registers: Vec<NewRegister>,
}

/// A register of a meter to install.
#[derive(Debug, Clone)]
pub struct NewRegister {
    /// What it is called on the meter, unique there.
    pub code: String,
    /// How it counts.
    pub kind: RegisterKind,
    /// Unit of measure after the multiplier.
    pub unit: Unit,
    /// Time-of-use bucket.
    pub bucket: Option<String>,
    /// Name of its quantity in rates, when it is not what the customer took: `export`.
    pub quantity_name: Option<String>,
    /// Factor from dial units to the unit of measure.
    pub multiplier: Decimal,
    /// Whole-number positions.
    pub dials: i16,
    /// Decimal places shown.
    pub decimals: i16,
    /// What it shows on the first day.
    pub initial_value: Option<Decimal>,
}

/// A meter to remove.
#[derive(Debug, Clone, Default)]
pub struct Removal {
    /// Last day; today when absent.
    pub removed_on: Option<Date>,
    /// What its registers show on that day.
    pub final_reads: Vec<(RegisterId, Decimal)>,
}

/// A service point with its meters.
#[derive(Debug, Clone)]
pub struct PointView {
    /// The service point.
    pub point: ServicePoint,
    /// Installations, oldest first, each with its meter and registers.
    pub installs: Vec<InstallView>,
}

/// An installation with its meter and registers.
#[derive(Debug, Clone)]
pub struct InstallView {
    /// When and where.
    pub install: Install,
    /// The meter's number.
    pub serial: String,
    /// Who made it.
    pub maker: Option<String>,
    /// Its registers.
    pub registers: Vec<RegisterRow>,
}

impl PointView {
    /// The installation that has not ended.
    pub fn current(&self) -> Option<&InstallView> {
        self.installs.iter().find(|view| view.install.removed_on.is_none())
    }
}

/// What the change of a meter came to.
#[derive(Debug, Clone)]
pub struct Change {
    /// The service point afterwards.
    pub view: PointView,
    /// Final reads that were stored, valid or held.
    pub final_reads: Vec<EnteredRead>,
}

/// Installs a meter, with its first reads.
pub fn install(
    tx: &mut Tx<'_>,
    caller: &Caller,
    point: ServicePointId,
    new: NewInstall,
) -> Result<PointView> {
    let utility = Utility::load(tx)?;
    let found = lock_point(tx, caller, point)?;
    let services = store::reads::services(tx, &[point])?;
    let day = new.installed_on.unwrap_or_else(|| utility.day(tx.as_of()));
    refuse_billed(&services, day, "/installed_on")?;
    put_in(tx, caller, &utility, point, day, new)?;
    view(tx, found)
}

/// Removes the meter of a service point, with its final reads.
pub fn remove(tx: &mut Tx<'_>, caller: &Caller, point: ServicePointId, removal: &Removal) -> Result<Change> {
    let utility = Utility::load(tx)?;
    let found = lock_point(tx, caller, point)?;
    let services = store::reads::services(tx, &[point])?;
    let final_reads = take_out(tx, caller, &utility, point, &services, removal)?;
    Ok(Change { view: view(tx, found)?, final_reads })
}

/// Exchanges the meter of a service point: the old one's last day is the new one's first.
pub fn exchange(
    tx: &mut Tx<'_>,
    caller: &Caller,
    point: ServicePointId,
    final_reads: Vec<(RegisterId, Decimal)>,
    new: NewInstall,
) -> Result<Change> {
    let utility = Utility::load(tx)?;
    let found = lock_point(tx, caller, point)?;
    let services = store::reads::services(tx, &[point])?;
    let day = new.installed_on.unwrap_or_else(|| utility.day(tx.as_of()));
    let removal = Removal { removed_on: Some(day), final_reads };
    let final_reads = take_out(tx, caller, &utility, point, &services, &removal)?;
    put_in(tx, caller, &utility, point, day, new)?;
    Ok(Change { view: view(tx, found)?, final_reads })
}

fn refuse_billed(services: &[Service], day: Date, pointer: &str) -> Result<()> {
    match reads::billed_through(services) {
        Some(through_on) if day < through_on => {
            let detail = format!("billed through {}", civil::format(through_on));
            Err(Problem::field(pointer, Code::ReadBilled, detail).into())
        }
        _ => Ok(()),
    }
}

fn put_in(
    tx: &mut Tx<'_>,
    caller: &Caller,
    utility: &Utility,
    point: ServicePointId,
    day: Date,
    new: NewInstall,
) -> Result<()> {
    check(&new)?;
    if day > utility.day(tx.as_of()) {
        return Err(Problem::field("/installed_on", Code::FieldRange, "not in the future").into());
    }
    refuse_overlap(&store::meters::installs_at(tx, point)?, day, "the service point has a meter then")?;
    let meter = meter(tx, &new)?;
    refuse_overlap(&store::meters::installs_of(tx, meter.id)?, day, "the meter is installed elsewhere then")?;
    let install_id = tx.new_id()?;
    let install = Install {
        service_point_id: point,
        id: install_id,
        meter_id: meter.id,
        installed_on: day,
        removed_on: None,
    };
    store::meters::insert_installs(tx, std::slice::from_ref(&install))?;
    let read_at = utility.zone.end_of(day).map_or(tx.as_of(), |end| end.min(tx.as_of()));
    let mut registers = Vec::with_capacity(new.registers.len());
    let mut initial = Vec::new();
    let mut ids = tx.new_ids(new.registers.len())?;
    // Registers are listed by id: in the order in which they were given.
    ids.sort_unstable();
    for (register, id) in new.registers.into_iter().zip(ids) {
        initial.extend(register.initial_value.map(|value| NewRead {
            register: RegisterId::new(point, id),
            read_at,
            read_on: day,
            value,
            quality: ReadQuality::Actual,
            status: ReadStatus::Valid,
            source: "installation".into(),
            import_id: None,
            reason: None,
        }));
        registers.push(Register {
            service_point_id: point,
            id,
            install_id,
            code: register.code,
            kind: register.kind,
            unit: register.unit,
            bucket: register.bucket,
            quantity_name: register.quantity_name,
            multiplier: register.multiplier,
            dials: register.dials,
            decimals: register.decimals,
            peak: matches!(register.unit, Unit::Kw | Unit::Kva),
        });
    }
    store::meters::insert_registers(tx, &registers)?;
    store::reads::copy_in(tx, &initial)?;
    let after =
        json!({ "serial": meter.serial, "installed_on": civil::format(day), "registers": registers.len() });
    record(tx, caller, "meter.install", point, after)
}

/// The meter with the number, entered when it is new; locked.
fn meter(tx: &mut Tx<'_>, new: &NewInstall) -> Result<Meter> {
    if let Some(meter) = store::meters::lock_by_serial(tx, &new.serial)? {
        return Ok(meter);
    }
    let meter =
        Meter { id: MeterId(tx.new_id()?), serial: new.serial.clone(), maker: new.maker.clone(), version: 1 };
    store::meters::insert(tx, std::slice::from_ref(&meter))?;
    Ok(meter)
}

fn refuse_overlap(installs: &[Install], day: Date, detail: &str) -> Result<()> {
    let overlaps = |install: &&Install| install.removed_on.is_none_or(|removed_on| day < removed_on);
    match installs.iter().find(overlaps) {
        Some(install) => {
            let state = if install.removed_on.is_some() { "removed" } else { "installed" };
            Err(Problem::new(Code::WrongState, detail).with("state", state).into())
        }
        None => Ok(()),
    }
}

fn check(new: &NewInstall) -> std::result::Result<(), Problem> {
    if new.serial.trim().is_empty() || new.serial.trim() != new.serial || new.serial.len() > 60 {
        let detail = "1 to 60 characters, no space around them";
        return Err(Problem::field("/serial", Code::FieldRange, detail));
    }
    if new.maker.as_ref().is_some_and(|maker| maker.chars().count() > 200) {
        return Err(Problem::field("/maker", Code::FieldRange, "at most 200 characters"));
    }
    if new.registers.is_empty() || new.registers.len() > REGISTERS_MAX {
        return Err(Problem::field(
            "/registers",
            Code::FieldRange,
            format!("1 to {REGISTERS_MAX} registers"),
        ));
    }
    for (at, register) in new.registers.iter().enumerate() {
        check_register(register, &format!("/registers/{at}"))?;
        if new.registers.iter().take(at).any(|other| other.code == register.code) {
            let pointer = format!("/registers/{at}/code");
            return Err(Problem::field(pointer, Code::FieldRange, "each register has its own code"));
        }
    }
    Ok(())
}

fn check_register(register: &NewRegister, pointer: &str) -> std::result::Result<(), Problem> {
    let wrong =
        |name: &str, detail: &str| Err(Problem::field(format!("{pointer}/{name}"), Code::FieldRange, detail));
    if register.code.trim().is_empty() || register.code.len() > 20 {
        return wrong("code", "1 to 20 characters");
    }
    let positive = register.multiplier > Decimal::ZERO && register.multiplier < Decimal::from(1_000_000_000);
    if !positive || register.multiplier.scale() > 10 {
        return wrong("multiplier", "more than 0, at most ten decimals, less than a thousand million");
    }
    if register.kind == RegisterKind::Interval && register.multiplier != Decimal::ONE {
        return wrong("multiplier", "1: interval data are in the unit of measure already");
    }
    if !(1..=12).contains(&register.dials) {
        return wrong("dials", "1 to 12");
    }
    if !(0..=6).contains(&register.decimals) {
        return wrong("decimals", "0 to 6");
    }
    if register.bucket.as_ref().is_some_and(|bucket| bucket.parse::<rating::Word>().is_err()) {
        return wrong("bucket", "1 to 64 characters");
    }
    if register.quantity_name.as_ref().is_some_and(|name| name.parse::<rating::Word>().is_err()) {
        return wrong("quantity_name", "a name as rates write it: `export`");
    }
    let Some(value) = register.initial_value else { return Ok(()) };
    if register.kind != RegisterKind::Subtractive {
        return wrong("initial_value", "only an odometer begins with a value");
    }
    let scale = u32::try_from(register.decimals).unwrap_or(0);
    let wraps_at = u32::try_from(register.dials).ok().and_then(|dials| 10_i64.checked_pow(dials));
    let fits = wraps_at.is_some_and(|wraps_at| value >= Decimal::ZERO && value < Decimal::from(wraps_at));
    if !fits || value.normalize().scale() > scale {
        return wrong("initial_value", "what the dials can show");
    }
    Ok(())
}

fn take_out(
    tx: &mut Tx<'_>,
    caller: &Caller,
    utility: &Utility,
    point: ServicePointId,
    services: &[Service],
    removal: &Removal,
) -> Result<Vec<EnteredRead>> {
    let today = utility.day(tx.as_of());
    let day = removal.removed_on.unwrap_or(today);
    refuse_billed(services, day, "/removed_on")?;
    let installs = store::meters::installs_at(tx, point)?;
    let open = installs.into_iter().find(|install| install.removed_on.is_none()).ok_or_else(|| {
        Problem::new(Code::WrongState, "no meter is installed here").with("state", "removed")
    })?;
    if day < open.installed_on || day > today {
        let detail = "from the day of installation to today";
        return Err(Problem::field("/removed_on", Code::FieldRange, detail).into());
    }
    let registers = store::registers::at(tx, &[point])?;
    let mut stored = Vec::new();
    for (at, (id, value)) in removal.final_reads.iter().enumerate() {
        let pointer = format!("/final_reads/{at}/value");
        let register = registers
            .iter()
            .find(|row| row.install_id == open.id && id.owner == point && row.id == id.n)
            .ok_or_else(|| {
                let pointer = format!("/final_reads/{at}/register_id");
                Problem::field(pointer, Code::UnknownReference, "not a register of the meter that is removed")
            })?;
        let by = caller.actor();
        let place = Place { utility, now: tx.as_of(), register, services, by: &by };
        let arrival = Arrival {
            serial: None,
            read_on: day,
            value: *value,
            quality: ReadQuality::Actual,
            trouble: None,
            source: "removal",
            pointer: &pointer,
            may_correct: false,
        };
        if let Taken::Stored(entered) = reads::take(tx, &place, &arrival)? {
            stored.push(*entered);
        }
    }
    refuse_later_reads(tx, &registers, &open, day)?;
    store::meters::end_install(tx, point, open.id, day)?;
    let serial = registers.iter().find(|row| row.install_id == open.id).map(|row| row.serial.clone());
    let after = json!({ "serial": serial, "removed_on": civil::format(day), "final_reads": stored.len() });
    record(tx, caller, "meter.remove", point, after)?;
    Ok(stored)
}

fn refuse_later_reads(tx: &mut Tx<'_>, registers: &[RegisterRow], open: &Install, day: Date) -> Result<()> {
    let Some(from) = day.next_day() else { return Ok(()) };
    for register in registers.iter().filter(|row| row.install_id == open.id) {
        let id = RegisterId::new(register.service_point_id, register.id);
        let later = store::reads::of_register(tx, id, from)?;
        if later.iter().any(|read| matches!(read.status, ReadStatus::Valid | ReadStatus::Held)) {
            let detail = "the meter was read after that day; reject those reads first";
            return Err(Problem::field("/removed_on", Code::FieldRange, detail).into());
        }
    }
    Ok(())
}

fn record(
    tx: &mut Tx<'_>,
    caller: &Caller,
    action: &str,
    point: ServicePointId,
    after: serde_json::Value,
) -> Result<()> {
    let subject = point.to_string();
    audit::record(tx, caller, Action { action, subject, after: Some(after), ..Action::default() })
}

/// A service point with its meters.
fn view(tx: &mut Tx<'_>, point: ServicePoint) -> Result<PointView> {
    let id = point.service_point_id;
    let registers = store::registers::at(tx, &[id])?;
    let installs = store::meters::installs_at(tx, id)?
        .into_iter()
        .filter_map(|install| {
            let own: Vec<RegisterRow> =
                registers.iter().filter(|row| row.install_id == install.id).cloned().collect();
            // Every installation has registers.
            let first = own.first()?;
            Some(InstallView {
                serial: first.serial.clone(),
                maker: first.maker.clone(),
                install,
                registers: own,
            })
        })
        .collect();
    Ok(PointView { point, installs })
}

impl App {
    /// A service point with its meters.
    pub fn service_point(&self, caller: &Caller, id: ServicePointId) -> Result<PointView> {
        self.db().tx(|tx| {
            let point = places::find_point(tx, caller, id)?;
            view(tx, point)
        })
    }

    /// A list of meters, by number: those that are or were at a site that the caller may see.
    pub fn meters(
        &self,
        caller: &Caller,
        serial: Option<&str>,
        after: Option<&Cursor>,
        limit: i64,
    ) -> Result<Page<Meter>> {
        self.db().tx(|tx| {
            let mut page = store::meters::list(tx, serial, after, limit)?;
            let ids: Vec<MeterId> = page.items.iter().map(|meter| meter.id).collect();
            let sites = store::meters::sites_of(tx, &ids)?;
            page.items.retain(|meter| {
                sites.iter().any(|(id, site)| *id == meter.id && caller.principal.sees_site(*site))
            });
            Ok(page)
        })
    }

    /// A meter with its installations at sites that the caller may see.
    pub fn meter(&self, caller: &Caller, id: MeterId) -> Result<(Meter, Vec<Install>)> {
        self.db().tx(|tx| {
            let meter = store::meters::find(tx, id)?.ok_or_else(Problem::not_found)?;
            let mut installs = store::meters::installs_of(tx, id)?;
            let mut seen = Vec::with_capacity(installs.len());
            for install in installs.drain(..) {
                if places::find_point(tx, caller, install.service_point_id).is_ok() {
                    seen.push(install);
                }
            }
            if seen.is_empty() { Err(Problem::not_found().into()) } else { Ok((meter, seen)) }
        })
    }
}

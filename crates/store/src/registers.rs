//! Registers with the installation they belong to and their meter's number, for many service points at once.

use crate::schema::{meter_installs, meters, registers, service_points};
use crate::spans::{Spans, find, spanned};
use crate::{Error, Result, Tx};
use rust_decimal::Decimal;
use time::Date;
use vocab::{Commodity, MeterId, RegisterKind, ServicePointId, Unit};

/// A register with its installation and meter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisterRow {
    /// Where.
    pub service_point_id: ServicePointId,
    /// Row id of the register.
    pub id: i64,
    /// Row id of the installation.
    pub install_id: i64,
    /// The meter's number.
    pub serial: String,
    /// Who made it.
    pub maker: Option<String>,
    /// What the register is called on the meter.
    pub code: String,
    /// How it counts.
    pub kind: RegisterKind,
    /// Unit of measure after the multiplier.
    pub unit: Unit,
    /// Time-of-use bucket.
    pub bucket: Option<String>,
    /// Name of its quantity in rates, when it is not what the customer took.
    pub quantity_name: Option<String>,
    /// Factor from dial units to the unit of measure.
    pub multiplier: Decimal,
    /// Whole-number positions.
    pub dials: i16,
    /// Decimal places shown.
    pub decimals: i16,
    /// First day of the installation.
    pub installed_on: Date,
    /// Last day of the installation.
    pub removed_on: Option<Date>,
    /// What is delivered at the service point.
    pub commodity: Commodity,
}

impl RegisterRow {
    /// Its time at the service point.
    pub const fn stay(&self) -> metering::Stay {
        metering::Stay { installed_on: self.installed_on, removed_on: self.removed_on }
    }

    /// As metering sees it.
    pub fn as_metering(&self) -> Result<metering::Register> {
        let small = |value: i16| {
            u8::try_from(value).map_err(|error| Error::Corrupt { what: "register", why: error.to_string() })
        };
        Ok(metering::Register {
            id: vocab::RegisterId::new(self.service_point_id, self.id),
            serial: self.serial.clone(),
            kind: self.kind,
            unit: self.unit,
            tou_bucket: self.bucket.clone(),
            quantity_name: self.quantity_name.clone(),
            multiplier: self.multiplier.normalize(),
            dials: small(self.dials)?,
            decimals: small(self.decimals)?,
            installed_on: self.installed_on,
            removed_on: self.removed_on,
        })
    }
}

spanned! {
    Register of registers by (service_point_id: ServicePointId, id: i64) with {
        install_id: i64,
        code: String,
        kind: RegisterKind,
        unit: Unit,
        bucket: Option<String>,
        quantity_name: Option<String>,
        multiplier: Decimal,
        dials: i16,
        decimals: i16,
    }
}

spanned! {
    Install of meter_installs by (service_point_id: ServicePointId, id: i64) with {
        meter_id: MeterId,
        installed_on: Date,
        removed_on: Option<Date>,
    }
}

spanned! {
    Meter of meters by (id: MeterId) with { serial: String, maker: Option<String> }
}

spanned! {
    Point of service_points by (service_point_id: ServicePointId) with { commodity: Commodity }
}

/// The registers of all installations of these service points, by service point and register.
///
/// Four queries, joined here: each takes the spans of its key, where the database would look every row of a
/// join up by itself.
pub fn at(tx: &mut Tx<'_>, of: &[ServicePointId]) -> Result<Vec<RegisterRow>> {
    let spans = Spans::of(of.iter().map(|id| id.0));
    // Registers first: whatever they belong to was there before them.
    let registers: Vec<Register> = spans.load(tx)?;
    let points: Vec<Point> = spans.load(tx)?;
    let installs: Vec<Install> = spans.load(tx)?;
    let meters: Vec<Meter> = Spans::of(installs.iter().map(|row| row.meter_id.0)).load(tx)?;
    let mut rows = Vec::with_capacity(registers.len());
    for register in registers {
        let point = find(&points, (register.service_point_id,));
        let install = find(&installs, (register.service_point_id, register.install_id));
        let meter = install.and_then(|install| find(&meters, (install.meter_id,)));
        let (Some(point), Some(install), Some(meter)) = (point, install, meter) else {
            let why = format!("register {} is of no meter", register.id);
            return Err(Error::Corrupt { what: "register", why });
        };
        rows.push(RegisterRow {
            service_point_id: register.service_point_id,
            id: register.id,
            install_id: register.install_id,
            serial: meter.serial.clone(),
            maker: meter.maker.clone(),
            code: register.code,
            kind: register.kind,
            unit: register.unit,
            bucket: register.bucket,
            quantity_name: register.quantity_name,
            multiplier: register.multiplier,
            dials: register.dials,
            decimals: register.decimals,
            installed_on: install.installed_on,
            removed_on: install.removed_on,
            commodity: point.commodity,
        });
    }
    Ok(rows)
}

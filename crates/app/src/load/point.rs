//! A service point with its meters, their registers and their reads, read from the files.

use super::Town;
use super::row::{Fault, Row};
use super::table;
use rust_decimal::Decimal;
use serde_json::Value;
use std::collections::HashSet;
use time::Date;
use vocab::{Commodity, LocationId, Problem, ReadQuality, RegisterKind, Unit};

/// A service point to write.
#[derive(Debug)]
pub(super) struct PointPlan {
    pub code: String,
    pub location: LocationId,
    pub commodity: Commodity,
    pub characteristics: Value,
    pub meters: Vec<MeterPlan>,
}

/// A meter to write.
#[derive(Debug)]
pub(super) struct MeterPlan {
    pub serial: String,
    pub line: u64,
    pub maker: Option<String>,
    pub installed_on: Date,
    pub registers: Vec<RegisterPlan>,
}

/// A register to write.
#[derive(Debug)]
pub(super) struct RegisterPlan {
    pub code: String,
    pub kind: RegisterKind,
    pub unit: Unit,
    pub bucket: Option<String>,
    pub quantity_name: Option<String>,
    pub multiplier: Decimal,
    pub dials: i16,
    pub decimals: i16,
    pub peak: bool,
    pub reads: Vec<ReadPlan>,
}

/// A read to write.
#[derive(Debug)]
pub(super) struct ReadPlan {
    pub read_on: Date,
    pub value: Decimal,
    pub quality: ReadQuality,
}

/// Reads a service point. `None`: no file has it. A faulty one answers everything that is wrong.
pub(super) fn plan(town: &Town, code: &str) -> Result<Option<Result<PointPlan, Vec<Fault>>>, Problem> {
    let rows = town.points.rows_of(code)?;
    let Some(row) = rows.first() else { return Ok(None) };
    let mut faults = Vec::new();
    if let Some(second) = rows.get(1) {
        faults.push(second.refuse(format!("the service point {code} stands on line {} already", row.line())));
    }
    let mut meters = Vec::new();
    for row in town.meters.rows_of(code)? {
        add_meter(town, &mut meters, &row).unwrap_or_else(|fault| faults.push(fault));
    }
    for meter in &mut meters {
        add_reads(town, meter, &mut faults)?;
    }
    let point = point(town, row).map(|point| PointPlan { meters, ..point });
    Ok(Some(match point {
        Ok(point) if faults.is_empty() => Ok(point),
        Ok(_) => Err(faults),
        Err(fault) => {
            faults.insert(0, fault);
            Err(faults)
        }
    }))
}

fn point(town: &Town, row: &Row) -> Result<PointPlan, Fault> {
    row.whole()?;
    Ok(PointPlan {
        code: row.text("code")?.to_owned(),
        location: town.location(row, "location")?.ok_or_else(|| row.refuse("location is empty"))?,
        commodity: row.word("commodity")?,
        characteristics: characteristics(row)?,
        meters: Vec::new(),
    })
}

/// The characteristics of a service point or contract, as they are stored.
pub(super) fn characteristics(row: &Row) -> Result<Value, Fault> {
    let pairs = row.pairs("characteristics")?;
    pairs
        .iter()
        .map(|&(name, value)| {
            word(row, "characteristics", name)?;
            Ok((name.to_owned(), Value::from(value)))
        })
        .collect::<Result<serde_json::Map<_, _>, Fault>>()
        .map(Value::Object)
}

/// A name that rates may use.
pub(super) fn word(row: &Row, column: &str, name: &str) -> Result<(), Fault> {
    let parsed: Result<rating::Word, _> = name.parse();
    parsed.map(drop).map_err(|error| row.refuse(format!("{column}: `{name}`: {error}")))
}

/// Adds the row's register to its meter, which may have stood on a row before.
fn add_meter(town: &Town, meters: &mut Vec<MeterPlan>, row: &Row) -> Result<(), Fault> {
    row.whole()?;
    let serial = row.text("serial")?;
    if town.is_twice(serial) {
        return Err(row.refuse(format!("the meter {serial} stands at another service point as well")));
    }
    let installed_on = row.day("installed_on")?;
    if installed_on > town.today_on {
        return Err(row.refuse("installed_on lies in the future"));
    }
    let register = register(row)?;
    if let Some(meter) = meters.iter_mut().find(|meter| meter.serial == serial) {
        if meter.installed_on != installed_on {
            return Err(row.refuse(format!("line {} says another installed_on", meter.line)));
        }
        if meter.registers.iter().any(|known| known.code == register.code) {
            return Err(row.refuse(format!("the register {} stands there already", register.code)));
        }
        meter.registers.push(register);
        return Ok(());
    }
    meters.push(MeterPlan {
        serial: serial.to_owned(),
        line: row.line(),
        maker: row.optional("maker")?.map(str::to_owned),
        installed_on,
        registers: vec![register],
    });
    Ok(())
}

fn register(row: &Row) -> Result<RegisterPlan, Fault> {
    let multiplier = row.number("multiplier")?;
    if multiplier <= Decimal::ZERO {
        return Err(row.refuse("multiplier is not more than nothing"));
    }
    let (dials, decimals): (i16, i16) = (row.word("dials")?, row.word("decimals")?);
    if !(1..=12).contains(&dials) || !(0..=6).contains(&decimals) {
        return Err(row.refuse("dials are 1 to 12, decimals 0 to 6"));
    }
    let peak = match row.cell("peak") {
        "" | "no" => false,
        "yes" => true,
        other => return Err(row.refuse(format!("peak: `{other}` is neither yes nor no"))),
    };
    Ok(RegisterPlan {
        code: row.text("register")?.to_owned(),
        kind: row.word("kind")?,
        unit: row.word("unit")?,
        bucket: row.optional("bucket")?.map(str::to_owned),
        quantity_name: row.optional("quantity_name")?.map(str::to_owned),
        multiplier,
        dials,
        decimals,
        peak,
        reads: Vec::new(),
    })
}

/// Reads the history of a meter.
fn add_reads(town: &Town, meter: &mut MeterPlan, faults: &mut Vec<Fault>) -> Result<(), Problem> {
    let mut days = HashSet::new();
    for row in town.reads.rows_of(&meter.serial)? {
        match read(town, meter, &row) {
            Ok((register, read)) if days.insert((register, read.read_on)) => {
                meter.registers[register].reads.push(read);
            }
            Ok(_) => faults.push(row.refuse("the register has a read on that day already")),
            Err(fault) => faults.push(fault),
        }
    }
    Ok(())
}

fn read(town: &Town, meter: &MeterPlan, row: &Row) -> Result<(usize, ReadPlan), Fault> {
    row.whole()?;
    let code = row.text("register")?;
    let place = meter.registers.iter().position(|register| register.code == code);
    let place =
        place.ok_or_else(|| row.refuse(format!("the meter {} has no register {code}", meter.serial)))?;
    let read_on = row.day("read_on")?;
    if read_on > town.today_on {
        return Err(row.refuse("read_on lies in the future"));
    }
    if read_on < meter.installed_on {
        return Err(row.refuse("read_on lies before the meter's installation"));
    }
    let value = row.number("value")?;
    let register = &meter.registers[place];
    let capacity = 10_i64.checked_pow(u32::from(register.dials.unsigned_abs())).map(Decimal::from);
    let fits = value >= Decimal::ZERO && capacity.is_none_or(|capacity| value < capacity);
    if register.kind == RegisterKind::Subtractive && !fits {
        return Err(row.refuse(format!("value: {value} cannot stand on {} dials", register.dials)));
    }
    let quality = row.parsed("quality")?.unwrap_or(ReadQuality::Actual);
    Ok((place, ReadPlan { read_on, value, quality }))
}

/// Which service point each meter stands at, to find those that stand at two.
#[derive(Debug, Default)]
pub(super) struct Serials {
    points: std::collections::HashMap<u64, u64>,
    twice: HashSet<u64>,
}

impl Serials {
    pub fn see(&mut self, point: u64, serial: &str) {
        let serial = table::hash(serial);
        if *self.points.entry(serial).or_insert(point) != point {
            self.twice.insert(serial);
        }
    }

    pub fn is_twice(&self, serial: &str) -> bool {
        self.twice.contains(&table::hash(serial))
    }

    pub fn knows(&self, serial: u64) -> bool {
        self.points.contains_key(&serial)
    }
}

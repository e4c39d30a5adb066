//! Interval data going out: values and sums of a register for charts, and a service point's own data as
//! Green Button.

use crate::exchange::{ExportFile, Upload};
use crate::places::find_point;
use crate::{App, Caller, Error, Result, Utility};
use meterdata::espi::{EspiWriter, Feed, Series, WriteFault};
use meterdata::{Channel, Flow, Intervals, Moment, Quality, QualityRun};
pub use metering::IntervalDay;
use std::collections::BTreeSet;
use std::io::BufWriter;
use std::sync::Arc;
use store::Tx;
use store::intervals::{Brought, DaySum, MonthSum, PastDay, StoredDay};
use store::places::ServicePoint;
use store::reads::Service;
use store::registers::RegisterRow;
use time::{Date, Time};
use vocab::{AccountId, Code, ContractState, Period, Problem, ReadQuality, RegisterId, ServicePointId, Zone};

/// Most days of a Green Button file: thirteen months.
pub const GREEN_BUTTON_DAYS_MAX: i64 = 400;
/// Most days whose values are answered at a time.
pub const VALUE_DAYS_MAX: i64 = 31;
/// Most days whose sums are answered at a time.
pub const SUM_DAYS_MAX: i64 = 400;
/// Most earlier states of a day that are answered.
pub const HISTORY_MAX: i64 = 100;
/// Most days whose months are summed at a time: ten years.
pub const MONTH_DAYS_MAX: i64 = 3_660;

/// A register with its days.
#[derive(Debug)]
pub struct RegisterDays {
    /// Which.
    pub register: RegisterRow,
    /// Its days that have data, with their values, oldest first.
    pub days: Vec<(StoredDay, IntervalDay)>,
}

/// What a day of a register's interval data is, and was.
#[derive(Debug)]
pub struct DayHistory {
    /// As it is.
    pub now: Option<(StoredDay, IntervalDay)>,
    /// As it was, the latest first.
    pub past: Vec<(PastDay, IntervalDay)>,
    /// The imports that brought or replaced them.
    pub imports: Vec<Brought>,
}

/// First and last day, no more than so many.
fn check_days(from: Date, to: Date, most: i64) -> Result<()> {
    if to < from {
        return Err(Problem::field("/to", Code::FieldRange, "not before `from`").into());
    }
    if (to - from).whole_days() >= most {
        return Err(Problem::field("/to", Code::FieldRange, format!("at most {most} days at a time")).into());
    }
    Ok(())
}

/// A register at a service point that the caller may see.
fn register(tx: &mut Tx<'_>, caller: &Caller, id: RegisterId) -> Result<RegisterRow> {
    find_point(tx, caller, id.owner)?;
    let registers = store::registers::at(tx, &[id.owner])?;
    Ok(registers.into_iter().find(|row| row.id == id.n).ok_or_else(Problem::not_found)?)
}

impl App {
    /// The interval data of a register, at most [`VALUE_DAYS_MAX`] days.
    pub fn interval_data(
        &self,
        caller: &Caller,
        id: RegisterId,
        from: Date,
        to: Date,
    ) -> Result<RegisterDays> {
        check_days(from, to, VALUE_DAYS_MAX)?;
        self.db().tx(|tx| {
            let register = register(tx, caller, id)?;
            let stored = store::intervals::of_register(tx, id, from, to)?;
            let days = stored
                .into_iter()
                .map(|row| {
                    let data = row.data()?;
                    Ok::<_, Error>((row, data))
                })
                .collect::<Result<_>>()?;
            Ok(RegisterDays { register, days })
        })
    }

    /// A day of a register as it is and as it was before, the latest [`HISTORY_MAX`]; and the imports that are
    /// named in it.
    pub fn interval_history(
        &self,
        caller: &Caller,
        id: RegisterId,
        day: Date,
    ) -> Result<(RegisterRow, DayHistory)> {
        self.db().tx(|tx| {
            let register = register(tx, caller, id)?;
            let now = store::intervals::of_register(tx, id, day, day)?.pop();
            let past = store::intervals::past(tx, id, day, HISTORY_MAX)?;
            let imports = now.iter().filter_map(|row| row.import_id);
            let imports = imports
                .chain(past.iter().flat_map(|row| [row.import_id, row.replaced_by_import_id]).flatten());
            let imports: BTreeSet<i64> = imports.collect();
            let imports = store::intervals::brought(tx, &imports.into_iter().collect::<Vec<_>>())?;
            let now = now.map(|row| row.data().map(|data| (row, data))).transpose()?;
            let past = past.into_iter().map(|row| row.data().map(|data| (row, data)));
            let past = past.collect::<std::result::Result<_, _>>()?;
            Ok((register, DayHistory { now, past, imports }))
        })
    }

    /// What the days of a register come to; those that are held are marked.
    pub fn interval_days(
        &self,
        caller: &Caller,
        id: RegisterId,
        from: Date,
        to: Date,
    ) -> Result<(RegisterRow, Vec<DaySum>)> {
        check_days(from, to, SUM_DAYS_MAX)?;
        self.db().tx(|tx| {
            let register = register(tx, caller, id)?;
            let mut days = store::intervals::sums(tx, &[id.owner], from, to)?;
            days.retain(|row| row.register_id == id.n);
            Ok((register, days))
        })
    }

    /// What the months of a register come to; held days are in no sum.
    pub fn interval_months(
        &self,
        caller: &Caller,
        id: RegisterId,
        from: Date,
        to: Date,
    ) -> Result<(RegisterRow, Vec<MonthSum>)> {
        check_days(from, to, MONTH_DAYS_MAX)?;
        self.db().tx(|tx| {
            let register = register(tx, caller, id)?;
            Ok((register, store::intervals::months(tx, id, from, to)?))
        })
    }

    /// The interval data of a service point as a Green Button file, at most [`GREEN_BUTTON_DAYS_MAX`] days: of
    /// the account named, else of the one served last, on the days of its contracts there alone. Days that are
    /// held are left out, and so are dials: the format's writer says what was used, not what a register shows.
    /// A register's days are in memory one register at a time.
    pub fn green_button(
        &self,
        caller: &Caller,
        id: ServicePointId,
        account: Option<AccountId>,
        (from, to): (Date, Date),
    ) -> Result<ExportFile> {
        check_days(from, to, GREEN_BUTTON_DAYS_MAX)?;
        self.db().tx(|tx| {
            let utility = Utility::load(tx)?;
            let point = find_point(tx, caller, id)?;
            let days = own_days(tx, id, account, (from, to))?;
            let spool = write(tx, &utility.zone, &point, &days)?;
            Ok(ExportFile {
                name: format!("green-button-{id}.xml"),
                media_type: "application/atom+xml; charset=utf-8",
                bytes: spool.bytes(),
                file: spool.into_file()?,
            })
        })
    }
}

/// The days between two on which the account was served at the service point.
fn own_days(
    tx: &mut Tx<'_>,
    id: ServicePointId,
    account: Option<AccountId>,
    (from, to): (Date, Date),
) -> Result<Vec<Period>> {
    let services = store::reads::services(tx, &[id])?;
    let within = |of: &Service| {
        let (first_on, last_on) = (of.starts_on.max(from), of.ends_on.unwrap_or(to).min(to));
        Period::new(first_on, last_on).filter(|_| of.state != ContractState::Cancelled)
    };
    let spans: Vec<(AccountId, Period)> =
        services.iter().filter_map(|of| Some((of.contract.owner, within(of)?))).collect();
    let latest = spans.iter().max_by_key(|(_, period)| period.last_on()).map(|(account, _)| *account);
    let own = account.or(latest);
    let days: Vec<Period> =
        spans.into_iter().filter(|(account, _)| own == Some(*account)).map(|(_, period)| period).collect();
    if days.is_empty() {
        let (pointer, detail) = match account {
            Some(_) => ("/account_id", "the account was not served there on any of these days"),
            None => ("/from", "nobody was served there on any of these days"),
        };
        return Err(Problem::field(pointer, Code::FieldRange, detail).into());
    }
    Ok(days)
}

fn write(tx: &mut Tx<'_>, zone: &Zone, point: &ServicePoint, own: &[Period]) -> Result<Upload> {
    let id = point.service_point_id;
    let spool = BufWriter::new(Upload::new()?);
    let feed = Feed { id: &format!("urn:penstock:{id}"), title: &point.code, updated_at: tx.as_of() };
    let id_of = |path: &str| format!("urn:penstock:{}", path.replace('/', ":"));
    let mut file = EspiWriter::new(spool, &feed, id_of).map_err(unfit)?;
    file.usage_point(&point.code, &point.code, point.commodity).map_err(unfit)?;
    let mut names = BTreeSet::new();
    for register in store::registers::at(tx, &[id])? {
        let key = RegisterId::new(id, register.id);
        let mut days: Vec<(Date, IntervalDay)> = Vec::new();
        for period in own {
            for row in store::intervals::of_register(tx, key, period.first_on(), period.last_on())? {
                if !row.is_held {
                    days.push((row.day, row.data()?));
                }
            }
        }
        days.sort_unstable_by_key(|(on, _)| *on);
        let lengths: BTreeSet<u16> = days.iter().map(|(_, data)| data.minutes()).collect();
        for minutes in lengths {
            let of: Vec<&(Date, IntervalDay)> =
                days.iter().filter(|(_, data)| data.minutes() == minutes).collect();
            let channel = Arc::new(Channel {
                point: Some(point.code.clone()),
                serial: None,
                register: Some(name(&mut names, &register, minutes)),
                unit_text: register.unit.as_str().to_owned(),
                unit: Some(register.unit),
                flow: if register.quantity_name.is_some() { Flow::Received } else { Flow::Delivered },
            });
            let decimals = of.iter().map(|(_, data)| data.scale()).max().unwrap_or(0);
            file.series(&Series {
                channel: &channel,
                commodity: point.commodity,
                minutes,
                decimals: u8::try_from(decimals).unwrap_or(u8::MAX),
                title: &register.code,
            })
            .map_err(unfit)?;
            for (on, data) in of {
                file.intervals(&block(zone, &channel, *on, data)?).map_err(unfit)?;
            }
        }
    }
    let spool = file.finish().map_err(unfit)?;
    spool.into_inner().map_err(|error| Error::Fault(error.to_string()))
}

/// What a register is called in the file: by its code, and by more where another has that name.
fn name(taken: &mut BTreeSet<String>, register: &RegisterRow, minutes: u16) -> String {
    let (code, serial) = (&register.code, &register.serial);
    let longest = format!("{code} {serial} {minutes} {}", register.id);
    let names =
        [code.clone(), format!("{code} {serial}"), format!("{code} {serial} {minutes}"), longest.clone()];
    let name = names.into_iter().find(|name| !taken.contains(name)).unwrap_or(longest);
    taken.insert(name.clone());
    name
}

/// A day's intervals, with the missing ones as such.
fn block(zone: &Zone, channel: &Arc<Channel>, on: Date, data: &IntervalDay) -> Result<Intervals> {
    let midnight = zone.instant(on, Time::MIDNIGHT);
    let begins = midnight.ok_or_else(|| Error::Fault("a day without a beginning".to_owned()))?;
    let mut qualities: Vec<QualityRun> = Vec::new();
    let mut values = Vec::with_capacity(data.slots());
    for slot in 0..data.slots() {
        let (value, kind): (_, Option<ReadQuality>) =
            data.get(slot).map_or((vocab::Decimal::ZERO, None), |(value, quality)| (value, Some(quality)));
        values.push(value);
        match qualities.last_mut() {
            Some(run) if run.quality.kind == kind => run.count += 1,
            _ => {
                let quality = Quality { kind, flag: String::new(), reason: None };
                qualities.push(QualityRun { count: 1, quality });
            }
        }
    }
    Ok(Intervals {
        line: 0,
        channel: Arc::clone(channel),
        begins: Moment::Instant(begins),
        minutes: data.minutes(),
        values,
        qualities,
    })
}

fn unfit(fault: WriteFault) -> Error {
    match fault {
        WriteFault::Io(error) => Error::Fault(format!("a file could not be written: {error}")),
        WriteFault::Unfit(why) => {
            Problem::field("/id", Code::FieldRange, format!("Green Button cannot say the data: {why}")).into()
        }
    }
}

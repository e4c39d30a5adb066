//! `penstock bench import`
#![allow(clippy::float_arithmetic, reason = "rates of measurements, never money")]

use super::figures::{self, Phase, figure, megabytes, per_second, rounded};
use super::{Common, Stage};
use crate::config::Config;
use crate::rehearsal::client::{count, text};
use crate::town::Services;
use anyhow::{Context, Result, anyhow, ensure};
use serde_json::{Value, json};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Mutex;
use store::reference_reads::{self, Counted, Row};
use vocab::dates::{civil, plus_days};
use vocab::{Decimal, ServicePointId, Unit};

/// Registers that are fetched at a time.
const REGISTERS: i64 = 10_000;
/// Rows of one transaction of the reference.
const CHUNK: usize = 10_000;
/// Registers of an account of the town, on average; a few more accounts are made than that asks for.
const REGISTERS_OF_TEN: u64 = 18;
/// Quarter hours of a day.
const QUARTERS: u64 = 96;

/// Import readings: a CSV of register reads, and a CMEP file of quarter hours.
///
/// A made-up town with thirteen months of history gets a file of daily reads, sorted by register, through
/// the HTTP API: uploaded, parsed, each read validated against its register's history, stored. Then the very
/// rows that came of it are written again by COPY into a table with the same indexes on as many connections
/// as there are workers; the ratio is the rate of the import to that of merely writing. The interval file has
/// 27 days of quarter hours for each electric meter.
#[derive(clap::Args)]
pub struct Import {
    /// How many reads
    #[arg(long, default_value_t = 1_000_000, value_name = "N", value_parser = clap::value_parser!(u64).range(100..=50_000_000))]
    reads: u64,
    /// How many days of each register
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=27))]
    days: u64,
    /// How many intervals
    #[arg(long, default_value_t = 10_000_000, value_name = "N", value_parser = clap::value_parser!(u64).range(0..=1_000_000_000))]
    intervals: u64,
    #[command(flatten)]
    common: Common,
}

impl Import {
    pub fn run(&self, config: &Config) -> Result<ExitCode> {
        let registers = self.reads.div_ceil(self.days);
        let accounts = (registers * 10 / REGISTERS_OF_TEN * 11 / 10).max(100);
        let stage = Stage::set(config, &self.common, accounts, Services::Five)?;
        let figures = self.measure(&stage);
        stage.strike()?;
        figures::write(self.common.json.as_deref(), &figures?)?;
        Ok(ExitCode::SUCCESS)
    }

    fn measure(&self, stage: &Stage) -> Result<Value> {
        let db = stage.installation.app().db().clone();
        let file = stage.dir.path().join("daily.csv");
        let written = self.write_reads(stage, &file)?;
        let (import, report, id) = imported(stage, "daily.csv", &file, written)?;
        ensure!(count(&report["accepted"]) == written, "not every read was taken: {report}");
        let rows = reference_reads::create(&db, id.parse().map_err(|_| anyhow!("{id} is no import"))?)?;
        let raw = raw(stage, &db, rows, self.common.workers)?;
        reference_reads::drop(&db)?;
        let mut phases = vec![import, raw];
        let mut figures = json!({});
        if self.intervals > 0 {
            let file = stage.dir.path().join("quarters.csv");
            let (values, days) = self.write_intervals(stage, &file)?;
            let (intervals, report, _) = imported(stage, "quarters.csv", &file, values)?;
            ensure!(count(&report["accepted"]) == days, "not every day was taken: {report}");
            let bytes = u64::try_from(reference_reads::interval_bytes(&db)?)?;
            let year = figure(bytes / days) * 365.0;
            println!(
                "{:.0} intervals/s; {:.0} bytes a day, {:.0} kB a meter and year of quarter hours",
                per_second(intervals.items, intervals.cost.time),
                figure(bytes / days),
                year / 1000.0
            );
            figures = json!({
                "intervals": values,
                "intervals_per_s": rounded(per_second(intervals.items, intervals.cost.time)),
                "interval_bytes_per_day": bytes / days,
                "interval_file_bytes": std::fs::metadata(&file)?.len(),
            });
            phases.push(intervals);
        }
        // The reference has its rows in memory; the product does not.
        let own = phases.iter().filter(|phase| phase.name != raw.name);
        let peak = own.map(|phase| phase.cost.penstock_bytes).max().unwrap_or(0);
        let [rows_per_s, raw_per_s] = [import, raw].map(|phase| per_second(phase.items, phase.cost.time));
        figures::print(&phases);
        println!(
            "{rows_per_s:.0} reads/s; merely written: {raw_per_s:.0}; ratio {:.2}",
            rows_per_s / raw_per_s
        );
        println!("peak memory of penstock {:.0} MB", megabytes(peak));
        let own = json!({
            "reads": written,
            "reads_per_register": self.days,
            "workers": self.common.workers,
            "rows_per_s": rounded(rows_per_s),
            "raw_rows_per_s": rounded(raw_per_s),
            "ratio": rounded(rows_per_s / raw_per_s),
            "cpu_us_per_read": rounded(import.cpu_us_each()),
            "raw_cpu_us_per_read": rounded(raw.cpu_us_each()),
            "peak_rss_mb": rounded(megabytes(peak)),
            "phases": figures::phases(&phases),
        });
        Ok(merged(own, figures))
    }

    /// Daily reads of as many registers as it takes; answers how many.
    fn write_reads(&self, stage: &Stage, to: &Path) -> Result<u64> {
        let mut file = BufWriter::new(File::create(to)?);
        writeln!(file, "service_point,meter_serial,register,read_on,value,quality")?;
        let mut written = 0;
        each_register(stage, |of| {
            for day in 1..=i64::try_from(self.days)? {
                if written == self.reads {
                    return Ok(false);
                }
                let on = plus_days(of.last_on, day).context("a day outside the calendar")?;
                let value = grown(of, day)?;
                let (point, serial, register) = (&of.point, &of.serial, &of.register);
                writeln!(file, "{point},{serial},{register},{},{value},actual", civil::format(on))?;
                written += 1;
            }
            Ok(true)
        })?;
        file.flush()?;
        ensure!(written == self.reads, "the town has too few registers: {written} reads");
        Ok(written)
    }

    /// A CMEP file with 27 days of each electric meter; answers how many values and days.
    fn write_intervals(&self, stage: &Stage, to: &Path) -> Result<(u64, u64)> {
        let mut file = BufWriter::new(File::create(to)?);
        let (mut values, mut days) = (0_u64, 0_u64);
        let mut seed = 7_u64;
        each_register(stage, |of| {
            if values >= self.intervals {
                return Ok(false);
            }
            if of.unit != Unit::Kwh || of.of_registers != 1 {
                return Ok(true);
            }
            let (point, serial) = (&of.point, &of.serial);
            for day in 1..=27 {
                let on = plus_days(of.last_on, day).context("a day outside the calendar")?;
                let on = civil::format(on).replace('-', "");
                write!(
                    file,
                    "MEPMD01,20080501,MDMA,TOWN,TOWN,{point},{on}2359,{serial},OK,E,KWH,1.0,00000015,96,{on}0015"
                )?;
                for quarter in 0..QUARTERS {
                    if quarter > 0 {
                        write!(file, ",")?;
                    }
                    // A linear congruence: any spread of values does.
                    seed =
                        seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    write!(file, ",R0,{}.{:03}", (seed >> 60) / 12, (seed >> 40) % 1000)?;
                }
                writeln!(file)?;
                values += QUARTERS;
                days += 1;
            }
            Ok(true)
        })?;
        file.flush()?;
        Ok((values, days))
    }
}

fn merged(mut one: Value, other: Value) -> Value {
    if let (Some(one), Value::Object(other)) = (one.as_object_mut(), other) {
        one.extend(other);
    }
    one
}

/// Registers in order, until one is enough.
fn each_register(stage: &Stage, mut of: impl FnMut(&Counted) -> Result<bool>) -> Result<()> {
    let db = stage.installation.app().db().clone();
    let mut after = (ServicePointId(0), 0);
    loop {
        let registers = reference_reads::counted(&db, after, REGISTERS)?;
        let Some(last) = registers.last() else { return Ok(()) };
        after = (last.service_point_id, last.register_id);
        for register in &registers {
            if !of(register)? {
                return Ok(());
            }
        }
    }
}

/// What the register shows so many days later, when it goes on as before.
fn grown(of: &Counted, days: i64) -> Result<Decimal> {
    let known = (of.last_on - of.first_on).whole_days().max(1);
    let used = vocab::decimal::sub(of.last, of.first)?.max(Decimal::ZERO);
    let more = vocab::decimal::mul_div(used, Decimal::from(days), Decimal::from(known))?;
    let more = more.trunc_with_scale(u32::try_from(of.decimals)?);
    Ok(vocab::decimal::add(of.last, more)?.normalize())
}

/// Imports a file through the API; answers the phase, the report and the import's id.
fn imported(stage: &Stage, name: &'static str, file: &Path, items: u64) -> Result<(Phase, Value, String)> {
    let path = format!("/v1/reading-imports?file_name={name}");
    let (cost, (report, id)) = stage.meter.measure(|| {
        let begun = stage.client.post_csv(&path, file)?;
        stage.client.follow(&begun["operation"], "importing")?;
        let report = stage.client.get(text(&begun["reading_import"]["links"], "report")?)?;
        ensure!(
            count(&report["rejected"]["count"]) == 0,
            "rows were rejected: {}",
            report["rejected"]["first"][0]
        );
        Ok((report, text(&begun["reading_import"], "id")?.to_owned()))
    })?;
    let name = if name == "daily.csv" { "import" } else { "intervals" };
    Ok((Phase { name, items, cost }, report, id))
}

/// Merely writes the rows, on so many connections at once.
fn raw(stage: &Stage, db: &store::Db, rows: Vec<Row>, connections: u32) -> Result<Phase> {
    let items = u64::try_from(rows.len())?;
    let next = Mutex::new(rows.chunks(CHUNK));
    let write = || -> Result<()> {
        loop {
            let chunk = next.lock().map_err(|_| anyhow!("a writer panicked"))?.next();
            let Some(chunk) = chunk else { return Ok(()) };
            reference_reads::write(db, chunk)?;
        }
    };
    let (cost, ()) = stage.meter.measure(|| {
        std::thread::scope(|scope| {
            let writers: Vec<_> = (0..connections).map(|_| scope.spawn(write)).collect();
            writers.into_iter().try_for_each(|writer| writer.join().ok().context("a writer panicked")?)
        })
    })?;
    Ok(Phase { name: "raw", items, cost })
}

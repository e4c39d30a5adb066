//! A whole town from CSV files: `penstock load DIRECTORY`. The files are described in docs/load.md.
//!
//! Invariants:
//! - an account comes in whole, with its contracts, their service points, meters and reads, its
//!   opening balances and autopay, or not at all;
//! - what is refused is named by file, line and reason, and the rest goes on;
//! - what is there already (accounts by reference, service points and sites by code) is left as
//!   it is, so that the same directory can be loaded again after its faults are mended;
//! - memory holds places in files, not rows, and one chunk of accounts at a time.
//!
//! Deliberately missing: changing what is there, and configuration (cycles, windows, classes,
//! contract types, rates, ledger accounts, adjustment types, settings), which is made through
//! the API before.

mod account;
mod chunk;
mod files;
mod places;
mod point;
mod report;
mod row;
mod table;
mod terms;
mod writing;

pub use report::{Count, LoadReport, REFUSALS_MAX, Refusal};

use crate::{App, Caller, Error, Result, Utility};
use access::Permission;
use point::Serials;
use row::{Fault, Row, Sound};
use std::collections::{HashMap, HashSet};
use std::path::Path;
use table::{Spec, Table};
use time::Date;
use vocab::{
    AdjustmentTypeId, Code, Commodity, ContractTypeId, Currency, CycleId, GlAccountId, Language, LocationId,
    Problem, RateScheduleId, SegmentMethod, SiteId, Zone,
};

/// Accounts, or vacant service points, of one transaction.
const CHUNK: usize = 500;

/// How far a load is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoadProgress {
    /// Accounts that were looked at.
    pub done: u64,
    /// Accounts in the file.
    pub total: u64,
}

/// The indexed files and the codes that they may name.
struct Town {
    today_on: Date,
    currency: Currency,
    zone: Zone,
    language: Language,
    receivable: Option<GlAccountId>,
    cycles: HashMap<String, CycleId>,
    classes: HashSet<String>,
    contract_types: HashMap<String, (ContractTypeId, SegmentMethod, Commodity)>,
    rates: HashMap<String, (RateScheduleId, Commodity)>,
    adjustment_types: HashMap<String, (AdjustmentTypeId, GlAccountId)>,
    gl_accounts: HashMap<String, GlAccountId>,
    sites: HashMap<String, SiteId>,
    locations: HashMap<String, LocationId>,
    serials: Serials,
    /// Service points that a contract names, by hash.
    served: HashSet<u64>,
    points: Table,
    meters: Table,
    accounts: Table,
    contracts: Table,
    reads: Table,
    balances: Table,
    autopay: Table,
}

impl Town {
    /// Looks up the codes and indexes the files.
    fn open(app: &App, directory: &Path) -> Result<Self> {
        let (utility, today_on, known, sites) = app.db().tx(|tx| {
            let utility = Utility::load(tx)?;
            let today_on = utility.day(tx.as_of());
            Ok::<_, Error>((utility, today_on, store::load::configuration(tx)?, store::load::sites(tx)?))
        })?;
        let plain = |spec: &'static Spec| Table::open(directory, spec, None, |_, _| {});
        let mut serials = Serials::default();
        let mut served = HashSet::new();
        let accounts = plain(&files::ACCOUNTS)?;
        if !accounts.is_there() {
            let why = format!("{}: there is no {}", directory.display(), files::ACCOUNTS.file);
            return Err(Problem::new(Code::FileUnreadable, why).into());
        }
        Ok(Self {
            today_on,
            currency: utility.currency,
            language: utility.languages.first().cloned().unwrap_or_else(Language::english),
            receivable: utility.settings.receivable_gl_id,
            zone: utility.zone,
            cycles: known.cycles.into_iter().collect(),
            classes: known.classes.into_iter().collect(),
            contract_types: known
                .contract_types
                .into_iter()
                .map(|(code, id, how, of)| (code, (id, how, of)))
                .collect(),
            rates: known.rates.into_iter().map(|(code, id, of)| (code, (id, of))).collect(),
            adjustment_types: known
                .adjustment_types
                .into_iter()
                .map(|(code, id, gl)| (code, (id, gl)))
                .collect(),
            gl_accounts: known.gl_accounts.into_iter().collect(),
            sites: sites.into_iter().collect(),
            locations: HashMap::new(),
            points: plain(&files::POINTS)?,
            meters: Table::open(directory, &files::METERS, Some("serial"), |point, serial| {
                serials.see(point, serial);
            })?,
            accounts,
            contracts: Table::open(directory, &files::CONTRACTS, Some("service_point"), |_, point| {
                if !point.is_empty() {
                    served.insert(table::hash(point));
                }
            })?,
            reads: plain(&files::READS)?,
            balances: plain(&files::BALANCES)?,
            autopay: plain(&files::AUTOPAY)?,
            serials,
            served,
        })
    }

    /// Whether a meter stands at two service points.
    fn is_twice(&self, serial: &str) -> bool {
        self.serials.is_twice(serial)
    }

    /// The location that a cell names.
    fn location(&self, row: &Row, column: &str) -> Sound<Option<LocationId>> {
        row.optional(column)?
            .map(|code| {
                let known = self.locations.get(code).copied();
                known.ok_or_else(|| row.refuse(format!("{column}: there is no location `{code}`")))
            })
            .transpose()
    }

    /// Lines that belong to nothing: their key is empty, or no other file knows it.
    fn strays(&self) -> std::result::Result<Vec<Fault>, Problem> {
        let mut faults = Vec::new();
        let accounts = |key| self.accounts.has(key);
        for (table, spec) in [
            (&self.contracts, &files::CONTRACTS),
            (&self.balances, &files::BALANCES),
            (&self.autopay, &files::AUTOPAY),
        ] {
            strays_of(table, spec, accounts, "accounts.csv has no account", &mut faults)?;
        }
        let points = |key| self.points.has(key);
        strays_of(
            &self.meters,
            &files::METERS,
            points,
            "service_points.csv has no service point",
            &mut faults,
        )?;
        let meters = |key| self.serials.knows(key);
        strays_of(&self.reads, &files::READS, meters, "meters.csv has no meter", &mut faults)?;
        faults.extend(self.points.faults.iter().chain(&self.accounts.faults).cloned());
        Ok(faults)
    }
}

fn strays_of(
    table: &Table,
    spec: &Spec,
    is_known: impl Fn(u64) -> bool,
    why: &str,
    faults: &mut Vec<Fault>,
) -> std::result::Result<(), Problem> {
    faults.extend(table.faults.iter().cloned());
    let orphans = table.orphans(is_known)?;
    faults
        .extend(orphans.into_iter().map(|(line, key)| Fault::new(spec.file, line, format!("{why} `{key}`"))));
    Ok(())
}

impl App {
    /// Loads the town in a directory. What is refused stands in the report; an error means that
    /// the load could not go on, and what was loaded until then stays.
    pub fn load(
        &self,
        caller: &Caller,
        directory: &Path,
        mut progress: impl FnMut(LoadProgress),
    ) -> Result<LoadReport> {
        caller.may(Permission::SettingsWrite)?;
        let mut town = Town::open(self, directory)?;
        let mut report = places::load_sites(self, &mut town, directory)?;
        report.merge(places::load_locations(self, &mut town, directory)?)?;
        for fault in town.strays()? {
            report.accounts.refused += u64::from(fault.file == files::ACCOUNTS.file);
            report.service_points.refused += u64::from(fault.file == files::POINTS.file);
            report.refuse(fault, None);
        }
        let total = town.accounts.len();
        let mut done = 0;
        let mut chunks = town.accounts.chunks(CHUNK)?;
        loop {
            let rows = chunks.next()?;
            if rows.is_empty() {
                break;
            }
            report.merge(self.load_accounts(&town, caller, &rows)?)?;
            done += rows.len() as u64;
            progress(LoadProgress { done, total });
        }
        self.load_vacant_points(&town, caller, &mut report)?;
        if report.accounts.loaded > 0 || report.service_points.loaded > 0 {
            self.db().tx(|tx| Ok::<_, Error>(store::load::analyze(tx)?))?;
        }
        Ok(report)
    }

    /// Loads a chunk; when the database refuses it, in halves, down to the one that it refuses.
    fn load_accounts(&self, town: &Town, caller: &Caller, rows: &[Row]) -> Result<LoadReport> {
        match self.db().tx(|tx| chunk::load(tx, town, caller, rows, &[])) {
            Err(Error::Store(store::Error::Exists { constraint } | store::Error::Refused { constraint })) => {
                if let [row] = rows {
                    let mut report = LoadReport::default();
                    report.accounts.refused += 1;
                    let reason = format!("the database refuses it: {constraint}");
                    report.refuse(row.refuse(reason), Some(row.cell("reference")));
                    return Ok(report);
                }
                let (first, second) = rows.split_at(rows.len() / 2);
                let mut report = self.load_accounts(town, caller, first)?;
                report.merge(self.load_accounts(town, caller, second)?)?;
                Ok(report)
            }
            other => other,
        }
    }

    /// Loads the service points that no contract names.
    fn load_vacant_points(&self, town: &Town, caller: &Caller, report: &mut LoadReport) -> Result<()> {
        let mut chunks = town.points.chunks(CHUNK)?;
        loop {
            let rows = chunks.next()?;
            if rows.is_empty() {
                return Ok(());
            }
            let mut codes: Vec<&str> = rows
                .iter()
                .map(|row| row.cell("code"))
                .filter(|code| !town.served.contains(&table::hash(code)))
                .collect();
            codes.sort_unstable();
            codes.dedup();
            if !codes.is_empty() {
                report.merge(self.db().tx(|tx| chunk::load(tx, town, caller, &[], &codes))?)?;
            }
        }
    }
}

//! The file of meters to read.

use super::route::{self, Stop};
use super::sheet::{OWN, SheetFile, SheetForm, SheetRow};
use super::upload::Upload;
use super::{open_window, sites_in_scope};
use crate::audit::{self, Action};
use crate::read_rules::Rules;
use crate::{App, Caller, Error, Result, Utility, reads};
use billing::RegisterReads;
use connectors::documents::{DocumentKey, DocumentReader, Sha256};
use meterdata::csv::ExportRow;
use metering::{ReadRules, expected_values};
use serde_json::json;
use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::Read as _;
use store::accounts::Account;
use store::exchange::Export;
use store::places::{Location, ServicePoint};
use store::{Cursor, Page, Tx};
use time::Date;
use vocab::dates::{civil, plus_days};
use vocab::{
    AccountId, LocationId, Problem, ReadingExportId, RegisterId, RegisterKind, ServicePointId, SiteId,
    WindowId,
};

/// How far back the use goes that expected values are drawn from: thirteen months.
const HISTORY_DAYS: i64 = 400;

/// Service points that are looked at together.
const STOPS: usize = 2_000;

/// Bytes of a kept file that are fetched at a time.
const PART_BYTES: usize = 1024 * 1024;

/// What to export.
#[derive(Debug, Clone, Default)]
pub struct NewExport {
    /// Only these sites; none: all that the caller sees.
    pub site_ids: Vec<SiteId>,
    /// Name of what it is written as; the house's own CSV when absent.
    pub format: Option<String>,
    /// Only registers with an open order to read them again.
    pub only_rereads: bool,
}

/// An export's file, on the disk.
#[derive(Debug)]
pub struct ExportFile {
    /// What it is called.
    pub name: String,
    /// What it is.
    pub media_type: &'static str,
    /// Its length.
    pub bytes: u64,
    /// At its beginning.
    pub file: File,
}

/// What every row is written from.
struct Sheet<'a> {
    rules: &'a Rules,
    ends_on: Date,
    /// From this day on a read is what the file asks for.
    read_from: Date,
    today_on: Date,
    only_rereads: bool,
}

/// Writes the file of every metered service that the window bills, keeps it and notes it: each register once,
/// in the order of a meter reader's way. It is written to the disk and kept from there: memory holds who is
/// served where, and some thousand rows of it.
pub fn export(tx: &mut Tx<'_>, app: &App, caller: &Caller, id: WindowId, new: NewExport) -> Result<Export> {
    let utility = Utility::load(tx)?;
    let window = open_window(tx, id)?;
    let sites = sites_in_scope(caller, &new.site_ids)?;
    let format = new.format.unwrap_or_else(|| OWN.to_owned());
    let form = SheetForm::named(tx, &format)?;
    let rules = Rules::of(&utility)?;
    let today_on = utility.day(tx.as_of());
    let days_before = i64::from(utility.settings.read_days_before);
    let sheet = Sheet {
        rules: &rules,
        ends_on: window.ends_on,
        read_from: plus_days(window.ends_on, -days_before).unwrap_or(window.ends_on),
        today_on,
        only_rereads: new.only_rereads,
    };
    let mut file = form.begin()?;
    let mut rows = 0;
    for stops in route::of_window(tx, &window, sites.clone(), new.only_rereads)?.chunks(STOPS) {
        rows += sheet.write(tx, stops, &mut file)?;
    }
    let mut spooled = file.finish()?;
    let key = DocumentKey::at("readings", form.extension(), Sha256(spooled.sha256()))
        .map_err(|error| Error::Fault(error.to_string()))?;
    let kept = app.documents()?.put_from(&key, &mut spooled.rewound()?).map_err(Problem::from)?;
    let row = Export {
        id: ReadingExportId(tx.new_id()?),
        window_id: id,
        // Those that its maker sees, where none were asked for: whoever sees them may read it.
        site_ids: sites.unwrap_or_default(),
        rows,
        sha256: key.sha256().0.to_vec(),
        file_name: format!("meters-to-read-{}.{}", civil::format(window.ends_on), form.extension()),
        document_key: key.to_string(),
        created_by: caller.actor(),
        created_at: tx.as_of(),
        format,
        only_rereads: new.only_rereads,
        bytes: i64::try_from(kept.size_bytes).ok(),
    };
    store::exchange::insert_export(tx, &row)?;
    let sha256 = key.sha256().to_string();
    let after = Some(json!({ "window": id, "format": row.format, "rows": rows, "sha256": sha256,
        "only_rereads": row.only_rereads }));
    let subject = row.id.to_string();
    audit::record(tx, caller, Action { action: "reading.export", subject, after, ..Action::default() })?;
    Ok(row)
}

impl Sheet<'_> {
    /// Writes the rows of some stops; answers how many.
    fn write(&self, tx: &mut Tx<'_>, stops: &[Stop], file: &mut SheetFile<'_>) -> Result<i64> {
        let mut points: Vec<ServicePointId> = stops.iter().map(|stop| stop.point).collect();
        points.sort_unstable();
        let mut ordered: HashSet<(ServicePointId, Option<i64>)> = HashSet::new();
        if self.only_rereads {
            let open = store::reread_orders::open_at(tx, &points)?;
            ordered.extend(open.into_iter().map(|(point, register, _)| (point, register)));
        }
        let served: Vec<AccountId> = stops.iter().filter_map(|stop| stop.account).collect();
        let accounts: HashMap<AccountId, Account> = store::accounts::load(tx, &served)?
            .into_iter()
            .map(|account| (account.account_id, account))
            .collect();
        let is_wanted = |of: &store::registers::RegisterRow| {
            !self.only_rereads
                || ordered.contains(&(of.service_point_id, None))
                || ordered.contains(&(of.service_point_id, Some(of.id)))
        };
        let places = store::places::service_points(tx, &points)?;
        let at: Vec<LocationId> = places.iter().map(|place| place.location_id).collect();
        let locations: HashMap<LocationId, Location> =
            store::places::locations(tx, &at)?.into_iter().map(|row| (row.id, row)).collect();
        let from = plus_days(self.ends_on, -HISTORY_DAYS).unwrap_or(Date::MIN);
        let metered = store::reads::load_metered(tx, &points, from, self.ends_on.max(self.today_on))?;
        let reads: HashMap<RegisterId, RegisterReads> =
            metered.into_iter().flat_map(|point| point.registers).map(|of| (of.register.id, of)).collect();
        let mut installed: HashMap<ServicePointId, Vec<store::registers::RegisterRow>> = HashMap::new();
        for row in store::registers::at(tx, &points)? {
            let has_dials = row.kind != RegisterKind::Interval;
            if has_dials && row.removed_on.is_none() && row.installed_on <= self.ends_on {
                installed.entry(row.service_point_id).or_default().push(row);
            }
        }
        let mut rows = 0;
        for stop in stops {
            let found = places.binary_search_by_key(&stop.point, |place| place.service_point_id);
            let Some(place) = found.ok().and_then(|at| places.get(at)) else { continue };
            let address = locations.get(&place.location_id).map(address).unwrap_or_default();
            let account = stop.account.and_then(|account| accounts.get(&account));
            let number = account.map(|account| account.number.to_string()).unwrap_or_default();
            let class = account.map_or("", |account| account.class_code.as_str());
            let registers = installed.get(&stop.point).map_or(&[][..], Vec::as_slice);
            for register in registers.iter().filter(|register| is_wanted(register)) {
                let of = reads.get(&RegisterId::new(register.service_point_id, register.id));
                let is_alone = registers.len() == 1 && register.quantity_name.is_none();
                let rules = self.rules.of_class(class, register.commodity);
                let row = self.row(&number, place, &address, register, of, rules)?;
                file.push(&SheetRow { row, register, is_alone, on: self.ends_on })?;
                rows += 1;
            }
        }
        Ok(rows)
    }

    fn row<'r>(
        &self,
        number: &'r str,
        place: &'r ServicePoint,
        address: &'r str,
        register: &'r store::registers::RegisterRow,
        of: Option<&RegisterReads>,
        rules: &ReadRules,
    ) -> Result<ExportRow<'r>> {
        // What has come in for this window already is no ground to judge what is read again by; the first
        // read of a new meter is.
        let before = |read: &&metering::Read| read.read_on < self.read_from;
        let previous = of.and_then(|of| {
            let earlier = of.reads.iter().filter(before).max_by_key(|read| read.read_on);
            earlier.or_else(|| of.reads.iter().min_by_key(|read| read.read_on))
        });
        let expected = match (of, previous) {
            (Some(of), Some(previous)) => self.expected(rules, of, previous)?,
            _ => None,
        };
        Ok(ExportRow {
            account_number: number,
            service_point: &place.code,
            meter_serial: &register.serial,
            register: &register.code,
            address,
            unit: register.unit,
            // Stored with ten decimals, shown as on the dials.
            previous: previous.map(|read| (read.read_on, read.value.normalize())),
            expected,
        })
    }

    /// What would raise no finding at the window's end.
    fn expected(
        &self,
        rules: &ReadRules,
        of: &RegisterReads,
        previous: &metering::Read,
    ) -> Result<Option<(vocab::Decimal, vocab::Decimal)>> {
        let Ok(days) = u32::try_from((self.ends_on - previous.read_on).whole_days()) else { return Ok(None) };
        let after = previous.read_on.next_day().unwrap_or(previous.read_on);
        let history: Vec<_> = reads::history(of.as_metered(), after, rules).into_iter().collect();
        Ok(expected_values(&rules.checks, &of.register, previous.value, days, &history)?)
    }
}

/// One line, as a meter reader wants it.
fn address(location: &Location) -> String {
    let mut text = location.line1.clone();
    for part in [location.line2.as_deref(), Some(location.city.as_str())].into_iter().flatten() {
        text.push_str(", ");
        text.push_str(part);
    }
    text
}

impl App {
    /// An export that the caller may see: one of their sites, or of all sites.
    pub fn reading_export(&self, caller: &Caller, id: ReadingExportId) -> Result<Export> {
        self.db().tx(|tx| {
            let row = store::exchange::export(tx, id)?.ok_or_else(Problem::not_found)?;
            see(caller, &row)?;
            Ok(row)
        })
    }

    /// The exports of a window, newest first; those of foreign sites are left out.
    pub fn reading_exports(
        &self,
        caller: &Caller,
        window: WindowId,
        after: Option<&Cursor>,
        limit: i64,
    ) -> Result<Page<Export>> {
        self.db().tx(|tx| {
            super::window(tx, window)?;
            let mut page = store::exchange::exports(tx, window, after, limit)?;
            page.items.retain(|row| see(caller, row).is_ok());
            Ok(page)
        })
    }

    /// An export's file, fetched part by part.
    pub fn reading_export_file(&self, caller: &Caller, id: ReadingExportId) -> Result<ExportFile> {
        let row = self.reading_export(caller, id)?;
        let key: DocumentKey = row.document_key.parse().map_err(|error| Error::Fault(format!("{error}")))?;
        let mut spooled = Upload::new()?;
        let documents = self.documents()?;
        match row.bytes.and_then(|bytes| u64::try_from(bytes).ok()) {
            Some(bytes) => {
                let mut reader = DocumentReader::new(documents.as_ref(), key.clone(), bytes);
                let mut part = vec![0; PART_BYTES];
                loop {
                    let count = reader.read(&mut part).map_err(|error| Error::Fault(error.to_string()))?;
                    if count == 0 {
                        break;
                    }
                    spooled.write(&part[..count])?;
                }
            }
            None => spooled.write(&documents.get(&key).map_err(Problem::from)?)?,
        }
        if spooled.sha256() != key.sha256().0 {
            return Err(Error::Fault(format!("document {key} is damaged")));
        }
        let media_type = if key.as_str().ends_with(".txt") {
            "text/plain; charset=utf-8"
        } else {
            "text/csv; charset=utf-8"
        };
        let bytes = spooled.bytes();
        Ok(ExportFile { name: row.file_name, media_type, bytes, file: spooled.into_file()? })
    }
}

/// A file may hold more sites than a caller sees: then it is not theirs, unless they made it.
fn see(caller: &Caller, row: &Export) -> std::result::Result<(), Problem> {
    let own = row.created_by == caller.actor();
    match caller.sites() {
        Some(own_sites) if !own => {
            let all_own =
                !row.site_ids.is_empty() && row.site_ids.iter().all(|site| own_sites.contains(site));
            if all_own { Ok(()) } else { Err(Problem::not_found()) }
        }
        _ => Ok(()),
    }
}

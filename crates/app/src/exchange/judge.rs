//! Reads of registers: each judged against what is known of its register, the reads before it in the
//! batch included.

use super::batch::{Known, Work};
use super::register::{Brings, Unknown};
use super::rows::{DayValue, ReadRow};
use crate::rebills::{self, Proposing};
use crate::{Error, Result, reads};
use meterdata::Channel;
use metering::validate::Known as KnownOf;
use metering::{Incoming, Metered, Read, Register, Verdict};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use store::Tx;
use store::reads::{AskedOf, NewRead, Service};
use time::{Date, OffsetDateTime};
use vocab::{Commodity, ContractId, ReadQuality, ReadStatus, ReadingImportId, RegisterId, RegisterKind};

/// How far back the own history goes, in days: thirteen months.
const HISTORY_DAYS: i32 = 400;

/// The place of a row's register in the directory, or why there is none.
pub(super) type Found = std::result::Result<usize, Unknown>;

/// Finds the register of each row. Rows of one channel mostly follow one another.
pub(super) fn found(known: &Known, rows: Vec<ReadRow>) -> Vec<(Found, ReadRow)> {
    let directory = &known.directory;
    let mut last: Option<(Arc<Channel>, usize, bool)> = None;
    let find = |mut row: ReadRow| {
        let same = last.as_ref().filter(|(channel, ..)| Arc::ptr_eq(channel, &row.channel));
        if let Some(&(_, place, place_is_unknown)) = same {
            row.place_is_unknown = place_is_unknown;
            return (Ok(place), row);
        }
        row.place_is_unknown = row.channel.point.as_ref().is_some_and(|code| !directory.has_point(code));
        let found = directory.find(&row.channel, row.value.read_on, Brings::Read);
        last = match found {
            // Where meters have come and gone it depends on the day.
            Ok(place) if directory.is_only_install(place) => {
                Some((Arc::clone(&row.channel), place, row.place_is_unknown))
            }
            _ => None,
        };
        (found, row)
    };
    rows.into_iter().map(find).collect()
}

/// What is known of a register.
struct Book<'k> {
    register: Register,
    commodity: Commodity,
    reads: Vec<Read>,
    /// Who is served at its service point.
    services: &'k [Service],
    /// Of its days that have come with a valid read: the place of the latest in [`Books::new`].
    taken: Vec<(Date, usize)>,
}

/// The registers that rows are about, and what is to be written.
pub(super) struct Books<'k> {
    /// By place in the directory.
    books: Vec<Option<Book<'k>>>,
    new: Vec<NewRead>,
    superseded: BTreeSet<(RegisterId, Date)>,
    /// What came again.
    again: Vec<(RegisterId, Date, vocab::Decimal)>,
    /// What reads propose to bill again, by place in `new`.
    rebills: Vec<(usize, metering::Rebill, Vec<ContractId>)>,
    /// The ends of the days asked for so far.
    ends: HashMap<Date, OffsetDateTime>,
}

impl<'k> Books<'k> {
    /// Reads what is known around the days of the rows.
    pub fn load(tx: &mut Tx<'_>, known: &'k Known, rows: &[(Found, ReadRow)]) -> Result<Self> {
        let registers = known.directory.registers();
        let mut first: Vec<Option<Date>> = vec![None; registers.len()];
        for (found, row) in rows {
            if let Ok(place) = *found {
                let on = row.value.read_on;
                let earliest = row.before.as_ref().map_or(on, |before| before.read_on.min(on));
                let known = &mut first[place];
                *known = Some(known.map_or(earliest, |day| day.min(earliest)));
            }
        }
        // In the order of the index that they are looked up by.
        let places: Vec<(usize, Date)> =
            first.into_iter().enumerate().filter_map(|(place, day)| Some((place, day?))).collect();
        let asked: Vec<AskedOf> = places
            .iter()
            .map(|&(place, first_on)| {
                let row = &registers[place];
                let wants_all = row.kind == RegisterKind::Consumptive;
                AskedOf { register: RegisterId::new(row.service_point_id, row.id), first_on, wants_all }
            })
            .collect();
        let found = store::reads::around(tx, &asked, HISTORY_DAYS)?;
        let mut books: Vec<Option<Book<'k>>> = registers.iter().map(|_| None).collect();
        for ((place, _), reads) in places.into_iter().zip(found) {
            let row = &registers[place];
            let services = known.services(row.service_point_id);
            let (register, taken) = (row.as_metering()?, Vec::new());
            books[place] = Some(Book { register, commodity: row.commodity, reads, services, taken });
        }
        Ok(Self {
            books,
            new: Vec::with_capacity(rows.len()),
            superseded: BTreeSet::new(),
            rebills: Vec::new(),
            again: Vec::new(),
            ends: HashMap::new(),
        })
    }

    /// Judges rows in the order of the file.
    pub fn judge(&mut self, work: &mut Work<'_>, rows: Vec<(Found, ReadRow)>) -> Result<()> {
        for (found, row) in rows {
            match found {
                Ok(place) => self.judge_row(work, place, &row)?,
                Err(why) => work.reject_unknown(row.line, &row.channel, row.value.value, why)?,
            }
        }
        Ok(())
    }

    fn judge_row(&mut self, work: &mut Work<'_>, place: usize, row: &ReadRow) -> Result<()> {
        let Some(book) = self.books.get(place).and_then(Option::as_ref) else {
            return Err(Error::Fault("a row's register was not loaded".to_owned()));
        };
        if let Err(error) = reads::check_digits(&book.register, row.value.value, "/value") {
            let detail = error.problem().detail;
            work.reject_unread(row.line, "value_out_of_range", None, detail);
            return Ok(());
        }
        let verdict = self.verdict(work, place, row, &row.value)?;
        work.report.judged(row.line, row.value.value, &verdict)?;
        if verdict.outcome == metering::Outcome::Reject {
            let worst = verdict.findings.iter().max_by_key(|finding| finding.action);
            let code = worst.map_or("rejected", |finding| finding.rule.as_str());
            work.reject(row.line, code, reads::reason(&verdict.findings));
            return Ok(());
        }
        if let Some(before) = &row.before {
            self.take_before(work, place, row, before)?;
        }
        self.settle(work, place, &row.value, &verdict)
    }

    /// The former reading of a record that has two is taken where none is known of its day; the
    /// record's verdict is on the latter.
    fn take_before(&mut self, work: &Work<'_>, place: usize, row: &ReadRow, before: &DayValue) -> Result<()> {
        let Some(book) = self.books.get(place).and_then(Option::as_ref) else { return Ok(()) };
        let is_known = book.reads.iter().any(|read| read.read_on == before.read_on);
        if is_known || reads::check_digits(&book.register, before.value, "/value").is_err() {
            return Ok(());
        }
        let verdict = self.verdict(work, place, row, before)?;
        match verdict.outcome {
            metering::Outcome::Accept | metering::Outcome::Warn => self.settle(work, place, before, &verdict),
            _ => Ok(()),
        }
    }

    fn verdict(&self, work: &Work<'_>, place: usize, row: &ReadRow, value: &DayValue) -> Result<Verdict> {
        let Some(book) = self.books.get(place).and_then(Option::as_ref) else {
            return Err(Error::Fault("a row's register was not loaded".to_owned()));
        };
        let services = book.services;
        let metered = Metered { register: &book.register, reads: &book.reads };
        let rules = work.rules.at(services, book.commodity, value.read_on);
        let history = reads::history(metered, value.read_on, rules);
        let known = KnownOf {
            metered,
            today_on: work.today_on,
            billed_through_on: reads::billed_through(services),
            service_is_active: services.iter().any(|service| service.covers(value.read_on)),
            history: history.as_slice(),
        };
        let incoming = Incoming {
            trouble: value.trouble.as_deref(),
            serial: row.channel.serial.as_deref(),
            read_on: value.read_on,
            value: value.value,
            quality: value.quality,
            place_is_unknown: row.place_is_unknown,
        };
        Ok(metering::validate(rules, incoming, known)?)
    }

    /// Notes what is to be written.
    fn settle(&mut self, work: &Work<'_>, place: usize, value: &DayValue, verdict: &Verdict) -> Result<()> {
        use metering::Outcome::{Accept, Duplicate, Hold, Reject, Warn};
        let (status, reason) = match verdict.outcome {
            Accept => (ReadStatus::Valid, None),
            Warn => (ReadStatus::Valid, Some(reads::reason(&verdict.findings))),
            Hold => (ReadStatus::Held, Some(reads::reason(&verdict.findings))),
            Reject => return Ok(()),
            Duplicate => {
                if let Some(book) =
                    self.books.get(place).and_then(Option::as_ref).filter(|_| is_seen(value.quality))
                {
                    self.again.push((book.register.id, value.read_on, value.value));
                }
                return Ok(());
            }
        };
        let Some(book) = self.books.get_mut(place).and_then(Option::as_mut) else { return Ok(()) };
        let (id, on) = (book.register.id, value.read_on);
        if status == ReadStatus::Valid && verdict.supersedes {
            let replaced = |read: &&mut Read| read.read_on == on && read.is_valid();
            book.reads.iter_mut().filter(replaced).for_each(|read| read.status = ReadStatus::Superseded);
        }
        book.reads.push(Read { read_on: on, value: value.value, quality: value.quality, status });
        if status == ReadStatus::Valid {
            match book.taken.iter_mut().find(|(day, _)| *day == on) {
                Some((_, place)) => {
                    if let Some(earlier) = self.new.get_mut(*place) {
                        earlier.status = ReadStatus::Superseded;
                    }
                    *place = self.new.len();
                }
                None => {
                    book.taken.push((on, self.new.len()));
                    if verdict.supersedes {
                        self.superseded.insert((id, on));
                    }
                }
            }
        }
        if let Some(rebill) = verdict.rebill {
            let contracts = rebills::contracts(book.services, &rebill);
            self.rebills.push((self.new.len(), rebill, contracts));
        }
        let read_at = match value.read_at {
            Some(at) => at,
            None => self.end_of(work, on)?.min(work.now),
        };
        self.new.push(NewRead {
            register: id,
            read_at,
            read_on: on,
            value: value.value,
            quality: value.quality,
            status,
            source: "import".into(),
            import_id: Some(work.import.0),
            reason,
        });
        Ok(())
    }

    fn end_of(&mut self, work: &Work<'_>, on: Date) -> Result<OffsetDateTime> {
        if let Some(&end) = self.ends.get(&on) {
            return Ok(end);
        }
        let end = work.zone.end_of(on).ok_or_else(|| Error::Fault("a day without an end".to_owned()))?;
        self.ends.insert(on, end);
        Ok(end)
    }

    /// Writes what is taken, and what it proposes to bill again; what was ordered to be read again is done by
    /// it.
    pub fn write(self, tx: &mut Tx<'_>, import: ReadingImportId) -> Result<()> {
        let days: Vec<(RegisterId, Date)> = self.superseded.into_iter().collect();
        if store::reads::supersede(tx, &days)? > 0 {
            store::rebill_proposals::withdraw_superseded(tx, &days, &import.to_string())?;
        }
        let ids = store::reads::copy_in(tx, &self.new)?;
        let proposing = self.rebills.into_iter().filter_map(|(place, rebill, contracts)| {
            let (new, read) = (self.new.get(place)?, *ids.get(place)?);
            // Replaced further down in the file, it has nothing to say any more.
            let stands = new.status != ReadStatus::Superseded;
            let (register, read_on) = (new.register, new.read_on);
            stands.then_some(Proposing { register, read, read_on, rebill, contracts })
        });
        rebills::propose(tx, &import.to_string(), proposing.collect())?;
        let seen: Vec<(RegisterId, i64)> = self
            .new
            .iter()
            .zip(ids)
            .filter(|(row, _)| is_seen(row.quality))
            .map(|(row, id)| (row.register, id))
            .collect();
        store::reread_orders::fulfil(tx, &seen)?;
        store::reread_orders::confirm(tx, &self.again)?;
        Ok(())
    }
}

/// Whether somebody looked at the meter.
const fn is_seen(quality: ReadQuality) -> bool {
    matches!(quality, ReadQuality::Actual | ReadQuality::Customer)
}

//! The reader: which elements mean what, and which block is of which type.

use std::collections::{HashMap, VecDeque};
use std::io::BufRead;
use std::sync::Arc;

use vocab::Commodity;

use super::blocks::{Block, RawReading, RawType, ReadingType, Stretch, keep, number};
use super::codes;
use super::links::{self, Known};
use super::tags::{Tag, tag_of};
use super::total::{RawTotal, Total};
use super::xml::{self, Token, Xml};
use crate::cells::shared;
use crate::item::{Channel, Fault, FileFault, Item, Rejected};
use crate::line_file::shortened;

/// Readings that are held until their ReadingType comes, each stretch of them counting 40 more: two
/// years of quarter hours in blocks of a day.
pub const HELD_READINGS_MAX: usize = 100_000;
/// MeterReadings and ReadingTypes that are kept by their address, of each.
const ADDRESSES_MAX: usize = 4_096;
/// Usage points and totals that are told, of each.
const TOLD_MAX: usize = 1_000;
/// Stands for the text of a number that has elements inside: it is none.
const WITH_CHILDREN: &str = "<…>";
/// Of a title.
const TITLE_CHARS_MAX: usize = 200;
/// Of a rule for daylight saving.
const RULE_CHARS_MAX: usize = 16;

/// How local time differs from UTC, as the file says it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LocalTime {
    /// Seconds that standard time is ahead of UTC: −28800 in California.
    pub offset_seconds: i32,
    /// Seconds that daylight saving time is ahead of standard time.
    pub dst_offset_seconds: i32,
    /// When it begins, as ESPI encodes it: `360E2000`.
    pub dst_starts: String,
    /// When it ends.
    pub dst_ends: String,
}

/// A place where something is delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsagePoint {
    /// Its path, as channels have it for their point.
    pub path: String,
    /// What the file calls it.
    pub title: String,
    /// What is delivered.
    pub commodity: Option<Commodity>,
}

/// An entry of the feed that is being read.
#[derive(Default)]
struct Entry {
    path: Option<String>,
    up: Option<String>,
    /// The ReadingType that it is related to.
    related_type: Option<String>,
    title: String,
    is_usage_point: bool,
    commodity: Option<Commodity>,
    is_meter_reading: bool,
    reading_type: Option<Option<ReadingType>>,
    /// Totals before its own.
    totals_before: usize,
    /// Blocks that wait for its links.
    blocks: Vec<Held>,
}

impl Entry {
    fn has_links(&self) -> bool {
        self.path.is_some() || self.up.is_some()
    }

    /// The MeterReading above it.
    fn meter_reading(&self) -> Option<String> {
        [&self.up, &self.path]
            .into_iter()
            .flatten()
            .find_map(|path| links::meter_reading_of(path))
            .map(str::to_owned)
    }

    fn usage_point(&self) -> Option<String> {
        [&self.up, &self.path]
            .into_iter()
            .flatten()
            .find_map(|path| links::usage_point_of(path))
            .map(str::to_owned)
    }
}

/// What a block waits for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Wait {
    MeterReading(String),
    ReadingType(String),
    AnyType,
}

/// Whether the type of a block is known.
enum Found {
    Type(Arc<Channel>, ReadingType),
    Rejected,
    NotYet(Wait),
}

/// A block, or what has been read of it, that waits for its type.
struct Held {
    line: u64,
    meter_reading: Option<String>,
    stretches: Vec<Stretch>,
}

impl Held {
    fn weight(&self) -> usize {
        self.stretches.iter().map(Stretch::weight).sum()
    }
}

/// Where the stretches of the block go.
enum Way {
    Out(Arc<Channel>, ReadingType),
    Hold(Held),
    /// It has been rejected.
    Away,
}

/// Reads a Green Button file from its beginning.
pub struct EspiFile<R> {
    xml: Xml<R>,
    path: Vec<Tag>,
    entry: Entry,
    block: Option<(Block, Way)>,
    reading: Option<RawReading>,
    reading_type: Option<RawType>,
    total: Option<RawTotal>,
    local: LocalTime,
    meter_readings: Known<Option<String>>,
    reading_types: Known<Option<ReadingType>>,
    /// Whether the last type had an address, and the type.
    last_type: Option<(bool, Option<ReadingType>)>,
    types: u64,
    has_resource: bool,
    held: HashMap<Wait, Vec<Held>>,
    held_weight: usize,
    last_channel: Option<Arc<Channel>>,
    usage_points: Vec<UsagePoint>,
    local_time: Option<LocalTime>,
    totals: Vec<Total>,
    ready: VecDeque<Item>,
    failure: Option<FileFault>,
    is_over: bool,
}

impl<R: BufRead> EspiFile<R> {
    /// From the beginning of an input.
    pub fn new(input: R) -> Self {
        Self {
            xml: Xml::new(input),
            path: Vec::new(),
            entry: Entry::default(),
            block: None,
            reading: None,
            reading_type: None,
            total: None,
            local: LocalTime::default(),
            meter_readings: Known::new(ADDRESSES_MAX),
            reading_types: Known::new(ADDRESSES_MAX),
            last_type: None,
            types: 0,
            has_resource: false,
            held: HashMap::new(),
            held_weight: 0,
            last_channel: None,
            usage_points: Vec::new(),
            local_time: None,
            totals: Vec::new(),
            ready: VecDeque::new(),
            failure: None,
            is_over: false,
        }
    }

    /// How the file's local time differs from UTC, when it has said so by now.
    pub const fn local_time(&self) -> Option<&LocalTime> {
        self.local_time.as_ref()
    }

    /// The usage points that have come by now, 1,000 at most.
    pub fn usage_points(&self) -> &[UsagePoint] {
        &self.usage_points
    }

    /// The totals that have come by now, 1,000 at most.
    pub fn totals(&self) -> &[Total] {
        &self.totals
    }

    /// Takes the next piece; false at the end.
    fn step(&mut self) -> Result<bool, FileFault> {
        match self.xml.next()? {
            Token::Open => {
                let mut tag = tag_of(self.path.last().copied(), self.xml.name());
                if self.path.is_empty() && tag == Tag::Other {
                    let reason = "it is no Atom feed: its root is neither feed nor entry";
                    return Err(xml::format(self.xml.line(), reason));
                }
                if tag == Tag::IntervalReading && self.reading.is_some() {
                    let line = self.xml.line();
                    self.reject(line, Fault::OutOfPlace, "IntervalReading inside another");
                    tag = Tag::Other;
                }
                self.path.push(tag);
                self.open(tag);
                Ok(true)
            }
            Token::Close => {
                let tag = self.path.pop().unwrap_or(Tag::Other);
                self.close(tag);
                Ok(true)
            }
            Token::End => Ok(false),
        }
    }

    fn open(&mut self, tag: Tag) {
        let line = self.xml.line();
        match tag {
            Tag::Entry => {
                self.entry = Entry { totals_before: self.totals.len(), ..Entry::default() };
            }
            Tag::Link => self.link(),
            Tag::UsagePoint => self.entry.is_usage_point = true,
            Tag::MeterReading => self.entry.is_meter_reading = true,
            Tag::ReadingType => self.reading_type = Some(RawType::new(line)),
            Tag::IntervalBlock => self.begin_block(line),
            Tag::IntervalReading => self.reading = Some(RawReading::new(line)),
            Tag::LocalTime => self.local = LocalTime::default(),
            Tag::Summary => self.total = Some(RawTotal::new(line)),
            _ => {}
        }
        self.has_resource |= matches!(
            tag,
            Tag::UsagePoint
                | Tag::MeterReading
                | Tag::ReadingType
                | Tag::IntervalBlock
                | Tag::LocalTime
                | Tag::Summary
        );
    }

    fn link(&mut self) {
        let (rel, href) = self.xml.link();
        let Some(path) = href.as_deref().and_then(links::path_of) else { return };
        match rel.as_deref() {
            Some("self") => self.entry.path = self.entry.path.take().or(Some(path)),
            Some("up") => self.entry.up = self.entry.up.take().or(Some(path)),
            Some("related") if self.entry.related_type.is_none() => {
                self.entry.related_type = links::reading_type_of(&path).map(str::to_owned);
            }
            _ => {}
        }
    }

    fn close(&mut self, tag: Tag) {
        match tag {
            Tag::Leaf(name) => self.leaf(name),
            Tag::Title => self.entry.title = shortened(self.xml.text(), TITLE_CHARS_MAX),
            Tag::IntervalReading => self.end_reading(),
            Tag::IntervalBlock => self.end_block(),
            Tag::ReadingType => self.end_reading_type(),
            Tag::LocalTime => self.local_time = Some(std::mem::take(&mut self.local)),
            Tag::Summary => self.end_total(),
            Tag::Entry => self.end_entry(),
            _ => {}
        }
    }

    /// Takes the text of an element.
    fn leaf(&mut self, name: &'static str) {
        let text = if self.xml.has_children() { WITH_CHILDREN } else { self.xml.text() };
        match (self.path.last(), name) {
            (Some(Tag::ServiceCategory), _) => {
                self.entry.commodity = text.parse().ok().and_then(codes::commodity_of);
            }
            (Some(Tag::ReadingType), _) => {
                if let Some(raw) = &mut self.reading_type {
                    match name {
                        "uom" => keep(&mut raw.uom, &mut raw.fault, name, number(name, text)),
                        "powerOfTenMultiplier" => {
                            keep(&mut raw.multiplier, &mut raw.fault, name, number(name, text));
                        }
                        "flowDirection" => keep(&mut raw.flow, &mut raw.fault, name, number(name, text)),
                        "accumulationBehaviour" => {
                            keep(&mut raw.accumulation, &mut raw.fault, name, number(name, text));
                        }
                        _ => keep(&mut raw.default_quality, &mut raw.fault, name, number(name, text)),
                    }
                }
            }
            (Some(Tag::IntervalReading | Tag::TimePeriod | Tag::ReadingQuality), _) => {
                if let Some(reading) = &mut self.reading {
                    match name {
                        "value" => reading.set_value(text),
                        "start" => reading.set_start(text),
                        "duration" => reading.set_seconds(text),
                        _ => reading.add_quality(text),
                    }
                }
            }
            (Some(Tag::LocalTime), "dstStartRule") => {
                self.local.dst_starts = shortened(text, RULE_CHARS_MAX);
            }
            (Some(Tag::LocalTime), "dstEndRule") => self.local.dst_ends = shortened(text, RULE_CHARS_MAX),
            (Some(Tag::LocalTime), _) => match number(name, text) {
                Ok(seconds) if name == "tzOffset" => self.local.offset_seconds = seconds,
                Ok(seconds) => self.local.dst_offset_seconds = seconds,
                Err((fault, detail)) => {
                    let line = self.xml.line();
                    self.reject(line, fault, &format!("LocalTimeParameters: {detail}"));
                }
            },
            (Some(Tag::BillingPeriod | Tag::Consumption), _) => {
                if let Some(total) = &mut self.total {
                    total.leaf(name, text);
                }
            }
            _ => {}
        }
    }

    fn reject(&mut self, line: u64, fault: Fault, detail: &str) {
        self.ready.push_back(Item::Rejected(Rejected::new(line, fault, detail)));
    }

    fn begin_block(&mut self, line: u64) {
        let meter_reading = self.entry.meter_reading();
        let block = Block::new(line);
        // The links of an entry may come after its content, unless the file has none.
        let has_links = self.entry.has_links();
        let may_be_known =
            meter_reading.is_some() || (!has_links && matches!(self.last_type, Some((false, _))));
        let found =
            if may_be_known { self.found(meter_reading.as_deref()) } else { Found::NotYet(Wait::AnyType) };
        let way = match found {
            Found::Type(channel, of) => Way::Out(channel, of),
            Found::Rejected => {
                self.reject_block(line);
                Way::Away
            }
            Found::NotYet(_) => Way::Hold(Held { line, meter_reading, stretches: Vec::new() }),
        };
        self.block = Some((block, way));
    }

    fn reject_block(&mut self, line: u64) {
        self.reject(line, Fault::Orphaned, "IntervalBlock: its ReadingType was rejected");
    }

    fn end_reading(&mut self) {
        let Some(reading) = self.reading.take() else { return };
        let (line, is_in_block) = (reading.line, self.path.last() == Some(&Tag::IntervalBlock));
        let Some((block, _)) = self.block.as_mut().filter(|_| is_in_block) else {
            self.reject(line, Fault::OutOfPlace, "IntervalReading outside an IntervalBlock");
            return;
        };
        match block.add(reading) {
            Ok(stretch) => self.send(stretch),
            Err(rejected) => {
                self.ready.push_back(Item::Rejected(rejected));
            }
        }
    }

    /// Sends a stretch of the block on its way.
    fn send(&mut self, stretch: Option<Stretch>) {
        let (Some(stretch), Some((block, way))) = (stretch, &mut self.block) else { return };
        match way {
            Way::Out(channel, of) => stretch.items(channel, of, &mut self.ready),
            Way::Hold(held) if self.held_weight + stretch.weight() <= HELD_READINGS_MAX => {
                self.held_weight += stretch.weight();
                held.stretches.push(stretch);
            }
            Way::Hold(held) => {
                self.held_weight -= held.weight();
                let line = block.line;
                *way = Way::Away;
                let detail = format!("IntervalBlock: no ReadingType within {HELD_READINGS_MAX} readings");
                self.reject(line, Fault::Orphaned, &detail);
            }
            Way::Away => {}
        }
    }

    fn end_block(&mut self) {
        let stretch = self.block.as_mut().and_then(|(block, _)| block.finish());
        self.send(stretch);
        if let Some((_, Way::Hold(held))) = self.block.take()
            && !held.stretches.is_empty()
        {
            self.entry.blocks.push(held);
        }
    }

    fn end_reading_type(&mut self) {
        let Some(raw) = self.reading_type.take() else { return };
        let found = match raw.finished() {
            Ok(found) => Some(found),
            Err(rejected) => {
                self.ready.push_back(Item::Rejected(rejected));
                None
            }
        };
        self.entry.reading_type = Some(found);
    }

    fn end_total(&mut self) {
        let Some(total) = self.total.take() else { return };
        match total.finished() {
            Ok(Some(total)) if self.totals.len() < TOLD_MAX => self.totals.push(total),
            Ok(_) => {}
            Err(rejected) => self.ready.push_back(Item::Rejected(rejected)),
        }
    }

    /// What the entry said is known from here.
    fn end_entry(&mut self) {
        let mut entry = std::mem::take(&mut self.entry);
        let usage_point = entry.usage_point();
        for total in self.totals.iter_mut().skip(entry.totals_before) {
            total.point.clone_from(&usage_point);
        }
        let (meter_reading, has_links) = (entry.meter_reading(), entry.has_links());
        let blocks = std::mem::take(&mut entry.blocks);
        if entry.is_usage_point
            && self.usage_points.len() < TOLD_MAX
            && let Some(path) = entry.path.clone()
        {
            let title = std::mem::take(&mut entry.title);
            self.usage_points.push(UsagePoint { path, title, commodity: entry.commodity });
        }
        if entry.is_meter_reading
            && let Some(path) = entry.path.as_deref().and_then(links::meter_reading_of)
        {
            self.meter_readings.insert(path.to_owned(), entry.related_type.take());
            self.wake(&Wait::MeterReading(path.to_owned()));
        }
        if let Some(found) = entry.reading_type {
            let path = entry.path.as_deref().and_then(links::reading_type_of);
            self.types += 1;
            self.last_type = Some((path.is_some(), found.clone()));
            if let Some(path) = path {
                self.reading_types.insert(path.to_owned(), found);
                self.wake(&Wait::ReadingType(path.to_owned()));
            }
            self.wake(&Wait::AnyType);
        }
        for block in blocks {
            if has_links && meter_reading.is_none() {
                self.reject_held(&block, "IntervalBlock: its links name no MeterReading");
            } else {
                self.place(Held { meter_reading: meter_reading.clone(), ..block });
            }
        }
    }

    fn reject_held(&mut self, held: &Held, detail: &str) {
        self.held_weight -= held.weight();
        self.reject(held.line, Fault::Orphaned, detail);
    }

    /// Whether the type of the blocks of a MeterReading is known.
    fn found(&mut self, meter_reading: Option<&str>) -> Found {
        let found = match meter_reading {
            None => self.last_type.as_ref().map(|(_, found)| found).ok_or(Wait::AnyType),
            Some(path) => match self.meter_readings.get(path) {
                Some(Some(of)) => self.reading_types.get(of).ok_or_else(|| Wait::ReadingType(of.clone())),
                Some(None) | None => Err(Wait::MeterReading(path.to_owned())),
            },
        };
        match found.cloned() {
            Ok(Some(of)) => {
                let channel = shared(&mut self.last_channel, of.channel(meter_reading));
                Found::Type(channel, of)
            }
            Ok(None) => Found::Rejected,
            Err(wait) => Found::NotYet(wait),
        }
    }

    fn wake(&mut self, wait: &Wait) {
        for held in self.held.remove(wait).unwrap_or_default() {
            self.place(held);
        }
    }

    /// Makes items of a held block, or holds it on.
    fn place(&mut self, held: Held) {
        match self.found(held.meter_reading.as_deref()) {
            Found::Type(channel, of) => self.release(held, &channel, &of),
            Found::Rejected => {
                self.held_weight -= held.weight();
                self.reject_block(held.line);
            }
            Found::NotYet(wait) => self.held.entry(wait).or_default().push(held),
        }
    }

    fn release(&mut self, held: Held, channel: &Arc<Channel>, of: &ReadingType) {
        self.held_weight -= held.weight();
        for stretch in held.stretches {
            stretch.items(channel, of, &mut self.ready);
        }
    }

    /// Nothing comes any more: what is held is of the only type there is, or of none.
    fn end(&mut self) {
        self.end_block();
        let meter_reading = self.entry.meter_reading();
        for block in std::mem::take(&mut self.entry.blocks) {
            if meter_reading.is_some() {
                self.place(Held { meter_reading: meter_reading.clone(), ..block });
            } else {
                // The entry is cut: its links may have come.
                self.reject_held(&block, "IntervalBlock: the file ends before its links");
            }
        }
        // Of a file that is cut, nobody knows which types were to come.
        let is_only = self.types == 1 && self.failure.is_none();
        let only = self.last_type.take().filter(|_| is_only).and_then(|(_, found)| found);
        let mut held: Vec<(bool, Held)> = std::mem::take(&mut self.held)
            .into_iter()
            .flat_map(|(wait, held)| {
                let names_another = matches!(wait, Wait::ReadingType(_));
                held.into_iter().map(move |held| (names_another, held))
            })
            .collect();
        held.sort_by_key(|(_, held)| held.line);
        for (names_another, held) in held {
            match only.as_ref().filter(|_| !names_another) {
                Some(of) => {
                    let channel = shared(&mut self.last_channel, of.channel(held.meter_reading.as_deref()));
                    self.release(held, &channel, of);
                }
                None => self.reject_held(&held, "IntervalBlock: its ReadingType is not in the file"),
            }
        }
    }
}

impl<R: BufRead> Iterator for EspiFile<R> {
    type Item = Result<Item, FileFault>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return Some(Ok(item));
            }
            if self.is_over {
                return self.failure.take().map(Err);
            }
            match self.step() {
                Ok(true) => continue,
                Ok(false) if !self.has_resource => {
                    let reason = "there is no Green Button resource in the feed";
                    self.failure = Some(xml::format(self.xml.line(), reason));
                }
                Ok(false) => {}
                Err(fault) => self.failure = Some(fault),
            }
            self.is_over = true;
            self.end();
        }
    }
}

//! The writer: a customer's own data as a Green Button file.
//!
//! It streams: an entry is written when it is given, and what was written before is forgotten. What
//! it writes is what [`EspiFile`](super::EspiFile) reads. Text is escaped by the library; numbers of
//! places and registers become percent-encoded segments of paths.
//!
//! ESPI's values are whole numbers, so a series says how many decimals its values have at most; a
//! value that has more is refused, not rounded. Missing values leave a gap.

use std::io::{self, Write};

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};
use rust_decimal::Decimal;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use vocab::{Commodity, Unit};

use super::codes;
use super::file::LocalTime;
use super::links;
use super::xml::{ATOM, ESPI};
use crate::item::{Channel, Flow, Intervals, Moment};

/// Powers of ten that a ReadingType may have.
const MULTIPLIERS: &[i32] = &[9, 6, 3, 2, 1, 0, -1, -2, -3, -6, -9, -12];
/// ESPI's values have 48 bits.
const VALUE_MAX: i64 = (1 << 47) - 1;
/// Of a URI.
const ID_BYTES_MAX: usize = 2_048;
/// Of a title.
const TITLE_CHARS_MAX: usize = 200;

/// What stands at the head of the file.
#[derive(Debug, Clone, Copy)]
pub struct Feed<'f> {
    /// A URI of its own: `urn:uuid:…`.
    pub id: &'f str,
    /// What people call it.
    pub title: &'f str,
    /// When it was made.
    pub updated_at: OffsetDateTime,
}

/// One series of values to come.
#[derive(Debug, Clone, Copy)]
pub struct Series<'s> {
    /// Of which channel: its point, register, unit and flow are written.
    pub channel: &'s Channel,
    /// What is delivered.
    pub commodity: Commodity,
    /// Minutes of an interval.
    pub minutes: u16,
    /// Decimals of its values, in the channel's unit, at most.
    pub decimals: u8,
    /// What people call it.
    pub title: &'s str,
}

/// Why something cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteFault {
    /// The output failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The format cannot say it.
    #[error("{0}")]
    Unfit(&'static str),
}

/// The series whose intervals come.
struct Current {
    channel: Channel,
    minutes: u16,
    path: String,
    /// A value times ten to this power is the one that is written.
    power: i32,
    blocks: u64,
}

/// Writes a file from its beginning to its end.
pub struct EspiWriter<W: Write, F> {
    out: Writer<W>,
    id_of: F,
    updated_at: String,
    types: u64,
    current: Option<Current>,
}

/// Path of a usage point, as the reader gives it for the point of a channel: a number becomes
/// `UsagePoint/number`, a path that is one stays as it is. None when it is empty or too long.
pub fn usage_point_path(point: &str) -> Option<String> {
    let path = if links::is_usage_point(point) {
        point.to_owned()
    } else {
        format!("UsagePoint/{}", links::encoded(point))
    };
    let fits = !point.is_empty() && path.len() <= links::HREF_BYTES_MAX / 2;
    if fits { Some(path) } else { None }
}

/// Links of an entry.
struct Links<'l> {
    path: &'l str,
    up: &'l str,
    related: &'l [&'l str],
}

impl<W: Write, F: FnMut(&str) -> String> EspiWriter<W, F> {
    /// Writes the head of the file. `id_of` gives each entry, by its path, a URI of its own.
    pub fn new(out: W, feed: &Feed<'_>, id_of: F) -> Result<Self, WriteFault> {
        let updated_at = feed
            .updated_at
            .format(&Rfc3339)
            .map_err(|_| WriteFault::Unfit("the time has no RFC 3339 form"))?;
        let mut out = Writer::new_with_indent(out, b' ', 1);
        out.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
        out.write_event(Event::Start(BytesStart::new("feed").with_attributes([("xmlns", ATOM)])))?;
        leaf(&mut out, "id", id_of_entry(feed.id)?)?;
        leaf(&mut out, "title", &title_of(feed.title))?;
        leaf(&mut out, "updated", &updated_at)?;
        Ok(Self { out, id_of, updated_at, types: 0, current: None })
    }

    /// Writes how local time differs from UTC.
    pub fn local_time(&mut self, local: &LocalTime) -> Result<(), WriteFault> {
        let links = Links { path: "LocalTimeParameters/1", up: "LocalTimeParameters", related: &[] };
        self.entry(&links, "Local time", |out| {
            resource(out, "LocalTimeParameters", |out| {
                leaf(out, "dstEndRule", &title_of(&local.dst_ends))?;
                leaf(out, "dstOffset", &local.dst_offset_seconds.to_string())?;
                leaf(out, "dstStartRule", &title_of(&local.dst_starts))?;
                leaf(out, "tzOffset", &local.offset_seconds.to_string())
            })
        })
    }

    /// Writes a usage point. Its series come after it.
    pub fn usage_point(&mut self, point: &str, title: &str, commodity: Commodity) -> Result<(), WriteFault> {
        let path = usage_point_path(point).ok_or(WriteFault::Unfit("the point has no number that fits"))?;
        let up = path.rsplit_once('/').map_or("", |(up, _)| up);
        let below = format!("{path}/MeterReading");
        let links = Links { path: &path, up, related: &[&below, "LocalTimeParameters/1"] };
        self.entry(&links, title, |out| {
            resource(out, "UsagePoint", |out| {
                element(out, "ServiceCategory", |out| {
                    leaf(out, "kind", &codes::kinds_of(commodity).0.to_string())
                })
            })
        })
    }

    /// Begins a series: its MeterReading and its ReadingType.
    pub fn series(&mut self, series: &Series<'_>) -> Result<(), WriteFault> {
        let channel = series.channel;
        let point = channel.point.as_deref().and_then(usage_point_path);
        let point = point.ok_or(WriteFault::Unfit("the point has no number that fits"))?;
        let register = channel.register.as_deref().filter(|register| !register.is_empty());
        let register = links::encoded(register.ok_or(WriteFault::Unfit("the register has no number"))?);
        if register.len() > links::HREF_BYTES_MAX / 4 {
            return Err(WriteFault::Unfit("the number of the register is too long"));
        }
        let unit = channel.unit.ok_or(WriteFault::Unfit("the unit is none that can be billed"))?;
        let (uom, power) = codes::written_as(unit).ok_or(WriteFault::Unfit("the unit is none of ESPI's"))?;
        let lowest = power - i32::from(series.decimals);
        let multiplier = MULTIPLIERS.iter().find(|&&multiplier| multiplier <= lowest);
        let &multiplier = multiplier.ok_or(WriteFault::Unfit("more decimals than ESPI's values have"))?;
        if codes::minutes_of(u32::from(series.minutes) * 60).is_none() {
            return Err(WriteFault::Unfit("the interval does not divide a day"));
        }
        self.types += 1;
        let of = format!("ReadingType/{}", self.types);
        let up = format!("{point}/MeterReading");
        let path = format!("{up}/{register}");
        let blocks = format!("{path}/IntervalBlock");
        self.entry(&Links { path: &path, up: &up, related: &[&blocks, &of] }, series.title, |out| {
            resource(out, "MeterReading", |_| Ok(()))
        })?;
        self.entry(&Links { path: &of, up: "ReadingType", related: &[] }, series.title, |out| {
            reading_type(out, series, unit, uom, multiplier)
        })?;
        self.current = Some(Current {
            channel: channel.clone(),
            minutes: series.minutes,
            path,
            power: power - multiplier,
            blocks: 0,
        });
        Ok(())
    }

    /// Writes intervals of the series begun last, as a block.
    pub fn intervals(&mut self, intervals: &Intervals) -> Result<(), WriteFault> {
        let current = self.current.as_mut().ok_or(WriteFault::Unfit("no series has begun"))?;
        if *intervals.channel != current.channel || intervals.minutes != current.minutes {
            return Err(WriteFault::Unfit("the intervals are of another series"));
        }
        let values = block(intervals, current.power)?;
        let (Some(first), Some(last)) = (values.first(), values.last()) else { return Ok(()) };
        let seconds = i64::from(intervals.minutes) * 60;
        let (begins, ends) = (first.start, last.start + seconds);
        current.blocks += 1;
        let up = format!("{}/IntervalBlock", current.path);
        let path = format!("{up}/{}", current.blocks);
        self.entry(&Links { path: &path, up: &up, related: &[] }, "", |out| {
            resource(out, "IntervalBlock", |out| {
                period(out, "interval", begins, ends - begins)?;
                values.iter().try_for_each(|value| {
                    element(out, "IntervalReading", |out| {
                        for code in &value.qualities {
                            element(out, "ReadingQuality", |out| leaf(out, "quality", &code.to_string()))?;
                        }
                        period(out, "timePeriod", value.start, seconds)?;
                        leaf(out, "value", &value.value.to_string())
                    })
                })
            })
        })
    }

    /// Writes the end of the file and gives the output back.
    pub fn finish(mut self) -> Result<W, WriteFault> {
        self.out.write_event(Event::End(BytesEnd::new("feed")))?;
        let mut out = self.out.into_inner();
        out.write_all(b"\n")?;
        out.flush()?;
        Ok(out)
    }

    fn entry(
        &mut self,
        links: &Links<'_>,
        title: &str,
        content: impl FnOnce(&mut Writer<W>) -> io::Result<()>,
    ) -> Result<(), WriteFault> {
        let id = (self.id_of)(links.path);
        let id = id_of_entry(&id)?;
        let updated_at = &self.updated_at;
        element(&mut self.out, "entry", |out| {
            leaf(out, "id", id)?;
            link(out, "self", links.path)?;
            link(out, "up", links.up)?;
            for related in links.related {
                link(out, "related", related)?;
            }
            leaf(out, "title", &title_of(title))?;
            element(out, "content", content)?;
            leaf(out, "published", updated_at)?;
            leaf(out, "updated", updated_at)
        })?;
        Ok(())
    }
}

/// One value of a block.
struct Value {
    start: i64,
    value: i64,
    qualities: Vec<u8>,
}

/// The values that are not missing, as whole numbers.
fn block(intervals: &Intervals, power: i32) -> Result<Vec<Value>, WriteFault> {
    let Moment::Instant(begins) = intervals.begins else {
        return Err(WriteFault::Unfit("the intervals begin at no instant"));
    };
    let counted: Option<usize> =
        intervals.qualities.iter().try_fold(0_usize, |sum, run| sum.checked_add(run.count));
    if counted != Some(intervals.values.len()) {
        return Err(WriteFault::Unfit("the qualities do not add up to the values"));
    }
    let qualities = intervals.qualities.iter().flat_map(|run| std::iter::repeat_n(&run.quality, run.count));
    let mut values = Vec::with_capacity(intervals.values.len());
    let mut start = begins.unix_timestamp();
    for (&value, quality) in intervals.values.iter().zip(qualities) {
        if quality.kind.is_some() {
            let value =
                whole(value, power).ok_or(WriteFault::Unfit("a value is none of ESPI's whole numbers"))?;
            values.push(Value { start, value, qualities: codes::codes_of(quality) });
        }
        start += i64::from(intervals.minutes) * 60;
    }
    Ok(values)
}

/// `value × 10^power` when it is a whole number of 48 bits.
fn whole(value: Decimal, power: i32) -> Option<i64> {
    let value = codes::scaled(value, power).filter(Decimal::is_integer)?;
    i64::try_from(value).ok().filter(|value| value.abs() <= VALUE_MAX)
}

fn reading_type<W: Write>(
    out: &mut Writer<W>,
    series: &Series<'_>,
    unit: Unit,
    uom: u16,
    multiplier: i32,
) -> io::Result<()> {
    // Delta data and energy; instantaneous and power; delta data and volume.
    let (accumulation, kind) = match unit {
        Unit::Kw | Unit::Kva => (12, 37),
        Unit::Kwh | Unit::Kvarh | Unit::Therm | Unit::Megajoule => (4, 12),
        Unit::Item => (4, 0),
        _ => (4, 58),
    };
    let flow = match series.channel.flow {
        Flow::Delivered => 1,
        Flow::Received => 19,
        Flow::Unstated => 0,
    };
    resource(out, "ReadingType", |out| {
        leaf(out, "accumulationBehaviour", &accumulation.to_string())?;
        leaf(out, "commodity", &codes::kinds_of(series.commodity).1.to_string())?;
        leaf(out, "flowDirection", &flow.to_string())?;
        leaf(out, "intervalLength", &(u32::from(series.minutes) * 60).to_string())?;
        leaf(out, "kind", &kind.to_string())?;
        leaf(out, "powerOfTenMultiplier", &multiplier.to_string())?;
        leaf(out, "uom", &uom.to_string())
    })
}

fn period<W: Write>(out: &mut Writer<W>, name: &str, start: i64, seconds: i64) -> io::Result<()> {
    element(out, name, |out| {
        leaf(out, "duration", &seconds.to_string())?;
        leaf(out, "start", &start.to_string())
    })
}

fn resource<W: Write>(
    out: &mut Writer<W>,
    name: &str,
    content: impl FnOnce(&mut Writer<W>) -> io::Result<()>,
) -> io::Result<()> {
    out.create_element(name).with_attribute(("xmlns", ESPI)).write_inner_content(content).map(drop)
}

fn element<W: Write>(
    out: &mut Writer<W>,
    name: &str,
    content: impl FnOnce(&mut Writer<W>) -> io::Result<()>,
) -> io::Result<()> {
    out.create_element(name).write_inner_content(content).map(drop)
}

fn leaf<W: Write>(out: &mut Writer<W>, name: &str, text: &str) -> io::Result<()> {
    out.create_element(name).write_text_content(BytesText::new(text)).map(drop)
}

fn link<W: Write>(out: &mut Writer<W>, rel: &str, href: &str) -> io::Result<()> {
    out.create_element("link").with_attributes([("rel", rel), ("href", href)]).write_empty().map(drop)
}

/// XML has no control characters, and a title no line ends.
/// A URI as it is given: a part of one is another.
fn id_of_entry(id: &str) -> Result<&str, WriteFault> {
    let fits = !id.is_empty()
        && id.len() <= ID_BYTES_MAX
        && !id.chars().any(|c| c.is_control() || c.is_whitespace());
    if fits { Ok(id) } else { Err(WriteFault::Unfit("the id is no URI, or is too long")) }
}

fn title_of(text: &str) -> String {
    let plain = text.chars().map(|c| match c {
        c if c.is_control() => ' ',
        '\u{fffe}' | '\u{ffff}' => ' ',
        c => c,
    });
    plain.take(TITLE_CHARS_MAX).collect()
}

//! The text of one record with the lines that it hangs on.
//!
//! Records stand one after the other when they are loaded again, so each brings all that it hangs on. Where
//! that is not known, a line stands in its place that names nothing: the record must not come to hang on
//! the one before it, and is rejected until the line is filled in.

use crate::fixed_width::{Layout, Role};
use crate::form::FileForm;
use crate::lines::RawLine;
use crate::nem::{Fields, Kind, date};
use time::Date;

/// Ends a line that the end of the file may have cut: with a line's end alone it would pass for whole. No
/// format takes a line with it.
const CUT_HERE: u8 = 0x1A;

/// The record on a line of a piece of a file, by the line's place in it, from 1: what stands under the file's
/// head, and above [`FileForm::end`], to be mended and loaded again. Lines of one record give the same text.
/// Empty where there is nothing to load, and for Green Button. A last line without an end gets the control
/// character SUB, which is to be taken off when the line has been looked at.
pub fn record_at(form: &FileForm, bytes: &[u8], line_in_bytes: u64) -> Vec<u8> {
    Records::new(form, bytes).at(line_in_bytes)
}

/// Unknown lines above a record that it may hang on. Where there are more, what it hangs on is not known:
/// were each to bring all above it, the rejected records of a broken file would be many times the file.
const UNKNOWN_MAX: usize = 8;

/// The lines of a piece, for many records of it.
pub struct Records<'b> {
    form: &'b FileForm,
    lines: Vec<&'b [u8]>,
    order: Option<Order>,
}

/// Whether the days of a stream come in order, as far as it has been looked at.
#[derive(Clone, Copy)]
struct Order {
    from: usize,
    /// The next line to look at.
    next: usize,
    last: Option<Date>,
    goes_back: bool,
}

impl<'b> Records<'b> {
    /// Of a piece.
    pub fn new(form: &'b FileForm, bytes: &'b [u8]) -> Self {
        Self { form, lines: bytes.split_inclusive(|&byte| byte == b'\n').collect(), order: None }
    }

    /// See [`record_at`].
    pub fn at(&mut self, line_in_bytes: u64) -> Vec<u8> {
        let place = usize::try_from(line_in_bytes).ok().and_then(|line| line.checked_sub(1));
        let Some(place) = place.filter(|place| *place < self.lines.len()) else { return Vec::new() };
        let found = match self.form {
            FileForm::GreenButton => Vec::new(),
            FileForm::Nem => self.nem(place),
            FileForm::D0010 => self.d0010(place),
            FileForm::FixedWidth(layout) => self.fixed_width(layout, place),
            _ => vec![self.lines[place]],
        };
        let mut text = Vec::new();
        for line in found {
            text.extend_from_slice(line);
            if self.lines.last().is_some_and(|last| std::ptr::eq(*last, line)) && !line.ends_with(b"\n") {
                text.push(CUT_HERE);
            }
            if !text.ends_with(b"\n") {
                text.push(b'\n');
            }
        }
        text
    }

    fn kind(&self, place: usize) -> Kind {
        Kind::of(self.lines[place])
    }

    fn is_blank(&self, place: usize) -> bool {
        self.lines[place].iter().all(|&byte| byte == b',' || byte.is_ascii_whitespace())
    }

    fn nem(&mut self, place: usize) -> Vec<&'b [u8]> {
        match self.kind(place) {
            Kind::End => Vec::new(),
            Kind::Header | Kind::Stream => vec![self.lines[place]],
            Kind::Readings => self.with_those_below(place, &[Kind::Orders]),
            Kind::Orders => match self.above(place, &[Kind::Orders]) {
                Some(above) if self.kind(above) == Kind::Readings => {
                    self.with_those_below(above, &[Kind::Orders])
                }
                _ => vec![b"250\n", self.lines[place]],
            },
            Kind::Day | Kind::Unknown => self.day(place),
            Kind::Qualities | Kind::Event => match self.above(place, &[Kind::Qualities, Kind::Event]) {
                Some(above) if self.kind(above) == Kind::Day => self.day(above),
                _ => self.day(place),
            },
        }
    }

    /// The next line above that is not of these kinds.
    fn above(&self, place: usize, kinds: &[Kind]) -> Option<usize> {
        (0..place).rev().find(|&above| !self.is_blank(above) && !kinds.contains(&self.kind(above)))
    }

    fn with_those_below(&self, place: usize, kinds: &[Kind]) -> Vec<&'b [u8]> {
        let below = (place + 1..self.lines.len())
            .filter(|&below| !self.is_blank(below))
            .take_while(|&below| kinds.contains(&self.kind(below)));
        std::iter::once(place).chain(below).map(|place| self.lines[place]).collect()
    }

    /// A day under its stream. Lines between that are none may name another, so they are kept.
    fn day(&mut self, place: usize) -> Vec<&'b [u8]> {
        let stream = (0..place).rev().find(|&above| self.kind(above) == Kind::Stream);
        let between = stream.map_or(0, |stream| stream + 1)..place;
        let goes_back = self.goes_back(between.start, place);
        let is_unknown = |&above: &usize| {
            let known = [Kind::Day, Kind::Qualities, Kind::Event];
            !self.is_blank(above) && !known.contains(&self.kind(above))
        };
        let mut unknown: Vec<usize> = between.filter(is_unknown).take(UNKNOWN_MAX + 1).collect();
        let is_lost = stream.is_none() || goes_back || unknown.len() > UNKNOWN_MAX;
        if unknown.len() > UNKNOWN_MAX {
            unknown.clear();
        }
        let mut found: Vec<&[u8]> = match stream.filter(|_| !is_lost) {
            Some(stream) => vec![self.lines[stream]],
            None => vec![b"200,,,,,,,,,\n"],
        };
        found.extend(unknown.into_iter().map(|above| self.lines[above]));
        found.extend(self.with_those_below(place, &[Kind::Qualities, Kind::Event]));
        found
    }

    /// Whether days between do not come in order, so that the name of their stream may be lost.
    fn goes_back(&mut self, from: usize, to: usize) -> bool {
        let known = self.order.filter(|order| order.from == from && order.next <= to + 1);
        let mut order = known.unwrap_or(Order { from, next: from, last: None, goes_back: false });
        let mut fields = Fields::new();
        for place in order.next..=to {
            if self.kind(place) != Kind::Day {
                continue;
            }
            let bytes = self.lines[place].trim_ascii_end().to_vec();
            let is_split = fields.split(&RawLine { bytes, ..RawLine::default() }).is_ok();
            if let Some(on) = date(fields.get(1)).filter(|_| is_split) {
                order.goes_back |= order.last.replace(on).is_some_and(|last| on <= last);
            }
        }
        order.next = to + 1;
        self.order = Some(order);
        order.goes_back
    }

    fn d0010(&self, place: usize) -> Vec<&'b [u8]> {
        let kind = |place: usize| {
            let first = self.lines[place].split(|&byte| byte == b'|').next().unwrap_or_default();
            first.trim_ascii()
        };
        match kind(place) {
            b"ZPT" => return Vec::new(),
            b"026" => return vec![self.lines[place]],
            _ => {}
        }
        let mut found = vec![self.lines[place]];
        let mut has_meter = kind(place) == b"028";
        let mut unknown = 0;
        for above in (0..place).rev() {
            match kind(above) {
                b"026" => {
                    found.push(self.lines[above]);
                    found.reverse();
                    return found;
                }
                b"028" if !has_meter => {
                    has_meter = true;
                    found.push(self.lines[above]);
                }
                b"027" | b"028" | b"029" | b"030" | b"031" | b"032" | b"033" => {}
                _ if self.lines[above].trim_ascii().is_empty() => {}
                _ if unknown == UNKNOWN_MAX => {
                    found.truncate(1);
                    break;
                }
                _ => {
                    unknown += 1;
                    found.push(self.lines[above]);
                }
            }
        }
        found.push(b"026||\n");
        found.reverse();
        found
    }

    fn fixed_width(&self, layout: &'b Layout, place: usize) -> Vec<&'b [u8]> {
        let kind = |place: usize| {
            let line = self.lines[place];
            layout.records.iter().position(|kind| line.starts_with(kind.prefix.as_bytes()))
        };
        let is_context = |kind: usize| layout.records[kind].role == Role::Context;
        let mut found = vec![self.lines[place]];
        let Some(outermost) = (0..layout.records.len()).find(|&kind| is_context(kind)) else { return found };
        // Contexts of a kind from this one on are reset by what was found.
        let mut reset = kind(place).filter(|&kind| is_context(kind)).unwrap_or(layout.records.len());
        let mut unknown = 0;
        for above in (0..place).rev() {
            if reset == outermost {
                break;
            }
            match kind(above) {
                Some(kind) if is_context(kind) && kind < reset => {
                    reset = kind;
                    found.push(self.lines[above]);
                }
                None if !self.lines[above].trim_ascii().is_empty() => {
                    if unknown == UNKNOWN_MAX {
                        found.truncate(1);
                        break;
                    }
                    unknown += 1;
                    found.push(self.lines[above]);
                }
                _ => {}
            }
        }
        if reset != outermost {
            found.push(layout.records[outermost].prefix.as_bytes());
        }
        found.reverse();
        found
    }
}

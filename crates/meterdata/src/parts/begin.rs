//! Where a record begins that hangs on nothing before it.

use crate::cells::Cells;
use crate::fixed_width::{Layout, Role};
use crate::form::FileForm;
use crate::lines::RawLine;
use crate::nem::{Fields, Kind};

/// What a line is to the cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// A part may begin with it.
    Begins,
    /// It hangs on those before it.
    Hangs,
    /// The file ends with it: nothing that follows stands on its own.
    Ends,
}

/// Tells the lines of a file apart, in their order.
pub(super) enum Begin<'f> {
    /// Each stands on its own.
    Each,
    /// The kind of record that does.
    Nem(Kind, Fields),
    D0010(Cells),
    Fixed(&'f Layout),
}

impl<'f> Begin<'f> {
    /// Of a file with this head.
    pub fn of(form: &'f FileForm, prelude: &[u8]) -> Self {
        match form {
            FileForm::Nem => {
                let mut fields = Fields::new();
                let raw = RawLine { bytes: prelude.trim_ascii_end().to_vec(), ..RawLine::default() };
                let is_readings = fields.split(&raw).is_ok() && fields.get(1) == "NEM13";
                Self::Nem(if is_readings { Kind::Readings } else { Kind::Stream }, fields)
            }
            FileForm::D0010 => Self::D0010(Cells::bar()),
            FileForm::FixedWidth(layout) => Self::Fixed(layout),
            _ => Self::Each,
        }
    }

    pub fn place(&mut self, raw: &RawLine) -> Place {
        let (begins, ends) = match self {
            Self::Each => (true, false),
            Self::Nem(first, fields) => {
                let kind = Kind::of(&raw.bytes);
                let ends = kind == Kind::End && fields.split(raw).is_ok() && fields.used() == 1;
                (kind == *first, ends)
            }
            Self::D0010(cells) => {
                let may_end = raw.bytes.trim_ascii_start().starts_with(b"ZPT");
                let ends = may_end && cells.split(raw).is_ok() && cells.get(0) == "ZPT";
                (raw.bytes.starts_with(b"026|"), ends)
            }
            Self::Fixed(layout) => (stands_alone(layout, &raw.bytes), false),
        };
        match (begins, ends) {
            (_, true) => Place::Ends,
            (true, false) => Place::Begins,
            (false, false) => Place::Hangs,
        }
    }
}

/// Whether a record is of the outermost context, or of a layout without contexts.
fn stands_alone(layout: &Layout, bytes: &[u8]) -> bool {
    let outermost = layout.records.iter().position(|kind| kind.role == Role::Context);
    let kind = layout.records.iter().position(|kind| bytes.starts_with(kind.prefix.as_bytes()));
    outermost.is_none() || outermost == kind
}

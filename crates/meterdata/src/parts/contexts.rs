//! What the records of a layout hang on, as the cut goes by: so that a part may begin between them.

use super::Stretch;
use crate::fixed_width::{Layout, Role};
use crate::lines::RawLine;

/// The lines above that tell what the contexts say now, in the file's order: read before a part, they leave
/// its reader as the whole file would.
pub(super) struct Contexts<'f> {
    layout: &'f Layout,
    /// Each with the place of its kind; a line of no kind spoils what stands above it until that comes anew.
    held: Vec<(Option<usize>, Stretch)>,
}

impl<'f> Contexts<'f> {
    /// At the beginning of a file.
    pub const fn new(layout: &'f Layout) -> Self {
        Self { layout, held: Vec::new() }
    }

    /// What a part hangs on that begins here.
    pub fn held(&self) -> Vec<Stretch> {
        self.held.iter().map(|(_, line)| *line).collect()
    }

    /// Goes by a line.
    pub fn pass(&mut self, raw: &RawLine, line: Stretch) {
        if raw.is_blank(b' ') {
            return;
        }
        let kinds = &self.layout.records;
        let is_context = |place: usize| kinds[place].role == Role::Context;
        match kinds.iter().position(|kind| raw.bytes.starts_with(kind.prefix.as_bytes())) {
            Some(place) if is_context(place) => {
                let is_outermost = !(0..place).any(is_context);
                self.held.retain(|(held, _)| !is_outermost && held.is_none_or(|held| held < place));
                self.held.push((Some(place), line));
            }
            Some(_) => {}
            None => {
                self.held.retain(|(held, _)| held.is_some());
                self.held.push((None, line));
            }
        }
    }
}

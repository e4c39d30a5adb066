//! Rating: from quantities to lines.

use crate::charges::Draft;
use crate::error::RatingError;
use crate::input::RatingInput;
use crate::line::{Line, LinesDocument};
use crate::pieces::{self, Piece};
use crate::proration::Span;
use crate::working::DerivedQuantity;
use std::borrow::Cow;
use vocab::Money;

/// A rated segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rated {
    derived: Vec<DerivedQuantity>,
    lines: Vec<Line>,
    total: Money,
}

impl Rated {
    /// The quantities that the tariff worked out.
    pub fn derived(&self) -> &[DerivedQuantity] {
        &self.derived
    }

    /// The lines, in the order of the rules.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// The sum of the lines' rounded amounts, exactly.
    pub const fn total(&self) -> Money {
        self.total
    }

    /// The versioned document to store.
    pub fn into_document(self) -> LinesDocument {
        LinesDocument::new(self.derived, self.lines)
    }
}

/// Rates a segment: the same input always gives the same lines.
///
/// # Errors
/// [`RatingError`], each variant with a stable code; nothing is charged in part.
pub fn rate(input: &RatingInput<'_>) -> Result<Rated, RatingError> {
    let stretches = pieces::stretches(input)?;
    let span = Span {
        period: input.period,
        whole_period: input.whole_period,
        first_or_final: input.is_first || input.is_final,
        frequency: input.frequency,
    };
    let mut draft = Draft::new(input, span, stretches.iter().map(|stretch| stretch.in_force));
    if let [only] = stretches.as_slice() {
        let version = only.in_force.version;
        for (index, rule) in version.rules().iter().enumerate() {
            let piece = Piece {
                period: only.period,
                in_force: only.in_force,
                rule: Some(rule),
                bases: Cow::Borrowed(version.bases(index)),
            };
            charge(&mut draft, index, &[piece])?;
        }
    } else {
        for (index, all) in pieces::merged(&stretches).iter().enumerate() {
            charge(&mut draft, index, all)?;
        }
    }
    let (derived, lines) = draft.into_parts();
    let total = Money::sum(lines.iter().map(|line| line.amount_minor))?;
    Ok(Rated { derived, lines, total })
}

fn charge<'a>(draft: &mut Draft<'a>, place: usize, all: &[Piece<'a>]) -> Result<(), RatingError> {
    let parts = pieces::cut(all, draft.input())?;
    (0..parts.len()).try_for_each(|at| draft.charge(place, &parts, at))
}

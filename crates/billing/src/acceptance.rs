//! Whether a draft may be posted.
//!
//! Acceptance makes each draft again from its inputs as they are now instead of reading the stored
//! document back. The two digests of [`Tested`] say whether it is the one that was reviewed: another input or
//! another arithmetic makes the account stale.

use crate::digest::{Digest, Form};
use crate::document::{Calculation, Draft, DraftSegment, Reason};
use crate::flags::ReviewedFlag;
use vocab::{Code, Disposition, FlagCode, ItemState, Severity};

/// What identifies a draft: kept with the test, compared at acceptance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tested {
    /// Digest of the inputs.
    pub inputs: Digest,
    /// Digest of the segments as they would be posted.
    pub charges: Digest,
}

impl Tested {
    /// Of a draft.
    pub fn of(draft: &Draft) -> Self {
        let mut form = Form::new();
        for segment in &draft.segments {
            charged(&mut form, segment);
        }
        Self { inputs: draft.digest, charges: form.digest() }
    }
}

/// What became of a contract, and every number of its arithmetic. Words that only say what the numbers are (labels,
/// tiers, rounding) come from the rate version, which the digest of the inputs has.
fn charged(form: &mut Form, segment: &DraftSegment) {
    form.byte(b'S');
    form.number(segment.contract.n);
    form.text(segment.outcome.as_str());
    form.byte(u8::from(segment.is_final) | u8::from(segment.estimated) << 1);
    form.number(segment.schedule.map_or(0, |schedule| schedule.0));
    for day in [segment.period.map(|of| of.first_on()), segment.period.map(|of| of.last_on())] {
        form.day_or_none(day);
    }
    form.money(segment.total);
    if let Some(error) = &segment.error {
        form.text(&format!("{error:?}"));
    }
    if let Some(reason) = &segment.reason {
        form.text(&format!("{reason:?}"));
    }
    if let Some(calc) = &segment.calc {
        arithmetic(form, calc);
    }
}

fn arithmetic(form: &mut Form, calc: &Calculation) {
    for read in &calc.reads {
        form.byte(b'R');
        form.number(read.register.n);
        form.day(read.end_on);
        form.decimal(read.end_value);
        form.decimal(read.quantity);
    }
    for of in &calc.estimates {
        form.byte(b'E');
        form.number(of.register.n);
        form.day(of.read_on);
        form.decimal(of.value);
    }
    for of in calc.derived.iter().map(|of| of.value).chain(calc.given.iter().map(|of| of.value)) {
        form.byte(b'Q');
        form.decimal(of);
    }
    for line in &calc.lines {
        form.byte(b'L');
        form.text(line.rule.as_str());
        form.number(line.version.0);
        form.day(line.period.first_on());
        form.day(line.period.last_on());
        form.decimal(line.quantity.as_ref().map_or_else(Default::default, |of| of.value));
        form.decimal(line.price);
        form.number(line.proration.numerator());
        form.number(line.proration.denominator());
        form.decimal(line.unrounded);
        form.money(line.amount_minor);
        if let Some(bank) = &line.bank {
            for number in [bank.opening, bank.earned, bank.applied, bank.paid_out, bank.closing] {
                form.decimal(number);
            }
        }
    }
    for charge in &calc.charges {
        form.byte(b'B');
        form.number(charge.charge.n);
        form.money(charge.amount);
    }
    for line in &calc.terms {
        form.byte(b'T');
        form.byte(line.kind as u8);
        form.money(line.amount);
    }
}

/// Why a draft stays behind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAcceptable {
    /// Its inputs changed after the test.
    #[error("the account has changed since the test")]
    Stale,
    /// Contracts failed.
    #[error("the draft has errors: {}", words(.codes.iter().map(|code| code.as_str())))]
    Errors {
        /// Their codes.
        codes: Vec<Code>,
    },
    /// Nothing stands on it.
    #[error("nothing is to be billed: the account is {}", state.as_str())]
    NothingToPost {
        /// What became of the account.
        state: ItemState,
    },
    /// A person or a hold keeps it back.
    #[error("the account is held: {}", words(.codes.iter().map(|code| code.as_str())))]
    Held {
        /// The flags that were held or wait for a reread; none for a hold on the account.
        codes: Vec<FlagCode>,
    },
    /// Blocking flags wait for a decision.
    #[error("blocking flags are open: {}", words(.codes.iter().map(|code| code.as_str())))]
    OpenFlags {
        /// Which.
        codes: Vec<FlagCode>,
    },
}

impl NotAcceptable {
    /// The state that the account's item takes.
    pub const fn item_state(&self) -> ItemState {
        match self {
            Self::Stale => ItemState::Stale,
            Self::Errors { .. } => ItemState::Error,
            Self::NothingToPost { state } => *state,
            Self::Held { .. } => ItemState::Held,
            Self::OpenFlags { .. } => ItemState::Drafted,
        }
    }

    /// The stable word of it: what the draft says where that says more.
    pub fn reason_code(&self, draft: Option<&Reason>) -> &'static str {
        match self {
            Self::Stale => "changed_since_test",
            Self::Errors { codes } => codes.first().map_or("errors", |code| code.as_str()),
            Self::NothingToPost { state } => draft.map_or(state.as_str(), Reason::code),
            Self::Held { codes } if codes.is_empty() => draft.map_or("held", Reason::code),
            Self::Held { .. } => "flag_held",
            Self::OpenFlags { .. } => "open_flags",
        }
    }
}

fn words<'a>(all: impl Iterator<Item = &'a str>) -> String {
    all.collect::<Vec<_>>().join(", ")
}

/// Whether the draft, made now, may be posted, given what the test left and its reviewed flags.
pub fn acceptable(
    draft: &Draft,
    now: &Tested,
    tested: &Tested,
    flags: &[ReviewedFlag],
) -> Result<(), NotAcceptable> {
    if now != tested {
        return Err(NotAcceptable::Stale);
    }
    match draft.state {
        ItemState::Drafted => {}
        ItemState::Held => return Err(NotAcceptable::Held { codes: Vec::new() }),
        ItemState::Error => {
            let codes = draft.segments.iter().filter_map(|segment| segment.error.as_ref());
            return Err(NotAcceptable::Errors { codes: codes.map(|error| error.code).collect() });
        }
        state => return Err(NotAcceptable::NothingToPost { state }),
    }
    let with = |wanted: &dyn Fn(&ReviewedFlag) -> bool| -> Vec<FlagCode> {
        flags.iter().filter(|of| wanted(of)).map(|of| of.flag.code).collect()
    };
    let held = with(&|of| matches!(of.decision.disposition, Disposition::Held | Disposition::RereadOrdered));
    if !held.is_empty() {
        return Err(NotAcceptable::Held { codes: held });
    }
    let open =
        with(&|of| of.flag.severity == Severity::Block && of.decision.disposition == Disposition::Open);
    if open.is_empty() { Ok(()) } else { Err(NotAcceptable::OpenFlags { codes: open }) }
}

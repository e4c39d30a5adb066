//! The digest of what a test looks at besides what decides the charges.
//!
//! An account of which both digests are those of its standing draft is not drafted again: with equal inputs
//! [`crate::draft`] makes an equal draft, for it is a function of the context and the inputs alone, and the two
//! digests have between them all that it reads:
//! - [`crate::digest`]: window, class, contracts with their terms, rates by version and factors, earlier segments
//!   where a rate looks back, charged reads and interval data, due charges, adjustments, held reads;
//! - here, of the inputs: the whole history of reads and registers that use is compared with, every remark,
//!   reasons and ends of holds, all charges, whether somebody has no address, the last bill, ended services;
//! - here, of what all share ([`of_shared`]): the rules of the review and of reads, estimation, profiles, contract
//!   types, ledger accounts, changes of the clock, whether estimates are due, and the program's version with that
//!   of its documents, so that an upgraded program drafts again.
//!
//! What is missing from either is a fault: put it here when `draft` learns to read something new. Acceptance
//! compares [`crate::digest`] alone.

use crate::account::{AccountInputs, Contract, EndedService, Hold, RegisterReads};
use crate::context::{RunContext, RunContextParts};
use crate::digest::{self, Digest, Form};
use crate::document::DOCUMENT_VERSION;
use crate::remarks;
use crate::routing;
use rating::LabelText;
use std::fmt::Write as _;
use time::Date;
use vocab::Money;

/// Number of the byte form; another form takes another number.
const FORM: u8 = 2;

/// The digest of what the review of an account rests on besides [`crate::digest`].
pub fn review_digest(context: &RunContext, inputs: &AccountInputs) -> Digest {
    let mut form = Form::new();
    form.bytes(&context.shared_digest().0);
    form.number(inputs.site.0);
    hold(&mut form, inputs.hold.as_ref(), context.as_of_on());
    match routing::unreachable(inputs) {
        Some(name) => form.text(name),
        None => form.byte(0),
    }
    let mut contracts: Vec<_> = inputs.contracts.iter().collect();
    contracts.sort_unstable_by_key(|of| of.id);
    for contract in contracts {
        form.byte(b'C');
        form.number(contract.id.n);
        form.number(i64::from(contract.segments));
        hold(&mut form, contract.hold.as_ref(), context.as_of_on());
        remarks(&mut form, context, inputs, contract);
    }
    let mut charges: Vec<_> = inputs.charges.iter().collect();
    charges.sort_unstable_by_key(|of| of.id);
    for charge in charges {
        form.byte(b'B');
        form.number(charge.id.n);
        form.number(charge.contract.n);
        form.day(charge.due_on);
    }
    let mut points: Vec<_> = inputs.meters.iter().collect();
    points.sort_unstable_by_key(|of| of.service_point);
    for point in points {
        form.byte(b'P');
        form.number(point.service_point.0);
        registers(&mut form, &point.registers);
    }
    before(&mut form, inputs);
    let mut ended: Vec<&EndedService> = inputs.ended.iter().collect();
    ended.sort_unstable_by_key(|of| of.contract);
    for of in ended {
        form.byte(b'E');
        form.number(of.contract.n);
        form.number(of.type_id.0);
        form.number(of.schedule.map_or(0, |schedule| schedule.0));
        form.day(of.ends_on);
        registers(&mut form, &of.registers);
    }
    form.digest()
}

/// The end and the reason are shown, where it holds.
fn hold(form: &mut Form, hold: Option<&Hold>, on: Date) {
    form.hold(hold, on);
    if let Some(hold) = hold.filter(|hold| hold.holds_on(on)) {
        form.day(hold.until_on);
        form.text(&hold.reason);
    }
}

/// As they are shown: which others were loaded depends on the company that the account is in.
fn remarks(form: &mut Form, context: &RunContext, inputs: &AccountInputs, contract: &Contract) {
    let of = context.contract_type(contract.type_id);
    for remark in remarks::of_contract(context, inputs, contract, of) {
        form.byte(b'W');
        form.number(remark.register.n);
        form.decimal(remark.value);
        form.byte(u8::from(remark.is_held));
        form.text(&remark.rules);
    }
}

fn registers(form: &mut Form, all: &[RegisterReads]) {
    let mut all: Vec<&RegisterReads> = all.iter().collect();
    all.sort_unstable_by_key(|of| (of.register.id, of.register.installed_on));
    for of in all {
        digest::register(form, &of.register);
        form.byte(of.register.decimals);
        let mut reads: Vec<_> = of.reads.iter().collect();
        let key = |read: &&metering::Read| (read.read_on, read.value, read.quality, read.status);
        if !reads.is_sorted_by_key(key) {
            reads.sort_unstable_by_key(key);
        }
        for read in reads {
            digest::read(form, read);
            form.text(read.status.as_str());
        }
    }
}

fn before(form: &mut Form, inputs: &AccountInputs) {
    for (mark, all) in [(b'L', &inputs.before.segments), (b'O', &inputs.before.older)] {
        let mut segments = all.clone();
        segments.sort_unstable_by_key(|of| (of.contract, of.first_on));
        for of in segments {
            form.byte(mark);
            form.number(of.contract.n);
            form.number(of.schedule.map_or(0, |schedule| schedule.0));
            form.day(of.first_on);
            form.day(of.last_on);
            form.money(of.total);
        }
    }
    let mut charges: Vec<(&LabelText, Money)> =
        inputs.before.charges.iter().map(|(label, amount)| (label.text(), *amount)).collect();
    charges.sort_by_cached_key(|(label, amount)| (*amount, format!("{label:?}")));
    for (label, amount) in charges {
        form.byte(b'D');
        form.label(label);
        form.money(amount);
    }
}

/// Of what all accounts share and [`crate::digest`] has only where it decides a charge: written as it is shown
/// to developers, for which every field counts. The parts are in order.
pub(crate) fn of_shared(parts: &RunContextParts) -> Digest {
    let mut form = Form::new();
    form.byte(FORM);
    form.byte(DOCUMENT_VERSION);
    form.text(env!("CARGO_PKG_VERSION"));
    let estimates_are_due = parts.window.estimate_on.is_some_and(|on| on <= parts.as_of_on);
    form.byte(u8::from(estimates_are_due));
    let mut text = String::new();
    let _ = write!(
        text,
        "{:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?}",
        parts.read_window,
        parts.read_rules,
        parts.review,
        parts.estimation,
        parts.profiles,
        parts.currency,
        parts.contract_types,
        parts.gl_accounts,
        parts.clock_changes,
    );
    for schedule in &parts.schedules {
        let _ = write!(text, " {:?} {:?} {:?}", schedule.id, schedule.code, schedule.estimation);
    }
    form.text(&text);
    form.digest()
}

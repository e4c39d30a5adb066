//! Completing a bill: from an accepted draft to the rows to write, in the order of the trade.
//!
//! Recheck for open errors → due date → freeze segments, one transaction each → sweep loose
//! transactions onto the bill → check that the balances chain → routings. The caller has locked
//! the account, read the ledger under that lock and compared the digest; it writes the rows,
//! applies credit and plans autopay.

use crate::account::{AccountInputs, BillableCharge, LastBill};
use crate::arithmetic::Arithmetic;
use crate::context::{ContractType, RunContext};
use crate::document::{Calculation, Draft, DraftSegment};
use crate::journal::JournalFault;
use crate::posting::{Ft, FtOrigin, PostingDates, segment_ft};
use crate::routing::{Routing, routings};
use crate::terms::progress_after;
use time::{Date, OffsetDateTime};
use vocab::dates::plus_days;
use vocab::decimal::Overflow;
use vocab::{
    AccountId, BillId, BillState, ChargeId, Code, ContractId, ContractState, Decimal, FtId, FtKind,
    GlAccountId, ItemState, Money, Period, Problem, RateScheduleId, RegisterId, RunId, SegmentId,
    SegmentMethod, SegmentState, WindowId,
};

/// The account's money as read under its lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ledger {
    /// Balance that is asked now: the sum of all its transactions.
    pub current: Money,
    /// What is owed if closed today.
    pub payoff: Money,
    /// The last completed bill.
    pub previous: Option<LastBill>,
    /// Every transaction that is on no bill.
    pub loose: Vec<LooseFt>,
}

/// A transaction that is on no bill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LooseFt {
    /// The transaction.
    pub id: FtId,
    /// What it records.
    pub kind: FtKind,
    /// What it added to the balance.
    pub current: Money,
    /// Its accounting date; swept when not after the bill date.
    pub accounting_on: Date,
}

/// What the shell gives: the number taken for the bill, and the instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Posting {
    /// The bill's number.
    pub bill_number: i64,
    /// Business time of the transaction.
    pub posted_at: OffsetDateTime,
}

/// The bill's row.
#[derive(Debug, Clone, PartialEq)]
pub struct BillRow {
    /// Its id.
    pub id: BillId,
    /// Its number.
    pub number: i64,
    /// The window it bills; none of a bill between two windows.
    pub window: Option<WindowId>,
    /// The run that made it.
    pub run: Option<RunId>,
    /// The bill before it.
    pub previous_bill: Option<BillId>,
    /// Complete.
    pub state: BillState,
    /// Its date.
    pub bill_on: Date,
    /// When it is due.
    pub due_on: Date,
    /// First to last charged day.
    pub period: Period,
    /// Ending balance of the bill before it.
    pub previous: Money,
    /// Sum of what was swept onto it.
    pub swept: Money,
    /// Sum of the transactions born on it.
    pub new: Money,
    /// Previous + swept + new.
    pub ending: Money,
    /// To whom and where it goes.
    pub routings: Vec<Routing>,
    /// When it was completed.
    pub completed_at: OffsetDateTime,
}

/// A frozen segment's row.
#[derive(Debug, Clone, PartialEq)]
pub struct SegmentRow {
    /// Its id.
    pub id: SegmentId,
    /// The bill it stands on.
    pub bill: BillId,
    /// The contract it bills.
    pub contract: ContractId,
    /// The rate.
    pub schedule: Option<RateScheduleId>,
    /// Frozen.
    pub state: SegmentState,
    /// The charged days.
    pub period: Period,
    /// Its total.
    pub total: Money,
    /// Whether an estimated read was used.
    pub estimated: bool,
    /// Its arithmetic.
    pub document: Arithmetic,
    /// The segment whose place it takes.
    pub rebills: Option<SegmentId>,
}

/// What becomes of a billed contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContractUpdate {
    /// The contract.
    pub contract: ContractId,
    /// Its last charged day.
    pub billed_through_on: Option<Date>,
    /// How many segments it has had.
    pub segments: i32,
    /// Closed after its final segment.
    pub state: ContractState,
    /// How far its terms have come.
    pub progress: Money,
    /// Its last charged day, when this segment has ended it: nothing is left of its terms, or the
    /// contract that it rests on has ended.
    pub ended_on: Option<Date>,
}

/// A charge that is now on a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChargeBilled {
    /// The charge.
    pub charge: ChargeId,
    /// The segment.
    pub segment: SegmentId,
}

/// An estimate that becomes a valid read of quality *estimated*: the next segment starts from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EstimatedRead {
    /// The register.
    pub register: RegisterId,
    /// The day that it closes.
    pub read_on: Date,
    /// Its value.
    pub value: Decimal,
}

/// Everything that completing a bill writes.
#[derive(Debug, Clone, PartialEq)]
pub struct Completion {
    /// The bill.
    pub bill: BillRow,
    /// Its segments.
    pub segments: Vec<SegmentRow>,
    /// One transaction per segment, born on the bill.
    pub fts: Vec<Ft>,
    /// Loose transactions that are on the bill from now on.
    pub swept: Vec<FtId>,
    /// Contracts to move on.
    pub contracts: Vec<ContractUpdate>,
    /// Charges to mark.
    pub charges: Vec<ChargeBilled>,
    /// Reads to store.
    pub estimates: Vec<EstimatedRead>,
    /// The account's balance after it.
    pub current: Money,
    /// The account's payoff balance after it.
    pub payoff: Money,
}

/// Why a bill cannot be completed; nothing is written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompletionRefused {
    /// Contracts have open errors.
    #[error("the draft has open errors")]
    OpenErrors {
        /// Their codes.
        codes: Vec<Code>,
    },
    /// Nothing stands on the draft.
    #[error("nothing is to be billed: the account is {}", .0.as_str())]
    NotDrafted(ItemState),
    /// The customer class has no due date rule.
    #[error("customer class {0} has no due date rule")]
    NoDueDateRule(String),
    /// A ledger account is missing.
    #[error("no general ledger account is set for {0}")]
    GlAccountMissing(String),
    /// The draft names a contract or type that is not there.
    #[error("the draft does not fit the account any more")]
    Outdated,
    /// Somebody who is to get a copy has no address.
    #[error("{}", .0.detail)]
    NoRoutingAddress(Problem),
    /// Bills and transactions do not add up to the account's balance.
    #[error("the bill would end at {} minor units, the account's transactions say {}", .ending.minor(), .ledger.minor())]
    Unbalanced {
        /// Previous + swept + new.
        ending: Money,
        /// Balance less what stays loose.
        ledger: Money,
    },
    /// A journal does not balance or a number does not fit.
    #[error(transparent)]
    Journal(#[from] JournalFault),
    /// A number does not fit.
    #[error(transparent)]
    Overflow(#[from] Overflow),
}

impl From<CompletionRefused> for Problem {
    fn from(refused: CompletionRefused) -> Self {
        let detail = refused.to_string();
        match refused {
            CompletionRefused::OpenErrors { codes } => {
                Self::new(codes.first().copied().unwrap_or(Code::WrongState), detail)
            }
            CompletionRefused::NotDrafted(state) => {
                Self::new(Code::WrongState, detail).with("state", state.as_str())
            }
            CompletionRefused::NoDueDateRule(class) => {
                Self::new(Code::NoDueDateRule, detail).with("class", class)
            }
            CompletionRefused::GlAccountMissing(rule) => {
                Self::new(Code::GlAccountMissing, detail).with("rule", rule)
            }
            CompletionRefused::Outdated => Self::new(Code::TestStale, detail),
            CompletionRefused::NoRoutingAddress(problem) => problem,
            CompletionRefused::Unbalanced { .. }
            | CompletionRefused::Journal(JournalFault::Unbalanced(_)) => Self::new(Code::Internal, detail),
            CompletionRefused::Journal(JournalFault::Overflow(overflow))
            | CompletionRefused::Overflow(overflow) => overflow.into(),
        }
    }
}

/// A bill that is open again: what stands on it stays.
#[derive(Debug, Clone, Copy)]
pub struct OpenBill<'a> {
    /// The bill.
    pub id: BillId,
    /// Contracts whose segments stand on it and are kept.
    pub kept: &'a [ContractId],
    /// What the transactions born on it come to.
    pub born: Money,
    /// Loose transactions up to this day are swept up: those of its own day, and what came while it was open.
    pub sweeps_through_on: Date,
}

/// The rows of the account's bill; `ids` gives a fresh row number each time it is called.
///
/// # Errors
/// [`CompletionRefused`]: the account stays behind as it is.
pub fn complete(
    context: &RunContext,
    inputs: &AccountInputs,
    draft: &Draft,
    ledger: &Ledger,
    posting: Posting,
    ids: &mut dyn FnMut() -> i64,
) -> Result<Completion, CompletionRefused> {
    let open = OpenBill {
        id: BillId::new(inputs.account, ids()),
        kept: &[],
        born: Money::ZERO,
        sweeps_through_on: context.window().bill_on,
    };
    complete_open(context, inputs, draft, ledger, posting, open, ids)
}

/// The same for a bill that is open again: the draft's segments of contracts that are not kept are added.
///
/// # Errors
/// [`CompletionRefused`]: the bill stays open.
pub fn complete_open(
    context: &RunContext,
    inputs: &AccountInputs,
    draft: &Draft,
    ledger: &Ledger,
    posting: Posting,
    open: OpenBill<'_>,
    ids: &mut dyn FnMut() -> i64,
) -> Result<Completion, CompletionRefused> {
    recheck(draft)?;
    let period = draft.period.ok_or(CompletionRefused::NotDrafted(draft.state))?;
    let due_on = due_on(context, &inputs.class_code)?;
    let bill = open.id;
    let mut frozen = Frozen::new(inputs.account, bill, due_on, posting, draft.segments.len());
    for segment in draft.billed().filter(|segment| !open.kept.contains(&segment.contract)) {
        frozen.freeze(context, inputs, segment, ids)?;
    }
    let added = Money::sum(frozen.fts.iter().map(Ft::current))?;
    let payoff = Money::sum(frozen.fts.iter().map(Ft::payoff))?;
    let balance = balance(open, ledger, added)?;
    let routings =
        routings(inputs.delivery, &inputs.recipients).map_err(CompletionRefused::NoRoutingAddress)?;
    Ok(Completion {
        bill: BillRow {
            id: bill,
            number: posting.bill_number,
            window: context.window().id,
            run: context.run(),
            previous_bill: ledger.previous.map(|previous| previous.id),
            state: BillState::Complete,
            bill_on: context.window().bill_on,
            due_on,
            period,
            previous: balance.previous,
            swept: balance.swept_total,
            new: balance.new,
            ending: balance.ending,
            routings,
            completed_at: posting.posted_at,
        },
        segments: frozen.segments,
        fts: frozen.fts,
        swept: balance.swept,
        contracts: frozen.contracts,
        charges: frozen.charges,
        estimates: frozen.estimates,
        current: ledger.current.plus(added)?,
        payoff: ledger.payoff.plus(payoff)?,
    })
}

fn recheck(draft: &Draft) -> Result<(), CompletionRefused> {
    let codes: Vec<Code> =
        draft.segments.iter().filter_map(|segment| segment.error.as_ref().map(|error| error.code)).collect();
    if !codes.is_empty() {
        return Err(CompletionRefused::OpenErrors { codes });
    }
    if draft.state == ItemState::Drafted { Ok(()) } else { Err(CompletionRefused::NotDrafted(draft.state)) }
}

/// Bill date + the class's days, moved forward off weekends and holidays.
fn due_on(context: &RunContext, class_code: &str) -> Result<Date, CompletionRefused> {
    let no_rule = || CompletionRefused::NoDueDateRule(class_code.to_owned());
    let days = context.due_days(class_code).ok_or_else(no_rule)?;
    plus_days(context.window().bill_on, days)
        .and_then(|day| context.holidays().business_day_from(day))
        .ok_or_else(no_rule)
}

/// Segments frozen so far.
struct Frozen {
    account: AccountId,
    bill: BillId,
    due_on: Date,
    posting: Posting,
    segments: Vec<SegmentRow>,
    fts: Vec<Ft>,
    contracts: Vec<ContractUpdate>,
    charges: Vec<ChargeBilled>,
    estimates: Vec<EstimatedRead>,
}

impl Frozen {
    fn new(account: AccountId, bill: BillId, due_on: Date, posting: Posting, room: usize) -> Self {
        Self {
            account,
            bill,
            due_on,
            posting,
            segments: Vec::with_capacity(room),
            fts: Vec::with_capacity(room),
            contracts: Vec::with_capacity(room),
            charges: Vec::new(),
            estimates: Vec::new(),
        }
    }

    fn freeze(
        &mut self,
        context: &RunContext,
        inputs: &AccountInputs,
        segment: &DraftSegment,
        ids: &mut dyn FnMut() -> i64,
    ) -> Result<(), CompletionRefused> {
        let of = context.contract_type(segment.contract_type).ok_or(CompletionRefused::Outdated)?;
        let contract = inputs.contract(segment.contract).ok_or(CompletionRefused::Outdated)?;
        let (Some(period), Some(calc)) = (segment.period, &segment.calc) else {
            return Err(CompletionRefused::Outdated);
        };
        let id = SegmentId::new(self.account, ids());
        let origin = FtOrigin { id: FtId::new(self.account, ids()), source: id.n };
        let window = context.window();
        let dates = PostingDates {
            accounting_on: window.accounting_on,
            effective_on: window.bill_on,
            posted_at: self.posting.posted_at,
        };
        let credits = credits(context, of, calc)?;
        let (asked, owed) = (calc.total()?, calc.owed()?);
        let ft = segment_ft(origin, self.bill, asked, of.receivable_gl, &credits, dates, self.due_on)?;
        if asked != segment.total {
            return Err(CompletionRefused::Unbalanced { ending: segment.total, ledger: asked });
        }
        if ft.payoff() != owed {
            return Err(CompletionRefused::Unbalanced { ending: owed, ledger: ft.payoff() });
        }
        self.fts.push(ft);
        let billed = |line: &crate::document::ChargeLine| ChargeBilled { charge: line.charge, segment: id };
        self.charges.extend(calc.charges.iter().map(billed));
        for of in &calc.estimates {
            let made = EstimatedRead { register: of.register, read_on: of.read_on, value: of.value };
            // Two contracts on one meter estimate it once.
            if !self.estimates.contains(&made) {
                self.estimates.push(made);
            }
        }
        // Charges have dates of their own: they do not move the contract on, nor past its end.
        let moves_on = of.method != SegmentMethod::BillableCharge
            && contract.ends_on.is_none_or(|ends_on| period.first_on() <= ends_on);
        let is_billed = |charge: &BillableCharge| calc.charges.iter().any(|line| line.charge == charge.id);
        let waits = inputs.charges.iter().any(|charge| charge.contract == contract.id && !is_billed(charge));
        self.contracts.push(ContractUpdate {
            contract: contract.id,
            billed_through_on: if moves_on { Some(period.last_on()) } else { contract.billed_through_on },
            segments: contract.segments.saturating_add(1),
            state: next_state(contract.state, segment.is_final, waits),
            progress: progress_after(contract.progress, &calc.terms)?,
            ended_on: (segment.is_final
                && moves_on
                && contract.ends_on.is_none_or(|on| on > period.last_on()))
            .then_some(period.last_on()),
        });
        self.segments.push(SegmentRow {
            id,
            bill: self.bill,
            contract: contract.id,
            schedule: segment.schedule,
            state: SegmentState::Frozen,
            period,
            total: segment.total,
            estimated: segment.estimated,
            document: calc.clone(),
            rebills: None,
        });
        Ok(())
    }
}

/// A pending contract that has been billed is in service; a final segment closes, unless a charge
/// still waits for its day.
const fn next_state(state: ContractState, is_final: bool, charge_waits: bool) -> ContractState {
    match state {
        _ if is_final && charge_waits => ContractState::Stopped,
        _ if is_final => ContractState::Closed,
        ContractState::Pending => ContractState::Active,
        other => other,
    }
}

/// What each line credits: the rule's or charge's ledger account, else the type's revenue.
pub(crate) fn credits(
    context: &RunContext,
    of: &ContractType,
    calc: &Calculation,
) -> Result<Vec<(GlAccountId, Money)>, CompletionRefused> {
    let mut all = Vec::with_capacity(calc.lines.len() + calc.charges.len());
    for line in &calc.lines {
        let account = match &line.gl_account {
            None => of.revenue_gl,
            Some(code) => context
                .gl_account(code.as_str())
                .ok_or_else(|| CompletionRefused::GlAccountMissing(line.rule.to_string()))?,
        };
        all.push((account, line.amount_minor));
    }
    all.extend(calc.charges.iter().map(|charge| (charge.gl.unwrap_or(of.revenue_gl), charge.amount)));
    let owed = calc.terms.iter().filter(|line| line.kind.is_owed());
    all.extend(owed.map(|line| (line.gl.unwrap_or(of.revenue_gl), line.amount)));
    Ok(all)
}

struct Balance {
    previous: Money,
    swept: Vec<FtId>,
    swept_total: Money,
    new: Money,
    ending: Money,
}

/// Sweeps and proves: previous + swept + new is the account's balance less what stays loose. New is what was
/// born on the bill before it was opened again, and what is added now.
fn balance(open: OpenBill<'_>, ledger: &Ledger, added: Money) -> Result<Balance, CompletionRefused> {
    let (mut swept, stays): (Vec<&LooseFt>, Vec<_>) =
        ledger.loose.iter().partition(|ft| ft.accounting_on <= open.sweeps_through_on);
    swept.sort_unstable_by_key(|ft| ft.id);
    let previous = ledger.previous.map_or(Money::ZERO, |previous| previous.ending);
    let swept_total = Money::sum(swept.iter().map(|ft| ft.current))?;
    let new = open.born.plus(added)?;
    let ending = previous.plus(swept_total)?.plus(new)?;
    let still_loose = Money::sum(stays.iter().map(|ft| ft.current))?;
    let proven = ledger.current.plus(added)?.minus(still_loose)?;
    if ending != proven {
        return Err(CompletionRefused::Unbalanced { ending, ledger: proven });
    }
    let swept = swept.iter().map(|ft| ft.id).collect();
    Ok(Balance { previous, swept, swept_total, new, ending })
}

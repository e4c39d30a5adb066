//! How a bill, or a draft of one, came about: from the reads to the balance, as equations.
//!
//! Everything is taken from the bill's own record, so that a later change of a rate explains no old
//! bill otherwise. The figures are those of the bill; the sentences are those of its invoice.

mod text;

pub use metering::Estimate;
pub use rating::explain::Step;

use crate::bills::{self, segments};
use crate::invoice_model::labels;
use crate::{App, Caller, Result, Utility, accounts};
use billing::explain::{Derivation, QuantitySource, total_of};
use billing::{Calculation, ChargeLine, DraftSegment, TermLine};
use invoicing::format::Writer;
use metering::ReadUsed;
use rating::{DerivedQuantity, Line};
use store::bills::{Bill, BilledContract, Swept};
use vocab::{AccountId, BillId, Currency, Language, Money, Period, RateScheduleId, RunId, SegmentOutcome};

/// How a bill or a draft came about.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// Whose.
    pub account: AccountId,
    /// The language of the sentences.
    pub language: Language,
    /// The utility's.
    pub currency: Currency,
    /// The bill; none for a draft, whose balance is known when it is completed.
    pub bill: Option<Bill>,
    /// In the order of posting.
    pub segments: Vec<ExplainedSegment>,
    /// Contracts of a draft that have no segment, and why.
    pub unbilled: Vec<Unbilled>,
    /// Payments, adjustments and corrections since the bill before.
    pub swept: Vec<Swept>,
    /// The sum of the segments.
    pub new_charges: Money,
    /// The segments, added up.
    pub sum: Step,
    /// Previous balance, what was swept, and new charges, added up; none for a draft.
    pub balance: Option<Step>,
}

/// A contract that a draft charges nothing for.
#[derive(Debug, Clone)]
pub struct Unbilled {
    /// The contract.
    pub contract: i64,
    /// What is delivered, as the bill would call it.
    pub title: String,
    /// What became of it.
    pub outcome: SegmentOutcome,
    /// The stable word for why: an error code when it failed.
    pub code: Option<String>,
    /// The failure for a clerk.
    pub detail: Option<String>,
}

impl Unbilled {
    fn of(segment: &DraftSegment, contracts: &[BilledContract], writer: &Writer<'_>) -> Option<Self> {
        if segment.outcome == SegmentOutcome::Billed {
            return None;
        }
        let (error, reason) = (&segment.error, &segment.reason);
        let code = error.as_ref().map(|error| error.code.as_str());
        Some(Self {
            contract: segment.contract.n,
            title: title(contracts.iter().find(|of| of.contract_id == segment.contract.n), writer),
            outcome: segment.outcome,
            code: code.or_else(|| Some(reason.as_ref()?.code())).map(str::to_owned),
            detail: error.as_ref().map(|error| error.detail.clone()),
        })
    }
}

/// How one contract's part came about.
#[derive(Debug, Clone)]
pub struct ExplainedSegment {
    /// The posted segment; none for a draft.
    pub id: Option<i64>,
    /// The contract.
    pub contract: i64,
    /// What is delivered, as the bill calls it.
    pub title: String,
    /// The rate.
    pub schedule: Option<RateScheduleId>,
    /// The charged days.
    pub period: Period,
    /// Whether an estimated read was used.
    pub estimated: bool,
    /// The sum of its lines and charges.
    pub total: Money,
    /// The reads it rests on.
    pub reads: Vec<(ReadUsed, Step)>,
    /// Those of the reads that were estimated for it, and how.
    pub estimates: Vec<(Estimate, Vec<Step>)>,
    /// The quantities that the tariff worked out.
    pub derived: Vec<(DerivedQuantity, Vec<Step>)>,
    /// The rated lines.
    pub lines: Vec<ExplainedLine>,
    /// The charges billed as they are.
    pub charges: Vec<(ChargeLine, String)>,
    /// What the contract has agreed beyond its rate, each with its name.
    pub terms: Vec<(TermLine, String)>,
    /// Lines, charges and terms, added up.
    pub sum: Step,
}

/// How one line came about.
#[derive(Debug, Clone)]
pub struct ExplainedLine {
    /// The record.
    pub line: Line,
    /// What the bill says.
    pub sentence: String,
    /// Where its quantity comes from.
    pub source: Option<QuantitySource>,
    /// From the quantity to the rounded amount.
    pub steps: Vec<Step>,
}

impl Explanation {
    /// The same as plain text, in its language.
    pub fn text(&self) -> String {
        text::written(self)
    }
}

/// A segment as it is explained, posted or drafted.
struct Part {
    id: Option<i64>,
    contract: i64,
    schedule: Option<RateScheduleId>,
    period: Period,
    estimated: bool,
    total: Money,
    calc: Calculation,
}

impl Part {
    fn drafted(segment: &DraftSegment) -> Option<Self> {
        (segment.outcome == SegmentOutcome::Billed).then_some(())?;
        Some(Self {
            id: None,
            contract: segment.contract.n,
            schedule: segment.schedule,
            period: segment.period?,
            estimated: segment.estimated,
            total: segment.total,
            calc: segment.calc.as_deref().cloned()?,
        })
    }

    fn explained(
        self,
        contracts: &[BilledContract],
        writer: &Writer<'_>,
        currency: &Currency,
    ) -> ExplainedSegment {
        let Derivation { reads, derived, lines, sum } =
            billing::explain::explain(&self.calc, self.total, currency);
        let sentence = |line: &Line| labels::of_line(line).sentence(writer);
        ExplainedSegment {
            id: self.id,
            contract: self.contract,
            title: title(contracts.iter().find(|of| of.contract_id == self.contract), writer),
            schedule: self.schedule,
            period: self.period,
            estimated: self.estimated,
            total: self.total,
            reads: self.calc.reads.into_iter().zip(reads).collect(),
            estimates: self
                .calc
                .estimates
                .into_iter()
                .map(|of| {
                    let steps = billing::explain::estimated(&of);
                    (of, steps)
                })
                .collect(),
            derived: self.calc.derived.into_iter().zip(derived).collect(),
            lines: self
                .calc
                .lines
                .into_iter()
                .zip(lines)
                .map(|(line, of)| ExplainedLine {
                    sentence: sentence(&line),
                    line,
                    source: of.source,
                    steps: of.steps,
                })
                .collect(),
            charges: self
                .calc
                .charges
                .into_iter()
                .map(|charge| {
                    let sentence = labels::of_label(&charge.label).sentence(writer);
                    (charge, sentence)
                })
                .collect(),
            terms: self
                .calc
                .terms
                .into_iter()
                .map(|line| {
                    let sentence = labels::of_terms(&line).sentence(writer);
                    (line, sentence)
                })
                .collect(),
            sum,
        }
    }
}

/// `Electricity, Residential service, 12 Mill Lane`.
fn title(contract: Option<&BilledContract>, writer: &Writer<'_>) -> String {
    let Some(contract) = contract else { return String::new() };
    let commodity = writer.message(&format!("commodity-{}", contract.commodity));
    let name = contract.rate_name.clone().unwrap_or_else(|| contract.type_name.clone());
    [commodity, name, contract.line1.clone()].join(", ")
}

/// The segments of one account in a language.
fn explained(
    contracts: &[BilledContract],
    parts: Vec<Part>,
    writer: &Writer<'_>,
    currency: &Currency,
) -> Vec<ExplainedSegment> {
    parts.into_iter().map(|part| part.explained(contracts, writer, currency)).collect()
}

fn summed(segments: &[ExplainedSegment], new_charges: Money, currency: &Currency) -> Step {
    let terms = (1..).zip(segments).map(|(number, segment)| (format!("segment_{number}"), segment.total));
    total_of(terms, new_charges, currency)
}

impl App {
    /// How a bill came about; without a language in the account's own.
    pub fn bill_explanation(
        &self,
        caller: &Caller,
        id: BillId,
        language: Option<Language>,
    ) -> Result<Explanation> {
        self.db().tx(|tx| {
            let currency = Utility::load(tx)?.currency;
            let account = accounts::find(tx, caller, id.owner)?;
            let bill = bills::find(tx, caller, id)?;
            let language = language.unwrap_or(account.language);
            let mut parts = Vec::new();
            for (segment, calc) in segments(tx, &bill)? {
                parts.push(Part {
                    id: Some(segment.id),
                    contract: segment.contract_id,
                    schedule: segment.schedule_id,
                    period: Period::new(segment.first_on, segment.last_on)
                        .ok_or_else(|| crate::Error::Fault("a segment without days".to_owned()))?,
                    estimated: segment.estimated,
                    total: segment.total_minor,
                    calc,
                });
            }
            let contracts = store::bills::billed_contracts(tx, &[id.owner])?;
            let segments = explained(&contracts, parts, &Writer::new(&language, &currency), &currency);
            let swept = store::bills::swept(tx, &[(bill.account_id, bill.id)])?;
            let terms = [
                ("previous_balance", bill.previous_minor),
                ("swept", bill.swept_minor),
                ("new_charges", bill.new_minor),
            ];
            let terms = terms.map(|(name, amount)| (name.to_owned(), amount));
            Ok(Explanation {
                account: id.owner,
                sum: summed(&segments, bill.new_minor, &currency),
                balance: Some(total_of(terms, bill.ending_minor, &currency)),
                new_charges: bill.new_minor,
                bill: Some(bill),
                language,
                currency,
                segments,
                unbilled: Vec::new(),
                swept,
            })
        })
    }

    /// How an account's draft in the latest test of a run came about.
    pub fn draft_explanation(
        &self,
        caller: &Caller,
        run: RunId,
        id: AccountId,
        language: Option<Language>,
    ) -> Result<Explanation> {
        let draft = self.run_draft(caller, run, id)?.draft;
        self.db().tx(|tx| {
            let currency = Utility::load(tx)?.currency;
            let language = match language {
                Some(language) => language,
                None => accounts::find(tx, caller, id)?.language,
            };
            let parts = draft.segments.iter().filter_map(Part::drafted).collect();
            let contracts = store::bills::billed_contracts(tx, &[id])?;
            let writer = Writer::new(&language, &currency);
            let segments = explained(&contracts, parts, &writer, &currency);
            let unbilled =
                draft.segments.iter().filter_map(|of| Unbilled::of(of, &contracts, &writer)).collect();
            Ok(Explanation {
                account: id,
                sum: summed(&segments, draft.total, &currency),
                balance: None,
                new_charges: draft.total,
                bill: None,
                language,
                currency,
                segments,
                unbilled,
                swept: Vec::new(),
            })
        })
    }
}

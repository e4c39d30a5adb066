//! The form of an explanation: segments with reads, worked-out quantities and lines, and the balance.

use crate::money::MoneyJson;
use crate::routes::bills::MovementJson;
use app::explanation::{Estimate, ExplainedLine, ExplainedSegment, Explanation, Step};
use serde::Serialize;
use std::collections::BTreeMap;
use time::Date;
use vocab::dates::civil;
use vocab::decimal::Rounding;
use vocab::{
    AccountId, BillId, ChargeId, ContractId, Currency, Language, RateScheduleId, RateVersionId, ReadQuality,
    RegisterId, SegmentId, SegmentOutcome, Unit,
};

/// How a bill came about: its segments with their reads, worked-out quantities and lines, and the balance.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Explanation)]
pub(crate) struct ExplanationJson {
    /// Absent for a draft.
    bill_id: Option<BillId>,
    account_id: AccountId,
    /// Of the sentences; what nobody has written in it is English.
    language: Language,
    segments: Vec<ExplainedSegmentJson>,
    /// Contracts of a draft that are charged nothing for, and why: the totals are without them.
    unbilled: Vec<UnbilledJson>,
    totals: TotalsJson,
}

/// A contract that a draft charges nothing for.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ExplainedUnbilled)]
pub(crate) struct UnbilledJson {
    contract_id: ContractId,
    title: String,
    outcome: SegmentOutcome,
    /// An error code when it failed; else `too_short`, `contract_held` and the like.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    /// What failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

/// How the balance came about.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ExplainedTotals)]
pub(crate) struct TotalsJson {
    /// The sum of the segments.
    new_charges: MoneyJson,
    /// The segments, added up: `segment_1` is the first of `segments`.
    sum: StepJson,
    /// Ending balance of the bill before it. This and what follows is absent for a draft.
    previous_balance: Option<MoneyJson>,
    /// Payments, adjustments and corrections since, together.
    swept: Option<MoneyJson>,
    movements: Vec<MovementJson>,
    /// What the bill asks for; negative is a credit.
    ending_balance: Option<MoneyJson>,
    /// Previous balance, what was swept, and new charges, added up.
    balance: Option<StepJson>,
}

/// One step of a derivation: an equation.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ExplainedStep, example = json!({
    "step": "share", "formula": "total × share", "operands": [
        { "name": "total", "value": "131" }, { "name": "share", "value": "15/31" }
    ], "text": "131 × 15/31 = 63.387097", "result": "63.387097"
}))]
pub(crate) struct StepJson {
    /// `read`, `quantity`, `share`, `threshold`, `tier`, `selected`, `packages`, `base`, `cap`, `highest`,
    /// `value`, `earned`, `applied`, `closing`, `amount`, `rounded` or `sum`.
    step: &'static str,
    /// Over the operands' names; absent when the result was measured, as the note says.
    formula: Option<String>,
    operands: Vec<OperandJson>,
    /// The formula with the values in it, and the result.
    text: String,
    /// A decimal; absent when the step states a condition.
    result: Option<String>,
    /// What else to know: `residue` (the last part takes what the others leave), `measured`, `by_use` and
    /// `in_time_order` (how tiers are shared among the buckets of a time of use), `each_day`, `exempt`,
    /// `rolled_over` or `default`.
    note: Option<&'static str>,
}

/// A name of a formula with its value.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ExplainedOperand)]
pub(crate) struct OperandJson {
    name: String,
    /// A decimal, or a fraction of days: `15/31`.
    value: String,
}

/// How one contract's part came about.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ExplainedSegment)]
pub(crate) struct ExplainedSegmentJson {
    /// Absent for a draft.
    segment_id: Option<SegmentId>,
    contract_id: ContractId,
    /// What is delivered, as the bill calls it.
    title: String,
    rate_schedule_id: Option<RateScheduleId>,
    /// First charged day.
    #[serde(with = "civil")]
    first_on: Date,
    /// Last charged day.
    #[serde(with = "civil")]
    last_on: Date,
    /// Whether an estimated read was used.
    estimated: bool,
    reads: Vec<ExplainedReadJson>,
    /// How those of the reads came about that were estimated for this bill.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    estimates: Vec<ExplainedEstimateJson>,
    derived_quantities: Vec<ExplainedQuantityJson>,
    lines: Vec<ExplainedLineJson>,
    charges: Vec<ExplainedChargeJson>,
    /// What the contract has agreed beyond its rate.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    terms: Vec<ExplainedTermJson>,
    /// The rounded lines, charges and terms, added up: `line_1` is the first of `lines`.
    sum: StepJson,
    /// The sum of its lines, charges and terms.
    total: MoneyJson,
}

/// A line of what a contract has agreed beyond its rate.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ExplainedTerm)]
pub(super) struct ExplainedTermJson {
    /// Its number in the segment, from 1.
    number: usize,
    /// `instalment`, `deposit`, `interest`, `principal` or `budget`.
    kind: &'static str,
    /// As the bill says it.
    sentence: String,
    /// What was left of a loan when interest was worked out.
    balance: Option<MoneyJson>,
    /// Interest per year; a twelfth is charged.
    annual_percent: Option<String>,
    /// Whether it adds to what is owed; otherwise it only says when something is asked.
    is_owed: bool,
    amount: MoneyJson,
}

/// A register's use from its reads. Decimals are strings.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ExplainedRead)]
pub(crate) struct ExplainedReadJson {
    /// `read_1` in formulas is number 1.
    number: usize,
    register_id: RegisterId,
    serial: String,
    unit: Unit,
    bucket: Option<String>,
    #[serde(with = "civil")]
    start_on: Date,
    /// Absent for a register that shows consumption itself.
    start_value: Option<String>,
    start_quality: Option<ReadQuality>,
    #[serde(with = "civil")]
    end_on: Date,
    end_value: String,
    end_quality: ReadQuality,
    multiplier: String,
    rolled_over: bool,
    quantity: String,
    step: StepJson,
}

/// How an estimated read came about. Decimals are strings.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ExplainedEstimate)]
pub(crate) struct ExplainedEstimateJson {
    register_id: RegisterId,
    serial: String,
    unit: Unit,
    bucket: Option<String>,
    /// The day that the estimate closes.
    #[serde(with = "civil")]
    read_on: Date,
    value: String,
    /// The day that it goes on from.
    #[serde(with = "civil")]
    from_on: Date,
    /// The read that it goes on from; absent for a register that shows consumption itself.
    from_value: Option<String>,
    /// Which estimate in a row it is.
    nth: u32,
    /// `later_read`, `last_year`, `recent_average` or `class_profile`.
    method: &'static str,
    /// First day of those that it rests on.
    #[serde(with = "civil")]
    evidence_first_on: Date,
    /// Last day of those that it rests on.
    #[serde(with = "civil")]
    evidence_last_on: Date,
    /// What was used in these days; of a demand the peak.
    evidence_quantity: String,
    /// Use per day; absent for a demand.
    evidence_per_day: Option<String>,
    /// The estimated use.
    quantity: String,
    steps: Vec<StepJson>,
}

impl ExplainedEstimateJson {
    fn of((made, steps): &(Estimate, Vec<Step>)) -> Self {
        let found = &made.evidence;
        Self {
            register_id: made.register,
            serial: made.serial.clone(),
            unit: made.unit,
            bucket: made.tou_bucket.clone(),
            read_on: made.read_on,
            value: made.value.normalize().to_string(),
            from_on: made.from_on,
            from_value: made.from_value.map(|value| value.normalize().to_string()),
            nth: made.nth,
            method: found.by.as_str(),
            evidence_first_on: found.period.first_on(),
            evidence_last_on: found.period.last_on(),
            evidence_quantity: found.quantity.normalize().to_string(),
            evidence_per_day: found.per_day.map(|per_day| per_day.normalize().to_string()),
            quantity: made.quantity.normalize().to_string(),
            steps: steps.iter().map(StepJson::of).collect(),
        }
    }
}

/// A quantity that the tariff worked out.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ExplainedQuantity)]
pub(crate) struct ExplainedQuantityJson {
    name: String,
    unit: Unit,
    bucket: Option<String>,
    /// `formula`, `average`, `ratchet`, `net` or `buckets`.
    method: String,
    rate_version_id: RateVersionId,
    /// A decimal.
    value: String,
    steps: Vec<StepJson>,
}

/// How one line came about.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ExplainedLine)]
pub(crate) struct ExplainedLineJson {
    /// `line_1` in formulas is number 1.
    number: usize,
    /// Id of the rule that made it.
    rule: String,
    /// `flat`, `unit`, `tier`, `volume`, `item`, `package`, `percentage`, `tax`, `minimum`, `maximum`,
    /// `discount`, `discount_percent`, `formula`, `summary`, `bank`, `credit` or `payout`.
    kind: String,
    /// The tariff that it follows; absent for a plain amount that recurs.
    #[serde(skip_serializing_if = "Option::is_none")]
    rate_version_id: Option<RateVersionId>,
    links: ExplainedLineLinks,
    /// First charged day.
    #[serde(with = "civil")]
    first_on: Date,
    /// Last charged day.
    #[serde(with = "civil")]
    last_on: Date,
    /// What the bill says.
    sentence: String,
    /// What the sentence may mention, in plain notation.
    arguments: BTreeMap<String, String>,
    /// Where the quantity comes from; absent when none is priced.
    quantity_from: Option<QuantityFromJson>,
    /// From the quantity to the rounded amount.
    steps: Vec<StepJson>,
    /// The formula of the exact amount; its operands are those of the step `amount`.
    formula: Option<String>,
    /// In major units, before rounding: a decimal.
    unrounded: String,
    rounding: Rounding,
    /// Decimals that the amount is rounded to.
    decimals: u8,
    amount: MoneyJson,
}

/// Where to read on.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ExplainedLineLinks {
    /// The tariff that the line follows.
    rate_version: Option<String>,
}

/// Where a quantity comes from.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = QuantityFrom)]
pub(crate) struct QuantityFromJson {
    /// `reads`, `derived`, `intervals`, `items`, or `given` from elsewhere.
    source: &'static str,
    /// Numbers of the reads.
    reads: Vec<usize>,
    /// Name of the worked-out quantity.
    derived_quantity: Option<String>,
}

/// A charge that is billed as it is.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ExplainedCharge)]
pub(crate) struct ExplainedChargeJson {
    /// `charge_1` in formulas is number 1.
    number: usize,
    charge_id: ChargeId,
    /// The day from which it could be billed.
    #[serde(with = "civil")]
    due_on: Date,
    /// What the bill says.
    sentence: String,
    amount: MoneyJson,
}

impl StepJson {
    fn of(of: &Step) -> Self {
        let operand =
            |(name, value): &(String, String)| OperandJson { name: name.clone(), value: value.clone() };
        Self {
            step: of.kind.as_str(),
            formula: (!of.formula.is_empty()).then(|| of.formula.clone()),
            operands: of.operands.iter().map(operand).collect(),
            text: of.to_string(),
            result: of.result.map(|result| result.to_string()),
            note: of.note.map(|note| note.as_str()),
        }
    }
}

impl ExplanationJson {
    pub(super) fn of(explanation: Explanation) -> Self {
        let Explanation { account, language, currency, bill, segments, unbilled, swept, .. } = explanation;
        let Explanation { new_charges, sum, balance, .. } = explanation;
        let money = |amount| MoneyJson::of(currency, amount);
        let totals = TotalsJson {
            new_charges: money(new_charges),
            sum: StepJson::of(&sum),
            previous_balance: bill.as_ref().map(|bill| money(bill.previous_minor)),
            swept: bill.as_ref().map(|bill| money(bill.swept_minor)),
            movements: swept.iter().map(|ft| MovementJson::of(currency, ft)).collect(),
            ending_balance: bill.as_ref().map(|bill| money(bill.ending_minor)),
            balance: balance.as_ref().map(StepJson::of),
        };
        Self {
            bill_id: bill.map(|bill| BillId::new(account, bill.id)),
            account_id: account,
            language,
            segments: segments.iter().map(|of| ExplainedSegmentJson::of(currency, account, of)).collect(),
            unbilled: unbilled
                .into_iter()
                .map(|of| UnbilledJson {
                    contract_id: ContractId::new(account, of.contract),
                    title: of.title,
                    outcome: of.outcome,
                    code: of.code,
                    detail: of.detail,
                })
                .collect(),
            totals,
        }
    }
}

impl ExplainedSegmentJson {
    fn of(currency: Currency, account: AccountId, of: &ExplainedSegment) -> Self {
        let reads = (1..).zip(&of.reads).map(|(number, (used, step))| ExplainedReadJson {
            number,
            register_id: used.register,
            serial: used.serial.clone(),
            unit: used.unit,
            bucket: used.tou_bucket.clone(),
            start_on: used.start_on,
            start_value: used.start_value.map(|value| value.to_string()),
            start_quality: used.start_quality,
            end_on: used.end_on,
            end_value: used.end_value.to_string(),
            end_quality: used.end_quality,
            multiplier: used.multiplier.normalize().to_string(),
            rolled_over: used.rolled_over,
            quantity: used.quantity.normalize().to_string(),
            step: StepJson::of(step),
        });
        let derived = of.derived.iter().map(|(quantity, steps)| ExplainedQuantityJson {
            name: quantity.name.to_string(),
            unit: quantity.unit,
            bucket: quantity.bucket.as_ref().map(ToString::to_string),
            method: quantity.working.method().to_owned(),
            rate_version_id: quantity.version,
            value: quantity.value.to_string(),
            steps: steps.iter().map(StepJson::of).collect(),
        });
        let charges = (1..).zip(&of.charges).map(|(number, (charge, sentence))| ExplainedChargeJson {
            number,
            charge_id: charge.charge,
            due_on: charge.due_on,
            sentence: sentence.clone(),
            amount: MoneyJson::of(currency, charge.amount),
        });
        let lines = (1..).zip(&of.lines);
        let terms = (1..).zip(&of.terms).map(|(number, (line, sentence))| ExplainedTermJson {
            number,
            kind: line.kind.as_str(),
            sentence: sentence.clone(),
            balance: line.of.as_ref().map(|of| MoneyJson::of(currency, of.balance)),
            annual_percent: line.of.as_ref().map(|of| of.annual_percent.normalize().to_string()),
            is_owed: line.kind.is_owed(),
            amount: MoneyJson::of(currency, line.amount),
        });
        Self {
            segment_id: of.id.map(|id| SegmentId::new(account, id)),
            contract_id: ContractId::new(account, of.contract),
            title: of.title.clone(),
            rate_schedule_id: of.schedule,
            first_on: of.period.first_on(),
            last_on: of.period.last_on(),
            estimated: of.estimated,
            reads: reads.collect(),
            estimates: of.estimates.iter().map(ExplainedEstimateJson::of).collect(),
            derived_quantities: derived.collect(),
            lines: lines.map(|(number, line)| ExplainedLineJson::of(currency, of, number, line)).collect(),
            charges: charges.collect(),
            terms: terms.collect(),
            sum: StepJson::of(&of.sum),
            total: MoneyJson::of(currency, of.total),
        }
    }
}

impl ExplainedLineJson {
    fn of(currency: Currency, segment: &ExplainedSegment, number: usize, of: &ExplainedLine) -> Self {
        let line = &of.line;
        let arguments = line.arguments().into_iter().map(|(name, value)| (name.to_owned(), value));
        let version = line.version;
        let rate_version =
            segment.schedule.map(|schedule| format!("/v1/rate-schedules/{schedule}/versions/{version}"));
        let amount = of.steps.iter().find(|step| step.kind.as_str() == "amount");
        Self {
            number,
            rule: line.rule.to_string(),
            kind: line.kind.as_str().to_owned(),
            rate_version_id: segment.schedule.map(|_| version),
            links: ExplainedLineLinks { rate_version },
            first_on: line.period.first_on(),
            last_on: line.period.last_on(),
            sentence: of.sentence.clone(),
            arguments: arguments.collect(),
            quantity_from: of.source.as_ref().map(|source| QuantityFromJson {
                source: source.as_str(),
                reads: source.reads().iter().map(|at| at + 1).collect(),
                derived_quantity: source
                    .derived()
                    .and_then(|at| segment.derived.get(at))
                    .map(|(quantity, _)| quantity.name.to_string()),
            }),
            steps: of.steps.iter().map(StepJson::of).collect(),
            formula: amount.map(|step| step.formula.clone()),
            unrounded: line.unrounded.to_string(),
            rounding: line.rounding,
            decimals: line.decimals,
            amount: MoneyJson::of(currency, line.amount_minor),
        }
    }
}

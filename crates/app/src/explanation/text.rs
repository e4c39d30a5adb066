//! An explanation as plain text for a reader: headings in their language, figures and equations.

use super::{ExplainedLine, ExplainedSegment, Explanation};
use crate::invoice_model::labels;
use invoicing::format::Writer;
use metering::{Estimate, ReadUsed};
use rating::explain::Step;
use rating::{DerivedQuantity, Line};
use vocab::{Money, Period, Unit};

/// The column that amounts end at.
const WIDTH: usize = 78;

/// Lines of text, being written.
struct Page<'a> {
    writer: Writer<'a>,
    text: String,
}

pub(super) fn written(of: &Explanation) -> String {
    let mut page = Page { writer: Writer::new(&of.language, &of.currency), text: String::new() };
    match &of.bill {
        Some(bill) => {
            let title = page.writer.message_about("explain-bill", "number", bill.number.to_string());
            let days = Period::new(bill.period_first_on, bill.period_last_on);
            let days = days.map(|days| page.writer.period(&days)).unwrap_or_default();
            page.line(0, &format!("{title}, {days}"));
        }
        None => page.titled("explain-draft"),
    }
    for segment in &of.segments {
        page.segment(segment);
    }
    for one in &of.unbilled {
        page.gap();
        let why = one.detail.as_ref().or(one.code.as_ref()).cloned().unwrap_or_default();
        let note = page.writer.message_about("explain-unbilled", "why", why);
        page.line(0, &one.title);
        page.line(2, &note);
    }
    page.gap();
    if let Some(bill) = &of.bill {
        page.amount(0, &page.writer.message("explain-previous"), bill.previous_minor);
        for swept in &of.swept {
            let name = labels::movement(swept).sentence(&page.writer);
            let name = format!("{name}, {}", page.writer.date(swept.effective_on));
            page.amount(0, &name, swept.current_minor);
        }
    }
    page.amount(0, &page.writer.message("explain-new"), of.new_charges);
    if of.segments.len() > 1 {
        page.step(&of.sum, None);
    }
    if let (Some(bill), Some(balance)) = (&of.bill, &of.balance) {
        page.amount(0, &page.writer.message("explain-ending"), bill.ending_minor);
        page.step(balance, None);
    }
    page.text
}

impl Page<'_> {
    fn line(&mut self, indent: usize, text: &str) {
        self.text.extend(std::iter::repeat_n(' ', indent));
        self.text.push_str(text.trim_end());
        self.text.push('\n');
    }

    fn gap(&mut self) {
        self.text.push('\n');
    }

    fn titled(&mut self, key: &str) {
        let title = self.writer.message(key);
        self.line(0, &title);
    }

    /// A name with its amount at the right.
    fn amount(&mut self, indent: usize, name: &str, amount: Money) {
        let amount = self.writer.money(amount);
        let used = indent + name.chars().count() + amount.chars().count();
        let gap = WIDTH.saturating_sub(used).max(2);
        let line = format!("{name}{}{amount}", " ".repeat(gap));
        self.line(indent, &line);
    }

    fn segment(&mut self, of: &ExplainedSegment) {
        self.gap();
        self.amount(0, &of.title, of.total);
        let days = self.writer.period(&of.period);
        self.line(0, &days);
        if !of.reads.is_empty() {
            self.gap();
            self.titled("explain-reads");
            for (number, (used, step)) in (1..).zip(&of.reads) {
                self.read(number, used, step);
            }
        }
        if !of.estimates.is_empty() {
            self.gap();
            self.titled("explain-estimates");
            for (made, steps) in &of.estimates {
                self.estimate(made, steps);
            }
        }
        if !of.derived.is_empty() {
            self.gap();
            self.titled("explain-worked-out");
            for (quantity, steps) in &of.derived {
                self.derived(quantity, steps);
            }
        }
        self.gap();
        self.titled("explain-lines");
        for (number, line) in (1..).zip(&of.lines) {
            self.rated(number, line, of.schedule.is_some());
        }
        for (charge, sentence) in &of.charges {
            let name = format!("{sentence}, {}", self.writer.date(charge.due_on));
            self.amount(2, &name, charge.amount);
        }
        for (line, sentence) in &of.terms {
            self.amount(2, sentence, line.amount);
        }
        self.step(&of.sum, None);
    }

    fn read(&mut self, number: usize, used: &ReadUsed, step: &Step) {
        let end = self.point(used.end_on, &used.end_value, used.end_quality.as_str());
        let points = match (&used.start_value, used.start_quality) {
            (Some(value), Some(quality)) => {
                format!("{} → {end}", self.point(used.start_on, value, quality.as_str()))
            }
            _ => end,
        };
        let bucket = used.tou_bucket.as_deref().map(|bucket| format!(", {bucket}")).unwrap_or_default();
        self.line(2, &format!("{number}. {}{bucket}: {points}", used.serial));
        self.step(step, Some(used.unit));
    }

    /// `M-1: 28 Feb 2026 1,430; use of the same period last year, 1 – 28 Feb 2025: 280 kWh`.
    fn estimate(&mut self, of: &Estimate, steps: &[Step]) {
        let unit = self.writer.unit(of.unit);
        let how = self.writer.message(&format!("estimate-{}", of.evidence.by.as_str()));
        let days = self.writer.period(&of.evidence.period);
        let quantity = self.writer.number(of.evidence.quantity);
        let bucket = of.tou_bucket.as_deref().map(|bucket| format!(", {bucket}")).unwrap_or_default();
        let value = format!("{} {}", self.writer.date(of.read_on), self.writer.number(of.value));
        self.line(2, &format!("{}{bucket}: {value}", of.serial));
        self.line(5, &format!("{how}, {days}: {quantity} {unit}"));
        for step in steps {
            self.step(step, None);
        }
    }

    fn point(&self, on: time::Date, value: &vocab::Decimal, quality: &str) -> String {
        let quality = self.writer.message(&format!("quality-{quality}"));
        format!("{} {} ({quality})", self.writer.date(on), self.writer.number(*value))
    }

    fn derived(&mut self, of: &DerivedQuantity, steps: &[Step]) {
        let bucket = of.bucket.as_ref().map(|bucket| format!(", {bucket}")).unwrap_or_default();
        self.line(2, &format!("{}{bucket}", of.name));
        for step in steps {
            self.step(step, Some(of.unit));
        }
    }

    /// A plain amount that recurs follows no version of a rate.
    fn rated(&mut self, number: usize, of: &ExplainedLine, has_version: bool) {
        self.amount(2, &format!("{number}. {}", of.sentence), of.line.amount_minor);
        let mut about = self.writer.period(&of.line.period);
        if has_version {
            let version = of.line.version.to_string();
            about = format!("{about}, {}", self.writer.message_about("explain-version", "version", version));
        }
        self.line(5, &about);
        for step in &of.steps {
            self.step(step, unit_of(step, &of.line));
        }
    }

    /// `part of the period: 131 × 15/31 = 63.387097 kWh`, and what else is to be known.
    fn step(&mut self, step: &Step, unit: Option<Unit>) {
        let kind = self.writer.message(&format!("step-{}", step.kind.as_str()));
        let unit = unit.map(|unit| format!(" {}", self.writer.unit(unit))).unwrap_or_default();
        let note = step.note.map(|note| self.writer.message(&format!("note-{}", note.as_str())));
        let certificate = step.operands.iter().find(|(name, _)| name == "certificate");
        let certificate = certificate.map(|(_, value)| format!(" {value}")).unwrap_or_default();
        let note = note.map(|note| format!(" ({note}{certificate})")).unwrap_or_default();
        self.line(5, &format!("{kind}: {step}{unit}{note}"));
    }
}

/// Quantities have the unit of the line; amounts have none.
fn unit_of(step: &Step, line: &Line) -> Option<Unit> {
    use rating::explain::StepKind;
    let is_quantity =
        matches!(step.kind, StepKind::Quantity | StepKind::Share | StepKind::Threshold | StepKind::Tier);
    line.quantity.as_ref().and_then(|quantity| quantity.unit).filter(|_| is_quantity)
}

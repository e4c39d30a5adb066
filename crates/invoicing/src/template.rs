//! From an invoice to its [`TemplateData`]: words in the reader's language, values as text.

use crate::{
    InvoicingError,
    chart::chart,
    data::{
        Alternatives, Charge, Due, Notice, Point, Reading, Sender, Service, Stub, SummaryRow, TemplateData,
        VERSION, Words,
    },
    format::Writer,
    label::{Label, LocalText},
    model::{Entry, Invoice, Line, LineKind, ReadPoint, ReadRow, ServiceCharges, Utility},
    scan_line::ScanLine,
    texts,
};
use std::collections::BTreeMap;
use vocab::{Language, Money, ReadQuality};

/// Labels every template may use, without arguments.
const LABELS: [&str; 48] = [
    "account-number",
    "adjustments",
    "amount",
    "amount-after-due",
    "amount-due",
    "amount-enclosed",
    "average-per-day",
    "balance-forward",
    "bill",
    "bill-date",
    "bill-number",
    "charge",
    "corrections",
    "credit-balance",
    "current-charges",
    "current-read",
    "days",
    "detach",
    "draft",
    "due-date",
    "estimated",
    "final-bill",
    "last-year",
    "messages",
    "meter",
    "multiplier",
    "no-payment-due",
    "page",
    "page-of",
    "pay-by-phone-scan",
    "pay-online",
    "payments",
    "phone",
    "previous-balance",
    "previous-read",
    "price",
    "quantity",
    "questions",
    "rate",
    "remit-to",
    "service-address",
    "summary",
    "tax-total",
    "this-month",
    "total-current-charges",
    "total-for-service",
    "usage",
    "usage-history",
];

/// The invoice in its reader's language, with a second one beside it when asked.
///
/// Refuses an invoice whose parts do not add up.
pub fn template_data(
    invoice: &Invoice,
    language: &Language,
    second: Option<&Language>,
) -> Result<TemplateData, InvoicingError> {
    invoice.check()?;
    Composer::new(invoice, language, second).compose()
}

struct Composer<'a> {
    invoice: &'a Invoice,
    first: Writer<'a>,
    second: Option<Writer<'a>>,
}

type Args = BTreeMap<&'static str, String>;

impl<'a> Composer<'a> {
    fn new(invoice: &'a Invoice, language: &'a Language, second: Option<&'a Language>) -> Self {
        // A second language without texts, or the same language again, would print English or echoes.
        let second = second.filter(|second| second.base() != language.base() && texts::knows(second));
        let currency = &invoice.currency;
        Self {
            invoice,
            first: Writer::new(language, currency),
            second: second.map(|second| Writer::new(second, currency)),
        }
    }

    fn compose(&self) -> Result<TemplateData, InvoicingError> {
        let invoice = self.invoice;
        let taxes = invoice.taxes()?;
        let services = invoice.services.iter().map(|service| self.service(service));
        let mut service_addresses: Vec<String> = Vec::new();
        for service in &invoice.services {
            if !service.service_address.is_empty() && !service_addresses.contains(&service.service_address) {
                service_addresses.push(service.service_address.clone());
            }
        }
        Ok(TemplateData {
            version: VERSION,
            language: self.first.language().to_string(),
            second_language: self.second.as_ref().map(|writer| writer.language().to_string()),
            title: self.first_only("title", self.identity()),
            labels: LABELS.into_iter().map(|key| (key, self.label(key))).collect(),
            utility: self.sender(&invoice.utility),
            account_number: invoice.account_number.to_string(),
            bill_number: invoice.bill_number.clone(),
            customer_name: invoice.customer_name.clone(),
            mailing_address: invoice.mailing_address.clone(),
            billed_on: self.first.date(invoice.billed_on),
            due_on: self.first.date(invoice.due_on),
            service_addresses,
            due: self.due()?,
            summary: self.summary(),
            taxes: (!taxes.is_zero()).then(|| self.first.money(taxes)),
            services: services.collect::<Result<_, _>>()?,
            notices: self.notices(),
            messages: invoice.messages.iter().filter_map(|text| self.local(text)).collect(),
            stub: self.stub()?,
            watermark: invoice.draft.then(|| self.label("draft")),
            final_bill: invoice.final_bill,
            estimated: invoice.is_estimated(),
            alt: Alternatives {
                qr: self.first_only("qr-alt", Args::new()),
                logo: self.first_only("logo-alt", self.identity()),
            },
        })
    }

    fn identity(&self) -> Args {
        Args::from([
            ("utility", self.invoice.utility.name.clone()),
            ("bill", self.invoice.bill_number.clone()),
            ("account", self.invoice.account_number.to_string()),
        ])
    }

    fn first_only(&self, key: &str, args: Args) -> String {
        texts::message(self.first.language(), key, &args)
    }

    /// The same words in both languages, written once when they are equal.
    fn words(&self, write: impl Fn(&Writer<'_>) -> String) -> Words {
        let first = write(&self.first);
        let second = self.second.as_ref().map(write).filter(|second| *second != first);
        Words { first, second }
    }

    fn label(&self, key: &str) -> Words {
        self.words(|writer| texts::plain(writer.language(), key))
    }

    fn sentence(&self, key: &str, args: impl Fn(&Writer<'_>) -> Args) -> Words {
        self.words(|writer| texts::message(writer.language(), key, &args(writer)))
    }

    fn local(&self, text: &LocalText) -> Option<Words> {
        let first = text.get(self.first.language())?.to_owned();
        let second = self.second.as_ref().and_then(|writer| text.exactly(writer.language()));
        let second = second.filter(|second| *second != first).map(str::to_owned);
        Some(Words { first, second })
    }

    fn called(&self, label: &Label) -> Words {
        self.words(|writer| label.sentence(writer))
    }

    fn sender(&self, utility: &Utility) -> Sender {
        Sender {
            name: utility.name.clone(),
            address: utility.address.clone(),
            phone: utility.phone.clone(),
            email: utility.email.clone(),
            web: utility.web.clone(),
            hours: self.local(&utility.hours),
            pay_address: utility.pay_address.clone(),
            has_logo: utility.logo_svg.is_some(),
        }
    }

    fn due(&self) -> Result<Due, InvoicingError> {
        let summary = &self.invoice.summary;
        let total = summary.total_due;
        let (state, key) = match () {
            () if total.is_negative() => ("credit", "credit-balance"),
            () if total.is_zero() => ("nothing", "no-payment-due"),
            () if self.invoice.autopay.is_some() => ("autopay", "amount-due"),
            () => ("pay", "amount-due"),
        };
        let shown = if total.is_negative() { total.negated()? } else { total };
        let after_due = summary.after_due.filter(|after| state == "pay" && *after != total);
        Ok(Due {
            state,
            label: self.label(key),
            amount: self.first.money(shown),
            after_due: after_due.map(|after| self.first.money(after)),
        })
    }

    fn summary(&self) -> Vec<SummaryRow> {
        let summary = &self.invoice.summary;
        let row = |kind: &'static str, key: &str, amount: Money| SummaryRow {
            kind,
            label: self.label(key),
            date: None,
            amount: self.first.money(amount),
        };
        let entry = |entry: &Entry| SummaryRow {
            kind: "line",
            label: self.called(&entry.label),
            date: entry.effective_on.map(|day| self.first.date(day)),
            amount: self.first.money(entry.amount),
        };
        let mut rows = vec![row("line", "previous-balance", summary.previous_balance)];
        rows.extend(
            summary.payments.iter().chain(&summary.adjustments).chain(&summary.corrections).map(entry),
        );
        if rows.len() > 1 {
            rows.push(row("subtotal", "balance-forward", summary.balance_forward));
        }
        rows.push(row("line", "total-current-charges", summary.current_charges));
        let total = if summary.total_due.is_negative() { "credit-balance" } else { "amount-due" };
        rows.push(row("total", total, summary.total_due));
        rows
    }

    fn service(&self, service: &ServiceCharges) -> Result<Service, InvoicingError> {
        let key = format!("commodity-{}", service.commodity.as_str());
        let name = self.local(&service.service_name).unwrap_or_else(|| self.label(&key));
        let days = service.period.days().to_string();
        // Taxes stand together behind the charges they are laid on.
        let of_kind = |kind: LineKind| service.lines.iter().filter(move |line| line.kind == kind);
        Ok(Service {
            chart: chart(service, &name.first, &self.first)?,
            rate: self.local(&service.rate_name).unwrap_or(Words { first: String::new(), second: None }),
            address: service.service_address.clone(),
            period: self.first.period(&service.period),
            days: self.sentence("days-count", |_| Args::from([("days", days.clone())])),
            estimated: service.estimated || service.reads.iter().any(has_estimate),
            reads: service.reads.iter().map(|read| self.reading(read)).collect(),
            lines: of_kind(LineKind::Charge).chain(of_kind(LineKind::Tax)).map(|l| self.charge(l)).collect(),
            total: self.first.money(service.total),
            name,
        })
    }

    fn reading(&self, read: &ReadRow) -> Reading {
        let point = |point: &ReadPoint| Point {
            date: self.first.date(point.read_on),
            value: self.first.number(point.value),
            quality: self.label(&format!("quality-{}", point.quality.as_str())),
            estimated: point.quality == ReadQuality::Estimated,
        };
        let register = read.register.as_deref().filter(|register| !register.is_empty());
        Reading {
            meter: register.map_or_else(
                || read.meter_serial.clone(),
                |register| format!("{} · {register}", read.meter_serial),
            ),
            previous: read.previous.as_ref().map(point),
            current: read.current.as_ref().map(point),
            multiplier: self.first.number(read.multiplier),
            usage: self.first.quantity(&read.usage),
        }
    }

    fn charge(&self, line: &Line) -> Charge {
        Charge {
            label: self.called(&line.label),
            quantity: line.quantity.as_ref().map(|quantity| self.first.quantity(quantity)),
            price: line.price.map(|price| self.first.price(price)),
            amount: self.first.amount(line.amount),
            tax: line.kind == LineKind::Tax,
        }
    }

    fn stub(&self) -> Result<Option<Stub>, InvoicingError> {
        let invoice = self.invoice;
        let due = invoice.summary.total_due;
        if invoice.draft || invoice.autopay.is_some() || !due.is_positive() {
            return Ok(None);
        }
        let scan_line = ScanLine::new(invoice.account_number, due)?.to_string();
        Ok(Some(Stub { scan_line, has_qr: invoice.pay_link.is_some() }))
    }

    fn notices(&self) -> Vec<Notice> {
        let invoice = self.invoice;
        let mut notices = Vec::new();
        let mut say = |tone, title: Words, text: Words| notices.push(Notice { tone, title, text });
        if invoice.draft {
            say("warn", self.label("draft"), self.label("draft-text"));
        }
        if let Some(due) = &invoice.past_due {
            let key = if due.shutoff_on.is_some() { "shutoff-text" } else { "past-due-text" };
            let text = self.sentence(key, |writer| {
                let mut args = Args::from([("date", writer.date(due.since_on))]);
                args.extend(due.shutoff_on.map(|day| ("shutoff", writer.date(day))));
                args
            });
            let amount = |writer: &Writer<'_>| Args::from([("amount", writer.money(due.amount))]);
            say("warn", self.sentence("past-due-title", amount), text);
        }
        if let Some(autopay) = &invoice.autopay {
            let args = |writer: &Writer<'_>| {
                Args::from([
                    ("amount", writer.money(autopay.amount)),
                    ("date", writer.date(autopay.draw_on)),
                    ("method", autopay.method.clone()),
                ])
            };
            say("good", self.label("autopay-title"), self.sentence("autopay-text", args));
        }
        if invoice.summary.total_due.is_negative() {
            say("good", self.label("credit-balance"), self.label("credit-text"));
        }
        if let Some(plan) = &invoice.instalment_plan {
            let args = |writer: &Writer<'_>| {
                Args::from([
                    ("number", plan.number.to_string()),
                    ("of", plan.of.to_string()),
                    ("amount", writer.money(plan.amount)),
                    ("remaining", writer.money(plan.remaining)),
                ])
            };
            say("info", self.label("plan-title"), self.sentence("plan-text", args));
        }
        if invoice.is_estimated() {
            say("info", self.label("estimated"), self.label("estimated-text"));
        }
        notices
    }
}

fn has_estimate(read: &ReadRow) -> bool {
    let points = [&read.previous, &read.current];
    points.into_iter().flatten().any(|point| point.quality == ReadQuality::Estimated)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    fn english(invoice: &Invoice) -> TemplateData {
        template_data(invoice, &Language::english(), None).unwrap()
    }

    #[test]
    fn the_self_test_bill_of_the_renderer_is_the_residential_sample() {
        // Regenerate with the example `sample_data` when the shape grows.
        let kept = include_str!("../../render/templates/classic/sample/data.json");
        let kept: serde_json::Value = serde_json::from_str(kept).unwrap();
        assert_eq!(serde_json::to_value(english(&samples::residential())).unwrap(), kept);
    }

    #[test]
    fn no_binary_floating_point_reaches_a_template() {
        fn whole(value: &serde_json::Value) -> bool {
            match value {
                serde_json::Value::Number(number) => number.is_u64(),
                serde_json::Value::Array(all) => all.iter().all(whole),
                serde_json::Value::Object(all) => all.values().all(whole),
                _ => true,
            }
        }
        assert!(whole(&serde_json::to_value(english(&samples::many_services())).unwrap()));
    }

    #[test]
    fn two_languages_stand_beside_one_another() {
        let spanish: Language = "es".parse().unwrap();
        let data = template_data(&samples::residential(), &Language::english(), Some(&spanish)).unwrap();
        assert_eq!(data.due.label.second.as_deref(), Some("Importe a pagar"));
        let line = &data.services[0].lines[1].label;
        assert_eq!(line.first, "Energy, first 500 kWh");
        assert_eq!(line.second.as_deref(), Some("Energía, primeros 500 kWh"));
        let german: Language = "de".parse().unwrap();
        let data = template_data(&samples::residential(), &spanish, Some(&german)).unwrap();
        assert_eq!(data.second_language, None, "a language without texts is no second language");
        assert_eq!(data.summary.last().unwrap().amount, "145,84\u{a0}$");
    }

    #[test]
    fn what_does_not_add_up_is_refused() {
        let mut invoice = samples::residential();
        invoice.services[0].lines[0].amount = Money::from_minor(1);
        let refused = template_data(&invoice, &Language::english(), None);
        assert!(matches!(refused, Err(InvoicingError::DoesNotAddUp { what: "service total", .. })));
        let mut invoice = samples::residential();
        invoice.summary.total_due = Money::from_minor(1);
        let refused = template_data(&invoice, &Language::english(), None);
        assert!(matches!(refused, Err(InvoicingError::DoesNotAddUp { what: "total due", .. })));
    }

    #[test]
    fn only_what_is_to_be_paid_by_hand_has_a_stub() {
        assert!(english(&samples::residential()).stub.is_some());
        for (invoice, state) in
            [(samples::credit(), "credit"), (samples::autopay(), "autopay"), (samples::draft(), "pay")]
        {
            let data = english(&invoice);
            assert_eq!((data.due.state, data.stub), (state, None));
        }
        assert_eq!(english(&samples::draft()).watermark.unwrap().first, "Draft");
        assert_eq!(english(&samples::credit()).due.amount, "$22.31");
    }

    #[test]
    fn taxes_follow_the_charges_and_the_most_urgent_notice_comes_first() {
        let mut invoice = samples::many_services();
        invoice.services[0].lines.reverse();
        let data = english(&invoice);
        let taxes: Vec<bool> = data.services[0].lines.iter().map(|line| line.tax).collect();
        assert_eq!(taxes, [false, false, false, true]);
        assert_eq!(data.notices[0].tone, "warn");
        assert_eq!(data.notices[0].title.first, "Past due: $842.50");
        assert!(data.estimated);
    }

    #[test]
    fn an_invoice_survives_storage() {
        for invoice in
            [samples::residential(), samples::many_services(), samples::credit(), samples::autopay()]
        {
            let text = serde_json::to_string(&invoice).unwrap();
            assert_eq!(serde_json::from_str::<Invoice>(&text).unwrap(), invoice);
        }
    }
}

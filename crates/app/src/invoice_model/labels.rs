//! What lines and movements are called on an invoice.

use billing::{TermKind, TermLine};
use invoicing::{Argument, Label, LocalText};
use rating::{LabelText, Line, LineKind};
use store::bills::Swept;
use vocab::{Decimal, FtKind, Language, Unit};

/// A tariff's label with the arguments of a line.
pub(crate) fn of_line(line: &Line) -> Label {
    let mut label = unmarked(of_label(&line.label), line);
    let percent = matches!(line.kind, LineKind::Percentage | LineKind::Tax | LineKind::DiscountPercent);
    let price = line.price.normalize();
    label = label.with("price", if percent { Argument::Number(price) } else { Argument::Price(price) });
    label = label.with("days", Argument::Number(Decimal::from(line.period.days())));
    label = label.with("first_on", Argument::Date(line.period.first_on()));
    label = label.with("last_on", Argument::Date(line.period.last_on()));
    label = label.with("proration", Argument::Text(line.proration.to_string()));
    if let Some(quantity) = &line.quantity {
        label = label.with("quantity", Argument::Number(shown(quantity.value)));
        let name = quantity.name.as_ref().map(ToString::to_string);
        let unit = quantity.unit.map(|unit| symbol(unit).to_owned()).or(name);
        label = label.with("unit", Argument::Text(unit.unwrap_or_default()));
    }
    if let Some(bucket) = line.bucket() {
        label = label.with("bucket", Argument::Text(bucket.to_string()));
    }
    if let Some(tier) = &line.tier {
        label = label.with("tier", Argument::Number(Decimal::from(tier.number)));
        label = label.with("from", Argument::Number(shown(tier.from)));
        if let Some(up_to) = tier.up_to {
            label = label.with("up_to", Argument::Number(shown(up_to)));
        }
        if let Some(quantity) = tier.selected_by {
            label = label.with("selected_by", Argument::Number(shown(quantity)));
        }
        if let Some(shared) = &tier.shared {
            let key = format!("filling-{}", shared.filling.as_str());
            label = label.with("filling", Argument::Message(key));
        }
    }
    if let Some(base) = &line.base {
        label = label.with("base", Argument::Price(shown(base.amount)));
    }
    if let Some(packages) = &line.packages {
        label = label.with("packages", Argument::Number(packages.started.normalize()));
    }
    if let Some(cap) = line.capped_at() {
        label = label.with("cap", Argument::Price(shown(cap)));
    }
    if let Some(certificate) = &line.exemption {
        label = label.with("certificate", Argument::Text(certificate.to_string()));
    }
    of_bank(label, line)
}

/// A bank holds money or units.
fn of_bank(mut label: Label, line: &Line) -> Label {
    let Some(bank) = &line.bank else { return label };
    let is_money = line.kind == LineKind::Credit;
    label = label.with("bank", Argument::Text(bank.bank.to_string()));
    for (name, value) in [
        ("opening", bank.opening),
        ("earned", bank.earned),
        ("applied", bank.applied),
        ("paid_out", bank.paid_out),
        ("closing", bank.closing),
    ] {
        let value = shown(value);
        label = label.with(name, if is_money { Argument::Price(value) } else { Argument::Number(value) });
    }
    label
}

/// A mark that the line has nothing for stays empty, as in [`Line::sentence`].
fn unmarked(label: Label, line: &Line) -> Label {
    let LabelText::Texts(texts) = line.label.text() else { return label };
    let named = |name: &&&str| texts.values().any(|text| text.contains(&format!("{{{name}}}")));
    let marks = texts.values().any(|text| text.contains('{'));
    let marked = rating::ARGUMENTS.iter().filter(|_| marks).filter(named);
    marked.fold(label, |label, name| label.with(*name, Argument::Text(String::new())))
}

/// A tariff's or charge's label by itself.
pub(crate) fn of_label(label: &rating::Label) -> Label {
    match label.text() {
        LabelText::Key(key) => Label::key(key.clone()),
        LabelText::Texts(texts) => Label::text(LocalText::new(texts.clone())),
    }
}

/// What a contract has agreed beyond its rate.
pub(crate) fn of_terms(line: &TermLine) -> Label {
    match line.kind {
        TermKind::Instalment => in_three("Instalment", "Plazo", "Échéance"),
        TermKind::Deposit => in_three("Deposit", "Depósito", "Dépôt de garantie"),
        TermKind::Interest => in_three("Interest", "Intereses", "Intérêts"),
        TermKind::Principal => in_three("Repayment", "Amortización", "Remboursement"),
        TermKind::Budget => {
            in_three("Budget billing adjustment", "Ajuste de pago nivelado", "Ajustement de mensualisation")
        }
    }
}

/// What moved the balance between two bills.
pub(crate) fn movement(ft: &Swept) -> Label {
    let named = || ft.adjustment_name.clone().unwrap_or_default();
    match ft.kind {
        FtKind::Payment => Label::key("payment"),
        FtKind::PaymentCancel => in_three("Payment returned", "Pago devuelto", "Paiement retourné"),
        FtKind::Adjustment if ft.adjustment_name.is_none() => Label::key("adjustment"),
        FtKind::Adjustment => Label::text(LocalText::english(named())),
        FtKind::AdjustmentCancel => in_three("Cancelled: {what}", "Anulado: {what}", "Annulé : {what}")
            .with("what", Argument::Text(named())),
        FtKind::Segment | FtKind::SegmentCancel => correction(ft),
    }
}

/// What was billed for some days and is reversed, or is billed for them again.
fn correction(ft: &Swept) -> Label {
    let (Some(service), Some(first_on), Some(last_on)) =
        (&ft.service_name, ft.segment_first_on, ft.segment_last_on)
    else {
        return Label::key("correction");
    };
    let label = match ft.kind {
        FtKind::SegmentCancel => in_three(
            "{service}, {first_on} – {last_on}: reversed",
            "{service}, {first_on} – {last_on}: anulado",
            "{service}, {first_on} – {last_on} : annulé",
        ),
        _ => in_three(
            "{service}, {first_on} – {last_on}: billed again",
            "{service}, {first_on} – {last_on}: facturado de nuevo",
            "{service}, {first_on} – {last_on} : refacturé",
        ),
    };
    label
        .with("service", Argument::Text(service.clone()))
        .with("first_on", Argument::Date(first_on))
        .with("last_on", Argument::Date(last_on))
}

fn in_three(english: &str, spanish: &str, french: &str) -> Label {
    let all = [("en", english), ("es", spanish), ("fr", french)];
    let texts =
        all.into_iter().filter_map(|(tag, text)| Some((tag.parse::<Language>().ok()?, text.to_owned())));
    Label::text(LocalText::new(texts))
}

/// Quantities are printed to three decimals; the segment's document keeps them all.
pub(crate) fn shown(value: Decimal) -> Decimal {
    vocab::decimal::round(value, 3, vocab::decimal::Rounding::HalfAwayFromZero).normalize()
}

/// The symbol of a unit within a sentence, alike in every language.
const fn symbol(unit: Unit) -> &'static str {
    match unit {
        Unit::Kwh => "kWh",
        Unit::Kw => "kW",
        Unit::Kvarh => "kvarh",
        Unit::Kva => "kVA",
        Unit::Gallon => "gal",
        Unit::Kgal => "kgal",
        Unit::Ccf => "CCF",
        Unit::CubicFoot => "ft³",
        Unit::CubicMetre => "m³",
        Unit::Kilolitre => "kL",
        Unit::Therm => "therm",
        Unit::Megajoule => "MJ",
        Unit::Item => "×",
    }
}

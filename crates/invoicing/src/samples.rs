//! Example invoices for previewing and testing templates: every block of an invoice appears in
//! one of them. The utility and its customers are invented.

use crate::{
    Argument, Autopay, Entry, InstalmentPlan, Invoice, Label, Line, LineKind, LocalText, PastDue, Quantity,
    ReadPoint, ReadRow, ServiceCharges, Summary, UsageMonth, Utility,
};
use rust_decimal::Decimal;
use time::{Date, Month, macros::date};
use vocab::{AccountNumber, Commodity, Currency, Language, Money, Period, ReadQuality, Unit};

/// The charged month of every sample.
const FIRST_ON: Date = date!(2026 - 03 - 01);
const LAST_ON: Date = date!(2026 - 03 - 31);

/// A short residential bill: electricity and water.
pub fn residential() -> Invoice {
    let mut services = vec![electricity(812), water(6)];
    services[1].lines.push(tax("Utility users tax", "Impuesto municipal", "5", 155));
    services[1].total = total(&services[1].lines);
    let mut invoice = assembled(services, 9_871);
    invoice.messages = vec![
        said(
            "Our office is closed on Friday, April 3. For outages call the number above, day or night.",
            "Nuestra oficina cierra el viernes 3 de abril. Para cortes llame al número de arriba, día y noche.",
        ),
        said(
            "Go paperless: read your bills by e-mail and save a tree.",
            "Reciba sus facturas por correo electrónico y ahorre papel.",
        ),
    ];
    invoice.summary.after_due = invoice.summary.total_due.plus(Money::from_minor(986)).ok();
    invoice
}

/// Many services at two addresses, an estimate, a corrected bill, something past due, a plan.
pub fn many_services() -> Invoice {
    let mut large = demand_service();
    large.service_address =
        "Riverside Cold Storage and Distribution Center, 4410 Old Mill Industrial Parkway, Building C"
            .to_owned();
    let mut estimated = water(41);
    estimated.estimated = true;
    for read in &mut estimated.reads {
        if let Some(point) = &mut read.current {
            point.quality = ReadQuality::Estimated;
        }
    }
    let services =
        vec![electricity(1_463), large, estimated, sewer(), gas(), refuse(), stormwater(), electricity(388)];
    let mut invoice = assembled(services, 184_250);
    invoice.customer_name =
        "The Riverside Cold Storage & Distribution Cooperative of Greater Harlow Valley".to_owned();
    invoice.summary.payments.clear();
    invoice.summary.payments.push(entry("payment", Some(date!(2026 - 03 - 12)), -100_000));
    invoice.summary.adjustments.push(entry("late-charge", Some(date!(2026 - 03 - 26)), 4_212));
    invoice.summary.corrections.push(entry("correction", None, -1_707));
    invoice.past_due = Some(PastDue {
        amount: Money::from_minor(84_250),
        since_on: date!(2026 - 03 - 24),
        shutoff_on: Some(date!(2026 - 04 - 22)),
    });
    invoice.instalment_plan = Some(InstalmentPlan {
        number: 2,
        of: 6,
        amount: Money::from_minor(12_500),
        remaining: Money::from_minor(50_000),
    });
    settle(&mut invoice);
    invoice
}

/// A household with solar panels whose credit exceeds its charges.
pub fn credit() -> Invoice {
    let mut service = electricity(0);
    service.lines.truncate(1);
    service.lines.push(Line {
        kind: LineKind::Charge,
        label: Label::key("net-metering"),
        quantity: Some(units("-412", Unit::Kwh)),
        price: decimal("0.0845"),
        amount: Money::from_minor(-3_481),
    });
    service.total = total(&service.lines);
    assembled(vec![service], 0)
}

/// A bill that will be drawn by autopay.
pub fn autopay() -> Invoice {
    let mut invoice = residential();
    invoice.autopay = Some(Autopay {
        draw_on: invoice.due_on,
        amount: invoice.summary.total_due,
        method: "Visa •••• 4242".to_owned(),
    });
    invoice
}

/// A draft for review.
pub fn draft() -> Invoice {
    Invoice { draft: true, ..residential() }
}

fn utility() -> Utility {
    Utility {
        name: "Harlow Valley Utilities".to_owned(),
        address: vec!["200 Reservoir Road".to_owned(), "Harlow Valley, CA 95999".to_owned()],
        phone: Some("(555) 010-2040".to_owned()),
        email: Some("care@harlowvalley.example".to_owned()),
        web: Some("harlowvalley.example".to_owned()),
        hours: said("Monday to Friday, 8 am – 5 pm", "Lunes a viernes, 8:00 – 17:00"),
        pay_address: vec![
            "Harlow Valley Utilities".to_owned(),
            "Payment Center".to_owned(),
            "PO Box 7700".to_owned(),
            "Harlow Valley, CA 95998-7700".to_owned(),
        ],
        logo_svg: Some(LOGO.to_owned()),
    }
}

const LOGO: &str = r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 48 48" width="48" height="48"><rect width="48" height="48" rx="11" fill="#0b4f6c"/><path d="M24 8c6 8 11 13 11 20a11 11 0 0 1-22 0c0-7 5-12 11-20z" fill="#fff"/><path d="M25.500 19l-7 10h5l-1.500 8 7.500-11h-5z" fill="#f2a541"/></svg>"##;

fn assembled(services: Vec<ServiceCharges>, previous: i64) -> Invoice {
    let mut payments = Vec::new();
    if previous != 0 {
        payments.push(entry("payment", Some(date!(2026 - 03 - 18)), -previous));
    }
    let mut invoice = Invoice {
        utility: utility(),
        currency: Currency::USD,
        account_number: AccountNumber::from_random(380_417_255),
        bill_number: "2026-004217".to_owned(),
        customer_name: "Marisol Ortega-Whitfield".to_owned(),
        mailing_address: vec![
            "1187 Sycamore Terrace, Apt 4".to_owned(),
            "Harlow Valley, CA 95999".to_owned(),
        ],
        billed_on: date!(2026 - 04 - 02),
        due_on: date!(2026 - 04 - 23),
        summary: Summary { previous_balance: Money::from_minor(previous), payments, ..Summary::default() },
        services,
        messages: Vec::new(),
        autopay: None,
        past_due: None,
        instalment_plan: None,
        pay_link: Some("https://pay.harlowvalley.example/b/4XW2-9GQ7-T1?s=Zm9vYmFyYmF6cXV4MTIzNA".to_owned()),
        draft: false,
        final_bill: false,
    };
    settle(&mut invoice);
    invoice
}

/// Fills in the sums; samples are far from the limits of `Money`.
fn settle(invoice: &mut Invoice) {
    let sum = &mut invoice.summary;
    let movements = sum.payments.iter().chain(&sum.adjustments).chain(&sum.corrections);
    let moved = Money::sum(movements.map(|entry| entry.amount)).unwrap_or_default();
    sum.balance_forward = sum.previous_balance.plus(moved).unwrap_or_default();
    sum.current_charges =
        Money::sum(invoice.services.iter().map(|service| service.total)).unwrap_or_default();
    sum.total_due = sum.balance_forward.plus(sum.current_charges).unwrap_or_default();
}

fn service(commodity: Commodity, rate: (&str, &str), lines: Vec<Line>) -> ServiceCharges {
    ServiceCharges {
        commodity,
        service_name: LocalText::default(),
        rate_name: said(rate.0, rate.1),
        service_address: "1187 Sycamore Terrace, Apt 4".to_owned(),
        // The constants are in order.
        period: Period::new(FIRST_ON, LAST_ON).unwrap_or_else(|| unreachable!()),
        estimated: false,
        reads: Vec::new(),
        total: total(&lines),
        lines,
        usage: Vec::new(),
        usage_unit: None,
    }
}

fn electricity(kwh: i64) -> ServiceCharges {
    let first = kwh.min(500);
    let rest = kwh - first;
    let mut lines = vec![
        Line { label: own("Customer charge", "Cargo al cliente"), ..charge(1_250) },
        Line {
            label: own("Energy, first 500 kWh", "Energía, primeros 500 kWh"),
            quantity: Some(units(&first.to_string(), Unit::Kwh)),
            price: decimal("0.1142"),
            // Cents from ten-thousandths, half up.
            ..charge((first * 1_142 + 50) / 100)
        },
    ];
    if rest > 0 {
        lines.push(Line {
            label: own("Energy, above 500 kWh", "Energía, más de 500 kWh"),
            quantity: Some(units(&rest.to_string(), Unit::Kwh)),
            price: decimal("0.13875"),
            ..charge((rest * 13_875 + 500) / 1_000)
        });
    }
    let base: i64 = lines.iter().map(|line| line.amount.minor()).sum();
    lines.push(tax("State energy surcharge", "Recargo estatal de energía", "0.3", (base * 3 + 500) / 1_000));
    let mut service = service(Commodity::Electricity, ("Residential E-1", "Residencial E-1"), lines);
    service.reads = vec![register("E-40917722", None, "48210", kwh, "1", Unit::Kwh)];
    service.usage = year(&[690, 742, 655, 610, 702, 881, 934, 902, 730, 648, 701, 846], kwh);
    service.usage_unit = Some(Unit::Kwh);
    service
}

fn demand_service() -> ServiceCharges {
    let lines = vec![
        Line { label: own("Basic service charge", "Cargo básico"), ..charge(8_500) },
        Line {
            label: own(
                "On-peak energy, weekdays 4 pm to 9 pm except holidays",
                "Energía en hora punta, laborables de 16 a 21 h salvo festivos",
            ),
            quantity: Some(units("2210.4", Unit::Kwh)),
            price: decimal("0.2417"),
            ..charge(53_425)
        },
        Line {
            label: own("Off-peak energy", "Energía fuera de punta"),
            quantity: Some(units("9480.6", Unit::Kwh)),
            price: decimal("0.0981"),
            ..charge(93_005)
        },
        Line {
            label: own("Demand, highest 15 minutes", "Demanda, máximo de 15 minutos"),
            quantity: Some(units("86.4", Unit::Kw)),
            price: decimal("11.50"),
            ..charge(99_360)
        },
        tax("State energy surcharge", "Recargo estatal de energía", "0.3", 763),
    ];
    let mut service = service(
        Commodity::Electricity,
        (
            "General service time-of-use with demand, secondary voltage GS-TOU-D2",
            "Servicio general GS-TOU-D2",
        ),
        lines,
    );
    service.service_name = said("Electricity, warehouse", "Electricidad, almacén");
    service.reads = vec![
        register("E-77120034", Some("On-peak"), "9120.2", 55, "40", Unit::Kwh),
        register("E-77120034", Some("Off-peak"), "30218.9", 237, "40", Unit::Kwh),
    ];
    service
}

fn water(ccf: i64) -> ServiceCharges {
    let lines = vec![
        Line { label: own("Meter charge, 5/8 inch", "Cargo por medidor, 5/8 de pulgada"), ..charge(1_480) },
        Line {
            label: own("Water use", "Consumo de agua"),
            quantity: Some(units(&ccf.to_string(), Unit::Ccf)),
            price: decimal("2.71"),
            ..charge(ccf * 271)
        },
    ];
    let mut service = service(Commodity::Water, ("Residential W-1", "Residencial W-1"), lines);
    service.reads = vec![register("W-2208841", None, "1204", ccf, "1", Unit::Ccf)];
    service.usage = year(&[7, 6, 8, 9, 11, 14, 15, 13, 10, 8, 6, 6], ccf);
    service.usage_unit = Some(Unit::Ccf);
    service
}

fn sewer() -> ServiceCharges {
    let line = Line {
        label: own("Sewer, winter average {average}", "Alcantarillado, promedio de invierno {average}")
            .with("average", Argument::Quantity(Decimal::new(62, 1), Unit::Ccf)),
        quantity: Some(units("6.2", Unit::Ccf)),
        price: decimal("4.05"),
        ..charge(2_511)
    };
    service(Commodity::Sewer, ("Sewer S-1", "Alcantarillado S-1"), vec![line])
}

fn gas() -> ServiceCharges {
    let lines = vec![
        Line { label: own("Customer charge", "Cargo al cliente"), ..charge(900) },
        Line {
            label: Label::key("unit"),
            quantity: Some(units("118", Unit::Therm)),
            price: decimal("1.3308"),
            ..charge(15_703)
        },
    ];
    let mut service = service(Commodity::Gas, ("Small commercial G-2", "Comercial pequeño G-2"), lines);
    service.reads = vec![register("G-9001", None, "66120", 118, "1", Unit::Therm)];
    service
}

fn refuse() -> ServiceCharges {
    let line = Line {
        label: own("Container 3 yd³, twice a week", "Contenedor 3 yd³, dos veces por semana"),
        quantity: Some(units("2", Unit::Item)),
        price: decimal("118.40"),
        ..charge(23_680)
    };
    service(Commodity::Refuse, ("Commercial container", "Contenedor comercial"), vec![line])
}

/// A service without lines: nothing was charged this month.
fn stormwater() -> ServiceCharges {
    service(Commodity::Stormwater, ("Stormwater, credited", "Aguas pluviales, bonificado"), Vec::new())
}

fn register(
    serial: &str,
    name: Option<&str>,
    previous: &str,
    used: i64,
    multiplier: &str,
    unit: Unit,
) -> ReadRow {
    let before = decimal(previous).unwrap_or_default();
    let factor = decimal(multiplier).unwrap_or(Decimal::ONE);
    let used = Decimal::from(used);
    let at = |read_on, value| ReadPoint { read_on, value, quality: ReadQuality::Actual };
    ReadRow {
        meter_serial: serial.to_owned(),
        register: name.map(str::to_owned),
        previous: Some(at(date!(2026 - 02 - 28), before)),
        current: vocab::decimal::add(before, used).ok().map(|value| at(LAST_ON, value)),
        multiplier: factor,
        usage: Quantity { value: vocab::decimal::mul(used, factor).unwrap_or_default(), unit },
    }
}

/// Twelve months before this bill's, from last March on.
fn year(before: &[i64; 12], now: i64) -> Vec<UsageMonth> {
    let mut month = Month::March;
    let mut year = 2025;
    let mut months = Vec::new();
    for quantity in before.iter().chain([&now]) {
        let days = month.length(year);
        let Ok(ended_on) = Date::from_calendar_date(year, month, days) else { continue };
        months.push(UsageMonth {
            ended_on,
            days: u16::from(days),
            quantity: Decimal::from(*quantity),
            estimated: false,
        });
        month = month.next();
        year += i32::from(month == Month::January);
    }
    months
}

fn charge(minor: i64) -> Line {
    Line {
        kind: LineKind::Charge,
        label: Label::default(),
        quantity: None,
        price: None,
        amount: Money::from_minor(minor),
    }
}

fn tax(english: &str, spanish: &str, percent: &str, minor: i64) -> Line {
    let label = own(&format!("{english}, {{percent}} %"), &format!("{spanish}, {{percent}} %"));
    let percent = Argument::Number(decimal(percent).unwrap_or_default());
    Line { kind: LineKind::Tax, label: label.with("percent", percent), ..charge(minor) }
}

fn entry(key: &str, effective_on: Option<Date>, minor: i64) -> Entry {
    Entry { label: Label::key(key), effective_on, amount: Money::from_minor(minor) }
}

fn said(english: &str, spanish: &str) -> LocalText {
    let mut texts = vec![(Language::english(), english.to_owned())];
    texts.extend("es".parse().ok().map(|language| (language, spanish.to_owned())));
    LocalText::new(texts)
}

fn own(english: &str, spanish: &str) -> Label {
    Label::text(said(english, spanish))
}

fn units(value: &str, unit: Unit) -> Quantity {
    Quantity { value: decimal(value).unwrap_or_default(), unit }
}

fn decimal(text: &str) -> Option<Decimal> {
    vocab::decimal::parse(text)
}

fn total(lines: &[Line]) -> Money {
    Money::sum(lines.iter().map(|line| line.amount)).unwrap_or_default()
}

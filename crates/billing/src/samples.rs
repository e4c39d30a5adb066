//! One utility and one account for tests: the worked account of 2026, electricity.

use crate::*;
use metering::{EstimationRules, Read, ReadWindow, Register};
use rating::Label;
use time::Date;
use time::macros::date;
use vocab::calendar::Holidays;
use vocab::*;

pub(crate) const ACCOUNT: AccountId = AccountId(42);
pub(crate) const POINT: ServicePointId = ServicePointId(7);
pub(crate) const ELECTRIC: ContractTypeId = ContractTypeId(1);
pub(crate) const LAMPS: ContractTypeId = ContractTypeId(2);
pub(crate) const PLEDGE: ContractTypeId = ContractTypeId(3);
pub(crate) const CHARGES: ContractTypeId = ContractTypeId(4);
pub(crate) const RESIDENTIAL: RateScheduleId = RateScheduleId(1);
pub(crate) const LAMP_RATE: RateScheduleId = RateScheduleId(2);
pub(crate) const RECEIVABLE: GlAccountId = GlAccountId(1200);
pub(crate) const REVENUE: GlAccountId = GlAccountId(4000);
pub(crate) const TAXES: GlAccountId = GlAccountId(2200);
pub(crate) const CASH: GlAccountId = GlAccountId(1000);
pub(crate) const FEES: GlAccountId = GlAccountId(4900);

/// Flat 12.00 and 0.10 a kWh, from 16 March 15.00 and 0.12; tax 6 %.
fn residential() -> RateSchedule {
    let tariff = |on: &str, flat: &str, price: &str| {
        format!(
            r#"{{"effective_on":"{on}","rules":[
              {{"id":"customer","label":{{"en":"Customer charge"}},"charge":{{"kind":"flat","amount":"{flat}"}}}},
              {{"id":"energy","label":{{"en":"Energy"}},
                "charge":{{"kind":"unit","quantity":{{"unit":"kwh"}},"price":"{price}"}}}},
              {{"id":"tax","label":{{"en":"Tax"}},"gl_account":"2200",
                "charge":{{"kind":"tax","tax":"state","percent":"6","of":"all"}}}}]}}"#
        )
    };
    schedule(
        RESIDENTIAL,
        Commodity::Electricity,
        &[&tariff("2025-01-01", "12.00", "0.10"), &tariff("2026-03-16", "15.00", "0.12")],
    )
}

/// 4.50 a lamp.
fn lamps() -> RateSchedule {
    let tariff = r#"{"effective_on":"2025-01-01","rules":[
        {"id":"lamps","label":{"en":"Lamps"},"charge":{"kind":"item","item":"lamp","price":{"from":"factor","factor":"lamp_price"}}}]}"#;
    schedule(LAMP_RATE, Commodity::Electricity, &[tariff])
}

pub(crate) fn schedule(id: RateScheduleId, commodity: Commodity, tariffs: &[&str]) -> RateSchedule {
    let version = |(at, tariff): (usize, &&str)| RateVersion {
        id: RateVersionId(10 * id.0 + at as i64),
        rules: rating::RateVersion::parse(tariff, &Currency::USD).unwrap(),
    };
    RateSchedule {
        id,
        code: format!("R{}", id.0),
        name: "Residential".into(),
        commodity,
        frequency: Frequency::Monthly,
        estimation: true,
        versions: tariffs.iter().enumerate().map(version).collect(),
    }
}

fn contract_type(
    id: ContractTypeId,
    sequence: i32,
    method: SegmentMethod,
    end_date: EndDateMethod,
) -> ContractType {
    ContractType {
        id,
        code: method.to_string(),
        commodity: Commodity::Electricity,
        method,
        end_date,
        sequence,
        minimum_days: 10,
        maximum: Some(Money::from_minor(100_000)),
        estimation: true,
        receivable_gl: RECEIVABLE,
        revenue_gl: REVENUE,
    }
}

/// The run of a window.
pub(crate) fn parts(starts_on: Date, ends_on: Date, bill_on: Date) -> RunContextParts {
    RunContextParts {
        window: RunWindow {
            id: Some(WindowId(3)),
            starts_on,
            ends_on,
            accounting_on: ends_on,
            bill_on,
            estimate_on: None,
        },
        run: Some(RunId(8)),
        as_of_on: bill_on,
        read_window: ReadWindow::default(),
        read_rules: metering::RulesByClass::default(),
        review: ReviewChecks::default(),
        estimation: EstimationRules::default(),
        profiles: Vec::new(),
        currency: Currency::USD,
        contract_types: vec![
            contract_type(CHARGES, 40, SegmentMethod::BillableCharge, EndDateMethod::CalendarPeriod),
            contract_type(PLEDGE, 30, SegmentMethod::Recurring, EndDateMethod::CalendarPeriod),
            contract_type(LAMPS, 20, SegmentMethod::RatedItem, EndDateMethod::CalendarPeriod),
            contract_type(ELECTRIC, 10, SegmentMethod::Metered, EndDateMethod::MeterRead),
        ],
        schedules: vec![lamps(), residential()],
        factors: vec![rating::FactorValue {
            factor: "lamp_price".parse().unwrap(),
            characteristic: None,
            effective_on: date!(2025 - 01 - 01),
            value: Decimal::new(450, 2),
        }],
        classes: vec![CustomerClass { code: "residential".into(), due_days: Some(15) }],
        holidays: Holidays::default(),
        gl_accounts: vec![("2200".into(), TAXES)],
        clock_changes: Vec::new(),
    }
}

/// January, billed on Saturday 31 January: fifteen days later is a Sunday.
pub(crate) fn january() -> RunContextParts {
    parts(date!(2026 - 01 - 01), date!(2026 - 01 - 31), date!(2026 - 01 - 31))
}

pub(crate) fn february() -> RunContextParts {
    parts(date!(2026 - 02 - 01), date!(2026 - 02 - 28), date!(2026 - 02 - 28))
}

pub(crate) fn contract(n: i64, type_id: ContractTypeId) -> Contract {
    Contract {
        id: ContractId::new(ACCOUNT, n),
        type_id,
        schedule_id: None,
        service_point: None,
        starts_on: date!(2026 - 01 - 17),
        ends_on: None,
        billed_through_on: None,
        state: ContractState::Active,
        items: Vec::new(),
        characteristics: Vec::new(),
        recurring: None,
        master: None,
        terms: None,
        progress: Money::ZERO,
        hold: None,
        segments: 0,
        past: Vec::new(),
        again: None,
    }
}

pub(crate) fn register(n: i64) -> Register {
    Register {
        id: RegisterId::new(POINT, n),
        serial: format!("M-{n}"),
        kind: RegisterKind::Subtractive,
        unit: Unit::Kwh,
        tou_bucket: None,
        quantity_name: None,
        multiplier: Decimal::ONE,
        dials: 5,
        decimals: 0,
        installed_on: date!(2025 - 01 - 01),
        removed_on: None,
    }
}

pub(crate) fn read(read_on: Date, value: i64) -> Read {
    Read { read_on, value: Decimal::from(value), quality: ReadQuality::Actual, status: ReadStatus::Valid }
}

pub(crate) fn postal_address() -> PostalAddress {
    PostalAddress {
        addressee: "Ada Main".into(),
        line1: "1 Main St".into(),
        line2: None,
        city: "Fort Collins".into(),
        region: "CO".into(),
        postcode: "80521".into(),
        country: "US".into(),
    }
}

/// One electric contract from 17 January, 1000 → 1150 on 31 January.
pub(crate) fn account() -> AccountInputs {
    let electric =
        Contract { schedule_id: Some(RESIDENTIAL), service_point: Some(POINT), ..contract(1, ELECTRIC) };
    AccountInputs {
        account: ACCOUNT,
        class_code: "residential".into(),
        site: SiteId(1),
        language: Language::english(),
        delivery: DeliveryPreference::Email,
        hold: None,
        last_bill: None,
        contracts: vec![electric],
        charges: Vec::new(),
        adjustments: Vec::new(),
        remarks: Vec::new(),
        before: Before::default(),
        ended: Vec::new(),
        meters: vec![PointMeters {
            service_point: POINT,
            registers: vec![RegisterReads {
                register: register(1),
                reads: vec![read(date!(2026 - 01 - 16), 1000), read(date!(2026 - 01 - 31), 1150)],
                days: Vec::new(),
            }],
        }],
        exemptions: Vec::new(),
        standing: Vec::new(),
        recipients: vec![Recipient {
            person: PersonId(5),
            name: "Ada Main".into(),
            language: Language::english(),
            email: Some("ada@example.org".into()),
            postal: Some(postal_address()),
        }],
    }
}

/// The same with lamps, a pledge and a passed-through charge.
pub(crate) fn full_account() -> AccountInputs {
    let mut inputs = account();
    let lamp = rating::ItemCount { item: "lamp".parse().unwrap(), count: Decimal::from(3) };
    inputs.contracts.push(Contract { schedule_id: Some(LAMP_RATE), items: vec![lamp], ..contract(2, LAMPS) });
    let pledge = Recurring { amount: Money::from_minor(500), label: Label::key("pledge") };
    inputs.contracts.push(Contract { recurring: Some(pledge), ..contract(3, PLEDGE) });
    inputs.contracts.push(contract(4, CHARGES));
    inputs.charges.push(charge(1, date!(2026 - 01 - 20), 2500));
    inputs.charges.push(charge(2, date!(2026 - 01 - 31), 199));
    inputs.charges.push(charge(3, date!(2026 - 02 - 01), 777));
    inputs
}

pub(crate) fn charge(n: i64, due_on: Date, minor: i64) -> BillableCharge {
    BillableCharge {
        id: ChargeId::new(ACCOUNT, n),
        contract: ContractId::new(ACCOUNT, 4),
        due_on,
        amount: Money::from_minor(minor),
        label: Label::key("reconnection"),
        gl: (n == 2).then_some(FEES),
    }
}

/// A contract's segment on the bill of the month before, 16 December to 16 January.
pub(crate) fn last_segment(contract: i64, minor: i64) -> LastSegment {
    LastSegment {
        contract: ContractId::new(ACCOUNT, contract),
        schedule: Some(RESIDENTIAL),
        first_on: date!(2025 - 12 - 18),
        last_on: date!(2026 - 01 - 16),
        total: Money::from_minor(minor),
    }
}

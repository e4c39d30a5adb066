//! The digest changes with every input that decides a charge, and with nothing else.

use crate::samples::*;
use crate::*;
use time::macros::date;
use vocab::*;

type Change = (&'static str, fn(&mut RunContextParts, &mut AccountInputs));

fn of(change: fn(&mut RunContextParts, &mut AccountInputs)) -> Digest {
    let (mut parts, mut inputs) = (january(), full_account());
    change(&mut parts, &mut inputs);
    digest(&RunContext::new(parts), &inputs)
}

const DECISIVE: &[Change] = &[
    ("window", |parts, _| parts.window.ends_on = date!(2026 - 01 - 30)),
    ("bill date", |parts, _| parts.window.bill_on = date!(2026 - 02 - 02)),
    ("class", |_, inputs| inputs.class_code = "commercial".into()),
    ("read value", |_, inputs| inputs.meters[0].registers[0].reads[1].value = Decimal::from(1151)),
    ("read date", |_, inputs| inputs.meters[0].registers[0].reads[1].read_on = date!(2026 - 01 - 30)),
    ("read quality", |_, inputs| inputs.meters[0].registers[0].reads[1].quality = ReadQuality::Estimated),
    ("read rejected", |_, inputs| inputs.meters[0].registers[0].reads[1].status = ReadStatus::Rejected),
    ("new read", |_, inputs| inputs.meters[0].registers[0].reads.push(read(date!(2026 - 02 - 02), 1160))),
    ("interval data", |_, inputs| {
        let mut data = metering::IntervalDay::new(60, 24).unwrap();
        data.set(0, &[Decimal::ONE], ReadQuality::Actual).unwrap();
        let day = DayOfIntervals { on: date!(2026 - 01 - 20), data };
        inputs.meters[0].registers[0].days.push(day);
    }),
    ("quantity's name", |_, inputs| {
        inputs.meters[0].registers[0].register.quantity_name = Some("export".into());
    }),
    ("multiplier", |_, inputs| inputs.meters[0].registers[0].register.multiplier = Decimal::TEN),
    ("removal", |_, inputs| {
        inputs.meters[0].registers[0].register.removed_on = Some(date!(2026 - 01 - 31));
    }),
    ("start", |_, inputs| inputs.contracts[0].starts_on = date!(2026 - 01 - 18)),
    ("end", |_, inputs| inputs.contracts[0].ends_on = Some(date!(2026 - 01 - 31))),
    ("billed through", |_, inputs| inputs.contracts[0].billed_through_on = Some(date!(2026 - 01 - 20))),
    ("state", |_, inputs| inputs.contracts[0].state = ContractState::Closed),
    ("contract's rate", |_, inputs| inputs.contracts[0].schedule_id = Some(LAMP_RATE)),
    ("contract's type", |_, inputs| inputs.contracts[0].type_id = LAMPS),
    ("minimum days", |parts, _| parts.contract_types[3].minimum_days = 11),
    ("maximum", |parts, _| parts.contract_types[3].maximum = None),
    ("items", |_, inputs| inputs.contracts[1].items[0].count = Decimal::from(4)),
    ("characteristic", |_, inputs| {
        let size = rating::Characteristic { name: "meter_size".parse().unwrap(), value: "1in".into() };
        inputs.contracts[0].characteristics.push(size);
    }),
    ("exemption", |_, inputs| {
        inputs.exemptions.push(rating::Exemption {
            tax: "state".parse().unwrap(),
            certificate: "E-1".parse().unwrap(),
            first_on: date!(2026 - 01 - 01),
            last_on: None,
        });
    }),
    ("recurring amount", |_, inputs| {
        inputs.contracts[2].recurring.as_mut().unwrap().amount = Money::from_minor(501);
    }),
    ("charge amount", |_, inputs| inputs.charges[0].amount = Money::from_minor(2501)),
    ("charge due", |_, inputs| inputs.charges[2].due_on = date!(2026 - 01 - 31)),
    ("charge's account", |_, inputs| inputs.charges[0].gl = Some(FEES)),
    ("charge gone", |_, inputs| drop(inputs.charges.remove(0))),
    ("adjustment", |_, inputs| {
        inputs.adjustments.push((FtId::new(ACCOUNT, 1), Money::from_minor(111)));
    }),
    ("adjustment's amount", |_, inputs| {
        inputs.adjustments.push((FtId::new(ACCOUNT, 1), Money::from_minor(112)));
    }),
    ("another adjustment", |_, inputs| {
        inputs.adjustments.push((FtId::new(ACCOUNT, 2), Money::from_minor(111)));
    }),
    ("account hold", |_, inputs| {
        inputs.hold = Some(Hold { until_on: date!(2026 - 02 - 28), reason: "dispute".into() });
    }),
    ("contract hold", |_, inputs| {
        inputs.contracts[2].hold = Some(Hold { until_on: date!(2026 - 02 - 28), reason: "dispute".into() });
    }),
    ("rate version", |parts, _| parts.schedules[0].versions[0].id = RateVersionId(77)),
    ("factor value", |parts, _| parts.factors[0].value = Decimal::from(5)),
    ("last bill", |_, inputs| {
        inputs.last_bill = Some(LastBill { id: BillId::new(ACCOUNT, 3), ending: Money::ZERO });
    }),
];

const INDIFFERENT: &[Change] = &[
    ("order of contracts", |_, inputs| inputs.contracts.reverse()),
    ("order of charges", |_, inputs| inputs.charges.reverse()),
    ("order of reads", |_, inputs| inputs.meters[0].registers[0].reads.reverse()),
    ("order of types", |parts, _| parts.contract_types.reverse()),
    ("order of rates", |parts, _| parts.schedules.reverse()),
    ("trailing zeros", |_, inputs| inputs.meters[0].registers[0].reads[1].value = Decimal::new(115_000, 2)),
    ("held read", |_, inputs| {
        let held = metering::Read { status: ReadStatus::Held, ..read(date!(2026 - 02 - 02), 1160) };
        inputs.meters[0].registers[0].reads.push(held);
    }),
    ("old read", |_, inputs| inputs.meters[0].registers[0].reads.push(read(date!(2025 - 12 - 01), 900))),
    ("later charge", |_, inputs| inputs.charges[2].amount = Money::from_minor(1)),
    ("cancelled contract", |_, inputs| {
        inputs.contracts.push(Contract { state: ContractState::Cancelled, ..contract(9, PLEDGE) });
    }),
    ("recipient", |_, inputs| inputs.recipients.clear()),
    ("hold that is over", |_, inputs| {
        inputs.hold = Some(Hold { until_on: date!(2026 - 01 - 30), reason: "dispute".into() });
    }),
    ("later factor value", |parts, _| {
        let later = rating::FactorValue { effective_on: date!(2026 - 06 - 01), ..parts.factors[0].clone() };
        parts.factors.push(later);
    }),
    ("unused factor", |parts, _| {
        parts
            .factors
            .push(rating::FactorValue { factor: "gas".parse().unwrap(), ..parts.factors[0].clone() });
    }),
    ("another day", |parts, _| parts.as_of_on = date!(2026 - 02 - 03)),
];

#[test]
fn every_decisive_input_changes_it() {
    let before = of(|_, _| {});
    let mut seen = vec![before];
    for (what, change) in DECISIVE {
        let after = of(*change);
        assert!(!seen.contains(&after), "{what}");
        seen.push(after);
    }
}

#[test]
fn what_decides_nothing_leaves_it() {
    let before = of(|_, _| {});
    for (what, change) in INDIFFERENT {
        assert_eq!(of(*change), before, "{what}");
    }
}

fn review_of(change: fn(&mut RunContextParts, &mut AccountInputs)) -> Digest {
    let (mut parts, mut inputs) = (january(), full_account());
    change(&mut parts, &mut inputs);
    review_digest(&RunContext::new(parts), &inputs)
}

/// What decides no charge, and what a test shows all the same.
const SHOWN: &[Change] = &[
    ("address", |_, inputs| inputs.recipients.clear()),
    ("site", |_, inputs| inputs.site = SiteId(9)),
    ("old read", |_, inputs| inputs.meters[0].registers[0].reads.push(read(date!(2025 - 12 - 01), 900))),
    ("decimals", |_, inputs| inputs.meters[0].registers[0].register.decimals = 3),
    ("charge that is not due", |_, inputs| drop(inputs.charges.remove(2))),
    ("last bill", |_, inputs| inputs.before.segments.push(last_segment(1, 2226))),
    ("charge of the last bill", |_, inputs| {
        inputs.before.charges.push((rating::Label::key("reconnection"), Money::from_minor(2500)));
    }),
    ("reason of a hold", |_, inputs| {
        inputs.hold = Some(Hold { until_on: date!(2026 - 02 - 28), reason: "dispute".into() });
    }),
    ("another reason", |_, inputs| {
        inputs.hold = Some(Hold { until_on: date!(2026 - 02 - 28), reason: "illness".into() });
    }),
    ("remark", |_, inputs| {
        inputs.remarks.push(ReadRemark {
            register: RegisterId::new(POINT, 1),
            read_on: date!(2026 - 01 - 31),
            value: Decimal::from(1150),
            is_day: false,
            is_held: false,
            rules: "trouble_code".into(),
        });
    }),
    ("threshold", |parts, _| parts.review.money_above_percent = 99),
    ("estimation", |parts, _| parts.estimation.most_in_a_row = 2),
    ("estimates are due", |parts, _| parts.window.estimate_on = Some(parts.as_of_on)),
    ("ledger account", |parts, _| parts.gl_accounts.clear()),
    ("type's ledger account", |parts, _| parts.contract_types[0].revenue_gl = CASH),
    ("rate may be estimated", |parts, _| parts.schedules[0].estimation = false),
];

#[test]
fn what_a_test_shows_changes_the_digest_of_the_review() {
    let before = review_of(|_, _| {});
    let mut seen = vec![before];
    for (what, change) in SHOWN {
        let after = review_of(*change);
        assert!(!seen.contains(&after), "{what}");
        seen.push(after);
    }
    for what in
        ["order of contracts", "order of charges", "order of reads", "order of types", "order of rates"]
    {
        let (_, change) = INDIFFERENT.iter().find(|(name, _)| *name == what).unwrap();
        assert_eq!(review_of(*change), before, "{what}");
    }
}

/// No change that a draft shows escapes both digests: whatever makes another draft makes another digest.
#[test]
fn equal_digests_mean_equal_drafts() {
    let made = |change: fn(&mut RunContextParts, &mut AccountInputs)| {
        let (mut parts, mut inputs) = (january(), full_account());
        change(&mut parts, &mut inputs);
        let context = RunContext::new(parts);
        ((digest(&context, &inputs), review_digest(&context, &inputs)), draft(&context, &inputs))
    };
    let before = made(|_, _| {});
    for (what, change) in DECISIVE.iter().chain(INDIFFERENT).chain(SHOWN) {
        let after = made(*change);
        assert!(after.0 != before.0 || after.1 == before.1, "{what} is in the draft and in no digest");
    }
}

#[test]
fn it_travels_as_hexadecimal_text() {
    let digest = of(|_, _| {});
    let text = serde_json::to_string(&digest).unwrap();
    assert_eq!(text.len(), 66);
    assert_eq!(serde_json::from_str::<Digest>(&text).unwrap(), digest);
    for bad in ["", "00", &"g".repeat(64), &"0".repeat(65), &"+f".repeat(32)] {
        assert!(bad.parse::<Digest>().is_err(), "{bad}");
    }
}

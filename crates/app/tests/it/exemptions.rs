//! Certificates of tax exemption: what is billed on their days, what becomes stale, what stays.

use crate::bills::{Town, items, town};
use crate::office::{pointers, refused};
use app::exemptions::NewExemption;
use serde_json::json;
use store::exemptions::TaxExemption;
use time::Date;
use time::macros::date;
use vocab::*;

fn certificate(first_on: Date, last_on: Option<Date>) -> NewExemption {
    NewExemption { tax: "state".to_owned(), certificate: "TX-118".to_owned(), first_on, last_on }
}

fn enter(town: &Town, account: AccountId, new: NewExemption) -> app::Result<TaxExemption> {
    town.office.app.db().tx(|tx| app::exemptions::enter(tx, &town.office.caller, account, new))
}

/// 12.00, 0.10 a kWh and a tax of 10 % on both.
fn taxed() -> Town {
    let town = town();
    let tariff = json!({ "effective_on": "2026-01-01", "rules": [
        { "id": "customer", "label": { "en": "Customer charge" }, "charge": { "kind": "flat", "amount": "12.00" } },
        { "id": "energy", "label": { "en": "Energy" },
          "charge": { "kind": "unit", "quantity": { "unit": "kwh" }, "price": "0.10" } },
        { "id": "tax", "label": { "en": "Tax" },
          "charge": { "kind": "tax", "tax": "state", "percent": "10", "of": "all" } } ] });
    town.office.add_version(town.schedule, tariff).unwrap();
    town
}

#[test]
fn a_certificate_takes_the_tax_off_its_days_and_is_named() {
    let town = taxed();
    let (ana, ben) = (town.customer("SP-1"), town.customer("SP-2"));
    for customer in [&ana, &ben] {
        town.read(customer.register, date!(2026 - 01 - 31), 1150);
    }
    let (app, me) = (&town.office.app, &town.office.caller);
    let run = town.run(town.january());
    let total = |account| app.run_draft(me, run, account).unwrap().draft.total.minor();
    let test = town.test(run);
    assert_eq!((total(ana.account), total(ben.account)), (29_70, 29_70));
    // Entered after the test it makes the account stale, and no other.
    let row = enter(&town, ana.account, certificate(date!(2026 - 01 - 01), None)).unwrap();
    assert_eq!(town.accept(run, test), items(&[(ItemState::Accepted, 1), (ItemState::Stale, 1)]));
    let test = town.test(run);
    assert_eq!(total(ana.account), 27_00);
    assert_eq!(town.accept(run, test), items(&[(ItemState::Accepted, 2)]));
    assert_eq!(town.office.count("segments WHERE document::text LIKE '%TX-118%'"), 1);
    town.assert_verified();

    // It ends in the middle of February: half of the tax is charged, and what is posted stays.
    let ended = app.change_exemption(me, row.exemption_id(), 1, Some(date!(2026 - 02 - 14))).unwrap();
    assert_eq!((ended.last_on, ended.version), (Some(date!(2026 - 02 - 14)), 2));
    town.office.execute("UPDATE business_clock SET moved_to = '2026-03-03T12:00Z'");
    for customer in [&ana, &ben] {
        town.read(customer.register, date!(2026 - 02 - 28), 1250);
    }
    let run = town.run(town.window(date!(2026 - 02 - 01), date!(2026 - 02 - 28)));
    town.test(run);
    let total = |account| app.run_draft(me, run, account).unwrap().draft.total.minor();
    assert_eq!((total(ana.account), total(ben.account)), (23_10, 24_20));
    let audited = "audit_entries WHERE action IN ('tax_exemption.enter', 'tax_exemption.change')";
    assert_eq!(town.office.count(audited), 2);
}

#[test]
fn what_cannot_be_a_certificate_is_refused_and_a_wrong_one_goes() {
    let town = taxed();
    let ana = town.customer("SP-1").account;
    let first_on = date!(2026 - 01 - 10);
    let of = |new| pointers(&refused(enter(&town, ana, new))).join(" ");
    assert_eq!(of(certificate(first_on, Some(date!(2026 - 01 - 09)))), "/last_on");
    assert_eq!(of(NewExemption { tax: " ".to_owned(), ..certificate(first_on, None) }), "/tax");
    assert_eq!(
        of(NewExemption { certificate: String::new(), ..certificate(first_on, None) }),
        "/certificate"
    );
    let row = enter(&town, ana, certificate(first_on, None)).unwrap();
    assert_eq!(refused(enter(&town, ana, certificate(first_on, None))).code, Code::AlreadyExists);
    let (app, me, id) = (&town.office.app, &town.office.caller, row.exemption_id());
    assert_eq!(app.exemptions(me, ana, None, 10).unwrap().items, [row]);
    assert_eq!(refused(app.change_exemption(me, id, 7, None)).code, Code::EtagMismatch);
    let south = town.office.clerk_of(&[SiteId(2)]);
    assert_eq!(refused(app.exemption(&south, id)).code, Code::NotFound);
    assert_eq!(refused(app.delete_exemption(&south, id)).code, Code::NotFound);
    app.delete_exemption(me, id).unwrap();
    assert_eq!(refused(app.exemption(me, id)).code, Code::NotFound);
}

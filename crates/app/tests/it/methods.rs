//! Masters and sub-contracts, arrangements, deposits, loans and budgets, from their terms to the books.

use crate::bills::{Customer, Town, items, town};
use crate::office::{pointers, refused};
use app::contract_types::ContractTypeChanges;
use app::contracts::arrangements::{Arrangement, NewArrangement, make};
use app::contracts::budget::NewBudget;
use app::contracts::{ContractChanges, NewContract};
use app::corrections::{self, Scope};
use billing::Terms;
use std::collections::BTreeMap;
use store::contracts::Contract;
use time::macros::date;
use vocab::*;

fn cents(minor: i64) -> Money {
    Money::from_minor(minor)
}

impl Town {
    fn kind(&self, method: SegmentMethod) -> ContractTypeId {
        self.office.contract_type(method.as_str(), Commodity::Electricity, method)
    }

    fn location(&self) -> LocationId {
        LocationId(self.office.number("SELECT min(location_id) AS n FROM service_points"))
    }

    fn plain(&self, contract_type: ContractTypeId, terms: Option<Terms>) -> NewContract {
        NewContract {
            contract_type,
            schedule: None,
            service_point: None,
            location: Some(self.location()),
            starts_on: Some(date!(2026 - 01 - 02)),
            ends_on: None,
            items: BTreeMap::new(),
            characteristics: BTreeMap::new(),
            recurring: None,
            master: None,
            terms,
        }
    }

    fn try_start(&self, account: AccountId, new: NewContract) -> app::Result<Contract> {
        self.office.tx(|tx| app::contracts::start(tx, &self.office.caller, account, new))
    }

    fn arrange(&self, account: AccountId, of: ContractTypeId, amount: i64) -> app::Result<Arrangement> {
        let new = NewArrangement {
            contract_type: of,
            adjustment_type: AdjustmentTypeId(1),
            location: self.location(),
            amount: cents(amount),
            per_bill: cents(2_500),
            starts_on: Some(date!(2026 - 01 - 02)),
            reason: "agreed by telephone".to_owned(),
            client_reference: None,
        };
        self.office.tx(|tx| make(tx, &self.office.caller, account, new))
    }

    fn contract(&self, id: ContractId) -> Contract {
        self.office.app.contract(&self.office.caller, id).unwrap()
    }

    fn balances(&self, account: AccountId) -> (i64, i64) {
        let account = self.office.app.balance(&self.office.caller, account).unwrap().account;
        (account.current_minor.minor(), account.payoff_minor.minor())
    }

    fn bill(&self, window: WindowId) {
        let run = self.run(window);
        let test = self.test(run);
        assert_eq!(self.accept(run, test), items(&[(ItemState::Accepted, 1)]));
    }
}

fn loan() -> Terms {
    Terms::Loan {
        principal: cents(120_000),
        annual_percent: Decimal::from(12),
        payments: 12,
        principal_gl: GlAccountId(1),
    }
}

#[test]
fn every_kind_of_terms_is_billed_and_the_books_hold() {
    let town = town();
    let Customer { account, contract: electric, register } = town.customer("SP-1");
    town.read(register, date!(2026 - 01 - 31), 1100);
    let caller = &town.office.caller;
    town.adjust(account, 5_000);
    let arranged = town.arrange(account, town.kind(SegmentMethod::Instalment), 4_000).unwrap();
    assert_eq!(town.balances(account), (1_000, 5_000), "owed as before, asked less");
    let sub = town.kind(SegmentMethod::SubContract);
    let sub = NewContract { schedule: Some(town.schedule), master: Some(electric), ..town.plain(sub, None) };
    let sub = town.start(account, sub).contract_id();
    let deposit = Terms::Deposit { required: cents(5_000), per_bill: cents(3_000) };
    let deposit = town.plain(town.kind(SegmentMethod::Deposit), Some(deposit));
    let deposit = town.start(account, deposit).contract_id();
    let loan = town.start(account, town.plain(town.kind(SegmentMethod::Loan), Some(loan()))).contract_id();
    let level = NewBudget { level: cents(3_000), since_on: None, review_on: date!(2026 - 12 - 31) };
    let put = town.office.app.put_budget(caller, electric, 1, level).unwrap();
    assert_eq!(put.proposal, None);

    // Used 22.00, asked 30.00; as much again by the sub-contract; 30.00 of the deposit, 106.62 of the
    // loan, 25.00 of the arrangement.
    town.bill(town.january());
    // What is asked for the deposit, the arrangement and the loan's principal is no revenue.
    let months = town.office.app.dashboard(caller).unwrap().months;
    let billed: i64 = months.iter().map(|month| month.billed.minor()).sum();
    assert_eq!(billed, 2_200 + 2_200 + 1_200);
    let swept = 5_000 - 4_000;
    let asked = 3_000 + 2_200 + 3_000 + 10_662 + 2_500;
    assert_eq!(town.balances(account), (swept + asked, 5_000 + 2_200 + 2_200 + 10_662));
    town.assert_verified();
    assert_eq!(town.contract(electric).progress_minor, cents(-800), "asked ahead");
    assert_eq!(town.contract(loan).progress_minor, cents(10_662 - 1_200));
    let seen = town.office.app.budget(caller, electric).unwrap();
    let proposal = seen.proposal.unwrap();
    assert_eq!((proposal.level, proposal.segments), (cents(2_200), 1), "by what was used");

    // The budget ends: what was asked ahead comes off. The deposit and the arrangement end themselves.
    town.office.app.end_budget(caller, electric, seen.contract.version).unwrap();
    town.office.execute("UPDATE business_clock SET moved_to = '2026-03-03T12:00Z'");
    town.read(register, date!(2026 - 02 - 28), 1200);
    town.bill(town.window(date!(2026 - 02 - 01), date!(2026 - 02 - 28)));
    let asked = asked + 1_400 + 2_200 + 2_000 + 10_662 + 1_500;
    assert_eq!(town.balances(account), (swept + asked, 5_000 + 2 * (2_200 + 2_200 + 10_662)));
    for (id, progress) in [(arranged.contract.contract_id(), 4_000), (deposit, 5_000)] {
        let row = town.contract(id);
        assert_eq!((row.state, row.progress_minor), (ContractState::Closed, cents(progress)));
        assert_eq!(row.ends_on, Some(date!(2026 - 02 - 28)));
    }
    assert_eq!(town.contract(sub).state, ContractState::Active);
    assert_eq!(town.contract(electric).progress_minor, Money::ZERO);
    town.assert_verified();
    let ids = [arranged.contract.contract_id(), deposit, loan];
    correct_what_terms_asked(&town, account, ids);
    // Verification sees terms that were tampered with: what they say is owed, and what interest is of.
    let tamper = |from: &str, to: &str| {
        town.office.execute(&format!(
            "UPDATE segments SET document = replace(document::text, '{from}', '{to}')::json"
        ));
    };
    tamper("\"kind\":\"deposit\"", "\"kind\":\"principal\"");
    tamper("\"balance\":120000", "\"balance\":130000");
    let report = app::verify::verify(town.office.app.db()).unwrap();
    assert_eq!(report.invariants["I6"].violated, 5, "{:?}", report.invariants["I6"]);
}

/// Opened again, billed again and cancelled, what terms asked in February is neither lost nor asked twice.
fn correct_what_terms_asked(town: &Town, account: AccountId, ids: [ContractId; 3]) {
    let (app, me) = (&town.office.app, &town.office.caller);
    let latest = || {
        let bill = app.bills_of_account(me, account, None, 9).unwrap().items.remove(0);
        (BillId::new(account, bill.id), bill)
    };
    let progress = || ids.map(|id| town.contract(id).progress_minor.minor());
    let (id, bill) = latest();
    let (balances, before) = (town.balances(account), progress());
    town.office.tx(|tx| corrections::reopen(tx, me, id, Some(bill.version), "looked at")).unwrap();
    let reason = "as it was";
    let done =
        town.office.tx(|tx| corrections::complete(tx, me, id, Some(bill.version + 1), reason, None)).unwrap();
    assert_eq!((done.cancelled.len(), done.made.len()), (0, 0), "{done:?}");
    assert_eq!((town.balances(account), progress()), (balances, before));
    town.assert_verified();

    let own = |bill: BillId| {
        let view = app.bill(me, bill).unwrap();
        let is_own = |row: &&store::bills::Segment| ids.iter().any(|id| id.n == row.contract_id);
        let rows: Vec<_> = view.segments.iter().map(|(row, _)| row).filter(is_own).cloned().collect();
        rows.iter().map(|row| SegmentId::new(account, row.id)).collect::<Vec<_>>()
    };
    let scope = |segments| Scope { segments: Some(segments), ..Scope::default() };
    let again = town.office.tx(|tx| corrections::rebill(tx, me, id, &scope(own(id)), "once more")).unwrap();
    assert_eq!((again.made.len(), again.net().unwrap()), (3, Money::ZERO));
    assert_eq!((town.balances(account), progress()), (balances, before));
    town.assert_verified();
    let made = again.made.iter().map(|row| SegmentId::new(account, row.id)).collect::<Vec<_>>();
    let given =
        town.office.app.db().tx(|tx| corrections::credit_note(tx, me, id, &scope(made.clone()), "no"));
    assert_eq!(pointers(&refused(given)), ["/segment_ids"]);

    // Cancelled with their days, they are asked by the next bill: those that had ended themselves go on.
    town.office.tx(|tx| corrections::cancel(tx, me, id, &scope(made), true, "too early")).unwrap();
    assert_eq!(progress(), [2_500, 3_000, 10_662 - 1_200]);
    assert!(ids.iter().all(|id| town.contract(*id).state == ContractState::Active));
    town.assert_verified();
    town.office.execute("UPDATE business_clock SET moved_to = '2026-04-03T12:00Z'");
    let register = RegisterId::new(
        ServicePointId(town.office.number("SELECT min(service_point_id) AS n FROM service_points")),
        town.office.number("SELECT min(id) AS n FROM registers"),
    );
    town.read(register, date!(2026 - 03 - 31), 1200);
    town.bill(town.window(date!(2026 - 03 - 01), date!(2026 - 03 - 31)));
    assert_eq!(progress(), before);
    assert_eq!(ids.map(|id| town.contract(id).state)[..2], [ContractState::Closed; 2]);
    town.assert_verified();
}

#[test]
fn a_chain_of_masters_stays_within_an_account_and_ends() {
    let town = town();
    let (ana, ben) = (town.customer("SP-1"), town.customer("SP-2"));
    let sub = town.plain(town.kind(SegmentMethod::SubContract), None);
    let sub = NewContract { schedule: Some(town.schedule), ..sub };
    let at = |master| {
        let problem = refused(town.try_start(ana.account, NewContract { master, ..sub.clone() }));
        assert_eq!(pointers(&problem), ["/master_contract_id"]);
        problem.errors[0].code
    };
    assert_eq!(at(None), Code::FieldRequired);
    assert_eq!(at(Some(ben.contract)), Code::UnknownReference);
    assert_eq!(at(Some(ContractId::new(ana.account, 1))), Code::UnknownReference);
    let first = town.start(ana.account, NewContract { master: Some(ana.contract), ..sub.clone() });
    let second = town.start(ana.account, NewContract { master: Some(first.contract_id()), ..sub.clone() });
    let (app, caller) = (&town.office.app, &town.office.caller);
    let change = |id, master| {
        let changes = ContractChanges { master: Some(master), ..ContractChanges::default() };
        app.change_contract(caller, id, 1, changes)
    };
    for (id, master) in [
        (ana.contract, Some(second.contract_id())),
        (first.contract_id(), Some(second.contract_id())),
        (first.contract_id(), Some(first.contract_id())),
        (second.contract_id(), None),
    ] {
        assert_eq!(pointers(&refused(change(id, master))), ["/master_contract_id"]);
    }
    let moved = change(second.contract_id(), Some(ana.contract)).unwrap();
    assert_eq!(moved.master_contract_id, Some(ana.contract.n));
    // The master is not read: the sub-contracts are blocked by it, and the account is in error once.
    town.read(ben.register, date!(2026 - 01 - 31), 1100);
    let run = town.run(town.january());
    let test = town.test(run);
    let outcomes: BTreeMap<_, _> = town.view(run).items.into_iter().collect();
    assert_eq!(outcomes, items(&[(ItemState::Drafted, 1), (ItemState::Error, 1)]));
    assert_eq!(town.accept(run, test)[&ItemState::Accepted], 1);
    town.assert_verified();
}

#[test]
fn terms_that_do_not_fit_are_refused() {
    let town = town();
    let ana = town.customer("SP-1");
    let (app, caller) = (&town.office.app, &town.office.caller);
    let instalments = town.kind(SegmentMethod::Instalment);
    let lending = town.kind(SegmentMethod::Loan);
    let at = |new: NewContract| {
        let problem = refused(town.try_start(ana.account, new));
        pointers(&problem).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let deposit = Terms::Deposit { required: cents(100), per_bill: cents(100) };
    assert_eq!(at(town.plain(instalments, Some(deposit.clone()))), ["/contract_type_id"]);
    assert_eq!(at(town.plain(lending, None)), ["/terms"]);
    assert_eq!(at(town.plain(lending, Some(deposit))), ["/terms"]);
    let Terms::Loan { principal, payments, principal_gl, .. } = loan() else { unreachable!() };
    let usury = Terms::Loan { principal, annual_percent: Decimal::from(101), payments, principal_gl };
    assert_eq!(at(town.plain(lending, Some(usury))), ["/terms/annual_percent"]);
    let (annual_percent, principal_gl) = (Decimal::ONE, GlAccountId(99));
    let nowhere = Terms::Loan { principal, annual_percent, payments, principal_gl };
    assert_eq!(at(town.plain(lending, Some(nowhere))), ["/terms/principal_gl_account_id"]);

    // An arrangement of no more than is asked; its adjustment and contract stand for each other.
    assert_eq!(pointers(&refused(town.arrange(ana.account, instalments, 4_000))), ["/amount"]);
    town.adjust(ana.account, 5_000);
    assert_eq!(pointers(&refused(town.arrange(ana.account, lending, 4_000))), ["/contract_type_id"]);
    let arranged = town.arrange(ana.account, instalments, 4_000).unwrap();
    let adjustment = AdjustmentId::new(ana.account, arranged.adjustment.id);
    let cancelled = town.office.tx(|tx| app::adjustments::cancel(tx, caller, adjustment, 1, "no"));
    assert_eq!(refused(cancelled).code, Code::WrongState);
    let id = arranged.contract.contract_id();
    let cancelled = app.cancel_contract(caller, id, 1, "no".to_owned());
    assert_eq!(refused(cancelled).code, Code::WrongState);
    town.assert_verified();

    // A budget is a metered contract's, and reviewed on a day to come.
    let level = |minor, review_on| NewBudget { level: cents(minor), since_on: None, review_on };
    let put = |id, budget| app.put_budget(caller, id, 1, budget);
    assert_eq!(refused(put(id, level(100, date!(2026 - 06 - 30)))).code, Code::WrongState);
    assert_eq!(pointers(&refused(put(ana.contract, level(0, date!(2026 - 06 - 30))))), ["/level"]);
    assert_eq!(pointers(&refused(put(ana.contract, level(1, date!(2026 - 01 - 01))))), ["/review_on"]);

    // What is never billed has no final segment to wait for.
    let aside = town.start(ana.account, town.plain(town.kind(SegmentMethod::NotBillable), None));
    let stopped = app.stop_contract(caller, aside.contract_id(), 1, date!(2026 - 01 - 31), None).unwrap();
    assert_eq!(stopped.state, ContractState::Closed);
    // A type's own days suit no meter.
    for end_date in [EndDateMethod::Anniversary, EndDateMethod::AsOfDate] {
        let changes = ContractTypeChanges { end_date: Some(end_date), ..ContractTypeChanges::default() };
        let changed = app.change_contract_type(caller, town.electric, 1, changes.clone());
        assert_eq!(pointers(&refused(changed)), ["/end_date"]);
        let version = app.contract_type(lending).unwrap().version;
        app.change_contract_type(caller, lending, version, changes).unwrap();
    }
}

#[test]
fn what_is_charged_by_a_masters_days_is_given_back_with_them() {
    let town = town();
    let ana = town.customer("SP-1");
    town.read(ana.register, date!(2026 - 01 - 31), 1150);
    let sub = town.kind(SegmentMethod::SubContract);
    let sub =
        NewContract { schedule: Some(town.schedule), master: Some(ana.contract), ..town.plain(sub, None) };
    let sub = town.start(ana.account, sub).contract_id();
    town.bill(town.january());
    let (app, me) = (&town.office.app, &town.office.caller);
    let bill = app.bills_of_account(me, ana.account, None, 9).unwrap().items.remove(0);
    let id = BillId::new(bill.account_id, bill.id);
    let owed = town.balances(ana.account);
    assert_eq!(owed.0, 2 * 2_700);
    let segment = |contract: ContractId| {
        let of = format!("SELECT id AS n FROM segments WHERE contract_id = {}", contract.n);
        Some(vec![SegmentId::new(ana.account, town.office.number(&of))])
    };
    let give_back = |contract, kind| {
        let scope = Scope { segments: segment(contract), ..Scope::default() };
        let made = app.db().tx(|tx| {
            let made = match kind {
                CorrectionKind::CreditNote => corrections::credit_note(tx, me, id, &scope, "vacant")?,
                _ => corrections::cancel(tx, me, id, &scope, false, "vacant")?,
            };
            // Looked at, and taken back.
            Err::<(), _>(app::Error::Fault(made.cancelled.len().to_string()))
        });
        made.unwrap_err().to_string()
    };
    for kind in [CorrectionKind::CreditNote, CorrectionKind::Cancel] {
        assert!(give_back(ana.contract, kind).contains('2'), "the master takes its sub-contract with it");
        assert!(give_back(sub, kind).contains('1'), "the sub-contract leaves its master");
    }
    let whole = Scope { segments: segment(ana.contract), ..Scope::default() };
    town.office.tx(|tx| corrections::cancel(tx, me, id, &whole, false, "vacant")).unwrap();
    assert_eq!(town.balances(ana.account), (0, 0));
    town.assert_verified();
}

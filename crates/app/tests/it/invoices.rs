//! From posted bills to documents in folders and mail that went.

use access::{Actor, Principal, SiteScope};
use app::deliveries::ToApprove;
use app::invoice_runs::Scope;
use app::keys::Keys;
use app::ports::{NotRendered, Pdf, PooledRenderer, Renderer};
use app::{App, Caller, Error, Parts};
use billing::{Calculation, DOCUMENT_VERSION, PostalAddress, Routing};
use connectors::documents::ObjectDocuments;
use connectors::mail::FolderMailer;
use connectors::rendering::{RenderPool, RenderSettings};
use invoicing::Invoice;
use notifications::{Mailer, OutgoingMail, SendOutcome};
use rating::{InForce, Quantity, QuantityKey, RateVersion, RatingInput};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use store::Db;
use store::deliveries::DeliveryFilter;
use tempfile::TempDir;
use testkit::TestDatabase;
use time::OffsetDateTime;
use time::macros::date;
use vocab::*;

pub const WINDOW: WindowId = WindowId(7);
/// One reads English and e-mail, two Spanish and both, three English and letters; four lives at
/// another site.
const ACCOUNTS: [i64; 4] = [1, 2, 3, 4];

pub struct House {
    database: TestDatabase,
    pub app: App,
    folder: TempDir,
}

fn program() -> PathBuf {
    if let Some(path) = std::env::var_os("PENSTOCK_RENDER") {
        return path.into();
    }
    let test = std::env::current_exe().unwrap();
    let path = test.parent().and_then(Path::parent).unwrap().join("penstock-render");
    assert!(path.exists(), "{} is missing: build it with `cargo build -p render`", path.display());
    path
}

fn real_renderer() -> PooledRenderer {
    let mut settings = RenderSettings::new(program(), 2);
    // A debug build on a busy machine.
    settings.time_limit = Duration::from_secs(120);
    PooledRenderer::new(RenderPool::new(settings), 2)
}

/// Writes what an invoice says as text; refuses one account's.
pub struct Words {
    pub refused: Option<AccountNumber>,
}

impl Renderer for Words {
    fn render(
        &self,
        invoice: &Invoice,
        language: &Language,
        second: Option<&Language>,
        _: OffsetDateTime,
    ) -> Result<Pdf, NotRendered> {
        if self.refused == Some(invoice.account_number) {
            return Err(NotRendered::Document("no such font; at all".to_owned()));
        }
        let data = invoicing::template_data(invoice, language, second)
            .map_err(|error| NotRendered::Document(error.to_string()))?;
        Ok(Pdf { bytes: serde_json::to_vec(&data).unwrap(), pages: 1 })
    }

    fn at_once(&self) -> usize {
        3
    }
}

/// Answers each address in its own way.
struct Fickle;

impl Mailer for Fickle {
    fn send(&self, mail: &OutgoingMail) -> SendOutcome {
        match mail.to.address.local() {
            "one" => SendOutcome::Sent { response: "250".to_owned() },
            "two" => SendOutcome::Refused { permanent: true, reason: "550 no such user".to_owned() },
            _ => SendOutcome::Unknown { why: "time-out".to_owned() },
        }
    }
}

/// Cannot be reached until it is there.
#[derive(Default)]
struct Outage {
    is_there: AtomicBool,
    tries: AtomicUsize,
}

impl Mailer for Outage {
    fn send(&self, _: &OutgoingMail) -> SendOutcome {
        self.tries.fetch_add(1, Ordering::Relaxed);
        if self.is_there.load(Ordering::Relaxed) {
            SendOutcome::Sent { response: "250".to_owned() }
        } else {
            SendOutcome::Away { why: "connection refused".to_owned() }
        }
    }
}

pub fn number(account: i64) -> AccountNumber {
    AccountNumber::from_random(account.unsigned_abs())
}

pub fn house(renderer: Arc<dyn Renderer>, mailer: impl FnOnce(&Path) -> Arc<dyn Mailer>) -> House {
    let database = TestDatabase::create().unwrap();
    database.lay_ground().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let keys = Keys::load_or_create(&folder.path().join("keys")).unwrap();
    let documents = ObjectDocuments::in_folder(&folder.path().join("documents")).unwrap();
    let db = Db::connect(database.url(), 6).unwrap();
    let mailer = mailer(&folder.path().join("mail"));
    let parts = Parts::new(db, keys).rendering(renderer).keeping(Arc::new(documents)).mailing(mailer);
    let house = House { database, app: App::new(parts), folder };
    house.seed();
    house
}

pub fn folder_mailer(path: &Path) -> Arc<dyn Mailer> {
    Arc::new(FolderMailer::new(path).unwrap())
}

pub fn manager(sites: SiteScope) -> Caller {
    let actor = Actor::User(UserId(9));
    Caller { principal: Principal { actor, role: Role::Manager, sites, session: None }, request_id: None }
}

pub fn everyone() -> Caller {
    manager(SiteScope::All)
}

/// 100 kWh at 0.10 and 12.00 flat, 6 % tax: 23.32.
fn calculation(first_on: time::Date, last_on: time::Date, used: i64) -> Calculation {
    let tariff = r#"{"effective_on":"2025-01-01","rules":[
      {"id":"customer","label":{"en":"Customer charge","es":"Cargo fijo"},"charge":{"kind":"flat","amount":"12.00"}},
      {"id":"energy","label":{"en":"Energy, {quantity} {unit}","es":"Energía, {quantity} {unit}"},
       "charge":{"kind":"unit","quantity":{"unit":"kwh"},"price":"0.10"}},
      {"id":"tax","label":{"en":"Tax {price} %","es":"Impuesto {price} %"},"charge":{"kind":"tax","tax":"state","percent":"6","of":"all"}}]}"#;
    let version = RateVersion::parse(tariff, &Currency::USD).unwrap();
    let versions = [InForce { id: RateVersionId(1), version: &version }];
    let quantities = [Quantity { key: QuantityKey::usage(Unit::Kwh), value: Decimal::from(used) }];
    let period = Period::new(first_on, last_on).unwrap();
    let rated = rating::rate(&RatingInput {
        quantities: &quantities,
        ..RatingInput::new(RateScheduleId(1), period, Frequency::Monthly, &versions, Currency::USD)
    })
    .unwrap();
    let read = metering::ReadUsed {
        register: RegisterId::new(ServicePointId(1), 1),
        serial: "M-1".to_owned(),
        unit: Unit::Kwh,
        tou_bucket: None,
        quantity_name: None,
        start_on: first_on.previous_day().unwrap(),
        start_value: Some(Decimal::from(1000)),
        start_quality: Some(ReadQuality::Actual),
        end_on: last_on,
        end_value: Decimal::from(1000 + used),
        end_quality: ReadQuality::Actual,
        rolled_over: false,
        multiplier: Decimal::ONE,
        quantity: Decimal::from(used),
    };
    let (derived, lines) = rated.into_document().into_parts();
    Calculation {
        v: DOCUMENT_VERSION,
        rated: None,
        reads: vec![read],
        estimates: Vec::new(),
        given: Vec::new(),
        derived,
        lines,
        charges: Vec::new(),
        terms: Vec::new(),
    }
}

fn routings(account: i64) -> Vec<Routing> {
    let postal = PostalAddress {
        addressee: "Ana García".to_owned(),
        line1: "12 Mill Lane".to_owned(),
        line2: None,
        city: "Penstock".to_owned(),
        region: "CO".to_owned(),
        postcode: "80401".to_owned(),
        country: "US".to_owned(),
    };
    let language: Language = if account == 2 { "es" } else { "en" }.parse().unwrap();
    let blank = Routing {
        person: PersonId(account),
        name: "Ana García".to_owned(),
        language,
        channel: Channel::Email,
        email: None,
        postal: None,
    };
    let names = ["nobody", "one", "two", "three", "four"];
    let name = names[usize::try_from(account).unwrap()];
    let email = Routing { email: Some(format!("{name}@example.org")), ..blank.clone() };
    let letter = Routing { channel: Channel::Postal, postal: Some(postal), ..blank };
    match account {
        2 => vec![email, letter],
        3 => vec![letter],
        _ => vec![email],
    }
}

fn quoted(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap().replace('\'', "''")
}

impl House {
    /// Four accounts with January, and with February as the window to invoice: January's 17.49
    /// was paid but for 5.00, a fee of 1.11 came.
    fn seed(&self) {
        self.sql(
            "INSERT INTO cycle_windows (id, cycle_id, starts_on, ends_on, accounting_on, bill_on, state, version) \
               VALUES (7, 1, '2026-02-01', '2026-02-28', '2026-02-28', '2026-03-02', 'open', 1); \
             INSERT INTO contract_types (id, code, name, commodity, method, end_date, sequence, minimum_days, \
               receivable_gl_id, revenue_gl_id, version) \
               VALUES (1, 'E', 'Electric service', 'electricity', 'metered', 'meter_read', 10, 0, 1, 4, 1); \
             INSERT INTO rate_schedules (id, code, name, commodity, months, version) \
               VALUES (1, 'R', 'Residential', 'electricity', 1, 1); \
             INSERT INTO service_locations (id, site_id, line1, city, region, postcode, country, version) \
               VALUES (1, 1, '12 Mill Lane', 'Penstock', 'CO', '80401', 'US', 1);",
        );
        let january = calculation(date!(2026 - 01 - 01), date!(2026 - 01 - 31), 45);
        let february = calculation(date!(2026 - 02 - 01), date!(2026 - 02 - 28), 100);
        assert_eq!(january.total().unwrap(), Money::from_minor(1749));
        assert_eq!(february.total().unwrap(), Money::from_minor(2332));
        for account in ACCOUNTS {
            self.seed_account(account, &january, &february);
        }
    }

    fn seed_account(&self, id: i64, january: &Calculation, february: &Calculation) {
        let (site, number) = (if id == 4 { 2 } else { 1 }, number(id).as_i64());
        let (routings, old, new) = (quoted(&routings(id)), quoted(january), quoted(february));
        self.sql(&format!(
            "INSERT INTO accounts (account_id, number, cycle_id, site_id, class_code, language, delivery, state, \
               opened_on, current_minor, payoff_minor, last_bill_id, last_bill_ending_minor, autopay_failures, version) \
               VALUES ({id}, {number}, 1, {site}, 'residential', 'en', 'email', 'active', '2025-01-01', 2943, 2943, \
                       20, 2943, 0, 1); \
             INSERT INTO contracts (account_id, id, contract_type_id, schedule_id, location_id, starts_on, state, items, \
               characteristics, segments, version) \
               VALUES ({id}, 1, 1, 1, 1, '2025-01-01', 'active', '[]', '[]', 2, 1); \
             INSERT INTO bills VALUES ({id}, 10, {id} * 100 + 1, NULL, NULL, NULL, 'complete', '2026-01-31', '2026-02-20', \
               '2026-01-01', '2026-01-31', 0, 0, 1749, 1749, '{routings}', '2026-02-01T12:00Z', 1); \
             INSERT INTO bills VALUES ({id}, 20, {id} * 100 + 2, 7, 70, 10, 'complete', '2026-03-02', '2026-03-23', \
               '2026-02-01', '2026-02-28', 1749, -1138, 2332, 2943, '{routings}', '2026-03-02T12:00Z', 1); \
             INSERT INTO bill_directory VALUES ({id} * 100 + 1, {id}, 10), ({id} * 100 + 2, {id}, 20); \
             INSERT INTO segments VALUES ({id}, 11, 10, 1, 1, 'frozen', '2026-01-01', '2026-01-31', 1749, true, '{old}'); \
             INSERT INTO segments VALUES ({id}, 21, 20, 1, 1, 'frozen', '2026-02-01', '2026-02-28', 2332, false, '{new}'); \
             INSERT INTO adjustments VALUES ({id}, 31, 1, 'posted', 111, '2026-02-25', 'late', NULL, 'user', \
               '2026-02-25T12:00Z', 1); \
             INSERT INTO fts VALUES ({id}, 12, 'segment', 11, 10, 1749, 1749, '2026-01-31', '2026-01-31', '2026-02-20', \
               '2026-02-01T12:00Z', '{{}}', '{{}}'); \
             INSERT INTO fts VALUES ({id}, 22, 'segment', 21, 20, 2332, 2332, '2026-02-28', '2026-03-02', '2026-03-23', \
               '2026-03-02T12:00Z', '{{}}', '{{}}'); \
             INSERT INTO fts VALUES ({id}, 32, 'adjustment', 31, NULL, 111, 111, '2026-02-25', '2026-02-25', NULL, \
               '2026-02-25T12:00Z', '{{}}', '{{}}'); \
             INSERT INTO fts VALUES ({id}, 33, 'payment', 1, NULL, -1249, -1249, '2026-02-18', '2026-02-18', NULL, \
               '2026-02-18T12:00Z', '{{}}', '{{}}'); \
             INSERT INTO allocations VALUES ({id}, 41, 33, 12, 1249, NULL); \
             INSERT INTO swept_fts VALUES ({id}, 32, 20), ({id}, 33, 20);"
        ));
    }

    pub fn sql(&self, statements: &str) {
        self.database.execute(statements).unwrap();
    }

    pub fn number(&self, query: &str) -> i64 {
        self.database.number(query).unwrap()
    }

    pub fn start(&self, caller: &Caller) -> Result<app::invoice_runs::InvoiceRunView, Error> {
        self.app.db().tx(|tx| app::invoice_runs::start(tx, caller, WINDOW, None))
    }

    pub fn rendered(&self, caller: &Caller) -> app::invoice_runs::InvoiceRunView {
        let run = self.start(caller).unwrap().run;
        self.app.work_until_idle().unwrap();
        self.app.invoice_run(caller, run.id).unwrap()
    }

    fn deliveries(&self, state: DeliveryState) -> Vec<store::deliveries::Delivery> {
        let filter = DeliveryFilter { state: Some(state), ..DeliveryFilter::default() };
        let page = self.app.deliveries(&everyone(), filter, None, 100).unwrap();
        page.items.into_iter().map(|row| row.delivery).collect()
    }

    fn approve(&self, what: ToApprove) -> Vec<app::deliveries::Approved> {
        self.app.db().tx(|tx| app::deliveries::approve(tx, &everyone(), what)).unwrap()
    }

    fn send(&self) -> Result<(), Error> {
        self.app.db().tx(|tx| app::deliveries::send(tx, &everyone(), None))?;
        self.app.work_until_idle()
    }
}

pub fn code(error: &Error) -> Code {
    error.problem().code
}

/// The text of a PDF as poppler reads it.
fn text(pdf: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bill.pdf");
    std::fs::write(&path, pdf).unwrap();
    let out = std::process::Command::new("pdftotext").arg("-layout").arg(&path).arg("-").output();
    let out = out.expect("pdftotext is missing: install it with `apt-get install poppler-utils`");
    assert!(out.status.success());
    String::from_utf8(out.stdout).unwrap()
}

#[test]
fn accepted_bills_become_documents_deliveries_and_mail() {
    let house = house(Arc::new(real_renderer()), folder_mailer);
    let run = house.rendered(&everyone());
    assert_eq!((run.counts.email, run.counts.postal), (3, 2));
    assert_eq!((run.operation.operation.state, run.errors.len()), (OperationState::Done, 0));
    assert_eq!(code(&house.start(&everyone()).unwrap_err()), Code::EmptyScope, "nothing is made twice");

    let bill = BillId::new(AccountId(2), 20);
    let invoices = house.app.invoices_of_bill(&everyone(), bill).unwrap();
    assert_eq!(invoices.len(), 2);
    let (name, pdf) =
        house.app.invoice_pdf(&everyone(), InvoiceId::new(AccountId(2), invoices[0].id)).unwrap();
    assert_eq!(name, format!("{}-202.pdf", number(2)));
    let shown = text(&pdf);
    for words in ["29,43", "Cargo fijo", "Energía, 100 kWh", "12 Mill Lane", "Fee", "M-1"] {
        assert!(shown.contains(words), "{words} is missing in\n{shown}");
    }

    let approved = house.approve(ToApprove::Run(run.run.id, None));
    assert_eq!(approved.len(), 5);
    house.send().unwrap();
    let mails = FolderMailer::new(house.folder.path().join("mail")).unwrap().list().unwrap();
    assert_eq!(mails.len(), 3);
    let mail = std::fs::read_to_string(&mails[0]).unwrap();
    assert!(mail.contains("application/pdf") && mail.contains("office@millcreek.example"), "{mail}");
    assert_eq!(house.deliveries(DeliveryState::Sent).len(), 3);
    assert_eq!(code(&house.send().unwrap_err()), Code::EmptyScope, "nothing is sent twice");

    let handed =
        |house: &House| house.app.db().tx(|tx| app::invoice_runs::hand_over(tx, &everyone(), run.run.id));
    assert_eq!(handed(&house).unwrap().sent, 2);
    assert_eq!(code(&handed(&house).unwrap_err()), Code::WrongState);
}

#[test]
fn an_invoice_says_what_the_bill_says() {
    let house = house(Arc::new(Words { refused: None }), folder_mailer);
    let documents = house.app.db().tx(|tx| {
        let utility = app::Utility::load(tx)?;
        let bills = store::bills::of_window(tx, WINDOW, &ACCOUNTS.map(AccountId))?;
        app::invoice_model::of_bills(tx, &utility, house.app.keys(), bills)
    });
    let documents = documents.unwrap();
    assert_eq!(documents.len(), 4);
    let invoice = &documents[0].copies[0].invoice;
    assert_eq!(invoice.check(), Ok(()));
    let summary = &invoice.summary;
    assert_eq!(summary.previous_balance, Money::from_minor(1749));
    assert_eq!(summary.balance_forward, Money::from_minor(611));
    assert_eq!(summary.total_due, Money::from_minor(2943));
    assert_eq!((summary.payments.len(), summary.adjustments.len(), summary.corrections.len()), (1, 1, 0));
    let overdue = invoice.past_due.as_ref().unwrap();
    assert_eq!((overdue.amount, overdue.since_on), (Money::from_minor(500), date!(2026 - 02 - 20)));
    let service = &invoice.services[0];
    assert_eq!(
        service.usage.iter().map(|month| month.quantity).collect::<Vec<_>>(),
        [Decimal::from(45), Decimal::from(100)]
    );
    assert!(service.usage[0].estimated && !service.usage[1].estimated);
    assert_eq!(service.reads[0].current.as_ref().unwrap().value, Decimal::from(1100));
    assert!(invoice.pay_link.as_ref().unwrap().starts_with("https://millcreek.example/pay?account="));

    // The bill before, rendered again, knows nothing of this one.
    let documents = house.app.db().tx(|tx| {
        let utility = app::Utility::load(tx)?;
        let bills = store::bills::load(tx, &[(AccountId(1), 10)])?;
        app::invoice_model::of_bills(tx, &utility, house.app.keys(), bills)
    });
    let invoice = &documents.unwrap()[0].copies[0].invoice;
    assert_eq!((invoice.services[0].usage.len(), invoice.past_due.is_none()), (1, true));
}

#[test]
fn a_document_that_cannot_be_made_stops_only_its_account() {
    let house = house(Arc::new(Words { refused: Some(number(2)) }), folder_mailer);
    let run = house.rendered(&everyone());
    assert_eq!((run.counts.email, run.counts.postal), (2, 1));
    assert_eq!(run.errors, [format!("{} render_failed: no such font, at all", AccountId(2))]);
    let progress = run.operation.progress;
    assert_eq!((progress.done, progress.failed), (3, 1));
    assert!(house.app.invoices_of_bill(&everyone(), BillId::new(AccountId(2), 20)).unwrap().is_empty());
    // It stays to be done.
    assert_eq!(house.start(&everyone()).unwrap().operation.operation.total, 1);
}

#[test]
fn chosen_bills_get_their_invoices_whatever_window_they_are_of() {
    let house = house(Arc::new(Words { refused: None }), folder_mailer);
    let bill = |account: i64, n| BillId::new(AccountId(account), n);
    let choose = |caller: &Caller, bills: &[BillId]| {
        house.app.db().tx(|tx| app::invoice_runs::start_chosen(tx, caller, bills))
    };
    let lacking = |invoiced| {
        let filter = store::bills::BillFilter { invoiced: Some(invoiced), ..Default::default() };
        let page = house.app.bills(&everyone(), filter, None, 100).unwrap();
        page.items.into_iter().map(|row| BillId::new(row.account_id, row.id)).collect::<Vec<_>>()
    };
    assert_eq!((lacking(false).len(), lacking(true).len()), (8, 0));
    // Two off-cycle bills and one of the window, twice named.
    let chosen = [bill(1, 10), bill(2, 10), bill(2, 20), bill(2, 20)];
    let run = choose(&everyone(), &chosen).unwrap();
    assert_eq!((run.run.window_id, run.operation.operation.total), (None, 2));
    house.app.work_until_idle().unwrap();
    let run = house.app.invoice_run(&everyone(), run.run.id).unwrap();
    assert_eq!((run.operation.operation.state, run.errors.len()), (OperationState::Done, 0));
    assert_eq!(run.counts.email + run.counts.postal, 5);
    assert_eq!((lacking(false).len(), lacking(true)), (5, vec![bill(2, 20), bill(2, 10), bill(1, 10)]));

    // What has its invoices is passed over, and the window's own run goes on with the rest.
    let next = choose(&everyone(), &[bill(1, 10), bill(3, 10)]).unwrap();
    assert_eq!(next.passed_over, [bill(1, 10)]);
    house.app.work_until_idle().unwrap();
    assert_eq!(code(&choose(&everyone(), &chosen).unwrap_err()), Code::EmptyScope);
    assert_eq!(house.rendered(&everyone()).operation.operation.total, 3);

    let south = manager([SiteId(2)].into_iter().collect());
    let hidden = choose(&south, &[bill(4, 10), bill(1, 10)]).unwrap_err().problem();
    assert_eq!(
        (hidden.errors[0].pointer.as_str(), hidden.errors[0].code),
        ("/bill_ids/1", Code::UnknownReference)
    );
    house.sql("UPDATE bills SET state = 'pending' WHERE account_id = 4 AND id = 10");
    let open = choose(&everyone(), &[bill(4, 10)]).unwrap_err().problem();
    assert_eq!(open.errors[0].code, Code::WrongState);
}

#[test]
fn a_manager_of_one_site_touches_nothing_of_another() {
    let house = house(Arc::new(Words { refused: None }), folder_mailer);
    let south = manager([SiteId(2)].into_iter().collect());
    let run = house.rendered(&south);
    assert_eq!((run.counts.email, run.counts.postal), (1, 0));
    let all = house.app.deliveries(&south, DeliveryFilter::default(), None, 100).unwrap();
    assert_eq!(all.items.iter().map(|row| row.delivery.account_id).collect::<Vec<_>>(), [AccountId(4)]);
    let foreign = house.app.bill(&south, BillId::new(AccountId(1), 20)).unwrap_err();
    assert_eq!(code(&foreign), Code::NotFound);
    assert_eq!(code(&house.app.bill_by_number(&south, 102).unwrap_err()), Code::NotFound);
    assert_eq!(house.app.bill_by_number(&everyone(), 102).unwrap().id, 20);

    let rest = house.rendered(&everyone());
    assert_eq!((rest.counts.email, rest.counts.postal), (2, 2));
    let waiting = house.deliveries(DeliveryState::AwaitingApproval);
    let ids = waiting.iter().map(|row| DeliveryId::new(row.account_id, row.id)).collect();
    let results = house.app.db().tx(|tx| app::deliveries::approve(tx, &south, ToApprove::Ids(ids))).unwrap();
    let approved: Vec<_> =
        results.iter().filter(|one| one.refused.is_none()).map(|one| one.id.owner).collect();
    assert_eq!(approved, [AccountId(4)]);
    assert!(results.iter().filter_map(|one| one.refused.as_ref()).all(|why| why.code == Code::NotFound));
}

#[test]
fn what_the_other_side_says_decides_and_a_person_sends_again() {
    let house = house(Arc::new(Words { refused: None }), |_| Arc::new(Fickle));
    let run = house.rendered(&everyone());
    assert_eq!(code(&house.send().unwrap_err()), Code::EmptyScope, "nothing goes out unasked");
    house.approve(ToApprove::Run(run.run.id, Some(Channel::Email)));
    house.send().unwrap();
    let of = |state| house.deliveries(state).iter().map(|row| row.account_id.0).collect::<Vec<_>>();
    assert_eq!(of(DeliveryState::Sent), [1]);
    assert_eq!(of(DeliveryState::Bounced), [2]);
    assert_eq!(of(DeliveryState::Failed), [4]);
    let bounced = house.deliveries(DeliveryState::Bounced).remove(0);
    assert_eq!((bounced.reason.as_deref(), bounced.attempts), (Some("550 no such user"), 1));

    let id = DeliveryId::new(bounced.account_id, bounced.id);
    let again = |version, address| house.app.resend_delivery(&everyone(), id, version, address);
    assert_eq!(code(&again(1, None).unwrap_err()), Code::EtagMismatch);
    assert_eq!(code(&again(bounced.version, Some("nowhere")).unwrap_err()), Code::Invalid);
    let resent = again(bounced.version, Some("one@example.org")).unwrap().delivery;
    assert_eq!((resent.state, resent.address.as_str()), (DeliveryState::Approved, "one@example.org"));
    house.send().unwrap();
    assert_eq!(of(DeliveryState::Sent), [1, 2]);
    assert_eq!(code(&again(resent.version + 2, None).unwrap_err()), Code::WrongState);
}

#[test]
fn a_sending_that_was_cut_off_has_failed_and_does_not_go_twice() {
    let house = house(Arc::new(Words { refused: None }), folder_mailer);
    let run = house.rendered(&everyone());
    house.approve(ToApprove::Run(run.run.id, Some(Channel::Email)));
    let filed = house.app.db().tx(|tx| app::deliveries::send(tx, &everyone(), None)).unwrap();
    // A worker marked the first as going, and died.
    house.sql(&format!(
        "UPDATE deliveries SET state = 'sending', reason = '{}' WHERE account_id = 1",
        filed.operation.id
    ));
    house.app.work_until_idle().unwrap();
    let failed = house.deliveries(DeliveryState::Failed);
    assert_eq!(failed.iter().map(|row| row.account_id).collect::<Vec<_>>(), [AccountId(1)]);
    assert_eq!(house.deliveries(DeliveryState::Sent).len(), 2);
    let mails = FolderMailer::new(house.folder.path().join("mail")).unwrap().list().unwrap();
    assert_eq!(mails.len(), 2);
}

#[test]
fn an_outage_of_the_mail_server_fails_no_delivery() {
    let mailer = Arc::new(Outage::default());
    let house = house(Arc::new(Words { refused: None }), |_| mailer.clone());
    let run = house.rendered(&everyone());
    house.approve(ToApprove::Run(run.run.id, Some(Channel::Email)));
    let filed = house.app.db().tx(|tx| app::deliveries::send(tx, &everyone(), None)).unwrap();
    let state = || house.app.operation(&everyone(), filed.operation.id).unwrap().operation.state;
    // A worker pauses after each of these.
    let pauses = (0..20).take_while(|_| house.app.work_until_idle().is_err()).count();
    assert!((1..10).contains(&pauses), "{pauses}");
    assert_eq!(state(), OperationState::Failed);
    assert_eq!(house.deliveries(DeliveryState::Approved).len(), 3);
    assert!(mailer.tries.load(Ordering::Relaxed) <= 10, "the others were not tried");

    mailer.is_there.store(true, Ordering::Relaxed);
    let resume = app::operations::Control::Resume;
    house.app.db().tx(|tx| house.app.control_operation(tx, &everyone(), filed.operation.id, resume)).unwrap();
    house.app.work_until_idle().unwrap();
    assert_eq!((state(), house.deliveries(DeliveryState::Sent).len()), (OperationState::Done, 3));
}

#[test]
fn what_a_dead_worker_left_in_the_middle_can_be_sent_again_when_nobody_else_will() {
    let house = house(Arc::new(Words { refused: None }), folder_mailer);
    let run = house.rendered(&everyone());
    house.approve(ToApprove::Run(run.run.id, Some(Channel::Email)));
    let filed = house.app.db().tx(|tx| app::deliveries::send(tx, &everyone(), None)).unwrap().operation.id;
    house.sql(&format!("UPDATE deliveries SET state = 'sending', reason = '{filed}' WHERE account_id = 1"));
    let left = house.deliveries(DeliveryState::Sending).remove(0);
    let id = DeliveryId::new(left.account_id, left.id);
    let resend = || house.app.resend_delivery(&everyone(), id, left.version, None);
    assert_eq!(code(&resend().unwrap_err()), Code::WrongState, "the work still goes on");
    let cancel = app::operations::Control::Cancel;
    house.app.db().tx(|tx| house.app.control_operation(tx, &everyone(), filed, cancel)).unwrap();
    assert_eq!(resend().unwrap().delivery.state, DeliveryState::Approved);
}

#[test]
fn the_archive_holds_every_document_in_its_folder_with_a_manifest() {
    let house = house(Arc::new(Words { refused: None }), folder_mailer);
    let run = house.rendered(&everyone()).run.id;
    let names = |scope| {
        let archive = house.app.archive_invoice_run(&everyone(), run, scope).unwrap();
        assert_eq!(archive.file.metadata().unwrap().len(), archive.bytes);
        let mut zip = zip::ZipArchive::new(archive.file).unwrap();
        let mut names: Vec<String> = zip.file_names().map(|name| name.unwrap().into_owned()).collect();
        names.sort();
        let mut csv = String::new();
        zip.by_name("manifest.csv").unwrap().read_to_string(&mut csv).unwrap();
        (names, csv)
    };
    let (whole, csv) = names(Scope::Whole);
    assert_eq!(whole.iter().filter(|name| name.starts_with("EMAIL/")).count(), 3);
    assert_eq!(whole.iter().filter(|name| name.starts_with("POSTAL/")).count(), 2);
    assert!(whole.contains(&format!("POSTAL/{}-302.pdf", number(3))));
    assert_eq!(csv.lines().count(), 6);
    // The mail house gets what is approved, and gets it once.
    assert_eq!(names(Scope::Postal).1.lines().count(), 1);
    house.approve(ToApprove::Run(run, Some(Channel::Postal)));
    house
        .sql("UPDATE deliveries SET state = 'awaiting_approval' WHERE account_id = 3 AND channel = 'postal'");
    let (letters, csv) = names(Scope::Postal);
    assert_eq!(letters.iter().filter(|name| name.starts_with("POSTAL/")).count(), 1);
    assert!(csv.contains("Ana García | 12 Mill Lane | Penstock CO 80401 | US"), "{csv}");
    house.app.db().tx(|tx| app::invoice_runs::hand_over(tx, &everyone(), run)).unwrap();
    assert_eq!(names(Scope::Postal).1.lines().count(), 1);
    assert_eq!(names(Scope::Whole).1.lines().count(), 6);
}

#[test]
fn work_on_foreign_sites_is_not_seen() {
    let house = house(Arc::new(Words { refused: None }), folder_mailer);
    let north = manager([SiteId(1)].into_iter().collect());
    let seen = |run: &app::invoice_runs::InvoiceRunView| {
        let app = &house.app;
        let (run, operation) = (run.run.id, run.operation.operation.id);
        let runs = app.invoice_runs(&north, None, None, 50).unwrap().items;
        let operations = app.operations(&north, None, None, 50).unwrap().items;
        [
            app.invoice_run(&north, run).is_ok(),
            runs.iter().any(|one| one.id == run),
            app.operation(&north, operation).is_ok(),
            app.operation_notes(&north, operation, 10).is_ok(),
            operations.iter().any(|one| one.operation.id == operation),
        ]
    };
    // The work of the north alone first, then what is left, which is the south's.
    let own = house.rendered(&north);
    assert_eq!(seen(&own), [true; 5]);
    let foreign = house.rendered(&everyone());
    assert_eq!(seen(&foreign), [false; 5]);
    let problem = house.app.operation(&north, foreign.operation.operation.id).unwrap_err();
    assert_eq!(code(&problem), Code::NotFound);
    house.app.operation(&everyone(), foreign.operation.operation.id).unwrap();
}

#[test]
fn a_bill_is_explained_in_the_readers_language() {
    let house = house(Arc::new(Words { refused: None }), folder_mailer);
    let id = BillId::new(AccountId(1), 20);
    let explained = house.app.bill_explanation(&everyone(), id, None).unwrap();
    assert_eq!(explained.language, Language::english());
    let lines = |of: &app::explanation::Explanation| -> Vec<String> {
        of.segments.iter().flat_map(|segment| &segment.lines).map(|line| line.sentence.clone()).collect()
    };
    assert_eq!(lines(&explained), ["Customer charge", "Energy, 100 kWh", "Tax 6 %"]);
    assert_eq!(explained.new_charges, Money::from_minor(2332));
    assert_eq!(explained.segments[0].sum.to_string(), "12.00 + 10.00 + 1.32 = 23.32");
    assert_eq!(explained.segments[0].reads[0].1.to_string(), "1100 − 1000 = 100");
    let spanish = house.app.bill_explanation(&everyone(), id, Some("es".parse().unwrap())).unwrap();
    assert_eq!(lines(&spanish)[1], "Energía, 100 kWh");
    let text = spanish.text();
    for said in ["Lecturas del medidor", "importe exacto: 100 × 0.10 = 10", "Saldo de esta factura"] {
        assert!(text.contains(said), "{said}: {text}");
    }
    let view = house.app.bill(&everyone(), id).unwrap();
    assert_eq!((view.segments.len(), view.swept.len(), view.routings.len()), (1, 2, 1));
}

#[test]
fn a_draft_is_shown_as_the_bill_it_would_become() {
    let house = house(Arc::new(Words { refused: None }), folder_mailer);
    let account = AccountId(1);
    let calc = calculation(date!(2026 - 03 - 01), date!(2026 - 03 - 31), 200);
    let period = Period::new(date!(2026 - 03 - 01), date!(2026 - 03 - 31)).unwrap();
    let total = calc.total().unwrap();
    let draft = serde_json::json!({
        "v": DOCUMENT_VERSION, "digest": "0".repeat(64), "state": "drafted", "total": total, "period": period,
        "segments": [{ "contract": ContractId::new(account, 1), "contract_type": ContractTypeId(1),
            "commodity": "electricity", "outcome": "billed", "period": period, "total": total, "calc": calc }],
        "flags": [], "totals": []
    });
    let draft = billing::Draft::parse(&draft.to_string()).unwrap();
    // Paid since the last bill: the draft sweeps it as completion will.
    house.sql(
        "INSERT INTO fts VALUES (1, 34, 'payment', 2, NULL, -2943, -2943, '2026-03-20', '2026-03-20', NULL, \
         '2026-03-20T12:00Z', '{}', '{}')",
    );
    let dates =
        app::invoice_model::DraftDates { bill_on: date!(2026 - 04 - 02), due_on: date!(2026 - 04 - 22) };
    let invoice = house.app.db().tx(|tx| {
        let utility = app::Utility::load(tx)?;
        let reader = &routings(1)[0];
        app::invoice_model::of_draft(tx, &utility, account, &draft, dates, reader)
    });
    let invoice = invoice.unwrap();
    assert_eq!(invoice.check(), Ok(()));
    assert!(invoice.draft && invoice.pay_link.is_none());
    let summary = &invoice.summary;
    assert_eq!((summary.previous_balance, summary.balance_forward), (Money::from_minor(2943), Money::ZERO));
    assert_eq!(summary.total_due, total);
    let used: Vec<Decimal> = invoice.services[0].usage.iter().map(|month| month.quantity).collect();
    assert_eq!(used, [45, 100, 200].map(Decimal::from));
}

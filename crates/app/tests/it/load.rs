//! A town from files: templates, planted errors in every file, loading twice.

use access::{Actor, Principal, SiteScope};
use app::load::{Count, LoadReport};
use app::{App, Caller, Parts, keys::Keys};
use connectors::documents::ObjectDocuments;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;
use testkit::TestDatabase;
use vocab::{Code, Role, UserId};

pub struct Place {
    pub database: TestDatabase,
    pub app: App,
    keys: TempDir,
}

impl Place {
    /// The ground, and the configuration that the templates name.
    pub fn new() -> Self {
        let database = TestDatabase::create().unwrap();
        database.lay_ground().unwrap();
        database
            .execute(
                "INSERT INTO bill_cycles (id, code, name, version) VALUES (2, 'monthly', 'Monthly', 1); \
                 INSERT INTO adjustment_types (id, code, name, gl_id) VALUES (2, 'opening_balance', 'Opening', 4); \
                 INSERT INTO rate_schedules (id, code, name, commodity, months, version) VALUES \
                   (1, 'W-RES', 'Water', 'water', 1, 1), (2, 'LIGHT', 'Lights', 'electricity', 1, 1); \
                 INSERT INTO contract_types (id, code, name, commodity, method, end_date, sequence, minimum_days, \
                   receivable_gl_id, revenue_gl_id, version) VALUES \
                   (1, 'water', 'Water', 'water', 'metered', 'meter_read', 1, 0, 1, 4, 1), \
                   (2, 'lighting', 'Lights', 'electricity', 'rated_item', 'calendar_period', 2, 0, 1, 4, 1), \
                   (3, 'refuse', 'Refuse', 'refuse', 'recurring', 'calendar_period', 3, 0, 1, 4, 1); \
                 UPDATE business_clock SET moved_to = '2026-03-01T12:00:00Z';",
            )
            .unwrap();
        let keys = TempDir::new().unwrap();
        let db = store::Db::connect(database.url(), 2).unwrap();
        let documents = ObjectDocuments::in_folder(&keys.path().join("documents")).unwrap();
        let parts = Parts::new(db, Keys::load_or_create(keys.path()).unwrap()).keeping(Arc::new(documents));
        let app = App::new(parts);
        Self { database, app, keys }
    }

    pub fn load(&self, directory: &Path) -> LoadReport {
        assert!(self.keys.path().exists());
        self.app.load(&admin(), directory, |_| {}).unwrap()
    }

    pub fn count(&self, table: &str) -> i64 {
        self.database.number(&format!("SELECT count(*) AS n FROM {table}")).unwrap()
    }
}

pub fn caller(role: Role) -> Caller {
    let actor = Actor::User(UserId(1));
    Caller { principal: Principal { actor, role, sites: SiteScope::All, session: None }, request_id: None }
}

pub fn admin() -> Caller {
    caller(Role::Admin)
}

/// Nothing is agreed.
const NONE: &str = ",,,,,,,,,,";

/// Files by name, each with its header and rows.
pub struct Files(BTreeMap<&'static str, String>);

impl Files {
    /// Accounts A-0 … A-(n−1), each with a metered water contract, a refuse contract, two reads
    /// and an opening balance; the first has autopay.
    pub fn town(n: usize) -> Self {
        let mut files = BTreeMap::from([
            ("sites.csv", "code,name\nEAST,East side\n".to_owned()),
            ("locations.csv", "code,site,line1,city,region,postcode,country\n".to_owned()),
            ("service_points.csv", "code,location,commodity,characteristics\n".to_owned()),
            (
                "meters.csv",
                "serial,service_point,register,unit,kind,multiplier,dials,decimals,installed_on\n".to_owned(),
            ),
            ("accounts.csv", "reference,customer,email,delivery,class,cycle,site,opened_on\n".to_owned()),
            (
                "contracts.csv",
                "account,contract_type,rate,service_point,location,starts_on,ends_on,billed_through_on,\
                 recurring_amount,recurring_label,reference,master,principal,per_bill,annual_percent,payments,\
                 principal_gl,budget_level,budget_since_on,budget_review_on\n"
                    .to_owned(),
            ),
            ("reads.csv", "meter,register,read_on,value,quality\n".to_owned()),
            ("opening_balances.csv", "account,due_on,amount\n".to_owned()),
            (
                "autopay.csv",
                "account,kind,gateway,customer_token,method_token,label,rule,days_before,maximum\n\
                 A-0,card,stripe,cus_1,pm_1,Visa 4242,due_date,,\n"
                    .to_owned(),
            ),
        ]);
        let mut add = |file: &str, row: String| {
            writeln!(files.get_mut(file).unwrap(), "{row}").unwrap();
        };
        for i in 0..n {
            add("locations.csv", format!("L-{i},EAST,{i} Mill Lane,Millbrook,CO,80000,US"));
            add("service_points.csv", format!("W-{i},L-{i},water,meter_size=5/8"));
            add("meters.csv", format!("M-{i},W-{i},1,kgal,subtractive,1,6,0,2020-01-01"));
            add(
                "accounts.csv",
                format!(
                    "A-{i},\"Ortiz, Ana {i}\",ana{i}@example.org,email,residential,monthly,EAST,2020-01-01"
                ),
            );
            add("contracts.csv", format!("A-{i},water,W-RES,W-{i},,2020-01-01,,2026-01-31,,{NONE}"));
            add("contracts.csv", format!("A-{i},refuse,,,L-{i},2020-01-01,,2026-01-31,18.50,Refuse{NONE}"));
            add("opening_balances.csv", format!("A-{i},2026-01-20,10.0{}", i % 10));
        }
        for (day, value) in [("2025-12-31", 100), ("2026-01-31", 107)] {
            for i in 0..n {
                add("reads.csv", format!("M-{i},1,{day},{value},"));
            }
        }
        Self(files)
    }

    fn add(&mut self, file: &str, row: &str) {
        writeln!(self.0.get_mut(file).unwrap(), "{row}").unwrap();
    }

    fn replace(&mut self, file: &str, old: &str, new: &str) {
        let text = self.0.get_mut(file).unwrap();
        assert!(text.contains(old), "{file}: {old}");
        *text = text.replacen(old, new, 1);
    }

    pub fn write(&self) -> TempDir {
        let directory = TempDir::new().unwrap();
        for (file, text) in &self.0 {
            std::fs::write(directory.path().join(file), text).unwrap();
        }
        directory
    }
}

/// What was refused, as `file:line account: reason`.
fn refusals(report: &LoadReport) -> Vec<String> {
    let mut all: Vec<String> = report
        .refusals
        .iter()
        .map(|refusal| {
            let account = refusal.account.as_deref().unwrap_or("-");
            format!("{}:{} {account}: {}", refusal.file, refusal.line, refusal.reason)
        })
        .collect();
    all.sort();
    all
}

#[test]
fn the_templates_load_as_they_stand() {
    let place = Place::new();
    let templates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/templates/load");
    let report = place.load(&templates);
    assert_eq!(refusals(&report), Vec::<String>::new());
    assert_eq!(report.accounts, Count { loaded: 1, skipped: 0, refused: 0 });
    assert_eq!((report.contracts, report.meters, report.registers, report.reads), (3, 1, 1, 2));
    assert_eq!((report.opening_balances, report.opening_balances_minor.minor()), (2, 9555));
    let holds = |what: &str| assert_eq!(place.count(what), 1, "{what}");
    holds(
        "accounts WHERE client_reference = 'A-1' AND state = 'active' AND current_minor = 9555 AND payoff_minor = 9555 \
         AND language = 'es' AND delivery = 'both' AND autopay_rule = 'days_before' AND autopay_days_before = 2 \
         AND autopay_maximum_minor = 25000 AND autopay_method_id = (SELECT id FROM payment_methods)",
    );
    holds("accounts a JOIN account_numbers n ON (n.number, n.account_id) = (a.number, a.account_id)");
    holds(
        "account_persons p JOIN persons q ON q.id = p.person_id AND q.name = 'Ana Ortiz' AND p.receives_bill",
    );
    holds("account_addresses WHERE line2 = 'Unit 3' AND from_on = '2019-05-01' AND to_on IS NULL");
    holds(
        "contracts c JOIN service_point_contracts p ON (p.account_id, p.contract_id) = (c.account_id, c.id) \
         JOIN service_points s ON s.service_point_id = c.service_point_id AND s.location_id = c.location_id \
         AND s.characteristics = '{\"meter_size\": \"5/8\", \"zone\": \"inside\"}' AND c.segments = 1",
    );
    holds(
        "contracts WHERE items = '{\"lamps\": \"2\", \"poles\": \"1\"}' AND characteristics = '{\"wattage\": \"100\"}'",
    );
    holds("contracts WHERE recurring_minor = 1850 AND recurring_label = '{\"en\": \"Refuse collection\"}'");
    holds(
        "reads WHERE read_on = '2026-01-31' AND read_at = '2026-02-01T00:00:00Z' AND value = 419 AND status = 'valid'",
    );
    holds(
        "fts f JOIN adjustments a ON (a.account_id, a.id) = (f.account_id, f.source_id) WHERE f.due_on = '2025-12-20' \
         AND f.current_minor = 3140 AND f.gl_account_ids = '{1,4}' AND f.gl_minor = '{3140,-3140}' \
         AND a.effective_on = '2025-12-20' AND f.accounting_on = '2026-03-01' AND a.type_id = 2",
    );
    assert_eq!(place.database.number("SELECT sum(items)::bigint AS n FROM audit_entries").unwrap(), 1);
}

#[test]
fn a_second_load_changes_nothing_and_says_so() {
    let place = Place::new();
    let mut files = Files::town(3);
    files.add("service_points.csv", "W-VACANT,L-0,water,");
    files.add("meters.csv", "M-VACANT,W-VACANT,1,kgal,subtractive,1,6,0,2020-01-01");
    files.add("reads.csv", "M-VACANT,1,2026-01-31,5,estimated");
    let directory = files.write();
    let first = place.load(directory.path());
    assert_eq!(refusals(&first), Vec::<String>::new());
    assert_eq!(first.accounts.loaded, 3);
    assert_eq!((first.service_points.loaded, first.meters, first.reads), (4, 4, 7));
    let tables = ["accounts", "contracts", "reads", "fts", "service_points", "service_locations", "sites"];
    let before = tables.map(|table| place.count(table));
    let second = place.load(directory.path());
    assert_eq!(second.accounts, Count { loaded: 0, skipped: 3, refused: 0 });
    assert_eq!(second.locations, Count { loaded: 0, skipped: 3, refused: 0 });
    assert_eq!(second.sites, Count { loaded: 0, skipped: 1, refused: 0 });
    assert_eq!(second.service_points, Count { loaded: 0, skipped: 1, refused: 0 });
    assert_eq!((second.reads, second.opening_balances, second.refusal_count), (0, 0, 0));
    assert_eq!(tables.map(|table| place.count(table)), before);
}

/// One error in each file; which account it leaves out, and what the report says.
const PLANTED: &[(&str, &str, &str, &str)] = &[
    (
        "accounts.csv",
        "A-1,\"Ortiz, Ana 1\",ana1@example.org,email",
        "A-1,\"Ortiz, Ana 1\",ana1@example.org,pigeon",
        "accounts.csv:3 A-1: delivery: `pigeon` is not one of: email, post, both",
    ),
    (
        "contracts.csv",
        "A-2,water,W-RES,W-2",
        "A-2,water,W-NONE,W-2",
        "contracts.csv:6 A-2: rate: there is no rate `W-NONE`",
    ),
    (
        "service_points.csv",
        "W-3,L-3,water",
        "W-3,L-3,wine",
        "service_points.csv:5 A-3: commodity: `wine` is not one of: electricity, water, sewer, gas, refuse, stormwater, other",
    ),
    (
        "meters.csv",
        "M-4,W-4,1,kgal,subtractive,1,6",
        "M-4,W-4,1,kgal,subtractive,1,16",
        "meters.csv:6 A-4: dials are 1 to 12, decimals 0 to 6",
    ),
    (
        "reads.csv",
        "M-5,1,2026-01-31,107",
        "M-5,1,2026-02-31,107",
        "reads.csv:17 A-5: read_on: `2026-02-31` is not a date like 2026-03-31",
    ),
    (
        "opening_balances.csv",
        "A-6,2026-01-20,10.06",
        "A-6,2026-01-20,10.065",
        "opening_balances.csv:8 A-6: amount: `10.065` is not an amount in USD",
    ),
    ("locations.csv", "L-7,EAST", "L-7,WEST", "locations.csv:9 -: site: there is no site `WEST`"),
    (
        "autopay.csv",
        "A-0,card,stripe,cus_1,pm_1",
        "A-0,card,stripe,cus_1,4242 4242 4242 4242",
        "autopay.csv:2 A-0: method_token looks like a card number; only tokens are taken",
    ),
];

#[test]
fn an_error_in_any_file_leaves_out_its_account_and_no_other() {
    let place = Place::new();
    let mut files = Files::town(10);
    for (file, old, new, _) in PLANTED {
        files.replace(file, old, new);
    }
    files.add("sites.csv", "EAST,Twice");
    files.add("contracts.csv", "A-99,water,W-RES,W-9,,2020-01-01,,,,");
    files.add("reads.csv", ",1,2026-01-31,107,");
    let report = place.load(files.write().path());
    let found = refusals(&report);
    for (_, _, _, expected) in PLANTED {
        assert!(found.iter().any(|line| line == expected), "{expected} is not in {found:#?}");
    }
    for expected in [
        "sites.csv:3 -: the site EAST stands on line 2 already",
        "contracts.csv:22 -: accounts.csv has no account `A-99`",
        "reads.csv:22 -: meter is empty",
        "contracts.csv:8 A-3: service_point: something is wrong with the service point `W-3`",
        "contracts.csv:17 A-7: location: there is no location `L-7`",
    ] {
        assert!(found.iter().any(|line| line == expected), "{expected} is not in {found:#?}");
    }
    assert_eq!(report.accounts, Count { loaded: 2, skipped: 0, refused: 8 });
    assert_eq!(report.refusal_count, found.len() as u64);
    // Nothing of a refused account is there.
    let (eight, nine) = ("('A-8', 'A-9')", "('W-8', 'W-9')");
    assert_eq!(place.count(&format!("accounts WHERE client_reference NOT IN {eight}")), 0);
    assert_eq!(place.count(&format!("service_points WHERE code NOT IN {nine}")), 0);
    let counts =
        ["contracts", "service_point_contracts", "reads", "fts", "persons", "meters", "payment_methods"];
    assert_eq!(counts.map(|table| place.count(table)), [4, 2, 4, 2, 2, 2, 0]);

    // Mended, the same directory brings in the rest.
    let report = place.load(Files::town(10).write().path());
    assert_eq!(refusals(&report), Vec::<String>::new());
    assert_eq!(report.accounts, Count { loaded: 8, skipped: 2, refused: 0 });
    assert_eq!(
        (place.count("accounts"), place.count("reads"), place.count("service_locations")),
        (10, 20, 10)
    );
}

#[test]
fn the_files_take_no_more_than_the_interface_does() {
    let place = Place::new();
    let mut files = Files::town(3);
    files.replace("accounts.csv", "ana1@example.org", "ana1@exam_ple.org");
    files.replace("autopay.csv", "due_date,,", "days_before,0,");
    let report = place.load(files.write().path());
    let mut found = refusals(&report);
    found.sort();
    assert_eq!(
        found,
        [
            "accounts.csv:3 A-1: email: not an address like name@example.org",
            "autopay.csv:2 A-0: days_before: 1 to 30"
        ]
    );
    assert_eq!(report.accounts, Count { loaded: 1, skipped: 0, refused: 2 });
}

#[test]
fn broken_lines_harm_only_their_account() {
    let place = Place::new();
    let mut files = Files::town(4);
    files.replace("reads.csv", "M-1,1,2025-12-31,100", "M-1,1,\"2025-12-31,100");
    files.replace(
        "contracts.csv",
        "A-2,refuse,,,L-2,2020-01-01,,2026-01-31,18.50,Refuse",
        "A-2,refuse,,,L-2",
    );
    let long = "x".repeat(70_000);
    files.add("reads.csv", &format!("M-3,1,2026-02-01,108,{long}"));
    let report = place.load(files.write().path());
    assert_eq!(
        refusals(&report),
        [
            "contracts.csv:5 A-1: service_point: something is wrong with the service point `W-1`"
                .replace(":5", ":4"),
            "contracts.csv:7 A-2: the line has too few cells".to_owned(),
            "reads.csv:10 -: the line is longer than 64 KiB".to_owned(),
            "reads.csv:3 A-1: a quote is not closed on the line".to_owned(),
        ]
    );
    assert_eq!(report.accounts, Count { loaded: 2, skipped: 0, refused: 2 });
}

#[test]
fn contracts_at_a_service_point_never_overlap() {
    let place = Place::new();
    let mut files = Files::town(3);
    // A-1 moves in where A-0 moved out, on the next day; A-2 wants the same days as A-1.
    files.replace(
        "contracts.csv",
        "A-0,water,W-RES,W-0,,2020-01-01,,2026-01-31",
        "A-0,water,W-RES,W-0,,2020-01-01,2025-12-31,2025-12-31",
    );
    files.replace("contracts.csv", "A-1,water,W-RES,W-1,,2020-01-01", "A-1,water,W-RES,W-0,,2026-01-01");
    files.replace("contracts.csv", "A-2,water,W-RES,W-2,,2020-01-01", "A-2,water,W-RES,W-0,,2026-01-31");
    let report = place.load(files.write().path());
    assert_eq!(
        refusals(&report),
        ["contracts.csv:6 A-2: service_point: another contract covers some of these days at `W-0`"]
    );
    assert_eq!(place.count("contracts WHERE state = 'closed'"), 1);
    // Against what is stored it is judged the same way.
    let report = place.load(files.write().path());
    assert_eq!((report.accounts, report.refusal_count), (Count { loaded: 0, skipped: 2, refused: 1 }, 1));
}

#[test]
fn duplicates_are_refused() {
    let place = Place::new();
    let mut files = Files::town(4);
    files.add("accounts.csv", "A-0,Other,,email,residential,monthly,EAST,2020-01-01");
    files.add("meters.csv", "M-1,W-2,1,kgal,subtractive,1,6,0,2020-01-01");
    files.add("reads.csv", "M-3,1,2026-01-31,108,");
    let report = place.load(files.write().path());
    let found = refusals(&report);
    for expected in [
        "accounts.csv:6 A-0: the account A-0 stands on line 2 already",
        "meters.csv:3 A-1: the meter M-1 stands at another service point as well",
        "meters.csv:6 A-2: the meter M-1 stands at another service point as well",
        "reads.csv:10 A-3: the register has a read on that day already",
    ] {
        assert!(found.iter().any(|line| line == expected), "{expected} is not in {found:#?}");
    }
    assert_eq!(report.accounts, Count { loaded: 1, skipped: 0, refused: 4 });
}

#[test]
fn what_only_the_database_knows_is_refused_alone() {
    let place = Place::new();
    // A rule of the database that the files do not know of.
    place.database.execute("ALTER TABLE persons ADD CHECK (name <> 'Ortiz, Ana 5')").unwrap();
    let report = place.load(Files::town(12).write().path());
    assert_eq!(refusals(&report), ["accounts.csv:7 A-5: the database refuses it: persons_name_check"]);
    assert_eq!(report.accounts, Count { loaded: 11, skipped: 0, refused: 1 });
    assert_eq!(place.count("service_points"), 11);
}

#[test]
fn a_file_that_cannot_be_read_stops_the_load_before_it_begins() {
    let place = Place::new();
    let refused =
        |files: &Files| place.app.load(&admin(), files.write().path(), |_| {}).unwrap_err().problem();
    let mut files = Files::town(1);
    files.replace("reads.csv", "read_on", "read_date");
    let problem = refused(&files);
    assert_eq!(problem.code, Code::FileUnreadable);
    assert_eq!(problem.detail, "reads.csv: there is no column `read_date`");
    let mut files = Files::town(1);
    files.replace("accounts.csv", "customer,email", "email");
    assert_eq!(refused(&files).detail, "accounts.csv: the column `customer` is missing");
    let empty = TempDir::new().unwrap();
    let problem = place.app.load(&admin(), empty.path(), |_| {}).unwrap_err().problem();
    assert!(problem.detail.ends_with("there is no accounts.csv"), "{}", problem.detail);
    assert_eq!((place.count("accounts"), place.count("sites")), (0, 2));
    let clerk = place.app.load(&caller(Role::Clerk), empty.path(), |_| {}).unwrap_err();
    assert_eq!(clerk.problem().code, Code::Forbidden);
}

#[test]
fn a_town_of_several_chunks_adds_up() {
    let place = Place::new();
    let directory = Files::town(1_203).write();
    let mut steps = Vec::new();
    let report = place.app.load(&admin(), directory.path(), |progress| steps.push(progress.done)).unwrap();
    assert_eq!(steps, [500, 1_000, 1_203]);
    assert_eq!(report.accounts, Count { loaded: 1_203, skipped: 0, refused: 0 });
    assert_eq!((report.contracts, report.reads), (2_406, 2_406));
    let owed = place.database.number("SELECT sum(current_minor)::bigint AS n FROM accounts").unwrap();
    assert_eq!(owed, report.opening_balances_minor.minor());
    let posted = "SELECT sum(amount)::bigint AS n FROM fts, unnest(gl_minor) AS amount";
    assert_eq!(place.database.number(posted).unwrap(), 0);
    assert!(app::verify::verify(place.app.db()).unwrap().ok);
}

#[test]
fn an_opening_credit_pays_the_oldest_opening_balance() {
    let place = Place::new();
    let mut files = Files::town(2);
    files.add("opening_balances.csv", "A-1,2025-11-20,30.00");
    files.add("opening_balances.csv", "A-1,2026-02-20,-35.00");
    let report = place.load(files.write().path());
    assert_eq!(refusals(&report), Vec::<String>::new());
    let joined = "SELECT coalesce(sum(l.amount_minor), 0)::bigint AS n FROM allocations l \
                  JOIN fts d ON (d.account_id, d.id) = (l.account_id, l.debit_ft_id)";
    let number = |query: &str| place.database.number(query).unwrap();
    assert_eq!(number(&format!("{joined} WHERE d.due_on = '2025-11-20'")), 3000);
    assert_eq!(number(&format!("{joined} WHERE d.due_on = '2026-01-20'")), 500);
}

fn terms_of(place: &Place) {
    place
        .database
        .execute(
            "INSERT INTO contract_types (id, code, name, commodity, method, end_date, sequence, minimum_days, \
               receivable_gl_id, revenue_gl_id, version) VALUES \
               (11, 'deposit', 'Deposit', 'water', 'deposit', 'calendar_period', 4, 0, 1, 4, 1), \
               (12, 'loan', 'Loan', 'water', 'loan', 'calendar_period', 5, 0, 1, 4, 1), \
               (13, 'sewer', 'Sewer', 'water', 'sub_contract', 'calendar_period', 6, 0, 1, 4, 1), \
               (14, 'plan', 'Plan', 'water', 'instalment', 'calendar_period', 7, 0, 1, 4, 1)",
        )
        .unwrap();
}

#[test]
fn deposits_loans_budgets_and_sub_contracts_are_loaded() {
    let place = Place::new();
    terms_of(&place);
    let mut files = Files::town(1);
    // The master may stand below.
    files.add("contracts.csv", "A-0,sewer,W-RES,,L-0,2020-01-01,,2026-01-31,,,,water,,,,,,,,");
    files.add("contracts.csv", "A-0,deposit,,,L-0,2026-01-01,,,,,,,150.00,50.00,,,,,,");
    files.add("contracts.csv", "A-0,loan,,,L-0,2026-01-01,,,,,,,1200.00,,4.5,24,1000,,,");
    let water = "2026-01-31,,,,,,,,,,,,";
    files.replace("contracts.csv", water, "2026-01-31,,,water,,,,,,,80.00,2026-02-01,2027-01-31");
    let report = place.load(files.write().path());
    assert_eq!((refusals(&report), report.contracts), (Vec::new(), 5));
    let holds = |what: &str| assert_eq!(place.count(what), 1, "{what}");
    holds(
        "contracts c JOIN contracts m ON (m.account_id, m.id) = (c.account_id, c.master_contract_id) \
         WHERE c.contract_type_id = 13 AND m.contract_type_id = 1",
    );
    holds("contracts WHERE terms = '{\"kind\": \"deposit\", \"required\": 15000, \"per_bill\": 5000}'");
    let stands = vocab::GlAccountId(2);
    holds(&format!(
        "contracts WHERE terms @> '{{\"kind\": \"loan\", \"principal\": 120000, \"payments\": 24, \
         \"principal_gl\": \"{stands}\"}}'"
    ));
    holds(
        "contracts WHERE contract_type_id = 1 AND terms @> '{\"kind\": \"budget\", \"level\": 8000, \
         \"since_on\": \"2026-02-01\", \"review_on\": \"2027-01-31\"}'",
    );
    let violated = app::verify::verify(place.app.db()).unwrap().invariants;
    assert!(violated.values().all(|of| of.violated == 0), "{violated:?}");
}

#[test]
fn terms_that_cannot_be_are_refused_with_line_and_reason() {
    for (row, reason) in [
        ("sewer,W-RES,,L-0,2020-01-01,,,,,,,,,,,,,,", "a sub_contract contract needs master"),
        ("sewer,W-RES,,L-0,2020-01-01,,,,,,gas,,,,,,,,", "master: the account has no contract `gas`"),
        (
            "sewer,W-RES,,L-0,2020-01-01,,,,,me,me,,,,,,,,",
            "master: the chain of masters comes back to where it began",
        ),
        ("deposit,,,L-0,2026-01-01,,,,,,,,50.00,,,,,,", "principal is empty"),
        (
            "deposit,,,L-0,2026-01-01,,,,,,,50.00,80.00,,,,,,",
            "per_bill: more than nothing, and not more than all of it",
        ),
        (
            "deposit,,,L-0,2026-01-01,,,,,,,50.00,50.00,4.5,,,,,",
            "annual_percent is not for a deposit contract",
        ),
        ("loan,,,L-0,2026-01-01,,,,,,,50.00,,4.5,24,9,,,", "principal_gl: there is no ledger account `9`"),
        ("loan,,,L-0,2026-01-01,,,,,,,50.00,,101,24,1000,,,", "annual_percent: 0 to 100"),
        (
            "plan,,,L-0,2026-01-01,,,,,,,50.00,5.00,,,,,,",
            "instalments are started by an arrangement, once the balance is loaded",
        ),
        (
            "refuse,,,L-0,2026-01-01,,,5.00,Refuse,,,,,,,,5.00,,",
            "budget_level is not for a recurring contract",
        ),
    ] {
        let place = Place::new();
        terms_of(&place);
        let mut files = Files::town(1);
        files.add("contracts.csv", &format!("A-0,{row}"));
        let report = place.load(files.write().path());
        assert_eq!(refusals(&report), [format!("contracts.csv:4 A-0: {reason}")], "{row}");
        assert_eq!(place.count("contracts"), 0);
    }
}

//! One account: a house, a flat or a shop, with its people, meters and habits. Everything follows
//! from the town's seed and the account's number, so that a town of any size is made as a stream.

use super::dice::Dice;
use super::usage::{Counts, Oddity, Shown, shown};
use super::{Plan, Trouble};
use time::{Date, Duration};

const FIRST_EN: &[&str] =
    &["Alice", "Ben", "Clara", "David", "Emma", "Frank", "Grace", "Henry", "Irene", "Jack"];
const LAST_EN: &[&str] =
    &["Archer", "Brook", "Carter", "Dale", "Ellis", "Fletcher", "Gray", "Hill", "Irving", "Marsh"];
const FIRST_ES: &[&str] =
    &["Ana", "Bruno", "Carmen", "Diego", "Elena", "Felipe", "Inés", "Javier", "Lucía", "Mateo"];
const LAST_ES: &[&str] =
    &["Ortiz", "Peña", "Ramos", "Núñez", "Vega", "Morales", "Cruz", "Ibáñez", "Soto", "Luna"];
const STREETS: &[&str] =
    &["Mill Lane", "Weir Street", "Orchard Road", "Station Street", "Reservoir Avenue", "Ferry Road"];
const TRADES: &[&str] = &["Bakery", "Hardware", "Laundry", "Café", "Bookshop", "Pharmacy"];
/// Sites: code, name, postcode, degrees north and west in thousandths.
pub const SITES: &[(&str, &str, &str, i64, i64)] = &[
    ("NORTH", "North Bank", "80401", 39_760, 105_220),
    ("SOUTH", "South Bank", "80402", 39_730, 105_215),
    ("MILL", "Old Mill", "80403", 39_745, 105_240),
    ("MARKET", "Market Square", "80404", 39_750, 105_205),
];
/// Wraps of the dials: five positions of kilowatt-hours; five of thousand gallons with two decimals.
const ELECTRICITY_MODULUS: i64 = 100_000;
const WATER_MODULUS: i64 = 10_000_000;

/// What stands on the lot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// For a family.
    House,
    /// In a building of many.
    Flat,
    /// On the market square.
    Shop,
}

/// One register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Register {
    /// Its name on the meter.
    pub name: &'static str,
    /// Time-of-use bucket.
    pub bucket: &'static str,
    /// What it shows.
    pub shown: Shown,
}

/// One meter at its service point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meter {
    /// Serial number.
    pub serial: String,
    /// Code of the service point.
    pub point: String,
    /// What it counts.
    pub counts: Counts,
    /// Size of a water meter.
    pub size: &'static str,
    /// Its registers.
    pub registers: Vec<Register>,
}

/// How the customer pays without being asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Autopay {
    /// `card` or `bank_debit`.
    pub kind: &'static str,
    /// What the pretended gateway does with it.
    pub token: &'static str,
    /// What people call it.
    pub label: &'static str,
    /// When.
    pub rule: &'static str,
    /// For that rule.
    pub days_before: &'static str,
}

/// One account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    /// From 0.
    pub index: u64,
    /// What stands there.
    pub kind: Kind,
    /// What is planted here.
    pub trouble: Option<Trouble>,
    /// Place in [`SITES`].
    pub site: (&'static str, &'static str, &'static str, i64, i64),
    /// Customer.
    pub customer: String,
    /// `en` or `es`.
    pub language: &'static str,
    /// `email`, `post` or `both`.
    pub delivery: &'static str,
    /// Street and number.
    pub line1: String,
    /// Flat.
    pub line2: String,
    /// Degrees, written out.
    pub pin: (String, String),
    /// Electricity, then water.
    pub meters: Vec<Meter>,
    /// Equivalent residential units of paved ground.
    pub erus: i64,
    /// Carts to empty.
    pub carts: i64,
    /// What was owed before, in cents, and when it fell due.
    pub opening: Option<(Date, i64)>,
    /// Without being asked.
    pub autopay: Option<Autopay>,
}

impl Home {
    /// The account with this number.
    pub fn of(plan: &Plan, index: u64) -> Self {
        let mut dice = Dice::new(plan.seed, index);
        let trouble = Trouble::of(plan, index);
        let kind = match dice.between(1, 100) {
            ..=60 => Kind::House,
            61..=92 => Kind::Flat,
            _ => Kind::Shop,
        };
        let site = site(&mut dice, kind);
        let language = if dice.percent(22) { "es" } else { "en" };
        let delivery = match trouble {
            Some(Trouble::NoAddress) => "post",
            _ => dice.one_of(&["email", "email", "email", "post", "post", "both"]).unwrap_or("post"),
        };
        let (line1, line2) = address(&mut dice, kind, index);
        let pin = pin(&mut dice, site);
        let customer = customer(&mut dice, kind, language);
        let meters = meters(&mut dice, plan, index, kind, trouble);
        let opening =
            dice.percent(8).then(|| (plan.month_on - Duration::days(12), dice.between(900, 24_000)));
        Self {
            index,
            kind,
            trouble,
            site,
            customer,
            language,
            delivery,
            line1,
            line2,
            pin,
            meters,
            erus: if kind == Kind::Shop { dice.between(2, 9) } else { 1 },
            carts: if kind == Kind::Shop { dice.between(1, 4) } else { 1 },
            opening,
            autopay: autopay(&mut dice, trouble),
        }
    }

    /// The utility's own name for the account.
    pub fn reference(&self) -> String {
        format!("A-{:07}", self.index + 1)
    }

    /// Code of its location.
    pub fn location(&self) -> String {
        format!("L-{:07}", self.index + 1)
    }

    /// The customer's address for mail.
    pub fn email(&self) -> String {
        format!("customer{}@example.org", self.index + 1)
    }
}

fn site(dice: &mut Dice, kind: Kind) -> (&'static str, &'static str, &'static str, i64, i64) {
    let all = match kind {
        Kind::Shop => &SITES[3..],
        Kind::House | Kind::Flat => &SITES[..3],
    };
    dice.one_of(all).unwrap_or(SITES[0])
}

fn address(dice: &mut Dice, kind: Kind, index: u64) -> (String, String) {
    let street = dice.one_of(STREETS).unwrap_or("Mill Lane");
    match kind {
        // Eight neighbours share a building.
        Kind::Flat => (format!("{} Canal Street", index / 8 * 2 + 1), format!("Apt {}", index % 8 + 1)),
        Kind::House => (format!("{} {street}", index + 1), String::new()),
        Kind::Shop => (format!("{} Market Square", index + 1), String::new()),
    }
}

fn pin(dice: &mut Dice, site: (&str, &str, &str, i64, i64)) -> (String, String) {
    let mut near = |thousandths: i64| {
        let millionths = thousandths * 1000 + dice.between(-9_000, 9_000);
        format!("{}.{:06}", millionths / 1_000_000, millionths % 1_000_000)
    };
    let north = near(site.3);
    (north, format!("-{}", near(site.4)))
}

fn customer(dice: &mut Dice, kind: Kind, language: &str) -> String {
    let (first, last) = if language == "es" { (FIRST_ES, LAST_ES) } else { (FIRST_EN, LAST_EN) };
    let last = dice.one_of(last).unwrap_or_default();
    match kind {
        Kind::Shop => format!("{last} {}", dice.one_of(TRADES).unwrap_or_default()),
        Kind::House | Kind::Flat => format!("{} {last}", dice.one_of(first).unwrap_or_default()),
    }
}

fn meters(dice: &mut Dice, plan: &Plan, index: u64, kind: Kind, trouble: Option<Trouble>) -> Vec<Meter> {
    let (kwh, water, size) = match kind {
        Kind::House => (dice.between(350, 1_100), dice.between(300, 900), "5/8"),
        Kind::Flat => (dice.between(180, 520), dice.between(150, 450), "5/8"),
        Kind::Shop => (dice.between(900, 6_000), dice.between(400, 3_000), "1"),
    };
    let electric_oddity = match trouble {
        Some(Trouble::Stopped) => Oddity::Stopped,
        Some(Trouble::Rollover) => Oddity::Rollover,
        Some(Trouble::MissingRead) => Oddity::Missing,
        _ => Oddity::None,
    };
    let water_oddity = if trouble == Some(Trouble::Leak) { Oddity::Leak } else { Oddity::None };
    let mut electric = |name, bucket, average| Register {
        name,
        bucket,
        shown: shown(dice, Counts::Electricity, average, ELECTRICITY_MODULUS, plan.month_on, electric_oddity),
    };
    let registers = match kind {
        Kind::Shop => {
            vec![electric("on", "on_peak", kwh * 2 / 5), electric("off", "off_peak", kwh * 3 / 5)]
        }
        Kind::House | Kind::Flat => vec![electric("1", "", kwh)],
    };
    let water = Register {
        name: "1",
        bucket: "",
        shown: shown(dice, Counts::Water, water, WATER_MODULUS, plan.month_on, water_oddity),
    };
    let number = index + 1;
    vec![
        Meter {
            serial: format!("E{number:07}"),
            point: format!("PE-{number:07}"),
            counts: Counts::Electricity,
            size: "",
            registers,
        },
        Meter {
            serial: format!("W{number:07}"),
            point: format!("PW-{number:07}"),
            counts: Counts::Water,
            size,
            registers: vec![water],
        },
    ]
}

fn autopay(dice: &mut Dice, trouble: Option<Trouble>) -> Option<Autopay> {
    let is_wished = dice.percent(35);
    let card = Autopay {
        kind: "card",
        token: "pm_card_visa",
        label: "Visa 4242",
        rule: "due_date",
        days_before: "",
    };
    let debit = Autopay {
        kind: "bank_debit",
        token: "pm_usBankAccount_success",
        label: "Bank account ending in 6789",
        rule: "due_date",
        days_before: "",
    };
    let chosen = if dice.percent(60) { card } else { debit };
    let (rule, days_before) =
        dice.one_of(&[("issuance", ""), ("due_date", ""), ("days_before", "3")]).unwrap_or(("due_date", ""));
    match trouble {
        Some(Trouble::DeclinedDebit) => {
            Some(Autopay { token: "pm_usBankAccount_insufficientFunds", ..debit })
        }
        Some(Trouble::DeclinedCard) => Some(Autopay { token: "pm_card_chargeDeclinedExpiredCard", ..card }),
        _ => is_wished.then_some(Autopay { rule, days_before, ..chosen }),
    }
}

//! A year of twelve windows on a moving clock, with planted events: service begins and ends, a meter is exchanged,
//! reads are estimated (too low, and too high), the rate changes, a bill is paid late, a debt is paid by
//! instalments, another is written off. What every account owes at the end is worked out here once more, from the
//! events alone and with other arithmetic.

use e2e::town::{Town, bill, text, usd};
use e2e::{Client, Program};
use serde_json::{Value, json};
use time::{Date, Month};

/// 12.00 and 0.10 a kWh, from 16 July 15.00 and 0.12; 6 % tax.
const RATE_CHANGES: Date = day(2026, 7, 16);
/// Flat amount and price of a kWh in cents, before and after.
const PRICES: [(i128, i128); 2] = [(1200, 10), (1500, 12)];

const fn day(year: i32, month: u8, of: u8) -> Date {
    let month = match month {
        1 => Month::January,
        2 => Month::February,
        3 => Month::March,
        4 => Month::April,
        5 => Month::May,
        6 => Month::June,
        7 => Month::July,
        8 => Month::August,
        9 => Month::September,
        10 => Month::October,
        11 => Month::November,
        _ => Month::December,
    };
    match Date::from_calendar_date(year, month, of) {
        Ok(day) => day,
        Err(_) => panic!("no such day"),
    }
}

fn last_of(month: u8) -> Date {
    let next = if month == 12 { day(2027, 1, 1) } else { day(2026, month + 1, 1) };
    next.previous_day().unwrap()
}

/// The first day after a month: bills are dated then.
fn after(month: u8) -> Date {
    last_of(month).next_day().unwrap()
}

/// Half away from zero.
fn rounded(numerator: i128, denominator: i128) -> i128 {
    let half = denominator / 2;
    if numerator >= 0 { (numerator + half) / denominator } else { -((-numerator + half) / denominator) }
}

/// What a segment of these days comes to, in cents: shares of a month of 30 days, within 3 days a whole one unless
/// it is the first or the last; use by days where the rate changes, to six decimals, the rest to the last part.
fn segment(first_on: Date, last_on: Date, usage: i128, is_edge: bool) -> i128 {
    let days = i128::from((last_on - first_on).whole_days() + 1);
    let is_whole = (days - 30).abs() <= if is_edge { 0 } else { 3 };
    let before = i128::from((RATE_CHANGES - first_on).whole_days()).clamp(0, days);
    let parts: Vec<(i128, (i128, i128))> =
        [(before, PRICES[0]), (days - before, PRICES[1])].into_iter().filter(|part| part.0 > 0).collect();
    let (mut sum, mut left) = (0, usage * 1_000_000);
    for (at, (part, (flat, price))) in parts.iter().enumerate() {
        let share = rounded(usage * 1_000_000 * part, days);
        let used = if at + 1 == parts.len() { left } else { share };
        left -= used;
        sum += rounded(flat * part, if is_whole { days } else { 30 });
        sum += rounded(used * price, 1_000_000);
    }
    sum + rounded(sum * 6, 100)
}

/// An account, and what it has come to by the events.
struct Customer {
    account: Value,
    contract: Value,
    point: Value,
    register: Value,
    serial: String,
    /// Cents.
    owes: i128,
}

struct Utility<'a> {
    admin: &'a Client,
    town: Town,
    metered: Value,
    rate: Value,
}

impl Utility<'_> {
    fn move_to(&self, on: Date) {
        self.admin.post("/v1/clock/move", &json!({ "to": format!("{on}T18:00:00Z") })).ok();
    }

    fn install(&self, point: &Value, serial: &str, on: Date, shows: i128) -> Value {
        let new = json!({
            "serial": serial, "installed_on": on.to_string(),
            "registers": [{ "kind": "subtractive", "unit": "kwh", "dials": 6, "initial_value": shows.to_string() }]
        });
        let path = format!("/v1/service-points/{}/install-meter", text(&point["id"]));
        self.admin.post(&path, &new).ok()["installed"]["registers"][0]["id"].clone()
    }

    fn start(&self, account: &Value, point: &Value, on: Date) -> Value {
        let contract = json!({
            "contract_type_id": self.metered, "rate_schedule_id": self.rate, "service_point_id": point["id"],
            "starts_on": on.to_string()
        });
        self.admin.post(&format!("/v1/accounts/{}/contracts", text(&account["id"])), &contract).ok()["id"]
            .clone()
    }

    /// A customer with a meter that shows 1000 when service begins.
    fn customer(&self, name: &str, starts_on: Date) -> Customer {
        let account = self.town.account(self.admin, name, 0);
        let serial = format!("E-{name}").replace(' ', "-");
        let point = self.town.service_point(self.admin, &serial, "electricity", 0, &json!({}));
        let register = self.install(&point, &serial, starts_on.previous_day().unwrap(), 1000);
        let contract = self.start(&account, &point, starts_on);
        Customer { account: account["id"].clone(), contract, point, register, serial, owes: 0 }
    }

    fn read(&self, of: &Customer, on: Date, value: i128) -> Value {
        let read = json!({
            "register_id": of.register, "read_on": on.to_string(), "value": value.to_string(), "quality": "actual"
        });
        self.admin.post("/v1/reads", &read).ok()
    }

    fn estimate(&self, of: &Customer, on: Date, value: i128) {
        let row = format!("{},{},1,{on},{value},estimated", of.serial, of.serial);
        let file = format!("service_point,meter_serial,register,read_on,value,quality\n{row}\n");
        let import = self.admin.upload("/v1/reading-imports", &file).ok();
        assert_eq!(self.admin.finish(&import["operation"])["state"], "done");
    }

    fn pay(&self, of: &mut Customer, cents: i128) {
        let paid = json!({ "account_id": of.account, "kind": "check", "amount": usd(&dollars(cents)) });
        self.admin.post("/v1/payments", &paid).ok();
        of.owes -= cents;
    }

    fn stop(&self, of: &Customer, on: Date) {
        let path = format!("/v1/contracts/{}", text(&of.contract));
        let etag = self.admin.get(&path).etag.unwrap();
        self.admin.act(&format!("{path}/stop"), &json!({ "ends_on": on.to_string() }), &etag).ok();
    }

    fn adjustment_type(&self, code: &str, purpose: &str) -> Value {
        let new = json!({
            "code": code, "name": code, "gl_account_id": self.town.revenue, "purpose": purpose
        });
        self.admin.post("/v1/adjustment-types", &new).ok()["id"].clone()
    }

    fn adjust(&self, of: &mut Customer, kind: &Value, cents: i128) {
        let path = format!("/v1/accounts/{}/adjustments", text(&of.account));
        let new = json!({ "type_id": kind, "amount": usd(&dollars(cents)), "reason": "paid late" });
        self.admin.post(&path, &new).ok();
        of.owes += cents;
    }

    /// Bills a month; all of so many accounts are posted.
    fn bill(&self, month: u8, accounts: i64) -> Value {
        let window = self.window(month);
        let run = bill(self.admin, &window);
        assert_eq!(run["items"]["accepted"], accounts, "month {month}: {run:#}");
        run
    }

    fn window(&self, month: u8) -> Value {
        let (first, last) = (day(2026, month, 1).to_string(), last_of(month).to_string());
        self.town.window(self.admin, &first, &last, &after(month).to_string())
    }

    fn balance(&self, of: &Customer) -> String {
        let balance = self.admin.get(&format!("/v1/accounts/{}/balance", text(&of.account))).ok();
        balance["current"]["amount"].as_str().unwrap().to_owned()
    }
}

fn dollars(cents: i128) -> String {
    let sign = if cents < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", cents.abs() / 100, cents.abs() % 100)
}

fn tariff() -> [Value; 2] {
    let version = |from: &str, flat: &str, price: &str| {
        json!({ "effective_on": from, "rules": [
            { "id": "customer", "label": { "en": "Customer charge" }, "charge": { "kind": "flat", "amount": flat } },
            { "id": "energy", "label": { "en": "Energy" },
              "charge": { "kind": "unit", "quantity": { "unit": "kwh" }, "price": price } },
            { "id": "tax", "label": { "en": "Tax" },
              "charge": { "kind": "tax", "tax": "state", "percent": "6", "of": "all" } } ] })
    };
    [version("2025-01-01", "12.00", "0.10"), version("2026-07-16", "15.00", "0.12")]
}

#[test]
fn a_year_with_its_events_ends_where_the_events_say() {
    let program = Program::serve(2);
    let admin = program.admin();
    let town = Town::found(&admin, &["north"], "2026-01-02T18:00:00Z");
    let metered = town.contract_type(&admin, "electric", "electricity", "metered");
    let rate = town.rate(&admin, "E-1", "electricity", &tariff());
    let of = Utility { admin: &admin, town, metered, rate };
    let first_on = day(2026, 1, 1);

    let mut plain = of.customer("Plain", first_on);
    let mut leaver = of.customer("Leaver", first_on);
    let mut exchanged = of.customer("Exchanged", first_on);
    let mut low = of.customer("Estimated low", first_on);
    let mut high = of.customer("Estimated high", first_on);
    let mut late = of.customer("Late", first_on);
    let mut paying = of.customer("By instalments", first_on);
    let mut lost = of.customer("Lost", first_on);
    let mut comer: Option<Customer> = None;
    let fee = of.adjustment_type("late", "late_charge");
    let bad = of.adjustment_type("bad-debt", "write_off");
    let arranged = of.adjustment_type("arranged", "general");
    let by_instalments = of.town.contract_type(&admin, "arrangement", "other", "instalment");

    // Values at the end of each month: 300 kWh a month of what nothing happens to.
    let shows = |month: u8| 1000 + 300 * i128::from(month);
    let regular = |month: u8, usage: i128| segment(day(2026, month, 1), last_of(month), usage, month == 1);
    for month in 1..=12_u8 {
        let end_on = last_of(month);
        of.move_to(after(month));
        // What they owed when the month ended is paid, each by its own habit.
        for customer in [&mut plain, &mut leaver, &mut exchanged, &mut low, &mut high] {
            if customer.owes > 0 {
                let owes = customer.owes;
                of.pay(customer, owes);
            }
        }
        if let Some(comer) = comer.as_mut().filter(|comer| comer.owes > 0) {
            let owes = comer.owes;
            of.pay(comer, owes);
        }
        of.read(&plain, end_on, shows(month));
        plain.owes += regular(month, 300);

        // April: one tenant leaves on the 20th, another comes.
        match month {
            1..=3 => {
                of.read(&leaver, end_on, shows(month));
                leaver.owes += regular(month, 300);
            }
            4 => {
                of.stop(&leaver, day(2026, 4, 20));
                of.read(&leaver, day(2026, 4, 20), shows(3) + 190);
                leaver.owes += segment(day(2026, 4, 1), day(2026, 4, 20), 190, true);
                let account = of.town.account(&admin, "Comer", 0);
                let contract = of.start(&account, &leaver.point, day(2026, 4, 21));
                let mut new = Customer {
                    account: account["id"].clone(),
                    contract,
                    point: leaver.point.clone(),
                    register: leaver.register.clone(),
                    serial: leaver.serial.clone(),
                    owes: 0,
                };
                of.read(&new, end_on, shows(4));
                new.owes += segment(day(2026, 4, 21), end_on, 110, true);
                comer = Some(new);
            }
            _ => {
                let comer = comer.as_mut().unwrap();
                of.read(comer, end_on, shows(month));
                comer.owes += regular(month, 300);
            }
        }

        // June: a meter is exchanged on the 10th.
        if month == 6 {
            let new = json!({
                "final_reads": [{ "register_id": exchanged.register, "value": (shows(5) + 95).to_string() }],
                "new": { "serial": "E-NEW", "installed_on": "2026-06-10",
                         "registers": [{ "kind": "subtractive", "unit": "kwh", "dials": 6, "initial_value": "5" }] }
            });
            let path = format!("/v1/service-points/{}/exchange-meter", text(&exchanged.point["id"]));
            let exchange = admin.post(&path, &new).ok();
            exchanged.register = exchange["service_point"]["installed"]["registers"][0]["id"].clone();
        }
        let exchanged_shows = if month < 6 { shows(month) } else { 5 + 205 + 300 * i128::from(month - 6) };
        of.read(&exchanged, end_on, exchanged_shows);
        exchanged.owes += regular(month, 300);

        // February is estimated: too low, which March simply bills, and too high, which is corrected.
        match month {
            2 => {
                of.estimate(&low, end_on, shows(1) + 250);
                low.owes += regular(2, 250);
                of.estimate(&high, end_on, shows(1) + 330);
                high.owes += regular(2, 330);
            }
            3 => {
                of.read(&low, end_on, shows(3));
                low.owes += regular(3, 350);
                let read = of.read(&high, end_on, shows(1) + 310);
                // 310 kWh in 28 and 31 days.
                let boundary = rounded(310 * 28, 59);
                high.owes += regular(2, boundary) - regular(2, 330);
                high.owes += regular(3, 310 - boundary);
                let path = format!("/v1/rebill-proposals/{}/approve", text(&read["rebill_proposal_id"]));
                admin.post(&path, &json!({ "reason": "read twice" })).ok();
            }
            _ => {
                of.read(&low, end_on, shows(month));
                low.owes += regular(month, 300);
                let value = if month == 1 { shows(1) } else { shows(1) + 310 + 300 * i128::from(month - 3) };
                of.read(&high, end_on, value);
                high.owes += regular(month, 300);
            }
        }

        // May's bill is paid in July, with a charge for it.
        if late.owes > 0 && month != 6 {
            let owes = late.owes;
            of.pay(&mut late, owes);
        }
        if month == 6 {
            of.adjust(&mut late, &fee, 2_10);
        }
        of.read(&late, end_on, shows(month));
        late.owes += regular(month, 300);

        // From July on nothing is paid; in September the debt goes into instalments, and what is billed is paid.
        if !(7..=9).contains(&month) {
            let owes = paying.owes;
            if owes > 0 {
                of.pay(&mut paying, owes);
            }
        }
        of.read(&paying, end_on, shows(month));
        let mut instalments = 0;
        if month == 9 {
            let owes = paying.owes;
            let path = format!("/v1/accounts/{}/arrangements", text(&paying.account));
            let new = json!({
                "contract_type_id": by_instalments, "adjustment_type_id": arranged,
                "location_id": paying.point["location_id"], "amount": usd(&dollars(owes)),
                "per_bill": usd("60.00"), "reason": "agreed by telephone", "starts_on": "2026-09-15"
            });
            admin.post(&path, &new).ok();
            paying.owes -= owes;
            instalments = owes;
        }
        paying.owes += regular(month, 300);
        if instalments > 0 {
            // Two of 60.00 and what is left: September, October, November.
            assert!((12_000..=18_000).contains(&instalments), "{instalments}");
        }
        if (9..=11).contains(&month) {
            let all = (6..=8).map(|month| regular(month, 300)).sum::<i128>();
            paying.owes += if month < 11 { 6000 } else { all - 12_000 };
        }

        // One leaves at the end of September and is heard of no more.
        match month {
            1..=8 => {
                let owes = lost.owes;
                if owes > 0 {
                    of.pay(&mut lost, owes);
                }
                of.read(&lost, end_on, shows(month));
                lost.owes += regular(month, 300);
            }
            9 => {
                of.stop(&lost, end_on);
                of.read(&lost, end_on, shows(9));
                lost.owes += segment(day(2026, 9, 1), end_on, 300, true);
            }
            11 => {
                let path = format!("/v1/accounts/{}/write-off", text(&lost.account));
                let done = admin.post(&path, &json!({ "type_id": bad, "reason": "gone" })).ok();
                assert_eq!(done["amount"]["amount"], dollars(-lost.owes));
                lost.owes = 0;
            }
            _ => {}
        }
        let left = i64::from(month > 4) + i64::from(month > 9);
        let came = i64::from(month >= 4);
        of.bill(month, 8 + came - left);
    }

    let comer = comer.unwrap();
    let all = [&plain, &leaver, &comer, &exchanged, &low, &high, &late, &paying, &lost];
    let found: Vec<(String, String)> =
        all.iter().map(|customer| (customer.serial.clone(), of.balance(customer))).collect();
    let expected: Vec<(String, String)> =
        all.iter().map(|customer| (customer.serial.clone(), dollars(customer.owes))).collect();
    assert_eq!(found, expected);
    program.assert_proven();
}

//! How the town's utility is set up: what is sent to the API before accounts are loaded, in order.

use super::usage::month_end;
use super::{Plan, Services};
use serde::Serialize;
use serde_json::{Value, json};
use vocab::dates::civil;

/// One thing to define.
#[derive(Debug, Clone, Serialize)]
pub struct Piece {
    /// `POST`, or `PUT` for the settings.
    pub method: &'static str,
    /// Where it is sent. `{name}` stands for the id of a piece defined before under that name.
    pub path: String,
    /// What is sent. A string that is `{name}` alone stands for such an id, too.
    pub body: Value,
    /// The name under which its id is kept.
    pub name: String,
}

fn piece(path: &str, name: &str, body: Value) -> Piece {
    Piece { method: "POST", path: path.to_owned(), body, name: name.to_owned() }
}

/// The settings: before any ledger account exists, and again to name the ledger accounts.
fn settings(receivable: Option<&str>, cash: Option<&str>, suspense: Option<&str>) -> Piece {
    let body = json!({
        "utility_name": "Penstock Municipal Utilities", "contact_phone": "+1 303 555 0100",
        "contact_email": "billing@penstock.example", "website": "https://penstock.example",
        "pay_address": ["Penstock Municipal Utilities", "PO Box 100", "Penstock, CO 80401"],
        "currency": "USD", "minor_digits": 2, "time_zone": "America/Denver", "languages": ["en", "es"],
        "second_language": null, "sandbox": true, "review_delay_hours": 4,
        "read_days_before": 7, "read_days_after": 5, "checks": {}, "pay_link_base": "https://penstock.example/pay",
        "receivable_gl_id": receivable, "cash_gl_id": cash, "suspense_gl_id": suspense,
    });
    Piece { method: "PUT", path: "/v1/settings".to_owned(), body, name: "settings".to_owned() }
}

/// Everything, in the order in which it must be sent. The second sending of the settings carries the
/// version that the first one answered.
pub fn configuration(plan: &Plan) -> Vec<Piece> {
    let mut pieces = vec![settings(None, None, None)];
    for (code, name) in [
        ("1000", "Cash"),
        ("1100", "Receivable"),
        ("2100", "Suspense"),
        ("3000", "Opening balances"),
        ("4000", "Revenue, electricity"),
        ("4100", "Revenue, water"),
        ("4200", "Revenue, sewer"),
        ("4300", "Revenue, refuse"),
        ("4400", "Revenue, storm water"),
        ("2300", "Sales tax to be paid"),
    ] {
        pieces.push(piece("/v1/gl-accounts", &format!("gl {code}"), json!({ "code": code, "name": name })));
    }
    pieces.push(settings(Some("{gl 1100}"), Some("{gl 1000}"), Some("{gl 2100}")));
    for (code, name, days) in [("residential", "Residential", 21), ("commercial", "Commercial", 14)] {
        let body = json!({ "code": code, "name": name, "due_days": days });
        pieces.push(piece("/v1/customer-classes", &format!("class {code}"), body));
    }
    let opening =
        json!({ "code": "opening_balance", "name": "Opening balance", "gl_account_id": "{gl 3000}" });
    pieces.push(piece("/v1/adjustment-types", "opening balance", opening));
    contract_types(&mut pieces, plan);
    rates(&mut pieces, plan);
    pieces.push(piece(
        "/v1/bill-cycles",
        "cycle",
        json!({ "code": "MONTHLY", "name": "Monthly, whole town" }),
    ));
    let ends_on = month_end(plan.month_on);
    let bill_on = civil::format(ends_on + time::Duration::days(2));
    let (starts_on, ends_on) = (civil::format(plan.month_on), civil::format(ends_on));
    let window = json!({ "starts_on": starts_on, "ends_on": ends_on, "bill_on": bill_on });
    pieces.push(piece("/v1/bill-cycles/{cycle}/windows", "window", window));
    pieces
}

fn contract_types(pieces: &mut Vec<Piece>, plan: &Plan) {
    let all = [
        ("electricity", "Electricity", "metered", "meter_read", "4000"),
        ("water", "Water", "metered", "meter_read", "4100"),
        ("sewer", "Sewer", "rated_item", "calendar_period", "4200"),
        ("refuse", "Refuse", "rated_item", "calendar_period", "4300"),
        ("stormwater", "Storm water", "rated_item", "calendar_period", "4400"),
    ];
    let billed = all.into_iter().filter(|(code, ..)| plan.services.have(code));
    for (at, (code, name, method, end_date, revenue)) in billed.enumerate() {
        let maximum = (method == "metered").then(|| json!({ "amount": "5000.00", "currency": "USD" }));
        let body = json!({
            "code": code, "name": name, "commodity": code, "method": method, "end_date": end_date,
            "sequence": (at + 1) * 10, "minimum_days": 5, "maximum": maximum,
            "receivable_gl_account_id": "{gl 1100}", "revenue_gl_account_id": format!("{{gl {revenue}}}"),
        });
        pieces.push(piece("/v1/contract-types", &format!("contract type {code}"), body));
    }
}

fn rates(pieces: &mut Vec<Piece>, plan: &Plan) {
    // Well before the first day that is billed, so that one version holds throughout.
    let effective_on = format!("{}-01-01", plan.month_on.year() - 2);
    let all = [
        ("E-HOME", "Residential electricity", "electricity", riders(plan, home_electricity())),
        ("E-SHOP", "Time-of-use electricity", "electricity", shop_electricity()),
        ("W-METERED", "Metered water", "water", water()),
        (
            "SEWER",
            "Sewer by dwelling unit",
            "sewer",
            per_item("sewer", "Sewer service", "Servicio de alcantarillado", "dwelling_units", "23.40"),
        ),
        (
            "REFUSE",
            "Refuse by cart",
            "refuse",
            recycling(
                plan,
                per_item("carts", "Cart collection", "Recolección por contenedor", "carts", "17.85"),
            ),
        ),
        (
            "STORM",
            "Storm water by ERU",
            "stormwater",
            per_item("erus", "Storm water", "Aguas pluviales", "erus", "5.75"),
        ),
    ];
    for (code, name, commodity, rules) in all.into_iter().filter(|of| plan.services.have(of.2)) {
        let schedule = json!({ "code": code, "name": name, "commodity": commodity, "frequency": "monthly" });
        pieces.push(piece("/v1/rate-schedules", &format!("rate {code}"), schedule));
        let path = format!("/v1/rate-schedules/{{rate {code}}}/versions");
        let version = json!({ "effective_on": effective_on, "rules": rules });
        pieces.push(piece(&path, &format!("version {code}"), version));
    }
}

fn tax() -> Value {
    json!({ "id": "tax", "label": { "en": "Sales tax", "es": "Impuesto sobre ventas" }, "gl_account": "2300",
            "charge": { "kind": "tax", "tax": "sales", "percent": "2.9", "of": "all" } })
}

fn home_electricity() -> Value {
    json!([
        { "id": "customer", "label": { "en": "Customer charge", "es": "Cargo fijo" },
          "charge": { "kind": "flat", "amount": "9.50" } },
        { "id": "energy", "label": { "en": "Energy", "es": "Energía" },
          "charge": { "kind": "tiered", "quantity": { "unit": "kwh" }, "tiers": [
              { "up_to": "500", "price": "0.1150" }, { "up_to": "1000", "price": "0.1320" }, { "price": "0.1580" }] } },
        tax()
    ])
}

fn shop_electricity() -> Value {
    let usage = |bucket: &str| json!({ "unit": "kwh", "bucket": bucket });
    json!([
        { "id": "customer", "label": { "en": "Customer charge", "es": "Cargo fijo" },
          "charge": { "kind": "flat", "amount": "24.00" } },
        { "id": "on_peak", "label": { "en": "Energy, on peak", "es": "Energía, horas punta" },
          "charge": { "kind": "unit", "quantity": usage("on_peak"), "price": "0.1890" } },
        { "id": "off_peak", "label": { "en": "Energy, off peak", "es": "Energía, horas valle" },
          "charge": { "kind": "unit", "quantity": usage("off_peak"), "price": "0.0920" } },
        { "id": "least", "label": { "en": "Minimum bill", "es": "Cargo mínimo" },
          "charge": { "kind": "minimum", "amount": "40.00", "of": "all" } },
        tax()
    ])
}

/// Of three services: a fuel rider and a fund, before the tax.
fn riders(plan: &Plan, mut rules: Value) -> Value {
    if plan.services == Services::Three
        && let Some(rules) = rules.as_array_mut()
    {
        let fuel = json!({ "id": "fuel", "label": { "en": "Fuel adjustment", "es": "Ajuste por combustible" },
                           "charge": { "kind": "unit", "quantity": { "unit": "kwh" }, "price": "0.00834" } });
        let fund = json!({ "id": "fund", "label": { "en": "Energy assistance fund", "es": "Fondo de ayuda" },
                           "charge": { "kind": "flat", "amount": "0.75" } });
        rules.splice(2..2, [fuel, fund]);
    }
    rules
}

/// Of three services: a second line.
fn recycling(plan: &Plan, mut rules: Value) -> Value {
    if plan.services == Services::Three
        && let Some(rules) = rules.as_array_mut()
    {
        rules.push(json!({ "id": "recycling", "label": { "en": "Recycling", "es": "Reciclaje" },
                           "charge": { "kind": "flat", "amount": "3.20" } }));
    }
    rules
}

fn water() -> Value {
    let by_size = json!({ "from": "lookup", "characteristic": "meter_size",
                          "values": { "5/8": "14.20", "1": "21.80", "2": "62.00" } });
    json!([
        { "id": "service", "label": { "en": "Service by meter size", "es": "Servicio por tamaño del medidor" },
          "charge": { "kind": "flat", "amount": by_size } },
        { "id": "use", "label": { "en": "Water", "es": "Agua" },
          "charge": { "kind": "tiered", "quantity": { "unit": "kgal" }, "tiers": [
              { "up_to": "4", "price": "3.10" }, { "up_to": "10", "price": "4.85" }, { "price": "7.40" }] } }
    ])
}

fn per_item(id: &str, english: &str, spanish: &str, item: &str, price: &str) -> Value {
    json!([{ "id": id, "label": { "en": english, "es": spanish },
             "charge": { "kind": "item", "item": item, "price": price } }])
}

#[cfg(test)]
mod tests {
    use super::*;
    use rating::RateVersion;
    use time::macros::date;
    use vocab::Currency;

    #[test]
    fn pieces_name_only_what_comes_before_and_tariffs_can_be_priced() {
        let plan = Plan { seed: 1, accounts: 1, month_on: date!(2026 - 03 - 01), services: Services::Five };
        let dollar = Currency::new("USD", 2).unwrap();
        let mut known: Vec<String> = Vec::new();
        let mut tariffs = 0;
        for piece in configuration(&plan) {
            let text = format!("{} {}", piece.path, piece.body);
            for name in text.split('{').skip(1).filter_map(|rest| rest.split_once('}').map(|(name, _)| name))
            {
                let is_name = ["gl ", "rate ", "cycle"].iter().any(|kind| name.starts_with(kind));
                assert!(!is_name || known.contains(&name.to_owned()), "{name} in {text}");
            }
            if piece.path.ends_with("/versions") {
                RateVersion::from_value(piece.body.clone(), &dollar).unwrap();
                tariffs += 1;
            }
            known.push(piece.name);
        }
        assert_eq!(tariffs, 6);
    }
}

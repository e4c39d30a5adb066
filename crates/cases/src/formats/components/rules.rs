//! Components into rules.

use super::inputs::Inputs;
use crate::bill::{Parts, key_json, price, slug};
use crate::{Fields, Rating, Stop, number};
use rating::QuantityKey;
use serde_json::{Value, json};
use vocab::{Currency, Decimal, Frequency};

/// Rules with the end of their last tier.
pub type Ends = Vec<(String, Decimal)>;

/// The tariff with the inputs; and the rules that have no price above some use.
pub fn translate(tariff: &Fields<'_>, inputs: Inputs) -> Result<(Rating, Ends), Stop> {
    let mut made = Translation {
        billing: tariff.text("billing_period")?,
        frequency: None,
        parts: Parts { quantities: inputs.definitions.clone(), ..Parts::default() },
        ends: Vec::new(),
        inputs,
    };
    let (currency, rounding) = rounded(tariff)?;
    let components = tariff.list("components")?;
    made.inputs.reads_stand_for(components.iter().filter_map(|of| of.get("quantity")?.as_str()))?;
    for (place, of) in components.iter().enumerate() {
        made.component(&Fields::of(tariff.place(&format!("components[{place}]")), of)?)?;
    }
    tariff.finish()?;
    for rule in &mut made.parts.rules {
        if let (Value::Object(rule), Some(rounding)) = (rule, rounding) {
            rule.insert("rounding".to_owned(), rounding.into());
        }
    }
    let mut rating = made.inputs.rating;
    rating.currency = currency;
    rating.frequency = made.frequency.unwrap_or(Frequency::Monthly);
    rating.tariff(made.parts);
    Ok((rating, made.ends))
}

struct Translation<'a> {
    inputs: Inputs,
    billing: Option<&'a str>,
    frequency: Option<Frequency>,
    parts: Parts,
    ends: Ends,
}

impl Translation<'_> {
    fn component(&mut self, of: &Fields<'_>) -> Result<(), Stop> {
        let id = slug(of.need_text("id")?);
        // What a price includes is for the reader: the tiers of the usage say it in numbers.
        of.describe(&["label", "name", "note", "includes"]);
        let (charge, proration) = match of.need_text("type")? {
            "fixed" => {
                let amount = of.need_number("amount")?;
                (json!({ "kind": "flat", "amount": price(amount) }), self.proration(of)?)
            }
            "usage" => (self.usage(of, &id)?, None),
            "graduated_percentage" => (self.percentages(of)?, None),
            "percent" => {
                let percent = shifted(of.need_number("rate")?, 2)?;
                (json!({ "kind": "percentage", "percent": percent, "of": bases(of)? }), None)
            }
            "package" => {
                let (quantity, _) = self.quantity(of)?;
                let charge = json!({
                    "kind": "package",
                    "quantity": quantity,
                    "size": price(of.need_number("package_size")?),
                    "free": price(of.number("free_units")?.unwrap_or_default()),
                    "price": price(of.need_number("amount")?),
                });
                (charge, None)
            }
            other => return Err(of.unknown("type", other)),
        };
        of.finish()?;
        self.parts.rule(&id, charge, proration);
        Ok(())
    }

    /// The key of the priced quantity, and of the whole one that chooses the tier of a part.
    fn quantity(&self, of: &Fields<'_>) -> Result<(Value, Option<Value>), Stop> {
        let name = of.need_text("quantity")?;
        let known = self.inputs.known.get(name).or(self.inputs.stand_in.as_ref());
        let key: &QuantityKey =
            known.ok_or_else(|| Stop::because(format!("the quantity `{name}` is not given")))?;
        let full = self.inputs.known.get(&format!("full_{name}")).map(key_json);
        Ok((key_json(key), full))
    }

    fn usage(&mut self, of: &Fields<'_>, id: &str) -> Result<Value, Stop> {
        let (quantity, full) = self.quantity(of)?;
        let mut tiers = Vec::new();
        let list = of.list("tiers")?;
        for (place, tier) in list.iter().enumerate() {
            let tier = Fields::of(of.place(&format!("tiers[{place}]")), tier)?;
            let mut made = json!({ "price": price(tier.need_number("rate")?) });
            if let Some(flat) = tier.number("flat")? {
                made["flat"] = price(flat);
            }
            match tier.number("up_to")? {
                Some(top) if place + 1 == list.len() => self.ends.push((id.to_owned(), top)),
                Some(top) => made["up_to"] = price(top),
                None => {}
            }
            tier.finish()?;
            tiers.push(made);
        }
        match of.text("tier_mode")?.unwrap_or("graduated") {
            "graduated" if full.is_some() => {
                Err(Stop::because("graduated tiers of a part whose whole chooses them"))
            }
            "graduated" => Ok(json!({ "kind": "tiered", "quantity": quantity, "tiers": tiers })),
            "volume" => {
                let mut charge = json!({ "kind": "volume", "quantity": quantity, "tiers": tiers });
                if let Some(full) = full {
                    charge["selected_by"] = full;
                }
                Ok(charge)
            }
            other => Err(of.unknown("tier_mode", other)),
        }
    }

    /// Tiers of an amount of money with a percentage each: a price per unit of a hundredth.
    fn percentages(&self, of: &Fields<'_>) -> Result<Value, Stop> {
        let (quantity, _) = self.quantity(of)?;
        let mut tiers = Vec::new();
        for (place, tier) in of.list("tiers")?.iter().enumerate() {
            let tier = Fields::of(of.place(&format!("tiers[{place}]")), tier)?;
            let mut made = json!({ "price": shifted(tier.need_number("percent")?, -2)? });
            for (ours, theirs) in [("flat", "flat"), ("up_to", "up_to")] {
                if let Some(value) = tier.number(theirs)? {
                    made[ours] = price(value);
                }
            }
            tier.finish()?;
            tiers.push(made);
        }
        Ok(json!({ "kind": "tiered", "quantity": quantity, "tiers": tiers }))
    }

    /// How a fixed amount follows the days.
    fn proration(&mut self, of: &Fields<'_>) -> Result<Option<Value>, Stop> {
        let per = of.text("per")?.unwrap_or("period");
        let text = of.text("prorate")?.map(|text| {
            // Which days count is said by the period.
            let said = text.strip_suffix(", both inclusive").unwrap_or(text).to_lowercase();
            said.chars().filter(|c| !c.is_whitespace()).collect::<String>()
        });
        let of_period = matches!(per, "period" | "billing_period") || Some(per) == self.billing;
        let basis = match (per, text.as_deref()) {
            ("day", None) => json!({ "basis": "per_day" }),
            (_, None | Some("none")) if of_period => return Ok(None),
            ("month", Some("days/(365/12)")) => self.year(Frequency::Monthly)?,
            ("quarter", Some("days/(365/4)")) => self.year(Frequency::Quarterly)?,
            ("year", Some("days/365")) => json!({ "basis": "year" }),
            (_, Some("servicedays/perioddays" | "billabledays/perioddays" | "days/perioddays"))
                if of_period =>
            {
                json!({ "basis": "whole_period" })
            }
            ("month" | "quarter", Some(other)) => {
                let days = other.strip_prefix("days/").and_then(number::parse);
                let Some(days) = days else { return Err(of.unknown("prorate", other)) };
                json!({ "basis": "nominal", "days": price(days), "tolerance": "0" })
            }
            (_, Some(other)) => return Err(of.unknown("prorate", other)),
            (other, None) => return Err(of.unknown("per", other)),
        };
        if !self.inputs.has_days {
            return Err(Stop::because("a charge by days, and no period is given"));
        }
        Ok(Some(basis))
    }

    fn year(&mut self, frequency: Frequency) -> Result<Value, Stop> {
        if self.frequency.is_some_and(|other| other != frequency) {
            return Err(Stop::because("amounts per month and per quarter by the year in one tariff"));
        }
        self.frequency = Some(frequency);
        Ok(json!({ "basis": "year", "amounts": "per_period" }))
    }
}

/// A percentage from a fraction, or the other way: the point moved.
fn shifted(value: Decimal, places: i32) -> Result<Value, Stop> {
    number::scaled(value, places).map(price).ok_or_else(|| Stop::because("a percentage is out of range"))
}

fn bases(of: &Fields<'_>) -> Result<Value, Stop> {
    match of.get("of") {
        None => Ok("all".into()),
        Some(Value::String(text)) if text == "all" => Ok("all".into()),
        Some(Value::Array(list)) => {
            let ids = list.iter().map(|id| id.as_str().map(|id| Value::String(slug(id))));
            ids.collect::<Option<_>>().map(Value::Array).ok_or_else(|| of.wrong("of", "a list of ids"))
        }
        Some(_) => Err(of.wrong("of", "a list of ids")),
    }
}

/// How the format rounds where a tariff does not say.
const ROUNDING: &str = "half_up, 2 places, each tier amount and each line";

/// The currency with its decimals, and the way that halves go when it is not the usual one.
fn rounded(tariff: &Fields<'_>) -> Result<(Currency, Option<&'static str>), Stop> {
    let code = tariff.text("currency")?.unwrap_or(Currency::UNROUNDED.code());
    let text = tariff.text("rounding")?.unwrap_or(ROUNDING);
    let unknown = || tariff.unknown("rounding", text);
    let mut parts = text.split(',').map(str::trim);
    let mode = match parts.next().unwrap_or_default() {
        "none" => return Ok((Currency::UNROUNDED, None)),
        "half_up" => None,
        "half_even" => Some("half_even"),
        "down" => Some("down"),
        "up" => Some("up"),
        _ => return Err(unknown()),
    };
    let places = parts.next().and_then(|part| part.strip_suffix("places").or(part.strip_suffix("place")));
    let places: u8 = places.and_then(|places| places.trim().parse().ok()).ok_or_else(unknown)?;
    if !matches!(parts.next(), None | Some("per line" | "each line" | "each tier amount and each line")) {
        return Err(unknown());
    }
    let currency = Currency::new(code, places);
    Ok((currency.ok_or_else(unknown)?, mode))
}

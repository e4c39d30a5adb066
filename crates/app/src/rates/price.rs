//! What a schedule charges for given quantities: the same rating as on a bill, without one.

use super::{factor_table, find_schedule, frequency, tariff};
use crate::naming::{decimal, few};
use crate::{App, Error, Result, Utility};
use rating::{
    Characteristic, InForce, ItemCount, Line, Quantity, QuantityKey, QuantityKind, RatingInput, Word,
};
use serde_json::Value;
use std::collections::BTreeMap;
use store::Tx;
use time::Date;
use vocab::{Code, Decimal, Language, Money, Period, Problem, RateScheduleId, RateVersionId, Unit};

/// Most quantities, items or characteristics of one request.
const ENTRIES_MAX: usize = 100;

/// Stands for the id of a tariff that has none.
const UNSAVED: RateVersionId = RateVersionId(0);

/// What to price.
#[derive(Debug, Clone)]
pub struct PriceRequest {
    /// A tariff that nobody has saved, in the place of the schedule's versions.
    pub tariff: Option<Value>,
    /// First charged day.
    pub first_on: Date,
    /// Last charged day.
    pub last_on: Date,
    /// Whether it would be the contract's first segment.
    pub is_first: bool,
    /// Whether it would be the contract's final segment.
    pub is_final: bool,
    /// What was used.
    pub quantities: Vec<QuantityGiven>,
    /// Items counted: name and count, as a decimal text.
    pub items: BTreeMap<String, String>,
    /// What look-ups and factors select by.
    pub characteristics: BTreeMap<String, String>,
    /// Language of the sentences.
    pub language: Language,
}

/// A quantity to price.
#[derive(Debug, Clone)]
pub struct QuantityGiven {
    /// Unit of measure.
    pub unit: Unit,
    /// Time-of-use bucket.
    pub bucket: Option<String>,
    /// Name of a quantity worked out elsewhere.
    pub name: Option<String>,
    /// `usage`, `peak`, `level` or `daily_peaks`; usage when absent.
    pub kind: Option<String>,
    /// How much, as a decimal text.
    pub value: String,
}

/// What it comes to.
#[derive(Debug, Clone)]
pub struct Priced {
    /// The sum of the lines, exactly.
    pub total: Money,
    /// The lines, in the order of the rules.
    pub lines: Vec<PricedLine>,
}

/// One row of the arithmetic, with the customer's sentence.
#[derive(Debug, Clone)]
pub struct PricedLine {
    /// The rule that made it.
    pub rule: String,
    /// The version that the rule was taken from; none of a tariff that is not saved.
    pub version: Option<RateVersionId>,
    /// The kind of arithmetic, as in the tariff.
    pub kind: String,
    /// First charged day.
    pub first_on: Date,
    /// Last charged day.
    pub last_on: Date,
    /// What the bill says, in the asked language, else English.
    pub sentence: String,
    /// What was priced.
    pub quantity: Option<PricedQuantity>,
    /// Number of the tier, from 1.
    pub tier: Option<u32>,
    /// Price per unit, amount per period, or percentage.
    pub price: Decimal,
    /// The exact factor that the price was multiplied by: `15/30`.
    pub proration: String,
    /// In major units, before rounding.
    pub unrounded: Decimal,
    /// The rounded amount.
    pub amount: Money,
    /// Code of the revenue account, when the rule names one.
    pub gl_account: Option<String>,
    /// Grouping tag.
    pub service: Option<String>,
}

/// The priced quantity of a line.
#[derive(Debug, Clone)]
pub struct PricedQuantity {
    /// How much.
    pub value: Decimal,
    /// Unit of measure; absent for items.
    pub unit: Option<Unit>,
    /// Time-of-use bucket.
    pub bucket: Option<String>,
    /// Name of an item or of a quantity worked out elsewhere.
    pub name: Option<String>,
}

impl App {
    /// What a schedule charges for the given quantities. Nothing is stored.
    pub fn price(&self, schedule: RateScheduleId, request: &PriceRequest) -> Result<Priced> {
        self.db().tx(|tx| price(tx, schedule, request))
    }
}

fn price(tx: &mut Tx<'_>, id: RateScheduleId, request: &PriceRequest) -> Result<Priced> {
    let utility = Utility::load(tx)?;
    let schedule = find_schedule(tx, id)?;
    let period = Period::new(request.first_on, request.last_on)
        .ok_or_else(|| Problem::field("/last_on", Code::FieldRange, "not before the first day"))?;
    let (quantities, items, characteristics) = (quantities(request)?, items(request)?, selectors(request)?);
    let versions = match &request.tariff {
        Some(tariff) => vec![(UNSAVED, tariff::unsaved(tx, tariff, &utility.currency, "/tariff")?)],
        None => store::rates::versions(tx, id)?
            .into_iter()
            .map(|row| Ok((row.id, tariff::stored(row.tariff, &utility.currency)?)))
            .collect::<Result<Vec<_>>>()?,
    };
    let in_force: Vec<InForce<'_>> =
        versions.iter().map(|(id, version)| InForce { id: *id, version }).collect();
    let factors = factor_table(tx)?;
    let rated = rating::rate(&RatingInput {
        is_first: request.is_first,
        is_final: request.is_final,
        quantities: &quantities,
        items: &items,
        characteristics: &characteristics,
        factors: &factors,
        ..RatingInput::new(id, period, frequency(&schedule)?, &in_force, utility.currency)
    })
    .map_err(|error| Error::from(error.problem()))?;
    let lines = rated.lines().iter().map(|line| shown(line, &request.language)).collect();
    Ok(Priced { total: rated.total(), lines })
}

fn word(pointer: &str, text: &str) -> Result<Word> {
    text.parse().map_err(|error: rating::NotAWord| {
        Problem::field(pointer, Code::FieldFormat, error.to_string()).into()
    })
}

fn quantities(request: &PriceRequest) -> Result<Vec<Quantity>> {
    few("/quantities", request.quantities.len(), ENTRIES_MAX)?;
    let mut all: Vec<Quantity> = Vec::with_capacity(request.quantities.len());
    for (at, given) in request.quantities.iter().enumerate() {
        let pointer = format!("/quantities/{at}");
        let named = |name: &str, text: &Option<String>| {
            text.as_ref().map(|text| word(&format!("{pointer}/{name}"), text)).transpose()
        };
        let kind = match given.kind.as_deref() {
            None | Some("usage") => QuantityKind::Usage,
            Some("peak") => QuantityKind::Peak,
            Some("level") => QuantityKind::Level,
            Some("daily_peaks") => QuantityKind::DailyPeaks,
            Some(_) => {
                let detail = "usage, peak, level or daily_peaks";
                return Err(Problem::field(format!("{pointer}/kind"), Code::FieldFormat, detail).into());
            }
        };
        let key = QuantityKey {
            unit: given.unit,
            bucket: named("bucket", &given.bucket)?,
            name: named("name", &given.name)?,
            kind,
        };
        if all.iter().any(|other| other.key == key) {
            return Err(Problem::field(pointer, Code::FieldRange, format!("`{key}` stands twice")).into());
        }
        all.push(Quantity { key, value: decimal(&format!("{pointer}/value"), &given.value)? });
    }
    Ok(all)
}

fn items(request: &PriceRequest) -> Result<Vec<ItemCount>> {
    few("/items", request.items.len(), ENTRIES_MAX)?;
    let counted = request.items.iter().map(|(item, count)| {
        let pointer = format!("/items/{item}");
        Ok(ItemCount { item: word(&pointer, item)?, count: decimal(&pointer, count)? })
    });
    counted.collect()
}

fn selectors(request: &PriceRequest) -> Result<Vec<Characteristic>> {
    few("/characteristics", request.characteristics.len(), ENTRIES_MAX)?;
    let named = request.characteristics.iter().map(|(name, value)| {
        let name = word(&format!("/characteristics/{name}"), name)?;
        Ok(Characteristic { name, value: value.clone() })
    });
    named.collect()
}

fn shown(line: &Line, language: &Language) -> PricedLine {
    let text = |word: &Word| word.to_string();
    let key = || match line.label.text() {
        rating::LabelText::Key(key) => key.clone(),
        rating::LabelText::Texts(_) => line.rule.to_string(),
    };
    PricedLine {
        rule: line.rule.to_string(),
        version: Some(line.version).filter(|id| *id != UNSAVED),
        kind: line.kind.as_str().to_owned(),
        first_on: line.period.first_on(),
        last_on: line.period.last_on(),
        sentence: line.sentence(language).unwrap_or_else(key),
        quantity: line.quantity.as_ref().map(|quantity| PricedQuantity {
            value: quantity.value,
            unit: quantity.unit,
            bucket: quantity.bucket.as_ref().map(text),
            name: quantity.name.as_ref().map(text),
        }),
        tier: line.tier.as_ref().map(|tier| tier.number),
        price: line.price,
        proration: line.proration.to_string(),
        unrounded: line.unrounded,
        amount: line.amount_minor,
        gl_account: line.gl_account.as_ref().map(text),
        service: line.service.as_ref().map(text),
    }
}

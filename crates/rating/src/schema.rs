//! Schemas of the forms that serde reads by hand: decimals, short texts, prices, thresholds,
//! labels, days of the year. The rest of the tariff's schema is derived from its types, so that the
//! published form cannot drift from the one that is read.

use crate::label::{ARGUMENTS, Label};
use crate::tariff::calendar::{MonthDay, TimeOfDay};
use crate::tariff::{Bases, FactorChange, Price, QuantityKey, Tariff, Top};
use crate::word::Word;
use std::borrow::Cow;
use utoipa::openapi::schema::{
    AdditionalProperties, ArrayBuilder, Object, ObjectBuilder, OneOfBuilder, Schema, Type,
};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

type Parts = Vec<(String, RefOr<Schema>)>;

/// The whole form: [`Tariff`] with every part that it names, closed to unknown members as serde is.
pub struct TariffForm;

impl PartialSchema for TariffForm {
    fn schema() -> RefOr<Schema> {
        Tariff::schema()
    }
}

impl ToSchema for TariffForm {
    fn name() -> Cow<'static, str> {
        Tariff::name()
    }
    fn schemas(parts: &mut Parts) {
        Tariff::schemas(parts);
        // The derived schema of an enum leaves its variants open.
        for (_, part) in parts.iter_mut().filter(|(name, _)| name.starts_with("Tariff")) {
            let RefOr::T(Schema::OneOf(variants)) = part else { continue };
            for variant in &mut variants.items {
                let RefOr::T(Schema::Object(object)) = variant else { continue };
                if object.additional_properties.is_none() && !object.properties.is_empty() {
                    object.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
                }
            }
        }
    }
}

/// A decimal in a string.
pub struct Exact;

impl PartialSchema for Exact {
    fn schema() -> RefOr<Schema> {
        text("^-?[0-9]+(\\.[0-9]+)?$")
            .description(Some("A decimal in a string: no exponent, no separators."))
            .examples(["12.50"])
            .into()
    }
}

impl ToSchema for Exact {
    fn name() -> Cow<'static, str> {
        "TariffDecimal".into()
    }
}

impl PartialSchema for Word {
    fn schema() -> RefOr<Schema> {
        text("^\\S(.{0,62}\\S)?$")
            .description(Some("A short text of 1 to 64 characters, no blank at either end."))
            .examples(["on_peak"])
            .into()
    }
}

impl ToSchema for Word {
    fn name() -> Cow<'static, str> {
        "TariffWord".into()
    }
}

impl PartialSchema for MonthDay {
    fn schema() -> RefOr<Schema> {
        text("^(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$")
            .description(Some("A day of every year: month and day."))
            .examples(["06-01"])
            .into()
    }
}

impl ToSchema for MonthDay {
    fn name() -> Cow<'static, str> {
        "TariffMonthDay".into()
    }
}

impl PartialSchema for TimeOfDay {
    fn schema() -> RefOr<Schema> {
        text("^(([01][0-9]|2[0-3]):[0-5][05]|24:00)$")
            .description(Some("A minute of the day, a multiple of five; `24:00` is the day's end."))
            .examples(["16:00"])
            .into()
    }
}

impl ToSchema for TimeOfDay {
    fn name() -> Cow<'static, str> {
        "TariffTimeOfDay".into()
    }
}

impl PartialSchema for Label {
    fn schema() -> RefOr<Schema> {
        let sentence = || text("\\S").max_length(Some(200));
        let texts = ObjectBuilder::new()
            .property("en", sentence())
            .required("en")
            .additional_properties(Some(AdditionalProperties::from(Schema::from(sentence()))))
            .description(Some("Texts by language; English is always among them."));
        let key = text("").min_length(Some(1)).max_length(Some(128));
        let marks: Vec<String> = ARGUMENTS.iter().map(|name| format!("`{{{name}}}`")).collect();
        OneOfBuilder::new()
            .item(texts)
            .item(key.description(Some("The key of a message in the utility's own texts.")))
            .description(Some(format!("A name on the bill. Texts may hold marks: {}.", marks.join(", "))))
            .into()
    }
}

impl ToSchema for Label {
    fn name() -> Cow<'static, str> {
        "TariffLabel".into()
    }
}

impl PartialSchema for Bases {
    fn schema() -> RefOr<Schema> {
        OneOfBuilder::new()
            .item(word("all").description(Some("Those of all earlier rules, taxes and summaries apart.")))
            .item(
                ArrayBuilder::new()
                    .items(to::<Word>())
                    .min_items(Some(1))
                    .description(Some("Those of these earlier rules.")),
            )
            .description(Some("Which earlier lines."))
            .into()
    }
}

impl ToSchema for Bases {
    fn name() -> Cow<'static, str> {
        "TariffBases".into()
    }
    fn schemas(parts: &mut Parts) {
        add::<Word>(parts);
    }
}

impl PartialSchema for Price {
    fn schema() -> RefOr<Schema> {
        let factor = closed("factor", "The value of a dated factor.")
            .property("factor", to::<Word>())
            .required("factor")
            .property("characteristic", to::<Word>())
            .property("change", to::<FactorChange>());
        OneOfBuilder::new()
            .item(to::<Exact>())
            .item(look_up())
            .item(factor)
            .description(Some("A price, percentage or amount: a decimal, or where to find one."))
            .into()
    }
}

impl ToSchema for Price {
    fn name() -> Cow<'static, str> {
        "TariffPrice".into()
    }
    fn schemas(parts: &mut Parts) {
        add::<Exact>(parts);
        add::<Word>(parts);
        add::<FactorChange>(parts);
    }
}

impl PartialSchema for Top {
    fn schema() -> RefOr<Schema> {
        let quantity =
            closed("quantity", "Another quantity, not prorated but cut by the days that the use is cut by.")
                .property("quantity", to::<QuantityKey>())
                .required("quantity");
        OneOfBuilder::new()
            .item(to::<Exact>())
            .item(look_up())
            .item(quantity)
            .description(Some("Where a tier ends, inclusive."))
            .into()
    }
}

impl ToSchema for Top {
    fn name() -> Cow<'static, str> {
        "TariffThreshold".into()
    }
    fn schemas(parts: &mut Parts) {
        add::<Exact>(parts);
        add::<Word>(parts);
        add::<QuantityKey>(parts);
    }
}

fn text(pattern: &str) -> ObjectBuilder {
    let text = ObjectBuilder::new().schema_type(Type::String);
    if pattern.is_empty() { text } else { text.pattern(Some(pattern)) }
}

fn word(only: &'static str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some([only]))
}

/// An object that says by `from` what it is.
fn closed(from: &'static str, description: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .property("from", word(from))
        .required("from")
        .additional_properties(Some(AdditionalProperties::FreeForm(false)))
        .description(Some(description))
}

fn look_up() -> Object {
    let values = ObjectBuilder::new()
        .additional_properties(Some(AdditionalProperties::from(to::<Exact>())))
        .min_properties(Some(1));
    closed("lookup", "A value by characteristic; `default` for any other.")
        .property("characteristic", to::<Word>())
        .required("characteristic")
        .property("values", values)
        .required("values")
        .property("default", to::<Exact>())
        .build()
}

fn to<T: ToSchema>() -> RefOr<Schema> {
    RefOr::Ref(Ref::from_schema_name(T::name()))
}

fn add<T: ToSchema>(parts: &mut Parts) {
    parts.push((T::name().into_owned(), T::schema()));
    T::schemas(parts);
}

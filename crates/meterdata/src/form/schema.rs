//! The schema of a form, for the OpenAPI document.
//!
//! Written by hand where a derived one would be wrong: a mapping and a layout refuse fields they do not
//! have, so that the word for the format stands among their own.

use std::borrow::Cow;

use utoipa::openapi::schema::{AdditionalProperties, ObjectBuilder, OneOfBuilder, Schema, SchemaType, Type};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use vocab::ReadQuality;

use super::FileForm;
use crate::cmep::Clock;
use crate::csv::ColumnMap;
use crate::fixed_width::{Layout, Meaning, ValueForm};
use crate::itron::Holds;

impl PartialSchema for FileForm {
    fn schema() -> RefOr<Schema> {
        let plain = |name: &str| tagged(name, ObjectBuilder::new());
        let clock = Ref::from_schema_name(Clock::name());
        let holds = Ref::from_schema_name(Holds::name());
        let minutes = ObjectBuilder::new()
            .schema_type(SchemaType::new(Type::Integer))
            .minimum(Some(1))
            .maximum(Some(1440))
            .description(Some("Minutes of a flow's interval, which divide a day; 60 when absent."));
        let forms = OneOfBuilder::new()
            .item(with_format("csv", ColumnMap::schema()))
            .item(with_format("fixed_width", Layout::schema()))
            .item(plain("nem"))
            .item(tagged("cmep", ObjectBuilder::new().property("clock", clock)))
            .item(tagged("beacon", ObjectBuilder::new().property("interval_minutes", minutes)))
            .item(tagged("itron", ObjectBuilder::new().property("holds", holds)))
            .item(plain("d0010"))
            .item(plain("green_button"))
            .description(Some("How a file is read: its format, with what a file of it does not say."));
        RefOr::T(Schema::OneOf(forms.build()))
    }
}

impl ToSchema for FileForm {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("ReadingFileForm")
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        ColumnMap::schemas(schemas);
        Layout::schemas(schemas);
        schemas.push((Clock::name().into_owned(), Clock::schema()));
        Clock::schemas(schemas);
        schemas.push((Holds::name().into_owned(), Holds::schema()));
        Holds::schemas(schemas);
    }
}

/// A word, or an object of one field: the word with what it needs besides. A derived schema cannot say
/// words that mean nothing (`null`).
impl PartialSchema for Meaning {
    fn schema() -> RefOr<Schema> {
        let plain = [Self::Point, Self::Serial, Self::Register, Self::TroubleCode, Self::Filler];
        let words = plain.map(|meaning| meaning.as_str());
        let pattern = |example: &str| {
            ObjectBuilder::new().schema_type(SchemaType::new(Type::String)).examples([example])
        };
        let nothing = ObjectBuilder::new().schema_type(SchemaType::new(Type::Null));
        let quality = OneOfBuilder::new().item(Ref::from_schema_name(ReadQuality::name())).item(nothing);
        let quality = Schema::OneOf(quality.build());
        let qualities = ObjectBuilder::new()
            .additional_properties(Some(AdditionalProperties::RefOr(RefOr::T(quality))))
            .description(Some("The file's words; `null` for one that says that there is no reading."));
        let meanings = OneOfBuilder::new()
            .item(ObjectBuilder::new().schema_type(SchemaType::new(Type::String)).enum_values(Some(words)))
            .item(alone("date", pattern("YYYYMMDD")))
            .item(alone("time", pattern("hhmm")))
            .item(alone("value", Ref::from_schema_name(ValueForm::name())))
            .item(alone("quality", qualities))
            .description(Some("What a field says."));
        RefOr::T(Schema::OneOf(meanings.build()))
    }
}

impl ToSchema for Meaning {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("ReadingFileMeaning")
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((ValueForm::name().into_owned(), ValueForm::schema()));
        ValueForm::schemas(schemas);
        schemas.push((ReadQuality::name().into_owned(), ReadQuality::schema()));
    }
}

/// An object of this one field.
fn alone(name: &str, of: impl Into<RefOr<Schema>>) -> Schema {
    let object = ObjectBuilder::new().property(name, of).required(name);
    Schema::Object(object.additional_properties(Some(AdditionalProperties::FreeForm(false))).build())
}

/// The word for the format.
fn word(name: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::new(Type::String)).enum_values(Some([name]))
}

/// An object of these fields and the word for the format, and of no others.
fn tagged(name: &str, object: ObjectBuilder) -> Schema {
    let object = object.property("format", word(name)).required("format");
    Schema::Object(object.additional_properties(Some(AdditionalProperties::FreeForm(false))).build())
}

/// A derived schema with the word for the format among its fields.
fn with_format(name: &str, of: RefOr<Schema>) -> RefOr<Schema> {
    match of {
        RefOr::T(Schema::Object(mut object)) => {
            object.properties.insert("format".to_owned(), RefOr::T(Schema::Object(word(name).build())));
            object.required.push("format".to_owned());
            RefOr::T(Schema::Object(object))
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn every_form_that_comes_with_the_program_has_the_fields_of_its_schema() {
        let schema = serde_json::to_value(FileForm::schema()).unwrap();
        let forms = schema["oneOf"].as_array().unwrap();
        let plain = ["nem", "cmep", "beacon", "itron", "d0010", "green_button"];
        let plain = plain.map(|name| serde_json::json!({ "format": name }));
        let plain = plain.map(|form| serde_json::from_value::<FileForm>(form).unwrap());
        let shipped = FileForm::shipped().into_iter().map(|(_, form)| form);
        for form in shipped.chain(plain) {
            let of = forms.iter().find(|of| of["properties"]["format"]["enum"][0] == form.name()).unwrap();
            assert_eq!(of["additionalProperties"], Value::Bool(false), "{of}");
            let written = serde_json::to_value(&form).unwrap();
            for name in written.as_object().unwrap().keys() {
                assert!(of["properties"].get(name).is_some(), "{name} of {}", form.name());
            }
            for name in of["required"].as_array().unwrap() {
                assert!(written.get(name.as_str().unwrap()).is_some(), "{name} of {}", form.name());
            }
        }
        let mut found = Vec::new();
        FileForm::schemas(&mut found);
        let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
        for name in [
            "ReadingFileColumns",
            "ReadingFileMeaning",
            "ReadingFileValueForm",
            "ReadingFileClock",
            "ReadingFileStamped",
        ] {
            assert!(names.contains(&name), "{name} of {names:?}");
        }
    }
}

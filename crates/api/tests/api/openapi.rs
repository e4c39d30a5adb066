//! The OpenAPI document as clients are generated from it.

use serde_json::Value;

/// Every `$ref` in a part of the document.
fn references<'a>(part: &'a Value, found: &mut Vec<&'a str>) {
    match part {
        Value::Object(members) => {
            found.extend(members.get("$ref").and_then(Value::as_str));
            members.values().for_each(|member| references(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let document: Value = serde_json::from_str(&api::document_json().unwrap()).unwrap();
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(!found.is_empty());
    found.retain(|reference| {
        reference.strip_prefix('#').is_none_or(|pointer| document.pointer(pointer).is_none())
    });
    found.sort_unstable();
    found.dedup();
    assert!(found.is_empty(), "lead nowhere: {found:?}");
}

/// A body whose form is not told is an empty schema, of which a client makes anything.
#[test]
fn the_report_of_an_import_is_published_with_its_form() {
    let document: Value = serde_json::from_str(&api::document_json().unwrap()).unwrap();
    let path =
        "/paths/~1v1~1reading-imports~1{id}~1report/get/responses/200/content/application~1json/schema";
    let schema = document.pointer(path).unwrap();
    assert_eq!(schema["$ref"], "#/components/schemas/ReadingImportReport");
}

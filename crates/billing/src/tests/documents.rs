//! The stored form of a draft, held fast by its golden file.

use crate::samples::*;
use crate::*;

/// With what most lines have alike written out.
const V1: &str = include_str!("../golden/draft_v1.json");
const GOLDEN: &str = include_str!("../golden/draft_v2.json");

#[test]
fn version_2_reads_and_writes_as_it_always_did() {
    let draft = draft(&RunContext::new(january()), &full_account());
    let written: serde_json::Value = serde_json::from_str(&draft.to_json().unwrap()).unwrap();
    let golden: serde_json::Value = serde_json::from_str(GOLDEN).unwrap();
    assert_eq!(written, golden, "{}", serde_json::to_string_pretty(&draft).unwrap());
    assert_eq!(Draft::parse(GOLDEN).unwrap(), draft);
    assert_eq!(Draft::parse(V1).unwrap(), draft);
}

#[test]
fn another_version_is_not_guessed_at() {
    let later = GOLDEN.replacen("\"v\": 2", "\"v\": 3", 1);
    assert!(matches!(Draft::parse(&later), Err(UnreadableDocument::Version(3))));
    assert!(matches!(Draft::parse("{}"), Err(UnreadableDocument::Form(_))));
    let draft = Draft::parse(GOLDEN).unwrap();
    let calc = draft.segments[0].calc.as_deref().unwrap();
    assert_eq!(&Calculation::parse(&calc.to_json().unwrap()).unwrap(), calc);
}

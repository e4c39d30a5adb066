//! What accounts own after a run, in a form that two databases of the same town can be compared in
//! (I11): row by row, by the accounts' own references, ids and times aside.

use crate::Program;
use serde_json::Value;
use std::collections::BTreeMap;

/// The kind of service of a row's contract, which stays when ids are set aside.
const SERVICE: &str = "'service', (SELECT k.code FROM contracts c JOIN contract_types k ON k.id = c.contract_type_id \
     WHERE c.account_id = t.account_id AND c.id = t.contract_id)";
/// The codes of a transaction's ledger accounts, in its order.
const LEDGER: &str = "'ledger', (SELECT jsonb_agg(g.code ORDER BY l.place) FROM unnest(t.gl_account_ids) WITH ORDINALITY \
     AS l(id, place) JOIN gl_accounts g ON g.id = l.id)";
/// What a bill run writes, with what stands for the ids that say something.
const WRITTEN: &[(&str, &str)] = &[
    ("accounts", ""),
    ("allocations", ""),
    ("bill_errors", SERVICE),
    ("bills", ""),
    ("drafts", ""),
    ("draws", ""),
    ("flags", SERVICE),
    ("fts", LEDGER),
    ("run_items", ""),
    ("segments", SERVICE),
];

/// Ids, times, and what is made of them: numbers dealt out in the order of completion, digests of
/// inputs, keys; how often a row was written.
fn is_set_aside(name: &str) -> bool {
    ["_id", "_ids", "_at"].iter().any(|ending| name.ends_with(ending))
        || ["id", "person", "register", "number", "contracts", "digest", "charges_digest", "review_digest"]
            .contains(&name)
        || ["idempotency_key", "version"].contains(&name)
}

/// The value without them, at any depth: documents tell of ids, too.
fn bare(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.into_iter().filter(|(name, _)| !is_set_aside(name));
            kept.map(|(name, value)| (name, bare(value))).collect()
        }
        Value::Array(items) => items.into_iter().map(bare).collect(),
        other => other,
    }
}

/// By table and the account's reference: its rows, sorted.
pub fn written(program: &Program) -> BTreeMap<(&'static str, String), Vec<String>> {
    let mut rows: BTreeMap<(&'static str, String), Vec<String>> = BTreeMap::new();
    for (table, more) in WRITTEN {
        let query = format!(
            "SELECT jsonb_build_array(a.client_reference, to_jsonb(t) || jsonb_build_object({more}))::text AS t \
             FROM {table} t JOIN accounts a ON a.account_id = t.account_id"
        );
        for row in program.database.texts(&query).unwrap() {
            let (reference, row): (String, Value) = serde_json::from_str(&row).unwrap();
            rows.entry((*table, reference)).or_default().push(bare(row).to_string());
        }
    }
    rows.values_mut().for_each(|rows| rows.sort());
    rows
}

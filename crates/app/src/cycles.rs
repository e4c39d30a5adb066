//! Bill cycles.

use crate::audit::{self, Action};
use crate::naming::{check_code, check_name, unless_stale, unless_taken};
use crate::{App, Caller, Result};
use serde_json::json;
use store::Tx;
use store::cycles::Cycle;
use vocab::{CycleId, Problem};

/// Defines a cycle.
pub fn define(tx: &mut Tx<'_>, caller: &Caller, code: String, name: String) -> Result<Cycle> {
    check_code("/code", &code)?;
    check_name("/name", &name)?;
    let row = Cycle { id: CycleId(tx.new_id()?), code, name, version: 1 };
    unless_taken(store::cycles::insert(tx, &row), &row.code)?;
    record(tx, caller, "cycle.define", &row)?;
    Ok(row)
}

fn record(tx: &mut Tx<'_>, caller: &Caller, action: &str, row: &Cycle) -> Result<()> {
    let after = Some(json!({ "code": row.code, "name": row.name }));
    audit::record(tx, caller, Action { action, subject: row.id.to_string(), after, ..Action::default() })
}

impl App {
    /// All cycles, by code.
    pub fn cycles(&self) -> Result<Vec<Cycle>> {
        self.db().tx(|tx| Ok(store::cycles::all(tx)?))
    }

    /// One cycle.
    pub fn cycle(&self, id: CycleId) -> Result<Cycle> {
        self.db().tx(|tx| Ok(store::cycles::find(tx, id)?.ok_or_else(Problem::not_found)?))
    }

    /// Renames a cycle that the caller read as `version`.
    pub fn rename_cycle(&self, caller: &Caller, id: CycleId, version: i64, name: String) -> Result<Cycle> {
        check_name("/name", &name)?;
        self.db().tx(|tx| {
            let old = store::cycles::find(tx, id)?.ok_or_else(Problem::not_found)?;
            let new = Cycle { name, version: version + 1, ..old };
            unless_stale(store::cycles::rename(tx, &new, version)?)?;
            record(tx, caller, "cycle.rename", &new)?;
            Ok(new)
        })
    }
}

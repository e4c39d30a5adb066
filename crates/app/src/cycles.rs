//! Bill cycles.

use crate::audit::{self, Action};
use crate::naming::{check_code, check_name, unless_stale, unless_taken};
use crate::{App, Caller, Result};
use serde_json::{Value, json};
use store::Tx;
use store::cycles::Cycle;
use vocab::{CycleId, Problem};

/// Changes of a cycle; what is absent stays.
#[derive(Debug, Clone, Default)]
pub struct CycleChanges {
    /// Its name.
    pub name: Option<String>,
    /// A test without open blocking flags and errors is accepted.
    pub auto_accept: Option<bool>,
    /// Invoices are made after an acceptance.
    pub auto_generate: Option<bool>,
    /// The deliveries of an invoice run are approved and sent.
    pub auto_send: Option<bool>,
}

/// Defines a cycle.
pub fn define(tx: &mut Tx<'_>, caller: &Caller, code: String, name: String) -> Result<Cycle> {
    check_code("/code", &code)?;
    check_name("/name", &name)?;
    let row = Cycle {
        id: CycleId(tx.new_id()?),
        code,
        name,
        auto_accept: false,
        auto_generate: false,
        auto_send: false,
        version: 1,
    };
    unless_taken(store::cycles::insert(tx, &row), &row.code)?;
    record(tx, caller, "cycle.define", None, &row)?;
    Ok(row)
}

fn record(tx: &mut Tx<'_>, caller: &Caller, action: &str, old: Option<&Cycle>, row: &Cycle) -> Result<()> {
    let (subject, before, after) = (row.id.to_string(), old.map(summary), Some(summary(row)));
    audit::record(tx, caller, Action { action, subject, before, after, reason: None })
}

fn summary(row: &Cycle) -> Value {
    json!({ "code": row.code, "name": row.name, "auto_accept": row.auto_accept,
        "auto_generate": row.auto_generate, "auto_send": row.auto_send })
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

    /// Changes a cycle that the caller read as `version`.
    pub fn change_cycle(
        &self,
        caller: &Caller,
        id: CycleId,
        version: i64,
        changes: CycleChanges,
    ) -> Result<Cycle> {
        if let Some(name) = &changes.name {
            check_name("/name", name)?;
        }
        self.db().tx(|tx| {
            let old = store::cycles::find(tx, id)?.ok_or_else(Problem::not_found)?;
            let new = Cycle {
                name: changes.name.unwrap_or_else(|| old.name.clone()),
                auto_accept: changes.auto_accept.unwrap_or(old.auto_accept),
                auto_generate: changes.auto_generate.unwrap_or(old.auto_generate),
                auto_send: changes.auto_send.unwrap_or(old.auto_send),
                version: version + 1,
                ..old.clone()
            };
            unless_stale(store::cycles::update(tx, &new, version)?)?;
            record(tx, caller, "cycle.change", Some(&old), &new)?;
            Ok(new)
        })
    }
}

//! What classes of customers use: the evidence of last resort for an estimate.

use crate::audit::{self, Action};
use crate::{App, Caller, Result};
pub use metering::UsageProfile;
use serde_json::json;
pub use store::usage_profiles::Stored;
use vocab::{Code, FieldError, Problem, UsageProfileId};

/// Most that anybody uses on a day.
const PER_DAY_MAX: i64 = 1_000_000_000;

impl App {
    /// All profiles, by class, commodity, unit and bucket.
    pub fn usage_profiles(&self) -> Result<Vec<Stored>> {
        self.db().tx(|tx| Ok(store::usage_profiles::all(tx)?))
    }

    /// Adds a profile, or replaces the one for the same class, commodity, unit and bucket that the caller read
    /// as `version`.
    pub fn put_usage_profile(
        &self,
        caller: &Caller,
        version: Option<i64>,
        profile: &UsageProfile,
    ) -> Result<Stored> {
        let mut faults = profile.check();
        for (at, value) in profile.per_day.iter().enumerate() {
            if *value > PER_DAY_MAX.into() || value.normalize().scale() > 10 {
                faults.push(FieldError {
                    pointer: format!("/per_day/{at}"),
                    code: Code::FieldRange,
                    detail: "at most a thousand million, with at most 10 decimals".to_owned(),
                });
            }
        }
        if profile.tou_bucket.as_ref().is_some_and(|bucket| bucket.is_empty() || bucket.chars().count() > 40)
        {
            faults.push(FieldError {
                pointer: "/bucket".to_owned(),
                code: Code::FieldRange,
                detail: "1 to 40 characters".to_owned(),
            });
        }
        if !faults.is_empty() {
            return Err(Problem::fields(faults).into());
        }
        self.db().tx(|tx| {
            if store::ledger_setup::customer_class(tx, &profile.class)?.is_none() {
                let detail = "there is no such customer class";
                return Err(Problem::field("/class_code", Code::UnknownReference, detail).into());
            }
            match (store::usage_profiles::lock_version(tx, profile)?, version) {
                (Some(_), None) => {
                    let detail = "there is such a profile: send If-Match with its ETag";
                    let problem = Problem::new(Code::PreconditionMissing, detail).with("header", "If-Match");
                    return Err(problem.into());
                }
                (known, Some(version)) if known != Some(version) => {
                    return Err(Problem::new(Code::EtagMismatch, Code::EtagMismatch.meaning()).into());
                }
                _ => {}
            }
            let fresh = UsageProfileId(tx.new_id()?);
            let stored = store::usage_profiles::put(tx, fresh, profile)?;
            let (subject, after) = (stored.id.to_string(), Some(json!(profile)));
            audit::record(
                tx,
                caller,
                Action { action: "usage_profile.put", subject, after, ..Action::default() },
            )?;
            Ok(stored)
        })
    }

    /// Removes a profile.
    pub fn delete_usage_profile(&self, caller: &Caller, id: UsageProfileId) -> Result<()> {
        self.db().tx(|tx| {
            let old = store::usage_profiles::delete(tx, id)?.ok_or_else(Problem::not_found)?;
            let (subject, before) = (id.to_string(), Some(json!(old)));
            audit::record(
                tx,
                caller,
                Action { action: "usage_profile.delete", subject, before, ..Action::default() },
            )
        })
    }
}

//! Why a contract could not be billed: a stable code with its parameters, saved with the segment.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use vocab::{Code, Problem};

/// A contract's failure, as it stands in a draft and in the list of errors.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{code}: {detail}")]
pub struct BillingError {
    /// The stable code.
    pub code: Code,
    /// The code's parameters: name and value.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, String>,
    /// A sentence for the clerk.
    pub detail: String,
}

impl From<Problem> for BillingError {
    fn from(problem: Problem) -> Self {
        let params = problem.params.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Self { code: problem.code, params, detail: problem.detail }
    }
}

impl From<metering::Error> for BillingError {
    fn from(error: metering::Error) -> Self {
        Problem::from(error).into()
    }
}

impl From<vocab::decimal::Overflow> for BillingError {
    fn from(overflow: vocab::decimal::Overflow) -> Self {
        Problem::from(overflow).into()
    }
}

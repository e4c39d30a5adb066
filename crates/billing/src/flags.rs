//! Flags: what a reviewer should see, and decisions that survive a re-test.
//!
//! A decision stands only while code, contract, register and value are the same: another value is
//! another finding.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use vocab::{Commodity, ContractId, Disposition, FlagCode, RateScheduleId, Severity};

/// A finding of a test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flag {
    /// What.
    pub code: FlagCode,
    /// How loud.
    pub severity: Severity,
    /// On which contract; none for the whole account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract: Option<ContractId>,
    /// The contract's rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<RateScheduleId>,
    /// The contract's service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commodity: Option<Commodity>,
    /// Row number of the register at the contract's service point, when it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub register: Option<i64>,
    /// What was found, in plain notation.
    pub value: String,
    /// What it was compared with; empty when nothing was.
    pub compared: String,
}

/// What a reviewer decided about a flag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The decision.
    pub disposition: Disposition,
    /// Who is to look at it.
    pub assignee: Option<String>,
    /// Who decided.
    pub decided_by: Option<String>,
    /// When.
    pub decided_at: Option<OffsetDateTime>,
    /// Why.
    pub reason: Option<String>,
}

impl Decision {
    /// Nobody has looked at it.
    pub const OPEN: Self = Self {
        disposition: Disposition::Open,
        assignee: None,
        decided_by: None,
        decided_at: None,
        reason: None,
    };
}

/// A flag of an earlier test with what was decided about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecidedFlag {
    /// What.
    pub code: FlagCode,
    /// On which contract.
    pub contract: Option<ContractId>,
    /// At which register.
    pub register: Option<i64>,
    /// What was found then.
    pub value: String,
    /// What was decided.
    pub decision: Decision,
}

/// A flag of this test with the decision that stands for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewedFlag {
    /// The flag.
    pub flag: Flag,
    /// The decision; open when there is none.
    pub decision: Decision,
}

/// Gives each new flag the decision of the old flag that it repeats, else an open one.
pub fn carry(old: &[DecidedFlag], new: &[Flag]) -> Vec<ReviewedFlag> {
    new.iter()
        .map(|flag| {
            let same = old.iter().find(|before| {
                before.code == flag.code
                    && before.contract == flag.contract
                    && before.register == flag.register
                    && before.value == flag.value
            });
            ReviewedFlag {
                flag: flag.clone(),
                decision: same.map_or(Decision::OPEN, |before| before.decision.clone()),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use vocab::AccountId;

    fn flag(code: FlagCode, contract: i64, value: &str) -> Flag {
        Flag {
            code,
            severity: Severity::Warn,
            contract: Some(ContractId::new(AccountId(1), contract)),
            schedule: None,
            commodity: None,
            register: Some(1),
            value: value.to_owned(),
            compared: String::new(),
        }
    }

    #[test]
    fn a_decision_stands_only_for_the_same_finding() {
        let released = DecidedFlag {
            code: FlagCode::HighUsage,
            contract: flag(FlagCode::HighUsage, 1, "").contract,
            register: Some(1),
            value: "700".to_owned(),
            decision: Decision {
                disposition: Disposition::Released,
                decided_by: Some("clerk".to_owned()),
                ..Decision::OPEN
            },
        };
        let new = [
            flag(FlagCode::HighUsage, 1, "700"),
            flag(FlagCode::HighUsage, 1, "701"),
            flag(FlagCode::HighUsage, 2, "700"),
            flag(FlagCode::OverMaximum, 1, "700"),
            Flag { register: Some(2), ..flag(FlagCode::HighUsage, 1, "700") },
        ];
        let carried = carry(std::slice::from_ref(&released), &new);
        assert_eq!(carried[0].decision, released.decision);
        assert!(carried[1..].iter().all(|reviewed| reviewed.decision == Decision::OPEN));
        assert_eq!(carried.len(), new.len());
    }
}

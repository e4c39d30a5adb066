//! The rules that reads are judged by: thresholds and severities by the class of the customer served and
//! by what is delivered.

use crate::{Result, Utility};
use metering::{ReadRules, RuleBook, RulesByClass};
use store::reads::Service;
use time::Date;
use vocab::Commodity;

/// The rules of a utility.
pub(crate) struct Rules(RulesByClass);

impl Rules {
    /// Of the settings: the utility's thresholds under what the book says.
    pub(crate) fn of(utility: &Utility) -> Result<Self> {
        let checks = serde_json::from_value(utility.settings.checks.clone())?;
        let book: RuleBook = serde_json::from_value(utility.settings.read_rules.clone())?;
        Ok(Self(RulesByClass::new(&book, &ReadRules { checks, ..ReadRules::default() })))
    }

    /// All of them.
    pub(crate) fn into_inner(self) -> RulesByClass {
        self.0
    }

    /// Those for a class and a commodity.
    pub(crate) fn of_class(&self, class: &str, commodity: Commodity) -> &ReadRules {
        self.0.of(class, commodity)
    }

    /// Those for a read of a day: of the class that is served on it, else of the one served last.
    pub(crate) fn at(&self, services: &[Service], commodity: Commodity, on: Date) -> &ReadRules {
        let served = services.iter().rev().find(|service| service.covers(on)).or(services.last());
        let class = served.map_or("", |service| service.class_code.as_str());
        self.of_class(class, commodity)
    }
}

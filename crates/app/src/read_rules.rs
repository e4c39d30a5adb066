//! The rules that reads are judged by: thresholds and severities by the class of the customer served and
//! by what is delivered.

use crate::{Error, Result, Utility};
use metering::{ReadRules, RuleBook};
use store::reads::Service;
use time::Date;
use vocab::Commodity;

/// The rules of a utility, worked out for every class that they name.
pub(crate) struct Rules {
    /// Classes that have rules of their own.
    classes: Vec<String>,
    /// By class, those of any other class last, and within it by commodity.
    by: Vec<ReadRules>,
}

impl Rules {
    /// Of the settings: the utility's thresholds under what the book says.
    pub(crate) fn of(utility: &Utility) -> Result<Self> {
        let checks = serde_json::from_value(utility.settings.checks.clone())?;
        let book: RuleBook = serde_json::from_value(utility.settings.read_rules.clone())?;
        let defaults = ReadRules { checks, ..ReadRules::default() };
        let mut classes: Vec<String> = book.rules.iter().filter_map(|entry| entry.class.clone()).collect();
        classes.sort_unstable();
        classes.dedup();
        // No class has an empty code.
        let all = classes.iter().map(String::as_str).chain([""]);
        let by = all.flat_map(|class| {
            Commodity::ALL
                .iter()
                .map(|commodity| book.over(defaults.clone(), class, *commodity))
                .collect::<Vec<_>>()
        });
        Ok(Self { by: by.collect(), classes })
    }

    /// Those for a class and a commodity.
    pub(crate) fn of_class(&self, class: &str, commodity: Commodity) -> Result<&ReadRules> {
        let found = self.classes.binary_search_by(|code| code.as_str().cmp(class));
        let class = found.unwrap_or(self.classes.len());
        let commodity = Commodity::ALL.iter().position(|of| *of == commodity).unwrap_or_default();
        self.by
            .get(class * Commodity::ALL.len() + commodity)
            .ok_or_else(|| Error::Fault("rules of validation were not worked out".to_owned()))
    }

    /// Those for a read of a day: of the class that is served on it, else of the one served last.
    pub(crate) fn at(&self, services: &[Service], commodity: Commodity, on: Date) -> Result<&ReadRules> {
        let served = services.iter().rev().find(|service| service.covers(on)).or(services.last());
        let class = served.map_or("", |service| service.class_code.as_str());
        self.of_class(class, commodity)
    }
}

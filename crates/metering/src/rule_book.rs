//! The rules of validation per customer class and commodity.
//!
//! Entries override the defaults field by field. A more exact entry wins over a less exact one,
//! wherever it stands: class and commodity, then class, then commodity, then neither. Of entries
//! that are equally exact the later one wins.

use serde::{Deserialize, Serialize};
use vocab::{Code, Commodity, codes::FieldError};

use crate::read_rules::{PartialReadRules, ReadRules, fault};

/// Most entries of a book.
const ENTRIES_MAX: usize = 200;

/// All rules of a utility.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RuleBook {
    /// What departs from the defaults.
    pub rules: Vec<ScopedRules>,
}

/// Some rules, and for whom they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScopedRules {
    /// Code of the customer class; none for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// What is delivered; none for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commodity: Option<Commodity>,
    /// The rules.
    pub rules: PartialReadRules,
}

impl ScopedRules {
    fn is_for(&self, class: &str, commodity: Commodity) -> bool {
        self.class.as_ref().is_none_or(|code| code == class)
            && self.commodity.is_none_or(|of| of == commodity)
    }

    /// The more exact, the higher.
    const fn exactness(&self) -> u8 {
        2 * self.class.is_some() as u8 + self.commodity.is_some() as u8
    }
}

impl RuleBook {
    /// The rules for reads of a commodity at a customer of the class.
    pub fn of(&self, class: &str, commodity: Commodity) -> ReadRules {
        self.over(ReadRules::default(), class, commodity)
    }

    /// The same over defaults of the utility's own.
    pub fn over(&self, defaults: ReadRules, class: &str, commodity: Commodity) -> ReadRules {
        let mut entries: Vec<&ScopedRules> =
            self.rules.iter().filter(|entry| entry.is_for(class, commodity)).collect();
        // A stable sort: the later of two that are equally exact comes last.
        entries.sort_by_key(|entry| entry.exactness());
        let mut rules = defaults;
        for entry in entries {
            entry.rules.over(&mut rules);
        }
        rules
    }

    /// What is out of bounds, with pointers into the JSON form. Whether the classes exist the
    /// caller knows.
    pub fn check(&self) -> Vec<FieldError> {
        let mut faults = Vec::new();
        if self.rules.len() > ENTRIES_MAX {
            faults.push(fault("/rules".to_owned(), "at most 200 entries"));
        }
        for (at, entry) in self.rules.iter().enumerate().take(ENTRIES_MAX) {
            if entry.class.as_ref().is_some_and(|class| class.trim().is_empty()) {
                let detail = "the code of a class, or left out for all".to_owned();
                let pointer = format!("/rules/{at}/class");
                faults.push(FieldError { pointer, code: Code::FieldFormat, detail });
            }
            faults.extend(
                entry.rules.check().into_iter().map(|fault| FieldError {
                    pointer: format!("/rules/{at}/rules{}", fault.pointer),
                    ..fault
                }),
            );
        }
        faults
    }
}

/// The rules of a book, worked out once for every class that it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RulesByClass {
    /// Classes that have rules of their own, in order.
    classes: Vec<String>,
    /// By class, those of any other class last, and within it by commodity.
    by: Vec<ReadRules>,
    /// What holds where a commodity is not known.
    defaults: ReadRules,
}

impl RulesByClass {
    /// Of a book over defaults of the utility's own.
    pub fn new(book: &RuleBook, defaults: &ReadRules) -> Self {
        let mut classes: Vec<String> = book.rules.iter().filter_map(|entry| entry.class.clone()).collect();
        classes.sort_unstable();
        classes.dedup();
        let mut by = Vec::with_capacity((classes.len() + 1) * Commodity::ALL.len());
        // No class has an empty code.
        for class in classes.iter().map(String::as_str).chain([""]) {
            by.extend(Commodity::ALL.iter().map(|commodity| book.over(defaults.clone(), class, *commodity)));
        }
        Self { classes, by, defaults: defaults.clone() }
    }

    /// Those for a class and a commodity.
    pub fn of(&self, class: &str, commodity: Commodity) -> &ReadRules {
        let found = self.classes.binary_search_by(|code| code.as_str().cmp(class));
        let class = found.unwrap_or(self.classes.len());
        let commodity = Commodity::ALL.iter().position(|of| *of == commodity).unwrap_or_default();
        self.by.get(class * Commodity::ALL.len() + commodity).unwrap_or(&self.defaults)
    }
}

impl Default for RulesByClass {
    fn default() -> Self {
        Self::new(&RuleBook::default(), &ReadRules::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validate::Action;
    use rust_decimal::Decimal;

    fn book(json: &str) -> RuleBook {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn what_is_worked_out_is_what_the_book_says() {
        let book = book(
            r#"{"rules":[{"class":"industrial","rules":{"high_usage":"hold"}},
                {"commodity":"water","rules":{"zero_usage":"off"}}]}"#,
        );
        let by_class = RulesByClass::new(&book, &ReadRules::default());
        for class in ["industrial", "residential", ""] {
            for commodity in Commodity::ALL {
                assert_eq!(
                    *by_class.of(class, *commodity),
                    book.of(class, *commodity),
                    "{class} {commodity}"
                );
            }
        }
    }

    #[test]
    fn an_empty_book_has_the_defaults() {
        assert_eq!(book("{}").of("residential", Commodity::Water), ReadRules::default());
        assert!(ReadRules::default().check().is_empty());
        let trivial = book(r#"{"rules":[{"rules":{}}]}"#);
        assert_eq!(trivial.of("residential", Commodity::Water), ReadRules::default());
        assert_eq!(serde_json::to_string(&trivial).unwrap(), r#"{"rules":[{"rules":{}}]}"#);
    }

    #[test]
    fn the_more_exact_wins_field_by_field() {
        let book = book(
            r#"{"rules":[
              {"class":"industrial","commodity":"water","rules":{"stale_after_days":1}},
              {"class":"industrial","rules":{"stale_after_days":2,"zero_usage":"hold"}},
              {"commodity":"water","rules":{"stale_after_days":3,"zero_usage":"off","low_usage":"off"}},
              {"rules":{"stale_after_days":4,"conflicting":"reject","checks":{"low_below_percent":90}}},
              {"commodity":"water","rules":{"low_usage":"reject","checks":{"high_above_percent":10}}}]}"#,
        );
        let days = |class, commodity| book.of(class, commodity).stale_after_days;
        use Commodity::{Electricity, Water};
        assert_eq!([days("industrial", Water), days("industrial", Electricity)], [1, 2]);
        assert_eq!([days("residential", Water), days("residential", Electricity)], [3, 4]);
        let rules = book.of("industrial", Water);
        // The class is more exact than the commodity; of two for water the later one counts.
        assert_eq!((rules.zero_usage, rules.low_usage), (Action::Hold, Action::Reject));
        assert_eq!(rules.conflicting, Action::Reject);
        // Nested fields are overridden one by one, too.
        assert_eq!((rules.checks.low_below_percent, rules.checks.high_above_percent), (90, 10));
        assert_eq!(rules.checks.high_least_units, Decimal::from(5));
        let own = ReadRules { stale_after_days: 99, future_date: Action::Hold, ..ReadRules::default() };
        let rules = book.over(own, "residential", Electricity);
        assert_eq!((rules.stale_after_days, rules.future_date), (4, Action::Hold));
    }

    #[test]
    fn what_is_not_a_rule_is_refused() {
        for bad in [
            r#"{"rulez":[]}"#,
            r#"{"rules":[{"rules":{"stale_days":1}}]}"#,
            r#"{"rules":[{"rules":{"checks":{"hihg":"warn"}}}]}"#,
            r#"{"rules":[{"rules":{"rollover":{"percent":1}}}]}"#,
            r#"{"rules":[{"rules":{"conflicting":"maybe"}}]}"#,
            r#"{"rules":[{"commodity":"fire","rules":{}}]}"#,
            r#"{"rules":[{"klass":"x","rules":{}}]}"#,
        ] {
            assert!(serde_json::from_str::<RuleBook>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn bounds_are_pointed_at() {
        let bad = book(
            r#"{"rules":[{"rules":{}},{"class":" ","rules":{
                "duplicate":"hold","stale_after_days":0,"spike_times":1,"spike_least_units":"-1",
                "trouble_hold":["tamper",""],"rollover":{"of_capacity_percent":0},
                "checks":{"low_below_percent":101,"high_above_percent":10001,"high_least_units":"-0.1"}}}]}"#,
        );
        let pointers: Vec<String> = bad.check().into_iter().map(|fault| fault.pointer).collect();
        assert_eq!(
            pointers,
            [
                "/rules/1/class",
                "/rules/1/rules/duplicate",
                "/rules/1/rules/stale_after_days",
                "/rules/1/rules/spike_times",
                "/rules/1/rules/spike_least_units",
                "/rules/1/rules/checks/high_above_percent",
                "/rules/1/rules/checks/high_least_units",
                "/rules/1/rules/checks/low_below_percent",
                "/rules/1/rules/rollover/of_capacity_percent",
                "/rules/1/rules/trouble_hold/1",
            ]
        );
    }
}

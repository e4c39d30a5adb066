//! A row of a file, and its cells as what they should be.

use rust_decimal::Decimal;
use serde::Serialize;
use std::fmt::Display;
use std::str::FromStr;
use time::Date;
use vocab::dates::civil;
use vocab::{Currency, Money, decimal};

/// Longest text of a cell, in characters.
const TEXT_MAX: usize = 200;

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct Fault {
    pub file: &'static str,
    pub line: u64,
    pub reason: String,
}

impl Fault {
    pub fn new(file: &'static str, line: u64, reason: impl Into<String>) -> Self {
        Self { file, line, reason: reason.into() }
    }
}

/// What a line says, or what is wrong with it.
pub(super) type Sound<T> = Result<T, Fault>;

/// A row: cells by the name of their column.
#[derive(Debug, Clone)]
pub(super) struct Row {
    file: &'static str,
    line: u64,
    cells: Vec<(&'static str, String)>,
    fault: Option<&'static str>,
}

impl Row {
    pub const fn new(
        file: &'static str,
        line: u64,
        cells: Vec<(&'static str, String)>,
        fault: Option<&'static str>,
    ) -> Self {
        Self { file, line, cells, fault }
    }

    pub const fn line(&self) -> u64 {
        self.line
    }

    /// A fault of this row.
    pub fn refuse(&self, reason: impl Into<String>) -> Fault {
        Fault::new(self.file, self.line, reason)
    }

    /// The fault of the row as a whole.
    pub fn whole(&self) -> Result<(), Fault> {
        self.fault.map_or(Ok(()), |why| Err(self.refuse(why)))
    }

    /// The cell as it stands; empty when the file has no such column.
    pub fn cell(&self, column: &str) -> &str {
        self.cells.iter().find(|(name, _)| *name == column).map_or("", |(_, cell)| cell)
    }

    /// A text that must be there.
    pub fn text(&self, column: &str) -> Result<&str, Fault> {
        self.optional(column)?.ok_or_else(|| self.refuse(format!("{column} is empty")))
    }

    /// A text that may be there.
    pub fn optional(&self, column: &str) -> Result<Option<&str>, Fault> {
        let cell = self.cell(column);
        if cell.chars().count() > TEXT_MAX {
            return Err(self.refuse(format!("{column} is longer than {TEXT_MAX} characters")));
        }
        Ok(Some(cell).filter(|cell| !cell.is_empty()))
    }

    /// A value that may be there.
    pub fn parsed<T: FromStr<Err: Display>>(&self, column: &str) -> Result<Option<T>, Fault> {
        self.optional(column)?
            .map(|cell| cell.parse().map_err(|error: T::Err| self.refuse(format!("{column}: {error}"))))
            .transpose()
    }

    /// A value that must be there.
    pub fn word<T: FromStr<Err: Display>>(&self, column: &str) -> Result<T, Fault> {
        self.parsed(column)?.ok_or_else(|| self.refuse(format!("{column} is empty")))
    }

    /// A day that may be there.
    pub fn optional_day(&self, column: &str) -> Result<Option<Date>, Fault> {
        self.optional(column)?
            .map(|cell| {
                civil::parse(cell)
                    .ok_or_else(|| self.refuse(format!("{column}: `{cell}` is not a date like 2026-03-31")))
            })
            .transpose()
    }

    /// A day that must be there.
    pub fn day(&self, column: &str) -> Result<Date, Fault> {
        self.optional_day(column)?.ok_or_else(|| self.refuse(format!("{column} is empty")))
    }

    /// A number that may be there, as it can be stored.
    pub fn optional_number(&self, column: &str) -> Result<Option<Decimal>, Fault> {
        let Some(cell) = self.optional(column)? else { return Ok(None) };
        let number = decimal::parse(cell).map(|number| number.normalize()).filter(|number| {
            number.scale() <= decimal::STORED_SCALE && number.trunc().abs() < Decimal::from(10_u64.pow(18))
        });
        number.map(Some).ok_or_else(|| self.refuse(format!("{column}: `{cell}` is not a number like 12.5")))
    }

    /// A number that must be there.
    pub fn number(&self, column: &str) -> Result<Decimal, Fault> {
        self.optional_number(column)?.ok_or_else(|| self.refuse(format!("{column} is empty")))
    }

    /// An amount that may be there.
    pub fn optional_money(&self, column: &str, currency: &Currency) -> Result<Option<Money>, Fault> {
        self.optional(column)?
            .map(|cell| {
                currency.parse(cell).ok_or_else(|| {
                    self.refuse(format!("{column}: `{cell}` is not an amount in {}", currency.code()))
                })
            })
            .transpose()
    }

    /// `name=3;other=2`, in pairs.
    pub fn pairs(&self, column: &str) -> Result<Vec<(&str, &str)>, Fault> {
        let Some(cell) = self.optional(column)? else { return Ok(Vec::new()) };
        let mut pairs: Vec<(&str, &str)> = Vec::new();
        for part in cell.split(';').map(str::trim).filter(|part| !part.is_empty()) {
            let pair = part.split_once('=').map(|(name, value)| (name.trim(), value.trim()));
            let Some((name, value)) = pair.filter(|(name, value)| !name.is_empty() && !value.is_empty())
            else {
                return Err(self.refuse(format!("{column}: `{part}` is not like name=value")));
            };
            if pairs.iter().any(|(known, _)| *known == name) {
                return Err(self.refuse(format!("{column}: `{name}` stands there twice")));
            }
            pairs.push((name, value));
        }
        Ok(pairs)
    }
}

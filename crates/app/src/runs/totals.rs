//! Totals by service, rate and rule, written per chunk.

use super::RunParams;
use crate::Result;
use billing::TotalRow as Row;
use std::collections::BTreeMap;
use store::Tx;
use store::totals::TotalRow;
use vocab::{Commodity, Decimal, Money, RateScheduleId, RunId, TestId, Unit, WindowId};

/// A rate, rule and unit of one service.
type Key = (Commodity, Option<RateScheduleId>, String, Option<Unit>);

/// What totals are of: a test, an acceptance, or a correction of a bill.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Of {
    /// None of a bill between two windows.
    pub(crate) run: Option<RunId>,
    /// None of a bill between two windows.
    pub(crate) window: Option<WindowId>,
    /// None of a correction.
    pub(crate) test: Option<TestId>,
    pub(crate) is_posted: bool,
}

impl Of {
    /// Of a test of a run, or of its acceptance.
    pub(super) const fn test(params: RunParams, window: Option<WindowId>, is_posted: bool) -> Self {
        Self { run: Some(params.run), window, test: Some(params.test), is_posted }
    }
}

/// What the rules of a chunk come to.
#[derive(Default)]
pub(crate) struct Totals(BTreeMap<Key, (Decimal, Money, i64)>);

impl Totals {
    /// Adds what a draft comes to.
    pub(crate) fn add(&mut self, rows: &[Row]) -> Result<()> {
        for row in rows {
            let sum = self.sum(row);
            sum.0 = vocab::decimal::add(sum.0, row.quantity)?;
            sum.1 = sum.1.plus(row.amount)?;
            sum.2 += row.lines;
        }
        Ok(())
    }

    /// Takes away what a draft came to that is replaced.
    pub(crate) fn take_away(&mut self, rows: &[Row]) -> Result<()> {
        for row in rows {
            let sum = self.sum(row);
            sum.0 = vocab::decimal::sub(sum.0, row.quantity)?;
            sum.1 = sum.1.minus(row.amount)?;
            sum.2 -= row.lines;
        }
        Ok(())
    }

    fn sum(&mut self, row: &Row) -> &mut (Decimal, Money, i64) {
        self.0.entry((row.commodity, row.schedule, row.rule.clone(), row.unit)).or_default()
    }

    /// Writes a row per service, rate and rule; none where nothing is left.
    pub(crate) fn save(mut self, tx: &mut Tx<'_>, of: Of) -> Result<()> {
        self.0.retain(|_, sum| !sum.0.is_zero() || !sum.1.is_zero() || sum.2 != 0);
        if self.0.is_empty() {
            return Ok(());
        }
        let ids = tx.new_ids(self.0.len())?;
        let rows = self.0.into_iter().zip(ids);
        let rows: Vec<TotalRow> = rows
            .map(|(((commodity, schedule_id, rule, unit), (quantity, amount, lines)), id)| TotalRow {
                id,
                run_id: of.run,
                window_id: of.window,
                test_id: of.test,
                posted: of.is_posted,
                commodity,
                schedule_id,
                rule,
                unit,
                quantity,
                amount_minor: amount,
                lines,
            })
            .collect();
        Ok(store::totals::insert(tx, &rows)?)
    }
}

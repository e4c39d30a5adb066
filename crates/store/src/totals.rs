//! Totals by service, rate and rule, written per chunk: what registers and reports add up.

use crate::schema::run_totals;
use crate::{Result, Tx};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Numeric, Text};
use vocab::{Commodity, Decimal, Money, RateScheduleId, RunId, TestId, Unit, WindowId};

/// What a rule came to in one chunk.
#[derive(Debug, Clone, Insertable)]
#[diesel(table_name = run_totals, treat_none_as_default_value = false)]
pub struct TotalRow {
    /// Row id.
    pub id: i64,
    /// In which run; none of a bill between two windows.
    pub run_id: Option<RunId>,
    /// In which window; none of a bill between two windows.
    pub window_id: Option<WindowId>,
    /// Of which test; none of a correction.
    pub test_id: Option<TestId>,
    /// Posted by an acceptance; else drafted by a test.
    pub posted: bool,
    /// The service.
    pub commodity: Commodity,
    /// The rate.
    pub schedule_id: Option<RateScheduleId>,
    /// The rule.
    pub rule: String,
    /// Unit of the quantity.
    pub unit: Option<Unit>,
    /// Sum of the priced quantities.
    pub quantity: Decimal,
    /// Sum of the amounts.
    pub amount_minor: Money,
    /// How many lines.
    pub lines: i64,
}

/// A row of the register: totals by service, rate and rule.
#[derive(Debug, Clone, QueryableByName)]
pub struct RegisterRow {
    /// The service.
    #[diesel(sql_type = Text)]
    pub commodity: Commodity,
    /// The rate.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub schedule_id: Option<RateScheduleId>,
    /// The rule.
    #[diesel(sql_type = Text)]
    pub rule: String,
    /// Unit of the quantity.
    #[diesel(sql_type = Nullable<Text>)]
    pub unit: Option<Unit>,
    /// Sum of the priced quantities.
    #[diesel(sql_type = Numeric)]
    pub quantity: Decimal,
    /// Sum of the amounts.
    #[diesel(sql_type = BigInt)]
    pub amount_minor: Money,
    /// How many lines.
    #[diesel(sql_type = BigInt)]
    pub lines: i64,
    /// What the same came to in the window before.
    #[diesel(sql_type = BigInt)]
    pub previous_minor: Money,
}

/// Writes the totals of a chunk.
pub fn insert(tx: &mut Tx<'_>, rows: &[TotalRow]) -> Result<()> {
    diesel::insert_into(run_totals::table).values(rows).execute(tx.conn)?;
    Ok(())
}

/// The register of a run's test (or, `posted`, of what was accepted), against what was posted in
/// the window before.
pub fn register(
    tx: &mut Tx<'_>,
    run: RunId,
    test: Option<TestId>,
    posted: bool,
    previous: Option<WindowId>,
) -> Result<Vec<RegisterRow>> {
    Ok(diesel::sql_query(
        "WITH now AS (SELECT commodity, schedule_id, rule, unit, sum(quantity) AS quantity, \
           sum(amount_minor)::bigint AS amount_minor, sum(lines)::bigint AS lines \
           FROM run_totals WHERE run_id = $1 AND posted = $3 AND ($3 OR test_id = $2) GROUP BY 1, 2, 3, 4), \
         before AS (SELECT commodity, schedule_id, rule, unit, sum(amount_minor)::bigint AS previous_minor \
           FROM run_totals WHERE window_id = $4 AND posted GROUP BY 1, 2, 3, 4) \
         SELECT n.*, coalesce(b.previous_minor, 0) AS previous_minor FROM now n LEFT JOIN before b \
         ON b.commodity = n.commodity AND b.schedule_id IS NOT DISTINCT FROM n.schedule_id AND b.rule = n.rule \
         AND b.unit IS NOT DISTINCT FROM n.unit ORDER BY n.commodity, n.schedule_id, n.rule, n.unit",
    )
    .bind::<BigInt, _>(run.0)
    .bind::<Nullable<BigInt>, _>(test.map(|id| id.0))
    .bind::<Bool, _>(posted)
    .bind::<Nullable<BigInt>, _>(previous.map(|id| id.0))
    .load(tx.conn)?)
}

//! Totals by service, rate and rule, written per chunk: what registers and reports add up.

use crate::schema::run_totals;
use crate::{Result, Tx};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Nullable, Numeric, Text};
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
    /// The quantities of the window before.
    #[diesel(sql_type = Numeric)]
    pub previous_quantity: Decimal,
    /// What the same came to in the window before.
    #[diesel(sql_type = BigInt)]
    pub previous_minor: Money,
}

/// Writes the totals of a chunk: of an acceptance what it posted, of a test what it changed (new less old).
pub fn insert(tx: &mut Tx<'_>, rows: &[TotalRow]) -> Result<()> {
    diesel::insert_into(run_totals::table).values(rows).execute(tx.conn)?;
    Ok(())
}

/// Which totals a register shows.
#[derive(Debug, Clone, Copy)]
pub enum Totals {
    /// What stands after the test of this number: the changes of all tests so far, added up.
    Test(i32),
    /// What was accepted.
    Posted,
}

/// The register of a run against what was posted in the window before: what was charged only there
/// shows zero.
pub fn register(
    tx: &mut Tx<'_>,
    run: RunId,
    which: Totals,
    previous: Option<WindowId>,
) -> Result<Vec<RegisterRow>> {
    let number = match which {
        Totals::Test(number) => Some(number),
        Totals::Posted => None,
    };
    Ok(diesel::sql_query(
        "WITH now AS (SELECT commodity, schedule_id, rule, unit, sum(quantity) AS quantity, \
           sum(amount_minor)::bigint AS amount_minor, sum(lines)::bigint AS lines \
           FROM run_totals r WHERE run_id = $1 AND posted = ($2 IS NULL) AND ($2 IS NULL OR EXISTS (\
             SELECT 1 FROM run_tests t WHERE t.id = r.test_id AND t.run_id = $1 AND t.number <= $2)) \
           GROUP BY 1, 2, 3, 4 HAVING sum(lines) <> 0 OR sum(amount_minor) <> 0 OR sum(quantity) <> 0), \
         before AS (SELECT commodity, schedule_id, rule, unit, sum(quantity) AS quantity, \
           sum(amount_minor)::bigint AS amount_minor \
           FROM run_totals WHERE window_id = $3 AND posted GROUP BY 1, 2, 3, 4), \
         both_ways AS (SELECT commodity, schedule_id, rule, unit, quantity, amount_minor, lines, 0 AS old_quantity, \
             0::bigint AS old_minor FROM now \
           UNION ALL SELECT commodity, schedule_id, rule, unit, 0, 0, 0, quantity, amount_minor FROM before) \
         SELECT commodity, schedule_id, rule, unit, sum(quantity) AS quantity, sum(amount_minor)::bigint AS amount_minor, \
           sum(lines)::bigint AS lines, sum(old_quantity) AS previous_quantity, sum(old_minor)::bigint AS previous_minor \
         FROM both_ways GROUP BY 1, 2, 3, 4 ORDER BY commodity, schedule_id, rule, unit",
    )
    .bind::<BigInt, _>(run.0)
    .bind::<Nullable<Integer>, _>(number)
    .bind::<Nullable<BigInt>, _>(previous.map(|id| id.0))
    .load(tx.conn)?)
}

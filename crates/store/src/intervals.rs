//! Interval data: a row per register and civil day, in monthly partitions.
//!
//! Invariants:
//! - whoever writes days has locked their service points ([`crate::exchange::lock_points`]) and has
//!   made their months ([`make_months`]) before that;
//! - a day that is replaced moves to the past with its values; only whether a day is held changes in
//!   place.

use crate::schema::{interval_days as days, interval_days_past as past_days, reading_imports};
use crate::{Error, Result, Tx};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Date as SqlDate, Integer, Nullable, Numeric, Text, Timestamptz};
use metering::IntervalDay;
use rust_decimal::Decimal;
use std::collections::HashMap;
use time::{Date, OffsetDateTime};
use vocab::{RegisterId, ServicePointId};

/// A stored day.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable, Insertable, QueryableByName)]
#[diesel(table_name = days, treat_none_as_default_value = false)]
pub struct StoredDay {
    /// Where.
    pub service_point_id: ServicePointId,
    /// Of which register.
    pub register_id: i64,
    /// The import that brought it.
    pub import_id: Option<i64>,
    /// Sum of its values.
    pub total: Decimal,
    /// The highest of them.
    pub highest: Option<Decimal>,
    /// The values ([`IntervalDay::pack`]).
    pub packed: Vec<u8>,
    /// The civil day.
    pub day: Date,
    /// Minutes of an interval.
    pub minutes: i16,
    /// Intervals without a value.
    pub missing: i16,
    /// Intervals whose value nobody read off the meter.
    pub estimated: i16,
    /// Whether it waits for a person.
    pub is_held: bool,
    /// The rules that it broke; behind a mark when a person let it be billed.
    pub rules: Option<String>,
}

impl StoredDay {
    /// A day on its way in.
    pub fn new(
        register: RegisterId,
        day: Date,
        data: &IntervalDay,
        import_id: Option<i64>,
        is_held: bool,
    ) -> Result<Self> {
        let short = |count: usize| i16::try_from(count).unwrap_or(i16::MAX);
        let total = data.total().map_err(|error| corrupt(&error))?;
        Ok(Self {
            service_point_id: register.owner,
            register_id: register.n,
            import_id,
            total,
            highest: data.highest(),
            packed: data.pack(),
            day,
            minutes: i16::try_from(data.minutes()).unwrap_or(i16::MAX),
            missing: short(data.missing()),
            estimated: short(data.estimated()),
            is_held,
            rules: None,
        })
    }

    /// The same with the rules that it broke; none when that is an empty text.
    pub fn with_rules(self, rules: String) -> Self {
        Self { rules: Some(rules).filter(|rules| !rules.is_empty()), ..self }
    }

    /// What it comes to.
    pub fn sum(&self) -> DaySum {
        DaySum {
            service_point_id: self.service_point_id,
            register_id: self.register_id,
            day: self.day,
            minutes: self.minutes,
            missing: self.missing,
            estimated: self.estimated,
            is_held: self.is_held,
            total: self.total,
            highest: self.highest,
            rules: self.rules.clone(),
        }
    }

    /// Its register.
    pub fn register(&self) -> RegisterId {
        RegisterId::new(self.service_point_id, self.register_id)
    }

    /// Its values.
    pub fn data(&self) -> Result<IntervalDay> {
        unpacked(self.minutes, &self.packed)
    }
}

fn unpacked(minutes: i16, packed: &[u8]) -> Result<IntervalDay> {
    let minutes = u16::try_from(minutes).map_err(|error| corrupt(&error))?;
    IntervalDay::unpack(minutes, packed).map_err(|error| corrupt(&error))
}

fn corrupt(why: &impl std::fmt::Display) -> Error {
    Error::Corrupt { what: "interval data", why: why.to_string() }
}

/// What a day comes to, without its values.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable)]
#[diesel(table_name = days)]
pub struct DaySum {
    /// Where.
    pub service_point_id: ServicePointId,
    /// Of which register.
    pub register_id: i64,
    /// The civil day.
    pub day: Date,
    /// Minutes of an interval.
    pub minutes: i16,
    /// Intervals without a value.
    pub missing: i16,
    /// Intervals whose value nobody read off the meter.
    pub estimated: i16,
    /// Whether it waits for a person.
    pub is_held: bool,
    /// Sum of its values.
    pub total: Decimal,
    /// The highest of them.
    pub highest: Option<Decimal>,
    /// The rules that it broke; behind a mark when a person let it be billed.
    pub rules: Option<String>,
}

/// What a month comes to.
#[derive(Debug, Clone, PartialEq, QueryableByName)]
pub struct MonthSum {
    /// Its first day.
    #[diesel(sql_type = SqlDate)]
    pub month: Date,
    /// Days with data.
    #[diesel(sql_type = BigInt)]
    pub days: i64,
    /// Intervals without a value on these days.
    #[diesel(sql_type = BigInt)]
    pub missing: i64,
    /// Intervals whose value nobody read off the meter.
    #[diesel(sql_type = BigInt)]
    pub estimated: i64,
    /// Sum of the values.
    #[diesel(sql_type = Numeric)]
    pub total: Decimal,
    /// The highest interval.
    #[diesel(sql_type = Nullable<Numeric>)]
    pub highest: Option<Decimal>,
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

fn partition(month: Date) -> String {
    format!("interval_days_{:04}_{:02}", month.year(), u8::from(month.month()))
}

fn first_of(day: Date) -> Date {
    day.replace_day(1).unwrap_or(day)
}

/// Makes the partitions that these days go to. Whoever makes one keeps others from making theirs until
/// the end of the transaction, so this comes before any other lock.
pub fn make_months(tx: &mut Tx<'_>, of: impl IntoIterator<Item = Date>) -> Result<()> {
    let mut months: Vec<Date> = of.into_iter().map(first_of).collect();
    months.sort_unstable();
    months.dedup();
    let lacking = lacking(tx, &months)?;
    if lacking.is_empty() {
        return Ok(());
    }
    tx.conn.batch_execute("LOCK TABLE interval_days IN SHARE UPDATE EXCLUSIVE MODE")?;
    // Somebody else may have made them meanwhile.
    for month in self::lacking(tx, &lacking)? {
        let name = partition(month);
        let next = first_of(vocab::dates::plus_days(month, 31).ok_or_else(|| corrupt(&"a month"))?);
        let (from, to) = (vocab::dates::civil::format(month), vocab::dates::civil::format(next));
        // Attaching locks the parent far less than creating a partition in place would.
        tx.conn.batch_execute(&format!(
            "CREATE TABLE {name} (LIKE interval_days INCLUDING ALL); \
             ALTER TABLE interval_days ATTACH PARTITION {name} FOR VALUES FROM ('{from}') TO ('{to}')"
        ))?;
    }
    Ok(())
}

/// Those of the months that have no partition.
fn lacking(tx: &mut Tx<'_>, months: &[Date]) -> Result<Vec<Date>> {
    let names: Vec<String> = months.iter().map(|month| partition(*month)).collect();
    let there: Vec<Name> = diesel::sql_query(
        "SELECT c.relname::text AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid \
         WHERE i.inhparent = 'interval_days'::regclass AND c.relname::text = ANY($1)",
    )
    .bind::<Array<Text>, _>(&names)
    .load(tx.conn)?;
    let is_there = |name: &String| there.iter().any(|row| row.name == *name);
    Ok(months.iter().zip(&names).filter(|(_, name)| !is_there(name)).map(|(month, _)| *month).collect())
}

/// Keys as three columns.
fn columns(keys: &[(RegisterId, Date)]) -> (Vec<i64>, Vec<i64>, Vec<Date>) {
    let points = keys.iter().map(|(register, _)| register.owner.0).collect();
    let registers = keys.iter().map(|(register, _)| register.n).collect();
    (points, registers, keys.iter().map(|(_, day)| *day).collect())
}

/// The stored days of registers, in any order.
pub fn find(tx: &mut Tx<'_>, keys: &[(RegisterId, Date)]) -> Result<Vec<StoredDay>> {
    let Some((from, to)) = span(keys) else { return Ok(Vec::new()) };
    let (points, registers, dates) = columns(keys);
    Ok(diesel::sql_query(
        "SELECT d.service_point_id, d.register_id, d.import_id, d.total, d.highest, d.packed, d.day, d.minutes, \
         d.missing, d.estimated, d.is_held, d.rules FROM UNNEST($1, $2, $3) AS of (service_point_id, register_id, day) \
         JOIN interval_days d ON d.service_point_id = of.service_point_id AND d.register_id = of.register_id \
         AND d.day = of.day WHERE d.day BETWEEN $4 AND $5",
    )
    .bind::<Array<BigInt>, _>(points)
    .bind::<Array<BigInt>, _>(registers)
    .bind::<Array<SqlDate>, _>(dates)
    .bind::<SqlDate, _>(from)
    .bind::<SqlDate, _>(to)
    .load(tx.conn)?)
}

/// What registers counted per day in the days before each day: the average of whole days that are not held.
pub fn usual_per_day(
    tx: &mut Tx<'_>,
    keys: &[(RegisterId, Date)],
    days_before: i32,
) -> Result<HashMap<(RegisterId, Date), Decimal>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = BigInt)]
        service_point_id: ServicePointId,
        #[diesel(sql_type = BigInt)]
        register_id: i64,
        #[diesel(sql_type = SqlDate)]
        day: Date,
        #[diesel(sql_type = Numeric)]
        usual: Decimal,
    }
    let Some((from, to)) = span(keys) else { return Ok(HashMap::new()) };
    let (points, registers, dates) = columns(keys);
    let rows: Vec<Row> = diesel::sql_query(
        "SELECT of.service_point_id, of.register_id, of.day, round(avg(d.total), 10) AS usual \
         FROM UNNEST($1, $2, $3) AS of (service_point_id, register_id, day) \
         JOIN interval_days d ON d.service_point_id = of.service_point_id AND d.register_id = of.register_id \
         AND d.day >= of.day - $6 AND d.day < of.day AND NOT d.is_held AND d.missing = 0 \
         WHERE d.day >= $4::date - $6 AND d.day < $5 \
         GROUP BY of.service_point_id, of.register_id, of.day",
    )
    .bind::<Array<BigInt>, _>(points)
    .bind::<Array<BigInt>, _>(registers)
    .bind::<Array<SqlDate>, _>(dates)
    .bind::<SqlDate, _>(from)
    .bind::<SqlDate, _>(to)
    .bind::<Integer, _>(days_before)
    .load(tx.conn)?;
    let key = |row: &Row| (RegisterId::new(row.service_point_id, row.register_id), row.day);
    Ok(rows.into_iter().map(|row| (key(&row), row.usual)).collect())
}

/// First and last day: with them the months that do not matter are not looked at.
fn span(keys: &[(RegisterId, Date)]) -> Option<(Date, Date)> {
    let days = || keys.iter().map(|(_, day)| *day);
    Some((days().min()?, days().max()?))
}

/// Moves days to the past, which an import (or, without one, the undoing of one) replaces.
pub fn supersede(tx: &mut Tx<'_>, keys: &[(RegisterId, Date)], replaced_by: Option<i64>) -> Result<usize> {
    let Some((from, to)) = span(keys) else { return Ok(0) };
    let (points, registers, dates) = columns(keys);
    let ids = tx.new_ids(keys.len())?;
    Ok(diesel::sql_query(
        "WITH moved AS (\
           DELETE FROM interval_days d USING UNNEST($1, $2, $3, $4) AS of (service_point_id, register_id, day, id) \
           WHERE d.service_point_id = of.service_point_id AND d.register_id = of.register_id AND d.day = of.day \
           AND d.day BETWEEN $6 AND $7 RETURNING d.*, of.id) \
         INSERT INTO interval_days_past (service_point_id, id, register_id, import_id, total, highest, packed, day, \
           minutes, missing, estimated, is_held, rules, replaced_by_import_id, replaced_at) \
         SELECT service_point_id, id, register_id, import_id, total, highest, packed, day, minutes, missing, \
           estimated, is_held, rules, $5, $8 FROM moved",
    )
    .bind::<Array<BigInt>, _>(points)
    .bind::<Array<BigInt>, _>(registers)
    .bind::<Array<SqlDate>, _>(dates)
    .bind::<Array<BigInt>, _>(ids)
    .bind::<Nullable<BigInt>, _>(replaced_by)
    .bind::<SqlDate, _>(from)
    .bind::<SqlDate, _>(to)
    .bind::<Timestamptz, _>(tx.as_of())
    .execute(tx.conn)?)
}

/// Stores days by COPY.
pub fn copy_in(tx: &mut Tx<'_>, rows: &[StoredDay]) -> Result<()> {
    if !rows.is_empty() {
        diesel::copy_from(days::table).from_insertable(rows).execute(tx.conn)?;
    }
    Ok(())
}

/// The days of service points' registers between two days, with their values, by service point,
/// register and day.
pub fn load(tx: &mut Tx<'_>, of: &[ServicePointId], from: Date, to: Date) -> Result<Vec<StoredDay>> {
    Ok(days::table
        .filter(days::service_point_id.eq_any(of).and(days::day.between(from, to)))
        .select(StoredDay::as_select())
        .order((days::service_point_id, days::register_id, days::day))
        .load(tx.conn)?)
}

/// The same without the values.
pub fn sums(tx: &mut Tx<'_>, of: &[ServicePointId], from: Date, to: Date) -> Result<Vec<DaySum>> {
    Ok(days::table
        .filter(days::service_point_id.eq_any(of).and(days::day.between(from, to)))
        .select(DaySum::as_select())
        .order((days::service_point_id, days::register_id, days::day))
        .load(tx.conn)?)
}

/// The days of one register, with their values.
pub fn of_register(tx: &mut Tx<'_>, register: RegisterId, from: Date, to: Date) -> Result<Vec<StoredDay>> {
    Ok(days::table
        .filter(
            days::service_point_id
                .eq(register.owner)
                .and(days::register_id.eq(register.n))
                .and(days::day.between(from, to)),
        )
        .select(StoredDay::as_select())
        .order(days::day)
        .load(tx.conn)?)
}

/// A day as it was before it was replaced, or its import undone.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable)]
#[diesel(table_name = past_days)]
pub struct PastDay {
    /// The import that brought it.
    pub import_id: Option<i64>,
    /// Sum of its values.
    pub total: Decimal,
    /// The highest of them.
    pub highest: Option<Decimal>,
    /// The values ([`IntervalDay::pack`]).
    pub packed: Vec<u8>,
    /// Minutes of an interval.
    pub minutes: i16,
    /// Intervals without a value.
    pub missing: i16,
    /// Intervals whose value nobody read off the meter.
    pub estimated: i16,
    /// Whether it waited for a person.
    pub is_held: bool,
    /// The rules that it broke.
    pub rules: Option<String>,
    /// The import that replaced it.
    pub replaced_by_import_id: Option<i64>,
    /// When that was; nothing is known of days replaced before this was kept.
    pub replaced_at: Option<OffsetDateTime>,
}

impl PastDay {
    /// Its values.
    pub fn data(&self) -> Result<IntervalDay> {
        unpacked(self.minutes, &self.packed)
    }
}

/// Who brought a file, and when.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = reading_imports)]
pub struct Brought {
    /// The import.
    pub id: i64,
    /// What the file was called.
    pub file_name: String,
    /// Opaque id of who brought it.
    pub created_by: String,
    /// When.
    pub created_at: OffsetDateTime,
    /// When it was undone.
    pub undone_at: Option<OffsetDateTime>,
}

/// A register's day as it was, the latest first.
pub fn past(tx: &mut Tx<'_>, register: RegisterId, day: Date, limit: i64) -> Result<Vec<PastDay>> {
    Ok(past_days::table
        .filter(
            past_days::service_point_id
                .eq(register.owner)
                .and(past_days::register_id.eq(register.n))
                .and(past_days::day.eq(day)),
        )
        .select(PastDay::as_select())
        .order(past_days::id.desc())
        .limit(limit)
        .load(tx.conn)?)
}

/// The imports with these row ids.
pub fn brought(tx: &mut Tx<'_>, imports: &[i64]) -> Result<Vec<Brought>> {
    Ok(reading_imports::table
        .filter(reading_imports::id.eq_any(imports))
        .select(Brought::as_select())
        .order(reading_imports::id)
        .load(tx.conn)?)
}

/// What the months of one register come to; held days are in no sum.
pub fn months(tx: &mut Tx<'_>, register: RegisterId, from: Date, to: Date) -> Result<Vec<MonthSum>> {
    Ok(diesel::sql_query(
        "SELECT date_trunc('month', day)::date AS month, count(*) AS days, sum(missing)::bigint AS missing, \
         sum(estimated)::bigint AS estimated, sum(total) AS total, max(highest) AS highest FROM interval_days \
         WHERE service_point_id = $1 AND register_id = $2 AND day BETWEEN $3 AND $4 AND NOT is_held \
         GROUP BY 1 ORDER BY 1",
    )
    .bind::<BigInt, _>(register.owner)
    .bind::<BigInt, _>(register.n)
    .bind::<SqlDate, _>(from)
    .bind::<SqlDate, _>(to)
    .load(tx.conn)?)
}

/// Lets held days be billed, with a mark before the rules that they broke; answers how many were held.
pub fn release(tx: &mut Tx<'_>, keys: &[(RegisterId, Date)], mark: &str) -> Result<usize> {
    let Some((from, to)) = span(keys) else { return Ok(0) };
    let (points, registers, dates) = columns(keys);
    Ok(diesel::sql_query(
        "UPDATE interval_days d SET is_held = false, rules = $4 || d.rules \
         FROM UNNEST($1, $2, $3) AS of (service_point_id, register_id, day) \
         WHERE d.service_point_id = of.service_point_id AND d.register_id = of.register_id AND d.day = of.day \
         AND d.day BETWEEN $5 AND $6 AND d.is_held",
    )
    .bind::<Array<BigInt>, _>(points)
    .bind::<Array<BigInt>, _>(registers)
    .bind::<Array<SqlDate>, _>(dates)
    .bind::<Text, _>(mark)
    .bind::<SqlDate, _>(from)
    .bind::<SqlDate, _>(to)
    .execute(tx.conn)?)
}

//! Rate schedules, their dated versions, and factors. Versions are written once and never
//! changed; a tariff is kept as it was sent, and read by `rating`.

use crate::contract_types::ContractType;
use crate::ledger_setup::{CustomerClass, GlAccount};
use crate::schema::{factor_values, factors, rate_schedules, rate_versions};
use crate::{Result, Tx, contract_types, ledger_setup};
use diesel::prelude::*;
use serde_json::Value;
use time::{Date, OffsetDateTime};
use vocab::{Commodity, Decimal, FactorId, RateScheduleId, RateVersionId};

/// A tariff.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = rate_schedules)]
pub struct RateSchedule {
    /// Row id.
    pub id: RateScheduleId,
    /// The utility's code.
    pub code: String,
    /// Its name on the bill.
    pub name: String,
    /// What it prices.
    pub commodity: Commodity,
    /// Months of the period that its amounts are of: 1, 2, 3, 6 or 12.
    pub months: i16,
    /// Whether missing reads may be estimated; the contract type must allow it too.
    pub estimation: bool,
    /// Goes up by one with every change.
    pub version: i64,
}

/// A dated version of a tariff: immutable.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = rate_versions)]
pub struct RateVersion {
    /// Row id.
    pub id: RateVersionId,
    /// Of which schedule.
    pub schedule_id: RateScheduleId,
    /// First day in force.
    pub effective_on: Date,
    /// The rules, `rating::RateVersion`.
    pub tariff: Value,
    /// Opaque id of who entered it.
    pub created_by: String,
    /// Business time.
    pub created_at: OffsetDateTime,
}

/// A dated price, percentage or amount, perhaps by the value of a characteristic.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = factors, treat_none_as_default_value = false)]
pub struct Factor {
    /// Row id.
    pub id: FactorId,
    /// The name that tariffs use.
    pub code: String,
    /// What it is.
    pub name: String,
    /// The characteristic that selects among its values.
    pub characteristic: Option<String>,
    /// Goes up by one with every change.
    pub version: i64,
}

/// One value of a factor from a day on.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = factor_values)]
pub struct FactorValue {
    /// Of which factor.
    pub factor_id: FactorId,
    /// Value of the selecting characteristic; empty for a factor without one.
    pub characteristic_value: String,
    /// First day of this value; it holds until the next.
    pub effective_on: Date,
    /// Price, percentage or amount.
    pub value: Decimal,
}

/// Everything that all accounts of a bill run share, as stored. Days on which nothing falls due
/// are with the settings.
#[derive(Debug, Clone)]
pub struct RateBook {
    /// Accounts of the general ledger.
    pub gl_accounts: Vec<GlAccount>,
    /// Customer classes.
    pub classes: Vec<CustomerClass>,
    /// Contract types.
    pub contract_types: Vec<ContractType>,
    /// Rate schedules.
    pub schedules: Vec<RateSchedule>,
    /// All their versions, by schedule and day.
    pub versions: Vec<RateVersion>,
    /// Factors.
    pub factors: Vec<Factor>,
    /// All their values.
    pub factor_values: Vec<FactorValue>,
}

/// Everything that all accounts of a bill run share, in seven queries.
pub fn load_all(tx: &mut Tx<'_>) -> Result<RateBook> {
    Ok(RateBook {
        gl_accounts: ledger_setup::gl_accounts(tx)?,
        classes: ledger_setup::customer_classes(tx)?,
        contract_types: contract_types::all(tx)?,
        schedules: schedules(tx)?,
        versions: rate_versions::table
            .select(RateVersion::as_select())
            .order((rate_versions::schedule_id, rate_versions::effective_on))
            .load(tx.conn)?,
        factors: factors(tx)?,
        factor_values: all_factor_values(tx)?,
    })
}

/// What changes whenever anything does that [`load_all`], the settings, the holidays, the days of windows
/// and the messages that bills share answer: versions and factor values are only ever added, all else
/// carries a version.
pub fn book_version(tx: &mut Tx<'_>) -> Result<String> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = diesel::sql_types::Text)]
        version: String,
    }
    let row: Row = diesel::sql_query(
        "SELECT concat_ws('.', (SELECT sum(version) FROM settings), \
           (SELECT md5(string_agg(day::text, ',' ORDER BY day)) FROM holidays), \
           (SELECT count(*) FROM rate_versions), (SELECT count(*) FROM factor_values), \
           (SELECT count(*) || '-' || coalesce(sum(version), 0) FROM gl_accounts), \
           (SELECT count(*) || '-' || coalesce(sum(version), 0) FROM customer_classes), \
           (SELECT count(*) || '-' || coalesce(sum(version), 0) FROM contract_types), \
           (SELECT count(*) || '-' || coalesce(sum(version), 0) FROM rate_schedules), \
           (SELECT count(*) || '-' || coalesce(sum(version), 0) FROM factors), \
           (SELECT md5(string_agg(id || '-' || version, ',' ORDER BY id)) FROM usage_profiles), \
           (SELECT sum(version) FROM cycle_windows), \
           (SELECT md5(string_agg(id || '-' || version, ',' ORDER BY id)) FROM bill_messages WHERE account_id IS NULL), \
           EXISTS (SELECT 1 FROM bill_messages WHERE account_id IS NOT NULL)) AS version",
    )
    .get_result(tx.conn)?;
    Ok(row.version)
}

/// Adds a schedule.
pub fn insert_schedule(tx: &mut Tx<'_>, row: &RateSchedule) -> Result<()> {
    diesel::insert_into(rate_schedules::table).values(row).execute(tx.conn)?;
    Ok(())
}

/// All schedules, by code.
pub fn schedules(tx: &mut Tx<'_>) -> Result<Vec<RateSchedule>> {
    Ok(rate_schedules::table.select(RateSchedule::as_select()).order(rate_schedules::code).load(tx.conn)?)
}

/// One schedule.
pub fn schedule(tx: &mut Tx<'_>, id: RateScheduleId) -> Result<Option<RateSchedule>> {
    Ok(rate_schedules::table
        .filter(rate_schedules::id.eq(id))
        .select(RateSchedule::as_select())
        .first(tx.conn)
        .optional()?)
}

/// Changes a schedule's name, and whether it allows estimates, when `version` is still the stored one.
/// Commodity and months stay: its versions and contracts rest on them.
pub fn update_schedule(tx: &mut Tx<'_>, row: &RateSchedule, version: i64) -> Result<bool> {
    let stored =
        rate_schedules::table.filter(rate_schedules::id.eq(row.id).and(rate_schedules::version.eq(version)));
    let changed = diesel::update(stored)
        .set((
            rate_schedules::name.eq(&row.name),
            rate_schedules::estimation.eq(row.estimation),
            rate_schedules::version.eq(version + 1),
        ))
        .execute(tx.conn)?;
    Ok(changed == 1)
}

/// Adds a version.
pub fn insert_version(tx: &mut Tx<'_>, row: &RateVersion) -> Result<()> {
    diesel::insert_into(rate_versions::table).values(row).execute(tx.conn)?;
    Ok(())
}

/// The versions of a schedule, by day.
pub fn versions(tx: &mut Tx<'_>, id: RateScheduleId) -> Result<Vec<RateVersion>> {
    Ok(rate_versions::table
        .filter(rate_versions::schedule_id.eq(id))
        .select(RateVersion::as_select())
        .order(rate_versions::effective_on)
        .load(tx.conn)?)
}

/// One version of a schedule.
pub fn version(tx: &mut Tx<'_>, schedule: RateScheduleId, id: RateVersionId) -> Result<Option<RateVersion>> {
    Ok(rate_versions::table
        .filter(rate_versions::schedule_id.eq(schedule).and(rate_versions::id.eq(id)))
        .select(RateVersion::as_select())
        .first(tx.conn)
        .optional()?)
}

/// Versions of any schedules.
pub fn versions_by_id(tx: &mut Tx<'_>, ids: &[RateVersionId]) -> Result<Vec<RateVersion>> {
    Ok(rate_versions::table
        .filter(rate_versions::id.eq_any(ids))
        .select(RateVersion::as_select())
        .order(rate_versions::id)
        .load(tx.conn)?)
}

/// Adds a factor.
pub fn insert_factor(tx: &mut Tx<'_>, row: &Factor) -> Result<()> {
    diesel::insert_into(factors::table).values(row).execute(tx.conn)?;
    Ok(())
}

/// All factors, by code.
pub fn factors(tx: &mut Tx<'_>) -> Result<Vec<Factor>> {
    Ok(factors::table.select(Factor::as_select()).order(factors::code).load(tx.conn)?)
}

/// One factor.
pub fn factor(tx: &mut Tx<'_>, id: FactorId) -> Result<Option<Factor>> {
    Ok(factors::table.filter(factors::id.eq(id)).select(Factor::as_select()).first(tx.conn).optional()?)
}

/// Renames a factor when `version` is still the stored one.
pub fn rename_factor(tx: &mut Tx<'_>, row: &Factor, version: i64) -> Result<bool> {
    let stored = factors::table.filter(factors::id.eq(row.id).and(factors::version.eq(version)));
    let changed = diesel::update(stored)
        .set((factors::name.eq(&row.name), factors::version.eq(version + 1)))
        .execute(tx.conn)?;
    Ok(changed == 1)
}

/// Adds values of factors.
pub fn insert_factor_values(tx: &mut Tx<'_>, rows: &[FactorValue]) -> Result<()> {
    diesel::insert_into(factor_values::table).values(rows).execute(tx.conn)?;
    Ok(())
}

/// The values of a factor, by characteristic and day.
pub fn factor_values(tx: &mut Tx<'_>, id: FactorId) -> Result<Vec<FactorValue>> {
    Ok(factor_values::table
        .filter(factor_values::factor_id.eq(id))
        .select(FactorValue::as_select())
        .order((factor_values::characteristic_value, factor_values::effective_on))
        .load(tx.conn)?)
}

/// The values of all factors.
pub fn all_factor_values(tx: &mut Tx<'_>) -> Result<Vec<FactorValue>> {
    Ok(factor_values::table
        .select(FactorValue::as_select())
        .order((factor_values::factor_id, factor_values::characteristic_value, factor_values::effective_on))
        .load(tx.conn)?)
}

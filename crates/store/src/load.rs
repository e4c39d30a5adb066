//! Whole towns at once: what the loader looks up, and its rows by COPY.
//!
//! Every look-up is one query for many keys; every insert is one COPY per table and chunk.
//! Deliberately missing: changing anything that is there already.

use crate::accounts::{Account, AccountPerson, Address, Person};
use crate::adjustments::Adjustment;
use crate::contracts::Contract;
use crate::meters::{Install, Meter, Register};
use crate::payment_methods::PaymentMethod;
use crate::places::{Location, ServicePoint};
use crate::reads::NewRead;
use crate::schema::{
    account_addresses, account_numbers, account_persons, account_references, accounts, adjustment_types,
    adjustments, bill_cycles, contract_types, customer_classes, gl_accounts, meters, payment_methods,
    persons, rate_schedules, service_locations, service_point_codes, service_point_contracts, service_points,
    sites,
};
use crate::{Result, Tx};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Text};
use time::Date;
use vocab::{
    AdjustmentTypeId, Commodity, ContractTypeId, CycleId, GlAccountId, LocationId, RateScheduleId,
    SegmentMethod, ServicePointId, SiteId,
};

/// COPY of the rows into a table; nothing when there are none.
macro_rules! copy {
    ($tx:expr, $table:ident, $rows:expr) => {{
        let rows = $rows;
        if !rows.is_empty() {
            diesel::copy_from($table::table).from_insertable(rows).execute($tx.conn)?;
        }
    }};
}

/// The codes that a town's files may name.
#[derive(Debug, Clone)]
pub struct Configuration {
    /// Bill cycles.
    pub cycles: Vec<(String, CycleId)>,
    /// Customer classes.
    pub classes: Vec<String>,
    /// Contract types, with how each makes segments and of what.
    pub contract_types: Vec<(String, ContractTypeId, SegmentMethod, Commodity)>,
    /// Rate schedules, with what each prices.
    pub rates: Vec<(String, RateScheduleId, Commodity)>,
    /// Adjustment types, with the ledger account of each.
    pub adjustment_types: Vec<(String, AdjustmentTypeId, GlAccountId)>,
    /// Ledger accounts.
    pub gl_accounts: Vec<(String, GlAccountId)>,
}

/// Reads every code.
pub fn configuration(tx: &mut Tx<'_>) -> Result<Configuration> {
    Ok(Configuration {
        cycles: bill_cycles::table.select((bill_cycles::code, bill_cycles::id)).load(tx.conn)?,
        classes: customer_classes::table.select(customer_classes::code).load(tx.conn)?,
        contract_types: contract_types::table
            .select((
                contract_types::code,
                contract_types::id,
                contract_types::method,
                contract_types::commodity,
            ))
            .load(tx.conn)?,
        rates: rate_schedules::table
            .select((rate_schedules::code, rate_schedules::id, rate_schedules::commodity))
            .load(tx.conn)?,
        adjustment_types: adjustment_types::table
            .select((adjustment_types::code, adjustment_types::id, adjustment_types::gl_id))
            .load(tx.conn)?,
        gl_accounts: gl_accounts::table.select((gl_accounts::code, gl_accounts::id)).load(tx.conn)?,
    })
}

/// Every site.
pub fn sites(tx: &mut Tx<'_>) -> Result<Vec<(String, SiteId)>> {
    Ok(sites::table.select((sites::code, sites::id)).load(tx.conn)?)
}

/// The locations of some sites.
pub fn locations(tx: &mut Tx<'_>, of: &[SiteId]) -> Result<Vec<Location>> {
    Ok(service_locations::table
        .filter(service_locations::site_id.eq_any(of))
        .select(Location::as_select())
        .load(tx.conn)?)
}

/// Of these client references, the ones that an account has.
pub fn taken_references(tx: &mut Tx<'_>, references: &[&str]) -> Result<Vec<String>> {
    Ok(account_references::table
        .filter(account_references::reference.eq_any(references))
        .select(account_references::reference)
        .load(tx.conn)?)
}

/// Of these serial numbers, the ones that a meter has.
pub fn taken_serials(tx: &mut Tx<'_>, serials: &[&str]) -> Result<Vec<String>> {
    Ok(meters::table.filter(meters::serial.eq_any(serials)).select(meters::serial).load(tx.conn)?)
}

/// A service point that is there, and where.
#[derive(Debug, Clone, QueryableByName)]
pub struct KnownPoint {
    /// The utility's own code.
    #[diesel(sql_type = Text)]
    pub code: String,
    /// Row id.
    #[diesel(sql_type = BigInt)]
    pub service_point_id: ServicePointId,
    /// Its location.
    #[diesel(sql_type = BigInt)]
    pub location_id: LocationId,
    /// What it delivers.
    #[diesel(sql_type = Text)]
    pub commodity: Commodity,
}

/// Of these codes, the service points that are there.
pub fn points(tx: &mut Tx<'_>, codes: &[&str]) -> Result<Vec<KnownPoint>> {
    Ok(diesel::sql_query(
        "SELECT c.code, p.service_point_id, p.location_id, p.commodity FROM service_point_codes c \
         JOIN service_points p ON p.service_point_id = c.service_point_id WHERE c.code = ANY($1)",
    )
    .bind::<Array<Text>, _>(codes)
    .load(tx.conn)?)
}

/// Who is served at these service points, and when.
pub fn contracts_at(
    tx: &mut Tx<'_>,
    points: &[ServicePointId],
) -> Result<Vec<(ServicePointId, Date, Option<Date>)>> {
    Ok(service_point_contracts::table
        .filter(service_point_contracts::service_point_id.eq_any(points))
        .select((
            service_point_contracts::service_point_id,
            service_point_contracts::starts_on,
            service_point_contracts::ends_on,
        ))
        .load(tx.conn)?)
}

/// Adds locations.
pub fn insert_locations(tx: &mut Tx<'_>, rows: &[Location]) -> Result<()> {
    copy!(tx, service_locations, rows);
    Ok(())
}

/// The rows of one chunk.
#[derive(Debug, Default)]
pub struct Rows {
    /// Service points; their codes go into the directory as well.
    pub points: Vec<ServicePoint>,
    /// Meters.
    pub meters: Vec<Meter>,
    /// Where each is installed.
    pub installs: Vec<Install>,
    /// Their registers.
    pub registers: Vec<Register>,
    /// Their reads.
    pub reads: Vec<NewRead>,
    /// Accounts; their numbers and references go into the directories as well.
    pub accounts: Vec<Account>,
    /// Their customers.
    pub persons: Vec<Person>,
    /// Who is whose customer.
    pub account_persons: Vec<AccountPerson>,
    /// Their mailing addresses.
    pub addresses: Vec<Address>,
    /// Their contracts.
    pub contracts: Vec<Contract>,
    /// What they owed before.
    pub adjustments: Vec<Adjustment>,
    /// The transactions of the adjustments.
    pub fts: Vec<billing::Ft>,
    /// Their stored ways to pay.
    pub methods: Vec<PaymentMethod>,
}

/// Writes a chunk: one COPY per table, owners before what they own.
pub fn insert(tx: &mut Tx<'_>, rows: &Rows) -> Result<()> {
    insert_points(tx, rows)?;
    let numbers: Vec<_> = rows
        .accounts
        .iter()
        .map(|row| {
            (
                account_numbers::number.eq(row.number.as_i64()),
                account_numbers::account_id.eq(row.account_id.0),
            )
        })
        .collect();
    let references: Vec<_> = rows
        .accounts
        .iter()
        .map(|row| {
            (
                account_references::reference.eq(row.client_reference.clone().unwrap_or_default()),
                account_references::account_id.eq(row.account_id.0),
            )
        })
        .collect();
    copy!(tx, account_numbers, &numbers[..]);
    copy!(tx, account_references, &references[..]);
    copy!(tx, accounts, &rows.accounts[..]);
    copy!(tx, persons, &rows.persons[..]);
    copy!(tx, account_persons, &rows.account_persons[..]);
    copy!(tx, account_addresses, &rows.addresses[..]);
    crate::contracts::copy_in(tx, &rows.contracts)?;
    copy!(tx, adjustments, &rows.adjustments[..]);
    crate::ledger::copy(tx, &rows.fts)?;
    copy!(tx, payment_methods, &rows.methods[..]);
    Ok(())
}

fn insert_points(tx: &mut Tx<'_>, rows: &Rows) -> Result<()> {
    let codes: Vec<_> = rows
        .points
        .iter()
        .map(|row| {
            (
                service_point_codes::code.eq(row.code.as_str()),
                service_point_codes::service_point_id.eq(row.service_point_id.0),
            )
        })
        .collect();
    copy!(tx, service_point_codes, &codes[..]);
    copy!(tx, service_points, &rows.points[..]);
    crate::meters::copy_in(tx, &rows.meters, &rows.installs, &rows.registers)?;
    crate::reads::copy_in(tx, &rows.reads)?;
    Ok(())
}

/// Gives the planner the sizes of tables that have just been filled.
pub fn analyze(tx: &mut Tx<'_>) -> Result<()> {
    diesel::sql_query(
        "ANALYZE accounts, account_numbers, account_references, account_persons, account_addresses, persons, \
         contracts, service_point_contracts, service_points, service_point_codes, meters, meter_installs, \
         registers, reads, fts, adjustments, payment_methods, service_locations",
    )
    .execute(tx.conn)?;
    Ok(())
}

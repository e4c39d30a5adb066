//! The one row of the utility's settings, its holidays and its business clock.

use crate::schema::{business_clock, holidays, settings};
use crate::{Result, Tx};
use diesel::prelude::*;
use serde_json::Value;
use time::{Date, OffsetDateTime};
use vocab::GlAccountId;

/// The utility.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = settings, treat_none_as_null = true)]
pub struct Settings {
    /// Always 1.
    pub id: i16,
    /// Name on bills.
    pub utility_name: String,
    /// Telephone on bills.
    pub contact_phone: String,
    /// E-mail on bills; also the sender of mail.
    pub contact_email: String,
    /// Web address on bills.
    pub website: String,
    /// Lines of the address that payments are posted to.
    pub pay_address: Vec<String>,
    /// ISO 4217 code.
    pub currency: String,
    /// Decimals of an amount.
    pub minor_digits: i16,
    /// IANA name.
    pub time_zone: String,
    /// Languages of bills; the first is the default.
    pub languages: Vec<String>,
    /// A language printed beside the customer's own.
    pub second_language: Option<String>,
    /// Whether business time may be moved and the sandbox gateway be used.
    pub sandbox: bool,
    /// Hours between acceptance and an autopay draw at issuance.
    pub review_delay_hours: i32,
    /// First day of the read window, days before the window's end.
    pub read_days_before: i32,
    /// Last day of the read window, days after the window's end.
    pub read_days_after: i32,
    /// Thresholds of the read checks, `metering::ReadChecks`.
    pub checks: Value,
    /// How missing reads are estimated, `metering::EstimationRules`.
    pub estimation: Value,
    /// The rules that reads are judged by, `metering::RuleBook`.
    pub read_rules: Value,
    /// When the money of a draft is worth a look, `billing::ReviewChecks`.
    pub review: Value,
    /// Start of the pay link in a bill's QR code.
    pub pay_link_base: String,
    /// Receivables where no contract type is at hand.
    pub receivable_gl_id: Option<GlAccountId>,
    /// Where payments are booked.
    pub cash_gl_id: Option<GlAccountId>,
    /// Where money without an account waits.
    pub suspense_gl_id: Option<GlAccountId>,
    /// Goes up by one with every change.
    pub version: i64,
}

/// The settings; none before the utility is set up.
pub fn find(tx: &mut Tx<'_>) -> Result<Option<Settings>> {
    Ok(settings::table.find(1).select(Settings::as_select()).first(tx.conn).optional()?)
}

/// Sets the utility up.
pub fn insert(tx: &mut Tx<'_>, row: &Settings) -> Result<()> {
    diesel::insert_into(settings::table).values(row).execute(tx.conn)?;
    Ok(())
}

/// Replaces the settings when `version` is still the stored one; `false` otherwise.
pub fn update(tx: &mut Tx<'_>, row: &Settings, version: i64) -> Result<bool> {
    let changed =
        diesel::update(settings::table.filter(settings::id.eq(1).and(settings::version.eq(version))))
            .set(row)
            .execute(tx.conn)?;
    Ok(changed == 1)
}

/// All holidays, by day.
pub fn holidays(tx: &mut Tx<'_>) -> Result<Vec<(Date, String)>> {
    Ok(holidays::table.select((holidays::day, holidays::name)).order(holidays::day).load(tx.conn)?)
}

/// Adds or renames a holiday.
pub fn put_holiday(tx: &mut Tx<'_>, day: Date, name: &str) -> Result<()> {
    diesel::insert_into(holidays::table)
        .values((holidays::day.eq(day), holidays::name.eq(name)))
        .on_conflict(holidays::day)
        .do_update()
        .set(holidays::name.eq(name))
        .execute(tx.conn)?;
    Ok(())
}

/// Where business time was moved to; none while it is real time.
pub fn clock(tx: &mut Tx<'_>) -> Result<Option<OffsetDateTime>> {
    Ok(business_clock::table.find(1).select(business_clock::moved_to).first(tx.conn)?)
}

/// Moves business time when that is forward; `false` otherwise. The first move of an empty
/// sandbox may go anywhere: nothing in it is dated yet.
pub fn move_clock(tx: &mut Tx<'_>, to: OffsetDateTime) -> Result<bool> {
    use crate::schema::accounts;
    let forward = to >= tx.as_of();
    if !forward {
        let any_account = diesel::dsl::exists(accounts::table.select(accounts::account_id));
        if clock(tx)?.is_some() || diesel::select(any_account).get_result(tx.conn)? {
            return Ok(false);
        }
    }
    diesel::update(business_clock::table.find(1)).set(business_clock::moved_to.eq(to)).execute(tx.conn)?;
    Ok(true)
}

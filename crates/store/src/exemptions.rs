//! Certificates by which a tax is not charged to an account on some days.

use crate::schema::tax_exemptions as exemptions;
use crate::{Cursor, Page, Result, Tx};
use diesel::prelude::*;
use time::{Date, OffsetDateTime};
use vocab::{AccountId, TaxExemptionId};

/// A certificate.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = exemptions, treat_none_as_default_value = false)]
pub struct TaxExemption {
    /// Whose.
    pub account_id: AccountId,
    /// Row id.
    pub id: i64,
    /// The tax, as tax rules name it.
    pub tax: String,
    /// Its number.
    pub certificate: String,
    /// First exempt day.
    pub first_on: Date,
    /// Last exempt day; open when absent.
    pub last_on: Option<Date>,
    /// Opaque id of who entered it.
    pub created_by: String,
    /// Business time.
    pub created_at: OffsetDateTime,
    /// Goes up by one with every change.
    pub version: i64,
}

impl TaxExemption {
    /// Its id.
    pub fn exemption_id(&self) -> TaxExemptionId {
        TaxExemptionId::new(self.account_id, self.id)
    }
}

/// Adds a certificate. One of the same number for the same tax and first day exists already.
pub fn insert(tx: &mut Tx<'_>, row: &TaxExemption) -> Result<()> {
    diesel::insert_into(exemptions::table).values(row).execute(tx.conn)?;
    Ok(())
}

/// One certificate.
pub fn find(tx: &mut Tx<'_>, id: TaxExemptionId) -> Result<Option<TaxExemption>> {
    Ok(exemptions::table
        .filter(exemptions::account_id.eq(id.owner).and(exemptions::id.eq(id.n)))
        .select(TaxExemption::as_select())
        .first(tx.conn)
        .optional()?)
}

/// The certificates of accounts, by account and day.
pub fn of_accounts(tx: &mut Tx<'_>, accounts: &[AccountId]) -> Result<Vec<TaxExemption>> {
    Ok(exemptions::table
        .filter(exemptions::account_id.eq_any(accounts))
        .select(TaxExemption::as_select())
        .order((exemptions::account_id, exemptions::first_on, exemptions::id))
        .load(tx.conn)?)
}

/// The certificates of an account, newest first.
pub fn list(
    tx: &mut Tx<'_>,
    account: AccountId,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Page<TaxExemption>> {
    let mut query = exemptions::table
        .filter(exemptions::account_id.eq(account))
        .select(TaxExemption::as_select())
        .into_boxed();
    if let Some(last) = after.map(Cursor::one::<i64>).transpose()? {
        query = query.filter(exemptions::id.lt(last));
    }
    let rows = query.order(exemptions::id.desc()).limit(limit + 1).load(tx.conn)?;
    Ok(Page::from_rows(rows, limit, |row| Cursor::new([row.id])))
}

/// Sets the last exempt day when `version` is still the stored one.
pub fn set_last(tx: &mut Tx<'_>, id: TaxExemptionId, last_on: Option<Date>, version: i64) -> Result<bool> {
    let stored = exemptions::table
        .filter(exemptions::account_id.eq(id.owner).and(exemptions::id.eq(id.n)))
        .filter(exemptions::version.eq(version));
    let changed = diesel::update(stored)
        .set((exemptions::last_on.eq(last_on), exemptions::version.eq(version + 1)))
        .execute(tx.conn)?;
    Ok(changed == 1)
}

/// Takes a certificate away that was entered in error.
pub fn delete(tx: &mut Tx<'_>, id: TaxExemptionId) -> Result<()> {
    let stored = exemptions::table.filter(exemptions::account_id.eq(id.owner).and(exemptions::id.eq(id.n)));
    diesel::delete(stored).execute(tx.conn)?;
    Ok(())
}

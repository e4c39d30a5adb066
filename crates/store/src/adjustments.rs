//! Adjustments: charges and credits that do not come from a segment.

use crate::schema::{adjustment_types, adjustments};
use crate::{Cursor, Page, Result, Tx};
use diesel::prelude::*;
use time::{Date, OffsetDateTime};
use vocab::{AccountId, AdjustmentId, AdjustmentPurpose, AdjustmentState, AdjustmentTypeId, Money};

/// An adjustment.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = adjustments, treat_none_as_default_value = false)]
pub struct Adjustment {
    /// Whose.
    pub account_id: AccountId,
    /// Row id.
    pub id: i64,
    /// Of which type.
    pub type_id: AdjustmentTypeId,
    /// Life.
    pub state: AdjustmentState,
    /// A charge above nothing, a credit below.
    pub amount_minor: Money,
    /// The day that it is about.
    pub effective_on: Date,
    /// Why.
    pub reason: String,
    /// The client's own name for it, unique within the account for ever.
    pub client_reference: Option<String>,
    /// Opaque id of who posted it.
    pub created_by: String,
    /// Business time.
    pub created_at: OffsetDateTime,
    /// Goes up by one with every change.
    pub version: i64,
    /// The account of the other side of a transfer.
    pub other_account_id: Option<AccountId>,
    /// The adjustment on that side.
    pub other_id: Option<i64>,
}

impl Adjustment {
    /// The other side of a transfer.
    pub fn other(&self) -> Option<AdjustmentId> {
        Some(AdjustmentId::new(self.other_account_id?, self.other_id?))
    }
}

/// Writes an adjustment.
pub fn insert(tx: &mut Tx<'_>, row: &Adjustment) -> Result<()> {
    diesel::insert_into(adjustments::table).values(row).execute(tx.conn)?;
    Ok(())
}

/// One adjustment.
pub fn find(tx: &mut Tx<'_>, id: AdjustmentId) -> Result<Option<Adjustment>> {
    Ok(adjustments::table.find((id.owner, id.n)).select(Adjustment::as_select()).first(tx.conn).optional()?)
}

/// The adjustments of an account, newest first.
pub fn list(
    tx: &mut Tx<'_>,
    account: AccountId,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Page<Adjustment>> {
    let mut query = adjustments::table
        .filter(adjustments::account_id.eq(account))
        .select(Adjustment::as_select())
        .into_boxed();
    if let Some(last) = after.map(Cursor::one::<i64>).transpose()? {
        query = query.filter(adjustments::id.lt(last));
    }
    let rows = query.order(adjustments::id.desc()).limit(limit + 1).load(tx.conn)?;
    Ok(Page::from_rows(rows, limit, |row| Cursor::new([row.id])))
}

/// Posted adjustments of an account of this purpose whose day is after `after_on`, by row.
pub fn posted_since(
    tx: &mut Tx<'_>,
    account: AccountId,
    purpose: AdjustmentPurpose,
    after_on: Date,
) -> Result<Vec<Adjustment>> {
    Ok(adjustments::table
        .inner_join(adjustment_types::table.on(adjustment_types::id.eq(adjustments::type_id)))
        .filter(adjustments::account_id.eq(account).and(adjustments::state.eq(AdjustmentState::Posted)))
        .filter(adjustments::effective_on.gt(after_on).and(adjustment_types::purpose.eq(purpose)))
        .select(Adjustment::as_select())
        .order(adjustments::id)
        .load(tx.conn)?)
}

/// Marks an adjustment cancelled when it is still posted; `false` otherwise.
pub fn mark_cancelled(tx: &mut Tx<'_>, id: AdjustmentId, version: i64) -> Result<bool> {
    let posted = adjustments::table
        .find((id.owner, id.n))
        .filter(adjustments::state.eq(AdjustmentState::Posted).and(adjustments::version.eq(version)));
    let changed = diesel::update(posted)
        .set((adjustments::state.eq(AdjustmentState::Cancelled), adjustments::version.eq(version + 1)))
        .execute(tx.conn)?;
    Ok(changed == 1)
}

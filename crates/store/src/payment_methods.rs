//! Stored ways to pay: tokens of a gateway, never a number of a card or bank account.

use crate::schema::{accounts, payment_methods as methods};
use crate::{Result, Tx};
use diesel::prelude::*;
use time::OffsetDateTime;
use vocab::{AccountId, GatewayKind, MethodState, PaymentMethodId, TenderKind};

/// A stored way to pay.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = methods, treat_none_as_default_value = false)]
pub struct PaymentMethod {
    /// Whose.
    pub account_id: AccountId,
    /// Row id.
    pub id: i64,
    /// Card or bank debit.
    pub kind: TenderKind,
    /// Who collects.
    pub gateway: GatewayKind,
    /// The gateway's token of the customer; empty where it has none.
    pub customer_token: String,
    /// The gateway's token of the method.
    pub method_token: String,
    /// What a person calls it: `Visa ending 4242`.
    pub label: String,
    /// Whether it may be drawn from.
    pub state: MethodState,
    /// Business time.
    pub created_at: OffsetDateTime,
    /// Goes up by one with every change.
    pub version: i64,
}

/// Writes a method.
pub fn insert(tx: &mut Tx<'_>, row: &PaymentMethod) -> Result<()> {
    diesel::insert_into(methods::table).values(row).execute(tx.conn)?;
    Ok(())
}

/// One method.
pub fn find(tx: &mut Tx<'_>, id: PaymentMethodId) -> Result<Option<PaymentMethod>> {
    Ok(methods::table.find((id.owner, id.n)).select(PaymentMethod::as_select()).first(tx.conn).optional()?)
}

/// The methods of accounts, oldest first.
pub fn of_accounts(tx: &mut Tx<'_>, ids: &[AccountId]) -> Result<Vec<PaymentMethod>> {
    Ok(methods::table
        .filter(methods::account_id.eq_any(ids))
        .select(PaymentMethod::as_select())
        .order((methods::account_id, methods::id))
        .load(tx.conn)?)
}

/// Switches a method off; `false` when it has changed since it was read.
pub fn switch_off(tx: &mut Tx<'_>, id: PaymentMethodId, version: i64) -> Result<bool> {
    let changed = diesel::update(methods::table.find((id.owner, id.n)).filter(methods::version.eq(version)))
        .set((methods::state.eq(MethodState::Inactive), methods::version.eq(version + 1)))
        .execute(tx.conn)?;
    Ok(changed == 1)
}

/// Notes how many automatic payments of a locked account have failed in a row.
pub fn set_failures(tx: &mut Tx<'_>, id: AccountId, failures: i16) -> Result<()> {
    diesel::update(accounts::table.filter(accounts::account_id.eq(id)))
        .set(accounts::autopay_failures.eq(failures))
        .execute(tx.conn)?;
    Ok(())
}

/// Switches the autopay of a locked account off.
pub fn switch_autopay_off(tx: &mut Tx<'_>, id: AccountId) -> Result<()> {
    diesel::update(accounts::table.filter(accounts::account_id.eq(id)))
        .set((
            accounts::autopay_method_id.eq(None::<i64>),
            accounts::autopay_rule.eq(None::<String>),
            accounts::autopay_days_before.eq(None::<i16>),
            accounts::autopay_maximum_minor.eq(None::<i64>),
            accounts::autopay_failures.eq(0),
            accounts::version.eq(accounts::version + 1),
        ))
        .execute(tx.conn)?;
    Ok(())
}

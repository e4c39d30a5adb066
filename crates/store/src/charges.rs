//! Billable charges: one-time or passed-through charges that wait for a contract's next segment.

use crate::schema::billable_charges as charges;
use crate::{Cursor, Page, Result, Tx};
use diesel::prelude::*;
use serde_json::Value;
use time::{Date, OffsetDateTime};
use vocab::{AccountId, ChargeId, ContractId, GlAccountId, Money};

/// A one-time or passed-through charge.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = charges, treat_none_as_default_value = false)]
pub struct Charge {
    /// Whose.
    pub account_id: AccountId,
    /// Row id.
    pub id: i64,
    /// The contract that it is billed under.
    pub contract_id: i64,
    /// The day from which it may be billed.
    pub due_on: Date,
    /// How much; negative is a credit.
    pub amount_minor: Money,
    /// Its name on the bill, by language.
    pub label: Value,
    /// What it credits, when that is not the contract type's revenue.
    pub gl_id: Option<GlAccountId>,
    /// The segment that it stands on, once billed.
    pub segment_id: Option<i64>,
    /// The client's own name for it, unique within the account.
    pub client_reference: Option<String>,
    /// Opaque id of who entered it.
    pub created_by: String,
    /// Business time.
    pub created_at: OffsetDateTime,
}

/// Which charges of an account a list shows.
#[derive(Debug, Clone, Copy, Default)]
pub struct ChargeFilter {
    /// Only this contract's.
    pub contract: Option<ContractId>,
    /// Only billed ones, or only open ones.
    pub billed: Option<bool>,
}

/// Adds charges.
pub fn insert(tx: &mut Tx<'_>, rows: &[Charge]) -> Result<()> {
    diesel::insert_into(charges::table).values(rows).execute(tx.conn)?;
    Ok(())
}

/// One charge.
pub fn find(tx: &mut Tx<'_>, id: ChargeId) -> Result<Option<Charge>> {
    Ok(charges::table
        .filter(charges::account_id.eq(id.owner).and(charges::id.eq(id.n)))
        .select(Charge::as_select())
        .first(tx.conn)
        .optional()?)
}

/// The charge of the account with this client reference.
pub fn by_reference(tx: &mut Tx<'_>, account: AccountId, reference: &str) -> Result<Option<ChargeId>> {
    Ok(charges::table
        .filter(charges::account_id.eq(account).and(charges::client_reference.eq(reference)))
        .select(charges::id)
        .first::<i64>(tx.conn)
        .optional()?
        .map(|id| ChargeId::new(account, id)))
}

/// Whether any charge stands under the contract.
pub fn any_of_contract(tx: &mut Tx<'_>, contract: ContractId) -> Result<bool> {
    Ok(charges::table
        .filter(charges::account_id.eq(contract.owner).and(charges::contract_id.eq(contract.n)))
        .select(charges::id)
        .first::<i64>(tx.conn)
        .optional()?
        .is_some())
}

/// Whether a charge under the contract is on no segment.
pub fn any_open_of_contract(tx: &mut Tx<'_>, contract: ContractId) -> Result<bool> {
    Ok(charges::table
        .filter(charges::account_id.eq(contract.owner).and(charges::contract_id.eq(contract.n)))
        .filter(charges::segment_id.is_null())
        .select(charges::id)
        .first::<i64>(tx.conn)
        .optional()?
        .is_some())
}

/// The charges of an account, newest first.
pub fn of_account(
    tx: &mut Tx<'_>,
    account: AccountId,
    filter: ChargeFilter,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Page<Charge>> {
    let mut query =
        charges::table.filter(charges::account_id.eq(account)).select(Charge::as_select()).into_boxed();
    if let Some(contract) = filter.contract {
        query = query.filter(charges::contract_id.eq(contract.n));
    }
    query = match filter.billed {
        Some(true) => query.filter(charges::segment_id.is_not_null()),
        Some(false) => query.filter(charges::segment_id.is_null()),
        None => query,
    };
    if let Some(last) = after.map(Cursor::one::<i64>).transpose()? {
        query = query.filter(charges::id.lt(last));
    }
    let rows = query.order(charges::id.desc()).limit(limit + 1).load(tx.conn)?;
    Ok(Page::from_rows(rows, limit, |row| Cursor::new([row.id])))
}

/// Takes a charge away while it is on no segment; `false` when it is.
pub fn delete_open(tx: &mut Tx<'_>, id: ChargeId) -> Result<bool> {
    let open = charges::table
        .filter(charges::account_id.eq(id.owner).and(charges::id.eq(id.n)))
        .filter(charges::segment_id.is_null());
    Ok(diesel::delete(open).execute(tx.conn)? == 1)
}

//! What must hold of everything stored, asked of the database set by set.
//!
//! Each [`Check`] is one statement over a range of keys, and so sees one moment: work that goes on
//! meanwhile is seen whole or not at all. Nothing here repairs anything.

mod checks;

pub use checks::CHECKS;

use crate::{JsonText, Result, Tx};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Nullable, Text};

/// The invariants that are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Invariant {
    /// Every journal sums to zero.
    I1,
    /// Every stored balance is the sum of its transactions.
    I2,
    /// Nothing is billed twice.
    I3,
    /// Every contract in a run's scope came to an outcome.
    I4,
    /// Bills add up, and join from bill to bill.
    I5,
    /// Every line computes again from its own record.
    I6,
    /// One charge is one tender; tenders are their payments and what is in suspense.
    I7,
}

impl Invariant {
    /// All, in order.
    pub const ALL: [Self; 7] = [Self::I1, Self::I2, Self::I3, Self::I4, Self::I5, Self::I6, Self::I7];

    /// Its short name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::I1 => "I1",
            Self::I2 => "I2",
            Self::I3 => "I3",
            Self::I4 => "I4",
            Self::I5 => "I5",
            Self::I6 => "I6",
            Self::I7 => "I7",
        }
    }

    /// What it says.
    pub const fn says(self) -> &'static str {
        match self {
            Self::I1 => "every journal sums to zero",
            Self::I2 => "every balance is the sum of its transactions",
            Self::I3 => "nothing is billed twice",
            Self::I4 => "every contract in scope came to an outcome",
            Self::I5 => "bills add up and join from bill to bill",
            Self::I6 => "every line computes again from its record",
            Self::I7 => "one charge is one tender, tenders are their payments",
        }
    }
}

/// What a finding's number means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// An account; the number repeats it.
    Account,
    /// A bill of the account.
    Bill,
    /// A financial transaction of the account.
    Ft,
    /// A segment of the account.
    Segment,
    /// A contract of the account.
    Contract,
    /// A payment of the account.
    Payment,
    /// An autopay instruction of the account.
    Draw,
    /// A bill run.
    Run,
    /// A tender.
    Tender,
}

/// Which table's ids a check's range runs over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// Accounts.
    Account,
    /// Bill runs.
    Run,
    /// Tenders.
    Tender,
}

impl Key {
    /// All.
    pub const ALL: [Self; 3] = [Self::Account, Self::Run, Self::Tender];
}

/// A half-open range of ids: above the first, up to the second.
pub type Range = (i64, i64);

/// One statement that finds what breaks an invariant, and one that counts what it looked at.
#[derive(Debug)]
pub struct Check {
    /// Which invariant.
    pub invariant: Invariant,
    /// What the range runs over.
    pub key: Key,
    /// What is found.
    pub subject: Subject,
    find: &'static str,
    count: &'static str,
}

/// Something that breaks an invariant.
#[derive(Debug, Clone, QueryableByName)]
pub struct Found {
    /// Whose, when an account owns it.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub account: Option<i64>,
    /// Row id.
    #[diesel(sql_type = BigInt)]
    pub n: i64,
    /// What was found and what should be.
    #[diesel(sql_type = Text)]
    pub detail: String,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = Nullable<BigInt>)]
    n: Option<i64>,
}

/// The last id of the range of about `size` that begins above `after`; none when fewer are left.
pub fn boundary(tx: &mut Tx<'_>, key: Key, after: i64, size: i64) -> Result<Option<i64>> {
    let statement = match key {
        Key::Account => {
            "SELECT account_id AS n FROM accounts WHERE account_id > $1 ORDER BY 1 OFFSET $2 LIMIT 1"
        }
        Key::Run => "SELECT id AS n FROM bill_runs WHERE id > $1 ORDER BY 1 OFFSET $2 LIMIT 1",
        Key::Tender => "SELECT id AS n FROM tenders WHERE id > $1 ORDER BY 1 OFFSET $2 LIMIT 1",
    };
    let row: Option<Number> = diesel::sql_query(statement)
        .bind::<BigInt, _>(after)
        .bind::<BigInt, _>(size)
        .get_result(tx.conn)
        .optional()?;
    Ok(row.and_then(|row| row.n))
}

/// What breaks the invariant within the range.
pub fn find(tx: &mut Tx<'_>, check: &Check, range: Range) -> Result<Vec<Found>> {
    Ok(diesel::sql_query(check.find).bind::<BigInt, _>(range.0).bind::<BigInt, _>(range.1).load(tx.conn)?)
}

/// How many things the check looks at within the range.
pub fn count(tx: &mut Tx<'_>, check: &Check, range: Range) -> Result<i64> {
    let row: Number = diesel::sql_query(check.count)
        .bind::<BigInt, _>(range.0)
        .bind::<BigInt, _>(range.1)
        .get_result(tx.conn)?;
    Ok(row.n.unwrap_or(0))
}

/// A segment's record.
#[derive(Debug, Clone, QueryableByName)]
pub struct Record {
    /// Whose.
    #[diesel(sql_type = BigInt)]
    pub account_id: i64,
    /// Row id.
    #[diesel(sql_type = BigInt)]
    pub id: i64,
    /// Its total.
    #[diesel(sql_type = BigInt)]
    pub total_minor: i64,
    /// `billing::Calculation`.
    #[diesel(sql_type = Text)]
    pub document: JsonText,
}

/// The next segments above `(account, id)`, in that order.
pub fn records(tx: &mut Tx<'_>, after: (i64, i64), limit: i64) -> Result<Vec<Record>> {
    Ok(diesel::sql_query(
        "SELECT account_id, id, total_minor, document FROM segments \
         WHERE (account_id, id) > ($1, $2) ORDER BY account_id, id LIMIT $3",
    )
    .bind::<BigInt, _>(after.0)
    .bind::<BigInt, _>(after.1)
    .bind::<BigInt, _>(limit)
    .load(tx.conn)?)
}

/// The contracts that a draft names, and those it cannot have left out: billed before its test and
/// still alive today.
#[derive(Debug, Clone, QueryableByName)]
pub struct Scope {
    /// Whose draft.
    #[diesel(sql_type = BigInt)]
    pub account_id: i64,
    /// Of which run.
    #[diesel(sql_type = BigInt)]
    pub run_id: i64,
    /// `vocab::ContractId`s as the draft names them.
    #[diesel(sql_type = Array<Text>)]
    pub drafted: Vec<String>,
    /// Row ids of contracts.
    #[diesel(sql_type = Array<BigInt>)]
    pub expected: Vec<i64>,
}

/// The scopes of the latest drafts within a range of accounts. A contract whose segments were reversed may have
/// been closed when the draft was made, and is alive again by that: it is left out.
pub fn scopes(tx: &mut Tx<'_>, range: Range) -> Result<Vec<Scope>> {
    Ok(diesel::sql_query(
        "WITH latest AS ( \
           SELECT DISTINCT ON (d.account_id, d.run_id) d.account_id, d.run_id, t.as_of, d.document::jsonb AS document \
           FROM drafts d JOIN run_tests t ON t.id = d.test_id \
           WHERE d.account_id > $1 AND d.account_id <= $2 \
           ORDER BY d.account_id, d.run_id, t.number DESC) \
         SELECT l.account_id, l.run_id, \
           ARRAY(SELECT s ->> 'contract' FROM jsonb_array_elements(l.document -> 'segments') s) AS drafted, \
           ARRAY(SELECT c.id FROM contracts c WHERE c.account_id = l.account_id \
             AND c.state NOT IN ('closed', 'cancelled') \
             AND NOT EXISTS (SELECT FROM segments x WHERE x.account_id = c.account_id AND x.contract_id = c.id \
                             AND x.state = 'cancelled') \
             AND EXISTS (SELECT FROM segments s JOIN bills b ON b.account_id = s.account_id AND b.id = s.bill_id \
                         WHERE s.account_id = c.account_id AND s.contract_id = c.id AND b.completed_at < l.as_of \
                           AND b.run_id IS DISTINCT FROM l.run_id)) AS expected \
         FROM latest l",
    )
    .bind::<BigInt, _>(range.0)
    .bind::<BigInt, _>(range.1)
    .load(tx.conn)?)
}

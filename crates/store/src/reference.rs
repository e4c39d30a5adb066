//! The reference of every claim of speed: what merely writing naive rows of bills costs.
//!
//! Four plain tables, as a straightforward schema would have them: a primary key, foreign keys and two
//! further indexes each; per bill one row, three segments, ten lines and three transactions, written by
//! COPY in chunks of one transaction. Nothing is read, rated, checked or balanced. Used by measurements
//! in databases of their own, never by the product.

use crate::{Db, Result, Tx};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use time::{Date, OffsetDateTime};
use vocab::Decimal;

mod tables {
    diesel::table! {
        reference_bills (id) {
            id -> BigInt, account_id -> BigInt, number -> BigInt, bill_on -> Date, due_on -> Date,
            total_minor -> BigInt, state -> Text, created_at -> Timestamptz,
        }
    }
    diesel::table! {
        reference_segments (id) {
            id -> BigInt, bill_id -> BigInt, contract_id -> BigInt, first_on -> Date, last_on -> Date,
            total_minor -> BigInt, state -> Text,
        }
    }
    diesel::table! {
        reference_lines (id) {
            id -> BigInt, segment_id -> BigInt, seq -> Integer, label -> Text, quantity -> Numeric,
            price -> Numeric, amount_minor -> BigInt,
        }
    }
    diesel::table! {
        reference_fts (id) {
            id -> BigInt, account_id -> BigInt, bill_id -> BigInt, kind -> Text, amount_minor -> BigInt,
            accounting_on -> Date, posted_at -> Timestamptz,
        }
    }
}
use tables::{reference_bills, reference_fts, reference_lines, reference_segments};

/// Segments of a reference bill.
pub const SEGMENTS: i64 = 3;
/// Lines of a reference bill, spread over its segments.
pub const LINES: i64 = 10;

const CREATE: &str = "
CREATE TABLE reference_bills (
    id bigint PRIMARY KEY, account_id bigint NOT NULL REFERENCES accounts (account_id), number bigint NOT NULL,
    bill_on date NOT NULL, due_on date NOT NULL, total_minor bigint NOT NULL, state text NOT NULL,
    created_at timestamptz NOT NULL);
CREATE INDEX ON reference_bills (account_id, bill_on);
CREATE INDEX ON reference_bills (number);
CREATE TABLE reference_segments (
    id bigint PRIMARY KEY, bill_id bigint NOT NULL REFERENCES reference_bills (id), contract_id bigint NOT NULL,
    first_on date NOT NULL, last_on date NOT NULL, total_minor bigint NOT NULL, state text NOT NULL);
CREATE INDEX ON reference_segments (bill_id);
CREATE INDEX ON reference_segments (contract_id, last_on);
CREATE TABLE reference_lines (
    id bigint PRIMARY KEY, segment_id bigint NOT NULL REFERENCES reference_segments (id), seq integer NOT NULL,
    label text NOT NULL, quantity numeric(28, 10) NOT NULL, price numeric(28, 10) NOT NULL,
    amount_minor bigint NOT NULL);
CREATE INDEX ON reference_lines (segment_id, seq);
CREATE INDEX ON reference_lines (label);
CREATE TABLE reference_fts (
    id bigint PRIMARY KEY, account_id bigint NOT NULL REFERENCES accounts (account_id),
    bill_id bigint NOT NULL REFERENCES reference_bills (id), kind text NOT NULL, amount_minor bigint NOT NULL,
    accounting_on date NOT NULL, posted_at timestamptz NOT NULL);
CREATE INDEX ON reference_fts (account_id, accounting_on);
CREATE INDEX ON reference_fts (bill_id);
";

const DROP: &str = "
DROP TABLE IF EXISTS reference_fts, reference_lines, reference_segments, reference_bills;
";

#[derive(Insertable)]
#[diesel(table_name = reference_bills, treat_none_as_default_value = false)]
struct Bill {
    id: i64,
    account_id: i64,
    number: i64,
    bill_on: Date,
    due_on: Date,
    total_minor: i64,
    state: &'static str,
    created_at: OffsetDateTime,
}

#[derive(Insertable)]
#[diesel(table_name = reference_segments, treat_none_as_default_value = false)]
struct Segment {
    id: i64,
    bill_id: i64,
    contract_id: i64,
    first_on: Date,
    last_on: Date,
    total_minor: i64,
    state: &'static str,
}

#[derive(Insertable)]
#[diesel(table_name = reference_lines, treat_none_as_default_value = false)]
struct Line {
    id: i64,
    segment_id: i64,
    seq: i32,
    label: &'static str,
    quantity: Decimal,
    price: Decimal,
    amount_minor: i64,
}

#[derive(Insertable)]
#[diesel(table_name = reference_fts, treat_none_as_default_value = false)]
struct Ft {
    id: i64,
    account_id: i64,
    bill_id: i64,
    kind: &'static str,
    amount_minor: i64,
    accounting_on: Date,
    posted_at: OffsetDateTime,
}

/// Creates the four tables, empty.
pub fn create(db: &Db) -> Result<()> {
    db.tx(|tx| Ok(tx.conn.batch_execute(&format!("{DROP}{CREATE}"))?))
}

/// Drops them.
pub fn drop(db: &Db) -> Result<()> {
    db.tx(|tx| Ok(tx.conn.batch_execute(DROP)?))
}

/// Accounts to write bills for, so many above one, ascending.
pub fn accounts(db: &Db, above: i64, limit: i64) -> Result<Vec<i64>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = BigInt)]
        account_id: i64,
    }
    db.tx(|tx| {
        let rows: Vec<Row> = diesel::sql_query(
            "SELECT account_id FROM accounts WHERE account_id > $1 ORDER BY account_id LIMIT $2",
        )
        .bind::<BigInt, _>(above)
        .bind::<BigInt, _>(limit)
        .load(tx.conn)?;
        Ok(rows.into_iter().map(|row| row.account_id).collect())
    })
}

/// Writes a bill for each account, in one transaction.
pub fn write(db: &Db, accounts: &[i64]) -> Result<()> {
    db.tx(|tx| {
        // A bill, its segments, lines and transactions.
        let rows = usize::try_from(1 + SEGMENTS + LINES + SEGMENTS).unwrap_or(0);
        let ids = tx.new_ids(accounts.len() * rows)?;
        copy(tx, accounts, &ids, rows)
    })
}

fn copy(tx: &mut Tx<'_>, accounts: &[i64], ids: &[i64], rows: usize) -> Result<()> {
    let (at, day) = (tx.as_of(), tx.as_of().date());
    let (mut bills, mut segments, mut lines, mut fts) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (&account_id, ids) in accounts.iter().zip(ids.chunks(rows)) {
        let mut ids = ids.iter().copied();
        let mut next = || ids.next().unwrap_or_default();
        let bill_id = next();
        let amount = account_id % 9_000 + 1_000;
        bills.push(Bill {
            id: bill_id,
            account_id,
            number: bill_id,
            bill_on: day,
            due_on: day,
            total_minor: amount * LINES,
            state: "complete",
            created_at: at,
        });
        for of in 0..SEGMENTS {
            let segment_id = next();
            segments.push(Segment {
                id: segment_id,
                bill_id,
                contract_id: account_id + of,
                first_on: day,
                last_on: day,
                total_minor: amount,
                state: "frozen",
            });
            for seq in (of..LINES).step_by(3) {
                lines.push(Line {
                    id: next(),
                    segment_id,
                    seq: i32::try_from(seq).unwrap_or(0),
                    label: "Energy charge, first tier",
                    quantity: Decimal::new(amount, 2),
                    price: Decimal::new(12_345, 5),
                    amount_minor: amount,
                });
            }
            fts.push(Ft {
                id: next(),
                account_id,
                bill_id,
                kind: "segment",
                amount_minor: amount,
                accounting_on: day,
                posted_at: at,
            });
        }
    }
    diesel::copy_from(reference_bills::table).from_insertable(bills).execute(tx.conn)?;
    diesel::copy_from(reference_segments::table).from_insertable(segments).execute(tx.conn)?;
    diesel::copy_from(reference_lines::table).from_insertable(lines).execute(tx.conn)?;
    diesel::copy_from(reference_fts::table).from_insertable(fts).execute(tx.conn)?;
    Ok(())
}

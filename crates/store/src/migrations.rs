//! The migrations, embedded; run under an advisory lock so that several processes may start at once.

use crate::error::{Error, Result};
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations");
/// "penstock" as a number; any constant does, as long as every version of the program uses it.
const MIGRATION_LOCK: i64 = 0x7065_6e73;

/// Brings the database at `url` up to date; answers the names of the migrations that ran.
pub fn migrate(url: &str) -> Result<Vec<String>> {
    let mut conn = PgConnection::establish(url)?;
    locked(&mut conn, |conn| conn.run_pending_migrations(MIGRATIONS).map(names))
}

/// Takes every migration back; the data are gone afterwards.
pub fn revert_all(url: &str) -> Result<Vec<String>> {
    let mut conn = PgConnection::establish(url)?;
    locked(&mut conn, |conn| conn.revert_all_migrations(MIGRATIONS).map(names))
}

/// Whether the database lacks migrations that this program knows.
pub fn migrations_pending(url: &str) -> Result<bool> {
    are_pending(&mut PgConnection::establish(url)?)
}

pub(crate) fn are_pending(conn: &mut PgConnection) -> Result<bool> {
    conn.has_pending_migration(MIGRATIONS).map_err(failed)
}

fn names(versions: Vec<diesel::migration::MigrationVersion<'_>>) -> Vec<String> {
    versions.iter().map(ToString::to_string).collect()
}

type Failed = Box<dyn std::error::Error + Send + Sync>;

fn locked<T>(
    conn: &mut PgConnection,
    work: impl FnOnce(&mut PgConnection) -> std::result::Result<T, Failed>,
) -> Result<T> {
    diesel::sql_query("SELECT pg_advisory_lock($1)").bind::<BigInt, _>(MIGRATION_LOCK).execute(conn)?;
    let outcome = work(conn).map_err(failed);
    diesel::sql_query("SELECT pg_advisory_unlock($1)").bind::<BigInt, _>(MIGRATION_LOCK).execute(conn)?;
    outcome
}

#[allow(clippy::needless_pass_by_value, reason = "used as a function in map_err")]
fn failed(error: Failed) -> Error {
    Error::Corrupt { what: "schema", why: error.to_string() }
}

//! The pool and the transaction.

use crate::error::{Error, Result};
use crate::faults::{self, Moment};
use crate::ids::IdBlocks;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::r2d2::{ConnectionManager, Pool};
use diesel::sql_types::Timestamptz;
use std::panic::Location;
use std::time::Duration;
use time::OffsetDateTime;

/// How long a caller waits for a connection before it is told that the service is busy.
const CONNECTION_WAIT: Duration = Duration::from_secs(5);

/// A pool of connections to one utility's database.
#[derive(Clone)]
pub struct Db {
    pool: Pool<ConnectionManager<PgConnection>>,
    ids: IdBlocks,
    url: String,
}

impl std::fmt::Debug for Db {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The URL may hold a password.
        f.debug_struct("Db").field("connections", &self.pool.max_size()).finish_non_exhaustive()
    }
}

/// Settings of every connection: no wait for a lock is longer than a caller's patience.
#[derive(Debug)]
struct Prepare {
    ids: IdBlocks,
}

impl diesel::r2d2::CustomizeConnection<PgConnection, diesel::r2d2::Error> for Prepare {
    fn on_acquire(&self, conn: &mut PgConnection) -> std::result::Result<(), diesel::r2d2::Error> {
        conn.batch_execute(
            "SET TIME ZONE 'UTC'; SET lock_timeout = '30s'; SET idle_in_transaction_session_timeout = '10min'; \
             SET client_min_messages = warning",
        )
        .map_err(diesel::r2d2::Error::QueryError)?;
        // After the server fell every connection is a new one, and its sequence may have gone back over a block of
        // which nothing was committed to the disk: what is left of it may be handed out to another.
        self.ids.forget();
        Ok(())
    }
}

#[derive(QueryableByName)]
struct Now {
    #[diesel(sql_type = Timestamptz)]
    as_of: OffsetDateTime,
}

impl Db {
    /// Opens a pool of `size` connections; fails when the first cannot be made.
    pub fn connect(url: &str, size: u32) -> Result<Self> {
        let ids = IdBlocks::default();
        let pool = Pool::builder()
            .max_size(size.max(1))
            .min_idle(Some(1))
            .connection_timeout(CONNECTION_WAIT)
            .connection_customizer(Box::new(Prepare { ids: ids.clone() }))
            .build(ConnectionManager::new(url))?;
        Ok(Self { pool, ids, url: url.to_owned() })
    }

    /// How to reach the same database by other means (psql, a second pool). May hold a password.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Whether the database lacks migrations that this program knows; on a connection of the pool.
    pub fn lacks_migrations(&self) -> Result<bool> {
        let mut conn = self.pool.get()?;
        crate::migrations::are_pending(&mut conn)
    }

    /// Runs `work` in one transaction: committed when it answers `Ok`, rolled back otherwise.
    #[allow(clippy::disallowed_methods, reason = "the one place where transactions are opened")]
    #[track_caller]
    pub fn tx<T, E: From<Error>>(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E> {
        let place = Location::caller();
        let mut conn = self.pool.get().map_err(|error| E::from(Error::Unavailable(error.to_string())))?;
        conn.transaction::<T, Outcome<E>, _>(|conn| {
            let now: Now = diesel::sql_query(
                "SELECT coalesce((SELECT moved_to FROM business_clock WHERE id = 1), clock_timestamp()) AS as_of",
            )
            .get_result(conn)?;
            let mut tx = Tx { conn, as_of: now.as_of, ids: &self.ids };
            let worked = work(&mut tx).map_err(Outcome::Work)?;
            faults::reach(Moment::Before, place);
            Ok(worked)
        })
        .inspect(|_| faults::reach(Moment::After, place))
        .map_err(|outcome| match outcome {
            Outcome::Work(error) => error,
            Outcome::Database(error) => E::from(Error::from(error)),
        })
    }
}

/// Keeps the caller's error apart from a failed BEGIN or COMMIT.
enum Outcome<E> {
    Work(E),
    Database(diesel::result::Error),
}

impl<E> From<diesel::result::Error> for Outcome<E> {
    fn from(error: diesel::result::Error) -> Self {
        Self::Database(error)
    }
}

/// One open transaction: the connection, its business time and its source of ids.
pub struct Tx<'a> {
    pub(crate) conn: &'a mut PgConnection,
    as_of: OffsetDateTime,
    ids: &'a IdBlocks,
}

impl Tx<'_> {
    /// Business time, read once when the transaction began.
    pub fn as_of(&self) -> OffsetDateTime {
        self.as_of
    }

    /// A fresh row id.
    pub fn new_id(&mut self) -> Result<i64> {
        self.ids.next(self.conn)
    }

    /// Many fresh row ids.
    pub fn new_ids(&mut self, count: usize) -> Result<Vec<i64>> {
        self.ids.take(self.conn, count)
    }

    /// Says that the rest of the transaction looks rows up by their keys, some hundred at a time, in tables
    /// of any size: right after a bulk load the planner, without statistics, would rather read whole tables.
    /// Work is spread by its chunks, never over helpers of one query.
    pub fn by_key(&mut self) -> Result<()> {
        Ok(self.conn.batch_execute(
            "SET LOCAL enable_seqscan = off; SET LOCAL enable_mergejoin = off; \
             SET LOCAL max_parallel_workers_per_gather = 0",
        )?)
    }

    /// Says that the commit need not wait for the disk. Only for work whose mark of being done is part of
    /// the same transaction, and of which nothing outside learns before a later commit that does wait: should
    /// the machine fall in the meantime, work and mark are gone together, and it is done again.
    pub fn commit_lazily(&mut self) -> Result<()> {
        Ok(self.conn.batch_execute("SET LOCAL synchronous_commit = off")?)
    }

    /// Says that the rest of the transaction reads thousands of neighbouring rows: nothing is to be looked
    /// up one by one.
    pub fn by_range(&mut self) -> Result<()> {
        Ok(self.conn.batch_execute("SET LOCAL enable_nestloop = off")?)
    }

    /// Says that the rest of the transaction reads the next rows of a long list in the order of an index:
    /// right after a bulk load the planner, without statistics, would rather sort the whole list for each page.
    pub fn in_order(&mut self) -> Result<()> {
        Ok(self.conn.batch_execute("SET LOCAL enable_sort = off; SET LOCAL enable_bitmapscan = off")?)
    }

    /// Runs `work` under a savepoint: when it fails, what it wrote is gone and the transaction
    /// goes on.
    #[allow(clippy::disallowed_methods, reason = "a savepoint inside the transaction that Db::tx opened")]
    pub fn attempt<T, E: From<Error>>(
        &mut self,
        work: impl FnOnce(&mut Tx<'_>) -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E> {
        let (as_of, ids) = (self.as_of, self.ids);
        self.conn
            .transaction::<T, Outcome<E>, _>(|conn| work(&mut Tx { conn, as_of, ids }).map_err(Outcome::Work))
            .map_err(|outcome| match outcome {
                Outcome::Work(error) => error,
                Outcome::Database(error) => E::from(Error::from(error)),
            })
    }
}

/// Hands over rows one after the other as they come from the server.
pub(crate) fn each<T, E: From<Error>>(
    rows: impl Iterator<Item = QueryResult<T>>,
    mut work: impl FnMut(T) -> std::result::Result<(), E>,
) -> std::result::Result<(), E> {
    for row in rows {
        work(row.map_err(Error::from)?)?;
    }
    Ok(())
}

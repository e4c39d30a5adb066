//! Databases inside the cluster: list, create, clone, rename, drop.

use diesel::sql_types::Text;
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl, sql_query};

use super::error::ClusterError;

/// An administrator's connection to a cluster.
pub struct Databases {
    connection: PgConnection,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    datname: String,
}

impl Databases {
    /// Connects; `url` names any database but the ones to be worked on (usually `postgres`).
    ///
    /// # Errors
    /// [`ClusterError::Connect`].
    pub fn connect(url: &str) -> Result<Self, ClusterError> {
        Ok(Self { connection: PgConnection::establish(url)? })
    }

    /// Names of all databases, sorted.
    ///
    /// # Errors
    /// [`ClusterError::Query`].
    pub fn names(&mut self) -> Result<Vec<String>, ClusterError> {
        let rows: Vec<Row> =
            sql_query("SELECT datname::text FROM pg_database ORDER BY 1").load(&mut self.connection)?;
        Ok(rows.into_iter().map(|row| row.datname).collect())
    }

    /// Creates the database unless it exists.
    ///
    /// # Errors
    /// [`ClusterError::BadName`], [`ClusterError::Query`].
    pub fn ensure(&mut self, name: &str) -> Result<(), ClusterError> {
        checked(name)?;
        if self.names()?.iter().any(|existing| existing == name) {
            return Ok(());
        }
        self.execute(&format!("CREATE DATABASE {name}"))
    }

    /// Copies `template`, file by file: three times faster than the default for a small database
    /// (27 ms against 80 ms). Nobody may be connected to the template.
    ///
    /// # Errors
    /// [`ClusterError::BadName`], [`ClusterError::Query`].
    pub fn create_from(&mut self, name: &str, template: &str) -> Result<(), ClusterError> {
        checked(name)?;
        checked(template)?;
        self.execute(&format!("CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY"))
    }

    /// Renames a database nobody is connected to.
    ///
    /// # Errors
    /// [`ClusterError::BadName`], [`ClusterError::Query`].
    pub fn rename(&mut self, from: &str, to: &str) -> Result<(), ClusterError> {
        checked(from)?;
        checked(to)?;
        self.execute(&format!("ALTER DATABASE {from} RENAME TO {to}"))
    }

    /// Drops the database if it exists, ending the connections to it.
    ///
    /// # Errors
    /// [`ClusterError::BadName`], [`ClusterError::Query`].
    pub fn drop(&mut self, name: &str) -> Result<(), ClusterError> {
        checked(name)?;
        self.execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
    }

    fn execute(&mut self, statement: &str) -> Result<(), ClusterError> {
        sql_query(statement).execute(&mut self.connection)?;
        Ok(())
    }
}

/// Names cannot be bound as parameters, so only names that need no quoting are let through.
fn checked(name: &str) -> Result<(), ClusterError> {
    let starts_well = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
    let is_plain = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if starts_well && is_plain && name.len() <= 63 {
        Ok(())
    } else {
        Err(ClusterError::BadName(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_need_quoting_are_refused() {
        assert!(checked("test_12_3").is_ok());
        for bad in ["", "Upper", "a b", "a;drop", "1st", "a-b", &"x".repeat(64)] {
            assert!(matches!(checked(bad), Err(ClusterError::BadName(_))), "{bad}");
        }
    }
}

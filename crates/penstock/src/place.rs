//! Where the data are: a server named by the configuration, or a private PostgreSQL of our own.

use crate::config::Config;
use anyhow::{Context, Result, bail};
use app::keys::Keys;
use std::path::{Path, PathBuf};
use store::embedded::{Cluster, ClusterError, ClusterOptions, default_data_dir, running_url};

/// The database inside the private PostgreSQL.
const DATABASE: &str = "penstock";

/// A database to work on, for as long as this lives.
pub struct Place {
    url: String,
    /// Directory of an embedded installation: database, keys, documents, mail.
    home: Option<PathBuf>,
    cluster: Option<Cluster>,
}

impl Place {
    /// The server of the configuration, or the embedded one, started and migrated.
    pub fn open(config: &Config) -> Result<Self> {
        if let Some(url) = &config.database.url {
            return Ok(Self { url: url.reveal().to_owned(), home: None, cluster: None });
        }
        let home = home(config)?;
        let cluster = Cluster::start(&ClusterOptions::durable(&home))?;
        Self::ready(cluster, home)
    }

    /// As [`Self::open`], but an embedded server that another penstock runs is used as it is.
    pub fn join(config: &Config) -> Result<Self> {
        let place = Self::open(config);
        let Err(error) = &place else { return place };
        if let Some(ClusterError::InUse(home)) = error.downcast_ref::<ClusterError>()
            && let Some(url) = running_url(home, DATABASE)
        {
            return Ok(Self { url, home: Some(home.clone()), cluster: None });
        }
        place
    }

    fn ready(cluster: Cluster, home: PathBuf) -> Result<Self> {
        cluster.databases()?.ensure(DATABASE)?;
        let url = cluster.url(DATABASE);
        // Nobody else can be using an older program on it: the directory is locked.
        store::migrate(&url).context("bringing the embedded database up to date")?;
        Ok(Self { url, home: Some(home), cluster: Some(cluster) })
    }

    /// Connection string. May hold a password.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Directory of an embedded installation.
    pub fn home(&self) -> Option<&Path> {
        self.home.as_deref()
    }

    /// Process id of the private PostgreSQL, when there is one.
    pub fn postgres(&self) -> Option<u32> {
        self.cluster.as_ref().map(Cluster::pid)
    }

    /// Refuses a database whose tables are behind this program.
    pub fn check_schema(&self) -> Result<()> {
        if store::migrations_pending(&self.url)? {
            bail!("the database's tables are behind this program: run `penstock migrate` first");
        }
        Ok(())
    }

    /// The keys that sign access tokens: made when an embedded installation has none, and never
    /// for a shared database, where each process would make its own.
    pub fn keys(&self, config: &Config) -> Result<Keys> {
        Ok(match (&config.auth.keys_dir, &self.home) {
            (Some(dir), _) => Keys::load(dir)?,
            (None, Some(home)) => Keys::load_or_create(&home.join("keys"))?,
            (None, None) => bail!(
                "auth.keys_dir is not set: with a database of your own, every process needs the same signing keys \
                 (`penstock key` makes one)"
            ),
        })
    }

    /// Stops the private PostgreSQL, when there is one.
    pub fn close(self) -> Result<()> {
        Ok(self.cluster.map_or(Ok(()), Cluster::stop)?)
    }
}

/// Ends the embedded server that a killed process has left running in a directory; fails as
/// [`ClusterError::InUse`] while a live one uses it.
pub fn end_orphan(home: &Path) -> Result<(), ClusterError> {
    match running_url(home, DATABASE) {
        Some(_) => Cluster::start(&ClusterOptions::durable(home))?.stop(),
        None => Ok(()),
    }
}

/// The directory of an embedded installation.
pub fn home(config: &Config) -> Result<PathBuf> {
    Ok(match &config.database.data_dir {
        Some(dir) => dir.clone(),
        None => default_data_dir()?,
    })
}

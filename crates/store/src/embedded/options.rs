//! How a cluster is to run: where, how safely, with which settings.

use std::env;
use std::path::PathBuf;
use std::time::Duration;

use super::error::ClusterError;

/// What a power cut may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Nothing that was committed: the product's setting.
    Durable,
    /// Everything: for tests, whose data nobody misses.
    Throwaway,
}

/// Where and how the private cluster runs.
#[derive(Debug, Clone)]
pub struct ClusterOptions {
    /// Directory of our own that holds the lock, the data, the socket and the server's log.
    pub data_dir: PathBuf,
    /// What a power cut may cost.
    pub durability: Durability,
    /// Server settings beyond our own, as `(name, value)`; they win over ours.
    pub settings: Vec<(String, String)>,
    /// How long the first connection may take to be possible, recovery after a crash included.
    pub start_timeout: Duration,
    /// How long a fast stop may take before the server is stopped at once.
    pub stop_timeout: Duration,
}

impl ClusterOptions {
    /// The product's cluster.
    #[must_use]
    pub fn durable(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            durability: Durability::Durable,
            settings: Vec::new(),
            start_timeout: Duration::from_secs(300),
            stop_timeout: Duration::from_secs(60),
        }
    }

    /// A cluster for tests.
    #[must_use]
    pub fn throwaway(data_dir: impl Into<PathBuf>) -> Self {
        Self { durability: Durability::Throwaway, ..Self::durable(data_dir) }
    }

    /// All server settings, ours first: the server lets the last one win.
    pub(super) fn server_settings(&self) -> Vec<(String, String)> {
        let durability: &[(&str, &str)] = match self.durability {
            Durability::Durable => &[
                ("fsync", "on"),
                ("synchronous_commit", "on"),
                ("full_page_writes", "on"),
                ("shared_buffers", "256MB"),
                ("max_wal_size", "4GB"),
                ("checkpoint_timeout", "15min"),
                ("wal_compression", "on"),
            ],
            // No background work either: it would sit on a template while that is being cloned.
            Durability::Throwaway => &[
                ("fsync", "off"),
                ("synchronous_commit", "off"),
                ("full_page_writes", "off"),
                ("autovacuum", "off"),
                ("wal_level", "minimal"),
                ("max_wal_senders", "0"),
                ("max_wal_size", "512MB"),
                ("checkpoint_timeout", "1h"),
                ("max_connections", "200"),
            ],
        };
        let shared = [("timezone", "UTC"), ("log_timezone", "UTC"), ("jit", "off"), ("lc_messages", "C")];
        let ours =
            shared.iter().chain(durability).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        ours.chain(self.settings.iter().cloned()).collect()
    }
}

/// Where the product keeps its cluster unless told otherwise: `/var/lib/penstock` as root, otherwise
/// `penstock` below `$XDG_DATA_HOME` or `~/.local/share`.
///
/// # Errors
/// [`ClusterError::NoHome`] when an ordinary user has neither variable.
pub fn default_data_dir() -> Result<PathBuf, ClusterError> {
    if rustix::process::geteuid().is_root() {
        return Ok(PathBuf::from("/var/lib/penstock"));
    }
    let xdg = env::var_os("XDG_DATA_HOME").map(PathBuf::from).filter(|dir| dir.is_absolute());
    let home = || env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/share"));
    xdg.or_else(home).map(|base| base.join("penstock")).ok_or(ClusterError::NoHome)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn effective(options: &ClusterOptions, name: &str) -> Option<String> {
        options.server_settings().into_iter().rev().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    #[test]
    fn the_product_is_durable_and_tests_are_not() {
        let product = ClusterOptions::durable("/d");
        let tests = ClusterOptions::throwaway("/d");
        for name in ["fsync", "synchronous_commit", "full_page_writes"] {
            assert_eq!(effective(&product, name).as_deref(), Some("on"), "{name}");
            assert_eq!(effective(&tests, name).as_deref(), Some("off"), "{name}");
        }
    }

    #[test]
    fn the_callers_settings_win() {
        let mut options = ClusterOptions::durable("/d");
        options.settings.push(("shared_buffers".into(), "1GB".into()));
        assert_eq!(effective(&options, "shared_buffers").as_deref(), Some("1GB"));
    }
}

//! Puts the application together from the configuration.

use crate::config::{Config, Http};
use crate::outside;
use crate::place::Place;
use anyhow::{Context, Result};
use api::Limits;
use app::worker::Workers;
use app::{App, Parts};
use connectors::gateway::SandboxGateway;
use std::num::NonZeroU32;
use store::Db;

/// The application with its ports, and the pretended gateway that must live as long as it.
pub struct Wired {
    /// The application.
    pub app: App,
    _sandbox: Option<SandboxGateway>,
}

/// The application on a database whose tables are up to date.
pub fn wire(config: &Config, place: &Place, workers: u32) -> Result<Wired> {
    place.check_schema()?;
    let connections = config.database.connections + workers;
    let db = Db::connect(place.url(), connections).context("connecting to the database")?;
    let (parts, sandbox) = outside::equip(Parts::new(db, place.keys(config)?), config, place)?;
    Ok(Wired { app: App::new(parts), _sandbox: sandbox })
}

/// Threads that take chunks of work.
pub fn workers(app: &App, threads: u32) -> Result<Workers> {
    let threads = usize::try_from(threads).unwrap_or(usize::MAX);
    Workers::start(app, threads).context("starting worker threads")
}

/// How the API listens.
pub fn options(config: &Config) -> api::Options {
    api::Options {
        listen: config.http.listen,
        blocking_threads: usize::try_from(config.database.connections).unwrap_or(usize::MAX),
        limits: limits(&config.http),
        trusted_proxies: config.http.trusted_proxies.clone(),
        ..api::Options::default()
    }
}

fn limits(http: &Http) -> Limits {
    // Zero has been refused when the configuration was read.
    let per_minute = |count: u32| NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN);
    Limits {
        sign_in_per_name: per_minute(http.sign_ins_per_name),
        sign_in_per_address: per_minute(http.sign_ins_per_address),
        look_up_per_address: per_minute(http.look_ups_per_address),
        look_up_per_account: per_minute(http.look_ups_per_account),
        look_up_overall: per_minute(http.look_ups_overall),
    }
}

//! `penstock serve`

use super::admin;
use crate::config::Config;
use crate::place::Place;
use crate::{password, signals, wiring};
use anyhow::{Context, Result};
use app::App;
use std::process::ExitCode;

/// Serve the HTTP API and its documentation.
///
/// With DATABASE_URL it serves that database, whose tables `penstock migrate` has made. Without, it
/// starts a private PostgreSQL and says where its data lie. SIGTERM or Ctrl-C stops it after the
/// requests under way.
#[derive(clap::Args)]
pub struct Serve {
    /// Appoint this e-mail address as administrator first, when the database has no user yet; the
    /// password comes from PENSTOCK_ADMIN_PASSWORD or the standard input
    #[arg(long, value_name = "EMAIL")]
    setup_admin: Option<String>,
    /// Worker threads inside this process; 0 leaves the work to `penstock worker` processes;
    /// worker.threads of the configuration unless given
    #[arg(long, value_name = "N")]
    workers: Option<u32>,
}

impl Serve {
    pub fn run(&self, config: &Config) -> Result<ExitCode> {
        let place = Place::open(config)?;
        let threads = self.workers.unwrap_or(config.worker.threads);
        let wired = wiring::wire(config, &place, threads)?;
        if let Some(email) = &self.setup_admin {
            set_up(&wired.app, email)?;
        }
        let workers = wiring::workers(&wired.app, threads)?;
        let served = actix_web::rt::System::new().block_on(serve(config, &place, wired.app.clone()));
        workers.stop();
        served?;
        place.close()?;
        println!("stopped");
        Ok(ExitCode::SUCCESS)
    }
}

fn set_up(app: &App, email: &str) -> Result<()> {
    if app.db().tx(store::access::any_user)? {
        println!("there are users already: {email} was not appointed");
        return Ok(());
    }
    admin::appoint(app.db(), email, "Administrator", &password::read()?)
}

async fn serve(config: &Config, place: &Place, app: App) -> Result<()> {
    let running = api::start(app, &wiring::options(config))
        .with_context(|| format!("listening on {}", config.http.listen))?;
    println!("serving http://{} (documentation: http://{}/docs)", running.address, running.address);
    if let Some(home) = place.home() {
        println!("data: {} (embedded PostgreSQL)", home.display());
    }
    let server = actix_web::rt::spawn(running.server);
    signals::stop_asked().await.context("listening for signals")?;
    println!("stopping");
    running.handle.stop(true).await;
    server.await.context("the server's task")?.context("serving")
}

//! A whole installation in one directory and one process: private PostgreSQL, workers, API.

use super::{EMAIL, PASSWORD};
use crate::config::{Auth, Config, Database, Documents, Gateways, Mail};
use crate::place::Place;
use crate::wiring::{self, Wired};
use anyhow::{Context, Result, anyhow};
use app::App;
use app::worker::Workers;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::mpsc;
use std::thread::JoinHandle;

/// The parts, in the order in which they are taken apart.
pub struct Installation {
    /// The API.
    pub server: Server,
    workers: Workers,
    wired: Wired,
    place: Place,
}

impl Installation {
    /// Starts everything on a [`confined`] configuration and appoints the one who does everything.
    pub fn start(config: &Config) -> Result<Self> {
        let threads = config.worker.threads.max(1);
        let place = Place::open(config)?;
        let wired = wiring::wire(config, &place, threads)?;
        wired.app.db().tx(|tx| app::staff::appoint_first(tx, EMAIL, "Demonstration", PASSWORD))?;
        let workers = wiring::workers(&wired.app, threads)?;
        let server = Server::start(config, wired.app.clone())?;
        Ok(Self { server, workers, wired, place })
    }

    /// The application behind the API.
    pub fn app(&self) -> &App {
        &self.wired.app
    }

    /// Process id of the private PostgreSQL.
    pub fn postgres(&self) -> Option<u32> {
        self.place.postgres()
    }

    /// Ends after the requests and chunks under way.
    pub fn stop(self) -> Result<()> {
        self.server.stop()?;
        self.workers.stop();
        drop(self.wired);
        self.place.close()
    }
}

/// The configuration with everything that would reach beyond the directory taken out.
pub fn confined(config: &Config, dir: &Path, is_to_serve: bool) -> Config {
    let mut config = config.clone();
    config.database =
        Database { url: None, data_dir: Some(dir.to_owned()), connections: config.database.connections };
    config.auth = Auth::default();
    config.documents = Documents::default();
    config.mail = Mail::default();
    config.gateways = Gateways { sandbox: true, ..Gateways::default() };
    if !is_to_serve {
        config.http.listen = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0);
    }
    config
}

/// The API, served by a thread of its own.
pub struct Server {
    /// Where.
    pub url: String,
    handle: actix_web::dev::ServerHandle,
    thread: JoinHandle<std::io::Result<()>>,
}

impl Server {
    /// Begins to serve.
    pub fn start(config: &Config, app: App) -> Result<Self> {
        let options = wiring::options(config);
        let listen = config.http.listen;
        let (begun, begins) = mpsc::channel();
        let thread = std::thread::Builder::new().name("api".to_owned()).spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let running = api::start(app, &options)?;
                // Nobody listens only when the demonstration has ended.
                let _ = begun.send((running.address, running.handle));
                running.server.await
            })
        })?;
        match begins.recv() {
            Ok((address, handle)) => Ok(Self { url: format!("http://{address}"), handle, thread }),
            Err(_) => match thread.join() {
                Ok(Err(error)) => Err(error).with_context(|| format!("listening on {listen}")),
                _ => Err(anyhow!("the server did not begin")),
            },
        }
    }

    /// Ends after the requests under way.
    pub fn stop(self) -> Result<()> {
        actix_web::rt::System::new().block_on(self.handle.stop(true));
        self.thread.join().map_err(|_| anyhow!("the server's thread panicked"))?.context("serving")
    }
}

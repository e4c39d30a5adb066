//! The directory of a demonstration, and the server on it.

use crate::config::{Auth, Config, Database, Documents, Gateways, Mail};
use crate::{place, wiring};
use anyhow::{Context, Result, anyhow, bail, ensure};
use app::App;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread::JoinHandle;
use store::embedded::ClusterError;

/// The file that says that a directory is a demonstration's, to be thrown away.
const MARK: &str = "penstock-demo";

/// The directory, empty: what an earlier demonstration left there is removed, anything else is not.
pub fn fresh(config: &Config, asked: Option<&Path>) -> Result<PathBuf> {
    let dir = match asked {
        Some(dir) => std::path::absolute(dir)?,
        None => place::home(config)?.join("demo"),
    };
    if dir.exists() {
        let is_empty = std::fs::read_dir(&dir).with_context(|| dir.display().to_string())?.next().is_none();
        ensure!(
            is_empty || dir.join(MARK).exists(),
            "{} is not a demonstration's directory: name another with --dir",
            dir.display()
        );
        match place::end_orphan(&dir) {
            Err(ClusterError::InUse(_)) => bail!(
                "a demonstration is running in {}: stop it first, or name another directory with --dir",
                dir.display()
            ),
            ended => ended?,
        }
        if !is_empty {
            println!("removing the demonstration before, in {}", dir.display());
            std::fs::remove_dir_all(&dir).with_context(|| format!("removing {}", dir.display()))?;
        }
    }
    std::fs::create_dir_all(&dir).with_context(|| format!("making {}", dir.display()))?;
    std::fs::write(dir.join(MARK), "Removed and made anew by `penstock demo`.\n")?;
    Ok(dir)
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

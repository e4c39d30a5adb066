//! `penstock admin`

use crate::config::Config;
use crate::password;
use crate::place::Place;
use anyhow::Result;
use std::process::ExitCode;
use store::Db;

/// Appoint the first administrator of an empty database.
///
/// The password comes from PENSTOCK_ADMIN_PASSWORD or the standard input, never from the command
/// line. Refuses when the database has any user: further ones are appointed through the API.
#[derive(clap::Args)]
pub struct Admin {
    /// The e-mail address to sign in with
    email: String,
    /// The name that others see
    #[arg(long, default_value = "Administrator")]
    name: String,
}

impl Admin {
    pub fn run(&self, config: &Config) -> Result<ExitCode> {
        let password = password::read()?;
        let place = Place::join(config)?;
        place.check_schema()?;
        appoint(&Db::connect(place.url(), 1)?, &self.email, &self.name, &password)?;
        place.close()?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Appoints the first administrator and says so.
pub fn appoint(db: &Db, email: &str, name: &str, password: &str) -> Result<()> {
    let user = db.tx(|tx| app::staff::appoint_first(tx, email, name, password))?;
    println!("{} is the administrator", user.email);
    Ok(())
}

//! `crates/store/src/schema.rs`, written from what the migrations leave behind.

mod definitions;
mod server;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::printed::first_difference;
use crate::workspace;
use server::Server;

const FILE: &str = "crates/store/src/schema.rs";

/// Writes the file; or, when `is_check`, compares it and takes all migrations back and forth.
pub fn run(is_check: bool) -> Result<()> {
    let root = workspace::root();
    let migrations = migrations(&root.join("migrations"))?;
    let server = Server::start()?;
    server.create("schema")?;
    up(&server, &migrations)?;
    let text = definitions::text(&server.query("schema", definitions::QUERY)?)?;
    let path = root.join(FILE);
    if !is_check {
        return fs::write(&path, text).with_context(|| format!("writing {FILE}"));
    }
    let kept = fs::read_to_string(&path).with_context(|| format!("reading {FILE}"))?;
    if let Some(difference) = first_difference(&kept, &text) {
        bail!("{FILE} is out of date; run `cargo xtask schema`\n{difference}");
    }
    there_and_back(&server, &migrations)
}

/// Down must undo up: nothing is left, and the same comes again.
fn there_and_back(server: &Server, migrations: &[PathBuf]) -> Result<()> {
    let first = server.dump("schema")?;
    for migration in migrations.iter().rev() {
        server.apply("schema", &migration.join("down.sql"))?;
    }
    server.create("blank")?;
    if let Some(left) = first_difference(&server.dump("blank")?, &server.dump("schema")?) {
        bail!("taking all migrations back leaves something behind: {left}");
    }
    up(server, migrations)?;
    match first_difference(&first, &server.dump("schema")?) {
        None => Ok(()),
        Some(difference) => bail!("the migrations, taken back and run again, end elsewhere: {difference}"),
    }
}

fn up(server: &Server, migrations: &[PathBuf]) -> Result<()> {
    migrations.iter().try_for_each(|migration| server.apply("schema", &migration.join("up.sql")))
}

/// The folders, in the order in which they are run.
fn migrations(dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(dir).with_context(|| format!("listing {}", dir.display()))?;
    let mut found: Vec<PathBuf> =
        entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    ensure!(!found.is_empty(), "no migrations in {}", dir.display());
    found.sort();
    Ok(found)
}

//! `cases DIR [--json FILE]`: runs the rated cases of a folder. See `docs/rated-cases.md`.

use anyhow::{Context, Result, bail};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            // Nothing else is left to do when even this cannot be written.
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Whether nothing failed.
fn run() -> Result<bool> {
    let mut folder: Option<PathBuf> = None;
    let mut json: Option<PathBuf> = None;
    let mut arguments = std::env::args_os().skip(1);
    while let Some(argument) = arguments.next() {
        if argument == "--json" {
            json = Some(arguments.next().context("`--json` needs a file")?.into());
        } else if folder.is_none() {
            folder = Some(argument.into());
        } else {
            bail!("usage: cases DIR [--json FILE]");
        }
    }
    let folder = folder.context("usage: cases DIR [--json FILE]")?;
    let report = cases::run_folder(&folder)?;
    write!(std::io::stdout().lock(), "{report}")?;
    if let Some(file) = json {
        let text = serde_json::to_string_pretty(&report.to_json())?;
        std::fs::write(&file, text + "\n").with_context(|| format!("writing {}", file.display()))?;
    }
    Ok(report.is_good())
}

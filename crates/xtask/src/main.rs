//! The project's own commands, run as `cargo xtask …`.
//!
//! Links nothing of the house and no system library: it must build on a fresh machine, where it
//! installs what the rest needs.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a developer's command talks on the terminal")]

mod ci;
mod printed;
mod programs;
mod run;
mod schema;
mod setup;
mod suite;
mod tidy;
mod workspace;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Penstock's own commands")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Install what is missing, build, and show a utility with customers, bills and PDFs
    Demo {
        /// Passed to `penstock demo`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Install what is missing, build, and run every test
    Test {
        /// Passed to `cargo nextest run` (or `cargo test`)
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Install the system packages that building and testing need
    Setup,
    /// Check the shape of the house: arrows between crates, sizes, words, links
    Tidy,
    /// Write the table definitions from the migrations
    Schema {
        /// Write nothing: fail when they differ, or when the migrations cannot be taken back
        #[arg(long)]
        check: bool,
    },
    /// Write the API's description
    Openapi {
        /// Write nothing: fail when it differs
        #[arg(long)]
        check: bool,
    },
    /// Write the error codes as a document
    Errors {
        /// Write nothing: fail when it differs, or when a published code is gone
        #[arg(long)]
        check: bool,
    },
    /// Run a folder of rated cases through the rating engine
    Cases {
        /// The folder; paths in a case are relative to its parent
        folder: PathBuf,
        /// Write the outcome as JSON too
        #[arg(long)]
        json: Option<PathBuf>,
    },
    /// Every check but the tests
    Ci,
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Demo { arguments } => programs::demo(&arguments),
        Command::Test { arguments } => suite::test(&arguments),
        Command::Setup => setup::install(setup::Purpose::Test),
        Command::Tidy => tidy::check(),
        Command::Schema { check } => schema::run(check),
        Command::Openapi { check } => printed::openapi(check),
        Command::Errors { check } => printed::errors(check),
        Command::Cases { folder, json } => programs::cases(&folder, json.as_deref()),
        Command::Ci => ci::run(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(run::exit_code(&error))
        }
    }
}

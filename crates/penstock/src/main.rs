//! The program: configuration, wiring, subcommands.
//!
//! Nothing of the trade is decided here. What a subcommand does for one utility is in `app`;
//! this crate reads the configuration once, puts the parts together and takes them apart again
//! in order: stop listening, let workers finish their chunk, stop the private database.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program of the terminal talks on it")]

mod commands;
mod config;
mod log;
mod outside;
mod password;
mod place;
mod progress;
mod rehearsal;
mod signals;
mod town;
mod wiring;

use anyhow::Result;
use clap::{Parser, Subcommand};
use commands::{admin, bench, errors, key, load, migrate, openapi, serve, verify, worker};
use config::Config;
use std::path::PathBuf;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The open utility-billing engine.
///
/// Without a DATABASE_URL, penstock runs a private PostgreSQL of its own: `penstock serve` is all
/// it takes to begin.
#[derive(Parser)]
#[command(name = "penstock", version, max_term_width = 100)]
#[command(
    after_help = "Configuration: a TOML file, overlaid by PENSTOCK_<SECTION>_<KEY> variables and DATABASE_URL. \
                        Every key is described in docs/operations.md."
)]
struct Arguments {
    /// Configuration file (TOML); everything has a default, so none is needed to try it
    #[arg(long, env = "PENSTOCK_CONFIG", global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the HTTP API and its documentation, with workers inside
    Serve(serve::Serve),
    /// Work off what runs have filed, without serving
    Worker(worker::Worker),
    /// Bring in a utility's accounts from a directory of CSV files
    Load(load::Load),
    /// Prove the books: check every invariant over everything stored
    Verify(verify::Verify),
    /// Bring the database's tables up to date
    Migrate(migrate::Migrate),
    /// Appoint the first administrator of an empty database
    Admin(admin::Admin),
    /// Make a key that signs access tokens
    Key(key::Key),
    /// Found a made-up town, bill it, collect, prove the books, and serve it
    Demo(commands::demo::Demo),
    /// Measure speed and memory on a made-up town
    Bench(bench::Bench),
    /// Write a made-up town as files, to be loaded
    Town(commands::town::Town),
    /// Print the description of the API (OpenAPI 3.1, JSON)
    Openapi(openapi::Openapi),
    /// Print the error codes (Markdown)
    Errors(errors::Errors),
}

fn main() -> ExitCode {
    // Huge pages would keep whole megabytes for a few live bytes of each: a third of the memory, for no speed.
    let _ = rustix::thread::disable_transparent_huge_pages(true);
    match run(Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("penstock: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<ExitCode> {
    // These need no configuration: they must work in a checkout without one.
    match arguments.command {
        Command::Openapi(openapi) => return openapi.run(),
        Command::Errors(errors) => return errors.run(),
        _ => {}
    }
    // Names that are not UTF-8 cannot be ours.
    let environment: Vec<(String, String)> = std::env::vars_os()
        .filter_map(|(name, text)| Some((name.into_string().ok()?, text.into_string().ok()?)))
        .collect();
    let mut config = Config::load(arguments.config.as_deref(), &environment)?;
    if matches!(arguments.command, Command::Demo(_) | Command::Bench(_)) {
        config.log.speak_up_only();
    }
    log::start(&config.log)?;
    match arguments.command {
        Command::Serve(serve) => serve.run(&config),
        Command::Worker(worker) => worker.run(&config),
        Command::Load(load) => load.run(&config),
        Command::Verify(verify) => verify.run(&config),
        Command::Migrate(migrate) => migrate.run(&config),
        Command::Admin(admin) => admin.run(&config),
        Command::Key(key) => key.run(&config),
        Command::Openapi(openapi) => openapi.run(),
        Command::Errors(errors) => errors.run(),
        Command::Demo(demo) => demo.run(&config),
        Command::Bench(bench) => bench.run(&config),
        Command::Town(town) => town.run(),
    }
}

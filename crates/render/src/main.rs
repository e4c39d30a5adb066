//! `penstock-render`: a worker that turns a template and a bill's data into a PDF.
//!
//! Without arguments it serves [`protocol`] on standard input and output until its input ends,
//! so that it never outlives its parent. `--selftest [PATH]` renders a built-in bill to a file
//! (or to standard output) for people to look at.
//!
//! Invariants:
//! - templates reach no file, package, network, clock or plugin ([`world`]);
//! - the same request gives the same bytes;
//! - what a worker remembers is bounded: caches are evicted after every request, and the parent
//!   replaces the process after some thousands of requests (interned file names are never freed).
//!
//! Deliberately missing: limits of time and memory. A typst compilation cannot be cancelled from
//! within; the parent sets memory limits at start and kills a worker that takes too long.

mod bundle;
mod protocol;
mod typeset;
mod world;

use anyhow::Context;
use std::io::{self, BufReader, BufWriter, Write};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        None => serve(),
        Some("--selftest") => selftest(arguments.next().as_deref()),
        Some("--version") => Ok(writeln!(io::stdout(), "penstock-render {}", env!("CARGO_PKG_VERSION"))?),
        Some(other) => anyhow::bail!("unknown argument {other}; known are --selftest [PATH] and --version"),
    }
}

fn serve() -> anyhow::Result<()> {
    let mut input = BufReader::new(io::stdin().lock());
    let mut output = BufWriter::new(io::stdout().lock());
    let mut world = world::Confined::new().context("the embedded fonts cannot be read")?;
    while let Some(request) = protocol::read_request(&mut input)? {
        let reply = typeset::render(&mut world, request);
        protocol::write_reply(&mut output, reply)?;
    }
    Ok(())
}

fn selftest(path: Option<&str>) -> anyhow::Result<()> {
    let mut world = world::Confined::new()?;
    let page = typeset::render(&mut world, bundle::sample()).map_err(anyhow::Error::msg)?;
    match path {
        Some(path) => std::fs::write(path, page.pdf).with_context(|| format!("cannot write {path}")),
        None => Ok(io::stdout().write_all(&page.pdf)?),
    }
}

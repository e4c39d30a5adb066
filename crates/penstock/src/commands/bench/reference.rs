//! The reference of every ratio: naive rows of as many bills, written well.

use super::measure::{Cost, Meter};
use anyhow::{Context, Result, anyhow};
use std::sync::Mutex;
use store::Db;

/// Bills of one transaction.
const CHUNK: i64 = 500;

/// Writes a bill for every account, in chunks, on so many connections at once. The rows are gone
/// afterwards.
pub fn measure(db: &Db, meter: &Meter, connections: u32) -> Result<Cost> {
    store::reference::create(db)?;
    let next = Mutex::new(0_i64);
    let (cost, ()) = meter.measure(|| {
        std::thread::scope(|scope| {
            let writers: Vec<_> = (0..connections).map(|_| scope.spawn(|| write(db, &next))).collect();
            writers.into_iter().try_for_each(|writer| writer.join().ok().context("a writer panicked")?)
        })
    })?;
    store::reference::drop(db)?;
    Ok(cost)
}

/// Takes chunk after chunk until no account is left.
fn write(db: &Db, next: &Mutex<i64>) -> Result<()> {
    loop {
        let accounts = {
            let mut above = next.lock().map_err(|_| anyhow!("a writer panicked"))?;
            let accounts = store::reference::accounts(db, *above, CHUNK)?;
            *above = accounts.last().copied().unwrap_or(*above);
            accounts
        };
        if accounts.is_empty() {
            return Ok(());
        }
        store::reference::write(db, &accounts)?;
    }
}

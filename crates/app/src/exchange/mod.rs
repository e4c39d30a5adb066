//! Exchange of readings: the meters to read go out as a file, the file comes back with reads.
//!
//! Invariants:
//! - an exported file, filled in, imports unchanged;
//! - an import is an operation: its chunks are parts of the file, each one transaction, so that it
//!   goes on where it stopped and memory holds one chunk, however long the file;
//! - every line ends in exactly one pile of the report; a rejected line can be had back with its
//!   reason, to be mended and loaded again;
//! - the same file a second time changes nothing and says so.

mod batch;
mod export;
pub mod formats;
mod import;
mod judge;
mod preview;
mod profile;
mod register;
mod report;
mod route;
mod rows;
mod sheet;
mod target;
mod undo;
mod upload;
mod work;

pub use export::{ExportFile, NewExport, export};
pub use formats::Asked;
pub use import::{NewImport, Prepared, RejectedLines, start};
pub use meterdata::{
    FileForm,
    csv::{ColumnMap, neutralised},
    fixed_width::Layout,
};
pub use preview::{Preview, PreviewRow};
pub use report::{MissingRead, Report};
pub use target::Target;
pub(crate) use undo::Undoing;
pub use undo::undo;
pub use upload::{UPLOAD_BYTES_MAX, Upload};
pub(crate) use work::Importing;

use crate::{Caller, Result};
use store::Tx;
use store::exchange::{ToRead, ToReadFilter};
use store::windows::Window;
use vocab::{AccountId, Code, Problem, SiteId, WindowId, WindowState};

/// Accounts that are looked at together.
const ACCOUNTS: i64 = 2_000;

/// A window that exists.
fn window(tx: &mut Tx<'_>, id: WindowId) -> Result<Window> {
    Ok(store::windows::find(tx, id)?.ok_or_else(Problem::not_found)?)
}

/// A window that is open: only then is there something to read for it.
fn open_window(tx: &mut Tx<'_>, id: WindowId) -> Result<Window> {
    let window = window(tx, id)?;
    if window.state == WindowState::Open {
        return Ok(window);
    }
    let detail = format!("the window is {}; meters are read for an open one", window.state);
    Err(Problem::new(Code::WrongState, detail).with("state", window.state).into())
}

/// The metered services that a window bills, some thousand at a time.
fn each_to_read(
    tx: &mut Tx<'_>,
    window: &Window,
    sites: Option<Vec<SiteId>>,
    mut each: impl FnMut(&mut Tx<'_>, &[ToRead]) -> Result<()>,
) -> Result<()> {
    let filter = ToReadFilter { cycle: window.cycle_id, sites, from: window.starts_on, to: window.ends_on };
    let mut after = AccountId(0);
    loop {
        let (services, last) = store::exchange::to_read(tx, &filter, after, ACCOUNTS)?;
        if !services.is_empty() {
            each(tx, &services)?;
        }
        match last {
            Some(last) => after = last,
            None => return Ok(()),
        }
    }
}

/// The sites asked for, as far as the caller sees them; none: all.
pub(crate) fn sites_in_scope(caller: &Caller, asked: &[SiteId]) -> Result<Option<Vec<SiteId>>> {
    for &site in asked {
        caller
            .find_in(site)
            .map_err(|_| Problem::field("/site_ids", Code::UnknownReference, "there is no such site"))?;
    }
    Ok(if asked.is_empty() { caller.sites() } else { Some(asked.to_vec()) })
}

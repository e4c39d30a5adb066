//! The documents of a run as one ZIP file: `EMAIL/`, `POSTAL/` and a manifest.
//!
//! Written to a temporary file document by document, so that a run of any size takes the memory
//! of one document and its list of pieces.

use super::find;
use crate::{App, Caller, Error, Result};
use invoicing::manifest::{Manifest, Piece};
use invoicing::routing::file_name;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Seek as _, Write as _};
use store::invoices::{self, Filed};
use vocab::{DeliveryState, InvoiceId, InvoiceRunId, Problem};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// Invoices read from the database at a time.
const PAGE: i64 = 500;

/// What goes into an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Both folders.
    Whole,
    /// The mail house's package: the letters alone, and of these the ones that are approved and not yet
    /// handed over.
    Postal,
}

/// A finished archive: an unnamed temporary file, gone when it is closed.
#[derive(Debug)]
pub struct ArchivedRun {
    /// At its beginning.
    pub file: File,
    /// Its size.
    pub bytes: u64,
}

impl App {
    /// The documents of a run that the caller may see, as a ZIP file.
    pub fn archive_invoice_run(
        &self,
        caller: &Caller,
        id: InvoiceRunId,
        scope: Scope,
    ) -> Result<ArchivedRun> {
        self.db().tx(|tx| find(tx, id))?;
        let file = tempfile::tempfile().map_err(|error| broken(&error))?;
        let mut zip = ZipWriter::new(BufWriter::new(file));
        let mut pieces = Vec::new();
        let sites = caller.sites();
        let letters = (scope == Scope::Postal).then_some(DeliveryState::Approved);
        let mut taken: BTreeMap<String, u32> = BTreeMap::new();
        let mut after = (0, 0);
        loop {
            let page = self
                .db()
                .tx(|tx| Ok::<_, Error>(invoices::filed(tx, id, sites.as_deref(), letters, after, PAGE)?))?;
            let Some(last) = page.last() else { break };
            after = (last.account_id.0, last.invoice_id);
            for filed in &page {
                let path = unique(&mut taken, path(filed));
                let pdf = self.document(&filed.document_key)?;
                add(&mut zip, &path, &pdf, CompressionMethod::Stored)?;
                pieces.push(piece(filed, path)?);
            }
        }
        let manifest = Manifest::new(pieces).map_err(|error| broken(&error))?;
        let csv = manifest.to_csv().map_err(|error| broken(&error))?;
        add(&mut zip, "manifest.csv", csv.as_bytes(), CompressionMethod::Deflated)?;
        let json = manifest.to_json().map_err(|error| broken(&error))?;
        add(&mut zip, "manifest.json", json.as_bytes(), CompressionMethod::Deflated)?;
        let mut file =
            zip.finish().map_err(|error| broken(&error))?.into_inner().map_err(|error| broken(&error))?;
        let bytes = file.stream_position().map_err(|error| broken(&error))?;
        file.rewind().map_err(|error| broken(&error))?;
        Ok(ArchivedRun { file, bytes })
    }
}

fn path(filed: &Filed) -> String {
    file_name(filed.channel, filed.account_number, &filed.bill_number.to_string())
}

/// A second copy of a bill by the same way gets a number of its own.
fn unique(taken: &mut BTreeMap<String, u32>, path: String) -> String {
    let times = taken.entry(path.clone()).or_default();
    *times += 1;
    if *times == 1 { path } else { format!("{}-{times}.pdf", path.trim_end_matches(".pdf")) }
}

fn piece(filed: &Filed, file: String) -> Result<Piece> {
    let key: connectors::documents::DocumentKey =
        filed.document_key.parse().map_err(|error| broken(&error))?;
    Ok(Piece {
        piece_id: InvoiceId::new(filed.account_id, filed.invoice_id).to_string(),
        account_number: filed.account_number,
        bill_number: filed.bill_number.to_string(),
        file,
        pages: u32::try_from(filed.pages).unwrap_or_default(),
        amount_minor: filed.ending_minor,
        address: filed.address.as_deref().unwrap_or_default().lines().map(str::to_owned).collect(),
        sha256: key.sha256().to_string(),
    })
}

fn add(
    zip: &mut ZipWriter<BufWriter<File>>,
    path: &str,
    bytes: &[u8],
    method: CompressionMethod,
) -> Result<()> {
    let options = SimpleFileOptions::default().compression_method(method).large_file(false);
    zip.start_file(path, options).map_err(|error| broken(&error))?;
    zip.write_all(bytes).map_err(|error| broken(&error))
}

/// Mostly a full disk: trying again later may help.
fn broken(error: &dyn std::fmt::Display) -> Error {
    Problem::new(vocab::Code::Unavailable, format!("the archive could not be written: {error}")).into()
}

//! Rated cases: bills that others published or that other engines computed, run through the rating
//! engine. For developers; nothing of the product uses it.
//!
//! A case is a JSON file: a tariff in somebody's format, inputs, and what is expected, with a
//! tolerance. An adapter per format translates tariff and inputs into the JSON form of
//! [`rating::tariff::Tariff`] and a [`rating::RatingInput`]; the engine prices; [`Checks`] compares.
//!
//! Map: [`Case`] is one file; [`Fields`] reads its objects so that nothing in them is passed over
//! in silence; [`Rating`] is what an adapter makes, [`Bill`] what the engine made of it; [`formats`]
//! has the adapters; [`Report`] counts.
//!
//! Invariants:
//! - adapters translate and never price: every amount that is compared is a sum of engine lines;
//!   quantities that no line has (a month's net use, a free period's peak) are added up or looked up
//!   in the load;
//! - a key or value of a tariff or an input that its adapter does not know is *not expressible*, with
//!   the reason; what is passed over is named in the adapter, as words for the reader or as a field
//!   that the source does not price either;
//! - nothing is known of single cases: no ids, no names of tariffs, no expected values;
//! - amounts, quantities and prices are decimals read from their shortest text; no JSON makes an
//!   adapter panic, and if one did, its case alone has failed.

mod bill;
mod case;
mod checks;
mod fields;
pub mod formats;
mod number;
mod report;
mod series;
mod stop;

pub use bill::{Bill, Rating};
pub use case::Case;
pub use checks::Checks;
pub use fields::Fields;
pub use report::{Outcome, Report};
pub use stop::Stop;

use std::path::Path;

/// Runs every `*.json` of a folder. Paths in a case are relative to the folder's parent. A file
/// that is no case has failed under its own name; the others are run all the same.
///
/// # Errors
/// When the folder cannot be read, or has no case.
pub fn run_folder(folder: &Path) -> anyhow::Result<Report> {
    let files = case::files(folder)?;
    anyhow::ensure!(!files.is_empty(), "there is no case (*.json) in {}", folder.display());
    let mut report = Report::default();
    for file in files {
        match Case::read(&file, folder) {
            Ok(case) => {
                let outcome = formats::run(&case);
                report.add(&case.kind, &case.id, outcome);
            }
            Err(error) => {
                let name = file.file_name().unwrap_or_default().to_string_lossy();
                report.add(UNREADABLE, &name, Outcome::error(&format!("{error:#}")));
            }
        }
    }
    Ok(report)
}

/// The kind that files which are no case are counted under.
const UNREADABLE: &str = "unreadable";

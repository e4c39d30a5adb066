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
//! - a tariff or an input with a key or value that its adapter does not know is *not expressible*,
//!   with the reason, and is never priced as if the key were not there;
//! - nothing is known of single cases: no ids, no names of tariffs, no expected values;
//! - no binary floating point: a number is read from its shortest text; no JSON makes it panic.

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

/// Runs every `*.json` of a folder. Paths in a case are relative to the folder's parent.
///
/// # Errors
/// When the folder cannot be read, or a file in it is no case at all.
pub fn run_folder(folder: &Path) -> anyhow::Result<Report> {
    let mut report = Report::default();
    for file in case::files(folder)? {
        let case = Case::read(&file, folder)?;
        let outcome = formats::run(&case);
        report.add(&case, outcome);
    }
    Ok(report)
}

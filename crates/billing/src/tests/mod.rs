//! Worked bills, outcomes, digests and properties of the whole crate.

mod digests;
mod documents;
mod estimates;
mod methods;
mod outcomes;
mod properties;
mod re_rated;
mod remarks;
mod worked;

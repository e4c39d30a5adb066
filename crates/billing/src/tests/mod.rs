//! Worked bills, outcomes, digests and properties of the whole crate.

mod causes;
mod comparisons;
mod digests;
mod documents;
mod estimates;
mod messages;
mod methods;
mod outcomes;
mod properties;
mod re_rated;
mod remarks;
mod worked;

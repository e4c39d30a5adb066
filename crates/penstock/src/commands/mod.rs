//! The subcommands, a file each.

pub mod admin;
pub mod bench;
pub mod demo;
pub mod errors;
pub mod key;
pub mod load;
pub mod migrate;
pub mod openapi;
pub mod serve;
pub mod town;
pub mod verify;
pub mod worker;

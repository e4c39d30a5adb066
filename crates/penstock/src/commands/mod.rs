//! The subcommands, a file each.

pub mod admin;
pub mod key;
pub mod migrate;
pub mod openapi;
pub mod serve;
pub mod verify;
pub mod worker;

//! The program as an operator meets it: started, asked, stopped.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod books;
mod demo;
mod founding;
mod process;
mod serving;

//! The program as an operator meets it: started, asked, stopped.

mod process;
mod serving;

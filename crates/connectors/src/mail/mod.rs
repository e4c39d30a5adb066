//! Mailers: an SMTP server, or a folder of `.eml` files for demonstrations and tests.
//!
//! Both write a mail the same way ([`eml`]), so that what lies in the folder is what a server
//! would have got.

mod eml;
mod folder;
mod smtp;

pub use folder::FolderMailer;
pub use smtp::{Login, Security, SmtpMailer, SmtpSettings, WrongSettings};

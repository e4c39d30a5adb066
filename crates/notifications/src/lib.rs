//! What is said to customers: messages composed in the reader's language, the life of a
//! delivery, and the port through which mail leaves.
//!
//! Pure: composing takes data and gives text; the port is only a trait, its adapters live in
//! `connectors`.
//!
//! Invariants:
//! - every text exists in English; what another language lacks is said in English and reported;
//! - figures are written here, digit by digit, from exact amounts: no number reaches Fluent,
//!   whose numbers are binary floats;
//! - nothing that a customer can enter becomes a header line or markup.
//!
//! Missing on purpose: templates that staff edit, text messages, and the mail-house port.

mod address;
mod compose;
mod delivery;
mod figures;
mod letter;
mod line;
mod mailer;
mod notice;
mod texts;

pub use address::{EmailAddress, Mailbox, NotAnAddress};
pub use compose::{Composed, compose};
pub use delivery::{DeliveryEvent, Refused, TABLE as DELIVERY_TABLE, transition};
pub use line::{Line, Link, NotALink};
pub use mailer::{Attachment, MailId, Mailer, NotAMailId, OutgoingMail, SendOutcome};
pub use notice::{AfterFailure, AutopayFailed, Draw, EBill, Notice, Reader, Receipt, Sender};
pub use texts::{BadTexts, KEYS, Missing, Texts};

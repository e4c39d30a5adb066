//! A mail as RFC 5322 text: `multipart/mixed` of an alternative (plain, then HTML) and the files.
//!
//! Everything is ASCII on the wire: names and subjects are encoded words, bodies take the
//! smallest encoding, files are base64 so that no byte of them is touched.

use lettre::Address;
use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment as File, Body, Mailbox as Box_, Message, MultiPart, SinglePart};
use notifications::{Attachment, Mailbox, OutgoingMail};

/// Why a mail cannot be written. Trying again is pointless.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unwritable {
    #[error("the mail library does not take the address: {0}")]
    Address(#[from] lettre::address::AddressError),
    #[error("{0} is not a media type")]
    MediaType(String),
    #[error("the mail cannot be written: {0}")]
    Mail(#[from] lettre::error::Error),
}

/// The mail, ready for the wire. Its `Message-ID` is the same every time, its `Date` is now.
pub(super) fn message(mail: &OutgoingMail) -> Result<Message, Unwritable> {
    let bodies =
        MultiPart::alternative_plain_html(mail.text.replace('\n', "\r\n"), mail.html.replace('\n', "\r\n"));
    let mut parts = MultiPart::mixed().multipart(bodies);
    for attachment in &mail.attachments {
        parts = parts.singlepart(file(attachment)?);
    }
    let message = Message::builder()
        .message_id(Some(format!("<{}@{}>", mail.message_id, mail.from.address.domain())))
        .from(mailbox(&mail.from)?)
        .to(mailbox(&mail.to)?)
        .subject(mail.subject.as_str())
        .raw_header(plain("Content-Language", mail.language.as_str()))
        // RFC 3834: keeps absence notes from answering.
        .raw_header(plain("Auto-Submitted", "auto-generated"))
        .multipart(parts)?;
    Ok(message)
}

fn mailbox(mailbox: &Mailbox) -> Result<Box_, Unwritable> {
    let address = Address::new(mailbox.address.local(), mailbox.address.domain())?;
    let name = (!mailbox.name.is_empty()).then(|| mailbox.name.as_str().to_owned());
    Ok(Box_::new(name, address))
}

fn plain(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

fn file(attachment: &Attachment) -> Result<SinglePart, Unwritable> {
    let media_type = ContentType::parse(&attachment.media_type)
        .map_err(|_| Unwritable::MediaType(attachment.media_type.clone()))?;
    // Base64 writes every byte; the error is the bytes themselves for encodings that cannot.
    let body = Body::new_with_encoding(attachment.bytes.clone(), ContentTransferEncoding::Base64)
        .unwrap_or_else(Body::new);
    Ok(File::new(attachment.file_name.as_str().to_owned()).body(body, media_type))
}

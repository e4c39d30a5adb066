//! The templates and the sample that this program carries.

use crate::protocol::{Header, Part, Request, Template};

type Files = &'static [(&'static str, &'static str)];

/// One page with a remittance stub; what does not fit goes on further pages.
const CLASSIC: Files = &[
    ("main.typ", include_str!("../templates/classic/main.typ")),
    ("style.typ", include_str!("../templates/classic/style.typ")),
    ("head.typ", include_str!("../templates/classic/head.typ")),
    ("summary.typ", include_str!("../templates/classic/summary.typ")),
    ("charges.typ", include_str!("../templates/classic/charges.typ")),
    ("chart.typ", include_str!("../templates/classic/chart.typ")),
    ("stub.typ", include_str!("../templates/classic/stub.typ")),
];

/// The files of a built-in template.
pub fn builtin(name: &str) -> Option<Files> {
    (name == "classic").then_some(CLASSIC)
}

/// The request of the self-test.
pub fn sample() -> Request {
    let files = [
        ("data.json", include_str!("../templates/classic/sample/data.json")),
        ("qr.svg", include_str!("../templates/classic/sample/qr.svg")),
        ("logo.svg", include_str!("../templates/classic/sample/logo.svg")),
    ];
    let header = Header {
        template: Template::Builtin("classic".to_owned()),
        title: "Sample bill".to_owned(),
        language: "en".to_owned(),
        creator: "Penstock".to_owned(),
        created_at: 1_775_088_000,
        parts: files.map(|(name, text)| Part { name: name.to_owned(), bytes: text.len() }).into(),
    };
    Request { header, files: files.map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec())).into() }
}

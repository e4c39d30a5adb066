//! The error codes as a page to read: served at `/docs/errors`, where every problem's `type`
//! points, and kept as `docs/errors.md`. Both are made from the one table.

use crate::problem::{status, status_of};
use actix_web::HttpResponse;
use actix_web::http::{StatusCode, header};
use std::fmt::Write as _;
use vocab::{Category, Code, RETIRED};

/// What holds for all of them, a paragraph each; Markdown of which only backticks are used.
const ABOUT: &[&str] = &[
    "Whatever is refused is answered with a problem document (`application/problem+json`, RFC 9457). Its `code` is one \
     of these words, its `type` the address of the word on a server: `/docs/errors#code`. A client decides by the code; \
     `title` is the sentence given here, `detail` says what is wrong in this case, for people.",
    "Where fields are at fault the code is `invalid`, and `errors` names each field by a JSON pointer, with a code of its \
     own. Parameters stand in `params`, all of them texts.",
    "The same words stand in the errors of a bill run, in the report of an import and in the results of single items, \
     where no status goes with them. New codes may come; one that has been published does not go away silently.",
];

/// Codes of one status.
struct Section {
    status: StatusCode,
    meaning: &'static str,
    codes: Vec<Code>,
}

fn sections() -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    for &code in Code::ALL {
        let at = status_of(code);
        match sections.iter_mut().find(|section| section.status == at) {
            Some(section) => section.codes.push(code),
            None => sections.push(Section { status: at, meaning: meaning(at, code), codes: vec![code] }),
        }
    }
    sections.sort_by_key(|section| section.status);
    sections
}

/// What a status says: its category's sentence, or the code's own where it stands for itself.
fn meaning(at: StatusCode, code: Code) -> &'static str {
    let of_category = Category::ALL.iter().find(|category| status(**category) == at);
    of_category.map_or(code.meaning(), |category| category.meaning())
}

fn title(section: &Section) -> String {
    let reason = section.status.canonical_reason().unwrap_or_default();
    format!("{} {reason}", section.status.as_u16())
}

/// The page as Markdown.
pub fn error_reference() -> String {
    let mut text = "# Error codes\n\n<!-- Made by `cargo xtask errors` from the table in \
                    crates/vocab/src/codes.rs; do not edit. -->\n"
        .to_owned();
    for paragraph in ABOUT {
        let _ = write!(text, "\n{paragraph}\n");
    }
    for section in sections() {
        let _ = write!(text, "\n## {}\n\n{}\n\n", title(&section), section.meaning);
        text.push_str("| code | meaning | parameters |\n|---|---|---|\n");
        for code in section.codes {
            let params: Vec<String> = code.params().iter().map(|param| format!("`{param}`")).collect();
            let _ = writeln!(text, "| `{code}` | {} | {} |", code.meaning(), params.join(", "));
        }
    }
    if !RETIRED.is_empty() {
        text.push_str("\n## Retired\n\nNo longer sent.\n\n| code | instead |\n|---|---|\n");
        for (word, instead) in RETIRED {
            let _ = writeln!(text, "| `{word}` | {instead} |");
        }
    }
    text
}

const STYLE: &str = "\
    :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }\
    body { margin: 2rem auto; max-width: 60rem; padding: 0 1rem }\
    table { border-collapse: collapse; width: 100% }\
    th, td { border-bottom: 1px solid #8886; padding: .4rem .6rem; text-align: left; vertical-align: top }\
    td:first-child { white-space: nowrap } h2 { margin-top: 2.5rem }\
    code { font-family: ui-monospace, monospace } a { color: inherit }\
    tr:target { background: #fd06; outline: 2px solid #fd0 }";

/// The page as HTML, with an anchor at every code; it loads nothing from anywhere.
fn page() -> String {
    let mut html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>Error codes – Penstock</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<h1>Error codes</h1>\n\
         <p><a href=\"/docs/\">The API, operation by operation</a></p>\n"
    );
    for paragraph in ABOUT {
        let _ = writeln!(html, "<p>{}</p>", inline(paragraph));
    }
    for section in sections() {
        let _ = write!(
            html,
            "<h2>{}</h2>\n<p>{}</p>\n<table>\n<tr><th>code</th><th>meaning</th><th>parameters</th></tr>\n",
            title(&section),
            escaped(section.meaning)
        );
        for code in section.codes {
            let params: Vec<String> =
                code.params().iter().map(|param| format!("<code>{param}</code>")).collect();
            let _ = writeln!(
                html,
                "<tr id=\"{code}\"><td><a href=\"#{code}\"><code>{code}</code></a></td><td>{}</td><td>{}</td></tr>",
                escaped(code.meaning()),
                params.join(", ")
            );
        }
        html.push_str("</table>\n");
    }
    if !RETIRED.is_empty() {
        html.push_str("<h2>Retired</h2>\n<p>No longer sent.</p>\n<table>\n");
        for (word, instead) in RETIRED {
            let _ = writeln!(
                html,
                "<tr id=\"{word}\"><td><code>{word}</code></td><td>{}</td></tr>",
                escaped(instead)
            );
        }
        html.push_str("</table>\n");
    }
    html.push_str("</body>\n</html>\n");
    html
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Backticks become code.
fn inline(text: &str) -> String {
    let parts = escaped(text);
    let parts = parts.split('`').enumerate();
    parts
        .map(|(at, part)| if at % 2 == 1 { format!("<code>{part}</code>") } else { part.to_owned() })
        .collect()
}

/// Serves the page, to anybody.
pub(crate) async fn read_error_reference() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'"))
        .body(page())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_stands_on_both_pages_once() {
        let (markdown, html) = (error_reference(), page());
        for code in Code::ALL {
            assert_eq!(markdown.matches(&format!("| `{code}` |")).count(), 1, "{code}");
            assert_eq!(html.matches(&format!("id=\"{code}\"")).count(), 1, "{code}");
            assert!(markdown.contains(code.meaning()), "{code}");
        }
        assert!(html.contains("<h2>405 Method Not Allowed</h2>"));
        assert!(!html.contains("src=") && !html.contains("http:"), "it loads nothing");
    }

    #[test]
    fn what_is_shown_is_escaped() {
        assert_eq!(inline("a `b<c` \"d\" & e"), "a <code>b&lt;c</code> &quot;d&quot; &amp; e");
    }
}

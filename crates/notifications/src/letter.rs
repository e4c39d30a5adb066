//! A letter in one language, and how letters become the plain-text and the HTML body. Both
//! bodies say the same in the same order.

use vocab::Language;

use crate::Link;

/// A part of a letter.
pub(crate) enum Block {
    /// Sentences.
    Paragraph(String),
    /// Facts: label and value.
    Facts(Vec<(String, String)>),
    /// Where to go on.
    Action { label: String, link: Link },
}

/// What is said, in one language.
pub(crate) struct Letter {
    pub(crate) language: Language,
    pub(crate) right_to_left: bool,
    pub(crate) subject: String,
    pub(crate) blocks: Vec<Block>,
}

/// Between two languages in plain text.
const RULE: &str = "----------------------------------------";

/// The plain-text body.
pub(crate) fn text(letters: &[Letter]) -> String {
    let mut text = String::new();
    for (place, letter) in letters.iter().enumerate() {
        if place > 0 {
            text.push_str(&format!("{RULE}\n\n{}\n\n", letter.subject));
        }
        for block in &letter.blocks {
            match block {
                Block::Paragraph(sentences) => text.push_str(sentences),
                Block::Facts(facts) => {
                    let lines: Vec<String> =
                        facts.iter().map(|(label, value)| format!("{label}: {value}")).collect();
                    text.push_str(&lines.join("\n"));
                }
                Block::Action { label, link } => text.push_str(&format!("{label}:\n{}", link.as_str())),
            }
            text.push_str("\n\n");
        }
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

const BODY: &str = "margin:0;padding:24px;background:#ffffff;color:#1a1a1a;\
    font-family:Arial,Helvetica,sans-serif;font-size:16px;line-height:1.5";
const MAIN: &str = "max-width:600px;margin:0 auto";
const HEADING: &str = "font-size:20px;line-height:1.3;margin:0 0 16px";
const PARAGRAPH: &str = "margin:0 0 16px";
const TABLE: &str = "border-collapse:collapse;width:100%;margin:0 0 16px";
const CELL: &str = "padding:8px;border-bottom:1px solid #cccccc;text-align:start;vertical-align:top";
const BUTTON: &str = "display:inline-block;padding:12px 20px;background:#0b4f8a;color:#ffffff;\
    text-decoration:none;border-radius:4px";
const SECOND: &str = "margin:24px 0 0;padding:24px 0 0;border-top:2px solid #cccccc";

/// The HTML body: one document, no images, nothing loaded from outside.
pub(crate) fn html(letters: &[Letter]) -> String {
    let Some(first) = letters.first() else { return String::new() };
    let mut html = format!(
        "<!DOCTYPE html>\n<html lang=\"{}\" dir=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{}</title>\n</head>\n\
         <body style=\"{BODY}\">\n<main style=\"{MAIN}\">\n",
        escaped(first.language.as_str()),
        direction(first),
        escaped(&first.subject),
    );
    for (place, letter) in letters.iter().enumerate() {
        let (level, style) = if place == 0 { (1, "") } else { (2, SECOND) };
        html.push_str(&format!(
            "<section lang=\"{}\" dir=\"{}\" style=\"{style}\">\n<h{level} style=\"{HEADING}\">{}</h{level}>\n",
            escaped(letter.language.as_str()),
            direction(letter),
            escaped(&letter.subject),
        ));
        for block in &letter.blocks {
            push_block(&mut html, block);
        }
        html.push_str("</section>\n");
    }
    html.push_str("</main>\n</body>\n</html>\n");
    html
}

fn push_block(html: &mut String, block: &Block) {
    match block {
        Block::Paragraph(sentences) => {
            html.push_str(&format!("<p style=\"{PARAGRAPH}\">{}</p>\n", escaped(sentences)));
        }
        Block::Facts(facts) => {
            html.push_str(&format!("<table style=\"{TABLE}\">\n"));
            for (label, value) in facts {
                html.push_str(&format!(
                    "<tr><th scope=\"row\" style=\"{CELL};font-weight:normal\">{}</th>\
                     <td style=\"{CELL};font-weight:bold\">{}</td></tr>\n",
                    escaped(label),
                    escaped(value),
                ));
            }
            html.push_str("</table>\n");
        }
        Block::Action { label, link } => html.push_str(&format!(
            "<p style=\"{PARAGRAPH}\"><a href=\"{}\" style=\"{BUTTON}\">{}</a></p>\n",
            escaped(link.as_str()),
            escaped(label),
        )),
    }
}

fn direction(letter: &Letter) -> &'static str {
    if letter.right_to_left { "rtl" } else { "ltr" }
}

/// Text that is safe between tags and in quoted attributes.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

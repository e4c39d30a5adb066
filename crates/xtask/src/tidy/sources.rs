//! Source files: their length, words that must not stay, and lints switched off.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

const LINES_MAX: usize = 800;
const LINES_THINK: usize = 500;
const SOURCES: &[&str] = &[".rs", ".sql", ".py", ".typ", ".sh"];
/// Generated.
const MAY_BE_LONG: &[&str] = &["crates/store/src/schema.rs"];

/// Split so that this file does not hold them.
const FORBIDDEN: &[&str] = &[
    concat!("to", "do!("),
    concat!("unimple", "mented!("),
    concat!("#[ig", "nore"),
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
];

/// The lints of the house that guard money and availability, and where they may be switched off.
const GUARDS: &[&str] =
    &["unsafe_code", "unwrap_used", "expect_used", "float_arithmetic", "print_stdout", "print_stderr"];
const UNGUARDED: &[&str] = &[
    "crates/xtask/",
    "crates/testkit/",
    "crates/render/",
    "crates/penstock/",
    "/tests/",
    "/benches/",
    "/build.rs",
];

/// What is wrong, and what is worth a thought.
pub fn check(root: &Path, files: &[String]) -> Result<(Vec<String>, Vec<String>)> {
    let (mut wrong, mut notes) = (Vec::new(), Vec::new());
    for file in files.iter().filter(|file| SOURCES.iter().any(|ending| file.ends_with(ending))) {
        let text = fs::read_to_string(root.join(file)).with_context(|| format!("reading {file}"))?;
        let lines = text.lines().count();
        if lines > LINES_MAX && !MAY_BE_LONG.contains(&file.as_str()) {
            wrong.push(format!("{file}: {lines} lines, split it (at most {LINES_MAX})"));
        } else if lines > LINES_THINK && !MAY_BE_LONG.contains(&file.as_str()) {
            notes.push(format!("{file}: {lines} lines"));
        }
        if file.ends_with(".rs") {
            wrong.extend(words(file, &text));
            wrong.extend(allowances(file, &text));
        }
    }
    Ok((wrong, notes))
}

fn words(file: &str, text: &str) -> Vec<String> {
    let numbered = text.lines().enumerate();
    let hits = numbered.flat_map(|(index, line)| {
        FORBIDDEN.iter().filter(move |word| line.contains(**word)).map(move |word| (index + 1, word))
    });
    hits.map(|(number, word)| format!("{file}:{number}: `{word}`")).collect()
}

/// Each switched-off lint gives its reason; the guards stay on in the product.
fn allowances(file: &str, text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for (start, _) in text.match_indices("#[").chain(text.match_indices("#![")) {
        let rest = text[start..].trim_start_matches(['#', '!', '[']);
        let is_allowance = rest.starts_with("allow(") || rest.starts_with("expect(");
        let Some(end) = rest.find(")]").filter(|_| is_allowance) else { continue };
        let (attribute, number) = (&rest[..end], text[..start].lines().count() + 1);
        if !attribute.contains("reason =") {
            wrong.push(format!("{file}:{number}: a lint is switched off without a reason"));
        }
        let guard = GUARDS.iter().find(|guard| attribute.contains(**guard));
        if let Some(guard) =
            guard.filter(|_| !UNGUARDED.iter().any(|place| format!("/{file}").contains(place)))
        {
            wrong.push(format!("{file}:{number}: {guard} may not be switched off here"));
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_promise_work_are_found() {
        let text = format!("fn f() {{ {}) }}\n// {}: later\n", FORBIDDEN[0], FORBIDDEN[3]);
        assert_eq!(words("a.rs", &text).len(), 2);
        assert!(words("a.rs", "/// What is left to do.\n").is_empty());
    }

    #[test]
    fn a_switched_off_lint_needs_a_reason_and_guards_stay() {
        let attribute = |inner: &str| format!("#[al{}({inner})]\nfn f() {{}}\n", "low");
        assert_eq!(allowances("crates/app/src/a.rs", &attribute("dead_code")).len(), 1);
        assert!(allowances("crates/app/src/a.rs", &attribute("dead_code, reason = \"x\"")).is_empty());
        let guard = attribute("clippy::unwrap_used, reason = \"x\"");
        assert_eq!(allowances("crates/app/src/a.rs", &guard).len(), 1);
        assert!(allowances("crates/xtask/src/a.rs", &guard).is_empty());
        assert!(allowances("crates/app/tests/a.rs", &guard).is_empty());
    }
}

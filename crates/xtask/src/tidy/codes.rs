//! An error code that was published stays: clients decide by it. What leaves the table is named
//! among the retired ones, with what comes instead.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

/// The codes as they are published.
pub const FILE: &str = "docs/errors.md";
const TABLE: &str = "crates/vocab/src/codes.rs";

/// Codes that stand, or once stood, in the published document and are in the table no more.
pub fn check(root: &Path) -> Result<Vec<String>> {
    let table = fs::read_to_string(root.join(TABLE)).with_context(|| format!("reading {TABLE}"))?;
    let kept = fs::read_to_string(root.join(FILE)).with_context(|| format!("reading {FILE}"))?;
    let history = history(root).unwrap_or_default();
    Ok(lost(&table, &kept, &history))
}

/// Every change of the document; nothing where there is no history, as in an unpacked archive.
fn history(root: &Path) -> Option<String> {
    let mut git = Command::new("git");
    git.args(["log", "--format=", "--patch", "--unified=0", "--no-ext-diff", "--no-color", "--", FILE]);
    let output = git.current_dir(root).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

fn lost(table: &str, kept: &str, history: &str) -> Vec<String> {
    let added = history.lines().filter_map(|line| line.strip_prefix('+'));
    let published: BTreeSet<&str> = kept.lines().chain(added).filter_map(published).collect();
    let known: BTreeSet<&str> = table.lines().filter_map(known).collect();
    let lost = published.difference(&known);
    lost.map(|code| format!("{TABLE}: the code {code} has been published; name it in RETIRED instead"))
        .collect()
}

/// The code of a row of the document.
fn published(line: &str) -> Option<&str> {
    line.strip_prefix("| `")?.split_once("` |").map(|(code, _)| code)
}

/// The code of a row of the table, `Variant "code" Category …`, or of a retired one, `("code", …`.
fn known(line: &str) -> Option<&str> {
    let line = line.trim();
    let (variant, rest) = line.split_once('"')?;
    let is_row =
        variant.ends_with('(') || variant.trim_end().bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_row { rest.split_once('"').map(|(code, _)| code) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str =
        "    // requests\n    NotFound \"not_found\" NotFound (\"name\") \"There is none.\";\n";

    #[test]
    fn what_was_published_stays_or_is_named() {
        let kept = "| code | meaning |\n|---|---|\n| `not_found` | There is none. | `name` |\n";
        assert_eq!(lost(TABLE, kept, ""), [""; 0]);
        assert_eq!(lost("", kept, "").len(), 1);
        // Taken out of the table and of the document: history knows.
        let history = "-| `name` | Was. | |\n+++ b/docs/errors.md\n+| `name` | Was. | |\n";
        assert_eq!(lost(TABLE, kept, history).len(), 1);
        let retired = format!("{TABLE}    (\"name\", \"`not_found`\"),\n");
        assert_eq!(lost(&retired, kept, history), [""; 0]);
    }
}

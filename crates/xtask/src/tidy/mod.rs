//! The shape of the house: what no compiler checks.

mod arrows;
mod codes;
mod links;
mod sources;
mod tree;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Result, bail};
use serde_json::Value;

use crate::workspace;

pub use codes::{FILE as CODES_FILE, check as lost_codes};

/// Runs every check and lists everything that is wrong, not only the first.
pub fn check() -> Result<()> {
    let root = workspace::root();
    let files = tree::files(&root)?;
    let metadata = workspace::metadata()?;
    let mut wrong = arrows::check(&metadata);
    let (wrong_sources, notes) = sources::check(&root, &files)?;
    wrong.extend(wrong_sources);
    wrong.extend(links::check(&root, &files)?);
    wrong.extend(manifests(&root, &files)?);
    wrong.extend(migrations(&root)?);
    wrong.extend(readme(&root));
    wrong.extend(codes::check(&root)?);
    wrong.extend(dependencies(&root, &metadata)?);
    for note in notes {
        println!("note: {note}");
    }
    if wrong.is_empty() {
        println!("tidy: {} files, nothing wrong", files.len());
        return Ok(());
    }
    for line in &wrong {
        println!("wrong: {line}");
    }
    bail!("tidy: {} things are wrong", wrong.len())
}

/// Every crate of the workspace takes the house's lints; the fuzz targets are a workspace of their own.
fn manifests(root: &Path, files: &[String]) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    for file in files.iter().filter(|file| file.ends_with("/Cargo.toml") && !file.starts_with("fuzz/")) {
        if !inherits_lints(&fs::read_to_string(root.join(file))?) {
            wrong.push(format!("{file}: no `[lints] workspace = true`"));
        }
    }
    Ok(wrong)
}

fn inherits_lints(manifest: &str) -> bool {
    let section = manifest.lines().skip_while(|line| line.trim() != "[lints]").skip(1);
    section.take_while(|line| !line.starts_with('[')).any(|line| line.trim() == "workspace = true")
}

/// Each migration can be taken back.
fn migrations(root: &Path) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    for entry in fs::read_dir(root.join("migrations"))? {
        let dir = entry?.path();
        for name in ["up.sql", "down.sql"] {
            let is_empty = fs::read_to_string(dir.join(name)).map_or(true, |sql| sql.trim().is_empty());
            if dir.is_dir() && is_empty {
                wrong.push(format!("{}: {name} is missing or empty", dir.display()));
            }
        }
    }
    Ok(wrong)
}

/// The two commands a newcomer needs.
fn readme(root: &Path) -> Vec<String> {
    let text = fs::read_to_string(root.join("README.md")).unwrap_or_default();
    let commands = ["cargo xtask demo", "cargo xtask test"];
    let missing = commands.iter().filter(|command| !text.contains(**command));
    missing.map(|command| format!("README.md does not name `{command}`")).collect()
}

/// Every foreign library has its line, with the reason why it was chosen.
fn dependencies(root: &Path, metadata: &Value) -> Result<Vec<String>> {
    let text = fs::read_to_string(root.join("docs/dependencies.md"))?;
    let packages = metadata["packages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let used = packages.iter().filter_map(|package| package["dependencies"].as_array()).flatten();
    let foreign = used.filter(|used| used["path"].is_null()).filter_map(|used| used["name"].as_str());
    let names: BTreeSet<&str> = foreign.filter(|name| !text.contains(&format!("| `{name}` |"))).collect();
    Ok(names.into_iter().map(|name| format!("docs/dependencies.md: no line for {name}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lints_must_be_inherited_in_their_own_section() {
        assert!(inherits_lints("[package]\n\n[lints]\nworkspace = true\n"));
        assert!(!inherits_lints("[package]\nworkspace = true\n"));
        assert!(!inherits_lints("[lints]\n[dependencies]\nworkspace = true\n"));
    }
}

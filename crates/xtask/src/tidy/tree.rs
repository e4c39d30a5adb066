//! The files of the workspace, without what is built, downloaded or made by running it.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

const LEFT_OUT: &[&str] = &["target", "data", "out", "node_modules", "__pycache__", ".git", ".venv", "venv"];

/// Paths below `root` with `/`, sorted.
pub fn files(root: &Path) -> Result<Vec<String>> {
    let mut files = Vec::new();
    let mut open = vec![String::new()];
    while let Some(dir) = open.pop() {
        let path = root.join(&dir);
        for entry in fs::read_dir(&path).with_context(|| format!("listing {}", path.display()))? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let below = if dir.is_empty() { name.clone() } else { format!("{dir}/{name}") };
            if !entry.file_type()?.is_dir() {
                files.push(below);
            } else if !LEFT_OUT.contains(&name.as_str()) {
                open.push(below);
            }
        }
    }
    files.sort();
    Ok(files)
}

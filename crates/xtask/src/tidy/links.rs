//! Links between the documents lead somewhere.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// Relative links in Markdown whose target does not exist.
pub fn check(root: &Path, files: &[String]) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    for file in files.iter().filter(|file| file.ends_with(".md")) {
        let path = root.join(file);
        let text = fs::read_to_string(&path).with_context(|| format!("reading {file}"))?;
        let dir = path.parent().unwrap_or(root);
        let dead = targets(&text).into_iter().filter(|target| !dir.join(target).exists());
        wrong.extend(dead.map(|target| format!("{file}: the link to {target} leads nowhere")));
    }
    Ok(wrong)
}

/// The local parts of `](target)`, code blocks left out.
fn targets(text: &str) -> Vec<String> {
    let mut targets = Vec::new();
    let mut is_code = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        }
        if is_code {
            continue;
        }
        for part in line.split("](").skip(1) {
            let target = part.split(')').next().unwrap_or_default();
            let path = target.split(['#', ' ']).next().unwrap_or_default();
            let is_local = !path.is_empty() && !path.contains("://") && !path.starts_with("mailto:");
            if is_local {
                targets.push(path.to_owned());
            }
        }
    }
    targets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_local_targets_count() {
        let text = "[a](docs/a.md#part) ![b](b.png \"title\") [c](https://example.org) [d](#here)\n```\n[e](e.md)\n```\n";
        assert_eq!(targets(text), ["docs/a.md", "b.png"]);
    }

    #[test]
    fn a_dead_link_is_named() {
        let dir = std::env::temp_dir().join(format!("penstock-links-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join("a.md"), "[b](b.md) [a](a.md)").unwrap();
        let wrong = check(&dir, &["a.md".to_owned()]).unwrap();
        fs::remove_dir_all(&dir).unwrap();
        assert_eq!(wrong, ["a.md: the link to b.md leads nowhere"]);
    }
}

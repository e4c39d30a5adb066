//! What the program prints about itself, kept in the repository so that a change of it is seen in
//! review: the API's description and the error codes.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{run, tidy, workspace};

/// The API's description; compared with what is kept when `is_check`, written otherwise.
pub fn openapi(is_check: bool) -> Result<()> {
    keep("openapi", "openapi/penstock.json", is_check)
}

/// The error codes, which must go on holding every code that was published.
pub fn errors(is_check: bool) -> Result<()> {
    keep("errors", tidy::CODES_FILE, is_check)?;
    match tidy::lost_codes(&workspace::root())?.as_slice() {
        [] => Ok(()),
        lost => bail!("{}", lost.join("\n")),
    }
}

fn keep(subcommand: &str, file: &str, is_check: bool) -> Result<()> {
    run::run(workspace::cargo().args(["build", "--package", "penstock"]))?;
    let program = workspace::target_dir()?.join("debug/penstock");
    let text = run::read(Command::new(program).arg(subcommand))?;
    let path = workspace::root().join(file);
    if !is_check {
        fs::create_dir_all(path.with_file_name("")).with_context(|| format!("making room for {file}"))?;
        return fs::write(&path, text).with_context(|| format!("writing {file}"));
    }
    let kept = fs::read_to_string(&path).with_context(|| format!("reading {file}"))?;
    match first_difference(&kept, &text) {
        None => Ok(()),
        Some(difference) => bail!("{file} is out of date; run `cargo xtask {subcommand}`\n{difference}"),
    }
}

/// The first line in which two texts differ, in both versions.
pub fn first_difference(kept: &str, made: &str) -> Option<String> {
    let (mut kept, mut made) = (kept.lines(), made.lines());
    for number in 1_usize.. {
        match (kept.next(), made.next()) {
            (None, None) => return None,
            (kept, made) if kept != made => {
                let shown = |line: Option<&str>| line.unwrap_or("(nothing)").to_owned();
                return Some(format!("line {number}\n  kept: {}\n  made: {}", shown(kept), shown(made)));
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_is_shown_with_its_line() {
        assert_eq!(first_difference("a\nb\n", "a\nb\n"), None);
        let difference = first_difference("a\nb\n", "a\nc\n").unwrap();
        assert_eq!(difference, "line 2\n  kept: b\n  made: c");
        assert!(first_difference("a\n", "a\nb\n").unwrap().contains("kept: (nothing)"));
    }
}

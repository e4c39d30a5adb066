//! The demonstration, from nothing to the proof, and what it leaves alone.

use crate::process::{penstock, run};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

/// `PENSTOCK_RENDER`, or the one beside penstock.
fn renderer() -> PathBuf {
    let program = match std::env::var_os("PENSTOCK_RENDER") {
        Some(path) => PathBuf::from(path),
        None => Path::new(env!("CARGO_BIN_EXE_penstock")).with_file_name("penstock-render"),
    };
    assert!(program.exists(), "{} is missing: build it with `cargo build -p render`", program.display());
    program
}

fn files(dir: &Path, ending: &str) -> usize {
    let files = std::fs::read_dir(dir).unwrap().map(|file| file.unwrap().path());
    files.filter(|path| path.to_str().unwrap().ends_with(ending)).count()
}

#[test]
fn a_town_is_founded_billed_collected_from_and_proven() {
    let dir = tempfile::Builder::new().prefix("penstock-demo-").tempdir_in("/tmp").unwrap();
    std::fs::set_permissions(dir.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let home = dir.path().join("demo");
    let (renderer, at) = (renderer(), home.to_str().unwrap());
    let environment = [("PENSTOCK_RENDER", renderer.to_str().unwrap())];
    let demo = ["demo", "--accounts", "60", "--exit", "--dir", at];
    let (ok, said, errors) = run(&mut penstock(&demo, &environment));
    assert!(ok, "{said} {errors}");
    assert!(said.contains("everything holds"), "{said}");
    for found in [
        "error missing_end_read",
        "flag high_usage",
        "flag zero_usage",
        "flag rollover",
        "flag missing_address",
        "draw failed: insufficient_funds",
        "draw failed: expired_card",
    ] {
        assert!(said.contains(found), "{found}: {said}");
    }
    let (email, postal) = (home.join("invoices/EMAIL"), home.join("invoices/POSTAL"));
    assert!(files(&email, ".pdf") > 10 && files(&postal, ".pdf") > 10, "{said}");
    assert!(files(&home.join("mail"), ".eml") > files(&email, ".pdf"), "e-bills and receipts: {said}");
    assert!(home.join("mail-package.zip").exists());
}

#[test]
fn what_is_no_demonstration_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let kept = dir.path().join("letter.txt");
    std::fs::write(&kept, "Dear Ana").unwrap();
    let renderer = renderer();
    let environment = [("PENSTOCK_RENDER", renderer.to_str().unwrap())];
    let demo = ["demo", "--exit", "--dir", dir.path().to_str().unwrap()];
    let (ok, _, errors) = run(&mut penstock(&demo, &environment));
    assert!(!ok && errors.contains("--dir"), "{errors}");
    assert_eq!(std::fs::read_to_string(&kept).unwrap(), "Dear Ana");
    let missing = [("PENSTOCK_RENDER", "/nowhere/penstock-render")];
    let (ok, _, errors) = run(&mut penstock(&demo, &missing));
    assert!(!ok && errors.contains("/nowhere/penstock-render is missing"), "{errors}");
}

#[test]
fn a_demonstration_that_runs_is_left_alone_and_one_that_was_killed_makes_room() {
    let dir = tempfile::Builder::new().prefix("penstock-demo-").tempdir_in("/tmp").unwrap();
    std::fs::set_permissions(dir.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let home = dir.path().join("demo");
    let (renderer, at) = (renderer(), home.to_str().unwrap());
    let environment = [("PENSTOCK_RENDER", renderer.to_str().unwrap())];
    let demo = ["demo", "--accounts", "14", "--exit", "--dir", at];
    let mut first =
        penstock(&demo, &environment).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let signed = home.join("keys");
    assert!(wait_for(|| signed.exists()), "the first has not begun");
    let (ok, _, errors) = run(&mut penstock(&demo, &environment));
    assert!(!ok && errors.contains("is running in") && errors.contains("--dir"), "{errors}");
    assert!(signed.exists(), "nothing of the first is touched");

    // Killed without a word, it leaves its database server running.
    first.kill().unwrap();
    first.wait().unwrap();
    let (ok, said, errors) = run(&mut penstock(&demo, &environment));
    assert!(ok && said.contains("removing the demonstration before"), "{said} {errors}");
    let (ok, said, errors) = run(&mut penstock(&demo, &environment));
    assert!(ok && said.contains("everything holds"), "{said} {errors}");
}

fn wait_for(happens: impl Fn() -> bool) -> bool {
    (0..600).any(|_| {
        happens() || {
            std::thread::sleep(Duration::from_millis(100));
            false
        }
    })
}

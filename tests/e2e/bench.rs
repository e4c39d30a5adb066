//! `penstock bench`: its figures are there, and nothing is left behind.

use e2e::path_of;
use serde_json::Value;
use std::process::Command;

fn bench(arguments: &[&str], keys: &[&str]) -> Value {
    let dir = tempfile::tempdir().unwrap();
    // A private PostgreSQL under another user must be able to reach it.
    std::fs::set_permissions(dir.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let ground = dir.path().join("ground");
    std::fs::create_dir(&ground).unwrap();
    let file = dir.path().join("figures.json");
    let output = Command::new(path_of("PENSTOCK_BIN", "penstock"))
        .arg("bench")
        .args(arguments)
        .args(["--workers", "1", "--dir", ground.to_str().unwrap(), "--json", file.to_str().unwrap()])
        .env("PENSTOCK_RENDER_PROGRAM", path_of("PENSTOCK_RENDER", "penstock-render"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said} {}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(std::fs::read_dir(&ground).unwrap().count(), 0, "something was left behind");
    let figures: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    for key in keys {
        assert!(figures[key].as_f64().is_some_and(|figure| figure > 0.0), "{key}: {figures}");
    }
    figures
}

#[test]
fn a_bill_run_is_measured_beside_the_reference() {
    let keys = ["bills_per_s", "reference_bills_per_s", "ratio", "cpu_us_per_bill", "peak_rss_mb"];
    let figures = bench(&["bill-run", "--accounts", "40"], &keys);
    assert_eq!(figures["accounts"], 40);
    for phase in ["import", "test", "accept", "reference"] {
        assert!(figures["phases"][phase]["per_s"].as_f64().is_some_and(|rate| rate > 0.0), "{figures}");
    }
}

#[test]
fn invoices_are_measured() {
    let keys = ["pdfs_per_s", "cpu_ms_per_pdf", "kb_per_pdf", "peak_rss_mb"];
    let figures = bench(&["invoices", "--count", "20"], &keys);
    assert!(figures["count"].as_u64().is_some_and(|count| count >= 15), "{figures}");
}

//! Against the real program: `PENSTOCK_RENDER`, or the one cargo built beside this test.

use super::*;
use invoicing::{Invoice, samples};
use std::path::Path;
use std::process::Command;
use std::sync::PoisonError;
use time::macros::datetime;
use vocab::Language;

fn program() -> PathBuf {
    if let Some(path) = std::env::var_os("PENSTOCK_RENDER") {
        return path.into();
    }
    let test = std::env::current_exe().unwrap();
    let path = test.parent().and_then(Path::parent).unwrap().join("penstock-render");
    assert!(path.exists(), "{} is missing: build it with `cargo build -p render`", path.display());
    path
}

fn pool_with(change: impl FnOnce(&mut RenderSettings)) -> RenderPool {
    let mut settings = RenderSettings::new(program(), 1);
    // A debug build on a busy machine.
    settings.time_limit = Duration::from_secs(120);
    change(&mut settings);
    RenderPool::new(settings)
}

fn request(invoice: &Invoice, template: Template) -> RenderRequest {
    let at = datetime!(2026-04-02 12:00 UTC);
    RenderRequest::invoice(invoice, &Language::english(), None, template, at).unwrap()
}

fn classic(invoice: &Invoice) -> RenderRequest {
    request(invoice, Template::classic())
}

fn own(main: &str) -> RenderRequest {
    let files = [("main.typ".to_owned(), main.to_owned())].into();
    request(&samples::residential(), Template::Files(files))
}

/// The text of a PDF as poppler reads it.
fn text(pdf: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bill.pdf");
    std::fs::write(&path, pdf).unwrap();
    let out = Command::new("pdftotext").args(["-layout"]).arg(&path).arg("-").output();
    let out = out.expect("pdftotext is missing: install it with `apt-get install poppler-utils`");
    assert!(out.status.success());
    // Where qpdf is installed it judges the structure.
    if let Ok(check) = Command::new("qpdf").arg("--check").arg(&path).output() {
        assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stdout));
    }
    String::from_utf8(out.stdout).unwrap()
}

fn pid(pool: &RenderPool) -> u32 {
    let idle = pool.idle.lock().unwrap_or_else(PoisonError::into_inner);
    idle.iter().flatten().next().unwrap().pid()
}

#[test]
fn a_bill_shows_its_amounts_and_always_has_the_same_bytes() {
    let pool = pool_with(|_| ());
    let bill = pool.render(&classic(&samples::residential())).unwrap();
    let text = text(&bill.pdf);
    for shown in ["$145.84", "Apr 23, 2026", "4804172551 00000014584 8", "$0.13875", "49,022", "Marisol"] {
        assert!(text.contains(shown), "{shown} is missing in\n{text}");
    }
    assert_eq!(bill.warnings, Vec::<String>::new());
    let first_process = pid(&pool);
    assert_eq!(pool.render(&classic(&samples::residential())).unwrap().pdf, bill.pdf);
    assert_eq!(pid(&pool), first_process);
    let fresh = pool_with(|_| ()).render(&classic(&samples::residential())).unwrap();
    assert_eq!(fresh.pdf, bill.pdf, "another process gives other bytes");
}

#[test]
fn every_sample_renders_and_a_long_bill_goes_on_over_the_page() {
    let pool = pool_with(|settings| settings.workers = 2);
    let all = [samples::many_services(), samples::credit(), samples::autopay(), samples::draft()];
    let pages: Vec<u32> = std::thread::scope(|threads| {
        let pool = &pool;
        let running: Vec<_> =
            all.iter().map(|bill| threads.spawn(move || pool.render(&classic(bill)).unwrap())).collect();
        let done = running.into_iter().map(|thread| thread.join().unwrap());
        done.inspect(|bill| assert!(text(&bill.pdf).contains("Harlow Valley")))
            .map(|bill| bill.pages)
            .collect()
    });
    assert!(pages[0] >= 2, "{pages:?}");
    assert_eq!(pages[1], 1, "{pages:?}");
    assert_eq!(pool.idle.lock().unwrap().len(), 2, "every slot is given back");
}

#[test]
fn a_faulty_template_says_where_and_the_next_request_works() {
    let pool = pool_with(|_| ());
    let faulty = own("Hello\n#json(\"data.json\").nothing");
    let Err(RenderError::Template(reason)) = pool.render(&faulty) else { panic!("rendered") };
    assert!(reason.starts_with("main.typ:2: error:"), "{reason}");
    let mut broken = classic(&samples::residential());
    broken.parts[0].1 = b"{not json".to_vec();
    assert!(matches!(pool.render(&broken), Err(RenderError::Template(_))));
    assert_eq!(pool.render(&classic(&samples::credit())).unwrap().pages, 1);
}

#[test]
fn templates_reach_nothing_outside() {
    let pool = pool_with(|_| ());
    for outside in [
        "#read(\"/etc/passwd\")",
        "#read(\"../../etc/passwd\")",
        "#image(\"https://example.com/x.png\")",
        "#import \"@preview/cetz:0.3.0\"",
        "#eval(\"1+1\")",
        "#std.eval(\"1+1\")",
        "#plugin(\"x.wasm\")",
        "#datetime.today()",
    ] {
        let refused = pool.render(&own(outside));
        assert!(matches!(refused, Err(RenderError::Template(_))), "{outside}: {refused:?}");
    }
}

#[test]
fn an_endless_template_is_ended_and_the_next_request_works() {
    let pool = pool_with(|settings| settings.time_limit = Duration::from_millis(700));
    let endless = own("#for a in range(100000) { for b in range(100000) { let c = a + b } }");
    assert!(matches!(pool.render(&endless), Err(RenderError::TimedOut(_))));
    let page = pool.render(&own("Hello")).unwrap();
    assert_eq!(page.pages, 1);
}

#[test]
fn a_greedy_template_kills_only_its_process() {
    let pool = pool_with(|settings| settings.memory_bytes_max = 600 << 20);
    let greedy = own("#let s = range(1000000)\n#for i in range(40) { s = s + s }\n#s.len()");
    let died = pool.render(&greedy);
    assert!(matches!(died, Err(RenderError::Died(_))), "{died:?}");
    assert_eq!(pool.render(&own("Hello")).unwrap().pages, 1);
}

#[test]
fn a_killed_process_is_replaced() {
    let pool = pool_with(|_| ());
    pool.render(&own("Hello")).unwrap();
    pool.idle.lock().unwrap().iter_mut().flatten().next().unwrap().kill();
    let died = pool.render(&own("Hello"));
    assert!(matches!(died, Err(RenderError::Died(_))), "{died:?}");
    pool.render(&own("Hello")).unwrap();
}

#[test]
fn a_process_is_replaced_after_its_share() {
    let pool = pool_with(|settings| settings.renders_per_worker = 2);
    pool.render(&own("One")).unwrap();
    let first = pid(&pool);
    pool.render(&own("Two")).unwrap();
    pool.render(&own("Three")).unwrap();
    assert_ne!(pid(&pool), first);
}

#[test]
fn a_missing_program_is_named() {
    let pool = RenderPool::new(RenderSettings::new("/nowhere/penstock-render", 1));
    let missing = pool.render(&own("Hello"));
    assert!(
        matches!(&missing, Err(RenderError::Start { program, .. }) if program.ends_with("penstock-render"))
    );
    assert!(pool.idle.lock().unwrap().len() == 1);
}

use super::*;
use std::io::Write as _;

fn load(file: &str, environment: &[(&str, &str)]) -> Result<Config> {
    let mut written = tempfile::NamedTempFile::new()?;
    written.write_all(file.as_bytes())?;
    let environment: Vec<_> =
        environment.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    Config::load(Some(written.path()), &environment)
}

fn refusal(file: &str, environment: &[(&str, &str)]) -> String {
    format!("{:#}", load(file, environment).expect_err("should be refused"))
}

#[test]
fn the_environment_lies_over_the_file_and_the_file_over_the_defaults() {
    let file = "[http]\nlisten = \"127.0.0.1:9000\"\n[worker]\nthreads = 3\n";
    let environment = [
        ("PENSTOCK_HTTP_LISTEN", "0.0.0.0:8080"),
        ("DATABASE_URL", "postgresql://u:hunter2@db/penstock"),
        ("PENSTOCK_GATEWAYS_SANDBOX", "true"),
        ("PENSTOCK_MAIL_PASSWORD", ""),
        ("PENSTOCK_HTTP_TRUSTED_PROXIES", "10.0.0.1, 10.0.0.2"),
        ("HOME", "/root"),
    ];
    let config = load(file, &environment).unwrap();
    assert_eq!(config.http.listen.to_string(), "0.0.0.0:8080");
    assert_eq!(config.http.trusted_proxies.len(), 2);
    assert_eq!(config.worker.threads, 3);
    assert_eq!(config.database.connections, 8);
    assert!(config.gateways.sandbox && config.mail.password.is_none());
    assert_eq!(config.database.url.as_ref().unwrap().reveal(), "postgresql://u:hunter2@db/penstock");
    assert!(!format!("{config:?}").contains("hunter2"));
}

#[test]
fn unknown_keys_and_wrong_types_are_refused() {
    assert!(refusal("[http]\nlisen = \"x\"\n", &[]).contains("lisen"));
    assert!(refusal("[htp]\n", &[]).contains("htp"));
    assert!(refusal("", &[("PENSTOCK_HTP_LISTEN", "x")]).contains("PENSTOCK_HTP_LISTEN"));
    assert!(refusal("", &[("PENSTOCK_WORKER_THREADS", "two")]).contains("whole number"));
    assert!(refusal("", &[("PENSTOCK_GATEWAYS_SANDBOX", "yes")]).contains("true or false"));
    assert!(refusal("", &[("PENSTOCK_GATEWAYS_STRIPE_DIALECT", "some")]).contains("core"));
    assert!(refusal("[http\n", &[]).contains("line 1"));
}

#[test]
fn errors_do_not_show_secrets() {
    let shown = refusal("[mail]\npassword = \"hunter2\"\npassword = \"hunter3\"\n", &[]);
    assert!(!shown.contains("hunter"), "{shown}");
    let shown = refusal("[gateways]\nstripe_secret_key = \"sk_live_hunter\"\n", &[]);
    assert!(!shown.contains("hunter"), "{shown}");
    let shown = refusal("[database]\nurl = 5\nconnections = \"hunter\"\n", &[]);
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[test]
fn unsafe_values_are_refused() {
    let stripe =
        |url: &str| format!("[gateways]\nstripe_url = \"{url}\"\nstripe_secret_key = \"sk_live_123\"\n");
    assert!(refusal(&stripe("http://pay.example.com"), &[]).contains("https"));
    assert!(refusal(&stripe("ftp://127.0.0.1"), &[]).contains("https"));
    for url in ["https://pay.example.com", "http://127.0.0.1:12111", "http://localhost:1", "http://[::1]:1"] {
        load(&stripe(url), &[]).unwrap();
    }
    let both = [("PENSTOCK_GATEWAYS_SANDBOX", "true")];
    assert!(refusal(&stripe("https://pay.example.com"), &both).contains("sandbox"));
    assert!(
        refusal("[gateways]\nstripe_url = \"https://pay.example.com\"\n", &[]).contains("belong together")
    );
    assert!(refusal("[mail]\nkind = \"smtp\"\n", &[]).contains("mail.host"));
    assert!(refusal("[mail]\nuser = \"bills\"\n", &[]).contains("belong together"));
    assert!(refusal("[http]\nsign_ins_per_name = 0\n", &[]).contains("budget"));
    assert!(refusal("[database]\nconnections = 0\n", &[]).contains("connections"));
}

/// The keys of docs/operations.md are the keys of the structs, no more and no fewer.
#[test]
fn every_key_is_documented() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/operations.md");
    let text = std::fs::read_to_string(path).unwrap();
    let documented: std::collections::BTreeSet<String> = text
        .lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .filter_map(|row| row.split_once("` | `PENSTOCK_"))
        .map(|(key, rest)| {
            let variable = format!("PENSTOCK_{}", rest.split('`').next().unwrap());
            format!("{key} {variable}")
        })
        .collect();
    let known = environment::keys().unwrap();
    let known: std::collections::BTreeSet<String> =
        known.iter().map(|(variable, key)| format!("{}.{} {variable}", key.section, key.name)).collect();
    assert_eq!(documented, known);
}

//! A counterpart that others wrote: localstripe, in a virtual environment of its own.
//!
//! It knows only the core parameters and no idempotency keys. Where Python or the package is not
//! to be had, the test says so and leaves the counterpart out.

use crate::client;
use crate::contract::{self, Subject};
use connectors::gateway::stripe::Dialect;
use std::fs::File;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PACKAGE: &str = "localstripe==1.15.10";

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _reaped = self.0.wait();
    }
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)))
}

/// The environment's interpreter; made once, under a file lock.
fn python() -> Result<PathBuf, String> {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let lock = File::create(root.join("localstripe.lock")).map_err(|error| error.to_string())?;
    lock.lock().map_err(|error| error.to_string())?;
    let home = root.join("localstripe");
    let python = home.join("bin/python");
    let ready = home.join("ready");
    if !ready.exists() {
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&home))?;
        run(Command::new(&python).args(["-m", "pip", "install", "--quiet", PACKAGE]))?;
        File::create(ready).map_err(|error| error.to_string())?;
    }
    Ok(python)
}

/// A port that was free just now: the server takes none that it chooses itself.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn start(python: &Path) -> (Server, String) {
    // It listens on every address of the machine by itself; here it is held to this machine.
    let program = "import sys, asyncio\nfrom aiohttp import web\nfrom localstripe.server import app\n\
        web.run_app(app, host='127.0.0.1', port=int(sys.argv[1]), print=None)\n";
    let port = free_port();
    let child = Command::new(python)
        .args(["-c", program, &port.to_string()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut server = Server(child);
    let addr = SocketAddr::from(([127, 0, 0, 1], port));
    let started = Instant::now();
    while TcpStream::connect_timeout(&addr, Duration::from_millis(200)).is_err() {
        assert!(server.0.try_wait().unwrap().is_none(), "localstripe ended at once");
        assert!(started.elapsed() < Duration::from_secs(60), "localstripe does not listen");
        std::thread::yield_now();
    }
    (server, format!("http://{addr}"))
}

fn customer(url: &str) -> String {
    let client = reqwest::blocking::Client::builder().no_proxy().build().unwrap();
    let made = client.post(format!("{url}/v1/customers")).bearer_auth("sk_test_1");
    let form = "email=resident%40example.org";
    let made = made.header("Content-Type", "application/x-www-form-urlencoded").body(form).send().unwrap();
    let made: serde_json::Value = serde_json::from_str(&made.text().unwrap()).unwrap();
    made["id"].as_str().unwrap().to_owned()
}

#[test]
fn the_contract_holds_against_localstripe() {
    let python = match python() {
        Ok(python) => python,
        Err(why) => {
            eprintln!("LEFT OUT: localstripe is not to be had here: {why}");
            return;
        }
    };
    let (server, url) = start(&python);
    contract::holds(&Subject {
        gateway: &client(&url, Dialect::Core, Duration::from_secs(30)),
        customer: customer(&url),
        good: "pm_card_visa",
        bad: "pm_card_chargeCustomerFail",
        honours_keys: false,
    });
    drop(server);
}

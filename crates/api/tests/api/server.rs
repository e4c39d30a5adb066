//! A server with one administrator, asked over plain sockets.

use app::{App, Parts, keys::Keys};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use testkit::TestDatabase;

const EMAIL: &str = "admin@example.org";
const PASSWORD: &str = "a long enough password";

/// What is served, while it is.
pub struct Served {
    pub app: App,
    pub address: SocketAddr,
}

impl Served {
    /// As the administrator: method, path and further header lines; status, head in lower case, body.
    pub fn ask(&self, token: &str, head: &[&str], body: &str) -> (u16, String, String) {
        let authorization = format!("Authorization: Bearer {token}");
        send(self.address, &[head, &[authorization.as_str()]].concat(), body)
    }

    /// Appoints the administrator and answers a token.
    pub fn admin(&self) -> String {
        self.app.appoint_first(EMAIL, "Ada", PASSWORD).unwrap();
        self.app.sign_in(EMAIL, PASSWORD).unwrap().access_token
    }
}

/// Serves a database while `work` goes on.
pub fn serve(database: &TestDatabase, work: impl FnOnce(&Served) + Send + 'static) {
    serve_with(database, |_| {}, work);
}

/// The same with other options.
pub fn serve_with(
    database: &TestDatabase,
    change: impl FnOnce(&mut api::Options),
    work: impl FnOnce(&Served) + Send + 'static,
) {
    let keys = tempfile::tempdir().unwrap();
    let db = store::Db::connect(database.url(), 4).unwrap();
    let app = App::new(Parts::new(db, Keys::load_or_create(keys.path()).unwrap()));
    actix_web::rt::System::new().block_on(async move {
        let mut options = api::Options::default();
        change(&mut options);
        let running = api::start(app.clone(), &options).unwrap();
        let (served, handle) = (Served { app, address: running.address }, running.handle);
        let server = actix_web::rt::spawn(running.server);
        let asked = actix_web::rt::task::spawn_blocking(move || work(&served)).await;
        handle.stop(false).await;
        server.await.unwrap().unwrap();
        asked.unwrap();
    });
}

/// Method, path and further header lines; answers status, whole head in lower case, body.
pub fn send(address: SocketAddr, head: &[&str], body: &str) -> (u16, String, String) {
    let [method, path, more @ ..] = head else { panic!("method and path") };
    let more: String = more.iter().map(|line| format!("{line}\r\n")).collect();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\n{more}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head.to_lowercase(), body.to_owned())
}

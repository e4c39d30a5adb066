//! Just enough HTTP/1.1: requests with a `Content-Length`, answers in JSON, kept connections.

use form_urlencoded::parse;
use std::io::{self, Read, Write};

const HEAD_BYTES_MAX: usize = 16 * 1024;
const BODY_BYTES_MAX: usize = 256 * 1024;
const HEADERS_MAX: usize = 64;

/// A request, read to its end.
#[derive(Debug, Default)]
pub(super) struct Request {
    pub method: String,
    pub path: String,
    pub query: Vec<(String, String)>,
    pub key: Option<String>,
    pub idempotency_key: Option<String>,
    pub body: Vec<u8>,
    pub keep: bool,
}

/// Why no request was read.
#[derive(Debug)]
pub(super) enum NoRequest {
    /// The peer is gone or idle.
    Ended,
    /// It is not what is read here.
    Malformed,
}

impl From<io::Error> for NoRequest {
    fn from(_: io::Error) -> Self {
        Self::Ended
    }
}

impl Request {
    /// The form fields of the body.
    pub(super) fn form(&self) -> Vec<(String, String)> {
        parse(&self.body).into_owned().collect()
    }
}

/// Reads the next request. `rest` holds what was read beyond the last one.
pub(super) fn read(stream: &mut impl Read, rest: &mut Vec<u8>) -> Result<Request, NoRequest> {
    loop {
        if let Some((mut request, head, length)) = head(rest)? {
            while rest.len() < head + length {
                more(stream, rest)?;
            }
            request.body = rest[head..head + length].to_vec();
            rest.drain(..head + length);
            return Ok(request);
        }
        if rest.len() > HEAD_BYTES_MAX {
            return Err(NoRequest::Malformed);
        }
        more(stream, rest)?;
    }
}

fn more(stream: &mut impl Read, rest: &mut Vec<u8>) -> Result<(), NoRequest> {
    let mut part = [0; 4096];
    let read = stream.read(&mut part)?;
    if read == 0 {
        return Err(NoRequest::Ended);
    }
    rest.extend_from_slice(&part[..read]);
    Ok(())
}

/// The request without its body, the length of the head and of the body.
fn head(bytes: &[u8]) -> Result<Option<(Request, usize, usize)>, NoRequest> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut parsed = httparse::Request::new(&mut headers);
    let length = match parsed.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err(NoRequest::Malformed),
    };
    let (path, query) = {
        let target = parsed.path.unwrap_or_default();
        target.split_once('?').unwrap_or((target, ""))
    };
    let mut request = Request {
        method: parsed.method.unwrap_or_default().to_owned(),
        path: path.to_owned(),
        query: parse(query.as_bytes()).into_owned().collect(),
        keep: parsed.version == Some(1),
        ..Request::default()
    };
    let mut body = 0;
    for header in parsed.headers.iter() {
        let value = std::str::from_utf8(header.value).map_err(|_| NoRequest::Malformed)?.trim();
        match header.name.to_ascii_lowercase().as_str() {
            "content-length" => body = value.parse().map_err(|_| NoRequest::Malformed)?,
            "transfer-encoding" => return Err(NoRequest::Malformed),
            "connection" if value.eq_ignore_ascii_case("close") => request.keep = false,
            "idempotency-key" => request.idempotency_key = Some(value.to_owned()),
            "authorization" => request.key = value.strip_prefix("Bearer ").map(str::to_owned),
            _ => {}
        }
    }
    if body > BODY_BYTES_MAX { Err(NoRequest::Malformed) } else { Ok(Some((request, length, body))) }
}

/// The bytes of a JSON answer.
pub(super) fn answer(status: u16, body: &str, keep: bool) -> Vec<u8> {
    let connection = if keep { "keep-alive" } else { "close" };
    // The word after the status is for people, and no client reads it.
    format!(
        "HTTP/1.1 {status} Sandbox\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: {connection}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Sends it all.
pub(super) fn write(stream: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes)?;
    stream.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_read_one_after_the_other() {
        let sent =
            b"POST /v1/x?a=b%20c HTTP/1.1\r\nAuthorization: Bearer sk_test_1\r\nIdempotency-Key: k1\r\n\
            Content-Length: 7\r\n\r\na=1&b=2GET /v1/y HTTP/1.1\r\nConnection: close\r\n\r\n";
        let mut rest = Vec::new();
        let mut stream = &sent[..];
        let first = read(&mut stream, &mut rest).unwrap();
        assert_eq!((first.method.as_str(), first.path.as_str()), ("POST", "/v1/x"));
        assert_eq!(first.query, [("a".to_owned(), "b c".to_owned())]);
        assert_eq!(first.form().len(), 2);
        assert_eq!(first.idempotency_key.as_deref(), Some("k1"));
        assert_eq!(first.key.as_deref(), Some("sk_test_1"));
        let second = read(&mut stream, &mut rest).unwrap();
        assert_eq!((second.path.as_str(), second.keep), ("/v1/y", false));
        assert!(matches!(read(&mut stream, &mut rest), Err(NoRequest::Ended)));
    }

    #[test]
    fn what_is_too_large_or_strange_is_not_read() {
        let malformed =
            |sent: &[u8]| matches!(read(&mut &sent[..], &mut Vec::new()), Err(NoRequest::Malformed));
        assert!(malformed(b"POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n"));
        assert!(malformed(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"));
        assert!(malformed(b"\x16\x03\x01 not http"));
        assert!(malformed(format!("GET /{} HTTP/1.1\r\n", "x".repeat(40_000)).as_bytes()));
    }
}

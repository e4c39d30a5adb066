//! One `penstock-render` process and the thread that talks to it.

use super::pool::RenderSettings;
use super::{RenderError, Rendered};
use serde::Deserialize;
use std::io::{self, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

const HEADER_BYTES_MAX: usize = 1 << 20;
const PDF_BYTES_MAX: usize = 256 << 20;

/// Pipes have no time limits, so a thread waits on them; killing the process frees the thread.
pub(super) struct Worker {
    child: Child,
    requests: Sender<Vec<u8>>,
    replies: Receiver<io::Result<Reply>>,
    served: u32,
}

type Reply = Result<Rendered, String>;

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Header {
    Ok { pages: u32, bytes: usize, warnings: Vec<String> },
    Error(String),
}

impl Worker {
    pub fn start(settings: &RenderSettings) -> Result<Self, RenderError> {
        let failed = |source| RenderError::Start { program: settings.program.clone(), source };
        // An empty environment and the root directory: a worker needs neither.
        let mut child = Command::new(&settings.program)
            .env_clear()
            .env("RAYON_NUM_THREADS", "1")
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (requests, to_send) = mpsc::channel();
        let (answer, replies) = mpsc::channel();
        let limited = limit_memory(&child, settings.memory_bytes_max);
        let talking = pipes.map(|(input, output)| {
            std::thread::Builder::new()
                .name("render-pipe".to_owned())
                .spawn(move || talk(input, output, &to_send, &answer))
        });
        let worker = Self { child, requests, replies, served: 0 };
        limited.map_err(failed)?;
        talking.transpose().map_err(failed)?;
        Ok(worker)
    }

    /// How many requests it has had.
    pub const fn served(&self) -> u32 {
        self.served
    }

    /// Renders. After any error but [`RenderError::Template`] the worker must be dropped.
    pub fn render(&mut self, request: Vec<u8>, limit: Duration) -> Result<Rendered, RenderError> {
        self.served += 1;
        if self.requests.send(request).is_err() {
            return Err(self.died("its pipe is closed"));
        }
        match self.replies.recv_timeout(limit) {
            Ok(Ok(reply)) => reply.map_err(RenderError::Template),
            Ok(Err(error)) => Err(self.died(&error.to_string())),
            Err(RecvTimeoutError::Disconnected) => Err(self.died("its pipe is closed")),
            Err(RecvTimeoutError::Timeout) => Err(RenderError::TimedOut(limit)),
        }
    }

    fn died(&mut self, reason: &str) -> RenderError {
        // The pipe broke because the process is gone or does not keep to the protocol; either
        // way it is of no more use.
        let status = self.child.try_wait().ok().flatten().map_or_else(
            || {
                let _ = self.child.kill();
                self.child.wait().ok()
            },
            Some,
        );
        RenderError::Died(status.map_or_else(|| reason.to_owned(), |status| format!("{reason}; {status}")))
    }

    #[cfg(test)]
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
    }

    #[cfg(test)]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It may hang in a template: waiting for its good will could take for ever.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A process that asks for more memory than this is ended by its own allocator.
#[cfg(target_os = "linux")]
fn limit_memory(child: &Child, bytes_max: u64) -> io::Result<()> {
    use rustix::process::{Pid, Resource, Rlimit, prlimit};
    let limit = Rlimit { current: Some(bytes_max), maximum: Some(bytes_max) };
    prlimit(Some(Pid::from_child(child)), Resource::As, limit)?;
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn limit_memory(_: &Child, _: u64) -> io::Result<()> {
    Ok(())
}

fn talk(
    mut input: ChildStdin,
    mut output: ChildStdout,
    requests: &Receiver<Vec<u8>>,
    replies: &Sender<io::Result<Reply>>,
) {
    while let Ok(request) = requests.recv() {
        let reply = input.write_all(&request).and_then(|()| read_reply(&mut output));
        let broken = reply.is_err();
        if replies.send(reply).is_err() || broken {
            return;
        }
    }
}

fn read_reply(output: &mut impl Read) -> io::Result<Reply> {
    let mut length = [0; 4];
    output.read_exact(&mut length)?;
    let header = exactly(output, u32::from_be_bytes(length) as usize, HEADER_BYTES_MAX)?;
    match serde_json::from_slice(&header)? {
        Header::Error(reason) => Ok(Err(reason)),
        Header::Ok { pages, bytes, warnings } => {
            let pdf = exactly(output, bytes, PDF_BYTES_MAX)?;
            Ok(Ok(Rendered { pdf, pages, warnings }))
        }
    }
}

fn exactly(output: &mut impl Read, length: usize, max: usize) -> io::Result<Vec<u8>> {
    if length > max {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a reply is too long"));
    }
    let mut bytes = vec![0; length];
    output.read_exact(&mut bytes)?;
    Ok(bytes)
}

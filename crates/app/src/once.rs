//! Doing a thing once: the answer is kept under the client's key and commits with its effect.

use crate::{App, Caller, Error, Result, real_time};
use serde_json::Value;
use sha2::{Digest, Sha256};
use store::Tx;
use store::idempotency::{self, KeptAnswer};
use vocab::{Code, Problem};

/// What the client sent to have a thing done once.
#[derive(Debug, Clone)]
pub struct IdempotencyKey {
    /// Method and path.
    pub route: String,
    /// The client's key.
    pub key: String,
    /// SHA-256 of the body. It is kept sealed only: a body may hold a password.
    pub body_hash: [u8; 32],
}

/// An answer that can be kept.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// JSON body.
    pub body: Value,
}

impl Answer {
    /// 201 with the made thing.
    pub fn created(body: &impl serde::Serialize) -> Result<Self> {
        Ok(Self { status: 201, body: serde_json::to_value(body)? })
    }

    /// 200 with the result.
    pub fn ok(body: &impl serde::Serialize) -> Result<Self> {
        Ok(Self { status: 200, body: serde_json::to_value(body)? })
    }

    /// 202 with the operation that goes on.
    pub fn accepted(body: &impl serde::Serialize) -> Result<Self> {
        Ok(Self { status: 202, body: serde_json::to_value(body)? })
    }
}

/// Runs `work` and takes back all that it wrote: what it came to is what doing it would come to.
pub fn preview<T>(tx: &mut Tx<'_>, work: impl FnOnce(&mut Tx<'_>) -> Result<T>) -> Result<T> {
    let mut made = None;
    let undone = tx.attempt(|tx| {
        made = Some(work(tx)?);
        Err::<(), Error>(Error::Fault("a preview".to_owned()))
    });
    match (made, undone) {
        (Some(made), _) => Ok(made),
        (None, Err(error)) => Err(error),
        (None, Ok(())) => Err(Error::Fault("a preview came to nothing".to_owned())),
    }
}

impl App {
    /// [`App::once`] for a request that files or steers work: wakes the workers when it is committed.
    pub fn once_filing(
        &self,
        caller: &Caller,
        key: &IdempotencyKey,
        work: impl FnOnce(&mut Tx<'_>) -> Result<Answer>,
    ) -> Result<Answer> {
        let answer = self.once(caller, key, work)?;
        self.wake_workers();
        Ok(answer)
    }

    /// [`App::once`], or a preview: what doing it would come to, with nothing done and nothing kept.
    pub fn once_or_preview(
        &self,
        caller: &Caller,
        key: &IdempotencyKey,
        is_preview: bool,
        work: impl FnOnce(&mut Tx<'_>) -> Result<Answer>,
    ) -> Result<Answer> {
        if is_preview { self.db().tx(|tx| preview(tx, work)) } else { self.once(caller, key, work) }
    }

    /// Runs `work` in one transaction, once per key: the same key and body give the first answer
    /// again, another body is refused, a request that is still running is a conflict. Refusals
    /// are not kept: nothing happened, so the same key may be tried again.
    pub fn once(
        &self,
        caller: &Caller,
        key: &IdempotencyKey,
        work: impl FnOnce(&mut Tx<'_>) -> Result<Answer>,
    ) -> Result<Answer> {
        let principal = caller.actor();
        self.db().tx(|tx| {
            if !idempotency::try_lock(tx, lock_of(&principal, key))? {
                return Err(
                    Problem::new(Code::IdempotencyInProgress, Code::IdempotencyInProgress.meaning()).into()
                );
            }
            if let Some(kept) = idempotency::find(tx, &principal, &key.route, &key.key)? {
                if !self.keys().is_seal(&kept.body_hash, &key.body_hash) {
                    let code = Code::IdempotencyKeyReused;
                    return Err(Problem::new(code, code.meaning()).into());
                }
                return replay(kept);
            }
            let answer = work(tx)?;
            let status = i16::try_from(answer.status).map_err(|error| Error::Fault(error.to_string()))?;
            idempotency::keep(
                tx,
                &KeptAnswer {
                    principal,
                    route: key.route.clone(),
                    key: key.key.clone(),
                    body_hash: self.keys().seal(&key.body_hash).to_vec(),
                    status,
                    response: answer.body.clone(),
                    created_at: real_time::now(),
                },
            )?;
            Ok(answer)
        })
    }
}

fn replay(kept: KeptAnswer) -> Result<Answer> {
    let status = u16::try_from(kept.status).map_err(|error| Error::Fault(error.to_string()))?;
    Ok(Answer { status, body: kept.response })
}

/// A 64-bit name for the advisory lock of a key.
fn lock_of(principal: &str, key: &IdempotencyKey) -> i64 {
    let mut hash = Sha256::new();
    for part in [principal, &key.route, &key.key] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    let digest = hash.finalize();
    let mut first = [0u8; 8];
    first.copy_from_slice(&digest[..8]);
    i64::from_be_bytes(first)
}

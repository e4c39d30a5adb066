//! Files that are sent part by part.

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use std::fs::File;
use std::io::Read as _;

/// Bytes read from a file at a time.
const PART_BYTES: usize = 64 * 1024;

/// Sends a file of this size from its beginning; no more than one part of it is in memory.
pub(crate) fn streamed(file: File, bytes: u64, media_type: &'static str, name: &str) -> HttpResponse {
    let parts = futures_util::stream::unfold(Some(file), |file| async move {
        let mut file = file?;
        let read = web::block(move || {
            let mut part = vec![0; PART_BYTES];
            let count = file.read(&mut part)?;
            part.truncate(count);
            Ok::<_, std::io::Error>((file, part))
        });
        match read.await {
            Ok(Ok((_, part))) if part.is_empty() => None,
            Ok(Ok((file, part))) => Some((Ok(web::Bytes::from(part)), Some(file))),
            Ok(Err(error)) => Some((Err(error), None)),
            Err(_) => Some((Err(std::io::Error::other("the blocking pool is gone")), None)),
        }
    });
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, media_type))
        .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")))
        .body(actix_web::body::SizedStream::new(bytes, Box::pin(parts)))
}

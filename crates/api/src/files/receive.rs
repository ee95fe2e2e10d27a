//! A body becomes a blob: streamed part by part, counted, hashed, its first bytes looked at.
//! Invariant: what is not complete leaves nothing under its name.

use std::time::Duration;

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, header},
};
use bytes::{Buf as _, BytesMut};
use chat::account::SecretHash;
use http_body_util::BodyExt as _;
use object_store::{MultipartUpload, ObjectStoreExt as _, PutPayload, path::Path};
use protocol::Code;
use sha2::{Digest as _, Sha256};

use super::{Files, busy, content, unavailable};
use crate::{
    Problem,
    limits::{FILE_HEAD_BYTES, UPLOAD_IDLE_MS},
};

/// What a body says of itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected {
    size_bytes: u64,
}

/// A blob that is complete.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) size_bytes: u64,
    pub(crate) content_type: &'static str,
    pub(crate) checksum: SecretHash,
}

impl Expected {
    /// Checks the length that a body announces.
    ///
    /// # Errors
    /// `length_required`, `empty_file` or `file_too_large`.
    pub(crate) fn of(headers: &HeaderMap, size_bytes_max: u64) -> Result<Expected, Problem> {
        let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        match length {
            None => {
                Err(Problem::new(Code::LengthRequired, "Send the file's length in bytes as Content-Length."))
            }
            Some(0) => Err(Problem::new(Code::EmptyFile, "The file is empty.")),
            Some(size_bytes) if size_bytes > size_bytes_max => Err(Problem::new(
                Code::FileTooLarge,
                format!("The file is too large: at most {size_bytes_max} bytes."),
            )),
            Some(size_bytes) => Ok(Expected { size_bytes }),
        }
    }
}

impl Files {
    /// Streams a body into the store.
    ///
    /// # Errors
    /// `slow_down` when too many do so, `bad_request` when the body ends early or stalls.
    pub(crate) async fn receive(
        &self,
        name: &Path,
        body: Body,
        expected: Expected,
    ) -> Result<Received, Problem> {
        let _place = self.uploads.try_acquire().map_err(|_| busy("uploads"))?;
        let mut upload =
            self.store.put_multipart(name).await.map_err(|error| unavailable("begin an upload", &error))?;
        let received = stream(&mut *upload, body, expected, self.options.part_bytes).await;
        let finished = match received {
            Ok(received) => match upload.complete().await {
                Ok(_) => return Ok(received),
                Err(error) => Err(unavailable("finish an upload", &error)),
            },
            Err(problem) => Err(problem),
        };
        if let Err(error) = upload.abort().await {
            tracing::debug!(%error, "what is left of an upload waits to be swept");
        }
        finished
    }

    /// Reads a small body whole.
    ///
    /// # Errors
    /// As `receive`.
    pub(crate) async fn receive_small(&self, mut body: Body, expected: Expected) -> Result<Bytes, Problem> {
        let _place = self.uploads.try_acquire().map_err(|_| busy("uploads"))?;
        let mut whole = BytesMut::new();
        while let Some(data) = next(&mut body).await? {
            whole.extend_from_slice(&data);
        }
        if whole.len() as u64 == expected.size_bytes { Ok(whole.freeze()) } else { Err(ended_early()) }
    }
}

async fn stream(
    upload: &mut dyn MultipartUpload,
    mut body: Body,
    expected: Expected,
    part_bytes: usize,
) -> Result<Received, Problem> {
    let size_usual = usize::try_from(expected.size_bytes).unwrap_or(part_bytes).min(part_bytes);
    let (mut part, mut head) = (BytesMut::with_capacity(size_usual), Vec::new());
    let (mut hash, mut size_bytes) = (Sha256::new(), 0_u64);
    while let Some(mut data) = next(&mut body).await? {
        size_bytes += data.len() as u64;
        if size_bytes > expected.size_bytes {
            return Err(ended_early());
        }
        hash.update(&data);
        let wanted = FILE_HEAD_BYTES.saturating_sub(head.len()).min(data.len());
        head.extend_from_slice(&data[..wanted]);
        while !data.is_empty() {
            let room = (part_bytes - part.len()).min(data.len());
            part.extend_from_slice(&data[..room]);
            data.advance(room);
            if part.len() == part_bytes {
                put(upload, part.split().freeze()).await?;
                part.reserve(part_bytes);
            }
        }
    }
    if size_bytes != expected.size_bytes {
        return Err(ended_early());
    }
    if !part.is_empty() {
        put(upload, part.freeze()).await?;
    }
    Ok(Received { size_bytes, content_type: content::detect(&head), checksum: hash.finalize().into() })
}

async fn put(upload: &mut dyn MultipartUpload, part: Bytes) -> Result<(), Problem> {
    upload.put_part(PutPayload::from(part)).await.map_err(|error| unavailable("write an upload", &error))
}

/// The next bytes of a body; a client that says nothing for a while has gone.
async fn next(body: &mut Body) -> Result<Option<Bytes>, Problem> {
    loop {
        let frame = tokio::time::timeout(Duration::from_millis(UPLOAD_IDLE_MS), body.frame()).await;
        match frame {
            Ok(None) => return Ok(None),
            Ok(Some(Ok(frame))) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
            Ok(Some(Err(_))) => return Err(ended_early()),
            Err(_) => {
                return Err(Problem::new(Code::BadRequest, "The file stopped arriving. Send it again."));
            }
        }
    }
}

fn ended_early() -> Problem {
    Problem::new(Code::BadRequest, "The body is not as long as its Content-Length says. Send it again.")
}

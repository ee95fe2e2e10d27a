//! A blob becomes an answer: whole, a range of it, or the news that the client has it already.
//! Invariant: whatever a blob holds, no browser runs it from this origin.

use std::ops::Range;

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use object_store::{GetOptions, GetRange, ObjectStore as _, ObjectStoreExt as _, path::Path};
use protocol::Code;

use super::{Files, content, unavailable};
use crate::{Problem, etag};

/// For whoever may see it, for as long as they like: a blob never changes.
const FOREVER: HeaderValue = HeaderValue::from_static("private, max-age=31536000, immutable");
/// To be asked for again.
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("private, no-cache");
/// Even opened on its own, nothing in it runs.
const SANDBOX: HeaderValue = HeaderValue::from_static("sandbox; default-src 'none'; frame-ancestors 'none'");

/// Bytes that tell a JPEG from a PNG.
const KIND_BYTES: u64 = 16;

/// A blob, and how it is to be sent.
pub(crate) struct Blob<'a> {
    pub(crate) path: Path,
    /// What it was found to be.
    pub(crate) content_type: &'a str,
    /// Offered for saving under this name, unless it is a picture.
    pub(crate) name: Option<&'a str>,
    /// Names its contents.
    pub(crate) etag: String,
    /// What its length has to be, where that is known.
    pub(crate) size_bytes: Option<u64>,
    /// Whether the address always has these contents.
    pub(crate) is_fixed: bool,
}

impl Files {
    /// The answer to a request for a blob; `None` when there is none.
    pub(crate) async fn serve(
        &self,
        headers: &HeaderMap,
        blob: &Blob<'_>,
    ) -> Result<Option<Response>, Problem> {
        if let Some(mut response) = etag::unchanged(headers, &blob.etag) {
            response.headers_mut().insert(header::CACHE_CONTROL, caching(blob));
            return Ok(Some(response));
        }
        let size_bytes = match self.store.head(&blob.path).await {
            Ok(meta) => meta.size,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(unavailable("head", &error)),
        };
        if blob.size_bytes.is_some_and(|expected| expected != size_bytes) {
            return Err(Problem::internal("read a file", &"its length is not the one it was stored with"));
        }
        let range = match wanted(headers, &blob.etag, size_bytes) {
            Wanted::All => None,
            Wanted::Part(range) => Some(range),
            Wanted::Nothing => return Ok(Some(not_satisfiable(size_bytes))),
        };
        let options = GetOptions { range: range.clone().map(GetRange::Bounded), ..GetOptions::default() };
        let found = match self.store.get_opts(&blob.path, options).await {
            Ok(found) => found,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(unavailable("get", &error)),
        };
        Ok(Some(answer(blob, size_bytes, range, Body::from_stream(found.into_stream()))))
    }

    /// What a picture made here is: its first bytes tell.
    pub(crate) async fn kind_of(&self, path: &Path) -> Result<&'static str, Problem> {
        match self.store.get_range(path, 0..KIND_BYTES).await {
            Ok(head) => Ok(content::detect(&head)),
            Err(object_store::Error::NotFound { .. }) => Ok(content::UNKNOWN),
            Err(error) => Err(unavailable("get", &error)),
        }
    }

    /// All bytes of a blob that is known to be small enough.
    pub(crate) async fn read(&self, path: &Path) -> Result<bytes::Bytes, Problem> {
        let found = self.store.get(path).await.map_err(|error| unavailable("get", &error))?;
        found.bytes().await.map_err(|error| unavailable("read", &error))
    }
}

fn answer(blob: &Blob<'_>, size_bytes: u64, range: Option<Range<u64>>, body: Body) -> Response {
    let status = if range.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    let length = range.as_ref().map_or(size_bytes, |range| range.end - range.start);
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(header::CONTENT_SECURITY_POLICY, SANDBOX);
    headers.insert(header::CACHE_CONTROL, caching(blob));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    let mut put = |name, value: String| {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    };
    put(header::CONTENT_TYPE, content::sent_as(blob.content_type).to_owned());
    put(header::ETAG, blob.etag.clone());
    put(header::CONTENT_DISPOSITION, disposition(blob));
    if let Some(range) = range {
        put(header::CONTENT_RANGE, format!("bytes {}-{}/{size_bytes}", range.start, range.end - 1));
    }
    response
}

fn caching(blob: &Blob<'_>) -> HeaderValue {
    if blob.is_fixed { FOREVER } else { ASK_AGAIN }
}

/// RFC 6266, the name in UTF-8 (RFC 8187).
fn disposition(blob: &Blob<'_>) -> String {
    let kind = if content::is_picture(blob.content_type) { "inline" } else { "attachment" };
    let Some(name) = blob.name else { return kind.to_owned() };
    let mut encoded = String::with_capacity(name.len() * 3);
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    format!("{kind}; filename*=UTF-8''{encoded}")
}

fn not_satisfiable(size_bytes: u64) -> Response {
    let mut response = Problem::new(Code::BadRequest, "The file has no such range.").into_response();
    *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
    if let Ok(value) = HeaderValue::try_from(format!("bytes */{size_bytes}")) {
        response.headers_mut().insert(header::CONTENT_RANGE, value);
    }
    response
}

#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    All,
    Part(Range<u64>),
    Nothing,
}

/// One range; several, or one of another version, are answered by all of it, as RFC 9110 allows.
fn wanted(headers: &HeaderMap, etag: &str, size_bytes: u64) -> Wanted {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    if text(header::IF_RANGE).is_some_and(|held| held != etag) {
        return Wanted::All;
    }
    let Some(range) = text(header::RANGE).and_then(|range| range.trim().strip_prefix("bytes=")) else {
        return Wanted::All;
    };
    let Some((first, last)) = range.trim().split_once('-') else { return Wanted::All };
    let (first, last) = (first.trim().parse::<u64>().ok(), last.trim().parse::<u64>().ok());
    let part = match (first, last) {
        (Some(first), last) if !range.contains(',') => {
            first..last.map_or(size_bytes, |last| last.saturating_add(1).min(size_bytes))
        }
        (None, Some(suffix)) if range.starts_with('-') => size_bytes.saturating_sub(suffix)..size_bytes,
        _ => return Wanted::All,
    };
    if part.is_empty() { Wanted::Nothing } else { Wanted::Part(part) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_those_of_rfc_9110() {
        let ask = |range: &str, size| {
            let mut headers = HeaderMap::new();
            headers.insert(header::RANGE, range.parse().unwrap());
            wanted(&headers, "\"e\"", size)
        };
        assert_eq!(ask("bytes=0-3", 10), Wanted::Part(0..4));
        assert_eq!(ask("bytes=4-", 10), Wanted::Part(4..10));
        assert_eq!(ask("bytes=-3", 10), Wanted::Part(7..10));
        assert_eq!(ask("bytes=-30", 10), Wanted::Part(0..10));
        assert_eq!(ask("bytes=8-99", 10), Wanted::Part(8..10));
        assert_eq!(ask("bytes=10-", 10), Wanted::Nothing);
        assert_eq!(ask("bytes=-0", 10), Wanted::Nothing);
        for all in ["bytes=0-1,4-5", "bytes=", "lines=0-1", "bytes=x-y"] {
            assert_eq!(ask(all, 10), Wanted::All, "{all}");
        }
        assert_eq!(ask("bytes=5-2", 10), Wanted::Nothing);
    }

    #[test]
    fn names_cannot_leave_their_header() {
        let blob = Blob {
            path: Path::from("x"),
            content_type: "text/plain",
            name: Some("a\"; b\r\né.txt"),
            etag: String::new(),
            size_bytes: None,
            is_fixed: true,
        };
        assert_eq!(disposition(&blob), "attachment; filename*=UTF-8''a%22%3B%20b%0D%0A%C3%A9.txt");
    }
}

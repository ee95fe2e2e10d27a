//! Answers that a client may have already: it names the ETag it holds and gets 304 instead of the body.
//! Invariant: two answers with one ETag are equal, byte for byte.

use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64ct::{Base64UrlUnpadded, Encoding};
use serde::Serialize;

use crate::{Problem, secret::digest_128};

/// Private to its reader, and asked for again each time.
const REVALIDATE: HeaderValue = HeaderValue::from_static("private, no-cache");

/// The ETag of what these parts determine.
pub(crate) fn of_parts(parts: &[&[u8]]) -> String {
    format!("\"{}\"", Base64UrlUnpadded::encode_string(&digest_128(parts)))
}

/// 304 when the client holds this ETag.
pub(crate) fn unchanged(headers: &HeaderMap, etag: &str) -> Option<Response> {
    let held = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut tags = held.flat_map(|value| value.split(',')).map(|tag| tag.trim().trim_start_matches("W/"));
    tags.any(|tag| tag == etag || tag == "*").then(|| tagged(StatusCode::NOT_MODIFIED.into_response(), etag))
}

/// The answer with its ETag.
pub(crate) fn tagged(mut response: Response, etag: &str) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, REVALIDATE);
    if let Ok(etag) = HeaderValue::try_from(etag) {
        headers.insert(header::ETAG, etag);
    }
    response
}

/// A JSON answer whose ETag is made from its bytes: saves sending it, not making it.
pub(crate) fn of_body(headers: &HeaderMap, body: &impl Serialize) -> Response {
    let bytes = match serde_json::to_vec(body) {
        Ok(bytes) => bytes,
        Err(error) => return Problem::internal("encode", &error).into_response(),
    };
    let etag = of_parts(&[&bytes]);
    unchanged(headers, &etag).unwrap_or_else(|| {
        let json = HeaderValue::from_static("application/json");
        tagged(([(header::CONTENT_TYPE, json)], bytes).into_response(), &etag)
    })
}

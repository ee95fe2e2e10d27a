//! The web app, served from the binary itself: every path that is no interface and no health page.
//! Invariant: a name under `/assets/` carries the hash of its contents, so it may be kept for ever; every other path
//! that is no file is the app's own, and gets its one page.

use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse as _, Response},
};

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// One file of the app.
pub(crate) struct Asset {
    /// From the root of the site.
    path: &'static str,
    /// Names its contents.
    tag: &'static str,
    whole: &'static [u8],
    brotli: Option<&'static [u8]>,
    gzip: Option<&'static [u8]>,
}

const HASHED: &str = "/assets/";
const INDEX: &str = "/index.html";
const FOREVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("no-cache");

/// What the app may do: its own files, its own server, pictures it has made itself, and nothing inline.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; font-src 'self'; \
     media-src 'self' blob:; connect-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; \
     form-action 'self'; frame-ancestors 'none'",
);

const FIXED: [(HeaderName, HeaderValue); 6] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::VARY, HeaderValue::from_static("accept-encoding")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
];

/// Shown by a binary that was built without the app.
const NOT_BUILT: &str = "<!doctype html><html lang=en><meta charset=utf-8><title>DynamoWave Chat</title>\
    <h1>DynamoWave Chat</h1><p>The server runs. This binary was built without its web app: run <code>make run</code> \
    with Node 20 or newer, or <code>npm ci && npm run build</code> in <code>web/</code> and build again.</p>\
    <p>The interface is described at <a href=/v1/openapi.json>/v1/openapi.json</a>.</p></html>\n";

/// Serves the app.
pub(crate) fn router() -> Router {
    Router::new().fallback(async |request: Request| {
        answer(ASSETS, request.method(), request.uri().path(), request.headers())
    })
}

fn answer(assets: &[Asset], method: &Method, path: &str, headers: &HeaderMap) -> Response {
    let mut response = if *method != Method::GET && *method != Method::HEAD {
        ([(header::ALLOW, "GET, HEAD")], StatusCode::METHOD_NOT_ALLOWED).into_response()
    } else {
        match find(assets, path).or_else(|| if path.starts_with(HASHED) { None } else { find(assets, INDEX) })
        {
            Some(asset) => of(asset, headers),
            None if path.starts_with(HASHED) => {
                (StatusCode::NOT_FOUND, "There is no such file.\n").into_response()
            }
            None => ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], NOT_BUILT).into_response(),
        }
    };
    for (name, value) in FIXED {
        response.headers_mut().insert(name, value);
    }
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(ASK_AGAIN);
    response
}

fn find<'a>(assets: &'a [Asset], path: &str) -> Option<&'a Asset> {
    let path = if path == "/" { INDEX } else { path };
    assets.binary_search_by(|asset| asset.path.cmp(path)).ok().and_then(|at| assets.get(at))
}

fn of(asset: &Asset, headers: &HeaderMap) -> Response {
    let (encoding, bytes) = choose(asset, headers);
    let tag = encoding
        .map_or_else(|| format!("\"{}\"", asset.tag), |encoding| format!("\"{}-{encoding}\"", asset.tag));
    let mut response = if is_held(headers, asset.tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let mut response = Response::new(Body::from(bytes));
        let kind = HeaderValue::from_static(content_type(asset.path));
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        if let Some(encoding) = encoding {
            response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        response
    };
    let kept = if asset.path.starts_with(HASHED) { FOREVER } else { ASK_AGAIN };
    response.headers_mut().insert(header::CACHE_CONTROL, kept);
    if let Ok(tag) = HeaderValue::try_from(tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// The smallest form that the client understands.
fn choose(asset: &Asset, headers: &HeaderMap) -> (Option<&'static str>, &'static [u8]) {
    let forms = [("br", asset.brotli), ("gzip", asset.gzip)];
    let wanted = forms.into_iter().find(|(name, form)| form.is_some() && accepts(headers, name));
    match wanted {
        Some((name, Some(bytes))) => (Some(name), bytes),
        _ => (None, asset.whole),
    }
}

fn accepts(headers: &HeaderMap, encoding: &str) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|one| {
        let (name, quality) = one.split_once(';').unwrap_or((one, "q=1"));
        let quality = quality.trim().strip_prefix("q=").and_then(|text| text.parse::<f32>().ok());
        name.trim().eq_ignore_ascii_case(encoding) && quality.is_none_or(|quality| quality > 0.0)
    })
}

/// Whether the client has these contents, in any encoding.
fn is_held(headers: &HeaderMap, tag: &str) -> bool {
    let values = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|held| {
        let held = held.trim().trim_start_matches("W/").trim_matches('"');
        held == tag || held.strip_prefix(tag).is_some_and(|rest| matches!(rest, "-br" | "-gzip"))
    })
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "mp3" => "audio/mpeg",
        "ogg" => "audio/ogg",
        "wav" => "audio/wav",
        "wasm" => "application/wasm",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const APP: &[Asset] = &[
        Asset {
            path: "/assets/app-1.js",
            tag: "aa",
            whole: b"whole",
            brotli: Some(b"br"),
            gzip: Some(b"gz"),
        },
        Asset { path: "/index.html", tag: "bb", whole: b"index", brotli: None, gzip: None },
    ];

    fn ask(path: &str, headers: &[(HeaderName, &str)]) -> Response {
        let headers = headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect();
        answer(APP, &Method::GET, path, &headers)
    }

    fn header<'a>(response: &'a Response, name: &HeaderName) -> &'a str {
        response.headers().get(name).map_or("", |value| value.to_str().unwrap())
    }

    #[test]
    fn the_smallest_form_that_is_understood_is_sent() {
        for (accepted, sent) in
            [("gzip, br", "br"), ("gzip", "gzip"), ("br;q=0, gzip", "gzip"), ("identity", ""), ("", "")]
        {
            let response = ask("/assets/app-1.js", &[(header::ACCEPT_ENCODING, accepted)]);
            assert_eq!(header(&response, &header::CONTENT_ENCODING), sent, "{accepted}");
            assert_eq!(header(&response, &header::VARY), "accept-encoding");
            assert!(header(&response, &header::CACHE_CONTROL).contains("immutable"));
        }
    }

    #[test]
    fn who_has_it_already_is_told_so() {
        for held in ["\"aa\"", "\"aa-br\"", "W/\"aa-gzip\"", "\"x\", \"aa\""] {
            let response = ask("/assets/app-1.js", &[(header::IF_NONE_MATCH, held)]);
            assert_eq!(response.status(), StatusCode::NOT_MODIFIED, "{held}");
        }
        let other = ask("/assets/app-1.js", &[(header::IF_NONE_MATCH, "\"aab\"")]);
        assert_eq!(other.status(), StatusCode::OK);
    }

    #[test]
    fn paths_of_the_app_get_its_page_and_lost_files_get_none() {
        for path in ["/", "/c/1234", "/settings", "/index.html", "/a.b"] {
            let response = ask(path, &[]);
            assert_eq!(response.status(), StatusCode::OK, "{path}");
            assert_eq!(header(&response, &header::CACHE_CONTROL), "no-cache", "{path}");
            assert!(header(&response, &header::CONTENT_SECURITY_POLICY).contains("script-src 'self';"));
        }
        assert_eq!(ask("/assets/gone.js", &[]).status(), StatusCode::NOT_FOUND);
        let post = answer(APP, &Method::POST, "/", &HeaderMap::new());
        assert_eq!(
            (post.status(), header(&post, &header::ALLOW)),
            (StatusCode::METHOD_NOT_ALLOWED, "GET, HEAD")
        );
        let empty = answer(&[], &Method::GET, "/", &HeaderMap::new());
        assert!(header(&empty, &header::CONTENT_TYPE).starts_with("text/html"));
    }
}

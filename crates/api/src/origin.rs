//! Whether a page may make a request with somebody's cookie: only pages of this server.
//! Cookies are `SameSite=Strict` already; this also stops sibling subdomains, which count as the same site.

use axum::http::{HeaderMap, header, uri::Authority};

use crate::{App, Problem};
use protocol::Code;

/// Where a request's page comes from, as its browser says. Scripts cannot forge these headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    /// This server's own page.
    Own,
    /// A page of another site, or one that hides where it comes from.
    Other,
    /// No browser said anything.
    Unsaid,
}

/// For requests that a cookie authenticates and that change something or open a socket: the browser must say that the
/// page is ours.
///
/// # Errors
/// `bad_origin`.
pub(crate) fn require_own(app: &App, headers: &HeaderMap) -> Result<(), Problem> {
    if source(app, headers) == Source::Own { Ok(()) } else { Err(bad_origin()) }
}

/// For requests that hand out a cookie: no page of another site may make them, programs may (login CSRF).
///
/// # Errors
/// `bad_origin`.
pub(crate) fn refuse_other(app: &App, headers: &HeaderMap) -> Result<(), Problem> {
    let origin = text(headers, header::ORIGIN.as_str());
    let invited = origin.is_some_and(|origin| app.options.cors_origins.iter().any(|one| one == origin));
    if invited || source(app, headers) != Source::Other { Ok(()) } else { Err(bad_origin()) }
}

fn bad_origin() -> Problem {
    Problem::new(
        Code::BadOrigin,
        "This request comes from a page of another site. Use a bearer token, or add the page's origin to the \
         server's own origins.",
    )
}

fn source(app: &App, headers: &HeaderMap) -> Source {
    let site = text(headers, "sec-fetch-site");
    if site == Some("same-origin") {
        return Source::Own;
    }
    match text(headers, header::ORIGIN.as_str()) {
        Some(origin) if is_own(app, headers, origin) => Source::Own,
        Some(_) => Source::Other,
        // Typed into the address bar: not made by any page.
        None if matches!(site, None | Some("none")) => Source::Unsaid,
        None => Source::Other,
    }
}

fn is_own(app: &App, headers: &HeaderMap, origin: &str) -> bool {
    if app.options.own_origins.iter().any(|own| own == origin) {
        return true;
    }
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let scheme_fits = scheme == "https" || (scheme == "http" && !app.options.secure_cookies);
    let host = text(headers, header::HOST.as_str());
    scheme_fits && host.is_some_and(|host| same_host(scheme, authority, host))
}

/// Compares without regard to case and with the scheme's port filled in.
fn same_host(scheme: &str, one: &str, two: &str) -> bool {
    let default_port = if scheme == "https" { 443 } else { 80 };
    let parts = |text: &str| {
        let authority: Authority = text.parse().ok()?;
        Some((authority.host().to_ascii_lowercase(), authority.port_u16().unwrap_or(default_port)))
    };
    parts(one).is_some_and(|one| Some(one) == parts(two))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().unwrap_or("?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_compare_with_their_default_ports() {
        assert!(same_host("https", "chat.example.org", "chat.example.org:443"));
        assert!(same_host("http", "Chat.example.org:80", "chat.example.org"));
        assert!(!same_host("https", "chat.example.org", "chat.example.org:8443"));
        assert!(!same_host("https", "evil.example.org", "chat.example.org"));
        assert!(same_host("http", "[::1]:8080", "[::1]:8080"));
        assert!(!same_host("http", "", "chat.example.org"));
    }
}

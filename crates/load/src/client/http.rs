//! HTTP/1.1 over one kept connection, as much of it as setting up and reading history needs.
//! Blocks the calling thread; knows JSON bodies with a length, no chunks, no redirects, no TLS.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use crate::{
    error::{Context as _, LoadError, Result},
    limits::{HTTP_ATTEMPTS_MAX, HTTP_BYTES_MAX, HTTP_PAUSE_MS_MAX, HTTP_TIMEOUT_MS},
};

/// One connection, opened at the first request and again when the server closed it.
#[derive(Debug)]
pub struct HttpClient {
    target: SocketAddr,
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
    request: Vec<u8>,
}

/// An answer; its body lives until the next request.
#[derive(Debug)]
pub struct Response<'a> {
    /// The status code.
    pub status: u16,
    /// What `Retry-After` asked for, milliseconds.
    pub retry_after_ms: Option<u64>,
    /// The content.
    pub body: &'a [u8],
}

/// One request.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// `GET`, `POST`…
    pub method: &'static str,
    /// Path and query.
    pub path: &'a str,
    /// Whose request it is.
    pub token: Option<&'a str>,
    /// JSON.
    pub body: Option<&'a str>,
}

struct Head {
    status: u16,
    retry_after_ms: Option<u64>,
    body_at: usize,
    end: usize,
    closes: bool,
}

impl HttpClient {
    /// For requests to `target`.
    #[must_use]
    pub fn new(target: SocketAddr) -> HttpClient {
        HttpClient { target, stream: None, buffer: Vec::with_capacity(64 * 1024), request: Vec::new() }
    }

    /// Opens the connection, so that the first request is like the others.
    ///
    /// # Errors
    /// When nobody listens.
    pub fn connect(&mut self) -> Result<()> {
        if self.stream.is_none() {
            let stream = TcpStream::connect(self.target).context(format!("connecting to {}", self.target))?;
            stream.set_nodelay(true).context("opening a socket")?;
            stream
                .set_read_timeout(Some(Duration::from_millis(HTTP_TIMEOUT_MS)))
                .context("opening a socket")?;
            self.stream = Some(stream);
        }
        Ok(())
    }

    /// Sends a request and waits for its answer, whatever its status.
    ///
    /// # Errors
    /// When the connection fails or the answer is no HTTP.
    pub fn send(&mut self, request: Request<'_>) -> Result<Response<'_>> {
        let kept = self.stream.is_some();
        self.connect()?;
        let head = match self.exchange(request) {
            // A kept connection may have been closed while nobody looked: that alone is tried again.
            Err(LoadError::Io { .. }) if kept && request.method == "GET" => {
                self.stream = None;
                self.connect()?;
                self.exchange(request)
            }
            other => other,
        };
        let head = head.inspect_err(|_| self.stream = None)?;
        if head.closes {
            self.stream = None;
        }
        Ok(Response {
            status: head.status,
            retry_after_ms: head.retry_after_ms,
            body: &self.buffer[head.body_at..head.end],
        })
    }

    /// Sends a request that must succeed; waits and repeats while it is answered 429 or 503.
    ///
    /// # Errors
    /// When it is refused for another reason, or too often.
    pub fn call(&mut self, request: Request<'_>) -> Result<serde_json::Value> {
        for attempt in 1.. {
            let response = self.send(request)?;
            match response.status {
                200..=299 if response.body.is_empty() => return Ok(serde_json::Value::Null),
                200..=299 => {
                    return serde_json::from_slice(response.body).map_err(|error| {
                        LoadError::Protocol(format!("{} {}: {error}", request.method, request.path))
                    });
                }
                429 | 503 if attempt < HTTP_ATTEMPTS_MAX => {
                    let pause_ms = response.retry_after_ms.unwrap_or(100).min(HTTP_PAUSE_MS_MAX);
                    std::thread::sleep(Duration::from_millis(pause_ms));
                }
                status => return Err(refused(request, status, response.body)),
            }
        }
        Err(LoadError::Protocol("no attempt left".into()))
    }

    fn exchange(&mut self, request: Request<'_>) -> Result<Head> {
        self.write_request(request);
        let stream = self.stream.as_mut().ok_or_else(|| LoadError::Protocol("no connection".into()))?;
        stream.write_all(&self.request).context("sending a request")?;
        self.buffer.clear();
        let mut head = None;
        loop {
            if head.is_none() {
                head = parse_head(&self.buffer)?;
            }
            if let Some(head) = head.take_if(|head| head.end <= self.buffer.len()) {
                return Ok(head);
            }
            self.receive()?;
        }
    }

    fn write_request(&mut self, request: Request<'_>) {
        let Request { method, path, token, body } = request;
        self.request.clear();
        let out = &mut self.request;
        out.extend_from_slice(format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n", self.target).as_bytes());
        if let Some(token) = token {
            out.extend_from_slice(format!("Authorization: Bearer {token}\r\n").as_bytes());
        }
        if let Some(body) = body {
            out.extend_from_slice(
                format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len()).as_bytes(),
            );
        }
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(body.unwrap_or_default().as_bytes());
    }

    fn receive(&mut self) -> Result<()> {
        const STEP: usize = 32 * 1024;
        let filled = self.buffer.len();
        if filled > HTTP_BYTES_MAX {
            return Err(LoadError::Protocol(format!("HTTP answer above {HTTP_BYTES_MAX} bytes")));
        }
        self.buffer.resize(filled + STEP, 0);
        let stream = self.stream.as_mut().ok_or_else(|| LoadError::Protocol("no connection".into()))?;
        let received = stream.read(&mut self.buffer[filled..]);
        self.buffer.truncate(filled + *received.as_ref().unwrap_or(&0));
        match received.context("waiting for an HTTP answer")? {
            0 => Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof))
                .context("waiting for an HTTP answer"),
            _ => Ok(()),
        }
    }
}

fn refused(request: Request<'_>, status: u16, body: &[u8]) -> LoadError {
    let body = String::from_utf8_lossy(&body[..body.len().min(300)]).into_owned();
    LoadError::Refused { method: request.method, path: request.path.to_owned(), status, body }
}

fn parse_head(bytes: &[u8]) -> Result<Option<Head>> {
    let Some(end) = memchr::memmem::find(bytes, b"\r\n\r\n") else { return Ok(None) };
    let text = String::from_utf8_lossy(&bytes[..end]);
    let mut lines = text.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let status = status.ok_or_else(|| LoadError::Protocol(format!("no HTTP answer: {:.80}", text)))?;
    let (mut length, mut retry_after_ms, mut closes) = (0, None, false);
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => {
                length = value.parse().map_err(|_| LoadError::Protocol("bad content-length".into()))?;
            }
            "retry-after" => retry_after_ms = value.parse::<u64>().ok().map(|seconds| seconds * 1_000),
            "connection" => closes = value.eq_ignore_ascii_case("close"),
            "transfer-encoding" => return Err(LoadError::Protocol("chunked answers are not read".into())),
            _ => {}
        }
    }
    Ok(Some(Head { status, retry_after_ms, body_at: end + 4, end: end + 4 + length, closes }))
}

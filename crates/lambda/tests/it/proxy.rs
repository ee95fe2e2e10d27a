//! A way to the sockets that can be slow to take posts: answers 429 where it is told to, passes everything else on.
//! Notes every post, so that a test sees who was posted to how often.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use crate::http1;

/// What a proxy is told and what it has seen.
#[derive(Debug, Default)]
struct Seen {
    /// Sockets that are throttled, by a piece of their path, and how many posts more.
    throttled: Option<(String, u32)>,
    /// Paths posted to, with the status.
    posts: Vec<(String, u16)>,
}

/// A running proxy.
pub(crate) struct Proxy {
    pub(crate) url: String,
    seen: Arc<Mutex<Seen>>,
}

impl Proxy {
    /// A proxy for this address.
    pub(crate) fn before(upstream: &str) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen: Arc<Mutex<Seen>> = Arc::default();
        let (upstream, noted) = (upstream.to_owned(), Arc::clone(&seen));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (upstream, noted) = (upstream.clone(), Arc::clone(&noted));
                thread::spawn(move || while serve(stream.as_ref().unwrap(), &upstream, &noted) {});
            }
        });
        Proxy { url, seen }
    }

    /// Throttles the next posts to the socket whose path has this in it.
    pub(crate) fn throttle(&self, name: &str, posts: u32) {
        self.seen.lock().unwrap().throttled = Some((name.to_owned(), posts));
    }

    /// The names of the sockets posted to, in the order of their first post.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for (path, _) in &self.seen.lock().unwrap().posts {
            let name = path.rsplit('/').next().unwrap_or_default().to_owned();
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// How many posts to such a path were answered so.
    pub(crate) fn count(&self, name: &str, status: u16) -> usize {
        let seen = self.seen.lock().unwrap();
        seen.posts.iter().filter(|(path, answer)| path.contains(name) && *answer == status).count()
    }
}

/// One request. Returns whether another may follow.
fn serve(mut stream: &TcpStream, upstream: &str, seen: &Mutex<Seen>) -> bool {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    if reader.read_line(&mut head).unwrap_or(0) == 0 {
        return false;
    }
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let mut words = head.split_whitespace();
    let (method, path) = (words.next().unwrap(), words.next().unwrap());
    let (status, answer) = if is_throttled(seen, path) {
        (429, "{\"message\":\"Too Many Requests\"}".to_owned())
    } else {
        let answer = http1::ask(method, &format!("{upstream}{path}"), &[], &body);
        (answer.status, answer.body)
    };
    seen.lock().unwrap().posts.push((path.to_owned(), status));
    let kind = if status == 429 { "x-amzn-errortype: LimitExceededException\r\n" } else { "" };
    let gone = if status == 410 { "x-amzn-errortype: GoneException\r\n" } else { "" };
    let size = answer.len();
    write!(stream, "HTTP/1.1 {status} -\r\n{kind}{gone}content-length: {size}\r\n\r\n{answer}").is_ok()
}

fn is_throttled(seen: &Mutex<Seen>, path: &str) -> bool {
    let mut seen = seen.lock().unwrap();
    match &mut seen.throttled {
        Some((name, left)) if *left > 0 && path.contains(name.as_str()) => {
            *left -= 1;
            true
        }
        _ => false,
    }
}

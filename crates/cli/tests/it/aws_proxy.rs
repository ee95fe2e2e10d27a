//! A way to the emulator that notes what passes, and answers, delays for ever or changes what a test tells it to.
//! Passes everything else on as it is.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::Duration,
};

use crate::aws_emulator::endpoint;

/// Longest wait for a request to arrive.
const PATIENCE: Duration = Duration::from_secs(60);

/// A request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked {
    /// The action, like `DynamoDB_20120810.PutItem`, or method and path where there is none.
    pub(crate) action: String,
    pub(crate) body: String,
}

/// What becomes of a request.
#[derive(Debug, Clone)]
pub(crate) enum Fate {
    /// It is passed on.
    Pass,
    /// It is passed on, and the answer has this date.
    Date(String),
    /// It is answered here.
    Answer(u16, String),
    /// It is never passed on and never answered.
    Hold,
}

type Rule = Arc<dyn Fn(&Asked) -> Fate + Send + Sync>;

/// What passed, and what is held.
#[derive(Debug, Default)]
struct Seen {
    passed: Vec<(Asked, String)>,
    held: Vec<Asked>,
}

/// A running proxy.
pub(crate) struct Proxy {
    pub(crate) url: String,
    seen: Arc<(Mutex<Seen>, Condvar)>,
}

impl Proxy {
    /// A proxy with a rule for every request.
    pub(crate) fn start(rule: impl Fn(&Asked) -> Fate + Send + Sync + 'static) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let (rule, seen): (Rule, Arc<(Mutex<Seen>, Condvar)>) = (Arc::new(rule), Arc::default());
        let noted = Arc::clone(&seen);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (rule, noted) = (Arc::clone(&rule), Arc::clone(&noted));
                thread::spawn(move || serve(&stream, &rule, &noted));
            }
        });
        Proxy { url, seen }
    }

    /// Waits until a request is held.
    pub(crate) fn until_held(&self) -> Asked {
        let (seen, changed) = &*self.seen;
        let guard = seen.lock().unwrap();
        let (guard, late) = changed.wait_timeout_while(guard, PATIENCE, |seen| seen.held.is_empty()).unwrap();
        assert!(!late.timed_out(), "nothing is held; passed: {:?}", guard.passed);
        guard.held[0].clone()
    }

    /// What passed, with its answers.
    pub(crate) fn passed(&self) -> Vec<(Asked, String)> {
        self.seen.0.lock().unwrap().passed.clone()
    }
}

/// Requests of one connection, one after the other.
fn serve(stream: &TcpStream, rule: &Rule, seen: &(Mutex<Seen>, Condvar)) {
    let mut reader = BufReader::new(stream);
    while let Some((asked, head)) = read(&mut reader) {
        let (status, date, body) = match rule(&asked) {
            Fate::Hold => {
                seen.0.lock().unwrap().held.push(asked);
                seen.1.notify_all();
                // Whoever asked is killed meanwhile.
                while reader.read_line(&mut String::new()).is_ok_and(|read| read > 0) {}
                return;
            }
            Fate::Answer(status, body) => (status, None, body),
            Fate::Pass => pass(&head, &asked.body),
            Fate::Date(date) => {
                let (status, _, body) = pass(&head, &asked.body);
                (status, Some(date), body)
            }
        };
        seen.0.lock().unwrap().passed.push((asked, body.clone()));
        let date = date.map(|date| format!("date: {date}\r\n")).unwrap_or_default();
        let body = if head.method == "HEAD" { String::new() } else { body };
        let answer = format!(
            "HTTP/1.1 {status} -\r\n{date}content-type: application/x-amz-json-1.0\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        if reader.get_mut().write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

/// A request as it came.
struct Head {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
}

fn read(reader: &mut BufReader<&TcpStream>) -> Option<(Asked, Head)> {
    let mut line = String::new();
    if reader.read_line(&mut line).ok()? == 0 {
        return None;
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let (mut headers, mut length, mut action) = (Vec::new(), 0, format!("{method} {path}"));
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim().split_once(':') else { break };
        let (name, value) = (name.to_ascii_lowercase(), value.trim().to_owned());
        match name.as_str() {
            "content-length" => length = value.parse().ok()?,
            "x-amz-target" => action = value.clone(),
            _ => {}
        }
        headers.push((name, value));
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((Asked { action, body: String::from_utf8(body).ok()? }, Head { method, path, headers }))
}

/// What the emulator answers: status, date, body.
fn pass(head: &Head, body: &str) -> (u16, Option<String>, String) {
    const OURS: [&str; 5] = ["host", "content-length", "connection", "accept-encoding", "transfer-encoding"];
    let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
    let mut request = ureq::http::Request::builder().method(head.method.as_str()).uri(format!(
        "{}{}",
        endpoint(),
        head.path
    ));
    for (name, value) in head.headers.iter().filter(|(name, _)| !OURS.contains(&name.as_str())) {
        request = request.header(name, value);
    }
    let sent = if matches!(head.method.as_str(), "GET" | "HEAD") {
        agent.run(request.body(()).expect("a request"))
    } else {
        agent.run(request.body(body.to_owned()).expect("a request"))
    };
    let mut answer = sent.expect("the emulator answers");
    let date = answer.headers().get("date").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let status = answer.status().as_u16();
    (status, date, answer.body_mut().read_to_string().unwrap_or_default())
}

//! A client as anybody would write one: HTTP requests and one WebSocket, blocking, JSON taken as it comes.
//! Knows nothing of the server's types, so that a change of the wire is seen here.

use std::{
    collections::HashMap,
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use serde_json::{Value, json};
use tungstenite::{Message, WebSocket, client::IntoClientRequest as _};

/// Longest wait for one answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// Why a call came to nothing: the server went away, or answered with this status and document.
#[derive(Debug)]
pub(crate) enum Failure {
    Gone(String),
    Refused(u16, Value),
}

pub(crate) type Answer = Result<Value, Failure>;

/// HTTP with a token.
#[derive(Clone)]
pub(crate) struct Http {
    agent: ureq::Agent,
    pub(crate) address: SocketAddr,
    pub(crate) token: String,
}

/// A person: an account with a token.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) user: String,
    pub(crate) http: Http,
}

/// An open socket.
pub(crate) struct Socket {
    socket: WebSocket<TcpStream>,
}

impl Http {
    pub(crate) fn new(address: SocketAddr) -> Http {
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .http_status_as_error(false)
            .max_idle_connections(0)
            .build()
            .new_agent();
        Http { agent, address, token: String::new() }
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        let request = self.agent.get(format!("http://{}{path}", self.address));
        answer(request.header("authorization", self.bearer()).call())
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        let request = self.agent.post(format!("http://{}{path}", self.address));
        answer(request.header("authorization", self.bearer()).send_json(body))
    }

    pub(crate) fn patch(&self, path: &str, body: &Value) -> Answer {
        let request = self.agent.patch(format!("http://{}{path}", self.address));
        answer(request.header("authorization", self.bearer()).send_json(body))
    }

    /// Sends bytes as they are.
    pub(crate) fn upload(&self, path: &str, bytes: &[u8]) -> Answer {
        let request = self.agent.post(format!("http://{}{path}", self.address));
        answer(request.header("authorization", self.bearer()).send(bytes))
    }

    /// Status, headers and bytes of an answer, whatever it is.
    pub(crate) fn fetch(
        &self,
        path: &str,
        headers: &[(&str, &str)],
    ) -> (u16, ureq::http::HeaderMap, Vec<u8>) {
        let mut request = self.agent.get(format!("http://{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut response = request.header("authorization", self.bearer()).call().expect("an answer");
        let bytes = response.body_mut().read_to_vec().expect("a body");
        (response.status().as_u16(), response.headers().clone(), bytes)
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.token)
    }
}

impl Person {
    /// Registers.
    pub(crate) fn register(address: SocketAddr, username: &str) -> Person {
        let mut http = Http::new(address);
        let body = json!({"username": username, "password": "correct horse"});
        let account = http.post("/v1/accounts", &body).expect("registered");
        account["token"].as_str().expect("a token").clone_into(&mut http.token);
        Person { user: text(&account["userId"]), http }
    }

    /// The same person with the same token at a server that listens elsewhere.
    pub(crate) fn moved(&self, address: SocketAddr) -> Person {
        let http = Http { token: self.http.token.clone(), ..Http::new(address) };
        Person { user: self.user.clone(), http }
    }

    /// Begins a group with others.
    pub(crate) fn group(&self, title: &str, others: &[&Person]) -> String {
        let members: Vec<&str> = others.iter().map(|person| person.user.as_str()).collect();
        let body = json!({"kind": "group", "title": title, "memberIds": members});
        text(&self.http.post("/v1/conversations", &body).expect("a conversation")["conversationId"])
    }

    /// The whole log of a conversation, page by page.
    pub(crate) fn history(&self, conversation: &str) -> Vec<Value> {
        let mut events: Vec<Value> = Vec::new();
        loop {
            let after = events.last().map_or(0, seq);
            let path = format!("/v1/conversations/{conversation}/events?after={after}&limit=500");
            let page = self.http.get(&path).expect("a page");
            let more = page["events"].as_array().expect("events").clone();
            if more.is_empty() {
                return events;
            }
            events.extend(more);
        }
    }

    /// Opens a socket with the token; the first frame is `hello`.
    pub(crate) fn connect(&self) -> Result<(Socket, Value), Failure> {
        let stream = TcpStream::connect(self.http.address).map_err(gone)?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(gone)?;
        stream.set_nodelay(true).map_err(gone)?;
        let mut request =
            format!("ws://{}/v1/ws", self.http.address).into_client_request().expect("a request");
        let headers = request.headers_mut();
        headers.insert("authorization", self.http.bearer().parse().expect("a header"));
        headers.insert("sec-websocket-protocol", "dynamowave.v1".parse().expect("a header"));
        let (socket, _) = tungstenite::client(request, stream).map_err(gone)?;
        let mut socket = Socket { socket };
        let hello = socket.next()?;
        assert_eq!(hello["type"], "hello", "{hello}");
        Ok((socket, hello))
    }
}

impl Socket {
    pub(crate) fn send(&mut self, frame: &Value) -> Result<(), Failure> {
        self.socket.send(Message::text(frame.to_string())).map_err(gone)
    }

    /// The next frame of the application.
    pub(crate) fn next(&mut self) -> Answer {
        loop {
            match self.socket.read().map_err(gone)? {
                Message::Text(text) => return Ok(serde_json::from_str(&text).expect("frames are JSON")),
                Message::Close(frame) => return Err(Failure::Gone(format!("{frame:?}"))),
                _ => {}
            }
        }
    }

    /// The next frame, or nothing when none came for as long as there is patience.
    #[cfg(feature = "aws")]
    pub(crate) fn heard(&mut self) -> Result<Option<Value>, Failure> {
        use std::io::ErrorKind::{TimedOut, WouldBlock};
        loop {
            match self.socket.read() {
                Ok(Message::Text(text)) => {
                    return Ok(Some(serde_json::from_str(&text).expect("frames are JSON")));
                }
                Ok(Message::Close(frame)) => return Err(Failure::Gone(format!("{frame:?}"))),
                Ok(_) => {}
                Err(tungstenite::Error::Io(error)) if matches!(error.kind(), TimedOut | WouldBlock) => {
                    return Ok(None);
                }
                Err(error) => return Err(gone(error)),
            }
        }
    }

    /// Reads until a frame of this type, and returns it with those before it.
    pub(crate) fn until(&mut self, kind: &str) -> Result<(Value, Vec<Value>), Failure> {
        let mut before = Vec::new();
        loop {
            let frame = self.next()?;
            if frame["type"] == kind {
                return Ok((frame, before));
            }
            before.push(frame);
        }
    }

    /// Waits at most this long for the next frame.
    pub(crate) fn set_patience(&mut self, patience: Duration) {
        self.socket.get_ref().set_read_timeout(Some(patience)).expect("a read timeout");
    }
}

/// What a reader holds of its conversations: for each the client ids of its events, in order, without a gap (D3, D4).
#[derive(Default)]
pub(crate) struct Held(pub(crate) HashMap<String, Vec<String>>);

impl Held {
    /// Takes an `event` or `events` frame; anything else is none of its business.
    pub(crate) fn take(&mut self, frame: &Value) {
        match frame["type"].as_str() {
            Some("event") => self.event(frame),
            Some("events") => {
                frame["events"].as_array().expect("events").iter().for_each(|event| self.event(event));
            }
            _ => {}
        }
    }

    fn event(&mut self, event: &Value) {
        let log = self.0.entry(text(&event["conversationId"])).or_default();
        let (at, id) = (usize::try_from(seq(event)).expect("a seq fits"), text(&event["clientMessageId"]));
        if at <= log.len() {
            assert_eq!(log[at - 1], id, "D3: the event at seq {at} has changed");
        } else {
            assert_eq!(at, log.len() + 1, "D4: a gap before seq {at}");
            log.push(id);
        }
    }

    /// Whether an event of this client id is there; the last are looked at first.
    pub(crate) fn holds(&self, id: &str) -> bool {
        self.0.values().any(|log| log.iter().rev().any(|one| one == id))
    }

    /// The cursors for a `sync`.
    pub(crate) fn cursors(&self) -> Value {
        self.0.iter().map(|(conversation, log)| (conversation.clone(), json!(log.len()))).collect()
    }
}

/// A new UUIDv7 in text.
pub(crate) fn new_id() -> String {
    let mut random = [0; 10];
    getrandom::fill(&mut random).expect("randomness");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    chat::CommandId::new(u64::try_from(now.as_millis()).expect("fits"), &random).to_string()
}

pub(crate) fn seq(event: &Value) -> u64 {
    event["seq"].as_u64().unwrap_or_else(|| panic!("no seq in {event}"))
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

fn answer(result: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Answer {
    let mut response = result.map_err(gone)?;
    let status = response.status().as_u16();
    let body = response.body_mut().read_to_string().map_err(gone)?;
    let document = if body.is_empty() {
        Value::Null
    } else {
        serde_json::from_str(&body).unwrap_or(Value::String(body))
    };
    if status < 400 { Ok(document) } else { Err(Failure::Refused(status, document)) }
}

fn gone(error: impl std::fmt::Display) -> Failure {
    Failure::Gone(error.to_string())
}

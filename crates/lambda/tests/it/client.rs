//! People and their sockets, as a program of a stranger would be: JSON in, JSON out.
//! Every wait ends: who hears nothing for half a minute fails its test.

use std::{
    net::TcpStream,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tungstenite::{Message, WebSocket, client::IntoClientRequest as _, http::HeaderValue};

use crate::{http1, stack::Stack};

/// Longest wait for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Somebody logged in.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) user: String,
    pub(crate) token: String,
}

/// One socket.
pub(crate) struct Client {
    socket: WebSocket<TcpStream>,
    /// What was heard and not asked for yet.
    heard: Vec<Value>,
}

impl Stack {
    /// A request with an answer of JSON.
    pub(crate) fn ask(&self, method: &str, path: &str, token: &str, body: &Value) -> (u16, Value) {
        let bearer = format!("Bearer {token}");
        let mut headers = vec![("content-type", "application/json")];
        if !token.is_empty() {
            headers.push(("authorization", &bearer));
        }
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let answer = http1::ask(method, &format!("{}{path}", self.http), &headers, text.as_bytes());
        (answer.status, serde_json::from_str(&answer.body).unwrap_or(Value::String(answer.body)))
    }

    /// A new account, logged in.
    pub(crate) fn register(&self, name: &str) -> Person {
        let mut random = [0; 4];
        getrandom::fill(&mut random).unwrap();
        let username = format!("{name}{:08x}", u32::from_be_bytes(random));
        let account = json!({ "username": username, "password": "correct horse battery" });
        let (status, answer) = self.ask("POST", "/v1/accounts", "", &account);
        assert_eq!(status, 201, "{answer}");
        let (status, answer) = self.ask("POST", "/v1/sessions", "", &account);
        assert_eq!(status, 201, "{answer}");
        Person { user: text(&answer, "userId"), token: text(&answer, "token") }
    }

    /// A group of these people, made by the first.
    pub(crate) fn group(&self, people: &[&Person]) -> String {
        let others: Vec<&str> = people[1..].iter().map(|it| &*it.user).collect();
        let body = json!({ "kind": "group", "title": "Tea", "memberIds": others });
        let (status, answer) = self.ask("POST", "/v1/conversations", &people[0].token, &body);
        assert_eq!(status, 201, "{answer}");
        text(&answer, "conversationId")
    }

    /// A ticket for one socket.
    pub(crate) fn ticket(&self, person: &Person) -> String {
        let (status, answer) = self.ask("POST", "/v1/tickets", &person.token, &json!({}));
        assert_eq!(status, 201, "{answer}");
        text(&answer, "ticket")
    }

    /// A socket by ticket, and its `hello`.
    pub(crate) fn connect(&self, person: &Person) -> (Client, Value) {
        let query = format!("?ticket={}", self.ticket(person));
        let mut client = self.open(&query, None).unwrap_or_else(|status| panic!("{status}"));
        let hello = client.next();
        assert_eq!(hello["type"], "hello", "P7: {hello}");
        (client, hello)
    }

    /// A socket, or the status that refused it.
    pub(crate) fn open(&self, query: &str, bearer: Option<&str>) -> Result<Client, u16> {
        let authority = self.emulator.authority();
        let mut request =
            format!("ws://{authority}{}{query}", self.socket_path).into_client_request().unwrap();
        if let Some(token) = bearer {
            let value = HeaderValue::from_str(&format!("Bearer {token}")).unwrap();
            request.headers_mut().insert("authorization", value);
        }
        let stream = TcpStream::connect(authority).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        match tungstenite::client(request, stream) {
            Ok((socket, _)) => Ok(Client { socket, heard: Vec::new() }),
            Err(tungstenite::HandshakeError::Failure(tungstenite::Error::Http(answer))) => {
                Err(answer.status().as_u16())
            }
            Err(error) => panic!("{error}"),
        }
    }
}

impl Client {
    pub(crate) fn say(&mut self, frame: &Value) {
        self.say_text(&frame.to_string());
    }

    pub(crate) fn say_text(&mut self, text: &str) {
        self.socket.send(Message::text(text)).unwrap();
    }

    /// Says `sync` with these cursors and waits for `synced`. Returns everything heard until then.
    pub(crate) fn sync(&mut self, cursors: &Value) -> Vec<Value> {
        self.say(&json!({ "action": "sync", "ref": "sync", "cursors": cursors }));
        let mut heard = Vec::new();
        loop {
            heard.push(self.next());
            if heard.last().is_some_and(|frame| frame["type"] == "synced") {
                return heard;
            }
        }
    }

    /// Sends a message and waits for its answer.
    pub(crate) fn send(&mut self, conversation: &str, id: &str, body: &str) -> Value {
        self.say(&json!({
            "action": "sendMessage", "ref": id, "conversationId": conversation, "clientMessageId": id,
            "body": body,
        }));
        self.find(|frame| frame["ref"] == id)
    }

    /// The event of this message of one's own or somebody else's.
    pub(crate) fn event(&mut self, id: &str) -> Value {
        let mut event = self.find(|frame| {
            frame["clientMessageId"] == id && frame["type"] == "event" || in_page(frame, id).is_some()
        });
        if let Some(found) = in_page(&event, id) {
            event = found;
        }
        event
    }

    /// The next frame of this type.
    pub(crate) fn of_type(&mut self, kind: &str) -> Value {
        self.find(|frame| frame["type"] == kind)
    }

    /// The first frame that fits, heard already or still to come; the others stay.
    pub(crate) fn find(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
        if let Some(at) = self.heard.iter().position(&fits) {
            return self.heard.remove(at);
        }
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            let frame = self.read().expect("the socket is open");
            if fits(&frame) {
                return frame;
            }
            self.heard.push(frame);
        }
        panic!("not heard; but {:?}", self.heard)
    }

    /// The next frame.
    pub(crate) fn next(&mut self) -> Value {
        if self.heard.is_empty() { self.read().expect("the socket is open") } else { self.heard.remove(0) }
    }

    /// Reads until the server closes. Returns what was heard.
    pub(crate) fn until_closed(&mut self) -> Vec<Value> {
        let mut heard = std::mem::take(&mut self.heard);
        while let Some(frame) = self.read() {
            heard.push(frame);
        }
        heard
    }

    /// Everything said before this answer of the server has been heard once this returns.
    pub(crate) fn heard_so_far(&mut self) -> &[Value] {
        self.say(&json!({ "action": "ping", "ref": "mark" }));
        self.find(|frame| frame["type"] == "pong" && frame["ref"] == "mark");
        &self.heard
    }

    /// Ends the connection without a word.
    pub(crate) fn drop_abruptly(self) {
        let stream = self.socket.get_ref();
        stream.shutdown(std::net::Shutdown::Both).unwrap();
    }

    fn read(&mut self) -> Option<Value> {
        loop {
            match self.socket.read() {
                Ok(Message::Text(text)) => {
                    let frame = serde_json::from_str(&text);
                    return Some(frame.unwrap_or_else(|error| panic!("{error}: {text:?}")));
                }
                Ok(Message::Close(_)) => return None,
                Ok(_) => {}
                Err(tungstenite::Error::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    panic!("nothing was heard for {PATIENCE:?}; before: {:?}", self.heard)
                }
                Err(_) => return None,
            }
        }
    }
}

/// A new UUIDv7.
pub(crate) fn new_id() -> String {
    let mut random = [0; 10];
    getrandom::fill(&mut random).unwrap();
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    chat::CommandId::new(u64::try_from(since.as_millis()).unwrap(), &random).to_string()
}

/// A member of type text.
pub(crate) fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}")).to_owned()
}

fn in_page(frame: &Value, id: &str) -> Option<Value> {
    let events = frame["events"].as_array()?;
    events.iter().find(|event| event["clientMessageId"] == id).cloned()
}

//! A client for tests: tungstenite on one side, the protocol's own types on the other.
//! Every wait ends: a read that takes ten seconds fails the test.

use std::{
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use chat::{CommandId, ConversationId, Seq};
use protocol::{
    Ref,
    frame::{
        ClientFrame, Request, ServerFrame,
        client::{SendMessage, Sync},
        server::{Events, Hello, Synced},
    },
};
use tungstenite::{
    Message, WebSocket,
    client::IntoClientRequest,
    handshake::client::Response,
    http::{HeaderName, HeaderValue},
    protocol::CloseFrame,
};

use crate::world::{Person, World};

/// Longest wait for anything.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// One socket.
pub struct Client {
    pub socket: WebSocket<TcpStream>,
    pub hello: Hello,
    refs: i64,
}

/// What a socket says next.
#[derive(Debug)]
pub enum Heard {
    Frame(ServerFrame<'static>),
    Closed(Option<u16>),
}

/// Opens a socket without waiting for anything but the upgrade.
pub fn open(
    address: SocketAddr,
    path: &str,
    headers: &[(&'static str, &str)],
) -> Result<(WebSocket<TcpStream>, Response), Box<tungstenite::Error>> {
    let mut request = format!("ws://{address}{path}").into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    }
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    match tungstenite::client(request, stream) {
        Ok(opened) => Ok(opened),
        Err(tungstenite::HandshakeError::Failure(error)) => Err(Box::new(error)),
        Err(tungstenite::HandshakeError::Interrupted(_)) => panic!("the upgrade takes too long"),
    }
}

/// The next thing a socket says.
pub fn hear(socket: &mut WebSocket<TcpStream>) -> Heard {
    loop {
        match socket.read() {
            Ok(Message::Text(text)) => {
                return Heard::Frame(
                    ServerFrame::decode(&text).unwrap_or_else(|error| panic!("{error}: {text}")),
                );
            }
            Ok(Message::Close(frame)) => {
                return Heard::Closed(frame.map(|CloseFrame { code, .. }| code.into()));
            }
            Ok(_) => {}
            Err(tungstenite::Error::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock => {
                panic!("nothing was heard for {PATIENCE:?}")
            }
            Err(tungstenite::Error::ConnectionClosed | tungstenite::Error::AlreadyClosed) => {
                return Heard::Closed(None);
            }
            Err(error) => panic!("{error}"),
        }
    }
}

impl World {
    /// A socket of this person, its `hello` read.
    pub fn connect(&self, person: &Person) -> Client {
        let bearer = format!("Bearer {}", person.token);
        let (socket, _) = open(self.address, "/v1/ws", &[("authorization", &bearer)]).unwrap();
        Client::greeted(socket)
    }
}

impl Client {
    /// Reads the `hello`, which precedes everything else.
    pub fn greeted(mut socket: WebSocket<TcpStream>) -> Client {
        match hear(&mut socket) {
            Heard::Frame(ServerFrame::Hello(hello)) => Client { socket, hello, refs: 0 },
            other => panic!("not a hello: {other:?}"),
        }
    }

    /// Sends text as it is.
    pub fn say(&mut self, text: &str) {
        self.socket.send(Message::text(text)).unwrap();
    }

    /// Sends a frame with a new `ref`, and returns it.
    pub fn ask(&mut self, frame: ClientFrame) -> Ref {
        self.refs += 1;
        let reference = Ref::number(self.refs).unwrap();
        self.request(&frame.with_ref(reference.clone()));
        reference
    }

    pub fn request(&mut self, request: &Request) {
        self.say(&request.encode());
    }

    /// Sends a message.
    pub fn send(&mut self, conversation: ConversationId, id: CommandId, body: &str) -> Ref {
        self.ask(send(conversation, id, body))
    }

    /// Sends a sync with these cursors.
    pub fn sync(&mut self, cursors: &[(ConversationId, Seq)], token: Option<&str>) -> Ref {
        self.ask(ClientFrame::Sync(Sync {
            epoch: Some(self.hello.epoch),
            cursors: cursors.iter().copied().collect(),
            token: token.map(str::to_owned),
        }))
    }

    pub fn hear(&mut self) -> Heard {
        hear(&mut self.socket)
    }

    pub fn frame(&mut self) -> ServerFrame<'static> {
        match self.hear() {
            Heard::Frame(frame) => frame,
            Heard::Closed(code) => panic!("closed with {code:?}"),
        }
    }

    /// Reads until the close; returns its code.
    pub fn closed(&mut self) -> Option<u16> {
        loop {
            if let Heard::Closed(code) = self.hear() {
                return code;
            }
        }
    }

    /// Reads until a frame is what is wanted; the others are skipped.
    pub fn until<T>(&mut self, mut wanted: impl FnMut(&ServerFrame<'static>) -> Option<T>) -> T {
        loop {
            let frame = self.frame();
            if let Some(found) = wanted(&frame) {
                return found;
            }
        }
    }

    /// Reads until the end of a sync. Nothing but its pages and answers to what was sent earlier may come before.
    pub fn synced(&mut self) -> (Vec<Events<'static>>, Synced) {
        let mut pages = Vec::new();
        loop {
            match self.frame() {
                ServerFrame::Events(page) => pages.push(page),
                ServerFrame::Synced(synced) => return (pages, synced),
                ServerFrame::Accepted(_) => {}
                other => panic!("in the middle of a sync: {other:?}"),
            }
        }
    }

    /// Reads until this many events of a conversation were told live; returns their places.
    pub fn events(&mut self, conversation: ConversationId, count: usize) -> Vec<Seq> {
        let mut places = Vec::new();
        while places.len() < count {
            if let ServerFrame::Event(event) = self.frame()
                && event.conversation_id == conversation
            {
                places.push(event.seq);
            }
        }
        places
    }

    /// Makes the connection live at the head.
    pub fn go_live(&mut self) {
        let reference = self.ask(ClientFrame::Ping(protocol::frame::client::Ping {}));
        self.until(|frame| match frame {
            ServerFrame::Pong(pong) if pong.reference.as_ref() == Some(&reference) => Some(()),
            _ => None,
        });
    }
}

/// A `sendMessage`.
pub fn send(conversation: ConversationId, id: CommandId, body: &str) -> ClientFrame {
    ClientFrame::SendMessage(SendMessage {
        conversation_id: conversation,
        client_message_id: Some(id),
        body: body.to_owned(),
        reply_to: None,
        mentions: Vec::new(),
        attachment_ids: Vec::new(),
    })
}

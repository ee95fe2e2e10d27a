//! From an HTTP request to a WebSocket: who it is, whether there is a seat, what they are a member of; then the hub
//! knows the connection and `hello` is on its way.
//! Invariant: the table of connections and the hub know a user before their memberships are read, so that nothing
//! announced from then on is missed.

use std::{
    net::SocketAddr,
    rc::Rc,
    time::{Duration, Instant},
};

use api::{Authenticated, Problem};
use axum::{
    body::Body,
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use chat::{ConnectionId, UserId, limits::BODY_BYTES_MAX, ports};
use http::{HeaderValue, StatusCode, header, request::Parts};
use protocol::{
    CloseCode, Code, Time,
    frame::{
        ServerFrame,
        server::{Hello, HelloLimits},
    },
    limits::{CURSORS_PER_SYNC_MAX, FRAME_BYTES_MAX},
    session::{Negotiation, negotiate},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::timeout,
};

use crate::{
    admission::{Seat, UserSeat},
    connection::{Connection, Identity},
    input::{self, InputState},
    limits::CLOSE_MS,
    shard::{Course, Shard},
    stream::Stream,
    websocket::{self, HandshakeError, Offer, OpCode, close_payload, control},
};

/// What becomes of a connection whose request to upgrade was answered with 101.
pub(crate) enum Upgrade {
    /// It is opened.
    Open(Box<Opening>),
    /// It is closed at once: browsers show a page the close code, but never the status of a refused upgrade.
    Refuse(CloseCode),
}

/// Somebody about to have a WebSocket.
pub(crate) struct Opening {
    id: ConnectionId,
    login: Authenticated,
    user_seat: UserSeat,
    place: Place,
}

/// Keeps the places of somebody who is about to connect; gives them back if nothing comes of it.
struct Place {
    shard: Rc<Shard>,
    user: UserId,
    /// The line in the connection table, until the connection takes it over.
    line: Option<ConnectionId>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shard.hub.borrow_mut().entered(self.user);
        if let Some(connection) = self.line {
            self.shard.roll.went(self.user, connection);
        }
    }
}

/// Answers a request for the WebSocket's route.
pub(crate) async fn answer(
    shard: &Rc<Shard>,
    request: &Parts,
    peer: SocketAddr,
) -> (Response<Body>, Option<Upgrade>) {
    let offer = match websocket::offer(&request.method, request.version, &request.headers) {
        Ok(offer) => offer,
        Err(error) => return (not_an_upgrade(error), None),
    };
    let offered = offer.protocols.join(",");
    let protocol = match negotiate(Some(&offered)) {
        Negotiation::Speak(protocol) => protocol,
        Negotiation::Unsupported { first } => {
            let response = switching(&offer, Some(first));
            return (response, Some(Upgrade::Refuse(CloseCode::UnsupportedSubprotocol)));
        }
    };
    match prepare(shard, request, peer).await {
        Ok(opening) => (switching(&offer, protocol), Some(Upgrade::Open(Box::new(opening)))),
        Err(Refusal::Close(code)) => (switching(&offer, protocol), Some(Upgrade::Refuse(code))),
        Err(Refusal::Http(problem)) => (problem.into_response(), None),
    }
}

/// How somebody is refused.
enum Refusal {
    Http(Problem),
    Close(CloseCode),
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Refusal::Http(problem)
    }
}

async fn prepare(shard: &Rc<Shard>, request: &Parts, peer: SocketAddr) -> Result<Opening, Refusal> {
    if *shard.course.borrow() != Course::Running {
        return Err(Problem::new(Code::GoingAway, "This node is going away: connect again.").into());
    }
    let app = &shard.app;
    let address = api::client_address(peer.ip(), &request.headers, &app.options.trusted_proxies);
    let login = match api::authenticate(app, &request.headers, request.uri.query(), address).await {
        Ok(login) => login,
        Err(problem) => return Err(refusal(request, problem)),
    };
    let user_seat = shard.admission.user_seat(login.user).ok_or(Refusal::Close(CloseCode::Overloaded))?;
    let id = ConnectionId::new(app.clock.now_ms(), &shard.random());
    let place = enter(shard, &login, id).await.map_err(Problem::from)?;
    Ok(Opening { id, login, user_seat, place })
}

/// Browsers cannot read why an upgrade failed, so they are told by a close code; others by a problem document.
fn refusal(request: &Parts, problem: Problem) -> Refusal {
    let is_program = request.headers.contains_key(header::AUTHORIZATION);
    let shows_something = request.headers.contains_key(header::COOKIE)
        || request.uri.query().is_some_and(|query| query.contains("ticket="));
    match problem.code() {
        Code::Unauthorized if !is_program && shows_something => Refusal::Close(CloseCode::BadCredentials),
        Code::AccountDisabled if !is_program => Refusal::Close(CloseCode::AccountDisabled),
        _ => Refusal::Http(problem),
    }
}

async fn enter(
    shard: &Rc<Shard>,
    login: &Authenticated,
    id: ConnectionId,
) -> Result<Place, ports::PortError> {
    let (user, node) = (login.user, shard.app.node);
    let unknown = shard.hub.borrow_mut().enter(user);
    let mut place = Place { shard: Rc::clone(shard), user, line: None };
    let line = ports::Connection { connection: id, user, session: login.session, node, active: true };
    place.line = Some(id);
    shard.roll.coming(shard, line).await?;
    if unknown {
        let memberships = shard.app.store.memberships(user).await?;
        let large: Vec<_> = memberships
            .iter()
            .filter(|(_, meta, _)| meta.members > chat::limits::MARKS_BROADCAST_MEMBERS_MAX)
            .map(|(conversation, ..)| *conversation)
            .collect();
        if !large.is_empty() {
            shard.app.directory.subscribe(node, &large).await?;
        }
        shard.hub.borrow_mut().load(user, memberships);
    }
    Ok(place)
}

/// Makes the connection of a completed upgrade.
pub(crate) fn open(shard: &Rc<Shard>, upgrade: Upgrade, stream: Stream, early: Bytes, seat: Seat) {
    match upgrade {
        Upgrade::Refuse(code) => {
            crate::metrics::closed(code);
            tokio::task::spawn_local(Box::pin(refuse(stream, code, seat)));
        }
        Upgrade::Open(opening) => {
            let Opening { id, login, user_seat, mut place } = *opening;
            let identity = Identity { id, user: login.user, session: login.session, seat, user_seat };
            let input = InputState::new(shard.options.frames, Instant::now());
            let connection = Connection::new(identity, stream, input);
            shard.hub.borrow_mut().connect(&connection);
            place.line = None;
            drop(place);
            shard.out.stats.sockets_opened.add(1);
            shard.reply(&connection, &hello(shard, &connection));
            let until = Instant::now() + Duration::from_millis(shard.options.sync_grace_ms);
            shard.grace.add(&connection, until);
            tokio::task::spawn_local(input::run(Rc::clone(shard), connection, early));
        }
    }
}

fn hello(shard: &Shard, connection: &Connection) -> ServerFrame<'static> {
    let (sends_per_second, send_burst) = shard.options.send_rate;
    ServerFrame::Hello(Hello {
        connection_id: connection.id,
        user_id: connection.user,
        session_id: connection.session,
        epoch: shard.app.store.epoch(),
        heartbeat_ms: shard.options.heartbeat_ms,
        server_time: Time::from_ms(shard.app.clock.now_ms()),
        limits: HelloLimits {
            frame_bytes: FRAME_BYTES_MAX as u64,
            body_bytes: BODY_BYTES_MAX as u64,
            pipelining: true,
            sends_per_second: sends_per_second.into(),
            send_burst: send_burst.into(),
            sync_conversations: CURSORS_PER_SYNC_MAX as u64,
        },
    })
}

async fn refuse(mut stream: Stream, code: CloseCode, seat: Seat) {
    let farewell = async {
        let frame = control(OpCode::Close, &close_payload(code.number(), code.reason()));
        stream.write_all(&frame).await?;
        stream.flush().await?;
        stream.shutdown().await?;
        // Until the peer has closed too; closing with unread bytes would take the close frame back.
        let mut unread = [0; 512];
        while stream.read(&mut unread).await? > 0 {}
        std::io::Result::Ok(())
    };
    // Whether it got there is the peer's matter.
    let _ = timeout(Duration::from_millis(CLOSE_MS), farewell).await;
    drop(seat);
}

fn switching(offer: &Offer, protocol: Option<&str>) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    if let Ok(accept) = HeaderValue::from_str(&offer.accept) {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    }
    if let Some(Ok(protocol)) = protocol.map(HeaderValue::from_str) {
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, protocol);
    }
    response
}

fn not_an_upgrade(error: HandshakeError) -> Response<Body> {
    let mut response = Problem::new(Code::BadRequest, error.to_string()).into_response();
    if error != HandshakeError::Key {
        *response.status_mut() = StatusCode::UPGRADE_REQUIRED;
        let headers = response.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    }
    response
}

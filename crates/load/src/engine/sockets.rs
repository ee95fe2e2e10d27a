//! The connections of one worker: opening, unsent bytes, closing.
//! Invariant: bytes for one socket leave in the order they were given, and all that were given in one turn leave together.

use std::{
    io::{self, ErrorKind, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    os::fd::OwnedFd,
};

use rustix::event::epoll::{self, EventData, EventFlags};
use socket2::{Domain, Protocol, Socket, Type};

use super::ConnectionId;
use crate::{
    client::{frame::FrameError, upgrade},
    error::{Context as _, Result},
    limits::UNSENT_BYTES_MAX,
};

/// Why a connection is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CloseReason {
    /// The server closed it with this code.
    Code(u16),
    /// The server ended the stream without a close frame.
    Ended,
    /// The server refused the upgrade with this answer.
    Refused(String),
    /// The server sent something that is no frame.
    Malformed(FrameError),
    /// The socket failed.
    Failed(ErrorKind),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Closed,
    Connecting,
    Upgrading,
    Open,
}

#[derive(Debug)]
struct Connection {
    stream: Option<TcpStream>,
    phase: Phase,
    /// The beginning of a frame that has not arrived whole.
    partial: Vec<u8>,
    unsent: Vec<u8>,
    /// In the list of those with unsent bytes.
    dirty: bool,
    /// Told to the kernel that this socket waits for room.
    wants_room: bool,
}

/// The connections of one worker.
#[derive(Debug)]
pub struct Sockets {
    epoll: OwnedFd,
    target: SocketAddr,
    host: String,
    connections: Vec<Connection>,
    dirty: Vec<ConnectionId>,
    open: usize,
}

impl Sockets {
    pub(super) fn new(target: SocketAddr) -> Result<Sockets> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).context("making an epoll")?;
        Ok(Sockets {
            epoll,
            target,
            host: target.to_string(),
            connections: Vec::new(),
            dirty: Vec::new(),
            open: 0,
        })
    }

    pub(super) fn epoll(&self) -> &OwnedFd {
        &self.epoll
    }

    /// How many connections speak WebSocket now.
    #[must_use]
    pub fn open_count(&self) -> usize {
        self.open
    }

    /// How many numbers of connections are taken, open or not.
    #[must_use]
    pub fn len(&self) -> usize {
        self.connections.len()
    }

    /// Whether there never was a connection.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.connections.is_empty()
    }

    /// Takes a number for a connection, to be opened later.
    pub fn reserve(&mut self) -> ConnectionId {
        let fresh = Connection {
            stream: None,
            phase: Phase::Closed,
            partial: Vec::new(),
            unsent: Vec::new(),
            dirty: false,
            wants_room: false,
        };
        self.connections.push(fresh);
        self.connections.len() - 1
    }

    /// Begins to open a reserved connection for whoever holds `token`, without waiting.
    ///
    /// # Errors
    /// When there are no more files or ports.
    pub fn open(&mut self, id: ConnectionId, token: &str) -> Result<()> {
        let socket = Socket::new(Domain::for_address(self.target), Type::STREAM, Some(Protocol::TCP))
            .context("opening a socket")?;
        socket.set_nonblocking(true).context("opening a socket")?;
        socket.set_tcp_nodelay(true).context("opening a socket")?;
        match socket.connect(&self.target.into()) {
            Ok(()) => {}
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error()) => {}
            Err(error) => return Err(error).context(format!("connecting to {}", self.target)),
        }
        let stream: TcpStream = socket.into();
        epoll::add(&self.epoll, &stream, EventData::new_u64(id as u64), EventFlags::IN | EventFlags::OUT)
            .context("watching a socket")?;
        let request = upgrade::request(&self.host, token);
        let connection = &mut self.connections[id];
        *connection = Connection {
            stream: Some(stream),
            phase: Phase::Connecting,
            partial: Vec::new(),
            unsent: request,
            dirty: connection.dirty,
            wants_room: true,
        };
        Ok(())
    }

    /// Gives bytes to a connection; they leave at the end of the turn. A closed connection swallows them.
    pub fn send(&mut self, id: ConnectionId, bytes: &[u8]) {
        let connection = &mut self.connections[id];
        if connection.phase == Phase::Closed {
            return;
        }
        connection.unsent.extend_from_slice(bytes);
        if !connection.dirty {
            connection.dirty = true;
            self.dirty.push(id);
        }
    }

    /// Whether so many bytes wait for this connection that its sender should pause.
    #[must_use]
    pub fn is_congested(&self, id: ConnectionId) -> bool {
        self.connections[id].unsent.len() > UNSENT_BYTES_MAX
    }

    /// Whether the connection speaks WebSocket.
    #[must_use]
    pub fn is_open(&self, id: ConnectionId) -> bool {
        self.connections[id].phase == Phase::Open
    }

    /// Drops a connection without a word, as a crash or a lost network does.
    pub fn abandon(&mut self, id: ConnectionId) {
        self.forget(id);
    }

    pub(super) fn is_upgrading(&self, id: ConnectionId) -> bool {
        matches!(self.connections[id].phase, Phase::Connecting | Phase::Upgrading)
    }

    pub(super) fn upgraded(&mut self, id: ConnectionId) {
        self.connections[id].phase = Phase::Open;
        self.open += 1;
    }

    pub(super) fn forget(&mut self, id: ConnectionId) {
        let connection = &mut self.connections[id];
        self.open -= usize::from(connection.phase == Phase::Open);
        connection.phase = Phase::Closed;
        // Closing the only descriptor takes it out of the epoll as well.
        connection.stream = None;
        connection.unsent = Vec::new();
        connection.partial = Vec::new();
    }

    pub(super) fn receive(&mut self, id: ConnectionId, buffer: &mut [u8]) -> io::Result<usize> {
        let stream = self.connections.get(id).and_then(|connection| connection.stream.as_ref());
        stream.map_or_else(|| Err(ErrorKind::WouldBlock.into()), |mut stream| stream.read(buffer))
    }

    pub(super) fn take_partial(&mut self, id: ConnectionId) -> Vec<u8> {
        std::mem::take(&mut self.connections[id].partial)
    }

    pub(super) fn put_partial(&mut self, id: ConnectionId, partial: Vec<u8>) {
        if self.connections[id].phase != Phase::Closed {
            self.connections[id].partial = partial;
        }
    }

    /// There is room again, or the connection is through.
    pub(super) fn writable(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        if connection.phase == Phase::Connecting {
            connection.phase = Phase::Upgrading;
        }
        if !connection.dirty && connection.stream.is_some() {
            connection.dirty = true;
            self.dirty.push(id);
        }
    }

    /// Writes what waits, until all is written or a connection failed: then says which.
    pub(super) fn flush(&mut self) -> Option<(ConnectionId, CloseReason)> {
        while let Some(id) = self.dirty.pop() {
            self.connections[id].dirty = false;
            if self.connections[id].phase == Phase::Connecting {
                continue;
            }
            if let Err(error) = self.write(id) {
                self.forget(id);
                return Some((id, CloseReason::Failed(error.kind())));
            }
        }
        None
    }

    fn write(&mut self, id: ConnectionId) -> io::Result<()> {
        let connection = &mut self.connections[id];
        let Some(mut stream) = connection.stream.as_ref() else { return Ok(()) };
        let mut written = 0;
        while written < connection.unsent.len() {
            match stream.write(&connection.unsent[written..]) {
                Ok(length) => written += length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        connection.unsent.drain(..written);
        let wants_room = !connection.unsent.is_empty();
        if wants_room != connection.wants_room {
            connection.wants_room = wants_room;
            let flags = if wants_room { EventFlags::IN | EventFlags::OUT } else { EventFlags::IN };
            epoll::modify(&self.epoll, stream, EventData::new_u64(id as u64), flags)?;
        }
        Ok(())
    }
}

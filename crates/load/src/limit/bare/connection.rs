//! One socket of the bare chat: HTTP until the upgrade, then masked frames.
//! Knows bytes and where a request ends; what it means is `chat`'s.

use std::{
    io::{self, ErrorKind, Read as _, Write as _},
    net::TcpStream,
};

use rustix::event::epoll::EventFlags;

use super::chat::Chat;

pub(super) struct Connection {
    stream: Option<TcpStream>,
    upgraded: bool,
    unread: Vec<u8>,
    unsent: Vec<u8>,
    wants_room: bool,
}

/// A client's frame in a buffer.
enum Incoming {
    Incomplete,
    /// Opcode, content, length of the whole frame.
    Frame(u8, Vec<u8>, usize),
}

impl Connection {
    pub(super) fn new(stream: TcpStream) -> Connection {
        Connection {
            stream: Some(stream),
            upgraded: false,
            unread: Vec::new(),
            unsent: Vec::new(),
            wants_room: false,
        }
    }

    pub(super) fn stream(&self) -> Option<&TcpStream> {
        self.stream.as_ref()
    }

    /// Whether it was open.
    pub(super) fn close(&mut self) -> bool {
        self.unread = Vec::new();
        self.unsent = Vec::new();
        self.stream.take().is_some()
    }

    pub(super) fn give(&mut self, bytes: &[u8]) {
        if self.stream.is_some() {
            self.unsent.extend_from_slice(bytes);
        }
    }

    /// Reads and understands what there is. False when the connection is over.
    pub(super) fn read(&mut self, buffer: &mut [u8], chat: &mut Chat, id: usize) -> bool {
        let Some(mut stream) = self.stream.as_ref() else { return true };
        match stream.read(buffer) {
            Ok(0) => return false,
            Ok(length) => self.unread.extend_from_slice(&buffer[..length]),
            Err(error) => return matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted),
        }
        while self.upgraded || self.take_request(chat, id) {
            match incoming(&self.unread) {
                Incoming::Incomplete => return true,
                Incoming::Frame(8, _, _) => return false,
                Incoming::Frame(opcode, content, length) => {
                    self.unread.drain(..length);
                    if opcode == 1 {
                        chat.frame(self, id, &content);
                    }
                }
            }
        }
        true
    }

    /// Answers one HTTP request. Whether the socket speaks WebSocket from here.
    fn take_request(&mut self, chat: &mut Chat, id: usize) -> bool {
        let Some(end) = memchr::memmem::find(&self.unread, b"\r\n\r\n") else { return false };
        let head = String::from_utf8_lossy(&self.unread[..end]).into_owned();
        let length = head
            .lines()
            .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
        let total = end + 4 + length.unwrap_or(0);
        if self.unread.len() < total {
            return false;
        }
        let body = self.unread[end + 4..total].to_vec();
        self.unread.drain(..total);
        let answer = chat.request(id, &head, &body);
        self.upgraded = answer.starts_with(b"HTTP/1.1 101");
        self.give(&answer);
        chat.touch(id);
        self.upgraded
    }

    /// Writes what waits. What epoll should watch from now on, if that changed.
    pub(super) fn write(&mut self) -> io::Result<Option<EventFlags>> {
        let Some(mut stream) = self.stream.as_ref() else { return Ok(None) };
        let mut written = 0;
        while written < self.unsent.len() {
            match stream.write(&self.unsent[written..]) {
                Ok(length) => written += length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.unsent.drain(..written);
        let wants_room = !self.unsent.is_empty();
        if wants_room == self.wants_room {
            return Ok(None);
        }
        self.wants_room = wants_room;
        Ok(Some(if wants_room { EventFlags::IN | EventFlags::OUT } else { EventFlags::IN }))
    }
}

fn incoming(bytes: &[u8]) -> Incoming {
    let [first, second, rest @ ..] = bytes else { return Incoming::Incomplete };
    let (header, length) = match second & 0x7f {
        126 => match rest {
            [a, b, ..] => (4, usize::from(u16::from_be_bytes([*a, *b]))),
            _ => return Incoming::Incomplete,
        },
        127 => return Incoming::Frame(8, Vec::new(), 0),
        short => (2, usize::from(short)),
    };
    let (Some(mask), Some(content)) =
        (bytes.get(header..header + 4), bytes.get(header + 4..header + 4 + length))
    else {
        return Incoming::Incomplete;
    };
    let content = content.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
    Incoming::Frame(first & 0xf, content, header + 4 + length)
}

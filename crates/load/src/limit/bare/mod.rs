//! The bare chat: one thread, one epoll; reads frames, writes a group of records, waits for one `fdatasync`, answers and
//! delivers. The same generator measures it, so it is the limit for one core of every job that sends.
//! It stores nothing that could be read again, checks no right, knows no limit but memory: no chat, only its system calls.

mod chat;
mod connection;

use std::{
    fs::File,
    net::{SocketAddr, TcpListener},
    os::{fd::OwnedFd, unix::fs::FileExt as _},
    path::Path,
};

use rustix::event::epoll::{self, EventData, EventFlags};

pub use self::chat::Fault;
use self::{chat::Chat, connection::Connection};
use crate::{
    error::{Context as _, Result},
    limits::{READ_BYTES, READY_EVENTS},
};

/// What epoll calls the listener.
const LISTENER: u64 = u64::MAX;
/// Size of the file that records go round in.
const FILE_BYTES: u64 = 16 * 1024 * 1024;
/// Bytes of one record.
const RECORD_BYTES: usize = 256;

/// A bare chat that listens.
pub struct Bare {
    epoll: OwnedFd,
    listener: TcpListener,
    connections: Vec<Connection>,
    free: Vec<usize>,
    chat: Chat,
    log: Log,
}

/// The file that is written and synced.
struct Log {
    file: File,
    at: u64,
    zeros: Vec<u8>,
}

impl Bare {
    /// Listens at `address`, with its file under `folder`.
    ///
    /// # Errors
    /// When the address is taken or the folder cannot be written.
    pub fn bind(address: SocketAddr, folder: &Path, fault: Option<Fault>) -> Result<Bare> {
        let listener = TcpListener::bind(address).context(format!("listening at {address}"))?;
        listener.set_nonblocking(true).context("listening")?;
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).context("making an epoll")?;
        epoll::add(&epoll, &listener, EventData::new_u64(LISTENER), EventFlags::IN)
            .context("watching the listener")?;
        let log = Log::new(folder)?;
        Ok(Bare { epoll, listener, connections: Vec::new(), free: Vec::new(), chat: Chat::new(fault), log })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// When the kernel does not say.
    pub fn address(&self) -> Result<SocketAddr> {
        self.listener.local_addr().context("listening")
    }

    /// Serves until the process ends.
    ///
    /// # Errors
    /// When the kernel fails.
    pub fn serve(mut self) -> Result<()> {
        let mut ready: Vec<epoll::Event> = Vec::with_capacity(READY_EVENTS);
        let mut buffer = vec![0_u8; READ_BYTES];
        loop {
            ready.clear();
            match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut ready), None) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error).context("waiting for sockets"),
            }
            for event in &ready {
                match usize::try_from(event.data.u64()) {
                    Ok(id) if id < self.connections.len() => self.on_ready(id, event.flags, &mut buffer),
                    _ => self.accept()?,
                }
            }
            self.finish_turn()?;
        }
    }

    fn accept(&mut self) -> Result<()> {
        while let Ok((stream, _)) = self.listener.accept() {
            stream.set_nonblocking(true).context("accepting")?;
            stream.set_nodelay(true).context("accepting")?;
            let id = self.free.pop().unwrap_or(self.connections.len());
            epoll::add(&self.epoll, &stream, EventData::new_u64(id as u64), EventFlags::IN)
                .context("watching a socket")?;
            if id == self.connections.len() {
                self.connections.push(Connection::new(stream));
            } else {
                self.connections[id] = Connection::new(stream);
            }
        }
        Ok(())
    }

    fn on_ready(&mut self, id: usize, flags: EventFlags, buffer: &mut [u8]) {
        if flags.contains(EventFlags::OUT) {
            self.chat.touch(id);
        }
        if !self.connections[id].read(buffer, &mut self.chat, id) {
            self.close(id);
        }
    }

    fn close(&mut self, id: usize) {
        if self.connections[id].close() {
            self.chat.leave(id);
            self.free.push(id);
        }
    }

    /// One sync for all that was read, then all answers and deliveries, one write for each socket.
    fn finish_turn(&mut self) -> Result<()> {
        if self.chat.waiting() > 0 {
            self.log.append(self.chat.waiting())?;
            self.chat.deliver(&mut self.connections);
        }
        if let Some(id) = self.chat.cut_off() {
            self.close(id);
        }
        while let Some(id) = self.chat.touched() {
            match self.connections[id].write() {
                Ok(None) => {}
                Ok(Some(flags)) => {
                    if let Some(stream) = self.connections[id].stream() {
                        epoll::modify(&self.epoll, stream, EventData::new_u64(id as u64), flags)
                            .context("watching a socket")?;
                    }
                }
                Err(_) => self.close(id),
            }
        }
        Ok(())
    }
}

impl Log {
    fn new(folder: &Path) -> Result<Log> {
        let log = Log {
            file: tempfile::tempfile_in(folder).context("making a file")?,
            at: 0,
            zeros: vec![0; 1024 * 1024],
        };
        for part in 0..FILE_BYTES / log.zeros.len() as u64 {
            log.file.write_all_at(&log.zeros, part * log.zeros.len() as u64).context("filling a file")?;
        }
        log.file.sync_all().context("syncing a file")?;
        Ok(log)
    }

    /// Writes so many records, and returns when they are durable.
    fn append(&mut self, records: usize) -> Result<()> {
        let mut left = records * RECORD_BYTES;
        while left > 0 {
            let part = left.min(self.zeros.len());
            if self.at + part as u64 > FILE_BYTES {
                self.at = 0;
            }
            self.file.write_all_at(&self.zeros[..part], self.at).context("writing a file")?;
            self.at += part as u64;
            left -= part;
        }
        self.file.sync_data().context("syncing a file")
    }
}

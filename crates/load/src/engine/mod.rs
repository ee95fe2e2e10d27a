//! One worker: many sockets, one epoll, one buffer, no runtime.
//! Knows WebSocket frames, not what they mean: that is the [`Driver`]'s. Invariant: it costs far less than the server
//! it measures, so nothing here allocates per frame, and every connection shares one read buffer.

pub mod fleet;
mod sockets;
mod timer;

use std::{io::ErrorKind, net::SocketAddr};

use rustix::event::epoll;

pub use self::sockets::{CloseReason, Sockets};
pub use self::timer::Waker;
use self::timer::{TIMER_TOKEN, Timer, WAKER_TOKEN};
use crate::{
    client::{
        frame::{self, Opcode},
        upgrade::{self, Answer},
    },
    clock::RunClock,
    error::{Context as _, Result},
    limits::{READ_BYTES, READY_EVENTS},
};

/// Number of a connection within its worker.
pub type ConnectionId = usize;

/// When the driver wants to be asked again, if nothing arrives before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// It has what it wanted.
    Done,
    /// At this time, nanoseconds since the beginning of the run.
    At(u64),
}

/// What a scenario does with the sockets of one worker. Every driver ends by itself: [`Driver::turn`] is asked at least
/// whenever its own deadline passes.
pub trait Driver {
    /// The connection speaks WebSocket now.
    fn opened(&mut self, _sockets: &mut Sockets, _id: ConnectionId, _now_ns: u64) {}
    /// A text frame arrived.
    fn frame(&mut self, sockets: &mut Sockets, id: ConnectionId, payload: &[u8], now_ns: u64);
    /// The connection is gone, by the server or the network.
    fn closed(&mut self, sockets: &mut Sockets, id: ConnectionId, reason: CloseReason, now_ns: u64);
    /// Called before every wait.
    fn turn(&mut self, sockets: &mut Sockets, now_ns: u64) -> Next;
}

/// The sockets of one worker thread and what is needed to wait for them.
#[derive(Debug)]
pub struct Engine {
    sockets: Sockets,
    buffer: Vec<u8>,
    timer: Timer,
    clock: RunClock,
}

impl Engine {
    /// A worker without connections.
    ///
    /// # Errors
    /// When the kernel gives no epoll or timer.
    pub fn new(target: SocketAddr, clock: RunClock) -> Result<Engine> {
        let sockets = Sockets::new(target)?;
        let timer = Timer::new(sockets.epoll())?;
        Ok(Engine { sockets, buffer: vec![0; READ_BYTES], timer, clock })
    }

    /// The connections.
    pub fn sockets(&mut self) -> &mut Sockets {
        &mut self.sockets
    }

    /// Wakes this worker from another one.
    #[must_use]
    pub fn waker(&self) -> Waker {
        self.timer.waker()
    }

    /// Runs until the driver is done.
    ///
    /// # Errors
    /// When the kernel fails; closed connections are told to the driver instead.
    pub fn run<D: Driver>(&mut self, driver: &mut D) -> Result<()> {
        let mut ready = Vec::with_capacity(READY_EVENTS);
        loop {
            let next = driver.turn(&mut self.sockets, self.clock.now_ns());
            self.flush(driver);
            let Next::At(at_ns) = next else { return Ok(()) };
            self.wait(at_ns, &mut ready)?;
            for event in &ready {
                match event.data.u64() {
                    TIMER_TOKEN => self.timer.fired(),
                    WAKER_TOKEN => self.timer.woken(),
                    token => self.on_ready(driver, usize::try_from(token).unwrap_or(usize::MAX), event.flags),
                }
            }
            self.flush(driver);
        }
    }

    /// Waits until a socket is ready or the time has come.
    fn wait(&mut self, at_ns: u64, ready: &mut Vec<epoll::Event>) -> Result<()> {
        let now_ns = self.clock.now_ns();
        let poll = rustix::time::Timespec { tv_sec: 0, tv_nsec: 0 };
        let timeout = if at_ns <= now_ns {
            Some(&poll)
        } else {
            self.timer.arm(at_ns, now_ns)?;
            None
        };
        ready.clear();
        match epoll::wait(self.sockets.epoll(), rustix::buffer::spare_capacity(ready), timeout) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error).context("waiting for sockets"),
        }
    }

    fn flush<D: Driver>(&mut self, driver: &mut D) {
        while let Some((id, reason)) = self.sockets.flush() {
            driver.closed(&mut self.sockets, id, reason, self.clock.now_ns());
        }
    }

    fn on_ready<D: Driver>(&mut self, driver: &mut D, id: ConnectionId, flags: epoll::EventFlags) {
        if flags.contains(epoll::EventFlags::OUT) {
            self.sockets.writable(id);
        }
        if flags.intersects(epoll::EventFlags::IN | epoll::EventFlags::ERR | epoll::EventFlags::HUP)
            && let Err(reason) = self.read(driver, id)
        {
            self.sockets.forget(id);
            driver.closed(&mut self.sockets, id, reason, self.clock.now_ns());
        }
    }

    /// One read, and all frames in it. Level-triggered: what is left is told again.
    fn read<D: Driver>(&mut self, driver: &mut D, id: ConnectionId) -> std::result::Result<(), CloseReason> {
        let mut buffer = std::mem::take(&mut self.buffer);
        let outcome = match self.sockets.receive(id, &mut buffer) {
            Ok(0) => Err(CloseReason::Ended),
            Ok(length) => self.consume(driver, id, &buffer[..length]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(()),
            Err(error) => Err(CloseReason::Failed(error.kind())),
        };
        self.buffer = buffer;
        outcome
    }

    fn consume<D: Driver>(
        &mut self,
        driver: &mut D,
        id: ConnectionId,
        bytes: &[u8],
    ) -> std::result::Result<(), CloseReason> {
        let now_ns = self.clock.now_ns();
        let mut partial = self.sockets.take_partial(id);
        if partial.is_empty() {
            let used = self.parse(driver, id, bytes, now_ns)?;
            partial.extend_from_slice(&bytes[used..]);
        } else {
            partial.extend_from_slice(bytes);
            let used = self.parse(driver, id, &partial, now_ns)?;
            partial.drain(..used);
        }
        if !partial.is_empty() {
            self.sockets.put_partial(id, partial);
        }
        Ok(())
    }

    /// Hands over every complete frame; returns how many bytes they took.
    fn parse<D: Driver>(
        &mut self,
        driver: &mut D,
        id: ConnectionId,
        bytes: &[u8],
        now_ns: u64,
    ) -> std::result::Result<usize, CloseReason> {
        let mut used = 0;
        if self.sockets.is_upgrading(id) {
            match upgrade::answer(bytes) {
                Answer::Incomplete => return Ok(0),
                Answer::Refused(answer) => return Err(CloseReason::Refused(answer)),
                Answer::Switched(at) => used = at,
            }
            self.sockets.upgraded(id);
            driver.opened(&mut self.sockets, id, now_ns);
        }
        loop {
            let frame = frame::parse(&bytes[used..]).map_err(CloseReason::Malformed)?;
            let Some(frame) = frame else { return Ok(used) };
            used += frame.length;
            match frame.opcode {
                Opcode::Text => driver.frame(&mut self.sockets, id, frame.payload, now_ns),
                Opcode::Ping => self.sockets.send(id, &frame::pong(frame.payload)),
                Opcode::Pong => {}
                Opcode::Close => {
                    return Err(CloseReason::Code(frame::close_code(frame.payload).unwrap_or(1005)));
                }
            }
            if !self.sockets.is_open(id) {
                return Ok(bytes.len());
            }
        }
    }
}

//! Steps 1 to 3 on one connection: bytes → frames → what the session makes of them.
//! Invariant: all connections of a shard read into one buffer; a connection keeps bytes of its own only while a frame
//! is incomplete.

use std::{
    cmp::min,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
    time::Instant,
};

use bytes::Bytes;
use protocol::{CloseCode, Time, limits::FRAME_BYTES_MAX, session::Input};
use tokio::io::{AsyncRead, ReadBuf};

use crate::{
    act,
    connection::{Connection, Stage},
    limits::{FLOOD_READ_BYTES, MESSAGE_BYTES_MAX, READ_BYTES, READS_PER_TURN},
    options::FrameRate,
    outbox::Weight,
    shard::Shard,
    websocket::{Incoming, OpCode, Reader, Violation, control},
};

/// Longest frame that is waited for: payload and header.
const FRAME_WHOLE_BYTES_MAX: usize = MESSAGE_BYTES_MAX + 14;

/// Bytes of a shard's read buffer: an incomplete frame in front, a read behind it.
pub(crate) const READ_BUFFER_BYTES: usize = FRAME_WHOLE_BYTES_MAX + READ_BYTES;

/// What reading a connection needs between two reads.
#[derive(Debug)]
pub(crate) struct InputState {
    reader: Reader,
    /// An incomplete frame.
    partial: Vec<u8>,
    allowance: Allowance,
}

/// A token bucket for frames.
#[derive(Debug)]
struct Allowance {
    frames: f32,
    counted_at: Instant,
}

/// Reads a connection until it is over, then takes it out of the tables.
pub(crate) async fn run(shard: Rc<Shard>, connection: Rc<Connection>, early: Bytes) {
    let leave = Leave { shard: &shard, connection: &connection };
    if !early.is_empty() {
        take_early(&shard, &connection, &early);
        drop(early);
    }
    std::future::poll_fn(|cx| poll(&shard, &connection, cx)).await;
    drop(leave);
}

/// Takes the connection out of the tables however its task ends.
struct Leave<'a> {
    shard: &'a Rc<Shard>,
    connection: &'a Rc<Connection>,
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.connection.give_up();
        self.shard.closed(self.connection);
    }
}

fn poll(shard: &Rc<Shard>, connection: &Rc<Connection>, cx: &mut Context<'_>) -> Poll<()> {
    connection.set_task(cx.waker());
    if connection.stalled_since.get().is_some() {
        shard.out.flush(connection, cx.waker());
    }
    for _ in 0..READS_PER_TURN {
        if connection.stage() == Stage::Gone {
            return Poll::Ready(());
        }
        if connection.is_paused(cx) {
            return Poll::Pending;
        }
        let mut buffer = shard.read_buffer.borrow_mut();
        let kept = connection.input.borrow().put_back(&mut buffer);
        let wanted = if connection.flood.is_on() { FLOOD_READ_BYTES } else { READ_BYTES };
        let read = connection.read_from(|stream| {
            let mut free = ReadBuf::new(&mut buffer[kept..kept + wanted]);
            let result = ready!(Pin::new(stream).poll_read(cx, &mut free));
            Poll::Ready(result.map(|()| free.filled().len()))
        });
        match ready!(read) {
            Ok(count @ 1..) => {
                shard.out.stats.bytes_in.add(count);
                take_in(shard, connection, &mut buffer[..kept + count]);
                if connection.flood.after_read() {
                    // What it goes on sending waits in its own socket, and costs the others nothing (D6).
                    connection.pause();
                }
            }
            // The peer has gone, with or without a word.
            Ok(0) | Err(_) => return Poll::Ready(()),
        }
    }
    cx.waker().wake_by_ref();
    Poll::Pending
}

/// What came along with the request for the upgrade.
fn take_early(shard: &Rc<Shard>, connection: &Rc<Connection>, early: &Bytes) {
    let mut buffer = shard.read_buffer.borrow_mut();
    for chunk in early.chunks(READ_BYTES) {
        let kept = connection.input.borrow().put_back(&mut buffer);
        buffer[kept..kept + chunk.len()].copy_from_slice(chunk);
        take_in(shard, connection, &mut buffer[..kept + chunk.len()]);
    }
}

/// Reads the frames in `bytes` and keeps what is incomplete.
fn take_in(shard: &Rc<Shard>, connection: &Rc<Connection>, bytes: &mut [u8]) {
    connection.heard.set(true);
    let mut input = connection.input.borrow_mut();
    let InputState { reader, partial, allowance } = &mut *input;
    let now = Instant::now();
    let mut used = 0;
    while used < bytes.len() && connection.stage() != Stage::Gone {
        match reader.read(&mut bytes[used..], MESSAGE_BYTES_MAX) {
            Ok((0, _)) => break,
            Ok((count, incoming)) => {
                used += count;
                let excess = allowance.take(now, shard.options.frames);
                if let Some(incoming) = incoming {
                    message(shard, connection, incoming, excess);
                }
            }
            Err(violation) => {
                violated(shard, connection, violation);
                used = bytes.len();
            }
        }
    }
    partial.clear();
    partial.extend_from_slice(&bytes[used..]);
    if partial.is_empty() {
        *partial = Vec::new();
    }
}

/// One message. `excess` is how long to wait when the connection sends faster than it may, milliseconds.
fn message(shard: &Rc<Shard>, connection: &Rc<Connection>, incoming: Incoming<'_>, excess: Option<u64>) {
    if !connection.is_open() {
        if matches!(incoming, Incoming::Close(_)) {
            connection.peer_closed();
        }
        return;
    }
    if excess.is_some() {
        connection.flood.refused();
    }
    match incoming {
        Incoming::Text(text) => {
            shard.out.stats.frames_in.add(1);
            let bytes = text.len();
            step(
                shard,
                connection,
                match excess {
                    _ if bytes > FRAME_BYTES_MAX => Input::Oversized { bytes: bytes as u64 },
                    Some(retry_after_ms) => Input::Limited { text, retry_after_ms },
                    None => Input::Text(text),
                },
            );
        }
        Incoming::Binary(_) => step(shard, connection, Input::Binary),
        // Who pings faster than anybody has reason to gets fewer pongs (RFC 6455 §5.5.3).
        Incoming::Ping(payload) if excess.is_none() => {
            connection.push(control(OpCode::Pong, payload).into(), Weight::Durable, &shard.out);
        }
        Incoming::Ping(_) | Incoming::Pong => {}
        Incoming::Close(code) => connection.close_back(code, &shard.out),
    }
}

fn violated(shard: &Rc<Shard>, connection: &Rc<Connection>, violation: Violation) {
    if !connection.is_open() {
        // Ours is on its way already, and what comes from such a peer is no answer to it.
        connection.peer_closed();
    } else if violation == Violation::TooLarge {
        step(shard, connection, Input::Oversized { bytes: MESSAGE_BYTES_MAX as u64 + 1 });
    } else {
        connection.close_because(CloseCode::ProtocolViolation, &violation.to_string(), &shard.out);
    }
}

/// Takes one input to the session and does what comes of it.
pub(crate) fn step(shard: &Rc<Shard>, connection: &Rc<Connection>, input: Input<'_>) {
    let mut state = connection.state.get();
    let now = Time::from_ms(shard.app.clock.now_ms());
    let step = state.step(input, now, || shard.new_command_id());
    connection.state.set(state);
    act::carry_out(shard, connection, step);
}

impl InputState {
    pub(crate) fn new(rate: FrameRate, now: Instant) -> InputState {
        let allowance = Allowance { frames: full(rate), counted_at: now };
        InputState { reader: Reader::default(), partial: Vec::new(), allowance }
    }

    /// Puts the incomplete frame in front of the buffer. Returns its length.
    fn put_back(&self, buffer: &mut [u8]) -> usize {
        let kept = self.partial.len();
        buffer[..kept].copy_from_slice(&self.partial);
        kept
    }
}

impl Allowance {
    /// Takes one frame out; when there is none, tells how many milliseconds to wait for one.
    fn take(&mut self, now: Instant, rate: FrameRate) -> Option<u64> {
        let elapsed = now.saturating_duration_since(self.counted_at).as_secs_f32();
        self.counted_at = now;
        self.frames = (self.frames + elapsed * per_second(rate)).min(full(rate));
        if self.frames >= 1.0 {
            self.frames -= 1.0;
            return None;
        }
        let wait_ms = (1.0 - self.frames) / per_second(rate) * 1_000.0;
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 1000")]
        Some(min(wait_ms as u64 + 1, 1_000))
    }
}

#[allow(clippy::cast_precision_loss, reason = "rates are small numbers")]
fn per_second(rate: FrameRate) -> f32 {
    rate.per_second.max(1) as f32
}

#[allow(clippy::cast_precision_loss, reason = "rates are small numbers")]
fn full(rate: FrameRate) -> f32 {
    rate.burst.max(1) as f32
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn d6_frames_are_allowed_at_a_steady_rate_with_bursts() {
        let rate = FrameRate { per_second: 10, burst: 3 };
        let start = Instant::now();
        let mut allowance = Allowance { frames: full(rate), counted_at: start };
        for _ in 0..3 {
            assert_eq!(allowance.take(start, rate), None);
        }
        let wait_ms = allowance.take(start, rate).unwrap();
        assert!((90..=101).contains(&wait_ms), "{wait_ms}");
        assert_eq!(allowance.take(start + Duration::from_millis(wait_ms), rate), None);
        assert!(allowance.take(start + Duration::from_millis(wait_ms), rate).is_some());
    }
}

//! Step 8: what one connection has still to send, as whole frames shared with other connections.
//! Invariant: frames leave in the order they were pushed, none is ever cut, and the bytes held never exceed the hard
//! bound by more than one frame (D6).

use std::{collections::VecDeque, io, rc::Rc};

use crate::limits::{FRAME_OVERHEAD_BYTES, IDLE_FRAMES_KEPT, SCRATCH_BYTES, SMALL_FRAME_BYTES};

/// One WebSocket frame, ready to send, shared between the connections of a shard.
pub(crate) type Frame = Rc<[u8]>;

/// Whether a frame may be left out when its reader is slow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weight {
    /// Never.
    Durable,
    /// Above the soft bound: typing, presence, marks.
    Ephemeral,
}

/// What became of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Push {
    /// It waits to be written.
    Queued,
    /// It was ephemeral and there was no room.
    Dropped,
    /// There was no room: the connection has to be closed as too slow.
    Overflow,
}

/// How a flush ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flushed {
    /// Everything is written.
    Empty,
    /// The socket takes no more now.
    Blocked,
}

/// Bounds of an outbox, bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) soft_bytes: usize,
    pub(crate) hard_bytes: usize,
}

/// The frames of one connection that wait to be written.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    frames: VecDeque<Frame>,
    /// How much of the first frame is written.
    written: usize,
    /// Bytes held, each frame with what it costs besides its length.
    held_bytes: usize,
}

impl Outbox {
    /// Adds a frame when there is room for it.
    pub(crate) fn push(&mut self, frame: Frame, weight: Weight, bounds: Bounds) -> Push {
        let cost = frame.len() + FRAME_OVERHEAD_BYTES;
        let after = self.held_bytes + cost;
        if weight == Weight::Ephemeral && after > bounds.soft_bytes {
            return Push::Dropped;
        }
        // A frame larger than the whole bound still fits into an empty outbox, else it could never be sent.
        if after > bounds.hard_bytes && !self.frames.is_empty() {
            return Push::Overflow;
        }
        self.held_bytes = after;
        self.frames.push_back(frame);
        Push::Queued
    }

    /// Forgets everything not begun and puts `last` behind the frame that is.
    pub(crate) fn finish_with(&mut self, last: Frame) {
        let begun = if self.written > 0 { self.frames.pop_front() } else { None };
        self.frames.clear();
        self.frames.extend(begun);
        self.frames.push_back(last);
        self.held_bytes = self.frames.iter().map(|frame| frame.len() + FRAME_OVERHEAD_BYTES).sum();
    }

    /// Puts `last` behind everything, room or not: nothing comes after it.
    pub(crate) fn append(&mut self, last: Frame) {
        self.held_bytes += last.len() + FRAME_OVERHEAD_BYTES;
        self.frames.push_back(last);
    }

    /// Bytes held.
    pub(crate) fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Writes until everything is written or the socket takes no more. Small frames are copied together into
    /// `scratch`, so that all that waits leaves in one call.
    pub(crate) fn flush(
        &mut self,
        scratch: &mut Vec<u8>,
        mut write: impl FnMut(&[u8]) -> io::Result<usize>,
    ) -> io::Result<Flushed> {
        while let Some(first) = self.frames.front() {
            let rest = &first[self.written..];
            let alone = self.frames.len() == 1 || rest.len() >= SMALL_FRAME_BYTES;
            let result = if alone {
                write(rest)
            } else {
                self.gather(scratch);
                write(scratch)
            };
            match result {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => self.advance(count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Flushed::Blocked),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        if self.frames.capacity() > IDLE_FRAMES_KEPT {
            self.frames.shrink_to(0);
        }
        Ok(Flushed::Empty)
    }

    fn gather(&self, scratch: &mut Vec<u8>) {
        scratch.clear();
        let mut skip = self.written;
        for frame in &self.frames {
            let part = &frame[skip..];
            skip = 0;
            if !scratch.is_empty() && scratch.len() + part.len() > SCRATCH_BYTES {
                break;
            }
            scratch.extend_from_slice(part);
        }
    }

    fn advance(&mut self, count: usize) {
        self.written += count;
        while let Some(first) = self.frames.front().filter(|first| first.len() <= self.written) {
            self.written -= first.len();
            self.held_bytes -= first.len() + FRAME_OVERHEAD_BYTES;
            self.frames.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BOUNDS: Bounds = Bounds { soft_bytes: 4_000, hard_bytes: 8_000 };

    fn frame(byte: u8, len: usize) -> Frame {
        vec![byte; len].into()
    }

    #[test]
    fn d6_ephemeral_frames_give_way_at_the_soft_bound_and_others_at_the_hard_one() {
        let mut outbox = Outbox::default();
        assert_eq!(outbox.push(frame(1, 3_900), Weight::Durable, BOUNDS), Push::Queued);
        assert_eq!(outbox.push(frame(2, 100), Weight::Ephemeral, BOUNDS), Push::Dropped);
        assert_eq!(outbox.push(frame(3, 3_900), Weight::Durable, BOUNDS), Push::Queued);
        assert_eq!(outbox.push(frame(4, 1_000), Weight::Durable, BOUNDS), Push::Overflow);
        assert!(outbox.held_bytes() <= BOUNDS.hard_bytes);
    }

    #[test]
    fn a_frame_above_the_bound_fits_when_nothing_else_waits() {
        let mut outbox = Outbox::default();
        assert_eq!(outbox.push(frame(1, 20_000), Weight::Durable, BOUNDS), Push::Queued);
        assert_eq!(outbox.push(frame(2, 1), Weight::Durable, BOUNDS), Push::Overflow);
    }

    #[test]
    fn finishing_keeps_a_frame_that_is_half_written() {
        let mut outbox = Outbox::default();
        for byte in 1..=3 {
            outbox.push(frame(byte, 10), Weight::Durable, BOUNDS);
        }
        let mut sent = Vec::new();
        let mut first = true;
        let _ = outbox.flush(&mut Vec::new(), |bytes| {
            if !std::mem::take(&mut first) {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            sent.extend_from_slice(&bytes[..4]);
            Ok(4)
        });
        outbox.finish_with(frame(9, 2));
        let _ = outbox.flush(&mut Vec::new(), |bytes| {
            sent.extend_from_slice(bytes);
            Ok(bytes.len())
        });
        assert_eq!(sent, [vec![1; 10], vec![9; 2]].concat());
        assert_eq!(outbox.held_bytes(), 0);
    }

    proptest! {
        #[test]
        fn whatever_the_socket_takes_the_bytes_come_out_in_order(
            lengths in prop::collection::vec(1_usize..70_000, 0..40),
            takes in prop::collection::vec(0_usize..50_000, 1..40),
        ) {
            let bounds = Bounds { soft_bytes: usize::MAX, hard_bytes: usize::MAX };
            let (mut outbox, mut want, mut sent) = (Outbox::default(), Vec::new(), Vec::new());
            for (index, length) in lengths.iter().enumerate() {
                let frame = frame(u8::try_from(index).unwrap(), *length);
                want.extend_from_slice(&frame);
                prop_assert_eq!(outbox.push(frame, Weight::Durable, bounds), Push::Queued);
            }
            let mut scratch = Vec::new();
            let mut takes = takes.iter().cycle();
            for round in 0.. {
                prop_assert!(round < 100_000);
                let mut budget = takes.next().copied().unwrap_or_default() + usize::from(round % 40 == 39);
                let flushed = outbox.flush(&mut scratch, |bytes| {
                    let count = bytes.len().min(budget);
                    if count == 0 {
                        return Err(io::ErrorKind::WouldBlock.into());
                    }
                    budget -= count;
                    sent.extend_from_slice(&bytes[..count]);
                    Ok(count)
                }).unwrap();
                if flushed == Flushed::Empty {
                    break;
                }
            }
            prop_assert_eq!(outbox.held_bytes(), 0);
            prop_assert!(sent == want);
        }
    }
}

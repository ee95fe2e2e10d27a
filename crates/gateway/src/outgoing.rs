//! The writing side of a shard: connections with something to send are listed once, and written to together when the
//! loop has done all it could.
//! Invariant: a connection with a frame in its outbox is listed here, waits for its socket, or is gone.

use std::{
    cell::{Cell, RefCell},
    mem,
    rc::Rc,
    task::Waker,
};

use protocol::frame::ServerFrame;

use crate::{
    bell::Bell,
    connection::Connection,
    limits::FLUSHES_PER_TURN,
    metrics::Stats,
    outbox::{Bounds, Frame},
    websocket,
};

/// What all connections of a shard share for writing.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) bounds: Bounds,
    pub(crate) stats: Stats,
    /// Connections whose close frame is out or waits, oldest first.
    pub(crate) closing: RefCell<Vec<Rc<Connection>>>,
    /// Connections whose socket takes nothing.
    pub(crate) stalled: RefCell<Vec<Rc<Connection>>>,
    dirty: RefCell<Vec<Rc<Connection>>>,
    bell: Bell,
    /// Bytes in all outboxes.
    pub(crate) held_bytes: Cell<usize>,
    scratch: RefCell<Vec<u8>>,
}

impl Outgoing {
    pub(crate) fn new(bounds: Bounds) -> Outgoing {
        Outgoing {
            bounds,
            stats: Stats::default(),
            closing: RefCell::default(),
            stalled: RefCell::default(),
            dirty: RefCell::default(),
            bell: Bell::default(),
            held_bytes: Cell::new(0),
            scratch: RefCell::default(),
        }
    }

    /// A frame, ready to be pushed.
    pub(crate) fn frame(&self, frame: &ServerFrame<'_>) -> Frame {
        text_frame(&frame.encode())
    }

    /// Lists a connection to be written to.
    pub(crate) fn list(&self, connection: Rc<Connection>) {
        self.dirty.borrow_mut().push(connection);
        self.bell.ring();
    }

    /// Writes to a connection now.
    pub(crate) fn flush(&self, connection: &Connection, waker: &Waker) {
        let mut scratch = self.scratch.borrow_mut();
        connection.flush(self, waker, &mut scratch);
    }

    /// Writes to the listed connections, for ever. Runs outside tokio's task budget: a turn is bounded here.
    pub(crate) async fn run(&self) {
        let mut listed = Vec::new();
        loop {
            self.bell.rung().await;
            mem::swap(&mut listed, &mut *self.dirty.borrow_mut());
            for chunk in listed.chunks(FLUSHES_PER_TURN) {
                for connection in chunk {
                    connection.flush_listed(self, &mut self.scratch.borrow_mut());
                }
                tokio::task::yield_now().await;
            }
            listed.clear();
            listed.shrink_to(FLUSHES_PER_TURN);
        }
    }
}

/// Any JSON text as a frame.
pub(crate) fn text_frame(json: &[u8]) -> Frame {
    websocket::text(json).into()
}

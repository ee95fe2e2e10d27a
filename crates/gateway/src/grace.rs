//! Connections that have said nothing yet: after a moment they are live at the head, `sync` or not.
//! Invariant: one timer for all of a shard; the wait is the same for each, so the queue is in order of time.

use std::{
    cell::RefCell,
    collections::VecDeque,
    rc::{Rc, Weak},
    time::Instant,
};

use protocol::session::Input;

use crate::{bell::Bell, connection::Connection, input, shard::Shard};

/// Who waits, since when.
#[derive(Debug, Default)]
pub(crate) struct Grace {
    waiting: RefCell<VecDeque<(Instant, Weak<Connection>)>>,
    bell: Bell,
}

impl Grace {
    /// Gives a new connection until `until`.
    pub(crate) fn add(&self, connection: &Rc<Connection>, until: Instant) {
        self.waiting.borrow_mut().push_back((until, Rc::downgrade(connection)));
        self.bell.ring();
    }

    /// Lets them go live, for ever.
    pub(crate) async fn run(&self, shard: &Rc<Shard>) {
        loop {
            let first = self.waiting.borrow().front().map(|(until, _)| *until);
            match first {
                Some(until) => tokio::time::sleep_until(until.into()).await,
                None => self.bell.rung().await,
            }
            self.let_go(shard, Instant::now());
        }
    }

    fn let_go(&self, shard: &Rc<Shard>, now: Instant) {
        loop {
            let due = self.waiting.borrow_mut().pop_front_if(|(until, _)| *until <= now);
            let Some((_, connection)) = due else { return };
            if let Some(connection) = connection.upgrade() {
                input::step(shard, &connection, Input::GraceElapsed);
            }
        }
    }
}

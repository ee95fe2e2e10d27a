//! One WebSocket: its stream, what it has still to send, where its session stands.
//! Invariant: the only task that reads it is its own; anybody in its shard may push frames, and they are written
//! without waking that task as long as the socket takes them.

use std::{
    cell::{Cell, RefCell},
    io, mem,
    pin::Pin,
    rc::{Rc, Weak},
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use chat::{ConnectionId, ConversationId, NodeId, Seq, SessionId, UserId, ports};
use protocol::{CloseCode, session::Session};
use rustc_hash::FxHashMap;
use tokio::{
    io::AsyncWrite,
    time::{Sleep, sleep},
};

use crate::{
    admission::{Seat, UserSeat},
    claiming::Held,
    flood::Flood,
    input::InputState,
    limits::FLOOD_PAUSE_MS,
    metrics::{self, Dropped},
    outbox::{Flushed, Frame, Outbox, Push, Weight},
    outgoing::Outgoing,
    room::Slot,
    stream::Stream,
    websocket::{OpCode, close_payload, control},
};

/// Where the socket itself stands; what may be said on it is the session's matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// In use.
    Open,
    /// Our close frame is on its way or out; the peer's is awaited, unless it was first.
    Closing { peer_closed: bool },
    /// Nothing can be sent or received any more.
    Gone,
}

/// One open socket.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) id: ConnectionId,
    pub(crate) user: UserId,
    pub(crate) session: SessionId,
    pub(crate) slot: Cell<Slot>,
    pub(crate) active: Cell<bool>,
    /// The state machine of the protocol.
    pub(crate) state: Cell<Session>,
    pub(crate) input: RefCell<InputState>,
    /// Something was received since the heartbeat looked last.
    pub(crate) heard: Cell<bool>,
    pub(crate) pings_unanswered: Cell<u8>,
    /// Since when the socket has taken nothing although something waits.
    pub(crate) stalled_since: Cell<Option<Instant>>,
    pub(crate) closing_since: Cell<Option<Instant>>,
    stage: Cell<Stage>,
    stream: RefCell<Stream>,
    outbox: RefCell<Outbox>,
    is_listed: Cell<bool>,
    /// In the list of those that the heartbeat watches because their socket takes nothing.
    pub(crate) is_watched: Cell<bool>,
    itself: Weak<Connection>,
    /// The task that reads it.
    task: RefCell<Option<Waker>>,
    /// A sync that waits until there is room.
    waits_for_room: RefCell<Option<Waker>>,
    pub(crate) flood: Flood,
    /// What few connections have.
    extra: RefCell<Option<Box<Extra>>>,
    has_ahead: Cell<bool>,
    _seat: Seat,
    _user_seat: UserSeat,
}

/// What few connections have.
#[derive(Debug, Default)]
struct Extra {
    /// Conversations whose events were read further than they were announced: announcements up to there are known.
    ahead: FxHashMap<ConversationId, Seq>,
    people: Vec<UserId>,
    conversations: Vec<ConversationId>,
    typing: Vec<(ConversationId, Instant)>,
    held: Held,
    /// It is not read until then.
    pause: Option<Pin<Box<Sleep>>>,
}

/// Whom a new connection belongs to.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) id: ConnectionId,
    pub(crate) user: UserId,
    pub(crate) session: SessionId,
    pub(crate) seat: Seat,
    pub(crate) user_seat: UserSeat,
}

impl Connection {
    pub(crate) fn new(identity: Identity, stream: Stream, input: InputState) -> Rc<Connection> {
        Rc::new_cyclic(|itself| Connection {
            id: identity.id,
            user: identity.user,
            session: identity.session,
            slot: Cell::new(Slot::MAX),
            active: Cell::new(true),
            state: Cell::new(Session::opened()),
            input: RefCell::new(input),
            heard: Cell::new(true),
            pings_unanswered: Cell::new(0),
            stalled_since: Cell::new(None),
            closing_since: Cell::new(None),
            stage: Cell::new(Stage::Open),
            stream: RefCell::new(stream),
            outbox: RefCell::default(),
            is_listed: Cell::new(false),
            is_watched: Cell::new(false),
            itself: itself.clone(),
            task: RefCell::default(),
            waits_for_room: RefCell::default(),
            flood: Flood::default(),
            extra: RefCell::default(),
            has_ahead: Cell::new(false),
            _seat: identity.seat,
            _user_seat: identity.user_seat,
        })
    }

    /// Its line in the connection table.
    pub(crate) fn line(&self, node: NodeId) -> ports::Connection {
        let Connection { id: connection, user, session, .. } = *self;
        ports::Connection { connection, user, session, node, active: self.active.get() }
    }

    pub(crate) fn stage(&self) -> Stage {
        self.stage.get()
    }

    pub(crate) fn is_open(&self) -> bool {
        self.stage.get() == Stage::Open
    }

    // ---- What it is told ----

    /// Whether the event at `seq` of a room it is in goes to it now.
    pub(crate) fn takes(&self, conversation: ConversationId, seq: Seq) -> bool {
        self.state.get().is_live() && (!self.has_ahead.get() || !self.knows(conversation, seq))
    }

    /// Remembers that it knows a conversation up to `seq`, further than its room.
    pub(crate) fn set_ahead(&self, conversation: ConversationId, seq: Seq) {
        self.extra.borrow_mut().get_or_insert_default().ahead.insert(conversation, seq);
        self.has_ahead.set(true);
    }

    fn knows(&self, conversation: ConversationId, seq: Seq) -> bool {
        let mut extra = self.extra.borrow_mut();
        let Some(extra) = extra.as_mut() else { return false };
        let Some(ahead) = extra.ahead.get(&conversation) else { return false };
        if seq <= *ahead {
            return true;
        }
        extra.ahead.remove(&conversation);
        self.has_ahead.set(!extra.ahead.is_empty());
        false
    }

    /// Everything it knows comes from its rooms again.
    pub(crate) fn forget_ahead(&self) {
        if self.has_ahead.replace(false)
            && let Some(extra) = self.extra.borrow_mut().as_mut()
        {
            extra.ahead.clear();
        }
    }

    pub(crate) fn replace_watched_people(&self, people: Vec<UserId>) -> Vec<UserId> {
        self.replace(people, |extra| &mut extra.people)
    }

    pub(crate) fn replace_watched_conversations(&self, ids: Vec<ConversationId>) -> Vec<ConversationId> {
        self.replace(ids, |extra| &mut extra.conversations)
    }

    fn replace<T>(&self, with: Vec<T>, of: impl FnOnce(&mut Extra) -> &mut Vec<T>) -> Vec<T> {
        let mut extra = self.extra.borrow_mut();
        if extra.is_none() && with.is_empty() {
            return with;
        }
        mem::replace(of(extra.get_or_insert_default()), with)
    }

    /// Calls `with` on when it last said that it is typing, and where.
    pub(crate) fn with_typing<T>(&self, with: impl FnOnce(&mut Vec<(ConversationId, Instant)>) -> T) -> T {
        with(&mut self.extra.borrow_mut().get_or_insert_default().typing)
    }

    /// Commands that wait because one of them has files to be claimed.
    pub(crate) fn held(&self) -> usize {
        self.extra.borrow().as_ref().map_or(0, |extra| extra.held.len())
    }

    /// Calls `with` on those commands.
    pub(crate) fn with_held<T>(&self, with: impl FnOnce(&mut Held) -> T) -> T {
        with(&mut self.extra.borrow_mut().get_or_insert_default().held)
    }

    // ---- What it sends ----

    /// Queues a frame; it is written when the loop comes round. A reader that is too slow for it is closed (D6).
    pub(crate) fn push(&self, frame: Frame, weight: Weight, out: &Outgoing) {
        if !self.is_open() {
            return;
        }
        let mut pushed = self.try_push(Rc::clone(&frame), weight, out);
        if pushed == Push::Overflow && self.stalled_since.get().is_none() {
            // A burst, not a slow reader: what waits was not offered to the socket yet.
            out.flush(self, &self.task_waker());
            pushed = self.try_push(frame, weight, out);
        }
        match pushed {
            Push::Queued => {
                out.stats.frames_out.add(1);
                self.list(out);
            }
            Push::Dropped => out.stats.dropped(Dropped::SlowReader),
            Push::Overflow => self.close(CloseCode::SlowReader, out),
        }
    }

    fn try_push(&self, frame: Frame, weight: Weight, out: &Outgoing) -> Push {
        let mut outbox = self.outbox.borrow_mut();
        let before = outbox.held_bytes();
        let pushed = outbox.push(frame, weight, out.bounds);
        out.held_bytes.set(out.held_bytes.get() + outbox.held_bytes() - before);
        pushed
    }

    /// Begins to close.
    pub(crate) fn close(&self, code: CloseCode, out: &Outgoing) {
        self.close_because(code, code.reason(), out);
    }

    /// Begins to close, telling more than the code's usual reason.
    pub(crate) fn close_because(&self, code: CloseCode, reason: &str, out: &Outgoing) {
        if self.is_open() {
            metrics::closed(code);
            self.finish(Some((code.number(), reason)), false, out);
        }
    }

    /// Answers the peer's close.
    pub(crate) fn close_back(&self, code: Option<u16>, out: &Outgoing) {
        self.finish(code.map(|code| (code, "")), true, out);
    }

    fn finish(&self, told: Option<(u16, &str)>, peer_closed: bool, out: &Outgoing) {
        if !self.is_open() {
            return;
        }
        self.stage.set(Stage::Closing { peer_closed });
        self.end_session();
        let payload = told.map(|(code, reason)| close_payload(code, reason)).unwrap_or_default();
        let frame: Frame = control(OpCode::Close, &payload).into();
        let (before, after) = {
            let mut outbox = self.outbox.borrow_mut();
            let before = outbox.held_bytes();
            // What waits behind a full socket would only delay the close; what is short goes out before it.
            if self.stalled_since.get().is_some() || before > out.bounds.soft_bytes {
                outbox.finish_with(frame);
            } else {
                outbox.append(frame);
            }
            (before, outbox.held_bytes())
        };
        out.held_bytes.set((out.held_bytes.get() + after).saturating_sub(before));
        self.closing_since.set(Some(Instant::now()));
        if let Some(itself) = self.itself.upgrade() {
            out.closing.borrow_mut().push(itself);
        }
        self.list(out);
        wake(&self.waits_for_room);
    }

    /// Ends at once, without another byte. Its task notices and takes it out of the tables.
    pub(crate) fn give_up(&self) {
        if self.stage.replace(Stage::Gone) != Stage::Gone {
            self.end_session();
            // Its last turn: the task need not be remembered any longer.
            wake(&self.task);
            wake(&self.waits_for_room);
        }
    }

    fn end_session(&self) {
        let mut state = self.state.get();
        let none = || chat::CommandId::from_u128(0);
        state.step(protocol::session::Input::Gone, protocol::Time::from_ms(0), none);
        self.state.set(state);
    }

    fn list(&self, out: &Outgoing) {
        if !self.is_listed.replace(true)
            && let Some(itself) = self.itself.upgrade()
        {
            out.list(itself);
        }
    }

    /// Writes what waits, when its turn in the list has come.
    pub(crate) fn flush_listed(&self, out: &Outgoing, scratch: &mut Vec<u8>) {
        self.is_listed.set(false);
        self.flush(out, &self.task_waker(), scratch);
    }

    fn task_waker(&self) -> Waker {
        self.task.borrow().clone().unwrap_or_else(|| Waker::noop().clone())
    }

    /// Writes what waits. When the socket takes no more, `waker` is woken when it does.
    pub(crate) fn flush(&self, out: &Outgoing, waker: &Waker, scratch: &mut Vec<u8>) {
        if self.stage.get() == Stage::Gone {
            return;
        }
        let mut outbox = self.outbox.borrow_mut();
        let mut stream = self.stream.borrow_mut();
        let cx = &mut Context::from_waker(waker);
        let before = outbox.held_bytes();
        let mut written = 0;
        let mut flushed = outbox.flush(scratch, |bytes| {
            out.stats.writes.add(1);
            let count = stream.write_now(cx, bytes)?;
            written += count;
            Ok(count)
        });
        if matches!(flushed, Ok(Flushed::Empty)) {
            flushed = stream.flush_now(cx).map(|all| if all { Flushed::Empty } else { Flushed::Blocked });
        }
        out.stats.bytes_out.add(written);
        let after = outbox.held_bytes();
        out.held_bytes.set((out.held_bytes.get() + after).saturating_sub(before));
        let ended = matches!(flushed, Ok(Flushed::Empty)) && self.end_writing(&mut stream, cx);
        drop((outbox, stream));
        match flushed {
            Err(_) => self.give_up(),
            Ok(_) if ended => self.give_up(),
            Ok(Flushed::Empty) => self.stalled_since.set(None),
            // Any progress is a sign of life.
            Ok(Flushed::Blocked) => self.stalls(written > 0, out),
        }
        if after < before {
            wake(&self.waits_for_room);
        }
    }

    /// The socket takes no more. Any progress is a sign of life.
    fn stalls(&self, progressed: bool, out: &Outgoing) {
        let since = self.stalled_since.get();
        if progressed || since.is_none() {
            self.stalled_since.set(Some(Instant::now()));
        }
        if !self.is_watched.replace(true)
            && let Some(itself) = self.itself.upgrade()
        {
            out.stalled.borrow_mut().push(itself);
        }
    }

    /// With the close frame out there is nothing more to write. Returns whether the connection is over with that: the
    /// server ends TCP first (RFC 6455 §7.1.1), once both sides have closed.
    fn end_writing(&self, stream: &mut Stream, cx: &mut Context<'_>) -> bool {
        let Stage::Closing { peer_closed } = self.stage.get() else { return false };
        let _ = Pin::new(stream).poll_shutdown(cx);
        peer_closed
    }

    /// Waits until less than `bytes` wait to be written. Returns whether the connection is still open.
    pub(crate) async fn room_for_more(&self, bytes: usize) -> bool {
        std::future::poll_fn(|cx| {
            if !self.is_open() {
                return Poll::Ready(false);
            }
            if self.outbox.borrow().held_bytes() < bytes {
                return Poll::Ready(true);
            }
            *self.waits_for_room.borrow_mut() = Some(cx.waker().clone());
            Poll::Pending
        })
        .await
    }

    // ---- What its own task does ----

    /// Remembers the task that reads it.
    pub(crate) fn set_task(&self, waker: &Waker) {
        let mut task = self.task.borrow_mut();
        if !task.as_ref().is_some_and(|known| known.will_wake(waker)) {
            *task = Some(waker.clone());
        }
    }

    /// Whether something waits to be written.
    pub(crate) fn has_output(&self) -> bool {
        !self.outbox.borrow().is_empty()
    }

    /// Bytes that wait to be written.
    pub(crate) fn held_bytes(&self) -> usize {
        self.outbox.borrow().held_bytes()
    }

    /// The peer has closed too.
    pub(crate) fn peer_closed(&self) {
        if self.stage.get() == (Stage::Closing { peer_closed: false }) {
            self.stage.set(Stage::Closing { peer_closed: true });
            if !self.has_output() {
                self.give_up();
            }
        }
    }

    /// Is not to be read for a while.
    pub(crate) fn pause(&self) {
        let pause = Box::pin(sleep(Duration::from_millis(FLOOD_PAUSE_MS)));
        self.extra.borrow_mut().get_or_insert_default().pause = Some(pause);
    }

    /// Whether it is not to be read now; its task is woken when it is.
    pub(crate) fn is_paused(&self, cx: &mut Context<'_>) -> bool {
        let mut extra = self.extra.borrow_mut();
        let Some(extra) = extra.as_mut() else { return false };
        let Some(pause) = &mut extra.pause else { return false };
        let is_paused = pause.as_mut().poll(cx).is_pending();
        if !is_paused {
            extra.pause = None;
        }
        is_paused
    }

    /// Calls `read` on the stream.
    pub(crate) fn read_from(
        &self,
        read: impl FnOnce(&mut Stream) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        read(&mut self.stream.borrow_mut())
    }
}

/// Wakes who waits once.
fn wake(waiting: &RefCell<Option<Waker>>) {
    if let Some(waker) = waiting.take() {
        waker.wake();
    }
}

//! Step 3: what is legal when on one connection. A pure state machine: state × input → state + outputs.
//! Does no I/O and sees no clock; whoever drives it carries its outputs out, in order, and tells it what happened.
//!
//! Invariants, walked by its tests and its fuzz target: it never panics; nothing comes out once it is closed; a frame
//! gets at most one answer, from here or from whoever carries the output out; a sync starts only while none runs.

mod negotiate;
mod request;

use chat::CommandId;
use serde::{Deserialize, Serialize};

pub use self::{
    negotiate::{Negotiation, negotiate},
    request::{Marking, Submission, SyncRequest},
};
use crate::{
    code::{CloseCode, Code},
    frame::{
        FrameError, Request, ServerFrame, decode,
        server::{Done, Reconnect},
    },
    limits::{BAD_FRAMES_MAX, FRAME_BYTES_HARD_MAX},
    scalar::{Ref, Time},
};

/// Where a connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Phase {
    /// `hello` is out, nothing has been said yet: not live, waiting for a `sync` for a moment.
    Fresh,
    /// A sync runs: live events of its conversations are held back.
    Syncing,
    /// Everything comes live.
    Live,
    /// Closed: nothing comes out any more.
    Closed,
}

/// One connection. Small and copyable, so that a home without memory between two frames can keep it in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Session {
    phase: Phase,
    draining: bool,
    bad_frames: u32,
}

/// What happened to a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input<'a> {
    /// A text message arrived, complete and valid UTF-8.
    Text(&'a str),
    /// A text message arrived that the rate limit does not allow: it is answered and not carried out.
    Limited {
        /// The message.
        text: &'a str,
        /// When to try again.
        retry_after_ms: u64,
    },
    /// A binary message arrived.
    Binary,
    /// A message of this many bytes began to arrive, more than allowed; its contents are not kept.
    Oversized {
        /// How many, as far as is known.
        bytes: u64,
    },
    /// `SYNC_GRACE_MS` have passed since `hello`.
    GraceElapsed,
    /// The sync that was started has been answered to its end, or could not be.
    SyncFinished,
    /// The node goes away: tell the client when to reconnect.
    Drain {
        /// From now.
        after_ms: u64,
    },
    /// The gateway closes the connection: a limit is hit, the session ended, the node is gone.
    Close(CloseCode),
    /// The client closed, or the connection broke.
    Gone,
}

/// What to do, in the order of the fields.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Step {
    /// Make the connection live at the head of all its conversations.
    pub go_live: bool,
    /// Then this.
    pub output: Option<Output>,
    /// Then close the connection with this code.
    pub close: Option<CloseCode>,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// Send this frame.
    Reply(ServerFrame<'static>),
    /// Admit the command and put it into the queue; answer `accepted` or `rejected`.
    Submit(Submission),
    /// Subscribe at these cursors, send what is missing, then `synced` (or `resync`); then say [`Input::SyncFinished`].
    StartSync(SyncRequest),
    /// Move a mark; then [`done`], or `error`.
    Mark(Marking),
    /// Tell the others who are connected; then [`done`], or `error`.
    Typing {
        /// Where.
        conversation: chat::ConversationId,
        /// To answer by.
        reference: Option<Ref>,
    },
    /// Replace whose presence is watched and tell how they are now; then [`done`].
    WatchPresence {
        /// Whose.
        users: Vec<chat::UserId>,
        /// To answer by.
        reference: Option<Ref>,
    },
    /// Replace which large conversations' marks are watched; then [`done`].
    WatchMarks {
        /// Which.
        conversations: Vec<chat::ConversationId>,
        /// To answer by.
        reference: Option<Ref>,
    },
    /// The person is, or is not, active here; then [`done`].
    SetActive {
        /// Whether.
        active: bool,
        /// To answer by.
        reference: Option<Ref>,
    },
}

/// The answer to a frame that was carried out and is answered only if it asked to be, by a `ref`.
#[must_use]
pub fn done(reference: Option<Ref>) -> Option<ServerFrame<'static>> {
    reference.map(|reference| ServerFrame::Done(Done { reference }))
}

impl Session {
    /// A connection whose `hello` is on its way: it precedes every other frame.
    #[must_use]
    pub const fn opened() -> Session {
        Session { phase: Phase::Fresh, draining: false, bad_frames: 0 }
    }

    /// Where it stands.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// Whether live events go to it as they happen (while it syncs: for conversations that the sync does not hold).
    #[must_use]
    pub const fn is_live(&self) -> bool {
        matches!(self.phase, Phase::Live)
    }

    /// Whether it was told to reconnect.
    #[must_use]
    pub const fn is_draining(&self) -> bool {
        self.draining
    }

    /// Takes one input. `now` is for `pong`; `new_id` is asked at most once, when a command names no id of its own.
    pub fn step(&mut self, input: Input<'_>, now: Time, new_id: impl FnOnce() -> CommandId) -> Step {
        if self.phase == Phase::Closed {
            return Step::default();
        }
        match input {
            Input::Text(text) => match decode(text) {
                Ok(request) => self.request(request, now, new_id),
                Err(error) => self.bad_frame(error.into(), text.len() > FRAME_BYTES_HARD_MAX),
            },
            Input::Limited { text, retry_after_ms } => self.limited(text, retry_after_ms),
            Input::Binary => self.bad_frame(binary(), false),
            Input::Oversized { bytes } => {
                self.bad_frame(oversized(bytes), bytes > FRAME_BYTES_HARD_MAX as u64)
            }
            Input::GraceElapsed => Step { go_live: self.leave_fresh(), ..Step::default() },
            Input::SyncFinished => {
                if self.phase == Phase::Syncing {
                    self.phase = Phase::Live;
                }
                Step::default()
            }
            Input::Drain { after_ms } => self.drain(after_ms),
            Input::Close(code) => self.close(code),
            Input::Gone => {
                self.phase = Phase::Closed;
                Step::default()
            }
        }
    }

    fn request(&mut self, request: Request, now: Time, new_id: impl FnOnce() -> CommandId) -> Step {
        self.bad_frames = self.bad_frames.saturating_sub(1);
        match request::output(request, now, new_id) {
            Output::StartSync(sync) => self.sync(sync),
            output => Step { go_live: self.leave_fresh(), output: Some(output), close: None },
        }
    }

    fn sync(&mut self, request: SyncRequest) -> Step {
        let refusal = if self.draining {
            Some((Code::GoingAway, "This node is going away: reconnect, then sync."))
        } else if self.phase == Phase::Syncing {
            Some((Code::SyncInProgress, "A sync is running: wait for its \"synced\", then send the next."))
        } else {
            None
        };
        if let Some((code, message)) = refusal {
            let go_live = self.leave_fresh();
            let frame = ServerFrame::error(request.reference, code, message, None);
            return Step { go_live, output: Some(Output::Reply(frame)), close: None };
        }
        self.phase = Phase::Syncing;
        Step { output: Some(Output::StartSync(request)), ..Step::default() }
    }

    fn limited(&mut self, text: &str, retry_after_ms: u64) -> Step {
        let frame = match decode(text) {
            Ok(request) => slow_down(request, retry_after_ms),
            Err(error) => return self.bad_frame(error.into(), text.len() > FRAME_BYTES_HARD_MAX),
        };
        Step { go_live: self.leave_fresh(), output: Some(Output::Reply(frame)), close: None }
    }

    /// Answers a frame that cannot be read, and closes when there are too many of them, or this one is far too large.
    fn bad_frame(&mut self, answer: ServerFrame<'static>, far_too_large: bool) -> Step {
        self.bad_frames += 1;
        let close = if far_too_large {
            Some(CloseCode::FrameTooLarge)
        } else {
            (self.bad_frames > BAD_FRAMES_MAX).then_some(CloseCode::TooManyBadFrames)
        };
        let go_live = self.leave_fresh() && close.is_none();
        if close.is_some() {
            self.phase = Phase::Closed;
        }
        Step { go_live, output: Some(Output::Reply(answer)), close }
    }

    fn drain(&mut self, after_ms: u64) -> Step {
        if std::mem::replace(&mut self.draining, true) {
            return Step::default();
        }
        let frame = ServerFrame::Reconnect(Reconnect { after_ms });
        Step { output: Some(Output::Reply(frame)), ..Step::default() }
    }

    fn close(&mut self, code: CloseCode) -> Step {
        self.phase = Phase::Closed;
        Step { close: Some(code), ..Step::default() }
    }

    /// Whether the connection becomes live by this.
    fn leave_fresh(&mut self) -> bool {
        let fresh = self.phase == Phase::Fresh;
        if fresh {
            self.phase = Phase::Live;
        }
        fresh
    }
}

fn slow_down(request: Request, retry_after_ms: u64) -> ServerFrame<'static> {
    const MESSAGE: &str = "Too fast: try again after retryAfterMs.";
    let Request { frame, reference } = request;
    match request::command_id(&frame) {
        Some(id) => ServerFrame::rejected(reference, id, Code::SlowDown, MESSAGE, Some(retry_after_ms)),
        None => ServerFrame::error(reference, Code::SlowDown, MESSAGE, Some(retry_after_ms)),
    }
}

fn binary() -> ServerFrame<'static> {
    ServerFrame::error(None, Code::BinaryFrame, "Frames are text: send JSON in a text frame.", None)
}

fn oversized(bytes: u64) -> ServerFrame<'static> {
    FrameError::too_large(bytes).into()
}

//! A session without a process: what is kept of a socket between two of its frames, in its row (decision 0030).
//! Invariant: it changes only from what was read, so two frames that are handled at the same time are as if one came
//! after the other; and `hello` goes out before anything else does (P7).

use std::time::Duration;

use backend_aws::{Endpoint, Posted};
use chat::{
    CommandId, ConversationId, TimestampMs,
    limits::BODY_BYTES_MAX,
    ports::{ErrorKind, PortError},
};
use protocol::{
    Time,
    frame::{
        ServerFrame,
        server::{Hello, HelloLimits},
    },
    limits::{CURSORS_PER_SYNC_MAX, FRAME_BYTES_MAX, SYNC_GRACE_MS},
    session::{Input, Phase, Session, Step},
};
use serde::{Deserialize, Serialize};

use crate::{
    home::Home,
    limits::{
        GREETING_LOOK_MS, GREETING_MS, HEARTBEAT_MS, OPENING_MS, STATE_TRIES_MAX, SYNC_MS_MAX,
        TYPING_CONVERSATIONS_MAX, TYPING_EVERY_MS,
    },
};

/// What is kept. Stored: fields are only ever appended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// The state machine of the protocol.
    pub(crate) session: Session,
    greeting: Greeting,
    /// Whether the person is active here.
    pub(crate) active: bool,
    /// When the sync that runs began.
    syncing_since: TimestampMs,
    /// Where it last said that it is typing, and when.
    typing: Vec<(ConversationId, TimestampMs)>,
}

/// Whether `hello` is out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Greeting {
    NotYet,
    /// Somebody began to post it then.
    Begun(TimestampMs),
    Done,
}

/// Whether an event goes to a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hearing {
    /// Now.
    Yes,
    /// It is not live yet and begins at the head later.
    No,
    /// It is catching up and must know that there was one more.
    CatchesUp,
}

impl Kept {
    /// What is kept of a socket that has just been opened.
    pub(crate) fn opened() -> Kept {
        Kept {
            session: Session::opened(),
            greeting: Greeting::NotYet,
            active: true,
            syncing_since: 0,
            typing: Vec::new(),
        }
    }

    /// What is kept of this socket.
    pub(crate) fn of(endpoint: &Endpoint) -> Result<Kept, PortError> {
        postcard::from_bytes(&endpoint.state)
            .map_err(|error| PortError::new(ErrorKind::Corrupt, "lambda.kept").caused_by(error))
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        postcard::to_stdvec(self).expect("invariant: what is kept serialises into memory")
    }

    /// Takes one input to the session. A sync whose function has died no longer counts.
    pub(crate) fn step(
        &mut self,
        input: Input<'_>,
        now_ms: TimestampMs,
        new_id: impl FnOnce() -> CommandId,
    ) -> Step {
        if self.session.phase() == Phase::Syncing && self.is_stale(now_ms) {
            self.session.step(Input::SyncFinished, Time::from_ms(now_ms), no_id);
        }
        let before = self.session.phase();
        let step = self.session.step(input, Time::from_ms(now_ms), new_id);
        if before != Phase::Syncing && self.session.phase() == Phase::Syncing {
            self.syncing_since = now_ms;
        }
        step
    }

    /// The sync has ended.
    pub(crate) fn synced(&mut self, now_ms: TimestampMs) {
        self.session.step(Input::SyncFinished, Time::from_ms(now_ms), no_id);
    }

    /// Whether a typing notice may pass: those of one socket are spaced in each conversation.
    pub(crate) fn may_type(&mut self, conversation: ConversationId, now_ms: TimestampMs) -> bool {
        self.typing.retain(|(_, at)| now_ms.saturating_sub(*at) < TYPING_EVERY_MS);
        let is_free = self.typing.len() < TYPING_CONVERSATIONS_MAX;
        let may = is_free && self.typing.iter().all(|(other, _)| *other != conversation);
        if may {
            self.typing.push((conversation, now_ms));
        }
        may
    }

    /// Whether an event goes to it, as P31 and P34 want it.
    pub(crate) fn hears(&self, opened_at: TimestampMs, now_ms: TimestampMs) -> Hearing {
        match self.session.phase() {
            Phase::Live => Hearing::Yes,
            Phase::Fresh if now_ms.saturating_sub(opened_at) >= SYNC_GRACE_MS => Hearing::Yes,
            Phase::Syncing if self.is_stale(now_ms) => Hearing::Yes,
            Phase::Syncing => Hearing::CatchesUp,
            Phase::Fresh | Phase::Closed => Hearing::No,
        }
    }

    fn is_stale(&self, now_ms: TimestampMs) -> bool {
        now_ms.saturating_sub(self.syncing_since) > SYNC_MS_MAX
    }
}

fn no_id() -> CommandId {
    CommandId::from_u128(0)
}

impl Home {
    /// Sees to it that `hello` is out: the first who has something to say to a socket says it, others wait for that.
    /// `None` when the socket is gone.
    pub(crate) async fn greet(&self, mut endpoint: Endpoint) -> Result<Option<Endpoint>, PortError> {
        loop {
            let mut kept = Kept::of(&endpoint)?;
            let now_ms = self.now_ms();
            match kept.greeting {
                Greeting::Done => return Ok(Some(endpoint)),
                Greeting::Begun(at) if now_ms.saturating_sub(at) < GREETING_MS => {
                    tokio::time::sleep(Duration::from_millis(GREETING_LOOK_MS)).await;
                }
                Greeting::NotYet | Greeting::Begun(_) => {
                    kept.greeting = Greeting::Begun(now_ms);
                    if let Some(begun) = self.endpoints.replace(&endpoint, kept.to_bytes()).await? {
                        return self.say_hello(begun).await;
                    }
                }
            }
            match self.endpoints.get(endpoint.user, endpoint.connection).await? {
                Some(now) => endpoint = now,
                None => return Ok(None),
            }
        }
    }

    async fn say_hello(&self, endpoint: Endpoint) -> Result<Option<Endpoint>, PortError> {
        let hello = self.hello(&endpoint);
        loop {
            match self.post(&endpoint.name, &hello).await? {
                Posted::Yes => {
                    return self.change_kept(endpoint, |kept| kept.greeting = Greeting::Done).await;
                }
                Posted::Gone if self.now_ms().saturating_sub(endpoint.opened_at) < OPENING_MS => {
                    tokio::time::sleep(Duration::from_millis(GREETING_LOOK_MS)).await;
                }
                Posted::Gone => {
                    self.left(endpoint.user, endpoint.connection).await?;
                    return Ok(None);
                }
                Posted::Later => return Err(PortError::new(ErrorKind::Overloaded, "lambda.hello")),
            }
        }
    }

    /// Changes what is kept of a socket, whoever else changes it too. `None` when it is gone.
    pub(crate) async fn change_kept(
        &self,
        mut endpoint: Endpoint,
        change: impl Fn(&mut Kept),
    ) -> Result<Option<Endpoint>, PortError> {
        for _ in 0..STATE_TRIES_MAX {
            let mut kept = Kept::of(&endpoint)?;
            change(&mut kept);
            if let Some(changed) = self.endpoints.replace(&endpoint, kept.to_bytes()).await? {
                return Ok(Some(changed));
            }
            match self.endpoints.get(endpoint.user, endpoint.connection).await? {
                Some(now) => endpoint = now,
                None => return Ok(None),
            }
        }
        Err(PortError::new(ErrorKind::Conflict, "lambda.kept"))
    }

    fn hello(&self, endpoint: &Endpoint) -> ServerFrame<'static> {
        let rate = api::RateOptions::default().sends;
        ServerFrame::Hello(Hello {
            connection_id: endpoint.connection,
            user_id: endpoint.user,
            session_id: endpoint.session,
            epoch: self.app.store.epoch(),
            heartbeat_ms: HEARTBEAT_MS,
            server_time: Time::from_ms(self.now_ms()),
            limits: HelloLimits {
                frame_bytes: FRAME_BYTES_MAX as u64,
                body_bytes: BODY_BYTES_MAX as u64,
                pipelining: false,
                sends_per_second: rate.map_or(1_000, |rate| u64::from(1_000 / rate.refill_ms.max(1))),
                send_burst: rate.map_or(1_000, |rate| rate.burst.into()),
                sync_conversations: CURSORS_PER_SYNC_MAX as u64,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: TimestampMs = 1_000_000;
    const SYNC: &str = r#"{"action":"sync","cursors":{}}"#;

    fn text(kept: &mut Kept, text: &str, now_ms: TimestampMs) -> Step {
        kept.step(Input::Text(text), now_ms, no_id)
    }

    #[test]
    fn p31_a_socket_is_live_by_its_first_frame_or_a_second_of_silence() {
        let mut kept = Kept::opened();
        assert_eq!(kept.hears(NOW, NOW + 999), Hearing::No);
        assert_eq!(kept.hears(NOW, NOW + 1_000), Hearing::Yes);
        text(&mut kept, r#"{"action":"ping"}"#, NOW);
        assert_eq!(kept.hears(NOW, NOW), Hearing::Yes);
    }

    #[test]
    fn p34_events_are_held_back_while_a_sync_runs_and_only_while_its_function_can_live() {
        let mut kept = Kept::opened();
        text(&mut kept, SYNC, NOW);
        assert_eq!(kept.hears(NOW, NOW + 2_000), Hearing::CatchesUp);
        assert_eq!(kept.hears(NOW, NOW + SYNC_MS_MAX + 1), Hearing::Yes, "its function has died");
        kept.synced(NOW + 10);
        assert_eq!(kept.hears(NOW, NOW + 11), Hearing::Yes);
    }

    #[test]
    fn p32_a_second_sync_waits_unless_the_first_has_died() {
        let mut kept = Kept::opened();
        text(&mut kept, SYNC, NOW);
        let step = text(&mut kept, SYNC, NOW + 5);
        assert!(format!("{step:?}").contains("SyncInProgress"), "{step:?}");
        let step = text(&mut kept, SYNC, NOW + SYNC_MS_MAX + 1);
        assert!(format!("{step:?}").contains("StartSync"), "{step:?}");
    }

    #[test]
    fn p48_typing_is_spaced_in_each_conversation() {
        let (mut kept, room) = (Kept::opened(), ConversationId::from_u128);
        assert!(kept.may_type(room(1), NOW) && kept.may_type(room(2), NOW));
        assert!(!kept.may_type(room(1), NOW + 1_999));
        assert!(kept.may_type(room(1), NOW + 2_000));
        let passed = (0..20).filter(|id| kept.may_type(room(100 + id), NOW + 2_001)).count();
        assert_eq!(passed, TYPING_CONVERSATIONS_MAX - 1);
    }

    #[test]
    fn what_is_kept_reads_again() {
        let mut kept = Kept::opened();
        text(&mut kept, "rubbish", NOW);
        kept.may_type(ConversationId::from_u128(7), NOW);
        let read: Kept = postcard::from_bytes(&kept.to_bytes()).unwrap();
        assert_eq!(read, kept);
    }
}

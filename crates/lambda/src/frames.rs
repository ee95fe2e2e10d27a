//! One frame of a client: read, taken to its session, carried out, answered by the route response.
//! Invariant: a frame reads its socket's row and what carrying it out needs, and nothing is answered before `hello`.

use anyhow::Result;
use backend_aws::{Endpoint, Posted};
use chat::{
    CommandId,
    ids::Randomness,
    ports::{ErrorKind, PortError},
};
use protocol::{
    CloseCode, Code, Time,
    frame::ServerFrame,
    limits::{FRAME_BYTES_MAX, SYNC_GRACE_MS},
    session::{Input, Output, Session, Step},
};
use serde_json::Value;

use crate::{
    event::{Call, answered},
    home::Home,
    kept::Kept,
    limits::{RETRY_MS, STATE_TRIES_MAX},
};

/// What is said to a socket because of a frame, in order; the last is the route response.
pub(crate) type Answers = Vec<Vec<u8>>;

/// A frame taken to its session.
pub(crate) struct Taken {
    pub(crate) endpoint: Endpoint,
    pub(crate) step: Step,
    /// What the frame changed besides.
    pub(crate) aside: Aside,
}

/// Decisions that need what is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Aside {
    /// A typing notice may pass.
    pub(crate) may_type: bool,
    /// Whether the person is active here has changed.
    pub(crate) active_changed: bool,
}

/// Handles the routes of frames.
pub(crate) async fn handle(home: &Home, event: Value) -> Result<Value> {
    let call = Call::of(event)?;
    match home.taken(&call).await {
        Ok(Some(taken)) => {
            let (endpoint, close) = (taken.endpoint.clone(), taken.step.close);
            let answers = home.carry_out(taken).await;
            Ok(answered(home.answer(&endpoint, answers, close).await?))
        }
        Ok(None) => {
            // Ended by a logout, a disabled account, or as too old: who is not known says nothing.
            home.posting.close(&call.name).await?;
            Ok(answered(None))
        }
        Err(error) => {
            tracing::warn!(%error, "a frame could not be taken");
            Ok(answered(later(home, &call)))
        }
    }
}

impl Home {
    /// Takes a frame to the session in the socket's row, once `hello` is out. `None` when there is no such socket.
    async fn taken(&self, call: &Call) -> Result<Option<Taken>, PortError> {
        let Some(endpoint) = self.endpoints.get(call.user, call.connection).await? else { return Ok(None) };
        if endpoint.until <= self.now_ms() {
            return Ok(None);
        }
        let Some(mut endpoint) = self.greet(endpoint).await? else { return Ok(None) };
        for _ in 0..STATE_TRIES_MAX {
            let now_ms = self.now_ms();
            let before = Kept::of(&endpoint)?;
            let mut after = before.clone();
            let step = after.step(input(call), now_ms, || self.new_id());
            let aside = aside(&mut after, &step, now_ms);
            if !is_worth_writing(&before, &after, &endpoint, now_ms) {
                return Ok(Some(Taken { endpoint, step, aside }));
            }
            if let Some(endpoint) = self.endpoints.replace(&endpoint, after.to_bytes()).await? {
                return Ok(Some(Taken { endpoint, step, aside }));
            }
            match self.endpoints.get(call.user, call.connection).await? {
                Some(now) => endpoint = now,
                None => return Ok(None),
            }
        }
        Err(PortError::new(ErrorKind::Conflict, "lambda.frame"))
    }

    /// Posts all answers but the last, which is the route response; closes if the session says so.
    async fn answer(
        &self,
        endpoint: &Endpoint,
        mut answers: Answers,
        close: Option<CloseCode>,
    ) -> Result<Option<Vec<u8>>, PortError> {
        let last = if close.is_some() { None } else { answers.pop() };
        for frame in answers {
            if self.posting.post(&endpoint.name, frame).await? == Posted::Gone {
                self.left(endpoint.user, endpoint.connection).await?;
                return Ok(None);
            }
        }
        if let Some(code) = close {
            tracing::info!(code = code.number(), user = %endpoint.user, "a socket is closed");
            self.close(endpoint.user, endpoint.connection, &endpoint.name).await?;
        }
        Ok(last)
    }

    pub(crate) fn new_id(&self) -> CommandId {
        let mut random = Randomness::default();
        self.app.randomness.fill(&mut random);
        CommandId::new(self.now_ms(), &random)
    }
}

/// The frame as an input, by its size and kind.
fn input(call: &Call) -> Input<'_> {
    if call.is_binary {
        Input::Binary
    } else if call.body.len() > FRAME_BYTES_MAX {
        Input::Oversized { bytes: call.body.len() as u64 }
    } else {
        Input::Text(&call.body)
    }
}

fn aside(kept: &mut Kept, step: &Step, now_ms: u64) -> Aside {
    match &step.output {
        Some(Output::Typing { conversation, .. }) => {
            Aside { may_type: kept.may_type(*conversation, now_ms), ..Aside::default() }
        }
        Some(Output::SetActive { active, .. }) => {
            let before = std::mem::replace(&mut kept.active, *active);
            Aside { active_changed: before != *active, ..Aside::default() }
        }
        _ => Aside::default(),
    }
}

/// That a socket was silent for its first second makes it live without a write, so being live by a frame is written
/// only within that second.
fn is_worth_writing(before: &Kept, after: &Kept, endpoint: &Endpoint, now_ms: u64) -> bool {
    let is_old = now_ms.saturating_sub(endpoint.opened_at) >= SYNC_GRACE_MS;
    let mut lived = before.clone();
    if is_old {
        lived.session.step(Input::GraceElapsed, Time::from_ms(now_ms), || CommandId::from_u128(0));
    }
    *after != lived
}

/// The answer when nothing is known of the socket at the moment: the same frame can be sent again.
fn later(home: &Home, call: &Call) -> Option<Vec<u8>> {
    let mut stranger = Session::opened();
    let input = Input::Limited { text: &call.body, retry_after_ms: RETRY_MS };
    let step = stranger.step(input, Time::from_ms(home.now_ms()), || home.new_id());
    match step.output {
        Some(Output::Reply(frame)) => Some(frame.encode()),
        _ => Some(ServerFrame::error(None, Code::Unavailable, UNAVAILABLE, Some(RETRY_MS)).encode()),
    }
}

const UNAVAILABLE: &str = "The server cannot do that at the moment. Try again later.";

#[cfg(test)]
mod tests {
    use chat::{ConnectionId, SessionId, UserId};

    use super::*;

    fn call(body: &str) -> Call {
        Call {
            name: "x".into(),
            connection: ConnectionId::from_u128(1),
            user: UserId::from_u128(2),
            session: SessionId::from_u128(3),
            body: body.into(),
            is_binary: false,
            subprotocols: None,
        }
    }

    fn endpoint(opened_at: u64) -> Endpoint {
        Endpoint {
            user: UserId::from_u128(2),
            connection: ConnectionId::from_u128(1),
            name: "x".into(),
            session: SessionId::from_u128(3),
            opened_at,
            until: u64::MAX,
            state: Kept::opened().to_bytes(),
            missed: 0,
        }
    }

    #[test]
    fn p3_p51_frames_are_bounded_by_this_code_too() {
        assert!(matches!(input(&call("{}")), Input::Text("{}")));
        assert!(matches!(input(&call(&"x".repeat(32_769))), Input::Oversized { bytes: 32_769 }));
        assert_eq!(input(&Call { is_binary: true, ..call("AA==") }), Input::Binary);
    }

    #[test]
    fn a_frame_of_a_socket_that_is_live_writes_nothing() {
        let step = |kept: &Kept, now_ms| {
            let mut after = kept.clone();
            after.step(Input::Text(r#"{"action":"ping"}"#), now_ms, || CommandId::from_u128(0));
            after
        };
        let opened = Kept::opened();
        let live = step(&opened, 100);
        assert!(is_worth_writing(&opened, &live, &endpoint(50), 100), "within the first second");
        assert!(!is_worth_writing(&opened, &live, &endpoint(50), 5_000), "silence has made it live");
        assert!(!is_worth_writing(&live, &step(&live, 5_000), &endpoint(50), 5_000));
        let mut bad = live.clone();
        bad.step(Input::Text("rubbish"), 5_000, || CommandId::from_u128(0));
        assert!(is_worth_writing(&live, &bad, &endpoint(50), 5_000), "bad frames are counted");
    }
}

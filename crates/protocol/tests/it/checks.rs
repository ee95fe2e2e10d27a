//! What must hold for any bytes: shared by the fuzz targets and by the tests that replay their corpus.
//! Panics when something does not hold; returns nothing.

use chat::CommandId;
use protocol::{
    CloseCode, Time,
    frame::{ServerFrame, decode},
    limits::BAD_FRAMES_MAX,
    session::{Input, Output, Phase, Session, Step},
};

/// A client's frame is read or refused with a bounded sentence; what is read can be written and read again.
pub(crate) fn client_frame(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match decode(text) {
        Ok(request) => {
            let written = request.encode();
            // Writing may be longer than what was read (ids given as escapes, say), never beyond the hard limit.
            match decode(&written) {
                Ok(again) => assert_eq!(again, request, "{written}"),
                Err(error) => {
                    assert!(written.len() > protocol::limits::FRAME_BYTES_MAX, "{error}: {written}");
                }
            }
        }
        Err(error) => {
            assert!(!error.message.is_empty());
            assert!(error.message.len() < 1_000, "an unbounded sentence: {}", error.message);
            let frame = ServerFrame::from(error);
            assert_eq!(ServerFrame::decode(&frame.encode_text()).expect("our own frame"), frame);
        }
    }
}

/// A server's frame is read or refused; what is read can be written and read again.
pub(crate) fn server_frame(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(frame) = ServerFrame::decode(text) {
        let written = frame.encode_text();
        let again = ServerFrame::decode(&written).unwrap_or_else(|error| panic!("{error}: {written}"));
        assert_eq!(again, frame, "{written}");
    }
}

/// A session takes any inputs, one a line; the first byte of a line says which input it is.
pub(crate) fn session(bytes: &[u8]) {
    let mut model = Model::default();
    let mut session = Session::opened();
    for line in bytes.split(|byte| *byte == b'\n') {
        let Some((choice, rest)) = line.split_first() else { continue };
        let text = std::str::from_utf8(rest).unwrap_or_default();
        let input = match choice {
            b'g' => Input::Gone,
            b'c' => Input::Close(CloseCode::SessionEnded),
            b'd' => Input::Drain { after_ms: rest.len() as u64 },
            b'e' => Input::GraceElapsed,
            b'f' => Input::SyncFinished,
            b'b' => Input::Binary,
            b'o' => Input::Oversized { bytes: 32_768 + 10_000 * rest.len() as u64 },
            b'l' => Input::Limited { text, retry_after_ms: 9 },
            _ => Input::Text(text),
        };
        let mut ids = 0;
        let step = session.step(input, Time::from_ms(1), || {
            ids += 1;
            CommandId::from_u128(1)
        });
        assert!(ids <= 1);
        model.check(input, &step, &session);
    }
}

/// What has been seen of a session, to hold the next step against.
#[derive(Default)]
struct Model {
    closed: bool,
    syncing: bool,
    live: bool,
    told_to_reconnect: bool,
    bad_in_a_row: u32,
}

impl Model {
    fn check(&mut self, input: Input<'_>, step: &Step, session: &Session) {
        assert!(!self.closed || *step == Step::default(), "something came out after the end: {step:?}");
        if let Some(Output::StartSync(_)) = step.output {
            assert!(!self.syncing, "two syncs at once");
            assert!(!step.go_live, "a sync decides where it is live");
            self.syncing = true;
            self.live = true;
        }
        assert!(!(step.go_live && self.live && !self.syncing), "live twice");
        self.live |= step.go_live;
        if matches!(input, Input::SyncFinished) {
            self.syncing = false;
        }
        self.check_answer(input, step);
        self.closed |= step.close.is_some() || matches!(input, Input::Gone | Input::Close(_));
        assert_eq!(session.phase() == Phase::Closed, self.closed);
        if !self.closed {
            assert_eq!(session.phase() == Phase::Syncing, self.syncing);
            assert_eq!(session.phase() == Phase::Fresh, !self.live);
        }
    }

    fn check_answer(&mut self, input: Input<'_>, step: &Step) {
        let is_frame =
            matches!(input, Input::Text(_) | Input::Limited { .. } | Input::Binary | Input::Oversized { .. });
        assert!(self.closed || !is_frame || step.output.is_some(), "a frame without an answer: {input:?}");
        let reconnect = matches!(&step.output, Some(Output::Reply(ServerFrame::Reconnect(_))));
        assert!(!(reconnect && self.told_to_reconnect), "told to reconnect twice");
        self.told_to_reconnect |= reconnect;
        let bad =
            matches!(input, Input::Binary) || matches!(input, Input::Text(text) if decode(text).is_err());
        self.bad_in_a_row = if bad { self.bad_in_a_row + 1 } else { 0 };
        assert!(self.closed || step.close.is_some() || self.bad_in_a_row <= BAD_FRAMES_MAX, "still open");
    }
}

//! Carries out what a session asks for: commands, marks, typing, watching, presence. The same codes and sentences as
//! the gateway's.
//! Invariant: a message reads its sender's membership and nothing else, and `accepted` follows the queue's answer (D1).

use api::Unclaimed;
use backend_aws::Endpoint;
use chat::{
    Announcement, Change, ChangeOutcome, CommandId, ConversationId, ConversationKind, Mark, UserId,
    admission,
    limits::MARKS_BROADCAST_MEMBERS_MAX,
    ports::{Connection, PortError, Retry},
};
use protocol::{
    Code, Ref,
    frame::{ServerFrame, presence_frames},
    session::{Marking, Output, Submission, done},
};

use crate::{
    frames::{Answers, Aside, Taken},
    home::Home,
    limits::{ENDPOINT_LIFE_MS, RETRY_MS},
    relay::GATEWAY,
};

/// The answer to one thing, if it has one.
type Answer = Option<ServerFrame<'static>>;

impl Home {
    /// Does what the step asks for. Returns what is to be said, in order.
    pub(crate) async fn carry_out(&self, taken: Taken) -> Answers {
        let Taken { endpoint, step, aside } = taken;
        let Some(output) = step.output else { return Answers::new() };
        let answer = match output {
            Output::Reply(frame) => Some(frame),
            Output::Submit(submission) => Some(Box::pin(self.submit(&endpoint, submission)).await),
            Output::StartSync(request) => return Box::pin(self.sync(&endpoint, request)).await,
            Output::Mark(marking) => self.mark(&endpoint, marking).await,
            Output::Typing { conversation, reference } => {
                self.typing(&endpoint, conversation, reference, aside).await
            }
            Output::WatchPresence { users, reference } => {
                return self.watch_presence(&endpoint, users, reference).await;
            }
            Output::WatchMarks { conversations, reference } => {
                self.watch_marks(&endpoint, conversations, reference).await
            }
            Output::SetActive { active, reference } => {
                self.set_active(&endpoint, active, reference, aside).await
            }
        };
        answer.iter().map(ServerFrame::encode).collect()
    }

    /// Step 4 and 5: admission by the membership alone, then the queue. What may be done with messages is the same in
    /// conversations of every kind, so the kind is not read.
    async fn submit(&self, endpoint: &Endpoint, mut submission: Submission) -> ServerFrame<'static> {
        let (id, conversation) = (submission.command_id, submission.conversation);
        let reference = submission.reference.clone();
        let role = match self.app.store.member(conversation, endpoint.user).await {
            Ok(membership) => membership.map(|it| it.role),
            Err(error) => return failed(reference, id, &error),
        };
        if let Err(refusal) = admission::admit(ConversationKind::Group, role, &submission.command) {
            return ServerFrame::refused(reference, Some(id), refusal);
        }
        if let Err(slow_down) = self.app.limits.send(endpoint.user) {
            const MESSAGE: &str =
                "You are sending too fast: wait for retryAfterMs, then send it again with the same id.";
            let wait_ms = Some(slow_down.retry_after_ms);
            return ServerFrame::rejected(reference, Some(id), Code::SlowDown, MESSAGE, wait_ms);
        }
        match api::claim(&self.app, endpoint.user, conversation, id, &mut submission.command).await {
            Ok(()) => {}
            Err(Unclaimed::Refused(refusal)) => return ServerFrame::refused(reference, Some(id), refusal),
            Err(Unclaimed::Failed(error)) => return failed(reference, id, &error),
        }
        let (envelope, reference) = submission.into_envelope(endpoint.user, self.now_ms());
        match self.app.commands.submit(vec![envelope]).await {
            Ok(()) => ServerFrame::accepted(reference, id),
            Err(error) => failed(reference, id, &error),
        }
    }

    async fn mark(&self, endpoint: &Endpoint, marking: Marking) -> Answer {
        let reference = marking.reference.clone();
        match self.move_mark(endpoint.user, &marking).await {
            Ok(true) => done(reference),
            Ok(false) => Some(ServerFrame::not_in_sync(reference, marking.conversation)),
            Err(error) => {
                tracing::warn!(%error, "a mark could not be stored");
                const MESSAGE: &str = "The mark could not be stored. Try again later.";
                Some(ServerFrame::error(reference, Code::from(&error), MESSAGE, Some(1_000)))
            }
        }
    }

    /// Stores a mark, cut at the log's head, and tells whom it concerns. `false` for who is no member.
    async fn move_mark(&self, user: UserId, marking: &Marking) -> Result<bool, PortError> {
        let conversation = marking.conversation;
        let store = &self.app.store;
        let ids = [conversation];
        let (membership, heads) = tokio::join!(store.member(conversation, user), store.heads(&ids));
        if membership?.is_none() {
            return Ok(false);
        }
        let head = heads?.first().copied().unwrap_or_default();
        let cut = |seq: Option<u64>| seq.map(|seq| seq.min(head));
        let mark = marking.of(user);
        let mark = Mark { read: cut(mark.read), delivered: cut(mark.delivered), ..mark };
        let outcome = store.change(Change::Mark(vec![mark])).await?;
        self.tell_marks(outcome).await?;
        Ok(true)
    }

    /// Tells of marks that have moved.
    async fn tell_marks(&self, outcome: ChangeOutcome) -> Result<(), PortError> {
        let ChangeOutcome::Marks(marks) = outcome else { return Ok(()) };
        let mut news = Vec::new();
        for (Mark { conversation, user, .. }, state, _) in marks.into_iter().filter(|(_, _, moved)| *moved) {
            let members = self.app.store.conversation(conversation).await?.map_or(u64::MAX, |it| it.members);
            let to_all = members <= MARKS_BROADCAST_MEMBERS_MAX;
            news.push(Announcement::Marks { conversation, user, state, to_all });
        }
        self.announce(news).await;
        Ok(())
    }

    async fn typing(
        &self,
        endpoint: &Endpoint,
        conversation: ConversationId,
        reference: Option<Ref>,
        aside: Aside,
    ) -> Answer {
        match self.app.store.member(conversation, endpoint.user).await {
            Ok(Some(_)) => {}
            Ok(None) => return Some(ServerFrame::not_in_sync(reference, conversation)),
            Err(error) => return Some(unavailable(reference, &error)),
        }
        if aside.may_type {
            self.announce(vec![Announcement::Typing { conversation, user: endpoint.user }]).await;
        }
        done(reference)
    }

    /// Watches first, then asks, so that no change falls between.
    async fn watch_presence(
        &self,
        endpoint: &Endpoint,
        mut users: Vec<UserId>,
        reference: Option<Ref>,
    ) -> Answers {
        users.sort_unstable();
        users.dedup();
        let now_ms = self.now_ms();
        let watched = self.endpoints.watch_people(endpoint, users.clone(), now_ms).await;
        let states = match watched {
            Ok(()) => self.app.directory.presence(&users, now_ms).await,
            Err(error) => Err(error),
        };
        match states {
            Ok(states) => {
                let mut answers: Answers = presence_frames(&states).collect();
                answers.extend(done(reference).iter().map(ServerFrame::encode));
                answers
            }
            Err(error) => {
                tracing::warn!(%error, "presence cannot be read");
                const MESSAGE: &str = "Presence cannot be read at the moment.";
                vec![ServerFrame::error(reference, Code::from(&error), MESSAGE, None).encode()]
            }
        }
    }

    /// Those that the person may not see are left out (D7).
    async fn watch_marks(
        &self,
        endpoint: &Endpoint,
        conversations: Vec<ConversationId>,
        reference: Option<Ref>,
    ) -> Answer {
        let mut own = Vec::with_capacity(conversations.len());
        for conversation in conversations {
            match self.app.store.member(conversation, endpoint.user).await {
                Ok(Some(_)) => own.push(conversation),
                Ok(None) => {}
                Err(error) => return Some(unavailable(reference, &error)),
            }
        }
        match self.endpoints.watch_conversations(endpoint, own, self.now_ms()).await {
            Ok(()) => done(reference),
            Err(error) => Some(unavailable(reference, &error)),
        }
    }

    async fn set_active(
        &self,
        endpoint: &Endpoint,
        active: bool,
        reference: Option<Ref>,
        aside: Aside,
    ) -> Answer {
        if aside.active_changed {
            let Endpoint { connection, user, session, opened_at, .. } = *endpoint;
            let line = Connection { connection, user, session, node: GATEWAY, active };
            let until = opened_at + ENDPOINT_LIFE_MS;
            let told = match self.app.directory.put(vec![line], until).await {
                Ok(changed) => self.tell_presence(changed).await,
                Err(error) => Err(error),
            };
            if let Err(error) = told {
                return Some(unavailable(reference, &error));
            }
        }
        done(reference)
    }
}

fn failed(reference: Option<Ref>, id: CommandId, error: &PortError) -> ServerFrame<'static> {
    let wait_ms = match error.retry {
        Retry::AfterMs(ms) => Some(ms),
        Retry::Backoff => Some(RETRY_MS),
        Retry::Never => None,
    };
    let code = Code::from(error);
    let (message, wait_ms) = match code {
        Code::SlowDown => (
            "The server has too much to do at the moment. Send it again after retryAfterMs, with the same id.",
            Some(wait_ms.unwrap_or(RETRY_MS)),
        ),
        Code::Unavailable => {
            ("The server cannot take messages at the moment. Send it again later, with the same id.", wait_ms)
        }
        _ => (
            "The server could not take the message because of a fault of its own. It has been logged.",
            wait_ms,
        ),
    };
    if code != Code::SlowDown {
        tracing::warn!(%error, "a command could not be queued");
    }
    ServerFrame::rejected(reference, Some(id), code, message, wait_ms)
}

fn unavailable(reference: Option<Ref>, error: &PortError) -> ServerFrame<'static> {
    tracing::warn!(%error, "a frame could not be carried out");
    const MESSAGE: &str = "The server cannot do that at the moment. Try again later.";
    ServerFrame::error(reference, Code::from(error), MESSAGE, Some(1_000))
}

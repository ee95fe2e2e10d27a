//! One socket's part of a batch, post by post.
//! Invariant: a post goes out only behind all before it; what could not go out now holds back everything behind it.

use std::{sync::Arc, time::Duration};

use backend_aws::{Endpoint, Posted};
use chat::{
    Announcement,
    ports::{ErrorKind, PortError},
};

use crate::{
    home::Home,
    kept::{Hearing, Kept},
    limits::{POST_PAUSE_MS, POST_ROUNDS_MAX, STATE_TRIES_MAX},
    plan::{Task, posts},
    recipients::What,
};

/// What a socket could not be told, by letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Untold {
    Nothing,
    /// These come again.
    Later(Vec<usize>),
    /// These never can, for this reason.
    Never(Vec<usize>, String),
}

impl Home {
    /// Tells a socket its part.
    pub(crate) async fn deliver(
        &self,
        endpoint: Endpoint,
        tasks: &[Task],
        letters: &[Arc<Announcement>],
    ) -> Untold {
        let all = || tasks.iter().map(|(letter, _)| *letter).collect::<Vec<_>>();
        match Box::pin(self.try_deliver(endpoint, tasks, letters)).await {
            Ok(untold) if untold.is_empty() => Untold::Nothing,
            Ok(untold) => Untold::Later(untold),
            Err(error) if error.is_transient() => {
                tracing::warn!(%error, "a socket cannot be told now");
                Untold::Later(all())
            }
            Err(error) => {
                tracing::error!(%error, "a socket cannot be told");
                Untold::Never(all(), error.to_string())
            }
        }
    }

    async fn try_deliver(
        &self,
        endpoint: Endpoint,
        tasks: &[Task],
        letters: &[Arc<Announcement>],
    ) -> Result<Vec<usize>, PortError> {
        let Some((endpoint, tasks)) = self.heard_by(endpoint, tasks).await? else { return Ok(Vec::new()) };
        if tasks.is_empty() {
            return Ok(Vec::new());
        }
        let close = tasks.iter().find_map(|(_, what)| match what {
            What::Close(frame) => Some(Arc::clone(frame)),
            _ => None,
        });
        let Some(endpoint) = self.greet(endpoint).await? else { return Ok(Vec::new()) };
        if let Some(frame) = close {
            self.posting.post(&endpoint.name, frame.to_vec()).await?;
            self.close(endpoint.user, endpoint.connection, &endpoint.name).await?;
            return Ok(Vec::new());
        }
        let posts = posts(&tasks, letters);
        for (at, post) in posts.iter().enumerate() {
            match self.post_patiently(&endpoint.name, post.frame.to_vec()).await? {
                Posted::Yes => {}
                Posted::Gone => {
                    self.left(endpoint.user, endpoint.connection).await?;
                    return Ok(Vec::new());
                }
                Posted::Later => return Ok(posts[at..].iter().flat_map(|it| it.letters.clone()).collect()),
            }
        }
        Ok(Vec::new())
    }

    /// Leaves out what the socket does not hear now. `None` when it is gone.
    async fn heard_by(
        &self,
        mut endpoint: Endpoint,
        tasks: &[Task],
    ) -> Result<Option<(Endpoint, Vec<Task>)>, PortError> {
        let others = || tasks.iter().filter(|(_, what)| *what != What::Event).cloned().collect();
        if tasks.iter().all(|(_, what)| *what != What::Event) {
            return Ok(Some((endpoint, tasks.to_vec())));
        }
        for _ in 0..STATE_TRIES_MAX {
            match Kept::of(&endpoint)?.hears(endpoint.opened_at, self.now_ms()) {
                Hearing::Yes => return Ok(Some((endpoint, tasks.to_vec()))),
                Hearing::No => return Ok(Some((endpoint, others()))),
                Hearing::CatchesUp => {
                    // One note is enough for all of them: each is stored already, and will be read.
                    if self.endpoints.miss(&endpoint).await? {
                        return Ok(Some((endpoint, others())));
                    }
                }
            }
            match self.endpoints.get(endpoint.user, endpoint.connection).await? {
                Some(now) => endpoint = now,
                None => return Ok(None),
            }
        }
        Err(PortError::new(ErrorKind::Conflict, "lambda.deliver"))
    }

    /// Posts, waiting a moment when the account posts too fast.
    pub(crate) async fn post_patiently(&self, name: &str, frame: Vec<u8>) -> Result<Posted, PortError> {
        for round in 1..POST_ROUNDS_MAX {
            match self.posting.post(name, frame.clone()).await? {
                Posted::Later => {
                    let longest_ms = POST_PAUSE_MS << round;
                    tokio::time::sleep(Duration::from_millis(self.below(longest_ms))).await;
                }
                posted => return Ok(posted),
            }
        }
        self.posting.post(name, frame).await
    }

    /// Anything below this bound, by chance.
    pub(crate) fn below(&self, bound: u64) -> u64 {
        let mut bytes = [0; 8];
        self.app.randomness.fill(&mut bytes);
        u64::from_le_bytes(bytes) % bound.max(1)
    }
}

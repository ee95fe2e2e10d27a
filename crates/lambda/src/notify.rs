//! Announcements reach sockets: one batch of the notifications queue, by socket, in order, many sockets at once.
//! Invariant: an announcement is done when every socket it concerns was told, is gone, or knows that it missed
//! something; when some could not be told, it comes again for those alone.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
    time::Duration,
};

use anyhow::Result;
use backend_aws::{AwsOptions, Endpoint, ReceivedQueue, Which};
use chat::{
    Announcement, ConnectionId, UserId,
    limits::{RETRY_BASE_MS, RETRY_CAP_MS},
    ports::{Lease, LeaseId, PortError, Queue, Settlement},
};
use futures_util::{StreamExt as _, stream};
use serde_json::Value;

use crate::{
    batch,
    delivery::Untold,
    home::Home,
    limits::{POST_RECEIVES_MAX, POSTS_AT_ONCE, RECORDS_MAX, TYPING_AGE_MS},
    plan::Task,
    recipients::Rolls,
};

/// The handler's tools, kept from one event to the next.
pub(crate) struct Notifying {
    received: ReceivedQueue<Announcement>,
}

/// A leased announcement.
struct Letter {
    id: LeaseId,
    group: u128,
    attempts: u32,
    fate: Fate,
    /// Sockets that could not be told.
    rest: Vec<(UserId, ConnectionId)>,
}

/// What becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Fate {
    Told,
    Later,
    Never(String),
}

/// A socket and its tasks, in order.
struct Mail {
    endpoint: Endpoint,
    tasks: Vec<Task>,
}

impl Notifying {
    pub(crate) async fn open(home: &Home) -> Result<Notifying> {
        let (clock, randomness) = (Arc::clone(&home.app.clock), Arc::clone(&home.app.randomness));
        let options = AwsOptions::default();
        let names = &home.settings.names;
        let received =
            ReceivedQueue::open(&home.sdk, names, Which::Notifications, options, clock, randomness).await?;
        Ok(Notifying { received })
    }

    /// Handles an event of the notifications queue.
    pub(crate) async fn handle(&self, home: &Home, event: Value) -> Result<Value> {
        let (messages, beyond) = batch::messages(event)?;
        self.received.offer(messages).await;
        let leases = self.received.lease(RECORDS_MAX, Duration::ZERO).await?;
        let settlements = home.tell_all(leases).await;
        if let Err(error) = self.received.settle(settlements).await {
            tracing::error!(%error, "announcements could not be settled; they come again");
        }
        Ok(batch::answer(self.received.failed().into_iter().chain(beyond).collect()))
    }
}

impl Home {
    /// Tells a batch. Returns what became of each.
    async fn tell_all(&self, leases: Vec<Lease<Announcement>>) -> Vec<(LeaseId, Settlement)> {
        let (mut letters, announcements) = self.open_letters(leases);
        let mails = self.sort(&mut letters, &announcements).await;
        let told = stream::iter(mails).map(|mail| {
            let announcements = &announcements;
            async move {
                let who = (mail.endpoint.user, mail.endpoint.connection);
                (who, self.deliver(mail.endpoint, &mail.tasks, announcements).await)
            }
        });
        let told: Vec<_> = told.buffer_unordered(POSTS_AT_ONCE).collect().await;
        for (who, untold) in told {
            self.take_over(&mut letters, who, untold);
        }
        self.keep_rests(&mut letters).await;
        letters.into_iter().map(|letter| (letter.id.clone(), self.settlement(letter))).collect()
    }

    /// Typing that is no longer true is told to nobody.
    fn open_letters(&self, leases: Vec<Lease<Announcement>>) -> (Vec<Letter>, Vec<Arc<Announcement>>) {
        let now_ms = self.now_ms();
        let fresh = leases.into_iter().map(|lease| {
            let Lease { id, group, attempts, sent_at, body } = lease;
            let is_old =
                matches!(body, Announcement::Typing { .. }) && now_ms.saturating_sub(sent_at) > TYPING_AGE_MS;
            let body = if is_old { nobody(&body) } else { body };
            (Letter { id, group, attempts, fate: Fate::Told, rest: Vec::new() }, Arc::new(body))
        });
        fresh.unzip()
    }

    /// Finds out who has to hear of what, and sorts it by socket. What cannot be found out now comes again, and what
    /// is behind it in its group too.
    async fn sort(&self, letters: &mut [Letter], announcements: &[Arc<Announcement>]) -> Vec<Mail> {
        let mut rolls = Rolls::default();
        let mut held: HashSet<u128> = HashSet::new();
        let mut mails: BTreeMap<(UserId, ConnectionId), Mail> = BTreeMap::new();
        for (at, (letter, announcement)) in letters.iter_mut().zip(announcements).enumerate() {
            if held.contains(&letter.group) {
                letter.fate = Fate::Later;
                continue;
            }
            match self.recipients(&mut rolls, letter, announcement).await {
                Ok(recipients) => {
                    for recipient in recipients {
                        let who = (recipient.endpoint.user, recipient.endpoint.connection);
                        let mail = mails.entry(who);
                        let mail =
                            mail.or_insert_with(|| Mail { endpoint: recipient.endpoint, tasks: Vec::new() });
                        mail.tasks.push((at, recipient.what));
                    }
                }
                Err(error) if error.is_transient() => {
                    tracing::warn!(%error, "who has to hear of an announcement cannot be found out now");
                    held.insert(letter.group);
                    letter.fate = Fate::Later;
                }
                Err(error) => {
                    tracing::error!(%error, "who has to hear of an announcement cannot be found out");
                    letter.fate = Fate::Never(error.to_string());
                }
            }
        }
        mails.into_values().collect()
    }

    async fn recipients(
        &self,
        rolls: &mut Rolls,
        letter: &Letter,
        announcement: &Announcement,
    ) -> Result<Vec<crate::recipients::Recipient>, PortError> {
        if letter.attempts > 1
            && let Some(rest) = self.endpoints.rest(&letter.id.0).await?
        {
            return rolls.only(self, announcement, &rest).await;
        }
        rolls.recipients(self, announcement).await
    }

    fn take_over(&self, letters: &mut [Letter], who: (UserId, ConnectionId), untold: Untold) {
        match untold {
            Untold::Nothing => {}
            Untold::Later(those) => {
                for letter in those {
                    letters[letter].rest.push(who);
                }
            }
            Untold::Never(those, reason) => {
                for letter in those {
                    letters[letter].fate = Fate::Never(reason.clone());
                }
            }
        }
    }

    /// Remembers who is still to be told, so that nobody is told twice. After many tries such a socket is closed: its
    /// client connects again and syncs.
    async fn keep_rests(&self, letters: &mut [Letter]) {
        for letter in letters.iter_mut().filter(|letter| !letter.rest.is_empty()) {
            if letter.attempts >= POST_RECEIVES_MAX {
                self.close_rest(&letter.rest).await;
                continue;
            }
            if let Err(error) = self.endpoints.put_rest(&letter.id.0, &letter.rest, self.now_ms()).await {
                tracing::warn!(%error, "who is still to be told is not remembered: all are told again");
            }
            if letter.fate == Fate::Told {
                letter.fate = Fate::Later;
            }
        }
    }

    async fn close_rest(&self, rest: &[(UserId, ConnectionId)]) {
        for (user, connection) in rest {
            let closed = match self.endpoints.get(*user, *connection).await {
                Ok(Some(endpoint)) => self.close(*user, *connection, &endpoint.name).await,
                Ok(None) => Ok(()),
                Err(error) => Err(error),
            };
            if let Err(error) = closed {
                tracing::warn!(%error, "a socket that cannot be told could not be closed");
            }
        }
    }

    fn settlement(&self, letter: Letter) -> Settlement {
        match letter.fate {
            Fate::Told => Settlement::Done,
            Fate::Later => Settlement::RetryAfter(self.backoff(letter.attempts)),
            Fate::Never(reason) => Settlement::Dead { reason },
        }
    }

    /// Evenly random between nothing and a bound that doubles with every try.
    fn backoff(&self, attempts: u32) -> Duration {
        let bound_ms = (RETRY_BASE_MS << attempts.min(16)).min(RETRY_CAP_MS);
        Duration::from_millis(self.below(bound_ms + 1))
    }
}

/// What is told to nobody.
fn nobody(announcement: &Announcement) -> Announcement {
    let user =
        if let Announcement::Typing { user, .. } = announcement { *user } else { UserId::from_u128(0) };
    Announcement::SessionsEnded { user, sessions: Vec::new() }
}

//! Dead letters for operators: list, show, send again, drop (D5).
//! Shows who, where, when and why, never a message's text (D7). Works over any queue.

use chat::{
    Announcement, CommandId, ConversationId, Envelope, TimestampMs, UserId,
    ports::{DeadLetter, PortError, Queue},
};

use crate::limits::DEAD_LETTERS_PER_PAGE;

/// What an operator sees of a dead letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Names it for `redrive` and `drop`.
    pub id: String,
    /// What was asked or to be told, by name; `unreadable` when that is not known.
    pub what: &'static str,
    /// Where.
    pub conversation: Option<ConversationId>,
    /// Whose command it was.
    pub user: Option<UserId>,
    /// The sender's id for it.
    pub command_id: Option<CommandId>,
    /// When the command was accepted.
    pub accepted_at: Option<TimestampMs>,
    /// Why it was given up.
    pub reason: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When it failed first.
    pub first_failed_at: TimestampMs,
    /// When it was given up.
    pub last_failed_at: TimestampMs,
}

/// Things that can be shown without their content.
pub trait Summarise {
    /// Fills in what is known of it.
    fn summarise(&self, summary: &mut Summary);
}

/// What is said of a dead letter that does not read.
const UNREADABLE: &str = "unreadable";

/// Which dead letters an operation is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// These.
    Ids(Vec<String>),
    /// All that are there when the operation begins.
    All,
}

/// A page of dead letters in the order of their ids, after the id `after`, at most `limit`.
///
/// # Errors
/// As the queue's.
pub async fn list<T: Summarise + Send + 'static>(
    queue: &dyn Queue<T>,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<Summary>, PortError> {
    let letters = queue.dead_letters(after, limit.min(DEAD_LETTERS_PER_PAGE)).await?;
    Ok(letters.iter().map(summary).collect())
}

/// One dead letter, body included. Reads on from the start: dead letters are few, and queues have no index of them.
///
/// # Errors
/// As the queue's.
pub async fn show<T: Send + 'static>(
    queue: &dyn Queue<T>,
    id: &str,
) -> Result<Option<DeadLetter<T>>, PortError> {
    let mut after: Option<String> = None;
    loop {
        let page = queue.dead_letters(after.as_deref(), DEAD_LETTERS_PER_PAGE).await?;
        let Some(last) = page.last().map(|letter| letter.id.clone()) else { return Ok(None) };
        if let Some(found) = page.into_iter().find(|letter| letter.id == id) {
            return Ok(Some(found));
        }
        after = Some(last);
    }
}

/// Sends dead letters again. Safe to repeat (D2). Returns how many were sent.
///
/// # Errors
/// As the queue's; some may have been sent.
pub async fn redrive<T: Send + 'static>(
    queue: &dyn Queue<T>,
    selection: Selection,
) -> Result<usize, PortError> {
    let mut sent = 0;
    for ids in pages(queue, selection).await? {
        sent += queue.redrive(&ids).await?;
    }
    Ok(sent)
}

/// Forgets dead letters for good. Returns how many there were.
///
/// # Errors
/// As the queue's; some may be gone.
pub async fn drop_dead<T: Send + 'static>(
    queue: &dyn Queue<T>,
    selection: Selection,
) -> Result<usize, PortError> {
    let mut dropped = 0;
    for ids in pages(queue, selection).await? {
        dropped += queue.drop_dead(&ids).await?;
    }
    Ok(dropped)
}

/// The ids of a selection, a page at a time. All are collected first, so that a letter which dies again meanwhile is
/// not sent for ever.
async fn pages<T: Send + 'static>(
    queue: &dyn Queue<T>,
    selection: Selection,
) -> Result<Vec<Vec<String>>, PortError> {
    let ids = match selection {
        Selection::Ids(ids) => ids,
        Selection::All => all_ids(queue).await?,
    };
    Ok(ids.chunks(DEAD_LETTERS_PER_PAGE).map(<[String]>::to_vec).collect())
}

async fn all_ids<T: Send + 'static>(queue: &dyn Queue<T>) -> Result<Vec<String>, PortError> {
    let expected = usize::try_from(queue.depth().await?.dead).unwrap_or(usize::MAX);
    let mut ids: Vec<String> = Vec::new();
    loop {
        let page = queue.dead_letters(ids.last().map(String::as_str), DEAD_LETTERS_PER_PAGE).await?;
        let full = page.len() == DEAD_LETTERS_PER_PAGE && ids.len() < expected;
        ids.extend(page.into_iter().map(|letter| letter.id));
        if !full {
            return Ok(ids);
        }
    }
}

/// A dead letter without its content.
#[must_use]
pub fn summary<T: Summarise>(letter: &DeadLetter<T>) -> Summary {
    let mut summary = Summary {
        id: letter.id.clone(),
        what: UNREADABLE,
        conversation: None,
        user: None,
        command_id: None,
        accepted_at: None,
        reason: letter.reason.clone(),
        attempts: letter.attempts,
        first_failed_at: letter.first_failed_at,
        last_failed_at: letter.last_failed_at,
    };
    if let Some(body) = &letter.body {
        body.summarise(&mut summary);
    }
    summary
}

impl Summarise for Envelope {
    fn summarise(&self, summary: &mut Summary) {
        summary.what = self.command.name();
        summary.conversation = Some(self.conversation);
        summary.user = Some(self.actor);
        summary.command_id = Some(self.command_id);
        summary.accepted_at = Some(self.accepted_at);
    }
}

impl Summarise for Announcement {
    fn summarise(&self, summary: &mut Summary) {
        summary.conversation = self.conversation();
        match self {
            Self::Event { event, .. } => {
                summary.what = event.kind.name();
                summary.user = Some(event.actor);
                summary.command_id = Some(event.command_id);
                summary.accepted_at = Some(event.at);
            }
            Self::Failed { user, command_id, .. } => {
                summary.what = "failed";
                summary.user = Some(*user);
                summary.command_id = Some(*command_id);
            }
            Self::Marks { user, .. } => (summary.what, summary.user) = ("marks", Some(*user)),
            Self::Typing { user, .. } => (summary.what, summary.user) = ("typing", Some(*user)),
            Self::Presence { user, .. } => (summary.what, summary.user) = ("presence", Some(*user)),
            Self::Preferences { user, .. } => (summary.what, summary.user) = ("preferences", Some(*user)),
            Self::SessionsEnded { user, .. } => (summary.what, summary.user) = ("sessionsEnded", Some(*user)),
            Self::AccountDisabled { user, .. } => {
                (summary.what, summary.user) = ("accountDisabled", Some(*user));
            }
        }
    }
}

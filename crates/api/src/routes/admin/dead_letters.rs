//! Dead letters (D5): what could not be processed, why, and what is to become of it.
//! Shows who, where, when and why, never what was said (D7).

use std::sync::Arc;

use axum::extract::State;
use chat::{
    Announcement, Envelope,
    ports::{DeadLetter, PortError, Queue},
};
use protocol::{
    Code, Time,
    http::{
        Page,
        admin::{DeadLetterCount, DeadLetterItem, DeadLetterSelection, QueueName},
    },
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    App, Problem,
    auth::Administrator,
    endpoint::{Access, Endpoint, get, post},
    extract::{Json, Query, Segments},
    limits::{DEAD_LETTERS_NAMED_MAX, DEAD_LETTERS_SCAN_MAX},
    page,
};

pub(super) fn endpoints() -> Vec<Endpoint> {
    const TAG: &str = "admin";
    vec![
        get("/v1/admin/dead-letters", list)
            .is(TAG, "listDeadLetters", "What could not be processed.")
            .access(Access::Administrator)
            .query::<DeadLettersQuery>()
            .answers::<Page<DeadLetterItem>>(200, "A page, in the order of ids."),
        get("/v1/admin/dead-letters/{deadLetter}", show)
            .is(TAG, "getDeadLetter", "One of them.")
            .access(Access::Administrator)
            .query::<QueueQuery>()
            .answers::<DeadLetterItem>(200, "The dead letter.")
            .refuses(&[Code::DeadLetterNotFound]),
        post("/v1/admin/dead-letters/redrive", redrive)
            .is(TAG, "redriveDeadLetters", "Process them again. Safe to repeat: nothing takes effect twice.")
            .access(Access::Administrator)
            .body::<DeadLetterSelection>()
            .answers::<DeadLetterCount>(200, "How many were sent again."),
        post("/v1/admin/dead-letters/drop", forget)
            .is(TAG, "dropDeadLetters", "Forget them for good.")
            .access(Access::Administrator)
            .body::<DeadLetterSelection>()
            .answers::<DeadLetterCount>(200, "How many were dropped."),
    ]
}

/// `GET /v1/admin/dead-letters`.
#[derive(Debug, Deserialize, JsonSchema)]
struct DeadLettersQuery {
    /// Which queue's; `messages` when absent.
    queue: Option<QueueName>,
    /// `next` of the page before.
    after: Option<String>,
    /// Rows, 1 to 500; 50 when absent.
    limit: Option<u64>,
}

/// `GET /v1/admin/dead-letters/{deadLetter}`.
#[derive(Debug, Deserialize, JsonSchema)]
struct QueueQuery {
    /// Which queue's; `messages` when absent.
    queue: Option<QueueName>,
}

/// The dead letters of one of the two queues, shown alike.
#[derive(Clone, Copy)]
pub enum DeadLetters<'a> {
    /// Of commands.
    Messages(&'a dyn Queue<Envelope>),
    /// Of announcements.
    Notifications(&'a dyn Queue<Announcement>),
}

/// What is done with dead letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// They are sent again.
    Redrive,
    /// They are forgotten for good.
    Drop,
}

async fn list(
    State(app): State<Arc<App>>,
    _: Administrator,
    Query(query): Query<DeadLettersQuery>,
) -> Result<axum::Json<Page<DeadLetterItem>>, Problem> {
    let limit = page::limit(query.limit)?;
    let items = of(&app, query.queue).page(query.after.as_deref(), limit).await?;
    let next = page::next(&items, limit, |last| last.id.clone());
    Ok(axum::Json(Page { items, next }))
}

async fn show(
    State(app): State<Arc<App>>,
    _: Administrator,
    segments: Segments,
    Query(query): Query<QueueQuery>,
) -> Result<axum::Json<DeadLetterItem>, Problem> {
    let found = of(&app, query.queue).find(segments.text("deadLetter")).await?;
    found.map(axum::Json).ok_or_else(|| {
        let detail = "There is no such dead letter: redriven or dropped already?";
        Problem::new(Code::DeadLetterNotFound, detail)
    })
}

async fn redrive(
    State(app): State<Arc<App>>,
    _: Administrator,
    Json(selection): Json<DeadLetterSelection>,
) -> Result<axum::Json<DeadLetterCount>, Problem> {
    settle(&app, &selection, Fate::Redrive).await
}

async fn forget(
    State(app): State<Arc<App>>,
    _: Administrator,
    Json(selection): Json<DeadLetterSelection>,
) -> Result<axum::Json<DeadLetterCount>, Problem> {
    settle(&app, &selection, Fate::Drop).await
}

async fn settle(
    app: &App,
    selection: &DeadLetterSelection,
    fate: Fate,
) -> Result<axum::Json<DeadLetterCount>, Problem> {
    let letters = of(app, selection.queue);
    let count = if selection.all {
        letters.settle_all(fate).await?
    } else if (1..=DEAD_LETTERS_NAMED_MAX).contains(&selection.ids.len()) {
        letters.settle(&selection.ids, fate).await?
    } else {
        let detail = format!("ids: name 1 to {DEAD_LETTERS_NAMED_MAX} ids, or say all: true.");
        return Err(Problem::new(Code::BadRequest, detail).in_field("ids"));
    };
    let fate = fate.name();
    tracing::info!(count, fate, "dead letters were settled");
    Ok(axum::Json(DeadLetterCount { count: count as u64 }))
}

fn of(app: &App, queue: Option<QueueName>) -> DeadLetters<'_> {
    match queue.unwrap_or(QueueName::Messages) {
        QueueName::Messages => DeadLetters::Messages(&*app.messages),
        QueueName::Notifications => DeadLetters::Notifications(&*app.notifications),
    }
}

impl Fate {
    const fn name(self) -> &'static str {
        match self {
            Fate::Redrive => "redriven",
            Fate::Drop => "dropped",
        }
    }
}

impl DeadLetters<'_> {
    /// At most `limit` of them, in the order of their ids, after this one.
    ///
    /// # Errors
    /// As the queue's.
    pub async fn page(self, after: Option<&str>, limit: usize) -> Result<Vec<DeadLetterItem>, PortError> {
        Ok(match self {
            Self::Messages(queue) => {
                queue.dead_letters(after, limit).await?.into_iter().map(of_command).collect()
            }
            Self::Notifications(queue) => {
                queue.dead_letters(after, limit).await?.into_iter().map(of_announcement).collect()
            }
        })
    }

    /// One of them. The port lists and does not look up: there are few dead letters, or something is badly wrong.
    ///
    /// # Errors
    /// As the queue's.
    pub async fn find(self, id: &str) -> Result<Option<DeadLetterItem>, PortError> {
        let limit = chat::limits::PAGE_ROWS_MAX;
        let (mut after, mut seen) = (None::<String>, 0);
        while seen < DEAD_LETTERS_SCAN_MAX {
            let items = self.page(after.as_deref(), limit).await?;
            seen += items.len();
            after = page::next(&items, limit, |last| last.id.clone());
            if let Some(found) = items.into_iter().find(|item| item.id == id) {
                return Ok(Some(found));
            }
            if after.is_none() {
                break;
            }
        }
        Ok(None)
    }

    /// Redrives or drops these, and tells how many there were. Safe to repeat.
    ///
    /// # Errors
    /// As the queue's; some of them may be done.
    pub async fn settle(self, ids: &[String], fate: Fate) -> Result<usize, PortError> {
        match (self, fate) {
            (Self::Messages(queue), Fate::Redrive) => queue.redrive(ids).await,
            (Self::Messages(queue), Fate::Drop) => queue.drop_dead(ids).await,
            (Self::Notifications(queue), Fate::Redrive) => queue.redrive(ids).await,
            (Self::Notifications(queue), Fate::Drop) => queue.drop_dead(ids).await,
        }
    }

    /// All there are when it begins: ids are listed first, so that one that dies again at once is not taken again.
    ///
    /// # Errors
    /// As the queue's; some of them may be done.
    pub async fn settle_all(self, fate: Fate) -> Result<usize, PortError> {
        let limit = chat::limits::PAGE_ROWS_MAX;
        let (mut ids, mut after) = (Vec::new(), None::<String>);
        while ids.len() < DEAD_LETTERS_SCAN_MAX {
            let items = self.page(after.as_deref(), limit).await?;
            after = page::next(&items, limit, |last| last.id.clone());
            ids.extend(items.into_iter().map(|item| item.id));
            if after.is_none() {
                break;
            }
        }
        let mut count = 0;
        for some in ids.chunks(limit) {
            count += self.settle(some, fate).await?;
        }
        Ok(count)
    }
}

/// Name of a dead letter that does not read.
const UNREADABLE: &str = "unreadable";

fn of_command(letter: DeadLetter<Envelope>) -> DeadLetterItem {
    let Some(command) = &letter.body else { return item(letter, QueueName::Messages) };
    DeadLetterItem {
        name: command.command.name().to_owned(),
        conversation_id: Some(command.conversation),
        sender_id: Some(command.actor),
        client_message_id: Some(command.command_id),
        ..item(letter, QueueName::Messages)
    }
}

fn of_announcement(letter: DeadLetter<Announcement>) -> DeadLetterItem {
    let Some(announcement) = &letter.body else { return item(letter, QueueName::Notifications) };
    let (name, sender_id, client_message_id) = match announcement {
        Announcement::Event { event, .. } => (event.kind.name(), Some(event.actor), Some(event.command_id)),
        Announcement::Failed { user, command_id, .. } => ("failed", Some(*user), Some(*command_id)),
        Announcement::Marks { user, .. } => ("marks", Some(*user), None),
        Announcement::Typing { user, .. } => ("typing", Some(*user), None),
        Announcement::Presence { user, .. } => ("presence", Some(*user), None),
        Announcement::Preferences { user, .. } => ("preferences", Some(*user), None),
        Announcement::SessionsEnded { user, .. } => ("sessionsEnded", Some(*user), None),
        Announcement::AccountDisabled { user, .. } => ("accountDisabled", Some(*user), None),
    };
    DeadLetterItem {
        name: name.to_owned(),
        conversation_id: announcement.conversation(),
        sender_id,
        client_message_id,
        ..item(letter, QueueName::Notifications)
    }
}

/// What every dead letter has; all there is of one that does not read.
fn item<T>(letter: DeadLetter<T>, queue: QueueName) -> DeadLetterItem {
    DeadLetterItem {
        id: letter.id,
        queue,
        name: UNREADABLE.to_owned(),
        conversation_id: None,
        sender_id: None,
        client_message_id: None,
        reason: letter.reason,
        attempts: letter.attempts,
        first_failed_at: Time::from_ms(letter.first_failed_at),
        last_failed_at: Time::from_ms(letter.last_failed_at),
    }
}

//! Rooms that missed announcements, or are not known yet, read what they need from the store (D4).
//! Invariant: what is read goes through the room like what is announced, so it is told in order and once.

use std::{rc::Rc, time::Duration};

use chat::{
    ConversationId, Membership, Seq, UserId,
    ports::{EventsPage, EventsQuery, PortError},
};
use protocol::{
    CloseCode,
    frame::{ChatEvent, ServerFrame},
};

use crate::{
    hub::Job,
    limits::{HEAL_ATTEMPTS_MAX, HEAL_RETRY_MS, SYNC_PAGE_BYTES, SYNC_PAGE_ROWS},
    outgoing::text_frame,
    shard::Shard,
};

/// Starts what the hub asks for.
pub(crate) fn start(shard: &Rc<Shard>, jobs: Vec<Job>) {
    for job in jobs {
        let shard = Rc::clone(shard);
        tokio::task::spawn_local(async move {
            let conversation = match &job {
                Job::Heal(conversation) | Job::Learn(conversation, _) => *conversation,
            };
            if let Err(error) = carry_out(&shard, job).await {
                tracing::error!(%error, %conversation, "missed announcements could not be read");
                // Whoever is in the room comes back and syncs.
                give_up(&shard, conversation);
            }
        });
    }
}

async fn carry_out(shard: &Shard, job: Job) -> Result<(), PortError> {
    shard.out.stats.heals.add(1);
    match job {
        Job::Heal(conversation) => heal(shard, conversation).await,
        Job::Learn(conversation, users) => {
            learn(shard, conversation, users).await?;
            heal(shard, conversation).await
        }
    }
}

/// Finds out what a conversation is, and who of those announced as its members is one.
async fn learn(shard: &Shard, conversation: ConversationId, users: Vec<UserId>) -> Result<(), PortError> {
    let store = &shard.app.store;
    let meta = shard.reading(store.conversation(conversation)).await?;
    let mut members: Vec<(UserId, Option<Membership>)> = Vec::with_capacity(users.len());
    for user in users {
        members.push((user, shard.reading(store.member(conversation, user)).await?));
    }
    shard.hub.borrow_mut().learned(conversation, meta.as_ref(), members);
    Ok(())
}

/// Reads and tells until the room is where announcements are.
async fn heal(shard: &Shard, conversation: ConversationId) -> Result<(), PortError> {
    let mut attempts = 0;
    while let Some(head) = missing_after(shard, conversation) {
        let query = EventsQuery::After(head);
        let read = shard.app.store.events(conversation, query, SYNC_PAGE_ROWS, SYNC_PAGE_BYTES);
        match shard.reading(read).await {
            Ok(page) if !page.rows.is_empty() => {
                attempts = 0;
                tell(shard, &page);
                tokio::task::yield_now().await;
                continue;
            }
            Err(error) if attempts >= HEAL_ATTEMPTS_MAX || !error.is_transient() => return Err(error),
            // Announced, but not to be seen yet: stores that read old copies show it soon.
            Ok(_) if attempts >= HEAL_ATTEMPTS_MAX => {
                tracing::error!(%conversation, head, "the store does not show what was announced");
                give_up(shard, conversation);
                return Ok(());
            }
            Ok(_) | Err(_) => {
                tokio::time::sleep(Duration::from_millis(HEAL_RETRY_MS << attempts)).await;
                attempts += 1;
            }
        }
    }
    Ok(())
}

/// Where the room is, while something is missing; ends its healing when nothing is.
fn missing_after(shard: &Shard, conversation: ConversationId) -> Option<Seq> {
    let mut hub = shard.hub.borrow_mut();
    let room = hub.room(conversation)?;
    let head = room.head;
    if room.healing_to.is_some_and(|to| to > head) {
        return Some(head);
    }
    room.healing_to = None;
    None
}

fn tell(shard: &Shard, page: &EventsPage) {
    let mut hub = shard.hub.borrow_mut();
    for row in &page.rows {
        let is_next = hub.room(row.event.conversation).is_some_and(|room| room.head + 1 == row.event.seq);
        if is_next {
            let event = || ServerFrame::Event(Box::new(ChatEvent::of_row(row, &[]))).encode();
            hub.tell_event(&row.event, &|| text_frame(&event()), &shard.out);
        }
    }
}

/// Closes the room's connections so that they sync, and goes on behind what could not be read.
fn give_up(shard: &Shard, conversation: ConversationId) {
    let mut hub = shard.hub.borrow_mut();
    let Some(room) = hub.room(conversation) else { return };
    room.head = room.head.max(room.healing_to.take().unwrap_or_default());
    let slots = room.connections.clone();
    for connection in slots.into_iter().filter_map(|slot| hub.connection(slot as usize)) {
        connection.close(CloseCode::Internal, &shard.out);
    }
}

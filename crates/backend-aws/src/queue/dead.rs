//! Dead letters: items of the table, in the order they were sent; the service's own dead-letter queue flows into them.
//! Invariant: a dead letter is in the table before it leaves either queue, and leaves the table after it is sent again.

use std::time::Duration;

use chat::{
    PortableLetter, TimestampMs,
    ports::{DeadLetter, PortError},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{
    MESSAGES, Shared, body,
    lease::{Facts, facts_of},
    send::Message,
};
use crate::{
    item::{Attributes, Item, Key, Write, data, sort_of},
    keys,
    limits::{ABSORB_ROUNDS_MAX, QUEUE_BATCH_MAX},
    table::Range,
};

/// A dead letter as it is stored: never gains a field.
#[derive(Debug, Serialize, Deserialize)]
struct StoredDead {
    group: u128,
    body: String,
    reason: String,
    attempts: u32,
    first_failed_at: TimestampMs,
    last_failed_at: TimestampMs,
}

/// What the log says of every dead letter that is made.
const BURIED: &str = "a dead letter was stored";

/// A dead letter of the queue of commands that another home held.
pub(crate) fn dead_letter(letter: &PortableLetter) -> Result<Item, PortError> {
    let stored = StoredDead {
        group: letter.envelope.conversation.as_u128(),
        body: body::write(&letter.envelope)?,
        reason: letter.reason.clone(),
        attempts: letter.attempts,
        first_failed_at: letter.first_failed_at,
        last_failed_at: letter.last_failed_at,
    };
    let id = format!("{:013}-moved-{:010}", letter.first_failed_at, letter.number);
    Ok(Item::new(Key::new(keys::dead_letters(MESSAGES), id)).data(&stored))
}
/// How long a look into the service's dead-letter queue hides what it finds.
const ABSORB_LEASE: Duration = Duration::from_secs(30);

impl<T> Shared<T>
where
    T: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    /// Stores a dead letter. Safe to repeat: it is named by its message.
    pub(super) async fn bury(&self, message: &Facts, reason: &str) -> Result<(), PortError> {
        let stored = StoredDead {
            group: message.group,
            body: message.body.clone(),
            reason: reason.to_owned(),
            attempts: message.attempts,
            first_failed_at: message.first_taken_at,
            last_failed_at: self.clock.now_ms(),
        };
        let id = format!("{:013}-{}", message.sent_at, message.id);
        self.table.write(Item::new(self.dead_key(&id)).data(&stored).put_new()).await?;
        // The templates of AWS count this line, and an alarm watches the count.
        tracing::error!(queue = self.place.name, id, "{BURIED}");
        Ok(())
    }

    fn dead_key(&self, id: &str) -> Key {
        Key::new(keys::dead_letters(self.place.name), id)
    }

    pub(super) async fn dead_letters(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<DeadLetter<T>>, PortError> {
        self.absorb().await?;
        let all = Range::prefix(keys::dead_letters(self.place.name), "");
        let range = after.map_or(all.clone(), |after| all.after(after));
        Ok(self.table.query(&range, limit).await?.iter().map(letter).collect())
    }

    pub(super) async fn dead_count(&self) -> Result<u64, PortError> {
        let all = Range::prefix(keys::dead_letters(self.place.name), "");
        Ok(self.table.query(&all, usize::MAX).await?.len() as u64)
    }

    pub(super) async fn redrive(&self, ids: &[String]) -> Result<usize, PortError> {
        self.absorb().await?;
        let mut sent = 0;
        for id in ids.iter().filter(|id| !id.is_empty()) {
            let Some(item) = self.table.get(&self.dead_key(id)).await? else { continue };
            let stored: StoredDead = data("dead letter", &item)?;
            // Another name than the first time, which the service would swallow; the same for a repeated redrive.
            let message = Message {
                group: stored.group,
                dedup: format!("redrive-{id}"),
                body: stored.body,
                waiter: None,
            };
            self.send_messages(vec![message]).await?;
            let gone = self.table.write_returning(Write::delete(self.dead_key(id))).await?;
            sent += usize::from(gone.is_some_and(|item| !item.is_empty()));
        }
        Ok(sent)
    }

    pub(super) async fn drop_dead(&self, ids: &[String]) -> Result<usize, PortError> {
        self.absorb().await?;
        let mut dropped = 0;
        for id in ids.iter().filter(|id| !id.is_empty()) {
            let gone = self.table.write_returning(Write::delete(self.dead_key(id))).await?;
            dropped += usize::from(gone.is_some_and(|item| !item.is_empty()));
        }
        Ok(dropped)
    }

    /// Moves what the service gave up by itself into the table.
    async fn absorb(&self) -> Result<(), PortError> {
        let most = i32::try_from(QUEUE_BATCH_MAX).unwrap_or(10);
        for _ in 0..ABSORB_ROUNDS_MAX {
            let found = self.receive(&self.place.dead_url, most, 0, ABSORB_LEASE).await?;
            if found.is_empty() {
                return Ok(());
            }
            let mut receipts = Vec::with_capacity(found.len());
            for message in found {
                let Some((receipt, facts)) = facts_of(message) else { continue };
                // The look itself counts as one more receive.
                let attempts = facts.attempts.min(self.place.receives_max);
                let reason = format!("gave up after {attempts} tries");
                self.bury(&Facts { attempts, ..facts }, &reason).await?;
                receipts.push(receipt);
            }
            self.delete(&self.place.dead_url, receipts).await?;
        }
        Ok(())
    }
}

/// A dead letter as operators see it. One that does not read is shown without what it carries, and hides no other.
fn letter<T: DeserializeOwned>(item: &Attributes) -> DeadLetter<T> {
    let id = sort_of(item).to_owned();
    match data::<StoredDead>("dead letter", item) {
        Ok(stored) => DeadLetter {
            id,
            body: body::read(&stored.body).ok(),
            reason: stored.reason,
            attempts: stored.attempts,
            first_failed_at: stored.first_failed_at,
            last_failed_at: stored.last_failed_at,
        },
        Err(error) => {
            let sent_at = id.split('-').next().and_then(|text| text.parse().ok()).unwrap_or(0);
            let (reason, attempts) = (error.to_string(), 0);
            DeadLetter { id, body: None, reason, attempts, first_failed_at: sent_at, last_failed_at: sent_at }
        }
    }
}

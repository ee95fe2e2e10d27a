//! How full a queue is: asked of the service, remembered for a moment, and counted on by what this process does.
//! Invariant: a queue known to be full is asked again before anything more is sent (D6).

use std::time::Duration;

use aws_sdk_sqs::types::QueueAttributeName;
use chat::ports::{Depth, PortError};
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::Instant;

use super::Shared;
use crate::{
    error::failed,
    limits::{DEPTH_LIFE_MS, DEPTH_PAUSE_MS, DEPTH_QUIET_LIFE_MS, QUIET_DIVISOR},
};

/// What is thought to be in the queue.
#[derive(Debug, Default)]
pub(super) struct Gauge {
    asked: Option<Instant>,
    items: u64,
}

/// What the service says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counts {
    pub(super) visible: u64,
    pub(super) hidden: u64,
}

impl Gauge {
    pub(super) fn sent(&mut self, count: u64) {
        self.items = self.items.saturating_add(count);
    }

    pub(super) fn settled(&mut self, count: u64) {
        self.items = self.items.saturating_sub(count);
    }

    /// Whether the service has to be asked before `count` more can be sent.
    fn must_ask(&self, count: u64, items_max: u64) -> bool {
        let Some(asked) = self.asked else { return true };
        let items = self.items.saturating_add(count);
        let age = if items > items_max {
            DEPTH_PAUSE_MS
        } else if items <= items_max / QUIET_DIVISOR {
            DEPTH_QUIET_LIFE_MS
        } else {
            DEPTH_LIFE_MS
        };
        asked.elapsed() >= Duration::from_millis(age)
    }
}

impl<T> Shared<T>
where
    T: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    /// Whether as many items can still be sent.
    pub(super) async fn has_room(&self, count: u64) -> Result<bool, PortError> {
        let items_max = self.place.items_max;
        let must_ask = self.gauge.lock().must_ask(count, items_max);
        if must_ask {
            let counts = self.counts(&self.place.url).await?;
            let mut gauge = self.gauge.lock();
            gauge.items = counts.visible + counts.hidden;
            gauge.asked = Some(Instant::now());
        }
        Ok(self.gauge.lock().items.saturating_add(count) <= items_max)
    }

    pub(super) async fn depth(&self) -> Result<Depth, PortError> {
        let own = self.counts(&self.place.url).await?;
        let dead = self.counts(&self.place.dead_url).await?;
        let (put_off, oldest) = self.leased.lock().known();
        // The service counts what was put off among what is leased.
        let put_off = put_off.min(own.hidden);
        let is_empty = own.visible + own.hidden == 0;
        let oldest = oldest.filter(|_| !is_empty);
        Ok(Depth {
            waiting: own.visible + put_off,
            in_flight: own.hidden - put_off,
            dead: self.dead_count().await? + dead.visible + dead.hidden,
            oldest_age_ms: oldest.map_or(0, |sent_at| self.clock.now_ms().saturating_sub(sent_at)),
        })
    }

    async fn counts(&self, url: &str) -> Result<Counts, PortError> {
        const VISIBLE: QueueAttributeName = QueueAttributeName::ApproximateNumberOfMessages;
        const HIDDEN: QueueAttributeName = QueueAttributeName::ApproximateNumberOfMessagesNotVisible;
        const DELAYED: QueueAttributeName = QueueAttributeName::ApproximateNumberOfMessagesDelayed;
        let request = self.client.get_queue_attributes().queue_url(url);
        let request = request.attribute_names(VISIBLE).attribute_names(HIDDEN).attribute_names(DELAYED);
        let answer = request.send().await.map_err(|error| failed("sqs.GetQueueAttributes", &error))?;
        let attributes = answer.attributes.unwrap_or_default();
        let number = |name| attributes.get(&name).and_then(|value| value.parse::<u64>().ok()).unwrap_or(0);
        Ok(Counts { visible: number(VISIBLE) + number(DELAYED), hidden: number(HIDDEN) })
    }
}

//! What a gateway tells about itself: counters kept by each shard for itself and handed to the recorder once a second.
//! Invariant: counting costs no shared cache line on the way of a message; latencies are taken once per batch.

use std::{cell::Cell, time::Duration};

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
use protocol::CloseCode;

/// A number that only this thread adds to.
#[derive(Debug, Default)]
pub(crate) struct Tally(Cell<u64>);

/// Why a frame was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dropped {
    /// The reader is slow, the frame ephemeral.
    SlowReader,
    /// Too much ephemeral news waits in the shard.
    NewsFull,
    /// Typing notices came too fast.
    TypingRate,
}

/// How a sync ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SyncOutcome {
    /// Nothing was missing.
    Lossless,
    /// What was missing was sent.
    Partial,
    /// The history is another one: `resync`.
    Resync,
    /// The connection ended before.
    Abandoned,
}

macro_rules! tallies {
    ($($field:ident $name:literal $help:literal;)*) => {
        /// One shard's counters.
        #[derive(Debug, Default)]
        pub(crate) struct Stats { $(#[doc = $help] pub(crate) $field: Tally,)* }

        /// The recorder's side of them.
        struct Published { $($field: (Counter, u64),)* }

        impl Published {
            fn new() -> Published {
                $(metrics::describe_counter!($name, $help);)*
                Published { $($field: (counter!($name), 0),)* }
            }

            fn publish(&mut self, stats: &Stats) {
                $({
                    let now = stats.$field.get();
                    self.$field.0.increment(now - self.$field.1);
                    self.$field.1 = now;
                })*
            }
        }
    };
}

tallies! {
    accepted_sockets "dynamowave_connections_accepted_total" "TCP connections accepted";
    refused_sockets "dynamowave_connections_refused_total" "TCP connections closed at once because a limit was reached";
    sockets_opened "dynamowave_sockets_opened_total" "WebSockets opened";
    frames_in "dynamowave_frames_received_total" "Text frames received from clients";
    bytes_in "dynamowave_socket_bytes_received_total" "Bytes received on WebSockets";
    bytes_out "dynamowave_socket_bytes_sent_total" "Bytes sent on WebSockets";
    frames_out "dynamowave_frames_sent_total" "Frames put into outboxes";
    writes "dynamowave_socket_writes_total" "Write calls on WebSockets";
    commands "dynamowave_commands_submitted_total" "Commands handed to the queue";
    batches "dynamowave_command_batches_total" "Batches in which commands were handed to the queue";
    rejected "dynamowave_commands_rejected_total" "Commands refused before the queue";
    events "dynamowave_events_delivered_total" "Events told to at least one socket of a shard";
    deliveries "dynamowave_deliveries_total" "Events put into outboxes, one for each socket";
    dropped_slow "dynamowave_frames_dropped_slow_reader_total" "Ephemeral frames left out for slow readers";
    dropped_news "dynamowave_frames_dropped_news_full_total" "Ephemeral news left out because too much waited";
    dropped_typing "dynamowave_frames_dropped_typing_rate_total" "Typing notices left out because they came too fast";
    syncs_lossless "dynamowave_syncs_lossless_total" "Syncs that found nothing missing";
    syncs_partial "dynamowave_syncs_partial_total" "Syncs that sent what was missing";
    syncs_resync "dynamowave_syncs_resync_total" "Syncs answered by resync";
    syncs_abandoned "dynamowave_syncs_abandoned_total" "Syncs whose connection ended first";
    sync_events "dynamowave_sync_events_total" "Events sent in pages by syncs";
    heals "dynamowave_heals_total" "Times a shard read announcements it had missed from the store";
}

/// A shard's window to the recorder.
pub(crate) struct Recorder {
    published: Published,
    sockets: (Gauge, f64),
    outbox_bytes: (Gauge, f64),
    pub(crate) accepted_seconds: Histogram,
    pub(crate) delivered_seconds: Histogram,
}

impl Recorder {
    /// Handles of whatever recorder is installed now.
    pub(crate) fn new() -> Recorder {
        metrics::describe_gauge!("dynamowave_sockets", "WebSockets open");
        metrics::describe_gauge!("dynamowave_outbox_bytes", "Bytes waiting in outboxes");
        metrics::describe_histogram!(
            "dynamowave_accepted_seconds",
            "From reading a command to queueing its `accepted`, the oldest of each batch"
        );
        metrics::describe_histogram!(
            "dynamowave_delivered_seconds",
            "From accepting a command to queueing its event, the oldest of each batch"
        );
        metrics::describe_counter!(
            "dynamowave_socket_closes_total",
            "WebSockets closed by the server, by code"
        );
        Recorder {
            published: Published::new(),
            sockets: (gauge!("dynamowave_sockets"), 0.0),
            outbox_bytes: (gauge!("dynamowave_outbox_bytes"), 0.0),
            accepted_seconds: histogram!("dynamowave_accepted_seconds"),
            delivered_seconds: histogram!("dynamowave_delivered_seconds"),
        }
    }

    /// Hands over what has changed. Gauges are shared by the shards, so each adds its difference.
    pub(crate) fn publish(&mut self, stats: &Stats, sockets: usize, outbox_bytes: usize) {
        self.published.publish(stats);
        move_gauge(&mut self.sockets, sockets);
        move_gauge(&mut self.outbox_bytes, outbox_bytes);
    }
}

#[allow(clippy::cast_precision_loss, reason = "a gauge is a float")]
fn move_gauge((gauge, before): &mut (Gauge, f64), now: usize) {
    let now = now as f64;
    gauge.increment(now - *before);
    *before = now;
}

impl Tally {
    pub(crate) fn add(&self, count: usize) {
        self.0.set(self.0.get() + count as u64);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.get()
    }
}

impl Stats {
    pub(crate) fn dropped(&self, cause: Dropped) {
        match cause {
            Dropped::SlowReader => self.dropped_slow.add(1),
            Dropped::NewsFull => self.dropped_news.add(1),
            Dropped::TypingRate => self.dropped_typing.add(1),
        }
    }

    pub(crate) fn synced(&self, outcome: SyncOutcome) {
        match outcome {
            SyncOutcome::Lossless => self.syncs_lossless.add(1),
            SyncOutcome::Partial => self.syncs_partial.add(1),
            SyncOutcome::Resync => self.syncs_resync.add(1),
            SyncOutcome::Abandoned => self.syncs_abandoned.add(1),
        }
    }
}

/// Counts a close by the server. Rare, so it goes to the recorder at once.
pub(crate) fn closed(code: CloseCode) {
    counter!("dynamowave_socket_closes_total", "code" => code.number().to_string()).increment(1);
}

/// Seconds, as Prometheus wants them.
pub(crate) fn seconds(ms: u64) -> f64 {
    Duration::from_millis(ms).as_secs_f64()
}

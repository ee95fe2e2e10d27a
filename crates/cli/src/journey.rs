//! Follows single messages from stage to stage as OpenTelemetry spans: accepted, stored, announced, delivered.
//! The trace id is the message's own `clientMessageId`, so stages in different threads and processes meet in one trace
//! without anything being passed along. Does not know the stages: it hears of them through `tracing` events whose
//! target is [`TARGET`].

use std::{
    borrow::Cow,
    sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    thread,
    time::{Duration, Instant, SystemTime},
};

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use bytes::Bytes;
use opentelemetry::{
    InstrumentationScope, KeyValue, SpanId, TraceFlags, TraceId,
    trace::{SpanContext, SpanKind, Status, TraceState},
};
use opentelemetry_http::{HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::{
    Resource,
    trace::{SpanData, SpanEvents, SpanExporter as _, SpanLinks},
};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{Layer, layer::Context};

use crate::limits::{BATCH_SPANS_MAX, BATCH_WAIT, EXPORT_TIMEOUT, PENDING_SPANS_MAX};

/// Target of the events that tell of a stage: fields `stage`, `command`, `conversation`, and `took_us` where known.
pub(crate) const TARGET: &str = "journey";

/// The layer that turns stages into spans.
pub(crate) struct Journey {
    spans: SyncSender<SpanData>,
    /// Traced are messages whose id, taken as a number, is not above this part of 2^64.
    threshold: u64,
}

/// The fields of one stage.
#[derive(Default)]
struct Stage {
    name: String,
    command: u128,
    took_us: u64,
    attributes: Vec<KeyValue>,
}

/// The collector, reached with plain blocking requests from the exporter's own thread.
#[derive(Debug)]
struct Collector(ureq::Agent);

impl Journey {
    /// Starts the exporter's thread. `ratio` is the part of all messages that is traced.
    pub(crate) fn start(endpoint: &str, ratio: f64) -> Result<Journey> {
        let agent = ureq::Agent::config_builder().timeout_global(Some(EXPORT_TIMEOUT)).build().new_agent();
        let mut exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Collector(agent))
            .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
            .build()
            .with_context(|| format!("traces.endpoint = {endpoint:?}"))?;
        exporter.set_resource(&Resource::builder().with_service_name("dynamowave").build());
        let (spans, pending) = sync_channel(PENDING_SPANS_MAX);
        thread::Builder::new().name("traces".into()).spawn(move || export(&exporter, &pending))?;
        Ok(Journey { spans, threshold: threshold(ratio) })
    }
}

impl<S: Subscriber> Layer<S> for Journey {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() != TARGET {
            return;
        }
        let mut stage = Stage::default();
        event.record(&mut stage);
        if mix(stage.command) > self.threshold {
            return;
        }
        match self.spans.try_send(stage.into_span()) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                metrics::counter!("dynamowave_trace_spans_dropped_total").increment(1);
            }
        }
    }
}

impl Stage {
    fn into_span(self) -> SpanData {
        let end_time = SystemTime::now();
        let root = span_id(self.command, "accepted");
        let own = span_id(self.command, &self.name);
        SpanData {
            span_context: SpanContext::new(
                TraceId::from_bytes(self.command.to_be_bytes()),
                own,
                TraceFlags::SAMPLED,
                false,
                TraceState::default(),
            ),
            parent_span_id: if own == root { SpanId::INVALID } else { root },
            parent_span_is_remote: false,
            span_kind: SpanKind::Internal,
            name: Cow::Owned(self.name),
            start_time: end_time - Duration::from_micros(self.took_us),
            end_time,
            attributes: self.attributes,
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: Status::Unset,
            instrumentation_scope: InstrumentationScope::builder("dynamowave").build(),
        }
    }
}

impl Visit for Stage {
    fn record_u64(&mut self, field: &Field, value: u64) {
        match field.name() {
            "took_us" => self.took_us = value,
            name => self.attributes.push(KeyValue::new(name, i64::try_from(value).unwrap_or(i64::MAX))),
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "stage" => value.clone_into(&mut self.name),
            name => self.attributes.push(KeyValue::new(name, value.to_owned())),
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let text = format!("{value:?}");
        if field.name() == "command" {
            self.command = text.parse::<chat::CommandId>().map(chat::CommandId::as_u128).unwrap_or_default();
        }
        self.record_str(field, &text);
    }
}

#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (parts, body) = request.into_parts();
        let response = self.0.run(http::Request::from_parts(parts, body.to_vec()))?;
        let (parts, mut body) = response.into_parts();
        Ok(Response::from_parts(parts, Bytes::from(body.read_to_vec()?)))
    }
}

/// Sends batches until the process ends. A failed batch is counted and given up: traces are not worth a queue.
fn export(exporter: &SpanExporter, pending: &Receiver<SpanData>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime without drivers always builds");
    while let Ok(first) = pending.recv() {
        let batch = fill(first, pending);
        let spans = batch.len() as u64;
        match runtime.block_on(exporter.export(batch)) {
            Ok(()) => metrics::counter!("dynamowave_trace_spans_sent_total").increment(spans),
            Err(error) => {
                metrics::counter!("dynamowave_trace_spans_dropped_total").increment(spans);
                tracing::warn!(%error, "the trace collector did not take a batch of spans");
            }
        }
    }
}

fn fill(first: SpanData, pending: &Receiver<SpanData>) -> Vec<SpanData> {
    let deadline = Instant::now() + BATCH_WAIT;
    let mut batch = vec![first];
    while batch.len() < BATCH_SPANS_MAX {
        match pending.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(span) => batch.push(span),
            Err(_) => break,
        }
    }
    batch
}

/// One id per message and stage: the stage that a message reaches twice is the same span.
fn span_id(command: u128, stage: &str) -> SpanId {
    let name = stage.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    SpanId::from_bytes((mix(command) ^ name).to_be_bytes())
}

/// The random half of a UUIDv7, spread evenly.
fn mix(command: u128) -> u64 {
    let bytes = command.to_be_bytes();
    let low = bytes[8..].iter().fold(0_u64, |all, byte| (all << 8) | u64::from(*byte));
    low.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31)
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a part of 2^64"
)]
fn threshold(ratio: f64) -> u64 {
    (ratio.clamp(0.0, 1.0) * u64::MAX as f64) as u64
}

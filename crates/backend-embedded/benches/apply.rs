//! The message path of one process without sockets: send, lease, load, decide, append, settle, on a real journal.
//! One thread does all of it, so that the figure is messages per second and core; the journal's own threads come on top.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use backend_embedded::{Config, Embedded};
use chat::{
    Change, Command, CommandId, ConversationId, ConversationKind, Envelope, Needs, UserId,
    ports::{Append, Clock, Item, Randomness, Settlement},
};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

const CONVERSATIONS: u128 = 500;
const BODY: &str =
    "A message of the usual length, as people write them to each other all day long, and no longer.";

struct WallClock;

impl Clock for WallClock {
    fn now_ms(&self) -> u64 {
        let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(elapsed.as_millis()).unwrap_or_default()
    }
}

struct Counter(AtomicU64);

impl Randomness for Counter {
    fn fill(&self, bytes: &mut [u8]) {
        let next = self.0.fetch_add(1, Ordering::Relaxed).to_le_bytes();
        for (byte, value) in bytes.iter_mut().zip(next.iter().cycle()) {
            *byte = *value;
        }
    }
}

fn conversation(index: u128) -> ConversationId {
    ConversationId::from_u128(index.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835))
}

fn envelope(number: u64) -> Envelope {
    let body = BODY.to_owned();
    Envelope {
        conversation: conversation(u128::from(number) % CONVERSATIONS),
        actor: UserId::from_u128(1),
        command_id: CommandId::new(1_790_000_000_000 + number / 100, &number.to_be_bytes_10()),
        accepted_at: 1_790_000_000_000,
        command: Command::Send { body, reply_to: None, mentions: Vec::new(), attachments: Vec::new() },
    }
}

trait Ten {
    fn to_be_bytes_10(self) -> [u8; 10];
}

impl Ten for u64 {
    fn to_be_bytes_10(self) -> [u8; 10] {
        let mut bytes = [0; 10];
        bytes[2..].copy_from_slice(&self.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
        bytes
    }
}

async fn prepare(embedded: &Embedded) {
    for index in 0..CONVERSATIONS {
        let change = Change::CreateConversation {
            conversation: conversation(index),
            creator: UserId::from_u128(1),
            request: CommandId::from_u128(index),
            at: 1,
            kind: ConversationKind::Group,
            title: None,
            description: None,
            members: vec![UserId::from_u128(2)],
        };
        embedded.store().change(change).await.expect("create");
    }
}

/// Sends a batch, and processes the one before it while the journal writes this one, as the product does.
async fn round(embedded: &Embedded, first: u64, count: u64) {
    let messages = embedded.messages();
    let items = (first..first + count).map(envelope).map(|body| Item {
        group: body.conversation.as_u128(),
        dedup: body.command_id.as_u128(),
        body,
    });
    let items: Vec<_> = items.collect();
    let (sent, ()) = tokio::join!(messages.send(items), persist(embedded));
    sent.expect("send");
}

async fn persist(embedded: &Embedded) {
    let (store, messages) = (embedded.store(), embedded.messages());
    let leases = messages.lease(4_096, Duration::ZERO).await.expect("lease");
    let mut groups: BTreeMap<ConversationId, Vec<Envelope>> = BTreeMap::new();
    let mut settlements = Vec::with_capacity(leases.len());
    for lease in leases {
        settlements.push((lease.id, Settlement::Done));
        groups.entry(lease.body.conversation).or_default().push(lease.body);
    }
    let needs = groups.iter().map(|(id, envelopes)| {
        let mut needs = Needs::default();
        envelopes.iter().for_each(|envelope| needs.add(envelope));
        needs.members.sort_unstable();
        needs.members.dedup();
        (*id, needs)
    });
    let views = store.load(needs.collect()).await.expect("load");
    let appends = groups.into_values().zip(views).filter_map(|(envelopes, mut view)| {
        for envelope in &envelopes {
            view.execute(envelope);
        }
        view.into_effects().map(|effects| Append { effects })
    });
    store.append(appends.collect()).await.expect("append");
    messages.settle(settlements).await.expect("settle");
}

fn bench(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("runtime");
    let mut group = criterion.benchmark_group("message path");
    group.sample_size(10).measurement_time(Duration::from_secs(8));
    for batch in [256_u64, 1_024] {
        let folder = tempfile::tempdir().expect("folder");
        let embedded = Embedded::open(
            Config::new(folder.path()),
            Arc::new(WallClock),
            Arc::new(Counter(AtomicU64::new(1))),
        )
        .expect("open");
        runtime.block_on(prepare(&embedded));
        let mut next = 1;
        group.throughput(Throughput::Elements(batch));
        group.bench_function(BenchmarkId::from_parameter(batch), |bencher| {
            bencher.iter_custom(|rounds| {
                let start = Instant::now();
                runtime.block_on(async {
                    for _ in 0..rounds {
                        round(&embedded, next, batch).await;
                        next += batch;
                    }
                    persist(&embedded).await;
                });
                start.elapsed()
            });
        });
        println!("{batch}: {next} messages, {:?}", embedded.gauges());
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);

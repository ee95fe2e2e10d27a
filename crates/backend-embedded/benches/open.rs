//! How long opening takes: on an empty folder, after a clean shutdown, and after `kill -9` with many messages stored.
//! Prints milliseconds; `OPEN_MESSAGES` sets how many messages (1,000,000 unless told otherwise).

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use backend_embedded::{Config, Embedded};
use chat::{
    Change, Command, CommandId, ConversationId, ConversationKind, Envelope, Needs, UserId,
    ports::{Append, Clock, Item, Randomness, Settlement},
};

struct Fixed;

impl Clock for Fixed {
    fn now_ms(&self) -> u64 {
        1_790_000_000_000
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

fn open(folder: &Path) -> (Embedded, f64) {
    let start = Instant::now();
    let embedded = Embedded::open(Config::new(folder), Arc::new(Fixed), Arc::new(Counter(AtomicU64::new(1))));
    let embedded = embedded.expect("open");
    (embedded, start.elapsed().as_secs_f64() * 1_000.0)
}

fn envelope(number: u64) -> Envelope {
    let mixed = u128::from(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    Envelope {
        conversation: ConversationId::from_u128(1 + u128::from(number) % 1_000),
        actor: UserId::from_u128(1),
        command_id: CommandId::from_u128(u128::from(number) << 64 | mixed),
        accepted_at: 1_790_000_000_000,
        command: Command::Send {
            body: "A message of the usual length, as people write them to each other all day.".to_owned(),
            reply_to: None,
            mentions: Vec::new(),
            attachments: Vec::new(),
        },
    }
}

async fn fill(embedded: &Embedded, count: u64) {
    let (store, messages) = (embedded.store(), embedded.messages());
    for index in 1..=1_000_u128 {
        let change = Change::CreateConversation {
            conversation: ConversationId::from_u128(index),
            creator: UserId::from_u128(1),
            request: CommandId::from_u128(index),
            at: 1,
            kind: ConversationKind::Group,
            title: None,
            description: None,
            members: Vec::new(),
        };
        store.change(change).await.expect("create");
    }
    for first in (0..count).step_by(1_000) {
        let items = (first..first + 1_000).map(envelope).map(|body| Item {
            group: body.conversation.as_u128(),
            dedup: body.command_id.as_u128(),
            body,
        });
        messages.send(items.collect()).await.expect("send");
        let leases = messages.lease(4_096, Duration::ZERO).await.expect("lease");
        let mut groups: BTreeMap<ConversationId, Vec<Envelope>> = BTreeMap::new();
        let mut settlements = Vec::new();
        for lease in leases {
            settlements.push((lease.id, Settlement::Done));
            groups.entry(lease.body.conversation).or_default().push(lease.body);
        }
        let needs = groups.iter().map(|(id, envelopes)| {
            let mut needs = Needs::default();
            envelopes.iter().for_each(|envelope| needs.add(envelope));
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
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("folder");
    for entry in fs::read_dir(from).expect("folder").flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            // A file that compaction has just removed is missed by nobody.
            let _ = fs::copy(entry.path(), &target);
        }
    }
}

/// Resident memory of this process, KiB.
fn resident_kib() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS"));
    line.unwrap_or_default().trim_start_matches("VmRSS:").trim().to_owned()
}

fn main() {
    let count = std::env::var("OPEN_MESSAGES").ok().and_then(|count| count.parse().ok()).unwrap_or(1_000_000);
    println!("resident before anything: {}", resident_kib());
    for _ in 0..5 {
        let folder = tempfile::tempdir().expect("folder");
        let (embedded, ms) = open(folder.path());
        println!("empty folder: {ms:.1} ms, resident {}", resident_kib());
        drop(embedded);
    }
    let folder = tempfile::tempdir().expect("folder");
    let (embedded, _) = open(folder.path());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("runtime");
    let start = Instant::now();
    runtime.block_on(fill(&embedded, count));
    let seconds = start.elapsed().as_secs_f64();
    println!("{count} messages in {seconds:.1} s, {:?}", embedded.gauges());
    let killed: Vec<_> = (0..3)
        .map(|round| {
            runtime.block_on(fill_more(&embedded, count + round * 3_700));
            let copied = tempfile::tempdir().expect("folder");
            copy(folder.path(), copied.path());
            copied
        })
        .collect();
    drop(embedded);
    for copied in &killed {
        let (embedded, ms) = open(copied.path());
        println!("killed: {ms:.1} ms, {:?}, resident {}", embedded.opened(), resident_kib());
        drop(embedded);
        let (embedded, ms) = open(copied.path());
        println!("  then clean: {ms:.1} ms, {:?}", embedded.opened());
        drop(embedded);
    }
    fs::remove_dir_all(killed[0].path().join("store")).expect("store");
    let (embedded, ms) = open(killed[0].path());
    println!("store deleted: {ms:.1} ms, {:?}", embedded.opened());
}

async fn fill_more(embedded: &Embedded, from: u64) {
    let messages = embedded.messages();
    let items = (from..from + 900).map(envelope).map(|body| Item {
        group: body.conversation.as_u128(),
        dedup: body.command_id.as_u128(),
        body,
    });
    messages.send(items.collect()).await.expect("send");
}

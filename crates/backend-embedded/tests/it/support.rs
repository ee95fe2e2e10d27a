//! What the tests share: a clock and randomness that are told, a backend in a folder, and a persister of a few lines.
//! The persister is the shortest one that is right; the product's own lives in another crate.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use backend_embedded::{Config, Embedded, Inspector};
use chat::{
    Change, ChangeOutcome, Command, CommandId, ConversationId, ConversationKind, Envelope, Needs, Outcome,
    UserId,
    ports::{Append, AppendOutcome, Clock, Item, Lease, LeaseId, Queue, Randomness, Settlement, Store},
};
use parking_lot::Mutex;

pub(crate) struct TestClock(pub(crate) AtomicU64);

impl Clock for TestClock {
    fn now_ms(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

impl TestClock {
    pub(crate) fn advance(&self, by_ms: u64) {
        self.0.fetch_add(by_ms, Ordering::SeqCst);
    }
}

/// splitmix64: small, and the same everywhere.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        let at = self.below(from.len() as u64);
        &from[usize::try_from(at).unwrap()]
    }
}

pub(crate) struct SharedRandom(Mutex<Random>);

impl Randomness for SharedRandom {
    fn fill(&self, bytes: &mut [u8]) {
        let mut random = self.0.lock();
        for chunk in bytes.chunks_mut(8) {
            let drawn = random.next().to_le_bytes();
            chunk.copy_from_slice(&drawn[..chunk.len()]);
        }
    }
}

/// An open backend and what belongs to it.
pub(crate) struct World {
    pub(crate) backend: Embedded,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) messages: Arc<dyn Queue<Envelope>>,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) config: Config,
}

pub(crate) const NOW: u64 = 1_790_000_000_000;

/// Small bounds, so that tests reach them.
pub(crate) fn small(folder: &Path) -> Config {
    Config {
        segment_bytes: 4 * 1024 * 1024,
        memtable_bytes: 64 * 1024,
        block_cache_bytes: 1024 * 1024,
        ..Config::new(folder)
    }
}

/// A row as bytes.
pub(crate) type Row = (Vec<u8>, Vec<u8>);

pub(crate) fn clock_at(now_ms: u64) -> Arc<TestClock> {
    Arc::new(TestClock(AtomicU64::new(now_ms)))
}

pub(crate) fn randomness(seed: u64) -> Arc<SharedRandom> {
    Arc::new(SharedRandom(Mutex::new(Random(seed))))
}

pub(crate) fn open(config: Config) -> World {
    let (clock, randomness) = (clock_at(NOW), randomness(7));
    let backend = Embedded::open(config.clone(), Arc::clone(&clock) as _, randomness).unwrap();
    let (store, messages) = (backend.store(), backend.messages());
    World { backend, store, messages, clock, config }
}

impl World {
    /// Shuts down and opens again.
    pub(crate) fn reopen(self) -> World {
        let World { backend, store, messages, clock, config } = self;
        drop((store, messages));
        drop(backend);
        let world = open(config);
        world.clock.0.store(clock.now_ms(), Ordering::SeqCst);
        world
    }

    /// The files as they are at this moment, as a process that is killed leaves them.
    pub(crate) fn killed(&self) -> tempfile::TempDir {
        let copy = tempfile::tempdir().unwrap();
        copy_folder(&self.config.data, copy.path());
        copy
    }

    pub(crate) fn configured_for(&self, folder: &Path) -> Config {
        Config { data: folder.to_path_buf(), ..self.config.clone() }
    }

    pub(crate) async fn create(
        &self,
        id: u128,
        kind: ConversationKind,
        creator: UserId,
        members: &[UserId],
    ) -> ConversationId {
        let change = Change::CreateConversation {
            conversation: ConversationId::from_u128(id),
            creator,
            request: CommandId::from_u128(id ^ 0xffff),
            at: self.clock.now_ms(),
            kind,
            title: (kind == ConversationKind::Channel).then(|| format!("channel {id}")),
            description: None,
            members: members.to_vec(),
        };
        match self.store.change(change).await.unwrap() {
            ChangeOutcome::Conversation { conversation, .. } => conversation,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn send(&self, envelopes: Vec<Envelope>) {
        self.messages.send(envelopes.into_iter().map(item).collect()).await.unwrap();
    }

    /// Applies everything that can be leased now; outcomes in the order applied.
    pub(crate) async fn persist_all(&self) -> Vec<(Envelope, Outcome)> {
        let mut outcomes = Vec::new();
        loop {
            let leases = self.messages.lease(64, Duration::ZERO).await.unwrap();
            if leases.is_empty() {
                return outcomes;
            }
            let (ids, decided) = self.decide(leases).await;
            outcomes.extend(decided);
            self.messages.settle(ids.into_iter().map(|id| (id, Settlement::Done)).collect()).await.unwrap();
        }
    }

    /// Decides and appends leased commands without settling them.
    pub(crate) async fn decide(
        &self,
        leases: Vec<Lease<Envelope>>,
    ) -> (Vec<LeaseId>, Vec<(Envelope, Outcome)>) {
        let hook = self.backend.applied_hook();
        let ids = leases.iter().map(|lease| lease.id.clone()).collect();
        let mut groups: BTreeMap<ConversationId, Vec<Envelope>> = BTreeMap::new();
        for lease in leases {
            groups.entry(lease.body.conversation).or_default().push(lease.body);
        }
        let needs = groups.iter().map(|(id, envelopes)| {
            let mut needs = Needs::default();
            envelopes.iter().for_each(|envelope| needs.add(envelope));
            (*id, needs)
        });
        let views = self.store.load(needs.collect()).await.unwrap();
        let (mut outcomes, mut appends) = (Vec::new(), Vec::new());
        for (envelopes, mut view) in groups.into_values().zip(views) {
            for envelope in envelopes {
                let outcome = view.execute(&envelope);
                outcomes.push((envelope, outcome));
            }
            appends.extend(view.into_effects().map(|effects| Append { effects }));
        }
        let written = self.store.append(appends).await.unwrap();
        assert!(written.iter().all(|outcome| *outcome == AppendOutcome::Written));
        outcomes.iter().for_each(|(envelope, outcome)| hook(envelope, outcome));
        (ids, outcomes)
    }
}

pub(crate) fn user(id: u128) -> UserId {
    UserId::from_u128(id)
}

pub(crate) fn item(body: Envelope) -> Item<Envelope> {
    Item { group: body.conversation.as_u128(), dedup: body.command_id.as_u128(), body }
}

pub(crate) fn message(conversation: ConversationId, actor: UserId, id: u128, body: &str) -> Envelope {
    let command =
        Command::Send { body: body.to_owned(), reply_to: None, mentions: vec![], attachments: vec![] };
    envelope(conversation, actor, id, command)
}

pub(crate) fn envelope(conversation: ConversationId, actor: UserId, id: u128, command: Command) -> Envelope {
    Envelope {
        conversation,
        actor,
        command_id: CommandId::from_u128(id),
        accepted_at: NOW + u64::try_from(id % 1_000_000).unwrap(),
        command,
    }
}

/// All rows but how far the journal has been applied, as bytes. The folder must not be in use.
pub(crate) fn dump(config: &Config) -> Vec<Row> {
    let rows = Inspector::open(config).unwrap().raw_rows().unwrap();
    rows.into_iter().filter(|(key, _)| key != b"\x01applied").collect()
}

pub(crate) fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target: PathBuf = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else if std::fs::copy(entry.path(), &target).is_err() {
            // A file that went away while it was copied was on its way out.
            assert!(!entry.path().exists());
        }
    }
}

//! Composition: opens journal and store, brings them together, hands out the ports, closes everything in order.
//! Knows no port's inside. Whoever holds a port after [`Embedded::shutdown`] gets `Unavailable`.

use std::{
    fs::DirBuilder,
    os::unix::fs::DirBuilderExt,
    path::Path,
    sync::{Arc, Weak, mpsc},
    thread::JoinHandle,
    time::Instant,
};

use chat::{
    Announcement, Envelope, Epoch,
    ports::{Clock, Commands, Directory, Moving, Queue, Randomness, Search, Store},
};
use journal::{Archive, FileSystem, Hooks, Journal, Options, Position};
use parking_lot::Mutex;

use crate::{
    apply,
    cache::Cache,
    codec,
    commands::{AppliedHook, EmbeddedCommands},
    config::{Config, History},
    core::{APPLIED_ROW, Applied, Caches, Core, Job, Parts},
    directory::EmbeddedDirectory,
    engine::Engine,
    erase,
    error::{Fault, OpenError},
    failure::{FailureHook, OnFailure},
    gauges::Gauges,
    housekeeping::Housekeeping,
    keys,
    limits::{MEMBER_CACHE_ENTRIES, META_CACHE_ENTRIES, SESSION_CACHE_ENTRIES},
    migrations,
    moving::EmbeddedMoving,
    queue::{messages::Messages, notifications::Notifications, port::MessageQueue, progress::Progress},
    record::{Genesis, RECORD_FORMAT, Record, kind},
    replay::{self, Replayed},
    restore,
    search::{EmbeddedSearch, SearchIndex},
    store::EmbeddedStore,
};

/// An open backend. Dropping it shuts it down.
pub struct Embedded {
    core: Arc<Core>,
    notifications: Arc<Notifications>,
    directory: Arc<EmbeddedDirectory>,
    search: Arc<SearchIndex>,
    housekeeping: Housekeeping,
    applier: Mutex<Option<JoinHandle<()>>>,
    opened: Opened,
}

/// What opening did, for the log and for measurements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opened {
    /// Whether the data folder was empty.
    pub is_new: bool,
    /// Journal records looked at because the store did not have them for certain.
    pub records: u64,
    /// Commands applied again.
    pub commands: u64,
    /// Changes applied again.
    pub changes: u64,
    /// Bytes cut from the journal's torn tail.
    pub cut_bytes: u64,
}

impl Embedded {
    /// Opens the data folder, or begins a new history in it, and brings the store up to date.
    ///
    /// # Errors
    /// [`OpenError`]; its text says what an operator can do.
    pub fn open(
        config: Config,
        clock: Arc<dyn Clock>,
        randomness: Arc<dyn Randomness>,
    ) -> Result<Embedded, OpenError> {
        let embedded = Embedded::open_any(config, None, clock, randomness)?;
        let folder = || embedded.core.config.data.join("store");
        let arrival = apply::arrival(&embedded.core);
        match arrival.map_err(|source| OpenError::Store { folder: folder(), source })? {
            Some(arrival) if !arrival.is_finished => {
                Err(OpenError::Unfinished { folder: embedded.core.config.data.clone() })
            }
            _ => Ok(embedded),
        }
    }

    /// Opens the data folder for taking in what another home held; a new one gets its history's epoch.
    ///
    /// # Errors
    /// As [`Embedded::open`], but for what is half taken in.
    pub fn open_to_take_in(
        config: Config,
        epoch: Epoch,
        clock: Arc<dyn Clock>,
        randomness: Arc<dyn Randomness>,
    ) -> Result<Embedded, OpenError> {
        Embedded::open_any(config, Some(epoch), clock, randomness)
    }

    #[allow(clippy::needless_pass_by_value, reason = "handed over like the clock")]
    fn open_any(
        config: Config,
        epoch: Option<Epoch>,
        clock: Arc<dyn Clock>,
        randomness: Arc<dyn Randomness>,
    ) -> Result<Embedded, OpenError> {
        let started = Instant::now();
        make_folder(&config.data)?;
        let failure = Arc::new(FailureHook::default());
        let (journal, recovered) = open_journal(&config, &*randomness, &failure)?;
        let is_new = recovered.last == Position::ZERO;
        if is_new {
            begin_history(&journal, epoch, &*clock, &*randomness)?;
        }
        let last = journal.committed().0;
        let journal_ms = started.elapsed().as_millis();
        let folder = config.data.join("store");
        let engine = Engine::open(&folder, config.memtable_bytes, config.block_cache_bytes);
        let engine = engine.map_err(|source| OpenError::Store { folder: folder.clone(), source })?;
        let genesis = migrations::prepare(&engine, &journal, &folder)?;
        let applied = applied(&engine).map_err(|source| OpenError::Store { folder, source })?;
        check_continuity(&applied, &journal, last)?;
        let parts = Parts {
            messages: Messages::new(Progress::restored(&applied.items), config.queue_memory_bytes),
            instance: instance(&*randomness),
            changes_applied: applied.changes,
            epoch: genesis.epoch,
            caches: caches(),
            config,
            clock,
            journal,
            engine,
            failure,
        };
        let (core, jobs) = Core::new(parts);
        start_engine(&core)?;
        let tables_ms = started.elapsed().as_millis() - journal_ms;
        let replayed = replay::replay(&core, applied, last)?;
        core.change_is_over();
        core.settled_at_start.get_or_init(|| core.messages.settled());
        let opened = summary(is_new, replayed, recovered.cut_bytes);
        let elapsed_ms = started.elapsed().as_millis();
        tracing::info!(?opened, elapsed_ms, journal_ms, tables_ms, "the data folder is open");
        Embedded::start(core, jobs, opened)
    }

    fn start(core: Arc<Core>, jobs: mpsc::Receiver<Job>, opened: Opened) -> Result<Embedded, OpenError> {
        let notifications = Arc::new(Notifications::new(Arc::clone(&core.clock)));
        let directory = Arc::new(EmbeddedDirectory::new(Arc::clone(&core)));
        let applying = Arc::clone(&core);
        let applier = std::thread::Builder::new().name("store-apply".into());
        let applier = applier.spawn(move || applying.run_applier(&jobs)).map_err(threads)?;
        let search = SearchIndex::new(Arc::clone(&core));
        let housekeeping =
            Housekeeping::start(Arc::clone(&core), Arc::clone(&directory), Arc::clone(&search))
                .map_err(threads)?;
        let applier = Mutex::new(Some(applier));
        Ok(Embedded { core, notifications, directory, search, housekeeping, applier, opened })
    }

    /// What opening did.
    #[must_use]
    pub fn opened(&self) -> Opened {
        self.opened
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> Arc<dyn Store> {
        Arc::new(EmbeddedStore(Arc::clone(&self.core)))
    }

    /// The queue of accepted commands. Its group is the conversation of the envelope.
    #[must_use]
    pub fn messages(&self) -> Arc<dyn Queue<Envelope>> {
        Arc::new(MessageQueue(Arc::clone(&self.core)))
    }

    /// The queue of what nodes have to be told.
    #[must_use]
    pub fn notifications(&self) -> Arc<dyn Queue<Announcement>> {
        Arc::clone(&self.notifications) as _
    }

    /// The way commands enter.
    #[must_use]
    pub fn commands(&self) -> Arc<dyn Commands> {
        Arc::new(EmbeddedCommands(Arc::clone(&self.core)))
    }

    /// The connection table.
    #[must_use]
    pub fn directory(&self) -> Arc<dyn Directory> {
        Arc::clone(&self.directory) as _
    }

    /// Searching in messages. Nothing is opened before there is something to index or somebody asks.
    #[must_use]
    pub fn search(&self) -> Arc<dyn Search> {
        Arc::new(EmbeddedSearch::new(Arc::clone(&self.search)))
    }

    /// Moving in and out.
    #[must_use]
    pub fn moving(&self) -> Arc<dyn Moving> {
        Arc::new(EmbeddedMoving(Arc::clone(&self.core)))
    }

    /// Makes the search index again from the store, whatever is there; returns how many messages it has. Blocks for as
    /// long as that takes. For a backend that serves nobody.
    ///
    /// # Errors
    /// The disk refused, or the index is being written: searches go on with what there is.
    pub fn rebuild_search(&self) -> Result<u64, Fault> {
        self.search.rebuild()
    }

    /// To be called for each command once what it came to is in the store: `Commands::execute` waits for it.
    #[must_use]
    pub fn applied_hook(&self) -> AppliedHook {
        let core = Arc::clone(&self.core);
        Arc::new(move |envelope, outcome| {
            erase::notice_edit(&core, envelope, outcome);
            core.waiters.applied(envelope, *outcome);
        })
    }

    /// Sets who is told, once, when nothing can be made durable any more: the process should say so and exit with an
    /// error. Called at once when that has happened already.
    pub fn on_failure(&self, hook: OnFailure) {
        self.core.failure.set(hook);
    }

    /// Why nothing is accepted any more, if so.
    #[must_use]
    pub fn failure(&self) -> Option<&str> {
        self.core.failure.reason()
    }

    /// The generation of this history.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.core.epoch
    }

    /// Figures for metrics, as of now.
    #[must_use]
    pub fn gauges(&self) -> Gauges {
        Gauges::read(&self.core, &self.directory)
    }

    /// Erases the text of deleted messages from the journal and from old tables now, where its time has come; returns
    /// how many messages. Blocks for as long as reading the journal takes. Happens by itself every minute.
    ///
    /// # Errors
    /// The disk refused; nothing is lost, and it is tried again.
    pub fn erase_due(&self) -> Result<usize, Fault> {
        erase::erase_due(&self.core)
    }

    /// Gives the history another epoch, for the next opening.
    pub(crate) fn renew_epoch(&self, epoch: Epoch) -> Result<(), Fault> {
        restore::renew_epoch(&self.core, epoch)
    }

    /// Makes what was accepted durable and applied, writes the store out, and ends all threads. Blocks for as long as
    /// the disk needs; call it where blocking is allowed. May be called again.
    pub fn shutdown(&self) {
        self.core.stop_queue();
        self.notifications.stop();
        self.housekeeping.stop();
        self.search.stop();
        self.housekeeping.last_words(&self.core, &self.directory);
        if let Err(error) = self.core.journal.close() {
            tracing::error!(%error, "the journal could not be closed");
        }
        self.core.stop_applier();
        if let Some(applier) = self.applier.lock().take()
            && applier.thread().id() != std::thread::current().id()
        {
            // It reports its failures through the hook.
            let _ = applier.join();
        }
        if !self.core.failure.has_failed() {
            self.core.cut(&self.core.engine.writer());
        }
        self.core.engine.stop();
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.shutdown();
    }
}

pub(crate) fn make_folder(folder: &Path) -> Result<(), OpenError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|source| OpenError::Io { action: "create the data folder", source })
}

pub(crate) fn journal_options(config: &Config, salt: u32) -> Options {
    Options {
        segment_bytes: config.segment_bytes,
        archive: match config.history {
            History::Keep => Archive::Keep,
            History::Recycle => Archive::Recycle,
        },
        salt,
        ..Options::default()
    }
}

fn open_journal(
    config: &Config,
    randomness: &dyn Randomness,
    failure: &Arc<FailureHook>,
) -> Result<(Journal, journal::Recovered), OpenError> {
    let mut salt = [0; 4];
    randomness.fill(&mut salt);
    let disk = Arc::new(FileSystem::open(config.data.join("journal"))?);
    let failing = Arc::clone(failure);
    let on_failure = Box::new(move |failure: &Arc<journal::Failure>| failing.fail(&failure.to_string()));
    let hooks = Hooks { on_failure: Some(on_failure), ..Hooks::default() };
    Ok(Journal::open_with(disk, journal_options(config, u32::from_le_bytes(salt)), hooks)?)
}

/// Writes the first record of a new history, durably.
fn begin_history(
    journal: &Journal,
    epoch: Option<Epoch>,
    clock: &dyn Clock,
    randomness: &dyn Randomness,
) -> Result<(), OpenError> {
    let mut random = [0; 10];
    randomness.fill(&mut random);
    let created_at = clock.now_ms();
    let epoch = epoch.unwrap_or_else(|| Epoch::new(created_at, &random));
    let genesis = Record::Genesis(Genesis { format: RECORD_FORMAT, epoch, created_at });
    let (told, durable) = mpsc::sync_channel(1);
    journal.append(vec![genesis.encode(created_at)], move |outcome| drop(told.send(outcome)))?;
    durable.recv().unwrap_or(Err(journal::AppendError::Closed))?;
    Ok(())
}

/// Reads the first record of a history.
pub(crate) fn read_genesis(journal: &Journal) -> Result<Option<Genesis>, Fault> {
    if journal.first() > Position(1) {
        return Ok(None);
    }
    let mut records = Vec::with_capacity(1);
    journal.reader(Position(1)).read(1, 1, &mut records)?;
    let genesis = records.first().filter(|record| record.kind == kind::GENESIS);
    genesis.map(|record| codec::decode("genesis", &record.payload)).transpose()
}

fn applied(engine: &Engine) -> Result<Applied, Fault> {
    let bytes = engine.get(&keys::system(APPLIED_ROW))?;
    bytes.map_or(Ok(Applied::default()), |bytes| codec::decode("applied", &bytes))
}

fn check_continuity(applied: &Applied, journal: &Journal, last: u64) -> Result<(), OpenError> {
    let seen = applied.changes.max(applied.items.head.saturating_sub(1));
    if seen > last {
        return Err(OpenError::StoreAhead { applied: seen, last });
    }
    let (needed, first) = (applied.items.first_open().min(applied.changes + 1).max(1), journal.first().0);
    if needed < first { Err(OpenError::Gap { needed, first }) } else { Ok(()) }
}

fn instance(randomness: &dyn Randomness) -> u64 {
    let mut random = [0; 8];
    randomness.fill(&mut random);
    u64::from_le_bytes(random)
}

fn caches() -> Caches {
    Caches {
        metas: Cache::new(META_CACHE_ENTRIES),
        members: Cache::new(MEMBER_CACHE_ENTRIES),
        sessions: Cache::new(SESSION_CACHE_ENTRIES),
    }
}

fn start_engine(core: &Arc<Core>) -> Result<(), OpenError> {
    let releasing: Weak<Core> = Arc::downgrade(core);
    let on_flushed = Box::new(move |needed: u64| {
        let Some(core) = releasing.upgrade() else { return };
        if let Err(error) = core.journal.release(Position(needed)) {
            tracing::warn!(%error, "old journal segments could not be put away; tried again later");
        }
    });
    let failure = Arc::clone(&core.failure);
    let on_failure = Box::new(move |fault: &Fault| failure.fail(&fault.to_string()));
    core.engine.start(on_flushed, on_failure).map_err(threads)
}

fn summary(is_new: bool, replayed: Replayed, cut_bytes: u64) -> Opened {
    let Replayed { records, commands, changes } = replayed;
    Opened { is_new, records, commands, changes, cut_bytes }
}

fn threads(source: std::io::Error) -> OpenError {
    OpenError::Io { action: "start a thread", source }
}

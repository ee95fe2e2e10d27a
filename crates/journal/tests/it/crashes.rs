//! Thousands of simulated lives of a journal: appends, roll-overs, releases, rewrites, crashes, failures, and after each
//! of them a reopening that must find everything that was acknowledged.
//! Every run is a function of its seed, printed on failure with the command that repeats it.

use std::{
    env,
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{Arc, Mutex},
};

use journal::{
    AppendError, Archive, Hooks, Journal, MaintainError, NewRecord, OpenError, Options, Position, Record,
    Recovered, Stepper,
    simulated::{Random, SimulatedDisk},
    verify,
};

use crate::support::small_options;

/// What may go wrong in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    /// The power is cut in the middle of any operation.
    PowerCuts,
    /// Syncs and writes fail, the disk fills up; then the process is killed or the power cut.
    Failures,
}

/// D1, D3: power cuts anywhere, recovery and maintenance included.
#[test]
fn nothing_acknowledged_is_lost_in_power_cuts() {
    run_seeds("nothing_acknowledged_is_lost_in_power_cuts", Trouble::PowerCuts);
}

/// D1, D3: errors of the disk, after which a later life may see only what was durable.
#[test]
fn nothing_acknowledged_is_lost_in_disk_failures() {
    run_seeds("nothing_acknowledged_is_lost_in_disk_failures", Trouble::Failures);
}

fn run_seeds(test: &str, trouble: Trouble) {
    for seed in seeds() {
        let outcome = catch_unwind(AssertUnwindSafe(|| World::new(seed, trouble).run()));
        if let Err(panic) = outcome {
            eprintln!("seed {seed} fails; repeat it with:");
            eprintln!("JOURNAL_SEED={seed} cargo test -p journal --test it -- {test}");
            resume_unwind(panic);
        }
    }
}

/// `JOURNAL_SEED` runs one, `JOURNAL_SEEDS` says how many.
fn seeds() -> Range<u64> {
    let number = |name| env::var(name).ok().map(|value| value.parse::<u64>().unwrap());
    if let Some(seed) = number("JOURNAL_SEED") {
        return seed..seed + 1;
    }
    0..number("JOURNAL_SEEDS").unwrap_or(2500)
}

/// One run: the disk, and what the journal on it must contain.
struct World {
    random: Random,
    trouble: Trouble,
    disk: SimulatedDisk,
    options: Options,
    /// Payloads of all records ever given a position, the first being record 1. Past the acknowledged ones, cut back
    /// when a crash has lost them. Each with what else it may be, while a rewrite has not certainly succeeded.
    log: Vec<Expected>,
    /// Positions at which appends end.
    append_ends: Vec<u64>,
    /// Acknowledged, or found by an opening.
    durable: u64,
    /// Everything below was released (or pruned, where releases are archived).
    released: u64,
}

#[derive(Clone, Debug)]
struct Expected {
    payload: Vec<u8>,
    or: Option<Vec<u8>>,
}

/// First and last position, or why not.
type Outcome = Result<(u64, u64), AppendError>;

/// A journal between two crashes.
struct Life {
    journal: Journal,
    stepper: Stepper,
    /// What became of appends, in the order of the calls.
    outcomes: Arc<Mutex<Vec<Outcome>>>,
    seen_outcomes: usize,
    /// Position after the last record handed to the journal.
    next: u64,
    failed: bool,
}

impl World {
    fn new(seed: u64, trouble: Trouble) -> Self {
        let mut random = Random::new(seed ^ 0xD15C);
        let archive = if random.one_in(4) { Archive::Keep } else { Archive::Recycle };
        let pool_segments_max = usize::try_from(random.below(4)).unwrap();
        let options = Options { archive, pool_segments_max, ..small_options() };
        Self {
            random,
            trouble,
            disk: SimulatedDisk::new(seed),
            options,
            log: Vec::new(),
            append_ends: vec![0],
            durable: 0,
            released: 1,
        }
    }

    fn run(mut self) {
        for _ in 0..3 + self.random.below(8) {
            let trap = self.random.one_in(4);
            let Some(mut life) = self.open(trap) else { continue };
            self.arm();
            for _ in 0..self.random.below(120) {
                self.act(&mut life);
                self.collect(&mut life);
            }
            let last_life = life;
            if self.trouble == Trouble::Failures && self.random.one_in(2) {
                self.disk.kill();
            } else {
                self.disk.crash();
            }
            drop(last_life);
        }
        let mut life = self.open(false).expect("no fault is armed");
        self.append(&mut life);
        while life.stepper.commit() {}
        self.collect(&mut life);
        assert_eq!(self.durable, life.next - 1, "a healthy journal acknowledges everything");
        self.check_contents(&life.journal);
        drop(life);
        let verified = verify(&self.disk).unwrap();
        assert_eq!((verified.damage, verified.last), (None, Position(self.durable)));
    }

    /// Opens; `None` when the power was made to fail meanwhile.
    fn open(&mut self, trap: bool) -> Option<Life> {
        if trap {
            self.disk.cut_power_after(self.random.below(12));
        }
        let opened =
            Journal::open_stepped(Arc::new(self.disk.clone()), self.options.clone(), Hooks::default());
        match opened {
            Ok((journal, stepper, recovered)) => {
                self.check_recovered(&journal, &recovered, trap)?;
                let outcomes = Arc::default();
                let next = self.durable + 1;
                Some(Life { journal, stepper, outcomes, seen_outcomes: 0, next, failed: false })
            }
            Err(OpenError::Io { .. }) if trap => {
                self.disk.crash();
                None
            }
            Err(error) => panic!("a crash is no damage: {error}"),
        }
    }

    fn check_recovered(&mut self, journal: &Journal, recovered: &Recovered, trap: bool) -> Option<()> {
        let last = recovered.last.0;
        assert!(last >= self.durable, "record {} was acknowledged, {last} is the last found", self.durable);
        assert!(self.append_ends.contains(&last), "half an append was found: {last}");
        self.durable = last;
        self.log.truncate(usize::try_from(last).unwrap());
        self.append_ends.retain(|end| *end <= last);
        if trap {
            // The rest of the trap would spring while contents are compared.
            self.disk.crash();
            return None;
        }
        self.check_contents(journal);
        Some(())
    }

    fn check_contents(&mut self, journal: &Journal) {
        let first = journal.first().0;
        assert!(first <= self.released, "records from {} were not released, {first} is first", self.released);
        let mut records = Vec::new();
        let mut reader = journal.reader(Position(first));
        while reader.read(50, 5000, &mut records).unwrap() > 0 {}
        assert_eq!(records.len(), usize::try_from(self.durable + 1 - first).unwrap());
        for (index, record) in records.iter().enumerate() {
            assert_eq!(record.position.0, first + u64::try_from(index).unwrap());
            self.log[usize::try_from(record.position.0 - 1).unwrap()].settle(record);
        }
    }

    fn arm(&mut self) {
        let soon = self.random.below(60);
        match (self.trouble, self.random.below(6)) {
            (Trouble::PowerCuts, 0) => {}
            (Trouble::PowerCuts, _) => self.disk.cut_power_after(soon),
            (Trouble::Failures, 0) => {}
            (Trouble::Failures, 1) => self.disk.full_after(self.random.below(60_000)),
            (Trouble::Failures, 2 | 3) => self.disk.fail_write_after(soon / 2),
            (Trouble::Failures, _) => self.disk.fail_sync_after(soon / 2),
        }
    }

    fn act(&mut self, life: &mut Life) {
        match self.random.below(24) {
            0..=11 => self.append(life),
            12..=16 => drop(life.stepper.commit()),
            17..=20 => drop(life.stepper.prepare()),
            21 => self.release(life),
            22 => self.rewrite(life),
            _ => self.seal(life),
        }
    }

    fn append(&mut self, life: &mut Life) {
        let count = if self.random.one_in(3) { 1 + self.random.below(5) } else { 1 };
        let payloads: Vec<_> = (0..count).map(|_| self.payload()).collect();
        let records = payloads.iter().map(|payload| NewRecord::new(1, 2, payload.clone())).collect();
        let outcomes = Arc::clone(&life.outcomes);
        let done = move |outcome: Result<journal::Appended, _>| {
            outcomes.lock().unwrap().push(outcome.map(|appended| (appended.first.0, appended.last.0)));
        };
        match life.journal.append(records, done) {
            Ok(()) => {
                assert!(!life.failed, "a failed journal accepts nothing");
                life.next += count;
                self.log.extend(payloads.into_iter().map(|payload| Expected { payload, or: None }));
                self.append_ends.push(life.next - 1);
            }
            Err(AppendError::Full | AppendError::Size { .. }) => {}
            Err(AppendError::Failed(_)) => life.failed = true,
            Err(error) => panic!("{error}"),
        }
    }

    fn payload(&mut self) -> Vec<u8> {
        let length = match self.random.below(10) {
            0 => 0,
            1 => self.random.below(4000),
            _ => self.random.below(300),
        };
        let length = usize::try_from(length).unwrap();
        let mut payload = self.random.next_u64().to_le_bytes().repeat(length / 8 + 1);
        payload.truncate(length);
        payload
    }

    /// Takes in what the journal said of appends: in order, and no success after a failure.
    fn collect(&mut self, life: &mut Life) {
        let outcomes = life.outcomes.lock().unwrap();
        for outcome in &outcomes[life.seen_outcomes..] {
            match outcome {
                Ok((first, last)) => {
                    assert!(!life.failed, "acknowledged after a failure");
                    assert_eq!(*first, self.durable + 1, "acknowledged out of order");
                    self.durable = *last;
                }
                Err(AppendError::Failed(_)) => life.failed = true,
                Err(error) => panic!("{error}"),
            }
        }
        life.seen_outcomes = outcomes.len();
        assert_eq!(life.journal.committed().0, self.durable);
    }

    fn release(&mut self, life: &Life) {
        let before = 1 + self.random.below(self.durable + 1);
        match self.options.archive {
            Archive::Recycle => {
                self.released = self.released.max(before);
                let _ = life.journal.release(Position(before));
            }
            Archive::Keep => {
                let _ = life.journal.release(Position(before));
                if self.random.one_in(3) {
                    self.released = self.released.max(before);
                    let _ = life.journal.prune(Position(before));
                }
            }
        }
    }

    fn rewrite(&mut self, life: &Life) {
        let start = 1 + self.random.below(self.durable + 1);
        let end = start + self.random.below(20);
        let log = &mut self.log;
        let outcome = life.journal.rewrite(Position(start)..=Position(end), |record| {
            let expected = &mut log[usize::try_from(record.position.0 - 1).unwrap()];
            expected.settle(record);
            let erased = record.position.0.is_multiple_of(2).then(|| vec![0; record.payload.len()]);
            expected.or.clone_from(&erased);
            erased
        });
        for position in start..=end.min(self.durable) {
            let expected = &mut log[usize::try_from(position - 1).unwrap()];
            match &outcome {
                Ok(_) => expected.payload = expected.or.take().unwrap_or_else(|| expected.payload.clone()),
                Err(MaintainError::Io { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
    }

    fn seal(&mut self, life: &mut Life) {
        match life.journal.seal() {
            Ok(()) => drop(life.stepper.commit()),
            Err(AppendError::Failed(_)) => life.failed = true,
            Err(error) => panic!("{error}"),
        }
    }
}

impl Expected {
    /// The record is what it must be; where it could be one of two, it is this one from now on.
    fn settle(&mut self, record: &Record) {
        if let Some(or) = self.or.take()
            && or == record.payload
        {
            self.payload = or;
        }
        assert_eq!(self.payload, record.payload, "record {} has changed", record.position);
    }
}

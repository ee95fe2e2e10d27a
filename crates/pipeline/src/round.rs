//! One lease of commands brought into the store: by conversation, in order, around whatever fails.
//! Invariant: a failure puts off or gives up only commands of its own conversation, and none overtakes another there.

use std::{
    collections::HashSet,
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chat::{
    ConversationId, Decision, Effects, Envelope, Event, Needs, Outcome, Refusal, View,
    ports::{Append, AppendOutcome, ErrorKind, Lease, PortError, Randomness, Store},
};

use crate::{
    limits::{CONFLICTS_PER_ROUND_MAX, FAILED_CALLS_PER_ROUND_MAX, ISOLATE_ATTEMPTS},
    persister::AppliedHook,
    retry,
    settling::reason,
    suspects::Suspects,
};

/// A leased command and what has become of it in this round.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) lease: Lease<Envelope>,
    pub(crate) fate: Fate,
    /// Whether its news have been handed to the notifications queue.
    pub(crate) handed_on: bool,
}

/// What has become of a command.
#[derive(Debug)]
pub(crate) enum Fate {
    /// Nothing yet.
    Undecided,
    /// It is this event, and was one before this round when `again`.
    Event { event: Box<Event>, ordinal: u64, again: bool },
    /// There is nothing to tell of it.
    Quiet,
    /// A rule said no: its sender is told.
    Refused(Refusal),
    /// It comes again after this delay.
    Wait(Duration),
    /// It is given up, and its sender is told.
    Dead(String),
    /// It is stored but cannot be announced: given up, and its sender is told nothing, because it did happen.
    Untold(String),
}

/// Commands of one conversation, next to each other in the round's work.
#[derive(Debug, Clone)]
struct Group {
    conversation: ConversationId,
    range: Range<usize>,
    /// Where the conversation's commands begin in this lease.
    first: usize,
    conflicts: u32,
}

/// The commands of one lease on their way into the store.
pub(crate) struct Round<'a> {
    store: &'a dyn Store,
    randomness: &'a dyn Randomness,
    applied: Option<&'a AppliedHook>,
    suspects: &'a Mutex<Suspects>,
    work: Vec<Work>,
    /// What is still to be tried; the last part comes next, so that halves of a conversation keep their order.
    parts: Vec<Vec<Group>>,
    /// Conversations of which something was put off.
    waiting: HashSet<ConversationId>,
    failed_calls: u32,
    conflicts: u64,
}

/// A round that is over.
pub(crate) struct Finished {
    pub(crate) work: Vec<Work>,
    /// The store failed whatever was tried: the next lease had better wait.
    pub(crate) outage: bool,
    pub(crate) conflicts: u64,
}

/// A fate, and the outcome for who waits for it.
struct Verdict {
    fate: Fate,
    outcome: Outcome,
}

impl<'a> Round<'a> {
    pub(crate) fn new(
        store: &'a dyn Store,
        randomness: &'a dyn Randomness,
        applied: Option<&'a AppliedHook>,
        suspects: &'a Mutex<Suspects>,
        mut leases: Vec<Lease<Envelope>>,
    ) -> Round<'a> {
        // Stable: the order within a conversation stays as leased.
        leases.sort_by_key(|lease| lease.body.conversation);
        let work: Vec<Work> =
            leases.into_iter().map(|lease| Work { lease, fate: Fate::Undecided, handed_on: false }).collect();
        let append_max = store.capabilities().append_max.max(1);
        let mut parts: Vec<Vec<Group>> = groups(&work).chunks(append_max).map(<[Group]>::to_vec).collect();
        parts.reverse();
        Round {
            store,
            randomness,
            applied,
            suspects,
            work,
            parts,
            waiting: HashSet::new(),
            failed_calls: 0,
            conflicts: 0,
        }
    }

    /// Tries until every command has a fate.
    pub(crate) async fn run(mut self) -> Finished {
        while let Some(part) = self.parts.pop() {
            let part = self.hold_back(part);
            if part.is_empty() {
                continue;
            }
            match self.attempt(&part).await {
                Ok(moved) => {
                    self.failed_calls = 0;
                    self.decide_again(moved);
                }
                Err(error) => self.failed(part, &error),
            }
        }
        Finished {
            outage: self.failed_calls >= FAILED_CALLS_PER_ROUND_MAX,
            work: self.work,
            conflicts: self.conflicts,
        }
    }

    /// Leaves out, and puts off, what follows a command that waits, and everything during an outage.
    fn hold_back(&mut self, part: Vec<Group>) -> Vec<Group> {
        let outage = self.failed_calls >= FAILED_CALLS_PER_ROUND_MAX;
        let (held, free): (Vec<Group>, Vec<Group>) =
            part.into_iter().partition(|group| outage || self.waiting.contains(&group.conversation));
        for group in held {
            self.put_off(&group, None);
        }
        free
    }

    /// Loads, decides and writes. Returns the groups whose conversation moved on meanwhile.
    async fn attempt(&mut self, part: &[Group]) -> Result<Vec<Group>, PortError> {
        let needs = part.iter().map(|group| (group.conversation, self.needs(group))).collect();
        let views = self.store.load(needs).await?;
        expect_len(views.len(), part.len(), "store.load")?;
        let mut verdicts = Vec::with_capacity(part.iter().map(|group| group.range.len()).sum());
        let mut appends = Vec::with_capacity(part.len());
        let mut has_effects = Vec::with_capacity(part.len());
        for (group, view) in part.iter().zip(views) {
            let effects = decide(view, &self.work[group.range.clone()], &mut verdicts)?;
            has_effects.push(effects.is_some());
            appends.extend(effects.map(|effects| Append { effects }));
        }
        let append_count = appends.len();
        let outcomes = if append_count == 0 { Vec::new() } else { self.store.append(appends).await? };
        expect_len(outcomes.len(), append_count, "store.append")?;
        Ok(self.take_over(part, &has_effects, outcomes, verdicts))
    }

    fn needs(&self, group: &Group) -> Needs {
        let mut needs = Needs::default();
        for work in &self.work[group.range.clone()] {
            needs.add(&work.lease.body);
        }
        needs.members.sort_unstable();
        needs.members.dedup();
        needs.rows.sort_unstable();
        needs.rows.dedup();
        needs
    }

    /// Takes over the verdicts of groups that are written, and returns the others.
    fn take_over(
        &mut self,
        part: &[Group],
        has_effects: &[bool],
        outcomes: Vec<AppendOutcome>,
        verdicts: Vec<Verdict>,
    ) -> Vec<Group> {
        let (mut outcomes, mut verdicts) = (outcomes.into_iter(), verdicts.into_iter());
        let mut moved = Vec::new();
        for (group, has_effects) in part.iter().zip(has_effects) {
            let outcome = if *has_effects { outcomes.next() } else { None };
            let decided = verdicts.by_ref().take(group.range.len());
            if outcome == Some(AppendOutcome::Conflict) {
                decided.for_each(drop);
                moved.push(group.clone());
                continue;
            }
            for (work, verdict) in self.work[group.range.clone()].iter_mut().zip(decided) {
                work.fate = verdict.fate;
                if let Some(applied) = self.applied {
                    applied(&work.lease.body, &verdict.outcome);
                }
            }
        }
        moved
    }

    fn decide_again(&mut self, moved: Vec<Group>) {
        let mut again = Vec::with_capacity(moved.len());
        for mut group in moved {
            group.conflicts += 1;
            self.conflicts += 1;
            if group.conflicts > CONFLICTS_PER_ROUND_MAX {
                self.put_off(&group, None);
            } else {
                again.push(group);
            }
        }
        if !again.is_empty() {
            self.parts.push(again);
        }
    }

    /// A call failed: halve what it was about until the culprit stands alone.
    fn failed(&mut self, mut part: Vec<Group>, error: &PortError) {
        if error.is_transient() {
            self.failed_calls += 1;
        }
        if part.len() > 1 {
            let second = part.split_off(part.len() / 2);
            self.parts.extend([second, part]);
        } else if let Some(group) = part.pop() {
            self.group_failed(&group, error);
        }
    }

    fn group_failed(&mut self, group: &Group, error: &PortError) {
        let head = &self.work[group.range.start].lease;
        let attempts = head.attempts;
        let alone = group.range.len() == 1;
        let at_the_head = alone && group.range.start == group.first;
        let given_up = at_the_head && self.suspects().failed_alone(&head.body, attempts);
        if given_up || (alone && !error.is_transient()) {
            self.work[group.range.start].fate = Fate::Dead(reason(error, attempts));
        } else if !alone && (!error.is_transient() || attempts >= ISOLATE_ATTEMPTS) {
            let middle = group.range.start + group.range.len() / 2;
            let first = Group { range: group.range.start..middle, ..group.clone() };
            let second = Group { range: middle..group.range.end, ..group.clone() };
            self.parts.extend([vec![second], vec![first]]);
        } else {
            tracing::warn!(conversation = %group.conversation, attempts, %error, "commands wait for another try");
            self.put_off(group, Some(error));
        }
    }

    fn suspects(&self) -> MutexGuard<'a, Suspects> {
        self.suspects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put_off(&mut self, group: &Group, error: Option<&PortError>) {
        self.waiting.insert(group.conversation);
        let attempts = self.work[group.range.start].lease.attempts;
        let delay = match error {
            Some(error) => retry::delay(attempts, error, self.randomness),
            None => retry::backoff(attempts, self.randomness),
        };
        for work in &mut self.work[group.range.clone()] {
            work.fate = Fate::Wait(delay);
        }
    }
}

/// Neighbours of one conversation.
fn groups(work: &[Work]) -> Vec<Group> {
    let mut start = 0;
    work.chunk_by(|one, next| one.lease.body.conversation == next.lease.body.conversation)
        .map(|run| {
            let range = start..start + run.len();
            start = range.end;
            Group { conversation: run[0].lease.body.conversation, first: range.start, range, conflicts: 0 }
        })
        .collect()
}

/// Decides a conversation's commands in order. A rule that panics is a permanent fault of one of the commands: it
/// must not take the worker and everybody else's commands with it.
fn decide(view: View, work: &[Work], verdicts: &mut Vec<Verdict>) -> Result<Option<Effects>, PortError> {
    catch_unwind(AssertUnwindSafe(|| {
        let mut view = view;
        verdicts.extend(work.iter().map(|work| verdict(&mut view, &work.lease.body)));
        view.into_effects()
    }))
    .map_err(|_| PortError::new(ErrorKind::Internal, "chat.decide (a rule panicked)"))
}

fn verdict(view: &mut View, envelope: &Envelope) -> Verdict {
    match view.decide(envelope) {
        Decision::Append(event) => {
            view.apply(&event);
            let seq = event.seq;
            let ordinal = view.ordinal(seq).unwrap_or_default();
            Verdict { fate: Fate::Event { event, ordinal, again: false }, outcome: Outcome::Applied { seq } }
        }
        Decision::Duplicate(seq) => {
            Verdict { fate: again(view, envelope, seq), outcome: Outcome::Applied { seq } }
        }
        Decision::Unchanged => Verdict { fate: Fate::Quiet, outcome: Outcome::Unchanged },
        Decision::Refused(refusal) => {
            Verdict { fate: Fate::Refused(refusal), outcome: Outcome::Refused(refusal) }
        }
    }
}

/// Tells of a stored event again: the first try may have died between commit and announce (D4).
fn again(view: &View, envelope: &Envelope, seq: u64) -> Fate {
    if let Some((event, ordinal)) = view.event_again(seq) {
        Fate::Event { event: Box::new(event), ordinal, again: true }
    } else {
        tracing::error!(conversation = %envelope.conversation, seq, "the store did not load a duplicate's row");
        Fate::Quiet
    }
}

/// A port must answer one for one.
pub(crate) fn expect_len(found: usize, expected: usize, operation: &'static str) -> Result<(), PortError> {
    if found == expected { Ok(()) } else { Err(PortError::new(ErrorKind::Internal, operation)) }
}

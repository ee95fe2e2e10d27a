//! Dead letters and failures as rows.
//! Keeps D5: what was given up can be listed until somebody sends it again or drops it, and its sender can be told.

use chat::{Announcement, ChangeOutcome, UserId};

use crate::{
    codec::{self, StoredDead},
    core::Core,
    engine::Writer,
    error::Fault,
    keys,
    limits::{FAILURE_LIFE_MS, FAILURES_PER_USER_MAX},
    record::{Dead, Failures},
};

pub(crate) fn bury(writer: &Writer<'_>, dead: &Dead) -> ChangeOutcome {
    let stored = StoredDead {
        envelope: dead.envelope.clone(),
        reason: dead.reason.clone(),
        attempts: dead.attempts,
        first_failed_at: dead.first_failed_at,
        last_failed_at: dead.last_failed_at,
    };
    writer.put(&keys::dead(dead.item), codec::encode(&stored));
    ChangeOutcome::Done
}

pub(crate) fn unbury(writer: &Writer<'_>, items: &[u64]) -> ChangeOutcome {
    for item in items {
        writer.remove(&keys::dead(*item));
    }
    ChangeOutcome::Done
}

/// Keeps failures, and forgets those that are too old or too many by now: "now" is the time in the record.
pub(crate) fn keep_failures(
    core: &Core,
    writer: &Writer<'_>,
    position: u64,
    failures: &Failures,
) -> Result<ChangeOutcome, Fault> {
    let mut users = Vec::new();
    for (index, failure) in (0_u32..).zip(&failures.failures) {
        let Announcement::Failed { user, .. } = failure else { continue };
        writer.put(&keys::failure(*user, position, index), codec::encode(&(failures.at, failure)));
        users.push(*user);
    }
    users.sort_unstable();
    users.dedup();
    for user in users {
        forget_old(core, writer, user, failures.at)?;
    }
    Ok(ChangeOutcome::Done)
}

fn forget_old(core: &Core, writer: &Writer<'_>, user: UserId, now_ms: u64) -> Result<(), Fault> {
    let kept: Vec<_> = core.engine.prefix(&keys::failures(user)).collect::<Result<_, _>>()?;
    let surplus = kept.len().saturating_sub(FAILURES_PER_USER_MAX);
    for (index, (key, value)) in kept.iter().enumerate() {
        let (at, _): (u64, Announcement) = codec::decode("failure", value)?;
        if index < surplus || at.saturating_add(FAILURE_LIFE_MS) < now_ms {
            writer.remove(key);
        }
    }
    Ok(())
}

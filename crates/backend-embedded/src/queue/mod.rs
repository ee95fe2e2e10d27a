//! The two queues of this backend: `messages`, a cursor over the journal, and `notifications`, in memory.
//! Both keep the same order and exclusion per group, which [`groups`] knows; neither knows what a command means.

pub(crate) mod groups;
pub(crate) mod messages;
pub(crate) mod notifications;
pub(crate) mod port;
pub(crate) mod progress;

use chat::ports::LeaseId;

/// The name of one lease: the item, and which try it is, so that a settlement that comes late changes nothing.
pub(crate) fn lease_id(position: u64, attempts: u32) -> LeaseId {
    LeaseId(format!("{position}.{attempts}"))
}

/// Item and try of a lease; `None` for what was never given out here.
pub(crate) fn parse_lease_id(id: &LeaseId) -> Option<(u64, u32)> {
    let (position, attempts) = id.0.split_once('.')?;
    Some((position.parse().ok()?, attempts.parse().ok()?))
}

/// The name of a dead letter: in the order of names they are in the order of items.
pub(crate) fn dead_id(item: u64) -> String {
    format!("{item:020}")
}

/// The item of a dead letter.
pub(crate) fn parse_dead_id(id: &str) -> Option<u64> {
    (id.len() == 20).then(|| id.parse().ok()).flatten()
}

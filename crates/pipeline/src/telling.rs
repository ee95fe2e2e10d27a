//! Telling one node its part of a lease, in order, around whatever fails.
//! A node that cannot be reached is skipped: its clients are on their way elsewhere and will sync (D4).

use std::{collections::HashSet, sync::Arc, time::Duration};

use chat::{
    Announcement, NodeId,
    ports::{Announcer, ErrorKind, Randomness},
};
use metrics::Counter;

use crate::limits::FAILED_CALLS_PER_ROUND_MAX;

/// An announcement on its way to a node.
#[derive(Debug, Clone)]
pub(crate) struct Letter {
    /// Its place in the lease.
    pub(crate) index: usize,
    pub(crate) group: u128,
    pub(crate) attempts: u32,
    pub(crate) announcement: Arc<Announcement>,
}

/// What became of an announcement.
#[derive(Debug)]
pub(crate) enum Told {
    Yes,
    Later(Duration),
    Never(String),
}

/// Tells `node` all letters. Returns those it could not be told; the others it was, or it cannot be reached.
pub(crate) async fn tell(
    announcer: Arc<dyn Announcer>,
    node: NodeId,
    letters: Vec<Letter>,
    randomness: Arc<dyn Randomness>,
    unreachable: Counter,
) -> Vec<(usize, Told)> {
    let mut not_told = Vec::new();
    let mut held: HashSet<u128> = HashSet::new();
    let mut failed_calls = 0;
    let mut parts = vec![letters];
    while let Some(mut part) = parts.pop() {
        part.retain(|letter| {
            let free = !held.contains(&letter.group);
            if !free {
                let delay = crate::retry::backoff(letter.attempts, &*randomness);
                not_told.push((letter.index, Told::Later(delay)));
            }
            free
        });
        if part.is_empty() {
            continue;
        }
        let batch = part.iter().map(|letter| letter.announcement.clone()).collect();
        let Err(error) = announcer.announce(node, batch).await else {
            failed_calls = 0;
            continue;
        };
        if error.kind == ErrorKind::Unavailable {
            tracing::debug!(%node, %error, "node cannot be reached");
            unreachable.increment(1);
            break;
        }
        failed_calls += u32::from(error.is_transient());
        if part.len() > 1 && failed_calls < FAILED_CALLS_PER_ROUND_MAX {
            let second = part.split_off(part.len() / 2);
            parts.extend([second, part]);
            continue;
        }
        for letter in part {
            let told = Told::failed(&letter, &error, &*randomness);
            if matches!(told, Told::Later(_)) {
                held.insert(letter.group);
            }
            not_told.push((letter.index, told));
        }
    }
    not_told
}

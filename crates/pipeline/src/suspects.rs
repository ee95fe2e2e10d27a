//! Which commands have failed standing alone, so that who merely stood behind them is not given up with them.
//! Invariant: only advice; forgetting all of it costs a few more tries, never a command.

use std::collections::HashMap;

use chat::{CommandId, ConversationId, Envelope, UserId, limits::ATTEMPTS_MAX};

use crate::limits::{SUSPECTS_MAX, TRIES_ALONE_MIN};

type Key = (ConversationId, UserId, CommandId);

/// Commands that have failed alone, with how often.
#[derive(Debug, Default)]
pub(crate) struct Suspects {
    tries: HashMap<Key, u32>,
}

impl Suspects {
    /// Notes that a command failed alone at the head of its conversation. Returns whether it is out of tries. A queue
    /// counts an attempt for everything that waits behind a failing command, and for every worker that died holding
    /// it, so its count alone proves nothing: this worker must have seen the command itself fail several times.
    pub(crate) fn failed_alone(&mut self, envelope: &Envelope, attempts: u32) -> bool {
        if self.tries.len() >= SUSPECTS_MAX {
            self.tries.clear();
        }
        let tries = self.tries.entry(key(envelope)).or_default();
        *tries += 1;
        attempts >= ATTEMPTS_MAX && *tries >= TRIES_ALONE_MIN
    }

    /// Forgets a command that is dealt with.
    pub(crate) fn forget(&mut self, envelope: &Envelope) {
        if !self.tries.is_empty() {
            self.tries.remove(&key(envelope));
        }
    }
}

fn key(envelope: &Envelope) -> Key {
    (envelope.conversation, envelope.actor, envelope.command_id)
}

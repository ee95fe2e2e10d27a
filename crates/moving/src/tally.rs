//! How much there is of each kind, and a digest of all of it that does not depend on order or on how it is grouped.
//! Knows what two homes store alike, and leaves out what time alone removes: failures and invitations.

use std::collections::BTreeMap;

use chat::{Portable, PortableLetter, PortablePerson};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::block::hex;

/// What there is of everything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Tally(BTreeMap<&'static str, Sum>);

/// How much there is of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Count {
    /// Things of the kind.
    pub count: u64,
    /// SHA-256 of each of them, all of these combined by exclusive or; in hexadecimal.
    pub digest: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Sum {
    count: u64,
    digest: [u8; 32],
}

impl Tally {
    /// Adds what a record holds.
    pub(crate) fn add(&mut self, record: &Portable) {
        match record {
            Portable::Person(person) => self.add_person(person),
            Portable::Invite(_) => {}
            Portable::Upload { upload, shown } => self.put("files", &(upload, shown)),
            Portable::Conversation { conversation, meta, request } => {
                self.put("conversations", &(conversation, meta, request));
            }
            Portable::Members { conversation, members } => {
                members.iter().for_each(|member| self.put("members", &(conversation, member)));
            }
            Portable::Rows { conversation, rows, .. } => {
                rows.iter().for_each(|row| self.put("events", &(conversation, row)));
            }
            Portable::Versions { conversation, versions } => {
                versions.iter().for_each(|version| self.put("versions", &(conversation, version)));
            }
            Portable::Reactions { conversation, reactions } => {
                reactions.iter().for_each(|reaction| self.put("reactions", &(conversation, reaction)));
            }
            Portable::Letter(letter) => {
                let PortableLetter { envelope, reason, attempts, first_failed_at, last_failed_at, .. } =
                    &**letter;
                self.put("dead letters", &(envelope, reason, attempts, first_failed_at, last_failed_at));
            }
        }
    }

    fn add_person(&mut self, person: &PortablePerson) {
        let PortablePerson { account, profile, preferences, sessions, kept } = person;
        self.put("people", &(account, profile, preferences));
        sessions.iter().for_each(|session| self.put("sessions", session));
        for preferences in &kept.conversations {
            self.put("preferences", &(account.user, preferences));
        }
    }

    /// Adds one thing of a kind.
    pub(crate) fn put(&mut self, kind: &'static str, thing: &impl Serialize) {
        let bytes = postcard::to_stdvec(thing).expect("invariant: what is portable has a known length");
        let sum = self.0.entry(kind).or_default();
        sum.count += 1;
        let digest = Sha256::digest(&bytes);
        sum.digest.iter_mut().zip(digest).for_each(|(mine, other)| *mine ^= other);
    }

    /// The first kind of which this tally and another one say different things.
    pub(crate) fn first_difference(&self, other: &Tally) -> Option<&'static str> {
        let kinds = self.0.keys().chain(other.0.keys());
        kinds.into_iter().find(|kind| self.0.get(*kind) != other.0.get(*kind)).copied()
    }

    /// The first kind of which a manifest says something else.
    pub(crate) fn differs(&self, other: &BTreeMap<String, Count>) -> Option<String> {
        let own = self.counts();
        let kinds = own.keys().chain(other.keys());
        kinds.into_iter().find(|kind| own.get(*kind) != other.get(*kind)).cloned()
    }

    /// As it stands in a manifest.
    pub(crate) fn counts(&self) -> BTreeMap<String, Count> {
        let count = |sum: &Sum| Count { count: sum.count, digest: hex(&sum.digest) };
        self.0.iter().map(|(kind, sum)| ((*kind).to_owned(), count(sum))).collect()
    }
}

#[cfg(test)]
mod tests {
    use chat::{ConversationId, UserId};

    use super::*;

    fn reactions(of: &[(u64, u128, &str)]) -> Portable {
        let reaction =
            |(seq, user, emoji): &(u64, u128, &str)| (*seq, UserId::from_u128(*user), (*emoji).to_owned());
        let reactions = of.iter().map(reaction).collect();
        Portable::Reactions { conversation: ConversationId::from_u128(1), reactions }
    }

    #[test]
    fn order_and_grouping_do_not_matter_and_everything_else_does() {
        let tally = |records: &[Portable]| {
            let mut tally = Tally::default();
            records.iter().for_each(|record| tally.add(record));
            tally
        };
        let one = tally(&[reactions(&[(1, 1, "a"), (2, 1, "b"), (3, 2, "c")])]);
        assert_eq!(one, tally(&[reactions(&[(3, 2, "c")]), reactions(&[(2, 1, "b"), (1, 1, "a")])]));
        assert_eq!(one.differs(&one.counts()), None);
        for other in [
            tally(&[reactions(&[(1, 1, "a"), (2, 1, "b")])]),
            tally(&[reactions(&[(1, 1, "a"), (2, 1, "b"), (3, 2, "d")])]),
            tally(&[reactions(&[(1, 1, "a"), (2, 1, "b"), (3, 2, "c"), (3, 2, "c")])]),
        ] {
            assert_eq!(one.differs(&other.counts()).as_deref(), Some("reactions"));
        }
    }
}

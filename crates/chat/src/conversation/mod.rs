//! A conversation: what it is made of, what is loaded to decide a command, and what deciding it writes.
//! Does not know where rows come from or go to; [`View`] is all it sees and [`Effects`] all it leaves.

mod decide;
mod view;

use serde::{Deserialize, Serialize};

pub use self::view::View;
use crate::{
    event::{Event, Row, Version},
    ids::{AttachmentId, CommandId, ConversationId, Seq, TimestampMs, UserId},
    refusal::Refusal,
};

/// The three kinds. A conversation keeps its kind for life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ConversationKind {
    /// Two people, one conversation per pair, members fixed.
    Direct,
    /// Members by invitation.
    Group,
    /// Listed to everybody, joined by anybody.
    Channel,
}

/// What a member may do: see [`crate::permission`]. Ordered: a later role may do all an earlier one may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Role {
    /// Reads and writes.
    Member,
    /// Also moderates.
    Admin,
    /// Also decides who has which role.
    Owner,
}

/// One membership. The row that authorises every read and every command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// The member's role.
    pub role: Role,
    /// `seq` of the event that made them a member: unread counts begin there.
    pub joined_seq: Seq,
    /// When that was.
    pub joined_at: TimestampMs,
}

/// What is known of a conversation without reading its log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    /// Direct, group or channel.
    pub kind: ConversationKind,
    /// Title; direct conversations have none.
    pub title: Option<String>,
    /// Description.
    pub description: Option<String>,
    /// When it began.
    pub created_at: TimestampMs,
    /// Who began it.
    pub created_by: UserId,
    /// The two members of a direct conversation, smaller id first.
    pub pair: Option<(UserId, UserId)>,
    /// `seq` of the last event.
    pub head: Seq,
    /// Messages in the log, deleted ones included (D9).
    pub messages: u64,
    /// How many members there are.
    pub members: u64,
    /// How many of them are owners.
    pub owners: u64,
    /// `seq` of the last message, 0 while there is none.
    pub last_message: Seq,
    /// Time of the last event.
    pub active_at: TimestampMs,
}

/// What [`View`] must hold before commands can be decided. Collected over all commands of one conversation in a
/// batch, loaded in one go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// Memberships: of actors, of those a command names and of those it mentions.
    pub members: Vec<UserId>,
    /// Rows that commands are about.
    pub rows: Vec<Seq>,
    /// Whether these were applied before. For each that was, also load the row it made, and the row that one targets.
    pub commands: Vec<(UserId, CommandId)>,
    /// Whether these reactions stand.
    pub reactions: Vec<(Seq, UserId, String)>,
}

/// Everything that applying a batch of commands to one conversation writes. A store writes it atomically, and only
/// if the conversation's head is still `expected_head` (0: does not exist yet).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effects {
    /// Whose.
    pub conversation: ConversationId,
    /// The head these effects were decided on.
    pub expected_head: Seq,
    /// The conversation afterwards.
    pub meta: Meta,
    /// New events, in order, complete as they are announced.
    pub events: Vec<Event>,
    /// New and changed rows in their final form.
    pub rows: Vec<Row>,
    /// Bodies replaced by edits.
    pub versions: Vec<Version>,
    /// Messages whose superseded bodies and whose reactions are to be erased (all below these `number`s).
    pub erased: Vec<(Seq, u32)>,
    /// Memberships made, changed or (`None`) ended.
    pub members: Vec<(UserId, Option<Membership>)>,
    /// Reactions set (`true`) or taken back.
    pub reactions: Vec<(Seq, UserId, String, bool)>,
    /// Mentions set (`true`) or gone.
    pub mentions: Vec<(UserId, Seq, bool)>,
    /// Files shown with the message at this place (`true`), or erased with it.
    pub files: Vec<(AttachmentId, Seq, bool)>,
    /// Commands that now have an event, for D2.
    pub commands: Vec<(UserId, CommandId, Seq)>,
}

/// What a command comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It becomes this event.
    Append(Box<Event>),
    /// It became the event at this `seq` earlier: announce that one again (D2).
    Duplicate(Seq),
    /// What it asks for is so already.
    Unchanged,
    /// A rule says no.
    Refused(Refusal),
}

/// What became of a command, for who waits for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// It is the event at `seq`, now or since an earlier try.
    Applied {
        /// Place of the event.
        seq: Seq,
    },
    /// Nothing had to change.
    Unchanged,
    /// A rule said no.
    Refused(Refusal),
}

impl Effects {
    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }
}

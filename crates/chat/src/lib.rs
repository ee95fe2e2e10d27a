//! Steps 4 and 6 of a message's journey: the rules that turn commands into events, and the ports around them.
//! Knows no runtime, wire format, clock, randomness or backend; everything here is a pure function of its arguments.
//!
//! Read in this order: [`command`] (what is asked), [`event`] (what happened), [`conversation`] (how one becomes the
//! other), [`change`] (what happens outside conversations), [`ports`] (what a backend must offer).

pub mod account;
pub mod admission;
pub mod announcement;
pub mod attachment;
pub mod change;
pub mod command;
pub mod conversation;
pub mod event;
pub mod ids;
pub mod limits;
pub mod permission;
pub mod portable;
pub mod ports;
pub mod profile;
pub mod refusal;
pub mod search;
pub mod timeline;
pub mod unread;

pub use account::{Account, AccountRole, Invite, RegistrationPolicy, Session};
pub use announcement::Announcement;
pub use attachment::{Attachment, Upload};
pub use change::{Change, ChangeOutcome, Mark};
pub use command::{Command, Envelope};
pub use conversation::{ConversationKind, Decision, Effects, Membership, Meta, Needs, Outcome, Role, View};
pub use event::{Event, EventKind, MessageState, Row, Version};
pub use ids::{
    AttachmentId, AvatarId, CommandId, ConnectionId, ConversationId, Epoch, InviteId, MessageId, NodeId, Seq,
    SessionId, TimestampMs, UserId,
};
pub use portable::{Kept, Portable, PortableLetter, PortableMember, PortablePerson};
pub use profile::{ConversationPreferences, Preferences, Profile};
pub use refusal::Refusal;

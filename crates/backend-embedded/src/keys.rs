//! Keys of the store: one leading byte says of which kind a record is, then big-endian ids, so that ranges are lists.
//! The layout is documented in `docs/storage-format.md`; a kind's byte is never given to another kind.

use std::ops::Deref;

use chat::{
    AttachmentId, CommandId, ConversationId, Envelope, InviteId, Seq, SessionId, TimestampMs, UserId,
    account::SecretHash,
};

/// The longest key: a reaction of the longest emoji.
const KEY_BYTES_MAX: usize = 112;

/// What a record is. Each kind is a keyspace: a contiguous range of the one tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Keyspace {
    /// Format, genesis and how far the journal has been applied.
    System = 0x01,
    Account = 0x10,
    Username = 0x11,
    Session = 0x12,
    SessionOfUser = 0x13,
    Invite = 0x14,
    InviteByAge = 0x15,
    InviteById = 0x16,
    Profile = 0x17,
    Preferences = 0x18,
    Conversation = 0x20,
    Direct = 0x21,
    Request = 0x22,
    Channel = 0x23,
    Member = 0x24,
    MemberOf = 0x25,
    Mark = 0x26,
    ConversationPreferences = 0x27,
    Row = 0x30,
    Version = 0x31,
    Reaction = 0x32,
    Mention = 0x33,
    Command = 0x34,
    Upload = 0x35,
    UploadUnsent = 0x36,
    UploadLoose = 0x37,
    Shown = 0x38,
    Dead = 0x40,
    Failure = 0x41,
    Erasure = 0x50,
    Erased = 0x51,
}

/// All kinds, in the order of their keys.
pub(crate) const KEYSPACES: [Keyspace; 31] = [
    Keyspace::System,
    Keyspace::Account,
    Keyspace::Username,
    Keyspace::Session,
    Keyspace::SessionOfUser,
    Keyspace::Invite,
    Keyspace::InviteByAge,
    Keyspace::InviteById,
    Keyspace::Profile,
    Keyspace::Preferences,
    Keyspace::Conversation,
    Keyspace::Direct,
    Keyspace::Request,
    Keyspace::Channel,
    Keyspace::Member,
    Keyspace::MemberOf,
    Keyspace::Mark,
    Keyspace::ConversationPreferences,
    Keyspace::Row,
    Keyspace::Version,
    Keyspace::Reaction,
    Keyspace::Mention,
    Keyspace::Command,
    Keyspace::Upload,
    Keyspace::UploadUnsent,
    Keyspace::UploadLoose,
    Keyspace::Shown,
    Keyspace::Dead,
    Keyspace::Failure,
    Keyspace::Erasure,
    Keyspace::Erased,
];

/// A key, or the beginning of one.
#[derive(Clone, Copy)]
pub(crate) struct Key {
    bytes: [u8; KEY_BYTES_MAX],
    len: usize,
}

impl Deref for Key {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl AsRef<[u8]> for Key {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl Key {
    pub(crate) fn new(keyspace: Keyspace) -> Key {
        Key { bytes: [0; KEY_BYTES_MAX], len: 0 }.with(&[keyspace as u8])
    }

    /// The key with `part` behind it. Parts are ids of fixed length, except a last one of checked length.
    fn with(mut self, part: &[u8]) -> Key {
        let end = self.len + part.len();
        assert!(end <= KEY_BYTES_MAX, "invariant: callers check texts against the limits first");
        self.bytes[self.len..end].copy_from_slice(part);
        self.len = end;
        self
    }

    fn conversation(self, id: ConversationId) -> Key {
        self.with(&id.to_bytes())
    }

    fn user(self, id: UserId) -> Key {
        self.with(&id.to_bytes())
    }

    fn seq(self, seq: Seq) -> Key {
        self.with(&seq.to_be_bytes())
    }
}

/// The longest text at the end of a key, bytes: what is longer cannot be stored and so cannot be found.
pub(crate) const TEXT_BYTES_MAX: usize = 64;

pub(crate) fn system(name: &str) -> Key {
    Key::new(Keyspace::System).with(name.as_bytes())
}

pub(crate) fn account(user: UserId) -> Key {
    Key::new(Keyspace::Account).user(user)
}

/// `name` in the form of `chat::account::username_key`, at most [`TEXT_BYTES_MAX`] bytes.
pub(crate) fn username(name: &str) -> Key {
    Key::new(Keyspace::Username).with(name.as_bytes())
}

pub(crate) fn session(token: &SecretHash) -> Key {
    Key::new(Keyspace::Session).with(token)
}

pub(crate) fn sessions_of(user: UserId) -> Key {
    Key::new(Keyspace::SessionOfUser).user(user)
}

pub(crate) fn session_of(user: UserId, session: SessionId) -> Key {
    sessions_of(user).with(&session.to_bytes())
}

pub(crate) fn invite(code: &SecretHash) -> Key {
    Key::new(Keyspace::Invite).with(code)
}

pub(crate) fn invite_by_age(created_at: TimestampMs, invite: InviteId) -> Key {
    Key::new(Keyspace::InviteByAge).with(&created_at.to_be_bytes()).with(&invite.to_bytes())
}

pub(crate) fn invite_by_id(invite: InviteId) -> Key {
    Key::new(Keyspace::InviteById).with(&invite.to_bytes())
}

pub(crate) fn conversation(id: ConversationId) -> Key {
    Key::new(Keyspace::Conversation).conversation(id)
}

pub(crate) fn direct((one, two): (UserId, UserId)) -> Key {
    Key::new(Keyspace::Direct).user(one.min(two)).user(one.max(two))
}

pub(crate) fn request(creator: UserId, request: CommandId) -> Key {
    Key::new(Keyspace::Request).user(creator).with(&request.to_bytes())
}

pub(crate) fn channel(id: ConversationId) -> Key {
    Key::new(Keyspace::Channel).conversation(id)
}

pub(crate) fn members(conversation: ConversationId) -> Key {
    Key::new(Keyspace::Member).conversation(conversation)
}

pub(crate) fn member(conversation: ConversationId, user: UserId) -> Key {
    members(conversation).user(user)
}

pub(crate) fn memberships(user: UserId) -> Key {
    Key::new(Keyspace::MemberOf).user(user)
}

pub(crate) fn membership(user: UserId, conversation: ConversationId) -> Key {
    memberships(user).conversation(conversation)
}

pub(crate) fn mark(conversation: ConversationId, user: UserId) -> Key {
    Key::new(Keyspace::Mark).conversation(conversation).user(user)
}

pub(crate) fn profile(user: UserId) -> Key {
    Key::new(Keyspace::Profile).user(user)
}

pub(crate) fn preferences(user: UserId) -> Key {
    Key::new(Keyspace::Preferences).user(user)
}

pub(crate) fn conversations_preferred(user: UserId) -> Key {
    Key::new(Keyspace::ConversationPreferences).user(user)
}

pub(crate) fn conversation_preferences(user: UserId, conversation: ConversationId) -> Key {
    conversations_preferred(user).conversation(conversation)
}

pub(crate) fn upload(attachment: AttachmentId) -> Key {
    Key::new(Keyspace::Upload).with(&attachment.to_bytes())
}

pub(crate) fn uploads_unsent(owner: UserId) -> Key {
    Key::new(Keyspace::UploadUnsent).user(owner)
}

pub(crate) fn upload_unsent(owner: UserId, attachment: AttachmentId) -> Key {
    uploads_unsent(owner).with(&attachment.to_bytes())
}

/// What no message shows (any more).
pub(crate) fn upload_loose(attachment: AttachmentId) -> Key {
    Key::new(Keyspace::UploadLoose).with(&attachment.to_bytes())
}

pub(crate) fn shown(attachment: AttachmentId) -> Key {
    Key::new(Keyspace::Shown).with(&attachment.to_bytes())
}

pub(crate) fn row(conversation: ConversationId, seq: Seq) -> Key {
    Key::new(Keyspace::Row).conversation(conversation).seq(seq)
}

pub(crate) fn versions(conversation: ConversationId, target: Seq) -> Key {
    Key::new(Keyspace::Version).conversation(conversation).seq(target)
}

pub(crate) fn version(conversation: ConversationId, target: Seq, number: u32) -> Key {
    versions(conversation, target).with(&number.to_be_bytes())
}

pub(crate) fn reactions(conversation: ConversationId, target: Seq) -> Key {
    Key::new(Keyspace::Reaction).conversation(conversation).seq(target)
}

pub(crate) fn reactions_of(conversation: ConversationId, target: Seq, user: UserId) -> Key {
    reactions(conversation, target).user(user)
}

/// `emoji` of at most [`TEXT_BYTES_MAX`] bytes.
pub(crate) fn reaction(conversation: ConversationId, target: Seq, user: UserId, emoji: &str) -> Key {
    reactions_of(conversation, target, user).with(emoji.as_bytes())
}

pub(crate) fn mentions(user: UserId, conversation: ConversationId) -> Key {
    Key::new(Keyspace::Mention).user(user).conversation(conversation)
}

pub(crate) fn mention(user: UserId, conversation: ConversationId, seq: Seq) -> Key {
    mentions(user, conversation).seq(seq)
}

pub(crate) fn command(conversation: ConversationId, user: UserId, command: CommandId) -> Key {
    Key::new(Keyspace::Command).conversation(conversation).user(user).with(&command.to_bytes())
}

pub(crate) fn command_of(envelope: &Envelope) -> Key {
    command(envelope.conversation, envelope.actor, envelope.command_id)
}

/// Dead letters are named by the position of the item that died.
pub(crate) fn dead(item: u64) -> Key {
    Key::new(Keyspace::Dead).with(&item.to_be_bytes())
}

pub(crate) fn failures(user: UserId) -> Key {
    Key::new(Keyspace::Failure).user(user)
}

pub(crate) fn failure(user: UserId, position: u64, index: u32) -> Key {
    failures(user).with(&position.to_be_bytes()).with(&index.to_be_bytes())
}

pub(crate) fn erasure(conversation: ConversationId, target: Seq) -> Key {
    Key::new(Keyspace::Erasure).conversation(conversation).seq(target)
}

pub(crate) fn erased(conversation: ConversationId, target: Seq) -> Key {
    Key::new(Keyspace::Erased).conversation(conversation).seq(target)
}

/// Reads the parts of a key from its end or beginning.
pub(crate) fn array<const N: usize>(key: &[u8], at: usize) -> Option<[u8; N]> {
    key.get(at..at.checked_add(N)?)?.try_into().ok()
}

/// The 8-byte number at an offset of a stored key.
pub(crate) fn number(key: &[u8], at: usize) -> u64 {
    array(key, at).map_or(0, u64::from_be_bytes)
}

/// The id at an offset of a stored key.
pub(crate) fn id(key: &[u8], at: usize) -> [u8; 16] {
    array(key, at).unwrap_or_default()
}

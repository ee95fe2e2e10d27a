//! Keys of the two tables: what stands under which key is decided here and nowhere else (decision 0020).
//! Invariant: numbers and ids have one width, so that the order of keys is the order of what they name.

use chat::{
    AttachmentId, CommandId, ConnectionId, ConversationId, InviteId, NodeId, Seq, UserId, account::SecretHash,
};

use crate::{codec::hex, item::Key, limits::SEQS_PER_BUCKET};

/// The sort key of what stands alone in its partition.
const ALONE: &str = "-";
/// Sort keys of memberships in the partition of a person.
pub(crate) const MEMBERSHIPS: &str = "C#";
/// Sort keys of members in the partition of a conversation.
pub(crate) const MEMBERS: &str = "M#";
/// Sort keys of how conversations are wanted in the partition of a person.
pub(crate) const PREFERRED: &str = "Q#";
/// Sort keys of failures in the partition of a person.
pub(crate) const FAILURES: &str = "X#";
/// Sort keys of connections in the partition of a person.
pub(crate) const CONNECTIONS: &str = "K#";
/// The partition of nodes.
pub(crate) const NODES: &str = "NODE";
/// The partition of invitations in the order of their time.
pub(crate) const INVITES: &str = "INV";

// ---- people ----

pub(crate) fn person(user: UserId) -> String {
    format!("U#{}", hex(&user.to_bytes()))
}

pub(crate) fn account(user: UserId) -> Key {
    Key::new(person(user), "PROFILE")
}

pub(crate) fn profile(user: UserId) -> Key {
    Key::new(person(user), "ABOUT")
}

pub(crate) fn preferences(user: UserId) -> Key {
    Key::new(person(user), "PREFS")
}

pub(crate) fn sessions(user: UserId) -> Key {
    Key::new(person(user), "SESSIONS")
}

pub(crate) fn unsent_uploads(user: UserId) -> Key {
    Key::new(person(user), "UPLOADS")
}

pub(crate) fn membership(user: UserId, conversation: ConversationId) -> Key {
    Key::new(person(user), format!("{MEMBERSHIPS}{}", hex(&conversation.to_bytes())))
}

pub(crate) fn conversation_preferences(user: UserId, conversation: ConversationId) -> Key {
    Key::new(person(user), format!("{PREFERRED}{}", hex(&conversation.to_bytes())))
}

pub(crate) fn failure(user: UserId, conversation: ConversationId, command: CommandId, code: &str) -> Key {
    let (conversation, command) = (hex(&conversation.to_bytes()), hex(&command.to_bytes()));
    Key::new(person(user), format!("{FAILURES}{conversation}#{command}#{code}"))
}

/// Usernames lie in order, one partition for each first character.
pub(crate) fn username(key: &str) -> Key {
    Key::new(usernames(key.chars().next().unwrap_or('-')), key)
}

pub(crate) fn usernames(first: char) -> String {
    format!("UN#{first}")
}

pub(crate) fn first_account() -> Key {
    Key::new("SERVER", "FIRST")
}

pub(crate) fn epoch() -> Key {
    Key::new("SERVER", "EPOCH")
}

/// What was taken in from another home, and how far that is.
pub(crate) fn arrival() -> Key {
    Key::new("SERVER", "ARRIVAL")
}

pub(crate) fn token(hash: &SecretHash) -> Key {
    Key::new(format!("T#{}", hex(hash)), ALONE)
}

pub(crate) fn invite_code(hash: &SecretHash) -> Key {
    Key::new(format!("IC#{}", hex(hash)), ALONE)
}

pub(crate) fn invite(invite: InviteId) -> Key {
    Key::new(format!("I#{}", hex(&invite.to_bytes())), ALONE)
}

pub(crate) fn invite_by_time(created_at: u64, invite: InviteId) -> Key {
    Key::new(INVITES, format!("{created_at:020}#{}", hex(&invite.to_bytes())))
}

// ---- files ----

pub(crate) fn upload(attachment: AttachmentId) -> Key {
    Key::new(format!("F#{}", hex(&attachment.to_bytes())), ALONE)
}

pub(crate) fn shown(attachment: AttachmentId) -> Key {
    Key::new(format!("F#{}", hex(&attachment.to_bytes())), "SHOWN")
}

// ---- conversations ----

pub(crate) fn conversation(conversation: ConversationId) -> String {
    format!("C#{}", hex(&conversation.to_bytes()))
}

pub(crate) fn meta(id: ConversationId) -> Key {
    Key::new(conversation(id), "META")
}

/// Who prepares a write that is too large for one transaction.
pub(crate) fn preparation(id: ConversationId) -> Key {
    Key::new(conversation(id), "PREPARING")
}

pub(crate) fn member(id: ConversationId, user: UserId) -> Key {
    Key::new(conversation(id), format!("{MEMBERS}{}", hex(&user.to_bytes())))
}

pub(crate) fn pair((one, two): (UserId, UserId)) -> Key {
    Key::new(format!("PAIR#{}#{}", hex(&one.to_bytes()), hex(&two.to_bytes())), ALONE)
}

pub(crate) fn request(creator: UserId, request: CommandId) -> Key {
    Key::new(format!("REQ#{}#{}", hex(&creator.to_bytes()), hex(&request.to_bytes())), ALONE)
}

pub(crate) const fn bucket(seq: Seq) -> u64 {
    seq / SEQS_PER_BUCKET
}

pub(crate) fn log(id: ConversationId, bucket: u64) -> String {
    format!("C#{}#{bucket}", hex(&id.to_bytes()))
}

pub(crate) fn seq(seq: Seq) -> String {
    format!("{seq:020}")
}

pub(crate) fn row(id: ConversationId, at: Seq) -> Key {
    Key::new(log(id, bucket(at)), seq(at))
}

pub(crate) fn command(id: ConversationId, user: UserId, command: CommandId) -> Key {
    let partition = format!("D#{}#{}", hex(&id.to_bytes()), hex(&user.to_bytes()));
    Key::new(partition, hex(&command.to_bytes()))
}

pub(crate) fn versions(id: ConversationId, target: Seq) -> String {
    format!("V#{}#{}", hex(&id.to_bytes()), seq(target))
}

pub(crate) fn version(id: ConversationId, target: Seq, number: u32) -> Key {
    Key::new(versions(id, target), format!("{number:010}"))
}

pub(crate) fn reactions(id: ConversationId, target: Seq) -> String {
    format!("R#{}#{}", hex(&id.to_bytes()), seq(target))
}

pub(crate) fn reaction_sort(user: UserId, emoji: &str) -> String {
    format!("{}#{emoji}", hex(&user.to_bytes()))
}

pub(crate) fn reaction(id: ConversationId, target: Seq, user: UserId, emoji: &str) -> Key {
    Key::new(reactions(id, target), reaction_sort(user, emoji))
}

pub(crate) fn own_reactions(id: ConversationId, user: UserId) -> String {
    format!("O#{}#{}", hex(&id.to_bytes()), hex(&user.to_bytes()))
}

pub(crate) fn own_reaction(id: ConversationId, user: UserId, target: Seq, emoji: &str) -> Key {
    Key::new(own_reactions(id, user), format!("{}#{emoji}", seq(target)))
}

pub(crate) fn mentions(user: UserId, id: ConversationId) -> String {
    format!("N#{}#{}", hex(&user.to_bytes()), hex(&id.to_bytes()))
}

pub(crate) fn mention(user: UserId, id: ConversationId, at: Seq) -> Key {
    Key::new(mentions(user, id), seq(at))
}

// ---- listings and dead letters ----

pub(crate) fn listing(name: &str, shard: u8) -> String {
    format!("L#{name}#{shard}")
}

pub(crate) fn dead_letters(queue: &str) -> String {
    format!("DL#{queue}")
}

// ---- the table of what lives shortly ----

pub(crate) fn connection(user: UserId, connection: ConnectionId) -> Key {
    Key::new(person(user), format!("{CONNECTIONS}{}", hex(&connection.to_bytes())))
}

pub(crate) fn seen(user: UserId) -> Key {
    Key::new(person(user), "SEEN")
}

pub(crate) fn node(node: NodeId) -> Key {
    Key::new(NODES, hex(&node.to_bytes()))
}

pub(crate) fn subscriptions(id: ConversationId) -> String {
    format!("S#{}", hex(&id.to_bytes()))
}

pub(crate) fn subscription(id: ConversationId, node: NodeId) -> Key {
    Key::new(subscriptions(id), hex(&node.to_bytes()))
}

pub(crate) fn ticket(hash: &SecretHash) -> Key {
    Key::new(format!("T#{}", hex(hash)), ALONE)
}

pub(crate) fn outcome(waiter: &str) -> Key {
    Key::new(format!("W#{waiter}"), ALONE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_keys_is_the_order_of_what_they_name() {
        let id = ConversationId::from_u128(7);
        assert!(row(id, 9) < row(id, 10) && row(id, 99).sort < row(id, 100).sort);
        assert_eq!((bucket(SEQS_PER_BUCKET - 1), bucket(SEQS_PER_BUCKET)), (0, 1));
        let (low, high) = (UserId::from_u128(255), UserId::from_u128(256));
        assert!(member(id, low) < member(id, high));
        assert!(reaction_sort(low, "z") < reaction_sort(high, "a"));
        assert_ne!(row(id, SEQS_PER_BUCKET - 1).partition, row(id, SEQS_PER_BUCKET).partition);
    }
}

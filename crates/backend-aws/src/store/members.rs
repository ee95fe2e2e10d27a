//! Who is a member of what, both ways, and the marks of members.
//! Invariant: marks move forward only, whoever else moves them at the same moment (D9).

use std::collections::HashMap;

use chat::{
    ChangeOutcome, ConversationId, Effects, Mark, Membership, Meta, PortableMember, Seq, UserId,
    change::MarkState,
    limits::{CONVERSATIONS_PER_USER_MAX, CONVERSATIONS_PER_USER_OVERRUN},
    ports::{MemberEntry, PortError},
};

use super::core::{Changed, Core};
use crate::{
    codec::from_hex,
    error::corrupt,
    item::{Attributes, Key, Write, binary, data, number, number_of, sort_of},
    keys::{self, MEMBERS, MEMBERSHIPS},
    table::Range,
};

/// Messages before the member joined.
pub(super) const JOINED_ORDINAL: &str = "jo";
pub(super) const READ: &str = "rd";
pub(super) const READ_ORDINAL: &str = "ro";
pub(super) const DELIVERED: &str = "dl";

/// A membership as it is stored with its conversation.
#[derive(Debug, Clone, Copy)]
pub(super) struct MemberItem {
    pub(super) membership: Membership,
    pub(super) joined_ordinal: u64,
    pub(super) mark: MarkState,
}

impl MemberItem {
    pub(super) fn of(item: &Attributes) -> Result<MemberItem, PortError> {
        let at = |name| number_of(item, name).unwrap_or(0);
        Ok(MemberItem {
            membership: data("member", item)?,
            joined_ordinal: at(JOINED_ORDINAL),
            mark: MarkState { read: at(READ), read_ordinal: at(READ_ORDINAL), delivered: at(DELIVERED) },
        })
    }
}

impl Core {
    pub(super) async fn member_item(
        &self,
        conversation: ConversationId,
        user: UserId,
    ) -> Result<Option<MemberItem>, PortError> {
        let Some(item) = self.table.get(&keys::member(conversation, user)).await? else { return Ok(None) };
        self.that_count(vec![item]).await?.first().map(MemberItem::of).transpose()
    }

    pub(crate) async fn member(
        &self,
        conversation: ConversationId,
        user: UserId,
    ) -> Result<Option<Membership>, PortError> {
        Ok(self.member_item(conversation, user).await?.map(|found| found.membership))
    }

    pub(crate) async fn members(
        &self,
        conversation: ConversationId,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<MemberEntry>, PortError> {
        let members = self.member_items(conversation, after, limit).await?;
        let entry = |(user, item): (UserId, MemberItem)| MemberEntry {
            user,
            membership: item.membership,
            mark: item.mark,
        };
        Ok(members.into_iter().map(entry).collect())
    }

    pub(crate) async fn portable_members(
        &self,
        conversation: ConversationId,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<PortableMember>, PortError> {
        let members = self.member_items(conversation, after, limit).await?;
        let portable = |(user, item): (UserId, MemberItem)| {
            let MemberItem { membership, joined_ordinal, mark } = item;
            PortableMember { user, membership, joined_ordinal, mark }
        };
        Ok(members.into_iter().map(portable).collect())
    }

    async fn member_items(
        &self,
        conversation: ConversationId,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<(UserId, MemberItem)>, PortError> {
        let all = Range::prefix(keys::conversation(conversation), MEMBERS);
        let mut range = match after {
            Some(after) => all.after(&keys::member(conversation, after).sort),
            None => all,
        };
        let mut entries: Vec<(UserId, MemberItem)> = Vec::new();
        while entries.len() < limit {
            let asked = limit - entries.len();
            let items = self.table.query(&range, asked).await?;
            let is_end = items.len() < asked;
            if let Some(last) = items.last() {
                range = range.after(sort_of(last));
            }
            for item in self.that_count(items).await? {
                let user = UserId::from_u128(id_in("member", MEMBERS, &item)?);
                entries.push((user, MemberItem::of(&item)?));
            }
            if is_end {
                break;
            }
        }
        Ok(entries)
    }

    pub(crate) async fn memberships(
        &self,
        user: UserId,
    ) -> Result<Vec<(ConversationId, Meta, Membership)>, PortError> {
        let own = self.own_conversations(user).await?;
        let ids: Vec<ConversationId> = own.iter().map(|(id, _)| *id).collect();
        let mut metas = self.metas(&ids).await?;
        Ok(own.into_iter().filter_map(|(id, member)| Some((id, metas.remove(&id)?, member))).collect())
    }

    pub(crate) async fn membership_count(&self, user: UserId) -> Result<usize, PortError> {
        Ok(self.own_conversations(user).await?.len())
    }

    async fn own_conversations(&self, user: UserId) -> Result<Vec<(ConversationId, Membership)>, PortError> {
        const MOST: usize = CONVERSATIONS_PER_USER_MAX + CONVERSATIONS_PER_USER_OVERRUN;
        let items = self.table.query(&Range::prefix(keys::person(user), MEMBERSHIPS), MOST).await?;
        let own = self.that_count(items).await?;
        own.iter()
            .map(|item| {
                let id = ConversationId::from_u128(id_in("membership", MEMBERSHIPS, item)?);
                Ok((id, data("membership", item)?))
            })
            .collect()
    }

    // ---- marks ----

    pub(super) async fn move_marks(&self, marks: Vec<Mark>) -> Changed {
        let mut moved = Vec::with_capacity(marks.len());
        for mark in marks {
            let (state, has_moved) = self.move_mark(mark).await?;
            moved.push((mark, state, has_moved));
        }
        Ok(ChangeOutcome::Marks(moved))
    }

    async fn move_mark(&self, mark: Mark) -> Result<(MarkState, bool), PortError> {
        let mut tries = 0;
        loop {
            let Some(held) = self.member_item(mark.conversation, mark.user).await? else {
                return Ok((MarkState::default(), false));
            };
            let before = held.mark;
            let mut now = before;
            if let Some(read) = mark.read.filter(|read| *read > before.read) {
                now.read = read;
                now.read_ordinal = self.ordinal_at(mark.conversation, read).await?;
            }
            now.delivered = now.delivered.max(mark.delivered.unwrap_or_default());
            if now == before {
                return Ok((before, false));
            }
            let same = "attribute_exists(pk) AND (rd = :old OR (attribute_not_exists(rd) AND :old = :none)) \
                        AND (dl = :olddl OR (attribute_not_exists(dl) AND :olddl = :none))";
            let forward = Write::update(
                keys::member(mark.conversation, mark.user),
                "SET rd = :rd, ro = :ro, dl = :dl",
                [
                    (":rd", number(now.read)),
                    (":ro", number(now.read_ordinal)),
                    (":dl", number(now.delivered)),
                ],
            );
            let olds =
                [(":old", number(before.read)), (":olddl", number(before.delivered)), (":none", number(0))];
            if self.table.write(forward.only_if(same, olds)).await? {
                return Ok((now, true));
            }
            tries = self.again(tries).await?;
        }
    }

    /// Messages in the log up to and including this place.
    async fn ordinal_at(&self, conversation: ConversationId, at: Seq) -> Result<u64, PortError> {
        if let Some(row) = self.stored_row(conversation, at).await? {
            return Ok(row.ordinal);
        }
        // Before the first row there is nothing, beyond the last one everything.
        let head = self.head(conversation).await?.filter(|head| head.seq < at);
        Ok(head.map_or(0, |head| head.messages))
    }
}

/// A membership made, changed or ended, both ways.
pub(super) fn membership_writes(
    effects: &Effects,
    user: UserId,
    membership: Option<Membership>,
) -> [Write; 2] {
    let keys = membership_keys(effects.conversation, user);
    let Some(membership) = membership else { return keys.map(Write::delete) };
    let value = binary(crate::codec::encode(&membership));
    let joined = effects.rows.iter().find(|row| row.event.seq == membership.joined_seq);
    // A row of these effects is how the membership began; otherwise it only changes.
    let is_new = membership.joined_seq > effects.expected_head;
    keys.map(|key| match joined.filter(|_| is_new) {
        Some(row) => Write::update(
            key,
            "SET d = :d, jo = :jo REMOVE pn",
            [(":d", value.clone()), (":jo", number(row.ordinal))],
        ),
        None => Write::update(key, "SET d = :d REMOVE pn", [(":d", value.clone())]),
    })
}

/// The two items of a membership.
pub(super) fn membership_keys(conversation: ConversationId, user: UserId) -> [Key; 2] {
    [keys::member(conversation, user), keys::membership(user, conversation)]
}

/// Members among items that were read.
pub(super) fn member_in(
    found: &HashMap<Key, Attributes>,
    conversation: ConversationId,
    user: UserId,
) -> Result<Option<MemberItem>, PortError> {
    found.get(&keys::member(conversation, user)).map(MemberItem::of).transpose()
}

fn id_in(what: &'static str, prefix: &str, item: &Attributes) -> Result<u128, PortError> {
    let sort = sort_of(item);
    from_hex(what, sort.strip_prefix(prefix).ok_or_else(|| corrupt(what, "its key is not one"))?)
}

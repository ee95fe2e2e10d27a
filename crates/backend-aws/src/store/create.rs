//! Beginning conversations, and the lists of them.
//! Invariant: a pair and a request each name one conversation for ever, by the conditions of its first write (D2).

use chat::{
    Change, ChangeOutcome, CommandId, ConversationId, ConversationKind, Effects, Meta, Refusal, Role, UserId,
    View,
    ports::{ErrorKind, PortError},
};

use super::{
    core::{Changed, Core},
    listing::{CHANNELS, CONVERSATIONS, Listing},
};
use crate::{
    codec::{from_hex, hex},
    error::plain,
    item::{Item, Key, Write, text, text_of},
    keys,
};

/// The conversation that a pair or a request led to.
pub(super) const CONVERSATION: &str = "c";

impl Core {
    pub(super) async fn create_conversation(&self, change: Change) -> Changed {
        let Change::CreateConversation {
            conversation,
            creator,
            request,
            at,
            kind,
            title,
            description,
            members,
        } = change
        else {
            return Err(plain(ErrorKind::Unsupported, "store.change").into());
        };
        let mut others = members;
        others.retain(|user| *user != creator);
        others.sort_unstable();
        others.dedup();
        let pair = match (kind, others.as_slice()) {
            (ConversationKind::Direct, [other]) => Some((creator.min(*other), creator.max(*other))),
            (ConversationKind::Direct, _) => return Err(Refusal::DirectNeedsOneOther.into()),
            _ => None,
        };
        let creator_role = if pair.is_some() { Role::Member } else { Role::Owner };
        let mut people = vec![(creator, creator_role)];
        people.extend(others.iter().map(|user| (*user, Role::Member)));
        let effects = View::create(conversation, (creator, request), at, kind, (title, description), people);
        let mut tries = 0;
        loop {
            if let Some(known) = self.known_conversation((creator, request), pair).await? {
                return Ok(ChangeOutcome::Conversation { conversation: known, created: None });
            }
            self.require_all(creator, &others).await?;
            if self.write_effects(&effects, names(&effects, (creator, request), pair)).await? {
                let created = effects.events.first().cloned().map(Box::new);
                return Ok(ChangeOutcome::Conversation { conversation, created });
            }
            tries = self.again(tries).await?;
        }
    }

    async fn known_conversation(
        &self,
        (creator, request): (UserId, CommandId),
        pair: Option<(UserId, UserId)>,
    ) -> Result<Option<ConversationId>, PortError> {
        let wanted = [Some(keys::request(creator, request)), pair.map(keys::pair)];
        let wanted: Vec<Key> = wanted.into_iter().flatten().collect();
        let found = self.table.get_many(wanted.clone()).await?;
        let Some(item) = wanted.iter().find_map(|key| found.get(key)) else { return Ok(None) };
        let id = from_hex("name of a conversation", text_of(item, CONVERSATION).unwrap_or_default())?;
        Ok(Some(ConversationId::from_u128(id)))
    }

    async fn require_all(&self, creator: UserId, others: &[UserId]) -> Result<(), super::core::Stop> {
        let wanted: Vec<Key> = others.iter().chain([&creator]).map(|user| keys::account(*user)).collect();
        let count = wanted.len();
        if self.table.get_many(wanted).await?.len() == count {
            Ok(())
        } else {
            Err(Refusal::UserNotFound.into())
        }
    }

    pub(crate) async fn conversations(
        &self,
        after: Option<ConversationId>,
        limit: usize,
    ) -> Result<Vec<(ConversationId, Meta)>, PortError> {
        self.listed(CONVERSATIONS, after, limit).await
    }

    pub(crate) async fn channels(
        &self,
        after: Option<ConversationId>,
        limit: usize,
    ) -> Result<Vec<(ConversationId, Meta)>, PortError> {
        self.listed(CHANNELS, after, limit).await
    }

    async fn listed(
        &self,
        listing: Listing,
        after: Option<ConversationId>,
        limit: usize,
    ) -> Result<Vec<(ConversationId, Meta)>, PortError> {
        let page = listing.page(&self.table, after.map(ConversationId::as_u128), limit).await?;
        let ids: Vec<ConversationId> = page.into_iter().map(ConversationId::from_u128).collect();
        let mut metas = self.metas(&ids).await?;
        Ok(ids.into_iter().filter_map(|id| Some((id, metas.remove(&id)?))).collect())
    }
}

/// What a new conversation is found by.
fn names(effects: &Effects, request: (UserId, CommandId), pair: Option<(UserId, UserId)>) -> Vec<Write> {
    let id = effects.conversation;
    let named = |key: Key| Item::new(key).with(CONVERSATION, text(&hex(&id.to_bytes()))).put_new();
    let mut writes = vec![named(keys::request(request.0, request.1)), CONVERSATIONS.add(id.as_u128())];
    writes.extend(pair.map(keys::pair).map(named));
    if effects.meta.kind == ConversationKind::Channel {
        writes.push(CHANNELS.add(id.as_u128()));
    }
    writes
}

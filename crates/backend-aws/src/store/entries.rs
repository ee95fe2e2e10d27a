//! Lines of somebody's list of conversations, completed.
//! Invariant: counts are arithmetic on what is read; nothing is kept per member per message (D9).

use chat::{
    ConversationId, Row, UserId,
    ports::{ConversationEntry, PortError},
};
use futures_util::{StreamExt, TryStreamExt, stream};

use super::{core::Core, log::row_of, members::member_in, people::preferences_of};
use crate::{
    keys,
    limits::{MENTIONS_COUNTED_MAX, REQUESTS_AT_ONCE_MAX},
    table::Range,
};

impl Core {
    pub(crate) async fn entries(
        &self,
        user: UserId,
        conversations: &[ConversationId],
    ) -> Result<Vec<ConversationEntry>, PortError> {
        let wanted = conversations.iter().flat_map(|id| {
            [keys::meta(*id), keys::member(*id, user), keys::conversation_preferences(user, *id)]
        });
        let found = self.those_that_count(self.table.get_many(wanted).await?).await?;
        let own: Vec<ConversationId> =
            conversations.iter().copied().filter(|id| found.contains_key(&keys::member(*id, user))).collect();
        let metas = self.metas_of(&own, &found).await?;
        let lasts = metas.iter().filter(|(_, meta)| meta.last_message > 0);
        let lasts = self.table.get_many(lasts.map(|(id, meta)| keys::row(*id, meta.last_message))).await?;
        let entry = async |id: ConversationId| -> Result<Option<ConversationEntry>, PortError> {
            let (Some(meta), Some(member)) = (metas.get(&id), member_in(&found, id, user)?) else {
                return Ok(None);
            };
            let last: Option<Row> = lasts.get(&keys::row(id, meta.last_message)).map(row_of).transpose()?;
            let unread_from = member.mark.read.max(member.membership.joined_seq);
            Ok(Some(ConversationEntry {
                conversation: id,
                meta: meta.clone(),
                membership: member.membership,
                mark: member.mark,
                joined_ordinal: member.joined_ordinal,
                mentions: self.mentions_after(user, id, unread_from).await?,
                last,
                preferences: preferences_of(&found, user, id)?,
            }))
        };
        let entries = stream::iter(own).map(entry).buffered(REQUESTS_AT_ONCE_MAX);
        let entries: Vec<Option<ConversationEntry>> = entries.try_collect().await?;
        Ok(entries.into_iter().flatten().collect())
    }

    async fn mentions_after(
        &self,
        user: UserId,
        conversation: ConversationId,
        seq: u64,
    ) -> Result<u64, PortError> {
        let all = Range::prefix(keys::mentions(user, conversation), "");
        let items = self.table.query(&all.after(&keys::seq(seq)), MENTIONS_COUNTED_MAX).await?;
        Ok(self.that_count(items).await?.len() as u64)
    }
}

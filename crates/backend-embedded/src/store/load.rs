//! Loading what deciding needs, and the cached single rows everything else is checked against.
//! Nothing is loaded that was not asked for: a message sent needs its conversation, its sender and its id.

use std::sync::Arc;

use chat::{Change, ConversationId, Meta, Needs, Row, Seq, Session, UserId, View, account::SecretHash};

use crate::{
    codec::{self, StoredCommand, StoredConversation, StoredMember, decode},
    core::Core,
    error::Fault,
    keys,
};

impl Core {
    pub(crate) fn view(&self, id: ConversationId, needs: Needs) -> Result<View, Fault> {
        self.view_noticing(id, needs, |_| {})
    }

    /// As [`Core::view`]; `repeated` is called with the rows of commands that were applied before.
    pub(crate) fn view_noticing(
        &self,
        id: ConversationId,
        needs: Needs,
        mut repeated: impl FnMut(&Row),
    ) -> Result<View, Fault> {
        let meta = self.meta(id)?;
        let exists = meta.is_some();
        let mut view = View::new(id, meta.map(Arc::unwrap_or_clone));
        if !exists {
            return Ok(view);
        }
        let mut rows = needs.rows;
        let asked = rows.len();
        for user in needs.members {
            if let Some(member) = self.member(id, user)? {
                view.with_member(user, member.membership);
            }
        }
        for (user, command) in needs.commands {
            if let Some(applied) = self.command(&keys::command(id, user, command))? {
                view.with_command(user, command, applied.seq);
                rows.push(applied.seq);
            }
        }
        for (target, user, emoji) in needs.reactions {
            if emoji.len() <= keys::TEXT_BYTES_MAX
                && self.engine.contains(&keys::reaction(id, target, user, &emoji))?
            {
                view.with_reaction(target, user, emoji);
            }
        }
        for (index, seq) in rows.into_iter().enumerate() {
            if let Some(row) = self.row(id, seq)? {
                if index >= asked {
                    repeated(&row);
                }
                let target = row.event.kind.target();
                view.with_row(row);
                if let Some(row) = target.map(|target| self.row(id, target)).transpose()?.flatten() {
                    view.with_row(row);
                }
            }
        }
        Ok(view)
    }

    pub(crate) fn command(&self, key: &keys::Key) -> Result<Option<StoredCommand>, Fault> {
        self.engine.get(key)?.map(|bytes| decode("command row", &bytes)).transpose()
    }

    /// Whether the command of an item took effect, brought by this very item.
    pub(crate) fn is_applied(&self, command: &keys::Key, item: u64) -> Result<bool, Fault> {
        Ok(self.command(command)?.is_some_and(|applied| applied.item == item))
    }

    pub(crate) fn meta(&self, id: ConversationId) -> Result<Option<Arc<Meta>>, Fault> {
        let seen = match self.caches.metas.get(&id) {
            Ok(meta) => return Ok(Some(meta)),
            Err(seen) => seen,
        };
        let Some(bytes) = self.engine.get(&keys::conversation(id))? else { return Ok(None) };
        let stored: StoredConversation = decode("conversation", &bytes)?;
        let meta = Arc::new(stored.meta);
        self.caches.metas.fill(&id, Arc::clone(&meta), seen);
        Ok(Some(meta))
    }

    /// Position of the record that took effect in a conversation last, 0 when there is none.
    pub(crate) fn applied(&self, id: ConversationId) -> Result<u64, Fault> {
        let Some(bytes) = self.engine.get(&keys::conversation(id))? else { return Ok(0) };
        let stored: StoredConversation = decode("conversation", &bytes)?;
        Ok(stored.applied)
    }

    pub(crate) fn member(&self, id: ConversationId, user: UserId) -> Result<Option<StoredMember>, Fault> {
        let seen = match self.caches.members.get(&(id, user)) {
            Ok(member) => return Ok(member),
            Err(seen) => seen,
        };
        let bytes = self.engine.get(&keys::member(id, user))?;
        let member = bytes.map(|bytes| decode("member", &bytes)).transpose()?;
        self.caches.members.fill(&(id, user), member, seen);
        Ok(member)
    }

    pub(crate) fn session(&self, token: &SecretHash) -> Result<Option<Session>, Fault> {
        let seen = match self.caches.sessions.get(token) {
            Ok(session) => return Ok(session),
            Err(seen) => seen,
        };
        let bytes = self.engine.get(&keys::session(token))?;
        let session: Option<Session> = bytes.map(|bytes| decode("session", &bytes)).transpose()?;
        self.caches.sessions.fill(token, session.clone(), seen);
        Ok(session)
    }

    /// A row as stored: an edit's text is in its message's row alone.
    pub(crate) fn row(&self, id: ConversationId, seq: Seq) -> Result<Option<Row>, Fault> {
        let bytes = self.engine.get(&keys::row(id, seq))?;
        bytes.map(|bytes| codec::decode_row(id, seq, &bytes)).transpose()
    }

    /// The message counts at the rows that marks read up to, looked up before they are journaled (D8).
    pub(crate) fn ordinals(&self, change: &Change) -> Result<Vec<Option<u64>>, Fault> {
        let Change::Mark(marks) = change else { return Ok(Vec::new()) };
        let ordinal = |mark: &chat::Mark| match mark.read {
            Some(read) => self.ordinal(mark.conversation, read),
            None => Ok(None),
        };
        marks.iter().map(ordinal).collect()
    }

    fn ordinal(&self, id: ConversationId, seq: Seq) -> Result<Option<u64>, Fault> {
        // The usual case: everything is read.
        if let Some(meta) = self.meta(id)?
            && meta.head == seq
        {
            return Ok(Some(meta.messages));
        }
        Ok(self.row(id, seq)?.map(|row| row.ordinal))
    }
}

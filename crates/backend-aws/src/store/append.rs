//! Writing effects: one transaction whose first condition is that the next place in the log is free (decision 0020).
//! Invariant: readers see all of a write or nothing; what does not fit into its transaction is prepared before it,
//! invisible, or tidied up after it, invisible already.

use chat::{
    ConversationId, Effects, Event, EventKind, Row, Seq,
    ports::{Append, AppendOutcome, ErrorKind, PortError},
};
use futures_util::{StreamExt, TryStreamExt, stream};

use super::{
    core::Core,
    head::{Head, LAST_MESSAGE, meta_write},
    load::SEQ,
    members::{membership_keys, membership_writes},
    pending::{PENDING, Token},
    uploads,
};
use crate::{
    codec::hex,
    error::plain,
    item::{Action, Attributes, Item, Key, Write, key_of, number, number_of, text},
    keys,
    limits::{APPEND_CONVERSATIONS_MAX, REQUESTS_AT_ONCE_MAX, TRANSACTION_ITEMS_MAX},
    table::{Range, Transacted, fits},
};

/// Marks rows whose write was prepared in parts.
const PREPARED: &str = "st";
/// Who prepares.
const PREPARER: &str = "n";

/// What a commit leaves to be tidied up.
#[derive(Debug, Default)]
pub(super) struct AfterCommit {
    conversation: Option<ConversationId>,
    /// Messages that were deleted.
    erased: Vec<Seq>,
    /// Items that were prepared and count now.
    prepared: Vec<Key>,
}

/// A conversation's writes, apart by what may be prepared.
struct Parts {
    /// Written at once, the rows first.
    core: Vec<Write>,
    /// Memberships begun and mentions set: may be there earlier, invisible.
    preparable: Vec<Write>,
}

impl Core {
    pub(crate) async fn append(&self, appends: Vec<Append>) -> Result<Vec<AppendOutcome>, PortError> {
        if appends.len() > APPEND_CONVERSATIONS_MAX {
            return Err(plain(ErrorKind::Invalid, "store.append (too many conversations)"));
        }
        self.home.check(&self.table).await?;
        let written = stream::iter(appends).map(|append| async move {
            let is_written = self.write_effects(&append.effects, Vec::new()).await?;
            Ok(if is_written { AppendOutcome::Written } else { AppendOutcome::Conflict })
        });
        written.buffered(REQUESTS_AT_ONCE_MAX).try_collect().await
    }

    /// Writes effects and what else belongs to them. `false` when the head has moved or a condition of the rest did
    /// not hold.
    pub(super) async fn write_effects(
        &self,
        effects: &Effects,
        besides: Vec<Write>,
    ) -> Result<bool, PortError> {
        let Some(first) = effects.events.first() else {
            return Err(plain(ErrorKind::Invalid, "store.append (nothing to write)"));
        };
        let mut parts = parts(effects);
        parts.core.extend(besides);
        let rest = rest_of(effects);
        let whole = parts.core.len() + parts.preparable.len() <= TRANSACTION_ITEMS_MAX;
        let mut all = parts.core.clone();
        all.extend(if whole { parts.preparable.clone() } else { Vec::new() });
        let is_written = if whole && fits(&all) {
            self.table.transact(all).await? == Transacted::Done
        } else {
            self.write_in_parts(first, parts).await?
        };
        if is_written {
            self.hints.insert(effects.conversation, Head::of_meta(&effects.meta));
            self.finish(rest).await?;
        } else {
            self.hints.remove(&effects.conversation);
        }
        Ok(is_written)
    }

    /// First everything that may wait invisibly, then the transaction that makes all of it count.
    async fn write_in_parts(&self, first: &Event, parts: Parts) -> Result<bool, PortError> {
        let Parts { mut core, preparable } = parts;
        let token = Token::of(first);
        let own = text(&hex(&self.jitter.nonce().to_be_bytes()));
        let preparer = keys::preparation(first.conversation);
        let kept = Item::new(preparer.clone()).with(PREPARER, own.clone());
        core.push(Write::delete(preparer.clone()).only_if("n = :n", [(":n", own.clone())]));
        mark_prepared(&mut core);
        if !fits(&core) {
            return Err(plain(ErrorKind::Invalid, "store.append (too large for one transaction)"));
        }
        let prepared: Vec<Key> = preparable.iter().map(|write| write.key().clone()).collect();
        if !self.those_that_count(self.table.get_many(prepared.clone()).await?).await?.is_empty() {
            // Whoever is a member already cannot become one invisibly: the commands have to come one by one.
            return Err(plain(ErrorKind::Invalid, "store.append (too large for one transaction)"));
        }
        self.table.write(kept.put()).await?;
        let guards = [Write::check_absent(token.row()), Write::check(preparer, "n = :n", [(":n", own)])];
        for chunk in preparable.chunks(TRANSACTION_ITEMS_MAX - guards.len()) {
            let mut writes = guards.to_vec();
            writes.extend(chunk.iter().map(|write| pending(write.clone(), &token)));
            if self.table.transact(writes).await? != Transacted::Done {
                self.discard(&token, prepared).await?;
                return Ok(false);
            }
        }
        let is_written = self.table.transact(core).await? == Transacted::Done;
        if is_written {
            self.make_plain(prepared).await?;
        } else {
            self.discard(&token, prepared).await?;
        }
        Ok(is_written)
    }

    /// Removes what a commit has made invisible and tidies up what it has made visible. Safe to repeat.
    pub(super) async fn finish(&self, rest: AfterCommit) -> Result<(), PortError> {
        let Some(conversation) = rest.conversation else { return Ok(()) };
        for target in rest.erased {
            self.erase(conversation, target).await?;
        }
        if rest.prepared.is_empty() { Ok(()) } else { self.make_plain(rest.prepared).await }
    }

    /// Takes away what a deleted message leaves: its superseded bodies and its reactions (D7).
    async fn erase(&self, conversation: ConversationId, target: Seq) -> Result<(), PortError> {
        let versions = Range::prefix(keys::versions(conversation, target), "");
        let reactions = Range::prefix(keys::reactions(conversation, target), "");
        for range in [versions, reactions] {
            let items = self.table.query(&range, usize::MAX).await?;
            let mut gone: Vec<Key> = items.iter().map(key_of).collect();
            gone.extend(items.iter().filter_map(|item| own_reaction_of(conversation, target, item)));
            self.table.remove_many(gone).await?;
        }
        Ok(())
    }
}

/// What a row says is to be tidied up behind it, so that a resend of its command can do it again.
pub(super) fn after_commit(row: &Row, item: &Attributes) -> Option<AfterCommit> {
    let conversation = row.event.conversation;
    let mut rest = AfterCommit { conversation: Some(conversation), ..AfterCommit::default() };
    if let EventKind::Deleted { target } = row.event.kind {
        rest.erased.push(target);
    }
    if number_of(item, PREPARED).is_some() {
        let seq = row.event.seq;
        rest.prepared = match &row.event.kind {
            EventKind::Created { members, .. } => {
                members.iter().flat_map(|(user, _)| membership_keys(conversation, *user)).collect()
            }
            EventKind::MembersAdded { users, .. } => {
                users.iter().flat_map(|user| membership_keys(conversation, *user)).collect()
            }
            EventKind::Message { mentions, .. } => {
                mentions.iter().map(|user| keys::mention(*user, conversation, seq)).collect()
            }
            _ => Vec::new(),
        };
    }
    (!rest.erased.is_empty() || !rest.prepared.is_empty()).then_some(rest)
}

fn rest_of(effects: &Effects) -> AfterCommit {
    AfterCommit {
        conversation: Some(effects.conversation),
        erased: effects.erased.iter().map(|(target, _)| *target).collect(),
        prepared: Vec::new(),
    }
}

fn parts(effects: &Effects) -> Parts {
    let id = effects.conversation;
    let mut core: Vec<Write> = effects.rows.iter().map(|row| row_write(effects, row)).collect();
    // The place that is taken first stands first.
    core.sort_by_key(|write| write.condition.is_none());
    let mut preparable = Vec::new();
    core.extend(effects.commands.iter().map(|(user, command, seq)| {
        Item::new(keys::command(id, *user, *command)).with(SEQ, number(*seq)).put_new()
    }));
    core.extend(meta_write(effects));
    core.extend(
        effects
            .versions
            .iter()
            .map(|version| Item::new(keys::version(id, version.target, version.number)).data(version).put()),
    );
    for (user, membership) in &effects.members {
        let writes = membership_writes(effects, *user, *membership);
        let begins = membership.is_some_and(|member| member.joined_seq > effects.expected_head);
        if begins { preparable.extend(writes) } else { core.extend(writes) }
    }
    for (target, user, emoji, is_set) in &effects.reactions {
        for key in [keys::reaction(id, *target, *user, emoji), keys::own_reaction(id, *user, *target, emoji)]
        {
            core.push(if *is_set { Item::new(key).put() } else { Write::delete(key) });
        }
    }
    for (user, seq, is_set) in &effects.mentions {
        let key = keys::mention(*user, id, *seq);
        if *is_set { preparable.push(Item::new(key).put()) } else { core.push(Write::delete(key)) }
    }
    for (file, seq, is_shown) in &effects.files {
        core.extend(uploads::show(id, *file, *seq, *is_shown));
    }
    Parts { core, preparable }
}

/// A row; a new one takes its place only if that is free.
fn row_write(effects: &Effects, row: &Row) -> Write {
    let seq = row.event.seq;
    let item = Item::new(keys::row(effects.conversation, seq)).data(row);
    if seq <= effects.expected_head {
        return item.put();
    }
    if seq == effects.meta.head {
        item.with(LAST_MESSAGE, number(effects.meta.last_message)).put_new()
    } else {
        item.put_new()
    }
}

/// The same write, counting only once its row is in the log.
fn pending(mut write: Write, token: &Token) -> Write {
    let name = text(&token.text());
    match &mut write.action {
        Action::Put(item) => drop(item.attributes.insert(PENDING.to_owned(), name)),
        Action::Update { expression, values, .. } => {
            *expression = expression.replace(" REMOVE pn", ", pn = :pn");
            values.push((":pn", name));
        }
        Action::Delete(_) | Action::Check(_) => {}
    }
    // What counts already is never covered.
    write.only_if("attribute_not_exists(pk) OR attribute_exists(pn)", [])
}

/// Marks the new rows, so that a resend of one of their commands knows what may be left to do.
fn mark_prepared(core: &mut [Write]) {
    for write in core {
        if let Action::Put(item) = &mut write.action
            && item.key.partition.starts_with("C#")
            && item.key.sort.bytes().all(|byte| byte.is_ascii_digit())
        {
            item.attributes.insert(PREPARED.to_owned(), number(1));
        }
    }
}

/// The other item of a reaction, by the one that lists it with its message.
fn own_reaction_of(conversation: ConversationId, target: Seq, item: &Attributes) -> Option<Key> {
    let key = key_of(item);
    let (user, emoji) = key.partition.starts_with("R#").then(|| key.sort.split_once('#')).flatten()?;
    let user = u128::from_str_radix(user, 16).ok()?;
    Some(keys::own_reaction(conversation, chat::UserId::from_u128(user), target, emoji))
}

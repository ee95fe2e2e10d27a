//! New conversations and marks.
//! Marks carry the message counts that were read when they were asked: nothing here depends on the log (D8, D9).

use chat::{
    Change, ChangeOutcome, ConversationId, ConversationKind, Mark, Role, UserId, View, change::MarkState,
};

use super::effects::{self, Source};
use crate::{
    codec::{self, decode},
    core::Core,
    engine::Writer,
    error::Fault,
    keys,
};

pub(crate) fn create(
    core: &Core,
    writer: &Writer<'_>,
    position: u64,
    change: &Change,
) -> Result<ChangeOutcome, Fault> {
    let Change::CreateConversation { conversation, creator, request, at, kind, title, description, members } =
        change
    else {
        return Ok(ChangeOutcome::Done);
    };
    let members = first_members(*kind, *creator, members);
    let pair = pair(*kind, &members);
    let request_key = keys::request(*creator, *request);
    if let Some(existing) = existing(core, &request_key, pair, *conversation)? {
        writer.put(&request_key, existing.to_bytes().to_vec());
        return Ok(ChangeOutcome::Conversation { conversation: existing, created: None });
    }
    let texts = (title.clone(), description.clone());
    let effects = View::create(*conversation, (*creator, *request), *at, *kind, texts, members);
    writer.put(&request_key, conversation.to_bytes().to_vec());
    effects::write(core, writer, &effects, Source { items: &[], position })?;
    core.changed.lock().note(*conversation, effects.meta.head);
    let created = effects.events.into_iter().next().map(Box::new);
    Ok(ChangeOutcome::Conversation { conversation: *conversation, created })
}

/// The conversation this request, this pair or this id has already.
fn existing(
    core: &Core,
    request: &keys::Key,
    pair: Option<(UserId, UserId)>,
    wanted: ConversationId,
) -> Result<Option<ConversationId>, Fault> {
    let id = |bytes: &[u8]| ConversationId::from_bytes(keys::id(bytes, 0));
    if let Some(bytes) = core.engine.get(request)? {
        return Ok(Some(id(&bytes)));
    }
    if let Some(pair) = pair
        && let Some(bytes) = core.engine.get(&keys::direct(pair))?
    {
        return Ok(Some(id(&bytes)));
    }
    Ok(core.engine.contains(&keys::conversation(wanted))?.then_some(wanted))
}

fn first_members(kind: ConversationKind, creator: UserId, others: &[UserId]) -> Vec<(UserId, Role)> {
    let role = if kind == ConversationKind::Direct { Role::Member } else { Role::Owner };
    let mut others: Vec<UserId> = others.iter().copied().filter(|user| *user != creator).collect();
    others.sort_unstable();
    others.dedup();
    let others = others.into_iter().map(|user| (user, Role::Member));
    std::iter::once((creator, role)).chain(others).collect()
}

fn pair(kind: ConversationKind, members: &[(UserId, Role)]) -> Option<(UserId, UserId)> {
    match (kind, members) {
        (ConversationKind::Direct, [(one, _), (two, _)]) => Some((*one.min(two), *one.max(two))),
        _ => None,
    }
}

pub(crate) fn mark(
    core: &Core,
    writer: &Writer<'_>,
    marks: &[Mark],
    ordinals: &[Option<u64>],
) -> Result<ChangeOutcome, Fault> {
    let mut outcomes = Vec::with_capacity(marks.len());
    for (mark, ordinal) in marks.iter().zip(ordinals) {
        let key = keys::mark(mark.conversation, mark.user);
        let before: MarkState = match core.engine.get(&key)? {
            Some(bytes) => decode("mark", &bytes)?,
            None => MarkState::default(),
        };
        let after = moved(before, mark, *ordinal);
        if after != before {
            writer.put(&key, codec::encode(&after));
        }
        outcomes.push((*mark, after, after != before));
    }
    Ok(ChangeOutcome::Marks(outcomes))
}

fn moved(before: MarkState, mark: &Mark, ordinal: Option<u64>) -> MarkState {
    let mut after = before;
    if let (Some(read), Some(ordinal)) = (mark.read, ordinal)
        && read > before.read
    {
        (after.read, after.read_ordinal) = (read, ordinal);
    }
    after.delivered = before.delivered.max(mark.delivered.unwrap_or_default());
    after
}

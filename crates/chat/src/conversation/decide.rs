//! The decision: one command, one view, one answer. Pure, so that every home, replay and simulation decides alike.
//! Order of checks: exists and visible (D7), done before (D2), permitted, then the command's own rules.

use super::{ConversationKind, Decision, Membership, Meta, Role, View};
use crate::{
    attachment::Attachment,
    command::{Command, Envelope},
    event::{Event, EventKind, MessageState, Row},
    ids::{Seq, UserId},
    limits::{EDITS_MAX, MEMBERS_MAX, REACTION_KINDS_MAX},
    permission::{Action, allowed, may_change_role, may_remove},
    refusal::Refusal,
};

/// A command's own rules: the event it becomes, `None` when nothing would change.
type Verdict = Result<Option<EventKind>, Refusal>;

pub(super) fn decide(view: &View, envelope: &Envelope) -> Decision {
    if let Some(seq) = view.commands.get(&(envelope.actor, envelope.command_id)) {
        return Decision::Duplicate(*seq);
    }
    let Some(meta) = view.meta.as_ref() else {
        return Decision::Refused(Refusal::ConversationNotFound);
    };
    match verdict(view, meta, envelope) {
        Ok(Some(kind)) => Decision::Append(Box::new(Event {
            conversation: envelope.conversation,
            seq: meta.head + 1,
            at: envelope.accepted_at,
            actor: envelope.actor,
            command_id: envelope.command_id,
            kind,
        })),
        Ok(None) => Decision::Unchanged,
        Err(refusal) => Decision::Refused(refusal),
    }
}

fn verdict(view: &View, meta: &Meta, envelope: &Envelope) -> Verdict {
    let actor = envelope.actor;
    let member = view.members.get(&actor);
    if matches!(envelope.command, Command::Join) {
        return join(meta, member, actor);
    }
    let Some(member) = member else { return Err(Refusal::ConversationNotFound) };
    permit(meta, member, Action::of(&envelope.command))?;
    match &envelope.command {
        Command::Send { body, reply_to, mentions, attachments } => {
            if reply_to.is_some_and(|seq| message(view, seq).is_err()) {
                return Err(Refusal::MessageNotFound);
            }
            Ok(Some(EventKind::Message {
                body: body.clone(),
                reply_to: *reply_to,
                mentions: members_among(view, mentions),
                attachments: each_once(attachments),
            }))
        }
        Command::Edit { target, body, mentions } => edit(view, actor, *target, body, mentions),
        Command::Delete { target } => delete(view, meta, member, actor, *target),
        Command::React { target, emoji } => react(view, actor, *target, emoji),
        Command::Unreact { target, emoji } => {
            message(view, *target)?;
            let stands = view.reactions.contains_key(&(*target, actor, emoji.clone()));
            Ok(stands.then(|| EventKind::Unreacted { target: *target, emoji: emoji.clone() }))
        }
        Command::Describe { title, description } => Ok(describe(meta, title.as_ref(), description.as_ref())),
        Command::AddMembers { users } => add_members(view, meta, users),
        Command::RemoveMember { user } => remove_member(view, member, actor, *user),
        Command::SetRole { user, role } => set_role(view, meta, member, *user, *role),
        Command::Leave => leave(meta, member, actor),
        Command::Join => Ok(None),
    }
}

fn permit(meta: &Meta, member: &Membership, action: Action) -> Result<(), Refusal> {
    if allowed(meta.kind, Some(member.role), action) {
        return Ok(());
    }
    let fixed = meta.kind == ConversationKind::Direct && action.changes_membership_or_title();
    Err(if fixed { Refusal::DirectIsFixed } else { Refusal::Forbidden })
}

fn join(meta: &Meta, member: Option<&Membership>, actor: UserId) -> Verdict {
    if member.is_some() {
        return Ok(None);
    }
    if !allowed(meta.kind, None, Action::Join) {
        return Err(Refusal::ConversationNotFound);
    }
    room_for(meta, 1)?;
    // Everybody had left: without this nobody could ever moderate the channel again.
    let role = if meta.members == 0 { Role::Owner } else { Role::Member };
    Ok(Some(EventKind::MembersAdded { users: vec![actor], role }))
}

fn leave(meta: &Meta, member: &Membership, actor: UserId) -> Verdict {
    if member.role == Role::Owner && meta.owners <= 1 && meta.members > 1 {
        return Err(Refusal::LastOwner);
    }
    Ok(Some(EventKind::MemberRemoved { user: actor }))
}

fn edit(view: &View, actor: UserId, target: Seq, body: &str, mentions: &[UserId]) -> Verdict {
    let (row, state) = message(view, target)?;
    if row.event.actor != actor {
        return Err(Refusal::NotYourMessage);
    }
    if state.deleted_at.is_some() {
        return Err(Refusal::MessageDeleted);
    }
    if state.edits >= EDITS_MAX {
        return Err(Refusal::TooManyEdits);
    }
    let mentions = members_among(view, mentions);
    let same = matches!(&row.event.kind, EventKind::Message { body: now, mentions: named, .. }
        if now == body && *named == mentions);
    Ok((!same).then(|| EventKind::Edited { target, body: body.to_owned(), mentions }))
}

fn delete(view: &View, meta: &Meta, member: &Membership, actor: UserId, target: Seq) -> Verdict {
    let (row, state) = message(view, target)?;
    if row.event.actor != actor && !allowed(meta.kind, Some(member.role), Action::DeleteOthers) {
        return Err(Refusal::Forbidden);
    }
    Ok(state.deleted_at.is_none().then_some(EventKind::Deleted { target }))
}

fn react(view: &View, actor: UserId, target: Seq, emoji: &str) -> Verdict {
    let (_, state) = message(view, target)?;
    if state.deleted_at.is_some() {
        return Err(Refusal::MessageDeleted);
    }
    if view.reactions.contains_key(&(target, actor, emoji.to_owned())) {
        return Ok(None);
    }
    let known = state.reactions.iter().any(|(kind, _)| kind == emoji);
    if !known && state.reactions.len() >= REACTION_KINDS_MAX {
        return Err(Refusal::TooManyReactions);
    }
    Ok(Some(EventKind::Reacted { target, emoji: emoji.to_owned() }))
}

fn describe(meta: &Meta, title: Option<&String>, description: Option<&String>) -> Option<EventKind> {
    let title = title.filter(|title| meta.title.as_ref() != Some(title)).cloned();
    let description =
        description.filter(|text| meta.description.as_deref().unwrap_or_default() != text.as_str()).cloned();
    (title.is_some() || description.is_some()).then_some(EventKind::Described { title, description })
}

fn add_members(view: &View, meta: &Meta, users: &[UserId]) -> Verdict {
    let mut new: Vec<UserId> =
        users.iter().copied().filter(|user| !view.members.contains_key(user)).collect();
    new.sort_unstable();
    new.dedup();
    if new.is_empty() {
        return Ok(None);
    }
    room_for(meta, new.len() as u64)?;
    Ok(Some(EventKind::MembersAdded { users: new, role: Role::Member }))
}

fn remove_member(view: &View, member: &Membership, actor: UserId, user: UserId) -> Verdict {
    let Some(other) = view.members.get(&user) else { return Err(Refusal::NotAMember) };
    // Going oneself is `Leave`, with its own rule for the last owner.
    if user == actor || !may_remove(member.role, other.role) {
        return Err(Refusal::Forbidden);
    }
    Ok(Some(EventKind::MemberRemoved { user }))
}

fn set_role(view: &View, meta: &Meta, member: &Membership, user: UserId, role: Role) -> Verdict {
    let Some(other) = view.members.get(&user) else { return Err(Refusal::NotAMember) };
    if other.role == role {
        return Ok(None);
    }
    if !may_change_role(member.role, other.role, role) {
        return Err(Refusal::Forbidden);
    }
    if other.role == Role::Owner && meta.owners <= 1 {
        return Err(Refusal::LastOwner);
    }
    Ok(Some(EventKind::RoleChanged { user, role }))
}

fn message(view: &View, seq: Seq) -> Result<(&Row, &MessageState), Refusal> {
    let row = view.rows.get(&seq).ok_or(Refusal::MessageNotFound)?;
    let state = row.message.as_ref().ok_or(Refusal::MessageNotFound)?;
    Ok((row, state))
}

fn members_among(view: &View, users: &[UserId]) -> Vec<UserId> {
    let mut members: Vec<UserId> =
        users.iter().copied().filter(|user| view.members.contains_key(user)).collect();
    members.sort_unstable();
    members.dedup();
    members
}

/// A file named twice is shown once.
fn each_once(files: &[Attachment]) -> Vec<Attachment> {
    let mut kept: Vec<Attachment> = Vec::with_capacity(files.len());
    for file in files {
        if kept.iter().all(|other| other.attachment != file.attachment) {
            kept.push(file.clone());
        }
    }
    kept
}

fn room_for(meta: &Meta, more: u64) -> Result<(), Refusal> {
    if meta.members + more > MEMBERS_MAX { Err(Refusal::TooManyMembers) } else { Ok(()) }
}

//! The changes outside logs: accounts, sessions, invitations, new conversations, marks.
//! Invariant: a refused change changes nothing.

use std::collections::BTreeSet;

use chat::{
    Account, Change, ChangeOutcome, CommandId, ConversationId, ConversationKind, Mark, Refusal,
    RegistrationPolicy, Role, Session, SessionId, TimestampMs, UserId, View,
    account::{SecretHash, admit_registration, username_key},
    change::MarkState,
    limits::SESSIONS_PER_USER_MAX,
};

use super::{log, profiles, state::State, uploads};

type Outcome = Result<ChangeOutcome, Refusal>;

/// Applies a change.
pub(super) fn apply(state: &mut State, change: Change) -> ChangeOutcome {
    let outcome = match change {
        Change::CreateAccount { account, invite, policy } => create_account(state, account, invite, policy),
        Change::SetDisplayName { user, display_name } => {
            with_account(state, user, |account| account.display_name = display_name)
        }
        Change::SetPassword { user, password_hash, keep } => {
            with_account(state, user, |account| account.password_hash = password_hash)
                .map(|_| end_sessions(state, |session| session.user == user && Some(session.session) != keep))
        }
        Change::RenewPasswordHash { user, verified_hash, password_hash } => {
            with_account(state, user, |account| {
                if account.password_hash == verified_hash {
                    account.password_hash = password_hash;
                }
            })
        }
        Change::SetAccountRole { user, role } => with_account(state, user, |account| account.role = role),
        Change::SetDisabled { user, at } => set_disabled(state, user, at),
        Change::CreateSession(session) => create_session(state, session),
        Change::RevokeSession { user, session } => revoke_session(state, user, session),
        Change::CreateInvite(invite) => {
            state.invites.insert(invite.invite, invite);
            Ok(ChangeOutcome::Done)
        }
        Change::RevokeInvite(invite) => {
            state.invites.remove(&invite);
            Ok(ChangeOutcome::Done)
        }
        Change::CreateConversation {
            conversation,
            creator,
            request,
            at,
            kind,
            title,
            description,
            members,
        } => {
            let wish = Wish { conversation, creator: (creator, request), at, kind };
            create_conversation(state, &wish, (title, description), members)
        }
        Change::Mark(marks) => Ok(ChangeOutcome::Marks(
            marks
                .into_iter()
                .map(|mark| {
                    let (now, moved) = move_mark(state, mark);
                    (mark, now, moved)
                })
                .collect(),
        )),
        Change::Seen(seen) => {
            for (user, at) in seen {
                if let Some(account) = state.accounts.get_mut(&user) {
                    account.seen_at = account.seen_at.max(Some(at));
                }
            }
            Ok(ChangeOutcome::Done)
        }
        change => of_people_and_files(state, change),
    };
    outcome.unwrap_or_else(ChangeOutcome::Refused)
}

/// What people say of themselves, how they want the app to be, and what they upload.
fn of_people_and_files(state: &mut State, change: Change) -> Outcome {
    match change {
        Change::SetStatus { user, emoji, text } => profiles::set_profile(state, user, |profile| {
            (profile.status_emoji, profile.status_text) = (emoji, text);
        }),
        Change::SetAvatar { user, avatar } => {
            profiles::set_profile(state, user, |profile| profile.avatar = avatar)
        }
        Change::SetPreferences { user, patch } => profiles::set_preferences(state, user, &patch),
        Change::SetConversationPreferences { user, conversation, patch } => {
            profiles::set_conversation_preferences(state, user, conversation, patch)
        }
        Change::AddUpload(upload) => uploads::add(state, upload),
        Change::ClaimUploads { user, claim, attachments } => uploads::claim(state, user, claim, &attachments),
        Change::RemoveUploads(ids) => Ok(uploads::remove(state, &ids)),
        // Applied by the caller.
        _ => Ok(ChangeOutcome::Done),
    }
}

/// The fixed part of a request for a conversation.
struct Wish {
    conversation: ConversationId,
    creator: (UserId, CommandId),
    at: TimestampMs,
    kind: ConversationKind,
}

fn with_account(state: &mut State, user: UserId, change: impl FnOnce(&mut Account)) -> Outcome {
    change(state.accounts.get_mut(&user).ok_or(Refusal::UserNotFound)?);
    Ok(ChangeOutcome::Done)
}

fn create_account(
    state: &mut State,
    mut account: Account,
    code: Option<SecretHash>,
    policy: RegistrationPolicy,
) -> Outcome {
    let key = username_key(&account.username);
    if let Some(owner) = state.usernames.get(&key) {
        let same = *owner == account.user;
        let known = state.accounts.get(owner).filter(|_| same).ok_or(Refusal::UsernameTaken)?;
        return Ok(ChangeOutcome::Account(Box::new(known.clone())));
    }
    let first = state.accounts.is_empty();
    let invite = code.and_then(|hash| state.invite_by_code(&hash)).cloned();
    account.role = admit_registration(first, policy, code.is_some(), invite.as_ref(), account.created_at)?;
    if let Some(invite) = invite.filter(|_| !first && policy == RegistrationPolicy::Invite)
        && let Some(invite) = state.invites.get_mut(&invite.invite)
    {
        invite.uses_left -= 1;
    }
    state.usernames.insert(key, account.user);
    state.accounts.insert(account.user, account.clone());
    Ok(ChangeOutcome::Account(Box::new(account)))
}

fn set_disabled(state: &mut State, user: UserId, at: Option<TimestampMs>) -> Outcome {
    with_account(state, user, |account| account.disabled_at = at)?;
    Ok(if at.is_some() { end_sessions(state, |session| session.user == user) } else { ChangeOutcome::Done })
}

fn create_session(state: &mut State, session: Session) -> Outcome {
    let user = session.user;
    if !state.accounts.contains_key(&user) {
        return Err(Refusal::UserNotFound);
    }
    state.sessions.insert(session.session, session);
    let mut by_age: Vec<(TimestampMs, SessionId)> =
        state.sessions_of(user).map(|session| (session.created_at, session.session)).collect();
    by_age.sort_unstable();
    let too_many = by_age.len().saturating_sub(SESSIONS_PER_USER_MAX);
    let oldest: BTreeSet<SessionId> = by_age.into_iter().take(too_many).map(|(_, session)| session).collect();
    Ok(end_sessions(state, |session| oldest.contains(&session.session)))
}

fn revoke_session(state: &mut State, user: UserId, session: SessionId) -> Outcome {
    let is_theirs = state.sessions.get(&session).is_some_and(|found| found.user == user);
    if !is_theirs {
        return Err(Refusal::SessionNotFound);
    }
    Ok(end_sessions(state, |found| found.session == session))
}

fn end_sessions(state: &mut State, which: impl Fn(&Session) -> bool) -> ChangeOutcome {
    let ended: Vec<SessionId> =
        state.sessions.values().filter(|session| which(session)).map(|session| session.session).collect();
    state.sessions.retain(|_, session| !which(session));
    if ended.is_empty() { ChangeOutcome::Done } else { ChangeOutcome::Ended(ended) }
}

fn create_conversation(
    state: &mut State,
    wish: &Wish,
    texts: (Option<String>, Option<String>),
    mut others: Vec<UserId>,
) -> Outcome {
    let (creator, _) = wish.creator;
    others.retain(|user| *user != creator);
    others.sort_unstable();
    others.dedup();
    let pair = match (wish.kind, others.as_slice()) {
        (ConversationKind::Direct, [other]) => Some((creator.min(*other), creator.max(*other))),
        (ConversationKind::Direct, _) => return Err(Refusal::DirectNeedsOneOther),
        _ => None,
    };
    let known = state.requests.get(&wish.creator).or_else(|| state.pairs.get(&pair?));
    if let Some(conversation) = known {
        return Ok(ChangeOutcome::Conversation { conversation: *conversation, created: None });
    }
    if others.iter().chain([&creator]).any(|user| !state.accounts.contains_key(user)) {
        return Err(Refusal::UserNotFound);
    }
    let creator_role = if pair.is_some() { Role::Member } else { Role::Owner };
    let mut members = vec![(creator, creator_role)];
    members.extend(others.into_iter().map(|user| (user, Role::Member)));
    let effects = View::create(wish.conversation, wish.creator, wish.at, wish.kind, texts, members);
    let created = effects.events.first().cloned().map(Box::new);
    state.requests.insert(wish.creator, wish.conversation);
    log::write(state, effects);
    Ok(ChangeOutcome::Conversation { conversation: wish.conversation, created })
}

fn move_mark(state: &mut State, mark: Mark) -> (MarkState, bool) {
    let Some(conversation) = state.conversations.get_mut(&mark.conversation) else {
        return (MarkState::default(), false);
    };
    let before = conversation.mark(mark.user);
    if !conversation.members.contains_key(&mark.user) {
        return (before, false);
    }
    let mut now = before;
    if let Some(read) = mark.read.filter(|read| *read > now.read) {
        now.read = read;
        now.read_ordinal = conversation.ordinal(read);
    }
    now.delivered = now.delivered.max(mark.delivered.unwrap_or_default());
    if now != before {
        conversation.marks.insert(mark.user, now);
    }
    (now, now != before)
}

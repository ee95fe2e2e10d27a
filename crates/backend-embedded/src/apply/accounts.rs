//! Accounts, sessions and invitations.
//! Keeps D7: hashes in, hashes stored; nothing here ever sees a password, token or code.

use chat::{
    Account, AccountRole, Change, ChangeOutcome, Invite, InviteId, Refusal, RegistrationPolicy, Session,
    SessionId, TimestampMs, UserId,
    account::{SecretHash, admit_registration, username_key},
    limits::SESSIONS_PER_USER_MAX,
};

use crate::{
    codec::{self, decode},
    core::Core,
    engine::Writer,
    error::Fault,
    keys::{self, Keyspace},
};

pub(crate) fn change(core: &Core, writer: &Writer<'_>, change: &Change) -> Result<ChangeOutcome, Fault> {
    match change {
        Change::CreateAccount { account, invite, policy } => {
            create(core, writer, account, invite.as_ref(), *policy)
        }
        Change::SetDisplayName { user, display_name } => edit(core, writer, *user, |account| {
            account.display_name.clone_from(display_name);
        }),
        Change::SetAccountRole { user, role } => edit(core, writer, *user, |account| account.role = *role),
        Change::SetPassword { user, password_hash, keep } => {
            let edited = edit(core, writer, *user, |account| account.password_hash.clone_from(password_hash));
            ended(edited?, || end_sessions(core, writer, *user, *keep))
        }
        Change::RenewPasswordHash { user, verified_hash, password_hash } => {
            edit(core, writer, *user, |account| {
                if account.password_hash == *verified_hash {
                    account.password_hash.clone_from(password_hash);
                }
            })
        }
        Change::SetDisabled { user, at } => {
            let edited = edit(core, writer, *user, |account| account.disabled_at = *at);
            if at.is_none() {
                return edited;
            }
            ended(edited?, || end_sessions(core, writer, *user, None))
        }
        Change::CreateSession(session) => log_in(core, writer, session),
        Change::RevokeSession { user, session } => log_out(core, writer, *user, *session),
        Change::CreateInvite(invite) => Ok(put_invite(writer, invite)),
        Change::RevokeInvite(invite) => revoke_invite(core, writer, *invite),
        Change::Seen(seen) => see(core, writer, seen),
        // Applied elsewhere.
        Change::CreateConversation { .. }
        | Change::Mark(_)
        | Change::SetStatus { .. }
        | Change::SetAvatar { .. }
        | Change::SetPreferences { .. }
        | Change::SetConversationPreferences { .. }
        | Change::AddUpload(_)
        | Change::ClaimUploads { .. }
        | Change::RemoveUploads(_) => Ok(ChangeOutcome::Done),
    }
}

pub(crate) fn account(core: &Core, user: UserId) -> Result<Option<Account>, Fault> {
    core.engine.get(&keys::account(user))?.map(|bytes| decode("account", &bytes)).transpose()
}

fn create(
    core: &Core,
    writer: &Writer<'_>,
    wanted: &Account,
    code: Option<&SecretHash>,
    policy: RegistrationPolicy,
) -> Result<ChangeOutcome, Fault> {
    if let Some(existing) = account(core, wanted.user)? {
        return Ok(ChangeOutcome::Account(Box::new(existing)));
    }
    let name = username_key(&wanted.username);
    if name.len() > keys::TEXT_BYTES_MAX {
        return Ok(ChangeOutcome::Refused(Refusal::BadUsername));
    }
    if core.engine.contains(&keys::username(&name))? {
        return Ok(ChangeOutcome::Refused(Refusal::UsernameTaken));
    }
    let is_first = core.engine.prefix(&keys::Key::new(Keyspace::Account)).next().is_none();
    let invite: Option<Invite> = match code {
        Some(code) => {
            core.engine.get(&keys::invite(code))?.map(|bytes| decode("invite", &bytes)).transpose()?
        }
        None => None,
    };
    match admit_registration(is_first, policy, code.is_some(), invite.as_ref(), wanted.created_at) {
        Err(refusal) => Ok(ChangeOutcome::Refused(refusal)),
        Ok(role) => {
            if let Some(invite) = invite.filter(|_| !is_first && policy == RegistrationPolicy::Invite) {
                put_invite(writer, &Invite { uses_left: invite.uses_left.saturating_sub(1), ..invite });
            }
            Ok(ChangeOutcome::Account(Box::new(register(writer, wanted, role, &name))))
        }
    }
}

fn register(writer: &Writer<'_>, wanted: &Account, role: AccountRole, name: &str) -> Account {
    let made = Account { role, ..wanted.clone() };
    writer.put(&keys::account(made.user), codec::encode(&made));
    // The name last: who finds it finds the account.
    writer.put(&keys::username(name), made.user.to_bytes().to_vec());
    made
}

fn edit(
    core: &Core,
    writer: &Writer<'_>,
    user: UserId,
    change: impl FnOnce(&mut Account),
) -> Result<ChangeOutcome, Fault> {
    let Some(mut account) = account(core, user)? else {
        return Ok(ChangeOutcome::Refused(Refusal::UserNotFound));
    };
    change(&mut account);
    writer.put(&keys::account(user), codec::encode(&account));
    Ok(ChangeOutcome::Done)
}

/// The sessions that end with an edit, if it was not refused.
fn ended(
    edited: ChangeOutcome,
    end: impl FnOnce() -> Result<Vec<SessionId>, Fault>,
) -> Result<ChangeOutcome, Fault> {
    if edited == ChangeOutcome::Done { Ok(ChangeOutcome::Ended(end()?)) } else { Ok(edited) }
}

/// Sessions of an account in the order of their ids.
pub(crate) fn sessions(core: &Core, user: UserId) -> Result<Vec<Session>, Fault> {
    let mut sessions = Vec::new();
    for pair in core.engine.prefix(&keys::sessions_of(user)) {
        let token: SecretHash = decode("session index", &pair?.1)?;
        if let Some(bytes) = core.engine.get(&keys::session(&token))? {
            sessions.push(decode("session", &bytes)?);
        }
    }
    Ok(sessions)
}

fn end_sessions(
    core: &Core,
    writer: &Writer<'_>,
    user: UserId,
    keep: Option<SessionId>,
) -> Result<Vec<SessionId>, Fault> {
    let mut ended = Vec::new();
    for session in sessions(core, user)?.into_iter().filter(|session| Some(session.session) != keep) {
        end_session(core, writer, &session);
        ended.push(session.session);
    }
    Ok(ended)
}

fn end_session(core: &Core, writer: &Writer<'_>, session: &Session) {
    writer.remove(&keys::session_of(session.user, session.session));
    writer.remove(&keys::session(&session.token_hash));
    core.caches.sessions.set(&session.token_hash, None);
}

fn log_in(core: &Core, writer: &Writer<'_>, session: &Session) -> Result<ChangeOutcome, Fault> {
    match account(core, session.user)? {
        None => return Ok(ChangeOutcome::Refused(Refusal::UserNotFound)),
        Some(account) if account.disabled_at.is_some() => {
            return Ok(ChangeOutcome::Refused(Refusal::AccountDisabled));
        }
        Some(_) => {}
    }
    writer.put(&keys::session(&session.token_hash), codec::encode(session));
    writer.put(&keys::session_of(session.user, session.session), codec::encode(&session.token_hash));
    core.caches.sessions.set(&session.token_hash, Some(session.clone()));
    let mut all = sessions(core, session.user)?;
    all.retain(|other| other.session != session.session);
    all.sort_by_key(|other| (other.created_at, other.session));
    let surplus = (all.len() + 1).saturating_sub(SESSIONS_PER_USER_MAX);
    let ended: Vec<SessionId> = all.iter().take(surplus).map(|oldest| oldest.session).collect();
    all.iter().take(surplus).for_each(|oldest| end_session(core, writer, oldest));
    Ok(if ended.is_empty() { ChangeOutcome::Done } else { ChangeOutcome::Ended(ended) })
}

fn log_out(core: &Core, writer: &Writer<'_>, user: UserId, id: SessionId) -> Result<ChangeOutcome, Fault> {
    let Some(bytes) = core.engine.get(&keys::session_of(user, id))? else {
        return Ok(ChangeOutcome::Refused(Refusal::SessionNotFound));
    };
    let token: SecretHash = decode("session index", &bytes)?;
    if let Some(bytes) = core.engine.get(&keys::session(&token))? {
        end_session(core, writer, &decode("session", &bytes)?);
    }
    Ok(ChangeOutcome::Ended(vec![id]))
}

pub(super) fn put_invite(writer: &Writer<'_>, invite: &Invite) -> ChangeOutcome {
    writer.put(&keys::invite(&invite.code_hash), codec::encode(invite));
    let by_age = keys::invite_by_age(invite.created_at, invite.invite);
    writer.put(&by_age, codec::encode(&invite.code_hash));
    writer.put(&keys::invite_by_id(invite.invite), codec::encode(&(invite.created_at, invite.code_hash)));
    ChangeOutcome::Done
}

fn revoke_invite(core: &Core, writer: &Writer<'_>, id: InviteId) -> Result<ChangeOutcome, Fault> {
    let by_id = keys::invite_by_id(id);
    if let Some(bytes) = core.engine.get(&by_id)? {
        let (created_at, code): (TimestampMs, SecretHash) = decode("invite index", &bytes)?;
        writer.remove(&by_id);
        writer.remove(&keys::invite_by_age(created_at, id));
        writer.remove(&keys::invite(&code));
    }
    Ok(ChangeOutcome::Done)
}

fn see(core: &Core, writer: &Writer<'_>, seen: &[(UserId, TimestampMs)]) -> Result<ChangeOutcome, Fault> {
    for (user, at) in seen {
        if let Some(mut account) = account(core, *user)?
            && account.seen_at < Some(*at)
        {
            account.seen_at = Some(*at);
            writer.put(&keys::account(*user), codec::encode(&account));
        }
    }
    Ok(ChangeOutcome::Done)
}

//! Accounts, their sessions and the invitations to register.
//! Invariant: a session counts only while its person's list has it, so that ending many is one write.

use chat::{
    Account, Change, ChangeOutcome, Invite, InviteId, Refusal, RegistrationPolicy, Session, SessionId,
    TimestampMs, UserId,
    account::{SecretHash, admit_registration, username_key},
    limits::SESSIONS_PER_USER_MAX,
    ports::{ErrorKind, PortError},
};

use super::core::{Changed, Core, Held};
use crate::{
    codec::{from_hex, hex},
    error::{corrupt, plain},
    item::{
        Attributes, Item, Key, REVISION, Write, bytes_of, data, number, number_of, sort_of, text, text_of,
    },
    keys,
    limits::EXPIRED_LIFE_MS,
    table::Range,
};

/// When somebody was last connected; moves apart from the rest of the account.
const SEEN: &str = "sn";
/// Uses that an invitation is still good for.
const USES: &str = "us";
/// Whose.
pub(super) const USER: &str = "u";
/// The hash that leads to an invitation.
const CODE: &str = "h";

impl Core {
    pub(crate) async fn account(&self, user: UserId) -> Result<Option<Account>, PortError> {
        self.table.get(&keys::account(user)).await?.as_ref().map(account_of).transpose()
    }

    pub(crate) async fn account_by_username(&self, username: &str) -> Result<Option<Account>, PortError> {
        let name = username_key(username);
        if name.is_empty() {
            return Ok(None);
        }
        let Some(item) = self.table.get(&keys::username(&name)).await? else { return Ok(None) };
        self.account(user_of(&item)?).await
    }

    pub(crate) async fn accounts(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Account>, PortError> {
        let (prefix, after) = (username_key(prefix), after.map(username_key));
        let firsts: Vec<char> = match prefix.chars().next() {
            Some(first) => vec![first],
            // None before the one where the page before ended.
            None => {
                let start = after.as_deref().and_then(|after| after.chars().next()).unwrap_or('0');
                ('0'..='9').chain('a'..='z').filter(|first| *first >= start).collect()
            }
        };
        let mut users = Vec::new();
        for first in firsts {
            let mut range = Range::prefix(keys::usernames(first), &prefix);
            if let Some(after) = &after {
                range = range.after(after);
            }
            for item in self.table.query(&range, limit - users.len()).await? {
                users.push(user_of(&item)?);
            }
            if users.len() >= limit {
                break;
            }
        }
        let found = self.table.get_many(users.iter().map(|user| keys::account(*user))).await?;
        users.iter().filter_map(|user| found.get(&keys::account(*user))).map(account_of).collect()
    }

    pub(crate) async fn has_accounts(&self) -> Result<bool, PortError> {
        Ok(self.table.get(&keys::first_account()).await?.is_some())
    }

    pub(super) async fn create_account(
        &self,
        mut account: Account,
        code: Option<SecretHash>,
        policy: RegistrationPolicy,
    ) -> Changed {
        let name = username_key(&account.username);
        let mut tries = 0;
        loop {
            if let Some(taken) = self.table.get(&keys::username(&name)).await? {
                if user_of(&taken)? != account.user {
                    return Err(Refusal::UsernameTaken.into());
                }
                let known = self.account(account.user).await?;
                let known = known.ok_or_else(|| corrupt("account", "its name is there without it"))?;
                return Ok(ChangeOutcome::Account(Box::new(known)));
            }
            let first = !self.has_accounts().await?;
            let invite = match &code {
                Some(hash) => self.invite_by_code(hash).await?,
                None => None,
            };
            let given = code.is_some();
            account.role = admit_registration(first, policy, given, invite.as_ref(), account.created_at)?;
            let own = hex(&account.user.to_bytes());
            let named = Item::new(keys::username(&name)).with(USER, text(&own));
            let held = Item::new(keys::account(account.user)).data(&account).with(REVISION, number(1));
            let mut writes = vec![named.put_new(), held.put_new()];
            if first {
                writes.push(Item::new(keys::first_account()).with(USER, text(&own)).put_new());
            }
            if let Some(invite) = invite.filter(|_| !first && policy == RegistrationPolicy::Invite) {
                let use_up = Write::update(
                    keys::invite_code(&invite.code_hash),
                    "ADD us :less",
                    [(":less", aws_sdk_dynamodb::types::AttributeValue::N("-1".to_owned()))],
                );
                writes.push(use_up.only_if("us > :none", [(":none", number(0))]));
            }
            if self.written(writes).await? {
                return Ok(ChangeOutcome::Account(Box::new(account)));
            }
            tries = self.again(tries).await?;
        }
    }

    /// Changes an account alone.
    pub(super) async fn change_account(&self, user: UserId, change: impl Fn(&mut Account)) -> Changed {
        let mut tries = 0;
        loop {
            let mut held = self.held_account(user).await?;
            let before = held.value.clone();
            change(&mut held.value);
            if held.value == before || self.table.write(held.set(keys::account(user))).await? {
                return Ok(ChangeOutcome::Done);
            }
            tries = self.again(tries).await?;
        }
    }

    /// Changes an account and ends sessions with it, in one write.
    pub(super) async fn change_account_and_end(
        &self,
        user: UserId,
        change: impl Fn(&mut Account),
        ends: impl Fn(&Session) -> bool,
    ) -> Changed {
        let mut tries = 0;
        loop {
            let mut account = self.held_account(user).await?;
            change(&mut account.value);
            let mut sessions = self.held_sessions(user).await?;
            let ended = take(&mut sessions.value, &ends);
            let mut writes = vec![account.set(keys::account(user))];
            if !ended.is_empty() {
                writes.push(sessions.put(keys::sessions(user)));
            }
            if self.written(writes).await? {
                return self.ended(ended).await;
            }
            tries = self.again(tries).await?;
        }
    }

    /// People were connected until then: forward only.
    pub(super) async fn seen(&self, seen: Vec<(UserId, TimestampMs)>) -> Changed {
        for (user, at) in seen {
            let forward = Write::update(keys::account(user), "SET sn = :at", [(":at", number(at))])
                .only_if("attribute_exists(pk) AND (attribute_not_exists(sn) OR sn < :at)", []);
            self.table.write(forward).await?;
        }
        Ok(ChangeOutcome::Done)
    }

    async fn held_account(&self, user: UserId) -> Result<Held<Account>, super::core::Stop> {
        let item = self.table.get(&keys::account(user)).await?;
        Ok(Held::of("account", item.as_ref())?.ok_or(Refusal::UserNotFound)?)
    }

    // ---- sessions ----

    pub(crate) async fn session_by_token(&self, hash: &SecretHash) -> Result<Option<Session>, PortError> {
        let Some(pointer) = self.table.get(&keys::token(hash)).await? else { return Ok(None) };
        let sessions = self.held_sessions(user_of(&pointer)?).await?.value;
        Ok(sessions.into_iter().find(|session| session.token_hash == *hash))
    }

    pub(crate) async fn sessions(&self, user: UserId) -> Result<Vec<Session>, PortError> {
        Ok(self.held_sessions(user).await?.value)
    }

    async fn held_sessions(&self, user: UserId) -> Result<Held<Vec<Session>>, PortError> {
        Held::or_default("sessions", self.table.get(&keys::sessions(user)).await?.as_ref())
    }

    pub(super) async fn create_session(&self, session: Session) -> Changed {
        let user = session.user;
        if self.account(user).await?.is_none() {
            return Err(Refusal::UserNotFound.into());
        }
        let mut tries = 0;
        loop {
            let mut held = self.held_sessions(user).await?;
            held.value.retain(|other| other.session != session.session);
            held.value.push(session.clone());
            held.value.sort_by_key(|session| (session.created_at, session.session));
            let too_many = held.value.len().saturating_sub(SESSIONS_PER_USER_MAX);
            let ended: Vec<Session> = held.value.drain(..too_many).collect();
            let pointer = Item::new(keys::token(&session.token_hash))
                .with(USER, text(&hex(&user.to_bytes())))
                .expires(session.expires_at.max(session.created_at) + EXPIRED_LIFE_MS);
            if self.written(vec![held.put(keys::sessions(user)), pointer.put()]).await? {
                return self.ended(ended).await;
            }
            tries = self.again(tries).await?;
        }
    }

    pub(super) async fn revoke_session(&self, user: UserId, session: SessionId) -> Changed {
        let mut tries = 0;
        loop {
            let mut held = self.held_sessions(user).await?;
            let ended = take(&mut held.value, |other| other.session == session);
            if ended.is_empty() {
                return Err(Refusal::SessionNotFound.into());
            }
            if self.table.write(held.put(keys::sessions(user))).await? {
                return self.ended(ended).await;
            }
            tries = self.again(tries).await?;
        }
    }

    /// Tidies up behind ended sessions: a token that leads to no session is worth nothing already.
    async fn ended(&self, ended: Vec<Session>) -> Changed {
        self.table
            .remove_many(ended.iter().map(|session| keys::token(&session.token_hash)).collect())
            .await?;
        let ids: Vec<SessionId> = ended.into_iter().map(|session| session.session).collect();
        Ok(if ids.is_empty() { ChangeOutcome::Done } else { ChangeOutcome::Ended(ids) })
    }

    // ---- invitations ----

    pub(crate) async fn invites(&self, limit: usize) -> Result<Vec<Invite>, PortError> {
        let listed = self.table.query(&Range::prefix(keys::INVITES, "").reversed(), limit).await?;
        let codes: Vec<Key> = listed.iter().map(code_of).collect::<Result<_, _>>()?;
        let found = self.table.get_many(codes.clone()).await?;
        codes.iter().filter_map(|code| found.get(code)).map(invite_of).collect()
    }

    async fn invite_by_code(&self, hash: &SecretHash) -> Result<Option<Invite>, PortError> {
        self.table.get(&keys::invite_code(hash)).await?.as_ref().map(invite_of).transpose()
    }

    pub(super) async fn create_invite(&self, invite: Invite) -> Changed {
        if self.written(invite_items(&invite).map(Item::put).to_vec()).await? {
            Ok(ChangeOutcome::Done)
        } else {
            Err(plain(ErrorKind::Conflict, "store.change (invitation)").into())
        }
    }

    pub(super) async fn revoke_invite(&self, invite: InviteId) -> Changed {
        let Some(item) = self.table.get(&keys::invite(invite)).await? else { return Ok(ChangeOutcome::Done) };
        let by_time = Key::new(keys::INVITES, text_of(&item, "at").unwrap_or_default());
        let gone = [code_of(&item)?, by_time, keys::invite(invite)].map(Write::delete).to_vec();
        if self.written(gone).await? {
            Ok(ChangeOutcome::Done)
        } else {
            Err(plain(ErrorKind::Conflict, "store.change (invitation)").into())
        }
    }
}

/// Whether a change is one of accounts, sessions and invitations is seen by what is left here.
pub(super) async fn change(core: &Core, change: Change) -> Changed {
    match change {
        Change::CreateAccount { account, invite, policy } => {
            core.create_account(account, invite, policy).await
        }
        Change::SetDisplayName { user, display_name } => {
            core.change_account(user, |account| account.display_name.clone_from(&display_name)).await
        }
        Change::SetPassword { user, password_hash, keep } => {
            let set = |account: &mut Account| account.password_hash.clone_from(&password_hash);
            core.change_account_and_end(user, set, |session| Some(session.session) != keep).await
        }
        Change::RenewPasswordHash { user, verified_hash, password_hash } => {
            let renew = |account: &mut Account| {
                if account.password_hash == verified_hash {
                    account.password_hash.clone_from(&password_hash);
                }
            };
            core.change_account(user, renew).await
        }
        Change::SetAccountRole { user, role } => {
            core.change_account(user, |account| account.role = role).await
        }
        Change::SetDisabled { user, at } => {
            core.change_account_and_end(user, |account| account.disabled_at = at, |_| at.is_some()).await
        }
        Change::CreateSession(session) => core.create_session(session).await,
        Change::RevokeSession { user, session } => core.revoke_session(user, session).await,
        Change::CreateInvite(invite) => core.create_invite(invite).await,
        Change::RevokeInvite(invite) => core.revoke_invite(invite).await,
        Change::Seen(seen) => core.seen(seen).await,
        _ => Err(plain(ErrorKind::Unsupported, "store.change").into()),
    }
}

/// An invitation, found by its code, its id and its time.
pub(super) fn invite_items(invite: &Invite) -> [Item; 3] {
    let end = invite.expires_at.max(invite.created_at) + EXPIRED_LIFE_MS;
    let code = crate::item::binary(invite.code_hash.to_vec());
    let by_time = keys::invite_by_time(invite.created_at, invite.invite);
    let truth = Item::new(keys::invite_code(&invite.code_hash)).data(invite);
    let by_id =
        Item::new(keys::invite(invite.invite)).with(CODE, code.clone()).with("at", text(&by_time.sort));
    [
        truth.with(USES, number(u64::from(invite.uses_left))).expires(end),
        by_id.expires(end),
        Item::new(by_time).with(CODE, code).expires(end),
    ]
}

fn take(sessions: &mut Vec<Session>, which: impl Fn(&Session) -> bool) -> Vec<Session> {
    let (gone, kept) = std::mem::take(sessions).into_iter().partition(|session| which(session));
    *sessions = kept;
    gone
}

fn account_of(item: &Attributes) -> Result<Account, PortError> {
    let mut account: Account = data("account", item)?;
    account.seen_at = account.seen_at.max(number_of(item, SEEN));
    Ok(account)
}

fn invite_of(item: &Attributes) -> Result<Invite, PortError> {
    let mut invite: Invite = data("invitation", item)?;
    let uses = number_of(item, USES).unwrap_or(0);
    invite.uses_left = u32::try_from(uses).unwrap_or(u32::MAX);
    Ok(invite)
}

fn user_of(item: &Attributes) -> Result<UserId, PortError> {
    from_hex("user", text_of(item, USER).unwrap_or_default()).map(UserId::from_u128)
}

fn code_of(item: &Attributes) -> Result<Key, PortError> {
    let hash = bytes_of(item, CODE).and_then(|bytes| SecretHash::try_from(bytes).ok());
    let hash = hash.ok_or_else(|| corrupt("invitation", &format_args!("{} has no code", sort_of(item))))?;
    Ok(keys::invite_code(&hash))
}

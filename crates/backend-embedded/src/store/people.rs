//! Reading accounts, invitations and failures.
//! Sessions and single accounts are read beside the code that changes them.

use chat::{
    Account, Announcement, Invite, UserId,
    account::{SecretHash, username_key},
};

use crate::{
    apply,
    codec::decode,
    core::Core,
    error::Fault,
    keys::{self, Keyspace},
    limits::FAILURE_LIFE_MS,
};

impl Core {
    pub(crate) fn account_by_username(&self, username: &str) -> Result<Option<Account>, Fault> {
        let name = username_key(username);
        if name.len() > keys::TEXT_BYTES_MAX {
            return Ok(None);
        }
        match self.engine.get(&keys::username(&name))? {
            Some(bytes) => apply::account(self, UserId::from_bytes(keys::id(&bytes, 0))),
            None => Ok(None),
        }
    }

    pub(crate) fn accounts(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Account>, Fault> {
        let prefix = username_key(prefix);
        let after = after.map(username_key);
        let is_too_long = |name: &String| name.len() > keys::TEXT_BYTES_MAX;
        if is_too_long(&prefix) || after.as_ref().is_some_and(is_too_long) {
            return Ok(Vec::new());
        }
        let beginning = keys::username(&prefix);
        // After a name comes the first key that is longer or greater.
        let first: Vec<u8> = match &after {
            Some(after) if *after >= prefix => [&keys::username(after)[..], &[0]].concat(),
            _ => beginning.to_vec(),
        };
        let mut accounts = Vec::new();
        for pair in self.engine.range(first..) {
            let (key, user) = pair?;
            if accounts.len() >= limit || !key.starts_with(&beginning) {
                break;
            }
            accounts.extend(apply::account(self, UserId::from_bytes(keys::id(&user, 0)))?);
        }
        Ok(accounts)
    }

    pub(crate) fn has_accounts(&self) -> Result<bool, Fault> {
        let first = self.engine.prefix(&keys::Key::new(Keyspace::Account)).next();
        Ok(first.transpose()?.is_some())
    }

    pub(crate) fn invites(&self, limit: usize) -> Result<Vec<Invite>, Fault> {
        let by_age = self.engine.prefix(&keys::Key::new(Keyspace::InviteByAge)).rev().take(limit);
        let mut invites = Vec::new();
        for pair in by_age {
            let code: SecretHash = decode("invite index", &pair?.1)?;
            if let Some(bytes) = self.engine.get(&keys::invite(&code))? {
                invites.push(decode("invite", &bytes)?);
            }
        }
        Ok(invites)
    }

    pub(crate) fn failures(&self, user: UserId) -> Result<Vec<Announcement>, Fault> {
        let oldest = self.now_ms().saturating_sub(FAILURE_LIFE_MS);
        let mut failures = Vec::new();
        for pair in self.engine.prefix(&keys::failures(user)) {
            let (at, failure): (u64, Announcement) = decode("failure", &pair?.1)?;
            if at >= oldest {
                failures.push(failure);
            }
        }
        Ok(failures)
    }
}

//! People and their logins: accounts, sessions, invitations, and the rules for registering.
//! Never holds a secret in clear: passwords arrive as Argon2id strings, tokens and invite codes as SHA-256 (D7).

use serde::{Deserialize, Serialize};

use crate::{
    ids::{InviteId, SessionId, TimestampMs, UserId},
    limits::{
        DISPLAY_NAME_CHARS_MAX, PASSWORD_BYTES_MAX, PASSWORD_CHARS_MIN, USERNAME_CHARS_MAX,
        USERNAME_CHARS_MIN,
    },
    refusal::Refusal,
};

/// SHA-256 of a token or code of at least 128 random bits.
pub type SecretHash = [u8; 32];

/// One account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Who.
    pub user: UserId,
    /// Login name, as the person wrote it; unique without regard to case.
    pub username: String,
    /// The name others see.
    pub display_name: String,
    /// Argon2id in PHC string format.
    pub password_hash: String,
    /// Role on this server.
    pub role: AccountRole,
    /// When it was made.
    pub created_at: TimestampMs,
    /// Since when it is disabled.
    pub disabled_at: Option<TimestampMs>,
    /// When the person was last connected.
    pub seen_at: Option<TimestampMs>,
}

/// What an account may do on the server as a whole. Ordered: a later role may do all an earlier one may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum AccountRole {
    /// Chats, and invites others where the policy allows it.
    Member,
    /// Also manages members and dead letters.
    Admin,
    /// Also manages admins. The first account is one.
    Owner,
}

/// Who may register, once there is an owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RegistrationPolicy {
    /// Anybody who reaches the server.
    Open,
    /// Who holds an invitation.
    Invite,
    /// Nobody.
    Closed,
}

/// One login.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Which.
    pub session: SessionId,
    /// Whose.
    pub user: UserId,
    /// Hash of its token; the key it is found by.
    pub token_hash: SecretHash,
    /// What the client called itself, cut to 200 characters.
    pub agent: String,
    /// When it began.
    pub created_at: TimestampMs,
    /// When it ends by itself.
    pub expires_at: TimestampMs,
}

/// An invitation to register.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invite {
    /// Which.
    pub invite: InviteId,
    /// Hash of its code; the key it is found by.
    pub code_hash: SecretHash,
    /// Who made it.
    pub created_by: UserId,
    /// When it was made.
    pub created_at: TimestampMs,
    /// When it ends.
    pub expires_at: TimestampMs,
    /// Registrations it is still good for.
    pub uses_left: u32,
}

/// Whether a registration may go on, and with which role. `first` means that there is no account yet: that person
/// becomes the owner whatever the policy says.
///
/// # Errors
/// `RegistrationClosed`, `InviteNeeded` or `InviteInvalid`.
pub fn admit_registration(
    first: bool,
    policy: RegistrationPolicy,
    code_given: bool,
    invite: Option<&Invite>,
    now_ms: TimestampMs,
) -> Result<AccountRole, Refusal> {
    if first {
        return Ok(AccountRole::Owner);
    }
    let valid = invite.is_some_and(|invite| invite.uses_left > 0 && invite.expires_at > now_ms);
    match policy {
        RegistrationPolicy::Open => Ok(AccountRole::Member),
        RegistrationPolicy::Invite if valid => Ok(AccountRole::Member),
        RegistrationPolicy::Invite if code_given => Err(Refusal::InviteInvalid),
        RegistrationPolicy::Invite => Err(Refusal::InviteNeeded),
        RegistrationPolicy::Closed => Err(Refusal::RegistrationClosed),
    }
}

/// The form in which usernames are compared and looked up.
#[must_use]
pub fn username_key(username: &str) -> String {
    username.to_ascii_lowercase()
}

/// Letters and digits of ASCII, `.`, `-` and `_`, so that no two names look alike.
///
/// # Errors
/// `BadUsername`.
pub fn check_username(username: &str) -> Result<(), Refusal> {
    let length_fits = (USERNAME_CHARS_MIN..=USERNAME_CHARS_MAX).contains(&username.len());
    let starts_well = username.starts_with(|c: char| c.is_ascii_alphanumeric());
    let all_allowed = username.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'));
    if length_fits && starts_well && all_allowed { Ok(()) } else { Err(Refusal::BadUsername) }
}

/// # Errors
/// `BadDisplayName`.
pub fn check_display_name(name: &str) -> Result<(), Refusal> {
    let fits = (1..=DISPLAY_NAME_CHARS_MAX).contains(&name.chars().count());
    if fits && !name.trim().is_empty() && !name.chars().any(char::is_control) {
        Ok(())
    } else {
        Err(Refusal::BadDisplayName)
    }
}

/// # Errors
/// `BadPassword`.
pub fn check_password(password: &str) -> Result<(), Refusal> {
    if password.chars().count() >= PASSWORD_CHARS_MIN && password.len() <= PASSWORD_BYTES_MAX {
        Ok(())
    } else {
        Err(Refusal::BadPassword)
    }
}

/// Whether `actor` may change the account of somebody with role `other` to role `after`.
#[must_use]
pub fn may_change_account(actor: AccountRole, other: AccountRole, after: AccountRole) -> bool {
    match actor {
        AccountRole::Owner => true,
        AccountRole::Admin => other == AccountRole::Member && after == AccountRole::Member,
        AccountRole::Member => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_account_owns_the_server_whatever_the_policy() {
        for policy in [RegistrationPolicy::Open, RegistrationPolicy::Invite, RegistrationPolicy::Closed] {
            assert_eq!(admit_registration(true, policy, false, None, 0), Ok(AccountRole::Owner));
        }
    }

    #[test]
    fn registration_follows_the_policy() {
        let invite = |uses_left, expires_at| Invite {
            invite: InviteId::from_u128(1),
            code_hash: [0; 32],
            created_by: UserId::from_u128(1),
            created_at: 0,
            expires_at,
            uses_left,
        };
        let admit =
            |policy, given, invite: Option<&Invite>| admit_registration(false, policy, given, invite, 100);
        assert_eq!(admit(RegistrationPolicy::Open, false, None), Ok(AccountRole::Member));
        assert_eq!(admit(RegistrationPolicy::Invite, false, None), Err(Refusal::InviteNeeded));
        assert_eq!(admit(RegistrationPolicy::Invite, true, None), Err(Refusal::InviteInvalid));
        let (good, late, used) = (invite(1, 101), invite(1, 100), invite(0, 101));
        assert_eq!(admit(RegistrationPolicy::Invite, true, Some(&good)), Ok(AccountRole::Member));
        assert_eq!(admit(RegistrationPolicy::Invite, true, Some(&late)), Err(Refusal::InviteInvalid));
        assert_eq!(admit(RegistrationPolicy::Invite, true, Some(&used)), Err(Refusal::InviteInvalid));
        assert_eq!(admit(RegistrationPolicy::Closed, true, Some(&good)), Err(Refusal::RegistrationClosed));
    }

    #[test]
    fn usernames_are_plain_and_compared_without_case() {
        for good in ["al", "Bob-7", "x.y_z", "0day", &"a".repeat(32)] {
            assert_eq!(check_username(good), Ok(()), "{good}");
        }
        for bad in ["", "a", ".a", "a b", "ä", "a/b", &"a".repeat(33)] {
            assert_eq!(check_username(bad), Err(Refusal::BadUsername), "{bad}");
        }
        assert_eq!(username_key("BoB"), "bob");
    }

    #[test]
    fn admins_manage_members_and_owners_everybody() {
        use AccountRole::{Admin, Member, Owner};
        for (actor, other, after, want) in [
            (Owner, Owner, Member, true),
            (Owner, Member, Owner, true),
            (Admin, Member, Member, true),
            (Admin, Member, Admin, false),
            (Admin, Admin, Member, false),
            (Admin, Owner, Owner, false),
            (Member, Member, Member, false),
        ] {
            assert_eq!(may_change_account(actor, other, after), want, "{actor:?} {other:?} {after:?}");
        }
    }
}

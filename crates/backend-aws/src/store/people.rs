//! What people say of themselves, how they want the app to be, and what they could not send.
//! Invariant: a profile is only there for who has an account.

use chat::{
    Announcement, Change, ChangeOutcome, ConversationId, ConversationPreferences, Kept, Preferences, Profile,
    Refusal, UserId,
    ports::{ErrorKind, PortError},
};

use super::core::{Changed, Core};
use crate::{
    codec::from_hex,
    error::plain,
    item::{Attributes, Item, data, is_expired, number, number_of, sort_of},
    keys,
    limits::{FAILURE_LIFE_MS, FAILURES_PER_USER_MAX, FAILURES_READ_MAX},
    table::Range,
};

/// When a failure was kept first.
pub(super) const KEPT_AT: &str = "ka";

impl Core {
    pub(crate) async fn profiles(&self, users: &[UserId]) -> Result<Vec<Profile>, PortError> {
        let found = self.table.get_many(users.iter().map(|user| keys::profile(*user))).await?;
        let profile = |user: &UserId| match found.get(&keys::profile(*user)) {
            Some(item) => data("profile", item),
            None => Ok(Profile::default()),
        };
        users.iter().map(profile).collect()
    }

    pub(crate) async fn preferences(&self, user: UserId) -> Result<Preferences, PortError> {
        let item = self.table.get(&keys::preferences(user)).await?;
        item.as_ref().map_or(Ok(Preferences::default()), |item| data("preferences", item))
    }

    async fn set_profile(&self, user: UserId, change: impl Fn(&mut Profile)) -> Changed {
        self.require_account(user).await?;
        let profile = self.modify("profile", keys::profile(user), change).await?;
        Ok(ChangeOutcome::Profile(Box::new(profile)))
    }

    async fn require_account(&self, user: UserId) -> Result<(), super::core::Stop> {
        self.account(user).await?.map(drop).ok_or_else(|| Refusal::UserNotFound.into())
    }

    // ---- failures ----

    pub(crate) async fn failures(&self, user: UserId) -> Result<Vec<Announcement>, PortError> {
        let range = Range::prefix(keys::person(user), keys::FAILURES);
        let mut items = self.table.query(&range, FAILURES_READ_MAX).await?;
        let now_ms = self.now_ms();
        items.retain(|item| !is_expired(item, now_ms));
        items.sort_by_key(|item| number_of(item, KEPT_AT));
        let first = items.len().saturating_sub(FAILURES_PER_USER_MAX);
        items[first..].iter().map(|item: &Attributes| data("failure", item)).collect()
    }

    /// Everything somebody keeps that no list tells: failures with their times, and how conversations are wanted.
    pub(crate) async fn kept(&self, user: UserId) -> Result<Kept, PortError> {
        let failures = Range::prefix(keys::person(user), keys::FAILURES);
        let mut items = self.table.query(&failures, FAILURES_READ_MAX).await?;
        let now_ms = self.now_ms();
        items.retain(|item| !is_expired(item, now_ms));
        items.sort_by_key(|item| number_of(item, KEPT_AT));
        let first = items.len().saturating_sub(FAILURES_PER_USER_MAX);
        let mut kept = Kept::default();
        for item in &items[first..] {
            kept.failures.push((number_of(item, KEPT_AT).unwrap_or(0), data("failure", item)?));
        }
        let preferred = Range::prefix(keys::person(user), keys::PREFERRED);
        for item in self.table.query(&preferred, usize::MAX).await? {
            let id = sort_of(&item).strip_prefix(keys::PREFERRED).unwrap_or_default();
            let id = ConversationId::from_u128(from_hex("preferences", id)?);
            kept.conversations.push((id, data("preferences", &item)?));
        }
        Ok(kept)
    }

    pub(crate) async fn record_failures(&self, failures: Vec<Announcement>) -> Result<(), PortError> {
        let now_ms = self.now_ms();
        for failure in failures {
            let Announcement::Failed { user, conversation, command_id, refusal } = &failure else { continue };
            let key = keys::failure(*user, *conversation, *command_id, &format!("{refusal:?}"));
            // Kept once: a failure told again keeps the place it has.
            let kept = Item::new(key).data(&failure).with(KEPT_AT, number(now_ms));
            self.table.write(kept.expires(now_ms + FAILURE_LIFE_MS).put_new()).await?;
        }
        Ok(())
    }
}

/// A change of a profile or of preferences.
pub(super) async fn change(core: &Core, change: Change) -> Changed {
    match change {
        Change::SetStatus { user, emoji, text } => {
            let set = |profile: &mut Profile| {
                profile.status_emoji.clone_from(&emoji);
                profile.status_text.clone_from(&text);
            };
            core.set_profile(user, set).await
        }
        Change::SetAvatar { user, avatar } => core.set_profile(user, |profile| profile.avatar = avatar).await,
        Change::SetPreferences { user, patch } => {
            core.require_account(user).await?;
            let set = |now: &mut Preferences| *now = now.clone().patched(&patch);
            let now = core.modify("preferences", keys::preferences(user), set).await?;
            Ok(ChangeOutcome::Preferences(Box::new(now)))
        }
        Change::SetConversationPreferences { user, conversation, patch } => {
            let set = |now: &mut ConversationPreferences| *now = now.patched(patch);
            let key = keys::conversation_preferences(user, conversation);
            let now = core.modify("preferences", key, set).await?;
            Ok(ChangeOutcome::ConversationPreferences(now))
        }
        _ => Err(plain(ErrorKind::Unsupported, "store.change").into()),
    }
}

/// How a reader wants conversations to be, from items that were read.
pub(super) fn preferences_of(
    found: &std::collections::HashMap<crate::item::Key, Attributes>,
    user: UserId,
    conversation: ConversationId,
) -> Result<ConversationPreferences, PortError> {
    let item = found.get(&keys::conversation_preferences(user, conversation));
    item.map_or(Ok(ConversationPreferences::default()), |item| data("preferences", item))
}

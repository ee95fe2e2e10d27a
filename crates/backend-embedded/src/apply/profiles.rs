//! What people say of themselves, and how they want the app to be.
//! A change says what changes, so that two devices that change two things at once both have their way.

use chat::{
    ChangeOutcome, ConversationId, ConversationPreferences, Preferences, Profile, Refusal, UserId,
    profile::{ConversationPreferencesPatch, PreferencesPatch},
};
use serde::de::DeserializeOwned;

use crate::{
    codec::{self, decode},
    core::Core,
    engine::Writer,
    error::Fault,
    keys::{self, Key},
};

pub(crate) fn set_profile(
    core: &Core,
    writer: &Writer<'_>,
    user: UserId,
    change: impl FnOnce(&mut Profile),
) -> Result<ChangeOutcome, Fault> {
    if !core.engine.contains(&keys::account(user))? {
        return Ok(ChangeOutcome::Refused(Refusal::UserNotFound));
    }
    let mut profile = core.profile(user)?;
    change(&mut profile);
    writer.put(&keys::profile(user), codec::encode(&profile));
    Ok(ChangeOutcome::Profile(Box::new(profile)))
}

pub(crate) fn set_preferences(
    core: &Core,
    writer: &Writer<'_>,
    user: UserId,
    patch: &PreferencesPatch,
) -> Result<ChangeOutcome, Fault> {
    if !core.engine.contains(&keys::account(user))? {
        return Ok(ChangeOutcome::Refused(Refusal::UserNotFound));
    }
    let preferences = core.preferences(user)?.patched(patch);
    writer.put(&keys::preferences(user), codec::encode(&preferences));
    Ok(ChangeOutcome::Preferences(Box::new(preferences)))
}

pub(crate) fn set_conversation_preferences(
    core: &Core,
    writer: &Writer<'_>,
    (user, conversation): (UserId, ConversationId),
    patch: ConversationPreferencesPatch,
) -> Result<ChangeOutcome, Fault> {
    let preferences = core.conversation_preferences(user, conversation)?.patched(patch);
    writer.put(&keys::conversation_preferences(user, conversation), codec::encode(&preferences));
    Ok(ChangeOutcome::ConversationPreferences(preferences))
}

impl Core {
    pub(crate) fn profile(&self, user: UserId) -> Result<Profile, Fault> {
        self.or_default("profile", &keys::profile(user))
    }

    pub(crate) fn preferences(&self, user: UserId) -> Result<Preferences, Fault> {
        self.or_default("preferences", &keys::preferences(user))
    }

    pub(crate) fn conversation_preferences(
        &self,
        user: UserId,
        conversation: ConversationId,
    ) -> Result<ConversationPreferences, Fault> {
        self.or_default("preferences", &keys::conversation_preferences(user, conversation))
    }

    fn or_default<T: DeserializeOwned + Default>(&self, what: &'static str, key: &Key) -> Result<T, Fault> {
        let bytes = self.engine.get(key)?;
        bytes.map_or_else(|| Ok(T::default()), |bytes| decode(what, &bytes))
    }
}

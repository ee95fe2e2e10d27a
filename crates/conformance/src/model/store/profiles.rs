//! What people say of themselves and how they want the app to be.
//! Invariant: a profile is only there for who has an account.

use chat::{
    ChangeOutcome, Profile, Refusal, UserId,
    profile::{ConversationPreferencesPatch, PreferencesPatch},
};

use super::state::State;

type Outcome = Result<ChangeOutcome, Refusal>;

pub(super) fn set_profile(state: &mut State, user: UserId, change: impl FnOnce(&mut Profile)) -> Outcome {
    require(state, user)?;
    let profile = state.profiles.entry(user).or_default();
    change(profile);
    Ok(ChangeOutcome::Profile(Box::new(profile.clone())))
}

pub(super) fn set_preferences(state: &mut State, user: UserId, patch: &PreferencesPatch) -> Outcome {
    require(state, user)?;
    let now = state.preferences.remove(&user).unwrap_or_default().patched(patch);
    state.preferences.insert(user, now.clone());
    Ok(ChangeOutcome::Preferences(Box::new(now)))
}

pub(super) fn set_conversation_preferences(
    state: &mut State,
    user: UserId,
    conversation: chat::ConversationId,
    patch: ConversationPreferencesPatch,
) -> Outcome {
    let key = (user, conversation);
    let now = state.conversation_preferences.get(&key).copied().unwrap_or_default().patched(patch);
    state.conversation_preferences.insert(key, now);
    Ok(ChangeOutcome::ConversationPreferences(now))
}

fn require(state: &State, user: UserId) -> Result<(), Refusal> {
    if state.accounts.contains_key(&user) { Ok(()) } else { Err(Refusal::UserNotFound) }
}

//! How somebody wants the app to be, on all devices: in general, and in single conversations.
//! One's other devices are told that something changed, and fetch it.

use std::sync::Arc;

use axum::extract::State;
use chat::{Announcement, Change, ChangeOutcome, ConversationId, UserId, profile::check_preferences};
use protocol::{
    Code,
    http::preferences::{
        ConversationPreferencesBody, ConversationPreferencesChange, PreferencesBody, PreferencesChange,
    },
};

use crate::{
    App, Problem,
    auth::Person,
    endpoint::{Access, Endpoint, get, patch},
    extract::{Json, Member},
};

pub(super) fn endpoints() -> Vec<Endpoint> {
    const TAG: &str = "preferences";
    vec![
        get("/v1/account/preferences", show)
            .is(TAG, "getPreferences", "How one wants the app to be.")
            .answers::<PreferencesBody>(200, "The preferences."),
        patch("/v1/account/preferences", change)
            .is(TAG, "changePreferences", "Change some of them; one's other devices are told.")
            .body::<PreferencesChange>()
            .answers::<PreferencesBody>(200, "The preferences as they are now.")
            .refuses(&[Code::BadLocale]),
        patch("/v1/conversations/{conversation}/preferences", change_in)
            .is(TAG, "changeConversationPreferences", "Pin, mute, or choose what to be notified of.")
            .access(Access::Member)
            .body::<ConversationPreferencesChange>()
            .answers::<ConversationPreferencesBody>(200, "The preferences as they are now."),
    ]
}

async fn show(State(app): State<Arc<App>>, person: Person) -> Result<axum::Json<PreferencesBody>, Problem> {
    Ok(axum::Json(app.store.preferences(person.user()).await?.into()))
}

async fn change(
    State(app): State<Arc<App>>,
    person: Person,
    Json(change): Json<PreferencesChange>,
) -> Result<axum::Json<PreferencesBody>, Problem> {
    let (user, patch) = (person.user(), change.into_patch());
    check_preferences(&patch)?;
    let outcome = app.change(Change::SetPreferences { user, patch }).await?;
    let ChangeOutcome::Preferences(preferences) = outcome else {
        return Err(Problem::internal("changePreferences", &"the store has no preferences"));
    };
    tell(&app, user, None).await;
    Ok(axum::Json((*preferences).into()))
}

async fn change_in(
    State(app): State<Arc<App>>,
    member: Member,
    Json(change): Json<ConversationPreferencesChange>,
) -> Result<axum::Json<ConversationPreferencesBody>, Problem> {
    let (user, conversation) = (member.user(), member.conversation);
    let change = Change::SetConversationPreferences { user, conversation, patch: change.into_patch() };
    let ChangeOutcome::ConversationPreferences(preferences) = app.change(change).await? else {
        return Err(Problem::internal("changeConversationPreferences", &"the store has no preferences"));
    };
    tell(&app, user, Some(conversation)).await;
    Ok(axum::Json(preferences.into()))
}

async fn tell(app: &App, user: UserId, conversation: Option<ConversationId>) {
    app.announce(Announcement::Preferences { user, conversation }).await;
}

//! Profiles, preferences, and the list of all conversations, as `Store` and `Change` promise them.
//! A change says what changes; what it does not name stays.

use chat::{
    AvatarId, Change, ChangeOutcome, ConversationKind, ConversationPreferences, Preferences, Profile,
    Refusal, UserId,
    profile::{ConversationPreferencesPatch, Notify, PreferencesPatch, Theme},
};

use super::world::World;
use crate::harness::Harness;

/// What was set is there, in the order asked; who set nothing, or is nobody, has an empty profile.
pub async fn a_profile_is_what_its_person_made_it(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let [alice, bob] = world.users(["alice", "bob"]).await;
    let (emoji, text) = (Some("🌴".to_owned()), Some("away".to_owned()));
    let status = Change::SetStatus { user: alice, emoji: emoji.clone(), text: text.clone() };
    world.change(status).await;
    let avatar = Some(AvatarId::from_u128(7));
    let outcome = world.change(Change::SetAvatar { user: alice, avatar }).await;
    let hers = Profile { status_emoji: emoji, status_text: text, avatar };
    assert_eq!(outcome, ChangeOutcome::Profile(Box::new(hers.clone())));
    let nobody = UserId::from_u128(404);
    let profiles = world.store().profiles(&[bob, alice, nobody]).await.expect("profiles");
    assert_eq!(profiles, [Profile::default(), hers, Profile::default()]);
    let cleared = world.change(Change::SetStatus { user: alice, emoji: None, text: None }).await;
    let left = Profile { avatar, ..Profile::default() };
    assert_eq!(cleared, ChangeOutcome::Profile(Box::new(left)));
    let refused = world.change(Change::SetAvatar { user: nobody, avatar: None }).await;
    assert_eq!(refused, ChangeOutcome::Refused(Refusal::UserNotFound));
}

/// What a change does not name stays; what it takes away is as it was at first.
pub async fn preferences_change_one_by_one(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let [alice, bob] = world.users(["alice", "bob"]).await;
    let dark = PreferencesPatch { theme: Some(Theme::Dark), ..PreferencesPatch::default() };
    let quiet = PreferencesPatch {
        do_not_disturb_until: Some(Some(99)),
        locale: Some(Some("ja".to_owned())),
        ..PreferencesPatch::default()
    };
    let noisy = PreferencesPatch { do_not_disturb_until: Some(None), ..PreferencesPatch::default() };
    for patch in [dark, quiet, noisy] {
        world.change(Change::SetPreferences { user: alice, patch }).await;
    }
    let wanted = Preferences { theme: Theme::Dark, locale: Some("ja".to_owned()), ..Preferences::default() };
    assert_eq!(world.store().preferences(alice).await.expect("preferences"), wanted);
    assert_eq!(world.store().preferences(bob).await.expect("preferences"), Preferences::default());
}

/// They stand in the reader's entry and in nobody else's.
pub async fn preferences_of_a_conversation_are_each_readers_own(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let [alice, bob] = world.users(["alice", "bob"]).await;
    let group = world.group(alice, &[bob]).await;
    let other = world.group(alice, &[bob]).await;
    let change = |patch| Change::SetConversationPreferences { user: alice, conversation: group, patch };
    let patch = ConversationPreferencesPatch {
        notify: Some(Some(Notify::None)),
        is_pinned: Some(true),
        is_muted: None,
    };
    world.change(change(patch)).await;
    let patch =
        ConversationPreferencesPatch { notify: Some(None), is_muted: Some(true), ..Default::default() };
    let outcome = world.change(change(patch)).await;
    let wanted = ConversationPreferences { notify: None, is_pinned: true, is_muted: true };
    assert_eq!(outcome, ChangeOutcome::ConversationPreferences(wanted));
    assert_eq!(world.entry(alice, group).await.preferences, wanted);
    assert_eq!(world.entry(alice, other).await.preferences, ConversationPreferences::default());
    assert_eq!(world.entry(bob, group).await.preferences, ConversationPreferences::default());
}

/// Of every kind, each once, whoever is in them.
pub async fn all_conversations_are_paged_by_id(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let [alice, bob] = world.users(["alice", "bob"]).await;
    let mut wanted = vec![
        world.group(alice, &[]).await,
        world.conversation(ConversationKind::Direct, alice, &[bob]).await,
        world.conversation(ConversationKind::Channel, bob, &[]).await,
    ];
    wanted.sort_unstable();
    let mut found = Vec::new();
    while let page = world.store().conversations(found.last().copied(), 2).await.expect("conversations")
        && !page.is_empty()
    {
        assert!(page.len() <= 2 && page.iter().all(|(_, meta)| meta.head == 1));
        found.extend(page.into_iter().map(|(id, _)| id));
    }
    assert_eq!(found, wanted);
}

//! Files, profiles and preferences are a function of the journal as everything else is (D8).
//! What commands do to uploads and what changes do to them meet in the removal alone.

use chat::{
    Attachment, AttachmentId, AvatarId, Change, Command, CommandId, ConversationKind, Envelope, Upload,
    attachment::Claim,
    profile::{ConversationPreferencesPatch, PreferencesPatch},
};

use crate::{
    basics::account,
    support::{World, dump, envelope, open, small, user},
};

fn file(id: u128) -> Attachment {
    Attachment {
        attachment: AttachmentId::from_u128(id),
        name: format!("{id}.txt"),
        size_bytes: 10,
        content_type: "text/plain".to_owned(),
        dimensions: None,
        has_thumbnail: false,
    }
}

async fn add(world: &World, id: u128) {
    let upload = Upload { file: file(id), owner: user(1), at: 1, checksum: [1; 32], claim: None };
    world.store.change(Change::AddUpload(upload)).await.unwrap();
}

/// Claims a file for a message and makes the message.
async fn send(world: &World, room: chat::ConversationId, command: u128, id: u128) -> Envelope {
    let claim = Claim { conversation: room, command: CommandId::from_u128(command), at: 2 };
    let attachments = vec![AttachmentId::from_u128(id)];
    world.store.change(Change::ClaimUploads { user: user(1), claim, attachments }).await.unwrap();
    let attachments = vec![file(id)];
    let command_of = Command::Send { body: String::new(), reply_to: None, mentions: vec![], attachments };
    envelope(room, user(1), command, command_of)
}

#[tokio::test]
async fn d8_files_and_preferences_are_rebuilt_byte_for_byte() {
    let folder = tempfile::tempdir().unwrap();
    let world = open(small(folder.path()));
    world.store.change(account(1, "Ada")).await.unwrap();
    let room = world.create(9, ConversationKind::Group, user(1), &[user(2)]).await;
    for id in 100..130 {
        add(&world, id).await;
    }
    let mut messages = Vec::new();
    for number in 0..20 {
        messages.push(send(&world, room, 10 + number, 100 + number).await);
    }
    world.send(messages).await;
    world.persist_all().await;
    // Event 1 began the room, so the first message is 2.
    world
        .send(
            (2..12)
                .map(|seq| envelope(room, user(1), 50 + u128::from(seq), Command::Delete { target: seq }))
                .collect(),
        )
        .await;
    world.persist_all().await;
    let removed = (100..105).chain([125]).map(AttachmentId::from_u128).collect();
    world.store.change(Change::RemoveUploads(removed)).await.unwrap();
    let patch = PreferencesPatch { sound: Some(false), ..PreferencesPatch::default() };
    world.store.change(Change::SetPreferences { user: user(1), patch }).await.unwrap();
    let patch = ConversationPreferencesPatch { is_pinned: Some(true), ..Default::default() };
    let change = Change::SetConversationPreferences { user: user(1), conversation: room, patch };
    world.store.change(change).await.unwrap();
    let avatar = Some(AvatarId::from_u128(3));
    world.store.change(Change::SetAvatar { user: user(1), avatar }).await.unwrap();
    assert_eq!(world.store.loose_uploads(None, 100).await.unwrap().len(), 5 + 9, "erased and unsent ones");

    let config = world.config.clone();
    drop(world);
    let before = dump(&config);
    std::fs::remove_dir_all(config.data.join("store")).unwrap();
    let world = open(config.clone());
    assert!(world.persist_all().await.is_empty());
    drop(world);
    assert_eq!(dump(&config), before);
}

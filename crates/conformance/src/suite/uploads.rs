//! Uploads, as `Store` and `Change` promise them: one owner, one command, one message.
//! Nothing here has bytes: those lie elsewhere, under the id.

use chat::{
    Attachment, AttachmentId, AvatarId, Change, ChangeOutcome, Command, CommandId, ConversationId, Refusal,
    Upload, UserId,
    attachment::{Claim, Shown},
    limits::UPLOADS_UNSENT_MAX,
    ports::UploadEntry,
};

use super::world::World;
use crate::harness::Harness;

fn upload(world: &World, owner: UserId) -> Upload {
    let file = Attachment {
        attachment: AttachmentId::new(world.now_ms(), &world.random()),
        name: "wave.png".to_owned(),
        size_bytes: 70_000,
        content_type: "image/png".to_owned(),
        dimensions: Some((640, 480)),
        has_thumbnail: true,
    };
    Upload { file, owner, at: world.now_ms(), checksum: [7; 32], claim: None }
}

async fn added(world: &World, owner: UserId) -> Upload {
    let upload = upload(world, owner);
    assert_eq!(world.change(Change::AddUpload(upload.clone())).await, ChangeOutcome::Done);
    upload
}

async fn entry(world: &World, upload: &Upload) -> Option<UploadEntry> {
    world.store().upload(upload.file.attachment).await.expect("upload")
}

async fn loose(world: &World) -> Vec<AttachmentId> {
    let entries = world.store().loose_uploads(None, 500).await.expect("loose uploads");
    entries.into_iter().map(|entry| entry.upload.file.attachment).collect()
}

async fn claim(
    world: &World,
    user: UserId,
    (conversation, command): (ConversationId, CommandId),
    uploads: &[&Upload],
) -> ChangeOutcome {
    let claim = Claim { conversation, command, at: world.now_ms() };
    let attachments = uploads.iter().map(|upload| upload.file.attachment).collect();
    world.change(Change::ClaimUploads { user, claim, attachments }).await
}

/// Added, and added again, it is there once, as it was.
pub async fn an_upload_is_kept_as_it_was_added(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let [alice] = world.users(["alice"]).await;
    let one = added(&world, alice).await;
    world.change(Change::AddUpload(one.clone())).await;
    assert_eq!(entry(&world, &one).await, Some(UploadEntry { upload: one.clone(), shown: None }));
    assert_eq!(loose(&world).await, [one.file.attachment]);
    assert_eq!(entry(&world, &upload(&world, alice)).await, None);
    world.change(Change::RemoveUploads(vec![one.file.attachment])).await;
    assert_eq!((entry(&world, &one).await, loose(&world).await), (None, vec![]));
}

/// Above the bound uploading is refused, until something is sent or removed (D6).
pub async fn unsent_uploads_are_bounded(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let [alice, bob] = world.users(["alice", "bob"]).await;
    let first = added(&world, alice).await;
    let second = added(&world, alice).await;
    for _ in 2..UPLOADS_UNSENT_MAX {
        added(&world, alice).await;
    }
    let refused = ChangeOutcome::Refused(Refusal::TooManyUploads);
    assert_eq!(world.change(Change::AddUpload(upload(&world, alice))).await, refused);
    added(&world, bob).await;
    let command = (ConversationId::from_u128(1), world.command_id());
    claim(&world, alice, command, &[&first]).await;
    added(&world, alice).await;
    assert_eq!(world.change(Change::AddUpload(upload(&world, alice))).await, refused);
    world.change(Change::RemoveUploads(vec![second.file.attachment])).await;
    added(&world, alice).await;
}

/// The first command that names it has it for good (D2); only its owner's can, and all or none of several.
pub async fn an_upload_is_claimed_by_one_command(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let [alice, bob] = world.users(["alice", "bob"]).await;
    let (one, two) = (added(&world, alice).await, added(&world, alice).await);
    let refused = ChangeOutcome::Refused(Refusal::AttachmentNotFound);
    let first = (ConversationId::from_u128(1), world.command_id());
    assert_eq!(claim(&world, bob, first, &[&one]).await, refused);
    let claimed = ChangeOutcome::Claimed(vec![one.file.clone()]);
    assert_eq!(claim(&world, alice, first, &[&one]).await, claimed);
    assert_eq!(claim(&world, alice, first, &[&one]).await, claimed, "a resend");
    let second = (first.0, world.command_id());
    assert_eq!(claim(&world, alice, second, &[&two, &one]).await, refused);
    assert_eq!(entry(&world, &two).await.expect("there").upload.claim, None, "none of them");
    let elsewhere = (ConversationId::from_u128(2), first.1);
    assert_eq!(claim(&world, alice, elsewhere, &[&one]).await, refused);
    let both = ChangeOutcome::Claimed(vec![two.file.clone()]);
    assert_eq!(claim(&world, alice, second, &[&two]).await, both);
    let unknown = upload(&world, alice);
    assert_eq!(claim(&world, alice, second, &[&unknown]).await, refused);
}

/// It is in the message's event and row; deleting the message makes it loose again.
pub async fn a_file_is_shown_by_its_message_and_erased_with_it(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let [alice, bob] = world.users(["alice", "bob"]).await;
    let group = world.group(alice, &[bob]).await;
    let one = added(&world, alice).await;
    let envelope = world.envelope(group, alice, with_files(&one));
    claim(&world, alice, (group, envelope.command_id), &[&one]).await;
    let chat::Outcome::Applied { seq } = world.execute(envelope).await else { panic!("not applied") };
    let row = world.row(group, seq).await;
    let chat::EventKind::Message { attachments, .. } = &row.event.kind else { panic!("no message") };
    assert_eq!(attachments, std::slice::from_ref(&one.file), "shown once, though it was named twice");
    assert_eq!(entry(&world, &one).await.expect("there").shown, Some(Shown::With(group, seq)));
    assert_eq!(loose(&world).await, []);
    world.applied(group, alice, Command::Delete { target: seq }).await;
    assert_eq!(entry(&world, &one).await.expect("there").shown, Some(Shown::Erased));
    assert_eq!(loose(&world).await, [one.file.attachment]);
    world.change(Change::RemoveUploads(vec![one.file.attachment])).await;
    assert_eq!((entry(&world, &one).await, loose(&world).await), (None, vec![]));
}

/// A message that names a file twice.
fn with_files(upload: &Upload) -> Command {
    Command::Send {
        body: String::new(),
        reply_to: None,
        mentions: vec![],
        attachments: vec![upload.file.clone(), upload.file.clone()],
    }
}

/// Each once, the oldest first.
pub async fn loose_uploads_are_paged_by_id(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let [alice] = world.users(["alice"]).await;
    let mut wanted = Vec::new();
    for _ in 0..5 {
        wanted.push(added(&world, alice).await.file.attachment);
    }
    wanted.sort_unstable();
    let mut found: Vec<AttachmentId> = Vec::new();
    while let page = world.store().loose_uploads(found.last().copied(), 2).await.expect("loose uploads")
        && !page.is_empty()
    {
        found.extend(page.into_iter().map(|entry| entry.upload.file.attachment));
    }
    assert_eq!(found, wanted);
}

/// What was answered is there after a crash (D1).
pub async fn uploads_and_profiles_survive_a_restart(harness: &dyn Harness) {
    let world = World::open(harness).await;
    if !world.backend.messages.capabilities().survives_restart {
        return;
    }
    let [alice] = world.users(["alice"]).await;
    let group = world.group(alice, &[]).await;
    let (unsent, sent) = (added(&world, alice).await, added(&world, alice).await);
    let envelope = world.envelope(group, alice, with_files(&sent));
    claim(&world, alice, (group, envelope.command_id), &[&sent]).await;
    world.execute(envelope).await;
    let avatar = Some(AvatarId::from_u128(1));
    world.change(Change::SetAvatar { user: alice, avatar }).await;
    let before = (entry(&world, &unsent).await, entry(&world, &sent).await, loose(&world).await);
    let world = world.restart(harness).await;
    assert_eq!((entry(&world, &unsent).await, entry(&world, &sent).await, loose(&world).await), before);
    assert_eq!(world.store().profiles(&[alice]).await.expect("profiles")[0].avatar, avatar);
}

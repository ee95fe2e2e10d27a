//! Data folders of every released format, as they lie in the repository: opened, compared, and made again from their
//! journals (D8). Fixtures are never rewritten; a new format adds its own.

use std::{
    fs,
    ops::ControlFlow,
    path::{Path, PathBuf},
    time::Duration,
};

use backend_embedded::{Config, Inspector};
use chat::{
    Account, AccountRole, Attachment, AttachmentId, AvatarId, Change, Command, CommandId, ConversationId,
    ConversationKind, Envelope, Invite, InviteId, Mark, RegistrationPolicy, Session, SessionId, Upload,
    UserId,
    attachment::Claim,
    ports::{Lease, Settlement},
    profile::{ConversationPreferencesPatch, Notify, PreferencesPatch, Theme},
};

use crate::support::{NOW, World, dump, envelope, message, open, small, user};

/// The format that this version writes.
const FORMAT: u32 = 2;
/// Rows of a fixture as readable JSON lines, but how far the journal is applied.
const ROWS: &str = "rows.jsonl";
/// What a fixture may take in the repository, bytes.
const FIXTURE_BYTES_MAX: u64 = 200 * 1024;

/// D8: what a released version wrote, this one reads, goes on with, and makes again from its journal.
#[tokio::test]
async fn d8_a_data_folder_of_format_1_opens() {
    opens(1).await;
}

/// D8: with profiles, preferences and files.
#[tokio::test]
async fn d8_a_data_folder_of_format_2_opens() {
    opens(2).await;
}

async fn opens(format: u32) {
    let folder = tempfile::tempdir().unwrap();
    copy(&fixture(format), folder.path());
    let config = small(folder.path());
    let wanted = fs::read_to_string(fixture(format).join(ROWS)).unwrap();
    assert_eq!(readable(&config), wanted, "read as it lies there");
    let world = open(config.clone());
    assert!(!world.backend.opened().is_new);
    drop(world);
    let of = |format| format!(r#""keyspace":"system","value":{format}}}"#);
    assert!(wanted.contains(&of(format)));
    let wanted = wanted.replacen(&of(format), &of(FORMAT), 1);
    assert_eq!(readable(&config), wanted, "opening brings it to the present format and changes nothing else");
    let before = dump(&config);
    fs::remove_dir_all(config.data.join("store")).unwrap();
    drop(open(config.clone()));
    assert_eq!(dump(&config), before, "made again from the journal");
    assert_eq!(readable(&config), wanted);

    let world = open(config);
    let room = ConversationId::from_u128(1);
    let head = world.store.heads(&[room]).await.unwrap()[0];
    world.send(vec![message(room, user(1), 9_000, "and on it goes")]).await;
    assert_eq!(world.persist_all().await.len(), 1);
    assert_eq!(world.store.heads(&[room]).await.unwrap(), [head + 1]);
}

/// How the fixtures were made; run it by name, with `--run-ignored all`, only for a new format.
#[tokio::test]
#[ignore = "writes the fixture of the present format where there is none"]
async fn make_the_fixture() {
    assert!(!fixture(FORMAT).exists(), "released fixtures are never rewritten");
    let folder = tempfile::tempdir().unwrap();
    let config = Config { erase_after_ms: 60_000, ..small(folder.path()) };
    let world = open(config.clone());
    people(&world).await;
    conversations(&world).await;
    profiles(&world).await;
    shown_files(&world).await;
    letters(&world).await;
    world.clock.advance(100_000);
    assert_eq!(world.backend.erase_due().unwrap(), 2);
    // A deletion whose text still stands in the journal.
    act(&world, 1, 1, 70, Command::Delete { target: 3 }).await;
    drop(world);
    trim(&config.data);
    fs::write(config.data.join(ROWS), readable(&config)).unwrap();
    trim(&config.data);
    copy(&config.data, &fixture(FORMAT));
    assert!(bytes(&fixture(FORMAT)) < FIXTURE_BYTES_MAX);
}

fn fixture(format: u32) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(format!("format-{format}"))
}

async fn change(world: &World, change: Change) {
    world.clock.advance(1);
    let outcome = world.store.change(change.clone()).await.unwrap();
    assert!(!matches!(outcome, chat::ChangeOutcome::Refused(_)), "{change:?}: {outcome:?}");
}

async fn people(world: &World) {
    for (id, name) in [(1, "Ada"), (2, "Bob"), (3, "Cy")] {
        let account = Account {
            user: user(id),
            username: name.to_owned(),
            display_name: format!("{name} of the fixture"),
            password_hash: format!("hash of {name}"),
            role: AccountRole::Member,
            created_at: NOW,
            disabled_at: None,
            seen_at: None,
        };
        let policy = RegistrationPolicy::Open;
        change(world, Change::CreateAccount { account, invite: None, policy }).await;
        let session = Session {
            session: SessionId::from_u128(id),
            user: user(id),
            token_hash: [u8::try_from(id).unwrap(); 32],
            agent: "fixture".to_owned(),
            created_at: NOW,
            expires_at: NOW + 1_000_000_000,
        };
        change(world, Change::CreateSession(session)).await;
    }
    let invite = Invite {
        invite: InviteId::from_u128(1),
        code_hash: [9; 32],
        created_by: user(1),
        created_at: NOW,
        expires_at: NOW + 1_000_000,
        uses_left: 3,
    };
    let (one, two) = (user(1), user(2));
    for one in [
        Change::CreateInvite(invite),
        Change::SetDisplayName { user: two, display_name: "Robert".to_owned() },
        Change::SetAccountRole { user: two, role: AccountRole::Admin },
        Change::SetPassword { user: two, password_hash: "new".to_owned(), keep: None },
        Change::RenewPasswordHash {
            user: one,
            verified_hash: "hash of Ada".to_owned(),
            password_hash: "renewed".to_owned(),
        },
        Change::SetDisabled { user: user(3), at: Some(NOW) },
        Change::SetDisabled { user: user(3), at: None },
        Change::RevokeSession { user: one, session: SessionId::from_u128(1) },
        Change::Seen(vec![(one, NOW + 5)]),
    ] {
        change(world, one).await;
    }
}

async fn act(world: &World, room: u128, actor: u128, id: u128, command: Command) {
    world.clock.advance(1);
    world.send(vec![envelope(ConversationId::from_u128(room), user(actor), id, command)]).await;
    world.persist_all().await;
}

fn send(body: &str, mentions: Vec<UserId>) -> Command {
    Command::Send { body: body.to_owned(), reply_to: None, mentions, attachments: vec![] }
}

async fn conversations(world: &World) {
    world.create(1, ConversationKind::Group, user(1), &[user(2), user(3)]).await;
    world.create(2, ConversationKind::Direct, user(1), &[user(2)]).await;
    world.create(3, ConversationKind::Channel, user(2), &[]).await;
    let edit = |body: &str| Command::Edit { target: 2, body: body.to_owned(), mentions: vec![] };
    let react = |emoji: &str| Command::React { target: 3, emoji: emoji.to_owned() };
    let acts = [
        (1, 1, send("first", vec![user(2)])),
        (1, 2, send("second", vec![])),
        (1, 1, edit("first, better")),
        (1, 2, edit("not mine")),
        (1, 3, react("\u{1f44d}")),
        (1, 1, react("\u{2764}")),
        (1, 1, Command::Unreact { target: 3, emoji: "\u{2764}".to_owned() }),
        (1, 1, Command::Describe { title: Some("Tea".to_owned()), description: Some("at five".to_owned()) }),
        (1, 1, Command::SetRole { user: user(2), role: chat::Role::Admin }),
        (1, 1, Command::RemoveMember { user: user(3) }),
        (1, 1, Command::AddMembers { users: vec![user(3)] }),
        (1, 3, Command::Leave),
        (1, 1, Command::Delete { target: 2 }),
        (2, 1, send("between us", vec![])),
        (3, 3, Command::Join),
        (3, 3, send("to all", vec![])),
    ];
    for (id, (room, actor, command)) in (10..).zip(acts) {
        act(world, room, actor, id, command).await;
    }
    let mark =
        |read, delivered| Mark { conversation: ConversationId::from_u128(1), user: user(2), read, delivered };
    change(world, Change::Mark(vec![mark(Some(3), None), mark(None, Some(4))])).await;
}

async fn profiles(world: &World) {
    let patch = PreferencesPatch {
        notify: Some(Notify::Mentions),
        locale: Some(Some("de".to_owned())),
        theme: Some(Theme::Dark),
        ..PreferencesPatch::default()
    };
    let of_room = ConversationPreferencesPatch { is_pinned: Some(true), ..Default::default() };
    for one in [
        Change::SetStatus { user: user(1), emoji: Some("\u{2615}".to_owned()), text: Some("tea".to_owned()) },
        Change::SetAvatar { user: user(2), avatar: Some(AvatarId::from_u128(7)) },
        Change::SetPreferences { user: user(1), patch },
        Change::SetConversationPreferences {
            user: user(1),
            conversation: ConversationId::from_u128(1),
            patch: of_room,
        },
    ] {
        change(world, one).await;
    }
}

/// A file that is shown, one whose message was deleted, one that was never sent, one that is gone.
async fn shown_files(world: &World) {
    let room = ConversationId::from_u128(2);
    let file = |id: u128| Attachment {
        name: format!("{id}.png"),
        size_bytes: 10,
        content_type: "image/png".to_owned(),
        dimensions: Some((4, 3)),
        has_thumbnail: true,
        ..Attachment::named(AttachmentId::from_u128(id))
    };
    for id in 1..=4 {
        let (owner, at) = (user(1), NOW + 9);
        change(
            world,
            Change::AddUpload(Upload { file: file(id), owner, at, checksum: [4; 32], claim: None }),
        )
        .await;
    }
    for id in [1, 2] {
        let claim = Claim { conversation: room, command: CommandId::from_u128(60 + id), at: NOW + 10 };
        let attachments = vec![AttachmentId::from_u128(id)];
        change(world, Change::ClaimUploads { user: user(1), claim, attachments }).await;
        let command = Command::Send {
            body: String::new(),
            reply_to: None,
            mentions: vec![],
            attachments: vec![file(id)],
        };
        act(world, 2, 1, 60 + id, command).await;
    }
    let head = world.store.heads(&[room]).await.unwrap()[0];
    act(world, 2, 1, 65, Command::Delete { target: head }).await;
    change(world, Change::RemoveUploads(vec![AttachmentId::from_u128(4)])).await;
}

/// A dead letter that stays, one that is sent again, one that is dropped.
async fn letters(world: &World) {
    let room = ConversationId::from_u128(1);
    for id in 50..53 {
        world.clock.advance(1);
        world.send(vec![message(room, user(1), id, "unlucky")]).await;
        let leases = world.messages.lease(9, Duration::ZERO).await.unwrap();
        let dead = |lease: Lease<Envelope>| (lease.id, Settlement::Dead { reason: "fixture".to_owned() });
        world.messages.settle(leases.into_iter().map(dead).collect()).await.unwrap();
    }
    let letters = world.messages.dead_letters(None, 9).await.unwrap();
    assert_eq!(letters[2].body.as_ref().unwrap().command_id, CommandId::from_u128(52));
    assert_eq!(world.messages.redrive(&[letters[1].id.clone()]).await.unwrap(), 1);
    assert_eq!(world.messages.drop_dead(&[letters[2].id.clone()]).await.unwrap(), 1);
    world.persist_all().await;
}

fn readable(config: &Config) -> String {
    let mut text = String::new();
    let lines = Inspector::open(config).unwrap().rows(None, |line| {
        if line["key"] != serde_json::json!(["applied"]) {
            text.push_str(&format!("{line}\n"));
        }
        ControlFlow::Continue(())
    });
    lines.unwrap();
    text
}

/// Takes away what the repository need not hold: spare segments, locks, and the zeros behind the last record.
fn trim(folder: &Path) {
    for path in files(folder) {
        let is_segment = path.extension().is_some_and(|extension| extension == "segment");
        if is_segment {
            let bytes = fs::read(&path).unwrap();
            let used = bytes.iter().rposition(|byte| *byte != 0).unwrap_or_default() + 1;
            let file = fs::File::options().write(true).open(&path).unwrap();
            file.set_len(used.next_multiple_of(4096) as u64).unwrap();
        } else if path.starts_with(folder.join("journal")) {
            fs::remove_file(&path).unwrap();
        }
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn bytes(folder: &Path) -> u64 {
    files(folder).iter().map(|file| fs::metadata(file).unwrap().len()).sum()
}

fn copy(from: &Path, to: &Path) {
    for file in files(from) {
        let target = to.join(file.strip_prefix(from).unwrap());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(&file, target).unwrap();
    }
}

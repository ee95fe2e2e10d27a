//! What each kind of event does to the messages, seen by every read; and that deletion erases.
//! Members and descriptions are in `conversations`.

use chat::{
    Attachment, AttachmentId, Command, ConversationId, Event, EventKind, Outcome, Refusal, Row, Seq, UserId,
    limits::PAGE_BYTES_MAX, ports::EventsQuery, timeline::Timeline,
};

use super::world::{World, edit, message, react};
use crate::harness::Harness;

fn body(row: &Row) -> &str {
    match &row.event.kind {
        EventKind::Message { body, .. } | EventKind::Edited { body, .. } => body,
        other => panic!("no text: {other:?}"),
    }
}

fn unreact(target: Seq, emoji: &str) -> Command {
    Command::Unreact { target, emoji: emoji.to_owned() }
}

/// The same row by every way of reading it.
async fn row_by_every_read(world: &World, conversation: ConversationId, seq: Seq, reader: UserId) -> Row {
    let row = world.row(conversation, seq).await;
    for query in [EventsQuery::After(seq - 1), EventsQuery::Before(seq + 1)] {
        let page = world.store().events(conversation, query, 1, PAGE_BYTES_MAX).await.expect("events");
        assert_eq!(page.rows, std::slice::from_ref(&row), "{query:?}");
    }
    let entry = world.entry(reader, conversation).await;
    if entry.meta.last_message == seq {
        assert_eq!(entry.last.as_ref(), Some(&row));
    }
    row
}

/// A picture of this number.
fn file(number: u128) -> Attachment {
    Attachment {
        attachment: AttachmentId::from_u128(number),
        name: format!("secret {number}.png"),
        size_bytes: 70_000,
        content_type: "image/png".to_owned(),
        dimensions: Some((640, 480)),
        has_thumbnail: true,
    }
}

/// A message is stored as it was sent, whole.
pub async fn a_message_is_kept_as_sent(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let [alice, bob] = world.users(["alice", "bob"]).await;
    let group = world.group(alice, &[bob]).await;
    let first = world.say(group, bob, "a question?").await;
    let kind = EventKind::Message {
        body: "  *An* answer\n\u{1F600} ".to_owned(),
        reply_to: Some(first),
        mentions: vec![bob],
        attachments: vec![file(3), file(1)],
    };
    let EventKind::Message { body, reply_to, mentions, attachments } = kind.clone() else { unreachable!() };
    let command = Command::Send { body, reply_to, mentions, attachments };
    let envelope = world.envelope(group, alice, command);
    let Outcome::Applied { seq } = world.execute(envelope.clone()).await else { panic!("not applied") };
    let event = Event {
        conversation: group,
        seq,
        at: envelope.accepted_at,
        actor: alice,
        command_id: envelope.command_id,
        kind,
    };
    assert_eq!(row_by_every_read(&world, group, seq, bob).await, Row::of(&event, 2));
}

/// An edit shows in the message wherever it is read; the edit's own row reads as the message is now.
pub async fn an_edit_shows_in_every_read(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let [alice, bob] = world.users(["alice", "bob"]).await;
    let group = world.group(alice, &[bob]).await;
    let target = world.say(group, alice, "one").await;
    let first = world.applied(group, alice, edit(target, "two")).await;
    let named = Command::Edit { target, body: "three".to_owned(), mentions: vec![bob] };
    let second = world.applied(group, alice, named).await;
    let row = row_by_every_read(&world, group, target, bob).await;
    let state = row.message.clone().expect("a message");
    assert_eq!((body(&row), state.edits, state.rev), ("three", 2, second));
    assert_eq!(state.edited_at, Some(world.row(group, second).await.event.at));
    for seq in [first, second] {
        let kind = row_by_every_read(&world, group, seq, bob).await.event.kind;
        assert_eq!(kind, EventKind::Edited { target, body: "three".to_owned(), mentions: vec![bob] });
    }
    assert_eq!(
        world.act(group, bob, edit(target, "hacked")).await,
        Outcome::Refused(Refusal::NotYourMessage)
    );
}

/// Superseded bodies, oldest first, with the times at which the message got them.
pub async fn edits_keep_the_history(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let alice = world.user("alice").await;
    let group = world.group(alice, &[]).await;
    let target = world.say(group, alice, "one").await;
    let other = world.say(group, alice, "untouched").await;
    let mut times = vec![world.row(group, target).await.event.at];
    for text in ["two", "three", "four"] {
        let seq = world.applied(group, alice, edit(target, text)).await;
        times.push(world.row(group, seq).await.event.at);
    }
    let versions = world.store().versions(group, target).await.expect("versions");
    let found: Vec<(u32, &str, u64, Seq)> = versions
        .iter()
        .map(|version| (version.number, version.body.as_str(), version.at, version.target))
        .collect();
    let wanted = [(0, "one", times[0], target), (1, "two", times[1], target), (2, "three", times[2], target)];
    assert_eq!(found, wanted);
    assert_eq!(world.store().versions(group, other).await.expect("versions"), vec![]);
}

/// Reactions are counted in the order of their first appearance, listed by person, and taken back.
pub async fn reactions_are_counted_and_listed(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let [alice, bob, carol] = world.users(["alice", "bob", "carol"]).await;
    let group = world.group(alice, &[bob, carol]).await;
    let (target, other) = (world.say(group, alice, "hi").await, world.say(group, alice, "ho").await);
    for (user, emoji) in [(bob, "z"), (bob, "a"), (alice, "a"), (carol, "z"), (carol, "a")] {
        world.applied(group, user, react(target, emoji)).await;
    }
    world.applied(group, bob, react(other, "b")).await;
    assert_eq!(world.act(group, bob, react(target, "a")).await, Outcome::Unchanged);
    let last = world.applied(group, carol, unreact(target, "z")).await;
    assert_eq!(world.act(group, carol, unreact(target, "z")).await, Outcome::Unchanged);
    let state = row_by_every_read(&world, group, target, bob).await.message.expect("a message");
    assert_eq!((state.reactions, state.rev), (vec![("z".to_owned(), 1), ("a".to_owned(), 3)], last));
    let mut listed = vec![(alice, "a"), (bob, "a"), (bob, "z"), (carol, "a")];
    listed.sort_unstable();
    let page = async |after: Option<(UserId, &str)>, limit| {
        let after = after.map(|(user, emoji)| (user, emoji.to_owned()));
        world.store().reactions(group, target, after, limit).await.expect("reactions")
    };
    let own = |pairs: &[(UserId, &str)]| {
        pairs.iter().map(|(user, emoji)| (*user, (*emoji).to_owned())).collect::<Vec<_>>()
    };
    assert_eq!(page(None, 100).await, own(&listed));
    assert_eq!(page(None, 2).await, own(&listed[..2]));
    assert_eq!(page(Some(listed[1]), 2).await, own(&listed[2..]));
    assert_eq!(page(Some(listed[3]), 2).await, []);
    let mut bobs = world.store().own_reactions(group, bob, &[target, other, 99]).await.expect("own");
    bobs.sort_unstable();
    let wanted = [(target, "a"), (target, "z"), (other, "b")].map(|(seq, emoji)| (seq, emoji.to_owned()));
    assert_eq!(bobs, wanted);
    assert_eq!(world.store().own_reactions(group, bob, &[]).await.expect("own"), vec![]);
}

/// A deleted message is erased everywhere: body, mentions, attachments, history, reactions; its place stays (D7).
pub async fn a_deleted_message_is_nowhere_readable(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let [alice, bob] = world.users(["alice", "bob"]).await;
    let group = world.group(alice, &[bob]).await;
    let command = Command::Send {
        body: "secret one".to_owned(),
        reply_to: None,
        mentions: vec![bob],
        attachments: vec![file(1)],
    };
    let target = world.applied(group, alice, command).await;
    let edited = world.applied(group, alice, edit(target, "secret two")).await;
    let named = Command::Edit { target, body: "secret three".to_owned(), mentions: vec![bob] };
    world.applied(group, alice, named).await;
    world.applied(group, bob, react(target, "👍")).await;
    let deleted = world.applied(group, alice, Command::Delete { target }).await;
    let row = row_by_every_read(&world, group, target, bob).await;
    let empty =
        EventKind::Message { body: String::new(), reply_to: None, mentions: vec![], attachments: vec![] };
    assert_eq!(row.event.kind, empty);
    let state = row.message.expect("still a message");
    assert_eq!((state.deleted_by, state.rev), (Some(alice), deleted));
    assert_eq!(state.deleted_at, Some(world.row(group, deleted).await.event.at));
    assert_eq!(state.reactions, vec![]);
    let edit_row = row_by_every_read(&world, group, edited, bob).await;
    assert_eq!(edit_row.event.kind, EventKind::Edited { target, body: String::new(), mentions: vec![] });
    assert_eq!(world.store().versions(group, target).await.expect("versions"), vec![]);
    assert_eq!(world.store().reactions(group, target, None, 9).await.expect("reactions"), vec![]);
    assert_eq!(world.store().own_reactions(group, bob, &[target]).await.expect("own"), vec![]);
    assert_eq!(world.entry(bob, group).await.mentions, 0);
    let all = format!("{:?}", world.log(group).await);
    assert!(!all.contains("secret"), "{all}");
    assert_eq!(world.act(group, alice, Command::Delete { target }).await, Outcome::Unchanged);
    let refused = Outcome::Refused(Refusal::MessageDeleted);
    assert_eq!(world.act(group, alice, edit(target, "again")).await, refused);
    assert_eq!(world.act(group, bob, react(target, "👍")).await, refused);
}

/// A message sent, changed and deleted in one batch leaves nothing either.
pub async fn what_is_deleted_in_the_batch_that_made_it_is_erased_too(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let [alice, bob] = world.users(["alice", "bob"]).await;
    let group = world.group(alice, &[bob]).await;
    let send =
        Command::Send { body: "secret".to_owned(), reply_to: None, mentions: vec![bob], attachments: vec![] };
    let batch: Vec<_> =
        [send, edit(2, "secret edit"), react(2, "👍"), Command::Delete { target: 2 }, message("ok")]
            .map(|command| world.envelope(group, alice, command))
            .to_vec();
    let last = batch[4].command_id;
    world.backend.commands.submit(batch).await.expect("submit");
    assert_eq!(world.settle_until((group, alice, last)).await, Outcome::Applied { seq: 6 });
    assert!(!format!("{:?}", world.log(group).await).contains("secret"));
    assert_eq!(world.store().versions(group, 2).await.expect("versions"), vec![]);
    assert_eq!(world.store().reactions(group, 2, None, 9).await.expect("reactions"), vec![]);
    assert_eq!(world.entry(bob, group).await.mentions, 0);
}

/// The last message as it is now, however many other events came after.
pub async fn an_entry_shows_the_last_message_as_it_is_now(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let alice = world.user("alice").await;
    let group = world.group(alice, &[]).await;
    assert_eq!(world.entry(alice, group).await.last, None);
    world.say(group, alice, "first").await;
    let target = world.say(group, alice, "second").await;
    world.applied(group, alice, edit(target, "second, edited")).await;
    let entry = world.entry(alice, group).await;
    assert_eq!(entry.last.as_ref().map(body), Some("second, edited"));
    assert_eq!((entry.meta.last_message, entry.meta.head), (target, 4));
    world.applied(group, alice, Command::Delete { target }).await;
    let last = world.entry(alice, group).await.last.expect("the tombstone");
    assert!(last.message.is_some_and(|state| state.deleted_at.is_some()));
}

/// Events read from history, applied in order, give the rows that are stored, for every kind of event (D10).
pub async fn history_applied_is_the_state_stored(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let [alice, bob, carol] = world.users(["alice", "bob", "carol"]).await;
    let channel = world.conversation(chat::ConversationKind::Channel, alice, &[bob]).await;
    let target = world.say(channel, alice, "one").await;
    let doomed = world.say(channel, bob, "two").await;
    for (actor, command) in [
        (carol, Command::Join),
        (carol, react(target, "👍")),
        (bob, react(target, "👍")),
        (alice, edit(target, "one, edited")),
        (carol, unreact(target, "👍")),
        (alice, Command::Delete { target: doomed }),
        (alice, Command::Describe { title: Some("T".to_owned()), description: Some("D".to_owned()) }),
        (alice, Command::SetRole { user: bob, role: chat::Role::Admin }),
        (bob, Command::RemoveMember { user: carol }),
        (alice, Command::AddMembers { users: vec![carol] }),
        (carol, Command::Leave),
    ] {
        world.applied(channel, actor, command).await;
    }
    let mut timeline = Timeline::default();
    for row in world.log(channel).await {
        timeline.apply(&row.event);
    }
    let meta = world.store().conversation(channel).await.expect("conversation").expect("it is there");
    assert_eq!((timeline.head, timeline.messages), (meta.head, meta.messages));
    assert_eq!((&timeline.title, &timeline.description), (&meta.title, &meta.description));
    let members = world.store().members(channel, None, 100).await.expect("members");
    let members: Vec<_> = members.into_iter().map(|member| (member.user, member.membership.role)).collect();
    assert_eq!(timeline.members.into_iter().collect::<Vec<_>>(), members);
    for row in world.log(channel).await {
        let stored = Row { event: row.event.for_log(), ..row };
        assert_eq!(timeline.rows.get(&stored.event.seq), Some(&stored));
    }
}

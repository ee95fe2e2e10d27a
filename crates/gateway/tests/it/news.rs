//! What is told and never stored in the log: typing, presence, marks.

use chat::{Command, CommandId, Seq};
use protocol::frame::{
    ClientFrame, ServerFrame,
    client::{Mark, SetActive, TypingNow, WatchMarks, WatchPresence},
    server::PresenceStatus,
};

use crate::{
    client::Client,
    world::{Person, World, message},
};

fn presence(client: &mut Client) -> Vec<(chat::UserId, PresenceStatus)> {
    client.until(|frame| match frame {
        ServerFrame::Presence(presence) => {
            Some(presence.users.iter().map(|one| (one.user_id, one.status)).collect())
        }
        _ => None,
    })
}

/// P48.
#[test]
fn typing_is_told_to_the_others_and_not_too_often() {
    let world = World::new();
    let [alice, bob, eve] = world.people();
    let room = world.group(&[&alice, &bob]);
    let (mut alices, mut bobs, mut eves) = (world.connect(&alice), world.connect(&bob), world.connect(&eve));
    [&mut alices, &mut bobs, &mut eves].into_iter().for_each(Client::go_live);
    for _ in 0..5 {
        let reference = alices.ask(ClientFrame::Typing(TypingNow { conversation_id: room }));
        assert!(matches!(alices.frame(), ServerFrame::Done(done) if done.reference == reference));
    }
    alices.send(room, CommandId::from_u128(1), "done typing");
    let mut typings = 0;
    bobs.until(|frame| match frame {
        ServerFrame::Typing(typing) => {
            assert_eq!((typing.conversation_id, typing.user_id), (room, alice.id));
            typings += 1;
            None
        }
        ServerFrame::Event(_) => Some(()),
        _ => None,
    });
    assert_eq!(typings, 1, "five notices within two seconds are one");
    alices.until(|frame| match frame {
        ServerFrame::Typing(_) => panic!("told to oneself"),
        ServerFrame::Event(_) => Some(()),
        _ => None,
    });
    eves.go_live();
}

/// The next news of presence that is not what was `told` before: a connection that had just opened when the watch
/// began may be told of twice, once as the state and once as the change.
fn changed_presence(
    client: &mut Client,
    told: (chat::UserId, PresenceStatus),
) -> Vec<(chat::UserId, PresenceStatus)> {
    loop {
        let news = presence(client);
        if news != [told] {
            return news;
        }
    }
}

/// P49: active, away and back.
#[test]
fn presence_is_told_at_once_and_on_every_change() {
    let world = World::new();
    let [alice, bob, carol] = world.people();
    let mut alices = world.connect(&alice);
    let mut bobs = world.connect(&bob);
    let watch = vec![bob.id, carol.id];
    let reference = alices.ask(ClientFrame::WatchPresence(WatchPresence { user_ids: watch }));
    let mut now = presence(&mut alices);
    now.sort_by_key(|(user, _)| *user);
    let mut want = vec![(bob.id, PresenceStatus::Online), (carol.id, PresenceStatus::Offline)];
    want.sort_by_key(|(user, _)| *user);
    assert_eq!(now, want);
    assert!(matches!(alices.frame(), ServerFrame::Done(done) if done.reference == reference));

    let carols = world.connect(&carol);
    let bob_is_online = (bob.id, PresenceStatus::Online);
    assert_eq!(changed_presence(&mut alices, bob_is_online), [(carol.id, PresenceStatus::Online)]);
    bobs.ask(ClientFrame::SetActive(SetActive { active: false }));
    assert_eq!(presence(&mut alices), [(bob.id, PresenceStatus::Away)]);
    bobs.ask(ClientFrame::SetActive(SetActive { active: true }));
    assert_eq!(presence(&mut alices), [(bob.id, PresenceStatus::Online)]);
    drop(carols);
    assert_eq!(presence(&mut alices), [(carol.id, PresenceStatus::Offline)]);

    // Watching others replaces those watched before.
    alices.ask(ClientFrame::WatchPresence(WatchPresence { user_ids: vec![carol.id] }));
    assert_eq!(presence(&mut alices), [(carol.id, PresenceStatus::Offline)]);
    drop(bobs);
    let _carols = world.connect(&carol);
    assert_eq!(presence(&mut alices), [(carol.id, PresenceStatus::Online)], "nothing of Bob");
}

fn marks(client: &mut Client) -> (chat::UserId, Seq, Seq) {
    client.until(|frame| match frame {
        ServerFrame::Marks(marks) => Some((marks.user_id, marks.read_seq, marks.delivered_seq)),
        _ => None,
    })
}

#[test]
fn d9_marks_are_stored_told_and_never_beyond_the_head() {
    let world = World::new();
    let [alice, bob] = world.people();
    let room = world.group(&[&alice, &bob]);
    for _ in 0..5 {
        world.execute(&alice, room, message("read me"));
    }
    let (mut alices, mut bobs, mut other) = (world.connect(&alice), world.connect(&bob), world.connect(&bob));
    alices.go_live();
    let delivered = ClientFrame::MarkDelivered(Mark { conversation_id: room, seq: 6 });
    let reference = bobs.ask(delivered);
    bobs.until(|frame| matches!(frame, ServerFrame::Done(done) if done.reference == reference).then_some(()));
    for client in [&mut alices, &mut other] {
        assert_eq!(marks(client), (bob.id, 0, 6));
    }
    bobs.ask(ClientFrame::MarkRead(Mark { conversation_id: room, seq: 1_000_000 }));
    for client in [&mut alices, &mut other] {
        assert_eq!(marks(client).1, 6);
    }
    let entries = world.block_on(world.app.store.entries(bob.id, &[room])).unwrap();
    assert_eq!(entries[0].mark.read, 6);
    assert_eq!(chat::unread::unread(entries[0].meta.messages, entries[0].mark, entries[0].joined_ordinal), 0);

    // Back to where it was moves nothing and tells nothing.
    let reference = bobs.ask(ClientFrame::MarkRead(Mark { conversation_id: room, seq: 3 }));
    bobs.until(|frame| match frame {
        ServerFrame::Done(done) if done.reference == reference => Some(()),
        _ => None,
    });
    world.execute(&alice, room, message("next"));
    alices.until(|frame| match frame {
        ServerFrame::Marks(marks) => panic!("{marks:?}"),
        ServerFrame::Event(_) => Some(()),
        _ => None,
    });
}

#[test]
fn marks_in_large_conversations_go_to_those_who_watch_them() {
    let world = World::new();
    let people: Vec<Person> = (0..102).map(|_| world.person()).collect();
    let room = world.group(&people.iter().collect::<Vec<_>>());
    world.execute(&people[0], room, message("hello all"));
    let (mut reader, mut own, mut watcher, mut other) = (
        world.connect(&people[1]),
        world.connect(&people[1]),
        world.connect(&people[2]),
        world.connect(&people[3]),
    );
    let reference = watcher.ask(ClientFrame::WatchMarks(WatchMarks { conversation_ids: vec![room] }));
    assert!(matches!(watcher.frame(), ServerFrame::Done(done) if done.reference == reference));
    [&mut reader, &mut own, &mut other].into_iter().for_each(Client::go_live);
    reader.ask(ClientFrame::MarkRead(Mark { conversation_id: room, seq: 2 }));
    for client in [&mut own, &mut watcher] {
        let (user, read, _) = marks(client);
        assert_eq!((user, read), (people[1].id, 2));
    }
    world.execute(&people[0], room, message("end"));
    other.until(|frame| match frame {
        ServerFrame::Marks(marks) => panic!("{marks:?}"),
        ServerFrame::Event(_) => Some(()),
        _ => None,
    });
}

#[test]
fn d5_who_was_away_learns_of_failed_commands_at_the_next_sync() {
    let world = World::new();
    let [alice, bob] = world.people();
    let room = world.group(&[&alice, &bob]);
    let failed = chat::Announcement::Failed {
        user: bob.id,
        conversation: room,
        command_id: CommandId::from_u128(9),
        refusal: chat::Refusal::DeadLettered,
    };
    world.block_on(world.app.store.record_failures(vec![failed])).unwrap();
    let mut bobs = world.connect(&bob);
    bobs.sync(&[], None);
    let ServerFrame::Failed(failed) = bobs.frame() else { panic!("no failure") };
    assert_eq!(failed.client_message_id, CommandId::from_u128(9));
    bobs.synced();

    // And who is there, at once: removed before the edit is applied.
    bobs.send(room, CommandId::from_u128(10), "first");
    bobs.events(room, 1);
    world.execute(&alice, room, Command::Delete { target: 2 });
    bobs.ask(ClientFrame::EditMessage(protocol::frame::client::EditMessage {
        conversation_id: room,
        target: protocol::frame::client::Target::Seq { seq: 2 },
        body: "second".into(),
        mentions: Vec::new(),
        client_message_id: Some(CommandId::from_u128(11)),
    }));
    bobs.until(|frame| match frame {
        ServerFrame::Failed(failed) => {
            assert_eq!(failed.client_message_id, CommandId::from_u128(11));
            Some(())
        }
        _ => None,
    });
}

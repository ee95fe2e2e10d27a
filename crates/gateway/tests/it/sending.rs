//! The way of a message: sent, accepted, told to every device of every member, in order, once.

use chat::{Command, CommandId, ConversationId};
use protocol::{Code, frame::ServerFrame};

use crate::{
    client::{Client, send},
    world::World,
};

fn id(number: u128) -> CommandId {
    CommandId::from_u128(number + 1)
}

#[test]
fn d1_accepted_then_told_to_every_device_of_every_member() {
    World::both().iter().for_each(d1_accepted_then_told_to_every_device_of_every_member_in);
}

fn d1_accepted_then_told_to_every_device_of_every_member_in(world: &World) {
    let [alice, bob] = world.people();
    let room = world.group(&[&alice, &bob]);
    let other_login = world.login(alice.id);
    let mut sockets =
        [world.connect(&alice), world.connect(&alice), world.connect(&other_login), world.connect(&bob)];
    sockets.iter_mut().for_each(Client::go_live);
    let reference = sockets[0].send(room, id(1), "hello");
    let accepted = sockets[0].until(|frame| match frame {
        ServerFrame::Accepted(accepted) => Some(accepted.clone()),
        _ => None,
    });
    assert_eq!(accepted.reference, Some(reference));
    assert_eq!(accepted.client_message_id, id(1));
    for socket in &mut sockets[1..] {
        assert_eq!(socket.events(room, 1), [2]);
    }
}

/// P42: and each sender's commands keep their order.
#[test]
fn d3_everybody_sees_one_order_without_gaps() {
    World::both().iter().for_each(d3_everybody_sees_one_order_without_gaps_in);
}

fn d3_everybody_sees_one_order_without_gaps_in(world: &World) {
    let [alice, bob] = world.people();
    let room = world.group(&[&alice, &bob]);
    let (mut one, mut two) = (world.connect(&alice), world.connect(&bob));
    one.go_live();
    two.go_live();
    let mut logs = [Vec::new(), Vec::new()];
    for round in 0..10 {
        for number in round * 50..(round + 1) * 50 {
            one.send(room, id(number), &format!("from one {number}"));
            two.send(room, id(10_000 + number), &format!("from two {number}"));
        }
        // Who writes without ever reading is closed as a slow reader, and rightly.
        for (client, log) in [&mut one, &mut two].into_iter().zip(&mut logs) {
            while log.len() < (usize::try_from(round).unwrap() + 1) * 100 {
                if let ServerFrame::Event(event) = client.frame() {
                    log.push((event.seq, event.client_message_id));
                }
            }
        }
    }
    assert_eq!(logs[0], logs[1]);
    assert!(logs[0].iter().map(|(seq, _)| *seq).eq(2..=1_001));
    for from in [0, 10_000] {
        let range = id(from)..id(from + 500);
        let sent: Vec<CommandId> =
            logs[0].iter().map(|(_, id)| *id).filter(|id| range.contains(id)).collect();
        assert!(sent.is_sorted(), "a sender's messages keep their order");
        assert_eq!(sent.len(), 500);
    }
}

#[test]
fn d2_a_resend_is_accepted_and_is_no_second_message() {
    World::both().iter().for_each(d2_a_resend_is_accepted_and_is_no_second_message_in);
}

fn d2_a_resend_is_accepted_and_is_no_second_message_in(world: &World) {
    let alice = world.person();
    let room = world.group(&[&alice]);
    let mut client = world.connect(&alice);
    client.send(room, id(1), "once");
    client.send(room, id(1), "once");
    client.send(room, id(2), "twice");
    let (mut accepted, mut places) = (0, Vec::new());
    while accepted < 3 || places.len() < 2 {
        match client.frame() {
            ServerFrame::Accepted(_) => accepted += 1,
            ServerFrame::Event(event) => places.push((event.seq, event.client_message_id)),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(places, [(2, id(1)), (3, id(2))]);
}

#[test]
fn d7_who_is_no_member_learns_nothing() {
    let world = World::new();
    let [alice, bob, eve] = world.people();
    let room = world.group(&[&alice, &bob]);
    let (mut insider, mut outsider) = (world.connect(&alice), world.connect(&eve));
    insider.go_live();
    let nowhere = ConversationId::from_u128(77);
    let mut answers = Vec::new();
    for target in [room, nowhere] {
        outsider.request(&send(target, id(1), "let me in").into());
        answers.push(match outsider.frame() {
            ServerFrame::Rejected(rejected) => (rejected.code, rejected.message.to_string()),
            other => panic!("{other:?}"),
        });
        for frame in [
            format!(r#"{{"action":"typing","conversationId":"{target}","ref":1}}"#),
            format!(r#"{{"action":"markRead","conversationId":"{target}","seq":1,"ref":1}}"#),
        ] {
            outsider.say(&frame);
            answers.push(match outsider.frame() {
                ServerFrame::Error(error) => (error.code, error.message.to_string()),
                other => panic!("{other:?}"),
            });
        }
    }
    assert!(answers.iter().all(|(code, _)| *code == Code::ConversationNotFound), "{answers:?}");
    assert_eq!(answers[..3], answers[3..], "what exists and what does not look the same");

    insider.send(room, id(2), "secret");
    insider.events(room, 1);
    outsider.say(r#"{"action":"ping","ref":"end"}"#);
    assert!(matches!(outsider.frame(), ServerFrame::Pong(_)), "nothing came before it");
}

#[test]
fn members_come_and_go_while_connected() {
    World::both().iter().for_each(members_come_and_go_while_connected_in);
}

fn members_come_and_go_while_connected_in(world: &World) {
    let [alice, bob] = world.people();
    let mut bobs = world.connect(&bob);
    bobs.go_live();
    let mut alices = world.connect(&alice);
    alices.go_live();

    let room = world.announced_group(&[&alice]);
    assert_eq!(alices.events(room, 1), [1]);
    world.execute(&alice, room, Command::AddMembers { users: vec![bob.id] });
    assert_eq!(alices.events(room, 1), [2]);
    assert_eq!(bobs.events(room, 1), [2], "who is added hears of it");

    bobs.send(room, id(1), "hi");
    assert_eq!(bobs.events(room, 1), [3]);
    world.execute(&alice, room, Command::RemoveMember { user: bob.id });
    assert_eq!(bobs.events(room, 1), [4], "who is removed hears of it");
    bobs.send(room, id(2), "still here?");
    let code = bobs.until(|frame| match frame {
        ServerFrame::Rejected(rejected) => Some(rejected.code),
        ServerFrame::Event(event) => panic!("told of {}", event.seq),
        _ => None,
    });
    assert_eq!(code, Code::ConversationNotFound);
    world.execute(&alice, room, Command::AddMembers { users: vec![bob.id] });
    assert_eq!(bobs.events(room, 1), [5]);
}

//! D3 and D4 of a table with copies in several regions: only the home of the history writes messages, and a move of the
//! home raises the epoch. Another region is what the item of the epoch says, as it would after it was copied.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{
    aws_emulator::{Installation, dynamodb, endpoint},
    client::{Person, Socket, new_id},
};

/// Longest wait for a running persister to see that the home has moved.
const PATIENCE: Duration = Duration::from_secs(60);
/// Without an event after this long, nobody writes.
const SILENCE: Duration = Duration::from_secs(5);

fn send(socket: &mut Socket, room: &str) -> String {
    let id = new_id();
    let frame =
        json!({"action": "sendMessage", "conversationId": room, "clientMessageId": id, "body": "tea?"});
    socket.send(&frame).unwrap();
    id
}

/// Whether the event of this message comes before there is silence.
fn is_heard(socket: &mut Socket, id: &str) -> bool {
    while let Ok(frame) = socket.next() {
        if frame["type"] == "event" && frame["clientMessageId"] == *id {
            return true;
        }
    }
    false
}

#[test]
fn d3_d4_only_the_home_region_writes_and_who_takes_over_raises_the_epoch() {
    let installation = Installation::new();
    let mut gateway = installation.start(&endpoint(), &["gateway"]);
    let _others = ["persister", "notifier"].map(|role| installation.start(&endpoint(), &[role]));
    let ada = Person::register(gateway.address.expect("a gateway listens"), "ada");
    let room = ada.group("Tea", &[]);
    let (mut socket, hello) = ada.connect().unwrap();
    let first = send(&mut socket, &room);
    assert!(is_heard(&mut socket, &first));

    let home = json!({"TableName": installation.name("main"), "Key": {"pk": {"S": "SERVER"}, "sk": {"S": "EPOCH"}},
        "UpdateExpression": "SET hr = :hr", "ExpressionAttributeValues": {":hr": {"S": "eu-central-1"}}});
    dynamodb("UpdateItem", &home);
    let (status, _, errors) = installation.run(&["persister", "--backend", "aws"]);
    assert!(!status.success() && errors.contains("eu-central-1") && errors.contains("take-over"), "{errors}");
    // What runs stops by itself; what is accepted meanwhile waits.
    socket.set_patience(SILENCE);
    let deadline = Instant::now() + PATIENCE;
    let waiting = loop {
        let (mut next, _) = ada.connect().unwrap();
        next.set_patience(SILENCE);
        let id = send(&mut next, &room);
        if !is_heard(&mut next, &id) {
            break id;
        }
        assert!(Instant::now() < deadline, "it goes on writing");
    };

    let names = |log: &[Value]| log.iter().filter(|event| event["clientMessageId"] == *waiting).count();
    assert_eq!(names(&ada.history(&room)), 0, "D3: nobody writes here");

    let take_over = || installation.run(&["aws", "take-over"]);
    let (status, output, errors) = take_over();
    assert!(status.success() && output.contains("eu-west-1 is the home"), "{output} {errors}");
    assert!(output.contains("eu-central-1 before"), "{output}");
    let (status, output, _) = take_over();
    assert!(status.success() && output.contains("already"), "{output}");
    gateway.kill();
    let gateway = installation.start(&endpoint(), &["gateway"]);
    let ada = ada.moved(gateway.address.expect("a gateway listens"));
    let end = Instant::now() + PATIENCE;
    while names(&ada.history(&room)) == 0 {
        assert!(Instant::now() < end, "D1: what was accepted is never stored");
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(names(&ada.history(&room)), 1, "D2");
    let (mut socket, again) = ada.connect().unwrap();
    assert_ne!(again["epoch"], hello["epoch"]);
    let held = json!({"action": "sync", "epoch": hello["epoch"], "cursors": {room.as_str(): 2}});
    socket.send(&held).unwrap();
    socket.until("resync").expect("D4: the history is another one");
}

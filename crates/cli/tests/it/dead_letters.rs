//! D5 on the real binary, the whole round: a message fails for good, is set aside, its sender told; an operator finds
//! it, sends it again, and it arrives exactly once.

use std::{path::Path, time::Duration};

use serde_json::{Value, json};

use crate::{
    client::{Person, Socket, new_id, seq, text},
    server::{Server, run},
};

/// The retries with their backoff take up to half a minute.
const RETRIES: Duration = Duration::from_secs(60);

#[test]
fn d5_d2_what_fails_for_good_is_set_aside_told_and_redriven_once() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    // One fails on every try, another cannot ever succeed, a third has nothing to do with it.
    let (stubborn, poisoned, healthy) = (new_id(), new_id(), new_id());
    let fault = format!("stuck={stubborn},permanent={poisoned}");
    let server = Server::start(&data, &["--fault", &fault]);
    let (ada, bob) = (Person::register(server.address, "ada"), Person::register(server.address, "bob"));
    let room = ada.group("Tea", &[&bob]);
    let (mut socket, _) = ada.connect().unwrap();
    let (mut reader, _) = bob.connect().unwrap();
    for socket in [&mut socket, &mut reader] {
        socket.set_patience(RETRIES);
        socket.send(&json!({"action": "sync"})).unwrap();
        socket.until("synced").unwrap();
    }

    for id in [&poisoned, &stubborn, &healthy] {
        send(&mut socket, &room, id);
    }
    let mut failed = vec![next_failed(&mut socket), next_failed(&mut socket)];
    failed.sort();
    let mut expected = vec![stubborn.clone(), poisoned.clone()];
    expected.sort();
    assert_eq!(failed, expected, "the sender is told of both");
    wait_for(&mut reader, &healthy);
    assert_eq!(ids(&ada, &room), std::slice::from_ref(&healthy), "followers of a dead letter go on");

    let letters = list(&data);
    assert_eq!(letters.len(), 2, "{letters:?}");
    let letter =
        |id: &str| letters.iter().find(|letter| letter.to_string().contains(id)).expect("listed").clone();
    assert_eq!(letter(&stubborn)["attempts"], 10, "{}", letter(&stubborn));
    for name in ["id", "name", "reason", "firstFailedAt", "lastFailedAt"] {
        assert!(letter(&stubborn)[name].is_string(), "{name} is missing in {}", letter(&stubborn));
    }
    let (stubborn_letter, poisoned_letter) = (text(&letter(&stubborn)["id"]), text(&letter(&poisoned)["id"]));
    assert!(dlq(&data, &["show", &stubborn_letter]).contains(&stubborn));

    // It survives a restart, and what is dead stays dead until somebody acts.
    drop(server);
    let server = Server::start(&data, &[]);
    let (ada, bob) = (at(&ada, &server), at(&bob, &server));
    assert_eq!(ids(&ada, &room), std::slice::from_ref(&healthy));
    let (mut reader, _) = bob.connect().unwrap();
    reader.send(&json!({"action": "sync"})).unwrap();
    reader.until("synced").unwrap();

    assert!(dlq(&data, &["redrive", &stubborn_letter]).contains("1 sent again"));
    wait_for(&mut reader, &stubborn);
    assert!(dlq(&data, &["redrive", &stubborn_letter]).contains("0 sent again"), "redrive is safe to repeat");
    assert!(dlq(&data, &["drop", &poisoned_letter]).contains("1 dropped"));
    assert!(list(&data).is_empty());
    assert_eq!(ids(&ada, &room), [healthy, stubborn], "D2: exactly once");
}

fn at(person: &Person, server: &Server) -> Person {
    let mut person = person.clone();
    person.http.address = server.address;
    person
}

fn send(socket: &mut Socket, room: &str, id: &str) {
    let frame =
        json!({"action": "sendMessage", "conversationId": room, "clientMessageId": id, "body": "tea?"});
    socket.send(&frame).unwrap();
}

fn next_failed(socket: &mut Socket) -> String {
    let (frame, _) = socket.until("failed").unwrap();
    assert_eq!(frame["code"], "dead_lettered", "{frame}");
    text(&frame["clientMessageId"])
}

fn wait_for(socket: &mut Socket, id: &str) {
    loop {
        let (frame, _) = socket.until("event").unwrap();
        if frame["clientMessageId"] == id {
            return;
        }
    }
}

/// Client ids of the messages in the log.
fn ids(person: &Person, room: &str) -> Vec<String> {
    let log = person.history(room);
    assert!(
        log.iter().enumerate().all(|(index, event)| seq(event) == index as u64 + 1),
        "D3: no gap is left behind"
    );
    log.iter()
        .filter(|event| event["kind"] == "message")
        .map(|event| text(&event["clientMessageId"]))
        .collect()
}

fn list(data: &Path) -> Vec<Value> {
    dlq(data, &["list", "--json"]).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn dlq(data: &Path, arguments: &[&str]) -> String {
    let all: Vec<&str> = [&["dlq", "--data", data.to_str().unwrap()], arguments].concat();
    let (status, output, errors) = run(&all);
    assert!(status.success(), "{arguments:?}: {errors}");
    output
}

//! D4, D8 on the real binary: a history is brought back to a moment in a new folder, and clients are told so.

use std::{path::Path, process::Command, time::SystemTime};

use serde_json::{Value, json};

use crate::{
    client::{Failure, Http, Person, new_id, seq},
    server::{Server, run},
};

/// Sends messages over a socket, and returns when the sender has heard of all of them.
fn send(person: &Person, room: &str, bodies: &[&str]) {
    let (mut socket, _) = person.connect().unwrap();
    socket.send(&json!({"action": "sync"})).unwrap();
    socket.until("synced").unwrap();
    for body in bodies {
        let id = new_id();
        let frame =
            json!({"action": "sendMessage", "conversationId": room, "clientMessageId": id, "body": body});
        socket.send(&frame).unwrap();
        while socket.until("event").unwrap().0["clientMessageId"] != id {}
    }
}

/// A time with nothing in the same millisecond before or after it.
fn moment() -> String {
    let wait = || {
        let begun = SystemTime::now();
        while begun.elapsed().is_ok_and(|elapsed| elapsed.as_millis() < 3) {}
    };
    wait();
    let output = Command::new("date").args(["-u", "+%FT%T.%3NZ"]).output().unwrap();
    wait();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn restore(from: &Path, to: &Path, until: &[&str]) -> (bool, String, String) {
    let (from, to) = (from.to_str().unwrap(), to.to_str().unwrap());
    let (status, output, errors) = run(&[&["restore", "--from", from, "--to", to], until].concat());
    (status.success(), output, errors)
}

fn at(server: &Server, person: &Person) -> Person {
    let mut http = Http::new(server.address);
    http.token.clone_from(&person.http.token);
    Person { http, ..person.clone() }
}

#[test]
fn d4_d8_a_history_goes_back_to_a_moment_and_clients_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let (data, back) = (folder.path().join("data"), folder.path().join("back"));
    let mut server = Server::start(&data, &[]);
    let (ada, bob) = (Person::register(server.address, "ada"), Person::register(server.address, "bob"));
    let room = ada.group("Tea", &[&bob]);
    send(&ada, &room, &["one", "two", "three"]);
    let kept = ada.history(&room);
    let until = moment();
    send(&bob, &room, &["four", "five"]);
    let eve = Person::register(server.address, "eve");
    let (socket, hello) = ada.connect().unwrap();
    let whole = ada.history(&room);
    drop(socket);
    let (ok, _, errors) = restore(&data, &back, &["--until", &until]);
    assert!(!ok && errors.contains("in use"), "a server runs on it: {errors}");
    assert!(server.terminate().success());

    let (ok, output, errors) = restore(&data, &back, &["--until", &until]);
    assert!(ok, "{errors}");
    assert!(output.contains("new epoch"), "{output}");
    let (ok, _, errors) = restore(&data, &back, &["--until", &until]);
    assert!(!ok && errors.contains("not empty"), "{errors}");

    let server = Server::start(&back, &[]);
    let (ada, bob) = (at(&server, &ada), at(&server, &bob));
    assert_eq!(ada.history(&room), kept, "as it was then");
    let (mut socket, new_hello) = ada.connect().unwrap();
    assert_ne!(new_hello["epoch"], hello["epoch"]);
    let cursors = json!({ room.clone(): seq(whole.last().unwrap()) });
    socket.send(&json!({"action": "sync", "epoch": hello["epoch"], "cursors": cursors})).unwrap();
    let (resync, before) = socket.until("resync").unwrap();
    assert_eq!((&resync["epoch"], before), (&new_hello["epoch"], vec![]));
    let gone = at(&server, &eve).http.get("/v1/account").unwrap_err();
    assert!(matches!(gone, Failure::Refused(401, _)), "who came later is not there: {gone:?}");
    send(&bob, &room, &["another four"]);
    let events = ada.history(&room);
    assert_eq!(events.len(), kept.len() + 1);
    assert_eq!(seq(events.last().unwrap()), seq(kept.last().unwrap()) + 1, "sequences go on from there");
    drop(server);

    // The source is untouched; an older copy put in its place gets a new epoch as well.
    let again = folder.path().join("again");
    let (ok, _, errors) = restore(&data, &again, &[]);
    assert!(ok, "{errors}");
    let server = Server::start(&again, &[]);
    let ada = at(&server, &ada);
    assert_eq!(ada.history(&room), whole);
    let (_, third) = ada.connect().unwrap();
    assert!(third["epoch"] != hello["epoch"] && third["epoch"] != new_hello["epoch"]);
}

#[test]
fn a_restore_says_what_is_wrong_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let (data, to) = (folder.path().join("data"), folder.path().join("to"));
    let (ok, _, errors) = restore(&folder.path().join("nowhere"), &to, &[]);
    assert!(!ok && errors.contains("no journal"), "{errors}");
    drop(Server::start(&data, &[]));
    let (ok, _, errors) = restore(&data, &to, &["--until", "2001-01-01T00:00:00Z"]);
    assert!(!ok && errors.contains("later than that"), "{errors}");
    let (ok, _, errors) = restore(&data, &to, &["--until", "tomorrow"]);
    assert!(!ok && errors.contains("2026-01-31T12:00:00Z"), "{errors}");
    let left: Vec<Value> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| json!(entry.unwrap().file_name().to_str()))
        .collect();
    assert_eq!(left, [json!("data")]);
}

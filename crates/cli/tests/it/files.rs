//! Files of a real server: sent over a socket, there after `kill -9`, gone with their message from the folder too.

use std::{fs, path::Path, thread, time::Duration};

use serde_json::{Value, json};

use crate::{
    client::{Person, new_id},
    server::{Server, run},
};

/// Names of the files in a folder below `files`.
fn names(data: &Path, folder: &str) -> Vec<String> {
    let Ok(entries) = fs::read_dir(data.join("files").join(folder)) else { return Vec::new() };
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Between two looks at what the server is doing: below the rate at which one person may ask.
pub(crate) fn pause() {
    thread::sleep(Duration::from_millis(25));
}

fn upload(person: &Person, name: &str, bytes: &[u8]) -> String {
    let uploaded = person.http.upload(&format!("/v1/attachments?name={name}"), bytes).unwrap();
    uploaded["attachmentId"].as_str().unwrap().to_owned()
}

fn message(room: &str, body: &str, ids: &[&str]) -> Value {
    json!({
        "action": "sendMessage", "conversationId": room, "clientMessageId": new_id(), "body": body,
        "attachmentIds": ids,
    })
}

#[test]
fn d1_and_d3_files_sent_over_a_socket_survive_a_kill_in_their_order() {
    let data = tempfile::tempdir().unwrap();
    let mut server = Server::start(data.path(), &[]);
    let (ada, bob) = (Person::register(server.address, "ada"), Person::register(server.address, "bob"));
    let room = ada.group("Tea", &[&bob]);
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|number| number.to_le_bytes()[1]).collect();
    let (one, two) = (upload(&ada, "one.bin", &bytes), upload(&ada, "two.txt", b"two"));
    let (mut socket, _) = ada.connect().unwrap();
    for frame in [
        message(&room, "with a file", &[&one]),
        message(&room, "right after it", &[]),
        message(&room, "with another", &[&two]),
        message(&room, "stolen", &[&one]),
        message(&room, "last", &[]),
    ] {
        socket.send(&frame).unwrap();
    }
    socket.until("rejected").unwrap();
    let path = format!("/v1/attachments/{one}");
    while ada.history(&room).len() < 5 {
        pause();
    }
    server.kill();

    let server = Server::start_at(data.path(), &server.address.to_string(), &[]);
    let log = bob.history(&room);
    let bodies: Vec<&str> = log.iter().filter_map(|event| event["body"].as_str()).collect();
    assert_eq!(bodies, ["with a file", "right after it", "with another", "last"]);
    assert_eq!(log[1]["attachments"][0]["sizeBytes"], json!(bytes.len()));
    let (status, _, read) = bob.http.fetch(&path, &[]);
    assert_eq!((status, read == bytes), (200, true));
    let eve = Person::register(server.address, "eve");
    assert_eq!(eve.http.fetch(&path, &[]).0, 404, "D7");
    let (status, _, part) = bob.http.fetch(&path, &[("range", "bytes=1000000-1000003")]);
    assert_eq!((status, &part[..]), (206, &bytes[1_000_000..1_000_004]));
    drop(server);

    // Restoring takes files along.
    let restored = tempfile::tempdir().unwrap();
    let to = restored.path().join("data");
    let (status, _, errors) =
        run(&["restore", "--from", data.path().to_str().unwrap(), "--to", to.to_str().unwrap()]);
    assert!(status.success(), "{errors}");
    let server = Server::start(&to, &[]);
    let (status, _, read) = bob.moved(server.address).http.fetch(&path, &[]);
    assert_eq!((status, read == bytes), (200, true), "in a restored folder");
}

#[test]
fn d7_a_deleted_message_takes_its_files_along_though_the_server_was_killed_between() {
    let data = tempfile::tempdir().unwrap();
    let mut server = Server::start(data.path(), &[]);
    let ada = Person::register(server.address, "ada");
    let room = ada.group("Tea", &[]);
    let (gone, kept) = (upload(&ada, "gone.txt", b"gone"), upload(&ada, "kept.txt", b"kept"));
    let (mut socket, _) = ada.connect().unwrap();
    socket.send(&message(&room, "", &[&gone])).unwrap();
    socket.send(&message(&room, "", &[&kept])).unwrap();
    socket.until("accepted").unwrap();
    socket.until("accepted").unwrap();
    socket.send(&json!({"action": "deleteMessage", "conversationId": room, "seq": 2})).unwrap();
    socket.until("accepted").unwrap();
    while ada.history(&room).len() < 4 {
        pause();
    }
    server.kill();
    // What an upload in progress leaves behind.
    fs::write(data.path().join("files/files/half#1"), "ha").unwrap();

    let server = Server::start_at(data.path(), &server.address.to_string(), &[]);
    assert_eq!(ada.http.fetch(&format!("/v1/attachments/{gone}"), &[]).0, 404);
    // The sweeper runs at the start; the test waits for what it does.
    while names(data.path(), "files").contains(&gone) {
        pause();
    }
    assert_eq!(names(data.path(), "files"), std::slice::from_ref(&kept));
    assert_eq!(ada.http.fetch(&format!("/v1/attachments/{kept}"), &[]).2, b"kept");
    drop(server);
}

//! Stopping politely: clients are told to come back, what was accepted is kept, the process ends with 0.

use serde_json::json;

use crate::{
    client::{Failure, Person, new_id},
    server::Server,
};

#[test]
fn d1_sigterm_tells_clients_to_reconnect_flushes_and_exits_with_zero() {
    let data = tempfile::tempdir().unwrap();
    let mut server = Server::start(data.path(), &[]);
    let (ada, bob) = (Person::register(server.address, "ada"), Person::register(server.address, "bob"));
    let room = ada.group("Tea", &[&bob]);
    let (mut socket, _) = ada.connect().unwrap();
    let (mut other, _) = bob.connect().unwrap();
    let id = new_id();
    socket
        .send(&json!({"action": "sendMessage", "conversationId": room, "clientMessageId": id, "body": "hi"}))
        .unwrap();
    socket.until("accepted").unwrap();

    assert!(server.terminate().success(), "the exit code is 0");
    for socket in [&mut socket, &mut other] {
        let (frame, _) = socket.until("reconnect").expect("told before the end");
        assert!(frame["afterMs"].is_u64(), "{frame}");
        match socket.next() {
            Err(Failure::Gone(reason)) => assert!(reason.contains("4000"), "closed with {reason}"),
            other => panic!("{other:?}"),
        }
    }

    let server = Server::start_at(data.path(), &server.address.to_string(), &[]);
    let log = ada.history(&room);
    assert_eq!(log.last().unwrap()["clientMessageId"], id, "D1 across a stop");
    drop(server);
}

#[test]
fn two_processes_cannot_share_a_data_folder() {
    let data = tempfile::tempdir().unwrap();
    let _server = Server::start(data.path(), &[]);
    let folder = data.path().to_str().unwrap();
    let (status, _, errors) = crate::server::run(&["serve", "--listen", "127.0.0.1:0", "--data", folder]);
    assert!(!status.success());
    assert!(errors.contains("already") || errors.contains("another process"), "{errors}");
}

//! Searching with the real program: found soon after it is said, after a kill too, and with an index made again.
//! Waits by asking again, because when a message can be found is not promised to the millisecond.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{
    client::{Person, new_id},
    server::{Server, run},
};

/// Longest wait for a message to be found.
const PATIENCE: Duration = Duration::from_secs(30);

fn say(person: &Person, room: &str, body: &str) {
    let (mut socket, _) = person.connect().unwrap();
    let frame =
        json!({"action": "sendMessage", "conversationId": room, "clientMessageId": new_id(), "body": body});
    socket.send(&frame).unwrap();
    socket.until("event").unwrap();
}

/// Bodies that are found, once there are so many.
fn found(person: &Person, q: &str, count: usize) -> Vec<String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let page = person.http.get(&format!("/v1/search?q={q}")).unwrap();
        let body = |item: &Value| item["body"].as_str().unwrap().to_owned();
        let bodies: Vec<String> = page["items"].as_array().unwrap().iter().map(body).collect();
        if bodies.len() >= count {
            return bodies;
        }
        assert!(Instant::now() < deadline, "{q}: {bodies:?}");
    }
}

#[test]
fn messages_are_found_after_a_kill_and_after_a_rebuild() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().to_str().unwrap();
    let mut server = Server::start(
        data.path(),
        &["--set", "limits.searches_per_second=0", "--set", "limits.requests_per_second=0"],
    );
    let ada = Person::register(server.address, "ada");
    let room = ada.group("Tea", &[]);
    say(&ada, &room, "Earl Grey, 東京都");
    assert_eq!(found(&ada, "earl", 1), ["Earl Grey, 東京都"]);
    say(&ada, &room, "Lady Grey");
    let (status, _, errors) = run(&["search", "rebuild", "--data", folder]);
    assert!(!status.success(), "a running server keeps its folder to itself: {errors}");
    server.kill();

    let mut server = Server::start(
        data.path(),
        &["--set", "limits.searches_per_second=0", "--set", "limits.requests_per_second=0"],
    );
    let ada = ada.moved(server.address);
    assert_eq!(found(&ada, "grey", 2), ["Lady Grey", "Earl Grey, 東京都"]);
    assert!(server.terminate().success());

    let (status, output, errors) = run(&["search", "rebuild", "--data", folder]);
    assert!(status.success() && output.starts_with("2 messages"), "{output} {errors}");
    let mut server = Server::start(
        data.path(),
        &["--set", "limits.searches_per_second=0", "--set", "limits.requests_per_second=0"],
    );
    let ada = ada.moved(server.address);
    assert_eq!(found(&ada, "%E6%9D%B1%E4%BA%AC", 1), ["Earl Grey, 東京都"]);
    assert!(server.terminate().success());
    let (status, _, errors) = run(&["search", "rebuild", "--data", "/nonexistent"]);
    assert!(!status.success() && errors.contains("nonexistent"), "{errors}");
}

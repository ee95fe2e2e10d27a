//! D6 on the real binary: while the oldest command waits for too long, new ones are slowed down and `/readyz` says no.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{
    client::{Failure, Person, Socket, new_id},
    server::Server,
};

/// Longest wait for the queue to become old, or young again.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn d6_an_old_queue_is_answered_slow_down_and_recovers() {
    let data = tempfile::tempdir().unwrap();
    // Every call of the store takes up to a second: meanwhile others wait.
    let options = ["--fault", "delay=1000:1000", "--set", "limits.queue_age_max_ms=200"];
    let server = Server::start(data.path(), &options);
    let ada = Person::register(server.address, "ada");
    // Two, so that the commands of one wait while those of the other are being stored.
    let rooms = [ada.group("Tea", &[]), ada.group("Coffee", &[])];
    let (mut socket, _) = ada.connect().unwrap();
    ada.http.get("/readyz").unwrap();

    let refused = until(&mut socket, &rooms, "rejected");
    assert_eq!(refused["code"], "slow_down", "{refused}");
    assert_eq!(refused["retryAfterMs"], 1_000, "{refused}");
    // It may have recovered meanwhile, but then the answer says so too.
    let ready = match ada.http.get("/readyz") {
        Ok(ready) | Err(Failure::Refused(503, ready)) => ready,
        Err(other) => panic!("{other:?}"),
    };
    let age_ms = ready["queueAgeMs"].as_u64().unwrap();
    assert_eq!(ready["ready"], json!(age_ms <= 50), "{ready}");

    // Once the store has come to what waits, all is as before.
    until(&mut socket, &rooms, "accepted");
    let metrics = ada.http.get("/metrics").unwrap();
    for histogram in ["persist_accept_to_stored_seconds", "persist_batch_commands"] {
        assert!(metrics.to_string().contains(&format!("dynamowave_{histogram}_bucket")), "{histogram}");
    }
}

fn send(socket: &mut Socket, room: &str, id: &str) -> Value {
    let frame = json!({"action": "sendMessage", "conversationId": room, "clientMessageId": id, "body": "x"});
    socket.send(&frame).unwrap();
    loop {
        let frame = socket.next().unwrap();
        let is_answer = frame["type"] == "accepted" || frame["type"] == "rejected";
        if is_answer && frame["clientMessageId"] == id {
            return frame;
        }
    }
}

/// Sends, here and there, until the answer is of this type.
fn until(socket: &mut Socket, rooms: &[String], wanted: &str) -> Value {
    let deadline = Instant::now() + PATIENCE;
    for room in rooms.iter().cycle() {
        assert!(Instant::now() < deadline, "no {wanted} within {PATIENCE:?}");
        let answer = send(socket, room, &new_id());
        if answer["type"] == wanted {
            return answer;
        }
        // The limit of a person must not be mistaken for that of the queue.
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("there are no rooms");
}

//! One message followed from end to end: a collector gets its spans accepted, stored, announced and delivered, all in
//! the trace that its client id names.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::{
    client::{Person, new_id},
    server::Server,
};

const STAGES: [&str; 4] = ["accepted", "stored", "announced", "delivered"];

#[test]
fn a_message_is_followed_through_every_stage() {
    let (endpoint, bodies) = collector();
    let data = tempfile::tempdir().unwrap();
    let set = format!("traces.endpoint={endpoint}");
    let server = Server::start(data.path(), &["--set", &set, "--set", "traces.ratio=1"]);
    let ada = Person::register(server.address, "ada");
    let room = ada.group("Tea", &[]);
    let (mut socket, _) = ada.connect().unwrap();
    let id = new_id();
    socket
        .send(&json!({"action": "sendMessage", "conversationId": room, "clientMessageId": id, "body": "hi"}))
        .unwrap();
    socket.until("accepted").unwrap();

    let trace_id = id.parse::<chat::CommandId>().unwrap().to_bytes();
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut seen = Vec::new();
    while STAGES.iter().any(|stage| !contains(&seen, stage.as_bytes())) {
        let left = deadline.saturating_duration_since(Instant::now());
        let body: Vec<u8> = bodies.recv_timeout(left).expect("all stages arrive at the collector");
        if contains(&body, &trace_id) {
            seen.extend(body);
        }
    }
    assert!(contains(&seen, b"dynamowave"), "the service has a name");
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

/// An OTLP/HTTP collector that takes everything and hands over the bodies.
fn collector() -> (String, mpsc::Receiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let (bodies, received) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let bodies = bodies.clone();
            thread::spawn(move || {
                while let Some(body) = take_request(&stream) {
                    if bodies.send(body).is_err() {
                        return;
                    }
                }
            });
        }
    });
    (endpoint, received)
}

fn take_request(mut stream: &TcpStream) -> Option<Vec<u8>> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.extend(byte);
    }
    let head = String::from_utf8(head).ok()?.to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "))?.trim().parse().ok()?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").ok()?;
    Some(body)
}

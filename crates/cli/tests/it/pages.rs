//! The app's pages beside the interface: one address for both, each with its own rules.

use crate::{client::Http, server::Server};

#[test]
fn every_path_outside_the_interface_is_the_app_under_a_strict_policy() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &["--set", "server.name=The Pond"]);
    let http = Http::new(server.address);
    for path in ["/", "/c/some-conversation", "/settings"] {
        let (status, headers, bytes) = http.fetch(path, &[]);
        assert_eq!(status, 200, "{path}");
        assert!(headers["content-type"].to_str().unwrap().starts_with("text/html"));
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(
            policy.contains("default-src 'none'; script-src 'self'") && !policy.contains("unsafe"),
            "{policy}"
        );
        assert!(!bytes.is_empty());
    }
    assert_eq!(http.fetch("/assets/no-such-file.js", &[]).0, 404);
    for path in ["/v1/nothing", "/v1", "/v1/"] {
        let (status, headers, _) = http.fetch(path, &[]);
        assert_eq!(
            (status, headers["content-type"].to_str().unwrap()),
            (404, "application/problem+json"),
            "{path}"
        );
    }
    assert_eq!(http.fetch("/healthz", &[]).0, 200);
    let said = http.get("/v1/server").unwrap();
    assert_eq!((said["name"].as_str(), said["needsOwner"].as_bool()), (Some("The Pond"), Some(true)));
}

#[test]
fn admins_see_figures_that_move() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    let owner = crate::client::Person::register(server.address, "owner");
    let room = owner.group("Tea", &[]);
    let (mut socket, _) = owner.connect().unwrap();
    let frame = serde_json::json!({"action": "sendMessage", "conversationId": room, "body": "hi"});
    socket.send(&frame).unwrap();
    socket.until("accepted").unwrap();
    // Shards hand over their counts once a second.
    loop {
        let health = owner.http.get("/v1/admin/health").unwrap();
        if health["totals"]["accepted"] == 1 && health["connections"] == 1 {
            assert!(health["latencies"]["acceptedP50Ms"].as_f64().unwrap() > 0.0, "{health}");
            assert!(health["memoryBytes"].as_u64().unwrap() > 1 << 20, "{health}");
            return;
        }
        crate::files::pause();
    }
}

#[test]
fn ones_other_devices_hear_of_changed_preferences_and_nobody_else_does() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    let (ada, bob) = (
        crate::client::Person::register(server.address, "ada"),
        crate::client::Person::register(server.address, "bob"),
    );
    let room = ada.group("Tea", &[&bob]);
    let (mut hers, _) = ada.connect().unwrap();
    let (mut his, _) = bob.connect().unwrap();
    let pinned = serde_json::json!({"pinned": true});
    ada.http.patch(&format!("/v1/conversations/{room}/preferences"), &pinned).unwrap();
    let (frame, _) = hers.until("preferences").unwrap();
    assert_eq!(frame["conversationId"].as_str(), Some(room.as_str()));
    ada.http.patch("/v1/account/preferences", &serde_json::json!({"theme": "dark"})).unwrap();
    let (frame, _) = hers.until("preferences").unwrap();
    assert!(frame.get("conversationId").is_none(), "{frame}");
    his.send(&serde_json::json!({"action": "ping"})).unwrap();
    let (_, before) = his.until("pong").unwrap();
    assert!(before.iter().all(|frame| frame["type"] != "preferences"), "{before:?}");
}

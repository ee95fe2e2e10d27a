//! `dynamowave inspect`: what was stored can be read, secrets cannot, and a running server is not disturbed.

use serde_json::{Value, json};

use crate::{
    client::{Person, new_id},
    server::{Server, run},
};

#[test]
fn d7_inspect_shows_rows_and_records_but_no_secret() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().to_str().unwrap();
    let mut server = Server::start(data.path(), &[]);
    let ada = Person::register(server.address, "ada");
    let room = ada.group("Tea", &[]);
    let (mut socket, _) = ada.connect().unwrap();
    let frame = json!({"action": "sendMessage", "conversationId": room, "clientMessageId": new_id(), "body": "Earl Grey"});
    socket.send(&frame).unwrap();
    socket.until("event").unwrap();

    let (status, _, errors) = run(&["inspect", "--data", folder, "rows"]);
    assert!(!status.success(), "a running server keeps its folder to itself");
    assert!(errors.contains("already") || errors.contains("another process"), "{errors}");
    assert!(server.terminate().success());

    for what in [&["rows"][..], &["records"][..]] {
        let (status, output, errors) = run(&[&["inspect", "--data", folder], what].concat());
        assert!(status.success(), "{errors}");
        assert!(output.contains("Earl Grey") && output.contains("ada"), "{output}");
        assert!(!output.contains("$argon2id$") && !output.contains(&ada.http.token), "{output}");
        assert!(output.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{output}");
    }
    let (status, _, errors) = run(&["inspect", "--data", folder, "rows", "nonsense"]);
    assert!(!status.success() && errors.contains("there are:"), "{errors}");
}

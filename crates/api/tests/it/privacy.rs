//! D7: who is not in a conversation learns nothing of it, not even that it exists.

use axum::http::Method;
use serde_json::json;

use crate::{
    client::{Answer, Client},
    schema::{Operation, operations},
    world::{User, World},
};

/// A body that every route would take.
fn body_for(operation: &Operation, somebody: &User) -> Option<serde_json::Value> {
    operation.has_body.then(|| {
        json!({
            "title": "Mine now", "userIds": [somebody.id], "role": "owner", "body": "hello", "readSeq": 1,
        })
    })
}

async fn ask(client: &Client<'_>, operation: &Operation, conversation: &str, somebody: &User) -> Answer {
    let path = operation
        .path
        .replace("{conversation}", conversation)
        .replace("{seq}", "2")
        .replace("{user}", &somebody.id)
        .replace("{emoji}", "ok");
    client.ask(operation.method.clone(), &path, body_for(operation, somebody)).await
}

fn about_conversations() -> impl Iterator<Item = &'static Operation> {
    operations().iter().filter(|operation| operation.path.contains("{conversation}"))
}

#[tokio::test]
async fn d7_p63_a_non_member_cannot_tell_a_conversation_from_none() {
    let world = World::new();
    let (ann, bob, eve) =
        (world.register("ann").await, world.register("bob").await, world.register("eve").await);
    let client = world.client(&eve);
    let nowhere = chat::ConversationId::from_u128(1).to_string();
    let mut asked = 0;
    for kind in ["direct", "group", "channel"] {
        let id = world.conversation(kind, &[&ann, &bob]).await;
        world.send(&ann, &id, "secret plans").await;
        for operation in about_conversations() {
            // Anybody may join a channel: it is listed to all.
            if kind == "channel" && operation.id == "joinChannel" {
                continue;
            }
            let there = ask(&client, operation, &id, &ann).await;
            let missing = ask(&client, operation, &nowhere, &ann).await;
            assert_eq!(there.status, 404, "{}", operation.id);
            assert_eq!(there.code(), "conversation_not_found", "{}", operation.id);
            assert_eq!(there.bytes, missing.bytes, "{}", operation.id);
            assert_eq!(there.headers, missing.headers, "{}", operation.id);
            asked += 1;
        }
        let events = world.client(&ann).get(&format!("/v1/conversations/{id}/events")).await.expect(200);
        assert_eq!(events.body["headSeq"], 2, "nothing was changed from outside");
    }
    assert!(asked >= 3 * 15, "{asked} routes are about conversations");
    assert!(client.get("/v1/conversations").await.expect(200).items().is_empty());
}

#[tokio::test]
async fn d7_who_has_left_or_was_removed_is_outside() {
    let world = World::new();
    let (ann, bob) = (world.register("ann").await, world.register("bob").await);
    let id = world.conversation("group", &[&ann, &bob]).await;
    world.client(&bob).get(&format!("/v1/conversations/{id}")).await.expect(200);
    world.client(&ann).delete(&format!("/v1/conversations/{id}/members/{}", bob.id)).await.expect(204);
    for operation in about_conversations() {
        let answer = ask(&world.client(&bob), operation, &id, &ann).await;
        assert_eq!(answer.code(), "conversation_not_found", "{}", operation.id);
    }
}

#[tokio::test]
async fn d7_what_a_non_member_sends_is_not_even_read() {
    let world = World::new();
    let (ann, eve) = (world.register("ann").await, world.register("eve").await);
    let id = world.conversation("group", &[&ann]).await;
    let path = format!("/v1/conversations/{id}/messages");
    let client = world.client(&eve);
    let malformed = client.ask_raw(Method::POST, &path, Some(b"{".to_vec()), Some("application/json")).await;
    assert_eq!(malformed.code(), "conversation_not_found");
    let oversized = client.post(&path, json!({"body": "x".repeat(100_000)})).await;
    assert_eq!(oversized.bytes, malformed.bytes);
}

#[tokio::test]
async fn d7_people_are_shown_only_to_people() {
    let world = World::new();
    let ann = world.register("ann").await;
    for path in ["/v1/users", &format!("/v1/users/{}", ann.id), "/v1/presence?ids=x", "/v1/channels"] {
        world.stranger().get(path).await.expect_problem(401, "unauthorized");
    }
}

//! One long story that uses every route with success, each answer held against its schema.

use std::collections::BTreeSet;

use api::{Options, hash_of};
use axum::http::Method;
use chat::{Announcement, UserId, announcement::Presence, ports::Item};
use serde_json::json;

use crate::{
    files::picture,
    schema::{operations, succeeded},
    world::{PASSWORD, User, Wish, World, give_up},
};

#[tokio::test]
async fn every_route_works() {
    let options = Options { operator: Some(hash_of("operator secret")), ..Wish::default().options };
    let world = World::with(Wish { options, workers: false, ..Wish::default() });
    bury_one(&world).await;
    world.start_workers();
    let (ann, bob, cy) =
        (world.register("ann").await, world.register("bob").await, world.register("cy").await);
    people(&world, &ann, &bob).await;
    let room = conversations(&world, &ann, &bob, &cy).await;
    messages(&world, &ann, &bob, &room).await;
    files(&world, &ann, &room).await;
    administration(&world, &bob).await;
    goodbye(&world, &ann).await;
    let all: BTreeSet<String> = operations().iter().map(|operation| operation.id.clone()).collect();
    let missing: Vec<_> = all.difference(&succeeded()).cloned().collect();
    assert!(missing.is_empty(), "not part of the story: {missing:?}");
}

/// Leaves a notification among the dead letters.
async fn bury_one(world: &World) {
    let body = Announcement::Presence { user: UserId::from_u128(1), presence: Presence::Online };
    let queue = &*world.app.notifications;
    queue.send(vec![Item { group: 1, dedup: 1, body }]).await.unwrap();
    give_up(queue, 1).await;
}

async fn people(world: &World, ann: &User, bob: &User) {
    let client = world.client(ann);
    client.get("/v1/openapi.json").await.expect(200);
    client.get("/v1/account").await.expect(200);
    client.patch("/v1/account", json!({"displayName": "Ann"})).await.expect(200);
    world.stranger().get("/v1/server").await.expect(200);
    client.get("/v1/account/preferences").await.expect(200);
    client.patch("/v1/account/preferences", json!({"theme": "dark", "locale": null})).await.expect(200);
    let picture = picture(300, 200);
    client.send(Method::PUT, "/v1/account/avatar", &picture).await.expect(200);
    client.get(&format!("/v1/users/{}/avatar", ann.id)).await.expect(200);
    client.delete("/v1/account/avatar").await.expect(200);
    client.get("/v1/users?prefix=b").await.expect(200);
    client.get(&format!("/v1/users/{}", bob.id)).await.expect(200);
    client.get(&format!("/v1/presence?ids={}", bob.id)).await.expect(200);
    client.ask(Method::POST, "/v1/tickets", None).await.expect(201);
    let invite = client.post("/v1/invites", json!({"uses": 3})).await.expect(201).text("inviteId");
    client.get("/v1/invites").await.expect(200);
    client.delete(&format!("/v1/invites/{invite}")).await.expect(204);
}

async fn conversations(world: &World, ann: &User, bob: &User, cy: &User) -> String {
    let client = world.client(ann);
    world.conversation("direct", &[ann, bob]).await;
    let channel = world.conversation("channel", &[ann]).await;
    let group = world.conversation("group", &[ann, bob]).await;
    client.get("/v1/conversations").await.expect(200);
    client.get("/v1/channels").await.expect(200);
    let path = format!("/v1/conversations/{channel}");
    world.client(bob).ask(Method::POST, &format!("{path}/join"), None).await.expect(200);
    world.client(bob).ask(Method::POST, &format!("{path}/leave"), None).await.expect(204);
    let path = format!("/v1/conversations/{group}");
    client.get(&path).await.expect(200);
    client.patch(&path, json!({"title": "New"})).await.expect(200);
    client.post(&format!("{path}/members"), json!({"userIds": [cy.id]})).await.expect(204);
    client.get(&format!("{path}/members")).await.expect(200);
    client.patch(&format!("{path}/members/{}", cy.id), json!({"role": "admin"})).await.expect(204);
    client.delete(&format!("{path}/members/{}", cy.id)).await.expect(204);
    group
}

async fn messages(world: &World, ann: &User, bob: &User, room: &str) {
    let client = world.client(ann);
    let seq = world.send(ann, room, "hello").await;
    let path = format!("/v1/conversations/{room}");
    let one = format!("{path}/messages/{seq}");
    client.patch(&one, json!({"body": "Hello!"})).await.expect(200);
    client.get(&one).await.expect(200);
    client.get(&format!("{one}/versions")).await.expect(200);
    world.client(bob).ask(Method::PUT, &format!("{one}/reactions/%E2%9D%A4"), None).await.expect(200);
    client.get(&format!("{one}/reactions")).await.expect(200);
    client.get(&format!("{path}/events")).await.expect(200);
    client.get("/v1/search?q=hello").await.expect(200);
    world.client(bob).delete(&format!("{one}/reactions/%E2%9D%A4")).await.expect(200);
    client.delete(&one).await.expect(200);
    // Every kind of event there is stands in this page.
    let page = world.client(bob).get(&format!("{path}/events?after=0")).await.expect(200);
    let kinds: BTreeSet<&str> =
        page.body["events"].as_array().unwrap().iter().map(|event| event["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds.len(), 10, "{kinds:?}");
    world.client(bob).put(&format!("{path}/marks"), json!({"readSeq": seq})).await.expect(200);
}

async fn files(world: &World, ann: &User, room: &str) {
    let client = world.client(ann);
    let path = format!("/v1/conversations/{room}");
    client.patch(&format!("{path}/preferences"), json!({"pinned": true, "notify": null})).await.expect(200);
    let uploaded = client.send(Method::POST, "/v1/attachments?name=a.png", &picture(9, 9)).await.expect(201);
    let id = uploaded.text("attachmentId");
    client.get(&format!("/v1/attachments/{id}")).await.expect(200);
    client.get(&format!("/v1/attachments/{id}/thumbnail")).await.expect(200);
    client.delete(&format!("/v1/attachments/{id}")).await.expect(204);
}

async fn administration(world: &World, bob: &User) {
    let operator = world.stranger().bearer("operator secret");
    operator.get("/v1/admin/users").await.expect(200);
    let path = format!("/v1/admin/users/{}", bob.id);
    operator.get(&path).await.expect(200);
    operator.patch(&path, json!({"role": "admin"})).await.expect(200);
    operator.put(&format!("{path}/password"), json!({"password": "a new beginning"})).await.expect(204);
    operator.get("/v1/admin/conversations").await.expect(200);
    operator.get("/v1/admin/health").await.expect(200);
    operator.get("/v1/admin/dead-letters").await.expect(200);
    operator.post("/v1/admin/dead-letters/redrive", json!({"all": true})).await.expect(200);
    operator.post("/v1/admin/dead-letters/drop", json!({"all": true})).await.expect(200);
    let letters = operator.get("/v1/admin/dead-letters?queue=notifications").await.expect(200);
    let letter = letters.items()[0]["id"].as_str().unwrap();
    operator.get(&format!("/v1/admin/dead-letters/{letter}?queue=notifications")).await.expect(200);
}

async fn goodbye(world: &World, ann: &User) {
    let client = world.client(ann);
    let login = json!({"username": "ann", "password": PASSWORD});
    let phone = User::of(&world.stranger().post("/v1/sessions", login).await.expect(201));
    client.get("/v1/sessions").await.expect(200);
    client.delete(&format!("/v1/sessions/{}", phone.session)).await.expect(204);
    let change = json!({"current": PASSWORD, "new": "another password"});
    client.put("/v1/account/password", change).await.expect(204);
    client.delete("/v1/sessions/current").await.expect(204);
}

//! Statuses and preferences: what is set is there on all devices, which are told; what is not named stays.

use chat::Announcement;
use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn a_status_is_seen_by_others_and_goes_away_when_it_is_empty() {
    let world = World::new();
    let (ann, bob) = (world.register("ann").await, world.register("bob").await);
    let client = world.client(&ann);
    let set = json!({"status": {"emoji": "🌴", "text": " On holiday "}, "displayName": "Ann"});
    let account = client.patch("/v1/account", set).await.expect(200);
    let status = json!({"emoji": "🌴", "text": "On holiday"});
    assert_eq!((&account.body["status"], account.text("displayName")), (&status, "Ann".to_owned()));
    let path = format!("/v1/users/{}", ann.id);
    assert_eq!(world.client(&bob).get(&path).await.expect(200).body["status"], status);
    client.patch("/v1/account", json!({"displayName": "Anna"})).await.expect(200);
    assert_eq!(world.client(&bob).get(&path).await.expect(200).body["status"], status, "it stays");
    for bad in [json!({"emoji": "two words"}), json!({"text": "x".repeat(101)})] {
        client.patch("/v1/account", json!({"status": bad})).await.expect_problem(422, "bad_status");
    }
    client.patch("/v1/account", json!({"status": {"text": ""}})).await.expect(200);
    assert!(world.client(&bob).get(&path).await.expect(200).body.get("status").is_none());
}

#[tokio::test]
async fn preferences_change_one_by_one_and_the_other_devices_are_told() {
    let world = World::new();
    let ann = world.register("ann").await;
    world.connect(&ann).await;
    let client = world.client(&ann);
    let before = client.get("/v1/account/preferences").await.expect(200);
    assert_eq!((&before.body["notify"], &before.body["theme"]), (&json!("all"), &json!("system")));
    let until = "2030-01-31T09:05:00.250Z";
    let change = json!({"notify": "mentions", "doNotDisturbUntil": until, "locale": "pt-BR"});
    client.patch("/v1/account/preferences", change).await.expect(200);
    let now = client.patch("/v1/account/preferences", json!({"theme": "dark"})).await.expect(200);
    assert_eq!((&now.body["notify"], &now.body["doNotDisturbUntil"]), (&json!("mentions"), &json!(until)));
    let now = client.patch("/v1/account/preferences", json!({"doNotDisturbUntil": null})).await.expect(200);
    assert!(now.body.get("doNotDisturbUntil").is_none());
    assert_eq!(now.body["locale"], "pt-BR");
    client
        .patch("/v1/account/preferences", json!({"locale": "../x"}))
        .await
        .expect_problem(422, "bad_locale");
    let heard = world.heard();
    let told =
        heard.iter().filter(|one| matches!(&***one, Announcement::Preferences { conversation: None, .. }));
    assert_eq!(told.count(), 3);
}

#[tokio::test]
async fn d7_preferences_of_a_conversation_are_its_members_own() {
    let world = World::new();
    let (ann, bob, eve) =
        (world.register("ann").await, world.register("bob").await, world.register("eve").await);
    let room = world.conversation("group", &[&ann, &bob]).await;
    let path = format!("/v1/conversations/{room}/preferences");
    let set = json!({"notify": "none", "pinned": true});
    world.client(&ann).patch(&path, set.clone()).await.expect(200);
    world.client(&eve).patch(&path, set).await.expect_problem(404, "conversation_not_found");
    let list = async |user| {
        let page = world.client(user).get("/v1/conversations").await.expect(200);
        page.items()[0]["preferences"].clone()
    };
    assert_eq!(list(&ann).await, json!({"notify": "none", "pinned": true, "muted": false}));
    assert_eq!(list(&bob).await, json!({"pinned": false, "muted": false}));
    world.client(&ann).patch(&path, json!({"notify": null, "muted": true})).await.expect(200);
    assert_eq!(list(&ann).await, json!({"pinned": true, "muted": true}));
}

#[tokio::test]
async fn the_server_says_what_a_first_page_needs_and_no_more() {
    let world = World::new();
    let empty = world.stranger().get("/v1/server").await.expect(200);
    assert_eq!((&empty.body["needsOwner"], &empty.body["registration"]), (&json!(true), &json!("open")));
    let ann = world.register("ann").await;
    let bob = world.register("bob").await;
    let room = world.conversation("group", &[&bob]).await;
    world.send(&bob, &room, "a secret").await;
    let server = world.stranger().get("/v1/server").await.expect(200);
    assert_eq!(server.body["needsOwner"], json!(false));
    let all = world.client(&ann).get("/v1/admin/conversations?limit=1").await.expect(200);
    assert_eq!(all.items()[0]["conversationId"], json!(room));
    assert!(!all.body.to_string().contains("secret"), "D7: {}", all.body);
    world.client(&bob).get("/v1/admin/conversations").await.expect_problem(403, "forbidden");
    let health = world.client(&ann).get("/v1/admin/health").await.expect(200);
    assert!(health.body["queues"]["messages"]["depth"].is_u64());
    world.client(&bob).get("/v1/admin/health").await.expect_problem(403, "forbidden");
}

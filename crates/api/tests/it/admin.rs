//! Administration: accounts and dead letters.

use api::{Options, hash_of};
use chat::{Announcement, CommandId, ConversationId, Refusal, UserId, ports::Item};
use serde_json::json;

use crate::{
    client::Answer,
    world::{PASSWORD, User, Wish, World, give_up},
};

async fn people(world: &World) -> (User, User, User) {
    let (ann, bob, cy) =
        (world.register("ann").await, world.register("bob").await, world.register("cy").await);
    let path = format!("/v1/admin/users/{}", bob.id);
    let admin = world.client(&ann).patch(&path, json!({"role": "admin"})).await.expect(200);
    assert_eq!(admin.text("role"), "admin");
    (ann, bob, cy)
}

#[tokio::test]
async fn owners_manage_all_and_admins_manage_members() {
    let world = World::new();
    let (ann, bob, cy) = people(&world).await;
    let of = |user: &User| format!("/v1/admin/users/{}", user.id);
    let (owner, admin) = (world.client(&ann), world.client(&bob));
    admin.patch(&of(&ann), json!({"disabled": true})).await.expect_problem(403, "forbidden");
    admin.patch(&of(&cy), json!({"role": "admin"})).await.expect_problem(403, "forbidden");
    admin.patch(&of(&cy), json!({"disabled": true})).await.expect(200);
    let shown = admin.get(&of(&cy)).await.expect(200);
    assert!(shown.body["disabledAt"].is_string());
    let listed = owner.get("/v1/admin/users?prefix=c").await.expect(200);
    assert_eq!(listed.items().len(), 1, "disabled people are listed here");
    assert!(owner.get("/v1/users?prefix=c").await.expect(200).items().is_empty(), "and not there");
    admin.patch(&of(&cy), json!({"disabled": false})).await.expect(200);
    admin.patch(&of(&cy), json!({})).await.expect_problem(422, "nothing_to_change");
    owner.patch(&of(&ann), json!({"role": "member"})).await.expect_problem(403, "forbidden");
    let nobody = format!("/v1/admin/users/{}", UserId::from_u128(3));
    owner.patch(&nobody, json!({"role": "member"})).await.expect_problem(404, "user_not_found");
    owner.patch(&of(&bob), json!({"role": "member"})).await.expect(200);
    // Also for the session that was in the cache.
    admin.get("/v1/admin/users").await.expect_problem(403, "forbidden");
}

#[tokio::test]
async fn a_forgotten_password_is_replaced_and_old_sessions_end() {
    let world = World::new();
    let (_, bob, cy) = people(&world).await;
    world.client(&cy).get("/v1/account").await.expect(200);
    let path = format!("/v1/admin/users/{}/password", cy.id);
    let admin = world.client(&bob);
    admin.put(&path, json!({"password": "short"})).await.expect_problem(422, "bad_password");
    admin.put(&path, json!({"password": "a new beginning"})).await.expect(204);
    world.client(&cy).get("/v1/account").await.expect_problem(401, "unauthorized");
    let login = |password: &str| json!({"username": "cy", "password": password});
    world.stranger().post("/v1/sessions", login(PASSWORD)).await.expect_problem(401, "bad_credentials");
    world.stranger().post("/v1/sessions", login("a new beginning")).await.expect(201);
    let own = format!("/v1/admin/users/{}/password", bob.id);
    admin.put(&own, json!({"password": "a new beginning"})).await.expect_problem(403, "forbidden");
}

#[tokio::test]
async fn the_operator_restores_an_owner() {
    let options = Options { operator: Some(hash_of("operator secret")), ..Wish::default().options };
    let world = World::with(Wish { options, ..Wish::default() });
    let ann = world.register("ann").await;
    let operator = world.stranger().bearer("operator secret");
    let path = format!("/v1/admin/users/{}", ann.id);
    operator.patch(&path, json!({"role": "member", "disabled": true})).await.expect(200);
    let restored = operator.patch(&path, json!({"role": "owner", "disabled": false})).await.expect(200);
    assert_eq!(restored.text("role"), "owner");
}

fn ids(answer: &Answer) -> Vec<String> {
    answer.items().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn d5_dead_letters_are_listed_shown_dropped_and_redriven() {
    let world = World::with(Wish { workers: false, ..Wish::default() });
    let ann = world.register("ann").await;
    let id = world.conversation("group", &[&ann]).await;
    let client = world.client(&ann);
    let mut names = Vec::new();
    for n in 0..5 {
        let path = format!("/v1/conversations/{id}/messages");
        let sent = client.post(&path, json!({"body": format!("secret words {n}")})).await.expect(202);
        names.push(sent.text("clientMessageId"));
    }
    give_up(&*world.app.messages, 5).await;

    let listed = client.get("/v1/admin/dead-letters").await.expect(200);
    assert!(!listed.body.to_string().contains("secret words"), "D7: admins see who and why, not what");
    let item = &listed.items()[0];
    assert_eq!((&item["name"], &item["reason"]), (&json!("sendMessage"), &json!("store: Corrupt")));
    assert_eq!((&item["senderId"], &item["conversationId"]), (&json!(ann.id), &json!(id)));
    assert_eq!(item["clientMessageId"], json!(names[0]));
    let all = ids(&listed);
    let first = client.get("/v1/admin/dead-letters?limit=3").await.expect(200);
    let next = format!("/v1/admin/dead-letters?limit=3&after={}", first.text("next"));
    let second = client.get(&next).await.expect(200);
    assert_eq!([ids(&first), ids(&second)].concat(), all);
    let one = format!("/v1/admin/dead-letters/{}", all[4]);
    assert_eq!(client.get(&one).await.expect(200).body, listed.items()[4]);

    let drop = json!({"ids": [all[4], "not there"]});
    let dropped = client.post("/v1/admin/dead-letters/drop", drop).await.expect(200);
    assert_eq!(dropped.body["count"], 1);
    client.get(&one).await.expect_problem(404, "dead_letter_not_found");
    let redrive = json!({"ids": [all[0]]});
    let redriven = client.post("/v1/admin/dead-letters/redrive", redrive.clone()).await.expect(200);
    assert_eq!(redriven.body["count"], 1);
    let again = client.post("/v1/admin/dead-letters/redrive", redrive).await.expect(200);
    assert_eq!(again.body["count"], 0, "safe to repeat");
    let rest = client.post("/v1/admin/dead-letters/redrive", json!({"all": true})).await.expect(200);
    assert_eq!(rest.body["count"], 3);
    assert!(client.get("/v1/admin/dead-letters").await.expect(200).items().is_empty());
    for selection in [json!({}), json!({"ids": vec!["x"; 1_001]})] {
        let path = "/v1/admin/dead-letters/drop";
        let answer = client.post(path, selection).await.expect_problem(400, "bad_request");
        assert_eq!(answer.text("field"), "ids");
    }
    client.get("/v1/admin/dead-letters?queue=x").await.expect_problem(400, "bad_request");

    world.start_workers();
    for (n, name) in names.iter().take(4).enumerate() {
        assert_eq!(world.place_of(&ann, &id, name).await, n as u64 + 2, "in their old order");
    }
}

#[tokio::test]
async fn d5_notifications_have_dead_letters_too() {
    let world = World::with(Wish { workers: false, ..Wish::default() });
    let ann = world.register("ann").await;
    let conversation = ConversationId::from_u128(5);
    let failed = Announcement::Failed {
        user: ann.id(),
        conversation,
        command_id: CommandId::from_u128(6),
        refusal: Refusal::DeadLettered,
    };
    let item = Item { group: 5, dedup: 6, body: failed };
    world.app.notifications.send(vec![item]).await.unwrap();
    give_up(&*world.app.notifications, 1).await;
    let client = world.client(&ann);
    assert!(client.get("/v1/admin/dead-letters").await.expect(200).items().is_empty());
    let listed = client.get("/v1/admin/dead-letters?queue=notifications").await.expect(200);
    let item = &listed.items()[0];
    assert_eq!((&item["name"], &item["senderId"]), (&json!("failed"), &json!(ann.id)));
    assert_eq!(item["conversationId"], json!(conversation.to_string()));
    let one = format!("/v1/admin/dead-letters/{}?queue=notifications", ids(&listed)[0]);
    client.get(&one).await.expect(200);
    let all = json!({"all": true, "queue": "notifications"});
    let dropped = client.post("/v1/admin/dead-letters/drop", all).await.expect(200);
    assert_eq!(dropped.body["count"], 1);
}

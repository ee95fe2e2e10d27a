//! Conversations: beginning, listing, joining, leaving, members, marks.

use chat::{Announcement, EventKind};
use serde_json::{Value, json};

use crate::{
    client::Answer,
    world::{User, World},
};

fn ids(answer: &Answer) -> Vec<String> {
    answer.items().iter().map(|item| item["conversationId"].as_str().unwrap().to_owned()).collect()
}

async fn three(world: &World) -> (User, User, User) {
    (world.register("ann").await, world.register("bob").await, world.register("cy").await)
}

#[tokio::test]
async fn a_direct_conversation_exists_once_per_pair() {
    let world = World::new();
    let (ann, bob, cy) = three(&world).await;
    let first = world.conversation("direct", &[&ann, &bob]).await;
    let body = json!({"kind": "direct", "memberIds": [ann.id]});
    let again = world.client(&bob).post("/v1/conversations", body).await.expect(200);
    assert_eq!(again.text("conversationId"), first);
    let listed = world.client(&bob).get("/v1/conversations").await.expect(200);
    let item = &listed.items()[0];
    let mut members: Vec<&str> =
        item["memberIds"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
    members.sort_unstable();
    let mut expected = [ann.id.as_str(), bob.id.as_str()];
    expected.sort_unstable();
    assert_eq!(members, expected);
    assert_eq!((&item["memberCount"], &item["role"]), (&json!(2), &json!("member")));
    for body in [
        json!({"kind": "direct", "memberIds": []}),
        json!({"kind": "direct", "memberIds": [bob.id, cy.id]}),
        json!({"kind": "direct", "memberIds": [ann.id]}),
    ] {
        world
            .client(&ann)
            .post("/v1/conversations", body)
            .await
            .expect_problem(422, "direct_needs_one_other");
    }
    let path = format!("/v1/conversations/{first}");
    world.client(&ann).patch(&path, json!({"title": "x"})).await.expect_problem(403, "direct_is_fixed");
    let leave = format!("{path}/leave");
    world.client(&ann).post(&leave, json!({})).await.expect_problem(403, "direct_is_fixed");
}

#[tokio::test]
async fn a_repeated_request_begins_one_conversation_d2() {
    let world = World::new();
    let (ann, bob, _) = three(&world).await;
    let body = json!({"kind": "group", "title": "Plans", "memberIds": [bob.id]});
    let client = world.client(&ann).header("idempotency-key", "0198c0de-0000-7000-8000-000000000001");
    let first = client.post("/v1/conversations", body.clone()).await.expect(201);
    let again = client.post("/v1/conversations", body.clone()).await.expect(200);
    assert_eq!(first.body, again.body);
    let other = world.client(&ann).post("/v1/conversations", body.clone()).await.expect(201);
    assert_ne!(first.body, other.body);
    let bad = world.client(&ann).header("idempotency-key", "again");
    bad.post("/v1/conversations", body).await.expect_problem(400, "bad_idempotency_key");
}

#[tokio::test]
async fn a_new_conversation_is_told_to_its_members() {
    let world = World::new();
    let (ann, bob, _) = three(&world).await;
    world.connect(&bob).await;
    world.heard();
    let id = world.conversation("group", &[&ann, &bob]).await;
    let heard = world.heard();
    let [announcement] = heard.as_slice() else { panic!("{heard:?}") };
    let Announcement::Event { event, ordinal: 0 } = &**announcement else { panic!("{announcement:?}") };
    assert_eq!((event.conversation.to_string(), event.seq), (id, 1));
    assert!(matches!(&event.kind, EventKind::Created { members, .. } if members.len() == 2));
}

#[tokio::test]
async fn what_is_wrong_with_a_new_conversation_is_named() {
    let world = World::new();
    let (ann, _, _) = three(&world).await;
    let nobody = chat::UserId::from_u128(9).to_string();
    let many: Vec<String> = (0..501).map(|n| chat::UserId::from_u128(n).to_string()).collect();
    for (body, status, code, field) in [
        (json!({"kind": "club"}), 400, "bad_request", "kind"),
        (json!({"title": "x"}), 400, "bad_request", "kind"),
        (json!({"kind": "group", "memberIds": ["x"]}), 400, "bad_request", "memberIds[0]"),
        (json!({"kind": "channel"}), 422, "bad_title", "title"),
        (json!({"kind": "group", "title": "x".repeat(81)}), 422, "bad_title", "title"),
        (json!({"kind": "group", "description": "x".repeat(1_001)}), 422, "bad_description", "description"),
        (json!({"kind": "group", "memberIds": [nobody]}), 404, "user_not_found", "memberIds"),
        (json!({"kind": "group", "memberIds": many}), 422, "too_many_named", "memberIds"),
    ] {
        let answer = world.client(&ann).post("/v1/conversations", body).await.expect_problem(status, code);
        assert_eq!(answer.text("field"), field, "{}", answer.body);
    }
}

#[tokio::test]
async fn the_list_is_by_activity_in_pages_and_counts_what_is_unread_d9() {
    let world = World::new();
    let (ann, bob, _) = three(&world).await;
    let mut made = Vec::new();
    for _ in 0..5 {
        world.pass_ms(10);
        made.push(world.conversation("group", &[&ann, &bob]).await);
    }
    world.pass_ms(10);
    let first = world.send(&ann, &made[2], "hello").await;
    world.send(&ann, &made[2], "again").await;
    let client = world.client(&bob);
    let all = client.get("/v1/conversations").await.expect(200);
    let order = [2, 4, 3, 1, 0].map(|n: usize| made[n].clone());
    assert_eq!(ids(&all), order);
    let item = &all.items()[0];
    assert_eq!((&item["unread"], &item["headSeq"], &item["readSeq"]), (&json!(2), &json!(3), &json!(0)));
    assert_eq!((&item["lastEvent"]["body"], &item["role"]), (&json!("again"), &json!("member")));

    let own = world.client(&ann).get("/v1/conversations").await.expect(200);
    let own = &own.items()[0];
    assert_eq!((&own["unread"], &own["readSeq"]), (&json!(0), &json!(3)), "what one wrote oneself is read");

    let mut seen = Vec::new();
    let mut path = "/v1/conversations?limit=2".to_owned();
    loop {
        let page = client.get(&path).await.expect(200);
        seen.extend(ids(&page));
        match page.body["next"].as_str() {
            Some(next) => path = format!("/v1/conversations?limit=2&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, order);
    client.get("/v1/conversations?cursor=x").await.expect_problem(400, "bad_cursor");

    let marks = format!("/v1/conversations/{}/marks", made[2]);
    client.put(&marks, json!({"readSeq": first})).await.expect(200);
    let one = client.get(&format!("/v1/conversations/{}", made[2])).await.expect(200);
    assert_eq!((&one.body["unread"], &one.body["readSeq"]), (&json!(1), &json!(first)));
}

#[tokio::test]
async fn an_unchanged_list_is_not_sent_again() {
    let world = World::new();
    let (ann, bob, _) = three(&world).await;
    let id = world.conversation("group", &[&ann, &bob]).await;
    let first = world.client(&bob).get("/v1/conversations").await.expect(200);
    let etag = first.header("etag").unwrap().to_owned();
    assert_eq!(first.header("cache-control"), Some("private, no-cache"));
    let holding = world.client(&bob).header("if-none-match", &format!("\"old\", {etag}"));
    let unchanged = holding.get("/v1/conversations").await.expect(304);
    assert_eq!(unchanged.header("etag"), Some(etag.as_str()));
    world.send(&ann, &id, "news").await;
    holding.get("/v1/conversations").await.expect(200);
}

#[tokio::test]
async fn marks_move_forward_up_to_the_head_and_are_told() {
    let world = World::new();
    let (ann, bob, _) = three(&world).await;
    let id = world.conversation("group", &[&ann, &bob]).await;
    let seq = world.send(&ann, &id, "hello").await;
    world.connect(&ann).await;
    world.heard();
    let path = format!("/v1/conversations/{id}/marks");
    let client = world.client(&bob);
    let marks = client.put(&path, json!({"readSeq": 1_000_000, "deliveredSeq": seq})).await.expect(200);
    assert_eq!(marks.body, json!({"readSeq": seq, "deliveredSeq": seq}));
    let told = |heard: &[std::sync::Arc<Announcement>]| {
        heard.iter().filter(|one| matches!(&***one, Announcement::Marks { to_all: true, .. })).count()
    };
    assert_eq!(told(&world.heard()), 1);
    let marks = client.put(&path, json!({"readSeq": 1})).await.expect(200);
    assert_eq!(marks.body["readSeq"], seq, "never back");
    assert_eq!(told(&world.heard()), 0, "nothing moved");
    client.put(&path, json!({})).await.expect_problem(422, "nothing_to_change");
    let members = client.get(&format!("/v1/conversations/{id}/members")).await.expect(200);
    let own = members.items().iter().find(|item| item["userId"] == bob.id).unwrap();
    assert_eq!(own["readSeq"], seq);
}

#[tokio::test]
async fn channels_are_listed_joined_and_left() {
    let world = World::new();
    let (ann, bob, _) = three(&world).await;
    let id = world.conversation("channel", &[&ann]).await;
    world.conversation("group", &[&ann]).await;
    let client = world.client(&bob);
    let listed = client.get("/v1/channels").await.expect(200);
    assert_eq!((ids(&listed), &listed.items()[0]["joined"]), (vec![id.clone()], &json!(false)));
    let path = format!("/v1/conversations/{id}");
    client.get(&path).await.expect_problem(404, "conversation_not_found");
    let joined = client.post(&format!("{path}/join"), json!({})).await.expect(200);
    assert_eq!((joined.text("role"), &joined.body["memberCount"]), ("member".into(), &json!(2)));
    client.post(&format!("{path}/join"), json!({})).await.expect(200);
    assert_eq!(client.get("/v1/channels").await.expect(200).items()[0]["joined"], json!(true));
    client.post(&format!("{path}/leave"), json!({})).await.expect(204);
    client.get(&path).await.expect_problem(404, "conversation_not_found");
    client.get("/v1/channels?after=x").await.expect_problem(400, "bad_cursor");
}

#[tokio::test]
async fn members_come_go_and_rise() {
    let world = World::new();
    let (ann, bob, cy) = three(&world).await;
    let id = world.conversation("group", &[&ann, &bob]).await;
    let path = format!("/v1/conversations/{id}/members");
    let of = |user: &User| format!("{path}/{}", user.id);
    let roles = async || {
        let members = world.client(&ann).get(&path).await.expect(200);
        let role = |user: &User| {
            let found = members.items().iter().find(|item| item["userId"] == user.id);
            found.map_or(Value::Null, |item| item["role"].clone())
        };
        [role(&ann), role(&bob), role(&cy)]
    };
    world.client(&bob).post(&path, json!({"userIds": [cy.id]})).await.expect(204);
    assert_eq!(roles().await, [json!("owner"), json!("member"), json!("member")]);
    let nobody = chat::UserId::from_u128(9).to_string();
    let strangers = json!({"userIds": [nobody]});
    let answer = world.client(&bob).post(&path, strangers).await.expect_problem(404, "user_not_found");
    assert_eq!(answer.text("field"), "userIds");
    world.client(&bob).delete(&of(&cy)).await.expect_problem(403, "forbidden");
    world.client(&bob).patch(&of(&cy), json!({"role": "admin"})).await.expect_problem(403, "forbidden");
    world.client(&ann).patch(&of(&bob), json!({"role": "admin"})).await.expect(204);
    world.client(&ann).patch(&of(&bob), json!({"role": "king"})).await.expect_problem(400, "bad_request");
    world.client(&bob).delete(&of(&cy)).await.expect(204);
    world.client(&bob).delete(&of(&cy)).await.expect_problem(404, "not_a_member");
    assert_eq!(roles().await, [json!("owner"), json!("admin"), Value::Null]);
    let leave = format!("/v1/conversations/{id}/leave");
    world.client(&ann).post(&leave, json!({})).await.expect_problem(403, "last_owner");
    world.client(&ann).patch(&of(&ann), json!({"role": "member"})).await.expect_problem(403, "last_owner");
    let page = world.client(&ann).get(&format!("{path}?limit=1")).await.expect(200);
    let next = format!("{path}?limit=1&after={}", page.text("next"));
    let second = world.client(&ann).get(&next).await.expect(200);
    assert_ne!(page.items()[0]["userId"], second.items()[0]["userId"]);
}

#[tokio::test]
async fn title_and_description_change() {
    let world = World::new();
    let (ann, bob, _) = three(&world).await;
    let id = world.conversation("group", &[&ann, &bob]).await;
    let path = format!("/v1/conversations/{id}");
    let change = json!({"title": "New", "description": "What for"});
    world.client(&bob).patch(&path, change.clone()).await.expect_problem(403, "forbidden");
    let after = world.client(&ann).patch(&path, change).await.expect(200);
    assert_eq!((after.text("title"), after.text("description")), ("New".into(), "What for".into()));
    let after = world.client(&ann).patch(&path, json!({"description": ""})).await.expect(200);
    assert!(after.body.get("description").is_none());
    world.client(&ann).patch(&path, json!({})).await.expect_problem(422, "nothing_to_change");
    let answer =
        world.client(&ann).patch(&path, json!({"title": " "})).await.expect_problem(422, "bad_title");
    assert_eq!(answer.text("field"), "title");
}

/// Fills up somebody's conversations, by the change that the route itself makes.
async fn fill(world: &World, user: &User, count: usize) {
    let creator = user.id();
    let creating = (0..count).map(|n| {
        let (store, n) = (world.app.store.clone(), 0xf111_0000 + n as u128);
        tokio::spawn(async move {
            let change = chat::Change::CreateConversation {
                conversation: chat::ConversationId::from_u128(n),
                creator,
                request: chat::CommandId::from_u128(n),
                at: 1,
                kind: chat::ConversationKind::Group,
                title: None,
                description: None,
                members: vec![],
            };
            store.change(change).await.unwrap();
        })
    });
    for creating in creating.collect::<Vec<_>>() {
        creating.await.unwrap();
    }
}

#[tokio::test]
async fn d6_nobody_is_in_more_conversations_than_one_account_can_be() {
    let world = World::new();
    let (ann, bob, cy) = three(&world).await;
    let group = world.conversation("group", &[&ann, &cy]).await;
    let last = world.conversation("group", &[&ann]).await;
    let channel = world.conversation("channel", &[&ann]).await;
    fill(&world, &bob, chat::limits::CONVERSATIONS_PER_USER_MAX - 1).await;
    let (one, other) = (world.client(&ann), world.client(&bob));
    let members = |id: &str| format!("/v1/conversations/{id}/members");
    one.post(&members(&last), json!({"userIds": [bob.id]})).await.expect(204);

    let full = "too_many_conversations";
    let refused = one.post(&members(&group), json!({"userIds": [cy.id, bob.id]})).await;
    assert_eq!(refused.expect_problem(409, full).body["field"], "userIds");
    for kind in ["direct", "group"] {
        let body = json!({"kind": kind, "memberIds": [bob.id]});
        let refused = one.post("/v1/conversations", body).await;
        assert_eq!(refused.expect_problem(409, full).body["field"], "memberIds");
    }
    let join = format!("/v1/conversations/{channel}/join");
    other.post(&join, json!({})).await.expect_problem(409, full);
    other.post("/v1/conversations", json!({"kind": "group"})).await.expect_problem(409, full);

    // Who is a member already takes no room.
    one.post(&members(&last), json!({"userIds": [bob.id]})).await.expect(204);
    other.post(&format!("/v1/conversations/{last}/leave"), json!({})).await.expect(204);
    other.post(&join, json!({})).await.expect(200);
    other.post(&join, json!({})).await.expect(200);
}

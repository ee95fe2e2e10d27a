//! Messages over HTTP: sending, history, editing, erasing, reactions.

use serde_json::{Value, json};

use crate::world::{User, Wish, World};

struct Room {
    world: World,
    ann: User,
    bob: User,
    id: String,
}

impl Room {
    async fn new() -> Room {
        let world = World::new();
        let (ann, bob) = (world.register("ann").await, world.register("bob").await);
        let id = world.conversation("group", &[&ann, &bob]).await;
        Room { world, ann, bob, id }
    }

    fn path(&self, rest: &str) -> String {
        format!("/v1/conversations/{}/{rest}", self.id)
    }

    async fn message(&self, user: &User, seq: u64) -> Value {
        self.world.client(user).get(&self.path(&format!("messages/{seq}"))).await.expect(200).body
    }
}

#[tokio::test]
async fn a_resend_is_the_same_message_d2() {
    let room = Room::new().await;
    let client = room.world.client(&room.ann);
    let id = "0198c0de-0000-7000-8000-0000000000aa";
    let body = json!({"body": "once", "clientMessageId": id});
    for _ in 0..3 {
        let accepted = client.post(&room.path("messages"), body.clone()).await.expect(202);
        assert_eq!(accepted.text("clientMessageId"), id);
    }
    let key = client.clone().header("idempotency-key", id);
    key.post(&room.path("messages"), json!({"body": "once"})).await.expect(202);
    let last = room.world.send(&room.ann, &room.id, "after").await;
    assert_eq!(last, 3, "created, once, after");
}

#[tokio::test]
async fn history_is_read_in_pages_both_ways_d3() {
    let room = Room::new().await;
    for n in 0..10 {
        room.world.send(&room.ann, &room.id, &format!("message {n}")).await;
    }
    let client = room.world.client(&room.bob);
    let seqs = async |query: &str| {
        let page = client.get(&room.path(&format!("events?{query}"))).await.expect(200).body;
        let events = page["events"].as_array().unwrap();
        let seqs: Vec<u64> = events.iter().map(|event| event["seq"].as_u64().unwrap()).collect();
        (seqs, page["more"].as_bool().unwrap(), page["headSeq"].as_u64().unwrap())
    };
    assert_eq!(seqs("limit=3").await, (vec![9, 10, 11], true, 11), "the last ones");
    assert_eq!(seqs("before=9&limit=3").await, (vec![6, 7, 8], true, 11));
    assert_eq!(seqs("before=3&limit=3").await, (vec![1, 2], false, 11));
    assert_eq!(seqs("after=0&limit=2").await, (vec![1, 2], true, 11));
    assert_eq!(seqs("after=9&limit=5").await, (vec![10, 11], false, 11));
    assert_eq!(seqs("after=11").await, (vec![], false, 11));
    let both = client.get(&room.path("events?after=1&before=2")).await.expect_problem(400, "bad_request");
    assert_eq!(both.text("field"), "before");
    for query in ["limit=0", "limit=501", "after=x", "after=-1"] {
        client.get(&room.path(&format!("events?{query}"))).await.expect_problem(400, "bad_request");
    }
}

#[tokio::test]
async fn unchanged_history_is_not_sent_again() {
    let room = Room::new().await;
    let seq = room.world.send(&room.ann, &room.id, "hello").await;
    let first = room.world.client(&room.bob).get(&room.path("events")).await.expect(200);
    let holding = room.world.client(&room.bob).header("if-none-match", first.header("etag").unwrap());
    holding.get(&room.path("events")).await.expect(304);
    let reaction = room.path(&format!("messages/{seq}/reactions/%F0%9F%91%8D"));
    room.world.client(&room.ann).ask(axum::http::Method::PUT, &reaction, None).await.expect(200);
    let after = holding.get(&room.path("events")).await.expect(200);
    assert_ne!(after.header("etag"), first.header("etag"));
}

#[tokio::test]
async fn p21_an_edit_keeps_what_was_said_before() {
    let room = Room::new().await;
    let seq = room.world.send(&room.ann, &room.id, "helo").await;
    let path = room.path(&format!("messages/{seq}"));
    let client = room.world.client(&room.ann);
    let edited = client.patch(&path, json!({"body": "hello"})).await.expect(200);
    assert_eq!(edited.body["seq"], seq + 1);
    let same = client.patch(&path, json!({"body": "hello"})).await.expect(200);
    assert_eq!(same.body, json!({}), "nothing had to change");
    let message = room.message(&room.bob, seq).await;
    assert_eq!(
        (&message["body"], &message["edits"], &message["rev"]),
        (&json!("hello"), &json!(1), &json!(seq + 1))
    );
    let versions = room.world.client(&room.bob).get(&format!("{path}/versions")).await.expect(200);
    assert_eq!(versions.items()[0]["body"], "helo");
    let other = room.world.client(&room.bob);
    other.patch(&path, json!({"body": "x"})).await.expect_problem(403, "not_your_message");
    let empty = client.patch(&path, json!({"body": " "})).await.expect_problem(422, "empty_body");
    assert_eq!(empty.text("field"), "body");
}

#[tokio::test]
async fn a_deleted_message_leaves_a_tombstone_and_no_text() {
    let room = Room::new().await;
    let seq = room.world.send(&room.ann, &room.id, "unwise words").await;
    let path = room.path(&format!("messages/{seq}"));
    let client = room.world.client(&room.ann);
    client.patch(&path, json!({"body": "unwise words, edited"})).await.expect(200);
    room.world.client(&room.bob).delete(&path).await.expect_problem(403, "forbidden");
    client.delete(&path).await.expect(200);
    assert_eq!(client.delete(&path).await.expect(200).body, json!({}));
    let message = room.message(&room.bob, seq).await;
    assert_eq!((&message["body"], &message["deletedBy"]), (&json!(""), &json!(room.ann.id)));
    let events = client.get(&room.path("events")).await.expect(200);
    let versions = client.get(&format!("{path}/versions")).await.expect(200);
    for answer in [&events, &versions] {
        assert!(!answer.body.to_string().contains("unwise"), "{}", answer.body);
    }
    client.patch(&path, json!({"body": "x"})).await.expect_problem(410, "message_deleted");
    client.delete(&room.path("messages/1")).await.expect_problem(404, "message_not_found");
    client.delete(&room.path("messages/99")).await.expect_problem(404, "message_not_found");
    client.delete(&room.path("messages/x")).await.expect_problem(404, "message_not_found");
}

#[tokio::test]
async fn reactions_are_counted_and_one_s_own_are_marked() {
    let room = Room::new().await;
    let seq = room.world.send(&room.ann, &room.id, "hello").await;
    let of = |emoji: &str| room.path(&format!("messages/{seq}/reactions/{emoji}"));
    let put = axum::http::Method::PUT;
    for user in [&room.ann, &room.bob] {
        room.world.client(user).ask(put.clone(), &of("%F0%9F%91%8D"), None).await.expect(200);
    }
    let client = room.world.client(&room.bob);
    client.ask(put.clone(), &of("ok"), None).await.expect(200);
    let reactions = |message: &Value| message["reactions"].clone();
    assert_eq!(
        reactions(&room.message(&room.bob, seq).await),
        json!([{"emoji": "👍", "count": 2, "mine": true}, {"emoji": "ok", "count": 1, "mine": true}])
    );
    assert_eq!(
        reactions(&room.message(&room.ann, seq).await),
        json!([{"emoji": "👍", "count": 2, "mine": true}, {"emoji": "ok", "count": 1}])
    );
    let list = room.path(&format!("messages/{seq}/reactions"));
    let first = client.get(&format!("{list}?limit=2")).await.expect(200);
    let next = format!("{list}?limit=2&after={}", first.text("next"));
    let second = client.get(&next).await.expect(200);
    assert_eq!((first.items().len(), second.items().len()), (2, 1));
    client.get(&format!("{list}?after=x")).await.expect_problem(400, "bad_cursor");
    client.delete(&of("ok")).await.expect(200);
    assert_eq!(client.delete(&of("ok")).await.expect(200).body, json!({}));
    let bad = client.ask(put.clone(), &of("a%20b"), None).await.expect_problem(422, "bad_emoji");
    assert_eq!(bad.text("field"), "emoji");
    let missing = room.path("messages/99/reactions/ok");
    client.ask(put, &missing, None).await.expect_problem(404, "message_not_found");
}

#[tokio::test]
async fn an_outcome_that_does_not_come_is_asked_for_again_d2() {
    let world = World::with(Wish { workers: false, ..Wish::default() });
    let ann = world.register("ann").await;
    let path = format!("/v1/conversations/{}", world.conversation("group", &[&ann]).await);
    let client = world.client(&ann).header("idempotency-key", "0198c0de-0000-7000-8000-0000000000bb");
    // Nothing else is left to do, so paused time goes straight to the end of the wait.
    tokio::time::pause();
    client.patch(&path, json!({"title": "Later"})).await.expect_problem(504, "timeout");
    tokio::time::resume();
    world.start_workers();
    assert_eq!(client.patch(&path, json!({"title": "Later"})).await.expect(200).text("title"), "Later");
    let events = client.get(&format!("{path}/events")).await.expect(200);
    assert_eq!(events.body["headSeq"], 2, "it took effect once");
}

#[tokio::test]
async fn answers_mentions_and_their_limits() {
    let room = Room::new().await;
    let first = room.world.send(&room.ann, &room.id, "question").await;
    let question = room.message(&room.bob, first).await;
    let client = room.world.client(&room.bob);
    let body = json!({"body": "answer", "replyTo": question["messageId"], "mentions": [room.ann.id]});
    let sent = client.post(&room.path("messages"), body).await.expect(202);
    let seq = room.world.place_of(&room.bob, &room.id, &sent.text("clientMessageId")).await;
    let answer = room.message(&room.ann, seq).await;
    assert_eq!((&answer["replyTo"], &answer["mentions"]), (&json!(first), &json!([room.ann.id])));
    let listed = room.world.client(&room.ann).get("/v1/conversations").await.expect(200);
    assert_eq!(listed.items()[0]["mentions"], 1);
    let body = json!({"body": "x", "replyTo": first});
    client.post(&room.path("messages"), body).await.expect(202);

    let many: Vec<&str> = vec![&room.ann.id; 51];
    for (body, status, code, field) in [
        (json!({"body": ""}), 422, "empty_body", "body"),
        (json!({"body": "x".repeat(16_385)}), 422, "body_too_long", "body"),
        (json!({"body": "x", "mentions": many}), 422, "too_many_mentions", "mentions"),
        (json!({"body": "x", "clientMessageId": "7"}), 400, "bad_request", "clientMessageId"),
        (json!({}), 400, "bad_request", "body"),
    ] {
        let problem = client.post(&room.path("messages"), body).await.expect_problem(status, code);
        assert_eq!(problem.text("field"), field);
    }
}

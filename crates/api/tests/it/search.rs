//! Searching over HTTP: what is found, how it is shown, what is refused, and what nobody learns (D7).

use serde_json::Value;

use api::{Rate, RateOptions};

use crate::world::{User, Wish, World};

async fn search(world: &World, user: &User, q: &str) -> Value {
    world.app.search.refresh().await.unwrap();
    world.client(user).get(&path(q)).await.expect(200).body
}

fn path(q: &str) -> String {
    let escaped: String = q.bytes().map(|byte| format!("%{byte:02X}")).collect();
    format!("/v1/search?q={escaped}")
}

fn seqs(body: &Value) -> Vec<u64> {
    body["items"].as_array().unwrap().iter().map(|item| item["seq"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn a_result_is_the_message_and_why_it_was_found() {
    let world = World::new();
    let ann = world.register("ann").await;
    let room = world.conversation("group", &[&ann]).await;
    let seq = world.send(&ann, &room, "see the <b>Quick</b> brown fox").await;
    let body = search(&world, &ann, "quick fox").await;
    let item = &body["items"][0];
    assert_eq!((item["seq"].as_u64(), item["kind"].as_str()), (Some(seq), Some("message")));
    assert_eq!(item["conversationId"], room);
    assert_eq!(item["senderId"], ann.id);
    assert_eq!(item["body"], "see the <b>Quick</b> brown fox");
    let marked: String = item["snippet"].as_array().unwrap().iter().fold(String::new(), |all, part| {
        let text = part["text"].as_str().unwrap();
        if part["hit"] == true { format!("{all}[{text}]") } else { all + text }
    });
    assert_eq!(marked, "see the <b>[Quick]</b> brown [fox]");
    assert!(body["tookMs"].is_u64() && body.get("next").is_none());
}

#[tokio::test]
async fn filters_name_people_and_conversations_as_readers_know_them() {
    let world = World::new();
    let (ann, bob) = (world.register("ann").await, world.register("bob").await);
    let group = world.conversation("group", &[&ann, &bob]).await;
    let direct = world.conversation("direct", &[&ann, &bob]).await;
    let one = world.send(&ann, &group, "lunch").await;
    let two = world.send(&bob, &group, "lunch").await;
    let three = world.send(&bob, &direct, "lunch").await;
    for (q, expected) in [
        ("lunch from:me", vec![one]),
        ("from:BOB in:\"a title\"", vec![two]),
        ("lunch in:bob", vec![three]),
        ("lunch in:bob from:me", vec![]),
        ("lunch before:2001-01-01", vec![]),
    ] {
        assert_eq!(seqs(&search(&world, &ann, q).await), expected, "{q}");
    }
    assert_eq!(seqs(&search(&world, &ann, &format!("lunch in:{group}")).await).len(), 2);
}

#[tokio::test]
async fn what_is_wrong_with_a_search_is_said() {
    let world = World::new();
    let ann = world.register("ann").await;
    for (q, said) in [
        ("", "no word"),
        ("x before:soon", "before:soon"),
        ("x has:cake", "has:cake"),
        ("x from:nobody", "from:nobody"),
        ("x in:nowhere", "in:nowhere"),
    ] {
        let answer = world.client(&ann).get(&path(q)).await;
        assert_eq!(answer.code(), "bad_search", "{q}");
        assert!(answer.text("detail").contains(said), "{q}: {}", answer.text("detail"));
        assert_eq!(answer.text("field"), "q");
    }
    let client = world.client(&ann);
    assert_eq!(client.get("/v1/search").await.code(), "bad_request");
    for limit in ["0", "101"] {
        assert_eq!(client.get(&format!("/v1/search?q=x&limit={limit}")).await.code(), "bad_request");
    }
    assert_eq!(client.get("/v1/search?q=x&cursor=zzz").await.code(), "bad_cursor");
}

#[tokio::test]
async fn d7_naming_a_conversation_of_others_tells_nothing() {
    let world = World::new();
    let (ann, eve) = (world.register("ann").await, world.register("eve").await);
    let room = world.conversation("group", &[&ann]).await;
    world.send(&ann, &room, "secret").await;
    assert!(seqs(&search(&world, &eve, "secret").await).is_empty());
    let theirs = world.client(&eve).get(&path(&format!("in:{room}"))).await;
    let missing = "01890000-0000-7000-8000-000000000000";
    let nothing = world.client(&eve).get(&path(&format!("in:{missing}"))).await;
    assert_eq!((theirs.status, theirs.code()), (nothing.status, nothing.code()));
    assert_eq!(theirs.text("detail").replace(&room, ""), nothing.text("detail").replace(missing, ""));
}

#[tokio::test]
async fn pages_follow_each_other() {
    let world = World::new();
    let ann = world.register("ann").await;
    let room = world.conversation("group", &[&ann]).await;
    for number in 0..7 {
        world.send(&ann, &room, &format!("needle {number}")).await;
    }
    world.app.search.refresh().await.unwrap();
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = world.client(&ann).get(&format!("/v1/search?q=needle&limit=3{cursor}")).await.expect(200);
        all.extend(seqs(&page.body));
        match page.body["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(all.len(), 7);
    assert!(all.windows(2).all(|pair| pair[0] > pair[1]), "{all:?}");
}

#[tokio::test]
async fn d6_searches_have_a_rate_of_their_own() {
    let searches = Some(Rate { burst: 2, refill_ms: 3_600_000 });
    let world =
        World::with(Wish { rates: RateOptions { searches, ..RateOptions::unlimited() }, ..Wish::default() });
    let ann = world.register("ann").await;
    for _ in 0..2 {
        world.client(&ann).get("/v1/search?q=x").await.expect(200);
    }
    assert_eq!(world.client(&ann).get("/v1/search?q=x").await.code(), "slow_down");
}

//! What holds for every route, walked through the document: logins, bodies, sizes, rates.

use api::{Options, Rate, RateOptions, hash_of};
use axum::http::Method;
use serde_json::json;

use crate::{
    schema::{Operation, operations},
    world::{PASSWORD, User, Wish, World},
};

/// The operation's path with everything filled in that exists.
fn path_of(operation: &Operation, conversation: &str, user: &User) -> String {
    operation
        .path
        .replace("{conversation}", conversation)
        .replace("{seq}", "1")
        .replace("{user}", &user.id)
        .replace("{session}", &user.session)
        .replace("{emoji}", "ok")
        .replace("{invite}", "x")
        .replace("{deadLetter}", "x")
        .replace("{attachment}", &user.id)
}

async fn owner_and_room(world: &World) -> (User, String) {
    let ann = world.register("ann").await;
    let id = world.conversation("group", &[&ann]).await;
    (ann, id)
}

#[tokio::test]
async fn without_a_login_every_private_route_says_so() {
    let world = World::new();
    let (ann, id) = owner_and_room(&world).await;
    let clients =
        [world.stranger(), world.stranger().bearer("dw_unknown"), world.stranger().cookie("dw_unknown")];
    for operation in operations().iter().filter(|operation| operation.needs_login) {
        let path = path_of(operation, &id, &ann);
        for client in &clients {
            let client = client.clone().header("sec-fetch-site", "same-origin");
            let body = operation.has_body.then(|| json!({}));
            let answer = client.ask(operation.method.clone(), &path, body).await;
            assert_eq!(answer.code(), "unauthorized", "{}", operation.id);
        }
    }
    let public = operations().iter().filter(|operation| !operation.needs_login);
    let public: Vec<&str> = public.map(|operation| operation.id.as_str()).collect();
    assert_eq!(public, ["register", "getOpenApi", "getServer", "logIn"]);
}

#[tokio::test]
async fn every_body_is_read_with_care() {
    let world = World::new();
    let (ann, id) = owner_and_room(&world).await;
    let client = world.client(&ann);
    let json_type = Some("application/json");
    let bodies: Vec<&Operation> = operations().iter().filter(|operation| operation.has_body).collect();
    assert!(bodies.len() > 10);
    for operation in bodies {
        let path = path_of(operation, &id, &ann);
        let ask = async |body: &[u8], kind: Option<&str>| {
            client.ask_raw(operation.method.clone(), &path, Some(body.to_vec()), kind).await
        };
        for malformed in [&b"{"[..], b"", b"\xff"] {
            assert_eq!(ask(malformed, json_type).await.code(), "bad_json", "{}", operation.id);
        }
        assert_eq!(ask(b"[]", json_type).await.status, 400, "{}", operation.id);
        for kind in [None, Some("text/plain"), Some("application/x-www-form-urlencoded")] {
            assert_eq!(ask(b"{}", kind).await.code(), "unsupported_media_type", "{}", operation.id);
        }
        let huge = format!("{{\"body\":\"{}\"}}", "x".repeat(64 * 1024));
        assert_eq!(ask(huge.as_bytes(), json_type).await.code(), "request_too_large", "{}", operation.id);
    }
}

#[tokio::test]
async fn d6_every_private_route_is_rate_limited() {
    let rates =
        RateOptions { requests: Some(Rate { burst: 2, refill_ms: 3_600_000 }), ..RateOptions::unlimited() };
    let world = World::with(Wish { rates, ..Wish::default() });
    let ann = world.register("ann").await;
    let client = world.client(&ann);
    for _ in 0..2 {
        client.get("/v1/account").await.expect(200);
    }
    let id = chat::ConversationId::from_u128(1).to_string();
    for operation in operations().iter().filter(|operation| operation.needs_login) {
        let body = operation.has_body.then(|| json!({}));
        let answer = client.ask(operation.method.clone(), &path_of(operation, &id, &ann), body).await;
        assert_eq!(answer.code(), "slow_down", "{}", operation.id);
        let wait_ms = answer.body["retryAfterMs"].as_u64().unwrap();
        let wait_s: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert_eq!(wait_ms.div_ceil(1_000), wait_s);
    }
    let bob = world.register("bob").await;
    world.client(&bob).get("/v1/account").await.expect(200);
}

#[tokio::test]
async fn d6_sends_are_limited_by_user_over_all_conversations() {
    let rates =
        RateOptions { sends: Some(Rate { burst: 3, refill_ms: 3_600_000 }), ..RateOptions::unlimited() };
    let world = World::with(Wish { rates, ..Wish::default() });
    let (ann, id) = owner_and_room(&world).await;
    world.send(&ann, &id, "one").await;
    world.send(&ann, &id, "two").await;
    let path = format!("/v1/conversations/{id}");
    let client = world.client(&ann);
    client.post(&format!("{path}/messages"), json!({"body": "x"})).await.expect_problem(429, "slow_down");
    client.patch(&path, json!({"title": "x"})).await.expect_problem(429, "slow_down");
    client.get(&path).await.expect(200);
    let again = world.app.limits.send(ann.id()).unwrap_err();
    assert!(again.retry_after_ms > 0, "sockets use the same limiter");
}

#[tokio::test]
async fn d6_logins_and_registrations_are_limited_by_address() {
    let slow = Some(Rate { burst: 2, refill_ms: 3_600_000 });
    let rates = RateOptions { logins: slow, registrations: slow, ..RateOptions::unlimited() };
    let world = World::with(Wish { rates, ..Wish::default() });
    let name = |name: &str| json!({"username": name, "password": PASSWORD});
    let from = |address: &str| world.stranger().at_address(address);
    for who in ["ann", "bob"] {
        from("198.51.100.1").post("/v1/accounts", name(who)).await.expect(201);
        from("198.51.100.1").post("/v1/sessions", name(who)).await.expect(201);
    }
    for path in ["/v1/accounts", "/v1/sessions"] {
        from("198.51.100.1").post(path, name("ann")).await.expect_problem(429, "slow_down");
        // Nobody believes a header that anybody can write.
        let forged = from("198.51.100.1").header("x-forwarded-for", "203.0.113.1");
        forged.post(path, name("ann")).await.expect_problem(429, "slow_down");
    }
    from("198.51.100.2").post("/v1/accounts", name("cy")).await.expect(201);
    from("198.51.100.2").post("/v1/sessions", name("cy")).await.expect(201);
}

#[tokio::test]
async fn d6_guessing_one_password_from_many_addresses_is_slow() {
    let rates = RateOptions {
        logins_per_name: Some(Rate { burst: 3, refill_ms: 3_600_000 }),
        ..RateOptions::unlimited()
    };
    let world = World::with(Wish { rates, ..Wish::default() });
    world.register("ann").await;
    for n in 0..5_u32 {
        let body = json!({"username": if n % 2 == 0 { "ann" } else { "ANN" }, "password": "wrong password"});
        let guesser = world.stranger().at_address(&format!("198.51.100.{n}"));
        let expected = if n < 3 { "bad_credentials" } else { "slow_down" };
        assert_eq!(guesser.post("/v1/sessions", body).await.code(), expected);
    }
}

#[tokio::test]
async fn d6_who_guesses_tokens_is_slowed_down_and_others_at_the_address_are_not() {
    let rates =
        RateOptions { strangers: Some(Rate { burst: 2, refill_ms: 3_600_000 }), ..RateOptions::unlimited() };
    let world = World::with(Wish { rates, ..Wish::default() });
    let ann = world.register("ann").await;
    for expected in ["unauthorized", "unauthorized", "slow_down"] {
        let guesser = world.stranger().bearer("dw_guess");
        assert_eq!(guesser.get("/v1/account").await.code(), expected);
    }
    world.client(&ann).get("/v1/account").await.expect(200);
}

#[tokio::test]
async fn the_operator_s_token_opens_administration_and_nothing_else() {
    let options = Options { operator: Some(hash_of("operator secret")), ..Wish::default().options };
    let world = World::with(Wish { options, ..Wish::default() });
    let ann = world.register("ann").await;
    let id = world.conversation("group", &[&ann]).await;
    let operator = world.stranger().bearer("operator secret");
    for operation in operations().iter().filter(|operation| operation.needs_login) {
        let body = operation.has_body.then(|| json!({"all": true}));
        let answer = operator.ask(operation.method.clone(), &path_of(operation, &id, &ann), body).await;
        let refused = answer.status == 401;
        assert_eq!(refused, !operation.path.starts_with("/v1/admin"), "{} {answer:?}", operation.id);
    }
    world
        .stranger()
        .bearer("operator secre")
        .get("/v1/admin/users")
        .await
        .expect_problem(401, "unauthorized");
}

#[tokio::test]
async fn administration_is_closed_to_members() {
    let world = World::new();
    let ann = world.register("ann").await;
    let bob = world.register("bob").await;
    for operation in operations().iter().filter(|operation| operation.path.starts_with("/v1/admin")) {
        let body = operation.has_body.then(|| json!({}));
        let path = path_of(operation, "x", &ann);
        let answer = world.client(&bob).ask(operation.method.clone(), &path, body).await;
        assert_eq!(answer.code(), "forbidden", "{}", operation.id);
    }
}

#[tokio::test]
async fn disabled_people_are_outside_at_once() {
    let world = World::new();
    let (ann, id) = owner_and_room(&world).await;
    let bob = world.register("bob").await;
    world.client(&bob).get("/v1/account").await.expect(200);
    let path = format!("/v1/admin/users/{}", bob.id);
    world.client(&ann).patch(&path, json!({"disabled": true})).await.expect(200);
    for operation in operations().iter().filter(|operation| operation.needs_login) {
        let body = operation.has_body.then(|| json!({}));
        let answer =
            world.client(&bob).ask(operation.method.clone(), &path_of(operation, &id, &ann), body).await;
        assert_eq!(answer.code(), "unauthorized", "{}", operation.id);
    }
    let login = json!({"username": "bob", "password": PASSWORD});
    world.stranger().post("/v1/sessions", login.clone()).await.expect_problem(403, "account_disabled");
    let wrong = json!({"username": "bob", "password": "wrong password"});
    world.stranger().post("/v1/sessions", wrong).await.expect_problem(401, "bad_credentials");
    world.client(&ann).patch(&path, json!({"disabled": false})).await.expect(200);
    world.stranger().post("/v1/sessions", login).await.expect(201);
}

#[tokio::test]
async fn p62_what_is_no_route_is_a_problem_document_too() {
    let world = World::new();
    let answer = world.stranger().ask(Method::PUT, "/v1/sessions", None).await;
    let answer = answer.expect_problem(405, "method_not_allowed");
    let allow = answer.header("allow").unwrap();
    assert!(allow.contains("GET") && allow.contains("POST"), "{allow}");
    world.stranger().get("/v1/nothing").await.expect_problem(404, "not_found");
    world.stranger().get("/").await.expect_problem(404, "not_found");
    let long =
        world.stranger().get(&format!("/{}", "x".repeat(5_000))).await.expect_problem(404, "not_found");
    assert!(long.bytes.len() < 1_000, "what is repeated of a path is bounded");
}

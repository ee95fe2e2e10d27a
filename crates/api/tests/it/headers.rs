//! Headers on every answer, and cross-origin access where the operator allows it.

use api::Options;
use axum::http::Method;
use serde_json::json;

use crate::{
    client::Answer,
    world::{Wish, World},
};

fn assert_guarded(answer: &Answer) {
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    assert_eq!(answer.header("cross-origin-resource-policy"), Some("same-origin"));
    let policy = answer.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
}

#[tokio::test]
async fn every_answer_is_guarded_and_private_ones_are_not_kept() {
    let world = World::new();
    let ann = world.register("ann").await;
    let client = world.client(&ann);
    for (path, kept) in [
        ("/v1/account", "no-store"),
        ("/v1/sessions", "no-store"),
        ("/v1/nothing", "no-store"),
        ("/v1/conversations", "private, no-cache"),
    ] {
        let answer = client.get(path).await;
        assert_guarded(&answer);
        assert_eq!(answer.header("cache-control"), Some(kept), "{path}");
    }
    let unauthorized = world.stranger().get("/v1/account").await;
    assert_guarded(&unauthorized);
    assert_eq!(unauthorized.header("cache-control"), Some("no-store"));
}

#[tokio::test]
async fn no_other_origin_reads_anything_unless_it_is_listed() {
    let world = World::new();
    let ann = world.register("ann").await;
    let page = world.client(&ann).header("origin", "https://app.example.com");
    let answer = page.get("/v1/account").await.expect(200);
    assert!(!answer.headers.contains_key("access-control-allow-origin"));
    let preflight = page.header("access-control-request-method", "GET");
    let refused = preflight.ask(Method::OPTIONS, "/v1/account", None).await;
    assert_eq!(refused.status, 405);
    assert!(!refused.headers.contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn a_listed_origin_calls_with_a_token() {
    let options =
        Options { cors_origins: vec!["https://app.example.com".to_owned()], ..Wish::default().options };
    let world = World::with(Wish { options, ..Wish::default() });
    let ann = world.register("ann").await;
    let page = |origin| world.stranger().header("origin", origin);
    let preflight = page("https://app.example.com").header("access-control-request-method", "PATCH");
    let allowed = preflight.ask(Method::OPTIONS, "/v1/account", None).await;
    assert_eq!(allowed.status, 204);
    assert_eq!(allowed.header("access-control-allow-origin"), Some("https://app.example.com"));
    assert!(allowed.header("access-control-allow-methods").unwrap().contains("PATCH"));
    assert!(allowed.header("access-control-allow-headers").unwrap().contains("authorization"));
    assert!(!allowed.headers.contains_key("access-control-allow-credentials"), "tokens, never cookies");

    let client = page("https://app.example.com").bearer(&ann.token);
    let answer = client.patch("/v1/account", json!({"displayName": "Ann"})).await.expect(200);
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://app.example.com"));
    assert_eq!(answer.header("vary"), Some("Origin"));
    let login = json!({"username": "ann", "password": crate::world::PASSWORD});
    page("https://app.example.com").post("/v1/sessions", login).await.expect(201);

    let other = page("https://app.example.com.evil.example").bearer(&ann.token).get("/v1/account").await;
    assert!(!other.headers.contains_key("access-control-allow-origin"));
    assert_eq!(other.header("vary"), Some("Origin"));
}

//! Logging in and out; cookies and where they are good; tickets.

use std::sync::Barrier;

use api::{By, Options};
use axum::http::{HeaderMap, HeaderValue};
use serde_json::json;

use crate::world::{PASSWORD, User, Wish, World, cheap_passwords, here};

fn login(name: &str, password: &str) -> serde_json::Value {
    json!({"username": name, "password": password})
}

#[tokio::test]
async fn a_wrong_name_and_a_wrong_password_get_the_same_answer_d7() {
    let world = World::new();
    world.register("ann").await;
    let client = world.stranger();
    let wrong_password = client.post("/v1/sessions", login("ann", "not the password")).await;
    let wrong_name = client.post("/v1/sessions", login("nobody", PASSWORD)).await;
    assert_eq!(wrong_password.status, 401);
    assert_eq!(wrong_password.code(), "bad_credentials");
    assert_eq!(wrong_password.bytes, wrong_name.bytes);
    let names = |headers: &HeaderMap| headers.keys().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(names(&wrong_password.headers), names(&wrong_name.headers));
    client.post("/v1/sessions", login("ann", &"x".repeat(300))).await.expect_problem(401, "bad_credentials");
    client.post("/v1/sessions", login("ANN", PASSWORD)).await.expect(201);
}

#[tokio::test]
async fn sessions_are_listed_and_ended_one_by_one() {
    let world = World::new();
    let ann = world.register("ann").await;
    let bob = world.register("bob").await;
    world.pass_ms(1);
    let agent = "A".repeat(300);
    let answer = world
        .stranger()
        .header("user-agent", &agent)
        .post("/v1/sessions", login("ann", PASSWORD))
        .await
        .expect(201);
    let phone = User::of(&answer);
    let listed = world.client(&ann).get("/v1/sessions").await.expect(200);
    let ids: Vec<_> = listed.items().iter().map(|item| item["sessionId"].as_str().unwrap()).collect();
    assert_eq!(ids, [&phone.session, &ann.session], "newest first");
    assert_eq!(listed.items()[0]["agent"], agent[..200]);
    assert_eq!((&listed.items()[0]["current"], &listed.items()[1]["current"]), (&json!(false), &json!(true)));

    let path = format!("/v1/sessions/{}", phone.session);
    world.client(&bob).delete(&path).await.expect_problem(404, "session_not_found");
    world.client(&phone).get("/v1/account").await.expect(200);
    world.heard();
    world.client(&ann).delete(&path).await.expect(204);
    world.client(&phone).get("/v1/account").await.expect_problem(401, "unauthorized");
    assert!(matches!(&*world.heard()[0], chat::Announcement::SessionsEnded { .. }));
    world.client(&ann).delete(&path).await.expect_problem(404, "session_not_found");

    let out = world.client(&ann).delete("/v1/sessions/current").await.expect(204);
    let cookie = out.header("set-cookie").unwrap();
    assert!(cookie.starts_with("dynamowave_session=; ") && cookie.contains("Max-Age=0"), "{cookie}");
    world.client(&ann).get("/v1/account").await.expect_problem(401, "unauthorized");
}

#[tokio::test]
async fn a_session_ends_by_itself() {
    let world = World::new();
    let ann = world.register("ann").await;
    world.client(&ann).get("/v1/account").await.expect(200);
    world.pass_ms(chat::limits::SESSION_LIFE_MS - 1_000);
    world.client(&ann).get("/v1/account").await.expect(200);
    world.pass_ms(1_000);
    world.client(&ann).get("/v1/account").await.expect_problem(401, "unauthorized");
}

#[tokio::test]
async fn the_oldest_session_gives_way() {
    let world = World::new();
    let ann = world.register("ann").await;
    let client = world.client(&ann);
    client.get("/v1/account").await.expect(200);
    for _ in 0..chat::limits::SESSIONS_PER_USER_MAX {
        world.pass_ms(1);
        world.stranger().post("/v1/sessions", login("ann", PASSWORD)).await.expect(201);
    }
    client.get("/v1/account").await.expect_problem(401, "unauthorized");
}

#[tokio::test]
async fn the_cookie_is_out_of_reach_of_scripts_and_other_sites() {
    for (secure, ending) in [(false, "SameSite=Strict"), (true, "SameSite=Strict; Secure")] {
        let options = Options { secure_cookies: secure, ..Wish::default().options };
        let world = World::with(Wish { options, ..Wish::default() });
        world.register("ann").await;
        let answer = world.stranger().post("/v1/sessions", login("ann", PASSWORD)).await.expect(201);
        let cookie = answer.header("set-cookie").unwrap();
        let expected = format!(
            "dynamowave_session={}; Path=/; Max-Age=7776000; HttpOnly; {ending}",
            answer.text("token")
        );
        assert_eq!(cookie, expected);
        assert!(answer.headers["set-cookie"].is_sensitive());
    }
}

#[tokio::test]
async fn behind_a_proxy_with_tls_the_cookie_is_secure_if_the_proxy_is_trusted() {
    let trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
    let options = Options { trusted_proxies, ..Wish::default().options };
    let world = World::with(Wish { options, ..Wish::default() });
    world.register("ann").await;
    for (address, scheme, secure) in
        [("10.0.0.1", "https", true), ("10.0.0.1", "http", false), ("192.0.2.1", "https", false)]
    {
        let client = world.stranger().at_address(address).header("x-forwarded-proto", scheme);
        let answer = client.post("/v1/sessions", login("ann", PASSWORD)).await.expect(201);
        assert_eq!(answer.header("set-cookie").unwrap().ends_with("; Secure"), secure, "{address} {scheme}");
    }
}

#[tokio::test]
async fn a_cookie_changes_nothing_unless_the_page_is_ours() {
    let options = Options {
        own_origins: vec!["https://chat.example.org".to_owned()],
        cors_origins: vec!["https://app.example.com".to_owned()],
        ..Wish::default().options
    };
    let world = World::with(Wish { options, ..Wish::default() });
    let ann = world.register("ann").await;
    let page = || world.stranger().cookie(&ann.token).header("host", "localhost:8080");
    page().get("/v1/account").await.expect(200);

    let change = json!({"displayName": "Ann"});
    for client in [
        page(),
        page().header("origin", "http://evil.example"),
        page().header("origin", "null"),
        page().header("origin", "http://localhost:9090"),
        page().header("origin", "ftp://localhost:8080"),
        page().header("sec-fetch-site", "same-site"),
        page().header("sec-fetch-site", "cross-site"),
        page().header("sec-fetch-site", "none"),
        // CORS invites pages with tokens, not with cookies.
        page().header("origin", "https://app.example.com"),
    ] {
        client.patch("/v1/account", change.clone()).await.expect_problem(403, "bad_origin");
    }
    for client in [
        page().header("origin", "http://localhost:8080"),
        page().header("origin", "https://chat.example.org"),
        page().header("sec-fetch-site", "same-origin"),
        // A token is no cookie: no page can make a browser send it.
        world.client(&ann).header("origin", "http://evil.example"),
    ] {
        client.patch("/v1/account", change.clone()).await.expect(200);
    }
}

#[tokio::test]
async fn no_page_of_another_site_logs_its_visitors_in() {
    let world = World::new();
    world.register("ann").await;
    let page = |origin| world.stranger().header("host", "localhost").header("origin", origin);
    let evil = page("http://evil.example");
    evil.post("/v1/sessions", login("ann", PASSWORD)).await.expect_problem(403, "bad_origin");
    evil.post("/v1/accounts", login("bob", PASSWORD)).await.expect_problem(403, "bad_origin");
    page("http://localhost").post("/v1/sessions", login("ann", PASSWORD)).await.expect(201);
}

#[tokio::test]
async fn a_bad_token_is_not_made_good_by_a_cookie() {
    let world = World::new();
    let ann = world.register("ann").await;
    for authorization in ["Bearer nonsense", "Bearer dw_nonsense", "Basic YTpi", "Bearer"] {
        let client = world.stranger().cookie(&ann.token).header("authorization", authorization);
        let answer = client.get("/v1/account").await.expect_problem(401, "unauthorized");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    }
}

#[tokio::test]
async fn a_ticket_opens_one_socket_for_half_a_minute() {
    let world = World::new();
    let ann = world.register("ann").await;
    let ticket = async || {
        let answer = world.client(&ann).ask(axum::http::Method::POST, "/v1/tickets", None).await.expect(201);
        assert_eq!(answer.body["expiresInMs"], 30_000);
        format!("ticket={}", answer.text("ticket"))
    };
    let enter =
        async |query: &str| api::authenticate(&world.app, &HeaderMap::new(), Some(query), here().0).await;
    let first = ticket().await;
    let entered = enter(&first).await.unwrap();
    assert_eq!((entered.user.to_string(), entered.by), (ann.id.clone(), By::Ticket));
    assert_eq!(entered.session.to_string(), ann.session);
    assert_eq!(enter(&first).await.unwrap_err().code(), protocol::Code::Unauthorized);

    let late = ticket().await;
    world.pass_ms(30_000);
    assert!(enter(&late).await.is_err());

    let orphan = ticket().await;
    world.client(&ann).delete("/v1/sessions/current").await.expect(204);
    assert!(enter(&orphan).await.is_err(), "its session has ended");
}

#[tokio::test]
async fn of_two_who_take_a_ticket_at_once_one_gets_it() {
    let world = World::new();
    let ann = world.register("ann").await;
    for round in 0..100 {
        let answer = world.client(&ann).ask(axum::http::Method::POST, "/v1/tickets", None).await.expect(201);
        let query = format!("ticket={}", answer.text("ticket"));
        let start = Barrier::new(2);
        let race = || {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            start.wait();
            let entering =
                async { api::authenticate(&world.app, &HeaderMap::new(), Some(&query), here().0).await };
            u32::from(runtime.block_on(entering).is_ok())
        };
        let winners = std::thread::scope(|threads| {
            let (one, two) = (threads.spawn(race), threads.spawn(race));
            one.join().unwrap() + two.join().unwrap()
        });
        assert_eq!(winners, 1, "round {round}");
    }
}

#[tokio::test]
async fn sockets_take_tokens_and_cookies_of_our_own_pages_only() {
    let world = World::new();
    let ann = world.register("ann").await;
    let enter = async |pairs: &[(&'static str, &str)]| {
        let headers: HeaderMap = pairs
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_str(value).unwrap()))
            .collect();
        api::authenticate(&world.app, &headers, None, here().0).await
    };
    let (bearer, cookie) = (format!("Bearer {}", ann.token), format!("dynamowave_session={}", ann.token));
    assert_eq!(enter(&[("authorization", &bearer)]).await.unwrap().by, By::Bearer);
    let ours = [("cookie", cookie.as_str()), ("host", "a.example"), ("origin", "http://a.example")];
    assert_eq!(enter(&ours).await.unwrap().by, By::Cookie);
    for origin in [None, Some("http://b.example")] {
        let mut headers = vec![("cookie", cookie.as_str()), ("host", "a.example")];
        headers.extend(origin.map(|origin| ("origin", origin)));
        assert_eq!(enter(&headers).await.unwrap_err().code(), protocol::Code::BadOrigin, "{origin:?}");
    }
    assert_eq!(enter(&[]).await.unwrap_err().code(), protocol::Code::Unauthorized);
}

#[tokio::test]
async fn a_password_is_hashed_anew_when_the_parameters_have_changed_and_nobody_is_logged_out() {
    let world = World::new();
    let ann = world.register("ann").await;
    let before = world.app.store.account_by_username("ann").await.unwrap().unwrap();
    let stronger = api::PasswordOptions { memory_kib: 128, ..cheap_passwords() };
    let passwords = api::Passwords::new(stronger).unwrap();
    let world = world.with_passwords(passwords);
    let hash_now = async || world.app.store.account_by_username("ann").await.unwrap().unwrap().password_hash;
    assert_eq!(hash_now().await, before.password_hash);
    let answer = world.stranger().post("/v1/sessions", login("ann", PASSWORD)).await.expect(201);
    assert!(hash_now().await.starts_with("$argon2id$v=19$m=128,"));
    for session in [&ann, &User::of(&answer)] {
        world.client(session).get("/v1/account").await.expect(200);
    }
    world.stranger().post("/v1/sessions", login("ann", PASSWORD)).await.expect(201);
}

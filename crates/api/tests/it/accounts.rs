//! Registering, one's own account, other people, invitations.

use api::Options;
use chat::RegistrationPolicy;
use serde_json::json;

use crate::world::{PASSWORD, User, Wish, World};

#[tokio::test]
async fn the_first_account_owns_the_server_and_the_next_do_not() {
    let world = World::new();
    let body = json!({"username": "Ann", "password": PASSWORD, "displayName": " Ann A. "});
    let answer = world.stranger().post("/v1/accounts", body).await.expect(201);
    assert_eq!(answer.text("role"), "owner");
    let ann = User::of(&answer);
    let account = world.client(&ann).get("/v1/account").await.expect(200);
    assert_eq!(account.text("username"), "Ann");
    assert_eq!(account.text("displayName"), "Ann A.", "trimmed");
    let bob = json!({"username": "bob", "password": PASSWORD});
    let answer = world.stranger().post("/v1/accounts", bob).await.expect(201);
    assert_eq!(answer.text("role"), "member");
}

#[tokio::test]
async fn what_is_wrong_with_a_registration_is_named() {
    let world = World::new();
    world.register("ann").await;
    for (body, status, code, field) in [
        (json!({"username": "a b", "password": PASSWORD}), 422, "bad_username", "username"),
        (json!({"username": "ANN", "password": PASSWORD}), 409, "username_taken", "username"),
        (json!({"username": "bob", "password": "short"}), 422, "bad_password", "password"),
        (
            json!({"username": "bob", "password": PASSWORD, "displayName": " "}),
            422,
            "bad_display_name",
            "displayName",
        ),
        (json!({"username": "bob"}), 400, "bad_request", "password"),
        (json!({"username": 7, "password": PASSWORD}), 400, "bad_request", "username"),
    ] {
        let answer = world.stranger().post("/v1/accounts", body).await.expect_problem(status, code);
        assert_eq!(answer.text("field"), field, "{}", answer.body);
    }
}

#[tokio::test]
async fn a_closed_server_takes_its_owner_and_nobody_else() {
    let options = Options { registration: RegistrationPolicy::Closed, ..Wish::default().options };
    let world = World::with(Wish { options, ..Wish::default() });
    let ann = world.register("ann").await;
    let body = json!({"username": "bob", "password": PASSWORD});
    world.stranger().post("/v1/accounts", body).await.expect_problem(403, "registration_closed");
    world.client(&ann).post("/v1/invites", json!({})).await.expect_problem(403, "registration_closed");
}

#[tokio::test]
async fn an_invitation_is_good_as_often_and_as_long_as_it_says() {
    let options = Options { registration: RegistrationPolicy::Invite, ..Wish::default().options };
    let world = World::with(Wish { options, ..Wish::default() });
    let ann = world.register("ann").await;
    let register = async |name: &str, code: Option<&str>| {
        let body = json!({"username": name, "password": PASSWORD, "invite": code});
        world.stranger().post("/v1/accounts", body).await
    };
    register("bob", None).await.expect_problem(403, "invite_needed");
    register("bob", Some("dw_guess")).await.expect_problem(403, "invite_invalid");
    // Without an invitation nobody learns which names are taken.
    register("ann", None).await.expect_problem(403, "invite_needed");

    let wish = json!({"uses": 2, "expiresInMs": 60_000});
    let invite = world.client(&ann).post("/v1/invites", wish).await.expect(201);
    let code = invite.text("code");
    let bob = User::of(&register("bob", Some(&code)).await.expect(201));
    register("ann", Some(&code)).await.expect_problem(409, "username_taken");
    let listed = world.client(&ann).get("/v1/invites").await.expect(200);
    assert_eq!(listed.items()[0]["usesLeft"], 1, "a refused registration uses nothing");
    assert!(!listed.body.to_string().contains(&code), "D7: the code is shown once");
    register("cy", Some(&code)).await.expect(201);
    register("dee", Some(&code)).await.expect_problem(403, "invite_invalid");

    let late = world.client(&bob).post("/v1/invites", wish_of_a_minute()).await.expect(201).text("code");
    world.pass_ms(60_000);
    register("dee", Some(&late)).await.expect_problem(403, "invite_invalid");
    assert!(world.client(&bob).get("/v1/invites").await.expect(200).items().is_empty());
}

fn wish_of_a_minute() -> serde_json::Value {
    json!({"expiresInMs": 60_000})
}

#[tokio::test]
async fn invitations_are_taken_back_by_their_makers_and_by_admins() {
    let world = World::new();
    let (ann, bob, cy) =
        (world.register("ann").await, world.register("bob").await, world.register("cy").await);
    let invite = world.client(&bob).post("/v1/invites", json!({})).await.expect(201).text("inviteId");
    let path = format!("/v1/invites/{invite}");
    assert!(world.client(&cy).get("/v1/invites").await.expect(200).items().is_empty());
    world.client(&cy).delete(&path).await.expect_problem(404, "invite_not_found");
    assert_eq!(world.client(&ann).get("/v1/invites").await.expect(200).items().len(), 1);
    world.client(&bob).delete(&path).await.expect(204);
    world.client(&ann).delete(&path).await.expect_problem(404, "invite_not_found");
    world.client(&ann).delete("/v1/invites/x").await.expect_problem(404, "invite_not_found");
    for (wish, field) in [
        (json!({"uses": 0}), "uses"),
        (json!({"uses": 10_001}), "uses"),
        (json!({"expiresInMs": 0}), "expiresInMs"),
        (json!({"expiresInMs": 1_000 * 3_600 * 24 * 366_u64}), "expiresInMs"),
    ] {
        let answer = world.client(&bob).post("/v1/invites", wish).await.expect_problem(400, "bad_request");
        assert_eq!(answer.text("field"), field);
    }
}

#[tokio::test]
async fn the_display_name_changes_and_the_rest_stays() {
    let world = World::new();
    let ann = world.register("ann").await;
    let client = world.client(&ann);
    let after = client.patch("/v1/account", json!({"displayName": "Ann"})).await.expect(200);
    assert_eq!((after.text("displayName"), after.text("username")), ("Ann".into(), "ann".into()));
    client.patch("/v1/account", json!({})).await.expect_problem(422, "nothing_to_change");
    client.patch("/v1/account", json!({"displayName": "\n"})).await.expect_problem(422, "bad_display_name");
}

#[tokio::test]
async fn a_new_password_ends_all_other_sessions_and_their_sockets() {
    let world = World::new();
    let ann = world.register("ann").await;
    let login = json!({"username": "ann", "password": PASSWORD});
    let phone = User::of(&world.stranger().post("/v1/sessions", login.clone()).await.expect(201));
    // Both are known to the cache before.
    world.client(&ann).get("/v1/account").await.expect(200);
    world.client(&phone).get("/v1/account").await.expect(200);
    world.heard();

    let client = world.client(&ann);
    let wrong = json!({"current": "wrong password", "new": "another password"});
    let answer = client.put("/v1/account/password", wrong).await.expect_problem(401, "bad_credentials");
    assert_eq!(answer.text("field"), "current");
    let short = json!({"current": PASSWORD, "new": "short"});
    let answer = client.put("/v1/account/password", short).await.expect_problem(422, "bad_password");
    assert_eq!(answer.text("field"), "new");
    assert!(world.heard().is_empty());

    let right = json!({"current": PASSWORD, "new": "another password"});
    client.put("/v1/account/password", right).await.expect(204);
    client.get("/v1/account").await.expect(200);
    world.client(&phone).get("/v1/account").await.expect_problem(401, "unauthorized");
    let heard = world.heard();
    let ended = matches!(&*heard[0], chat::Announcement::SessionsEnded { sessions, .. }
        if sessions.iter().map(ToString::to_string).collect::<Vec<_>>() == [phone.session.clone()]);
    assert!(ended, "{heard:?}");
    world.stranger().post("/v1/sessions", login).await.expect_problem(401, "bad_credentials");
    let login = json!({"username": "ann", "password": "another password"});
    world.stranger().post("/v1/sessions", login).await.expect(201);
}

#[tokio::test]
async fn people_are_found_by_name_and_by_id() {
    let world = World::new();
    let ann = world.register("ann").await;
    let mut people = vec![ann.clone()];
    for name in ["anton", "Anya", "bob"] {
        people.push(world.register(name).await);
    }
    let client = world.client(&ann);
    let names = |answer: &crate::client::Answer| {
        answer.items().iter().map(|user| user["username"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&client.get("/v1/users?prefix=AN").await.expect(200)), ["ann", "anton", "Anya"]);
    let first = client.get("/v1/users?prefix=an&limit=2").await.expect(200);
    assert_eq!(names(&first), ["ann", "anton"]);
    let next = format!("/v1/users?prefix=an&limit=2&after={}", first.text("next"));
    let second = client.get(&next).await.expect(200);
    assert_eq!(names(&second), ["Anya"]);
    assert!(second.body.get("next").is_none());

    let ids = format!("/v1/users?ids={},{}", people[3].id, chat::UserId::from_u128(5));
    assert_eq!(names(&client.get(&ids).await.expect(200)), ["bob"]);
    let shown = client.get(&format!("/v1/users/{}", people[1].id)).await.expect(200);
    assert_eq!(shown.text("username"), "anton");
    client.get("/v1/users/00000000-0000-0000-0000-000000000000").await.expect_problem(404, "user_not_found");
    client.get("/v1/users/x").await.expect_problem(404, "user_not_found");
    for (query, field) in [("ids=x", "ids"), ("ids=", "ids"), ("limit=0", "limit"), ("limit=x", "limit")] {
        let answer = client.get(&format!("/v1/users?{query}")).await.expect_problem(400, "bad_request");
        assert_eq!(answer.text("field"), field, "{query}");
    }
}

#[tokio::test]
async fn presence_tells_who_is_there() {
    let world = World::new();
    let (ann, bob) = (world.register("ann").await, world.register("bob").await);
    world.connect(&bob).await;
    let path = format!("/v1/presence?ids={},{}", ann.id, bob.id);
    let answer = world.client(&ann).get(&path).await.expect(200);
    let of = |id: &str| {
        let users = answer.body["users"].as_array().unwrap();
        users.iter().find(|user| user["userId"] == id).map(|user| user["status"].clone()).unwrap()
    };
    assert_eq!((of(&ann.id), of(&bob.id)), (json!("offline"), json!("online")));
    world.client(&ann).get("/v1/presence").await.expect_problem(400, "bad_request");
}

//! D7: secrets never reach a log, and leave the server once at most; and a login's cost tells nothing.

use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use api::PasswordOptions;
use serde_json::json;
use tracing::Level;

use crate::world::{PASSWORD, User, Wish, World, cheap_passwords};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

#[tokio::test]
async fn d7_secrets_are_in_no_log_and_no_later_answer() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);

    let world = World::new();
    let ann = world.register("ann").await;
    let login = json!({"username": "ann", "password": PASSWORD});
    let phone = User::of(&world.stranger().post("/v1/sessions", login).await.expect(201));
    let bob = world.register("bob").await;
    let client = world.client(&ann);
    let ticket = client.post("/v1/tickets", json!({})).await.expect(201).text("ticket");
    let code = client.post("/v1/invites", json!({})).await.expect(201).text("code");
    let change = json!({"current": PASSWORD, "new": "a second secret"});
    client.put("/v1/account/password", change).await.expect(204);
    let path = format!("/v1/admin/users/{}/password", bob.id);
    client.put(&path, json!({"password": "a third secret"})).await.expect(204);
    let wrong = json!({"username": "ann", "password": "a wrong secret"});
    world.stranger().post("/v1/sessions", wrong).await.expect(401);
    world.stranger().bearer("dw_stolen").get("/v1/account").await.expect(401);
    let id = world.conversation("group", &[&ann]).await;
    world.send(&ann, &id, "private words").await;

    let hash = world.app.store.account(ann.id()).await.unwrap().unwrap().password_hash;
    let secrets = [
        PASSWORD,
        "a second secret",
        "a third secret",
        "a wrong secret",
        "private words",
        "dw_stolen",
        &ann.token,
        &phone.token,
        &bob.token,
        &ticket,
        &code,
        &hash,
    ];
    let mut answers = String::new();
    for path in [
        "/v1/account",
        "/v1/sessions",
        "/v1/users",
        "/v1/invites",
        "/v1/admin/users",
        &format!("/v1/users/{}", bob.id),
        &format!("/v1/admin/users/{}", bob.id),
    ] {
        answers.push_str(&client.get(path).await.expect(200).body.to_string());
    }
    drop(guard);
    let text = log.text();
    assert!(text.contains("a password was set"), "the log was listened to: {text}");
    for secret in secrets {
        assert!(!text.contains(secret), "{secret} is in the log");
        assert!(!answers.contains(secret), "{secret} is in an answer");
    }
    assert!(!answers.contains("argon2") && !answers.contains("token\":"));
}

/// Measured in hashes, not in time: both ways through a login compute the same number of them.
#[tokio::test]
async fn d7_a_login_for_a_name_nobody_has_costs_what_a_wrong_password_costs() {
    let world = World::new();
    world.register("ann").await;
    let login = async |name: &str| {
        let before = world.app.passwords.computed();
        let body = json!({"username": name, "password": "wrong password"});
        world.stranger().post("/v1/sessions", body).await.expect_problem(401, "bad_credentials");
        world.app.passwords.computed() - before
    };
    login("ann").await;
    assert_eq!((login("ann").await, login("nobody").await), (1, 1));
}

#[test]
fn d6_more_logins_than_may_wait_are_told_to_slow_down() {
    // One thread for blocking work, so that the test decides when hashing goes on.
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().max_blocking_threads(1).build().unwrap();
    runtime.block_on(async {
        let passwords = PasswordOptions { at_once: 1, waiting_max: 1, ..cheap_passwords() };
        let world = World::with(Wish { passwords, ..Wish::default() });
        world.register("ann").await;
        let (release, held) = std::sync::mpsc::channel::<()>();
        let holding = tokio::task::spawn_blocking(move || held.recv().is_ok());
        let login = async || {
            let body = json!({"username": "ann", "password": PASSWORD});
            let answer = world.stranger().post("/v1/sessions", body).await;
            if answer.status == 429 {
                assert_eq!(answer.code(), "slow_down");
                release.send(()).unwrap();
            }
            answer.status.as_u16()
        };
        let all = async { tokio::join!(login(), login(), login()) };
        // Only reached when nobody is refused: a test that fails must not hang.
        let all = tokio::time::timeout(Duration::from_secs(30), all).await.expect("one is refused");
        let mut statuses = [all.0, all.1, all.2];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 201, 429]);
        assert!(holding.await.unwrap());
        assert_eq!(login().await, 201, "there is room again");
    });
}

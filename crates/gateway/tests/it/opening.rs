//! Opening a socket: who may, how they show it, what they are told first.

use crate::{
    client::{Client, Heard, hear, open},
    world::World,
};
use protocol::frame::ServerFrame;

/// P7.
#[test]
fn hello_comes_first_and_says_who_where_and_how_much() {
    let world = World::new();
    let alice = world.person();
    let client = world.connect(&alice);
    assert_eq!(client.hello.user_id, alice.id);
    assert_eq!(client.hello.session_id, alice.session);
    assert_eq!(client.hello.epoch, world.app.store.epoch());
    assert_eq!(client.hello.heartbeat_ms, 30_000);
    assert_eq!(client.hello.limits.frame_bytes, 32 * 1024);
    assert!(client.hello.limits.pipelining);
}

#[test]
fn the_subprotocol_is_agreed_on() {
    let world = World::new();
    let bearer = format!("Bearer {}", world.person().token);
    let offer = [("authorization", bearer.as_str()), ("sec-websocket-protocol", "other, dynamowave.v1")];
    let (socket, response) = open(world.address, "/v1/ws", &offer).unwrap();
    assert_eq!(response.headers()["sec-websocket-protocol"], "dynamowave.v1");
    Client::greeted(socket);

    let offer = [("authorization", bearer.as_str()), ("sec-websocket-protocol", "other")];
    let (mut socket, _) = open(world.address, "/v1/ws", &offer).unwrap();
    assert!(matches!(hear(&mut socket), Heard::Closed(Some(4201))));
}

/// P1: who shows no valid login gets no socket.
#[test]
fn d7_strangers_are_refused_by_status_or_by_close_code() {
    let world = World::new();
    let status = |headers: &[(&'static str, &str)]| match open(world.address, "/v1/ws", headers) {
        Err(error) => match *error {
            tungstenite::Error::Http(response) => {
                let body = String::from_utf8(response.body().clone().unwrap_or_default()).unwrap();
                (response.status().as_u16(), body)
            }
            other => panic!("{other}"),
        },
        Ok(_) => panic!("opened"),
    };
    let (code, body) = status(&[]);
    assert_eq!(code, 401);
    assert!(body.contains("\"code\":\"unauthorized\""), "{body}");
    assert_eq!(status(&[("authorization", "Bearer dw_nobody")]).0, 401);

    // Browsers see close codes only.
    let host = world.address.to_string();
    let origin = format!("http://{host}");
    let cookie = [("cookie", "dynamowave_session=dw_nobody"), ("origin", origin.as_str())];
    let (mut socket, _) = open(world.address, "/v1/ws", &cookie).unwrap();
    assert!(matches!(hear(&mut socket), Heard::Closed(Some(4101))));
    let (mut socket, _) = open(world.address, "/v1/ws?ticket=dw_nothing", &[]).unwrap();
    assert!(matches!(hear(&mut socket), Heard::Closed(Some(4101))));
}

/// P1: the cookie needs our own origin.
#[test]
fn a_cookie_opens_a_socket_for_our_own_pages_only() {
    let world = World::new();
    let alice = world.person();
    let cookie = format!("dynamowave_session={}", alice.token);
    let origin = format!("http://{}", world.address);
    let ours = [("cookie", cookie.as_str()), ("origin", origin.as_str())];
    let (socket, _) = open(world.address, "/v1/ws", &ours).unwrap();
    assert_eq!(Client::greeted(socket).hello.user_id, alice.id);

    let theirs = [("cookie", cookie.as_str()), ("origin", "https://elsewhere.example")];
    let refused = open(world.address, "/v1/ws", &theirs).err().map(|error| error.to_string());
    assert!(refused.is_some_and(|text| text.contains("403")));
}

/// P1: a ticket is good once.
#[test]
fn a_ticket_opens_one_socket() {
    let world = World::new();
    let alice = world.person();
    let ticket = "dw_a-ticket";
    let expires_at = world.app.clock.now_ms() + 30_000;
    let kept = chat::ports::Ticket { user: alice.id, session: alice.session, expires_at };
    world.block_on(world.app.directory.put_ticket(api::hash_of(ticket), kept)).unwrap();
    let path = format!("/v1/ws?ticket={ticket}");
    let (socket, _) = open(world.address, &path, &[]).unwrap();
    assert_eq!(Client::greeted(socket).hello.user_id, alice.id);
    let (mut again, _) = open(world.address, &path, &[]).unwrap();
    assert!(matches!(hear(&mut again), Heard::Closed(Some(4101))));
}

/// P57: 4100.
#[test]
fn a_login_that_ends_closes_its_sockets_and_no_others() {
    let world = World::new();
    let phone = world.person();
    let laptop = world.login(phone.id);
    let (mut on_phone, mut on_laptop) = (world.connect(&phone), world.connect(&laptop));
    world.end_session(&phone);
    assert_eq!(on_phone.closed(), Some(4100));
    on_laptop.say(r#"{"action":"ping","ref":"still here"}"#);
    assert!(matches!(on_laptop.frame(), ServerFrame::Pong(_)));
}

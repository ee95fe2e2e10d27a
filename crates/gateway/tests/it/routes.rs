//! Plain HTTP on the same port: the routes of the chat, routes of whoever composes the server, and the rest.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};

use axum::{Router, routing::get};

use crate::{
    client::PATIENCE,
    world::{Wish, World},
};

/// One request on a connection of its own; everything that comes back.
fn ask(world: &World, request: &str) -> String {
    let mut stream = TcpStream::connect(world.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn get_path(world: &World, path: &str, token: &str) -> String {
    ask(
        world,
        &format!(
            "GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
        ),
    )
}

#[test]
fn routes_of_the_chat_and_of_the_composition_are_served_beside_the_socket() {
    let mut wish = Wish::default();
    wish.options.extra_router = Some(Router::new().route("/healthz", get(|| async { "well" })));
    let world = World::with(wish);
    let alice = world.person();
    assert!(get_path(&world, "/healthz", "").ends_with("well"));
    let account = get_path(&world, "/v1/account", &alice.token);
    assert!(account.starts_with("HTTP/1.1 200") && account.contains(&alice.id.to_string()), "{account}");
    let unknown = get_path(&world, "/nowhere", &alice.token);
    assert!(unknown.starts_with("HTTP/1.1 404") && unknown.contains("not_found"), "{unknown}");
}

#[test]
fn the_sockets_route_says_what_it_wants() {
    let world = World::new();
    let plain = get_path(&world, "/v1/ws", "dw_x");
    assert!(plain.starts_with("HTTP/1.1 426"), "{plain}");
    assert!(plain.to_lowercase().contains("upgrade: websocket"), "{plain}");
    assert!(plain.contains("application/problem+json"), "{plain}");
    let upgrade = "Connection: Upgrade, close\r\nUpgrade: websocket\r\n";
    let old =
        ask(&world, &format!("GET /v1/ws HTTP/1.1\r\nHost: x\r\n{upgrade}Sec-WebSocket-Version: 8\r\n\r\n"));
    assert!(
        old.starts_with("HTTP/1.1 426") && old.to_lowercase().contains("sec-websocket-version: 13"),
        "{old}"
    );
    let keyless = ask(
        &world,
        &format!(
            "GET /v1/ws HTTP/1.1\r\nHost: x\r\n{upgrade}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\n\r\n"
        ),
    );
    assert!(keyless.starts_with("HTTP/1.1 400"), "{keyless}");
}

#[test]
fn several_requests_share_a_connection() {
    let world = World::new();
    let alice = world.person();
    let one = format!("GET /v1/account HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n", alice.token);
    let answers = ask(&world, &format!("{one}\r\n{one}\r\n{one}Connection: close\r\n\r\n"));
    assert_eq!(answers.matches("HTTP/1.1 200").count(), 3, "{answers}");
}

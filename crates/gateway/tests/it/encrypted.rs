//! TLS: the same sockets, encrypted; and no plaintext where others could listen.

use std::{fs, net::TcpStream, sync::Arc};

use chat::CommandId;
use gateway::{Gateway, Hub, Options, StartError, TlsFiles};
use protocol::frame::ServerFrame;
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use tungstenite::{Message, client::IntoClientRequest as _};

use crate::{
    client::{PATIENCE, send},
    world::{Wish, World},
};

fn certificate(folder: &std::path::Path) -> TlsFiles {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let files = TlsFiles { certificate: folder.join("cert.pem"), key: folder.join("key.pem") };
    fs::write(&files.certificate, made.cert.pem()).unwrap();
    fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
    files
}

fn connect(
    world: &World,
    files: &TlsFiles,
    token: &str,
) -> tungstenite::WebSocket<StreamOwned<ClientConnection, TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&files.certificate).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let stream = TcpStream::connect(world.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut request =
        format!("wss://localhost:{}/v1/ws", world.address.port()).into_client_request().unwrap();
    request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    let (socket, _) = tungstenite::client(request, StreamOwned::new(connection, stream)).unwrap();
    socket
}

#[test]
fn messages_and_large_syncs_travel_encrypted() {
    let folder = tempfile::tempdir().unwrap();
    let files = certificate(folder.path());
    let mut wish = Wish::default();
    wish.options.tls = Some(files.clone());
    let world = World::with(wish);
    let alice = world.person();
    let room = world.group(&[&alice]);
    for _ in 0..30 {
        world.execute(&alice, room, crate::world::message("x".repeat(16_000)));
    }
    let mut socket = connect(&world, &files, &alice.token);
    let hello = socket.read().unwrap().into_text().unwrap();
    assert!(matches!(ServerFrame::decode(&hello).unwrap(), ServerFrame::Hello(_)));
    socket.send(Message::text(format!(r#"{{"action":"sync","cursors":{{"{room}":0}}}}"#))).unwrap();
    let mut seen = 0;
    loop {
        let Message::Text(text) = socket.read().unwrap() else { continue };
        match ServerFrame::decode(&text).unwrap() {
            ServerFrame::Events(page) => seen += page.events.len(),
            ServerFrame::Synced(_) => break,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(seen, 31);
    let frame = protocol::frame::Request::from(send(room, CommandId::from_u128(1), "encrypted"));
    socket.send(Message::text(frame.encode())).unwrap();
    loop {
        let Message::Text(text) = socket.read().unwrap() else { continue };
        if let ServerFrame::Event(event) = ServerFrame::decode(&text).unwrap() {
            assert_eq!(event.seq, 32);
            break;
        }
    }
    socket.close(None).unwrap();
    while socket.read().is_ok() {}
}

#[test]
fn plaintext_is_not_spoken_where_others_could_listen() {
    let world = World::new();
    let start = |plaintext_anywhere| {
        let listen = "0.0.0.0:0".parse().unwrap();
        let options = Options { listen, shards: 1, plaintext_anywhere, ..Options::default() };
        let (_hub, inboxes) = Hub::new(options.shard_count());
        Gateway::start(options, inboxes, world.app.clone())
    };
    assert!(matches!(start(false), Err(StartError::Plaintext(_))));
    assert!(start(true).is_ok());
}

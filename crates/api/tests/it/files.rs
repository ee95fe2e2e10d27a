//! Files: who sees them and when, what they are taken for, and how they go away (D2, D7).
//! The bytes lie in memory here; the folder of a real server is tested with the binary.

use std::io::Cursor;

use axum::http::Method;
use serde_json::json;

use crate::world::{User, World};

/// A picture of this size, as PNG.
pub(crate) fn picture(width: u32, height: u32) -> Vec<u8> {
    let picture = image::RgbImage::from_fn(width, height, |x, y| {
        let [red, ..] = x.to_le_bytes();
        let [green, ..] = y.to_le_bytes();
        image::Rgb([red, green, 90])
    });
    let mut bytes = Vec::new();
    picture.write_to(&mut Cursor::new(&mut bytes), image::ImageFormat::Png).unwrap();
    bytes
}

async fn upload(world: &World, user: &User, name: &str, bytes: &[u8]) -> String {
    let path = format!("/v1/attachments?name={name}");
    world.client(user).send(Method::POST, &path, bytes).await.expect(201).text("attachmentId")
}

async fn send(world: &World, user: &User, room: &str, ids: &[&str]) -> (String, u64) {
    let path = format!("/v1/conversations/{room}/messages");
    let body = json!({"body": "", "attachmentIds": ids});
    let id = world.client(user).post(&path, body).await.expect(202).text("clientMessageId");
    let seq = world.place_of(user, room, &id).await;
    (id, seq)
}

#[tokio::test]
async fn d7_a_file_is_its_uploaders_then_its_conversations_and_never_a_strangers() {
    let world = World::new();
    let (ann, bob, eve) =
        (world.register("ann").await, world.register("bob").await, world.register("eve").await);
    let room = world.conversation("group", &[&ann, &bob]).await;
    let bytes = picture(900, 300);
    let id = upload(&world, &ann, "wave.png", &bytes).await;
    let path = format!("/v1/attachments/{id}");
    let small = format!("{path}/thumbnail");
    assert_eq!(world.client(&ann).get(&path).await.expect(200).bytes, bytes);
    for other in [&bob, &eve] {
        world.client(other).get(&path).await.expect_problem(404, "attachment_not_found");
        world.client(other).delete(&path).await.expect_problem(404, "attachment_not_found");
    }
    let (_, seq) = send(&world, &ann, &room, &[&id]).await;
    assert_eq!(world.client(&bob).get(&path).await.expect(200).bytes, bytes);
    let thumbnail = world.client(&bob).get(&small).await.expect(200);
    let decoded = image::load_from_memory(&thumbnail.bytes).unwrap();
    assert_eq!((decoded.width(), decoded.height()), (480, 160));
    for path in [&path, &small] {
        world.client(&eve).get(path).await.expect_problem(404, "attachment_not_found");
    }
    let event = world.client(&bob).get(&format!("/v1/conversations/{room}/messages/{seq}")).await.expect(200);
    let shown = &event.body["attachments"][0];
    assert_eq!(
        (&shown["name"], &shown["width"], &shown["thumbnail"]),
        (&json!("wave.png"), &json!(900), &json!(true))
    );
    world
        .client(&bob)
        .delete(&format!("/v1/conversations/{room}/messages/{seq}"))
        .await
        .expect_problem(403, "forbidden");
    world.client(&ann).delete(&format!("/v1/conversations/{room}/messages/{seq}")).await.expect(200);
    for reader in [&ann, &bob] {
        world.client(reader).get(&path).await.expect_problem(404, "attachment_not_found");
    }
    let swept = world.app.files.sweep(&world.app).await.unwrap();
    assert_eq!(swept.uploads, 1);
    assert!(world.app.store.upload(id.parse().unwrap()).await.unwrap().is_none());
}

#[tokio::test]
async fn d2_a_file_belongs_to_one_message_and_a_resend_is_that_message() {
    let world = World::new();
    let (ann, bob) = (world.register("ann").await, world.register("bob").await);
    let room = world.conversation("group", &[&ann, &bob]).await;
    let id = upload(&world, &ann, "a.txt", b"hello").await;
    let (name, seq) = send(&world, &ann, &room, &[&id]).await;
    let path = format!("/v1/conversations/{room}/messages");
    let again = json!({"body": "", "attachmentIds": [id], "clientMessageId": name});
    world.client(&ann).post(&path, again).await.expect(202);
    let other = json!({"body": "other", "attachmentIds": [id]});
    world.client(&ann).post(&path, other).await.expect_problem(404, "attachment_not_found");
    let theirs = upload(&world, &bob, "b.txt", b"theirs").await;
    let stolen = json!({"body": "", "attachmentIds": [theirs]});
    world.client(&ann).post(&path, stolen).await.expect_problem(404, "attachment_not_found");
    world
        .client(&ann)
        .delete(&format!("/v1/attachments/{id}"))
        .await
        .expect_problem(404, "attachment_not_found");
    assert_eq!(world.send(&ann, &room, "next").await, seq + 1, "nothing else was sent");
}

#[tokio::test]
async fn files_are_what_they_contain_and_nothing_runs() {
    let world = World::new();
    let ann = world.register("ann").await;
    let page = b"<!doctype html><script>alert(1)</script>".to_vec();
    let svg = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'></svg>".to_vec();
    for (name, bytes, sent_as, shown) in [
        ("picture.png", page, "application/octet-stream", "attachment"),
        ("drawing.svg", svg, "application/octet-stream", "attachment"),
        ("page.html", picture(5, 5), "image/png", "inline"),
        ("notes.txt", b"plain".to_vec(), "text/plain", "attachment"),
        ("broken.png", b"\x89PNG\r\n\x1a\n and no more".to_vec(), "image/png", "inline"),
    ] {
        let id = upload(&world, &ann, name, &bytes).await;
        let answer = world.client(&ann).get(&format!("/v1/attachments/{id}")).await.expect(200);
        assert_eq!(answer.header("content-type"), Some(sent_as), "{name}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert!(answer.header("content-security-policy").unwrap().starts_with("sandbox;"));
        let disposition = answer.header("content-disposition").unwrap();
        assert!(disposition.starts_with(shown) && disposition.contains(name), "{disposition}");
    }
}

#[tokio::test]
async fn parts_and_known_versions_are_not_sent_whole() {
    let world = World::new();
    let ann = world.register("ann").await;
    let id = upload(&world, &ann, "a.bin", b"0123456789").await;
    let path = format!("/v1/attachments/{id}");
    let client = world.client(&ann);
    let part = client.clone().header("range", "bytes=2-4").get(&path).await.expect(206);
    assert_eq!((part.bytes.as_slice(), part.header("content-range")), (&b"234"[..], Some("bytes 2-4/10")));
    let whole = client.get(&path).await.expect(200);
    assert!(whole.header("cache-control").unwrap().contains("immutable"));
    let held = whole.header("etag").unwrap().to_owned();
    client.clone().header("if-none-match", &held).get(&path).await.expect(304);
    let other = client.header("range", "bytes=2-4").header("if-range", "\"x\"").get(&path).await.expect(200);
    assert_eq!(other.bytes, b"0123456789");
}

#[tokio::test]
async fn d6_uploads_have_bounds_and_what_is_not_complete_is_nothing() {
    let world = World::new();
    let ann = world.register("ann").await;
    let client = world.client(&ann);
    let path = "/v1/attachments?name=a";
    client
        .ask_raw(Method::POST, path, Some(b"x".to_vec()), None)
        .await
        .expect_problem(411, "length_required");
    client.send(Method::POST, path, b"").await.expect_problem(422, "empty_file");
    let huge = (u64::from(u32::MAX)).to_string();
    let huge = client.clone().header("content-length", &huge);
    huge.ask_raw(Method::POST, path, Some(b"x".to_vec()), None).await.expect_problem(413, "file_too_large");
    let short = client.clone().header("content-length", "10");
    short.ask_raw(Method::POST, path, Some(b"x".to_vec()), None).await.expect_problem(400, "bad_request");
    assert!(world.app.store.loose_uploads(None, 9).await.unwrap().is_empty());
    client.send(Method::POST, "/v1/attachments", b"x").await.expect_problem(400, "bad_request");
    client.send(Method::PUT, "/v1/account/avatar", b"no picture").await.expect_problem(422, "bad_picture");
}

#[tokio::test]
async fn unsent_uploads_are_swept_after_a_day_and_sent_ones_stay() {
    let world = World::new();
    let ann = world.register("ann").await;
    let room = world.conversation("group", &[&ann]).await;
    let unsent = upload(&world, &ann, "unsent.txt", b"x").await;
    let sent = upload(&world, &ann, "sent.txt", b"y").await;
    send(&world, &ann, &room, &[&sent]).await;
    assert_eq!(world.app.files.sweep(&world.app).await.unwrap().uploads, 0);
    world.pass_ms(chat::limits::UPLOAD_LIFE_MS + 1_000);
    assert_eq!(world.app.files.sweep(&world.app).await.unwrap().uploads, 1);
    assert_eq!(
        world.app.files.sweep_orphans(&world.app).await.unwrap().orphans,
        0,
        "blobs went with their rows"
    );
    let client = world.client(&ann);
    client.get(&format!("/v1/attachments/{unsent}")).await.expect_problem(404, "attachment_not_found");
    assert_eq!(client.get(&format!("/v1/attachments/{sent}")).await.expect(200).bytes, b"y");
}

#[tokio::test]
async fn a_picture_of_a_person_has_a_version_and_everybody_sees_it() {
    let world = World::new();
    let (ann, bob) = (world.register("ann").await, world.register("bob").await);
    let client = world.client(&ann);
    let first =
        client.send(Method::PUT, "/v1/account/avatar", &picture(600, 400)).await.expect(200).text("avatar");
    let second =
        client.send(Method::PUT, "/v1/account/avatar", &picture(64, 64)).await.expect(200).text("avatar");
    assert_ne!(first, second);
    let item = world.client(&bob).get(&format!("/v1/users/{}", ann.id)).await.expect(200);
    assert_eq!(item.text("avatar"), second);
    let path = format!("/v1/users/{}/avatar", ann.id);
    let seen = world.client(&bob).get(&format!("{path}?v={second}")).await.expect(200);
    assert!(seen.header("cache-control").unwrap().contains("immutable"));
    let decoded = image::load_from_memory(&seen.bytes).unwrap();
    assert_eq!((decoded.width(), decoded.height()), (256, 256));
    let old = world.client(&bob).get(&format!("{path}?v={first}")).await.expect(200);
    assert_eq!(old.header("cache-control"), Some("private, no-cache"));
    assert!(client.delete("/v1/account/avatar").await.expect(200).body.get("avatar").is_none());
    world.client(&bob).get(&path).await.expect_problem(404, "avatar_not_found");
    world.pass_ms(api::limits::ORPHAN_AGE_MS * 2);
    assert_eq!(world.app.files.sweep_orphans(&world.app).await.unwrap().orphans, 0, "old ones went at once");
}

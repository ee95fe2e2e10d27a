//! D1–D4, D9 across a move with the real binary: clients with their tokens write before, between and after, and lose
//! nothing; what nobody touches meanwhile is, to its readers, what it was. A killed import goes on.

use std::{
    fs::{self, OpenOptions},
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    client::{Failure, Person, Socket, new_id, seq, text},
    crash::{GENTLE, UNLIMITED, Written, check, settled, sync, write_until},
    server::{Server, run},
};

const WRITERS: usize = 4;
/// Longest wait for what has to come.
const PATIENCE: Duration = Duration::from_secs(90);
/// How long people write in each home.
const LIVED_MS: u64 = 1_000;

/// Rooms that nobody touches while they move, and everything that can be read of them.
pub(crate) struct Museum {
    pub(crate) curator: Person,
    guest: Person,
    rooms: Vec<String>,
    file: String,
    /// A message that is sent again in every home.
    first: Value,
    epoch: Value,
}

/// People who write all the time, at one address, whoever answers there.
pub(crate) struct Writers {
    people: Vec<Person>,
    rooms: Vec<String>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Written>>,
}

#[test]
fn d1_to_d4_and_d9_a_workspace_moves_to_another_folder_and_clients_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let [old, new, export] = ["old", "new", "export"].map(|name| folder.path().join(name));
    let mut server = Server::start(&old, UNLIMITED);
    let listen = server.address.to_string();
    let museum = Museum::furnish(&server);
    let before = museum.look(&museum.curator);
    let writers = Writers::start(&museum.curator);
    live();
    let (ok, _, errors) = run_export(&["--data", path(&old)], &export, &[]);
    assert!(!ok && errors.contains("no server may run on it"), "{errors}");
    let (ok, output, errors) = run_export(&["--data", path(&old)], &export, &["--files-only"]);
    assert!(ok && output.contains("Copied 2 files"), "{output} {errors}");
    // The hard way: what is accepted and not stored yet is stored by the export.
    server.kill();
    let (ok, output, errors) = run_export(&["--data", path(&old)], &export, &[]);
    assert!(ok && output.contains("6 people"), "{output} {errors}");
    let (ok, output, errors) = run_check(&export);
    assert!(ok && output.contains("is whole"), "{output} {errors}");
    let (ok, output, errors) = run_import(&export, &["--data", path(&new)]);
    assert!(ok && output.contains("stay logged in"), "{output} {errors}");
    let (ok, output, _) = run_import(&export, &["--data", path(&new)]);
    assert!(ok && output.contains("nothing was done"), "{output}");
    let (ok, _, errors) = run_import(&export, &["--data", path(&old)]);
    assert!(!ok && errors.contains("not empty"), "{errors}");

    let server = Server::start_at(&new, &listen, UNLIMITED);
    assert_eq!(museum.look(&museum.curator), before);
    museum.go_on(&museum.curator);
    live();
    writers.end();
    drop(server);
}

#[test]
fn an_import_that_is_killed_goes_on_and_nobody_serves_half_a_home() {
    let folder = tempfile::tempdir().unwrap();
    let [old, new, export] = ["old", "new", "export"].map(|name| folder.path().join(name));
    let mut server = Server::start(&old, UNLIMITED);
    let museum = Museum::furnish(&server);
    let before = museum.look(&museum.curator);
    assert!(server.terminate().success());
    let (ok, _, errors) = run_export(&["--data", path(&old)], &export, &[]);
    assert!(ok, "{errors}");
    // A file that is a pipe holds the import up in the middle of its way, for as long as nobody writes to it.
    let file = export.join(format!("objects/files/{}", museum.file));
    let aside = export.join("aside");
    fs::rename(&file, &aside).unwrap();
    assert!(Command::new("mkfifo").arg(&file).status().unwrap().success());
    let mut import = Command::new(env!("CARGO_BIN_EXE_dynamowave"))
        .args(["import", "--from", path(&export), "--data", path(&new)])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + PATIENCE;
    // It has come to the file when somebody reads the pipe.
    let held = loop {
        if let Ok(pipe) = OpenOptions::new().write(true).custom_flags(NONBLOCKING).open(&file) {
            break pipe;
        }
        assert!(
            Instant::now() < deadline && import.try_wait().unwrap().is_none(),
            "it never comes to the file"
        );
        thread::sleep(Duration::from_millis(5));
    };
    import.kill().unwrap();
    assert!(!import.wait().unwrap().success());
    drop(held);
    let (status, _, errors) = run(&["serve", "--data", path(&new), "--listen", "127.0.0.1:0"]);
    assert!(!status.success() && errors.contains("import") && errors.contains("not finished"), "{errors}");
    fs::remove_file(&file).unwrap();
    let mut wrong = fs::read(&aside).unwrap();
    wrong[0] ^= 1;
    fs::File::create(&file).unwrap().write_all(&wrong).unwrap();
    let (ok, _, errors) = run_import(&export, &["--data", path(&new)]);
    assert!(!ok && errors.contains(&museum.file) && errors.contains("damaged"), "{errors}");
    fs::rename(&aside, &file).unwrap();
    let (ok, _, errors) = run_import(&export, &["--data", path(&new)]);
    assert!(ok, "{errors}");
    let server = Server::start(&new, UNLIMITED);
    let curator = museum.curator.moved(server.address);
    assert_eq!(museum.look(&curator), before);
    museum.go_on(&curator);
}

/// Who sends has read up to there; that is written down a moment later.
fn until_own_messages_are_read(person: &Person, room: &str) {
    let deadline = Instant::now() + PATIENCE;
    let history = person.history(room);
    let is_own = |event: &&Value| event["kind"] == "message" && event["senderId"] == *person.user;
    let last = history.iter().rfind(is_own).map(seq).expect("a message of theirs");
    let is_read = || {
        let members = person.http.get(&format!("/v1/conversations/{room}/members")).unwrap();
        let members = members["items"].as_array().unwrap().clone();
        members
            .iter()
            .any(|member| member["userId"] == *person.user && member["readSeq"].as_u64() >= Some(last))
    };
    while !is_read() {
        assert!(Instant::now() < deadline, "{room} is never read");
        thread::sleep(Duration::from_millis(50));
    }
}

/// `O_NONBLOCK` of Linux: opening a pipe to write fails until somebody reads it.
const NONBLOCKING: i32 = 0o4000;

/// People write for a while. Not to wait for anything: the moment of a move is to be an arbitrary one.
pub(crate) fn live() {
    thread::sleep(Duration::from_millis(LIVED_MS));
}

pub(crate) fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

pub(crate) fn run_export(home: &[&str], to: &Path, more: &[&str]) -> (bool, String, String) {
    tool(&[&["export", "--to", path(to)], home, more].concat())
}

pub(crate) fn run_check(folder: &Path) -> (bool, String, String) {
    tool(&["export", "--check", path(folder)])
}

pub(crate) fn run_import(from: &Path, home: &[&str]) -> (bool, String, String) {
    tool(&[&["import", "--from", path(from)], home].concat())
}

/// Runs a command to its end, as somebody who may use the emulator: whether it went well, and what it said.
fn tool(arguments: &[&str]) -> (bool, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dynamowave"));
    command.args(arguments).env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test");
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.success(), text(output.stdout), text(output.stderr))
}

impl Museum {
    pub(crate) fn furnish(server: &Server) -> Museum {
        let (curator, guest) =
            (Person::register(server.address, "curator"), Person::register(server.address, "guest"));
        let group = curator.group("Museum", &[&guest]);
        let begin =
            |body: Value| text(&curator.http.post("/v1/conversations", &body).unwrap()["conversationId"]);
        let direct = begin(json!({"kind": "direct", "memberIds": [guest.user]}));
        let channel = begin(json!({"kind": "channel", "title": "Everybody", "memberIds": []}));
        guest.http.post(&format!("/v1/conversations/{channel}/join"), &json!({})).unwrap();
        let bytes = vec![42; 5_000];
        let file =
            text(&curator.http.upload("/v1/attachments?name=plan.bin", &bytes).unwrap()["attachmentId"]);
        let unsent = curator.http.upload("/v1/attachments?name=later.bin", b"not yet").unwrap();
        assert!(unsent["attachmentId"].is_string());

        let (mut socket, hello) = curator.connect().unwrap();
        socket.send(&json!({"action": "sync"})).unwrap();
        socket.until("synced").unwrap();
        let said = |room: &str, body: &str| json!({"action": "sendMessage", "conversationId": room, "clientMessageId": new_id(), "body": body});
        let first = say(&mut socket, said(&group, "Welcome to the museum"));
        let mut with_file = said(&group, "The plan");
        with_file["attachmentIds"] = json!([file]);
        say(&mut socket, with_file);
        let mut reply = said(&group, "See the plan, guest");
        (reply["replyTo"], reply["mentions"]) = (json!(3), json!([guest.user]));
        say(&mut socket, reply);
        say(&mut socket, said(&group, "a mistake"));
        for (action, seq, more) in [
            ("editMessage", 2, json!({"body": "Welcome to the little museum"})),
            ("editMessage", 2, json!({"body": "Welcome to the great museum"})),
            ("deleteMessage", 5, json!({})),
            ("react", 3, json!({"emoji": "🗺️"})),
            ("react", 2, json!({"emoji": "👋"})),
            ("unreact", 2, json!({"emoji": "👋"})),
        ] {
            let mut frame =
                json!({"action": action, "conversationId": group, "clientMessageId": new_id(), "seq": seq});
            frame.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            say(&mut socket, frame);
        }
        for room in [&direct, &channel] {
            (0..3).for_each(|number| drop(say(&mut socket, said(room, &format!("line {number}")))));
        }
        drop(socket);
        read(&guest, &group, 4);
        let preferences = json!({"pinned": true, "muted": true, "notify": "mentions"});
        guest.http.patch(&format!("/v1/conversations/{group}/preferences"), &preferences).unwrap();
        curator.http.patch("/v1/account/preferences", &json!({"theme": "dark"})).unwrap();
        curator.http.patch("/v1/account", &json!({"status": {"text": "counting"}})).unwrap();
        curator.http.post("/v1/invites", &json!({})).unwrap();
        let rooms = vec![group, direct, channel];
        rooms.iter().for_each(|room| until_own_messages_are_read(&curator, room));
        Museum { curator, guest, rooms, file, first, epoch: hello["epoch"].clone() }
    }

    /// Everything that two people see, at the address of the one who looks.
    pub(crate) fn look(&self, curator: &Person) -> Vec<Value> {
        let guest = self.guest.moved(curator.http.address);
        let mut seen = Vec::new();
        for person in [curator, &guest] {
            let get =
                |route: &str| person.http.get(route).unwrap_or_else(|failure| panic!("{route}: {failure:?}"));
            for room in &self.rooms {
                seen.push(json!(person.history(room)));
                for route in ["", "/members", "/messages/2/versions", "/messages/3/reactions"] {
                    if !(route.starts_with("/messages") && *room != self.rooms[0]) {
                        seen.push(get(&format!("/v1/conversations/{room}{route}")));
                    }
                }
            }
            for route in
                ["/v1/conversations?limit=500", "/v1/channels", "/v1/account/preferences", "/v1/sessions"]
            {
                seen.push(get(route));
            }
            let (status, _, bytes) = person.http.fetch(&format!("/v1/attachments/{}", self.file), &[]);
            assert_eq!((status, bytes), (200, vec![42; 5_000]));
        }
        seen.push(curator.http.get("/v1/invites").unwrap());
        seen.iter_mut().for_each(without_what_goes_on);
        seen
    }

    /// The same epoch, nothing missing and nothing new for who has all, everything for who lacks it; an old message sent
    /// again stays one; the next one gets the next place.
    pub(crate) fn go_on(&self, curator: &Person) {
        let group = &self.rooms[0];
        let log = curator.history(group);
        let head = seq(log.last().unwrap());
        let (mut socket, hello) = curator.connect().unwrap();
        assert_eq!(hello["epoch"], self.epoch, "D4: the same history");
        for (held, lacking) in [(head, 0), (head - 3, 3)] {
            let mut cursors = json!({});
            cursors[group] = json!(held);
            for room in &self.rooms[1..] {
                cursors[room] = json!(seq(curator.history(room).last().unwrap()));
            }
            socket.send(&json!({"action": "sync", "epoch": self.epoch, "cursors": cursors})).unwrap();
            let (_, before) = socket.until("synced").unwrap();
            let came: Vec<&Value> = before.iter().filter(|frame| frame["type"] == "events").collect();
            let events: Vec<Value> = came
                .iter()
                .filter(|frame| frame["conversationId"] == *group)
                .flat_map(|frame| frame["events"].as_array().unwrap().clone())
                .collect();
            assert_eq!(events.len(), lacking, "D4: {events:?}");
            assert!(events.iter().zip(held + 1..).all(|(event, wanted)| seq(event) == wanted));
        }
        socket.send(&self.first).unwrap();
        socket.until("accepted").unwrap();
        // Behind it in the same queue: when this one is there, that one has been decided.
        let next = json!({"action": "sendMessage", "conversationId": group, "clientMessageId": new_id(), "body": "next"});
        say(&mut socket, next);
        let now = curator.history(group);
        let (next, others) = now.split_last().unwrap();
        assert_eq!(others, log, "D2: sent again, it stays one");
        assert_eq!((seq(next), &next["body"]), (head + 1, &json!("next")), "D3");
        until_own_messages_are_read(curator, group);
    }
}

/// Sends a command and waits until it has its event; returns the command.
fn say(socket: &mut Socket, frame: Value) -> Value {
    socket.send(&frame).unwrap();
    let id = &frame["clientMessageId"];
    loop {
        let told = socket.next().unwrap();
        assert!(told["type"] != "rejected" && told["type"] != "error", "{told}");
        let is_it = |event: &Value| event["clientMessageId"] == *id;
        let is_page = told["events"].as_array().is_some_and(|events| events.iter().any(is_it));
        if (told["type"] == "event" && is_it(&told)) || is_page {
            return frame;
        }
    }
}

fn read(person: &Person, room: &str, up_to: u64) {
    let (mut socket, _) = person.connect().unwrap();
    socket.send(&json!({"action": "sync"})).unwrap();
    socket.until("synced").unwrap();
    socket.send(&json!({"action": "markRead", "conversationId": room, "seq": up_to})).unwrap();
    let deadline = Instant::now() + PATIENCE;
    loop {
        let listed = person.http.get("/v1/conversations?limit=500").unwrap();
        let entry =
            listed["items"].as_array().unwrap().iter().find(|item| item["conversationId"] == room).cloned();
        if entry.is_some_and(|entry| entry["readSeq"] == up_to) {
            return;
        }
        assert!(Instant::now() < deadline, "the mark never moves");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Leaves out what moves by itself: who was there when, and what writers elsewhere do.
fn without_what_goes_on(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for name in ["lastSeenAt", "seenAt", "presence", "status", "deliveredSeq", "isCurrent", "next"] {
                fields.remove(name);
            }
            fields.values_mut().for_each(without_what_goes_on);
        }
        Value::Array(items) => items.iter_mut().for_each(without_what_goes_on),
        _ => {}
    }
}

impl Writers {
    /// Begins, at the address of somebody who is registered there.
    pub(crate) fn start(at: &Person) -> Writers {
        let address = at.http.address;
        let people: Vec<Person> =
            (0..WRITERS).map(|number| Person::register(address, &format!("writer{number}"))).collect();
        let everybody: Vec<&Person> = people[1..].iter().collect();
        let rooms: Vec<String> =
            (0..3).map(|number| people[0].group(&format!("writing {number}"), &everybody)).collect();
        let stop = Arc::new(AtomicBool::new(false));
        let threads = people
            .iter()
            .cloned()
            .map(|person| {
                let (stop, rooms) = (Arc::clone(&stop), rooms.clone());
                thread::spawn(move || write_until(&stop, &person, &rooms, GENTLE))
            })
            .collect();
        Writers { people, rooms, stop, threads }
    }

    /// Everything that was acknowledged, anywhere, is in the logs once and in order, and every writer holds them.
    pub(crate) fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        let mut written: Vec<Written> =
            self.threads.into_iter().map(|writer| writer.join().expect("a writer failed")).collect();
        let places = settled(&self.people[0], &self.rooms, &written, PATIENCE);
        for (person, written) in self.people.iter().zip(&mut written) {
            let (mut socket, _) = person.connect().expect("the last home lives");
            let synced: Result<(), Failure> = sync(&mut socket, written, &mut Vec::new());
            synced.expect("a last sync");
        }
        check(&self.people[0], &self.rooms, &written, &places);
    }
}

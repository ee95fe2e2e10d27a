//! D1–D6 on the containers home: gateways, persisters and notifiers as processes of their own over the emulator, behind
//! a load balancer, loaded by clients while each role is killed in turn.
//! Needs `AWS_ENDPOINT_URL` to name an emulator on this machine, and `haproxy`; `make test-aws` brings both.

use std::{
    fs,
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::{
    client::{Http, Person, text},
    crash::{UNLIMITED, Written, check, number, settled, sync, write_until},
};

const GATEWAYS: usize = 3;
const PERSISTERS: usize = 2;
const NOTIFIERS: usize = 2;
const WRITERS: usize = 4;
const CONVERSATIONS: usize = 3;
/// Longest wait for a process to be ready, and for what a killed one had leased to be done by others: its lease lasts a
/// minute.
const PATIENCE: Duration = Duration::from_secs(150);
/// A token that is good for the admin routes.
const TOKEN: &str = "dwop_0123456789abcdef0123456789abcdef";

/// An installation: its names, certificates and shared folder.
struct Installation {
    folder: tempfile::TempDir,
    options: Vec<String>,
}

/// One process of it; ends with the test.
struct Process {
    role: &'static str,
    options: Vec<String>,
    child: Child,
    address: Option<SocketAddr>,
}

#[test]
fn d1_to_d6_hold_while_every_role_is_killed_in_turn() {
    let rounds = number("NODE_ROUNDS", 1);
    let installation = Installation::new();
    let mut processes = installation.start();
    let gateways: Vec<SocketAddr> = processes.iter().filter_map(|process| process.address).collect();
    let balancer = Balancer::start(installation.folder.path(), &gateways);
    let people: Vec<Person> =
        (0..WRITERS).map(|n| Person::register(balancer.address, &format!("writer{n}"))).collect();
    let everybody: Vec<&Person> = people[1..].iter().collect();
    let conversations: Vec<String> =
        (0..CONVERSATIONS).map(|n| people[0].group(&format!("room {n}"), &everybody)).collect();

    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = people
        .iter()
        .cloned()
        .map(|person| {
            let (stop, conversations) = (Arc::clone(&stop), conversations.clone());
            thread::spawn(move || write_until(&stop, &person, &conversations))
        })
        .collect();
    for round in 0..rounds {
        for (number, process) in processes.iter_mut().enumerate() {
            thread::sleep(Duration::from_millis(1_000));
            process.kill();
            eprintln!("round {round}: killed {} {number}", process.role);
            thread::sleep(Duration::from_millis(1_000));
            process.start_again();
        }
    }
    stop.store(true, Ordering::Relaxed);
    let mut written: Vec<Written> =
        writers.into_iter().map(|writer| writer.join().expect("a writer failed")).collect();
    let places = settled(&people[0], &conversations, &written, PATIENCE);
    for (person, written) in people.iter().zip(&mut written) {
        let (mut socket, _) = person.connect().expect("the gateways live");
        sync(&mut socket, written, &mut Vec::new()).expect("a last sync");
    }
    check(&people[0], &conversations, &written, &places);
    presence_holds_across_nodes(&people, &gateways);
    for process in &mut processes {
        process.terminate();
    }
}

/// Who is connected to one gateway is online for who asks another, and offline once the connection is gone.
fn presence_holds_across_nodes(people: &[Person], gateways: &[SocketAddr]) {
    let (watcher, watched) = (people[0].moved(gateways[0]), people[1].moved(gateways[1]));
    let (mut eyes, _) = watcher.connect().expect("connected");
    eyes.send(&json!({"action": "watchPresence", "userIds": [watched.user]})).expect("sent");
    let mut status_is = |wanted: &str| {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let frame = eyes.next().expect("a frame");
            if frame["type"] == "presence" && frame["users"][0]["status"] == wanted {
                return frame;
            }
            assert!(Instant::now() < deadline, "{wanted} is never told");
        }
    };
    status_is("offline");
    let (socket, _) = watched.connect().expect("connected");
    status_is("online");
    drop(socket);
    let frame = status_is("offline");
    assert!(!text(&frame["users"][0]["lastSeenAt"]).is_empty(), "{frame}");
}

impl Installation {
    /// Makes tables, queues and certificates.
    fn new() -> Installation {
        let endpoint = std::env::var("AWS_ENDPOINT_URL").expect("no emulator is named; run `make test-aws`");
        assert!(endpoint.starts_with("http://127.0.0.1:"), "{endpoint} is not on this machine");
        let folder = tempfile::tempdir().expect("a folder");
        let prefix = format!(
            "n{}-{}",
            std::process::id(),
            std::time::SystemTime::now()
                .duration_since(std::time::UNIX_EPOCH)
                .expect("after 1970")
                .as_millis()
        );
        let mut options: Vec<String> = UNLIMITED.iter().map(|one| (*one).to_owned()).collect();
        let mut set =
            |name: &str, value: &str| options.extend(["--set".to_owned(), format!("{name}={value}")]);
        for (option, name) in [
            ("main_table", "main"),
            ("live_table", "live"),
            ("messages_queue", "messages.fifo"),
            ("messages_dead_queue", "messages-dead.fifo"),
            ("notifications_queue", "notifications.fifo"),
            ("notifications_dead_queue", "notifications-dead.fifo"),
        ] {
            set(&format!("aws.{option}"), &format!("{prefix}-{name}"));
        }
        set("aws.region", "eu-west-1");
        set("files.folder", &folder.path().join("files").display().to_string());
        for (name, path) in certificates(folder.path()) {
            set(name, &path.display().to_string());
        }
        for (name, value) in [
            ("node.listen", "127.0.0.1:0"),
            ("passwords.memory_kib", "64"),
            ("passwords.iterations", "1"),
            ("limits.logins_per_minute", "0"),
        ] {
            set(name, value);
        }
        let status = command(&["aws", "provision"], &options).status().expect("it runs");
        assert!(status.success(), "provisioned");
        Installation { folder, options }
    }

    /// All processes, gateways first.
    fn start(&self) -> Vec<Process> {
        let gateways = (0..GATEWAYS).map(|_| Process::start("gateway", &self.options, Some("127.0.0.1:0")));
        let persisters = (0..PERSISTERS).map(|_| Process::start("persister", &self.options, None));
        let notifiers = (0..NOTIFIERS).map(|_| Process::start("notifier", &self.options, None));
        gateways.chain(persisters).chain(notifiers).collect()
    }
}

/// An authority and a certificate of it for all nodes.
fn certificates(folder: &Path) -> [(&'static str, PathBuf); 3] {
    let authority_key = rcgen::KeyPair::generate().expect("a key");
    let mut authority = rcgen::CertificateParams::new(Vec::new()).expect("no names");
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority_pem = authority.self_signed(&authority_key).expect("a certificate").pem();
    let issuer = rcgen::Issuer::new(authority, authority_key);
    let key = rcgen::KeyPair::generate().expect("a key");
    let node = rcgen::CertificateParams::new(vec!["node.dynamowave.internal".to_owned()]).expect("a name");
    let node_pem = node.signed_by(&key, &issuer).expect("a certificate").pem();
    let written = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text).expect("written");
        path
    };
    [
        ("node.authority", written("authority.pem", &authority_pem)),
        ("node.certificate", written("node.pem", &node_pem)),
        ("node.key", written("node.key", &key.serialize_pem())),
    ]
}

fn command(arguments: &[&str], options: &[String]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dynamowave"));
    command
        .args(arguments)
        .args(options)
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test");
    command
}

impl Process {
    fn start(role: &'static str, options: &[String], listen: Option<&str>) -> Process {
        let mut command = command(&[role, "--backend", "aws", "--token", TOKEN], options);
        let Some(listen) = listen else {
            let child = command.spawn().expect("it starts");
            return Process { role, options: options.to_vec(), child, address: None };
        };
        let child = command.args(["--listen", listen]).stdout(Stdio::piped()).spawn().expect("it starts");
        let mut process = Process { role, options: options.to_vec(), child, address: None };
        process.address = Some(crate::server::first_address(&mut process.child));
        process
    }

    fn kill(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("ended");
    }

    /// At the same address.
    fn start_again(&mut self) {
        let listen = self.address.map(|address| address.to_string());
        let again = Process::start(self.role, &self.options, listen.as_deref());
        drop(std::mem::replace(self, again));
    }

    /// SIGTERM; a good end is 0.
    fn terminate(&mut self) {
        let status = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(status.expect("kill runs").success());
        assert!(self.child.wait().expect("ended").success(), "{} ends with 0", self.role);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// HAProxy before the gateways, as `deploy/haproxy.cfg` sets it up.
struct Balancer {
    child: Child,
    address: SocketAddr,
}

impl Balancer {
    fn start(folder: &Path, gateways: &[SocketAddr]) -> Balancer {
        let address = free_address();
        let servers: String = gateways
            .iter()
            .enumerate()
            .map(|(number, gateway)| {
                format!("  server gateway{number} {gateway} check inter 1000 fall 2 rise 1\n")
            })
            .collect();
        let text = format!(
            "global\n  maxconn 4000\ndefaults\n  mode http\n  timeout connect 1s\n  timeout client 60s\n  \
             timeout server 60s\n  timeout check 5s\n  timeout tunnel 1h\n  retries 2\n  option redispatch\nfrontend chat\n  \
             bind {address}\n  default_backend gateways\nbackend gateways\n  balance leastconn\n  \
             option httpchk GET /readyz\n{servers}"
        );
        let path = folder.join("haproxy.cfg");
        fs::write(&path, text).expect("written");
        let child = Command::new("haproxy").arg("-f").arg(&path).spawn().expect("haproxy starts");
        let balancer = Balancer { child, address };
        balancer.wait();
        balancer
    }

    fn wait(&self) {
        let deadline = Instant::now() + PATIENCE;
        let is_up =
            || TcpStream::connect(self.address).is_ok() && Http::new(self.address).get("/v1/server").is_ok();
        while !is_up() {
            assert!(Instant::now() < deadline, "no gateway is ready");
            thread::sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port")
}

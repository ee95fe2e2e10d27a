//! An installation of several processes: names of its own in the emulator, certificates, and the processes themselves.
//! Whatever a test does, they end with it.

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::aws_emulator;

/// A token that is good for the admin routes.
pub(super) const TOKEN: &str = "dwop_0123456789abcdef0123456789abcdef";

/// Names, certificates and the folder that all see.
pub(crate) struct Installation {
    pub(super) folder: tempfile::TempDir,
    pub(crate) options: Vec<String>,
}

/// One process.
pub(crate) struct Process {
    pub(super) role: &'static str,
    options: Vec<String>,
    child: Child,
    /// Where a gateway listens for people.
    pub(super) address: Option<SocketAddr>,
}

impl Installation {
    /// Makes tables, queues and certificates. `more` are options of every process.
    pub(crate) fn new(more: &[(&str, &str)]) -> Installation {
        let endpoint = std::env::var("AWS_ENDPOINT_URL")
            .expect("AWS_ENDPOINT_URL names no emulator; run xtask/scripts/test-nodes.sh");
        assert!(endpoint.starts_with("http://127.0.0.1:"), "{endpoint} is not on this machine");
        let folder = tempfile::tempdir().expect("a folder");
        let mut options = aws_emulator::options(&prefix(), &folder.path().join("files"));
        let mut set =
            |name: &str, value: &str| options.extend(["--set".to_owned(), format!("{name}={value}")]);
        for (name, path) in certificates(folder.path()) {
            set(name, &path.display().to_string());
        }
        more.iter().for_each(|(name, value)| set(name, value));
        let status = command(&["aws", "provision"], &options).status().expect("it runs");
        assert!(status.success(), "provisioned");
        Installation { folder, options }
    }

    pub(super) fn gateway(&self, listen: &str) -> Process {
        Process::start("gateway", &self.options, Some(listen))
    }

    pub(super) fn gateways(&self, count: usize) -> Vec<Process> {
        (0..count).map(|_| self.gateway("127.0.0.1:0")).collect()
    }

    pub(super) fn workers(&self, role: &'static str, count: usize) -> Vec<Process> {
        (0..count).map(|_| Process::start(role, &self.options, None)).collect()
    }
}

/// A name that nobody else in the emulator has: of this test's thread.
fn prefix() -> String {
    let thread = format!("{:?}", std::thread::current().id());
    let number: String = thread.chars().filter(char::is_ascii_digit).collect();
    format!("n{}-{number}", std::process::id())
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

pub(super) fn command(arguments: &[&str], options: &[String]) -> Command {
    // A copy may be named, so that what is built meanwhile does not change what is tested.
    let binary = std::env::var("SERVER_BINARY").unwrap_or_else(|_| env!("CARGO_BIN_EXE_dynamowave").into());
    let mut command = Command::new(binary);
    command
        .args(arguments)
        .args(options)
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test");
    command
}

impl Process {
    pub(crate) fn start(role: &'static str, options: &[String], listen: Option<&str>) -> Process {
        let mut command = command(&[role, "--backend", "aws", "--token", TOKEN], options);
        let options = options.to_vec();
        let Some(listen) = listen else {
            let child = command.spawn().expect("it starts");
            return Process { role, options, child, address: None };
        };
        let child = command.args(["--listen", listen]).stdout(Stdio::piped()).spawn().expect("it starts");
        let mut process = Process { role, options, child, address: None };
        process.address = Some(crate::server::first_address(&mut process.child));
        process
    }

    /// `kill -9`.
    pub(super) fn kill(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("ended");
    }

    /// At the same address.
    pub(super) fn start_again(&mut self) {
        let listen = self.address.map(|address| address.to_string());
        let again = Process::start(self.role, &self.options, listen.as_deref());
        drop(std::mem::replace(self, again));
    }

    /// SIGTERM.
    pub(crate) fn stop(&self) {
        let status = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(status.expect("kill runs").success());
    }

    /// Waits for a good end after [`Self::stop`]. Returns how long it took.
    pub(crate) fn ended(&mut self) -> Duration {
        let began = Instant::now();
        assert!(self.child.wait().expect("ended").success(), "{} ends with 0", self.role);
        began.elapsed()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

pub(super) fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port")
}

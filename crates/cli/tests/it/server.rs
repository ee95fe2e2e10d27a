//! The binary under test as a child process with its own data folder.
//! Whatever a test does, the process ends with it.

use std::{
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

/// Longest wait for a server to start or to stop.
const PATIENCE: Duration = Duration::from_secs(30);

/// Options that make password checks cheap, so that tests spend their time on what they test.
const CHEAP_PASSWORDS: [&str; 6] = [
    "--set",
    "passwords.memory_kib=64",
    "--set",
    "passwords.iterations=1",
    "--set",
    "limits.logins_per_minute=0",
];

/// A running server.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Starts on a free port.
    pub(crate) fn start(data: &Path, more: &[&str]) -> Server {
        Server::start_at(data, "127.0.0.1:0", more)
    }

    /// Starts on this address; returns when the first line of output tells it.
    pub(crate) fn start_at(data: &Path, listen: &str, more: &[&str]) -> Server {
        let mut child = Command::new(env!("CARGO_BIN_EXE_dynamowave"))
            .args(["serve", "--listen", listen, "--data"])
            .arg(data)
            .args(CHEAP_PASSWORDS)
            .args(more)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let address = first_address(&mut child);
        Server { child, address }
    }

    /// The process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("the process can be killed");
        self.child.wait().expect("the process can be waited for");
    }

    /// SIGTERM, then waits for the end.
    pub(crate) fn terminate(&mut self) -> ExitStatus {
        let status = Command::new("kill").args(["-TERM", &self.pid().to_string()]).status();
        assert!(status.expect("kill runs").success());
        self.wait()
    }

    /// Waits for the process to end by itself.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("the process can be waited for") {
                return status;
            }
            assert!(Instant::now() < deadline, "the server did not end in {PATIENCE:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The address in the first line of output; the rest is thrown away.
pub(crate) fn first_address(child: &mut Child) -> SocketAddr {
    let mut lines = BufReader::new(child.stdout.take().expect("stdout is piped")).lines();
    let line = match lines.next() {
        Some(Ok(line)) => line,
        other => panic!("the server said nothing on standard output: {other:?}; {:?}", child.wait()),
    };
    std::thread::spawn(move || lines.for_each(drop));
    let address = line.split("://").nth(1).and_then(|rest| rest.trim_end_matches('/').parse().ok());
    address.unwrap_or_else(|| panic!("the first line is no address: {line:?}"))
}

/// Runs the binary with these arguments to its end and returns status, standard output and standard error.
pub(crate) fn run(arguments: &[&str]) -> (ExitStatus, String, String) {
    let output =
        Command::new(env!("CARGO_BIN_EXE_dynamowave")).args(arguments).output().expect("the binary runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("output is UTF-8");
    (output.status, text(output.stdout), text(output.stderr))
}

//! A server of our own for one measurement: started in a fresh folder, asked where it listens, ended at last.
//! Invariant: the process never outlives this value, and its folder goes with it.

use std::{
    fs::File,
    io::{BufRead as _, BufReader},
    net::{SocketAddr, ToSocketAddrs as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::{
    error::{Context as _, LoadError, Result},
    limits::{START_TIMEOUT_MS, STOP_TIMEOUT_MS},
};

/// How servers are started.
#[derive(Debug, Clone)]
pub struct Launch {
    /// The `dynamowave` binary.
    pub binary: PathBuf,
    /// Folder under which data folders are made.
    pub work: PathBuf,
    /// Options like `limits.send_burst=1000`, each given with `--set`.
    pub options: Vec<String>,
    /// Whether it ends by itself, with success, when it is asked to.
    pub graceful: bool,
}

/// What lifts the server's limits on people out of the way of a measurement: a generator is no person.
pub const UNLIMITED: [&str; 10] = [
    "limits.sends_per_second=1000000",
    "limits.send_burst=1000000",
    "limits.frames_per_second=1000000",
    "limits.requests_per_second=1000000",
    "limits.searches_per_second=1000000",
    "limits.logins_per_minute=1000000",
    "limits.connections_max=18000",
    "registration.policy=open",
    "passwords.memory_kib=8",
    "passwords.iterations=1",
];

/// What lifts the limits on registering alone, so that people are limited as they are by default.
pub const DEFAULT_LIMITS: [&str; 5] = [
    "limits.requests_per_second=1000000",
    "limits.logins_per_minute=1000000",
    "registration.policy=open",
    "passwords.memory_kib=8",
    "passwords.iterations=1",
];

/// A running server.
#[derive(Debug)]
pub struct Server {
    child: Child,
    address: SocketAddr,
    folder: TempDir,
    launch: Launch,
    /// From the start of the process until it said where it listens.
    pub started_in: Duration,
}

impl Launch {
    /// For servers of this binary with these options.
    #[must_use]
    pub fn new(binary: &Path, work: &Path, options: &[&str]) -> Launch {
        Launch {
            binary: binary.to_owned(),
            work: work.to_owned(),
            options: options.iter().map(|&option| option.to_owned()).collect(),
            graceful: true,
        }
    }

    /// For bare chats: this program itself.
    ///
    /// # Errors
    /// When the program does not know where it is.
    pub fn bare(work: &Path) -> Result<Launch> {
        let binary = std::env::current_exe().context("looking for this program")?;
        Ok(Launch { graceful: false, ..Launch::new(&binary, work, &[]) })
    }

    /// Starts a server on an empty folder.
    ///
    /// # Errors
    /// When it does not start, or does not say where it listens.
    pub fn start(&self) -> Result<Server> {
        let folder = tempfile::Builder::new()
            .prefix("dynamowave-load-")
            .tempdir_in(&self.work)
            .context("making a data folder")?;
        let (child, address, started_in) = self.spawn(folder.path())?;
        Ok(Server { child, address, folder, launch: self.clone(), started_in })
    }

    /// What the binary says its version is.
    #[must_use]
    pub fn version(&self) -> String {
        let output = Command::new(&self.binary).arg("--version").output();
        output.map_or_else(
            |_| "unknown".into(),
            |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        )
    }

    fn spawn(&self, folder: &Path) -> Result<(Child, SocketAddr, Duration)> {
        let log = File::options()
            .create(true)
            .append(true)
            .open(folder.join("server.log"))
            .context("making a log file")?;
        let mut command = Command::new(&self.binary);
        command.arg("serve").arg("--data").arg(folder.join("data")).args(["--listen", "127.0.0.1:0"]);
        for option in &self.options {
            command.arg("--set").arg(option);
        }
        let began = Instant::now();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .context(format!("starting {}", self.binary.display()))?;
        match first_line(&mut child).and_then(|line| address_in(&line)) {
            Ok(address) => Ok((child, address, began.elapsed())),
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait();
                let said = std::fs::read_to_string(folder.join("server.log")).unwrap_or_default();
                Err(LoadError::Protocol(format!(
                    "the server did not start ({error}); it said: {}",
                    said.trim()
                )))
            }
        }
    }
}

impl Server {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Kills it as a crash does: SIGKILL.
    ///
    /// # Errors
    /// When the kernel does not let us.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill().context("killing the server")?;
        self.child.wait().context("waiting for the killed server")?;
        Ok(())
    }

    /// Starts it again on the same folder.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start_again(&mut self) -> Result<()> {
        let (child, address, started_in) = self.launch.spawn(self.folder.path())?;
        (self.child, self.address, self.started_in) = (child, address, started_in);
        Ok(())
    }

    /// Asks it to end and waits.
    ///
    /// # Errors
    /// When it ends with an error, or not in time.
    pub fn stop(mut self) -> Result<()> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid {
            kill_process(pid, Signal::TERM).context("stopping the server")?;
        }
        let began = Instant::now();
        while began.elapsed() < Duration::from_millis(STOP_TIMEOUT_MS) {
            if let Some(status) = self.child.try_wait().context("waiting for the server")? {
                return if status.success() || !self.launch.graceful {
                    Ok(())
                } else {
                    Err(LoadError::Protocol(format!("the server ended with {status}")))
                };
            }
            thread::sleep(Duration::from_millis(10));
        }
        Err(LoadError::Timeout { what: "stopping the server".into(), limit_ms: STOP_TIMEOUT_MS })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only when the process is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The first line of standard output; the rest is read away, so that the server never waits for us.
fn first_line(child: &mut Child) -> Result<String> {
    let output = child.stdout.take().ok_or_else(|| LoadError::Protocol("no standard output".into()))?;
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(std::result::Result::ok) {
            let _ = sender.send(line);
        }
    });
    let limit = Duration::from_millis(START_TIMEOUT_MS);
    receiver
        .recv_timeout(limit)
        .map_err(|_| LoadError::Timeout { what: "starting the server".into(), limit_ms: START_TIMEOUT_MS })
}

/// The address in a line like `http://127.0.0.1:8080/`, whatever stands around it.
///
/// # Errors
/// When there is none.
pub fn address_in(line: &str) -> Result<SocketAddr> {
    let found = line.split_ascii_whitespace().find_map(|word| {
        let rest = word.split_once("://").map_or(word, |(_, rest)| rest);
        rest.split('/').next()?.to_socket_addrs().ok()?.next()
    });
    found.ok_or_else(|| LoadError::Protocol(format!("no address in {line:?}")))
}

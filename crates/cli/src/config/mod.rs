//! Configuration: one TOML file, environment variables over it, flags over those.
//! Invariant: every option has a safe default, and a name nobody knows is an error that suggests the nearest one.

mod layers;
mod reference;

use std::net::SocketAddr;

use anyhow::{Result, ensure};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) use self::{layers::load, reference::reference};
use crate::limits::{ERASE_AFTER_MS_MAX, NODE_SECRET_CHARS_MIN, NOTICE_MS_MAX, WORKER_CONCURRENCY_MAX};

/// Everything that can be configured. The comments of the fields are the comments of `dynamowave config default`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    /// Where the server listens and keeps its data.
    pub(crate) server: Server,
    /// Encryption on the wire. Needed for every address that is not loopback.
    pub(crate) tls: Tls,
    /// Who may make an account. The first account always may, and becomes the owner.
    pub(crate) registration: Registration,
    /// Bounds per connection, person and address. Beyond them the answer is `slow_down`. A rate of 0 means no bound.
    pub(crate) limits: Limits,
    /// Files that people send, and their pictures.
    pub(crate) files: Files,
    /// Cost of checking a password (Argon2id). Higher is safer and slower.
    pub(crate) passwords: Passwords,
    /// The write-ahead log.
    pub(crate) journal: Journal,
    /// What the server says about itself.
    pub(crate) log: Log,
    /// Traces of single messages, sent to an OpenTelemetry collector.
    pub(crate) traces: Traces,
    /// Several processes on AWS (`dynamowave gateway`, `persister`, `notifier`): tables, queues and the bucket.
    pub(crate) aws: Aws,
    /// Several processes on AWS: how gateways are told by notifiers and by each other.
    pub(crate) node: Node,
}

/// Where the server listens and keeps its data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Server {
    /// What the server is called in the app.
    pub(crate) name: String,
    /// Folder of the journal and the store. Made if it is missing.
    pub(crate) data: String,
    /// Address and port. Port 0 takes a free one; the first line of output tells which.
    pub(crate) listen: String,
    /// Threads that hold sockets; 0 means one per core.
    pub(crate) threads: usize,
    /// Addresses of reverse proxies whose `X-Forwarded-For` is believed, or networks of them, like "10.0.0.0/16".
    pub(crate) trusted_proxies: Vec<String>,
    /// Origins of web pages, besides the server's own, that may use the API with a token, like "https://app.example.org".
    pub(crate) allowed_origins: Vec<String>,
    /// Accept unencrypted connections on addresses that are not loopback: only behind a proxy that encrypts.
    pub(crate) allow_plaintext: bool,
    /// Longest time a stop waits for clients to be told and work to be finished, milliseconds.
    pub(crate) drain_timeout_ms: u64,
}

/// Encryption on the wire.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Tls {
    /// PEM file with the certificate chain. Read again when it changes.
    pub(crate) certificate: String,
    /// PEM file with its private key.
    pub(crate) key: String,
}

/// Who may make an account.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Registration {
    /// "open", "invite", "closed", or "auto": open when listening on loopback alone, else by invitation.
    pub(crate) policy: Policy,
}

/// Who may register once there is an owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Policy {
    /// Open on loopback, else by invitation.
    #[default]
    Auto,
    /// Anybody.
    Open,
    /// Who holds an invitation.
    Invite,
    /// Nobody.
    Closed,
}

/// Bounds per connection, person and address. Beyond them the answer is `slow_down`. A rate of 0 means no bound.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Limits {
    /// Open sockets. The process also needs files for its journal and store, so keep it below `ulimit -n`.
    pub(crate) connections_max: usize,
    /// Open WebSockets of one person.
    pub(crate) connections_per_user_max: usize,
    /// Open sockets from one address; 0 means no bound. Loopback and trusted proxies are not counted.
    pub(crate) connections_per_address_max: usize,
    /// Commands a second of one person, in the long run.
    pub(crate) sends_per_second: u32,
    /// Commands one person may send at once.
    pub(crate) send_burst: u32,
    /// Frames a second of one connection, of any kind.
    pub(crate) frames_per_second: u32,
    /// HTTP requests a second of one person or, without a login, one address.
    pub(crate) requests_per_second: u32,
    /// Searches a second of one person, in the long run; three times as many at once.
    pub(crate) searches_per_second: u32,
    /// Attempts a minute to log in or register from one address.
    pub(crate) logins_per_minute: u32,
    /// Age of the oldest unprocessed command above which new ones are answered `slow_down`, milliseconds. Above a
    /// quarter of it `/readyz` says that this server needs a rest.
    pub(crate) queue_age_max_ms: u64,
    /// Unsent bytes for one connection above which it is closed, to resume when it can read again.
    pub(crate) outbox_bytes_max: usize,
    /// Interval at which the server asks a silent connection whether it is there, milliseconds.
    pub(crate) heartbeat_ms: u64,
}

/// Files that people send, and their pictures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Files {
    /// Folder they are kept in, made if it is missing. Empty: `files` in the data folder.
    pub(crate) folder: String,
    /// Largest file, MiB.
    pub(crate) size_max_mib: u64,
}

/// Cost of checking a password.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Passwords {
    /// Memory of one check, KiB.
    pub(crate) memory_kib: u32,
    /// Passes over that memory.
    pub(crate) iterations: u32,
    /// Checks at the same time; 0 means two.
    pub(crate) concurrency: usize,
}

/// The write-ahead log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Journal {
    /// Keep segments whose records are in the store, in `journal/archive`. The store can then be rebuilt from the
    /// journal, to any moment. Without it segments are overwritten when they are no longer needed.
    pub(crate) archive: bool,
    /// Size of one segment, MiB.
    pub(crate) segment_mib: u64,
    /// How long after its deletion the text of a message may still stand in the journal and in old tables of the
    /// store, milliseconds. Nobody can read it there but who can read the data folder. 0: until the next pass, which
    /// is once a minute.
    pub(crate) erase_after_ms: u64,
}

/// What the server says about itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Log {
    /// "error", "warn", "info", "debug" or "trace", or filters like "info,gateway=debug".
    pub(crate) level: String,
    /// "text" for people, "json" for programs. Written to standard error.
    pub(crate) format: LogFormat,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// Traces of single messages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Traces {
    /// OTLP/HTTP address of a collector, like "http://127.0.0.1:4318". Empty: no traces.
    pub(crate) endpoint: String,
    /// Part of the messages that is traced, from 0 to 1.
    pub(crate) ratio: f64,
}

/// Tables, queues and the bucket of an installation on AWS. Region, endpoint and credentials come from the environment
/// and the files of AWS's own tools.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Aws {
    /// Region, like "eu-west-1". Empty: that of the environment.
    pub(crate) region: String,
    /// Table of everything durable.
    pub(crate) main_table: String,
    /// Table of connections and presence.
    pub(crate) live_table: String,
    /// Queue of commands.
    pub(crate) messages_queue: String,
    /// Its dead-letter queue.
    pub(crate) messages_dead_queue: String,
    /// Queue of announcements.
    pub(crate) notifications_queue: String,
    /// Its dead-letter queue.
    pub(crate) notifications_dead_queue: String,
    /// Bucket for files.
    pub(crate) files_bucket: String,
}

/// How a gateway takes what notifiers and other gateways have for its sockets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Node {
    /// Address and port for other nodes; port 0 takes a free one.
    pub(crate) listen: String,
    /// Address and port under which other nodes reach this one. Empty: the one it listens on, or, when it listens on all
    /// addresses of a machine, the one from which this machine reaches others.
    pub(crate) address: String,
    /// What all nodes share instead of certificates, at least 32 random characters: from it each makes the same key, and
    /// trusts who shows it. `openssl rand -base64 36` makes one.
    pub(crate) secret: String,
    /// Certificate of all nodes, for the name "node.dynamowave.internal": PEM, or the path of a PEM file. Needed,
    /// with key and authority, or the secret instead, wherever nodes are not all on loopback.
    pub(crate) certificate: String,
    /// Its private key: PEM, or the path of a PEM file.
    pub(crate) key: String,
    /// The authority that signs certificates of nodes: PEM, or the path of a PEM file. Who shows none of it is refused.
    pub(crate) authority: String,
    /// Address and port where a persister or notifier answers `/healthz`, `/readyz` and `/metrics`, like
    /// "127.0.0.1:9464". Empty: nowhere. A gateway answers them where it listens for people.
    pub(crate) health: String,
    /// Batches that one persister or notifier works on at the same time.
    pub(crate) concurrency: u16,
    /// How long a gateway that is told to stop goes on serving while `/readyz` says no, milliseconds: as long as the
    /// load balancer needs to see it.
    pub(crate) notice_ms: u64,
    /// Let a gateway without [tls] make a certificate for itself: for a load balancer in the same private network that
    /// encrypts and does not verify, like an ALB.
    pub(crate) self_signed: bool,
    /// Most of a thousand of its sockets that a gateway which holds far more than the others sends to them at once; 0
    /// keeps all where they are.
    pub(crate) shed_per_mille: u16,
}

impl Default for Server {
    fn default() -> Self {
        Server {
            name: "DynamoWave Chat".into(),
            data: "./data".into(),
            listen: "127.0.0.1:8080".into(),
            threads: 0,
            trusted_proxies: Vec::new(),
            allowed_origins: Vec::new(),
            allow_plaintext: false,
            drain_timeout_ms: 10_000,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connections_max: 15_000,
            connections_per_user_max: 100,
            connections_per_address_max: 1_000,
            sends_per_second: 50,
            send_burst: 500,
            frames_per_second: 200,
            requests_per_second: 50,
            searches_per_second: 10,
            logins_per_minute: 30,
            queue_age_max_ms: 60_000,
            outbox_bytes_max: 256 * 1024,
            heartbeat_ms: 30_000,
        }
    }
}

impl Default for Files {
    fn default() -> Self {
        Files { folder: String::new(), size_max_mib: 50 }
    }
}

impl Default for Passwords {
    fn default() -> Self {
        Passwords { memory_kib: 19_456, iterations: 2, concurrency: 0 }
    }
}

impl Default for Journal {
    fn default() -> Self {
        Journal { archive: true, segment_mib: 16, erase_after_ms: 24 * 3_600 * 1_000 }
    }
}

impl Default for Log {
    fn default() -> Self {
        Log { level: "info".into(), format: LogFormat::Text }
    }
}

impl Default for Traces {
    fn default() -> Self {
        Traces { endpoint: String::new(), ratio: 0.01 }
    }
}

impl Default for Aws {
    fn default() -> Self {
        Aws {
            region: String::new(),
            main_table: "dynamowave-main".into(),
            live_table: "dynamowave-live".into(),
            messages_queue: "dynamowave-messages.fifo".into(),
            messages_dead_queue: "dynamowave-messages-dead.fifo".into(),
            notifications_queue: "dynamowave-notifications.fifo".into(),
            notifications_dead_queue: "dynamowave-notifications-dead.fifo".into(),
            files_bucket: String::new(),
        }
    }
}

impl Default for Node {
    fn default() -> Self {
        Node {
            listen: "127.0.0.1:7443".into(),
            address: String::new(),
            secret: String::new(),
            certificate: String::new(),
            key: String::new(),
            authority: String::new(),
            health: String::new(),
            concurrency: 4,
            notice_ms: 5_000,
            self_signed: false,
            shed_per_mille: 50,
        }
    }
}

impl Config {
    /// The address for other nodes.
    pub(crate) fn node_listen(&self) -> Result<SocketAddr> {
        address("node.listen", &self.node.listen)
    }

    /// Where a worker answers for its health, if anywhere.
    pub(crate) fn node_health(&self) -> Result<Option<SocketAddr>> {
        let given = Some(&self.node.health).filter(|text| !text.is_empty());
        given.map(|text| address("node.health", text)).transpose()
    }

    /// The address to listen on.
    pub(crate) fn listen(&self) -> Result<SocketAddr> {
        address("server.listen", &self.server.listen)
    }

    /// Whether the registration is open, resolved from the address for "auto".
    pub(crate) fn registration(&self) -> Result<chat::RegistrationPolicy> {
        Ok(match self.registration.policy {
            Policy::Open => chat::RegistrationPolicy::Open,
            Policy::Invite => chat::RegistrationPolicy::Invite,
            Policy::Closed => chat::RegistrationPolicy::Closed,
            Policy::Auto if self.listen()?.ip().is_loopback() => chat::RegistrationPolicy::Open,
            Policy::Auto => chat::RegistrationPolicy::Invite,
        })
    }

    /// Checks what types cannot: ranges, combinations, files that must be there.
    pub(crate) fn check(&self) -> Result<()> {
        let listen = self.listen()?;
        let has_tls = !self.tls.certificate.is_empty();
        ensure!(
            has_tls != self.tls.key.is_empty(),
            "tls.certificate and tls.key belong together: set both or neither"
        );
        ensure!(
            listen.ip().is_loopback() || has_tls || self.server.allow_plaintext || self.node.self_signed,
            "server.listen = \"{listen}\" can be reached from outside, and nothing would be encrypted: set \
             tls.certificate and tls.key, or server.allow_plaintext = true behind a proxy that encrypts"
        );
        let node = self.node_listen()?;
        ensure!(
            node.ip().is_loopback() || !self.node.authority.is_empty() || !self.node.secret.is_empty(),
            "node.listen = \"{node}\" can be reached from outside: set node.secret, or node.certificate, node.key and \
             node.authority"
        );
        ensure!(
            self.node.secret.is_empty() || self.node.secret.chars().count() >= NODE_SECRET_CHARS_MIN,
            "node.secret has fewer than {NODE_SECRET_CHARS_MIN} characters: whoever guesses it can be a node"
        );
        self.node_health()?;
        within("node.concurrency", self.node.concurrency.into(), 1, WORKER_CONCURRENCY_MAX.into())?;
        within("node.notice_ms", self.node.notice_ms, 0, NOTICE_MS_MAX)?;
        within("node.shed_per_mille", self.node.shed_per_mille.into(), 0, 1_000)?;
        for proxy in &self.server.trusted_proxies {
            let parsed = proxy.parse::<api::Network>();
            parsed.map_err(|error| anyhow::anyhow!("server.trusted_proxies: {error}"))?;
        }
        within("server.threads", self.server.threads as u64, 0, 256)?;
        within("limits.connections_max", self.limits.connections_max as u64, 1, 10_000_000)?;
        within("limits.connections_per_user_max", self.limits.connections_per_user_max as u64, 1, 100_000)?;
        within("limits.sends_per_second", self.limits.sends_per_second.into(), 0, 1_000_000)?;
        within("limits.send_burst", self.limits.send_burst.into(), 1, 1_000_000)?;
        within("limits.frames_per_second", self.limits.frames_per_second.into(), 0, 1_000_000)?;
        within("limits.searches_per_second", self.limits.searches_per_second.into(), 0, 1_000_000)?;
        within("limits.requests_per_second", self.limits.requests_per_second.into(), 0, 1_000_000)?;
        within("limits.logins_per_minute", self.limits.logins_per_minute.into(), 0, 1_000_000)?;
        within("limits.queue_age_max_ms", self.limits.queue_age_max_ms, 10, 600_000)?;
        within("limits.outbox_bytes_max", self.limits.outbox_bytes_max as u64, 64 << 10, 64 << 20)?;
        within("limits.heartbeat_ms", self.limits.heartbeat_ms, 1_000, 540_000)?;
        within("files.size_max_mib", self.files.size_max_mib, 1, api::limits::FILE_BYTES_MAX >> 20)?;
        ensure!(
            (1..=64).contains(&self.server.name.trim().chars().count()),
            "server.name must have 1 to 64 characters"
        );
        within("passwords.memory_kib", self.passwords.memory_kib.into(), 8, 1 << 20)?;
        within("passwords.iterations", self.passwords.iterations.into(), 1, 100)?;
        within("journal.erase_after_ms", self.journal.erase_after_ms, 0, ERASE_AFTER_MS_MAX)?;
        within("journal.segment_mib", self.journal.segment_mib, 1, 1_024)?;
        ensure!((0.0..=1.0).contains(&self.traces.ratio), "traces.ratio must be from 0 to 1");
        Ok(())
    }
}

fn address(name: &str, text: &str) -> Result<SocketAddr> {
    text.parse().map_err(|_| {
        anyhow::anyhow!(
            "{name} = {text:?} is no address with a port; write it like \"127.0.0.1:8080\" or \"[::]:8443\""
        )
    })
}

fn within(name: &str, value: u64, min: u64, max: u64) -> Result<()> {
    ensure!((min..=max).contains(&value), "{name} = {value} is out of range: from {min} to {max}");
    Ok(())
}

//! What the routes work with: the ports, the bounds and the choices of one server.
//! Holds no socket, no task and no configuration file; whoever composes the server fills it in.

use std::{fmt, sync::Arc};

use chat::{
    Announcement, Change, ChangeOutcome, Envelope, NodeId, RegistrationPolicy, SessionId, TimestampMs,
    UserId,
    account::SecretHash,
    ports::{Announcer, Clock, Commands, Directory, Queue, Randomness, Search, Store},
};

use protocol::http::health::{HealthLatencies, HealthTotals};

use crate::{
    Problem, address::Network, files::Files, password::Passwords, rate::RateLimits,
    session_cache::SessionCache,
};

/// Everything one server's routes share.
pub struct App {
    /// Everything durable.
    pub store: Arc<dyn Store>,
    /// The way commands enter.
    pub commands: Arc<dyn Commands>,
    /// Searching in messages.
    pub search: Arc<dyn Search>,
    /// Who is connected where; tickets.
    pub directory: Arc<dyn Directory>,
    /// The way to tell nodes.
    pub announcer: Arc<dyn Announcer>,
    /// The messages queue, for its dead letters.
    pub messages: Arc<dyn Queue<Envelope>>,
    /// The notifications queue, for its dead letters.
    pub notifications: Arc<dyn Queue<Announcement>>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Makes ids and secrets.
    pub randomness: Arc<dyn Randomness>,
    /// This process.
    pub node: NodeId,
    /// Hashes passwords.
    pub passwords: Passwords,
    /// How often somebody may ask.
    pub limits: RateLimits,
    /// Sessions seen lately.
    pub sessions: SessionCache,
    /// Files of messages and people's pictures.
    pub files: Files,
    /// How the process is.
    pub vitals: ReadVitals,
    /// The operator's choices.
    pub options: Options,
}

/// Reads figures of the process: whoever composes the server knows where they are.
pub type ReadVitals = Box<dyn Fn() -> Vitals + Send + Sync>;

/// Figures of the process as of one moment.
#[derive(Debug, Clone, Default)]
pub struct Vitals {
    /// When it began.
    pub started_at: TimestampMs,
    /// Open sockets.
    pub connections: u64,
    /// What has happened since.
    pub totals: HealthTotals,
    /// How long things take.
    pub latencies: HealthLatencies,
    /// Memory of the process, bytes.
    pub memory_bytes: Option<u64>,
    /// The store on disk, bytes.
    pub store_bytes: Option<u64>,
    /// The journal on disk, bytes.
    pub journal_bytes: Option<u64>,
}

/// What an operator chooses about the HTTP interface.
#[derive(Debug, Clone)]
pub struct Options {
    /// What the server is called.
    pub name: String,
    /// Who may register once there is an owner.
    pub registration: RegistrationPolicy,
    /// Whether cookies are marked `Secure`: always, except on plain loopback.
    pub secure_cookies: bool,
    /// Origins under which this server's own pages are reached, such as `https://chat.example.org`, besides the one
    /// that the `Host` header names.
    pub own_origins: Vec<String>,
    /// Other origins whose pages may call the interface with bearer tokens (CORS). Empty: none.
    pub cors_origins: Vec<String>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    /// Hash of the operator's token ([`crate::hash_of`]), which is good for the routes under `/v1/admin`.
    pub operator: Option<SecretHash>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            name: "DynamoWave Chat".to_owned(),
            registration: RegistrationPolicy::Open,
            secure_cookies: true,
            own_origins: Vec::new(),
            cors_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            operator: None,
        }
    }
}

impl App {
    pub(crate) fn now_ms(&self) -> TimestampMs {
        self.clock.now_ms()
    }

    /// The random part of a new id.
    pub(crate) fn random(&self) -> chat::ids::Randomness {
        let mut bytes = chat::ids::Randomness::default();
        self.randomness.fill(&mut bytes);
        bytes
    }

    /// Applies a change; a refusal becomes the answer.
    pub(crate) async fn change(&self, change: Change) -> Result<ChangeOutcome, Problem> {
        match self.store.change(change).await? {
            ChangeOutcome::Refused(refusal) => Err(refusal.into()),
            outcome => Ok(outcome),
        }
    }

    /// Applies a change that may end sessions, and sees to it that they are at an end everywhere.
    pub(crate) async fn change_of_account(&self, user: UserId, change: Change) -> Result<(), Problem> {
        let is_disabling = matches!(change, Change::SetDisabled { at: Some(_), .. });
        let outcome = self.change(change).await;
        // Also after an error: it may have been applied.
        self.sessions.forget_user(user);
        match outcome? {
            ChangeOutcome::Ended(sessions) if is_disabling && !sessions.is_empty() => {
                self.sessions.forget(&sessions);
                self.announce(Announcement::AccountDisabled { user, sessions }).await;
            }
            ChangeOutcome::Ended(sessions) => self.sessions_ended(user, sessions).await,
            _ => {}
        }
        Ok(())
    }

    /// Closes the sockets of sessions that ended.
    pub(crate) async fn sessions_ended(&self, user: UserId, sessions: Vec<SessionId>) {
        if !sessions.is_empty() {
            self.sessions.forget(&sessions);
            self.announce(Announcement::SessionsEnded { user, sessions }).await;
        }
    }

    /// Tells the nodes that have to hear of it. A failure is logged and is nobody's loss: clients that hear nothing
    /// learn it by `sync` (D4).
    pub(crate) async fn announce(&self, announcement: Announcement) {
        let batch = [Arc::new(announcement)];
        let nodes = match self.directory.interested(&batch).await {
            Ok(nodes) => nodes.into_iter().next().unwrap_or_default(),
            Err(error) => {
                tracing::warn!(%error, "who has to hear of an announcement is not known; telling this node only");
                Vec::new()
            }
        };
        let elsewhere = nodes.into_iter().filter(|node| *node != self.node);
        for node in std::iter::once(self.node).chain(elsewhere) {
            if let Err(error) = self.announcer.announce(node, batch.to_vec()).await {
                tracing::warn!(%node, %error, "an announcement was lost");
            }
        }
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").field("node", &self.node).finish_non_exhaustive()
    }
}

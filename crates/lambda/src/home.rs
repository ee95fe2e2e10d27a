//! Composition: the ports over AWS, and what only this home has, sockets that somebody else holds.
//! Opened once for each process and shared by all events it is handed.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use api::{
    App, FileOptions, Files, PasswordOptions, Passwords, RateLimits, RateOptions, SessionCache, Vitals,
};
use backend_aws::{Aws, AwsEndpoints, AwsOptions, AwsPosting, Posted};
use chat::{
    Announcement, Change, ConnectionId, TimestampMs, UserId,
    announcement::Presence,
    ports::{Clock, PortError, Randomness},
};
use object_store::{ObjectStore, aws::AmazonS3Builder, memory::InMemory};
use protocol::frame::ServerFrame;

use crate::{
    clock::{SystemClock, SystemRandomness},
    limits::{FILE_BYTES_MAX, SESSIONS_CACHED_MAX},
    relay::{GATEWAY, Relay, Roster},
    settings::Settings,
};

/// Everything the handlers share.
pub(crate) struct Home {
    pub(crate) app: Arc<App>,
    pub(crate) endpoints: AwsEndpoints,
    pub(crate) posting: AwsPosting,
    pub(crate) settings: Settings,
    pub(crate) sdk: backend_aws::SdkConfig,
}

impl Home {
    pub(crate) async fn open(settings: Settings) -> Result<Home> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let randomness: Arc<dyn Randomness> = Arc::new(SystemRandomness);
        let sdk = backend_aws::connect(None).await;
        let names = &settings.names;
        let aws = Aws::open(&sdk, names, AwsOptions::default(), Arc::clone(&clock), Arc::clone(&randomness));
        let aws = aws.await.context("the tables and queues cannot be opened")?;
        let endpoints = AwsEndpoints::open(&sdk, names, Arc::clone(&randomness));
        let posting = AwsPosting::new(&sdk, settings.post_endpoint.as_deref().unwrap_or_default());
        let app = Arc::new(app(&settings, aws, clock, randomness)?);
        Ok(Home { app, endpoints, posting, settings, sdk })
    }

    pub(crate) fn now_ms(&self) -> TimestampMs {
        self.app.clock.now_ms()
    }

    /// Tells whom it concerns; what cannot be told is learned by asking (D4).
    pub(crate) async fn announce(&self, announcements: Vec<Announcement>) {
        if announcements.is_empty() {
            return;
        }
        let batch = announcements.into_iter().map(Arc::new).collect();
        if let Err(error) = self.app.announcer.announce(GATEWAY, batch).await {
            tracing::warn!(%error, "typing, presence or marks could not be told");
        }
    }

    /// Posts a frame outside of any order.
    pub(crate) async fn post(&self, name: &str, frame: &ServerFrame<'_>) -> Result<Posted, PortError> {
        self.posting.post(name, frame.encode()).await
    }

    /// A socket is gone: its rows go, its watchers learn of it, and when its person was last seen is kept. Safe to
    /// repeat: whoever notices first does it.
    pub(crate) async fn left(&self, user: UserId, connection: ConnectionId) -> Result<(), PortError> {
        self.endpoints.remove(user, connection).await?;
        let now_ms = self.now_ms();
        let changed = self.app.directory.remove(vec![(user, connection)], now_ms).await?;
        self.tell_presence(changed).await
    }

    /// Tells how people are now, and keeps when they were last seen.
    pub(crate) async fn tell_presence(&self, changed: Vec<(UserId, Presence)>) -> Result<(), PortError> {
        let now_ms = self.now_ms();
        let seen = changed.iter().filter_map(|(user, presence)| match presence {
            Presence::Offline { last_seen } => Some((*user, last_seen.unwrap_or(now_ms))),
            Presence::Online | Presence::Away => None,
        });
        let seen: Vec<(UserId, TimestampMs)> = seen.collect();
        let news = changed.into_iter().map(|(user, presence)| Announcement::Presence { user, presence });
        self.announce(news.collect()).await;
        if !seen.is_empty() {
            self.app.store.change(Change::Seen(seen)).await?;
        }
        Ok(())
    }

    /// Closes a socket and forgets it.
    pub(crate) async fn close(
        &self,
        user: UserId,
        connection: ConnectionId,
        name: &str,
    ) -> Result<(), PortError> {
        let closed = self.posting.close(name).await;
        self.left(user, connection).await?;
        closed
    }
}

fn app(settings: &Settings, aws: Aws, clock: Arc<dyn Clock>, randomness: Arc<dyn Randomness>) -> Result<App> {
    let started_at = clock.now_ms();
    let relay = Relay { notifications: Arc::clone(&aws.notifications), randomness: Arc::clone(&randomness) };
    Ok(App {
        store: aws.store,
        commands: aws.commands,
        search: aws.search,
        directory: Arc::new(Roster(aws.directory)),
        announcer: Arc::new(relay),
        messages: aws.messages,
        notifications: aws.notifications,
        clock,
        randomness,
        node: GATEWAY,
        passwords: Passwords::new(PasswordOptions::default()).context("passwords")?,
        limits: RateLimits::new(&RateOptions::default()),
        sessions: SessionCache::new(SESSIONS_CACHED_MAX),
        files: Files::new(files(settings)?, FileOptions::in_bucket(FILE_BYTES_MAX)),
        vitals: Box::new(move || Vitals { started_at, ..Vitals::default() }),
        options: api::Options {
            name: settings.server_name.clone(),
            registration: settings.registration,
            secure_cookies: !settings.plain_http,
            own_origins: settings.own_origins.clone(),
            cors_origins: settings.cors_origins.clone(),
            trusted_proxies: Vec::new(),
            operator: settings.operator,
        },
    })
}

/// Files in the bucket; handlers that touch none are given none.
fn files(settings: &Settings) -> Result<Arc<dyn ObjectStore>> {
    let Some(bucket) = &settings.files_bucket else { return Ok(Arc::new(InMemory::new())) };
    // An endpoint of its own is an emulator's, on this machine.
    let emulator = std::env::var("AWS_ENDPOINT_URL").ok().filter(|url| url.starts_with("http://"));
    let builder = AmazonS3Builder::from_env().with_bucket_name(bucket).with_allow_http(emulator.is_some());
    let builder = match emulator {
        Some(url) => builder.with_endpoint(url).with_virtual_hosted_style_request(false),
        None => builder,
    };
    Ok(Arc::new(builder.build().context("the bucket of files cannot be used")?))
}

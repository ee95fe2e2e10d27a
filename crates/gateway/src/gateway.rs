//! Starting and stopping: binds the port, starts the shards' threads, drains them.
//! Invariant: when starting fails nothing is left running; when draining returns every thread has ended.

use std::{
    io,
    net::SocketAddr,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use api::App;
use axum::{Router, extract::Request};
use thiserror::Error;
use tokio::{
    runtime::{Builder, LocalOptions},
    sync::{mpsc, watch},
};
use tower::Service as _;

use crate::{
    admission::Admission,
    announcer::Inboxes,
    listener,
    options::Options,
    shard::{self, Course, Plan},
    tls::{self, Certificate, TlsError},
};

/// Why a gateway cannot start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The address is reached from elsewhere, and there is no TLS.
    #[error(
        "refusing to listen on {0} without TLS: give a certificate and key, or allow plaintext for a proxy that ends TLS"
    )]
    Plaintext(SocketAddr),
    /// The certificate or key cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A thread or its runtime cannot be made.
    #[error("cannot start a shard: {0}")]
    Thread(io::Error),
}

/// A running gateway. Dropping it ends it at once; [`Gateway::drain`] does so gently.
#[derive(Debug)]
pub struct Gateway {
    local_address: SocketAddr,
    admission: Arc<Admission>,
    course: watch::Sender<Course>,
    drain_ms: u64,
    ends: mpsc::UnboundedReceiver<Result<(), String>>,
    running: usize,
}

impl Gateway {
    /// Listens and serves. `inboxes` are of [`crate::Hub::new`]; their number is the number of shards. Metrics go to
    /// the recorder installed now.
    ///
    /// # Errors
    /// Why it cannot start; then nothing is left running.
    #[allow(clippy::needless_pass_by_value, reason = "a gateway keeps its application")]
    pub fn start(options: Options, inboxes: Inboxes, app: Arc<App>) -> Result<Gateway, StartError> {
        if options.tls.is_none() && !options.plaintext_anywhere && !options.listen.ip().is_loopback() {
            return Err(StartError::Plaintext(options.listen));
        }
        let certificate = options.tls.as_ref().map(Certificate::load).transpose()?;
        let tls = certificate.clone().map(tls::acceptor).transpose()?;
        let inboxes = inboxes.0;
        let listen_error = |source| StartError::Listen { address: options.listen, source };
        let listeners = listener::bind(&options, inboxes.len()).map_err(listen_error)?;
        let local_address = listeners
            .first()
            .map_or(Ok(options.listen), std::net::TcpListener::local_addr)
            .map_err(listen_error)?;

        let (course, _) = watch::channel(Course::Running);
        let (ended, ends) = mpsc::unbounded_channel();
        let admission = Admission::new(&options);
        let router = compose(&options, api::router(Arc::clone(&app)));
        let drain_ms = options.drain_ms;
        let options = Arc::new(options);
        let mut gateway = Gateway { local_address, admission, course, drain_ms, ends, running: 0 };
        for (index, (listener, inbox)) in listeners.into_iter().zip(inboxes).enumerate() {
            let plan = Plan {
                app: Arc::clone(&app),
                options: Arc::clone(&options),
                admission: Arc::clone(&gateway.admission),
                router: router.clone(),
                tls: tls.clone(),
                // One shard looks after it.
                certificate: certificate.clone().filter(|_| index == 0),
                listener,
                inbox,
                course: gateway.course.subscribe(),
            };
            start_shard(index, plan, ended.clone()).map_err(StartError::Thread)?;
            gateway.running += 1;
        }
        Ok(gateway)
    }

    /// Where it listens, with the port that was free when 0 was asked.
    #[must_use]
    pub fn local_address(&self) -> SocketAddr {
        self.local_address
    }

    /// Open connections, HTTP and WebSocket.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.admission.open()
    }

    /// Counts open connections, HTTP and WebSocket, wherever it is taken.
    pub fn counter(&self) -> impl Fn() -> usize + Send + Sync + use<> {
        let admission = Arc::clone(&self.admission);
        move || admission.open()
    }

    /// Returns when a shard has ended although nobody asked it to, with what is known of why: the process should end
    /// too, so that whoever supervises it starts it again. Safe to cancel.
    pub async fn failed(&mut self) -> String {
        match self.ends.recv().await {
            Some(Err(reason)) => reason,
            Some(Ok(())) | None => "a shard has ended".to_owned(),
        }
    }

    /// Stops accepting, tells every client when to reconnect, finishes what was accepted, closes. Takes at most the
    /// time of the options, and a little.
    pub async fn drain(mut self) {
        let deadline = Instant::now() + Duration::from_millis(self.drain_ms);
        self.course.send_replace(Course::Draining(deadline));
        for _ in 0..self.running {
            if let Some(Err(reason)) = self.ends.recv().await {
                tracing::error!(reason, "a shard did not end well");
            }
        }
    }
}

fn start_shard(index: usize, plan: Plan, ended: mpsc::UnboundedSender<Result<(), String>>) -> io::Result<()> {
    let run = move || {
        // Said when the thread ends, however it does.
        let mut end = End { ended, result: Err("a shard has panicked".to_owned()) };
        let result = Builder::new_current_thread()
            .enable_all()
            .build_local(LocalOptions::default())
            .and_then(|runtime| runtime.block_on(shard::run(plan)));
        end.result = result.map_err(|error| error.to_string());
    };
    thread::Builder::new().name(format!("gateway-{index}")).spawn(run).map(drop)
}

struct End {
    ended: mpsc::UnboundedSender<Result<(), String>>,
    result: Result<(), String>,
}

impl Drop for End {
    fn drop(&mut self) {
        let result = std::mem::replace(&mut self.result, Ok(()));
        let _ = self.ended.send(result);
    }
}

/// Everything under one address: the interface under `/v1`, what stands beside it, and pages for the rest.
fn compose(options: &Options, interface: Router) -> Router {
    let beside = options.extra_router.clone().unwrap_or_default();
    let Some(pages) = options.pages.clone() else { return beside.fallback_service(interface) };
    beside.fallback(move |request: Request| {
        let path = request.uri().path();
        let is_interface = path == "/v1" || path.starts_with("/v1/");
        let mut chosen = if is_interface { interface.clone() } else { pages.clone() };
        async move {
            match chosen.call(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            }
        }
    })
}

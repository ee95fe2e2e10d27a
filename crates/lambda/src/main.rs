//! The same chat behind events of API Gateway, SQS and EventBridge: one program, and `DYNAMOWAVE_HANDLER` says which of
//! its handlers a function is.
//! Invariant: rules, codes and answers are those of the other homes; what differs is that no process holds a socket,
//! so what a session keeps between two frames lies in a row (decision 0030).
//!
//! A message goes this way: `authorizer`, `connect` (once), then `frames` → `act` (steps 2 to 5), `persist` (step 6),
//! `notify` → `recipients` → `delivery` → `plan` (steps 7 and 8).

mod act;
mod authorizer;
mod batch;
mod clock;
mod connect;
mod delivery;
mod event;
mod frames;
mod home;
mod http;
mod kept;
mod limits;
mod notify;
mod origin;
mod persist;
mod plan;
mod recipients;
mod relay;
mod settings;
mod sweep;
mod sync;
mod warm;

use std::sync::Arc;

use anyhow::Result;
use backend_aws::AwsCalls;
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::{Value, json};
use tracing_subscriber::EnvFilter;

use crate::{
    home::Home,
    http::Routes,
    notify::Notifying,
    origin::Origin,
    persist::Persisting,
    settings::{Handler, Settings},
};

/// A handler with what it works with.
enum Ready {
    Socket(Handler, Box<Home>),
    Authorizer(Box<Home>, Origin),
    Http(Routes),
    Persist(Box<Home>, Box<Persisting>),
    Notify(Box<Home>, Notifying),
    Warm(Box<AwsCalls>),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let filter = EnvFilter::try_from_env("DYNAMOWAVE_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    // The service stamps and groups what is written here.
    tracing_subscriber::fmt().json().without_time().with_env_filter(filter).init();
    let ready = Arc::new(Ready::open(Handler::from_environment()?).await?);
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| {
        let ready = Arc::clone(&ready);
        async move { Box::pin(ready.handle(event)).await }
    }))
    .await
}

impl Ready {
    async fn open(handler: Handler) -> Result<Ready> {
        if handler == Handler::Warm {
            return Ok(Ready::Warm(Box::new(AwsCalls::new(&backend_aws::connect(None).await))));
        }
        let home = Box::new(Home::open(Settings::from_environment()?).await?);
        Ok(match handler {
            Handler::Http => Ready::Http(Routes::of(&home, Origin::of(&home).await?)),
            Handler::Persist => {
                let persisting = Box::new(Persisting::open(&home).await?);
                Ready::Persist(home, persisting)
            }
            Handler::Notify => {
                let notifying = Notifying::open(&home).await?;
                Ready::Notify(home, notifying)
            }
            Handler::Authorizer => {
                let origin = Origin::of(&home).await?;
                Ready::Authorizer(home, origin)
            }
            _ => Ready::Socket(handler, home),
        })
    }

    /// Answers one event. What goes wrong is logged here, once; API Gateway and SQS are told that something did.
    async fn handle(&self, event: LambdaEvent<Value>) -> Result<Value, lambda_runtime::Error> {
        let LambdaEvent { payload, context } = event;
        if warm::is_warming(&payload) && !matches!(self, Ready::Warm(_)) {
            return Ok(json!({ "dynamowave": "warm" }));
        }
        let answer = match self {
            Ready::Authorizer(home, origin) => authorizer::handle(home, *origin, payload).await,
            Ready::Socket(Handler::Connect, home) => connect::connect(home, payload).await,
            Ready::Socket(Handler::Disconnect, home) => connect::disconnect(home, payload).await,
            Ready::Socket(_, home) => frames::handle(home, payload).await,
            Ready::Http(routes) if sweep::is_sweeping(&payload) => sweep::handle(&routes.app).await,
            Ready::Http(routes) => routes.handle(payload, context).await,
            Ready::Persist(home, persisting) => persisting.handle(home, payload).await,
            Ready::Notify(home, notifying) => notifying.handle(home, payload).await,
            Ready::Warm(calls) => warm::handle(calls).await,
        };
        answer.map_err(|error| {
            let text = error.to_string();
            if text != authorizer::UNAUTHORIZED {
                tracing::error!(error = format!("{error:#}"), "an event could not be handled");
            }
            // API Gateway knows this text; of everything else nobody outside learns more (D7).
            if text == authorizer::UNAUTHORIZED { text.into() } else { "Internal server error".into() }
        })
    }
}

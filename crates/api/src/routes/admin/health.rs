//! How the server is, in numbers, for live charts.
//! The figures come from whoever composed the server; the queues are asked themselves.

use std::sync::Arc;

use axum::extract::State;
use chat::ports::{Depth, PortError};
use protocol::{
    Time,
    http::health::{HealthBody, QueueHealth, QueuesHealth},
};

use crate::{
    App, Problem,
    auth::Administrator,
    endpoint::{Access, Endpoint, get},
};

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        get("/v1/admin/health", show)
            .is(
                "admin",
                "adminGetHealth",
                "Connections, queues, totals and latencies; ask every few seconds.",
            )
            .access(Access::Administrator)
            .answers::<HealthBody>(200, "The figures of this moment."),
    ]
}

async fn show(State(app): State<Arc<App>>, _: Administrator) -> Result<axum::Json<HealthBody>, Problem> {
    let vitals = (app.vitals)();
    let queues = QueuesHealth {
        messages: queue(app.messages.depth().await)?,
        notifications: queue(app.notifications.depth().await)?,
    };
    Ok(axum::Json(HealthBody {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at: Time::from_ms(vitals.started_at),
        uptime_ms: app.now_ms().saturating_sub(vitals.started_at),
        epoch: app.store.epoch(),
        connections: vitals.connections,
        queues,
        totals: vitals.totals,
        latencies: vitals.latencies,
        memory_bytes: vitals.memory_bytes,
        store_bytes: vitals.store_bytes,
        journal_bytes: vitals.journal_bytes,
    }))
}

fn queue(depth: Result<Depth, PortError>) -> Result<QueueHealth, Problem> {
    let depth = depth?;
    Ok(QueueHealth {
        depth: depth.waiting + depth.in_flight,
        age_ms: depth.oldest_age_ms,
        dead_letters: depth.dead,
    })
}

//! Starting on an empty folder: how long until it serves, and what it needs while nobody is there.
//! Needs the binary, because it starts the server itself.

use std::time::{Duration, Instant};

use crate::{
    client::http::{HttpClient, Request},
    error::{LoadError, Result},
    measure::{Latencies, settled_resident_kib},
    report::{Check, Scenario},
    server::Launch,
};

/// Runs it `times` times.
///
/// # Errors
/// When the server does not start.
pub fn run(launch: &Launch, times: u32) -> Result<Scenario> {
    let mut scenario = Scenario::new(
        "start",
        "a server on an empty folder, from the start of its process to its first answer",
    );
    scenario.parameter("times", times);
    let mut latencies = Latencies::default();
    let mut resident_kib = 0;
    let mut wrong = 0;
    for _ in 0..times {
        let began = Instant::now();
        let server = launch.start()?;
        let request = Request { method: "GET", path: "/healthz", token: None, body: None };
        let status = HttpClient::new(server.address()).send(request)?.status;
        latencies.record(u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX));
        wrong += u64::from(status != 200);
        resident_kib = settled_resident_kib(server.pid(), Duration::from_secs(2))
            .ok_or_else(|| LoadError::Usage("the server is gone".into()))?;
        server.stop()?;
    }
    scenario.latency("started to first answer", latencies.summary());
    scenario.figure("started to first answer, median", latencies.summary().p50_ms, "ms");
    scenario.figure("resident, nobody connected", resident_kib as f64 / 1024.0, "MiB");
    scenario.checks.push(Check::equal("answers other than 200", 0, wrong));
    Ok(scenario)
}

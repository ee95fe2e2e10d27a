//! What messages were counted to use: totals of a run, divided where they are used.
//! Knows no prices. The built-in counts are those that the tests measure; `docs/operate/cost.md` says with what.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};

/// A run of each home.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Counted {
    /// Of the containers home.
    pub(super) containers: Run,
    /// Of the serverless home.
    pub(super) serverless: Run,
}

/// Totals of one run, from the first message to the last delivery.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Run {
    /// Messages sent.
    pub(super) messages: f64,
    /// Sockets told of each of them.
    pub(super) recipients: f64,
    /// Bytes of a body.
    pub(super) body_bytes: f64,
    /// Write units of the durable table.
    pub(super) write_units: f64,
    /// Read units of the durable table.
    pub(super) read_units: f64,
    /// Units of the table of connections, reads and writes alike.
    pub(super) live_units: f64,
    /// Requests to both queues, those that found nothing too.
    pub(super) queue_requests: f64,
    /// Posts to sockets by way of API Gateway.
    #[serde(default)]
    pub(super) posts: f64,
    /// Calls of functions.
    #[serde(default)]
    pub(super) calls: f64,
    /// Gigabyte-seconds of functions.
    #[serde(default)]
    pub(super) gigabyte_seconds: f64,
}

/// A run of the real processes (`aws_cost` of this crate's tests): 400 messages of 200 bytes by 4 people, 16 unanswered
/// each, to a room of 10 sockets.
const CONTAINERS: Run = Run {
    messages: 400.0,
    recipients: 10.0,
    body_bytes: 200.0,
    write_units: 1_604.0,
    read_units: 589.0,
    live_units: 420.0,
    queue_requests: 293.0,
    posts: 0.0,
    calls: 0.0,
    gigabyte_seconds: 0.0,
};

/// A run of the functions (`cost` of their tests, a release): 120 messages of 200 bytes by 4 people, one unanswered each,
/// to a room of 10 sockets. Gigabyte-seconds are the processor time that the kernel counted, 0.59 seconds, and 5 ms of
/// waiting for each request to another service, because an emulator's durations say nothing about those of AWS.
const SERVERLESS: Run = Run {
    messages: 120.0,
    recipients: 10.0,
    body_bytes: 200.0,
    write_units: 529.0,
    read_units: 426.0,
    live_units: 270.0,
    queue_requests: 205.0,
    posts: 280.0,
    calls: 147.0,
    gigabyte_seconds: 2.125,
};

impl Default for Counted {
    fn default() -> Counted {
        Counted { containers: CONTAINERS, serverless: SERVERLESS }
    }
}

impl Counted {
    /// The built-in counts, or those of a file, which may have a run of one home only.
    pub(super) fn load(file: Option<&Path>) -> Result<Counted> {
        let Some(file) = file else { return Ok(Counted::default()) };
        let text =
            std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        let counted: Counted = serde_json::from_str(&text)
            .with_context(|| format!("{} holds no counted runs", file.display()))?;
        for (name, run) in [("containers", &counted.containers), ("serverless", &counted.serverless)] {
            ensure!(
                run.messages >= 1.0 && run.recipients >= 1.0,
                "{}: the run of {name} has no messages or no recipients",
                file.display()
            );
            let numbers = [
                run.body_bytes,
                run.write_units,
                run.read_units,
                run.live_units,
                run.queue_requests,
                run.posts,
                run.calls,
                run.gigabyte_seconds,
            ];
            ensure!(
                numbers.iter().all(|number| number.is_finite() && *number >= 0.0),
                "{}: a number of {name} is below 0",
                file.display()
            );
        }
        Ok(counted)
    }
}

impl Run {
    /// That many for each message.
    pub(super) fn per_message(&self, total: f64) -> f64 {
        total / self.messages
    }

    /// That many for each time that a socket is told of a message.
    pub(super) fn per_delivery(&self, total: f64) -> f64 {
        total / self.messages / self.recipients
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_may_have_one_home_and_no_nonsense() {
        let folder = std::env::temp_dir().join(format!("dynamowave-counted-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let file = folder.join("counted.json");
        let read = |text: &str| {
            std::fs::write(&file, text).expect("written");
            Counted::load(Some(&file))
        };
        let run = |messages: f64| {
            format!(
                r#"{{"serverless":{{"messages":{messages},"recipients":3,"bodyBytes":10,"writeUnits":40,
                "readUnits":1,"liveUnits":2,"queueRequests":3,"posts":20}}}}"#
            )
        };
        let counted = read(&run(10.0)).expect("read");
        assert_eq!(counted.containers, CONTAINERS);
        assert!((counted.serverless.per_message(counted.serverless.write_units) - 4.0).abs() < 1e-9);
        assert!((counted.serverless.per_delivery(counted.serverless.posts) - 2.0 / 3.0).abs() < 1e-9);
        assert!(read(&run(0.0)).is_err(), "no messages");
        assert!(read(r#"{"serverles":{}}"#).is_err(), "a name nobody knows");
        assert!(read("{}").is_ok_and(|counted| counted == Counted::default()));
        assert!(Counted::load(Some(&folder.join("nowhere"))).is_err());
        std::fs::remove_dir_all(&folder).expect("removed");
    }
}

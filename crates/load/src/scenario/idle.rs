//! Idle connections: what one costs in resident memory of the server.
//! The slope between two numbers of connections is what counts: the base is paid once.

use std::time::Duration;

use super::Setting;
use crate::{
    error::{LoadError, Result},
    measure::{CpuWindow, settled_resident_kib},
    population::overlapping,
    report::{Check, Point, Scenario, Series},
};

/// Sizes.
#[derive(Debug, Clone)]
pub struct Options {
    /// Numbers of connections, ascending, each of its own user in two rooms of eight.
    pub connections: Vec<usize>,
    /// How long all of them are watched doing nothing, milliseconds.
    pub watch_ms: u64,
}

const ROOM_SIZE: usize = 8;
const SETTLE: Duration = Duration::from_secs(5);

/// Runs it.
///
/// # Errors
/// When the server cannot be used, or its process is not known.
pub fn run(setting: &Setting, options: &Options) -> Result<Scenario> {
    let pid = setting
        .server_pid
        .ok_or_else(|| LoadError::Usage("idle needs --server-pid to read the server's memory".into()))?;
    let most = options.connections.iter().copied().max().unwrap_or(0).next_multiple_of(ROOM_SIZE);
    let mut scenario = Scenario::new(
        "idle",
        "authenticated, synced connections that do nothing, each of its own user in two rooms of eight",
    );
    scenario.parameter("connections", format!("{:?}", options.connections));
    let resident =
        || settled_resident_kib(pid, SETTLE).ok_or_else(|| LoadError::Usage("the server is gone".into()));
    let population = setting.populate(most, overlapping(most, ROOM_SIZE))?;
    let base_kib = resident()?;
    let mut points = vec![Point { x: 0.0, y: base_kib as f64 }];
    let mut crowd = setting.gather(population, 0)?;
    for &connections in &options.connections {
        crowd.invite(connections);
        crowd.join(crate::limits::OPENING_MAX)?;
        points.push(Point { x: connections as f64, y: resident()? as f64 });
    }
    let cpu = CpuWindow::begin(Some(pid));
    std::thread::sleep(Duration::from_millis(options.watch_ms));
    let usage = cpu.end();
    scenario.figure("accounts and rooms, nobody connected: resident", base_kib as f64 / 1024.0, "MiB");
    let last = points[points.len() - 1];
    scenario.figure("all connected: resident", last.y / 1024.0, "MiB");
    scenario.figure("per connection, over the base", (last.y - points[0].y) / last.x.max(1.0), "KiB");
    if let [.., before, last] = points[..]
        && points.len() > 2
    {
        scenario.figure("per connection, slope", (last.y - before.y) / (last.x - before.x).max(1.0), "KiB");
    }
    if let Some(cores) = usage.server_cores() {
        scenario.figure("server while idle", cores, "cores");
    }
    scenario.checks.push(Check::equal("still connected", crowd.connected as u64, crowd.open_count()));
    scenario.series.push(Series {
        name: "resident".into(),
        x: "connections".into(),
        y: "resident memory of the server, KiB".into(),
        points,
    });
    Ok(scenario)
}

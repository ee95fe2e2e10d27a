//! What the figures were measured on.
//! Names the kind of machine, never its name, address or folders.

use std::{fs, path::Path, time::Instant};

use serde::{Deserialize, Serialize};

/// The machine of a run.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Machine {
    /// Model of the processor.
    pub processor: String,
    /// Cores that this process may use.
    pub cores: usize,
    /// Memory, GiB.
    pub memory_gib: u64,
    /// Kernel and its version.
    pub kernel: String,
    /// File system under the data.
    pub file_system: String,
    /// Cores' worth of time that other programs took during the run: figures are worth little when this is not near 0.
    pub others_cores: f64,
}

impl Machine {
    /// Looks around; `data` is the folder under which servers keep their data.
    #[must_use]
    pub fn here(data: &Path) -> Machine {
        let processor = first_value("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown".into());
        let memory_kib: u64 = first_value("/proc/meminfo", "MemTotal")
            .and_then(|text| text.split_ascii_whitespace().next()?.parse().ok())
            .unwrap_or(0);
        let version = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Machine {
            processor,
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_gib: memory_kib.div_ceil(1024 * 1024),
            kernel: format!("Linux {}", version.trim()),
            file_system: file_system_of(data).unwrap_or_else(|| "unknown".into()),
            others_cores: 0.0,
        }
    }
}

/// Processor time that others took while we measured.
#[derive(Debug, Clone, Copy)]
pub struct Neighbours {
    began: Instant,
    busy_ticks: u64,
    own_ticks: u64,
}

impl Neighbours {
    /// Begins to watch.
    #[must_use]
    pub fn watch() -> Neighbours {
        Neighbours {
            began: Instant::now(),
            busy_ticks: busy_ticks().unwrap_or(0),
            own_ticks: own_ticks().unwrap_or(0),
        }
    }

    /// Cores' worth of time taken since then by anything but this process and the children it has waited for.
    #[must_use]
    pub fn cores(&self) -> f64 {
        let busy = busy_ticks().unwrap_or(0).saturating_sub(self.busy_ticks);
        let own = own_ticks().unwrap_or(0).saturating_sub(self.own_ticks);
        let ticks_per_second = rustix::param::clock_ticks_per_second().max(1) as f64;
        busy.saturating_sub(own) as f64 / ticks_per_second / self.began.elapsed().as_secs_f64()
    }
}

/// Ticks in which a core was not idle: all but the fourth and the fifth column, idle and waiting for disks, and the
/// last two, which are counted as user time already.
fn busy_ticks() -> Option<u64> {
    let text = fs::read_to_string("/proc/stat").ok()?;
    let columns =
        text.lines().next()?.split_ascii_whitespace().skip(1).map_while(|column| column.parse::<u64>().ok());
    Some(columns.enumerate().filter(|(place, _)| !matches!(place, 3 | 4 | 8..)).map(|(_, ticks)| ticks).sum())
}

/// Ticks of this process and of children that have ended.
fn own_ticks() -> Option<u64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11).take(4);
    Some(fields.map_while(|field| field.parse::<u64>().ok()).sum())
}

/// The kind of file system that holds a folder, like `ext4`.
#[must_use]
pub fn file_system_of(folder: &Path) -> Option<String> {
    let folder = folder.canonicalize().ok()?;
    let mounts = fs::read_to_string("/proc/mounts").ok()?;
    let parts = mounts.lines().map(|line| line.split_ascii_whitespace().collect::<Vec<_>>());
    let holding = parts.filter(|parts| parts.len() > 2 && folder.starts_with(parts[1]));
    holding.max_by_key(|parts| parts[1].len()).map(|parts| parts[2].to_owned())
}

fn first_value(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

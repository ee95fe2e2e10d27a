//! What the figures were measured on.
//! Names the kind of machine, never its name, address or folders.

use std::{fs, path::Path};

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
        }
    }
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

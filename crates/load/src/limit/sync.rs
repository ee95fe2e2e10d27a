//! The limit of durable writes: one thread that writes a group of records and waits for `fdatasync`, again and again.
//! The file is filled with zeros before, as a log that recycles its segments is: nothing else is cheaper and durable.

use std::{fs::File, os::unix::fs::FileExt as _, path::Path, time::Duration};

use crate::{
    clock::RunClock,
    error::{Context as _, Result},
    measure::{Latencies, Latency},
    report::{Figure, Limit},
};

/// Bytes of one record: a short message with its ids.
const RECORD_BYTES: usize = 256;
/// Size of the file.
const FILE_BYTES: u64 = 64 * 1024 * 1024;
/// Records of one group.
const GROUPS: [usize; 3] = [1, 32, 256];

/// Runs it in a file under `work`, `window` for each size of group.
///
/// # Errors
/// When the file cannot be written.
pub fn run(work: &Path, window: Duration) -> Result<Limit> {
    let file = tempfile::tempfile_in(work).context("making a file")?;
    fill(&file)?;
    let mut limit = Limit {
        name: "fdatasync".into(),
        what: format!(
            "one thread: write a group of {RECORD_BYTES}-byte records into a zero-filled file, fdatasync, repeat"
        ),
        figures: Vec::new(),
    };
    for group in GROUPS {
        let (per_second, latency) = measure(&file, group, window)?;
        let mut figure = |name: String, value: f64, unit: &str| {
            limit.figures.push(Figure { name, value, unit: unit.into() });
        };
        figure(format!("group of {group}: records per second"), per_second, "1/s");
        figure(format!("group of {group}: p50"), latency.p50_ms, "ms");
        figure(format!("group of {group}: p99"), latency.p99_ms, "ms");
    }
    Ok(limit)
}

fn fill(file: &File) -> Result<()> {
    let zeros = vec![0_u8; 1024 * 1024];
    for part in 0..FILE_BYTES / zeros.len() as u64 {
        file.write_all_at(&zeros, part * zeros.len() as u64).context("filling a file")?;
    }
    file.sync_all().context("syncing a file")
}

fn measure(file: &File, group: usize, window: Duration) -> Result<(f64, Latency)> {
    let records = vec![0x5a_u8; group * RECORD_BYTES];
    let clock = RunClock::start();
    let until_ns = u64::try_from(window.as_nanos()).unwrap_or(u64::MAX);
    let mut latencies = Latencies::default();
    let (mut at, mut written, mut now_ns) = (0, 0_u64, 0);
    while now_ns < until_ns {
        if at + records.len() as u64 > FILE_BYTES {
            at = 0;
        }
        file.write_all_at(&records, at).context("writing a file")?;
        file.sync_data().context("syncing a file")?;
        at += records.len() as u64;
        written += group as u64;
        let before_ns = std::mem::replace(&mut now_ns, clock.now_ns());
        latencies.record(now_ns - before_ns);
    }
    Ok((written as f64 / (now_ns as f64 / 1e9), latencies.summary()))
}

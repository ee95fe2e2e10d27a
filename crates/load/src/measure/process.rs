//! Processor time and memory of a process, from `/proc`.
//! A process that is gone has used nothing: the figures are then absent, never wrong.

use std::{
    fs,
    time::{Duration, Instant},
};

use crate::clock::NS_PER_S;

/// Processor time used so far by the server and by this generator.
#[derive(Debug, Clone, Copy)]
pub struct CpuWindow {
    server_pid: Option<u32>,
    server_ns: Option<u64>,
    own_ns: Option<u64>,
    began: Instant,
}

/// Processor time used in a window.
#[derive(Debug, Clone, Copy, Default)]
pub struct Usage {
    /// By the server, nanoseconds; absent without a process id.
    pub server_ns: Option<u64>,
    /// By the generator, nanoseconds.
    pub own_ns: Option<u64>,
    /// Length of the window.
    pub length: Duration,
}

impl CpuWindow {
    /// Begins now.
    #[must_use]
    pub fn begin(server_pid: Option<u32>) -> CpuWindow {
        let own = std::process::id();
        CpuWindow {
            server_pid,
            server_ns: server_pid.and_then(cpu_ns),
            own_ns: cpu_ns(own),
            began: Instant::now(),
        }
    }

    /// What was used since the beginning.
    #[must_use]
    pub fn end(&self) -> Usage {
        let since = |pid: u32, before: Option<u64>| Some(cpu_ns(pid)?.saturating_sub(before?));
        Usage {
            server_ns: self.server_pid.and_then(|pid| since(pid, self.server_ns)),
            own_ns: since(std::process::id(), self.own_ns),
            length: self.began.elapsed(),
        }
    }
}

impl Usage {
    /// Cores' worth of time that the server used.
    #[must_use]
    pub fn server_cores(&self) -> Option<f64> {
        self.server_ns.map(|ns| ns as f64 / 1e9 / self.length.as_secs_f64())
    }

    /// Cores' worth of time that the generator used.
    #[must_use]
    pub fn own_cores(&self) -> Option<f64> {
        self.own_ns.map(|ns| ns as f64 / 1e9 / self.length.as_secs_f64())
    }
}

/// User and system time of a process, nanoseconds, to a tick of the kernel (usually 10 ms).
#[must_use]
pub fn cpu_ns(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything; utime and stime are the 12th and 13th fields after it.
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    let (user, system): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some((user + system) * (NS_PER_S / rustix::param::clock_ticks_per_second().max(1)))
}

/// Processor time of the calling thread, nanoseconds.
#[must_use]
pub fn thread_cpu_ns() -> Option<u64> {
    fs::read_to_string("/proc/thread-self/schedstat").ok()?.split_ascii_whitespace().next()?.parse().ok()
}

/// Resident memory of a process, KiB.
#[must_use]
pub fn resident_kib(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

/// Resident memory once it stays the same for half a second, at the latest after `limit`.
#[must_use]
pub fn settled_resident_kib(pid: u32, limit: Duration) -> Option<u64> {
    const LOOKS: u32 = 5;
    let began = Instant::now();
    let (mut last, mut same) = (resident_kib(pid)?, 0);
    while same < LOOKS && began.elapsed() < limit {
        std::thread::sleep(Duration::from_millis(100));
        let now = resident_kib(pid)?;
        same = if now.abs_diff(last) * 500 <= last { same + 1 } else { 0 };
        last = now;
    }
    Some(last)
}

//! Processor time and memory of the processes that run functions, as the kernel tells them.
//! Knows a function's processes by the name that the runtime puts into their environment.

use std::fs;

/// Ticks of the kernel's clock in a second, as Linux tells them to programs (`proc(5)`).
const TICKS_PER_S: f64 = 100.0;
/// Fields of `/proc/PID/stat` behind the name of the program: state is the first, user time the twelfth.
const USER_TIME: usize = 11;

/// What the processes of some functions used since they began.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub(crate) struct Processor {
    /// User and system time, seconds.
    pub(crate) seconds: f64,
    /// The most memory that one of them held at once, MiB.
    pub(crate) resident_mib: f64,
    /// How many there are.
    pub(crate) processes: usize,
}

/// What the living processes of these functions used.
pub(crate) fn of(functions: &[String]) -> Processor {
    let mut sum = Processor::default();
    for process in fs::read_dir("/proc").unwrap().filter_map(Result::ok) {
        let read = |name: &str| fs::read(process.path().join(name)).unwrap_or_default();
        let environment = read("environ");
        let is_one = environment.split(|byte| *byte == 0).any(|variable| {
            let name = variable.strip_prefix(b"AWS_LAMBDA_FUNCTION_NAME=");
            name.is_some_and(|name| functions.iter().any(|function| function.as_bytes() == name))
        });
        if !is_one {
            continue;
        }
        let (stat, status) = (text(&read("stat")), text(&read("status")));
        let Some((_, fields)) = stat.rsplit_once(") ") else { continue };
        let ticks = fields.split(' ').skip(USER_TIME).take(2).filter_map(|field| field.parse::<f64>().ok());
        sum.seconds += ticks.sum::<f64>() / TICKS_PER_S;
        let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = most.and_then(|most| most.trim().trim_end_matches(" kB").parse::<f64>().ok());
        sum.resident_mib = sum.resident_mib.max(kib.unwrap_or_default() / 1_024.0);
        sum.processes += 1;
    }
    sum
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

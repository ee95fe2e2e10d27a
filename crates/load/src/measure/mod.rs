//! What is measured besides counts: latencies, processor time and memory of processes, the machine itself.
//! Reads `/proc`; changes nothing.

mod latency;
mod machine;
mod process;

pub use self::{
    latency::{Latencies, Latency},
    machine::{Machine, Neighbours, file_system_of},
    process::{CpuWindow, Usage, cpu_ns, resident_kib, settled_resident_kib, thread_cpu_ns},
};

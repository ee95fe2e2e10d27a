//! Bare programs that do only the unavoidable system calls of a job, run beside the measurements.
//! They give no guarantee and speak no protocol: figures of a chat server are ratios to theirs.

pub mod send;
pub mod sync;

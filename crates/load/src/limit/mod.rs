//! Bare programs that do only the unavoidable system calls of a job, run beside the measurements.
//! They give no guarantee beyond that: figures of a chat server are ratios to theirs.

pub mod bare;
pub mod send;
pub mod sync;

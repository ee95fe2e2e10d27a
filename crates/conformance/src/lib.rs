//! What every backend must do, and proof that the whole keeps its promises when everything around it fails.
//! Knows no backend: they bring a [`harness::Harness`] and expand the suites in their own tests.
//!
//! - [`model`]: a backend in memory, the reference.
//! - [`suite`]: one named test per behaviour of the ports.
//! - [`faulty`]: decorators that fail by seed or on purpose.
//! - [`household`]: a home that people have lived in, and everything in it, for comparing two homes.
//! - [`simulation`]: clients, nodes, queues and workers in virtual time, by seed.

pub mod clock;
pub mod dice;
pub mod faulty;
pub mod harness;
pub mod household;
pub mod limits;
pub mod model;
pub mod simulation;
pub mod suite;

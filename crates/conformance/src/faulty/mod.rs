//! Decorators that make any backend fail as its plan says: by seed, or always for named commands.
//! Invariant: each forwards every method, and without faults changes nothing.

mod plan;
mod queue;
mod store;
mod wires;

use std::sync::Arc;

pub use self::plan::{FaultPlan, Faults, PlanError, Poison};

/// A port with faults around it.
#[derive(Debug, Clone)]
pub struct Faulty<P> {
    inner: P,
    faults: Arc<Faults>,
}

impl<P> Faulty<P> {
    /// `inner` with these faults.
    #[must_use]
    pub fn new(inner: P, faults: Arc<Faults>) -> Faulty<P> {
        Faulty { inner, faults }
    }
}

//! Every decorator keeps every behaviour: with no faults planned, a faulty backend is the backend.
//! Does not test the faults themselves; the journey suite and the simulation do.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use conformance::{
    faulty::{FaultPlan, Faults, Faulty},
    harness::{Backend, Harness},
    model::ModelHarness,
};

/// The model with decorators around every port.
#[derive(Default)]
struct DecoratedHarness {
    inner: ModelHarness,
}

fn decorated(backend: Backend) -> Backend {
    let faults = Arc::new(Faults::new(FaultPlan::default()));
    Backend {
        store: Arc::new(Faulty::new(backend.store, faults.clone())),
        messages: Arc::new(Faulty::new(backend.messages, faults.clone())),
        notifications: Arc::new(Faulty::new(backend.notifications, faults.clone())),
        commands: Arc::new(Faulty::new(backend.commands, faults.clone())),
        directory: Arc::new(Faulty::new(backend.directory, faults.clone())),
        search: Arc::new(Faulty::new(backend.search, faults)),
        ..backend
    }
}

#[async_trait]
impl Harness for DecoratedHarness {
    async fn open(&self) -> Backend {
        decorated(self.inner.open().await)
    }

    async fn restart(&self, backend: Backend) -> Backend {
        decorated(self.inner.restart(backend).await)
    }

    async fn open_bounded(&self, items_max: usize) -> Option<Backend> {
        self.inner.open_bounded(items_max).await.map(decorated)
    }

    fn lease_life(&self) -> Option<Duration> {
        self.inner.lease_life()
    }
}

mod queue {
    use super::*;
    conformance::queue_suite!(DecoratedHarness::default());
}
mod store {
    use super::*;
    conformance::store_suite!(DecoratedHarness::default());
}
mod commands {
    use super::*;
    conformance::commands_suite!(DecoratedHarness::default());
}
mod directory {
    use super::*;
    conformance::directory_suite!(DecoratedHarness::default());
}
mod journey {
    use super::*;
    conformance::journey_suite!(DecoratedHarness::default());
}
mod search {
    use super::*;
    conformance::search_suite!(DecoratedHarness::default());
}

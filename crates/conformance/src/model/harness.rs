//! The model as a backend for the suites.
//! Invariant: a restart keeps the store and the queues and nothing else.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use chat::{NodeId, ports::Clock};

use super::{Model, ModelSearch, QueueOptions};
use crate::{
    clock::TokioClock,
    dice::Dice,
    harness::{Backend, Harness},
};

/// Life of a lease in the suites, milliseconds: short enough to wait for.
const SUITE_LEASE_MS: u64 = 1_000;

/// Opens models.
#[derive(Default)]
pub struct ModelHarness {
    current: Mutex<Option<Model>>,
}

impl ModelHarness {
    /// A harness without a backend yet.
    #[must_use]
    pub fn new() -> ModelHarness {
        ModelHarness::default()
    }

    fn keep(&self, model: Model) -> Backend {
        let backend = model.backend();
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Some(model);
        backend
    }

    fn open_with(&self, options: QueueOptions) -> Backend {
        let clock: Arc<dyn Clock> = Arc::new(TokioClock::new());
        self.keep(Model::new(options, clock, &Dice::new(1)))
    }
}

impl Model {
    /// The model's ports.
    #[must_use]
    pub fn backend(&self) -> Backend {
        Backend {
            store: Arc::new(self.store.clone()),
            messages: Arc::new(self.messages.clone()),
            notifications: Arc::new(self.notifications.clone()),
            commands: Arc::new(self.commands.clone()),
            directory: Arc::new(self.directory.clone()),
            search: Arc::new(ModelSearch::new(Arc::new(self.store.clone()))),
            clock: self.clock.clone(),
            randomness: Arc::new(Dice::new(2)),
            applied: Some(self.commands.applied()),
            nodes: vec![NodeId::from_u128(1), NodeId::from_u128(2)],
        }
    }
}

#[async_trait]
impl Harness for ModelHarness {
    async fn open(&self) -> Backend {
        self.open_with(QueueOptions { lease_ms: SUITE_LEASE_MS, ..QueueOptions::default() })
    }

    async fn restart(&self, backend: Backend) -> Backend {
        drop(backend);
        let model = self.current.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.keep(model.expect("invariant: a backend is open before it is restarted").restarted())
    }

    async fn open_bounded(&self, items_max: usize) -> Option<Backend> {
        Some(self.open_with(QueueOptions { items_max, ..QueueOptions::default() }))
    }

    fn lease_life(&self) -> Option<Duration> {
        Some(Duration::from_millis(SUITE_LEASE_MS))
    }
}

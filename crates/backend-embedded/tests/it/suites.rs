//! The suites every backend passes, over this one.
//! A crash is the files as they are at that moment, opened by another backend.

use std::sync::Arc;

use async_trait::async_trait;
use backend_embedded::{Config, Embedded};
use chat::{NodeId, ports::Clock};
use conformance::{
    clock::TokioClock,
    dice::Dice,
    harness::{Backend, Harness},
};
use parking_lot::Mutex;
use tempfile::TempDir;

use crate::support::{copy_folder, small};

#[derive(Default)]
struct EmbeddedHarness {
    current: Mutex<Option<Running>>,
}

struct Running {
    embedded: Embedded,
    clock: Arc<dyn Clock>,
    config: Config,
    folder: TempDir,
}

impl EmbeddedHarness {
    fn open(&self, folder: TempDir, config: Config, clock: Arc<dyn Clock>) -> Backend {
        let embedded = Embedded::open(config.clone(), Arc::clone(&clock), Arc::new(Dice::new(1))).unwrap();
        let backend = Backend {
            store: embedded.store(),
            messages: embedded.messages(),
            notifications: embedded.notifications(),
            commands: embedded.commands(),
            directory: embedded.directory(),
            search: embedded.search(),
            clock: Arc::clone(&clock),
            randomness: Arc::new(Dice::new(2)),
            applied: Some(embedded.applied_hook()),
            nodes: vec![NodeId::from_u128(1)],
        };
        *self.current.lock() = Some(Running { embedded, clock, config, folder });
        backend
    }

    fn open_new(&self, change: impl FnOnce(Config) -> Config) -> Backend {
        let folder = tempfile::tempdir().unwrap();
        let config = change(small(folder.path()));
        self.open(folder, config, Arc::new(TokioClock::new()))
    }
}

#[async_trait]
impl Harness for EmbeddedHarness {
    async fn open(&self) -> Backend {
        self.open_new(|config| config)
    }

    async fn restart(&self, backend: Backend) -> Backend {
        let Running { embedded, clock, config, folder } = self.current.lock().take().unwrap();
        let copy = tempfile::tempdir().unwrap();
        copy_folder(folder.path(), copy.path());
        drop((backend, embedded));
        let config = Config { data: copy.path().to_path_buf(), ..config };
        self.open(copy, config, clock)
    }

    async fn open_bounded(&self, items_max: usize) -> Option<Backend> {
        Some(self.open_new(|config| Config { queue_items_max: items_max as u64, ..config }))
    }
}

mod queue {
    use super::*;
    conformance::queue_suite!(EmbeddedHarness::default());
}
mod store {
    use super::*;
    conformance::store_suite!(EmbeddedHarness::default());
}
mod commands {
    use super::*;
    conformance::commands_suite!(EmbeddedHarness::default());
}
mod directory {
    use super::*;
    conformance::directory_suite!(EmbeddedHarness::default());
}
mod journey {
    use super::*;
    conformance::journey_suite!(EmbeddedHarness::default());
}
mod search {
    use super::*;
    conformance::search_suite!(EmbeddedHarness::default());
}

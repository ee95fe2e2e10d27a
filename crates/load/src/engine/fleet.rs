//! Several workers that drive one load: connection `n` belongs to worker `n % workers`.
//! With one worker, the default, nothing leaves the calling thread.

use std::{net::SocketAddr, thread};

use super::{Driver, Engine, Waker};
use crate::{
    clock::RunClock,
    error::{LoadError, Result},
};

/// All workers of a run.
#[derive(Debug)]
pub struct Fleet {
    engines: Vec<Engine>,
    clock: RunClock,
}

impl Fleet {
    /// Makes `workers` workers without connections.
    ///
    /// # Errors
    /// When the kernel gives no epoll or timer.
    pub fn new(target: SocketAddr, workers: usize, clock: RunClock) -> Result<Fleet> {
        let engines = (0..workers.max(1)).map(|_| Engine::new(target, clock)).collect::<Result<_>>()?;
        Ok(Fleet { engines, clock })
    }

    /// How many workers there are.
    #[must_use]
    pub fn workers(&self) -> usize {
        self.engines.len()
    }

    /// The clock they share.
    #[must_use]
    pub fn clock(&self) -> RunClock {
        self.clock
    }

    /// One worker.
    pub fn engine(&mut self, worker: usize) -> &mut Engine {
        &mut self.engines[worker]
    }

    /// Wakes the workers, in their order.
    #[must_use]
    pub fn wakers(&self) -> Vec<Waker> {
        self.engines.iter().map(Engine::waker).collect()
    }

    /// Runs one driver per worker until all are done.
    ///
    /// # Errors
    /// The first error of a worker.
    pub fn run<D: Driver + Send>(&mut self, drivers: &mut [D]) -> Result<()> {
        if let ([engine], [driver]) = (&mut self.engines[..], &mut drivers[..]) {
            return engine.run(driver);
        }
        thread::scope(|scope| {
            let workers: Vec<_> = self
                .engines
                .iter_mut()
                .zip(drivers)
                .map(|(engine, driver)| scope.spawn(move || engine.run(driver)))
                .collect();
            workers.into_iter().try_for_each(|worker| {
                worker.join().unwrap_or_else(|_| Err(LoadError::Protocol("a worker panicked".into())))
            })
        })
    }
}

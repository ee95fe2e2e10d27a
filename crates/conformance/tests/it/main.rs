//! The suites over the model, bare and decorated; the pipeline around faults; the simulation by seeds.
//! One binary, so that it is linked once.

mod decorated;
mod model;
mod simulation;

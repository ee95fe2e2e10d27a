//! The pipeline over the reference model, in virtual time: what it does when things around it fail.
//! One binary, so that it is linked once.

mod dead_letters;
mod notifier;
mod persister;
mod scene;

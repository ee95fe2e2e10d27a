//! The backend against an emulator of the services on this machine: every suite, faults on the way, counted cost.
//! `make test-aws` starts the emulator; without one these tests do not run, and never against AWS itself.

mod cost;
mod faults;
mod gave_up;
mod harness;
mod large;
mod processes;
mod suites;

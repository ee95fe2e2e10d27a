//! Tests of the real binary: started, used over real sockets, killed and started again.
//! They know the wire and the command line, nothing inside.

#![allow(clippy::unwrap_used, reason = "a test says by panicking that it failed")]

mod accounts;
#[cfg(feature = "aws")]
mod aws_cost;
#[cfg(feature = "aws")]
mod aws_dead_letters;
#[cfg(feature = "aws")]
mod aws_doctor;
#[cfg(feature = "aws")]
mod aws_emulator;
#[cfg(feature = "aws")]
mod aws_proxy;
#[cfg(feature = "aws")]
mod aws_restore;
#[cfg(feature = "aws")]
mod aws_take_over;
mod client;
mod config;
mod crash;
mod dead_letters;
mod drain;
mod files;
mod flood;
mod inspect;
mod moving;
#[cfg(feature = "aws")]
mod moving_to_aws;
#[cfg(feature = "aws")]
mod nodes;
mod overload;
mod pages;
mod restore;
mod search;
mod server;
mod traces;

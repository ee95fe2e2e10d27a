//! Steps 5 to 7 of a message's journey in the cloud: the ports over DynamoDB tables and SQS FIFO queues.
//! Alone names the SDK of AWS; knows no rule of the chat and no wire. Nothing is kept in a process but hints.
//!
//! Read in this order: [`Aws`] (what it is made of), `keys` (what lies where), `store::append` (how a message is
//! written), `queue` (how it gets there), [`provision`] (how all of it comes to be).

mod aws;
mod calling;
mod codec;
mod commands;
mod directory;
mod endpoints;
mod epoch;
mod error;
mod inspect;
mod interest;
mod item;
mod jitter;
mod keys;
pub mod limits;
mod moving;
mod posting;
mod provision;
mod queue;
mod restore;
mod roster;
mod search;
mod signed;
mod store;
mod table;
mod usage;

pub use aws_config::SdkConfig;

pub use self::{
    aws::{Aws, AwsNames, AwsOptions, QueueNames, connect, connect_to},
    calling::AwsCalls,
    commands::Applied,
    directory::AwsDirectory,
    endpoints::{AwsEndpoints, Endpoint},
    epoch::{TakenOver, take_over},
    inspect::{Finding, InspectOptions, Role, Verdict, inspect},
    posting::{AwsPosting, Posted},
    provision::{ProvisionOptions, provision},
    queue::{Leases, ReceivedMessage, ReceivedQueue, Which},
    restore::{Raised, RestoreError, RestoreFrom, RestorePlan, RestoreStep, Restored, restore},
    roster::Node,
    usage::{Consumed, Usage},
};

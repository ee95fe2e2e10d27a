//! The moving port: what reading a home out needs besides its store, and how a home takes in what another one held.
//! Knows no folder and no other home. Invariant: a home that is half taken in is served by nobody.

use async_trait::async_trait;

use super::PortError;
use crate::{
    ids::{ConversationId, Epoch, UserId},
    portable::{Kept, Portable, PortableMember},
};

/// How far a home has taken in an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// The export's id.
    pub export: u128,
    /// Batches that are in, counted from the beginning. Later ones may be in as well: taking them in again is safe.
    pub batches: u64,
    /// All is in: the home can be served.
    pub is_finished: bool,
}

/// Moving in and out. Reading goes on while the home is served; taking in is for a home that nobody serves.
#[async_trait]
pub trait Moving: Send + Sync {
    /// What somebody keeps that no list of the store tells.
    async fn kept(&self, user: UserId) -> Result<Kept, PortError>;

    /// Members by id after `after`, at most `limit`.
    async fn members(
        &self,
        conversation: ConversationId,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<PortableMember>, PortError>;

    /// What this home has taken in, or is taking in; `None` when it never began to.
    async fn arrival(&self) -> Result<Option<Arrival>, PortError>;

    /// Whether nobody and nothing lives here: no account, no invitation, no conversation, no file, no dead letter.
    async fn is_vacant(&self) -> Result<bool, PortError>;

    /// Begins to take in an export whose history has this epoch; from now on nobody can open this home to serve it,
    /// until it is [finished](Moving::finish). Beginning the same export again changes nothing.
    /// `Conflict` when it has begun another one, `Invalid` when the home cannot have this epoch any more.
    async fn begin(&self, export: u128, epoch: Epoch) -> Result<(), PortError>;

    /// Takes records in, durably. Safe to repeat and to call many times at once; an error leaves any of them in.
    async fn take_in(&self, records: Vec<Portable>) -> Result<(), PortError>;

    /// Notes, durably, that so many batches are in.
    async fn reached(&self, batches: u64) -> Result<(), PortError>;

    /// All is in: the home can be served.
    async fn finish(&self) -> Result<(), PortError>;
}

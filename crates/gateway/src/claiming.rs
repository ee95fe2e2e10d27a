//! Between admission and the queue: a message with files waits until they are claimed for it (D2), and what its
//! connection sends after it waits behind it, so that the order stays (D3).
//! Costs a command nothing while no message with files is on its way.

use std::{collections::VecDeque, rc::Rc};

use api::Unclaimed;
use chat::Command;
use protocol::{Code, frame::ServerFrame, session::Submission};

use crate::{
    connection::Connection,
    intake::{overloaded, rejected},
    limits::{CLAIMS_WAITING_MAX, INTAKE_RETRY_MS},
    shard::Shard,
};

/// What waits for claims on one connection, in order; the first is being claimed.
pub(crate) type Held = VecDeque<Submission>;

/// Takes an admitted command: to the next batch, or to the end of what waits.
///
/// # Errors
/// The `rejected` to answer when too many wait.
pub(crate) fn queue(
    shard: &Rc<Shard>,
    connection: &Rc<Connection>,
    submission: Submission,
) -> Result<(), Box<ServerFrame<'static>>> {
    let waiting = connection.held();
    if waiting == 0 && !has_files(&submission.command) {
        return shard.intake.add(connection, submission, shard.app.clock.now_ms());
    }
    if waiting >= CLAIMS_WAITING_MAX {
        let Submission { reference, command_id, .. } = submission;
        return Err(Box::new(overloaded(reference, command_id, INTAKE_RETRY_MS)));
    }
    connection.with_held(|held| held.push_back(submission));
    if waiting == 0 {
        let (shard, connection) = (Rc::clone(shard), Rc::clone(connection));
        tokio::task::spawn_local(async move { work_off(&shard, &connection).await });
    }
    Ok(())
}

fn has_files(command: &Command) -> bool {
    matches!(command, Command::Send { attachments, .. } if !attachments.is_empty())
}

/// Claims and hands over, first come first served, until nothing waits. The first stays in its place until it is
/// handed over, so that nothing overtakes it.
async fn work_off(shard: &Shard, connection: &Rc<Connection>) {
    while let Some(mut submission) = connection.with_held(|held| held.front().cloned()) {
        let (user, conversation, id) = (connection.user, submission.conversation, submission.command_id);
        let claimed = api::claim(&shard.app, user, conversation, id, &mut submission.command).await;
        let refused = match claimed {
            Ok(()) => {
                let now_ms = shard.app.clock.now_ms();
                shard.intake.add(connection, submission, now_ms).err().map(|refused| *refused)
            }
            Err(Unclaimed::Refused(refusal)) => {
                Some(ServerFrame::refused(submission.reference, Some(id), refusal))
            }
            Err(Unclaimed::Failed(error)) => {
                tracing::warn!(%error, code = %Code::from(&error), "files could not be claimed");
                Some(rejected(submission.reference, id, &error))
            }
        };
        if let Some(refused) = refused {
            shard.out.stats.rejected.add(1);
            shard.reply(connection, &refused);
        }
        connection.with_held(|held| drop(held.pop_front()));
    }
}

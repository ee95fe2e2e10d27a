//! Appending: effects of many conversations, each atomic and on its expected head, in one go.
//! Before anything becomes visible that was decided out of the journal's order, the journal is told the order (D8).

use std::sync::Arc;

use chat::{
    ConversationId,
    ports::{Append, AppendOutcome},
};
use tokio::sync::oneshot;

use crate::{
    apply::effects,
    core::Core,
    error::Fault,
    queue::messages::Passing,
    record::{Moved, Record},
};

pub(crate) async fn append(core: &Arc<Core>, appends: &[Append]) -> Result<Vec<AppendOutcome>, Fault> {
    if !core.engine.room().await {
        return Err(Fault::Stopped);
    }
    let positions = note_order(core, appends).await?;
    let writer = core.engine.writer();
    let mut outcomes = Vec::with_capacity(appends.len());
    for (Append { effects }, position) in appends.iter().zip(positions) {
        let head = core.meta(effects.conversation)?.map_or(0, |meta| meta.head);
        if head != effects.expected_head {
            outcomes.push(AppendOutcome::Conflict);
            continue;
        }
        effects::write(core, &writer, effects)?;
        core.changed.lock().note(effects.conversation, position, effects.meta.head);
        outcomes.push(AppendOutcome::Written);
    }
    core.cut_if_due(&writer);
    Ok(outcomes)
}

/// Writes down what takes effect out of order, and returns the position each append is noted under.
async fn note_order(core: &Arc<Core>, appends: &[Append]) -> Result<Vec<u64>, Fault> {
    let unknown = core.journal.committed().0.saturating_add(1);
    let mut positions = Vec::with_capacity(appends.len());
    let mut orders: Vec<(ConversationId, Passing)> = Vec::new();
    for Append { effects } in appends {
        let passing = core.messages.pass(effects.conversation, &effects.commands);
        positions.push(if passing.last == 0 { unknown } else { passing.last });
        let is_in_order = passing.passed.is_empty() && passing.moved.is_empty();
        // An append that will conflict decides nothing.
        if !is_in_order
            && core.meta(effects.conversation)?.map_or(0, |meta| meta.head) == effects.expected_head
        {
            orders.push((effects.conversation, passing));
        }
    }
    for (conversation, passing) in orders {
        let at = journal_order(core, &passing).await?;
        core.messages.passed(conversation, &passing, at);
        if !passing.moved.is_empty()
            && let Some(index) = appends.iter().position(|append| append.effects.conversation == conversation)
        {
            positions[index] = positions[index].max(at);
        }
    }
    Ok(positions)
}

async fn journal_order(core: &Arc<Core>, passing: &Passing) -> Result<u64, Fault> {
    let now_ms = core.now_ms();
    let mut records = Vec::with_capacity(1 + passing.moved.len());
    if !passing.passed.is_empty() {
        records.push(Record::Passed(passing.passed.clone()).encode(now_ms));
    }
    for (item, envelope) in &passing.moved {
        records.push(Record::Moved(Moved { item: *item, envelope: envelope.clone() }).encode(now_ms));
    }
    let (told, durable) = oneshot::channel();
    core.append(records, move |appended| drop(told.send(appended)))?;
    let appended = durable.await.map_err(|_| Fault::Stopped)??;
    Ok(appended.last.0)
}

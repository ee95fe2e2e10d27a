//! Appending: effects of many conversations, each atomic and on its expected head, in one go.
//! Before anything becomes visible that was decided out of the journal's order, the journal is told the order (D8).

use std::sync::{Arc, atomic::Ordering};

use chat::{
    ConversationId, Decision, Effects, Envelope, Needs,
    ports::{Append, AppendOutcome},
};
use tokio::sync::oneshot;

use crate::{
    apply::effects::{self, Source},
    core::Core,
    error::Fault,
    queue::messages::{Brought, Passing},
    record::{Moved, Record},
};

pub(crate) async fn append(core: &Arc<Core>, appends: &[Append]) -> Result<Vec<AppendOutcome>, Fault> {
    if !core.engine.room().await {
        return Err(Fault::Stopped);
    }
    let passings = note_order(core, appends).await?;
    let writer = core.engine.writer();
    let mut outcomes = Vec::with_capacity(appends.len());
    for (Append { effects }, (passing, noted_at)) in appends.iter().zip(&passings) {
        if !is_expected(core, effects)? {
            outcomes.push(AppendOutcome::Conflict);
            continue;
        }
        let position = passing.items.last().copied().unwrap_or_default().max(*noted_at);
        effects::write(core, &writer, effects, Source { items: &passing.items, position })?;
        core.changed.lock().note(effects.conversation, effects.meta.head);
        outcomes.push(AppendOutcome::Written);
    }
    core.cut_if_due(&writer);
    Ok(outcomes)
}

fn is_expected(core: &Core, effects: &Effects) -> Result<bool, Fault> {
    Ok(core.meta(effects.conversation)?.map_or(0, |meta| meta.head) == effects.expected_head)
}

/// Writes down what takes effect out of order. Returns, for each append, what it does to the queue's items,
/// and the position of the last item moved there.
async fn note_order(core: &Arc<Core>, appends: &[Append]) -> Result<Vec<(Passing, u64)>, Fault> {
    let mut passings = Vec::with_capacity(appends.len());
    for Append { effects } in appends {
        let items = match core.messages.items(effects.conversation, &effects.commands) {
            Brought::By(items) => items,
            Brought::Unclear(leased) => decided(core, effects, &leased)?,
        };
        let mut passing = core.messages.pass(effects.conversation, items);
        let mut moved_at = 0;
        // An append that will conflict decides nothing.
        if (!passing.passed.is_empty() || !passing.moved.is_empty()) && is_expected(core, effects)? {
            leave_out_applied(core, &mut passing)?;
            let at = note(core, effects.conversation, &passing).await?;
            core.messages.passed(effects.conversation, &passing, at);
            if !passing.moved.is_empty() {
                moved_at = at;
            }
        }
        passings.push((passing, moved_at));
    }
    Ok(passings)
}

/// Which of several items of a command brought it: deciding them again tells.
fn decided(core: &Core, effects: &Effects, leased: &[(u64, Envelope)]) -> Result<Vec<u64>, Fault> {
    let mut needs = Needs::default();
    leased.iter().for_each(|(_, envelope)| needs.add(envelope));
    let mut view = core.view(effects.conversation, needs)?;
    let mut wanted = effects.events.iter().peekable();
    let mut items = Vec::with_capacity(effects.commands.len());
    for (position, envelope) in leased {
        if let Decision::Append(event) = view.decide(envelope)
            && wanted.next_if(|wanted| **wanted == *event).is_some()
        {
            view.apply(&event);
            items.push(*position);
        }
    }
    Ok(items)
}

/// An item that comes again because it could not be announced has its effect already.
fn leave_out_applied(core: &Core, passing: &mut Passing) -> Result<(), Fault> {
    let mut passed = Vec::with_capacity(passing.passed.len());
    for (position, command) in std::mem::take(&mut passing.passed) {
        if !core.is_applied(&command, position)? {
            passed.push((position, command));
        }
    }
    passing.passed = passed;
    Ok(())
}

/// Makes the order durable. Returns the position of the last record, 0 when there is nothing to note.
async fn note(core: &Arc<Core>, id: ConversationId, passing: &Passing) -> Result<u64, Fault> {
    let now_ms = core.now_ms();
    let mut records = Vec::with_capacity(2 + passing.moved.len());
    if !passing.passed.is_empty() {
        let passed = passing.passed.iter().map(|(position, _)| *position).collect();
        records.push(Record::Passed(passed).encode(now_ms));
    }
    if !passing.moved.is_empty() {
        // A start has to know what took effect in place before this: what is settled, and these.
        records.push(Record::Settled(core.messages.settled()).encode(now_ms));
    }
    let mut in_place = in_place(core, id, passing)?;
    let decided_before = core.decided_before.load(Ordering::Relaxed);
    for (item, envelope) in &passing.moved {
        let in_place = std::mem::take(&mut in_place);
        let moved = Moved { item: *item, envelope: envelope.clone(), in_place, decided_before };
        records.push(Record::Moved(moved).encode(now_ms));
    }
    if records.is_empty() {
        return Ok(0);
    }
    let (told, durable) = oneshot::channel();
    core.append(records, move |appended| drop(told.send(appended)))?;
    let appended = durable.await.map_err(|_| Fault::Stopped)??;
    Ok(appended.last.0)
}

fn in_place(core: &Core, id: ConversationId, passing: &Passing) -> Result<Vec<u64>, Fault> {
    let mut in_place = Vec::new();
    if !passing.moved.is_empty() {
        for (position, command) in core.messages.open(id) {
            if core.is_applied(&command, position)? {
                in_place.push(position);
            }
        }
    }
    Ok(in_place)
}

//! What a plain message costs in the units that are paid, as the service counts them.
//! Target: 4 write units, alone and in a batch, whatever the size of the conversation.

use chat::{
    ConversationId, Envelope, Needs,
    ports::{Append, AppendOutcome},
};
use conformance::suite::world::{World, message};

use crate::harness::{backend, fresh_names, open, options};

const WRITE_UNITS_PER_MESSAGE: u64 = 4;

/// Loads, decides and writes one batch; the hint of the head is there, as in a persister at work.
async fn write(world: &World, conversation: ConversationId, batch: &[Envelope]) {
    let mut needs = Needs::default();
    batch.iter().for_each(|envelope| needs.add(envelope));
    needs.members.sort_unstable();
    needs.members.dedup();
    let mut view = world.store().load(vec![(conversation, needs)]).await.expect("load").remove(0);
    for envelope in batch {
        view.execute(envelope);
    }
    let effects = view.into_effects().expect("events to write");
    let written = world.store().append(vec![Append { effects }]).await.expect("append");
    assert_eq!(written, [AppendOutcome::Written]);
}

/// A plain message is two items in one transaction: its row and the sender's name for it.
#[tokio::test]
async fn a_plain_message_costs_four_write_units() {
    let names = fresh_names(10).await;
    let aws = open(&names, options()).await;
    let world = World::over(backend(&aws), 1);
    let [alice, bob, carol] = world.users(["alice", "bob", "carol"]).await;
    let group = world.group(alice, &[bob, carol]).await;
    for size in [1_usize, 10] {
        let batch: Vec<Envelope> =
            (0..size).map(|_| world.envelope(group, bob, message("a plain message"))).collect();
        let before = aws.usage.consumed();
        write(&world, group, &batch).await;
        let after = aws.usage.consumed();
        let written = after.write_milli - before.write_milli;
        let (read, reads) = (after.read_milli - before.read_milli, after.reads - before.reads);
        println!(
            "batch of {size}: {written} thousandths of a write unit, {read} of a read unit in {reads} reads"
        );
        assert!(written > 0, "the service tells what it counts");
        assert!(written <= WRITE_UNITS_PER_MESSAGE * 1_000 * size as u64, "{written} for {size}");
        assert_eq!((after.writes - before.writes, reads), (1, 1), "one write and one read, however many");
    }
}

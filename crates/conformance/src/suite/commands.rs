//! What `Commands` promises: durable when answered, applied in order, and an answer for who waits.
//! A persister runs beside, as in the product.

use std::{sync::Arc, time::Duration};

use chat::{Command, CommandId, ConversationId, Envelope, Outcome, Refusal, UserId, ports::ErrorKind};
use tokio::{sync::oneshot, task::JoinHandle, time::timeout};

use super::world::{World, message, react};
use crate::harness::{Backend, Harness};

/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(10);

/// A persister at work until dropped.
struct Running {
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Running {
    fn start(backend: &Backend) -> Running {
        let persister = backend.persister(Duration::from_millis(200), Arc::new(|_, _| {}));
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(async move { persister.run(async move { drop(stopped.await) }).await });
        Running { stop: Some(stop), task }
    }

    async fn stop(mut self) {
        drop(self.stop.take());
        (&mut self.task).await.expect("the persister ends");
    }
}

async fn execute(world: &World, envelope: Envelope) -> Outcome {
    timeout(PATIENCE, world.backend.commands.execute(envelope)).await.expect("in time").expect("execute")
}

async fn wait_for_head(world: &World, conversation: ConversationId, head: u64) {
    let reached = async {
        while world.store().heads(&[conversation]).await.expect("heads")[0] < head {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(PATIENCE, reached).await.expect("the events follow");
}

/// Makes commands durable; their events follow, in the order submitted (D3).
pub async fn submitted_commands_become_events_in_order(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let alice = world.user("alice").await;
    let (one, two) = (world.group(alice, &[]).await, world.group(alice, &[]).await);
    let running = Running::start(&world.backend);
    let batch: Vec<Envelope> = (0..40)
        .map(|number| {
            let conversation = if number % 2 == 0 { one } else { two };
            world.envelope(conversation, alice, message(&format!("message {number}")))
        })
        .collect();
    let submitted: Vec<CommandId> = batch
        .iter()
        .filter(|envelope| envelope.conversation == one)
        .map(|envelope| envelope.command_id)
        .collect();
    for chunk in batch.chunks(7) {
        world.backend.commands.submit(chunk.to_vec()).await.expect("submit");
    }
    wait_for_head(&world, one, 21).await;
    wait_for_head(&world, two, 21).await;
    let found: Vec<CommandId> =
        world.log(one).await.into_iter().skip(1).map(|row| row.event.command_id).collect();
    assert_eq!(found, submitted);
    running.stop().await;
}

/// Nothing to submit is submitted.
pub async fn an_empty_submission_is_no_error(harness: &dyn Harness) {
    let world = World::open(harness).await;
    world.backend.commands.submit(Vec::new()).await.expect("an empty submission");
}

/// Waits until it is applied, and says what it came to.
pub async fn execute_answers_with_the_outcome(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let [alice, eve] = world.users(["alice", "eve"]).await;
    let group = world.group(alice, &[]).await;
    let running = Running::start(&world.backend);
    let sent = world.envelope(group, alice, message("hello"));
    assert_eq!(execute(&world, sent.clone()).await, Outcome::Applied { seq: 2 });
    assert_eq!(world.row(group, 2).await.event.command_id, sent.command_id, "applied when answered");
    assert_eq!(execute(&world, sent).await, Outcome::Applied { seq: 2 }, "the same command again (D2)");
    let reacted = world.envelope(group, alice, react(2, "👍"));
    assert_eq!(execute(&world, reacted).await, Outcome::Applied { seq: 3 });
    let again = world.envelope(group, alice, react(2, "👍"));
    assert_eq!(execute(&world, again).await, Outcome::Unchanged);
    let stranger = world.envelope(group, eve, message("let me in"));
    assert_eq!(execute(&world, stranger).await, Outcome::Refused(Refusal::ConversationNotFound));
    running.stop().await;
}

/// Many who wait at the same time all get their own answer, once each (D2).
pub async fn all_who_execute_are_answered(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let alice = world.user("alice").await;
    let groups = [world.group(alice, &[]).await, world.group(alice, &[]).await];
    let running = Running::start(&world.backend);
    let waiting: Vec<_> = (0..60)
        .map(|number: usize| {
            let envelope = world.envelope(groups[number % 2], alice, message(&format!("message {number}")));
            let commands = world.backend.commands.clone();
            tokio::spawn(async move { (envelope.conversation, commands.execute(envelope).await) })
        })
        .collect();
    let mut seqs: Vec<(ConversationId, u64)> = Vec::new();
    for task in waiting {
        let (group, outcome) = timeout(PATIENCE, task).await.expect("in time").expect("an executor");
        let Outcome::Applied { seq } = outcome.expect("execute") else { panic!("not applied") };
        seqs.push((group, seq));
    }
    for group in groups {
        let mut of_group: Vec<u64> =
            seqs.iter().filter(|(other, _)| *other == group).map(|(_, seq)| *seq).collect();
        of_group.sort_unstable();
        assert_eq!(of_group, (2..32).collect::<Vec<_>>());
    }
    running.stop().await;
}

/// Who stops waiting takes nothing back: the command was accepted (D1).
pub async fn who_stops_waiting_takes_nothing_back(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let alice = world.user("alice").await;
    let group = world.group(alice, &[]).await;
    let envelope = world.envelope(group, alice, message("never mind"));
    let commands = world.backend.commands.clone();
    let impatient = tokio::spawn({
        let envelope = envelope.clone();
        async move { commands.execute(envelope).await }
    });
    let accepted = async {
        while world.backend.messages.depth().await.expect("depth").waiting == 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(PATIENCE, accepted).await.expect("the command is accepted");
    impatient.abort();
    let running = Running::start(&world.backend);
    wait_for_head(&world, group, 2).await;
    assert_eq!(execute(&world, envelope).await, Outcome::Applied { seq: 2 });
    running.stop().await;
}

/// Two who wait for the same command both get its answer.
pub async fn two_who_wait_for_one_command_get_one_answer(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let alice = world.user("alice").await;
    let group = world.group(alice, &[]).await;
    let envelope = world.envelope(group, alice, message("twice asked"));
    let running = Running::start(&world.backend);
    let (one, two) = tokio::join!(execute(&world, envelope.clone()), execute(&world, envelope));
    assert_eq!((one, two), (Outcome::Applied { seq: 2 }, Outcome::Applied { seq: 2 }));
    assert_eq!(world.log(group).await.len(), 2);
    running.stop().await;
}

/// `Overloaded` when the queue is too full, for the moment only (D6).
pub async fn a_full_queue_is_overloaded(harness: &dyn Harness) {
    let Some(backend) = harness.open_bounded(10).await else { return };
    let envelope = |number: u64| Envelope {
        conversation: ConversationId::from_u128(1),
        actor: UserId::from_u128(1),
        command_id: CommandId::from_u128(u128::from(number)),
        accepted_at: 1,
        command: Command::Join,
    };
    let mut refused = None;
    for number in 0..1_000 {
        if let Err(error) = backend.commands.submit(vec![envelope(number)]).await {
            refused = Some(error);
            break;
        }
    }
    let error = refused.expect("a queue of 10 items must refuse before 1,000");
    assert_eq!((error.kind, error.is_transient()), (ErrorKind::Overloaded, true));
    let running = Running::start(&backend);
    let drained = async {
        while backend.commands.submit(vec![envelope(1_000)]).await.is_err() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(PATIENCE, drained).await.expect("room again");
    running.stop().await;
}

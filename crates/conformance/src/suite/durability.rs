//! What survives a crash of every process: all that was answered (D1), and the history's name (D4).
//! Applies where the messages queue survives; a store that forgets beside a queue that does not is no backend.

use chat::{
    Announcement, Change, Command, CommandId, ConversationKind, Outcome, Refusal, RegistrationPolicy,
};

use super::world::{World, edit, message, react};
use crate::harness::Harness;

fn survives(world: &World) -> bool {
    world.backend.messages.capabilities().survives_restart
}

fn failure(user: chat::UserId, conversation: chat::ConversationId, number: u128) -> Announcement {
    Announcement::Failed {
        user,
        conversation,
        command_id: CommandId::from_u128(number),
        refusal: Refusal::DeadLettered,
    }
}

/// Every read answers after a restart as it did before (D1), and the epoch is the same (D4).
pub async fn everything_survives_a_restart(harness: &dyn Harness) {
    let world = World::open(harness).await;
    if !survives(&world) {
        return;
    }
    let [alice, bob, carol] = world.users(["alice", "bob", "carol"]).await;
    let session = world.session(alice);
    let group = world.conversation(ConversationKind::Channel, alice, &[bob]).await;
    let direct = world.conversation(ConversationKind::Direct, bob, &[carol]).await;
    let target = world.mention(group, alice, "one", &[bob]).await;
    let doomed = world.say(group, bob, "two").await;
    world.say(direct, carol, "three").await;
    for (actor, command) in [
        (bob, react(target, "👍")),
        (alice, edit(target, "one, edited")),
        (bob, Command::Delete { target: doomed }),
        (carol, Command::Join),
        (alice, Command::SetRole { user: bob, role: chat::Role::Admin }),
    ] {
        world.applied(group, actor, command).await;
    }
    world.change(Change::CreateSession(session.clone())).await;
    world.change(Change::SetDisplayName { user: bob, display_name: "Robert".to_owned() }).await;
    world.read(group, carol, 3).await;
    world.store().record_failures(vec![failure(alice, group, 1)]).await.expect("record failures");
    let everything = async |world: &World| {
        let mut dump = vec![format!("{:?}", world.store().epoch())];
        dump.push(format!("{:?}", world.store().accounts("", None, 100).await.expect("accounts")));
        dump.push(format!(
            "{:?}",
            world.store().session_by_token(&session.token_hash).await.expect("session")
        ));
        dump.push(format!("{:?}", world.store().channels(None, 100).await.expect("channels")));
        dump.push(format!("{:?}", world.store().versions(group, target).await.expect("versions")));
        dump.push(format!("{:?}", world.store().reactions(group, target, None, 9).await.expect("reactions")));
        for user in [alice, bob, carol] {
            dump.push(format!("{:?}", world.store().memberships(user).await.expect("memberships")));
            dump.push(format!("{:?}", world.store().entries(user, &[group, direct]).await.expect("entries")));
            dump.push(format!("{:?}", world.store().failures(user).await.expect("failures")));
        }
        for conversation in [group, direct] {
            dump.push(format!("{:?}", world.store().members(conversation, None, 9).await.expect("members")));
            dump.push(format!("{:?}", world.log(conversation).await));
        }
        dump
    };
    let before = everything(&world).await;
    let world = world.restart(harness).await;
    assert_eq!(everything(&world).await, before);
}

/// What was accepted and not yet applied is applied after a restart, once and in order (D1, D2, D3).
pub async fn accepted_commands_are_applied_after_a_restart(harness: &dyn Harness) {
    let world = World::open(harness).await;
    if !survives(&world) {
        return;
    }
    let alice = world.user("alice").await;
    let group = world.group(alice, &[]).await;
    let batch: Vec<_> =
        (0..5).map(|number| world.envelope(group, alice, message(&format!("message {number}")))).collect();
    world.backend.commands.submit(batch.clone()).await.expect("submit");
    let world = world.restart(harness).await;
    for (number, envelope) in (2..).zip(&batch) {
        assert_eq!(world.execute(envelope.clone()).await, Outcome::Applied { seq: number });
    }
    let log = world.log(group).await;
    let ids: Vec<CommandId> = log[1..].iter().map(|row| row.event.command_id).collect();
    assert_eq!(ids, batch.iter().map(|envelope| envelope.command_id).collect::<Vec<_>>());
}

/// A command applied before a restart is known after it (D2); so are requests for conversations and pairs.
pub async fn what_was_done_before_a_restart_is_not_done_again(harness: &dyn Harness) {
    let world = World::open(harness).await;
    if !survives(&world) {
        return;
    }
    let [alice, bob] = world.users(["alice", "bob"]).await;
    let creation = world.creation(ConversationKind::Group, alice, &[bob]);
    let (group, _) = world.begin(creation.clone()).await;
    let direct = world.conversation(ConversationKind::Direct, alice, &[bob]).await;
    let envelope = world.envelope(group, alice, message("once"));
    assert_eq!(world.execute(envelope.clone()).await, Outcome::Applied { seq: 2 });
    let world = world.restart(harness).await;
    assert_eq!(world.execute(envelope).await, Outcome::Applied { seq: 2 });
    assert_eq!(world.begin(creation).await, (group, None));
    let again = world.begin(world.creation(ConversationKind::Direct, bob, &[alice])).await;
    assert_eq!(again, (direct, None));
    let account = world.account("ALICE");
    let taken =
        world.change(Change::CreateAccount { account, invite: None, policy: RegistrationPolicy::Open });
    assert_eq!(taken.await, chat::ChangeOutcome::Refused(Refusal::UsernameTaken));
    assert_eq!(world.log(group).await.len(), 2);
}

/// Writing goes on after several restarts where it stopped (D3).
pub async fn a_log_goes_on_after_restarts(harness: &dyn Harness) {
    let mut world = World::open(harness).await;
    if !survives(&world) {
        return;
    }
    let alice = world.user("alice").await;
    let group = world.group(alice, &[]).await;
    for seq in 2..6 {
        assert_eq!(world.say(group, alice, &format!("message {seq}")).await, seq);
        world = world.restart(harness).await;
    }
    let seqs: Vec<u64> = world.log(group).await.iter().map(|row| row.event.seq).collect();
    assert_eq!(seqs, [1, 2, 3, 4, 5]);
}

/// A failure is kept for its sender alone, however often it is recorded (D5, D7).
pub async fn failures_are_kept_for_their_sender(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let [alice, bob] = world.users(["alice", "bob"]).await;
    let group = world.group(alice, &[bob]).await;
    let (one, two) = (failure(alice, group, 1), failure(alice, group, 2));
    world.store().record_failures(vec![one.clone(), two.clone()]).await.expect("record failures");
    world.store().record_failures(vec![two.clone()]).await.expect("record failures");
    let kept = world.store().failures(alice).await.expect("failures");
    assert!(kept.contains(&one) && kept.contains(&two), "{kept:?}");
    assert_eq!(world.store().failures(bob).await.expect("failures"), vec![]);
    world.store().record_failures(Vec::new()).await.expect("nothing to record");
}

/// A refusal at apply time is kept for the sender (D5).
pub async fn a_refused_command_is_kept_as_a_failure(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let [alice, eve] = world.users(["alice", "eve"]).await;
    let group = world.group(alice, &[]).await;
    let envelope = world.envelope(group, eve, message("let me in"));
    let refusal = Refusal::ConversationNotFound;
    assert_eq!(world.execute(envelope.clone()).await, Outcome::Refused(refusal));
    let command_id = envelope.command_id;
    let wanted = Announcement::Failed { user: eve, conversation: group, command_id, refusal };
    assert_eq!(world.store().failures(eve).await.expect("failures"), vec![wanted]);
}

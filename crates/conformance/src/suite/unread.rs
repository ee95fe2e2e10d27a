//! Marks and unread counts (D9): watermarks that move forward only, and arithmetic equal to a recount.
//! Nothing is stored per member per message; these cases see that the numbers are right nevertheless.

use chat::{
    Change, ChangeOutcome, Command, ConversationId, EventKind, Mark, Seq, UserId, change::MarkState,
    unread::unread,
};

use super::world::{World, edit, react};
use crate::{dice::Dice, harness::Harness};

/// What the arithmetic says.
async fn counted(world: &World, user: UserId, conversation: ConversationId) -> u64 {
    let entry = world.entry(user, conversation).await;
    unread(entry.meta.messages, entry.mark, entry.joined_ordinal)
}

/// What a recount of the log says.
async fn recounted(world: &World, user: UserId, conversation: ConversationId) -> u64 {
    let entry = world.entry(user, conversation).await;
    let from = entry.mark.read.max(entry.membership.joined_seq);
    let log = world.log(conversation).await;
    let unread =
        log.iter().filter(|row| row.event.seq > from && matches!(row.event.kind, EventKind::Message { .. }));
    unread.count() as u64
}

/// A mark behind the current one changes nothing; read and delivered move apart.
pub async fn marks_move_forward_only(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let [alice, bob] = world.users(["alice", "bob"]).await;
    let group = world.group(alice, &[bob]).await;
    for number in 0..5 {
        world.say(group, alice, &format!("message {number}")).await;
    }
    let (state, moved) = world.read(group, bob, 4).await;
    assert_eq!((state.read, state.read_ordinal, moved), (4, 3, true));
    for seq in [4, 3, 0] {
        assert_eq!(world.read(group, bob, seq).await, (state, false), "{seq}");
    }
    let deliver = |seq| Mark { conversation: group, user: bob, read: None, delivered: Some(seq) };
    let (state, moved) = world.mark(deliver(6)).await;
    assert_eq!((state.read, state.read_ordinal, state.delivered, moved), (4, 3, 6, true));
    assert_eq!(world.mark(deliver(5)).await, (state, false));
    let both = Mark { conversation: group, user: bob, read: Some(5), delivered: Some(2) };
    let (state, moved) = world.mark(both).await;
    assert_eq!((state.read, state.read_ordinal, state.delivered, moved), (5, 4, 6, true));
}

/// Marks show in the member's entry and in the list of members, and move nobody else's.
pub async fn marks_are_visible_to_who_asks(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let [alice, bob] = world.users(["alice", "bob"]).await;
    let group = world.group(alice, &[bob]).await;
    let seq = world.say(group, alice, "hello").await;
    let (state, _) = world.read(group, bob, seq).await;
    assert_eq!(world.entry(bob, group).await.mark, state);
    assert_eq!(world.entry(alice, group).await.mark, MarkState::default());
    let members = world.store().members(group, None, 10).await.expect("members");
    let marks: Vec<(UserId, MarkState)> = members.iter().map(|member| (member.user, member.mark)).collect();
    assert_eq!(marks, [(alice, MarkState::default()), (bob, state)]);
}

/// Several marks in one change: each as it is now, in the order asked, and whether it moved.
pub async fn marks_are_answered_in_the_order_asked(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let [alice, bob] = world.users(["alice", "bob"]).await;
    let (one, two) = (world.group(alice, &[bob]).await, world.group(alice, &[bob]).await);
    world.say(one, alice, "hello").await;
    world.say(two, alice, "hello").await;
    let mark = |conversation, user, seq| Mark { conversation, user, read: Some(seq), delivered: None };
    let asked = vec![mark(two, bob, 2), mark(one, alice, 1), mark(two, bob, 1), mark(one, bob, 2)];
    let ChangeOutcome::Marks(marks) = world.change(Change::Mark(asked.clone())).await else {
        panic!("no marks")
    };
    assert_eq!(marks.iter().map(|(mark, ..)| *mark).collect::<Vec<_>>(), asked);
    let found: Vec<(Seq, u64, bool)> =
        marks.iter().map(|(_, state, moved)| (state.read, state.read_ordinal, *moved)).collect();
    assert_eq!(found, [(2, 1, true), (1, 0, true), (2, 1, false), (2, 1, true)]);
}

/// Unread counts begin where somebody joined, whatever was said before (D9).
pub async fn unread_counts_begin_at_joining(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let [alice, bob] = world.users(["alice", "bob"]).await;
    let group = world.group(alice, &[]).await;
    for number in 0..4 {
        world.say(group, alice, &format!("before {number}")).await;
    }
    world.applied(group, alice, Command::AddMembers { users: vec![bob] }).await;
    assert_eq!(counted(&world, bob, group).await, 0);
    world.say(group, alice, "after").await;
    assert_eq!((counted(&world, bob, group).await, world.entry(bob, group).await.joined_ordinal), (1, 4));
    world.read(group, bob, 2).await;
    assert_eq!(counted(&world, bob, group).await, 1, "a mark from before joining reaches not beyond it");
    world.applied(group, bob, Command::Leave).await;
    world.say(group, alice, "while away").await;
    world.applied(group, alice, Command::AddMembers { users: vec![bob] }).await;
    assert_eq!(counted(&world, bob, group).await, 0, "joining again begins again");
}

/// Only messages count: no edit, reaction, deletion or join, and a deleted message still counts (D9).
pub async fn only_messages_count_as_unread(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let [alice, bob, carol] = world.users(["alice", "bob", "carol"]).await;
    let group = world.group(alice, &[bob]).await;
    let target = world.say(group, alice, "one").await;
    world.applied(group, alice, edit(target, "two")).await;
    world.applied(group, alice, react(target, "👍")).await;
    world.applied(group, alice, Command::AddMembers { users: vec![carol] }).await;
    world.say(group, alice, "three").await;
    world.applied(group, alice, Command::Delete { target }).await;
    assert_eq!(counted(&world, bob, group).await, 2);
    assert_eq!(recounted(&world, bob, group).await, 2);
    world.read(group, bob, target).await;
    assert_eq!(counted(&world, bob, group).await, 1);
}

/// The arithmetic equals a recount of the log after any history (D9).
pub async fn unread_equals_a_recount(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let users = world.users(["alice", "bob", "carol"]).await;
    let channel = world.conversation(chat::ConversationKind::Channel, users[0], &[]).await;
    let seed = 7;
    let dice = Dice::new(seed);
    for _ in 0..120 {
        let user = users[dice.index(3)];
        let head = world.store().heads(&[channel]).await.expect("heads")[0];
        let target = 1 + dice.below(head);
        let is_member = world.store().member(channel, user).await.expect("member").is_some();
        match dice.below(10) {
            0 => drop(world.act(channel, user, Command::Join).await),
            1 => drop(world.act(channel, user, Command::Leave).await),
            2 => drop(world.act(channel, user, react(target, "x")).await),
            3 => drop(world.act(channel, user, Command::Delete { target }).await),
            4 | 5 if is_member => drop(world.read(channel, user, target).await),
            _ => drop(world.act(channel, user, super::world::message("hello")).await),
        }
        for user in users {
            if world.store().member(channel, user).await.expect("member").is_some() {
                let (counted, recounted) =
                    (counted(&world, user, channel).await, recounted(&world, user, channel).await);
                assert_eq!(counted, recounted, "seed {seed}, head {head}");
            }
        }
    }
}

/// Unread messages that mention the reader; edits, deletions and reading take them away.
pub async fn unread_mentions_are_counted(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let [alice, bob, carol] = world.users(["alice", "bob", "carol"]).await;
    let group = world.group(alice, &[bob]).await;
    let mentions = async |user| world.entry(user, group).await.mentions;
    let first = world.mention(group, alice, "@bob", &[bob, carol]).await;
    let second = world.mention(group, alice, "@bob", &[bob]).await;
    let third = world.mention(group, alice, "@bob @alice", &[bob, alice]).await;
    assert_eq!((mentions(bob).await, mentions(alice).await), (3, 1));
    world.applied(group, alice, edit(second, "nobody")).await;
    assert_eq!(mentions(bob).await, 2);
    world.applied(group, alice, Command::Delete { target: third }).await;
    assert_eq!((mentions(bob).await, mentions(alice).await), (1, 0));
    world.read(group, bob, first).await;
    assert_eq!(mentions(bob).await, 0);
    let again = Command::Edit { target: second, body: "@bob".to_owned(), mentions: vec![bob] };
    world.applied(group, alice, again).await;
    assert_eq!(mentions(bob).await, 1);
    world.applied(group, alice, Command::AddMembers { users: vec![carol] }).await;
    assert_eq!(mentions(carol).await, 0, "who was no member when named was not named");
}

/// Mentions are counted up to 100 (D6).
pub async fn mentions_are_counted_up_to_a_hundred(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let [alice, bob] = world.users(["alice", "bob"]).await;
    let group = world.group(alice, &[bob]).await;
    for _ in 0..103 {
        world.mention(group, alice, "@bob", &[bob]).await;
    }
    assert_eq!(world.entry(bob, group).await.mentions, 100);
}

//! Loading, appending and reading logs, as `Store` promises them: conditional, atomic, contiguous, paged.
//! Appends here go to the store directly, as a second worker's would.

use chat::{
    Command, CommandId, ConversationId, Decision, Envelope, EventKind, Needs, Outcome, Refusal, Seq, UserId,
    View,
    limits::PAGE_BYTES_MAX,
    ports::{Append, AppendOutcome, ChangedSince, EventsPage, EventsQuery},
};

use super::world::{World, edit, message, react};
use crate::harness::Harness;

async fn load(world: &World, envelopes: &[&Envelope]) -> View {
    let mut needs = Needs::default();
    for envelope in envelopes {
        needs.add(envelope);
    }
    let views = world.store().load(vec![(envelopes[0].conversation, needs)]).await.expect("load");
    views.into_iter().next().expect("one view was asked for")
}

/// Loads and decides one command, without writing it.
async fn decided(world: &World, envelope: &Envelope) -> Append {
    let mut view = load(world, &[envelope]).await;
    assert!(matches!(view.execute(envelope), Outcome::Applied { .. }));
    Append { effects: view.into_effects().expect("an event to write") }
}

async fn append(world: &World, appends: Vec<Append>) -> Vec<AppendOutcome> {
    world.store().append(appends).await.expect("append")
}

async fn bodies(world: &World, conversation: ConversationId) -> Vec<String> {
    let log = world.log(conversation).await;
    let seqs: Vec<Seq> = log.iter().map(|row| row.event.seq).collect();
    assert_eq!(seqs, (1..=log.len() as u64).collect::<Vec<_>>(), "contiguous from 1");
    let body = |kind: EventKind| if let EventKind::Message { body, .. } = kind { Some(body) } else { None };
    log.into_iter().filter_map(|row| body(row.event.kind)).collect()
}

async fn page(
    world: &World,
    conversation: ConversationId,
    query: EventsQuery,
    rows_max: usize,
) -> (Vec<Seq>, bool) {
    let page: EventsPage =
        world.store().events(conversation, query, rows_max, PAGE_BYTES_MAX).await.expect("events");
    let heads = world.store().heads(&[conversation]).await.expect("heads");
    assert_eq!(page.head, heads[0], "the head when the page was read");
    (page.rows.into_iter().map(|row| row.event.seq).collect(), page.more)
}

/// Events are contiguous from 1, in the order the commands were sent (D3), and every read agrees on the head.
pub async fn a_log_is_contiguous_and_in_order(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let [alice, bob] = world.users(["alice", "bob"]).await;
    let group = world.group(alice, &[bob]).await;
    let mut wanted = Vec::new();
    for number in 0..25_u64 {
        let (sender, body) = (if number % 3 == 0 { bob } else { alice }, format!("message {number}"));
        assert_eq!(world.say(group, sender, &body).await, number + 2);
        wanted.push(body);
    }
    assert_eq!(bodies(&world, group).await, wanted);
    let meta = world.store().conversation(group).await.expect("conversation").expect("it is there");
    assert_eq!((meta.head, meta.messages, meta.last_message), (26, 25, 26));
    assert_eq!(world.store().heads(&[group]).await.expect("heads"), [26]);
}

/// Only if the conversation's head is still the one the effects were decided on; else nothing is written (D3).
pub async fn an_append_is_conditional_on_the_head(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let alice = world.user("alice").await;
    let group = world.group(alice, &[]).await;
    let (first, second) =
        (world.envelope(group, alice, message("first")), world.envelope(group, alice, message("second")));
    let (one, other) = (decided(&world, &first).await, decided(&world, &second).await);
    assert_eq!(append(&world, vec![one.clone()]).await, [AppendOutcome::Written]);
    assert_eq!(append(&world, vec![other]).await, [AppendOutcome::Conflict]);
    assert_eq!(append(&world, vec![one]).await, [AppendOutcome::Conflict], "the same effects again");
    assert_eq!(bodies(&world, group).await, ["first"]);
    let view = load(&world, &[&first, &second]).await;
    assert_eq!(view.decide(&first), Decision::Duplicate(2));
    assert!(matches!(view.decide(&second), Decision::Append(_)), "the loser was not written");
}

/// Of workers that append to one head at the same time one writes.
pub async fn of_appends_that_race_one_is_written(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let alice = world.user("alice").await;
    let group = world.group(alice, &[]).await;
    let mut appends = Vec::new();
    for number in 0..8 {
        let envelope = world.envelope(group, alice, message(&format!("racer {number}")));
        appends.push(decided(&world, &envelope).await);
    }
    // All are decided before the first is written, however long deciding takes.
    let racing: Vec<_> = appends
        .into_iter()
        .map(|append| {
            let store = world.backend.store.clone();
            tokio::spawn(async move { store.append(vec![append]).await.expect("append") })
        })
        .collect();
    let mut written = 0;
    for racer in racing {
        written += usize::from(racer.await.expect("a racer") == [AppendOutcome::Written]);
    }
    assert_eq!((written, bodies(&world, group).await.len()), (1, 1));
}

/// Outcomes come in the order asked, and a conflict in one conversation stops no other.
pub async fn a_conflict_stops_no_other_conversation(harness: &dyn Harness) {
    let world = World::open(harness).await;
    if world.store().capabilities().append_max < 3 {
        return;
    }
    let alice = world.user("alice").await;
    let groups =
        [world.group(alice, &[]).await, world.group(alice, &[]).await, world.group(alice, &[]).await];
    let mut appends = Vec::new();
    for group in groups {
        let envelope = world.envelope(group, alice, message("batched"));
        appends.push(decided(&world, &envelope).await);
    }
    world.say(groups[1], alice, "quicker").await;
    let outcomes = append(&world, appends).await;
    assert_eq!(outcomes, [AppendOutcome::Written, AppendOutcome::Conflict, AppendOutcome::Written]);
    assert_eq!(bodies(&world, groups[0]).await, ["batched"]);
    assert_eq!(bodies(&world, groups[1]).await, ["quicker"]);
    assert_eq!(bodies(&world, groups[2]).await, ["batched"]);
}

/// Several events of one conversation are written together, with everything they change.
pub async fn effects_are_written_whole(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let [alice, bob] = world.users(["alice", "bob"]).await;
    let group = world.group(alice, &[]).await;
    let commands = [
        Command::AddMembers { users: vec![bob] },
        message("hello"),
        edit(3, "hello, Bob"),
        react(3, "👋"),
        Command::Describe { title: Some("New".to_owned()), description: None },
    ];
    let envelopes = commands.map(|command| world.envelope(group, alice, command));
    let mut view = load(&world, &envelopes.iter().collect::<Vec<_>>()).await;
    for (number, envelope) in envelopes.iter().enumerate() {
        assert_eq!(view.execute(envelope), Outcome::Applied { seq: number as u64 + 2 });
    }
    let effects = view.into_effects().expect("events to write");
    assert_eq!(append(&world, vec![Append { effects }]).await, [AppendOutcome::Written]);
    assert_eq!(bodies(&world, group).await, ["hello, Bob"]);
    assert_eq!(world.store().versions(group, 3).await.expect("versions").len(), 1);
    assert_eq!(world.store().reactions(group, 3, None, 9).await.expect("reactions").len(), 1);
    let entry = world.entry(bob, group).await;
    assert_eq!((entry.meta.title.as_deref(), entry.meta.head), (Some("New"), 6));
}

/// One view per conversation asked, in the same order; one that does not exist decides as not found.
pub async fn views_come_in_the_order_asked(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let alice = world.user("alice").await;
    let (one, two) = (world.group(alice, &[]).await, world.group(alice, &[]).await);
    world.say(two, alice, "a head start").await;
    let nowhere = ConversationId::from_u128(404);
    let asked = [two, nowhere, one];
    let envelopes = asked.map(|conversation| world.envelope(conversation, alice, message("hello")));
    let needs = envelopes.iter().map(|envelope| {
        let mut needs = Needs::default();
        needs.add(envelope);
        (envelope.conversation, needs)
    });
    let views = world.store().load(needs.collect()).await.expect("load");
    let seqs: Vec<Option<Seq>> = views
        .iter()
        .zip(&envelopes)
        .map(|(view, envelope)| match view.decide(envelope) {
            Decision::Append(event) => Some(event.seq),
            Decision::Refused(Refusal::ConversationNotFound) => None,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(seqs, [Some(3), None, Some(2)]);
    assert_eq!(world.store().load(Vec::new()).await.expect("load").len(), 0);
}

/// A command that was applied is known for ever, with its event, complete, to be told of again (D2, D4).
pub async fn a_duplicate_is_loaded_with_its_event(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let [alice, bob] = world.users(["alice", "bob"]).await;
    let group = world.group(alice, &[bob]).await;
    let sent = world.envelope(group, alice, message("first"));
    let edited = world.envelope(
        group,
        alice,
        Command::Edit { target: 2, body: "better".to_owned(), mentions: vec![bob] },
    );
    assert_eq!(world.execute(sent.clone()).await, Outcome::Applied { seq: 2 });
    assert_eq!(world.execute(edited.clone()).await, Outcome::Applied { seq: 3 });
    world.say(group, bob, "meanwhile").await;
    let view = load(&world, &[&sent, &edited]).await;
    assert_eq!(view.decide(&sent), Decision::Duplicate(2));
    assert_eq!(view.decide(&edited), Decision::Duplicate(3));
    let (event, ordinal) = view.event_again(2).expect("the message is loaded");
    assert_eq!((event.seq, event.command_id, ordinal), (2, sent.command_id, 1));
    let (event, ordinal) = view.event_again(3).expect("the edit and its message are loaded");
    let wanted = EventKind::Edited { target: 2, body: "better".to_owned(), mentions: vec![bob] };
    assert_eq!((event.kind, ordinal), (wanted, 1));
}

/// (sender, id) names one message in a conversation; another sender's or another conversation's is its own (D2).
pub async fn a_command_is_applied_once(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let [alice, bob] = world.users(["alice", "bob"]).await;
    let (group, other) = (world.group(alice, &[bob]).await, world.group(alice, &[]).await);
    let envelope = world.envelope(group, alice, message("once"));
    assert_eq!(world.execute(envelope.clone()).await, Outcome::Applied { seq: 2 });
    world.say(group, bob, "between").await;
    let resent = Envelope { accepted_at: envelope.accepted_at + 5_000, ..envelope.clone() };
    assert_eq!(world.execute(resent).await, Outcome::Applied { seq: 2 });
    let bobs = Envelope { actor: bob, ..envelope.clone() };
    assert_eq!(world.execute(bobs).await, Outcome::Applied { seq: 4 });
    let elsewhere = Envelope { conversation: other, ..envelope };
    assert_eq!(world.execute(elsewhere).await, Outcome::Applied { seq: 2 });
    assert_eq!(bodies(&world, group).await, ["once", "between", "once"]);
    assert_eq!(bodies(&world, other).await, ["once"]);
}

/// The same command twice in one batch is one event (D2).
pub async fn a_command_twice_in_one_batch_is_applied_once(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let alice = world.user("alice").await;
    let group = world.group(alice, &[]).await;
    let envelope = world.envelope(group, alice, message("once"));
    let last = world.envelope(group, alice, message("after"));
    let batch = vec![envelope.clone(), envelope, last.clone()];
    world.backend.commands.submit(batch).await.expect("submit");
    let outcome = world.settle_until((group, alice, last.command_id)).await;
    assert_eq!(outcome, Outcome::Applied { seq: 3 });
    assert_eq!(bodies(&world, group).await, ["once", "after"]);
}

/// Upwards after a seq: at most the rows asked, `more` while there are more.
pub async fn events_are_paged_upwards(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let alice = world.user("alice").await;
    let group = world.group(alice, &[]).await;
    for number in 0..9 {
        world.say(group, alice, &format!("message {number}")).await;
    }
    for (after, rows_max, wanted, more) in [
        (0, 4, vec![1, 2, 3, 4], true),
        (4, 4, vec![5, 6, 7, 8], true),
        (8, 4, vec![9, 10], false),
        (6, 4, vec![7, 8, 9, 10], false),
        (0, 500, (1..=10).collect(), false),
        (10, 4, vec![], false),
        (11, 4, vec![], false),
        (u64::MAX, 4, vec![], false),
    ] {
        assert_eq!(page(&world, group, EventsQuery::After(after), rows_max).await, (wanted, more), "{after}");
    }
}

/// Downwards before a seq: the last rows below it, in ascending order.
pub async fn events_are_paged_downwards(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let alice = world.user("alice").await;
    let group = world.group(alice, &[]).await;
    for number in 0..9 {
        world.say(group, alice, &format!("message {number}")).await;
    }
    for (before, rows_max, wanted, more) in [
        (u64::MAX, 4, vec![7, 8, 9, 10], true),
        (11, 4, vec![7, 8, 9, 10], true),
        (7, 4, vec![3, 4, 5, 6], true),
        (5, 4, vec![1, 2, 3, 4], false),
        (3, 4, vec![1, 2], false),
        (1, 4, vec![], false),
        (0, 4, vec![], false),
    ] {
        let query = EventsQuery::Before(before);
        assert_eq!(page(&world, group, query, rows_max).await, (wanted, more), "{before}");
    }
}

/// About `bytes_max` bytes of bodies, and at least one row if there is one (D6).
pub async fn a_page_is_bounded_in_bytes(harness: &dyn Harness) {
    const BODY_BYTES: usize = 1_000;
    let world = World::open(harness).await;
    let alice = world.user("alice").await;
    let group = world.group(alice, &[]).await;
    for _ in 0..10 {
        world.say(group, alice, &"x".repeat(BODY_BYTES)).await;
    }
    for query in [EventsQuery::After(1), EventsQuery::Before(12)] {
        let page = world.store().events(group, query, 500, 3 * BODY_BYTES).await.expect("events");
        assert!((2..=4).contains(&page.rows.len()), "{} rows of about three bodies", page.rows.len());
        assert!(page.more);
        let small = world.store().events(group, query, 500, 1).await.expect("events");
        assert_eq!((small.rows.len(), small.more), (1, true), "at least one row");
    }
    let first = world.store().events(group, EventsQuery::After(1), 500, 1).await.expect("events");
    let last = world.store().events(group, EventsQuery::Before(12), 500, 1).await.expect("events");
    assert_eq!((first.rows[0].event.seq, last.rows[0].event.seq), (2, 11));
}

/// Heads in the order asked, 0 for what does not exist.
pub async fn heads_come_in_the_order_asked(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let alice = world.user("alice").await;
    let (one, two) = (world.group(alice, &[]).await, world.group(alice, &[]).await);
    world.say(two, alice, "hello").await;
    let heads = world.store().heads(&[two, ConversationId::from_u128(404), one, two]).await.expect("heads");
    assert_eq!(heads, [2, 0, 1, 2]);
    assert_eq!(world.store().heads(&[]).await.expect("heads"), [0; 0]);
}

/// Only conversations with new events since the token, with their heads; a token nobody gave is unknown (D4).
pub async fn what_has_changed_since_a_token_is_told(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let alice = world.user("alice").await;
    let (one, two) = (world.group(alice, &[]).await, world.group(alice, &[]).await);
    world.say(one, alice, "before").await;
    let token = world.store().position_token().await.expect("token");
    let since = async |token: &str| world.store().changed_since(token).await.expect("changed since");
    let known = |changed: ChangedSince| match changed {
        ChangedSince::These(mut these) => {
            these.sort_unstable();
            Some(these)
        }
        ChangedSince::Unknown => {
            assert!(!world.store().capabilities().replayable, "a journal knows its recent past");
            None
        }
    };
    if let Some(these) = known(since(&token).await) {
        assert_eq!(these, []);
    }
    world.say(two, alice, "after").await;
    world.say(two, alice, "after that").await;
    let new = world.group(alice, &[]).await;
    if let Some(these) = known(since(&token).await) {
        let mut wanted = [(two, 3), (new, 1)];
        wanted.sort_unstable();
        assert_eq!(these, wanted);
    }
    let now = world.store().position_token().await.expect("token");
    if let Some(these) = known(since(&now).await) {
        assert_eq!(these, []);
    }
    for strange in ["", "nonsense", "999999999999999"] {
        assert_eq!(since(strange).await, ChangedSince::Unknown, "{strange:?}");
    }
}

/// Who asks for what they may not learns nothing: a stranger's command is refused as if nothing were there (D7).
pub async fn strangers_are_refused_alike(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let [alice, eve] = world.users(["alice", "eve"]).await;
    let group = world.group(alice, &[]).await;
    let said = world.say(group, alice, "secret").await;
    for command in [
        message("let me in"),
        react(said, "👀"),
        Command::Delete { target: said },
        Command::Join,
        Command::Leave,
        Command::AddMembers { users: vec![eve] },
    ] {
        let name = command.name();
        let refused = Outcome::Refused(Refusal::ConversationNotFound);
        assert_eq!(world.act(group, eve, command.clone()).await, refused, "{name}");
        let nowhere = ConversationId::from_u128(404);
        assert_eq!(world.act(nowhere, eve, command).await, refused, "{name}, where nothing is");
    }
    assert_eq!(world.log(group).await.len(), 2);
}

/// A command of a time long past or of the far future is written with that time (D8).
pub async fn an_event_has_the_time_its_command_was_accepted(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let alice = world.user("alice").await;
    let group = world.group(alice, &[]).await;
    for (number, accepted_at) in [5, 4_000_000_000_000, 1].into_iter().enumerate() {
        let command_id = CommandId::from_u128(number as u128 + 1);
        let command = message("when?");
        let envelope = Envelope { conversation: group, actor: alice, command_id, accepted_at, command };
        let Outcome::Applied { seq } = world.execute(envelope).await else { panic!("not applied") };
        let row = world.row(group, seq).await;
        assert_eq!((row.event.at, row.event.actor, row.event.command_id), (accepted_at, alice, command_id));
    }
    let nobody = UserId::from_u128(404);
    assert_eq!(world.store().memberships(nobody).await.expect("memberships"), vec![]);
}

//! Properties of any history: order (D3), once (D2), counting (D9), state + events = state (D10), erasure.
//! Each runs commands of every kind, in batches, through a store that loads only what was asked for.

use std::collections::{BTreeMap, BTreeSet};

use chat::{
    Command, CommandId, ConversationKind, Envelope, Event, EventKind, Needs, Outcome, Role, Row, Seq, UserId,
    timeline::{Step, Timeline},
    unread::unread,
};
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};

use crate::{
    commands::{CONVERSATION, creation, envelopes, kind},
    naive_store::NaiveStore,
};

/// A history: what was stored, what was announced, what everybody was answered.
struct History {
    store: NaiveStore,
    events: Vec<Event>,
    outcomes: Vec<Outcome>,
    /// The store after each batch.
    snapshots: Vec<NaiveStore>,
}

fn play(kind: ConversationKind, envelopes: &[Envelope], batch_max: usize) -> History {
    let mut history =
        History { store: NaiveStore::default(), events: vec![], outcomes: vec![], snapshots: vec![] };
    let created = creation(kind);
    history.events.extend(created.events.iter().cloned());
    history.store.write(created);
    for batch in envelopes.chunks(batch_max) {
        let mut needs = Needs::default();
        batch.iter().for_each(|envelope| needs.add(envelope));
        let mut view = history.store.load(&needs);
        history.outcomes.extend(batch.iter().map(|envelope| view.execute(envelope)));
        if let Some(effects) = view.into_effects() {
            history.events.extend(effects.events.iter().cloned());
            history.store.write(effects);
        }
        history.snapshots.push(history.store.clone());
    }
    history
}

fn timeline_of<'a>(events: impl IntoIterator<Item = &'a Event>) -> Timeline {
    let mut timeline = Timeline::default();
    for event in events {
        assert_eq!(timeline.apply(event), Step::Applied);
    }
    timeline
}

/// What a reader of the stored rows gets: an edit with the text of its message as it is now.
fn read(store: &NaiveStore, row: &Row) -> Event {
    let mut event = row.event.clone();
    if let EventKind::Edited { target, body, mentions } = &mut event.kind
        && let EventKind::Message { body: now, mentions: named, .. } = &store.rows[target].event.kind
    {
        body.clone_from(now);
        mentions.clone_from(named);
    }
    event
}

fn assert_same(timeline: &Timeline, store: &NaiveStore) {
    let meta = store.meta.as_ref().expect("the conversation was begun");
    assert_eq!((timeline.head, timeline.messages), (meta.head, meta.messages));
    assert_eq!((&timeline.title, &timeline.description), (&meta.title, &meta.description));
    assert_eq!(timeline.rows, store.rows);
    let roles: BTreeMap<UserId, Role> =
        store.members.iter().map(|(user, member)| (*user, member.role)).collect();
    assert_eq!(timeline.members, roles);
    let owners = roles.values().filter(|role| **role == Role::Owner).count() as u64;
    assert_eq!((meta.members, meta.owners), (roles.len() as u64, owners));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// D3: however commands are batched, they come to the same; so what is loaded for them is all they need.
    #[test]
    fn d3_batches_of_any_size_come_to_the_same(kind in kind(), envelopes in envelopes(50), batch_max in 2_usize..20) {
        let one_by_one = play(kind, &envelopes, 1);
        let batched = play(kind, &envelopes, batch_max);
        prop_assert_eq!(&one_by_one.outcomes, &batched.outcomes);
        prop_assert_eq!(&one_by_one.events, &batched.events);
        prop_assert_eq!(one_by_one.store, batched.store);
    }

    /// D3: events are contiguous from 1. D2: no command has two, and a repeated one is answered with its first.
    #[test]
    fn d2_d3_every_event_has_its_place_and_its_command(kind in kind(), envelopes in envelopes(60)) {
        let history = play(kind, &envelopes, 7);
        let seqs: Vec<Seq> = history.events.iter().map(|event| event.seq).collect();
        prop_assert_eq!(seqs, (1..=history.events.len() as u64).collect::<Vec<_>>());
        let names: BTreeSet<_> = history.events.iter().map(|event| (event.actor, event.command_id)).collect();
        prop_assert_eq!(names.len(), history.events.len());
        for (envelope, outcome) in envelopes.iter().zip(&history.outcomes) {
            if let Outcome::Applied { seq } = outcome {
                prop_assert_eq!(history.store.commands[&(envelope.actor, envelope.command_id)], *seq);
            }
        }
    }

    /// D2: a whole history sent again changes nothing where it had come to events, and gives the same places.
    #[test]
    fn d2_what_was_applied_is_never_applied_again(kind in kind(), envelopes in envelopes(40)) {
        let mut store = play(kind, &envelopes, 5).store;
        for envelope in &envelopes {
            let Some(seq) = store.commands.get(&(envelope.actor, envelope.command_id)).copied() else { continue };
            let mut needs = Needs::default();
            needs.add(envelope);
            let mut view = store.load(&needs);
            prop_assert_eq!(view.execute(envelope), Outcome::Applied { seq });
            let (event, ordinal) = view.event_again(seq).unwrap();
            prop_assert_eq!(&event, &read(&store, &store.rows[&seq]));
            prop_assert_eq!(ordinal, store.rows[&seq].ordinal);
            prop_assert_eq!(view.into_effects(), None);
        }
        store.commands.clear();
    }

    /// D10: the events as announced make the state that is stored.
    #[test]
    fn d10_announced_events_make_the_stored_state(kind in kind(), envelopes in envelopes(60)) {
        let history = play(kind, &envelopes, 6);
        assert_same(&timeline_of(&history.events), &history.store);
    }

    /// D10: the events as read from the log later make it as well.
    #[test]
    fn d10_events_read_later_make_the_stored_state(kind in kind(), envelopes in envelopes(60)) {
        let store = play(kind, &envelopes, 6).store;
        let events: Vec<Event> = store.rows.values().map(|row| read(&store, row)).collect();
        assert_same(&timeline_of(&events), &store);
    }

    /// D10: a log read up to some point at some time, and the events announced after it, make the later state.
    #[test]
    fn d10_a_snapshot_and_the_events_after_it_make_the_later_state(
        kind in kind(), envelopes in envelopes(60), at in any::<prop::sample::Index>(), cut in any::<prop::sample::Index>()
    ) {
        let history = play(kind, &envelopes, 4);
        let snapshot = at.get(&history.snapshots);
        let held = cut.index(snapshot.rows.len() + 1) as u64;
        let mut timeline = Timeline::default();
        for row in snapshot.rows.values().take_while(|row| row.event.seq <= held) {
            timeline.apply(&read(snapshot, row));
        }
        for event in history.events.iter().filter(|event| event.seq > held) {
            prop_assert_eq!(timeline.apply(event), Step::Applied);
        }
        assert_same(&timeline, &history.store);
    }

    /// D10: an event applied twice, or late, changes nothing; one that is too early is a gap and changes nothing.
    #[test]
    fn d10_events_applied_twice_or_too_early_change_nothing(kind in kind(), envelopes in envelopes(40)) {
        let history = play(kind, &envelopes, 5);
        let mut timeline = Timeline::default();
        for (place, event) in history.events.iter().enumerate() {
            for early in history.events.iter().skip(place + 1).take(3) {
                prop_assert_eq!(timeline.apply(early), Step::Gap);
            }
            prop_assert_eq!(timeline.apply(event), Step::Applied);
            let before = timeline.clone();
            for late in &history.events[..=place] {
                prop_assert_eq!(timeline.apply(late), Step::Known);
            }
            prop_assert_eq!(&timeline, &before);
        }
    }

    /// D10: a row as it is now takes no change that is in it already.
    #[test]
    fn d10_a_newer_row_takes_no_older_event(kind in kind(), envelopes in envelopes(60)) {
        let history = play(kind, &envelopes, 6);
        for row in history.store.rows.values() {
            let mut newer = row.clone();
            for event in &history.events {
                prop_assert!(!newer.apply(event));
            }
            prop_assert_eq!(&newer, row);
        }
    }

    /// D9: ordinals count the messages up to a row, and unread by arithmetic equals a recount from any mark.
    #[test]
    fn d9_unread_is_a_recount(kind in kind(), envelopes in envelopes(60), read in 0_u64..40) {
        let store = play(kind, &envelopes, 6).store;
        let meta = store.meta.clone().unwrap();
        let count = |from: Seq, to: Seq| {
            store.rows.range(..=to).filter(|(seq, row)| **seq > from && row.message.is_some()).count() as u64
        };
        for (seq, row) in &store.rows {
            prop_assert_eq!(row.ordinal, count(0, *seq));
        }
        let read = read.min(meta.head);
        for member in store.members.values() {
            let joined_ordinal = store.rows[&member.joined_seq].ordinal;
            let read_ordinal = store.rows.get(&read).map_or(0, |row| row.ordinal);
            let mark = chat::change::MarkState { read, read_ordinal, delivered: 0 };
            let recount = count(read.max(member.joined_seq), meta.head);
            prop_assert_eq!(unread(meta.messages, mark, joined_ordinal), recount);
        }
    }

    /// Every index says what the rows say, and of a deleted message nothing is left in any of them (D7).
    #[test]
    fn indexes_follow_the_rows_and_deletion_erases(kind in kind(), envelopes in envelopes(60), batch_max in 1_usize..9) {
        let store = play(kind, &envelopes, batch_max).store;
        prop_assert_eq!(&store.mentions_in_rows(), &store.mentions);
        for (seq, row) in &store.rows {
            let Some(state) = &row.message else { continue };
            let standing = store.reactions.iter().filter(|(target, ..)| target == seq).count() as u64;
            prop_assert_eq!(state.reactions.iter().map(|(_, count)| count).sum::<u64>(), standing);
            let versions = store.versions.range((*seq, 0)..=(*seq, u32::MAX)).count();
            if state.deleted_at.is_some() {
                let EventKind::Message { body, mentions, attachments, .. } = &row.event.kind else { unreachable!() };
                prop_assert!(body.is_empty() && mentions.is_empty() && attachments.is_empty());
                prop_assert_eq!((versions, standing), (0, 0));
            } else {
                prop_assert_eq!(versions, state.edits as usize);
            }
        }
    }

    /// There is always an owner where there are members, except in direct conversations.
    #[test]
    fn a_conversation_with_members_has_an_owner(kind in kind(), envelopes in envelopes(80)) {
        for snapshot in play(kind, &envelopes, 3).snapshots {
            let meta = snapshot.meta.unwrap();
            if kind == ConversationKind::Direct {
                prop_assert_eq!((meta.members, meta.owners), (2, 0));
            } else {
                prop_assert!(meta.members == 0 || meta.owners > 0, "{:?}", meta);
            }
        }
    }
}

/// A channel that everybody has left is not lost: who joins it owns it, and can moderate it.
#[test]
fn who_joins_an_empty_channel_owns_it() {
    let by = |number: u128, user, command| Envelope {
        conversation: CONVERSATION,
        actor: UserId::from_u128(user),
        command_id: CommandId::from_u128(number),
        accepted_at: 1,
        command,
    };
    let envelopes = [
        by(1, 2, Command::Leave),
        by(2, 1, Command::Leave),
        by(3, 3, Command::Join),
        by(4, 4, Command::Join),
    ];
    let store = play(ConversationKind::Channel, &envelopes, 10).store;
    let roles: Vec<(u128, Role)> =
        store.members.iter().map(|(user, member)| (user.as_u128(), member.role)).collect();
    assert_eq!(roles, [(3, Role::Owner), (4, Role::Member)]);
}

/// The generator reaches every kind of event and every kind of outcome; else the properties above prove little.
#[test]
fn the_generator_reaches_every_kind_of_event() {
    let mut runner = TestRunner::deterministic();
    let mut seen = BTreeSet::new();
    let strategy = (kind(), envelopes(60));
    for _ in 0..200 {
        let (kind, envelopes) = strategy.new_tree(&mut runner).unwrap().current();
        let history = play(kind, &envelopes, 4);
        assert!(history.events.iter().all(|event| event.conversation == CONVERSATION));
        seen.extend(history.events.iter().map(|event| event.kind.name()));
        seen.extend(history.outcomes.iter().map(|outcome| match outcome {
            Outcome::Applied { .. } => "applied",
            Outcome::Unchanged => "unchanged",
            Outcome::Refused(refusal) => refusal.code(),
        }));
    }
    for wanted in [
        "created",
        "message",
        "edited",
        "deleted",
        "reacted",
        "unreacted",
        "described",
        "membersAdded",
        "memberRemoved",
        "roleChanged",
        "applied",
        "unchanged",
        "conversation_not_found",
        "message_not_found",
        "forbidden",
        "not_your_message",
        "message_deleted",
        "direct_is_fixed",
        "last_owner",
        "not_a_member",
    ] {
        assert!(seen.contains(wanted), "never {wanted}: {seen:?}");
    }
}

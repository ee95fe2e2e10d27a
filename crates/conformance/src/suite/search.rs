//! Searching: only what the reader may see, only as it is now, newest first, the same as a plain look at every message.
//! Invariant: each case refreshes before it looks, so that nothing depends on how late an index is.

use std::{collections::BTreeSet, sync::Arc};

use chat::{
    Command, ConversationId, ConversationKind, Seq, UserId,
    ports::{Search, SearchPage},
    search::{Phrase, Place, SearchQuery, parse},
};

use super::world::{World, edit, react};
use crate::{dice::Dice, harness::Harness, model::ModelSearch};

/// Seeds of the comparison with the model.
const SEEDS: u64 = 3;
/// Steps of one seed between two comparisons, and comparisons.
const STEPS: usize = 40;
const ROUNDS: usize = 3;

async fn found(world: &World, query: SearchQuery) -> SearchPage {
    world.backend.search.refresh().await.expect("refresh");
    world.backend.search.search(query).await.expect("search")
}

/// The query that people would type, by this reader.
fn typed(reader: UserId, text: &str) -> SearchQuery {
    let asked = parse(text).expect("a query");
    SearchQuery {
        phrases: asked.phrases,
        before: asked.before,
        since: asked.since,
        has_file: asked.has_file,
        ..SearchQuery::of(reader, 100)
    }
}

/// Places of what a reader finds, newest first.
async fn places(world: &World, reader: UserId, text: &str) -> Vec<(ConversationId, Seq)> {
    let page = found(world, typed(reader, text)).await;
    page.rows.iter().map(|row| (row.event.conversation, row.event.seq)).collect()
}

/// Words, phrases, beginnings, in any case, with and without accents.
pub async fn words_are_found_wherever_they_stand(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let ann = world.user("ann").await;
    let room = world.group(ann, &[]).await;
    let one = world.say(room, ann, "The quick brown fox at the CAFÉ").await;
    let two = world.say(room, ann, "brown, quick: a cafe\u{301} hare").await;
    for (text, expected) in [
        ("quick", vec![two, one]),
        ("QUICK cafe", vec![two, one]),
        ("\"quick brown\"", vec![one]),
        ("\"brown quick\"", vec![two]),
        ("fox quick", vec![one]),
        ("qui", vec![]),
        ("qui*", vec![two, one]),
        ("ha*", vec![two]),
        ("fox hare", vec![]),
        ("nothing", vec![]),
    ] {
        let seqs: Vec<Seq> = places(&world, ann, text).await.into_iter().map(|(_, seq)| seq).collect();
        assert_eq!(seqs, expected, "{text}");
    }
}

/// Chinese, Japanese, Korean: any part of what is written together.
pub async fn scripts_without_spaces_are_found_by_any_part(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let ann = world.user("ann").await;
    let room = world.group(ann, &[]).await;
    let one = world.say(room, ann, "私は東京都に住んでいます").await;
    let two = world.say(room, ann, "我们明天去北京吧").await;
    let three = world.say(room, ann, "내일 한국어를 공부해요").await;
    for (text, expected) in [
        ("東京", vec![one]),
        ("東京都", vec![one]),
        ("京", vec![two, one]),
        ("吧", vec![two]),
        ("北京", vec![two]),
        ("한국어", vec![three]),
        ("국어", vec![three]),
        ("京東", vec![]),
    ] {
        let seqs: Vec<Seq> = places(&world, ann, text).await.into_iter().map(|(_, seq)| seq).collect();
        assert_eq!(seqs, expected, "{text}");
    }
}

/// D7: nobody finds anything where they are not a member, before joining and after leaving included.
pub async fn only_members_find_what_was_said(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let [ann, bob, eve] = world.users(["ann", "bob", "eve"]).await;
    let room = world.group(ann, &[bob]).await;
    let channel = world.conversation(ConversationKind::Channel, ann, &[]).await;
    let secret = world.say(room, ann, "the secret plan").await;
    let public = world.say(channel, ann, "a plan for all").await;
    assert_eq!(places(&world, bob, "plan").await, [(room, secret)]);
    assert_eq!(places(&world, eve, "plan").await, []);
    let within = SearchQuery { within: Some(vec![room]), ..typed(eve, "plan") };
    assert!(found(&world, within).await.rows.is_empty(), "naming a conversation opens none");
    world.applied(channel, eve, Command::Join).await;
    assert_eq!(places(&world, eve, "plan").await, [(channel, public)], "members read the whole history");
    world.applied(room, bob, Command::Leave).await;
    assert_eq!(places(&world, bob, "plan").await, []);
}

/// An edited message is found by its new words and not by its old ones.
pub async fn edits_change_what_is_found(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let ann = world.user("ann").await;
    let room = world.group(ann, &[]).await;
    let seq = world.say(room, ann, "old words").await;
    assert_eq!(places(&world, ann, "old").await, [(room, seq)]);
    world.applied(room, ann, edit(seq, "new words")).await;
    assert_eq!(places(&world, ann, "old").await, []);
    assert_eq!(places(&world, ann, "new").await, [(room, seq)]);
    assert_eq!(places(&world, ann, "words").await, [(room, seq)], "once");
}

/// A deleted message is not found, even by an index that has not heard of it.
pub async fn deleted_messages_are_not_found(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let ann = world.user("ann").await;
    let room = world.group(ann, &[]).await;
    let seq = world.say(room, ann, "regrettable").await;
    let kept = world.say(room, ann, "regrettable too").await;
    assert_eq!(places(&world, ann, "regrettable").await.len(), 2);
    world.applied(room, ann, Command::Delete { target: seq }).await;
    let page = world.backend.search.search(typed(ann, "regrettable")).await.expect("search");
    let seqs: Vec<Seq> = page.rows.iter().map(|row| row.event.seq).collect();
    assert_eq!(seqs, [kept]);
    assert_eq!(places(&world, ann, "regrettable").await, [(room, kept)]);
}

/// Filters narrow by sender, conversation, time and files; words are not needed.
pub async fn filters_narrow_without_words_too(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let [ann, bob] = world.users(["ann", "bob"]).await;
    let one = world.group(ann, &[bob]).await;
    let two = world.group(ann, &[bob]).await;
    let first = world.say(one, ann, "lunch").await;
    let second = world.say(one, bob, "lunch").await;
    let third = world.say(two, bob, "lunch").await;
    let seqs = |page: SearchPage| -> BTreeSet<(ConversationId, Seq)> {
        page.rows.iter().map(|row| (row.event.conversation, row.event.seq)).collect()
    };
    let by_bob = SearchQuery { from: vec![bob], ..SearchQuery::of(ann, 10) };
    assert_eq!(seqs(found(&world, by_bob).await), [(one, second), (two, third)].into());
    let in_one = SearchQuery { within: Some(vec![one]), ..typed(ann, "lunch") };
    assert_eq!(seqs(found(&world, in_one).await), [(one, first), (one, second)].into());
    let at = world.row(one, second).await.event.at;
    let earlier = SearchQuery { before: Some(at), ..typed(ann, "lunch") };
    let earlier = found(&world, earlier).await;
    assert!(earlier.rows.iter().all(|row| row.event.at < at));
    let since = SearchQuery { since: Some(at), ..typed(ann, "lunch") };
    assert_eq!(earlier.rows.len() + found(&world, since).await.rows.len(), 3);
    assert!(found(&world, typed(ann, "has:file lunch")).await.rows.is_empty());
}

/// Pages follow each other without gaps and repetitions, newest first.
pub async fn results_are_paged_newest_first(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let [ann, bob] = world.users(["ann", "bob"]).await;
    let rooms = [world.group(ann, &[bob]).await, world.group(bob, &[ann]).await];
    for number in 0..25 {
        world.say(rooms[number % 2], ann, &format!("needle {number}")).await;
        world.say(rooms[number % 2], bob, "hay").await;
    }
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let query = SearchQuery { rows_max: 7, after, ..typed(bob, "needle") };
        let page = found(&world, query).await;
        assert!(page.rows.len() <= 7);
        all.extend(page.rows.iter().map(Place::of));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(all.len(), 25);
    assert!(all.windows(2).all(|pair| pair[0] > pair[1]), "newest first, each once");
}

/// What was found before a crash is found after it, and what came last before it too.
pub async fn a_restart_changes_nothing_that_is_found(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let ann = world.user("ann").await;
    let room = world.group(ann, &[]).await;
    let one = world.say(room, ann, "alpha beta").await;
    assert_eq!(places(&world, ann, "alpha").await, [(room, one)]);
    let two = world.say(room, ann, "alpha gamma").await;
    world.applied(room, ann, edit(one, "alpha delta")).await;
    let world = world.restart(harness).await;
    assert_eq!(places(&world, ann, "alpha").await, [(room, two), (room, one)]);
    assert_eq!(places(&world, ann, "beta").await, []);
    let three = world.say(room, ann, "alpha again").await;
    assert_eq!(places(&world, ann, "alpha").await, [(room, three), (room, two), (room, one)]);
}

/// Whatever happened, an index finds what a plain look at every message finds.
pub async fn an_index_agrees_with_a_plain_look(harness: &dyn Harness) {
    for seed in 0..SEEDS {
        let mut world = World::open(harness).await;
        let dice = Dice::new(seed);
        let people = world.users(["ann", "bob", "eve"]).await;
        let mut rooms = Vec::new();
        for creator in people {
            rooms.push(world.group(creator, &people[..2]).await);
            rooms.push(world.conversation(ConversationKind::Channel, creator, &[]).await);
        }
        for round in 0..ROUNDS {
            for _ in 0..STEPS {
                step(&world, &dice, &people, &rooms).await;
            }
            compare(&world, &dice, &people, &rooms, seed).await;
            if round == 1 {
                world = world.restart(harness).await;
                compare(&world, &dice, &people, &rooms, seed).await;
            }
        }
    }
}

const WORDS: [&str; 10] =
    ["alpha", "Beta", "gámma", "delta-one", "東京都", "京都", "한국어", "x", "alphabet", "🎉"];

fn text(dice: &Dice, words: u64) -> String {
    let count = 1 + dice.below(words);
    let words: Vec<&str> = (0..count).filter_map(|_| dice.pick(&WORDS).copied()).collect();
    words.join(" ")
}

async fn step(world: &World, dice: &Dice, people: &[UserId], rooms: &[ConversationId]) {
    let (Some(actor), Some(room)) = (dice.pick(people), dice.pick(rooms)) else { return };
    let target = 2 + dice.below(12);
    let command = match dice.below(12) {
        0..=5 => super::world::message(&text(dice, 5)),
        6 | 7 => edit(target, &text(dice, 5)),
        8 => Command::Delete { target },
        9 => react(target, "🎉"),
        10 => Command::Join,
        _ => Command::Leave,
    };
    // Some are refused: that is part of it.
    world.act(*room, *actor, command).await;
}

async fn compare(world: &World, dice: &Dice, people: &[UserId], rooms: &[ConversationId], seed: u64) {
    let model = ModelSearch::new(Arc::clone(&world.backend.store));
    world.backend.search.refresh().await.expect("refresh");
    for _ in 0..60 {
        let Some(reader) = dice.pick(people) else { return };
        let query = SearchQuery {
            phrases: phrases(dice),
            from: if dice.chance(200) { dice.pick(people).copied().into_iter().collect() } else { vec![] },
            within: dice.chance(200).then(|| dice.pick(rooms).copied().into_iter().collect()),
            rows_max: 1 + dice.index(8),
            ..SearchQuery::of(*reader, 1)
        };
        let mut after = None;
        loop {
            let query = SearchQuery { after, ..query.clone() };
            let expected = model.search(query.clone()).await.expect("search");
            let page = world.backend.search.search(query.clone()).await.expect("search");
            assert_eq!(page.rows, expected.rows, "seed {seed}: {query:?}");
            assert_eq!(page.next, expected.next, "seed {seed}: {query:?}");
            after = page.next;
            if after.is_none() {
                break;
            }
        }
    }
}

fn phrases(dice: &Dice) -> Vec<Phrase> {
    let count = dice.below(3);
    let phrase = |_| {
        let text = text(dice, 2);
        let is_prefix = dice.chance(300);
        // A beginning of a word, cut where a character ends.
        let chars = if is_prefix { 1 + dice.index(4) } else { usize::MAX };
        Phrase::of(&text.chars().take(chars).collect::<String>(), is_prefix)
    };
    (0..count).filter_map(phrase).collect()
}

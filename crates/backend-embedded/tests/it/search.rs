//! The search index as a thing on disk: made when needed, made again with the same answers, without deleted text, and
//! never in the way of an idle server. What is found is the business of the conformance suite.

use std::{fs, path::Path, time::Duration};

use backend_embedded::{Config, History};
use chat::{
    Command, ConversationId, ConversationKind, Seq,
    ports::Settlement,
    search::{SearchQuery, parse},
};

use crate::support::{World, envelope, message, open, small, user};

/// Whether the dictionaries of the index have a word. The words of a dictionary share their letters, so a plain look
/// at the bytes tells nothing.
fn has_word(folder: &Path, word: &str) -> bool {
    let index = tantivy::Index::open_in_dir(folder).unwrap();
    let text = index.schema().get_field("text").unwrap();
    let searcher = index.reader().unwrap().searcher();
    searcher.segment_readers().iter().any(|segment| {
        let words = segment.inverted_index(text).unwrap();
        words.terms().get(word.as_bytes()).unwrap().is_some()
    })
}

/// Whether files of segments are left that are no part of the index any more.
fn has_leftovers(folder: &Path) -> bool {
    let index = tantivy::Index::open_in_dir(folder).unwrap();
    let living: Vec<String> =
        index.searchable_segment_ids().unwrap().iter().map(tantivy::index::SegmentId::uuid_string).collect();
    fs::read_dir(folder).unwrap().flatten().any(|entry| {
        let name = entry.file_name().into_string().unwrap();
        let stem = name.split('.').next().unwrap_or_default().to_owned();
        stem.len() == 32 && !living.contains(&stem)
    })
}

async fn found(world: &World, text: &str) -> Vec<(ConversationId, Seq)> {
    let search = world.backend.search();
    search.refresh().await.unwrap();
    let query = SearchQuery { phrases: parse(text).unwrap().phrases, ..SearchQuery::of(user(1), 1_000) };
    let page = search.search(query).await.unwrap();
    assert!(!page.is_partial);
    page.rows.iter().map(|row| (row.event.conversation, row.event.seq)).collect()
}

fn edit(room: ConversationId, id: u128, target: Seq, body: &str) -> chat::Envelope {
    envelope(room, user(1), id, Command::Edit { target, body: body.to_owned(), mentions: vec![] })
}

/// Some rooms with messages, edits and deletions.
async fn busy(world: &World) {
    for number in 0..3_u128 {
        let room = world.create(100 + number, ConversationKind::Group, user(1), &[]).await;
        let base = 1_000 * (number + 1);
        let texts = ["alpha beta", "beta gamma", "東京都 alpha", "gamma"];
        let sent =
            (0..40_u128).map(|n| message(room, user(1), base + n, texts[usize::try_from(n % 4).unwrap()]));
        world.send(sent.collect()).await;
        world.persist_all().await;
        let changes = (0..10_u128).map(|n| match n % 2 {
            0 => edit(room, base + 500 + n, u64::try_from(n).unwrap() + 2, "delta beta"),
            _ => envelope(
                room,
                user(1),
                base + 500 + n,
                Command::Delete { target: u64::try_from(n).unwrap() + 2 },
            ),
        });
        world.send(changes.collect()).await;
        world.persist_all().await;
    }
}

async fn answers(world: &World) -> Vec<Vec<(ConversationId, Seq)>> {
    let mut answers = Vec::new();
    for text in ["alpha", "beta", "gamma", "delta", "東京", "\"alpha beta\"", "ga*", "nothing"] {
        answers.push(found(world, text).await);
    }
    answers
}

#[tokio::test(flavor = "multi_thread")]
async fn d8_an_index_made_again_gives_the_same_answers() {
    let folder = tempfile::tempdir().unwrap();
    let world = open(small(folder.path()));
    assert!(found(&world, "alpha").await.is_empty(), "the index follows from the first message on");
    busy(&world).await;
    let before = answers(&world).await;
    assert!(before.iter().filter(|places| !places.is_empty()).count() == 7, "{before:?}");
    let killed = world.killed();
    let world = world.reopen();
    assert_eq!(answers(&world).await, before, "after a shutdown");
    drop(world);
    fs::remove_dir_all(folder.path().join("search")).unwrap();
    let world = open(small(folder.path()));
    assert_eq!(answers(&world).await, before, "after its folder was deleted");
    drop(world);
    let world = open(small(folder.path()));
    let rebuilt = tokio::task::block_in_place(|| world.backend.rebuild_search());
    assert_eq!(rebuilt.unwrap(), 3 * (40 - 5));
    assert_eq!(answers(&world).await, before, "after it was made again on demand");
    let world = open(small(killed.path()));
    assert_eq!(answers(&world).await, before, "after a kill");
}

#[tokio::test]
async fn d7_deleted_words_leave_the_files_of_the_index() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config { erase_after_ms: 1_000, ..small(folder.path()) };
    let index = folder.path().join("search");
    let world = open(config);
    let room = world.create(9, ConversationKind::Group, user(1), &[]).await;
    world
        .send(vec![
            message(room, user(1), 10, "secretone kept"),
            message(room, user(1), 11, "keptword"),
            message(room, user(1), 12, "secrettwo"),
        ])
        .await;
    world.persist_all().await;
    assert_eq!(found(&world, "secretone").await, [(room, 2)]);
    assert!(has_word(&index, "secrettwo") && has_word(&index, "keptword"), "or looking is wrong");
    world
        .send(vec![edit(room, 13, 2, "harmless"), envelope(room, user(1), 14, Command::Delete { target: 4 })])
        .await;
    world.persist_all().await;
    assert!(found(&world, "secretone").await.is_empty() && found(&world, "secrettwo").await.is_empty());
    world.clock.advance(60_000);
    // Each refresh waits for a round; what is due is merged away between two of them.
    let is_clean = || {
        let gone = ["secretone", "secrettwo"].iter().all(|text| !has_word(&index, text));
        gone && has_word(&index, "keptword") && !has_leftovers(&index)
    };
    let mut cleaned = false;
    for _ in 0..200 {
        assert_eq!(found(&world, "keptword").await, [(room, 3)]);
        cleaned = is_clean();
        if cleaned {
            break;
        }
    }
    assert!(cleaned, "deleted words, or files of no segment, are still there");
    assert_eq!(found(&world, "harmless").await, [(room, 2)]);
}

#[tokio::test]
async fn an_index_without_its_journal_is_filled_from_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config { history: History::Recycle, ..small(folder.path()) };
    let world = open(config.clone());
    busy(&world).await;
    let before = answers(&world).await;
    drop(world);
    fs::write(folder.path().join("search").join("meta.json"), b"damaged").unwrap();
    let world = open(config);
    assert_eq!(answers(&world).await, before, "damage is mended");
}

#[tokio::test]
async fn what_is_stored_out_of_the_order_of_the_journal_is_found_each_once() {
    let folder = tempfile::tempdir().unwrap();
    let world = open(small(folder.path()));
    let mut rooms = Vec::new();
    for number in 0..5_u128 {
        rooms.push(world.create(100 + number, ConversationKind::Group, user(1), &[]).await);
    }
    // The queue takes a part of each room in turn, so that what is done with lies scattered in the journal.
    let sent =
        (0..600_u128).map(|n| message(rooms[usize::try_from(n % 5).unwrap()], user(1), 1_000 + n, "alpha"));
    world.send(sent.collect()).await;
    let (mut stored, mut gaps) = (0, 0);
    loop {
        let leases = world.messages.lease(31, Duration::ZERO).await.unwrap();
        if leases.is_empty() {
            break;
        }
        gaps += leases.windows(2).filter(|pair| pair[0].group == pair[1].group).count();
        stored += leases.len();
        let (ids, _) = world.decide(leases).await;
        world.messages.settle(ids.into_iter().map(|id| (id, Settlement::Done)).collect()).await.unwrap();
        let mut places = found(&world, "alpha").await;
        assert_eq!(places.len(), stored, "all that is stored");
        places.sort_unstable();
        places.dedup();
        assert_eq!(places.len(), stored, "each once");
    }
    assert!(gaps > 0, "or nothing was out of order");
    assert_eq!(stored, 600);
}

#[tokio::test]
async fn who_neither_writes_nor_searches_has_no_index() {
    let folder = tempfile::tempdir().unwrap();
    let world = open(small(folder.path()));
    world.create(9, ConversationKind::Group, user(1), &[]).await;
    assert!(world.backend.search().search(SearchQuery::of(user(1), 10)).await.unwrap().rows.is_empty());
    drop(world);
    assert!(!folder.path().join("search").exists());
}

//! Dead letters as operators handle them: hundreds at once, one by one, never with a message's text.
//! Cites D5: list, show, send again, drop.

use chat::{
    CommandId, ConversationId,
    ports::{Queue, Settlement},
};
use conformance::{
    faulty::{FaultPlan, Poison},
    model::QueueOptions,
};
use pipeline::dead_letters::{Selection, drop_dead, list, redrive, show};

use crate::scene::Scene;

/// More than one page.
const MANY: u128 = 1_203;

async fn scene_with_dead(count: u128) -> (Scene, ConversationId) {
    let scene = Scene::new(QueueOptions::default(), FaultPlan::default()).await;
    let group = scene.group(1).await;
    for id in 0..count {
        scene.faults.poison(CommandId::from_u128(id), Poison::Permanent);
    }
    scene.send(group, 0..count).await;
    scene.run_dry(&scene.persister()).await;
    assert_eq!(scene.dead().await.len() as u128, count);
    (scene, group)
}

#[tokio::test(start_paused = true)]
async fn d5_a_list_says_who_where_when_and_why_and_not_what() {
    let (scene, group) = scene_with_dead(3).await;
    let all = list(&scene.model.messages, None, 10).await.expect("list");
    assert_eq!(all.len(), 3);
    let second = &all[1];
    assert_eq!((second.what, second.conversation), ("sendMessage", Some(group)));
    assert_eq!((second.user, second.command_id), (Some(scene.alice), Some(CommandId::from_u128(1))));
    assert_eq!(second.attempts, 1);
    assert!(second.first_failed_at <= second.last_failed_at);
    assert!(second.reason.contains("Invalid"), "{}", second.reason);
    assert!(!format!("{all:?}").contains("message 1"), "the text of a message (D7)");
    let rest = list(&scene.model.messages, Some(&all[0].id), 1).await.expect("list");
    assert_eq!(rest, all[1..2]);
}

#[tokio::test(start_paused = true)]
async fn d5_one_is_shown_whole_wherever_it_stands() {
    let (scene, _) = scene_with_dead(MANY).await;
    let all = scene.model.messages.dead_letters(None, 10_000).await.expect("the model never fails");
    for letter in [&all[0], &all[700], &all[1_202]] {
        let shown = show(&scene.model.messages, &letter.id).await.expect("show");
        assert_eq!(shown.as_ref(), Some(letter));
    }
    assert_eq!(show(&scene.model.messages, "no such letter").await.expect("show"), None);
}

#[tokio::test(start_paused = true)]
async fn d5_all_are_sent_again_however_many() {
    let (scene, group) = scene_with_dead(MANY).await;
    scene.faults.heal();
    assert_eq!(redrive(&scene.model.messages, Selection::All).await.expect("redrive") as u128, MANY);
    scene.run_dry(&scene.persister()).await;
    assert_eq!(scene.log(group).await, (0..MANY).collect::<Vec<_>>());
    assert_eq!(redrive(&scene.model.messages, Selection::All).await.expect("redrive"), 0);
}

#[tokio::test(start_paused = true)]
async fn d5_those_that_die_again_are_not_sent_for_ever() {
    let (scene, _) = scene_with_dead(5).await;
    assert_eq!(redrive(&scene.model.messages, Selection::All).await.expect("redrive"), 5);
    scene.run_dry(&scene.persister()).await;
    assert_eq!(scene.dead().await.len(), 5);
}

#[tokio::test(start_paused = true)]
async fn d5_named_ones_are_dropped_and_others_stay() {
    let (scene, _) = scene_with_dead(4).await;
    let all = list(&scene.model.messages, None, 10).await.expect("list");
    let named = Selection::Ids(vec![all[2].id.clone(), "no such letter".to_owned()]);
    assert_eq!(drop_dead(&scene.model.messages, named).await.expect("drop"), 1);
    assert_eq!(scene.dead().await.iter().map(|dead| dead.0).collect::<Vec<_>>(), [0, 1, 3]);
    assert_eq!(drop_dead(&scene.model.messages, Selection::All).await.expect("drop"), 3);
    assert_eq!(scene.dead().await, vec![]);
}

#[tokio::test(start_paused = true)]
async fn d5_dead_announcements_are_listed_by_their_event() {
    let (scene, group) = scene_with_dead(1).await;
    let queue = &scene.model.notifications;
    let leases = queue.lease(1, std::time::Duration::ZERO).await.expect("the model never fails");
    let dead = Settlement::Dead { reason: "no".to_owned() };
    queue.settle(vec![(leases[0].id.clone(), dead)]).await.expect("the model never fails");
    let all = list(queue, None, 10).await.expect("list");
    assert_eq!((all.len(), all[0].what, all[0].conversation), (1, "failed", Some(group)));
    assert_eq!((all[0].user, all[0].command_id), (Some(scene.alice), Some(CommandId::from_u128(0))));
}

//! Writes that do not fit into one transaction: readers see all of each or nothing, and a second try is safe.
//! Guarantees D2 and D3; D7 for what a deletion erases.

use chat::{
    Change, ChangeOutcome, Command, ConversationKind, Needs, Outcome, UserId, View,
    limits::{EDITS_MAX, MEMBERS_PER_COMMAND_MAX, MENTIONS_MAX},
    ports::{Append, AppendOutcome},
};
use conformance::suite::world::{World, edit, react};

use crate::harness::{backend, fresh_names, open, options};

async fn world() -> World {
    World::over(backend(&open(&fresh_names(10).await, options()).await), 1)
}

async fn people(world: &World, count: usize) -> Vec<UserId> {
    let mut users = Vec::with_capacity(count);
    for number in 0..count {
        users.push(world.user(&format!("person-{number}")).await);
    }
    users
}

/// As many people as one request can name, at the beginning and later: all are members both ways, once.
#[tokio::test]
async fn five_hundred_people_begin_a_conversation_and_are_added_to_one() {
    let world = world().await;
    let mut users = people(&world, MEMBERS_PER_COMMAND_MAX + 1).await;
    let creator = users[0];
    let begun = world.conversation(ConversationKind::Group, creator, &users[1..]).await;
    let later = world.conversation(ConversationKind::Group, creator, &[]).await;
    let added = world.applied(later, creator, Command::AddMembers { users: users[1..].to_vec() }).await;
    assert_eq!(added, 2);
    users.sort_unstable();
    for (conversation, head) in [(begun, 1), (later, 2)] {
        let members = world.store().members(conversation, None, 1_000).await.expect("members");
        assert_eq!(members.iter().map(|member| member.user).collect::<Vec<_>>(), users);
        let meta = world.store().conversation(conversation).await.expect("conversation").expect("there");
        assert_eq!((meta.members, meta.head), (users.len() as u64, head));
    }
    for user in [users[0], users[250], users[500]] {
        assert_eq!(world.store().membership_count(user).await.expect("count"), 2);
        assert_eq!(world.entry(user, later).await.joined_ordinal, 0);
    }
}

/// Many people are being added, and somebody else is quicker: nobody is half a member, and the second try adds all.
#[tokio::test]
async fn who_loses_the_place_leaves_nobody_half_a_member() {
    let world = world().await;
    let users = people(&world, 80).await;
    let creator = users[0];
    let group = world.conversation(ConversationKind::Group, creator, &[]).await;
    let adding = world.envelope(group, creator, Command::AddMembers { users: users[1..].to_vec() });
    let mut needs = Needs::default();
    needs.add(&adding);
    let mut view: View = world.store().load(vec![(group, needs)]).await.expect("load").remove(0);
    assert_eq!(view.execute(&adding), Outcome::Applied { seq: 2 });
    let effects = view.into_effects().expect("an event");
    world.say(group, creator, "quicker").await;
    let outcome = world.store().append(vec![Append { effects }]).await.expect("append");
    assert_eq!(outcome, [AppendOutcome::Conflict]);
    let members = world.store().members(group, None, 1_000).await.expect("members");
    assert_eq!(members.len(), 1);
    assert_eq!(world.store().memberships(users[5]).await.expect("memberships"), vec![]);
    assert_eq!(world.execute(adding.clone()).await, Outcome::Applied { seq: 3 });
    assert_eq!(world.execute(adding).await, Outcome::Applied { seq: 3 }, "again");
    assert_eq!(world.store().members(group, None, 1_000).await.expect("members").len(), users.len());
}

/// Of two who add the same many people at the same moment one is written, whole.
#[tokio::test]
async fn of_two_large_writes_that_race_one_is_written_whole() {
    let world = world().await;
    let users = people(&world, 80).await;
    let creator = users[0];
    let group = world.conversation(ConversationKind::Group, creator, &[]).await;
    let mut appends = Vec::new();
    for _ in 0..3 {
        let adding = world.envelope(group, creator, Command::AddMembers { users: users[1..].to_vec() });
        let mut needs = Needs::default();
        needs.add(&adding);
        let mut view = world.store().load(vec![(group, needs)]).await.expect("load").remove(0);
        assert_eq!(view.execute(&adding), Outcome::Applied { seq: 2 });
        appends.push(Append { effects: view.into_effects().expect("an event") });
    }
    let racing = appends.into_iter().map(|append| {
        let store = world.backend.store.clone();
        tokio::spawn(async move { store.append(vec![append]).await.expect("append") })
    });
    let racing: Vec<_> = racing.collect();
    let mut written = 0;
    for racer in racing {
        written += usize::from(racer.await.expect("a racer") == [AppendOutcome::Written]);
    }
    let members = world.store().members(group, None, 1_000).await.expect("members").len();
    let head = world.store().heads(&[group]).await.expect("heads")[0];
    // All may lose: each tells so, and nobody is a member then.
    assert_eq!((written, members), if head == 2 { (1, users.len()) } else { (0, 1) });
    let again = world.act(group, creator, Command::AddMembers { users: users[1..].to_vec() }).await;
    assert_eq!(again, if head == 2 { Outcome::Unchanged } else { Outcome::Applied { seq: 2 } });
    assert_eq!(world.store().members(group, None, 1_000).await.expect("members").len(), users.len());
}

/// A message that names as many people as it can, edited to name as many others.
#[tokio::test]
async fn an_edit_changes_all_mentions_at_once() {
    let world = world().await;
    let users = people(&world, 2 * MENTIONS_MAX).await;
    let author = users[0];
    let group = world.conversation(ConversationKind::Group, author, &users[1..]).await;
    let (first, second) = users.split_at(MENTIONS_MAX);
    let target = world.mention(group, author, "hello", first).await;
    let renamed = Command::Edit { target, body: "hello, others".to_owned(), mentions: second.to_vec() };
    world.applied(group, author, renamed).await;
    for (user, mentions) in [(first[3], 0), (first[49], 0), (second[0], 1), (second[49], 1)] {
        assert_eq!(world.entry(user, group).await.mentions, mentions);
    }
    world.applied(group, author, Command::Delete { target }).await;
    assert_eq!(world.entry(second[7], group).await.mentions, 0);
}

/// A message with a long history and many reactions is deleted: nothing of it is left, also in the table (D7).
#[tokio::test]
async fn a_deletion_erases_more_than_one_transaction_holds() {
    let world = world().await;
    let users = people(&world, 60).await;
    let author = users[0];
    let group = world.conversation(ConversationKind::Group, author, &users[1..]).await;
    let target = world.say(group, author, "secret 0").await;
    for number in 1..=EDITS_MAX.min(60) {
        world.applied(group, author, edit(target, &format!("secret {number}"))).await;
    }
    for user in &users {
        world.applied(group, *user, react(target, "👍")).await;
    }
    assert_eq!(world.store().reactions(group, target, None, 500).await.expect("reactions").len(), 60);
    world.applied(group, author, Command::Delete { target }).await;
    assert_eq!(world.store().versions(group, target).await.expect("versions"), vec![]);
    assert_eq!(world.store().reactions(group, target, None, 500).await.expect("reactions"), vec![]);
    assert_eq!(world.store().own_reactions(group, author, &[target]).await.expect("own"), vec![]);
    assert!(!format!("{:?}", world.log(group).await).contains("secret"));
}

/// A name that is taken by two at the same moment belongs to one, and the first account is one person's.
#[tokio::test]
async fn of_accounts_that_race_one_gets_the_name_and_one_owns_the_server() {
    let world = world().await;
    let policy = chat::RegistrationPolicy::Open;
    let wishes: Vec<Change> = ["ann", "ANN", "bob", "Bob"]
        .map(|name| Change::CreateAccount { account: world.account(name), invite: None, policy })
        .to_vec();
    let racing: Vec<_> = wishes
        .into_iter()
        .map(|wish| {
            let store = world.backend.store.clone();
            tokio::spawn(async move { store.change(wish).await.expect("change") })
        })
        .collect();
    let (mut made, mut owners) = (0, 0);
    for racer in racing {
        if let ChangeOutcome::Account(account) = racer.await.expect("a racer") {
            made += 1;
            owners += usize::from(account.role == chat::AccountRole::Owner);
        }
    }
    assert_eq!((made, owners), (2, 1));
}

//! Conversations, members and lists of them, as `Store` and `Change::CreateConversation` promise them.
//! What happens inside a conversation's log is in `log` and `events`.

use chat::{
    Change, Command, ConversationId, ConversationKind, EventKind, Membership, Meta, Outcome, Refusal, Role,
    UserId,
};

use super::world::World;
use crate::harness::Harness;

const GROUP: ConversationKind = ConversationKind::Group;
const DIRECT: ConversationKind = ConversationKind::Direct;
const CHANNEL: ConversationKind = ConversationKind::Channel;

async fn meta(world: &World, conversation: ConversationId) -> Meta {
    world.store().conversation(conversation).await.expect("conversation").expect("it is there")
}

async fn roles(world: &World, conversation: ConversationId) -> Vec<(UserId, Role)> {
    let members = world.store().members(conversation, None, 100).await.expect("members");
    members.into_iter().map(|member| (member.user, member.membership.role)).collect()
}

async fn own(world: &World, user: UserId) -> Vec<ConversationId> {
    let mut own: Vec<ConversationId> = world
        .store()
        .memberships(user)
        .await
        .expect("memberships")
        .into_iter()
        .map(|(conversation, ..)| conversation)
        .collect();
    own.sort_unstable();
    own
}

/// A new conversation begins with `Created` at seq 1, and every read sees it (D3).
pub async fn a_new_conversation_begins_with_its_creation(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let [alice, bob, carol] = world.users(["alice", "bob", "carol"]).await;
    let change = world.creation(GROUP, alice, &[carol, bob, bob]);
    let (conversation, created) = world.begin(change.clone()).await;
    let event = created.expect("a new conversation is announced");
    assert_eq!((event.conversation, event.seq, event.actor), (conversation, 1, alice));
    let Change::CreateConversation { conversation: wished, at, request, .. } = change else { unreachable!() };
    assert_eq!((conversation, event.at, event.command_id), (wished, at, request));
    let wanted = [(alice, Role::Owner), (bob, Role::Member), (carol, Role::Member)];
    let EventKind::Created { kind, title, members, .. } = &event.kind else { panic!("{event:?}") };
    let mut announced = members.clone();
    announced.sort_unstable();
    assert_eq!((*kind, title.as_deref(), announced.as_slice()), (GROUP, Some("Title"), &wanted[..]));
    assert_eq!(roles(&world, conversation).await, wanted);
    let meta = meta(&world, conversation).await;
    assert_eq!((meta.kind, meta.head, meta.messages, meta.members, meta.owners), (GROUP, 1, 0, 3, 1));
    assert_eq!((meta.created_at, meta.created_by, meta.pair), (at, alice, None));
    assert_eq!(world.store().heads(&[conversation]).await.expect("heads"), [1]);
    let log = world.log(conversation).await;
    assert_eq!(log.len(), 1);
    assert_eq!((&log[0].event, log[0].ordinal), (&*event, 0));
    let membership = Membership { role: Role::Member, joined_seq: 1, joined_at: at };
    assert_eq!(world.store().member(conversation, bob).await.expect("member"), Some(membership));
}

/// One direct conversation per pair, however it is created; both are plain members.
pub async fn a_pair_has_one_direct_conversation(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let [alice, bob, carol] = world.users(["alice", "bob", "carol"]).await;
    let (conversation, created) = world.begin(world.creation(DIRECT, bob, &[alice])).await;
    assert!(created.is_some());
    for (creator, other) in [(bob, alice), (alice, bob)] {
        let again = world.begin(world.creation(DIRECT, creator, &[other])).await;
        assert_eq!(again, (conversation, None));
    }
    assert_ne!(world.conversation(DIRECT, alice, &[carol]).await, conversation);
    assert_eq!(roles(&world, conversation).await, [(alice, Role::Member), (bob, Role::Member)]);
    let meta = meta(&world, conversation).await;
    assert_eq!((meta.pair, meta.owners, meta.head), (Some((alice.min(bob), alice.max(bob))), 0, 1));
    assert_eq!(own(&world, bob).await, [conversation]);
}

/// A pair that creates at the same moment still has one conversation.
pub async fn a_pair_that_meets_has_one_direct_conversation(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let [alice, bob] = world.users(["alice", "bob"]).await;
    let store = world.backend.store.clone();
    let wishes: Vec<Change> = (0..10)
        .map(|number| if number % 2 == 0 { (alice, bob) } else { (bob, alice) })
        .map(|(creator, other)| world.creation(DIRECT, creator, &[other]))
        .collect();
    let creating: Vec<_> = wishes
        .into_iter()
        .map(|wish| {
            let store = store.clone();
            tokio::spawn(async move { store.change(wish).await.expect("change") })
        })
        .collect();
    let mut created_count = 0;
    for creating in creating {
        let outcome = creating.await.expect("a creation");
        let chat::ChangeOutcome::Conversation { conversation, created } = outcome else {
            panic!("{outcome:?}")
        };
        assert_eq!(own(&world, alice).await, [conversation]);
        created_count += usize::from(created.is_some());
    }
    assert_eq!(created_count, 1);
}

/// A request made before gives the conversation there is, whatever else it says; requests are each creator's own (D2).
pub async fn a_repeated_request_gives_the_same_conversation(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let [alice, bob] = world.users(["alice", "bob"]).await;
    let change = world.creation(GROUP, alice, &[]);
    let (conversation, _) = world.begin(change.clone()).await;
    assert_eq!(world.begin(change.clone()).await, (conversation, None));
    let Change::CreateConversation { request: first_request, .. } = change else { unreachable!() };
    let with_request = |creator, others: &[UserId]| {
        let mut again = world.creation(GROUP, creator, others);
        if let Change::CreateConversation { request, .. } = &mut again {
            *request = first_request;
        }
        again
    };
    assert_eq!(world.begin(with_request(alice, &[bob])).await, (conversation, None));
    assert_eq!(roles(&world, conversation).await, [(alice, Role::Owner)]);
    let (other, created) = world.begin(with_request(bob, &[])).await;
    assert!(created.is_some());
    assert_ne!(other, conversation);
}

/// What does not exist is empty everywhere and an error nowhere.
pub async fn what_does_not_exist_is_empty(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let alice = world.user("alice").await;
    let nowhere = ConversationId::from_u128(404);
    let store = world.store();
    assert_eq!(store.conversation(nowhere).await.expect("conversation"), None);
    assert_eq!(store.member(nowhere, alice).await.expect("member"), None);
    assert_eq!(store.members(nowhere, None, 10).await.expect("members"), vec![]);
    assert_eq!(store.memberships(alice).await.expect("memberships"), vec![]);
    assert_eq!(store.entries(alice, &[nowhere]).await.expect("entries"), vec![]);
    assert_eq!(store.row(nowhere, 1).await.expect("row"), None);
    assert_eq!(store.versions(nowhere, 1).await.expect("versions"), vec![]);
    assert_eq!(store.reactions(nowhere, 1, None, 10).await.expect("reactions"), vec![]);
    assert_eq!(store.own_reactions(nowhere, alice, &[1]).await.expect("own reactions"), vec![]);
    assert_eq!(store.heads(&[nowhere]).await.expect("heads"), [0]);
    assert_eq!(world.log(nowhere).await, vec![]);
    let sent = world.act(nowhere, alice, super::world::message("hello?")).await;
    assert_eq!(sent, Outcome::Refused(Refusal::ConversationNotFound));
}

/// All conversations of somebody, with what they are and since when; only theirs (D7).
pub async fn memberships_are_each_persons_own(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let [alice, bob] = world.users(["alice", "bob"]).await;
    let shared = world.group(alice, &[bob]).await;
    let private = world.group(alice, &[]).await;
    let mut both = vec![shared, private];
    both.sort_unstable();
    assert_eq!((own(&world, alice).await, own(&world, bob).await), (both, vec![shared]));
    for (user, count) in [(alice, 2), (bob, 1), (chat::UserId::from_u128(404), 0)] {
        assert_eq!(world.store().membership_count(user).await.expect("count"), count);
    }
    for (conversation, found, membership) in world.store().memberships(alice).await.expect("memberships") {
        assert_eq!(found, meta(&world, conversation).await);
        let wanted = world.store().member(conversation, alice).await.expect("member");
        assert_eq!(Some(membership), wanted);
    }
    assert_eq!(world.store().member(private, bob).await.expect("member"), None);
}

/// Entries come in the order asked; conversations somebody is not a member of are left out (D7).
pub async fn entries_leave_out_what_is_not_theirs(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let [alice, bob] = world.users(["alice", "bob"]).await;
    let (one, hidden, two) =
        (world.group(alice, &[bob]).await, world.group(alice, &[]).await, world.group(bob, &[]).await);
    let asked = [two, hidden, ConversationId::from_u128(404), one];
    let entries = world.store().entries(bob, &asked).await.expect("entries");
    let found: Vec<ConversationId> = entries.iter().map(|entry| entry.conversation).collect();
    assert_eq!(found, [two, one]);
    assert_eq!(entries[0].meta, meta(&world, two).await);
    assert_eq!((entries[0].membership.role, entries[1].membership.role), (Role::Owner, Role::Member));
    assert_eq!(entries[0].last, None);
    assert_eq!(world.store().entries(bob, &[]).await.expect("entries"), vec![]);
}

/// Public channels by id, page by page; no groups, no direct conversations (D7).
pub async fn channels_are_paged_by_id(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let [alice, bob] = world.users(["alice", "bob"]).await;
    world.group(alice, &[bob]).await;
    world.conversation(DIRECT, alice, &[bob]).await;
    let mut channels = Vec::new();
    for _ in 0..5 {
        channels.push(world.conversation(CHANNEL, alice, &[]).await);
    }
    channels.sort_unstable();
    let page = async |after, limit| {
        let page = world.store().channels(after, limit).await.expect("channels");
        assert!(page.iter().all(|(_, meta)| meta.kind == CHANNEL));
        page.into_iter().map(|(conversation, _)| conversation).collect::<Vec<_>>()
    };
    assert_eq!(page(None, 100).await, channels);
    assert_eq!(page(None, 2).await, channels[..2]);
    assert_eq!(page(Some(channels[1]), 2).await, channels[2..4]);
    assert_eq!(page(Some(channels[4]), 2).await, []);
}

/// Members by id, page by page.
pub async fn members_are_paged_by_id(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let mut users = world.users(["alice", "bob", "carol", "dave", "eve"]).await;
    let conversation = world.group(users[0], &users[1..]).await;
    users.sort_unstable();
    let page = async |after, limit| {
        let page = world.store().members(conversation, after, limit).await.expect("members");
        page.into_iter().map(|member| member.user).collect::<Vec<_>>()
    };
    assert_eq!(page(None, 100).await, users);
    assert_eq!(page(None, 2).await, users[..2]);
    assert_eq!(page(Some(users[1]), 2).await, users[2..4]);
    assert_eq!(page(Some(users[4]), 2).await, []);
}

/// Joining, adding, leaving, removing and roles show in every list of members.
pub async fn membership_events_change_every_list(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let [alice, bob, carol, dave] = world.users(["alice", "bob", "carol", "dave"]).await;
    let channel = world.conversation(CHANNEL, alice, &[]).await;
    let joined = world.applied(channel, bob, Command::Join).await;
    world.applied(channel, alice, Command::AddMembers { users: vec![dave, carol, bob] }).await;
    world.applied(channel, alice, Command::SetRole { user: carol, role: Role::Admin }).await;
    let (member, admin, owner) = (Role::Member, Role::Admin, Role::Owner);
    let wanted = [(alice, owner), (bob, member), (carol, admin), (dave, member)];
    assert_eq!(roles(&world, channel).await, wanted);
    let membership = world.store().member(channel, bob).await.expect("member").expect("a member");
    assert_eq!((membership.joined_seq, membership.role), (joined, member));
    world.applied(channel, carol, Command::RemoveMember { user: dave }).await;
    world.applied(channel, bob, Command::Leave).await;
    world.applied(channel, alice, Command::SetRole { user: carol, role: Role::Owner }).await;
    assert_eq!(roles(&world, channel).await, [(alice, owner), (carol, owner)]);
    let meta = meta(&world, channel).await;
    assert_eq!((meta.members, meta.owners, meta.head), (2, 2, 7));
    for gone in [bob, dave] {
        assert_eq!(world.store().member(channel, gone).await.expect("member"), None);
        assert_eq!(own(&world, gone).await, []);
        assert_eq!(world.store().entries(gone, &[channel]).await.expect("entries"), vec![]);
    }
    let back = world.applied(channel, bob, Command::Join).await;
    let membership = world.store().member(channel, bob).await.expect("member").expect("a member");
    assert_eq!(membership.joined_seq, back);
    assert_eq!(own(&world, bob).await, [channel]);
}

/// Title and description show wherever a conversation is described.
pub async fn a_description_changes_every_list(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let alice = world.user("alice").await;
    let channel = world.conversation(CHANNEL, alice, &[]).await;
    let describe = |title: Option<&str>, description: Option<&str>| Command::Describe {
        title: title.map(str::to_owned),
        description: description.map(str::to_owned),
    };
    let texts = async || {
        let found = meta(&world, channel).await;
        let channels = world.store().channels(None, 10).await.expect("channels");
        let memberships = world.store().memberships(alice).await.expect("memberships");
        assert_eq!((&channels[0].1, &memberships[0].1), (&found, &found));
        assert_eq!(world.entry(alice, channel).await.meta, found);
        (found.title, found.description)
    };
    world.applied(channel, alice, describe(Some("News"), Some("What is new"))).await;
    assert_eq!(texts().await, (Some("News".to_owned()), Some("What is new".to_owned())));
    world.applied(channel, alice, describe(None, Some(""))).await;
    assert_eq!(texts().await, (Some("News".to_owned()), None));
    assert_eq!(world.act(channel, alice, describe(Some("News"), None)).await, Outcome::Unchanged);
}

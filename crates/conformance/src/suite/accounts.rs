//! Accounts, sessions and invitations, as `Store` and `Change` promise them.
//! Nothing here compares secrets: they arrive hashed and are only kept (D7).

use chat::{
    Account, AccountRole, Change, ChangeOutcome, Invite, InviteId, Refusal, RegistrationPolicy, Session,
    UserId, limits::SESSIONS_PER_USER_MAX,
};

use super::world::{World, ended};
use crate::harness::Harness;

const OPEN: RegistrationPolicy = RegistrationPolicy::Open;

async fn register(
    world: &World,
    username: &str,
    invite: Option<[u8; 32]>,
    policy: RegistrationPolicy,
) -> ChangeOutcome {
    let account = world.account(username);
    world.change(Change::CreateAccount { account, invite, policy }).await
}

async fn account(world: &World, user: UserId) -> Account {
    world.store().account(user).await.expect("account").expect("it is there")
}

async fn usernames(world: &World, prefix: &str, after: Option<&str>, limit: usize) -> Vec<String> {
    let accounts = world.store().accounts(prefix, after, limit).await.expect("accounts");
    accounts.into_iter().map(|account| account.username).collect()
}

async fn log_in(world: &World, user: UserId) -> Session {
    let session = world.session(user);
    assert_eq!(ended(world.change(Change::CreateSession(session.clone())).await), vec![]);
    session
}

async fn sessions(world: &World, user: UserId) -> Vec<Session> {
    let mut sessions = world.store().sessions(user).await.expect("sessions");
    sessions.sort_by_key(|session| session.created_at);
    sessions
}

fn invite(world: &World, created_by: UserId, uses_left: u32) -> Invite {
    let number = world.number();
    let mut code_hash = [9; 32];
    code_hash[..8].copy_from_slice(&number.to_be_bytes());
    let created_at = world.now_ms() + number;
    Invite {
        invite: InviteId::new(created_at, &world.random()),
        code_hash,
        created_by,
        created_at,
        expires_at: created_at + 3_600_000,
        uses_left,
    }
}

/// The account as made is returned, and found by id and by name, whatever its case.
pub async fn an_account_is_found_by_id_and_by_name(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let wanted = world.account("Alice.B");
    let outcome =
        world.change(Change::CreateAccount { account: wanted.clone(), invite: None, policy: OPEN }).await;
    let made = Account { role: AccountRole::Owner, ..wanted };
    assert_eq!(outcome, ChangeOutcome::Account(Box::new(made.clone())));
    assert_eq!(world.store().account(made.user).await.expect("account"), Some(made.clone()));
    for name in ["Alice.B", "alice.b", "ALICE.B"] {
        let found = world.store().account_by_username(name).await.expect("account");
        assert_eq!(found.as_ref(), Some(&made), "{name}");
    }
    assert_eq!(world.store().account_by_username("alice").await.expect("account"), None);
    assert_eq!(world.store().account(UserId::from_u128(5)).await.expect("account"), None);
}

/// Usernames are unique without regard to case.
pub async fn a_username_is_taken_whatever_its_case(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let alice = world.user("alice").await;
    assert_eq!(register(&world, "ALICE", None, OPEN).await, ChangeOutcome::Refused(Refusal::UsernameTaken));
    let found = world.store().account_by_username("Alice").await.expect("account").expect("it is there");
    assert_eq!((found.user, found.username.as_str()), (alice, "alice"));
}

/// The first account becomes the owner whatever the policy says; the role is set by the rule.
pub async fn the_first_account_owns_the_server(harness: &dyn Harness) {
    let world = World::open(harness).await;
    assert!(!world.store().has_accounts().await.expect("has accounts"));
    let outcome = register(&world, "first", None, RegistrationPolicy::Closed).await;
    let ChangeOutcome::Account(first) = outcome else { panic!("{outcome:?}") };
    assert_eq!(first.role, AccountRole::Owner);
    assert!(world.store().has_accounts().await.expect("has accounts"));
    let mut wish = world.account("second");
    wish.role = AccountRole::Owner;
    let outcome = world.change(Change::CreateAccount { account: wish, invite: None, policy: OPEN }).await;
    let ChangeOutcome::Account(second) = outcome else { panic!("{outcome:?}") };
    assert_eq!(second.role, AccountRole::Member);
}

/// Registration follows the policy, and a refusal makes nothing.
pub async fn registration_follows_the_policy(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let owner = world.user("owner").await;
    let late = Invite { expires_at: world.now_ms().saturating_sub(1), ..invite(&world, owner, 1) };
    world.change(Change::CreateInvite(late.clone())).await;
    for (code, policy, refusal) in [
        (None, RegistrationPolicy::Closed, Refusal::RegistrationClosed),
        (None, RegistrationPolicy::Invite, Refusal::InviteNeeded),
        (Some([1; 32]), RegistrationPolicy::Invite, Refusal::InviteInvalid),
        (Some(late.code_hash), RegistrationPolicy::Invite, Refusal::InviteInvalid),
    ] {
        assert_eq!(register(&world, "eve", code, policy).await, ChangeOutcome::Refused(refusal));
        assert_eq!(world.store().account_by_username("eve").await.expect("account"), None);
    }
}

/// An invitation is good for its uses and no more; one that is taken back for none.
pub async fn an_invitation_is_used_up(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let owner = world.user("owner").await;
    let (twice, revoked) = (invite(&world, owner, 2), invite(&world, owner, 5));
    assert_eq!(world.change(Change::CreateInvite(twice.clone())).await, ChangeOutcome::Done);
    assert_eq!(world.change(Change::CreateInvite(revoked.clone())).await, ChangeOutcome::Done);
    assert_eq!(world.change(Change::RevokeInvite(revoked.invite)).await, ChangeOutcome::Done);
    let by =
        |username: &'static str, code| register(&world, username, Some(code), RegistrationPolicy::Invite);
    assert!(matches!(by("one", twice.code_hash).await, ChangeOutcome::Account(_)));
    assert_eq!(by("one", twice.code_hash).await, ChangeOutcome::Refused(Refusal::UsernameTaken));
    assert!(matches!(by("two", twice.code_hash).await, ChangeOutcome::Account(_)));
    assert_eq!(by("three", twice.code_hash).await, ChangeOutcome::Refused(Refusal::InviteInvalid));
    assert_eq!(by("four", revoked.code_hash).await, ChangeOutcome::Refused(Refusal::InviteInvalid));
}

/// All invitations, newest first, at most `limit`, with the uses left.
pub async fn invitations_are_listed_newest_first(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let owner = world.user("owner").await;
    let mut made = Vec::new();
    for _ in 0..4 {
        let invite = invite(&world, owner, 3);
        world.change(Change::CreateInvite(invite.clone())).await;
        made.insert(0, invite);
    }
    register(&world, "guest", Some(made[1].code_hash), RegistrationPolicy::Invite).await;
    made[1].uses_left = 2;
    assert_eq!(world.store().invites(100).await.expect("invites"), made);
    assert_eq!(world.store().invites(2).await.expect("invites"), made[..2]);
    world.change(Change::RevokeInvite(made[0].invite)).await;
    let usable: Vec<Invite> = world.store().invites(100).await.expect("invites");
    assert!(usable.iter().all(|invite| invite.invite != made[0].invite || invite.uses_left == 0));
}

/// By name from a prefix on, after a name, at most `limit`.
pub async fn accounts_are_paged_by_name(harness: &dyn Harness) {
    let world = World::open(harness).await;
    for username in ["zoe", "Anna", "anton", "bob", "Ann", "anne"] {
        world.user(username).await;
    }
    assert_eq!(usernames(&world, "", None, 100).await, ["Ann", "Anna", "anne", "anton", "bob", "zoe"]);
    assert_eq!(usernames(&world, "an", None, 100).await, ["Ann", "Anna", "anne", "anton"]);
    assert_eq!(usernames(&world, "AN", None, 2).await, ["Ann", "Anna"]);
    assert_eq!(usernames(&world, "an", Some("anna"), 100).await, ["anne", "anton"]);
    assert_eq!(usernames(&world, "an", Some("Anton"), 100).await, [""; 0]);
    assert_eq!(usernames(&world, "x", None, 100).await, [""; 0]);
}

/// Each change of an account shows in every read of it, and changes nothing else.
pub async fn changes_of_an_account_are_visible(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let [owner, user] = world.users(["owner", "user"]).await;
    let mut wanted = account(&world, user).await;
    let changes = [
        Change::SetDisplayName { user, display_name: "Ursula".to_owned() },
        Change::SetPassword { user, password_hash: "$argon2id$new".to_owned(), keep: None },
        Change::SetAccountRole { user, role: AccountRole::Admin },
        Change::SetDisabled { user, at: Some(77) },
    ];
    for change in changes {
        match &change {
            Change::SetDisplayName { display_name, .. } => wanted.display_name.clone_from(display_name),
            Change::SetPassword { password_hash, .. } => wanted.password_hash.clone_from(password_hash),
            Change::SetAccountRole { role, .. } => wanted.role = *role,
            _ => wanted.disabled_at = Some(77),
        }
        for _again in 0..2 {
            assert_eq!(ended(world.change(change.clone()).await), vec![], "{change:?}");
            assert_eq!(account(&world, user).await, wanted, "{change:?}");
        }
    }
    let by_name = world.store().account_by_username("user").await.expect("account");
    assert_eq!(by_name.as_ref(), Some(&wanted));
    assert_eq!(world.store().accounts("user", None, 9).await.expect("accounts"), vec![wanted]);
    assert_eq!(account(&world, owner).await.display_name, "owner");
    world.change(Change::SetDisabled { user, at: None }).await;
    assert_eq!(account(&world, user).await.disabled_at, None);
}

/// Who is not there cannot be changed.
pub async fn changes_of_nobody_are_refused(harness: &dyn Harness) {
    let world = World::open(harness).await;
    world.user("somebody").await;
    let user = UserId::from_u128(404);
    for change in [
        Change::SetDisplayName { user, display_name: "x".to_owned() },
        Change::SetPassword { user, password_hash: "x".to_owned(), keep: None },
        Change::RenewPasswordHash { user, verified_hash: "w".to_owned(), password_hash: "x".to_owned() },
        Change::SetAccountRole { user, role: AccountRole::Admin },
        Change::SetDisabled { user, at: Some(1) },
    ] {
        let outcome = world.change(change.clone()).await;
        assert_eq!(outcome, ChangeOutcome::Refused(Refusal::UserNotFound), "{change:?}");
    }
    assert_eq!(world.store().account(user).await.expect("account"), None);
}

/// Applying a change again when nothing came between leaves everything as it is.
pub async fn registering_again_with_the_same_request_changes_nothing(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let owner = world.user("owner").await;
    let invite = invite(&world, owner, 2);
    world.change(Change::CreateInvite(invite.clone())).await;
    let change = Change::CreateAccount {
        account: world.account("guest"),
        invite: Some(invite.code_hash),
        policy: RegistrationPolicy::Invite,
    };
    assert!(matches!(world.change(change.clone()).await, ChangeOutcome::Account(_)));
    let before = (world.store().invites(9).await, usernames(&world, "", None, 9).await);
    world.change(change).await;
    let after = (world.store().invites(9).await, usernames(&world, "", None, 9).await);
    assert_eq!(before.0.expect("invites"), after.0.expect("invites"));
    assert_eq!(before.1, after.1);
}

/// A session is found by its token, expired or not, and listed with its owner's.
pub async fn a_session_is_found_by_its_token(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let [alice, bob] = world.users(["alice", "bob"]).await;
    let (one, two) = (log_in(&world, alice).await, log_in(&world, alice).await);
    let expired = Session { expires_at: 1, ..world.session(bob) };
    world.change(Change::CreateSession(expired.clone())).await;
    for session in [&one, &two, &expired] {
        let found = world.store().session_by_token(&session.token_hash).await.expect("session");
        assert_eq!(found.as_ref(), Some(session));
    }
    assert_eq!(world.store().session_by_token(&[1; 32]).await.expect("session"), None);
    assert_eq!(sessions(&world, alice).await, [one.clone(), two]);
    assert_eq!(sessions(&world, bob).await, [expired]);
    world.change(Change::CreateSession(one)).await;
    assert_eq!(sessions(&world, alice).await.len(), 2, "logging in again with the same session");
}

/// A session that is revoked is gone; nobody else can revoke it.
pub async fn a_revoked_session_is_gone(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let [alice, bob] = world.users(["alice", "bob"]).await;
    let (one, two) = (log_in(&world, alice).await, log_in(&world, alice).await);
    let outcome = world.change(Change::RevokeSession { user: bob, session: one.session }).await;
    assert_eq!(outcome, ChangeOutcome::Refused(Refusal::SessionNotFound));
    assert_eq!(sessions(&world, alice).await.len(), 2);
    let outcome = world.change(Change::RevokeSession { user: alice, session: one.session }).await;
    assert_eq!(ended(outcome), [one.session]);
    assert_eq!(world.store().session_by_token(&one.token_hash).await.expect("session"), None);
    assert_eq!(sessions(&world, alice).await, [two]);
}

/// Above the limit the oldest session ends (D6).
pub async fn the_oldest_session_gives_way_above_the_limit(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let [alice, bob] = world.users(["alice", "bob"]).await;
    let other = log_in(&world, bob).await;
    let mut all = Vec::new();
    for _ in 0..SESSIONS_PER_USER_MAX {
        all.push(log_in(&world, alice).await);
    }
    let new = world.session(alice);
    assert_eq!(ended(world.change(Change::CreateSession(new.clone())).await), [all[0].session]);
    all.remove(0);
    all.push(new);
    assert_eq!(sessions(&world, alice).await, all);
    assert_eq!(sessions(&world, bob).await, [other]);
}

/// A new password ends all sessions but the one that stays (D7).
pub async fn a_new_password_ends_all_other_sessions(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let [alice, bob] = world.users(["alice", "bob"]).await;
    let kept = log_in(&world, alice).await;
    let mut others = vec![log_in(&world, alice).await.session, log_in(&world, alice).await.session];
    others.sort_unstable();
    let stranger = log_in(&world, bob).await;
    let password_hash = "$argon2id$new".to_owned();
    let change = Change::SetPassword { user: alice, password_hash, keep: Some(kept.session) };
    assert_eq!(ended(world.change(change).await), others);
    assert_eq!(sessions(&world, alice).await, std::slice::from_ref(&kept));
    assert_eq!(sessions(&world, bob).await, [stranger]);
    let change = Change::SetPassword { user: alice, password_hash: "$argon2id$newer".to_owned(), keep: None };
    assert_eq!(ended(world.change(change).await), [kept.session]);
}

/// The same password hashed with other parameters ends no session, and never comes over a new password (D7).
pub async fn a_renewed_hash_ends_no_session(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let alice = world.user("alice").await;
    let session = log_in(&world, alice).await;
    let before = account(&world, alice).await.password_hash;
    let renewal = |verified: &str, new: &str| Change::RenewPasswordHash {
        user: alice,
        verified_hash: verified.to_owned(),
        password_hash: new.to_owned(),
    };
    for _again in 0..2 {
        let outcome = world.change(renewal(&before, "$argon2id$renewed")).await;
        assert_eq!(ended(outcome), []);
        assert_eq!(account(&world, alice).await.password_hash, "$argon2id$renewed");
        assert_eq!(sessions(&world, alice).await, std::slice::from_ref(&session));
    }
    assert_eq!(world.change(renewal("$argon2id$older", "$argon2id$lost")).await, ChangeOutcome::Done);
    assert_eq!(account(&world, alice).await.password_hash, "$argon2id$renewed");
}

/// Disabling an account ends its sessions.
pub async fn disabling_an_account_ends_its_sessions(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let [alice, bob] = world.users(["alice", "bob"]).await;
    let session = log_in(&world, alice).await;
    let stranger = log_in(&world, bob).await;
    let outcome = world.change(Change::SetDisabled { user: alice, at: Some(5) }).await;
    assert_eq!(ended(outcome), [session.session]);
    assert_eq!(sessions(&world, alice).await, []);
    assert_eq!(world.store().session_by_token(&session.token_hash).await.expect("session"), None);
    assert_eq!(sessions(&world, bob).await, [stranger]);
}

/// People were connected until then: the time moves forward only.
pub async fn last_seen_moves_forward_only(harness: &dyn Harness) {
    let world = World::open(harness).await;
    let [alice, bob] = world.users(["alice", "bob"]).await;
    for (at, wanted) in [(100, 100), (300, 300), (200, 300)] {
        assert_eq!(world.change(Change::Seen(vec![(alice, at)])).await, ChangeOutcome::Done);
        assert_eq!(account(&world, alice).await.seen_at, Some(wanted));
    }
    assert_eq!(account(&world, bob).await.seen_at, None);
}
